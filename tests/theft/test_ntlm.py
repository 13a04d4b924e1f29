# SPDX-License-Identifier: GPL-3.0-or-later
"""After logons with [ntlm] mode = on, `lsactl ntlm add`, CCACHE_SAVE, and NTLM
used by programs: where does root find the NT hashes, the passwords, or what
NTLMv2 makes of them (ResponseKeyNT, SessionBaseKey)? In nobody's memory, no
core, no file, and of the pipe only the password that a program sent there. With
a real winbindd, and with the files that programs without one have, the same
search finds them.
"""

import os
import secrets

import pytest

from lib import ntlm, ntlmworld, search, users
from lib.realm import HOME

pytestmark = pytest.mark.usefixtures("need_root", "need_programs")


@pytest.fixture(scope="module")
def need_programs():
    why = ntlmworld.missing()
    if why:
        pytest.skip(why)


def secrets_of(password):
    """What must not be found, by what it is called."""
    nt = ntlm.nt_hash(password)
    return {"password": password.encode(), "password in UTF-16": password.encode("utf-16-le"),
            "NT hash": nt}


class Used:
    """Three people of one uid and with one password: one logged on inside, one with
    `lsactl ntlm add`, one with CCACHE_SAVE (and the first once more, with PAM_AUTH); servers
    that know the password let each in."""

    def __init__(self, realm, front, servers):
        self.realm, self.front = realm, front
        self.on, self.added, self.saved = self.names = list(servers.passwords)
        password = servers.passwords[self.on]
        self.known = secrets_of(password)
        self.learned = list(self.known.values())
        uid = users.fresh_uid()
        front.logon(uid, self.on, password)
        front.add(uid, self.added, password)
        folder = front.folder.make("tap")
        self.tap = search.Recorder(front.pipe, os.path.join(folder, "pipe"), uid)
        try:
            front.desk(uid, self.on, folder).log_on(password).ok()
            front.desk(uid, self.saved, folder).save(password).ok()
            self.to_server_at_save = len(self.tap.to_server)
            # Before anything else can be written where it was.
            self.at_save = search.search_memory(self.learned, front.inst.pids)
            for name in self.names:
                desk = front.desk(uid, name, folder)
                for way in (ntlmworld.Gss(), ntlmworld.Curl()):
                    done, said = way.go(desk, servers)
                    assert done, (way.name, name, said)
        finally:
            self.tap.close()
        assert [a.user for a in servers.web.answers] == self.names
        for answer in servers.web.answers:
            self.known[f"SessionBaseKey of {answer.user}"] = answer.base
            self.known[f"ResponseKeyNT of {answer.user}"] = ntlm.response_key(
                self.known["NT hash"], answer.user, answer.domain)

    def found_in(self, octets):
        return [what for what, key in self.known.items()
                if search.holds(octets, search.needles(key))]


@pytest.fixture(scope="module")
def used(realm):
    password = secrets.token_hex(20)
    passwords = {f"{how}{secrets.token_hex(3)}": password for how in ("on", "add", "save")}
    realm.kadmin_local(HOME, [f"addprinc -pw {password} {next(iter(passwords))}"])
    with (ntlmworld.Front(realm, {"mode": "on"}) as front,
          ntlmworld.Servers(passwords, smb=False) as servers):
        yield Used(realm, front, servers)


def test_T38_in_no_memory(used):
    """Of anybody; what is made of the hash could only be where the hash is used."""
    memory = search.search_memory(used.learned, but=used.realm.pids())
    assert memory.processes >= 5 and memory.octets > 1 << 20, f"searched too little: {memory}"
    ours = search.search_memory(list(used.known.values()), used.front.inst.pids)
    assert ours.processes >= 3 and ours.octets > 1 << 20, f"searched too little: {ours}"
    assert not memory.found and not ours.found, f"{memory}; {ours}"


def test_T38_nor_where_a_program_has_just_sent_the_password(used):
    assert used.at_save.processes >= 3 and not used.at_save.found, str(used.at_save)


def test_T38_in_no_file(used):
    octets = list(used.known.values())
    in_hex = [form.encode() for form in (used.known["NT hash"].hex(),
                                         used.known["NT hash"].hex().upper())]
    files = search.search_files(octets + in_hex, used.front.inst.folders + [used.front.folder.path])
    assert not files, str(files)
    assert not used.found_in(used.front.inst.read_log().encode())


def test_T38_nor_in_cores(used):
    inst = used.front.inst
    for pid in inst.pids:
        assert search.search_core(list(used.known.values()), pid, inst.folder) is not True, \
            f"in a core of {search.comm(pid)}"


def test_T38_on_the_pipe_only_what_a_program_sent(used):
    """PAM_AUTH and CCACHE_SAVE have the password, by their nature; the way back has nothing, nor has
    anything later."""
    to_server, to_client = bytes(used.tap.to_server), bytes(used.tap.to_client)
    assert used.found_in(to_server[:used.to_server_at_save]) == ["password"]
    assert to_client.count(ntlm.SIGNATURE) >= 2 * len(used.names)
    assert not used.found_in(to_client)
    assert not used.found_in(to_server[used.to_server_at_save:])


def test_T38_the_control_a_real_winbindd_has_them():
    name, password = f"erin{secrets.token_hex(3)}", secrets.token_hex(20)
    with (ntlmworld.Winbindd() as winbindd,
          ntlmworld.Servers({name: password}, smb=False) as servers):
        desk = ntlmworld.Desk(servers.folder, users.fresh_uid(), winbindd.pipe_folder, name,
                              mic=None)
        desk.save(password).ok()
        assert ntlmworld.Curl().go(desk, servers)[0]
        for octets in (password.encode(), ntlm.nt_hash(password)):
            assert search.search_memory(octets, winbindd.pids).found
            assert any(search.search_core(octets, pid, servers.folder) is True
                       for pid in winbindd.pids)


@pytest.mark.parametrize("form", ("gss-ntlmssp", "smbpasswd"))
def test_T38_the_control_files_have_them(form):
    """What gss-ntlmssp uses where there is no winbind; and it has them while it runs."""
    name, password = f"erin{secrets.token_hex(3)}", secrets.token_hex(20)
    nt = ntlm.nt_hash(password)
    with ntlmworld.Servers({name: password}, smb=False) as servers:
        line = f"{ntlmworld.DOMAIN}:{name}:{password}\n" if form == "gss-ntlmssp" else \
            f"{name}:1000:{'X' * 32}:{nt.hex().upper()}:[U          ]:LCT-00000000:\n"
        desk = ntlmworld.Desk(servers.folder, users.fresh_uid(), servers.folder.make("no-pipe"),
                              name)
        file = servers.folder.write("secrets", line)
        with desk.gss(NTLM_USER_FILE=file) as initiator, servers.acceptor() as acceptor:
            shake = ntlmworld.Shake(initiator, acceptor)
            assert not shake.failed, shake.failed
            shake.use()
            assert search.search_memory(nt, [initiator.process.pid]).found
        found = search.search_files([password.encode(), nt.hex().upper().encode()],
                                    [servers.folder.path])
        assert file in found, found
