# SPDX-License-Identifier: GPL-3.0-or-later
"""A machine on which people log in with pam_lsa: /etc with accounts, services
and configuration of its own, and the built module among PAM's, in a mount
namespace that each program of it gets."""

import glob
import json
import os
import pty
import select
import shlex
import shutil
import signal
import sys
import time

from . import instance, proc, users
from .services import in_private_mounts

HERE = os.path.dirname(os.path.abspath(__file__))
APP = os.path.join(HERE, "pamapp.py")
MODULE = "pam/pam_lsa.so"
PLAIN = ("auth", "account", "password", "session")


def module():
    return os.path.join(instance.build_folder(), MODULE)


class Machine:
    """daemon: the Instance that its lsaiso.conf names."""

    def __init__(self, daemon):
        self.daemon, self.realm = daemon, daemon.realm
        self.folder = proc.Folder("machine")
        self.uids = {}
        self.etc = self.folder("etc")
        shutil.copytree("/etc", self.etc, symlinks=True)
        self.modules = os.path.dirname(glob.glob("/usr/lib/*/security/pam_unix.so")[0])
        shutil.copytree(self.modules, self.folder("security"))
        shutil.copy(module(), self.folder("security"))
        self.put("krb5.conf", daemon.config)
        self.put("lsaiso/lsaiso.conf", daemon.file)
        self.write("nsswitch.conf", "passwd: files\ngroup: files\nshadow: files\nhosts: files\n")
        self.write("shadow", "root:*:19000:0:99999:7:::\n", mode=0o640)
        self.keep = [line for line in self.read("passwd").splitlines()
                     if line.split(":")[0] in ("root", "sshd", "nobody")]
        self.write("passwd", "".join(line + "\n" for line in self.keep))

    def close(self):
        self.folder.remove()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    # ---- its files

    def put(self, name, path):
        with open(path, encoding="utf-8") as f:
            self.write(name, f.read())

    def read(self, name):
        with open(os.path.join(self.etc, name), encoding="utf-8") as f:
            return f.read()

    def write(self, name, text, mode=0o644):
        path = os.path.join(self.etc, name)
        os.makedirs(os.path.dirname(path), exist_ok=True)
        if os.path.lexists(path):
            os.unlink(path)
        with open(path, "w", encoding="utf-8") as f:
            f.write(text)
        os.chmod(path, mode)

    def account(self, name, local=None, uid=None):
        """An account; local: its password in /etc/shadow."""
        uid = users.fresh_uid() if uid is None else uid
        self.uids[name] = uid
        hashed = "*"
        if local:
            hashed = proc.run(["openssl", "passwd", "-6", "-stdin"], stdin=local).ok().out.strip()
        self.write("passwd", self.read("passwd") + f"{name}:x:{uid}:{uid}:{name}:/:/bin/sh\n")
        self.write("shadow", self.read("shadow") + f"{name}:{hashed}:19000:0:99999:7:::\n",
                   mode=0o640)
        return uid

    def service(self, name, *options, lines=None, **more):
        """A service of pam_lsa alone, or of lines."""
        if lines is None:
            lines = [f"{kind} required pam_lsa.so {' '.join((*options, more.get(kind, '')))}"
                     for kind in PLAIN]
        self.write(f"pam.d/{name}", "".join(line + "\n" for line in lines))
        return name

    def enable(self):
        """Our profile, by Debian's own tool, into the common-* files."""
        profiles = self.folder.make("pam-configs")
        shutil.copytree("/usr/share/pam-configs", profiles, dirs_exist_ok=True)
        shutil.copy(os.path.join(HERE, "..", "..", "packaging", "pam-configs", "lsaiso"), profiles)
        state = self.folder.make("pam-state")
        script = "".join(f" && mount --bind {shlex.quote(a)} {b}" for a, b in (
            (profiles, "/usr/share/pam-configs"), (state, "/var/lib/pam")))
        return proc.run(self.argv(["pam-auth-update", "--package", "--force"], script=script),
                        env=proc.clean_env(DEBIAN_FRONTEND="noninteractive"))

    # ---- programs on it

    def argv(self, argv, user=None, script=""):
        binds = [(self.etc, "/etc"), (self.folder("security"), self.modules)]
        mounts = " && ".join(f"mount --bind {shlex.quote(a)} {shlex.quote(b)}" for a, b in binds)
        if user is not None:
            uid = self.uids[user]
            argv = ["setpriv", f"--reuid={uid}", f"--regid={uid}", "--clear-groups",
                    "--inh-caps=-all", *argv]
        return in_private_mounts(mounts + script, argv)

    def run(self, *argv, user=None, stdin="", timeout=proc.PATIENCE, **env):
        return proc.run(self.argv(list(argv), user), env=proc.clean_env(**env), stdin=stdin,
                        timeout=timeout)

    def tester(self, service, user, *operations, words=(), **more):
        """pamtester."""
        return self.run("pamtester", service, user, *operations,
                        stdin="".join(w + "\n" for w in words), **more)

    def app(self, service, user, *steps, words=(), runs_as=None, **more):
        """pamapp.py: [{step, code, env, ...}]"""
        done = self.run(sys.executable, APP, service, user, *steps, user=runs_as,
                        stdin="".join(w + "\n" for w in words), **more).ok()
        return [json.loads(line) for line in done.out.splitlines()]

    def codes(self, *arguments, **more):
        """pamapp.py: step -> code; a later step of the same name counts."""
        return {one["step"]: one["code"] for one in self.app(*arguments, **more)}

    # ---- what is left of it

    def sessions(self, user):
        return self.daemon.call("ListSessions", uid=self.uids[user])["sessions"]

    def caches(self, user):
        return self.daemon.call("ListCaches", uid=self.uids[user])["caches"]

    def terminal(self, *argv, **env):
        return Terminal(self.argv(list(argv)), proc.clean_env(**env))


class Sshd:
    """OpenSSH with UsePAM on such a machine."""

    def __init__(self, machine):
        self.folder, self.port = proc.Folder("pam-sshd"), proc.free_port()
        self.log = self.folder("log")
        f = self.folder
        proc.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", f("hostkey")]).ok()
        machine.service("sshd", lines=[f"{kind} required pam_lsa.so" for kind in PLAIN])
        config = f.write("sshd_config", f"""Port {self.port}
ListenAddress 127.0.0.1
HostKey {f("hostkey")}
PidFile none
UsePAM yes
PasswordAuthentication yes
KbdInteractiveAuthentication yes
PubkeyAuthentication no
PrintMotd no
PrintLastLog no
UseDNS no
LogLevel DEBUG1
""")
        script = " && mount -t tmpfs tmpfs /run && mkdir -m 755 /run/sshd"
        self.daemon = proc.Daemon(machine.argv(["/usr/sbin/sshd", "-D", "-e", "-f", config],
                                               script=script), self.log)
        try:
            proc.wait_until("sshd", lambda: proc.port_answers(self.port),
                            process=self.daemon.process, log=self.log)
        except BaseException:
            self.close()
            raise

    def close(self):
        self.daemon.stop()
        self.folder.remove()

    def run(self, user, words, way, command):
        """words: the password, or the answers one after the other."""
        words = [words] if isinstance(words, str) else words
        answers = self.folder.write("answers", "".join(w + "\n" for w in words), mode=0o600)
        # Each question takes the first of the answers that are left.
        ask = self.folder.write("ask", f"#!/bin/sh\nhead -n 1 {answers}\n"
                                f"sed -i 1d {answers}\n", mode=0o755)
        return proc.run(["ssh", "-F", "none", "-p", str(self.port), "-l", user,
                         "-o", "StrictHostKeyChecking=no", "-o", "UserKnownHostsFile=/dev/null",
                         "-o", "GlobalKnownHostsFile=/dev/null", "-o", "LogLevel=ERROR",
                         "-o", "NumberOfPasswordPrompts=1", "-o", "ConnectTimeout=20",
                         "-o", f"PreferredAuthentications={way}", "127.0.0.1", command],
                        env=proc.clean_env(SSH_ASKPASS=ask, SSH_ASKPASS_REQUIRE="force"))


class Terminal:
    """A program on a terminal of its own, and somebody who types."""

    def __init__(self, argv, env):
        self.text, self.at, self.status = "", 0, None
        self.pid, self.fd = pty.fork()
        if self.pid == 0:
            try:
                os.execvpe(argv[0], argv, env)
            finally:
                os._exit(127)

    def _more(self, end):
        ready, _, _ = select.select([self.fd], [], [], max(0.0, end - time.monotonic()))
        if not ready:
            return False
        try:
            octets = os.read(self.fd, 65536)
        except OSError:  # the other end was closed
            return False
        self.text += octets.decode(errors="replace")
        return bool(octets)

    def expect(self, words, seconds=30):
        """Read until words; returns what came before them, since the last call."""
        end = time.monotonic() + seconds * proc.SLOW
        while words not in self.text[self.at:]:
            if not self._more(end):
                raise proc.Failed(f"{words!r} did not come:\n{self.text}")
        start, self.at = self.at, self.text.index(words, self.at) + len(words)
        return self.text[start:self.at - len(words)]

    def type(self, line):
        os.write(self.fd, line.encode() + b"\n")

    def close(self, seconds=20):
        """Read to the end; returns the exit status. It is killed if it does not end."""
        end = time.monotonic() + seconds * proc.SLOW
        while self._more(end):
            pass
        os.close(self.fd)  # hangs up
        try:
            proc.wait_until("the end of a program", self._gone, seconds)
        except proc.Failed:
            os.kill(self.pid, signal.SIGKILL)
            os.waitpid(self.pid, 0)
            raise
        return self.status

    def _gone(self):
        if self.status is None:
            pid, status = os.waitpid(self.pid, os.WNOHANG)
            self.status = os.waitstatus_to_exitcode(status) if pid else None
        return self.status is not None
