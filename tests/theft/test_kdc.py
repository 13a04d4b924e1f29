# SPDX-License-Identifier: GPL-3.0-or-later
"""With the endpoint, a keytab and ccaches of stand-ins: where does root find the
real keys? In nobody's memory, no core, no file, also after everything was
restarted; and a copy of the disk opens nothing where the TPM is another one.
"""

import os
import secrets
import shutil
import signal

import pytest

from lib import endpoint, instance, kcm, proc, rawkdc, search, tickets, tpm, users
from lib.instance import lsactl
from lib.realm import HOME

pytestmark = [pytest.mark.usefixtures("need_root"),
              pytest.mark.levels("process", "vm", why="root keys of a guest are its host's")]
TGT = kcm.Princ.of(f"krbtgt/{HOME}@{HOME}")
CROSS = kcm.Princ.of("krbtgt/OTHER.LOCAL@TEST.LOCAL")


class Host:
    """A host whose root key is kept: its keytab is imported, a service is logged on with it."""

    def __init__(self, realm, root):
        self.realm, self.root = realm, root
        self.tpm, self.end, self.known = None, None, {}
        self.principal = f"svc-{secrets.token_hex(3)}/localhost"
        try:
            if root == "tpm":
                self.tpm = tpm.Tpm()
            self.end = endpoint.Endpoint(realm, self.settings(), start=False)
            lsactl(self.end, "seal", "enroll").ok()
            self.end.start()
            self.make_keytab()
        except BaseException:
            self.stop()
            raise

    def settings(self):
        seal = {"root": self.root}
        if self.tpm:
            seal |= {"tcti": self.tpm.tcti, "pcrs": "7"}
        return {"seal": seal}

    def stop(self):
        if self.end:
            self.end.stop()
        if self.tpm:
            self.tpm.close()

    def make_keytab(self):
        self.keytab = self.end.folder("service.keytab")
        self.realm.kadmin_local(HOME, [f"addprinc -randkey {self.principal}",
                                       f"ktadd -q -norandkey -k {self.keytab} {self.principal}"])
        for _, etype, key in tickets.keytab(self.keytab):
            self.known[f"key of the keytab, etype {etype}"] = key
        assert len(self.known) >= 2
        lsactl(self.end, "keytab", "import", self.keytab).ok()

    def restart(self):
        self.end.terminate()
        self.end.daemon.process.wait(30 * proc.SLOW)
        if self.tpm:  # power off and on
            self.tpm.stop()
            self.tpm.start()
        self.end.start()

    def kill(self, name):
        pid = self.end.pid(name)
        os.kill(pid, signal.SIGKILL)
        proc.wait_until(f"the next {name}", lambda: self.end.pid(name) not in (None, pid),
                        log=self.end.log)
        proc.wait_until("service", self.end.answers, log=self.end.log)
        if name == "lsaiso":
            self.end.linked()

    def kinit(self, name, end=None):
        end = end or self.end
        cache = os.path.join(end.caches, name)
        return cache, proc.run(["kinit", "-k", "-t", self.keytab, self.principal],
                               env=end.client_env(cache))

    def work(self, name):
        """A logon with the keytab and tickets with that; learns the real keys."""
        cache, done = self.kinit(name)
        done.ok()
        proc.run(["kvno", "HTTP/localhost", "HTTP/web.other.local@OTHER.LOCAL"],
                 env=self.end.client_env(cache)).ok()
        proc.run(["kinit", "-R"], env=self.end.client_env(cache)).ok()
        proc.run(["kvno", "ldap/localhost", "HTTP/web.other.local@OTHER.LOCAL"],
                 env=self.end.client_env(cache)).ok()
        _, creds = tickets.read_file_ccache(cache)
        for cred in creds:
            keytab = (self.realm.krbtgt_keytab if cred.server.same(TGT) else
                      self.realm.cross_keytab() if cred.server.same(CROSS) else None)
            if keytab:
                real = tickets.real_key(cred.ticket, keytab)
                assert real != cred.key, f"a real key is in the ccache: {cred.server}"
                self.known[f"{cred.server} of {name} {len(self.known)}"] = real
        return cache

    def nowhere(self, everywhere=False):
        """Of processes only the instance's own, or all, and their cores."""
        known = list(self.known.values())
        memory = search.search_memory(known, None if everywhere else self.end.pids,
                                      but=self.realm.pids())
        assert memory.processes >= 3 and memory.octets > 1 << 20, str(memory)
        assert not memory.found, f"{memory}: {list(self.known)}"
        files = search.search_files(known, self.end.folders)
        assert not files, str(files)
        for pid in self.end.pids if everywhere else ():
            assert search.search_core(known, pid, self.end.folder) is not True, search.comm(pid)


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


def copied(host, settings):
    """An instance of a thief, with host's state and host folders."""
    stranger = endpoint.Endpoint(host.realm, settings, start=False)
    for name in ("state", "host"):
        shutil.rmtree(stranger.folder(name), ignore_errors=True)
        proc.run(["cp", "-a", host.end.folder(name), stranger.folder(name)]).ok()
    return stranger


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
