# SPDX-License-Identifier: GPL-3.0-or-later
"""Victims for the attacks of lib/attacks.py, and the judge: was the key found?

The victims are columns of one matrix: a plain process, and lsaiso with weaker
and stronger settings. An attack that does not find the secret of the plain
process proves nothing on this machine; its row then says n/a.
"""

import contextlib
import os
import shutil
import subprocess
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
VM_ORDINARY, VM, VM_GUARD = "vm-ordinary", "vm", "vm-guard"
COLUMNS = {
    PLAIN: "plain process",
    ORDINARY: "lsaiso, ordinary memory",
    PROCESS: "lsaiso, level process",
    GUARD: "lsaiso, with the guard",
    VM_ORDINARY: "lsaiso, level vm, ordinary memory",
    VM: "lsaiso, level vm",
    VM_GUARD: "lsaiso, level vm, with the guard",
}
# By isolation level. (Of one in a hypervisor's hands nothing is here to be robbed.)
OF_LEVEL = {
    "process": (PLAIN, ORDINARY, PROCESS, GUARD),
    "vm": (PLAIN, VM_ORDINARY, VM, VM_GUARD),
    "hypervisor": (PLAIN,),
}
SETTINGS = {
    VM_ORDINARY: {"isolation": {"level": "vm", "vm_memory": "ordinary", "guard": "off"}},
    VM: {"isolation": {"level": "vm", "vm_memory": "guest_memfd", "guard": "off"}},
    VM_GUARD: {"isolation": {"level": "vm", "guard": "required"}},
    ORDINARY: {"isolation": {"level": "process", "memory": "ordinary", "guard": "off"}},
    PROCESS: {"isolation": {"level": "process", "guard": "off"}},
    GUARD: {"isolation": {"level": "process", "guard": "required"}},
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


def armed(attack, folder, env):
    """Start an attack that is to be there first; wait until it says so. (process, path)"""
    path = os.path.join(folder, f"{attack.label}-before")
    process = subprocess.Popen([attack.program, "1", path], stdin=subprocess.DEVNULL,
                               stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
                               env=proc.clean_env(**env))
    process.stdout.readline()  # "armed", or its end
    return process, path


def disarmed(process, path):
    """Its Outcome."""
    _, err = process.communicate(timeout=60)
    state = {attacks.WORKED: READ, attacks.EXIT_CANNOT: CANNOT}.get(process.returncode,
                                                                   attacks.REFUSED)
    return attacks.Outcome(state, path, (err.strip().splitlines() or ["?"])[-1])


def patched(source, target, pairs):
    """A copy of a program with some of its strings replaced (by others as long)."""
    with open(source, "rb") as f:
        octets = f.read()
    for old, new in pairs:
        assert octets.count(old) == 1 and len(old) == len(new), (source, old)
        octets = octets.replace(old, new)
    with open(target, "wb") as f:
        f.write(octets)
    os.chmod(target, 0o755)


def preloaded(path, name):
    """The environment that brings our library into name."""
    library = os.path.join(instance.build_folder(), "tests", "theft", "attacks",
                           "libtheftpreload.so")
    return {"LD_PRELOAD": library, "THEFT_OUT": path, "THEFT_NAME": name, "THEFT_SECONDS": "3"}


def awaited(path, seconds):
    """Wait until path is there and grows no more."""
    end, size = time.monotonic() + seconds, -1
    while time.monotonic() < end:
        now = os.path.getsize(path) if os.path.exists(path) else -1
        if now > 0 and now == size:
            return attacks.Outcome(READ, path, f"LD_PRELOAD: {now >> 10} KiB read")
        size = now
        time.sleep(0.5)
    return attacks.Outcome(attacks.REFUSED, None, "LD_PRELOAD: the library did not run in it")


class Behind:
    """An attack in the background, on who starts the victim."""

    def __init__(self, attack, launcher, victim, folder, env):
        env = {"THEFT_SECONDS": "4", **env, "THEFT_VICTIM": str(victim)}
        self.outcome = None
        self.thread = threading.Thread(target=self._run, args=(attack, launcher, folder, env))
        self.thread.start()

    def _run(self, attack, launcher, folder, env):
        self.outcome = attacks.run(attack, launcher, folder, **env)

    def over(self):
        return not self.thread.is_alive()

    def result(self):
        self.thread.join()
        return self.outcome


class PlainVictim:
    """attacks.Plain with a judge."""

    column = PLAIN
    unmapped = False

    def __init__(self, folder, memory="ordinary"):
        self.folder = folder
        self.memory = memory
        self.changed = False
        self.plain = attacks.Plain(folder, memory)

    # ---- attacks on a start

    def launch(self, attack, env):
        return getattr(self, f"_{attack.file}")(attack, env)

    def _renew(self, plain):
        self.plain.stop()
        self.plain = plain
        self.changed = True

    def _preload(self, attack, _env):
        path = os.path.join(self.folder, f"{attack.label}-plain")
        self._renew(attacks.Plain(self.folder, **preloaded(path, "plain")))
        return awaited(path, 20)

    def _restarted(self, attack, env):
        self._renew(attacks.Plain(self.folder, again=True))
        old = self.plain.pid
        behind = Behind(attack, self.plain.process.pid, old, self.folder, env)
        proc.wait_until("the attack", lambda: behind.over() or not proc.alive(old))
        if not proc.alive(old):
            self.plain.learn()
        return behind.result()

    _trace_launch = _early_mem = _restarted

    def _armed_before(self, attack, env):
        process, path = armed(attack, self.folder, env)
        self._renew(attacks.Plain(self.folder))
        with self.busy():
            return disarmed(process, path)

    def _replaced(self, _attack, env):
        """Its own program, but "secret" is no word it knows any more."""
        target = os.path.join(self.folder, "plain-replaced")
        patched(self.image, target, [(b"\0secret\0", b"\0secreT\0")])
        self._renew(attacks.Plain(self.folder, "secret", target))
        return attacks.run(attacks.by_name("proc_mem"), self.pid, self.folder, **env)

    @property
    def pid(self):
        return self.plain.pid

    @property
    def image(self):
        return os.path.join(instance.build_folder(), "tests", "theft", "plain")

    def refresh(self):
        """A new one, if an attack has ended it or started it in its own way."""
        if self.changed or not self.plain.alive():
            self.plain.stop()
            self.plain = attacks.Plain(self.folder, self.memory)
            self.changed = False

    def lives(self):
        return self.plain.alive() and len(self.plain.ask()) == 32

    def busy(self, logons=False):
        return Busy(self.plain.ask)

    def pid_of(self, attack):
        return self.pid

    def found(self, path):
        return attacks.holds(path, self.plain.needles)

    def stop(self):
        self.plain.stop()


class IsoVictim:
    """A whole instance with alice logged on, robbed of her TGT's key."""

    def __init__(self, column, folder, realm, settings=None):
        self.column, self.folder, self.realm = column, folder, realm
        self.wanted = wanted = {"isolation": dict(SETTINGS[column]["isolation"])}
        # Busy victims ask more than a person would.
        wanted["tgs"] = {"rate": 1000000, "burst": 1000000}
        for section, keys in (settings or {}).items():
            wanted.setdefault(section, {}).update(keys)
        self.start()

    def start(self, more=None, **env):
        """A new instance, alice logged on. more: settings; env: of lsainit."""
        settings = {s: dict(keys) for s, keys in self.wanted.items()}
        for section, keys in (more or {}).items():
            settings.setdefault(section, {}).update(keys)
        self.instance = instance.Instance(self.realm, settings, start=False)
        try:
            self.instance.start(**env)
            self.check()
            self.log_on()
        except BaseException:
            self.stop()
            raise

    def check(self):
        """Is it as strong as its column says?"""
        if self.column in (GUARD, VM_GUARD) and not self.guarded():
            raise proc.Failed("the guard is not in force")

    @property
    def unmapped(self):
        """Is its memory one that no process has mapped?"""
        level = self.instance.call("Status")["level"] if self.instance else {}
        return level.get("memory", "").startswith("guest_memfd")

    def guarded(self):
        return self.instance.call("Status").get("guard", {}).get("state") == "up"

    # ---- attacks on a start

    def launch(self, attack, env):
        return getattr(self, f"_{attack.file}")(attack, env)

    def _restart(self, more=None, **env):
        """Stop it and start it as the thief wants. None, or why it did not start."""
        self.stop()
        try:
            self.start(more, **env)
        except (proc.Failed, AssertionError) as e:
            self.instance = None
            return str(e).strip().splitlines()[-1]
        return None

    def _preload(self, attack, _env):
        path = os.path.join(self.folder, f"{attack.label}-lsaiso")
        why = self._restart(**preloaded(path, self.keeper))
        return attacks.Outcome(attacks.REFUSED, None, why) if why else awaited(path, 6)

    def _restarted(self, attack, env):
        old = self.pid
        behind = Behind(attack, self.instance.pid("lsainit"), old, self.folder, env)
        while not behind.over():
            if self.pid not in (None, old):
                old = self.pid
                time.sleep(0.3)
                self.log_on_anew()
            time.sleep(0.1)
        return behind.result()

    _trace_launch = _early_mem = _restarted

    def _armed_before(self, attack, env):
        self.stop()
        process, path = armed(attack, self.folder, env)
        try:
            self.start()
        except (proc.Failed, AssertionError) as e:
            self.instance = None
            disarmed(process, path)
            return attacks.Outcome(attacks.REFUSED, path, str(e).strip().splitlines()[-1])
        with self.busy():
            return disarmed(process, path)

    def _replaced(self, _attack, env):
        """Its own program, but what it is told as secret memory is ordinary memory."""
        if self.instance.level != "process":
            return attacks.Outcome(CANNOT, None, "no such change to lsavmm is made here")
        programs = os.path.join(self.folder, "programs")
        shutil.rmtree(programs, ignore_errors=True)
        os.makedirs(programs)
        for name in ("lsass", "lsaseal"):
            if os.path.exists(instance.program(name)):
                shutil.copy(instance.program(name), programs)
        for name in ("manifest", "manifest.sig"):
            shutil.copy(os.path.join(instance.build_folder(), name), programs)
        patched(self.image, os.path.join(programs, "lsaiso"),
                [(b"memory=secret\0", b"memory=secreT\0"),
                 (b"memory=ordinary\0", b"memory=secret\0\0\0")])
        os.chmod(self.folder, 0o755)
        why = self._restart({"run": {"programs": programs},
                             "launch": {"keys": os.path.dirname(instance.program("lsasign"))}})
        if why:
            return attacks.Outcome(attacks.REFUSED, None, why)
        return attacks.run(attacks.by_name("proc_mem"), self.pid, self.folder, **env)

    def log_on(self):
        self.user = users.User(self.instance)
        self.seen = self.pid  # this lsaiso knows of her
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
        with kcm.Kcm(self.instance.socket, uid=self.user.uid) as k:
            cache = k.gen_new()
            k.initialize(cache, ALICE)
            k.store(cache, self.tgt())
            k.set_default(cache)

    def tgt(self):
        now = int(time.time())
        return kcm.Cred(ALICE, TGT, key=self.key, times=(now, now, now + 28800, 0),
                        flags=0x40e10000, ticket=made_ticket())

    def log_on_once_more(self):
        """The same key comes in again, in a cache of its own, and goes."""
        with kcm.Kcm(self.instance.socket, uid=self.user.uid, timeout=10) as k:
            cache = k.gen_new()
            k.initialize(cache, ALICE)
            k.store(cache, self.tgt())
            k.destroy(cache)

    @property
    def pid(self):
        return self.instance.pid("lsaiso")

    @property
    def keeper(self):
        return instance.KEEPERS[self.wanted["isolation"]["level"]]

    @property
    def image(self):
        return instance.program(self.keeper)

    def pid_of(self, attack):
        return self.instance.pid(attack.target)

    def refresh(self):
        """As it was, if an attack has ended something."""
        if self.instance is None:
            self.start()
        if self.pid != self.seen or not self.lives():
            self.log_on_anew()

    def log_on_anew(self):
        """When lsaiso is another; lsainit and lsass may still be about to notice that."""
        end = time.monotonic() + 30
        while True:
            try:
                if self.pid:
                    self.log_on()
                    return
            except (OSError, kcm.KcmError):
                if time.monotonic() > end:
                    raise
            time.sleep(0.3)

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

    def busy(self, logons=False):
        return Busy(self.log_on_once_more) if logons else Busy(self.ask, self.ask)

    def blobs(self):
        """lsass's memory, where the sealed keys are: a file, or None if root is refused."""
        outcome = attacks.run(attacks.by_name("proc_mem"), self.instance.pid("lsass"), self.folder)
        if outcome.state != READ and outcome.path:
            os.unlink(outcome.path)
            outcome.path = None
        return outcome.path

    def found(self, path):
        """The key in the open, or enough of lsaiso's state to open its sealed keys."""
        if path is None or not os.path.exists(path) or os.path.getsize(path) == 0:
            return False
        if attacks.holds(path, self.needles):
            return True
        tool = os.path.join(instance.build_folder(), "tests", "theft", "openblob")
        if proc.run([tool, path]).code == 1:
            return False
        blobs = self.blobs()
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
        """Under the guard lsainit hears no signal: it is asked to stop."""
        if self.instance is None:
            return
        daemon = self.instance.daemon
        try:
            if self.column in (GUARD, VM_GUARD) and daemon and self.guarded():
                self.instance.call("Stop")
                proc.wait_until("the end", lambda: not daemon.running())
        except (OSError, proc.Failed):
            pass  # Instance.stop says what is left
        finally:
            self.instance.stop()
            self.instance = None


def rob(attack, victim, **env):
    """One attack against one victim: a Verdict."""
    victim.refresh()
    since = time.monotonic()
    if attack.kind == "launch":
        outcome = victim.launch(attack, env)
        outcome.seconds = time.monotonic() - since
    else:
        work = victim.busy(attack.logons) if attack.load or attack.logons else None
        with work or contextlib.nullcontext():
            outcome = attacks.run(attack, victim.pid_of(attack), victim.folder, **env)
    try:
        if victim.found(outcome.path):
            return Verdict(FOUND, outcome.why, outcome.seconds)
    finally:
        if outcome.path and os.path.exists(outcome.path):
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
            missing = self.unproved(attack, row, victim.column)
            if missing:
                row[victim.column] = Verdict(NA, missing)
            else:
                row[victim.column] = self.one(attack, victim)
            if progress:
                progress(attack, victim.column, row[victim.column])

    @staticmethod
    def unproved(attack, row, column):
        """Why its outcome there would show nothing."""
        if attack.level:
            if column not in OF_LEVEL[attack.level] or column == PLAIN:
                return f"at level {attack.level} only"
            weaker = [row[c].state for c in OF_LEVEL[attack.level][1:] if c in row]
            if column == VM_GUARD and FOUND not in weaker:
                return "not proved without the guard"
        elif column != PLAIN and row[PLAIN].state != FOUND:
            return "not proved on the plain process"
        return None

    def one(self, attack, victim):
        verdict = rob(attack, victim, THEFT_IMAGE=victim.image, **self.env)
        if attack.by_pages and verdict.state == HELD and victim.unmapped:
            # tests/vm/test_70_gmem.py says what the kernel has of it.
            verdict = Verdict(NA, "no process has its pages, by which this looks")
        if victim.column == PLAIN and verdict.state == HELD:
            # It is here, and does not find what is there to be found.
            verdict.state = NA
        if not attack.deadly and attack.kind != "launch" and not victim.lives():
            verdict.why += "; THE VICTIM DIED"
        return verdict
