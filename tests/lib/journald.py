# SPDX-License-Identifier: GPL-3.0-or-later
"""A systemd-journald of Debian in mounts of its own, and what is in its journal."""

import json
import os

from . import proc

PROGRAM = "/lib/systemd/systemd-journald"
# Audit is empty: it neither switches the kernel's audit on nor off.
CONFIG = """[Journal]
Storage=volatile
Audit=
ReadKMsg=no
ForwardToSyslog=no
ForwardToKMsg=no
ForwardToConsole=no
ForwardToWall=no
RateLimitIntervalSec=0
RuntimeMaxUse=16M
"""
SETUP = """set -e
mount -t tmpfs -o mode=755 tmpfs /run
mkdir -p /run/systemd/journal /run/log/journal
mount -t tmpfs -o mode=755 tmpfs /etc/systemd
cat >/etc/systemd/journald.conf <"$1"
[ -z "$2" ] || mount -t tmpfs -o "size=$3,mode=750,uid=$4,gid=$4" tmpfs "$2"
exec {program}
"""


def why_not():
    """Why there can be none here; None: there can."""
    if not os.path.exists(PROGRAM):
        return f"not installed: {PROGRAM} (scripts/setup.sh test)"
    if os.geteuid() != 0:
        return "journald in mounts of its own needs root"
    return None


class Journald:
    """pid is that of journald: nsenter -t PID -m is in its mounts. At small, if given, a
    tmpfs of so few octets is mounted there, for uid."""

    def __init__(self, small=None, octets=0, uid=0):
        self.folder = proc.Folder("journald")
        config = self.folder.write("journald.conf", CONFIG)
        self.log = self.folder("log")
        self.daemon = proc.Daemon(
            ["unshare", "-m", "--propagation", "private", "sh", "-c",
             SETUP.format(program=PROGRAM), "sh", config, small or "", str(octets), str(uid)],
            self.log)
        self.pid = self.daemon.pid
        try:
            proc.wait_until("journald", lambda: os.path.exists(
                self.path("/run/systemd/journal/socket")), process=self.daemon.process,
                log=self.log)
        except BaseException:
            self.stop()
            raise

    def path(self, inside):
        """Of a file in its mounts."""
        return f"/proc/{self.pid}/root{inside}"

    def entries(self, *matches):
        """What journalctl reads of those that match."""
        done = proc.run(["journalctl", "-D", self.path("/run/log/journal"), "-o", "json", "-a",
                         "--no-pager", *matches])
        return [json.loads(line) for line in done.ok().out.splitlines()]

    def wait(self, count, *matches):
        """At least so many entries that match."""
        proc.wait_until("entries of the journal",
                        lambda: len(self.entries(*matches)) >= count, log=self.log)
        return self.entries(*matches)

    def stop(self):
        self.daemon.stop()
        self.folder.remove()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.stop()
