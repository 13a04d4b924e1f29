# SPDX-License-Identifier: GPL-3.0-or-later
"""A terminal for programs that draw: a pty, and what would be seen on it."""

import fcntl
import os
import pty
import re
import select
import signal
import struct
import termios
import time

from . import proc

SEQUENCE = re.compile(rb"\x1b\[([?0-9;]*)([A-Za-z])")


class Screen:
    """Just the sequences that our programs use; any other is a failure."""

    def __init__(self, columns, rows):
        self.alternate, self.cursor, self.colours = False, True, set()
        self.resize(columns, rows)

    def resize(self, columns, rows):
        self.columns, self.rows = columns, rows
        self.lines = [[" "] * columns for _ in range(rows)]
        self.x = self.y = 0
        # A frame for the size of before may still come, then one for this.
        self.loose = 2

    def text(self):
        return "\n".join("".join(line).rstrip() for line in self.lines)

    def feed(self, octets):
        """Returns what is left over: the beginning of a sequence."""
        while octets:
            if octets[:1] != b"\x1b":
                self._put(octets[:1])
                octets = octets[1:]
                continue
            got = SEQUENCE.match(octets)
            if not got:
                if len(octets) > 16:
                    raise proc.Failed(f"an unknown sequence: {octets[:16]!r}")
                return octets
            self._do(got[1].decode(), got[2].decode())
            octets = octets[got.end():]
        return b""

    def _strict(self):
        return self.alternate and not self.loose

    def _put(self, octet):
        if octet == b"\r":
            self.x = 0
        elif octet == b"\n":
            assert self.y + 1 < self.rows or not self._strict(), "the screen scrolled"
            self.y = min(self.y + 1, self.rows - 1)
        else:
            assert 0x20 <= octet[0] < 0x7f, f"not printable: {octet!r}"
            assert self.x < self.columns or not self._strict(), f"beyond the edge: {self.text()}"
            if self.x < self.columns:
                self.lines[self.y][self.x] = octet.decode()
            self.x += 1

    def _do(self, numbers, what):
        if what == "m":
            self.colours.add(numbers)
        elif what == "H" and not numbers:
            self.x = self.y = 0
            self.loose = max(0, self.loose - 1)
        elif what == "K" and not numbers:
            self.lines[self.y][self.x:] = " " * (self.columns - self.x)
        elif what == "J" and not numbers:
            self.lines[self.y][self.x:] = " " * (self.columns - self.x)
            for y in range(self.y + 1, self.rows):
                self.lines[y] = [" "] * self.columns
        elif (numbers, what) in (("?1049", "h"), ("?1049", "l")):
            self.alternate = what == "h"
            self.resize(self.columns, self.rows)
        elif (numbers, what) in (("?25", "h"), ("?25", "l")):
            self.cursor = what == "h"
        else:
            raise proc.Failed(f"an unknown sequence: {numbers}{what}")


class Terminal:
    """A program on a terminal of its own, in a session of its own."""

    def __init__(self, argv, env, columns=80, rows=24):
        self.screen, self.rest = Screen(columns, rows), b""
        self.pid, self.fd = pty.fork()
        if self.pid == 0:
            try:
                for number in (signal.SIGHUP, signal.SIGINT, signal.SIGTERM):
                    signal.signal(number, signal.SIG_DFL)  # whatever runs the tests ignores
                size = struct.pack("HHHH", rows, columns, 0, 0)
                fcntl.ioctl(0, termios.TIOCSWINSZ, size)
                os.execve(argv[0], argv, env)
            finally:
                os._exit(127)
        self.before = termios.tcgetattr(self.fd)
        self.status = None

    def resize(self, columns, rows):
        self.screen.resize(columns, rows)
        fcntl.ioctl(self.fd, termios.TIOCSWINSZ, struct.pack("HHHH", rows, columns, 0, 0))

    def type(self, text):
        os.write(self.fd, text.encode())

    def read(self, seconds):
        """What comes within seconds; False: the program has gone."""
        if not select.select([self.fd], [], [], seconds)[0]:
            return True
        try:
            octets = os.read(self.fd, 65536)
        except OSError:  # EIO: nobody has the other end open any more
            return False
        self.rest = self.screen.feed(self.rest + octets)
        return bool(octets)

    def wait(self, what, check, seconds=20):
        """Until check(text of the screen)."""
        until = time.monotonic() + seconds * proc.SLOW
        while not check(self.screen.text()):
            if not self.read(0.2) or time.monotonic() > until:
                raise proc.Failed(f"no {what} on the terminal:\n{self.screen.text()}")

    def end(self, seconds=20):
        """Reads till it has ended; its wait status."""
        until = time.monotonic() + seconds * proc.SLOW
        while self.status is None:
            self.read(0.1)
            pid, status = os.waitpid(self.pid, os.WNOHANG)
            if pid:
                self.status = status
            elif time.monotonic() > until:
                raise proc.Failed(f"it does not end:\n{self.screen.text()}")
        while self.read(0) and select.select([self.fd], [], [], 0)[0]:
            pass
        return self.status

    def close(self):
        if self.status is None:
            os.kill(self.pid, signal.SIGKILL)
            os.waitpid(self.pid, 0)
        os.close(self.fd)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()
