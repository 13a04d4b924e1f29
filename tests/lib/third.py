# SPDX-License-Identifier: GPL-3.0-or-later
"""A third realm, FAR.LOCAL, which only OTHER.LOCAL trusts: from TEST.LOCAL there is a way
of three tickets."""

from . import proc
from .realm import AWAY, HOME

FAR = "FAR.LOCAL"
# For the clients and the KDCs: who is on the way (krb5.conf(5), [capaths]).
PATHS = f"""[capaths]
    {HOME} = {{
        {FAR} = {AWAY}
    }}
    {FAR} = {{
        {HOME} = {AWAY}
    }}
"""


class Third:
    def __init__(self, realm):
        self.realm, self.port = realm, proc.free_port()
        f = realm.folder
        config = f.write("krb5-far.conf", self.conf(realm.config, self.port))
        kdc = f.write("kdc-far.conf", f"""[realms]
    {FAR} = {{
        database_name = {f("far.db")}
        key_stash_file = {f("far.stash")}
        kdc_listen = 127.0.0.1:{self.port}
        kdc_tcp_listen = 127.0.0.1:{self.port}
    }}
[logging]
    kdc = FILE:{f("far.log")}
""")
        self.env = proc.clean_env(KRB5_CONFIG=config, KRB5_KDC_PROFILE=kdc, KRB5CCNAME="MEMORY:")
        self.config = config
        proc.run(["kdb5_util", "create", "-r", FAR, "-s", "-P", "master of far"],
                 env=self.env).ok()
        trust = f'addprinc -pw "trust {AWAY} {FAR}" krbtgt/{FAR}@{AWAY}'
        proc.run(["kadmin.local", "-r", FAR], env=self.env,
                 stdin=f"{trust}\naddprinc -randkey "
                 "HTTP/web.far.local\nquit\n").ok()
        realm.kadmin_local(AWAY, [trust])
        self.daemon = proc.Daemon(["krb5kdc", "-n", "-r", FAR], f("far.out"), env=self.env)
        proc.wait_until("krb5kdc", lambda: proc.port_answers(self.port),
                        process=self.daemon.process, log=f("far.out"))
        # OTHER.LOCAL's KDC reads the way, too.
        realm.restart_kdc(KRB5_CONFIG=config)

    @staticmethod
    def conf(path, port):
        """The text of a krb5.conf with this realm in it."""
        with open(path, encoding="utf-8") as f:
            text = f.read()
        return text.replace("[realms]\n", f"[realms]\n    {FAR} = {{\n        "
                            f"kdc = 127.0.0.1:{port}\n    }}\n") + PATHS

    def stop(self):
        self.daemon.stop()
        self.realm.restart_kdc()
