# SPDX-License-Identifier: GPL-3.0-or-later
"""Is the report one whole page that reads well in a browser, and cannot be made to do
anything by the names of who is in it?"""

import html
import os
import re
import shutil
import signal
import subprocess

import pytest

from lib import chromium, proc
from lib.instance import lsactl
from lib.watching import WatchedInstance

LONG = os.environ.get("LSAISO_LONG") == "1"

needs_chromium = pytest.mark.skipif(not chromium.there(), reason="SKIP: no chromium installed")

# Names as an attacker would choose them: markup, and a letter that only looks like one.
MARKUP = "<img src=x onerror=document.title='owned'>&\"'"
ALIKE = "ls\u0430iso"


class Impostor:
    """A program that goes by a name, from a folder of a hostile name."""

    def __init__(self, folder, name):
        self.path = os.path.join(folder.make(MARKUP), name)
        shutil.copy(shutil.which("sleep"), self.path)
        self.process = subprocess.Popen([self.path, "60"])

    def end(self):
        self.process.kill()
        self.process.wait()


@pytest.fixture(scope="module")
def attacked(realm):
    """An instance with findings of several kinds: a kill, and two impostors."""
    with WatchedInstance(realm) as made:
        folder, impostors = proc.Folder("hostile"), []
        try:
            after = made.watch.last()
            os.kill(made.pid("lsass"), signal.SIGKILL)
            made.watch.wait("stability-killed", after)
            for name, rule in (("lsaiso", "impostor-name"), (ALIKE, "impostor-homoglyph")):
                impostors.append(Impostor(folder, name))
                made.watch.wait(rule, after)
            proc.wait_until("lsass", made.answers, log=made.log)
            yield made
        finally:
            for one in impostors:
                one.end()
            folder.remove()


@pytest.fixture(scope="module")
def page(attacked):
    """The report as a file, that the browser may read."""
    folder = proc.Folder("report")
    path = folder("report.html")
    try:
        lsactl(attacked, "watch", "report", "--html", path).ok()
        yield path
    finally:
        folder.remove()


def text_of(path):
    with open(path, encoding="utf-8") as file:
        return file.read()


def visible(source):
    """Its text, without markup."""
    return html.unescape(re.sub(r"<[^>]*>", "", re.sub(r"<style>.*?</style>", "", source,
                                                         flags=re.DOTALL)))


def test_01_everything_is_in_it(attacked, page):
    said = visible(text_of(page))
    status = attacked.watch.status()
    for one in status["rows"]:
        assert one["title"] in said
    for one in status["sensors"]:
        assert one["name"] in said
    for rule in status["blind"]:
        assert rule in said
    findings = attacked.watch.findings()
    assert len(findings) >= 3
    for one in findings:
        assert one["evidence"] in said and f"#{one['number']}" in said
    assert "Abnormal" in said and MARKUP in said
    assert "pid" in said and os.uname().nodename in said


def test_02_it_needs_nothing_but_itself(page):
    source = text_of(page)
    assert os.stat(page).st_mode & 0o777 == 0o600
    assert not re.search(r"<(script|img|link|iframe|object|embed|base)\b", source)
    assert not re.search(r"\b(src|srcset|data|action)\s*=", re.sub(r">[^<]*<", "><", source))
    assert "url(" not in source and "@import" not in source
    assert "default-src 'none'" in source
    links = set(re.findall(r'href="([^"]*)"', source))
    assert links and all(link.startswith(("#f", "https://attack.mitre.org/")) for link in links)
    marks = set(re.findall(r'id="(f\d+)"', source))
    assert {link[1:] for link in links if link[0] == "#"} <= marks


def test_03_to_standard_output(attacked, page):
    said = lsactl(attacked, "watch", "report", "--html", "-").ok().out
    assert said.startswith("<!DOCTYPE html>") and said.endswith("</html>\n")


def test_04_where_it_cannot_be_written(attacked):
    said = lsactl(attacked, "watch", "report", "--html", "/nonexistent/report.html")
    assert said.code == 1 and "/nonexistent/report.html" in said.err
    assert lsactl(attacked, "watch", "report").code == 2


@pytest.mark.skipif(os.geteuid() != 0, reason="SKIP: needs root, to write to what is another's")
def test_05_nobody_gets_it_who_put_a_file_there(attacked):
    folder = proc.Folder("trap")
    try:
        trap = folder.write("report.html", "before", mode=0o666)
        os.chown(trap, 64999, 64999)
        with open(trap, encoding="utf-8") as kept_open:
            lsactl(attacked, "watch", "report", "--html", trap).ok()
            assert kept_open.read() == "before"
        got = os.stat(trap)
        assert (got.st_uid, got.st_mode & 0o777) == (0, 0o600)
        assert os.listdir(folder.path) == ["report.html"]
    finally:
        folder.remove()


def test_06_a_device_stays_one(attacked):
    lsactl(attacked, "watch", "report", "--html", "/dev/null").ok()
    assert os.stat("/dev/null").st_rdev == os.makedev(1, 3)
    assert lsactl(attacked, "watch", "report", "--html", "/dev/full").code == 1


def test_07_not_through_a_link(attacked):
    folder = proc.Folder("link")
    try:
        target = folder.write("target", "before")
        os.symlink(target, folder("report.html"))
        assert lsactl(attacked, "watch", "report", "--html", folder("report.html")).code == 1
        assert text_of(target) == "before"
    finally:
        folder.remove()


@needs_chromium
def test_20_ten_rows_in_the_browser(page):
    seen = chromium.dom(page)
    assert len(re.findall(r'<li class="row ', seen)) == 10
    assert "<img" not in seen and "<script" not in seen


@needs_chromium
@pytest.mark.parametrize("width", [1280, 700, 400, 320] if LONG else [1280, 320])
def test_21_it_fits_and_nothing_runs(page, width):
    said = chromium.measure(page, width)
    assert said["width"] == width and said["needs"] <= width, said
    assert not said["beyond"]
    assert said["title"].startswith("lsawatch report of")
    assert said["scripts"] == said["strange"] == 0
    assert said["marks"] == len(said["all"]) >= 3, "the timeline has a mark of each finding"
    assert said["styled"] == "grid", "the style sheet is refused by its own policy"


@needs_chromium
def test_22_findings_are_picked_without_a_script(attacked, page):
    said = chromium.measure(page, 1280)
    severities = [one["severity"] for one in reversed(attacked.watch.findings())]
    assert said["all"] == severities[-len(said["all"]):]
    assert said["high"] and set(said["high"]) <= {"high", "critical"}
    assert said["high"] == [one for one in said["all"] if one in ("high", "critical")]


@needs_chromium
def test_23_pictures_and_a_pdf(page):
    folder = proc.Folder("pictures")
    keep = os.environ.get("LSAISO_PICTURES")
    try:
        for width in (1280, 400) if keep or LONG else (400,):
            file = folder(f"report-{width}.png")
            chromium.picture(page, file, width)
            with open(file, "rb") as got:
                head = got.read(24)
            assert head[:8] == b"\x89PNG\r\n\x1a\n"
            assert int.from_bytes(head[16:20], "big") == width
            assert os.path.getsize(file) > 20000, "an empty picture"
        chromium.pdf(page, folder("report.pdf"))
        with open(folder("report.pdf"), "rb") as got:
            octets = got.read()
        assert octets.startswith(b"%PDF") and 2 <= octets.count(b"/Type /Page\n") <= 12
        if keep:
            shutil.copytree(folder.path, keep, dirs_exist_ok=True)
            shutil.copy(page, keep)
    finally:
        folder.remove()
