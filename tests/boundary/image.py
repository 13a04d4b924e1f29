# SPDX-License-Identifier: GPL-3.0-or-later
"""What is in the image of level vm, and which ways lead out of it?

usage: image.py LSAISO_VM CORE_ARCHIVE
"""
import re
import struct
import subprocess
import sys

program, archive = sys.argv[1:3]
PF_X, PF_W, PF_R, BELL, SEAL, STACK, STATE = 1, 2, 4, 1 << 20, 2 << 20, 4 << 20, 8 << 20
PAGE = 4096
# Ends of a bell's EAX write, one for each port of rpc/vm.h.
PORTS = {0x10, 0x14, 0x18, 0x1c, 0x20}
# What no code of ring 3 without an operating system has a use for.
NEVER = re.compile(r"^(syscall|sysenter|sysret\w*|int|int3|into|in|ins\w?|outs\w?|hlt|cli|sti|lgdt|"
                   r"cpuid|lidt|ltr|lldt|wrmsr|rdmsr|xsetbv|vmcall|vmmcall|vmrun|iret\w*|invlpg|"
                   r"mov\s+.*%cr\d.*|wr[fg]sbase)\b")
bad = []


def text(*argv):
    return subprocess.run(argv, check=True, capture_output=True, text=True).stdout


with open(program, "rb") as file:
    octets = file.read()
phoff, = struct.unpack_from("<Q", octets, 32)
phnum, = struct.unpack_from("<H", octets, 56)
segments = []
for n in range(phnum):
    kind, flags, _, at, _, _, size, _ = struct.unpack_from("<IIQQQQQQ", octets, phoff + 56 * n)
    if kind == 1 and size:
        segments.append((at, (at + size + PAGE - 1) // PAGE * PAGE, flags))
    elif kind not in (1, 0x6474e551):
        bad.append(f"a segment of type {kind:#x}: lsavmm loads, it does not link")
for name, flag, want in (("text", 0, PF_R | PF_X), ("doorbell", BELL, BELL | PF_R | PF_X),
                         ("constants", 0, PF_R), ("data", SEAL, SEAL | PF_R | PF_W),
                         ("stack", STACK, STACK | PF_R | PF_W),
                         ("state", STATE, STATE | PF_R | PF_W)):
    if len([s for s in segments if s[2] == want]) != 1:
        bad.append(f"not one segment of {name} with flags {want:#x}")
for start, end, flags in segments:
    if flags & PF_W and flags & PF_X:
        bad.append(f"{start:#x} is writable and executable")
for (_, end, one), (start, _, other) in zip(segments, segments[1:]):
    if (one | other) & STACK and start - end < PAGE:
        bad.append(f"no guard page at {end:#x}, beside the stack")
if segments[0][0] < 0x400000 or segments[-1][1] > 0xe00000:
    bad.append("not between VM_IMAGE and VM_END")

# Sections that the script does not know would lie anywhere.
for m in re.finditer(r"\] (\S+)\s+\S+\s+([0-9a-f]{16})\s+\S+\s+\S+\s+\S+\s+(\w*A\w*)\s",
                     text("readelf", "-SW", program)):
    if m[1] not in (".text", ".bell", ".rodata", ".note.gnu.build-id", ".init_array", ".data",
                    ".bss", ".stack", ".state", ".eh_frame"):
        bad.append(f"section {m[1]} was placed by nobody")

doors, code, section = set(), 0, ""
for line in text("objdump", "-d", "--no-show-raw-insn", program).splitlines():
    m = re.match(r"Disassembly of section (\S+):", line)
    if m:
        section = m[1]
    m = re.match(r"\s+[0-9a-f]+:\s+(?:(?:rep|repz|repnz|lock|data16|cs|notrack|bnd) )*(.*)", line)
    if not m:
        continue
    code += 1
    if NEVER.match(m[1]):
        bad.append(f"{section} has {m[1]}")
    if m[1].startswith("out "):
        port = re.match(r"out\s+%eax,\$0x([0-9a-f]+)", m[1])
        if section != ".bell" or not port:
            bad.append(f"{section} has {m[1]}")
        else:
            doors.add(int(port[1], 16))
    if re.search(r"%(?:[yz]mm\d+|mm[0-7]|xmm(?:1[6-9]|2\d|3[01])|st\b|k[0-7])", m[1]):
        bad.append(f"{section} uses a register that is not cleared before it sleeps: {m[1]}")
if doors != PORTS:
    bad.append(f"the doorbell writes to {sorted(map(hex, doors))}")
if code < 10000:
    bad.append(f"only {code} instructions: was it disassembled?")

for line in text("nm", program).splitlines():
    if re.match(r"\s+U ", line):
        bad.append(f"it imports {line.split()[-1]}")

for line in bad:
    print(line)
print(f"{len(segments)} segments, {code} instructions, {len(doors)} ways out, "
      f"{len(bad)} objections")
sys.exit(bool(bad))
