# SPDX-License-Identifier: GPL-3.0-or-later
"""What does the trusted core import, and what is in the program?

usage: symbols.py LSAISO CORE_ARCHIVE
"""
import re
import subprocess
import sys

program, archive = sys.argv[1:3]

# All that the core may ask for: the four host functions, libnettle, and what
# the compiler calls by itself.
ALLOWED = re.compile(
    r"(iso_host_(recv|send|entropy|clock)|nettle_\w+|_nettle_\w+|memcpy|memset|memmove|memcmp"
    r"|__stack_chk_fail|_GLOBAL_OFFSET_TABLE_)$")

# Names that must not be in the program at all. fwrite, __fprintf_chk and
# getenv are there as empty functions that libnettle asks for (port/libc.c).
FORBIDDEN = re.compile(
    r"(malloc|calloc|realloc|free|mmap|brk|sbrk|alloca|v?f?printf|v?snprintf|puts|fopen|fread"
    r"|open|openat|read|write|socket|connect|bind|listen|accept|sendto|recvfrom|sendmsg|recvmsg"
    r"|fork|vfork|clone|execve|system|dlopen|pthread_create|signal|syslog"
    r"|(_?nettle_)(des3?|arctwo|rsa|dsa)_\w+)$")


def nm(path):
    text = subprocess.run(["nm", path], check=True, capture_output=True, text=True).stdout
    for line in text.splitlines():
        m = re.match(r"(?:[0-9a-f]+)?\s+([A-Za-z]) (\S+)$", line)
        if m:
            yield m.group(1), m.group(2)


bad = []
core = list(nm(archive))
if len(core) < 50:
    bad.append(f"only {len(core)} symbols in {archive}")
defined = {name for kind, name in core if kind != "U"}
for kind, name in core:
    if kind == "U" and name not in defined and not ALLOWED.match(name):
        bad.append(f"core imports {name}")

# No variable but the one state, which the host places: nothing writable.
sections = subprocess.run(["readelf", "-SW", archive], check=True, capture_output=True,
                          text=True).stdout
for m in re.finditer(r"\] (\.(?:data|bss|tbss|tdata)\S*)\s+\w+\s+\w+\s+\w+\s+(\w+)", sections):
    if int(m.group(2), 16) != 0 and not m.group(1).startswith(".data.rel.ro"):
        bad.append(f"core has {int(m.group(2), 16)} octets of variables in {m.group(1)}")

# arch_forget() of port/x86_64.h clears xmm0..15: nothing may use more.
code = subprocess.run(["objdump", "-d", program], check=True, capture_output=True, text=True).stdout
if "%xmm15" not in code:
    bad.append("no vector code in the program: was it disassembled?")
for m in set(re.findall(r"%(?:[yz]mm\d+|mm[0-7]|xmm(?:1[6-9]|2\d|3[01])|st\b|k[0-7])", code)):
    bad.append(f"program uses register {m}, which is not cleared before it sleeps")

whole = list(nm(program))
names = {name for _, name in whole}
for needed in ("iso_serve", "nettle_aes256_encrypt", "_start"):
    if needed not in names:
        bad.append(f"{needed} is not in the program: is this lsaiso, unstripped?")
for kind, name in whole:
    if kind == "U":
        bad.append(f"program imports {name}")
    if FORBIDDEN.match(name):
        bad.append(f"program contains {name}")

dynamic = subprocess.run(["readelf", "-lW", program], check=True, capture_output=True,
                         text=True).stdout
if "INTERP" in dynamic:
    bad.append("program asks for a loader")
if re.search(r"LOAD.*RWE", dynamic) or re.search(r"GNU_STACK.*RWE", dynamic):
    bad.append("program has memory that is writable and executable")

for line in bad:
    print(line)
print(f"{len(core)} symbols of the core, {len(whole)} of the program, {len(bad)} objections")
sys.exit(bool(bad))
