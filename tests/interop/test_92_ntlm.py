# SPDX-License-Identifier: GPL-3.0-or-later
"""Do unmodified programs get their NTLM answers from lsaiso, through winbind's
pipe? And does nobody else: not for another user, not of a locked session, not
for a server that is not on the list, not for a challenge of NTLMv1? And what
is an answer worth to who relays it?
"""

import base64
import http.client
import json
import secrets
import struct

import pytest

from lib import ntlm, ntlmworld, users, winbind
from lib.ntlmworld import DOMAIN
from lib.realm import HOME

pytestmark = pytest.mark.usefixtures("need_root", "need_programs")
WAYS = pytest.mark.parametrize("way", ntlmworld.WAYS, ids=lambda way: way.name)
NAME = f"erin{secrets.token_hex(2)}"
PASSWORD = "the password of erin"
# As ntlm_auth makes it.
NEGOTIATE = "TlRMTVNTUAABAAAANYIIYgAAAAAoAAAAAAAAACgAAAAGAQAAAAAADw=="


@pytest.fixture(scope="module")
def need_programs():
    why = ntlmworld.missing()
    if why:
        pytest.skip(why)


@pytest.fixture(scope="module")
def servers(realm, need_root, need_programs):
    realm.kadmin_local(HOME, [f'addprinc -pw "{PASSWORD}" {NAME}'])
    with ntlmworld.Servers({NAME: PASSWORD}) as made:
        yield made


def front_of(realm, **settings):
    with ntlmworld.Front(realm, settings) as made:
        yield made


@pytest.fixture(scope="module")
def front(realm, servers):
    """Everybody whom our servers' challenges name is on the list, with what a name may look like."""
    yield from front_of(realm, mode="on", targets="*.test.local gsshost SMBHOST Client")


@pytest.fixture(scope="module")
def strict(realm, servers):
    yield from front_of(realm, mode="on", targets="files.test.local *.example.com")


@pytest.fixture(scope="module")
def auditing(realm, servers):
    yield from front_of(realm, mode="audit", targets="files.test.local *.example.com")


def logged_on(front):
    """A desk of somebody of his own who has logged on."""
    desk = front.desk(users.fresh_uid(), NAME)
    front.logon(desk.uid, NAME, PASSWORD)
    return desk


@pytest.fixture(scope="module")
def erin(front):
    return logged_on(front)


def works(way, desk, servers):
    done, said = way.go(desk, servers)
    assert done, said


def refuses(way, desk, servers, why):
    """In the program's own words, which are few: winbind's protocol has no room for more."""
    done, said = way.go(desk, servers)
    assert not done, "it worked"
    assert way.words[why] in said, said


def uses(front, who):
    """The rows of `lsactl ntlm uses` of this user."""
    said = json.loads(front.lsactl(who.uid, "ntlm", "uses", "--json").ok().out)
    return [row for row in said["uses"] if row["uid"] == who.uid]


def told(front, way, who, what):
    """Who it was, with what, to whom: in the log."""
    return front.inst.log_has(
        rf"(?i)NTLM: uid {who.uid}, pid \d+ \([^)]*{way.exe}[^)]*\), as {DOMAIN}\\{NAME} to "
        rf"{way.server}\S*: {what}: not in \[ntlm\] targets")


# ---- it works

@WAYS
def test_01_the_control_with_a_real_winbindd(way, servers):
    with ntlmworld.Winbindd() as winbindd:
        desk = ntlmworld.Desk(servers.folder, users.fresh_uid(), winbindd.pipe_folder, NAME,
                              mic=None)
        refuses(way, desk, servers, "nothing")
        desk.save(PASSWORD).ok()
        works(way, desk, servers)
        # Root may use anybody's there.
        root = ntlmworld.Desk(servers.folder, 0, winbindd.pipe_folder, NAME, mic=None)
        works(way, root, servers)


@WAYS
def test_02_with_lsaiso(way, erin, servers):
    works(way, erin, servers)


def test_03_with_what_a_program_saved(front, servers):
    desk = front.desk(users.fresh_uid(), NAME)
    desk.save(PASSWORD).ok()
    for way in ntlmworld.WAYS:
        works(way, desk, servers)


def test_04_with_what_was_added(front, servers):
    desk = front.desk(users.fresh_uid(), NAME)
    front.add(desk.uid, NAME, PASSWORD)
    for way in ntlmworld.WAYS:
        works(way, desk, servers)


@pytest.mark.parametrize("features", ("", "NTLMSSP_FEATURE_SIGN"), ids=("plain", "signed"))
@pytest.mark.parametrize("server", ("samba", "gss-ntlmssp"))
def test_05_to_the_taste_of_other_servers(server, features, erin, front, servers):
    """Who judges is Samba's server side, and gss-ntlmssp's. With nothing to sign each has a view
    of its own of what KEY_EXCH means for the MIC."""
    if server == "samba":
        acceptor = front.desk(0, NAME).talk(*ntlmworld.on_machine("client", [
            "ntlm_auth", "--helper-protocol=squid-2.5-ntlmssp", f"--username={NAME}",
            f"--domain={DOMAIN}", f"--password={PASSWORD}"]))
    else:
        acceptor = servers.acceptor()
    with erin.helper("--username", NAME, "--domain", DOMAIN) as helper, acceptor:
        assert not features or helper(f"SF {features}").startswith("OK")
        negotiate = helper.message("YR", "YR")
        if server == "samba":
            challenge = acceptor.message(f"YR {ntlmworld.text(negotiate)}", "TT")
        else:
            challenge = acceptor.message(f"step {ntlmworld.text(negotiate)}", "more")
        message = helper.message(f"TT {ntlmworld.text(challenge)}", "AF", "KK")
        answer = ntlm.Answer(message)
        answer.must_be_v2()
        assert answer.has_mic()
        if server == "samba":
            assert acceptor(f"KK {ntlmworld.text(message)}") == f"AF {DOMAIN}\\{NAME}"
            # No key leaves that nobody agreed on.
            assert (acceptor("GK") == helper("GK")) == bool(features)
        else:
            assert acceptor(f"step {ntlmworld.text(message)}") == "done"
            assert acceptor("source") == f"{DOMAIN}\\{NAME}"


# ---- for whom it does not

@WAYS
def test_10_locked_unlocked_logged_off(way, front, servers):
    desk = logged_on(front)
    works(way, desk, servers)
    front.lsactl(desk.uid, "lock").ok()
    refuses(way, desk, servers, "locked")
    front.lsactl(desk.uid, "unlock", stdin=PASSWORD + "\n").ok()
    works(way, desk, servers)
    front.lsactl(desk.uid, "logoff").ok()
    refuses(way, desk, servers, "nothing")


@WAYS
def test_11_another_user_and_root(way, erin, front, servers):
    for uid in (users.fresh_uid(), 0):
        refuses(way, front.desk(uid, NAME), servers, "nothing")
    works(way, erin, servers)


@WAYS
def test_12_a_server_that_is_not_on_the_list(way, strict, servers):
    desk = logged_on(strict)
    refuses(way, desk, servers, "refused")
    [row] = uses(strict, desk)
    assert row["refused"] == row["count"] >= 1 and not row["listed"], row
    assert told(strict, way, desk, "refused"), strict.inst.read_log()


@WAYS
def test_13_audit_lets_it_pass_and_tells(way, auditing, servers):
    desk = logged_on(auditing)
    works(way, desk, servers)
    [row] = uses(auditing, desk)
    assert way.exe in row["program"] and row["user"].endswith(NAME), row
    assert way.server.lower() in row["server"].lower() and not row["listed"], row
    assert row["count"] and not row["refused"], row
    assert told(auditing, way, desk, "would be refused"), auditing.inst.read_log()


# ---- Pass-the-Challenge

@pytest.mark.parametrize("keep", (0, ntlm.ESS), ids=("NTLMv1", "NTLM2 session"))
@WAYS
def test_20_no_answer_to_a_challenge_of_old(way, keep, erin, servers):
    servers.change = lambda challenge: ntlm.weakened(challenge, keep)
    try:
        refuses(way, erin, servers, "old")
    finally:
        servers.change = None
    works(way, erin, servers)


@pytest.mark.parametrize("known", (True, False), ids=("with NEGOTIATE", "without"))
@pytest.mark.parametrize("keep", (0, ntlm.ESS), ids=("NTLMv1", "NTLM2 session"))
def test_21_nor_on_the_bare_pipe(known, keep, erin, front, servers):
    """Some of these programs look at a challenge themselves. What is here sends any."""
    negotiate = base64.b64decode(NEGOTIATE)
    good = servers.web.server.challenge(negotiate)
    first = negotiate if known else b""
    with winbind.pipe(front.pipe, uid=erin.uid) as pipe:
        assert pipe.ccache(f"{DOMAIN}\\{NAME}").ok
        old = ntlm.weakened(good, keep)
        # Flags and target information; flags alone; the information alone.
        for challenge in (old, old[:24] + good[24:], good[:32] + bytes(16) + good[48:]):
            said = pipe.ccache(f"{DOMAIN}\\{NAME}", first, challenge)
            assert said.result == winbind.ERROR and said.octets[8:] == bytes(winbind.RESPONSE - 8)
        said = pipe.ccache(f"{DOMAIN}\\{NAME}", first, good)
        assert said.ok and servers.web.server.check(negotiate, good, said.message)


# ---- relays

def answered(desk, challenge_of):
    """(NEGOTIATE, challenge, AUTHENTICATE) of ntlm_auth; None in the third place: none came."""
    with desk.helper("--username", desk.name, "--domain", DOMAIN) as helper:
        negotiate = helper.message("YR", "YR")
        challenge = challenge_of(negotiate)
        said = helper(f"TT {ntlmworld.text(challenge)}")
        answer = base64.b64decode(said[3:]) if said[:3] in ("AF ", "KK ") else None
    return negotiate, challenge, answer


def not_let_in(server, why, negotiate, challenge, answer):
    with pytest.raises(ntlm.Refused, match=why):
        server.check(negotiate, challenge, answer)


@pytest.fixture
def a():
    return ntlm.Server({NAME: PASSWORD}, "A")


@pytest.fixture
def b():
    return ntlm.Server({NAME: PASSWORD}, "B")


def test_30_a_recorded_answer_is_no_answer_to_another_challenge(erin, servers):
    """As curl sent it, to the web server that let it in."""
    works(ntlmworld.Curl(), erin, servers)
    negotiate, _, answer = servers.web.seen[-1]
    servers.web.server.timestamp = False  # its nonce alone has to do
    try:
        connection = http.client.HTTPConnection(*servers.web.http.server_address)
        for message, status in ((negotiate, 401), (answer, 403)):
            connection.request("GET", "/", headers={
                "Authorization": f"NTLM {ntlmworld.text(message)}"})
            reply = connection.getresponse()
            said = reply.read()
            assert reply.status == status, said
        connection.close()
    finally:
        servers.web.server.timestamp = True
    assert b"NTProofStr is wrong" in said


def test_31_a_thief_calls_himself_a_and_uses_the_nonce_of_b(erin, a, b):
    def challenge_of(negotiate):
        mine.append(b.challenge(negotiate))
        return a.challenge(negotiate, nonce=mine[0][24:32])

    mine = []
    negotiate, challenge, answer = answered(erin, challenge_of)
    a.check(negotiate, challenge, answer)
    not_let_in(b, "AV pair 1 is not as in the challenge", negotiate, mine[0], answer)
    # With the names of b written over it.
    forged = answer.replace("A".encode("utf-16-le") + struct.pack("<HH", 4, 20),
                            "B".encode("utf-16-le") + struct.pack("<HH", 4, 20))
    assert forged != answer
    forged = forged.replace("a.test.local".encode("utf-16-le"), "b.test.local".encode("utf-16-le"))
    b.timestamp = False
    not_let_in(b, "NTProofStr is wrong|not the time", negotiate, mine[0], forged)


def test_32_relayed_whole_only_to_who_is_on_the_list(realm, a, b, servers):
    for front in front_of(realm, mode="on", targets="a.test.local"):
        desk = logged_on(front)
        a.check(*answered(desk, a.challenge))
        assert answered(desk, b.challenge)[2] is None


def test_33_a_server_that_wants_its_name_in_the_answer(erin, b):
    """These programs do not say whom they mean to talk to, so no answer of theirs names one:
    a server that insists lets none of them in, relayed or not."""
    said = answered(erin, b.challenge)
    b.check(*said)
    b.target = "HTTP/b.test.local"
    not_let_in(b, "made for ''", *said)


def test_34_flags_taken_away_on_the_wire_are_noticed(erin, a):
    """The MIC is over all three messages (MS-NLMP 3.1.5.1.2)."""
    negotiate, challenge, answer = answered(erin, a.challenge)
    a.check(negotiate, challenge, answer)
    for n, message in enumerate((negotiate, challenge, answer)):
        at = {0: 12, 1: 20, 2: 60}[n]
        flags = struct.unpack_from("<I", message, at)[0]
        changed = [negotiate, challenge, answer]
        changed[n] = message[:at] + struct.pack("<I", flags ^ ntlm.ALWAYS_SIGN) + message[at + 4:]
        not_let_in(a, "the MIC is wrong", *changed)
