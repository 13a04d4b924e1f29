# SPDX-License-Identifier: GPL-3.0-or-later
"""Do Heimdal's unmodified programs log in, list, switch and destroy through
our KCM? (What they cannot do: test_30_known_limits.) They run as root, in a
mount namespace, because their socket's path is compiled in."""

import os

import pytest

from lib import peers, users
from lib.realm import PASSWORDS

pytestmark = pytest.mark.usefixtures("need_heimdal")


@pytest.fixture
def root(lsaiso, realm):
    someone = users.User(lsaiso, uid=os.geteuid())
    someone.run("kdestroy", "-A")
    yield someone
    someone.run("kdestroy", "-A")


@pytest.fixture
def heimdal(root, lsaiso, realm):
    def call(name, *arguments, stdin=""):
        return root.run(*peers.heimdal_client(name, *arguments, kcm=lsaiso), stdin=stdin)

    def kinit(name="alice", *options):
        path = realm.folder(f"word-{name}")
        with open(path, "w", encoding="utf-8") as f:
            f.write(PASSWORDS[name] + "\n")
        return call("kinit", f"--password-file={path}", *options, name)
    call.kinit = kinit
    return call


def test_01_heimdal_kinit_stores_a_tgt(heimdal):
    heimdal.kinit("alice").ok()


def test_02_heimdal_klist_shows_it(heimdal):
    heimdal.kinit("alice").ok()
    heimdal("klist").ok().says("alice@TEST.LOCAL", "krbtgt/TEST.LOCAL@TEST.LOCAL")


def test_03_mit_tools_use_what_heimdal_stored(heimdal, root):
    heimdal.kinit("alice").ok()
    root.klist().ok().says("Default principal: alice@TEST.LOCAL", "krbtgt/TEST.LOCAL")
    root.kvno("HTTP/localhost").ok()


def test_04_heimdal_lists_what_mit_stored(heimdal, root):
    root.kinit("alice").ok()
    root.kvno("HTTP/localhost").ok()
    heimdal("klist", "-v").ok().says("HTTP/localhost@TEST.LOCAL")


def test_05_heimdal_kgetcred_uses_a_cached_ticket(heimdal, root):
    root.kinit("alice").ok()
    root.kvno("HTTP/localhost").ok()
    heimdal("kgetcred", "HTTP/localhost").ok()


def test_06_heimdal_second_principal_and_kswitch(heimdal):
    heimdal.kinit("alice").ok()
    heimdal.kinit("bob").ok()
    heimdal("klist", "-l").ok().says("alice@TEST.LOCAL", "bob@TEST.LOCAL")
    heimdal("kswitch", "-p", "alice@TEST.LOCAL").ok()
    heimdal("klist").ok().says("alice@TEST.LOCAL")


def test_07_heimdal_kinit_again(heimdal):
    heimdal.kinit("alice").ok()
    heimdal.kinit("alice").ok()
    assert heimdal("klist", "-l").ok().out.count("alice@TEST.LOCAL") == 1


def test_08_heimdal_kdestroy(heimdal):
    heimdal.kinit("alice").ok()
    heimdal("kdestroy").ok()
    heimdal("klist").fails()
