#!/usr/bin/python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""Try what the guard refuses, as root, and print what came of each as JSON.

usage: guard_attacks.py on PID...      what is done to a process
       guard_attacks.py sigio PID...   a signal by way of a file; ends it if it comes
       guard_attacks.py machine        what is done to all of them at once
       guard_attacks.py files PATH...  what is done to a file
       guard_attacks.py objects        BPF objects of the machine, by number
       guard_attacks.py hold           load a raw tracepoint program and keep it

"done", or the name of the error. Nothing is read that is not needed to know.
"""

import ctypes
import errno
import fcntl
import json
import os
import signal
import struct
import sys
import tempfile
import time

libc = ctypes.CDLL(None, use_errno=True)
libc.syscall.restype = ctypes.c_long
BPF, PERF_EVENT_OPEN = 321, 298


def call(number, *args):
    words = [a if isinstance(a, (bytes, ctypes.Array)) else ctypes.c_long(a) for a in args]
    got = libc.syscall(ctypes.c_long(number), *words)
    if got < 0:
        raise OSError(ctypes.get_errno(), "")
    return got


def outcome(attack, *args):
    try:
        attack(*args)
        return "done"
    except OSError as e:
        return errno.errorcode.get(e.errno, str(e.errno))


# ---- on a process

def ptrace(request, pid):
    libc.ptrace.restype = ctypes.c_long
    if libc.ptrace(ctypes.c_long(request), ctypes.c_long(pid), None, None) < 0:
        raise OSError(ctypes.get_errno(), "")


def attach(pid):
    ptrace(16, pid)  # PTRACE_ATTACH
    os.waitpid(pid, 0x40000000)
    ptrace(17, pid)


def seize(pid):
    # A child, whose end detaches it.
    if os.waitstatus_to_exitcode(os.waitpid(child(lambda: ptrace(0x4206, pid)), 0)[1]):
        raise OSError(errno.EPERM, "")


def child(what):
    pid = os.fork()
    if pid == 0:
        code = 1
        try:
            what()
            code = 0
        finally:
            os._exit(code)
    return pid


def opened(name):
    def attack(pid):
        with open(f"/proc/{pid}/{name}", "rb", buffering=0) as file:
            if name != "mem":
                file.read(16)
    return attack


def readlink(pid):
    os.readlink(f"/proc/{pid}/exe")


def vm_readv(pid):
    here = ctypes.create_string_buffer(8)
    local = struct.pack("QQ", ctypes.addressof(here), 8)
    try:
        call(310, pid, local, 1, struct.pack("QQ", 4096, 8), 1, 0)
    except OSError as e:
        if e.errno != errno.EFAULT:  # it was let in, there is nothing
            raise


def pidfd_getfd(pid):
    pidfd = os.pidfd_open(pid)
    try:
        os.close(call(438, pidfd, 0, 0))
    finally:
        os.close(pidfd)


def kcmp(pid):
    call(312, os.getpid(), pid, 1, 0, 0)  # KCMP_VM


def process_madvise(pid):
    pidfd = os.pidfd_open(pid)
    try:
        call(440, pidfd, struct.pack("QQ", 0, 0), 1, 20, 0)  # MADV_COLD of nothing
    finally:
        os.close(pidfd)


def robust_list(pid):
    call(274, pid, ctypes.create_string_buffer(8), ctypes.create_string_buffer(8))


def move_pages(pid):
    call(279, pid, 0, 0, 0, 0, 0)


QUIET = signal.SIGWINCH  # ignored unless a process asks for it


def kill(pid):
    os.kill(pid, QUIET)


def tgkill(pid):
    call(234, pid, pid, QUIET)


def pidfd_signal(pid):
    pidfd = os.pidfd_open(pid)
    try:
        signal.pidfd_send_signal(pidfd, QUIET)
    finally:
        os.close(pidfd)


def prlimit(pid):
    old = ctypes.create_string_buffer(16)
    call(302, pid, 7, 0, old)  # RLIMIT_NOFILE; reading it is nobody's harm
    call(302, pid, 7, old, 0)


def perf_attr(kind=1, config=1, sample=0, more=0, regs=0, stack=0, bits=0):
    attr = struct.pack("IIQQQQQIIQQQQII", kind, 128, config, 1000 if sample else 0, sample, 0,
                       bits | 1, 0, 0, more, 0, 0, regs, stack, 0)
    return attr.ljust(128, b"\0")


def perf(attr, pid, cpu=-1):
    os.close(call(PERF_EVENT_OPEN, attr, pid, cpu, -1, 0))


def perf_on(pid):
    perf(perf_attr(), pid)


ON = {"attach": attach, "seize": seize, "mem": opened("mem"), "maps": opened("maps"),
      "environ": opened("environ"), "pagemap": opened("pagemap"), "syscall": opened("syscall"),
      "auxv": opened("auxv"), "exe": readlink, "process_vm_readv": vm_readv,
      "pidfd_getfd": pidfd_getfd, "kcmp": kcmp, "process_madvise": process_madvise,
      "get_robust_list": robust_list, "move_pages": move_pages, "kill": kill, "tgkill": tgkill,
      "pidfd_send_signal": pidfd_signal, "prlimit": prlimit, "perf": perf_on}


# ---- by way of a file: the one that ends it if it gets through

def sigio(pid):
    ours, theirs = os.pipe()
    fcntl.fcntl(ours, fcntl.F_SETOWN, pid)
    fcntl.fcntl(ours, 10, signal.SIGTERM)  # F_SETSIG
    fcntl.fcntl(ours, fcntl.F_SETFL, os.O_ASYNC | os.O_NONBLOCK)
    os.write(theirs, b"x")
    time.sleep(0.5)
    try:
        with open(f"/proc/{pid}/status") as file:
            ended = "State:\tZ" in file.read()
    except FileNotFoundError:
        ended = True
    if not ended:
        raise OSError(errno.EPERM, "")


# ---- on the machine

def bpf(command, attr):
    return call(BPF, command, attr, len(attr))


EXIT = struct.pack("<BBhiBBhi", 0xb7, 0, 0, 0, 0x95, 0, 0, 0)  # r0 = 0; exit
# bpf_probe_read_user(fp - 8, 8, NULL); r0 = 0; exit
READ_USER = (struct.pack("<BBhi", 0xbf, 0xa1, 0, 0) + struct.pack("<BBhi", 0x07, 1, 0, -8) +
             struct.pack("<BBhi", 0xb7, 2, 0, 8) + struct.pack("<BBhi", 0xb7, 3, 0, 0) +
             struct.pack("<BBhi", 0x85, 0, 0, 112) + EXIT)


def load(kind, code=EXIT):
    text, licence = ctypes.create_string_buffer(code), ctypes.create_string_buffer(b"GPL")
    return bpf(5, struct.pack("IIQQIIQ", kind, len(code) // 8, ctypes.addressof(text),
                              ctypes.addressof(licence), 0, 0, 0).ljust(128, b"\0"))


def loads(kind, code=EXIT):
    return lambda: os.close(load(kind, code))


def event_type(name):
    with open(f"/sys/bus/event_source/devices/{name}/type") as file:
        return int(file.read())


TRACING = "/sys/kernel/tracing"


def probe(name, what):
    """Set it, and take it away again."""
    for line in (f"p:guardtest/x {what}", "-:guardtest/x"):
        fd = os.open(f"{TRACING}/{name}", os.O_WRONLY | os.O_APPEND)
        try:
            os.write(fd, line.encode() + b"\n")
        finally:
            os.close(fd)


def tracefs_write():
    with open(f"{TRACING}/tracing_on", "w") as file:
        file.write("1")


def ftrace(root="/proc"):
    """The sysctl that switches BPF programs at functions of the kernel off; left on."""
    with open(f"{root}/sys/kernel/ftrace_enabled", "w") as file:
        file.write("1")


def ftrace_elsewhere():
    folder = tempfile.mkdtemp()
    if libc.mount(b"proc", folder.encode(), b"proc", 0, None) != 0:
        raise OSError(ctypes.get_errno(), "")
    try:
        ftrace(folder)
    finally:
        libc.umount2(folder.encode(), 2)
        os.rmdir(folder)


def same_again(path):
    def write():
        with open(path) as file:
            text = file.read()
        with open(path, "w") as file:
            file.write(text)
    return write


def perf_uprobe():
    name = ctypes.create_string_buffer(b"/bin/busybox")
    attr = struct.pack("IIQQQQQIIQQ", event_type("uprobe"), 128, 0, 0, 0, 0, 1, 0, 0,
                       ctypes.addressof(name), 0x1000)
    perf(attr.ljust(128, b"\0"), -1, 0)


def perf_tracepoint():
    with open(f"{TRACING}/events/sched/sched_switch/id") as file:
        perf(perf_attr(kind=2, config=int(file.read()), sample=0x400), -1, 0)


def just_open(path):
    return lambda: os.close(os.open(path, os.O_RDONLY))


MACHINE = {
    "perf, user stack": lambda: perf(perf_attr(sample=0x2001, stack=512), -1, 0),
    "perf, user registers": lambda: perf(perf_attr(sample=0x1001, regs=1), -1, 0),
    "perf, call chain": lambda: perf(perf_attr(sample=0x21), -1, 0),
    "perf, tracepoint": perf_tracepoint,
    "perf, uprobe": perf_uprobe,
    "tracefs uprobe": lambda: probe("uprobe_events", "/bin/busybox:0x1000"),
    "tracefs kprobe": lambda: probe("kprobe_events", "do_exit"),
    "tracefs write": tracefs_write,
    "ftrace_enabled": ftrace,
    "ftrace_enabled, another procfs": ftrace_elsewhere,
    "BPF raw tracepoint": loads(17),
    "BPF kprobe": loads(2),
    "BPF perf event": loads(7),
    "BPF tracepoint": loads(5),
    "BPF packet filter that reads user memory": loads(1, READ_USER),
    "kcore": just_open("/proc/kcore"),
    "/dev/mem": just_open("/dev/mem"),
    # what must go on
    "still: perf counts": lambda: perf(perf_attr(), -1, 0),
    "still: perf samples where": lambda: perf(perf_attr(sample=0x7), -1, 0),
    "still: perf on itself": lambda: perf(perf_attr(sample=0x2001, stack=512), 0),
    "still: BPF packet filter": loads(1),
    "still: BPF of a cgroup": loads(8),
    "still: another sysctl": same_again("/proc/sys/kernel/printk"),
    "still: a file of /proc": same_again("/proc/self/oom_score_adj"),
    "still: ftrace_enabled read": just_open("/proc/sys/kernel/ftrace_enabled"),
    "still: tracefs read": just_open(f"{TRACING}/available_events"),
}


# ---- on a file

def mount_over(path):
    if libc.mount(b"/dev/null", path.encode(), None, 4096, None) != 0:
        raise OSError(ctypes.get_errno(), "")
    libc.umount2(path.encode(), 2)


def rename(path):
    os.rename(path, path + ".x")
    os.rename(path + ".x", path)


def replace(path):
    new = path + ".new"
    with open(path, "rb") as old, open(new, "wb") as file:
        file.write(old.read())
    try:
        os.rename(new, path)
    finally:
        if os.path.exists(new):
            os.unlink(new)


def unlink(path):
    os.link(path, path + ".kept")
    try:
        os.unlink(path)
        os.rename(path + ".kept", path)
    finally:
        if os.path.exists(path + ".kept"):
            os.unlink(path + ".kept")


FILES = {"write": lambda p: os.close(os.open(p, os.O_WRONLY)),
         "truncate": lambda p: os.truncate(p, os.stat(p).st_size),
         "chmod": lambda p: os.chmod(p, os.stat(p).st_mode & 0o7777),
         "chown": lambda p: os.chown(p, 0, 0), "utime": os.utime,
         "setxattr": lambda p: os.setxattr(p, "trusted.guardtest", b"1"),
         "rename": rename, "replace": replace, "mount over": mount_over, "unlink": unlink}


# ---- BPF objects

def ids(command):
    at, found = 0, []
    while True:
        attr = ctypes.create_string_buffer(struct.pack("I", at).ljust(128, b"\0"), 128)
        try:
            call(BPF, command, attr, 128)
        except OSError:
            return found
        at = struct.unpack_from("I", attr.raw, 4)[0]
        found.append(at)


def by_id(following, get):
    def got(number):
        os.close(bpf(get, struct.pack("I", number).ljust(128, b"\0")))
    return [outcome(got, number) for number in ids(following)]


def objects():
    return {"programs": by_id(11, 13), "maps": by_id(12, 14), "links": by_id(31, 30)}


def hold():
    fd = load(17)
    print("held", fd, flush=True)
    time.sleep(1000)


def switch():
    """Has the switch open; writes what is to be written once there is a file /tmp/now."""
    with open("/proc/sys/kernel/ftrace_enabled", "w") as file:
        print("held", file.fileno(), flush=True)
        while not os.path.exists("/tmp/now"):
            time.sleep(0.1)
        file.write("0")


def main():
    what, *rest = sys.argv[1:]
    if what in ("hold", "switch"):
        return {"hold": hold, "switch": switch}[what]()
    if what == "on":
        made = {pid: {n: outcome(a, int(pid)) for n, a in ON.items()} for pid in rest}
    elif what == "sigio":
        made = {pid: outcome(sigio, int(pid)) for pid in rest}
    elif what == "machine":
        made = {n: outcome(a) for n, a in MACHINE.items()}
    elif what == "files":
        made = {path: {n: outcome(a, path) for n, a in FILES.items()} for path in rest}
    else:
        made = objects()
    json.dump(made, sys.stdout)


main()
