# SPDX-License-Identifier: GPL-3.0-or-later
"""Does lsactl show what lsawatch says: live, in a pipe, as JSON, and to nobody else?"""

import json
import os
import re
import signal
import subprocess
import termios
import time

import pytest

from lib import instance, proc
from lib.instance import lsactl
from lib.terminal import Terminal

ROWS = ["Image path", "Parent process", "Instances", "User account", "Resource usage",
        "Network activity", "Stability", "File integrity", "Memory access",
        "Handles and threads"]


def whole(text):
    """A frame with all rows, to its last line."""
    return all_rows(text) and "q quits" in text


def live(inst, columns=80, rows=24, **env):
    return Terminal([instance.program("lsactl"), "watch", "--config", inst.file],
                    proc.clean_env(TERM="xterm", **env), columns, rows)


def all_rows(text):
    lines = text.splitlines()
    return all(any(line.startswith(row) for line in lines) for row in ROWS)


def test_01_a_table_once_in_a_pipe(watched):
    said = lsactl(watched, "watch")
    abnormal = [one for one in watched.watch.status()["rows"] if one["verdict"] == "abnormal"]
    assert said.code == (1 if abnormal else 0)
    assert all_rows(said.out) and "Sensors:" in said.out
    assert "\x1b" not in said.text


def test_02_json_is_what_lsawatch_says(watched):
    said = json.loads(lsactl(watched, "watch", "--json").out)
    assert [one["title"] for one in said["rows"]] == ROWS
    assert said["instance"] == os.path.dirname(watched.watch.path)
    pids = {one["name"]: one["pid"] for one in said["parts"]}
    assert pids["lsainit"] == watched.pid("lsainit") and pids["lsass"] == watched.pid("lsass")
    assert said["since"] == watched.watch.call("Findings")["since"]


def test_03_without_lsawatch_it_says_so(watched):
    gone = proc.run([instance.program("lsactl"), "watch", "--socket", "/nonexistent/socket"])
    assert gone.code == 3 and "lsawatch is not running" in gone.err
    for verb in ("findings", "sensors"):
        gone = proc.run([instance.program("lsactl"), "watch", verb, "--socket", "/nonexistent/x"])
        assert gone.code == 3 and not gone.out


def test_04_rules_need_no_lsawatch():
    said = json.loads(proc.run([instance.program("lsactl"), "watch", "rules", "--json"]).ok().out)
    assert {one["row"] for one in said} >= {"stability", "memory_access", "watch"}
    assert all(one["sees"] and one["title"] for one in said)
    plain = proc.run([instance.program("lsactl"), "watch", "rules"]).ok().out
    assert all(one["rule"] in plain for one in said)


def test_05_sensors(watched):
    said = json.loads(lsactl(watched, "watch", "sensors", "--json").ok().out)
    assert any(one["shows"] for one in said["sensors"])
    assert all(one["shows"] or one["why"] for one in said["sensors"])
    plain = lsactl(watched, "watch", "sensors").ok().out
    assert all(rule in plain for rule in said["blind"])


@pytest.mark.skipif(os.geteuid() != 0, reason="SKIP: needs root, to be somebody else")
def test_06_others_see_nothing(watched):
    argv = [instance.program("lsactl"), "watch", "--config", watched.file]
    said = proc.run(["setpriv", "--reuid=64999", "--regid=64999", "--clear-groups", *argv])
    assert said.code == 3 and not said.out


@pytest.mark.parametrize("arguments", [["watch", "frobnicate"], ["watch", "--follow"],
                                       ["watch", "findings", "--forget"],
                                       ["status", "--follow"]])
def test_07_wrong_usage(arguments):
    said = proc.run([instance.program("lsactl"), *arguments])
    assert said.code == 2 and "lsactl:" in said.err


def test_08_status_names_it(watched):
    processes = {one["name"]: one for one in
                 json.loads(lsactl(watched, "status", "--json").ok().out)["processes"]}
    assert processes["lsawatch"]["pid"] == watched.pid("lsawatch")


def test_09_doctor_knows_it(watched):
    checks = {one["name"]: one for one in json.loads(lsactl(watched, "doctor", "--json").out)}
    assert "runs" in checks["lsawatch"]["found"]
    assert checks["watch layer"]["health"] in ("ok", "weak")


def test_10_what_is_usual_and_forgetting_it(watched):
    proc.wait_until("a look of each kind", lambda: "cpu" in {
        one["measure"] for one in watched.watch.call("Baseline")["bands"]})
    said = json.loads(lsactl(watched, "watch", "baseline", "--json").ok().out)
    keeper = instance.KEEPERS[watched.level]
    assert {one["name"] for one in said["bands"]} >= {keeper, "lsass"}
    assert {one["measure"] for one in said["bands"]} == {"cpu", "resident", "fds", "threads"}
    plain = lsactl(watched, "watch", "baseline").ok().out
    assert "processor" in plain and "MiB" in plain and "Learning began" in plain
    time.sleep(1.1)  # "since" has whole seconds
    anew = json.loads(lsactl(watched, "watch", "baseline", "--forget", "--json").ok().out)
    assert anew["learning"] and anew["since"] > said["since"]


def test_11_a_layer_for_the_navigator(watched):
    layer = json.loads(lsactl(watched, "watch", "navigator").ok().out)
    assert layer["domain"] == "enterprise-attack"
    assert {one["techniqueID"] for one in layer["techniques"]} >= {"T1489", "T1003.007"}


@pytest.fixture
def killed(watched):
    """lsass was killed a moment ago; the number of the finding."""
    proc.wait_until("lsass", watched.answers, log=watched.log)
    after, pid = watched.watch.last(), watched.pid("lsass")
    os.kill(pid, signal.SIGKILL)
    found = watched.watch.wait("stability-killed", after, subject_pid=pid)
    proc.wait_until("lsass", watched.answers, log=watched.log)
    return found


def test_12_something_abnormal(watched, killed):
    said = lsactl(watched, "watch")
    assert said.code == 1
    row = next(line for line in said.out.splitlines() if line.startswith("Stability"))
    assert "ABNORMAL" in row and killed["evidence"] in row
    listed = lsactl(watched, "watch", "findings").ok().out
    assert f"#{killed['number']}" in listed and killed["evidence"] in listed
    assert killed in json.loads(lsactl(watched, "watch", "findings", "--json").ok().out)


def test_13_followed_as_it_happens(watched, request):
    argv = [instance.program("lsactl"), "watch", "findings", "--follow", "--json", "--config",
            watched.file]
    before = watched.watch.last()
    with subprocess.Popen(argv, stdout=subprocess.PIPE, text=True) as follower:
        try:
            killed = request.getfixturevalue("killed")
            for line in follower.stdout:
                one = json.loads(line)
                if one["number"] > before and one["rule"] == "stability-killed":
                    break
            assert one["uid"] == killed["uid"]
        finally:
            follower.terminate()


def test_14_it_cannot_be_started(realm):
    """mode = auto without its user: all else runs, and status and doctor say what is missing."""
    if os.geteuid() != 0:
        pytest.skip("SKIP: needs root, to have users of their own")
    settings = {"run": {"lsawatch_user": "no-such-user"}, "watch": {"mode": "auto"}}
    with instance.Instance(realm, settings) as inst:
        assert lsactl(inst, "watch").code == 3
        processes = {one["name"]: one for one in
                     json.loads(lsactl(inst, "status", "--json").ok().out)["processes"]}
        assert processes["lsawatch"]["state"] == "not running"
        checks = {one["name"]: one for one in json.loads(lsactl(inst, "doctor", "--json").out)}
        assert checks["lsawatch"]["health"] == "weak"
        assert "no-such-user" in checks["lsawatch"]["advice"]


def test_15_switched_off(realm):
    with instance.Instance(realm, {"watch": {"mode": "off"}}) as inst:
        processes = json.loads(lsactl(inst, "status", "--json").ok().out)["processes"]
        assert "lsawatch" not in [one["name"] for one in processes]
        checks = {one["name"]: one for one in json.loads(lsactl(inst, "doctor", "--json").out)}
        assert "off" in checks["lsawatch"]["found"] and checks["lsawatch"]["advice"]


# ---- on a terminal

def test_20_ten_rows_in_colour(watched):
    with live(watched) as term:
        term.wait("ten rows", whole)
        assert term.screen.alternate and not term.screen.cursor
        assert term.screen.colours >= {"32", "0"}
        now = termios.tcgetattr(term.fd)
        assert not now[3] & termios.ECHO and not now[3] & termios.ICANON
        assert now[3] & termios.ISIG
        term.type("q")
        status = term.end()
        assert os.WIFEXITED(status) and os.WEXITSTATUS(status) in (0, 1)
        assert not term.screen.alternate and term.screen.cursor
        assert termios.tcgetattr(term.fd) == term.before


def test_21_without_colour(watched):
    with live(watched, NO_COLOR="1") as term:
        term.wait("ten rows", whole)
        assert not term.screen.colours
        term.type("q")
        term.end()


@pytest.mark.parametrize("how", ["key", "kill", "hangup"])
def test_22_a_signal_restores_the_terminal(watched, how):
    number = {"key": signal.SIGINT, "kill": signal.SIGTERM, "hangup": signal.SIGHUP}[how]
    with live(watched) as term:
        term.wait("ten rows", whole)
        if how == "key":
            term.type("\x03")
        else:
            os.kill(term.pid, number)
        status = term.end()
        assert os.WIFSIGNALED(status) and os.WTERMSIG(status) == number
        assert not term.screen.alternate and term.screen.cursor
        assert termios.tcgetattr(term.fd) == term.before


def test_23_it_follows_the_window(watched):
    with live(watched) as term:
        term.wait("ten rows", whole)
        for columns, rows in ((160, 50), (40, 12), (20, 2), (80, 24)):
            term.resize(columns, rows)
            term.wait(f"{columns}x{rows}",
                      lambda text: text.startswith("lsawatch")
                      and ("q quits" in text or rows < 5))
        term.wait("ten rows", whole)
        term.type("q")
        term.end()


def test_24_it_stops_and_goes_on(watched):
    with live(watched) as term:
        term.wait("ten rows", whole)
        os.kill(term.pid, signal.SIGTSTP)
        proc.wait_until("a stop", lambda: stopped(term))
        term.read(0.2)
        assert not term.screen.alternate and term.screen.cursor
        assert termios.tcgetattr(term.fd) == term.before
        os.kill(term.pid, signal.SIGCONT)
        term.wait("ten rows", lambda text: term.screen.alternate and whole(text))
        term.type("q")
        term.end()


def test_25_an_attack_turns_its_row_red(watched, request):
    with live(watched, columns=120, rows=40) as term:
        term.wait("ten rows", whole)
        killed = request.getfixturevalue("killed")
        term.wait("the finding", lambda text: "ABNORMAL: " in text and any(
            re.match(r"Stability +ABNORMAL +\d+  .*lsass", line) for line in text.splitlines())
            and f"lsass (pid {killed['subject_pid']})" in text.partition("Latest findings")[2])
        assert "1;31" in term.screen.colours
        term.type("q")
        assert os.WEXITSTATUS(term.end()) == 1


def test_26_lsawatch_goes_and_comes_again(watched):
    with live(watched) as term:
        term.wait("ten rows", whole)
        os.kill(watched.pid("lsawatch"), signal.SIGKILL)
        proc.wait_until("lsawatch", lambda: proc.socket_answers(watched.watch.path)
                        and watched.pid("lsawatch"), log=watched.log)
        term.wait("ten rows", lambda text: whole(text) and "not" not in
                  text.splitlines()[1])
        term.type("q")
        term.end()


def stopped(term):
    term.read(0)
    with open(f"/proc/{term.pid}/stat", encoding="ascii") as file:
        return file.read().rpartition(")")[2].split()[0] == "T"
