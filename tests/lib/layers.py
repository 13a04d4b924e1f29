# SPDX-License-Identifier: GPL-3.0-or-later
"""What each layer of lsawatch's sensors sees alone: violations of every row that can be made in a
moment, made by real programs, with only that layer on. tests/watch/layers prints the table.
"""

import os
import shutil
import signal
import subprocess
import sys
import time
from dataclasses import dataclass

from . import attacks, instance, proc
from .standin import StandIn
from .thief import TRIES, Thief
from .watching import WatchedInstance

LAYERS = ("bpf", "trace", "audit", "events", "sweep")
SEEN, NAMELESS, BLIND, NA = "seen", "no actor", "–", "n/a"
NOBODY = 64999
SETTLE = 4 if proc.SLOW <= 1 else 6  # seconds, at the end: looks of the sweep, and timers


# Seen though the kind of sight is not shown as a whole.
MORE = {("audit", "memory-look"): "of looks it sees kcmp alone"}


class Cannot(Exception):
    """This machine has not what it takes."""


@dataclass(frozen=True)
class Violation:
    row: str
    text: str
    rules: tuple  # any of them
    make: object  # called with a world; the pid of who did it, or None
    world: str = "real"


@dataclass
class World:
    """Who is watched, and what a violation needs."""

    watched: object
    folder: object

    def pid(self, part):
        proc.wait_until(part, lambda: self.watched.pid(part), log=self.watched.log)
        return self.watched.pid(part)

    def attempt(self, what, target, user=None):
        thief = Thief([sys.executable, TRIES, what, target], user=user)
        code, said = thief.done()
        if code != 0 or said in ("ENOSYS", "ENOENT", "ENODEV"):
            raise Cannot(said)
        return thief.pid


def tried(what, part="lsaiso", user=None):
    return lambda world: world.attempt(what, world.pid(part), user)


def on_machine(what, target):
    return lambda world: world.attempt(what, target)


def robbed(name):
    def rob(world):
        out = os.path.join(world.folder.path, name)
        thief = Thief([attacks.by_name(name).program, world.pid("lsaiso"), out], THEFT_SECONDS="1")
        code, said = thief.done()
        if os.path.exists(out):
            os.unlink(out)
        if code == attacks.EXIT_CANNOT:
            raise Cannot(said)
        return thief.pid
    return rob


def killed(part, number, again=None):
    """By a program of its own, which is the actor."""
    def kill(world):
        thief = Thief(["/bin/sh", "-c", f"kill -{number} $0", world.pid(part)])
        thief.done()
        if again:
            time.sleep(SETTLE)
            os.kill(world.pid(part), again)
        return thief.pid
    return kill


def started(name, seconds):
    """A program of that name which is another one."""
    def start(world):
        path = os.path.join(world.folder.make("impostors"), name)
        shutil.copy(proc.program("sleep"), path)
        with subprocess.Popen([path, str(seconds)], env=proc.clean_env()) as one:
            return one.pid
    return start


def does(part, deed, *how):
    """A stand-in does it itself."""
    def do(stand):
        if how:
            if part in stand.pids:
                stand.end(part)
            stand.start(part, *how)
            time.sleep(1)  # lsawatch is told of it
        if deed:
            stand.tell(part, deed)
    return do


VIOLATIONS = [
    Violation("memory_access", "ptrace, attached for 4 s", ("memory-attach",), tried("hold")),
    Violation("memory_access", "ptrace, attached and left at once", ("memory-attach",),
              tried("attach")),
    Violation("memory_access", "/proc/PID/mem", ("memory-read",), tried("mem")),
    Violation("memory_access", "... through a second procfs", ("memory-read",),
              robbed("second_procfs")),
    Violation("memory_access", "... by io_uring", ("memory-read",), robbed("io_uring")),
    Violation("memory_access", "process_vm_readv", ("memory-read",), tried("vm_readv")),
    Violation("memory_access", "process_vm_writev", ("memory-attach",), tried("vm_writev")),
    Violation("memory_access", "pidfd_getfd", ("memory-descriptor",), tried("pidfd_getfd")),
    Violation("memory_access", "process_madvise", ("memory-read",), tried("madvise")),
    Violation("memory_access", "kcmp", ("memory-look",), tried("kcmp")),
    Violation("memory_access", "/proc/PID/maps, as lsof reads it", ("memory-look",),
              tried("maps")),
    Violation("memory_access", "perf event on it", ("memory-perf",), tried("perf")),
    Violation("memory_access", "uprobe in its file", ("memory-probe",),
              lambda world: world.attempt("uprobe", instance.program("lsaiso"))),
    Violation("memory_access", "BPF program that traces", ("memory-bpf",),
              on_machine("bpf_raw", 0)),
    Violation("memory_access", "/proc/kcore", ("memory-kernel",), on_machine("kcore", 0)),
    Violation("memory_access", "ptrace by an ordinary user, refused", ("memory-refused",),
              tried("attach", user=NOBODY)),
    Violation("memory_access", "/proc/PID/mem by an ordinary user, refused", ("memory-refused",),
              tried("mem", user=NOBODY)),
    Violation("memory_access", "its resource limits", ("memory-limits",),
              tried("prlimit", part="lsass")),
    Violation("instances", "a program of its name, for 4 s", ("impostor-name",),
              started("lsaiso", 4)),
    Violation("instances", "a program of its name, for 20 ms", ("impostor-name",),
              started("lsass", 0.02)),
    Violation("parent_process", "its program, started by somebody else, for 4 s",
              ("parent-foreign",), lambda world: world.attempt("start",
                                                               instance.program("lsaiso"))),
    Violation("stability", "a signal", ("stability-signal",), killed("lsass", "CONT")),
    Violation("stability", "SIGSTOP, for 4 s", ("stability-stopped",),
              killed("lsass", "STOP", signal.SIGCONT)),
    Violation("stability", "SIGKILL", ("stability-killed",), killed("lsass", "KILL")),
    Violation("stability", "SIGSEGV, sent", ("stability-killed", "stability-crashed"),
              killed("lsass", "SEGV")),
    Violation("user_account", "another user", ("user-changed",),
              does("lsass", "setuid 0", f"caps={1 << 7:#x}"), "stand-in"),
    Violation("user_account", "a capability", ("user-capabilities",),
              does("lsaiso", "", f"caps={1 << 13:#x}"), "stand-in"),
    Violation("network_activity", "a socket", ("network-socket",),
              does("lsaiso", "socket tcp"), "stand-in"),
    Violation("resource_usage", "100 MiB of memory", ("resource-memory",),
              does("lsaiso", "grow 100"), "stand-in"),
    Violation("handles_threads", "a descriptor", ("handles-extra",),
              does("lsaiso", "leak pipe 1"), "stand-in"),
    Violation("handles_threads", "a thread", ("handles-thread",), does("lsaiso", "thread 1"),
              "stand-in"),
    Violation("handles_threads", "memory to write and to execute", ("handles-executable",),
              does("lsaiso", "map rwx"), "stand-in"),
]


def judged(found, violation, actor, before):
    """SEEN, NAMELESS or BLIND."""
    best = BLIND
    for one in found:
        if one["number"] <= before or one["rule"] not in violation.rules:
            continue
        by, parent = (one.get("actor", {}).get(name) for name in ("pid", "parent"))
        # Without an actor it must at least be about us, and not about a namesake elsewhere.
        if (by is not None and actor in (by, parent)) or violation.world != "real":
            return SEEN
        if by is None and "part" in one:
            best = NAMELESS
    return best


def run_on(watched, world, violations):
    """{text: cell} of all, made one after the other."""
    made, cells = [], {}
    for one in violations:
        before = watched.watch.last()
        try:
            made.append((one, one.make(world), before))
        except (Cannot, proc.Failed) as e:
            cells[one.text] = NA
            print(f"{one.text}: cannot be tried: {e}", file=sys.stderr)
        time.sleep(0.3)
    time.sleep(SETTLE)
    found = watched.watch.findings()
    for one, actor, before in made:
        cells[one.text] = judged(found, one, actor, before)
    return cells


def run_layer(realm, layer):
    """What this layer alone sees: cells, what it says it is blind for, and why if it is not open."""
    settings = {"watch": {"layers": layer}, "isolation": {"guard": "off"}}
    with WatchedInstance(realm, settings) as watched:
        folder = watched.folder
        status = watched.watch.status()
        open_ones = [one for one in status["sensors"] if one["shows"]]
        why = {one["name"]: one["why"] for one in status["sensors"] if one["layer"] == layer}
        if not open_ones:
            return {"cells": {}, "blind": status["blind"], "why": why}
        cells = run_on(watched, World(watched, folder),
                       [one for one in VIOLATIONS if one.world == "real"])
    with StandIn({"watch": {"layers": layer}}) as stand:
        stand.start("lsaiso")
        time.sleep(1)
        # None of them undoes what another did.
        cells |= run_on(stand, stand, [one for one in VIOLATIONS if one.world == "stand-in"])
    return {"cells": cells, "blind": status["blind"], "why": why}


def wrong(result):
    """Where a layer says other than what was: lines for people."""
    lines = []
    for layer, one in result.items():
        cells = one["cells"]
        for rule in sorted({v.rules[0] for v in VIOLATIONS}) if cells else ():
            told = [cells.get(v.text, NA) for v in VIOLATIONS if v.rules[0] == rule]
            seen = any(cell in (SEEN, NAMELESS) for cell in told)
            if all(cell == NA for cell in told):
                continue
            if seen and rule in one["blind"] and (layer, rule) not in MORE:
                lines.append(f"{layer}: {rule} was seen, and Status has it as blind")
            if not seen and rule not in one["blind"]:
                lines.append(f"{layer}: {rule} was not seen, and Status does not have it as blind")
    return lines


def column(text, layer):
    """{text: cell} of a layer in such a table."""
    rows = [[cell.strip() for cell in line.strip("|").split("|")]
            for line in text.splitlines() if line.startswith("| ")]
    at = rows[0].index(layer)
    return {row[1]: row[at] for row in rows[1:]}


def as_markdown(result):
    layers = [layer for layer in LAYERS if layer in result]
    lines = ["| row | what was done | " + " | ".join(layers) + " |",
             "|---|---|" + "---|" * len(layers)]
    for one in VIOLATIONS:
        cells = [result[layer]["cells"].get(one.text, NA) for layer in layers]
        lines.append(f"| {one.row} | {one.text} | " + " | ".join(cells) + " |")
    return "\n".join(lines) + "\n"
