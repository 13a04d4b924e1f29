# SPDX-License-Identifier: GPL-3.0-or-later
"""Runs in a machine with KVM: lsaiso at level vm, told to misbehave in every way.

usage: faults.py BUILD_FOLDER

Prints a line of JSON for each fault: what lsainit said of the end, whether a
new lsaiso answered, and who else was still the same.
"""

import ctypes
import json
import mmap
import os
import re
import shutil
import signal
import struct
import subprocess
import sys
import tempfile
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), ".."))

from lib import proc  # noqa: E402

BUILD = sys.argv[1]
FAULTS = {
    1: "write to code", 2: "write to sealed data", 3: "write to address 0",
    4: "write to unmapped memory", 5: "write below the image", 6: "jump to data",
    7: "jump to a request", 8: "jump to the mailbox", 9: "jump to 0", 10: "stack overflow",
    11: "write to a foreign port", 12: "doorbell out of turn", 13: "read from a port", 14: "hlt",
    15: "write to cr3", 16: "wrmsr", 17: "syscall", 18: "int3", 19: "ud2", 20: "division by zero",
    21: "lidt", 22: "endless loop",
}
PROGRAMS = {"lsainit": "lsainit", "lsass": "lsass", "lsavmm": "lsavmm", "lsactl": "lsactl"}
WAIT = 60 * proc.SLOW
# rpc/mailbox.h
REQ_SEQ, REQ_LEN, REP_SEQ, REP_LEN, REQ = 64, 68, 128, 132, 192
REP = REQ + 69632
SYS_FUTEX, FUTEX_WAKE = 202, 1
LIBC = ctypes.CDLL(None, use_errno=True)


class Mailbox:
    """That of an instance, through lsainit's descriptor of it: root may."""

    def __init__(self, lsainit):
        folder = f"/proc/{lsainit}/fd"
        # The newest: there is one for each lsaiso, the old ones are closed.
        path = next(p for p in (os.path.join(folder, n) for n in os.listdir(folder))
                    if "lsaiso-channel" in os.readlink(p))
        with open(path, "r+b") as file:
            self.map = mmap.mmap(file.fileno(), 0)

    def word(self, at):
        return struct.unpack_from("<I", self.map, at)[0]

    def ask(self, op, wait):
        """Send a request without a body. The reply's octets, or None: there was none in time."""
        frame = struct.pack("<HHI", 1, op, 0)
        self.map[REQ:REQ + len(frame)] = frame
        struct.pack_into("<I", self.map, REQ_LEN, len(frame))
        seq = (self.word(REQ_SEQ) + 1) & 0xffffffff
        struct.pack_into("<I", self.map, REQ_SEQ, seq)
        at = ctypes.addressof(ctypes.c_char.from_buffer(self.map, REQ_SEQ))
        LIBC.syscall(SYS_FUTEX, ctypes.c_void_p(at), FUTEX_WAKE, 1, None, None, 0)
        end = time.monotonic() + wait
        while self.word(REP_SEQ) != seq:
            if time.monotonic() > end:
                return None
            time.sleep(0.005)
        return bytes(self.map[REP:REP + self.word(REP_LEN)])


class Instance:
    def __init__(self, level, core=None):
        self.folder = tempfile.mkdtemp(prefix="lsaiso-faults-")
        os.chmod(self.folder, 0o755)
        programs = BUILD
        if core:
            programs = os.path.join(self.folder, "programs")
            os.mkdir(programs)
            for name in PROGRAMS:
                os.symlink(os.path.join(BUILD, name, name), os.path.join(programs, name))
            os.symlink(core, os.path.join(programs, "lsaiso-vm"))
        self.conf, self.log = os.path.join(self.folder, "conf"), os.path.join(self.folder, "log")
        with open(self.conf, "w") as file:
            file.write(f"[run]\ndirectory = {self.folder}/run\nprograms = {programs}\n"
                       "lsaiso_user = 64301\nlsass_user = 64302\n"
                       f"[host]\ndirectory = {self.folder}/host\n[launch]\nverify = off\n"
                       f"[isolation]\nlevel = {level}\nguard = off\n"
                       f"[kcm]\nsocket = {self.folder}/kcm\n[state]\n"
                       f"directory = {self.folder}/state\n")
        with open(self.log, "wb") as log:
            self.process = subprocess.Popen(
                [os.path.join(BUILD, "lsainit/lsainit"), "--config", self.conf], stdout=log,
                stderr=log, stdin=subprocess.DEVNULL)
        self.pids()

    def said(self):
        with open(self.log, errors="replace") as file:
            return file.read()

    def pids(self, other_than=None):
        """{process: pid} once all run; lsaiso's is another than that."""
        end = time.monotonic() + WAIT
        while time.monotonic() < end:
            got = subprocess.run([os.path.join(BUILD, "lsactl/lsactl"), "--config", self.conf,
                                  "--json", "status"], capture_output=True, text=True)
            if got.returncode == 0:
                said = json.loads(got.stdout)
                is_ = {p["name"]: p.get("pid") for p in said["processes"]}
                # It answers lsass: until then two would write into its mailbox.
                if is_.get("lsaiso") and is_["lsaiso"] != other_than and said["lsaiso"]:
                    return is_
            if self.process.poll() is not None:
                break
            time.sleep(0.05)
        raise proc.Failed(f"no instance within {WAIT} s: {self.said()}")

    def stop(self):
        if self.process.poll() is None:
            self.process.terminate()
            self.process.wait(WAIT)
        shutil.rmtree(self.folder, ignore_errors=True)


def gone(pid, seconds):
    end = time.monotonic() + seconds
    while os.path.exists(f"/proc/{pid}") and time.monotonic() < end:
        time.sleep(0.02)
    return not os.path.exists(f"/proc/{pid}")


def survives_a_stop(it):
    """A monitor that could not run for a while, with a request waiting, is no endless loop."""
    before = it.pids()["lsaiso"]
    box = Mailbox(it.process.pid)
    os.kill(before, signal.SIGSTOP)
    answered = box.ask(1, 3)
    os.kill(before, signal.SIGCONT)
    seq, end = box.word(REQ_SEQ), time.monotonic() + WAIT
    while box.word(REP_SEQ) != seq and time.monotonic() < end:
        time.sleep(0.01)
    return answered is None and box.word(REP_SEQ) == seq and it.pids()["lsaiso"] == before


def main():
    other = Instance("process")
    it = Instance("vm", os.path.join(BUILD, "tests/vm/evil/evil-vm"))
    neighbours = other.pids()
    for n, name in FAULTS.items():
        before, said = it.pids(), len(it.said())
        box = Mailbox(it.process.pid)
        # lsass reads its log every now and then: what met that was never asked.
        fine = any(box.ask(1, 1) is not None for _ in range(5))  # ping
        for _ in range(5):
            answered = box.ask(0x7f00 + n, 0.2)
            if gone(before["lsaiso"], 3 * proc.SLOW):
                break
        after = it.pids(before["lsaiso"])
        print(json.dumps({
            "fault": name, "fine": fine, "answered": answered is not None,
            "said": re.findall(r"lsavmm: (.*)|is gone: (.*)", it.said()[said:]),
            "again": after["lsaiso"] != before["lsaiso"],
            "lsass_same": after["lsass"] == before["lsass"],
            "lsainit_same": after["lsainit"] == before["lsainit"],
            "neighbours_same": other.pids() == neighbours}), flush=True)
    print(json.dumps({"stopped": survives_a_stop(it)}), flush=True)
    it.stop()
    other.stop()


main()
