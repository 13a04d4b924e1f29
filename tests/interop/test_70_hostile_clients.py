# SPDX-License-Identifier: GPL-3.0-or-later
"""Can a client that sends rubbish, or nothing, or too slowly, harm the others?
Every test ends with: somebody else is served at once, and lsass has not
been restarted."""

import os
import random
import resource
import socket
import struct
import threading
import time

import pytest

from lib import kcm, proc, users
from lib.kcm import Princ

ALICE = Princ.of("alice@TEST.LOCAL")
SOON = 2.0 * proc.SLOW  # seconds in which an innocent client must have its answer


@pytest.fixture(autouse=True)
def others_are_served(lsaiso):
    before = lsaiso.pid("lsass") if hasattr(lsaiso, "pid") else None
    yield
    innocent = users.User(lsaiso)
    started = time.monotonic()
    with innocent.kcm(timeout=10) as k:
        k.initialize("fine", ALICE)
        assert k.principal("fine").same(ALICE)
        k.destroy("fine")
    assert time.monotonic() - started < SOON
    if before:
        assert lsaiso.pid("lsass") == before, "lsass was restarted: " + lsaiso.read_log()[-2000:]


def raw(user):
    s = socket.socket(socket.AF_UNIX)
    s.settimeout(10 * proc.SLOW)
    with users.effective(user.uid):
        s.connect(user.daemon.socket)
    return s


def dropped(s):
    """The other side ended the connection, or answers with an error only."""
    try:
        while True:
            got = s.recv(65536)
            if not got:
                return True
            if len(got) >= 12 and struct.unpack(">i", got[8:12])[0] == 0 and len(got) > 12:
                return False
    except socket.timeout:
        return False
    except OSError:
        return True


@pytest.mark.parametrize("octets", [
    b"\0" * 64, b"\xff" * 64, b"GET / HTTP/1.0\r\n\r\n", b"\0\0\0\0", b"\0\0\0\3abc",
    struct.pack(">IBBH", 4, 9, 9, 0), struct.pack(">IBBH", 4, 2, 0, 6),
    struct.pack(">IBBH", 4, 2, 0, 7), struct.pack(">IBBH", 4, 2, 0, 13002)],
    ids=["zeros", "ones", "http", "empty message", "short header", "other version",
         "store of nothing", "retrieve of nothing", "replace of nothing"])
def test_01_garbage_is_refused(user, octets):
    with raw(user) as s:
        s.sendall(octets)
        s.shutdown(socket.SHUT_WR)
        assert dropped(s)


@pytest.mark.parametrize("length", [0xFFFFFFFF, 0x80000000, 0x7FFFFFFF, 64 << 20, 11 << 20])
def test_02_a_huge_length_is_refused_before_memory_is_taken(user, lsaiso, length):
    before = proc.octets_in_status(lsaiso.pid("lsass"))
    with raw(user) as s:
        s.sendall(struct.pack(">I", length) + b"\2\0\0\6")
        assert dropped(s)
    assert proc.octets_in_status(lsaiso.pid("lsass")) - before < 8 << 20


def test_03_random_octets_many_times(user):
    dice = random.Random(20240229)
    for _ in range(200):
        with raw(user) as s:
            try:
                s.sendall(dice.randbytes(dice.randrange(1, 300)))
            except OSError:
                pass


def bodies():
    """Well-formed payloads of every operation, to be spoiled."""
    cred = kcm.Cred(ALICE, Princ.of("svc/x@TEST.LOCAL"), key=bytes(32), ticket=b"t" * 40)
    name, number = kcm.text("x"), struct.pack(">I", kcm.NORMAL)
    asked = kcm.match(client=ALICE, server=cred.server, etype=18, second=b"s")
    return {
        kcm.INITIALIZE: name + ALICE.encode(), kcm.STORE: name + cred.encode(),
        kcm.RETRIEVE: name + number + asked, kcm.REMOVE_CRED: name + number + asked,
        kcm.GET_CRED_BY_UUID: name + bytes(16), kcm.MOVE_CACHE: name + kcm.text("y"),
        kcm.SET_KDC_OFFSET: name + bytes(4), kcm.SET_FLAGS: name + bytes(4),
        kcm.GET_CACHE_BY_UUID: bytes(16), kcm.SET_DEFAULT_CACHE: name,
        kcm.REPLACE: name + bytes(4) + ALICE.encode() + struct.pack(">I", 1)
        + kcm.data(cred.encode()),
    }


@pytest.mark.parametrize("op", sorted(bodies()))
def test_04_every_prefix_of_a_message_is_refused(user, op):
    body = bodies()[op]
    with user.kcm() as k:
        k.initialize("x", ALICE)
    connection = user.kcm()
    for n in range(len(body)):
        try:
            connection.ask(op, body[:n])
            whole_at = op in (kcm.SET_FLAGS, kcm.SET_DEFAULT_CACHE) and n > 0
            assert whole_at, f"accepted {n} of {len(body)} octets"
        except kcm.KcmError:
            pass
        except (ConnectionError, OSError):
            connection.close()
            connection = user.kcm()
    connection.close()


@pytest.mark.parametrize("op", sorted(bodies()))
def test_05_counts_and_lengths_blown_up_are_refused(user, op):
    body = bodies()[op]
    dice = random.Random(op)
    connection = user.kcm()
    for _ in range(120):
        spoiled = bytearray(body)
        at = dice.randrange(len(spoiled))
        spoiled[at:at + 4] = dice.choice([b"\xff\xff\xff\xff", b"\x7f\xff\xff\xff", b"\0\1\0\0",
                                          b"\x80\0\0\0", dice.randbytes(4)])
        try:
            connection.ask(op, bytes(spoiled))
        except kcm.KcmError:
            pass
        except OSError:
            connection.close()
            connection = user.kcm()
    connection.close()


def test_06_one_octet_at_a_time_is_still_served(user):
    name = b"slow"
    message = struct.pack(">BBH", 2, 0, kcm.INITIALIZE) + name + b"\0" + ALICE.encode()
    with raw(user) as s:
        for octet in struct.pack(">I", len(message)) + message:
            s.sendall(bytes([octet]))
            time.sleep(0.005)
        assert s.recv(12) == struct.pack(">IIi", 4, 0, 0)


def test_07_two_messages_in_one_packet_are_both_answered_in_order(user):
    noop = struct.pack(">IBBH", 4, 2, 0, kcm.NOOP)
    with raw(user) as s:
        s.sendall(noop * 10)
        got = b""
        while len(got) < 120:
            more = s.recv(4096)
            assert more
            got += more
        assert got == struct.pack(">IIi", 4, 0, 0) * 10


def test_08_half_closed_clients_get_their_answer(user):
    with raw(user) as s:
        s.sendall(struct.pack(">IBBH", 4, 2, 0, kcm.GET_DEFAULT_CACHE))
        s.shutdown(socket.SHUT_WR)
        assert len(s.recv(4096)) > 12


def test_09_a_client_that_never_reads_its_answers(user, k):
    """5 MB of answers asked for, none of them read."""
    k.initialize("big", ALICE)
    for n in range(200):
        k.store("big", kcm.Cred(ALICE, Princ.of(f"svc/{n}@TEST.LOCAL"), key=bytes(32),
                                times=(0, 0, int(time.time()) + 99, 0), ticket=bytes(1000)))
    listing = struct.pack(">BBH", 2, 0, kcm.GET_CRED_LIST) + b"big\0"
    with raw(user) as s:
        s.settimeout(0.5)
        try:
            for _ in range(2000):
                s.sendall(struct.pack(">I", len(listing)) + listing)
        except OSError:
            pass
        with user.kcm() as other:
            started = time.monotonic()
            other.noop()
            assert time.monotonic() - started < SOON


def room_for_descriptors(n):
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if hard < n:
        pytest.skip(f"needs {n} descriptors, the limit is {hard}")
    resource.setrlimit(resource.RLIMIT_NOFILE, (max(soft, n), hard))


def test_10_hundreds_of_silent_connections(user):
    room_for_descriptors(2000)
    silent = [raw(user) for _ in range(600)]
    for s in silent[:300]:
        s.sendall(b"\0\0")  # in the middle of a message, for ever
    with user.kcm() as k:
        k.noop()
    for s in silent:
        s.close()


def test_11_one_user_cannot_take_all_connections(lsaiso, need_root):
    room_for_descriptors(5000)
    greedy = users.User(lsaiso)
    taken = []
    try:
        for _ in range(2300):
            taken.append(raw(greedy))
        innocent = users.User(lsaiso)
        with innocent.kcm(timeout=5) as k:
            k.noop()
    finally:
        for s in taken:
            s.close()


def test_12_a_thousand_clients_at_once_are_all_served(lsaiso, need_root):
    room_for_descriptors(4000)
    people = [users.User(lsaiso) for _ in range(50)]
    connections = [people[n % 50].kcm() for n in range(1000)]
    errors = []

    def work(mine):
        try:
            for n, k in mine:
                k.initialize(f"c{n}", ALICE)
                k.store(f"c{n}", kcm.Cred(ALICE, Princ.of("svc/x@TEST.LOCAL"), ticket=b"t",
                                          times=(0, 0, int(time.time()) + 600, 0)))
            for n, k in mine:
                assert k.retrieve(f"c{n}", Princ.of("svc/x@TEST.LOCAL")).ticket == b"t"
                k.destroy(f"c{n}")
        except Exception as e:  # reported below, by the test's own thread
            errors.append(repr(e))

    numbered = list(enumerate(connections))
    threads = [threading.Thread(target=work, args=(numbered[t::20],)) for t in range(20)]
    started = time.monotonic()
    for t in threads:
        t.start()
    for t in threads:
        t.join(120 * proc.SLOW)
    took = time.monotonic() - started
    for k in connections:
        k.close()
    assert errors == []
    assert took < 60 * proc.SLOW, f"{took:.1f} s"


def test_13_quota_is_a_clear_error_and_locks_nobody_out(user, k):
    k.initialize("full", ALICE)
    refused = None
    for n in range(5000):
        try:
            k.store("full", kcm.Cred(ALICE, Princ.of(f"svc/{n}@TEST.LOCAL"), key=bytes(32),
                                     times=(0, 0, int(time.time()) + 600, 0), ticket=b"t"))
        except kcm.KcmError as e:
            refused = e.code
            break
    assert refused in (kcm.CC_WRITE, kcm.CC_NOMEM), refused
    assert 4000 <= n <= 4200
    user.kinit("alice").ok()
    user.kvno("HTTP/localhost").ok()
    k.destroy("full")


def test_14_too_many_caches_make_room_or_say_so(user, k):
    expired = kcm.Cred(ALICE, Princ.of("krbtgt/TEST.LOCAL@TEST.LOCAL"), key=os.urandom(32),
                       times=(0, 0, int(time.time()) - 600, 0), ticket=b"t")
    for n in range(1100):
        try:
            k.initialize(f"c{n}", ALICE)
            if n == 0:
                k.store("c0", expired)
        except kcm.KcmError as e:
            assert e.code in (kcm.CC_WRITE, kcm.CC_NOMEM)
            break
    assert len(k.cache_uuids()) <= 1024
    with user.kcm() as other:
        other.noop()


def test_15_asking_for_what_is_not_there_does_not_flood_the_kdc(alice, k, realm):
    """The KDC's refusal is remembered for a while ([tgs] negative_seconds)."""
    name = k.default()
    nobody = Princ.of("nosuch/flood@TEST.LOCAL")
    for _ in range(50):
        with pytest.raises(kcm.KcmError) as e:
            k.retrieve(name, nobody)
        assert e.value.code == kcm.KDC_S_PRINCIPAL_UNKNOWN
    asked = [line for line in realm.kdc_log().splitlines() if "nosuch/flood" in line]
    assert 1 <= len(asked) <= 6, len(asked)


def test_16_identical_requests_in_flight_are_one_request_to_the_kdc(alice, realm):
    server = Princ.of("svc/n150.test.local@TEST.LOCAL")
    connections = [alice.kcm() for _ in range(20)]
    name = connections[0].default()
    message = kcm.text(name) + struct.pack(">I", kcm.NORMAL) + kcm.match(server=server)
    for c in connections:
        c.send(kcm.RETRIEVE, message)
    assert [c.receive()[0] for c in connections] == [0] * 20
    for c in connections:
        c.close()
    asked = [line for line in realm.kdc_log().splitlines()
             if "TGS_REQ" in line and "svc/n150" in line and "ISSUE" in line]
    assert len(asked) == 1, asked
