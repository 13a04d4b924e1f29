# SPDX-License-Identifier: GPL-3.0-or-later
"""Is an end of lsaiso, lsass or lsainit told, with its reason, and is one that
was asked for not taken for an attack?"""

import os
import signal
import time

import pytest

from lib import instance, proc
from lib.watching import WatchedInstance

LAYERS = {"all": None, "events": "events sweep", "sweep": "sweep"}
# Told of who did it only where a layer sees senders of signals.
ACTOR = os.getpid()


def settings(layers=None):
    """The guard, where there is one, would refuse the signals."""
    return {"watch": {"layers": layers} if layers else {}, "isolation": {"guard": "off"}}


@pytest.fixture(scope="module", params=LAYERS)
def watched(request, realm):
    with WatchedInstance(realm, settings(LAYERS[request.param])) as made:
        yield made


@pytest.fixture
def own(realm):
    with WatchedInstance(realm, settings()) as made:
        yield made


def sees(watch, kind):
    return any(kind in one["shows"] for one in watch.status()["sensors"])


def end(watched, name, number):
    """Sends the signal; returns the pid that got it, and waits for another one."""
    proc.wait_until(name, lambda: watched.pid(name), log=watched.log)
    pid = watched.pid(name)
    started = proc.start_time(pid)
    os.kill(pid, number)
    proc.wait_until(f"another {name}",
                    lambda: watched.pid(name) and (watched.pid(name) != pid
                                                   or proc.start_time(pid) != started),
                    log=watched.log)
    return pid


def keeper(watched):
    return instance.KEEPERS[watched.level]


def check_actor(watched, found):
    if sees(watched.watch, "SIGNAL"):
        assert found["actor"]["pid"] == ACTOR
    else:
        assert "actor" not in found


@pytest.mark.parametrize("name", ["lsaiso", "lsass"])
def test_01_killed(watched, name):
    after = watched.watch.last()
    pid = end(watched, name, signal.SIGKILL)
    found = watched.watch.wait("stability-killed", after, subject_pid=pid)
    assert "SIGKILL" in found["evidence"]
    assert found["severity"] == "high"
    assert found["part"] == (keeper(watched) if name == "lsaiso" else name)
    check_actor(watched, found)
    watched.linked()


def test_02_a_signal_of_a_crash_that_somebody_sent(watched):
    """Without a sensor of senders it is a crash like any other."""
    after = watched.watch.last()
    pid = end(watched, "lsass", signal.SIGSEGV)
    rule = "stability-killed" if sees(watched.watch, "SIGNAL") else "stability-crashed"
    found = watched.watch.wait(rule, after, subject_pid=pid)
    assert "SIGSEGV" in found["evidence"]
    check_actor(watched, found)


def test_03_term(watched):
    """lsass ends by it, however it does that; a signal that ends nothing is told as such."""
    after = watched.watch.last()
    pid = end(watched, "lsass", signal.SIGTERM)
    limit = proc.Limit(2)
    rules = ()
    while not rules and not limit.over():
        rules = [one["rule"] for one in watched.watch.findings(after)
                 if one.get("subject_pid") == pid
                 and one["rule"] in ("stability-killed", "stability-ended")]
        time.sleep(0.05)
    assert len(rules) == 1


def test_04_again_and_again(own):
    after = own.watch.last()
    for _ in range(3):
        end(own, "lsass", signal.SIGSEGV)
    own.watch.wait("stability-restarts", after)
    assert own.watch.verdict("stability") == "abnormal"


def test_05_stopped_and_continued(own):
    """Whoever sends it is told, where a layer sees senders."""
    if not sees(own.watch, "SIGNAL"):
        pytest.skip("no sensor here shows senders of signals")
    after = own.watch.last()
    pid = own.pid("lsass")
    os.kill(pid, signal.SIGSTOP)
    try:
        found = own.watch.wait("stability-signal", after, subject_pid=pid, actor=ACTOR)
        assert "SIGSTOP" in found["evidence"]
    finally:
        os.kill(pid, signal.SIGCONT)


def test_06_wipe_is_no_finding(own):
    after = own.watch.last()
    before = own.pid("lsaiso")
    own.call("Wipe")
    found = own.watch.wait("stability-restarted", after, subject_pid=before)
    assert found["severity"] == "info"
    time.sleep(2)
    assert [f for f in own.watch.alarms(after) if f["row"] == "stability"] == []


def test_07_lsawatch_itself(own):
    pid = own.pid("lsawatch")
    os.kill(pid, signal.SIGKILL)
    proc.wait_until("another lsawatch", lambda: own.pid("lsawatch") not in (None, pid),
                    log=own.log)
    proc.wait_until("lsawatch", lambda: proc.socket_answers(own.watch.path), log=own.log)
    own.watch.wait("stability-watch", 0, seconds=5)


def by_signal(number):
    return lambda made: os.kill(made.daemon.pid, number)


def by_lsactl(made):
    done = proc.run([instance.program("lsactl"), "--config", made.file, "stop"])
    assert done.code == 0, done.text


@pytest.mark.parametrize("stop", [by_signal(signal.SIGTERM), by_signal(signal.SIGINT), by_lsactl],
                         ids=["term", "int", "lsactl"])
def test_08_the_administrator_stops_it(realm, stop):
    with WatchedInstance(realm, settings()) as made:
        stop(made)
        proc.wait_until("the end", lambda: not made.daemon.running(), log=made.log)
        log = made.read_log()
    assert "without a word" not in log
    for rule in ("killed", "crashed", "ended", "supervisor", "restarts"):
        assert f"stability-{rule}" not in log


def test_09_lsainit_is_killed(realm):
    """All end with it; that is one finding."""
    made = WatchedInstance(realm, settings())
    try:
        left = proc.descendants(made.daemon.pid)
        os.kill(made.daemon.pid, signal.SIGKILL)
        made.daemon.process.wait(10)
        proc.wait_until("the word of lsawatch",
                        lambda: made.log_has("finding .* ended without a word"), log=made.log)
        proc.wait_until("the end of all", lambda: not any(proc.alive(p) for p in left),
                        log=made.log)
        made.daemon = None
        assert not made.log_has("stability-(killed|crashed|ended)")
    finally:
        made.stop()


def test_10_one_does_not_come_back(own):
    """Stopped, lsainit starts none."""
    after, target = own.watch.last(), own.pid("lsaiso")
    os.kill(own.daemon.pid, signal.SIGSTOP)
    try:
        os.kill(target, signal.SIGKILL)
        own.watch.wait("stability-killed", after, subject_pid=target)
        own.watch.wait("instances-missing", after, part=keeper(own), seconds=7)
        assert own.watch.verdict("instances") == "abnormal"
    finally:
        os.kill(own.daemon.pid, signal.SIGCONT)
    proc.wait_until("another lsaiso", lambda: own.pid("lsaiso") not in (None, target), log=own.log)
