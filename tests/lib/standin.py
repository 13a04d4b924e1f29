# SPDX-License-Identifier: GPL-3.0-or-later
"""The real lsawatch in front of processes that do what lsaiso and lsass cannot be made to do.

tests/watch/standin.c has the words. A stand-in of lsaiso has a network, users and namespaces of
its own, as lsainit makes them; it only lacks a filter that would stop it.
"""

import os
import shutil
import subprocess

from . import instance, proc
from .watching import Watch


def program():
    return os.path.join(instance.build_folder(), "tests", "watch", "standin")


class StandIn:
    """with StandIn() as s: s.start("lsaiso"); s.tell("lsaiso", "socket tcp")"""

    def __init__(self, settings=None, krb5=None):
        self.folder = proc.Folder("standin")
        self.pids = {}
        sections = {
            "run": {"directory": self.folder("run")},
            "isolation": {"level": "process"},
            "state": {"directory": self.folder("state")},
            "watch": {"mode": "required", "socket": self.folder("watch.sock"),
                      "directory": self.folder.make("watch", owner=instance.LSAWATCH_UID)},
        }
        if krb5:
            sections["krb5"] = {"config": krb5}
        config = self.folder.write("lsaiso.conf", instance.config_text(sections, settings or {}))
        # Called as they are, so that other watches on this machine see one more instance.
        self.programs = {}
        for name in ("lsainit", "lsaiso", "lsass"):
            self.programs[name] = self.folder(name)
            shutil.copy(program(), self.programs[name])
            os.chmod(self.programs[name], 0o755)
        self.log = self.folder("log")
        with open(self.log, "wb") as log:
            self.process = subprocess.Popen(
                [self.programs["lsainit"], instance.program("lsawatch"), config,
                 self.folder("watch.sock"), self.programs["lsaiso"], self.programs["lsass"]],
                stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=log, text=True,
                env=proc.clean_env())
        self.watch = Watch(self.folder("watch.sock"))
        try:
            self._answer("lsawatch")
        except BaseException:
            self.stop()
            raise

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.stop()

    def stop(self):
        self.process.stdin.close()
        try:
            self.process.wait(20 * proc.SLOW)
        except subprocess.TimeoutExpired:
            proc.end_processes([*proc.descendants(self.process.pid), self.process.pid])
            self.process.wait()
        self.process.stdout.close()
        self.folder.remove()

    def _answer(self, what):
        line = self.process.stdout.readline().strip()
        if not line.startswith("ok"):
            raise proc.Failed(f"stand-in: {what}: {line}\n{proc.tail(self.log)}")
        return int(line[3:] or 0)

    def ask(self, line):
        self.process.stdin.write(line + "\n")
        self.process.stdin.flush()
        return self._answer(line)

    def start(self, part, *how):
        self.pids[part] = self.ask(" ".join(["start", part, *how]))
        return self.pids[part]

    def tell(self, part, deed):
        """Do it, and return the number that it answers."""
        return self.ask(f"tell {part} {deed}")

    def begin(self, part, deed):
        """Do it; it does not end, and there is no answer."""
        self.ask(f"begin {part} {deed}")

    def end(self, part):
        self.ask(f"end {part}")
