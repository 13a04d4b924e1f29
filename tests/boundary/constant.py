# SPDX-License-Identifier: GPL-3.0-or-later
"""Do time and addresses depend on a private key or a password? See secrets.c.

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
    # box: that the tag is right may be told, and must be: the answer depends on it
    for what, may in (("key", 0), ("box", 1)):
        good, reports = run(what, program)
        if good.returncode != (9 if may else 0) or reports != may:
            print(good.stderr)
            sys.exit(1)
    # Etypes 17 and 18 make an AES key of the password, and nettle's key schedule
    # has a table of 256 octets. PBKDF2 and HMAC have none.
    # RC4 is its own state, looked up by itself: nettle's, and nothing of NTLM around it.
    for what, tables in (("s2k", "_nettle_aes"), ("ntlm", "nettle_arcfour")):
        good, reports = run(what, program)
        where = set(re.findall(r"(?:Conditional jump|Use of uninitialised).*\n"
                               r"==\d+==\s+at \S+: (\S+)", good.stderr))
        print(f"{what}: reports in {', '.join(sorted(where))}")
        if good.returncode not in (0, 9) or any(not at.startswith(tables) for at in where):
            print(good.stderr)
            sys.exit(1)
    for what in ("branch", "lookup"):
        bad, reports = run(what, program)
        if bad.returncode != 9 or reports == 0:
            sys.exit(f"memcheck does not see {what}: the run without it shows nothing")
