# SPDX-License-Identifier: GPL-3.0-or-later
"""Without BPF: does the audit system alone show who reads, traces and signals,
and is it afterwards as it was?"""

import os
import shutil
import signal
import subprocess
import sys

import pytest

from lib import proc
from lib.watching import WatchedInstance

HERE = os.path.dirname(os.path.abspath(__file__))
TRIES = os.path.join(HERE, "tries.py")
NOBODY = 64999
# The guard, where there is one, would refuse what is to be seen here.
SETTINGS = {"watch": {"layers": "audit sweep"}, "isolation": {"guard": "off"}}

pytestmark = pytest.mark.skipif(os.geteuid() != 0, reason="not root: no audit, no other user")


@pytest.fixture(scope="module")
def module_watch(realm):
    with WatchedInstance(realm, SETTINGS) as made:
        audit = next(one for one in made.watch.status()["sensors"] if one["name"] == "audit")
        if not audit["shows"]:
            pytest.skip(f"no audit here: {audit['why']}")
        yield made


@pytest.fixture
def seen(module_watch):
    """Somebody else on this machine may switch auditing off; that is told, and no test of ours."""
    after = module_watch.watch.last()
    yield module_watch
    if any(f["rule"] == "watch-blind" for f in module_watch.watch.findings(after)):
        pytest.skip("audit was switched off meanwhile")


def attempt(seen, what, target, user=None):
    before = seen.watch.last()
    thief = subprocess.Popen([sys.executable, TRIES, what, str(target)], user=user, group=user,
                             extra_groups=[] if user else None, cwd="/", env=proc.clean_env(),
                             stdout=subprocess.PIPE, text=True)
    said = thief.communicate(timeout=60)[0].strip()
    return thief.pid, before, said


@pytest.mark.parametrize("part", ["lsaiso", "lsass"])
@pytest.mark.parametrize("what, rule", [
    ("attach", "memory-attach"), ("seize", "memory-attach"), ("mem", "memory-read"),
    ("vm_readv", "memory-read"), ("vm_writev", "memory-attach"),
    ("pidfd_getfd", "memory-descriptor"), ("move_pages", "memory-read"), ("perf", "memory-perf")])
def test_01_each_way(seen, part, what, rule):
    pid, before, said = attempt(seen, what, seen.pid(part))
    if said == "ENOSYS":
        pytest.skip(f"{what}: this kernel does not have it")
    assert said == "done"
    found = seen.watch.wait(rule, before, actor=pid, part=part, layer="audit")
    assert found["allowed"] is True
    assert os.path.samefile(found["actor"]["exe"], sys.executable)


@pytest.mark.parametrize("what", ["attach", "mem", "vm_readv", "pidfd_getfd"])
def test_02_refused(seen, what):
    pid, before, said = attempt(seen, what, seen.pid("lsaiso"), user=NOBODY)
    assert said in ("EPERM", "EACCES")
    found = seen.watch.wait("memory-refused", before, actor=pid, part="lsaiso", layer="audit")
    assert found["allowed"] is False
    assert found["actor"]["uid"] == NOBODY


@pytest.mark.parametrize("name", ["lsaiso", "lsass"])
def test_03_who_killed_it(seen, name):
    before, target = seen.watch.last(), seen.pid(name)
    done = subprocess.Popen(["/bin/kill", "-9", str(target)])
    assert done.wait(20) == 0
    found = seen.watch.wait("stability-killed", before, subject_pid=target, layer="audit")
    assert found["actor"]["pid"] == done.pid
    assert found["actor"]["exe"].endswith("/kill")
    proc.wait_until(f"another {name}", lambda: seen.pid(name) not in (None, target), log=seen.log)
    seen.linked()


def test_04_the_new_one_is_watched(seen):
    """Rules have numbers of processes in them; that of lsaiso was another."""
    old = seen.pid("lsaiso")
    os.kill(old, signal.SIGKILL)
    proc.wait_until("another lsaiso", lambda: seen.pid("lsaiso") not in (None, old), log=seen.log)
    target = seen.pid("lsaiso")
    seen.watch.wait("stability-killed", 0, subject_pid=old)
    pid, before, said = attempt(seen, "mem", target)
    assert said == "done"
    seen.watch.wait("memory-read", before, actor=pid, subject_pid=target)


def test_05_a_signal_that_ends_nothing(seen):
    before, target = seen.watch.last(), seen.pid("lsass")
    for number in ("-STOP", "-CONT"):
        done = subprocess.Popen(["/bin/kill", number, str(target)])
        assert done.wait(20) == 0
        seen.watch.wait("stability-signal", before, actor=done.pid, subject_pid=target)


def test_06_a_name_that_nobody_would_like(seen):
    """What somebody calls his program comes in the kernel's hexadecimal."""
    folder = proc.Folder("audit")
    try:
        evil = folder('a" key="lsawatch-1\n')
        shutil.copy("/bin/kill", evil)
        before, target = seen.watch.last(), seen.pid("lsass")
        done = subprocess.Popen([evil, "-CONT", str(target)])
        assert done.wait(20) == 0
        found = seen.watch.wait("stability-signal", before, actor=done.pid, subject_pid=target)
        assert found["actor"]["exe"] == evil.replace("\n", "?")
    finally:
        folder.remove()


@pytest.mark.skipif(not shutil.which("auditctl"), reason="no auditctl")
def test_07_what_it_leaves(realm):
    """The rules of the administrator are untouched, and ours are gone at the end; also those
    of one that was killed, when the next one starts."""
    def rules():
        return proc.run(["auditctl", "-l"]).text

    name = f"of-the-test-{os.getpid()}"
    mine = ["-a", "always,exit", "-F", "arch=b64", "-S", "acct", "-F", f"key={name}"]
    assert proc.run(["auditctl", *mine]).code == 0
    try:
        with WatchedInstance(realm, SETTINGS) as made:
            pid = made.pid("lsawatch")
            assert f"lsawatch-{pid}" in rules() and name in rules()
            os.kill(pid, signal.SIGKILL)
            proc.wait_until("another lsawatch", lambda: made.pid("lsawatch") not in (None, pid),
                            log=made.log)
            made.watch.status()
            new = made.pid("lsawatch")
            assert f"lsawatch-{pid}" not in rules() and f"lsawatch-{new}" in rules()
        assert f"lsawatch-{new}" not in rules() and name in rules()
    finally:
        proc.run(["auditctl", "-d", *mine[1:]])
