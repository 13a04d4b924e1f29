# SPDX-License-Identifier: GPL-3.0-or-later
"""A KCM client of the bare protocol: every operation, and broken ones on purpose.

Nothing of libkrb5 is in here, so a test sees exactly the octets that a daemon
sends. `Kcm` is one connection; a status other than 0 raises `KcmError`.
"""

import socket
import struct
from dataclasses import dataclass, replace

from . import proc, users

# Operations: a big-endian u16 after the two version octets 2, 0.
NOOP, GEN_NEW, INITIALIZE, DESTROY, STORE, RETRIEVE = 0, 3, 4, 5, 6, 7
GET_PRINCIPAL, GET_CRED_UUID_LIST, GET_CRED_BY_UUID, REMOVE_CRED = 8, 9, 10, 11
SET_FLAGS, MOVE_CACHE, GET_CACHE_UUID_LIST, GET_CACHE_BY_UUID = 12, 17, 18, 19
GET_DEFAULT_CACHE, SET_DEFAULT_CACHE, GET_KDC_OFFSET, SET_KDC_OFFSET = 20, 21, 22, 23
GET_CRED_LIST, REPLACE = 13001, 13002

# Match flags of RETRIEVE and REMOVE_CRED.
DONT_MATCH_REALM, MATCH_KEYTYPE, MATCH_SRV_NAMEONLY = 1 << 31, 1 << 30, 1 << 29
MATCH_TIMES, MATCH_AUTHDATA, MATCH_2ND_TKT, MATCH_IS_SKEY = 1 << 25, 1 << 24, 1 << 23, 1 << 22
GC_CACHED = 1
# The shapes that MIT krb5 really sends.
PLAIN = GC_CACHED
NORMAL = MATCH_TIMES | MATCH_AUTHDATA | GC_CACHED
KTYPE = NORMAL | MATCH_KEYTYPE
CROSS = MATCH_SRV_NAMEONLY | MATCH_TIMES | GC_CACHED
U2U = NORMAL | MATCH_2ND_TKT | MATCH_IS_SKEY
S4U2PROXY = NORMAL | MATCH_2ND_TKT

# com_err codes, as they travel.
KDC_S_PRINCIPAL_UNKNOWN = -1765328377
KDC_POLICY = -1765328372
KDC_SVC_UNAVAILABLE = -1765328355
TKT_EXPIRED = -1765328352
KDC_UNREACH = -1765328228
CC_BADNAME = -1765328245
CC_NOTFOUND = -1765328243
CC_END = -1765328242
CC_IO = -1765328191
FCC_PERM = -1765328190
FCC_NOFILE = -1765328189
FCC_INTERNAL = -1765328188
CC_WRITE = -1765328187
CC_NOMEM = -1765328186
CC_FORMAT = -1765328185
CC_NOSUPP = -1765328137
NAMES = {value: name for name, value in list(globals().items())
         if isinstance(value, int) and value < -1000000}

CONF_REALM, CONF_NAME = b"X-CACHECONF:", b"krb5_ccache_conf_data"
AES128, AES256 = 17, 18


class KcmError(Exception):
    def __init__(self, code, op):
        super().__init__(f"operation {op}: {NAMES.get(code, code)}")
        self.code = code


# ---- octets

def data(octets):
    return struct.pack(">I", len(octets)) + octets


def text(name):
    return name.encode() + b"\0"


class Reader:
    def __init__(self, octets):
        self.octets, self.at = octets, 0

    def take(self, n):
        if self.at + n > len(self.octets):
            raise ValueError("reply is too short")
        self.at += n
        return self.octets[self.at - n:self.at]

    def number(self, form):
        return struct.unpack(">" + form, self.take(struct.calcsize(">" + form)))[0]

    def data(self):
        return self.take(self.number("I"))

    def name(self):
        end = self.octets.index(b"\0", self.at)
        name = self.octets[self.at:end].decode()
        self.at = end + 1
        return name

    def end(self):
        if self.at != len(self.octets):
            raise ValueError(f"{len(self.octets) - self.at} octets too many in the reply")


@dataclass(frozen=True)
class Princ:
    realm: bytes
    parts: tuple
    type: int = 1

    @classmethod
    def of(cls, text_form, type=1):
        name, realm = text_form.rsplit("@", 1)
        return cls(realm.encode(), tuple(p.encode() for p in name.split("/")), type)

    def encode(self):
        return (struct.pack(">II", self.type, len(self.parts)) + data(self.realm)
                + b"".join(data(p) for p in self.parts))

    @classmethod
    def read(cls, r):
        kind, count = r.number("I"), r.number("I")
        realm = r.data()
        return cls(realm, tuple(r.data() for _ in range(count)), kind)

    def same(self, other):
        return (self.realm, self.parts) == (other.realm, other.parts)

    def __str__(self):
        return b"/".join(self.parts).decode() + "@" + self.realm.decode()


def read_list(r):
    return tuple((r.number("H"), r.data()) for _ in range(r.number("I")))


def encode_list(items):
    return struct.pack(">I", len(items)) + b"".join(
        struct.pack(">H", kind) + data(octets) for kind, octets in items)


@dataclass(frozen=True)
class Cred:
    client: Princ
    server: Princ
    etype: int = AES256
    key: bytes = bytes(32)
    times: tuple = (0, 0, 0, 0)
    is_skey: int = 0
    flags: int = 0
    addresses: tuple = ()
    authdata: tuple = ()
    ticket: bytes = b""
    second: bytes = b""

    def encode(self):
        return (self.client.encode() + self.server.encode() + struct.pack(">H", self.etype)
                + data(self.key) + struct.pack(">4IBI", *self.times, self.is_skey, self.flags)
                + encode_list(self.addresses) + encode_list(self.authdata)
                + data(self.ticket) + data(self.second))

    @classmethod
    def read(cls, r):
        client, server = Princ.read(r), Princ.read(r)
        etype, key = r.number("H"), r.data()
        times = tuple(r.number("I") for _ in range(4))
        is_skey, flags = r.number("B"), r.number("I")
        addresses, authdata = read_list(r), read_list(r)
        return cls(client, server, etype, key, times, is_skey, flags, addresses, authdata,
                   r.data(), r.data())

    @property
    def is_config(self):
        return self.server.realm == CONF_REALM and self.server.parts[0] == CONF_NAME

    @property
    def is_tgt(self):
        return self.server.parts[0] == b"krbtgt"

    def but(self, **changes):
        return replace(self, **changes)


def config_entry(client, key, value, *principal):
    server = Princ(CONF_REALM, (CONF_NAME, key.encode(), *(p.encode() for p in principal)))
    return Cred(client, server, etype=0, key=b"", ticket=value)


def match(client=None, server=None, etype=None, key=b"", times=(0, 0, 0, 0), is_skey=0, flags=0,
          second=None):
    """An mcred: only what is given is there."""
    header = (client is not None) | (server is not None) << 1 | (etype is not None) << 2
    header |= (second is not None) << 4
    octets = struct.pack(">I", header)
    octets += client.encode() if client else b""
    octets += server.encode() if server else b""
    octets += struct.pack(">H", etype) + data(key) if etype is not None else b""
    octets += struct.pack(">4IBI", *times, is_skey, flags)
    return octets + (data(second) if second is not None else b"")


# ---- the connection

class Kcm:
    def __init__(self, path, timeout=30, uid=None):
        self.path, self.uid = path, uid
        self.socket = socket.socket(socket.AF_UNIX)
        self.socket.settimeout(timeout * proc.SLOW)
        with users.effective(uid):
            self.socket.connect(path)

    def close(self):
        self.socket.close()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    def send(self, op, payload=b""):
        message = struct.pack(">BBH", 2, 0, op) + payload
        self.socket.sendall(struct.pack(">I", len(message)) + message)

    def read(self, n):
        got = b""
        while len(got) < n:
            more = self.socket.recv(n - len(got))
            if not more:
                raise ConnectionError(f"closed after {len(got)} of {n} octets")
            got += more
        return got

    def receive(self):
        """One reply: (status, payload). A transport code counts as the status."""
        length, transport = struct.unpack(">Ii", self.read(8))
        body = self.read(length)
        if transport:
            return transport, b""
        return struct.unpack(">i", body[:4])[0], body[4:]

    def ask(self, op, payload=b""):
        self.send(op, payload)
        status, body = self.receive()
        if status:
            raise KcmError(status, op)
        return Reader(body)

    def nothing(self, op, payload=b""):
        self.ask(op, payload).end()

    def name(self, op, payload=b""):
        r = self.ask(op, payload)
        name = r.name()
        r.end()
        return name

    def uuids(self, op, payload=b""):
        r = self.ask(op, payload)
        assert len(r.octets) % 16 == 0, len(r.octets)
        return [r.take(16) for _ in range(len(r.octets) // 16)]

    def cred(self, op, payload):
        r = self.ask(op, payload)
        cred = Cred.read(r)
        r.end()
        return cred

    # ---- operations

    def noop(self):
        self.nothing(NOOP)

    def gen_new(self):
        return self.name(GEN_NEW)

    def initialize(self, name, principal):
        self.nothing(INITIALIZE, text(name) + principal.encode())

    def destroy(self, name):
        self.nothing(DESTROY, text(name))

    def store(self, name, cred):
        self.nothing(STORE, text(name) + cred.encode())

    def retrieve(self, name, server, flags=NORMAL, **match_with):
        return self.cred(RETRIEVE, text(name) + struct.pack(">I", flags)
                         + match(server=server, **match_with))

    def principal(self, name):
        r = self.ask(GET_PRINCIPAL, text(name))
        principal = Princ.read(r)
        r.end()
        return principal

    def cred_uuids(self, name):
        return self.uuids(GET_CRED_UUID_LIST, text(name))

    def cred_by_uuid(self, name, uuid):
        return self.cred(GET_CRED_BY_UUID, text(name) + uuid)

    def remove(self, name, server, flags=0, **match_with):
        self.nothing(REMOVE_CRED, text(name) + struct.pack(">I", flags)
                     + match(server=server, **match_with))

    def set_flags(self, name, flags=0):
        self.nothing(SET_FLAGS, text(name) + struct.pack(">I", flags))

    def move(self, source, target):
        self.nothing(MOVE_CACHE, text(source) + text(target))

    def cache_uuids(self):
        return self.uuids(GET_CACHE_UUID_LIST)

    def cache_by_uuid(self, uuid):
        return self.name(GET_CACHE_BY_UUID, uuid)

    def default(self):
        return self.name(GET_DEFAULT_CACHE)

    def set_default(self, name):
        self.nothing(SET_DEFAULT_CACHE, text(name))

    def offset(self, name):
        r = self.ask(GET_KDC_OFFSET, text(name))
        offset = r.number("i")
        r.end()
        return offset

    def set_offset(self, name, offset):
        self.nothing(SET_KDC_OFFSET, text(name) + struct.pack(">i", offset))

    def cred_list(self, name):
        r = self.ask(GET_CRED_LIST, text(name))
        found = []
        for _ in range(r.number("I")):
            inner = Reader(r.data())
            found.append(Cred.read(inner))
            inner.end()
        r.end()
        return found

    def replace(self, name, principal, creds, offset=0):
        self.nothing(REPLACE, text(name) + struct.pack(">i", offset) + principal.encode()
                     + struct.pack(">I", len(creds)) + b"".join(data(c.encode()) for c in creds))

    # ---- as clients use them

    def by_iteration(self, name):
        """All credentials as MIT 1.19 and Heimdal read them."""
        return [self.cred_by_uuid(name, uuid) for uuid in self.cred_uuids(name)]

    def cache_names(self):
        return [self.cache_by_uuid(uuid) for uuid in self.cache_uuids()]
