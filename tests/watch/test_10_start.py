# SPDX-License-Identifier: GPL-3.0-or-later
"""It runs beside the others, answers, and says what it can see."""

from lib import instance, proc


def test_01_it_runs_as_a_user_of_its_own(watched):
    pid = watched.pid("lsawatch")
    with open(f"/proc/{pid}/status", encoding="ascii") as file:
        text = file.read()
    uid = instance.LSAWATCH_UID if proc.os.geteuid() == 0 else proc.os.geteuid()
    assert f"Uid:\t{uid}\t{uid}\t{uid}\t{uid}" in text


def test_02_ten_rows(watched):
    rows = watched.watch.status()["rows"]
    assert [one["name"] for one in rows] == [
        "image_path", "parent_process", "instances", "user_account", "resource_usage",
        "network_activity", "stability", "file_integrity", "memory_access", "handles_threads"]
