"""A job that runs in the image which another one built, as each system says it."""

from pathlib import Path
from typing import Any

import pytest
import yaml

from mlgen.compiler import compile_spec
from mlgen.diagnostics import SpecError

SPEC = """
version: 1
project: wine
targets:
  github:
  gitlab: {fallback: {secrets: wider}}
  circleci: {fallback: {permissions: secret, secrets: wider}}
  jenkins: {fallback: {permissions: secret}}
  travis: {fallback: {secrets: wider, permissions: secret}}
secrets: {U: {jenkins: {id: reg, part: username}}, P: {jenkins: {id: reg, part: password}}}
triggers: {push: {branches: [main]}, pull_request: {}}
stages:
  image:
    api: {build: BUILD}
  check:
    a: {run: ./a.sh, needs: [], image: IMAGE}
"""
PAIR = "{image: ghcr.io/org/api, login: {username: U, password: P}}"


def emitted(root: Path, target: str, build: str = PAIR, image: str = "{from: api}") -> str:
    (root / "mlgen.yaml").write_text(SPEC.replace("BUILD", build).replace("IMAGE", image), "utf-8")
    files = compile_spec(str(root), "mlgen.yaml", only=(target,)).files
    return next(file.text for file in files if file.target == target)


def config(root: Path, target: str, build: str = PAIR, image: str = "{from: api}") -> Any:
    return yaml.safe_load(emitted(root, target, build, image))


def test_github_takes_the_digest(tmp_path: Path) -> None:
    jobs = config(tmp_path, "github")["jobs"]
    assert jobs["api"]["outputs"] == {"MLGEN_IMAGE_API": "${{ steps.export.outputs.MLGEN_IMAGE_API }}"}
    assert jobs["a"]["needs"] == ["api"]
    name = "${{ needs.api.outputs.MLGEN_IMAGE_API || format('ghcr.io/org/api:{0}', github.sha) }}"
    login = {"username": "${{ secrets.U }}", "password": "${{ secrets.P }}"}
    assert jobs["a"]["container"] == {"image": name, "credentials": login}


def test_github_never_runs_it_without_the_image(tmp_path: Path) -> None:
    """A value that holds a secret is not handed on; an empty name of an image would be the machine itself."""
    job = config(tmp_path, "github", "{image: ghcr.io/org/api, tags: [latest]}")["jobs"]["a"]
    assert job["container"] == "${{ needs.api.outputs.MLGEN_IMAGE_API || 'no-image' }}"


def test_github_fetches_from_its_own_registry(tmp_path: Path) -> None:
    job = config(tmp_path, "github", "{image: ghcr.io/org/api, login: host}")["jobs"]["a"]
    assert job["permissions"] == {"contents": "read", "packages": "read"}
    assert job["container"]["credentials"] == {"username": "${{ github.actor }}", "password": "${{ github.token }}"}


def test_gitlab_takes_the_tag_of_the_commit(tmp_path: Path) -> None:
    found = config(tmp_path, "gitlab", image='{from: api, entrypoint: ""}')
    assert found["a"]["image"] == {"name": "ghcr.io/org/api:$CI_COMMIT_SHA", "entrypoint": [""]}
    assert found["a"]["needs"] == ["api"]
    assert "reports" not in found["api"]["artifacts"], "no value of it is read before a job starts"
    found = config(tmp_path, "gitlab", "{image: ghcr.io/api, tags: ['${MLGEN_COMMIT}_x']}")
    assert found["a"]["image"] == "ghcr.io/api:${CI_COMMIT_SHA}_x"


def test_circleci_takes_the_tag_of_the_commit(tmp_path: Path) -> None:
    found = config(tmp_path, "circleci")
    executor = found["executors"][found["jobs"]["a"]["executor"]]
    assert executor["docker"] == [
        {"image": "ghcr.io/org/api:<< pipeline.git.revision >>", "auth": {"username": "$U", "password": "$P"}}
    ]
    (invoked,) = [entry["a"] for entry in found["workflows"]["wine"]["jobs"] if "a" in entry]
    assert invoked["requires"] == ["api"]


def test_jenkins_asks_for_the_name_once_it_is_there(tmp_path: Path) -> None:
    text = emitted(tmp_path, "jenkins")
    assert "def onBareOfApi() {" in text
    assert """imageOf: 'printf %s "${MLGEN_IMAGE_API}"', registry: 'https://ghcr.io', login: 'reg'""" in text
    body = text[text.index("def inContainer") :]
    assert body.index("unstash it") < body.index("bash(j, 'image', j.on.imageOf, true)")


def test_travis_runs_the_digest(tmp_path: Path) -> None:
    job = next(entry for entry in config(tmp_path, "travis")["jobs"]["include"] if entry["name"] == "a")
    commands = "\n".join(job["before_install"])
    order = ["source .mlgen/env.sh", "--password-stdin ghcr.io", '--entrypoint sleep "${MLGEN_IMAGE_API}"', "logout"]
    places = [commands.index(part) for part in order]
    assert places == sorted(places)


@pytest.mark.parametrize("target", ["gitlab", "circleci"])
def test_without_a_tag_of_the_commit(tmp_path: Path, target: str) -> None:
    with pytest.raises(SpecError) as caught:
        emitted(tmp_path, target, "{image: ghcr.io/org/api, tags: [latest]}")
    assert ["no tag of image.api tells the commit" in d.message for d in caught.value.diagnostics] == [True]


@pytest.mark.parametrize("target", ["circleci", "jenkins", "travis"])
def test_the_host_s_registry_wants_credentials(tmp_path: Path, target: str) -> None:
    host = "{image: ghcr.io/org/api, login: host}"
    with pytest.raises(SpecError) as caught:
        emitted(tmp_path, target, host)
    assert [d.code for d in caught.value.diagnostics] == ["MLG401"]
    assert "credentials" in caught.value.diagnostics[0].hint
    assert emitted(tmp_path, target, host, "{from: api, credentials: {username: U, password: P}}")
