# SPDX-License-Identifier: GPL-3.0-or-later
"""A KDC that misbehaves on request: in front of a real one, over TCP and UDP."""

import os
import random
import select
import socket
import struct
import threading
import time

from . import der, proc, rawkdc, tickets


def too_big():
    """KRB_ERR_RESPONSE_TOO_BIG"""
    return error(52)


def error(code, realm=b"TEST.LOCAL"):
    return der.build([[0x7E, [[0x30, [
        rawkdc.field(0, rawkdc.number(5)), rawkdc.field(1, rawkdc.number(rawkdc.KRB_ERROR)),
        rawkdc.field(4, rawkdc.moment(time.time())), rawkdc.field(5, rawkdc.number(0)),
        rawkdc.field(6, rawkdc.number(code)), rawkdc.field(9, rawkdc.text(realm)),
        rawkdc.field(10, rawkdc.name((b"krbtgt", realm), 2))]]]]])


class FaultKdc:
    """how: one of the methods do_*, for every request until it is changed.

    krbtgt: keytab of the realm's krbtgt, for answers that only a KDC can make.
    """

    def __init__(self, real, krbtgt=None):
        self.real, self.krbtgt = real, krbtgt
        self.how, self.seconds = "relay", 3.0
        self.seen = []          # (how, stream)
        self.ports = []         # where datagrams came from
        self.earlier = None     # somebody else's answer
        self.held = []          # do_hold: (message, event that lets its answer go)
        self.hold = b"\0"       # what is in such messages
        self.over = False
        self.port = proc.free_port()
        self.threads = []
        self.tcp = self.udp = None
        self.up()

    def up(self):
        self.tcp = socket.create_server(("127.0.0.1", self.port), backlog=256)
        self.udp = socket.socket(type=socket.SOCK_DGRAM)
        self.udp.bind(("127.0.0.1", self.port))
        self.over = False
        self.main = threading.Thread(target=self._serve, daemon=True)
        self.main.start()

    def down(self):
        """Nobody listens any more."""
        self.over = True
        self.main.join(10)
        self.tcp.close()
        self.udp.close()

    stop = down

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.down()

    def _serve(self):
        while not self.over:
            for s in select.select([self.tcp, self.udp], [], [], 0.1)[0]:
                try:
                    if s is self.tcp:
                        conn, _ = s.accept()
                        work = (self._stream, conn)
                    else:
                        message, whose = s.recvfrom(65536)
                        work = (self._datagram, message, whose)
                except OSError:
                    continue
                threading.Thread(target=self._guarded, args=work, daemon=True).start()

    @staticmethod
    def _guarded(work, *args):
        try:
            work(*args)
        except (OSError, ValueError, TypeError, rawkdc.Cut):
            pass  # the other side went away

    def _stream(self, conn):
        with conn:
            conn.settimeout(60)
            message = rawkdc.receive(conn, struct.unpack(">I", rawkdc.receive(conn, 4))[0])
            self.seen.append((self.how, True))
            getattr(self, "do_" + self.how)(message, conn, None)

    def _datagram(self, message, whose):
        self.seen.append((self.how, False))
        self.ports.append(whose[1])
        getattr(self, "do_" + self.how)(message, None, whose)

    def _say(self, octets, conn, whose):
        if conn:
            conn.sendall(struct.pack(">I", len(octets)) + octets)
        else:
            self.udp.sendto(octets, whose)

    def _ask(self, message):
        return rawkdc.ask(self.real, message)

    # ---- what it does

    def do_relay(self, message, conn, whose):
        self._say(self._ask(message), conn, whose)

    def do_remember(self, message, conn, whose):
        self.earlier = self._ask(message)
        self._say(self.earlier, conn, whose)

    def do_twice(self, message, conn, whose):
        answer = self._ask(message)
        for _ in range(2):
            self._say(answer, conn, whose)

    def do_slow(self, message, conn, whose):
        time.sleep(self.seconds)
        self.do_relay(message, conn, whose)

    def do_hold(self, message, conn, whose):
        """One kind of request waits until it is let go; the same again is not answered."""
        if self.hold not in message:
            self.do_relay(message, conn, whose)
            return
        if any(message == one for one, _ in self.held):
            return
        go = threading.Event()
        self.held.append((message, go))
        if go.wait(60):
            self.do_relay(message, conn, whose)

    def do_silent(self, _message, conn, _whose):
        end = time.monotonic() + 60
        while conn and not self.over and time.monotonic() < end and self.how == "silent":
            time.sleep(0.1)

    def do_close(self, _message, conn, whose):
        pass

    def do_garbage(self, _message, conn, whose):
        self._say(os.urandom(random.choice((1, 3, 40, 400, 3000))), conn, whose)

    def do_empty(self, _message, conn, whose):
        self._say(b"", conn, whose)

    def do_cut(self, message, conn, whose):
        """Half of it, then the end."""
        octets = self._ask(message)
        if conn:
            conn.sendall(struct.pack(">I", len(octets)) + octets[:len(octets) // 2])
        else:
            self.udp.sendto(octets[:len(octets) // 2], whose)

    def do_short(self, message, conn, whose):
        """A length that is less than what DER in it says."""
        self._say(self._ask(message)[:-7], conn, whose)

    def do_lying(self, message, conn, whose):
        """A length beyond reason, and nothing to show for it."""
        if conn:
            conn.sendall(struct.pack(">I", 0x7FFFFFF0) + self._ask(message))
            time.sleep(1)
        else:
            self.udp.sendto(os.urandom(60000), whose)

    def do_flood(self, _message, conn, whose):
        """As many octets as are taken."""
        if not conn:
            self.udp.sendto(too_big(), whose)
            return
        conn.sendall(struct.pack(">I", 0x7FFFFFF0))
        for _ in range(1000):
            conn.sendall(bytes(65536))

    def do_drip(self, message, conn, whose):
        """One octet after the other, for longer than anybody waits."""
        if not conn:
            self.udp.sendto(too_big(), whose)
            return
        octets = self._ask(message)
        for octet in struct.pack(">I", len(octets)) + octets:
            conn.sendall(bytes([octet]))
            time.sleep(0.2)
            if self.how != "drip":
                return

    def do_other(self, message, conn, whose):
        """The answer to another request."""
        self._ask(message)
        self._say(self.earlier, conn, whose)

    def do_twice(self, message, conn, whose):
        octets = self._ask(message)
        self._say(octets, conn, whose)
        self._say(octets, conn, whose)

    def do_flip(self, message, conn, whose):
        """One bit of it is another."""
        octets = bytearray(self._ask(message))
        octets[-20] ^= 4
        self._say(bytes(octets), conn, whose)

    def do_nonce(self, message, conn, whose):
        """All is right but the nonce: only who has the realm's key can make this."""
        self._say(self.forged(message, self._ask(message)), conn, whose)

    def do_toobig(self, message, conn, whose):
        """Nothing fits into a datagram."""
        self._say(self._ask(message) if conn else too_big(), conn, whose)

    def do_mute(self, message, conn, whose):
        """UDP is not answered."""
        if conn:
            self.do_relay(message, conn, whose)

    def do_refuse(self, message, conn, whose):
        self._say(error(29), conn, whose)  # KDC_ERR_SVC_UNAVAILABLE

    def do_skew(self, message, conn, whose):
        self._say(error(37), conn, whose)  # KRB_AP_ERR_SKEW

    # ---- a reply with another nonce

    def _subkey(self, message):
        fields = der.parse(message)[0][1][0][1]
        for _, padata in der.field(fields, 3)[0][1]:
            if rawkdc.read_number(der.field(padata, 1)[0][1]) == rawkdc.PA_TGS_REQ:
                ap = der.parse(der.field(padata, 2)[0][1])[0][1][0][1]
        key = tickets.real_key(der.build(der.field(ap, 3)), self.krbtgt)
        sealed = der.field(ap, 4)[0][1]
        plain = tickets.decrypt(rawkdc.read_number(der.field(sealed, 0)[0][1]), key,
                                rawkdc.AUTHENTICATOR, der.field(sealed, 2)[0][1])
        block = der.field(der.parse(plain)[0][1][0][1], 6)[0][1]
        return rawkdc.read_number(der.field(block, 0)[0][1]), der.field(block, 1)[0][1]

    def forged(self, message, reply):
        etype, subkey = self._subkey(message)
        tree = der.parse(reply)
        part = der.field(tree[0][1][0][1], 6)[0][1]
        inner = der.parse(tickets.decrypt(etype, subkey, rawkdc.REP_SUBKEY,
                                          der.field(part, 2)[0][1]))
        nonce = der.field(inner[0][1][0][1], 2)[0]
        nonce[1] = rawkdc.number((rawkdc.read_number(nonce[1]) + 1) & 0x7FFFFFFF)[1]
        der.field(part, 2)[0][1] = rawkdc.encrypt(etype, subkey, rawkdc.REP_SUBKEY,
                                                  der.build(inner))
        return der.build(tree)
