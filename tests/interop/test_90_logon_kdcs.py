# SPDX-License-Identifier: GPL-3.0-or-later
"""Do logons inside work at the KDCs of others, Heimdal's and an Active
Directory domain's (Samba), and does each of their refusals come out as what
it is? tests/unit/logon_live.py asks the same of MIT's, and more."""

import os

import pytest

from lib import domain as ad, heimdalkdc, instance, peers, proc, trylogon
from lib.trylogon import good, refused

HEIMDAL, AD = heimdalkdc.REALM, "AD.TEST"
WORD = "a password in heimdal"
# Why Windows says no ([MS-ERREF] 2.3.1), whatever the Kerberos code.
NT_DISABLED, NT_MUST_CHANGE = 0xC0000072, 0xC0000224

pytestmark = pytest.mark.levels("process", why="it has an lsaiso of its own")


def tries(env, wrap=None):
    program = os.path.join(instance.build_folder(), "tests", "unit", "unit_logon_try")
    return trylogon.Tries(program, dict(env, LSAISO=instance.program("lsaiso")), wrap)


# ---- Heimdal

@pytest.fixture(scope="module")
def kdc():
    if not peers.heimdal("kdc"):
        pytest.skip("Heimdal's kdc is not unpacked (scripts/setup.sh test)")
    it = heimdalkdc.HeimdalKdc()
    try:
        it.add("alice", WORD)
        it.add("off", WORD, "--attributes=+disallow-all-tix")
        it.add("old", WORD, "--pw-expiration-time=2020-01-01")
        it.add("gone", WORD, "--expiration-time=2020-01-01")
        it.add("open", WORD, "--attributes=-requires-pre-auth")
        it.kadmin("add", "--use-defaults", "--random-key", "host/localhost")
        it.kadmin("ext_keytab", f"--keytab={it.folder('host.keytab')}", "host/localhost")
        yield it
    finally:
        it.stop()


@pytest.fixture(scope="module")
def heimdal(kdc):
    return tries(kdc.env())


def test_01_heimdal_lets_in(heimdal, kdc):
    said = good(heimdal("alice", WORD, ("-t", "host/localhost", "-m",
                                        f"FILE:{kdc.folder('host.keytab')}",
                                        f"host/localhost@{HEIMDAL}")), f"alice@{HEIMDAL}")
    assert said["checked"] and said["anchor"] > 0
    assert said["ticket"] == 0, said
    assert said["verdict"] == "good", said


def test_02_heimdal_without_preauthentication(heimdal):
    good(heimdal("open", WORD), f"open@{HEIMDAL}")
    said = heimdal("open", WORD + "!")
    assert said["who"] == "kdc" and said["code"] in (trylogon.PREAUTH_FAILED,
                                                     trylogon.BAD_INTEGRITY), said


@pytest.mark.parametrize("who, word, code", [
    ("alice", WORD + "!", trylogon.PREAUTH_FAILED),
    ("nobody", WORD, trylogon.C_PRINCIPAL_UNKNOWN),
    ("off", WORD, trylogon.POLICY),
    ("old", WORD, trylogon.KEY_EXP),
    ("gone", WORD, trylogon.NAME_EXP)])
def test_03_heimdal_refuses(heimdal, who, word, code):
    refused(heimdal(who, word), "kdc", code)


def test_04_heimdal_and_an_expired_password(heimdal):
    """Enough for a ticket to change it."""
    good(heimdal("old", WORD, ("-c",)), f"old@{HEIMDAL}")


def test_05_heimdal_and_armour(kdc):
    """With a ticket of the machine's: the KDC sees a challenge, and no timestamp."""
    program = os.path.join(instance.build_folder(), "tests", "unit", "unit_fast_try")
    armored = trylogon.Tries(program, kdc.env(LSAISO=instance.program("lsaiso")))
    machine = ("-f", "required", "-m", f"FILE:{kdc.folder('host.keytab')}",
               f"host/localhost@{HEIMDAL}")
    said = armored("alice", WORD, machine)
    assert said["code"] == 0 and said["armored"] and said["checked"], said
    with open(kdc.folder("kdc.log"), encoding="utf-8") as f:
        assert "Client sent patypes: FX-COOKIE, ENC-CHAL" in f.read()
    refused(armored("alice", WORD + "!", machine), "kdc", trylogon.BAD_INTEGRITY)


# ---- Active Directory

PREPARE = """
word = word()
for name in ("off", "must", "weak", "many"):
    db.newuser(name, word)
db.toggle_userAccountFlags("(sAMAccountName=off)", dsdb.UF_ACCOUNTDISABLE)
db.setpassword("(sAMAccountName=must)", word, force_change_at_next_login=True)
db.modify_ldif("dn: CN=weak,CN=Users,DC=ad,DC=test\\nchangetype: modify\\n"
               "replace: msDS-SupportedEncryptionTypes\\nmsDS-SupportedEncryptionTypes: 4\\n-\\n"
               "replace: userPrincipalName\\nuserPrincipalName: weak.one@corp.example\\n")
db.modify_ldif("dn: DC=ad,DC=test\\nchangetype: modify\\n"
               "replace: lockoutThreshold\\nlockoutThreshold: 3\\n")
"""


@pytest.fixture(scope="module")
def controller(domain):
    domain.sam(PREPARE, ad.PASSWORD)
    domain.run("samba-tool", "domain", "exportkeytab", "host.keytab",
               "--principal=host/dc1.ad.test", "--configfile=dc/etc/smb.conf").ok()
    return domain


@pytest.fixture(scope="module")
def windows(controller):
    env = proc.clean_env(KRB5_CONFIG=controller.folder("krb5.conf"))
    return tries(env, controller.argv)


def test_10_domain_lets_in(windows, controller):
    said = good(windows("alice", ad.PASSWORD, ("-t", "cifs/dc1.ad.test", "-m",
                                               f"FILE:{controller.folder('host.keytab')}",
                                               f"host/dc1.ad.test@{AD}")), f"alice@{AD}")
    assert said["checked"] and said["anchor_etype"] == 18
    assert said["expires_in"] > 86400, "the domain says when the password ends"
    assert said["ticket"] == 0, said
    assert said["verdict"] == "good", said


@pytest.mark.parametrize("name", ["alice@ad.test", "ALICE@ad.test"])
def test_11_domain_and_enterprise_names(windows, name):
    """The domain says whose name it is."""
    good(windows(name, ad.PASSWORD), f"alice@{AD}")


def test_12_domain_and_another_suffix(windows):
    """A userPrincipalName need not have anything of the realm's."""
    good(windows("weak.one@corp.example", ad.PASSWORD), f"weak@{AD}")


@pytest.mark.parametrize("who, code, nt_status", [
    ("nobody", trylogon.C_PRINCIPAL_UNKNOWN, 0),
    ("off", trylogon.CLIENT_REVOKED, NT_DISABLED),
    ("must", trylogon.KEY_EXP, NT_MUST_CHANGE)])
def test_13_domain_refuses(windows, who, code, nt_status):
    assert refused(windows(who, ad.PASSWORD), "kdc", code)["nt_status"] == nt_status


def test_14_domain_and_wrong_passwords(windows):
    for _ in range(3):
        refused(windows("many", "not the password"), "kdc", trylogon.PREAUTH_FAILED)
    refused(windows("many", ad.PASSWORD), "kdc", trylogon.CLIENT_REVOKED)


def test_15_domain_and_a_password_to_change(windows):
    good(windows("must", ad.PASSWORD, ("-c",)), f"must@{AD}")


def test_16_domain_and_rc4(windows, controller):
    """Not unless it was configured on both sides."""
    with open(controller.folder("krb5.conf"), encoding="utf-8") as f:
        text = f.read().replace("[libdefaults]", "[libdefaults]\n    permitted_enctypes = "
                                "arcfour-hmac\n    allow_weak_crypto = true")
    config = controller.folder.write("rc4.conf", text)
    refused(windows("alice", ad.PASSWORD, KRB5_CONFIG=config), "here", trylogon.CONFIG_ETYPE)
    said = good(windows("alice", ad.PASSWORD, ("-r",), KRB5_CONFIG=config), f"alice@{AD}")
    assert said["anchor_etype"] == 23
