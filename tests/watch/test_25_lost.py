# SPDX-License-Identifier: GPL-3.0-or-later
"""Is what happened while lsawatch could not keep up found afterwards, and is the loss told?"""

import contextlib
import os
import shutil
import signal
import subprocess
import time

import pytest

from lib import proc
from lib.cgroup import Cgroup
from lib.watching import WatchedInstance

pytestmark = pytest.mark.usefixtures("need_root")

NETLINK_CONNECTOR = "11"
PR_SET_NAME = 15
# More than either ring holds: 262144 octets, and 2 MiB of the kernel's.
NAMES, STARTS = 2000, 20000
CROWD = 1200
WIPES = 400


@contextlib.contextmanager
def held(pid):
    """It does not run. From a signal lsainit would wake it at once; for longer than 20 s nobody
    may hold it."""
    with Cgroup("lsaiso-held") as group:
        group.take(pid)
        group.freeze()
        yield


def dropped():
    """What sockets of the process connector did not take, in all."""
    with open("/proc/net/netlink", encoding="ascii") as file:
        lines = [line.split() for line in file.readlines()[1:]]
    return sum(int(line[8]) for line in lines if line[1] == NETLINK_CONNECTOR)


def flood_names():
    """Take names that might be ours, as far as the kernel side can tell."""
    code = ("import ctypes; libc = ctypes.CDLL(None)\n"
            f"for i in range({NAMES}): libc.prctl({PR_SET_NAME}, b'lsa-no%d' % i, 0, 0, 0)")
    done = proc.run(["python3", "-c", code])
    assert done.code == 0, done.text


def flood_starts():
    """Start programs until a socket has lost some."""
    before = dropped()
    for _ in range(STARTS // 500):
        done = proc.run(["sh", "-c", "i=0; while [ $i -lt 500 ]; do /bin/true; i=$((i+1)); done"])
        assert done.code == 0, done.text
        if dropped() > before:
            return
    pytest.fail(f"{STARTS} programs did not fill the socket")


@pytest.fixture
def impostor():
    """The path of a program that is called like ours."""
    folder = proc.Folder("lost")
    path = folder("lsass")
    shutil.copy(proc.program("sleep"), path)
    os.chmod(path, 0o755)
    yield path
    folder.remove()


@pytest.mark.parametrize("layers,flood,layer", [
    ("trace sweep", flood_names, "trace"), ("events sweep", flood_starts, "events")],
    ids=["trace", "events"])
def test_01_a_flood_that_it_cannot_read(realm, impostor, layers, flood, layer):
    """The impostor starts when there is no room for the event any more."""
    settings = {"watch": {"layers": layers}, "isolation": {"guard": "off"}}
    with WatchedInstance(realm, settings) as watched:
        if not any(one["layer"] == layer and "EXEC" in one["shows"]
                   for one in watched.watch.status()["sensors"]):
            pytest.skip(f"the layer {layer} is not to be had here")
        after, pid = watched.watch.last(), watched.pid("lsawatch")
        with held(pid):
            flood()
            bad = subprocess.Popen([impostor, "60"], stdin=subprocess.DEVNULL)
            time.sleep(0.3)  # Popen returns a little before the event
        try:
            watched.watch.wait("watch-lost", after, seconds=5, layer=layer)
            one = watched.watch.wait("impostor-name", after, seconds=5, actor=bad.pid)
            assert one["layer"] == "sweep" and one["actor"]["exe"] == impostor
            assert watched.watch.status()["lost"] > 0
        finally:
            bad.kill()
            bad.wait()


def test_02_a_crowd_that_is_there_already(realm, impostor):
    """More processes than are looked at again after the first scan, and the impostor is last."""
    crowd = subprocess.Popen(
        ["sh", "-c", f"i=0; while [ $i -lt {CROWD} ]; do sleep 120 & i=$((i+1)); done; "
                     "echo ready; wait"],
        stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, start_new_session=True)
    bad = None
    try:
        assert crowd.stdout.readline() == b"ready\n"
        bad = subprocess.Popen([impostor, "120"], stdin=subprocess.DEVNULL)
        with WatchedInstance(realm, {"isolation": {"guard": "off"}}) as watched:
            watched.watch.wait("impostor-name", 0, seconds=5, actor=bad.pid)
    finally:
        os.killpg(crowd.pid, signal.SIGKILL)  # a session of its own
        crowd.communicate()
        if bad:
            bad.kill()
            bad.wait()


@pytest.mark.levels("process", "vm", why="a link is made again but once a second")
def test_03_a_line_that_is_full(realm):
    """lsainit tells whom to watch once there is room, though it could not when they changed."""
    with WatchedInstance(realm, {"isolation": {"guard": "off"}}) as watched:
        pid = watched.pid("lsawatch")
        with held(pid):
            for _ in range(WIPES):
                watched.call("Wipe")
                if watched.log_has("does not read what it is told"):
                    break
            else:
                pytest.fail(f"{WIPES} wipes did not fill the line")
            watched.call("Wipe")
            proc.wait_until("lsaiso", lambda: watched.call("Status")["lsaiso"], log=watched.log)
        proc.wait_until("the lsaiso that runs", lambda: watched.pid("lsaiso") in [
            one["pid"] for one in watched.watch.status()["parts"]], log=watched.log)
