"""What a run says: its table, its data, and JUnit XML."""

from __future__ import annotations

import json
import re
from pathlib import Path
from xml.etree import ElementTree

import pytest

from tests.run.conftest import Project

SPEC = """
    stages:
      data: {fetch: {run: echo rows > a.csv, outs: [a.csv]}}
      train:
        fit: {matrix: {n: [1, 2]}, run: 'printf "bad \\x1b[31m\\x01 <&>\\n"; test "$n" = 1', deps: [a.csv]}
        maybe: {run: exit 1, allow_failure: true}
      test: {unit: {run: "true"}, docs: {run: "true", when: {event: manual}}}
"""


def test_the_table(project: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(project.folder)
    done = project.spec(SPEC).said()
    text = re.sub(r"\d+\.\d s", "0.0 s", done.out)
    assert done.code == 1
    assert text.startswith("mlgen: push to main: 4 of 5 jobs\ndata.fetch: started\ndata.fetch: passed in 0.0 s\n")
    assert "train.fit (2): FAILED in 0.0 s: exit status 1\n  | bad \ufffd[31m\ufffd <&>\n" in text
    assert "train.maybe: FAILED in 0.0 s (allowed): exit status 1\n" in text
    assert text.endswith("""
data.fetch   passed       0.0 s
train.fit    FAILED       0.0 s  2: exit status 1
train.maybe  FAILED       0.0 s  exit status 1 (allowed)
test.unit    stopped             train.fit did not succeed
test.docs    skipped             not on push

5 jobs in 0.0 s: 1 passed, 2 failed, 1 stopped, 1 skipped. Logs and files: .mlgen-run/1
""")


def test_the_log_as_it_is_written(project: Project) -> None:
    done = project.spec("stages: {test: {a: {run: echo one}}}").said("-v")
    assert "test.a | one\n" in done.out


def test_data_and_junit(project: Project, tmp_path: Path) -> None:
    done = project.spec(SPEC).run("--junit", str(tmp_path / "all.xml"))
    data = done.data
    assert (data["event"], data["result"], data["number"]) == ("push to main", "failure", 1)
    assert data["jobs"]["train.fit"]["legs"]["1"]["result"] == "success"
    assert json.loads((project.folder / ".mlgen-run/latest/run.json").read_text("utf-8")) == data
    suite = ElementTree.parse(tmp_path / "all.xml").getroot()[0]
    assert {k: suite.get(k) for k in ("tests", "failures", "skipped")} == {
        "tests": "6",
        "failures": "2",
        "skipped": "2",
    }
    cases = {f"{case.get('classname')}.{case.get('name')}": [child.tag for child in case] for case in suite}
    assert cases == {
        "data.fetch": [],
        "train.fit (1)": ["system-out"],
        "train.fit (2)": ["failure", "system-out"],
        "train.maybe": ["skipped", "system-out"],
        "test.unit": ["failure"],
        "test.docs": ["skipped"],
    }


def test_reports_and_files_are_kept(project: Project) -> None:
    done = project.spec("""
        stages:
          test:
            unit:
              run:
                - mkdir r logs
                - echo "<testsuite><testcase name='a'/></testsuite>" > r/unit.xml
                - echo x > logs/a
                - exit 1
              reports: {junit: r/unit.xml}
              keep: {paths: [logs/], result: any}
    """).run()
    assert "tests: 1 passed, 0 failed, 0 skipped" in done.log("unit")
    latest = project.folder / ".mlgen-run/latest"
    assert (latest / "reports/unit/r/unit.xml").is_file()
    assert (latest / "kept/unit/logs/a").read_text() == "x\n"


def test_only_the_last_runs_are_kept(project: Project) -> None:
    project.spec("stages: {test: {a: {run: 'true'}}}")
    for _ in range(4):
        assert project.run().code == 0
    assert sorted(path.name for path in (project.folder / ".mlgen-run").iterdir()) == [
        ".gitignore",
        "2",
        "3",
        "4",
        "latest",
    ]


def test_one_job_and_what_it_depends_on(project: Project) -> None:
    project.spec("""
        stages:
          data: {fetch: {run: echo > a, outs: [a]}, other: {run: exit 1}}
          train: {fit: {run: "true", deps: [a]}}
          test: {unit: {run: "true"}, ready: {needs: [fit, unit]}}
    """)
    done = project.run("--job", "fit")
    assert done.code == 0, "a barrier on a job that is not asked for asks nothing"
    assert done.results == {
        "fetch": "success",
        "other": "skipped",
        "fit": "success",
        "unit": "skipped",
        "ready": "skipped",
    }
    assert project.run("--job", "ready").results["unit"] == "success"
    refused = project.spec("stages: {deploy: {out: {run: 'true'}}, test: {a: {run: 'true'}}}").said("--job", "out")
    assert (refused.code, "it deploys; --deploy lets it" in refused.err) == (2, True)


def test_no_folder_of_a_job_stays(project: Project, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from tests.run.conftest import CACHE

    project.spec("stages: {test: {a: {run: pwd}}}")
    folder = Path(project.run().log("a").strip())
    assert folder.is_relative_to((CACHE / "mlgen/run/work").resolve())
    assert not folder.exists()
    kept = Path(project.run("--keep").log("a").strip())
    assert kept.is_dir()
    import shutil

    shutil.rmtree(kept.parent.parent)
