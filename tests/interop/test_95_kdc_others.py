# SPDX-License-Identifier: GPL-3.0-or-later
"""Do clients that are not this Debian's MIT krb5 work through the endpoint with ccaches of
stand-ins: Heimdal, impacket, MIT of other releases, by TCP, UDP and the UNIX socket?"""

import os
import time

import pytest

from lib import mit, peers, proc, tickets
from lib.realm import HOME


@pytest.fixture
def alice(person):
    person.standins("alice")
    yield person
    person.ccache_is_refused_straight()


# ---- Heimdal 7.8

@pytest.fixture
def heimdal(need_heimdal, alice, realm):
    """Its programs as alice; its libraries are installed, its programs in root's folder."""
    folder = realm.folder.make("heimdal", mode=0o755)

    def call(name, *arguments, **env):
        with open(peers.heimdal(name), "rb") as f:
            octets = f.read()
        tool = os.path.join(folder, name)
        if not os.path.exists(tool):
            with open(tool, "wb") as f:
                f.write(octets)
            os.chmod(tool, 0o755)
        return alice.run(tool, *arguments, **env)
    call.alice = alice
    return call


def test_01_heimdal_kgetcred(heimdal):
    heimdal("kgetcred", "HTTP/localhost").ok()
    heimdal("klist").ok().says("HTTP/localhost@TEST.LOCAL")


def test_02_heimdal_across_realms(heimdal):
    heimdal("kgetcred", "HTTP/web.other.local@OTHER.LOCAL").ok()
    heimdal("kgetcred", "nfs/web.other.local@OTHER.LOCAL").ok()


def test_03_heimdal_kinit_R(heimdal):
    before = heimdal.alice.tgt()
    time.sleep(1.1)
    heimdal("kinit", "-R").ok()
    after = heimdal.alice.tgt()
    assert after.ticket != before.ticket
    heimdal.alice.has_no_real_key()
    heimdal("kgetcred", "ldap/localhost").ok()
    # MIT goes on with what Heimdal wrote.
    heimdal.alice.kvno("imap/localhost").ok()


def test_04_heimdal_says_what_the_kdc_says(heimdal):
    heimdal("kgetcred", "nosuch/localhost").fails("LOOKING_UP_SERVER (nosuch/localhost@TEST.LOCAL)")


def test_05_heimdal_kinit_types_a_password(heimdal, realm):
    path = heimdal.alice.path("word")
    with open(path, "w", encoding="utf-8") as f:
        f.write("bob's password\n")
    heimdal.alice.owns(path)
    cache = f"FILE:{heimdal.alice.path('typed')}"
    heimdal("kinit", f"--password-file={path}", "bob", KRB5CCNAME=cache).ok()
    heimdal("kgetcred", "HTTP/localhost", KRB5CCNAME=cache).ok()


@pytest.mark.parametrize("kind", ["plain", "strict"])
def test_06_heimdal_kinit_k(heimdal, endpoint, realm, kind):
    alice = heimdal.alice
    principal = f"heimdal/{kind}"
    realm.kadmin_local(HOME, [
        f"addprinc -randkey {'+requires_preauth ' if kind == 'strict' else ''}{principal}",
        f"ktadd -q -norandkey -k {alice.path('keytab')} {principal}"])
    path = alice.owns(alice.path("keytab"))
    endpoint.lsactl("keytab", "import", path).ok()
    cache = f"FILE:{alice.path('k')}"
    heimdal("kinit", "-k", "-t", f"FILE:{path}", principal, KRB5CCNAME=cache).ok()
    heimdal("kgetcred", "HTTP/localhost", KRB5CCNAME=cache).ok()
    heimdal("kgetcred", "HTTP/web.other.local@OTHER.LOCAL", KRB5CCNAME=cache).ok()
    alice.has_no_real_key(alice.path("k"))
    alice.ccache_is_refused_straight(alice.path("k"))
    alice.keytab_is_refused_straight(path, principal)


# ---- impacket

# Straight to the endpoint as "kdcHost", with what KRB5CCNAME names; its port is a constant there.
IMPACKET = """
import datetime, os, sys
from impacket.krb5 import constants, kerberosv5
from impacket.krb5.ccache import CCache
from impacket.krb5.types import Principal
import socket
to = ("127.0.0.1", int(sys.argv[1]))
real = socket.getaddrinfo
socket.getaddrinfo = lambda host, port, *a, **k: real(to[0], to[1], *a, **k)
cc = CCache.loadFile(os.environ["KRB5CCNAME"][5:])
held = cc.getCredential("krbtgt/TEST.LOCAL@TEST.LOCAL").toTGT()
name = Principal(sys.argv[2], type=constants.PrincipalNameType.NT_SRV_INST.value)
tgs, cipher, old, new = kerberosv5.getKerberosTGS(
    name, sys.argv[3], "127.0.0.1", held["KDC_REP"], held["cipher"], held["sessionKey"])
out = CCache()
out.fromTGS(tgs, old, new)
out.saveFile(sys.argv[4])
print("got", new.enctype)
"""


def test_07_impacket_gets_a_ticket(alice, endpoint, realm, apache):
    pytest.importorskip("impacket", reason="python3-impacket is not installed")
    out = alice.path("impacket")
    time.sleep(1.1)  # it wants a start time, left out when it is that of the logon
    done = alice.run("/usr/bin/python3", "-c", IMPACKET, str(endpoint.at[1]), "HTTP/localhost",
                     HOME, out)
    done.ok().says("got 18")
    # The ticket is one: curl uses it.
    alice.run("curl", "-sS", "-i", "--negotiate", "-u", ":", apache.url,
              KRB5CCNAME=f"FILE:{out}").ok().says("200 OK", "X-User: alice@TEST.LOCAL")
    copy = alice.copy(alice.file, "straight")
    alice.run("/usr/bin/python3", "-c", IMPACKET, str(realm.kdc[HOME]), "HTTP/localhost",
              HOME, out, KRB5CCNAME=f"FILE:{copy}").fails("KRB_AP_ERR_BAD_INTEGRITY")


# Its own programs, whose only liberty is the port.
PROGRAM = """
import runpy, socket, sys
port, real = int(sys.argv[1]), socket.getaddrinfo
socket.getaddrinfo = lambda host, _, *a, **k: real("127.0.0.1", port, *a, **k)
sys.argv = sys.argv[2:]
runpy.run_path(sys.argv[0], run_name="__main__")
"""
EXAMPLES = "/usr/share/doc/python3-impacket/examples"


@pytest.fixture
def impacket(alice):
    if not os.path.exists(f"{EXAMPLES}/getTGT.py"):
        pytest.skip("python3-impacket is not installed")

    def call(name, port, *arguments):
        return proc.run(alice.argv(["/usr/bin/python3", "-c", PROGRAM, str(port),
                                    f"{EXAMPLES}/{name}", *arguments, "-dc-ip", "127.0.0.1",
                                    f"{HOME}/alice"]), cwd=alice.folder,
                        env=alice.env(KRB5CCNAME=alice.file))
    return call


def test_07b_impackets_getST(impacket, alice, endpoint, realm):
    time.sleep(1.1)
    asks = ("-k", "-no-pass", "-spn", "HTTP/localhost")
    impacket("getST.py", realm.kdc[HOME], *asks).says("KRB_AP_ERR_BAD_INTEGRITY")
    impacket("getST.py", endpoint.at[1], *asks).says("Saving ticket in alice.ccache")


def test_07c_impackets_getTGT_with_a_stand_in_of_a_keytab(impacket, alice, endpoint, realm):
    """It cannot read what MIT's KDC seals (a tag of its own, APPLICATION 26), with the real
    key no more than with the stand-in; so far it gets with both."""
    path = alice.copy(realm.folder("keytabs", "alice"), "alice.keytab")

    def key():
        return next(key for _, etype, key in tickets.keytab(path) if etype == 18).hex()
    impacket("getTGT.py", realm.kdc[HOME], "-aesKey", key()).says("not in asn1Spec")
    endpoint.lsactl("keytab", "import", path).ok()
    impacket("getTGT.py", endpoint.at[1], "-aesKey", key()).says("not in asn1Spec")
    done = impacket("getTGT.py", realm.kdc[HOME], "-aesKey", key()).text
    assert "asn1Spec" not in done and "Saving" not in done, done


# ---- MIT of other releases

@pytest.fixture(scope="module", params=["bullseye", "forky"])
def release(request):
    if not os.path.isdir(mit.unpacked(request.param)):
        pytest.skip(f"krb5-user of {request.param} is not unpacked (scripts/setup.sh test)")
    made = mit.Mit(request.param)
    yield made
    made.stop()


@pytest.fixture
def other(release, alice, endpoint):
    alice.config = endpoint.krb5(os.path.basename(release.folder.path),
                                 f"plugin_base_dir = {release.plugins}")

    def call(name, *arguments, **env):
        return alice.run(*release.argv(name, *arguments), **env)
    call.alice, call.release = alice, release
    return call


def test_08_another_release(other):
    other("kvno", "HTTP/localhost", "HTTP/web.other.local@OTHER.LOCAL").ok()
    other("kinit", "-R").ok()
    other.alice.has_no_real_key()
    other("kvno", "ldap/localhost").ok()
    other("kvno", "nosuch/localhost").fails("not found in Kerberos database")


def test_09_another_release_with_a_keytab(other, endpoint, realm):
    alice = other.alice
    path = alice.path("other.keytab")
    principal = "other/" + os.path.basename(other.release.folder.path).lower()
    realm.kadmin_local(HOME, [f"addprinc -randkey +requires_preauth {principal}",
                              f"ktadd -q -norandkey -k {path} {principal}"])
    alice.owns(path)
    endpoint.lsactl("keytab", "import", path).ok()
    other("kinit", "-k", "-t", path, principal, "-c", f"FILE:{alice.path('k')}").ok()
    other("kvno", "-c", f"FILE:{alice.path('k')}", "HTTP/localhost").ok()
    alice.ccache_is_refused_straight(alice.path("k"))
    alice.keytab_is_refused_straight(path, principal)


def test_10_the_UNIX_socket_as_kdc(other, endpoint, realm):
    """krb5 >= 1.22: kdc = /path. The peer's uid is the kernel's word there."""
    if "bullseye" in other.release.folder.path:
        pytest.skip("krb5 1.18 has no UNIX sockets for KDCs")
    with open(other.alice.config, encoding="utf-8") as f:
        text = f.read()
    text = text.replace(f"kdc = 127.0.0.1:{endpoint.at[1]}", f"kdc = {endpoint.local}")
    assert endpoint.local in text
    other.alice.config = realm.folder.write("krb5-local.conf", text)
    trace = other.alice.path("trace")
    other("kvno", "HTTP/localhost", "HTTP/web.other.local@OTHER.LOCAL", KRB5_TRACE=trace).ok()
    with open(trace, encoding="utf-8") as f:
        said = f.read()
    assert f"UNIX {endpoint.local}" in said or endpoint.local in said, said
    assert f":{endpoint.at[1]}" not in said
    other("kinit", "-R").ok()
