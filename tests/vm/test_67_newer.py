# SPDX-License-Identifier: GPL-3.0-or-later
"""Level vm, guest_memfd and the guard together, on a kernel that has both."""

import json

import pytest

from lib import instance, vm

FOLDER = "/run/newer"
CONF = f"""
[run]
directory = {FOLDER}/run
programs = {instance.build_folder()}
lsaiso_user = {instance.LSAISO_UID}
lsass_user = {instance.LSASS_UID}
[host]
directory = {FOLDER}/host
[isolation]
level = vm
vm_memory = guest_memfd
guard = required
[kcm]
socket = {FOLDER}/kcm
[state]
directory = {FOLDER}/state
"""


@pytest.fixture(scope="module")
def guest():
    reason = vm.why_not("newer")
    if reason:
        pytest.skip(reason)
    with vm.Guest(kvm=True, kernel="newer", memory=1024) as made:
        made.run(["mkdir", "-m", "755", FOLDER]).ok()
        made.put(f"{FOLDER}/conf", CONF.encode())
        made.run(f"{instance.program('lsainit')} --config {FOLDER}/conf </dev/null "
                 f">{FOLDER}/log 2>&1 & echo $! >{FOLDER}/pid").ok()
        made.run(f"for i in $(seq 240); do {lsactl('status')} >/dev/null 2>&1 && exit 0; "
                 f"[ -d /proc/$(cat {FOLDER}/pid) ] || break; sleep 0.5; done; "
                 f"cat {FOLDER}/log; exit 1", timeout=150).ok()
        yield made


def lsactl(*words):
    return f"{instance.program('lsactl')} --config {FOLDER}/conf {' '.join(words)}"


def test_all_of_it_is_up(guest):
    is_ = json.loads(guest.run(lsactl("--json", "status")).ok().text)
    assert is_["level"]["memory"] == "guest_memfd, page tables too"
    assert is_["guard"]["state"] == "up"
    assert is_["guard"]["hooks"] >= is_["guard"]["hooks_all"] - 2
    assert is_["level"]["weaker"] == []


def test_root_may_not_touch_the_monitor(guest):
    pid = {p["name"]: p["pid"] for p in json.loads(
        guest.run(lsactl("--json", "status")).ok().text)["processes"] if "pid" in p}["lsaiso"]
    # Each of these works on another process of this root.
    guest.run("sleep 60 & kill -CONT $!; "
              "dd if=/proc/$!/mem count=0 status=none; kill $!").ok()
    got = {way: guest.run(way) for way in (
        f"kill -CONT {pid}", f"dd if=/proc/{pid}/mem count=0 status=none")}
    assert all(done.code != 0 for done in got.values()), got
    refused = json.loads(guest.run(lsactl("--json", "status")).ok().text)["guard"]["refused"]
    assert refused >= 2


def test_it_ends_when_it_is_told(guest):
    guest.run(lsactl("stop")).ok()
    guest.run(f"for i in $(seq 60); do grep -q lsainit /proc/$(cat {FOLDER}/pid)/cmdline || "
              "exit 0; sleep 0.5; done; exit 1").ok()
