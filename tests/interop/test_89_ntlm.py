# SPDX-License-Identifier: GPL-3.0-or-later
"""lsactl ntlm: are the names that NTLM is answered for those of their user, for as long
as the logon lives, and is a hash that was taken in never seen again?"""

import contextlib
import json
import os
import shutil
import signal
import struct

import pytest

from lib import instance, kcm, peers, proc, search, users, winbind
from lib.domain import nt_hash
from lib.instance import lsactl
from lib.realm import HOME, PASSWORDS

pytestmark = pytest.mark.usefixtures("need_root")

WORD = PASSWORDS["alice"]
NAME = "CORP\\carol"


@contextlib.contextmanager
def piped(realm, logon=None, **ntlm):
    """An instance with the pipe of winbindd, which programs ask for NTLM."""
    folder = proc.Folder("pipe")
    try:
        with instance.Instance(realm, {"ntlm": ntlm, "logon": logon or {}, "winbind": {
                "socket": folder("w", "pipe"), "interface": "32"}}) as made:
            made.pipe = folder("w", "pipe")
            yield made
    finally:
        folder.remove()


@pytest.fixture(scope="module")
def inst(realm):
    realm.kadmin_local(HOME, ['addprinc -pw "o w" ntlmer', 'addprinc -pw "o w" another'])
    with piped(realm, mode="audit", targets="web *.lab.local") as made:
        yield made


@pytest.fixture
def user(inst):
    return users.User(inst)


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


# ---- programs

def challenge(server, flags=0xe28a8233):
    """A CHALLENGE_MESSAGE (MS-NLMP 2.2.1.2) of that server, by its name of DNS."""
    pairs = b"".join(struct.pack("<HH", i, 2 * len(t)) + t.encode("utf-16-le")
                     for i, t in ((2, "DOM"), (1, "NB"), (3, server))) + bytes(4)
    return (b"NTLMSSP\0" + struct.pack("<IHHII", 2, 0, 0, 56, flags) + os.urandom(8) + bytes(8)
            + struct.pack("<HHI", len(pairs), len(pairs), 56) + b"\6\1\0\0\0\0\0\17" + pairs)


def speak(inst, who, name, server="web", uid=None):
    """What a program of who's is answered that speaks to that server as name; None: nothing."""
    with winbind.pipe(inst.pipe, uid=who.uid) as pipe:
        got = pipe.ccache(name, challenge=challenge(server), uid=uid)
        return got.message if got.ok else None


def has(inst, who, name):
    with winbind.pipe(inst.pipe, uid=who.uid) as pipe:
        return pipe.ccache(name).ok


def uses(inst, who=None, *options):
    return json.loads(lsactl(inst, "ntlm", "uses", "--json", *options, who=who).ok().out)["uses"]


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


def test_25_without_a_kdc(realm):
    with piped(realm, {"offline": "yes", "verify_kdc": "off"}, mode="on") as alone:
        who, name = users.User(alone), "TEST\\alice"
        logon(alone, who)
        lsactl(alone, "logoff", who=who).ok()
        realm.write_config(os.path.basename(alone.config), kcm_socket=alone.socket,
                           kdc={n: proc.free_port() for n in realm.kdc})
        # Soon after its start lsaiso lets nobody try.
        proc.wait_until("a logon without a KDC", lambda: lsactl(
            alone, "logon", "alice", who=who, stdin=WORD + "\n").code == 0, seconds=30)
        (session,) = sessions(alone, who)
        assert session["caches"] == [] and speak(alone, who, name)
        restart_lsass(alone)
        assert sessions(alone, who)[0]["session"] == session["session"]
        assert speak(alone, who, name)
        lsactl(alone, "logoff", who=who).ok()
        assert speak(alone, who, name) is None and iso_sessions(alone) == 0


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


def health(inst):
    said = json.loads(lsactl(inst, "doctor", "--json").out)
    return {f["name"]: (f["health"], f["found"]) for f in said}["NTLM servers"]


@pytest.mark.parametrize("settings, how, words", [
    ({"mode": "off"}, "ok", "off"),
    ({"mode": "on"}, "weak", "any server"),
    ({"mode": "audit"}, "weak", "any server"),
    ({"mode": "audit", "targets": "web"}, "weak", "not enforced"),
    ({"mode": "on", "targets": "web *.lab.local"}, "ok", "2 names"),
])
def test_55_doctor(realm, settings, how, words):
    with piped(realm, **settings) as alone:
        assert health(alone)[0] == how and words in health(alone)[1], health(alone)
        if settings == {"mode": "audit", "targets": "web"}:
            who = users.User(alone)
            add(alone, who).ok()
            assert speak(alone, who, NAME, "elsewhere")
            assert "1 answers to servers that are not" in health(alone)[1]


# ---- who uses it

def test_60_uses_are_told(inst, user):
    logon(inst, user)
    name = "TEST\\alice"
    assert uses(inst, user) == []
    lsactl(inst, "ntlm", "uses", who=user).ok().says("Nobody has used NTLM")
    assert speak(inst, user, name, "web").startswith(b"NTLMSSP\0\3")
    for _ in range(3):
        assert speak(inst, user, name, "elsewhere.example")
    rows = {row["server"]: row for row in uses(inst, user)}
    assert sorted(rows) == ["elsewhere.example", "web"]
    web, other = rows["web"], rows["elsewhere.example"]
    assert (web["listed"], web["count"], web["refused"], web["user"]) == (True, 1, 0, name)
    assert (other["listed"], other["count"], other["refused"]) == (False, 3, 0)
    assert web["uid"] == user.uid and 0 < web["first"] <= web["last"]
    with open("/proc/self/comm", encoding="utf-8") as f:
        assert web["program"] in (f.read().strip(), os.path.realpath("/proc/self/exe"))
    lsactl(inst, "ntlm", "uses", who=user).ok().says("elsewhere.example", name, "LISTED")
    # Mode audit says what mode on would do; once, not three times.
    log = [line for line in inst.read_log().splitlines() if f"NTLM: uid {user.uid}," in line]
    assert len(log) == 1, log
    for word in (f"pid {os.getpid()} ", name, "elsewhere.example", "would be refused"):
        assert word in log[0], log
    assert uses(inst, users.User(inst)) == []
    assert {row["server"] for row in uses(inst) if row["uid"] == user.uid} == set(rows)
    assert {row["uid"] for row in uses(inst, None, "--uid", str(user.uid))} == {user.uid}
    is_ = inst.call("Status")["ntlm"]
    assert is_["answered"] >= 4 and is_["unlisted"] >= 3 and is_["refused"] == 0


def test_61_the_list_is_kept_to(realm):
    with piped(realm, mode="on", targets="web *.lab.local") as strict:
        who = users.User(strict)
        add(strict, who).ok()
        assert speak(strict, who, NAME, "WEB") and speak(strict, who, NAME, "a.b.LAB.local")
        for server in ("web.example", "lab.local", "xlab.local", "elsewhere"):
            assert speak(strict, who, NAME, server) is None, server
        rows = {row["server"]: row for row in uses(strict, who)}
        assert (rows["elsewhere"]["listed"], rows["elsewhere"]["refused"]) == (False, 1)
        assert (rows["WEB"]["listed"], rows["WEB"]["refused"]) == (True, 0)
        assert strict.log_has(r"NTLM: uid \d+, .* to elsewhere: refused: not in \[ntlm\] targets")
        is_ = strict.call("Status")["ntlm"]
        assert (is_["answered"], is_["refused"], is_["unlisted"]) == (2, 4, 0)


@pytest.mark.parametrize("make, name", [
    (logon, "TEST\\alice"), (lambda inst, who: add(inst, who, NAME, WORD).ok(), NAME)],
    ids=["logon", "added"])
def test_62_nobody_elses_and_only_while_it_lives(inst, user, make, name):
    make(inst, user)
    assert has(inst, user, name) and speak(inst, user, name)
    for other in (users.User(inst), users.User(inst, uid=0)):
        assert not has(inst, other, name) and speak(inst, other, name) is None
        assert speak(inst, other, name, uid=user.uid) is None  # what it says it is
    lsactl(inst, "lock", who=user).ok()
    assert not has(inst, user, name) and speak(inst, user, name) is None
    lsactl(inst, "unlock", who=user, stdin=WORD + "\n").ok()
    assert has(inst, user, name) and speak(inst, user, name)
    restart_lsass(inst)
    assert has(inst, user, name) and speak(inst, user, name)
    lsactl(inst, "logoff", who=user).ok()
    assert not has(inst, user, name) and speak(inst, user, name) is None


def test_63_after_a_change_of_password_nothing_is_said(inst, user):
    logon(inst, user, "another", "o w")
    assert speak(inst, user, "TEST\\another")
    lsactl(inst, "passwd", "another", who=user, stdin="o w\nn w\n").ok()
    assert not has(inst, user, "TEST\\another") and speak(inst, user, "TEST\\another") is None
    logon(inst, user, "another", "n w")
    assert speak(inst, user, "TEST\\another")


def test_64_off_is_off(realm):
    with piped(realm, mode="off") as alone:
        who = users.User(alone)
        logon(alone, who)
        assert not has(alone, who, "TEST\\alice") and speak(alone, who, "TEST\\alice") is None
        assert uses(alone) == []


# ---- secrets

def test_70_the_password_is_nowhere(inst, user):
    word = "Nt" + os.urandom(12).hex()
    add(inst, user, "CORP\\secret", word).ok()
    for secret in (word.encode(), word.encode("utf-16-le"), nt_hash(word)):
        found = search.search_memory(secret, [p for p in inst.pids if p != inst.pid("lsaiso")])
        assert not found.found, found
    assert word not in inst.read_log()
