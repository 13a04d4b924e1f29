# SPDX-License-Identifier: GPL-3.0-or-later
"""A host whose only KDC is the endpoint, people of it whose ccaches are files, and the
question that every test of it asks: straight at the real KDC, is it refused?"""

import os
import shutil

from . import endpoint, instance, proc, tickets, users
from .realm import AWAY, HOME

# What MIT's KDC says to an authenticator under a key that is not the ticket's.
REFUSED = "Decrypt integrity check failed"


class Station(endpoint.Endpoint):
    """krb5.conf of the users: kdc = 127.0.0.1:PORT for both realms, and KCM; lsass has the
    real one, or lsass_krb5. Its root key is kept, so that keytabs can be imported."""

    def __init__(self, realm, settings=None, seal="file", lsass_krb5=None):
        merged = {"seal": {"root": seal}}
        for name, keys in (settings or {}).items():
            merged.setdefault(name, {}).update(keys)
        super().__init__(realm, merged, start=False)
        try:
            listen = merged.get("kdc", {}).get("listen", "%s:%d" % self.at).split()[0]
            self.at = ("127.0.0.1", int(listen.rsplit(":", 1)[1]))
            if lsass_krb5:
                self.lsass_krb5 = lsass_krb5
                merged["kdc"] = {"listen": listen, **merged.get("kdc", {})}
                self.file = self.write_config(merged)
            self.config = self.krb5("station")
            if seal != "random":
                self._enroll()
            self.start()
        except BaseException:
            self.stop()
            raise

    def _enroll(self):
        where = self.far.folder if self.far else self.folder.path
        os.makedirs(os.path.join(where, "host"), 0o700, exist_ok=True)
        file = self.far.file if self.far else self.file
        proc.run([instance.program("lsactl"), "--config", file, "seal", "enroll"]).ok()

    def krb5(self, name, defaults=""):
        """A krb5.conf for the users, with more in it."""
        return self.realm.write_config(
            f"krb5-{name}-{self.at[1]}.conf", kcm_socket=self.socket, defaults=defaults,
            kdc={HOME: self.at[1], AWAY: self.at[1]})

    @property
    def local(self):
        """The UNIX socket, which krb5 1.22 can use."""
        return self.folder("kdc", "kdc.sock")

    def write_config(self, settings):
        self.folder.make("kdc")
        settings = dict(settings)
        settings["kdc"] = {"socket": self.local, **settings.get("kdc", {})}
        return super().write_config(settings)

    def start(self, **env):
        super().start(**env)
        proc.wait_until("the endpoint", lambda: proc.port_answers(self.at[1]), log=self.log)
        return self

    def lsactl(self, *arguments, who=None, stdin=""):
        return instance.lsactl(self, *arguments, who=who, stdin=stdin)


class Straight:
    """A daemon's face for users who go to the real KDCs."""

    def __init__(self, realm):
        self.realm, self.config = realm, realm.config


class Person(users.User):
    """Somebody with a FILE ccache in a folder of his own."""

    def __init__(self, daemon, uid=None, folder=None):
        super().__init__(daemon, uid)
        self.folder = folder or self.realm.folder.make("people", str(self.uid), mode=0o700,
                                                       owner=self.uid)
        self.file = os.path.join(self.folder, "ccache")

    def env(self, **more):
        more.setdefault("KRB5CCNAME", f"FILE:{self.file}")
        return super().env(**more)

    def path(self, name):
        return os.path.join(self.folder, name)

    def owns(self, path, mode=0o600):
        os.chmod(path, mode)
        if os.geteuid() == 0:
            os.chown(path, self.uid, self.uid)
        return path

    def copy(self, path, name="copy"):
        """A copy of a file in the folder, his own."""
        to = self.path(name)
        shutil.copy(path, to)
        return self.owns(to)

    def straight(self):
        """The same person, without the endpoint."""
        return Person(Straight(self.realm), uid=self.uid, folder=self.folder)

    def creds(self, path=None):
        return tickets.read_file_ccache(path or self.file)[1]

    def tgt(self, realm=HOME, path=None):
        """The newest ticket-granting ticket for realm in the file."""
        return [c for c in self.creds(path)
                if c.server.parts == (b"krbtgt", realm.encode())][-1]

    # ---- ccaches of stand-ins

    def standins(self, name="alice", *options, path=None, password=None):
        """What kinit stores in our KCM, written as a file: the key in it is a stand-in."""
        path = path or self.file
        cache = f"KCM:{self.uid}:{os.path.basename(path)}"
        self.kinit(name, *options, password=password, KRB5CCNAME=cache).ok()
        return self.from_kcm(cache[4:], path)

    def from_kcm(self, name=None, path=None):
        """One of his caches in KCM, or the default one, as a file."""
        path = path or self.file
        with self.kcm() as k:
            name = name or k.default()
            tickets.write_file_ccache(path, k.principal(name), k.cred_list(name))
        return self.owns(path)

    def imported(self, name="alice", *options, path=None):
        """A FILE ccache as kinit makes it, then lsactl ccache import."""
        path = path or self.file
        self.kinit(name, *options, KRB5CCNAME=f"FILE:{path}").ok()
        self.daemon.lsactl("ccache", "import", path, who=self).ok()
        return path

    # ---- the question

    def ccache_is_refused_straight(self, path=None, service="svc/n150.test.local"):
        """A copy of the ccache, used at the real KDC."""
        copy = self.copy(path or self.file, "straight")
        self.straight().kvno(service, KRB5CCNAME=f"FILE:{copy}").fails(REFUSED)
        os.unlink(copy)

    def keytab_is_refused_straight(self, path, principal):
        copy = self.copy(path, "straight.keytab")
        done = self.straight().run("kinit", "-k", "-t", copy, "-c", "MEMORY:", principal)
        assert done.code != 0, done
        assert any(words in done.text for words in (
            "Preauthentication failed", "Password incorrect", REFUSED)), done
        os.unlink(copy)

    def has_no_real_key(self, path=None):
        """Every TGT of his own realm in the file has another key than the KDC gave it."""
        for cred in self.creds(path):
            if cred.is_tgt and cred.server.realm == HOME.encode() \
                    and cred.server.parts[1] == HOME.encode():
                assert cred.key != tickets.real_key(cred.ticket, self.realm.krbtgt_keytab)
                assert len(cred.key) == {17: 16, 19: 16, 23: 16, 18: 32, 20: 32}[cred.etype]
