# SPDX-License-Identifier: GPL-3.0-or-later
"""Is it seen when lsaiso or lsass has another user, capabilities, or leaves its confinement?"""

import os

import pytest

from lib import instance, proc

SETUID, SETGID, NET_RAW = 1 << 7, 1 << 6, 1 << 13
OTHER = 64399


def found(stand, rule, part, **members):
    """The finding, of the process that plays the part now."""
    one = stand.watch.wait(rule, stand.after, part=part, **members)
    assert one["subject_pid"] == stand.pids[part]
    assert one["subject_exe"] == stand.programs[part]
    return one


def again(stand, part, *how):
    stand.end(part)
    stand.start(part, *how)


def test_01_the_user_of_the_next_one(stand):
    again(stand, "lsaiso", f"uid={OTHER}", f"gid={OTHER}")
    one = found(stand, "user-changed", "lsaiso")
    assert one["severity"] == "critical"
    assert str(OTHER) in one["evidence"] and str(instance.LSAISO_UID) in one["evidence"]
    assert stand.watch.verdict("user_account") == "abnormal"


def test_02_it_becomes_root(stand):
    again(stand, "lsass", f"caps={SETUID:#x}")
    found(stand, "user-capabilities", "lsass")
    stand.tell("lsass", "setuid 0")
    assert "users 0 0 0 0" in found(stand, "user-changed", "lsass")["evidence"]


def test_03_another_group(stand):
    again(stand, "lsass", f"caps={SETGID:#x}")
    stand.tell("lsass", f"setgid {OTHER}")
    assert f"groups {OTHER} {OTHER}" in found(stand, "user-changed", "lsass")["evidence"]


def test_04_one_group_more(stand):
    again(stand, "lsaiso", f"group={OTHER}")
    assert "and 1 more" in found(stand, "user-changed", "lsaiso")["evidence"]


@pytest.mark.parametrize("part", ["lsaiso", "lsass"])
def test_05_a_capability(stand, part):
    again(stand, part, f"caps={NET_RAW:#x}")
    assert f"effective {NET_RAW:x}" in found(stand, "user-capabilities", part)["evidence"]


@pytest.mark.parametrize("how", ["nofilter", "noprivs"])
@pytest.mark.parametrize("part", ["lsaiso", "lsass"])
def test_06_unconfined(stand, part, how):
    again(stand, part, how)
    found(stand, "user-unconfined", part)


def test_07_its_own_user_namespace(stand):
    try:
        stand.tell("lsass", "unshare user")
    except proc.Failed as e:
        pytest.skip(f"this kernel gives no user namespaces to ordinary users: {e}")
    assert "user namespace" in found(stand, "user-namespace", "lsass")["evidence"]
    # It is almighty there.
    assert "effective 1ff" in found(stand, "user-capabilities", "lsass")["evidence"]


@pytest.mark.parametrize("kind", ["net", "mnt", "ipc", "uts"])
def test_08_it_leaves_a_namespace(stand, kind):
    again(stand, "lsaiso", f"caps={1 << 21:#x}")  # CAP_SYS_ADMIN
    before = os.readlink(f"/proc/{stand.pids['lsaiso']}/ns/{kind}")
    stand.watch.wait("user-capabilities", stand.after, part="lsaiso")  # it was looked at
    stand.tell("lsaiso", f"unshare {kind}")
    one = found(stand, "user-namespace", "lsaiso")
    assert f"the {kind} namespace" in one["evidence"]
    assert before.split("[")[1].rstrip("]") in one["evidence"]


def test_09_lsaiso_in_the_namespaces_of_all(stand):
    again(stand, "lsaiso", "nojail")
    assert "namespace" in found(stand, "user-namespace", "lsaiso")["evidence"]
