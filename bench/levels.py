#!/usr/bin/python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""
What the isolation levels cost: run by bench/run, here if there is /dev/kvm, else in the
guest of tests/vm that has one.

    bench/levels.py ROUNDS SECONDS STARTS          prints JSON

In each round the levels take turns, and a bare futex of shared memory beside them. Differences
are within a round. Level hypervisor is what lsalink and lsaiso-host add to level process, over a UNIX
socket: a guest's virtual port comes on top.
"""

import json
import os
import pathlib
import shutil
import statistics
import subprocess
import sys
import tempfile

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


class Host:
    """lsainit that serves a guest, whose lsaiso is a process of this machine."""

    def __init__(self):
        self.folder = tempfile.mkdtemp(prefix="lsaiso-bench-")
        os.chmod(self.folder, 0o755)
        self.socket = f"{self.folder}/guest.sock"
        conf = f"{self.folder}/conf"
        with open(conf, "w", encoding="ascii") as file:
            file.write(f"[run]\ndirectory = {self.folder}/run\nprograms = {BUILD}\n"
                       "serves = guest\nlsaiso_user = 64301\nlsass_user = 64302\n"
                       f"[host]\ndirectory = {self.folder}/host\n"
                       "[isolation]\nguard = off\n[tgs]\nrate = 1000000\nburst = 1000000\n"
                       f"[guest]\nsocket = {self.socket}\nrate = 1000000\nconnects = 10000\n")
        with open(f"{self.folder}/log", "wb") as log:
            self.process = subprocess.Popen([f"{BUILD}/lsainit/lsainit", "--config", conf],
                                            stdin=subprocess.DEVNULL, stdout=log, stderr=log)
        proc.wait_until("lsainit", self.answers, process=self.process, log=f"{self.folder}/log")

    def answers(self):
        return subprocess.run([f"{BUILD}/lsactl/lsactl", "--config", f"{self.folder}/conf",
                               "status"], capture_output=True).returncode == 0

    def stop(self):
        self.process.terminate()
        self.process.wait(30)
        shutil.rmtree(self.folder, ignore_errors=True)


def main():
    host = Host()
    try:
        LEVELS["hypervisor"] = ["--iso", f"{BUILD}/lsalink/lsalink", "--stream", host.socket,
                                "--memory", f"guest={os.urandom(16).hex()}"]
        measure()
    finally:
        host.stop()


def measure():
    rounds, seconds, starts = int(sys.argv[1]), sys.argv[2], sys.argv[3]
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
                **{f"{level} - process": median([v - p for v, p in zip(rows[level], rows["process"])])
                   for level in LEVELS if level != "process"}}
    print(json.dumps(got))


main()
