# SPDX-License-Identifier: GPL-3.0-or-later
"""Every attack of lib/attacks.py against every victim, with a real KDC: does
exactly that come out which is expected? More than expected fails, and so does
less: an attack that stopped working shows nothing. What this machine's kernel
does not have is skipped; tests/vm/test_40_theft.py has all of it. The weaker setting
of ordinary memory is in the long version only."""

import os

import pytest

from lib import attacks, instance, matrix, robbery

pytestmark = pytest.mark.usefixtures("need_root")
COLUMNS = [c for c in robbery.OF_LEVEL[instance.level()]
           if c != robbery.ORDINARY or os.environ.get("LSAISO_LONG") == "1"]


@pytest.fixture(scope="module")
def table(realm, tmp_path_factory):
    folder = tmp_path_factory.mktemp("theft")
    folder.chmod(0o755)
    return matrix.measure(attacks.ATTACKS, COLUMNS, str(folder), realm=realm)


@pytest.mark.parametrize("column", COLUMNS)
@pytest.mark.parametrize("attack", attacks.ATTACKS, ids=lambda a: f"{a.label}_{a.file}")
def test_attack(table, attack, column):
    if table["columns"][column]:
        pytest.skip(f"{robbery.COLUMNS[column]}: {table['columns'][column]}")
    row = next(r for r in table["rows"] if r["label"] == attack.label)
    cell = row["cells"][column]
    if cell["state"] == robbery.NA:
        pytest.skip(f"{attack.name}: {cell['why']}")
    if not cell["expected"]:
        pytest.skip(f"{attack.name}: nothing is expected here ({cell['state']})")
    assert "DIED" not in cell["why"], cell["why"]
    assert cell["state"] == cell["expected"], cell["why"]


def test_the_simple_ones_were_tried_here(table):
    """Without these the rest of this file would be a row of skips."""
    tried = {r["label"] for r in table["rows"]
             if r["cells"][robbery.PLAIN]["state"] == robbery.FOUND}
    assert {"A01", "A04", "A05", "A08", "A10", "A19", "A20"} <= tried, tried
