# SPDX-License-Identifier: GPL-3.0-or-later
"""Is done what [respond] says: nothing works any more after lock until a password
is typed, after wipe until somebody logs on?"""

import json
import os
import shutil
import subprocess
import sys

import pytest

from lib import instance, proc, users
from lib.instance import lsactl
from lib.realm import PASSWORDS
from lib.watching import WatchedInstance

pytestmark = [pytest.mark.usefixtures("need_root"),
              pytest.mark.levels("process", "vm", why="lsalink is what runs here at the other")]

KILL = "import os, signal, sys; os.kill(int(sys.argv[1]), signal.SIGKILL)"


def kill_lsass(inst):
    """By a program of its own; returns its pid and that of the lsass that there was."""
    pid = inst.pid("lsass")
    with subprocess.Popen([sys.executable, "-c", KILL, str(pid)]) as killer:
        killer.wait(20)
    return killer.pid, pid


def served_again(inst, old):
    proc.wait_until("another lsass", lambda: inst.pid("lsass") not in (None, old)
                    and inst.answers(), log=inst.log)


def sessions(inst, who):
    return json.loads(lsactl(inst, "sessions", "--json", who=who).ok().out)["sessions"]


def people(inst):
    """One who has logged on inside lsaiso, and one who used kinit."""
    inside, plain = users.User(inst), users.User(inst)
    lsactl(inst, "logon", "alice", who=inside, stdin=PASSWORDS["alice"] + "\n").ok()
    plain.kinit("bob").ok()
    for one in (inside, plain):
        one.kvno("host/localhost").ok()
    return inside, plain


def test_01_lock(realm):
    with WatchedInstance(realm, {"respond": {"stability": "lock"}}) as inst:
        inside, plain = people(inst)
        after = inst.watch.last()
        _, old = kill_lsass(inst)
        found = inst.watch.wait("stability-killed", after, part="lsass")
        assert found["response"] == "lock"
        served_again(inst, old)
        proc.wait_until("a locked session",
                        lambda: [s["state"] for s in sessions(inst, inside)] == ["locked"],
                        log=inst.log)
        assert inside.kvno("HTTP/localhost").code != 0
        assert plain.klist().code != 0 and plain.kvno("HTTP/localhost").code != 0
        lsactl(inst, "unlock", who=inside, stdin=PASSWORDS["alice"] + "\n").ok()
        inside.kvno("HTTP/localhost").ok()


def test_02_wipe(realm):
    with WatchedInstance(realm, {"respond": {"stability": "wipe"}}) as inst:
        inside, plain = people(inst)
        keeper, after = inst.pid("lsaiso"), inst.watch.last()
        _, old = kill_lsass(inst)
        found = inst.watch.wait("stability-killed", after, part="lsass")
        assert found["response"] == "wipe"
        proc.wait_until("the end of lsaiso", lambda: not proc.alive(keeper), log=inst.log)
        served_again(inst, old)
        inst.linked()
        for one in (inside, plain):
            assert one.kvno("HTTP/localhost").code != 0
            assert [s for s in sessions(inst, one) if s["state"] == "open"] == []
        lsactl(inst, "logon", "alice", who=inside, stdin=PASSWORDS["alice"] + "\n").ok()
        inside.kvno("HTTP/localhost").ok()
        # Its own wipe is none of what it wipes for.
        assert inst.watch.status()["rows"] and inst.log_has("lsawatch asks to wipe")
        assert [one["rule"] for one in inst.watch.findings(after)
                if one["severity"] in ("high", "critical") and one.get("part")
                and one["row"] != "instances"] == ["stability-killed"]


def test_03_a_look_locks_nobody(realm):
    """What is below HIGH is told, and nothing is done."""
    rows = ("image_path", "parent_process", "instances", "user_account", "resource_usage",
            "network_activity", "stability", "file_integrity", "memory_access",
            "handles_threads")
    with WatchedInstance(realm, {"respond": {row: "wipe" for row in rows}}) as inst:
        inside, _ = people(inst)
        keeper = inst.pid("lsaiso")
        proc.run(["ps", "auxww"]).ok()
        proc.run(["sh", "-c", f"ls -l /proc/{keeper}/fd; cat /proc/{keeper}/maps"])
        # Nor can an ordinary user have it done: what is refused, and a namesake, are told.
        after, nobody = inst.watch.last(), ["setpriv", "--reuid=64378", "--clear-groups"]
        assert proc.run([*nobody, "gdb", "-q", "-batch", "-p", str(keeper)]).code != 99
        fake = inst.folder("fake")
        os.mkdir(fake, 0o755)
        shutil.copy(shutil.which("sleep"), os.path.join(fake, "lsaiso"))
        proc.run([*nobody, os.path.join(fake, "lsaiso"), "1"]).ok()
        told = inst.watch.wait("impostor-name", after, subject_exe=os.path.join(fake, "lsaiso"))
        assert (told["severity"], told["response"]) == ("high", "alert")
        lsactl(inst, "wipe").ok()  # the administrator's own
        proc.wait_until("another lsaiso", lambda: inst.pid("lsaiso") not in (None, keeper),
                        log=inst.log)
        served = inst.pid("lsaiso")
        lsactl(inst, "logon", "alice", who=inside, stdin=PASSWORDS["alice"] + "\n").ok()
        answered = [one for one in inst.watch.findings() if one["response"] != "alert"]
        if any("part" not in one or one["row"] == "instances" for one in answered):
            pytest.skip("somebody else on this machine did what must be answered")
        assert answered == [] and not inst.log_has("lsawatch asks")
        assert instance.named(inst.pids, "lsaiso") == served or inst.level != "process"
