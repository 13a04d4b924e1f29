# SPDX-License-Identifier: GPL-3.0-or-later
"""Is the endpoint enough where the way is longer: a realm behind another realm, a logon by
certificate, IPv6?"""

import os
import socket

import pytest

from lib import people, pkinit, proc, rawkdc, realm as realms, third, tickets
from lib.realm import HOME


@pytest.fixture(scope="module")
def far(realm):
    made = third.Third(realm)
    yield made
    made.stop()


@pytest.fixture(scope="module")
def wide(realm, far):
    """An endpoint that knows all three realms, by IPv4 and, if there is one, IPv6."""
    with people.Station(realm, lsass_krb5=far.config) as inst:
        inst.config = realm.folder.write(
            "krb5-wide.conf", far.conf(inst.config, inst.at[1]))
        yield inst


def test_01_a_realm_behind_another(wide, far, realm):
    """Each ticket on the way is under a stand-in of its own."""
    person = people.Person(wide)
    person.standins("alice")
    person.kvno(f"HTTP/web.far.local@{third.FAR}").ok()
    seen = {c.server.parts[1]: c for c in person.creds() if c.is_tgt}
    assert {HOME.encode(), third.FAR.encode()} <= set(seen), seen
    keys = [c.key for c in seen.values()]
    assert len(set(keys)) == len(keys)
    # The last of them alone is refused by the far KDC.
    path = person.path("far")
    last = seen[third.FAR.encode()]
    tickets.write_file_ccache(path, last.client, [seen[HOME.encode()], last])
    person.owns(path)
    straight = people.Person(people.Straight(realm), uid=person.uid, folder=person.folder)
    straight.config = far.config
    straight.kvno(f"HTTP/web.far.local@{third.FAR}", KRB5CCNAME=f"FILE:{path}").fails(
        people.REFUSED)


def test_02_kinit_with_anonymous_pkinit(realm, person):
    """AS-REQ with a certificate's messages, too long for a datagram: relayed."""
    plugin = "/usr/lib/x86_64-linux-gnu/krb5/plugins/preauth/pkinit.so"
    if not os.path.exists(plugin):
        pytest.skip("krb5-pkinit is not installed")
    authority = pkinit.Authority(realm.folder, HOME)
    realm.kadmin_local(HOME, ["addprinc -randkey WELLKNOWN/ANONYMOUS"])
    with open(realm.kdc_config, encoding="utf-8") as f:
        text = f.read()
    profile = realm.folder.write("kdc-pkinit.conf", text.replace(
        f"    {HOME} = {{\n", f"    {HOME} = {{\n        pkinit_identity = {authority.identity}\n"
        f"        pkinit_anchors = FILE:{authority.anchor}\n"))
    realm.restart_kdc(KRB5_KDC_PROFILE=profile)
    try:
        os.chmod(authority.anchor, 0o644)
        person.config = person.daemon.krb5("pkinit", f"pkinit_anchors = FILE:{authority.anchor}")
        person.run("kinit", "-n", f"@{HOME}").ok()
        person.klist().ok().says("WELLKNOWN/ANONYMOUS@WELLKNOWN:ANONYMOUS")
        person.kvno("HTTP/localhost").ok()
        # Armour by that ticket, for a typed password: relayed as well.
        done, trace = person.traced("kinit", "-T", f"FILE:{person.file}", "-c",
                                    f"FILE:{person.path('armoured')}", "alice",
                                    stdin="alice's password\n")
        done.ok()
        assert "FAST armor key" in trace
    finally:
        realm.restart_kdc()


def test_03_over_IPv6(realm):
    with socket.socket(socket.AF_INET6) as s:
        try:
            s.bind(("::1", 0))
        except OSError as e:
            pytest.skip(f"no IPv6 here: {e.strerror}")
    port = proc.free_port()
    with people.Station(realm, {"kdc": {"listen": f"127.0.0.1:{port} [::1]:{port}"}}) as inst:
        person = people.Person(inst)
        inst.at = ("::1", port)
        person.config = inst.realm.write_config("krb5-six.conf", kcm_socket=inst.socket)
        with open(person.config, encoding="utf-8") as f:
            text = f.read()
        for number in realm.kdc.values():
            text = text.replace(f"kdc = 127.0.0.1:{number}", f"kdc = [::1]:{port}")
        person.config = realm.folder.write("krb5-six.conf", text)
        person.standins("alice")
        done, trace = person.traced("kvno", "HTTP/localhost", "HTTP/web.other.local@OTHER.LOCAL")
        done.ok()
        assert "::1" in trace and "127.0.0.1" not in trace, trace
        person.ccache_is_refused_straight()
        thief = people.Person(inst)
        thief.config = person.config
        copy = thief.copy(person.file, "stolen")
        assert thief.kvno("ldap/localhost", KRB5CCNAME=f"FILE:{copy}").code != 0
        held = rawkdc.Held.of(person.tgt())
        assert not rawkdc.tgs(inst.at, held, HOME.encode(), (b"HTTP", b"localhost")).code


@pytest.mark.skipif(not proc.FAKETIME, reason="no faketime")
@pytest.mark.parametrize("away", ["+2h", "-2h"])
def test_04_a_KDC_whose_clock_is_off(away):
    """Clients learn that at their logon and keep it in the ccache; so does the endpoint."""
    made = realms.Realm()
    try:
        made.kadmin_local(HOME, ["addprinc -randkey +requires_preauth station/clock",
                                 "modprinc +requires_preauth alice",
                                 f"ktadd -q -norandkey -k {made.folder('clock')} station/clock"])
        made.restart_kdc(**proc.clock_off_by(away))
        with people.Station(made) as inst:
            person = people.Person(inst)
            person.kinit("alice").ok()
            inst.lsactl("ccache", "import", person.file, who=person).ok()
            person.has_no_real_key()
            person.kvno("HTTP/localhost", "HTTP/web.other.local@OTHER.LOCAL").ok()
            person.run("kinit", "-R").ok()
            person.kvno("ldap/localhost").ok()
            path = person.copy(made.folder("clock"), "clock.keytab")
            inst.lsactl("keytab", "import", path).ok()
            person.run("kinit", "-k", "-t", path, "station/clock").ok()
            person.kvno("HTTP/localhost").ok()
            person.ccache_is_refused_straight()
    finally:
        made.close()
