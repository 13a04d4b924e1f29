#!/usr/bin/python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""What can a hostile host do to lsainit and lsalink? Refuse, lie and be silent;
each within bounds and with a clear word about it, and never more.

usage: link_live.py BUILD_FOLDER

Real instances at level hypervisor; this program is the host, and does not
keep to include/rpc/stream.h. Behind an honest host: tests/kill/test_link.py.
"""

import os
import socket
import struct
import sys
import threading
import time
import unittest

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, HERE)
sys.dont_write_bytecode = True

import lsainit_live  # noqa: E402
from lsainit_live import ORDINARY, until  # noqa: E402

MAGIC, END = 0x5341534C, b"END\n"
HELLO, WELCOME, REFUSED, CALL, REPLY, GONE = range(1, 7)
BODY = 69632       # RPC_REQ_MAX
REPLY_MAX = 12288  # RPC_REP_MAX
SYNC = 16 + BODY + 4
BOOT = b"B" * 16
WAIT = 15


def frame(kind, seq, payload=b"", end=END):
    return struct.pack("<IIII", MAGIC, kind, seq, len(payload)) + payload + end


def welcome(nonce, version=1):
    return frame(WELCOME, 0, struct.pack("<II", version, 1) + nonce + BOOT)


class Host(threading.Thread):
    """One connection after the other, each for act(host, connection)."""

    def __init__(self, case, path, act):
        super().__init__(daemon=True)
        self.act, self.over, self.connections, self.broken = act, False, 0, None
        self.heard = []
        self.door = socket.socket(socket.AF_UNIX)
        self.door.bind(path)
        os.chmod(path, 0o666)
        self.door.listen(8)
        self.door.settimeout(0.2)
        case.addCleanup(self.end)
        self.start()

    def run(self):
        while not self.over:
            try:
                link, _ = self.door.accept()
            except TimeoutError:
                continue
            self.connections += 1
            self.got = b""
            link.settimeout(WAIT)
            try:
                self.act(self, link)
            except (EOFError, OSError):
                pass  # it has heard enough
            except Exception as e:  # shown by the test
                self.broken = e
            link.close()

    def end(self):
        self.over = True
        self.join(2 * WAIT)
        self.door.close()

    def next(self, link):
        """The next frame: (type, seq, payload), with what is skipped counted as zeros."""
        while True:
            body = self.got.lstrip(b"\0")
            if len(body) >= 16:
                magic, kind, seq, size = struct.unpack_from("<IIII", body)
                assert magic == MAGIC and size <= BODY, body[:16]
                if len(body) >= 20 + size:
                    assert body[16 + size:20 + size] == END
                    self.zeros = len(self.got) - len(body)
                    self.got = body[20 + size:]
                    self.heard.append(kind)
                    return kind, seq, body[16:16 + size]
            part = link.recv(1 << 17)
            if not part:
                raise EOFError
            self.got += part

    def hello(self, link):
        """Its nonce and who it is."""
        kind, seq, payload = self.next(link)
        assert (kind, seq, len(payload)) == (HELLO, 0, 40) and self.zeros >= SYNC
        assert struct.unpack_from("<II", payload) == (1, 1)
        return payload[8:24], payload[24:40]

    def greet(self, link):
        nonce, _ = self.hello(link)
        link.sendall(welcome(nonce))


def until_closed(link):
    while link.recv(1 << 17):
        pass


class Common:
    def instance(self, act, channel=None, extra=""):
        it = lsainit_live.Instance(self)
        path = it.path("host.sock")
        self.host = Host(self, path, act) if act else None
        it.write(f"[isolation]\nlevel = hypervisor\nchannel = {channel or 'unix:' + path}\n{extra}")
        return it

    def refused(self, it, *words, within=WAIT):
        """It does not start, and says so in these words, in time."""
        started = time.monotonic()
        it.spawn()
        code, said = it.ends()
        self.assertLess(time.monotonic() - started, within)
        self.assertEqual(code, 1, said)
        for word in words:
            self.assertIn(word, said)
        self.assertNotIn("lsass serves", said)
        self.assertNotIn("SIGSEGV", said)
        self.assertFalse(os.path.exists(it.kcm))
        if self.host:
            self.assertIsNone(self.host.broken)
        return said

    # ---- the way there

    def test_channels_that_are_none(self):
        for channel, *words in (
                ("hello", "neither the path of a device nor vsock:CID:PORT nor unix:PATH"),
                ("vsock:2", "vsock:CID:PORT"), ("vsock:0:7", "vsock:CID:PORT"),
                ("vsock:2:7x", "vsock:CID:PORT"), ("vsock:4294967295:7", "vsock:CID:PORT"),
                ("unix:relative", "an absolute path"), ("unix:/" + "x" * 200, "an absolute path"),
                ("/nonexistent/port", "No such file or directory", "virtio-serial port"),
                ("/dev/null/x", "Not a directory", "virtio-serial port"),
                ("unix:/nonexistent", "nobody listens there; start lsaiso-host")):
            self.refused(self.instance(None, channel), *words)
        it = self.instance(None)
        self.refused(it, "nobody listens there; start lsaiso-host")
        it = lsainit_live.Instance(self)
        it.write("[isolation]\nlevel = hypervisor\n")
        self.refused(it, "needs [isolation] channel")
        it = self.instance(None)
        with open(it.path("file"), "w"):
            pass
        it.write(f"[isolation]\nlevel = hypervisor\nchannel = {it.path('file')}\n")
        self.refused(it, "is no device")

    def test_vsock_that_leads_nowhere(self):
        """No module, no device or no listener: by what this machine has."""
        self.refused(self.instance(None, "vsock:2:4294967294"), "[isolation] channel = vsock:2")

    def test_a_root_key_is_for_the_host(self):
        self.refused(self.instance(None, extra="[seal]\nroot = file\n"),
                     "at level hypervisor the root key is the host's")

    def test_a_host_key_that_is_none(self):
        self.refused(self.instance(None, extra="host_key = 12\n"), "64 hexadecimal digits")

    # ---- the greeting

    def test_each_refusal(self):
        for why, word in ((1, "another version"), (2, "does not know this guest"),
                          (3, "another connection of this guest"), (4, "too many connections"),
                          (5, "no lsaiso for this guest"), (6, "broke the protocol")):
            def act(host, link, why=why):
                nonce, _ = host.hello(link)
                link.sendall(frame(REFUSED, 0, struct.pack("<I", why) + nonce))
                until_closed(link)
            self.refused(self.instance(act), word)

    def test_another_version_that_welcomes(self):
        def act(host, link):
            nonce, _ = host.hello(link)
            link.sendall(welcome(nonce, version=2))
            until_closed(link)
        self.refused(self.instance(act), "another version", "install the same version on both")

    def test_silence(self):
        self.refused(self.instance(lambda host, link: until_closed(link)),
                     "nobody answered at the host's end", "start lsaiso-host", within=10)

    def test_nobody_reads(self):
        self.refused(self.instance(lambda host, link: time.sleep(7)),
                     "nobody answered at the host's end", within=12)

    def test_the_end_at_once(self):
        self.refused(self.instance(lambda host, link: None), "the stream to the host ended")

    def test_a_wrong_nonce(self):
        """And everything else that an earlier lsalink may have left: passed over."""
        def act(host, link):
            nonce, _ = host.hello(link)
            link.sendall(welcome(bytes(16)) + frame(REFUSED, 0, struct.pack("<I", 2) + bytes(16)) +
                         frame(REPLY, 7, b"x" * 100) + frame(GONE, 0) + frame(77, 1) +
                         frame(WELCOME, 0, nonce))
            until_closed(link)
        self.refused(self.instance(act), "nobody answered at the host's end", within=10)

    def test_a_flood_instead_of_an_answer(self):
        for octets in (os.urandom(1 << 16), bytes(1 << 16), frame(REPLY, 1, bytes(9000)) * 7,
                       struct.pack("<IIII", MAGIC, 2, 0, 0xffffffff) * 4096):
            def act(host, link, octets=octets):
                while True:
                    link.sendall(octets)
            self.refused(self.instance(act), "nobody answered at the host's end", within=12)

    # ---- after WELCOME: the first call is lsainit's, for the status

    def after_welcome(self, answer):
        def act(host, link):
            host.greet(link)
            kind, seq, _ = host.next(link)
            assert kind == CALL and seq != 0
            link.sendall(answer(seq))
            until_closed(link)
        return self.instance(act)

    def test_replies_that_are_none(self):
        for name, answer in (
                ("another seq", lambda seq: frame(REPLY, seq + 1, bytes(12))),
                ("seq 0", lambda seq: frame(REPLY, 0, bytes(12))),
                ("too long", lambda seq: frame(REPLY, seq, bytes(REPLY_MAX + 1))),
                ("longest", lambda seq: frame(REPLY, seq, bytes(BODY))),
                ("garbage", lambda seq: b"garbage, not a frame"),
                ("a wrong end", lambda seq: frame(REPLY, seq, bytes(12), b"MEND")),
                ("a length beyond", lambda seq: struct.pack("<IIII", MAGIC, REPLY, seq, 1 << 31)),
                ("a call", lambda seq: frame(CALL, seq, bytes(12))),
                ("a welcome", lambda seq: welcome(bytes(16)))):
            with self.subTest(name):
                self.refused(self.after_welcome(answer), "the host broke the protocol")

    def test_replies_that_lsaiso_would_not_give(self):
        """lsalink does not read them; lsainit does."""
        for answer in (lambda seq: frame(REPLY, seq, b""),
                       lambda seq: frame(REPLY, seq, os.urandom(REPLY_MAX)),
                       lambda seq: frame(REPLY, seq, struct.pack("<HHII", 1, 3, 0, 4) + bytes(4)),
                       lambda seq: frame(REPLY, seq, struct.pack("<HHII", 1, 3, 3, 0))):
            self.refused(self.after_welcome(answer), "does not say how it is")

    def test_gone_at_once(self):
        self.refused(self.after_welcome(lambda seq: frame(GONE, 0)), "the host's lsaiso has ended")

    def test_no_reply(self):
        self.refused(self.after_welcome(lambda seq: b""), "did not answer within 5 s", within=12)

    def test_half_a_reply(self):
        self.refused(self.after_welcome(lambda seq: frame(REPLY, seq, bytes(100))[:50]),
                     "did not answer within 5 s", within=12)

    # ---- a host that was honest once

    def status_reply(self, op_reply):
        return struct.pack("<HHII", 1, 3, 0, len(op_reply)) + op_reply

    def honest(self, host, link):
        """Answers the status with one in its run phase."""
        host.greet(link)
        _, seq, _ = host.next(link)
        size = self.size_of_status
        link.sendall(frame(REPLY, seq, self.status_reply(
            (BOOT + struct.pack("<I", 2)).ljust(size, b"\0"))))

    # FIX(16) + 2 U32 + U64 + 4 U32 + 7 U64 + U32 + FIX(8) + FIX(32): include/rpc/ops.h
    size_of_status = 16 + 8 + 8 + 16 + 56 + 4 + 8 + 32

    def test_the_end_of_a_served_link_is_noticed_at_once(self):
        over = threading.Event()

        def act(host, link):
            if host.connections > 1:
                return
            self.honest(host, link)
            over.wait(WAIT)
        it = self.instance(act).start_served()
        self.assertIsNone(self.host.broken)
        over.set()
        started = time.monotonic()
        until("the end", lambda: "the stream to the host ended" in it.said())
        self.assertLess(time.monotonic() - started, 1)
        # It goes on trying, less and less often, and says the same only once.
        until("five more", lambda: self.host.connections >= 6)
        self.assertEqual(it.said().count("no lsaiso over [isolation] channel"), 1)
        self.assertIsNone(it.process.poll())

    def test_garbage_to_an_idle_link(self):
        def act(host, link):
            if host.connections == 1:
                self.honest(host, link)
                time.sleep(1)
                link.sendall(os.urandom(4096))
            until_closed(link)
        it = self.instance(act).start_served()
        until("the end", lambda: "the host broke the protocol" in it.said())




def start_served(self):
    """Until lsass serves; its status asks the host, which need not answer."""
    self.spawn()
    until("lsass serves", lambda: "lsass serves" in self.said() or
          self.process.poll() is not None)
    assert self.process.poll() is None, self.said()
    return self


lsainit_live.Instance.start_served = start_served


class AsRoot(Common, unittest.TestCase):
    uid = 0

    def setUp(self):
        if os.geteuid() != 0:
            self.skipTest("needs root")

    def test_how_lsalink_is_held(self):
        over = threading.Event()
        self.addCleanup(over.set)

        def act(host, link):
            self.honest(host, link)
            over.wait(2 * WAIT)
        it = self.instance(act).start_served()
        pid = next(int(p) for p in os.listdir("/proc") if p.isdigit() and
                   self.comm(p) == "lsalink" and self.parent(p) == it.process.pid)
        is_ = lsainit_live.status_of(pid)
        self.assertEqual(is_["Uid"].split(), [str(lsainit_live.ISO)] * 4)
        self.assertEqual((is_["Seccomp"], is_["NoNewPrivs"], is_["CapEff"]), ("2", "1", "0" * 16))
        self.assertEqual(is_["Threads"], "2")
        self.assertEqual(os.listdir(f"/proc/{pid}/root"), [])
        self.assertGreater(int(is_["VmLck"].split()[0]), 200)
        self.assertLess(int(is_["VmRSS"].split()[0]), 4096)
        with open(f"/proc/{pid}/limits") as file:
            limits = file.read()
        self.assertRegex(limits, r"Max processes +0 ")
        self.assertRegex(limits, r"Max core file size +0 ")
        self.assertEqual(os.stat(f"/proc/{pid}/mem").st_uid, 0)  # not dumpable
        for task in os.listdir(f"/proc/{pid}/task"):
            with open(f"/proc/{pid}/task/{task}/status") as file:
                self.assertIn("Seccomp:\t2\n", file.read())
        # Idle costs nothing; what the link's start still cost may be counted late.
        before = self.ticks(pid)
        time.sleep(2)
        self.assertLessEqual(self.ticks(pid) - before, 1)

    @staticmethod
    def comm(pid):
        try:
            with open(f"/proc/{pid}/comm") as file:
                return file.read().strip()
        except OSError:
            return ""

    @staticmethod
    def parent(pid):
        try:
            return int(lsainit_live.status_of(pid)["PPid"])
        except (OSError, KeyError):
            return 0

    @staticmethod
    def ticks(pid):
        """Of the processor, and how often it slept."""
        switches = 0
        for task in os.listdir(f"/proc/{pid}/task"):
            with open(f"/proc/{pid}/task/{task}/status") as file:
                switches += sum(int(line.split()[1]) for line in file if "ctxt_switches" in line)
        return switches


class AsUser(unittest.TestCase):
    """The whole once more without users and namespaces of its own."""

    uid = ORDINARY if os.geteuid() == 0 else os.geteuid()
    instance, refused, honest = Common.instance, Common.refused, Common.honest
    status_reply, size_of_status = Common.status_reply, Common.size_of_status
    after_welcome = Common.after_welcome
    test_garbage_to_an_idle_link = Common.test_garbage_to_an_idle_link
    test_each_refusal = Common.test_each_refusal
    test_no_reply = Common.test_no_reply


if __name__ == "__main__":
    for name in ("lsainit", "lsalink", "lsass", "lsactl"):
        if not os.access(lsainit_live.program(name), os.X_OK):
            print(f"SKIP: {lsainit_live.program(name)} is not built")
            sys.exit(77)
    unittest.main(argv=sys.argv[:1] + sys.argv[2:], verbosity=2)
