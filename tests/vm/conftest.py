# SPDX-License-Identifier: GPL-3.0-or-later
"""One guest for all tests that do not need one of their own: a boot takes 15 s."""

import pytest

from lib import vm


def pytest_collection_modifyitems(items):
    reason = vm.why_not()
    for item in items:
        # The items are those of the whole run.
        if reason and item.path.is_relative_to(vm.AGENT):
            item.add_marker(pytest.mark.skip(reason=f"no guest: {reason}"))


@pytest.fixture(scope="session")
def guest():
    with vm.Guest() as made:
        yield made
