# SPDX-License-Identifier: GPL-3.0-or-later
"""Does lsawatch see by its best layer, BPF hooks, what tests/watch shows of the
one that works everywhere, and does it work beside the guard?

The tests of tests/watch run in the guest, as they are. The layer that works everywhere is
tried there, too, if LSAISO_LONG=1.
"""

import json
import os
import re

import pytest

from lib import layers
from lib.instance import build_folder

HERE = os.path.dirname(os.path.abspath(__file__))
WATCH = os.path.join(HERE, "..", "watch")
TIMEOUT = 1200
LONG = os.environ.get("LSAISO_LONG") == "1"
DOC = os.path.join(HERE, "..", "..", "docs", "watch-layers.md")


def inside(guest, layers, *words, guard="off"):
    """tests/watch/test_50_memory.py in the guest; how many passed."""
    env = {"LSAISO_BUILD": build_folder(), "LSAISO_WATCH_LAYERS": layers, "LSAISO_SLOW": "10",
           "LSAISO_WATCH_GUARD": guard}
    done = guest.run(["/usr/bin/python3", "-m", "pytest", "-p", "no:cacheprovider", "-q", "-rs",
                      *words], TIMEOUT, env=env, cwd=os.path.dirname(HERE))
    print(done.text)
    assert done.code == 0, done.text
    return int(re.search(r"(\d+) passed", done.text).group(1))


@pytest.mark.parametrize("layer", ["bpf", "trace"] if LONG else ["bpf"])
def test_01_the_row_of_memory(guest, layer):
    """All but what needs hardware: without a guard, so that what is tried succeeds."""
    assert inside(guest, layer, os.path.join(WATCH, "test_50_memory.py")) >= 45


def test_02_beside_the_guard(guest):
    """Its hooks are loaded after the guard is up; what that refuses is told with the actor."""
    assert inside(guest, "bpf", os.path.join(WATCH, "test_51_guard.py"), guard="required") >= 5


def test_03_sensors_that_somebody_silences(guest):
    """What would blind every lsawatch of a machine: here it is the test's alone."""
    env = {"LSAISO_BUILD": build_folder(), "LSAISO_SLOW": "10", "LSAISO_MACHINE_IS_OURS": "1"}
    only = [] if LONG else ["-k", "test_07 or (test_08 and bpf)"]
    done = guest.run(["/usr/bin/python3", "-m", "pytest", "-p", "no:cacheprovider", "-q", "-rs",
                      os.path.join(WATCH, "test_62_blinded.py"), *only], TIMEOUT, env=env,
                     cwd=os.path.dirname(HERE))
    print(done.text)
    assert done.code == 0 and " passed" in done.text, done.text


@pytest.mark.skipif(not LONG, reason="a minute and a half a layer; with LSAISO_LONG=1")
@pytest.mark.parametrize("layer", layers.LAYERS)
def test_04_each_layer_alone(guest, layer):
    """What Status has as blind is what is not seen, and docs/watch-layers.md has it so."""
    env = {"LSAISO_BUILD": build_folder(), "LSAISO_SLOW": "10"}
    done = guest.run([os.path.join(WATCH, "layers"), "--layers", layer, "--json"], TIMEOUT, env=env,
                     cwd=HERE)
    assert done.code == 0, done.text
    result = json.loads(next(line for line in done.text.splitlines() if line.startswith("{")))
    with open(DOC, encoding="utf-8") as file:
        assert layers.column(file.read(), layer) == result[layer]["cells"]
