# SPDX-License-Identifier: GPL-3.0-or-later
"""It runs beside the others, answers, and says what it can see."""

import os

from lib import instance


def status_of(pid):
    """/proc/PID/status as a dictionary."""
    with open(f"/proc/{pid}/status", encoding="ascii") as file:
        return dict(line.rstrip("\n").split(":\t", 1) for line in file if ":\t" in line)


def test_01_it_runs_confined(watched):
    """A user of its own, no more capabilities than its sensors need, a system call filter."""
    has = status_of(watched.pid("lsawatch"))
    root = os.geteuid() == 0
    uid = instance.LSAWATCH_UID if root else os.geteuid()
    assert has["Uid"].split() == [str(uid)] * 4
    assert has["NoNewPrivs"] == "1" and has["Seccomp"] == "2"
    sys_ptrace, dac_read_search, audit_control = 1 << 19, 1 << 2, 1 << 30
    held = int(has["CapEff"], 16)
    assert held & ~(sys_ptrace | dac_read_search | audit_control) == 0
    assert held == int(has["CapPrm"], 16)
    assert int(has["CapInh"], 16) == int(has["CapAmb"], 16) == 0
    assert bool(held & sys_ptrace) == root


def test_02_ten_rows(watched):
    rows = watched.watch.status()["rows"]
    assert [one["name"] for one in rows] == [
        "image_path", "parent_process", "instances", "user_account", "resource_usage",
        "network_activity", "stability", "file_integrity", "memory_access", "handles_threads"]
