# SPDX-License-Identifier: GPL-3.0-or-later
"""Does lsaiso-host serve by vsock, and only whom it should?

In a guest, because a machine need not let vsock connect to itself: the tests
are class Vsock of tests/unit/guest_live.py.
"""

import os

import pytest

from lib import vm
from lib.instance import build_folder

TESTS = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "unit", "guest_live.py")


def test_vsock():
    if why := vm.why_not():
        pytest.skip(why)
    with vm.Guest(lsm=False, memory=1024) as guest:
        loaded = guest.run("modprobe vsock_loopback")
        if loaded.code != 0:
            pytest.skip(f"the kernel has no vsock_loopback: {loaded.text}")
        got = guest.run(["/usr/bin/python3", TESTS, build_folder(), "Vsock"], timeout=400)
        assert got.code == 0 and "skipped" not in got.text, got.text
