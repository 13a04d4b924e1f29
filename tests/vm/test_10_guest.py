# SPDX-License-Identifier: GPL-3.0-or-later
"""Is the guest what the other tests here take it for?"""

import os

import pytest

from lib import proc, vm


def test_01_bpf_is_among_its_security_modules(guest):
    assert "bpf" in guest.read("/sys/kernel/security/lsm").decode().split(",")
    guest.run("test -s /sys/kernel/btf/vmlinux").ok()


def test_02_memfd_secret_works(guest):
    guest.python("import ctypes; fd = ctypes.CDLL(None).syscall(447, 0); assert fd > 0, fd").ok()


def test_03_codes_and_octets_come_back_as_they_were(guest):
    assert guest.run("exit 7").code == 7
    assert guest.run(["/no/such/program"]).code == 127
    octets = bytes(range(256)) * 4096
    assert guest.run(["cat"], given=octets).ok().out == octets
    assert guest.run("kill -9 $$").code == -9


def test_04_a_command_that_hangs_is_ended_and_the_next_one_runs(guest):
    with pytest.raises(proc.Failed, match="not done within"):
        guest.run("echo before; sleep 1000", timeout=2)
    assert guest.run("echo after").out == b"after\n"


def test_05_nothing_that_is_written_comes_back(guest):
    path = os.path.join(vm.AGENT, "written-by-a-guest")
    guest.run(f"echo x > {path} && cat {path}").ok()
    assert not os.path.exists(path)


def test_06_a_panic_is_told_with_the_end_of_the_console():
    with vm.Guest(memory=512) as dying:
        with pytest.raises(proc.Failed, match="(?s)guest ended during.*Kernel panic"):
            dying.run("echo c > /proc/sysrq-trigger; sleep 20", timeout=30)


def test_07_its_memory_can_be_searched_from_outside(guest):
    """The control of every search: what is there is found, what is not is not."""
    word = os.urandom(16)
    assert guest.find(word, word[:8]) == set()
    pid = guest.run(["/usr/bin/python3", "-c", KEEPER], given=word).ok().text
    assert guest.find(word, word[:8], os.urandom(8)) == {word, word[:8]}
    guest.run(f"kill {pid}").ok()


KEEPER = """
import os, sys, time
word = sys.stdin.buffer.read()
pid = os.fork()
if pid:
    print(pid)
else:
    os.closerange(0, 3)
    time.sleep(60)
"""
