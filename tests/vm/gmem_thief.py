#!/usr/bin/python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""Root of a guest with guest_memfd, robbing lsaiso at level vm; test_70_gmem.py
judges. No guard: what holds here is the memory alone.

usage: gmem_thief.py FOLDER

Writes FOLDER/report: what the attacks came to with ordinary memory and with
guest_memfd, and what the descriptor of guest_memfd is good for. The instance
then stays as it is until there is FOLDER/go. Then the thief drives the monitor,
and looks for the keys that he got so in the memory of all its processes:
FOLDER/driven, in which keys are hexadecimal and turned round.
"""

import ctypes
import errno
import json
import mmap
import os
import signal
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), ".."))
sys.dont_write_bytecode = True

from lib import attacks, instance, proc, robbery, search  # noqa: E402

WANTED = ("A01", "A04", "A07", "A08", "A09", "A18", "A35")
PIDFD_OPEN, PIDFD_GETFD = 434, 438
libc = ctypes.CDLL(None, use_errno=True)


def outcome(what, *arguments):
    try:
        return what(*arguments)
    except OSError as e:
        return errno.errorcode.get(e.errno, str(e.errno))


def stolen(pid, number):
    """A copy of another process's descriptor."""
    pidfd = libc.syscall(PIDFD_OPEN, pid, 0)
    fd = libc.syscall(PIDFD_GETFD, pidfd, number, 0)
    os.close(pidfd)
    if fd < 0:
        raise OSError(ctypes.get_errno(), "pidfd_getfd")
    return fd


def touched(fd, size):
    """What becomes of a process that reads the mapping of fd."""
    pid = os.fork()
    if pid == 0:
        try:
            with mmap.mmap(fd, size, mmap.MAP_SHARED, mmap.PROT_READ) as m:
                os._exit(0 if m[0] >= 0 else 1)
        except OSError as e:
            os._exit(e.errno)
    _, status = os.waitpid(pid, 0)
    if os.WIFSIGNALED(status):
        return signal.Signals(os.WTERMSIG(status)).name
    code = os.waitstatus_to_exitcode(status)
    return "read" if code == 0 else errno.errorcode[code]


def descriptor(pid):
    """Of guest_memfd: what root does with it."""
    folder = f"/proc/{pid}/fd"
    links = {n: os.readlink(f"{folder}/{n}") for n in os.listdir(folder)}
    number = next((n for n, link in links.items() if "memfd" in link or "gmem" in link), None)
    if number is None:
        return {"links": links}
    said = {"link": links[number]}
    fd = outcome(stolen, pid, int(number))
    said["opened again"] = outcome(lambda: os.close(os.open(f"{folder}/{number}", os.O_RDWR)))
    said["size"] = os.fstat(fd).st_size
    said["mapped and touched"] = touched(fd, said["size"])
    said["pread"] = outcome(lambda: len(os.pread(fd, 16, 0)))
    os.close(fd)
    return said


def rob(victim):
    said = {"memory": victim.instance.call("Status")["level"]["memory"]}
    for attack in (a for a in attacks.ATTACKS if a.label in WANTED):
        verdict = robbery.rob(attack, victim, THEFT_IMAGE=victim.image)
        said[attack.label] = {"state": verdict.state, "why": verdict.why,
                              "lives": victim.lives()}
    return said


def put(folder, name, what):
    with open(os.path.join(folder, "new"), "w", encoding="utf-8") as f:
        json.dump(what, f)
    os.rename(os.path.join(folder, "new"), os.path.join(folder, name))


def keys_of(victim, path):
    """lsaiso's own keys, if what was read opens the sealed key of alice's TGT."""
    tool = os.path.join(instance.build_folder(), "tests", "theft", "openblob")
    blobs = victim.blobs()
    keys = []
    for line in proc.run([tool, path, blobs]).out.splitlines():
        what, _, key = line.partition(" ")
        if what == "state":
            keys = []
        elif what == "key" and key == victim.key.hex():
            return [bytes.fromhex(one) for one in keys if one.strip("0")]
        else:
            keys.append(key)
    return []


def drive(victim, folder):
    outcome = attacks.run(attacks.by_name("drive_monitor"), victim.pid, folder)
    keys = keys_of(victim, outcome.path) if outcome.path else []
    found, octets = [], 0
    for key in [victim.key, *keys]:
        result = search.search_memory(key, victim.instance.pids)
        found += [(comm, where) for _, comm, where in result.found]
        octets += result.octets
    victim.log_on()  # it is none the worse for it
    return {"why": outcome.why, "keys": [key.hex()[::-1] for key in keys], "found": found,
            "octets": octets}


def main():
    folder, realm = sys.argv[1], robbery.NoKdc()
    report = {}
    weaker = robbery.IsoVictim(robbery.VM_ORDINARY, folder, realm)
    try:
        report["ordinary"] = rob(weaker)
    finally:
        weaker.stop()
    victim = robbery.IsoVictim(robbery.VM, folder, realm)
    try:
        report["gmem"] = rob(victim)
        report["descriptor"] = descriptor(victim.pid)
        put(folder, "report", report)
        go = os.path.join(folder, "go")
        proc.wait_until("the word to go on", lambda: os.path.exists(go), seconds=120)
        put(folder, "driven", drive(victim, folder))
    finally:
        victim.stop()
        realm.close()


main()
