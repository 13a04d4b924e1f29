# SPDX-License-Identifier: GPL-3.0-or-later
"""A KCM client of the bare protocol: every operation, and broken ones on purpose.

Nothing of libkrb5 is in here, so a test sees exactly the octets that a daemon
sends. `Kcm` is one connection; a status other than 0 raises `KcmError`.
"""

import socket
import struct
import time
from dataclasses import dataclass, field, replace

# Operations (big-endian u16 after the two version octets 2, 0).
NOOP, GEN_NEW, INITIALIZE, DESTROY, STORE, RETRIEVE = 0, 3, 4, 5, 6, 7
GET_PRINCIPAL, GET_CRED_UUID_LIST, GET_CRED_BY_UUID, REMOVE_CRED = 8, 9, 10, 11
SET_FLAGS, MOVE_CACHE, GET_CACHE_UUID_LIST, GET_CACHE_BY_UUID = 12, 17, 18, 19
GET_DEFAULT_CACHE, SET_DEFAULT_CACHE, GET_KDC_OFFSET, SET_KDC_OFFSET = 20, 21, 22, 23
GET_CRED_LIST, REPLACE = 13001, 13002

# Match flags of RETRIEVE and REMOVE_CRED.
TC_DONT_MATCH_REALM, TC_MATCH_KEYTYPE, TC_MATCH_SRV_NAMEONLY = 1 << 31, 1 << 30, 1 << 29
TC_MATCH_FLAGS_EXACT, TC_MATCH_FLAGS = 1 << 28, 1 << 27
TC_MATCH_TIMES_EXACT, TC_MATCH_TIMES = 1 << 26, 1 << 25
TC_MATCH_AUTHDATA, TC_MATCH_2ND_TKT, TC_MATCH_IS_SKEY = 1 << 24, 1 << 23, 1 << 22
GC_CACHED = 1
NORMAL = TC_MATCH_TIMES | TC_MATCH_AUTHDATA | GC_CACHED
U2U = NORMAL | TC_MATCH_2ND_TKT | TC_MATCH_IS_SKEY

# Error codes, com_err tables krb5 and k5e1.
TABLE = -1765328384
CODES = {
    "KDC_ERR_S_PRINCIPAL_UNKNOWN": TABLE + 7,
    "KDC_ERR_POLICY": TABLE + 12,
    "KDC_ERR_BADOPTION": TABLE + 13,
    "KDC_ERR_SVC_UNAVAILABLE": TABLE + 29,
    "AP_ERR_TKT_EXPIRED": TABLE + 32,
    "CC_BADNAME": -1765328245,
    "CC_NOTFOUND": -1765328243,
    "CC_END": -1765328242,
    "CC_WRITE": -1765328191,
    "CC_NOSUPP": -1765328137,
    "CC_IO": -1765328191,
    "CC_FORMAT": -1765328185,
    "FCC_PERM": -1765328190,
    "FCC_NOFILE": -1765328189,
    "FCC_INTERNAL": -1765328188,
    "KDC_UNREACH": -1765328228,
}
