# SPDX-License-Identifier: GPL-3.0-or-later
"""Level vm with guest_memfd, without the guard: what of root's ways to read
another process does that memory alone hold against, and which not? The control
is the same with ordinary memory, where those ways find the key.

It needs a newer kernel than Debian 12's: scripts/setup.sh fetches one."""

import json
import os
import subprocess

import pytest

from lib import instance, vm

FOLDER = "/run/gmem"
READS = {"A01": "/proc/PID/mem of all maps", "A04": "process_vm_readv", "A07": "gcore",
         "A08": "descriptors opened again", "A09": "pidfd_getfd, mmap",
         "A18": "ptrace: inject write(2)", "A35": "ptrace: inject mmap of descriptors"}
# Ordinary memory of the machine has no descriptor.
IN_ORDINARY = ("A01", "A04", "A07", "A18")


class Robbed:
    """A guest in which the thief has been, and may look again."""

    def __init__(self, guest):
        self.guest = guest
        guest.run(f"mkdir -m 755 {FOLDER}").ok()
        guest.run(f"/usr/bin/python3 {vm.AGENT}/gmem_thief.py {FOLDER} </dev/null "
                  f">{FOLDER}/log 2>&1 & echo $! >{FOLDER}/pid",
                  env={"LSAISO_BUILD": instance.build_folder(), "LSAISO_SLOW": "5"}).ok()
        self.report = self.wait("report")
        self.keep()
        guest.run(["touch", f"{FOLDER}/go"]).ok()
        self.driven = self.wait("driven")

    def keep(self):
        """All of the machine's memory as it is now, before the keys lie about in it."""
        self.memory = self.guest.folder("memory")
        with self.guest.memory() as fd, open(self.memory, "wb") as f:
            for at, piece in vm.pieces(fd, 0):
                f.seek(at)
                f.write(piece)

    def places(self, key):
        tool = os.path.join(instance.build_folder(), "tests", "theft", "findwords")
        done = subprocess.run([tool, self.memory], input=f"{key}\n", text=True, timeout=300,
                              capture_output=True, check=True)
        return len(done.stdout.splitlines())

    def wait(self, name):
        self.guest.run(f"""
            for i in $(seq 600); do
                [ -e {FOLDER}/{name} ] && exit 0
                [ -d /proc/$(cat {FOLDER}/pid) ] || break
                sleep 0.5
            done; cat {FOLDER}/log; exit 1""", timeout=330).ok()
        return json.loads(self.guest.read(f"{FOLDER}/{name}"))


@pytest.fixture(scope="module")
def robbed():
    reason = vm.why_not("newer")
    if reason:
        pytest.skip(reason)
    with vm.Guest(lsm=False, kvm=True, kernel="newer", memory=1024) as guest:
        yield Robbed(guest)


def test_01_the_kernel_has_it_and_status_says_so(robbed):
    assert robbed.report["gmem"]["memory"].startswith("guest_memfd")
    assert robbed.report["ordinary"]["memory"] == "ordinary"


@pytest.mark.parametrize("label", IN_ORDINARY)
def test_02_control_ordinary_memory_is_read(robbed, label):
    assert robbed.report["ordinary"][label]["state"] == "FOUND", robbed.report["ordinary"][label]


@pytest.mark.parametrize("label", READS, ids=lambda label: f"{label}_{READS[label]}")
def test_03_guest_memfd_is_not(robbed, label):
    cell = robbed.report["gmem"][label]
    assert cell["state"] == "held" and cell["lives"], cell


def test_04_its_descriptor_is_worth_nothing(robbed):
    said = robbed.report["descriptor"]
    assert "link" in said, said
    assert said["size"] > 1 << 20
    assert said["mapped and touched"] in ("SIGBUS", "ENODEV"), said
    assert isinstance(said["pread"], str) and isinstance(said["opened again"], str), said


def test_05_who_drives_the_monitor_has_the_machine_read_it_out(robbed):
    """A limit: ptrace of lsavmm, which the guard refuses. What he gets are lsaiso's
    own keys, and with them that of the TGT."""
    assert len(robbed.driven["keys"]) >= 2, robbed.driven


def test_06_no_process_holds_those_keys_or_that_of_the_tgt(robbed):
    assert robbed.driven["octets"] > 1 << 20 and robbed.driven["found"] == [], robbed.driven


def test_07_the_kernel_holds_them(robbed):
    """The other limit: guest_memfd is memory of the kernel, in its direct map. No
    claim is made against it, or against what runs below it."""
    assert all(robbed.places(key[::-1]) for key in robbed.driven["keys"])
