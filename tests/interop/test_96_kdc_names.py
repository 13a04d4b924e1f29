# SPDX-License-Identifier: GPL-3.0-or-later
"""Does the endpoint give out a key that works as a TGT's at MIT's KDC, under whatever
name it is asked for? (test_98 asks the same of a domain's controller.)"""

import os

import pytest

from lib import aliases, endpoint, proc, rawkdc, tickets, users
from lib.realm import AWAY, HOME, PASSWORDS

pytestmark = pytest.mark.usefixtures("need_root")


def held(cache):
    _, creds = tickets.read_file_ccache(cache)
    return rawkdc.Held.of(next(c for c in creds if c.is_tgt))


@pytest.mark.parametrize("options", [(), (rawkdc.CANONICALIZE,)], ids=["plain", "canonicalize"])
def test_01_no_alias_brings_a_key(realm, options):
    kdc = aliases.Kdc(("127.0.0.1", realm.kdc[HOME]), HOME.encode(), b"TEST", AWAY.encode(),
                      (b"ldap", b"localhost"), [(b"HTTP", b"localhost")])
    with endpoint.Endpoint(realm, {"tgs": {"rate": 100000, "burst": 100000}}) as end:
        user = users.User(end)
        real = os.path.join(end.caches, "real")
        proc.run(["kinit", "alice"], env=realm.env(KRB5CCNAME=f"FILE:{real}"),
                 stdin=PASSWORDS["alice"] + "\n").ok()
        plain = kdc.ask_all(kdc.at, held(real), options)
        aliases.show("at the KDC", plain)
        assert aliases.count(plain)[1] >= 1, "the control finds nothing"
        user.kinit("alice").ok()
        ours = kdc.ask_all(end.at, held(end.standins(user)), options)
        aliases.show("through the endpoint", ours)
        got, good = aliases.count(ours)
        assert got >= 2 and good == 0
