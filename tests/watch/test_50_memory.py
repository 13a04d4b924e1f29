# SPDX-License-Identifier: GPL-3.0-or-later
"""Is everybody seen who traces, reads or takes from lsaiso and lsass, and who
was refused, with the actor named?

By the best layer of this machine among LSAISO_WATCH_LAYERS; what that cannot
see is asserted as blind. In the guest the same runs with each layer of its own.
"""

import os
import shutil
import signal

import pytest

from lib import attacks, instance, proc
from lib.thief import Thief, attack, attempt, layer, sensors
from lib.watching import WatchedInstance

LAYERS = os.environ.get("LSAISO_WATCH_LAYERS") or "bpf trace"
NOBODY = 64999

pytestmark = pytest.mark.skipif(os.geteuid() != 0, reason="not root: no BPF, no other user")


@pytest.fixture(scope="module")
def seen(realm):
    with WatchedInstance(realm, {"watch": {"layers": LAYERS},
                                 "isolation": {"guard": "off"}}) as made:
        if "memory-read" in made.watch.status()["blind"]:
            pytest.skip(f"blind here, as Status says: {sensors(made)}")
        yield made


# ---- the programs of thieves, as root

@pytest.mark.parametrize("part, name, rule", [
    ("lsaiso", "proc_mem", "memory-read"), ("lsaiso", "second_procfs", "memory-read"),
    ("lsaiso", "io_uring", "memory-read"), ("lsaiso", "vm_readv", "memory-read"),
    ("lsaiso", "peek", "memory-attach"), ("lsaiso", "pidfd_getfd", "memory-descriptor"),
    ("lsaiso", "map_files", "memory-descriptor"), ("lsaiso", "inject_write", "memory-attach"),
    ("lsaiso", "registers", "memory-attach"), ("lsaiso", "code_patch", "memory-read"),
    ("lsaiso", "perf_pid", "memory-perf"), ("lsass", "proc_mem", "memory-read"),
    ("lsass", "second_procfs", "memory-read"), ("lsass", "io_uring", "memory-read"),
    ("lsass", "pidfd_getfd", "memory-descriptor"), ("lsass", "perf_pid", "memory-perf")])
def test_01_on_a_process(seen, part, name, rule):
    target = seen.pid(part)
    thief, before = attack(seen, name, target)
    found = seen.watch.wait(rule, before, actor=thief.pid, subject_pid=target, part=part)
    assert found["allowed"] in ((True, None) if name == "io_uring" else (True,))
    assert found["layer"] == layer(seen)
    assert os.path.basename(found["actor"]["exe"]) == os.path.basename(attacks.by_name(name).program)
    assert found["actor"]["uid"] == 0


def test_02_gdb_attaches(seen):
    before, target = seen.watch.last(), seen.pid("lsaiso")
    if not shutil.which("gdb"):
        pytest.skip("gdb is not installed (scripts/setup.sh test)")
    gdb = Thief(["gdb", "-batch", "-nx", "-p", target])
    gdb.done()
    found = seen.watch.wait("memory-attach", before, actor=gdb.pid, part="lsaiso", allowed=True)
    assert os.path.basename(found["actor"]["exe"]) == "gdb"
    assert found["severity"] == "critical" and found["technique"] == "T1055.008"
    assert seen.watch.verdict("memory_access") == "abnormal"


def test_03_gcore(seen):
    before, target = seen.watch.last(), seen.pid("lsaiso")
    if not shutil.which("gcore"):
        pytest.skip("gcore is not installed (scripts/setup.sh test)")
    out = os.path.join(seen.folder.make("out", mode=0o700), "core")
    gcore = Thief(["gcore", "-o", out, target])
    gcore.done()
    for left in os.listdir(os.path.dirname(out)):
        os.unlink(os.path.join(os.path.dirname(out), left))
    found = seen.watch.wait("memory-attach", before, part="lsaiso", allowed=True)
    assert os.path.basename(found["actor"]["exe"]) == "gdb"
    # The one who was called is its parent.
    assert found["actor"]["parent"] == gcore.pid
    seen.watch.wait("memory-read", before, actor=found["actor"]["pid"], part="lsaiso")


@pytest.mark.parametrize("what, rule, severity", [
    ("attach", "memory-attach", "critical"), ("seize", "memory-attach", "critical"),
    ("mem", "memory-read", "critical"), ("vm_readv", "memory-read", "critical"),
    ("vm_writev", "memory-attach", "critical"), ("pidfd_getfd", "memory-descriptor", "critical"),
    ("madvise", "memory-read", "medium"), ("move_pages", "memory-read", "medium"),
    ("kcmp", "memory-look", "info"), ("maps", "memory-look", "info"),
    ("environ", "memory-look", "info"), ("prlimit", "memory-limits", "medium"),
    ("perf", "memory-perf", "high")])
def test_04_each_way(seen, what, rule, severity):
    target = seen.pid("lsaiso")
    thief, before, said = attempt(seen, what, target)
    if said == "ENOSYS":
        pytest.skip(f"{what}: this kernel does not have it")
    found = seen.watch.wait(rule, before, actor=thief.pid, part="lsaiso")
    assert found["severity"] == severity
    # Limits of a process in another user namespace are not even root's to change.
    assert (found["allowed"], said) == ((False, "EPERM") if what == "prlimit" and said != "done"
                                        else (True, "done"))


@pytest.mark.parametrize("what, rule", [
    ("attach", "memory-refused"), ("seize", "memory-refused"), ("mem", "memory-refused"),
    ("vm_readv", "memory-refused"), ("pidfd_getfd", "memory-refused")])
def test_05_refused_to_an_ordinary_user(seen, what, rule):
    target = seen.pid("lsaiso")
    thief, before, said = attempt(seen, what, target, user=NOBODY)
    assert said in ("EPERM", "EACCES")
    found = seen.watch.wait(rule, before, actor=thief.pid, part="lsaiso")
    assert found["allowed"] is False and found["actor"]["uid"] == NOBODY


def test_06_what_an_ordinary_user_looks_at(seen):
    """lsof of an ordinary user is refused everywhere: that is no attack."""
    thief, before, said = attempt(seen, "maps", seen.pid("lsaiso"), user=NOBODY)
    assert said in ("EPERM", "EACCES", "done")
    thief, before, said = attempt(seen, "maps", seen.pid("lsaiso"))
    seen.watch.wait("memory-look", before, actor=thief.pid)
    assert [one for one in seen.watch.alarms(before) if one["row"] == "memory_access"] == []


def test_07_ps_and_top_are_no_news(seen):
    before = seen.watch.last()
    Thief(["ps", "aux"]).done()
    Thief(["ps", "aux"], user=NOBODY).done()
    Thief(["top", "-b", "-n1"]).done()
    assert [one for one in seen.watch.alarms(before) if one["row"] == "memory_access"] == []


# ---- what reaches all processes

@pytest.mark.parametrize("name, rule", [
    ("perf_cpu", "memory-perf"), ("uprobe_trace", "memory-probe"), ("uprobe_perf", "memory-probe"),
    ("eprobe", "memory-probe"), ("bpf_task", "memory-bpf"), ("bpf_probe", "memory-bpf"),
    ("kcore", "memory-kernel"), ("dev_mem", "memory-kernel")])
def test_10_on_the_machine(seen, name, rule):
    for path, of in (("/proc/kcore", "kcore"), ("/dev/mem", "dev_mem")):
        if name == of and not os.path.exists(path):
            pytest.skip(f"this kernel has no {path}")
    thief, before = attack(seen, name, seen.pid("lsaiso"))
    found = seen.watch.wait(rule, before, actor=thief.pid)
    assert found["allowed"] is True


def test_11_a_program_for_packets_is_none_that_traces(seen):
    thief, before, said = attempt(seen, "bpf_packets", 0)
    assert said == "done"
    thief, _, said = attempt(seen, "bpf_raw", 0)
    assert said == "done"
    seen.watch.wait("memory-bpf", before, actor=thief.pid)
    assert len([one for one in seen.watch.findings(before) if one["rule"] == "memory-bpf"
                and one["actor"]["pid"] in (thief.pid, thief.pid - 1)]) == 1


def test_12_a_probe_in_a_program_of_ours_is_worse(seen):
    if not os.path.exists("/sys/bus/event_source/devices/uprobe"):
        pytest.skip("this kernel has no uprobes")
    other = shutil.copy("/bin/true", seen.folder("true"))
    thief, before, said = attempt(seen, "uprobe", other)
    assert said == "done"
    assert seen.watch.wait("memory-probe", before, actor=thief.pid)["severity"] == "low"
    ours = {"process": "lsaiso", "vm": "lsavmm", "hypervisor": "lsass"}[seen.level]
    thief, before, said = attempt(seen, "uprobe", instance.program(ours))
    assert said == "done"
    assert seen.watch.wait("memory-probe", before, actor=thief.pid)["severity"] == "high"


def test_13_perf_that_only_counts(seen):
    thief, before, said = attempt(seen, "perf_counts", 0)
    assert said == "done"
    attempt(seen, "mem", seen.pid("lsaiso"))
    assert not [one for one in seen.watch.findings(before) if one["rule"] == "memory-perf"
                and one["actor"]["pid"] == thief.pid]


# ---- many

def test_20_a_flood_is_one_finding_and_loses_nothing(seen):
    lost = seen.watch.status()["lost"]
    thief, before, said = attempt(seen, "flood", seen.pid("lsaiso"))
    assert said == "done"
    seen.watch.wait("memory-read", before, actor=thief.pid, part="lsaiso")
    assert len([one for one in seen.watch.findings(before) if one["rule"] == "memory-read"
                and one["actor"]["pid"] == thief.pid]) == 1
    assert seen.watch.status()["lost"] == lost


def test_21_a_new_lsaiso_is_watched(seen):
    old = seen.pid("lsaiso")
    os.kill(old, signal.SIGKILL)
    proc.wait_until("another lsaiso", lambda: seen.pid("lsaiso") not in (None, old), log=seen.log)
    new = seen.pid("lsaiso")
    thief, before, said = attempt(seen, "mem", new)
    assert said == "done"
    seen.watch.wait("memory-read", before, actor=thief.pid, subject_pid=new)


def test_30_what_sees_it_is_said(seen):
    status = seen.watch.status()
    assert not {"memory-attach", "memory-read", "memory-descriptor", "memory-perf", "memory-probe",
                "memory-bpf", "memory-kernel", "memory-refused",
                "memory-look"} & set(status["blind"])
    for one in status["sensors"]:
        assert bool(one["shows"]) != bool(one["why"]), one
