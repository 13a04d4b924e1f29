# SPDX-License-Identifier: GPL-3.0-or-later
"""Does the administrator's tool tell the truth of an instance in use, to
those who may know it, and nothing that is worth stealing?"""

import contextlib
import json
import os
import socket

import pytest

from lib import instance, proc, users
from lib.instance import lsactl

pytestmark = pytest.mark.usefixtures("need_root")


@pytest.fixture(scope="module")
def inst(realm):
    with instance.Instance(realm) as made:
        yield made


@pytest.fixture(scope="module")
def alice(inst):
    who = users.User(inst)
    who.kinit("alice").ok()
    who.kvno("HTTP/localhost", "ldap/localhost").ok()
    return who


@pytest.fixture(scope="module")
def bob(inst):
    who = users.User(inst)
    who.kinit("bob").ok()
    return who


def as_json(inst, *arguments, who=None):
    return json.loads(lsactl(inst, *arguments, "--json", who=who).ok().out)


def test_01_status_names_the_processes_and_what_the_level_lacks(inst, alice):
    status = lsactl(inst, "status").ok()
    status.says(f"Isolation level: {inst.level}", "does not give", "as their user"
                if inst.level == "hypervisor" else "ptrace")
    processes = {p["name"]: p["pid"] for p in as_json(inst, "status")["processes"]}
    ours = "lsalink" if inst.level == "hypervisor" else "lsaiso"
    watch = {"lsawatch": inst.pid("lsawatch")} if inst.pid("lsawatch") else {}
    assert processes == {"lsainit": inst.pid("lsainit"), "lsaiso": inst.pid(ours),
                         "lsass": inst.pid("lsass"), **watch}


def test_02_status_counts_what_happened(inst, alice):
    before = as_json(inst, "status")
    alice.kvno("imap/localhost").ok()
    after = as_json(inst, "status")
    assert after["lsaiso"]["sealed"] == before["lsaiso"]["sealed"] + 1
    assert after["lsaiso"]["released"] == before["lsaiso"]["released"] + 1
    assert after["tgs"]["exchanged"] == before["tgs"]["exchanged"] + 1


def test_03_root_sees_everybodys_sessions_a_user_only_his_own(inst, alice, bob):
    seen = {s["principal"] for s in as_json(inst, "sessions")["sessions"]}
    assert seen == {"alice@TEST.LOCAL", "bob@TEST.LOCAL"}
    own = as_json(inst, "sessions", who=bob)["sessions"]
    assert [s["uid"] for s in own] == [bob.uid]
    assert own[0]["state"] == "open" and own[0]["caches"] == ["0"]


def test_04_a_session_counts_its_uses(inst, bob):
    def uses():
        return as_json(inst, "sessions", who=bob)["sessions"][0]["uses"]
    before = uses()
    bob.kvno("HTTP/localhost").ok()
    assert uses() == before + 1


def test_05_caches_and_show_tell_where_each_key_is(inst, alice):
    lsactl(inst, "caches", who=alice).ok().says("alice@TEST.LOCAL")
    shown = lsactl(inst, "show", who=alice).ok()
    lines = {line.split()[4]: line for line in shown.out.splitlines() if "aes256" in line}
    assert "sealed" in lines["krbtgt/TEST.LOCAL@TEST.LOCAL"]
    assert "client" in lines["HTTP/localhost@TEST.LOCAL"]


def test_06_nothing_it_prints_holds_a_key_or_a_stand_in(inst, alice):
    with users.effective(alice.uid):
        k = inst.kcm()
    with k:
        keys = [c.key.hex() for c in k.cred_list(k.default()) if len(c.key) >= 16]
    assert len(keys) >= 2
    for command in (["status"], ["sessions"], ["caches"], ["show"]):
        for more in ([], ["--json"]):
            said = lsactl(inst, *command, *more, who=alice).ok().text.lower()
            assert not [key for key in keys if key in said or key[:16] in said]


def test_07_another_users_cache_is_not_shown_and_not_destroyed(inst, alice, bob):
    for command in ("show", "destroy"):
        lsactl(inst, command, "0", "--uid", str(alice.uid), who=bob).fails("lsactl:")
    alice.run("klist", "-s").ok()


def test_08_plain_text_in_a_pipe(inst, alice):
    for command in ("status", "sessions", "caches", "doctor"):
        assert "\x1b" not in lsactl(inst, command).text


def test_09_errors_say_what_is_wrong(inst, alice):
    assert lsactl(inst, "show", "nosuch", who=alice).fails("no").code == 1
    assert lsactl(inst, "frobnicate").fails("frobnicate").code == 2
    assert lsactl(inst, "destroy").fails("name").code == 2
    gone = proc.run([instance.program("lsactl"), "status", "--socket", "/nonexistent/socket"],
                    env=inst.env())
    assert gone.fails("/nonexistent/socket").code == 1


def test_10_doctor_knows_this_instance(inst):
    said = lsactl(inst, "doctor")
    said.says("memfd_secret", "kcm_socket")
    checks = json.loads(lsactl(inst, "doctor", "--json").out)
    assert {c["name"]: c["health"] for c in checks}["memfd_secret"] == "ok"
    assert all(c["advice"] for c in checks if c["health"] in ("weak", "missing"))


def test_11_root_destroys_a_users_cache_and_its_session_ends(inst):
    carol = users.User(inst)
    carol.kinit("bob").ok()
    lsactl(inst, "destroy", "0", "--uid", str(carol.uid)).ok()
    carol.run("klist", "-s").fails()
    assert as_json(inst, "sessions", who=carol)["sessions"] == []


@pytest.mark.parametrize("rubbish", [
    b"\0", b"{}\0", b"[]\0", b"\xff\xfe\0", b'{"method": 7}\0', b'{"method": "no.such"}\0',
    b'{"method": "org.lsaiso.ShowCache", "parameters": {"name": 7, "uid": "x"}}\0',
    b'{"method": "org.lsaiso.ShowCache", "parameters": {"name": "0", "uid": -1}}\0',
    b"{" * 100000, b"[" * 5000 + b"\0", os.urandom(70000)])
def test_12_rubbish_on_the_admin_socket_harms_nobody(inst, alice, rubbish):
    with socket.socket(socket.AF_UNIX) as s:
        s.settimeout(10 * proc.SLOW)
        s.connect(inst.admin)
        with contextlib.suppress(BrokenPipeError, ConnectionResetError):
            s.sendall(rubbish)
            s.shutdown(socket.SHUT_WR)
            while s.recv(65536):
                pass
    as_json(inst, "status")


def test_13_silent_clients_of_the_admin_socket_shut_nobody_out(inst, bob):
    """Another user's: the limit is per user."""
    held = []
    try:
        with users.effective(bob.uid):
            for _ in range(200):
                s = socket.socket(socket.AF_UNIX)
                s.settimeout(5 * proc.SLOW)
                held.append(s)
                s.connect(inst.admin)
        as_json(inst, "status")
    finally:
        for s in held:
            s.close()


def test_13_nobody_but_root_may_wipe(inst, alice):
    lsactl(inst, "wipe", who=alice).fails("only root may wipe")
    alice.run("klist", "-s").ok()


def test_14_wipe_ends_everything_and_the_service_goes_on(inst, alice, bob):
    alice.kinit("alice").ok()
    before = as_json(inst, "status")
    pid = inst.pid("lsaiso")
    lsactl(inst, "wipe").ok().says("logons ended", "caches destroyed")
    # The keys are gone at once; a new lsaiso takes its time where machines are slow.
    proc.wait_until("the new lsaiso", lambda: lsactl(inst, "status").code == 0, log=inst.log)
    after = as_json(inst, "status")
    assert inst.pid("lsaiso") not in (None, pid)
    assert after["lsaiso"]["boot_id"] != before["lsaiso"]["boot_id"]
    assert after["caches"]["caches"] == 0 and after["lsaiso"]["sessions"] == 0
    assert as_json(inst, "sessions")["sessions"] == []
    alice.run("klist", "-s").fails()
    bob.kvno("HTTP/localhost").fails()
    alice.kinit("alice").ok()
    alice.kvno("HTTP/localhost").ok()
    assert inst.log_has("wipe, asked for by uid 0") and not inst.log_has("somebody killed it")
