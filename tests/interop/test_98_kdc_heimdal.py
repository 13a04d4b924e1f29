# SPDX-License-Identifier: GPL-3.0-or-later
"""The endpoint in front of Heimdal's own KDC: do MIT's and Heimdal's unmodified programs work
with stand-ins, straight at that KDC are these refused, and does no key leave that works as a
TGT's there, under whatever name it is asked for?"""

import os
import shutil
import time

import pytest

from lib import aliases, endpoint, heimdalkdc, peers, proc, rawkdc, tickets, users
from lib.heimdalkdc import OTHER, REALM
from lib.instance import lsactl, program

WORD = "a password in heimdal"
SERVICES = ("host/localhost", "HTTP/localhost", "ldap/localhost", "nfs/localhost")
LDAP = (b"ldap", b"localhost")
# What Heimdal's KDC says to an authenticator under a key that is not the ticket's.
BAD_INTEGRITY = 31
POLICY = 12

pytestmark = pytest.mark.usefixtures("need_root")


class World:
    """An instance whose KDC is Heimdal's; users run what they run with FILE ccaches."""

    def __init__(self, kdc, **settings):
        self.kdc = kdc
        settings.setdefault("seal", {"root": "file"})
        settings["tgs"] = {"rate": 100000, "burst": 100000}
        self.end = endpoint.Endpoint(kdc, settings, start=False)
        try:
            if self.end.far:
                os.makedirs(os.path.join(self.end.far.folder, "host"), 0o700, exist_ok=True)
            proc.run([program("lsactl"), "--config", self.end.far.file if self.end.far
                      else self.end.file, "seal", "enroll"]).ok()
            self.end.start()
        except BaseException:
            self.end.stop()
            raise

    def stop(self):
        self.end.stop()

    @property
    def at(self):
        return ("127.0.0.1", self.kdc.port)

    def person(self, name="alice", *options):
        """(user, ccache of stand-ins): what kinit stored in KCM."""
        user = users.User(self.end)
        user.kinit(name, *options, password=WORD).ok()
        return user, self.end.standins(user)

    def run(self, user, cache, *argv, **more):
        return self.end.run(user, cache, *argv, **more)

    def straight(self, user, cache, *argv, **env):
        return self.end.straight(user, cache, *argv, **env)

    def refused_straight(self, user, cache):
        """The same file at the KDC, by MIT's program and by the bare protocol."""
        with self.end.copy(cache, user) as copy:
            done = self.straight(user, copy, "kvno", "nfs/localhost")
        assert done.code != 0 and "ntegrity check failed" in done.text, done
        assert rawkdc.tgs(self.at, held(cache), REALM.encode(), LDAP).code == BAD_INTEGRITY

    def no_real_key(self, cache):
        krbtgt = self.kdc.folder("krbtgt.keytab")
        tgts = [c for c in tickets.read_file_ccache(cache)[1]
                if c.is_tgt and c.server.parts[1] == REALM.encode()]
        assert tgts
        for tgt in tgts:
            real = tickets.real_key(tgt.ticket, krbtgt)
            assert tgt.key != real and len(tgt.key) == len(real)


def held(cache, realm=REALM):
    _, creds = tickets.read_file_ccache(cache)
    return rawkdc.Held.of([c for c in creds if c.is_tgt
                           and c.server.parts[1] == realm.encode()][-1])


@pytest.fixture(scope="module")
def kdc():
    if not peers.heimdal("kdc"):
        pytest.skip("Heimdal's kdc is not unpacked (scripts/setup.sh test)")
    it = heimdalkdc.HeimdalKdc()
    try:
        for name in ("alice", "bob"):
            it.add(name, WORD)
        it.add_service(*SERVICES, "station/one")
        it.add_other()
        it.kadmin("add", "--use-defaults", "--random-key", f"HTTP/web@{OTHER}")
        # As domains have it: the realm's short name, and the account's.
        it.kadmin("modify", f"--alias=krbtgt/HEIMDAL@{REALM}", f"--alias=krbtgt@{REALM}",
                  f"krbtgt/{REALM}")
        it.export("krbtgt.keytab", f"krbtgt/{REALM}")
        it.export("cross.keytab", f"krbtgt/{OTHER}@{REALM}")
        it.export("http.keytab", "HTTP/localhost")
        it.folder.make("tools", mode=0o755)
        yield it
    finally:
        it.stop()


@pytest.fixture(scope="module")
def world(kdc):
    made = World(kdc)
    try:
        yield made
    finally:
        made.stop()


@pytest.fixture
def alice(world):
    """(user, ccache); straight at the KDC it is refused, whatever the test did with it."""
    user, cache = world.person()
    yield user, cache
    world.no_real_key(cache)
    world.refused_straight(user, cache)


def tool(kdc, name):
    """One of Heimdal's programs where every user may run it."""
    path = kdc.folder("tools", name)
    if not os.path.exists(path):
        shutil.copy(os.path.realpath(peers.heimdal(name)), path)
        os.chmod(path, 0o755)
    return path


# ---- MIT's programs

def test_01_service_tickets(world, kdc, alice):
    world.run(*alice, "kvno", "HTTP/localhost", "host/localhost").ok()
    made = next(c for c in tickets.read_file_ccache(alice[1])[1]
                if c.server.parts[0] == b"HTTP")
    key = tickets.real_key(made.ticket, kdc.folder("http.keytab"))
    assert key == made.key, "a service ticket's key is the real one"


def test_02_kinit_R(world, alice):
    user, cache = alice
    before = held(cache)
    time.sleep(1.1)
    world.run(user, cache, "kinit", "-R").ok()
    assert held(cache).ticket != before.ticket
    world.run(user, cache, "kvno", "HTTP/localhost").ok()


def test_03_across_realms(world, kdc, alice):
    user, cache = alice
    world.run(user, cache, "kvno", f"HTTP/web@{OTHER}").ok()
    away = held(cache, OTHER)
    assert away.key != tickets.real_key(away.ticket, kdc.folder("cross.keytab"))
    body = dict(realm=OTHER.encode(), sname=(b"HTTP", b"web"))
    assert rawkdc.tgs(world.end.at, away, **body).held
    assert rawkdc.tgs(world.at, away, **body).code == BAD_INTEGRITY


def test_04_user_to_user(world, kdc, alice):
    user, cache = alice
    user.kinit("bob", password=WORD, KRB5CCNAME=f"KCM:{user.uid}:bob").ok()
    with user.kcm() as k:
        name = f"{user.uid}:bob"
        path = os.path.join(world.end.caches, f"bob-{user.uid}")
        tickets.write_file_ccache(path, k.principal(name), k.cred_list(name))
    os.chown(path, user.uid, user.uid)
    world.run(user, cache, "kvno", "--u2u", f"FILE:{path}", "bob").ok()
    made = [c for c in tickets.read_file_ccache(cache)[1] if c.server.parts == (b"bob",)][-1]
    etype, cipher = tickets.encrypted_part(made.ticket)
    real = tickets.real_key(held(path).ticket, kdc.folder("krbtgt.keytab"))
    assert tickets.session_key(tickets.decrypt(etype, real, tickets.TICKET_USAGE, cipher))


def test_05_errors_are_those_of_the_kdc(world, alice):
    world.run(*alice, "kvno", "nosuch/localhost").fails("not found in Kerberos database")


def test_06_a_typed_password_is_relayed(world):
    user = users.User(world.end)
    cache = os.path.join(world.end.caches, f"typed-{user.uid}")
    world.run(user, cache, "kinit", "alice", stdin=WORD + "\n").ok()
    world.run(user, cache, "kvno", "HTTP/localhost").ok()
    world.run(user, cache, "kinit", "alice", stdin="wrong\n").fails()
    world.run(user, cache, "kinit", "nobody", stdin="wrong\n").fails("not found in Kerberos")


def test_07_ccache_import(world, kdc):
    user = users.User(world.end)
    folder = world.end.folder.make("own", mode=0o700, owner=user.uid)
    cache = os.path.join(folder, "cc")
    world.run(user, cache, "kinit", "alice", stdin=WORD + "\n").ok()
    world.straight(user, cache, "kvno", "HTTP/localhost").ok()
    lsactl(world.end, "ccache", "import", cache, who=user).ok()
    world.no_real_key(cache)
    world.run(user, cache, "kvno", "ldap/localhost").ok()
    world.refused_straight(user, cache)


# ---- keytabs

def imported(world, kdc, user):
    """(keytab, one of stand-ins that is user's) of station/one"""
    real = kdc.folder(f"station-{user.uid}.keytab")
    kdc.export(os.path.basename(real), "station/one")
    folder = world.end.folder.make(f"keys-{user.uid}", mode=0o700, owner=user.uid)
    mine = shutil.copy(real, os.path.join(folder, "keytab"))
    os.chown(mine, user.uid, user.uid)
    return real, mine, lsactl(world.end, "keytab", "import", mine)


def test_10_keys_of_heimdals_default_types(world, kdc):
    """Among them are some that are never kept; nothing is imported by halves. Those go away at
    the KDC."""
    imported(world, kdc, users.User(world.end))[2].fails("etype 16", "nothing was changed")
    kdc.kadmin("del_enctype", "station/one", "des3-cbc-sha1", "arcfour-hmac-md5")
    imported(world, kdc, users.User(world.end))[2].ok()


@pytest.mark.parametrize("preauth", ["-", "+"])
def test_11_kinit_k(world, kdc, preauth):
    """Without and with preauthentication, by MIT's kinit and Heimdal's."""
    kdc.kadmin("modify", f"--attributes={preauth}requires-pre-auth", "station/one")
    user = users.User(world.end)
    real, mine, done = imported(world, kdc, user)
    done.ok()
    assert not {k for *_, k in tickets.keytab(real)} & {k for *_, k in tickets.keytab(mine)}
    for kinit in ("kinit", tool(kdc, "kinit")):
        logon = (kinit, "-k", "-t", mine, "station/one")
        cache = f"{mine}-{os.path.basename(os.path.dirname(kinit))}"
        world.run(user, cache, *logon).ok()
        world.no_real_key(cache)
        world.run(user, cache, "kvno", "HTTP/localhost").ok()
        world.run(user, cache, kinit, "-R").ok()
        world.refused_straight(user, cache)
        straight = world.straight(user, cache + "-straight", *logon)
        assert straight.code != 0 and not os.path.exists(cache + "-straight"), straight
    # The control.
    world.straight(users.User(world.end, uid=0), mine + "-real", "kinit", "-k", "-t", real,
                   "station/one").ok()


# ---- Heimdal's programs

def test_20_kgetcred(world, kdc, alice):
    world.run(*alice, tool(kdc, "kgetcred"), "HTTP/localhost").ok()
    world.run(*alice, tool(kdc, "kgetcred"), f"HTTP/web@{OTHER}").ok()
    world.run(*alice, tool(kdc, "klist")).ok().says("HTTP/localhost@HEIMDAL.TEST")


def test_21_kinit_R(world, kdc, alice):
    user, cache = alice
    before = held(cache)
    time.sleep(1.1)
    world.run(user, cache, tool(kdc, "kinit"), "-R").ok()
    assert held(cache).ticket != before.ticket
    world.run(user, cache, tool(kdc, "kgetcred"), "ldap/localhost").ok()
    world.run(user, cache, "kvno", "HTTP/localhost").ok()


# ---- forwarding

def forward(world):
    """What the endpoint says to who has a ticket of host/localhost and would forward the TGT."""
    user, cache = world.person("alice", "-f")
    world.run(user, cache, "kvno", "host/localhost").ok()
    return rawkdc.tgs(world.end.at, held(cache), REALM.encode(), (b"krbtgt", REALM.encode()),
                      kind=2, options=(rawkdc.FORWARDABLE, rawkdc.FORWARDED))


def test_30_forwarding_is_off(world):
    assert forward(world).code == POLICY


def test_31_forwarding_where_policy_allows_it(kdc):
    made = World(kdc, delegation={"forward": "allow", "targets": "host/localhost"})
    try:
        answer = forward(made)
        assert answer.held, answer
        assert rawkdc.tgs(made.at, answer.held, REALM.encode(), LDAP).held, "the real key"
    finally:
        made.stop()


# ---- the TGT class

@pytest.mark.parametrize("options", [(), (rawkdc.CANONICALIZE,)], ids=["plain", "canonicalize"])
def test_40_no_alias_of_the_kdcs_account_brings_a_key(world, options):
    """First at the KDC with the real key: which of these tickets are as good as a TGT is
    thereby known. Then through the endpoint: none of them is, with the key that came."""
    kdc = aliases.Kdc(world.at, REALM.encode(), b"HEIMDAL", OTHER.encode(), LDAP,
                      [(b"host", b"localhost"), (b"station", b"one"), (b"alice",)])
    user = users.User(world.end)
    cache = os.path.join(world.end.caches, f"real-{user.uid}")
    proc.run(user.argv(["kinit", "alice"]), stdin=WORD + "\n",
             env=world.kdc.env(KRB5CCNAME=f"FILE:{cache}")).ok()
    plain = kdc.ask_all(kdc.at, held(cache), options)
    got, good = aliases.count(plain)
    aliases.show(f"at the KDC, {options}: {got} tickets, {good} as good as a TGT", plain)
    assert good >= 20, "the control finds too little"
    ours = kdc.ask_all(world.end.at, held(world.person()[1]), options)
    got, good = aliases.count(ours)
    aliases.show(f"through the endpoint, {options}: {got} tickets, {good} as good as a TGT", ours)
    assert got >= 40, "they come, each with a stand-in"
    assert good == 0
    keys = [(e, k) for name in ("krbtgt", "cross")
            for _, e, k in tickets.keytab(world.kdc.folder(f"{name}.keytab"))]
    aliases.none_is_the_kdcs(ours, keys)


def test_41_a_known_limit_an_alias_that_looks_like_a_service(world):
    """Whoever administers the KDC can call the account of TGTs host/NAME. Nothing in what it
    says then tells that ticket from a service's, unless it is asked for the real name."""
    world.kdc.kadmin("modify", f"--alias=host/alias@{REALM}", f"krbtgt/{REALM}")
    tgt, ask = held(world.person()[1]), (REALM.encode(), (b"host", b"alias"))
    works = {}
    for options in ((), (rawkdc.CANONICALIZE,)):
        got = rawkdc.tgs(world.end.at, tgt, *ask, options=options).held
        real = rawkdc.renamed(got, (b"krbtgt", REALM.encode()))
        works[options] = rawkdc.tgs(world.at, real, REALM.encode(), LDAP).held is not None
    assert works == {(): True, (rawkdc.CANONICALIZE,): False}
