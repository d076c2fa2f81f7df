"""What `compile` does to a project: ownership, edits, removal, links, line ends, crashes."""

import os
import shutil
from pathlib import Path

import pytest

from mlgen.cli.main import run
from mlgen.write import apply as apply_module
from mlgen.write import plan as plan_module
from mlgen.write.lock import is_current
from tests.write.conftest import SPEC, WORKFLOW, Mlgen, tree

OWN = "name: mine\n"
OUTPUTS = [".github/workflows/ml.yml", ".mlgen/ci.py", ".mlgen/env.sh", "mlgen.lock"]


def test_it_writes_every_output_and_the_lock(project: Path, mlgen: Mlgen) -> None:
    assert mlgen("compile") == 0
    assert sorted(tree(project)) == sorted([*OUTPUTS, "mlgen.yaml"])
    assert mlgen("check") == 0


def test_a_second_compile_changes_nothing(project: Path, mlgen: Mlgen) -> None:
    mlgen("compile")
    before, times = tree(project), {p: p.stat().st_mtime_ns for p in project.rglob("*")}
    assert mlgen("compile") == 0
    assert tree(project) == before
    assert {p: p.stat().st_mtime_ns for p in project.rglob("*")} == times


def test_a_dry_run_writes_nothing(project: Path, mlgen: Mlgen, capsys: pytest.CaptureFixture[str]) -> None:
    before = tree(project)
    assert mlgen("compile", "--dry-run") == 0
    assert tree(project) == before
    assert capsys.readouterr().out.splitlines() == [
        f"would be new: {name}" for name in (WORKFLOW, ".mlgen/env.sh", ".mlgen/ci.py", "mlgen.lock")
    ]


def test_the_outputs_do_not_depend_on_the_place(project: Path, mlgen: Mlgen, tmp_path: Path) -> None:
    mlgen("compile")
    other = tmp_path / "a b" / "c"
    other.mkdir(parents=True)
    (other / "mlgen.yaml").write_text(SPEC)
    assert run(["compile", "-C", str(other)]) == 0
    assert tree(other) == tree(project)


class TestHandWritten:
    def test_it_is_refused_and_left_as_it_is(
        self, project: Path, mlgen: Mlgen, capsys: pytest.CaptureFixture[str]
    ) -> None:
        (project / WORKFLOW).parent.mkdir(parents=True)
        (project / WORKFLOW).write_text(OWN)
        before = tree(project)
        assert mlgen("compile") == 1
        assert tree(project) == before, "nothing else is written either"
        assert "MLG501" in capsys.readouterr().err

    def test_adopt_takes_it_over_and_keeps_the_old_one(self, project: Path, mlgen: Mlgen) -> None:
        (project / WORKFLOW).parent.mkdir(parents=True)
        (project / WORKFLOW).write_bytes(b"name: \xff\r\n")
        assert mlgen("compile", "--adopt") == 0
        assert (project / f"{WORKFLOW}.orig").read_bytes() == b"name: \xff\r\n"
        assert mlgen("check") == 0

    def test_an_orig_in_the_way_is_not_lost(self, project: Path, mlgen: Mlgen) -> None:
        (project / WORKFLOW).parent.mkdir(parents=True)
        (project / WORKFLOW).write_text(OWN)
        (project / f"{WORKFLOW}.orig").write_text("older\n")
        before = tree(project)
        assert mlgen("compile", "--adopt") == 1
        assert tree(project) == before

    def test_a_folder_in_the_way(self, project: Path, mlgen: Mlgen, capsys: pytest.CaptureFixture[str]) -> None:
        (project / WORKFLOW).mkdir(parents=True)
        for options in ([], ["--adopt"]):
            assert mlgen("compile", *options) == 1
            assert "is not a file" in capsys.readouterr().err
        assert list(tree(project)) == ["mlgen.yaml"]

    @pytest.mark.parametrize("name", [".github", ".github/workflows", ".mlgen"])
    def test_a_file_where_a_folder_is_needed(
        self, project: Path, mlgen: Mlgen, capsys: pytest.CaptureFixture[str], name: str
    ) -> None:
        (project / name).parent.mkdir(exist_ok=True)
        (project / name).write_text("x")
        before = tree(project)
        assert mlgen("compile") == 1
        assert f"needs a folder {name}, which is a file" in capsys.readouterr().err
        assert tree(project) == before, "nothing else is written either"

    def test_check_says_how_it_may_be_taken_over(
        self, project: Path, mlgen: Mlgen, capsys: pytest.CaptureFixture[str]
    ) -> None:
        (project / WORKFLOW).parent.mkdir(parents=True)
        (project / WORKFLOW).write_text(OWN)
        assert mlgen("check") == 1
        said = capsys.readouterr().err
        assert "take it over with `mlgen compile --adopt`" in said
        assert "mends that" not in said, "a plain compile is refused"


class TestEdited:
    def test_check_names_it_and_compile_puts_it_right(
        self, project: Path, mlgen: Mlgen, capsys: pytest.CaptureFixture[str]
    ) -> None:
        mlgen("compile")
        whole = (project / WORKFLOW).read_text()
        (project / WORKFLOW).write_text(whole.replace("pytest", "pytest -x"))
        capsys.readouterr()
        assert mlgen("check") == 1
        said = capsys.readouterr()
        assert "MLG504" in said.err
        assert "-" in said.out
        assert mlgen("compile", "--dry-run") == 0
        assert f"would be put right, since it was edited by hand: {WORKFLOW}\n" == capsys.readouterr().out
        assert mlgen("compile") == 0
        assert (project / WORKFLOW).read_text() == whole

    def test_an_edit_of_the_header_alone_is_stale(self, project: Path, mlgen: Mlgen) -> None:
        mlgen("compile")
        text = (project / WORKFLOW).read_text()
        (project / WORKFLOW).write_text(text.replace("digest: ", "digest: 0"))
        assert mlgen("check") == 1

    def test_a_missing_output_is_stale(self, project: Path, mlgen: Mlgen) -> None:
        mlgen("compile")
        for name in OUTPUTS:
            whole = (project / name).read_bytes()
            (project / name).unlink()
            assert mlgen("check") == 1, name
            (project / name).write_bytes(whole)
        assert mlgen("check") == 0


class TestNoLongerWanted:
    MOVED = SPEC.replace("targets: [github]", "targets: {github: {path: .github/workflows/other.yml}}")

    def test_an_output_of_before_is_removed_with_its_empty_folders(self, project: Path, mlgen: Mlgen) -> None:
        mlgen("compile")
        (project / "mlgen.yaml").write_text(
            SPEC.replace("[github]", "[travis]").replace(", reports: {junit: r.xml}", "")
        )
        assert mlgen("check") == 1
        assert mlgen("compile") == 0
        assert sorted(tree(project)) == [".mlgen/env.sh", ".travis.yml", "mlgen.lock", "mlgen.yaml"]
        assert not (project / ".github").exists()

    def test_folders_with_other_files_stay(self, project: Path, mlgen: Mlgen) -> None:
        mlgen("compile")
        (project / ".github/CODEOWNERS").write_text("* @ml\n")
        (project / "mlgen.yaml").write_text(SPEC.replace("[github]", "[travis]"))
        assert mlgen("compile") == 0
        assert (project / ".github/CODEOWNERS").exists()
        assert not (project / ".github/workflows").exists()

    def test_an_edited_one_is_left_and_said_to_be(
        self, project: Path, mlgen: Mlgen, capsys: pytest.CaptureFixture[str]
    ) -> None:
        mlgen("compile")
        with (project / WORKFLOW).open("a") as file:
            file.write("# mine\n")
        (project / "mlgen.yaml").write_text(self.MOVED)
        capsys.readouterr()
        assert mlgen("check") == 1
        assert f"{WORKFLOW} was edited by hand, and the spec no longer asks for it" in capsys.readouterr().err
        assert mlgen("compile") == 0
        assert f"left, since it was edited by hand, although the spec no longer asks for it: {WORKFLOW}\n" in (
            capsys.readouterr().out
        )
        assert (project / WORKFLOW).read_text().endswith("# mine\n")

    def test_a_hand_written_one_is_left(self, project: Path, mlgen: Mlgen) -> None:
        mlgen("compile")
        (project / WORKFLOW).write_text(OWN)
        (project / "mlgen.yaml").write_text(self.MOVED)
        assert mlgen("compile") == 0
        assert (project / WORKFLOW).read_text() == OWN

    def test_without_a_lock_the_usual_places_are_looked_at(self, project: Path, mlgen: Mlgen) -> None:
        mlgen("compile")
        (project / "mlgen.lock").unlink()
        (project / "mlgen.yaml").write_text(self.MOVED)
        assert mlgen("compile") == 0
        assert not (project / WORKFLOW).exists()

    def test_one_target_alone_removes_nothing(self, project: Path, mlgen: Mlgen) -> None:
        both = SPEC.replace("[github]", "[github, travis]")
        (project / "mlgen.yaml").write_text(both)
        mlgen("compile")
        before = tree(project)
        assert mlgen("compile", "-t", "travis") == 0
        assert tree(project) == before
        (project / "mlgen.yaml").write_text(both.replace("python train.py", "python train.py -v"))
        assert mlgen("compile", "-t", "travis") == 0
        after = tree(project)
        assert after[WORKFLOW] == before[WORKFLOW]
        assert after[".travis.yml"] != before[".travis.yml"]
        assert mlgen("check", "-t", "travis") == 0
        assert mlgen("check") == 1, "the other target is stale"
        assert mlgen("compile") == 0
        assert mlgen("check") == 0

    def test_one_target_alone_does_not_vouch_for_those_that_were_never_compiled(
        self, project: Path, mlgen: Mlgen
    ) -> None:
        (project / "mlgen.yaml").write_text(SPEC.replace("[github]", "[github, travis]"))
        for _ in range(2):
            assert mlgen("compile", "-t", "travis") == 0
            assert mlgen("check", "-t", "travis") == 0
            assert is_current(str(project), "mlgen.yaml") == 0
            assert mlgen("check") == 1
        assert mlgen("compile") == 0
        assert is_current(str(project), "mlgen.yaml") == 4
        assert mlgen("compile", "-t", "travis") == 0
        assert is_current(str(project), "mlgen.yaml") == 4


class TestLinks:
    def test_a_folder_that_leads_out_of_the_project(
        self, project: Path, mlgen: Mlgen, tmp_path: Path, capsys: pytest.CaptureFixture[str]
    ) -> None:
        (tmp_path / "outside").mkdir()
        (project / ".github").symlink_to(tmp_path / "outside")
        assert mlgen("compile") == 1
        assert "outside the project" in capsys.readouterr().err
        assert list((tmp_path / "outside").iterdir()) == []
        assert not (project / ".mlgen").exists()

    def test_a_folder_that_leads_to_another_of_the_project(self, project: Path, mlgen: Mlgen) -> None:
        (project / "ci").mkdir()
        (project / ".github").symlink_to("ci")
        assert mlgen("compile") == 0
        assert (project / "ci/workflows/ml.yml").is_file()
        assert mlgen("check") == 0

    def test_an_output_that_is_a_link_is_replaced_and_its_end_left(
        self, project: Path, mlgen: Mlgen, tmp_path: Path
    ) -> None:
        (project / WORKFLOW).parent.mkdir(parents=True)
        (tmp_path / "mine.yml").write_text(OWN)
        (project / WORKFLOW).symlink_to(tmp_path / "mine.yml")
        assert mlgen("compile") == 1, "it has no header"
        assert mlgen("compile", "--adopt") == 0
        assert (tmp_path / "mine.yml").read_text() == OWN
        assert not (project / WORKFLOW).is_symlink()
        assert (project / f"{WORKFLOW}.orig").read_text() == OWN

    @pytest.mark.parametrize("end", ["nowhere", "ml.yml"])
    def test_a_link_to_nothing_or_to_itself(self, project: Path, mlgen: Mlgen, end: str) -> None:
        (project / WORKFLOW).parent.mkdir(parents=True)
        (project / WORKFLOW).symlink_to(end)
        assert mlgen("compile") == 1
        assert (project / WORKFLOW).is_symlink()

    def test_the_project_itself_may_be_a_link(self, project: Path, tmp_path: Path) -> None:
        (tmp_path / "link").symlink_to(project)
        assert run(["compile", "-C", str(tmp_path / "link")]) == 0
        assert run(["check", "-C", str(project)]) == 0


class TestModes:
    def test_new_files_follow_the_umask_and_old_ones_keep_their_mode(self, project: Path, mlgen: Mlgen) -> None:
        old = os.umask(0o027)
        try:
            mlgen("compile")
        finally:
            os.umask(old)
        assert (project / WORKFLOW).stat().st_mode & 0o777 == 0o640
        (project / ".mlgen/env.sh").chmod(0o755)
        (project / ".mlgen/env.sh").write_text("#")
        mlgen("compile", "--adopt")
        assert (project / ".mlgen/env.sh").stat().st_mode & 0o777 == 0o755


class TestLineEnds:
    def test_a_spec_with_crlf_means_the_same(self, project: Path, mlgen: Mlgen) -> None:
        mlgen("compile")
        before = tree(project)
        (project / "mlgen.yaml").write_bytes(SPEC.replace("\n", "\r\n").encode())
        assert mlgen("check") == 0
        assert mlgen("compile") == 0
        assert {k: v for k, v in tree(project).items() if k != "mlgen.yaml"} == {
            k: v for k, v in before.items() if k != "mlgen.yaml"
        }

    def test_outputs_with_crlf_are_stale_but_not_edited(
        self, project: Path, mlgen: Mlgen, capsys: pytest.CaptureFixture[str]
    ) -> None:
        """A shell cannot run such a script, so that a checkout which makes them is worth a word."""
        mlgen("compile")
        before = tree(project)
        for name in OUTPUTS:
            (project / name).write_bytes((project / name).read_bytes().replace(b"\n", b"\r\n"))
        capsys.readouterr()
        assert mlgen("check") == 1
        said = capsys.readouterr().err
        assert "MLG504" not in said
        assert said.count("has CRLF line ends") == len(OUTPUTS)
        assert ".gitattributes" in said
        assert mlgen("compile") == 0, "it is no edit that could be lost"
        assert tree(project) == before

    def test_an_edited_output_with_crlf_is_edited(
        self, project: Path, mlgen: Mlgen, capsys: pytest.CaptureFixture[str]
    ) -> None:
        mlgen("compile")
        (project / WORKFLOW).write_bytes((project / WORKFLOW).read_bytes().replace(b"\n", b"\r\n") + b"# mine\r\n")
        capsys.readouterr()
        assert mlgen("check") == 1
        assert "MLG504" in capsys.readouterr().err


class TestSeveralSpecs:
    def test_two_specs_that_share_a_file_are_told_so(
        self, project: Path, mlgen: Mlgen, capsys: pytest.CaptureFixture[str]
    ) -> None:
        mlgen("compile")
        before = tree(project)
        (project / "b.yaml").write_text(SPEC.replace("[github]", "{github: {path: .github/workflows/b.yml}}"))
        capsys.readouterr()
        for options in ([], ["--adopt"]):
            assert mlgen("compile", "-f", "b.yaml", *options) == 1
            assert ".mlgen/env.sh was written by mlgen from mlgen.yaml" in capsys.readouterr().err
        (project / "b.yaml").unlink()
        assert tree(project) == before

    def test_a_spec_with_a_new_name_keeps_its_outputs(self, project: Path, mlgen: Mlgen) -> None:
        mlgen("compile")
        (project / "mlgen.yaml").rename(project / "pipeline.yaml")
        assert mlgen("compile", "-f", "pipeline.yaml") == 0
        assert mlgen("check", "-f", "pipeline.yaml") == 0
        assert not list(project.rglob("*.orig"))

    def test_a_lock_with_broken_entries_of_another_spec(self, project: Path, mlgen: Mlgen) -> None:
        mlgen("compile")
        with (project / "mlgen.lock").open("a") as file:
            file.write("  other.yaml:\n    outputs:\n      x: 1\n")
        assert mlgen("check") == 1
        assert mlgen("compile") == 0
        assert mlgen("check") == 0

    def test_a_lock_with_conflict_marks(self, project: Path, mlgen: Mlgen) -> None:
        mlgen("compile")
        text = (project / "mlgen.lock").read_text()
        (project / "mlgen.lock").write_text(f"<<<<<<< ours\n{text}=======\n{text}>>>>>>> theirs\n")
        assert mlgen("check") == 1
        assert mlgen("compile") == 0
        assert (project / "mlgen.lock").read_text() == text


class TestCrashes:
    CHANGED = SPEC.replace("python train.py", "python train.py -v").replace("[github]", "[travis]")

    @pytest.mark.parametrize("function", ["replace", "fsync", "chmod", "unlink"])
    @pytest.mark.parametrize("adopt", [False, True])
    def test_every_file_is_old_or_new_and_whole(
        self, project: Path, mlgen: Mlgen, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, function: str, adopt: bool
    ) -> None:
        mlgen("compile")
        if adopt:
            (project / ".travis.yml").write_text(OWN)
        (project / "mlgen.yaml").write_text(self.CHANGED)
        old = tree(project)
        new_root = tmp_path / "new"
        shutil.copytree(project, new_root)
        assert run(["compile", "-C", str(new_root), "--adopt"]) == 0
        new = tree(new_root)
        whole = getattr(os, function)
        for crash_at in range(1, 12):
            root = tmp_path / f"{function}{crash_at}"
            shutil.copytree(project, root)
            calls = 0

            def failing(*arguments: object, crash_at: int = crash_at, **options: object) -> object:
                nonlocal calls
                calls += 1
                if calls == crash_at:
                    raise OSError(28, "No space left on device")
                return whole(*arguments, **options)

            monkeypatch.setattr(apply_module.os, function, failing)
            code = run(["compile", "-C", str(root), "--adopt"])
            monkeypatch.setattr(apply_module.os, function, whole)
            found = tree(root)
            for name, content in found.items():
                assert content in (old.get(name), new.get(name)), f"{name} is neither old nor new"
            assert set(old) & set(new) <= set(found), "a file that is old and new is lost"
            assert not [name for name in found if name not in old and name not in new], "a temporary file is left"
            assert code == (1 if calls >= crash_at else 0)
            assert run(["compile", "-C", str(root), "--adopt"]) in ((0,) if not adopt else (0, 1))
            if calls < crash_at:
                break

    def test_an_interrupt_leaves_no_temporary_file(
        self, project: Path, mlgen: Mlgen, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        def interrupted(*_: object) -> None:
            raise KeyboardInterrupt

        monkeypatch.setattr(apply_module.os, "replace", interrupted)
        assert mlgen("compile") == 130
        assert list(tree(project)) == ["mlgen.yaml"]

    def test_a_place_that_cannot_be_written(
        self, project: Path, mlgen: Mlgen, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
    ) -> None:
        if os.geteuid() == 0:  # root may write everywhere

            def refused(*_: object, **__: object) -> None:
                raise PermissionError(13, "Permission denied")

            monkeypatch.setattr(apply_module.os, "makedirs", refused)
        else:
            project.chmod(0o555)
        try:
            assert mlgen("compile") == 1
        finally:
            project.chmod(0o755)
        said = capsys.readouterr().err
        assert "MLG503" in said
        assert "Permission denied" in said
        assert list(tree(project)) == ["mlgen.yaml"]

    def test_an_output_that_cannot_be_read(
        self, project: Path, mlgen: Mlgen, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
    ) -> None:
        mlgen("compile")
        whole = plan_module._bytes

        def refused(path: str) -> bytes:
            if path.endswith("ml.yml"):
                raise PermissionError(13, "Permission denied")
            return whole(path)

        monkeypatch.setattr(plan_module, "_bytes", refused)
        capsys.readouterr()
        assert mlgen("check") == 1
        assert "MLG503" in capsys.readouterr().err
