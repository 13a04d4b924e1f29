# SPDX-License-Identifier: GPL-3.0-or-later
"""Does the trusted side include anything of the other?

usage: includes.py SOURCE_ROOT
"""
import os
import pathlib
import subprocess
import sys

root = pathlib.Path(sys.argv[1]).resolve()
compiler = os.environ.get("CC", "cc").split()
sources = sorted(root.glob("lsaiso/**/*.c")) + [root / "rpc/codec.c"]
mine = ("lsaiso/", "include/rpc/", "rpc/codec.c")
bad = []
seen = set()

for source in sources:
    # -MM: every header but the system's
    run = subprocess.run(compiler + ["-MM", "-I", str(root / "include"), "-I", str(root / "lsaiso"),
                                     str(source)], capture_output=True, text=True)
    if run.returncode != 0:
        bad.append(f"{source}: {run.stderr}")
        continue
    for word in run.stdout.replace("\\\n", " ").split(":", 1)[1].split():
        name = str(pathlib.Path(word).resolve().relative_to(root))
        seen.add(name)
        if not name.startswith(mine):
            bad.append(f"{source.relative_to(root)} includes {name}")

# The other way round: nothing else reaches into lsaiso/. Tests may.
for source in root.glob("**/*.[ch]"):
    name = str(source.relative_to(root))
    if name.startswith(("lsaiso/", "tests/", "build")) or "/build" in name:
        continue
    for number, line in enumerate(source.read_text(errors="replace").splitlines(), 1):
        if line.startswith("#include") and "lsaiso/" in line:
            bad.append(f"{name}:{number}: {line}")

for line in bad:
    print(line)
print(f"{len(sources)} sources, {len(seen)} files of ours, {len(bad)} objections")
sys.exit(bool(bad) or len(sources) < 20)
