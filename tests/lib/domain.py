# SPDX-License-Identifier: GPL-3.0-or-later
"""winbindd of a member of a throw-away Active Directory domain.

Samba's domain controller and the member share one network namespace that has
nothing but its own loopback, one PID namespace that ends all of it at once,
and private mounts over everything that Samba looks for in fixed places.
"""

import base64
import contextlib
import os
import re
import shlex

from . import proc, search
from .holders import Holder, Secret
from .ntlm import nt_hash

REALM = "AD.TEST"
PROGRAMS = ("samba", "samba-tool", "winbindd", "net", "wbinfo")
CONTROLLER, MEMBER = "10.99.0.1", "10.99.0.2"
ALICE = "ADTEST\\alice"
PASSWORD = "alice's password in the domain 1"
ADMINISTRATOR = "Adm1n.of.the.domain"

SAM = """
import sys
from samba import dsdb
from samba.auth import system_session
from samba.param import LoadParm
from samba.samdb import SamDB
lp = LoadParm()
lp.load("dc/etc/smb.conf")
db = SamDB("dc/private/sam.ldb", session_info=system_session(), lp=lp)
word = lambda: sys.stdin.readline().rstrip("\\n")
"""


class Domain:
    """The controller, and the namespaces in which everything runs."""

    def __init__(self):
        for name in PROGRAMS:
            if not proc.program(name):
                raise proc.Failed(f"{name} is not installed (scripts/setup.sh theft-peers)")
        self.folder = proc.Folder("domain")
        self.daemon = None
        self.others = {}  # realm: its KDC's address, for krb5.conf
        try:
            self.make()
        except BaseException:
            self.stop()
            raise

    def make(self):
        f = self.folder
        f.make("etc")
        for name in ("dc", "log", "tmp"):
            f.make(name)
        f.write("hosts", f"127.0.0.1 localhost\n{CONTROLLER} dc1.ad.test dc1\n"
                f"{MEMBER} member.ad.test member\n")
        f.write("resolv.conf", f"nameserver {CONTROLLER}\nsearch ad.test\n")
        self.config = self.write_config("krb5.conf")
        self.log = f("log", "samba")
        script = f.write("controller.sh", self.script())
        self.daemon = proc.Daemon(
            ["unshare", "-m", "-n", "-u", "-i", "-p", "--fork", "--kill-child", "--mount-proc",
             "sh", "-e", script], self.log)
        proc.wait_until("the domain controller", lambda: "ready" in proc.tail(self.log),
                        seconds=240, process=self.daemon.process, log=self.log)

    def script(self):
        here = shlex.quote(self.folder.path)
        return f"""mount --make-rprivate /
ip link set lo up
ip address add {CONTROLLER}/24 dev lo
ip address add {MEMBER}/24 dev lo
cd {here}
mount --bind hosts /etc/hosts
mount --bind resolv.conf /etc/resolv.conf
mount --bind krb5.conf /etc/krb5.conf
mount --bind etc /etc/samba
mount --bind log /var/log/samba
for folder in /run /var/lib/samba /var/cache/samba; do
	mount -t tmpfs tmpfs $folder
done
mkdir /run/samba
hostname dc1
samba-tool domain provision --realm=AD.TEST --domain=ADTEST --server-role=dc \\
	--dns-backend=SAMBA_INTERNAL --adminpass={ADMINISTRATOR} --host-name=dc1 \\
	--host-ip={CONTROLLER} --targetdir={here}/dc \\
	--option="interfaces={CONTROLLER}/24" --option="bind interfaces only=yes" >log/provision 2>&1
samba-tool user create alice {shlex.quote(PASSWORD)} --configfile=dc/etc/smb.conf
samba --configfile=dc/etc/smb.conf -i -M standard \\
	--option='server services=s3fs,rpc,ldap,cldap,kdc,dns,winbindd' \\
	--option='log level = 1 kerberos:3' &
until ss -ltn | grep -q {CONTROLLER}:445 && ss -ltn | grep -q {CONTROLLER}:389 &&
	test -S /run/samba/winbindd/pipe; do
	sleep 0.2
done
echo ready
wait
"""

    # The face of realm.Realm that instances and users need.

    def write_config(self, name, kcm_socket=None, kdc=None):
        """A krb5.conf in the folder; returns its path. kdc: another address."""
        ours = ""
        if kcm_socket:
            ours = f"""kcm_socket = {kcm_socket}
    default_ccache_name = KCM:
    dns_canonicalize_hostname = false"""
        others = "".join(f"    {realm} = {{\n        kdc = {kdc or at}\n    }}\n"
                         for realm, at in self.others.items())
        return self.folder.write(name, f"""[libdefaults]
    default_realm = {REALM}
    dns_lookup_kdc = false
    dns_lookup_realm = false
    rdns = false
    {ours}
[realms]
    {REALM} = {{
        kdc = {kdc or CONTROLLER}
    }}
{others}""")

    def env(self, config=None, **more):
        return proc.clean_env(KRB5_CONFIG=config or self.config, **more)

    def sam(self, script, *words):
        """Python in the domain's database, db; words: lines of its standard input, word()."""
        done = self.run("/usr/bin/python3", "-c", SAM + script,
                        stdin="".join(word + "\n" for word in words)).ok()
        return done.out

    @contextlib.contextmanager
    def kdc_without_fast(self):
        """Another KDC of the domain, at MEMBER, which offers no armour."""
        f = self.folder
        other, log = f.make("plain"), f("plain", "log")
        argv = ["samba", "--configfile=dc/etc/smb.conf", "-i", "-M", "single"]
        argv += [f"--option={line}" for line in (
            "server services=kdc", f"interfaces={MEMBER}/24", "kdc enable fast=no",
            f"pid directory={other}", f"ncalrpc dir={other}")]
        daemon = proc.Daemon(self.argv(argv), log)
        try:
            proc.wait_until("the KDC without FAST", lambda: self.run(
                "sh", "-c", f"ss -ltn | grep -q {MEMBER}:88").code == 0,
                process=daemon.process, log=log)
            yield
        finally:
            proc.end_processes(proc.descendants(daemon.pid))
            daemon.stop()

    def log_size(self):
        return os.path.getsize(self.log)

    def read_log(self, start=0):
        with open(self.log, "rb") as log:
            log.seek(start)
            return log.read().decode(errors="replace")

    @property
    def inside(self):
        """A process in the namespaces."""
        return proc.children(self.daemon.pid)[0]

    def argv(self, argv, script=":"):
        """argv in the namespaces of the controller, after script in mounts of its own."""
        return ["nsenter", "-t", str(self.inside), "-m", "-n", "-u", "-i", "-p",
                "unshare", "-m", "sh", "-ec",
                f"mount --make-rprivate / && cd {shlex.quote(self.folder.path)} && {script}"
                ' && exec "$@"', "sh", *argv]

    def run(self, *argv, script=":", stdin=""):
        return proc.run(self.argv(list(argv), script), stdin=stdin, start_new_session=True)

    def stop(self):
        if self.daemon:
            # unshare waits for its child, which is killed with it.
            self.daemon.stop(patience=1)
            self.daemon = None
        self.folder.remove()


class Winbindd(Holder):
    """A member's winbindd with offline logon, after alice's logon."""

    name = "winbindd"
    packages = ("winbind", "samba")
    keeps_files = "secrets.tdb and its other databases"
    log_off_is = "wbinfo --logoff"

    def __init__(self, domain):
        self.domain = domain
        super().__init__(None)

    def start(self):
        d = self.domain
        self.folder = proc.Folder("winbindd")
        self.started.append(self.folder.remove)
        f = self.folder
        for name in ("private", "state", "cache", "lock", "run", "ncalrpc", "sock", "tap", "log"):
            f.make(name)
        self.config = f.write("smb.conf", f"""[global]
    netbios name = MEMBER
    workgroup = ADTEST
    realm = AD.TEST
    security = ads
    interfaces = {MEMBER}/24
    bind interfaces only = yes
    private dir = {f("private")}
    state directory = {f("state")}
    cache directory = {f("cache")}
    lock directory = {f("lock")}
    log file = {f("log", "%m")}
    pid directory = {f("run")}
    ncalrpc dir = {f("ncalrpc")}
    winbindd socket directory = {f("sock")}
    winbind offline logon = yes
    idmap config * : backend = tdb
    idmap config * : range = 100000-199999
    kerberos method = secrets only
""")
        # Not in arguments: other processes would have them to read.
        login = f.write("administrator", f"username = Administrator\npassword = {ADMINISTRATOR}\n",
                        mode=0o600)
        d.run("net", "ads", "join", "-s", self.config, "-A", login, "-S", "dc1.ad.test",
              "--no-dns-updates", script="hostname member").ok()
        os.unlink(login)
        self.log = f("out")
        # Where Samba has itself dumped; a thief looks in the working directory.
        f.make("log", "cores", mode=0o700)
        cores = f.make("log", "cores", "winbindd", mode=0o700)
        self.daemon = proc.Daemon(d.argv(
            ["winbindd", "-s", self.config, "-F", "--no-process-group", "--debug-stdout"],
            f"{self.mounts('sock')} && cd {shlex.quote(cores)}"), self.log)
        self.started.append(self.daemon.stop)
        proc.wait_until(self.name, lambda: proc.socket_answers(f("sock", "pipe")),
                        process=self.daemon.process, log=self.log)
        self.recorder = search.Recorder(f("sock", "pipe"), f("tap", "pipe"))
        self.started.append(self.recorder.close)
        proc.wait_until("winbindd's domain", lambda: self.wbinfo("-t").code == 0, seconds=60,
                        process=self.daemon.process, log=self.log)

    def mounts(self, pipe):
        return f"mount --bind {shlex.quote(self.folder(pipe))} /run/samba/winbindd"

    def wbinfo(self, *arguments, stdin=""):
        return self.domain.run("wbinfo", *arguments, script=self.mounts("tap"), stdin=stdin)

    def log_on(self):
        self.wbinfo(f"--krb5ccname=FILE:{self.folder('run', 'krb5cc_%u')}", "-K", ALICE,
                    stdin=PASSWORD + "\n").ok()
        self.wbinfo("--ccache-save", ALICE, stdin=PASSWORD + "\n").ok()
        machine = self.machine_password()
        self.secrets = {
            "H": Secret("NT hash", search.needles(nt_hash(PASSWORD))),
            "P": Secret("password", [PASSWORD.encode(), PASSWORD.encode("utf-16-le")]),
            "M": Secret("machine account's password", [
                machine.encode()[:48], machine.encode("utf-16-le")[:32],
                *search.needles(nt_hash(machine))])}

    def machine_password(self):
        """As the member keeps it; the controller knows that it is the true one."""
        import tdb  # which not every machine has that runs other tests
        with contextlib.closing(tdb.open(self.folder("private", "secrets.tdb"),
                                         flags=os.O_RDONLY)) as secrets:
            word = secrets.get(b"SECRETS/MACHINE_PASSWORD/ADTEST").rstrip(b"\0").decode()
        asked = self.domain.run("samba-tool", "user", "getpassword", "MEMBER$",
                                "--attributes=unicodePwd", "-H", "tdb://dc/private/sam.ldb",
                                "--configfile=dc/etc/smb.conf").ok()
        known = base64.b64decode(re.search(r"unicodePwd:: (\S+)", asked.out)[1])
        assert known == nt_hash(word), "the controller has another password of the machine"
        return word

    def log_off(self):
        self.wbinfo("--logoff", f"--logoff-user={ALICE}", "--logoff-uid=0").ok()

    @property
    def pids(self):
        return [p for p in proc.descendants(self.daemon.pid)
                if os.path.basename(os.readlink(f"/proc/{p}/exe")) == "winbindd"]

    @property
    def folders(self):
        return [self.folder.path]

    def traffic(self):
        return bytes(self.recorder.to_client)

    def replay(self):
        """The NT hash instead of the password, at the controller."""
        answers = []
        for word in (nt_hash(PASSWORD), os.urandom(16)):
            login = self.folder.write("thief", f"username = alice\ndomain = ADTEST\n"
                                      f"password = {word.hex()}\n", mode=0o600)
            answers.append(self.domain.run("net", "rpc", "user", "-s", self.config, "-S",
                                           "dc1.ad.test", "-A", login, "--pw-nt-hash"))
            os.unlink(login)
        stolen, wrong = answers
        assert wrong.code != 0, "the controller takes any hash"
        return stolen.code == 0, stolen.text.strip().splitlines()[-1]
