"""`kubernetes` and `helm` as scripts, with tools that record how they are called."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml

from mlgen.ir import Job
from tests.lower.specs import codes, edges, pipeline

from .fakes import Done, Machine

HEAD = """
secrets: {KUBECONFIG: {}, CONFIG: {}, FILE: {file: true}}
triggers: {push: {branches: [main]}, pull_request: {}, tag: ["v*"]}
runtime: {setup: pip install -r requirements.txt}
environments: {staging: {}}
stages:
  image:
    api: {build: ghcr.io/org/api}
    work-er: {build: ghcr.io/org/worker}
    made: {run: x, outs: [gen/]}
  deploy:
    it: {environment: staging, JOB}
"""
IMAGES = {"MLGEN_IMAGE_API": "ghcr.io/org/api@sha256:aa", "MLGEN_IMAGE_WORK_ER": "ghcr.io/org/worker@sha256:bb"}
BEFORE = "Deployment ml app 1\nService ml app 4\n"
AFTER = "Deployment ml app 2\nDeployment ml fresh 1\nService ml app 5\nStatefulSet ml db 3\n"


@pytest.fixture
def machine(tmp_path: Path) -> Machine:
    made = Machine(tmp_path)
    made.say("kubectl get", (0, BEFORE), (0, AFTER))
    made.say("kubectl diff", (1, "- a\n+ b\n"))
    return made


def job(text: str) -> Job:
    return pipeline(HEAD.replace("JOB", text)).job("deploy.it")


def run(machine: Machine, text: str, **env: str) -> Done:
    return machine.run(job(text).run, **env)


def test_it_shows_applies_and_waits(machine: Machine) -> None:
    done = run(machine, "kubernetes: {manifests: k8s/, namespace: ml, wait: 2m}")
    assert done.code == 0, done.err
    done.order("kubectl diff", "kubectl apply", "rollout status")
    applied = done.lines("kubectl apply")
    assert applied == ["kubectl apply --server-side --field-manager mlgen --namespace ml --filename k8s"]
    assert done.lines("rollout") == [
        f"kubectl rollout status {what} --namespace ml --timeout 120s"
        for what in ("Deployment/app", "Deployment/fresh", "StatefulSet/db")
    ]
    assert "+ b" in done.out
    assert machine.left == []


def test_what_does_not_roll_out_is_undone(machine: Machine) -> None:
    machine.say("rollout status Deployment/app", (1, "error: timed out"), (0, ""))
    machine.say("kubectl get", (0, BEFORE + "StatefulSet ml db 3\n"), (0, AFTER))
    done = run(machine, "kubernetes: k8s/")
    assert done.code == 1
    assert "mlgen: not rolled out: Deployment/app" in done.err
    # The database was not changed, and stays as it is.
    assert [line.split()[3] for line in done.lines("rollout undo")] == ["Deployment/app", "Deployment/fresh"]
    done.order("kubectl apply", "rollout status StatefulSet/db", "rollout undo Deployment/app")
    assert done.calls[-1].line.startswith("kubectl rollout ")
    assert machine.left == []


def test_an_undo_that_fails_hides_nothing(machine: Machine) -> None:
    machine.say("rollout status", (1, ""))
    machine.say("rollout undo", (1, "no rollout history found"))
    done = run(machine, "kubernetes: k8s/")
    assert done.code == 1
    assert len(done.lines("rollout undo")) == 3


def test_undo_can_be_left_out(machine: Machine) -> None:
    machine.say("rollout status", (1, ""))
    done = run(machine, "kubernetes: {manifests: k8s/, undo: false}")
    assert (done.code, done.lines("undo")) == (1, [])


def test_nothing_is_applied_if_the_cluster_does_not_answer(machine: Machine) -> None:
    machine.say("kubectl get", (1, ""))
    done = run(machine, "kubernetes: k8s/")
    assert (done.code, done.lines("apply")) == (1, [])


def test_a_difference_that_cannot_be_shown_is_told_and_stops_nothing(machine: Machine) -> None:
    machine.say("kubectl diff", (2, ""))
    done = run(machine, "kubernetes: k8s/")
    assert (done.code, len(done.lines("apply"))) == (0, 1)
    assert "cannot be shown" in done.err


def test_an_apply_that_fails_is_a_failure(machine: Machine) -> None:
    machine.say("kubectl apply", (1, ""))
    done = run(machine, "kubernetes: k8s/")
    assert (done.code, done.lines("rollout")) == (1, [])


def test_kustomize_without_images(machine: Machine) -> None:
    done = run(machine, "kubernetes: {kustomize: k8s/staging}")
    assert "kubectl apply --server-side --field-manager mlgen --kustomize k8s/staging" in done.lines()


def _kustomization(machine: Machine) -> Any:
    return yaml.safe_load((machine.work / ".mlgen/kubernetes/kustomization.yaml").read_text())


def test_images_are_those_that_were_built_by_digest(machine: Machine) -> None:
    text = "kubernetes: {kustomize: k8s/staging, images: {app: api, example.org/worker: work-er}}"
    done = run(machine, text, **IMAGES)
    assert done.code == 0, done.err
    assert _kustomization(machine) == {
        "resources": ["../../k8s/staging"],
        "images": [
            {"name": "app", "newName": "ghcr.io/org/api", "digest": "sha256:aa"},
            {"name": "example.org/worker", "newName": "ghcr.io/org/worker", "digest": "sha256:bb"},
        ],
    }
    assert done.lines("kubectl kustomize") == ["kubectl kustomize .mlgen/kubernetes"]
    assert "/manifests.yaml" in done.lines("kubectl apply")[0]
    found = edges(job(text))
    assert (found["image.api"], found["image.work-er"], found["image.made"]) == ("hard", "hard", "barrier")


def test_images_in_plain_manifests(machine: Machine) -> None:
    (machine.work / "k8s/deep").mkdir(parents=True)
    for name in ("b.yaml", "a.yml", "deep/c.yaml", "readme.md"):
        (machine.work / "k8s" / name).touch()
    done = run(machine, "kubernetes: {manifests: k8s/, images: {app: api}}", **IMAGES)
    assert _kustomization(machine)["resources"] == ["../../k8s/a.yml", "../../k8s/b.yaml"]
    assert done.lines("kubectl kustomize")[0].startswith("kubectl kustomize --load-restrictor LoadRestrictionsNone ")


def test_an_image_that_was_not_pushed_is_not_deployed(machine: Machine) -> None:
    done = run(machine, "kubernetes: {kustomize: k8s, images: {app: api}}", MLGEN_IMAGE_API="")
    assert done.code != 0
    assert "api has pushed no image" in done.err
    assert done.calls == []


@pytest.mark.parametrize(
    ("cluster", "command"),
    [
        (
            "gke: {name: c, location: l, project: p}",
            "gcloud container clusters get-credentials c --location l --project p",
        ),
        ("eks: {name: c, region: r}", "aws eks update-kubeconfig --name c --region r"),
        ("aks: {name: c, group: g}", "az aks get-credentials --name c --resource-group g"),
    ],
)
def test_clusters_of_clouds(machine: Machine, cluster: str, command: str) -> None:
    done = run(machine, f"kubernetes: {{manifests: k8s/, cluster: {{{cluster}}}}}")
    assert done.calls[0].line == command
    folders = {call.env["KUBECONFIG"] for call in done.calls}
    assert len(folders) == 1
    assert not Path(folders.pop()).exists()


def test_a_kubeconfig_in_a_secret(machine: Machine) -> None:
    text = "kubernetes: {manifests: k8s/, cluster: {kubeconfig: NAME}}"
    done = run(machine, text.replace("NAME", "FILE"), FILE="/run/config")
    assert done.calls[0].env["KUBECONFIG"] == "/run/config"
    for name in ("CONFIG", "KUBECONFIG"):
        script = job(text.replace("NAME", name)).run + '\nstat -c %a "$KUBECONFIG"; cat "$KUBECONFIG"'
        done = machine.run(script, **{name: "a: '$b'"})
        assert done.out.endswith("600\na: '$b'"), done.out
    assert [use.name for use in job(text.replace("NAME", "CONFIG")).secrets] == ["CONFIG"]


def test_helm(machine: Machine) -> None:
    values = "{a.b: 2, up: true, image: '${image}', t: 'x,y'}"
    said = f"helm: {{chart: charts/api/, values: [prod.yaml, gen/v.yaml], namespace: ml, wait: 1h, set: {values}}}"
    said += ", needs: [api]"
    done = run(machine, said, image="r.io/a@sha256:1,2")
    assert done.code == 0, done.err
    assert done.calls[-1].argv == [
        "helm", "upgrade", "--install", "api", "charts/api", "--namespace", "ml",
        "--values", "prod.yaml", "--values", "gen/v.yaml", "--set", "a.b=2", "--set", "up=true",
        "--set-literal", "image=r.io/a@sha256:1,2", "--set-literal", "t=x,y",
        "--atomic", "--wait", "--timeout", "3600s",
    ]  # fmt: skip
    assert edges(job(said))["image.made"] == "hard"
    machine.say("helm upgrade", (1, ""))
    assert run(machine, said, image="x").code == 1


def test_helm_with_a_cluster_and_a_chart_of_a_registry(machine: Machine) -> None:
    done = run(machine, "helm: {chart: 'oci://r.io/charts/Model_API', cluster: {eks: {name: c, region: r}}}")
    assert done.lines("helm") == [
        "helm upgrade --install model-api oci://r.io/charts/Model_API --atomic --wait --timeout 300s"
    ]
    assert done.calls[1].env["KUBECONFIG"] == done.calls[0].env["KUBECONFIG"]
    assert machine.left == []


def test_a_deployment_takes_no_setup_but_its_own() -> None:
    assert job("kubernetes: k8s/").setup == ""
    assert job("kubernetes: k8s/, runtime: {setup: own}").setup == "own"
    assert "kubectl" in job("kubernetes: k8s/, tools: {kubectl: '1.31'}").setup


def test_faults() -> None:
    def wrong(text: str) -> list[str]:
        return codes(HEAD.replace("JOB", text))

    assert wrong("kubernetes: {}") == ["MLG103"]
    assert wrong("kubernetes: {manifests: a, kustomize: b}") == ["MLG102"]
    assert wrong("kubernetes: {manifests: a, images: {x: made}}") == ["MLG201"]
    assert wrong("kubernetes: {manifests: a, images: {x: nope}}") == ["MLG201"]
    assert wrong("kubernetes: {manifests: a, cluster: {kubeconfig: NOPE}}") == ["MLG201"]
    assert wrong("kubernetes: {manifests: a, cluster: {gke: {name: a, location: b}, eks: {name: a, region: b}}}") == [
        "MLG102"
    ]
    assert wrong("kubernetes: {manifests: a, strategy: {canary: {steps: [10]}}}") == ["MLG901"]
    assert wrong("kubernetes: ../a") == ["MLG208"]
    assert wrong("kubernetes: a, working_directory: b") == ["MLG203"]
    assert wrong("helm: {chart: c, set: {a: '${NOPE}'}}") == ["MLG220"]
    assert wrong("smoke: 'ftp://x'") == ["MLG102"]


def test_a_smoke_test_is_a_call_of_ci_py() -> None:
    said = "smoke: {url: 'https://x/${MLGEN_COMMIT}', status: 204, latency: 300ms, within: 2m, "
    said += "json: {ok: true, v: '7', n: 7, t: a b}}"
    assert job(said).run.split(" \\\n  ") == [
        'python3 .mlgen/ci.py smoke "https://x/${MLGEN_COMMIT}"', "--status 204", "--json ok=true", "--json 'v=\"7\"'",
        "--json n=7", "--json 't=a b'", "--latency 0.3", "--within 120",
    ]  # fmt: skip
