# SPDX-License-Identifier: GPL-3.0-or-later
"""Is a sensor that stays open and tells nothing any more found out, told, and set right?

What concerns the whole machine is done where LSAISO_MACHINE_IS_OURS is set: in the guest
of tests/vm/test_25_watch.py.
"""

import os
import platform
import signal
import subprocess
import time

import pytest

from lib import proc
from lib.watching import WatchedInstance

pytestmark = pytest.mark.usefixtures("need_root")
HERE = os.path.dirname(os.path.abspath(__file__))
BLIND, TRIES = os.path.join(HERE, "blind.py"), os.path.join(HERE, "tries.py")
FOUND = 25  # seconds: it is asked every ten, and twice
ours = pytest.mark.skipif(os.environ.get("LSAISO_MACHINE_IS_OURS") != "1",
                          reason="would blind others on this machine; the guest's test has it")


def watched(realm, layers):
    return WatchedInstance(realm, {"watch": {"layers": layers}, "isolation": {"guard": "off"}})


def sensor(made, name):
    return next(one for one in made.watch.status()["sensors"] if one["name"] == name)


@pytest.fixture
def told(realm):
    """By BPF programs of the best kind that this machine has."""
    with watched(realm, "bpf trace sweep") as made:
        made.best = next((name for name in ("bpf", "trace") if sensor(made, name)["shows"]), None)
        if made.best is None:
            pytest.skip("this kernel takes no BPF program: " + sensor(made, "trace")["why"])
        yield made


def blind(*words):
    return subprocess.Popen(["/usr/bin/python3", BLIND, *map(str, words)],
                            stdout=subprocess.PIPE, text=True)


def done(process, seconds=60):
    out, _ = process.communicate(timeout=seconds * proc.SLOW)
    assert out == "done\n"
    return process.pid


def replaced(made, pid, name):
    """What cannot be mended is told, high, and there is a new lsawatch."""
    proc.wait_until("another lsawatch", lambda: made.pid("lsawatch") not in (None, pid),
                    seconds=FOUND + 5, log=made.log)
    assert made.log_has(f"finding .*: high watch-blind: .*sensor {name} does not tell what it sees")
    proc.wait_until("its answers", lambda: proc.socket_answers(made.watch.path), log=made.log)
    made.watch.wait("stability-watch", 0, seconds=5)


def read_memory(made):
    """Of lsass, by process_vm_readv."""
    after, pid = made.watch.last(), made.pid("lsass")
    tried = subprocess.Popen(["/usr/bin/python3", TRIES, "vm_readv", str(pid)],
                             stdout=subprocess.PIPE, text=True)
    assert tried.communicate()[0] in ("done\n", "EFAULT\n")
    return after, tried.pid


def test_01_its_list_is_emptied(told):
    """Who reached for the list is named; it is set again, and everything is seen as before."""
    after = told.watch.last()
    pid = done(blind("list", told.pid("lsawatch")))
    touched = told.watch.wait("watch-touched", after, actor=pid)
    assert touched["severity"] == "info" and "map" in touched["evidence"]
    found = told.watch.wait("watch-blind", after, seconds=FOUND)
    assert found["severity"] == "medium" and "list of whom to watch" in found["evidence"]
    assert sensor(told, told.best)["shows"]
    after, actor = read_memory(told)
    told.watch.wait("memory-read", after, actor=actor)


def test_02_its_ring_is_read_by_another(told, long_run):
    """A lsawatch that sees takes the place of the one that does not."""
    if not long_run:
        pytest.skip("takes half a minute; LSAISO_LONG=1")
    pid = told.pid("lsawatch")
    thief = blind("ring", pid, FOUND)
    replaced(told, pid, told.best)
    done(thief)
    assert sensor(told, told.best)["shows"]
    after, actor = read_memory(told)
    told.watch.wait("memory-read", after, actor=actor)


@ours
def test_03_the_connector_is_switched_off(realm):
    if tuple(int(n) for n in platform.release().split(".")[:2]) >= (6, 6):
        pytest.skip("this kernel counts who listens by socket")
    with watched(realm, "events sweep") as made:
        pid = made.pid("lsawatch")
        done(blind("connector"))
        replaced(made, pid, "connector")
        assert "EXEC" in sensor(made, "connector")["shows"]
        lsass, after = made.pid("lsass"), made.watch.last()
        os.kill(lsass, signal.SIGKILL)
        made.watch.wait("stability-killed", after, subject_pid=lsass)


@ours
def test_04_its_audit_rules_are_deleted(realm):
    """As by every administrator who loads rules anew."""
    with watched(realm, "audit sweep") as made:
        after = made.watch.last()
        done(blind("rules"))
        found = made.watch.wait("watch-blind", after, seconds=5)
        assert found["severity"] == "info" and "set again" in found["evidence"]
        after, actor = read_memory(made)
        made.watch.wait("memory-read", after, actor=actor)


@ours
def test_05_audit_is_switched_off(realm):
    """The rows that only it shows are blind as long as that; then all is seen again."""
    with watched(realm, "audit sweep") as made:
        after, blind_before = made.watch.last(), made.watch.status()["blind"]
        done(blind("off"))
        try:
            found = made.watch.wait("watch-blind", after, seconds=FOUND)
            assert found["severity"] == "high" and "switched off" in found["evidence"]
            assert sensor(made, "audit")["shows"] == []
            assert "memory-read" in made.watch.status()["blind"]
        finally:
            done(blind("on"))
        proc.wait_until("it is heard again", lambda: sensor(made, "audit")["shows"],
                        seconds=FOUND, log=made.log)
        assert made.watch.status()["blind"] == blind_before
        after, actor = read_memory(made)
        made.watch.wait("memory-read", after, actor=actor)


def test_06_nobody_has_silenced_it(realm):
    """Busy or not: no sensor is taken for silenced that is not."""
    with watched(realm, "bpf trace audit events sweep") as made:
        until = time.monotonic() + 12
        while time.monotonic() < until:
            proc.run(["/bin/true"])
        assert [one for one in made.watch.findings(0) if one["rule"] == "watch-blind"] == []


@ours
def test_07_the_hooks_are_switched_off(realm):
    """kernel.ftrace_enabled: who does it is named, and the next lsawatch uses tracepoints."""
    with watched(realm, "bpf trace sweep") as made:
        if not sensor(made, "bpf")["shows"]:
            pytest.skip("this kernel has no such hooks")
        pid, after = made.pid("lsawatch"), made.watch.last()
        done(blind("hooks"))
        try:
            touched = made.watch.wait("watch-touched", after)
            assert touched["severity"] == "high" and "ftrace_enabled" in touched["evidence"]
            replaced(made, pid, "bpf")
            assert not sensor(made, "bpf")["shows"] and sensor(made, "trace")["shows"]
            after, actor = read_memory(made)
            made.watch.wait("memory-read", after, actor=actor)
        finally:
            done(blind("unhooks"))


@ours
@pytest.mark.parametrize("layers", ["bpf sweep", "trace sweep"])
def test_08_a_module_is_loaded(realm, layers):
    """No blinding yet, but whoever is in the kernel can: who brought it in is told."""
    with watched(realm, layers) as made:
        if not made.watch.status()["sensors"][layers == "trace sweep"]["shows"]:
            pytest.skip("this kernel does not take it")
        after = made.watch.last()
        loaded = subprocess.Popen(["modprobe", "dummy"])
        assert loaded.wait(60) == 0
        try:
            found = made.watch.wait("memory-kernel", after, actor=loaded.pid)
        finally:
            proc.run(["modprobe", "-r", "dummy"]).ok()
        assert "loaded the kernel module dummy" in found["evidence"]
        assert found["severity"] == ("low" if "not signed" in found["evidence"] else "info")
