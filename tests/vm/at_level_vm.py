#!/usr/bin/python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""In a guest with /dev/kvm: a realm and an instance at level vm. alice logs on
and asks for a ticket, lsaiso dies, she logs on again. What each program said
is printed as JSON; test_65_vm.py judges it."""

import hashlib
import json
import os
import signal
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), ".."))
sys.dont_write_bytecode = True

from lib import instance, proc, users  # noqa: E402
from lib.realm import Realm  # noqa: E402


def sha256(path):
    with open(path, "rb") as f:
        return hashlib.sha256(f.read()).hexdigest()


def work(realm, said):
    def note(name, done):
        said[name] = {"code": done.code, "text": done.text}

    with instance.Instance(realm, {"isolation": {"level": "vm"}}) as inst:
        alice = users.User(inst)
        note("kinit", alice.kinit("alice"))
        note("kvno", alice.kvno("HTTP/localhost"))
        note("klist", alice.klist())
        lsactl = [instance.program("lsactl"), "--config", inst.file]
        note("lsactl", proc.run([*lsactl, "status"]))
        said["status"] = inst.call("Status")
        said["image"] = sha256(os.path.join(os.path.dirname(instance.program("lsaiso")),
                                            "lsaiso-vm"))
        keeper = inst.pid("lsaiso")
        said["keeper"] = os.readlink(f"/proc/{keeper}/exe")
        os.kill(keeper, signal.SIGKILL)
        proc.wait_until("another lsavmm", lambda: inst.pid("lsaiso") not in (None, keeper),
                        log=inst.log)
        note("kvno after", alice.kvno("host/localhost"))
        note("kinit after", alice.kinit("alice"))
        note("kvno again", alice.kvno("host/localhost"))
        note("lsactl doctor", proc.run([*lsactl, "doctor"]))
        said["log"] = inst.read_log()


def main():
    said = {}
    realm = Realm()
    try:
        work(realm, said)
    finally:
        realm.close()
    with open(sys.argv[1], "w", encoding="utf-8") as f:
        json.dump(said, f)


main()
