# SPDX-License-Identifier: GPL-3.0-or-later
"""People at the keyboard: numeric users that the host does not know, so that
each test can have a KCM collection of its own in one running instance."""

import contextlib
import ctypes
import itertools
import os
import shlex

from . import proc
from .services import in_private_mounts

SYS_SETRESUID = 117  # x86-64
KEEP = -1

_libc = ctypes.CDLL(None, use_errno=True)
_uids = itertools.count(64400)


def _set_euid(uid):
    # The bare call changes this thread only; glibc's would change all.
    if _libc.syscall(SYS_SETRESUID, KEEP, uid, KEEP):
        raise OSError(ctypes.get_errno(), "setresuid")


@contextlib.contextmanager
def effective(uid):
    """Be uid, in this thread: what SO_PEERCRED reports of a connect()."""
    if uid is None or uid == os.geteuid():
        yield
        return
    before = os.geteuid()
    _set_euid(uid)
    try:
        yield
    finally:
        _set_euid(before)


def fresh_uid():
    """A uid that no other test of this run has; the runner's own if not root."""
    return next(_uids) if os.geteuid() == 0 else os.geteuid()


class User:
    """Runs programs as uid with a daemon's krb5.conf (an Instance or a Peer)."""

    def __init__(self, daemon, uid=None):
        self.daemon, self.realm = daemon, daemon.realm
        self.uid = fresh_uid() if uid is None else uid
        self.config = daemon.config
        self._passwd = None

    def env(self, **more):
        return {**self.realm.env(config=self.config), **more}

    def argv(self, argv):
        if self.uid == os.geteuid():
            return argv
        return ["setpriv", f"--reuid={self.uid}", f"--regid={self.uid}", "--clear-groups",
                "--inh-caps=-all", *argv]

    def run(self, *argv, stdin="", timeout=proc.PATIENCE, **env):
        return proc.run(self.argv(list(argv)), env=self.env(**env), stdin=stdin, timeout=timeout)

    def run_named(self, *argv, **env):
        """For programs that insist on a name of their user (ssh)."""
        if self.uid == os.geteuid():
            return self.run(*argv, **env)
        passwd = self.realm.folder.write(f"passwd-{self.uid}", "root:x:0:0:root:/root:/bin/sh\n"
                                         f"alice:x:{self.uid}:{self.uid}:alice:/:/bin/sh\n")
        script = f"mount --bind {shlex.quote(passwd)} /etc/passwd"
        return proc.run(in_private_mounts(script, self.argv(list(argv))), env=self.env(**env))

    def traced(self, *argv, stdin=""):
        """(result, what libkrb5 wrote to KRB5_TRACE)"""
        path = os.path.join(self.realm.folder.make("traces", mode=0o777), f"{self.uid}")
        with open(path, "w", encoding="utf-8"):
            os.chmod(path, 0o666)
        result = self.run(*argv, stdin=stdin, KRB5_TRACE=path)
        with open(path, encoding="utf-8", errors="replace") as f:
            return result, f.read()

    def kinit(self, name="alice", *options, password=None, **env):
        from .realm import PASSWORDS
        word = PASSWORDS[name] if password is None else password
        return self.run("kinit", *options, name, stdin=word + "\n", **env)

    def kvno(self, *arguments, **env):
        return self.run("kvno", *arguments, **env)

    def klist(self, *options, **env):
        return self.run("klist", *options, **env)

    def services(self, **env):
        """The service principals of the default cache, in order."""
        listed = self.klist(**env).ok().out.splitlines()
        return [line.split()[4] for line in listed
                if len(line.split()) >= 5 and line[:1].isdigit()]

    def kcm(self, **more):
        from . import kcm
        return kcm.Kcm(self.daemon.socket, uid=self.uid, **more)
