# SPDX-License-Identifier: GPL-3.0-or-later
"""An instance with the local KDC endpoint, and clients that know no other KDC:
their tickets are stand-ins in FILE ccaches."""

import contextlib
import os

from . import instance, kcm, proc, tickets


class Endpoint(instance.Instance):
    """self.at is its address; real: who is the KDC to lsass (see Realm.write_config's kdc)."""

    def __init__(self, realm, settings=None, real=None, **more):
        self.at = ("127.0.0.1", proc.free_port())
        ours = {"kdc": {"listen": "%s:%d" % self.at}}
        for name, keys in (settings or {}).items():
            ours.setdefault(name, {}).update(keys)
        super().__init__(realm, ours, kdc=real, **more)
        self.caches = self.folder.make("caches", mode=0o1777)
        where = (dict.fromkeys(realm.kdc, self.at[1]) if hasattr(realm, "kdc")
                 else "%s:%d" % self.at)
        self.client_config = realm.write_config(
            f"krb5-at-{self.at[1]}.conf", kdc=where)

    def client_env(self, cache=None, config=None, **more):
        """For a program whose only KDC is the endpoint."""
        if cache:
            more["KRB5CCNAME"] = f"FILE:{cache}"
        return self.realm.env(config=config or self.client_config, **more)

    def standins(self, user, name="cc", only_tgt=True):
        """A FILE ccache, user's own, of what user has in KCM: every key a stand-in. Its path."""
        with kcm.Kcm(self.socket, uid=user.uid) as k:
            default = k.default()
            principal, creds = k.principal(default), k.by_iteration(default)
        path = os.path.join(self.caches, f"{name}-{user.uid}")
        tickets.write_file_ccache(path, principal, [
            c for c in creds if not c.is_config and (c.is_tgt or not only_tgt)])
        os.chmod(path, 0o600)
        if os.geteuid() == 0:
            os.chown(path, user.uid, user.uid)
        return path

    def another(self, cache, user, name):
        """A copy of a ccache that is user's; its path."""
        path = os.path.join(self.caches, f"{name}-{user.uid}")
        with open(cache, "rb") as f, open(path, "wb") as to:
            to.write(f.read())
        os.chmod(path, 0o600)
        if os.geteuid() == 0:
            os.chown(path, user.uid, user.uid)
        return path

    def run(self, user, cache, *argv, stdin="", timeout=proc.PATIENCE, **env):
        """argv by user, with that ccache, through the endpoint."""
        return proc.run(user.argv(list(argv)), env=self.client_env(cache, **env), stdin=stdin,
                        timeout=timeout)

    def straight(self, user, cache, *argv, config=None, **env):
        """The same at the real KDC."""
        return proc.run(user.argv(list(argv)), env=self.realm.env(
            config=config or self.realm.config, KRB5CCNAME=f"FILE:{cache}", **env))

    @contextlib.contextmanager
    def copy(self, cache, user):
        """A copy that belongs to user."""
        path = self.another(cache, user, "copy")
        try:
            yield path
        finally:
            os.unlink(path)
