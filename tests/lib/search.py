# SPDX-License-Identifier: GPL-3.0-or-later
"""Looking for octets where a thief with a root shell looks: in the memory of
every process, in core dumps, in files, in traffic.

A key counts as found when either of its halves is (a key schedule begins with
the key, but need not be contiguous with its second half).
"""

import errno
import mmap
import os
import re
import select
import socket
import struct
import threading
from dataclasses import dataclass, field

from . import proc, users

PAGE = mmap.PAGESIZE
PIECE = 1 << 18
# Of a mapping larger than this only pages that exist are read, as /proc/PID/pagemap
# says (malloc arenas and sanitizer shadows are mostly reserved); one larger than
# HUGE is not searched, and counted as skipped.
SPARSE = 1 << 20
HUGE = 1 << 38


def needles(key):
    """What to look for: both halves of a key, or of each key of a list."""
    if not isinstance(key, bytes):
        return [half for one in key for half in needles(one)]
    half = len(key) // 2
    assert half >= 8, "too short to search for"
    return [key[:half], key[half:]]


def holds(octets, wanted):
    return any(octets.find(w) >= 0 for w in wanted)


@dataclass
class Memory:
    """What a search of memory came to."""

    found: list = field(default_factory=list)      # (pid, comm, mapping)
    processes: int = 0
    octets: int = 0
    refused: list = field(default_factory=list)    # (pid, comm, mapping, errno name)
    skipped: list = field(default_factory=list)    # (pid, comm, mapping, why)

    def pids(self):
        return sorted({hit[0] for hit in self.found})

    def __str__(self):
        return (f"{self.processes} processes, {self.octets >> 20} MiB, "
                f"{len(self.refused)} mappings refused, {len(self.skipped)} skipped, "
                f"found: {self.found}")


def comm(pid):
    try:
        with open(f"/proc/{pid}/comm", encoding="utf-8", errors="replace") as f:
            return f.read().strip()
    except OSError:
        return "?"


def mappings(pid):
    """[(start, end, permissions, name)]"""
    found = []
    try:
        with open(f"/proc/{pid}/maps", encoding="utf-8", errors="replace") as f:
            for line in f:
                m = re.match(r"([0-9a-f]+)-([0-9a-f]+) (\S+) \S+ \S+ \S+ *(.*)", line)
                if m:
                    found.append((int(m[1], 16), int(m[2], 16), m[3], m[4]))
    except OSError:
        pass
    return found


def present_ranges(pid, start, end):
    """The parts of a large mapping that have pages, in memory or in swap."""
    if end - start > HUGE:
        return None
    ranges, run = [], None
    with open(f"/proc/{pid}/pagemap", "rb", buffering=0) as f:
        at = start
        while at < end:
            f.seek(at // PAGE * 8)
            entries = f.read(min((end - at) // PAGE, 1 << 17) * 8)
            if not entries:
                break
            if not entries[7] >> 6 and entries == entries[:8] * (len(entries) // 8):
                if run is not None:
                    ranges.append((run, at))
                    run = None
                at += len(entries) // 8 * PAGE
                continue
            for n, in struct.iter_unpack("<Q", entries):
                if n >> 62:
                    if run is None:
                        run = at
                elif run is not None:
                    ranges.append((run, at))
                    run = None
                at += PAGE
    if run is not None:
        ranges.append((run, at))
    return ranges


def readable_ranges(pid, start, end):
    if end - start <= SPARSE:
        return [(start, end)]
    return present_ranges(pid, start, end)


def search_mapping(mem, ranges, wanted):
    """(found, octets read, first error or None)"""
    overlap = max(len(w) for w in wanted) - 1
    total, error = 0, None
    for start, end in ranges:
        at, carry = start, b""
        while at < end:
            try:
                mem.seek(at)
                piece = mem.read(min(PIECE, end - at))
            except (OSError, ValueError, OverflowError) as e:
                error = error or e
                break
            if not piece:
                break
            total += len(piece)
            if holds(carry + piece if carry else piece, wanted):
                return True, total, error
            carry = piece[-overlap:]
            at += len(piece)
    return False, total, error


def search_process(pid, wanted, result):
    name = comm(pid)
    try:
        mem = open(f"/proc/{pid}/mem", "rb", buffering=0)
    except OSError as e:
        # Gone, or a thread of the kernel: there is no memory to read.
        if e.errno not in (errno.ENOENT, errno.ESRCH):
            result.refused.append((pid, name, "the whole process", e.strerror))
        return
    with mem:
        maps = mappings(pid)
        result.processes += bool(maps)
        for start, end, permissions, what in maps:
            if not proc.alive(pid):
                return
            if what in ("[vvar]", "[vvar_vclock]", "[vsyscall]", "[vdso]"):
                continue
            try:
                ranges = readable_ranges(pid, start, end)
            except OSError:  # it has just ended
                return
            if ranges is None:
                result.skipped.append((pid, name, what, f"{(end - start) >> 30} GiB reserved"))
                continue
            hit, octets, error = search_mapping(mem, ranges, wanted)
            result.octets += octets
            if hit:
                result.found.append((pid, name, what or f"anonymous {permissions}"))
            if error is not None:
                result.refused.append((pid, name, what or f"anonymous {permissions}",
                                       getattr(error, "strerror", str(error))))


def search_memory(key, pids=None, but=()):
    """Search /proc/PID/mem of pids (all processes if None), not of this process
    (which has to know the key) and not of those in but."""
    result, wanted = Memory(), needles(key)
    everyone = pids if pids is not None else [int(p) for p in os.listdir("/proc") if p.isdigit()]
    for pid in everyone:
        if pid != os.getpid() and pid not in but:
            search_process(pid, wanted, result)
    return result


def search_files(key, folders):
    """Paths of the files that hold the key (links are not followed)."""
    wanted, found = needles(key), []
    for folder in folders:
        for where, _, names in os.walk(folder):
            for name in names:
                path = os.path.join(where, name)
                if os.path.islink(path) or not os.path.isfile(path):
                    continue
                with open(path, "rb") as f:
                    if holds(f.read(), wanted):
                        found.append(path)
    return found


def search_core(key, pid, folder):
    """gcore a process and search the file: True, False, or a text: no core came out."""
    prefix = folder("core")
    # Ask for everything: also what the process excluded from dumps.
    done = proc.run(["gdb", "-q", "-nx", "-batch", "-p", str(pid),
                     "-ex", "set use-coredump-filter off", "-ex", "set dump-excluded-mappings on",
                     "-ex", f"gcore {prefix}"], timeout=120)
    path = prefix
    if not os.path.exists(path):
        return f"no core file: {done.text.strip().splitlines()[-1:]}"
    try:
        with open(path, "rb") as f, mmap.mmap(f.fileno(), 0, access=mmap.ACCESS_READ) as core:
            return any(core.find(w) >= 0 for w in needles(key))
    finally:
        os.unlink(path)


class Recorder:
    """A KCM socket that passes everything on to another and keeps a copy of it.

    The daemon behind sees uid as its client (without one: this process).
    """

    def __init__(self, socket_behind, path, uid=None):
        self.behind, self.path, self.uid = socket_behind, path, uid
        self.to_server, self.to_client = bytearray(), bytearray()
        self.connections = 0
        self.listener = socket.socket(socket.AF_UNIX)
        self.listener.bind(path)
        os.chmod(path, 0o666)
        self.listener.listen(64)
        self.over = False
        self.threads = [threading.Thread(target=self._accept, daemon=True)]
        self.threads[0].start()

    def _accept(self):
        while True:
            try:
                client, _ = self.listener.accept()
            except OSError:
                return
            self.connections += 1
            thread = threading.Thread(target=self._relay, args=(client,), daemon=True)
            thread.start()
            self.threads.append(thread)

    def _relay(self, client):
        with client, socket.socket(socket.AF_UNIX) as server:
            with users.effective(self.uid):
                server.connect(self.behind)
            while not self.over:
                ready, _, _ = select.select([client, server], [], [], 0.5)
                for source in ready:
                    octets = source.recv(1 << 16)
                    if not octets:
                        return
                    if source is client:
                        self.to_server += octets
                        server.sendall(octets)
                    else:
                        self.to_client += octets
                        client.sendall(octets)

    def close(self):
        self.over = True
        self.listener.shutdown(socket.SHUT_RDWR)
        self.listener.close()
        for thread in self.threads:
            thread.join(5)
        os.unlink(self.path)
