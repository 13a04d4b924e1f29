# SPDX-License-Identifier: GPL-3.0-or-later
"""
The columns of the tables: our broker, the other KCM daemons, and the library's own cache types.

Daemons are started by the helpers that the interop tests use, with the limits taken off that a
benchmark would run into and everything else as shipped.
"""

import os
import shutil
import subprocess
import tempfile

from lib import instance, peers, proc, realm

UID = 64390   # whose caches they all are; nobody's on the host


def package_version(package):
    out = proc.run(["dpkg-query", "-W", "-f", "${Version}", package])
    return out.out.strip() if out.code == 0 else ""


class Target:
    daemon = True    # a KCM daemon, not a cache type of the library
    fills = False    # a sample fills its cache itself: nothing outlives the process (MEMORY)

    def __init__(self, name, start, version):
        self.name = name
        self.slow = name.startswith("sssd")   # 64 clients wait for seconds: not with --quick
        self.version = version
        self.server = start()
        self.config = self.server.config
        os.chmod(self.server.socket, 0o777)

    def cache(self, name):
        return f"KCM:{UID}:{name}"

    def pid(self):
        """Whose memory holds the caches."""
        return self.server.pid("lsass") if self.name == "lsass" else self.server.daemon.pid

    def pids(self):
        """Who works for a request."""
        if self.name == "lsass":
            return [self.server.pid("lsass"), self.server.pid("lsaiso")]
        return [self.server.daemon.pid]

    def stop(self):
        self.server.stop()


class LibraryTarget:
    daemon = False
    slow = False

    def __init__(self, name, test_realm):
        self.name = name
        self.fills = name == "MEMORY"
        self.version = "libkrb5 " + package_version("libkrb5-3")
        self.folder = proc.Folder(name)
        if os.geteuid() == 0:
            os.chown(self.folder.path, UID, UID)
        self.config = test_realm.config

    def cache(self, name):
        return f"MEMORY:{name}" if self.fills else f"FILE:{self.folder(name)}"

    def stop(self):
        self.folder.remove()


class Sssd(peers.SssdKcm):
    """Without quotas, which would refuse 1,000 tickets and 10,000 caches. Sizes are in KiB."""

    more = "max_ccaches = 0\nmax_uid_ccaches = 1000000\nmax_ccache_size = 1000000\n"

    def launch(self, argv, env):
        with open(self.folder("etc/sssd.conf"), "a", encoding="ascii") as f:
            f.write(self.more)
        super().launch(argv, env)


class SssdMemory(Sssd):
    """Its other storage, which forgets at every restart: what its disk costs."""

    name = "sssd-kcm-memory"
    more = Sssd.more + "ccache_storage = memory\n"


# One user makes all the load here; a user in life is limited to less.
LSASS_SETTINGS = {"tgs": {"rate": 1000000, "burst": 1000000},
                  "limits": {"caches_per_user": 20000}}


class Broker(instance.Instance):
    """Its state folder is on a tmpfs, as the default, in /run, is; build machines may have a
    plain folder there, so it is /dev/shm here."""

    def __init__(self, test_realm):
        self.memory = tempfile.mkdtemp(prefix="lsaiso-state-", dir="/dev/shm")
        os.chmod(self.memory, 0o700)
        if os.geteuid() == 0:
            os.chown(self.memory, instance.LSASS_UID, instance.LSASS_UID)
        super().__init__(test_realm, {**LSASS_SETTINGS, "state": {"directory": self.memory}})

    def stop(self):
        try:
            super().stop()
        finally:
            shutil.rmtree(self.memory, ignore_errors=True)


def heimdal_version():
    path = peers.heimdal("kcm")
    out = proc.run([path, "--version"]).text.splitlines() if path else []
    return out[0].strip() if out else ""


def start_all(test_realm, build, wanted):
    """Everything that can be had here. Returns (targets, {name: why it is missing})."""
    def ours():
        if not instance.built():
            raise proc.Failed(f"lsainit, lsaiso and lsass are not built in {build}")
        return Broker(test_realm)

    def version():
        out = subprocess.run(["git", "-C", os.path.dirname(__file__), "describe", "--always",
                              "--dirty"], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL,
                             text=True, check=False)
        return out.stdout.strip()

    makers = {
        "lsass": lambda: Target("lsass", ours, version()),
        "heimdal": lambda: Target("heimdal", lambda: peers.HeimdalKcm(test_realm),
                                  heimdal_version()),
        "sssd": lambda: Target("sssd", lambda: Sssd(test_realm), package_version("sssd-kcm")),
        "sssd-mem": lambda: Target("sssd-mem", lambda: SssdMemory(test_realm),
                                   package_version("sssd-kcm")),
        "FILE": lambda: LibraryTarget("FILE", test_realm),
        "MEMORY": lambda: LibraryTarget("MEMORY", test_realm),
    }
    targets, missing = [], {}
    for name, make in makers.items():
        if wanted and name not in wanted:
            continue
        if name in ("heimdal", "sssd", "sssd-mem") and os.geteuid() != 0:
            missing[name] = "a mount namespace of its own needs root"
            continue
        try:
            targets.append(make())
        except (proc.Failed, AssertionError) as e:
            missing[name] = " ".join(str(e).split())
    return targets, missing


def make_realm():
    """The test realms; the client user may read alice's keytab."""
    made = realm.Realm()
    os.chmod(made.folder("keytabs", "alice"), 0o644)
    return made
