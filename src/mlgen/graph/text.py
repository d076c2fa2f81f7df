"""The graph for a terminal: stage by stage, each job with when it runs, what it waits for, and what it hands on."""

from __future__ import annotations

import textwrap
from collections.abc import Iterator

from mlgen.graph import words
from mlgen.graph.picture import about
from mlgen.ir import Job, Pipeline
from mlgen.named import NamedTuple

_TINTS = ("36", "35", "34", "33", "32")
"""One colour a stage, in turn: cyan, magenta, blue, yellow, green."""


class _Style(NamedTuple):
    """How lines begin, and whether colours are printed."""

    color: bool
    fork: str
    last: str
    rail: str

    def paint(self, text: str, code: str) -> str:
        return f"\x1b[{code}m{text}\x1b[0m" if self.color and text else text


def text(pipeline: Pipeline, width: int = 100, color: bool = False, ascii: bool = False) -> str:
    """The graph in lines of at most `width` where words allow; with `ascii`, without box-drawing characters."""
    style = _Style(color, "|- ", "`- ", "|  ") if ascii else _Style(color, "├─ ", "└─ ", "│  ")
    lines = [f"{style.paint(pipeline.name, '1')}: {about(pipeline)}"]
    for index, start in enumerate(words.started(pipeline)):
        lines.append(f"{'starts' if not index else '':6}  {start}")
    used = [stage for stage in pipeline.stages if pipeline.stage_jobs(stage)]
    for number, stage in enumerate(used):
        tint = _TINTS[number % len(_TINTS)]
        lines += ["", style.paint(stage, f"1;{tint}")]
        jobs = pipeline.stage_jobs(stage)
        for job in jobs:
            last = job is jobs[-1]
            rail = style.paint("   " if last else style.rail, tint)
            lines.append(style.paint(style.last if last else style.fork, tint) + style.paint(job.key, "1"))
            for name, said in _facts(job, pipeline):
                head = f"{rail}  {style.paint(f'{name:7}', '2')} "
                lines += _wrapped(head, f"{rail}{' ' * 10}", said, width - 13)
    return "\n".join(lines) + "\n"


def _wrapped(head: str, rest: str, said: str, width: int) -> list[str]:
    found = textwrap.wrap(said, max(width, 30), break_long_words=False, break_on_hyphens=False) or [""]
    return [(head if not index else rest) + line for index, line in enumerate(found)]


def _facts(job: Job, pipeline: Pipeline) -> Iterator[tuple[str, str]]:
    yield "when", words.when(job, pipeline)
    keys = {other.id: other.key for other in pipeline.jobs}
    named = []
    for wait in words.waits(job, pipeline):
        if wait.stages:
            named.append(f"all of {words.joined(wait.stages)}")
        else:
            named.append(words.joined([keys[name] for name in wait.jobs]) + _why(wait.why))
    if named:
        yield "after", "; ".join(named)
    given = [*job.files, *(f"${export.name}" for export in job.exports)]
    if given:
        yield "gives", ", ".join(given)
    for kind, said in words.marks(job):
        if kind in ("gate", "approval"):
            yield kind if kind == "gate" else "asks", said.removeprefix("gate ")
    more = [said for kind, said in words.marks(job) if kind not in ("gate", "approval", "lock")]
    if more:
        yield "with", "; ".join(more)


def _why(why: str) -> str:
    return f" ({why})" if why.startswith("takes ") else ""
