# SPDX-License-Identifier: GPL-3.0-or-later
"""Does lsawatch keep quiet while nothing happens but life? People log on and off,
clients load the broker, the administrator looks around, wipes, restarts and
upgrades.

A minute; LSAISO_LONG=1: an hour. No finding above info may come of it
that is about this instance (there may be others on the machine, tests' too).
"""

import os
import shutil
import signal
import threading
import time

import pytest

from lib import instance, kcm, proc, users
from lib.instance import lsactl
from lib.kcm import Cred, Princ
from lib.realm import PASSWORDS
from lib.signed import Signed

pytestmark = pytest.mark.usefixtures("need_root")

LOUD = ("low", "medium", "high", "critical")
NAMESAKES = ("instances", "parent_process")  # rows that others can turn
# What others do to the machine, and that it is too much to be told.
MACHINE_WIDE = ("memory-bpf", "memory-probe", "memory-perf", "memory-kernel", "watch-calm")
ALICE = Princ.of("alice@TEST.LOCAL")


class Life:
    """What goes on around one instance, step by step; each step leaves it serving."""

    def __init__(self, inst):
        self.inst, self.loud, self.seen = inst, [], 0
        self.person, self.plain = users.User(inst), users.User(inst)

    # ---- people

    def logs_on(self):
        lsactl(self.inst, "logon", "alice", who=self.person,
               stdin=PASSWORDS["alice"] + "\n").ok()
        self.person.kvno("host/localhost").ok()
        lsactl(self.inst, "lock", who=self.person).ok()
        lsactl(self.inst, "unlock", who=self.person, stdin=PASSWORDS["alice"] + "\n").ok()
        lsactl(self.inst, "logoff", who=self.person).ok()

    def uses_kinit(self):
        self.plain.kinit("bob").ok()
        for service in ("host/localhost", "HTTP/localhost"):
            self.plain.kvno(service).ok()
        self.plain.klist().ok()
        self.plain.run("kdestroy", "-A").ok()

    # ---- load

    def _client(self, until, worker):
        with self.inst.kcm(uid=65000 + worker) as k:
            while time.monotonic() < until:
                name = k.gen_new()
                k.initialize(name, ALICE)
                for n in range(8):
                    k.store(name, Cred(client=ALICE, server=Princ.of(f"host/{n}@TEST.LOCAL")))
                k.destroy(name)

    def load(self, seconds=5):
        until = time.monotonic() + seconds
        threads = [threading.Thread(target=self._client, args=(until, n)) for n in range(8)]
        for one in threads:
            one.start()
        for one in threads:
            one.join()

    # ---- the administrator

    def looks_around(self):
        pids = ",".join(str(pid) for pid in self.inst.pids)
        for argv in (["ps", "auxwwf"], ["top", "-b", "-n", "1"], ["ss", "-xap"],
                     ["lsof", "-n", "-p", pids], ["pgrep", "-a", "lsa"], ["pmap", pids.split(",")[0]],
                     ["sh", "-c", "ls -l /proc/[0-9]*/exe /proc/[0-9]*/fd >/dev/null 2>&1; true"],
                     ["sh", "-c", "cat /proc/[0-9]*/status /proc/[0-9]*/cmdline >/dev/null 2>&1; true"]):
            if shutil.which(argv[0]):
                proc.run(argv)
        for words in (["status"], ["sessions"], ["caches"], ["doctor"], ["audit", "verify"]):
            assert lsactl(self.inst, *words).code in (0, 1)

    def wipes(self):
        before = self.inst.pid("lsaiso")
        lsactl(self.inst, "wipe").ok()
        proc.wait_until("another lsaiso",
                        lambda: self.inst.pid("lsaiso") not in (None, before), log=self.inst.log)
        self.inst.linked()

    def restarts(self):
        self.collect()
        os.kill(self.inst.daemon.pid, signal.SIGTERM)
        assert self.inst.daemon.process.wait(20 * proc.SLOW) == 0
        self.inst.start()
        self.inst.watch.status()
        self.seen = 0

    def upgrades(self):
        self.inst.upgrade()
        time.sleep(3)
        self.collect()
        self.restarts()

    def collect(self):
        """Findings above info that are about us, since the last time."""
        found = self.inst.watch.findings(self.seen)
        self.seen = found[-1]["number"] if found else self.seen
        self.loud += [one for one in found if one["severity"] in LOUD and self.is_ours(one)]

    def is_ours(self, one):
        """Not about what others did to the machine meanwhile, or a namesake they started."""
        ours = (self.inst.base.path, self.inst.folder.path)
        said = one["evidence"] + one.get("actor", {}).get("exe", "")
        others = one["row"] in NAMESAKES or one["rule"] in MACHINE_WIDE
        actor = one.get("actor", {})
        if one["row"] == "memory_access" and actor and os.getpid() not in (
                actor["pid"], actor.get("parent")):
            return False  # others' tests search all memory of the machine
        return not others or any(folder in said for folder in ours)


def test_01_an_ordinary_day(realm, long_run):
    seconds = 3600 if long_run else 60
    with Signed(realm, "bpf trace audit events sweep", watch={"learn_seconds": 30}) as inst:
        life = Life(inst)
        steps = [life.logs_on, life.load, life.looks_around, life.uses_kinit, life.wipes,
                 life.load, life.looks_around, life.upgrades]
        until, rounds = time.monotonic() + seconds, 0
        while time.monotonic() < until:
            for step in steps:
                step()
                life.collect()
                assert life.loud == [], (step.__name__, life.loud)
            rounds += 1
        time.sleep(3)  # what is held back for a moment
        life.collect()
        assert life.loud == [] and rounds > 0
        assert [one["name"] for one in inst.watch.status()["rows"] if one["verdict"] == "abnormal"
                and one["name"] not in (*NAMESAKES, "memory_access")] == []
