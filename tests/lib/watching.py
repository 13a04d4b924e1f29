# SPDX-License-Identifier: GPL-3.0-or-later
"""An instance that lsawatch watches, and what it has found."""

import time

from . import instance, proc


class Watch:
    """lsawatch behind a socket; keeper plays the part of lsaiso before it."""

    def __init__(self, path, keeper="lsaiso"):
        self.path, self.keeper = path, keeper

    def call(self, method, **parameters):
        return instance.call(self.path, f"watch.{method}", **parameters)

    def status(self):
        return self.call("Status")

    def findings(self, after=0):
        """All kept ones with a number above after."""
        got = []
        while True:
            more = self.call("Findings", after=got[-1]["number"] if got else after)["findings"]
            if not more:
                return got
            got += more

    def last(self):
        """Number of the latest finding, 0: none."""
        found = self.findings()
        return found[-1]["number"] if found else 0

    def wait(self, rule, after, seconds=2.0, **members):
        """The first finding of rule above number after whose members are so; actor=PID is
        the pid of its actor, part="lsaiso" whoever plays it. Fails after seconds."""
        limit = proc.Limit(seconds)
        while True:
            found = self.findings(after)
            for one in found:
                if one["rule"] == rule and all(self._is(one, k, v) for k, v in members.items()):
                    return one
            if limit.over():
                raise proc.Failed(f"no {rule} {members} within {seconds} s; found: {found}")
            time.sleep(0.05)

    def _is(self, finding, name, value):
        if name == "actor":
            return finding.get("actor", {}).get("pid") == value
        if (name, value) == ("part", "lsaiso"):
            value = self.keeper
        return finding.get(name) == value

    def alarms(self, after=0):
        """Those above info that are about our own processes: what others do on this machine
        (a program that traces, say) is no business of a test."""
        return [one for one in self.findings(after)
                if one["severity"] != "info" and "part" in one]

    def verdict(self, row):
        return {one["name"]: one["verdict"] for one in self.status()["rows"]}[row]


class WatchedInstance(instance.Instance):
    """With [watch] mode = required; self.watch asks lsawatch."""

    def __init__(self, realm, settings=None, **more):
        settings = {name: dict(keys) for name, keys in (settings or {}).items()}
        settings.setdefault("watch", {}).setdefault("mode", "required")
        super().__init__(realm, settings, **more)
        self.watch = Watch(self.folder("run", "watch.sock"), instance.KEEPERS[self.level])
        self.watch.status()  # lsainit has the socket; this waits for who answers

    def pid(self, name):
        """The same, but of lsaiso who plays it on this machine: that is who is watched."""
        return instance.named(self.pids, instance.KEEPERS[self.level] if name == "lsaiso"
                              else name)
