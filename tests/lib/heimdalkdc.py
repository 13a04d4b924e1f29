# SPDX-License-Identifier: GPL-3.0-or-later
"""Heimdal's KDC with a realm of its own, on a random loopback port."""

import os

from . import peers, proc

REALM = "HEIMDAL.TEST"


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
        self.config = f.write("krb5.conf", f"""[libdefaults]
    default_realm = {REALM}
    dns_lookup_kdc = false
    dns_lookup_realm = false
    dns_canonicalize_hostname = false
    rdns = false
    forwardable = true
    ticket_lifetime = 8h
    renew_lifetime = 2d
[realms]
    {REALM} = {{
        kdc = 127.0.0.1:{self.port}
    }}
""")
        self.kadmin("init", "--realm-max-ticket-life=10h", "--realm-max-renewable-life=7d", REALM)
        self.daemon = proc.Daemon(
            [os.path.realpath(peers.heimdal("kdc")), f"--config-file={self.own_config}",
             f"--ports={self.port}", "--addresses=127.0.0.1"], f("out"), env=self.own_env())
        proc.wait_until("Heimdal's kdc", lambda: proc.port_answers(self.port),
                        process=self.daemon.process, log=f("kdc.log"))

    def own_env(self):
        return proc.clean_env(KRB5_CONFIG=self.own_config)

    def kadmin(self, *words):
        return proc.run([os.path.realpath(peers.heimdal("kadmin")), "--local",
                         f"--config-file={self.own_config}", f"--realm={REALM}", *words],
                        env=self.own_env()).ok()

    def add(self, name, password, *attributes):
        """Not in arguments: other processes would have it to read."""
        self.kadmin("add", "--use-defaults", "--random-password", name)
        done = proc.run([os.path.realpath(peers.heimdal("kadmin")), "--local",
                         f"--config-file={self.own_config}", f"--realm={REALM}"],
                        env=self.own_env(), stdin=f"cpw --password=\"{password}\" {name}\n"
                        + "".join(f"modify {a} {name}\n" for a in attributes))
        done.ok()

    def env(self, **more):
        return proc.clean_env(KRB5_CONFIG=self.config, **more)

    def stop(self):
        if self.daemon:
            self.daemon.stop()
            self.daemon = None
        self.folder.remove()
