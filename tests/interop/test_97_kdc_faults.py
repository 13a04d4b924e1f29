# SPDX-License-Identifier: GPL-3.0-or-later
"""The endpoint when the real KDC is down, slow or mad, when many ask at once, and
when lsass is killed meanwhile: does everybody get an answer, a clear one, and is
nothing stuck or lost afterwards?

LSAISO_LONG=1: more of everything.
"""

import contextlib
import os
import re
import signal
import socket
import struct
import threading
import time

import pytest

from lib import endpoint, faultkdc, instance, proc, rawkdc, tickets, users
from lib.realm import AWAY, HOME, MANY

pytestmark = [pytest.mark.usefixtures("need_root"),
              pytest.mark.levels("process", why="the way to the KDC is the same at all levels")]
REALM = HOME.encode()
# libkrb5 gives up on a KDC after about this long; nothing takes longer.
PATIENCE = 40 * proc.SLOW
GROWTH = 3 << 20


class World:
    """A KDC that misbehaves, an endpoint that has no other, somebody with a stand-in."""

    def __init__(self, realm, **settings):
        self.realm = realm
        self.fault = faultkdc.FaultKdc(("127.0.0.1", realm.kdc[HOME]), realm.krbtgt_keytab)
        self.end = None
        try:
            self.end = endpoint.Endpoint(realm, settings, real={
                HOME: self.fault.port, AWAY: realm.kdc[AWAY]})
            self.user = users.User(self.end)
            self.user.kinit("alice").ok()
            self.cache = self.end.standins(self.user)
            _, creds = tickets.read_file_ccache(self.cache)
            self.held = rawkdc.Held.of(next(c for c in creds if c.is_tgt))
        except BaseException:
            self.stop()
            raise

    def stop(self):
        if self.end:
            self.end.stop()
        self.fault.stop()

    def service(self, n):
        return b"svc", b"n%03d.test.local" % (n % MANY)

    def ask(self, n=0, timeout=PATIENCE, **more):
        """As root, whom the endpoint serves with anybody's stand-in."""
        return rawkdc.tgs(self.end.at, self.held, REALM, self.service(n), timeout=timeout, **more)

    def kvno(self, *names, **env):
        return self.end.run(self.user, self.cache, "kvno", *names, **env)

    def counts(self):
        return self.end.call("Status").get("kdc", {"waiting": 0})


@pytest.fixture(scope="module")
def world(realm):
    made = World(realm)
    try:
        yield made
    finally:
        made.stop()


@pytest.fixture(autouse=True)
def healthy_afterwards(request):
    """Cured, it serves at once, nobody waits, and lsass has not been restarted."""
    if "world" not in request.fixturenames:
        yield
        return
    w = request.getfixturevalue("world")
    before = w.end.pid("lsass")
    yield
    w.fault.how = "relay"
    assert w.end.pid("lsass") == before, w.end.read_log()[-3000:]
    answer = w.ask(7)
    assert answer.held, answer
    proc.wait_until("nobody waits", lambda: w.counts()["waiting"] == 0, seconds=PATIENCE)


def refused(answer, *codes):
    """A KRB-ERROR that says something to people."""
    assert answer.code and answer.code in (codes or (answer.code,)), answer
    return answer


# ---- it works

def test_01_through_the_endpoint_and_not_without_it(world):
    world.kvno("HTTP/localhost").ok()
    world.end.straight(world.user, world.cache, "kvno", "smtp/localhost").fails(
        "Decrypt integrity check failed")
    for more in ({}, {"datagram": True}, {"subkey": os.urandom(32)}):
        assert world.ask(1, **more).held, more
    assert world.ask(2).usage == rawkdc.REP_SESSION
    assert world.ask(2, subkey=os.urandom(32)).usage == rawkdc.REP_SUBKEY


def test_02_another_user_gets_nothing_from_a_copy(world):
    other = users.User(world.end)
    with world.end.copy(world.cache, other) as stolen:
        world.end.run(other, stolen, "kvno", "cifs/localhost").fails()


# ---- faults of the KDC: an answer comes, and says what is the matter

def mad(world, how):
    if how == "other":
        world.fault.how = "remember"
        assert world.ask(20).held
    world.fault.how = how
    started = time.monotonic()
    with contextlib.suppress(rawkdc.Cut):
        refused(world.ask(21))
    assert time.monotonic() - started < PATIENCE
    said = world.kvno("ldap/localhost")
    assert said.code != 0 and said.seconds < PATIENCE, said


@pytest.mark.parametrize("how", ["other", "flip", "nonce", "skew"])
def test_09_an_answer_that_is_none(world, how):
    mad(world, how)


@pytest.mark.parametrize("how", ["close", "garbage", "empty", "cut", "short", "lying", "flood",
                                 "refuse"])
def test_10_a_mad_kdc(world, how, long_run):
    """Another answer may come yet: this takes as long as the patience of libkrb5."""
    if not long_run:
        pytest.skip("LSAISO_LONG=1: takes as long as patience")
    mad(world, how)


@pytest.mark.parametrize("how", ["twice", "mute", "toobig", "slow"])
def test_11_faults_that_nobody_needs_to_see(world, how):
    world.fault.how, world.fault.seconds = how, 2.0
    for n, datagram in ((30, False), (31, True)):
        answer = world.ask(n, datagram=datagram)
        assert answer.held, (how, answer)


def test_12_down(world):
    world.fault.down()
    try:
        started = time.monotonic()
        with pytest.raises(rawkdc.Cut):  # as if nobody listened here: libkrb5's own words
            world.ask(40)
        refused(world.ask(40, datagram=True), 52)
        assert time.monotonic() - started < 2 * proc.SLOW, "refused connections take no time"
        said = world.kvno("imap/localhost").fails("Cannot contact any KDC")
        assert said.seconds < 5 * proc.SLOW, said
    finally:
        world.fault.up()


def test_13_silent_and_others_are_served_meanwhile(world):
    """A realm that does not answer takes nothing from one that does."""
    world.fault.how = "silent"
    def wait(n):
        with contextlib.suppress(rawkdc.Cut):
            refused(world.ask(50 + n))
    late = [threading.Thread(target=wait, args=(n,)) for n in range(8)]
    for thread in late:
        thread.start()
    try:
        time.sleep(0.5)
        started = time.monotonic()
        got = rawkdc.ask(world.end.at, rawkdc.as_req(AWAY.encode(), (b"nobody",)), 10 * proc.SLOW)
        assert rawkdc.read_error(got)[0] == 6  # of the other realm's KDC
        assert time.monotonic() - started < 3 * proc.SLOW
        assert world.counts()["waiting"] >= 1
    finally:
        for thread in late:
            thread.join(PATIENCE + 10)
    assert not any(thread.is_alive() for thread in late), "somebody waits for ever"


def test_14_drip(world, long_run):
    """Octet by octet is no answer, either."""
    if not long_run:
        pytest.skip("LSAISO_LONG=1: takes as long as patience")
    world.fault.how = "drip"
    with contextlib.suppress(rawkdc.Cut):
        refused(world.ask(60, timeout=2 * PATIENCE))


# ---- clients that misbehave towards the endpoint

def mutations(message):
    yield "nothing", b""
    yield "one octet", b"\x6c"
    yield "zeroes", bytes(200)
    yield "noise", os.urandom(500)
    for n in (10, 60, len(message) // 2, len(message) - 1):
        yield f"{n} octets of it", message[:n]
    for at in range(0, len(message), max(1, len(message) // 20)):
        octets = bytearray(message)
        octets[at] ^= 0x41
        yield f"octet {at}", bytes(octets)


def test_20_rubbish_is_refused_or_relayed(world):
    """Not one of them brings a ticket whose key we can read. (An octet of the till, say,
    is in the checksum.)"""
    body, _ = rawkdc.tgs_body(REALM, world.service(70))
    message = rawkdc.tgs_req(world.held, body)
    for what, octets in mutations(message):
        for datagram in (False, True):
            if datagram and not octets:
                continue
            try:
                got = rawkdc.ask(world.end.at, octets, 1 * proc.SLOW, datagram)
                answer = rawkdc.read_rep(got, world.held)
            except (rawkdc.Cut, OSError, ValueError):
                continue  # no word to who does not speak it
            assert not answer.held or what.startswith("octet"), what


def test_21_lengths_that_lie_and_clients_that_dawdle(world):
    held = []
    try:
        for n in (0, 1, 0x7FFFFFFF, 0x80000000, 0xFFFFFFFF, 1 << 20, (1 << 20) + 1):
            s = socket.create_connection(world.end.at, timeout=10)
            held.append(s)
            with contextlib.suppress(OSError):
                s.sendall(struct.pack(">I", n) + b"\x6c" * 100)
        for _ in range(100):
            held.append(socket.create_connection(world.end.at, timeout=10))
        started = time.monotonic()
        assert world.ask(71).held
        assert time.monotonic() - started < 5 * proc.SLOW
    finally:
        for s in held:
            s.close()


def test_22_a_client_that_leaves(world):
    world.fault.how = "silent"
    body, _ = rawkdc.tgs_body(REALM, world.service(72))
    message = rawkdc.tgs_req(world.held, body)
    for _ in range(20):
        with socket.create_connection(world.end.at, timeout=10) as s:
            s.sendall(struct.pack(">I", len(message)) + message)
    world.fault.how = "relay"


def test_23_two_requests_over_one_connection(world):
    body, _ = rawkdc.tgs_body(REALM, world.service(73))
    message = rawkdc.tgs_req(world.held, body)
    framed = struct.pack(">I", len(message)) + message
    with socket.create_connection(world.end.at, timeout=PATIENCE) as s:
        s.sendall(framed)
        got = rawkdc.receive(s, struct.unpack(">I", rawkdc.receive(s, 4))[0])
        assert rawkdc.read_rep(got, world.held).held
        with contextlib.suppress(OSError, rawkdc.Cut):  # served, or closed: never mixed up
            s.sendall(framed)
            got = rawkdc.receive(s, struct.unpack(">I", rawkdc.receive(s, 4))[0])
            assert rawkdc.read_rep(got, world.held).held


# ---- many

class Crowd:
    """So many clients at once; each asks again and again until it is told to stop."""

    def __init__(self, world, clients, patient=False, names=MANY):
        self.world, self.patient, self.names = world, patient, names
        self.over = threading.Event()
        self.done, self.retries, self.wrong, self.longest = 0, 0, [], 0.0
        self.lock = threading.Lock()
        self.threads = [threading.Thread(target=self.client, args=(n,), daemon=True)
                        for n in range(clients)]

    def one(self, n, times):
        return self.world.ask((n * 7 + times) % self.names, datagram=times % 4 == 3 and not self.patient)

    def client(self, n):
        times = 0
        while not self.over.is_set():
            started = time.monotonic()
            while True:
                try:
                    answer = self.one(n, times)
                    if answer.held and answer.sname == self.world.service(
                            (n * 7 + times) % self.names):
                        break
                    why = f"client {n}: {answer}"
                except (OSError, rawkdc.Cut, ValueError) as e:
                    why = f"client {n}: {e!r}"
                with self.lock:
                    self.retries += 1
                    if not self.patient or time.monotonic() - started > PATIENCE:
                        self.wrong.append(why)
                        return
                time.sleep(0.2)
            times += 1
            with self.lock:
                self.done += 1
                self.longest = max(self.longest, time.monotonic() - started)

    def __enter__(self):
        for thread in self.threads:
            thread.start()
        return self

    def __exit__(self, *_):
        self.over.set()
        for thread in self.threads:
            thread.join(PATIENCE + 10)
        assert not any(thread.is_alive() for thread in self.threads), "a client hangs"


@pytest.fixture(scope="module")
def crowded(realm):
    made = World(realm, tgs={"rate": 100000, "burst": 100000})
    try:
        yield made
    finally:
        made.stop()


def test_30_64_clients_at_once(crowded, long_run):
    pid = crowded.end.pid("lsass")
    with Crowd(crowded, 64) as warm:
        time.sleep(2)
    files, memory = proc.descriptors(pid), proc.octets_in_status(pid)
    iso_files = proc.descriptors(crowded.end.pid("lsaiso"))
    with Crowd(crowded, 64) as crowd:
        time.sleep(60 if long_run else 5)
    print(f"{warm.done} + {crowd.done} tickets, the slowest {crowd.longest:.2f} s")
    assert not warm.wrong and not crowd.wrong, (warm.wrong + crowd.wrong)[:5]
    assert crowd.done >= 64
    proc.wait_until("all connections are closed",
                    lambda: proc.descriptors(pid) <= files and crowded.counts()["waiting"] == 0)
    assert crowded.end.pid("lsass") == pid
    if not instance.sanitized():  # a sanitizer keeps what is freed, for a while
        assert proc.octets_in_status(pid) - memory < GROWTH
    assert proc.descriptors(crowded.end.pid("lsaiso")) == iso_files


def test_30b_what_a_crowd_pushed_out_is_asked_anew(crowded, long_run):
    """lsaiso knows its latest 1024 requests; one whose answer is later than that, and again."""
    if not long_run:
        pytest.skip("LSAISO_LONG=1: thousands of requests")
    fault, got = crowded.fault, []
    fault.hold, fault.how = crowded.service(199)[1], "hold"
    try:
        one = threading.Thread(target=lambda: got.append(crowded.ask(199)))
        one.start()
        for n in range(3):
            proc.wait_until(f"request {n}", lambda n=n: len(fault.held) > n)
            with Crowd(crowded, 16, names=190) as crowd:
                proc.wait_until("the crowd", lambda c=crowd: c.done > 1100)
            assert not crowd.wrong
            fault.held[n][1].set()
        proc.wait_until("the fourth", lambda: len(fault.held) > 3)
        fault.held[3][1].set()
        one.join(PATIENCE)
        assert got and got[0].held, got
    finally:
        fault.how = "relay"


def test_31_64_programs_at_once(crowded):
    """As people have them: kvno, each a process with a cache of its own."""
    u = crowded.user
    caches = [crowded.end.standins(u, f"cc{n}") for n in range(64)]
    with contextlib.ExitStack() as stack:
        started = [stack.enter_context(_popen(crowded, u, cache, n))
                   for n, cache in enumerate(caches)]
        for n, one in enumerate(started):
            out = one.communicate(timeout=120 * proc.SLOW)[0].decode()
            assert one.returncode == 0, (n, out)


def _popen(world, user, cache, n):
    import subprocess
    names = ["/".join(p.decode() for p in world.service(n * 3 + i)) for i in range(3)]
    return subprocess.Popen(user.argv(["kvno", *names]), env=world.end.client_env(cache),
                            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                            stderr=subprocess.STDOUT)


def test_32_lsass_is_killed_under_load(crowded, long_run):
    """Clients ask again, and nobody goes without. Stand-ins outlive it."""
    with Crowd(crowded, 16, patient=True) as crowd:
        for _ in range(20 if long_run else 3):
            time.sleep(1.2)
            before, pid = crowd.done, crowded.end.pid("lsass")
            os.kill(pid, signal.SIGKILL)
            proc.wait_until("the next lsass", lambda p=pid: crowded.end.pid("lsass")
                            not in (None, p), log=crowded.end.log)
            proc.wait_until("tickets again", lambda b=before: crowd.done > b + 32,
                            seconds=PATIENCE, log=crowded.end.log)
    print(f"{crowd.done} tickets, {crowd.retries} retries, the slowest {crowd.longest:.2f} s")
    assert not crowd.wrong, crowd.wrong[:5]


def test_33_programs_do_not_notice_that_lsass_is_killed(crowded):
    """libkrb5 asks again by itself."""
    u = crowded.user
    stop = threading.Event()

    def killer():
        while not stop.wait(1.5):
            with contextlib.suppress(ProcessLookupError, TypeError):
                os.kill(crowded.end.pid("lsass"), signal.SIGKILL)
    thread = threading.Thread(target=killer)
    thread.start()
    failed = []
    try:
        for n in range(12):
            cache = crowded.end.another(crowded.cache, u, f"k{n}")
            names = ["/".join(p.decode() for p in crowded.service(n * 5 + i)) for i in range(5)]
            done = crowded.end.run(u, cache, "kvno", *names)
            if done.code:
                failed.append(str(done))
            time.sleep(0.2)
    finally:
        stop.set()
        thread.join()
    assert not failed, failed[:3]


def test_34_lsaiso_is_killed_under_load(crowded):
    """The logons are gone; each is told so, at once, and a new logon works."""
    with Crowd(crowded, 8, patient=False) as crowd:
        time.sleep(1)
        old = crowded.end.pid("lsaiso")
        os.kill(old, signal.SIGKILL)
        proc.wait_until("the next lsaiso", lambda: crowded.end.pid("lsaiso") not in (None, old),
                        log=crowded.end.log)
        time.sleep(1)
    assert len(crowd.wrong) == 8, "a ticket of the lsaiso that is gone was good for something"
    refused(crowded.ask(1))
    someone = users.User(crowded.end)
    someone.kinit("alice").ok()
    crowded.end.run(someone, crowded.end.standins(someone), "kvno", "HTTP/localhost").ok()


# ---- too large for a datagram

def test_40_a_reply_that_is_too_large_for_udp(realm):
    """A KDC that gives datagrams of 512 octets at most: the endpoint asks by TCP, and says
    the same to its client."""
    text = open(realm.kdc_config, encoding="utf-8").read()
    small = realm.folder.write("kdc-small.conf", re.sub(
        r"kdc_max_dgram_reply_size = \d+", "kdc_max_dgram_reply_size = 512", text))
    realm.restart_kdc(KRB5_KDC_PROFILE=small)
    try:
        made = World(realm)
        try:
            answer = made.ask(1, datagram=True)
            assert answer.held or answer.code == 52, answer
            assert made.ask(1).held
            made.kvno("HTTP/localhost").ok()
            made.kvno("ldap/localhost", KRB5_TRACE="/dev/stderr").ok()
        finally:
            made.stop()
    finally:
        realm.restart_kdc()
