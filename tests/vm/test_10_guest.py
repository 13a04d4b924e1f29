# SPDX-License-Identifier: GPL-3.0-or-later
"""Is the guest what the tests in it take for granted?"""

import os
import time

import pytest

from lib import proc, vm

BIG = 3_000_000
SECRETMEM = """
import ctypes, mmap, os
fd = ctypes.CDLL(None, use_errno=True).syscall(447, 0)
os.ftruncate(fd, 4096)
with mmap.mmap(fd, 4096) as m:
    m[:6] = b"secret"
    print(m[:6].decode())
"""


def test_the_kernel_has_what_the_guard_needs(guest):
    lsms = guest.read("/sys/kernel/security/lsm").decode().strip().split(",")
    assert "bpf" in lsms and "lockdown" in lsms
    assert guest.read("/sys/kernel/btf/vmlinux")[:2] == b"\x9f\xeb"
    for folder in ("/sys/fs/bpf", "/sys/kernel/tracing", "/sys/fs/cgroup", "/dev/pts"):
        guest.run(["mountpoint", folder]).ok()


def test_memfd_secret_works(guest):
    assert guest.python(SECRETMEM).ok().text == "secret\n"


def test_exit_codes(guest):
    assert guest.run(["true"]).code == 0
    assert guest.run("exit 7").code == 7
    assert guest.run("kill -9 $$").code == -9
    assert guest.run(["/nonexistent"]).code == 127


def test_octets_come_through_unchanged(guest):
    every = bytes(range(256)) * 8
    assert guest.run(["cat"], given=every).ok().out == every
    guest.put("/run/octets", every, mode=0o600)
    assert guest.read("/run/octets") == every
    assert guest.run(["stat", "-c", "%a", "/run/octets"]).ok().text == "600\n"


def test_much_output(guest):
    out = guest.run(["head", "-c", str(BIG), "/dev/zero"]).ok().out
    assert out == bytes(BIG)


def test_words_and_environment(guest):
    assert guest.run(["printf", "%s|", "a b", "$HOME", ""]).ok().text == "a b|$HOME||"
    assert guest.run("echo $TOLD; pwd", env={"TOLD": "this"}, cwd="/run").ok().text == "this\n/run\n"


def test_a_late_command_is_ended(guest):
    with pytest.raises(proc.Failed, match="not done within 1 s\nbegun"):
        guest.run("echo begun; sleep 1000", timeout=1)
    assert guest.run("echo $(pgrep -cx sleep)").text == "0\n"


def test_the_time_is_right(guest):
    before = time.time()
    there = float(guest.run(["date", "+%s.%N"]).ok().text)
    assert before - 10 < there < time.time() + 10


def test_files_outside_are_seen_and_not_changed(guest, tmp_path):
    seen, new = tmp_path / "seen", tmp_path / "new"
    seen.write_text("as it was\n")
    guest.run(f"cat {seen}; echo changed >{seen}; echo more >{new}; rm /etc/hostname").ok()
    assert guest.read(str(seen)) == b"changed\n" and guest.read(str(new)) == b"more\n"
    assert seen.read_text() == "as it was\n" and not new.exists()
    assert os.path.exists("/etc/hostname")


def test_there_is_no_network(guest):
    assert guest.run(["ls", "/sys/class/net"]).ok().text.split() == ["lo"]


def test_memory_can_be_searched_from_outside(guest):
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


def test_another_at_once_dumped_and_crashed(guest, tmp_path):
    disk = tmp_path / "disk"
    disk.write_bytes(bytes(4 << 20))
    with vm.Guest(lsm=False, memory=512, disks=[str(disk), 1], tpm=True) as other:
        assert "bpf" not in other.read("/sys/kernel/security/lsm").decode()
        assert other.run(["blockdev", "--getsize64", "/dev/vdb"]).ok().text == f"{1 << 20}\n"
        other.run("echo kept >/dev/vda && sync").ok()
        other.run(["tpm2_pcrread", "-T", "device:/dev/tpmrm0", "sha256:0"]).ok()
        guest.run(["true"]).ok()

        # Whatever is in its memory is in the dump.
        marker = os.urandom(32)
        other.put("/run/marker", marker)
        other.dump_memory(tmp_path / "memory")
        octets = (tmp_path / "memory").read_bytes()
        (tmp_path / "memory").unlink()
        assert octets[:4] == b"\x7fELF" and len(octets) > 500 << 20 and marker in octets

        folder, pids = other.folder.path, [other.qemu.pid, other.files.pid, other.tpm.pid]
        # A panic is told, with what the kernel said.
        with pytest.raises(proc.Failed, match="(?s)ended during.*sysrq triggered crash"):
            other.run("echo c >/proc/sysrq-trigger")
        with pytest.raises(proc.Failed, match="of no use any more"):
            other.run(["true"])
    assert disk.read_bytes()[:5] == b"kept\n"
    assert not os.path.exists(folder) and not any(proc.alive(p) for p in pids)
