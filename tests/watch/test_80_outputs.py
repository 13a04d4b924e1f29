# SPDX-License-Identifier: GPL-3.0-or-later
"""Do the findings reach those who collect them, in the form that they read: journald,
ECS, OCSF, Prometheus, the ATT&CK Navigator? And can what an attacker is called break
a line of them?

The findings are of real deeds, by programs of hostile names.
"""

import copy
import json
import os
import re
import shutil
import socket
import stat
import subprocess
import time

import pytest

from lib import instance, journald, proc, schemas
from lib.watching import WatchedInstance

# In a name of a file and of a process: quotes, a newline, an escape of a terminal, C1, no UTF-8.
HOSTILE = b"x\"'\\\n\x1b[2J\xc2\x9b1m\xff"

# Does what argv says to a process, after it has called itself so.
DEED = """
import ctypes, os, sys
libc = ctypes.CDLL(None, use_errno=True)
libc.prctl(15, os.fsencode(sys.argv[3])[:15], 0, 0, 0)
deed, pid = sys.argv[1], int(sys.argv[2])
if deed == "kill":
    os.kill(pid, 9)
elif deed == "read":
    room = ctypes.create_string_buffer(16)
    with open(f"/proc/{pid}/maps") as maps:
        start = int(maps.readline().split("-")[0], 16)
    local = (ctypes.c_void_p * 2)(ctypes.addressof(room), 16)
    far = (ctypes.c_void_p * 2)(start, 16)
    print(libc.process_vm_readv(pid, local, 1, far, 1, 0))
"""


def needs(*programs):
    missing = [one for one in programs if not proc.program(one)]
    if missing:
        pytest.skip(f"not installed: {' '.join(missing)} (scripts/setup.sh test)")


def shows_reads(watched):
    """Tracepoints, BPF or audit; the connector sees ptrace alone."""
    return any("ACCESS" in one["shows"] and one["layer"] in ("bpf", "trace", "audit")
               for one in watched.watch.status()["sensors"])


def hostile_python(folder):
    """A program of a hostile name; it needs no library of its own folder."""
    path = os.path.join(os.fsencode(folder), b"py" + HOSTILE)
    if not os.path.exists(path):
        shutil.copy(os.path.realpath("/usr/bin/python3"), path)
    return path


def do(deed, pid, folder):
    """By a process of a hostile name. Returns its pid."""
    done = subprocess.Popen([hostile_python(folder), "-c", DEED, deed, str(pid), HOSTILE],
                            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                            stderr=subprocess.STDOUT, env=proc.clean_env())
    out = done.communicate(timeout=20 * proc.SLOW)[0]
    assert done.returncode == 0, out
    return done.pid


def kill_lsass(watched, folder):
    """Returns the pid that was killed and the finding."""
    after, pid = watched.watch.last(), watched.pid("lsass")
    do("kill", pid, folder)
    found = watched.watch.wait("stability-killed", after, subject_pid=pid)
    proc.wait_until("another lsass", lambda: watched.answers() and watched.pid("lsass") != pid,
                    log=watched.log)
    return pid, found


def told(watched, folder, check, make=kill_lsass):
    """A finding, and what it is about, for which check holds: of many at once some are counted
    and not told, and others may keep lsawatch busy."""
    kept = []

    def one_more():
        kept[:] = make(watched, folder)
        until = time.monotonic() + proc.SLOW
        while not check(kept[1]) and time.monotonic() < until:
            time.sleep(0.05)
        return check(kept[1])

    proc.wait_until("a finding that is told", one_more, 60, log=watched.log)
    return kept


@pytest.fixture(scope="module")
def folder():
    made = proc.Folder("outputs")
    made.make("textfile", owner=instance.LSAWATCH_UID)
    yield made
    made.remove()


@pytest.fixture(scope="module")
def watched(realm, folder):
    keys = {"metrics": folder("metrics.sock"), "textfile": folder("textfile", "lsawatch.prom")}
    with WatchedInstance(realm, {"watch": keys}) as made:
        made.metrics, made.textfile = keys["metrics"], keys["textfile"]
        yield made


def impostor(watched, folder):
    """A program called lsaiso in a folder of a hostile name, which says so itself, too."""
    after = watched.watch.last()
    home = os.path.join(os.fsencode(folder), HOSTILE)
    os.makedirs(home, exist_ok=True)
    path = os.path.join(home, b"lsaiso")
    shutil.copy("/bin/sleep", path)
    process = subprocess.Popen([b"lsaiso", b"60"], executable=path, env=proc.clean_env())
    try:
        return process.pid, watched.watch.wait("impostor-name", after, subject_pid=process.pid)
    finally:
        process.kill()
        process.wait()


def read_memory(watched, folder):
    after = watched.watch.last()
    pid = watched.pid("lsass")
    return pid, watched.watch.wait("memory-read", after, actor=do("read", pid, folder))


@pytest.fixture(scope="module")
def found(watched, folder):
    """What was done, found, and told: {rule: finding as lsactl watch gets it}."""
    def is_written(one):
        return all(one["uid"] in str(written(watched, kind)) for kind in ("ecs", "ocsf"))

    deeds = [kill_lsass, impostor] + ([read_memory] if shows_reads(watched) else [])
    made = [told(watched, folder.path, is_written, deed)[1] for deed in deeds]
    return {one["rule"]: one for one in made}


def written(watched, kind):
    return schemas.lines(watched.folder("watch", f"findings.{kind}.json"))


# ---- ECS and OCSF


@pytest.fixture(params=["ecs", "ocsf"])
def kind(request):
    pytest.importorskip("jsonschema", reason="scripts/setup.sh test installs python3-jsonschema")
    return request.param


def test_01_each_finding_is_a_valid_line(watched, found, kind):
    schema, records = schemas.facts(kind), written(watched, kind)
    for record in records:
        assert schemas.errors(schema, record) == []
    ids = {one["event"]["id"] if kind == "ecs" else one["finding_info"]["uid"]
           for one in records}
    assert {one["uid"] for one in found.values()} <= ids


def test_02_ecs_says_what_was_found(watched, found):
    one = found["stability-killed"]
    record = next(r for r in written(watched, "ecs") if r["event"]["id"] == one["uid"])
    assert record["event"]["kind"] == "alert"
    assert record["event"]["action"] == record["rule"]["id"] == "stability-killed"
    assert record["event"]["severity"] == 73
    assert record["threat"]["framework"] == "MITRE ATT&CK"
    assert "T1489" in record["threat"]["technique"]["id"]
    assert "T1499.004" in record["threat"]["technique"]["subtechnique"]["id"]
    assert record["host"]["name"] == socket.gethostname()
    assert record["lsawatch"]["target"]["pid"] == one["subject_pid"]
    if "actor" in one:
        assert record["process"]["pid"] == one["actor"]["pid"]
        assert record["process"]["parent"]["pid"] == os.getpid()
        assert record["user"]["id"] == str(os.geteuid())


def test_03_ocsf_says_what_was_found(watched, found):
    one = found["stability-killed"]
    record = next(r for r in written(watched, "ocsf") if r["finding_info"]["uid"] == one["uid"])
    assert (record["activity_id"], record["severity_id"]) == (1, 4)
    assert record["time"] == one["first"]
    assert record["finding_info"]["analytic"]["uid"] == "stability-killed"
    versions = {(attack["version"], attack.get("technique", {}).get("uid"))
                for attack in record["finding_info"]["attacks"]}
    assert {("19.1", "T1489"), ("19.1", "T1685"), ("18.1", "T1562")} <= versions
    assert record["evidences"][0]["process"]["pid"] == one["subject_pid"]
    if "actor" in one:
        assert record["evidences"][0]["actor"]["process"]["pid"] == one["actor"]["pid"]


def test_04_a_hostile_name_is_shown_and_harmless(watched, found):
    one = found["impostor-name"]
    with open(watched.folder("watch", "findings.ecs.json"), "rb") as file:
        line = next(x for x in file.read().split(b"\n") if one["uid"].encode() in x)
    assert b"\x1b" not in line and b"\xc2\x9b" not in line
    line.decode("utf-8", "strict")
    record = json.loads(line)
    assert record["process"]["executable"].endswith("/x\"'\\??[2J?1m?/lsaiso"), record


def test_05_every_rule_and_hostile_name(kind):
    """The same code, with findings of all rules, told in all ways."""
    made = proc.run([os.path.join(instance.build_folder(), "tests", "unit", "unit_watch_out"),
                     kind]).ok().out
    schema, rules = schemas.facts(kind), set()
    for line in made.split("\n")[:-1]:
        record = json.loads(line)
        assert schemas.errors(schema, record) == [], line
        rules.add(record["rule"]["id"] if kind == "ecs"
                  else record["finding_info"]["analytic"]["uid"])
    assert len(rules) > 50


BREAK = {
    "ecs": {
        "no version": lambda r: r.pop("ecs"),
        "no time": lambda r: r.pop("@timestamp"),
        "another version": lambda r: r["ecs"].update(version="8.0.0"),
        "a time that is none": lambda r: r.update({"@timestamp": "yesterday"}),
        "a kind that is none": lambda r: r["event"].update(kind="finding"),
        "a category that is no list": lambda r: r["event"].update(category="process"),
        "a category that is none": lambda r: r["event"].update(category=["memory"]),
        "a type of other categories": lambda r: r["event"].update(type=["installation"]),
        "text for a number": lambda r: r["event"].update(severity="high"),
        "an unknown field": lambda r: r["host"].update(owner="x"),
        "an unknown set": lambda r: r.update(finding={}),
        "a technique that is no list": lambda r: r["threat"]["technique"].update(id="T1489"),
    },
    "ocsf": {
        "no class": lambda r: r.pop("class_uid"),
        "another class": lambda r: r.update(class_uid=2001),
        "a type of another activity": lambda r: r.update(type_uid=200403),
        "an activity that is none": lambda r: r.update(activity_id=4),
        "no uid": lambda r: r["finding_info"].pop("uid"),
        "no time": lambda r: r.pop("time"),
        "a time as text": lambda r: r.update(time="2026-01-01T00:00:00Z"),
        "another version": lambda r: r["metadata"].update(version="1.1.0"),
        "no product": lambda r: r["metadata"].pop("product"),
        "a severity that is none": lambda r: r.update(severity_id=7),
        "a name of another number": lambda r: r.update(severity="Fatal"),
        "evidence of nothing": lambda r: r.update(evidences=[{}]),
        "an attack of nothing": lambda r: r["finding_info"].update(attacks=[{"version": "19.1"}]),
        "an unknown attribute": lambda r: r.update(evidence="x"),
        "an observable that is none": lambda r: r["observables"][0].update(type_id=77),
        "a file without a type": lambda r: r["evidences"][0]["process"]["file"].pop("type_id"),
    },
}


def test_06_what_is_broken_is_not_valid(watched, found, kind):
    """Else the tests before this one would say nothing."""
    schema = schemas.facts(kind)
    record = next(r for r in written(watched, kind)
                  if (r["event"]["code"] if kind == "ecs" else r["metadata"]["event_code"])
                  == "stability-killed")
    assert schemas.errors(schema, record) == []
    for what, spoil in BREAK[kind].items():
        spoilt = copy.deepcopy(record)
        spoil(spoilt)
        assert schemas.errors(schema, spoilt), what


# ---- the files


def test_10_private(watched, found):
    for kind in ("ecs", "ocsf"):
        sb = os.stat(watched.folder("watch", f"findings.{kind}.json"))
        assert stat.S_IMODE(sb.st_mode) == 0o640
        if os.geteuid() == 0:
            assert sb.st_uid == instance.LSAWATCH_UID


def test_11_moved_and_deleted(watched, found, folder):
    """As logrotate does it: the next finding is in a new file of the name."""
    path = watched.folder("watch", "findings.ecs.json")
    os.rename(path, path + ".old")
    before = len(schemas.lines(path + ".old"))
    def is_there(one):
        return os.path.exists(path) and one["uid"] in [r["event"]["id"]
                                                       for r in schemas.lines(path)]

    told(watched, folder.path, is_there)
    assert len(schemas.lines(path + ".old")) == before
    os.unlink(path)
    told(watched, folder.path, is_there)


# ---- journald


@pytest.fixture(scope="module")
def journal(realm, folder):
    """An instance with a journald beside it, and 1 MiB of room for files; they take a quarter
    of that, and are full of what else goes on on the machine."""
    why = journald.why_not()
    if why:
        pytest.skip(why)
    small = folder.make("small")
    with journald.Journald(small, 1 << 20, instance.LSAWATCH_UID) as made:
        keys = {"directory": small, "octets": 65536}
        with WatchedInstance(realm, {"watch": keys}, mounts=made.pid) as watched:
            made.small, made.watched = small, watched
            yield made


def test_20_fields_of_the_journal(journal, folder):
    pid, one = told(journal.watched, folder.path,
                    lambda one: journal.entries(f"LSAWATCH_UID={one['uid']}"))
    entry = journal.entries(f"LSAWATCH_UID={one['uid']}")[0]
    expected = {
        "SYSLOG_IDENTIFIER": "lsawatch", "LSAWATCH_ROW": "stability",
        "LSAWATCH_RULE": "stability-killed", "LSAWATCH_SEVERITY": "high", "PRIORITY": "3",
        "LSAWATCH_TARGET_PID": str(pid), "LSAWATCH_PART": "lsass", "LSAWATCH_COUNT": "1",
        "LSAWATCH_TECHNIQUE": one["technique"], "LSAWATCH_LAYER": one["layer"],
        "LSAWATCH_RESPONSE": "alert", "LSAWATCH_STATE": "new", "_TRANSPORT": "journal",
        "LSAWATCH_EVIDENCE": one["evidence"], "_UID": str(instance.LSAWATCH_UID)}
    assert {name: entry.get(name) for name in expected} == expected
    assert one["evidence"] in entry["MESSAGE"]
    assert len(entry["MESSAGE_ID"]) == 32
    # By its row alone, as administrators look for it; and not a second time, by stderr.
    assert one["uid"] in [e["LSAWATCH_UID"] for e in
                          journal.entries(f"MESSAGE_ID={entry['MESSAGE_ID']}")]
    assert not journal.watched.log_has(f"finding {one['uid']}")
    if "actor" in one:
        assert entry["LSAWATCH_ACTOR_PID"] == str(one["actor"]["pid"])
        assert entry["LSAWATCH_ACTOR_UID"] == "0"
        assert "\n" not in entry["LSAWATCH_ACTOR_EXE"]
        assert "\x1b" not in entry["LSAWATCH_ACTOR_EXE"]


def test_21_a_full_disk(journal, folder):
    """Said once; the journal goes on; when there is room again, whole lines go on, too."""
    inside = journal.path(journal.small)
    fd = os.open(os.path.join(inside, "filler"), os.O_WRONLY | os.O_CREAT)
    with pytest.raises(OSError, match="No space left"):
        while True:
            os.write(fd, b"x" * 512)
    os.close(fd)
    # The files may have room left in their last page; and not every finding is told at once.
    failing = r"findings do not reach findings\.%s\.json: .*No space left on device"
    proc.wait_until("its word about that", lambda: all(
        kill_lsass(journal.watched, folder.path) and journal.watched.log_has(failing % name)
        for name in ("ecs", "ocsf")), 60, log=journal.watched.log)
    before = len(journal.entries("LSAWATCH_RULE=stability-killed"))
    proc.wait_until("the journal goes on", lambda: kill_lsass(journal.watched, folder.path) and len(
        journal.entries("LSAWATCH_RULE=stability-killed")) > before, 60)
    for name in ("ecs", "ocsf"):
        assert len(re.findall(failing % name, journal.watched.read_log())) == 1
    os.unlink(os.path.join(inside, "filler"))
    again = r"findings reach findings\.%s\.json again; [1-9]\d* were missed"
    proc.wait_until("the word that it works again", lambda: all(
        kill_lsass(journal.watched, folder.path) and journal.watched.log_has(again % name)
        for name in ("ecs", "ocsf")), 60, log=journal.watched.log)
    known = {one["uid"] for one in journal.watched.watch.findings()}
    for record in schemas.lines(os.path.join(inside, "findings.ecs.json")):
        assert record["event"]["id"] in known
    for record in schemas.lines(os.path.join(inside, "findings.ocsf.json")):
        assert record["finding_info"]["uid"] in known


def test_22_without_journald_there_is_the_log(journal, folder):
    """And it is said once that the journal is away."""
    def in_log(one):
        return journal.watched.log_has(f"finding {one['uid']}: high stability-killed")

    here, away = (journal.path(f"/run/systemd/journal/{name}") for name in ("socket", "away"))
    os.rename(here, away)
    try:
        told(journal.watched, folder.path, in_log)
        told(journal.watched, folder.path, in_log)
        assert journal.watched.read_log().count("findings do not reach journal") == 1
    finally:
        os.rename(away, here)
    _, one = told(journal.watched, folder.path,
                  lambda one: journal.entries(f"LSAWATCH_UID={one['uid']}"))
    assert not in_log(one)


# ---- the ATT&CK Navigator


def test_25_a_layer_that_the_navigator_reads(watched, found):
    pytest.importorskip("jsonschema", reason="scripts/setup.sh test installs python3-jsonschema")
    schema = schemas.facts("navigator")
    layer = json.loads(instance.lsactl(watched, "watch", "navigator").ok().out)
    assert schemas.errors(schema, layer) == []
    techniques = {one["techniqueID"]: one for one in layer["techniques"]}
    assert len(techniques) == len(layer["techniques"])
    assert techniques["T1489"]["score"] >= 1
    colors = {one["label"]: one["color"] for one in layer["legendItems"]}
    assert techniques["T1489"]["color"] == colors["found"]
    assert {one["color"] for one in layer["techniques"]} <= set(colors.values())
    for spoil in (lambda r: r["versions"].update(layer="4.4"), lambda r: r.pop("name"),
                  lambda r: r["techniques"][0].update(techniqueID="memory"),
                  lambda r: r["techniques"][0].update(score="1")):
        spoilt = copy.deepcopy(layer)
        spoil(spoilt)
        assert schemas.errors(schema, spoilt)


# ---- Prometheus


def scrape(path, request=b"GET /metrics HTTP/1.1\r\nHost: x\r\n\r\n"):
    """The head and the body of the answer."""
    with socket.socket(socket.AF_UNIX) as s:
        s.settimeout(20 * proc.SLOW)
        s.connect(path)
        s.sendall(request)
        got = b""
        while more := s.recv(65536):
            got += more
    head, _, body = got.partition(b"\r\n\r\n")
    return head.decode("ascii"), body.decode("utf-8")


def value(text, line):
    return float(next(one for one in text.splitlines() if one.startswith(line + " ")).split()[-1])


def test_30_promtool_accepts_it(watched, found):
    needs("promtool")
    head, body = scrape(watched.metrics)
    assert head.startswith("HTTP/1.1 200 OK\r\n")
    assert f"Content-Length: {len(body.encode())}" in head
    done = proc.run(["promtool", "check", "metrics"], stdin=body)
    assert (done.code, done.text) == (0, ""), done
    spoilt = body.replace("# HELP lsawatch_blind_rules ", "# HELPS ")
    assert proc.run(["promtool", "check", "metrics"], stdin=spoilt).code != 0


def test_31_numbers(watched, found, folder):
    def killed():
        time.sleep(1.1)  # the text is kept for a second
        return value(scrape(watched.metrics)[1],
                     'lsawatch_findings_total{rule="stability-killed",row="stability",'
                     'severity="high"}')

    before = killed()
    kill_lsass(watched, folder.path)
    assert killed() == before + 1
    _, body = scrape(watched.metrics)
    assert value(body, 'lsawatch_row_state{row="stability",verdict="abnormal"}') == 1
    assert value(body, 'lsawatch_row_state{row="stability",verdict="normal"}') == 0
    assert value(body, 'lsawatch_process_up{process="lsass"}') == 1
    assert value(body, 'lsawatch_process_restarts_total{process="lsass"}') >= 2
    assert 0 < value(body, "process_resident_memory_bytes") < 1 << 30
    assert value(body, "process_cpu_seconds_total") > 0
    sensors = watched.watch.status()["sensors"]
    for one in sensors:
        assert value(body, f'lsawatch_sensor_up{{sensor="{one["name"]}",layer="{one["layer"]}"}}'
                     ) == (1 if one["shows"] else 0)
    assert value(body, "lsawatch_blind_rules") == len(watched.watch.status()["blind"])


@pytest.mark.parametrize("request_line, answer", [
    (b"HEAD /metrics HTTP/1.1", "200"), (b"GET / HTTP/1.1", "404"),
    (b"POST /metrics HTTP/1.1", "405"), (b"GET /metrics HTTP/3", "400"),
    (b"\x16\x03\x01\x02", "400"), (b"GET /metrics HTTP/1.1\r\nX: " + b"y" * 5000, "431")],
    ids=["head", "elsewhere", "post", "version", "no-http", "long"])
def test_32_other_requests(watched, request_line, answer):
    head, body = scrape(watched.metrics, request_line + b"\r\n\r\n")
    assert head.split()[1] == answer
    assert body == ""


def test_33_hostile_clients(watched):
    """Who says nothing, little by little, or does not read, is in nobody's way."""
    idle = []
    try:
        for i in range(45):
            s = socket.socket(socket.AF_UNIX)
            s.settimeout(20 * proc.SLOW)
            s.connect(watched.metrics)
            idle.append(s)
            s.sendall([b"", b"GET /met", b"GET /metrics HTTP/1.1\r\n\r\n"][i % 3])
        assert scrape(watched.metrics)[0].startswith("HTTP/1.1 200")
        # Those that did not ask are hung up on.
        for s in idle[::3]:
            assert s.recv(1) == b""
    finally:
        for s in idle:
            s.close()
    assert scrape(watched.metrics)[0].startswith("HTTP/1.1 200")
    assert watched.watch.status()["rows"]


def test_34_the_file_for_node_exporter(watched):
    needs("promtool")
    path = watched.textfile
    proc.wait_until("the file", lambda: os.path.exists(path), log=watched.log)
    assert stat.S_IMODE(os.stat(path).st_mode) == 0o644
    with open(path, encoding="utf-8") as file:
        assert proc.run(["promtool", "check", "metrics"], stdin=file.read()).code == 0
    assert os.listdir(os.path.dirname(path)) == [os.path.basename(path)]


def test_35_a_folder_that_is_not_its_own(realm, folder):
    if os.geteuid() != 0:
        pytest.skip("an ordinary user's lsawatch may write where he may")
    path = folder(folder.make("roots"), "lsawatch.prom")
    with WatchedInstance(realm, {"watch": {"textfile": path}}) as made:
        proc.wait_until("its word about that", lambda: made.log_has(
            rf"\[watch\] textfile\): Permission denied; lsawatch writes it as uid "
            rf"{instance.LSAWATCH_UID}"), log=made.log)
        assert made.watch.status()["rows"]
    assert not os.path.exists(path)
