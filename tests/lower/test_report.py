"""`report` as a job of the pipeline."""

import shlex

from tests.lower.specs import codes, edges, pipeline

SPEC = """
triggers: {push: {branches: [main]}, pull_request: {}}
runtime: {image: python:3.11, setup: ./install.sh, cache: {paths: [x]}}
defaults: {secrets: [S], timeout: 1h}
secrets: {S: {}}
stages:
  train:
    fit: {run: ./fit.sh, metrics: [metrics.json], plots: [plots/]}
    other: {run: ./other.sh}
  deploy:
    go: {run: ./go.sh, needs: [fit]}
report: REPORT
"""


def spec(report: str = "{pull_request: comment, metrics: [metrics.json], plots: plots/, params: [params.yaml]}") -> str:
    return SPEC.replace("REPORT", report)


def test_it_waits_for_what_it_shows_and_for_nothing_else() -> None:
    found = pipeline(spec())
    job = found.job("report.report")
    assert found.stages[-1] == "report"
    assert edges(job) == {"train.fit": "hard"}
    assert job.edges[0].files == ("metrics.json", "plots")
    assert not any(edge.job == job.id for other in found.jobs for edge in other.edges), "nothing waits for it"


def test_it_takes_no_defaults_and_no_setup() -> None:
    job = pipeline(spec()).job("report.report")
    assert (job.secrets, job.timeout, job.setup, job.caches, job.image) == ((), 0, "", (), "python:3.11")
    assert job.checkouts[0].depth == 0
    assert job.outs == (".mlgen/report.md",)


def test_it_runs_where_the_makers_do() -> None:
    found = pipeline(spec().replace("plots: [plots/]}", "plots: [plots/], when: {event: push}}"))
    assert found.job("report.report").condition.pull_request is False
    assert pipeline(spec()).job("report.report").condition.pull_request != False  # noqa: E712 - of an expression


def test_its_script() -> None:
    job = pipeline(spec()).job("report.report")
    first, _, rest = job.run.partition("\nif ")
    assert shlex.split(first.replace("\\\n", ""))[1:] == [
        ".mlgen/ci.py", "compare", "--title", "wine", "--metrics", "metrics.json", "--params", "params.yaml",
        "--plots", "plots", "--out", ".mlgen/report.md",
    ]  # fmt: skip
    assert rest == (
        '[ "$MLGEN_EVENT" = pull_request ]; then\n'
        "  python3 .mlgen/host.py comment --mark wine --image plots .mlgen/report.md\nfi"
    )
    assert job.permissions == (("pull_requests", "write"),)


def test_without_the_comment() -> None:
    job = pipeline(spec("{metrics: metrics.json, against: main, files: [a.md]}")).job("report.report")
    assert "host.py" not in job.run and "--against main" in job.run and "--file a.md" in job.run
    assert job.permissions == ()


def test_a_stage_of_that_name_keeps_its_jobs() -> None:
    text = spec().replace("  deploy:\n", "  report:\n    mine: {run: ./mine.sh}\n  deploy:\n")
    assert [job.id for job in pipeline(text).jobs if job.stage == "report"] == ["report.mine", "report.report"]


def test_faults() -> None:
    assert codes(spec("{pull_request: comment}")) == ["MLG103"]
    assert codes(spec("{metrics: no.json}")) == ["MLG205"]
    assert codes(spec("{plots: [plots/, other/]}")) == ["MLG205"]
    assert codes(spec("{params: [params.yaml]}")) == []
    assert codes(spec("{metrics: ../m.json}")) == ["MLG205", "MLG208"]
    taken = spec().replace("  deploy:\n", "  report:\n    report: {run: ./mine.sh}\n  deploy:\n")
    assert "MLG210" in codes(taken)
