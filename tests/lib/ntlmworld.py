# SPDX-License-Identifier: GPL-3.0-or-later
"""Unmodified programs that ask winbind's pipe for NTLM, and what they talk to.

A Desk is a user at a machine whose /run/samba/winbindd is a folder of the
test's: lsaiso's front, or that of a real winbindd.
"""

import base64
import contextlib
import os
import re
import select
import shlex
import socket
import subprocess
import threading

from . import instance, proc, users
from .ntlm import SIGNATURE, Answer, Server, Web, kind
from .services import in_private_mounts

DOMAIN = "TEST"
HERE = os.path.dirname(os.path.abspath(__file__))
GSSAPP = os.path.join(HERE, "gssapp.py")
HELPER = ("ntlm_auth", "--helper-protocol", "ntlmssp-client-1", "--use-cached-creds")


def missing():
    """Why these programs cannot run here; None: they can."""
    for name in ("ntlm_auth", "smbclient", "smbd", "winbindd", "wbinfo", "curl"):
        if not proc.program(name):
            return f"{name} is not installed (scripts/setup.sh test)"
    if not os.path.exists("/etc/gss/mech.d/mech.ntlmssp.conf"):
        return "gss-ntlmssp is not installed (scripts/setup.sh test)"
    return None


class Desk:
    """Programs of uid, with pipe_folder (that has a `pipe`) for /run/samba/winbindd.

    mic   whether answers are expected to have one; None: whatever
    """

    def __init__(self, folder, uid, pipe_folder, name="erin", mic=True):
        self.folder, self.uid, self.pipe_folder, self.name = folder, uid, pipe_folder, name
        self.mic = mic
        self.samba = folder.make("samba")
        folder.write("samba/smb.conf", f"[global]\nworkgroup = {DOMAIN}\nnetbios name = CLIENT\n"
                     "log file = /dev/null\nclient min protocol = SMB2\n")

    def env(self, **more):
        return proc.clean_env(USER=self.name, LOGNAME=self.name,
                              KRB5_CONFIG=self.folder.write("krb5.conf", ""),
                              **more)

    def argv(self, argv):
        script = ("mount -t tmpfs tmpfs /run && mkdir -p /run/samba/winbindd && "
                  f"mount --bind {shlex.quote(self.pipe_folder)} /run/samba/winbindd && "
                  f"mount --bind {shlex.quote(self.samba)} /etc/samba")
        if self.uid:
            argv = ["setpriv", f"--reuid={self.uid}", f"--regid={self.uid}", "--clear-groups",
                    "--inh-caps=-all", *argv]
        return in_private_mounts(script, argv)

    def run(self, *argv, stdin="", **env):
        return proc.run(self.argv(list(argv)), env=self.env(**env), stdin=stdin, timeout=20)

    def save(self, password, domain=DOMAIN):
        """CCACHE_SAVE."""
        return self.run("wbinfo", "--ccache-save", f"{domain}\\{self.name}", stdin=password + "\n")

    def log_on(self, password, domain=DOMAIN):
        """PAM_AUTH that wants a ticket."""
        return self.run("wbinfo", "--krb5ccname=KCM", "-K", f"{domain}\\{self.name}",
                        stdin=password + "\n")

    def talk(self, *argv, **env):
        return Talk(self.argv(list(argv)), self.env(**env))

    def helper(self, *options):
        """ntlm_auth as the clients of its line protocol start it."""
        return self.talk(*HELPER, *options)

    def curl(self, url, domain=DOMAIN):
        return self.run("curl", "-sS", "--max-time", "10", "--ntlm-wb", "-u",
                        f"{domain}\\{self.name}:", url)

    def smbclient(self, port, command, *options, domain=DOMAIN):
        return self.run("smbclient", f"//127.0.0.1/{Smbd.share}", "-p", str(port),
                        "--use-winbind-ccache", "--no-pass", "--use-kerberos=off",
                        "-U", f"{domain}\\{self.name}", *options, "-c", command)

    def gss(self, *flags, **env):
        return self.talk("/usr/bin/python3", "-B", GSSAPP, "initiate", f"{DOMAIN}\\{self.name}",
                         *flags, **env)


class Front(contextlib.AbstractContextManager):
    """An instance of lsaiso that is in winbindd's place."""

    def __init__(self, realm, ntlm, **settings):
        self.realm, self.folder = realm, proc.Folder("front")
        self.pipe_folder = self.folder.make("winbindd")
        self.pipe = os.path.join(self.pipe_folder, "pipe")
        try:
            self.inst = instance.Instance(realm, {
                "ntlm": ntlm, "winbind": {"socket": self.pipe}, **settings})
        except BaseException:
            self.folder.remove()
            raise

    def lsactl(self, uid, *arguments, stdin=""):
        """By uid; config and all."""
        return users.User(self.inst, uid).run(instance.program("lsactl"), *arguments, "--config",
                                              self.inst.file, stdin=stdin)

    def logon(self, uid, name, password):
        self.lsactl(uid, "logon", name, stdin=password + "\n").ok()

    def add(self, uid, name, password):
        self.lsactl(uid, "ntlm", "add", f"{DOMAIN}\\{name}", stdin=password + "\n").ok()

    def desk(self, uid, name, pipe_folder=None):
        return Desk(self.folder, uid, pipe_folder or self.pipe_folder, name)

    def __exit__(self, *_):
        self.inst.stop()
        self.folder.remove()


class Talk(contextlib.AbstractContextManager):
    """A program that answers lines."""

    def __init__(self, argv, env):
        self.process = subprocess.Popen(argv, env=env, stdin=subprocess.PIPE,
                                        stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)

    def __call__(self, line):
        try:
            self.process.stdin.write(line + "\n")
            self.process.stdin.flush()
        except BrokenPipeError:
            pass
        while True:
            got = self.process.stdout.readline()
            # What Samba's programs say of a machine without a network is not an answer.
            if not got.startswith("WARNING: no network"):
                return got.rstrip("\n")

    def message(self, line, *words):
        """The message in an answer that begins with one of words."""
        answer = self(line)
        word, _, rest = answer.partition(" ")
        assert word in words, f"{line.split()[0]}: {answer!r}, not {words}"
        return base64.b64decode(rest)

    def __exit__(self, *_):
        self.process.stdin.close()
        self.process.stdout.close()
        try:
            self.process.wait(5 * proc.SLOW)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()


def text(message):
    return base64.b64encode(message).decode()


def on_machine(name, argv):
    """argv where the machine is called so."""
    return ["unshare", "-u", "sh", "-ec", f'hostname {name.lower()} && exec "$@"', "sh", *argv]


class Acceptor(Talk):
    """gss-ntlmssp as a server, with a file of passwords and no winbind."""

    def __init__(self, folder, passwords, computer="GSSHOST", domain=DOMAIN):
        path = folder.write(f"users-{computer}", "".join(
            f"{domain}:{name}:{word}\n" for name, word in passwords.items()), mode=0o600)
        super().__init__(on_machine(computer, [
            "/usr/bin/python3", "-B", GSSAPP, "accept"]), proc.clean_env(
            NTLM_USER_FILE=path, NETBIOS_COMPUTER_NAME=computer, NETBIOS_DOMAIN_NAME=domain,
            KRB5_CONFIG=folder.write("krb5-none.conf", ""), _NO_WINBINDD="1"))


class Shake:
    """A handshake of two gssapp.py; all tokens of it, and where it failed."""

    def __init__(self, initiator, acceptor, change=None):
        self.i, self.a, self.tokens = initiator, acceptor, []
        self.failed = None
        say, hear, token = initiator, acceptor, ""
        for _ in range(8):
            answer = say(f"step {token}".rstrip())
            word, _, token = answer.partition(" ")
            if word == "failed":
                self.failed = token
                return
            assert word in ("more", "done"), answer
            if token:
                message = base64.b64decode(token)
                if change and kind(message) == 2:
                    message = change(message)
                self.tokens.append(message)
                token = text(message)
            elif word == "done":
                return
            say, hear = hear, say
        raise AssertionError("no end of it")

    def use(self):
        """Both ways: wrapped, signed, and one signature that is not right. This mechanism
        seals whatever it wraps."""
        for one, other in ((self.i, self.a), (self.a, self.i)):
            wrapped = one("wrap secret-words")
            assert b"secret-words" not in base64.b64decode(wrapped)
            assert other(f"unwrap {wrapped}") == "secret-words"
            assert other(f"verify {one('mic some-words')} some-words") == "good"
            assert other(f"verify {one('mic more-words')} other-words") == "bad"


class Smbd(contextlib.AbstractContextManager):
    """Samba's own server, alone, that insists on NTLMv2 and on signatures."""

    share = "share"

    def __init__(self, passwords, computer="SMBHOST"):
        self.folder, self.port, self.daemon = proc.Folder("smbd"), proc.free_port(), None
        f = self.folder
        for name in ("private", "state", "cache", "lock", "run", "ncalrpc", "log", "share"):
            f.make(name)
        f.write("share/hello", "a file that only erin gets\n")
        f.write("passwd", "root:x:0:0:root:/root:/bin/sh\nnobody:x:65534:65534::/:/bin/sh\n"
                + "".join(f"{name}:x:{64700 + n}:{64700 + n}::/:/bin/sh\n"
                          for n, name in enumerate(passwords)))
        self.config = f.write("smb.conf", f"""[global]
    workgroup = {DOMAIN}
    netbios name = {computer}
    server role = standalone
    interfaces = 127.0.0.1/8
    bind interfaces only = yes
    smb ports = {self.port}
    disable netbios = yes
    server signing = mandatory
    ntlm auth = ntlmv2-only
    server min protocol = SMB2
    load printers = no
    disable spoolss = yes
    log file = {f("log", "smbd")}
    log level = 1 auth:3
    private dir = {f("private")}
    state directory = {f("state")}
    cache directory = {f("cache")}
    lock directory = {f("lock")}
    pid directory = {f("run")}
    ncalrpc dir = {f("ncalrpc")}
[{self.share}]
    path = {f("share")}
    read only = yes
""")
        try:
            for name, word in passwords.items():
                proc.run(self.argv(["smbpasswd", "-c", self.config, "-s", "-a", name]),
                         stdin=f"{word}\n{word}\n").ok()
            self.daemon = proc.Daemon(self.argv(on_machine(computer, [
                "smbd", "-s", self.config, "-F", "--no-process-group"])), f("out"))
            proc.wait_until("smbd", lambda: proc.port_answers(self.port),
                            process=self.daemon.process, log=f("out"))
        except BaseException:
            self.__exit__()
            raise

    def argv(self, argv):
        return in_private_mounts(
            f"mount --bind {shlex.quote(self.folder('passwd'))} /etc/passwd && "
            "mount -t tmpfs tmpfs /run", argv)

    def __exit__(self, *_):
        if self.daemon:
            self.daemon.stop()
        self.folder.remove()


class Winbindd(contextlib.AbstractContextManager):
    """A real one, of a machine in no domain: it keeps what --ccache-save brings."""

    def __init__(self):
        self.folder = proc.Folder("winbindd")
        f = self.folder
        for name in ("private", "state", "cache", "lock", "run", "ncalrpc", "log"):
            f.make(name)
        self.pipe_folder = f.make("sock")
        self.config = f.write("smb.conf", f"""[global]
    workgroup = {DOMAIN}
    netbios name = CLIENT
    server role = standalone
    winbind offline logon = yes
    interfaces = lo
    bind interfaces only = yes
    log file = {f("log", "%m")}
    private dir = {f("private")}
    state directory = {f("state")}
    cache directory = {f("cache")}
    lock directory = {f("lock")}
    pid directory = {f("run")}
    ncalrpc dir = {f("ncalrpc")}
    winbindd socket directory = {self.pipe_folder}
    idmap config * : backend = tdb
    idmap config * : range = 100000-199999
""")
        # Its mounts and its network are its own: no other machine to find. So are its
        # processes, because samba-dcerpcd, which it starts, would outlive it.
        self.daemon = proc.Daemon(
            ["unshare", "-n", "-p", "--fork", "--kill-child", "--mount-proc", *in_private_mounts(
                "mount -t tmpfs tmpfs /run",
                ["winbindd", "-s", self.config, "-F", "--no-process-group", "--debug-stdout"])],
            f("out"))
        try:
            proc.wait_until("winbindd", lambda: proc.socket_answers(f("sock", "pipe")),
                            process=self.daemon.process, log=f("out"))
        except BaseException:
            self.__exit__()
            raise

    @property
    def pids(self):
        return [p for p in [self.daemon.pid, *proc.descendants(self.daemon.pid)]
                if re.search("winbindd", proc_exe(p))]

    def __exit__(self, *_):
        # unshare waits for its child, which is killed with it.
        self.daemon.stop(patience=0.2)
        self.folder.remove()


def proc_exe(pid):
    try:
        return os.path.basename(os.readlink(f"/proc/{pid}/exe"))
    except OSError:
        return ""


class Between(contextlib.AbstractContextManager):
    """A wire to an SMB server that changes the challenges on it and keeps what was answered."""

    def __init__(self, port, change):
        self.behind, self.change, self.answers = port, change, []
        self.changed = 0
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.port = self.listener.getsockname()[1]
        self.thread = threading.Thread(target=self.serve, daemon=True)
        self.thread.start()

    def serve(self):
        while True:
            try:
                client, _ = self.listener.accept()
            except OSError:
                return
            with client, socket.create_connection(("127.0.0.1", self.behind)) as server:
                ends = {client: server, server: client}
                while all(self.carry(one, ends[one])
                          for one in select.select(list(ends), [], [], 10)[0] or [client]):
                    pass

    def carry(self, source, to):
        """One message of SMB: four octets of length before it."""
        head = source.recv(4, socket.MSG_WAITALL)
        if len(head) < 4:
            return False
        message = source.recv(int.from_bytes(head[1:], "big"), socket.MSG_WAITALL)
        at = message.find(SIGNATURE)
        if at >= 0 and kind(message[at:]) == 2:
            message = message[:at] + self.change(message[at:])
            self.changed += 1
        elif at >= 0 and kind(message[at:]) == 3:
            self.answers.append(message[at:])
        to.sendall(head + message)
        return True

    def __exit__(self, *_):
        self.listener.shutdown(socket.SHUT_RDWR)
        self.listener.close()
        self.thread.join(5)


class Servers(contextlib.AbstractContextManager):
    """One of each, all knowing the same passwords; what any server can be asked to change of
    its challenges, they all do."""

    def __init__(self, passwords, smb=True):
        self.passwords, self.change = passwords, None
        self.folder = proc.Folder("servers")
        self.smbd = Smbd(passwords) if smb else None
        self.web = Web(Server(passwords, "WEBHOST"))
        self.web.change = self.changed

    def changed(self, challenge):
        return self.change(challenge) if self.change else challenge

    def acceptor(self):
        return Acceptor(self.folder, self.passwords)

    def __exit__(self, *_):
        self.web.__exit__()
        if self.smbd:
            self.smbd.__exit__()
        self.folder.remove()


class Way:
    """One kind of client.

    exe     what asks the pipe for it
    server  the name in its server's challenges
    words   what it says when it gets no answer, by why it does not
    """

    name = exe = server = words = None

    @staticmethod
    def said(nothing, refused):
        """Whether there are credentials is asked at first; who is locked has none."""
        return {"nothing": nothing, "locked": nothing, "refused": refused, "old": refused}

    def go(self, desk, servers):
        """(whether it was let in, what it said otherwise)"""
        raise NotImplementedError


class Gss(Way):
    name, exe, server = "gss-ntlmssp", "python3", "GSSHOST"
    words = Way.said("A required argument is missing", "Feature not available")

    def go(self, desk, servers):
        for flags in ((), ("signonly",)):
            with desk.gss(*flags) as initiator, servers.acceptor() as acceptor:
                done = Shake(initiator, acceptor, servers.changed)
                if done.failed:
                    return False, done.failed
                done.use()
                assert acceptor("source") == f"{DOMAIN}\\{desk.name}"
                assert not Answer(done.tokens[2]).has_mic(), "its NEGOTIATE is not known"
        return True, ""


class Helper(Way):
    """The whole dialogue, with the session key."""

    name, exe, server = "ntlm_auth", "ntlm_auth", "WEBHOST"
    words = Way.said("PW", "NA NT_STATUS_WRONG_CREDENTIAL_HANDLE")

    def go(self, desk, servers):
        server = servers.web.server
        with desk.helper("--username", desk.name, "--domain", DOMAIN) as helper:
            # What there is a key for.
            assert helper("SF NTLMSSP_FEATURE_SIGN NTLMSSP_FEATURE_SEAL").startswith("OK")
            said = helper("YR")
            if not said.startswith("YR "):
                return False, said
            negotiate = base64.b64decode(said[3:])
            challenge = servers.changed(server.challenge(negotiate))
            said = helper(f"TT {text(challenge)}")
            if said[:3] not in ("AF ", "KK "):
                return False, said
            answer = server.check(negotiate, challenge, base64.b64decode(said[3:]))
            assert desk.mic in (None, answer.has_mic())
            assert (answer.user, answer.domain) == (desk.name, DOMAIN)
            assert helper("GK") == f"GK {text(answer.key)}"
            assert re.fullmatch("GF 0x[0-9a-f]{8}", helper("GF"))
        return True, ""


class Firefox(Way):
    """As nsAuthSambaNTLM of Firefox and Thunderbird does it: the name is $USER, the domain
    ntlm_auth's to find; octets of base64 in fours, to the end of the line; then both pipes
    are closed, and it is over."""

    name, exe, server = "Firefox", "ntlm_auth", "WEBHOST"
    words = Helper.words

    def go(self, desk, servers):
        server = servers.web.server
        with desk.helper("--username", desk.env()["USER"]) as helper:
            said = helper("YR")
            if not said.startswith("YR "):
                return False, said
            assert len(said[3:]) % 4 == 0
            negotiate = base64.b64decode(said[3:], validate=True)
            challenge = servers.changed(server.challenge(negotiate))
            said = helper(f"TT {text(challenge)}")
            if not said.startswith(("KK ", "AF ")):
                return False, said
            assert len(said[3:]) % 4 == 0
            answer = server.check(negotiate, challenge, base64.b64decode(said[3:]))
            assert desk.mic in (None, answer.has_mic())
            assert (answer.user, answer.domain) == (desk.name, DOMAIN)
        return True, ""


class Smb(Way):
    name, exe, server = "smbclient", "smbclient", "SMBHOST"
    words = Way.said("NT_STATUS_WRONG_CREDENTIAL_HANDLE", "NT_STATUS_WRONG_CREDENTIAL_HANDLE")

    def go(self, desk, servers):
        with contextlib.ExitStack() as stack:
            port, wire = servers.smbd.port, None
            if servers.change:
                wire = stack.enter_context(Between(port, servers.change))
                port = wire.port
            done = desk.smbclient(port, "ls; get hello -")
            assert not wire or (wire.changed and not wire.answers), "it was answered"
        if done.code:
            return False, done.text
        done.says("hello ", "a file that only erin gets").silent_about("Password for")
        return True, ""


class Curl(Way):
    name, exe, server = "curl", "curl", "WEBHOST"
    words = Way.said("[9] curl: (9) Access denied", "[9] curl: (9) Access denied")

    def go(self, desk, servers):
        web, before = servers.web, len(servers.web.seen)
        done = desk.curl(web.url)
        if done.out == f"hello {DOMAIN}\\{desk.name}\n":
            assert done.code == 0 and desk.mic in (None, web.answers[-1].has_mic())
            return True, ""
        assert len(web.seen) == before, f"an answer came: {web.refusals[-1:]}"
        return False, f"[{done.code}] {done.text}"


WAYS = [Gss(), Helper(), Firefox(), Smb(), Curl()]
