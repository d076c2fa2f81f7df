"""How jobs end, and what that means for those that wait for them."""

from __future__ import annotations

import time

import pytest

from tests.run.conftest import Project


def test_a_failure_stops_what_waits_for_it(project: Project) -> None:
    done = project.spec("""
        stages:
          data: {bad: {run: exit 3}, good: {run: "true"}}
          train: {fit: {run: "true"}, free: {run: "true", needs: [good]}}
          test: {unit: {run: "true", needs: []}, more: {run: "true"}}
    """).run()
    wanted = {"bad": "failure", "good": "success", "fit": "stopped", "free": "success", "unit": "success"}
    assert (done.code, done.results) == (1, {**wanted, "more": "stopped"})
    assert done.reason("data.bad") == "exit status 3"
    assert done.reason("train.fit") == "data.bad did not succeed"


def test_scripts_stop_at_the_first_failure(project: Project) -> None:
    done = project.spec("stages: {test: {a: {run: ['false | true', echo never]}}}").run()
    assert (done.code, done.log("a")) == (1, "mlgen: exit status 1\n")


def test_a_retry_goes_on_in_the_same_workspace(project: Project) -> None:
    done = project.spec("""
        stages:
          data:
            fetch: {run: "test -e tried || { touch tried; exit 1; }; echo > a", outs: [a], retry: 2}
            never: {run: exit 5, retry: 1}
    """).run()
    assert done.results == {"fetch": "success", "never": "failure"}
    assert done.data["jobs"]["data.fetch"]["tries"] == 2
    assert done.reason("data.never") == "exit status 5, 2 tries"
    assert "mlgen: try 2 of 3" in done.log("fetch")


def test_a_timeout_ends_all_that_the_command_started(project: Project) -> None:
    began = time.monotonic()
    done = project.spec("""
        stages:
          test:
            slow: {run: "(sleep 4711; echo never) & sleep 4711", timeout: 1s, on_failure: echo too late}
            after: {run: "true", needs: [slow]}
    """).run()
    assert (done.code, done.results) == (1, {"slow": "failure", "after": "stopped"})
    assert done.reason("test.slow") == "it took more than its 1 seconds"
    assert "too late" in done.log("slow")
    assert "never" not in done.log("slow")
    assert time.monotonic() - began < 30
    assert left("sleep 4711") == []


def left(command: str) -> list[str]:
    """The processes with this command line."""
    from pathlib import Path

    found = []
    for path in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            words = path.read_bytes().decode(errors="replace").split("\0")
        except OSError:
            continue
        if " ".join(words).strip() == command:
            found.append(str(path))
    return found


def test_what_a_job_leaves_running_ends_with_it(project: Project) -> None:
    done = project.spec("""
        stages:
          test:
            a: {run: "setsid sleep 4713 > /dev/null & sleep 4714 & echo started"}
    """).run()
    assert done.code == 0
    assert left("sleep 4713") + left("sleep 4714") == []


def test_last_scripts(project: Project) -> None:
    done = project.spec("""
        stages:
          test:
            good: {run: echo work, finally: 'echo "finally $MLGEN_RESULT"', on_failure: echo never}
            bad:
              run: exit 1
              finally: echo "finally $MLGEN_RESULT"
              on_failure: ['echo "on_failure $MLGEN_RESULT"', exit 1]
    """).run()
    assert done.results == {"good": "success", "bad": "failure"}
    assert done.log("good") == "work\nfinally success\n"
    told = ["mlgen: exit status 1", "on_failure failure", "mlgen: on_failure failed", "finally failure"]
    assert done.log("bad").splitlines() == told


RESULTS = """
    stages:
      train:
        fit: {run: "test -z \\"${BREAK-}\\""}
        maybe: {run: exit 1, allow_failure: true}
        docs: {run: "true", when: {event: manual}}
      test:
        unit: {run: "true"}
        all-green: {needs: [fit, maybe, docs, unit]}
        after: {run: "true", needs: [all-green]}
        tell:
          run: echo "$MLGEN_RESULT_FIT $MLGEN_RESULT_UNIT $MLGEN_RESULT_DOCS"
          needs: [fit, unit, docs]
          when: {result: failure}
        cheer: {run: "true", needs: [fit, unit], when: {result: success}}
        always: {run: "true", needs: [fit, unit], when: {result: any}}
"""


def test_jobs_that_look_at_results(project: Project) -> None:
    project.spec(RESULTS)
    good = project.run()
    assert good.code == 0, good.err
    assert good.results == {
        "fit": "success", "maybe": "failure", "docs": "skipped", "unit": "success", "all-green": "success",
        "after": "success", "tell": "skipped", "cheer": "success", "always": "success",
    }  # fmt: skip


def test_jobs_that_look_at_failures(project: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    project.spec(RESULTS)
    monkeypatch.setenv("BREAK", "1")
    bad = project.run("--pass", "BREAK")
    assert bad.code == 1
    assert bad.results == {
        "fit": "failure", "maybe": "failure", "docs": "skipped", "unit": "stopped", "all-green": "failure",
        "after": "stopped", "tell": "success", "cheer": "skipped", "always": "success",
    }  # fmt: skip
    assert bad.log("tell") == "failure failure skipped\n"


def test_values_decide(project: Project) -> None:
    done = project.spec("""
        stages:
          train:
            fit:
              run: 'echo "{\\"a\\": {\\"b\\": true}}" > m.json'
              metrics: [m.json]
              exports: {flag: {json: m.json, key: a.b}}
            mark: {run: 'echo "score=0.9" >> "$MLGEN_EXPORTS"', exports: [score]}
            deep: {run: 'echo "$score $flag"', needs: [fit, mark], when: {value: {mark.score: "0.9"}}}
            other: {run: "true", needs: [], when: {value: {mark.score: "0.8"}}}
            more: {run: "true", needs: [other]}
            blind: {run: 'test -z "${score-}"', needs: [middle]}
            middle: {run: "true", needs: [mark]}
    """).run()
    assert done.code == 0, done.err or done.out
    wanted = {
        "fit": "success",
        "mark": "success",
        "deep": "success",
        "other": "skipped",
        "more": "skipped",
        "blind": "success",
        "middle": "success",
    }
    assert (done.results, done.log("deep")) == (wanted, "0.9 true\n")
    assert done.reason("train.other") == "an exported value says so"


def test_an_export_that_is_not_made_fails_its_job(project: Project) -> None:
    done = project.spec(
        "stages: {train: {fit: {run: 'true', exports: [score]}, use: {run: 'true', needs: [fit]}}}"
    ).run()
    assert done.results == {"fit": "failure", "use": "stopped"}
    assert "the job wrote no line for it" in done.log("fit")


GATE = """
    stages:
      train: {{fit: {{run: 'echo "{{\\"accuracy\\": 0.8}}" > metrics.json', metrics: [metrics.json]}}}}
      test: {{quality: {{gate: quality}}, after: {{run: "true", needs: [quality]}}}}
    gates: {{quality: {{metrics: metrics.json, require: ["accuracy >= 0.9"], on_fail: {how}}}}}
"""


@pytest.mark.parametrize(
    ("how", "code", "quality", "after"),
    [
        ("fail", 1, "failure", "stopped"),
        ("warn", 0, "success", "success"),
        ("stop", 0, "success", "skipped"),
    ],
)
def test_gates(project: Project, how: str, code: int, quality: str, after: str) -> None:
    done = project.spec(GATE.format(how=how)).run()
    assert (done.code, done.results) == (code, {"fit": "success", "quality": quality, "after": after}), done.err
    assert "FAIL    accuracy >= 0.9" in done.log("quality")


def test_a_baseline_of_a_branch(project: Project) -> None:
    spec = GATE.format(how="fail").replace("accuracy >= 0.9", "accuracy >= baseline")
    spec = spec.replace("on_fail: fail", "baseline: {branch: main}")
    project.spec(spec, **{"metrics.json": '{"accuracy": 0.85}'})
    done = project.run()
    assert done.results["quality"] == "failure", done.log("quality")
    project.write(**{"metrics.json": '{"accuracy": 0.7}'}).commit()
    assert project.run().results["quality"] == "success"


def test_alternatives(project: Project) -> None:
    project.spec("""
        stages:
          data:
            full: {run: echo full > raw, outs: [raw], when: {event: push}}
            sample: {run: echo sample > raw, outs: [raw], when: {event: pull_request}}
            clean: {run: cat raw, needs: [], deps: [raw]}
    """)
    assert project.run().log("clean") == "full\n"
    done = project.run("pull_request")
    assert (done.results, done.log("clean")) == (
        {"full": "skipped", "sample": "success", "clean": "success"},
        "sample\n",
    )


def test_steps_and_shells(project: Project) -> None:
    done = project.spec(
        """
        stages:
          test:
            steps:
              steps:
                - {name: One, run: "cd /; x=1"}
                - {name: Two, run: 'echo "$PWD ${x-none}"'}
                - {name: Sign, github: {uses: "a/b@0123456789012345678901234567890123456789"}}
            python: {run: "import sys; print(sys.version_info[0])", shell: python}
            folder: {run: pwd, working_directory: sub}
            whole: {native: {github: {uses: "o/r/.github/workflows/x.yml@0123456789012345678901234567890123456789"}}}
    """,
        **{"sub/keep": ""},
    ).run()
    assert done.code == 0, done.err or done.out
    assert done.results == {"steps": "success", "python": "success", "folder": "success", "whole": "skipped"}
    assert done.log("steps").splitlines()[2].endswith("/tree none")
    assert "mlgen: step Sign is in the words of a CI system" in done.log("steps")
    assert done.log("python") == "3\n"
    assert done.log("folder").endswith("/tree/sub\n")


# ---- deployments


DEPLOY = """
    stages:
      train: {fit: {run: "true"}}
      deploy:
        staging: {run: 'echo "deploying $TOKEN"', environment: staging, secrets: [TOKEN]}
        production: {run: echo deploying, environment: production, needs: [staging]}
      monitor:
        look: {run: "true", when: {event: push}}
    secrets: {TOKEN: {environments: [staging]}}
    environments: {staging: {}, production: {approval: true}}
"""


def test_nothing_is_deployed_by_accident(project: Project) -> None:
    done = project.spec(DEPLOY).run()
    assert done.code == 0, done.err or done.out
    assert done.results == {"fit": "success", "staging": "skipped", "production": "skipped", "look": "success"}
    assert done.reason("deploy.staging") == "it deploys; --deploy lets it"


def test_an_approval_is_refused_without_a_terminal(project: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TOKEN", "a-secret-value")
    done = project.spec(DEPLOY).run("--deploy")
    assert done.code == 1
    assert done.results == {"fit": "success", "staging": "success", "production": "failure", "look": "stopped"}
    assert "--approve production gives it" in done.reason("deploy.production")
    assert done.log("staging") == "deploying ***\n"


def test_an_approval_by_an_option(project: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TOKEN", "")
    done = project.spec(DEPLOY).run("--deploy", "--approve", "production")
    assert (done.code, set(done.results.values())) == (0, {"success"})


def test_locks(project: Project) -> None:
    done = project.spec("""
        stages:
          test:
            a: {run: "mkdir ../../lock; sleep 0.5; rmdir ../../lock", lock: one}
            b: {run: "mkdir ../../lock; sleep 0.5; rmdir ../../lock", lock: one}
    """).run()
    assert done.code == 0, done.err or done.out
