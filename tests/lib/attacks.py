# SPDX-License-Identifier: GPL-3.0-or-later
"""The attacks of tests/theft/attacks, numbered, and how one is run.

Each is a program of its own: aNN_name PID OUT writes what it could read of the
process to OUT and exits with 0 (it worked: judge OUT), 1 (refused), 77 (cannot
be tried on this machine). It says why in one line on stderr. tests/theft runs
them against a plain process and against lsaiso, `make theft-peers` against the
other keepers of credentials.
"""

import mmap
import os
import subprocess
from dataclasses import dataclass, field

from . import instance, proc

READ, REFUSED, CANNOT = "read", "refused", "cannot"
WORKED, EXIT_CANNOT = 0, 77


# What watches a process from inside sees of lsavmm that it waits for its machine.
NOT_INSIDE = (("vm-ordinary", "held"),)
# A KVM without hardware behind it runs the machine as ring 3 of its own: perf, on the
# processor, sees registers and stack of what is in the machine. What a sample hits is luck.
PARAVIRTUAL = (("vm-ordinary", ""), ("vm", ""))


def paravirtual():
    """Is there a KVM, and neither SVM nor VMX?"""
    with open("/proc/cpuinfo", encoding="ascii", errors="replace") as f:
        words = f.read().split()
    return os.path.exists("/dev/kvm") and "svm" not in words and "vmx" not in words


@dataclass(frozen=True)
class Attack:
    number: int
    file: str           # aNN_file; C ones are in the build folder
    name: str           # for people, in tables
    threat: str         # of docs/threat-model.md
    kind: str           # read, inject, trace, launch, file, machine
    needs: str = ""     # what the machine must have
    deadly: bool = False    # the target dies of it
    load: bool = False      # the target must be at work meanwhile
    alters: bool = False    # it changes the machine: only where that is ours, in the guest
    logons: bool = False    # people must log on meanwhile
    target: str = "lsaiso"  # which of our processes
    same_as: str = ""       # it is this program (aNN_name), used elsewhere
    ordinary: str = ""      # what is expected where it is not as its kind: see expected()
    process: str = ""
    level: str = ""         # it is for this isolation level alone, and proves itself there
    vm: tuple = ()          # the same for columns of level vm: pairs
    by_pages: bool = False  # it finds memory by the pages that the process has

    @property
    def label(self):
        return f"A{self.number:02}"

    def expected(self, column):
        """What must come out (held, FOUND) in a column of lib/robbery.py.

        Who reads from outside gets nothing of secret memory. Who makes the
        process itself do it gets everything, unless the guard refuses that.
        """
        if column == "plain":
            return "FOUND"
        if column.startswith("vm"):
            return dict(self.vm).get(column, self.expected_vm(column))
        if column == "ordinary" and self.ordinary:
            return self.ordinary
        if column == "process" and self.process:
            return self.process
        inside = self.kind in ("inject", "trace")
        return "FOUND" if column == "ordinary" or (inside and column == "process") else "held"

    def expected_vm(self, column):
        """Ordinary memory of a machine is ordinary memory. guest_memfd is not
        mapped by anybody; who drives the monitor has the machine copy it out."""
        if column == "vm-ordinary":
            return self.ordinary or "FOUND"
        return "FOUND" if column == "vm" and self.level == "vm" else "held"

    @property
    def program(self):
        name = self.same_as or f"a{self.number:02}_{self.file}"
        here = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "theft", "attacks")
        script = os.path.abspath(os.path.join(here, name))
        if os.path.exists(script):
            return script
        return os.path.join(instance.build_folder(), "tests", "theft", "attacks", name)


@dataclass
class Outcome:
    """What one attack came to. "read" is not yet FOUND: that is the judge's word."""

    state: str
    path: str | None = None
    why: str = ""
    seconds: float = 0
    more: dict = field(default_factory=dict)


ATTACKS = [
    # Reading by system calls on the target.
    Attack(1, "proc_mem", "/proc/PID/mem", "T02", "read"),
    Attack(2, "second_procfs", "mem in a second procfs", "T02", "read", "mounts"),
    Attack(3, "io_uring", "io_uring read of mem", "T02", "read", "io_uring"),
    Attack(4, "vm_readv", "process_vm_readv", "T02", "read"),
    Attack(5, "peek", "PTRACE_PEEKDATA", "T02", "read"),
    Attack(6, "gdb", "gdb: dump memory", "T02", "read", "gdb"),
    Attack(7, "gcore", "gcore", "T03", "read", "gdb"),
    Attack(8, "fd_reopen", "/proc/PID/fd opened again", "T02", "read", ordinary="held"),
    Attack(9, "pidfd_getfd", "pidfd_getfd and mmap", "T02", "read", ordinary="held"),
    Attack(10, "map_files", "/proc/PID/map_files", "T02", "read", ordinary="held"),
    Attack(11, "core_signal", "core dump by signal", "T03", "read", deadly=True, ordinary="held"),
    Attack(13, "bpf_task", "BPF iterator, copy_from_user_task", "T02", "read", "BPF"),
    # The memory of the machine.
    Attack(12, "swap", "swapped out and read there", "T02", "machine", "a block device",
           alters=True, ordinary="held"),
    Attack(14, "bpf_direct", "BPF, the kernel's direct map", "T02", "machine", "BPF", load=True,
           by_pages=True),
    Attack(15, "kcore", "/proc/kcore", "T02", "machine", "kcore", by_pages=True),
    Attack(16, "dev_mem", "/dev/mem", "T02", "machine", "/dev/mem"),
    Attack(17, "hibernation", "image for hibernation", "T02", "machine", "hibernation",
           alters=True),
    # Code of the thief, or the thief's debugger, in the target's own context.
    Attack(18, "inject_write", "ptrace: inject write(2)", "T07", "inject"),
    Attack(35, "inject_mmap", "ptrace: inject mmap of descriptors", "T07", "inject",
           process="held", ordinary="held"),
    Attack(19, "inject_copy", "ptrace: inject a copy", "T07", "inject"),
    Attack(36, "drive_monitor", "ptrace: drive its machine's monitor", "T07", "inject",
           level="vm"),
    Attack(37, "guard_off", "ptrace, with kernel.ftrace_enabled = 0", "T07", "inject",
           alters=True),
    Attack(20, "code_patch", "code patched by /proc/PID/mem", "T07", "inject", load=True),
    Attack(21, "registers", "ptrace: registers, step by step", "T07", "trace", load=True,
           vm=NOT_INSIDE),
    Attack(22, "bpf_probe", "BPF, probe_read_user", "T07", "trace", "BPF", load=True),
    Attack(23, "perf_cpu", "perf, every processor: stacks", "T07", "trace", "perf", load=True,
           vm=PARAVIRTUAL if paravirtual() else NOT_INSIDE),
    Attack(24, "perf_pid", "perf, the process: stacks", "T07", "trace", "perf", load=True,
           vm=NOT_INSIDE),
    Attack(25, "uprobe_trace", "uprobe by tracefs", "T07", "trace", "tracefs", load=True),
    Attack(26, "uprobe_perf", "uprobe by perf: stacks", "T07", "trace", "perf", load=True),
    Attack(27, "eprobe", "event probe by tracefs", "T07", "trace", "tracefs", load=True,
           vm=NOT_INSIDE),
    # At a start: the thief is there first.
    Attack(28, "preload", "LD_PRELOAD", "T22", "launch", ordinary="held"),
    Attack(29, "trace_launch", "ptrace from its first instruction", "T07", "launch",
           process="FOUND"),
    Attack(30, "early_mem", "mem opened before it hardens", "T02", "launch"),
    Attack(31, "armed_before", "uprobe armed before the start", "T07", "launch", "perf",
           load=True, process="FOUND"),
    Attack(32, "replaced", "program file replaced", "T22", "launch", ordinary="held"),
    # What passes by.
    Attack(33, "broker_memory", "memory of lsass", "T21", "data", target="lsass",
           same_as="a01_proc_mem", ordinary="held"),
    Attack(34, "mailbox", "the channel, watched during logons", "T21", "data", logons=True,
           process="FOUND", vm=(("vm", "FOUND"),)),
]


def by_name(file):
    return next(a for a in ATTACKS if a.file == file)


def run(attack, pid, folder, patience=120, **env):
    """Run attack against pid; OUT goes to folder (a path). Returns an Outcome.
    The caller removes Outcome.path when it has been judged."""
    path = os.path.join(folder, f"{attack.label}-{pid}")
    try:
        done = proc.run([attack.program, str(pid), path], timeout=patience,
                        env=proc.clean_env(**env))
    except (OSError, subprocess.SubprocessError) as e:
        return Outcome(CANNOT, None, str(e))
    lines = done.err.strip().splitlines() or [f"exit {done.code}"]
    state = {WORKED: READ, EXIT_CANNOT: CANNOT}.get(done.code, REFUSED)
    if state != READ and os.path.exists(path) and os.path.getsize(path) == 0:
        os.unlink(path)
    # What was read before a refusal counts all the same.
    kept = path if os.path.exists(path) else None
    return Outcome(state, kept, lines[-1], done.seconds)


def holds(path, needles):
    """Does this file hold any of needles? (None: there is no file.)"""
    if path is None or os.path.getsize(path) == 0:
        return False
    with open(path, "rb") as f, mmap.mmap(f.fileno(), 0, access=mmap.ACCESS_READ) as octets:
        return any(octets.find(n) >= 0 for n in needles)


class Plain:
    """The process that every attack must first succeed against; it is kept at work."""

    def __init__(self, folder, memory="ordinary", program=None, again=False, **env):
        """again: a shell starts another when it has died."""
        self.file = os.path.join(folder, f"secret-{id(self)}")
        argv = [program or os.path.join(instance.build_folder(), "tests", "theft", "plain"),
                self.file, memory]
        if again:
            argv = ["/bin/sh", "-c", 'while :; do "$0" "$1" "$2"; done', *argv]
        self.again = again
        self.process = subprocess.Popen(
            argv, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL,
            env=proc.clean_env(**env), start_new_session=True, cwd=folder)
        self.learn()

    def learn(self):
        """It has started, and the secret is there: take it."""
        self.ask()
        self.pid = proc.children(self.process.pid)[0] if self.again else self.process.pid
        with open(self.file, "rb") as f:
            self.secret = f.read()
        os.unlink(self.file)

    def ask(self):
        """One request, answered."""
        self.process.stdin.write(bytes(32))
        self.process.stdin.flush()
        return self.process.stdout.read(32)

    @property
    def needles(self):
        """Either half counts."""
        return [self.secret[:16], self.secret[16:]]

    def alive(self):
        return self.process.poll() is None

    def stop(self):
        own = proc.children(self.process.pid) if self.again else []
        if self.alive():
            self.process.kill()
        self.process.wait(10)
        self.process.stdin.close()
        self.process.stdout.close()
        proc.end_processes(own)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.stop()
