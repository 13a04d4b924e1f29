# SPDX-License-Identifier: GPL-3.0-or-later
"""Do keytabs of stand-ins do what keytabs do: kinit -k, GSS client keytabs? Is such a file
worth nothing at the real KDC, and does it outlive lsaiso?"""

import os
import signal
import stat

import pytest

from lib import people, proc, tickets
from lib.realm import HOME

PLAIN, STRICT = f"station/plain@{HOME}", f"station/strict@{HOME}"


@pytest.fixture(scope="module")
def stations(realm):
    """Two machines' principals: the KDC wants preauthentication of the second."""
    realm.kadmin_local(HOME, [
        "addprinc -randkey station/plain", "addprinc -randkey +requires_preauth station/strict",
        "addprinc -randkey +requires_preauth station/turned"])


def keytab(realm, person, name, etypes=""):
    """The real keytab of station/NAME, person's own."""
    path = person.path(f"{name}.keytab")
    if os.path.exists(path):
        os.unlink(path)
    etypes = f"-e {etypes} " if etypes else "-norandkey "
    realm.kadmin_local(HOME, [f"ktadd -q {etypes}-k {path} station/{name}"])
    return person.owns(path)


@pytest.fixture(params=["plain", "strict"])
def imported(request, stations, realm, person, endpoint):
    """(person, path of a keytab of stand-ins, principal)"""
    path = keytab(realm, person, request.param)
    before = tickets.keytab(path)
    endpoint.lsactl("keytab", "import", path, who=None).ok()
    after = tickets.keytab(path)
    assert [(str(n), e) for n, e, _ in before] == [(str(n), e) for n, e, _ in after]
    assert not {key for *_, key in before} & {key for *_, key in after}
    assert [len(key) for *_, key in before] == [len(key) for *_, key in after]
    return person, path, f"station/{request.param}@{HOME}"


def test_01_import_keeps_owner_and_mode(imported):
    person, path, _ = imported
    is_ = os.stat(path)
    assert (is_.st_uid, is_.st_gid, stat.S_IMODE(is_.st_mode)) == (person.uid, person.uid, 0o600)


def test_02_kinit_k(imported):
    person, path, name = imported
    person.run("kinit", "-k", "-t", path, name).ok()
    person.has_no_real_key()
    person.kvno("HTTP/localhost").ok()
    person.run("kinit", "-R").ok()
    person.kvno("HTTP/web.other.local@OTHER.LOCAL").ok()
    person.ccache_is_refused_straight()
    person.keytab_is_refused_straight(path, name)


def test_03_kinit_kt_again_in_the_same_ccache(imported):
    person, path, name = imported
    for _ in range(2):
        person.run("kinit", "-kt", path, name).ok()
        person.kvno("ldap/localhost").ok()
    # No word of FAST in the ccache: the client would armour with a key that no KDC has.
    assert not [c for c in person.creds() if c.is_config and b"fast_avail" in c.server.parts]


def test_04_into_KCM(imported):
    """The TGT that comes back is one of stand-ins; our KCM knows it."""
    person, path, name = imported
    person.run("kinit", "-k", "-t", path, name, KRB5CCNAME="KCM:").ok()
    person.kvno("HTTP/localhost", KRB5CCNAME="KCM:").ok()
    person.run("kdestroy", KRB5CCNAME="KCM:")


def test_05_a_client_keytab_of_gss(imported, realm):
    """libgssapi's own logon, when there is no ccache."""
    pytest.importorskip("gssapi", reason="python3-gssapi is not installed")
    person, path, name = imported
    script = ("import gssapi; c = gssapi.Credentials(usage='initiate'); print(c.name);"
              "t = gssapi.Name('HTTP@localhost', gssapi.NameType.hostbased_service);"
              "x = gssapi.SecurityContext(name=t, creds=c, usage='initiate'); print(len(x.step()))")
    person.run("/usr/bin/python3", "-c", script, KRB5_CLIENT_KTNAME=path).ok().says(name)
    person.ccache_is_refused_straight()


def test_06_others_cannot_use_a_copy(imported, endpoint):
    person, path, name = imported
    other = people.Person(endpoint)
    copy = other.copy(path, "stolen")
    done = other.run("kinit", "-k", "-t", copy, name)
    assert done.code != 0, done
    # Root can, on this host.
    root = people.Person(endpoint, uid=0)
    root.run("kinit", "-k", "-t", path, name, "-c", "MEMORY:").ok()


@pytest.mark.parametrize("etype", ["aes256-cts:normal", "aes128-cts:normal", "aes256-sha2:normal",
                                   "aes128-sha2:normal"])
def test_07_each_type_alone(stations, realm, person, endpoint, etype):
    path = keytab(realm, person, "turned", etype)
    endpoint.lsactl("keytab", "import", path).ok()
    person.run("kinit", "-k", "-t", path, f"station/turned@{HOME}").ok()
    person.kvno("HTTP/localhost").ok()
    person.keytab_is_refused_straight(path, f"station/turned@{HOME}")


def test_08_a_typed_password_of_a_user_with_a_keytab(person, realm, endpoint):
    """The keytab's owner may type the password all the same, and so may everybody else."""
    path = person.copy(realm.folder("keytabs", "alice"), "alice.keytab")
    endpoint.lsactl("keytab", "import", path).ok()
    person.run("kinit", "-k", "-t", path, "alice").ok()
    person.has_no_real_key()
    for someone in (person, people.Person(endpoint)):
        someone.run("kdestroy")
        someone.kinit("alice").ok()
        someone.kvno("HTTP/localhost").ok()
        assert someone.kinit("alice", password="wrong").code != 0


def test_08b_two_keytabs_of_one_principal(stations, realm, endpoint):
    """Each has its stand-ins; root may use both, and neither KDC nor file name tells them apart."""
    people_ = [people.Person(endpoint) for _ in range(2)]
    paths = [keytab(realm, someone, "plain") for someone in people_]
    for path in paths:
        endpoint.lsactl("keytab", "import", path).ok()
    root = people.Person(endpoint, uid=0)
    for someone, path in zip(people_, paths):
        someone.run("kinit", "-k", "-t", path, PLAIN).ok()
        root.run("kinit", "-k", "-t", path, PLAIN, "-c", "MEMORY:").ok()


def test_09_list_and_remove(stations, realm, person, endpoint):
    path = keytab(realm, person, "strict")
    endpoint.lsactl("keytab", "import", path).ok()
    endpoint.lsactl("keytab", "list").ok().says(STRICT)
    person.run("kinit", "-k", "-t", path, STRICT).ok()
    endpoint.lsactl("keytab", "remove", path).ok()
    assert person.run("kinit", "-k", "-t", path, STRICT, "-c", "MEMORY:").code != 0


def test_10_a_dry_run_changes_nothing(stations, realm, person, endpoint):
    path = keytab(realm, person, "strict")
    with open(path, "rb") as f:
        before = f.read()
    endpoint.lsactl("keytab", "import", "--dry-run", path).ok()
    with open(path, "rb") as f:
        assert f.read() == before
    person.run("kinit", "-k", "-t", path, STRICT).ok()


def test_11_it_outlives_lsaiso_and_a_stop(realm, stations):
    """As after a reboot: the kept root key opens what is kept."""
    with people.Station(realm) as inst:
        person = people.Person(inst)
        path = keytab(realm, person, "strict")
        inst.lsactl("keytab", "import", path).ok()
        person.run("kinit", "-k", "-t", path, STRICT).ok()
        for name in ("lsass", "lsaiso"):
            old = inst.pid(name)
            os.kill(old, signal.SIGKILL)
            proc.wait_until(f"another {name}", lambda n=name, o=old: inst.pid(n) not in (None, o)
                            and inst.answers(), log=inst.log)
            inst.linked()
            person.run("kinit", "-k", "-t", path, STRICT).ok()
            person.kvno("HTTP/localhost").ok()
        inst.terminate()
        inst.daemon.process.wait(20 * proc.SLOW)
        inst.daemon = None
        inst.start()
        person.run("kinit", "-k", "-t", path, STRICT).ok()
        person.kvno("HTTP/localhost").ok()
        person.keytab_is_refused_straight(path, STRICT)


@pytest.mark.levels("process", "vm", why="the host has the root key")
def test_12_without_a_kept_root_key_nothing_is_imported(realm, stations):
    with people.Station(realm, seal="random") as inst:
        person = people.Person(inst)
        path = keytab(realm, person, "strict")
        inst.lsactl("keytab", "import", path).fails("[seal]")
        person.run("kinit", "-k", "-t", path, STRICT).ok()
