"""One page with everything about a pipeline: the graph, each job in words, and the spec beside what it becomes."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from mlgen.diagnostics import source_lines
from mlgen.graph import words
from mlgen.graph.picture import picture
from mlgen.graph.svg import COLORS, svg
from mlgen.ir import Job, Pipeline
from mlgen.named import NamedTuple
from mlgen.provenance.keys import dotted
from mlgen.provenance.origins import Origin, Traced, TracedFile
from mlgen.provenance.places import keys_at
from mlgen.render import render
from mlgen.spec.spans import Span, spans
from mlgen.typed import Any


class Row(NamedTuple):
    """A line of what is said of a job: what it is about, and words or names, each with a remark."""

    name: str
    values: tuple[tuple[str, str], ...]


def page(found: Traced, version: str, title: Callable[[str], str]) -> str:
    """The text of the page; `title` gives a target's title."""
    return render("graph/page.html.j2", view(found, version, title))


def view(found: Traced, version: str, title: Callable[[str], str]) -> dict[str, Any]:
    """What the template prints."""
    pipeline = found.pipeline
    drawn = picture(pipeline)
    colors = {stage: number % len(COLORS) for number, (stage, _) in enumerate(drawn.stages)}
    numbers = {job.id: number for number, job in enumerate(pipeline.jobs)}
    known = tuple(spans(found.loaded))
    return {
        "version": version,
        "name": pipeline.name,
        "about": drawn.about,
        "starts": words.started(pipeline),
        "colors": COLORS,
        "svg": svg(drawn, "group"),
        "jobs": [_job(job, found, colors[job.stage], numbers, known) for job in pipeline.jobs],
        "spec": pipeline.spec,
        "lines": list(_spec(found, numbers, colors, known)),
        "panels": [_panel(file, number, found, numbers, colors, title) for number, file in enumerate(found.files)],
    }


def _job(job: Job, found: Traced, color: int, numbers: dict[str, int], known: tuple[Span, ...]) -> dict[str, Any]:
    pipeline = found.pipeline
    at = found.keys.job(job.id).position
    last = next((s.last for s in known if s.path == ("stages", job.stage, job.name)), at.line)
    own = at.file == found.loaded.file
    return {
        "number": numbers[job.id],
        "id": job.id,
        "color": color,
        "place": str(at),
        "first": at.line if own else 0,
        "last": last if own else 0,
        "when": [(words.event(kind, True), said) for kind, said in words.events(job, pipeline).items()],
        "rows": list(facts(job, pipeline)),
    }


def facts(job: Job, pipeline: Pipeline) -> Iterator[Row]:
    """What a job waits for, takes, gives, sees and asks, in words."""
    waits = []
    for wait in words.waits(job, pipeline):
        what = f"all of {words.joined(wait.stages)}" if wait.stages else words.joined(wait.jobs)
        waits.append((what, wait.why))
    yield Row("Waits for", tuple(waits) or (("nothing", "it starts at once"),))
    if job.run:
        lines = job.run.split("\n")
        yield Row("Runs", ((lines[0], f"and {len(lines) - 1} more lines" if len(lines) > 1 else ""),))
    takes = [(path, f"of {edge.job}") for edge in job.edges for path in edge.files]
    if takes:
        yield Row("Takes", tuple(takes))
    gives = [*((path, "") for path in job.files), *((f"${export.name}", "a value") for export in job.exports)]
    if gives:
        yield Row("Gives", tuple(gives))
    if job.secret_names:
        yield Row("Secrets", tuple((name, _bound(name, pipeline)) for name in job.secret_names))
    names = {
        "gate": "Gate", "approval": "Approval", "environment": "Environment", "matrix": "Matrix", "result": "Starts",
        "service": "Services", "timeout": "Time", "retry": "After a failure", "allow_failure": "Its failure",
        "lock": "Lock", "milestone": "Milestone",
    }  # fmt: skip
    said = {"milestone": "does nothing but succeed or fail with what it waits for"}
    for kind, text in words.marks(job):
        if kind in names:
            yield Row(names[kind], ((said.get(kind, text.removeprefix("gate ").removeprefix("timeout ")), ""),))


def _bound(name: str, pipeline: Pipeline) -> str:
    where = next((secret.environments for secret in pipeline.secrets if secret.name == name), ())
    return f"only in {words.joined(where)}" if where else ""


def _spec(
    found: Traced, numbers: dict[str, int], colors: dict[str, int], known: tuple[Span, ...]
) -> Iterator[dict[str, Any]]:
    """The lines of the spec; `last` is where the keys that begin on a line end, 0 where none begins."""
    lasts = {span.path: span.last for span in known}
    jobs = {("stages", job.stage, job.name): job for job in found.pipeline.jobs}
    inside: dict[int, Job] = {}
    for path, job in jobs.items():
        first = found.loaded.position(path, True).line
        inside.update(dict.fromkeys(range(first, lasts.get(path, first - 1) + 1), job))
    for number, text in enumerate(source_lines(found.loaded.text), 1):
        paths = keys_at(found.loaded, number, known)
        begun = [path for path in paths if found.loaded.position(path, True).line == number]
        owner = inside.get(number)
        chosen = [numbers[jobs[path].id] for path in begun if path in jobs]
        yield {
            "number": number,
            "text": text,
            "last": max((lasts[path] for path in begun), default=number if paths else 0),
            "key": ", ".join(dotted(path) for path in paths),
            "job": chosen[0] if len(chosen) == 1 else "",
            "color": colors[owner.stage] if owner else "",
        }


def _panel(
    file: TracedFile,
    number: int,
    found: Traced,
    numbers: dict[str, int],
    colors: dict[str, int],
    title: Callable[[str], str],
) -> dict[str, Any]:
    return {
        "number": number,
        "path": file.path,
        "target": file.target,
        "title": title(file.target) if file.target else "shared",
        "lines": [_line(origin, found, numbers, colors) for origin in file.lines],
    }


def _line(origin: Origin, found: Traced, numbers: dict[str, int], colors: dict[str, int]) -> dict[str, Any]:
    own = found.loaded.file
    direct = [key.position.line for key in origin.keys if key.position.file == own and key.position.line]
    more = [key.position.line for key in origin.because if key.position.file == own and key.position.line]
    keys = [key.name for key in (*origin.keys, *origin.because)]
    place = f"{origin.refs[-1].template}:{origin.refs[-1].line}" if origin.refs else "mlgen's header"
    return {
        "number": origin.number,
        "text": origin.text,
        "job": numbers.get(origin.job, ""),
        "color": colors[found.keys.jobs[origin.job].stage] if origin.job in numbers else "",
        "says": " ".join(map(str, dict.fromkeys(direct))),
        "depends": " ".join(map(str, dict.fromkeys(line for line in more if line not in direct))),
        "tip": f"{', '.join(keys)} · {place}" if keys else place,
    }
