# SPDX-License-Identifier: GPL-3.0-or-later
"""Is a wrong program, a wrong parent, a second one or an impostor seen and named?"""

import os
import shutil

import pytest

from lib import proc


class Programs:
    """Copies of a real program under other names, and what they run as."""

    def __init__(self):
        self.folder = proc.Folder("impostors")
        self.started = []

    def copy(self, name, of="sleep"):
        path = self.folder(name)
        shutil.copy(proc.program(of), path)
        os.chmod(path, 0o755)
        return path

    def start(self, path, *arguments, name=None):
        """Run it for a minute at most; name: its argv[0]."""
        one = proc.subprocess.Popen([name or path, *(arguments or ("60",))], executable=path,
                                    stdin=proc.subprocess.DEVNULL, env=proc.clean_env())
        self.started.append(one)
        return one.pid

    def end(self):
        for one in self.started:
            one.kill()
            one.wait()
        self.folder.remove()


@pytest.fixture
def programs():
    made = Programs()
    yield made
    made.end()


def found(watched, rule, pid, **members):
    """The finding of that rule about pid, and that its program is named."""
    one = watched.watch.wait(rule, 0, actor=pid, **members)
    assert str(pid) in one["evidence"] or one["actor"]["exe"] in one["evidence"]
    return one


def test_01_name_of_another_file(watched, programs):
    path = programs.copy("lsaiso")
    one = found(watched, "impostor-name", programs.start(path))
    assert one["actor"]["exe"] == path and one["severity"] == "high"
    assert watched.watch.verdict("instances") == "abnormal"


def test_02_homoglyphs(watched, programs):
    for name in ("ls\u0430iso", "lsa1so", "LSASS", "lsain\u0456t", "\uff4csass", "lsavvatch", "lsass\u200b"):
        path = programs.copy(name)
        found(watched, "impostor-homoglyph", programs.start(path))


def test_03_one_letter_away(watched, programs):
    for name in ("lsaios", "lsasss", "lsainet"):
        found(watched, "impostor-near", programs.start(programs.copy(name)))


def test_04_a_file_that_was_removed(watched, programs):
    path = programs.copy("lsass")
    pid = programs.start(path)
    os.unlink(path)
    found(watched, "impostor-deleted", pid)


def test_05_no_file_at_all(watched, programs):
    memory = os.memfd_create("lsaiso", os.MFD_CLOEXEC)
    with open(proc.program("sleep"), "rb") as of:
        os.write(memory, of.read())
    one = found(watched, "impostor-memfd",
                programs.start(f"/proc/{os.getpid()}/fd/{memory}", name="lsaiso"))
    os.close(memory)
    assert one["severity"] == "critical"
