"""What each `changed` of the spec asks about: paths of the repository, never of files that jobs make."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from mlgen.diagnostics import Diagnostic, error
from mlgen.ir import paths
from mlgen.ir.model import Job
from mlgen.ir.source import Source
from mlgen.ir.values import Change
from mlgen.typed import Any


def changes(source: Source, jobs: tuple[Job, ...]) -> tuple[dict[str, Change], list[Diagnostic]]:
    """By job and place in its `when`, as `own.Known` has it. `jobs` must have their edges, and no circle among them."""
    found: dict[str, Change] = {}
    faults: list[Diagnostic] = []
    known: dict[tuple[tuple[str, ...], str], Change] = {}
    for job in jobs:
        said = source.data["stages"][job.stage][job.name]
        for place, route, asked in _asked(job, said.get("when", ())):
            faults += _outside(source, job, ("stages", job.stage, job.name, "when", *route), asked["paths"])
            looked = asked["paths"] or [*said["deps"], *said["params"]]
            resolved = _merged(p for path in looked for p in _sources(source, jobs, job, path, set()))
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


def _merged(found: Iterable[str]) -> tuple[str, ...]:
    """The paths, each once, without those that a folder with all in it, `FOLDER/**`, speaks of anyway."""
    once = dict.fromkeys(found)
    wide = [path[:-2] for path in once if path == "**" or path.endswith("/**")]
    return tuple(path for path in once if not any(_is_below(path, folder) for folder in wide))


def _is_below(path: str, folder: str) -> bool:
    """Whether the path is another than all of the folder (empty: the project), and lies in it."""
    return path != f"{folder}**" and path.startswith(folder) and (bool(folder) or not path.startswith("/"))


def _outside(source: Source, job: Job, at: tuple[str | int, ...], said: list[str]) -> Iterator[Diagnostic]:
    for path in said:
        if ".." in path.split("/") or path.startswith("~") or not path.strip("/."):
            hint = "a path counts from the project's folder, or, if it begins with /, from the repository's root"
            yield error("MLG208", source.at(*at), f"{job.id}: {path} leaves the project", hint)


def _asked(job: Job, whens: Any) -> Iterator[tuple[str, tuple[str | int, ...], dict[str, Any]]]:
    for index, when in enumerate(whens):
        place, route = f"{job.id}:{index}", (index,)
        while when is not None:
            if "changed" in when:
                yield place, (*route, "changed"), when["changed"]
            when, place, route = when.get("not"), f"{place}:not", (*route, "not")  # type: ignore[assignment]


def _sources(source: Source, jobs: tuple[Job, ...], reader: Job, path: str, seen: set[str]) -> Iterator[str]:
    """The path, or, where jobs make it, what these read; both, where they make only some of what it speaks of."""
    makers = [j for j in jobs if j.id != reader.id and any(paths.overlap(made, path) for made in j.files)]
    if not any(_within(path, made) for maker in makers for made in maker.files):
        yield paths.normal(path)
    for maker in makers:
        if maker.id not in seen:
            seen.add(maker.id)
            said = source.data["stages"][maker.stage][maker.name]
            for read in (*said["deps"], *said["params"]):
                yield from _sources(source, jobs, maker, read, seen)


def _within(path: str, made: str) -> bool:
    """Whether all that the path speaks of is made: the same path, or one inside it."""
    whole, part = paths.as_glob(made), paths.as_glob(path)
    return part == whole or part.startswith(f"{whole}/")
