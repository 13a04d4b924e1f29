# SPDX-License-Identifier: GPL-3.0-or-later
"""A real SSSD, in a domain, with a keytab of stand-ins: does its host logon work by what
`lsactl setup` writes, and by nothing less; which logons of people does it let in;
and does doctor tell when SSSD leads past the endpoint? In order: each test leaves the host
as the next one finds it."""

import glob
import json
import os

import pytest

from lib import proc, sssdhost, tickets

WORD, NEW = "A word of the domain 1", "Another word of the domain 2"
LINE = "krb5_use_kdcinfo = False"
PAST = "10.99.0.1"
REFUSED = "Preauthentication failed"

EVERYTHING = (LINE, "krb5_keytab = /etc/sssd/sssd.keytab", "krb5_use_fast = demand",
              f"krb5_fast_principal = {sssdhost.SPARE}@{sssdhost.REALM}",
              "krb5_ccname_template = KCM:")

pytestmark = [pytest.mark.levels("process", why="lsass is in the network of the domain"),
              pytest.mark.usefixtures("need_root")]


@pytest.fixture(scope="module")
def host(domain):
    reason = sssdhost.why_not()
    if reason:
        pytest.skip(f"SKIP: {reason}")
    host_keys, spare = sssdhost.people(domain, WORD)
    made = sssdhost.SssdHost(domain)
    made.spare = spare
    try:
        made.keytab(host_keys)
        yield made
    finally:
        made.stop()


def restart(host):
    host.end.terminate()
    host.end.daemon.process.wait(30 * proc.SLOW)
    at = host.end.read_log().count("this machine is ")
    host.end.start()
    proc.wait_until("the machine's keys", lambda: host.end.read_log().count(
        "this machine is ") > at, log=host.end.log)


def counts(host):
    return host.end.call("Status")["kdc"]


def logon(host, *words, service="login", **more):
    return host.pam(service, "ulla", "authenticate", "acct_mgmt", "setcred", "open_session",
                    words=words or (WORD,), **more)


def ids(host):
    """Of ulla: (uid, gid)."""
    return tuple(int(x) for x in host.online("ulla")[2:4])


# ---- the host's own logon, and doctor

def test_01_the_control_with_real_keys_and_without_us(host):
    host.configure()
    host.start_sssd()
    host.online("ulla")
    assert host.kdcinfo and counts(host)["requests"] == 0
    said = host.doctor()
    assert said["locate plug-ins"]["health"] == "weak", said["locate plug-ins"]
    assert said["sssd.conf"]["health"] == "weak", said["sssd.conf"]
    assert said["way to the KDC"]["health"] == "missing", said["way to the KDC"]


def test_02_set_up_while_sssd_runs_on(host):
    """krb5.conf is right, and still nothing comes: the plug-in is asked first."""
    shown = host.lsactl("setup").ok()
    shown.says(f"+{LINE}", "krb5_validate")
    host.lsactl("setup", "--apply").ok().says("restart lsaiso sssd")
    restart(host)
    assert host.kdcinfo
    said = host.doctor()
    assert said["krb5.conf KDCs"]["health"] == "ok", said["krb5.conf KDCs"]
    assert said["locate plug-ins"]["health"] == "weak", said["locate plug-ins"]
    assert "kdcinfo.AD.TEST" in said["locate plug-ins"]["found"]
    assert said["way to the KDC"]["health"] == "missing", said["way to the KDC"]


def test_03_the_hosts_logon_with_stand_ins(host):
    host.lsactl("keytab", "import", "/etc/krb5.keytab").ok()
    host.start_sssd()
    entry = host.online("ulla")
    assert entry[0] in ("ulla", "ulla@ad.test") and int(entry[2]) > 100000, entry
    host.run("getent", "-s", "sss", "group", "domain users").ok()
    assert not host.kdcinfo
    assert counts(host)["translated"] >= 2, counts(host)
    log = host.said("ldap_child")
    assert f"127.0.0.1:{host.end.at[1]}" in log and PAST not in log
    host.run("sssctl", "config-check").ok()
    said = host.doctor()
    for name in ("krb5.conf KDCs", "locate plug-ins", "way to the KDC", "machine keytab"):
        assert said[name]["health"] == "ok", said[name]


def test_04_the_same_keytab_straight_at_the_controller(host):
    cache = host.folder("caches", "straight")
    argv = ["kinit", "-k", "-t", "/etc/krb5.keytab", "-c", cache, sssdhost.ACCOUNT]
    host.run(*argv, KRB5_CONFIG=host.domain.config).fails(REFUSED)
    host.run(*argv).ok()


def test_05_without_the_line_that_setup_wrote(host):
    """SSSD then asks the controller, is refused, and goes offline; its files of addresses are gone
    with that, so that only sssd.conf tells."""
    host.configure()
    host.start_sssd()
    host.offline()
    assert host.knows("ulla") is None
    assert REFUSED in host.said("ldap_child") and PAST in host.said("ldap_child")
    said = host.doctor()
    assert said["sssd.conf"]["health"] == "missing", said["sssd.conf"]
    assert "past the endpoint" in said["sssd.conf"]["found"]
    host.lsactl("setup", "--apply").ok().says("wrote /etc/sssd/sssd.conf")
    assert LINE in host.read("sssd/sssd.conf")
    host.start_sssd()
    host.online("ulla")


# ---- people

def test_10_krb5_validate_with_stand_ins(host):
    """The provider's default. The ticket is sealed with the real key."""
    logon(host).fails("Authentication failure")
    assert "TGT failed verification" in host.said("krb5_child")
    said = host.doctor()
    assert said["sssd.conf"]["health"] == "missing", said["sssd.conf"]
    assert "krb5_validate" in said["sssd.conf"]["found"]


def test_11_a_password_without_krb5_validate(host):
    host.configure(LINE, "krb5_validate = False")
    host.start_sssd()
    who = ids(host)
    logon(host, "wrong").fails("Authentication failure")
    logon(host).ok()
    assert host.doctor()["sssd.conf"]["health"] == "ok"
    cache, = glob.glob(host.folder("caches", f"krb5cc_{who[0]}_*"))
    real = next(c.key for c in tickets.read_file_ccache(cache)[1] if c.is_tgt)
    host.lsactl("ccache", "import", cache, who=who).ok()
    assert real not in open(cache, "rb").read()
    host.run("kvno", "ldap/dc1.ad.test", who=who, KRB5CCNAME=f"FILE:{cache}").ok()
    host.run("kvno", "host/sssdhost.ad.test", who=who, KRB5CCNAME=f"FILE:{cache}",
             KRB5_CONFIG=host.domain.config).fails()


def test_12_fast_with_stand_ins(host):
    """Refused, with "try", too: SSSD does not go on without."""
    host.configure(LINE, "krb5_validate = False", "krb5_use_fast = try")
    host.start_sssd()
    host.online("ulla")
    logon(host).fails("System error")
    assert "FAST armour made with a stand-in: refused" in host.end.read_log()
    said = host.doctor()["sssd.conf"]
    assert said["health"] == "missing" and "krb5_use_fast" in said["found"], said


def test_13_another_accounts_keys_for_what_needs_real_ones(host):
    """A keytab whose first entries are those of an account that may do nothing: the KDC is
    known by it, and armour is made with it. The ccache is lsaiso's."""
    host.keytab(host.spare, host.folder("etc", "krb5.keytab"), name="sssd/sssd.keytab")
    host.configure(*EVERYTHING)
    host.start_sssd()
    who = ids(host)
    logon(host).ok()
    log = host.said("krb5_child")
    assert f"TGT verified using key for [verify/{sssdhost.NAME}." in log
    assert "FAST armor key" in log
    assert host.doctor()["sssd.conf"]["health"] == "ok"
    sessions = host.end.call("ListSessions", uid=who[0])["sessions"]
    assert [s["principal"] for s in sessions if s["kind"] == "absorbed"] == ["ulla@AD.TEST"]
    host.run("kvno", "ldap/dc1.ad.test", who=who, KRB5CCNAME="KCM:").ok()
    # The host's logon is by stand-ins nevertheless.
    assert "127.0.0.1" in host.said("ldap_child") and PAST not in host.said("ldap_child")


def test_14_pam_lsa_with_sssds_accounts(host):
    """After a start, by which the machine's keys are the kept ones."""
    restart(host)
    who = ids(host)
    done = host.app("sshd", "ulla", "authenticate", "acct_mgmt", "establish", "open",
                    words=(WORD,))
    assert [json.loads(x)["code"] for x in done.out.splitlines()] == ["SUCCESS"] * 4, done.out
    ours = [s for s in host.end.call("ListSessions", uid=who[0])["sessions"]
            if s["principal"] == "ulla@AD.TEST"]
    assert any(s["verified"] for s in ours), ours
    logon(host, "wrong", service="sshd").fails("Authentication failure")


def test_15_a_password_is_changed_by_pam_sss(host):
    """The old one and the new one pass through, or by."""
    host.pam("login", "ulla", "chauthtok", words=(WORD, NEW, NEW), who=ids(host)).ok()
    logon(host).fails("Authentication failure")
    logon(host, NEW).ok()


# ---- the machine's password

def test_20_adcli_goes_past_and_changes_nothing(host):
    """It writes a krb5.conf of its own. SSSD starts it once a day."""
    with open(host.folder("etc", "krb5.keytab"), "rb") as f:
        before = f.read()
    host.run("adcli", "update", "--domain", sssdhost.DOMAIN,
             "--computer-password-lifetime=0").fails(REFUSED)
    host.configure(*EVERYTHING, "ad_machine_account_password_renewal_opts = 86400:1")
    host.start_sssd()
    host.online("ulla")
    proc.wait_until("adcli, by SSSD", lambda: "adcli output end" in host.said("sssd_ad.test"))
    assert REFUSED in host.said("sssd_ad.test")
    assert "Going offline" not in host.said("sssd_ad.test")
    assert host.knows("ulla")
    with open(host.folder("etc", "krb5.keytab"), "rb") as f:
        assert f.read() == before


def test_21_rotated_behind_sssds_back(host):
    host.lsactl("keytab", "rotate", "/etc/krb5.keytab",
                f"{sssdhost.ACCOUNT}@{sssdhost.REALM}").ok()
    host.start_sssd()
    host.online("ulla")
    logon(host, NEW).ok()
    restart(host)
    logon(host, NEW, service="sshd").ok()


# ---- other providers

LDAP = ("ldap_uri = ldap://dc1.ad.test", "ldap_schema = ad", "ldap_id_mapping = True",
        "ldap_referrals = False", "ldap_search_base = dc=ad,dc=test", "ldap_sasl_mech = GSSAPI",
        f"ldap_sasl_authid = {sssdhost.ACCOUNT}@{sssdhost.REALM}",
        "ldap_krb5_keytab = /etc/krb5.keytab", f"krb5_realm = {sssdhost.REALM}",
        "krb5_server = dc1.ad.test")


def test_30_the_ldap_provider(host):
    host.configure(*LDAP, provider="ldap")
    host.lsactl("setup", "--apply").ok().says("wrote /etc/sssd/sssd.conf")
    assert LINE in host.read("sssd/sssd.conf")
    host.start_sssd()
    host.online("ulla")
    assert "127.0.0.1" in host.said("ldap_child") and PAST not in host.said("ldap_child")
    assert host.doctor()["sssd.conf"]["health"] == "ok"


def test_31_undo_leaves_the_host_as_it_was(host):
    host.lsactl("setup", "--undo").ok()
    assert LINE not in host.read("sssd/sssd.conf")
    assert str(host.end.at[1]) not in host.read("krb5.conf")
    assert not os.path.exists(host.end.folder("krb5.conf"))
