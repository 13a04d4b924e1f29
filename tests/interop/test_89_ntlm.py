# SPDX-License-Identifier: GPL-3.0-or-later
"""lsactl ntlm: are the names that NTLM is answered for those of their user, for as long
as the logon lives, and is a hash that was taken in never seen again?"""

import json
import os
import shutil
import signal

import pytest

from lib import instance, kcm, peers, proc, search, users
from lib.domain import nt_hash
from lib.realm import HOME, PASSWORDS

pytestmark = pytest.mark.usefixtures("need_root")

WORD = PASSWORDS["alice"]
NAME = "CORP\\carol"


@pytest.fixture(scope="module")
def inst(realm):
    realm.kadmin_local(HOME, ['addprinc -pw "o w" ntlmer'])
    with instance.Instance(realm, {"ntlm": {"mode": "audit", "targets": "web *.lab.local"}}) as made:
        yield made


@pytest.fixture
def user(inst):
    return users.User(inst)


def lsactl(inst, *arguments, who=None, stdin=""):
    argv = [instance.program("lsactl"), *arguments, "--config", inst.file]
    return proc.run(who.argv(argv) if who else argv, env=inst.env(), stdin=stdin)


def logon(inst, who, name="alice", word=WORD):
    return lsactl(inst, "logon", name, who=who, stdin=word + "\n").ok()


def add(inst, who, name=NAME, word="c w", *options):
    return lsactl(inst, "ntlm", "add", name, *options, who=who, stdin=word + "\n")


def listed(inst, who=None, *options):
    return json.loads(lsactl(inst, "ntlm", "--json", *options, who=who).ok().out)


def names(inst, who=None, *options):
    """{"DOMAIN\\user": state} of who; of root: everybody's."""
    return {f"{n['domain']}\\{n['user']}": n["state"] for n in listed(inst, who, *options)["names"]}


def sessions(inst, who=None):
    return json.loads(lsactl(inst, "sessions", "--json", who=who).ok().out)["sessions"]


def refused(result, *words):
    assert result.code == 1, result.text
    for word in words:
        assert word in result.err, result.text
    return result


def restart_lsass(inst):
    before = inst.pid("lsass")
    os.kill(before, signal.SIGKILL)
    proc.wait_until("another lsass", lambda: inst.pid("lsass") not in (None, before)
                    and inst.answers(), log=inst.log)


def iso_sessions(inst):
    return inst.call("Status")["lsaiso"]["sessions"]


# ---- what there is

def test_01_a_logon_answers_for_its_name(inst, user):
    assert names(inst, user) == {}
    logon(inst, user)
    (one,) = listed(inst, user)["names"]
    assert (one["domain"], one["user"], one["source"], one["state"], one["uid"]) == (
        "TEST", "alice", "logon", "ready", user.uid)
    (session,) = sessions(inst, user)
    assert one["session"] == f"{session['session']}.{session['generation']}"
    lsactl(inst, "ntlm", who=user).ok().says("TEST\\alice", "logon", "ready", one["session"])


def test_02_a_name_is_added_and_removed(inst, user):
    before = iso_sessions(inst)
    add(inst, user).ok().says(NAME, "only a server says")
    (one,) = listed(inst, user)["names"]
    assert (one["domain"], one["user"], one["source"], one["state"]) == (
        "CORP", "carol", "added", "ready")
    (session,) = sessions(inst, user)
    assert (session["kind"], session["principal"], session["caches"], session["ntlm"]) == (
        "ntlm", NAME, [], True)
    assert user.klist().code == 1  # no cache comes of it
    lsactl(inst, "ntlm", "remove", "corp\\CAROL", who=user).ok().says("removed")
    assert names(inst, user) == {} and sessions(inst, user) == []
    assert iso_sessions(inst) == before
    refused(lsactl(inst, "ntlm", "remove", NAME, who=user), "nothing was added of that name")


def test_03_the_same_name_again_takes_the_place_of_the_first(inst, user):
    add(inst, user).ok()
    (before,) = sessions(inst, user)
    add(inst, user, "corp\\Carol", "another").ok()
    (after,) = sessions(inst, user)
    assert (after["session"], after["generation"]) != (before["session"], before["generation"])
    assert names(inst, user) == {"corp\\Carol": "ready"}


def test_04_one_user_has_so_many_names(inst, user):
    for i in range(16):
        add(inst, user, f"CORP\\u{i}").ok()
    refused(add(inst, user, "CORP\\u16"), "16 names", "ntlm remove")
    add(inst, user, "CORP\\u3").ok()  # one of them
    add(inst, users.User(inst), "CORP\\u16").ok()
    lsactl(inst, "logoff", "--all", who=user).ok().says("16 sessions ended")
    assert names(inst, user) == {}


def test_05_letters_of_any_language(inst, user):
    add(inst, user, "CORP\\Zo\u00eb").ok()
    assert names(inst, user) == {"CORP\\Zo\u00eb": "ready"}
    lsactl(inst, "ntlm", "remove", "corp\\ZO\u00cb", who=user).ok()


# ---- whose

def test_10_others_see_and_change_nothing(inst, user):
    add(inst, user).ok()
    other = users.User(inst)
    assert names(inst, other) == {}
    refused(lsactl(inst, "ntlm", "--uid", str(user.uid), who=other), "only root")
    refused(lsactl(inst, "ntlm", "remove", NAME, who=other), "nothing was added")
    refused(lsactl(inst, "ntlm", "remove", NAME, "--uid", str(user.uid), who=other), "only root")
    refused(lsactl(inst, "ntlm", "uses", "--uid", str(user.uid), who=other), "only root")
    refused(add(inst, other, NAME, "x", "--uid", str(user.uid)), "only root")
    assert names(inst, user) == {NAME: "ready"}
    # root looks, and may take away
    assert names(inst, None, "--uid", str(user.uid)) == {NAME: "ready"}
    assert names(inst)[NAME] == "ready"
    lsactl(inst, "ntlm", "remove", NAME, "--uid", str(user.uid)).ok()
    assert names(inst, user) == {}


def test_11_root_adds_for_another(inst, user):
    add(inst, None, NAME, "x", "--uid", str(user.uid)).ok()
    (session,) = sessions(inst, user)
    assert session["uid"] == user.uid


# ---- as long as the logon lives

@pytest.mark.parametrize("make", [logon, lambda inst, who: add(inst, who, NAME, WORD).ok()],
                         ids=["logon", "added"])
def test_20_locked_and_unlocked(inst, user, make):
    make(inst, user)
    (name,) = names(inst, user)
    lsactl(inst, "lock", who=user).ok()
    assert names(inst, user) == {name: "locked"}
    refused(lsactl(inst, "unlock", who=user, stdin="wrong\n"), "not the password")
    assert names(inst, user) == {name: "locked"}
    lsactl(inst, "unlock", who=user, stdin=WORD + "\n").ok()
    assert names(inst, user) == {name: "ready"}


@pytest.mark.parametrize("make", [logon, lambda inst, who: add(inst, who).ok()],
                         ids=["logon", "added"])
def test_21_logoff_ends_it(inst, user, make):
    make(inst, user)
    lsactl(inst, "logoff", who=user).ok()
    assert names(inst, user) == {}
    restart_lsass(inst)
    assert names(inst, user) == {}


def test_22_a_restart_of_lsass_loses_none(inst, user):
    logon(inst, user)
    add(inst, user).ok()
    add(inst, user, "CORP\\locked", WORD).ok()
    locked, = (n["session"] for n in listed(inst, user)["names"] if n["user"] == "locked")
    lsactl(inst, "lock", locked, who=user).ok()
    before, open_before = listed(inst, user)["names"], iso_sessions(inst)
    restart_lsass(inst)
    assert sorted(n["session"] for n in listed(inst, user)["names"]) == sorted(
        n["session"] for n in before)
    assert names(inst, user) == {"TEST\\alice": "ready", NAME: "ready", "CORP\\locked": "locked"}
    restart_lsass(inst)  # a journal that was read is one that can be read again
    assert iso_sessions(inst) == open_before
    lsactl(inst, "unlock", locked, who=user, stdin=WORD + "\n").ok()
    assert set(names(inst, user).values()) == {"ready"}
    assert {s["kind"] for s in sessions(inst, user)} == {"inside", "ntlm"}
    lsactl(inst, "logoff", "--all", who=user).ok()
    restart_lsass(inst)
    assert names(inst, user) == {} and iso_sessions(inst) == open_before - 3


def test_23_a_copy_of_the_state_folder_is_worth_nothing_afterwards(inst, user):
    add(inst, user).ok()
    name = f"uid-{user.uid}.journal"
    copy = shutil.copy2(os.path.join(inst.state, name), inst.folder("copy"))
    lsactl(inst, "ntlm", "remove", NAME, who=user).ok()
    assert not os.path.exists(os.path.join(inst.state, name))
    shutil.copy2(copy, os.path.join(inst.state, name))
    os.chown(os.path.join(inst.state, name), instance.LSASS_UID, instance.LSASS_UID)
    restart_lsass(inst)
    assert names(inst, user) == {}


def test_24_lsaiso_gone_all_gone(realm):
    with instance.Instance(realm, {"ntlm": {"mode": "on"}}) as alone:
        who = users.User(alone)
        add(alone, who).ok()
        before = alone.pid("lsaiso")
        os.kill(before, signal.SIGKILL)
        proc.wait_until("another lsaiso", lambda: alone.pid("lsaiso") not in (None, before)
                        and alone.call("Status")["lsaiso"], log=alone.log)
        assert names(alone, who) == {}
        add(alone, who).ok()
        assert names(alone, who) == {NAME: "ready"}


# ---- another password

def test_30_a_change_of_password_ends_what_was_made_of_the_old_one(inst, user):
    logon(inst, user, "ntlmer", "o w")
    add(inst, user, "TEST\\ntlmer", "o w").ok()
    add(inst, user).ok()
    assert len(listed(inst, user)["names"]) == 3
    lsactl(inst, "passwd", "ntlmer", who=user, stdin="o w\nn w\n").ok()
    assert names(inst, user) == {"TEST\\ntlmer": "password changed", NAME: "ready"}
    assert sorted(s["kind"] for s in sessions(inst, user)) == ["inside", "ntlm"]
    restart_lsass(inst)
    assert names(inst, user) == {"TEST\\ntlmer": "password changed", NAME: "ready"}
    user.kvno("HTTP/localhost").ok()  # the logon goes on
    logon(inst, user, "ntlmer", "n w")
    assert names(inst, user)["TEST\\ntlmer"] == "ready"


# ---- what a Heimdal client stores

def entry(domain, secret, user="alice"):
    return kcm.config_cred(f"{user}@{HOME}", f"ntlm-key-{domain}", secret)


@pytest.mark.usefixtures("need_heimdal")
def test_40_heimdal_kinit(inst, realm):
    root = users.User(inst, uid=os.geteuid())
    path = realm.folder("word-ntlm")
    with open(path, "w", encoding="utf-8") as f:
        f.write(WORD + "\n")
    try:
        root.run(*peers.heimdal_client("kinit", f"--password-file={path}", "--ntlm-domain=MINE",
                                       "alice", kcm=inst)).ok()
        (one,) = listed(inst, None, "--uid", "0")["names"]
        assert (one["domain"], one["user"], one["source"], one["state"]) == (
            "MINE", "alice", "heimdal", "ready")
        lsactl(inst, "ntlm", "remove", "MINE\\alice").ok()
        assert names(inst, None, "--uid", "0") == {}
        root.klist().ok()  # the ticket stays
    finally:
        root.run("kdestroy", "-A")


# ---- modes, usage

def test_50_off(realm):
    with instance.Instance(realm) as alone:
        who = users.User(alone)
        logon(alone, who)
        assert names(alone, who) == {}
        refused(add(alone, who), "switched off", "[ntlm]")
        assert len(sessions(alone, who)) == 1
        lsactl(alone, "ntlm", who=who).ok().says("switched off")
        assert alone.call("Status")["ntlm"]["mode"] == "off"


def test_51_status(inst, user):
    add(inst, user).ok()
    is_ = inst.call("Status")["ntlm"]
    assert (is_["mode"], is_["domain"], is_["targets"]) == ("audit", "TEST", 2)
    assert is_["hashes"] >= 1
    lsactl(inst, "status").ok().says("NTLM:")
    assert listed(inst, user)["targets"] == ["web", "*.lab.local"]


def test_52_the_domain_of_the_configuration(realm):
    with instance.Instance(realm, {"ntlm": {"mode": "on", "domain": "ELSE"}}) as alone:
        who = users.User(alone)
        logon(alone, who)
        assert names(alone, who) == {"ELSE\\alice": "ready"}


def test_53_a_list_that_is_none_stops_the_start(realm):
    with instance.Instance(realm, {"ntlm": {"targets": "http://web"}}, start=False) as alone:
        result = proc.run([instance.program("lsainit"), "--config", alone.file])
        assert result.code != 0
        assert "http://web is no name of a server" in result.text, result.text


def test_54_wrong_usage(inst, user):
    for arguments in (["frobnicate"], ["add"], ["add", "carol"], ["add", "\\carol"],
                      ["add", "CORP\\"], ["add", "A\\B\\C"], ["remove"], ["list", "x"],
                      ["uses", "x"]):
        result = lsactl(inst, "ntlm", *arguments, who=user)
        assert result.code == 2 and "lsactl help ntlm" in result.err, (arguments, result.text)
    refused(lsactl(inst, "ntlm", "add", NAME, who=user, stdin=""), "no password was given")


def test_55_uses_are_empty_at_first(realm):
    with instance.Instance(realm, {"ntlm": {"mode": "on"}}) as alone:
        lsactl(alone, "ntlm", "uses").ok().says("Nobody has used NTLM")
        assert json.loads(lsactl(alone, "ntlm", "uses", "--json").ok().out)["uses"] == []


# ---- secrets

def test_60_the_password_is_nowhere(inst, user):
    word = "Nt" + os.urandom(12).hex()
    add(inst, user, "CORP\\secret", word).ok()
    for secret in (word.encode(), word.encode("utf-16-le"), nt_hash(word)):
        found = search.search_memory(secret, [p for p in inst.pids if p != inst.pid("lsaiso")])
        assert not found.found, found
    assert word not in inst.read_log()
