# SPDX-License-Identifier: GPL-3.0-or-later
"""Do MIT's programs also work the older ways: without GET_CRED_LIST, without
REPLACE, without RETRIEVE?"""

import os

import pytest

from lib import kcm
from lib.older import OlderUser

TGT = "krbtgt/TEST.LOCAL@TEST.LOCAL"
WAYS = {
    "without GET_CRED_LIST": {kcm.GET_CRED_LIST},
    "without REPLACE": {kcm.REPLACE},
    "without both": {kcm.GET_CRED_LIST, kcm.REPLACE},
    "without RETRIEVE": {kcm.RETRIEVE},
    "as MIT 1.19": {kcm.GET_CRED_LIST, kcm.REPLACE, kcm.RETRIEVE},
}


@pytest.fixture(params=WAYS, ids=WAYS)
def older(request, lsaiso):
    someone = OlderUser(lsaiso, WAYS[request.param])
    if someone.uid == os.geteuid():
        someone.run("kdestroy", "-A")
    someone.kinit("alice").ok()
    yield someone
    someone.run("kdestroy", "-A")
    someone.older.close()


def test_01_log_in_list_switch_destroy(older):
    older.klist("-e").ok().says("Default principal: alice@TEST.LOCAL", TGT)
    older.kinit("bob").ok()
    older.klist("-A").ok().says("alice@TEST.LOCAL", "bob@TEST.LOCAL")
    older.run("kswitch", "-p", "alice").ok()
    older.klist().ok().says("Default principal: alice@TEST.LOCAL")
    older.run("kdestroy", "-p", "bob").ok()
    older.klist("-l").ok().silent_about("bob@TEST.LOCAL")
    asked = set(older.older.asked)
    if kcm.GET_CRED_LIST in older.older.without:
        assert {kcm.GET_CRED_UUID_LIST, kcm.GET_CRED_BY_UUID} <= asked
    if kcm.REPLACE in older.older.without:
        assert {kcm.INITIALIZE, kcm.STORE, kcm.SET_KDC_OFFSET} <= asked


def test_02_a_cached_ticket_is_found_and_used(older, lsaiso, apache):
    with kcm.Kcm(lsaiso.socket, uid=older.uid) as k:
        k.retrieve(k.default(), kcm.Princ.of("HTTP/localhost@TEST.LOCAL"))
    older.kvno("HTTP/localhost").ok()
    older.run("curl", "-sS", "-i", "--negotiate", "-u", ":", apache.url).ok().says(
        "200 OK", "X-User: alice@TEST.LOCAL")


def test_03_a_miss_works_with_RETRIEVE_and_fails_without(older):
    """Without it the client asks the KDC itself, with the stand-in."""
    done = older.kvno("ldap/localhost")
    if kcm.RETRIEVE in older.older.without:
        done.fails("Decrypt integrity check failed")
    else:
        done.ok()


def test_04_kpasswd_works(older):
    """fast_avail is hidden from iteration, too."""
    new = older.run("kpasswd", "carol", stdin="carol's password\ncarol's other one\n"
                    "carol's other one\n")
    new.ok().says("Password changed")
    older.realm.kadmin_local("TEST.LOCAL", ['cpw -pw "carol\'s password" carol'])
