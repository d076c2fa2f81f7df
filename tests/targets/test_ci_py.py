"""The calls of `.mlgen/ci.py`, run by bash: words arrive whole, and axes of a matrix as the leg's values."""

import subprocess

from mlgen.targets import ci_py
from tests.lower.specs import pipeline

SPEC = """
environments: {}
gates:
  q:
    metrics: m.json
    require: ["a >= 1", "a >= baseline - 0.1"]
    baseline: {file: b.json}
    on_missing: pass
    on_fail: warn
stages:
  train:
    fit: {run: x, metrics: [m.json], exports: {score: {json: m.json, key: a.b}}}
    tell: {run: x, exports: [one, two]}
  test:
    judge: {gate: q}
    legs:
      run: x
      matrix: {seed: [1, 2]}
      reports:
        junit: ["reports/${matrix.seed}.xml", plain.xml]
        coverage: {path: "cov/${matrix.seed}.xml"}
        summary: "${matrix.seed}.md"
"""


def words(command: str, **env: str) -> list[str]:
    """The words that the call passes on, by bash itself."""
    script = 'python3() { printf "%s\\n" "$@"; }\n' + command
    done = subprocess.run(
        ["bash", "-euo", "pipefail", "-c", script], env=env, capture_output=True, text=True, check=True
    )
    return done.stdout.splitlines()[1:]


def test_a_gate() -> None:
    check = pipeline(SPEC).job("test.judge").gate
    assert check is not None
    require = ["--require", "a >= 1", "--require", "a >= baseline - 0.1"]
    baseline = ["--baseline", "b.json", "--on-missing", "pass", "--on-fail", "warn"]
    assert words(ci_py.gate(check)) == ["gate", "q", "--metrics", "m.json", *require, *baseline]


def test_exports() -> None:
    found = pipeline(SPEC)
    assert words(ci_py.exports(found.job("train.fit"))) == (
        ["exports", "--out", ".mlgen/exports/fit.env", "--json", "score=m.json:a.b"]
    )
    given = words(ci_py.exports(found.job("train.tell")), MLGEN_EXPORTS="a file")
    assert given == [*["exports", "--out", ".mlgen/exports/tell.env", "--file"], "a file", "--name", "one", "two"]


def test_reports_of_a_leg_have_its_values() -> None:
    found = words(ci_py.report(pipeline(SPEC).job("test.legs").reports), seed="2")
    wanted = "report --junit reports/2.xml --junit plain.xml --coverage cobertura:cov/2.xml --summary 2.md"
    assert found == wanted.split()
