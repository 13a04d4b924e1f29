# SPDX-License-Identifier: GPL-3.0-or-later
"""What of a stand-in ticket does the KDC endpoint take for a proof, whose is what it gives,
and where is it seen? By a client of the bare protocol, which can lie."""

import dataclasses
import json
import os
import time

import pytest

from lib import der, endpoint, kcm, proc, rawkdc, tickets, users
from lib.instance import lsactl
from lib.realm import HOME, PASSWORDS

pytestmark = pytest.mark.usefixtures("need_root")
REALM = HOME.encode()
WEB = (b"HTTP", b"localhost")
POLICY, SKEW, BAD_MATCH, MODIFIED, INAPP, GENERIC, EXPIRED = 12, 37, 36, 41, 50, 60, 32
BAD_INTEGRITY, UNAVAILABLE = 31, 29


@pytest.fixture(scope="module")
def inst(realm):
    with endpoint.Endpoint(realm, {"logon": {"keytab": "/nowhere"}}) as made:
        yield made


class Alice:
    """Her stand-in, out of our KCM."""

    def __init__(self, inst, name="alice"):
        self.inst, self.user = inst, users.User(inst)
        self.user.kinit(name).ok()
        with kcm.Kcm(inst.socket, uid=self.user.uid) as k:
            [tgt] = [c for c in k.by_iteration(k.default()) if c.is_tgt]
        self.held = rawkdc.Held.of(tgt)

    def ask(self, body=None, uid=None, held=None, datagram=False, message=None, **more):
        """The answer to a request of hers, sent by uid."""
        held = held or self.held
        if message is None:
            body = body or rawkdc.tgs_body(REALM, WEB)[0]
            message = rawkdc.tgs_req(held, body, **more)
        with users.effective(self.user.uid if uid is None else uid):
            octets = rawkdc.ask(self.inst.at, message, datagram=datagram)
        return rawkdc.read_rep(octets, held, more.get("subkey"))


@pytest.fixture
def alice(inst):
    return Alice(inst)


@pytest.mark.parametrize("datagram", [False, True])
def test_01_with_and_without_a_subkey(alice, datagram):
    said = alice.ask(datagram=datagram)
    assert said.sname == WEB and said.usage == rawkdc.REP_SESSION
    said = alice.ask(subkey=os.urandom(32), datagram=datagram)
    assert said.sname == WEB and said.usage == rawkdc.REP_SUBKEY


def swapped(n, *elements):
    """Change field n of the Authenticator; without elements: leave it out."""
    def change(proof):
        kept = [f for f in proof if f[0] != 0xA0 | n]
        if elements:
            kept.append(rawkdc.field(n, *elements))
        return sorted(kept, key=lambda f: f[0])
    return change


def test_02_a_request_without_checksum_is_let_pass(alice):
    """As Active Directory does. The KDC behind (MIT) wants one: it gets lsaiso's."""
    assert alice.ask(change=swapped(3)).sname == WEB


@pytest.mark.parametrize("change, code", [
    (swapped(3, [0x30, [rawkdc.field(0, rawkdc.number(16)), rawkdc.field(1, [0x04, bytes(12)])]]),
     MODIFIED),
    (swapped(3, [0x30, [rawkdc.field(0, rawkdc.number(7)), rawkdc.field(1, [0x04, bytes(16)])]]),
     INAPP),
    (swapped(2, rawkdc.name((b"bob",))), BAD_MATCH),
    (swapped(1, rawkdc.text(b"OTHER.LOCAL")), BAD_MATCH),
    (swapped(5, rawkdc.moment(time.time() - 3600)), SKEW),
    (swapped(5, rawkdc.moment(time.time() + 3600)), SKEW),
    (swapped(0, rawkdc.number(4)), 40),
    (swapped(6, [0x30, [rawkdc.field(0, rawkdc.number(18)), rawkdc.field(1, [0x04, b"short"])]]),
     14),
], ids=["checksum", "no key", "name", "realm", "early", "late", "version", "subkey"])
def test_03_what_is_wrong_is_told(alice, change, code):
    said = alice.ask(change=change)
    assert said.code == code and said.text, said


def test_04_the_body_of_another_request(alice):
    body, _ = rawkdc.tgs_body(REALM, WEB)
    other, _ = rawkdc.tgs_body(REALM, (b"host", b"localhost"))
    fields = der.parse(rawkdc.tgs_req(alice.held, body))[0][1][0][1]
    fields[-1] = rawkdc.field(4, other)
    said = alice.ask(message=der.build([[0x6C, [[0x30, fields]]]]))
    assert said.code == MODIFIED


def test_05_without_the_stand_in_it_is_the_KDCs_business(alice, inst):
    """The endpoint passes it on; who has the real key can use it."""
    held = rawkdc.Held(alice.held.realm, alice.held.client, alice.held.etype, os.urandom(32),
                       alice.held.ticket)
    assert alice.ask(held=held).code == BAD_INTEGRITY
    held.key = tickets.real_key(held.ticket, inst.realm.krbtgt_keytab)
    assert alice.ask(held=held).sname == WEB


def test_06_another_user_and_root(alice, inst):
    said = alice.ask(uid=users.fresh_uid())
    assert said.code == POLICY and "another user" in said.text
    assert inst.log_has(rf"has a ticket of uid {alice.user.uid} and its stand-in: refused")
    assert alice.ask(uid=0).sname == WEB
    assert inst.log_has(
        rf"kdc: uid 0 used a ticket of uid {alice.user.uid} to ask for HTTP/localhost")


def test_07_authorization_data_is_refused_with_a_reason(alice):
    extra = [rawkdc.field(10, rawkdc.enc_data(18, os.urandom(64)))]
    body, _ = rawkdc.tgs_body(REALM, WEB, extra=extra)
    said = alice.ask(body=body)
    assert said.code == GENERIC and "authorization data" in said.text


def test_08_a_stranger_with_the_same_ticket_changes_nothing(alice, inst):
    """Anybody can STORE a ticket that went over the network, with any key."""
    other = users.User(inst)
    with kcm.Kcm(inst.socket, uid=alice.user.uid) as k:
        cache = k.default()
        principal, [tgt] = k.principal(cache), [c for c in k.by_iteration(cache) if c.is_tgt]
    with kcm.Kcm(inst.socket, uid=other.uid) as k:
        for i in range(60):
            k.initialize(f"forged{i}", principal)
            k.store(f"forged{i}", dataclasses.replace(tgt, key=os.urandom(32)))
    assert alice.ask().sname == WEB


def test_09_tickets_of_files_are_listed_shown_and_destroyed(alice, inst):
    def row():
        return [c for c in json.loads(lsactl(inst, "caches", "--json", who=alice.user).ok().out)
                ["caches"] if c["name"] == "(files)"]
    assert row() == []
    body, _ = rawkdc.tgs_body(REALM, (b"krbtgt", REALM), 2, options=(rawkdc.RENEW,))
    renewed = alice.ask(body=body).held
    assert renewed.key != alice.held.key
    [one] = row()
    assert one["tickets"] == 1 and one["state"] == "live" and one["principal"] == f"alice@{HOME}"
    lsactl(inst, "show", "(files)", who=alice.user).ok().says(f"krbtgt/{HOME}@{HOME}")
    proc.run(alice.user.argv(["kdestroy"]), env=alice.user.env()).ok()
    assert alice.ask(held=renewed).sname == WEB
    [session] = json.loads(lsactl(inst, "sessions", "--json", who=alice.user).ok().out)["sessions"]
    assert session["caches"] == ["(files)"] and session["principal"] == f"alice@{HOME}"
    lsactl(inst, "destroy", "(files)", who=alice.user).ok()
    assert row() == []
    assert alice.ask(held=renewed).code == BAD_INTEGRITY
    assert json.loads(lsactl(inst, "sessions", "--json", who=alice.user).ok().out)["sessions"] == []


def test_10_the_end_of_a_session_is_told_as_the_end_of_the_ticket(alice, inst):
    body, _ = rawkdc.tgs_body(REALM, (b"krbtgt", REALM), 2, options=(rawkdc.RENEW,))
    renewed = alice.ask(body=body).held
    lsactl(inst, "logoff", who=alice.user).ok()
    said = alice.ask(held=renewed)
    assert said.code == EXPIRED and said.text == "log on again"


def sessions(inst, user):
    return json.loads(lsactl(inst, "sessions", "--json", who=user).ok().out)["sessions"]


def test_11_what_KCM_stores_is_KCMs(alice, inst):
    """kinit -R through the endpoint; kdestroy is the end of the key, as ever."""
    env = {**alice.user.env(), "KRB5_CONFIG": inst.realm.write_config(
        "krb5-kcm-at-endpoint.conf", kcm_socket=inst.socket, kdc=endpoint_of(inst))}
    proc.run(alice.user.argv(["kinit", "-R"]), env=env).ok()
    [session] = sessions(inst, alice.user)
    assert "(files)" not in session["caches"], session
    proc.run(alice.user.argv(["kvno", "HTTP/localhost"]), env=env).ok()
    proc.run(alice.user.argv(["kdestroy"]), env=env).ok()
    assert sessions(inst, alice.user) == []


def endpoint_of(inst):
    return dict.fromkeys(inst.realm.kdc, inst.at[1])


def test_12_the_KDCs_clock_is_the_caches(alice, inst):
    """A cache that knows of another clock asks by that; lsaiso's authenticator is of it, too,
    so that this KDC, which has none, refuses what the endpoint lets pass."""
    with kcm.Kcm(inst.socket, uid=alice.user.uid) as k:
        k.set_offset(k.default(), 3000)
    said = alice.ask()
    assert said.code == SKEW and said.text.startswith("the clock of the program"), said
    said = alice.ask(at=time.time() + 3000)
    assert said.code == SKEW and not said.text.startswith("the clock of the program"), said


def test_13_too_many_at_once(realm):
    with endpoint.Endpoint(realm, {"tgs": {"rate": "1", "burst": "3"}}) as slow:
        alice = Alice(slow)
        said = [alice.ask() for _ in range(6)]
    assert [s.code for s in said[:3]] == [0, 0, 0]
    assert said[5].code == UNAVAILABLE and "too many" in said[5].text


def test_14_a_copy_outlives_a_renewal_by_lsass(alice, inst):
    """And goes with the cache that it is of."""
    lsactl(inst, "renew", who=alice.user).ok()
    with kcm.Kcm(inst.socket, uid=alice.user.uid) as k:
        [now] = [c for c in k.by_iteration(k.default()) if c.is_tgt]
    assert now.ticket != alice.held.ticket and now.key != alice.held.key
    assert alice.ask().sname == WEB
    assert alice.ask(held=rawkdc.Held.of(now)).sname == WEB
    proc.run(alice.user.argv(["kdestroy"]), env=alice.user.env()).ok()
    assert alice.ask().code == BAD_INTEGRITY
    assert sessions(inst, alice.user) == []


# ---- PA-FOR-USER

def for_user(held, user, mac=None):
    inside = (1).to_bytes(4, "little") + user + REALM + b"Kerberos"
    mac = mac or tickets.checksum(-138, held.etype, held.key, 17, inside)
    value = [0x30, [rawkdc.field(0, rawkdc.name((user,))), rawkdc.field(1, rawkdc.text(REALM)),
                    rawkdc.field(2, [0x30, [rawkdc.field(0, rawkdc.number(-138)),
                                            rawkdc.field(1, [0x04, mac])]]),
                    rawkdc.field(3, rawkdc.text(b"Kerberos"))]]
    return [0x30, [rawkdc.field(1, rawkdc.number(129)),
                   rawkdc.field(2, [0x04, der.build([value])])]]


def test_15_for_another_user(inst, realm):
    """Refused by policy; where that allows it, who asks must have made it with the stand-in."""
    alice = Alice(inst)
    own, _ = rawkdc.tgs_body(REALM, (b"alice",))
    said = alice.ask(body=own, padata=[for_user(alice.held, b"bob")])
    assert said.code == POLICY and "s4u" in said.text
    with endpoint.Endpoint(realm, {"delegation": {"s4u": "yes"}}) as allowing:
        alice = Alice(allowing)
        said = alice.ask(body=own, padata=[for_user(alice.held, b"bob", os.urandom(16))])
        assert said.code == MODIFIED
        said = alice.ask(body=own, padata=[for_user(alice.held, b"bob")])
        assert said.held and said.held.client == (b"bob",), said


def test_16_secrets_stay_out_of_the_log(inst, alice):
    assert alice.held.key.hex() not in inst.read_log()
    assert PASSWORDS["alice"] not in inst.read_log()
