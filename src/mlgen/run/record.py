"""What a run leaves in the project: `.mlgen-run/NUMBER`, with logs, the files that jobs handed on, and reports.

Git ignores the folder by a `.gitignore` of its own. The last few runs are kept.
"""

from __future__ import annotations

import os
import shutil
import threading
from collections.abc import Iterable

from mlgen.ir import Job, Take
from mlgen.ir.values import Leg
from mlgen.run.workspace import RUNS, Failed, copy_files, found, on_leg

KEPT = 3
"""Runs whose files are kept, the newest among them."""


class Record:
    """The folder of one run."""

    def __init__(self, project: str) -> None:
        top = os.path.join(project, RUNS)
        os.makedirs(top, exist_ok=True)
        with open(os.path.join(top, ".gitignore"), "w", encoding="utf-8") as file:
            file.write("*\n")
        earlier = sorted(int(name) for name in os.listdir(top) if name.isdigit())
        self.number = (earlier or [0])[-1] + 1
        while True:
            self.folder = os.path.join(top, str(self.number))
            try:
                os.mkdir(self.folder)
                break
            except FileExistsError:  # by a run that began at the same time
                self.number += 1
        for number in earlier[: -(KEPT - 1)]:
            shutil.rmtree(os.path.join(top, str(number)), ignore_errors=True)
        _point(os.path.join(top, "latest"), str(self.number))
        os.mkdir(os.path.join(self.folder, "logs"))
        self._made: dict[str, dict[str, str]] = {}
        self._lock = threading.Lock()

    def log(self, job: Job, leg: Leg | None) -> str:
        """Where the log of a job, or of one of its legs, is."""
        return os.path.join(self.folder, "logs", f"{job.key}{'.' + leg.slug if leg else ''}.log")

    def hand_on(self, job: Job, leg: Leg | None, project: str, exports: str) -> None:
        """Takes over the files that a job declares, from its folder; `exports` is the path of its exported values.

        Failed says which are missing, or which another leg of the job has made as well.
        """
        files = {path: found(project, on_leg(path, leg)) for path in (*job.files, *([exports] if exports else []))}
        if missing := [on_leg(path, leg) for path in job.files if not files[path]]:
            raise Failed(f"it did not make {', '.join(missing)}")
        names = dict.fromkeys(name for group in files.values() for name in group)
        with self._lock:
            made = self._made.setdefault(job.id, {})
            twice = [f"{name} by {made[name]} and {leg.slug}" for name in names if leg and name in made]
            made.update(dict.fromkeys(names, leg.slug if leg else ""))
        if twice:
            raise Failed(f"two legs made the same file: {'; '.join(twice)}")
        copy_files(project, self.files(job), names)

    def files(self, job: Job) -> str:
        """The folder with the files that a job handed on."""
        return os.path.join(self.folder, "files", job.key)

    def receive(self, take: Take, maker: Job, project: str, ran: bool) -> None:
        """Copies what a job takes into its folder. Failed names what is not there, unless the maker has not run."""
        for path in take.paths:
            legs: Iterable[Leg | None] = maker.matrix.legs if maker.matrix else (None,)
            files = dict.fromkeys(name for leg in legs for name in found(self.files(maker), on_leg(path, leg)))
            if not files and ran:
                raise Failed(f"it needs {path} of {maker.id}, which did not hand it on")
            copy_files(self.files(maker), project, files)

    def keep(self, folder: str, job: Job, leg: Leg | None, project: str, patterns: Iterable[str]) -> None:
        """Copies files that are for people to a folder of the run, as far as they are there."""
        files = [name for path in patterns for name in found(project, on_leg(path, leg))]
        part = os.path.join(job.key, leg.slug) if leg else job.key
        copy_files(project, os.path.join(self.folder, folder, part), dict.fromkeys(files))

    def write(self, name: str, text: str) -> None:
        """Writes a file of the run."""
        with open(os.path.join(self.folder, name), "w", encoding="utf-8") as file:
            file.write(text)


def _point(link: str, to: str) -> None:
    new = f"{link}.{to}"
    try:
        os.symlink(to, new)
        os.replace(new, link)
    except OSError:
        pass  # a file system without links; the numbers tell
