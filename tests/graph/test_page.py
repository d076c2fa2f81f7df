"""The page, as a browser runs it: what a click and a key light up, and that it asks for nothing else."""

import json
import re
import shutil
from pathlib import Path

import pytest

from mlgen import targets
from mlgen.graph.page import page
from mlgen.provenance.origins import traced
from tests.engines import browser

ROOT = Path(__file__).resolve().parents[2]
SPEC = ROOT / "examples/wine-quality/mlgen.yaml"
REPORT = """
const lit = kind => [...document.querySelectorAll('.code')].map(code => ({
  file: code.getAttribute('aria-label'),
  lines: [...code.querySelectorAll('.ln.' + kind)].map(line => Number(line.dataset.n)),
})).filter(each => each.lines.length);
const report = name => {
  const out = document.createElement('script');
  out.type = 'application/json';
  out.className = 'report';
  out.textContent = JSON.stringify({
    name, on: lit('on'), near: lit('near'), hash: location.hash,
    shown: document.querySelector('#about section:not([hidden]) h2').firstChild.textContent,
    pressed: [...document.querySelectorAll('.job[aria-pressed=true]')].map(job => job.dataset.job),
    said: document.getElementById('said').textContent,
  });
  document.body.append(out);
};
const key = (target, key) => target.dispatchEvent(new KeyboardEvent('keydown', { key, bubbles: true }));
"""


@pytest.fixture(scope="module")
def wine(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("wine")
    shutil.copy(SPEC, root)
    found = traced(str(root), "mlgen.yaml")
    path = root / "page.html"
    path.write_text(page(found, "0", lambda name: targets.get(name).title), "utf-8")
    return path


def reports(page: Path, script: str) -> dict[str, dict[str, object]]:
    shown = browser.show(page, REPORT + script)
    assert shown.console == []
    texts = re.findall(r'<script type="application/json" class="report">(.*?)</script>', shown.dom, re.DOTALL)
    return {found["name"]: found for found in map(json.loads, texts)}


def files(found: object) -> dict[str, list[int]]:
    assert isinstance(found, list)
    return {each["file"]: each["lines"] for each in found}


def text(page: Path, file: str, numbers: list[int]) -> list[str]:
    lines = (SPEC.parent / file).read_text("utf-8").splitlines()
    return [lines[number - 1].strip() for number in numbers]


def test_clicks_and_keys_light_up_what_belongs_together(wine: Path) -> None:
    spec = SPEC.read_text("utf-8").splitlines()
    timeout = next(n for n, line in enumerate(spec, 1) if line.strip() == "timeout: 20m")
    workflow = (SPEC.parent / ".github/workflows/ml.yml").read_text("utf-8").splitlines()
    run = next(n for n, line in enumerate(workflow, 1) if "python -m wine.validate" in line)
    found = reports(
        wine,
        f"""
        report('start');
        document.querySelector('[data-job="train.fit"]').dispatchEvent(new MouseEvent('click', {{ bubbles: true }}));
        report('job');
        key(document.body, 'Escape');
        report('escape');
        document.getElementById('l{timeout}').click();
        report('spec');
        document.getElementById('p0-{run}').click();
        report('output');
        key(document.querySelector('[data-job="test.unit"]'), 'Enter');
        report('key');
        const code = document.getElementById('spec');
        key(document.body, 'Escape');
        key(code, 'Home');
        for (let n = 1; n < {timeout}; n++) key(code, 'ArrowDown');
        key(code, 'Enter');
        report('arrows');
        """,
    )
    assert found["start"]["shown"] == "Choose a job, or a line"
    assert found["start"]["on"] == []

    job = found["job"]
    assert (job["shown"], job["pressed"], job["hash"]) == ("train.fit", ["train.fit"], "#train.fit")
    lit = files(job["on"])
    assert spec[lit["mlgen.yaml"][0] - 1].strip() == "fit:"
    for file in (".github/workflows/ml.yml", ".gitlab-ci.yml", ".circleci/config.yml", "Jenkinsfile", ".travis.yml"):
        assert any("python -m wine.train" in line for line in text(wine, file, lit[file])), file
    assert "train.fit: " in str(job["said"])

    assert (found["escape"]["on"], found["escape"]["near"], found["escape"]["hash"]) == ([], [], "")

    near = files(found["spec"]["near"])
    assert "timeout-minutes: 90" in text(wine, ".github/workflows/ml.yml", near[".github/workflows/ml.yml"])
    assert files(found["spec"]["on"])["mlgen.yaml"] == [timeout]

    output = files(found["output"]["on"])
    assert [spec[n - 1].strip() for n in output["mlgen.yaml"]] == ["run: python -m wine.validate"]
    assert text(wine, ".gitlab-ci.yml", output[".gitlab-ci.yml"]) == ["- python -m wine.validate"]
    assert found["output"]["shown"] == "data.validate"

    assert found["key"]["pressed"] == ["test.unit"]
    assert {**found["arrows"], "name": ""} == {**found["spec"], "name": ""}


def test_every_job_is_told_in_words(wine: Path) -> None:
    shown = re.sub(r"<[^>]+>", " ", wine.read_text("utf-8").partition('id="about"')[2].partition('class="tools"')[0])
    said = " ".join(shown.replace("&#39;", "'").split())
    for words in (
        "deploy.production mlgen.yaml:95:5",
        "Secrets DEPLOY_TOKEN only in staging and production",
        "Approval approval for production",
        "Waits for data.fetch takes data/wine.csv",
        "not on pull request",
        "After a failure 2 retries",
        "Waits for nothing it starts at once",
        "Gate quality: accuracy &gt;= 0.90; accuracy &gt;= baseline - 0.01",
    ):
        assert words in said, words


def test_it_asks_for_nothing_and_names_every_file(wine: Path) -> None:
    source = wine.read_text("utf-8")
    assert not re.search(r"""(?:src|href)=["']?(?!data:|#)\w""", source)
    assert "default-src 'none'" in source
    names = [".github/workflows/ml.yml", ".gitlab-ci.yml", ".circleci/config.yml", "Jenkinsfile", ".travis.yml"]
    assert all(f'aria-label="{name}"' in source for name in [*names, ".mlgen/env.sh", ".mlgen/ci.py", "mlgen.yaml"])


def test_what_a_user_writes_is_text(tmp_path: Path) -> None:
    evil = "</script><script>console.error('owned')</script><img src=x onerror=console.error(1)>"
    (tmp_path / "mlgen.yaml").write_text(
        f"""version: 1
project: evil
targets: [github]
env: {{A: {json.dumps(evil)}}}
stages:
  train:
    fit: {{run: {json.dumps("echo " + repr(evil))}, outs: [a.csv]}} # {evil}
""",
        "utf-8",
    )
    path = tmp_path / "page.html"
    path.write_text(page(traced(str(tmp_path), "mlgen.yaml"), "0", str), "utf-8")
    found = reports(path, "document.querySelector('.job').dispatchEvent(new MouseEvent('click')); report('job');")
    assert found["job"]["pressed"] == ["train.fit"]


def test_a_job_can_be_asked_for_in_the_address(wine: Path) -> None:
    found = reports(wine, "location.hash = '#deploy.staging'; setTimeout(() => report('late'), 50);")
    assert found["late"]["hash"] == "#deploy.staging"
