# SPDX-License-Identifier: GPL-3.0-or-later
"""Does lsactl show what lsawatch says: live, in a pipe, as JSON, and to nobody else?"""

import json
import os
import signal
import termios

import pytest

from lib import instance, proc
from lib.instance import lsactl
from lib.terminal import Terminal

ROWS = ["Image path", "Parent process", "Instances", "User account", "Resource usage",
        "Network activity", "Stability", "File integrity", "Memory access",
        "Handles and threads"]


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


# ---- on a terminal

def test_20_ten_rows_in_colour(watched):
    with live(watched) as term:
        term.wait("ten rows", all_rows)
        assert term.screen.alternate and not term.screen.cursor
        assert "q quits" in term.screen.text()
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
        term.wait("ten rows", all_rows)
        assert not term.screen.colours
        term.type("q")
        term.end()


@pytest.mark.parametrize("how", ["key", "kill", "hangup"])
def test_22_a_signal_restores_the_terminal(watched, how):
    number = {"key": signal.SIGINT, "kill": signal.SIGTERM, "hangup": signal.SIGHUP}[how]
    with live(watched) as term:
        term.wait("ten rows", all_rows)
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
        term.wait("ten rows", all_rows)
        for columns, rows in ((160, 50), (40, 12), (20, 2), (80, 24)):
            term.resize(columns, rows)
            term.wait(f"{columns}x{rows}",
                      lambda text: text.startswith("lsawatch")
                      and ("q quits" in text or rows < 5))
        term.wait("ten rows", all_rows)
        term.type("q")
        term.end()


def test_24_it_stops_and_goes_on(watched):
    with live(watched) as term:
        term.wait("ten rows", all_rows)
        os.kill(term.pid, signal.SIGTSTP)
        proc.wait_until("a stop", lambda: stopped(term))
        term.read(0.2)
        assert not term.screen.alternate and term.screen.cursor
        assert termios.tcgetattr(term.fd) == term.before
        os.kill(term.pid, signal.SIGCONT)
        term.wait("ten rows", lambda text: term.screen.alternate and all_rows(text))
        term.type("q")
        term.end()


def stopped(term):
    term.read(0)
    with open(f"/proc/{term.pid}/stat", encoding="ascii") as file:
        return file.read().rpartition(")")[2].split()[0] == "T"
