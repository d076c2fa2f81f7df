"""What is kept of a pipeline's meaning, and how a failure changes it, held against the meaning asked for anew."""

from __future__ import annotations

from pathlib import Path

import pytest

from mlgen.compiler import analyse
from mlgen.ir import Pipeline
from mlgen.ir.outcomes import outcomes
from mlgen.verify.meant import meaning_of

REPOSITORY = Path(__file__).parents[2]
SPECS = sorted([*REPOSITORY.glob("examples/*/mlgen.yaml"), *REPOSITORY.glob("tests/fixtures/*/mlgen.yaml")])


def pipeline_of(spec: Path) -> Pipeline:
    return analyse(str(spec.parent), spec.name)[0]


def without_a_job(pipeline: Pipeline) -> Pipeline:
    """As of a target that leaves out the last job that no other waits for."""
    needed = {edge.job for job in pipeline.jobs for edge in job.edges}
    last = [job for job in pipeline.jobs if job.id not in needed][-1]
    return pipeline._replace(jobs=tuple(job for job in pipeline.jobs if job is not last))


@pytest.mark.parametrize("spec", SPECS, ids=lambda path: path.parent.name)
def test_what_is_kept_is_what_would_be_asked(spec: Path) -> None:
    whole = pipeline_of(spec)
    pipelines = [whole, without_a_job(whole), pipeline_of(spec)]
    for pipeline in [*pipelines, *reversed(pipelines)]:
        known = meaning_of(pipeline)
        for number, event, ends in known.runs():
            assert ends == outcomes(pipeline, event)
            failing = [job.id for job in pipeline.jobs if ends[job.id] == "success" and not job.milestone]
            for names in (failing[::-2], failing):  # some are known by then, in another order
                for name, then in known.failures(number, names):
                    assert then == outcomes(pipeline, event, {name}), (event, name)


def test_equal_pipelines_are_known_by_now_and_others_are_not() -> None:
    whole = pipeline_of(SPECS[0])
    assert meaning_of(whole) is meaning_of(pipeline_of(SPECS[0]))
    assert meaning_of(without_a_job(whole)) is not meaning_of(whole)
