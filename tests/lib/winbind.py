# SPDX-License-Identifier: GPL-3.0-or-later
"""A client of winbindd's pipe of the bare protocol, in each version of the interface.

Nothing of libwbclient is in here. `Pipe` is one connection; it speaks the version it
is told, and does not look whether the other side agrees unless asked (`hello`).
"""

import os
import shlex
import socket
import struct
from dataclasses import dataclass

from . import proc, users

ERROR, PENDING, OK = 0, 1, 2
NAME, RESPONSE = 256, 4008
KRB5, CACHED_LOGIN = 0x1000, 0x4000  # flags of PAM_AUTH

# By number in every version.
COMMON = {"INTERFACE_VERSION": 0, "GETPWNAM": 1, "PAM_AUTH": 13, "PAM_AUTH_CRAP": 14, "PAM_LOGOFF": 16,
          "LIST_USERS": 18, "LOOKUPNAME": 22, "PING_DC": 31, "PING": 32, "INFO": 33,
          "DOMAIN_NAME": 34, "DOMAIN_INFO": 35}


@dataclass(frozen=True)
class Layout:
    size: int        # of a request without its extra data
    data: int
    extra_len: int
    numbers: dict


def _layout(size, data, extra_len, netbios, priv, auth, save):
    return Layout(size, data, extra_len, COMMON | {
        "NETBIOS_NAME": netbios, "PRIV_PIPE_DIR": priv, "CCACHE_NTLMAUTH": auth,
        "CCACHE_SAVE": save})


LAYOUTS = {30: _layout(2096, 280, 2088, 43, 44, 57, 58),
           31: _layout(2128, 312, 2120, 43, 44, 57, 58),
           32: _layout(2136, 320, 2128, 43, 44, 56, 57),
           33: _layout(2136, 320, 2128, 42, 43, 55, 56)}


def field(text, size=NAME):
    octets = text if isinstance(text, bytes) else text.encode()
    assert len(octets) < size
    return octets.ljust(size, b"\0")


def name_at(octets, at, size=NAME):
    return octets[at:at + size].split(b"\0")[0].decode()


class Response:
    def __init__(self, octets):
        self.octets = octets
        self.length, self.result = struct.unpack_from("=II", octets)
        self.extra = octets[RESPONSE:]

    @property
    def ok(self):
        return self.result == OK

    def name(self, at=8):
        return name_at(self.octets, at)

    def number(self, at=8):
        return struct.unpack_from("=I", self.octets, at)[0]

    # Of CCACHE_NTLMAUTH.
    @property
    def session_key(self):
        return self.octets[8:24]

    @property
    def message(self):
        return self.extra[:self.number(24)]

    @property
    def new_spnego(self):
        return self.octets[28]

    # Of PAM_AUTH.
    @property
    def nt_status(self):
        return self.number(8)

    @property
    def pam_error(self):
        return self.number(524)

    @property
    def cache(self):
        return self.name(552)


class Pipe:
    def __init__(self, path, version=32, uid=None, timeout=20):
        self.version, self.layout = version, LAYOUTS[version]
        self.peer = os.geteuid() if uid is None else uid
        self.socket = socket.socket(socket.AF_UNIX)
        self.socket.settimeout(timeout * proc.SLOW)
        with users.effective(uid):
            self.socket.connect(path)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    def close(self):
        self.socket.close()

    def request(self, command, data=b"", extra=b"", flags=0, domain="", extra_len=None):
        """The octets of a request; command is a name, or a number."""
        la = self.layout
        number = la.numbers[command] if isinstance(command, str) else command
        at = bytearray(la.size)
        struct.pack_into("=6I", at, 0, la.size, number, 0, os.getpid(), 0x800, flags)
        at[24:24 + NAME] = field(domain)
        at[la.data:la.data + len(data)] = data
        struct.pack_into("=I", at, la.extra_len, len(extra) if extra_len is None else extra_len)
        return bytes(at) + extra

    def send(self, *arguments, **more):
        self.socket.sendall(self.request(*arguments, **more))

    def take(self, n):
        got = b""
        while len(got) < n:
            more = self.socket.recv(n - len(got))
            if not more:
                raise EOFError(f"end after {len(got)} octets of {n}")
            got += more
        return got

    def receive(self):
        head = self.take(RESPONSE)
        return Response(head + self.take(struct.unpack_from("=I", head)[0] - RESPONSE))

    def ask(self, *arguments, **more):
        self.send(*arguments, **more)
        return self.receive()

    # ---- as clients do it

    def hello(self):
        got = self.ask("INTERFACE_VERSION")
        assert got.ok, "INTERFACE_VERSION fails"
        return got.number()

    def ccache(self, user, initial=b"", challenge=b"", uid=None):
        """CCACHE_NTLMAUTH; without messages the probe."""
        return self.ask("CCACHE_NTLMAUTH", struct.pack("=I", self.uid(uid)) + field(user)
                        + struct.pack("=II", len(initial), len(challenge)),
                        extra=initial + challenge)

    def save(self, user, password, uid=None):
        return self.ask("CCACHE_SAVE", struct.pack("=I", self.uid(uid)) + field(user)
                        + field(password))

    def auth_request(self, user, password, flags=0, cc_type="", uid=0, member=""):
        return self.request("PAM_AUTH", field(user) + field(password) + field(member, 1024)
                            + field(cc_type) + struct.pack("=I", uid), flags=flags)

    def auth(self, *arguments, **more):
        self.socket.sendall(self.auth_request(*arguments, **more))
        return self.receive()

    def uid(self, uid):
        """What a request says; the other side must not believe it."""
        return self.peer if uid is None else uid

def pipe(path, version=32, uid=None, **more):
    """A connection that has said hello, as uid."""
    made = Pipe(path, version, uid, **more)
    assert made.hello() == version
    return made


def argv(folder, command, more=":"):
    """command in mounts of its own (after more), where folder has the pipe that libwbclient
    looks for."""
    script = (f"mount --make-rprivate / && {more} && mount -t tmpfs tmpfs /run && "
              "mkdir -p /run/samba/winbindd && "
              f"mount --bind {shlex.quote(folder)} /run/samba/winbindd && exec \"$@\"")
    return ["unshare", "-m", "sh", "-ec", script, "sh", *command]


class Standalone:
    """A real winbindd of a machine in no domain, in mounts of its own."""

    def __init__(self, more=""):
        if not proc.program("winbindd"):
            raise proc.Failed("winbindd is not installed (scripts/setup.sh test)")
        self.folder = f = proc.Folder("winbindd")
        for name in ("private", "state", "cache", "lock", "run", "ncalrpc", "sock", "log"):
            f.make(name)
        self.config = f.write("smb.conf", f"""[global]
    netbios name = ALONE
    workgroup = REALGROUP
    security = user
    interfaces = 127.0.0.1/8
    bind interfaces only = yes
    private dir = {f("private")}
    state directory = {f("state")}
    cache directory = {f("cache")}
    lock directory = {f("lock")}
    log file = {f("log", "%m")}
    pid directory = {f("run")}
    ncalrpc dir = {f("ncalrpc")}
    winbindd socket directory = {f("sock")}
    idmap config * : backend = tdb
    idmap config * : range = 100000-199999
{more}""")
        self.pipe = f("sock", "pipe")
        self.log = f("out")
        self.daemon = None
        self.start()

    def start(self):
        f = self.folder
        script = ("mount --make-rprivate / && for x in /run /var/lib/samba /var/cache/samba; "
                  f"do mount -t tmpfs tmpfs $x; done && cd {shlex.quote(f('log'))} "
                  "&& exec \"$@\"")
        self.daemon = proc.Daemon(
            ["unshare", "-m", "-p", "-i", "--fork", "--kill-child", "--mount-proc", "sh", "-ec",
             script, "sh", "winbindd", "-s", self.config, "-F", "--no-process-group",
             "--debug-stdout", "-d1"], self.log)
        proc.wait_until("winbindd", lambda: proc.socket_answers(self.pipe),
                        process=self.daemon.process, log=self.log)

    def end(self):
        self.daemon.stop(patience=1)
        self.daemon = None

    def stop(self):
        if self.daemon:
            self.end()
        self.folder.remove()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.stop()
