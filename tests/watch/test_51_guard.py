# SPDX-License-Identifier: GPL-3.0-or-later
"""Where the guard is up: is what it refused told, with the actor, and may lsawatch
read the others, never attach to them?

This runs where BPF is among the security modules: in the guest.
"""

import os
import re

import pytest

from lib import instance, proc
from lib.thief import attempt, sensors
from lib.watching import WatchedInstance

LAYERS = os.environ.get("LSAISO_WATCH_LAYERS") or "bpf"

pytestmark = pytest.mark.skipif(os.environ.get("LSAISO_WATCH_GUARD") != "required",
                                reason="without a guard: see tests/vm/test_25_watch.py")


@pytest.fixture(scope="module")
def kept(realm):
    with WatchedInstance(realm, {"watch": {"layers": LAYERS},
                                 "isolation": {"guard": "required"}}) as made:
        yield made


def test_01_the_sensors_are_open_beside_it(kept):
    assert sensors(kept)["bpf"] == "open"
    assert kept.log_has("the guard is up")


@pytest.mark.parametrize("what, rule", [
    ("attach", "memory-refused"), ("seize", "memory-refused"), ("mem", "memory-refused"),
    ("vm_readv", "memory-refused"), ("pidfd_getfd", "memory-refused"), ("kcmp", "memory-look"),
    ("maps", "memory-look"), ("prlimit", "memory-limits"), ("perf", "memory-perf"),
    ("kill", "stability-signal")])
def test_02_on_a_process(kept, what, rule):
    target = kept.pid("lsaiso")
    thief, before, said = attempt(kept, what, target)
    assert said in ("EPERM", "EACCES")
    found = kept.watch.wait(rule, before, actor=thief.pid, part="lsaiso")
    assert found["allowed"] is False and found["subject_pid"] == target
    assert os.path.basename(found["actor"]["exe"]).startswith("python3")


@pytest.mark.parametrize("what, rule", [
    ("uprobe", "memory-p"), ("bpf_raw", "memory-bpf"), ("kcore", "memory-kernel")])
def test_03_on_the_machine(kept, what, rule):
    thief, before, said = attempt(kept, what, instance.program("lsaiso"))
    assert said == "EPERM"
    proc.wait_until(rule, lambda: [
        one for one in kept.watch.findings(before) if one["rule"].startswith(rule)
        and one.get("actor", {}).get("pid") == thief.pid and one["allowed"] is False], 2)


def test_04_on_a_file(kept):
    thief, before, said = attempt(kept, "write", instance.program("lsaiso"))
    assert said in ("EPERM", "ETXTBSY")
    if said == "EPERM":
        found = kept.watch.wait("integrity-changed", before, actor=thief.pid, layer="guard")
        assert found["allowed"] is False


def test_05_nobody_may_attach_to_lsawatch(kept):
    _, _, said = attempt(kept, "attach", kept.pid("lsawatch"))
    assert said == "EPERM"


def test_06_what_was_refused_is_not_what_was_let(kept):
    """Nothing of all that succeeded."""
    assert [one for one in kept.watch.findings() if one["allowed"] is True
            and one["row"] == "memory_access" and one["severity"] != "info"] == []


def test_07_lsawatch_reads_what_it_judges(kept):
    """The guard lets its role read, and is not asked for more."""
    status = kept.watch.status()
    assert "path-foreign" not in status["blind"]
    with open(f"/proc/{kept.pid('lsawatch')}/status", encoding="ascii") as f:
        kept_caps = int(re.search(r"CapEff:\s*(\w+)", f.read()).group(1), 16)
    assert kept_caps & (1 << 19)  # CAP_SYS_PTRACE
    assert not [one for one in kept.watch.findings()
                if one.get("actor", {}).get("pid") == kept.pid("lsawatch")]
