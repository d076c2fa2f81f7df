"""The Dockerfiles and Kubernetes manifests of the examples, held against hadolint and the schemas of Kubernetes."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml

from tests.engines.tools import base_env, find, run

EXAMPLES = Path(__file__).resolve().parents[2] / "examples"
DOCKERFILES = sorted(EXAMPLES.glob("*/**/Dockerfile"))
MANIFESTS = sorted(path for path in EXAMPLES.glob("*/k8s/**/*.yaml") if path.name != "kustomization.yaml")
KUSTOMIZATIONS = sorted(EXAMPLES.glob("*/k8s/**/kustomization.yaml"))


def _name(path: Path) -> str:
    return str(path.relative_to(EXAMPLES))


@pytest.mark.parametrize("path", DOCKERFILES, ids=_name)
def test_a_dockerfile_is_clean(path: Path, tmp_path: Path) -> None:
    done = run([find("hadolint"), "--no-color", path], cwd=path.parent, env=base_env(tmp_path))
    assert (done.code, done.out) == (0, ""), done.out + done.err


@pytest.mark.parametrize("path", MANIFESTS, ids=_name)
def test_a_manifest_is_valid(path: Path, tmp_path: Path) -> None:
    argv = [find("kubernetes-validate"), "--strict", "--quiet", path]
    done = run(argv, cwd=path.parent, env=base_env(tmp_path))
    assert (done.code, done.out.strip()) == (0, ""), done.out + done.err


@pytest.mark.parametrize("path", KUSTOMIZATIONS, ids=_name)
def test_a_kustomization_names_what_is_there(path: Path) -> None:
    data = yaml.safe_load(path.read_text("utf-8"))
    assert data["kind"] == "Kustomization"
    for name in data["resources"]:
        assert (path.parent / name).exists(), name


def test_the_tools_find_faults(tmp_path: Path) -> None:
    bad = tmp_path / "Dockerfile"
    bad.write_text("FROM debian\nRUN cd /tmp\n")
    assert run([find("hadolint"), bad], cwd=tmp_path, env=base_env(tmp_path)).code != 0
    wrong = tmp_path / "bad.yaml"
    wrong.write_text("apiVersion: v1\nkind: Service\nmetadata: {name: a}\nspec: {prots: []}\n")
    argv = [find("kubernetes-validate"), "--strict", wrong]
    assert run(argv, cwd=tmp_path, env=base_env(tmp_path)).code != 0


def test_there_is_something_to_check() -> None:
    assert DOCKERFILES
    assert MANIFESTS
