# SPDX-License-Identifier: GPL-3.0-or-later
"""The attacks of tests/theft where all of them can be tried: as root of a guest
with Debian's kernel, with and without the guard. Held, or FOUND, as expected;
nothing may be left out but what is named here. An emulated machine is slow: the
short version has one attack of each kind, and lsaiso with the guard only."""

import os

import pytest

from lib import attacks, loot, matrix, robbery

# Why each of these cannot be shown in the guest.
NOT_THERE = {
    "A16": "Debian's kernel keeps /dev/mem from ordinary memory (STRICT_DEVMEM)",
    "A17": "a guest with its root file system on virtiofs can hang when it is frozen; see below",
}
LONG = os.environ.get("LSAISO_LONG") == "1"
SHORT = ("A01", "A04", "A09", "A13", "A15", "A19", "A20", "A22", "A25", "A28", "A31", "A37")
COLUMNS = [robbery.PLAIN, *([robbery.PROCESS] if LONG else []), robbery.GUARD]
ATTACKS = [a for a in attacks.ATTACKS if not a.level and (LONG or a.label in SHORT)]


@pytest.fixture(scope="module")
def table():
    return matrix.in_guest(only="" if LONG else ",".join(SHORT), columns=",".join(COLUMNS))


@pytest.mark.parametrize("column", COLUMNS)
def test_the_victim_was_there(table, column):
    assert not table["columns"][column]


@pytest.mark.parametrize("column", COLUMNS)
@pytest.mark.parametrize("attack", ATTACKS, ids=lambda a: f"{a.label}_{a.file}")
def test_attack(table, attack, column):
    cell = next(r for r in table["rows"] if r["label"] == attack.label)["cells"][column]
    if attack.label in NOT_THERE and cell["state"] == robbery.NA:
        pytest.skip(NOT_THERE[attack.label])
    assert "DIED" not in cell["why"], cell["why"]
    assert cell["state"] == cell["expected"], cell["why"]


def test_hibernation_is_off_while_there_is_secret_memory(table):
    """What would write everybody's memory to disk: the kernel lets nobody begin it."""
    assert table["hibernation"][robbery.PLAIN] == "allowed"
    assert table["hibernation"][robbery.GUARD] == "Operation not permitted"


@pytest.fixture(scope="module")
def endpoint():
    """Of tests/theft/test_loot.py all, with a device to swap to."""
    if not LONG:
        pytest.skip("four minutes; with LSAISO_LONG=1")
    return matrix.in_guest(columns=",".join(loot.COLUMNS), options=["--endpoint"],
                           memory=2048)["rows"]


@pytest.mark.parametrize("column", loot.COLUMNS)
@pytest.mark.parametrize("one", loot.LOOT, ids=lambda o: f"{o.label}_{o.way}_{o.what}")
def test_a_keytab_and_a_ccache(endpoint, one, column):
    state, why = endpoint[one.label][column]
    assert state == one.expected(column), why
