# SPDX-License-Identifier: GPL-3.0-or-later
"""Level hypervisor: everything between a guest's lsass and the host's lsaiso
dies, again and again. A lost link ends no logon; another lsaiso ends them all;
nobody waits for ever; what comes back works.

Always at that level, with a real lsaiso-host, whatever LSAISO_LEVEL says.
"""

import os
import signal
import time

import pytest

from lib import instance, kcm, proc, users
from lib.kcm import Cred, Princ

HANG = 6.0
AWAY = "service is not available"


@pytest.fixture
def mine(realm):
    reason = instance.why_not("hypervisor")
    if reason:
        pytest.skip(reason)
    with instance.Instance(realm, {"isolation": {"level": "hypervisor"}}) as i:
        yield i


@pytest.fixture
def alice(mine):
    somebody = users.User(mine)
    somebody.kinit("alice").ok()
    somebody.kvno("HTTP/localhost").ok()
    return somebody


def boot_id(inst):
    return inst.call("Status")["lsaiso"]["boot_id"]


def restarts(inst):
    return next(p["restarts"] for p in inst.call("Status")["processes"] if p["name"] == "lsaiso")


def kill(inst, pid, linked=True):
    """kill -9; then until the link has been made anew."""
    before = restarts(inst)
    os.kill(pid, signal.SIGKILL)
    if linked:
        proc.wait_until("another link", lambda: restarts(inst) > before, log=inst.log)
        inst.linked()


def public_key(inst):
    """What clients seal to, as lsainit has it for them; None: nothing."""
    path = os.path.join(os.path.dirname(inst.admin), "public-key")
    if not os.path.exists(path):
        return None
    with open(path) as f:
        return f.read().rstrip("\n")


def sessions(inst):
    return inst.call("Status")["lsaiso"]["sessions"]


def test_01_lsaiso_host_dies_and_the_logon_lives(mine, alice):
    boot = boot_id(mine)
    for n in range(3):
        kill(mine, mine.far.pid("lsaiso-host"))
        assert boot_id(mine) == boot
        alice.kvno(f"svc/n{n:03}.test.local").ok()
    assert sessions(mine) == 1
    assert mine.log_has(r"lsalink \(pid \d+\) is gone: .*; logons live on if the host's lsaiso does")


def test_02_lsalink_dies_and_the_logon_lives(mine, alice):
    boot = boot_id(mine)
    for n in range(3):
        kill(mine, mine.pid("lsalink"))
        assert boot_id(mine) == boot
        alice.kvno(f"svc/n{n:03}.test.local").ok()


def test_03_the_guests_lsass_dies_and_the_logon_lives(mine, alice):
    boot, pid = boot_id(mine), mine.pid("lsass")
    os.kill(pid, signal.SIGKILL)
    proc.wait_until("another lsass", lambda: mine.pid("lsass") not in (None, pid) and
                    mine.answers(), log=mine.log)
    assert boot_id(mine) == boot
    alice.kvno("svc/n000.test.local").ok()


def test_04_the_hosts_lsaiso_dies_and_logons_end(mine, alice):
    boot = boot_id(mine)
    kill(mine, mine.far.pid("lsaiso"))
    assert boot_id(mine) != boot
    alice.kvno("svc/n000.test.local").fails("Ticket expired")
    alice.kinit("alice").ok()
    alice.kvno("svc/n000.test.local").ok()


def test_05_the_host_goes_away_and_comes_back(mine, alice):
    """Clear errors meanwhile, said once in the log; sessions are not claimed to live."""
    mine.far.stop()
    proc.wait_until("the link's end", lambda: mine.call("Status")["lsaiso"] is None, log=mine.log)
    assert mine.call("Status")["caches"]["logons"] == 0
    assert public_key(mine) is None
    for _ in range(3):
        said = alice.kvno("svc/n000.test.local", timeout=2 * HANG)
        said.fails(AWAY)
        assert said.seconds < HANG
    alice.klist().ok().says("HTTP/localhost")
    time.sleep(3)
    assert mine.read_log().count("nobody listens there") == 1
    mine.far.start()
    mine.linked()
    assert public_key(mine) == mine.call("Status")["lsaiso"]["public_key"]
    alice.kvno("svc/n000.test.local").fails("Ticket expired")
    alice.kinit("alice").ok()
    alice.kvno("svc/n000.test.local").ok()


def test_06_a_logout_while_the_link_is_down_reaches_lsaiso_later(mine, alice):
    boot = boot_id(mine)
    host, link = mine.far.pid("lsaiso-host"), mine.pid("lsalink")
    assert sessions(mine) == 1
    os.kill(mine.far.daemon.pid, signal.SIGSTOP)  # so that no other one is started
    try:
        os.kill(host, signal.SIGKILL)
        proc.wait_until("the link's end", lambda: mine.pid("lsalink") != link, log=mine.log)
        alice.run("kdestroy", "-A").ok()
    finally:
        os.kill(mine.far.daemon.pid, signal.SIGCONT)
    mine.linked()
    assert boot_id(mine) == boot
    assert sessions(mine) == 0


def test_07_a_new_lsainit_or_a_wipe_ends_what_the_host_holds(mine, alice):
    boot = boot_id(mine)
    mine.daemon.stop()
    mine.start()
    mine.linked()
    assert boot_id(mine) != boot and sessions(mine) == 0
    alice.kinit("alice").ok()
    boot = boot_id(mine)
    proc.run([instance.program("lsactl"), "--config", mine.file, "wipe"]).ok()
    proc.wait_until("another lsaiso", lambda: (mine.call("Status")["lsaiso"] or
                                               {"boot_id": boot})["boot_id"] != boot, log=mine.log)
    assert sessions(mine) == 0


def test_08_a_stopped_host_holds_nobody_for_ever(mine, alice):
    pid = mine.far.pid("lsaiso-host")
    os.kill(pid, signal.SIGSTOP)
    try:
        said = alice.kvno("svc/n000.test.local", timeout=2 * HANG)
        said.fails(AWAY)
        assert said.seconds < HANG
        # lsalink gives the call up later, and says so.
        proc.wait_until("the end of lsalink", lambda: mine.log_has("did not answer a call in time"),
                        log=mine.log)
    finally:
        os.kill(pid, signal.SIGCONT)
    mine.linked()
    alice.kvno("svc/n000.test.local").ok()


def test_09_nothing_is_started_without_the_host(realm):
    inst = instance.Instance(realm, {"isolation": {"level": "hypervisor"}}, start=False)
    try:
        done = proc.run([instance.program("lsainit"), "--config", inst.file])
        done.fails("No such file or directory", "nobody listens there; start lsaiso-host")
        assert done.seconds < HANG
    finally:
        inst.stop()


def test_10_the_pinned_key(realm):
    """A kept root key on the host; the guest believes it and no other."""
    settings = {"isolation": {"level": "hypervisor"}, "seal": {"root": "file"}}
    inst = instance.Instance(realm, settings, start=False)
    try:
        proc.run([instance.program("lsactl"), "--config", inst.far.file, "seal", "enroll"]).ok()
        inst.start()
        assert inst.call("Status")["level"]["host_proven"] is False
        key = inst.call("Status")["lsaiso"]["public_key"]
        assert public_key(inst) == key
        inst.daemon.stop()
        pin = inst.folder.write("pin", key + "\n")
        settings["isolation"]["host_key"] = f"file:{pin}"
        inst.write_config(settings)
        inst.start()
        level = inst.call("Status")["level"]
        assert level["host_proven"] is True
        assert public_key(inst) == key
        assert "host_key" not in str(level["weaker"])
        kill(inst, inst.pid("lsalink"))
        assert inst.call("Status")["level"]["host_proven"] is True
        inst.daemon.stop()
        settings["isolation"]["host_key"] = ("0" if key[0] != "0" else "1") + key[1:]
        inst.write_config(settings)
        done = proc.run([instance.program("lsainit"), "--config", inst.file])
        done.fails("is not believed")
    finally:
        inst.stop()


def test_11_the_status_says_how_the_link_is(mine):
    kill(mine, mine.pid("lsalink"))
    said = proc.run([instance.program("lsactl"), "--config", mine.file, "status"]).ok()
    said.says("Isolation level: hypervisor", f"channel unix:{mine.far.socket}", "connected since",
              "1 reconnections", "its key is not checked", "no [isolation] host_key")


def test_12_tickets_under_way_survive_a_lost_link(mine, alice):
    """lsass keeps what it has; a store while the link is down is refused, not lost later."""
    mine.far.stop()
    now = int(time.time())
    with alice.kcm() as k:
        name = k.default()
        k.store(name, Cred(Princ.of("alice@TEST.LOCAL"), Princ.of("svc/x@TEST.LOCAL"),
                           key=bytes(32), ticket=b"t", times=(now, now, now + 3600, 0)))
        with pytest.raises(kcm.KcmError):
            k.store(name, Cred(Princ.of("alice@TEST.LOCAL"),
                               Princ.of("krbtgt/TEST.LOCAL@TEST.LOCAL"), key=os.urandom(32),
                               ticket=b"t", times=(now, now, now + 3600, 0)))
    mine.far.start()
    mine.linked()
    alice.klist().ok().says("svc/x@TEST.LOCAL")
