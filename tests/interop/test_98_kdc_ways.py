# SPDX-License-Identifier: GPL-3.0-or-later
"""Does lsass find the real KDCs of a host whose krb5.conf knows the endpoint only, and does
a client get its answer when some of them are dead, silent or talk nonsense?"""

import json
import time

import pytest

from lib import faultkdc, people, proc, rawkdc
from lib.realm import AWAY, HOME, PASSWORDS


class Host(people.Station):
    """lsass reads the host's krb5.conf, too, as after lsactl setup: behind a file with the
    real KDCs in final sections. kdcs: ports of those of HOME; None: there is no such file."""

    def __init__(self, realm, kdcs):
        self.kdcs = kdcs
        super().__init__(realm, seal="random")

    def write_config(self, settings):
        files = [self.krb5("host")]
        if self.kdcs is not None:
            kdcs = "".join(f"        kdc = 127.0.0.1:{port}\n" for port in self.kdcs)
            files.insert(0, self.folder.write("real.conf", f"""[realms]
    {HOME}* = {{
{kdcs}    }}
    {AWAY}* = {{
        kdc = 127.0.0.1:{self.realm.kdc[AWAY]}
    }}
"""))
        return super().write_config({**settings, "krb5": {"config": ":".join(files)}})

    def realms(self):
        told = json.loads(self.lsactl("--json", "status").ok().out)
        return {one["name"]: one for one in told["kdc"]["realms"]}


@pytest.fixture(scope="module")
def fault(realm):
    with faultkdc.FaultKdc(("127.0.0.1", realm.kdc[HOME])) as kdc:
        yield kdc


@pytest.fixture(scope="module")
def host(realm, fault, need_root):
    """The first of its two KDCs is what a test makes of it."""
    with faultkdc.FaultKdc(("127.0.0.1", realm.kdc[HOME])) as other, \
            Host(realm, [fault.port, other.port]) as inst:
        inst.other = other
        yield inst


@pytest.fixture
def someone(host):
    return people.Person(host)


def test_01_relayed_to_the_real_ones(host, someone, fault):
    fault.how = "relay"
    someone.kinit("alice").ok()
    someone.kvno("HTTP/localhost").ok()
    assert fault.seen
    assert host.realms()[HOME] == {
        "name": HOME, "found": True, "text": f"127.0.0.1:{fault.port} (krb5.conf), "
                                             f"127.0.0.1:{host.other.port} (krb5.conf)"}
    host.lsactl("status").ok().says(f"127.0.0.1:{host.other.port} (krb5.conf)")


def test_02_libkrb5_in_lsass_goes_there_as_well(host, someone, fault):
    """Its own log-ons and tickets, not through the endpoint."""
    fault.how = "relay"
    before = json.loads(host.lsactl("--json", "status").ok().out)["kdc"]["requests"]
    host.lsactl("logon", "alice", who=someone, stdin=PASSWORDS["alice"] + "\n").ok()
    someone.kvno("ldap/localhost", KRB5CCNAME="KCM:").ok()
    after = json.loads(host.lsactl("--json", "status").ok().out)["kdc"]["requests"]
    assert after == before


@pytest.mark.parametrize("how", ["garbage", "empty", "cut", "lying", "toobig", "mute", "refuse",
                                 "silent", "flood", "close"])
def test_03_the_first_kdc_is_no_good(host, someone, fault, how):
    """A person waits for seconds at most, and sees nothing of it."""
    fault.how, host.other.how = "relay", "refuse"
    someone.kinit("alice").ok()  # who answered last is asked first
    fault.how, host.other.how = how, "relay"
    seen = len(fault.seen)
    began = time.monotonic()
    someone.kinit("alice").ok()
    someone.kvno("HTTP/localhost").ok()
    assert time.monotonic() - began < 12 * proc.SLOW
    assert fault.seen[seen:]


def test_04_the_first_kdc_is_gone(host, someone, fault):
    fault.down()
    try:
        someone.standins("alice")
        someone.kvno("HTTP/localhost").ok()
    finally:
        fault.how = "relay"
        fault.up()


def test_05_no_kdc_answers(realm, need_root):
    """As if nobody listened at the endpoint: libkrb5 says so at once (and SSSD is offline)."""
    with Host(realm, [proc.free_port()]) as inst:
        someone = people.Person(inst)
        began = time.monotonic()
        someone.kinit("alice").fails("Cannot contact any KDC for realm")
        assert time.monotonic() - began < 3 * proc.SLOW


def test_06_only_the_endpoint_is_known(realm, need_root):
    """lsactl setup has not been there: lsass does not ask itself, and says what to do."""
    with Host(realm, None) as inst:
        someone = people.Person(inst)
        began = time.monotonic()
        someone.kinit("alice").fails("see e-text")  # which others than MIT's kinit show
        got = rawkdc.ask(inst.at, rawkdc.as_req(HOME.encode(), (b"alice",)))
        assert rawkdc.read_error(got) == (60, "only this machine's own endpoint is known as a KDC "
                                          f"of {HOME}: see lsaiso-kdc(7), lsactl setup")
        done = inst.lsactl("logon", "alice", who=someone, stdin=PASSWORDS["alice"] + "\n")
        assert done.code != 0
        assert time.monotonic() - began < 5 * proc.SLOW, done
        told = inst.realms()[HOME]
        assert not told["found"]
        assert "only this machine's own endpoint is known" in told["text"], told
        assert json.loads(inst.lsactl("--json", "status").ok().out)["kdc"]["waiting"] == 0
