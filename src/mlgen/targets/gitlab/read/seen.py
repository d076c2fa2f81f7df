"""What `SeenJob` holds of a job of the file, a leg each."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping

from mlgen.named import NamedTuple
from mlgen.readback import Fetched, SeenJob, shell
from mlgen.readback.unread import Unread
from mlgen.regex import fullmatch, regex
from mlgen.targets.gitlab.read import around
from mlgen.targets.gitlab.read.config import OPENING, known
from mlgen.targets.gitlab.read.jobs import VARIABLE, Native, instances, relative, with_axes
from mlgen.typed import Any

SLOT = "MLGEN_SLOT"
_HELPERS = regex(r"MLGEN_(?:SLOT|IMAGE|TAG(?:_\d+)?)")
"""Variables of a leg that only its image, tags and resource group ask for."""
_PYTHON = regex(r"(?:docker\.io/)?(?:library/)?python:(\d+(?:\.\d+)*)(?:-.*)?")
TOOLS = {
    "CONDA_PKGS_DIRS": "~/.conda/pkgs", "HF_HOME": "~/.cache/huggingface", "KERAS_HOME": "~/.keras",
    "NLTK_DATA": "~/nltk_data", "PDM_CACHE_DIR": "~/.cache/pdm", "PIP_CACHE_DIR": "~/.cache/pip",
    "POETRY_CACHE_DIR": "~/.cache/pypoetry", "PRE_COMMIT_HOME": "~/.cache/pre-commit", "TORCH_HOME": "~/.cache/torch",
    "UV_CACHE_DIR": "~/.cache/uv", "WANDB_CACHE_DIR": "~/.cache/wandb", "XDG_CACHE_HOME": "~/.cache",
    "npm_config_cache": "~/.npm",
}  # fmt: skip
"""Where each tool keeps its cache, unless the variable says otherwise: from the tools' own documentation."""


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
        names = [a or b for a, b in VARIABLE.findall(value)] if expands else []
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
    taken = list(_taken(job, all_jobs))
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
        services=tuple(around.served(job)),
        secrets=names,
        takes=frozenset(path for _, path in taken),
        sources=frozenset(taken),
        hands=frozenset(job.archived),
        requires=frozenset(with_axes(path, first_axes) for path in seen.requires),
        reports=frozenset(
            relative(path, seen.root, first_axes) for path in ([junit] if isinstance(junit, str) else junit)
        ),
        kept=frozenset(job.archived),
        exports=frozenset(seen.exports.values if seen.exports and seen.exports.out in job.archived else ()),
        caches=tuple(around.cached(job, TOOLS)),
        environment=environment.get("name", ""),
        lock=_lock(said),
        allow_failure=job.allow_failure,
        limit=_seconds(said.get("timeout"), job.name),
        identities=frozenset(_identities(job)),
        checkouts=_checkouts(job),
        container=_container(said.get("image")),
        parallel=len({dict(leg).get(SLOT) for leg in job.legs} - {None}) if _slots(said) else 0,
        sees=frozenset(_values(job, all_jobs)),
        shown=frozenset(_shown(job, reports, first_axes)),
        compares=seen.merged,
        lists=seen.lists,
        deployment=bool(environment) and environment.get("action", "start") == "start",
        started=around.started(said.get("image")),
        pull=around.pull(said.get("image")),
        days=around.days(job),
        late=frozenset(path for path in job.archived if job.late and path not in seen.unfinished),
        fresh=True,
        url=around.address(environment.get("url", ""), job, reports),
        grants=around.grants(job),
        prompt=str(said.get("manual_confirmation", "")),
        system=around.system(said.get("tags") or ()),
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
            runner=" ".join(_expanded(tag, dict(leg)) for tag in said.get("tags") or ()) or "without tags",
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
    return "" if _slots(said) else str(said.get("resource_group", ""))


def _slots(said: Mapping[str, Any]) -> bool:
    return f"${SLOT}" in str(said.get("resource_group", ""))


DEFAULT_LIMIT = 3600
"""Of a project, unless its settings say otherwise: https://docs.gitlab.com/ci/pipelines/settings/"""


def _seconds(said: Any, name: str) -> int:
    """https://docs.gitlab.com/ci/yaml/#timeout"""
    if said is None:
        return DEFAULT_LIMIT
    total = 0
    for part in str(said).split():
        if not fullmatch(r"\d+[smhd]", part):
            raise Unread(f"{name}: timeout: {said} is not known")
        total += shell.seconds(part)
    return total


def _identities(job: Native) -> Iterator[str]:
    """https://docs.gitlab.com/ci/yaml/#id_tokens; a cloud's is asked for where its tools are given the token."""
    for name, said in (job.said.get("id_tokens") or {}).items():
        known(said, ("aud",), f"{job.name}: id_tokens.{name}")
        cloud = name.removeprefix("MLGEN_").removesuffix("_TOKEN").lower()
        if name == f"MLGEN_{cloud.upper()}_TOKEN" and cloud in ("aws", "gcp", "azure"):
            if cloud in job.seen.clouds:
                yield cloud
        else:
            yield name


def _checkouts(job: Native) -> tuple[Fetched, ...]:
    """https://docs.gitlab.com/ci/runners/configure_runners/: the runner's own, unless it is taken away, and others."""
    value = {name: str(job.variables.get(name, "")) for name in ("GIT_DEPTH", "GIT_LFS_SKIP_SMUDGE", "GIT_STRATEGY")}
    modules = {"": "", "none": "", "normal": "true", "recursive": "recursive"}
    strategy = str(job.variables.get("GIT_SUBMODULE_STRATEGY", ""))
    if strategy not in modules:
        raise Unread(f"{job.name}: GIT_SUBMODULE_STRATEGY: {strategy} is not known")
    if job.seen.stays is not None or value["GIT_STRATEGY"] == "none":
        return job.seen.fetched
    depth = int(value["GIT_DEPTH"]) if value["GIT_DEPTH"] else None
    own = Fetched("", "", "", depth, value["GIT_LFS_SKIP_SMUDGE"] != "1", modules[strategy])
    others = [one for one in job.seen.fetched if one.repository or one.path]
    for one in job.seen.fetched:
        own = own._replace(ref=own.ref if one in others else one.ref)
    return (own, *others)


def _container(said: Any) -> tuple[str, ...]:
    """https://docs.gitlab.com/ci/yaml/#image, in the words of `docker run`."""
    if not isinstance(said, dict):
        return ()
    docker = said.get("docker") or {}
    known(docker, ("user",), "image: docker")
    return ("--user", str(docker["user"])) if docker else ()


def _values(job: Native, all_jobs: Mapping[str, Native]) -> Iterator[str]:
    """The exported values that .mlgen/env.sh finds in the artifacts that it receives."""
    for source in job.sources:
        exports = all_jobs[source].seen.exports
        if exports and exports.out in all_jobs[source].archived and exports.out not in job.seen.removed:
            yield from (value.partition("=")[0] for value in exports.values)


def _shown(job: Native, reports: Mapping[str, Any], axes: frozenset[str]) -> Iterator[str]:
    """Coverage (https://docs.gitlab.com/ci/yaml/artifacts_reports/), and what a merge request links to."""
    if "coverage_report" in reports:
        said = reports["coverage_report"]
        known(said, ("coverage_format", "path"), f"{job.name}: artifacts.reports.coverage_report")
        yield f"{said['coverage_format']}:{relative(said['path'], job.seen.root, axes)}"
    if "expose_as" in (job.said.get("artifacts") or {}):
        yield from job.archived


def _taken(job: Native, all_jobs: Mapping[str, Native]) -> Iterator[tuple[str, str]]:
    """The ids of makers and the paths that it receives and that are still there when its setup starts."""
    for source in job.sources:
        other = all_jobs[source]
        for path in other.archived:
            gone = instances(path, other) <= set(job.seen.removed)
            stays = job.seen.stays is None or path.rstrip("/") in job.seen.stays or path.startswith(".mlgen/")
            if not gone and stays:
                yield str(other.variables.get("MLGEN_JOB", "")), path


def _expanded(text: str, leg: Mapping[str, str]) -> str:
    def value(found: re.Match[str]) -> str:
        name = found[1] or found[2]
        return leg.get(name, f"${{{name}}}")

    return VARIABLE.sub(value, text)


def _image(said: Any, leg: Mapping[str, str], name: str) -> str:
    """https://docs.gitlab.com/ci/yaml/#image; the commit as the portable variable of the same value."""
    if isinstance(said, dict):
        known(said, ("name", "entrypoint", "docker", "pull_policy"), f"{name}: image")
        said = said.get("name", "")
    return _expanded(said or "", {**leg, "CI_COMMIT_SHA": "${MLGEN_COMMIT}"})
