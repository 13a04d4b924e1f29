# SPDX-License-Identifier: GPL-3.0-or-later
"""Does everybody see their own caches, and only those?"""

import os

import pytest

from lib import kcm, users

pytestmark = pytest.mark.usefixtures("need_root")


@pytest.fixture
def other(lsaiso):
    return users.User(lsaiso)


def test_01_another_uid_sees_nothing(alice, other):
    other.klist().fails("not found")
    other.klist("-A").silent_about("alice")


def test_02_another_uid_cannot_open_the_cache_by_name(alice, other):
    name = alice.klist().ok().out.splitlines()[0].split(": ")[1]
    other.klist("-c", name).fails("not found")
    other.kvno("-c", name, "HTTP/localhost").fails()
    other.run("kdestroy", "-c", name)
    alice.klist("-s").ok()


def test_03_a_cache_uuid_of_somebody_else_is_no_key_to_it(alice, other):
    with alice.kcm() as mine, other.kcm() as theirs:
        uuid = mine.cache_uuids()[0]
        assert mine.cache_by_uuid(uuid)
        with pytest.raises(kcm.KcmError) as e:
            theirs.cache_by_uuid(uuid)
        assert e.value.code in (kcm.CC_END, kcm.FCC_NOFILE)


def test_04_root_sees_only_its_own(alice, lsaiso):
    root = users.User(lsaiso, uid=0)
    root.run("kdestroy", "-A")
    root.klist().fails("not found")
    root.klist("-A").silent_about("alice")
    name = alice.klist().ok().out.splitlines()[0].split(": ")[1]
    root.klist("-c", name).fails()
    root.kvno("-c", name, "HTTP/localhost").fails()


def test_05_two_users_with_caches_of_the_same_name(alice, other):
    alice.kinit("alice", "-c", "KCM:same").ok()
    other.kinit("bob", "-c", "KCM:same").ok()
    alice.klist("-c", "KCM:same").ok().says("alice@TEST.LOCAL")
    other.klist("-c", "KCM:same").ok().says("bob@TEST.LOCAL")
    other.run("kdestroy", "-A").ok()
    alice.klist("-c", "KCM:same").ok().says("alice@TEST.LOCAL")


def test_06_a_stand_in_of_one_user_is_worth_nothing_to_another(alice, other):
    """STORE of a copied TGT, as another uid: it does not become a live one."""
    with alice.kcm() as mine, other.kcm() as theirs:
        name = mine.default()
        creds = mine.cred_list(name)
        theirs.initialize("stolen", mine.principal(name))
        for cred in creds:
            try:
                theirs.store("stolen", cred)
            except kcm.KcmError:
                pass
    other.kvno("-c", "KCM:stolen", "HTTP/localhost").fails()


def test_07_the_state_folder_is_closed(lsaiso, other, alice):
    other.run("ls", lsaiso.state).fails("Permission denied")
    for where, _, names in os.walk(lsaiso.state):
        for name in names:
            assert os.stat(os.path.join(where, name)).st_mode & 0o077 == 0, name
