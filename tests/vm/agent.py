# SPDX-License-Identifier: GPL-3.0-or-later
"""In the guest: runs what tests/lib/vm.py asks for, one command at a time.

A message is a length (4 octets, big-endian) and as much JSON; octets travel as
base64. Request {argv | text, env, timeout, input}; answer {code, out, late}.
A command that is late is killed with everything that it started.
"""

import base64
import json
import os
import signal
import struct
import subprocess
import sys


def port():
    """The port's name as a link is udev's work; there is none here."""
    for name in os.listdir("/sys/class/virtio-ports"):
        with open(f"/sys/class/virtio-ports/{name}/name", encoding="ascii") as f:
            if f.read().strip() == "agent":
                return f"/dev/{name}"
    sys.exit("guest: no port for the agent")


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


def carry_out(ask):
    argv = ask.get("argv") or ["/bin/sh", "-c", ask["text"]]
    env = dict(os.environ, **ask.get("env", {}))
    try:
        child = subprocess.Popen(argv, env=env, stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                                 stderr=subprocess.STDOUT, start_new_session=True,
                                 cwd=ask.get("cwd", "/"))
    except OSError as e:
        return {"code": 127, "out": base64.b64encode(str(e).encode()).decode(), "late": False}
    late = False
    try:
        out, _ = child.communicate(base64.b64decode(ask.get("input", "")), ask["timeout"])
    except subprocess.TimeoutExpired:
        late = True
        os.killpg(child.pid, signal.SIGKILL)
        try:
            out, _ = child.communicate(timeout=5)
        except subprocess.TimeoutExpired as e:  # somebody else has its output open
            out = e.stdout or b""
    return {"code": child.returncode, "out": base64.b64encode(out).decode(), "late": late}


def main():
    fd = os.open(port(), os.O_RDWR)
    put(fd, struct.pack(">I", 2) + b"{}")  # ready
    while True:
        size, = struct.unpack(">I", exactly(fd, 4))
        answer = json.dumps(carry_out(json.loads(exactly(fd, size)))).encode()
        put(fd, struct.pack(">I", len(answer)) + answer)


main()
