# SPDX-License-Identifier: GPL-3.0-or-later
"""What is measured and what is to be reached: the last bullet of the plan, as a table."""

from dataclasses import dataclass

# Goals. Ratios are of rates in the same round, so that a noisy machine hurts both sides alike.
BEST_PEER = "best peer daemon"   # ours / the fastest other KCM daemon, at least
FILE = "FILE"                    # time of ours / time of libkrb5 with a FILE cache, at most


@dataclass
class Case:
    """One kind of operation on credential caches, for one number of tickets and clients."""

    name: str
    text: str
    mode: str                    # of kcmbench
    tickets: int = 10
    clients: int = 1
    against: str = ""            # BEST_PEER, FILE or no goal
    factor: float = 0.0
    quick: bool = True           # also with --quick
    own: bool = False            # makes its own caches; else the shared ones of `tickets`


RETRIEVE = [Case(f"retrieve/{t}/{c}", f"RETRIEVE, {t} tickets, {c} client{'s' * (c > 1)}",
                 "retrieve", t, c, BEST_PEER, 1.3, quick=(t == 10 or c == 1))
            for t in (10, 100, 1000) for c in (1, 8, 64)]
LIST = [Case(f"list/{t}", f"list, {t} tickets, 1 client", "list", t, 1, BEST_PEER, 5.0)
        for t in (10, 100, 1000)]
OTHERS = [
    Case("store/1", "store a service ticket, 1 client", "store", 100, 1, BEST_PEER, 1.3, own=True),
    Case("store/8", "store a service ticket, 8 clients", "store", 100, 8, BEST_PEER, 1.3, own=True),
    Case("logon/1", "store what kinit brings (TGT, 2 config entries)", "logon", own=True),
    Case("create/1", "create a cache, 1 client", "create", own=True),
    Case("tgs/1", "TGS on a miss, 1 client", "tgs", 50, 1, FILE, 1.15, own=True),
    Case("tgs/8", "TGS on a miss, 8 clients", "tgs", 50, 8, FILE, 1.15, own=True),
    Case("kinit/1", "kinit with a keytab, 1 client", "kinit", own=True, quick=False),
]
CASES = RETRIEVE + LIST + OTHERS

# The channel: pingbench modes, each at each placing of the two sides.
PLACES = {"apart": "on two CPUs", "same": "on one CPU", "free": "placed by the kernel"}
CHANNEL = {"ping": "lsaiso, empty operation", "socket": "bare socket pair",
           "sleep": "bare futex, sleeping", "spin": "bare futex, spinning"}
ISO_OPS = {"absorb": "cred_absorb (STORE of a TGT)", "seal": "krb_tgs_seal (an authenticator)",
           "session": "session_open and session_close",
           "box": "logon_challenge, box sealed, logon_absorb",
           "ntlm": "ntlm_authenticate (a whole message)"}

# What each measure of isolation costs: lsaiso as it is, and without one or both.
# name: (program in the build folder, argument)
AS_IT_IS = "as it is"
MEASURES = {
    AS_IT_IS: ("lsaiso/lsaiso", "memory=secret"),
    "ordinary memory": ("lsaiso/lsaiso", "memory=ordinary"),
    "no seccomp filter": ("bench/lsaiso-nofilter", "memory=secret"),
    "neither": ("bench/lsaiso-nofilter", "memory=ordinary"),
}
MEASURED = {"ping": "empty operation", "seal": "authenticator", "absorb": "cred_absorb"}

# A logon's cryptography, and NTLM's: logonbench modes (call-M, socket: of pingbench, on one CPU),
# each with the least that it can take (a sum of modes), and at most so many times that. No goal:
# what it is beside another implementation.
@dataclass
class Crypto:
    mode: str
    text: str
    least: tuple
    of: str
    factor: float = 0.0


CRYPTO = [
    Crypto("seal", "box sealed by the client", ("mul", "mul-base"), "hogweed's two X25519", 1.5),
    Crypto("open", "box opened by the core", ("core-mul",), "one X25519 of the core", 1.5),
    Crypto("core-mul", "X25519 of the core", ("mul",), "hogweed's"),
] + [Crypto(f"s2k-{etype}", f"key of a password, etype {etype}", (f"{other}-{etype}",), of, factor)
     for etype in (17, 18, 19, 20)
     for other, of, factor in (("kdf", "nettle's PBKDF2 alone", 1.1), ("mit", "libkrb5's", 0.0))
     ] + [
    Crypto("ntlm", "answer of NTLM, by the core", ("hmac",), "nettle's HMAC-MD5 and RC4 alone"),
    Crypto("call-ntlm", "ntlm_authenticate, asked of lsaiso", ("hmac", "socket"),
           "these and a bare socket's round trip", 2.0),
]

MEMORY_CACHES = 10000
MEMORY_TARGETS = ("lsass", "heimdal")   # sssd-kcm would take minutes
