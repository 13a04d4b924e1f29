# SPDX-License-Identifier: GPL-3.0-or-later
"""Do unmodified programs reach unmodified services through our KCM?"""

import subprocess

import pytest

from lib import proc


def curl(someone, url, *options):
    return someone.run("curl", "-sS", "-i", "--negotiate", "-u", ":", *options, url)


def test_01_curl_without_negotiate_is_refused(alice, apache):
    alice.run("curl", "-sS", "-i", apache.url).ok().says("401 Unauthorized")


def test_02_curl_negotiate_without_a_ticket_is_refused(user, apache):
    curl(user, apache.url).says("401 Unauthorized")


def test_03_curl_negotiate_is_let_in_under_the_users_name(alice, apache):
    curl(alice, apache.url).ok().says("200 OK", "X-User: alice@TEST.LOCAL", "protected page")


def test_04_curl_uses_the_default_cache_of_the_moment(alice, apache):
    alice.kinit("bob").ok()
    curl(alice, apache.url).ok().says("200 OK", "X-User: bob@TEST.LOCAL")
    alice.run("kswitch", "-p", "alice").ok()
    curl(alice, apache.url).ok().says("200 OK", "X-User: alice@TEST.LOCAL")


def test_05_ssh_logs_in_with_gssapi(alice, sshd, need_root):
    alice.run_named(*sshd.command()).ok().says("here I am root")


def test_06_ssh_of_somebody_without_rights_is_refused(user, sshd, need_root):
    user.kinit("bob").ok()
    user.run_named(*sshd.command()).fails("Permission denied")


def test_07_ldapwhoami_gets_in_with_a_security_layer(alice, slapd):
    done = alice.run("ldapwhoami", "-N", "-Y", "GSSAPI", "-H", slapd.url)
    done.ok().says("dn:uid=alice,cn=test.local,cn=gssapi,cn=auth", "SASL SSF: 256")


def test_08_ldapsearch_works_over_the_security_layer(alice, slapd):
    done = alice.run("ldapsearch", "-N", "-Q", "-LLL", "-Y", "GSSAPI", "-H", slapd.url, "-b", "",
                     "-s", "base")
    done.ok().says("OpenLDAProotDSE")


# Both ends in one process: the acceptor uses the service's keytab.
GSS = """
import sys, gssapi
from gssapi.raw import acquire_cred_from
store = {sys.argv[1]: sys.argv[2]} if sys.argv[1] else None
lifetime = int(sys.argv[4]) or None
mech = gssapi.MechType.kerberos
me = gssapi.Credentials(usage="initiate", store={"ccache": store["ccache"]} if store else None,
                        lifetime=lifetime)
service = gssapi.Name("imap@localhost", gssapi.NameType.hostbased_service)
ctx = gssapi.SecurityContext(name=service, creds=me, usage="initiate", mech=mech,
    flags=gssapi.RequirementFlag.mutual_authentication | gssapi.RequirementFlag.integrity
        | gssapi.RequirementFlag.confidentiality)
accept = gssapi.SecurityContext(usage="accept", creds=gssapi.Credentials(usage="accept",
    store={"keytab": sys.argv[3]}))
token = ctx.step()
while not ctx.complete:
    token = ctx.step(accept.step(token))
assert accept.complete
sealed = ctx.wrap(b"over the wire", True)
assert accept.unwrap(sealed.message).message == b"over the wire"
print("accepted", accept.initiator_name, "seconds", int(ctx.lifetime))
"""


@pytest.fixture
def gss(alice, realm):
    pytest.importorskip("gssapi", reason="python3-gssapi is not installed")
    import os
    os.chmod(realm.keytab("imap/localhost"), 0o644)

    def call(store="", lifetime=0):
        kind = "ccache" if store else ""
        return alice.run("/usr/bin/python3", "-c", GSS, kind, store,
                         realm.keytab("imap/localhost"), str(lifetime))
    return call


def test_09_python_gssapi_initiates_and_the_acceptor_knows_alice(gss):
    gss().ok().says("accepted alice@TEST.LOCAL")


def test_10_python_gssapi_with_a_credential_store_naming_the_cache(gss, alice):
    alice.kinit("bob", "-c", "KCM:second").ok()
    gss(store="KCM:second").ok().says("accepted bob@TEST.LOCAL")


def test_11_python_gssapi_with_a_lifetime(gss):
    seconds = int(gss(lifetime=3600).ok().out.split()[-1])
    assert 3000 < seconds


def test_12_ten_curls_at_once(alice, apache):
    argv = alice.argv(["curl", "-sS", "-o", "/dev/null", "-w", "%{http_code}", "--negotiate",
                       "-u", ":", apache.url])
    running = [subprocess.Popen(argv, env=alice.env(), stdout=subprocess.PIPE,
                                stderr=subprocess.STDOUT, text=True) for _ in range(10)]
    assert [p.communicate(timeout=60 * proc.SLOW)[0] for p in running] == ["200"] * 10
