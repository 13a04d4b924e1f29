# SPDX-License-Identifier: GPL-3.0-or-later
"""Service tickets through the endpoint beside the same client straight at the KDC (MIT's), in turns."""

import os
import shutil
import statistics
import subprocess
import tempfile
import time

from lib import endpoint, instance, proc, realm, users

LATENCY, THROUGHPUT = 1.25, 0.8
UID = 64392
SAMPLES = 4  # times the usual length: eight processes take long to get under way
STRAIGHT, ENDPOINT = "straight", "endpoint"
MODES = {"wire": "exchange by TCP", "datagram": "exchange by UDP",
         "get": "krb5_get_credentials", "kvno": "kvno, a process each"}
REQUESTS = {1: 3000, 8: 800}
LIMITS = {"tgs": {"rate": 1000000, "burst": 1000000}}


class World:
    def __init__(self, bench, test_realm):
        self.bench, self.realm = bench, test_realm
        self.memory = tempfile.mkdtemp(prefix="lsaiso-state-", dir="/dev/shm")
        os.chmod(self.memory, 0o700)
        os.chown(self.memory, instance.LSASS_UID, instance.LSASS_UID)
        self.end = endpoint.Endpoint(test_realm, {**LIMITS, "state": {"directory": self.memory}})
        self.user = users.User(self.end, uid=UID)
        self.user.kinit("alice").ok()
        cache = self.end.standins(self.user)
        real = os.path.join(self.end.caches, "real")
        proc.run(self.user.argv(["kinit", "alice"]), env=test_realm.env(
            KRB5CCNAME=f"FILE:{real}"), stdin=realm.PASSWORDS["alice"] + "\n").ok()
        self.way = {STRAIGHT: (real, test_realm.kdc[realm.HOME], test_realm.config),
                    ENDPOINT: (cache, self.end.at[1], self.end.client_config)}

    def stop(self):
        try:
            self.end.stop()
        finally:
            shutil.rmtree(self.memory, ignore_errors=True)

    def sample(self, name, mode, clients):
        cache, port, config = self.way[name]
        if mode == "kvno":
            return self.processes(cache, config, clients)
        argv = [self.bench.program("kdcbench"), mode, f"FILE:{cache}", str(port), str(clients),
                str(SAMPLES * self.bench.seconds), str(UID), str(REQUESTS[clients])]
        return self.bench.sample(argv, self.realm.env(config=config))

    def processes(self, cache, config, clients):
        """kvno with a fresh copy of the ccache each; so many at a time."""
        took, running, n = [], {}, 0
        started = time.monotonic()
        end = started + 4 * self.bench.seconds
        while time.monotonic() < end or running:
            while len(running) < clients and time.monotonic() < end:
                copy = self.end.another(cache, self.user, f"bench{n % 64}")
                env = self.realm.env(config=config, KRB5CCNAME=f"FILE:{copy}")
                one = subprocess.Popen(
                    ["kvno", "-q", f"svc/n{n % realm.MANY:03}.test.local"], env=env, user=UID,
                    group=UID, extra_groups=[], stderr=subprocess.DEVNULL)
                running[one.pid] = (one, time.monotonic())
                n += 1
            pid, status = os.wait()
            if pid not in running:
                continue
            one, since = running.pop(pid)
            one.returncode = os.waitstatus_to_exitcode(status)
            if one.returncode:
                return {"error": f"kvno: {one.returncode}"}
            took.append((time.monotonic() - since) * 1e6)
        took.sort()
        return {"rate": len(took) / (time.monotonic() - started), "ops": len(took),
                "p50_us": statistics.median(took), "p99_us": took[int(len(took) * 0.99)]}


def measure(bench, test_realm):
    """Rows of {mode, clients, text, ways: {name: summary}, latency, throughput}."""
    rows, world = [], World(bench, test_realm)
    try:
        for mode, text in MODES.items():
            for clients in (1, 8):
                samples = {STRAIGHT: [], ENDPOINT: []}
                for turn in range(bench.rounds):
                    for name in list(samples)[::1 if turn % 2 else -1]:
                        samples[name].append(world.sample(name, mode, clients))
                row = {"mode": mode, "clients": clients, "text": f"{text}, {clients} at once",
                       "ways": {name: bench.summary(got) for name, got in samples.items()}}
                pairs = [(a, b) for a, b in zip(samples[ENDPOINT], samples[STRAIGHT])
                         if "rate" in a and "rate" in b]
                if len(pairs) == bench.rounds:
                    row["latency"] = statistics.median(a["p50_us"] / b["p50_us"] for a, b in pairs)
                    row["throughput"] = statistics.median(a["rate"] / b["rate"] for a, b in pairs)
                rows.append(row)
                bench.progress(f"kdc/{mode}/{clients}")
    finally:
        world.stop()
    return rows
