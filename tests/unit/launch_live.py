#!/usr/bin/python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""Does lsainit start what was signed, and nothing else?

usage: launch_live.py BUILD_FOLDER

Real instances over copies of the programs, with keys, manifests and host
folders of their own, as root and as an ordinary user; and what `meson install`
puts into a folder. Each refusal: nothing runs, and the message says what to do.
"""

import hashlib
import json
import os
import random
import re
import shutil
import signal
import socket
import subprocess
import sys
import threading
import time
import unittest

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, HERE)
sys.dont_write_bytecode = True

import lsainit_live  # noqa: E402
from lsainit_live import BUILD, ISO, LSASS, ORDINARY, WAIT, alive, program, until  # noqa: E402

RACES = 12
SIGNED = ("lsainit", "lsaiso", "lsass", "lsactl")


def run(*args, **more):
    return subprocess.run([str(a) for a in args], capture_output=True, text=True, timeout=60, **more)


def flip(path, at=None):
    """One bit of one octet, in place."""
    with open(path, "r+b") as file:
        octets = file.read()
        at = len(octets) // 2 if at is None else at
        file.seek(at)
        file.write(bytes([octets[at] ^ 1]))


class Signed(lsainit_live.Instance):
    """An instance whose programs, manifest and keys are its own."""

    def __init__(self, case, extra="", uid=None):
        super().__init__(case, uid=uid)
        self.programs, self.keys = self.path("programs"), self.path("keys")
        for folder in (self.programs, self.keys):
            os.mkdir(folder, 0o755)
        for name in ("lsaiso", "lsass"):
            shutil.copy(program(name), os.path.join(self.programs, name))
        self.make_key("mine")
        shutil.move(self.path("mine.pub"), self.keys)
        self.manifest = os.path.join(self.programs, "manifest")
        self.sign()
        self.configure(extra)

    def configure(self, extra="", launch=""):
        self.write(f"[launch]\nkeys = {self.keys}\n{launch}" + extra)
        with open(self.conf) as file:
            text = file.read()
        with open(self.conf, "w") as file:
            file.write(text.replace(f"programs = {BUILD}", f"programs = {self.programs}"))

    def lsasign(self, *args):
        got = run(program("lsasign"), *args)
        if got.returncode != 0:
            raise AssertionError(f"lsasign {args}: {got.stderr}")
        return got.stdout

    def make_key(self, name):
        self.lsasign("keygen", self.path(name))
        return self.path(name + ".key")

    def of(self, name):
        kept = os.path.join(self.programs, name)
        return kept if os.path.exists(kept) else program(name)

    def sign(self, svn=1, names=SIGNED, key="mine"):
        self.lsasign("manifest", "--version-of", "0.1.0", "--svn", svn, "--output", self.manifest,
                     *[self.of(name) for name in names])
        self.lsasign("sign", "--key", self.path(key + ".key"), self.manifest)

    def verify(self, *args):
        return self.ctl("verify", *args)


class Common:
    def refused(self, it, *words):
        """It does not start; nothing runs; all the words are said."""
        with open(it.log, "w"):
            pass
        it.spawn()
        code, said = it.ends()
        self.assertEqual(code, 1, said)
        for word in words:
            self.assertIn(word, said)
        self.assertNotIn("lsaiso runs", said)
        self.assertNotIn("lsass serves", said)
        self.assertFalse(os.path.exists(it.kcm))
        return said

    def test_signed(self):
        it = Signed(self).start()
        is_ = it.status(0)
        with open(os.path.join(it.keys, "mine.pub")) as file:
            self.assertEqual(file.readline(), "lsaiso public key 1\n")
        self.assertEqual(is_["launch"]["svn"], 1)
        until("the floor", lambda: it.status(0)["launch"].get("floor") == 1)
        self.assertRegex(is_["launch"]["key"], r"^[0-9a-f]{16}$")
        self.assertIn(f"signed by mine, key {is_['launch']['key']}", it.said())
        got = it.verify()
        self.assertEqual(got.returncode, 0, got.stdout + got.stderr)
        seen = json.loads(got.stdout)
        self.assertEqual((seen["key"], seen["svn"], seen["floor"]), (is_["launch"]["key"], 1, 1))
        rows = {one["name"]: one for one in seen["programs"]}
        for name in SIGNED:
            self.assertEqual(rows[name]["state"], "good", name)
            self.assertEqual(rows[name]["size"], os.path.getsize(it.of(name)))
        self.assertEqual(rows["lsaiso"]["path"], os.path.join(it.programs, "lsaiso"))
        for name in ("lsaiso", "lsass"):
            # another's process, or one that let nobody look, is not visible
            want = "this file" if os.geteuid() == 0 and it.uid == 0 else "not visible"
            self.assertEqual(rows[name]["running"], want, name)

    def test_changed_program(self):
        for name in ("lsaiso", "lsass"):
            it = Signed(self)
            size = os.path.getsize(it.of(name))
            flip(it.of(name))
            self.refused(it, f"{name} is not started", "is not the program that was signed",
                         "SHA-256 begins", "install it again")
            rows = json.loads(it.verify().stdout)["programs"]
            self.assertEqual([one["name"] for one in rows if one["state"] == "changed"], [name])
            flip(it.of(name))
            os.truncate(it.of(name), size - 1)
            self.refused(it, f"{size - 1} octets instead of {size}")
            os.truncate(it.of(name), size + 1)
            self.refused(it, f"{size + 1} octets instead of {size}")
            self.assertEqual(it.verify().returncode, 1)

    def test_every_part_of_the_program(self):
        it = Signed(self)
        size = os.path.getsize(it.of("lsaiso"))
        for at in (0, 4096, size - 1):
            flip(it.of("lsaiso"), at)
            self.refused(it, "is not the program that was signed")
            flip(it.of("lsaiso"), at)
        it.start()

    def test_changed_between_two_starts(self):
        """In place: the file that lsainit has open. It is measured at each start."""
        it = Signed(self).start()
        pids = it.pids()
        os.kill(it.process.pid, signal.SIGSTOP)
        os.kill(pids["lsaiso"], signal.SIGKILL)
        until("lsaiso ends", lambda: not alive(pids["lsaiso"]))
        flip(it.of("lsaiso"))
        os.kill(it.process.pid, signal.SIGCONT)
        until("it says so", lambda: "lsaiso is not started" in it.said())
        self.assertIsNone(it.status(1)["lsaiso"])
        flip(it.of("lsaiso"))  # as it was
        it.status(0)
        self.assertNotEqual(it.pids()["lsaiso"], pids["lsaiso"])

    def test_replaced_between_two_starts(self):
        """Another file of that name: what was opened, and measured, runs on."""
        it = Signed(self).start()
        before = it.pids()["lsass"]
        shutil.copy("/usr/bin/false", it.path("false"))
        os.rename(it.path("false"), it.of("lsass"))
        os.kill(before, signal.SIGKILL)
        until("lsass again", lambda: it.pids()["lsass"] not in (None, before))
        if os.geteuid() == 0:
            self.assertIn("(deleted)", os.readlink(f"/proc/{it.pids()['lsass']}/exe"))
            if it.uid == 0:
                rows = json.loads(it.verify().stdout)["programs"]
                self.assertEqual({one["name"]: one["running"] for one in rows}["lsass"],
                                 "another file")
        it.process.terminate()
        self.assertEqual(it.process.wait(WAIT), 0)
        self.refused(it, "lsass is not started")

    def test_written_while_it_runs(self):
        """The kernel refuses that."""
        it = Signed(self).start()
        with self.assertRaisesRegex(OSError, "Text file busy"):
            flip(it.of("lsaiso"))

    def test_changed_at_the_wrong_moment(self):
        """Somebody flips one harmless bit back and forth all the time: whatever starts is,
        when it serves, what was signed."""
        it = Signed(self)
        path = it.of("lsass")
        with open(path, "rb") as file:
            good = hashlib.sha256(file.read()).digest()
        at = os.path.getsize(path) - 100  # of the section names, which nobody loads
        over, outcomes = threading.Event(), []

        def writer():
            while not over.wait(random.uniform(0, 0.02)):
                try:
                    flip(path, at)
                except OSError:  # it runs
                    time.sleep(0.01)

        thread = threading.Thread(target=writer)
        thread.start()
        try:
            for _ in range(RACES):
                outcomes.append(self.race(it, good))
        finally:
            over.set()
            thread.join()
        self.assertNotIn("changed", outcomes)

    def race(self, it, good):
        it.spawn()
        served = until("an end or a beginning", lambda: it.process.poll() is not None and "refused"
                       or it.ctl("status").returncode == 0 and "served")
        if served == "served":
            # it still runs, so nobody can have written since it was executed
            with open(it.of("lsass"), "rb") as file:
                served = "good" if hashlib.sha256(file.read()).digest() == good else "changed"
            it.process.terminate()
        it.process.wait(WAIT)
        return served

    def test_changed_manifest(self):
        it = Signed(self)
        size = os.path.getsize(it.manifest)
        for at in (0, 20, size // 2, size - 1):
            flip(it.manifest, at)
            self.refused(it, "it was changed", "install it again")
            flip(it.manifest, at)
        with open(it.manifest, "a") as file:
            file.write("\n")
        self.refused(it, "it was changed")
        seen = json.loads(it.verify().stdout)
        self.assertEqual({one["state"] for one in seen["programs"]}, {"unsigned"})

    def test_changed_signature(self):
        it = Signed(self)
        for at in (3, 25, 60, 118):
            flip(it.manifest + ".sig", at)
            self.refused(it, "nothing is started", it.manifest)
            flip(it.manifest + ".sig", at)
        os.truncate(it.manifest + ".sig", 40)
        self.refused(it, "the signature of the manifest is damaged")

    def test_signature_of_another(self):
        """A good signature by a good key, of a manifest that was before."""
        it = Signed(self)
        shutil.copy(it.manifest + ".sig", it.path("old"))
        it.sign(svn=2)
        shutil.copy(it.path("old"), it.manifest + ".sig")
        self.refused(it, "it was changed")

    def test_token_is_no_signature(self):
        it = Signed(self)
        with open(it.manifest + ".sig", "w") as file:
            file.write(it.lsasign("token", "--key", it.path("mine.key")))
        self.refused(it, "it was changed")

    def test_unknown_key(self):
        it = Signed(self)
        it.make_key("other")
        it.sign(key="other")
        said = self.refused(it, "which is not among the trusted ones", it.keys)
        with open(it.path("other.pub")) as file:
            self.assertTrue(file.read())
        self.assertRegex(said, r"signed by key [0-9a-f]{16}")
        shutil.copy(it.path("other.pub"), it.keys)
        it.start()

    def test_keys_of_others(self):
        it = Signed(self)
        key = os.path.join(it.keys, "mine.pub")
        os.chmod(key, 0o666)
        self.refused(it, "mine.pub can be changed by others than root", "chown root")
        os.chmod(key, 0o644)
        os.chmod(it.keys, 0o777)
        self.refused(it, "can be changed by others than root")
        os.chmod(it.keys, 0o755)
        if os.geteuid() == 0:
            os.chown(key, ORDINARY + 9, 0)
            self.refused(it, "mine.pub can be changed by others than root")
            os.chown(key, 0, 0)
        with open(os.path.join(it.keys, "bad.pub"), "w") as file:
            file.write("no key\n")
        self.refused(it, "bad.pub is not a public key")
        os.unlink(os.path.join(it.keys, "bad.pub"))
        os.unlink(key)
        self.refused(it, "has no key (*.pub)")
        os.rmdir(it.keys)
        self.refused(it, "[launch] keys")

    def test_missing(self):
        it = Signed(self)
        os.rename(it.manifest + ".sig", it.path("sig"))
        self.refused(it, "manifest.sig", "No such file", "lsasign sign")
        os.rename(it.path("sig"), it.manifest + ".sig")
        os.unlink(it.manifest)
        self.refused(it, "No such file", "lsasign(8)", "verify = off in [launch]")

    def test_missing_record(self):
        for name in ("lsaiso", "lsass", "lsainit"):
            it = Signed(self)
            it.sign(names=[one for one in SIGNED if one != name])
            self.refused(it, f"{name} is not started", "is not in the manifest")
            rows = json.loads(it.verify().stdout)["programs"]
            self.assertEqual({one["name"]: one["state"] for one in rows}[name], "not in manifest")

    def test_own_image(self):
        """A damaged lsainit notices; docs/launch.md says what that is worth."""
        it = Signed(self)
        own = it.path("lsainit")
        shutil.copy(program("lsainit"), own)
        with open(own, "ab") as file:
            file.write(b"\0")
        got = run(own, "--config", it.conf, **it.as_user())
        self.assertEqual(got.returncode, 1)
        self.assertIn("lsainit is not started", got.stderr)

    def test_check(self):
        it = Signed(self)
        got = run(program("lsainit"), "--config", it.conf, "--check", **it.as_user())
        self.assertEqual(got.returncode, 0, got.stderr)
        self.assertIn("programs: as signed, security version 1", got.stdout)
        flip(it.of("lsass"))
        got = run(program("lsainit"), "--config", it.conf, "--check", **it.as_user())
        self.assertEqual(got.returncode, 1)
        self.assertIn("would not start", got.stdout)

    def test_verify_off(self):
        it = Signed(self)
        os.unlink(it.manifest)
        it.configure(launch="verify = off\n")
        it.start()
        is_ = it.status(0)
        self.assertIsNone(is_["launch"])
        self.assertIn("[launch] verify = off", [one["setting"] for one in is_["level"]["weaker"]])
        self.assertIn("programs are started unchecked", it.said())
        self.assertEqual(it.verify().returncode, 1)
        text = run(program("lsactl"), "--config", it.conf, "status").stdout
        self.assertIn("Launch: unchecked", text)

    # ---- going back

    def test_downgrade(self):
        it = Signed(self)
        it.sign(svn=5)
        it.start()
        until("the floor", lambda: it.status(0)["launch"].get("floor") == 5)
        text = run(program("lsactl"), "--config", it.conf, "status").stdout
        self.assertRegex(text, r"Launch: verified, key [0-9a-f]{16}, security version 5 \(floor 5\)")
        it.process.terminate()
        self.assertEqual(it.process.wait(WAIT), 0)
        it.sign(svn=3)
        said = self.refused(it, "security version 3", "is older than 5, which ran here on 20",
                            "install the newer one", "lsactl verify --lower-floor 3")
        self.assertRegex(said, r"ran here on \d{4}-\d\d-\d\d")
        got = it.verify()
        self.assertEqual(got.returncode, 1)
        self.assertIn("is older than 5", json.loads(got.stdout)["floor_why"])
        self.lower(it)

    def lower(self, it):
        for number, word in (("4", "has security version 3, not 4"), ("64", "takes a number"),
                             ("-1", "takes a number")):
            got = it.verify("--lower-floor", number)
            self.assertNotEqual(got.returncode, 0)
            self.assertIn(word, got.stderr)
        self.refused(it, "is older than 5")
        if os.geteuid() == 0:
            got = run(program("lsactl"), "--config", it.conf, "verify", "--lower-floor", "3",
                      user=ORDINARY + 7, group=ORDINARY + 7, extra_groups=[])
            self.assertEqual(got.returncode, 1)
            self.assertIn("only the owner of [host] directory", got.stderr)
        got = it.verify("--lower-floor", "3")
        self.assertEqual((got.returncode, got.stdout),
                         (0, "The floor was 5 and is 3: what was mended since may be weak "
                             "again.\n"), got.stderr)
        it.start()
        self.assertEqual(it.status(0)["launch"]["floor"], 3)
        self.assertEqual(it.verify("--lower-floor", "3").returncode, 1)  # nothing to do

    def test_mixed_versions_count_as_the_lowest(self):
        it = Signed(self)
        it.sign(svn=7)
        with open(it.manifest) as file:
            text = file.read()
        with open(it.manifest, "w") as file:
            file.write(re.sub(r"(program lsass .*) svn 7", r"\1 svn 2", text))
        it.lsasign("sign", "--key", it.path("mine.key"), it.manifest)
        it.start()
        until("the floor", lambda: it.status(0)["launch"].get("floor") == 2)

    def test_damaged_floor(self):
        it = Signed(self)
        os.mkdir(it.path("host"), 0o700)
        if os.geteuid() == 0:
            os.chown(it.path("host"), it.uid, it.uid)
        with open(it.path("host/floor"), "w") as file:
            file.write("0\n")
        os.chmod(it.path("host/floor"), 0o644)
        self.refused(it, "is damaged", "remove it")
        os.chmod(it.path("host/floor"), 0o666)
        self.refused(it, "can be changed by others than root")

    # ---- whose child they are

    def test_lsaiso_by_hand(self):
        got = subprocess.run([program("lsaiso")], capture_output=True, timeout=WAIT)
        self.assertEqual((got.returncode, got.stdout, got.stderr), (80, b"", b""))

    def test_lsass_by_hand(self):
        got = run(program("lsass"))
        self.assertEqual(got.returncode, 2)
        self.assertIn("systemctl start lsaiso", got.stderr)

    def test_lsass_of_another_parent(self):
        """All its descriptors, but the line was made by somebody else's parent."""
        it = Signed(self)

        def start(line):
            with socket.socket(socket.AF_UNIX) as kcm, socket.socket(socket.AF_UNIX) as admin:
                for one, name in ((kcm, "a"), (admin, "b")):
                    one.bind(it.path(name))
                    one.listen()
                high = [os.dup2(fd, 60 + i) for i, fd in
                        enumerate((line, kcm.fileno(), admin.fileno()))]
                child = subprocess.Popen(
                    ["bash", "-c", 'exec "$0" --config "$1" 3<&60 4<&61 5<&62',
                     program("lsass"), it.conf],
                    pass_fds=high, stderr=subprocess.PIPE, stdin=subprocess.DEVNULL, text=True)
                for fd in high:
                    os.close(fd)
                for name in ("a", "b"):
                    os.unlink(it.path(name))
            return child

        ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        pid = os.fork()
        if pid == 0:  # a parent in between, who did not make the line
            child = start(theirs.fileno())
            said = child.communicate(timeout=WAIT)[1]
            os._exit(0 if child.returncode == 2 and "not that of its parent" in said else 1)
        self.assertEqual(os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]), 0)
        # the control: with the parent that made it, it waits for its first message
        child = start(theirs.fileno())
        theirs.close()
        with self.assertRaises(subprocess.TimeoutExpired):
            child.wait(0.5)
        ours.close()
        child.wait(WAIT)
        child.stderr.close()


@unittest.skipUnless(os.geteuid() == 0, "needs root")
class AsRoot(Common, unittest.TestCase):
    uid = 0

    def test_no_host_folder(self):
        it = Signed(self)
        it.configure()
        with open(it.conf) as file:
            text = file.read().replace(it.path("host"), it.path("none/host"))
        with open(it.conf, "w") as file:
            file.write(text)
        self.refused(it, "[host] directory", "the folder it is to be in must exist")

    def test_ordinary_user_looks(self):
        """Without the daemon, and with it, as far as one may see."""
        it = Signed(self)
        for started in (False, True):
            if started:
                it.start()
            got = run(program("lsactl"), "--config", it.conf, "--json", "verify", user=ORDINARY,
                      group=ORDINARY, extra_groups=[])
            self.assertEqual(got.returncode, 0, got.stderr)
            seen = json.loads(got.stdout)
            runs = {one["name"]: one["running"] for one in seen["programs"]}
            self.assertEqual(runs["lsaiso"], "not visible" if started else "-")
            self.assertNotIn("floor", seen)
            self.assertEqual("floor_why" in seen, started)  # root's folder


class AsOrdinary(Common, unittest.TestCase):
    uid = ORDINARY if os.geteuid() == 0 else os.geteuid()

    def test_no_host_folder(self):
        it = Signed(self)
        with open(it.conf) as file:
            text = file.read().replace(it.path("host"), "/none/host")
        with open(it.conf, "w") as file:
            file.write(text)
        it.start()
        self.assertIn("nothing remembers which security version ran", it.said())
        is_ = it.status(0)
        self.assertNotIn("floor", is_["launch"])
        self.assertIn("[host] directory cannot be written",
                      [one["setting"] for one in is_["level"]["weaker"]])


@unittest.skipUnless(os.geteuid() == 0, "needs root")
@unittest.skipUnless(shutil.which("meson"), "needs meson")
class Installed(unittest.TestCase):
    """What `meson install` puts into a folder starts from there, stripped or not."""

    uid = 0

    def install(self, *args):
        it = lsainit_live.Instance(self)
        to = it.path("to")
        got = run("meson", "install", "-C", BUILD, "--no-rebuild", "--destdir", to, *args)
        self.assertEqual(got.returncode, 0, got.stdout + got.stderr)
        self.usr, self.keys = os.path.join(to, "usr"), os.path.join(to, "etc/lsaiso/keys")
        self.manifest = os.path.join(self.usr, "libexec/lsaiso/manifest")
        it.write(f"[launch]\nkeys = {self.keys}\n")
        with open(it.conf) as file:
            text = file.read().replace(f"programs = {BUILD}\n", "")
        with open(it.conf, "w") as file:
            file.write(text)
        return it

    def spawn(self, it):
        with open(it.log, "wb") as log:
            it.process = subprocess.Popen([self.at("sbin/lsainit"), "--config", it.conf],
                                          stdin=subprocess.DEVNULL, stdout=log, stderr=log)

    def at(self, name):
        return os.path.join(self.usr, name)

    def starts(self, it):
        self.spawn(it)
        it.status(0)
        self.assertEqual(os.readlink(f"/proc/{it.pids()['lsaiso']}/exe"),
                         self.at("libexec/lsaiso/lsaiso"))
        got = run(self.at("bin/lsactl"), "--config", it.conf, "verify")
        self.assertEqual(got.returncode, 0, got.stdout + got.stderr)
        for line in got.stdout.splitlines():
            self.assertNotRegex(line, r"^lsa\w+ +(missing|changed|unsigned)")
        it.process.terminate()
        self.assertEqual(it.process.wait(WAIT), 0)

    def test_as_built(self):
        it = self.install()
        self.assertEqual(os.listdir(self.keys), ["build.pub"])
        self.assertFalse([name for _, _, names in os.walk(it.path("to")) for name in names
                          if name.endswith(".key")])
        self.starts(it)

    def test_stripped(self):
        it = self.install("--strip")
        self.assertLess(os.path.getsize(self.at("libexec/lsaiso/lsass")),
                        os.path.getsize(program("lsass")))
        self.starts(it)

    def test_stripped_after(self):
        """By somebody else's tools: refused, until it is signed again."""
        it = self.install()
        subprocess.run(["strip", self.at("libexec/lsaiso/lsass")], check=True)
        self.spawn(it)
        code, said = it.ends()
        self.assertEqual(code, 1)
        self.assertIn("lsass is not started", said)

    def test_own_key(self):
        """The steps of docs/launch.md, with lsasign as it was installed."""
        it = self.install("--strip")
        lsasign = self.at("sbin/lsasign")
        folder = os.path.dirname(self.manifest)
        for step in ((lsasign, "keygen", it.path("mine")),
                     (lsasign, "manifest", "--version-of", "0.1.0", "--svn", "1", "--output",
                      self.manifest, self.at("sbin/lsainit"), f"{folder}/lsaiso",
                      f"{folder}/lsass", self.at("bin/lsactl"), lsasign),
                     (lsasign, "sign", "--key", it.path("mine.key"), self.manifest),
                     ("install", "-m", "644", it.path("mine.pub"), self.keys),
                     ("rm", os.path.join(self.keys, "build.pub"))):
            got = run(*step)
            self.assertEqual(got.returncode, 0, got.stderr)
        self.starts(it)
        self.assertIn("signed by mine", it.said())
        # what the build's key signs is nothing any more
        got = run(lsasign, "sign", "--key", os.path.join(BUILD, "lsasign/build.key"),
                  self.manifest)
        self.assertEqual(got.returncode, 0, got.stderr)
        self.spawn(it)
        code, said = it.ends()
        self.assertEqual(code, 1)
        self.assertIn("which is not among the trusted ones", said)


class Tool(unittest.TestCase):
    """lsasign by itself."""

    uid = 0

    def setUp(self):
        self.it = lsainit_live.Instance(self, uid=os.geteuid())

    def call(self, *args):
        return run(program("lsasign"), *args)

    def test_private_keys(self):
        key = self.it.path("k")
        self.assertEqual(self.call("keygen", key).returncode, 0)
        self.assertEqual(os.stat(key + ".key").st_mode & 0o777, 0o600)
        with open(key + ".key") as file:
            secret = file.read()
        got = self.call("keygen", key)
        self.assertEqual(got.returncode, 1)
        self.assertIn("not written over another", got.stderr)
        os.unlink(key + ".pub")
        self.assertEqual(self.call("keygen", "--keep", key).returncode, 0)
        with open(key + ".key") as file:
            self.assertEqual(file.read(), secret)
        with open(key + ".pub") as file:
            self.assertEqual(self.call("public", "--key", key + ".key").stdout, file.read())
        os.chmod(key + ".key", 0o640)
        got = self.call("public", "--key", key + ".key")
        self.assertEqual((got.returncode, got.stdout), (1, ""))
        self.assertIn("can be read by others", got.stderr)
        self.assertNotIn(secret.splitlines()[1], got.stderr)
        got = self.call("public", "--key", key + ".pub")
        self.assertEqual(got.returncode, 1)

    def test_only_manifests(self):
        key = self.it.path("k")
        self.call("keygen", key)
        with open(self.it.path("letter"), "w") as file:
            file.write("sign this\n")
        got = self.call("sign", "--key", key + ".key", self.it.path("letter"))
        self.assertEqual(got.returncode, 1)
        self.assertIn("nothing else is signed", got.stderr)
        self.assertFalse(os.path.exists(self.it.path("letter.sig")))

    def test_verify_and_repeat(self):
        key, manifest = self.it.path("k"), self.it.path("m")
        keys = self.it.path("keys")
        os.mkdir(keys, 0o755)
        self.call("keygen", key)
        shutil.copy(key + ".pub", keys)
        make = ("manifest", "--version-of", "1.2~rc1", "--svn", "4", "--output", manifest,
                program("lsaiso"), program("lsass"))
        texts = []
        for _ in range(2):
            got = run(program("lsasign"), *make, env={"SOURCE_DATE_EPOCH": "1700000000"})
            self.assertEqual(got.returncode, 0, got.stderr)
            with open(manifest) as file:
                texts.append(file.read())
        self.assertEqual(texts[0], texts[1])
        self.assertIn("created 2023-11-14T22:13:20Z\n", texts[0])
        self.call("sign", "--key", key + ".key", manifest)
        got = self.call("verify", "--keys", keys, manifest, program("lsaiso"))
        self.assertEqual(got.returncode, 0, got.stderr)
        self.assertIn("security version 4", got.stdout)
        self.assertIn("lsaiso: good", got.stdout)
        got = self.call("verify", "--keys", keys, manifest, program("lsactl"))
        self.assertEqual(got.returncode, 1)
        self.assertIn("not in the manifest", got.stderr)

    def test_usage(self):
        for args, word in (((), "usage"), (("nothing",), "no command"), (("keygen",), "usage"),
                           (("manifest", "x"), "--version-of"),
                           (("manifest", "--svn", "64", "x"), "0 to 63"),
                           (("verify", "m"), "--keys")):
            got = self.call(*args)
            self.assertEqual(got.returncode, 2, args)
            self.assertIn(word, got.stderr)
        for args in (("manifest", "--version-of", "a b", "--svn", "1", program("lsaiso")),
                     ("manifest", "--version-of", "1", "--svn", "1", program("lsaiso"),
                      program("lsaiso")),
                     ("token", "--key", "k", "--boot-id", "short"),
                     ("sign", program("lsaiso"))):
            self.assertEqual(self.call(*args).returncode, 1, args)

    def test_fsverity(self):
        shutil.copy(program("lsaiso"), self.it.path("lsaiso"))
        got = self.call("fsverity", self.it.path("lsaiso"))
        if got.returncode == 1:
            self.assertIn("has no fs-verity", got.stderr)
            self.skipTest("no fs-verity on this file system (tests/vm has one)")
        with self.assertRaises(OSError):
            flip(self.it.path("lsaiso"))


if __name__ == "__main__":
    for name in ("lsainit", "lsaiso", "lsass", "lsactl", "lsasign"):
        if not os.access(program(name), os.X_OK):
            print(f"SKIP: {program(name)} is not built")
            sys.exit(77)
    unittest.main(argv=sys.argv[:1] + sys.argv[2:], verbosity=2)
