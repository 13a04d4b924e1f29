# SPDX-License-Identifier: GPL-3.0-or-later
"""All of a guest's memory in the hands of a thief, while lsaiso is outside.

One guest with five people in it, whose tickets are kept in a cache file, by
sssd-kcm, by lsaiso in the same guest (level process), and by lsaiso on the
hypervisor's host (level hypervisor), where the last one logs on inside, the
others with kinit. tests/vm judges what comes out, demo/ prints it.
"""

import contextlib
import json
import os
import re
from dataclasses import dataclass

from . import instance, judged, proc, search, vm

PORT = "org.lsaiso.0"
KEY = "opt/org.lsaiso/key"
FAR_SERVICE = "HTTP/web.other.local@OTHER.LOCAL"
KINDS = ("FILE", "sssd-kcm", "process", "hypervisor", "logon")
TITLES = {"FILE": "cache file", "sssd-kcm": "sssd-kcm", "process": "lsaiso inside",
          "hypervisor": "lsaiso outside", "logon": "and logon"}
MEANING = {"FILE": "FILE:, in the guest's memory", "sssd-kcm": "KCM:, its database in memory",
           "process": "level process: lsaiso is in the guest", "hypervisor": "level hypervisor",
           "logon": "level hypervisor, lsactl logon in place of kinit"}


class Tenant(instance.Instance):
    """The hypervisor's host: lsainit with lsaiso and lsaiso-host for one guest.

    Its memory is ordinary, for the judge, who has to know lsaiso's keys in order
    to look for them in the guest. Its root key is kept, so that the guest can pin
    the public key that is derived from it.
    """

    def __init__(self, realm, memory="ordinary"):
        self.memory = memory
        super().__init__(realm, {"isolation": {"level": "process"}}, start=False)
        try:
            os.makedirs(self.folder("host"), 0o700)
            proc.run([instance.program("lsactl"), "--config", self.file, "seal", "enroll"]).ok()
            self.start()
        except BaseException:
            self.stop()
            raise

    @property
    def at(self):
        """The socket for the guest."""
        return self.folder("run", "guest.sock")

    def write_config(self, settings):
        return super().write_config({
            "run": {"serves": "guest"}, "guest": {"socket": self.at},
            "seal": {"root": "file"}, "ntlm": {"mode": "on"},
            "isolation": {"level": "process", "guard": "off", "memory": self.memory}})

    def key_file(self):
        """The public key for the guest to pin, as its firmware shall have it."""
        said = proc.run([instance.program("lsactl"), "--config", self.file, "key"]).ok()
        return self.folder.write("key", said.out)

    def answers(self):
        return os.path.exists(self.at) and self.pid("lsaiso-host") is not None

    def again(self, memory):
        """All of it ended, and started anew at the same place."""
        self.memory = memory
        self.terminate()
        assert self.daemon.process.wait(20 * proc.SLOW) == 0, self.read_log()
        self.daemon = None
        self.file = self.write_config({})
        self.start()

    def boot_id(self):
        """Of the lsaiso that runs."""
        return self.call("Status")["lsaiso"]["boot_id"]

    def dumped(self):
        """lsaiso's memory in a file of the judge's."""
        pid, path = self.pid("lsaiso"), self.folder("state.dump")
        with open(f"/proc/{pid}/mem", "rb", buffering=0) as mem, open(path, "wb") as f:
            for start, end, permissions, name in search.mappings(pid):
                if permissions.startswith("rw") and "[v" not in name:
                    mem.seek(start)
                    f.write(mem.read(end - start))
        return path


class Outside(judged.Lsaiso):
    """lsass in the guest; lsaiso is the tenant's."""

    kind = "hypervisor"

    def __init__(self, machine, tenant):
        self.tenant = tenant
        self.settings = (f"level = hypervisor\nchannel = /dev/virtio-ports/{PORT}\n"
                         f"host_key = file:{vm.FIRMWARE}/{KEY}/raw\n[ntlm]\nmode = on")
        super().__init__(machine)

    def state(self):
        return self.tenant.dumped()

    def status(self):
        """As lsactl status has it, in the guest."""
        return json.loads(self.lsactl("--json", "status").ok().text)

    def pid(self, name):
        """Of a process of the instance in the guest."""
        return next(one["pid"] for one in self.status()["processes"] if one["name"] == name)

    def serves(self):
        """lsass is there, and the lsaiso outside answers it."""
        self.machine.wait(f"{instance.program('lsactl')} --config {self.file} --json status | "
                          f"grep -q '{self.tenant.boot_id()}'", self.log, seconds=60)


class Logon(judged.Place):
    """Another user of an Outside, who logs on inside."""

    kind = "logon"

    def __init__(self, outside):
        self.outside = outside
        super().__init__(outside.machine)

    def start(self):
        self.cache = self.outside.cache
        self.machine.config(f"{self.here}/krb5.conf", kcm_socket=self.cache.removeprefix("KCM:"))
        self.logon = f"{instance.program('lsactl')} --config {self.outside.file} logon"

    def work(self, *services):
        super().work(*services)
        said = json.loads(self.outside.lsactl("--json", "sessions").ok().text)["sessions"]
        mine, = (one for one in said if one["uid"] == self.uid and one["state"] == "open")
        assert mine["kind"] == "inside" and mine["ntlm"] is True, mine
        self.outside.learn_lsaiso()     # this session's key, too
        self.keys |= {w: k for w, k in self.outside.keys.items() if w.startswith("lsaiso")}

    def opened(self):
        path = self.outside.state()
        keys = self.machine.opened_with(path)
        os.unlink(path)
        return {what for what, key in self.real.items() if key in keys}


def machine(realm, tenant, more="init_on_free=1"):
    return judged.Machine(realm, more, ports={PORT: tenant.at}, firmware={KEY: tenant.key_file()})


def moved_in(machine, kind, tenant):
    """Somebody of that kind, who has logged on and worked. tenant: the Outside, for logon."""
    make = {"FILE": judged.File, "sssd-kcm": judged.SssdKcm, "process": judged.Lsaiso}
    if kind == "hypervisor":
        place = Outside(machine, tenant)
    elif kind == "logon":
        place = Logon(tenant)
    else:
        place = make[kind](machine)
    place.work(*judged.SERVICES, FAR_SERVICE)
    if kind == "hypervisor":
        place.accept()
    return place


# ---- the table

@dataclass
class Row:
    title: str
    what: str           # a regular expression of names of keys; "": what sealed blobs yield
    bad: bool = True    # nobody who has the memory should have it


ROWS = (
    Row("session key of the TGT", "TGT key"),
    Row("key of the TGT for another realm", "other realm's TGT key"),
    Row("what lsaiso derives from these", "derived: .*"),
    Row("lsaiso's root, session, private key", "lsaiso .*"),
    Row("TGT keys, unsealed with what is there", ""),
    Row("the password, and keys made of it", "password|long-term key|NT hash"),
    Row("keys of service tickets", "service key .*", bad=False),
)


@dataclass
class Column:
    """What the memory has of one person's secrets."""
    keys: set       # what was looked for
    found: dict     # {what: where}
    opened: set     # TGT-class keys that come out of sealed blobs with what is there

    def cell(self, row):
        """How many; None: there is no such thing."""
        if not row.what:
            return len(self.opened) if any(w.startswith("lsaiso") for w in self.keys) else None
        mine = [w for w in self.keys if re.fullmatch(row.what, w)]
        return sum(w in self.found for w in mine) if mine else None

    def bad(self):
        """Found, and should not be in anybody's hands."""
        return {w for w in self.found if not w.startswith("service key")} | self.opened


def look(machine, places):
    """One search of all the memory for what all of places have. {kind: Column}"""
    found = machine.found({(p.kind, what): words
                           for p in places for what, words in p.keys.items()})
    columns = {}
    for p in places:
        mine = {what: at for (kind, what), at in found.items() if kind == p.kind}
        # Only who has the keys of lsaiso out of the memory can open what is sealed.
        keys_there = {"lsaiso root", "lsaiso session"} <= set(mine)
        columns[p.kind] = Column(set(p.keys), mine, p.opened() if keys_there else set())
    return columns


def lines(columns, paint=lambda word, colour, width=0: word.ljust(width)):
    """The table for people."""
    yield " " * 40 + "".join(paint(TITLES[kind], "bold", 16) for kind in columns).rstrip()
    for row in ROWS:
        cells = ""
        for column in columns.values():
            n = column.cell(row)
            word, colour = (("", "dim") if n is None else ("nothing", "green") if n == 0 else
                            ("FOUND" if row.bad else "found", "red" if row.bad else "dim"))
            cells += paint(word, colour, 16)
        yield f"{row.title:<40}{cells}".rstrip()


# ---- on the host

def x25519_public(private):
    """RFC 7748 section 5: the public key of a private one."""
    p = 2**255 - 19
    k = int.from_bytes(private, "little") & ~7 & (1 << 254) - 1 | 1 << 254
    x2, z2, x3, z3 = 1, 0, 9, 1
    for n in reversed(range(255)):
        bit = k >> n & 1
        if bit:
            x2, z2, x3, z3 = x3, z3, x2, z2
        a, b, c, d = x2 + z2, x2 - z2, x3 + z3, x3 - z3
        aa, bb, da, cb = a * a % p, b * b % p, d * a % p, c * b % p
        e = aa - bb
        x3, z3 = (da + cb)**2 % p, 9 * (da - cb)**2 % p
        x2, z2 = aa * bb % p, e * (aa + 121665 * e) % p
        if bit:
            x2, z2, x3, z3 = x3, z3, x2, z2
    return (x2 * pow(z2, p - 2, p) % p).to_bytes(32, "little")


def in_process(pid, words, but="memory-backend"):
    """Those of words that are in a process, mappings whose name has but left out;
    and how many octets were read."""
    total = 0
    with open(f"/proc/{pid}/mem", "rb", buffering=0) as mem, \
            open(os.memfd_create("searched"), "wb", buffering=0) as copy:
        for start, end, _, name in search.mappings(pid):
            if but in name or name.startswith("[v"):
                continue
            for at, upto in search.readable_ranges(pid, start, end) or []:
                octets = readable(mem, at, upto)
                total += len(octets)
                copy.write(octets)
            copy.seek(4096, os.SEEK_CUR)    # what is not beside it there is not here
        return set(judged.findwords(f"/proc/{os.getpid()}/fd/{copy.fileno()}", words)), total


def readable(mem, at, upto):
    """What can be read of these addresses; secret memory cannot."""
    octets = b""
    with contextlib.suppress(OSError):
        mem.seek(at)
        while at + len(octets) < upto and (more := mem.read(upto - at - len(octets))):
            octets += more
    return octets


def on_the_host(machine, tenant, *places):
    """{process: (words found, octets read)} of who carried the channel's octets and the rest
    of the tenant, looking for their secrets; not for the keys that leave by design."""
    words = [w for place in places for what, mine in place.keys.items() for w in mine
             if not what.startswith("service key")]
    pids = {"QEMU": machine.guest.qemu.pid, "lsaiso-host": tenant.pid("lsaiso-host"),
            "lsainit": tenant.daemon.pid}
    return {name: in_process(pid, words) for name, pid in pids.items()}
