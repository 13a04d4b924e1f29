# SPDX-License-Identifier: GPL-3.0-or-later
"""A page in headless Chromium: its DOM, what it measures, a picture, a PDF."""

import html
import json
import os
import re
import shutil
import subprocess
import tempfile

from . import proc

FLAGS = ["--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run",
         "--disable-background-networking", "--disable-component-update", "--disable-sync",
         "--hide-scrollbars"]


def there():
    return shutil.which("chromium") is not None


def chromium(page, *arguments):
    """Runs it on a file, with a profile of its own; its standard output."""
    profile = tempfile.mkdtemp(prefix="lsaiso-chromium-")
    # It may leave a helper behind for a moment, in the folder that is being removed.
    try:
        done = subprocess.run(["chromium", *FLAGS, f"--user-data-dir={profile}", *arguments,
                               f"file://{page}"], capture_output=True, text=True, check=False,
                              timeout=120 * proc.SLOW, env=os.environ | {"HOME": profile})
    finally:
        shutil.rmtree(profile, ignore_errors=True)
    if done.returncode != 0:
        raise proc.Failed(f"chromium ended with {done.returncode}: {done.stderr[-2000:]}")
    return done.stdout


def dom(page, width=1280):
    """The document as the browser has it after loading."""
    return chromium(page, f"--window-size={width},1000", "--dump-dom")


def picture(page, file, width, height=1600):
    chromium(page, f"--window-size={width},{height}", f"--screenshot={file}")


def pdf(page, file):
    chromium(page, "--no-pdf-header-footer", f"--print-to-pdf={file}")


MEASURE = """<!DOCTYPE html><meta charset="utf-8"><title>measured</title>
<iframe id="page" src="{page}" style="width:{width}px;height:900px;border:0"></iframe>
<pre id="out"></pre>
<script>
document.getElementById("page").onload = function () {{
	var frame = document.getElementById("page"), it = frame.contentDocument;
	var root = it.documentElement, said = {{}};
	var style = function (what) {{ return frame.contentWindow.getComputedStyle(what); }};
	var shown = function () {{
		return Array.from(it.querySelectorAll(".finding"))
			.filter(function (one) {{ return style(one).display != "none"; }})
			.map(function (one) {{ return one.className.split(" ")[1]; }});
	}};
	said.width = root.clientWidth;
	said.needs = root.scrollWidth;
	said.beyond = Array.from(it.querySelectorAll("main *, header *, footer *"))
		.filter(function (one) {{
			var box = one.getBoundingClientRect();
			return box.right > root.clientWidth + 1 && !one.closest("svg");
		}}).map(function (one) {{ return one.outerHTML.slice(0, 80); }});
	said.styled = style(it.querySelector(".rows")).display;
	said.title = it.title;
	said.scripts = it.querySelectorAll("script").length;
	said.strange = it.querySelectorAll("img, iframe, object, embed, link, form, [onerror], [onload]")
		.length;
	said.all = shown();
	said.marks = Array.from(it.querySelectorAll(".line a")).filter(function (one) {{
		return it.getElementById(one.getAttribute("href").slice(1));
	}}).length;
	var pick = it.getElementById("pick-high");
	if (pick) {{
		pick.checked = true;
		said.high = shown();
	}}
	document.getElementById("out").textContent = JSON.stringify(said);
}};
</script>"""


def measure(page, width):
    """What a browser makes of the page in a window of that width, as a dictionary."""
    with tempfile.NamedTemporaryFile("w", suffix=".html", encoding="utf-8") as file:
        file.write(MEASURE.format(page=f"file://{page}", width=width))
        file.flush()
        got = chromium(file.name, "--allow-file-access-from-files", "--window-size=1600,1000",
                       "--virtual-time-budget=5000", "--dump-dom")
    found = re.search(r'<pre id="out">(.+?)</pre>', got, re.DOTALL)
    if not found:
        raise proc.Failed(f"the page was not measured: {got[:2000]}")
    return json.loads(html.unescape(found[1]))
