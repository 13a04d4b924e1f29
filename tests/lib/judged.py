# SPDX-License-Identifier: GPL-3.0-or-later
"""People at work in a guest, and a judge outside who knows their keys.

A guest has clients and whatever keeps their tickets, and nothing else: the
KDCs are outside with the judge, who opens tickets with the services' own keys
and searches all of the guest's memory as its hypervisor has it, freed pages
too. Half of a key counts as the key.

Nothing that is searched for may get into the guest by the judge's doing: a
password goes in turned round, and octets that come out are in base64.
"""

import base64
import hmac
import os

from . import instance, proc, theft, tickets, users, vm
from .realm import AWAY, HOME

HERE = "/run/judged"
TESTS = os.path.dirname(vm.HERE)
# Ports of the KDCs, as the guest has them.
PORTS = {HOME: 88, AWAY: 89}
TGT, CROSS = f"krbtgt/{HOME}@{HOME}", f"krbtgt/{AWAY}@{HOME}"
SERVICES = ("nfs/localhost", "HTTP/localhost")

# In the guest, as the user: the tickets of a cache, which are no secrets.
TICKETS = f"""
import sys
sys.path.insert(0, "{TESTS}")
import base64
from lib import kcm, tickets
way, _, where = sys.argv[1].partition(":")
if way == "FILE":
    creds = tickets.read_file_ccache(where)[1]
else:
    with kcm.Kcm(where) as k:
        creds = k.by_iteration(k.default())
for c in creds:
    if not c.is_config:
        print(c.server, base64.b64encode(c.ticket).decode())
"""
# In the guest, as root: the physical pages of lsaiso's secret memory.
PAGES = """
import re, struct, sys
for line in open(f"/proc/{sys.argv[1]}/maps"):
    m = re.match(r"(\\w+)-(\\w+) .*secretmem", line)
    if m:
        start, end = (int(x, 16) for x in m.groups())
        with open(f"/proc/{sys.argv[1]}/pagemap", "rb", buffering=0) as f:
            f.seek(start // 4096 * 8)
            for n, in struct.iter_unpack("<Q", f.read((end - start) // 4096 * 8)):
                print(n & (1 << 55) - 1 if n >> 63 else 0)
"""


def halves(key):
    return [key[:len(key) // 2], key[len(key) // 2:]]


def tool(name):
    return os.path.join(instance.build_folder(), "tests", "theft", name)


def openblob(*files):
    """What tests/theft/openblob says: [(word, key)] of state, root, session, key."""
    said = proc.run([tool("openblob"), *files]).ok().out
    return [(what, bytes.fromhex("".join(key)))
            for what, *key in map(str.split, said.splitlines())]


def findwords(path, words):
    """{word: {offsets}} of those of words that are in a file. The words go in by a pipe."""
    words, found = list(words), {}
    said = proc.run([tool("findwords"), path], stdin="".join(w.hex() + "\n" for w in words)).ok()
    for line in said.out.splitlines():
        n, at = map(int, line.split())
        found.setdefault(words[n], set()).add(at)
    return found


class Machine:
    """A guest from which the KDCs can be reached; more and hardware are vm.Guest's."""

    def __init__(self, realm, more="", memory=448, **hardware):
        if not instance.built():
            raise proc.Failed("not built (LSAISO_BUILD?)")
        self.realm = realm
        self.guest = vm.Guest(memory=memory, more=more, network=[
            (PORTS[name], port) for name, port in realm.kdc.items()], **hardware)
        self.stop = self.guest.stop

    def config(self, path, **how):
        """A krb5.conf for the guest, written to path there."""
        made = self.realm.write_config(os.path.basename(os.path.dirname(path)) + ".conf",
                                       defaults="udp_preference_limit = 1", **how)
        with open(made, encoding="utf-8") as f:
            text = f.read()
        for name, port in self.realm.kdc.items():
            text = text.replace(f"127.0.0.1:{port}", f"{vm.OUTSIDE}:{PORTS[name]}")
        self.guest.put(path, text.encode())

    def wait(self, condition, log, seconds=30):
        """For a condition of the shell, in the guest."""
        done = self.guest.run(f"for n in $(seq {seconds * 5}); do {condition} && exit 0; "
                              f"sleep 0.2; done; tail -n 40 {log}; exit 1", timeout=100 + seconds)
        assert done.code == 0, f"{condition}: {done.text}\n{self.guest.console()[-2000:]}"

    def found(self, keys):
        """{what: where in all of the memory}, of {what: [octets]}."""
        with self.guest.memory() as fd:
            places = findwords(f"/proc/{os.getpid()}/fd/{fd}",
                               {w for words in keys.values() for w in words})
        return {what: sorted({p for w in words for p in places.get(w, ())})
                for what, words in keys.items() if any(w in places for w in words)}

    def opened_with(self, state):
        """Keys in sealed blobs anywhere in the memory, by lsaiso's state in a file."""
        with self.guest.memory() as fd:
            return {key for what, key in openblob(state, f"/proc/{os.getpid()}/fd/{fd}")
                    if what == "key"}


class Place:
    """One way of keeping somebody's tickets, at work in a machine."""

    kind = None

    def __init__(self, machine):
        self.machine, self.guest, self.realm = machine, machine.guest, machine.realm
        self.here = f"{HERE}/{self.kind}"
        self.log = f"{self.here}/log"
        self.uid = users.fresh_uid()
        self.person = f"{self.kind}{os.urandom(4).hex()}"
        self.password = base64.b64encode(os.urandom(18)).decode().replace("/", "-")
        self.keys = {"password": [self.password.encode()]}
        self.real = {}          # of each TGT-class ticket the last key, whole
        self.enrol()
        self.guest.run(f"mkdir -p {self.here}/kcm {self.here}/caches; "
                       f"chmod 1777 {self.here}/caches").ok()
        self.start()

    def enrol(self):
        keytab = self.realm.folder("keytabs", self.person)
        rc4 = f"{self.person}-rc4"
        self.realm.kadmin_local(HOME, [f"addprinc -pw {self.password} {self.person}",
                                       f"addprinc -pw {self.password} -e rc4-hmac:normal {rc4}",
                                       f"ktadd -q -norandkey -k {keytab} {self.person}",
                                       f"ktadd -q -norandkey -k {keytab} {rc4}"])
        for _, etype, key in tickets.keytab(keytab):
            if etype == 18:  # the one that a logon makes of the password
                self.keys["long-term key"] = halves(key)
            if etype == 23:
                self.keys["NT hash"] = halves(key)

    def start(self):
        """What keeps the tickets, and the user's krb5.conf."""
        raise NotImplementedError

    cache = None    # FILE:path or KCM:socket

    # ---- the user's day

    def user(self, command, timeout=120):
        return self.guest.run(self.as_user(command), timeout).ok()

    def as_user(self, command):
        return (f"setpriv --reuid={self.uid} --regid={self.uid} --clear-groups "
                f"env KRB5_CONFIG={self.here}/krb5.conf {command}")

    logon = "kinit"

    def log_on(self):
        """The agent and the command have the password turned round only."""
        self.guest.run(f"printf '%s\\n' '{self.password[::-1]}' | rev | "
                       + self.as_user(f"{self.logon} {self.person}")).ok()

    def work(self, *services):
        """Log on and use services. The judge learns the keys."""
        self.log_on()
        self.user("kvno " + " ".join(services or SERVICES))
        self.learn()

    def accept(self):
        """A client and a service with GSSAPI, which meet in one program."""
        os.chmod(self.realm.keytab("imap/localhost"), 0o644)
        said = self.user(f"/usr/bin/python3 -B -c '{theft.GSSAPI}' "
                         f"{self.realm.keytab('imap/localhost')}").text
        assert f"accepted {self.person}@{HOME}" in said, said

    # ---- the judge

    def learn(self):
        got = self.user(f"/usr/bin/python3 -B -c '{TICKETS}' {self.cache}").text
        for line in got.splitlines():
            server, octets = line.split()
            self.learn_ticket(server, base64.b64decode(octets))
        assert TGT in got, got

    def learn_ticket(self, server, ticket):
        name = server.split("@")[0]
        if server == TGT:
            self.learn_tgt("TGT key", tickets.real_key(ticket, self.realm.krbtgt_keytab))
        elif server == CROSS:
            self.learn_tgt("other realm's TGT key",
                           tickets.real_key(ticket, self.realm.cross_keytab()))
        elif server.endswith(f"@{HOME}"):
            self.add(f"service key {name}", tickets.real_key(ticket, self.realm.keytab(name)))

    def learn_tgt(self, what, key):
        self.add(what, key)
        self.real[what] = key
        for use, derived in tickets.derived_keys(key).items():
            self.add(f"derived: {what}: {use}", derived)

    def add(self, what, key):
        """To those of earlier logons."""
        self.keys[what] = sorted({*self.keys.get(what, []), *halves(key)})

    def found(self):
        return self.machine.found(self.keys)


class File(Place):
    kind = "FILE"

    def start(self):
        self.cache = f"FILE:{self.here}/caches/cc"
        self.machine.config(f"{self.here}/krb5.conf", ccache=self.cache)


class SssdKcm(Place):
    kind = "sssd-kcm"

    def start(self):
        at = f"{self.here}/kcm/socket"
        self.cache = f"KCM:{at}"
        self.machine.config(f"{self.here}/krb5.conf", kcm_socket=at)
        self.guest.run("for d in /etc/sssd /var/lib/sss /var/log/sssd; do "
                       "mkdir -p $d && mount -t tmpfs -o mode=755 none $d || exit 1; done; "
                       "mkdir -m 700 -p /var/lib/sss/db /var/lib/sss/secrets /var/lib/sss/mc "
                       "/var/lib/sss/pipes/private /var/lib/sss/pubconf").ok()
        self.guest.put("/etc/sssd/sssd.conf", f"""[sssd]
services =
domains = none
[domain/none]
id_provider = files
[kcm]
socket_path = {at}
""".encode(), 0o600)
        self.guest.run(f"/usr/sbin/sssd --genconf && KRB5_CONFIG={self.here}/krb5.conf "
                       f"/usr/libexec/sssd/sssd_kcm --uid 0 --gid 0 --logger=files "
                       f">{self.log} 2>&1 &").ok()
        self.machine.wait(f"[ -S {at} ]", self.log)


class Lsaiso(Place):
    """lsainit, lsass and lsaiso, all in the guest. The guard is off for the judge: to say
    which pages are lsaiso's, the guest's root looks into its page table."""

    kind = "process"
    settings = "level = process"

    def start(self):
        self.run, self.file = f"{self.here}/run", f"{self.here}/lsaiso.conf"
        self.cache = f"KCM:{self.here}/kcm/socket"
        self.machine.config(f"{self.here}/krb5.conf", kcm_socket=f"{self.here}/kcm/socket")
        self.guest.run(f"mkdir -p {self.here}/state {self.run}; chmod 700 {self.here}/state; "
                       f"chown {instance.LSASS_UID} {self.here}/state").ok()
        self.guest.put(self.file, f"""[run]
directory = {self.run}
lsaiso_user = {instance.LSAISO_UID}
lsass_user = {instance.LSASS_UID}
[kcm]
socket = {self.here}/kcm/socket
[admin]
socket = {self.run}/admin.sock
[state]
directory = {self.here}/state
[isolation]
guard = off
{self.settings}
[host]
directory = {self.here}/host
[krb5]
config = {self.here}/krb5.conf
[logon]
keytab = {self.here}/no-keytab
""".encode())
        self.guest.run(f"{instance.program('lsainit')} --config {self.file} "
                       f">{self.log} 2>&1 & echo $! >{self.here}/pid").ok()
        self.machine.wait(f"[ -S {self.here}/kcm/socket ] && [ -S {self.run}/admin.sock ]",
                          self.log)

    def lsactl(self, *words):
        return self.guest.run([instance.program("lsactl"), "--config", self.file, *words])

    def shut_down(self):
        self.guest.run(f"kill $(cat {self.here}/pid)").ok()
        self.machine.wait(f"[ ! -e /proc/$(cat {self.here}/pid) ]", self.log)

    def work(self, *services):
        super().work(*services)
        self.learn_lsaiso()

    def state(self):
        """lsaiso's secret memory in a file of the judge's, its pages in its own order."""
        pid = self.guest.run("pgrep -nx lsaiso").ok().text.strip()
        got = self.guest.run(["/usr/bin/python3", "-c", PAGES, pid]).ok().text
        path = self.realm.folder(f"{self.person}.state")
        with self.guest.memory() as fd, open(path, "wb") as f:
            for page in map(int, got.split()):
                f.write(os.pread(fd, 4096, page * 4096) if page else bytes(4096))
        return path

    def learn_lsaiso(self):
        """lsaiso's own keys."""
        path = self.state()
        said = openblob(path)
        os.unlink(path)
        for what, key in said:
            if what in ("root", "session"):
                self.add(f"lsaiso {what}", key)
            if what == "root":
                self.private = hmac.digest(key, b"lsaiso private", "sha256")    # iso.h
                self.add("lsaiso private key", self.private)
        assert "lsaiso session" in self.keys, said

    def opened(self):
        """Which of the TGT-class keys lsaiso's state opens, out of what is sealed in the
        guest's memory: their names."""
        path = self.state()
        keys = self.machine.opened_with(path)
        os.unlink(path)
        return {what for what, key in self.real.items() if key in keys}
