#!/usr/bin/python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""Are the files of packaging/examples what the programs they are for take?

Configuration: read by our own reader. libvirt: against its schema. QEMU: it
starts with the options, connects, and connects again. Firecracker: JSON with
the members we know; Debian has no Firecracker to ask. And do the two sides name the same port, socket and key?

usage: examples.py BUILD
"""
import json
import os
import re
import shlex
import shutil
import socket
import subprocess
import sys
import tempfile
import unittest
import xml.etree.ElementTree as ET

BUILD = sys.argv[1]
EXAMPLES = os.path.join(os.path.dirname(os.path.abspath(__file__)), "../../packaging/examples")
SCHEMA = "/usr/share/libvirt/schemas/domain.rng"
SECONDS = 30


def path(name):
    return os.path.join(EXAMPLES, name)


def text(name):
    with open(path(name), encoding="utf-8") as file:
        return file.read()


def conf(name):
    """Keys of a configuration file, by section."""
    got, section = {}, None
    for line in text(name).splitlines():
        if line.startswith("["):
            section = got.setdefault(line.strip("[]"), {})
        elif "=" in line and not line.startswith("#"):
            key, value = line.split("=", 1)
            section[key.strip()] = value.strip()
    return got


def read_by_us(file, run):
    """What our reader says of it: no instance runs, so lsactl fails in any case."""
    with open(file, encoding="utf-8") as old:
        words = re.sub(r"^directory = /run/\S+$", f"directory = {run}", old.read(), flags=re.M)
    copy = os.path.join(run, "lsaiso.conf")
    if "[run]" not in words:  # a guest's: do not ask an instance of this machine
        words += f"[run]\ndirectory = {run}\n"
    with open(copy, "w", encoding="utf-8") as new:
        new.write(words)
    got = subprocess.run([os.path.join(BUILD, "lsactl/lsactl"), "--config", copy, "key"],
                         capture_output=True, text=True, timeout=SECONDS)
    return got.returncode, got.stderr


class Examples(unittest.TestCase):
    def setUp(self):
        self.folder = tempfile.mkdtemp(prefix="lsaiso-examples-")
        self.addCleanup(shutil.rmtree, self.folder)

    def test_configuration(self):
        names = sorted(name for name in os.listdir(EXAMPLES) if name.endswith(".conf"))
        self.assertEqual(len(names), 5)
        for name in names:
            code, said = read_by_us(path(name), self.folder)
            self.assertEqual(code, 1, name)
            self.assertIn("nobody answers at " + self.folder, said, name)

    def test_configuration_misspelt_is_seen(self):
        for old, new in (("socket_user", "socket_usr"), ("serves = guest", "serves = guests"),
                         ("root = tpm", "root = tmp")):
            file = os.path.join(self.folder, "wrong")
            words = text("web1.conf")
            self.assertIn(old, words)
            with open(file, "w", encoding="utf-8") as out:
                out.write(words.replace(old, new))
            code, said = read_by_us(file, self.folder)
            self.assertEqual(code, 1)
            self.assertNotIn("nobody answers", said)

    def test_both_sides_name_the_same(self):
        host, guest = conf("web1.conf"), conf("guest-virtio.conf")
        name = os.path.basename(guest["isolation"]["channel"])
        key = re.search(r"by_name/(\S+)/raw$", guest["isolation"]["host_key"]).group(1)
        sock = host["guest"]["socket"]
        domain = ET.parse(path("libvirt-virtio.xml")).getroot()
        self.assertEqual(domain.find("devices/channel/source").get("path"), sock)
        self.assertEqual(domain.find("devices/channel/target").get("name"), name)
        self.assertEqual(domain.find("sysinfo/entry").get("name"), key)
        options = text("qemu-virtio.args")
        for words in (f"path={sock},", f"name={name}\n", f"-fw_cfg name={key},"):
            self.assertIn(words, options)
        # vsock of the kernel
        host, guest = conf("web1-vsock.conf")["guest"], conf("guest-vsock.conf")
        self.assertEqual(guest["isolation"]["channel"], f"vsock:2:{host['vsock_port']}")
        domain = ET.parse(path("libvirt-vsock.xml")).getroot()
        self.assertEqual(domain.find("devices/vsock/cid").get("address"), host["vsock_cid"])
        self.assertIn(f"guest-cid={host['vsock_cid']}\n", text("qemu-vsock.args"))
        # and of Firecracker
        vsock = json.loads(text("firecracker.json"))["vsock"]
        self.assertEqual(conf("web1-firecracker.conf")["guest"]["socket"],
                         f"{vsock['uds_path']}_{host['vsock_port']}")

    def test_libvirt(self):
        if not os.path.exists(SCHEMA) or shutil.which("xmllint") is None:
            self.skipTest("no libvirt0 with its schemas, or no xmllint")
        for name in ("libvirt-virtio.xml", "libvirt-vsock.xml"):
            got = self.validate(text(name))
            self.assertEqual(got.returncode, 0, got.stderr)
        # the schema does look at these parts
        for name, old, new in (("libvirt-virtio.xml", "<target type='virtio'", "<target type='virtual'"),
                               ("libvirt-virtio.xml", "enabled='yes'", "enabled='maybe'"),
                               ("libvirt-virtio.xml", "type='fwcfg'", "type='firmware'"),
                               ("libvirt-vsock.xml", "address='5'", "address='one'")):
            words = text(name)
            self.assertIn(old, words)
            self.assertNotEqual(self.validate(words.replace(old, new)).returncode, 0, new)

    def validate(self, words):
        file = os.path.join(self.folder, "domain.xml")
        with open(file, "w", encoding="utf-8") as out:
            out.write(words)
        return subprocess.run(["xmllint", "--noout", "--relaxng", SCHEMA, file],
                              capture_output=True, text=True, timeout=SECONDS)

    def test_qemu(self):
        """QEMU itself, its machine halted: it connects, and again when cut off."""
        qemu = shutil.which("qemu-system-x86_64")
        if qemu is None:
            self.skipTest("no qemu-system-x86_64")
        here, key = os.path.join(self.folder, "s"), os.path.join(self.folder, "key")
        with open(key, "w", encoding="ascii") as out:
            out.write("9" * 64 + "\n")
        words = text("qemu-virtio.args").replace(conf("web1.conf")["guest"]["socket"], here)
        words = re.sub(r"file=\S+", "file=" + key, words)
        listening = socket.socket(socket.AF_UNIX)
        self.addCleanup(listening.close)
        listening.bind(here)
        listening.listen()
        listening.settimeout(SECONDS)
        with open(os.path.join(self.folder, "said"), "w+", encoding="utf-8") as said:
            child = subprocess.Popen([qemu, "-machine", "q35,accel=tcg", "-m", "32", "-S",
                                      "-nodefaults", "-no-user-config", "-display", "none",
                                      *shlex.split(words)], stdout=said, stderr=said,
                                     stdin=subprocess.DEVNULL)
            try:
                for _ in range(2):
                    listening.accept()[0].close()
                    self.assertIsNone(child.poll())
            except socket.timeout:
                said.seek(0)
                self.fail("QEMU does not connect: " + said.read())
            finally:
                child.kill()
                child.wait(SECONDS)

    def test_firecracker(self):
        said = json.loads(text("firecracker.json"))
        self.assertEqual(set(said), {"boot-source", "drives", "machine-config", "vsock"})
        self.assertEqual(set(said["vsock"]), {"guest_cid", "uds_path"})
        self.assertGreaterEqual(said["vsock"]["guest_cid"], 3)  # 0 to 2 are taken
        self.assertTrue(said["vsock"]["uds_path"].startswith("/"))


if __name__ == "__main__":
    unittest.main(argv=sys.argv[:1] + sys.argv[2:], verbosity=2)
