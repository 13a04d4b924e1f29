# SPDX-License-Identifier: GPL-3.0-or-later
"""The endpoint in front of an Active Directory domain (Samba's), whose KDC is Heimdal's
with much of its own: do unmodified clients work with stand-ins, and does no key leave
that works as a TGT's, under whatever name it is asked for?"""

import os

import pytest

from lib import aliases, domain as ad, endpoint, proc, rawkdc, tickets, users
from lib.instance import lsactl

AD, OTHER = ad.REALM, "OTHER.TEST"
WORD = "A word of the domain 1"
DC = (ad.CONTROLLER, 88)
RC4 = 23
CIFS = (b"cifs", b"dc1.ad.test")

pytestmark = [pytest.mark.levels("process", why="lsass is in the network of the domain"),
              pytest.mark.usefixtures("need_root")]

PEOPLE = """
import samba
new = word()
for name in ("carol", "victor"):
    db.newuser(name, new)
for name in ("shop", "till"):
    db.newcomputer(name, service_principal_name_list=["host/%s.ad.test" % name,
                                                      "HTTP/%s.ad.test" % name])
    account = "(sAMAccountName=%s$)" % name
    db.setpassword(account, samba.generate_random_machine_password(100, 100))
    db.enable_account(account)
    db.modify_ldif("dn: CN=%s,CN=Computers,DC=ad,DC=test\\nchangetype: modify\\n"
                   "replace: msDS-SupportedEncryptionTypes\\n"
                   "msDS-SupportedEncryptionTypes: 24\\n" % name)
# shop may act for anybody towards till.
db.toggle_userAccountFlags("(sAMAccountName=shop$)", dsdb.UF_TRUSTED_TO_AUTHENTICATE_FOR_DELEGATION)
db.modify_ldif("dn: CN=shop,CN=Computers,DC=ad,DC=test\\nchangetype: modify\\n"
               "add: msDS-AllowedToDelegateTo\\n"
               "msDS-AllowedToDelegateTo: HTTP/till.ad.test\\n")
# A trust, as one end of it has it.
from samba.dcerpc import drsblobs, security
from samba.ndr import ndr_pack
secret = word().encode("utf-16-le")
clear = drsblobs.AuthInfoClear()
clear.size, clear.password = len(secret), list(secret)
one = drsblobs.AuthenticationInformation()
one.LastUpdateTime, one.AuthType, one.AuthInfo = 130000000000000000, 2, clear
array = drsblobs.AuthenticationInformationArray()
array.count, array.array = 1, [one]
blob = drsblobs.trustAuthInOutBlob()
blob.count, blob.current = 1, array
db.add({"dn": "CN=other.test,CN=System,DC=ad,DC=test", "objectClass": "trustedDomain",
        "trustPartner": "other.test", "flatName": "OTHER", "trustDirection": "3",
        "trustType": "2", "trustAttributes": "0", "msDS-SupportedEncryptionTypes": "24",
        "securityIdentifier": ndr_pack(security.dom_sid("S-1-5-21-1-2-3")),
        "trustAuthOutgoing": ndr_pack(blob), "trustAuthIncoming": ndr_pack(blob)}, ["relax:0"])
"""
TRUST = "the secret of the trust"


def other_realm(domain):
    """MIT's KDC of OTHER.TEST in the network of the domain, which trusts it."""
    f, home = domain.folder, domain.folder.make("other")
    conf = f.write("other/kdc.conf", f"""[realms]
    {OTHER} = {{
        database_name = {home}/db
        key_stash_file = {home}/stash
        kdc_listen = {ad.MEMBER}:88
        kdc_tcp_listen = {ad.MEMBER}:88
        supported_enctypes = aes256-cts:normal
    }}
[logging]
    kdc = FILE:{home}/log
""")
    krb5 = f.write("other/krb5.conf", f"[libdefaults]\n    default_realm = {OTHER}\n")
    env = proc.clean_env(KRB5_CONFIG=krb5, KRB5_KDC_PROFILE=conf)
    proc.run(["kdb5_util", "create", "-r", OTHER, "-s", "-P", "master"], env=env).ok()
    proc.run(["kadmin.local", "-r", OTHER], env=env, stdin=f'addprinc -pw "{TRUST}" '
             f"krbtgt/{OTHER}@{AD}\naddprinc -randkey HTTP/web.other.test\nquit\n").ok()
    daemon = proc.Daemon(["nsenter", "-t", str(domain.inside), "-n", "krb5kdc", "-n", "-r", OTHER],
                         f"{home}/out", env=env)
    proc.wait_until("the other realm's KDC", lambda: domain.run(
        "sh", "-c", f"ss -ltn | grep -q {ad.MEMBER}:88").code == 0, process=daemon.process,
        log=f"{home}/out")
    return daemon


@pytest.fixture(scope="module")
def people(domain):
    domain.sam(PEOPLE, WORD, TRUST)
    for name in ("shop", "till"):
        for principal in (f"{name.upper()}$", f"host/{name}.ad.test", f"HTTP/{name}.ad.test"):
            domain.run("samba-tool", "domain", "exportkeytab", f"{name}.keytab",
                       f"--principal={principal}", "--configfile=dc/etc/smb.conf").ok()
    domain.run("samba-tool", "domain", "exportkeytab", "krbtgt.keytab",
               f"--principal=krbtgt/{AD}", "--configfile=dc/etc/smb.conf").ok()
    daemon = other_realm(domain)
    domain.others[OTHER] = ad.MEMBER
    try:
        yield domain
    finally:
        domain.others = {}
        daemon.stop()


class World:
    def __init__(self, domain, **settings):
        self.domain = domain
        domain.config = domain.write_config("krb5.conf")
        settings["seal"] = {"root": "file"}  # for the keytab
        self.end = endpoint.Endpoint(domain, settings, network=domain.inside, start=False)
        try:
            lsactl(self.end, "seal", "enroll").ok()
            self.end.start()
        except BaseException:
            self.end.stop()
            raise

    def stop(self):
        self.end.stop()

    def argv(self, user, argv):
        """In all namespaces of the domain; there /tmp is the same."""
        return self.domain.argv(user.argv(list(argv)))

    def run(self, user, cache, *argv, stdin="", **env):
        """Through the endpoint."""
        return proc.run(self.argv(user, argv), env=self.end.client_env(cache, **env), stdin=stdin)

    def straight(self, user, cache, *argv, **env):
        """At the controller itself."""
        return proc.run(self.argv(user, argv), env=self.domain.env(
            KRB5CCNAME=f"FILE:{cache}", **env))

    def person(self, name="carol", *options):
        """(user, ccache of stand-ins) after a logon by password inside."""
        user = users.User(self.end)
        lsactl(self.end, "logon", *options, name, who=user, stdin=WORD + "\n").ok()
        return user, self.end.standins(user)

    def raw(self, work, *args, **named):
        return rawkdc.in_network(self.domain.inside, work, *args, **named)


@pytest.fixture(scope="module")
def world(people):
    made = World(people)
    try:
        yield made
    finally:
        made.stop()


@pytest.fixture(scope="module")
def carol(world):
    return world.person()


def held(cache, realm=AD):
    _, creds = tickets.read_file_ccache(cache)
    return rawkdc.Held.of(next(c for c in creds if c.is_tgt
                               and c.server.parts[1] == realm.encode()))


# ---- programs

def test_01_a_service_ticket_with_its_pac(world, carol, people):
    user, cache = carol
    world.run(user, cache, "kvno", "host/shop.ad.test").ok()
    _, creds = tickets.read_file_ccache(cache)
    ticket = next(c for c in creds if c.server.parts[0] == b"host")
    etype, cipher = tickets.encrypted_part(ticket.ticket)
    key = next(k for _, have, k in tickets.keytab(people.folder("shop.keytab")) if have == etype)
    plain = tickets.decrypt(etype, key, tickets.TICKET_USAGE, cipher)
    assert "carol".encode("utf-16-le") in plain, "no PAC_LOGON_INFO in it"
    assert tickets.session_key(plain)[1] == ticket.key, "a service ticket's key is the real one"


def test_02_the_same_ccache_at_the_controller(world, carol):
    user, cache = carol
    world.straight(user, cache, "kvno", "cifs/dc1.ad.test").fails()
    answer = world.raw(rawkdc.tgs, DC, held(cache), AD.encode(), CIFS)
    assert answer.code, "the controller takes a stand-in"


def test_03_the_ccache_in_another_users_hands(world, carol):
    other = users.User(world.end)
    with world.end.copy(carol[1], other) as stolen:
        world.run(other, stolen, "kvno", "cifs/dc1.ad.test").fails()


def smbclient(world, cache):
    conf = world.domain.folder.write("client.conf", "[global]\n    workgroup = ADTEST\n"
                                     "    realm = AD.TEST\n    client min protocol = SMB3\n")
    return ["smbclient", "-s", conf, "--use-kerberos=required", f"--use-krb5-ccache=FILE:{cache}",
            "//dc1.ad.test/netlogon", "-c", "ls"]


def test_04_smbclient(world, carol):
    user, cache = carol
    world.run(user, cache, *smbclient(world, cache)).ok().says("blocks available")
    with world.end.copy(cache, user) as fresh:
        _, creds = tickets.read_file_ccache(fresh)
        tickets.write_file_ccache(fresh, creds[0].client, [c for c in creds if c.is_tgt])
        world.straight(user, fresh, *smbclient(world, fresh)).fails("NT_STATUS_")


def test_05_renewal(world):
    user, cache = world.person("carol")
    before = held(cache)
    world.run(user, cache, "kinit", "-R").ok()
    after = held(cache)
    assert after.ticket != before.ticket
    world.run(user, cache, "kvno", "cifs/dc1.ad.test").ok()
    assert world.raw(rawkdc.tgs, DC, after, AD.encode(), CIFS).code
    real = tickets.real_key(after.ticket, world.domain.folder("krbtgt.keytab"))
    assert real != after.key


def test_06_referral(world, carol):
    """The ticket for the other realm is a TGT: its key stays, and it works at the endpoint."""
    user, cache = carol
    world.run(user, cache, "kvno", f"HTTP/web.other.test@{OTHER}").ok()
    away = held(cache, OTHER)
    body = dict(realm=OTHER.encode(), sname=(b"HTTP", b"web.other.test"))
    assert world.raw(rawkdc.tgs, world.end.at, away, **body).held
    assert world.raw(rawkdc.tgs, (ad.MEMBER, 88), away, **body).code == 31, \
        "the other realm's KDC takes a stand-in"


def test_07_a_password_typed_by_a_person_passes_through(world):
    user = users.User(world.end)
    cache = os.path.join(world.end.caches, f"typed-{user.uid}")
    world.run(user, cache, "kinit", "carol", stdin=WORD + "\n").ok()
    world.run(user, cache, "kvno", "cifs/dc1.ad.test").ok()
    world.run(user, cache, "kinit", "carol", stdin="wrong\n").fails()
    world.run(user, cache, "kinit", "nobody", stdin="wrong\n").fails("not found in Kerberos")


# ---- keytabs

@pytest.fixture(scope="module")
def imported(world, people):
    """shop's keytab, real and of stand-ins."""
    real, path = people.folder("strong.keytab"), people.folder("imported.keytab")
    for name in (real, path):
        tickets.write_keytab_without(people.folder("shop.keytab"), name, RC4)
    lsactl(world.end, "keytab", "import", path).ok()
    return real, path


def test_10_import_leaves_no_real_key(imported):
    real, path = ([key for _, _, key in tickets.keytab(p)] for p in imported)
    assert len(real) == len(path) and not set(real) & set(path)
    with open(imported[1], "rb") as f:
        octets = f.read()
    assert not any(key in octets for key in real)


def test_11_kinit_with_it(world, imported):
    root = users.User(world.end, uid=0)
    cache = os.path.join(world.end.caches, "machine")
    kinit = ["kinit", "-k", "-t", imported[1], "SHOP$"]
    world.run(root, cache, *kinit).ok()
    world.run(root, cache, "kvno", "cifs/dc1.ad.test").ok()
    assert world.raw(rawkdc.tgs, DC, held(cache), AD.encode(), CIFS).code, \
        "a TGT with its real key in a file"
    world.straight(root, cache + "-straight", *kinit).fails("Preauthentication failed")


def test_12_kinit_again_after_a_restart_of_everything(world, imported):
    world.end.terminate()
    world.end.daemon.process.wait(30 * proc.SLOW)
    world.end.start()
    root = users.User(world.end, uid=0)
    cache = os.path.join(world.end.caches, "machine-again")
    world.run(root, cache, "kinit", "-k", "-t", imported[1], "SHOP$").ok()
    world.run(root, cache, *smbclient(world, cache)).ok().says("blocks available")


# ---- the TGT class

KDC = aliases.Kdc(DC, AD.encode(), b"ADTEST", OTHER.encode(), CIFS,
                  [(b"DC1$",), (b"shop$",), (b"host", b"shop.ad.test")])


@pytest.mark.parametrize("options", [(), (rawkdc.CANONICALIZE,)], ids=["plain", "canonicalize"])
def test_20_no_alias_of_the_kdcs_account_brings_a_key(world, people, options):
    """First at the controller with the real key: which of these tickets are as good as a TGT
    is thereby known. Then through the endpoint: none of them is, with the key that came."""
    user = users.User(world.end)
    cache = os.path.join(world.end.caches, f"real-{user.uid}-{len(options)}")
    proc.run(world.argv(user, ["kinit", "carol"]), stdin=WORD + "\n",
             env=people.env(KRB5CCNAME=f"FILE:{cache}")).ok()
    plain = world.raw(KDC.ask_all, DC, held(cache), options)
    got, good = aliases.count(plain)
    aliases.show(f"at the controller, {options}: {got} tickets, {good} as good as a TGT", plain)
    assert good >= 5, "the control finds nothing"
    _, ours = world.person()
    ours = world.raw(KDC.ask_all, world.end.at, held(ours), options)
    aliases.show(f"through the endpoint, {options}", ours)
    got, good = aliases.count(ours)
    assert got >= 4, "service tickets come, at least"
    assert good == 0
    krbtgt = [(e, k) for _, e, k in tickets.keytab(people.folder("krbtgt.keytab"))]
    aliases.none_is_the_kdcs(ours, krbtgt)


# ---- constrained delegation

def s4u(world, name):
    """What kvno says of a ticket in victor's name for shop itself, and then for till."""
    root = users.User(world.end, uid=0)
    cache = os.path.join(world.end.caches, name)
    keytab = world.domain.folder(f"{name}.keytab")
    tickets.write_keytab_without(world.domain.folder("shop.keytab"), keytab, RC4)
    lsactl(world.end, "keytab", "import", keytab).ok()
    world.run(root, cache, "kinit", "-f", "-k", "-t", keytab, "SHOP$").ok()
    yield world.run(root, cache, "kvno", "-U", "victor", "SHOP$")
    yield world.run(root, cache, "kvno", "-P", "-U", "victor", "HTTP/till.ad.test")


def test_29_the_control_the_controller_allows_it(world, people):
    root, cache = users.User(world.end, uid=0), people.folder("s4u-real")
    keytab = people.folder("shop.keytab")
    world.straight(root, cache, "kinit", "-f", "-k", "-t", keytab, "SHOP$").ok()
    world.straight(root, cache, "kvno", "-U", "victor", "SHOP$").ok()
    world.straight(root, cache, "kvno", "-P", "-U", "victor", "HTTP/till.ad.test").ok()


def test_30_s4u_is_off(world):
    for done in s4u(world, "s4u-off"):
        done.fails()


def test_31_s4u_where_policy_allows_it(people):
    made = World(people, delegation={"s4u": "yes"})
    try:
        for done in s4u(made, "s4u-on"):
            done.ok()
    finally:
        made.stop()
