"""Jobs of files that know no matrix: each leg stands there by itself, with paths of its own."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from mlgen.ir import Job, Leg, Pipeline
from mlgen.ir.paths import as_glob, normal, on_leg
from mlgen.readback import SeenJob

_Forms = list[tuple[str, frozenset[str]]]


def rolled(pipeline: Pipeline, job: Job, leg: Leg | None, seen: SeenJob) -> SeenJob:
    """The job with its paths as the spec has them: `${matrix.NAME}` where all the legs' own paths are there."""
    own = job.keep.paths if job.keep else ()
    shown = [job.reports.summary] if job.reports.summary else []
    shown += [f"{job.reports.coverage.format}:{job.reports.coverage.path}"] if job.reports.coverage else []
    mine = list(_forms((*job.files, *job.reports.junit, *own, *shown), (leg,) if leg else ()))
    others = [form for take in job.takes for form in _forms(take.paths, _legs(pipeline.job(take.job)))]
    return seen._replace(
        takes=_named(seen.takes, others),
        sources=None if seen.sources is None else frozenset(_named_of(seen.sources, others)),
        hands=_named(seen.hands, mine),
        kept=_named(seen.kept, mine),
        requires=_named(seen.requires, mine),
        reports=_named(seen.reports, mine),
        shown=None if seen.shown is None else _named(seen.shown, mine),
    )


def _named_of(sources: frozenset[tuple[str, str]], forms: _Forms) -> Iterator[tuple[str, str]]:
    """As `_named`, the paths of each maker by themselves."""
    for maker in {maker for maker, _ in sources}:
        for path in _named(frozenset(path for other, path in sources if other == maker), forms):
            yield maker, path


def _legs(job: Job) -> tuple[Leg, ...]:
    return job.matrix.legs if job.matrix else ()


def _forms(paths: Iterable[str], legs: tuple[Leg, ...]) -> Iterator[tuple[str, frozenset[str]]]:
    """Each path that differs between legs, and what it is on each of these."""
    for path in paths:
        if legs and as_glob(path) != normal(path):
            yield path, frozenset(normal(on_leg(path, dict(leg.values))) for leg in legs)


def _named(found: frozenset[str], forms: _Forms) -> frozenset[str]:
    there = {normal(path) for path in found}
    whole = [(path, instances) for path, instances in forms if instances <= there]
    told = frozenset[str]().union(*(instances for _, instances in whole))
    return frozenset(path for path in found if normal(path) not in told) | {path for path, _ in whole}
