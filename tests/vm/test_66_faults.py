# SPDX-License-Identifier: GPL-3.0-or-later
"""Does each misbehaviour of what runs in the micro-VM end in its end, a report and a restart?

An image with the real core that can be told to misbehave (tests/vm/evil), a
real lsainit and lsavmm, and a second instance beside it that must not notice.
"""

import json
import os
import warnings

import pytest

from lib import instance, proc, vm

HERE = os.path.dirname(os.path.abspath(__file__))
# What may be said of it. A port that is not there is a stop or a fault by processor.
FAULT, PORT, LOOP = "triple fault", "port 0x", "no answer and no doorbell"
EXPECTED = {"write to a foreign port": (PORT, FAULT), "read from a port": (PORT, FAULT),
            "doorbell out of turn": ("at the wrong time", FAULT), "endless loop": (LOOP,)}


ALARMS = "dmesg | grep -ciE 'oops|bug:|panic|call trace|general protection' || true"


def tried(run):
    """{fault: what came of it}; run: a command, where there is KVM; its output."""
    before = run(["sh", "-c", ALARMS])
    said = run(["/usr/bin/python3", "-B", os.path.join(HERE, "faults.py"),
                instance.build_folder()])
    *lines, last = map(json.loads, said.splitlines())
    rows = {row["fault"]: row for row in lines}
    rows["stopped"] = last["stopped"]
    rows["kernel"] = run(["sh", "-c", ALARMS]) == before
    return rows


def emulated():
    """The emulation itself may stand still: said, and tried again."""
    for last in (False, True):
        with vm.Guest(kvm=True) as guest:
            try:
                return tried(lambda argv: guest.run(argv, timeout=300 * proc.SLOW).ok().text)
            except proc.Failed as e:
                if last or not guest.broken:
                    raise
                warnings.warn(f"the guest itself stood still, once more with another: {e}")
    raise AssertionError("not reached")


@pytest.fixture(scope="module", params=["SVM, emulated in a guest", "KVM of this machine"])
def rows(request):
    if request.param.startswith("SVM"):
        yield emulated()
    elif not os.access("/dev/kvm", os.R_OK | os.W_OK):
        pytest.skip("no /dev/kvm here")
    else:
        yield tried(lambda argv: proc.run(argv, timeout=1200).ok().out)


def test_all_were_tried(rows):
    assert len(rows) == 24  # one of the kernel, one of the stop


def test_each_ends_in_a_report_and_a_restart(rows):
    for name, row in rows.items():
        if name in ("kernel", "stopped"):
            continue
        assert row["fine"], f"{name}: it did not even begin"
        assert not row["answered"], f"{name}: it was answered"
        said = " | ".join(part for parts in row["said"] for part in parts if part)
        assert any(word in said for word in EXPECTED.get(name, (FAULT,))), (name, said)
        assert "every logon it held has ended" in said, (name, said)
        assert row["again"], f"{name}: no new lsaiso answers"


def test_nobody_else_is_harmed(rows):
    for name, row in rows.items():
        if name not in ("kernel", "stopped"):
            assert row["lsass_same"] and row["lsainit_same"] and row["neighbours_same"], name
    assert rows["kernel"], "the kernel complained"


def test_waiting_is_no_loop(rows):
    assert rows["stopped"]
