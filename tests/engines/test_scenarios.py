"""Holds every engine against the one table of scenarios."""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
from collections.abc import Callable
from fnmatch import fnmatchcase
from functools import lru_cache
from pathlib import Path

import pytest

from .drivers import Played, key, play
from .scenarios import ENGINES, LIMITS, PROJECTS, SCENARIOS, Scenario, document, expected, plays
from .stand_ins import make

#: What an engine may say of a job that did not run. Some do not tell one reason from another.
NOT_RUN = {
    "idle": {"absent", "green", "skipped"},
    # Jenkins shows no stage of a job that it does not start.
    "stop": {"skipped", "cancelled", "absent"},
    "wait": {"wait"},
}


def same(wanted: str, seen: str) -> bool:
    """Whether the engine's word is the table's."""
    return seen == wanted or seen in NOT_RUN.get(wanted, ())


def differences(played: Played, wanted: dict[str, str]) -> dict[str, tuple[str, str]]:
    """The jobs that became something else: what was wanted, and what was seen."""
    return {job: (word, played.jobs[job]) for job, word in wanted.items() if not same(word, played.jobs[job])}


def disorder(played: Played, scenario: Scenario) -> list[tuple[str, str]]:
    """The edges whose second job started before the first had ended."""
    first = {key(line): number for number, line in reversed([*enumerate(played.journal)]) if line[0] == "start"}
    last = {key(line): number for number, line in enumerate(played.journal) if line[0] == "end"}
    edges = PROJECTS[scenario.project].edges
    return [(a, b) for a, b in edges if a in first and b in first and last.get(a, 0) > first[b]]


@pytest.mark.parametrize(
    ("scenario", "engine"),
    [(scenario, engine) for scenario in SCENARIOS for engine in ENGINES if plays(engine, scenario)],
    ids=lambda value: value if isinstance(value, str) else value.id,
)
def test_what_becomes_of_the_jobs(scenario: Scenario, engine: str, tmp_path: Path) -> None:
    played = play(engine, scenario, tmp_path, make(tmp_path / "python", scenario.damage))
    assert differences(played, expected(engine, scenario)) == {}, played.result.log[-6000:]
    assert disorder(played, scenario) == []
    told = {key(line) for line in played.journal if line[0] in ("start", "end") and "secret" in line}
    assert told <= set(PROJECTS[scenario.project].trusted)
    assert SECRET_IN_LOG not in played.result.log


@pytest.fixture(scope="module")
def reference(wine_python: Path, tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], dict[str, str]]:
    """The digests of what wine-quality makes in so many epochs, without any CI system."""

    @lru_cache
    def digests(epochs: str) -> dict[str, str]:
        root = tmp_path_factory.mktemp("reference") / "project"
        shutil.copytree(PROJECTS["wine"].folder, root, ignore=shutil.ignore_patterns("data", "models", "metrics.json"))
        for command in (["wine.fetch"], ["wine.train", "--epochs", epochs]):
            subprocess.run([wine_python, "-m", *command], cwd=root, check=True, capture_output=True)
        made = ("models/model.pkl", "metrics.json")
        return {name: hashlib.sha256((root / name).read_bytes()).hexdigest() for name in made}

    return digests


@pytest.mark.parametrize("engine", ENGINES)
@pytest.mark.parametrize(("name", "epochs"), [("push", "10"), ("manual", "12")])
def test_the_model_is_the_same_on_every_engine(
    name: str, epochs: str, engine: str, reference: Callable[[str], dict[str, str]], wine_python: Path, tmp_path: Path
) -> None:
    """wine-quality with its own commands: what is trained, and what is deployed, to the byte."""
    (scenario,) = (each for each in SCENARIOS if each.id == f"wine: {name}")
    played = play(engine, scenario, tmp_path, make(tmp_path / "python", real=wine_python))
    wanted = expected(engine, scenario)
    assert differences(played, wanted) == {}, played.result.log[-6000:]
    digests = {(line[1], line[2]): line[3] for line in played.journal if line[0] == "digest"}
    model = {f"deploy.{name}" for name in ("staging", "production") if wanted[name] == "pass"} | {"train.fit"}
    assert digests == {
        ("train.fit", "metrics.json"): reference(epochs)["metrics.json"],
        **{(job, "models/model.pkl"): reference(epochs)["models/model.pkl"] for job in model},
    }


SECRET_IN_LOG = "a-value-that-is-secret"


def test_what_is_played_is_documented() -> None:
    page = Path(__file__).parent / "README.md"
    if os.environ.get("MLGEN_REGENERATE"):
        page.write_text(document(), "utf-8")
    assert page.read_text("utf-8") == document()


def test_every_limit_is_needed() -> None:
    """A limit that says no more than the table, or speaks of no scenario, has outlived its reason."""
    for limit in LIMITS:
        concerned = [s for s in SCENARIOS if any(limit.concerns(limit.engine, s, job) for job in s.jobs)]
        told = [word for s in concerned for job, word in s.jobs.items() if limit.concerns(limit.engine, s, job)]
        assert any(not same(word, limit.instead) and word != limit.instead for word in told), limit
        names = {each.strip() for each in limit.scenarios.split("|")}
        assert all(any(fnmatchcase(s.id, name) for s in concerned) for name in names), limit
        assert limit.engine in ENGINES and limit.whose in ("engine", "system") and limit.reason
