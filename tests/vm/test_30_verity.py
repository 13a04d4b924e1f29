# SPDX-License-Identifier: GPL-3.0-or-later
"""Where the file system has fs-verity: do programs that the kernel keeps unchanged start, can
nobody change them in place, and is a change of the disk below them noticed?"""

import json
import os
import shutil
import subprocess

import pytest

from lib import instance, proc, vm

AT = "/mnt"  # of the disk, in the guest
NAMES = ("lsainit", "lsaiso", "lsass", "lsactl")
# One bit of the disk, in the second page of lsaiso, wherever that lies.
DAMAGE = f"""
import subprocess
with open("{AT}/programs/lsaiso", "rb") as f:
    f.seek(4096)
    page = f.read(4096)
subprocess.run(["umount", "{AT}"], check=True)
with open("/dev/vda", "r+b") as disk:
    at = disk.read().find(page)
    assert at > 0
    disk.seek(at)
    disk.write(bytes([page[0] ^ 1]))
with open("/proc/sys/vm/drop_caches", "w") as f:
    f.write("3")
subprocess.run(["mount", "/dev/vda", "{AT}"], check=True)
"""


def lsasign(*args):
    subprocess.run([instance.program("lsasign"), *args], check=True, stdout=subprocess.DEVNULL)


def make_disk(folder):
    """ext4 with the feature, with signed programs and a configuration in it."""
    root = folder.make("root")
    programs, keys = folder.make("root", "programs"), folder.make("root", "keys")
    lsasign("keygen", folder("key"))
    shutil.copy(folder("key.pub"), keys)
    for name in ("lsaiso", "lsass"):
        shutil.copy(instance.program(name), programs)
    manifest = os.path.join(programs, "manifest")
    lsasign("manifest", "--version-of", "0.1.0", "--svn", "1", "--output", manifest,
            instance.program("lsainit"), os.path.join(programs, "lsaiso"),
            os.path.join(programs, "lsass"), instance.program("lsactl"))
    lsasign("sign", "--key", folder("key.key"), manifest)
    with open(os.path.join(root, "lsaiso.conf"), "w", encoding="ascii") as f:
        f.write(f"[run]\ndirectory = /run/verity\nprograms = {AT}/programs\n"
                f"lsaiso_user = {instance.LSAISO_UID}\nlsass_user = {instance.LSASS_UID}\n"
                f"[launch]\nkeys = {AT}/keys\n[host]\ndirectory = /run/verity-host\n"
                "[isolation]\nguard = off\n[kcm]\nsocket = /run/verity.kcm\n")
    image = folder("disk")
    subprocess.run(["mke2fs", "-q", "-t", "ext4", "-b", "4096", "-O", "verity", "-d", root, image,
                    "48M"], check=True)
    return image


@pytest.fixture(scope="module")
def there():
    folder = proc.Folder("verity")
    try:
        with vm.Guest(disks=[make_disk(folder)]) as guest:
            got = guest.run(f"mount /dev/vda {AT}")
            if got.code != 0:
                pytest.skip(f"the guest's kernel cannot mount ext4 with verity: {got.text}")
            yield guest
    finally:
        folder.remove()


def command(name, *args):
    return [instance.program(name), *args]


def verify(guest):
    got = guest.run(command("lsactl", "--config", f"{AT}/lsaiso.conf", "--json", "verify"))
    return got.code, {one["name"]: one for one in json.loads(got.text)["programs"]}


def start(guest):
    """Up to a status that answers, then stopped: what lsainit said."""
    lsainit, lsactl = instance.program("lsainit"), instance.program("lsactl")
    config = f"--config {AT}/lsaiso.conf"
    return guest.run(f"{lsainit} {config} 2>/run/verity.log & pid=$!\n"
                     f"for i in $(seq 100); do {lsactl} {config} status >/dev/null 2>&1 && break\n"
                     "kill -0 $pid 2>/dev/null || break; sleep 0.2; done\n"
                     "kill $pid 2>/dev/null; wait $pid; code=$?; cat /run/verity.log; exit $code")


def test_without_it(there):
    code, rows = verify(there)
    assert code == 0 and {rows[n]["verity"] for n in ("lsaiso", "lsass")} == {"no"}


def test_with_it(there):
    got = there.run(command("lsasign", "fsverity", f"{AT}/programs/lsaiso", f"{AT}/programs/lsass"))
    assert got.ok().text.count("cannot be changed any more") == 2
    code, rows = verify(there)
    assert code == 0
    for name in ("lsaiso", "lsass"):
        assert rows[name]["verity"] == "yes" and rows[name]["state"] == "good"
        assert len(rows[name]["verity_digest"]) == 64
    assert rows["lsaiso"]["verity_digest"] in there.run(
        ["fsverity", "measure", f"{AT}/programs/lsaiso"]).ok().text
    assert "programs are as signed" in start(there).ok().text


def test_root_cannot_write(there):
    got = there.run(f"printf x | dd of={AT}/programs/lsaiso conv=notrunc 2>&1")
    assert got.code != 0 and "not permitted" in got.text.lower()
    assert verify(there)[0] == 0


def test_replacing_needs_the_signature(there):
    there.run(f"cd {AT}/programs && cp lsass other && printf x >>other && cp -a lsass kept && "
              "mv other lsass").ok()
    got = start(there)
    assert got.code == 1 and "lsass is not started" in got.text
    there.run(f"cd {AT}/programs && mv kept lsass").ok()
    assert start(there).ok()


def test_the_disk_below(there):
    """The last: the disk is damaged."""
    there.python(DAMAGE).ok()
    code, rows = verify(there)
    assert code == 1 and rows["lsaiso"]["state"] == "unreadable"
    got = start(there)
    assert got.code == 1 and "Input/output error" in got.text and "lsaiso runs" not in got.text
