# SPDX-License-Identifier: GPL-3.0-or-later
"""Does everything else go on whatever becomes of lsawatch, and is [watch] mode kept?"""

import os
import signal
import time

import pytest

from lib import instance, proc
from lib.instance import lsactl
from lib.watching import Watch, WatchedInstance

NOBODY = {"run": {"lsawatch_user": "no-such-user-of-lsawatch"}}


def killed(inst):
    """kill -9 of lsawatch; returns once another answers."""
    before = inst.pid("lsawatch")
    os.kill(before, signal.SIGKILL)
    proc.wait_until("another lsawatch", lambda: inst.pid("lsawatch") not in (None, before),
                    log=inst.log)
    inst.watch.status()


def test_01_it_is_started_again_and_says_so(realm):
    with WatchedInstance(realm) as inst:
        others = inst.pid("lsaiso"), inst.pid("lsass")
        killed(inst)
        inst.watch.wait("stability-watch", 0)
        assert (inst.pid("lsaiso"), inst.pid("lsass")) == others and inst.answers()
        assert inst.log_has(r"lsawatch \(pid \d+\) is gone: .*signal 9")


def test_02_it_may_die_again_and_again(realm):
    with WatchedInstance(realm) as inst:
        others = inst.pid("lsaiso"), inst.pid("lsass")
        for _ in range(4):
            killed(inst)
            assert inst.answers()
        assert (inst.pid("lsaiso"), inst.pid("lsass")) == others
    # Instance.stop() has seen that it ends in order and leaves nothing behind.


def test_03_off_is_off(realm):
    with instance.Instance(realm, {"watch": {"mode": "off"}}) as inst:
        assert inst.pid("lsawatch") is None
        assert not os.path.exists(inst.folder("run", "watch.sock"))
        done = lsactl(inst, "watch")
        assert done.code == 3 and "lsactl doctor" in done.text


@pytest.mark.usefixtures("need_root")
def test_04_auto_goes_on_without(realm):
    with instance.Instance(realm, {"watch": {"mode": "auto"}, **NOBODY}) as inst:
        assert inst.answers() and inst.pid("lsawatch") is None
        assert inst.log_has("warning: no lsawatch: there is no user .*systemd-sysusers")


@pytest.mark.usefixtures("need_root")
def test_05_required_does_not(realm):
    with instance.Instance(realm, {"watch": {"mode": "required"}, **NOBODY},
                           start=False) as inst:
        done = proc.run([instance.program("lsainit"), "--config", inst.file])
        assert done.code == 1 and "[watch] mode = required" in done.text
        check = proc.run([instance.program("lsainit"), "--check", "--config", inst.file])
        assert check.code == 1 and "would not start" in check.text


@pytest.mark.usefixtures("need_root")
@pytest.mark.parametrize("user", ["root", instance.LSAISO_UID, instance.LSASS_UID])
def test_06_its_user_is_its_own(realm, user):
    with instance.Instance(realm, {"run": {"lsawatch_user": user}, "watch": {"mode": "auto"}},
                           start=False) as inst:
        done = proc.run([instance.program("lsainit"), "--config", inst.file])
        assert done.code == 1 and "a user of its own" in done.text


class OfOrdinaryUser:
    """An instance whose lsainit is not root, with a lsawatch."""

    UID = 64377

    def __init__(self, realm):
        self.inst = instance.Instance(realm, {"isolation": {"memory": "ordinary"}}, start=False)
        with open(self.inst.file, encoding="utf-8") as file:
            text = file.read().replace("mode = off", "mode = required")
        self.inst.folder.write("lsaiso.conf", text)
        for top, names, files in os.walk(self.inst.folder.path):
            for path in [top] + [os.path.join(top, n) for n in names + files]:
                os.chown(path, self.UID, self.UID)
        log = self.inst.folder("log")
        self.daemon = proc.Daemon(["setpriv", f"--reuid={self.UID}", f"--regid={self.UID}",
                                   "--clear-groups", instance.program("lsainit"), "--config",
                                   self.inst.file], log)
        self.watch = Watch(self.inst.folder("run", "watch.sock"))
        try:
            proc.wait_until("lsainit", self.inst.answers, process=self.daemon.process, log=log)
            self.watch.status()
        except BaseException:
            self.__exit__()
            raise

    def __enter__(self):
        return self

    def __exit__(self, *_):
        code = self.daemon.stop()
        self.inst.stop()
        assert code == 0

    def pid(self, name):
        return instance.named([self.daemon.pid, *proc.descendants(self.daemon.pid)], name)


@pytest.fixture(scope="module")
def ordinary(realm, need_root):
    with OfOrdinaryUser(realm) as made:
        yield made


OF_ROOT = pytest.mark.levels("process", why="machines and a far lsaiso are root's to make")


@OF_ROOT
def test_07_an_ordinary_user_has_one_too(ordinary):
    """lsainit not as root: it watches what it may."""
    done = proc.run([instance.program("lsactl"), "watch", "--json", "--config",
                     ordinary.inst.file])
    assert done.code in (0, 1), done.text
    assert os.stat(f"/proc/{ordinary.pid('lsawatch')}").st_uid in (ordinary.UID, 0)  # 0: not dumpable


@OF_ROOT
def test_08_it_says_what_it_cannot_see(ordinary):
    """The files and namespaces of processes that may not be looked into, even of its own."""
    time.sleep(3)  # it has looked
    status = ordinary.watch.status()
    for rule in ("user-namespace", "network-socket", "handles-extra",
                 "handles-executable", "memory-read", "memory-refused"):
        assert rule in status["blind"], rule
    verdicts = {one["name"]: one["verdict"] for one in status["rows"]}
    # What there is to see of the others it does see.
    for row in ("network_activity", "handles_threads"):
        assert verdicts[row] == "blind", (row, verdicts)
    blind = {one["name"]: one["blind"] for one in status["rows"]}
    # What another program is shows at its start, where events of that can be had.
    told = any("EXEC" in one["shows"] for one in status["sensors"])
    assert blind["image_path"] == ([] if told else ["path-foreign"])
    assert "memory-read" in blind["memory_access"]
    assert "an ordinary user sees neither the program" in next(
        one["why"] for one in status["sensors"] if one["name"] == "sweep")


@OF_ROOT
def test_09_those_of_root_are_no_impostors(ordinary, realm):
    with WatchedInstance(realm) as of_root:
        pids = [of_root.daemon.pid, *proc.descendants(of_root.daemon.pid)]
        ordinary.watch.wait("instances-other", 0, seconds=6)
        time.sleep(3)
        assert [one for one in ordinary.watch.findings() if one["severity"] != "info" and
                (one.get("actor", {}).get("pid") in pids or one.get("subject_pid") in pids)] == []
        assert [one for one in ordinary.watch.alarms() if one["row"] != "instances"] == []
