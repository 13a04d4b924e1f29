# SPDX-License-Identifier: GPL-3.0-or-later
"""Unmodified Kerberos services with throw-away configurations."""

import os
import pwd
import shlex

from . import proc

PRIVATE_MOUNTS = "mount --make-rprivate / && "


def in_private_mounts(script, argv):
    """argv of a program that runs after script in a mount namespace of its own."""
    return ["unshare", "-m", "sh", "-ec", PRIVATE_MOUNTS + script + ' && exec "$@"', "sh", *argv]


class Service:
    """Something on a loopback port. Subclasses fill in start()."""

    name = "service"
    principal = None

    def __init__(self, realm):
        self.realm = realm
        self.folder = proc.Folder(self.name)
        self.port = proc.free_port()
        self.daemon = None
        try:
            self.start()
        except BaseException:
            self.stop()
            raise

    def start(self):
        raise NotImplementedError

    def launch(self, argv, **env):
        self.log = self.folder("out")
        self.daemon = proc.Daemon(argv, self.log, env=self.realm.env(**env))
        proc.wait_until(self.name, lambda: proc.port_answers(self.port),
                        process=self.daemon.process, log=self.log)

    def stop(self):
        if self.daemon:
            self.daemon.stop()
            self.daemon = None
        self.folder.remove()

    def keytab(self, user=None):
        """A copy of the service's keytab that only `user` reads."""
        path = self.folder("keytab")
        with open(self.realm.keytab(self.principal), "rb") as f:
            octets = f.read()
        with open(os.open(path, os.O_CREAT | os.O_WRONLY | os.O_TRUNC, 0o600), "wb") as f:
            f.write(octets)
        if user and os.geteuid() == 0:
            entry = pwd.getpwnam(user)
            os.chown(path, entry.pw_uid, entry.pw_gid)
        return path


class Apache(Service):
    """Apache httpd with mod_auth_gssapi; says who the caller is in X-User."""

    name = "apache"
    principal = "HTTP/localhost"
    user = "www-data"

    def start(self):
        f, modules = self.folder, "/usr/lib/apache2/modules"
        load = "\n".join(f"LoadModule {m}_module {modules}/mod_{m}.so" for m in (
            "mpm_event", "authn_core", "authz_core", "authz_user", "auth_gssapi", "headers"))
        f.make("www")
        f.write("www/index.html", "hello from a protected page\n")
        f.make("run", mode=0o777)
        config = f.write("apache.conf", f"""{load}
ServerRoot {f.path}
ServerName localhost
Listen 127.0.0.1:{self.port}
PidFile {f("run", "pid")}
DefaultRuntimeDir {f("run")}
Mutex file:{f("run")} default
ErrorLog {f("error.log")}
User {self.user}
Group {self.user}
StartServers 1
ServerLimit 2
ThreadsPerChild 16
MaxRequestWorkers 32
DocumentRoot {f("www")}
<Location />
    AuthType GSSAPI
    AuthName "throw-away"
    GssapiCredStore keytab:{self.keytab(self.user)}
    GssapiDelegCcacheDir {f("run")}
    Require valid-user
    Header always set X-User "expr=%{{REMOTE_USER}}"
    Header always set X-Delegated "expr=%{{reqenv:KRB5CCNAME}}"
</Location>
""")
        self.launch(["apache2", "-f", config, "-DFOREGROUND"])
        self.url = f"http://localhost:{self.port}/index.html"


class Sshd(Service):
    """OpenSSH; alice may log in as the user that runs the test (k5login)."""

    name = "sshd"
    principal = "host/localhost"

    def start(self):
        f = self.folder
        key = f("hostkey")
        proc.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", key]).ok()
        # Without PAM, sshd refuses accounts whose password field starts with
        # "!": it gets a shadow file of its own to look at.
        shadow = f.write("shadow", "root:*:19000:0:99999:7:::\n", mode=0o600)
        config = f.write("sshd_config", f"""Port {self.port}
ListenAddress 127.0.0.1
HostKey {key}
PidFile none
UsePAM no
PermitRootLogin yes
PasswordAuthentication no
KbdInteractiveAuthentication no
PubkeyAuthentication no
GSSAPIAuthentication yes
GSSAPIStrictAcceptorCheck no
GSSAPICleanupCredentials yes
PrintMotd no
PrintLastLog no
UseDNS no
LogLevel VERBOSE
""")
        script = (f"mount -t tmpfs tmpfs /run && mkdir -m 755 /run/sshd && "
                  f"mount --bind {shlex.quote(shadow)} /etc/shadow")
        self.launch(in_private_mounts(script, ["/usr/sbin/sshd", "-D", "-e", "-f", config]),
                    KRB5_KTNAME=self.keytab())
        self.client_config = f.write("ssh_config", f"""Host *
    Hostname localhost
    Port {self.port}
    User root
    UserKnownHostsFile {f("known_hosts")}
    StrictHostKeyChecking no
    GlobalKnownHostsFile /dev/null
    PreferredAuthentications gssapi-with-mic
    GSSAPIAuthentication yes
    GSSAPITrustDns no
    BatchMode yes
    ConnectTimeout 20
    LogLevel ERROR
""")

    def command(self, *options, command="echo here I am $(id -un)"):
        return ["ssh", "-F", self.client_config, *options, "localhost", command]


class Slapd(Service):
    """OpenLDAP, no data, SASL GSSAPI."""

    name = "slapd"
    principal = "ldap/localhost"

    def start(self):
        f = self.folder
        config = f.write("slapd.conf", f"""include /etc/ldap/schema/core.schema
pidfile {f("pid")}
argsfile {f("args")}
sasl-host localhost
sasl-realm TEST.LOCAL
sasl-secprops noplain,noanonymous
access to * by * read
""")
        self.url = f"ldap://localhost:{self.port}"
        self.launch(["slapd", "-h", f"ldap://127.0.0.1:{self.port}", "-f", config, "-d", "0"],
                    KRB5_KTNAME=self.keytab())
