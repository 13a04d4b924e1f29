# SPDX-License-Identifier: GPL-3.0-or-later
"""What does being watched cost, and what is missed: lsawatch, layer by layer, and auditd with
rules that see the same, in turns, on one machine.

Nobody but one auditd can be told by the kernel; it gets a folder of its own, rules with a key of
their own, and what was set before is set again at the end.
"""

import json
import os
import statistics
import subprocess
import time

GOAL_REST, GOAL_MIB = 0.5, 16.0
PACE = 50            # programs a second, of a machine that is busy and not on trial
KEY = "lsaiso-bench"
# What layer trace sees of others than lsaiso and lsass, too, and deeds on them.
RULES = (("-S", "execve", "-S", "execveat"),
         ("-S", "process_vm_readv", "-S", "process_vm_writev", "-S", "ptrace"))
NOTHING, AUDITD = "nothing", "auditd"
LAYERS = {"lsawatch, trace": "trace events sweep", "lsawatch, audit": "audit events sweep",
          "lsawatch, events": "events sweep"}
CONFIG = """local_events = yes
write_logs = yes
log_file = {folder}/log/audit.log
log_group = root
log_format = RAW
flush = INCREMENTAL_ASYNC
freq = 50
max_log_file = 500
num_logs = 2
max_log_file_action = ROTATE
space_left = 75
space_left_action = SUSPEND
admin_space_left = 50
admin_space_left_action = SUSPEND
disk_full_action = SUSPEND
disk_error_action = SUSPEND
plugin_dir = {folder}/plugins.d
"""


def run_time_us(pid):
    """Of a process and all its threads."""
    total = 0
    for task in os.listdir(f"/proc/{pid}/task"):
        with open(f"/proc/{pid}/task/{task}/schedstat", encoding="ascii") as file:
            total += int(file.read().split()[0])
    return total / 1000


def kauditd():
    for pid in filter(str.isdigit, os.listdir("/proc")):
        try:
            with open(f"/proc/{pid}/comm", encoding="ascii") as file:
                if file.read() == "kauditd\n":
                    return int(pid)
        except OSError:
            continue
    return None


class Kernel:
    """The settings of the kernel's audit."""

    @staticmethod
    def status(proc):
        text = proc.run(["auditctl", "-s"]).ok().out
        return {line.split()[0]: int(line.split()[1]) for line in text.splitlines()
                if len(line.split()) == 2}


class Nothing:
    """No watch: what the load costs by itself."""

    def __init__(self, realm, lib):
        self.proc = lib.proc
        self.victim = subprocess.Popen(["sleep", "1000"])
        time.sleep(0.2)  # it is sleep by then

    def pids(self):
        return []

    def target(self):
        return self.victim.pid

    def counts(self):
        return {"seen": 0, "lost": 0}

    def resident(self):
        return 0

    def stop(self):
        self.victim.kill()
        self.victim.wait()


class Lsawatch(Nothing):
    def __init__(self, realm, lib, layers):
        self.proc = lib.proc
        self.folder = lib.proc.Folder("bench-watch")
        self.metrics = self.folder("metrics.sock")
        self.made = lib.watching.WatchedInstance(
            realm, {"watch": {"layers": layers, "metrics": self.metrics}})
        self.layer = layers.split()[0]
        self.pid = self.made.pid("lsawatch")
        if not any(one["layer"] == self.layer and one["shows"]
                   for one in self.made.watch.status()["sensors"]):
            self.stop()
            raise lib.proc.Failed(f"layer {self.layer} is not to be had")

    def pids(self):
        return [self.pid] + ([kauditd()] if self.layer == "audit" else [])

    def target(self):
        return self.made.pid("lsass")

    def counts(self):
        time.sleep(1.2)  # the text is kept for a second
        text = subprocess.run(["curl", "-s", "--unix-socket", self.metrics, "http://x/metrics"],
                              check=True, capture_output=True, text=True).stdout
        got = dict(line.rsplit(" ", 1) for line in text.splitlines() if line[0] != "#")
        return {"seen": int(got[f'lsawatch_events_total{{layer="{self.layer}"}}']),
                "lost": int(got["lsawatch_events_lost_total"])}

    def resident(self):
        return self.proc.octets_in_status(self.pid)

    def stop(self):
        self.made.stop()
        self.folder.remove()


class Auditd(Nothing):
    def __init__(self, realm, lib):
        self.before = Kernel.status(lib.proc)
        if self.before["pid"] != 0:
            raise lib.proc.Failed(f"an auditd runs already (pid {self.before['pid']})")
        super().__init__(realm, lib)
        self.folder = lib.proc.Folder("bench-auditd")
        os.chmod(self.folder.path, 0o700)
        self.folder.make("log", mode=0o700)
        self.folder.make("plugins.d")
        self.folder.write("auditd.conf", CONFIG.format(folder=self.folder.path), mode=0o600)
        self.daemon = lib.proc.Daemon(["auditd", "-n", "-c", self.folder.path],
                                      self.folder("out"))
        self.pid = self.daemon.pid
        try:
            lib.proc.wait_until("auditd", lambda: Kernel.status(lib.proc)["pid"] == self.pid,
                                process=self.daemon.process, log=self.folder("out"))
            # As Debian's rules have it: who is quicker than auditd waits, up to a limit.
            lib.proc.run(["auditctl", "-b", "8192"]).ok()
            for rule in RULES:
                lib.proc.run(["auditctl", "-a", "always,exit", "-F", "arch=b64", *rule, "-k",
                              KEY]).ok()
        except BaseException:
            self.stop()
            raise

    def pids(self):
        return [self.pid, kauditd()]

    def counts(self):
        self.proc.wait_until("auditd's backlog",
                             lambda: Kernel.status(self.proc)["backlog"] == 0)
        time.sleep(0.2)
        with open(self.folder("log", "audit.log"), "rb") as file:
            seen = sum(b"type=SYSCALL" in line and KEY.encode() in line for line in file)
        return {"seen": seen, "lost": Kernel.status(self.proc)["lost"]}

    def resident(self):
        return self.proc.octets_in_status(self.pid)

    def stop(self):
        self.proc.run(["auditctl", "-D", "-k", KEY])
        self.daemon.stop()
        # Somebody may have come to need it meanwhile.
        if "No rules" in self.proc.run(["auditctl", "-l"]).out:
            self.proc.run(["auditctl", "-b", str(self.before["backlog_limit"]), "-e",
                           str(self.before["enabled"])])
        self.folder.remove()
        super().stop()


def makers(realm, lib):
    made = {NOTHING: lambda: Nothing(realm, lib)}
    for name, layers in LAYERS.items():
        made[name] = lambda layers=layers: Lsawatch(realm, lib, layers)
    made[AUDITD] = lambda: Auditd(realm, lib)
    return made


# ---- one sample


def load(program, watch, mode, seconds, rate, clients):
    """All clients together: {rate, ns, cpu_us: of the watch for one operation, missed, lost}."""
    argv = [program, mode, str(seconds), str(rate)]
    if mode == "read":
        with open(f"/proc/{watch.target()}/maps", encoding="ascii") as file:
            argv += [str(watch.target()), file.readline().split("-")[0]]
    before = watch.counts()
    busy = sum(map(run_time_us, watch.pids()))
    running = [subprocess.Popen(argv, stdout=subprocess.PIPE, text=True) for _ in range(clients)]
    got = [json.loads(one.communicate()[0]) for one in running]
    time.sleep(0.3)
    busy = sum(map(run_time_us, watch.pids())) - busy
    after = watch.counts()
    ops = sum(one["ops"] for one in got)
    if any(one["failed"] for one in got):
        raise RuntimeError(f"{argv}: {got}")
    return {"rate": sum(one["ops"] / one["seconds"] for one in got),
            "ns": statistics.median(one["ns"] for one in got), "cpu_us": busy / ops,
            "seen": (after["seen"] - before["seen"]) / ops, "lost": after["lost"] - before["lost"]}


def rest(program, watch, seconds, rate):
    """Percent of one processor, MiB, and what it saw each second: others run programs, too."""
    before = watch.counts()["seen"]
    running = subprocess.Popen([program, "exec", str(seconds), str(rate)],
                               stdout=subprocess.DEVNULL) if rate else None
    busy, since = sum(map(run_time_us, watch.pids())), time.monotonic()
    time.sleep(seconds)
    percent = (sum(map(run_time_us, watch.pids())) - busy) / (time.monotonic() - since) / 1e4
    if running:
        running.wait()
    return {"percent": percent, "mib": watch.resident() / 1048576,
            "events": (watch.counts()["seen"] - before) / seconds}


def sample(program, watch, seconds):
    return {"exec": load(program, watch, "exec", seconds, 0, os.cpu_count() or 1),
            "read": load(program, watch, "read", seconds, 10000, 1),
            "idle": rest(program, watch, 4 * seconds, 0),
            "busy": rest(program, watch, 4 * seconds, PACE)}


# ---- all of it


def middle(samples, part, member):
    return statistics.median(one[part][member] for one in samples)


def summary(name, samples, bare, auditd):
    """Ratios are within a round."""
    row = {"name": name, "idle_percent": middle(samples, "idle", "percent"),
           "busy_percent": middle(samples, "busy", "percent"),
           "idle_events": middle(samples, "idle", "events"),
           "busy_events": middle(samples, "busy", "events"),
           "mib": middle(samples, "busy", "mib")}
    for load_name in ("exec", "read"):
        mine = {key: middle(samples, load_name, key) for key in ("rate", "ns", "cpu_us", "seen")}
        mine["lost"] = sum(one[load_name]["lost"] for one in samples)
        mine["slower"] = statistics.median(
            a[load_name]["ns"] / b[load_name]["ns"] for a, b in zip(samples, bare))
        if auditd and name != NOTHING:
            mine["cpu_ratio"] = statistics.median(
                a[load_name]["cpu_us"] / b[load_name]["cpu_us"] for a, b in zip(samples, auditd))
        row[load_name] = mine
    return row


def measure(bench, realm, lib):
    """Rows of figures, and why rows are missing."""
    program, missing = bench.program("watchload"), {}
    seconds, rounds = (1.0, 3) if bench.args.quick else (2.0, 5)
    ways = makers(realm, lib)
    if lib.proc.program("auditd") is None or kauditd() is None:
        missing[AUDITD] = "not installed (scripts/setup.sh bench), or no audit in this kernel"
        del ways[AUDITD]
    samples = {name: [] for name in ways}
    for turn in range(rounds):
        names = list(ways)
        for name in names[turn % len(names):] + names[:turn % len(names)]:
            if name in missing:
                continue
            try:
                watch = ways[name]()
            except lib.proc.Failed as e:
                missing[name] = str(e)
                continue
            try:
                samples[name].append(sample(program, watch, seconds))
            finally:
                watch.stop()
    rows = [summary(name, got, samples[NOTHING], samples.get(AUDITD))
            for name, got in samples.items() if got]
    return rows, missing


def goals(bench, rows):
    best = next((row for row in rows if row["name"] in LAYERS), None)
    if best is None:
        return
    name = best["name"]
    bench.goal("watch/idle", f"{name}: CPU when nothing happens <= {GOAL_REST} % of one",
               best["idle_percent"], GOAL_REST, False, "%")
    bench.goal("watch/busy", f"{name}: CPU while {PACE} programs a second start <= {GOAL_REST} %",
               best["busy_percent"], GOAL_REST, False, "%")
    bench.goal("watch/memory", f"{name}: resident < {GOAL_MIB:.0f} MiB", best["mib"], GOAL_MIB,
               False, "MiB")
    bench.goal("watch/loss", f"{name}: events lost", sum(best[x]["lost"] for x in ("exec", "read")),
               0.5, False, "")
    bench.goal("watch/exec", f"{name}: CPU for one start of a program <= auditd's",
               best["exec"].get("cpu_ratio"), 1.0, False)
    bench.goal("watch/read", f"{name}: CPU for one reading of memory <= auditd's",
               best["read"].get("cpu_ratio"), 1.0, False)
