# SPDX-License-Identifier: GPL-3.0-or-later
"""Does each layer see alone what Status says that it sees, and is it blind for the rest?

The layers that can be had here; tests/vm/test_25_watch.py has them all, and compares with
docs/watch-layers.md. Each takes more than a minute: the short version tries one.
"""

import os

import pytest

from lib import instance, layers

LONG = os.environ.get("LSAISO_LONG") == "1"

pytestmark = [
    pytest.mark.skipif(os.geteuid() != 0, reason="sensors and stand-ins need root"),
    pytest.mark.skipif(instance.level() != "process", reason="the sensors are those of each level"),
]


@pytest.mark.parametrize("layer", layers.LAYERS[1:] if LONG else ["trace"])
def test_01_alone(realm, layer):
    result = layers.run_layer(realm, layer)
    if not result["cells"]:
        assert all(result["why"].values())
        pytest.skip(f"not to be had here: {result['why']}")
    assert layers.wrong({layer: result}) == []
    assert layers.SEEN in result["cells"].values()
