# SPDX-License-Identifier: GPL-3.0-or-later
"""The KDC's clock is ten minutes off: who minds, and what are they told?"""

import contextlib

import pytest

from lib import instance, logins, proc, users
from lib.realm import PASSWORDS, Realm

pytestmark = [pytest.mark.usefixtures("need_root"),
              pytest.mark.skipif(not proc.FAKETIME, reason="no faketime")]
WORD = PASSWORDS["alice"]


@pytest.fixture(scope="module", params=["+10m", "-10m"])
def realm(request):
    made = Realm()
    try:
        made.kadmin_local("TEST.LOCAL", ["modprinc +requires_preauth alice"])
        made.restart_kdc(**proc.clock_off_by(request.param))
        yield made
    finally:
        made.close()


@contextlib.contextmanager
def served(realm, timesync):
    """An instance whose own krb5.conf says how to go about clocks."""
    config = realm.write_config(f"clock-{timesync}.conf", ccache="MEMORY:",
                                defaults=f"kdc_timesync = {timesync}")
    with instance.Instance(realm, {"krb5": {"config": config}}) as inst:
        host = logins.Machine(inst)
        try:
            host.account("alice")
            host.service("lsa", "ignore_root")
            yield inst, host
        finally:
            host.close()


def logon(inst, user):
    return user.run(instance.program("lsactl"), "--config", inst.file, "logon", "alice",
                    stdin=WORD + "\n")


def test_the_difference_is_learnt_and_a_ticket_works(realm):
    with served(realm, 1) as (inst, host):
        user = users.User(inst)
        logon(inst, user).ok()
        user.kvno("HTTP/localhost").ok()
        user.klist().ok().says("HTTP/localhost")
        said = host.app("lsa", "alice", "authenticate", words=[WORD])
        assert said[0]["code"] == "SUCCESS", said


def test_where_it_must_not_be_the_clock_is_named(realm):
    with served(realm, 0) as (inst, host):
        user = users.User(inst)
        refused = logon(inst, user).fails()
        assert "clocks of this machine and of the KDC" in refused.err, refused.text
        assert inst.call("ListSessions")["sessions"] == []
        said = host.app("lsa", "alice", "authenticate", words=[WORD])
        assert said[0]["code"] == "AUTHINFO_UNAVAIL", said
