# SPDX-License-Identifier: GPL-3.0-or-later
"""Fixtures of the tests in Python (interop, theft, kill).

LSAISO_BUILD   the build folder (default: build/ of the tree)
LSAISO_LONG    1: the long versions
LSAISO_LEVEL   isolation level of the instances (default: process)
LSAISO_SLOW    limits of time are multiplied by this
LSAISO_AGAINST heimdal-kcm or sssd-kcm: run against that daemon instead, to
               see what it does; many tests then fail, for good reasons
"""

import os
import signal
import sys

import pytest

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
sys.dont_write_bytecode = True

from lib import domain as ad, instance, people, peers, proc, services, users, vm  # noqa: E402
from lib.realm import Realm  # noqa: E402

PEERS = {p.name: p for p in (peers.HeimdalKcm, peers.SssdKcm)}


def pytest_configure(config):
    """TERM ends a run as ^C does: with everything that was started taken away."""
    config.addinivalue_line("markers", "levels(name..., why): only at these isolation levels")

    def interrupt(*_):
        raise KeyboardInterrupt
    signal.signal(signal.SIGTERM, interrupt)
    signal.signal(signal.SIGINT, interrupt)


def pytest_collection_modifyitems(items):
    level = instance.level()
    reason = instance.why_not(level)
    for item in items:
        # What tests/vm does is in guests, each at its own level.
        if item.path.is_relative_to(vm.AGENT):
            continue
        if reason:
            item.add_marker(pytest.mark.skip(reason=reason))
        for mark in item.iter_markers("levels"):
            if level not in mark.args:
                item.add_marker(pytest.mark.skip(
                    reason=f"not at level {level}: {mark.kwargs['why']}"))


def ended(thing, name):
    """Yield thing, stop it, whatever happens in between."""
    try:
        yield thing
    finally:
        getattr(thing, name)()


@pytest.fixture(scope="session")
def long_run():
    return os.environ.get("LSAISO_LONG") == "1"


@pytest.fixture(scope="session")
def realm():
    yield from ended(Realm(), "close")


@pytest.fixture(scope="session")
def domain():
    """An Active Directory domain, of Samba's."""
    if os.geteuid() != 0:
        pytest.skip("a domain controller needs root")
    missing = [n for n in ad.PROGRAMS if not proc.program(n)]
    if missing:
        pytest.skip(f"not installed: {' '.join(missing)} (scripts/setup.sh test)")
    yield from ended(ad.Domain(), "stop")


@pytest.fixture(scope="session")
def lsaiso(realm):
    """One running instance for all tests that do not need their own."""
    against = os.environ.get("LSAISO_AGAINST")
    if against:
        yield from ended(PEERS[against](realm), "stop")
        return
    if not instance.built():
        raise proc.Failed(f"not built: {instance.program('lsainit')} (LSAISO_BUILD?)")
    yield from ended(instance.Instance(realm), "stop")


@pytest.fixture(scope="session")
def endpoint(realm):
    """One running instance with the local KDC endpoint, of strict policy."""
    if os.geteuid() != 0:
        pytest.skip("needs root (other users)")
    yield from ended(people.Station(realm), "stop")


@pytest.fixture
def person(endpoint):
    """Somebody whose only KDC is the endpoint, without any ccache yet."""
    return people.Person(endpoint)


@pytest.fixture
def user(lsaiso):
    """Somebody without any cache yet."""
    someone = users.User(lsaiso)
    if someone.uid == os.geteuid():
        someone.run("kdestroy", "-A")
    yield someone
    someone.run("kdestroy", "-A")


@pytest.fixture
def alice(user):
    """The same, after kinit alice."""
    user.kinit("alice").ok()
    return user


@pytest.fixture
def k(user):
    """A raw KCM connection of user."""
    with user.kcm() as connection:
        yield connection


def service(kind):
    def make(realm):
        if kind is services.Sshd and os.geteuid() != 0:
            pytest.skip("sshd needs root (a mount namespace)")
        yield from ended(kind(realm), "stop")
    return pytest.fixture(scope="session", name=kind.name)(make)


apache = service(services.Apache)
sshd = service(services.Sshd)
slapd = service(services.Slapd)


@pytest.fixture(scope="session")
def need_root():
    if os.geteuid() != 0:
        pytest.skip("needs root (other users, mount namespaces)")


@pytest.fixture(scope="session")
def need_heimdal(need_root):
    if not peers.heimdal("kinit"):
        pytest.skip("Heimdal's programs are not unpacked: scripts/setup.sh test")
