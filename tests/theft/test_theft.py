# SPDX-License-Identifier: GPL-3.0-or-later
"""After alice logged in and used her services: where does root find the real
session key of her TGT? The test knows it from the KDC (the ticket, opened with
the krbtgt key). Numbers T.. are those of docs/threat-model.md. The same thieves
go to a cache file, sssd-kcm and Heimdal's kcm as a control: a search that finds
nothing anywhere would prove nothing.

Left out of the search, by their nature: the KDC's own processes and the test's.
The memory of kinit, which has the key until it exits, is gone by then (T21).
"""

import glob
import hmac
import os
import shutil
import signal
import time

import pytest

from lib import instance, kcm, peers, proc, search, theft, tickets, users

pytestmark = pytest.mark.usefixtures("need_root")
secret_memory = pytest.mark.levels("process", why="lsaiso's keys are in memfd_secret memory "
                                   "at level process alone; see tests/vm/test_70_gmem.py")


@pytest.fixture(scope="module")
def around(realm):
    s = theft.Services(realm)
    yield s
    s.stop()


def victim_of(kind):
    def make(realm, around):
        v = theft.Victim(kind, realm, around)
        try:
            v.work()
            yield v
        finally:
            v.stop()
    return make


victim = pytest.fixture(scope="module")(victim_of("lsaiso"))


@pytest.fixture(scope="module", params=["FILE", "sssd-kcm", "heimdal-kcm"])
def control(request, realm, around):
    if request.param == "heimdal-kcm" and not peers.heimdal("kcm"):
        pytest.skip("Heimdal's kcm is not unpacked: scripts/setup.sh test")
    yield from victim_of(request.param)(realm, around)


def refuse(outcome):
    got, details = outcome
    assert got is False, f"the key was found: {details}"
    return details


# ---- lsaiso

def test_T01_what_the_cache_hands_out_does_not_hold_the_key(victim):
    refuse(victim.attack_cache())


def test_T01_none_of_the_three_ways_to_read_holds_it(victim):
    wanted = search.needles(victim.key)
    with kcm.Kcm(victim.daemon.socket, uid=victim.user.uid) as k:
        name = k.default()
        got = [k.retrieve(name, theft.TGT, flags=kcm.PLAIN), *k.cred_list(name),
               *k.by_iteration(name)]
    assert len(got) > 10
    assert not any(search.holds(c.encode(), wanted) for c in got)


def test_T01_the_stolen_cache_is_refused_by_the_real_kdc(victim):
    details = refuse(victim.attack_replay())
    assert "Decrypt integrity check failed" in details


def test_T02_proc_mem_of_every_process_does_not_hold_the_key(victim):
    result = search.search_memory(victim.key, but=victim.realm.pids())
    assert result.processes >= 5 and result.octets > 1 << 20, f"searched too little: {result}"
    assert not result.found, str(result)
    # Nothing of the daemon was left out but lsaiso's secret memory.
    ours = set(victim.daemon.pids)
    assert not [s for s in result.skipped if s[0] in ours], result.skipped
    refused = {(r[1], r[2]) for r in result.refused if r[0] in ours}
    assert all(who == "lsaiso" and "secretmem" in what for who, what in refused), refused


@secret_memory
def test_T02_reading_lsaisos_secret_memory_fails_for_root(victim):
    pid = victim.daemon.pid("lsaiso")
    maps = theft.secret_mappings(pid)
    assert maps, "lsaiso has no memfd_secret mapping"
    with open(f"/proc/{pid}/mem", "rb", buffering=0) as mem:
        for start, end in maps:
            for address in range(start, end, 1 << 16):
                mem.seek(address)
                with pytest.raises(OSError):
                    mem.read(16)
                with pytest.raises(OSError):
                    theft.process_vm_readv(pid, address, 16)


@secret_memory
def test_T02_no_descriptor_of_the_secret_memory_is_left_to_steal(victim):
    pid = victim.daemon.pid("lsaiso")
    held = [os.readlink(f"/proc/{pid}/fd/{n}") for n in os.listdir(f"/proc/{pid}/fd")]
    assert not [h for h in held if "secretmem" in h], held


def test_T02_the_key_of_a_cross_realm_tgt_is_nowhere_either(victim):
    assert victim.cross_key, "the cache holds no cross-realm TGT to look for"
    result = search.search_memory(victim.cross_key, but=victim.realm.pids())
    assert not result.found, str(result)
    assert not search.search_files(victim.cross_key, victim.daemon.folders)
    assert not search.holds(bytes(victim.recorder.to_client), search.needles(victim.cross_key))


def test_T02_keys_derived_from_the_key_are_nowhere_either(victim):
    """Who has those can make requests, if not open tickets."""
    # First: is what is searched for what Kerberos uses? HMAC-SHA1-96-AES256 is type 16.
    made = tickets.derived_keys(victim.key)
    mac = hmac.digest(made["checksum of the request (6)"], b"a request", "sha1")[:12]
    assert mac == tickets.checksum(16, kcm.AES256, victim.key, 6, b"a request")
    # The freshest use possible.
    victim.user.kvno("svc/n101.test.local").ok()
    for what, key in made.items():
        result = search.search_memory(key, victim.daemon.pids)
        assert not result.found, f"{what}: {result}"


@secret_memory
def test_T02_the_weaker_setting_ordinary_memory_is_readable_and_status_says_so(realm):
    """The control for "root's read fails": with [isolation] memory = ordinary it
    does not. (What is read there are keys of sessions; a TGT's key is in the
    clear only while it is used.)"""
    with instance.Instance(realm, {"isolation": {"memory": "ordinary"}}) as weaker:
        somebody = users.User(weaker)
        somebody.kinit("alice").ok()
        somebody.kvno("HTTP/localhost").ok()
        assert not theft.secret_mappings(weaker.pid("lsaiso"))
        result = search.search_memory(os.urandom(32), [weaker.pid("lsaiso")])
        assert not result.refused and result.octets > 256 << 10, str(result)
        assert weaker.call("Status")["level"]["weaker"], "status does not say that it is weaker"


def test_T03_core_files_made_by_gcore_do_not_hold_the_key(victim):
    details = refuse(victim.attack_core())
    assert "lsass: False" in details, f"no core of lsass was searched: {details}"
    # The thief's debugger has done no harm.
    victim.user.kvno("smtp/localhost").ok()


def test_T04_no_file_of_the_state_and_run_folders_holds_the_key(victim):
    files = [n for _, _, names in os.walk(victim.daemon.state) for n in names]
    assert files, "nothing in the state folder: nothing was tested"
    refuse(victim.attack_files())


def test_T04_no_file_holds_the_password(victim):
    from lib.realm import PASSWORDS
    word = PASSWORDS["alice"].encode()
    for where, _, names in os.walk(victim.daemon.folder.path):
        for name in names:
            path = os.path.join(where, name)
            if os.path.isfile(path):
                with open(path, "rb") as f:
                    assert word not in f.read(), path


def test_T04_the_state_folder_copied_to_another_machine_is_worth_nothing(victim, realm):
    other = instance.Instance(realm, start=False)
    try:
        shutil.rmtree(other.state)
        shutil.copytree(victim.daemon.state, other.state)
        for where, folders, names in os.walk(other.state):
            for name in [*folders, *names, "."]:
                os.chown(os.path.join(where, name), instance.LSASS_UID, instance.LSASS_UID)
        other.start()
        thief = users.User(other, uid=victim.user.uid)
        thief.klist("-s").fails()
        thief.kvno("cifs/localhost").fails()
        thief.kinit("bob").ok()  # and nobody is locked out by the debris
    finally:
        other.stop()


def test_T05_traffic_to_clients_does_not_hold_the_key(victim):
    refuse(victim.attack_traffic())
    assert len(victim.recorder.to_client) > 1000, "the tap recorded nothing"
    # The way in is where kinit brought it.
    assert search.holds(bytes(victim.recorder.to_server), search.needles(victim.key))


def test_T16_lsaiso_is_confined(victim):
    with open(f"/proc/{victim.daemon.pid('lsaiso')}/status", encoding="ascii") as f:
        status = dict(line.split(":\t", 1) for line in f.read().splitlines() if ":\t" in line)
    assert status["Seccomp"] == "2"
    assert status["NoNewPrivs"] == "1"
    assert int(status["CapPrm"], 16) == int(status["CapBnd"], 16) == 0
    assert set(status["Uid"].split()) == {str(instance.LSAISO_UID)}
    if victim.daemon.level == "process":  # newer kernels' KVM makes one
        assert status["Threads"] == "1"


def test_T21_lsass_has_wiped_the_key_it_saw_at_store(victim):
    """A logon just now: the receive buffers are the freshest they can be."""
    for n in range(5):
        victim.user.kinit("alice", "-c", f"KCM:fresh{n}").ok()
        with kcm.Kcm(victim.daemon.socket, uid=victim.user.uid) as k:
            tgt = next(c for c in k.cred_list(f"fresh{n}") if c.is_tgt)
        key = tickets.real_key(tgt.ticket, victim.realm.krbtgt_keytab)
        found = search.search_memory(key, victim.daemon.pids)
        assert not found.found, f"round {n}: {found}"


def test_T23_after_log_off_a_copy_of_the_stand_in_is_dead(victim):
    """Last but one: it takes alice's tickets away."""
    refuse(victim.attack_after_log_off())
    with kcm.Kcm(victim.daemon.socket, uid=victim.user.uid) as k:
        k.replace("late", victim.principal, victim.creds)
    victim.user.kvno("-c", "KCM:late", "cifs/localhost").fails()


def test_T03_no_core_file_when_lsaiso_is_killed_with_its_limits_raised(realm):
    with open("/proc/sys/kernel/core_pattern", encoding="ascii") as f:
        pattern = f.read().strip()
    if pattern.startswith("|"):
        pytest.skip(f"core_pattern is a pipe: {pattern}")
    with instance.Instance(realm) as mine:
        somebody = users.User(mine)
        somebody.kinit("alice").ok()
        for name in ("lsaiso", "lsass"):
            pid = mine.pid(name)
            proc.run(["prlimit", f"--pid={pid}", "--core=unlimited:unlimited"])
            where = os.path.realpath(f"/proc/{pid}/cwd")
            before = set(glob.glob(os.path.join(where, "*core*")))
            os.kill(pid, signal.SIGABRT)
            # lsaiso is the first process of a PID namespace: only KILL and STOP
            # reach it. lsass dies and comes back.
            end = time.monotonic() + (2 if name == "lsaiso" else 20)
            while mine.pid(name) in (None, pid) and time.monotonic() < end:
                time.sleep(0.05)
            assert name == "lsaiso" or mine.pid(name) not in (None, pid), mine.read_log()
            after = set(glob.glob(os.path.join(where, "*core*"))) - before
            for path in after:
                os.unlink(path)
            assert not after, f"{name} left {after}"


# ---- controls: the same search finds the key where it is

def test_control_reading_the_cache_gives_the_key(control):
    assert control.attack_cache()[0]


def test_control_memory_gives_the_key_where_there_is_a_daemon(control):
    got, details = control.attack_memory()
    assert got == bool(control.daemon.pids), details


def test_control_a_core_file_gives_the_key_where_there_is_a_daemon(control):
    got, details = control.attack_core()
    assert got is (True if control.daemon.pids else None), details


def test_control_files_give_the_key_where_the_cache_is_on_disk(control):
    got, details = control.attack_files()
    assert got == (control.kind in ("FILE", "sssd-kcm")), details


def test_control_the_stolen_cache_works_at_the_kdc(control):
    got, details = control.attack_replay()
    assert got, details
