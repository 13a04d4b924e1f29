# SPDX-License-Identifier: GPL-3.0-or-later
"""Do MIT's unmodified programs work through our KCM? From simple to complex:
the first failure is the cause of the others."""

import os
import subprocess
import time

import pytest

from lib import proc
from lib.realm import PASSWORDS

SHORT_LIFE = f"{2 * proc.SLOW:.0f}s"
TGT = "krbtgt/TEST.LOCAL@TEST.LOCAL"


def test_01_klist_without_any_cache_says_so(user):
    user.klist().fails("not found")
    user.klist("-s").fails()
    user.klist("-A").silent_about("ticket")


def test_02_kinit_stores_a_tgt(user):
    user.kinit("alice").ok()


def test_03_klist_shows_principal_and_tgt(alice):
    alice.klist().ok().says("Default principal: alice@TEST.LOCAL", TGT, "renew until")
    alice.klist("-s").ok()


def test_04_klist_e_and_f_show_types_and_flags(alice):
    alice.klist("-e").ok().says("aes256-cts-hmac-sha1-96, aes256-cts-hmac-sha1-96")
    alice.klist("-f").ok().says("Flags: FRI")


def test_05_klist_s_fails_when_the_tgt_has_expired(user):
    user.kinit("brief", "-l", SHORT_LIFE).ok()
    user.klist("-s").ok()
    time.sleep(2.5 * proc.SLOW)
    user.klist("-s").fails()


def test_06_kinit_with_a_wrong_password_says_so(user):
    user.kinit("alice", password="wrong").fails("Password incorrect")
    user.klist("-s").fails()


def test_07_kvno_gets_a_ticket_that_was_not_cached(alice):
    alice.kvno("HTTP/localhost").ok().says("kvno = 1")


def test_08_the_new_ticket_is_listed_and_used_again(alice, realm):
    alice.kvno("HTTP/localhost").ok()
    assert "HTTP/localhost@TEST.LOCAL" in alice.services()
    seen = realm.kdc_log().count("TGS_REQ")
    alice.kvno("HTTP/localhost").ok()
    assert realm.kdc_log().count("TGS_REQ") == seen, "the cached ticket was not used"
    assert alice.services().count("HTTP/localhost@TEST.LOCAL") == 1


def test_09_kvno_of_many_services_in_one_process(alice):
    alice.kvno("HTTP/localhost", "host/localhost", "ldap/localhost", "nfs/localhost").ok()
    assert len(alice.services()) == 5


def test_10_the_client_itself_does_not_talk_to_the_kdc_for_tickets(alice):
    done, trace = alice.traced("kvno", "imap/localhost")
    done.ok()
    assert "Retrieving alice@TEST.LOCAL -> imap/localhost@TEST.LOCAL from KCM:" in trace
    assert "Sending" not in trace and "TGS" not in trace, trace


@pytest.mark.parametrize("etype", ["aes128-cts-hmac-sha1-96", "aes256-cts-hmac-sha1-96",
                                   "aes128-cts-hmac-sha256-128", "aes256-cts-hmac-sha384-192"])
def test_11_kvno_e_gets_the_session_key_type_asked_for(alice, etype):
    alice.kvno("-e", etype, "HTTP/localhost").ok()
    alice.klist("-e").ok().says(f"(skey, tkt): {etype}, ")


def test_12_kvno_q_and_no_store(alice):
    assert alice.kvno("-q", "HTTP/localhost").ok().out == ""
    alice.kvno("--no-store", "host/localhost").ok()


def test_13_kvno_cached_only_finds_the_tgt_and_also_fetches(alice, realm):
    alice.kvno("--cached-only", TGT).ok()
    # Indistinguishable on the wire from a normal request: docs/caveats.md.
    before = realm.kdc_log().count("TGS_REQ")
    alice.kvno("--cached-only", "smtp/localhost").ok()
    assert realm.kdc_log().count("TGS_REQ") > before


def test_14_kvno_out_cache_copies_service_tickets(alice, realm):
    alice.kvno("HTTP/localhost", "--out-cache", "KCM:out").ok()
    alice.klist("-c", "KCM:out").ok().says("HTTP/localhost@TEST.LOCAL")


def test_15_the_ticket_opens_with_the_service_key(alice, realm):
    os.chmod(realm.keytab("imap/localhost"), 0o644)
    alice.kvno("-k", realm.keytab("imap/localhost"), "HTTP/localhost").fails()
    right = alice.kvno("-k", realm.keytab("imap/localhost"), "imap/localhost")
    right.ok().says("keytab entry valid")


def test_16_kinit_from_a_keytab(user, realm):
    user.run("kinit", "-k", "-t", f"FILE:{realm.folder('keytabs', 'alice')}", "alice").ok()
    user.kvno("HTTP/localhost").ok()


def test_17_kinit_c_names_a_cache(user):
    user.kinit("alice", "-c", "KCM:mine").ok()
    user.klist("-c", "KCM:mine").ok().says("Ticket cache: KCM:mine", TGT)
    user.kvno("-c", "KCM:mine", "HTTP/localhost").ok()


def test_18_kinit_again_replaces_the_same_cache(alice):
    alice.kvno("HTTP/localhost").ok()
    alice.kinit("alice").ok()
    assert alice.services() == [TGT]
    assert alice.klist("-l").ok().out.count("alice@TEST.LOCAL") == 1
    alice.kvno("HTTP/localhost").ok()


def test_19_kinit_of_a_second_principal_makes_a_second_cache(alice):
    alice.kinit("bob").ok()
    alice.klist().ok().says("Default principal: bob@TEST.LOCAL")
    alice.klist("-l").ok().says("alice@TEST.LOCAL", "bob@TEST.LOCAL")
    alice.klist("-A").ok().says("alice@TEST.LOCAL", "bob@TEST.LOCAL", TGT)
    alice.kvno("HTTP/localhost").ok()
    assert "HTTP/localhost@TEST.LOCAL" in alice.services()


def test_20_kswitch_by_principal(alice):
    alice.kinit("bob").ok()
    alice.run("kswitch", "-p", "alice").ok()
    alice.klist().ok().says("Default principal: alice@TEST.LOCAL")
    alice.run("kswitch", "-p", "carol").fails()


def test_21_kswitch_by_cache(alice):
    alice.kinit("bob", "-c", "KCM:second").ok()
    alice.run("kswitch", "-c", "KCM:second").ok()
    alice.klist().ok().says("Default principal: bob@TEST.LOCAL")


def test_22_kdestroy_of_the_default_cache(alice):
    alice.run("kdestroy").ok()
    alice.klist().fails()
    alice.run("kdestroy").says("No credentials cache found")


def test_23_kdestroy_by_cache_and_by_principal(alice):
    alice.kinit("bob", "-c", "KCM:second").ok()
    alice.kinit("carol", "-c", "KCM:third").ok()
    alice.run("kdestroy", "-c", "KCM:second").ok()
    alice.run("kdestroy", "-p", "carol").ok()
    listed = alice.klist("-l").ok()
    listed.says("alice@TEST.LOCAL").silent_about("bob@TEST.LOCAL", "carol@TEST.LOCAL")


def test_24_kdestroy_of_all(alice):
    alice.kinit("bob").ok()
    alice.run("kdestroy", "-A").ok()
    alice.klist("-l").silent_about("alice", "bob")


def test_25_nosuch_service_is_the_kdcs_own_error(alice, realm):
    # Codes travel over KCM, libkrb5's longer text with the name in it does not.
    text = "not found in Kerberos database"
    alice.kvno("nosuch/localhost").fails(text)
    # And a second time, from the negative cache.
    alice.kvno("nosuch/localhost").fails(text)
    # The control: a FILE cache.
    file = f"FILE:{realm.folder.make('files', mode=0o777)}/error-{alice.uid}"
    alice.kinit("alice", KRB5CCNAME=file).ok()
    alice.kvno("nosuch/localhost", KRB5CCNAME=file).fails(text)


def test_26_what_the_kdc_forbids_is_the_kdcs_own_error(alice):
    alice.kvno("nosvr/localhost").fails("user2user")


def test_27_cross_realm_by_full_name(alice):
    alice.kvno("HTTP/web.other.local@OTHER.LOCAL").ok().says("kvno = 1")


def test_28_cross_realm_by_host_name_and_domain_realm(alice):
    alice.kvno("-S", "HTTP", "web.other.local").ok().says("HTTP/web.other.local@OTHER.LOCAL")


def test_29_an_empty_realm_is_resolved_by_the_broker(alice):
    alice.kvno("svc/n000.test.local@").ok()
    alice.kvno("-S", "nfs", "localhost").ok().says("nfs/localhost@TEST.LOCAL")


def test_30_a_cross_realm_tgt_can_be_asked_for(alice):
    alice.kvno("krbtgt/OTHER.LOCAL@TEST.LOCAL").ok()
    alice.kvno("HTTP/web.other.local@OTHER.LOCAL").ok()


def test_31_kpasswd_changes_the_password(user, realm):
    new = "dora's other password"
    user.kinit("dora").ok()
    changed = user.run("kpasswd", stdin=f"{PASSWORDS['dora']}\n{new}\n{new}\n")
    changed.ok().says("Password changed")
    user.kinit("dora", password=new).ok()
    realm.kadmin_local("TEST.LOCAL", [f'cpw -pw "{PASSWORDS["dora"]}" dora'])


def test_32_user_to_user_as_initiator(alice, user):
    alice.kinit("bob", "-c", "KCM:bob").ok()
    # The ticket is encrypted in the session key of bob's TGT.
    alice.kvno("--u2u", "KCM:bob", "bob").ok()
    alice.klist().ok().says("bob@TEST.LOCAL")


def test_33_kinit_with_a_short_life_then_again(user):
    user.kinit("brief", "-l", SHORT_LIFE).ok()
    time.sleep(2.5 * proc.SLOW)
    user.kvno("HTTP/localhost").fails()
    user.kinit("alice").ok()
    user.kvno("HTTP/localhost").ok()


def test_34_kinit_f_p_and_a_start_time(user):
    user.kinit("alice", "-f", "-p", "-r", "1d", "-a").ok()
    user.klist("-f").ok().says("Flags: F")


def test_35_twenty_kvno_at_once(alice):
    names = ["HTTP/localhost", "host/localhost", "ldap/localhost", "imap/localhost"]
    running = [subprocess.Popen(alice.argv(["kvno", names[n % 4]]), env=alice.env(),
                                stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
               for n in range(20)]
    said = [p.communicate(timeout=60 * proc.SLOW)[1] for p in running]
    assert [p.returncode for p in running] == [0] * 20, said
    assert len(alice.services()) == 5, "identical requests made several entries"
