# SPDX-License-Identifier: GPL-3.0-or-later
"""What a thief of a keytab and of a ccache has: E01, E02 ..., each against a host
with ordinary files and against hosts with the endpoint. A row shows something
only where it robs the ordinary host; docs/theft-endpoint.md is made of it.
"""

import contextlib
import os
import shutil
import subprocess
import sys
from dataclasses import dataclass

from . import attacks, endpoint, kepthost, proc, search, tickets, tpm, users
from .realm import HOME
from .robbery import FOUND, HELD, NA

ORDINARY, TPM, FILE = "ordinary", "tpm", "file"
COLUMNS = {ORDINARY: "ordinary files", TPM: "lsaiso, root key in a TPM",
           FILE: "lsaiso, root key in a file"}
# It would refuse root the memory of lsass, and there is one of it on a machine.
NO_GUARD = {"isolation": {"guard": "off"}}
SERVICE = "cifs/localhost"  # no ccache has a ticket for it


# ---- victims

# A program that keeps a ccache and a keytab in its memory, as many servers do: argv is both.
KEEPER = """
import ctypes, sys
k, ctx = ctypes.CDLL("libkrb5.so.3"), ctypes.c_void_p()
def do(name, *more):
    assert getattr(k, name)(ctx, *more) == 0, name
def made(name, what, byref=ctypes.byref):
    p = ctypes.c_void_p()
    do(name, what, byref(p))
    return p
assert k.krb5_init_context(ctypes.byref(ctx)) == 0
cc, own = (made("krb5_cc_resolve", n) for n in (b"FILE:" + sys.argv[1].encode(), b"MEMORY:own"))
do("krb5_cc_initialize", own, made("krb5_cc_get_principal", cc))
do("krb5_cc_copy_creds", cc, own)
kt, own = (made("krb5_kt_resolve", n) for n in (b"FILE:" + sys.argv[2].encode(), b"MEMORY:own"))
at, entry = ctypes.c_void_p(), ctypes.create_string_buffer(128)
do("krb5_kt_start_seq_get", kt, ctypes.byref(at))
while k.krb5_kt_next_entry(ctx, kt, entry, ctypes.byref(at)) == 0:
    do("krb5_kt_add_entry", own, entry)
print("kept", flush=True)
sys.stdin.read()
"""


class Ordinary:
    """A keytab, a ccache made with it, and a program that has both in its memory."""

    column = ORDINARY

    def __init__(self, realm):
        self.realm, self.keeper = realm, None
        self.folder = proc.Folder("ordinary")
        self.keytab, self.cache = self.folder("service.keytab"), self.folder("cc")
        self.principal = f"plain-{os.path.basename(self.folder.path)[-6:]}/localhost"
        try:
            self._make()
        except BaseException:
            self.stop()
            raise

    def _make(self):
        self.realm.kadmin_local(HOME, [f"addprinc -randkey {self.principal}", "ktadd -q -norandkey "
                                       f"-k {self.keytab} {self.principal}"])
        proc.run(["kinit", "-k", "-t", self.keytab, self.principal], env=self.env(self.cache)).ok()
        self.known = [key for _, _, key in tickets.keytab(self.keytab)]
        for cred in tickets.read_file_ccache(self.cache)[1]:
            if cred.server.same(kepthost.TGT):
                self.known.append(tickets.real_key(cred.ticket, self.realm.krbtgt_keytab))
        self.keeper = subprocess.Popen([sys.executable, "-c", KEEPER, self.cache, self.keytab],
                                       env=self.env("/nowhere"), stdin=subprocess.PIPE,
                                       stdout=subprocess.PIPE)
        assert self.keeper.stdout.readline() == b"kept\n"

    def stop(self):
        if self.keeper:
            self.keeper.communicate(b"", timeout=30)
        self.folder.remove()

    def env(self, cache):
        """For a program of this host."""
        return self.realm.env(KRB5CCNAME=f"FILE:{cache}")

    @property
    def pids(self):
        return [self.keeper.pid]

    @property
    def folders(self):
        return [self.folder.path]

    @contextlib.contextmanager
    def disks(self):
        """Hosts that were started from a copy of this one's disk: what a program there needs."""
        yield [self.env]


class Kept(kepthost.Host):
    """The same with lsaiso. Of its processes lsaiso is not here: docs/theft-matrix.md has it."""

    def __init__(self, realm, root):
        self.column = root
        super().__init__(realm, root)
        try:
            self.cache = self.work("loot")
            self.keys = list(self.known.values())
        except BaseException:
            self.stop()
            raise

    def settings(self):
        return super().settings() | NO_GUARD

    def env(self, cache):
        return self.end.client_env(cache)

    @property
    def pids(self):
        keeper = self.end.pid("lsaiso")
        return [pid for pid in self.end.pids if pid != keeper]

    @property
    def folders(self):
        return self.end.folders

    @contextlib.contextmanager
    def disks(self):
        """Without a TPM, and with another one; the latter is not expected to start."""
        with contextlib.ExitStack() as stack:
            settings = [self.settings() if self.root == FILE else NO_GUARD]
            if self.root == TPM:
                other = stack.enter_context(contextlib.closing(tpm.Tpm()))
                settings.append(self.settings())
                settings[1]["seal"]["tcti"] = other.tcti
            hosts = []
            for one in settings:
                stranger = kepthost.copied(self, one)
                try:
                    stranger.start()
                except proc.Failed:
                    stranger.daemon = None
                    stranger.stop()
                    continue
                stack.callback(stranger.stop)
                hosts.append(stranger.client_env)
            assert hosts
            yield hosts


def keys_of(victim):
    return victim.keys if isinstance(victim, Kept) else victim.known


# ---- the thief's ways: each returns whether he has it, and a line

def by_ccache(env, path, argv=lambda a: a):
    """Does that copy of a ccache get a ticket for a service? It may write into it."""
    done = proc.run(argv(["kvno", SERVICE]), env=env(path))
    return done.code == 0, done.text.strip().splitlines()[-1]


def by_keytab(victim, env, path, cache, argv=lambda a: a):
    done = proc.run(argv(["kinit", "-k", "-t", path, victim.principal]), env=env(cache))
    return done.code == 0, (done.text.strip() or "a ticket").splitlines()[-1]


class Thief:
    """A folder, and what is tried out of it."""

    def __init__(self, realm):
        self.realm = realm
        self.folder = proc.Folder("thief")
        self.count = 0
        self.other = None  # a host with lsaiso of its own

    def close(self):
        if self.other:
            self.other.stop()
        self.folder.remove()

    def copy(self, path, uid=0):
        """In a folder of its own, where uid can write."""
        self.count += 1
        to = os.path.join(self.folder.make(f"n{self.count}", mode=0o700), os.path.basename(path))
        shutil.copy(path, to)
        for one in (os.path.dirname(to), to):
            os.chown(one, uid, uid)
        return to

    def straight(self, cache):
        return self.realm.env(KRB5CCNAME=f"FILE:{cache}")

    def elsewhere(self, cache):
        self.other = self.other or endpoint.Endpoint(self.realm, dict(NO_GUARD))
        return self.other.client_env(cache)

    # ---- files

    def another_user(self, victim, what):
        """root copies it for a user of this host, who uses it here."""
        uid = users.fresh_uid()
        path = self.copy(getattr(victim, what), uid)

        def argv(command):
            return ["setpriv", f"--reuid={uid}", f"--regid={uid}", "--clear-groups", *command]

        if what == "cache":
            return by_ccache(victim.env, path, argv)
        return by_keytab(victim, victim.env, path, f"{path}.cc", argv)

    def copied_to(self, env, victim, what):
        path = self.copy(getattr(victim, what))
        if what == "cache":
            return by_ccache(env, path)
        return by_keytab(victim, env, path, f"{path}.cc")

    def this_host(self, victim, what):
        return self.copied_to(victim.env, victim, what)

    def another_host(self, victim, what):
        """One that knows the real KDC only."""
        return self.copied_to(self.straight, victim, what)

    def another_lsaiso(self, victim, what):
        """One with an endpoint of its own."""
        return self.copied_to(self.elsewhere, victim, what)

    def disk(self, victim, what):
        """Other hardware, this host's disk."""
        got = []
        with victim.disks() as hosts:
            for env in hosts:
                got.append(self.copied_to(env, victim, what))
        return next((one for one in got if one[0]), got[0])

    def octets(self, victim, _what):
        """The keys, as they are, in any file of it."""
        found = search.search_files(keys_of(victim), victim.folders)
        return bool(found), f"{len(found)} files"

    # ---- memory

    def memory(self, victim, what):
        attack = attacks.by_name(what)
        env = {k: os.environ[k] for k in ("THEFT_SWAP",) if k in os.environ}
        wanted, said = search.needles(keys_of(victim)), []
        for pid in victim.pids:
            got = attacks.run(attack, pid, self.folder.path, **env)
            try:
                if attacks.holds(got.path, wanted):
                    return True, got.why
            finally:
                if got.path:
                    os.unlink(got.path)
            said.append(got)
        if all(one.state == attacks.CANNOT for one in said):
            return None, said[0].why
        # Who was refused has seen nothing: these processes are root's to read.
        assert all(one.state == attacks.READ for one in said), [one.why for one in said]
        return False, said[-1].why


@dataclass(frozen=True)
class Loot:
    number: int
    name: str
    way: str        # of Thief
    what: str       # keytab, cache, or a file of lib/attacks.py
    lsaiso: tuple = (HELD, HELD)    # expected with the root key in a TPM, in a file

    @property
    def label(self):
        return f"E{self.number:02}"

    def expected(self, column):
        return {ORDINARY: FOUND, TPM: self.lsaiso[0], FILE: self.lsaiso[1]}[column]


LOOT = [
    # Held by nobody: he is the user, here, as on Windows. That it works shows the rest.
    Loot(1, "ccache, used by root of the host itself", "this_host", "cache", (FOUND, FOUND)),
    Loot(2, "keytab, used by root of the host itself", "this_host", "keytab", (FOUND, FOUND)),
    Loot(3, "ccache, used by another user of the host", "another_user", "cache"),
    Loot(4, "keytab, used by another user of the host", "another_user", "keytab"),
    Loot(5, "ccache, taken to another host", "another_host", "cache"),
    Loot(6, "keytab, taken to another host", "another_host", "keytab"),
    Loot(7, "ccache, taken to a host with lsaiso", "another_lsaiso", "cache"),
    Loot(8, "keytab, taken to a host with lsaiso", "another_lsaiso", "keytab"),
    Loot(9, "ccache, with a copy of the disk (lsaiso's folders)", "disk", "cache"),
    Loot(10, "keytab, with a copy of the disk (lsaiso's folders)", "disk", "keytab",
         (HELD, FOUND)),
    Loot(11, "real keys in any file", "octets", ""),
    Loot(12, "real keys in memory: /proc/PID/mem", "memory", "proc_mem"),
    Loot(13, "real keys in memory: gcore", "memory", "gcore"),
    Loot(14, "real keys in memory, swapped out", "memory", "swap"),
]


def measure(wanted, columns, realm, progress=None):
    """{label: {column: (state, why)}}; the ordinary host first, whatever columns has."""
    rows = {one.label: {} for one in wanted}
    thief = Thief(realm)
    try:
        for column in [ORDINARY, *(c for c in columns if c != ORDINARY)]:
            victim = Ordinary(realm) if column == ORDINARY else Kept(realm, column)
            try:
                for one in wanted:
                    rows[one.label][column] = cell = rob(thief, one, victim, rows[one.label])
                    if progress:
                        progress(one, column, cell)
            finally:
                victim.stop()
    finally:
        thief.close()
    return rows


def rob(thief, one, victim, row):
    if victim.column != ORDINARY and row[ORDINARY][0] != FOUND:
        return NA, "not proved with ordinary files"
    got, why = getattr(thief, one.way)(victim, one.what)
    if got is None:
        return NA, why
    return FOUND if got else HELD, why


def surprises(rows):
    """What came out otherwise than expected; n/a is none."""
    return [f"{one.label} {one.name}, {COLUMNS[column]}: {state}, not {one.expected(column)} ({why})"
            for one in LOOT for column, (state, why) in rows.get(one.label, {}).items()
            if state not in (NA, one.expected(column))]


HEAD = """# What a stolen keytab or ccache is worth

Made by `tests/theft/matrix --endpoint --guest --write docs/theft-endpoint.md`: do not edit. A service
with a keytab, a ccache that it got with that, and a thief who is root: with ordinary files, and
with stand-ins at the local KDC endpoint ([kdc.md](kdc.md)). **FOUND**: the thief gets a ticket with
what he took, or has found a real key of the keytab or of a TGT. held: he has not. Each row was
tried on the ordinary host first. What root finds in lsaiso itself: [theft-matrix.md](theft-matrix.md);
what root can do on this host, as any user: [kdc.md](kdc.md#what-it-does-not-give).
"""


def markdown(rows, machine, date):
    columns = [c for c in COLUMNS if all(c in row for row in rows.values())]
    lines = [HEAD, f"Measured on {date}, Linux {machine['kernel']}, {machine['lsaiso']}.", "",
             "| | what is taken | " + " | ".join(COLUMNS[c] for c in columns) + " |",
             "|---|---|" + "---|" * len(columns)]
    for one in LOOT:
        if one.label in rows:
            states = [rows[one.label][c][0] for c in columns]
            lines.append(f"| {one.label} | {one.name} | " + " | ".join(
                f"**{s}**" if s == FOUND else s for s in states) + " |")
    return "\n".join(lines) + """

E01 and E02 are by design: root is any user, here, and each use is in the use log. E10 with the root
key in a file is what `lsactl status` and [seal.md](seal.md) say of it: whoever has the disk has
the keytab. A TGT ends with the lsaiso that had it, whatever the root key.
Memory is that of the program that has keytab and ccache in `MEMORY:`; with lsaiso, of lsass
and lsainit, without the guard. Swapped out: E14 writes it to a device and reads that.
"""
