"""Where the lines of the committed outputs come from."""

import re
from functools import cache
from pathlib import Path

import pytest

from mlgen.provenance.origins import Origin, Traced, traced
from mlgen.provenance.places import became, keys_at

ROOT = Path(__file__).resolve().parents[2]
WINE, FEATURES = ROOT / "examples/wine-quality", ROOT / "tests/fixtures/features"


@cache
def found(project: Path) -> Traced:
    return traced(str(project), "mlgen.yaml")


def lines(project: Path) -> list[tuple[str, Origin]]:
    return [(file.path, origin) for file in found(project).files for origin in file.lines]


def reasons(origin: Origin) -> set[str]:
    return {key.name for key in (*origin.keys, *origin.because)}


@pytest.mark.parametrize("project", [WINE, FEATURES], ids=lambda path: path.name)
def test_every_line_of_every_file_is_there(project: Path) -> None:
    assert len(found(project).files) == 7
    for file in found(project).files:
        written = (project / file.path).read_text("utf-8").splitlines()
        assert [(o.number, o.text) for o in file.lines] == list(enumerate(written, 1)), file.path
        headers = [o.number for o in file.lines if not o.refs]
        assert headers in ([1, 2], [2, 3]), file.path


@pytest.mark.parametrize("project", [WINE, FEATURES], ids=lambda path: path.name)
def test_a_line_that_names_its_job_is_in_the_part_of_that_job(project: Path) -> None:
    seen = set()
    for path, origin in lines(project):
        said = re.search(r"MLGEN_JOB\W+([a-z]+\.[a-z]+)", origin.text)
        if said and not path.startswith(".mlgen"):
            assert origin.job == said[1], (path, origin)
            seen.add((path, origin.job))
    jobs = {job.id for job in found(project).pipeline.jobs}
    assert {job for _, job in seen} == jobs


@pytest.mark.parametrize(
    ("text", "key"),
    [
        ("python -m wine.fetch", "stages.data.fetch.run"),
        ("python -m wine.deploy staging", "stages.deploy.staging.run"),
        ("pytest --junitxml=reports/unit.xml", "stages.test.unit.run"),
        ("pip install -r requirements.txt", "runtime.setup"),
        ("accuracy >= baseline - 0.01", "gates.quality.require[1]"),
        ("--baseline baselines/metrics.json", "gates.quality.baseline"),
        ("~/.cache/pip", "runtime.cache"),
        ("17 3 * * 1", "triggers.schedule[0].cron"),
        ("Passes over the training data", "triggers.manual.inputs.epochs.description"),
        ("models/model.pkl", "stages."),
        ("DEPLOY_TOKEN", "DEPLOY_TOKEN|secrets"),
    ],
)
def test_a_text_of_the_spec_is_found_wherever_it_went(text: str, key: str) -> None:
    hits = [(path, o) for path, o in lines(WINE) if text in o.text and o.refs and not path.startswith(".mlgen/ci.py")]
    assert hits
    for path, origin in hits:
        assert any(re.match(key, name) or key in name or re.search(key, name) for name in reasons(origin)), (
            path,
            origin,
        )


TIMEOUT = {
    ".github/workflows/ml.yml": r"timeout-minutes: 90$",
    ".gitlab-ci.yml": r"timeout: 1h 32m",
    ".circleci/config.yml": r"no_output_timeout: 21m",
    "Jenkinsfile": r"timeout -k 30 20m",
    ".travis.yml": r"timeout -k 30 20m",
}


@pytest.mark.parametrize("path", TIMEOUT)
def test_a_number_is_traced_through_the_arithmetic_of_a_target(path: str) -> None:
    hits = [o for name, o in lines(WINE) if name == path and re.search(TIMEOUT[path], o.text) and o.job == "data.fetch"]
    assert hits
    assert all("stages.data.fetch.timeout" in reasons(origin) for origin in hits)


def one(project: Path, path: str, pattern: str, job: str = "") -> Origin:
    hits = [o for name, o in lines(project) if name == path and re.search(pattern, o.text) and o.job == job]
    assert hits, (path, pattern)
    return hits[0]


WORKFLOW = ".github/workflows/ml.yml"


@pytest.mark.parametrize(
    ("path", "pattern", "job", "keys"),
    [
        (WORKFLOW, r"continue-on-error: true", "train.sweep", {"stages.train.sweep.allow_failure"}),
        (WORKFLOW, r"python-version", "data.fetch", {"runtime.python"}),
        (WORKFLOW, r"python-version", "test.lint", {"stages.test.lint.python"}),
        (WORKFLOW, r"max-parallel: 2", "train.fit", {"stages.train.fit.matrix.max_parallel"}),
        (WORKFLOW, r"needs: .*\bclean\b", "train.fit", {"stages.train.fit.deps[0]"}),
        (WORKFLOW, r"if: .*release", "train.sweep", {"stages.train.sweep.when"}),
        (WORKFLOW, r"runs-on: \[self-hosted, gpu\]", "train.fit", {"runners.gpu.github[0]", "runners.gpu.github[1]"}),
        (WORKFLOW, r"actions: read", "deploy.production", {"environments.production.approval"}),
        (WORKFLOW, r"tags: \[v\*\]", "", {"triggers.tag[0]"}),
        (WORKFLOW, r"branches: \[trunk, ", "", {"triggers.push.branches[0]", "triggers.push.branches[2]"}),
        (WORKFLOW, r"match branch_release ", "", {"stages.train.sweep.when.branch"}),
        (WORKFLOW, r"cancel-in-progress", "", {"concurrency.cancel"}),
        (WORKFLOW, r"GREETING", "", {"env.GREETING"}),
        (".gitlab-ci.yml", r"when: manual", "deploy.production", {"environments.production.approval"}),
        (".gitlab-ci.yml", r"allow_failure: true", "train.sweep", {"stages.train.sweep.allow_failure"}),
        (".circleci/config.yml", r"type: approval", "deploy.production", {"environments.production.approval"}),
        ("Jenkinsfile", r"input message", "deploy.production", {"environments.production.approval.prompt"}),
        ("Jenkinsfile", r"junit testResults", "test.unit", {"stages.test.unit.reports.junit"}),
        (".travis.yml", r"name: .*lint", "test.lint", {"stages.test.lint"}),
        (".mlgen/env.sh", r"MLGEN_TARGET=circleci", "", {"targets.circleci"}),
        (".mlgen/env.sh", r"MLGEN_INPUT_RATE", "", {"triggers.manual.inputs.rate"}),
    ],
)  # fmt: skip
def test_what_a_line_depends_on(path: str, pattern: str, job: str, keys: set[str]) -> None:
    assert keys <= reasons(one(FEATURES, path, pattern, job))


def test_each_line_of_a_script_has_its_line_of_the_spec() -> None:
    spec = (FEATURES / "mlgen.yaml").read_text("utf-8").splitlines()
    hits = [
        (path, o)
        for path, o in lines(FEATURES)
        if "cat <<'EOF' > note.txt" in o.text or "./clean.sh data/raw" in o.text
    ]
    assert len(hits) == 9
    for path, origin in hits:
        (at,) = [key.position for key in origin.keys if key.name == "stages.data.clean.run"]
        assert spec[at.line - 1].strip() in origin.text or path == "Jenkinsfile", origin


@pytest.mark.parametrize("project", [WINE, FEATURES], ids=lambda path: path.name)
def test_a_position_is_that_of_the_key(project: Path) -> None:
    spec = (project / "mlgen.yaml").read_text("utf-8").splitlines()
    for _, origin in lines(project):
        for key in (*origin.keys, *origin.because):
            if not key.position.line:
                assert "default of mlgen" in key.note
            elif isinstance(key.path[-1], str) and key.position.column > 1:
                assert spec[key.position.line - 1][key.position.column - 1 :].startswith(
                    (key.path[-1], "- ", "|", '"')
                ), key


def test_what_a_line_of_the_spec_became() -> None:
    spec = (WINE / "mlgen.yaml").read_text("utf-8").splitlines()
    number = next(i for i, line in enumerate(spec, 1) if "run: python -m wine.validate" in line)
    assert keys_at(found(WINE).loaded, number) == (("stages", "data", "validate", "run"),)
    parts = became(found(WINE), number)
    assert [part.target for part in parts] == ["github", "gitlab", "circleci", "jenkins", "travis"]
    assert all("python -m wine.validate" in line.text for part in parts for line in part.lines)


def test_a_job_became_its_whole_part_of_each_file() -> None:
    spec = (WINE / "mlgen.yaml").read_text("utf-8").splitlines()
    number = next(i for i, line in enumerate(spec, 1) if line == "    validate:")
    parts = {part.file: list(part.ranges()) for part in became(found(WINE), number)}
    text = "\n".join(line.text for line in max(parts[WORKFLOW], key=len))
    assert text.lstrip().startswith("# stages.data.validate")
    assert "# stages.train.fit" not in text


def test_a_line_within_a_script_and_lines_without_a_key() -> None:
    spec = (FEATURES / "mlgen.yaml").read_text("utf-8").splitlines()
    inside = next(i for i, line in enumerate(spec, 1) if line.strip() == "./clean.sh data/raw/")
    assert keys_at(found(FEATURES).loaded, inside) == (("stages", "data", "clean", "run"),)
    assert {line.text.strip().split(" && ")[0] for part in became(found(FEATURES), inside) for line in part.lines} >= {
        "./clean.sh data/raw/"
    }
    assert keys_at(found(FEATURES).loaded, 1) == ()
    assert keys_at(found(FEATURES).loaded, len(spec) + 10) == ()
