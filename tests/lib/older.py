# SPDX-License-Identifier: GPL-3.0-or-later
"""A KCM socket in front of another that says it does not have some operations.

Today's libkrb5 then does what yesterday's did from the start: iterate by UUID
(without GET_CRED_LIST), INITIALIZE and STORE (without REPLACE), and look through
the cache itself (without RETRIEVE, which is MIT <= 1.19 and Heimdal).
"""

import os
import socket
import struct
import threading

from . import kcm, users


class Older:
    def __init__(self, daemon, path, without, uid):
        self.behind, self.path, self.without, self.uid = daemon.socket, path, without, uid
        self.asked = []
        self.listener = socket.socket(socket.AF_UNIX)
        self.listener.bind(path)
        os.chmod(path, 0o666)
        self.listener.listen(64)
        threading.Thread(target=self._accept, daemon=True).start()

    def _accept(self):
        while True:
            try:
                client, _ = self.listener.accept()
            except OSError:
                return
            threading.Thread(target=self._serve, args=(client,), daemon=True).start()

    def _serve(self, client):
        with client, kcm.Kcm(self.behind, uid=self.uid) as server:
            stream = client.makefile("rb")
            while True:
                head = stream.read(4)
                if len(head) < 4:
                    return
                message = stream.read(struct.unpack(">I", head)[0])
                op = struct.unpack(">H", message[2:4])[0]
                self.asked.append(op)
                if op in self.without:
                    client.sendall(struct.pack(">IIi", 4, 0, kcm.CC_NOSUPP))
                    continue
                server.socket.sendall(head + message)
                answer = server.read(8)
                client.sendall(answer + server.read(struct.unpack(">I", answer[:4])[0]))

    def close(self):
        self.listener.shutdown(socket.SHUT_RDWR)
        self.listener.close()
        os.unlink(self.path)


class OlderUser(users.User):
    """A user whose programs meet only what `without` leaves."""

    def __init__(self, daemon, without):
        super().__init__(daemon)
        realm = daemon.realm
        self.older = Older(daemon, realm.folder(f"older-{self.uid}"), without, self.uid)
        self.config = realm.write_config(f"krb5-older-{self.uid}.conf",
                                         kcm_socket=self.older.path)
