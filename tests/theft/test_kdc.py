# SPDX-License-Identifier: GPL-3.0-or-later
"""With the endpoint, a keytab and ccaches of stand-ins: where does root find the
real keys? In nobody's memory, no core, no file, also after everything was
restarted; and a copy of the disk opens nothing where the TPM is another one.
"""

import pytest

from lib import proc, search, tickets, tpm
from lib.instance import lsactl
from lib.kepthost import TGT, Host, copied

pytestmark = [pytest.mark.usefixtures("need_root"),
              pytest.mark.levels("process", "vm", why="root keys of a guest are its host's")]


@pytest.fixture(scope="module", params=["tpm", "file"])
def host(request, realm):
    if request.param == "tpm" and tpm.missing():
        pytest.skip(f"{tpm.missing()} is not installed (scripts/setup.sh test)")
    made = Host(realm, request.param)
    try:
        yield made
    finally:
        made.stop()


@pytest.fixture(scope="module")
def worked(host):
    host.cache = host.work("first")
    return host


@pytest.fixture
def either_root(worked, long_run):
    if worked.root == "file" and not long_run:
        pytest.skip("LSAISO_LONG=1: the same as with the TPM")


@pytest.mark.usefixtures("either_root")
def test_T45_real_keys_are_in_no_memory_core_or_file(worked):
    assert any("krbtgt/OTHER" in name for name in worked.known), worked.known.keys()
    worked.nowhere(everywhere=True)


def test_T45_what_it_left_on_disk_is_stand_ins(worked):
    """The keytab and the ccaches, by themselves, at the real KDC."""
    env = worked.realm.env(KRB5CCNAME=f"FILE:{worked.cache}")
    proc.run(["kvno", "cifs/localhost"], env=env).fails("Decrypt integrity check failed")
    proc.run(["kinit", "-k", "-t", worked.keytab, worked.principal],
             env=worked.realm.env(KRB5CCNAME="MEMORY:")).fails()


def test_T45_the_control_a_keytab_in_use_is_found(realm):
    """kinit -k with a real keytab leaves the TGT's key in its ccache, where the search sees it."""
    folder = proc.Folder("control")
    try:
        cache = folder("cc")
        proc.run(["kinit", "-k", "-t", realm.folder("keytabs", "alice"), "alice"],
                 env=realm.env(KRB5CCNAME=f"FILE:{cache}")).ok()
        _, creds = tickets.read_file_ccache(cache)
        tgt = next(c for c in creds if c.server.same(TGT))
        real = tickets.real_key(tgt.ticket, realm.krbtgt_keytab)
        assert search.search_files([real], [folder.path])
    finally:
        folder.remove()


@pytest.mark.usefixtures("either_root")
@pytest.mark.parametrize("name", ["lsass", "lsaiso", "all"])
def test_T45_through_restarts(worked, name):
    """The keytab works at once after each; the TGTs of before only if lsaiso lived."""
    worked.restart() if name == "all" else worked.kill(name)
    old = proc.run(["kvno", "cifs/localhost"], env=worked.end.client_env(worked.cache))
    if name == "lsass":
        old.ok()
    else:
        old.fails()
    worked.cache = worked.work(f"after-{name}")
    worked.nowhere()


def test_T45_a_copy_of_the_disk(worked):
    """Other hardware: with the TPM's root nothing opens; with the root in a file all does, and
    status has said so."""
    worked.cache = worked.work("copied")
    stranger = copied(worked, worked.settings() if worked.root == "file" else {})
    try:
        stranger.start()
        _, done = worked.kinit("stolen", stranger)
        tgt = proc.run(["kvno", "cifs/localhost"], env=stranger.client_env(worked.cache))
        if worked.root == "tpm":
            done.fails()
        else:
            done.ok()
            lsactl(worked.end, "status").ok().says("in a file of root, in the clear")
        tgt.fails()  # TGTs end with their lsaiso, whatever the root
    finally:
        stranger.stop()


def test_T45_a_copy_with_another_tpm_does_not_start(worked):
    if worked.root != "tpm":
        pytest.skip("the root is in a file")
    other = tpm.Tpm()
    try:
        settings = worked.settings()
        settings["seal"]["tcti"] = other.tcti
        stranger = copied(worked, settings)
        try:
            with pytest.raises(proc.Failed, match="TPM|sealed"):
                stranger.start()
            stranger.daemon = None
        finally:
            stranger.stop()
    finally:
        other.close()
