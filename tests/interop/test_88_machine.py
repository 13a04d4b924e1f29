# SPDX-License-Identifier: GPL-3.0-or-later
"""Do the keys of the machine's keytab come to lsaiso with every start, and what
are logons by then? And does a user's keytab do in place of a password?"""

import json
import os
import re
import shutil
import signal

import pytest

from lib import instance, proc, users
from lib.instance import lsactl
from lib.realm import HOME, PASSWORDS

pytestmark = pytest.mark.usefixtures("need_root")

WORD = PASSWORDS["alice"]
HOST = f"host/localhost@{HOME}"


def logon(inst, who, name="alice", word=WORD):
    return lsactl(inst, "logon", name, "--json", who=who, stdin=word + "\n")


def machine_of(inst):
    """Sessions of kind machine."""
    return [s for s in json.loads(lsactl(inst, "sessions", "--json").ok().out)["sessions"]
            if s["kind"] == "machine"]


def brought(inst, times=1):
    """lsainit had lsactl bring the keys so often."""
    proc.wait_until("the machine's keys",
                    lambda: len(re.findall(r"this machine is ", inst.read_log())) >= times,
                    log=inst.log)


@pytest.fixture(scope="module")
def keytab(realm):
    """The machine's own, as root keeps it."""
    path = realm.folder("machine.keytab")
    shutil.copy(realm.keytab("host/localhost"), path)
    os.chmod(path, 0o600)
    return path


@pytest.fixture
def inst(realm, keytab):
    with instance.Instance(realm, {"logon": {"keytab": keytab}}) as made:
        brought(made)
        yield made


def test_01_armoured_and_verified(inst):
    who = users.User(inst)
    assert re.search(rf"this machine is {HOST}: 4 keys of version \d+", inst.read_log())
    [machine] = machine_of(inst)
    assert (machine["uid"], machine["principal"], machine["state"]) == (0, HOST, "open")
    said = json.loads(logon(inst, who).ok().out)
    assert said["verified"] and said["armored"], said


def test_02_again_with_each_lsaiso_and_lsass(inst):
    who = users.User(inst)
    for times, name in ((2, "lsaiso"), (3, "lsass")):
        os.kill(inst.pid(name), signal.SIGKILL)
        brought(inst, times)
        proc.wait_until("one session of the machine", lambda: len(machine_of(inst)) == 1,
                        log=inst.log)
        said = json.loads(logon(inst, who).ok().out)
        assert said["verified"] and said["armored"], said


def test_03_another_key_table(inst, keytab, realm):
    """By hand, as after a change of the machine's password: the old session ends."""
    [before] = machine_of(inst)
    done = lsactl(inst, "logon", "--keytab", keytab, "--machine").ok()
    assert f"This machine is {HOST}, with 4 keys" in done.out
    [after] = machine_of(inst)
    assert (before["session"], before["generation"]) != (after["session"], after["generation"])


def test_04_only_root_says_what_the_machine_is(inst, realm):
    who = users.User(inst)
    own = realm.folder("keytabs", "alice")
    done = lsactl(inst, "logon", "--keytab", own, "--machine", who=who)
    assert done.code == 1 and "only root" in done.err, done.text
    assert [s["principal"] for s in machine_of(inst)] == [HOST]


def test_05_no_keys(realm):
    """Without a keytab: nothing is verified or armoured, and that is no failure."""
    with instance.Instance(realm, {"logon": {"keytab": realm.folder("none")}}) as bare:
        said = json.loads(logon(bare, users.User(bare)).ok().out)
        assert not said["verified"] and not said["armored"], said
        assert "no machine keys" not in bare.read_log()
    with instance.Instance(realm, {"logon": {"keytab": realm.folder("none"),
                                             "fast": "required"}}) as strict:
        proc.wait_until("a word about it", lambda: strict.log_has("no machine keys: .*not there"),
                        log=strict.log)
        done = logon(strict, users.User(strict))
        assert done.code == 1, done.text


def test_06_a_keytab_that_is_none(realm):
    path = realm.folder.write("bad.keytab", "no keytab at all\n", mode=0o600)
    with instance.Instance(realm, {"logon": {"keytab": path}}) as inst:
        proc.wait_until("a word about it", lambda: inst.log_has("no machine keys: lsactl ended"),
                        log=inst.log)
        logon(inst, users.User(inst)).ok()


def test_07_a_users_keytab(inst, realm):
    who = users.User(inst)
    own = realm.folder("keytabs", "alice")
    said = json.loads(lsactl(inst, "logon", "--keytab", own, "--json", who=who).ok().out)
    assert said["principal"] == f"alice@{HOME}" and said["verified"] and said["armored"], said
    klist = proc.run(who.argv(["klist"]), env=inst.env()).ok()
    assert f"krbtgt/{HOME}" in klist.out
    proc.run(who.argv(["kvno", "HTTP/localhost"]), env=inst.env()).ok()
    [mine] = json.loads(lsactl(inst, "sessions", "--json", who=who).ok().out)["sessions"]
    assert mine["keep"]
    for name, words in (("bob", "has no key of bob@"), ("a@b@c", "")):
        done = lsactl(inst, "logon", name, "--keytab", own, who=who)
        assert done.code == 1 and words in done.err, done.text
    for wrong in (("logon", "--machine"), ("caches", "--keytab", own),
                  ("logon", "alice", "--keytab", own, "--machine")):
        assert lsactl(inst, *wrong, who=who).code == 2


def test_08_what_is_nowhere(inst, keytab):
    """Not in lsass, not in lsainit, nor in the files: only lsaiso has the keys."""
    if instance.sanitized():
        pytest.skip("a sanitizer's shadow memory is larger than any machine")
    dump = proc.run(["klist", "-Kek", f"FILE:{keytab}"]).ok().out
    keys = [bytes.fromhex(k) for k in re.findall(r"\(0x([0-9a-f]+)\)", dump)]
    assert len(keys) == 4
    logon(inst, users.User(inst)).ok()
    assert memory_has(inst.pid("lsass"), [inst.file.encode()]), "its memory can be searched"
    for name in ("lsass", "lsainit"):
        found = memory_has(inst.pid(name) if name == "lsass" else inst.daemon.pid, keys)
        assert not found, f"{name} has {found} keys of the machine"
    for folder, _, names in os.walk(inst.folder.path):
        for name in names:
            path = os.path.join(folder, name)
            if os.path.isfile(path):
                with open(path, "rb") as f:
                    text = f.read()
                assert not any(key in text for key in keys), path


def memory_has(pid, needles):
    n = 0
    with open(f"/proc/{pid}/maps", encoding="ascii") as maps, \
            open(f"/proc/{pid}/mem", "rb", buffering=0) as mem:
        for line in maps:
            span, rights = line.split()[:2]
            if "r" not in rights or "[v" in line:
                continue
            low, high = (int(x, 16) for x in span.split("-"))
            try:
                mem.seek(low)
                text = mem.read(high - low)
            except (OSError, ValueError):
                continue
            n += sum(needle in text for needle in needles)
    return n
