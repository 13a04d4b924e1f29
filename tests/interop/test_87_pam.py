# SPDX-License-Identifier: GPL-3.0-or-later
"""Do people log in through pam_lsa, with programs that know nothing of it, and
does nothing of theirs stay when they are gone?"""

import contextlib
import json
import os
import shutil
import socket
import subprocess
import sys
import threading
import time

import pytest

from lib import instance, logins, proc, search, users
from lib.realm import AWAY, HOME, PASSWORDS

pytestmark = pytest.mark.usefixtures("need_root")

SECRET = PASSWORDS["alice"]
LOCAL = "what /etc/shadow knows"


@pytest.fixture(scope="module")
def people(realm):
    """Principals that only these tests have: they change."""
    words = {"frozen": "frozen word 1", "lapsed": "lapsed word 1", "stale": "stale word 1",
             "later": "later word 1", "mover": "mover word 1", "elsewhere": "elsewhere word 1",
             "warden": "Zk8.vQw3-plumage/Ty51"}
    add = [f'addprinc -pw "{word}" {name}' for name, word in words.items()]
    realm.kadmin_local(HOME, add + ["modprinc -allow_tix frozen", "modprinc -expire yesterday lapsed",
                                    "modprinc -pwexpire yesterday stale",
                                    "modprinc -pwexpire yesterday later"])
    return words


def machine_of(daemon):
    m = logins.Machine(daemon)
    try:
        for name in ("alice", "frozen", "lapsed", "stale", "later", "mover", "elsewhere", "warden"):
            m.account(name)
        m.account("dora", local=LOCAL)
        m.account("stranger", local=LOCAL)
        m.service("lsa", "ignore_root")
        m.service("stacked", lines=["auth sufficient pam_lsa.so",
                                    "auth required pam_unix.so try_first_pass"])
    except BaseException:
        m.close()
        raise
    return m


@pytest.fixture(scope="module")
def inst(realm, people):
    if not os.path.exists(logins.module()):
        raise proc.Failed(f"not built: {logins.module()}")
    with instance.Instance(realm) as made:
        yield made


@pytest.fixture(scope="module")
def host(inst):
    with contextlib.closing(machine_of(inst)) as made:
        yield made


@pytest.fixture(autouse=True)
def nobody_left(host):
    """After each test nobody is logged on, once sshd and login have come to their end."""
    yield
    with contextlib.suppress(proc.Failed):
        proc.wait_until("all logged off",
                        lambda: not any(host.sessions(name) for name in host.uids), seconds=5)
    left = {name: host.sessions(name) for name in host.uids}
    for name, sessions in left.items():
        for one in sessions:
            host.daemon.call("Logoff", session=f"{one['session']}.{one['generation']}")
    assert not any(left.values()), left


@contextlib.contextmanager
def logged_on(host, name, word, service="lsa"):
    """A logon that goes on, as in a login shell; yields the PAM environment."""
    steps = ("authenticate", "establish", "open", "wait", "close", "end")
    program = subprocess.Popen(
        host.argv([sys.executable, logins.APP, service, name, *steps]),
        env=proc.clean_env(), stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    try:
        program.stdin.write(word + "\n")
        program.stdin.flush()
        for _ in range(3):
            one = json.loads(program.stdout.readline())
            assert one["code"] == "SUCCESS", one
        yield one["env"]
        program.stdin.write("\n")
        program.stdin.flush()
        codes = [json.loads(line)["code"] for line in program.stdout]
        assert codes == ["SUCCESS"] * 3
    finally:
        program.stdin.close()
        program.stdout.close()
        program.terminate()
        program.wait(20)


def as_user(host, name, *argv, **env):
    return host.run(*argv, user=name, KRB5_CONFIG=host.daemon.config, **env)


# ---- the plain way

def test_01_pamtester_logs_on_and_off(host):
    host.tester("lsa", "alice", "authenticate", "acct_mgmt", "open_session", "close_session",
                words=[SECRET]).ok().says("successfully authenticated", "opened a session")


def test_02_the_session_has_a_cache_of_its_own_that_works(host):
    with logged_on(host, "alice", SECRET) as env:
        (session,) = host.sessions("alice")
        assert env["PAM_LSA_SESSION"] == f"{session['session']}.{session['generation']}"
        assert session["principal"] == f"alice@{HOME}"
        with logged_on(host, "alice", SECRET) as other:
            assert other["KRB5CCNAME"] != env["KRB5CCNAME"]
            assert len(host.sessions("alice")) == 2
        as_user(host, "alice", "kvno", "HTTP/localhost", KRB5CCNAME=env["KRB5CCNAME"]).ok()
    as_user(host, "alice", "klist", KRB5CCNAME=env["KRB5CCNAME"]).fails()
    assert host.caches("alice") == []


def test_03_nothing_is_left_open_and_no_thread_begun(host):
    said = host.app("lsa", "alice", "acct_mgmt", "authenticate", "acct_mgmt", "establish", "open",
                    "close", "end", words=[SECRET])
    assert len({one["descriptors"] for one in said}) == 1
    assert {one["threads"] for one in said} == {1}


@pytest.mark.parametrize("name, word, code", [
    ("alice", "not alice's password", "AUTH_ERR"), ("alice", "", "AUTH_ERR"),
    ("alice", "x" * 600, "AUTH_ERR"), ("frozen", "frozen word 1", "PERM_DENIED"),
    ("lapsed", "lapsed word 1", "ACCT_EXPIRED"), ("stranger", "whatever", "USER_UNKNOWN"),
    ("nosuch", "whatever", "USER_UNKNOWN"), ("root", "whatever", "USER_UNKNOWN")])
def test_04_refusals_have_the_codes_of_the_manual(host, name, word, code):
    assert host.codes("lsa", name, "authenticate", words=[word]) == {"authenticate": code}


def test_05_users_of_other_modules_are_left_alone(host):
    # With every module ignoring a call, PAM itself denies; another one must decide.
    host.service("both", lines=[f"{kind} {how} {name}" for kind in logins.PLAIN for how, name in (
        ("sufficient" if kind == "auth" else "required", "pam_lsa.so minimum_uid=1000"),
        ("required", "pam_permit.so"))])
    codes = host.codes("both", "root", "authenticate", "acct_mgmt", "establish", "open", "close",
                       "delete")
    assert set(codes.values()) == {"SUCCESS"}
    codes = host.codes("lsa", "alice", "acct_mgmt", "establish", "open", "close", "delete")
    assert set(codes.values()) == {"PERM_DENIED"}


def test_06_a_logon_that_leads_nowhere_ends_with_pam(host):
    host.codes("lsa", "alice", "authenticate", "end", words=[SECRET])
    assert host.sessions("alice") == []
    host.codes("lsa", "alice", "authenticate", "authenticate", "end", words=[SECRET, SECRET])
    assert host.sessions("alice") == []


def test_07_a_child_that_frees_its_copy_ends_nothing(host):
    said = host.app("lsa", "alice", "authenticate", "establish", "fork", "open", "wait", "close",
                    "end", words=[SECRET, ""])
    assert {one["code"] for one in said} == {"SUCCESS"}


def test_08_going_on_as_another_user_gives_them_nothing(host):
    # As sudo does: the caller's password, then a session of the target user.
    said = host.app("lsa", "alice", "authenticate", "user=dora", "reinitialize", "open", "end",
                    words=[SECRET])
    assert all("KRB5CCNAME" not in one["env"] for one in said)


def test_09_a_session_of_somebody_else_is_not_adopted(host):
    with logged_on(host, "alice", SECRET) as env:
        host.write("forged", f"PAM_LSA_SESSION={env['PAM_LSA_SESSION']}\n")
        host.service("forged", lines=["auth required pam_env.so envfile=/etc/forged",
                                      *(f"{kind} required pam_lsa.so" for kind in logins.PLAIN)])
        said = host.app("forged", "mover", "establish", "open", "close", "delete", "end")
        assert all("KRB5CCNAME" not in one["env"] for one in said)
        assert len(host.sessions("alice")) == 1


# ---- options

@pytest.mark.parametrize("options, prompt", [
    ((), "Password: "), (("expose_account",), "Password for alice: "),
    (("expose_account", "realm=TEST.LOCAL"), "Password for alice@TEST.LOCAL: "),
    (("[prompt=Realm word: ]",), "Realm word: ")])
def test_10_prompts(host, options, prompt):
    (one, _) = host.app(host.service("prompt", *options), "alice", "authenticate", "end",
                        words=[SECRET])
    assert (one["code"], one["said"]) == ("SUCCESS", [prompt])


@pytest.mark.parametrize("option, words, code", [
    ("try_first_pass", [SECRET], "SUCCESS"), ("try_first_pass", ["wrong", SECRET], "SUCCESS"),
    ("use_first_pass", [SECRET], "SUCCESS"), ("use_first_pass", ["wrong", SECRET], "AUTH_ERR"),
    ("force_first_pass", [SECRET], "SUCCESS")])
def test_11_the_password_of_an_earlier_module(host, option, words, code):
    host.service("later", lines=["auth optional pam_unix.so", f"auth required pam_lsa.so {option}",
                                 "session required pam_lsa.so"])
    said = host.app("later", "alice", "authenticate", "end", words=words)
    assert said[0]["code"] == code
    assert len(said[0]["said"]) == (2 if option == "try_first_pass" and len(words) == 2 else 1)


def test_12_force_first_pass_never_asks(host):
    said = host.app(host.service("force", "force_first_pass"), "alice", "authenticate",
                    words=[SECRET])
    assert (said[0]["code"], said[0]["said"]) == ("AUTH_ERR", [])


def test_13_no_ccache_leaves_no_session(host):
    said = host.app(host.service("bare", "no_ccache"), "alice", "authenticate", "acct_mgmt",
                    "establish", words=[SECRET])
    assert [one["code"] for one in said] == ["SUCCESS"] * 3
    assert said[-1]["env"] == {}
    assert host.sessions("alice") == []


def test_14_retain_after_close(host):
    host.service("retain", "retain_after_close")
    said = host.app("retain", "alice", "authenticate", "establish", "open", "close", "end",
                    words=[SECRET])
    (session,) = host.sessions("alice")
    as_user(host, "alice", "kvno", "HTTP/localhost", KRB5CCNAME=said[2]["env"]["KRB5CCNAME"]).ok()
    host.daemon.call("Logoff", session=f"{session['session']}.{session['generation']}")


def test_15_the_default_cache(host):
    host.service("dflt", "ccache=default")
    with logged_on(host, "alice", SECRET, "dflt"):
        as_user(host, "alice", "kvno", "HTTP/localhost").ok()
        (cache,) = host.caches("alice")
        assert cache["default"]


@pytest.mark.parametrize("option", ["ignore_rooot", "minimum_uid=many", "socket=relative", "ccache="])
def test_16_half_a_configuration_is_none(host, option):
    codes = host.codes(host.service("half", option), "alice", "authenticate", words=[SECRET])
    assert codes == {"authenticate": "SERVICE_ERR"}


# ---- nobody answers

def test_20_without_the_service_pam_unix_goes_on(host):
    host.service("down", "socket=/nonexistent/admin.sock")
    host.service("fall", lines=["auth sufficient pam_lsa.so socket=/nonexistent/admin.sock",
                                "auth required pam_unix.so try_first_pass"])
    host.service("keyless", "public_key=/nonexistent/public-key")
    for name in ("down", "keyless"):
        assert host.codes(name, "dora", "authenticate", words=[LOCAL]) == {
            "authenticate": "AUTHINFO_UNAVAIL"}
    assert host.codes("fall", "dora", "authenticate", words=[LOCAL])["authenticate"] == "SUCCESS"
    assert host.codes("fall", "dora", "authenticate", words=["no"])["authenticate"] == "AUTH_ERR"


def test_21_without_a_kdc_pam_unix_goes_on(realm, people):
    dead = {HOME: proc.free_port(), AWAY: proc.free_port()}
    with instance.Instance(realm, kdc=dead) as alone, \
            contextlib.closing(machine_of(alone)) as there:
        assert there.codes("lsa", "dora", "authenticate", words=[LOCAL]) == {
            "authenticate": "AUTHINFO_UNAVAIL"}
        assert there.codes("stacked", "dora", "authenticate", words=[LOCAL]) == {
            "authenticate": "SUCCESS"}
        assert there.sessions("dora") == []


GOOD = {"session": "1.1", "generation": 1, "owner": 0, "challenge": "0123456789abcdef"}
NONSENSE = [b"", b"\0", b"no JSON\0", b"[]\0", b"{}\0", b'{"parameters": 3}\0',
            b'{"parameters": {}}\0', b'{"error": 5, "parameters": {}}\0', b"x" * (2 << 20)] + [
    json.dumps({"parameters": {**GOOD, **change}}).encode() + b"\0" for change in (
        {"session": "1"}, {"session": "-1.1"}, {"session": "1.4294967296"}, {"session": "1.1 "},
        {"session": 7}, {"owner": 1}, {"owner": None}, {"challenge": "0123"},
        {"challenge": "0123456789ABCDEF"}, {"challenge": None})]


@pytest.mark.parametrize("answer", NONSENSE, ids=range(len(NONSENSE)))
def test_22_nonsense_is_no_answer(host, answer):
    path = host.folder("nonsense.sock")
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(path)
        listener.listen()

        def serve():
            with contextlib.suppress(OSError):
                while True:
                    client, _ = listener.accept()
                    with client:
                        client.recv(65536)
                        client.sendall(answer.replace(b'"owner": 0', b'"owner": %d'
                                                      % host.uids["alice"]))
        thread = threading.Thread(target=serve, daemon=True)
        thread.start()
        host.service("odd", f"socket={path}")
        codes = host.codes("odd", "alice", "authenticate", words=[SECRET])
        listener.shutdown(socket.SHUT_RDWR)
        thread.join(10)
    os.unlink(path)
    assert codes == {"authenticate": "AUTHINFO_UNAVAIL"}


def test_23_who_listens_must_be_root(host):
    path = os.path.join(host.folder.make("theirs", mode=0o777), "admin.sock")
    with users.effective(host.uids["mover"]), socket.socket(socket.AF_UNIX) as listener:
        listener.bind(path)
        listener.listen()
        os.chmod(path, 0o666)
        with users.effective(0):
            host.service("theirs", f"socket={path}")
            codes = host.codes("theirs", "alice", "authenticate", words=[SECRET])
    assert codes == {"authenticate": "AUTHINFO_UNAVAIL"}


def test_24_who_never_answers_is_given_up(host, long_run):
    if not long_run:
        pytest.skip("takes half a minute; LSAISO_LONG=1")
    path = host.folder("silent.sock")
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(path)
        listener.listen()
        host.service("silent", f"socket={path}")
        began = time.monotonic()
        codes = host.codes("silent", "alice", "authenticate", words=[SECRET], timeout=100)
        assert 29 < time.monotonic() - began < 40 * proc.SLOW
    assert codes == {"authenticate": "AUTHINFO_UNAVAIL"}


# ---- passwords that change

def test_30_an_expired_password_is_changed_at_once(host):
    new = f"another {time.time()}"
    said = host.app("lsa", "stale", "authenticate", "acct_mgmt", "establish", "end",
                    words=["stale word 1", new, new])
    assert [one["code"] for one in said] == ["SUCCESS"] * 4
    assert "Your password has expired. Choose a new one." in said[0]["said"]
    assert host.codes("lsa", "stale", "authenticate", "end", words=[new])["authenticate"] == \
        "SUCCESS"


def test_31_deferred_it_is_acct_mgmt_that_asks_for_it(host):
    service, new = host.service("defer", "defer_pwchange"), f"another {time.time()}"
    said = host.app(service, "later", "authenticate", "acct_mgmt", "expired", "establish", "end",
                    words=["later word 1", "later word 1", new, new])
    assert [one["code"] for one in said] == ["SUCCESS", "NEW_AUTHTOK_REQD"] + ["SUCCESS"] * 3
    assert said[3]["env"]["KRB5CCNAME"].startswith("KCM:")


def test_32_passwd(host):
    new = f"another {time.time()}"
    assert host.codes("lsa", "mover", "chauthtok", words=["mover word 1", new, new]) == {
        "chauthtok": "SUCCESS"}
    assert host.codes("lsa", "mover", "authenticate", "end", words=["mover word 1"])[
        "authenticate"] == "AUTH_ERR"
    assert host.codes("lsa", "mover", "authenticate", "end", words=[new])["authenticate"] == \
        "SUCCESS"


@pytest.mark.parametrize("words, code", [
    (["wrong"], "AUTH_ERR"), ([SECRET, "new 1", "new 2"], "AUTHTOK_ERR"),
    ([SECRET, SECRET, SECRET], "AUTHTOK_ERR"), ([SECRET, "", ""], "AUTHTOK_ERR")])
def test_33_a_change_that_is_none(host, words, code):
    assert host.codes("lsa", "alice", "chauthtok", words=words) == {"chauthtok": code}


def test_34_what_the_server_says_of_a_new_password_is_shown(host, realm):
    realm.kadmin_local(HOME, ["addpol -minlength 14 long", 'addprinc -pw "picky long word 1" '
                              "-policy long picky"])
    host.account("picky")
    (one,) = host.app("lsa", "picky", "chauthtok", words=["picky long word 1", "short", "short"])
    assert one["code"] == "AUTHTOK_ERR"
    assert "at least 14 characters" in one["said"][-1], one
    new = f"long enough {time.time()}"
    assert host.codes("lsa", "picky", "chauthtok", words=["picky long word 1", new, new]) == {
        "chauthtok": "SUCCESS"}


# ---- screens

def locked(host, name):
    return [one["state"] for one in host.sessions(name)] == ["locked"]


def test_40_a_lock_screen_unlocks_the_session(host):
    with logged_on(host, "alice", SECRET) as env:
        cache = {"KRB5CCNAME": env["KRB5CCNAME"]}
        host.daemon.call("Lock", session=env["PAM_LSA_SESSION"])
        assert locked(host, "alice")
        as_user(host, "alice", "kvno", "ldap/localhost", **cache).fails()
        codes = host.codes("lsa", "alice", "authenticate", "end", words=["wrong"],
                           runs_as="alice", **cache)
        assert codes["authenticate"] == "AUTH_ERR" and locked(host, "alice")
        codes = host.codes("lsa", "alice", "authenticate", "reinitialize", "end", words=[SECRET],
                           runs_as="alice", **cache)
        assert set(codes.values()) == {"SUCCESS"} and not locked(host, "alice")
        as_user(host, "alice", "kvno", "ldap/localhost", **cache).ok()


def test_41_without_a_lock_it_gets_fresh_tickets_in_place(host):
    with logged_on(host, "alice", SECRET) as env:
        cache = {"KRB5CCNAME": env["KRB5CCNAME"]}
        as_user(host, "alice", "kvno", "imap/localhost", **cache).ok()
        said = host.app("lsa", "alice", "authenticate", "refresh", "end", words=[SECRET],
                        runs_as="alice", **cache)
        assert {one["code"] for one in said} == {"SUCCESS"}
        assert [one["name"] for one in host.caches("alice")] == [env["KRB5CCNAME"][4:]]
        assert len(host.sessions("alice")) == 1
        as_user(host, "alice", "klist", **cache).ok().silent_about("imap/localhost")
        as_user(host, "alice", "kvno", "imap/localhost", **cache).ok()


def test_42_a_password_that_was_changed_elsewhere_unlocks_too(host, realm):
    with logged_on(host, "elsewhere", "elsewhere word 1") as env:
        cache = {"KRB5CCNAME": env["KRB5CCNAME"]}
        host.daemon.call("Lock", session=env["PAM_LSA_SESSION"])
        new = f"another {time.time()}"
        realm.kadmin_local(HOME, [f'cpw -pw "{new}" elsewhere'])
        codes = host.codes("lsa", "elsewhere", "authenticate", "refresh", "end", words=[new],
                           runs_as="elsewhere", **cache)
        assert set(codes.values()) == {"SUCCESS"} and not locked(host, "elsewhere")
        as_user(host, "elsewhere", "kvno", "ldap/localhost", **cache).ok()
    # And the end of the login shell is the end of that, too: nobody_left.


def test_43_a_set_user_id_program_believes_no_environment(host):
    tool = host.folder("pamtester")
    shutil.copy(proc.program("pamtester"), tool)
    os.chmod(tool, 0o4755)
    with logged_on(host, "alice", SECRET) as env:
        before = host.caches("alice")
        host.run(tool, "lsa", "alice", "authenticate", user="alice", stdin=SECRET + "\n",
                 KRB5CCNAME=env["KRB5CCNAME"]).ok()
        assert host.caches("alice") == before


def test_44_a_user_cannot_ask_for_another(host):
    codes = host.codes("lsa", "dora", "authenticate", words=[PASSWORDS["dora"]], runs_as="alice")
    assert codes == {"authenticate": "CRED_INSUFFICIENT"}


# ---- programs as they are

def test_50_closed_standard_descriptors(host):
    script = 'pamtester lsa alice authenticate "acct_mgmt" <"$1" >&- 2>&-'
    words = host.folder.write("words", SECRET + "\n", mode=0o600)
    assert host.run("sh", "-c", script, "sh", words).code == 0


def test_51_login_as_debian_sets_it_up(host):
    host.enable().ok()
    assert "pam_lsa.so" in host.read("pam.d/common-session")
    terminal = host.terminal("login", TERM="dumb")
    try:
        terminal.expect("login:")
        terminal.type("alice")
        terminal.expect("Password:")
        terminal.type("not " + SECRET)
        terminal.expect("Login incorrect")
        terminal.expect("login:")
        terminal.type("alice")
        terminal.expect("Password:")
        terminal.type(SECRET)
        terminal.expect("$ ")
        assert len(host.sessions("alice")) == 1
        terminal.type("id -un; kvno HTTP/localhost; echo $KRB5CCNAME; exit")
        terminal.expect("kvno = ")
        terminal.expect("KCM:")
    finally:
        terminal.close()
    assert host.sessions("alice") == []
    assert SECRET not in terminal.text.replace("not " + SECRET, "")


@pytest.fixture(scope="module")
def sshd(host):
    with contextlib.closing(logins.Sshd(host)) as made:
        yield made


@pytest.mark.parametrize("way", ["password", "keyboard-interactive"])
def test_52_sshd(host, sshd, way):
    done = sshd.run("alice", SECRET, way, "id -un; kvno HTTP/localhost && echo $KRB5CCNAME").ok()
    done.says("alice\n", "kvno = ", "KCM:")
    proc.wait_until("the logoff", lambda: host.sessions("alice") == [])
    sshd.run("alice", "not " + SECRET, way, "echo in").fails("Permission denied")


def test_53_sshd_has_an_expired_password_changed(host, sshd, realm):
    realm.kadmin_local(HOME, ['addprinc -pw "aged word 1" aged',
                              "modprinc -pwexpire yesterday aged"])
    host.account("aged")
    # The same answer to every question, as a program gives that cannot ask: no change.
    sshd.run("aged", "aged word 1", "password", "echo in").fails("Permission denied")
    new = f"another {time.time()}"
    sshd.run("aged", ["aged word 1", new, new], "keyboard-interactive",
             "kvno HTTP/localhost").ok().says("kvno = ")


# ---- what PAM's program has in its memory

def test_60_at_the_end_the_password_is_in_no_memory(host, people):
    """A core of pamtester right before it exits: after pam_end the password is
    nowhere in it. (PAM itself has PAM_AUTHTOK until pam_authenticate returns.)"""
    word = people["warden"]
    words = host.folder.write("stdin", word + "\n", mode=0o600)

    def core(stop):
        path = host.folder("core")
        with contextlib.suppress(FileNotFoundError):
            os.unlink(path)
        # A program that gdb started; gcore would leave out what is kept from dumps.
        done = host.run("gdb", "-q", "-nx", "-batch", "-ex", "set use-coredump-filter off",
                        "-ex", "set dump-excluded-mappings on", "-ex", "set breakpoint pending on",
                        "-ex", stop, "-ex", f"run lsa warden authenticate acct_mgmt <{words}",
                        "-ex", f"gcore {path}", "-ex", "kill", proc.program("pamtester"),
                        timeout=120)
        assert os.path.exists(path), done.text
        with open(path, "rb") as f:
            return f.read(), done

    # The first word to lsass is sent after the password was typed.
    during, _ = core("catch syscall sendto")
    assert search.holds(during, search.needles(word.encode())), "the search finds nothing while it is there"
    after, done = core("catch syscall exit_group")
    done.says("successfully authenticated")
    assert not search.holds(after, search.needles(word.encode()))
