"""Jobs one by one: what each says of itself, with the runtime's defaults in place. Edges and conditions come later."""

from __future__ import annotations

import itertools
from collections import Counter

from mlgen.ir import paths
from mlgen.ir.conditions import ALWAYS
from mlgen.ir.model import Job
from mlgen.ir.source import Source
from mlgen.ir.values import (
    Approval,
    Cache,
    Checkout,
    Coverage,
    Environment,
    Export,
    GateCheck,
    Leg,
    Matrix,
    Reports,
    Runner,
    SecretUse,
)
from mlgen.lower import commands, parts, runtime
from mlgen.lower.texts import scalar_text, seconds
from mlgen.typed import Any

MATRIX_WORDS = frozenset(("include", "exclude", "max_parallel"))
"""The keys of a matrix that are no axes."""


def drafts(source: Source) -> tuple[Job, ...]:
    """Every job, in the order of the stages and as written within one; edges empty, conditions `ALWAYS`."""
    stages = source.data["stages"]
    keys = _keys([(stage, name) for stage, members in stages.items() for name in members])
    return tuple(
        commands.lowered(source, _draft(source, stage, name, keys[stage, name], said))
        for stage, members in stages.items()
        for name, said in members.items()
    )


def folded(name: str) -> str:
    """The name as a CI system may see it that keeps fewer characters apart."""
    return name.lower().replace("_", "-")


def _keys(jobs: list[tuple[str, str]]) -> dict[tuple[str, str], str]:
    """Each job's short name: its own, or with its stage where another job's name or key is the same."""
    names = Counter(folded(name) for _, name in jobs)
    long = {job for job in jobs if names[folded(job[1])] > 1}
    while more := {job for job in jobs if folded(job[1]) in {folded("-".join(other)) for other in long}} - long:
        long |= more
    return {job: "-".join(job) if job in long else job[1] for job in jobs}


def _draft(source: Source, stage: str, name: str, key: str, said: dict[str, Any]) -> Job:
    data = source.data
    own = said["runtime"]
    at = ("stages", stage, name)
    place = said.get("environment", "")
    matrix = _matrix(said)
    makes = {kind: tuple(map(paths.normal, said[kind])) for kind in ("outs", "metrics", "plots")}
    shards = {"MLGEN_SHARDS": said["shards"]} if "shards" in said else {}
    env, dynamic = runtime.variables(
        {**({} if said["idle"] else _referring(data["env"])), **(said.get("env") or {}), **shards}
    )
    job = Job(
        id=f"{stage}.{name}",
        name=name,
        stage=stage,
        key=key,
        position=source.key(*at),
        run=runtime.by_shell(said["run"], own["shell"]),
        gate=_gate(data, said.get("gate", "")),
        setup=runtime.setup(own) if not said.get("gate") else "",
        finally_=said["finally"],
        python=own["python"],
        image=own["image"],
        runner=_runner(data, said.get("runner", "default")),
        caches=_caches(source, own["cache"]) if not said.get("gate") else (),
        env=env,
        secrets=_secrets(source, at, said),
        matrix=matrix,
        edges=(),
        condition=ALWAYS,
        outs=makes["outs"],
        metrics=makes["metrics"],
        plots=makes["plots"],
        exports=tuple(
            Export(e, paths.normal(v["json"]), v["key"]) if v else Export(e) for e, v in said["exports"].items()
        ),
        reports=_reports(said["reports"]),
        bundles=(),
        takes=(),
        timeout=seconds(said["timeout"]) if "timeout" in said else 0,
        retry=said.get("retry", 0),
        allow_failure=said.get("allow_failure", False),
        environment=_environment(source, place, said.get("url", "")),
        lock=said.get("lock", place if _deploying(data, said) else ""),
        approval=_approval(data, said),
        on_failure=said["on_failure"],
        activate=runtime.activate(own) if not said.get("gate") else "",
        dynamic=dynamic,
        working_directory=paths.normal(said.get("working_directory", "")),
        container=parts.container(own["container"]),
        services=parts.services(said["services"]),
        docker=said["docker"],
        checkouts=parts.checkouts(said),
        permissions=tuple((said.get("permissions") or {}).items()),
        oidc=parts.oidc(said.get("oidc") or {}),
        keep=parts.keep(said.get("keep"), tuple(dict.fromkeys(sum(makes.values(), ())))),
        steps=parts.steps(said["steps"]),
        native=tuple(sorted((said.get("native") or {}).items())),
        result=_result(said),
        packages=tuple(own["packages"]) if not said.get("gate") else (),
    )
    if own.get("image_from"):
        from mlgen.lower.built import in_built

        job = in_built(source, job)
    if said.get("reuse"):
        from mlgen.lower.reuse import reused

        job = reused(source, job)
    job = _judging(job)
    return _by_leg(job, data, said) if matrix and matrix.legs else job._replace(runners=(job.runner,))


def _judging(job: Job) -> Job:
    """The job with what its gate needs: a word for those who wait for it, and the history that holds its baseline."""
    if job.gate and job.gate.on_fail == "stop":
        job = job._replace(exports=(*job.exports, Export(job.gate.variable)))
    if job.gate and job.gate.branch and job.checkouts == (Checkout(),):
        job = job._replace(checkouts=(Checkout(depth=0),))
    return job


def _referring(env: dict[str, Any]) -> dict[str, Any]:
    """The variables of all jobs that each has to set for itself, since their values hold references."""
    return {name: value for name, value in env.items() if runtime.REFERENCE.search(scalar_text(value))}


def _secrets(source: Source, at: tuple[str, str, str], said: dict[str, Any]) -> tuple[SecretUse, ...]:
    known = source.data["secrets"]
    return tuple(
        SecretUse(use["variable"], use["name"], known[use["name"]]["file"], source.at(*at, "secrets", index))
        for index, use in enumerate(said["secrets"])
    )


def _approval(data: dict[str, Any], said: dict[str, Any]) -> Approval | None:
    place = said.get("environment", "")
    if "approval" in said:
        return parts.approval(said["approval"])
    return parts.approval(data["environments"][place]["approval"]) if place else None


def _result(said: dict[str, Any]) -> Any:
    return next((when["result"] for when in said.get("when", ()) if "result" in when), "")


def _by_leg(job: Job, data: dict[str, Any], said: dict[str, Any]) -> Job:
    """The job with each leg's own version of Python, image and runner, where these name an axis."""
    assert job.matrix is not None
    named = {"python": job.python, "image": job.image, "runner": said.get("runner", "default")}
    varies = tuple(name for name, text in named.items() if paths.MATRIX_REFERENCE.search(text))
    legs = tuple(
        Leg(leg.slug, leg.values, *(paths.on_leg(text, dict(leg.values)) for text in named.values()))
        for leg in job.matrix.legs
    )
    runners = tuple(_runner(data, name) for name in dict.fromkeys(leg.runner for leg in legs))
    found = job._replace(matrix=job.matrix._replace(legs=legs), varies=varies, runners=runners)
    return found._replace(python=legs[0].python, image=legs[0].image, runner=runners[0]) if varies else found


def _deploying(data: dict[str, Any], said: dict[str, Any]) -> bool:
    name = said.get("environment", "")
    return bool(name) and data["environments"][name]["deployment"]


def _environment(source: Source, name: str, url: str) -> Environment | None:
    if not name:
        return None
    found = environment(source, name)
    return found._replace(url=url) if url else found


def environment(source: Source, name: str) -> Environment:
    """The environment of this name."""
    said = source.data["environments"][name]
    at = source.key("environments", name)
    return Environment(name, parts.approval(said["approval"]), said["deployment"], said["url"], at)


def _gate(data: dict[str, Any], name: str) -> GateCheck | None:
    if not name:
        return None
    said = data["gates"][name]
    baseline = paths.normal(said["baseline"]) if said["baseline"] else ""
    require = tuple(said["require"])
    return GateCheck(
        name, paths.normal(said["metrics"]), require, baseline, said["on_missing"], said["on_fail"], said["branch"]
    )


def _runner(data: dict[str, Any], name: str) -> Runner:
    options = data["runners"].get(name) or {}
    return Runner(name, tuple(sorted(options.items())))


def _caches(source: Source, caches: list[dict[str, Any]]) -> tuple[Cache, ...]:
    """The projects of one repository keep their caches apart by their names, where a CI system would not."""
    project = source.data["project"]
    own = project["name"] if paths.normal(project["root"]) else ""
    return tuple(
        Cache(tuple(c["paths"]), tuple(c["key"]), "-".join(part for part in (own, c["salt"]) if part)) for c in caches
    )


def _reports(said: dict[str, Any]) -> Reports:
    coverage = said.get("coverage")
    return Reports(
        tuple(map(paths.normal, said["junit"])),
        Coverage(coverage["format"], paths.normal(coverage["path"])) if coverage else None,
        paths.normal(said["summary"]) if "summary" in said else "",
    )


def _matrix(said: dict[str, Any]) -> Matrix | None:
    if "matrix" not in said:
        return None
    axes = {k: [scalar_text(v) for v in vs] for k, vs in said["matrix"].items() if k not in MATRIX_WORDS}
    exclude = [{k: scalar_text(v) for k, v in leg.items()} for leg in said["matrix"].get("exclude", ())]
    include = [{k: scalar_text(v) for k, v in leg.items()} for leg in said["matrix"].get("include", ())]
    product = [dict(zip(axes, values)) for values in itertools.product(*axes.values())] if axes else []
    legs = [leg for leg in product if not any(all(leg.get(k) == v for k, v in e.items()) for e in exclude)]
    for leg in include:
        if leg not in legs:
            legs.append(leg)
    names = tuple(dict.fromkeys([*axes, *(k for leg in include for k in leg)]))
    files = [paths.normal(p) for key in ("outs", "metrics", "plots") for p in said[key]]
    return Matrix(
        axes=names,
        legs=tuple(
            Leg(slug, tuple((n, leg[n]) for n in names if n in leg)) for slug, leg in zip(_slugs(names, legs), legs)
        ),
        crossed=tuple((k, tuple(v)) for k, v in axes.items()) if not exclude and not include else (),
        max_parallel=said["matrix"].get("max_parallel", 0),
        collide=any(not set(names) <= set(paths.MATRIX_REFERENCE.findall(path)) for path in files),
    )


def _slugs(names: tuple[str, ...], legs: list[dict[str, str]]) -> list[str]:
    """Each leg's values joined, as a word of a file's name; where legs would become one, their numbers are added."""
    words = [
        "".join(c if c.isascii() and (c.isalnum() or c in "._-") else "_" for c in _joined(names, leg)) for leg in legs
    ]
    words = [word[:60].lstrip(".") for word in words]
    alike = Counter(word.lower() for word in words)
    found: list[str] = []
    for number, word in enumerate(words, 1):
        slug = str(number) if not word else word if alike[word.lower()] == 1 else f"{word}-{number}"
        while (slug != word and slug.lower() in alike) or slug.lower() in map(str.lower, found):
            slug = f"{slug}-{number}"
        found.append(slug)
    return found


def _joined(names: tuple[str, ...], leg: dict[str, str]) -> str:
    return "-".join(leg[name] for name in names if name in leg)
