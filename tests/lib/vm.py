# SPDX-License-Identifier: GPL-3.0-or-later
"""A guest: Debian's kernel in QEMU, with this machine's files as its own.

Its root folder is the host's (virtiofs) under a layer of memory, so programs,
tests and the build folder are where they are here, and nothing that is written
comes back. There is no network but loopback. The processor is emulated: about
ten times slower than this machine.
"""

import base64
import contextlib
import ctypes
import json
import lzma
import os
import shutil
import signal
import socket
import struct
import subprocess
import time
from dataclasses import dataclass

from . import proc

CACHE = os.path.join(os.environ.get("XDG_CACHE_HOME") or os.path.expanduser("~/.cache"), "lsaiso")
# Debian 12's own, and the newest of the backports to Debian 13, which has guest_memfd.
KERNELS = {"debian": "kernel", "newer": "kernel-newer"}
QEMU, VIRTIOFSD, SWTPM = "qemu-system-x86_64", "/usr/lib/qemu/virtiofsd", "swtpm"
# How the guest calls this machine's loopback, where it is let through.
OUTSIDE = "10.0.2.100"
# Where its kernel shows what QEMU's firmware interface has.
FIRMWARE = "/sys/firmware/qemu_fw_cfg/by_name"
HERE = os.path.dirname(os.path.abspath(__file__))
AGENT = os.path.join(os.path.dirname(HERE), "vm")
BOOT_SECONDS = 180
# What is needed before there are files; with what these need, unless built in.
MODULES = ("virtio_pci", "virtio_console", "virtio_blk", "virtio_net", "virtiofs", "overlay")
# With SVM, which QEMU emulates with nested paging (it has no VMX).
CPU_KVM = "EPYC,+svm"
LSM = "landlock,lockdown,yama,integrity,apparmor"
COMMAND_LINE = "console=ttyS0 panic=-1 quiet loglevel=5 no_timer_check secretmem.enable=1 " \
    "printk.devkmsg=on random.trust_cpu=on"


def why_not(kernel="debian"):
    """Why there can be no guest (with that kernel) here; None: there can."""
    if os.geteuid() != 0:
        return "not root: virtiofsd shows the guest the whole file system"
    for path, what in ((shutil.which(QEMU), "qemu-system-x86"), (VIRTIOFSD, "qemu-system-common"),
                       (shutil.which("busybox"), "busybox-static"),
                       (shutil.which("cpio"), "cpio"),
                       (os.path.join(CACHE, KERNELS[kernel], "vmlinuz"),
                        "Debian's kernel" if kernel == "debian" else
                        "the newer kernel (of trixie-backports)")):
        if not path or not os.path.exists(path):
            return f"{what} is not there: scripts/setup.sh test"
    return None


@dataclass
class Result:
    code: int
    out: bytes

    @property
    def text(self):
        return self.out.decode(errors="replace")

    def ok(self):
        assert self.code == 0, f"[{self.code}] {self.text}"
        return self


def pieces(fd, overlap, size=1 << 24):
    """(offset, octets) of a sparse file, holes left out; each begins with the end of the last."""
    at = 0
    with contextlib.suppress(OSError):  # ENXIO: no data after this
        while True:
            at = os.lseek(fd, at, os.SEEK_DATA)
            end = os.lseek(fd, at, os.SEEK_HOLE)
            while at < end:
                piece = os.pread(fd, min(size, end - at), at)
                yield at, piece
                at += len(piece) if at + len(piece) == end else len(piece) - overlap


class Modules:
    """The modules of an unpacked kernel package."""

    def __init__(self, folder):
        self.folder = folder
        self.release, = os.listdir(folder)
        self.needs = {}
        for line in self.lines("modules.dep"):
            path, needs = line.split(":")
            self.needs[self.name(path)] = path, [self.name(n) for n in needs.split()]
        self.built_in = {self.name(line) for line in self.lines("modules.builtin")}

    def lines(self, name):
        with open(os.path.join(self.folder, self.release, name), encoding="utf-8") as f:
            return f.read().splitlines()

    @staticmethod
    def name(path):
        return os.path.basename(path).split(".")[0].replace("-", "_")

    def ordered(self, wanted):
        """Their names and those of what they need, in the order in which to load them."""
        found = []
        for name in wanted:
            if name in self.built_in:
                continue
            if name not in self.needs:
                raise proc.Failed(f"the kernel {self.release} has no module {name}")
            for one in [*reversed(self.needs[name][1]), name]:
                if one not in found:
                    found.append(one)
        return found

    def octets(self, name):
        path = os.path.join(self.folder, self.release, self.needs[name][0])
        with (lzma.open if path.endswith(".xz") else open)(path, "rb") as f:
            return f.read()


def die_with_parent():
    """QEMU does not outlive a test that was killed. Runs in the child."""
    ctypes.CDLL(None).prctl(1, signal.SIGKILL)


class Guest:
    """
    lsm      False: without bpf among the LSMs
    kernel   one of KERNELS
    kvm      with /dev/kvm, of an emulated AMD processor
    more     further words of the kernel's command line
    memory   MiB
    disks    files that become /dev/vda, /dev/vdb ...; a number: an empty one of so many MiB
    tpm      folder of a TPM's state, to keep it from guest to guest; True: a fresh TPM
    network  [(port in the guest, loopback port here)]: TCP connections to
             OUTSIDE:port go to this machine's loopback, nothing else goes anywhere.
             None: no network but the guest's own loopback
    ports    {name: path of a UNIX socket here}: /dev/virtio-ports/NAME in the guest, which
             QEMU connects to that socket, again and again
    firmware {name: path of a file here}: what the guest's kernel shows of its firmware, as
             FIRMWARE/NAME/raw

    One command at a time. What runs on after a command must have given its
    output somewhere else. Files written outside of a disk are gone at the end.
    """

    def __init__(self, lsm=True, more="", memory=1536, disks=(), tpm=None, network=None,
                 kernel="debian", kvm=False, ports=None, firmware=None):
        reason = why_not(kernel)
        if reason:
            raise proc.Failed(reason)
        self.folder = proc.Folder("guest")
        self.log = self.folder("console")
        self.qemu = self.files = self.tpm = self.agent = None
        self.broken, self.memory_mib = None, memory
        self.got = b""
        self.kernel, self.kvm = os.path.join(CACHE, KERNELS[kernel]), kvm
        try:
            self.boot(f"{COMMAND_LINE} lsm={LSM}{',bpf' if lsm else ''} {more}", memory,
                      self.disk_options(disks) + self.tpm_options(tpm)
                      + self.network_options(network) + self.port_options(ports or {})
                      + self.firmware_options(firmware or {}))
            if firmware:
                self.run(["modprobe", "qemu_fw_cfg"]).ok()
            if kvm:
                self.run(["modprobe", "kvm_amd"]).ok()
                # As udev has it.
                self.run("test -c /dev/kvm && chmod 660 /dev/kvm && chgrp kvm /dev/kvm").ok()
        except BaseException:
            self.stop()
            raise

    # ---- starting

    def initrd(self):
        root = self.folder.make("initrd")
        modules = Modules(os.path.join(self.kernel, "lib/modules"))
        wanted = modules.ordered(MODULES)
        for name in ("bin", "modules", "proc", "sys", "dev"):
            os.makedirs(os.path.join(root, name))
        shutil.copy(shutil.which("busybox"), os.path.join(root, "bin", "busybox"))
        shutil.copy(os.path.join(AGENT, "init"), os.path.join(root, "init"))
        os.chmod(os.path.join(root, "init"), 0o755)
        for name in wanted:
            with open(os.path.join(root, "modules", name + ".ko"), "wb") as f:
                f.write(modules.octets(name))
        with open(os.path.join(root, "modules.list"), "w", encoding="ascii") as f:
            f.write("\n".join(f"{name}.ko" for name in wanted))
        for name, path in (("agent", os.path.join(AGENT, "agent.py")),
                           ("modules", os.path.join(self.kernel, "lib", "modules"))):
            with open(os.path.join(root, name + ".path"), "w", encoding="utf-8") as f:
                f.write(path)
        names = subprocess.run(["find", ".", "-print0"], cwd=root, check=True, capture_output=True)
        path = self.folder("initrd.cpio")
        with open(path, "wb") as f:
            subprocess.run(["cpio", "--null", "-o", "--quiet", "-H", "newc"], cwd=root, check=True,
                           input=names.stdout, stdout=f)
        return path

    def spawn(self, argv, name):
        with open(self.folder(name), "wb") as log:
            return subprocess.Popen(argv, stdin=subprocess.DEVNULL, stdout=log, stderr=log,
                                    preexec_fn=die_with_parent)

    def boot(self, command_line, memory, more):
        files, agent, monitor = (self.folder(n) for n in ("files", "agent", "monitor"))
        started = time.monotonic()
        self.files = self.spawn([VIRTIOFSD, f"--socket-path={files}", "-o", "source=/",
                                 "-o", "cache=always", "-o", "sandbox=chroot", "-o", "no_xattr"],
                                "virtiofsd.log")
        # One thread for both processors: with two, one of them can go on with the translation
        # of a breakpoint that the kernel has taken away (it patches its code under way, for
        # tracing, say), and turns round for ever. It is no slower.
        argv = [QEMU, "-accel", "tcg,thread=single", "-cpu", CPU_KVM if self.kvm else "max",
                "-smp", "2", "-M", "q35", "-m", f"{memory}M", "-object", f"memory-backend-memfd,id=mem,size={memory}M,share=on",
                "-numa", "node,memdev=mem", "-nodefaults", "-no-user-config", "-display", "none",
                "-no-reboot", "-kernel", os.path.join(self.kernel, "vmlinuz"), "-initrd", self.initrd(),
                "-append", command_line, "-serial", f"file:{self.log}",
                "-qmp", f"unix:{monitor},server=on,wait=off",
                "-chardev", f"socket,id=files,path={files}",
                "-device", "vhost-user-fs-pci,chardev=files,tag=outside",
                "-device", "virtio-serial-pci", *more,
                "-chardev", f"socket,id=agent,path={agent},server=on,wait=off",
                "-device", "virtserialport,chardev=agent,name=agent"]
        self.wait("virtiofsd", lambda: os.path.exists(files), self.files)
        self.qemu = self.spawn(argv, "qemu.log")
        self.agent = socket.socket(socket.AF_UNIX)
        self.wait("QEMU", lambda: self.agent.connect_ex(agent) == 0, self.qemu)
        self.receive(BOOT_SECONDS, "boot")
        self.boot_seconds = time.monotonic() - started

    def disk_options(self, disks):
        argv = []
        for n, disk in enumerate(disks):
            if isinstance(disk, int):
                size, disk = disk, self.folder(f"disk{n}")
                with open(disk, "wb") as f:
                    f.truncate(size << 20)
            argv += ["-drive", f"file={disk},format=raw,if=none,id=disk{n}",
                     "-device", f"virtio-blk-pci,drive=disk{n}"]
        return argv

    def tpm_options(self, tpm):
        if not tpm:
            return []
        state, control = self.folder.make("tpm") if tpm is True else tpm, self.folder("tpm.ctrl")
        self.tpm = self.spawn([SWTPM, "socket", "--tpm2", "--tpmstate", f"dir={state}",
                               "--ctrl", f"type=unixio,path={control}"], "swtpm.log")
        self.wait("swtpm", lambda: os.path.exists(control), self.tpm)
        return ["-chardev", f"socket,id=tpm,path={control}",
                "-tpmdev", "emulator,id=tpm,chardev=tpm", "-device", "tpm-tis,tpmdev=tpm"]

    @staticmethod
    def network_options(network):
        if network is None:
            return []
        ways = "".join(f",guestfwd=tcp:{OUTSIDE}:{there}-cmd:busybox nc 127.0.0.1 {here}"
                       for there, here in network)
        return ["-netdev", f"user,id=net,restrict=on{ways}", "-device", "virtio-net-pci,netdev=net"]

    @staticmethod
    def port_options(ports):
        argv = []
        for n, (name, path) in enumerate(ports.items()):
            argv += ["-chardev", f"socket,id=port{n},path={path},reconnect=1",
                     "-device", f"virtserialport,chardev=port{n},name={name}"]
        return argv

    @staticmethod
    def firmware_options(firmware):
        return [word for name, path in firmware.items()
                for word in ("-fw_cfg", f"name={name},file={path}")]

    def wait(self, what, check, process, seconds=30):
        end = time.monotonic() + seconds
        while not check():
            if process.poll() is not None or time.monotonic() > end:
                raise proc.Failed(f"{what} did not start\n{self.said()}")
            time.sleep(0.02)

    # ---- talking to the agent

    def receive(self, seconds, what):
        end = time.monotonic() + seconds
        self.agent.settimeout(0.5)
        while len(self.got) < 4 or len(self.got) < 4 + struct.unpack(">I", self.got[:4])[0]:
            if time.monotonic() > end:
                self.fail(f"{what}: no answer within {seconds} s")
            try:
                more = self.agent.recv(1 << 20)
            except socket.timeout:
                continue
            if not more:
                self.fail(f"ended during {what}")
            self.got += more
        size, = struct.unpack(">I", self.got[:4])
        message, self.got = self.got[4:4 + size], self.got[4 + size:]
        return json.loads(message)

    def fail(self, what):
        """What the guest did, for whoever asks; it is of no use after that."""
        self.broken = what
        raise proc.Failed(f"guest: {what}\n{self.said()}")

    def send(self, command, timeout, env, cwd, given, stream=False):
        if self.broken:
            raise proc.Failed(f"guest: of no use any more: {self.broken}")
        ask = {"timeout": timeout, "env": env or {}, "cwd": cwd,
               "input": base64.b64encode(given).decode(), "stream": stream}
        ask["text" if isinstance(command, str) else "argv"] = command
        octets = json.dumps(ask).encode()
        self.agent.settimeout(60)
        try:
            self.agent.sendall(struct.pack(">I", len(octets)) + octets)
        except OSError as e:
            self.fail(f"{e} before {command!r}")

    def run(self, command, timeout=120, env=None, cwd="/", given=b"", show=None):
        """A list of words, or text for /bin/sh. The code and what it printed, errors too.

        show(octets) is called with what it prints as it comes; then the result has none.
        One that is not done within timeout seconds is killed, and Failed is raised."""
        self.send(command, timeout, env, cwd, given, show is not None)
        end = time.monotonic() + timeout + 30
        while True:
            answer = self.receive(end - time.monotonic(), f"{command!r}")
            if "part" not in answer:
                break
            show(base64.b64decode(answer["part"]))
        out = base64.b64decode(answer["out"])
        if answer["late"]:
            raise proc.Failed(f"guest: {command!r}: not done within {timeout} s\n"
                              f"{out.decode(errors='replace')[-3000:]}")
        return Result(answer["code"], out)

    def last(self, command, timeout=120):
        """A command that ends the machine (power off, hibernate, panic): waits for that."""
        self.send(command, timeout, None, "/", b"")
        self.broken = f"{command!r} was to end it"
        try:
            self.qemu.wait(timeout)
        except subprocess.TimeoutExpired:
            self.fail(f"{command!r} did not end it within {timeout} s")

    def python(self, code, timeout=120):
        return self.run(["/usr/bin/python3", "-c", code], timeout)

    def put(self, path, octets, mode=0o644):
        """Write a file of the guest."""
        self.run(["/bin/sh", "-c", 'cat >"$1" && chmod "$2" "$1"', "sh", path, f"{mode:o}"],
                 given=octets).ok()

    def read(self, path):
        """The octets of a file of the guest."""
        return self.run(["cat", path]).ok().out

    # ---- the machine itself

    def console(self):
        try:
            with open(self.log, encoding="utf-8", errors="replace") as f:
                return f.read()
        except OSError:
            return ""

    def said(self):
        parts = [f"console: {self.console()[-3000:]}", self.computes()]
        for name in ("qemu.log", "virtiofsd.log", "swtpm.log"):
            parts.append(f"{name}: {proc.tail(self.folder(name), 1000)}")
        return "\n".join(parts)

    def computes(self):
        """Does a machine that does not answer turn round, or stand still?"""
        def used():
            with open(f"/proc/{self.qemu.pid}/stat", encoding="ascii") as f:
                words = f.read().rpartition(")")[2].split()
            return (int(words[11]) + int(words[12])) / os.sysconf("SC_CLK_TCK")

        try:
            before, started = used(), time.monotonic()
            time.sleep(0.5)
            return f"QEMU: {(used() - before) / (time.monotonic() - started):.2f} processors at work"
        except (OSError, IndexError):
            return "QEMU: has ended"

    def monitor(self, *commands):
        """QMP commands: a name, or (name, arguments). Waits for each."""
        with socket.socket(socket.AF_UNIX) as s:
            s.settimeout(120)
            s.connect(self.folder("monitor"))
            talk = s.makefile("rwb")
            talk.readline()
            for command in ("qmp_capabilities", *commands):
                name, arguments = command if isinstance(command, tuple) else (command, {})
                talk.write(json.dumps({"execute": name, "arguments": arguments}).encode() + b"\n")
                talk.flush()
                while True:
                    answer = json.loads(talk.readline())
                    if "error" in answer:
                        raise proc.Failed(f"QEMU: {name}: {answer['error']}")
                    if "return" in answer:
                        break

    def dump_memory(self, path):
        """All of the guest's memory, as the hypervisor sees it, while the guest stands still."""
        self.monitor("stop", ("dump-guest-memory", {"paging": False, "protocol": f"file:{path}"}),
                     "cont")

    @contextlib.contextmanager
    def memory(self):
        """All of the guest's memory, as the hypervisor has it, while the guest stands still:
        a descriptor. Up to 2 GiB an offset in it is a physical address."""
        folder = f"/proc/{self.qemu.pid}/fd"
        name = next(n for n in os.listdir(folder)
                    if "memory-backend-memfd" in os.readlink(os.path.join(folder, n)))
        with open(os.path.join(folder, name), "rb", buffering=0) as f:
            self.monitor("stop")
            try:
                yield f.fileno()
            finally:
                self.monitor("cont")

    def places(self, *words):
        """{word: where in the memory it is}, of those words that are in it."""
        found = {}
        with self.memory() as fd:
            for start, piece in pieces(fd, max(map(len, words)) - 1):
                for word in words:
                    at = piece.find(word)
                    while at >= 0:
                        found.setdefault(word, set()).add(start + at)
                        at = piece.find(word, at + 1)
        return found

    def find(self, *words):
        """The set of those words that the memory holds."""
        return set(self.places(*words))

    def stop(self):
        if self.agent is not None:
            self.agent.close()
        for process in (self.qemu, self.files, self.tpm):
            if process is not None and process.poll() is None:
                process.kill()
                process.wait(20)
        self.folder.remove()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.stop()
