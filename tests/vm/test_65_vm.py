# SPDX-License-Identifier: GPL-3.0-or-later
"""Level vm, in short: does it come up on Debian 12's own kernel, serve, say
what it is, and come back when it dies? (`make check LEVEL=vm` asks the rest.)"""

import json
import os

import pytest

from lib import instance, vm


@pytest.fixture(scope="module")
def said():
    # Without the guard: the test itself ends lsavmm.
    with vm.Guest(lsm=False, kvm=True) as guest:
        done = guest.run(["/usr/bin/python3", os.path.join(vm.AGENT, "at_level_vm.py"),
                          "/run/said"], timeout=300,
                         env={"LSAISO_BUILD": instance.build_folder(), "LSAISO_SLOW": "5"})
        assert done.code == 0, done.text
        return json.loads(guest.read("/run/said"))


def test_01_kinit_kvno_and_klist_work(said):
    for name in ("kinit", "kvno", "klist"):
        assert said[name]["code"] == 0, said[name]["text"]
    assert "HTTP/localhost@TEST.LOCAL" in said["klist"]["text"]


def test_02_it_is_lsavmm_that_runs(said):
    assert said["keeper"] == instance.program("lsavmm")


def test_03_status_says_level_memory_and_image(said):
    level = said["status"]["level"]
    assert level["name"] == "vm" and level["image"] == said["image"]
    # This kernel has no guest_memfd, and that is said.
    assert level["memory"] == "ordinary"
    assert "no guest_memfd" in [one["setting"] for one in level["weaker"]]
    text = said["lsactl"]["text"]
    assert "Isolation level: vm, memory ordinary" in text and said["image"] in text


def test_04_when_it_dies_logons_are_gone_and_the_next_one_works(said):
    assert "Ticket expired" in said["kvno after"]["text"], said["log"]
    for name in ("kinit after", "kvno again"):
        assert said[name]["code"] == 0, said[name]["text"]
