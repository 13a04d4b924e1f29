# SPDX-License-Identifier: GPL-3.0-or-later
"""Do time and addresses depend on a private key? See secrets.c.

usage: constant.py BOUNDARY_SECRETS
"""
import os
import re
import shutil
import subprocess
import sys
import tempfile

if shutil.which("valgrind") is None:
    print("SKIP: no valgrind")
    sys.exit(77)


def run(what, program):
    got = subprocess.run(["valgrind", "--quiet", "--error-exitcode=9", "--error-limit=no",
                          program, what], capture_output=True, text=True, timeout=100)
    reports = re.findall(r"Conditional jump|Use of uninitialised", got.stderr)
    print(f"{what}: exit code {got.returncode}, {len(reports)} reports: {got.stdout.strip()}")
    return got, len(reports)


with tempfile.TemporaryDirectory() as folder:
    # Debian's valgrind cannot read the debugging information of its clang.
    program = os.path.join(folder, "secrets")
    subprocess.run(["strip", "--strip-debug", "-o", program, sys.argv[1]], check=True)
    key, reports = run("key", program)
    if key.returncode != 0 or reports != 0:
        print(key.stderr)
        sys.exit(1)
    for what in ("branch", "lookup"):
        bad, reports = run(what, program)
        if bad.returncode != 9 or reports == 0:
            sys.exit(f"memcheck does not see {what}: the run without it shows nothing")
