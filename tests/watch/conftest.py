# SPDX-License-Identifier: GPL-3.0-or-later
"""Does lsawatch see what is done to lsaiso and lsass, name who did it, and
keep quiet otherwise?

One watched instance for all tests of a module that do not need one of their own.
"""

import os

import pytest

from lib.standin import StandIn
from lib.watching import WatchedInstance


@pytest.fixture(scope="module")
def watched(realm):
    with WatchedInstance(realm) as made:
        yield made


@pytest.fixture(scope="module")
def stand_ins():
    """lsawatch with the sweep alone, before stand-ins; `stand` has them running."""
    if os.geteuid() != 0:
        pytest.skip("processes of other users need root")
    with StandIn({"watch": {"layers": "sweep", "learn_seconds": 5},
                  "limits": {"connections": 16}}) as made:
        yield made


@pytest.fixture
def stand(stand_ins):
    stand_ins.start("lsaiso")
    stand_ins.start("lsass")
    stand_ins.after = stand_ins.watch.last()
    yield stand_ins
    stand_ins.end("lsaiso")
    stand_ins.end("lsass")
