# SPDX-License-Identifier: GPL-3.0-or-later
"""The real session key of a ticket, from the KDC's side: the ticket's encrypted
part opened with the service's own key (RFC 4120 section 5.3), by libkrb5's
public krb5_c_decrypt. And FILE ccaches, for copies that a thief makes."""

import ctypes
import hashlib
import math
import os
import struct

from . import kcm

TICKET_USAGE = 2  # RFC 4120 section 7.5.1


# ---- DER, as much as a ticket needs

def element(octets, at=0):
    """(tag, contents, offset of what follows)"""
    tag, length, at = octets[at], octets[at + 1], at + 2
    if length & 0x80:
        count = length & 0x7F
        length, at = int.from_bytes(octets[at:at + count], "big"), at + count
    if at + length > len(octets):
        raise ValueError("DER element is longer than its surroundings")
    return tag, octets[at:at + length], at + length


def inside(octets):
    """{tag: contents} of a constructed element's elements"""
    at, found = 0, {}
    while at < len(octets):
        tag, contents, at = element(octets, at)
        found[tag] = contents
    return found


def context(n):
    return 0xA0 + n


def encrypted_part(ticket):
    """(etype, cipher) of Ticket.enc-part"""
    fields = inside(element(element(ticket)[1])[1])
    part = inside(element(fields[context(3)])[1])
    etype = int.from_bytes(element(part[context(0)])[1], "big")
    return etype, element(part[context(2)])[1]


def session_key(part):
    """(etype, key) of EncTicketPart"""
    fields = inside(element(element(part)[1])[1])
    key = inside(element(fields[context(1)])[1])
    return int.from_bytes(element(key[context(0)])[1], "big"), element(key[context(1)])[1]


# ---- libkrb5

class _Data(ctypes.Structure):
    _fields_ = [("magic", ctypes.c_int32), ("length", ctypes.c_uint), ("data", ctypes.c_void_p)]


class _Keyblock(ctypes.Structure):
    _fields_ = [("magic", ctypes.c_int32), ("enctype", ctypes.c_int32),
                ("length", ctypes.c_uint), ("contents", ctypes.c_void_p)]


class _EncData(ctypes.Structure):
    _fields_ = [("magic", ctypes.c_int32), ("enctype", ctypes.c_int32), ("kvno", ctypes.c_uint),
                ("ciphertext", _Data)]


def decrypt(etype, key, usage, cipher):
    lib = ctypes.CDLL("libk5crypto.so.3")
    lib.krb5_c_decrypt.argtypes = [ctypes.c_void_p, ctypes.POINTER(_Keyblock), ctypes.c_int32,
                                   ctypes.c_void_p, ctypes.POINTER(_EncData),
                                   ctypes.POINTER(_Data)]
    held, sealed = ctypes.create_string_buffer(key, len(key)), \
        ctypes.create_string_buffer(cipher, len(cipher))
    plain = ctypes.create_string_buffer(len(cipher))
    block = _Keyblock(0, etype, len(key), ctypes.addressof(held))
    enc = _EncData(0, etype, 0, _Data(0, len(cipher), ctypes.addressof(sealed)))
    out = _Data(0, len(cipher), ctypes.addressof(plain))
    code = lib.krb5_c_decrypt(None, block, usage, None, enc, out)
    if code:
        raise ValueError(f"krb5_c_decrypt: {code}")
    return plain.raw[:out.length]


class _Checksum(ctypes.Structure):
    _fields_ = [("magic", ctypes.c_int32), ("type", ctypes.c_int32), ("length", ctypes.c_uint),
                ("contents", ctypes.c_void_p)]


def checksum(kind, etype, key, usage, octets):
    """krb5_c_make_checksum: what it makes with a derived key, to check derive() by."""
    lib = ctypes.CDLL("libk5crypto.so.3")
    lib.krb5_c_make_checksum.argtypes = [ctypes.c_void_p, ctypes.c_int32,
                                         ctypes.POINTER(_Keyblock), ctypes.c_int32,
                                         ctypes.POINTER(_Data), ctypes.POINTER(_Checksum)]
    held, told = ctypes.create_string_buffer(key, len(key)), \
        ctypes.create_string_buffer(octets, len(octets))
    block = _Keyblock(0, etype, len(key), ctypes.addressof(held))
    made = _Checksum()
    code = lib.krb5_c_make_checksum(None, kind, block, usage,
                                    _Data(0, len(octets), ctypes.addressof(told)), made)
    if code:
        raise ValueError(f"krb5_c_make_checksum: {code}")
    result = ctypes.string_at(made.contents, made.length)
    ctypes.CDLL("libkrb5.so.3").krb5_free_checksum_contents(None, ctypes.byref(made))
    return result


def nfold(octets, length):
    """RFC 3961 section 5.1, in octets."""
    whole = len(octets) * length // math.gcd(len(octets), length)
    bits = len(octets) * 8
    number = int.from_bytes(octets, "big")
    stretched = b""
    for n in range(whole // len(octets)):
        by = 13 * n % bits
        turned = (number >> by | number << (bits - by)) & ((1 << bits) - 1)
        stretched += turned.to_bytes(len(octets), "big")
    total, most = 0, (1 << length * 8) - 1
    for at in range(0, whole, length):
        total += int.from_bytes(stretched[at:at + length], "big")
        total = (total & most) + (total >> length * 8)
    return total.to_bytes(length, "big")


def derive(key, usage, purpose):
    """DK of RFC 3961 section 5.3 with AES (etypes 17, 18)."""
    lib = ctypes.CDLL("libcrypto.so.3")
    schedule = ctypes.create_string_buffer(512)
    if lib.AES_set_encrypt_key(key, len(key) * 8, schedule):
        raise ValueError("AES_set_encrypt_key")
    block, made = nfold(struct.pack(">IB", usage, purpose), 16), b""
    while len(made) < len(key):
        out = ctypes.create_string_buffer(16)
        lib.AES_encrypt(block, out, schedule)
        block = out.raw
        made += block
    return made[:len(key)]


def derived_keys(key):
    """{what it is for: key} of all that lsaiso makes out of a TGT's session key."""
    return {"checksum of the request (6)": derive(key, 6, 0x99),
            "encryption of the authenticator (7)": derive(key, 7, 0xAA),
            "integrity of the authenticator (7)": derive(key, 7, 0x55)}


def keytab(path):
    """[(principal, etype, key)] of a version 2 keytab file"""
    with open(path, "rb") as f:
        octets = f.read()
    if octets[:2] != b"\x05\x02":
        raise ValueError(f"{path} is not a keytab")
    entries, at = [], 2
    while at + 4 <= len(octets):
        size = struct.unpack(">i", octets[at:at + 4])[0]
        at += 4
        if size > 0:
            entries.append(_keytab_entry(octets[at:at + size]))
        at += abs(size)
    return entries


def write_keytab_without(source, path, etype):
    """A copy of a keytab file (0600) that has no keys of that type."""
    with open(source, "rb") as f:
        octets = f.read()
    kept, at = octets[:2], 2
    while at + 4 <= len(octets):
        size = struct.unpack(">i", octets[at:at + 4])[0]
        if size > 0 and _keytab_entry(octets[at + 4:at + 4 + size])[1] != etype:
            kept += octets[at:at + 4 + size]
        at += 4 + abs(size)
    with open(path, "wb") as f:
        os.fchmod(f.fileno(), 0o600)
        f.write(kept)


def _keytab_entry(octets):
    def counted(at):
        n = struct.unpack(">H", octets[at:at + 2])[0]
        return octets[at + 2:at + 2 + n], at + 2 + n

    count = struct.unpack(">H", octets[:2])[0]
    realm, at = counted(2)
    parts = []
    for _ in range(count):
        part, at = counted(at)
        parts.append(part)
    at += 4 + 4 + 1  # name type, timestamp, kvno
    etype = struct.unpack(">H", octets[at:at + 2])[0]
    key, _ = counted(at + 2)
    return kcm.Princ(realm, tuple(parts)), etype, key


def real_key(ticket, krbtgt_keytab):
    """The session key that the KDC put into ticket."""
    etype, cipher = encrypted_part(ticket)
    for _, have, key in keytab(krbtgt_keytab):
        if have == etype:
            return session_key(decrypt(etype, key, TICKET_USAGE, cipher))[1]
    raise ValueError(f"no key of etype {etype} in {krbtgt_keytab}")


def trace_hash(key):
    """What KRB5_TRACE shows of a key: two octets of its SHA-1."""
    return hashlib.sha1(key).hexdigest()[:4].upper()


# ---- FILE ccaches (version 4: KCM's encodings behind a header)

def write_file_ccache(path, principal, creds):
    with open(path, "wb") as f:
        f.write(b"\x05\x04\x00\x00" + principal.encode() + b"".join(c.encode() for c in creds))


def read_file_ccache(path):
    """(principal, [Cred])"""
    with open(path, "rb") as f:
        octets = f.read()
    if octets[:2] != b"\x05\x04":
        raise ValueError(f"{path} is not a version 4 ccache")
    r = kcm.Reader(octets)
    r.take(2)
    r.take(r.number("H"))
    principal, creds = kcm.Princ.read(r), []
    while r.at < len(octets):
        creds.append(kcm.Cred.read(r))
    return principal, creds
