# SPDX-License-Identifier: GPL-3.0-or-later
"""NTLM as a server sees it that has the password, and a web server that does it.

On its own code, by MS-NLMP alone, so that it judges what lsaiso's says: what
it does not like is Refused, with why.
"""

import base64
import contextlib
import ctypes
import hmac
import http.server
import os
import struct
import threading
import time

SIGNATURE = b"NTLMSSP\0"
# MS-NLMP 2.2.2.5
UNICODE, REQUEST_TARGET, SIGN, SEAL, LM_KEY = 0x1, 0x4, 0x10, 0x20, 0x80
NTLM, ALWAYS_SIGN, TARGET_SERVER, ESS = 0x200, 0x8000, 0x20000, 0x80000
TARGET_INFO, VERSION, KEY_128, KEY_EXCH, KEY_56 = (
    0x800000, 0x2000000, 0x20000000, 0x40000000, 0x80000000)
# MS-NLMP 2.2.2.1
EOL, NB_COMPUTER, NB_DOMAIN, DNS_COMPUTER, DNS_DOMAIN = range(5)
AV_FLAGS, AV_TIME, AV_TARGET, AV_BINDINGS = 6, 7, 9, 10
HAS_MIC = 2
# What makes a table of all NTLMv1 answers worth while.
FAMOUS = bytes.fromhex("1122334455667788")


class Refused(Exception):
    pass


def must(condition, why):
    if not condition:
        raise Refused(why)


def nt_hash(password):
    """MD4 of the password in UTF-16 (MS-NLMP section 3.3.1), by nettle."""
    lib = ctypes.CDLL("libnettle.so.8")
    octets, ctx = password.encode("utf-16-le"), ctypes.create_string_buffer(512)
    out = ctypes.create_string_buffer(16)
    lib.nettle_md4_init(ctx)
    lib.nettle_md4_update(ctx, ctypes.c_size_t(len(octets)), octets)
    lib.nettle_md4_digest(ctx, ctypes.c_size_t(16), out)
    return out.raw


def md5_mac(key, *parts):
    return hmac.new(key, b"".join(parts), "md5").digest()


def response_key(nt, user, domain):
    """NTOWFv2 (MS-NLMP section 3.3.2)."""
    return md5_mac(nt, user.upper().encode("utf-16-le"), domain.encode("utf-16-le"))


def rc4(key, octets):
    s, j = list(range(256)), 0
    for i in range(256):
        j = (j + s[i] + key[i % len(key)]) % 256
        s[i], s[j] = s[j], s[i]
    out, i, j = bytearray(), 0, 0
    for octet in octets:
        i = (i + 1) % 256
        j = (j + s[i]) % 256
        s[i], s[j] = s[j], s[i]
        out.append(octet ^ s[(s[i] + s[j]) % 256])
    return bytes(out)


def kind(message):
    must(message[:8] == SIGNATURE and len(message) >= 12, "not NTLM")
    return struct.unpack_from("<I", message, 8)[0]


def at(message, offset):
    """What a length, maximum and offset point to."""
    length, _, start = struct.unpack_from("<HHI", message, offset)
    must(not length or start + length <= len(message), "points out of the message")
    return message[start:start + length]


def av_pairs(octets):
    """{id: value}; each id once, an end that is there."""
    found, where = {}, 0
    while True:
        must(where + 4 <= len(octets), "AV pairs without an end")
        name, length = struct.unpack_from("<HH", octets, where)
        must(where + 4 + length <= len(octets), "an AV pair is cut off")
        if name == EOL:
            return found
        must(name not in found, f"AV pair {name} twice")
        found[name] = octets[where + 4:where + 4 + length]
        where += 4 + length


def pack_pairs(pairs):
    return b"".join(struct.pack("<HH", n, len(v)) + v for n, v in pairs.items()) + bytes(4)


def windows_time():
    return struct.pack("<Q", (int(time.time()) + 11644473600) * 10000000)


class Server:
    """Makes challenges, and says whether answers are good ones.

    computer, domain   its names; of NetBIOS, and in small letters with a dot of DNS
    target             MsvAvTargetName that must be in the answer; None: whatever
    timestamp          whether the challenge has MsvAvTimestamp
    """

    def __init__(self, passwords, computer="SERVER", domain="TEST", target=None, timestamp=True):
        self.passwords, self.computer, self.domain = passwords, computer, domain
        self.dns = f"{computer.lower()}.{domain.lower()}.local"
        self.target, self.timestamp = target, timestamp

    def pairs(self):
        pairs = {NB_DOMAIN: self.domain.encode("utf-16-le"),
                 NB_COMPUTER: self.computer.encode("utf-16-le"),
                 DNS_DOMAIN: self.dns.split(".", 1)[1].encode("utf-16-le"),
                 DNS_COMPUTER: self.dns.encode("utf-16-le")}
        if self.timestamp:
            pairs[AV_TIME] = windows_time()
        return pairs

    def challenge(self, negotiate, nonce=None):
        asked = struct.unpack_from("<I", negotiate, 12)[0]
        flags = asked & (UNICODE | SIGN | SEAL | ALWAYS_SIGN | ESS | KEY_128 | KEY_EXCH | KEY_56)
        flags |= NTLM | TARGET_SERVER | TARGET_INFO | REQUEST_TARGET | VERSION
        return pack_challenge(flags, nonce or os.urandom(8), self.domain, pack_pairs(self.pairs()))

    def check(self, negotiate, challenge, authenticate):
        """An Answer with its keys (base, key); or Refused."""
        answer = Answer(authenticate)
        answer.must_be_v2()
        pairs = av_pairs(at(challenge, 40))
        for name, value in pairs.items():
            if name != AV_FLAGS:
                must(answer.pairs.get(name) == value, f"AV pair {name} is not as in the challenge")
        if AV_TIME in pairs:
            must(answer.time == pairs[AV_TIME], "not the time of the challenge")
        must(self.target is None or answer.target() == self.target,
             f"made for {answer.target()!r}, this is {self.target}")
        must(answer.user in self.passwords, f"nobody is called {answer.user}")
        base = answer.base = answer.session_base(nt_hash(self.passwords[answer.user]),
                                                 challenge[24:32])
        # 3.2.5.1.2: with nothing to sign or seal the flag means nothing.
        if answer.flags & KEY_EXCH and answer.flags & (SIGN | SEAL):
            must(len(answer.encrypted_key) == 16, "no encrypted session key")
            answer.key = rc4(base, answer.encrypted_key)
        else:
            answer.key = base
        if answer.has_mic():
            must(hmac.compare_digest(answer.mic(answer.key, negotiate, challenge), authenticate[72:88]),
                 "the MIC is wrong")
        return answer


def pack_challenge(flags, nonce, name, info):
    """A CHALLENGE_MESSAGE (MS-NLMP 2.2.1.2)."""
    name = name.encode("utf-16-le")
    return (SIGNATURE + struct.pack("<I", 2) + struct.pack("<HHI", len(name), len(name), 56)
            + struct.pack("<I", flags) + nonce + bytes(8)
            + struct.pack("<HHI", len(info), len(info), 56 + len(name))
            + bytes.fromhex("0a0063450000000f") + name + info)


def weakened(challenge, keep=0):
    """The same as a thief sends it who wants NTLMv1: no extended session security, no target
    information, and a nonce that tables are for. keep: flags that stay (ESS: NTLM2 session)."""
    flags = struct.unpack_from("<I", challenge, 20)[0] & ~(ESS | TARGET_INFO) | keep
    return (challenge[:20] + struct.pack("<I", flags) + FAMOUS + challenge[32:40] + bytes(8)
            + challenge[48:])


class Answer:
    """An AUTHENTICATE_MESSAGE taken apart (MS-NLMP 2.2.1.3)."""

    def __init__(self, message):
        must(kind(message) == 3 and len(message) >= 88, "no AUTHENTICATE_MESSAGE")
        self.message = message
        self.lm, self.nt = at(message, 12), at(message, 20)
        self.domain, self.user, self.workstation = (
            at(message, n).decode("utf-16-le") for n in (28, 36, 44))
        self.encrypted_key = at(message, 52)
        self.flags = struct.unpack_from("<I", message, 60)[0]
        self.pairs, self.time, self.base, self.key = {}, None, None, None

    def must_be_v2(self):
        """NTLMv2_RESPONSE (2.2.2.8), and no LMv1, LMv2 or NTLMv1 beside it."""
        must(self.lm == bytes(24), f"an LM response: {self.lm.hex()}")
        must(len(self.nt) > 16 + 28, f"{len(self.nt)} octets are no NTLMv2 response")
        must(self.nt[16:24] == b"\1\1" + bytes(6), "not version 1 of an NTLMv2_CLIENT_CHALLENGE")
        must(self.nt[40:44] == bytes(4), "Reserved3")
        must(not self.flags & LM_KEY, "LM_KEY")
        must(self.flags & UNICODE, "not Unicode")
        self.time = self.nt[24:32]
        self.pairs = av_pairs(self.nt[44:])

    def session_base(self, nt, nonce):
        key = response_key(nt, self.user, self.domain)
        must(hmac.compare_digest(md5_mac(key, nonce, self.nt[16:]), self.nt[:16]),
             "NTProofStr is wrong")
        return md5_mac(key, self.nt[:16])

    def target(self):
        return self.pairs.get(AV_TARGET, b"").decode("utf-16-le")

    def has_mic(self):
        flags = self.pairs.get(AV_FLAGS, bytes(4))
        return bool(struct.unpack("<I", flags)[0] & HAS_MIC)

    def mic(self, key, negotiate, challenge):
        whole = self.message[:72] + bytes(16) + self.message[88:]
        return md5_mac(key, negotiate, challenge, whole)


class Web(contextlib.AbstractContextManager):
    """A web server on a port of its own that lets in whom `server` lets in.

    change   what it does with each challenge before it sends it
    """

    def __init__(self, server):
        self.server, self.change = server, None
        self.seen = []       # (negotiate, challenge, authenticate)
        self.answers = []    # of those let in
        self.refusals = []   # why others were not
        web = self

        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"
            messages = None

            def do_GET(self):
                web.get(self)

            def log_message(self, *_):
                pass

        self.http = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.http.daemon_threads = True
        self.url = f"http://127.0.0.1:{self.http.server_address[1]}/"
        self.thread = threading.Thread(target=self.http.serve_forever, args=(0.05,), daemon=True)
        self.thread.start()

    def get(self, request):
        word, _, rest = request.headers.get("Authorization", "").partition(" ")
        message = base64.b64decode(rest) if word == "NTLM" else b""
        if not message:
            return self.reply(request, 401, "who are you?", "NTLM")
        if kind(message) == 1:
            challenge = self.server.challenge(message)
            challenge = self.change(challenge) if self.change else challenge
            request.messages = message, challenge
            return self.reply(request, 401, "answer this",
                              "NTLM " + base64.b64encode(challenge).decode())
        try:
            must(request.messages, "no challenge was sent")
            self.seen.append((*request.messages, message))
            self.answers.append(self.server.check(*request.messages, message))
        except Refused as e:
            self.refusals.append(str(e))
            return self.reply(request, 403, f"refused: {e}")
        answer = self.answers[-1]
        return self.reply(request, 200, f"hello {answer.domain}\\{answer.user}")

    @staticmethod
    def reply(request, code, text, authenticate=None):
        body = text.encode() + b"\n"
        request.send_response(code)
        if authenticate:
            request.send_header("WWW-Authenticate", authenticate)
        request.send_header("Content-Length", str(len(body)))
        request.end_headers()
        request.wfile.write(body)

    def __exit__(self, *_):
        self.http.shutdown()
        self.http.server_close()
        self.thread.join(5)
