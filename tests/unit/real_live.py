#!/usr/bin/python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""Does lsass find the realms' KDCs as libkrb5 does, and does it get an answer
from those that are alive, whatever the others do?

usage: real_live.py REAL_TRY [TEST...]

MIT's KDC, and in front of it one that misbehaves. Exit code 77: skipped, and
says why.
"""

import os
import subprocess
import sys
import threading
import time
import unittest

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", ".."))
sys.dont_write_bytecode = True

from tests.lib import proc, rawkdc  # noqa: E402
from tests.lib.faultkdc import FaultKdc  # noqa: E402
from tests.lib.realm import AWAY, HOME, Realm  # noqa: E402

UNREACH, UNKNOWN, CANT_RESOLVE = -1765328228, -1765328230, -1765328164
PREAUTH_REQUIRED, WRONG_REALM = 25, 68


class Try:
    """A running real_try."""

    def __init__(self, config, *wrap, listen=None, env=None):
        self.process = subprocess.Popen(
            [*wrap, PROGRAM, config, *([listen] if listen else [])], stdin=subprocess.PIPE,
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

    def test_plain(self):
        kdc = self.fault("relay")
        with Try(self.config(f"127.0.0.1:{kdc.port}")) as at:
            before = at.fds()
            self.answered(at.ask(HOME, as_req()), within=1)
            self.assertEqual(kdc.seen, [("relay", False)])
            self.answered(at.ask(HOME, as_req(octets=2000)), within=1)
            self.assertEqual(kdc.seen[1:], [("relay", True)])
            self.assertEqual(at.known(HOME), f"127.0.0.1:{kdc.port} (krb5.conf)")
            self.assertEqual(at.fds(), before)

    def test_dead(self):
        with Try(self.config(f"127.0.0.1:{proc.free_port()}",
                             f"127.0.0.1:{self.kdc[1]}")) as at:
            self.answered(at.ask(HOME, as_req()), within=0.5)


def main():
    global PROGRAM
    PROGRAM = sys.argv[1]
    missing = [n for n in ("krb5kdc", "kadmind") if not proc.program(n)]
    if missing:
        print(f"SKIP: not installed: {' '.join(missing)}")
        return 77
    unittest.main(argv=[sys.argv[0], *sys.argv[2:]], verbosity=2)
    return 0


if __name__ == "__main__":
    sys.exit(main())
