#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""Who logged on with a KDC can do so without: with the same password, and with
no other, however often it is tried and whatever is restarted or put back.

usage: offline_live.py BUILD_FOLDER [TEST...]

A real instance with a kept root key, and MIT's KDC, which is then stopped.
Needs root. Exit code 77: skipped.
"""

import json
import os
import re
import subprocess
import sys
import time
import unittest

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", ".."))
sys.dont_write_bytecode = True
if len(sys.argv) > 1:
    os.environ["LSAISO_BUILD"] = os.path.abspath(sys.argv[1])

from tests.lib import proc  # noqa: E402
from tests.lib.instance import Instance, built, program  # noqa: E402
from tests.lib.realm import PASSWORDS, Realm  # noqa: E402

SKIP = 77
USER, OTHER = 64310, 64311
WRONG = "not the password"
START = 5  # seconds after a start within which nobody is let try


def lsactl(instance, *args, word=None, uid=None):
    """Exit code, and what was said."""
    done = subprocess.run([program("lsactl"), "--config", instance.file, *args],
                          input=None if word is None else word + "\n", text=True, user=uid,
                          capture_output=True, timeout=60 * proc.SLOW, check=False,
                          env=instance.env())
    return done.returncode, done.stdout + done.stderr


def logon(instance, word, name="alice", uid=USER):
    return lsactl(instance, "logon", name, word=word, uid=uid)


def wait_of(said):
    """Seconds that an answer names."""
    found = re.search(r"(\d+) s\b", said)
    assert found, said
    return int(found.group(1))


class Offline(unittest.TestCase):
    def setUp(self):
        self.realm = Realm()
        self.addCleanup(self.realm.close)
        self.instance = Instance(self.realm, {
            "logon": {"offline": "yes", "verify_kdc": "off", "keytab": "/nonexistent/keytab"},
            "seal": {"root": "file"},
        }, start=False)
        self.addCleanup(self.instance.stop)
        code, said = lsactl(self.instance, "seal", "enroll")
        self.assertEqual(code, 0, said)
        self.instance.start()

    def stop_kdc(self):
        for daemon in self.realm.daemons:
            daemon.stop()
        self.realm.daemons = []

    def restart(self):
        self.instance.terminate()
        self.assertEqual(self.instance.daemon.process.wait(15 * proc.SLOW), 0)
        self.instance.start()

    def online(self, name="alice", uid=USER):
        code, said = logon(self.instance, PASSWORDS[name], name, uid)
        self.assertEqual(code, 0, said)
        self.assertNotIn("no ticket", said)

    def let_in(self, word):
        code, said = logon(self.instance, word)
        self.assertEqual(code, 0, said)
        self.assertIn("no KDC answers, so there is no ticket", said)

    def sent_away(self, word, name="alice", uid=USER):
        code, said = logon(self.instance, word, name, uid)
        self.assertNotEqual(code, 0, said)
        return said

    def verifiers(self):
        folder = os.path.join(self.instance.state, "offline")
        return {n: os.path.join(folder, n) for n in os.listdir(folder)}

    def keep(self):
        kept = {}
        for name, path in self.verifiers().items():
            with open(path, "rb") as f:
                kept[name] = f.read()
        return kept

    def put_back(self, kept):
        for name, octets in kept.items():
            with open(self.verifiers()[name], "wb") as f:
                f.write(octets)

    def test_right_wrong_and_ever_slower(self):
        self.online()
        [path] = self.verifiers().values()
        self.assertEqual(os.stat(path).st_mode & 0o777, 0o600)
        self.assertEqual(os.path.getsize(path), 88)
        kept = self.keep()
        time.sleep(START)
        self.stop_kdc()
        self.let_in(PASSWORDS["alice"])
        for delay in (2, 4):
            self.assertEqual(wait_of(self.sent_away(WRONG)), delay)
            # too early, right or not; and with the first verifier put back
            self.assertLessEqual(wait_of(self.sent_away(PASSWORDS["alice"])), delay)
            self.put_back(kept)
            self.assertLessEqual(wait_of(self.sent_away(PASSWORDS["alice"])), delay)
            time.sleep(delay + 0.1)
        self.let_in(PASSWORDS["alice"])
        self.assertEqual(wait_of(self.sent_away(WRONG)), 2)

    def test_never_logged_on_here(self):
        self.online()
        time.sleep(START)
        self.stop_kdc()
        self.assertNotRegex(self.sent_away(PASSWORDS["bob"], "bob"), r"\d s\b")
        # another user's logon as the same principal is another matter
        self.assertNotRegex(self.sent_away(PASSWORDS["alice"], uid=OTHER), r"\d s\b")
        self.let_in(PASSWORDS["alice"])

    def state(self):
        code, said = lsactl(self.instance, "sessions", "--json", uid=USER)
        self.assertEqual(code, 0, said)
        return [one["state"] for one in json.loads(said)["sessions"]]

    def test_locked_and_unlocked(self):
        self.online()
        self.assertEqual(lsactl(self.instance, "logoff", uid=USER)[0], 0)
        time.sleep(START)
        self.stop_kdc()
        self.let_in(PASSWORDS["alice"])
        code, said = lsactl(self.instance, "lock", uid=USER)
        self.assertEqual((code, self.state()), (0, ["locked"]), said)
        code, said = lsactl(self.instance, "unlock", word=WRONG, uid=USER)
        self.assertEqual((code, self.state()), (1, ["locked"]), said)
        code, said = lsactl(self.instance, "unlock", word=PASSWORDS["alice"], uid=USER)
        self.assertEqual((code, self.state()), (0, ["open"]), said)

    def test_restarts(self):
        self.online()
        kept = self.keep()
        self.stop_kdc()
        self.restart()
        self.assertLessEqual(wait_of(self.sent_away(PASSWORDS["alice"])), START)
        time.sleep(START)
        self.let_in(PASSWORDS["alice"])
        for delay in (2, 4, 8):
            self.assertEqual(wait_of(self.sent_away(WRONG)), delay)
            time.sleep(delay + 0.1)
        # three wrong ones: eight seconds from the start, not five
        self.restart()
        self.assertGreater(wait_of(self.sent_away(PASSWORDS["alice"])), START)
        time.sleep(START + 0.5)
        self.sent_away(PASSWORDS["alice"])
        time.sleep(3)
        self.let_in(PASSWORDS["alice"])
        # what root can do, and the only thing: an old count for a restart
        self.sent_away(WRONG)
        self.put_back(kept)
        self.restart()
        self.assertLessEqual(wait_of(self.sent_away(WRONG)), START)
        time.sleep(START)
        self.assertEqual(wait_of(self.sent_away(WRONG)), 2)

    def test_another_root_key(self):
        self.online()
        self.stop_kdc()
        code, said = lsactl(self.instance, "seal", "forget")
        self.assertEqual(code, 0, said)
        code, said = lsactl(self.instance, "seal", "enroll")
        self.assertEqual(code, 0, said)
        self.restart()
        time.sleep(START)
        self.assertNotRegex(self.sent_away(PASSWORDS["alice"]), r"\d s\b")
        self.assertTrue(self.instance.log_has("made under another root key"))


def main():
    if os.geteuid() != 0:
        print("SKIP: needs root")
        return SKIP
    missing = [n for n in ("krb5kdc", "kdb5_util", "kadmind") if not proc.program(n)]
    if missing or not built():
        print(f"SKIP: not there: {' '.join(missing) or 'a whole build'}")
        return SKIP
    done = unittest.main(argv=[sys.argv[0], *sys.argv[2:]], exit=False, verbosity=2)
    return 0 if done.result.wasSuccessful() else 1


if __name__ == "__main__":
    sys.exit(main())
