# SPDX-License-Identifier: GPL-3.0-or-later
"""Does lsass play winbindd's part for the programs that have NTLM through it, in each
version of the interface, and harm nobody: no client, no real winbindd, no password?"""

import contextlib
import glob
import json
import os
import re
import shlex
import signal
import socket
import struct
import time

import pytest

from lib import domain as ad, instance, proc, search, users, winbind
from lib.realm import HOME, PASSWORDS

pytestmark = pytest.mark.usefixtures("need_root")

WORD = PASSWORDS["alice"]
VERSIONS = sorted(winbind.LAYOUTS)
DOMAIN = "TEST"  # the first part of the default realm
SOON = 3.0 * proc.SLOW


class Front(instance.Instance):
    """An instance with a pipe for each version; that of 32 is the main one."""

    def __init__(self, realm, settings=None, start=True, **more):
        self.pipes = proc.Folder("pipes")
        settings = {name: dict(keys) for name, keys in (settings or {}).items()}
        settings["winbind"] = {
            "socket": self.pipe(32), "interface": "32",
            "others": " ".join(f"{v}:{self.pipe(v)}" for v in VERSIONS if v != 32),
        } | settings.get("winbind", {})
        settings.setdefault("ntlm", {}).setdefault("mode", "on")
        super().__init__(realm, settings, start, **more)

    def pipe(self, version=32):
        return self.pipes(f"samba{version}", "winbindd", "pipe")

    def stop(self):
        try:
            super().stop()
        finally:
            self.pipes.remove()

    def client(self, version=32, uid=None, **more):
        return winbind.pipe(self.pipe(version), version, uid, **more)

    def wbinfo(self, *arguments, who=None, stdin=""):
        argv = [proc.program("wbinfo"), *arguments]
        argv = who.argv(argv) if who else argv
        return proc.run(winbind.argv(os.path.dirname(self.pipe()), argv), stdin=stdin,
                        env=self.env())

    def said(self):
        return self.call("Status")["winbind"]


@pytest.fixture(scope="module")
def inst(realm):
    realm.kadmin_local(HOME, [
        'addprinc -pw "x w" -pwexpire 2020-01-01 old', 'addprinc -pw "y w" barred',
        "modprinc -allow_tix barred"])
    with Front(realm) as made:
        yield made


@pytest.fixture
def user(inst):
    return users.User(inst)


@pytest.fixture(autouse=True)
def lsass_lives(inst):
    before = inst.pid("lsass")
    yield
    assert inst.pid("lsass") == before, "lsass was restarted: " + inst.read_log()[-2000:]


# ---- who is there

@pytest.mark.parametrize("version", VERSIONS)
def test_01_every_version_is_served(inst, user, version):
    with inst.client(version, user.uid) as w:
        assert w.ask("PING").ok
        info = w.ask("INFO")
        assert info.octets[8:9] == b"\\" and info.name(9).startswith("lsaiso-")
        assert w.ask("DOMAIN_NAME").name() == DOMAIN
        here = socket.gethostname().split(".")[0].upper()[:15]
        assert w.ask("NETBIOS_NAME").name() == here
        domain = w.ask("DOMAIN_INFO", domain=DOMAIN.lower())
        assert domain.ok and domain.name() == DOMAIN and domain.name(520) == "S-1-0-0"
        assert not w.ask("DOMAIN_INFO", domain="ELSEWHERE").ok


@pytest.mark.parametrize("version", VERSIONS)
def test_02_what_is_not_known_is_an_error_and_the_connection_stays(inst, version):
    with inst.client(version) as w:
        for number in range(0, 80):
            ours = [n for name, n in w.layout.numbers.items()
                    if name not in ("GETPWNAM", "PAM_AUTH_CRAP", "LIST_USERS", "LOOKUPNAME",
                                    "PING_DC", "PRIV_PIPE_DIR")]
            if number not in ours:
                got = w.ask(number, winbind.field("nobody"), extra=b"x" * (number % 3))
                assert (got.result, got.length) == (winbind.ERROR, winbind.RESPONSE), number
        assert w.ask("PING").ok


def test_03_sockets_are_as_libwbclient_wants_them(inst):
    for version in VERSIONS:
        path = inst.pipe(version)
        for at, mode in ((os.path.dirname(path), 0o755), (path, 0o777)):
            seen = os.lstat(at)
            assert (seen.st_uid, seen.st_mode & 0o7777) == (0, mode), at


def test_04_wbinfo_finds_it(inst, user):
    assert "succeeded" in inst.wbinfo("-p", who=user).ok().out
    assert inst.wbinfo("--own-domain", who=user).ok().out.strip() == DOMAIN
    assert inst.wbinfo("-u", who=user).code != 0
    assert inst.wbinfo("-t").code != 0


# ---- PAM_AUTH

def sessions(inst):
    return [s for s in inst.call("ListSessions")["sessions"]]


@pytest.mark.parametrize("version", VERSIONS)
def test_10_a_password_is_checked_and_nothing_stays(inst, user, version):
    before = len(sessions(inst))
    with inst.client(version, user.uid) as w:
        for name in ("alice", f"{DOMAIN}\\alice", "test\\alice", "alice@TEST.LOCAL",
                     "TEST.LOCAL\\alice"):
            got = w.auth(name, WORD)
            assert got.ok and got.nt_status == 0 and got.pam_error == 0, name
            assert got.cache == ""
        bad = w.auth("alice", WORD + "?")
        assert (bad.result, bad.nt_status, bad.pam_error) == (winbind.ERROR, 0xC000006A, 7)
        assert bad.name(12) == "NT_STATUS_WRONG_PASSWORD"
        assert w.ask("PING").ok
    assert len(sessions(inst)) == before


@pytest.mark.parametrize("name, word, status, pam", [
    ("nobody-there", "w", 0xC0000064, 10), ("old", "x w", 0xC0000071, 12),
    ("barred", "y w", 0xC0000234, 6), ("OTHER\\alice", WORD, 0xC0000064, 10),
    ("TEST\\alice@TEST.LOCAL", WORD, 0xC0000064, 10), ("TEST\\a\\b", WORD, 0xC0000064, 10),
    ("", WORD, 0xC0000064, 10), ("alice", "", 0xC000006A, 7), ("alice/admin", WORD, 0xC0000064, 10),
    ("al\tice", WORD, 0xC0000064, 10)])
def test_11_each_failure_has_its_codes(inst, user, name, word, status, pam):
    with inst.client(uid=user.uid) as w:
        got = w.auth(name, word)
        assert (got.result, got.nt_status, got.pam_error) == (winbind.ERROR, status, pam)
        assert got.name(268) != ""


def test_12_a_cache_for_who_wants_one(inst, user):
    with inst.client(uid=user.uid) as w:
        got = w.auth("TEST\\alice", WORD, flags=winbind.KRB5, cc_type="KCM", uid=user.uid)
        assert got.ok and got.cache.startswith("KCM:")
    assert "alice@TEST.LOCAL" in user.run("klist", KRB5CCNAME=got.cache).ok().out
    user.run("kvno", "HTTP/web.test.local", KRB5CCNAME=got.cache)
    (mine,) = [s for s in sessions(inst) if s["uid"] == user.uid]
    assert mine["ntlm"]
    inst.call("Logoff", session=mine["session"], uid=user.uid)


def test_13_only_root_names_somebody_else(inst, user):
    other = users.User(inst)
    with inst.client(uid=user.uid) as w:
        got = w.auth("alice", WORD, flags=winbind.KRB5, cc_type="KCM", uid=other.uid)
        assert (got.result, got.nt_status) == (winbind.ERROR, 0xC0000022)
    with inst.client() as w:
        got = w.auth("alice", WORD, flags=winbind.KRB5, cc_type="KCM", uid=other.uid)
        assert got.ok
    assert "alice@TEST.LOCAL" in other.run("klist").ok().out
    assert user.run("klist").code != 0
    inst.call("Logoff", all=True, uid=other.uid)


def test_14_a_group_that_cannot_be_checked_lets_nobody_in(inst, user):
    with inst.client(uid=user.uid) as w:
        got = w.auth("alice", WORD, member="S-1-5-21-1-2-3-512")
        assert (got.result, got.nt_status, got.pam_error) == (winbind.ERROR, 0xC0000022, 6)


def test_15_wbinfo_logs_on(inst, user):
    assert "succeeded" in inst.wbinfo("-a", f"TEST\\alice%{WORD}", who=user).text
    assert "succeeded" not in inst.wbinfo("-a", "TEST\\alice%no", who=user).text
    got = inst.wbinfo("--krb5ccname=KCM", "-K", f"TEST\\alice%{WORD}", who=user).ok()
    assert "succeeded" in got.text and "KCM:" in got.text, got.text
    assert "alice@TEST.LOCAL" in user.run("klist").ok().out
    user.run("kdestroy", "-A").ok()


def logoff(w, cache, uid):
    return w.ask("PAM_LOGOFF", winbind.field("alice") + winbind.field(cache)
                 + struct.pack("=I", uid), flags=winbind.KRB5)


def test_16_a_session_ends_for_who_may_end_it(inst, user):
    with inst.client(uid=user.uid) as w:
        cache = w.auth("alice", WORD, flags=winbind.KRB5, cc_type="KCM", uid=user.uid).cache
        assert not logoff(w, "KCM:none such", user.uid).ok
        assert not logoff(w, "FILE:/tmp/krb5cc", user.uid).ok
        assert not logoff(w, cache, 0).ok
        with inst.client(uid=users.fresh_uid()) as other:
            assert not logoff(other, cache, user.uid).ok
        assert user.run("klist").code == 0
        assert logoff(w, cache, user.uid).ok
        assert user.run("klist").code != 0
        cache = w.auth("alice", WORD, flags=winbind.KRB5, cc_type="KCM", uid=user.uid).cache
    with inst.client() as root:
        assert logoff(root, cache, user.uid).ok
    assert user.run("klist").code != 0
    assert not [s for s in sessions(inst) if s["uid"] == user.uid]


def pam_winbind():
    folder = os.environ.get("XDG_CACHE_HOME") or os.path.expanduser("~/.cache")
    found = glob.glob(os.path.join(folder, "lsaiso", "pam-winbind", "lib", "*", "security",
                                   "pam_winbind.so"))
    if not found:
        pytest.skip("pam_winbind is not unpacked: scripts/setup.sh test")
    return found[0]


@pytest.mark.parametrize("word", [WORD, "another"], ids=["right", "wrong"])
def test_17_pam_winbind_logs_on_and_off(inst, user, word):
    module = pam_winbind()
    with proc_folder() as f:
        f.make("pam.d")
        f.write("pam.d/door", f"auth required {module} krb5_auth krb5_ccache_type=KCM\n"
                              f"session required {module} krb5_auth\n")
        passwd = f.write("passwd", "root:x:0:0:root:/root:/bin/sh\n"
                                   f"alice:x:{user.uid}:{user.uid}:alice:/:/bin/sh\n")
        script = (f"mount --bind {shlex.quote(passwd)} /etc/passwd && "
                  f"mount --bind {shlex.quote(f('pam.d'))} /etc/pam.d")
        app = ["/usr/bin/python3", os.path.join(os.path.dirname(proc.__file__), "pamapp.py"), "door", "alice", "authenticate", "establish",
               "open", "close", "delete", "end"]
        done = proc.run(winbind.argv(os.path.dirname(inst.pipe()), app, script),
                        stdin=word + "\n", env=inst.env()).ok()
    steps = {s["step"]: s for s in map(json.loads, done.out.splitlines())}
    if word == WORD:
        assert {s["code"] for s in steps.values()} == {"SUCCESS"}, steps
        assert steps["authenticate"]["said"] == ["Password: "]
        assert steps["open"]["env"]["KRB5CCNAME"].startswith("KCM:")
    else:
        assert steps["authenticate"]["code"] == "AUTH_ERR", steps
        assert steps["authenticate"]["said"] == ["Password: ", "Wrong password"]
    assert not [s for s in sessions(inst) if s["uid"] == user.uid]


# ---- NTLM

# Server "Server" of "Domain" (MS-NLMP 4.2.4.3), with the flag that it signs always.
CHALLENGE = bytes.fromhex(
    "4e544c4d53535000020000000c000c003800000033828ae20123456789abcdef0000000000000000"
    "2400240044000000060070170000000f53006500720076006500720002000c0044006f006d006100"
    "69006e0001000c0053006500720076006500720000000000")
NEGOTIATE = b"NTLMSSP\0" + struct.pack("<II", 1, 0xE2088233) + bytes(16) + b"\6\1\0\0\0\0\0\x0f"


# The same where KEY_EXCH comes without SIGN, as ntlm_auth has it at web servers.
KEYED = NEGOTIATE[:12] + struct.pack("<I", 0xE2088205) + NEGOTIATE[16:]


def check_answer(got, mic):
    message = got.message
    assert got.ok and message[:12] == b"NTLMSSP\0\3\0\0\0"
    length, at = struct.unpack_from("<HxxI", message, 20)
    assert length > 24 + 28, "the answer is not of NTLMv2"
    lm_length, lm_at = struct.unpack_from("<HxxI", message, 12)
    assert message[lm_at:lm_at + lm_length] in (bytes(24), b"")
    assert got.new_spnego == mic
    assert (struct.pack("<HHI", 6, 4, 2) in message[at:at + length]) == mic, "MsvAvFlags"
    assert any(got.session_key)


@pytest.mark.parametrize("version", VERSIONS)
def test_18_challenges_are_answered_to_who_has_logged_on(inst, version):
    who, other = users.fresh_uid(), users.fresh_uid()
    with inst.client(version, who) as w, inst.client(version, other) as o, \
            inst.client(version) as root:
        everybody = (w, o, root)
        assert not any(x.ccache("TEST\\alice").ok for x in everybody)
        w.auth("alice", WORD, flags=winbind.CACHED_LOGIN)
        assert [x.ccache("TEST\\alice").ok for x in everybody] == [True, False, False]
        assert not o.ccache("TEST\\alice", uid=who).ok
        assert not root.ccache("TEST\\alice", uid=who).ok
        check_answer(w.ccache("TEST\\alice", b"", CHALLENGE), mic=False)
        check_answer(w.ccache("TEST\\alice", NEGOTIATE, CHALLENGE), mic=True)
        check_answer(w.ccache("TEST\\alice", KEYED, CHALLENGE), mic=True)
        assert not w.ccache("TEST\\alice", NEGOTIATE, CHALLENGE[:40]).ok
        assert not w.ccache("TEST\\bob", b"", CHALLENGE).ok
        assert not o.ccache("TEST\\alice", b"", CHALLENGE).ok
        (mine,) = [s for s in sessions(inst) if s["uid"] == who]
        inst.call("Logoff", all=True, uid=who)
        assert not w.ccache("TEST\\alice").ok and mine["ntlm"]
        assert not w.ccache("TEST\\alice", NEGOTIATE, CHALLENGE).ok


def test_19_saved_passwords_answer(inst, user):
    with inst.client(uid=user.uid) as w:
        assert not w.save("OTHER\\bob", "b w", uid=0).ok
        assert not w.ccache("OTHER\\bob").ok
        assert w.save("OTHER\\bob", "b w").ok
        check_answer(w.ccache("OTHER\\bob", NEGOTIATE, CHALLENGE), mic=True)
        assert not w.ccache("TEST\\bob").ok
    inst.wbinfo("--ccache-save", "OTHER\\carol%c w", who=user).ok()
    with inst.client(uid=user.uid) as w:
        assert w.ccache("OTHER\\carol").ok
    with inst.client() as root:
        assert not root.ccache("OTHER\\carol").ok
    inst.call("Logoff", all=True, uid=user.uid)


def test_19_lsass_does_not_ask_itself(inst):
    """Where nsswitch.conf has winbind or wins, its own name service would."""
    with open(f"/proc/{inst.pid('lsass')}/environ", "rb") as f:
        assert b"_NO_WINBINDD=1" in f.read().split(b"\0")


# ---- hostile clients, hang-ups, restarts

def cut_off(w):
    try:
        return w.socket.recv(1) == b""
    except ConnectionError:
        return True


@pytest.mark.parametrize("octets", [
    b"\0" * 64, b"\xff" * 64, b"GET / HTTP/1.0\r\n\r\n",
    struct.pack("=II", 2096, 0), struct.pack("=II", 2137, 0)],
    ids=["zeros", "ones", "http", "another version", "a size too many"])
def test_20_rubbish_is_cut_off(inst, user, octets):
    with winbind.Pipe(inst.pipe(), 32, user.uid) as w:
        w.socket.sendall(octets)
        assert cut_off(w)
    with inst.client(uid=user.uid) as w:
        assert w.ask("PING").ok


@pytest.mark.parametrize("command, extra_len", [
    ("PING", 0xFFFFFFFF), ("CCACHE_NTLMAUTH", (64 << 10) + 1), ("LIST_USERS", (128 << 10) + 1)])
def test_21_extra_data_has_a_limit(inst, user, command, extra_len):
    before = proc.octets_in_status(inst.pid("lsass"))
    with inst.client(uid=user.uid) as w:
        w.send(command, extra_len=extra_len)
        assert cut_off(w)
    assert proc.octets_in_status(inst.pid("lsass")) - before < 4 << 20


def test_22_a_client_of_another_version_is_told_ours_or_cut_off(inst, user):
    """33 and 32 are of one size: such a client sees the number and goes away itself."""
    with winbind.Pipe(inst.pipe(32), 33, user.uid) as w:
        assert w.hello() == 32
    for version in (30, 31):
        with winbind.Pipe(inst.pipe(32), version, user.uid) as w:
            w.send("INTERFACE_VERSION")
            assert cut_off(w)


def test_23_two_hundred_at_once(inst):
    somebody = [users.fresh_uid() for _ in range(10)]
    with contextlib.ExitStack() as stack:
        clients = [stack.enter_context(inst.client(VERSIONS[i % 4], somebody[i % 10]))
                   for i in range(200)]
        assert sum(s["clients"] for s in inst.said()["sockets"]) >= 200
        for w in clients:
            w.send("PING")
        assert all(w.receive().ok for w in clients)
        for w in clients[:100]:  # half of a request, and gone
            w.socket.sendall(w.request("PING")[:1000])
    proc.wait_until("all of them to be gone", lambda: not any(
        s["clients"] for s in inst.said()["sockets"]))


def test_24_hang_ups_while_logging_on(inst):
    """More at once than there are workers; whoever waits for none takes no place."""
    before = len(sessions(inst))
    somebody = [users.fresh_uid() for _ in range(5)]
    for i in range(40):
        with inst.client(uid=somebody[i % 5]) as w:
            w.socket.sendall(w.auth_request("alice", WORD))
    with inst.client() as w:
        assert w.auth("alice", WORD).ok
    proc.wait_until("their sessions to be gone", lambda: len(sessions(inst)) == before)


def test_24_one_user_does_not_take_all_the_places(inst, user):
    """All wait at once, and a KDC that is busy is not needed: lsass is held meanwhile."""
    crowd, many = users.fresh_uid(), 60
    with contextlib.ExitStack() as stack:
        clients = [stack.enter_context(inst.client(uid=crowd)) for _ in range(many)]
        pid = inst.pid("lsass")
        os.kill(pid, signal.SIGSTOP)
        try:
            for w in clients:
                w.socket.sendall(w.auth_request("alice", WORD))
        finally:
            os.kill(pid, signal.SIGCONT)
        with inst.client(uid=user.uid) as innocent:
            assert innocent.auth("alice", WORD).ok
        answers = [w.receive() for w in clients]
    assert all(a.ok or a.nt_status == 0xC000005E for a in answers)
    assert 32 <= sum(a.ok for a in answers) < many


def memory_has(pid, needle):
    seen = search.Memory()
    search.search_process(pid, [needle], seen)
    assert seen.octets > 1 << 20, seen
    return bool(seen.found)


def test_25_passwords_do_not_stay_in_lsass(inst, user):
    """Neither answered, nor refused, nor cut off in the middle. That the search finds
    one while it is there shows that it can."""
    pid, word = inst.pid("lsass"), "a word " + os.urandom(8).hex()
    needle = word[7:].encode()
    with inst.client(uid=user.uid) as w:
        whole = w.request("CCACHE_SAVE", struct.pack("=I", user.uid) + winbind.field("alice")
                          + winbind.field(word))
        w.socket.sendall(whole[:1500])
        proc.wait_until("half of it in lsass", lambda: memory_has(pid, needle))
    proc.wait_until("the client to be gone", lambda: not inst.said()["sockets"][0]["clients"])
    assert not memory_has(pid, needle)
    with inst.client(uid=user.uid) as w:
        assert not w.auth("alice", word).ok
        assert not w.auth("nobody-there", word).ok
        assert not w.auth("a\\b\\c", word).ok
        w.save("TEST\\somebody", word)
        w.save("TEST\\somebody", word, uid=0)
        w.ask("PAM_AUTH_CRAP", winbind.field("alice") + winbind.field(word))
        assert not memory_has(pid, needle)
        w.socket.sendall(w.auth_request("alice", word))
    proc.wait_until("the client to be gone", lambda: not inst.said()["sockets"][0]["clients"])
    proc.wait_until("no trace", lambda: not memory_has(pid, needle))


def test_26_a_restart_of_lsass_loses_nobody_who_comes(realm):
    with Front(realm) as inst:
        old = inst.client()
        pid = inst.pid("lsass")
        os.kill(pid, signal.SIGSTOP)
        waiting = winbind.Pipe(inst.pipe())  # in the backlog, with a question
        waiting.send("INTERFACE_VERSION")
        os.kill(pid, signal.SIGKILL)
        assert cut_off(old)
        assert waiting.receive().number() == 32
        assert waiting.ask("PING").ok
        assert inst.pid("lsass") != pid
        for w in (old, waiting):
            w.close()


def test_27_what_was_changed_in_the_configuration_waits_for_lsainit(realm):
    with Front(realm) as inst:
        with open(inst.file, encoding="utf-8") as f:
            text = f.read()
        for others in ("others =", "others = nonsense"):
            with open(inst.file, "w", encoding="utf-8") as f:
                f.write(re.sub(r"(?m)^others = .*$", others, text))
            pid = inst.pid("lsass")
            os.kill(pid, signal.SIGKILL)
            for version in VERSIONS:
                with inst.client(version) as w:
                    assert w.ask("PING").ok
            assert inst.pid("lsass") != pid
        with open(inst.file, "w", encoding="utf-8") as f:
            f.write(text)


# ---- where it is, and who else

def start_fails(realm, settings, *words):
    inst = Front(realm, settings, start=False)
    try:
        done = proc.run([instance.program("lsainit"), "--config", inst.file], timeout=30)
        assert done.code == 1
        for word in words:
            assert word in done.err, done.err
    finally:
        inst.stop()


def test_30_another_winbindd_is_left_alone(realm):
    with winbind.Standalone() as real:
        start_fails(realm, {"winbind": {"socket": real.pipe, "others": ""}},
                    "in use by another daemon", "winbindd", "winbindd socket directory")
        with winbind.pipe(real.pipe) as w:
            assert w.ask("PING").ok


def test_31_a_folder_of_others_is_refused(realm):
    with proc_folder() as folder:
        theirs = folder.make("theirs", owner=65534)
        start_fails(realm, {"winbind": {"socket": os.path.join(theirs, "pipe"), "others": ""}},
                    "clients refuse it")
        open_ = folder.make("open", mode=0o777)
        start_fails(realm, {"winbind": {"socket": os.path.join(open_, "pipe"), "others": ""}},
                    "clients refuse it")


@contextlib.contextmanager
def proc_folder():
    folder = proc.Folder("winbind")
    try:
        yield folder
    finally:
        folder.remove()


def test_32_wrong_configuration_is_named(realm):
    start_fails(realm, {"winbind": {"others": "31"}}, "VERSION:PATH")
    start_fails(realm, {"winbind": {"others": "34:/a"}}, "VERSION:PATH")
    start_fails(realm, {"winbind": {"socket": "/a/pipe", "others": "31:/a/pipe"}}, "twice")
    start_fails(realm, {"winbind": {"socket": "/a/pipe", "real": "/a/pipe"}}, "made here")


def test_32_by_another_name_it_is_not_asked_either(realm):
    with proc_folder() as folder:
        link = folder("pipe")
        with Front(realm, {"winbind": {"real": link}}) as inst:
            os.symlink(inst.pipe(), link)
            with inst.client() as w:
                assert not w.ask("LIST_USERS").ok
                assert w.ask("PING").ok
            said = inst.said()
            assert not said["real"]["answers"] and said["sockets"][0]["clients"] <= 1


def test_33_auto_is_the_version_of_the_installed_libwbclient(realm):
    with Front(realm, {"winbind": {"interface": "auto", "others": ""}}) as inst:
        version = inst.said()["sockets"][0]["version"]
        assert inst.log_has(rf"\[winbind\] interface: {version}, by .*/lib")
        # The library itself is the judge.
        assert inst.wbinfo("-p").code == 0
        path = inst.pipe()
    assert not os.path.exists(path), "the socket stays"


def libraries(*names):
    """Of the installed Samba, found as lsainit finds them."""
    found = [os.path.realpath(path) for name in names
             for path in glob.glob(f"/usr/lib/*/{name}") + glob.glob(f"/usr/lib*/{name}")]
    if not found:
        pytest.skip(f"not installed: {names[0]}")
    return found


@pytest.mark.parametrize("text, version", [
    (b"", None), (b"SAMBA_4.8.12_X", None), (b"\0SAMBA_4.9.5_DEBIAN", 30), (b"SAMBA_4.10.0_", 31),
    (b"xxSAMBA_4.16.4_S", 31), (b"SAMBA_4.17.0_", 32), (b"SAMBA_4.21.9_", 32),
    (b"SAMBA_4.22.1_", 33), (b"SAMBA_4.26.0_", None), (b"SAMBA_4.", None), (b"SAMBA_4.22", None),
    (b"SAMBA_4.99999999999999999999.1", None)])
def test_34_auto_goes_by_the_name_of_samba_s_symbols(realm, text, version):
    """Files in the place of the libraries, in mounts of lsainit's own."""
    client, config = libraries("libwbclient.so.0"), libraries("libsmbconf.so.0")
    inst = Front(realm, {"winbind": {"interface": "auto", "others": ""}}, start=False)
    try:
        if inst.far:  # lsainit --check looks whether the host is there
            inst.far.start()
        path = inst.pipes.write("library", "")
        with open(path, "wb") as f:
            f.write(b"\x7fELF" + text)
        script = "mount --make-rprivate / && " + "".join(
            f"mount --bind {path} {library} && " for library in client)
        script += "".join(f"mount --bind /dev/null {library} && " for library in config)
        done = proc.run(["unshare", "-m", "sh", "-ec", script + 'exec "$@"', "sh",
                         instance.program("lsainit"), "--check", "--config", inst.file])
        if version:
            assert f"{inst.pipe()}, version {version}\n" in done.ok().out
        else:
            assert done.code == 1 and "set it: 30 for Samba 4.9" in done.err, done.text
    finally:
        inst.stop()


def test_35_a_stale_socket_is_replaced(realm):
    with proc_folder() as folder:
        path = os.path.join(folder.make("winbindd"), "pipe")
        with socket.socket(socket.AF_UNIX) as s:
            s.bind(path)
        with Front(realm, {"winbind": {"socket": path, "others": ""}}) as inst:
            with winbind.pipe(path) as w:
                assert w.ask("PING").ok
            assert inst.log_has("stale socket replaced")


def test_36_status_and_doctor_say_what_is(inst, user):
    with inst.client(uid=user.uid) as w:
        assert w.ask("PING").ok
    said = inst.said()
    assert [s["version"] for s in said["sockets"]] == [32, 30, 31, 33]
    assert said["answered"] > 0 and "real" not in said
    shown = proc.run([instance.program("lsactl"), "status", "--config", inst.file]).ok().out
    assert f"{inst.pipe(31)}, version 31" in shown and "no real winbindd" in shown
    doctor = proc.run([instance.program("lsactl"), "doctor", "--config", inst.file]).out
    assert any(line.startswith("ok ") and "winbind pipe" in line and inst.pipe() in line
               for line in doctor.splitlines()), doctor


# ---- with a real winbindd behind

@pytest.fixture(scope="module")
def behind(realm):
    settings = {"ntlm": {"domain": "REALGROUP"}}
    with winbind.Standalone() as real, \
            Front(realm, settings | {"winbind": {"real": real.pipe}}) as made:
        made.real = real
        yield made


QUESTIONS = [["-g"], ["-m"], ["--all-domains"], ["--trusted-domains", "--verbose"], ["-D", "BUILTIN"],
             ["-D", "ALONE"], ["-s", "S-1-5-32-544"], ["-n", "BUILTIN\\Administrators"], ["-t"],
             ["-P"], ["--sids-to-unix-ids=S-1-5-32-544,S-1-5-32-545"], ["--gid-info=0"], ["-i", "x"],
             ["-R", "544,545"], ["-Y", "S-1-5-32-544"], ["--dsgetdcname", "NOWHERE"]]


@pytest.mark.parametrize("question", QUESTIONS, ids=" ".join)
def test_40_what_is_passed_on_is_as_if_asked_directly(behind, question):
    here = behind.wbinfo(*question)
    there = proc.run(winbind.argv(behind.real.folder("sock"), ["wbinfo", *question]),
                     env=behind.env())
    assert (here.code, here.out, here.err) == (there.code, there.out, there.err)


def test_41_names_are_ours_and_the_privileged_pipe_is_theirs(behind):
    assert behind.wbinfo("--own-domain").ok().out.strip() == "REALGROUP"
    with behind.client() as w:
        here = w.ask("PRIV_PIPE_DIR").extra
        with winbind.pipe(behind.real.pipe) as direct:
            assert here == direct.ask("PRIV_PIPE_DIR").extra != b""
        assert w.ask("DOMAIN_INFO", domain="ALONE").name(520).startswith("S-1-5-21-")


def test_42_passwords_and_challenges_never_go_there(behind, user):
    before = behind.said()["passed"]
    with behind.client(uid=user.uid) as w:
        assert w.auth("alice", WORD).ok
        assert not w.auth("ALONE\\root", WORD).ok
        w.ccache("REALGROUP\\somebody")
        w.ccache("REALGROUP\\somebody", b"", b"NTLMSSP\0")
        w.save("REALGROUP\\somebody", "a word")
    assert behind.said()["passed"] == before


def test_43_long_lists_and_many_clients(behind):
    """Extra data both ways, of more than a socket takes at once."""
    sids = "\n".join(f"S-1-5-32-{500 + i % 100}" for i in range(6000)) + "\n\0"
    with contextlib.ExitStack() as stack:
        clients = [stack.enter_context(behind.client(timeout=60)) for _ in range(20)]
        for w in clients:
            w.send(57 - 2, b"")  # nothing that it knows; it says so
            assert not w.receive().ok
        lookups = [("LIST_USERS", b""), (w.layout.numbers["LOOKUPNAME"], b"")]
        for command, extra in lookups:
            for w in clients:
                w.send(command, winbind.field("BUILTIN") + winbind.field("Users"), extra=extra)
            answers = {(a.result, a.extra) for a in (w.receive() for w in clients)}
            assert len(answers) == 1
        with winbind.pipe(behind.real.pipe) as direct:
            number = 27  # SIDS_TO_XIDS
            want = direct.ask(number, extra=sids.encode())
        for w in clients:
            w.send(number, extra=sids.encode())
        for w in clients:
            got = w.receive()
            assert (got.result, got.extra) == (want.result, want.extra)
    assert len(sids) > 64 << 10


def test_44_another_version_gets_errors_and_status_says_why(behind):
    with behind.client(33) as w:
        assert not w.ask("LIST_USERS").ok
        assert w.ask("PING").ok
    assert behind.said()["real"]["error"] != ""
    with behind.client(32) as w:
        assert w.ask("LOOKUPNAME", winbind.field("BUILTIN") + winbind.field("Users")).ok
    real = behind.said()["real"]
    assert real == {"socket": behind.real.pipe, "answers": True, "error": ""}


def test_45_a_real_one_that_is_crowded_ends_idle_connections(realm):
    """`winbind max clients`: it lets go of who is idle, and we ask again."""
    question = winbind.field("BUILTIN") + winbind.field("Users")
    with winbind.Standalone("winbind max clients = 5\n") as real, \
            Front(realm, {"winbind": {"real": real.pipe}}) as inst, \
            contextlib.ExitStack() as stack:
        before = proc.descriptors(inst.pid("lsass"))
        clients = [stack.enter_context(inst.client()) for _ in range(20)]
        for _ in range(3):
            for w in clients:
                assert w.ask("LOOKUPNAME", question).ok
                time.sleep(0.01)
        there = proc.descriptors(inst.pid("lsass")) - before - len(clients)
        assert 0 < there < 10, "it has let nobody go"


def test_46_it_may_go_and_come_back(behind):
    question = winbind.field("BUILTIN") + winbind.field("Users")
    with behind.client() as w:
        assert w.ask("LOOKUPNAME", question).ok
        behind.real.end()
        assert not w.ask("LOOKUPNAME", question).ok
        assert w.ask("PING").ok and w.ask("DOMAIN_INFO", domain="REALGROUP").ok
        assert not behind.said()["real"]["answers"]
        doctor = proc.run([instance.program("lsactl"), "doctor", "--config", behind.file]).out
        assert any(line.startswith("missing ") and "real winbindd" in line
                   for line in doctor.splitlines()), doctor
        behind.real.start()
        assert w.ask("LOOKUPNAME", question).ok
    doctor = proc.run([instance.program("lsactl"), "doctor", "--config", behind.file]).out
    assert any(line.startswith("ok ") and "real winbindd" in line
               for line in doctor.splitlines()), doctor


# ---- a member of a domain

class Member(ad.Winbindd):
    """Its winbindd, with what passes through its pipe recorded; nobody has logged on."""

    def log_on(self):
        pass


@pytest.fixture(scope="module")
def member(domain):
    if instance.level() != "process":
        pytest.skip("lsass is in the network of the domain")
    real = Member(domain)
    settings = {"ntlm": {"domain": "ADTEST"}, "winbind": {"real": real.folder("tap", "pipe")}}
    try:
        with Front(domain, settings, network=domain.inside) as made:
            made.real = real
            yield made
    finally:
        real.stop()


def test_50_the_domain_is_asked_through_it(member):
    assert member.wbinfo("-t").ok().out.count("succeeded") == 1
    assert "ADTEST\\alice" in member.wbinfo("-u").ok().out.splitlines()
    for question in (["-u"], ["-g"], ["-m"], ["-D", "ADTEST"], ["-n", ad.ALICE], ["-i", ad.ALICE],
                     ["-r", ad.ALICE], ["--user-sids=S-1-5-32-544"], ["--own-domain"],
                     ["--dsgetdcname", "AD.TEST"], ["-P"], ["-S", "x"]):
        here, there = member.wbinfo(*question), member.real.wbinfo(*question)
        assert (here.code, here.out, here.err) == (there.code, there.out, there.err), question


def test_51_people_of_the_domain_log_on_and_winbindd_hears_nothing_of_it(member):
    user = users.User(member)
    assert "succeeded" in member.wbinfo("-a", f"{ad.ALICE}%{ad.PASSWORD}", who=user).text
    assert "succeeded" not in member.wbinfo("-a", f"{ad.ALICE}%no", who=user).text
    got = member.wbinfo("--krb5ccname=KCM", "-K", f"{ad.ALICE}%{ad.PASSWORD}", who=user).ok()
    assert "KCM:" in got.text
    assert "alice@AD.TEST" in user.run("klist").ok().out
    heard = bytes(member.real.recorder.to_server)
    assert len(heard) > winbind.RESPONSE and ad.PASSWORD.encode() not in heard
    member.real.wbinfo("-a", f"{ad.ALICE}%{ad.PASSWORD}").ok()  # the recorder would have it
    assert ad.PASSWORD.encode() in bytes(member.real.recorder.to_server)
    user.run("kdestroy", "-A").ok()
