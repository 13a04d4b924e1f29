# SPDX-License-Identifier: GPL-3.0-or-later
"""One victim, many thieves: somebody logs in and works, then root looks for
the real session key of the TGT in all the places there are. The same code
robs a cache file, the other KCM daemons and lsaiso; tests/theft judges what
comes out, demo/ prints it."""

import ctypes
import os

from . import kcm, peers, proc, search, services, tickets, users
from .instance import Instance

TGT = kcm.Princ.of("krbtgt/TEST.LOCAL@TEST.LOCAL")
CROSS = kcm.Princ.of("krbtgt/OTHER.LOCAL@TEST.LOCAL")


class FileCache:
    """The cache in a file: no daemon at all."""

    name = "FILE"

    def __init__(self, realm):
        self.realm = realm
        self.folder = proc.Folder("file-cache")
        self.folder.make("caches", mode=0o777)
        self.config = realm.write_config(
            "krb5-file.conf", ccache=f"FILE:{self.folder('caches')}/cc_%{{uid}}")
        self.socket, self.pids, self.folders = None, [], [self.folder.path]

    def stop(self):
        self.folder.remove()


KINDS = {"FILE": FileCache, "sssd-kcm": peers.SssdKcm, "heimdal-kcm": peers.HeimdalKcm,
         "lsaiso": Instance}


class Services:
    """One of each, started once for all columns."""

    def __init__(self, realm):
        self.running = []
        try:
            for kind in (services.Apache, services.Sshd, services.Slapd):
                self.running.append(kind(realm))
        except BaseException:
            self.stop()
            raise
        self.apache, self.sshd, self.slapd = self.running

    def stop(self):
        for service in self.running:
            service.stop()
        self.running = []


# What a program with GSSAPI does, both ends in one process.
GSSAPI = """
import sys, gssapi
mine = gssapi.SecurityContext(name=gssapi.Name("imap@localhost",
    gssapi.NameType.hostbased_service), usage="initiate")
theirs = gssapi.SecurityContext(usage="accept", creds=gssapi.Credentials(usage="accept",
    store={"keytab": sys.argv[1]}))
token = mine.step()
while not mine.complete:
    token = mine.step(theirs.step(token))
print("accepted", theirs.initiator_name)
"""


class Victim:
    """alice with her tickets in one kind of cache."""

    def __init__(self, kind, realm, around):
        self.kind, self.realm, self.around = kind, realm, around
        self.recorder = None
        self.daemon = KINDS[kind](realm)
        try:
            self.user = users.User(self.daemon)
            if self.daemon.socket:
                self.recorder = search.Recorder(
                    self.daemon.socket, realm.folder(f"tap-{self.user.uid}"), self.user.uid)
                self.user.config = realm.write_config(f"krb5-tap-{self.user.uid}.conf",
                                                      kcm_socket=self.recorder.path)
        except BaseException:
            self.stop()
            raise

    def stop(self):
        if self.recorder:
            self.recorder.close()
            self.recorder = None
        self.daemon.stop()

    # ---- the working day: each step is (what it is called, what it does)

    def steps(self):
        u, a = self.user, self.around
        os.chmod(self.realm.keytab("imap/localhost"), 0o644)
        return [
            ("kinit alice", lambda: u.kinit("alice").ok()),
            ("klist", lambda: u.klist().ok().says("krbtgt/TEST.LOCAL@TEST.LOCAL")),
            ("kvno nfs/localhost", lambda: u.kvno("nfs/localhost").ok()),
            ("kvno in another realm",
             lambda: u.kvno("HTTP/web.other.local@OTHER.LOCAL").ok()),
            ("curl --negotiate", lambda: u.run(
                "curl", "-sS", "-i", "--negotiate", "-u", ":", a.apache.url).ok().says(
                    "200 OK", "X-User: alice@TEST.LOCAL")),
            ("ssh", lambda: u.run_named(*a.sshd.command()).ok().says("here I am root")),
            ("ldapwhoami -Y GSSAPI", lambda: u.run(
                "ldapwhoami", "-N", "-Y", "GSSAPI", "-H", a.slapd.url).ok().says("uid=alice")),
            ("python3-gssapi", lambda: u.run(
                "/usr/bin/python3", "-c", GSSAPI, self.realm.keytab("imap/localhost")).ok().says(
                    "accepted alice@TEST.LOCAL")),
        ]

    def work(self):
        for _, step in self.steps():
            step()
        self.look()

    def look(self):
        """What anybody who becomes alice's uid reads out of her cache, and
        the real keys, which this test knows from the KDC's side."""
        self.principal, self.creds = self.read_cache()
        self.tgt = next(c for c in self.creds if c.server.same(TGT))
        self.key = tickets.real_key(self.tgt.ticket, self.realm.krbtgt_keytab)
        cross = next((c for c in self.creds if c.server.same(CROSS)), None)
        self.cross_key = cross and tickets.real_key(cross.ticket, self.realm.cross_keytab())

    def read_cache(self):
        if not self.daemon.socket:
            return tickets.read_file_ccache(os.path.join(self.daemon.folder("caches"),
                                                         f"cc_{self.user.uid}"))
        with kcm.Kcm(self.daemon.socket, uid=self.user.uid) as k:
            name = k.default()
            return k.principal(name), k.by_iteration(name)

    def log_off(self):
        self.user.run("kdestroy", "-A").ok()

    # ---- attacks: each returns (got the key? None: nothing to attack, details for people)

    def attack_cache(self):
        """Read the cache as root, in the file or as the daemon hands it out."""
        got = any(search.holds(c.encode(), search.needles(self.key)) for c in self.creds)
        return got, f"{len(self.creds)} entries read"

    def attack_memory(self):
        """/proc/PID/mem of every process but the KDC's and the test's own."""
        result = search.search_memory(self.key, but=self.realm.pids())
        return bool(result.found), str(result)

    def attack_core(self):
        """gcore of every process of the daemon."""
        if not self.daemon.pids:
            return None, "there is no daemon"
        got, said = False, []
        for pid in self.daemon.pids:
            answer = search.search_core(self.key, pid, self.daemon.folder)
            said.append(f"{search.comm(pid)}: {answer}")
            got = got or answer is True
        return got, ", ".join(said)

    def attack_files(self):
        """Every file of the cache's, state and run folders."""
        found = search.search_files(self.key, self.daemon.folders)
        return bool(found), f"found in {found}"

    def attack_traffic(self):
        """What went from the daemon to its clients."""
        if not self.recorder:
            return None, "there is no daemon"
        got = search.holds(bytes(self.recorder.to_client), search.needles(self.key))
        return got, f"{len(self.recorder.to_client)} octets"

    def attack_replay(self):
        """The stolen cache as a file, on a machine that asks the KDC itself."""
        path = self.realm.folder(f"stolen-{self.user.uid}")
        tickets.write_file_ccache(path, self.principal, self.creds)
        thief = proc.run(["kvno", "cifs/localhost"],
                         env=self.realm.env(KRB5CCNAME=f"FILE:{path}"))
        os.unlink(path)
        return thief.code == 0, thief.text.strip().splitlines()[-1]

    def attack_after_log_off(self):
        """Memory and files once more, after kdestroy."""
        self.log_off()
        memory = search.search_memory(self.key, but=self.realm.pids())
        files = search.search_files(self.key, self.daemon.folders)
        return bool(memory.found or files), f"memory: {memory.found}, files: {files}"


# In the order in which they are made: the last one logs the victim off.
ATTACKS = [
    ("read the cache as root", Victim.attack_cache),
    ("/proc/PID/mem of every process", Victim.attack_memory),
    ("core dump (gcore)", Victim.attack_core),
    ("every file of the state folder", Victim.attack_files),
    ("listen to the cache's traffic", Victim.attack_traffic),
    ("use the stolen cache at the KDC", Victim.attack_replay),
    ("memory and files after kdestroy", Victim.attack_after_log_off),
]


# ---- more ways to read one mapping of a process

def secret_mappings(pid):
    """memfd_secret mappings: (start, end)."""
    return [(start, end) for start, end, _, name in search.mappings(pid) if "secretmem" in name]


class _Iovec(ctypes.Structure):
    _fields_ = [("base", ctypes.c_void_p), ("len", ctypes.c_size_t)]


def process_vm_readv(pid, address, length):
    """Octets, or raises OSError."""
    libc = ctypes.CDLL(None, use_errno=True)
    buffer = ctypes.create_string_buffer(length)
    mine = _Iovec(ctypes.addressof(buffer), length)
    theirs = _Iovec(address, length)
    got = libc.process_vm_readv(pid, ctypes.byref(mine), 1, ctypes.byref(theirs), 1, 0)
    if got < 0:
        raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()))
    return buffer.raw[:got]


