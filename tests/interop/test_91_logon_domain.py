# SPDX-License-Identifier: GPL-3.0-or-later
"""Is a person of an Active Directory domain (Samba's) logged on inside as one
of MIT's realm is: armour out of the machine's keytab, passwords that have
expired, what the domain says of new ones, pam_lsa, and RC4 only where it was
configured?"""

import contextlib
import json

import pytest

from lib import domain as ad, instance, logins, proc, users
from lib.instance import lsactl

AD = ad.REALM
MACHINE = f"BOX$@{AD}"
WORD = "A word of the domain 1"
NEW = "Quite another word 2"

pytestmark = [pytest.mark.levels("process", why="lsass is in the network of the domain"),
              pytest.mark.usefixtures("need_root")]

# "aged" and "worn": passwords end after 42 days. No tool of Samba's sets such a date, or
# takes the newer keys of an account away.
PEOPLE = """
import ldb
import samba
new = word()
for name in "plain picky soon novice aged tired worn bare ancient dweller".split():
    db.newuser(name, new)
for name in ("box", "attic"):
    db.newcomputer(name, service_principal_name_list=["host/%s.ad.test" % name])
    account = "(sAMAccountName=%s$)" % name
    db.setpassword(account, samba.generate_random_machine_password(100, 100))
    db.enable_account(account)
db.modify_ldif("dn: CN=box,CN=Computers,DC=ad,DC=test\\nchangetype: modify\\n"
               "replace: msDS-SupportedEncryptionTypes\\nmsDS-SupportedEncryptionTypes: 24\\n")
for name in ("novice", "tired"):
    db.setpassword("(sAMAccountName=%s)" % name, new, force_change_at_next_login=True)
db.toggle_userAccountFlags("(sAMAccountName=bare)", dsdb.UF_ACCOUNTDISABLE)
raw = ldb.Ldb("dc/private/sam.ldb.d/DC=AD,DC=TEST.ldb")
def edit(dn, name, value):
    change = ldb.Message(ldb.Dn(raw, dn + "DC=ad,DC=test"))
    change[name] = ldb.MessageElement(value, ldb.FLAG_MOD_REPLACE, name)
    raw.modify(change)
for name in ("aged", "worn"):
    edit("CN=%s,CN=Users," % name, "pwdLastSet", "130000000000000000")
edit("CN=ancient,CN=Users,", "supplementalCredentials", [])
edit("", "minPwdAge", "0")
pso = "CN=days,CN=Password Settings Container,CN=System,DC=ad,DC=test"
db.add({"dn": pso, "objectClass": "msDS-PasswordSettings", "msDS-PasswordSettingsPrecedence": "1",
        "msDS-PasswordReversibleEncryptionEnabled": "FALSE", "msDS-PasswordHistoryLength": "0",
        "msDS-PasswordComplexityEnabled": "FALSE", "msDS-MinimumPasswordLength": "0",
        "msDS-MinimumPasswordAge": "-864000000000", "msDS-MaximumPasswordAge": "-8640000000000",
        "msDS-LockoutThreshold": "0", "msDS-LockoutObservationWindow": "-600000000",
        "msDS-LockoutDuration": "-600000000",
        "msDS-PSOAppliesTo": "CN=soon,CN=Users,DC=ad,DC=test"})
"""


@pytest.fixture(scope="module")
def people(domain):
    domain.sam(PEOPLE, WORD)
    for name in ("box", "attic"):
        for principal in (f"{name.upper()}$", f"host/{name}.ad.test"):
            domain.run("samba-tool", "domain", "exportkeytab", f"{name}.keytab",
                       f"--principal={principal}", "--configfile=dc/etc/smb.conf").ok()
    return domain


@contextlib.contextmanager
def started(domain, machine=None, kdc=None, **settings):
    """An instance; machine: whose keytab it has."""
    if machine:
        settings.setdefault("logon", {})["keytab"] = domain.folder(f"{machine}.keytab")
    with instance.Instance(domain, settings, network=domain.inside, kdc=kdc) as made:
        if machine:
            proc.wait_until("the machine's keys", lambda: made.log_has("this machine is "),
                            log=made.log)
        yield made


@pytest.fixture(scope="module")
def inst(people):
    with started(people, "box") as made:
        yield made


@pytest.fixture
def user(inst):
    return users.User(inst)


def logon(inst, who, name, word=WORD):
    return lsactl(inst, "logon", name, "--json", who=who, stdin=word + "\n")


def refused(result, *words):
    assert result.code == 1, result.text
    for word in words:
        assert word in result.err, result.text


def sessions(inst, who):
    return json.loads(lsactl(inst, "sessions", "--json", who=who).ok().out)["sessions"]


# ---- armour

def test_01_armoured_with_the_machines_keytab(inst, user, people):
    lsactl(inst, "logon", "--keytab", people.folder("box.keytab"), "--machine").ok().says(
        f"This machine is {MACHINE}, with 2 keys")
    before = people.log_size()
    said = json.loads(logon(inst, user, "dweller").ok().out)
    assert said["armored"] and said["verified"], said
    [one] = sessions(inst, user)
    assert one["armored"] and one["principal"] == f"dweller@{AD}", one
    text = people.read_log(before)
    assert "ENC-CHAL pre-authentication succeeded -- dweller@" in text, text
    assert "Client sent patypes: FX-COOKIE" in text, text
    proc.run(user.argv(["kvno", "cifs/dc1.ad.test"]), env=inst.env()).ok()


@pytest.mark.parametrize("name, word, words", [
    ("dweller", WORD + "!", "not the password of dweller"), ("nobody", WORD, "knows nobody called"),
    ("bare", WORD, "is disabled"), ("novice", WORD, "change it: lsactl passwd"),
    ("aged", WORD, "change it: lsactl passwd")])
def test_02_each_refusal_comes_through_the_armour(inst, user, name, word, words):
    refused(logon(inst, user, name, word), words)
    assert sessions(inst, user) == []


def test_03_a_kdc_that_has_it_switched_off(people):
    """And says in its replies, which are sealed, that it has it: that is believed."""
    with people.kdc_without_fast():
        for fast, lets_in in (("auto", False), ("required", False), ("off", True)):
            with started(people, "box", ad.MEMBER, logon={"fast": fast}) as other:
                who = users.User(other)
                done = logon(other, who, "dweller")
                if lets_in:
                    assert not json.loads(done.ok().out)["armored"], done.text
                else:
                    refused(done, "does not protect the logon", "[logon] fast = off")
                assert [one["armored"] for one in sessions(other, who)] == [False] * lets_in


def test_04_a_machine_whose_tickets_are_of_arcfour(people):
    """As of an account that nobody gave its encryption types: nothing is shown by these."""
    with started(people, "attic") as other:
        refused(logon(other, users.User(other), "dweller"), "msDS-SupportedEncryptionTypes")


# ---- passwords

def passwd(inst, who, name, old, new):
    return lsactl(inst, "passwd", name, who=who, stdin=f"{old}\n{new}\n")


@pytest.mark.parametrize("name", ["plain", "novice", "aged"])
def test_10_a_password_is_changed(inst, user, name):
    refused(passwd(inst, user, name, WORD + "!", NEW), f"not the password of {name}")
    passwd(inst, user, name, WORD, NEW).ok().says("was changed")
    logon(inst, user, name, NEW).ok()


@pytest.mark.parametrize("name, new, words", [
    ("picky", "Ab1!", "at least 7 characters"), ("picky", "nothing", "complexity"),
    ("picky", WORD, "history"), ("soon", NEW, "minimum password age")])
def test_11_what_the_domain_says_of_a_new_one_is_shown(inst, user, name, new, words):
    refused(passwd(inst, user, name, WORD, new), "does not take the new password", words)
    logon(inst, user, name, WORD).ok()


# ---- pam_lsa

@pytest.fixture(scope="module")
def host(inst):
    with logins.Machine(inst) as m:
        for name in ("dweller", "bare", "tired", "worn", "picky"):
            m.account(name)
        m.service("lsa", "ignore_root")
        yield m


def test_20_pamtester(host):
    steps = ("authenticate", "acct_mgmt", "open_session", "close_session")
    host.tester("lsa", "dweller", *steps, words=[WORD]).ok().says("successfully authenticated")
    host.tester("lsa", "dweller", "authenticate", words=[WORD + "!"]).fails("Authentication failure")
    host.tester("lsa", "bare", "authenticate", words=[WORD]).fails("Permission denied")
    assert host.sessions("dweller") == host.sessions("bare") == []


@pytest.mark.parametrize("name", ["tired", "worn"])
def test_21_an_expired_password_is_changed_at_once(host, name):
    said = host.app("lsa", name, "authenticate", "acct_mgmt", "establish", "end",
                    words=[WORD, NEW, NEW])
    assert [one["code"] for one in said] == ["SUCCESS"] * 4, said
    assert "Your password has expired. Choose a new one." in said[0]["said"]
    host.tester("lsa", name, "authenticate", words=[WORD]).fails()
    host.tester("lsa", name, "authenticate", words=[NEW]).ok()


def test_22_chauthtok(host):
    (one,) = host.app("lsa", "picky", "chauthtok", words=[WORD, "Ab1!", "Ab1!"])
    assert one["code"] == "AUTHTOK_ERR" and "at least 7 characters" in one["said"][-1], one
    host.tester("lsa", "picky", "chauthtok", words=[WORD + "!"]).fails()
    host.tester("lsa", "picky", "chauthtok", words=[WORD, NEW, NEW]).ok()
    host.tester("lsa", "picky", "authenticate", words=[NEW]).ok()


# ---- an account that never got other keys

def test_30_rc4_only_where_it_was_configured(inst, people, user):
    before = people.log_size()
    refused(logon(inst, user, "ancient"), "encryption types that are too weak")
    assert "Client sent patypes: FX-COOKIE" not in people.read_log(before), \
        "no answer that counts as a wrong password"
    with started(people, "attic", krb5={"rc4": "yes"}) as old:
        who = users.User(old)
        said = json.loads(logon(old, who, "ancient").ok().out)
        assert said["armored"] and said["verified"], said
        refused(logon(old, who, "ancient", WORD + "!"), "not the password of ancient")
        proc.run(who.argv(["kvno", "cifs/dc1.ad.test"]), env=old.env()).ok()
