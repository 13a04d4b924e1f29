# SPDX-License-Identifier: GPL-3.0-or-later
"""What cannot work yet, and exactly how it fails (docs/caveats.md). Each test
says why; when one of these begins to work, its test fails and moves."""

import os

import pytest

from lib import kcm, peers, tickets, users
from lib.realm import PASSWORDS

TGT = "krbtgt/TEST.LOCAL@TEST.LOCAL"


def test_01_kinit_R_fails_because_it_renews_with_the_stand_in(alice):
    """libkrb5 takes the TGT out of the cache and makes the renewal request
    itself (val_renew.c), with a key that the KDC does not know."""
    alice.run("kinit", "-R").fails("while renewing credentials")
    alice.klist("-s").ok()
    alice.kvno("HTTP/localhost").ok()


def test_02_curl_delegation_is_silently_dropped(alice, apache):
    """A forwarded TGT would have to be asked for with the real key, and its key
    handed to the client. libgssapi swallows the failure."""
    done = alice.run("curl", "-sS", "-i", "--negotiate", "-u", ":", "--delegation", "always",
                     apache.url)
    done.ok().says("200 OK", "X-User: alice@TEST.LOCAL").silent_about("X-Delegated: FILE")


def test_02b_the_control_with_a_file_cache_does_delegate(user, apache, realm):
    file = f"FILE:{realm.folder.make('files', mode=0o777)}/deleg-{user.uid}"
    user.kinit("alice", KRB5CCNAME=file).ok()
    done = user.run("curl", "-sS", "-i", "--negotiate", "-u", ":", "--delegation", "always",
                    apache.url, KRB5CCNAME=file)
    done.ok().says("200 OK", "X-Delegated: FILE")


def test_03_ssh_K_logs_in_without_delegation(alice, sshd, need_root):
    """As with curl."""
    done = alice.run_named(*sshd.command("-K", command="echo cache=$KRB5CCNAME; id -un"))
    done.ok().says("cache=\n", "root")


def test_04_kinit_T_runs_without_armour(alice):
    """FAST needs the armour TGT's key in the client; fast_avail is hidden, so
    libkrb5 does not try."""
    ccache = alice.klist().ok().out.splitlines()[0].split(": ")[1]
    done, trace = alice.traced("kinit", "-T", ccache, "-c", "KCM:armoured", "alice",
                               stdin=PASSWORDS["alice"] + "\n")
    done.ok()
    assert "Getting initial credentials for alice@TEST.LOCAL" in trace
    assert "FAST armor key" not in trace


def test_04b_the_control_with_a_file_cache_is_armoured(user, realm):
    file = f"FILE:{realm.folder.make('files', mode=0o777)}/armour-{user.uid}"
    user.kinit("alice", KRB5CCNAME=file).ok()
    done, trace = user.traced("kinit", "-T", file, "-c", "MEMORY:x", "alice",
                              stdin=PASSWORDS["alice"] + "\n")
    done.ok()
    assert "FAST armor key" in trace


def test_05_a_client_that_iterates_fails_on_a_miss_with_bad_integrity(alice, realm):
    """MIT <= 1.19 never sends RETRIEVE: it reads the TGT by GET_CRED_BY_UUID
    and asks the KDC itself. The same by hand: what iteration returned, used
    from a FILE cache."""
    with alice.kcm() as k:
        name = k.default()
        creds = k.by_iteration(name)
        tickets.write_file_ccache(realm.folder(f"iterated-{alice.uid}"), k.principal(name), creds)
    path = realm.folder(f"iterated-{alice.uid}")
    os.chmod(path, 0o644)
    alice.kvno("HTTP/localhost", KRB5CCNAME=f"FILE:{path}").fails("Decrypt integrity check failed")


def test_06_a_client_that_iterates_does_find_what_is_cached(alice):
    alice.kvno("HTTP/localhost").ok()
    with alice.kcm() as k:
        servers = [str(c.server) for c in k.by_iteration(k.default())]
    assert "HTTP/localhost@TEST.LOCAL" in servers


def test_07_heimdal_kgetcred_fails_without_a_cached_ticket(user, need_heimdal, lsaiso):
    """Heimdal's libraries never send RETRIEVE (it is compiled out)."""
    as_root = peers_user(user)
    as_root.kinit("alice").ok()
    argv = peers.heimdal_client("kgetcred", "HTTP/localhost", kcm=lsaiso)
    as_root.run(*argv).fails()
    as_root.kvno("HTTP/localhost").ok()
    as_root.run(*argv).ok()


def peers_user(user):
    """Heimdal's programs need a mount namespace, so they run as root."""
    root = users.User(user.daemon, uid=os.geteuid())
    root.run("kdestroy", "-A")
    return root


def test_08_user_to_user_acceptor_cannot_open_what_is_made_for_it(alice, realm):
    """Somebody else's user-to-user ticket for alice is encrypted in the real
    session key of her TGT; what she holds is the stand-in."""
    file = f"FILE:{realm.folder.make('files', mode=0o777)}/u2u-{alice.uid}"
    with alice.kcm() as k:
        name = k.default()
        tgt = next(c for c in k.cred_list(name) if c.is_tgt)
    second = realm.folder(f"alices-tgt-{alice.uid}")
    tickets.write_file_ccache(second, tgt.client, [tgt])
    os.chmod(second, 0o644)
    alice.kinit("bob", KRB5CCNAME=file).ok()
    alice.kvno("--u2u", f"FILE:{second}", "alice", KRB5CCNAME=file).ok()
    _, creds = tickets.read_file_ccache(file[5:])
    made = next(c for c in creds if c.server.parts == (b"alice",))
    etype, cipher = tickets.encrypted_part(made.ticket)
    with pytest.raises(ValueError):
        tickets.decrypt(etype, tgt.key, tickets.TICKET_USAGE, cipher)
    # The control: the real key opens it.
    real = tickets.real_key(tgt.ticket, realm.krbtgt_keytab)
    assert tickets.session_key(tickets.decrypt(etype, real, tickets.TICKET_USAGE, cipher))


def test_09_a_copy_to_FILE_keeps_service_tickets_and_loses_the_tgt(alice, realm, apache):
    """The data leaves the broker, so the stand-in does too."""
    alice.kvno("HTTP/localhost").ok()
    path = realm.folder(f"copy-{alice.uid}")
    with alice.kcm() as k:
        name = k.default()
        tickets.write_file_ccache(path, k.principal(name), k.cred_list(name))
    os.chmod(path, 0o644)
    file = f"FILE:{path}"
    alice.kvno("ldap/localhost", KRB5CCNAME=file).fails("Decrypt integrity check failed")
    done = alice.run("curl", "-sS", "-i", "--negotiate", "-u", ":", apache.url, KRB5CCNAME=file)
    done.ok().says("200 OK")


@pytest.fixture
def service(user, realm):
    """Somebody who is HTTP/localhost, by its keytab."""
    keytab = realm.keytab("HTTP/localhost")
    os.chmod(keytab, 0o644)
    user.run("kinit", "-k", "-t", f"FILE:{keytab}", "HTTP/localhost").ok()
    user.kvno("ldap/localhost").ok()
    return user


def test_10_kvno_U_is_refused_by_policy(service, realm):
    """S4U2Self is refused."""
    service.kvno("-U", "bob", "HTTP/localhost").fails("policy rejects request")
    # The control: with a FILE cache the KDC allows it.
    file = f"FILE:{realm.folder.make('files', mode=0o777)}/s4u-{service.uid}"
    service.run("kinit", "-k", "-t", f"FILE:{realm.keytab('HTTP/localhost')}", "HTTP/localhost",
                KRB5CCNAME=file).ok()
    service.kvno("-U", "bob", "HTTP/localhost", KRB5CCNAME=file).ok()


def test_11_kvno_P_is_refused_by_policy(service):
    """S4U2Proxy too; and it needs S4U2Self's ticket first."""
    service.kvno("-U", "bob", "-P", "-k", service.realm.keytab("HTTP/localhost"),
                 "HTTP/localhost").fails()


def test_12_kinit_S_kadmin_is_withheld_as_a_tgt_class_ticket(user):
    """kadmin/admin's ticket may pass for a TGT elsewhere, so its key stays in."""
    user.kinit("root/admin", "-S", "kadmin/admin", password="the password of root/admin").ok()
    user.run("kadmin", "-c", user.klist().out.splitlines()[0].split(": ")[1],
             "-q", "listprincs").fails()


def test_13_kcm_names_the_tgt_when_asked_but_never_its_key(alice, realm):
    with alice.kcm() as k:
        got = k.retrieve(k.default(), kcm.Princ.of(TGT), flags=kcm.PLAIN)
    assert got.ticket
    assert got.key != tickets.real_key(got.ticket, realm.krbtgt_keytab)
