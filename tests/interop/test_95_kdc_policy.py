# SPDX-License-Identifier: GPL-3.0-or-later
"""Is what may leave by the endpoint what [delegation] says: forwarded tickets, and tickets
in the name of others? Off by default, and said where somebody looks."""

import os
import time

import pytest

from lib import people
from lib.realm import HOME

SHOW = "klist; id -un"
JUMP = "host/localhost"


@pytest.fixture
def alice(person):
    person.standins("alice", "-f")
    return person


@pytest.fixture(scope="module")
def allowing(realm):
    """Forwarding to host/localhost only; and services may act for others."""
    with people.Station(realm, {"delegation": {"forward": "allow", "targets": JUMP, "s4u": "yes"},
                                "krb5": {"rc4": "yes"}}) as made:
        yield made


@pytest.fixture
def trusted(allowing):
    someone = people.Person(allowing)
    someone.standins("alice", "-f")
    return someone


def curl(someone, apache):
    return someone.run("curl", "-sS", "-i", "--negotiate", "-u", ":", "--delegation", "always",
                       apache.url)


def test_01_ssh_K_is_let_in_and_brings_nothing(alice, sshd):
    done = alice.run_named(*sshd.command("-K", command=SHOW))
    done.ok().says("root").silent_about("krbtgt/")
    alice.ccache_is_refused_straight()


def test_02_ssh_K_where_it_is_allowed(trusted, sshd, allowing):
    """The server has a ticket of its own, that works there."""
    config = allowing.realm.config
    done = trusted.run_named(*sshd.command("-K", command=(
        f"{SHOW}; KRB5_CONFIG={config} kvno svc/n120.test.local")))
    done.ok().says("root", f"krbtgt/{HOME}@{HOME}", "svc/n120.test.local@TEST.LOCAL: kvno = 1")
    assert "forwarded" in allowing.lsactl("audit").ok().out
    # What is in the file is what it was.
    trusted.has_no_real_key()
    trusted.ccache_is_refused_straight()


def test_02b_the_same_with_KCM(allowing, sshd):
    """There the client gets the TGT with its stand-in, and the endpoint is its KDC."""
    trusted = people.Person(allowing)
    cache = f"KCM:{trusted.uid}:k"
    trusted.kinit("alice", "-f", KRB5CCNAME=cache).ok()
    trusted.run_named(*sshd.command("-K", command=SHOW), KRB5CCNAME=cache).ok().says(
        "root", f"krbtgt/{HOME}@{HOME}")


def test_03_not_to_a_server_that_is_not_named(trusted, apache):
    curl(trusted, apache).ok().says("200 OK").silent_about("X-Delegated: FILE")


def test_04_curl_is_let_in_without(alice, apache):
    curl(alice, apache).ok().says("200 OK", "X-User: alice@TEST.LOCAL").silent_about(
        "X-Delegated: FILE")


def test_05_a_refusal_is_written_down(alice, apache, endpoint):
    """Clients swallow it, so it is in the log of lsass and in the use log."""
    before = time.time()
    curl(alice, apache).ok()
    assert endpoint.log_has(rf"uid {alice.uid}.*forward"), endpoint.read_log()[-2000:]
    assert before


# ---- tickets in the name of others

@pytest.fixture(scope="module")
def acting(realm):
    """act/self may do S4U2Self with forwardable tickets."""
    realm.kadmin_local(HOME, ["addprinc -randkey +ok_to_auth_as_delegate act/self",
                              f"ktadd -q -norandkey -k {realm.folder('keytabs', 'act')} act/self"])
    os.chmod(realm.folder("keytabs", "act"), 0o644)
    return "act/self"


def as_service(person, realm, name="act/self"):
    """A ccache of stand-ins of the service, by its keytab and our KCM."""
    keytab = realm.folder("keytabs", "act")
    cache = f"{person.uid}:act"
    person.run("kinit", "-f", "-k", "-t", keytab, name, KRB5CCNAME=f"KCM:{cache}").ok()
    person.from_kcm(cache)


def test_06_kvno_U_is_refused_by_default(acting, person, realm):
    as_service(person, realm)
    person.kvno("-U", "bob", acting).fails("policy rejects request")
    person.kvno("HTTP/localhost").ok()
    # The control: the KDC would do it for the real ticket.
    real = people.Person(person.daemon)
    real.run("kinit", "-k", "-t", realm.folder("keytabs", "act"), acting).ok()
    real.straight().kvno("-U", "bob", acting).ok()
    person.ccache_is_refused_straight()


def test_07_kvno_U_where_it_is_allowed(acting, allowing, realm):
    person = people.Person(allowing)
    as_service(person, realm)
    done = person.kvno("-U", "bob", "-k", realm.folder("keytabs", "act"), acting)
    done.ok().says("keytab entry valid")
    cached = [c for c in person.creds() if c.client.parts == (b"bob",)]
    assert cached, person.klist().text
    person.has_no_real_key()
    person.ccache_is_refused_straight()


def test_07b_the_same_with_KCM(acting, allowing, realm):
    person = people.Person(allowing)
    cache = f"KCM:{person.uid}:s"
    person.run("kinit", "-f", "-k", "-t", realm.folder("keytabs", "act"), acting,
               KRB5CCNAME=cache).ok()
    person.kvno("-U", "bob", "-k", realm.folder("keytabs", "act"), acting,
                KRB5CCNAME=cache).ok().says("keytab entry valid")


def test_07_of_a_service_with_one_name_the_key_stays(allowing, realm):
    """As computers of Active Directory have (WEB$): it could be the KDC's own account."""
    keytab = realm.folder("keytabs", "solo")
    realm.kadmin_local(HOME, ["addprinc -randkey +ok_to_auth_as_delegate solo",
                              f"ktadd -q -norandkey -k {keytab} solo"])
    os.chmod(keytab, 0o644)
    person = people.Person(allowing)
    cache = f"{person.uid}:solo"
    person.run("kinit", "-f", "-k", "-t", keytab, "solo", KRB5CCNAME=f"KCM:{cache}").ok()
    person.from_kcm(cache)
    person.kvno("-U", "bob", "-k", keytab, "solo").ok().says("keytab entry valid")
    uses = [one for one in allowing.lsactl("audit").ok().out.splitlines() if "solo" in one]
    assert any("krb_for_user" in one and "bobTEST.LOCALKerberos by solo@" in one
               for one in uses), uses
    assert "krb_tgs_open" in uses[-1] and "withheld" in uses[-1], uses


def test_08_kvno_P_gets_the_KDCs_own_answer(acting, allowing, realm):
    """The db2 database of MIT's KDC has no list of who may act before whom, so the KDC
    refuses; that its word arrives is what can be seen here. Samba's KDC has one (its tests)."""
    person = people.Person(allowing)
    as_service(person, realm)
    said = person.kvno("-U", "bob", "-P", "HTTP/localhost", "-k", realm.folder("keytabs", "act"))
    real = people.Person(allowing)
    real.run("kinit", "-f", "-k", "-t", realm.folder("keytabs", "act"), acting).ok()
    straight = real.straight().kvno("-U", "bob", "-P", "HTTP/localhost", "-k",
                                    realm.folder("keytabs", "act"))
    assert straight.code == said.code != 0, (said.text, straight.text)
    assert said.text == straight.text


# ---- old encryption

RC4 = "allow_rc4 = true\n    default_tkt_enctypes = rc4-hmac aes256-cts"


@pytest.fixture
def old_kdc(realm):
    """One that still makes RC4 session keys for TGTs."""
    realm.kadmin_local(HOME, [f'setstr krbtgt/{HOME} session_enctypes "aes256-cts rc4-hmac"'])
    realm.restart_kdc(KRB5_CONFIG=realm.write_config("krb5-old.conf", defaults="allow_rc4 = true"))
    yield
    realm.kadmin_local(HOME, [f"delstr krbtgt/{HOME} session_enctypes"])
    realm.restart_kdc()


def test_09_a_stand_in_of_rc4_where_that_is_allowed(old_kdc, allowing):
    person = people.Person(allowing)
    person.config = allowing.krb5("rc4", RC4)
    person.standins("alice")
    assert person.tgt().etype == 23, person.klist("-e").text
    person.has_no_real_key()
    person.kvno("HTTP/localhost").ok()
    person.run("kinit", "-R").ok()
    person.kvno("HTTP/web.other.local@OTHER.LOCAL").ok()
    person.ccache_is_refused_straight()


def test_10_and_where_it_is_not(old_kdc, person, endpoint):
    person.config = endpoint.krb5("rc4", RC4)
    stored = person.kinit("alice", KRB5CCNAME="KCM:old")
    assert stored.code != 0 or person.kvno("HTTP/localhost", KRB5CCNAME="KCM:old").code != 0
    # A file has it, and the real KDC, through the endpoint: nothing of it is ours.
    person.kinit("alice").ok()
    person.kvno("HTTP/localhost").ok()
    endpoint.lsactl("ccache", "import", person.file, who=person).fails(
        "encryption type not allowed")
    person.kvno("ldap/localhost").ok()
