# SPDX-License-Identifier: GPL-3.0-or-later
"""Whose is a stand-in, and how long is it one? Copies, other users, root; files and KCM
together; and what becomes of them when lsass or lsaiso ends, or an administrator says so."""

import json
import os
import signal

import pytest

from lib import people, proc, rawkdc
from lib.realm import HOME, PASSWORDS


@pytest.fixture
def alice(person):
    person.standins("alice")
    return person


@pytest.fixture
def own(realm):
    """An instance of the test's own, and alice there."""
    with people.Station(realm) as inst:
        someone = people.Person(inst)
        someone.standins("alice")
        yield inst, someone


# ---- other users

def test_01_another_user_who_copies_the_ccache_gets_nothing(alice, endpoint):
    thief = people.Person(endpoint)
    copy = thief.copy(alice.file, "stolen")
    before = endpoint.realm.kdc_log().count("TGS_REQ")
    done = thief.kvno("HTTP/localhost", KRB5CCNAME=f"FILE:{copy}")
    assert done.code != 0, done
    assert "getting credentials for HTTP/localhost" in done.text, done
    # It is refused here; the KDC does not even see it.
    assert endpoint.realm.kdc_log().count("TGS_REQ") == before
    # And alice's is as good as before.
    alice.kvno("HTTP/localhost").ok()


def test_02_what_he_is_told_can_be_read(alice, endpoint):
    """In the client, and in the log of lsass with both uids' words."""
    thief = people.Person(endpoint)
    copy = thief.copy(alice.file, "stolen")
    done = thief.kvno("HTTP/localhost", KRB5CCNAME=f"FILE:{copy}")
    assert any(w in done.text for w in ("policy rejects request", "belongs to", "another user")), \
        done
    assert endpoint.log_has(rf"uid {thief.uid}\b"), endpoint.read_log()[-2000:]


def test_03_root_who_copies_it_gets_tickets_here_and_each_is_recorded(alice, endpoint):
    root = people.Person(endpoint, uid=0)
    copy = root.copy(alice.file, "stolen")
    for name in ("svc/n130.test.local", "svc/n131.test.local"):
        root.kvno(name, KRB5CCNAME=f"FILE:{copy}").ok()
        entries = json.loads(endpoint.lsactl("audit", "--json").ok().out)
        assert name in json.dumps(entries)
    root.ccache_is_refused_straight(copy)


def test_04_a_ticket_without_its_stand_in_is_worth_nothing(alice, endpoint):
    """The ticket goes over the network in the clear; the proof is the key."""
    held = rawkdc.Held.of(alice.tgt())
    guess = rawkdc.Held(held.realm, held.client, held.etype, bytes(len(held.key)), held.ticket)
    answer = rawkdc.tgs(endpoint.at, guess, HOME.encode(), (b"HTTP", b"localhost"))
    assert answer.code, answer
    for at in (endpoint.at, endpoint.local):
        # Root, who runs this, with the right stand-in; with and without a subkey.
        for subkey, usage in ((None, rawkdc.REP_SESSION), (os.urandom(32), rawkdc.REP_SUBKEY)):
            answer = rawkdc.tgs(at, held, HOME.encode(), (b"HTTP", b"localhost"), subkey=subkey)
            assert (answer.code, answer.usage) == (0, usage), answer
            assert answer.sname == (b"HTTP", b"localhost")


# ---- files and KCM

def test_05_KCM_and_FILE_together(person, apache):
    """One logon, two ways to it, and neither hurts the other."""
    person.standins("alice")
    cache = f"KCM:{person.uid}:ccache"
    person.kvno("HTTP/localhost").ok()
    person.kvno("ldap/localhost", KRB5CCNAME=cache).ok()
    person.run("kinit", "-R").ok()
    person.kvno("imap/localhost", KRB5CCNAME=cache).ok()
    person.run("kdestroy").ok()
    person.kvno("smtp/localhost", KRB5CCNAME=cache).ok()
    person.run("curl", "-sS", "-i", "--negotiate", "-u", ":", apache.url, KRB5CCNAME=cache).ok() \
        .says("200 OK")


def test_06_KCMs_own_renewal_through_the_endpoint(person):
    """kinit -R with KCM, which cannot work straight: known limit no more."""
    cache = f"KCM:{person.uid}:renewed"
    person.kinit("alice", KRB5CCNAME=cache).ok()
    person.run("kinit", "-R", KRB5CCNAME=cache).ok()
    person.kvno("HTTP/localhost", KRB5CCNAME=cache).ok()
    person.run("kdestroy", KRB5CCNAME=cache).ok()


def test_07_two_files_of_one_principal_and_copies(person):
    person.standins("alice")
    second = person.standins("alice", path=person.path("second"))
    copy = person.copy(second, "copy-of-second")
    for path in (person.file, second, copy):
        person.kvno("-c", f"FILE:{path}", "HTTP/localhost").ok()
    person.run("kdestroy", "-c", f"FILE:{second}").ok()
    person.kvno("-c", f"FILE:{copy}", "ldap/localhost").ok()
    person.kvno("ldap/localhost").ok()
    for path in (person.file, copy):
        person.ccache_is_refused_straight(path)


def test_08_a_ccache_is_imported_in_place(person, endpoint):
    path = person.imported("alice")
    person.has_no_real_key()
    assert not [c for c in person.creds() if c.is_config and b"fast_avail" in c.server.parts]
    assert (os.stat(path).st_uid, os.stat(path).st_mode & 0o777) == (person.uid, 0o600)
    person.kvno("HTTP/localhost").ok()
    person.run("kinit", "-R").ok()
    person.kvno("HTTP/web.other.local@OTHER.LOCAL").ok()
    person.ccache_is_refused_straight()
    # Twice does no harm.
    endpoint.lsactl("ccache", "import", path, who=person)
    person.kvno("ldap/localhost").ok()


def test_09_an_imported_ccache_that_has_been_elsewhere(person):
    """With tickets in it, of services and of the other realm."""
    person.kinit("alice").ok()
    person.kvno("HTTP/localhost", "HTTP/web.other.local@OTHER.LOCAL").ok()
    person.daemon.lsactl("ccache", "import", person.file, who=person).ok()
    person.has_no_real_key()
    person.kvno("nfs/web.other.local@OTHER.LOCAL").ok()
    person.kvno("ldap/localhost").ok()
    person.ccache_is_refused_straight()


# ---- the ends of lsass and lsaiso

def killed(inst, name):
    old = inst.pid(name)
    os.kill(old, signal.SIGKILL)
    proc.wait_until(f"another {name}", lambda: inst.pid(name) not in (None, old)
                    and inst.answers(), log=inst.log)
    inst.linked()


def test_10_lsass_dies_and_all_goes_on(own):
    """Renewed and cross-realm tickets that only files have, too."""
    inst, alice = own
    alice.kvno("HTTP/web.other.local@OTHER.LOCAL").ok()
    alice.run("kinit", "-R").ok()
    alice.kvno("HTTP/web.other.local@OTHER.LOCAL").ok()
    killed(inst, "lsass")
    alice.kvno("ldap/localhost").ok()
    alice.kvno("nfs/web.other.local@OTHER.LOCAL").ok()
    alice.run("kinit", "-R").ok()
    alice.ccache_is_refused_straight()


def test_11_lsaiso_dies_and_logons_end(own):
    """As with KCM: "ticket expired", until the next logon."""
    inst, alice = own
    alice.kvno("HTTP/localhost").ok()
    killed(inst, "lsaiso")
    alice.kvno("ldap/localhost").fails("expired")
    alice.ccache_is_refused_straight()
    alice.standins("alice")
    alice.kvno("ldap/localhost").ok()


def test_12_logoff_ends_it(own):
    inst, alice = own
    alice.kvno("HTTP/localhost").ok()
    inst.lsactl("logoff", "--all", who=alice).ok()
    assert alice.kvno("ldap/localhost").code != 0
    alice.ccache_is_refused_straight()
    alice.standins("alice")
    alice.kvno("ldap/localhost").ok()


def test_13_wipe_ends_all(own):
    inst, alice = own
    bob = people.Person(inst)
    bob.standins("bob")
    inst.lsactl("wipe").ok()
    for someone in (alice, bob):
        assert someone.kvno("HTTP/localhost").code != 0
        someone.ccache_is_refused_straight()


def test_14_a_locked_session_gives_nothing_until_it_is_unlocked(own):
    inst, _ = own
    bob = people.Person(inst)
    word = PASSWORDS["bob"] + "\n"
    inst.lsactl("logon", "bob", who=bob, stdin=word).ok()
    bob.from_kcm()
    bob.kvno("HTTP/localhost").ok()
    inst.lsactl("lock", who=bob).ok()
    assert bob.kvno("ldap/localhost").code != 0
    inst.lsactl("unlock", who=bob, stdin=word).ok()
    bob.kvno("ldap/localhost").ok()
    bob.ccache_is_refused_straight()
