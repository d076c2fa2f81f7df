"""`mlgen simulate`: which jobs run on an event."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
EXAMPLES = [p.parent for p in sorted(ROOT.glob("examples/*/mlgen.yaml"))]


def simulate(*arguments: str | Path) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "mlgen", "simulate", *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True)


def jobs(*arguments: str) -> dict[str, dict[str, str]]:
    done = simulate("-C", ROOT / "examples/wine-quality", *arguments, "--format", "json")
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)["jobs"]


def spec(*arguments: str) -> dict[str, str]:
    return {name.rpartition(".")[2]: cells["spec"] for name, cells in jobs(*arguments).items()}


def test_a_push_to_main_runs_everything_and_production_asks() -> None:
    assert spec("push") == dict.fromkeys(["fetch", "validate", "fit", "unit", "quality", "staging"], "run") | {
        "production": "wait"
    }


def test_a_push_to_another_branch_starts_nothing() -> None:
    assert set(spec("push", "--branch", "topic").values()) == {"skip"}


def test_a_pull_request_deploys_nothing() -> None:
    found = spec("pull_request", "--fork")
    assert (found["fit"], found["staging"], found["production"]) == ("run", "skip", "skip")


def test_a_failing_job_stops_what_waits_for_it() -> None:
    found = spec("push", "--failing", "test.quality")
    assert (found["quality"], found["staging"], found["production"]) == ("fail", "skip", "skip")


def test_text_names_the_order_and_the_reasons() -> None:
    done = simulate("-C", ROOT / "examples/wine-quality", "schedule")
    lines = done.stdout.splitlines()
    assert lines[0] == "schedule weekly"
    assert [line.split()[1] for line in lines[3:8]] == [
        "data.fetch",
        "test.unit",
        "data.validate",
        "train.fit",
        "test.quality",
    ]
    assert "spec: deploy.staging, deploy.production\n  it runs on: push; by hand on main" in done.stdout


@pytest.mark.parametrize("example", EXAMPLES, ids=lambda path: path.name)
def test_no_cell_of_an_example_differs_from_its_spec(example: Path) -> None:
    done = simulate("-C", example)
    assert done.returncode == 0, done.stderr
    assert "differs" not in done.stdout
    tables = json.loads(simulate("-C", example, "--format", "json").stdout)
    for table in tables:
        for name, cells in table["jobs"].items():
            assert set(cells.values()) <= {cells["spec"], "none"}, (table["event"]["name"], name, cells)


@pytest.mark.parametrize(
    ("folder", "event"),
    [
        ("examples/wine-quality", ["schedule"]),
        ("tests/fixtures/grid", ["schedule", "--schedule", "hourly"]),
        ("tests/fixtures/grid", ["push"]),
    ],
    ids=["a schedule", "one of two", "a milestone"],
)
def test_one_event_is_read_from_the_files_as_all_of_them_are(folder: str, event: list[str]) -> None:
    done = simulate("-C", ROOT / folder, *event)
    assert done.returncode == 0, done.stderr
    assert "differs" not in done.stdout


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["pusk"], "there is no event pusk"),
        (["tag"], "which one? --tag tells"),
        (["schedule", "--schedule", "daily"], "there is no schedule daily"),
        (["manual", "--input", "epoch=3"], "manual has no input epoch"),
        (["push", "--value", "a.b=3"], "no job exports a.b"),
        (["push", "--failing", "fit"], "there is no job fit"),
    ],
)
def test_what_the_spec_does_not_have_is_told(arguments: list[str], message: str) -> None:
    done = simulate("-C", ROOT / "examples/wine-quality", *arguments)
    assert (done.returncode, done.stdout) == (2, "")
    assert f"error MLG801: {message}" in done.stderr
    assert "hint: " in done.stderr
