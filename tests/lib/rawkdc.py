# SPDX-License-Identifier: GPL-3.0-or-later
"""A Kerberos client of the bare protocol (RFC 4120): asks for any name with any
ticket and key, so that a test sees what a KDC, or the endpoint, makes of it.

Cryptography is libkrb5's krb5_c_*; nothing else of libkrb5 is in here.
"""

import contextlib
import ctypes
import os
import random
import socket
import struct
import threading
import time
from dataclasses import dataclass

from . import der, tickets

AS_REQ, AS_REP, TGS_REQ, TGS_REP, AP_REQ, KRB_ERROR = 10, 11, 12, 13, 14, 30
PA_TGS_REQ = 1
# Key usages, RFC 4120 section 7.5.1.
CHECKSUM, AUTHENTICATOR, REP_SESSION, REP_SUBKEY = 6, 7, 8, 9
# Bits of kdc-options, section 5.4.1.
FORWARDABLE, FORWARDED, RENEWABLE, CANONICALIZE = 1, 2, 8, 15
ENC_TKT_IN_SKEY, RENEW, VALIDATE = 28, 30, 31
CNAME_IN_ADDL_TKT = 14


# ---- cryptography

def encrypt(etype, key, usage, plain):
    lib = ctypes.CDLL("libk5crypto.so.3")
    size = ctypes.c_size_t()
    lib.krb5_c_encrypt_length.argtypes = [ctypes.c_void_p, ctypes.c_int32, ctypes.c_size_t,
                                          ctypes.POINTER(ctypes.c_size_t)]
    if lib.krb5_c_encrypt_length(None, etype, len(plain), ctypes.byref(size)):
        raise ValueError(f"no encryption type {etype}")
    held, told = ctypes.create_string_buffer(key, len(key)), \
        ctypes.create_string_buffer(plain, len(plain))
    room = ctypes.create_string_buffer(size.value)
    # pylint: disable=protected-access
    block = tickets._Keyblock(0, etype, len(key), ctypes.addressof(held))
    given = tickets._Data(0, len(plain), ctypes.addressof(told))
    out = tickets._EncData(0, etype, 0, tickets._Data(0, size.value, ctypes.addressof(room)))
    lib.krb5_c_encrypt.argtypes = [ctypes.c_void_p, ctypes.c_void_p, ctypes.c_int32,
                                   ctypes.c_void_p, ctypes.c_void_p, ctypes.c_void_p]
    code = lib.krb5_c_encrypt(None, ctypes.byref(block), usage, None, ctypes.byref(given),
                              ctypes.byref(out))
    if code:
        raise ValueError(f"krb5_c_encrypt: {code}")
    return room.raw[:out.ciphertext.length]


CHECKSUMS = {17: 15, 18: 16, 19: 19, 20: 20, 23: -138}


# ---- DER of the messages

def number(n):
    size = n.bit_length() // 8 + 1
    return [0x02, n.to_bytes(size, "big", signed=True)]


def text(octets):
    return [0x1B, octets]


def field(n, *elements):
    return [0xA0 | n, list(elements)]


def bits(*which):
    word = sum(1 << (31 - bit) for bit in which)
    return [0x03, b"\0" + struct.pack(">I", word)]


def moment(seconds):
    return [0x18, time.strftime("%Y%m%d%H%M%SZ", time.gmtime(seconds)).encode()]


def name(parts, kind=1):
    return [0x30, [field(0, number(kind)), field(1, [0x30, [text(p) for p in parts]])]]


def enc_data(etype, cipher):
    return [0x30, [field(0, number(etype)), field(2, [0x04, cipher])]]


def read_number(octets):
    return int.from_bytes(octets, "big", signed=True)


def read_name(element):
    """Components of PrincipalName (contents of its SEQUENCE)."""
    return tuple(part for _, part in der.field(element, 1)[0][1])


@dataclass
class Held:
    """A ticket, and what its client has for its key."""
    realm: bytes        # of the client
    client: tuple
    etype: int
    key: bytes
    ticket: bytes

    @classmethod
    def of(cls, cred):
        """A kcm.Cred"""
        return cls(cred.client.realm, cred.client.parts, cred.etype, cred.key, cred.ticket)


def renamed(held, sname, kind=2, realm=None):
    """The same with other words in the part of the ticket that nothing protects."""
    fields = der.parse(held.ticket)[0][1][0][1]
    if realm is None:
        realm = der.field(fields, 1)[0][1]
    made = [[0x61, [[0x30, [fields[0], field(1, text(realm)), field(2, name(sname, kind)),
                            *fields[3:]]]]]]
    return Held(held.realm, held.client, held.etype, held.key, der.build(made))


@dataclass
class Answer:
    code: int = 0       # of KRB-ERROR; 0: a reply
    text: str = ""
    held: Held = None
    sname: tuple = ()   # decrypted
    srealm: bytes = b""
    flags: int = 0
    usage: int = 0      # under which it came
    octets: bytes = b""

    def __str__(self):
        return f"error {self.code} {self.text}".strip() if self.code else "/".join(
            p.decode(errors="replace") for p in self.sname)


def tgs_body(realm, sname, kind=1, options=(CANONICALIZE,), etypes=(18, 17, 23),
             nonce=None, second=None, extra=()):
    nonce = random.getrandbits(31) if nonce is None else nonce
    fields = [field(0, bits(*options)), field(2, text(realm)),
              field(3, name(sname, kind)), field(5, moment(time.time() + 36000)),
              field(7, number(nonce)), field(8, [0x30, [number(e) for e in etypes]]), *extra]
    if second:
        fields.append(field(11, [0x30, der.parse(second)]))
    return [0x30, fields], nonce


def tgs_req(held, body, subkey=None, padata=(), at=None, change=None):
    """A TGS-REQ as octets. subkey: octets of held's etype; change: of the Authenticator's
    fields."""
    octets = der.build([body])
    made = tickets.checksum(CHECKSUMS[held.etype], held.etype, held.key, CHECKSUM, octets)
    proof = [field(0, number(5)), field(1, text(held.realm)), field(2, name(held.client)),
             field(3, [0x30, [field(0, number(CHECKSUMS[held.etype])), field(1, [0x04, made])]]),
             field(4, number(random.randrange(1000000))), field(5, moment(at or time.time()))]
    if subkey:
        proof.append(field(6, [0x30, [field(0, number(held.etype)), field(1, [0x04, subkey])]]))
    if change:
        proof = change(proof)
    proof = der.build([[0x62, [[0x30, proof]]]])
    ap = [[0x6E, [[0x30, [field(0, number(5)), field(1, number(AP_REQ)), field(2, bits()),
                          [0xA3, der.parse(held.ticket)],
                          field(4, enc_data(held.etype, encrypt(held.etype, held.key,
                                                                AUTHENTICATOR, proof)))]]]]]
    first = [0x30, [field(1, number(PA_TGS_REQ)), field(2, [0x04, der.build(ap)])]]
    return der.build([[0x6C, [[0x30, [
        field(1, number(5)), field(2, number(TGS_REQ)), field(3, [0x30, [first, *padata]]),
        field(4, body)]]]]])


def as_req(realm, client, padata=(), etypes=(18, 17), service=None, nonce=None):
    body = [0x30, [field(0, bits(FORWARDABLE, RENEWABLE, CANONICALIZE)), field(1, name(client)),
                   field(2, text(realm)), field(3, name(service or (b"krbtgt", realm), 2)),
                   field(5, moment(time.time() + 36000)),
                   field(7, number(random.getrandbits(31) if nonce is None else nonce)),
                   field(8, [0x30, [number(e) for e in etypes]])]]
    fields = [field(1, number(5)), field(2, number(AS_REQ))]
    if padata:
        fields.append(field(3, [0x30, list(padata)]))
    return der.build([[0x6A, [[0x30, [*fields, field(4, body)]]]]])


def read_error(octets):
    """(code, text) of KRB-ERROR, or None"""
    if octets[:1] != b"\x7e":
        return None
    fields = der.parse(octets)[0][1][0][1]
    said = der.field(fields, 11)
    return read_number(der.field(fields, 6)[0][1]), (said[0][1].decode(errors="replace")
                                                      if said else "")


def read_rep(octets, held, subkey=None):
    """Answer of a TGS-REP (or KRB-ERROR) as a client reads it."""
    error = read_error(octets)
    if error:
        return Answer(*error, octets=octets)
    if octets[:1] != b"\x6d":
        raise ValueError(f"neither TGS-REP nor KRB-ERROR: {octets[:20].hex()}")
    fields = der.parse(octets)[0][1][0][1]
    client = read_name(der.field(fields, 4)[0][1])
    realm = der.field(fields, 3)[0][1]
    part = der.field(fields, 6)[0][1]
    etype = read_number(der.field(part, 0)[0][1])
    cipher = der.field(part, 2)[0][1]
    usage, key = (REP_SUBKEY, subkey) if subkey else (REP_SESSION, held.key)
    try:
        plain = tickets.decrypt(etype, key, usage, cipher)
    except ValueError:
        if not subkey:
            raise
        usage, key = REP_SESSION, held.key
        plain = tickets.decrypt(etype, key, usage, cipher)
    inner = der.parse(plain)[0][1][0][1]
    block = der.field(inner, 0)[0][1]
    return Answer(
        held=Held(realm, client, read_number(der.field(block, 0)[0][1]), der.field(block, 1)[0][1],
                  der.build(der.field(fields, 5))),
        sname=read_name(der.field(inner, 10)[0][1]), srealm=der.field(inner, 9)[0][1],
        flags=int.from_bytes(der.field(inner, 4)[0][1][1:], "big"), usage=usage, octets=octets)


# ---- sending

class Cut(Exception):
    """The other side said nothing, or not all of it."""


def receive(s, n):
    got = b""
    while len(got) < n:
        more = s.recv(n - len(got))
        if not more:
            raise Cut(f"{len(got)} of {n} octets, then the end")
        got += more
    return got


def ask(address, message, timeout=30, datagram=False):
    """One exchange; address is (host, port), or the path of a UNIX socket."""
    family = socket.AF_UNIX if isinstance(address, str) else (
        socket.AF_INET6 if ":" in address[0] else socket.AF_INET)
    with socket.socket(family, socket.SOCK_DGRAM if datagram else socket.SOCK_STREAM) as s:
        s.settimeout(timeout)
        s.connect(address)
        if datagram:
            s.send(message)
            return s.recv(65536)
        s.sendall(struct.pack(">I", len(message)) + message)
        return receive(s, struct.unpack(">I", receive(s, 4))[0])


def tgs(address, held, realm, sname, kind=1, subkey=None, padata=(), timeout=30,
        datagram=False, **more):
    """Ask and read. more: of tgs_body."""
    body, _ = tgs_body(realm, sname, kind, **more)
    return read_rep(ask(address, tgs_req(held, body, subkey, padata), timeout, datagram), held,
                    subkey)


@contextlib.contextmanager
def _there(fd):
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.setns(fd, 0x40000000):  # CLONE_NEWNET
        raise OSError(ctypes.get_errno(), "setns")
    yield


def in_network(pid, work, *args, **named):
    """work(...) in a thread that is in the network namespace of pid (None: here)."""
    if pid is None:
        return work(*args, **named)
    out = {}

    def run():
        fd = os.open(f"/proc/{pid}/ns/net", os.O_RDONLY | os.O_CLOEXEC)
        try:
            with _there(fd):
                out["value"] = work(*args, **named)
        except BaseException as e:  # pylint: disable=broad-except
            out["error"] = e
        finally:
            os.close(fd)
    thread = threading.Thread(target=run)
    thread.start()
    thread.join()
    if "error" in out:
        raise out["error"]
    return out["value"]
