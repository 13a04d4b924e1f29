# SPDX-License-Identifier: GPL-3.0-or-later
"""Programs that hold somebody's credentials, each with real ones in it whose
true secrets the test knows: what the thieves of tests/theft go to.

A holder has

    secrets     {letter: Secret} of what is in it now
    pids        processes that hold them (empty: there is none)
    why         why a technique cannot be tried on it: {technique: text}

and the methods of Holder. `recover` judges the loot, as a thief would who
knows how this program keeps its secrets.
"""

import contextlib
import mmap
import os
import re
import shlex
import shutil
import struct
import subprocess

from . import agentkeys, instance, kcm, proc, search, theft, tickets, users
from .services import in_private_mounts

HTTP = kcm.Princ.of("HTTP/localhost@TEST.LOCAL")


class Secret:
    """Found when one of needles is in the loot."""

    def __init__(self, name, needles):
        self.name, self.needles = name, needles

    @classmethod
    def key(cls, name, octets):
        return cls(name, search.needles(octets))

    def within(self, octets):
        return search.holds(octets, self.needles)


class Loot:
    """Files that attacks wrote, as octets; gone at the end of the with block."""

    def __init__(self, paths):
        self.paths = [p for p in paths if os.path.getsize(p)]
        self.files, self.octets = [], []
        self.all = list(paths)

    def __enter__(self):
        for path in self.paths:
            self.files.append(open(path, "rb"))
            self.octets.append(mmap.mmap(self.files[-1].fileno(), 0, access=mmap.ACCESS_READ))
        return self

    def __exit__(self, *_):
        for thing in (*self.octets, *self.files):
            thing.close()
        for path in self.all:
            os.unlink(path)

    def __iter__(self):
        return iter(self.octets)


class Holder:
    name = "holder"
    packages = ()
    keeps_files = "files"        # what `files` reads, for people
    log_off_is = "kdestroy -A"
    dies = False                 # a technique is about to kill it

    def __init__(self, realm):
        self.realm = realm
        self.secrets, self.why = {}, {}
        self.started = []        # what stop() ends, last first
        try:
            self.start()
            self.log_on()
        except BaseException:
            self.stop()
            raise

    # ---- each kind fills these in

    def start(self):
        raise NotImplementedError

    def log_on(self):
        """Put real credentials in, know their secrets."""
        raise NotImplementedError

    def log_off(self):
        raise NotImplementedError

    pids = ()
    folders = ()

    def replay(self):
        """(does what a thief carried away work elsewhere?, what was answered)"""
        raise NotImplementedError

    # ---- the same for all

    def recover(self, loot):
        """Letters of the secrets in loot, a list of octets or mappings of files."""
        return {letter for letter, secret in self.secrets.items()
                if any(secret.within(octets) for octets in loot)}

    def files(self):
        loot = []
        for folder in self.folders:
            for where, _, names in os.walk(folder):
                for path in (os.path.join(where, name) for name in names):
                    if not os.path.islink(path) and os.path.isfile(path):
                        with open(path, "rb") as f:
                            loot.append(f.read())
        return self.recover(loot)

    def inject(self):
        """A holder's own way of injecting code; None: the one for all processes."""
        return None

    def traffic(self):
        """Octets that went from the holder to its clients, or None."""
        return None

    def notes(self):
        """Lines for people, about what was robbed."""
        return []

    def stop(self):
        while self.started:
            self.started.pop()()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.stop()


# ---- Kerberos caches

class Cache(Holder):
    """alice's TGT and a service ticket in a cache that theft.Victim knows."""

    def start(self):
        self.victim = theft.Victim(self.name, self.realm, None)
        self.started.append(self.victim.stop)

    def log_on(self):
        self.victim.user.kinit("alice").ok()
        self.victim.user.kvno("HTTP/localhost").ok()
        self.victim.user.kvno("HTTP/localhost").ok()    # once more, out of the cache
        self.victim.look()
        service = next(c for c in self.victim.creds if c.server.same(HTTP))
        self.secrets = {
            "T": Secret.key("TGT key", self.victim.key),
            "S": Secret.key("service-ticket key", tickets.real_key(
                service.ticket, self.realm.keytab("HTTP/localhost")))}

    def log_off(self):
        self.victim.log_off()

    @property
    def pids(self):
        return self.victim.daemon.pids

    @property
    def folders(self):
        return self.victim.daemon.folders

    def replay(self):
        return self.victim.attack_replay()

    def traffic(self):
        recorder = self.victim.recorder
        return bytes(recorder.to_client) if recorder else None


class FileCache(Cache):
    name = "FILE"
    packages = ("libkrb5-3",)
    keeps_files = "the cache file"

    def start(self):
        super().start()
        nobody = "a cache file: no process holds it"
        self.why = {"memory": nobody, "inject": nobody, "traffic": nobody}


class SssdKcm(Cache):
    name = "sssd-kcm"
    packages = ("sssd-kcm",)
    keeps_files = "secrets.ldb and the rest of its folders"


class HeimdalKcm(Cache):
    name = "heimdal-kcm"
    packages = ("heimdal-kcm",)
    keeps_files = "its folder"


class Lsaiso(Cache):
    name = "lsaiso"
    keeps_files = "state and run folders"

    def start(self):
        super().start()
        self.started = [self.end]

    def end(self):
        try:
            self.victim.stop()
        except AssertionError as e:
            if not (self.dies and "lsainit ended with" in str(e)):
                raise

    def notes(self):
        level = self.victim.daemon.call("Status")["level"]
        return [f"level {level['name']}; without: " + "; ".join(level["lacks"])]

    def recover(self, loot):
        """A key as it is, or a sealed blob together with the keys that open it."""
        return super().recover(loot) | super().recover(opened(getattr(loot, "paths", [])))


def opened(paths):
    """Keys out of sealed blobs in these files, by keys of lsaiso's in them."""
    tool = os.path.join(instance.build_folder(), "tests", "theft", "openblob")
    found = []
    for path in paths:
        if "state" in proc.run([tool, path]).out:
            for blobs in paths:
                found += re.findall(r"^key ([0-9a-f]+)$", proc.run([tool, path, blobs]).out, re.M)
    return [bytes.fromhex(key) for key in found]


# ---- keys of the kernel

# Print every key in and under the keyring $1 that may be read.
WALK = """walk() {
	for k in $(keyctl rlist "$1"); do
		case $(keyctl rdescribe "$k") in
		keyring*) walk "$k" ;;
		*) keyctl pipe "$k" ;;
		esac
	done
}
walk "$1"
"""
# What a process of the owner does: log on, then what is written into the fifo $2.
SESSION = """kinit -k -t "$1" alice && kvno HTTP/localhost && keyctl show @s
while read -r line <"$2"; do
	eval "$line" || true
	echo "ended $line"
done
"""


class Keyring(Holder):
    """alice's cache in a keyring, and a process of hers that keeps the session.

    The uid is one that no other run has at this time: the kernel has one
    persistent keyring for each.
    """

    packages = ("libkrb5-3", "keyutils")
    keeps_files = "root's keyctl"

    def start(self):
        self.uid = 200000 + os.getpid()
        self.cache = self.cache_name.format(uid=self.uid)
        self.folder = proc.Folder("keyring")
        self.started.append(self.folder.remove)
        self.open = self.folder.make("open", mode=0o777)
        self.config = self.realm.write_config(f"krb5-keyring-{self.uid}.conf", ccache=self.cache)
        self.walk = self.folder.write("walk.sh", WALK)
        self.fifo = self.folder("open", "in")
        os.mkfifo(self.fifo)
        os.chmod(self.fifo, 0o666)
        self.pipe = os.open(self.fifo, os.O_RDWR)   # both ways: opening blocks nobody
        self.started.append(lambda: os.close(self.pipe))
        self.stolen = b""
        self.why = {"traffic": "no daemon: the kernel answers"}

    def log_on(self):
        self.log = self.folder("open", "out")
        env = self.realm.env(config=self.config)
        self.owner = proc.Daemon(
            [*self.as_owner(), "keyctl", "session", "-", "sh",
             self.folder.write("session.sh", SESSION),
             self.realm.folder("keytabs", "alice"), self.fifo], self.log, env=env, cwd=self.open)
        self.started += [self.owner.stop, self.clean]
        proc.wait_until(self.name, lambda: "keyring: _ses" in self.said(),
                        process=self.owner.process, log=self.log)
        self.session = re.search(r"(\d+) .*keyring: _ses", self.said())[1]
        self.know(*self.copy())

    def as_owner(self):
        return ["setpriv", f"--reuid={self.uid}", f"--regid={self.uid}", "--clear-groups",
                "--inh-caps=-all"]

    def copy(self):
        """(principal, credentials) for the test, by her own process."""
        path = self.folder("open", "copy")
        self.tell(f"kvno --out-cache FILE:{path} krbtgt/TEST.LOCAL HTTP/localhost")
        copied = tickets.read_file_ccache(path)
        os.unlink(path)
        return copied

    def know(self, principal, creds):
        self.principal = principal
        found = {c.server.parts[0]: c for c in creds}
        self.secrets = {
            "T": Secret.key("TGT key", tickets.real_key(found[b"krbtgt"].ticket,
                                                        self.realm.krbtgt_keytab)),
            "S": Secret.key("service-ticket key", tickets.real_key(
                found[b"HTTP"].ticket, self.realm.keytab("HTTP/localhost")))}

    def said(self):
        with open(self.log, encoding="utf-8", errors="replace") as f:
            return f.read()

    def tell(self, line):
        """Have the owner's process run a line."""
        before = self.said().count("\nended ")
        os.write(self.pipe, line.encode() + b"\n")
        proc.wait_until(f"{self.name}: {line}",
                        lambda: self.said().count("\nended ") > before,
                        process=self.owner.process, log=self.log)

    @property
    def pids(self):
        return [self.owner.pid]

    def log_off(self):
        self.tell("kdestroy -A")

    # ---- the thief

    def keyring(self):
        """Shell words by which root names the keyring with the cache."""
        raise NotImplementedError

    def read(self):
        """What root's keyctl reads, also as the owner's uid (from another session)."""
        script = f'sh {shlex.quote(self.walk)} "{self.keyring()}"'
        loot = b""
        for who in ([], self.as_owner()):
            loot += _octets([*who, "keyctl", "session", "-", "sh", "-c", script])
        return loot

    def files(self):
        loot = self.read()
        self.stolen += loot
        return self.recover([loot])

    def inject(self):
        """Have the owner's process call system() (by gdb): its child has the session."""
        path = self.folder("open", "loot")
        command = f"sh {self.walk} {self.session} >{path}; {self.inject_also(path)}"
        gdb = ["gdb", "-q", "-nx", "-batch", "-p", str(self.owner.pid), "-ex",
               f'print ((int (*)(const char *))system)("{command}")']
        done = proc.run(gdb)
        if not os.path.exists(path):
            raise proc.Failed(f"gdb: {done.text[-300:]}")
        with open(path, "rb") as f:
            loot = f.read()
        os.unlink(path)
        self.stolen += loot
        return self.recover([loot])

    def inject_also(self, path):
        return ":"

    def replay(self):
        """What keyctl and the injected code read, on another machine."""
        creds = credentials(self.stolen)
        if not creds:
            return False, "nothing was stolen"
        return present(self.realm, self.principal, creds)

    def clean(self):
        """A session's keyring ends with its process."""


class KeyringPersistent(Keyring):
    name = "keyring-persistent"
    cache_name = "KEYRING:persistent:{uid}"

    def keyring(self):
        return f"$(keyctl get_persistent @s {self.uid})"

    def inject_also(self, path):
        return f"sh {self.walk} `keyctl get_persistent @s` >>{path}"

    def clean(self):
        proc.run(["keyctl", "session", "-", "sh", "-c", f'keyctl revoke "{self.keyring()}"']).ok()


class KeyringSession(Keyring):
    name = "keyring-session"
    cache_name = "KEYRING:session:alice"

    def keyring(self):
        return self.session


def _octets(argv):
    return subprocess.run(argv, env=proc.clean_env(), stdin=subprocess.DEVNULL,
                          stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, timeout=proc.PATIENCE,
                          check=False).stdout


def credentials(loot):
    """kcm.Cred of every credential in loot that can be read as one: octets of
    keys end to end, each a marshalled credential or something else."""
    found, at = [], 0
    while at < len(loot):
        r = kcm.Reader(loot)
        r.at = at
        try:
            cred = kcm.Cred.read(r)
        except (ValueError, struct.error):
            at += 1
            continue
        if cred.ticket[:1] == b"\x61":  # [APPLICATION 1]: a Ticket (RFC 4120 section 5.3)
            found.append(cred)
            at = r.at
        else:
            at += 1
    return found


def present(realm, principal, creds):
    """(taken?, last line) when a stolen cache asks the KDC for one more ticket."""
    with proc_folder("stolen") as folder:
        path = folder("cache")
        tickets.write_file_ccache(path, principal, creds)
        thief = proc.run(["kvno", "cifs/localhost"], env=realm.env(KRB5CCNAME=f"FILE:{path}"))
    return thief.code == 0, thief.text.strip().splitlines()[-1]


@contextlib.contextmanager
def proc_folder(name):
    """A folder for the time of a with block."""
    folder = proc.Folder(name)
    try:
        yield folder
    finally:
        folder.remove()


# ---- gssproxy

INITIATE = """
import sys, gssapi
mine = gssapi.SecurityContext(name=gssapi.Name("HTTP@localhost",
    gssapi.NameType.hostbased_service), usage="initiate")
theirs = gssapi.SecurityContext(usage="accept")
token = mine.step()
while not mine.complete:
    token = mine.step(theirs.step(token))
print("accepted", theirs.initiator_name)
"""


class Gssproxy(Holder):
    """gssproxy with a client keytab (alice's) and a service's keytab: a client
    of it opens a context with the service, both ends through gssproxy."""

    name = "gssproxy"
    packages = ("gssproxy",)
    keeps_files = "keytabs and its cache"
    log_off_is = "kdestroy of the cache it keeps"

    def start(self):
        self.folder = proc.Folder("gssproxy")
        self.started.append(self.folder.remove)
        self.uid = users.fresh_uid()
        for name in ("alice", "HTTP/localhost"):
            path = self.folder(os.path.basename(self.realm.keytab(name)))
            shutil.copyfile(self.realm.keytab(name), path)
            os.chmod(path, 0o600)
        self.cache = self.folder("clients", "cache")
        self.folder.make("clients", mode=0o700)
        self.folder.make("run")
        self.folder.make("lib")
        behind = self.folder("lib", "socket")
        config = self.folder.write("gssproxy.conf", f"""[gssproxy]
[service/test]
    mechs = krb5
    cred_store = keytab:{self.folder("HTTP_localhost")}
    cred_store = client_keytab:{self.folder("alice")}
    cred_store = ccache:FILE:{self.cache}
    cred_usage = both
    euid = {self.uid}
    socket = {behind}
""", mode=0o600)
        script = (f"mount --bind {shlex.quote(self.folder('run'))} /run && "
                  f"mount --bind {shlex.quote(self.folder('lib'))} /var/lib/gssproxy")
        self.log = self.folder("out")
        self.daemon = proc.Daemon(
            in_private_mounts(script, ["gssproxy", "-i", "-c", config, "-s",
                                       self.folder("lib", "default")]),
            self.log, env=self.realm.env(), cwd=self.folder.path)
        self.started.append(self.daemon.stop)
        proc.wait_until(self.name, lambda: proc.socket_answers(behind),
                        process=self.daemon.process, log=self.log)
        self.recorder = search.Recorder(behind, self.folder("tap"), self.uid)
        self.started.append(self.recorder.close)

    def log_on(self):
        argv = ["setpriv", f"--reuid={self.uid}", f"--regid={self.uid}", "--clear-groups",
                "/usr/bin/python3", "-c", INITIATE]
        proc.run(argv, env=self.realm.env(
            GSS_USE_PROXY="yes", GSSPROXY_BEHAVIOR="REMOTE_ONLY",
            GSSPROXY_SOCKET=self.folder("tap"))).ok().says("accepted alice@TEST.LOCAL")
        self.principal, self.creds = tickets.read_file_ccache(self.cache)
        found = {c.server.parts[0]: c for c in self.creds if c.ticket[:1] == b"\x61"}
        service = self.realm.keytab("HTTP/localhost")
        self.secrets = {
            "T": Secret.key("TGT key", tickets.real_key(found[b"krbtgt"].ticket,
                                                        self.realm.krbtgt_keytab)),
            "S": Secret.key("service-ticket key", tickets.real_key(found[b"HTTP"].ticket,
                                                                   service)),
            "C": Secret("client's keytab key", keys_of(self.folder("alice"))),
            "K": Secret("service's keytab key", keys_of(service))}

    def log_off(self):
        proc.run(["kdestroy", "-c", self.cache], env=self.realm.env()).ok()

    @property
    def pids(self):
        return [self.daemon.pid, *proc.descendants(self.daemon.pid)]

    @property
    def folders(self):
        return [self.folder.path]

    def traffic(self):
        return bytes(self.recorder.to_client)

    def replay(self):
        return present(self.realm, self.principal, self.creds)


def keys_of(keytab):
    """Needles of every key in a keytab: one is as good as the other."""
    return [half for _, _, key in tickets.keytab(keytab) for half in search.needles(key)]


# ---- ssh-agent

class SshAgent(Holder):
    """Two private keys, added from files that are gone."""

    name = "ssh-agent"
    packages = ("openssh-client",)
    keeps_files = "its folder"
    log_off_is = "ssh-add -D"

    def start(self):
        self.folder = proc.Folder("ssh-agent")
        self.started.append(self.folder.remove)
        self.uid = users.fresh_uid()
        self.folder.make("run", mode=0o700, owner=self.uid)
        behind = self.folder("run", "agent")
        self.log = self.folder("out")
        self.daemon = proc.Daemon(
            ["setpriv", f"--reuid={self.uid}", f"--regid={self.uid}", "--clear-groups",
             "--inh-caps=-all", "ssh-agent", "-D", "-a", behind],
            self.log, cwd=self.folder("run"))
        self.started.append(self.daemon.stop)
        proc.wait_until(self.name, lambda: proc.socket_answers(behind),
                        process=self.daemon.process, log=self.log)
        self.recorder = search.Recorder(behind, self.folder("tap"), self.uid)
        self.started.append(self.recorder.close)
        self.why = {"replay": "no KDC; the recovered keys are compared with the real ones"}

    def ask(self, *argv, stdin=""):
        return proc.run(list(argv), stdin=stdin,
                        env=proc.clean_env(SSH_AUTH_SOCK=self.folder("tap"))).ok()

    def log_on(self):
        self.folder.make("keys", mode=0o700)
        for letter, kind, options in (("E", "ed25519", []), ("R", "rsa", ["-b", "3072"])):
            path = self.folder("keys", kind)
            self.ask("ssh-keygen", "-q", "-t", kind, *options, "-N", "", "-C", "", "-f", path)
            with open(path, encoding="ascii") as f:
                secret = agentkeys.secret_of_file(f.read())
            self.secrets[letter] = Secret.key(f"{kind} private key", secret)
            self.ask("ssh-add", path)
            os.unlink(path)
            # A key that is used is un-shielded and shielded again.
            self.ask("ssh-keygen", "-q", "-Y", "sign", "-n", "test", "-f", path + ".pub",
                     stdin="hello")

    def log_off(self):
        self.ask("ssh-add", "-D")

    def recover(self, loot):
        """A key as it is, or a shielded one together with the pre-key beside it."""
        return super().recover(loot) | super().recover(
            [plain for octets in loot for plain in agentkeys.unshield(octets)])

    @property
    def pids(self):
        return [self.daemon.pid]

    @property
    def folders(self):
        return [self.folder.path]

    def traffic(self):
        return bytes(self.recorder.to_client)


KINDS = {kind.name: kind for kind in (
    FileCache, KeyringPersistent, KeyringSession, SssdKcm, HeimdalKcm, Gssproxy, SshAgent, Lsaiso)}
