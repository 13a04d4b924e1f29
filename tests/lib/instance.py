# SPDX-License-Identifier: GPL-3.0-or-later
"""A whole private lsaiso instance: `lsainit --config FILE` from the build folder."""

import json
import os
import re
import socket

from . import kcm, proc
from .peers import SOCKET_NAME

# Numeric users that nobody has, so that nothing needs to be added to the host.
LSAISO_UID, LSASS_UID, LSAWATCH_UID = 64301, 64302, 64303


HERE = os.path.dirname(os.path.abspath(__file__))


def build_folder():
    return os.path.abspath(os.environ.get("LSAISO_BUILD")
                           or os.path.join(HERE, "..", "..", "build"))


def program(name):
    return os.path.join(build_folder(), name, name)


def built():
    return all(os.path.exists(program(n)) for n in ("lsainit", "lsaiso", "lsass"))


LEVELS = ("process", "vm", "hypervisor")
# Who plays the part of lsaiso in the eyes of lsainit and of a thief; at level
# hypervisor it is on the host.
KEEPERS = {"process": "lsaiso", "vm": "lsavmm", "hypervisor": "lsalink"}


def level():
    """The isolation level that instances get unless their settings say otherwise."""
    name = os.environ.get("LSAISO_LEVEL") or "process"
    if name not in LEVELS:
        raise proc.Failed(f"LSAISO_LEVEL: {name!r} is none of {', '.join(LEVELS)}")
    return name


def why_not(name):
    """Why there can be no instance of that level here; None: there can."""
    if name == "hypervisor" and not os.path.exists(program("lsaiso-host")):
        return f"level hypervisor: not built: {program('lsaiso-host')}"
    if name != "vm":
        return None
    try:
        os.close(os.open("/dev/kvm", os.O_RDWR | os.O_CLOEXEC))
        return None
    except OSError as e:
        return f"level vm: /dev/kvm: {e.strerror}"


def sanitized():
    """Built with AddressSanitizer: freed memory is kept for a while on purpose."""
    with open(program("lsass"), "rb") as f:
        return b"__asan_init" in f.read()


def config_text(sections, settings):
    if os.geteuid() == 0:
        sections["run"] |= {"lsaiso_user": LSAISO_UID, "lsass_user": LSASS_UID,
                            "lsawatch_user": LSAWATCH_UID}
    for name, keys in settings.items():
        sections.setdefault(name, {}).update(keys)
    return "".join(f"[{name}]\n" + "".join(f"{k} = {v}\n" for k, v in keys.items())
                   for name, keys in sections.items())


def named(pids, name):
    """The first of pids whose program is called so."""
    for pid in pids:
        try:
            with open(f"/proc/{pid}/comm", encoding="ascii") as f:
                if f.read().strip() == name:
                    return pid
        except OSError:
            continue
    return None


def call(path, method, **parameters):
    """One call of org.lsaiso.METHOD on the socket at path; returns the parameters of its reply."""
    with socket.socket(socket.AF_UNIX) as s:
        s.settimeout(20 * proc.SLOW)
        s.connect(path)
        s.sendall(json.dumps({"method": f"org.lsaiso.{method}",
                              "parameters": parameters}).encode() + b"\0")
        got = b""
        while not got.endswith(b"\0"):
            more = s.recv(65536)
            if not more:
                raise proc.Failed(f"{path}: closed after {got!r}")
            got += more
    reply = json.loads(got[:-1])
    if "error" in reply:
        raise proc.Failed(f"{method}: {reply}")
    return reply["parameters"]


class Host:
    """The hypervisor's host beside a guest: a lsainit that serves it, without
    anything of a virtual machine. It can be started and stopped again and again."""

    # What the administrator of the host decides; the guest's settings of the same name do not
    # matter.
    POLICY = {"tgs": ("rate", "burst"), "krb5": ("rc4",), "ntlm": ("mode", "targets"),
              "logon": ("offline",), "delegation": ("forward", "s4u"), "seal": None,
              "isolation": ("memory",)}

    def __init__(self, folder):
        self.folder, self.log = folder, os.path.join(folder, "log")
        self.socket = os.path.join(folder, "guest.sock")
        self.file = os.path.join(folder, "host.conf")
        self.admin = os.path.join(folder, "run", "admin.sock")
        self.daemon = None
        self.settings = {}

    def divide(self, settings):
        """Write our part of an instance's settings; returns the guest's."""
        mine, guests = {}, {name: dict(keys) for name, keys in settings.items()}
        for name, keys in self.POLICY.items():
            for key in keys or list(guests.get(name, {})):
                if key in guests.get(name, {}):
                    mine.setdefault(name, {})[key] = guests[name][key]
                    if name in ("seal", "isolation"):
                        del guests[name][key]
        guests.setdefault("isolation", {}).setdefault("channel", f"unix:{self.socket}")
        self.write(mine)
        return guests

    def write(self, settings):
        text = config_text({
            "run": {"directory": os.path.join(self.folder, "run"), "serves": "guest"},
            "isolation": {"level": "process"},
            "host": {"directory": os.path.join(self.folder, "host")},
            "state": {"directory": os.path.join(self.folder, "state")},
            "watch": {"mode": "off"},
            "admin": {"socket": self.admin},
            "guest": {"socket": self.socket, "connects": 100},
        }, settings)
        with open(self.file, "w", encoding="utf-8") as f:
            f.write(text)
        os.chmod(self.file, 0o644)

    def start(self):
        self.daemon = proc.Daemon([program("lsainit"), "--config", self.file], self.log)
        proc.wait_until("the host's lsainit", lambda: proc.socket_answers(self.socket),
                        process=self.daemon.process, log=self.log)
        return self

    def running(self):
        return self.daemon is not None and self.daemon.running()

    @property
    def pids(self):
        return [self.daemon.pid, *proc.descendants(self.daemon.pid)] if self.running() else []

    def pid(self, name):
        return named(self.pids, name)

    def stop(self):
        """In order, and everything with it."""
        if self.daemon is None:
            return
        code = self.daemon.stop()
        self.daemon = None
        assert code == 0, f"the host's lsainit ended with {code}\n{proc.tail(self.log)}"


def lsactl(inst, *arguments, who=None, stdin=""):
    """Of an instance: as a User of it, or as who runs the tests."""
    argv = [program("lsactl"), *arguments, "--config", inst.file]
    return proc.run(who.argv(argv) if who else argv, env=inst.env(), stdin=stdin)


class Instance:
    """Same face as a peer of peers.py: socket, env(), pids, folders, stop()."""

    name = "lsaiso"

    def __init__(self, realm, settings=None, start=True, kdc=None, network=None, mounts=None):
        """network, mounts: pid of a process whose network, or whose mounts, are its own (not
        at level hypervisor)."""
        self.realm, self.network, self.mounts = realm, network, mounts
        self.level = (settings or {}).get("isolation", {}).get("level") or level()
        self.folder = proc.Folder("instance")
        self.daemon = self.far = None
        self.socket = os.path.join(self.folder.make("kcm"), SOCKET_NAME)
        self.admin = self.folder("run", "admin.sock")
        self.state = self.folder.make("state", mode=0o700, owner=LSASS_UID)
        self.folder.make("run")
        tag = os.path.basename(self.folder.path)
        self.config = realm.write_config(f"krb5-{tag}.conf", kcm_socket=self.socket, kdc=kdc)
        # What lsass itself uses: the same realms, its own resolver of nothing.
        self.lsass_krb5 = self.config
        self.file = self.write_config(settings or {})
        try:
            if start:
                self.start()
        except BaseException:
            self.stop()
            raise

    def write_config(self, settings):
        if self.level == "hypervisor":
            self.far = self.far or Host(self.folder.make("far"))
            settings = self.far.divide(settings)
        sections = {
            "run": {"directory": self.folder("run")},
            "kcm": {"socket": self.socket},
            "admin": {"socket": self.admin},
            "state": {"directory": self.state},
            "isolation": {"level": self.level},
            "host": {"directory": self.folder("host")},
            "krb5": {"config": self.lsass_krb5},
            "logon": {"keytab": self.folder("no-keytab")},
            # Tests that are not about it go without; LSAISO_WATCH=required: all with it.
            "watch": {"mode": os.environ.get("LSAISO_WATCH") or "off",
                      "directory": self.folder("watch")},
        }
        return self.folder.write("lsaiso.conf", config_text(sections, settings))

    def start(self, **env):
        if self.far and not self.far.running():
            self.far.start()
        self.log = self.folder("log")
        argv = [program("lsainit"), "--config", self.file]
        if self.network is not None:
            argv = ["nsenter", "-t", str(self.network), "-n", *argv]
        if self.mounts is not None:
            argv = ["nsenter", "-t", str(self.mounts), "-m", *argv]
        self.daemon = proc.Daemon(argv, self.log, env=proc.clean_env(**env))
        proc.wait_until("lsainit", self.answers, process=self.daemon.process, log=self.log)
        return self

    def answers(self):
        try:
            with kcm.Kcm(self.socket, timeout=5) as k:
                k.noop()
            return True
        except (OSError, kcm.KcmError):
            return False

    def stop(self):
        """Ends it; complains about a process that stays or a bad exit."""
        left = []
        code = 0
        if self.daemon:
            ours = [self.daemon.pid, *proc.descendants(self.daemon.pid)]
            started = {p: proc.start_time(p) for p in ours}
            if self.daemon.running():
                self.terminate()
            try:
                code = self.daemon.process.wait(15 * proc.SLOW)
            except Exception:  # it is killed below, and reported
                code = f"no end within {15 * proc.SLOW:.0f} s"
                self.daemon.process.kill()
                self.daemon.process.wait(5)
            left = [p for p in ours if proc.alive(p) and proc.start_time(p) == started[p]]
            proc.end_processes(left)
            self.daemon = None
        log = self.read_log()
        if self.far:
            self.far.stop()
        self.folder.remove()
        assert not left, f"processes left behind: {left}\n{log}"
        assert code == 0, f"lsainit ended with {code}\n{log}"

    def terminate(self):
        """A signal; where the guard refuses that, as the administrator does it."""
        try:
            self.daemon.process.terminate()
        except PermissionError:
            done = proc.run([program("lsactl"), "stop", "--config", self.file])
            assert done.code == 0, done.text

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.stop()

    def read_log(self):
        path = self.folder("log")
        if not os.path.exists(path):
            return ""
        with open(path, encoding="utf-8", errors="replace") as f:
            return f.read()

    # ---- using it

    def env(self, **more):
        return self.realm.env(config=self.config, **more)

    def kcm(self, **more):
        """A raw connection; uid=N for another user than the runner."""
        return kcm.Kcm(self.socket, **more)

    @property
    def pids(self):
        return [self.daemon.pid, *proc.descendants(self.daemon.pid)]

    @property
    def folders(self):
        return [self.folder.path]

    def pid(self, name):
        """Of lsainit, lsaiso (whoever plays it at this level) or lsass: by name, among
        our own children, or those of the host. None: not running."""
        if self.far and name == "lsaiso":
            return self.far.pid(name)
        return named(self.pids, KEEPERS[self.level] if name == "lsaiso" else name)

    def linked(self):
        """The way to lsaiso is open (again): over the link, or its machine has come up.
        Level process: at once."""
        if self.level != "process":
            proc.wait_until("lsaiso", lambda: self.call("Status")["lsaiso"], log=self.log)
        return self

    def call(self, method, **parameters):
        """One call on the admin socket; returns the parameters of its reply."""
        return call(self.admin, method, **parameters)

    def log_has(self, pattern):
        return re.search(pattern, self.read_log()) is not None
