#!/usr/bin/python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""
What the guard costs: run by bench/run in the guest of tests/vm, where it goes up.

    bench/guarded.py ROUNDS SECONDS          prints JSON

In each round an instance without the guard and one with it, in turns, get the same two loads of
kcmbench: RETRIEVE of a cached ticket (client and lsass), and storing what kinit brings (client,
lsass and lsaiso). Ratios are within a round.
"""

import json
import os
import pathlib
import statistics
import sys

HERE = pathlib.Path(__file__).resolve().parent
sys.path[:0] = [str(HERE), str(HERE.parent / "tests")]

import targets  # noqa: E402
from lib import instance, proc, realm  # noqa: E402

LOADS = {"retrieve": "RETRIEVE, 10 tickets", "logon": "store what kinit brings"}
SETTINGS = ("off", "required")


def sample(made, test_realm, mode, seconds):
    done = proc.run([os.path.join(instance.build_folder(), "bench", "kcmbench"), "--mode", mode,
                     "--cache", f"KCM:{targets.UID}:{mode}", "--realm", realm.HOME, "--password",
                     realm.PASSWORDS["alice"], "--keytab", test_realm.folder("keytabs", "alice"),
                     "--uid", str(targets.UID), "--tickets", "10", "--seconds", str(seconds)],
                    env=proc.clean_env(KRB5_CONFIG=str(made.config)), timeout=120)
    got = json.loads(done.out)
    if got.get("failed") or not got.get("ops"):
        raise proc.Failed(f"kcmbench {mode}: {got}")
    return got["p50_us"]


def one(test_realm, guard, seconds):
    settings = {**targets.LSASS_SETTINGS, "isolation": {"guard": guard}}
    with instance.Instance(test_realm, settings) as made:
        os.chmod(made.socket, 0o777)
        state = made.call("Status")["guard"]["state"]
        if state != {"off": "off", "required": "up"}[guard]:
            raise proc.Failed(f"guard = {guard}, but it is {state}")
        proc.run([os.path.join(instance.build_folder(), "bench", "kcmbench"), "--mode", "fill",
                  "--cache", f"KCM:{targets.UID}:retrieve", "--realm", realm.HOME, "--password",
                  realm.PASSWORDS["alice"], "--uid", str(targets.UID), "--tickets", "10"],
                 env=proc.clean_env(KRB5_CONFIG=str(made.config)), timeout=120)
        return {mode: sample(made, test_realm, mode, seconds) for mode in LOADS}


def main():
    rounds, seconds = int(sys.argv[1]), float(sys.argv[2])
    test_realm = targets.make_realm()
    try:
        got = {guard: [] for guard in SETTINGS}
        for turn in range(rounds):
            for guard in SETTINGS if turn % 2 == 0 else reversed(SETTINGS):
                got[guard].append(one(test_realm, guard, seconds))
    finally:
        test_realm.close()
    rows = []
    for mode, text in LOADS.items():
        pairs = [(a[mode], b[mode]) for a, b in zip(got["required"], got["off"])]
        rows.append({"mode": mode, "text": text,
                     "with_us": statistics.median(p[0] for p in pairs),
                     "without_us": statistics.median(p[1] for p in pairs),
                     "ratio": statistics.median(p[0] / p[1] for p in pairs)})
    print(json.dumps({"rounds": rounds, "kernel": os.uname().release, "rows": rows}))


main()
