# SPDX-License-Identifier: GPL-3.0-or-later
"""Does the local KDC endpoint carry what is not its own, whoever asks and however
badly? Real KDCs behind it, or one that misbehaves; no stand-in is in play here."""

import os
import random
import signal
import socket
import struct
import threading
import time

import pytest

from lib import der, endpoint, faultkdc, instance, proc, rawkdc, users
from lib.instance import lsactl
from lib.realm import AWAY, HOME, PASSWORDS

LOCAL = b"TEST.LOCAL"
MOST = 1 << 20
TOO_BIG, TOO_LONG, MSG_TYPE, GENERIC = 52, 61, 40, 60


class Everywhere(endpoint.Endpoint):
    """TCP and UDP by IPv4 and IPv6, and a UNIX socket."""

    def __init__(self, realm, settings=None, **more):
        self.six = ("::1", proc.free_port())
        self.path = None
        ours = {name: dict(keys) for name, keys in (settings or {}).items()}
        self.extra = ours.setdefault("kdc", {})
        super().__init__(realm, ours, **more)

    def write_config(self, settings):
        self.path = self.folder("kdc.sock")
        settings["kdc"].update(listen="127.0.0.1:%d [::1]:%d" % (self.at[1], self.six[1]),
                               socket=self.path)
        return super().write_config(settings)

    def counts(self):
        return self.call("Status")["kdc"]

    def ways(self):
        """(address, datagram)"""
        return [(self.at, False), (self.at, True), (self.six, False), (self.six, True),
                (self.path, False)]


@pytest.fixture(scope="module")
def front(realm):
    with Everywhere(realm, {"limits": {"idle_seconds": 2}}) as inst:
        yield inst


@pytest.fixture
def faulty(realm):
    """An endpoint in front of a KDC that misbehaves, with few places."""
    with faultkdc.FaultKdc(("127.0.0.1", realm.kdc[HOME])) as fault, \
            faultkdc.FaultKdc(("127.0.0.1", realm.kdc[AWAY])) as away, \
            Everywhere(realm, {"kdc": {"requests": 5, "requests_per_user": 3}},
                       real={HOME: fault.port, AWAY: away.port}) as inst:
        inst.fault, inst.away = fault, away
        yield inst


def logon():
    return rawkdc.as_req(LOCAL, (b"alice",))


def frame(message):
    return struct.pack(">I", len(message)) + message


def connect(address, timeout=30):
    if isinstance(address, str):
        s = socket.socket(socket.AF_UNIX)
        s.settimeout(timeout)
        s.connect(address)
        return s
    return socket.create_connection(address, timeout)


def answer(s):
    return rawkdc.receive(s, struct.unpack(">I", rawkdc.receive(s, 4))[0])


def over(s):
    """The other side has closed it, in order or not."""
    try:
        return s.recv(1) == b""
    except ConnectionResetError:
        return True


def unreached(address, message, datagram=False, timeout=30):
    """As if nobody listened there, which clients understand at once: cut off, or sent to TCP."""
    if datagram:
        assert error_of(rawkdc.ask(address, message, timeout, datagram=True)) == TOO_BIG
        return
    with pytest.raises((rawkdc.Cut, ConnectionResetError)):
        rawkdc.ask(address, message, timeout)


def error_of(octets):
    assert octets[:1] == b"\x7e", octets[:40]
    return rawkdc.read_error(octets)[0]


# ---- what is carried

def test_01_every_way_in(front):
    before = front.counts()
    for address, datagram in front.ways():
        assert rawkdc.ask(address, logon(), datagram=datagram)[0] == 0x6B, (address, datagram)
    after = front.counts()
    assert after["relayed"] - before["relayed"] == 5
    assert after["requests"] - before["requests"] == 5
    assert after["strangers"] == before["strangers"]


@pytest.mark.parametrize("limit", [1, 32700], ids=["tcp", "udp"])
@pytest.mark.parametrize("six", [False, True], ids=["v4", "v6"])
def test_02_kinit_types_a_password(front, limit, six):
    where = f"[::1]:{front.six[1]}" if six else f"127.0.0.1:{front.at[1]}"
    config = front.realm.folder.write(f"krb5-front-{limit}-{six}.conf", f"""[libdefaults]
    default_realm = {HOME}
    udp_preference_limit = {limit}
    dns_lookup_kdc = false
[realms]
    {HOME} = {{
        kdc = {where}
    }}
    {AWAY} = {{
        kdc = {where}
    }}
""")
    user = users.User(front)
    cache = os.path.join(front.caches, f"typed-{limit}-{six}")
    env = front.realm.env(config=config, KRB5CCNAME=f"FILE:{cache}")
    proc.run(user.argv(["kinit", "alice"]), env=env, stdin=PASSWORDS["alice"] + "\n").ok()
    proc.run(user.argv(["kvno", "HTTP/localhost"]), env=env).ok()
    # By a referral to the other realm, whose KDC is asked through the same endpoint.
    proc.run(user.argv(["kvno", "HTTP/web.other.local@OTHER.LOCAL"]), env=env).ok()
    proc.run(user.argv(["kinit", "alice"]), env=env, stdin="wrong\n").fails()


def test_03_a_realm_that_nobody_knows(front):
    for address, datagram in front.ways():
        unreached(address, rawkdc.as_req(b"NOWHERE.TEST", (b"a",)), datagram)


def test_04_several_on_one_connection(front):
    for address in (front.at, front.path):
        with connect(address) as s:
            for _ in range(5):
                s.sendall(frame(logon()))
                assert answer(s)[0] == 0x6B
            # The next ones before the answers: one after the other, in order.
            s.sendall(b"".join(frame(logon()) for _ in range(5)))
            for _ in range(5):
                assert answer(s)[0] == 0x6B
            s.sendall(frame(logon()))
            s.shutdown(socket.SHUT_WR)
            assert answer(s)[0] == 0x6B
            assert over(s)


def test_05_octet_by_octet(front):
    with connect(front.at) as s:
        s.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        for octet in frame(logon()):
            s.sendall(bytes([octet]))
        assert answer(s)[0] == 0x6B


def test_06_a_slow_reader(front):
    with socket.socket() as s:
        s.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1)
        s.settimeout(30)
        s.connect(front.at)
        for _ in range(20):
            s.sendall(frame(logon()))
        time.sleep(0.3)
        for _ in range(20):
            assert answer(s)[0] == 0x6B


# ---- what is none

@pytest.mark.parametrize("first", [0x6B, 0x6D, 0x6E, 0x6F, 0x74, 0x7E, 0x00, 0xFF])
def test_10_other_messages(front, first):
    message = bytes([first]) + logon()[1:]
    for address, datagram in front.ways():
        assert error_of(rawkdc.ask(address, message, datagram=datagram)) == MSG_TYPE


@pytest.mark.parametrize("first", [0x6A, 0x6C])
def test_11_what_names_no_realm(front, first):
    for rest in (b"", b"\0", b"\x02\x30\0", b"\x80\0\0", logon()[1:-1], os.urandom(300)):
        assert error_of(rawkdc.ask(front.at, bytes([first]) + rest)) == GENERIC
        assert error_of(rawkdc.ask(front.at, bytes([first]) + rest, datagram=True)) == GENERIC


@pytest.mark.parametrize("length", [0, MOST + 1, 0x7FFFFFFF, 0x80000000, 0xFFFFFFFF])
def test_12_a_length_that_cannot_be(front, length):
    with connect(front.at) as s:
        s.sendall(struct.pack(">I", length))
        assert error_of(answer(s)) == TOO_LONG
        assert over(s)
    assert rawkdc.ask(front.at, logon())[0] == 0x6B


def test_13_the_longest(front):
    """Taken whole, and then seen to be no request; it costs what was sent."""
    with connect(front.at) as s:
        s.sendall(frame(b"\x7e" + bytes(MOST - 1)))
        assert error_of(answer(s)) == MSG_TYPE
        s.sendall(frame(logon()))
        assert answer(s)[0] == 0x6B
    with socket.socket(type=socket.SOCK_DGRAM) as s:
        s.settimeout(30)
        s.connect(front.at)
        s.send(b"\x7e" + bytes(65506))
        assert error_of(s.recv(65536)) == MSG_TYPE
        s.send(b"")  # nothing is said to nothing
        s.send(logon())
        assert s.recv(65536)[0] == 0x6B


def test_14_the_middle_of_a_message(front):
    """Who stays there is cut off after [limits] idle_seconds, and so is who says nothing."""
    begin = time.monotonic()
    halves = [connect(address) for address in (front.at, front.six, front.path)]
    for s, part in zip(halves, (b"", b"\0\0", frame(logon())[:-1])):
        s.sendall(part)
    for s in halves:
        assert over(s)
        s.close()
    assert 1.5 < time.monotonic() - begin < 8 * proc.SLOW


def test_15_announced_and_not_sent_costs_nothing(front):
    pid = front.pid("lsass")
    before = proc.octets_in_status(pid)
    held = [connect(front.at) for _ in range(100)]
    for s in held:
        s.sendall(struct.pack(">I", MOST) + b"\x6a")
    assert rawkdc.ask(front.at, logon())[0] == 0x6B
    assert proc.octets_in_status(pid) - before < 8 << 20
    for s in held:
        s.close()


def test_16_noise(front):
    rng = random.Random(16)
    whole = logon()
    for _ in range(300):
        message = bytearray(whole)
        for _ in range(rng.randrange(1, 6)):
            message[rng.randrange(len(message))] = rng.randrange(256)
        cut = message[:rng.choice((len(message), rng.randrange(1, len(message))))]
        # KDCs say nothing to most of it: whoever waits is gone before they are given up.
        with connect(front.path, 0.02) as s:
            s.sendall(frame(bytes(cut)))
            try:
                assert answer(s)[0] in (0x6B, 0x7E)
            except (TimeoutError, rawkdc.Cut, ConnectionResetError):
                pass  # no such realm, say
    with socket.socket(type=socket.SOCK_DGRAM) as s:
        s.connect(front.at)
        for _ in range(300):
            s.send(rng.randbytes(rng.randrange(1, 2000)))
    assert rawkdc.ask(front.at, logon())[0] == 0x6B
    proc.wait_until("nobody waits", lambda: front.counts()["waiting"] == 0, log=front.log)


def test_17_who_goes_away(front):
    for i in range(60):
        s = connect((front.at, front.six, front.path)[i % 3])
        s.sendall(frame(logon())[:random.choice((3, 50, 10000))])
        if i % 2:
            s.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        s.close()
    proc.wait_until("no client", lambda: front.counts()["clients"] == 0, log=front.log)
    assert front.counts()["waiting"] == 0


# ---- KDCs that are no good

def test_20_no_kdc(faulty):
    faulty.fault.down()
    try:
        for address, datagram in faulty.ways():
            unreached(address, logon(), datagram)
        assert faulty.counts()["failed"] == 5
    finally:
        faulty.fault.up()
    assert rawkdc.ask(faulty.at, logon())[0] == 0x6B


def test_21_an_answer_too_long_for_a_datagram(faulty):
    long = der.build([[0x6B, [[0x04, bytes(5000)]]]])
    fits = der.build([[0x6B, [[0x04, bytes(4096 - 8)]]]])
    assert len(fits) == 4096
    faulty.fault.do_say = lambda m, conn, whose: faulty.fault._say(faulty.said, conn, whose)
    faulty.fault.how = "say"
    for faulty.said, comes in ((fits, True), (long, False)):
        got = rawkdc.ask(faulty.at, logon(), datagram=True)
        assert got == faulty.said if comes else error_of(got) == TOO_BIG
        for address in (faulty.at, faulty.six, faulty.path):
            assert rawkdc.ask(address, logon()) == faulty.said


def slow(faulty, seconds):
    for kdc in (faulty.fault, faulty.away):
        kdc.how, kdc.seconds = "slow", seconds


class Many:
    """n requests at once, each in its own connection, of uid."""

    def __init__(self, address, n, uid=None, message=None):
        self.got, self.threads, self.message = [], [], message or logon()
        for _ in range(n):
            with users.effective(uid):
                s = connect(address, 120)
            self.threads.append(threading.Thread(target=self._one, args=(s,)))
            self.threads[-1].start()

    def _one(self, s):
        try:
            with s:
                s.sendall(frame(self.message))
                got = answer(s)
                self.got.append(got[0] if got[0] == 0x6B else rawkdc.read_error(got))
        except (OSError, rawkdc.Cut) as e:
            self.got.append(e)

    def join(self):
        for thread in self.threads:
            thread.join(120)
        return self.got


def until_waiting(inst, waiting, queued):
    proc.wait_until(f"{waiting} that wait and {queued} in the queue",
                    lambda: (lambda c: (c["waiting"], c["queued"]) == (waiting, queued))(
                        inst.counts()), log=inst.log)


def test_22_as_many_at_once_as_are_let(faulty):
    """Three of one user, five of all; the others wait their turn, and nothing is lost."""
    if os.geteuid() != 0:
        pytest.skip("two users need root")
    slow(faulty, 1.5)
    one, other = users.fresh_uid(), users.fresh_uid()
    first = Many(faulty.at, 3, one)
    until_waiting(faulty, 3, 0)
    more = Many(faulty.six, 2, one)
    until_waiting(faulty, 3, 2)
    # A datagram cannot wait; by TCP it could.
    with users.effective(one):
        assert error_of(rawkdc.ask(faulty.at, logon(), datagram=True)) == TOO_BIG
    # Of another realm: this one's KDC keeps it waiting, and may not have all places.
    others = Many(faulty.path, 2, other, rawkdc.as_req(b"OTHER.LOCAL", (b"nobody",)))
    until_waiting(faulty, 5, 2)
    mine = Many(faulty.at, 1)  # root's, but there is no place
    until_waiting(faulty, 5, 3)
    for many, n in ((first, 3), (more, 2), (mine, 1)):
        assert many.join() == [0x6B] * n
    assert [code for code, _ in others.join()] == [6, 6]  # KDC_ERR_C_PRINCIPAL_UNKNOWN
    until_waiting(faulty, 0, 0)


def test_23_who_leaves_the_queue(faulty):
    if os.geteuid() != 0:
        pytest.skip("two users need root")
    slow(faulty, 2)
    one = users.fresh_uid()
    first = Many(faulty.at, 3, one)
    until_waiting(faulty, 3, 0)
    with users.effective(one):
        gone = [connect(a) for a in (faulty.at, faulty.six, faulty.path) for _ in range(3)]
    for s in gone:
        s.sendall(frame(logon()))
    until_waiting(faulty, 3, 9)
    for s in gone[:6]:
        s.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    for s in gone:
        s.close()
    until_waiting(faulty, 3, 0)
    assert first.join() == [0x6B] * 3


def test_24_who_leaves_while_a_kdc_is_asked(faulty):
    faulty.fault.how = "silent"
    held = [connect(faulty.path) for _ in range(5)]
    for s in held:
        s.sendall(frame(logon()))
    until_waiting(faulty, 5, 0)
    for s in held:
        s.close()
    until_waiting(faulty, 0, 0)
    faulty.fault.how = "relay"
    assert rawkdc.ask(faulty.at, logon())[0] == 0x6B


def test_25_no_answer(faulty):
    """It comes to an end, which says so, and the next one is answered."""
    faulty.fault.how = "close"
    unreached(faulty.at, logon(), timeout=60 * proc.SLOW)
    faulty.fault.how = "relay"
    assert rawkdc.ask(faulty.at, logon())[0] == 0x6B
    until_waiting(faulty, 0, 0)


# ---- limits of connections

def test_30_connections(realm):
    if os.geteuid() != 0:
        pytest.skip("two users need root")
    with Everywhere(realm, {"limits": {"connections": 20, "connections_per_user": 4}}) as inst:
        one, other = users.fresh_uid(), users.fresh_uid()
        held = []

        def more(uid, address, let):
            with users.effective(uid):
                s = connect(address)
            if not let:
                assert over(s)
                s.close()
                return
            s.sendall(frame(logon()))
            assert answer(s)[0] == 0x6B
            held.append(s)
        for address in (inst.at, inst.six, inst.path, inst.at):
            more(one, address, True)
        for address in (inst.at, inst.six, inst.path):
            more(one, address, False)
        more(other, inst.at, True)
        for _ in range(15):
            more(None, inst.at, True)  # root is bound by the first number only
        more(None, inst.at, False)
        more(other, inst.path, False)
        for s in held:
            s.close()
        proc.wait_until("no client", lambda: inst.counts()["clients"] == 0, log=inst.log)
        assert rawkdc.ask(inst.at, logon())[0] == 0x6B
        assert inst.log_has("turned away: limits connections_per_user")


# ---- lsass ends and comes again

def test_40_a_restart_loses_nobody_in_the_backlog(front):
    pid = front.pid("lsass")
    os.kill(pid, signal.SIGSTOP)
    streams = [connect(address) for address in (front.at, front.six, front.path)
               for _ in range(20)]
    for s in streams:
        s.sendall(frame(logon()))
    asked = socket.socket(type=socket.SOCK_DGRAM)
    asked.settimeout(30)
    asked.connect(front.at)
    asked.send(logon())
    os.kill(pid, signal.SIGKILL)
    for s in streams:
        assert answer(s)[0] == 0x6B
        s.close()
    assert asked.recv(65536)[0] == 0x6B
    asked.close()
    assert front.pid("lsass") != pid
    assert front.counts()["strangers"] == 0


def test_41_restarts_under_load(front):
    """A client that was being served may be cut off; it asks again, and none waits for ever."""
    stop, bad, good = time.monotonic() + 6, [], []

    def client(address):
        while time.monotonic() < stop:
            try:
                assert rawkdc.ask(address, logon(), timeout=30)[0] == 0x6B
                good.append(address)
            except (OSError, rawkdc.Cut) as e:
                bad.append(e)
            except AssertionError as e:
                bad.append(e)
                raise
    threads = [threading.Thread(target=client, args=(a,))
               for a in (front.at, front.six, front.path) for _ in range(3)]
    for t in threads:
        t.start()
    for _ in range(3):
        time.sleep(1.5)
        pid = front.pid("lsass")
        if pid:
            os.kill(pid, signal.SIGKILL)
    for t in threads:
        t.join(60)
        assert not t.is_alive()
    assert len(good) > 50
    assert len(bad) <= 3 * len(threads), bad
    assert not [e for e in bad if isinstance(e, (TimeoutError, ConnectionRefusedError))], bad


# ---- starting

def refused(realm, settings, *words, uid=None):
    inst = instance.Instance(realm, start=False)
    try:
        argv = [instance.program("lsainit"), "--config", inst.write_config(settings)]
        if uid is not None:
            for name in ("run", "state", "kcm"):
                os.chown(inst.folder(name), uid, uid)
            argv = ["setpriv", f"--reuid={uid}", f"--regid={uid}", "--clear-groups",
                    "--inh-caps=-all", *argv]
        proc.run(argv, timeout=20 * proc.SLOW).fails(*words)
        return inst
    finally:
        inst.stop()


@pytest.mark.parametrize("where,says", [
    ("0.0.0.0:8888", "is no loopback address"), ("[::]:8888", "is no loopback address"),
    ("127.0.0.1", "no address with a port"), ("localhost:88", "no address with a port"),
    ("127.0.0.1:1 127.0.0.1:1", "twice"),
    ("127.0.0.1:1 127.0.0.1:2 127.0.0.1:3 127.0.0.1:4 127.0.0.1:5", "more than 4 addresses")])
def test_50_addresses_that_are_refused(realm, where, says):
    refused(realm, {"kdc": {"listen": where}}, "[kdc] listen", says)


@pytest.mark.parametrize("kind", [socket.SOCK_STREAM, socket.SOCK_DGRAM], ids=["tcp", "udp"])
def test_51_a_port_in_use(realm, kind):
    with socket.socket(type=kind) as s:
        port = proc.free_port()  # for the other kind of socket, too
        s.bind(("127.0.0.1", port))
        if kind == socket.SOCK_STREAM:
            s.listen()
        name = "TCP" if kind == socket.SOCK_STREAM else "UDP"
        refused(realm, {"kdc": {"listen": f"127.0.0.1:{port}"}},
                f"127.0.0.1:{port}, {name}: Address already in use, by pid {os.getpid()} (")


def test_52_another_instance_has_it(front):
    refused(front.realm, {"kdc": {"socket": front.path}}, "is in use by another daemon",
            "(lsainit)")
    assert os.path.exists(front.path)  # and it is still theirs
    assert rawkdc.ask(front.path, logon())[0] == 0x6B


def test_53_a_port_of_root(realm):
    if os.geteuid() != 0:
        pytest.skip("another user needs root")
    with open("/proc/sys/net/ipv4/ip_unprivileged_port_start", encoding="ascii") as file:
        if int(file.read()) <= 88:
            pytest.skip("any user may take port 88 here (net.ipv4.ip_unprivileged_port_start)")
    refused(realm, {"kdc": {"listen": "127.0.0.1:88"}}, "a port below 1024 is root's",
            uid=users.fresh_uid())


def test_54_a_start_again_at_once(realm):
    """Connections of the last one in TIME_WAIT do not matter."""
    inst = Everywhere(realm)
    try:
        for _ in range(5):
            assert rawkdc.ask(inst.at, logon())[0] == 0x6B
        held = connect(inst.at)
        inst.terminate()
        inst.daemon.process.wait(15 * proc.SLOW)
        assert not os.path.exists(inst.path)
        inst.start()
        held.close()
        for address, datagram in inst.ways():
            assert rawkdc.ask(address, logon(), datagram=datagram)[0] == 0x6B
    finally:
        inst.stop()


def test_55_status(front):
    rawkdc.ask(front.at, logon())
    got = front.counts()
    assert got["sockets"] == [f"127.0.0.1:{front.at[1]} TCP", f"127.0.0.1:{front.at[1]} UDP",
                              f"[::1]:{front.six[1]} TCP", f"[::1]:{front.six[1]} UDP",
                              f"{front.path} UNIX"]
    assert got["requests"] >= got["relayed"] > 0 == got["translated"]
    lsactl(front, "status").says("KDC at: 127.0.0.1:%d TCP" % front.at[1], "0 for their turn")


def test_56_without_it(realm):
    with instance.Instance(realm) as inst:
        assert inst.call("Status")["kdc"] is None
        lsactl(inst, "status").silent_about("KDC at:")


# ---- whose a request is

def test_60_another_network_reaches_nothing(front):
    """Its loopback is another; only the UNIX socket goes through, by SO_PEERCRED."""
    if os.geteuid() != 0:
        pytest.skip("a network of its own needs root")
    apart = proc.Daemon(["unshare", "-n", "sleep", "60"], front.folder("apart"))
    try:
        proc.wait_until("a network of its own", lambda: os.readlink(
            f"/proc/{apart.pid}/ns/net") != os.readlink("/proc/self/ns/net"))
        with pytest.raises(OSError):
            rawkdc.in_network(apart.pid, rawkdc.ask, front.at, logon(), 5)
        before = front.counts()["strangers"]
        assert rawkdc.in_network(apart.pid, rawkdc.ask, front.path, logon())[0] == 0x6B
        assert front.counts()["strangers"] == before
    finally:
        apart.stop()


def test_61_a_datagram_whose_sender_is_gone(front):
    before = front.counts()["strangers"]
    pid = front.pid("lsass")
    os.kill(pid, signal.SIGSTOP)
    try:
        with socket.socket(type=socket.SOCK_DGRAM) as s:
            s.sendto(logon(), front.at)
    finally:
        os.kill(pid, signal.SIGCONT)
    proc.wait_until("a stranger", lambda: front.counts()["strangers"] == before + 1)
