"""One job of the file: what is said of it, and the values that `SeenJob` holds of it, a leg each.

https://docs.gitlab.com/ci/yaml/#job-keywords
"""

import itertools
import re
from collections.abc import Iterator, Mapping
from typing import Any

from mlgen.named import NamedTuple
from mlgen.readback import SeenJob
from mlgen.targets.gitlab.read import scripts
from mlgen.targets.gitlab.read.config import OPENING, File, known
from mlgen.targets.gitlab.read.context import KNOWN
from mlgen.targets.gitlab.read.rules import Reader, Rule

KEYS = frozenset((
    "after_script", "allow_failure", "artifacts", "before_script", "cache", "coverage", "dependencies", "environment",
    "id_tokens", "image", "inherit", "interruptible", "manual_confirmation", "needs", "parallel", "resource_group",
    "retry", "rules", "script", "services", "stage", "tags", "timeout", "trigger", "variables", "when",
))  # fmt: skip
ARTIFACTS = frozenset(("expire_in", "expose_as", "access", "name", "paths", "reports", "when"))
SLOT = "MLGEN_SLOT"
_HELPERS = re.compile(r"MLGEN_(?:SLOT|IMAGE|TAG(?:_\d+)?)")
"""Variables of a leg that only its image, tags and resource group ask for."""
_VARIABLE = re.compile(r"\$(?:(\w+)|\{(\w+)\})")
_PYTHON = re.compile(r"(?:docker\.io/)?(?:library/)?python:(\d+(?:\.\d+)*)(?:-.*)?")
TOOLS = {
    "CONDA_PKGS_DIRS": "~/.conda/pkgs", "HF_HOME": "~/.cache/huggingface", "KERAS_HOME": "~/.keras",
    "NLTK_DATA": "~/nltk_data", "PDM_CACHE_DIR": "~/.cache/pdm", "PIP_CACHE_DIR": "~/.cache/pip",
    "POETRY_CACHE_DIR": "~/.cache/pypoetry", "PRE_COMMIT_HOME": "~/.cache/pre-commit", "TORCH_HOME": "~/.cache/torch",
    "UV_CACHE_DIR": "~/.cache/uv", "WANDB_CACHE_DIR": "~/.cache/wandb", "XDG_CACHE_HOME": "~/.cache",
    "npm_config_cache": "~/.npm",
}  # fmt: skip
"""Where each tool keeps its cache, unless the variable says otherwise: from the tools' own documentation."""


class Need(NamedTuple):
    """One job of `needs`."""

    job: str
    optional: bool
    artifacts: bool


class Native(NamedTuple):
    """A job as the file has it, besides what `SeenJob` tells."""

    name: str
    said: Mapping[str, Any]
    rules: tuple[Rule, ...] | None
    when: str
    allow_failure: bool
    needs: tuple[Need, ...]
    staged: bool
    """Whether it has no `needs`, and so waits for all earlier stages: those in `needs`, all of them optional."""
    sources: tuple[str, ...]
    """The jobs of which it receives the artifacts."""
    archived: tuple[str, ...]
    """The paths in its artifacts, relative to the project's root, with axes as `${matrix.NAME}`."""
    late: bool
    """Whether its artifacts are there also after it has failed."""
    variables: Mapping[str, Any]
    """Its own and those of the file that it inherits."""
    legs: tuple[tuple[tuple[str, str], ...], ...]
    seen: scripts.Seen


def native(name: str, said: Mapping[str, Any], file: File, reader: Reader) -> Native:
    """The job; ValueError where it says what this reader does not know."""
    known(said, KEYS, name)
    if ("script" in said) == ("trigger" in said):
        raise ValueError(f"{name}: a job has either `script` or `trigger`")
    when = said.get("when", "on_success")
    if when not in ("on_success", "on_failure", "always", "manual", "never"):
        raise ValueError(f"{name}: when: {when} is not known")
    rules = reader.read(said["rules"], f"{name}: rules") if "rules" in said else None
    if rules is not None and "when" in said:
        raise ValueError(f"{name}: `when` stands beside `rules`")
    seen = scripts.read(name, dict(said))
    needs = tuple(_needs(name, said["needs"])) if "needs" in said else tuple(_before(name, said, file))
    sources = tuple(said["dependencies"]) if "dependencies" in said else tuple(n.job for n in needs if n.artifacts)
    for other in (*(need.job for need in needs), *sources):
        if other not in file.jobs:
            raise ValueError(f"{name}: it refers to {other}, which is no job")
    variables = dict(said.get("variables") or {})
    taken = said.get("inherit", {}).get("variables", True)
    shared = file.variables if taken is True else {k: v for k, v in file.variables.items() if taken and k in taken}
    artifacts = said.get("artifacts") or {}
    known(artifacts, ARTIFACTS, f"{name}: artifacts")
    allow = said.get("allow_failure", when == "manual")
    legs = tuple(_legs(name, said["parallel"])) if "parallel" in said else ((),)
    axes = frozenset(axis for leg in legs for axis, _ in leg)
    return Native(
        name,
        said,
        rules,
        when,
        bool(allow) or any(rule.allow_failure for rule in rules or () if rule.when != "never"),
        needs,
        "needs" not in said,
        sources,
        tuple(_path(path, seen.root, axes) for path in artifacts.get("paths") or ()),
        artifacts.get("when", "on_success") != "on_success",
        {**shared, **variables},
        legs,
        seen,
    )


def _needs(name: str, entries: Any) -> Iterator[Need]:
    """https://docs.gitlab.com/ci/yaml/#needs"""
    if not isinstance(entries, list):
        raise ValueError(f"{name}: needs: not a list")
    for entry in entries:
        said = {"job": entry} if isinstance(entry, str) else entry
        known(said, ("job", "optional", "artifacts"), f"{name}: needs")
        yield Need(said["job"], bool(said.get("optional", False)), bool(said.get("artifacts", True)))


def _stage(said: Mapping[str, Any], file: File, name: str) -> int:
    stage = said.get("stage", "test")
    if stage not in file.stages:
        raise ValueError(f"{name}: its stage {stage} is not among the stages")
    return file.stages.index(stage)


def _before(name: str, said: Mapping[str, Any], file: File) -> Iterator[Need]:
    """All jobs of earlier stages: https://docs.gitlab.com/ci/yaml/#stages"""
    own = _stage(said, file, name)
    for other, what in file.jobs.items():
        if isinstance(what, dict) and _stage(what, file, other) < own:
            yield Need(other, True, True)


def _legs(name: str, parallel: Any) -> Iterator[tuple[tuple[str, str], ...]]:
    """https://docs.gitlab.com/ci/yaml/#parallelmatrix"""
    if isinstance(parallel, int):
        yield from ((("CI_NODE_INDEX", str(number)),) for number in range(1, parallel + 1))
        return
    known(parallel, ("matrix",), f"{name}: parallel")
    for entry in parallel["matrix"]:
        axes = [(axis, values if isinstance(values, list) else [values]) for axis, values in entry.items()]
        for chosen in itertools.product(*(values for _, values in axes)):
            yield tuple((axis, str(value)) for (axis, _), value in zip(axes, chosen))


def _path(path: str, root: str, axes: "frozenset[str]") -> str:
    """A path of the repository as one of the project, with axes as the language has them."""
    if root:
        path = path[len(root) + 1 :] if path.startswith(f"{root}/") else f"/{path}"
    return _axes(path, axes)


def _axes(path: str, axes: "frozenset[str]") -> str:
    def axis(found: "re.Match[str]") -> str:
        name = found[1] or found[2]
        return f"${{matrix.{name}}}" if name in axes else found[0]

    return _VARIABLE.sub(axis, path) if "$" in path else path


class Held(NamedTuple):
    """The variables of a job: those with literal values, and those that take the value of another one."""

    literal: dict[str, str]
    taken: tuple[tuple[str, str], ...]


def _held(job: Native) -> Held:
    """https://docs.gitlab.com/ci/yaml/#variablesexpand: `$NAME` in a value is expanded unless `expand` is false."""
    literal, taken = {}, []
    for name, said in job.variables.items():
        plain = not isinstance(said, dict)
        if not plain:
            known(said, ("value", "expand", "description", "options"), f"{job.name}: variables.{name}")
        value = str(said if plain else said.get("value", ""))
        expands = plain or said.get("expand", True)
        if OPENING in value:
            continue
        names = [a or b for a, b in _VARIABLE.findall(value)] if expands else []
        if not names:
            literal[name] = value
        taken += [(name, n) for n in names if not n.startswith(("CI_", "GITLAB_")) and n not in job.variables]
    return Held(literal, tuple(taken))


def seen_jobs(job: Native, all_jobs: Mapping[str, Native]) -> Iterator[SeenJob]:
    """The job's legs."""
    said, seen = job.said, job.seen
    held = _held(job)
    names = tuple(sorted({*held.taken, *seen.names}))
    environment = said.get("environment") or {}
    environment = {"name": environment} if isinstance(environment, str) else environment
    known(environment, ("name", "url", "action", "deployment_tier", "on_stop"), f"{job.name}: environment")
    reports = (said.get("artifacts") or {}).get("reports") or {}
    known(reports, ("junit", "coverage_report", "dotenv"), f"{job.name}: artifacts.reports")
    tries = 1 + _retries(job.name, said.get("retry", 0))
    first_axes = frozenset(axis for axis, _ in job.legs[0])
    junit = reports.get("junit", [])
    base = SeenJob(
        name=job.name,
        job=held.literal.get("MLGEN_JOB", ""),
        route=(job.name,),
        needs=tuple(dict.fromkeys((*(need.job for need in job.needs), *_watched(job)))),
        scripts=tuple(
            script._replace(
                secrets=tuple(sorted({*script.secrets, *held.taken})),
                tries=script.tries * (tries if script.when == "success" else 1),
            )
            for script in seen.scripts
        ),
        portable=seen.portable,
        services=tuple(sorted(_services(job))),
        secrets=names,
        takes=frozenset(_taken(job, all_jobs)),
        hands=frozenset(job.archived),
        requires=frozenset(_axes(path, first_axes) for path in seen.requires),
        reports=frozenset(
            _path(path, seen.root, first_axes) for path in ([junit] if isinstance(junit, str) else junit)
        ),
        kept=frozenset(job.archived),
        exports=frozenset(seen.exports.values if seen.exports and seen.exports.out in job.archived else ()),
        caches=frozenset(_caches(job)),
        environment=environment.get("name", ""),
        lock=_lock(said),
        allow_failure=job.allow_failure,
    )
    for leg in job.legs:
        values = {**held.literal, **dict(leg)}
        image = _image(said.get("image"), dict(leg), job.name)
        python = _PYTHON.fullmatch(image)
        yield base._replace(
            leg=tuple((axis, value) for axis, value in leg if not _HELPERS.fullmatch(axis)),
            image=image,
            python=python[1] if python else "",
            env=tuple(sorted(values.items())),
            runner=" ".join(_expanded(tag, dict(leg)) for tag in said.get("tags") or ()),
        )


def _watched(job: Native) -> Iterator[str]:
    """The jobs for whose end it waits by itself."""
    for each in (*job.seen.asks, *([job.seen.milestone] if job.seen.milestone else [])):
        yield from (name for _, name in each.watched)


def _retries(name: str, said: Any) -> int:
    known(said if isinstance(said, dict) else {}, ("max", "when"), f"{name}: retry")
    return int(said.get("max", 0)) if isinstance(said, dict) else int(said)


def _lock(said: Mapping[str, Any]) -> str:
    """https://docs.gitlab.com/ci/resource_groups/; groups that share legs out among slots are no lock of the job."""
    group = str(said.get("resource_group", ""))
    return "" if f"${SLOT}" in group else group


def _taken(job: Native, all_jobs: Mapping[str, Native]) -> Iterator[str]:
    """The paths that it receives and that are still there when its setup starts."""
    for source in job.sources:
        other = all_jobs[source]
        for path in other.archived:
            gone = instances(path, other) <= set(job.seen.removed)
            stays = job.seen.stays is None or path.rstrip("/") in job.seen.stays or path.startswith(".mlgen/")
            if not gone and stays:
                yield path


def instances(path: str, maker: Native) -> set[str]:
    """The path on each leg of its maker."""
    if "${matrix." not in path:
        return {path}
    found = set()
    for leg in maker.legs:
        each = path
        for axis, value in leg:
            each = each.replace(f"${{matrix.{axis}}}", value)
        found.add(each)
    return found


def _expanded(text: str, leg: Mapping[str, str]) -> str:
    def value(found: "re.Match[str]") -> str:
        name = found[1] or found[2]
        return leg.get(name, f"${{{name}}}")

    return _VARIABLE.sub(value, text)


def _image(said: Any, leg: Mapping[str, str], name: str) -> str:
    """https://docs.gitlab.com/ci/yaml/#image; the commit as the portable variable of the same value."""
    if isinstance(said, dict):
        known(said, ("name", "entrypoint", "docker", "pull_policy"), f"{name}: image")
        said = said.get("name", "")
    return _expanded(said or "", {**leg, "CI_COMMIT_SHA": "${MLGEN_COMMIT}"})


def _services(job: Native) -> Iterator[tuple[str, str]]:
    """https://docs.gitlab.com/ci/services/; a Docker daemon is no service of the language."""
    for service in job.said.get("services") or ():
        known(service, ("name", "alias", "command", "variables", "entrypoint"), f"{job.name}: services")
        if not (service.get("alias") == "docker" and re.fullmatch(r"docker:[\w.]+-dind", service["name"])):
            yield service.get("alias", ""), service["name"]


def _caches(job: Native) -> Iterator[str]:
    """The cached paths; a folder to which a tool's variable points stands for that tool's own."""
    moved = {}
    for name, home in TOOLS.items():
        value = job.variables.get(name)
        if isinstance(value, str) and value.startswith("$CI_PROJECT_DIR/"):
            moved[value.removeprefix("$CI_PROJECT_DIR/").rstrip("/")] = home
    said = job.said.get("cache") or []
    for cache in [said] if isinstance(said, dict) else said:
        known(cache, ("key", "paths"), f"{job.name}: cache")
        for path in cache.get("paths") or ():
            yield moved.get(path.rstrip("/")) or _path(path, job.seen.root, frozenset())


def asked_variables(job: Native) -> Iterator[str]:
    """The variables for which its rules ask and of which nothing is known."""
    for rule in job.rules or ():
        for name in rule.condition.asks if rule.condition else ():
            if name not in KNOWN and name not in job.variables:
                yield name
