"""What each `changed` of the spec asks about: paths of the repository, never of files that jobs make."""

from collections.abc import Iterator
from typing import Any

from mlgen.diagnostics import Diagnostic, error
from mlgen.ir import paths
from mlgen.ir.model import Job
from mlgen.ir.source import Source
from mlgen.ir.values import Change


def changes(source: Source, jobs: tuple[Job, ...]) -> tuple[dict[str, Change], list[Diagnostic]]:
    """By job and place in its `when`, as `own.Known` has it. `jobs` must have their edges, and no circle among them."""
    found: dict[str, Change] = {}
    faults: list[Diagnostic] = []
    known: dict[tuple[tuple[str, ...], str], Change] = {}
    for job in jobs:
        said = source.data["stages"][job.stage][job.name]
        for place, route, asked in _asked(job, said.get("when", ())):
            looked = asked["paths"] or [*said["deps"], *said["params"]]
            resolved = tuple(dict.fromkeys(p for path in looked for p in _sources(source, jobs, job, path, set())))
            if not resolved:
                hint = "give the job `deps` or `params`, or name the paths: `changed: {paths: [src/**]}`"
                at = source.at("stages", job.stage, job.name, "when", *route)
                faults.append(error("MLG221", at, f"{job.id}: nothing is named that could have changed", hint))
                continue
            alike = known.get((resolved, asked["against"]))
            count = sum(change.name.split("-")[0] == job.key for change in known.values())
            change = alike or Change(job.key if not count else f"{job.key}-{count + 1}", resolved, asked["against"])
            known[resolved, asked["against"]] = found[place] = change
    return found, faults


def _asked(job: Job, whens: Any) -> Iterator[tuple[str, tuple[str | int, ...], dict[str, Any]]]:
    for index, when in enumerate(whens):
        place, route = f"{job.id}:{index}", (index,)
        while when is not None:
            if "changed" in when:
                yield place, (*route, "changed"), when["changed"]
            when, place, route = when.get("not"), f"{place}:not", (*route, "not")  # type: ignore[assignment]


def _sources(source: Source, jobs: tuple[Job, ...], reader: Job, path: str, seen: set[str]) -> Iterator[str]:
    """The path, or, where jobs make it, what these read."""
    makers = [j for j in jobs if j.id != reader.id and any(paths.overlap(made, path) for made in j.files)]
    if not makers:
        yield paths.normal(path)
    for maker in makers:
        if maker.id not in seen:
            seen.add(maker.id)
            said = source.data["stages"][maker.stage][maker.name]
            for read in (*said["deps"], *said["params"]):
                yield from _sources(source, jobs, maker, read, seen)
