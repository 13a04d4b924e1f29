# SPDX-License-Identifier: GPL-3.0-or-later
"""Does the guard refuse what it says, to root, and nothing else?

Each attack first succeeds in this guest, on a plain process or before the
guard is up. What reads the keys by way of each attack is tests/theft's
question; here it is what the hooks answer.
"""

import json
import os
import time

import pytest

from lib import vm
from lib.instance import build_folder

HERE = os.path.dirname(os.path.abspath(__file__))
ATTACKS = os.path.join(HERE, "guard_attacks.py")
ISO, LSASS = 64312, 64313
TOP = "/run/guardtest"
CONF, LOG = f"{TOP}/lsaiso.conf", f"{TOP}/log"


def program(name):
    return os.path.join(build_folder(), name, name)


def attack(guest, *args, timeout=300):
    return json.loads(guest.run(["/usr/bin/python3", ATTACKS, *args], timeout).ok().text)


def configure(guest, **isolation):
    keys = "".join(f"{key} = {value}\n" for key, value in isolation.items())
    guest.run(f"rm -rf {TOP}; mkdir -p {TOP}/host; chmod 755 {TOP}").ok()
    guest.put(CONF, f"""[run]
directory = {TOP}/run
programs = {build_folder()}
lsaiso_user = {ISO}
lsass_user = {LSASS}
[isolation]
{keys}[host]
directory = {TOP}/host
[kcm]
socket = {TOP}/kcm
[state]
directory = {TOP}/state
""".encode())


def start(guest, wait=60):
    """In the background. Its log when it ended, or None when it serves."""
    guest.run(f"{program('lsainit')} --config {CONF} </dev/null >{LOG} 2>&1 & "
              f"echo $! >{TOP}/pid").ok()
    return guest.run(f"""
        for i in $(seq {wait * 5}); do
            grep -q 'lsass serves' {LOG} && exit 0
            [ -d /proc/$(cat {TOP}/pid) ] || {{ cat {LOG}; exit 1; }}
            sleep 0.2
        done; cat {LOG}; exit 2""", timeout=wait + 60)


def ctl(guest, *words):
    return guest.run([program("lsactl"), "--config", CONF, *words])


def status(guest):
    return json.loads(ctl(guest, "--json", "status").ok().text)


def gone(guest):
    return guest.run(f"for i in $(seq 100); do [ -d /proc/$(cat {TOP}/pid) ] || exit 0; "
                     "sleep 0.1; done; exit 1").code == 0


def stop(guest):
    ctl(guest, "stop")
    assert gone(guest), guest.read(LOG).decode()


def pids(guest):
    return {one["name"]: str(one["pid"]) for one in status(guest)["processes"] if "pid" in one}


@pytest.fixture(scope="module")
def before(guest):
    """What each attack does without a guard."""
    victim = guest.run("sleep 1000 </dev/null >/dev/null 2>&1 & echo $!").ok().text.strip()
    other = guest.run("sleep 1000 </dev/null >/dev/null 2>&1 & echo $!").ok().text.strip()
    guest.run(f"cp /bin/true {TOP}.file")
    return {"on": attack(guest, "on", victim)[victim], "machine": attack(guest, "machine"),
            "sigio": attack(guest, "sigio", other)[other], "victim": victim,
            "files": attack(guest, "files", f"{TOP}.file")[f"{TOP}.file"]}


@pytest.fixture(scope="module")
def up(guest, before):
    configure(guest, guard="required")
    answer = start(guest)
    assert answer.code == 0, answer.text
    return guest  # test_20 stops it


def test_01_each_attack_works_without_the_guard(before):
    for kind in ("on", "machine", "files"):
        assert {n: o for n, o in before[kind].items() if o != "done"} == {}, kind
    assert before["sigio"] == "done"


def test_02_it_is_up_and_says_so(up):
    guard = status(up)["guard"]
    assert (guard["state"], guard["armed_before"], guard["locked"]) == ("up", 0, False)
    assert guard["hooks"] >= 25
    assert "no guard" not in [one["setting"] for one in status(up)["level"]["weaker"]]


def test_03_nothing_is_done_to_its_processes(up, before):
    three = pids(up)
    before_count = status(up)["guard"]["refused"]
    done = attack(up, "on", *three.values())
    for name, pid in three.items():
        let = {n: o for n, o in done[pid].items() if o not in ("EPERM", "EACCES")}
        assert let == {}, name
    assert pids(up) == three
    time.sleep(1)
    assert status(up)["guard"]["refused"] > before_count + 3 * 10
    assert "refused: tracing it or reading its memory (lsainit), by pid" in up.read(LOG).decode()


def test_04_no_signal_by_way_of_a_file(up):
    three = pids(up)
    assert set(attack(up, "sigio", *three.values()).values()) == {"EPERM"}
    assert pids(up) == three


def test_05_nothing_that_reaches_all_processes(up):
    done = attack(up, "machine")
    wrong = {n: o for n, o in done.items()
             if (o == "done") != n.startswith("still: ")}
    assert wrong == {}


def test_06_its_files_stay(up):
    build = build_folder()
    paths = [program(n) for n in ("lsainit", "lsaiso", "lsass")]
    paths += [os.path.join(build, n)
              for n in ("manifest", "manifest.sig", os.path.join("lsasign", "build.pub"))]
    done = attack(up, "files", *paths)
    for path in paths:
        let = {n: o for n, o in done[path].items() if o not in ("EPERM", "ETXTBSY")}
        assert let == {}, path
        assert done[path]["rename"] == done[path]["unlink"] == "EPERM"


def test_07_nobody_gets_at_its_own_objects(up):
    made = attack(up, "objects")
    assert made["links"].count("EPERM") == status(up)["guard"]["hooks"]
    assert made["programs"].count("EPERM") == status(up)["guard"]["hooks"]
    assert made["maps"].count("EPERM") >= 6


def test_08_only_lsainit_starts_them(up):
    for name in ("lsaiso", "lsass"):
        answer = up.run([program(name)])
        assert answer.code in (126, 127), answer.text
    assert up.run([program("lsainit"), "--version"]).code == 0


def test_12_no_interpreter_in_the_place_of_lsaiso(up):
    """binfmt_misc by the entry point of lsaiso: then it is not started at all."""
    up.run("modprobe binfmt_misc; mount -t binfmt_misc none /proc/sys/fs/binfmt_misc")
    if up.run("[ -e /proc/sys/fs/binfmt_misc/register ]").code != 0:
        pytest.skip("this kernel has no binfmt_misc")
    with open(program("lsaiso"), "rb") as file:
        entry = file.read(32)[24:]
    magic = "".join(f"\\x{octet:02x}" for octet in entry)
    up.put("/tmp/entry", f":guardtest:M:24:{magic}::/bin/busybox:".encode())
    up.run("cat /tmp/entry >/proc/sys/fs/binfmt_misc/register").ok()
    ctl(up, "wipe")
    assert "lsaiso was not started: could not be executed" in up.read(LOG).decode()
    up.run("echo -1 >/proc/sys/fs/binfmt_misc/guardtest").ok()
    assert another(up, "lsaiso", "")


def another(guest, name, old):
    for _ in range(50):
        now = status_if(guest)
        if now and now[name] not in ("", old):
            return now[name]
        time.sleep(0.3)
    return None


def status_if(guest):
    answer = ctl(guest, "--json", "status")
    if answer.code not in (0, 1) or not answer.text.startswith("{"):
        return None
    text = answer.text[:answer.text.rindex("}") + 1]
    return {one["name"]: str(one.get("pid", "")) for one in json.loads(text)["processes"]}


def test_09_the_rest_of_the_system_works(up, before):
    victim = before["victim"]
    up.run("ps aux | grep -q lsaiso").ok()
    for pid in pids(up).values():
        assert b"Name:" in up.read(f"/proc/{pid}/status")
        up.run(["cat", f"/proc/{pid}/cmdline", f"/proc/{pid}/cgroup", f"/proc/{pid}/stat"]).ok()
    done = attack(up, "on", victim)[victim]
    assert {n: o for n, o in done.items() if o != "done"} == {}
    assert set(attack(up, "files", f"{TOP}.file")[f"{TOP}.file"].values()) == {"done"}
    up.run(f"kill {victim}").ok()


def test_10_lsass_and_lsaiso_start_again(up):
    """cgroup.kill is not refused: it ends the service, and shows nothing."""
    old = pids(up)
    up.run(f"mkdir -p /sys/fs/cgroup/g && echo {old['lsass']} >/sys/fs/cgroup/g/cgroup.procs && "
           "echo 1 >/sys/fs/cgroup/g/cgroup.kill").ok()
    lsass = another(up, "lsass", old["lsass"])
    assert lsass and attack(up, "on", lsass)[lsass]["attach"] == "EPERM"
    ctl(up, "wipe").ok()
    lsaiso = another(up, "lsaiso", old["lsaiso"])
    assert lsaiso and attack(up, "on", lsaiso)[lsaiso]["attach"] == "EPERM"


def test_11_a_second_instance_says_why_not(up):
    answer = up.run([program("lsainit"), "--config", CONF], timeout=60)
    assert answer.code == 1
    assert "not started: [isolation] guard = required" in answer.text


def test_12_nor_can_one_without_a_guard_start_its_programs(up):
    """Two instances on one machine: who is in the way, and what to do."""
    pid = up.read(f"{TOP}/pid").decode().strip()
    other = f"{TOP}.other"
    for guard in ("off", "auto"):
        up.run(f"rm -rf {other}; mkdir -m 755 {other} {other}/host && "
               f"sed -e 's:{TOP}:{other}:; s:^guard = .*:guard = {guard}:' {CONF} >{other}.conf").ok()
        answer = up.run([program("lsainit"), "--config", f"{other}.conf"], timeout=60)
        assert answer.code == 1
        assert f"guard of another instance (lsainit, pid {pid})" in answer.text
        assert "lsactl stop" in answer.text
        assert (f"another instance (lsainit, pid {pid}) is up" in answer.text) == (guard == "auto")


def test_20_stopped_it_refuses_nothing(up):
    stop(up)
    done = attack(up, "machine")
    assert {n: o for n, o in done.items() if o != "done"} == {}


def test_21_armed_before(guest):
    guest.run(f"/usr/bin/python3 {ATTACKS} hold </dev/null >/tmp/held 2>&1 & echo $! >/tmp/holder; "
              "for i in $(seq 100); do grep -q held /tmp/held && exit 0; sleep 0.1; done; "
              "exit 1").ok()
    configure(guest, guard="required")
    answer = start(guest)
    assert answer.code == 1
    assert "(raw tracepoint), loaded by uid 0" in answer.text
    assert "armed = report" in answer.text
    configure(guest, guard="required", armed="report")
    answer = start(guest)
    assert answer.code == 0, answer.text
    guard = status(guest)["guard"]
    assert guard["state"] == "up" and guard["armed_before"] == 1
    assert "raw tracepoint" in guard["armed_first"]
    stop(guest)
    guest.run("kill $(cat /tmp/holder)").ok()


def test_23_switched_off_before(guest):
    """No program at a function of the kernel is called then, and the guard is one."""
    guest.run("echo 0 >/proc/sys/kernel/ftrace_enabled").ok()
    try:
        configure(guest, guard="required")
        answer = start(guest)
    finally:
        guest.run("echo 1 >/proc/sys/kernel/ftrace_enabled").ok()
    assert answer.code == 1
    assert "kernel.ftrace_enabled is 0" in answer.text
    assert "`sysctl kernel.ftrace_enabled=1`" in answer.text


@pytest.mark.parametrize("guard", ["auto", "required"])
def test_24_switched_off_by_who_had_it_open(guest, guard):
    """He is named at the start. When he does it, that is told, and where the guard is
    required all ends, lsaiso first."""
    guest.run(f"rm -f /tmp/now; /usr/bin/python3 {ATTACKS} switch </dev/null >/tmp/held 2>&1 & "
              "for i in $(seq 100); do grep -q held /tmp/held && exit 0; sleep 0.1; done; "
              "exit 1").ok()
    configure(guest, guard=guard, armed="report")
    answer = start(guest)
    assert answer.code == 0, answer.text
    try:
        assert "kernel.ftrace_enabled, open to be written to in pid" in \
            status(guest)["guard"]["armed_first"]
        guest.run("touch /tmp/now").ok()
        said = "the kernel does not call it any more: somebody has set kernel.ftrace_enabled to 0"
        guest.run(f"for i in $(seq 200); do grep -q '{said}' {LOG} && exit 0; sleep 0.1; done; "
                  f"cat {LOG}; exit 1").ok()
        if guard == "required":
            assert gone(guest), guest.read(LOG).decode()
            assert "stopping: [isolation] guard = required" in guest.read(LOG).decode()
        else:
            assert status(guest)["guard"]["state"] == "missing"
    finally:
        guest.run("echo 1 >/proc/sys/kernel/ftrace_enabled").ok()
    if guard == "auto":
        guest.run(f"for i in $(seq 200); do grep -q 'the guard is called again' {LOG} && exit 0; "
                  f"sleep 0.1; done; cat {LOG}; exit 1").ok()
        assert status(guest)["guard"]["state"] == "up"
        stop(guest)


def test_22_locked_until_a_token():
    with vm.Guest() as guest:
        configure(guest, guard="required", guard_lock="yes")
        answer = start(guest)
        assert answer.code == 0, answer.text
        assert status(guest)["guard"]["locked"] is True
        refused = ctl(guest, "stop")
        assert refused.code != 0 and "only a reboot ends it, or a token" in refused.text
        # By a key that may not sign; then for another boot; then as it should be.
        sign, own = program("lsasign"), os.path.join(build_folder(), "lsasign", "build.key")
        guest.run(f"{sign} keygen /tmp/other").ok()
        for key, boot in (("/tmp/other.key", ""),
                          (own, "--boot-id 00000000-0000-0000-0000-000000000000")):
            guest.run(f"{sign} token --key {key} {boot} >/tmp/token").ok()
            assert ctl(guest, "stop", "/tmp/token").code != 0
        assert guest.read(LOG).decode().count("not stopping, guard_lock = yes") == 2
        assert guest.run(f"[ -d /proc/$(cat {TOP}/pid) ]").code == 0
        guest.run(f"{sign} token --key {own} >/tmp/token").ok()
        ctl(guest, "stop", "/tmp/token").ok()
        assert gone(guest)


def into_the_kernel(guest):
    """Two ways that change nothing: a port of the processor, unloading no kernel."""
    return guest.python("""
import ctypes, os
libc = ctypes.CDLL(None, use_errno=True)
for name, got in ("ports", libc.ioperm(0x80, 1, 1)), ("kexec", libc.syscall(246, 0, 0, 0, 0)):
    print(name, "done" if got == 0 else os.strerror(ctypes.get_errno()))
""").ok().text.split("\n")[:2]


def test_25_lockdown_closes_the_ways_into_the_kernel(guest):
    assert into_the_kernel(guest) == ["ports done", "kexec done"]
    configure(guest, guard="required", lockdown="yes")
    assert start(guest).code == 0
    assert status(guest)["guard"]["lockdown_refused"] is True
    assert into_the_kernel(guest) == ["ports Operation not permitted",
                                      "kexec Operation not permitted"]
    stop(guest)
    assert into_the_kernel(guest) == ["ports done", "kexec done"]


def test_30_required_without_bpf_among_the_security_modules():
    with vm.Guest(lsm=False) as other:
        configure(other, guard="required")
        answer = start(other)
        assert answer.code == 1
        assert ",bpf" in answer.text and "boot with lsm=" in answer.text
        configure(other, guard="auto")
        answer = start(other)
        assert answer.code == 0, answer.text
        guard = status(other)["guard"]
        assert guard["state"] == "missing" and "boot with lsm=" in guard["why"]
        stop(other)
