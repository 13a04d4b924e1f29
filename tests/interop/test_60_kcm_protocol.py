# SPDX-License-Identifier: GPL-3.0-or-later
"""KCM conformance, octet by octet: what libkrb5's clients of every age rely on.
Reading is done three ways, as clients do: RETRIEVE (MIT >= 1.20), GET_CRED_LIST
(MIT >= 1.20, listing), and UUID iteration (MIT <= 1.19, Heimdal)."""

import os
import struct
import time

import pytest

from lib import kcm, proc, tickets
from lib.kcm import Cred, KcmError, Princ, config_entry

TGT = Princ.of("krbtgt/TEST.LOCAL@TEST.LOCAL")
CROSS = Princ.of("krbtgt/OTHER.LOCAL@TEST.LOCAL")
HTTP = Princ.of("HTTP/localhost@TEST.LOCAL")
ALICE = Princ.of("alice@TEST.LOCAL")


def code_of(call, *arguments, **named):
    with pytest.raises(KcmError) as e:
        call(*arguments, **named)
    return e.value.code


def later(seconds=3600):
    return int(time.time()) + seconds


def made_up(server="svc/made.up@TEST.LOCAL", end=None, **more):
    """A service ticket that no KDC made: KCM stores what it is given."""
    now = int(time.time())
    fields = dict(etype=kcm.AES256, key=os.urandom(32), ticket=b"a\x03not" + os.urandom(8),
                  times=(now, now, later() if end is None else end, 0), flags=0x40000000)
    fields.update(more)
    return Cred(ALICE, Princ.of(server), **fields)


def servers(creds):
    return [str(c.server) for c in creds]


def by_list(k, name):
    return k.cred_list(name)


def by_iteration(k, name):
    return k.by_iteration(name)


WAYS = pytest.mark.parametrize("read", [by_list, by_iteration], ids=["list", "iteration"])


@pytest.fixture
def cache(k):
    """An initialized cache of alice's without tickets."""
    name = k.gen_new()
    k.initialize(name, ALICE)
    return name


# ---- caches

def test_01_noop_is_answered(k):
    k.noop()


def test_02_there_is_a_default_name_before_there_is_a_cache(k):
    assert k.default()


def test_03_an_empty_collection_lists_nothing(k):
    assert k.cache_uuids() == []


def test_04_principal_of_a_cache_that_is_not_there_is_NOFILE(k):
    assert code_of(k.principal, k.default()) == kcm.FCC_NOFILE


def test_05_initialize_makes_a_cache_and_principal_gives_it_back(k):
    k.initialize("mine", ALICE)
    assert k.principal("mine").same(ALICE)
    assert k.cache_names() == ["mine"]


def test_06_gen_new_names_differ_and_are_only_reserved(k):
    first, second = k.gen_new(), k.gen_new()
    assert first != second
    assert code_of(k.principal, first) == kcm.FCC_NOFILE
    assert k.cache_names() == []


def test_07_initialize_again_empties_and_renames_the_owner(k, cache):
    k.store(cache, made_up())
    bob = Princ.of("bob@TEST.LOCAL")
    k.initialize(cache, bob)
    assert k.principal(cache).same(bob)
    assert k.cred_list(cache) == [] and k.cred_uuids(cache) == []


def test_08_destroy_takes_it_away(k, cache):
    k.destroy(cache)
    assert code_of(k.principal, cache) == kcm.FCC_NOFILE
    assert k.cache_uuids() == []
    assert code_of(k.destroy, cache) == kcm.FCC_NOFILE


@pytest.mark.parametrize("call", ["cred_uuids", "cred_list"])
def test_09_listing_a_cache_that_is_not_there_is_NOFILE(k, call):
    assert code_of(getattr(k, call), "nothing") == kcm.FCC_NOFILE


def test_10_store_into_a_cache_that_is_not_there_is_NOFILE(k):
    assert code_of(k.store, "nothing", made_up()) == kcm.FCC_NOFILE


@pytest.mark.parametrize("name", ["0", "a", "with space", "user:with:colons", "64000:x",
                                  "x" * 200])
def test_11_any_reasonable_name_is_taken(k, name):
    k.initialize(name, ALICE)
    assert name in k.cache_names()
    assert k.principal(name).same(ALICE)
    k.destroy(name)


def test_12_names_that_cannot_be_are_refused_and_harm_nothing(k):
    for name in ("", "é", "x\ny", "../../etc/passwd", "x" * 5000):
        try:
            k.initialize(name, ALICE)
        except KcmError:
            pass
    k.noop()
    assert all(len(n) <= 4096 for n in k.cache_names())


def test_13_a_stale_cache_uuid_is_END(k, cache):
    uuid = k.cache_uuids()[0]
    assert k.cache_by_uuid(uuid) == cache
    k.destroy(cache)
    assert code_of(k.cache_by_uuid, uuid) == kcm.CC_END
    assert code_of(k.cache_by_uuid, bytes(16)) == kcm.CC_END


def test_14_caches_have_uuids_of_their_own(k):
    for n in range(20):
        k.initialize(f"many{n}", ALICE)
    uuids = k.cache_uuids()
    assert len(set(uuids)) == 20
    assert sorted(k.cache_names()) == sorted(f"many{n}" for n in range(20))


# ---- the default cache

def test_20_set_default_is_remembered(k, cache):
    k.initialize("other", ALICE)
    k.set_default("other")
    assert k.default() == "other"
    k.set_default(cache)
    assert k.default() == cache


def test_21_default_is_per_user_not_per_connection(k, cache, user):
    k.initialize("other", ALICE)
    k.set_default("other")
    with user.kcm() as second:
        assert second.default() == "other"


def test_22_default_survives_the_end_of_its_cache_as_some_name(k, cache):
    k.set_default(cache)
    k.destroy(cache)
    assert k.default()


def test_23_setting_a_default_that_is_not_there_is_no_error_for_clients(k):
    # kswitch -c believes the daemon; MIT's kinit sets it before it exists.
    try:
        k.set_default("later")
        assert k.default()
    except KcmError as e:
        assert e.code == kcm.FCC_NOFILE


# ---- credentials

@WAYS
def test_30_what_is_stored_comes_back_octet_for_octet(k, cache, read):
    cred = made_up(addresses=((2, bytes(4)),), authdata=((1, b"some"),), second=b"second")
    k.store(cache, cred)
    assert read(k, cache) == [cred]


@WAYS
def test_31_order_is_the_order_of_arrival(k, cache, read):
    wanted = [f"svc/{c}@TEST.LOCAL" for c in "cabzyx"]
    for name in wanted:
        k.store(cache, made_up(name))
    assert servers(read(k, cache)) == wanted


@WAYS
def test_32_an_empty_cache_lists_nothing(k, cache, read):
    assert read(k, cache) == []


def test_33_retrieve_finds_a_live_ticket(k, cache):
    cred = made_up()
    k.store(cache, cred)
    assert k.retrieve(cache, cred.server) == cred
    assert k.retrieve(cache, cred.server, flags=kcm.PLAIN) == cred


def test_34_name_types_do_not_matter(k, cache):
    cred = made_up()
    k.store(cache, cred)
    for kind in (0, 1, 2, 3):
        assert k.retrieve(cache, Princ(cred.server.realm, cred.server.parts, kind)) == cred


def test_35_components_and_realm_do(k, cache):
    k.store(cache, made_up("svc/made.up@TEST.LOCAL"))
    for other in ("svc/made@TEST.LOCAL", "svc/made.upp@TEST.LOCAL", "svc/made.up/x@TEST.LOCAL",
                  "svc@TEST.LOCAL", "SVC/made.up@TEST.LOCAL"):
        assert code_of(k.retrieve, cache, Princ.of(other)) != 0


def test_36_retrieve_matches_the_session_key_type_when_asked(k, cache):
    cred = made_up(etype=kcm.AES128, key=os.urandom(16))
    k.store(cache, cred)
    got = k.retrieve(cache, cred.server, flags=kcm.KTYPE, etype=kcm.AES128)
    assert got == cred
    assert code_of(k.retrieve, cache, cred.server, flags=kcm.KTYPE, etype=kcm.AES256) != 0


def test_37_an_expired_ticket_is_not_found_when_times_are_matched(k, cache):
    cred = made_up(end=later(-10))
    k.store(cache, cred)
    wanted = (0, 0, int(time.time()), 0)
    assert code_of(k.retrieve, cache, cred.server, times=wanted) != 0


def test_38_a_ticket_that_ends_too_early_is_not_found(k, cache):
    cred = made_up(end=later(600))
    k.store(cache, cred)
    assert k.retrieve(cache, cred.server, times=(0, 0, later(300), 0)) == cred
    assert code_of(k.retrieve, cache, cred.server, times=(0, 0, later(1200), 0)) != 0


def test_39_server_name_only_ignores_the_realm(k, cache):
    cred = made_up("svc/made.up@ELSEWHERE")
    k.store(cache, cred)
    got = k.retrieve(cache, Princ.of("svc/made.up@TEST.LOCAL"),
                     flags=kcm.MATCH_SRV_NAMEONLY | kcm.GC_CACHED)
    assert got == cred


def test_40_user_to_user_tickets_match_by_their_second_ticket(k, cache):
    cred = made_up("bob@TEST.LOCAL", is_skey=1, second=b"tgt of bob")
    k.store(cache, cred)
    got = k.retrieve(cache, cred.server, flags=kcm.U2U, is_skey=1, second=b"tgt of bob")
    assert got == cred


def test_41_storing_the_same_server_again_does_not_pile_up(k, cache):
    first, second = made_up(), made_up()
    k.store(cache, first)
    k.store(cache, second)
    found = k.cred_list(cache)
    assert found[-1] == second and len(found) <= 2
    assert k.retrieve(cache, second.server) in (first, second)


@WAYS
def test_42_remove_takes_one_and_leaves_the_others(k, cache, read):
    a, b = made_up("svc/a@TEST.LOCAL"), made_up("svc/b@TEST.LOCAL")
    k.store(cache, a)
    k.store(cache, b)
    k.remove(cache, a.server)
    assert read(k, cache) == [b]
    assert code_of(k.remove, cache, a.server) == kcm.CC_NOTFOUND


def test_43_a_stale_credential_uuid_is_END(k, cache):
    k.store(cache, made_up())
    uuid = k.cred_uuids(cache)[0]
    k.remove(cache, made_up().server)
    assert code_of(k.cred_by_uuid, cache, uuid) == kcm.CC_END
    assert code_of(k.cred_by_uuid, cache, bytes(16)) == kcm.CC_END


def test_44_iteration_while_another_connection_changes_the_cache(k, cache, user):
    for n in range(10):
        k.store(cache, made_up(f"svc/{n}@TEST.LOCAL"))
    uuids = k.cred_uuids(cache)
    with user.kcm() as other:
        for n in range(0, 10, 2):
            other.remove(cache, Princ.of(f"svc/{n}@TEST.LOCAL"))
        other.store(cache, made_up("svc/new@TEST.LOCAL"))
    seen = []
    for uuid in uuids:
        try:
            seen.append(str(k.cred_by_uuid(cache, uuid).server))
        except KcmError as e:
            assert e.code == kcm.CC_END
    assert seen == [f"svc/{n}@TEST.LOCAL" for n in range(1, 10, 2)]


def test_45_a_thousand_tickets_in_one_cache(k, cache):
    for n in range(1000):
        k.store(cache, made_up(f"svc/{n}@TEST.LOCAL"))
    assert len(k.cred_list(cache)) == 1000
    assert len(k.cred_uuids(cache)) == 1000
    assert k.retrieve(cache, Princ.of("svc/999@TEST.LOCAL")).ticket
    assert k.retrieve(cache, Princ.of("svc/0@TEST.LOCAL")).ticket


# ---- config entries

def test_50_config_entries_are_kept_and_found(k, cache):
    entry = config_entry(ALICE, "pa_type", b"2", str(TGT))
    k.store(cache, entry)
    got = k.retrieve(cache, entry.server, flags=kcm.PLAIN)
    assert got.ticket == b"2" and got.server.same(entry.server)


def test_51_a_config_entry_that_is_not_there_is_END_not_a_request_to_a_kdc(k, cache, realm):
    before = realm.kdc_log().count("REQ")
    entry = config_entry(ALICE, "start_realm", b"")
    assert code_of(k.retrieve, cache, entry.server, flags=kcm.PLAIN) == kcm.CC_END
    assert realm.kdc_log().count("REQ") == before


def test_52_a_config_entry_is_replaced_by_one_of_the_same_name(k, cache):
    k.store(cache, config_entry(ALICE, "pa_type", b"2", str(TGT)))
    k.store(cache, config_entry(ALICE, "pa_type", b"138", str(TGT)))
    got = k.retrieve(cache, config_entry(ALICE, "pa_type", b"", str(TGT)).server, flags=kcm.PLAIN)
    assert got.ticket == b"138"


@pytest.mark.parametrize("key", ["fast_avail", "fast_avail with a principal"])
def test_53_fast_avail_is_hidden_from_every_read(k, cache, key):
    entry = config_entry(ALICE, "fast_avail", b"yes",
                         *([str(TGT)] if "principal" in key else []))
    k.store(cache, entry)
    k.store(cache, made_up())
    assert code_of(k.retrieve, cache, entry.server, flags=kcm.PLAIN) == kcm.CC_END
    assert servers(k.cred_list(cache)) == ["svc/made.up@TEST.LOCAL"]
    assert servers(k.by_iteration(cache)) == ["svc/made.up@TEST.LOCAL"]


def test_54_ntlm_keys_of_heimdal_are_taken_in_and_never_come_back(k, cache, lsaiso):
    secret = os.urandom(16)
    entry = config_entry(ALICE, "ntlm-key-TESTDOM", secret)
    try:
        k.store(cache, entry)
    except KcmError:
        pass
    assert code_of(k.retrieve, cache, entry.server, flags=kcm.PLAIN) == kcm.CC_END
    assert all(secret not in c.encode() for c in k.cred_list(cache) + k.by_iteration(cache))
    from lib import search
    found = search.search_memory(secret, lsaiso.pids)
    assert not found.found, found


# ---- offset, move, flags, replace

def test_60_kdc_offset_is_kept(k, cache):
    k.set_offset(cache, -75)
    assert k.offset(cache) == -75
    k.set_offset(cache, 3600)
    assert k.offset(cache) == 3600


def test_61_kdc_offset_of_nothing_is_an_error(k):
    code_of(k.offset, "nothing")


def test_62_move_replaces_the_target_and_removes_the_source(k, cache):
    cred = made_up()
    k.store(cache, cred)
    k.initialize("target", Princ.of("bob@TEST.LOCAL"))
    k.move(cache, "target")
    assert k.principal("target").same(ALICE)
    assert k.cred_list("target") == [cred]
    assert code_of(k.principal, cache) == kcm.FCC_NOFILE
    assert k.cache_names() == ["target"]


def test_63_move_of_nothing_is_NOFILE(k):
    assert code_of(k.move, "nothing", "target") == kcm.FCC_NOFILE


def test_64_set_flags_is_harmless(k, cache):
    try:
        k.set_flags(cache, 0)
    except KcmError:
        pass
    assert k.principal(cache).same(ALICE)


def test_65_replace_is_initialize_offset_and_stores_in_one(k):
    creds = [made_up("svc/a@TEST.LOCAL"), made_up("svc/b@TEST.LOCAL")]
    k.replace("new", ALICE, creds, offset=7)
    assert k.principal("new").same(ALICE)
    assert k.cred_list("new") == creds
    assert k.offset("new") == 7
    k.replace("new", ALICE, [])
    assert k.cred_list("new") == []


def test_66_a_replace_that_is_cut_short_changes_nothing(k):
    creds = [made_up("svc/a@TEST.LOCAL")]
    k.replace("new", ALICE, creds)
    whole = (kcm.text("new") + struct.pack(">i", 0) + ALICE.encode() + struct.pack(">I", 2)
             + kcm.data(made_up("svc/b@TEST.LOCAL").encode()))
    try:
        k.nothing(kcm.REPLACE, whole)
    except (KcmError, ConnectionError):
        pass
    with_new = kcm.Kcm(k.path, uid=k.uid)
    assert with_new.cred_list("new") == creds
    with_new.close()


@pytest.mark.parametrize("op", [1, 2, 14, 15, 16, 24, 25, 26, 27, 28, 99, 13000, 13003, 65535])
def test_67_operations_we_do_not_have_are_NOSUPP_and_the_connection_goes_on(k, op):
    with pytest.raises(KcmError) as e:
        k.ask(op)
    assert e.value.code in (kcm.CC_NOSUPP, kcm.FCC_INTERNAL)
    k.noop()


# ---- the TGT

@pytest.fixture
def logged_on(alice, k):
    return k.default()


def tgts_by_retrieve(k, name, server):
    return [k.retrieve(name, server, flags=kcm.PLAIN)]


def tgts_by_list(k, name, server):
    return [c for c in k.cred_list(name) if c.server.same(server)]


def tgts_by_iteration(k, name, server):
    return [c for c in k.by_iteration(name) if c.server.same(server)]


ALL_WAYS = pytest.mark.parametrize("read", [tgts_by_retrieve, tgts_by_list, tgts_by_iteration],
                                   ids=["retrieve", "list", "iteration"])


@ALL_WAYS
def test_70_the_tgt_comes_with_a_stand_in_of_the_same_etype(k, logged_on, read, realm):
    tgt, = read(k, logged_on, TGT)
    real = tickets.real_key(tgt.ticket, realm.krbtgt_keytab)
    assert len(tgt.key) == len(real) and tgt.etype == kcm.AES256
    same = tgt.key == real
    assert not same, "the real key came out"
    assert tgt.key != bytes(len(real)), "zeros are no handle"


def test_71_the_three_ways_agree_on_the_stand_in(k, logged_on):
    assert (tgts_by_retrieve(k, logged_on, TGT) == tgts_by_list(k, logged_on, TGT)
            == tgts_by_iteration(k, logged_on, TGT))


@pytest.mark.parametrize("etype,length", [("aes128-cts", 16), ("aes256-cts", 32),
                                          ("aes128-sha2", 16), ("aes256-sha2", 32)])
def test_72_every_enctype_of_a_tgt_session_key_works(user, k, realm, etype, length):
    config = realm.write_config(f"krb5-{user.uid}-{etype}.conf", kcm_socket=user.daemon.socket,
                                defaults=f"default_tkt_enctypes = {etype}")
    done = user.kinit("alice", KRB5_CONFIG=config)
    done.ok()
    tgt, = tgts_by_list(k, k.default(), TGT)
    assert len(tgt.key) == length
    assert tgt.key != tickets.real_key(tgt.ticket, realm.krbtgt_keytab)
    user.kvno("HTTP/localhost").ok()


def test_73_two_logons_have_different_stand_ins(user, k):
    user.kinit("alice", "-c", "KCM:a").ok()
    user.kinit("alice", "-c", "KCM:b").ok()
    a, = tgts_by_list(k, "a", TGT)
    b, = tgts_by_list(k, "b", TGT)
    assert a.key != b.key and a.ticket != b.ticket


@ALL_WAYS
def test_74_a_cross_realm_tgt_is_masked_too(alice, k, logged_on, read, realm):
    alice.kvno("HTTP/web.other.local@OTHER.LOCAL").ok()
    asked = alice.kvno("krbtgt/OTHER.LOCAL@TEST.LOCAL").ok()
    assert asked
    cross, = read(k, logged_on, CROSS)[:1]
    # OTHER.LOCAL's KDC has the key of krbtgt/OTHER.LOCAL@TEST.LOCAL as well.
    keytab = realm.cross_keytab()
    same = cross.key == tickets.real_key(cross.ticket, keytab)
    assert not same, "the real cross-realm key came out"


def test_75_a_service_ticket_keeps_its_real_key(alice, k, logged_on, realm):
    alice.kvno("HTTP/localhost").ok()
    got = k.retrieve(logged_on, HTTP)
    assert got.key == tickets.real_key(got.ticket, realm.keytab("HTTP/localhost"))


def test_76_retrieve_of_a_miss_fetches_the_ticket(k, logged_on, realm):
    got = k.retrieve(logged_on, HTTP, times=(0, 0, int(time.time()), 0), client=ALICE)
    assert got.client.same(ALICE) and got.server.same(HTTP)
    assert got.key == tickets.real_key(got.ticket, realm.keytab("HTTP/localhost"))


def test_77_retrieve_of_what_the_kdc_does_not_know_is_the_kdcs_error(k, logged_on):
    nobody = Princ.of("nosuch/localhost@TEST.LOCAL")
    assert code_of(k.retrieve, logged_on, nobody) == kcm.KDC_S_PRINCIPAL_UNKNOWN


def test_78_retrieve_in_a_cache_without_a_tgt_is_END(k, cache):
    assert code_of(k.retrieve, cache, HTTP) in (kcm.CC_END, kcm.CC_NOTFOUND)


def test_79_a_copy_inside_kcm_works(alice, k, logged_on):
    creds = k.cred_list(logged_on)
    k.initialize("copy", k.principal(logged_on))
    for cred in creds:
        k.store("copy", cred)
    alice.kvno("-c", "KCM:copy", "HTTP/localhost").ok()
    copied, = tgts_by_list(k, "copy", TGT)
    original, = tgts_by_list(k, logged_on, TGT)
    assert copied == original


def test_80_a_copy_outlives_the_original_and_dies_with_itself(alice, k, logged_on):
    creds = k.cred_list(logged_on)
    k.replace("copy", k.principal(logged_on), creds)
    k.destroy(logged_on)
    alice.kvno("-c", "KCM:copy", "HTTP/localhost").ok()
    k.destroy("copy")
    # The logon is closed now: the same octets are worth nothing any more.
    k.replace("again", ALICE, creds)
    alice.kvno("-c", "KCM:again", "HTTP/localhost").fails()


def test_81_a_move_takes_the_logon_along(alice, k, logged_on):
    k.move(logged_on, "moved")
    alice.kvno("-c", "KCM:moved", "HTTP/localhost").ok()


def test_82_a_tgt_of_a_real_kdc_stored_by_hand_is_taken_in(alice, k, realm):
    path = f"{realm.folder.make('files', mode=0o777)}/raw-{alice.uid}"
    alice.kinit("bob", KRB5CCNAME=f"FILE:{path}").ok()
    principal, creds = tickets.read_file_ccache(path)
    real = next(c for c in creds if c.server.same(TGT))
    k.initialize("raw", principal)
    for cred in creds:
        k.store("raw", cred)
    got, = tgts_by_iteration(k, "raw", TGT)
    assert got.ticket == real.ticket and got.times == real.times and got.flags == real.flags
    same = got.key == real.key
    assert not same, "the real key came out"
    alice.kvno("-c", "KCM:raw", "HTTP/localhost").ok()


@pytest.mark.parametrize("name", ["krbtgt/TEST.LOCAL@TEST.LOCAL", "KRBTGT/TEST.LOCAL@TEST.LOCAL",
                                  "krbtgt@TEST.LOCAL", "kadmin/changepw@TEST.LOCAL",
                                  "x/krbtgt@TEST.LOCAL", "single@TEST.LOCAL"])
def test_83_whatever_may_be_a_tgt_never_comes_back_with_its_key(k, cache, name):
    cred = made_up(name)
    try:
        k.store(cache, cred)
    except KcmError:
        return  # refused is as good
    for got in k.cred_list(cache) + k.by_iteration(cache):
        assert cred.key not in got.encode()


def test_84_kinit_leaves_no_second_copy_of_the_tgt(alice, k, logged_on):
    alice.kinit("alice").ok()
    assert len([c for c in k.cred_list(logged_on) if c.is_tgt]) == 1


def test_85_user_to_user_over_the_wire(alice, k, logged_on, realm):
    alice.kinit("bob", "-c", "KCM:bob").ok()
    second, = tgts_by_list(k, "bob", TGT)
    got = k.retrieve(logged_on, Princ.of("bob@TEST.LOCAL"), flags=kcm.U2U, is_skey=1,
                     second=second.ticket, client=ALICE)
    real = tickets.real_key(second.ticket, realm.krbtgt_keytab)
    etype, cipher = tickets.encrypted_part(got.ticket)
    inner = tickets.session_key(tickets.decrypt(etype, real, tickets.TICKET_USAGE, cipher))
    assert inner[1] == got.key


def test_86_s4u2self_is_refused_over_the_wire(k, logged_on):
    bob = Princ.of("bob@TEST.LOCAL", type=10)
    code = code_of(k.retrieve, logged_on, ALICE, client=bob)
    assert code in (kcm.FCC_PERM, kcm.KDC_POLICY)


def test_87_s4u2proxy_is_refused_over_the_wire(k, logged_on, alice):
    alice.kvno("HTTP/localhost").ok()
    evidence = k.retrieve(logged_on, HTTP).ticket
    code = code_of(k.retrieve, logged_on, Princ.of("ldap/localhost@TEST.LOCAL"),
                   flags=kcm.S4U2PROXY, second=evidence)
    assert code in (kcm.FCC_PERM, kcm.KDC_POLICY)


def test_88_an_expired_tgt_is_said_to_be_expired(user, k):
    user.kinit("brief", "-l", f"{2 * proc.SLOW:.0f}s").ok()
    time.sleep(2.5 * proc.SLOW)
    code = code_of(k.retrieve, k.default(), HTTP, times=(0, 0, int(time.time()), 0))
    assert code == kcm.TKT_EXPIRED


def test_89_after_kdestroy_the_stand_in_of_a_copy_is_dead(alice, k, logged_on):
    creds = k.cred_list(logged_on)
    alice.run("kdestroy", "-A").ok()
    k.replace("late", ALICE, creds)
    alice.kvno("-c", "KCM:late", "HTTP/localhost").fails()
