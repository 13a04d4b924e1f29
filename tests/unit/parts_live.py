#!/usr/bin/python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""Do lsass and lsaiso run as packaging/*-part.service describe them?

usage: parts_live.py BUILD_FOLDER

As root, with systemd-analyze; exit code 77: skipped, and says why. The system
calls that lsaiso's own filter allows are tests/boundary's question.
"""

import os
import re
import shutil
import subprocess
import sys
import tempfile
import unittest

HERE = os.path.dirname(os.path.abspath(__file__))
TOP = os.path.join(HERE, "..", "..")
sys.path.insert(0, HERE)
sys.dont_write_bytecode = True

import lsainit_live  # noqa: E402


def settings(name):
    got = {}
    with open(os.path.join(TOP, "packaging", name)) as file:
        for line in file:
            if match := re.fullmatch(r"([A-Z]\w+)=(.*)\n", line):
                got.setdefault(match[1], []).append(match[2])
    return got


def score(name):
    path = os.path.join(TOP, "packaging", name)
    said = subprocess.run(["systemd-analyze", "security", "--offline=true", "--no-pager", path],
                          capture_output=True, text=True).stdout
    return float(re.search(r"exposure level.*: ([0-9.]+)", said)[1])


def whole(name):
    """Settings of a unit that are not about what it is and where its files are."""
    ours = {"Description", "Documentation", "ExecStart", "ExecStartPre", "RuntimeDirectory",
            "StateDirectory", "LimitNOFILE", "TasksMax", "WantedBy", "DefaultDependencies",
            "Requires", "After", "Before", "Conflicts"}
    return {key: value for key, value in settings(name).items() if key not in ours}


def group(name):
    said = subprocess.run(["systemd-analyze", "syscall-filter", name], check=True,
                          capture_output=True, text=True).stdout
    calls = set()
    for word in re.findall(r"^ +([@\w-]+)$", said, re.MULTILINE):
        calls |= group(word) if word.startswith("@") else {word}
    return calls


def numbers():
    with open("/usr/include/x86_64-linux-gnu/asm/unistd_64.h") as file:
        return set(re.findall(r"#define __NR_(\w+) ", file.read()))


class Parts(unittest.TestCase):
    def setUp(self):
        self.uid = 0
        self.it = lsainit_live.Instance(self).start()
        self.pids = self.it.pids()

    def closed(self, name, uid):
        is_ = lsainit_live.status_of(self.pids[name])
        self.assertEqual(is_["Uid"].split(), [str(uid)] * 4)
        self.assertEqual(is_["Groups"].strip(), "")
        for caps in ("CapInh", "CapPrm", "CapEff", "CapBnd", "CapAmb"):
            self.assertEqual(int(is_[caps], 16), 0, caps)
        self.assertEqual((is_["NoNewPrivs"], is_["Seccomp"]), ("1", "2"))
        self.assertEqual(is_["Umask"], "0077")

    def test_lsaiso(self):
        self.closed("lsaiso", lsainit_live.ISO)
        pid = self.pids["lsaiso"]
        for space in ("net", "ipc", "uts", "mnt", "pid"):
            self.assertNotEqual(os.readlink(f"/proc/{pid}/ns/{space}"),
                                os.readlink(f"/proc/self/ns/{space}"))
        with open(f"/proc/{pid}/mountinfo") as file:
            mounts = file.read().splitlines()
        self.assertEqual(len(mounts), 1)
        self.assertRegex(mounts[0], r" / / ro,nosuid,nodev,noexec\S* - tmpfs ")
        self.assertEqual(os.listdir(f"/proc/{pid}/root/"), [])
        with open(f"/proc/{pid}/net/dev") as file:
            self.assertEqual([line.split(":")[0].strip() for line in file if ":" in line], ["lo"])

    def test_lsass(self):
        self.closed("lsass", lsainit_live.LSASS)
        part, whole = settings("lsass-part.service"), settings("lsaiso.service.in")
        ours = {"Description", "Type", "ExecStart", "User", "CapabilityBoundingSet",
                "SupplementaryGroups", "RestrictNamespaces", "SystemCallFilter", "NotifyAccess",
                "RestrictAddressFamilies"}
        (families,), (all_,) = part["RestrictAddressFamilies"], whole["RestrictAddressFamilies"]
        self.assertEqual(set(all_.split()) - set(families.split()), {"AF_VSOCK", "AF_NETLINK"})  # of lsainit and lsawatch
        for key in part.keys() - ours:
            self.assertEqual(part[key], whole.get(key), key)

    def test_groups(self):
        """Every call of the groups that lsass-part.service names is refused."""
        with open(os.path.join(TOP, "lsainit", "filter.h")) as file:
            denied = set(re.findall(r"CALL\((\w+)\)", file.read()))
        (line,) = settings("lsass-part.service")["SystemCallFilter"]
        here = numbers()
        for name in line.lstrip("~").split():
            self.assertEqual((group(name) & here) - denied, set(), name)

    def test_guest_unit(self):
        """lsaiso-host@.service is closed as lsaiso.service is, but for what it says."""
        one, other = whole("lsaiso-host@.service.in"), whole("lsaiso.service.in")
        self.assertEqual(one.pop("RestrictAddressFamilies"), ["AF_UNIX AF_NETLINK AF_VSOCK"])
        other.pop("RestrictAddressFamilies")
        self.assertEqual(one.pop("IPAddressDeny"), ["any"])
        (caps,), (others,) = one.pop("CapabilityBoundingSet"), other.pop("CapabilityBoundingSet")
        self.assertEqual(set(caps.split()) - set(others.split()), {"CAP_CHOWN"})
        self.assertEqual(one, other)

    def test_guest_unit_verifies(self):
        """No word of it is one that systemd does not know."""
        with tempfile.TemporaryDirectory() as folder:
            path = os.path.join(folder, "lsaiso-host@name.service")
            with open(os.path.join(TOP, "packaging", "lsaiso-host@.service.in")) as file:
                text = file.read().replace("@sbindir@/lsainit", "/bin/true")
            with open(path, "w") as file:
                file.write(re.sub(r"^Documentation=.*\n", "", text, flags=re.MULTILINE))
            said = subprocess.run(["systemd-analyze", "verify", "--man=no", path],
                                  capture_output=True, text=True)
            self.assertEqual(said.stderr, "")
            self.assertLessEqual(score(path), 4.3)

    def test_scores(self):
        self.assertLessEqual(score("lsaiso-part.service"), 0.5)
        self.assertLessEqual(score("lsass-part.service"), 1.5)


if __name__ == "__main__":
    if os.geteuid() != 0 or not shutil.which("systemd-analyze"):
        print("SKIP: needs root and systemd-analyze")
        sys.exit(77)
    unittest.main(argv=sys.argv[:1] + sys.argv[2:], verbosity=2)
