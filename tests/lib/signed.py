# SPDX-License-Identifier: GPL-3.0-or-later
"""An instance over copies of the programs, signed by a key of the test, in a mount
namespace of its own whose /etc is a copy, too; dpkg can upgrade it."""

import os
import shutil
import subprocess

from . import instance, proc
from .watching import WatchedInstance

SIGNED = ("lsainit", "lsaiso", "lsass", "lsawatch", "lsalink") + (
    ("lsavmm", "lsaiso-vm") if instance.level() == "vm" else ())
START = """
mount --make-rprivate /
mount --bind "$1" /etc
exec "$2" --config "$3"
"""


def lsasign(*args):
    done = subprocess.run([instance.program("lsasign"), *map(str, args)], text=True,
                          capture_output=True, check=False)
    assert done.returncode == 0, done.stderr


def built(name):
    """The image of the machine lies beside lsaiso."""
    return instance.program(name) if name != "lsaiso-vm" else os.path.join(
        os.path.dirname(instance.program("lsaiso")), name)


class Signed(WatchedInstance):
    """self.programs has what runs, self.keys who may sign it."""

    def __init__(self, realm, layers, watch=None, **launch):
        self.base, self.version = proc.Folder("signed"), 1
        self.programs = self.base.make("root", "programs")
        self.keys, self.etc = self.base.make("root", "keys"), self.base("etc")
        shutil.copytree("/etc", self.etc, symlinks=True, ignore_dangling_symlinks=True)
        for name in SIGNED:
            shutil.copy(built(name), self.of(name))
        lsasign("keygen", self.base("mine"))
        shutil.move(self.base("mine.pub"), self.keys)
        self.sign()
        settings = {"run": {"programs": self.programs}, "launch": {"keys": self.keys} | launch,
                    "watch": {"layers": layers} | (watch or {}), "isolation": {"guard": "off"}}
        try:
            super().__init__(realm, settings)
        except BaseException:
            self.base.remove()
            raise

    def write_config(self, settings):
        run = {"directory": self.folder("run")} | settings.pop("run")
        return super().write_config(settings | {"run": run})

    def of(self, name, programs=None):
        return os.path.join(programs or self.programs, name)

    def sign(self, programs=None, svn=1):
        manifest = self.of("manifest", programs)
        lsasign("manifest", "--version-of", "0.1.0", "--svn", svn, "--output", manifest,
                *[self.of(name, programs) for name in SIGNED])
        lsasign("sign", "--key", self.base("mine.key"), manifest)

    def start(self, **env):
        if self.far and not self.far.running():
            self.far.start()
        self.log = self.folder("log")
        argv = ["unshare", "-m", "--propagation", "unchanged", "sh", "-ec", START, "sh", self.etc,
                self.of("lsainit"), self.file]
        self.daemon = proc.Daemon(argv, self.log, env=proc.clean_env(**env))
        proc.wait_until("lsainit", self.answers, process=self.daemon.process, log=self.log)
        return self

    def inside(self, *argv):
        """Runs a command in its mount namespace; returns its process."""
        return subprocess.run(["nsenter", "-t", str(self.daemon.pid), "-m", *argv],
                              capture_output=True, text=True, check=True)

    def upgrade(self, spoil=lambda folder: None):
        """New, signed programs come in a package, by dpkg; spoil may change what is in it."""
        self.version += 1
        root, tree = self.base("root"), self.base(f"package-{self.version}")
        new = os.path.join(tree, "programs")
        os.makedirs(new)
        for name in SIGNED:
            shutil.copy(self.of(name), new)
            with open(os.path.join(new, name), "ab") as file:
                file.write(b"\0newer")
        self.sign(new)
        spoil(new)
        os.makedirs(os.path.join(tree, "DEBIAN"))
        with open(os.path.join(tree, "DEBIAN", "control"), "w", encoding="ascii") as file:
            file.write(f"Package: lsaiso-of-a-test\nVersion: {self.version}\nArchitecture: all\n"
                       "Maintainer: nobody <nobody@invalid>\n"
                       "Description: programs of a test\n")
        deb, admin = tree + ".deb", os.path.join(root, "var/lib/dpkg")
        proc.run(["dpkg-deb", "--build", "--root-owner-group", tree, deb]).ok()
        shutil.rmtree(tree)
        if not os.path.isdir(admin):
            for folder in ("updates", "info"):
                os.makedirs(os.path.join(admin, folder))
            for name in ("status", "available"):
                with open(os.path.join(admin, name), "w", encoding="ascii"):
                    pass
        proc.run(["dpkg", f"--root={root}", "--log=/dev/null", "-i", deb]).ok()
        os.unlink(deb)

    def stop(self):
        super().stop()
        self.base.remove()
