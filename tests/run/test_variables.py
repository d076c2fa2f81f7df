"""What a job sees in its environment."""

from __future__ import annotations

import os
import re
from pathlib import Path

import pytest

from mlgen.run.variables import slug
from tests.run.conftest import REPOSITORY, Project, git

SHOW = """
    triggers:
      push: {branches: [main, "feature/**"]}
      pull_request: {}
      tag: ["v*"]
      schedule: [{name: weekly, cron: "17 3 * * 1", branch: main}]
      manual: {inputs: {epochs: {type: integer, default: 10}, mode: {type: choice, options: [a, b]}}}
      api: {retrain: {inputs: {epochs: {type: integer, default: 10}}}}
    env: {SHARED: "1", BUILD: "build-${MLGEN_RUN_NUMBER}"}
    stages:
      test:
        show: {run: env > env.txt, outs: [env.txt], env: {OWN: "a b", REF: "${SHARED}-${OWN}"}}
"""


def seen(project: Project, *arguments: str) -> dict[str, str]:
    done = project.run(*arguments)
    assert done.code == 0, done.err or done.out
    lines = done.file("show/env.txt").splitlines()
    return dict(line.partition("=")[::2] for line in lines if "=" in line)


def test_the_names_are_those_of_every_other_system(project: Project) -> None:
    template = (REPOSITORY / "templates/common/env.sh.j2").read_text("utf-8")
    names = {
        f"MLGEN_{n}" for n in re.search(r"for mlgen_name in ((?:[A-Z_]+|\\\n|\s)+)", template)[1].split() if n != "\\"
    }  # type: ignore[index]
    env = seen(project.spec(SHOW))
    mine = {name for name in env if name.startswith("MLGEN_")}
    assert mine - {"MLGEN_JOB", "MLGEN_LOCAL", "MLGEN_INPUT_EPOCHS", "MLGEN_INPUT_MODE"} == names


def test_a_push(project: Project) -> None:
    project.spec(SHOW)
    git(project.folder, "checkout", "-q", "-b", "feature/A_b")
    git(project.folder, "remote", "add", "origin", "https://user:secret@git.example.org/org/wine.git")
    env = seen(project)
    head = git(project.folder, "rev-parse", "HEAD")
    wanted = {
        "MLGEN_EVENT": "push", "MLGEN_BRANCH": "feature/A_b", "MLGEN_BRANCH_SLUG": "feature-a-b",
        "MLGEN_BASE_BRANCH": "", "MLGEN_TAG": "",
        "MLGEN_COMMIT": head, "MLGEN_CHECKOUT": head, "MLGEN_SCHEDULE": "", "MLGEN_RUN_NUMBER": "1",
        "MLGEN_DEFAULT_BRANCH": "main", "MLGEN_TARGET": "local", "MLGEN_JOB": "test.show", "MLGEN_INPUT_EPOCHS": "10",
        "MLGEN_INPUT_MODE": "a", "MLGEN_REPOSITORY_URL": "https://git.example.org/org/wine", "MLGEN_BASE": "",
        "SHARED": "1", "OWN": "a b", "REF": "1-a b", "BUILD": "build-1", "CI": "true",
    }  # fmt: skip
    assert {name: env[name] for name in wanted} == wanted


def test_other_events(project: Project) -> None:
    project.spec(SHOW)
    first = git(project.folder, "rev-parse", "HEAD")
    git(project.folder, "checkout", "-q", "-b", "topic")
    project.write(new="").commit()
    names = ("EVENT", "BRANCH", "BASE_BRANCH", "BASE", "TAG", "SCHEDULE", "INPUT_EPOCHS", "INPUT_MODE")

    def told(*arguments: str) -> list[str]:
        env = seen(project, *arguments)
        return [env[f"MLGEN_{name}"] for name in names]

    assert told("pull_request") == ["pull_request", "topic", "main", first, "", "", "10", "a"]
    assert told("tag", "--tag", "v1") == ["tag", "", "", "", "v1", "", "10", "a"]
    assert told("schedule") == ["schedule", "main", "", "", "", "weekly", "10", "a"]
    manual = told("manual", "--input", "epochs=3", "--input", "mode=b", "--branch", "main")
    assert manual == ["manual", "main", "", "", "", "", "3", "b"]
    assert told("retrain", "--input", "epochs=4") == ["retrain", "topic", "", "", "", "", "4", "a"]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["pusch"], "there is no event pusch"),
        (["push", "--branch", "other"], "no run starts on push to other"),
        (["tag"], "which one? --tag tells"),
        (["tag", "--tag", "x"], "no run starts on tag x"),
        (["schedule", "--schedule", "daily"], "there is no schedule daily"),
        (["manual", "--input", "epochs=many"], "the input epochs must be an integer"),
        (["manual", "--input", "mode=c"], "the input mode must be one of a, b"),
        (["manual", "--input", "speed=1"], "manual has no input speed"),
        (["retrain", "--input", "mode=a"], "retrain has no input mode"),
        (["push", "--input", "epochs=1"], "--input says nothing of the event push"),
        (["push", "--job", "nothing"], "there is no job nothing"),
    ],
)
def test_bad_arguments(project: Project, arguments: list[str], message: str) -> None:
    done = project.spec(SHOW).said(*arguments)
    assert done.code == 2
    assert message in done.err
    assert not (project.folder / ".mlgen-run").exists()


def test_the_caller_s_environment_stays_out(project: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "mine")
    monkeypatch.setenv("WANTED", "yes")
    monkeypatch.setenv("https_proxy", "http://proxy.example.org")
    env = seen(project.spec(SHOW), "--pass", "WANTED")
    assert "AWS_SECRET_ACCESS_KEY" not in env
    assert (env["WANTED"], env["https_proxy"]) == ("yes", "http://proxy.example.org")
    assert env["HOME"] != os.path.expanduser("~")
    assert "pyvenv.cfg" not in str([os.listdir(p + "/..") for p in env["PATH"].split(":")[1:] if os.path.isdir(p)])


def test_branch_slugs_are_those_of_the_shell() -> None:
    assert [slug(b) for b in ("main", "Feature/A_b", "--x--", "é", "a" * 70)] == [
        "main",
        "feature-a-b",
        "x",
        "",
        "a" * 63,
    ]


SECRETS = """
    secrets: {TOKEN: {}, KEY: {file: true}, OTHER: {}}
    stages:
      test:
        use:
          run:
            - echo "$MINE" | rev
            - echo "got $MINE"
            - cat "$KEY"; stat -c %a "$KEY"
            - test -z "${OTHER-}${TOKEN-}"
          secrets: [{MINE: TOKEN}, KEY]
        none: {run: 'test -z "${MINE-}${KEY-}"', needs: []}
"""


def test_secrets_of_the_environment(project: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TOKEN", "a secret value")
    monkeypatch.setenv("KEY", "first line of it\nsecond line of it\n")
    monkeypatch.setenv("OTHER", "nobody lists this")
    done = project.spec(SECRETS).run()
    assert done.code == 0, done.log("use")
    assert done.log("use").splitlines() == ["eulav terces a", "got ***", "***", "***", "600"]
    assert "secret value" not in done.err + done.out


def test_secrets_of_a_file(project: Project, tmp_path: Path) -> None:
    (tmp_path / "key").write_text("content of a file")
    (tmp_path / "secrets.env").write_text(f"# mine\nexport TOKEN='quoted = value'\n\nKEY={tmp_path}/key\n")
    done = project.spec(SECRETS).run("--secrets", str(tmp_path / "secrets.env"))
    assert done.code == 0, done.log("use")
    assert "eulav = detouq" in done.log("use")
    assert "content of a file600" in done.log("use")


def test_absent_secrets_are_named_before_anything_runs(project: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("KEY", "there")
    done = project.spec(SECRETS).said()
    assert done.code == 2
    assert "error MLG802: the secret TOKEN has no value here, and test.use uses it" in done.err
    assert "secret KEY" not in done.err
    assert not (project.folder / ".mlgen-run").exists()
    assert project.said("pull_request", "--fork").code == 0, "a fork's jobs see no secrets"


@pytest.mark.parametrize("text", ["TOKEN", "TOKEN = a\n1x=b"])
def test_a_bad_file_of_secrets(project: Project, tmp_path: Path, text: str) -> None:
    (tmp_path / "bad.env").write_text(text)
    done = project.spec(SECRETS).said("--secrets", str(tmp_path / "bad.env"))
    assert (done.code, "is not NAME=VALUE" in done.err) == (2, True)
    assert project.said("--secrets", str(tmp_path / "none.env")).code == 2


# ---- what has changed


CHANGED = """
    stages:
      train: {fit: {run: "true", deps: [src/], when: {changed: true}}, use: {run: "true", needs: [fit]}}
      test: {docs: {run: "true", when: {changed: {paths: ["docs/**"], against: main}}}, all: {run: "true"}}
"""


def test_what_has_changed_since_the_last_push(project: Project, tmp_path: Path) -> None:
    project.spec(CHANGED, **{"src/a.py": "", "docs/a.md": ""})
    everything = {"fit": "success", "use": "success", "docs": "success", "all": "success"}
    first = project.run().results
    assert first == {**everything, "docs": "skipped"}, "nothing was pushed before, and main is as main is"
    git(tmp_path, "init", "-q", "--bare", "remote.git")
    git(project.folder, "remote", "add", "origin", str(tmp_path / "remote.git"))
    git(project.folder, "push", "-q", "origin", "main")
    done = project.run()
    assert done.results == {"fit": "skipped", "use": "skipped", "docs": "skipped", "all": "success"}
    assert done.reason("train.fit") == "nothing that it depends on has changed"
    project.write(**{"src/new.py": ""})
    assert project.run().results == {**everything, "docs": "skipped"}, "a file that is not committed yet counts"
    git(project.folder, "stash", "-q", "-u")
    project.write(**{"docs/a.md": "more"}).commit()
    assert project.run().results == {"fit": "skipped", "use": "skipped", "docs": "success", "all": "success"}
    assert project.run("manual").results == everything
    assert project.run("--changed", "src/a.py").results == {**everything, "docs": "skipped"}


def test_what_has_changed_beside_the_projects_folder(project: Project, tmp_path: Path) -> None:
    head = "version: 1\nproject: {name: small, root: one}\ntargets: [github]\ntriggers: {push: {}}\n"
    jobs = """stages: {test: {
      own: {run: "true", when: {changed: {paths: ["**"]}}}, common: {run: "true", when: {changed: {paths: [/common/]}}},
      either: {run: "true", when: {changed: {paths: ["**", /common/]}}}}}
    """
    project.write(**{"one/mlgen.yaml": head + jobs, "one/a.py": "", "common/a.py": "", "other/a.py": ""})
    git(project.folder, "init", "-q", "-b", "main", ".")
    project.commit()
    git(tmp_path, "init", "-q", "--bare", "remote.git")
    git(project.folder, "remote", "add", "origin", str(tmp_path / "remote.git"))
    git(project.folder, "push", "-q", "origin", "main")
    one = Project(project.folder / "one", project.capsys)

    def ran(*arguments: str) -> set[str]:
        return {name for name, result in one.run(*arguments).results.items() if result == "success"}

    assert ran("--changed", "/other/a.py") == set()
    assert ran("--changed", "/common/a.py") == {"common", "either"}
    assert ran("--changed", "a.py") == {"own", "either"}
    for path, expected in (("other/b", set[str]()), ("common/b", {"common", "either"}), ("one/b", {"own", "either"})):
        project.write(**{path: ""})
        assert ran() == expected, path
        (project.folder / path).unlink()


def test_a_pull_request_is_compared_with_where_it_began(project: Project) -> None:
    project.spec(CHANGED, **{"src/a.py": ""})
    git(project.folder, "checkout", "-q", "-b", "topic")
    assert project.run("pull_request").results["fit"] == "skipped"
    project.write(**{"src/a.py": "x = 1"})
    assert project.run("pull_request").results["fit"] == "success"


def test_a_message(project: Project) -> None:
    project.spec("stages: {train: {fit: {run: 'true', when: {message: '[train]'}}, other: {run: 'true'}}}")
    assert project.run().results == {"fit": "skipped", "other": "success"}
    git(project.folder, "commit", "-q", "--allow-empty", "-m", "work\n\nplease [train]")
    assert project.run().results == {"fit": "success", "other": "success"}
