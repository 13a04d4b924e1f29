#!/usr/bin/python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""Does lsaiso-host serve one guest as include/rpc/stream.h says, whatever comes?

usage: guest_live.py BUILD_FOLDER

Runs real instances with [run] serves = guest, level process, in private
folders; this program is the guest and speaks to their sockets. What needs
other users runs as root only and is said to be skipped otherwise.
"""

import os
import signal
import socket
import struct
import subprocess
import sys
import time
import unittest

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, HERE)
sys.dont_write_bytecode = True

import lsainit_live  # noqa: E402
from lsainit_live import program, until  # noqa: E402

MAGIC, END = 0x5341534C, b"END\n"
HELLO, WELCOME, REFUSED, CALL, REPLY, GONE = range(1, 7)
VERSION, TENANT, BUSY, RATE, ISO = range(1, 6)
BODY = 69632  # RPC_REQ_MAX
SYNC = bytes(16 + BODY + 4)
PING, CONFIGURE, STATUS, OPEN, CLOSE, INFO, ABSORB, SEAL, UNSEAL, ROOT = range(1, 11)
OK, E_FRAME, E_OP, E_PHASE, E_RANGE, E_SESSION = range(6)
WAIT = 15
MONITOR = 64321  # a user that nobody has
GROWTH_KB = 256  # what a flood may leave behind in memory: pages touched first then


def sanitized():
    with open(program("lsaiso-host"), "rb") as file:
        return b"__asan_init" in file.read()


SANITIZED = os.access(program("lsaiso-host"), os.R_OK) and sanitized()


def frame(kind, seq, payload=b""):
    return struct.pack("<IIII", MAGIC, kind, seq, len(payload)) + payload + END


def request(op, payload=b""):
    return struct.pack("<HHI", 1, op, len(payload)) + payload


def hello(machine, nonce, version=1, rpc=1):
    return frame(HELLO, 0, struct.pack("<II", version, rpc) + nonce + machine)


class Host(lsainit_live.Instance):
    """One lsainit that serves a guest."""

    def __init__(self, case, extra="", more_guest="", uid=None):
        self.extra_guest = more_guest
        super().__init__(case, extra, uid)

    def write(self, extra):
        self.guest_socket = self.path("guest.sock")
        super().write(extra + f"[guest]\nsocket = {self.guest_socket}\n{self.extra_guest}")
        with open(self.conf) as file:
            text = file.read().replace("[run]\n", "[run]\nserves = guest\n", 1)
        with open(self.conf, "w") as file:
            file.write(text)

    def host_pid(self):
        return self.pids()["lsaiso-host"]

    def guest(self, key=None):
        is_ = self.status(0)["guest"]
        return is_ if key is None else is_[key]

    def measure(self):
        """(kB of memory, descriptors), once all that came before is dealt with."""
        pid = self.host_pid()
        time.sleep(0.3)
        return (int(lsainit_live.status_of(pid)["VmRSS"].split()[0]),
                len(os.listdir(f"/proc/{pid}/fd")))


class Guest:
    """lsalink's part, by hand. The machine stays, unless another one is named."""

    def __init__(self, case, host, machine=b"M" * 16, sync=True, connect=True):
        self.machine, self.got, self.seq = machine, b"", 0
        self.sock = socket.socket(socket.AF_UNIX)
        self.sock.settimeout(WAIT)
        case.addCleanup(self.sock.close)
        if connect:
            self.sock.connect(host.guest_socket)
        if sync and connect:
            self.send(SYNC)

    def send(self, octets):
        self.sock.sendall(octets)

    def next(self):
        """The next frame as (type, seq, payload); zero octets before it are skipped."""
        while True:
            self.got = self.got.lstrip(b"\0")
            if len(self.got) >= 16:
                magic, kind, seq, size = struct.unpack_from("<IIII", self.got)
                assert magic == MAGIC and size <= BODY, self.got[:32]
                if len(self.got) >= 20 + size:
                    assert self.got[16 + size:20 + size] == END
                    payload = self.got[16:16 + size]
                    self.got = self.got[20 + size:]
                    return kind, seq, payload
            part = self.sock.recv(65536)
            if not part:
                raise EOFError
            self.got += part

    def answer(self):
        """To HELLO: (WELCOME, boot id) or (REFUSED, why). GONE of before is passed over."""
        while True:
            kind, seq, payload = self.next()
            if kind == WELCOME and payload[8:24] == self.nonce:
                assert struct.unpack_from("<II", payload) == (1, 1) and seq == 0
                return kind, payload[24:40]
            if kind == REFUSED and payload[4:20] == self.nonce:
                return kind, struct.unpack_from("<I", payload)[0]
            assert kind == GONE, kind

    def hello(self, **more):
        self.nonce = os.urandom(16)
        self.send(hello(self.machine, self.nonce, **more))
        return self.answer()

    def welcome(self):
        kind, boot = self.hello()
        assert kind == WELCOME, f"refused: {boot}"
        return boot

    def call(self, op, payload=b""):
        """(status, body) of the RPC reply."""
        self.seq += 1
        self.send(frame(CALL, self.seq, request(op, payload)))
        kind, seq, reply = self.next()
        assert (kind, seq) == (REPLY, self.seq), (kind, seq)
        version, op_again, status, size = struct.unpack_from("<HHII", reply)
        assert (version, size) == (1, len(reply) - 12)
        assert op_again == op or status != OK
        return status, reply[12:]

    def open(self, owner=1000):
        status, body = self.call(OPEN, struct.pack("<II", owner, 3600))
        assert status == OK, status
        return struct.unpack("<II", body) + (owner,)

    def info(self, session):
        return self.call(INFO, struct.pack("<III", *session))[0]

    def hung_up(self):
        try:
            while self.sock.recv(65536):
                pass
            return True
        except ConnectionResetError:
            return True


class Speaking(unittest.TestCase):
    def setUp(self):
        self.uid = os.geteuid()
        self.host = Host(self, "", "socket_user = %d\n" % os.geteuid()).start()

    def guest(self, **more):
        return Guest(self, self.host, **more)

    def test_calls(self):
        gu = self.guest()
        boot = gu.welcome()
        self.assertEqual(boot.hex(), self.host.status(0)["lsaiso"]["boot_id"])
        self.assertEqual(gu.call(PING), (OK, b""))
        status, body = gu.call(STATUS)
        self.assertEqual((status, body[:16]), (OK, boot))
        session = gu.open()
        self.assertEqual(gu.info(session), OK)
        is_ = self.host.guest()
        self.assertTrue(is_["connected"])
        self.assertEqual((is_["by"], is_["pid"], is_["uid"], is_["boot"], is_["calls"]),
                         ("unix", os.getpid(), os.geteuid(), gu.machine.hex(), 4))
        self.assertEqual(self.host.status(0)["lsaiso"]["sessions"], 1)

    def test_longest_call(self):
        gu = self.guest()
        gu.welcome()
        payload = b"x" * (BODY - 8)
        self.assertEqual(gu.call(SEAL, payload)[0], E_FRAME)
        self.assertEqual(gu.call(PING)[0], OK)

    def test_empty_call(self):
        gu = self.guest()
        gu.welcome()
        gu.send(frame(CALL, 7))
        kind, seq, reply = gu.next()
        self.assertEqual((kind, seq, struct.unpack_from("<I", reply, 4)[0]), (REPLY, 7, E_FRAME))

    def test_policy_is_not_the_guests(self):
        gu = self.guest()
        gu.welcome()
        self.assertEqual(gu.call(CONFIGURE, struct.pack("<IIII", 15, 1000000, 1000000, 0))[0], E_PHASE)
        self.assertEqual(gu.call(ROOT, struct.pack("<I", 32) + bytes(32))[0], E_PHASE)
        self.assertEqual(gu.call(4711)[0], E_OP)
        self.assertEqual(self.host.status(0)["lsaiso"]["policy"], 0)

    def test_octet_by_octet(self):
        gu = self.guest()
        gu.nonce = os.urandom(16)
        for octet in hello(gu.machine, gu.nonce):
            gu.send(bytes([octet]))
        self.assertEqual(gu.answer()[0], WELCOME)
        self.assertEqual(gu.call(PING)[0], OK)

    def test_call_before_hello(self):
        gu = self.guest()
        gu.send(frame(CALL, 1, request(PING)))
        self.assertEqual([gu.next()[0], gu.next()[0]], [GONE, GONE])  # at arrival, and to CALL
        self.assertEqual(self.host.guest("calls"), 0)
        self.assertEqual(self.host.guest("refused"), 1)
        gu.welcome()
        self.assertEqual(gu.call(PING)[0], OK)

    def test_before_the_zero_octets(self):
        gu = self.guest(sync=False)
        gu.nonce = os.urandom(16)
        gu.send(hello(gu.machine, gu.nonce) + frame(CALL, 1, request(PING)))
        until("skipped octets", lambda: self.host.guest("skipped") > 40)
        self.assertEqual(self.host.guest("welcomes"), 0)
        gu.send(SYNC)
        gu.welcome()

    def test_torn_then_again(self):
        gu = self.guest()
        gu.welcome()
        gu.send(frame(CALL, 1, request(OPEN, struct.pack("<II", 1000, 60)))[:-6])
        gu.send(SYNC)
        gu.welcome()
        self.assertEqual(gu.call(PING)[0], OK)
        self.assertEqual(self.host.guest("torn"), 1)
        self.assertEqual(self.host.status(0)["lsaiso"]["sessions"], 0)

    def test_garbage_then_again(self):
        gu = self.guest()
        gu.welcome()
        for _ in range(20):
            gu.send(os.urandom(65536))
        gu.send(SYNC)
        gu.welcome()
        self.assertEqual(gu.call(PING)[0], OK)
        self.assertGreater(self.host.guest("skipped"), 1000000)

    def test_frame_within_a_frame(self):
        """What a user of the guest puts into a call that is torn is no call."""
        gu = self.guest()
        gu.welcome()
        within = frame(CALL, 9, request(OPEN, struct.pack("<II", 0, 60)))
        gu.send(frame(CALL, 8, within + bytes(99))[:16 + len(within)] + SYNC)
        gu.welcome()
        self.assertEqual(self.host.status(0)["lsaiso"]["sessions"], 0)

    def test_nonsense(self):
        gu = self.guest()
        gu.welcome()
        for odd in (frame(CALL, 0, request(PING)), frame(99, 1), frame(WELCOME, 0, bytes(40)),
                    frame(REPLY, 1), frame(HELLO, 0, bytes(39)), frame(HELLO, 0),
                    frame(HELLO, 3, bytes(40))):
            gu.send(odd)
        self.assertEqual(gu.call(PING)[0], OK)
        self.assertEqual(self.host.guest("refused"), 7)

    def test_versions(self):
        gu = self.guest()
        self.assertEqual(gu.hello(version=2), (REFUSED, VERSION))
        self.assertEqual(gu.hello(rpc=2), (REFUSED, VERSION))
        gu.machine = bytes(16)
        self.assertEqual(gu.hello(), (REFUSED, TENANT))

    def test_two_connections(self):
        one, two = self.guest(), self.guest()
        one.welcome()
        session = one.open()
        self.assertEqual(two.hello(), (REFUSED, BUSY))
        two.machine = b"X" * 16  # nor does another boot drive out who is served
        self.assertEqual(two.hello(), (REFUSED, BUSY))
        two.send(frame(CALL, 1, request(PING)))
        self.assertEqual(two.next()[0], GONE)
        self.assertEqual(one.info(session), OK)
        one.sock.close()
        two.machine = one.machine
        two.welcome()
        self.assertEqual(two.info(session), OK)
        self.assertEqual(self.host.guest("turned_away")["BUSY"], 2)

    def test_replaced_at_once(self):
        """A monitor that is restarted: the old connection ended just before."""
        for _ in range(5):
            gu = self.guest()
            gu.welcome()
            gu.sock.close()

    def test_more_than_there_is_room_for(self):
        served = self.guest()
        served.welcome()
        crowd = [self.guest(sync=False) for _ in range(12)]
        self.assertEqual(served.call(PING)[0], OK)
        self.assertTrue(crowd[0].hung_up())  # the oldest made way
        last = crowd[-1]
        last.send(SYNC)
        time.sleep(1)  # tokens for HELLO
        self.assertEqual(last.hello(), (REFUSED, BUSY))

    def test_another_boot(self):
        gu = self.guest()
        boot = gu.welcome()
        session = gu.open()
        gu.sock.close()
        again = self.guest(machine=b"N" * 16)
        self.assertNotEqual(again.welcome(), boot)
        self.assertEqual(again.info(session), E_SESSION)
        self.assertEqual(self.host.guest("boot"), (b"N" * 16).hex())
        self.assertEqual(self.host.guest("wipes"), 1)

    def test_the_same_boot(self):
        gu = self.guest()
        boot = gu.welcome()
        session = gu.open()
        gu.sock.close()
        again = self.guest()
        self.assertEqual(again.welcome(), boot)
        self.assertEqual(again.info(session), OK)
        again.send(SYNC)  # and on the same connection
        self.assertEqual(again.welcome(), boot)
        self.assertEqual(again.info(session), OK)

    def test_host_is_killed(self):
        gu = self.guest()
        boot = gu.welcome()
        session = gu.open()
        os.kill(self.host.host_pid(), signal.SIGKILL)
        self.assertTrue(gu.hung_up())
        again = self.guest()
        self.assertEqual(again.welcome(), boot)
        self.assertEqual(again.info(session), OK)
        os.kill(self.host.host_pid(), signal.SIGKILL)
        other = self.guest(machine=b"O" * 16)  # not forgotten: this is another boot
        self.assertNotEqual(other.welcome(), boot)
        self.assertEqual(other.info(session), E_SESSION)

    def test_lsaiso_is_killed(self):
        gu = self.guest()
        boot = gu.welcome()
        session = gu.open()
        os.kill(self.host.pids()["lsaiso"], signal.SIGKILL)
        kind = gu.next()[0]
        while kind != GONE:
            kind = gu.next()[0]
        new = gu.welcome()
        self.assertNotEqual(new, boot)
        self.assertEqual(gu.info(session), E_SESSION)
        self.assertEqual(self.host.guest("wipes"), 0)

    def test_lsaiso_stands_still(self):
        gu = self.guest()
        gu.welcome()
        pid = self.host.pids()["lsaiso"]
        os.kill(pid, signal.SIGSTOP)
        self.addCleanup(os.kill, pid, signal.SIGCONT)
        gu.send(frame(CALL, 1, request(PING)))
        self.assertEqual(gu.next()[0], GONE)
        os.kill(pid, signal.SIGCONT)
        gu.welcome()
        self.assertEqual(gu.call(PING)[0], OK)

    def test_wipe(self):
        gu = self.guest()
        boot = gu.welcome()
        session = gu.open()
        said = self.host.ctl("wipe")
        self.assertEqual((said.returncode, '"logons": 1' in said.stdout), (0, True), said)
        self.assertEqual(gu.next()[0], GONE)
        self.assertNotEqual(gu.welcome(), boot)
        self.assertEqual(gu.info(session), E_SESSION)

    def test_lsactl(self):
        gu = self.guest()
        gu.welcome()
        is_ = self.host.status(0)
        self.assertEqual((is_["serves"], "caches" in is_, "kcm" in is_), ("guest", False, False))
        plain = subprocess.run([lsainit_live.program("lsactl"), "--config", self.host.conf,
                                "status"], capture_output=True, text=True)
        self.assertIn(f"Serves: a guest, connected through pid {os.getpid()}", plain.stdout)
        for words in (["sessions"], ["caches"], ["show"], ["destroy", "x"]):
            said = self.host.ctl(*words)
            self.assertEqual(said.returncode, 1, words)
            self.assertIn("run lsactl there", said.stderr)
        # the key that the guest is to pin is that of its own lsaiso
        key = lsainit_live.json.loads(self.host.ctl("key").stdout)
        status, body = gu.call(STATUS)
        self.assertEqual((status, body[-32:].hex()), (OK, key["public_key"]))
        found = {one["name"]: one for one in lsainit_live.json.loads(
            self.host.ctl("doctor").stdout)}
        self.assertEqual(found["guest"]["health"], "ok")
        self.assertNotIn("KCM socket", found)
        said = self.host.ctl("verify")
        self.assertEqual(said.returncode, 0, said.stderr + said.stdout)
        self.assertIn("lsaiso-host", said.stdout)
        self.assertEqual(self.host.ctl("stop").returncode, 0)
        self.assertEqual(self.host.process.wait(WAIT), 0)
        self.assertTrue(gu.hung_up())
        self.assertFalse(os.path.exists(self.host.guest_socket))

    def test_who_takes_no_replies(self):
        """A stopped guest stops itself alone: the host reads no more, and lives on."""
        gu = self.guest()
        gu.welcome()
        gu.sock.settimeout(1)
        call = frame(CALL, 1, request(STATUS)) * 64
        with self.assertRaises(TimeoutError):
            for _ in range(4000):
                gu.send(call)
        calls = self.host.guest("calls")
        time.sleep(0.5)
        self.assertEqual(self.host.guest("calls"), calls)
        two = self.guest()
        self.assertEqual(two.hello(), (REFUSED, BUSY))  # it may be a paused machine
        gu.sock.close()
        two.welcome()


class Measure(unittest.TestCase):
    """What a guest can do by doing much of it."""

    SECONDS = 3

    def setUp(self):
        self.uid = os.geteuid()

    def host(self, guest="", seconds=SECONDS):
        host = Host(self, "", "socket_user = %d\n%s" % (os.geteuid(), guest)).start()
        self.until = time.monotonic() + seconds
        return host

    def flat(self, host, before):
        memory, files = host.measure()
        if SANITIZED:  # its malloc keeps what is freed; descriptors still count
            memory = before[0]
        self.assertLessEqual(memory - before[0], GROWTH_KB, "VmRSS in kB")
        self.assertEqual(files, before[1])

    def flood(self, make):
        """What make gives is sent for some seconds; replies are read and thrown away."""
        host = self.host("rate = 1000000\nconnects = 10000\n")
        gu = Guest(self, host)
        gu.welcome()
        gu.call(PING)
        gu.send(b"warm" * 20000 + SYNC)
        gu.welcome()
        before, sent = host.measure(), 0
        gu.sock.setblocking(False)
        rest = b""
        while time.monotonic() < self.until:
            rest = rest or make()
            try:
                sent += (n := gu.sock.send(rest))
                rest = rest[n:]
            except BlockingIOError:
                time.sleep(0.001)
            try:
                gu.sock.recv(1 << 20)
            except BlockingIOError:
                pass
        self.flat(host, before)
        gu.sock.close()
        again = Guest(self, host)
        again.welcome()
        self.assertEqual(again.call(PING)[0], OK)
        print(f"  {sent} octets; {host.guest()}", file=sys.stderr)
        return host

    def test_flood_of_calls(self):
        host = self.flood(lambda: frame(CALL, 1, request(PING)) * 100)
        self.assertGreater(host.guest("calls"), 1000)

    def test_flood_of_garbage(self):
        self.flood(lambda: os.urandom(65536))

    def test_flood_of_torn_frames(self):
        host = self.flood(lambda: frame(CALL, 1, bytes(BODY))[:-1] + b"?")
        self.assertGreater(host.guest("torn"), 10)

    def test_flood_of_hellos(self):
        nonce = os.urandom(16)
        self.flood(lambda: hello(b"M" * 16, nonce) * 100)

    def test_flood_of_boots(self):
        """Each another boot: lsaiso is ended for it once in a second at most."""
        host = self.flood(lambda: b"".join(hello(os.urandom(16), bytes(16)) for _ in range(10)))
        self.assertGreaterEqual(host.guest("wipes"), 1)
        self.assertLessEqual(host.guest("wipes"), self.SECONDS + 2)

    def test_storm_of_connections(self):
        host = self.host("connects = 10000\n")
        served = Guest(self, host)
        served.welcome()
        for gu in [Guest(self, host) for _ in range(3)]:  # each place was used once
            self.assertEqual(gu.hello(), (REFUSED, BUSY))
            gu.sock.close()
        before, n = host.measure(), 0
        self.until = time.monotonic() + self.SECONDS
        while time.monotonic() < self.until:
            with socket.socket(socket.AF_UNIX) as sock:
                try:
                    sock.settimeout(WAIT)
                    sock.connect(host.guest_socket)
                except BlockingIOError:  # more wait to be accepted than there may
                    time.sleep(0.001)
                    continue
                if n % 3 == 0:
                    sock.sendall(SYNC[:1000])
            n += 1
        self.assertGreater(n, 100)
        self.flat(host, before)
        self.assertEqual(served.call(PING)[0], OK)
        print(f"  {n} connections", file=sys.stderr)

    def test_rate_of_calls(self):
        """Calls above [guest] rate wait; none is refused."""
        host = self.host("rate = 100\n")
        gu = Guest(self, host)
        gu.welcome()
        start = time.monotonic()
        gu.send(frame(CALL, 1, request(PING)) * 300)
        for _ in range(300):
            self.assertEqual(gu.next()[0], REPLY)
        took = time.monotonic() - start
        self.assertGreater(took, 1.8)  # 100 at once, then 100 a second
        self.assertLess(took, WAIT)

    def test_rate_of_connections(self):
        host = self.host("connects = 2\n")
        said = []
        for _ in range(6):
            gu = Guest(self, host)
            said.append(gu.hello())
            gu.sock.close()
        self.assertIn((REFUSED, RATE), said)
        self.assertEqual(said[0][0], WELCOME)
        time.sleep(1.1)
        Guest(self, host).welcome()

    def test_two_tenants(self):
        one, two = self.host(), self.host()
        first, second = Guest(self, one), Guest(self, two)
        self.assertNotEqual(first.welcome(), second.welcome())
        mine = first.open()
        self.assertEqual(second.info(mine), E_SESSION)
        theirs = second.open()
        self.until = time.monotonic() + 2
        worst, n = 0.0, 0
        first.sock.setblocking(False)
        while time.monotonic() < self.until:
            try:
                first.sock.send(os.urandom(4096))
            except BlockingIOError:
                pass
            start = time.monotonic()
            self.assertEqual(second.info(theirs), OK)
            worst, n = max(worst, time.monotonic() - start), n + 1
        first.sock.close()
        other = Guest(self, one, machine=b"Z" * 16)
        other.welcome()  # ends what the first has; the second keeps its own
        self.assertEqual(second.info(theirs), OK)
        print(f"  {n} calls of the second tenant, the slowest {worst * 1000:.1f} ms",
              file=sys.stderr)


class Linked(unittest.TestCase):
    """The real other end: an instance of level hypervisor, whose lsalink comes here."""

    def setUp(self):
        self.uid = os.geteuid()
        self.host = Host(self, "", "socket_user = %d\n" % os.geteuid()).start()
        self.inner = lsainit_live.Instance(
            self, "[isolation]\nlevel = hypervisor\n"
            f"channel = unix:{self.host.guest_socket}\n").start()

    def boots(self):
        """Boot ids that both ends tell, None where there is no lsaiso."""
        return [(it.status().get("lsaiso") or {}).get("boot_id") for it in (self.host, self.inner)]

    def same(self):
        def ask():
            one, other = self.boots()
            return one if one is not None and one == other else None
        return until("both ends tell of the same lsaiso", ask)

    def test_it(self):
        boot = self.same()
        self.assertTrue(self.host.guest("connected"))
        os.kill(self.inner.pids()["lsaiso"], signal.SIGKILL)  # lsalink
        until("another connection", lambda: self.host.guest("welcomes") > 1)
        self.assertEqual(self.same(), boot)
        os.kill(self.host.host_pid(), signal.SIGKILL)
        until("lsaiso-host again", lambda: self.host.guest("welcomes") > 0)
        self.assertEqual(self.same(), boot)
        os.kill(self.host.pids()["lsaiso"], signal.SIGKILL)
        until("another lsaiso", lambda: self.boots()[1] not in (None, boot))
        boot = self.same()
        self.assertEqual(self.host.ctl("wipe").returncode, 0)
        until("after the wipe", lambda: self.boots()[1] not in (None, boot))
        boot = self.same()
        self.inner.process.terminate()  # the guest starts anew
        self.assertEqual(self.inner.process.wait(WAIT), 0)
        self.inner.start()
        until("another boot", lambda: self.boots()[1] not in (None, boot))
        self.assertEqual(self.host.guest("wipes"), 1)


def no_vsock():
    """Why there is no vsock to ourselves; None: there is."""
    try:
        with socket.socket(socket.AF_VSOCK) as one, socket.socket(socket.AF_VSOCK) as other:
            one.bind((socket.VMADDR_CID_ANY, 0xffffffff))
            one.listen()
            other.settimeout(WAIT)
            other.connect((1, one.getsockname()[1]))
    except OSError as error:
        return f"SKIP: no vsock to itself here ({error}); modprobe vsock_loopback"
    return "SKIP: needs root, for a port below 1024" if os.geteuid() != 0 else None


NO_VSOCK = no_vsock()


@unittest.skipIf(NO_VSOCK, NO_VSOCK)
class Vsock(unittest.TestCase):
    """By vsock, where the kernel lets a machine connect to itself (CID 1)."""

    PORT = 47100
    WAIT = 60  # the machine may be emulated

    def setUp(self):
        self.uid = os.geteuid()
        self.addCleanup(setattr, lsainit_live, "WAIT", lsainit_live.WAIT)
        lsainit_live.WAIT = self.WAIT

    def host(self, cid):
        return Host(self, "", f"vsock_cid = {cid}\nvsock_port = {self.PORT}\n").start()

    def guest(self, host, port=1000):
        gu = Guest(self, host, connect=False)
        gu.sock = socket.socket(socket.AF_VSOCK)
        self.addCleanup(gu.sock.close)
        gu.sock.settimeout(self.WAIT)
        if port:
            gu.sock.bind((socket.VMADDR_CID_ANY, port))
        gu.sock.connect((1, self.PORT))
        return gu

    def test_calls(self):
        host = self.host(1)
        gu = self.guest(host)
        gu.send(SYNC)
        gu.welcome()
        self.assertEqual(gu.call(PING)[0], OK)
        is_ = host.guest()
        self.assertEqual((is_["by"], is_["cid"], is_["strangers"]), ("vsock", 1, 0))

    def test_another_cid(self):
        host = self.host(4711)
        self.assertTrue(self.guest(host).hung_up())
        self.assertEqual((host.guest("strangers"), host.guest("connections")), (1, 0))

    def test_any_user(self):
        """A port that everybody of the guest can have."""
        host = self.host(1)
        self.assertTrue(self.guest(host, None).hung_up())
        self.assertEqual((host.guest("strangers"), host.guest("connections")), (1, 0))

    def test_taken(self):
        self.host(1)
        other = Host(self, "", f"vsock_cid = 1\nvsock_port = {self.PORT}\n")
        other.spawn()
        code, said = other.ends()
        self.assertEqual(code, 1)
        self.assertIn("each guest needs a port of its own", said)

    def test_lsalink(self):
        host = self.host(1)
        inner = lsainit_live.Instance(
            self, f"[isolation]\nlevel = hypervisor\nchannel = vsock:1:{self.PORT}\n").start()
        self.assertEqual(inner.status(0)["lsaiso"]["boot_id"], host.status(0)["lsaiso"]["boot_id"])
        self.assertEqual(host.guest("by"), "vsock")


class Starting(unittest.TestCase):
    def setUp(self):
        self.uid = os.geteuid()

    def refused(self, guest, words, extra=""):
        host = Host(self, extra)
        with open(host.conf) as file:
            text = file.read()
        text = text[:text.index("[guest]")] + "[guest]\n" + guest.format(host=host)
        with open(host.conf, "w") as file:
            file.write(text)
        host.spawn()
        code, said = host.ends()
        self.assertEqual(code, 1)
        self.assertIn(words, said)

    def test_no_way(self):
        self.refused("", "needs a way for the guest")

    def test_half_a_vsock(self):
        self.refused("vsock_port = 5000\n", "go together")
        self.refused("vsock_cid = 5\n", "go together")

    def test_no_user(self):
        self.refused("socket = {host.guest_socket}\nsocket_user = nobody-has-this\n",
                     "there is no user")

    def test_no_folder(self):
        self.refused("socket = {host.folder}/none/guest.sock\nsocket_user = %d\n" % os.geteuid(),
                     "its folder must exist")

    def test_no_level_below(self):
        self.refused("socket = {host.guest_socket}\n", "level = process or vm",
                     "[isolation]\nlevel = hypervisor\nchannel = /dev/null\n")

    def test_check(self):
        host = Host(self, "", "socket_user = %d\n" % os.geteuid())
        self.assertEqual(host.spawn("--check").wait(WAIT), 0, host.said())
        self.assertFalse(os.path.exists(host.guest_socket))

    def test_not_by_hand(self):
        got = subprocess.run([lsainit_live.program("lsaiso-host"), "--config", "/dev/null",
                              "--peer", "0"], capture_output=True, text=True)
        self.assertEqual(got.returncode, 2)
        self.assertIn("only lsainit(8) starts", got.stderr)


@unittest.skipUnless(os.geteuid() == 0, "SKIP: needs root, for other users")
class Users(unittest.TestCase):
    def setUp(self):
        self.uid = 0
        self.host = Host(self, "", f"socket_user = {MONITOR}\n").start()

    def closed_for(self, uid):
        """What a process of that uid has of it, the mode of the socket apart."""
        os.chmod(self.host.guest_socket, 0o777)
        script = ("import socket,sys; s = socket.socket(socket.AF_UNIX); s.settimeout(10)\n"
                  f"s.connect({self.host.guest_socket!r})\n"
                  "sys.exit(0 if s.recv(1) else 3)")
        return subprocess.run([sys.executable, "-c", script], user=uid, group=uid,
                              extra_groups=[]).returncode

    def test_socket(self):
        sb = os.stat(self.host.guest_socket)
        self.assertEqual((sb.st_uid, sb.st_mode & 0o777), (MONITOR, 0o600))

    def test_monitor(self):
        self.assertEqual(self.closed_for(MONITOR), 0)
        self.assertEqual(self.host.guest("strangers"), 0)

    def test_others(self):
        for n, uid in enumerate((lsainit_live.LSASS, lsainit_live.ISO, 64999), 1):
            self.assertNotEqual(self.closed_for(uid), 0)
            self.assertEqual(self.host.guest("strangers"), n)
        self.assertIn(f"[guest] socket_user is uid {MONITOR}", self.host.said())

    def test_closed(self):
        is_ = lsainit_live.status_of(self.host.host_pid())
        self.assertEqual(is_["Uid"].split(), [str(lsainit_live.LSASS)] * 4)
        for caps in ("CapInh", "CapPrm", "CapEff", "CapBnd", "CapAmb"):
            self.assertEqual(int(is_[caps], 16), 0, caps)
        self.assertEqual((is_["NoNewPrivs"], is_["Seccomp"], is_["Groups"].strip()),
                         ("1", "2", ""))
        self.assertEqual(os.stat(f"/proc/{self.host.host_pid()}/status").st_uid, 0)  # not dumpable
        with open(f"/proc/{self.host.host_pid()}/limits") as file:
            self.assertRegex(file.read(), r"Max core file size +0 +0 ")


if __name__ == "__main__":
    unittest.main(argv=sys.argv[:1] + sys.argv[2:], verbosity=2)
