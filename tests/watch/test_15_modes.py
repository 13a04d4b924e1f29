# SPDX-License-Identifier: GPL-3.0-or-later
"""Does everything else go on whatever becomes of lsawatch, and is [watch] mode kept?"""

import os
import signal

import pytest

from lib import instance, proc
from lib.instance import lsactl
from lib.watching import WatchedInstance

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


@pytest.mark.usefixtures("need_root")
def test_07_an_ordinary_user_has_one_too(realm):
    """lsainit not as root: it watches what it may, and says what it cannot see."""
    uid = 64377
    with instance.Instance(realm, {"isolation": {"memory": "ordinary"}}, start=False) as inst:
        with open(inst.file, encoding="utf-8") as file:
            text = file.read().replace("mode = off", "mode = required")
        inst.folder.write("lsaiso.conf", text)
        for top, names, files in os.walk(inst.folder.path):
            for path in [top] + [os.path.join(top, n) for n in names + files]:
                os.chown(path, uid, uid)
        log = inst.folder("log")
        daemon = proc.Daemon(["setpriv", f"--reuid={uid}", f"--regid={uid}", "--clear-groups",
                              instance.program("lsainit"), "--config", inst.file], log)
        try:
            proc.wait_until("lsainit", inst.answers, process=daemon.process, log=log)
            done = proc.run([instance.program("lsactl"), "watch", "--json", "--config",
                             inst.file])
            assert done.code in (0, 1), done.text
            assert '"blind"' in done.out
            watch = [pid for pid in proc.descendants(daemon.pid)
                     if instance.named([pid], "lsawatch")]
            assert os.stat(f"/proc/{watch[0]}").st_uid in (uid, 0)  # 0: not dumpable
        finally:
            assert daemon.stop() == 0
