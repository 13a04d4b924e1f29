# SPDX-License-Identifier: GPL-3.0-or-later
"""Can lsawatch be silenced without being ended? Who stops it is told, who holds
it is got rid of: lsainit hears of it every five seconds, and starts another one.
And is it told that lsaiso or lsass is frozen, which looks as if it slept?

The guard, where it is up, refuses all of this; here it is off.
"""

import os
import re
import signal
import subprocess
import time

import pytest

from lib import instance, proc
from lib.cgroup import Cgroup
from lib.watching import WatchedInstance

pytestmark = pytest.mark.usefixtures("need_root")
TRIES = os.path.join(os.path.dirname(os.path.abspath(__file__)), "tries.py")
QUIET = 20  # seconds without a word, after which it is ended
LAYERS = {"all": None, "sweep": "sweep"}


def settings(layers=None):
    return {"watch": {"layers": layers} if layers else {}, "isolation": {"guard": "off"}}


@pytest.fixture(params=LAYERS)
def each(request, realm):
    with WatchedInstance(realm, settings(LAYERS[request.param])) as made:
        yield made


@pytest.fixture
def own(realm):
    with WatchedInstance(realm, settings()) as made:
        yield made


@pytest.fixture(scope="module")
def module_watch(realm):
    with WatchedInstance(realm, settings()) as made:
        yield made


def state(pid):
    with open(f"/proc/{pid}/stat", encoding="ascii", errors="replace") as file:
        return file.read().rsplit(")", 1)[1].split()[0]


def another(made, pid, seconds):
    proc.wait_until("another lsawatch", lambda: made.pid("lsawatch") not in (None, pid),
                    seconds=seconds, log=made.log)
    proc.wait_until("its answers", lambda: proc.socket_answers(made.watch.path), log=made.log)
    return made.watch.wait("stability-watch", 0, seconds=5)


def test_01_stopped(each):
    """It goes on at once, has lost nothing, and names who did it where a sensor shows that."""
    pid, after = each.pid("lsawatch"), each.watch.last()
    shown = any("SIGNAL" in one["shows"] for one in each.watch.status()["sensors"])
    os.kill(pid, signal.SIGSTOP)
    if shown:
        found = each.watch.wait("stability-watch", after, actor=os.getpid())
        assert "SIGSTOP" in found["evidence"]
    else:
        found = each.watch.wait("stability-watch", after)
        assert "stopped" in found["evidence"] and "actor" not in found
    assert found["severity"] == "medium"
    assert each.pid("lsawatch") == pid and state(pid) != "T"
    assert each.log_has(rf"lsawatch \(pid {pid}\) was stopped by a signal")
    assert each.watch.verdict("stability") == "abnormal"


def test_02_stopped_again_and_again(own):
    """It never stays so; what happens meanwhile is seen."""
    pid, after = own.pid("lsawatch"), own.watch.last()
    for _ in range(50):
        os.kill(pid, signal.SIGSTOP)
        time.sleep(0.01)
    proc.wait_until("it goes on", lambda: state(pid) != "T", log=own.log)
    lsass = own.pid("lsass")
    os.kill(lsass, signal.SIGKILL)
    os.kill(pid, signal.SIGSTOP)
    own.watch.wait("stability-killed", after, seconds=3, subject_pid=lsass)
    assert own.pid("lsawatch") == pid


def test_03_held_by_a_debugger(own):
    """Who traces it also keeps its remains; another one is started all the same."""
    pid = own.pid("lsawatch")
    with subprocess.Popen(["/usr/bin/python3", TRIES, "keep", str(pid)], stdout=subprocess.PIPE,
                          text=True) as thief:
        try:
            assert thief.stdout.readline() == "kept\n"
            asked = instance.lsactl(own, "watch", "findings")
            assert asked.code == 3 and "did not answer" in asked.err, asked
            found = another(own, pid, QUIET + 15)
        finally:
            thief.kill()
    assert re.search(r"1 of them because nothing was heard", found["evidence"]), found
    assert own.log_has(rf"lsawatch \(pid {pid}\) has said nothing for {QUIET} s "
                       rf"\(pid {thief.pid} traces it\); it is ended")
    proc.wait_until("the first one is gone", lambda: not proc.alive(pid), log=own.log)


def test_04_frozen(own, long_run):
    """By its cgroup: it looks as if it slept."""
    if not long_run:
        pytest.skip("takes half a minute; LSAISO_LONG=1")
    pid = own.pid("lsawatch")
    with Cgroup("lsaiso-frozen") as group:
        group.take(pid)
        group.freeze()
        found = another(own, pid, QUIET + 15)
    assert "nothing was heard" in found["evidence"]


@pytest.mark.parametrize("part", ["lsaiso", "lsass"])
def test_05_one_that_serves_is_frozen(module_watch, part):
    made = module_watch
    name = instance.KEEPERS[made.level] if part == "lsaiso" else part
    pid, after = made.pid(name), made.watch.last()
    with Cgroup("lsaiso-frozen") as group:
        group.take(pid)
        group.freeze()
        found = made.watch.wait("stability-stopped", after, subject_pid=pid)
        assert "frozen with its cgroup" in found["evidence"]
        assert made.watch.verdict("stability") == "abnormal"
    proc.wait_until("it serves again", made.answers, log=made.log)
