"""A page in a real browser: a frame of any size in a page of ours, whose script looks at it and acts in it."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
from html import unescape
from pathlib import Path
from typing import Any

import pytest

needs_chromium = pytest.mark.skipif(not shutil.which("chromium"), reason="there is no chromium")

FRAME = """<!doctype html>
<style>body { margin: 0 } iframe { border: 0 }</style>
<iframe width="%(width)d" height="%(height)d" %(sandbox)s></iframe>
<pre id="found"></pre>
<script>
const frame = document.querySelector("iframe");
const all = (selector, root = frame.contentDocument) => [...root.querySelectorAll(selector)];
const choose = (select, value) => {
  select.value = value;
  select.dispatchEvent(new frame.contentWindow.Event("change"));
};
async function look(page, view) { %(script)s }
frame.addEventListener("load", async () => {
  const page = frame.contentDocument;
  const waiting = () => %(scripted)s && page.documentElement.dataset.ready !== "yes";
  while (waiting()) await new Promise((next) => setTimeout(next, 20));
  try {
    document.getElementById("found").textContent = JSON.stringify(await look(page, frame.contentWindow));
  } catch (error) {
    document.getElementById("found").textContent = JSON.stringify({ error: String(error) });
  }
});
frame.src = "index.html%(anchor)s";
</script>
"""


def chromium(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Run the browser without a window; `folder` keeps its profile."""
    options = ["--headless", "--no-sandbox", "--disable-gpu", "--enable-logging=stderr", "--v=0"]
    command = ["chromium", *options, f"--user-data-dir={folder / 'profile'}", *arguments]
    return subprocess.run(command, capture_output=True, text=True, check=True, timeout=120)


def looked_at(
    folder: Path,
    script: str,
    *flags: str,
    width: int = 1400,
    height: int = 900,
    scripted: bool = True,
    anchor: str = "",
) -> Any:
    """Return what a script of ours returns that looks at `index.html` in a folder.

    Args:
        folder: with the page.
        script: the body of a function of `page`, its document, and `view`, its window; `all` and `choose` help it.
        flags: of the browser.
        width, height: of the frame that the page is in.
        scripted: whether the script of the page runs.
        anchor: part of the page that is opened.
    """
    sandbox = "" if scripted else 'sandbox="allow-same-origin"'
    values = {"width": width, "height": height, "sandbox": sandbox, "script": script, "anchor": anchor}
    (folder / "frame.html").write_text(FRAME % (values | {"scripted": json.dumps(scripted)}))
    access = ["--allow-file-access-from-files", "--virtual-time-budget=20000"]
    done = chromium(folder, *access, *flags, "--dump-dom", f"file://{folder / 'frame.html'}")
    found = re.search('<pre id="found">(.*?)</pre>', done.stdout, re.DOTALL)
    assert found, done.stdout
    return json.loads(unescape(found[1]))
