# SPDX-License-Identifier: GPL-3.0-or-later
"""A control group of a test's own, in a mount of its own of cgroup v2."""

import os
import time

from . import proc


class Cgroup:
    """with Cgroup("name") as group: group.take(pid); group.freeze()

    At the end it is thawed, and its processes are back in the root."""

    def __init__(self, name):
        self.folder = proc.Folder(name)
        mounted = proc.run(["mount", "-t", "cgroup2", "none", self.folder.path])
        if mounted.code != 0:
            self.folder.remove()
            raise proc.Failed(f"no cgroup v2: {mounted.text}")
        self.path = self.folder(f"{name}-{os.getpid()}")
        os.mkdir(self.path)

    def __enter__(self):
        return self

    def write(self, name, text):
        with open(os.path.join(self.path, name), "w", encoding="ascii") as file:
            file.write(text)

    def take(self, pid):
        self.write("cgroup.procs", str(pid))

    def freeze(self):
        self.write("cgroup.freeze", "1")
        proc.wait_until("it is frozen", lambda: "frozen 1" in self.read("cgroup.events"))

    def read(self, name):
        with open(os.path.join(self.path, name), encoding="ascii") as file:
            return file.read()

    def pids(self):
        return [int(line) for line in self.read("cgroup.procs").split()]

    def __exit__(self, *_):
        self.write("cgroup.freeze", "0")
        limit = proc.Limit(10)
        while self.pids() and not limit.over():
            for pid in self.pids():
                try:
                    with open(self.folder("cgroup.procs"), "w", encoding="ascii") as file:
                        file.write(str(pid))
                except ProcessLookupError:
                    pass  # it ends
            time.sleep(0.05)
        os.rmdir(self.path)
        proc.run(["umount", self.folder.path]).ok()
        self.folder.remove()
