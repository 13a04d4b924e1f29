#!/usr/bin/python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""
What the isolation levels cost: run by bench/run, here if there is /dev/kvm, else in the
guest of tests/vm that has one.

    bench/levels.py ROUNDS SECONDS STARTS          prints JSON

In each round the levels take turns, and a bare futex of shared memory beside them. Differences
and ratios are within a round.
"""

import json
import os
import pathlib
import statistics
import subprocess
import sys

HERE = pathlib.Path(__file__).resolve().parent
sys.path[:0] = [str(HERE.parent / "tests")]

from lib import instance, proc  # noqa: E402

BUILD = instance.build_folder()
LEVELS = {
    "process": ["--iso", f"{BUILD}/lsaiso/lsaiso", "--memory", "memory=secret"],
    "vm": ["--iso", f"{BUILD}/lsavmm/lsavmm", "--image", f"{BUILD}/lsaiso/lsaiso-vm",
           "--memory", "memory=auto"],
}
CALLS = ("ping", "seal")
PLACES = ("apart", "same")


def sample(mode, *more):
    done = subprocess.run([f"{BUILD}/bench/pingbench", "--mode", mode, *more],
                          capture_output=True, text=True, timeout=300)
    if done.returncode:
        raise proc.Failed(f"pingbench {mode} {more}: {done.stderr.strip()}")
    return json.loads(done.stdout)


def median(values):
    return statistics.median(values) if values else None


def main():
    rounds, seconds, starts = int(sys.argv[1]), sys.argv[2], sys.argv[3]
    # What the monitor is worth without a guest: a static program of its kind.
    got = {"start": {}, "rss_kib": {}, "calls": {}}
    for level, options in LEVELS.items():
        is_ = sample("start", *options, "--count", starts)
        got["start"][level] = {"p50_ms": is_["p50_us"] / 1000, "max_ms": is_["max_us"] / 1000}
        got["rss_kib"][level] = is_["rss_kib"]
    for place in PLACES:
        for call in CALLS:
            rows = {name: [] for name in ("bare", *LEVELS)}
            for turn in range(rounds):
                names = list(rows)
                for name in names[turn % len(names):] + names[:turn % len(names)]:
                    options = ["--cpus", place, "--seconds", seconds]
                    made = sample("sleep", *options) if name == "bare" else \
                        sample(call, *LEVELS[name], *options)
                    rows[name].append(made["p50_us"])
            got["calls"][f"{call} {place}"] = {
                **{name: median(values) for name, values in rows.items()},
                "vm - process": median([v - p for v, p in zip(rows["vm"], rows["process"])])}
    print(json.dumps(got))


main()
