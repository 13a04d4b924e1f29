# SPDX-License-Identifier: GPL-3.0-or-later
"""Do MIT's unmodified programs get everything from the local KDC endpoint, with a ccache
file whose keys are stand-ins? The same file straight at the real KDC is refused, each time."""

import os
import subprocess
import time

import pytest

from lib import kcm, proc, tickets
from lib.people import Person
from lib.realm import AWAY, HOME, PASSWORDS

TGT = f"krbtgt/{HOME}@{HOME}"
ETYPES = {"aes128-cts-hmac-sha1-96": 17, "aes256-cts-hmac-sha1-96": 18,
          "aes128-cts-hmac-sha256-128": 19, "aes256-cts-hmac-sha384-192": 20}


@pytest.fixture
def alice(person):
    person.standins("alice")
    yield person
    # Whatever the test did with it.
    if os.path.exists(person.file):
        person.ccache_is_refused_straight()


def test_01_a_typed_password_is_relayed(person):
    """The endpoint is the only KDC of the host: who types a password gets what the KDC gives."""
    person.kinit("alice").ok()
    real = person.tgt()
    assert real.key == tickets.real_key(real.ticket, person.realm.krbtgt_keytab)
    person.kvno("HTTP/localhost").ok()
    person.kinit("alice", password="wrong").fails("Password incorrect")
    person.kinit("nobody", password="x").fails("not found in Kerberos database")


def test_02_a_ticket_with_a_stand_in(alice):
    alice.has_no_real_key()
    alice.kvno("HTTP/localhost").ok().says("kvno = 1")
    alice.klist().ok().says("HTTP/localhost@TEST.LOCAL")


def test_03_the_ticket_is_the_services(alice, realm):
    os.chmod(realm.keytab("imap/localhost"), 0o644)
    alice.kvno("-k", realm.keytab("imap/localhost"), "imap/localhost").ok().says(
        "keytab entry valid")


def test_04_many_in_one_process(alice):
    alice.kvno("HTTP/localhost", "host/localhost", "ldap/localhost", "nfs/localhost",
               "cifs/localhost").ok()
    assert len([c for c in alice.creds() if not c.is_config]) == 6


@pytest.mark.parametrize("etype", ETYPES)
def test_05_session_keys_of_each_type(alice, etype):
    alice.kvno("-e", etype, "HTTP/localhost").ok()
    alice.klist("-e").ok().says(f"(skey, tkt): {etype}, ")


@pytest.mark.parametrize("etype", ETYPES)
def test_06_stand_ins_of_each_type(person, endpoint, etype):
    """The TGT's own session key is of that type."""
    person.config = endpoint.krb5(etype, f"default_tkt_enctypes = {etype}")
    person.standins("alice")
    assert person.tgt().etype == ETYPES[etype]
    person.has_no_real_key()
    person.kvno("HTTP/localhost").ok()
    person.kvno("HTTP/web.other.local@OTHER.LOCAL").ok()
    person.ccache_is_refused_straight()


def test_07_kinit_R_renews(alice):
    before = alice.tgt()
    time.sleep(1.1)
    alice.run("kinit", "-R").ok()
    after = alice.tgt()
    assert after.ticket != before.ticket and after.key != before.key
    assert after.times[2] > before.times[2]
    alice.has_no_real_key()
    alice.kvno("HTTP/localhost").ok()
    # And once more, with what came of that.
    alice.run("kinit", "-R").ok()
    alice.kvno("ldap/localhost").ok()


def test_08_kinit_v_validates_a_postdated_ticket(person):
    person.standins("alice", "-s", "1s")
    person.kvno("HTTP/localhost").fails("not yet valid")
    time.sleep(2 * proc.SLOW)
    person.run("kinit", "-v").ok()
    person.has_no_real_key()
    person.kvno("HTTP/localhost").ok()
    person.ccache_is_refused_straight()


def test_09_across_realms(alice):
    """By the trust's TGT, whose key is a stand-in of its own."""
    alice.kvno("HTTP/web.other.local@OTHER.LOCAL").ok()
    crossed = alice.tgt(AWAY)
    real = tickets.real_key(crossed.ticket, alice.realm.cross_keytab())
    assert crossed.key != real and len(crossed.key) == len(real)
    alice.kvno("nfs/web.other.local@OTHER.LOCAL").ok()
    # The away KDC does not know the stand-in either.
    copy = alice.copy(alice.file, "straight")
    alice.straight().run("kvno", "HTTP/web.other.local@OTHER.LOCAL", "-c", copy).ok()
    os.unlink(copy)


def test_10_the_cross_realm_ticket_alone_is_refused_straight(alice, realm):
    alice.kvno(f"krbtgt/{AWAY}@{HOME}").ok()
    crossed = alice.tgt(AWAY)
    path = alice.path("crossed")
    tickets.write_file_ccache(path, crossed.client, [alice.tgt(), crossed])
    alice.owns(path)
    alice.ccache_is_refused_straight(path, "HTTP/web.other.local@OTHER.LOCAL")


def test_11_a_referral(alice):
    """The KDC of HOME says who knows the host."""
    alice.kvno("-S", "HTTP", "web.other.local").ok().says("HTTP/web.other.local@OTHER.LOCAL")
    alice.kvno("svc/n000.test.local@").ok()


def test_12_user_to_user(alice, realm):
    """bob's ticket is a stand-in's, too; what is made for him is under the real key."""
    bob = alice.path("bob")
    alice.standins("bob", path=bob)
    alice.kvno("--u2u", f"FILE:{bob}", "bob").ok()
    made = [c for c in alice.creds() if c.server.parts == (b"bob",)][-1]
    etype, cipher = tickets.encrypted_part(made.ticket)
    with pytest.raises(ValueError):
        tickets.decrypt(etype, alice.tgt(path=bob).key, tickets.TICKET_USAGE, cipher)
    real = tickets.real_key(alice.tgt(path=bob).ticket, realm.krbtgt_keytab)
    assert tickets.session_key(tickets.decrypt(etype, real, tickets.TICKET_USAGE, cipher))


def test_13_errors_of_the_kdc_are_read_as_such(alice):
    alice.kvno("nosuch/localhost").fails("nosuch/localhost@TEST.LOCAL not found in Kerberos")
    alice.kvno("nosvr/localhost").fails("user2user")
    alice.kvno("HTTP/nosuch.nowhere@NO.WHERE").fails("krbtgt/NO.WHERE@TEST.LOCAL not found")
    alice.run("kvno", "nosuch/localhost", "HTTP/localhost").fails("nosuch/localhost")
    alice.klist().ok().says("HTTP/localhost@TEST.LOCAL")


def test_14_an_expired_ticket_is_said_to_be(person):
    person.standins("brief", "-l", f"{2 * proc.SLOW:.0f}s")
    time.sleep(2.5 * proc.SLOW)
    person.kvno("HTTP/localhost").fails("expired")


def test_15_the_trace_shows_no_real_key(alice, realm):
    """KRB5_TRACE has two octets of a hash of each key that is used."""
    real = tickets.real_key(alice.tgt().ticket, realm.krbtgt_keytab)
    done, trace = alice.traced("kvno", "HTTP/localhost", "HTTP/web.other.local@OTHER.LOCAL")
    done.ok()
    assert "TGS request" in trace and "FAST" in trace, trace
    assert real.hex() not in trace.lower()
    shown = f"session key aes256-cts/{tickets.trace_hash(real)}"
    assert shown not in trace.replace("aes256-cts-hmac-sha1-96/", "aes256-cts/")


def test_16_kpasswd(person, realm):
    """Its own exchange, by a ticket of kadmin/changepw that a password is typed for."""
    old, new = PASSWORDS["dora"], "dora's newest password"
    person.standins("dora")
    changed = person.run("kpasswd", stdin=f"{old}\n{new}\n{new}\n")
    changed.ok().says("Password changed")
    realm.kadmin_local(HOME, [f'cpw -pw "{old}" dora'])
    person.kinit("dora", KRB5CCNAME="MEMORY:").ok()


def test_17_kpasswd_with_a_ticket_that_says_fast(person, realm):
    """A typed logon's ccache says that the KDC has FAST, and kpasswd uses it."""
    old, new = PASSWORDS["carol"], "carol's newest password"
    person.kinit("carol").ok()
    person.run("kpasswd", stdin=f"{old}\n{new}\n{new}\n").ok().says("Password changed")
    realm.kadmin_local(HOME, [f'cpw -pw "{old}" carol'])


def test_18_kinit_T_goes_without_armour(alice):
    """No KDC could open armour under a stand-in, so the ccache does not say that there is FAST."""
    done, trace = alice.traced("kinit", "-T", f"FILE:{alice.file}", "-c", "MEMORY:", "bob",
                               stdin=PASSWORDS["bob"] + "\n")
    done.ok()
    assert "FAST armor key" not in trace
    alice.kvno("HTTP/localhost").ok()


def test_18b_armour_under_a_stand_in_is_refused_as_such(alice, endpoint):
    """Who insists on it gets no "Password incorrect"; the log of lsass says what it is."""
    tgt = alice.tgt()
    said = kcm.config_entry(tgt.client, "fast_avail", b"yes", TGT)
    tickets.write_file_ccache(alice.path("armour"), tgt.client, [tgt, said])
    alice.owns(alice.path("armour"))
    alice.run("kinit", "-T", f"FILE:{alice.path('armour')}", "-c", "MEMORY:", "bob",
              stdin=PASSWORDS["bob"] + "\n").fails("policy rejects request")
    assert endpoint.log_has(f"uid {alice.uid}: FAST armour made with a stand-in")


def test_19_over_TCP_only_and_over_UDP_only(person, endpoint):
    for limit in (1, 65500):
        person.config = endpoint.krb5(f"limit-{limit}", f"udp_preference_limit = {limit}")
        person.standins("alice")
        done, trace = person.traced("kvno", "HTTP/localhost", "HTTP/web.other.local@OTHER.LOCAL")
        done.ok()
        assert ("Sending TCP request" if limit == 1 else "Sending initial UDP request") in trace
        assert ("Sending initial UDP request" if limit == 1 else "Sending TCP") not in trace


def test_20_sixteen_kvno_at_once(alice):
    names = ["HTTP/localhost", "host/localhost", "ldap/localhost", "imap/localhost"]
    argv = alice.argv(["kvno", "--no-store"])
    running = [subprocess.Popen([*argv, names[n % 4]], env=alice.env(), stdout=subprocess.DEVNULL,
                                stderr=subprocess.PIPE) for n in range(16)]
    said = [p.communicate(timeout=60 * proc.SLOW)[1] for p in running]
    assert [p.returncode for p in running] == [0] * 16, said


def test_21_curl_and_ldap_are_let_in(alice, apache, slapd):
    alice.run("curl", "-sS", "-i", "--negotiate", "-u", ":", apache.url).ok().says(
        "200 OK", "X-User: alice@TEST.LOCAL")
    alice.run("ldapwhoami", "-N", "-Y", "GSSAPI", "-H", slapd.url).ok().says(
        "dn:uid=alice,cn=test.local,cn=gssapi,cn=auth", "SASL SSF: 256")


def test_22_ssh_lets_alice_in(alice, sshd):
    alice.run_named(*sshd.command()).ok().says("here I am root")


def test_23_every_use_is_in_the_use_log(alice, endpoint):
    alice.kvno("svc/n101.test.local").ok()
    said = endpoint.lsactl("audit", "--json").ok().out
    assert "svc/n101.test.local" in said


def test_24_status_tells_of_the_endpoint(alice, endpoint):
    alice.kvno("svc/n102.test.local").ok()
    endpoint.lsactl("status").ok().says(f"127.0.0.1:{endpoint.at[1]}")


def test_25_a_TGT_is_asked_for_by_name(alice):
    """kvno krbtgt/TEST.LOCAL from scratch: another TGT-class ticket; its key is a stand-in."""
    alice.kvno("--out-cache", alice.path("out"), TGT).ok()
    alice.kvno("HTTP/localhost").ok()


def test_26_another_ccache_of_the_same_person(alice):
    second = alice.path("second")
    alice.standins("alice", path=second)
    alice.run("kdestroy", "-c", f"FILE:{second}").ok()
    alice.kvno("HTTP/localhost").ok()
    third = Person(alice.daemon, uid=alice.uid, folder=alice.folder)
    third.standins("bob", path=alice.path("third"))
    alice.kvno("-c", alice.path("third"), "HTTP/localhost").ok()
    alice.kvno("ldap/localhost").ok()
