# SPDX-License-Identifier: GPL-3.0-or-later
"""The matrix of tests/theft/matrix: measured, compared with what is expected,
written for people. A result is a dictionary that JSON can carry, because it
may come out of the guest."""

import json
import os
import platform
import sys

from . import instance, proc, robbery
from .robbery import COLUMNS, FOUND, NA, PLAIN

GROUPS = {
    "read": "Reading from outside",
    "machine": "The machine's memory",
    "inject": "Putting code into it",
    "trace": "Watching it from inside",
    "launch": "At its start",
    "data": "Around it",
}


def one_line(path):
    try:
        with open(path, encoding="utf-8", errors="replace") as f:
            return f.read().strip()
    except OSError:
        return "none"


def machine():
    """What the outcome depends on."""
    return {"kernel": f"{platform.release()} {platform.machine()}",
            "lsm": one_line("/sys/kernel/security/lsm"),
            "lockdown": one_line("/sys/kernel/security/lockdown"),
            "yama": one_line("/proc/sys/kernel/yama/ptrace_scope"),
            "lsaiso": proc.run([instance.program("lsactl"), "--version"]).out.strip() or "?"}


def hibernation():
    """May the machine be written to disk as it is now? In the kernel's words."""
    try:
        os.close(os.open("/dev/snapshot", os.O_RDONLY | os.O_CLOEXEC))
        return "allowed"
    except OSError as e:
        return e.strerror


def victim_of(column, folder, realm):
    if column == PLAIN:
        return robbery.PlainVictim(folder)
    return robbery.IsoVictim(column, folder, realm)


def measure(wanted, columns, folder, alter=False, progress=None, realm=None):
    """Rob all victims; columns in order, the plain process first of all."""
    table = robbery.Matrix(wanted, alter)
    result = {"machine": machine(), "columns": {}, "hibernation": {}, "rows": []}
    own = None if realm else robbery.NoKdc()
    try:
        for column in columns:
            try:
                victim = victim_of(column, folder, realm or own)
            except (proc.Failed, AssertionError, OSError) as e:
                result["columns"][column] = str(e).strip().splitlines()[-1][-300:]
                table.absent(column, result["columns"][column])
                continue
            try:
                result["columns"][column] = ""
                result["hibernation"][column] = hibernation()
                table.measure(victim, progress)
            finally:
                victim.stop()
    finally:
        if own:
            own.close()
    for attack, row in table.rows.items():
        result["rows"].append({
            "label": attack.label, "name": attack.name, "threat": attack.threat,
            "kind": attack.kind,
            "cells": {c: {"state": v.state, "why": v.why, "seconds": round(v.seconds, 2),
                          "expected": attack.expected(c)} for c, v in row.items()}})
    return result


def in_guest(only="", columns="", disk_mib=64, timeout=1500, options=(), **machine):
    """The same, in a guest with Debian's kernel (options: more for the program; machine: for
    vm.Guest); a result."""
    from . import vm

    def progress(octets):
        sys.stderr.write(octets.decode(errors="replace"))
        sys.stderr.flush()

    folder = proc.Folder("theft-guest")
    try:
        disk = folder("swap")
        with open(disk, "wb") as f:
            f.truncate(disk_mib << 20)
        script = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "theft", "matrix")
        with vm.Guest(disks=[disk], **machine) as guest:
            done = guest.run([os.path.abspath(script), "--alter", "--json", "/run/theft.json", *options,
                              *(["--only", only] if only else []),
                              *(["--columns", columns] if columns else [])], timeout,
                             env={"LSAISO_BUILD": instance.build_folder(),
                                  "THEFT_SWAP": "/dev/vda"}, show=progress)
            progress(done.out)
            if done.code not in (0, 1):
                raise proc.Failed(f"in the guest: {done.code}")
            return json.loads(guest.read("/run/theft.json"))
    finally:
        folder.remove()


def surprises(result):
    """What came out that was not expected, both ways: lines for people. n/a is none."""
    lines = []
    for row in result["rows"]:
        for column, cell in row["cells"].items():
            if cell["state"] == NA or not cell["expected"]:
                continue
            if cell["state"] != cell["expected"]:
                lines.append(f"{row['label']} {row['name']}, {COLUMNS[column]}: {cell['state']}, "
                             f"not {cell['expected']} ({cell['why']})")
            if "DIED" in cell["why"]:
                lines.append(f"{row['label']} {row['name']}, {COLUMNS[column]}: {cell['why']}")
    return lines


def not_tried(result, column):
    """{label: why} of the rows that are n/a in a column."""
    return {row["label"]: row["cells"][column]["why"] for row in result["rows"]
            if row["cells"].get(column, {}).get("state") == NA}


def text(result):
    """For a terminal."""
    columns = list(result["columns"])
    wide = max(len(row["name"]) for row in result["rows"])
    lines = ["", " " * (wide + 6) + "  ".join(f"{c:9}" for c in columns)]
    kind = None
    for row in result["rows"]:
        if row["kind"] != kind:
            kind = row["kind"]
            lines.append(f"{GROUPS[kind]}:")
        cells = (row["cells"].get(c, {}).get("state", "") for c in columns)
        lines.append(f"  {row['label']} {row['name']:{wide}} " + "  ".join(f"{c:9}" for c in cells))
    lines.append("")
    for column in columns:
        lines.append(f"{column:9} {COLUMNS[column]}"
                     + (f": NOT THERE: {result['columns'][column]}" if result["columns"][column]
                        else ""))
    lines.append(f"kernel {result['machine']['kernel']}, LSM {result['machine']['lsm']}")
    return "\n".join(lines)


def markdown(result):
    """docs/theft-matrix.md."""
    columns = [c for c in result["columns"] if not result["columns"][c]]
    m = result["machine"]
    lines = [
        "# What root finds",
        "",
        "Made by `tests/theft/matrix --guest --write docs/theft-matrix.md`: do not edit. Each attack is",
        "a program of `tests/theft/attacks/` that is run as root against a process. **FOUND**: the thief",
        "has the secret; for lsaiso, the session key of alice's TGT, as it is, as a key derived from it,",
        "or with enough of lsaiso's memory to open the sealed one. held: he has not. n/a: the attack",
        "does not find the secret of the plain process on this machine either, so it shows nothing.",
        "",
        f"Measured on {result.get('date', '?')}, Linux {m['kernel']}, LSM list `{m['lsm']}`, "
        f"lockdown `{m['lockdown']}`, Yama `{m['yama']}`, {m['lsaiso']}.",
        "",
        "| | attack by root | " + " | ".join(COLUMNS[c] for c in columns) + " |",
        "|---|---|" + "---|" * len(columns),
    ]
    kind = None
    for row in result["rows"]:
        if row["kind"] != kind:
            kind = row["kind"]
            lines.append(f"| | *{GROUPS[kind]}* |" + " |" * len(columns))
        cells = (row["cells"].get(c, {}).get("state", "") for c in columns)
        lines.append(f"| {row['label']} | {row['name']} | "
                     + " | ".join(f"**{c}**" if c == FOUND else c for c in cells) + " |")
    said = ", ".join(f"{COLUMNS[c]}: {result['hibernation'][c]}" for c in columns
                     if c in result["hibernation"])
    lines += ["", f"Hibernation (opening `/dev/snapshot`): {said}."]
    missing = {c: why for c, why in result["columns"].items() if why}
    for column, why in missing.items():
        lines += ["", f"{COLUMNS[column]} was not there to be robbed: {why}"]
    tried = not_tried(result, PLAIN)
    if tried:
        lines += ["", "Not tried there:"]
        lines += [f"* {label}: {why}" for label, why in tried.items()]
    return "\n".join(lines) + "\n"
