# SPDX-License-Identifier: GPL-3.0-or-later
"""Does a logon inside lsaiso give what kinit gives, to its user alone, and is
nothing of it worth anything after logoff, while locked, or to who replays it?"""

import contextlib
import json
import os
import shutil
import signal
import socket
import threading
import time

import pytest

from lib import instance, proc, users
from lib.instance import lsactl
from lib.realm import HOME, PASSWORDS

pytestmark = pytest.mark.usefixtures("need_root")

WORD = PASSWORDS["alice"]


@pytest.fixture(scope="module")
def inst(realm):
    realm.kadmin_local(HOME, [
        'addprinc -pw "s w" -maxlife 18s -maxrenewlife 1d shortly',
        'addprinc -pw "k w" -maxlife 18s -maxrenewlife 0s keeper',
        'addprinc -pw "a w" +requires_preauth asked',
        'addprinc -pw "l w" locked', "modprinc -allow_tix locked",
        'addprinc -pw "e w" expired', "modprinc -pwexpire 2020-01-01 expired",
        'addprinc -pw "g w" gone', "modprinc -expire 2020-01-01 gone"])
    with instance.Instance(realm) as made:
        yield made


@pytest.fixture
def user(inst):
    return users.User(inst)


def logon(inst, who, *options, name="alice", word=WORD):
    return lsactl(inst, "logon", name, *options, who=who, stdin=word + "\n")


def sessions(inst, who=None):
    return json.loads(lsactl(inst, "sessions", "--json", who=who).ok().out)["sessions"]


def refused(result, *words):
    assert result.code == 1, result.text
    for word in words:
        assert word in result.err, result.text
    return result


def admin(inst, caller, method, **parameters):
    """The whole reply, also an error's, to a user."""
    with socket.socket(socket.AF_UNIX) as s:
        s.settimeout(60 * proc.SLOW)
        with users.effective(caller):
            s.connect(inst.admin)
        s.sendall(json.dumps({"method": f"org.lsaiso.{method}",
                              "parameters": parameters}).encode() + b"\0")
        return receive(s)


def receive(s):
    got = b""
    while not got.endswith(b"\0"):
        more = s.recv(65536)
        assert more, f"hung up after {got!r}"
        got += more
    return json.loads(got[:-1])


def box_of(inst, who, *arguments, word=WORD):
    """What lsactl would send, with the real box in it, held back on its way: the
    LogonStart is passed on, the request after it is not."""
    path = os.path.join(inst.folder.make(f"between-{who.uid}", mode=0o755), "s")
    with contextlib.suppress(FileNotFoundError):
        os.unlink(path)
    seen = []
    with socket.socket(socket.AF_UNIX) as listening:
        listening.bind(path)
        os.chmod(path, 0o666)
        listening.listen(4)
        listening.settimeout(30 * proc.SLOW)

        def between():
            for _ in range(2):
                client, _ = listening.accept()
                with client:
                    client.settimeout(30 * proc.SLOW)
                    ask = receive(client)
                    seen.append(ask["parameters"])
                    reply = {"error": "org.lsaiso.Failed", "parameters": {"message": "kept"}}
                    if ask["method"].endswith("LogonStart"):
                        reply = admin(inst, who.uid, "LogonStart", **ask["parameters"])
                    client.sendall(json.dumps(reply).encode() + b"\0")
        thread = threading.Thread(target=between, daemon=True)
        thread.start()
        lsactl(inst, *arguments, "--socket", path, who=who, stdin=word + "\n")
        thread.join(30 * proc.SLOW)
    assert len(seen) == 2, seen
    return seen[1]


def restart_lsass(inst):
    before = inst.pid("lsass")
    os.kill(before, signal.SIGKILL)
    proc.wait_until("another lsass", lambda: inst.pid("lsass") not in (None, before)
                    and inst.answers(), log=inst.log)


# ---- logging on

def test_01_a_logon_is_what_kinit_would_have_brought(inst, user):
    said = logon(inst, user).ok()
    said.says("Logged on as alice@TEST.LOCAL", "cache KCM:0")
    user.klist().ok().says("Default principal: alice@TEST.LOCAL", "krbtgt/TEST.LOCAL@TEST.LOCAL")
    user.kvno("HTTP/localhost", "host/localhost").ok()
    (one,) = sessions(inst, user)
    assert (one["kind"], one["state"], one["keep"]) == ("inside", "open", False)
    assert one["principal"] == "alice@TEST.LOCAL" and one["caches"] == ["0"]


def test_02_a_realm_away_is_reached(inst, user):
    logon(inst, user).ok()
    user.kvno("HTTP/web.other.local@OTHER.LOCAL").ok()


def test_03_caches_are_chosen_as_kinit_does(inst, user):
    logon(inst, user).ok()
    logon(inst, user, name="bob", word=PASSWORDS["bob"]).ok().says("cache KCM:1")
    user.klist().ok().says("bob@TEST.LOCAL")
    logon(inst, user).ok().says("cache KCM:0")  # that principal's own
    logon(inst, user, "--cache", "KCM:mine").ok().says("cache KCM:mine")
    logon(inst, user, "--new").ok().says("cache KCM:2")
    assert len(sessions(inst, user)) == 4


def test_04_logging_on_again_ends_the_logon_before(inst, user):
    logon(inst, user).ok()
    (before,) = sessions(inst, user)
    logon(inst, user).ok()
    (after,) = sessions(inst, user)
    assert (before["session"], before["generation"]) != (after["session"], after["generation"])


@pytest.mark.parametrize("name, word, reason, code, text", [
    ("alice", "wrong", "wrong-password", 31, "not the password of alice"),
    ("asked", "wrong", "wrong-password", 24, "not the password of asked"),
    ("nobody-of-that-name", "x", "unknown-user", 6, "knows nobody called"),
    ("locked", "l w", "locked", 18, "locked or disabled"),
    ("gone", "g w", "locked", 1, "has expired; its administrator"),
    ("expired", "e w", "expired-password", 23, "change it: lsactl passwd"),
    ("alice@NO.SUCH.REALM", "x", "no-kdc", None, "krb5.conf"),
    ("alice\\", "x", "other", None, "not the name of a principal"),
])
def test_05_each_failure_says_what_it_is(inst, user, name, word, reason, code, text):
    refused(logon(inst, user, name=name, word=word), text)
    ask = box_of(inst, user, "logon", name, word=word)
    reply = admin(inst, user.uid, "Logon", **ask)
    assert reply["error"] == "org.lsaiso.LogonFailed"
    assert reply["parameters"]["reason"] == reason
    if code is not None:
        assert reply["parameters"]["code"] == code
    assert sessions(inst, user) == []


def test_06_without_a_kdc(realm):
    nowhere = {name: proc.free_port() for name in realm.kdc}
    with instance.Instance(realm, kdc=nowhere) as alone:
        refused(logon(alone, users.User(alone)), "no KDC of the realm")


def test_07_no_password_no_logon(inst, user):
    refused(lsactl(inst, "logon", "alice", who=user, stdin=""), "no password was given")
    refused(logon(inst, user, word="x" * 513), "longer than 512")


def test_08_wrong_usage(inst):
    assert lsactl(inst, "logoff", "--keep").code == 2
    assert lsactl(inst, "logon", "--all").code == 2
    assert lsactl(inst, "logon", "--new", "--cache", "a").code == 2
    assert lsactl(inst, "logoff", "--all", "0.1").code == 2
    refused(lsactl(inst, "logoff", "999.1"), "lsactl sessions")


# ---- boxes in the wrong hands

def test_10_a_box_serves_once(inst, user):
    ask = box_of(inst, user, "logon", "alice")
    assert "parameters" in admin(inst, user.uid, "Logon", **ask)
    assert len(sessions(inst, user)) == 1
    again = admin(inst, user.uid, "Logon", **ask)
    assert again["error"] == "org.lsaiso.InvalidParameter", again
    # Also not for a session that waits for one.
    start = admin(inst, user.uid, "LogonStart", principal="alice")["parameters"]
    again = admin(inst, user.uid, "Logon", **{**ask, "session": start["session"]})
    assert again["error"] == "org.lsaiso.LogonFailed", again
    assert again["parameters"]["reason"] == "other"


def test_11_a_box_for_another_user(inst, user):
    other = users.User(inst)
    ask = box_of(inst, user, "logon", "alice")
    assert admin(inst, other.uid, "Logon", **ask)["error"] == "org.lsaiso.NotFound"
    start = admin(inst, other.uid, "LogonStart", principal="alice")["parameters"]
    stolen = admin(inst, other.uid, "Logon", **{**ask, "session": start["session"]})
    assert stolen["error"] == "org.lsaiso.LogonFailed", stolen
    assert sessions(inst, other) == []
    # Nor does root's lsass put it into another session of the same user.
    start = admin(inst, 0, "LogonStart", principal="alice", uid=user.uid)["parameters"]
    moved = admin(inst, 0, "Logon", **{**ask, "session": start["session"]})
    assert moved["error"] == "org.lsaiso.LogonFailed", moved


def test_12_a_box_for_another_name_and_one_that_was_changed(inst, user):
    ask = box_of(inst, user, "logon", "alice")
    assert "error" in admin(inst, user.uid, "Logon", **{**ask, "principal": "bob"})
    flipped = format(int(ask["box"][700], 16) ^ 1, "x")
    box = ask["box"][:700] + flipped + ask["box"][701:]
    reply = admin(inst, user.uid, "Logon", **{**ask, "box": box})
    assert reply["error"] == "org.lsaiso.LogonFailed", reply
    for box in ("", "zz", ask["box"][:-2], ask["box"] + "00"):
        reply = admin(inst, user.uid, "Logon", **{**box_of(inst, user, "logon", "alice"),
                                                  "box": box})
        assert reply["error"] == "org.lsaiso.InvalidParameter", reply
    assert sessions(inst, user) == []


def test_13_a_challenge_that_a_newer_logon_left_behind(inst, user):
    ask = box_of(inst, user, "logon", "alice")
    for _ in range(8):  # as many as may be begun: the oldest one makes room
        assert "parameters" in admin(inst, user.uid, "LogonStart", principal="alice")
    assert admin(inst, user.uid, "Logon", **ask)["error"] == "org.lsaiso.NotFound"


def test_14_others_cannot_touch_a_session(inst, user):
    logon(inst, user).ok()
    (one,) = sessions(inst, user)
    name = f"{one['session']}.{one['generation']}"
    other = users.User(inst)
    for command in ("logoff", "lock", "renew"):
        refused(lsactl(inst, command, name, who=other), "you have no session")
    refused(lsactl(inst, "unlock", name, who=other, stdin="x\n"), "you have no session")
    refused(lsactl(inst, "logoff", "--all", "--uid", str(user.uid), who=other), "only root")
    refused(lsactl(inst, "logon", "bob", "--uid", str(user.uid), who=other, stdin="x\n"),
            "only root")
    user.kvno("HTTP/localhost").ok()
    lsactl(inst, "logoff", name).ok()  # root may
    assert sessions(inst, user) == []


def test_15_root_logs_a_user_on(inst, user):
    logon(inst, None, "--uid", str(user.uid)).ok()
    user.kvno("HTTP/localhost").ok()
    assert [s["uid"] for s in sessions(inst, user)] == [user.uid]


def iso_sessions(inst):
    return inst.call("Status")["lsaiso"]["sessions"]


def test_16_a_logon_that_was_begun_does_not_outlive_lsass(inst, user):
    restart_lsass(inst)  # those of the tests before
    before = iso_sessions(inst)
    start = admin(inst, user.uid, "LogonStart", principal="alice")["parameters"]
    assert iso_sessions(inst) == before + 1
    restart_lsass(inst)
    assert iso_sessions(inst) == before
    reply = admin(inst, user.uid, "Lock", session=start["session"])
    assert reply["error"] == "org.lsaiso.NotFound", reply


def test_17_who_hangs_up_is_not_logged_on(realm):
    """The KDC takes its time: a port that answers nothing."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as udp, socket.socket() as tcp:
        udp.bind(("127.0.0.1", 0))
        tcp.bind(udp.getsockname())
        tcp.listen(8)
        port = udp.getsockname()[1]
        with instance.Instance(realm, kdc={name: port for name in realm.kdc}) as slow:
            who = users.User(slow)
            ask = box_of(slow, who, "logon", "alice")
            assert iso_sessions(slow) == 1
            with socket.socket(socket.AF_UNIX) as s:
                with users.effective(who.uid):
                    s.connect(slow.admin)
                s.sendall(json.dumps({"method": "org.lsaiso.Logon",
                                      "parameters": ask}).encode() + b"\0")
                udp.settimeout(30 * proc.SLOW)
                assert udp.recv(4096)[:1] == b"\x6a"  # the AS-REQ is out
                # Meanwhile everybody else is served.
                assert sessions(slow, who) == []
            proc.wait_until("the end of the session", lambda: iso_sessions(slow) == 0,
                            seconds=60, log=slow.log)
            assert sessions(slow, who) == []


# ---- logging off

def test_20_after_logoff_an_old_state_folder_is_worth_nothing(inst, user):
    logon(inst, user, "--keep").ok()
    user.kvno("HTTP/localhost").ok()
    copy = inst.folder("copy")
    shutil.copytree(inst.state, copy)
    assert os.path.exists(os.path.join(copy, f"uid-{user.uid}.journal"))
    lsactl(inst, "logoff", who=user).ok().says("1 sessions ended, 1 caches destroyed")
    assert user.klist().code == 1
    assert not os.path.exists(os.path.join(inst.state, f"uid-{user.uid}.journal"))
    name = f"uid-{user.uid}.journal"
    shutil.copy2(os.path.join(copy, name), os.path.join(inst.state, name))
    os.chown(os.path.join(inst.state, name), instance.LSASS_UID, instance.LSASS_UID)
    restart_lsass(inst)
    assert user.kvno("ldap/localhost").code != 0
    for one in sessions(inst, user):
        assert one["state"] == "log on again", one
    shutil.rmtree(copy)


def test_21_kdestroy_ends_the_session(inst, user):
    logon(inst, user).ok()
    user.run("kdestroy").ok()
    assert sessions(inst, user) == []


def test_22_one_of_several_must_be_named(inst, user):
    logon(inst, user).ok()
    logon(inst, user, "--new").ok()
    refused(lsactl(inst, "logoff", who=user), "there are 2 sessions, name one", "alice@TEST.LOCAL")
    lsactl(inst, "logoff", "--all", who=user).ok().says("2 sessions ended, 2 caches destroyed")
    refused(lsactl(inst, "logoff", who=user), "log on with lsactl logon")


# ---- locks

def test_30_locked_and_unlocked(inst, user):
    logon(inst, user).ok()
    lsactl(inst, "lock", who=user).ok()
    assert user.kvno("HTTP/localhost").code != 0
    assert sessions(inst, user)[0]["state"] == "locked"
    refused(lsactl(inst, "renew", who=user), "lsactl unlock")
    refused(lsactl(inst, "unlock", who=user, stdin="wrong\n"), "7 more tries")
    assert user.kvno("HTTP/localhost").code != 0
    lsactl(inst, "unlock", who=user, stdin=WORD + "\n").ok()
    user.kvno("HTTP/localhost").ok()


def test_31_a_lock_and_a_logon_outlive_lsass(inst, user):
    logon(inst, user).ok()
    lsactl(inst, "lock", who=user).ok()
    restart_lsass(inst)
    assert sessions(inst, user)[0]["state"] == "locked"
    assert user.kvno("HTTP/localhost").code != 0
    lsactl(inst, "unlock", who=user, stdin=WORD + "\n").ok()
    restart_lsass(inst)
    user.kvno("HTTP/localhost").ok()
    (one,) = sessions(inst, user)
    assert (one["kind"], one["state"]) == ("inside", "open")


def test_32_eight_wrong_passwords_end_it(inst, user):
    logon(inst, user).ok()
    lsactl(inst, "lock", who=user).ok()
    for _ in range(7):
        refused(lsactl(inst, "unlock", who=user, stdin="wrong\n"), "more tries")
    refused(lsactl(inst, "unlock", who=user, stdin="wrong\n"), "the session has ended")
    assert sessions(inst, user) == []
    assert user.klist().code == 1


def test_33_what_kinit_brought_cannot_be_locked(inst, user):
    user.kinit("alice").ok()
    assert sessions(inst, user)[0]["kind"] == "absorbed"
    refused(lsactl(inst, "lock", who=user), "lsactl logoff")
    lsactl(inst, "logoff", who=user).ok()
    assert sessions(inst, user) == []


# ---- renewal

def tgt_end(inst, who):
    caches = admin(inst, who.uid, "ListCaches")["parameters"]["caches"]
    return caches[0]["endtime"]


def later_than(inst, who, end):
    proc.wait_until("a later ticket", lambda: tgt_end(inst, who) > end, seconds=40,
                    log=inst.log)


def test_40_a_ticket_is_renewed_when_asked_for(inst, user):
    logon(inst, user).ok()
    end = tgt_end(inst, user)
    time.sleep(1.1)
    lsactl(inst, "renew", who=user).ok()
    assert tgt_end(inst, user) > end
    user.kvno("HTTP/localhost").ok()


def test_41_short_lived_ones_are_renewed_in_time(inst, user):
    plain = users.User(inst)
    logon(inst, user, name="shortly", word="s w").ok()
    plain.kinit("shortly", "-r", "1d", password="s w").ok()
    ends = tgt_end(inst, user), tgt_end(inst, plain)
    later_than(inst, user, ends[0])
    later_than(inst, plain, ends[1])
    user.kvno("HTTP/localhost").ok()
    plain.kvno("HTTP/localhost").ok()


def test_42_with_a_kept_key_the_kdc_need_not_renew(inst, user):
    logon(inst, user, "--keep", name="keeper", word="k w").ok()
    (one,) = sessions(inst, user)
    assert one["keep"]
    end = tgt_end(inst, user)
    restart_lsass(inst)  # the key is in the journal, sealed
    later_than(inst, user, end)
    user.kvno("HTTP/localhost").ok()
    (after,) = sessions(inst, user)
    assert (one["session"], one["generation"]) == (after["session"], after["generation"])


def test_43_without_one_it_says_so(inst, user):
    logon(inst, user, name="keeper", word="k w").ok()
    refused(lsactl(inst, "renew", who=user), "log on again: lsactl logon")
    lsactl(inst, "sessions", who=user).ok().says(": lsactl logon")
    proc.wait_until("a word in the log", lambda: inst.log_has(
        rf"notice: uid {user.uid}: the logon of keeper@TEST.LOCAL .* ends in"), seconds=15)


# ---- passwords

def passwd(inst, who, name, old, new):
    return lsactl(inst, "passwd", name, who=who, stdin=f"{old}\n{new}\n")


def test_45_a_password_is_changed(inst, user):
    passwd(inst, user, "asked", "a w", "another word").ok().says("was changed")
    refused(logon(inst, user, name="asked", word="a w"), "not the password of asked")
    logon(inst, user, name="asked", word="another word").ok()
    assert len(sessions(inst, user)) == 1  # the session of the change is closed


def test_46_also_one_that_has_expired(inst, user):
    passwd(inst, user, "expired", "e w", "fresh word").ok()
    logon(inst, user, name="expired", word="fresh word").ok()


def test_47_not_with_a_wrong_one_nor_to_one_that_is_refused(inst, user):
    refused(passwd(inst, user, "bob", "wrong", "x y z z"), "not the password of bob")
    ask = box_of(inst, user, "logon", "bob", word=PASSWORDS["bob"])
    reply = admin(inst, user.uid, "ChangePassword", **{**ask, "new_box": ask["box"]})
    assert reply["error"] == "org.lsaiso.LogonFailed", reply  # the same box twice
    logon(inst, user, name="bob", word=PASSWORDS["bob"]).ok()


# ---- kinit kept out

def test_50_plain_logons_refused(realm):
    with instance.Instance(realm, {"kcm": {"plain_logon": "refuse"}}) as strict:
        who = users.User(strict)
        assert who.kinit("alice").code != 0
        assert sessions(strict) == []
        assert strict.call("Status")["caches"]["plain_refused"] >= 1
        lsactl(strict, "status").ok().says("plain_logon = refuse")
        logon(strict, who).ok()
        who.kvno("HTTP/localhost").ok()


def test_51_the_password_is_in_no_log(inst):
    log = inst.read_log()
    assert "logged on as alice@TEST.LOCAL" in log
    for word in (WORD, "s w\n", "k w\n"):
        assert word not in log


def test_70_an_nt_hash_is_kept_only_where_ntlm_is_switched_on(inst, realm, user):
    logon(inst, user).ok()
    assert [s["ntlm"] for s in sessions(inst, user)] == [False]
    assert "NTLM" not in lsactl(inst, "sessions", who=user).ok().out
    with instance.Instance(realm, {"ntlm": {"mode": "on"}}) as other:
        somebody = users.User(other)
        logon(other, somebody).ok()
        assert [s["ntlm"] for s in sessions(other, somebody)] == [True]
        restart_lsass(other)
        assert [s["ntlm"] for s in sessions(other, somebody)] == [True]
        assert "inside, NTLM" in lsactl(other, "sessions", who=somebody).ok().out
