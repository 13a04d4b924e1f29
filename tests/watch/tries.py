#!/usr/bin/python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""One thing that a thief would try, once; prints "done" or the name of the error.

usage: tries.py WHAT PID|PATH
"""

import ctypes
import errno
import os
import signal
import struct
import sys
import time

libc = ctypes.CDLL(None, use_errno=True)
libc.syscall.restype = ctypes.c_long


def call(number, *args):
    words = [a if isinstance(a, (bytes, ctypes.Array)) else ctypes.c_long(a) for a in args]
    got = libc.syscall(ctypes.c_long(number), *words)
    if got < 0:
        raise OSError(ctypes.get_errno(), "")
    return got


def attach(pid):
    call(101, 16, pid, 0, 0)
    os.waitpid(pid, 0x40000000)
    call(101, 17, pid, 0, 0)


def seize(pid):
    call(101, 0x4206, pid, 0, 0)  # our end detaches it


def hold(pid):
    seize(pid)
    time.sleep(4)


def keep(pid):
    """Stopped, and kept even when it has ended."""
    call(101, 16, pid, 0, 0)
    print("kept", flush=True)
    time.sleep(600)


def start(path):
    """It, and stopped at its first instruction for 4 s."""
    pid = os.fork()
    if pid == 0:
        call(101, 0, 0, 0, 0)
        os.execv(path, [path])
    os.waitpid(pid, 0)
    time.sleep(4)
    os.kill(pid, signal.SIGKILL)
    os.waitpid(pid, 0)


def file(name):
    return lambda pid: os.close(os.open(f"/proc/{pid}/{name}", os.O_RDONLY))


def vectors(number):
    def move(pid):
        here = ctypes.create_string_buffer(8)
        try:
            call(number, pid, struct.pack("QQ", ctypes.addressof(here), 8), 1,
                 struct.pack("QQ", 4096, 8), 1, 0)
        except OSError as e:
            if e.errno != errno.EFAULT:  # it was let in, there is nothing
                raise
    return move


def by_pidfd(number, *more):
    def take(pid):
        pidfd = os.pidfd_open(pid)
        try:
            call(number, pidfd, *more)
        except OSError as e:
            if e.errno != errno.EBADF:  # it was let in, there is none of that number
                raise
    return take


def prlimit(pid):
    call(302, pid, 4, struct.pack("QQ", 0, 0), 0)  # RLIMIT_CORE, as it is


def perf_attr(kind=1, sample=0, path=0, stack=0):
    return struct.pack("IIQQQQQIIQQQQII", kind, 128, 0 if path else 1, 1000 if sample else 0,
                       sample, 0, 1, 0, 0, path, 0x1000 if path else 0, 0, 0, stack,
                       0).ljust(128, b"\0")


def perf(pid):
    os.close(call(298, perf_attr(), pid, -1, -1, 0))


def perf_counts(_):
    os.close(call(298, perf_attr(), -1, 0, -1, 0))


def uprobe(path):
    name = ctypes.create_string_buffer(path.encode())
    with open("/sys/bus/event_source/devices/uprobe/type", encoding="ascii") as f:
        kind = int(f.read())
    os.close(call(298, perf_attr(kind, path=ctypes.addressof(name)), -1, 0, -1, 0))


def bpf(kind):
    def load(_):
        code = ctypes.create_string_buffer(struct.pack("<BBhiBBhi", 0xb7, 0, 0, 0, 0x95, 0, 0, 0))
        licence = ctypes.create_string_buffer(b"GPL")
        attr = struct.pack("IIQQIIQ", kind, 2, ctypes.addressof(code), ctypes.addressof(licence),
                           0, 0, 0).ljust(128, b"\0")
        os.close(call(321, 5, attr, 128))
    return load


def flood(pid):
    for _ in range(20000):
        vectors(310)(pid)


TRIES = {
    "attach": attach, "seize": seize, "hold": hold, "keep": keep,
    "start": start, "mem": file("mem"), "maps": file("maps"),
    "environ": file("environ"), "vm_readv": vectors(310), "vm_writev": vectors(311),
    "pidfd_getfd": by_pidfd(438, 0, 0),
    "madvise": by_pidfd(440, struct.pack("QQ", 0, 0), 1, 20, 0),  # MADV_COLD of nothing
    "move_pages": lambda pid: call(279, pid, 0, 0, 0, 0, 0),
    "kcmp": lambda pid: call(312, os.getpid(), pid, 1, 0, 0), "prlimit": prlimit, "perf": perf,
    "perf_counts": perf_counts, "uprobe": uprobe, "bpf_packets": bpf(1), "bpf_raw": bpf(17),
    "kcore": lambda _: os.close(os.open("/proc/kcore", os.O_RDONLY)), "flood": flood,
    "write": lambda path: os.close(os.open(path, os.O_WRONLY)),
    "kill": lambda pid: os.kill(pid, signal.SIGWINCH),
}


def main():
    what, target = sys.argv[1:]
    try:
        TRIES[what](int(target) if target.isdigit() else target)
        print("done")
    except OSError as e:
        print(errno.errorcode.get(e.errno, e.errno))


main()
