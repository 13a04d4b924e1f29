# SPDX-License-Identifier: GPL-3.0-or-later
"""Is every use of a key recorded, and does every change of the stored records
show? A log of real logons and tickets is changed in each way that there is."""

import contextlib
import hashlib
import json
import os
import re
import shutil
import signal
import socket
import struct
import threading
import time

import pytest

from lib import instance, proc, users

pytestmark = pytest.mark.usefixtures("need_root")

ENTRY, RECORD = 128, 96
# Of a record: name and where it is.
REGIONS = {"sequence": (0, 8), "time": (8, 16), "session": (16, 20), "generation": (20, 24),
           "owner": (24, 28), "op": (28, 30), "status": (30, 32), "verdict": (32, 36),
           "target_len": (36, 40), "target": (40, 96), "chain": (96, 128)}


def lsactl(inst, *arguments, who=None, config=None):
    argv = [instance.program("lsactl"), *arguments, "--config", config or inst.file]
    return proc.run(who.argv(argv) if who else argv, env=inst.env())


@pytest.fixture(scope="module")
def inst(realm):
    with instance.Instance(realm) as made:
        yield made


@pytest.fixture(scope="module")
def alice(inst):
    """With a boot before this one, too: another lsaiso, whose log stays."""
    who = users.User(inst)
    who.kinit("alice").ok()
    who.kvno("HTTP/localhost").ok()
    before = inst.call("Status")["lsaiso"]["boot_id"]
    lsactl(inst, "wipe").ok()
    proc.wait_until("another lsaiso", lambda: (inst.call("Status")["lsaiso"] or
                                               {"boot_id": before})["boot_id"] != before,
                    log=inst.log)
    proc.wait_until("a logon", lambda: who.kinit("alice").code == 0, log=inst.log)
    who.kvno("HTTP/localhost", "ldap/localhost").ok()
    who.kvno("HTTP/nowhere.test").fails()
    return who


def folder(inst):
    return os.path.join(inst.state, "audit")


def running_file(inst):
    inst.call("AuditRead", limit=1)     # all that waits is stored then
    return os.path.join(folder(inst), inst.call("Status")["audit"]["file"])


def other_file(inst):
    mine = os.path.basename(running_file(inst))
    return os.path.join(folder(inst), next(n for n in os.listdir(folder(inst)) if n != mine))


def entries(path):
    with open(path, "rb") as f:
        octets = f.read()
    assert len(octets) % ENTRY == 0
    return [octets[i:i + ENTRY] for i in range(0, len(octets), ENTRY)]


class Copy:
    """A folder with a copy of all files, and a configuration that names it:
    what a thief may do with the real one, without lsass mending it."""

    def __init__(self, inst):
        self.inst = inst
        self.folder = inst.folder.make("copy", mode=0o700)
        with open(inst.file, encoding="utf-8") as f:
            text = f.read()
        self.config = inst.folder.write("copy.conf",
                                        f"{text}\n[audit]\ndirectory = {self.folder}\n")

    def fresh(self):
        shutil.rmtree(self.folder)
        self.file = running_file(self.inst)
        shutil.copytree(folder(self.inst), self.folder)
        self.file = os.path.join(self.folder, os.path.basename(self.file))
        return entries(self.file)

    def write(self, rows):
        with open(self.file, "wb") as f:
            f.write(b"".join(rows))

    def verify(self, *more):
        """(exit code, findings of all files as [(kind, text)])"""
        done = lsactl(self.inst, "audit", "verify", "--json", *more, config=self.config)
        said = json.loads(done.out)
        found = said["findings"] + [f for b in said["boots"] for f in b["findings"]]
        assert (done.code == 1) == bool(found), done.text
        return done.code, [(f["kind"], f["text"]) for f in found]


@pytest.fixture(scope="module")
def copy(inst, alice):
    return Copy(inst)


def rechain(rows):
    """What a thief does who knows how the chain is made."""
    chain = rows[0][RECORD:]
    out = [rows[0]]
    for row in rows[1:]:
        chain = hashlib.sha256(chain + row[:RECORD]).digest()
        out.append(row[:RECORD] + chain)
    return out


def numbered(rows):
    return [rows[0]] + [struct.pack("<Q", n) + row[8:] for n, row in enumerate(rows[1:], 1)]


def flipped(row, at, bit=0):
    return row[:at] + bytes([row[at] ^ 1 << bit]) + row[at + 1:]


# ---- what is recorded

def test_01_a_logon_and_each_ticket_leave_records(inst, alice):
    shown = json.loads(lsactl(inst, "audit", "--json", "--uid", str(alice.uid)).ok().out)
    got = [(r["op"], r["target"], r["status"]) for r in shown["records"]]
    for want in (("session_open", "", 0), ("cred_absorb", "alice@TEST.LOCAL", 0),
                 ("krb_tgs_seal", "HTTP/localhost", 0), ("krb_tgs_open", "HTTP/localhost", 0),
                 ("krb_tgs_open", "ldap/localhost", 0), ("krb_tgs_seal", "HTTP/nowhere.test", 0)):
        assert want in got, got
    assert ("krb_tgs_open", "HTTP/nowhere.test", 0) not in got
    assert {r["key"] for r in shown["records"] if r["op"] == "krb_tgs_open"} == {"released"}
    assert all(r["uid"] == alice.uid and r["generation"] > 0 for r in shown["records"])
    now = time.time()
    assert all(now - 600 < r["time_us"] / 1e6 <= now + 1 for r in shown["records"])


def test_02_it_can_be_filtered(inst, alice):
    def got(*options):
        return json.loads(lsactl(inst, "audit", "show", "--json", *options).ok().out)["records"]
    assert {r["op"] for r in got("--op", "krb_tgs_*")} == {"krb_tgs_seal", "krb_tgs_open"}
    assert {r["target"] for r in got("--target", "ldap")} == {"ldap/localhost"}
    assert {r["target"] for r in got("--target", "HTTP/*host")} == {"HTTP/localhost"}
    assert got("--since", "1h") and not got("--since", "2037-01-01")
    first = got("--op", "session_open")[0]
    mine = f"{first['session']}.{first['generation']}"
    assert {r["session"] for r in got("--session", mine)} == {first["session"]}
    assert not got("--session", f"{first['session']}.{first['generation'] + 1}")
    assert [r["sequence"] for r in got("--lines", "2")] == \
        [r["sequence"] for r in got("--lines", "0")][-2:]
    other = got("--boot", os.path.basename(other_file(inst)).split("-")[1][:12])
    assert other and other[0]["boot"] != first["boot"]
    for wrong in (("--since", "soon"), ("--session", "x"), ("--lines", "-1"), ("--boot", "xyz")):
        assert lsactl(inst, "audit", *wrong).fails(wrong[0]).code == 2
    assert lsactl(inst, "status", "--refused").fails("audit").code == 2
    lsactl(inst, "audit", "--boot", "0" * 32).fails("no records")


def test_03_what_is_refused_is_recorded(inst, alice):
    """A call in another's name, made by lsass itself, is not to be had from outside; a
    prove with a point of low order is."""
    with contextlib.suppress(proc.Failed):
        inst.call("AuditHead", public="00" * 32, nonce="11" * 32)
    inst.call("AuditRead", limit=1)
    lsactl(inst, "audit", "--refused").ok().says("prove", "out of range")


def test_04_others_see_their_own_and_verify_nothing(inst, alice):
    bob = users.User(inst)
    bob.kinit("bob").ok()
    inst.call("AuditRead", limit=1)
    mine = lsactl(inst, "audit", who=alice).ok().says("alice@TEST.LOCAL", "HTTP/localhost")
    mine.silent_about("bob@TEST.LOCAL")
    lsactl(inst, "audit", who=bob).ok().says("bob@").silent_about("alice@", "HTTP/localhost")
    lsactl(inst, "audit", "--uid", str(alice.uid), who=bob).fails("only root")
    assert lsactl(inst, "audit", "verify", who=bob).fails("only root").code == 1
    with users.effective(bob.uid):
        with pytest.raises(proc.Failed, match="PermissionDenied"):
            inst.call("AuditHead", public="09" + "00" * 31, nonce="11" * 32)
        assert inst.call("AuditRead")["whole"] is False
    with pytest.raises(OSError), users.effective(bob.uid):
        os.listdir(folder(inst))


def test_05_no_name_reaches_a_terminal_as_it_is(inst, alice):
    alice.kvno("HTTP/\x1b]0;evil\x07").fails()
    inst.call("AuditRead", limit=1)
    for more in ([], ["--json"]):
        for who in (None, alice):
            said = lsactl(inst, "audit", *more, who=who).ok().says("HTTP/?]0;evil?")
            assert "\x1b" not in said.text and "\x07" not in said.text


def test_06_no_key_and_no_stand_in_is_in_it(inst, alice):
    with users.effective(alice.uid):
        k = inst.kcm()
    with k:
        keys = [c.key for c in k.cred_list(k.default()) if len(c.key) >= 16]
    assert keys
    octets = b"".join(entries(running_file(inst)))
    assert not [key for key in keys if key[:8] in octets]


# ---- verify

def test_10_what_nobody_touched_is_fine(inst, alice, copy):
    said = lsactl(inst, "audit", "verify").ok()
    said.says("whole, as lsaiso itself proves", "agrees with itself", "Nothing was removed")
    copy.fresh()
    assert copy.verify() == (0, [])


def test_11_the_journal_has_the_end_of_the_boot_before(inst, alice):
    boots = json.loads(lsactl(inst, "audit", "verify", "--json").ok().out)["boots"]
    old = next(b for b in boots if not b["running"])
    assert f"boot {old['boot']}, {old['last']} records, chain {old['chain']}" in inst.read_log()


@pytest.mark.parametrize("region", REGIONS)
def test_12_every_octet_of_a_record_counts(copy, region):
    start, end = REGIONS[region]
    for at in range(start, end):
        rows = copy.fresh()
        middle = len(rows) // 2
        rows[middle] = flipped(rows[middle], at, at % 8)
        copy.write(rows)
        code, found = copy.verify()
        assert code == 1, (region, at)
        assert found[0][0] in ("changed", "removed", "reordered", "gap"), (region, at, found)
        if region not in ("sequence", "chain"):
            assert found[0][0] == "changed" and f"record {middle}," in found[0][1], found


@pytest.mark.parametrize("which", ["first", "last"])
@pytest.mark.parametrize("region", REGIONS)
def test_13_the_first_and_the_last_record_too(copy, region, which):
    rows = copy.fresh()
    i = 1 if which == "first" else len(rows) - 1
    rows[i] = flipped(rows[i], REGIONS[region][0])
    copy.write(rows)
    assert copy.verify()[0] == 1


@pytest.mark.parametrize("octet", range(0, ENTRY, 3))
def test_14_the_beginning_of_the_file_counts(copy, octet):
    rows = copy.fresh()
    rows[0] = flipped(rows[0], octet)
    copy.write(rows)
    code, found = copy.verify()
    assert code == 1 and found[0][0] == "changed"


# name: (what is done to the entries, kinds of finding that may come first). The head is 0,
# record n is entry n.
def swap(rows, i, k):
    rows[i], rows[k] = rows[k], rows[i]
    return rows


MOVES = {
    "first removed": (lambda r, o: r[:1] + r[2:], "removed"),
    "one removed": (lambda r, o: r[:3] + r[4:], "removed"),
    "some removed": (lambda r, o: r[:3] + r[6:], "removed"),
    "last removed": (lambda r, o: r[:-1], "cut off"),
    "all removed": (lambda r, o: r[:1], "cut off"),
    "empty": (lambda r, o: [], "cut off"),
    "head removed": (lambda r, o: r[1:], "changed"),
    "two swapped": (lambda r, o: swap(r, 3, 4), "reordered"),
    "two swapped, apart": (lambda r, o: swap(r, 2, 5), "removed|reordered|changed"),
    "last two swapped": (lambda r, o: swap(r, -1, -2), "reordered"),
    "one twice": (lambda r, o: r[:4] + r[3:], "reordered"),
    "last twice": (lambda r, o: r + r[-1:], "reordered"),
    "first at the end": (lambda r, o: r[:1] + r[2:] + r[1:2], "removed|reordered"),
    "backwards": (lambda r, o: r[:1] + r[:0:-1], "removed"),
    "torn at the end": (lambda r, o: r[:-1] + [r[-1][:50]], "cut off"),
    "torn within": (lambda r, o: r[:3] + [r[3][:50]] + r[4:], "removed|changed|reordered"),
    "another boot's": (lambda r, o: r[:3] + [o[3]] + r[4:], "changed"),
    "another boot's more": (lambda r, o: r[:3] + o[1:3] + r[3:], "reordered"),
    "another boot's at the end": (lambda r, o: numbered(r + o[1:3]), "changed|added"),
    "another boot's file": (lambda r, o: o, "changed"),
    "another boot's records": (lambda r, o: r[:1] + o[1:], "changed"),
    # by who makes the chain anew: only lsaiso's own head tells
    "edited, chain anew": (lambda r, o: rechain(r[:3] + [flipped(r[3], 25)] + r[4:]), "changed"),
    "last edited, chain anew": (lambda r, o: rechain(r[:-1] + [flipped(r[-1], 9)]), "changed"),
    "one removed, chain anew": (lambda r, o: rechain(numbered(r[:3] + r[4:])), "cut off"),
    "one put in, chain anew": (lambda r, o: rechain(numbered(r[:3] + [r[2]] + r[3:])),
                               "changed|added"),
    "replaced, chain anew": (lambda r, o: rechain(numbered(r[:3] + [o[3]] + r[4:])), "changed"),
    "added, chain anew": (lambda r, o: rechain(numbered(r + r[-3:])), "added"),
    "a gap told": (lambda r, o: r[:3] + [bytes(RECORD) + r[3][RECORD:]] + r[4:], "gap"),
    "a gap told, nothing missing": (lambda r, o: r[:3] + [bytes(RECORD) + r[2][RECORD:]] + r[3:],
                                    "gap"),
    "a gap told at the end": (lambda r, o: r[:-1] + [bytes(RECORD) + r[-1][RECORD:]], "gap"),
}


@pytest.mark.parametrize("move", MOVES)
def test_15_every_move_is_found(inst, copy, move):
    change, kinds = MOVES[move]
    rows = copy.fresh()
    assert len(rows) > 8
    copy.write(change(list(rows), entries(other_file(inst))))
    code, found = copy.verify()
    assert code == 1
    assert found[0][0] in kinds.split("|"), found
    if "chain anew" in move:
        assert any(word in text for _, text in found
                   for word in ("lsaiso's own", "lsaiso has made", "lsaiso made")), found
    copy.fresh()
    assert copy.verify() == (0, [])


def test_16_a_missing_file_is_found(inst, copy):
    copy.fresh()
    os.unlink(copy.file)
    code, found = copy.verify()
    assert code == 1 and found[0][0] == "removed" and "no file" in found[0][1]
    shutil.rmtree(copy.folder)
    os.mkdir(copy.folder)
    assert copy.verify()[0] == 1


def test_17_a_renamed_file_is_found(inst, copy):
    copy.fresh()
    other = os.path.basename(other_file(inst))
    os.unlink(os.path.join(copy.folder, other))
    os.rename(copy.file, os.path.join(copy.folder, other))
    assert {kind for kind, _ in copy.verify()[1]} >= {"removed", "changed"}


# ---- a lsass that lies

class Between:
    """Sits at the admin socket and changes what lsass answers to AuditHead."""

    def __init__(self, inst, path, change):
        self.inst, self.change, self.path = inst, change, path
        self.listener = socket.socket(socket.AF_UNIX)
        self.listener.bind(path)
        self.listener.listen()
        self.thread = threading.Thread(target=self.serve, daemon=True)
        self.thread.start()

    def serve(self):
        while True:
            try:
                client, _ = self.listener.accept()
            except OSError:
                return
            with client:
                ask = b""
                while not ask.endswith(b"\0"):
                    ask += client.recv(65536) or b"\0"
                ask = json.loads(ask.rstrip(b"\0") or b"{}")
                method = ask.get("method", "").rpartition(".")[2]
                if not method:
                    continue
                try:
                    said = self.inst.call(method, **ask.get("parameters", {}))
                    answer = {"parameters": self.change(said) if method == "AuditHead" else said}
                except proc.Failed as e:
                    answer = {"error": "org.lsaiso.Failed", "parameters": {"message": str(e)}}
                client.sendall(json.dumps(answer).encode() + b"\0")

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.listener.shutdown(socket.SHUT_RDWR)
        self.listener.close()
        self.thread.join(5)
        os.unlink(self.path)


def pin(inst):
    """The public key as lsainit publishes it; where it does not yet, as it is."""
    path = inst.folder("run", "public-key")
    if not os.path.exists(path):
        with open(path, "w", encoding="ascii") as f:
            f.write(inst.call("Status")["lsaiso"]["public_key"] + "\n")
    return path


LIES = {
    "an earlier sequence": lambda is_: is_ | {"sequence": is_["sequence"] - 1},
    "no record": lambda is_: is_ | {"sequence": 0},
    "another chain": lambda is_: is_ | {"chain": is_["boot_id"] * 2},
    "another boot": lambda is_: is_ | {"boot_id": is_["chain"][:32]},
    "another key": lambda is_: is_ | {"public": is_["chain"]},
    "another proof": lambda is_: is_ | {"proof": is_["chain"]},
    "nothing": lambda is_: {},
}


@pytest.mark.parametrize("lie", [*LIES, "an answer of before"])
def test_20_lsass_cannot_lie_about_the_head(inst, copy, lie):
    pin(inst)
    old = inst.call("AuditHead", public="09" + "00" * 31, nonce="11" * 32)
    change = LIES.get(lie, lambda is_: old)
    path = inst.folder("between.sock")
    with open(copy.config, encoding="utf-8") as f:
        text = f.read().replace(f"socket = {inst.admin}", f"socket = {path}")
    lying = inst.folder.write("lying.conf", text)
    copy.fresh()
    with Between(inst, path, lambda is_: is_):
        lsactl(inst, "audit", "verify", config=lying).ok().silent_about("believed")
    copy.fresh()
    with Between(inst, path, change):
        said = lsactl(inst, "audit", "verify", config=lying).fails("does not prove")
    assert said.code == 1


# ---- the real one, touched while lsass runs

def verified(inst):
    return lsactl(inst, "audit", "verify")


def test_30_a_torn_record_is_collected_again(inst, alice):
    """As after a crash of lsass in the middle of a write."""
    path, lsass = running_file(inst), inst.pid("lsass")
    os.kill(lsass, signal.SIGSTOP)
    try:
        os.truncate(path, os.path.getsize(path) - 60)
    finally:
        os.kill(lsass, signal.SIGKILL)
    proc.wait_until("lsass again", lambda: inst.pid("lsass") not in (None, lsass)
                    and inst.answers(), log=inst.log)
    verified(inst).ok()
    assert inst.log_has("was cut short; it is collected again")


def test_31_a_removed_file_is_told_and_written_again(inst, alice):
    os.unlink(running_file(inst))
    alice.kvno("imap/localhost").ok()
    proc.wait_until("another file", lambda: inst.log_has("was removed or changed"), log=inst.log)
    verified(inst).ok()     # lsaiso had them all


def test_32_a_change_in_place_shows(inst, alice):
    path = running_file(inst)
    rows = entries(path)
    with open(path, "r+b") as f:
        f.seek(5 * ENTRY + 41)
        f.write(b"X")
    verified(inst).fails("changed", "record 5")
    with open(path, "r+b") as f:
        f.seek(5 * ENTRY)
        f.write(rows[5])
    verified(inst).ok()


def test_33_nothing_can_be_stored_and_everybody_is_told(inst, alice):
    """Service goes on; what is lost meanwhile is a gap, for ever."""
    away = folder(inst) + ".away"
    running_file(inst)
    os.rename(folder(inst), away)
    with open(folder(inst), "w", encoding="ascii"):
        pass
    alice.kvno("postgres/localhost")
    proc.wait_until("an error", lambda: inst.log_has("use log: .*not stored until"), log=inst.log)
    lsactl(inst, "status").ok().says("NOTHING IS STORED")
    verified(inst).fails()
    alice.klist().ok().says("alice@")
    for _ in range(2200):   # more than lsaiso keeps
        inst.call("AuditHead", public="09" + "00" * 31, nonce="11" * 32)
    os.unlink(folder(inst))
    os.rename(away, folder(inst))
    proc.wait_until("storing again", lambda: inst.log_has("records are stored again"),
                    log=inst.log)
    assert inst.call("Status")["audit"]["lost"] > 0
    said = verified(inst).fails("gap", "were never collected")
    assert not re.search("removed|changed|reordered|cut off: ", said.out), said.out


def test_34_a_stop_in_order_says_where_the_chain_is(realm):
    with instance.Instance(realm) as one:
        who = users.User(one)
        who.kinit("alice").ok()
        path = running_file(one)
        one.terminate()
        one.daemon.process.wait(15 * proc.SLOW)
        last = entries(path)[-1]
        text = (f"{struct.unpack_from('<Q', last)[0]} records, "
                f"chain {last[RECORD:].hex()}")
        assert text in one.read_log()


def test_35_a_configured_folder_is_made_and_used(realm):
    with instance.Instance(realm, start=False) as one:
        own = os.path.join(one.folder.path, "uses")
        one.write_config({"audit": {"directory": own}})
        one.start()
        users.User(one).kinit("alice").ok()
        one.call("AuditRead", limit=1)
        assert len(os.listdir(own)) == 1 and not os.path.exists(folder(one))
        assert os.stat(own).st_uid == instance.LSASS_UID
        verified(one).ok()
