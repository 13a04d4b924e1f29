# SPDX-License-Identifier: GPL-3.0-or-later
"""kill -9, in a loop, under load. lsass: no ticket is lost that should live.
lsaiso: the logons are gone, everybody is told to log on again. Neither: a hang
of more than HANG seconds, or growth of descriptors or memory.

LSAISO_LONG=1 kills for minutes instead of seconds.
"""

import os
import signal
import threading
import time

import pytest

from lib import instance, kcm, proc, users
from lib.kcm import Cred, Princ

HANG = 5.0 * proc.SLOW
ALICE = Princ.of("alice@TEST.LOCAL")
GROWTH = 2 << 20  # octets of resident memory that count as noise
LOST = (ConnectionError, OSError)


@pytest.fixture
def mine(realm):
    with instance.Instance(realm) as i:
        i.kills = {}
        yield i


@pytest.fixture
def rounds(long_run):
    return 60 if long_run else 6


def kill(inst, name, patience=20):
    """kill -9 by pid; returns the new pid once there is one.

    lsainit waits a little longer each time a child dies within a second of its
    start. The first few may; after those, each is left to live that long.
    """
    kills = inst.kills.setdefault(name, [])
    if len(kills) > 6:
        time.sleep(max(0, kills[-1] + 1.1 - time.monotonic()))
    pid = inst.pid(name)
    assert pid, f"{name} is not running\n{inst.read_log()}"
    os.kill(pid, signal.SIGKILL)
    proc.wait_until(f"restart of {name}", lambda: inst.pid(name) not in (None, pid),
                    seconds=patience, log=inst.log)
    kills.append(time.monotonic())
    if name == "lsaiso":
        inst.linked()
    return inst.pid(name)


def served(inst, within=HANG):
    """A fresh connection is answered; how long it took."""
    started = time.monotonic()
    while True:
        try:
            with inst.kcm(timeout=within) as k:
                k.noop()
            return time.monotonic() - started
        except LOST as e:
            if time.monotonic() - started > within:
                raise AssertionError(f"not served for {within} s: {e}\n{inst.read_log()}") from e
            time.sleep(0.01)


class Load(threading.Thread):
    """A client that stores and retrieves all the time, and connects again when
    its connection breaks. It knows which of its tickets must be there."""

    def __init__(self, inst, number):
        super().__init__(daemon=True)
        self.inst, self.uid = inst, users.fresh_uid()
        self.cache, self.number = "load", number
        self.must, self.may = {}, {}
        self.longest = 0.0
        self.calls = self.reconnects = 0
        self.wrong = []
        self.over = threading.Event()
        self.k = None

    def call(self, name, *arguments):
        """One call; a broken connection gives None and a new connection."""
        started = time.monotonic()
        try:
            if self.k is None:
                self.k = kcm.Kcm(self.inst.socket, uid=self.uid, timeout=2 * HANG)
                self.reconnects += 1
            answer = getattr(self.k, name)(*arguments)
            self.calls += 1
            return True, answer
        except kcm.KcmError as e:
            self.calls += 1
            return True, e
        except LOST as e:
            if isinstance(e, TimeoutError):
                self.wrong.append(f"{name}: no answer within {2 * HANG} s")
            if self.k:
                self.k.close()
            self.k = None
            return False, None
        finally:
            self.longest = max(self.longest, time.monotonic() - started)

    def run(self):
        try:
            while not self.call("initialize", self.cache, ALICE)[0]:
                time.sleep(0.01)
            n = 0
            while not self.over.is_set() and not self.wrong:
                n += 1
                self.store(n % 50, n)
                self.check(n % 50)
        except Exception as e:  # shown by the test
            self.wrong.append(repr(e))

    def store(self, slot, n):
        server = f"svc/{slot}@TEST.LOCAL"
        now = int(time.time())
        cred = Cred(ALICE, Princ.of(server), key=bytes(32), ticket=b"%d" % n,
                    times=(now, now, now + 3600, 0))
        done, answer = self.call("store", self.cache, cred)
        if isinstance(answer, kcm.KcmError):
            self.wrong.append(f"store: {answer}")
        elif done:
            self.must[server], self.may[server] = n, {n}
        else:  # it may have arrived, or not
            self.may.setdefault(server, {self.must.get(server)}).add(n)

    def check(self, slot):
        server = f"svc/{slot}@TEST.LOCAL"
        done, answer = self.call("retrieve", self.cache, Princ.of(server))
        if done:
            self.judge(server, answer)

    def judge(self, server, answer):
        allowed = self.may.get(server, {None})
        got = None if isinstance(answer, kcm.KcmError) else int(answer.ticket)
        if got not in allowed:
            self.wrong.append(f"{server}: {answer if got is None else got}, not of {allowed}")

    def finish(self):
        self.over.set()
        self.join(4 * HANG)
        assert not self.is_alive(), "a client hangs"
        while not self.call("noop")[0]:
            time.sleep(0.05)
        for server in sorted(self.must):
            self.judge(server, self.call("retrieve", self.cache, Princ.of(server))[1])
        assert not self.wrong, self.wrong[:3]
        assert self.longest < HANG, f"a call took {self.longest:.1f} s"
        self.k.close()


@pytest.fixture
def load(mine, need_root):
    clients = [Load(mine, n) for n in range(8)]
    for c in clients:
        c.start()
    yield clients
    for c in clients:
        c.over.set()


def steady(inst, name):
    pid = inst.pid(name)
    return proc.descriptors(pid), proc.octets_in_status(pid)


def did_not_grow(inst, name, before):
    fds, rss = steady(inst, name)
    assert fds <= before[0], f"{name}: {before[0]} descriptors became {fds}"
    assert rss <= before[1] + GROWTH or instance.sanitized(), \
        f"{name}: {before[1]} octets became {rss}"


def test_01_killing_lsass_under_load_loses_no_ticket(mine, load, rounds):
    time.sleep(0.5)
    kill(mine, "lsass")
    served(mine)
    before = steady(mine, "lsainit")
    for _ in range(rounds):
        time.sleep(0.4)
        kill(mine, "lsass")
        assert served(mine) < HANG
    for client in load:
        client.finish()
    did_not_grow(mine, "lsainit", before)
    assert sum(c.calls for c in load) > 500 / proc.SLOW and all(c.reconnects > rounds / 2 for c in load)


def test_02_a_logon_survives_the_death_of_lsass(mine, rounds):
    somebody = users.User(mine)
    somebody.kinit("alice").ok()
    somebody.kvno("HTTP/localhost", "HTTP/web.other.local@OTHER.LOCAL").ok()
    names = somebody.services()
    somebody.kinit("bob").ok()
    somebody.run("kswitch", "-p", "alice").ok()
    for n in range(rounds):
        kill(mine, "lsass")
        served(mine)
        assert somebody.services() == names
        somebody.klist("-l").ok().says("alice@TEST.LOCAL", "bob@TEST.LOCAL")
        # The sealed key still works: a ticket that nobody has cached.
        somebody.kvno(f"svc/n{n:03}.test.local").ok()
        names.append(f"svc/n{n:03}.test.local@TEST.LOCAL")
    assert somebody.services() == names


def test_03_a_destroyed_cache_stays_destroyed(mine):
    somebody = users.User(mine)
    somebody.kinit("alice").ok()
    somebody.kinit("bob").ok()
    somebody.run("kdestroy", "-p", "alice").ok()
    kill(mine, "lsass")
    served(mine)
    somebody.klist("-l").ok().says("bob@TEST.LOCAL").silent_about("alice@TEST.LOCAL")


def test_04_clients_in_the_middle_of_a_request_do_not_hang(mine):
    somebody = users.User(mine)
    somebody.kinit("alice").ok()
    slowest = 0.0
    over = time.monotonic() + 4
    killer = threading.Thread(target=lambda: [(time.sleep(0.7), kill(mine, "lsass"))
                                              for _ in range(4)])
    killer.start()
    n = 0
    while time.monotonic() < over or killer.is_alive():
        n += 1
        # A connection that breaks inside a request is the client's error to report.
        done = somebody.kvno(f"svc/n{n % 200:03}.test.local", timeout=2 * HANG)
        slowest = max(slowest, done.seconds)
    killer.join()
    assert slowest < HANG, f"a kvno took {slowest:.1f} s"
    somebody.kvno("cifs/localhost").ok()


def test_05_lsaiso_dies_and_everybody_is_told_to_log_on_again(mine, rounds):
    somebody = users.User(mine)
    for n in range(rounds):
        somebody.kinit("alice").ok()
        somebody.kvno("HTTP/localhost").ok()
        kill(mine, "lsaiso")
        served(mine)
        said = somebody.kvno(f"svc/n{n + 20:03}.test.local")
        said.fails("Ticket expired")
        assert said.seconds < HANG
        assert somebody.klist().seconds < HANG
        with somebody.kcm() as k:
            with pytest.raises(kcm.KcmError) as e:
                k.retrieve(k.default(), Princ.of("ldap/localhost@TEST.LOCAL"))
            assert e.value.code == kcm.TKT_EXPIRED
    somebody.kinit("alice").ok()
    somebody.kvno("HTTP/localhost", "ldap/localhost").ok()


def test_06_a_stopped_lsaiso_holds_nobody_for_ever_and_goes_on_later(mine):
    """Not dead, only stopped: lsass gives a call up after a while."""
    somebody = users.User(mine)
    somebody.kinit("alice").ok()
    pid = mine.pid("lsaiso")
    os.kill(pid, signal.SIGSTOP)
    try:
        done = somebody.kvno("HTTP/localhost", timeout=2 * HANG)
        done.fails("service is not available")
        assert done.seconds < HANG, f"a kvno took {done.seconds:.1f} s"
        assert served(mine) < HANG
        assert somebody.klist("-l").ok().seconds < HANG
    finally:
        os.kill(pid, signal.SIGCONT)
    time.sleep(0.5)
    assert mine.pid("lsaiso") == pid
    somebody.kinit("alice").ok()
    somebody.kvno("HTTP/localhost").ok()


def test_07_killing_lsaiso_under_load_grows_nothing(mine, load, rounds):
    somebody = users.User(mine)
    for _ in range(2):
        kill(mine, "lsaiso")
        served(mine)
    time.sleep(0.5)
    before = {name: steady(mine, name) for name in ("lsainit", "lsass")}
    for _ in range(rounds):
        somebody.kinit("alice").ok()
        somebody.kvno("HTTP/localhost").ok()
        kill(mine, "lsaiso")
        served(mine)
    somebody.kinit("alice").ok()
    somebody.kvno("HTTP/localhost").ok()
    for client in load:
        client.finish()
    somebody.run("kdestroy", "-A")
    # What the load itself has stored by now may take room, descriptors may not.
    did_not_grow(mine, "lsainit", before["lsainit"])
    fds, rss = steady(mine, "lsass")
    assert fds <= before["lsass"][0], f"lsass: {before['lsass'][0]} descriptors became {fds}"
    assert rss <= before["lsass"][1] + (8 << 20) or instance.sanitized(), \
        f"lsass: {before['lsass'][1]} became {rss}"


def test_08_both_at_once_again_and_again(mine, rounds):
    somebody = users.User(mine)
    for _ in range(max(2, rounds // 2)):
        first, second = mine.pid("lsass"), mine.pid("lsaiso")
        os.kill(second, signal.SIGKILL)
        os.kill(first, signal.SIGKILL)
        proc.wait_until("restart of both", lambda f=first, s=second:
                        mine.pid("lsass") not in (None, f) and mine.pid("lsaiso") not in (None, s),
                        seconds=30, log=mine.log)
        served(mine)
        somebody.kinit("alice").ok()
        somebody.kvno("HTTP/localhost").ok()


def test_09_when_lsainit_dies_nothing_stays_behind(realm):
    mine = instance.Instance(realm)
    pids = mine.pids
    os.kill(mine.daemon.pid, signal.SIGKILL)
    mine.daemon.process.wait()
    try:
        proc.wait_until("the end of lsaiso and lsass",
                        lambda: not [p for p in pids if proc.alive(p)], seconds=10, log=mine.log)
    finally:
        proc.end_processes(pids[1:])
        mine.daemon = None
        mine.stop()


def test_10_the_sequence_of_restarts_is_in_the_status(mine):
    def restarts():
        return {p["name"]: p["restarts"] for p in mine.call("Status")["processes"]}

    before = restarts()
    kill(mine, "lsass")
    served(mine)
    kill(mine, "lsaiso")
    served(mine)
    # It counts once it is up, which is later than that there is a process.
    proc.wait_until("the number of restarts", log=mine.log, check=lambda: restarts() == {
        **before, "lsass": before["lsass"] + 1, "lsaiso": before["lsaiso"] + 1})
