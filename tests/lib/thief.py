# SPDX-License-Identifier: GPL-3.0-or-later
"""Who does something to a watched instance, once, and what came of it."""

import os
import subprocess
import sys

import pytest

from . import attacks, proc

TRIES = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "watch", "tries.py")


def sensors(watched):
    return {one["name"]: one["why"] or "open" for one in watched.watch.status()["sensors"]}


def layer(watched):
    """The one that sees accesses."""
    return next(one["layer"] for one in watched.watch.status()["sensors"]
                if "ACCESS" in [name.upper() for name in one["shows"]])


class Thief:
    """A program that does something now; pid after it has ended."""

    def __init__(self, argv, user=None, **env):
        self.process = subprocess.Popen(
            [str(a) for a in argv], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT, env=proc.clean_env(**env), user=user, group=user,
            cwd="/", extra_groups=[] if user else None)
        self.pid = self.process.pid

    def done(self):
        out, _ = self.process.communicate(timeout=60 * proc.SLOW)
        return self.process.returncode, out.decode(errors="replace").strip()


def attack(watched, name, target):
    """One of tests/theft/attacks: (its pid, number of the last finding before)."""
    one = attacks.by_name(name)
    out = os.path.join(watched.folder.make("out", mode=0o700), name)
    before = watched.watch.last()
    thief = Thief([one.program, target, out], THEFT_SECONDS="1")
    code, said = thief.done()
    if os.path.exists(out):
        os.unlink(out)
    if code == attacks.EXIT_CANNOT:
        pytest.skip(f"{name} cannot be tried here: {said}")
    return thief, before


def attempt(watched, what, target, user=None):
    """One of tries.py: who, the last finding before, and what came of it."""
    before = watched.watch.last()
    thief = Thief([sys.executable, TRIES, what, target], user=user)
    code, said = thief.done()
    assert code == 0, said
    return thief, before, said
