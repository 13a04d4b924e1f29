#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""Are the manual pages well-formed, and do they say what the tables say?

usage: lint.py MKCONF PAGE...

mandoc finds nothing to warn of; lsaiso.conf(5) has every key of the table
with its default, its range and its words, and no other (MKCONF prints the
table); cross-references to our own pages exist. Exit code 77: no mandoc.
"""

import os
import re
import shutil
import subprocess
import sys

OURS = re.compile(r"^(lsa|lsactl|pam_lsa)")


def table(mkconf):
    """section, key -> (default, words) from the example configuration."""
    keys, section, words = {}, None, None
    for line in subprocess.run([mkconf], check=True, capture_output=True,
                               text=True).stdout.splitlines():
        if got := re.fullmatch(r"\[(.+)\]", line):
            section, words = got[1], None
        elif got := re.fullmatch(r"# one of: (.+)", line):
            words = got[1].split("|")
        elif got := re.fullmatch(r"#([a-z0-9_]+) =(?: (.*))?", line):
            keys[section, got[1]] = (got[2] or "", words)
            words = None
    return keys


def described(page):
    """section, key -> text of lsaiso.conf.5."""
    keys, section, key = {}, None, None
    with open(page) as file:
        for line in file:
            if got := re.fullmatch(r"\.Ss \[(.+)\]\n", line):
                section = got[1]
            elif line.startswith(".Sh"):
                section = key = None
            elif got := re.fullmatch(r"\.It Cm ([a-z0-9_]+)\n", line):
                key = (section, got[1])
                keys[key] = ""
            elif section and key:
                keys[key] += line
    return keys


def check_config(mkconf, page):
    wrong = []
    keys, texts = table(mkconf), described(page)
    if len(keys) < 20:
        wrong.append(f"{mkconf} printed only {len(keys)} keys")
    wrong += [f"[{s}] {k} is not described" for s, k in keys.keys() - texts.keys()]
    wrong += [f"[{s}] {k} is described but does not exist" for s, k in texts.keys() - keys.keys()]
    for (section, key), (default, words) in keys.items():
        text = texts.get((section, key), "")
        want = f"Default:\n.Ql {default} .\n" if default else "Default: empty"
        if want not in text:
            wrong.append(f"[{section}] {key}: the default is {default!r}")
        for word in words or []:
            if f".Ql {word}" not in text:
                wrong.append(f"[{section}] {key}: the word {word!r} is missing")
    return wrong


def check_links(pages):
    names = {os.path.basename(page) for page in pages}
    wrong = []
    for page in pages:
        with open(page) as file:
            for name, number in re.findall(r"^\.Xr (\S+) (\d)", file.read(), re.MULTILINE):
                if OURS.match(name) and f"{name}.{number}" not in names:
                    wrong.append(f"{page}: there is no page {name}({number})")
    return wrong


def main():
    mkconf, pages = sys.argv[1], sys.argv[2:]
    wrong = check_links(pages)
    for page in pages:
        if os.path.basename(page) == "lsaiso.conf.5":
            wrong += check_config(mkconf, page)
    for line in wrong:
        print(line)
    if wrong:
        return 1
    if not shutil.which("mandoc"):
        print("SKIP: mandoc is not installed; the rest was checked")
        return 77
    got = subprocess.run(["mandoc", "-T", "lint", "-W", "warning", *pages], check=False,
                         capture_output=True, text=True)
    # Pages of other packages need not be installed here.
    lines = [line for line in (got.stdout + got.stderr).splitlines() if line]
    print("\n".join(lines))
    return 1 if lines or got.returncode else 0


if __name__ == "__main__":
    sys.exit(main())
