# SPDX-License-Identifier: GPL-3.0-or-later
"""In the guest: runs what tests/lib/vm.py asks for, one command at a time.

A message is a length (4 octets, big-endian) and as much JSON; octets travel as
base64. Request {argv | text, env, timeout, input, stream}; answer {code, out, late}.
Before it, if stream is true, come messages {part} with the output as it is made, and
out is empty. A command that is late is killed with everything that it started.
"""

import base64
import contextlib
import json
import os
import signal
import struct
import subprocess
import sys
import threading
import time


def ports():
    """{name: device}, with links to them as udev makes them; there is none here. A port
    has its name a moment after it is there; the agent's is the last that QEMU tells of."""
    for _ in range(100):
        found = {}
        for device in os.listdir("/sys/class/virtio-ports"):
            with contextlib.suppress(OSError):
                with open(f"/sys/class/virtio-ports/{device}/name", encoding="ascii") as f:
                    found[f.read().strip()] = device
        if "agent" in found:
            break
        time.sleep(0.05)
    else:
        sys.exit("guest: no port for the agent")
    os.makedirs("/dev/virtio-ports", exist_ok=True)
    for name, device in found.items():
        os.symlink(f"../{device}", f"/dev/virtio-ports/{name}")
    return found


def exactly(fd, n):
    got = b""
    while len(got) < n:
        more = os.read(fd, n - len(got))
        if not more:
            sys.exit(0)
        got += more
    return got


def put(fd, octets):
    while octets:
        octets = octets[os.write(fd, octets[:65536]):]


class Stream:
    """What a command prints, told as it comes."""

    def __init__(self, fd):
        self.fd = fd
        self.from_child, self.of_child = os.pipe()
        self.lock = threading.Lock()
        self.over = False
        self.thread = threading.Thread(target=self.pass_on, daemon=True)

    def begun(self):
        os.close(self.of_child)
        self.thread.start()

    def pass_on(self):
        while True:
            octets = os.read(self.from_child, 65536)
            with self.lock:
                if not octets or self.over:
                    break
                answer(self.fd, {"part": base64.b64encode(octets).decode()})
        os.close(self.from_child)

    def end(self):
        """Everything is told; but not what others say that have it open still."""
        self.thread.join(5)
        with self.lock:
            self.over = True


def carry_out(fd, ask):
    stream = Stream(fd) if ask.get("stream") else None
    argv = ask.get("argv") or ["/bin/sh", "-c", ask["text"]]
    env = dict(os.environ, **ask.get("env", {}))
    try:
        child = subprocess.Popen(argv, env=env, stdin=subprocess.PIPE,
                                 stdout=stream.of_child if stream else subprocess.PIPE,
                                 stderr=subprocess.STDOUT, start_new_session=True,
                                 cwd=ask.get("cwd", "/"))
    except OSError as e:
        return {"code": 127, "out": base64.b64encode(str(e).encode()).decode(), "late": False}
    finally:
        if stream:
            stream.begun()
    late = False
    try:
        out, _ = child.communicate(base64.b64decode(ask.get("input", "")), ask["timeout"])
    except subprocess.TimeoutExpired:
        late = True
        os.killpg(child.pid, signal.SIGKILL)
        try:
            out, _ = child.communicate(timeout=5)
        except subprocess.TimeoutExpired as e:  # somebody else has its output open
            out = e.stdout
    if stream:
        stream.end()
    return {"code": child.returncode, "out": base64.b64encode(out or b"").decode(), "late": late}


def answer(fd, message):
    octets = json.dumps(message).encode()
    put(fd, struct.pack(">I", len(octets)) + octets)


def main():
    fd = os.open(f"/dev/{ports()['agent']}", os.O_RDWR)
    answer(fd, {})  # ready
    while True:
        size, = struct.unpack(">I", exactly(fd, 4))
        answer(fd, carry_out(fd, json.loads(exactly(fd, size))))


main()
