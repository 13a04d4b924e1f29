# SPDX-License-Identifier: GPL-3.0-or-later
"""A FILE ccache that kinit has filled becomes one of stand-ins: is it the same to
klist and to programs, is it worth nothing at the real KDC, and does nothing change
that should not?"""

import json
import os
import shutil
import stat

import pytest

from lib import endpoint, instance, proc, users
from lib.instance import lsactl
from lib.realm import HOME, PASSWORDS

pytestmark = pytest.mark.usefixtures("need_root")


@pytest.fixture(scope="module")
def inst(realm):
    with endpoint.Endpoint(realm) as made:
        yield made


def kinit(inst, who, *options, name="cc"):
    """A FILE ccache, as kinit at the real KDC leaves it."""
    path = os.path.join(inst.caches, f"{name}-{who.uid}")
    inst.straight(who, path, "true")
    done = proc.run(who.argv(["kinit", *options, "alice"]), stdin=PASSWORDS["alice"] + "\n",
                    env=inst.realm.env(config=inst.realm.config, KRB5CCNAME=f"FILE:{path}"))
    done.ok()
    return path


def octets(path):
    with open(path, "rb") as f:
        return f.read()


def imported(inst, who, path, *options):
    return json.loads(lsactl(inst, "ccache", "import", path, "--json", *options, who=who).ok().out)


def test_01_the_same_to_programs_and_worthless_elsewhere(inst):
    who = users.User(inst)
    path = kinit(inst, who)
    before = inst.straight(who, path, "klist", "-ef").ok().out
    plain = octets(path)
    said = imported(inst, who, path)
    assert (said["imported"], said["ours"]) == (1, 0), said
    assert octets(path) != plain and b"fast_avail" not in octets(path)
    assert inst.straight(who, path, "klist", "-ef").ok().out == before
    inst.run(who, path, "kvno", "HTTP/localhost").ok()
    # one more ticket that is not there yet: the KDC itself refuses
    inst.straight(who, path, "kvno", "ldap/localhost").fails()
    inst.run(who, path, "kvno", "ldap/localhost").ok()


def test_02_owner_mode_and_no_leftovers(inst):
    who = users.User(inst)
    path = kinit(inst, who)
    os.chmod(path, 0o640)
    before, there = os.stat(path), set(os.listdir(inst.caches))
    imported(inst, who, path)
    after = os.stat(path)
    assert stat.S_IMODE(after.st_mode) == 0o640
    assert (after.st_uid, after.st_gid) == (before.st_uid, before.st_gid)
    assert set(os.listdir(inst.caches)) == there


def test_03_old_octets_are_overwritten(inst):
    """Who has the old file open, or its blocks, has zeroes."""
    who = users.User(inst)
    path = kinit(inst, who)
    with open(path, "rb") as old:
        imported(inst, who, path)
        assert old.read().strip(b"\0") == b""


def test_04_again_changes_nothing(inst):
    who = users.User(inst)
    path = kinit(inst, who)
    imported(inst, who, path)
    first, inode = octets(path), os.stat(path).st_ino
    said = imported(inst, who, path)
    assert (said["imported"], said["ours"]) == (0, 1), said
    assert octets(path) == first and os.stat(path).st_ino == inode


def test_05_dry_run(inst):
    who = users.User(inst)
    path = kinit(inst, who)
    plain = octets(path)
    said = imported(inst, who, path, "--dry-run")
    assert said["imported"] == 1 and said["dry_run"]
    assert octets(path) == plain


def test_06_root_for_a_user(inst):
    who = users.User(inst)
    path = kinit(inst, who)
    assert imported(inst, None, path)["imported"] == 1
    assert os.stat(path).st_uid == who.uid
    inst.run(who, path, "kvno", "HTTP/localhost").ok()
    # tickets are the owner's: another user who has a copy gets nothing
    other = users.User(inst)
    with inst.copy(path, other) as copied:
        inst.run(other, copied, "kvno", "ldap/localhost").fails()


def test_07_not_another_users(inst):
    who, other = users.User(inst), users.User(inst)
    path = kinit(inst, who)
    os.chmod(path, 0o666)
    plain = octets(path)
    lsactl(inst, "ccache", "import", path, who=other).fails("belongs to another user")
    link = os.path.join(inst.caches, f"link-{other.uid}")
    os.symlink(path, link)
    os.lchown(link, other.uid, other.uid)
    lsactl(inst, "ccache", "import", link).fails("link of another user")
    os.unlink(link)
    assert octets(path) == plain


def test_08_hard_links(inst):
    who = users.User(inst)
    path = kinit(inst, who)
    os.link(path, path + "-too")
    lsactl(inst, "ccache", "import", path, who=who).fails("more than one name")
    os.unlink(path + "-too")


def test_09_format_3(inst):
    """Of MIT before 1.2 and of Heimdal's old days; klist and libkrb5 read it today."""
    who = users.User(inst)
    path = kinit(inst, who)
    config = inst.folder.write("three.conf", octets(inst.realm.config).decode().replace(
        "[libdefaults]", "[libdefaults]\n\tccache_type = 3"))
    proc.run(who.argv(["kinit", "alice"]), stdin=PASSWORDS["alice"] + "\n",
             env=inst.realm.env(config=config, KRB5CCNAME=f"FILE:{path}")).ok()
    assert octets(path)[:2] == b"\5\3"
    assert imported(inst, who, path)["imported"] == 1
    assert octets(path)[:2] == b"\5\3"
    inst.run(who, path, "kvno", "HTTP/localhost").ok()
    inst.straight(who, path, "kvno", "ldap/localhost").fails()


def test_10_service_tickets_and_expired_ones_stay(inst):
    who = users.User(inst)
    path = kinit(inst, who)
    inst.straight(who, path, "kvno", "HTTP/localhost").ok()
    said = imported(inst, who, path)
    assert (said["imported"], said["services"]) == (1, 1), said
    inst.straight(who, path, "kvno", "HTTP/localhost").ok()  # it is there already
    short = kinit(inst, who, "-l", "1s", name="short")
    proc.wait_until("the end of a ticket",
                    lambda: inst.straight(who, short, "klist", "-s").code != 0)
    plain = octets(short)
    said = imported(inst, who, short)
    assert (said["imported"], said["expired"]) == (0, 1), said
    assert b"fast_avail" in plain or octets(short) == plain


def test_11_other_kinds_and_what_is_none(inst, tmp_path):
    for name, word in (("KCM:", "lsass has it"), ("KEYRING:persistent:0", "keyring"),
                       ("MEMORY:x", "inside of one program")):
        lsactl(inst, "ccache", "import", name).fails(word)
    empty = tmp_path / "empty"
    for text, word in ((b"", "empty"), (b"\5\1more", "old format"), (b"PK", "no credential"),
                       (b"\5\4\0\0", "damaged"), (b"\5\4\0\0\0\0\0\1", "damaged")):
        empty.write_bytes(text)
        lsactl(inst, "ccache", "import", str(empty)).fails(word)
    lsactl(inst, "ccache", "import", str(tmp_path)).fails("not a regular file")
    lsactl(inst, "ccache", "import", str(tmp_path / "none")).fails("No such file")


def test_12_dir(inst):
    who = users.User(inst)
    folder = inst.folder.make(f"dir-{who.uid}", mode=0o700, owner=who.uid)
    for name in ("tkt", "tktb"):
        shutil.move(kinit(inst, who), os.path.join(folder, name))
    with open(os.path.join(folder, "primary"), "w", encoding="ascii") as f:
        f.write("tkt\n")
    os.chown(os.path.join(folder, "primary"), who.uid, who.uid)
    lsactl(inst, "ccache", "import", f"DIR:{folder}", who=who).ok()
    for name in ("tkt", "tktb"):
        path = os.path.join(folder, name)
        inst.straight(who, path, "kvno", "HTTP/localhost").fails()
        inst.run(who, path, "kvno", "HTTP/localhost").ok()


def test_13_nothing_of_it_in_lsass(inst):
    """The key came in a box: lsass's memory has never had it."""
    if instance.sanitized():
        pytest.skip("a sanitizer's shadow memory is larger than any machine")
    who = users.User(inst)
    path = kinit(inst, who)
    key = tgt_key(inst, who, path)
    imported(inst, who, path)
    assert key not in octets(path)
    pid = inst.pid("lsass")
    with open(f"/proc/{pid}/maps", encoding="ascii") as maps, \
            open(f"/proc/{pid}/mem", "rb", buffering=0) as mem:
        for line in maps:
            span, access = line.split()[:2]
            if "r" not in access or "[v" in line:
                continue
            start, end = (int(x, 16) for x in span.split("-"))
            try:
                mem.seek(start)
                assert key not in mem.read(end - start), line
            except OSError:
                continue


def tgt_key(inst, who, path):
    """The session key of the file's TGT: what stands behind the type 18 and length 32."""
    del inst, who
    plain = octets(path)
    at = plain.index(HOME.encode() + b"\0\x12\0\0\0\x20") + len(HOME) + 6
    return plain[at:at + 32]


def test_14_lsactl_shows_it(inst):
    who = users.User(inst)
    path = kinit(inst, who)
    imported(inst, who, path)
    [one] = json.loads(lsactl(inst, "sessions", "--json", who=who).ok().out)["sessions"]
    assert one["state"] == "open" and one["principal"] == f"alice@{HOME}"
    lsactl(inst, "logoff", who=who).ok()
    inst.run(who, path, "kvno", "HTTP/localhost").fails()
