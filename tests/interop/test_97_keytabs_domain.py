# SPDX-License-Identifier: GPL-3.0-or-later
"""Keytabs of stand-ins against an Active Directory domain (Samba's): the machine's own, and does its
password change as it should, where salts are the domain's and older keys are kept?"""

import json
import os
import shutil
import threading

import pytest

from lib import domain as ad, endpoint, instance, proc
from lib.instance import lsactl

pytestmark = [pytest.mark.levels("process", why="lsass is in the network of the domain"),
              pytest.mark.usefixtures("need_root")]

MACHINE = f"ROTA$@{ad.REALM}"
ACCOUNT = """
db.newcomputer("rota", service_principal_name_list=["host/rota.ad.test"])
db.setpassword("(sAMAccountName=rota$)", samba.generate_random_machine_password(100, 100))
db.enable_account("(sAMAccountName=rota$)")
db.modify_ldif("dn: CN=rota,CN=Computers,DC=ad,DC=test\\nchangetype: modify\\n"
               "replace: msDS-SupportedEncryptionTypes\\nmsDS-SupportedEncryptionTypes: 24\\n")
"""


@pytest.fixture(scope="module")
def machine(domain):
    """A copy of the machine's keytab, real."""
    domain.sam("import samba\n" + ACCOUNT)
    domain.run("samba-tool", "domain", "exportkeytab", "rota.keytab", "--principal=ROTA$",
               "--configfile=dc/etc/smb.conf").ok()
    return domain.folder("rota.keytab")


@pytest.fixture(scope="module")
def inst(domain, machine):
    made = endpoint.Endpoint(domain, {"seal": {"root": "file"}}, start=False,
                             network=domain.inside)
    try:
        proc.run([instance.program("lsactl"), "--config", made.file, "seal", "enroll",
                  "--file"]).ok()
        made.start()
        yield made
    finally:
        made.stop()


@pytest.fixture(scope="module")
def own(inst, machine):
    path = os.path.join(inst.caches, "own.keytab")
    shutil.copy(machine, path)
    os.chmod(path, 0o600)
    # arcfour is not taken: those keys are of no use here, either.
    lsactl(inst, "keytab", "import", path, "--skip-weak").ok()
    return path


def kinit(inst, domain, keytab, config=None):
    cache = os.path.join(inst.caches, f"cc-{os.urandom(4).hex()}")
    return cache, proc.run(
        ["nsenter", "-t", str(domain.inside), "-n", "kinit", "-k", "-t", keytab, MACHINE],
        env=domain.env(config=config or inst.client_config, KRB5CCNAME=f"FILE:{cache}"))


def test_01_logs_on(inst, domain, own):
    cache, done = kinit(inst, domain, own)
    done.ok()
    proc.run(["nsenter", "-t", str(domain.inside), "-n", "kvno", "host/rota.ad.test"],
             env=domain.env(config=inst.client_config, KRB5CCNAME=f"FILE:{cache}")).ok()
    assert kinit(inst, domain, own, domain.config)[1].code != 0


def test_02_rotates_under_load(inst, domain, own, machine):
    stop, failed, runs = threading.Event(), [], []

    def load():
        while not stop.is_set():
            done = kinit(inst, domain, own)[1]
            runs.append(done.code)
            if done.code != 0:
                failed.append(done.text)

    thread = threading.Thread(target=load)
    thread.start()
    try:
        for _ in range(2):
            at = len(runs)
            done = lsactl(inst, "keytab", "rotate", own)
            assert done.code == 0, done.text + inst.read_log()[-2000:]
            proc.wait_until("some runs", lambda a=at: len(runs) > a + 4)
    finally:
        stop.set()
        thread.join()
    assert not failed, failed
    assert kinit(inst, domain, machine, domain.config)[1].code != 0
    keys = json.loads(lsactl(inst, "keytab", "list", "--json").ok().out)["keys"]
    assert all(k["versions"][0]["state"] == "current" for k in keys), keys
