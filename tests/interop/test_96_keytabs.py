# SPDX-License-Identifier: GPL-3.0-or-later
"""Keytabs of stand-ins: do they work through the endpoint, for whom they should, and are
they worth nothing elsewhere? And what becomes of them over restarts and changes of keys?"""

import contextlib
import json
import os
import re
import select
import shutil
import signal
import socket
import threading

import pytest

from lib import endpoint, instance, proc, tickets, tpm, users
from lib.instance import lsactl
from lib.realm import HOME, PASSWORDS

pytestmark = pytest.mark.usefixtures("need_root")

SETTINGS = {"seal": {"root": "file"}}


def enrolled(realm, settings=None, before=None, file=False):
    """An instance whose root key is kept, by default in a file of root."""
    inst = endpoint.Endpoint(realm, settings or SETTINGS, start=False)
    try:
        where = inst.far.file if inst.far else inst.file  # whose lsaiso it is
        proc.run([instance.program("lsactl"), "--config", where, "seal", "enroll",
                  *(["--file"] if file or not settings else [])]).ok()
        if before:
            before(inst)
        inst.start()
    except BaseException:
        inst.stop()
        raise
    return inst


@pytest.fixture(scope="module")
def inst(realm):
    inst = enrolled(realm)
    yield inst
    inst.stop()


@pytest.fixture
def who(inst):
    return users.User(inst)


def principal(realm, name, options="+requires_preauth"):
    """A new one with random keys; its keytab."""
    path = realm.folder("keytabs", name.replace("/", "_") + "-" + os.urandom(4).hex())
    realm.kadmin_local(HOME, [f"addprinc -randkey {options} {name}",
                              f"ktadd -q -norandkey -k {path} {name}"])
    return path


def fresh(realm, inst, who, label="robot", **more):
    """A principal with stand-ins in a keytab of who's; its name, the keytab, a copy of the real."""
    name = f"{label}-{os.urandom(4).hex()}"
    real = principal(realm, name, **more)
    own = os.path.join(inst.caches, f"{name}.keytab")
    shutil.copy(real, own)
    os.chmod(own, 0o600)
    os.chown(own, who.uid, who.uid)
    done = lsactl(inst, "keytab", "import", own).ok()
    assert "the file has stand-ins" in done.out, done.text
    return name, own, real


def octets(path):
    with open(path, "rb") as f:
        return f.read()


def ccache(inst, who, label="cc"):
    return os.path.join(inst.caches, f"{label}-{who.uid}-{os.urandom(4).hex()}")


def kinit(inst, who, keytab, name, cache=None, config=None, *more):
    cache = cache or ccache(inst, who)
    env = (inst.client_env(cache) if config is None else
           inst.realm.env(config=config, KRB5CCNAME=f"FILE:{cache}"))
    return cache, proc.run(who.argv(["kinit", *more, "-k", "-t", keytab, name]), env=env)


def test_01_kinit(realm, inst, who):
    name, own, real = fresh(realm, inst, who)
    assert octets(own) != octets(real) and len(octets(own)) == len(octets(real))
    status = os.stat(own)
    assert (status.st_uid, status.st_mode & 0o7777) == (who.uid, 0o600)
    cache, done = kinit(inst, who, own, name)
    done.ok()
    inst.run(who, cache, "kvno", "HTTP/localhost").ok()
    # The same keytab and the same cache, straight at the KDC: worth nothing.
    _, done = kinit(inst, who, own, name, None, realm.config)
    assert done.code != 0 and ("Preauthentication failed" in done.err or
                               "Password incorrect" in done.err), done.text
    done = inst.straight(who, cache, "kvno", "ldap/localhost")
    assert done.code != 0, done.text
    # and the real one still is what it was
    shutil.copy(real, own + ".real")
    os.chown(own + ".real", who.uid, who.uid)
    kinit(inst, who, own + ".real", name, None, realm.config)[1].ok()


def test_01_kinit_without_preauthentication(realm, inst, who):
    name, own, _ = fresh(realm, inst, who, options="")
    cache, done = kinit(inst, who, own, name)
    done.ok()
    inst.run(who, cache, "kvno", "HTTP/localhost").ok()


def test_02_import_again_changes_nothing(realm, inst, who):
    name, own, _ = fresh(realm, inst, who)
    before = octets(own)
    done = lsactl(inst, "keytab", "import", own).ok()
    assert "nothing to do" in done.out and octets(own) == before
    shown = json.loads(lsactl(inst, "keytab", "list", "--json").ok().out)["keys"]
    mine = [k for k in shown if k["path"] == own]
    assert {k["principal"] for k in mine} == {f"{name}@{HOME}"}
    assert all(k["uid"] == who.uid and len(k["versions"]) == 1 for k in mine)
    assert b"standin" not in json.dumps(shown).encode()


def test_03_dry_run(realm, inst, who):
    path = principal(realm, f"dry-{os.urandom(4).hex()}")
    before = octets(path)
    done = lsactl(inst, "keytab", "import", path, "--dry-run").ok()
    assert "to be kept" in done.out and "would be kept" in done.out
    assert octets(path) == before
    assert path not in lsactl(inst, "keytab", "list").ok().out


def test_04_another_user_gets_nothing(realm, inst, who):
    name, own, _ = fresh(realm, inst, who)
    other = users.User(inst)
    copy = own + ".copy"
    shutil.copy(own, copy)
    os.chown(copy, other.uid, other.uid)
    _, done = kinit(inst, other, copy, name)
    assert done.code != 0, done.text
    # root is root
    root = ccache(inst, who, "root")
    proc.run(["kinit", "-k", "-t", own, name], env=inst.client_env(root)).ok()


def test_05_over_restarts(realm, inst, who):
    name, own, _ = fresh(realm, inst, who)
    for process in ("lsaiso", "lsass"):
        before = inst.pid(process)
        os.kill(before, signal.SIGKILL)
        proc.wait_until("another one", lambda b=before, p=process: inst.pid(p) not in (None, b),
                        log=inst.log)
        proc.wait_until("it works again", lambda: kinit(inst, who, own, name)[1].code == 0,
                        log=inst.log)
        cache, done = kinit(inst, who, own, name)
        done.ok()
        inst.run(who, cache, "kvno", "HTTP/localhost").ok()


def test_06_stop_and_start_of_all(realm, inst, who):
    name, own, _ = fresh(realm, inst, who)
    inst.daemon.process.terminate()
    assert inst.daemon.process.wait(30) == 0
    inst.start()
    cache, done = kinit(inst, who, own, name)
    done.ok()
    inst.run(who, cache, "kvno", "HTTP/localhost").ok()


def test_07_client_keytab_of_gss(realm, inst, who):
    name, own, _ = fresh(realm, inst, who)
    cache = ccache(inst, who)
    script = ("import gssapi, sys\n"
              "c = gssapi.Credentials(usage='initiate')\n"
              "print(c.name, c.lifetime > 0)\n")
    done = proc.run(who.argv(["/usr/bin/python3", "-c", script]),
                    env=inst.client_env(cache, KRB5_CLIENT_KTNAME=own))
    if "No module named" in done.err:
        pytest.skip("SKIP: no python3-gssapi")
    assert f"{name}@{HOME} True" in done.ok().out


@pytest.mark.skipif(not shutil.which("k5start"), reason="SKIP: no k5start (kstart)")
def test_08_k5start(realm, inst, who):
    name, own, _ = fresh(realm, inst, who)
    cache = ccache(inst, who)
    done = proc.run(who.argv(["k5start", "-f", own, name, "-k", cache, "--", "kvno",
                              "HTTP/localhost"]), env=inst.client_env())
    assert "kvno = " in done.ok().out, done.text


def test_09_sessions_do_not_pile_up(realm, inst, who):
    name, own, _ = fresh(realm, inst, who)

    def sessions():
        return [s for s in json.loads(lsactl(inst, "sessions", "--json").ok().out)["sessions"]
                if s["uid"] == who.uid]

    for _ in range(6):
        kinit(inst, who, own, name)[1].ok()
    assert len(sessions()) == 1, sessions()
    assert sessions()[0]["kind"] == "keytab"


def test_10_only_a_tgt(realm, inst, who):
    name, own, _ = fresh(realm, inst, who)
    for service in ("kadmin/changepw", "HTTP/localhost"):
        _, done = kinit(inst, who, own, name, None, None, "-S", service)
        assert done.code != 0, done.text
    assert inst.log_has("lsactl keytab rotate")


@contextlib.contextmanager
def logging_on(inst, who, own, name):
    """Two loops of kinit -k meanwhile, none of which may fail; yields a list that grows by each."""
    stop, failed, runs = threading.Event(), [], []

    def load():
        while not stop.is_set():
            done = kinit(inst, who, own, name)[1]
            runs.append(done.code)
            if done.code != 0:
                failed.append(done.text)

    threads = [threading.Thread(target=load) for _ in range(2)]
    for thread in threads:
        thread.start()
    try:
        yield runs
    finally:
        stop.set()
        for thread in threads:
            thread.join()
    assert not failed, failed


def test_11_rotate_from(realm, inst, who):
    """New keys of kadmin behind the same stand-ins, while programs log on all the time."""
    name, own, _ = fresh(realm, inst, who)
    before = octets(own)
    kinit(inst, who, own, name)[1].ok()
    for _ in range(2):
        new = realm.folder("keytabs", f"new-{os.urandom(4).hex()}")
        realm.kadmin_local(HOME, [f"ktadd -q -k {new} {name}"])
        done = lsactl(inst, "keytab", "rotate", own, "--from", new).ok()
        assert "new keys are behind" in done.out and not os.path.exists(new)
        with logging_on(inst, who, own, name) as runs:
            proc.wait_until("some runs", lambda r=runs: len(r) > 3)
    assert octets(own) == before
    mine = [k for k in json.loads(lsactl(inst, "keytab", "list", "--json").ok().out)["keys"]
            if k["path"] == own]
    assert all([v["state"] for v in k["versions"]] == ["current", "old", "old"] for k in mine), mine
    lsactl(inst, "keytab", "prune", own).ok()
    mine = [k for k in json.loads(lsactl(inst, "keytab", "list", "--json").ok().out)["keys"]
            if k["path"] == own]
    assert all(len(k["versions"]) == 1 for k in mine)
    kinit(inst, who, own, name)[1].ok()


def made_of(realm, password, name, kvno):
    """A keytab of the keys that a KDC will make of a password; its path."""
    path = realm.folder("keytabs", f"made-{os.urandom(4).hex()}")
    steps = "".join(f"addent -password -p {name}@{HOME} -k {kvno} -e {etype}\n{password}\n"
                    for etype in ("aes256-cts", "aes128-cts", "aes256-sha2", "aes128-sha2"))
    proc.run(["ktutil"], env=realm.env(), stdin=f"{steps}wkt {path}\nquit\n").ok()
    return path


def test_11_rotate_from_before_the_kdc_has_them(realm, inst, who):
    """Keys that are kept first, and set at the KDC then: at no moment does kinit -k fail."""
    name, own, _ = fresh(realm, inst, who)
    with logging_on(inst, who, own, name) as runs:
        for kvno in (2, 3, 4):
            password = os.urandom(20).hex()
            new = made_of(realm, password, name, kvno)
            for step in (lambda f=new: lsactl(inst, "keytab", "rotate", own, "--from", f).ok(),
                         lambda w=password: realm.kadmin_local(HOME, [f"cpw -pw {w} {name}"])):
                step()
                at = len(runs)
                proc.wait_until("some runs", lambda a=at: len(runs) > a + 4)
            assert not os.path.exists(new)
    # It is the new key that is used: the old ones can go.
    lsactl(inst, "keytab", "prune", own).ok()
    kinit(inst, who, own, name)[1].ok()


def test_11_rotate_by_password(realm, inst, who):
    """The key changes without a moment in which nothing works."""
    name, own, real = fresh(realm, inst, who)
    before = octets(own)
    with logging_on(inst, who, own, name) as runs:
        for _ in range(3):
            at = len(runs)
            done = lsactl(inst, "keytab", "rotate", own).ok()
            assert "new keys, version" in done.out, done.text
            proc.wait_until("some runs", lambda a=at: len(runs) > a + 6)
    assert octets(own) == before
    # The key of before is worth nothing at the KDC any more.
    os.chmod(real, 0o644)
    assert kinit(inst, who, real, name, None, realm.config)[1].code != 0
    mine = [k for k in json.loads(lsactl(inst, "keytab", "list", "--json").ok().out)["keys"]
            if k["path"] == own]
    assert all(k["versions"][0]["state"] == "current" for k in mine), mine
    assert all("candidate" not in [v["state"] for v in k["versions"]] for k in mine), mine


def test_12_remove(realm, inst, who):
    before = inst.call("Status")["keytabs"]["keys"]
    name, own, real = fresh(realm, inst, who)
    keys = before + len(tickets.keytab(real))
    assert inst.call("Status")["keytabs"] == {"kept": True, "keys": keys} and keys > before
    lsactl(inst, "status").ok().says(f"{keys} keys kept, whose stand-ins are in keytabs")
    lsactl(inst, "keytab", "remove", own).ok()
    assert inst.call("Status")["keytabs"]["keys"] == before
    assert kinit(inst, who, own, name)[1].code != 0
    assert lsactl(inst, "keytab", "remove", own).code == 1


def test_13_only_root(realm, inst, who):
    name, own, _ = fresh(realm, inst, who)
    for verb in ("import", "remove"):
        done = lsactl(inst, "keytab", verb, own, who=who)
        if verb == "import":
            assert "nothing to do" in done.out, done.text
        else:
            assert done.code == 1 and "only root" in done.err, done.text
    real = own + ".real"
    shutil.copy(principal(realm, f"x-{name}"), real)
    os.chown(real, who.uid, who.uid)
    done = lsactl(inst, "keytab", "import", real, who=who)
    assert done.code == 1 and "only root" in done.err, done.text
    other = users.User(inst)
    assert own not in lsactl(inst, "keytab", who=other).ok().out
    assert own in lsactl(inst, "keytab", who=who).ok().out


def test_14_random_root(realm):
    with endpoint.Endpoint(realm) as inst:
        path = principal(realm, f"rnd-{os.urandom(4).hex()}")
        before = octets(path)
        done = lsactl(inst, "keytab", "import", path)
        assert done.code == 1 and "[seal] root = tpm" in done.err, done.text
        assert octets(path) == before


def test_15_weak(realm, inst, who):
    path = realm.folder("keytabs", f"weak-{os.urandom(4).hex()}")
    name = f"weak-{os.urandom(4).hex()}"
    realm.kadmin_local(HOME, [f"addprinc -randkey {name}", f"ktadd -q -norandkey -k {path} {name}"])
    part = b"".join(len(p).to_bytes(2, "big") + p for p in (HOME.encode(), name.encode()))
    entry = (b"\0\1" + part + b"\0\0\0\1" + bytes(4) + b"\1\0\x17\0\x10" + b"\x11" * 16)
    with open(path, "ab") as f:
        f.write(len(entry).to_bytes(4, "big") + entry)
    before = octets(path)
    done = lsactl(inst, "keytab", "import", path)
    assert done.code == 1 and "--skip-weak" in done.err, done.text
    assert octets(path) == before
    done = lsactl(inst, "keytab", "import", path, "--skip-weak").ok()
    assert bytes.fromhex("11" * 16) in octets(path)


def test_16_backup(realm, inst, who):
    path = principal(realm, f"bak-{os.urandom(4).hex()}")
    before = octets(path)
    done = lsactl(inst, "keytab", "import", path, "--backup", path + ".bak").ok()
    assert "has the real keys" in done.err
    assert octets(path + ".bak") == before
    assert os.stat(path + ".bak").st_mode & 0o777 == 0o600


def test_17_services_are_warned_of(realm, inst, who):
    copy = realm.folder("keytabs", f"host-{os.urandom(4).hex()}")
    shutil.copy(realm.keytab("host/localhost"), copy)
    done = lsactl(inst, "keytab", "import", copy, "--dry-run").ok()
    assert "sshd" in done.err and f"host/localhost@{HOME}" in done.err, done.text


@pytest.mark.skipif(bool(tpm.missing()), reason=f"SKIP: not installed: {tpm.missing()}")
def test_18_root_key_in_a_tpm(realm):
    """Stopped and started as by a reboot; and the folder without that TPM opens nothing."""
    if instance.level() == "hypervisor":
        pytest.skip("SKIP: the TPM is the host's there")
    chips = [tpm.Tpm(), tpm.Tpm()]
    try:
        inst = enrolled(realm, {"seal": {"root": "tpm", "tcti": chips[0].tcti, "pcrs": "7"}})
        try:
            who = users.User(inst)
            name, own, _ = fresh(realm, inst, who)
            inst.daemon.process.terminate()
            assert inst.daemon.process.wait(30) == 0
            chips[0].stop()
            chips[0].start()
            inst.start()
            kinit(inst, who, own, name)[1].ok()
            # Another root key: what is kept is worth nothing, and that is said.
            inst.daemon.process.terminate()
            assert inst.daemon.process.wait(30) == 0
            lsactl(inst, "seal", "enroll", "--replace").ok()
            inst.start()
            assert kinit(inst, who, own, name)[1].code != 0
            assert inst.log_has("kept under another root key")
            assert lsactl(inst, "keytab", "list").ok().out.count(own) > 0
        finally:
            inst.stop()
    finally:
        for chip in chips:
            chip.close()


KILLER = r"""
#define _GNU_SOURCE
#include <dlfcn.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/types.h>
#include <unistd.h>
/* Ends the program before its call number N of those below. */
static void step(void)
{
	static int n;
	const char *at = getenv("KILL_AT");
	if (at != NULL && ++n == atoi(at))
		raise(SIGKILL);
}
#define WRAP(ret, name, args, pass) \
	ret name args \
	{ \
		ret (*real) args = (ret (*) args)dlsym(RTLD_NEXT, #name); \
		step(); \
		return real pass; \
	}
WRAP(int, connect, (int a, const struct sockaddr *b, socklen_t c), (a, b, c))
WRAP(int, fsync, (int a), (a))
WRAP(int, fchmod, (int a, mode_t b), (a, b))
WRAP(int, fchown, (int a, uid_t b, gid_t c), (a, b, c))
WRAP(int, renameat, (int a, const char *b, int c, const char *d), (a, b, c, d))
WRAP(ssize_t, pwrite, (int a, const void *b, size_t c, off_t d), (a, b, c, d))
WRAP(ssize_t, pwrite64, (int a, const void *b, size_t c, off64_t d), (a, b, c, d))
"""


def test_19_killed_at_any_step(realm, inst, who):
    """Nothing is lost: either the old keytab, or stand-ins whose keys are kept."""
    if instance.sanitized():
        pytest.skip("SKIP: a library cannot be put before AddressSanitizer's")
    shim = inst.folder("killer.so")
    proc.run(["gcc", "-shared", "-fPIC", "-o", shim, "-x", "c", "-", "-ldl"], stdin=KILLER).ok()
    name = f"killed-{os.urandom(4).hex()}"
    real = principal(realm, name)
    own = os.path.join(inst.caches, f"{name}.keytab")
    whole, seen = octets(real), set()
    for at in range(1, 200):
        with open(own, "wb") as f:
            f.write(whole)
        os.chmod(own, 0o600)
        os.chown(own, who.uid, who.uid)
        done = proc.run([instance.program("lsactl"), "keytab", "import", own, "--config",
                         inst.file], env=inst.env(LD_PRELOAD=shim, KILL_AT=str(at)))
        old = octets(own) == whole
        seen.add(old)
        if not old:
            kinit(inst, who, own, name)[1].ok()
            assert whole[-20:-4] not in octets(own)  # of the last key
        if done.code == 0:
            break
    assert done.code == 0 and at > 8 and seen == {True, False}, (at, seen, done.text)
    status = os.stat(own)
    assert (status.st_uid, status.st_mode & 0o777) == (who.uid, 0o600)


def whole(conn):
    """A message with its length: it may come in pieces."""
    got = b""
    while len(got) < 4 or len(got) < 4 + int.from_bytes(got[:4], "big"):
        more = conn.recv(65536)
        if not more:
            raise ConnectionError("half a message")
        got += more
    return got


class Deaf(threading.Thread):
    """Carries questions to a password server, and loses what it answers."""

    def __init__(self, port):
        super().__init__(daemon=True)
        self.behind, self.carried = ("127.0.0.1", port), 0
        self.udp = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.port = proc.free_port()
        self.udp.bind(("127.0.0.1", self.port))
        self.tcp = socket.create_server(("127.0.0.1", self.port))
        self.start()

    def run(self):
        while True:
            ready, _, _ = select.select([self.udp, self.tcp], [], [])
            with contextlib.suppress(OSError):  # who asked may have given up
                if self.udp in ready:
                    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as out:
                        out.settimeout(20)
                        out.sendto(self.udp.recv(65536), self.behind)
                        out.recv(65536)
                else:
                    conn, _ = self.tcp.accept()
                    conn.settimeout(20)
                    with conn, socket.create_connection(self.behind, timeout=20) as out:
                        out.sendall(whole(conn))
                        out.recv(65536)
                self.carried += 1


def test_20_the_answer_to_a_change_is_lost(realm):
    """Both keys stay, and the endpoint finds out which one the KDC has."""
    deaf = Deaf(realm.kpasswd)

    def lose(inst):
        with open(inst.config, encoding="utf-8") as f:
            text = f.read()
        inst.realm.folder.write(os.path.basename(inst.config), text.replace(
            f"kpasswd_server = 127.0.0.1:{realm.kpasswd}",
            f"kpasswd_server = 127.0.0.1:{deaf.port}"))

    inst = enrolled(realm, before=lose)
    try:
        who = users.User(inst)
        name, own, _ = fresh(realm, inst, who)
        done = lsactl(inst, "keytab", "rotate", own)
        assert deaf.carried > 0, done.text
        kinit(inst, who, own, name)[1].ok()
        kinit(inst, who, own, name)[1].ok()
        mine = [k for k in json.loads(lsactl(inst, "keytab", "list", "--json").ok().out)["keys"]
                if k["path"] == own]
        assert {k["versions"][0]["state"] for k in mine} <= {"current"}, mine
        assert any(len(k["versions"]) == 2 for k in mine), mine
    finally:
        inst.stop()


def test_21_the_machines_keytab(realm):
    """Its keys are lsaiso's from the kept ones, with each start: FAST and the KDC's proof."""
    keytab = realm.folder("keytabs", f"machine-{os.urandom(4).hex()}")
    shutil.copy(realm.keytab("host/localhost"), keytab)
    os.chmod(keytab, 0o600)
    inst = enrolled(realm, SETTINGS | {"logon": {"keytab": keytab}}, file=True)
    try:
        def brought(times):
            proc.wait_until("the machine's keys", lambda: len(re.findall(
                "this machine is ", inst.read_log())) >= times, log=inst.log)

        def armoured():
            who = users.User(inst)
            said = json.loads(lsactl(inst, "logon", "alice", "--json", who=who,
                                     stdin=PASSWORDS["alice"] + "\n").ok().out)
            assert said["verified"] and said["armored"], said

        brought(1)
        armoured()
        lsactl(inst, "keytab", "import", keytab).ok()
        lsactl(inst, "logon", "--keytab", keytab, "--machine").ok()
        armoured()
        at = len(re.findall("this machine is ", inst.read_log()))
        os.kill(inst.pid("lsaiso"), signal.SIGKILL)
        brought(at + 1)
        armoured()
    finally:
        inst.stop()
