# SPDX-License-Identifier: GPL-3.0-or-later
"""A host of the domain with SSSD: /etc, /run and SSSD's folders of its own, in mounts
that all of its programs share, the network of the domain, and a name."""

import glob
import json
import os
import shlex
import shutil
import sys

from . import endpoint, logins, proc, tickets
from .instance import lsactl, program

NAME, REALM, DOMAIN = "sssdhost", "AD.TEST", "ad.test"
ACCOUNT = NAME.upper() + "$"
SPARE = f"verify-{NAME}"  # an account that may do nothing; its service is verify/...
PROGRAMS = ("sssd", "sssctl", "pamtester", "adcli", "ktutil")
STATE = ("db", "deskprofile", "gpo_cache", "mc", "pipes", "pipes/private", "pubconf",
         "pubconf/krb5.include.d", "secrets")

SAM = """
import samba
strong = "changetype: modify\\nreplace: msDS-SupportedEncryptionTypes\\n" \\
         "msDS-SupportedEncryptionTypes: 24\\n"
new = word()
db.newcomputer("SSSDHOST", service_principal_name_list=["host/sssdhost.ad.test"])
db.setpassword("(sAMAccountName=SSSDHOST$)", samba.generate_random_machine_password(100, 100))
db.enable_account("(sAMAccountName=SSSDHOST$)")
db.modify_ldif("dn: CN=SSSDHOST,CN=Computers,DC=ad,DC=test\\n" + strong)
db.newuser("ulla", new)
# Else the domain says that it is too early for another password.
db.modify_ldif("dn: DC=ad,DC=test\\nchangetype: modify\\nreplace: minPwdAge\\nminPwdAge: 0\\n")
db.newuser("verify-sssdhost", samba.generate_random_password(60, 60))
db.modify_ldif("dn: CN=verify-sssdhost,CN=Users,DC=ad,DC=test\\n" + strong +
               "-\\nadd: servicePrincipalName\\nservicePrincipalName: verify/sssdhost.ad.test\\n")
# What the DC would do by itself, had it the task for that.
db.modify_ldif("dn: CN=DC1,OU=Domain Controllers,DC=ad,DC=test\\nchangetype: modify\\n"
               "add: servicePrincipalName\\nservicePrincipalName: ldap/dc1.ad.test\\n")
"""


def why_not():
    missing = [name for name in PROGRAMS if not proc.program(name)]
    if not glob.glob("/usr/lib/*/sssd/libsss_ad.so"):
        missing.append("sssd-ad")
    return f"not installed: {' '.join(missing)} (scripts/setup.sh test)" if missing else None


def people(domain, word):
    """The accounts; (keytab of the host, keytab of the spare account)."""
    domain.sam(SAM, word)
    for principal, name in ((ACCOUNT, "host"), (f"host/{NAME}.{DOMAIN}", "host"),
                            (f"verify/{NAME}.{DOMAIN}", "spare"), (SPARE, "spare")):
        domain.run("samba-tool", "domain", "exportkeytab", f"sssd-{name}.keytab",
                   f"--principal={principal}", "--configfile=dc/etc/smb.conf").ok()
    return domain.folder("sssd-host.keytab"), domain.folder("sssd-spare.keytab")


class SssdHost:
    """With an endpoint of its own, whose lsaiso.conf is the host's."""

    def __init__(self, domain):
        self.domain, self.folder = domain, proc.Folder("sssdhost")
        self.holder = self.end = self.sssd = None
        self.log = self.folder("sssd-out")
        try:
            self.make()
        except BaseException:
            self.stop()
            raise

    def make(self):
        f = self.folder
        shutil.copytree("/etc", f("etc"), symlinks=True)
        shutil.rmtree(f("etc", "krb5.conf.d"), ignore_errors=True)
        shutil.rmtree(f("etc", "sssd"), ignore_errors=True)
        modules = os.path.dirname(glob.glob("/usr/lib/*/security/pam_unix.so")[0])
        shutil.copytree(modules, f("security"))
        shutil.copy(logins.module(), f("security"))
        for name in STATE:
            f.make("sss", name)
        for name in ("sss/db", "sss/secrets", "sss/pipes/private", "etc/sssd"):
            f.make(name, mode=0o700)
        f.make("etc/sssd/conf.d")
        f.make("log")
        f.make("caches", mode=0o1777)
        f.make("etc/lsaiso")
        self.write("hosts", "127.0.0.1 localhost\n10.99.0.1 dc1.ad.test dc1\n"
                   f"10.99.0.2 {NAME}.{DOMAIN} {NAME}\n")
        self.write("resolv.conf", "nameserver 10.99.0.1\nsearch ad.test\n")
        self.write("nsswitch.conf", "passwd: files sss\ngroup: files sss\nhosts: files dns\n")
        for service, auth in (("login", "pam_sss.so"), ("sshd", "pam_lsa.so")):
            self.write(f"pam.d/{service}", f"auth required {auth}\naccount required pam_sss.so\n"
                       f"password required {auth}\nsession required {auth}\n")
        binds = ((f("etc"), "/etc"), (f("security"), modules), (f("sss"), "/var/lib/sss"),
                 (f("log"), "/var/log/sssd"))
        self.holder = proc.Daemon(
            ["nsenter", "-t", str(self.domain.inside), "-n", "unshare", "-m", "-u", "sh", "-ec",
             "mount --make-rprivate / && mount -t tmpfs tmpfs /run && " +
             "".join(f"mount --bind {shlex.quote(a)} {shlex.quote(b)} && " for a, b in binds) +
             f"hostname {NAME} && echo ready && exec sleep infinity"], f("holder"))
        proc.wait_until("the host", lambda: "ready" in proc.tail(f("holder")),
                        process=self.holder.process, log=f("holder"))
        self.end = endpoint.Endpoint(
            self.domain, {"seal": {"root": "file"}, "krb5": {"config": "/etc/krb5.conf"},
                          "logon": {"keytab": "/etc/krb5.keytab"}},
            start=False, network=self.domain.inside, mounts=self.holder.pid)
        # The machine has KDCs from DNS, as after a join.
        self.write("krb5.conf", f"[libdefaults]\n    default_realm = {REALM}\n    rdns = false\n"
                   f"    dns_lookup_realm = false\n    kcm_socket = {self.end.socket}\n")
        self.run("mount", "--bind", self.end.folder.path, "/etc/lsaiso").ok()
        lsactl(self.end, "seal", "enroll").ok()
        self.end.start()

    def stop(self):
        try:
            self.stop_sssd()
            if self.end:
                self.end.stop()
        finally:
            if self.holder:
                self.holder.stop()
            self.folder.remove()

    # ---- its files

    def write(self, name, text, mode=0o644):
        path = self.folder("etc", name)
        if os.path.lexists(path):
            os.unlink(path)
        self.folder.write(f"etc/{name}", text, mode=mode)

    def read(self, name):
        with open(self.folder("etc", name), encoding="utf-8") as f:
            return f.read()

    def keytab(self, *paths, name="krb5.keytab"):
        """Of all of them, without keys of arcfour, which nobody takes."""
        made = self.folder("new.keytab")
        lines = "".join(f"rkt {path}\n" for path in paths)
        proc.run(["ktutil"], stdin=f"{lines}wkt {made}\nquit\n").ok()
        tickets.write_keytab_without(made, self.folder("etc", name), 23)
        os.unlink(made)
        os.chmod(self.folder("etc", name), 0o600)

    # ---- programs

    def argv(self, argv, who=None):
        """who: (uid, gid)"""
        if who is not None:
            argv = ["setpriv", f"--reuid={who[0]}", f"--regid={who[1]}", "--clear-groups",
                    "--inh-caps=-all", *argv]
        return ["nsenter", "-t", str(self.holder.pid), "-m", "-n", "-u", *argv]

    def run(self, *argv, who=None, stdin="", **env):
        return proc.run(self.argv(list(argv), who), stdin=stdin, env=proc.clean_env(**env))

    def lsactl(self, *arguments, who=None):
        """As its users have it: no --config."""
        return self.run(program("lsactl"), *arguments, who=who)

    def pam(self, service, user, *operations, words=(), who=None):
        return self.run("pamtester", service, user, *operations, who=who,
                        stdin="".join(word + "\n" for word in words))

    def app(self, service, user, *steps, words=(), who=None):
        return self.run(sys.executable, logins.APP, service, user, *steps, who=who,
                        stdin="".join(word + "\n" for word in words)).ok()

    # ---- SSSD

    def configure(self, *lines, provider="ad"):
        self.write("sssd/sssd.conf", f"""[sssd]
services = nss, pam
domains = {DOMAIN}
[domain/{DOMAIN}]
debug_level = 9
id_provider = {provider}
krb5_ccachedir = {self.folder("caches")}
""" + "".join(line + "\n" for line in lines), mode=0o600)

    def start_sssd(self, clean=True):
        """With nothing in its caches."""
        self.stop_sssd()
        for name in ("db", "mc") if clean else ():
            for path in glob.glob(self.folder("sss", name, "*")):
                os.unlink(path)
        for path in glob.glob(self.folder("log", "*")):
            os.unlink(path)
        self.sssd = proc.Daemon(self.argv(["sssd", "-i", "--logger=files"]), self.log,
                                env=proc.clean_env())
        pipe = self.folder("sss", "pipes", "nss")
        proc.wait_until("SSSD", lambda: proc.socket_answers(pipe), process=self.sssd.process,
                        log=self.log)

    def stop_sssd(self):
        if self.sssd:
            self.sssd.stop()
            self.sssd = None

    def said(self, name):
        """One of its logs: ldap_child, krb5_child, sssd_ad.test."""
        try:
            with open(self.folder("log", name + ".log"), encoding="utf-8", errors="replace") as f:
                return f.read()
        except FileNotFoundError:
            return ""

    def knows(self, user):
        """Its entry of passwd, as getent has it, from SSSD alone."""
        done = self.run("getent", "-s", "sss", "passwd", user)
        return done.out.split(":") if done.code == 0 else None

    def online(self, user):
        """SSSD has come to the domain: that entry."""
        proc.wait_until("SSSD's domain", lambda: self.knows(user), log=self.log,
                        process=self.sssd.process)
        return self.knows(user)

    def offline(self):
        proc.wait_until("SSSD's end of the domain", lambda: "Going offline" in self.said(
            f"sssd_{DOMAIN}"), log=self.log, process=self.sssd.process)

    @property
    def kdcinfo(self):
        return glob.glob(self.folder("sss", "pubconf", "kdcinfo.*"))

    def doctor(self):
        return {c["name"]: c for c in json.loads(self.lsactl("doctor", "--json").out)}
