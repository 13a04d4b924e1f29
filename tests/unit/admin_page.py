#!/usr/bin/python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""Does lsaiso-admin(7) have every method that is answered, and no other?

usage: admin_page.py SOURCE
"""

import os
import re
import sys

# The tables of methods.
TABLES = ["lsass/front/admin/lsass.c", "lsaiso-host/admin.c"]
# These are lsawatch's, at a socket of its own.
WATCH = "org.lsaiso.watch."


def read(*path):
    with open(os.path.join(sys.argv[1], *path), encoding="utf-8") as file:
        return file.read()


def main():
    answered = {name for path in TABLES
                for name in re.findall(r'\{ "(org\.lsaiso\.\w+)",', read(path))}
    page = {name for name in re.findall(r"^\.It Ic (org\.lsaiso\.[\w.]+)$",
                                        read("man", "lsaiso-admin.7"), re.M)
            if not name.startswith(WATCH)}
    assert len(answered) > 20
    for name in sorted(answered - page):
        print(f"{name} is not in man/lsaiso-admin.7")
    for name in sorted(page - answered):
        print(f"man/lsaiso-admin.7 has {name}, which nobody answers")
    return int(answered != page)


sys.exit(main())
