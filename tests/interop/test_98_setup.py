# SPDX-License-Identifier: GPL-3.0-or-later
"""lsactl setup: does it make the endpoint the only KDC of a host, with nothing of
the administrator's lost, and does --undo take back exactly that, whatever else was
changed since? Files below a folder of our own (--root); and one instance that runs
with what setup wrote."""

import filecmp
import json
import os
import stat

import pytest

from lib import endpoint, instance, proc, users
from lib.instance import lsactl
from lib.realm import HOME, PASSWORDS

KRB5 = """includedir /etc/krb5.conf.d

[libdefaults]
	default_realm = EXAMPLE.COM
	; the administrator's words
[realms]
	# the main one
	EXAMPLE.COM = {
		kdc = 127.0.0.9:8888
		master_kdc = 127.0.0.10
		admin_server = 127.0.0.11
		auth_to_local_names = {
			a = b
		}
	}
[domain_realm]
	.example.com = EXAMPLE.COM
	.other.example = OTHER.EXAMPLE
"""
SNIPPET = "[realms]\n\tEXAMPLE.COM = {\n\t\tkdc = 127.0.0.12\n\t}\n"
SSSD = """[sssd]
domains = a, b

[domain/a]
id_provider = ad
krb5_use_kdcinfo = True
# his words

[domain/b]
id_provider = files
"""


class Root:
    """A host's /etc."""

    def __init__(self, path):
        self.path = str(path)
        for name, text, mode in (("krb5.conf", KRB5, 0o644), ("krb5.conf.d/snip", SNIPPET, 0o644),
                                 ("sssd/sssd.conf", SSSD, 0o600)):
            self.write(name, text, mode)

    def __call__(self, name):
        return os.path.join(self.path, "etc", name)

    def read(self, name):
        with open(self(name), encoding="utf-8") as f:
            return f.read()

    def write(self, name, text, mode=0o644):
        os.makedirs(os.path.dirname(self(name)), exist_ok=True)
        with open(self(name), "w", encoding="utf-8") as f:
            f.write(text)
        os.chmod(self(name), mode)

    def setup(self, *options):
        return proc.run([instance.program("lsactl"), "setup", "--root", self.path, *options])

    def all(self):
        return {os.path.join(at, name): (open(os.path.join(at, name), "rb").read(),
                                         stat.S_IMODE(os.stat(os.path.join(at, name)).st_mode))
                for at, _, names in os.walk(self.path) for name in names}


@pytest.fixture
def root(tmp_path):
    return Root(tmp_path)


def test_01_shows_and_changes_nothing(root):
    before = root.all()
    done = root.setup().ok()
    assert "--- " in done.out and "+\t\tkdc = 127.0.0.1:88" in done.out
    assert "Nothing was changed" in done.out
    assert root.all() == before


def test_02_apply_again_and_undo(root):
    before = root.all()
    root.setup("--apply").ok()
    krb5 = root.read("krb5.conf")
    live = [line.strip() for line in krb5.splitlines() if not line.strip().startswith("#")]
    assert [x for x in live if x.startswith(("kdc", "master_kdc"))] == ["kdc = 127.0.0.1:88"] * 2
    assert "admin_server = 127.0.0.11" in live and "; the administrator's words" in live
    assert "kdc" not in "".join(x for x in root.read("krb5.conf.d/snip").splitlines()
                                if not x.startswith("#"))
    real = root.read("lsaiso/krb5.conf")
    assert "EXAMPLE.COM* = {" in real and "OTHER.EXAMPLE* = {" in real
    for line in ("kdc = 127.0.0.9:8888", "master_kdc = 127.0.0.10", "admin_server = 127.0.0.11",
                 "a = b", "kdc = 127.0.0.12"):
        assert line in real
    assert stat.S_IMODE(os.stat(root("sssd/sssd.conf")).st_mode) == 0o600
    assert "krb5_use_kdcinfo = False" in root.read("sssd/sssd.conf")
    drop = root.read("lsaiso/lsaiso.conf.d/setup.conf")
    assert "listen = 127.0.0.1:88" in drop
    assert "config = /etc/lsaiso/krb5.conf:/etc/krb5.conf" in drop
    now = root.all()
    root.setup("--apply").ok().says("nothing to change")
    assert root.all() == now
    root.setup("--undo", "--dry-run").ok()
    assert root.all() == now
    root.setup("--undo").ok()
    assert root.all() == before
    root.setup("--undo").ok().says("nothing to change")


def test_03_undo_leaves_what_others_changed(root):
    root.setup("--apply").ok()
    root.write("krb5.conf", root.read("krb5.conf").replace(
        "default_realm = EXAMPLE.COM", "default_realm = EXAMPLE.COM\n\tforwardable = true"))
    root.write("sssd/sssd.conf", root.read("sssd/sssd.conf") + "debug_level = 1\n", 0o600)
    root.setup("--undo").ok()
    assert root.read("krb5.conf") == KRB5.replace(
        "default_realm = EXAMPLE.COM", "default_realm = EXAMPLE.COM\n\tforwardable = true")
    assert root.read("sssd/sssd.conf") == SSSD + "debug_level = 1\n"
    assert os.path.exists(root("krb5.conf.lsaiso-saved"))  # it is not what is there now


def test_04_named_realms_and_a_file_without_an_end(root):
    text = KRB5.rstrip("\n")
    root.write("krb5.conf", text)
    root.setup("--apply", "EXAMPLE.COM").ok()
    assert "OTHER.EXAMPLE = {" not in root.read("krb5.conf")
    done = root.setup("--apply", "THIRD.EXAMPLE")
    done.fails("THIRD.EXAMPLE has no KDC")  # nobody knows it
    root.setup("--apply").ok()
    assert "OTHER.EXAMPLE = {" in root.read("krb5.conf")
    root.setup("--undo").ok()
    assert root.read("krb5.conf") == text


def test_05_a_port_that_is_taken(root):
    import socket
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        s.listen(1)
        root.write("lsaiso/lsaiso.conf",
                   f"[kdc]\nlisten = 127.0.0.1:{s.getsockname()[1]}\n"
                   f"[admin]\nsocket = {root.path}/nobody\n")
        before = root.all()
        root.setup("--apply").fails("cannot listen", "nothing was changed")
        assert root.all() == before


def test_06_bare_host(tmp_path):
    """No krb5.conf, no SSSD: a realm by name, which is then looked for in DNS."""
    os.makedirs(tmp_path / "etc")
    done = proc.run([instance.program("lsactl"), "setup", "--root", str(tmp_path)])
    done.fails("knows no realm")


def test_06_what_of_sssd_conf_is_named_and_what_is_written(root):
    def says(conf, snippet=None):
        root.write("sssd/sssd.conf", "[domain/a]\n" + conf, 0o600)
        if snippet is not None:
            root.write("sssd/conf.d/late.conf", "[domain/a]\n" + snippet, 0o600)
        return root.setup().ok()

    line, validate, fast = "+krb5_use_kdcinfo = False", "(krb5_validate)", "krb5_use_fast does not"
    says("id_provider = ad\n").says(line, validate).silent_about(fast)
    says("id_provider = ldap\n").silent_about(line, validate, fast)
    says("id_provider = ldap\nldap_sasl_mech = GSS-SPNEGO\n").says(line).silent_about(validate)
    says("id_provider = ldap\nauth_provider = krb5\nkrb5_use_fast = try\n").says(
        line, fast).silent_about(validate)
    says("id_provider = ldap\nauth_provider = krb5\nkrb5_validate = True\n").says(line, validate)
    says("id_provider = ad\nkrb5_keytab = FILE:/etc/krb5.keytab\n").says(line, validate)
    says("id_provider = ad\nkrb5_keytab = /etc/other\n").says(line).silent_about(validate)
    says("id_provider = ad\nkrb5_use_fast = try\nkrb5_fast_principal = x\n").silent_about(fast)
    says("id_provider = ad\nkrb5_use_fast = never\n").silent_about(fast)
    # A snippet comes after.
    says("id_provider = ad\n", "krb5_validate = False\n").says(line).silent_about(validate)


def test_07_an_instance_with_what_setup_wrote(realm, need_root):
    """The whole way: apply, restart, import, use, kpasswd, undo."""
    with endpoint.Endpoint(realm) as inst:
        who = users.User(inst)
        host = inst.folder.write("host-krb5.conf", open(realm.config, encoding="utf-8").read())
        os.chmod(host, 0o644)
        env = {"config": host}

        def setup(*options):
            return proc.run([instance.program("lsactl"), "setup", "--config", inst.file, *options],
                            env=inst.realm.env(**env))
        plain = open(host, encoding="utf-8").read()
        setup("--apply").ok()
        assert not filecmp.cmp(host, realm.config, shallow=False)
        inst.terminate()
        inst.daemon.process.wait(20 * proc.SLOW)
        inst.start()
        cache = os.path.join(inst.caches, f"cc-{who.uid}")
        run = lambda *argv, stdin="": proc.run(who.argv(list(argv)), stdin=stdin,  # noqa: E731
                                               env=realm.env(KRB5CCNAME=f"FILE:{cache}", **env))
        run("kinit", "bob", stdin=PASSWORDS["bob"] + "\n").ok()
        lsactl(inst, "ccache", "import", cache, who=who).ok()
        run("kvno", "HTTP/localhost").ok()
        counts = inst.call("Status")["kdc"]
        assert counts["relayed"] > 0 and counts["translated"] > 0, counts
        run("kpasswd", "bob", stdin="\n".join([PASSWORDS["bob"], "another one 7",
                                               "another one 7"]) + "\n").ok()
        run("kpasswd", "bob", stdin="\n".join(["another one 7", PASSWORDS["bob"],
                                               PASSWORDS["bob"]]) + "\n").ok()
        setup("--undo").ok()
        assert open(host, encoding="utf-8").read() == plain
        run("kinit", "bob", stdin=PASSWORDS["bob"] + "\n").ok()
        assert HOME in run("klist").ok().out


def test_08_doctor_tells_what_goes_past(realm, need_root):
    with endpoint.Endpoint(realm) as inst:
        def doctor(config):
            done = proc.run([instance.program("lsactl"), "doctor", "--json", "--config", inst.file],
                            env=realm.env(config=config))
            return {c["name"]: c for c in json.loads(done.out)}

        good = doctor(inst.client_config)
        for name in ("KDC endpoint", "krb5.conf KDCs", "real KDCs", "way to the KDC"):
            assert good[name]["health"] == "ok", good[name]
        past = doctor(realm.config)
        assert past["krb5.conf KDCs"]["health"] == "weak"
        assert "in place of" in past["krb5.conf KDCs"]["found"]
        assert past["way to the KDC"]["health"] == "missing", past["way to the KDC"]
        beside = inst.folder.write("beside.conf", open(
            inst.client_config, encoding="utf-8").read().replace(
                f"kdc = 127.0.0.1:{inst.at[1]}",
                f"kdc = 127.0.0.1:{inst.at[1]}\n\t\tkdc = 127.0.0.1:1", 1))
        os.chmod(beside, 0o644)
        said = doctor(beside)
        assert "beside the endpoint" in said["krb5.conf KDCs"]["found"], said["krb5.conf KDCs"]
        assert said["way to the KDC"]["health"] == "ok"


def test_09_doctor_of_an_instance_that_asks_itself(realm, need_root, tmp_path):
    """And of a keytab that everybody may read, and of one without endpoint."""
    keytab = tmp_path / "keytab"
    keytab.write_bytes(b"\5\2")
    port = proc.free_port()
    at = realm.write_config(f"self-{port}.conf", kdc=dict.fromkeys(realm.kdc, port))
    with instance.Instance(realm, {"kdc": {"listen": f"127.0.0.1:{port}"}, "krb5": {"config": at},
                                   "logon": {"keytab": str(keytab)}}) as inst:
        os.chmod(keytab, 0o644)
        done = proc.run([instance.program("lsactl"), "doctor", "--json", "--config", inst.file],
                        env=realm.env(config=at))
        said = {c["name"]: c for c in json.loads(done.out)}
        assert said["real KDCs"]["health"] == "missing", said["real KDCs"]
        assert said["machine keytab"]["health"] == "missing", said["machine keytab"]
    with instance.Instance(realm) as inst:
        done = proc.run([instance.program("lsactl"), "doctor", "--json", "--config", inst.file],
                        env=inst.env())
        said = {c["name"]: c for c in json.loads(done.out)}
        assert said["way to the KDC"]["health"] == "ok"
        assert "no KDC endpoint" in said["way to the KDC"]["found"]
