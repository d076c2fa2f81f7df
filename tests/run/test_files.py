"""A job sees the project as it is now, and of other jobs what it declares."""

from __future__ import annotations

import pytest

from tests.run.conftest import Project, git


def test_a_job_receives_what_it_declares(project: Project) -> None:
    done = project.spec("""
        stages:
          data:
            fetch: {run: [mkdir data, echo rows > data/a.csv, echo other > b.txt], outs: [data/a.csv, b.txt]}
          train:
            fit: {run: "cat data/a.csv > model; test ! -e b.txt", deps: [data/], outs: [model]}
    """).run()
    assert (done.code, done.results) == (0, {"fetch": "success", "fit": "success"})
    assert done.file("fit/model") == "rows\n"
    assert set(done.data["jobs"]["data.fetch"]["files"]) == {"data/a.csv", "b.txt"}
    assert done.data["order"] == ["data.fetch", "train.fit"]


def test_an_undeclared_file_is_not_there(project: Project) -> None:
    done = project.spec("""
        stages:
          data: {fetch: {run: echo rows > a.csv, outs: [a.csv]}}
          train: {fit: {run: cat a.csv}}
    """).run()
    assert (done.code, done.results) == (1, {"fetch": "success", "fit": "failure"})
    assert "a.csv: No such file" in done.log("fit")


def test_a_missing_out_fails_the_job_that_should_have_made_it(project: Project) -> None:
    done = project.spec("""
        stages:
          data: {fetch: {run: echo rows > a.csv, outs: [a.csv, "b/*.csv"]}}
          train: {fit: {run: cat a.csv, deps: [a.csv]}}
    """).run()
    assert (done.code, done.results) == (1, {"fetch": "failure", "fit": "stopped"})
    assert done.reason("data.fetch") == "it did not make b/*.csv"


def test_a_permitted_failure_lifts_order_and_not_files(project: Project) -> None:
    done = project.spec("""
        stages:
          data: {fetch: {run: "echo rows > a.csv; exit 1", outs: [a.csv], allow_failure: true}}
          train: {fit: {run: cat a.csv, deps: [a.csv]}, other: {run: "true"}}
    """).run()
    assert (done.code, done.results) == (1, {"fetch": "failure", "fit": "stopped", "other": "success"})
    assert done.data["jobs"]["data.fetch"]["allowed"] is True
    assert done.reason("train.fit") == "it needs a.csv of data.fetch, which failed"


def test_the_working_tree_is_what_runs(project: Project) -> None:
    project.spec(
        """
        stages:
          test:
            look: {run: [ls -A | sort > ../seen, cat edited >> ../seen, mv ../seen ., ls -l], outs: [seen]}
        """,
        **{".gitignore": "ignored\nseen\n", "edited": "old\n", "deleted": "", "run.sh": ""},
    )
    (project.folder / "run.sh").chmod(0o755)
    project.commit()
    (project.folder / "link").symlink_to("edited")
    (project.folder / "deleted").unlink()
    project.write(edited="new\n", untracked="", ignored="")
    for _ in range(2):  # the second time beside what the first has left
        done = project.run()
        assert done.code == 0, done.err or done.out
        names = [".git", ".gitignore", "edited", "link", "mlgen.yaml", "run.sh", "untracked", "new"]
        assert done.file("look/seen").split() == names
    assert "-rwxr-xr-x" in done.log("look")
    assert "link -> edited" in done.log("look")
    assert git(project.folder, "status", "--short", "--ignored").split() == [
        "D", "deleted", "M", "edited", "??", "link", "??", "untracked", "!!", ".mlgen-run/", "!!", "ignored"
    ]  # fmt: skip


def test_a_job_has_the_history_and_cannot_push(project: Project) -> None:
    project.spec("""
        stages:
          test:
            look:
              run:
                - test "$(git rev-parse HEAD)" = "$MLGEN_COMMIT"
                - git rev-parse origin/main
                - git commit -q --allow-empty -m job
                - if git push -q origin HEAD:main 2> told; then exit 1; fi
                - grep does-not-push told
    """)
    before = git(project.folder, "rev-parse", "HEAD")
    done = project.run("--pass", "GIT_CONFIG_GLOBAL", *_author())
    assert done.code == 0, done.log("look")
    assert git(project.folder, "rev-parse", "main") == before
    assert git(project.folder, "worktree", "list").count("\n") == 0


def _author() -> list[str]:
    names = [f"GIT_{role}_{what}" for role in ("AUTHOR", "COMMITTER") for what in ("NAME", "EMAIL")]
    return [word for name in names for word in ("--pass", name)]


def test_a_folder_without_git(project: Project) -> None:
    project.write(**{"mlgen.yaml": "version: 1\nproject: x\ntargets: [github]\ntriggers: {push: {}}\n"
                     "stages: {test: {a: {run: 'ls -A; cat b/c; if git status; then exit 1; fi'}}}\n",
                     "b/c": "content"})  # fmt: skip
    done = project.run("push", "--branch", "main")
    assert done.code == 0, done.log("a")
    assert done.log("a").split()[:3] == [".mlgen", "b", "mlgen.yaml"] or done.log("a").split()[:2] == [
        "b",
        "mlgen.yaml",
    ]
    assert "content" in done.log("a")


def test_a_project_in_a_folder_of_its_repository(project: Project) -> None:
    project.spec("stages: {test: {a: {run: 'ls; git log --oneline | cat; test ! -e ../outside'}}}")
    inner = project.folder / "inner"
    inner.mkdir()
    (project.folder / "mlgen.yaml").rename(inner / "mlgen.yaml")
    project.write(outside="")
    project.commit()
    done = Project(inner, project.capsys).run()
    assert done.code == 0, done.log("a")
    assert done.log("a").startswith("mlgen.yaml\n")


def test_the_root_of_a_project(project: Project) -> None:
    project.spec("stages: {test: {a: {run: 'ls; cat ../outside'}}}")
    inner = project.folder / "inner"
    inner.mkdir()
    text = (project.folder / "mlgen.yaml").read_text().replace("project: small", "project: {name: s, root: inner}")
    (inner / "mlgen.yaml").write_text(text)
    (project.folder / "mlgen.yaml").unlink()
    project.write(outside="seen").commit()
    done = Project(inner, project.capsys).run()
    assert done.code == 0, done.log("a")
    assert done.log("a") == "mlgen.yaml\nseen"


@pytest.mark.parametrize(("checkout", "seen"), [("false", ""), ("{ref: v1}", "old\n")])
def test_checkouts(project: Project, checkout: str, seen: str) -> None:
    project.spec(f"stages: {{test: {{a: {{run: 'cat * || true', checkout: {checkout}}}}}}}", one="old\n")
    (project.folder / "mlgen.yaml").write_text(
        (project.folder / "mlgen.yaml").read_text().replace("cat *", "cat one 2> /dev/null")
    )
    project.commit()
    git(project.folder, "tag", "v1")
    project.write(one="new\n").commit()
    done = project.run()
    assert (done.code, done.log("a")) == (0, seen)


def test_another_repository_beside(project: Project, tmp_path: object) -> None:
    other = project.folder.parent / "other"
    other.mkdir()
    git(other, "init", "-q", "-b", "main", ".")
    (other / "data").write_text("from there")
    git(other, "add", "-A")
    git(other, "commit", "-q", "-m", "x")
    beside = f"checkout: [{{depth: 0}}, {{repository: 'file://{other}', path: beside}}]"
    spec = f"stages: {{test: {{a: {{run: cat beside/data mine, {beside}}}}}}}"
    done = project.spec(spec, mine=" and here").run()
    assert done.code == 0, done.out
    assert done.log("a").endswith("from there and here")


# ---- legs


def test_legs_hand_on_the_union_of_their_outs(project: Project) -> None:
    done = project.spec("""
        stages:
          train:
            sweep:
              matrix: {seed: [1, 2], size: [s]}
              run: mkdir -p out && echo "$seed$size" > "out/$seed.txt"
              outs: ["out/${matrix.seed}.txt"]
          test:
            all: {run: cat out/1.txt out/2.txt, deps: [out/]}
            shards: {run: 'echo "$MLGEN_SHARD of $MLGEN_SHARDS"', shards: 2, needs: []}
    """).run()
    assert done.code == 0, done.err or done.out
    assert done.log("all") == "1s\n2s\n"
    assert done.log("shards.1") + done.log("shards.2") == "1 of 2\n2 of 2\n"
    assert set(done.data["jobs"]["train.sweep"]["legs"]) == {"1-s", "2-s"}


def test_two_legs_that_make_one_file_are_both_named(project: Project) -> None:
    done = project.spec("""
        stages:
          train:
            sweep: {matrix: {seed: [1, 2]}, run: "mkdir -p out; echo > out/same.txt", outs: [out/]}
          test:
            all: {run: "true", deps: [out/]}
    """).run()
    assert (done.code, done.results) == (1, {"sweep": "failure", "all": "stopped"})
    reason = done.reason("train.sweep")
    assert "two legs made the same file: out/same.txt by" in reason
    assert {"1", "2"} == set(reason.partition(" by ")[2].split(" and "))


def test_legs_never_cancel_each_other(project: Project) -> None:
    done = project.spec("""
        stages:
          test:
            a: {matrix: {n: [1, 2, 3], max_parallel: 1}, run: 'test "$n" != 1'}
    """).run()
    legs = {slug: leg["result"] for slug, leg in done.data["jobs"]["test.a"]["legs"].items()}
    assert (done.code, legs) == (1, {"1": "failure", "2": "success", "3": "success"})
    assert done.reason("test.a") == "1: exit status 1"
