#!/usr/bin/python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""Does a root key that is sealed to a TPM come back when it should, and only then?

usage: seal_live.py BUILD_FOLDER [TEST...]

Real instances with a TPM of their own (swtpm). Needs root. Exit code 77: skipped.
"""

import json
import os
import pty
import re
import select
import signal
import subprocess
import sys
import termios
import threading
import time
import unittest

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), ".."))
sys.dont_write_bytecode = True

from lib import instance, search, tpm  # noqa: E402

from lsainit_live import ORDINARY, Instance, alive, program, status_of, until  # noqa: E402

os.environ["LSAISO_BUILD"] = os.path.abspath(sys.argv[1]) if len(sys.argv) > 1 else ""
SANITIZED = os.access(program("lsass"), os.R_OK) and instance.sanitized()

GROUPS = re.compile(r"(?:[0-9A-Z]{5}-){7}[0-9A-Z]{5}\n")


def sealed_instance(case, root="tpm", pcrs="7,16", tcti=None):
    """An instance whose root key is to be kept; nothing is enrolled yet."""
    case.tpm = tpm.Tpm()
    case.addCleanup(case.tpm.close)
    it = Instance(case, "", uid=0)
    case.write = lambda root=root, pcrs=pcrs, tcti=tcti or case.tpm.tcti: it.write(
        f"[seal]\nroot = {root}\ntcti = {tcti}\npcrs = {pcrs}\n")
    case.write()
    return it


def seal(it, *args, stdin=""):
    return subprocess.run([program("lsactl"), "--config", it.conf, "seal", *args], input=stdin,
                          capture_output=True, text=True, timeout=60)


def lsaseal(it, *args, **more):
    return subprocess.run([program("lsaseal"), "--config", it.conf, *args], capture_output=True,
                          text=True, timeout=60, **more)


class Seal(unittest.TestCase):
    uid = 0

    def enrolled(self, **more):
        it = sealed_instance(self, **more)
        got = seal(it, "enroll")
        self.assertEqual(got.returncode, 0, got)
        self.assertRegex(got.stdout, GROUPS)
        self.words = got.stdout.strip()
        self.host = it.path("host")
        return it

    def sealed(self, it):
        return tpm.Sealed(it.path("host/root.tpm"))

    def key(self, it):
        """The root key, by other means."""
        key = self.tpm.unseal(self.sealed(it))
        self.assertEqual(len(key), 32)
        return key

    def root_id(self, it):
        iso = it.status(0)["lsaiso"]
        self.assertEqual(iso["root_kind"], "kept")
        return iso["root_id"]

    def public_key(self, it, kept=True):
        """What lsactl key prints, and whether it warns."""
        got = subprocess.run([program("lsactl"), "--config", it.conf, "key"],
                             capture_output=True, text=True, timeout=30)
        self.assertEqual(got.returncode, 0, got)
        self.assertRegex(got.stdout, r"\A[0-9a-f]{64}\n\Z")
        self.assertEqual(got.stderr == "", kept, got)
        self.assertEqual(it.status(0)["lsaiso"]["public_key"], got.stdout.strip())
        said = json.loads(it.ctl("key").stdout)
        self.assertEqual(said["public_key"], got.stdout.strip())
        self.assertEqual(said["root_kind"], "kept" if kept else "random")
        return got.stdout.strip()

    def refused(self, it, *words):
        """lsainit ends, says so, and nothing serves."""
        open(it.log, "w").close()
        it.spawn()
        code, said = it.ends()
        self.assertEqual(code, 1, said)
        for word in words:
            self.assertIn(word, said)
        self.assertNotIn("lsass serves", said)
        self.assertFalse(os.path.exists(it.kcm) or os.path.exists(it.admin))
        return said

    # ---- the good way

    def test_comes_back(self):
        it = self.enrolled()
        it.start()
        first = self.root_id(it)
        self.assertEqual(first, self.sealed(it).id)
        public = self.public_key(it)
        boot = it.status(0)["lsaiso"]["boot_id"]
        os.kill(it.pids()["lsaiso"], 9)
        until("a new lsaiso", lambda: (it.status().get("lsaiso") or {}).get("boot_id",
                                                                            boot) != boot)
        self.assertEqual(self.root_id(it), first)
        self.assertEqual(self.public_key(it), public)
        it.kill()
        it.start()
        self.assertEqual(self.root_id(it), first)
        self.assertEqual(self.public_key(it), public)
        text = subprocess.run([program("lsactl"), "--config", it.conf, "status"], check=True,
                              capture_output=True, text=True).stdout
        self.assertIn(f"Root key: sealed to the TPM (PCR 7,16), id {first}", text)
        self.assertIn(f"Public key: {public}\n", text)
        it.kill()
        self.tpm.stop()  # power off and on
        self.tpm.start()
        it.start()
        self.assertEqual(self.root_id(it), first)

    def test_random_by_default(self):
        it = sealed_instance(self, root="random")
        ids, keys = set(), set()
        for _ in range(2):
            it.start()
            iso = it.status(0)["lsaiso"]
            self.assertEqual(iso["root_kind"], "random")
            ids.add(iso["root_id"])
            keys.add(self.public_key(it, kept=False))
            it.kill()
        self.assertEqual((len(ids), len(keys)), (2, 2))

    def test_files(self):
        it = self.enrolled()
        self.assertEqual(os.stat(self.host).st_mode & 0o7777, 0o700)
        self.assertEqual(sorted(os.listdir(self.host)), ["root.recovery", "root.tpm"])
        for name in os.listdir(self.host):
            is_ = os.stat(os.path.join(self.host, name))
            self.assertEqual((is_.st_uid, is_.st_mode & 0o7777), (0, 0o600))
        self.assertEqual(len(self.key(it)), 32)

    def test_status(self):
        it = self.enrolled()
        it.start()
        is_ = json.loads(seal(it, "status", "--json").stdout)
        self.assertTrue(is_["tpm"]["present"] and is_["sealed"]["matches"])
        self.assertEqual(is_["tpm"]["manufacturer"], "IBM")
        self.assertEqual(is_["running"]["root_id"], is_["sealed"]["root_id"])
        self.assertEqual(is_["recovery"]["root_id"], is_["sealed"]["root_id"])
        self.tpm.extend(16)
        is_ = json.loads(seal(it, "status", "--json").stdout)
        self.assertFalse(is_["sealed"]["matches"])
        self.assertEqual([row["same"] for row in is_["sealed"]["pcr_values"]], [True, False])
        text = seal(it, "status").stdout
        self.assertIn("PCR 16   another value", text)
        for choice in ("random", "tpm", "file"):  # the choices and their price
            self.assertRegex(text, rf"(?m)^  [* ] {choice} ")

    def test_no_overwriting(self):
        it = self.enrolled()
        before = self.sealed(it).id
        got = seal(it, "enroll")
        self.assertEqual(got.returncode, 111)
        self.assertIn("--replace", got.stderr)
        self.assertEqual(self.sealed(it).id, before)
        with open(os.path.join(self.host, "root.tpm"), "wb") as file:
            file.write(b"?")  # also a damaged one is one
        self.assertEqual(seal(it, "enroll").returncode, 111)
        self.assertEqual(seal(it, "enroll", "--replace").returncode, 0)
        self.assertNotEqual(self.sealed(it).id, before)

    def test_forget(self):
        it = self.enrolled()
        self.assertEqual(seal(it, "forget").returncode, 0)
        self.assertEqual(os.listdir(self.host), [])
        self.refused(it, "there is no sealed root key", "lsactl seal enroll")

    def test_ordinary_user(self):
        it = self.enrolled()
        got = subprocess.run([program("lsactl"), "--config", it.conf, "seal"], user=ORDINARY,
                             group=ORDINARY, extra_groups=[], capture_output=True, text=True)
        self.assertEqual(got.returncode, 1)
        self.assertIn("run this as root", got.stderr)

    # ---- what must not open it

    def test_no_tpm(self):
        it = self.enrolled()
        self.tpm.stop()
        self.refused(it, "no TPM answers", "[seal] tcti")
        # the same with the count of versions, which is asked first, out of the way
        with open(it.conf, "a") as file:
            file.write("[launch]\nverify = off\n")
        self.refused(it, "so nothing is started: no TPM answers", "[seal] tcti")

    def test_cleared(self):
        it = self.enrolled()
        self.tpm.clear()
        self.refused(it, "the TPM was cleared", "lsactl seal recover")
        got = seal(it, "recover", stdin=self.words + "\n")
        self.assertEqual(got.returncode, 0, got)
        it.start()
        self.assertEqual(self.root_id(it), self.sealed(it).id)

    def test_other_pcr(self):
        it = self.enrolled()
        first = self.sealed(it).id
        self.tpm.extend(16)
        said = self.refused(it, "the machine did not start as it did", "lsactl seal recover")
        self.assertIn("these have other values now: 16", said)
        got = seal(it, "recover", stdin=self.words + "\n")
        self.assertEqual(got.returncode, 0, got)
        it.start()
        self.assertEqual(self.root_id(it), first)
        it.kill()
        self.tpm.extend(7, 1)
        self.refused(it, "these have other values now: 7\n")

    def test_restart_with_another_pcr(self):
        """Fail closed also later: lsaiso is not started again without its key."""
        it = self.enrolled()
        it.start()
        self.tpm.extend(16)
        os.kill(it.pids()["lsaiso"], 9)
        until("it says so", lambda: "so nothing is started" in it.said())
        got = it.ctl("status")
        self.assertEqual(got.returncode, 1)
        self.assertIsNone(json.loads(got.stdout)["lsaiso"])

    def test_pcrs_of_the_configuration(self):
        it = self.enrolled()
        self.write(pcrs="7")
        self.refused(it, "sealed to PCR 7,16, [seal] pcrs says 7", "lsactl seal recover")
        self.write(pcrs="7,99")
        self.refused(it, "numbers from 0 to 23")

    def test_missing(self):
        it = self.enrolled()
        os.unlink(os.path.join(self.host, "root.tpm"))
        self.refused(it, "root.tpm is not there", "lsactl seal enroll")

    def test_damaged(self):
        it = self.enrolled()
        path = os.path.join(self.host, "root.tpm")
        with open(path, "rb") as file:
            good = file.read()
        for bad in (good[:-1], good[:200] + bytes([good[200] ^ 1]) + good[201:], b"", good * 9):
            with open(path, "wb") as file:
                file.write(bad)
            self.refused(it, "root.tpm is damaged", "put back its copy")
        with open(path, "wb") as file:
            file.write(good)
        os.chmod(path, 0o644)
        self.refused(it, "mode 0600")

    def test_other_host(self):
        it = sealed_instance(self)
        with open(it.path("id"), "w") as file:
            file.write("0123456789abcdef0123456789abcdef\n")
        got = subprocess.run(
            ["unshare", "-m", "sh", "-c",
             'mount --bind "$1" /etc/machine-id && exec "$2" --config "$3" seal enroll', "sh",
             it.path("id"), program("lsactl"), it.conf], capture_output=True, text=True)
        if "mount" in got.stderr:
            self.skipTest(f"no mount namespace: {got.stderr}")
        self.assertEqual(got.returncode, 0, got)
        self.tpm.clear()  # what another machine's TPM is to this file
        self.refused(it, "sealed on another host", "enroll this host")

    def test_lockout(self):
        """With a storage key that is subject to it, at the place where TCG wants one."""
        self.tpm = None
        it = sealed_instance(self)
        at = os.path.join(self.tpm.folder, "key")
        self.tpm.tool("tpm2_createprimary", "-C", "o", "-G", "ecc256:aes128cfb", "-c", at)
        self.tpm.tool("tpm2_evictcontrol", "-C", "o", "-c", at, "0x81000001")
        self.tpm.flush()
        self.assertEqual(seal(it, "enroll").returncode, 0)
        it.start()
        it.kill()
        self.tpm.tool("tpm2_createprimary", "-C", "o", "-G", "ecc256:aes128cfb", "-p", "right",
                      "-c", at)
        self.tpm.flush()
        self.tpm.tool("tpm2_dictionarylockout", "-s", "-n", "1", "-t", "1000", "-l", "1000")
        got = self.tpm.tool("tpm2_create", "-C", at, "-P", "wrong", "-u", at + ".u", "-r",
                            at + ".r", check=False)
        self.assertNotEqual(got.returncode, 0)
        self.tpm.flush()
        self.refused(it, "lockout", "tpm2_dictionarylockout --clear-lockout")
        self.assertTrue(json.loads(seal(it, "status", "--json").stdout)["tpm"]["lockout"])

    def test_owner_password(self):
        it = sealed_instance(self)
        self.tpm.tool("tpm2_changeauth", "-c", "owner", "secret")
        got = seal(it, "enroll")
        self.assertEqual(got.returncode, 108, got)
        self.assertIn("0x81000001", got.stderr)
        at = os.path.join(self.tpm.folder, "key")
        self.tpm.tool("tpm2_createprimary", "-C", "o", "-P", "secret", "-G", "ecc256:aes128cfb",
                      "-a", tpm.SRK, "-c", at)
        self.tpm.tool("tpm2_evictcontrol", "-C", "o", "-P", "secret", "-c", at, "0x81000001")
        self.tpm.flush()
        self.assertEqual(seal(it, "enroll").returncode, 0)
        it.start()
        self.assertEqual(self.root_id(it), self.sealed(it).id)

    # ---- recovery

    def test_wrong_passphrase(self):
        it = self.enrolled()
        self.tpm.clear()
        other = sealed_instance(self)  # with a TPM of its own, which is now self.tpm
        got = seal(other, "enroll")
        stranger = got.stdout.strip()
        before = os.stat(it.path("host/root.tpm")).st_mtime_ns
        for typed, words in ((stranger, "that is not the recovery passphrase"),
                             (self.words[:-1] + ("0" if self.words[-1] != "0" else "2"),
                              "group 8 of the recovery passphrase is mistyped"),
                             ("too short", "eight groups of five"), ("", "no usable passphrase")):
            got = seal(it, "recover", stdin=typed + "\n")
            self.assertIn(got.returncode, (110, 114))
            self.assertIn(words, got.stderr)
            if typed:
                self.assertNotIn(typed, got.stdout + got.stderr)
        self.assertEqual(os.stat(it.path("host/root.tpm")).st_mtime_ns, before)

    def test_no_recovery_file(self):
        it = self.enrolled()
        os.unlink(os.path.join(self.host, "root.recovery"))
        got = seal(it, "recover", stdin=self.words + "\n")
        self.assertEqual(got.returncode, 102)
        self.assertIn("enroll --replace", got.stderr)

    def test_own_passphrase(self):
        it = sealed_instance(self)
        self.assertEqual(seal(it, "enroll", "--own-passphrase", stdin="fifteen letters\n")
                         .returncode, 114)
        self.assertFalse(os.path.exists(it.path("host/root.tpm")))
        own = "correct horse, with ünïcode"
        got = seal(it, "enroll", "--own-passphrase", stdin=own + "\n")
        self.assertEqual((got.returncode, got.stdout), (0, ""), got)
        first = self.sealed(it).id
        self.tpm.clear()
        self.assertEqual(seal(it, "recover", stdin=own.upper() + "\n").returncode, 110)
        self.assertEqual(seal(it, "recover", stdin=own + "\n").returncode, 0)
        self.assertEqual(self.sealed(it).id, first)

    def test_on_a_terminal(self):
        """Typed on a terminal, it is not shown, and the echo is back afterwards."""
        it = self.enrolled()
        pid, fd = pty.fork()
        if pid == 0:
            os.execv(program("lsactl"), ["lsactl", "--config", it.conf, "seal", "recover"])
        shown = b""

        def more():
            self.assertTrue(select.select([fd], [], [], 60)[0], shown)
            return os.read(fd, 1024)

        self.addCleanup(lambda: alive(pid) and os.kill(pid, signal.SIGKILL))
        while b"Recovery passphrase: " not in shown:
            shown += more()
        self.assertFalse(termios.tcgetattr(fd)[3] & termios.ECHO)  # from the prompt on
        os.write(fd, self.words.lower().encode() + b"\n")
        try:
            while True:
                shown += more()
        except OSError:
            pass
        _, status = os.waitpid(pid, 0)
        os.close(fd)
        self.assertEqual(os.waitstatus_to_exitcode(status), 0, shown)
        self.assertNotIn(self.words.lower()[:11].encode(), shown)
        self.assertIn(b"sealed to the TPM", shown)

    # ---- in the clear

    def test_in_a_file(self):
        it = self.enrolled(root="file")
        self.tpm.stop()  # it is not needed
        self.assertEqual(sorted(os.listdir(self.host)), ["root.key", "root.recovery"])
        self.assertEqual(os.stat(it.path("host/root.key")).st_mode & 0o7777, 0o600)
        it.start()
        first = self.root_id(it)
        self.assertIn("[seal] root = file",
                      [row["setting"] for row in it.status(0)["level"]["weaker"]])
        text = subprocess.run([program("lsactl"), "--config", it.conf, "status"], check=True,
                              capture_output=True, text=True).stdout
        self.assertIn(f"Root key: in a file of root, in the clear, id {first}", text)
        it.kill()
        self.tpm.start()
        self.write(root="tpm")  # from the file to the TPM, by the recovery passphrase
        self.assertEqual(seal(it, "recover", stdin=self.words + "\n").returncode, 0)
        self.assertFalse(os.path.exists(it.path("host/root.key")))
        it.start()
        self.assertEqual(self.root_id(it), first)

    # ---- where the key is not

    def test_not_on_the_bus(self):
        it = sealed_instance(self)
        bus = tpm.Bus(self.tpm)
        self.addCleanup(bus.close)
        self.write(tcti=bus.tcti)
        got = seal(it, "enroll")
        self.assertEqual(got.returncode, 0, got)
        it.start()
        it.kill()
        self.assertEqual(seal(it, "recover", stdin=got.stdout).returncode, 0)
        key = self.key(it)
        self.assertGreater(len(bus.seen), 2000)
        self.assertFalse(search.holds(bytes(bus.seen), search.needles(key)))
        # a careless program shows it: what was recorded would have held it
        self.assertEqual(self.tpm.unseal(self.sealed(it), tcti=bus.tcti), key)
        self.assertTrue(search.holds(bytes(bus.seen), search.needles(key)))

    def test_nowhere_else(self):
        it = self.enrolled()
        it.start()
        key = self.key(it)
        pids = list(it.pids().values())
        found = search.search_memory(key, pids[:1] + pids[2:])  # lsaiso's cannot be read
        self.assertGreater(found.octets, 1 << 20)
        self.assertEqual(found.found, [])
        self.assertEqual(search.search_files(key, [it.folder]), [])
        self.assertEqual(search.search_files(self.words.encode(), [it.folder]), [])
        # the search finds it where it is
        self.assertEqual(seal(it, "enroll", "--replace", "--file").returncode, 0)
        path = it.path("host/root.key")
        with open(path, "rb") as file:
            in_clear = file.read()[8 + 4 + 8 + 8 + 16:-32]
        self.assertEqual(search.search_files(in_clear, [it.folder]), [path])

    def test_wiped_at_the_end(self):
        """All memory of lsaseal just before it ends, and, so that this says something, before."""
        if not os.access("/usr/bin/gdb", os.X_OK):
            self.skipTest("gdb is not installed")
        if SANITIZED:
            self.skipTest("a sanitizer's malloc keeps what is freed")
        it = self.enrolled()
        key = self.key(it)

        def core(*stop):
            path = it.path("core")
            with open(it.path("words"), "w") as file:
                file.write(self.words + "\n")
            subprocess.run(
                ["gdb", "-q", "-nx", "-batch", *[word for line in stop for word in ("-ex", line)],
                 "-ex", f"run --config {it.conf} recover < {it.path('words')}",
                 "-ex", "set use-coredump-filter off", "-ex", "set dump-excluded-mappings on",
                 "-ex", f"gcore {path}", "-ex", "kill", program("lsaseal")],
                capture_output=True, text=True, timeout=120, check=False,
                env=os.environ | {"TSS2_LOG": "all+NONE"})
            with open(path, "rb") as file:
                octets = file.read()
            os.unlink(path)
            return octets

        needles = search.needles(key)
        self.assertTrue(search.holds(core("break tpm_close"), needles))
        last = core("catch syscall exit_group")
        self.assertGreater(len(last), 1 << 20)
        self.assertFalse(search.holds(last, needles))
        self.assertFalse(search.holds(last, search.needles(self.words.encode())))

    def test_process_is_closed(self):
        """lsaseal while it waits for the TPM: what it is, and what it has."""
        it = self.enrolled()
        bus = tpm.Bus(self.tpm)
        self.addCleanup(bus.close)
        self.write(tcti=bus.tcti)
        # the count of versions is asked first: hold up only what has the channel
        bus.open.clear()
        thread = threading.Thread(target=it.spawn)
        thread.start()
        thread.join()

        def booting():
            for pid in os.listdir("/proc"):
                try:
                    with open(f"/proc/{pid}/cmdline", "rb") as file:
                        line = file.read()
                except (OSError, ValueError):
                    continue
                if line.startswith(b"lsaseal") and bus.tcti.encode() in line:
                    if line.endswith(b"boot\0"):
                        return int(pid)
                    bus.open.set()
                    time.sleep(0.01)
                    bus.open.clear()
            return None

        pid = until("lsaseal boot", booting)
        until("it waits", lambda: status_of(pid)["State"].startswith("S"))
        is_ = status_of(pid)
        self.assertEqual(is_["NoNewPrivs"], "1")
        self.assertEqual(is_["Seccomp"], "2")
        for caps in ("CapInh", "CapPrm", "CapEff", "CapBnd", "CapAmb"):
            self.assertEqual(int(is_[caps], 16), 0, caps)
        self.assertTrue(SANITIZED or int(is_["VmLck"].split()[0]) > 1024)
        with open(f"/proc/{pid}/limits") as file:
            self.assertRegex(file.read(), r"Max core file size +0 +0 ")
        with open(f"/proc/{pid}/environ", "rb") as file:
            self.assertEqual(file.read(), b"")
        self.assertEqual(os.stat(f"/proc/{pid}").st_uid, 0)
        bus.open.set()
        it.status(0)
        self.assertFalse(alive(pid))
        self.assertEqual(self.root_id(it), self.sealed(it).id)

    # ---- the count of security versions

    def test_floor_only_up(self):
        it = sealed_instance(self)
        self.assertEqual(lsaseal(it, "floor", "read").stdout, "none\n")
        for to, want in ((0, 0), (3, 3), (1, 3), (3, 3), (63, 63), (0, 63)):
            self.assertEqual(lsaseal(it, "floor", "raise", str(to)).stdout, f"{want}\n")
            self.assertEqual(lsaseal(it, "floor", "read").stdout, f"{want}\n")
        self.assertEqual(lsaseal(it, "floor", "raise", "64").returncode, 116)
        # an index of another kind, which could be set back, is not taken for one
        self.tpm.tool("tpm2_nvundefine", "-C", "o", "0x01834c53")
        self.tpm.tool("tpm2_nvdefine", "-C", "o", "-s", "8", "0x01834c53")
        got = lsaseal(it, "floor", "read")
        self.assertEqual(got.returncode, 116)
        self.assertIn("tpm2_nvundefine", got.stderr)

    def test_floor_of_owner(self):
        """With an owner password only the owner can begin anew."""
        it = sealed_instance(self)
        self.assertEqual(lsaseal(it, "floor", "raise", "2").stdout, "2\n")
        at = os.path.join(self.tpm.folder, "key")
        self.tpm.tool("tpm2_createprimary", "-C", "o", "-G", "ecc256:aes128cfb", "-a", tpm.SRK,
                      "-c", at)
        self.tpm.tool("tpm2_evictcontrol", "-C", "o", "-c", at, "0x81000001")
        self.tpm.flush()
        self.tpm.tool("tpm2_changeauth", "-c", "owner", "secret")
        got = self.tpm.tool("tpm2_nvundefine", "-C", "o", "0x01834c53", check=False)
        self.assertNotEqual(got.returncode, 0)
        self.assertEqual(lsaseal(it, "floor", "raise", "4").stdout, "4\n")
        self.tpm.tool("tpm2_nvundefine", "-C", "o", "-P", "secret", "0x01834c53")
        self.assertEqual(lsaseal(it, "floor", "read").stdout, "none\n")

    def test_floor_at_start(self):
        it = self.enrolled()
        it.start()
        until("the count is raised", lambda: lsaseal(it, "floor", "read").stdout == "1\n")
        it.kill()
        self.assertEqual(lsaseal(it, "floor", "raise", "9").stdout, "9\n")
        os.unlink(it.path("host/floor"))  # the file alone could be edited
        it.spawn()
        code, said = it.ends()
        self.assertEqual(code, 1)
        self.assertIn("is older than 9", said)


if __name__ == "__main__":
    for name in ("lsainit", "lsaiso", "lsass", "lsactl", "lsaseal"):
        if not os.access(program(name), os.X_OK):
            print(f"SKIP: {program(name)} is not built")
            sys.exit(77)
    if os.geteuid() != 0 or tpm.missing():
        print("SKIP: needs root" if os.geteuid() else f"SKIP: no {tpm.missing()}")
        sys.exit(77)
    unittest.main(argv=sys.argv[:1] + sys.argv[2:], verbosity=2)
