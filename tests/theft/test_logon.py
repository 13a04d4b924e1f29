# SPDX-License-Identifier: GPL-3.0-or-later
"""After somebody logged on inside (lsactl logon): where does root find the
password, the keys made of it, the NT hash, the key of the TGT? In nobody's
memory, no core, no file, and not on the way from lsactl to lsass. Looked for
while the KDC makes them wait, and afterwards.
"""

import os
import secrets
import signal
import subprocess
import time

import pytest

from lib import instance, kcm, proc, search, theft, tickets, users
from lib.realm import HOME

pytestmark = pytest.mark.usefixtures("need_root")
NAME = "erin"


class Person:
    """erin, whose secrets this test knows from the KDC's side."""

    def __init__(self, realm):
        self.realm = realm
        self.name = f"{NAME}{secrets.token_hex(3)}"
        self.password = secrets.token_hex(20)
        path = realm.folder("keytabs", self.name)
        realm.kadmin_local(HOME, [
            f"addprinc -pw {self.password} {self.name}",
            f"addprinc -pw {self.password} -e rc4-hmac:normal {self.name}-rc4",
            f"ktadd -q -norandkey -k {path} {self.name}",
            f"ktadd -q -norandkey -k {path} {self.name}-rc4"])
        self.known = {"password": self.password.encode()}
        for _, etype, key in tickets.keytab(path):
            self.known["NT hash" if etype == 23 else f"long-term key of etype {etype}"] = key
        os.unlink(path)
        assert "NT hash" in self.known and len(self.known) >= 4, self.known.keys()

    def learn_tgt(self, daemon, user):
        with kcm.Kcm(daemon.socket, uid=user.uid) as k:
            tgt = next(c for c in k.by_iteration(k.default()) if c.server.same(theft.TGT))
        self.known["key of the TGT"] = tickets.real_key(tgt.ticket, self.realm.krbtgt_keytab)


def nowhere(person, daemon, pids=None):
    """Nothing of it in any process's memory (or those of pids) or in the daemon's files."""
    known = list(person.known.values())
    memory = search.search_memory(known, pids, but=person.realm.pids())
    assert memory.processes >= (3 if pids else 5) and memory.octets > 1 << 20, f"searched too little: {memory}"
    assert not memory.found, str(memory)
    files = search.search_files(known, daemon.folders)
    assert not files, str(files)


@pytest.fixture(scope="module")
def logged_on(realm):
    with instance.Instance(realm, {"ntlm": {"mode": "on"}}) as daemon:
        person, user = Person(realm), users.User(daemon)
        path = realm.folder(f"tap-admin-{user.uid}")
        recorder = search.Recorder(daemon.admin, path, user.uid)
        try:
            user.run(instance.program("lsactl"), "--config", daemon.file, "--socket", path,
                     "logon", person.name, stdin=person.password + "\n").ok()
        finally:
            recorder.close()
        user.klist().ok().says(f"krbtgt/{HOME}@{HOME}")
        user.kvno("HTTP/localhost").ok()
        person.learn_tgt(daemon, user)
        assert [s["ntlm"] for s in daemon.call("ListSessions")["sessions"]] == [True]
        yield person, user, daemon, recorder


def test_T21_nothing_of_a_logon_inside_is_in_any_memory_or_file(logged_on):
    person, _, daemon, _ = logged_on
    nowhere(person, daemon)


def test_T21_nor_in_the_cores_of_the_daemons_processes(logged_on):
    person, _, daemon, _ = logged_on
    for pid in daemon.pids:
        assert search.search_core(list(person.known.values()), pid, daemon.folder) is not True, \
            f"in a core of {search.comm(pid)}"


def test_T21_lsass_carried_a_box_and_nothing_else(logged_on):
    person, _, daemon, recorder = logged_on
    said = bytes(recorder.to_server) + bytes(recorder.to_client)
    assert b"org.lsaiso.Logon" in said and len(recorder.to_server) > 1280
    for what, octets in person.known.items():
        for form in (octets, octets.hex().encode()):
            assert not search.holds(said, search.needles(form)), what
    assert not search.holds(daemon.read_log().encode(), search.needles(person.password.encode()))


def waiting(argv, user, word, kdc):
    """argv waits for a KDC that is stopped; the process, to be ended by the caller."""
    os.kill(kdc, signal.SIGSTOP)
    process = subprocess.Popen(user.argv(argv), env=user.env(), stdin=subprocess.PIPE,
                               stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    process.stdin.write(word.encode() + b"\n")
    process.stdin.flush()
    time.sleep(2 * proc.SLOW)
    assert process.poll() is None, "it did not wait for the KDC"
    return process


def test_T21_while_the_kdc_makes_it_wait(realm):
    with instance.Instance(realm) as daemon:
        person, user = Person(realm), users.User(daemon)
        argv = [instance.program("lsactl"), "--config", daemon.file, "logon", person.name]
        process = waiting(argv, user, person.password, realm.kdc_pid)
        try:
            # Only these, so that the search is over in time.
            nowhere(person, daemon, [*daemon.pids, process.pid])
            assert process.poll() is None, "it gave up before the search was over"
        finally:
            os.kill(realm.kdc_pid, signal.SIGCONT)
            process.wait(60 * proc.SLOW)  # whether the KDC was too late does not matter here


def test_T21_the_control_the_search_sees_a_password_that_is_there(realm):
    """A program that holds it as pam_unix or kinit would."""
    word = secrets.token_hex(20)
    script = "import sys, time; w = sys.stdin.readline(); print('.', flush=True); time.sleep(60)"
    process = subprocess.Popen(["/usr/bin/python3", "-c", script], stdin=subprocess.PIPE,
                               stdout=subprocess.PIPE)
    try:
        process.stdin.write(word.encode() + b"\n")
        process.stdin.flush()
        process.stdout.readline()
        assert search.search_memory(word.encode(), [process.pid]).found
    finally:
        process.kill()
        process.wait()


def test_T23_after_logoff_nothing_that_was_copied_before_opens(logged_on, realm):
    """Last: it takes erin's tickets away."""
    person, user, daemon, _ = logged_on
    with kcm.Kcm(daemon.socket, uid=user.uid) as k:
        name = k.default()
        principal, creds = k.principal(name), k.by_iteration(name)
    user.run(instance.program("lsactl"), "--config", daemon.file, "logoff").ok()
    user.klist("-s").fails()
    nowhere(person, daemon)
    with kcm.Kcm(daemon.socket, uid=user.uid) as k:
        k.replace("late", principal, creds)
    user.kvno("-c", "KCM:late", "cifs/localhost").fails()
