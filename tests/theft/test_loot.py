# SPDX-License-Identifier: GPL-3.0-or-later
"""A stolen keytab, a stolen ccache, a copied disk, the memory of who has them: what
are they worth, of an ordinary host and of one with the endpoint? Exactly what
lib/loot.py expects. The root key in a file is in
the long version only; swap is for a guest: tests/vm/test_40_theft.py."""

import pytest

from lib import loot, tpm

pytestmark = [pytest.mark.usefixtures("need_root"), pytest.mark.levels("process")]
COLUMNS = [loot.ORDINARY, loot.TPM, loot.FILE]


@pytest.fixture(scope="module")
def rows(realm, long_run):
    columns = [loot.ORDINARY]
    if not tpm.missing():
        columns.append(loot.TPM)
    if long_run or tpm.missing():
        columns.append(loot.FILE)
    return loot.measure(loot.LOOT, columns, realm)


@pytest.mark.parametrize("column", COLUMNS)
@pytest.mark.parametrize("one", loot.LOOT, ids=lambda o: f"{o.label}_{o.way}_{o.what}")
def test_loot(rows, one, column):
    if column not in rows[one.label]:
        pytest.skip("LSAISO_LONG=1" if column == loot.FILE else f"no {tpm.missing()}")
    state, why = rows[one.label][column]
    if state == loot.NA:
        pytest.skip(why)
    assert state == one.expected(column), why
