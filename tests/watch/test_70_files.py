# SPDX-License-Identifier: GPL-3.0-or-later
"""Is every change of what is installed told, with who did it, and is an
upgrade that is signed taken for what it is?

Instances over copies of the programs, signed by a key of the test, in a mount
namespace of their own whose /etc is a copy, too.
"""

import os
import shutil
import signal
import subprocess
import time

import pytest

from lib import instance, proc
from lib.signed import SIGNED, Signed, lsasign

LONG = os.environ.get("LSAISO_LONG") == "1"

pytestmark = [
    pytest.mark.skipif(os.geteuid() != 0, reason="mounts, and files of root"),
    pytest.mark.skipif(instance.level() != "process", reason="one set of programs is enough"),
]

def settle(inst):
    """The first look at everything is over; it finds nothing."""
    time.sleep(0.5)
    assert of_files(inst, 0) == []


@pytest.fixture(params=["events sweep", "audit sweep"])
def signed(request, realm):
    if request.param.startswith("audit") and not LONG and "test_01" not in request.node.name:
        pytest.skip("the second layer, once; LSAISO_LONG=1: all of it")
    with Signed(realm, request.param) as made:
        settle(made)
        if "FILE" not in [s for one in made.watch.status()["sensors"] for s in one["shows"]]:
            pytest.skip(f"no sensor of {request.param} shows changes of files here")
        yield made


@pytest.fixture
def one(realm):
    with Signed(realm, "events sweep") as made:
        settle(made)
        yield made


def doing(what):
    """Has it done by a process of its own; returns its pid."""
    pid = os.fork()
    if pid == 0:
        try:
            what()
            os._exit(0)
        except BaseException as e:  # nothing of pytest may run in here
            os.write(2, f"{e!r}\n".encode())
            os._exit(1)
    assert os.waitpid(pid, 0)[1] == 0
    return pid


def by(signed, actor):
    """inotify, for file systems that fanotify does not take, does not say who."""
    mute = any("does not say who" in one["why"] for one in signed.watch.status()["sensors"])
    return {} if mute else {"actor": actor}


def append(path, octets):
    with open(path, "ab") as file:
        file.write(octets)


def other(signed, name, add=b"another"):
    """A changed copy of a program, beside it."""
    path = signed.of(name) + ".other"
    shutil.copy(signed.of(name), path)
    with open(path, "ab") as file:
        file.write(add)
    return path


def of_files(signed, after):
    """Others may run instances on this machine; findings about those are not ours."""
    return [f for f in signed.watch.findings(after)
            if f["row"] in ("file_integrity", "image_path")]


def worse(signed, after):
    return [f for f in of_files(signed, after) if f["severity"] != "info"]


def test_01_another_file_by_rename(signed):
    after = signed.watch.last()
    path = other(signed, "lsass")
    actor = doing(lambda: os.rename(path, signed.of("lsass")))
    found = signed.watch.wait("integrity-changed", after, **by(signed, actor))
    assert signed.of("lsass") in found["evidence"]
    assert (found["severity"], found["part"]) == ("critical", "lsass")
    signed.watch.wait("path-replaced", after, **by(signed, actor), part="lsass")
    assert signed.watch.verdict("file_integrity") == "abnormal"


def test_02_written_in_place(signed):
    """Of a program that does not run; the kernel refuses it for those that do."""
    after = signed.watch.last()
    actor = doing(lambda: append(signed.of("lsalink"), b"\xcc"))
    found = signed.watch.wait("integrity-changed", after, **by(signed, actor))
    assert signed.of("lsalink") in found["evidence"]


def test_03_removed_and_put_back(signed):
    after = signed.watch.last()
    actor = doing(lambda: os.rename(signed.of("lsaiso"), signed.of("kept")))
    found = signed.watch.wait("integrity-changed", after, part="lsaiso", **by(signed, actor))
    assert "not there" in found["evidence"]
    os.rename(signed.of("kept"), signed.of("lsaiso"))
    time.sleep(2)
    assert not [f for f in worse(signed, found["number"])]


@pytest.mark.parametrize("change", [lambda p: os.chmod(p, 0o777), lambda p: os.chmod(p, 0o4755),
                                    lambda p: os.chown(p, 1000, 1000)])
def test_04_mode_and_owner(one, change):
    after = one.watch.last()
    actor = doing(lambda: change(one.of("lsaiso")))
    found = one.watch.wait("integrity-attributes", after, part="lsaiso", **by(one, actor))
    assert found["severity"] == "medium"
    time.sleep(1)
    assert {f["rule"] for f in worse(one, after)} == {"integrity-attributes"}


def test_05_manifest(signed):
    after = signed.watch.last()
    actor = doing(lambda: append(signed.of("manifest"), b"\n"))
    found = signed.watch.wait("integrity-changed", after, **by(signed, actor))
    assert signed.of("manifest") in found["evidence"]


def test_06_another_manifest_with_the_signature_of_the_old(one):
    after = one.watch.last()
    kept = one.base("kept")
    shutil.copy(one.of("manifest.sig"), kept)
    os.rename(other(one, "lsass"), one.of("lsass"))
    one.sign(svn=2)
    shutil.copy(kept, one.of("manifest.sig"))
    one.watch.wait("integrity-changed", after)


def test_07_keys(signed):
    after = signed.watch.last()
    lsasign("keygen", signed.base("theirs"))
    actor = doing(lambda: shutil.copy(signed.base("theirs.pub"), signed.keys))
    found = signed.watch.wait("integrity-keys", after, **by(signed, actor))
    assert signed.keys in found["evidence"]


def test_08_libraries_of_every_program(one):
    after = one.watch.last()
    actor = doing(lambda: append(os.path.join(one.etc, "ld.so.preload"), b"/nowhere/evil.so\n"))
    found = one.watch.wait("integrity-preload", after, **by(one, actor))
    assert found["technique"] == "T1574.006"


def test_09_configuration(one):
    after = one.watch.last()
    actor = doing(lambda: append(one.file, b"# a word\n"))
    one.watch.wait("integrity-configuration", after, **by(one, actor))
    assert worse(one, after) == []


def test_10_mount_over_a_program(one):
    after = one.watch.last()
    one.inside("mount", "--bind", "/bin/true", one.of("lsass"))
    found = one.watch.wait("path-covered", after, part="lsass")
    assert one.of("lsass") in found["evidence"]
    one.watch.wait("integrity-changed", after, part="lsass")
    one.inside("umount", one.of("lsass"))
    time.sleep(2)
    status = {row["name"]: row for row in one.watch.status()["rows"]}
    assert status["image_path"]["last"]["rule"] == "path-covered"
    assert not [f for f in worse(one, found["number"]) if f["rule"] == "path-covered"]


def test_11_mount_over_the_folder(one):
    after = one.watch.last()
    one.inside("mount", "-t", "tmpfs", "none", one.programs)
    for part in ("lsaiso", "lsass"):
        one.watch.wait("path-covered", after, part=part)
        one.watch.wait("integrity-changed", after, part=part)


def test_12_who_does_not_live_long(one):
    after = one.watch.last()
    path = other(one, "lsass")
    with subprocess.Popen(["mv", path, one.of("lsass")]) as mover:
        assert mover.wait() == 0
    found = one.watch.wait("integrity-changed", after, part="lsass")
    if by(one, 0):
        # Its path is known if there was the time to look.
        assert found["actor"]["pid"] == mover.pid
        assert found["actor"].get("exe", "/mv").endswith("/mv")


def test_13_beside_them(one):
    """What happens to other files of these folders is nobody's business."""
    after = one.watch.last()
    for folder in (one.programs, one.etc):
        path = os.path.join(folder, "something")
        with open(path, "w", encoding="ascii") as file:
            file.write("else")
        os.unlink(path)
    os.utime(one.of("lsass"))
    time.sleep(2)
    assert of_files(one, after) == []


@pytest.mark.skipif(not shutil.which("dpkg"), reason="no dpkg")
def test_14_upgrade(signed):
    after = signed.watch.last()
    signed.upgrade()
    found = signed.watch.wait("integrity-upgraded", after)
    if by(signed, 0):
        assert found["actor"]["exe"].endswith("/dpkg")
    signed.watch.wait("path-upgraded", after, part="lsaiso")
    signed.watch.wait("path-upgraded", after, part="lsass")
    time.sleep(2)
    assert worse(signed, after) == []


@pytest.mark.skipif(not shutil.which("dpkg"), reason="no dpkg")
def test_15_upgrade_of_which_one_is_not_signed(one):
    def spoil(new):
        with open(os.path.join(new, "lsass"), "ab") as file:
            file.write(b"spoiled")

    after = one.watch.last()
    one.upgrade(spoil)
    found = one.watch.wait("integrity-changed", after, part="lsass")
    if by(one, 0):
        assert found["actor"]["exe"].endswith("/dpkg")


def test_16_it_restarts_while_another_file_lies_there(one):
    """lsass ends and is started again: from the file that is open since the start."""
    after, target = one.watch.last(), one.pid("lsass")
    os.rename(other(one, "lsass"), one.of("lsass"))
    one.watch.wait("path-replaced", after, part="lsass")
    os.kill(target, signal.SIGKILL)
    one.watch.wait("stability-killed", after, subject_pid=target)
    # What was opened at the start runs on, whatever lies at its path.
    proc.wait_until("another lsass", lambda: one.pid("lsass") not in (None, target), log=one.log)
    assert one.watch.verdict("image_path") == "abnormal"


def test_17_unchecked_programs(realm):
    """Without a manifest what was there at the start is the measure."""
    with Signed(realm, "events sweep", verify="off") as made:
        settle(made)
        after = made.watch.last()
        path = other(made, "lsass")
        actor = doing(lambda: os.rename(path, made.of("lsass")))
        found = made.watch.wait("integrity-changed", after, **by(made, actor), part="lsass")
        assert found["severity"] == "high"
        made.watch.wait("path-replaced", after, part="lsass")


def test_18_changed_while_it_does_not_run(one):
    """lsainit measures it again, and starts it no more."""
    after, target = one.watch.last(), one.pid("lsaiso")
    os.kill(one.daemon.pid, signal.SIGSTOP)
    try:
        os.kill(target, signal.SIGKILL)
        proc.wait_until("its end", lambda: not proc.alive(target), log=one.log)
        actor = doing(lambda: append(one.of("lsaiso"), b"another"))
    finally:
        os.kill(one.daemon.pid, signal.SIGCONT)
    one.watch.wait("integrity-changed", after, **by(one, actor), part="lsaiso")
    one.watch.wait("instances-missing", after, part="lsaiso", seconds=8)
    assert one.watch.verdict("file_integrity") == "abnormal"
