"""`kubernetes`: manifests are applied by kubectl, and the roll-out is waited for."""

from __future__ import annotations

from collections.abc import Iterator

from mlgen.diagnostics import Diagnostic, error
from mlgen.ir import paths
from mlgen.lower.commands.build import variable
from mlgen.lower.commands.call import Call, word
from mlgen.lower.commands.cluster import WORK, connect
from mlgen.lower.names import did_you_mean, named
from mlgen.lower.texts import seconds
from mlgen.quoting.shell import sh

_ROLLED_OUT = "/^(DaemonSet|Deployment|StatefulSet) /"
_COLUMNS = "KIND:.kind,NAMESPACE:.metadata.namespace,NAME:.metadata.name,GENERATION:.metadata.generation"


def script(call: Call) -> str:
    """The script: connect, put the images in, show the difference, apply, wait, and undo what fails."""
    space = f" --namespace {call.words['namespace']}" if "namespace" in call.words else ""
    images, what = _manifests(call)
    parts = [
        *WORK,
        *connect(call),
        *images,
        *_listing(space, what),
        f"kubectl diff --server-side{space} {what} ||",
        "  [ $? -eq 1 ] || echo 'mlgen: the changes cannot be shown' >&2",
        'mlgen_workloads >"$mlgen_work/before"',
        f"kubectl apply --server-side --field-manager mlgen{space} {what}",
        'mlgen_workloads >"$mlgen_work/after"',
        *_wait(seconds(call.words.get("wait", "5m")), call.words.get("undo", True)),
    ]
    return "\n".join(parts)


def _listing(space: str, what: str) -> list[str]:
    return [
        "# What is rolled out: kind, namespace, name, and a number that changes with it.",
        "mlgen_workloads() {",
        f"  kubectl get{space} {what} --ignore-not-found --no-headers \\",
        f"    -o custom-columns={_COLUMNS} |",
        f"    awk '{_ROLLED_OUT}'",
        "}",
    ]


def _wait(limit: int, undo: bool) -> list[str]:
    status = 'kubectl rollout status "$mlgen_kind/$mlgen_name" --namespace "$mlgen_space"'
    found = [
        "mlgen_failed=",
        "while read -r mlgen_kind mlgen_space mlgen_name _; do",
        f"  {status} --timeout {limit}s ||",
        '    mlgen_failed="$mlgen_failed $mlgen_kind/$mlgen_name"',
        'done <"$mlgen_work/after"',
        'if [ -n "$mlgen_failed" ]; then',
        '  echo "mlgen: not rolled out:$mlgen_failed" >&2',
    ]
    if undo:
        found += [
            "  # All that this job changed goes back to its revision before; what is new has none.",
            '  grep -vxF -f "$mlgen_work/before" "$mlgen_work/after" |',
            "    while read -r mlgen_kind mlgen_space mlgen_name _; do",
            '      kubectl rollout undo "$mlgen_kind/$mlgen_name" --namespace "$mlgen_space" &&',
            f"        {status} --timeout {limit}s || true",
            "    done || true",
        ]
    return [*found, "  exit 1", "fi"]


def _manifests(call: Call) -> tuple[list[str], str]:
    """The commands that make the manifests with the images by digest, and kubectl's option that names them."""
    words = call.words
    path = paths.normal(words.get("kustomize") or words["manifests"]) or "."
    images = words.get("images", {})
    if not images:
        return [], f"--kustomize {sh(path)}" if "kustomize" in words else f"--filename {sh(path)}"
    builders = {image: variable(call.data, named(call.data, job)[0]) for image, job in images.items()}
    found = [f': "${{{name}:?{images[image]} has pushed no image}}"' for image, name in builders.items()]
    found += ["mkdir -p .mlgen/kubernetes", "{", "  echo resources:"]
    if "kustomize" in words:
        found.append(f"  echo {sh(f'  - ../../{path}')}")
    else:
        # Files outside of a kustomization's folder are read only if it is said.
        pick = r"\( -name '*.yaml' -o -name '*.yml' -o -name '*.json' \)"
        found.append(f"  find {sh(path)} -maxdepth 1 -type f {pick} | sort | sed 's|^|  - ../../|'")
    found.append("  echo images:")
    for image, name in builders.items():
        found.append("  printf '  - name: %s\\n    newName: %s\\n    digest: %s\\n' \\")
        found.append(f'    {word(image)} "${{{name}%@*}}" "${{{name}#*@}}"')
    found += ["} >.mlgen/kubernetes/kustomization.yaml"]
    anywhere = "" if "kustomize" in words else " --load-restrictor LoadRestrictionsNone"
    found.append(f'kubectl kustomize{anywhere} .mlgen/kubernetes >"$mlgen_work/manifests.yaml"')
    return found, '--filename "$mlgen_work/manifests.yaml"'


def reads(call: Call) -> list[str]:
    """Manifests may be made by another job."""
    return [paths.normal(call.words[key]) for key in ("manifests", "kustomize") if key in call.words]


def needs(call: Call) -> list[str]:
    """The jobs that build the images."""
    return [named(call.data, job)[0] for job in call.words.get("images", {}).values() if named(call.data, job)]


def check(call: Call) -> Iterator[Diagnostic]:
    """One source of manifests, and images that jobs build."""
    if ("manifests" in call.words) == ("kustomize" in call.words):
        both = "manifests" in call.words
        message = f"{call.id} has {'both `manifests` and `kustomize`' if both else 'no manifests'}"
        yield error("MLG102" if both else "MLG103", call.at(), message, "name one: `manifests`, or `kustomize`")
    builders = [name for members in call.data["stages"].values() for name, job in members.items() if "build" in job]
    for image, job in call.words.get("images", {}).items():
        found = named(call.data, job)
        at = call.at("images", image)
        if not found:
            yield error("MLG201", at, f"there is no job {job}", did_you_mean(job, builders))
            continue
        stage, _, name = found[0].partition(".")
        said = call.data["stages"][stage][name]
        if len(found) > 1:
            yield error("MLG202", at, f"more than one job is called {job}", f"write {' or '.join(found)}")
        elif "build" not in said:
            yield error("MLG201", at, f"{job} builds no image", did_you_mean(job, builders))
        elif "matrix" in said:
            hint = "build the image that is deployed in a job of its own"
            yield error("MLG206", at, f"{job} has a matrix, and builds more than one image", hint)
