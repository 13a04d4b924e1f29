#!/usr/bin/python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""Does lsass find the realms' KDCs as libkrb5 does, and does it get an answer
from those that are alive, whatever the others do?

usage: real_live.py REAL_TRY [TEST...]

MIT's KDC, and in front of it one that misbehaves. Exit code 77: skipped, and
says why.
"""

import os
import resource
import socket
import struct
import subprocess
import sys
import threading
import time
import unittest

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", ".."))
sys.dont_write_bytecode = True

from tests.lib import proc, rawkdc  # noqa: E402
from tests.lib.faultkdc import FaultKdc, error, too_big  # noqa: E402
from tests.lib.realm import AWAY, HOME, Realm  # noqa: E402

UNREACH, UNKNOWN, CANT_RESOLVE = -1765328228, -1765328230, -1765328164
BADFORMAT = -1765328248
PREAUTH_REQUIRED = 25
SPARES = 16  # sockets that may serve another message, for a second


class Try:
    """A running real_try."""

    def __init__(self, config, *wrap, listen="", requests=1024, env=None):
        self.process = subprocess.Popen(
            [*wrap, PROGRAM, config, listen, str(requests)], stdin=subprocess.PIPE,
            stdout=subprocess.PIPE, env=env or proc.clean_env(), text=True)
        self.ids, self.lines, self.over = 0, [], threading.Condition()
        self.reader = threading.Thread(target=self._read, daemon=True)
        self.reader.start()

    def __enter__(self):
        return self

    def __exit__(self, kind, *_):
        self.process.stdin.close()
        code = self.process.wait(20 * proc.SLOW)
        self.reader.join()
        self.process.stdout.close()
        if kind is None and code != 0:
            raise AssertionError(f"real_try ended with {code}")

    def _read(self):
        for line in self.process.stdout:
            with self.over:
                self.lines.append(line.rstrip("\n").split(" "))
                self.over.notify_all()
        with self.over:
            self.lines.append(["end"])
            self.over.notify_all()

    def say(self, *words):
        self.process.stdin.write(" ".join(map(str, words)) + "\n")
        self.process.stdin.flush()

    def line(self, *begin, seconds=30):
        """The first line that begins so, taken out."""
        begin = [str(word) for word in begin]
        end = time.monotonic() + seconds * proc.SLOW
        with self.over:
            while True:
                for i, words in enumerate(self.lines):
                    if words[:len(begin)] == begin:
                        return self.lines.pop(i)
                    if words == ["end"]:
                        raise AssertionError("real_try has ended")
                if not self.over.wait(end - time.monotonic()):
                    raise AssertionError(f"no {begin} within {seconds} s: {self.lines}")

    def send(self, realm, message):
        self.ids += 1
        self.say("send", self.ids, realm, message.hex())
        return self.ids

    def done(self, number, seconds=30):
        words = self.line("done", number, seconds=seconds)
        return Done(int(words[2]), float(words[3]) / 1000,
                    b"" if words[4] == "-" else bytes.fromhex(words[4]), " ".join(words[5:]))

    def ask(self, realm, message, seconds=30):
        return self.done(self.send(realm, message), seconds)

    def fds(self):
        self.say("fds")
        return int(self.line("fds")[1])

    def known(self, realm):
        self.say("known", realm)
        return " ".join(self.line("known")[1:])


class Done:
    def __init__(self, code, seconds, reply, why):
        self.code, self.seconds, self.reply, self.why = code, seconds, reply, why

    def __repr__(self):
        return f"{self.code} after {self.seconds} s, {len(self.reply)} octets, {self.why!r}"

    def error(self):
        return rawkdc.read_error(self.reply)[0] if self.reply else None


def as_req(realm=HOME, octets=0):
    """Whose answer is PREAUTH_REQUIRED. octets: how long at least."""
    padata = [[0x30, [rawkdc.field(1, rawkdc.number(254)),
                      rawkdc.field(2, [0x04, bytes(octets)])]]] if octets else []
    return rawkdc.as_req(realm.encode(), (b"alice",), padata)


class Base(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.realm = Realm()
        cls.addClassCleanup(cls.realm.close)
        cls.realm.kadmin_local(HOME, ["modprinc +requires_preauth alice"])
        cls.kdc = ("127.0.0.1", cls.realm.kdc[HOME])

    def config(self, *kdcs, name="real.conf", defaults="dns_lookup_kdc = false", more=""):
        lines = "\n".join(f"kdc = {kdc}" for kdc in kdcs)
        return self.realm.folder.write(name, f"""[libdefaults]
    {defaults}
[realms]
    {HOME} = {{
        {lines}
    }}
    {more}
""")

    def fault(self, how):
        kdc = FaultKdc(self.kdc)
        self.addCleanup(kdc.stop)
        kdc.how = how
        return kdc

    def answered(self, done, within=None):
        self.assertEqual(done.code, 0, done)
        self.assertEqual(done.error(), PREAUTH_REQUIRED, done)
        if within:
            self.assertLess(done.seconds, within * proc.SLOW, done)


class Way(Base):
    """To KDCs of krb5.conf."""

    def through(self, *kdcs, requests=1024, **named):
        """To these, who misbehave, and nobody else."""
        return Try(self.config(*[f"127.0.0.1:{kdc.port}" for kdc in kdcs], **named),
                   requests=requests)

    def test_plain(self):
        kdc = self.fault("relay")
        with self.through(kdc) as at:
            before = at.fds()
            self.assertEqual(at.known(HOME), "")
            self.answered(at.ask(HOME, as_req()), within=1)
            self.assertEqual(kdc.seen, [("relay", False)])
            self.answered(at.ask(HOME, as_req(octets=2000)), within=1)
            self.assertEqual(kdc.seen[1:], [("relay", True)])
            self.assertEqual(at.known(HOME), f"127.0.0.1:{kdc.port} (krb5.conf)")
            proc.wait_until("its sockets are closed", lambda: at.fds() == before)

    def test_a_socket_serves_again(self):
        """For a second, and while it has had one answer to one datagram."""
        kdc = self.fault("relay")
        with self.through(kdc) as at:
            for _ in range(3):
                self.answered(at.ask(HOME, as_req()), within=1)
            self.assertEqual(len(set(kdc.ports)), 1)
            time.sleep(1.2)
            self.answered(at.ask(HOME, as_req()), within=1)
            self.assertEqual(len(set(kdc.ports)), 2)
            before = at.fds()
            waiting = [at.send(HOME, as_req()) for _ in range(2 * SPARES)]
            for number in waiting:
                self.answered(at.done(number))
            self.assertLessEqual(at.fds(), before + SPARES)

    def test_a_second_answer_is_nobodys(self):
        """Nor does its socket serve again."""
        kdc = self.fault("twice")
        with self.through(kdc) as at:
            self.answered(at.ask(HOME, as_req()), within=1)
            time.sleep(0.2)
            kdc.how = "relay"
            self.answered(at.ask(HOME, as_req()), within=1)
            self.assertEqual(len(set(kdc.ports)), 2)

    def test_repeated_ones_do_not(self):
        kdc = self.fault("close")
        with self.through(kdc) as at:
            number = at.send(HOME, as_req())
            proc.wait_until("a repetition", lambda: len(kdc.ports) > 1)
            kdc.how = "relay"
            self.answered(at.done(number))
            self.answered(at.ask(HOME, as_req()), within=1)
            self.assertEqual(len(set(kdc.ports)), 2)

    def test_preference_limit(self):
        kdc = self.fault("relay")
        with self.through(kdc, defaults="udp_preference_limit = 1") as at:
            self.answered(at.ask(HOME, as_req()), within=1)
            self.assertEqual(kdc.seen, [("relay", True)])
        message = as_req(octets=100)
        with self.through(kdc, defaults=f"udp_preference_limit = {len(message)}") as at:
            self.answered(at.ask(HOME, message), within=1)
            self.assertEqual(kdc.seen[1:], [("relay", False)])
        with self.through(kdc, defaults=f"udp_preference_limit = {len(message) - 1}") as at:
            self.answered(at.ask(HOME, message), within=1)
            self.assertEqual(kdc.seen[2:], [("relay", True)])

    def test_dead(self):
        """Refused at once: nobody waits a second for that."""
        with Try(self.config(f"127.0.0.1:{proc.free_port()}",
                             f"127.0.0.1:{self.kdc[1]}")) as at:
            self.answered(at.ask(HOME, as_req()), within=0.5)
            self.answered(at.ask(HOME, as_req(octets=2000)), within=0.5)

    def test_all_dead(self):
        port = proc.free_port()
        with Try(self.config(f"127.0.0.1:{port}")) as at:
            before = at.fds()
            for octets in (0, 2000):
                done = at.ask(HOME, as_req(octets=octets))
                self.assertEqual(done.code, UNREACH)
                self.assertEqual(done.why, f"no KDC of {HOME} answers: 127.0.0.1:{port} "
                                           "(krb5.conf)")
                self.assertLess(done.seconds, 1)
            proc.wait_until("its sockets are closed", lambda: at.fds() == before)

    def test_silent(self):
        """The next one is asked after a second, and first from then on."""
        one, two = self.fault("silent"), self.fault("relay")
        with self.through(one, two) as at:
            done = at.ask(HOME, as_req())
            self.answered(done, within=2)
            self.assertGreater(done.seconds, 0.9)
            self.assertEqual(len(one.seen), 1)
            self.answered(at.ask(HOME, as_req()), within=0.5)
            self.answered(at.ask(HOME, as_req(octets=2000)), within=0.5)
            self.assertEqual(len(one.seen), 1)
            # When that one is gone the first is asked again.
            one.how, two.how = "relay", "silent"
            self.answered(at.ask(HOME, as_req()), within=2)
            self.answered(at.ask(HOME, as_req()), within=0.5)
            self.assertEqual(len(two.seen), 4)

    def test_slow(self):
        """Who was asked first may answer while others are asked."""
        one, two = self.fault("slow"), self.fault("silent")
        one.seconds = 1.5
        with self.through(one, two) as at:
            done = at.ask(HOME, as_req())
            self.answered(done, within=2.5)
            self.assertGreater(done.seconds, 1.4)
            self.assertEqual(len(two.seen), 1)

    def test_repeats(self):
        """A lost datagram is sent again, and a stream is tried."""
        kdc = self.fault("silent")
        with self.through(kdc) as at:
            number = at.send(HOME, as_req())
            time.sleep(2)
            self.assertEqual(kdc.seen, [("silent", False), ("silent", True)])
            time.sleep(3)
            self.assertEqual(kdc.seen[2:], [("silent", False)])
            kdc.how = "relay"
            self.answered(at.done(number), within=10)
            self.assertEqual(kdc.seen[3:], [("relay", False)])

    def test_gives_up(self):
        kdc = self.fault("silent")
        with self.through(kdc) as at:
            before = at.fds()
            done = at.ask(HOME, as_req())
            self.assertEqual(done.code, UNREACH)
            self.assertGreater(done.seconds, 10)
            self.assertLess(done.seconds, 21)
            proc.wait_until("its sockets are closed", lambda: at.fds() == before)

    def test_no_datagrams(self):
        kdc = self.fault("mute")
        with self.through(kdc) as at:
            self.answered(at.ask(HOME, as_req()), within=2)

    def test_too_big(self):
        one, two = self.fault("toobig"), self.fault("silent")
        with self.through(one, two) as at:
            self.answered(at.ask(HOME, as_req()), within=0.7)
            self.assertEqual(one.seen, [("toobig", False), ("toobig", True)])
            self.assertEqual(two.seen, [])

    def test_large(self):
        kdc = Large(self.kdc)
        self.addCleanup(kdc.stop)
        with self.through(kdc) as at:
            kdc.octets = 1 << 20
            done = at.ask(HOME, as_req())
            self.assertEqual(done.code, 0)
            self.assertEqual(len(done.reply), 1 << 20)
            self.assertEqual(done.reply, kdc.said)
            message = as_req(octets=900000)
            done = at.ask(HOME, message)
            self.assertEqual(kdc.asked, message)
            self.assertEqual(done.reply, kdc.said)

    def test_too_large(self):
        one, two = Large(self.kdc), self.fault("relay")
        self.addCleanup(one.stop)
        one.octets = (1 << 20) + 1
        with self.through(one, two) as at:
            self.answered(at.ask(HOME, as_req()), within=1)

    def test_nonsense(self):
        """What is no answer is none, and the next one is asked at once."""
        for how in ("garbage", "empty", "cut", "short", "lying", "flood", "close", "wrong"):
            with self.subTest(how=how):
                one, two = Wrong(self.kdc), self.fault("relay")
                self.addCleanup(one.stop)
                one.how = how
                with self.through(one, two) as at:
                    before = at.fds()
                    # Nothing comes of a datagram that is not answered.
                    within = 2.5 if how == "close" else 0.9
                    self.answered(at.ask(HOME, as_req()), within=within)
                with self.through(one, two) as at:
                    self.answered(at.ask(HOME, as_req(octets=2000)), within=0.9)
                    proc.wait_until("its sockets are closed", lambda: at.fds() == before)

    def test_drip(self):
        one, two = self.fault("drip"), self.fault("relay")
        with self.through(one, two) as at:
            self.answered(at.ask(HOME, as_req()), within=2.5)

    def test_only_nonsense(self):
        kdc = self.fault("garbage")
        with self.through(kdc) as at:
            done = at.ask(HOME, as_req())
            self.assertEqual(done.code, UNREACH)
            self.assertIn("but with what is no answer", done.why)
            self.assertLess(done.seconds, 21)

    def test_stranger(self):
        """A datagram of somebody else is not looked at; nor is nonsense in the KDC's name."""
        kdc = Wrong(self.kdc)
        self.addCleanup(kdc.stop)
        kdc.how = "stranger"
        with self.through(kdc) as at:
            done = at.ask(HOME, as_req())
            self.answered(done, within=1)

    def test_unavailable(self):
        one, two = self.fault("refuse"), self.fault("relay")
        with self.through(one, two) as at:
            self.answered(at.ask(HOME, as_req()), within=0.7)
            self.assertEqual(one.seen, [("refuse", False)])
            self.answered(at.ask(HOME, as_req()), within=0.7)
        two.how = "refuse"
        with self.through(one, two) as at:
            done = at.ask(HOME, as_req())
            self.assertEqual((done.code, done.error()), (0, 29), done)
            self.assertLess(done.seconds, 0.7)
        # Others' errors are an answer.
        one.how = "skew"
        with self.through(one, two) as at:
            self.assertEqual(at.ask(HOME, as_req()).error(), 37)

    def test_two_realms(self):
        one, two = self.fault("silent"), ("127.0.0.1", self.realm.kdc[AWAY])
        more = f"{AWAY} = {{\n kdc = 127.0.0.1:{two[1]}\n}}"
        with self.through(one, more=more) as at:
            number = at.send(HOME, as_req())
            away = at.ask(AWAY, rawkdc.as_req(AWAY.encode(), (b"nobody",)))
            self.assertEqual(away.error(), 6, away)
            self.assertLess(away.seconds, 1)
            at.say("cancel", number)
            # The name is a name: its case counts, as for libkrb5.
            done = at.ask(HOME.lower(), as_req())
            self.assertEqual(done.code, UNKNOWN)
            self.assertEqual(done.why, f"no KDC of {HOME.lower()} is in krb5.conf, and DNS is "
                                       "not asked (dns_lookup_kdc)")

    def test_six(self):
        try:
            six = Wrong(self.kdc, at="::1")
        except OSError:
            self.skipTest("no ::1 here")
        self.addCleanup(six.stop)
        with Try(self.config(f"[::1]:{six.port}")) as at:
            self.answered(at.ask(HOME, as_req()), within=1)
            self.answered(at.ask(HOME, as_req(octets=2000)), within=1)
            self.assertEqual(at.known(HOME), f"[::1]:{six.port} (krb5.conf)")

    def test_not_spoken(self):
        with Try(self.config("https://proxy.invalid/KdcProxy", "/run/kdc.sock")) as at:
            done = at.ask(HOME, as_req())
            self.assertEqual(done.code, BADFORMAT)
            self.assertIn("HTTPS or sockets", done.why)
        with Try(self.config("https://proxy.invalid/KdcProxy", f"127.0.0.1:{self.kdc[1]}")) as at:
            self.answered(at.ask(HOME, as_req()))

    def test_no_address(self):
        with Try(self.config("no-such-host.invalid")) as at:
            done = at.ask(HOME, as_req())
            self.assertEqual(done.code, CANT_RESOLVE)
            self.assertIn("no-such-host.invalid", done.why)

    def test_own(self):
        """Our own endpoint is no KDC, whatever it is called."""
        kdc = self.fault("relay")
        only = f"only this machine's own endpoint is known as a KDC of {HOME}: " \
               "see lsaiso-kdc(7), lsactl setup"
        listen = f"127.0.0.1:{kdc.port} [::1]:{kdc.port}"
        for name in ("127.0.0.1", "localhost", "0.0.0.0", "[::1]", "[::]", "[::ffff:127.0.0.1]",
                     "127.1"):
            with Try(self.config(f"{name}:{kdc.port}"), listen=listen) as at:
                done = at.ask(HOME, as_req())
                self.assertEqual((done.code, done.why), (BADFORMAT, only), name)
                self.assertEqual(at.known(HOME), f"not: {only}")
        with Try(self.config(f"127.0.0.1:{kdc.port}", f"127.0.0.1:{self.kdc[1]}"),
                 listen=listen) as at:
            self.answered(at.ask(HOME, as_req()), within=0.5)
            self.assertEqual(at.known(HOME), f"127.0.0.1:{self.kdc[1]} (krb5.conf)")
        self.assertEqual(kdc.seen, [])

    def test_final_sections(self):
        """The file of lsactl setup before the host's: the real KDCs, and only they."""
        kdc, other = self.fault("relay"), self.fault("skew")
        first = self.realm.folder.write("first.conf", f"""[realms]
    {HOME}* = {{
        kdc = 127.0.0.1:{kdc.port}
    }}
    NONE* = {{
    }}
""")
        more = f"NONE = {{\n kdc = 127.0.0.1:{other.port}\n}}\n" \
               f"{AWAY} = {{\n kdc = 127.0.0.1:{other.port}\n}}"
        host = self.config(f"127.0.0.1:{other.port}", more=more)
        with Try(f"{first}:{host}") as at:
            self.answered(at.ask(HOME, as_req()), within=0.5)
            self.assertEqual(at.known(HOME), f"127.0.0.1:{kdc.port} (krb5.conf)")
            self.assertEqual(at.ask("NONE", as_req()).code, UNKNOWN)
            self.assertEqual(at.known("NONE"), "")
            self.assertEqual(at.ask(AWAY, as_req()).error(), 37)

    def test_reload(self):
        one, two = self.fault("skew"), self.fault("relay")
        with self.through(one) as at:
            self.assertEqual(at.ask(HOME, as_req()).error(), 37)
            self.config(f"127.0.0.1:{two.port}")
            time.sleep(1.1)
            self.answered(at.ask(HOME, as_req()), within=1)
            self.assertEqual(at.known(HOME), f"127.0.0.1:{two.port} (krb5.conf)")

    def test_many(self):
        """The limits, one of a realm and one of all; then all is as before."""
        kdc = self.fault("silent")
        more = f"{AWAY} = {{\n kdc = 127.0.0.1:{kdc.port}\n}}\n" \
               f"THIRD = {{\n kdc = 127.0.0.1:{kdc.port}\n}}"
        with self.through(kdc, more=more, requests=100) as at:
            before = at.fds()
            numbers = [at.send(HOME, as_req()) for _ in range(75)]
            time.sleep(5.2)
            refused = at.send(HOME, as_req())
            self.assertEqual(at.line("refused"), ["refused", str(refused), "11"])
            numbers += [at.send(AWAY, as_req()) for _ in range(25)]
            third = at.send("THIRD", as_req())
            self.assertEqual(at.line("refused"), ["refused", str(third), "11"])
            time.sleep(0.3)
            self.assertIn(at.fds() - before, range(100, 126))
            for number in numbers[:50]:
                at.say("cancel", number)
            kdc.how = "skew"
            for number in numbers[75:]:
                self.assertEqual(at.done(number).error(), 37)
            for number in numbers[50:75]:  # on a busy machine these were sent the last time
                self.assertIn(at.done(number).error(), (37, None))
            proc.wait_until("its sockets are closed", lambda: at.fds() == before)
            self.assertEqual([w for w in at.lines if w[0] == "done"], [])
            self.assertEqual(at.ask("THIRD", as_req()).error(), 37)

    def test_few_sockets(self):
        """Who has to wait for the fourth KDC gets there with one socket."""
        dead = [self.fault("silent") for _ in range(3)]
        kdc = self.fault("relay")
        with self.through(*dead, kdc, requests=16) as at:
            before = at.fds()
            numbers = [at.send(HOME, as_req()) for _ in range(12)]
            time.sleep(2.5)
            self.assertLessEqual(at.fds(), before + 17 + SPARES)
            for number in numbers:
                self.answered(at.done(number), within=6)
            proc.wait_until("its sockets are closed", lambda: at.fds() == before)

    def test_no_descriptors(self):
        """None is left for a while."""
        kdc = self.fault("relay")
        with self.through(kdc) as at:
            self.answered(at.ask(HOME, as_req()))
            limits = resource.prlimit(at.process.pid, resource.RLIMIT_NOFILE)
            resource.prlimit(at.process.pid, resource.RLIMIT_NOFILE, (3, limits[1]))
            number = at.send(HOME, as_req())
            time.sleep(1)
            resource.prlimit(at.process.pid, resource.RLIMIT_NOFILE, limits)
            self.answered(at.done(number), within=2)

    def test_cancel(self):
        kdc = self.fault("silent")
        with self.through(kdc) as at:
            before = at.fds()
            at.say("cancel", at.send(HOME, as_req()))  # its realm is being looked up
            number = at.send(HOME, as_req())
            time.sleep(1.5)
            at.say("cancel", number)
            number = at.send(HOME, as_req(octets=900000))
            time.sleep(0.3)
            at.say("cancel", number)
            proc.wait_until("its sockets are closed", lambda: at.fds() == before)
            at.send(HOME, as_req())
            time.sleep(0.1)
            # and the end, with one on its way

    def test_load(self):
        """64 at a time: none is lost."""
        kdc = self.fault("relay")
        with self.through(kdc) as at:
            before = at.fds()
            for octets in (0, 2000):
                for number in [at.send(HOME, as_req(octets=octets)) for _ in range(64)]:
                    self.answered(at.done(number))
            proc.wait_until("its sockets are closed", lambda: at.fds() == before)

    def test_shapes(self):
        with Try(self.config(f"127.0.0.1:{self.kdc[1]}")) as at:
            for realm, message in (("R" * 256, as_req()), (HOME, bytes((1 << 20) + 1))):
                number = at.send(realm, message)
                self.assertEqual(at.line("refused"), ["refused", str(number), "22"])
            self.assertEqual(at.ask("R" * 255, as_req()).code, UNKNOWN)


class Large(FaultKdc):
    """An error of a given length, by TCP."""

    def __init__(self, real):
        super().__init__(real)
        self.how = "large"

    def do_large(self, message, conn, whose):
        if not conn:
            self._say(too_big(), conn, whose)
            return
        head = b"\x7e\x83" + (self.octets - 5).to_bytes(3, "big")
        self.asked, self.said = message, head + os.urandom(self.octets - 5)
        self._say(self.said, conn, whose)


class Wrong(FaultKdc):
    def __init__(self, real, at="127.0.0.1"):
        self.address = at
        super().__init__(real)

    def up(self):
        if ":" not in self.address:
            super().up()
            return
        self.tcp = socket.create_server((self.address, self.port), family=socket.AF_INET6)
        self.udp = socket.socket(socket.AF_INET6, socket.SOCK_DGRAM)
        self.udp.bind((self.address, self.port))
        self.main = threading.Thread(target=self._serve, daemon=True)
        self.main.start()

    def do_wrong(self, _message, conn, whose):
        """A TGS-REP is no answer to an AS-REQ, and a tag with a length is not enough."""
        self._say(b"\x6d\x03\x02\x01\x05", conn, whose)
        if whose:
            self._say(b"\x7e\x03\x02\x01\x05\x00", conn, whose)

    def do_stranger(self, message, conn, whose):
        with socket.socket(type=socket.SOCK_DGRAM) as other:
            other.sendto(error(37), whose)
        self._say(b"nonsense", conn, whose)
        self.do_relay(message, conn, whose)


class Dns:
    """A name server at 127.0.0.1 of a network of its own, and real_try beside it."""

    def __init__(self, folder):
        self.answers = {}  # (name, type): [rdata]
        self.asked = []
        self.silent = set()  # types
        resolv = folder.write("resolv.conf", "nameserver 127.0.0.1\n")
        hosts = folder.write("hosts", "127.0.0.1 localhost\n")
        log = folder.write("dns.log", "")
        switch = folder.write("nsswitch.conf", "hosts: files dns\n")
        self.place = proc.Daemon(
            ["unshare", "-m", "-n", "sh", "-ec", "mount --make-rprivate /; ip link set lo up; "
             f"mount --bind {resolv} /etc/resolv.conf; mount --bind {hosts} /etc/hosts; "
             f"mount --bind {switch} /etc/nsswitch.conf; echo ready; exec sleep 1000"],
            log)
        proc.wait_until("a network", lambda: "ready" in proc.tail(log),
                        process=self.place.process, log=log)
        rawkdc.in_network(self.place.pid, self._start)

    def stop(self):
        self.udp.close()
        self.place.stop()

    def wrap(self):
        return ["nsenter", "-m", "-n", "-t", str(self.place.pid)]

    def _start(self):
        self.udp = socket.socket(type=socket.SOCK_DGRAM)
        self.udp.bind(("127.0.0.1", 53))
        threading.Thread(target=self._serve, daemon=True).start()

    def _serve(self):
        while True:
            try:
                message, whose = self.udp.recvfrom(4096)
            except OSError:
                return
            reply = self._reply(message)
            if reply:
                self.udp.sendto(reply, whose)

    def _reply(self, message):
        at, labels = 12, []
        while message[at]:
            labels.append(message[at + 1:at + 1 + message[at]].decode())
            at += 1 + message[at]
        kind = struct.unpack(">H", message[at + 1:at + 3])[0]
        name = ".".join(labels)
        self.asked.append((name, kind))
        if kind in self.silent:
            return None
        records = self.answers.get((name.lower(), kind), [])
        known = any(n == name.lower() for n, _ in self.answers)
        body = b"".join(b"\xc0\x0c" + struct.pack(">HHIH", kind, 1, 60, len(r)) + r
                        for r in records)
        return message[:2] + struct.pack(">HHHHH", 0x8180 if known else 0x8183, 1, len(records),
                                         0, 0) + message[12:at + 5] + body

    def put(self, name, kind, *records):
        self.answers[name.lower(), kind] = list(records)


A, SRV, URI = 1, 33, 256


def labels(name):
    return b"".join(bytes([len(part)]) + part.encode() for part in name.split(".") if part) + b"\0"


def srv(priority, weight, port, host):
    return struct.pack(">HHH", priority, weight, port) + labels(host)


def uri(priority, weight, text):
    return struct.pack(">HH", priority, weight) + text.encode()


@unittest.skipUnless(os.geteuid() == 0, "SKIP: a network of one's own needs root")
class Names(Base):
    """KDCs that DNS knows."""

    def setUp(self):
        self.dns = Dns(self.realm.folder)
        self.addCleanup(self.dns.stop)
        self.dns.put("kdc.test", A, bytes([127, 0, 0, 1]))

    def there(self, *kdcs, **named):
        env = proc.clean_env(RES_OPTIONS="timeout:1 attempts:1")
        return Try(self.config(*kdcs, **named), *self.dns.wrap(), env=env)

    def server(self, how="skew"):
        kdc = rawkdc.in_network(self.dns.place.pid, FaultKdc, ("127.0.0.1", 1))
        self.addCleanup(kdc.stop)
        kdc.how = how
        return kdc

    def asks(self, kind):
        return [name for name, k in self.dns.asked if k == kind]

    def test_service(self):
        one, two, tcp = self.server("silent"), self.server(), self.server()
        self.dns.put("_kerberos._udp.dns.test", SRV, srv(20, 0, two.port, "kdc.test"),
                     srv(10, 0, one.port, "kdc.test"))
        self.dns.put("_kerberos._tcp.dns.test", SRV, srv(0, 0, tcp.port, "kdc.test"))
        with self.there(defaults="") as at:
            done = at.ask("DNS.TEST", as_req())
            self.assertEqual(done.error(), 37, done)
            self.assertEqual((one.seen, two.seen, tcp.seen),
                             ([("silent", False)], [("skew", False)], []))
            done = at.ask("DNS.TEST", as_req(octets=2000))
            self.assertEqual(done.error(), 37, done)
            self.assertEqual(tcp.seen, [("skew", True)])
            self.assertEqual(at.known("DNS.TEST"),
                             f"kdc.test:{one.port}/udp (DNS), kdc.test:{two.port}/udp (DNS), "
                             f"kdc.test:{tcp.port}/tcp (DNS)")
        self.assertEqual(self.asks(URI), ["_kerberos.DNS.TEST"])
        self.assertEqual(self.asks(SRV), ["_kerberos._udp.DNS.TEST", "_kerberos._tcp.DNS.TEST"])

    def test_uri(self):
        one, two = self.server("silent"), self.server()
        self.dns.put("_kerberos.dns.test", URI,
                     uri(30, 1, f"krb5srv:m:udp:kdc.test:{two.port}"),
                     uri(10, 1, f"krb5srv::udp:kdc.test:{one.port}"),
                     uri(5, 1, "krb5srv:m:kkdcp:https://proxy.test/KdcProxy"),
                     uri(5, 1, "other:m:udp:kdc.test"), uri(5, 1, "krb5srv:m:udp"),
                     uri(20, 1, f"KRB5SRV:m:tcp:127.0.0.1:{two.port}"), uri(1, 1, ""))
        with self.there(defaults="") as at:
            self.assertEqual(at.ask("DNS.TEST", as_req()).error(), 37)
            self.assertEqual(at.known("DNS.TEST"),
                             f"kdc.test:{one.port}/udp (DNS), 127.0.0.1:{two.port}/tcp (DNS), "
                             f"kdc.test:{two.port}/udp (DNS)")
        self.assertEqual(self.asks(SRV), [])

    def test_no_uri(self):
        one, two = self.server("silent"), self.server()
        self.dns.put("_kerberos.dns.test", URI, uri(1, 1, f"krb5srv:m:udp:kdc.test:{one.port}"))
        self.dns.put("_kerberos._udp.dns.test", SRV, srv(20, 0, two.port, "kdc.test"))
        with self.there(defaults="dns_uri_lookup = false") as at:
            self.assertEqual(at.ask("DNS.TEST", as_req()).error(), 37)
        self.assertEqual((one.seen, self.asks(URI)), ([], []))

    def test_not_asked(self):
        with self.there(defaults="dns_lookup_kdc = no") as at:
            self.assertEqual(at.ask("DNS.TEST", as_req()).code, UNKNOWN)
        with self.there(defaults="") as at:
            done = at.ask("a/b@;\\", as_req())
            self.assertEqual(done.code, UNKNOWN)
        self.assertEqual(self.dns.asked, [])

    def test_weights(self):
        """Among equals all are asked, the heavier more often."""
        ports = {}
        self.dns.put("_kerberos._udp.dns.test", SRV, srv(1, 0, 1, "kdc.test"),
                     srv(0, 90, 2, "kdc.test"), srv(0, 10, 3, "kdc.test"))
        for _ in range(60):
            with self.there(defaults="") as at:
                at.ask("DNS.TEST", as_req())
                text = at.known("DNS.TEST")
            first = text.split("/")[0]
            self.assertTrue(text.endswith("kdc.test:1/udp (DNS)"), text)
            ports[first] = ports.get(first, 0) + 1
        self.assertGreater(ports["kdc.test:2"], 35)
        self.assertGreater(ports["kdc.test:3"], 0)

    def test_none(self):
        """It is asked again after five seconds, not for each client."""
        with self.there(defaults="") as at:
            for _ in range(20):
                done = at.ask("DNS.TEST", as_req())
                self.assertEqual(done.code, UNKNOWN)
                self.assertEqual(done.why, "no KDC of DNS.TEST is in krb5.conf, and DNS names none")
            self.assertEqual(len(self.asks(URI)), 1)
            kdc = self.server()
            # A target of "." says that there is no such service.
            self.dns.put("_kerberos._tcp.dns.test", SRV, srv(0, 0, 0, ""))
            self.dns.put("_kerberos._udp.dns.test", SRV, srv(0, 0, kdc.port, "kdc.test"))
            time.sleep(5.1)
            self.assertEqual(at.ask("DNS.TEST", as_req()).error(), 37)

    def test_addresses(self):
        """All addresses of a name."""
        kdc = self.server()
        self.dns.put("many.test", A, bytes([127, 0, 0, 9]), bytes([127, 0, 0, 1]))
        with self.there(f"many.test:{kdc.port}") as at:
            done = at.ask(HOME, as_req())
            self.assertEqual(done.error(), 37, done)
            self.assertLess(done.seconds, 1)

    def test_silent_server(self):
        """Whoever waits for DNS keeps nobody else waiting."""
        self.dns.silent = {URI, SRV}
        kdc = self.server()
        with self.there(f"127.0.0.1:{kdc.port}", defaults="") as at:
            numbers = [at.send(f"R{i}.TEST", as_req()) for i in range(3)]
            done = at.ask(HOME, as_req())
            self.assertEqual(done.error(), 37)
            self.assertLess(done.seconds, 0.5)
            for number in numbers:
                self.assertEqual(at.done(number).code, UNKNOWN)
            numbers = [at.send(f"S{i}.TEST", as_req()) for i in range(90)]
            done = at.ask(HOME, as_req())  # is known
            self.assertEqual(done.error(), 37)
            self.assertLess(done.seconds, 0.5)
            self.assertIn("too many realms", at.done(numbers[-1]).why)
            # and what krb5.conf has is not behind what is looked for in DNS
            self.config(f"127.0.0.1:{kdc.port}", defaults="")
            time.sleep(1.1)
            done = at.ask(HOME, as_req())
            self.assertEqual(done.error(), 37)
            self.assertLess(done.seconds, 0.5)


def main():
    global PROGRAM
    PROGRAM = os.path.abspath(sys.argv[1])
    missing = [n for n in ("krb5kdc", "kadmind") if not proc.program(n)]
    if missing:
        print(f"SKIP: not installed: {' '.join(missing)}")
        return 77
    unittest.main(argv=[sys.argv[0], *sys.argv[2:]], verbosity=2, warnings="ignore")
    return 0


if __name__ == "__main__":
    sys.exit(main())
