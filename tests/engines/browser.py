"""A page in headless Chromium: what it shows once its scripts have run, and what the console says."""

from __future__ import annotations

import os
import re
import shutil
from pathlib import Path
from typing import NamedTuple

from .tools import Argv, ToolFailure, base_env, find, run, scratch

_CONSOLE = re.compile(r'CONSOLE[:(]\d+\)?\] "(.*)", source: \S+ \(\d+\)')


class Shown(NamedTuple):
    """The document as its scripts left it, and each line of the console."""

    dom: str
    console: list[str]


def show(page: Path, script: str = "", *beside: Path, screenshot: Path | None = None, size: str = "1400,1000") -> Shown:
    """Load a page without a network, run `script` at its end, and return what is there then.

    `beside` are files that the page loads from its own folder.
    """
    with scratch() as home:
        text = page.read_text("utf-8")
        inserted = text.replace("</body>", f"<script>{script}</script></body>") if script else text
        if script and inserted == text:
            raise ValueError(f"{page} has no </body>")
        (home / "page.html").write_text(inserted, "utf-8")
        for file in beside:
            shutil.copy(file, home)
        argv: Argv = [find("chromium"), "--headless", "--disable-gpu", "--no-first-run", f"--window-size={size}"]
        # A container has no user namespaces for Chromium's sandbox, and root may not use it at all.
        argv += ["--no-sandbox", "--disable-dev-shm-usage", f"--user-data-dir={home / 'profile'}"]
        argv += ["--host-resolver-rules=MAP * ~NOTFOUND", "--enable-logging=stderr", "--virtual-time-budget=5000"]
        argv += [f"--screenshot={screenshot}"] if screenshot else ["--dump-dom"]
        done = run([*argv, (home / "page.html").as_uri()], cwd=home, env=base_env(home), seconds=120)
        if done.code:
            raise ToolFailure(f"chromium: {done.err[-2000:]}")
        return Shown(done.out, _CONSOLE.findall(done.err.replace(os.linesep, "\n")))
