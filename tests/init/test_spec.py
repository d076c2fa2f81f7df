"""What `init` writes for many kinds of projects: as expected, and it compiles for every target without a word."""

from __future__ import annotations

import os
import re
from pathlib import Path

import pytest

from mlgen import targets
from mlgen.compiler import analyse, compile_spec
from mlgen.init import Wishes, draft, look, propose
from mlgen.targets.adapt import adapt
from tests.init.projects import PROJECTS, make

EXPECTED = Path(__file__).parent / "expected"
ALL = targets.names()


def written(root: Path, wishes: Wishes | None = None) -> str:
    return propose(str(root), "mlgen.yaml", draft(look(str(root)), wishes or Wishes(targets=ALL))).text


@pytest.fixture(params=PROJECTS)
def project(request: pytest.FixtureRequest, tmp_path: Path) -> tuple[str, Path]:
    return request.param, make(tmp_path / "my project", PROJECTS[request.param])


def test_the_spec_is_as_expected(project: tuple[str, Path]) -> None:
    name, root = project
    text, path = written(root), EXPECTED / f"{name}.yaml"
    if os.environ.get("MLGEN_REGENERATE"):
        path.write_text(text, "utf-8")
    assert text == path.read_text("utf-8")
    assert max(map(len, text.splitlines())) <= 120
    assert "\n\n\n" not in text and text.endswith("\n")


def test_no_expectation_is_left_over() -> None:
    assert {path.stem for path in EXPECTED.iterdir()} == set(PROJECTS)


def test_it_compiles_for_every_target_without_a_warning(project: tuple[str, Path]) -> None:
    _, root = project
    (root / "mlgen.yaml").write_text(written(root), "utf-8")
    compiled = compile_spec(str(root), "mlgen.yaml")
    assert compiled.warnings == ()
    assert {file.target for file in compiled.files} == {*ALL, ""}


@pytest.mark.parametrize("name", ALL)
def test_it_compiles_for_each_target_alone(project: tuple[str, Path], name: str) -> None:
    _, root = project
    text = written(root, Wishes(targets=(name,)))
    assert compile_spec(str(root), "mlgen.yaml", text=text).warnings == ()


def uncommented(text: str) -> str:
    """The spec with all that it offers in comments; prose starts with a capital letter."""
    return re.sub(r"^( *)# (?=[ a-z-])", r"\1", text, flags=re.MULTILINE)


def test_what_it_offers_in_comments_is_of_the_language(project: tuple[str, Path]) -> None:
    """Uncommented, all of it means something; what a target cannot say, `compile` tells, with its fallbacks."""
    _, root = project
    text = uncommented(re.sub(r"^# What CI does.*\n# change it.*\n", "", written(root)))
    assert text.count("\n# ") + text.count("  # ") < written(root).count("# ")
    pipeline, warnings = analyse(str(root), "mlgen.yaml", text)
    assert warnings == ()
    assert pipeline.triggers.on("schedule") and pipeline.triggers.on("tag")
    for name in ALL:
        assert {d.code for d in adapt(pipeline, targets.get(name))[1]} <= {"MLG401", "MLG402"}


def test_the_same_project_gives_the_same_text(project: tuple[str, Path], tmp_path: Path) -> None:
    name, root = project
    again = make(tmp_path / "elsewhere" / "my project", dict(reversed(PROJECTS[name].items())))
    assert written(again) == written(root)


REMOTES = {
    "git@github.com:org/wine.git": ("github", "github.com/org/wine"),
    "https://github.com/org/wine": ("github", "github.com/org/wine"),
    "https://user:s3cret@gitlab.com/group/sub/wine.git": ("gitlab", "gitlab.com/group/sub/wine"),
    "ssh://git@gitlab.example.org:2222/ml/wine.git": ("gitlab", "gitlab.example.org/ml/wine"),
    "https://oauth2:tok@GitHub.Example.com/ml/wine/": ("github", "github.example.com/ml/wine"),
    "https://ml.ghe.com/org/wine": ("github", "ml.ghe.com/org/wine"),
    "https://bitbucket.org/org/wine.git": ("", "bitbucket.org/org/wine"),
    "/srv/git/wine.git": ("", ""),
    "../wine": ("", ""),
    "file:///srv/wine.git": ("", ""),
    "https://host/a b/$(id).git": ("", ""),
}


@pytest.mark.parametrize("remote", REMOTES)
def test_the_remote_tells_the_host_and_the_repository(tmp_path: Path, remote: str) -> None:
    target, address = REMOTES[remote]
    found = look(str(make(tmp_path, {}, remote)))
    assert [system.name for system in found.systems] == ([target] if target else [])
    assert found.repository.address == address
    for secret in ("s3cret", "user", "oauth2", "tok@"):
        assert secret not in written(tmp_path)


REGISTRIES = {
    "git@github.com:Org/Wine.git": "ghcr.io/org/wine",
    "https://gitlab.com/group/sub/wine.git": "registry.gitlab.com/group/sub/wine",
}


@pytest.mark.parametrize("remote", REGISTRIES)
@pytest.mark.parametrize("name", ["kubernetes-with-an-image", "helm"])
def test_images_are_built_and_rolled_out_where_the_ci_system_can(tmp_path: Path, name: str, remote: str) -> None:
    """They stand as jobs, not as comments, and production waits for a person."""
    root = make(tmp_path, PROJECTS[name], remote)
    content = draft(look(str(root)), Wishes())
    proposal = propose(str(root), "mlgen.yaml", content)
    compiled = compile_spec(str(root), "mlgen.yaml", text=proposal.text)
    assert compiled.warnings == () and {f.target for f in compiled.files} == {content.targets[0], ""}
    jobs = {job.id: job for job in compiled.pipeline.jobs}
    for place in ("staging", "production"):
        job = jobs[f"deploy.{place}"]
        assert job.environment and job.environment.name == place and bool(job.approval) is (place == "production")
        assert [(use.name, use.file) for use in job.secrets] == [("KUBECONFIG", True)]
        assert not job.condition.on("pull_request")
    if name == "helm":
        assert "helm upgrade" in jobs["deploy.staging"].run and "image.service" not in jobs
    else:
        assert REGISTRIES[remote] in jobs["image.service"].run
        assert "      images: {'registry.example.org:5000/ml/api': service}\n".replace(
            "'", ""
        ) in proposal.text.replace("'", "").replace('"', "")
        assert "MLGEN_IMAGE_SERVICE" in jobs["deploy.staging"].run


def test_what_a_ci_system_cannot_say_without_a_choice_stays_a_comment(tmp_path: Path) -> None:
    root = make(tmp_path, {**PROJECTS["kubernetes-with-an-image"], ".travis.yml": ""}, "git@github.com:org/wine.git")
    proposal = propose(str(root), "mlgen.yaml", draft(look(str(root)), Wishes()))
    assert "  # image:\n  #   service:\n" in proposal.text and "  #   production:\n" in proposal.text
    assert not any(job.startswith(("image.", "deploy.")) for job in proposal.jobs)


@pytest.mark.parametrize(("tool", "files", "activate"), [
    ("uv", {"uv.lock": "", "pyproject.toml": "[project]\nname='w'\ndependencies=['dvc']\n"}, ". .venv/bin/activate"),
    ("poetry", {"poetry.lock": "", "pyproject.toml": ""}, '. "$(poetry env info --path)/bin/activate"'),
    ("pdm", {"pdm.lock": "", "pyproject.toml": ""}, ". .venv/bin/activate"),
    ("pipenv", {"Pipfile.lock": "{}", "Pipfile": ""}, '. "$(pipenv --venv)/bin/activate"'),
    ("conda", {"environment.yml": "name: w\ndependencies: [python=3.11]\n"},
     'export PATH="$(conda info --base)/envs/w/bin:$PATH"'),
])  # fmt: skip
def test_stages_of_dvc_are_jobs_in_the_environment_of_the_tool(
    tmp_path: Path, tool: str, files: dict[str, str], activate: str
) -> None:
    root = make(tmp_path, {**files, "dvc.yaml": "stages:\n  fit: {cmd: python fit.py, outs: [m.pkl]}\n"})
    (root / "mlgen.yaml").write_text(written(root), "utf-8")
    job = analyse(str(root), "mlgen.yaml")[0].job("train.fit")
    assert (job.run, job.activate) == ("python fit.py", activate)


SIGNS = {
    ".github/workflows/ci.yaml": "github",
    ".gitlab-ci.yml": "gitlab",
    ".circleci/config.yml": "circleci",
    "Jenkinsfile": "jenkins",
    "Jenkinsfile.nightly": "jenkins",
    ".travis.yml": "travis",
}


@pytest.mark.parametrize("path", SIGNS)
def test_the_files_of_a_ci_system_tell_more_than_the_host(tmp_path: Path, path: str) -> None:
    root = make(tmp_path, {path: "# python: 2\npython: ['3.9']\n"}, "git@github.com:org/wine.git")
    found = look(str(root))
    assert [system.name for system in found.systems] == [SIGNS[path]]
    assert found.python == ("3.9", path)
    content = draft(found, Wishes())
    assert content.targets == (SIGNS[path],)
    proposal = propose(str(root), "mlgen.yaml", content)
    assert f"# found: {path}\n" in proposal.text
    assert proposal.foreign == ((path,) if path in targets.get(SIGNS[path]).paths else ())


def test_the_default_branch_is_the_remotes(tmp_path: Path) -> None:
    import subprocess

    root = make(tmp_path, {"a": ""}, "git@github.com:org/wine.git")
    git = ["git", "-C", str(root), "-c", "user.name=a", "-c", "user.email=a@b"]
    subprocess.run([*git, "symbolic-ref", "refs/remotes/origin/HEAD", "refs/remotes/origin/release/next"], check=True)
    assert look(str(root)).repository.branch == "release/next"
    text = written(root)
    assert "  default_branch: release/next\n" in text and "    branches: [release/next]\n" in text
    subprocess.run([*git, "symbolic-ref", "--delete", "refs/remotes/origin/HEAD"], check=True)
    subprocess.run([*git, "checkout", "-q", "-b", "master"], check=True)
    assert look(str(root)).repository.branch == "master"
    subprocess.run([*git, "checkout", "-q", "-b", "feature/main"], check=True)
    assert look(str(root)).repository.branch == "main", "a branch in the making is not the default one"


def test_a_folder_inside_a_repository_is_told(tmp_path: Path) -> None:
    make(tmp_path, {"sub/project/a.py": ""}, "git@github.com:org/wine.git")
    found = look(str(tmp_path / "sub/project"))
    assert found.repository.inside == "sub/project"
    assert found.name == "project"


def test_the_users_word_goes_before_what_was_found(tmp_path: Path) -> None:
    root = make(tmp_path, PROJECTS["requirements"])
    said = Wishes("mine", ("gitlab",), "3.9", "make 'a: b' # c", "make test")
    text = written(root, said)
    pipeline, _ = analyse(str(root), "mlgen.yaml", text)
    assert (pipeline.name, [o.name for o in pipeline.targets]) == ("mine", ["gitlab"])
    jobs = {job.id: job for job in pipeline.jobs}
    assert (jobs["train.fit"].run, jobs["train.fit"].outs) == ("make 'a: b' # c", ())
    assert (jobs["test.unit"].run, jobs["test.unit"].python) == ("make test", "3.9")
    text = written(root, Wishes(targets=("gitlab",), train="", test=""))
    assert [job.id for job in analyse(str(root), "mlgen.yaml", text)[0].jobs] == ["test.check"]
