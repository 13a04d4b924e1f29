# SPDX-License-Identifier: GPL-3.0-or-later
"""A host with the endpoint, whose keytab is of stand-ins: what tests/theft robs,
and what a thief makes of a copy of its disk."""

import os
import secrets
import shutil
import signal

from . import endpoint, kcm, proc, search, tickets, tpm
from .instance import lsactl
from .realm import HOME

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


def copied(host, settings):
    """An instance of a thief, with host's state and host folders."""
    stranger = endpoint.Endpoint(host.realm, settings, start=False)
    for name in ("state", "host"):
        shutil.rmtree(stranger.folder(name), ignore_errors=True)
        proc.run(["cp", "-a", host.end.folder(name), stranger.folder(name)]).ok()
    return stranger
