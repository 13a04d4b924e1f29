# SPDX-License-Identifier: GPL-3.0-or-later
"""Is a wrong program, a wrong parent, a second one or an impostor seen and named?"""

import os
import shutil
import signal
import socket
import subprocess
import sys
import time

import pytest

from lib import instance, proc
from lib.standin import StandIn
from lib.watching import WatchedInstance


class Programs:
    """Copies of a real program under other names, and what they run as."""

    def __init__(self):
        self.folder = proc.Folder("impostors")
        self.started = []

    def copy(self, name, of="sleep"):
        path = self.folder(name)
        shutil.copy(proc.program(of), path)
        os.chmod(path, 0o755)
        return path

    def start(self, path, *arguments, name=None):
        """Run it for a minute at most; name: its argv[0]."""
        one = subprocess.Popen([name or path, *(arguments or ("60",))], executable=path,
                                    stdin=subprocess.DEVNULL, env=proc.clean_env())
        self.started.append(one)
        return one.pid

    def end(self):
        for one in self.started:
            one.kill()
            one.wait()
        self.folder.remove()


@pytest.fixture
def programs():
    made = Programs()
    yield made
    made.end()


def found(watched, rule, pid, **members):
    """The finding of that rule about pid, and that its program is named."""
    one = watched.watch.wait(rule, 0, actor=pid, **members)
    assert str(pid) in one["evidence"] or one["actor"]["exe"] in one["evidence"]
    return one


def test_01_name_of_another_file(watched, programs):
    path = programs.copy("lsaiso")
    one = found(watched, "impostor-name", programs.start(path))
    assert one["actor"]["exe"] == path and one["severity"] == "high"
    assert watched.watch.verdict("instances") == "abnormal"


def test_02_homoglyphs(watched, programs):
    for name in ("ls\u0430iso", "lsa1so", "LSASS", "lsain\u0456t", "\uff4csass", "lsavvatch", "lsass\u200b"):
        path = programs.copy(name)
        found(watched, "impostor-homoglyph", programs.start(path))


def test_03_one_letter_away(watched, programs):
    for name in ("lsaios", "lsasss", "lsainet"):
        found(watched, "impostor-near", programs.start(programs.copy(name)))


def test_04_a_file_that_was_removed(watched, programs):
    path = programs.copy("lsass")
    pid = programs.start(path)
    os.unlink(path)
    found(watched, "impostor-deleted", pid)


def test_05_no_file_at_all(watched, programs):
    memory = os.memfd_create("lsaiso", os.MFD_CLOEXEC)
    with open(proc.program("sleep"), "rb") as of:
        os.write(memory, of.read())
    one = found(watched, "impostor-memfd",
                programs.start(f"/proc/{os.getpid()}/fd/{memory}", name="lsaiso"))
    os.close(memory)
    assert one["severity"] == "critical"


def test_06_a_name_given_after_the_start(watched, programs):
    """prctl(PR_SET_NAME) by a script, of which the file tells nothing."""
    path = programs.folder.write("quiet.py", "import ctypes, time\n"
                                 "ctypes.CDLL(None).prctl(15, b'lsaiso')\ntime.sleep(60)\n")
    one = found(watched, "impostor-name", programs.start(sys.executable, path))
    assert 'name "lsaiso"' in one["evidence"]


def test_07_a_first_argument(watched, programs):
    one = found(watched, "impostor-name",
                programs.start(proc.program("sleep"), name="/usr/libexec/lsaiso/lsass"))
    assert 'first argument "lsass"' in one["evidence"]


def test_08_known_programs_are_not_told(realm, programs):
    known, other = programs.copy("lsaiso"), programs.copy("lsass")
    with WatchedInstance(realm, {"watch": {"known": f"/nowhere {known}"}}) as inst:
        quiet = programs.start(known)
        inst.watch.wait("impostor-name", 0, actor=programs.start(other))
        assert not [one for one in inst.watch.findings()
                    if one.get("actor", {}).get("pid") == quiet]


def test_09_names_that_are_only_a_little_alike(watched, programs):
    """What is called so by others. One that is found ends the wait."""
    quiet = [programs.start(programs.copy(name))
             for name in ("sass", "lsof", "ls", "lsattr", "lsscsi", "lxsession", "class",
                          "wininit", "lsass.exe", "isolate", "salsa", "lsasstool")]
    found(watched, "impostor-name", programs.start(programs.copy("lsavmm")))
    assert not [one for one in watched.watch.findings()
                if one.get("actor", {}).get("pid") in quiet]


def test_10_it_is_over_when_it_has_ended(watched, programs):
    pid = programs.start(programs.copy("lsalink"))
    found(watched, "impostor-name", pid)
    programs.started[-1].kill()
    programs.started[-1].wait()
    proc.wait_until("the end in the log", lambda: watched.log_has(
        f"over: another program goes by its name: .*by pid {pid} "), log=watched.log)


@pytest.mark.parametrize("layers", ["sweep", "events sweep"])
def test_11_by_the_sweep_alone_and_with_events(realm, programs, layers):
    with WatchedInstance(realm, {"watch": {"layers": layers}}) as inst:
        # A scan a second, and a second look at who is new.
        one = inst.watch.wait("impostor-name", 0, seconds=5,
                              actor=programs.start(programs.copy("lsaiso")))
        assert one["layer"] == ("sweep" if layers == "sweep" else "events")


def test_13_one_that_ends_at_once(watched, programs):
    """Before it can be looked at: the event has its name. Our own by hand are no impostors."""
    if not any("EXEC" in one["shows"] for one in watched.watch.status()["sensors"]):
        pytest.skip("no sensor of programs that start")
    genuine = [subprocess.Popen([instance.program(name), "--no-such-option"],
                                stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
               for name in ("lsainit", "lsaiso", "lsass", "lsawatch")]
    for one in genuine:
        one.wait()
    path = programs.copy("lsaiso", of="true")
    pid = programs.start(path, "x")
    programs.started[-1].wait()
    assert found(watched, "impostor-name", pid)["actor"]["exe"] == path
    assert not [one for one in watched.watch.findings() if one["row"] != "memory_access"
                and one.get("actor", {}).get("pid") in [one.pid for one in genuine]]


def test_12_another_instance_is_none(watched, realm):
    """Its own lsainit, lsaiso, lsass and lsawatch, of the same files."""
    with WatchedInstance(realm) as other:
        pids = {other.pid(name) for name in ("lsainit", "lsaiso", "lsass", "lsawatch")}
        one = watched.watch.wait("instances-other", 0, seconds=4, actor=other.daemon.pid)
        assert one["severity"] == "info"
        time.sleep(2)
    assert {one["rule"] for one in watched.watch.findings()
            if one["row"] != "memory_access" and one.get("actor", {}).get("pid") in pids
            } == {"instances-other"}


# ---- what the real ones cannot be made to do

def of(stand, rule, part, **members):
    return stand.watch.wait(rule, stand.after, part=part, **members)


def test_13_threads_of_a_new_lsass_are_no_second_one(realm):
    with WatchedInstance(realm) as own:
        after, pid = own.watch.last(), own.pid("lsass")
        os.kill(pid, signal.SIGKILL)
        own.watch.wait("stability-killed", after, subject_pid=pid)
        proc.wait_until("another lsass", own.answers, log=own.log)
        threads = os.listdir(f"/proc/{own.pid('lsass')}/task")
        assert len(threads) > 4
        time.sleep(1)  # what is there to be told has been told
        assert not [one for one in own.watch.findings(after) if one["rule"] in
                    ("instances-second", "parent-child")
                    and str(one.get("actor", {}).get("pid")) in threads]


@pytest.mark.parametrize("part", ["lsaiso", "lsass"])
def test_20_it_runs_another_file(stand, part):
    stand.begin(part, f"exec {proc.program('sleep')} 60")
    one = of(stand, "path-foreign", part, subject_pid=stand.pids[part])
    assert os.path.realpath(proc.program("sleep")) in one["evidence"]
    assert one["severity"] == "critical" and stand.watch.verdict("image_path") == "abnormal"


def test_21_a_copy_of_the_file_is_another_file(stand, programs):
    path = programs.folder("lsass")
    shutil.copy(stand.programs["lsass"], path)
    stand.begin("lsass", f"exec {path} play 3")
    assert path in of(stand, "path-foreign", "lsass")["evidence"]


@pytest.mark.parametrize("part", ["lsaiso", "lsass"])
def test_22_it_starts_a_process(stand, part):
    stand.tell(part, f"fork {proc.program('sleep')} 60")
    one = of(stand, "parent-child", part)
    assert one["actor"]["exe"] == os.path.realpath(proc.program("sleep"))
    assert one["actor"]["parent"] == stand.pids[part]


def test_23_a_process_without_another_program(stand):
    stand.tell("lsass", "fork")
    one = of(stand, "parent-child", "lsass")
    assert one["actor"]["exe"] == stand.programs["lsass"]
    of(stand, "instances-second", "lsass", seconds=5, actor=one["actor"]["pid"])


@pytest.mark.parametrize("part", ["lsaiso", "lsass"])
def test_24_it_has_another_parent(stand, part):
    stand.end(part)
    stand.start(part, "orphan")
    one = of(stand, "parent-lost", part, subject_pid=stand.pids[part])
    assert one["severity"] == "critical" and stand.watch.verdict("parent_process") == "abnormal"


@pytest.mark.parametrize("part", ["lsaiso", "lsass"])
def test_25_our_program_started_by_another(stand, part):
    ours, its = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    with ours, its, subprocess.Popen([stand.programs[part], "play", "0"], stdin=its) as other:
        try:
            # The sweep alone: at its next scan, and AGAIN_MS later.
            one = of(stand, "parent-foreign", part, seconds=5, actor=other.pid)
            assert str(os.getpid()) in one["evidence"] and one["actor"]["parent"] == os.getpid()
            second = of(stand, "instances-second", part, seconds=5, actor=other.pid)
            assert str(stand.pids[part]) in second["evidence"]
        finally:
            other.kill()


def test_26_none_runs(stand):
    stand.end("lsass")
    one = of(stand, "instances-missing", "lsass", seconds=8)
    assert one["severity"] == "medium"
    stand.start("lsass")
    proc.wait_until("the row to be green for it", lambda: "over: none of it runs" in
                    proc.tail(stand.log, 100000), log=stand.log)


def test_30_well_behaved():
    """As lsainit starts them, and at work, before all sensors."""
    with StandIn() as stand:
        for part in ("lsaiso", "lsass"):
            stand.start(part)
        for _ in range(10):
            for part in ("lsaiso", "lsass"):
                stand.tell(part, f"name {part}")
            time.sleep(0.5)
        # Their files are none that were signed.
        assert [one for one in stand.watch.findings() if one["severity"] != "info"
                and one["row"] != "file_integrity"
                and one.get("subject_pid") in stand.pids.values()] == []
