"""Every script that an action can become passes shellcheck."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.engines.tools import base_env, find, run
from tests.lower.specs import pipeline

SPEC = """
secrets: {USER: {}, PASS: {}, CONFIG: {}, FILE: {file: true}, TWINE_PASSWORD: {}, MLFLOW_TRACKING_URI: {}}
tracking: {mlflow: {uri: "${MLFLOW_TRACKING_URI}"}}
model: {path: "models/the model.pkl"}
triggers: {push: {}, tag: ["v*"]}
stages:
  build:
    a: {build: r.io/a}
    b:
      build:
        image: "r.io/${MLGEN_BRANCH_SLUG}/b"
        scan: true
        tags: ["${MLGEN_TAG}", "${MLGEN_TAG}-${MLGEN_PR}"]
        args: {A: "b c"}
        platforms: [linux/amd64, linux/arm64]
        login: {username: USER, password: PASS}
    c: {build: {image: ghcr.io/o/c, login: host, context: "a b/", file: "c d/Dockerfile"}}
    d: {build: {image: 1.dkr.ecr.eu-west-1.amazonaws.com/a, login: ecr}}
    e: {build: {image: x.azurecr.io/a, login: acr}}
    f: {build: {image: x.pkg.dev/p/a, login: gcp}}
    g: {register: {flavor: sklearn}, params: [params.yaml]}
    h: {promote: best}
    i: {package: {files: [dist/*.whl, "a b.whl"], index: host}}
    j: {package: dist/*, secrets: [TWINE_PASSWORD]}
    k: {package: {files: dist/*, index: "https://x.org/${MLGEN_TAG}/"}}
    l: {release: {files: [dist/*], notes: "a b.md"}, when: {event: tag}}
  deploy:
    m:
      kubernetes:
        kustomize: "k8s/a b"
        namespace: n
        images: {app: a, "b/b": b}
        cluster: {gke: {name: "${MLGEN_BRANCH_SLUG}", location: l}}
    n: {kubernetes: {manifests: k8s, images: {app: a}, cluster: {kubeconfig: FILE}, undo: false}}
    o: {kubernetes: {manifests: "k8s x", cluster: {kubeconfig: CONFIG}}}
    p: {kubernetes: {manifests: k8s, cluster: {aks: {name: a, group: b}}}}
    q:
      helm:
        chart: "charts/my api"
        set: {a: "${MLGEN_COMMIT} x", b: 1}
        values: ["a b.yaml"]
        cluster: {eks: {name: a, region: b}}
    r: {smoke: {url: "https://x/${MLGEN_COMMIT}?a=b&c", json: {a: "x y"}}}
"""
JOBS = [job for job in pipeline(SPEC).jobs if job.action]


@pytest.mark.parametrize("job", JOBS, ids=lambda job: job.action + "-" + job.name)
def test_a_script_is_clean(job: object, tmp_path: Path) -> None:
    script = job.run  # type: ignore[attr-defined]
    argv = [find("shellcheck"), "--shell", "bash", "--severity", "style", "-"]
    done = run(argv, cwd=tmp_path, env=base_env(tmp_path), stdin=f"{script}\n")
    assert done.out == "", done.out
    assert done.code == 0
