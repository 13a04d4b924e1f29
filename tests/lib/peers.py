# SPDX-License-Identifier: GPL-3.0-or-later
"""The other KCM daemons, each in a mount namespace of its own, and Heimdal's programs.

A peer has `.socket` (for kcm_socket of krb5.conf), `.pids` (whose memory may
hold secrets) and `.folders` (whose files may).
"""

import os
import shlex

from . import proc
from .services import in_private_mounts

SOCKET_NAME = ".heim_org.h5l.kcm-socket"


def heimdal_folder():
    cache = os.environ.get("XDG_CACHE_HOME") or os.path.expanduser("~/.cache")
    return os.path.join(cache, "lsaiso", "heimdal")


def heimdal(name):
    """Path of one of Heimdal's programs as scripts/setup.sh unpacked it, or None."""
    for where in (f"usr/sbin/{name}", f"usr/lib/heimdal-servers/{name}",
                  f"usr/bin/{name}.heimdal", f"usr/bin/{name}"):
        path = os.path.join(heimdal_folder(), where)
        if os.path.exists(path):
            return path
    return None


def heimdal_client(name, *arguments, kcm):
    """argv that runs one of Heimdal's programs with the KCM socket of kcm.

    Its socket's path is compiled in, so the folder of the socket, which must
    be named SOCKET_NAME, becomes /run for this one program.
    """
    path = heimdal(name)
    if not path:
        raise proc.Failed(f"Heimdal's {name} is not unpacked (scripts/setup.sh test)")
    assert os.path.basename(kcm.socket) == SOCKET_NAME
    script = f"mount --bind {shlex.quote(os.path.dirname(kcm.socket))} /run"
    # One program that looks at its first argument, for some of them.
    inside = [name] if os.path.basename(os.path.realpath(path)) == "heimtools" else []
    return in_private_mounts(script, [os.path.realpath(path), *inside, *arguments])


class Peer:
    name = "peer"

    def __init__(self, realm):
        self.realm = realm
        self.folder = proc.Folder(self.name)
        self.daemon = None
        try:
            self.start()
        except BaseException:
            self.stop()
            raise
        self.config = realm.write_config(f"krb5-{self.name}.conf", kcm_socket=self.socket)

    def start(self):
        raise NotImplementedError

    def env(self, **more):
        return self.realm.env(config=self.config, **more)

    def launch(self, argv, env):
        self.log = self.folder("out")
        self.daemon = proc.Daemon(argv, self.log, env=env, cwd=self.folder.path)
        proc.wait_until(self.name, lambda: proc.socket_answers(self.socket),
                        process=self.daemon.process, log=self.log)

    @property
    def pids(self):
        return [self.daemon.pid, *proc.descendants(self.daemon.pid)]

    @property
    def folders(self):
        return [self.folder.path]

    def stop(self):
        if self.daemon:
            self.daemon.stop()
            self.daemon = None
        self.folder.remove()


class HeimdalKcm(Peer):
    name = "heimdal-kcm"

    def start(self):
        kcm = heimdal("kcm")
        if not kcm:
            raise proc.Failed("Heimdal's kcm is not unpacked (scripts/setup.sh test)")
        run = self.folder.make("run")
        self.socket = os.path.join(run, SOCKET_NAME)
        self.launch(in_private_mounts(f"mount --bind {shlex.quote(run)} /run",
                                      [kcm, "--max-request=1000000"]),
                    env=self.realm.env())


class SssdKcm(Peer):
    """sssd-kcm with its database on disk, as Debian ships it."""

    name = "sssd-kcm"

    def start(self):
        if not os.path.exists("/usr/libexec/sssd/sssd_kcm"):
            raise proc.Failed("sssd-kcm is not installed (scripts/setup.sh test)")
        f = self.folder
        run = f.make("run")
        self.socket = os.path.join(run, SOCKET_NAME)
        state = f.make("lib")
        for name in ("db", "secrets", "mc", "pipes", "pipes/private", "pubconf"):
            f.make("lib", name, mode=0o700)
        log = f.make("log")
        etc = f.make("etc")
        f.write("etc/sssd.conf", f"""[sssd]
services =
domains = none
[domain/none]
id_provider = files
[kcm]
socket_path = {self.socket}
""", mode=0o600)
        quoted = {k: shlex.quote(v)
                  for k, v in dict(run=run, state=state, log=log, etc=etc).items()}
        script = (f"mount --bind {quoted['etc']} /etc/sssd && "
                  f"mount --bind {quoted['state']} /var/lib/sss && "
                  f"mount --bind {quoted['log']} /var/log/sssd && "
                  f"/usr/sbin/sssd --genconf")
        self.launch(in_private_mounts(script, ["/usr/libexec/sssd/sssd_kcm", "--uid", "0", "--gid",
                                               "0", "--logger=files"]),
                    env=self.realm.env())
