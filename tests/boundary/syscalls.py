# SPDX-License-Identifier: GPL-3.0-or-later
"""Which system calls does lsaiso make, from start to end?

Runs the process test under strace; compares with what may be called before
the seccomp filter and after it.

usage: syscalls.py PROCESS_TEST LSAISO
"""
import os
import re
import shutil
import subprocess
import sys
import tempfile

test, program = sys.argv[1:3]
BEFORE = {"execve", "getrandom", "arch_prctl", "clock_gettime", "fcntl", "prctl", "prlimit64",
          "memfd_secret", "mlock", "ftruncate", "mmap", "close", "mprotect", "fstat", "close_range",
          "sched_getaffinity", "seccomp"}
AFTER = {"futex", "clock_gettime", "getrandom", "exit_group"}

if shutil.which("strace") is None:
    print("SKIP: no strace")
    sys.exit(77)
with tempfile.TemporaryDirectory() as folder:
    run = subprocess.run(["strace", "-f", "-q", "-o", folder + "/log", test, program, "basic"],
                         capture_output=True, text=True, timeout=120,
                         # the leak checker of a sanitized build cannot run under ptrace
                         env=os.environ | {"ASAN_OPTIONS": "detect_leaks=0"})
    log = open(folder + "/log", errors="replace").read().splitlines()
if run.returncode == 77:
    print("SKIP: " + run.stdout.strip())
    sys.exit(77)
if "ptrace" in run.stderr and "not permitted" in run.stderr:
    print("SKIP: " + run.stderr.strip())
    sys.exit(77)
if run.returncode != 0:
    print(run.stdout, run.stderr)
    sys.exit(1)

phase = {}  # pid -> "before" or "after"; only processes that are lsaiso
bad = []
counts = {"before": {}, "after": {}}
for line in log:
    m = re.match(r"(\d+)\s+(?:<\.\.\. )?(\w+)(\(| resumed)", line)
    if not m:
        continue
    pid, call = m.group(1), m.group(2)
    if call == "execve" and f'execve("{program}"' in line:
        phase[pid] = "before"
    if pid not in phase:
        continue
    now = phase[pid]
    counts[now][call] = counts[now].get(call, 0) + 1
    if call not in (BEFORE if now == "before" else AFTER):
        bad.append(f"{now} the filter: {line}")
    if call == "seccomp" and line.rstrip().endswith("= 0"):
        phase[pid] = "after"

if len(phase) != 2:
    bad.append(f"{len(phase)} lsaiso processes seen, not 2")
if "after" not in phase.values() or counts["after"].get("getrandom", 0) < 2:
    bad.append("nothing seen after the filter")
for line in bad:
    print(line)
for now in counts:
    print(now, " ".join(f"{name}:{n}" for name, n in sorted(counts[now].items())))
sys.exit(bool(bad))
