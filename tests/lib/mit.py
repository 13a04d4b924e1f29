# SPDX-License-Identifier: GPL-3.0-or-later
"""MIT krb5 of other releases than this one's, run from the folder where scripts/setup.sh
unpacked it, with the C library that it was built with."""

import glob
import os
import shutil

from . import proc

LIBS = ("usr/lib/x86_64-linux-gnu", "lib/x86_64-linux-gnu")


def unpacked(suite):
    cache = os.environ.get("XDG_CACHE_HOME") or os.path.expanduser("~/.cache")
    return os.path.join(cache, "lsaiso", f"krb5-{suite}")


class Mit:
    """Of one release; in a folder of its own, because root's is for root."""

    def __init__(self, suite):
        if not os.path.isdir(unpacked(suite)):
            raise proc.Failed(f"{unpacked(suite)}: not unpacked (scripts/setup.sh test)")
        self.folder = proc.Folder(f"krb5-{suite}")
        self.path = self.folder("root")
        shutil.copytree(unpacked(suite), self.path, symlinks=True)
        os.chmod(self.path, 0o755)

    def stop(self):
        self.folder.remove()

    @property
    def plugins(self):
        """For plugin_base_dir of krb5.conf: this machine's are of another version."""
        return os.path.join(self.path, LIBS[0], "krb5/plugins")

    def version(self):
        [library] = glob.glob(os.path.join(self.path, LIBS[0], "libkrb5.so.3.*"))
        with open(library, "rb") as f:
            octets = f.read()
        at = octets.index(b"krb5-1.") if b"krb5-1." in octets else -1
        return octets[at:at + 12].split(b"\0")[0].decode() if at >= 0 else library

    def argv(self, name, *arguments):
        where = [os.path.join(self.path, lib) for lib in LIBS]
        [loader] = {os.path.realpath(p) for lib in where
                    for p in glob.glob(os.path.join(lib, "ld-linux-x86-64.so.2"))}
        program = next(p for p in (os.path.join(self.path, "usr/bin", name + end)
                                   for end in ("", ".mit")) if os.path.exists(p))
        return [loader, "--library-path", ":".join(where), program, *arguments]
