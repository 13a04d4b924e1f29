# SPDX-License-Identifier: GPL-3.0-or-later
"""Every name by which somebody may call the account that TGTs are for, and whether the ticket
that comes is as good as one."""

import contextlib

from . import rawkdc, tickets

KINDS = (0, 1, 2, 3, 10)


class Kdc:
    """at: the KDC itself; flat: another name of the realm; other: a realm it knows; service:
    what a TGT is tried with; more: further names."""

    def __init__(self, at, realm, flat, other, service, more=()):
        self.at, self.realm, self.flat, self.other = at, realm, flat, other
        self.service, self.more = service, tuple(more)

    def names(self):
        """(components, name type)"""
        r, low, flat, other = self.realm, self.realm.lower(), self.flat, self.other
        names = []
        for word in (b"krbtgt", b"KRBTGT", b"Krbtgt"):
            names += [(word, realm) for realm in (r, low, low.title(), flat, flat.lower(), other,
                                                  other.lower(), other.split(b".")[0],
                                                  b"dc1." + low, b"krbtgt", b"", r + b".")]
            names += [(word,), (word + b"$",), (word + b"\0", r), (word + b" ", r),
                      (word + b"@" + r,), (word + b"@" + low,), (word + b"@" + flat,),
                      (word + b"@",), (flat + b"\\" + word,), (flat, word), (r, word),
                      (word, r, r), (word, flat, r), (word + b"/" + r,),
                      (word + b"\\/" + r,), (low + b"/Users/" + word,), (low, b"Users", word),
                      (b"CN=" + word + b",CN=Users,DC=ad,DC=test",)]
        names += [(b"kadmin", b"changepw"), (b"KADMIN", b"CHANGEPW"), (b"kadmin", b"changePW"),
                  (b"kadmin", b"admin"), (b"kadmin", low), (b"kadmin",), (b"kadmin/changepw",),
                  (b"kadmin", b"changepw", r), (b"changepw", b"kerberos"),
                  (b"kadmin/changepw@" + r,), ("\u212arbtgt".encode(),),
                  ("\u212arbtgt".encode(), r), ("\uff4brbtgt".encode(), r),
                  ("krbt\u0261t".encode(),), (b"",), (b"", b""), self.service, *self.more]
        return [(name, kind) for name in names for kind in KINDS]

    def opens(self, ticket):
        """What the KDC says to a ticket and its key as a TGT, under the name that it has and
        under the realm's, which anybody can write into it."""
        forms = [ticket] + [rawkdc.renamed(ticket, (b"krbtgt", name), realm=self.realm)
                            for name in (self.realm, self.flat)]
        return [rawkdc.tgs(self.at, form, self.realm, self.service) for form in forms]

    def ask_all(self, at, tgt, options):
        """{(name, type): (answer, what its key does as a TGT's)}; at: who is asked."""
        rows = {}
        for name, kind in self.names():
            try:
                answer = rawkdc.tgs(at, tgt, self.realm, name, kind=kind, options=options)
            except (rawkdc.Cut, OSError) as e:
                rows[name, kind] = (repr(e), None)
                continue
            rows[name, kind] = (answer, self.opens(answer.held) if answer.held else None)
        return rows


def none_is_the_kdcs(rows, keys):
    """Of tickets under one of keys, [(etype, key)] of the KDC's own accounts: the client has
    another session key than is in it."""
    for (name, kind), (answer, tried) in rows.items():
        if not tried:
            continue
        etype, cipher = tickets.encrypted_part(answer.held.ticket)
        for have, key in keys:
            if have != etype:
                continue
            with contextlib.suppress(ValueError):
                inside = tickets.decrypt(etype, key, tickets.TICKET_USAGE, cipher)
                assert tickets.session_key(inside)[1] != answer.held.key, (name, kind)


def show(title, rows):
    lines = [title]
    for (name, kind), (answer, tried) in rows.items():
        if not tried:
            continue
        names = b"/".join(name).decode(errors="backslashreplace")
        worked = ["works" if one.held else str(one) for one in tried]
        lines.append(f"  {names!r:42} type {kind:2}: ticket for {str(answer)!r}, "
                     f"as a TGT: {', '.join(worked)}")
    print("\n".join(lines))


def count(rows):
    """(tickets, those of them that are as good as a TGT)"""
    got = [tried for _, tried in rows.values() if tried]
    return len(got), sum(any(one.held for one in tried) for tried in got)
