"""What a chosen fallback leaves out."""

from mlgen.targets import get
from mlgen.targets.adapt import adapt
from tests.lower.specs import pipeline


def test_a_deployment_does_not_go_by_a_job_that_is_left_out() -> None:
    found = pipeline(
        """
        targets: {travis: {fallback: {approval: skip, lock: builds, order: builds}}}
        environments: {review: {approval: true, deployment: false}, place: {}}
        gates: {quality: {metrics: m.json, require: ["a > 1"]}}
        stages:
          train: {fit: {run: x, metrics: [m.json]}}
          test:
            quality: {gate: quality, environment: review, when: {event: push, branch: main}}
            other: {run: x, needs: []}
          deploy:
            go: {run: x, environment: place, needs: [other], when: {event: push}}
        """
    )
    adapted, faults = adapt(found, get("travis"))
    assert [d for d in faults if d.severity == "error"] == []
    assert [job.id for job in adapted.jobs] == ["train.fit", "test.other"]
