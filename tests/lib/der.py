# SPDX-License-Identifier: GPL-3.0-or-later
"""Just enough DER to change what a KDC says: elements as [tag, contents]."""


def parse(octets):
    """The elements that octets are made of; contents of a constructed one are a list."""
    found = []
    while octets:
        tag, n, head = octets[0], octets[1], 2
        if n & 0x80:
            head += n & 0x7f
            n = int.from_bytes(octets[2:head], "big")
        body, octets = octets[head:head + n], octets[head + n:]
        found.append([tag, parse(body) if tag & 0x20 else body])
    return found


def build(elements):
    out = b""
    for tag, body in elements:
        if isinstance(body, list):
            body = build(body)
        n = len(body)
        if n < 0x80:
            length = bytes([n])
        else:
            octets = n.to_bytes((n.bit_length() + 7) // 8, "big")
            length = bytes([0x80 | len(octets)]) + octets
        out += bytes([tag]) + length + body
    return out


def integer(value):
    return [0x02, value.to_bytes(4, "big", signed=True).lstrip(b"\0") or b"\0"]


def field(elements, n):
    """Contents of [n] EXPLICIT in a SEQUENCE's elements, or None."""
    return next((body for tag, body in elements if tag == 0xa0 | n), None)
