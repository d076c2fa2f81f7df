"""Names that more than one part of the file, or its check, has to know."""

from __future__ import annotations

from mlgen.ir import Job, Leg


def legs(job: Job) -> tuple[Leg | None, ...]:
    """The legs of the job's matrix, or None for the job itself."""
    return job.matrix.legs if job.matrix else (None,)


def stage_name(job: Job, leg: Leg | None) -> str:
    """The stage's name, unique in the pipeline."""
    if leg is None:
        return f"{job.stage} / {job.name}"
    return f"{job.stage} / {job.name} ({leg.slug})"


def stash_name(bundle: str, leg: Leg | None) -> str:
    """The stash of a bundle, or of one leg's part of it; names of bundles have no full stop."""
    return f"{bundle}.{leg.slug}" if leg else bundle
