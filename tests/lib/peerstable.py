# SPDX-License-Identifier: GPL-3.0-or-later
"""Keys recovered by root, technique by peer: measured here, printed by
tests/theft/peers, judged by it and by test_peers.py.

One technique is one row. A cell says which of the holder's secrets came out of
everything that the technique read of all its processes, files or traffic.
"""

import os
import re
import resource
from dataclasses import dataclass, field

from . import attacks, holders, proc

FOUND, HELD, NA = "found", "held", "n/a"


@dataclass
class Cell:
    state: str
    letters: str = ""
    held: int = 0
    why: str = ""

    def __str__(self):
        if self.state == FOUND:
            return f"{len(self.letters)} of {self.held} {self.letters}" if self.held else "let in"
        return {HELD: "-", NA: "n/a"}[self.state]


def found(holder, letters, why=""):
    return Cell(FOUND if letters else HELD, "".join(sorted(letters)), len(holder.secrets), why)


# ---- techniques: each takes a holder, returns a Cell

def files(holder):
    return found(holder, holder.files(), holder.keeps_files)


def steal(*names):
    """The attacks of these names on every process of the holder, until one of
    them has all of its secrets."""
    def technique(holder):
        if not holder.pids:
            return Cell(NA, why=holder.why["memory"])
        got, why, tried = set(), [], 0
        for name in names:
            if len(got) < len(holder.secrets):
                more, said, count = _steal(holder, attacks.by_name(name))
                got, why, tried = got | more, why + said, tried + count
        if not tried:
            return Cell(NA, why="; ".join(why))
        return found(holder, got, "; ".join(why))
    return technique


def _steal(holder, attack):
    """(letters, what was said, of how many processes it could be tried)"""
    paths, why, tried = [], [], 0
    with holders.proc_folder("loot") as folder:
        # Children first: they may end with their parent.
        for pid in sorted(holder.pids, reverse=True):
            outcome = attacks.run(attack, pid, folder.path)
            why.append(outcome.why)
            tried += outcome.state != attacks.CANNOT
            paths += [outcome.path] if outcome.path else []
        with holders.Loot(paths) as loot:
            return holder.recover(loot), why, tried


def inject(holder):
    if "inject" in holder.why:
        return Cell(NA, why=holder.why["inject"])
    own = holder.inject()
    if own is not None:
        return found(holder, own, "gdb calls system() in a process of the owner")
    return steal("inject_write", "inject_copy")(holder)


def traffic(holder):
    octets = holder.traffic()
    if octets is None:
        return Cell(NA, why=holder.why["traffic"])
    return found(holder, holder.recover([octets]), f"{len(octets)} octets")


def replay(holder):
    if "replay" in holder.why:
        return Cell(NA, why=holder.why["replay"])
    taken, said = holder.replay()
    return Cell(FOUND if taken else HELD, why=said)


def after_log_off(holder):
    holder.log_off()
    letters = set(files(holder).letters)
    if holder.pids:
        letters |= set(steal("proc_mem")(holder).letters)
    return found(holder, letters, f"after {holder.log_off_is}")


@dataclass(frozen=True)
class Technique:
    name: str
    do: object
    deadly: bool = False     # on a holder of its own


# In this order: the last one of the first holder logs off.
TECHNIQUES = [
    Technique("files (keyring: root's keyctl)", files),
    Technique("/proc/PID/mem", steal("proc_mem")),
    Technique("process_vm_readv", steal("vm_readv")),
    Technique("mem in a second procfs", steal("second_procfs")),
    Technique("mem by io_uring", steal("io_uring")),
    Technique("PTRACE_PEEKDATA", steal("peek")),
    Technique("gcore", steal("gcore")),
    Technique("core dump by a signal", steal("core_signal"), deadly=True),
    Technique("code injected by ptrace", inject),
    Technique("traffic to the clients", traffic),
    Technique("what was stolen, used at the KDC", replay),
    Technique("memory and files after log-off", after_log_off),
]


@dataclass
class Column:
    """One holder's results."""

    name: str
    packages: tuple
    secrets: dict = field(default_factory=dict)    # letter: name
    cells: dict = field(default_factory=dict)      # technique's name: Cell
    skipped: str = ""
    notes: list = field(default_factory=list)


def measure(kind, make, techniques=None, progress=lambda *_: None):
    """Every technique against holders of one kind. make() makes one."""
    column = Column(kind.name, kind.packages)
    for deadly in (False, True):
        mine = [t for t in techniques or TECHNIQUES if t.deadly == deadly]
        if not mine:
            continue
        try:
            holder = make()
        except (proc.Failed, OSError) as e:
            column.skipped = f"{e}".strip()
            progress(kind.name, "", column.skipped)
            return column
        with holder:
            holder.dies = deadly
            column.secrets = {k: s.name for k, s in holder.secrets.items()}
            column.notes = column.notes or holder.notes()
            for technique in mine:
                column.cells[technique.name] = technique.do(holder)
                progress(kind.name, technique.name, column.cells[technique.name])
    return column


def complaints(columns):
    """What must not come out of a run."""
    said = []
    for technique in TECHNIQUES:
        cells = {c.name: c.cells.get(technique.name) for c in columns if not c.skipped}
        if cells and not any(cell and cell.state == FOUND for cell in cells.values()):
            said.append(f"{technique.name}: finds nothing anywhere, so it proves nothing")
        ours = cells.get("lsaiso")
        if ours and technique.do is not inject and ("T" in ours.letters or (
                technique.do is replay and ours.state == FOUND)):
            said.append(f"lsaiso, {technique.name}: the TGT's key was found ({ours.why})")
    return said


# ---- for people

def versions(columns):
    """{package: version}, of all that was robbed"""
    names = sorted({p for c in columns for p in c.packages} - {"heimdal-kcm"})
    done = proc.run(["dpkg-query", "-W", "-f", "${Package} ${Version}\n", *names])
    found_ = dict(line.split() for line in done.out.splitlines())
    if any("heimdal-kcm" in c.packages for c in columns):
        # Unpacked, not installed: its libraries come from the same source.
        done = proc.run(["dpkg-query", "-W", "-f", "${Version}", "libkrb5-26-heimdal"])
        found_["heimdal-kcm"] = done.out
    return found_


CAPABILITIES = {19: "CAP_SYS_PTRACE", 21: "CAP_SYS_ADMIN", 24: "CAP_SYS_RESOURCE"}


def root_lacks():
    """Which of the capabilities that attacks use root does not have here."""
    with open("/proc/self/status", encoding="ascii") as f:
        have = int(next(line for line in f if line.startswith("CapEff")).split()[1], 16)
    return [name for bit, name in CAPABILITIES.items() if not have >> bit & 1]


def let_cores_be():
    """What is started from now on dumps core when it is told to: root may raise
    that limit of a running process only with CAP_SYS_RESOURCE."""
    hard = resource.getrlimit(resource.RLIMIT_CORE)[1]
    resource.setrlimit(resource.RLIMIT_CORE, (hard, hard))


def version():
    """Of lsaiso, as meson.build has it."""
    tree = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..")
    with open(os.path.join(tree, "meson.build"), encoding="utf-8") as f:
        return re.search(r"^  version: '(.*)',$", f.read(), re.M)[1]
