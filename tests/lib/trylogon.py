# SPDX-License-Identifier: GPL-3.0-or-later
"""logon_try (tests/unit/logon_try.c): one logon, told as JSON."""

import json

from . import proc

# krb5_error_code of the KDC's answers (RFC 4120 7.5.9), and of libkrb5's own.
KDC = -1765328384
C_PRINCIPAL_UNKNOWN, ETYPE_NOSUPP, CLIENT_REVOKED = KDC + 6, KDC + 14, KDC + 18
KEY_EXP, PREAUTH_FAILED, BAD_INTEGRITY, SKEW = KDC + 23, KDC + 24, KDC + 31, KDC + 37
KDC_UNREACH, CONFIG_ETYPE, CANCELED = -1765328228, -1765328147, 125
NO_PREAUTH = -1765328174
NAME_EXP, POLICY, S_PRINCIPAL_UNKNOWN = KDC + 1, KDC + 12, KDC + 7
E_ETYPE, E_RANGE, E_SESSION = 10, 4, 5  # enum iso_status


class Tries:
    """logon_try with one environment."""

    def __init__(self, program, env, wrap=None):
        self.program, self.env, self.wrap = program, env, wrap or (lambda argv: argv)

    def __call__(self, principal, password="", options=(), **env):
        argv = self.wrap([self.program, *options, principal])
        done = proc.run(argv, env=dict(self.env, **env), stdin=password)
        assert done.code == 0, f"{done.argv}: {done.code} {done.text}"
        assert len(password) < 6 or password not in done.text
        said = json.loads(done.out)
        said["log"] = done.err
        return said


def refused(said, who, code):
    assert (said["who"], said["code"]) == (who, code), said
    return said


def good(said, client):
    """It worked, and what came out opens nothing at the KDC."""
    assert said["code"] == 0 and said["who"] == "nobody", said
    assert said["client"] == client, said
    assert said["blob"] > 0
    if said["server"].startswith("krbtgt/"):
        assert said["stolen"] == BAD_INTEGRITY, said
    return said
