# SPDX-License-Identifier: GPL-3.0-or-later
"""Heimdal's KDC with a realm of its own, on a random loopback port."""

import os

from . import peers, proc

REALM, OTHER = "HEIMDAL.TEST", "OTHER.HEIMDAL"


class HeimdalKdc:
    def __init__(self):
        self.folder = proc.Folder("heimdal-kdc")
        self.daemon = None
        try:
            self.start()
        except BaseException:
            self.stop()
            raise

    def start(self):
        for name in ("kdc", "kadmin"):
            if not peers.heimdal(name):
                raise proc.Failed(f"Heimdal's {name} is not unpacked (scripts/setup.sh test)")
        self.port = proc.free_port()
        f = self.folder
        f.make("db", mode=0o700)
        self.own_config = f.write("heimdal.conf", f"""[libdefaults]
    default_realm = {REALM}
[kdc]
    database = {{
        realm = {REALM}
        dbname = {f("db", "heimdal")}
        mkey_file = {f("db", "mkey")}
        log_file = {f("db", "log")}
    }}
    enable-pkinit = no
[logging]
    kdc = FILE:{f("kdc.log")}
""")
        self.config = self.write_config("krb5.conf")
        self.kadmin("init", "--realm-max-ticket-life=10h", "--realm-max-renewable-life=7d", REALM)
        self.daemon = proc.Daemon(
            [os.path.realpath(peers.heimdal("kdc")), f"--config-file={self.own_config}",
             f"--ports={self.port}", "--addresses=127.0.0.1"], f("out"), env=self.own_env())
        proc.wait_until("Heimdal's kdc", lambda: proc.port_answers(self.port),
                        process=self.daemon.process, log=f("kdc.log"))

    def write_config(self, name, kcm_socket=None, kdc=None):
        """A krb5.conf in the folder; returns its path. kdc: another address."""
        kdc = kdc or f"127.0.0.1:{self.port}"
        ours = f"kcm_socket = {kcm_socket}\n    default_ccache_name = KCM:" if kcm_socket else ""
        return self.folder.write(name, f"""[libdefaults]
    default_realm = {REALM}
    dns_lookup_kdc = false
    dns_lookup_realm = false
    dns_canonicalize_hostname = false
    rdns = false
    forwardable = true
    ticket_lifetime = 8h
    renew_lifetime = 2d
    {ours}
[realms]
    {REALM} = {{
        kdc = {kdc}
    }}
    {OTHER} = {{
        kdc = {kdc}
    }}
[domain_realm]
    localhost = {REALM}
""")

    def own_env(self):
        return proc.clean_env(KRB5_CONFIG=self.own_config)

    def kadmin(self, *words):
        return proc.run([os.path.realpath(peers.heimdal("kadmin")), "--local",
                         f"--config-file={self.own_config}", f"--realm={REALM}", *words],
                        env=self.own_env()).ok()

    def add_other(self):
        """A second realm in the same database, which the first may refer to."""
        self.kadmin("init", "--realm-max-ticket-life=10h", "--realm-max-renewable-life=7d", OTHER)
        self.kadmin("add", "--use-defaults", "--random-key", f"krbtgt/{OTHER}@{REALM}")

    def add_service(self, *names):
        """With random keys."""
        for name in names:
            self.kadmin("add", "--use-defaults", "--random-key", name)

    def add(self, name, password, *attributes):
        """Not in arguments: other processes would have it to read."""
        self.kadmin("add", "--use-defaults", "--random-password", name)
        done = proc.run([os.path.realpath(peers.heimdal("kadmin")), "--local",
                         f"--config-file={self.own_config}", f"--realm={REALM}"],
                        env=self.own_env(), stdin=f"cpw --password=\"{password}\" {name}\n"
                        + "".join(f"modify {a} {name}\n" for a in attributes))
        done.ok()

    def export(self, file, *names):
        """Path of a keytab with the keys of names; root's."""
        path = self.folder(file)
        self.kadmin("ext_keytab", f"--keytab={path}", *names)
        return path

    def env(self, config=None, **more):
        return proc.clean_env(KRB5_CONFIG=config or self.config, **more)

    def stop(self):
        if self.daemon:
            self.daemon.stop()
            self.daemon = None
        self.folder.remove()
