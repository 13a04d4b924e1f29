# SPDX-License-Identifier: GPL-3.0-or-later
"""Victims for the attacks of lib/attacks.py, and the judge: was the key found?

The victims are columns of one matrix: a plain process, and lsaiso with weaker
and stronger settings. An attack that does not find the secret of the plain
process proves nothing on this machine; its row then says n/a.
"""

import contextlib
import os
import threading
import time
from dataclasses import dataclass

from . import attacks, instance, kcm, proc, tickets, users
from .attacks import CANNOT, READ

FOUND, HELD, NA = "FOUND", "held", "n/a"
TGT = kcm.Princ.of("krbtgt/TEST.LOCAL@TEST.LOCAL")
ALICE = kcm.Princ.of("alice@TEST.LOCAL")

# Columns: what is robbed.
PLAIN, ORDINARY, PROCESS, GUARD = "plain", "ordinary", "process", "guard"
COLUMNS = {
    PLAIN: "plain process",
    ORDINARY: "lsaiso, ordinary memory",
    PROCESS: "lsaiso, level process",
    GUARD: "lsaiso, with the guard",
}
SETTINGS = {
    ORDINARY: {"isolation": {"memory": "ordinary", "guard": "off"}},
    PROCESS: {"isolation": {"guard": "off"}},
    GUARD: {"isolation": {"guard": "required"}},
}


@dataclass
class Verdict:
    state: str
    why: str = ""
    seconds: float = 0


def halves(key):
    """Either half of a key counts."""
    return [key[:len(key) // 2], key[len(key) // 2:]]


def der(tag, *contents):
    octets = b"".join(contents)
    size = len(octets).to_bytes((len(octets).bit_length() + 7) // 8 or 1, "big")
    return bytes([tag]) + (bytes([0x80 + len(size)]) if len(octets) > 0x7F else b"") + size + octets


def made_ticket():
    """A TGT of the right shape (RFC 4120 section 5.3) that no KDC has sealed."""
    def number(n):
        return der(0x02, bytes([n]))

    def text(octets):
        return der(0x1B, octets)

    name = der(0x30, der(0xA0, number(2)),
               der(0xA1, der(0x30, text(b"krbtgt"), text(b"TEST.LOCAL"))))
    part = der(0x30, der(0xA0, number(kcm.AES256)), der(0xA2, der(0x04, os.urandom(200))))
    return der(0x61, der(0x30, der(0xA0, number(5)), der(0xA1, text(b"TEST.LOCAL")),
                         der(0xA2, name), der(0xA3, part)))


class NoKdc:
    """What an Instance needs of a realm, where there is no KDC: log-on is a TGT
    that we made ourselves, and requests go as far as the network."""

    def __init__(self):
        self.folder = proc.Folder("no-kdc")
        self.config = self.write_config("krb5.conf")

    def write_config(self, name, kcm_socket=None, kdc=None, **_):
        line = f"kcm_socket = {kcm_socket}" if kcm_socket else ""
        return self.folder.write(name, f"""[libdefaults]
    default_realm = TEST.LOCAL
    default_ccache_name = KCM:
    {line}
    dns_lookup_realm = false
    dns_lookup_kdc = false
    rdns = false
[realms]
    TEST.LOCAL = {{
        kdc = 127.0.0.1:9
    }}
""")

    def env(self, config=None, **more):
        return proc.clean_env(KRB5_CONFIG=config or self.config, **more)

    def close(self):
        self.folder.remove()


class Busy:
    """Threads that keep a victim at work until the end of the with block."""

    def __init__(self, *work):
        self.over = False
        self.rounds = 0
        self.threads = [threading.Thread(target=self._run, args=(w,), daemon=True) for w in work]

    def _run(self, work):
        while not self.over:
            try:
                work()
            except (OSError, ValueError, kcm.KcmError):
                # What it asks for does not exist; or an attack stopped the victim.
                pass
            self.rounds += 1

    def __enter__(self):
        for thread in self.threads:
            thread.start()
        return self

    def __exit__(self, *_):
        self.over = True
        for thread in self.threads:
            thread.join(15)


class PlainVictim:
    """attacks.Plain with a judge."""

    column = PLAIN

    def __init__(self, folder, memory="ordinary"):
        self.folder = folder
        self.memory = memory
        self.plain = attacks.Plain(folder, memory)

    @property
    def pid(self):
        return self.plain.pid

    @property
    def image(self):
        return os.path.join(instance.build_folder(), "tests", "theft", "plain")

    def refresh(self):
        """A new one, if an attack has ended it."""
        if not self.plain.alive():
            self.plain.stop()
            self.plain = attacks.Plain(self.folder, self.memory)

    def lives(self):
        return self.plain.alive() and len(self.plain.ask()) == 32

    def busy(self):
        return Busy(self.plain.ask)

    def found(self, path):
        return attacks.holds(path, self.plain.needles)

    def stop(self):
        self.plain.stop()


class IsoVictim:
    """A whole instance with alice logged on, robbed of her TGT's key."""

    def __init__(self, column, folder, realm, settings=None):
        self.column, self.folder, self.realm = column, folder, realm
        wanted = {"isolation": dict(SETTINGS[column]["isolation"])}
        # Busy victims ask more than a person would.
        wanted["tgs"] = {"rate": 1000000, "burst": 1000000}
        for section, keys in (settings or {}).items():
            wanted.setdefault(section, {}).update(keys)
        self.instance = instance.Instance(realm, wanted)
        try:
            self.log_on()
        except BaseException:
            self.stop()
            raise

    def log_on(self):
        self.user = users.User(self.instance)
        if isinstance(self.realm, NoKdc):
            self.key = os.urandom(32)
            self._store()
        else:
            self.user.kinit("alice").ok()
            with kcm.Kcm(self.instance.socket, uid=self.user.uid) as k:
                tgt = next(c for c in k.cred_list(k.default()) if c.is_tgt)
            self.key = tickets.real_key(tgt.ticket, self.realm.krbtgt_keytab)
        self.needles = halves(self.key)
        for made in tickets.derived_keys(self.key).values():
            self.needles += halves(made)

    def _store(self):
        """kinit's part, with a ticket that no KDC has seen."""
        now = int(time.time())
        cred = kcm.Cred(ALICE, TGT, key=self.key, times=(now, now, now + 28800, 0),
                        flags=0x40e10000, ticket=made_ticket())
        with kcm.Kcm(self.instance.socket, uid=self.user.uid) as k:
            self.cache = k.gen_new()
            k.initialize(self.cache, ALICE)
            k.store(self.cache, cred)
            k.set_default(self.cache)

    @property
    def pid(self):
        return self.instance.pid("lsaiso")

    @property
    def image(self):
        return instance.program("lsaiso")

    def refresh(self):
        """Log on again, if an attack has ended lsaiso."""
        if not self.lives():
            proc.wait_until("lsaiso", self.instance.answers, seconds=30)
            self.log_on()

    def ask(self):
        """A ticket that does not exist: lsaiso seals a request with the TGT's key."""
        server = kcm.Princ.of(f"svc/{os.urandom(6).hex()}.test.local@TEST.LOCAL")
        with kcm.Kcm(self.instance.socket, uid=self.user.uid, timeout=10) as k:
            k.retrieve(k.default(), server)

    def lives(self):
        try:
            with kcm.Kcm(self.instance.socket, uid=self.user.uid) as k:
                return bool(k.cred_list(k.default())) and self.pid is not None
        except (OSError, kcm.KcmError):
            return False

    def busy(self):
        return Busy(self.ask, self.ask)

    def blobs(self):
        """lsass's memory, where the sealed keys are: a file, or None if root is refused."""
        outcome = attacks.run(attacks.by_name("proc_mem"), self.instance.pid("lsass"), self.folder)
        if outcome.state != READ and outcome.path:
            os.unlink(outcome.path)
            outcome.path = None
        return outcome.path

    def found(self, path):
        """The key in the open, or enough of lsaiso's state to open its sealed keys."""
        if path is None or os.path.getsize(path) == 0:
            return False
        if attacks.holds(path, self.needles):
            return True
        blobs = self.blobs()
        tool = os.path.join(instance.build_folder(), "tests", "theft", "openblob")
        try:
            done = proc.run([tool, path] + ([blobs] if blobs else []))
        finally:
            if blobs:
                os.unlink(blobs)
        if done.code not in (0, 1):
            raise proc.Failed(f"openblob: {done}")
        if blobs is None:
            return "state" in done.out
        return f"key {self.key.hex()}" in done.out.splitlines()

    def stop(self):
        self.instance.stop()


def rob(attack, victim, **env):
    """One attack against one victim: a Verdict."""
    victim.refresh()
    with victim.busy() if attack.load else contextlib.nullcontext():
        outcome = attacks.run(attack, victim.pid, victim.folder, **env)
    try:
        if victim.found(outcome.path):
            return Verdict(FOUND, outcome.why, outcome.seconds)
    finally:
        if outcome.path:
            os.unlink(outcome.path)
    if outcome.state == CANNOT:
        return Verdict(NA, outcome.why, outcome.seconds)
    return Verdict(HELD, outcome.why, outcome.seconds)


class Matrix:
    """All attacks, column by column. An attack counts only where it has found
    the plain process's secret. alter: the machine is ours to change."""

    def __init__(self, wanted=None, alter=False):
        self.rows = {a: {} for a in wanted or attacks.ATTACKS}
        self.env = {"THEFT_ALTER": "1"} if alter else {}
        if "THEFT_SWAP" in os.environ:
            self.env["THEFT_SWAP"] = os.environ["THEFT_SWAP"]

    def absent(self, column, why):
        for row in self.rows.values():
            row[column] = Verdict(NA, why)

    def measure(self, victim, progress=None):
        for attack, row in self.rows.items():
            if victim.column != PLAIN and row[PLAIN].state != FOUND:
                row[victim.column] = Verdict(NA, "not proved on the plain process")
            else:
                row[victim.column] = self.one(attack, victim)
            if progress:
                progress(attack, victim.column, row[victim.column])

    def one(self, attack, victim):
        verdict = rob(attack, victim, THEFT_IMAGE=victim.image, **self.env)
        if victim.column == PLAIN and verdict.state == HELD:
            # It is here, and does not find what is there to be found.
            verdict.state = NA
        if not attack.deadly and not victim.lives():
            verdict.why += "; THE VICTIM DIED"
        return verdict
