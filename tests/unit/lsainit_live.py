#!/usr/bin/python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""Does lsainit start, keep, refuse and stop whole instances as it says?

usage: lsainit_live.py BUILD_FOLDER

Runs real instances in private folders, as root and as an ordinary user (as an
ordinary user only when that is what we are). Exit code 77: skipped.
"""

import json
import os
import re
import resource
import shutil
import signal
import socket
import stat
import subprocess
import sys
import tempfile
import threading
import time
import unittest

BUILD = os.path.abspath(sys.argv[1]) if len(sys.argv) > 1 else ""
ORDINARY, ISO, LSASS = 64311, 64312, 64313  # users that nobody has
WAIT = 15


def program(name):
    return os.path.join(BUILD, name, name)


def status_of(pid):
    with open(f"/proc/{pid}/status") as file:
        return dict(line.rstrip("\n").split(":\t", 1) for line in file if ":\t" in line)


def alive(pid):
    try:
        return status_of(pid)["State"][0] not in "ZX"
    except (FileNotFoundError, ProcessLookupError):
        return False


def until(what, test):
    end = time.monotonic() + WAIT
    while time.monotonic() < end:
        got = test()
        if got:
            return got
        time.sleep(0.02)
    raise AssertionError(f"{what}: not within {WAIT} s")


class Instance:
    """One lsainit with a folder of its own."""

    def __init__(self, case, extra="", uid=None):
        self.uid = case.uid if uid is None else uid
        self.folder = tempfile.mkdtemp(prefix="lsainit-test-")
        case.addCleanup(shutil.rmtree, self.folder, True)
        os.chmod(self.folder, 0o755)
        if os.geteuid() == 0 and self.uid != 0:
            os.chown(self.folder, self.uid, self.uid)
        self.conf = self.path("lsaiso.conf")
        self.kcm = self.path("kcm.sock")
        self.admin = self.path("run/admin.sock")
        self.log = self.path("log")
        self.process = None
        self.write(extra)
        case.addCleanup(self.kill)

    def path(self, name):
        return os.path.join(self.folder, name)

    def write(self, extra):
        with open(self.conf, "w") as file:
            file.write(f"[run]\ndirectory = {self.path('run')}\nprograms = {BUILD}\n"
                       f"lsaiso_user = {ISO}\nlsass_user = {LSASS}\n"
                       f"[host]\ndirectory = {self.path('host')}\n"
                       f"[kcm]\nsocket = {self.kcm}\n[state]\ndirectory = {self.path('state')}\n"
                       + extra)
        os.chmod(self.conf, 0o644)

    def as_user(self):
        if os.geteuid() == 0 and self.uid != 0:
            return {"user": self.uid, "group": self.uid, "extra_groups": []}
        return {}

    def spawn(self, *args, **more):
        with open(self.log, "ab") as log:
            self.process = subprocess.Popen([program("lsainit"), "--config", self.conf, *args],
                                            stdin=subprocess.DEVNULL, stdout=log, stderr=log,
                                            **self.as_user(), **more)
        return self.process

    def said(self):
        with open(self.log, errors="replace") as file:
            return file.read()

    def start(self, **more):
        self.spawn(**more)
        self.status(0)
        return self

    def ctl(self, *args):
        return subprocess.run([program("lsactl"), "--config", self.conf, "--json", *args],
                              capture_output=True, text=True, **self.as_user())

    def status(self, want=None):
        def ask():
            if self.process.poll() is not None:
                raise AssertionError(f"lsainit ended: {self.said()}")
            got = self.ctl("status")
            return got if want is None or got.returncode == want else None
        return json.loads(until("lsactl status", ask).stdout)

    def pids(self):
        is_ = self.status(0)
        return {one["name"]: one.get("pid") for one in is_["processes"]}

    def row(self, name):
        return next(one for one in self.status(0)["processes"] if one["name"] == name)

    def ends(self):
        code = self.process.wait(WAIT)
        return code, self.said()

    def kill(self):
        if self.process is not None and self.process.poll() is None:
            self.process.terminate()
            try:
                self.process.wait(WAIT)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait()


class Common:
    """What holds for root and for an ordinary user alike."""

    def test_starts_and_stops(self):
        it = Instance(self).start()
        pids = it.pids()
        self.assertEqual(pids["lsainit"], it.process.pid)
        for name in ("lsaiso", "lsass"):
            self.assertEqual(status_of(pids[name])["PPid"], str(it.process.pid))
        for path in (it.kcm, it.admin):
            self.assertEqual(os.stat(path).st_mode & 0o777, 0o666)
        self.assertEqual(os.stat(it.path("state")).st_mode & 0o777, 0o700)
        self.assertEqual(os.stat(it.path("run")).st_mode & 0o777, 0o755)
        self.has_public_key(it)
        it.process.terminate()
        self.assertEqual(it.process.wait(WAIT), 0)
        self.assertFalse(any(alive(pid) for pid in pids.values()))
        self.assertFalse(os.path.exists(it.kcm) or os.path.exists(it.admin))
        self.assertFalse(os.path.exists(it.path("run/public-key")))

    def has_public_key(self, it):
        """What clients seal passwords to: of the lsaiso that runs, and nobody else may write it."""
        path = it.path("run/public-key")
        is_ = os.lstat(path)
        self.assertTrue(stat.S_ISREG(is_.st_mode))
        self.assertEqual((is_.st_mode & 0o777, is_.st_uid), (0o644, os.stat(it.path("run")).st_uid))
        with open(path) as f:
            key = f.read()
        self.assertEqual(key, it.status(0)["lsaiso"]["public_key"] + "\n")
        self.assertRegex(key, r"^[0-9a-f]{64}\n$")
        self.assertEqual([n for n in os.listdir(it.path("run")) if n.startswith("public-key")],
                         ["public-key"])
        return key

    def test_second_of_the_same(self):
        it = Instance(self).start()
        again = subprocess.run([program("lsainit"), "--config", it.conf], capture_output=True,
                               text=True, timeout=WAIT, **it.as_user())
        self.assertEqual(again.returncode, 1)
        self.assertIn(f"pid {it.process.pid}", again.stderr)
        it.status(0)  # the first is unharmed
        with open(it.path("run/lsainit.pid")) as file:
            self.assertEqual(file.read().strip(), str(it.process.pid))

    def test_two_different(self):
        one, two = Instance(self).start(), Instance(self).start()
        self.assertFalse((set(one.pids().values()) - {None}) & set(two.pids().values()))
        one.process.terminate()
        self.assertEqual(one.process.wait(WAIT), 0)
        two.status(0)

    def test_socket_of_another(self):
        it = Instance(self)
        with socket.socket(socket.AF_UNIX) as rival:
            rival.bind(it.kcm)
            rival.listen()
            os.chmod(it.kcm, 0o666)
            it.spawn()
            code, said = it.ends()
        self.assertEqual(code, 1)
        self.assertIn(f"pid {os.getpid()} (", said)
        self.assertTrue(os.path.exists(it.kcm))  # not ours to remove

    def test_stale_socket(self):
        it = Instance(self)
        with socket.socket(socket.AF_UNIX) as stale:
            stale.bind(it.kcm)
        if it.as_user():
            os.chown(it.kcm, it.uid, it.uid)
        it.start()
        self.assertIn("stale socket replaced", it.said())

    def test_no_socket(self):
        it = Instance(self)
        with open(it.kcm, "w"):
            pass
        it.spawn()
        code, said = it.ends()
        self.assertEqual(code, 1)
        self.assertIn("is not a socket", said)
        self.assertTrue(os.path.exists(it.kcm))

    def test_no_folder(self):
        it = Instance(self)
        it.write("")
        with open(it.conf) as file:
            text = file.read().replace("/kcm.sock", "/none/kcm.sock")
        with open(it.conf, "w") as file:
            file.write(text)
        it.spawn()
        code, said = it.ends()
        self.assertEqual(code, 1)
        self.assertIn("its folder must exist", said)

    def test_lsass_dies(self):
        it = Instance(self).start()
        before = it.pids()
        boot = it.status(0)["lsaiso"]["boot_id"]
        for count in (1, 2, 3):
            os.kill(it.pids()["lsass"], signal.SIGKILL)
            # a client that comes now waits, and is answered
            self.assertEqual(it.row("lsass")["restarts"], count)
        self.assertEqual(it.pids()["lsaiso"], before["lsaiso"])
        self.assertEqual(it.status(0)["lsaiso"]["boot_id"], boot)
        self.assertIn("lsass (pid %d) is gone: ended by signal 9" % before["lsass"], it.said())

    def test_lsaiso_dies(self):
        it = Instance(self).start()
        before, boot = it.pids(), it.status(0)["lsaiso"]["boot_id"]
        key = self.has_public_key(it)
        os.kill(before["lsaiso"], signal.SIGKILL)
        until("a new lsaiso", lambda: (it.status().get("lsaiso") or {}).get("boot_id",
                                                                            boot) != boot)
        row = it.row("lsaiso")
        self.assertEqual((row["restarts"], row["last_exit"]), (1, "signal 9"))
        self.assertNotEqual(self.has_public_key(it), key)  # its root key is another, too
        self.assertEqual(it.pids()["lsass"], before["lsass"])
        self.assertIn("every logon it held has ended", it.said())

    def test_both_die(self):
        it = Instance(self).start()
        pids = it.pids()
        os.kill(pids["lsaiso"], signal.SIGKILL)
        os.kill(pids["lsass"], signal.SIGKILL)
        after = until("both again", lambda: (lambda new: new["lsaiso"] != pids["lsaiso"] and
                                             new["lsass"] != pids["lsass"] and new)(it.pids()))
        self.assertTrue(alive(after["lsaiso"]) and alive(after["lsass"]))

    def test_lsainit_dies(self):
        it = Instance(self).start()
        pids = it.pids()
        it.process.kill()
        it.process.wait()
        until("children die with lsainit",
              lambda: not alive(pids["lsaiso"]) and not alive(pids["lsass"]))
        it.start()  # its sockets are stale, its lock is free
        self.assertNotEqual(it.pids()["lsaiso"], pids["lsaiso"])

    def test_lsawatch_outlives_lsainit(self):
        """It notices late that lsainit was killed; the next lsainit waits for its socket."""
        it = Instance(self).start()
        watch = it.pids().get("lsawatch")
        if watch is None:
            self.skipTest("SKIP: no user lsawatch here")
        os.kill(watch, signal.SIGSTOP)
        later = threading.Timer(0.5, os.kill, (watch, signal.SIGCONT))
        later.start()
        try:
            it.process.kill()
            it.process.wait()
            it.start()
        finally:
            later.join()
        until("the old lsawatch ends", lambda: not alive(watch))
        self.assertNotEqual(it.pids()["lsawatch"], watch)

    def test_hangup(self):
        it = Instance(self).start()
        before = it.pids()
        it.process.send_signal(signal.SIGHUP)
        until("it says so", lambda: "read at the next start" in it.said())
        after = it.pids()
        if before["lsawatch"] is None:  # which may come later
            before["lsawatch"] = after["lsawatch"]
        self.assertEqual(after, before)

    def test_tells_systemd(self):
        it = Instance(self)
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as manager:
            manager.bind(it.path("notify"))
            os.chmod(it.path("notify"), 0o666)
            manager.settimeout(WAIT)
            it.start(env={"NOTIFY_SOCKET": it.path("notify")})
            ready = manager.recv(4096).decode()
            self.assertIn("READY=1", ready)
            self.assertIn("STATUS=level process, memory secret", ready)
            it.process.terminate()
            self.assertEqual(manager.recv(4096).decode(), "STOPPING=1")

    def test_bad_configuration(self):
        it = Instance(self, "[kmc]\n")
        it.spawn()
        code, said = it.ends()
        self.assertEqual(code, 1)
        self.assertRegex(said, re.escape(it.conf) + r":\d+: unknown section \[kmc\], did you mean")

    def test_check(self):
        it = Instance(self)
        it.spawn("--check")
        code, said = it.ends()
        self.assertEqual(code, 0, said)
        self.assertIn("would start", said)
        self.assertEqual(sorted(os.listdir(it.folder)), ["log", "lsaiso.conf"])
        it.write("[isolation]\nmemory = ordinary\n")
        it.spawn("--check")
        code, said = it.ends()
        self.assertEqual(code, 0)
        self.assertIn("memory: ordinary, as configured (weaker)", said)

    def test_weaker_shows(self):
        it = Instance(self, "[isolation]\nmemory = ordinary\n[krb5]\nrc4 = yes\n"
                            "[delegation]\nforward = allow\ns4u = yes\n").start()
        is_ = it.status(0)
        weaker = [one["setting"] for one in is_["level"]["weaker"]]
        self.assertIn("[isolation] memory = ordinary", weaker)
        self.assertIn("[krb5] rc4 = yes", weaker)
        self.assertEqual(is_["level"]["memory"], "ordinary")
        self.assertIn("[delegation] forward = allow", weaker)
        self.assertIn("[delegation] s4u = yes", weaker)
        self.assertEqual(is_["lsaiso"]["policy"], 1 | 2 | 8)
        self.assertIn("root can read", it.said())

    def test_proxy_is_never_allowed(self):
        it = Instance(self, "[delegation]\nproxy = yes\n")
        it.spawn()
        code, said = it.ends()
        self.assertEqual(code, 1)
        self.assertIn("proxy", said)
        it.write("[delegation]\nforward = yes\n")
        it.spawn()
        code, said = it.ends()
        self.assertEqual(code, 1)
        self.assertIn("deny|allow", said)

    def test_lsaiso_is_closed(self):
        it = Instance(self).start()
        pid = it.pids()["lsaiso"]
        is_ = status_of(pid)
        self.assertEqual(is_["NoNewPrivs"], "1")
        self.assertEqual(is_["Seccomp"], "2")
        self.assertEqual(is_["Threads"], "1")
        for caps in ("CapInh", "CapPrm", "CapEff", "CapAmb"):
            self.assertEqual(int(is_[caps], 16), 0, caps)
        with open(f"/proc/{pid}/limits") as file:
            limits = file.read()
        self.assertRegex(limits, r"Max core file size +0 +0 ")
        self.assertRegex(limits, r"Max processes +0 +0 ")
        if os.geteuid() == 0:
            with open(f"/proc/{pid}/environ", "rb") as file:
                self.assertEqual(file.read(), b"")
            self.assertEqual(set(os.listdir(f"/proc/{pid}/fd")) - {"0", "1", "2", "3", "4"}, set())
            self.assertEqual(os.readlink(f"/proc/{pid}/exe"), os.path.realpath(program("lsaiso")))

    def test_programs_missing(self):
        it = Instance(self)
        with open(it.conf) as file:
            text = file.read().replace(f"programs = {BUILD}", f"programs = {it.folder}")
        with open(it.conf, "w") as file:
            file.write(text)
        it.spawn()
        code, said = it.ends()
        self.assertEqual(code, 1)
        self.assertIn("the program lsaiso was not found", said)

    def wrong_lsaiso(self, it, what):
        """Let it start another program as lsaiso."""
        folder = it.path("programs")
        os.mkdir(folder)
        shutil.copy(what, os.path.join(folder, "lsaiso"))
        shutil.copy(program("lsass"), os.path.join(folder, "lsass"))
        with open(it.conf) as file:
            text = file.read().replace(f"programs = {BUILD}", f"programs = {folder}")
        with open(it.conf, "w") as file:
            file.write(text + "[launch]\nverify = off\n")
        for name in ("", "lsaiso", "lsass"):
            os.chmod(os.path.join(folder, name), 0o755)
            if it.as_user():
                os.chown(os.path.join(folder, name), it.uid, it.uid)
        it.spawn()
        return it.ends()


@unittest.skipUnless(os.geteuid() == 0, "needs root")
class Guard:
    """Without a guard; where one can be had, tests/vm looks at it."""

    def no_guard(self, it):
        is_ = it.status(0)["guard"]
        if is_["state"] == "up":
            self.skipTest("this kernel can have a guard")
        return is_

    def test_auto_goes_on_and_says_what_is_missing(self):
        it = Instance(self, "[isolation]\nguard = auto\n").start()
        is_ = self.no_guard(it)
        self.assertEqual(is_["state"], "missing")
        self.assertRegex(is_["why"], "boot with lsm=|as root|kernel refuses it|does not")
        self.assertIn("no guard: " + is_["why"], it.said())
        self.assertEqual((is_["hooks"], is_["locked"], is_["refused"]), (0, False, 0))
        text = subprocess.run([program("lsactl"), "--config", it.conf, "status"],
                              capture_output=True, text=True, **it.as_user()).stdout
        self.assertIn("Guard: none: " + is_["why"], text)

    def test_off_says_so(self):
        it = Instance(self, "[isolation]\nguard = off\n").start()
        status = it.status(0)
        self.assertEqual(status["guard"]["state"], "off")
        self.assertIn("[isolation] guard = off",
                      [one["setting"] for one in status["level"]["weaker"]])

    def test_required_starts_nothing(self):
        self.no_guard(Instance(self).start())
        it = Instance(self, "[isolation]\nguard = required\n")
        it.spawn()
        code, said = it.ends()
        self.assertEqual(code, 1)
        self.assertIn(f"not started: [isolation] guard = required in {it.conf}", said)
        self.assertNotIn("lsaiso runs", said)
        self.assertFalse(os.path.exists(it.admin))

    def test_stop(self):
        it = Instance(self).start()
        pids = it.pids()
        self.assertEqual(it.ctl("stop").returncode, 0)
        self.assertEqual(it.process.wait(WAIT), 0)
        self.assertFalse(any(alive(pid) for pid in pids.values()))
        self.assertIn("stopping (lsactl stop)", it.said())


class AsRoot(Common, Guard, unittest.TestCase):
    uid = 0

    def test_users_and_namespaces(self):
        it = Instance(self).start()
        pids = it.pids()
        for name, uid in (("lsaiso", ISO), ("lsass", LSASS)):
            is_ = status_of(pids[name])
            self.assertEqual(is_["Uid"].split(), [str(uid)] * 4)
            self.assertEqual(is_["Gid"].split(), [str(uid)] * 4)
            self.assertEqual(is_["Groups"].strip(), "")
            self.assertEqual(int(is_["CapBnd"], 16), 0)
            self.assertEqual(is_["NoNewPrivs"], "1")
        for space in ("net", "ipc", "uts", "mnt", "pid"):
            self.assertNotEqual(os.readlink(f"/proc/{pids['lsaiso']}/ns/{space}"),
                                os.readlink(f"/proc/self/ns/{space}"), space)
        self.assertEqual(os.listdir(f"/proc/{pids['lsaiso']}/root/"), [])
        # It serves a moment before it has written down which security version runs.
        until("the version is noted", lambda: "floor" in (it.status(0).get("launch") or {}))
        level = it.status(0)["level"]
        self.assertTrue(level["separate_users"] and level["namespaces"])
        guard = it.status(0)["guard"]["state"]
        self.assertEqual([one["setting"] for one in level["weaker"]],
                         [] if guard == "up" else ["no guard"])
        self.assertEqual(os.stat(it.path("state")).st_uid, LSASS)

    def test_missing_user(self):
        it = Instance(self)
        with open(it.conf) as file:
            text = file.read().replace(f"lsaiso_user = {ISO}", "lsaiso_user = no-such-user")
        with open(it.conf, "w") as file:
            file.write(text)
        it.spawn()
        code, said = it.ends()
        self.assertEqual(code, 1)
        self.assertIn("systemd-sysusers", said)

    def test_same_user_or_root(self):
        for key, value, word in (("lsaiso_user", LSASS, "two users"),
                                 ("lsaiso_user", 0, "must not be root"),
                                 ("lsass_user", "root", "must not be root")):
            it = Instance(self)
            with open(it.conf) as file:
                text = re.sub(rf"{key} = \d+", f"{key} = {value}", file.read())
            with open(it.conf, "w") as file:
                file.write(text)
            it.spawn()
            code, said = it.ends()
            self.assertEqual(code, 1)
            self.assertIn(word, said)

    def test_state_of_another(self):
        it = Instance(self)
        os.mkdir(it.path("state"))
        os.chown(it.path("state"), ORDINARY, ORDINARY)
        it.spawn()
        code, said = it.ends()
        self.assertEqual(code, 1)
        self.assertIn(f"belongs to uid {ORDINARY}", said)
        self.assertEqual(os.stat(it.path("state")).st_uid, ORDINARY)

    def test_unreachable_configuration(self):
        it = Instance(self)
        os.chmod(it.folder, 0o700)  # lsass cannot come in
        it.spawn()
        code, said = it.ends()
        self.assertEqual(code, 1)
        self.assertIn("its user cannot read " + it.conf, said)

    def test_list_of_krb5_configurations(self):
        it = Instance(self)
        first, second = it.path("krb5-1.conf"), it.path("krb5-2.conf")
        for path in (first, second):
            with open(path, "w") as file:
                file.write("[libdefaults]\n")
            os.chmod(path, 0o644)
        # One that is not there is skipped, as libkrb5 does.
        it.write(f"[krb5]\nconfig = {first}:{it.path('none')}:{second}\n")
        it.start()
        it.kill()
        os.chmod(second, 0o600)
        it.spawn()
        code, said = it.ends()
        self.assertEqual(code, 1)
        self.assertIn("its user cannot read " + second, said)

    def test_program_of_others(self):
        it = Instance(self)
        os.mkdir(it.path("programs"))
        shutil.copy(program("lsaiso"), it.path("programs/lsaiso"))
        os.chown(it.path("programs/lsaiso"), ORDINARY, ORDINARY)
        with open(it.conf) as file:
            text = file.read().replace(f"programs = {BUILD}", f"programs = {it.path('programs')}")
        with open(it.conf, "w") as file:
            file.write(text)
        it.spawn()
        code, said = it.ends()
        self.assertEqual(code, 1)
        self.assertIn("can be changed by others than root", said)

    def test_no_lsaiso_in_an_empty_root(self):
        """A dynamic program finds no loader there."""
        code, said = self.wrong_lsaiso(Instance(self), "/usr/bin/yes")
        self.assertEqual(code, 1)
        self.assertIn("could not be executed", said)

    def test_others_may_ask(self):
        it = Instance(self).start()
        got = subprocess.run([program("lsactl"), "--config", it.conf, "caches"], text=True,
                             capture_output=True, user=ORDINARY, group=ORDINARY, extra_groups=[])
        self.assertEqual((got.returncode, got.stdout), (0, "No caches.\n"), got.stderr)
        got = subprocess.run([program("lsactl"), "--config", it.conf, "--uid", "0", "caches"],
                             text=True, capture_output=True, user=ORDINARY, group=ORDINARY,
                             extra_groups=[])
        self.assertEqual(got.returncode, 1)
        self.assertIn("only root", got.stderr)


class AsOrdinary(Common, Guard, unittest.TestCase):
    uid = ORDINARY if os.geteuid() == 0 else os.geteuid()

    def test_says_so(self):
        it = Instance(self).start()
        self.assertIn("not started as root", it.said())
        level = it.status(0)["level"]
        self.assertFalse(level["separate_users"] or level["namespaces"])
        self.assertIn("started by an ordinary user", [one["setting"] for one in level["weaker"]])

    def test_no_locked_memory(self):
        it = Instance(self)
        it.spawn(preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_MEMLOCK, (16384, 16384)))
        code, said = it.ends()
        self.assertEqual(code, 1)
        self.assertIn("RLIMIT_MEMLOCK", said)
        self.assertIn("ulimit -l", said)

    def test_lsaiso_that_ends(self):
        code, said = self.wrong_lsaiso(Instance(self), "/usr/bin/false")
        self.assertEqual(code, 1)
        self.assertIn("lsaiso: exit code 1", said)

    def test_lsaiso_that_hangs(self):
        started = time.monotonic()
        code, said = self.wrong_lsaiso(Instance(self), "/usr/bin/yes")
        self.assertEqual(code, 1)
        self.assertIn("did not answer within 5 s", said)
        self.assertLess(time.monotonic() - started, 10)


if __name__ == "__main__":
    for name in ("lsainit", "lsaiso", "lsass", "lsactl"):
        if not os.access(program(name), os.X_OK):
            print(f"SKIP: {program(name)} is not built")
            sys.exit(77)
    unittest.main(argv=sys.argv[:1] + sys.argv[2:], verbosity=2)
