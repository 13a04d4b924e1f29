# SPDX-License-Identifier: GPL-3.0-or-later
"""Is it seen when lsaiso or lsass uses what it never needs: processor, memory, sockets,
descriptors, threads, memory to execute?
"""

import ctypes
import os
import re
import shutil
import socket
import threading
import time

import pytest

from lib import instance, proc, users
from lib.realm import PASSWORDS
from lib.standin import StandIn
from lib.watching import WatchedInstance

# Where a look costs much, as beside much else, the next one is two seconds after the last.
LOOK = 2.5
SOCKETS = 5  # those of the whole machine are looked through for lsass; the more, the less often


def found(stand, rule, part, seconds=LOOK, **members):
    """The finding, of the process that plays the part now."""
    one = stand.watch.wait(rule, stand.after, seconds=seconds, part=part, **members)
    assert one["subject_pid"] == stand.pids[part]
    assert one["subject_exe"] == stand.programs[part]
    return one


def over(stand, title):
    proc.wait_until(f"the end of: {title}",
                    lambda: f"over: {title}" in proc.tail(stand.log, 1000000), log=stand.log)


# ---- resource usage

def test_00_what_is_usual(stand):
    """Learned before anything unusual is done."""
    proc.wait_until("the end of learning",
                    lambda: stand.watch.verdict("resource_usage") == "normal")


def test_01_spinning(stand):
    stand.begin("lsaiso", "spin 6000")
    # A request may take a second and more: it must be so for 1.5 s, between two looks.
    one = found(stand, "resource-spinning", "lsaiso", seconds=4.5)
    assert int(re.search(r"uses (\d+) permille", one["evidence"]).group(1)) >= 300
    over(stand, "it uses a processor without serving anybody")


@pytest.mark.parametrize("part", ["lsaiso", "lsass"])
def test_02_memory(stand, part):
    stand.tell(part, "grow 100")
    one = found(stand, "resource-memory", part)
    assert int(re.search(r"has (\d+) KiB", one["evidence"]).group(1)) > 60 * 1024  # it may still grow


def test_03_more_than_was_learned(stand):
    proc.wait_until("the end of learning",
                    lambda: stand.watch.verdict("resource_usage") != "learning")
    stand.tell("lsaiso", "grow 8")
    one = found(stand, "resource-band", "lsaiso", seconds=5)
    assert one["severity"] == "info" and "learned up to" in one["evidence"]


def test_04_swapped_out(stand):
    with open("/proc/swaps", encoding="ascii") as file:
        if len(file.readlines()) < 2:
            pytest.skip("this machine has no swap")
    stand.tell("lsaiso", "grow 8")
    stand.tell("lsaiso", "pageout")
    found(stand, "resource-swapped", "lsaiso")


def test_05_what_was_learned_is_kept_and_not_believed_of_others(realm):
    """Read back by the next lsawatch; not if anybody else could have written it."""
    with WatchedInstance(realm, {"watch": {"learn_seconds": 5}}) as inst:
        path = inst.folder("watch", "baseline.json")

        def again(change):
            old = inst.pid("lsawatch")
            change()
            os.kill(old, 9)
            proc.wait_until("another lsawatch", lambda: inst.pid("lsawatch") not in (None, old))
            proc.wait_until("its socket", lambda: proc.socket_answers(inst.watch.path))
            return inst.watch.verdict("resource_usage")

        proc.wait_until("the end of learning",
                        lambda: inst.watch.verdict("resource_usage") == "normal")
        proc.wait_until("what was learned", lambda: os.path.exists(path), log=inst.log)
        assert os.stat(path).st_mode & 0o777 == 0o600
        assert again(lambda: None) == "normal"
        assert again(lambda: os.chmod(path, 0o666)) == "learning"
        assert inst.log_has("is not ours alone: learning anew")
        proc.wait_until("the end of learning",
                        lambda: inst.watch.verdict("resource_usage") == "normal")
        os.chmod(path, 0o600)
        with open(path, "w", encoding="ascii") as file:
            file.write('{"format": 1, "since": 1, "learned_ms": 99999999, "parts": {}}')
        assert again(lambda: None) == "learning"
        assert inst.log_has("is damaged: learning anew")


# ---- network activity

@pytest.mark.parametrize("kind", ["tcp", "udp", "unix"])
def test_10_a_socket_of_lsaiso(stand, kind):
    fd = stand.tell("lsaiso", f"socket {kind}")
    one = found(stand, "network-socket", "lsaiso", SOCKETS)
    assert f"descriptor {fd} is socket:" in one["evidence"] and one["severity"] == "critical"
    stand.tell("lsaiso", "close")
    over(stand, "it has a socket that it was not started with")


def up(pid):
    """As root would do it: with other programs, in its network."""
    done = proc.run(["nsenter", "-t", str(pid), "-n", "ip", "link", "set", "lo", "up"])
    if done.code == -1 or "not found" in done.text:
        pytest.skip(f"nsenter or ip is missing: {done.text}")
    done.ok()


def test_11_an_interface_of_the_stand_in(stand):
    up(stand.pids["lsaiso"])
    found(stand, "network-interface", "lsaiso", SOCKETS)


@pytest.mark.levels("process", why="lsaiso's own network")
def test_12_an_interface_of_the_real_one(realm):
    if os.geteuid() != 0:
        pytest.skip("a network of its own needs root")
    with WatchedInstance(realm) as inst:
        assert inst.watch.verdict("network_activity") == "normal"
        up(inst.pid("lsaiso"))
        one = inst.watch.wait("network-interface", 0, seconds=SOCKETS, part="lsaiso")
        assert one["subject_pid"] == inst.pid("lsaiso")


@pytest.mark.parametrize("kind", ["tcp", "udp"])
def test_13_lsass_listens(stand, kind):
    stand.tell("lsass", f"socket {kind}")
    port = stand.tell("lsass", "listen")
    one = found(stand, "network-listen", "lsass", SOCKETS)
    assert f"{kind.upper()} port {port}" in one["evidence"]


def test_13b_lsass_listens_where_it_is_configured():
    """And at another port of the same address, which shows that it was looked."""
    at, other = proc.free_port(), proc.free_port()
    with StandIn({"watch": {"layers": "sweep"}, "kdc": {"listen": f"127.0.0.1:{at}"}}) as stand:
        stand.after = 0
        stand.start("lsaiso")
        stand.start("lsass")
        for port in (at, other):
            for kind in ("tcp", "udp"):
                stand.tell("lsass", f"socket {kind}")
                assert stand.tell("lsass", f"listen {port}") == port
        with socket.create_connection(("127.0.0.1", at)):
            one = found(stand, "network-listen", "lsass", SOCKETS, count=2)  # both in one report
            assert f"listens at 127.0.0.1, TCP port {other}" in one["evidence"]
            time.sleep(1.5)
            assert [(one["rule"], one["count"]) for one in stand.watch.findings()
                    if one["row"] == "network_activity"] == [("network-listen", 2)]


def test_13c_clients_of_the_endpoint_are_usual(realm):
    """Real ones of the real lsass, which stay, beside one that nobody configured."""
    where = [proc.free_port() for _ in range(2)]
    with WatchedInstance(realm, {"kdc": {
            "listen": f"127.0.0.1:{where[0]} [::1]:{where[1]}"}}) as inst:
        at = dict.fromkeys(realm.kdc, where[0])
        user = users.User(inst)
        held = [socket.create_connection((host, port))
                for host, port in zip(("127.0.0.1", "::1"), where) for _ in range(4)]
        for limit in ("1", "32000"):  # TCP, UDP
            mine = realm.write_config(f"krb5-watched-{limit}.conf", kdc=at,
                                      defaults=f"udp_preference_limit = {limit}")
            proc.run(user.argv(["kinit", "-c", "MEMORY:", "alice"]),
                     env=realm.env(config=mine), stdin=PASSWORDS["alice"] + "\n").ok()
        time.sleep(3)
        assert not [one for one in inst.watch.findings() if one["row"] == "network_activity"]
        assert inst.watch.verdict("network_activity") == "normal"
        for one in held:
            one.close()


def test_14_lsass_talks_to_another(stand):
    with socket.socket() as server:
        server.bind(("127.0.0.1", 0))
        server.listen()
        port = server.getsockname()[1]
        stand.tell("lsass", "socket tcp")
        stand.tell("lsass", f"connect {port}")
        one = found(stand, "network-peer", "lsass", SOCKETS)
        assert f"127.0.0.1, TCP port {port}" in one["evidence"]


def test_15_lsass_talks_to_a_kdc():
    """One of krb5.conf, at any port; another is told, which shows that it was looked."""
    with socket.socket() as kdc, socket.socket() as other, proc_folder() as folder:
        for one in (kdc, other):
            one.bind(("127.0.0.1", 0))
            one.listen()
        ports = [one.getsockname()[1] for one in (kdc, other)]
        krb5 = folder.write("krb5.conf", "[realms]\n A.TEST = {\n"
                            f"  kdc = localhost:{ports[0]}\n }}\n")
        with StandIn({"watch": {"layers": "sweep"}}, krb5=krb5) as stand:
            stand.after = 0
            stand.start("lsaiso")
            stand.start("lsass")
            for port in ports:
                stand.tell("lsass", "socket tcp")
                stand.tell("lsass", f"connect {port}")
            assert f"port {ports[1]}" in found(stand, "network-peer", "lsass", SOCKETS)["evidence"]
            assert len([one for one in stand.watch.findings()
                        if one["rule"] == "network-peer"]) == 1


class proc_folder(proc.Folder):
    """A folder for a with."""

    def __init__(self):
        super().__init__("krb5")

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.remove()


# ---- handles and threads

@pytest.mark.parametrize("what", ["pipe", "memfd", "/etc/hostname"])
def test_20_a_descriptor(stand, what):
    stand.tell("lsaiso", f"leak {what} 1")
    one = found(stand, "handles-extra", "lsaiso")
    assert {"pipe": "pipe:", "memfd": "/memfd:leak"}.get(what, what) in one["evidence"]
    assert stand.watch.verdict("handles_threads") == "abnormal"


def test_21_a_thread(stand):
    stand.tell("lsaiso", "thread 1")
    one = found(stand, "handles-thread", "lsaiso")
    assert "has 2 threads" in one["evidence"] and one["severity"] == "critical"


@pytest.mark.parametrize("part", ["lsaiso", "lsass"])
@pytest.mark.parametrize("kind", ["rwx", "anonymous", "memfd"])
def test_22_memory_to_execute(stand, part, kind):
    stand.tell(part, f"map {kind}")
    one = found(stand, "handles-executable", part)
    assert {"rwx": "rwxp", "anonymous": "has no file", "memfd": "/memfd:code"}[kind] \
        in one["evidence"]


def test_23_a_library_from_somewhere(stand):
    """One that is installed is a library of lsass; a copy elsewhere is not."""
    library = os.path.realpath("/lib/x86_64-linux-gnu/libc.so.6")
    if not os.path.exists(library):
        pytest.skip(f"no {library}")
    copy = stand.folder("libc.so.6")
    shutil.copy(library, copy)
    stand.tell("lsass", f"map {library}")
    stand.tell("lsass", f"map {copy}")
    assert copy in found(stand, "handles-executable", "lsass")["evidence"]


def test_24_more_descriptors_and_threads_of_lsass(stand):
    proc.wait_until("the end of learning",
                    lambda: stand.watch.verdict("resource_usage") != "learning")
    stand.tell("lsass", "leak pipe 40")
    assert found(stand, "handles-band", "lsass")["severity"] == "info"
    stand.tell("lsass", "leak pipe 300")  # its limit is 16 clients and what it has beside
    stand.tell("lsass", "thread 100")
    one = found(stand, "handles-band", "lsass", severity="low")
    assert "threads" in one["evidence"] or "fds" in one["evidence"]


@pytest.mark.parametrize("part", ["lsaiso", "lsass"])
def test_25_stopped(stand, part):
    os.kill(stand.pids[part], 19)
    found(stand, "stability-stopped", part)
    os.kill(stand.pids[part], 18)
    over(stand, "it is stopped and serves nobody")


def test_26_traced(stand):
    """By a process that does nothing else: no event tells it here, TracerPid does."""
    tracer = os.fork()
    if tracer == 0:
        libc = ctypes.CDLL(None, use_errno=True)
        libc.ptrace.argtypes = [ctypes.c_long, ctypes.c_long, ctypes.c_void_p, ctypes.c_void_p]
        os._exit(time.sleep(30) if libc.ptrace(0x4206, stand.pids["lsass"], 0, 0) == 0  # SEIZE
                 else 1)
    try:
        one = stand.watch.wait("memory-attach", stand.after, part="lsass", actor=tracer)
        assert one["severity"] == "critical"
    finally:
        os.kill(tracer, 9)
        os.waitpid(tracer, 0)


# ---- and the real ones

def loud(inst):
    """What is above info and about a process of this instance."""
    return [one for one in inst.watch.findings() if one["severity"] != "info"
            and one.get("subject_pid") in inst.pids]


@pytest.mark.parametrize("level", instance.LEVELS)
def test_30_each_level_is_as_it_should_be(realm, level):
    if instance.why_not(level):
        pytest.skip(instance.why_not(level))
    with WatchedInstance(realm, {"isolation": {"level": level}}) as inst:
        inst.linked()
        time.sleep(3)  # of the sweep, that is three looks
        assert loud(inst) == []
        for row in ("image_path", "parent_process", "user_account", "network_activity",
                    "handles_threads"):
            assert inst.watch.verdict(row) == "normal", row


def test_31_under_load(realm):
    """Ten seconds of tickets for four users at once, after five of learning."""
    names = [f"svc/n{i:03}.test.local" for i in range(200)]

    def load(who, until):
        while time.monotonic() < until:
            who.kinit("alice").ok()
            who.run("kvno", *names).ok()
            with inst.kcm(uid=who.uid) as k:
                for _ in range(200):
                    k.noop()
            who.run("kdestroy", "-A").ok()

    if os.geteuid() != 0:
        pytest.skip("several users need root")
    with WatchedInstance(realm, {"watch": {"learn_seconds": 5},
                                 "tgs": {"rate": 100000, "burst": 100000}}) as inst:
        iso = inst.pid("lsaiso")
        proc.wait_until("the end of learning",
                        lambda: inst.watch.verdict("resource_usage") != "learning")
        until = time.monotonic() + 10
        threads = [threading.Thread(target=load, args=(users.User(inst), until))
                   for _ in range(4)]
        for one in threads:
            one.start()
        for one in threads:
            one.join()
        # It was at work: what it waited for it answered.
        with open(f"/proc/{iso}/status", encoding="ascii") as file:
            waits = int(re.search(r"^voluntary_ctxt_switches:\s+(\d+)", file.read(), re.M).group(1))
        assert waits > 500
        assert loud(inst) == []
        assert inst.pid("lsaiso") == iso
