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


def test_a_job_that_is_left_out_asks_for_no_other_fallback() -> None:
    found = pipeline(
        """
        targets: {travis: {fallback: {approval: skip}}}
        secrets: {TOKEN: {}}
        environments: {place: {approval: true}}
        stages:
          test: {unit: {run: x}}
          deploy: {go: {run: x, environment: place, secrets: [TOKEN], retry: 1}}
        """
    )
    adapted, faults = adapt(found, get("travis"))
    assert faults == []
    assert [job.id for job in adapted.jobs] == ["test.unit"]
