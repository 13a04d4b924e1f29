#!/usr/bin/python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""Does a logon inside work as kinit's does, and is every refusal what it is?

usage: logon_live.py LOGON_TRY LSAISO [TEST...]

MIT's KDC and a real lsaiso; tests/interop has the other KDCs. Exit code 77:
skipped, and says why.
"""

import os
import socket
import sys
import threading
import unittest

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", ".."))
sys.dont_write_bytecode = True

from tests.lib import der, proc, trylogon  # noqa: E402
from tests.lib.realm import AWAY, HOME, PASSWORDS, Realm  # noqa: E402
from tests.lib.trylogon import good, refused  # noqa: E402

WORD = PASSWORDS["alice"]
ETYPES = {17: "aes128-cts", 18: "aes256-cts", 19: "aes128-sha2", 20: "aes256-sha2"}
TGT = f"krbtgt/{HOME}@{HOME}"


def principals(realm):
    add = [f'addprinc -pw "word {n}" -e {name}:normal etype{n}' for n, name in ETYPES.items()]
    add += [f'addprinc -pw "pre {n}" -e {name}:normal +requires_preauth pre{n}'
            for n, name in ETYPES.items()]
    add += ['addprinc -pw "rc4" -e arcfour-hmac:normal +requires_preauth old',
            'addprinc -pw "salt of its own" -e aes256-cts:special salted',
            'addprinc -pw "open sesame" -requires_preauth open',
            'addprinc -pw "needs" +requires_preauth needs',
            'addprinc -pw "hardware" +requires_preauth +requires_hwauth hardware',
            'addprinc -pw "locked" -allow_tix locked',
            'addprinc -pw "gone" -expire "2020-01-01" gone',
            'addprinc -pw "must change" -pwexpire "2020-01-01" expired',
            'addprinc -pw "ends soon" +requires_preauth -pwexpire "1 day" soon',
            "addpol -maxfailure 2 -failurecountinterval 1h -lockoutduration 1h strict",
            'addprinc -pw "word" +requires_preauth -policy strict lockout',
            'addprinc -pw "enterprise" +requires_preauth upn\\@corp.example',
            "modprinc +requires_preauth alice",
            f"ktadd -q -norandkey -k {realm.folder('keytabs', 'all')} alice",
            f"ktadd -q -norandkey -k {realm.folder('keytabs', 'all')} host/localhost"]
    realm.kadmin_local(HOME, add)
    # The same names with other keys: what a machine has after it was set up anew.
    realm.kadmin_local(AWAY, ['addprinc -pw "far away" +requires_preauth away',
                              "addprinc -randkey host/localhost",
                              f"ktadd -q -k {realm.folder('keytabs', 'away')} host/localhost"])


class Mit(unittest.TestCase):
    """What a KDC says to a password."""

    @classmethod
    def setUpClass(cls):
        cls.realm = Realm()
        cls.addClassCleanup(cls.realm.close)
        principals(cls.realm)
        cls.config = cls.write("live.conf", "")
        cls.tries = trylogon.Tries(PROGRAM, cls.realm.env(cls.config, LSAISO=LSAISO))

    @classmethod
    def write(cls, name, defaults, **more):
        return cls.realm.write_config(name, ccache="MEMORY:", defaults=defaults, **more)

    def log_on(self, principal, password, *options, **env):
        return self.tries(principal, password, options, **env)

    # ---- logons that work

    def test_password(self):
        said = good(self.log_on("alice", WORD, "-t", "HTTP/localhost"), f"alice@{HOME}")
        self.assertEqual(said["server"], TGT)
        self.assertTrue(said["checked"])
        self.assertFalse(said["armored"])
        self.assertEqual(said["ticket"], 0)
        self.assertEqual((said["anchor_etype"], said["salt"]), (18, f"{HOME}alice"))
        self.assertGreater(said["anchor"], 0)
        # As plain kinit would have it from this krb5.conf; the KDC's second may be the one before.
        self.assertIn(said["life"] - 8 * 3600, (-1, 0, 1))
        self.assertIn(said["renew"] - 2 * 86400, (-1, 0, 1))
        self.assertEqual(said["flags"] >> 24 & 0x40, 0x40, "forwardable")
        self.assertEqual(said["expires_in"], 0)

    def test_each_etype(self):
        for n in ETYPES:
            for name, word in (("etype", "word"), ("pre", "pre")):
                said = good(self.log_on(f"{name}{n}", f"{word} {n}"), f"{name}{n}@{HOME}")
                self.assertEqual(said["anchor_etype"], n)
            refused(self.log_on(f"pre{n}", "another"), "kdc", trylogon.PREAUTH_FAILED)

    def test_no_preauth(self):
        """The etype and salt come with the ticket only."""
        good(self.log_on("open", "open sesame"), f"open@{HOME}")
        refused(self.log_on("open", "shut sesame"), "kdc", trylogon.BAD_INTEGRITY)

    def test_odd_salt(self):
        said = good(self.log_on("salted", "salt of its own"), f"salted@{HOME}")
        self.assertNotEqual(said["salt"], f"{HOME}salted")

    def test_keytab(self):
        keytab = f"FILE:{self.realm.folder('keytabs', 'all')}"
        good(self.log_on("alice", "", "-k", keytab), f"alice@{HOME}")

    def test_ticket_for_a_change(self):
        for who, word in (("alice", WORD), ("expired", "must change")):
            said = good(self.log_on(who, word, "-c"), f"{who}@{HOME}")
            self.assertEqual(said["server"], f"kadmin/changepw@{HOME}")
            self.assertIn(said["life"] - 300, (-1, 0, 1))
            self.assertEqual(said["renew"], 0)

    def test_password_that_ends_soon(self):
        said = good(self.log_on("soon", "ends soon"), f"soon@{HOME}")
        self.assertTrue(80000 < said["expires_in"] <= 86400, said)

    def test_other_realm(self):
        good(self.log_on(f"away@{AWAY}", "far away"), f"away@{AWAY}")

    def test_enterprise_name(self):
        """What follows the @ has small letters and is no realm of krb5.conf."""
        upn = f"upn\\@corp.example@{HOME}"
        good(self.log_on("upn@corp.example", "enterprise"), upn)
        good(self.log_on("upn@corp.example", "enterprise", "-E"), upn)
        said = self.log_on("upn@corp.example", "enterprise", "-P")
        self.assertEqual(said["who"], "here", said)

    # ---- and that do not

    def test_wrong_password(self):
        said = refused(self.log_on("alice", "not it"), "kdc", trylogon.PREAUTH_FAILED)
        self.assertEqual(said["nt_status"], 0)

    def test_unknown(self):
        said = refused(self.log_on("nobody", "x"), "kdc", trylogon.C_PRINCIPAL_UNKNOWN)
        self.assertEqual(said["text"], "CLIENT_NOT_FOUND")

    def test_locked(self):
        refused(self.log_on("locked", "locked"), "kdc", trylogon.CLIENT_REVOKED)
        for _ in range(2):
            refused(self.log_on("lockout", "wrong"), "kdc", trylogon.PREAUTH_FAILED)
        refused(self.log_on("lockout", "word"), "kdc", trylogon.CLIENT_REVOKED)

    def test_expired(self):
        refused(self.log_on("gone", "gone"), "kdc", trylogon.NAME_EXP)
        refused(self.log_on("expired", "must change"), "kdc", trylogon.KEY_EXP)

    def test_what_no_password_answers(self):
        said = self.log_on("hardware", "hardware")
        self.assertNotEqual(said["code"], 0)
        self.assertIn(said["who"], ("kdc", "here"))

    def test_rc4(self):
        """Only when it was configured: then libkrb5's own consent is needed, too."""
        refused(self.log_on("old", "rc4"), "here", trylogon.NO_PREAUTH)
        weak = self.write("rc4.conf", "allow_weak_crypto = true\n    allow_rc4 = true")
        said = good(self.log_on("old", "rc4", "-r", KRB5_CONFIG=weak), f"old@{HOME}")
        self.assertEqual(said["anchor_etype"], 23)
        refused(self.log_on("old", "rc5", "-r", KRB5_CONFIG=weak), "kdc",
                trylogon.PREAUTH_FAILED)

    def test_etype_that_nobody_permits(self):
        none = self.write("none.conf", "permitted_enctypes = arcfour-hmac")
        refused(self.log_on("alice", WORD, KRB5_CONFIG=none), "here", trylogon.CONFIG_ETYPE)

    def test_names_that_are_none(self):
        self.assertEqual(self.log_on("a@b@C", "x", "-P")["who"], "here")
        nowhere = self.log_on("alice@NOWHERE.EXAMPLE", "x")
        self.assertEqual(nowhere["who"], "here", nowhere)

    def test_no_kdc(self):
        down = self.write("down.conf", "", kdc={HOME: proc.free_port(), AWAY: proc.free_port()})
        refused(self.log_on("alice", WORD, KRB5_CONFIG=down), "here", trylogon.KDC_UNREACH)

    def test_cancelled(self):
        refused(self.log_on("alice", WORD, "-x"), "here", trylogon.CANCELED)

    # ---- whose KDC is it?

    def test_verified(self):
        keytab = f"FILE:{self.realm.folder('keytabs', 'all')}"
        said = good(self.log_on("alice", WORD, "-m", keytab, f"host/localhost@{HOME}"),
                    f"alice@{HOME}")
        self.assertEqual((said["verdict"], said["verify"]), ("good", 0), said)

    def false_keytab(self, name):
        path = self.realm.folder("keytabs", "false-" + name.replace("/", "_"))
        proc.run(["ktutil"], env=self.realm.env(self.config),
                 stdin=f"addent -password -p {name} -k 1 -e aes256-cts\nother keys\n"
                 f"wkt {path}\nquit\n").ok()
        return f"FILE:{path}"

    def test_not_verified(self):
        """The KDC has other keys of this machine than its keytab."""
        keytab = self.false_keytab("host/localhost")
        said = good(self.log_on("alice", WORD, "-m", keytab, f"host/localhost@{HOME}"),
                    f"alice@{HOME}")
        self.assertEqual((said["verdict"], said["verify"]),
                         ("false", trylogon.BAD_INTEGRITY), said)

    def test_no_excuse(self):
        """What a false KDC could say as well: that it does not know this machine."""
        keytab = self.false_keytab("host/nowhere")
        said = good(self.log_on("alice", WORD, "-m", keytab, f"host/nowhere@{HOME}"),
                    f"alice@{HOME}")
        self.assertEqual((said["verdict"], said["verify"]),
                         ("false", trylogon.S_PRINCIPAL_UNKNOWN), said)

    def test_cannot_be_verified(self):
        """A machine without keys."""
        keytab = f"FILE:{self.realm.folder('keytabs', 'all')}"
        said = self.log_on("alice", WORD, "-m", keytab, f"host/nowhere@{HOME}")
        self.assertEqual((said["verdict"], said["machine_keys"]), ("unknown", 0), said)


class Between:
    """Somebody between us and the KDC, over UDP, who changes what it says."""

    def __init__(self, port, change):
        self.port, self.kdc, self.change, self.seen = proc.free_port(), port, change, []
        self.socket = socket.socket(type=socket.SOCK_DGRAM)
        self.socket.bind(("127.0.0.1", self.port))
        threading.Thread(target=self.serve, daemon=True).start()

    def serve(self):
        with socket.socket(type=socket.SOCK_DGRAM) as kdc:
            kdc.connect(("127.0.0.1", self.kdc))
            kdc.settimeout(10)
            while True:
                try:
                    request, client = self.socket.recvfrom(65536)
                except OSError:
                    return
                kdc.send(request)
                reply = kdc.recv(65536)
                self.seen.append((request, reply))
                self.socket.sendto(self.change(reply), client)


def padata_of(reply):
    """What kind of message, its elements, those of its METHOD-DATA or padata."""
    message = der.parse(reply)
    tag, [[_, fields]] = message[0]
    if tag == 0x7e and der.field(fields, 12):
        data = der.field(fields, 12)[0]
        return tag, message, data, der.parse(data[1])
    if tag == 0x6b and der.field(fields, 2):
        return tag, message, None, der.field(fields, 2)
    return tag, message, None, []


def with_iterations(reply, etypes, iterations):
    """The KDC's ETYPE-INFO2 says so many of these etypes."""
    _, message, data, padata = padata_of(reply)
    for pa in padata[0][1] if padata else []:
        if der.field(pa[1], 1)[0][1] != b"\x13":
            continue
        value = der.field(pa[1], 2)[0]
        info = der.parse(value[1])
        for entry in info[0][1]:
            if der.field(entry[1], 0)[0][1][0] in etypes:
                entry[1] = [e for e in entry[1] if e[0] != 0xa2] + [
                    [0xa2, [[0x04, iterations.to_bytes(4, "big")]]]]
        value[1] = der.build(info)
    if data:
        data[1] = der.build(padata)
    return der.build(message)


class Hostile(unittest.TestCase):
    """KDCs that are special, or are none: their clock, what they ask for."""

    @classmethod
    def setUpClass(cls):
        cls.realm = Realm()
        cls.addClassCleanup(cls.realm.close)
        cls.realm.kadmin_local(HOME, ['addprinc -pw "needs a lot" +requires_preauth needs',
                                      'addprinc -pw "open sesame" -requires_preauth open'])
        cls.realm.kadmin_local(AWAY, ['addprinc -pw "roams about" +requires_preauth '
                                      'roam\\@corp.example'])

    def setUp(self):
        self.config = self.realm.write_config("hostile.conf", ccache="MEMORY:")
        self.tries = trylogon.Tries(PROGRAM, self.realm.env(self.config, LSAISO=LSAISO))

    def restart(self, **env):
        """The KDC again, with more in its environment."""
        self.realm.restart_kdc(**env)

    def through(self, change, away=9):
        """Logons go through somebody between."""
        between = Between(self.realm.kdc[HOME], change)
        self.addCleanup(between.socket.close)
        config = self.realm.write_config("between.conf", ccache="MEMORY:",
                                         kdc={HOME: between.port, AWAY: away})
        self.tries = trylogon.Tries(PROGRAM, self.realm.env(config, LSAISO=LSAISO))
        return between

    @unittest.skipUnless(proc.FAKETIME, "faketime is not installed")
    def test_clock_of_the_kdc(self):
        """Ten minutes off, in both directions."""
        for minutes in (10, -10):
            self.restart(**proc.clock_off_by(f"{minutes:+}m"))
            for name, word in (("needs", "needs a lot"), ("open", "open sesame")):
                said = good(self.tries(name, word, ("-t", "HTTP/localhost")), f"{name}@{HOME}")
                self.assertAlmostEqual(said["offset"], minutes * 60, delta=3)
                self.assertEqual(said["ticket"], 0, said)
        own = self.realm.write_config("own-clock.conf", ccache="MEMORY:",
                                      defaults="kdc_timesync = 0")
        refused(self.tries("needs", "needs a lot", KRB5_CONFIG=own), "kdc", trylogon.SKEW)
        self.restart()

    def test_spake_is_not_answered(self):
        with open(self.realm.config, encoding="utf-8") as f:
            text = f.read().replace("rdns = false", "rdns = false\n    "
                                    "spake_preauth_groups = edwards25519", 1)
        self.restart(KRB5_CONFIG=self.realm.folder.write("spake.conf", text))
        between = self.through(lambda reply: reply)
        good(self.tries("needs", "needs a lot"), f"needs@{HOME}")
        offered = [der.field(pa[1], 1)[0][1] for pa in padata_of(between.seen[0][1])[3][0][1]]
        self.assertIn((151).to_bytes(2, "big"), offered, "the KDC offers SPAKE")
        self.restart()

    def test_too_few_iterations(self):
        """Somebody between asks for what is easy to guess: another etype, or nothing."""
        between = self.through(lambda reply: with_iterations(reply, (18,), 1))
        said = good(self.tries("needs", "needs a lot"), f"needs@{HOME}")
        self.assertEqual(said["anchor_etype"], 17)
        asked = [request for request, _ in between.seen if request[0] == 0x6a]
        self.assertEqual(len(asked), 3, "no timestamp was made of a weak key")
        between = self.through(lambda reply: with_iterations(reply, range(30), 4095))
        said = refused(self.tries("needs", "needs a lot"), "iso", trylogon.ETYPE_NOSUPP)
        self.assertEqual(said["status"], trylogon.E_RANGE)
        for request, _ in between.seen:
            _, [[_, fields]] = der.parse(request)[0]
            types = [der.field(pa[1], 1)[0][1] for pa in der.field(fields, 3)[0][1]]
            self.assertNotIn(b"\2", types, "no timestamp left")

    def test_referral(self):
        """A KDC that says: not mine, ask the other realm (RFC 6806 section 7)."""
        def refer(reply):
            message = der.parse(reply)
            tag, [[_, fields]] = message[0]
            if tag == 0x7e and der.field(fields, 6)[0][1] == b"\x06":
                der.field(fields, 6)[0][1] = bytes([68])
                der.field(fields, 7)[0][1] = AWAY.encode()
            return der.build(message)
        between = self.through(refer, away=self.realm.kdc[AWAY])
        said = good(self.tries("roam@corp.example", "roams about"),
                    f"roam\\@corp.example@{AWAY}")
        self.assertEqual(said["server"], f"krbtgt/{AWAY}@{AWAY}")
        self.assertEqual(sum(request[0] == 0x6a for request, _ in between.seen), 1)
        # Whoever did not ask for an enterprise name does not follow.
        refused(self.tries("nobody", "roams about", ("-P",)), "kdc", trylogon.KDC + 68)

    def test_flipped_bits(self):
        """Nothing but the real reply makes a logon; never a crash."""
        state = {"at": 0}

        def flip(reply):
            if reply[0] != 0x6b:
                return reply
            state["at"] += 1
            at = len(reply) * state["at"] // 9
            return reply[:at] + bytes([reply[at] ^ 4]) + reply[at + 1:]
        self.through(flip)
        for _ in range(8):
            said = self.tries("needs", "needs a lot")
            # A bit of the ticket itself is the KDC's matter: it will not take it.
            self.assertTrue(said["code"] != 0 or said["stolen"] != 0, said)

    def test_garbage(self):
        for garbage in (b"", b"\x7e", b"\x7e\x03\x30\x01", b"\x6b\x02\x30\x00", os.urandom(300),
                        b"\x7e\x84\xff\xff\xff\xff"):
            self.through(lambda reply, garbage=garbage: garbage or b"\0")
            self.assertNotEqual(self.tries("needs", "needs a lot")["code"], 0)


if __name__ == "__main__":
    PROGRAM, LSAISO = sys.argv[1:3]
    missing = [n for n in ("krb5kdc", "kdb5_util", "ktutil") if not proc.program(n)]
    if missing or not os.path.exists(LSAISO):
        print(f"SKIP: missing: {' '.join(missing) or LSAISO}")
        sys.exit(77)
    unittest.main(argv=[sys.argv[0], *sys.argv[3:]], verbosity=2)
