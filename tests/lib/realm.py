# SPDX-License-Identifier: GPL-3.0-or-later
"""A throw-away pair of realms, TEST.LOCAL and OTHER.LOCAL, with trust both ways.

MIT's KDC and password server on random loopback ports, everything in one
temporary folder. Programs reach them with the environment of `env()`.
"""

import os

from . import proc

HOME, AWAY = "TEST.LOCAL", "OTHER.LOCAL"
PASSWORDS = {"alice": "alice's password", "bob": "bob's password",
             "carol": "carol's password", "dora": "dora's password",
             "brief": "brief's password"}  # whose tickets are not renewable
SERVICES = ["HTTP/localhost", "host/localhost", "ldap/localhost", "nfs/localhost",
            "cifs/localhost", "imap/localhost", "smtp/localhost"]
TYPES = "aes256-cts:normal aes128-cts:normal aes256-sha2:normal aes128-sha2:normal"
# More names than any test uses up, for load: svc/n000.test.local ...
MANY = 200


class Realm:
    def __init__(self):
        self.folder = proc.Folder("realm")
        self.daemons = []
        try:
            self._make()
        except BaseException:
            self.close()
            raise

    def close(self):
        for daemon in self.daemons:
            daemon.stop()
        self.daemons = []
        self.folder.remove()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    # ---- making it

    def _make(self):
        for name in ("kdb5_util", "kadmin.local", "krb5kdc", "kadmind"):
            if not proc.program(name):
                raise proc.Failed(f"{name} is not installed (scripts/setup.sh test)")
        self.kdc = {HOME: proc.free_port(), AWAY: proc.free_port()}
        self.kpasswd, self.kadmin = proc.free_port(), proc.free_port()
        self.folder.make("keytabs", mode=0o711)
        self.folder.make("rcache", mode=0o1777)
        self.folder.make("k5login", mode=0o755)
        self.config = self.write_config("krb5.conf")
        self.kdc_config = self.folder.write("kdc.conf", self._kdc_conf())
        self.folder.write("kadm5.acl", "*/admin@TEST.LOCAL *\n")
        self.kdc_env = proc.clean_env(KRB5_CONFIG=self.config, KRB5_KDC_PROFILE=self.kdc_config,
                                      KRB5CCNAME="MEMORY:")
        for realm in (HOME, AWAY):
            proc.run(["kdb5_util", "create", "-r", realm, "-s", "-P", f"master of {realm}"],
                     env=self.kdc_env).ok()
        self._principals()
        self._start()

    def _kdc_conf(self):
        realms = "".join(f"""
    {r} = {{
        database_name = {self.folder(r + ".db")}
        key_stash_file = {self.folder(r + ".stash")}
        acl_file = {self.folder("kadm5.acl")}
        kdc_listen = 127.0.0.1:{self.kdc[r]}
        kdc_tcp_listen = 127.0.0.1:{self.kdc[r]}
        kpasswd_listen = 127.0.0.1:{self.kpasswd}
        kadmind_listen = 127.0.0.1:{self.kadmin}
        max_life = 10h
        max_renewable_life = 7d
        supported_enctypes = {TYPES}
    }}""" for r in (HOME, AWAY))
        return f"""[kdcdefaults]
    kdc_max_dgram_reply_size = 4096
[realms]{realms}
[logging]
    kdc = FILE:{self.folder("kdc.log")}
    admin_server = FILE:{self.folder("kadmind.log")}
    default = FILE:{self.folder("default.log")}
"""

    def write_config(self, name, kcm_socket=None, ccache="KCM:", defaults="", kdc=None, extra=""):
        """A krb5.conf for these realms in the folder; returns its path."""
        kdc = kdc or self.kdc
        socket_line = f"kcm_socket = {kcm_socket}" if kcm_socket else ""
        return self.folder.write(name, f"""[libdefaults]
    default_realm = {HOME}
    default_ccache_name = {ccache}
    default_cc_type = {ccache.split(":")[0]}
    {socket_line}
    dns_lookup_realm = false
    dns_lookup_kdc = false
    dns_canonicalize_hostname = false
    rdns = false
    forwardable = true
    ticket_lifetime = 8h
    renew_lifetime = 2d
    k5login_directory = {self.folder("k5login")}
    k5login_authoritative = true
    {defaults}
[realms]
    {HOME} = {{
        kdc = 127.0.0.1:{kdc[HOME]}
        admin_server = 127.0.0.1:{self.kadmin}
        kpasswd_server = 127.0.0.1:{self.kpasswd}
    }}
    {AWAY} = {{
        kdc = 127.0.0.1:{kdc[AWAY]}
    }}
[domain_realm]
    localhost = {HOME}
    .test.local = {HOME}
    .other.local = {AWAY}
{extra}
""")

    def _principals(self):
        add = [f'addprinc -pw "{word}" {name}' for name, word in PASSWORDS.items()]
        add += ['addprinc -pw "the password of root/admin" root/admin',
                "modprinc -allow_renewable brief"]
        add += [f"addprinc -randkey {name}" for name in SERVICES]
        add += ["addprinc -randkey +requires_hwauth hardware/localhost",
                "addprinc -randkey -allow_svr nosvr/localhost",
                "modprinc +ok_as_delegate HTTP/localhost"]
        add += [f"addprinc -randkey svc/n{n:03}.test.local" for n in range(MANY)]
        add += self._trust()
        for name in SERVICES:
            add.append(f"ktadd -q -norandkey -k {self.keytab(name)} {name}")
        add += [f"ktadd -q -norandkey -k {self.folder('keytabs', 'alice')} alice",
                f"ktadd -q -norandkey -k {self.folder('keytabs', 'krbtgt')} krbtgt/{HOME}"]
        self.kadmin_local(HOME, add)
        self.kadmin_local(AWAY, ["addprinc -randkey HTTP/web.other.local",
                                 "addprinc -randkey nfs/web.other.local"] + self._trust())
        self.folder.write(os.path.join("k5login", "root"), f"alice@{HOME}\n")
        # alice's own, for kinit -k under any uid.
        os.chmod(self.folder("keytabs", "alice"), 0o644)

    @staticmethod
    def _trust():
        return [f'addprinc -pw "trust {a} {b}" krbtgt/{a}@{b}'
                for a, b in ((HOME, AWAY), (AWAY, HOME))]

    def kadmin_local(self, realm, commands):
        done = proc.run(["kadmin.local", "-r", realm], env=self.kdc_env,
                        stdin="\n".join(commands) + "\nquit\n", timeout=120)
        bad = [line for line in done.err.splitlines()
               if line and not line.startswith(("No policy", "WARNING", "Authenticating"))]
        if done.code != 0 or bad:
            raise proc.Failed(f"kadmin.local: {done.code} {bad}")
        return done

    def _start(self):
        kdc = proc.Daemon(["krb5kdc", "-n", "-r", HOME, "-r", AWAY], self.folder("krb5kdc.out"),
                          env=self.kdc_env)
        self.daemons.append(kdc)
        self.kdc_pid = kdc.pid
        kadmind = proc.Daemon(["kadmind", "-nofork", "-r", HOME], self.folder("kadmind.out"),
                              env=self.kdc_env)
        self.daemons.append(kadmind)
        for port in self.kdc.values():
            proc.wait_until("krb5kdc", lambda p=port: proc.port_answers(p), process=kdc.process,
                            log=self.folder("kdc.log"))
        proc.wait_until("kadmind", lambda: proc.port_answers(self.kpasswd),
                        process=kadmind.process, log=self.folder("kadmind.log"))

    def restart_kdc(self, **env):
        """krb5kdc again, with more in its environment (proc.clock_off_by, say)."""
        self.daemons[0].stop()
        kdc = proc.Daemon(["krb5kdc", "-n", "-r", HOME, "-r", AWAY],
                          self.folder("kdc2.out"), env=dict(self.kdc_env, **env))
        self.daemons[0], self.kdc_pid = kdc, kdc.pid
        proc.wait_until("krb5kdc", lambda: proc.port_answers(self.kdc[HOME]),
                        process=kdc.process, log=self.folder("kdc2.out"))

    # ---- using it

    def keytab(self, service):
        return self.folder("keytabs", service.replace("/", "_"))

    @property
    def krbtgt_keytab(self):
        return self.folder("keytabs", "krbtgt")

    def cross_keytab(self):
        """Keys of krbtgt/OTHER.LOCAL@TEST.LOCAL, which both KDCs have."""
        path = self.folder("keytabs", "cross")
        if not os.path.exists(path):
            self.kadmin_local(HOME, [f"ktadd -q -norandkey -k {path} krbtgt/{AWAY}@{HOME}"])
        return path

    def env(self, config=None, **more):
        return proc.clean_env(KRB5_CONFIG=config or self.config,
                              KRB5RCACHEDIR=self.folder("rcache"), **more)

    def kdc_log(self):
        with open(self.folder("kdc.log"), encoding="utf-8", errors="replace") as f:
            return f.read()

    def pids(self):
        """KDC-side processes: they know every key by their nature."""
        return [d.pid for d in self.daemons]
