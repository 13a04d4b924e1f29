# SPDX-License-Identifier: GPL-3.0-or-later
"""lsaiso outside of the guest: what has somebody who has all of the guest's memory?

One guest, one lsaiso of its own on this machine (the hypervisor's host). The
KDCs are outside, too: with a KDC in the guest its memory would hold every key.
The guest has clients, services, lsass, whatever else keeps tickets, and its
kernel. See lib/vtl0.py.
"""

import time

import pytest

from lib import instance, judged, search, vtl0


@pytest.fixture(scope="module")
def tenant(realm):
    made = vtl0.Tenant(realm)
    yield made
    made.stop()


@pytest.fixture(scope="module")
def machine(realm, tenant):
    made = vtl0.machine(realm, tenant)
    yield made
    made.stop()


@pytest.fixture(scope="module")
def outside(machine, tenant):
    return vtl0.moved_in(machine, "hypervisor", tenant)


@pytest.fixture(scope="module")
def inside(machine, outside):
    return vtl0.moved_in(machine, "logon", outside)


@pytest.fixture(scope="module")
def columns(machine, tenant, outside, inside, long_run):
    """All five at once in the memory, or the three that matter most."""
    kinds = ("FILE", "sssd-kcm", "process") if long_run else ("FILE",)
    others = [vtl0.moved_in(machine, kind, tenant) for kind in kinds]
    made = vtl0.look(machine, [*others, outside, inside])
    print("\n".join(vtl0.lines(made)))
    return made


# ---- in this order: one guest's day

@pytest.mark.parametrize("who", ["hypervisor", "logon"])
def test_memory_has_the_keys_of_service_tickets_and_no_other(columns, who):
    mine = columns[who]
    assert {f"service key {name}" for name in judged.SERVICES} <= set(mine.found)
    assert not mine.bad(), mine.found
    # Those were looked for.
    assert {"TGT key", "other realm's TGT key", "lsaiso root", "lsaiso session",
            "lsaiso private key", "password", "long-term key", "NT hash"} <= mine.keys


def test_the_same_search_finds_what_the_others_keep(columns):
    assert {"TGT key", "other realm's TGT key"} <= set(columns["FILE"].found)
    if "sssd-kcm" in columns:
        assert {"TGT key", "other realm's TGT key"} <= set(columns["sssd-kcm"].found)
    if "process" in columns:
        inside = columns["process"]
        assert {"lsaiso root", "lsaiso session"} <= set(inside.found)
        assert {"TGT key", "other realm's TGT key"} == inside.opened


def test_lsaisos_keys_are_the_real_ones(outside, inside):
    """With lsaiso's memory, which is outside, what is sealed in the guest opens."""
    assert outside.opened() == {"TGT key", "other realm's TGT key"}
    assert inside.opened() == {"TGT key", "other realm's TGT key"}
    assert vtl0.x25519_public(outside.private).hex() == outside.status()["lsaiso"]["public_key"]


def test_the_hosts_other_processes_have_nothing(machine, tenant, outside, inside):
    """QEMU carried the channel's octets, lsaiso-host passed them on."""
    found = vtl0.on_the_host(machine, tenant, outside, inside)
    assert all(octets > 100000 for _, octets in found.values()), found
    assert not any(hits for hits, _ in found.values()), found
    # They would have been found.
    assert vtl0.in_process(tenant.pid("lsaiso"), outside.keys["lsaiso root"])[0]


def test_a_new_lsass_goes_on_with_the_logon(outside):
    """It has lsaiso's boot id and the sealed blobs from the state folder."""
    before = outside.tenant.boot_id()
    outside.guest.run(f"kill -9 {outside.pid('lsass')}").ok()
    outside.serves()
    outside.user("kvno ldap/localhost")
    assert outside.tenant.boot_id() == before


def test_a_guest_that_stood_still_goes_on(machine, outside):
    """As in a migration: no octet comes and none is taken for a while."""
    machine.guest.monitor("stop")
    time.sleep(4)
    machine.guest.monitor("cont")
    outside.user("kvno cifs/localhost")


@pytest.fixture(scope="module")
def after_reboot(realm, tenant, machine, outside):
    """Another boot at the same socket, without init_on_free."""
    before = tenant.boot_id(), tenant.pid("lsaiso"), outside.keys["lsaiso session"]
    machine.stop()
    made = vtl0.machine(realm, tenant, more="")
    try:
        place = vtl0.moved_in(made, "hypervisor", tenant)
        place.inside = vtl0.moved_in(made, "logon", place)
        place.before = before
        yield place
    finally:
        made.stop()


def test_after_a_reboot_of_the_guest_another_lsaiso_serves(after_reboot, tenant):
    """The logons of the earlier boot are over: what held their keys has ended."""
    boot_id, pid, sessions = after_reboot.before
    assert tenant.boot_id() != boot_id
    assert tenant.pid("lsaiso") != pid
    assert vtl0.in_process(tenant.pid("lsaiso"), sessions)[0] == set()


def test_without_init_on_free_what_the_guest_never_had_is_not_there(after_reboot):
    """The key of the TGT came from kinit, in the clear, and may lie in freed pages;
    that of the other realm was never outside of lsaiso. The rest: docs/caveats.md."""
    found = after_reboot.found()
    print("without init_on_free:", {what: len(at) for what, at in found.items()})
    assert not [w for w in found if w.startswith(("lsaiso", "derived", "other realm"))], found


def test_of_a_logon_inside_there_is_not_even_then(after_reboot):
    """But for the password, which lies in freed pages of who typed it: here, of a pipe."""
    found = after_reboot.inside.found()
    print("without init_on_free, a logon inside:", {what: len(at) for what, at in found.items()})
    assert not [w for w in found if not w.startswith("service key") and w != "password"], found


def test_another_lsaiso_on_the_host_ends_the_logon_and_serves_on(after_reboot, tenant):
    """All of the host's part started anew. Its memory is secret memory this time."""
    tenant.again("secret")
    after_reboot.serves()
    refused = after_reboot.guest.run(after_reboot.as_user("kvno smtp/localhost"))
    assert refused.code != 0, refused.text
    after_reboot.log_on()
    after_reboot.user("kvno smtp/localhost")
    after_reboot.learn()
    memory = search.search_memory(after_reboot.real["TGT key"], [tenant.pid("lsaiso")])
    assert memory.octets and memory.refused and not memory.found, memory


def test_the_guest_believes_only_the_key_that_its_firmware_has(after_reboot):
    """The host put it there at the start of the machine. With another one pinned nothing
    starts."""
    assert after_reboot.status()["level"]["host_proven"] is True
    after_reboot.shut_down()
    after_reboot.guest.run(f"sed -i 's|^host_key.*|host_key = {'5a' * 32}|' "
                           f"{after_reboot.file}").ok()
    said = after_reboot.guest.run([instance.program("lsainit"), "--config", after_reboot.file])
    assert said.code != 0 and "the host's lsaiso is not believed" in said.text, said
