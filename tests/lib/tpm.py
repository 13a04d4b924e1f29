# SPDX-License-Identifier: GPL-3.0-or-later
"""A TPM of one's own (swtpm), the octets that go to it, and what a sealed file says.

One private state folder and socket each, ended by pid. Nothing of tpm2-tools
needs a resource manager here, so each tool flushes what it made.
"""

import os
import select
import shutil
import socket
import struct
import subprocess
import tempfile
import threading
import time

TOOLS = ("swtpm", "tpm2_clear", "tpm2_unseal", "tpm2_pcrextend")
# The storage key that lsaseal makes: attributes of TCG's template.
SRK = "fixedtpm|fixedparent|sensitivedataorigin|userwithauth|noda|restricted|decrypt"


def missing():
    """What is not installed, or None."""
    return next((tool for tool in TOOLS if not shutil.which(tool)), None)


class Tpm:
    def __init__(self):
        self.folder = tempfile.mkdtemp(prefix="lsaiso-tpm-")
        self.socket = os.path.join(self.folder, "tpm.sock")
        self.process = None
        self.start()

    @property
    def tcti(self):
        return f"swtpm:path={self.socket}"

    def start(self):
        """Power on: PCRs begin anew, the rest is as it was."""
        for end in ("", ".ctrl"):
            if os.path.exists(self.socket + end):
                os.unlink(self.socket + end)
        with open(os.path.join(self.folder, "log"), "ab") as log:
            self.process = subprocess.Popen(
                ["swtpm", "socket", "--tpm2", "--tpmstate", f"dir={self.folder}",
                 "--server", f"type=unixio,path={self.socket}",
                 "--ctrl", f"type=unixio,path={self.socket}.ctrl",
                 "--flags", "not-need-init,startup-clear"],
                stdin=subprocess.DEVNULL, stdout=log, stderr=log)
        end = time.monotonic() + 10
        while not os.path.exists(self.socket) or not os.path.exists(self.socket + ".ctrl"):
            assert self.process.poll() is None and time.monotonic() < end, "swtpm did not start"
            time.sleep(0.02)

    def stop(self):
        if self.process.poll() is None:
            self.process.terminate()
            self.process.wait(10)

    def close(self):
        self.stop()
        shutil.rmtree(self.folder, ignore_errors=True)

    def tool(self, *argv, tcti=None, check=True, text=True, **more):
        got = subprocess.run([argv[0], "-T", tcti or self.tcti, *argv[1:]], check=False,
                             capture_output=True, text=text, timeout=60,
                             env=os.environ | {"TSS2_LOG": "all+NONE"}, **more)
        assert not check or got.returncode == 0, (argv, got)
        return got

    def flush(self, tcti=None):
        for what in ("-t", "-l", "-s"):
            self.tool("tpm2_flushcontext", what, tcti=tcti)

    def extend(self, pcr, octet=0xaa):
        self.tool("tpm2_pcrextend", f"{pcr}:sha256={bytes([octet] * 32).hex()}")

    def clear(self):
        self.tool("tpm2_clear", "-c", "p")

    def unseal(self, sealed, tcti=None):
        """What is in a root.tpm, by tpm2-tools: no encrypted session, as a careless program."""
        at = {name: os.path.join(self.folder, name) for name in ("srk", "pub", "priv", "obj", "se")}
        for name in ("pub", "priv"):
            with open(at[name], "wb") as file:
                file.write(getattr(sealed, name))
        self.tool("tpm2_createprimary", "-C", "o", "-g", "sha256", "-G", "ecc256:aes128cfb",
                  "-a", SRK, "-c", at["srk"], tcti=tcti)
        self.flush(tcti)
        self.tool("tpm2_load", "-C", at["srk"], "-u", at["pub"], "-r", at["priv"], "-c", at["obj"],
                  tcti=tcti)
        self.flush(tcti)
        self.tool("tpm2_startauthsession", "--policy-session", "-S", at["se"], tcti=tcti)
        self.tool("tpm2_policypcr", "-S", at["se"], "-l",
                  "sha256:" + ",".join(str(n) for n in sealed.pcrs), tcti=tcti)
        got = self.tool("tpm2_unseal", "-c", at["obj"], "-p", f"session:{at['se']}", tcti=tcti,
                        text=False)
        self.flush(tcti)
        return got.stdout


class Sealed:
    """A root.tpm, as lsaseal/file.h describes it."""

    def __init__(self, path):
        with open(path, "rb") as file:
            octets = file.read()
        assert octets[:8] == b"LSAROOT\x01", octets[:8]
        at = 8 + 4 + 8
        self.id = octets[at:at + 8].hex()
        at += 8 + 16 + 4 + 34
        mask, = struct.unpack_from("<I", octets, at)
        self.pcrs = [n for n in range(24) if mask >> n & 1]
        at += 4 + 32 * len(self.pcrs) + 32
        self.pub, at = self.part(octets, at)
        self.priv, at = self.part(octets, at)
        assert at + 32 == len(octets)

    @staticmethod
    def part(octets, at):
        size, = struct.unpack_from("<I", octets, at)
        return octets[at + 4:at + 4 + size], at + 4 + size


class Bus:
    """Between a program and the TPM: keeps all octets of both ways, and can hold them up."""

    def __init__(self, tpm):
        self.folder = tempfile.mkdtemp(prefix="lsaiso-bus-")
        self.path = os.path.join(self.folder, "bus.sock")
        self.seen = bytearray()
        self.open = threading.Event()
        self.open.set()
        self.waiting = threading.Event()
        self.over = False
        self.threads, self.listeners = [], []
        for end in ("", ".ctrl"):
            listener = socket.socket(socket.AF_UNIX)
            listener.bind(self.path + end)
            listener.listen(8)
            self.listeners.append(listener)
            self.run(self.accept, listener, tpm.socket + end)

    @property
    def tcti(self):
        return f"swtpm:path={self.path}"

    def run(self, target, *args):
        thread = threading.Thread(target=target, args=args, daemon=True)
        thread.start()
        self.threads.append(thread)

    def accept(self, listener, behind):
        while True:
            try:
                client, _ = listener.accept()
            except OSError:
                return
            self.run(self.relay, client, behind)

    def relay(self, client, behind):
        with client, socket.socket(socket.AF_UNIX) as server:
            server.connect(behind)
            while not self.over:
                ready, _, _ = select.select([client, server], [], [], 0.2)
                for source in ready:
                    octets = source.recv(1 << 16)
                    if not octets:
                        return
                    self.seen += octets
                    self.waiting.set()
                    self.open.wait(20)
                    (server if source is client else client).sendall(octets)

    def close(self):
        self.over = True
        self.open.set()
        for listener in self.listeners:
            listener.shutdown(socket.SHUT_RDWR)
            listener.close()
        for thread in self.threads:
            thread.join(5)
        shutil.rmtree(self.folder, ignore_errors=True)
