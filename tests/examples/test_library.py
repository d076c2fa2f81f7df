"""The jobs of examples/library, run one by one, each in a checkout of its own."""

from __future__ import annotations

import base64
import os
import re
import shutil
import subprocess
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from mlgen.compiler import analyse
from tests.examples.test_examples import checkout, passing, report

ROOT = Path(__file__).resolve().parents[2] / "examples/library"
PIPELINE = analyse(str(ROOT), "mlgen.yaml")[0]
TOKEN = "pypi-token-of-the-test"


class Runner:
    """Runs jobs with the example's own Python; `dist` is what `dist` hands on."""

    def __init__(self, python: Path, work: Path) -> None:
        self.python, self.work = python, work

    def run(self, name: str, **variables: str) -> tuple[Path, subprocess.CompletedProcess[str]]:
        job = next(job for job in PIPELINE.jobs if job.name == name)
        project = checkout("library", self.work / name)
        if job.takes:
            shutil.copytree(self.work / "dist/dist", project / "dist")
        kept = {
            k: v for k, v in os.environ.items() if not k.startswith(("MLGEN_", "PYTHON", "PYTEST_", "COV_", "TWINE_"))
        }
        env = {**kept, **dict(job.env), "MLGEN_TAG": "", "PIP_DISABLE_PIP_VERSION_CHECK": "1", **variables}
        env["PATH"] = f"{self.python.parent}{os.pathsep}{env['PATH']}"
        # Instead of the editable install of `setup`, which would tie the environment to one checkout.
        env["PYTHONPATH"] = "" if name == "installed" else str(project / "src")
        command = ["bash", "-euo", "pipefail", "-c", self.script(job.run)]
        return project, subprocess.run(command, cwd=project, env=env, capture_output=True, text=True, timeout=300)

    def script(self, run: str) -> str:
        """The script for an index of the test, of which twine does not know that it could skip what it has."""
        return run.replace("twine upload --non-interactive --skip-existing", "twine upload --non-interactive")


@pytest.fixture
def runner(library_python: Path, tmp_path: Path) -> Runner:
    return Runner(library_python, tmp_path)


def test_lint(runner: Runner) -> None:
    passing(runner.run("lint")[1])


def test_units_run_on_every_python_and_system() -> None:
    unit = PIPELINE.job("test.unit")
    assert unit.matrix
    versions = [leg.python for leg in unit.matrix.legs]
    oldest = re.search(r'requires-python = ">=(.+)"', (ROOT / "pyproject.toml").read_text("utf-8"))
    assert oldest and oldest[1] == versions[0] and len(set(versions)) == len(versions) >= 4
    for system in ("macos", "windows"):
        job = PIPELINE.job(f"test.{system}")
        assert job.runner.name == system
        assert job.run == unit.run.split(" --cov")[0]


def test_coverage(runner: Runner) -> None:
    project, done = runner.run("unit")
    assert "Required test coverage of 95.0% reached" in passing(done)
    suite = report(project / "reports/unit.xml")
    assert int(suite.attrib["tests"]) > 15 and suite.attrib["failures"] == suite.attrib["errors"] == "0"
    assert "<coverage " in (project / "coverage.xml").read_text("utf-8")


def test_the_wheel_is_built_tried_and_published(runner: Runner, index: Index) -> None:
    project, done = runner.run("dist", MLGEN_TAG="v1.2.0")
    passing(done)
    names = sorted(path.name for path in (project / "dist").iterdir())
    assert names == ["mlgen_example_scorecard-1.2.0-py3-none-any.whl", "mlgen_example_scorecard-1.2.0.tar.gz"]
    assert passing(runner.run("installed")[1]).splitlines()[-1] == "1.0"

    done = runner.run("publish", TWINE_PASSWORD=TOKEN, TWINE_REPOSITORY_URL=index.url)[1]
    assert TOKEN not in passing(done)
    assert sorted(index.files) == names
    assert index.users == {f"__token__:{TOKEN}"}


@pytest.mark.parametrize(("tag", "code"), [("", 0), ("v1.2.0", 0), ("v1.2.1", 1), ("1.2.0", 1), ("v1.2.0 ", 1)])
def test_a_tag_must_be_that_of_the_version(library_python: Path, tag: str, code: int) -> None:
    done = subprocess.run([library_python, "tools/check_tag.py", tag], cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == code
    assert ("does not belong to version 1.2.0" in done.stderr) is bool(code)


class Index:
    """A package index on loopback that takes every upload."""

    def __init__(self) -> None:
        self.files: list[str] = []
        self.users: set[str] = set()
        index = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"]))
                index.files += [name.decode() for name in re.findall(rb'filename="([^"]+)"', body)]
                index.users.add(base64.b64decode(self.headers["Authorization"].split()[1]).decode())
                self.send_response(200)
                self.end_headers()

            def log_message(self, *_: object) -> None: ...

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_port}/legacy/"


@pytest.fixture
def index() -> Iterator[Index]:
    found = Index()
    thread = threading.Thread(target=found.server.serve_forever)
    thread.start()
    yield found
    found.server.shutdown()
    thread.join()
    found.server.server_close()
