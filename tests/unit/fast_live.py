#!/usr/bin/python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""Do logons go under armour where they can, nowhere else where they must, and
does a password change without being seen?

usage: fast_live.py FAST_TRY LSAISO [TEST...]

MIT's KDC, kadmind and a real lsaiso; tests/interop has the others. Exit code
77: skipped, and says why.
"""

import os
import socket
import struct
import sys
import threading
import unittest

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", ".."))
sys.dont_write_bytecode = True

from tests.lib import der, pkinit, proc, trylogon  # noqa: E402
from tests.lib.realm import AWAY, HOME, PASSWORDS, Realm  # noqa: E402
from tests.lib.trylogon import refused  # noqa: E402

WORD = PASSWORDS["alice"]
MACHINE = f"host/localhost@{HOME}"
FAST_REQUIRED = -1765328132
FX_FAST, CHALLENGE, TIMESTAMP = 136, 138, 2


class Kdc(unittest.TestCase):
    """A KDC whose configuration changes; realm is shared by the tests of a class."""

    extra = ""  # of the realm in kdc.conf

    @classmethod
    def setUpClass(cls):
        cls.realm = Realm()
        cls.addClassCleanup(cls.realm.close)
        cls.realm.kadmin_local(HOME, [
            "modprinc +requires_preauth alice",
            'addprinc -pw "open sesame" -requires_preauth open',
            'addprinc -pw "must change" -pwexpire "2020-01-01" +requires_preauth expired',
            'addprinc -pw "must change" -pwexpire "2020-01-01" +requires_preauth older',
            'addprinc -pw "locked" -allow_tix locked',
            "addpol -minlength 8 -history 2 strict",
            'addprinc -pw "old password" +requires_preauth -policy strict carl',
            "addpol -minlife 1d slow",
            'addprinc -pw "too soon" +requires_preauth -policy slow soon'])
        cls.prepare()
        cls.restart()
        cls.config = cls.realm.write_config("fast.conf", ccache="MEMORY:", extra=cls.client())
        cls.keytab = f"FILE:{cls.realm.keytab('host/localhost')}"

    @classmethod
    def prepare(cls):
        pass

    @classmethod
    def client(cls):
        return ""

    @classmethod
    def restart(cls, extra=None, **env):
        with open(cls.realm.kdc_config, encoding="utf-8") as f:
            text = f.read().replace(f"    {HOME} = {{", f"    {HOME} = {{\n        "
                                    f"{cls.extra if extra is None else extra}", 1)
        config = cls.realm.folder.write("kdc2.conf", text)
        cls.realm.daemons[0].stop()
        daemon = proc.Daemon(["krb5kdc", "-n", "-r", HOME, "-r", AWAY],
                             cls.realm.folder("kdc2.out"),
                             env=dict(cls.realm.kdc_env, KRB5_KDC_PROFILE=config, **env))
        cls.realm.daemons[0] = daemon
        for port in cls.realm.kdc.values():
            proc.wait_until("krb5kdc", lambda p=port: proc.port_answers(p),
                            process=daemon.process, log=cls.realm.folder("kdc2.out"))

    def tries(self, config=None, **env):
        return trylogon.Tries(PROGRAM, self.realm.env(config or self.config, LSAISO=LSAISO, **env))

    def log_on(self, who, word, *options, config=None, machine=True):
        if machine:
            options = ("-m", self.keytab, *options, MACHINE)
        return self.tries(config)(who, word, options)

    def through(self, change=lambda reply: reply):
        """Somebody between, over UDP, who sees all of it and may change replies."""
        between = Between(self.realm.kdc[HOME], change)
        self.addCleanup(between.socket.close)
        config = self.realm.write_config("between.conf", ccache="MEMORY:", extra=self.client(),
                                         kdc={HOME: between.port, AWAY: self.realm.kdc[AWAY]})
        return between, config

    def armored(self, said, who="alice"):
        self.assertEqual((said["code"], said.get("client")), (0, f"{who}@{HOME}"), said)
        self.assertTrue(said["armored"] and said["checked"], said)
        return said

    def bare(self, said, who="alice"):
        self.assertEqual((said["code"], said["client"]), (0, f"{who}@{HOME}"), said)
        self.assertFalse(said["armored"], said)
        return said


class Between:
    def __init__(self, port, change):
        self.port, self.kdc, self.change, self.seen = proc.free_port(), port, change, []
        self.socket = socket.socket(type=socket.SOCK_DGRAM)
        self.socket.bind(("127.0.0.1", self.port))
        threading.Thread(target=self.serve, daemon=True).start()

    def serve(self):
        with socket.socket(type=socket.SOCK_DGRAM) as kdc:
            kdc.connect(("127.0.0.1", self.kdc))
            kdc.settimeout(10)
            answered = {}  # a client asks again where the KDC takes its time
            while True:
                try:
                    request, client = self.socket.recvfrom(65536)
                except OSError:
                    return
                if request not in answered:
                    kdc.send(request)
                    answered[request] = kdc.recv(65536)
                    self.seen.append((request, answered[request]))
                self.socket.sendto(self.change(answered[request]), client)

    def asked(self):
        """Types of the padata of each AS-REQ that came by."""
        return [padata_types(request) for request, _ in self.seen if request[0] == 0x6a]


def padata_types(request):
    _, [[_, fields]] = der.parse(request)[0]
    return [int.from_bytes(der.field(pa[1], 1)[0][1], "big")
            for pa in der.field(fields, 3)[0][1]]


class OnlyArmored(Kdc):
    """A KDC that gives tickets for one service only to who came with a challenge under armour."""

    extra = "encrypted_challenge_indicator = armored"

    @classmethod
    def prepare(cls):
        cls.realm.kadmin_local(HOME, ["setstr HTTP/localhost require_auth armored"])

    def test_machine(self):
        between, config = self.through()
        said = self.armored(self.log_on("alice", WORD, config=config))
        self.assertTrue(said["fast"])
        self.assertIn("has a ticket for armour", said["log"])
        users = [types for types in between.asked() if FX_FAST in types]
        self.assertEqual(len(users), 2, between.asked())
        self.assertTrue(all(types == [FX_FAST] for types in users), users)
        self.assertFalse(any(TIMESTAMP in types for types in users), users)

    def test_the_kdc_knows(self):
        """It finds a challenge under armour; lsaiso takes no such ticket, but that is later."""
        refused(self.log_on("alice", WORD, "-s", "HTTP/localhost"), "iso", trylogon.POLICY)
        self.assertRegex(self.realm.kdc_log(), rf"ISSUE.* alice@{HOME} for HTTP/localhost")
        refused(self.log_on("alice", WORD, "-s", "HTTP/localhost", "-f", "off"), "kdc",
                trylogon.POLICY)

    def test_refusals_come_through(self):
        refused(self.log_on("alice", "wrong"), "kdc", trylogon.PREAUTH_FAILED)
        refused(self.log_on("nobody", "x"), "kdc", trylogon.C_PRINCIPAL_UNKNOWN)
        refused(self.log_on("locked", "locked"), "kdc", trylogon.CLIENT_REVOKED)
        refused(self.log_on("older", "must change"), "kdc", trylogon.KEY_EXP)

    def test_change_of_password(self):
        said = self.log_on("expired", "must change\nthe new one\n", "-w")
        self.assertEqual((said["step"], said["proved"]), ("done", True), said)
        self.armored(said, "expired")


# The machine itself has no armour for its own logon: its KDC must take timestamps.
class Machine(Kdc):
    def test_armored_and_not(self):
        self.armored(self.log_on("alice", WORD, "-f", "required"))
        self.armored(self.log_on("open", "open sesame"), "open")
        self.bare(self.log_on("alice", WORD, "-f", "off"))
        self.bare(self.log_on("alice", WORD, machine=False))

    def test_required_without_keys(self):
        said = self.log_on("alice", WORD, "-f", "required", machine=False)
        self.assertEqual((said["code"], said["who"]), (FAST_REQUIRED, "here"), said)

    def test_one_ticket_for_many(self):
        between, config = self.through()
        self.armored(self.log_on("alice", WORD, "-n", "3", config=config))
        self.assertEqual(sum(FX_FAST not in types for types in between.asked()), 1,
                         "the machine logs on once")

    def test_other_realm(self):
        """Armour is then a ticket for the other KDC, got with the machine's."""
        self.realm.kadmin_local(AWAY, ['addprinc -pw "far away" +requires_preauth away'])
        said = self.log_on(f"away@{AWAY}", "far away")
        self.assertEqual((said["code"], said["client"]), (0, f"away@{AWAY}"), said)
        self.assertTrue(said["armored"], said)

    def test_stripped(self):
        """Somebody between takes FAST away: the machine knows better."""
        def strip(reply):
            message = der.parse(reply)
            tag, [[_, fields]] = message[0]
            data = der.field(fields, 12) if tag == 0x7e else None
            if data:
                padata = der.parse(data[0][1])
                padata[0][1] = [pa for pa in padata[0][1]
                                if der.field(pa[1], 1)[0][1] != FX_FAST.to_bytes(2, "big")]
                data[0][1] = der.build(padata)
            return der.build(message)

        _, config = self.through(strip)
        for mode in "auto", "required":
            said = self.log_on("alice", WORD, "-f", mode, config=config)
            self.assertEqual(said["code"], FAST_REQUIRED, said)

    def test_changed(self):
        """A flipped bit in what came under armour."""
        def flip(reply):
            return reply[:-40] + bytes([reply[-40] ^ 1]) + reply[-39:]

        def only_armored(reply):
            return flip(reply) if b"\x02\x02\x00\x88" in reply and reply[0] == 0x7e else reply

        _, config = self.through(only_armored)
        said = self.log_on("alice", WORD, config=config)
        self.assertNotEqual(said["code"], 0, said)

    @unittest.skipUnless(proc.FAKETIME, "faketime is not installed")
    def test_clock_of_the_kdc(self):
        for minutes in (10, -10):
            self.restart(**proc.clock_off_by(f"{minutes:+}m"))
            said = self.armored(self.log_on("alice", WORD))
            self.assertAlmostEqual(said["offset"], minutes * 60, delta=3)
        self.restart()

    # ---- passwords

    def change(self, who, old, new, *options, **more):
        return self.log_on(who, f"{old}\n{new}\n", "-w", *options, **more)

    def test_change(self):
        said = self.change("bob", PASSWORDS["bob"], "another password of bob's")
        self.assertEqual((said["step"], said["result"], said["proved"]), ("done", 0, True), said)
        self.armored(said, "bob")
        refused(self.log_on("bob", PASSWORDS["bob"], "-f", "off"), "kdc",
                trylogon.BAD_INTEGRITY)

    def test_expired(self):
        self.realm.kadmin_local(HOME, ['cpw -pw "must change" expired',
                                       'modprinc -pwexpire "2020-01-01" expired'])
        refused(self.log_on("expired", "must change"), "kdc", trylogon.KEY_EXP)
        said = self.change("expired", "must change", "a newer password", machine=False)
        self.assertEqual(said["step"], "done", said)
        self.bare(said, "expired")

    def test_policy(self):
        """The server's own words."""
        said = self.change("carl", "old password", "short")
        self.assertEqual((said["step"], said["result"], said["proved"]), ("refused", 4, True),
                         said)
        self.assertIn("too short", said["words"])
        said = self.change("carl", "old password", "old password")
        self.assertEqual((said["step"], said["result"]), ("refused", 4), said)
        self.assertIn("used previously", said["words"].lower())
        said = self.change("soon", "too soon", "quite long enough")
        self.assertEqual(said["step"], "refused", said)
        self.assertIn("wait", said["words"].lower())

    def refuse(self, words):
        """What a change comes to at a server that says no, as Windows does: without a frame."""
        kpasswd = socket.create_server(("127.0.0.1", 0))
        self.addCleanup(kpasswd.close)
        error = der.build([[0x7e, [[0x30, [
            [0xa0, [der.integer(5)]], [0xa1, [der.integer(30)]],
            [0xa4, [[0x18, b"20260101000000Z"]]], [0xa5, [der.integer(0)]],
            [0xa6, [der.integer(60)]], [0xa9, [[0x1b, HOME.encode()]]],
            [0xaa, [[0x30, [[0xa0, [der.integer(2)]], [0xa1, [[0x30, [
                [0x1b, b"kadmin"], [0x1b, b"changepw"]]]]]]]]],
            [0xac, [[0x04, b"\0\4" + words]]]]]]]])

        def serve():
            while True:
                try:
                    client, _ = kpasswd.accept()
                except OSError:
                    return
                with client:
                    client.recv(65536)
                    client.sendall(len(error).to_bytes(4, "big") + error)
        threading.Thread(target=serve, daemon=True).start()
        with open(self.config, encoding="utf-8") as f:
            text = f.read().replace(f"kpasswd_server = 127.0.0.1:{self.realm.kpasswd}",
                                    f"kpasswd_server = 127.0.0.1:{kpasswd.getsockname()[1]}")
        config = self.realm.folder.write("says-no.conf", text)
        said = self.change("alice", WORD, "whatever it is", config=config)
        self.assertEqual((said["step"], said["result"], said["proved"]), ("refused", 4, False),
                         said)
        return said["words"]

    def test_policy_of_windows(self):
        """No words but numbers: 0, length, history, properties, ages in 100 ns."""
        day = 24 * 3600 * 10**7

        def policy(length=0, history=0, properties=0, age=0, zero=0):
            return struct.pack(">HIIIQQ", zero, length, history, properties, 42 * day, age)
        words = self.refuse(policy(length=9, history=24, properties=1, age=2 * day))
        for part in ("at least 9 characters", "different from the previous 24 passwords",
                     "numbers or symbols", "every 2 days"):
            self.assertIn(part, words)
        self.assertNotIn("numbers", self.refuse(policy(length=9)))
        ours = "too short or simple, used before"
        for odd in (b"", policy(length=9)[:29], policy(length=9) + b"\0",
                    policy(length=9, zero=0x1b5b), b"\xff" * 30):
            words = self.refuse(odd)
            self.assertTrue(words.isprintable() and len(words) > 20, ascii(words))
            self.assertTrue(ours in words if odd == b"" else "9" not in words, words)

    def test_wrong_old_password(self):
        said = self.change("alice", "not it", "whatever it is")
        self.assertEqual((said["step"], said["code"]), ("old", trylogon.PREAUTH_FAILED), said)

    def test_no_server(self):
        with open(self.config, encoding="utf-8") as f:
            text = f.read().replace(f":{self.realm.kpasswd}", f":{proc.free_port()}")
        config = self.realm.folder.write("no-server.conf", text)
        said = self.change("alice", WORD, "whatever it is", config=config)
        self.assertEqual((said["step"], said["passwd"]), ("server", trylogon.KDC_UNREACH), said)
        self.armored(self.log_on("alice", WORD))


class Anonymous(Kdc):
    """Armour of nobody's ticket, by anonymous PKINIT."""

    @classmethod
    def prepare(cls):
        cls.realm.kadmin_local(HOME, ["addprinc -randkey WELLKNOWN/ANONYMOUS"])
        cls.authority = pkinit.Authority(cls.realm.folder, HOME)
        cls.extra = (f"pkinit_identity = {cls.authority.identity}\n        "
                     f"pkinit_anchors = FILE:{cls.authority.anchor}")

    @classmethod
    def client(cls):
        return f"[libdefaults]\n    pkinit_anchors = FILE:{cls.authority.anchor}\n"

    def test_anonymous(self):
        between, config = self.through()
        self.armored(self.log_on("alice", WORD, "-f", "anonymous", machine=False, config=config))
        self.assertFalse(any(TIMESTAMP in types for types in between.asked()), between.asked())
        self.assertRegex(self.realm.kdc_log(), rf"ISSUE.*WELLKNOWN/ANONYMOUS@{HOME} for krbtgt")

    def test_no_anchor(self):
        """A KDC that nobody vouches for is not believed, and nothing goes without."""
        config = self.realm.write_config("no-anchor.conf", ccache="MEMORY:")
        said = self.log_on("alice", WORD, "-f", "anonymous", machine=False, config=config)
        self.assertEqual(said["code"], FAST_REQUIRED, said)


def main():
    global PROGRAM, LSAISO
    PROGRAM, LSAISO = sys.argv[1:3]
    missing = [n for n in ("krb5kdc", "kadmind", "openssl") if not proc.program(n)]
    if missing or not os.path.exists(LSAISO):
        print(f"SKIP: not installed or built: {' '.join(missing) or LSAISO}")
        return 77
    unittest.main(argv=[sys.argv[0], *sys.argv[3:]], verbosity=2)
    return 0


if __name__ == "__main__":
    sys.exit(main())
