# SPDX-License-Identifier: GPL-3.0-or-later
"""Does a whole instance keep to itself, start only as configured, and end
without a trace? (lsainit's own tests have the details.)"""

import os
import time

import pytest

from lib import instance, kcm, proc, users

ALICE = kcm.Princ.of("alice@TEST.LOCAL")


def refused(realm, settings, *words):
    """An instance with these settings does not start, and says why."""
    inst = instance.Instance(realm, start=False)
    try:
        path = inst.write_config(settings)
        done = proc.run([instance.program("lsainit"), "--config", path], timeout=20)
        done.fails(*words)
        assert not proc.socket_answers(inst.socket)
    finally:
        inst.stop()


@pytest.mark.parametrize("level", ["vm", "hypervisor", "none", ""])
def test_01_a_level_that_cannot_be_had_does_not_start(realm, level):
    if level == "vm" and instance.why_not("vm") is None:
        pytest.skip("this machine has /dev/kvm")
    refused(realm, {"isolation": {"level": level}},
            "[isolation] channel" if level == "hypervisor" else "level")


def test_02_an_unknown_key_is_an_error_with_its_line(realm):
    refused(realm, {"kcm": {"sockett": "/nowhere"}}, "lsaiso.conf:", "sockett")


def test_03_two_instances_know_nothing_of_each_other(realm):
    with instance.Instance(realm) as one, instance.Instance(realm) as other:
        here, there = users.User(one), users.User(other)
        there.uid = here.uid
        here.kinit("alice").ok()
        there.klist().fails("not found")
        # A cache copied from one to the other is dead there.
        with one.kcm(uid=here.uid) as a, other.kcm(uid=here.uid) as b:
            name = a.default()
            b.replace("copy", a.principal(name), a.cred_list(name))
        there.kvno("-c", "KCM:copy", "HTTP/localhost").fails()
        here.kvno("HTTP/localhost").ok()


def test_04_after_a_clean_restart_logons_are_gone_and_nobody_is_locked_out(realm):
    inst = instance.Instance(realm)
    try:
        somebody = users.User(inst)
        somebody.kinit("alice").ok()
        inst.daemon.stop()
        proc.wait_until("the end of all", lambda: not proc.socket_answers(inst.socket))
        somebody.klist().fails()
        inst.start()
        somebody.klist("-s").fails()
        somebody.kinit("alice").ok()
        somebody.kvno("HTTP/localhost").ok()
    finally:
        inst.stop()


def test_05_it_serves_soon_after_its_start(realm):
    inst = instance.Instance(realm, start=False)
    try:
        started = time.monotonic()
        inst.start()
        assert time.monotonic() - started < 5 * proc.SLOW
    finally:
        inst.stop()


@pytest.mark.levels("process", "vm", why="lsaiso-host lets in root and the user of the monitor")
def test_06_as_an_ordinary_user_it_works_and_status_says_what_is_missing(realm, need_root):
    """Everything by one uid: lsainit, the user, and so what lsaiso can be."""
    uid = users.fresh_uid()
    groups = ["--clear-groups"]
    if instance.level() == "vm":
        device = os.stat("/dev/kvm")
        if device.st_mode & 0o060 != 0o060:
            pytest.skip("no group may use /dev/kvm here")
        groups = [f"--groups={device.st_gid}"]
    inst = instance.Instance(realm, start=False)
    try:
        for name in ("run", "state", "kcm"):
            os.chown(inst.folder(name), uid, uid)
        settings = {"run": {"lsaiso_user": "lsaiso", "lsass_user": "lsass"}}
        path = inst.write_config(settings)
        inst.log = inst.folder("log")
        inst.daemon = proc.Daemon(
            ["setpriv", f"--reuid={uid}", f"--regid={uid}", *groups, "--inh-caps=-all",
             instance.program("lsainit"), "--config", path], inst.log)
        proc.wait_until("lsainit", inst.answers, process=inst.daemon.process, log=inst.log)
        somebody = users.User(inst, uid=uid)
        somebody.kinit("alice").ok()
        somebody.kvno("HTTP/localhost").ok()
        with users.effective(uid):
            level = inst.call("Status")["level"]
        assert not level["separate_users"]
    finally:
        inst.stop()


def test_07_state_keep_no_leaves_nothing_but_the_use_log(realm):
    with instance.Instance(realm, {"state": {"keep": "no"}}) as inst:
        somebody = users.User(inst)
        somebody.kinit("alice").ok()
        somebody.kvno("HTTP/localhost").ok()
        kept = [os.path.relpath(os.path.join(folder, n), inst.state)
                for folder, _, names in os.walk(inst.state) for n in names]
        assert [path for path in kept if not path.startswith("audit/")] == []


def test_09_a_slow_kdc_of_one_realm_stalls_nobody_else(realm):
    """OTHER.LOCAL's KDC takes the request and never answers."""
    import socket
    with socket.socket(type=socket.SOCK_DGRAM) as udp, socket.socket() as tcp:
        port = proc.free_port()
        udp.bind(("127.0.0.1", port))
        tcp.bind(("127.0.0.1", port))
        tcp.listen(64)
        with instance.Instance(realm, kdc={"TEST.LOCAL": realm.kdc["TEST.LOCAL"],
                                           "OTHER.LOCAL": port}) as inst:
            stuck = users.User(inst)
            stuck.kinit("alice").ok()
            waiting = []
            try:
                for n in range(10):
                    k = stuck.kcm(timeout=1)
                    k.send(kcm.RETRIEVE, kcm.text(k.default()) + kcm.NORMAL.to_bytes(4, "big")
                           + kcm.match(server=kcm.Princ.of(f"x/n{n}.other.local@OTHER.LOCAL")))
                    waiting.append(k)
                time.sleep(0.5)
                other = users.User(inst)
                other.kinit("bob").ok()
                done = other.kvno("HTTP/localhost", "ldap/localhost").ok()
                assert done.seconds < 3 * proc.SLOW, f"{done.seconds:.1f} s"
            finally:
                for k in waiting:
                    k.close()


def test_10_without_any_kdc_the_error_says_so(realm):
    nowhere = {"TEST.LOCAL": realm.kdc["TEST.LOCAL"], "OTHER.LOCAL": proc.free_port()}
    with instance.Instance(realm, kdc=nowhere) as inst:
        somebody = users.User(inst)
        somebody.kinit("alice").ok()
        done = somebody.kvno("HTTP/web.other.local@OTHER.LOCAL")
        done.fails("Cannot contact any KDC")
        assert done.seconds < 20 * proc.SLOW


def test_11_the_kcm_socket_is_for_everybody_the_admin_socket_is_not_writable_state(lsaiso):
    assert os.stat(lsaiso.socket).st_mode & 0o666 == 0o666
    assert os.stat(lsaiso.state).st_mode & 0o077 == 0
