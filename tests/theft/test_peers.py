# SPDX-License-Identifier: GPL-3.0-or-later
"""Do the same thieves find the same credentials at the programs that hold them
today? The cheap part of `make theft-peers`: it must be FOUND there, with the
same attacks and the same judge that find nothing in lsaiso. (winbindd needs a
whole domain: only `make theft-peers` has it, and all of the techniques.)
"""

import pytest

from lib import agentkeys, attacks, holders, peers
from lib import peerstable as table

pytestmark = pytest.mark.usefixtures("need_root")

FILES, MEM, READV = table.files, table.steal("proc_mem"), table.steal("vm_readv")
# What must come out of each, at least.
WHERE = [
    ("FILE", FILES, "ST"),
    ("keyring-persistent", FILES, "ST"),
    ("keyring-session", table.inject, "ST"),
    ("sssd-kcm", FILES, "ST"),
    ("sssd-kcm", MEM, "ST"),
    ("sssd-kcm", READV, "ST"),
    ("sssd-kcm", table.traffic, "ST"),
    ("heimdal-kcm", MEM, "ST"),
    ("heimdal-kcm", READV, "ST"),
    ("gssproxy", FILES, "CKST"),
    ("gssproxy", MEM, "K"),
    ("ssh-agent", MEM, "ER"),
    ("ssh-agent", READV, "ER"),
]
MAPPED = {id(FILES): "files", id(MEM): "mem", id(READV): "vm_readv", id(table.inject): "inject",
          id(table.traffic): "traffic"}


@pytest.fixture(scope="module")
def holder_of(realm):
    """kind -> a holder, made once; they end with the module."""
    made = {}

    def get(kind):
        if kind == "heimdal-kcm" and not peers.heimdal("kcm"):
            pytest.skip("Heimdal's kcm is not unpacked: scripts/setup.sh test")
        if kind not in made:
            made[kind] = holders.KINDS[kind](realm)
        return made[kind]
    try:
        yield get
    finally:
        for holder in made.values():
            holder.stop()


@pytest.mark.parametrize("kind,technique,letters", [
    pytest.param(*where, id=f"{where[0]}-{MAPPED[id(where[1])]}") for where in WHERE])
def test_the_peer_gives_its_keys_away(holder_of, kind, technique, letters):
    cell = technique(holder_of(kind))
    assert cell.state == table.FOUND, f"{cell.state}: {cell.why}"
    assert set(letters) <= set(cell.letters), f"{cell}: {cell.why}"


@pytest.mark.parametrize("technique", [FILES, MEM, READV, table.traffic],
                         ids=lambda t: MAPPED[id(t)])
def test_lsaiso_does_not_give_the_tgt_key_away(holder_of, technique):
    cell = technique(holder_of("lsaiso"))
    assert cell.state != table.NA, cell.why
    assert "T" not in cell.letters, cell.why


@pytest.mark.parametrize("kind", ["FILE", "keyring-persistent", "sssd-kcm", "heimdal-kcm",
                                  "gssproxy"])
def test_the_kdc_takes_what_was_stolen_from_the_peer(holder_of, kind):
    holder = holder_of(kind)
    holder.files()
    taken, said = holder.replay()
    assert taken, said


def test_the_kdc_refuses_what_was_stolen_from_lsaiso(holder_of):
    taken, said = holder_of("lsaiso").replay()
    assert not taken and "Decrypt integrity check failed" in said, said


def test_an_agents_key_opens_only_with_the_pre_key(holder_of, tmp_path):
    """The control of the un-shielding: without the 16 KiB it finds nothing, and
    the key does not lie there as it is."""
    holder = holder_of("ssh-agent")
    outcome = attacks.run(attacks.by_name("proc_mem"), holder.pids[0], str(tmp_path))
    with open(outcome.path, "rb") as f:
        dump = bytearray(f.read())
    assert len(set(agentkeys.unshield(dump))) == 2
    assert not any(secret.within(dump) for secret in holder.secrets.values())
    at = dump.find(agentkeys.PREKEY_CHUNK)
    while at >= 0:
        dump[at + 8] ^= 1
        at = dump.find(agentkeys.PREKEY_CHUNK, at + 1)
    assert not list(agentkeys.unshield(dump))


def test_the_memory_of_a_keyrings_owner_does_not_hold_it(holder_of):
    """The kernel does: the control of "-" in those rows is the keyctl above."""
    assert MEM(holder_of("keyring-session")).state == table.HELD
