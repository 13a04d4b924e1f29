# SPDX-License-Identifier: GPL-3.0-or-later
"""Folders, ports and processes that a test makes and takes away again."""

import errno
import glob
import os
import random
import re
import shutil
import signal
import socket
import subprocess
import tempfile
import time

# How much slower than the machine that the limits are for this one is; an
# emulated processor, say. Limits are multiplied by it, rates are not changed.
SLOW = float(os.environ.get("LSAISO_SLOW") or 1)
# Every command has an end. Long enough for a busy CI machine.
PATIENCE = 60


class Failed(Exception):
    """A helper could not do its part; the text says what and why."""


class Folder:
    """A temporary folder that other users can pass through, not list."""

    def __init__(self, name):
        self.path = tempfile.mkdtemp(prefix=f"lsaiso-{name}-")
        os.chmod(self.path, 0o711)

    def __call__(self, *parts):
        return os.path.join(self.path, *parts)

    def make(self, *parts, mode=0o755, owner=None):
        path = self(*parts)
        os.makedirs(path, exist_ok=True)
        os.chmod(path, mode)
        if owner is not None and os.geteuid() == 0:
            os.chown(path, owner, owner)
        return path

    def write(self, name, text, mode=0o644):
        path = self(name)
        with open(path, "w", encoding="utf-8") as f:
            f.write(text)
        os.chmod(path, mode)
        return path

    def remove(self):
        shutil.rmtree(self.path, ignore_errors=True)


_ports = []  # sockets that say which ports are spoken for, until this process ends


def free_port():
    """A loopback port that is free for both TCP and UDP, and nobody's until this process ends.

    Not of the range that clients get theirs from: one of those may take it between
    now and its use, or while its server restarts. Other tests know by a name that is taken."""
    with open("/proc/sys/net/ipv4/ip_local_port_range", encoding="ascii") as f:
        first = int(f.read().split()[0])
    for port in random.sample(range(10240, max(first, 20480)), 100):
        name = socket.socket(socket.AF_UNIX)
        try:
            name.bind(f"\0lsaiso-test-port-{port}")
            with socket.socket() as tcp, socket.socket(type=socket.SOCK_DGRAM) as udp:
                tcp.bind(("127.0.0.1", port))
                udp.bind(("127.0.0.1", port))
        except OSError:
            name.close()
            continue
        _ports.append(name)
        return port
    raise Failed("no free loopback port")


def _starved():
    """Seconds, since the machine began, in which a program waited for a processor."""
    try:
        with open("/proc/pressure/cpu", encoding="ascii") as f:
            return int(f.readline().rsplit("=", 1)[1]) / 1e6
    except OSError:  # a kernel that does not count it
        return 0.0


class Limit:
    """A time to wait: of a machine that has a processor for who wants one. Of a busy one it
    is longer by what programs waited for theirs, up to five times as long."""

    def __init__(self, seconds):
        self.seconds = seconds * SLOW
        self.begin, self.starved = time.monotonic(), _starved()

    def over(self):
        more = min(_starved() - self.starved, 4 * self.seconds)
        return time.monotonic() > self.begin + self.seconds + more


def wait_until(what, check, seconds=20, process=None, log=None):
    """Poll check() until it is true; say what was awaited if it never is."""
    limit = Limit(seconds)
    while True:
        if check():
            return
        if process is not None and process.poll() is not None:
            raise Failed(f"{what}: process ended with {process.returncode}\n{tail(log)}")
        if limit.over():
            raise Failed(f"{what}: not within {limit.seconds} s\n{tail(log)}")
        time.sleep(0.02)


def tail(log, octets=3000):
    if not log or not os.path.exists(log):
        return ""
    with open(log, "rb") as f:
        f.seek(max(0, os.path.getsize(log) - octets))
        return f.read().decode(errors="replace")


def port_answers(port):
    with socket.socket() as s:
        s.settimeout(1)
        return s.connect_ex(("127.0.0.1", port)) == 0


def socket_answers(path):
    with socket.socket(socket.AF_UNIX) as s:
        s.settimeout(1)
        try:
            s.connect(path)
        except OSError:
            return False
        return True


def clean_env(**more):
    """The environment of every program a test starts: nothing of the caller's."""
    env = {
        "PATH": "/usr/sbin:/usr/bin:/sbin:/bin",
        "LC_ALL": "C",
        "HOME": "/nonexistent",
        "TMPDIR": tempfile.gettempdir(),
    }
    # What a sanitized build wants to be told.
    for name in ("ASAN_OPTIONS", "UBSAN_OPTIONS", "LSAN_OPTIONS"):
        if name in os.environ:
            env[name] = os.environ[name]
    env.update(more)
    return env


class Daemon:
    """A program in the foreground, its output in a file, ended by its pid.

    Should this process be killed before it can do that, the kernel ends the
    program (so start daemons in a thread that lives as long as they should).
    """

    def __init__(self, argv, log, env=None, **popen):
        self.argv = argv
        self.log = log
        with open(log, "ab") as out:
            self.process = subprocess.Popen(
                ["setpriv", "--pdeathsig", "TERM", *argv], stdin=subprocess.DEVNULL,
                stdout=out, stderr=out, env=env or clean_env(), start_new_session=True, **popen)
        self.pid = self.process.pid

    def running(self):
        return self.process.poll() is None

    def stop(self, patience=10):
        """TERM, then KILL. Returns the exit status."""
        patience *= SLOW
        tree = [self.pid, *descendants(self.pid)]
        if self.running():
            self.process.terminate()
            try:
                self.process.wait(patience)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait(patience)
        end_processes([p for p in tree if p != self.pid])
        return self.process.returncode


def start_time(pid):
    """Ticks since boot; together with the pid this names one process."""
    try:
        with open(f"/proc/{pid}/stat", "rb") as f:
            return int(f.read().rsplit(b")", 1)[1].split()[19])
    except (OSError, IndexError):
        return None


def children(pid):
    found = []
    for entry in os.listdir("/proc"):
        if not entry.isdigit():
            continue
        try:
            with open(f"/proc/{entry}/stat", "rb") as f:
                fields = f.read().rsplit(b")", 1)[1].split()
        except OSError:
            continue
        if int(fields[1]) == pid and fields[0] != b"Z":
            found.append(int(entry))
    return found


def descendants(pid):
    found = []
    for child in children(pid):
        found += [child, *descendants(child)]
    return found


def alive(pid):
    try:
        with open(f"/proc/{pid}/stat", "rb") as f:
            return f.read().rsplit(b")", 1)[1].split()[0] != b"Z"
    except OSError:
        return False


def end_processes(pids, patience=5):
    """For processes that a daemon of ours left behind."""
    names = [(p, start_time(p)) for p in pids]
    patience *= SLOW
    for sig in (signal.SIGTERM, signal.SIGKILL):
        left = [(p, s) for p, s in names if s is not None and start_time(p) == s and alive(p)]
        for pid, _ in left:
            try:
                os.kill(pid, sig)
            except ProcessLookupError:
                pass
        end = time.monotonic() + patience
        while left and time.monotonic() < end:
            left = [(p, s) for p, s in left if start_time(p) == s and alive(p)]
            time.sleep(0.02)
        if not left:
            return


class Result:
    """What a command answered."""

    def __init__(self, argv, code, out, err, seconds):
        self.argv, self.code, self.out, self.err = argv, code, out, err
        self.seconds = seconds

    @property
    def text(self):
        return self.out + self.err

    def ok(self):
        assert self.code == 0, str(self)
        return self

    def fails(self, *words):
        """Failed, and every one of words is in what it said."""
        assert self.code != 0, str(self)
        for word in words:
            assert word in self.text, f"{word!r} is not in: {self}"
        return self

    def says(self, *words):
        for word in words:
            assert word in self.text, f"{word!r} is not in: {self}"
        return self

    def silent_about(self, *words):
        for word in words:
            assert word not in self.text, f"{word!r} is in: {self}"
        return self

    def __str__(self):
        return f"{' '.join(self.argv)}\n[{self.code}] {self.out}{self.err}"


def run(argv, env=None, stdin="", timeout=PATIENCE, **popen):
    timeout *= SLOW
    started = time.monotonic()
    try:
        done = subprocess.run(argv, env=env or clean_env(), input=stdin, timeout=timeout,
                              stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
                              errors="replace", check=False, **popen)
    except subprocess.TimeoutExpired as e:
        out = (e.stdout or b"").decode(errors="replace")
        err = (e.stderr or b"").decode(errors="replace")
        return Result(argv, -errno.ETIMEDOUT, out, err + f"\n[no end within {timeout} s]",
                      time.monotonic() - started)
    return Result(argv, done.returncode, done.stdout, done.stderr, time.monotonic() - started)


def program(*names):
    """The path of the first of names that is installed, or None."""
    for name in names:
        path = shutil.which(name, path="/usr/sbin:/usr/bin:/sbin:/bin:/usr/lib/apache2")
        if path:
            return path
    return None


FAKETIME = next(iter(glob.glob("/usr/lib/*/faketime/libfaketime.so.1")), None)


def clock_off_by(away):
    """The environment of a program whose clock is off ("+10m"); needs FAKETIME. Without the
    program faketime, which leaves semaphores behind that a later one of its pid stumbles over."""
    return {"LD_PRELOAD": FAKETIME, "FAKETIME": away}


def octets_in_status(pid, field="VmRSS"):
    with open(f"/proc/{pid}/status", encoding="ascii") as f:
        match = re.search(rf"^{field}:\s+(\d+) kB", f.read(), re.M)
    return int(match.group(1)) * 1024 if match else 0


def descriptors(pid):
    return len(os.listdir(f"/proc/{pid}/fd"))
