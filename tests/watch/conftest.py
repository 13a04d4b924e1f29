# SPDX-License-Identifier: GPL-3.0-or-later
"""Does lsawatch see what is done to lsaiso and lsass, name who did it, and
keep quiet otherwise?

One watched instance for all tests of a module that do not need one of their own.
"""

import pytest

from lib.watching import WatchedInstance


@pytest.fixture(scope="module")
def watched(realm):
    with WatchedInstance(realm) as made:
        yield made
