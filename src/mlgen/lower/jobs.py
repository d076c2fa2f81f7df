"""Jobs one by one: what each says of itself, with the runtime's defaults in place. Edges and conditions come later."""

import itertools
from collections import Counter
from typing import Any

from mlgen.ir import paths
from mlgen.ir.conditions import ALWAYS
from mlgen.ir.model import Cache, Coverage, Environment, Export, GateCheck, Job, Leg, Matrix, Reports, Runner, SecretUse
from mlgen.ir.source import Source

MATRIX_WORDS = frozenset(("include", "exclude", "max_parallel"))
"""The keys of a matrix that are no axes."""

UNITS = {"s": 1, "m": 60, "h": 3600, "d": 86400}


def seconds(duration: str) -> int:
    """A duration such as 30s, 20m, 2h or 7d in seconds."""
    return int(duration[:-1]) * UNITS[duration[-1]]


def scalar_text(value: Any) -> str:
    """A scalar of the spec as the text that a variable holds."""
    if isinstance(value, dict):
        value = value["public"]
    return str(value).lower() if isinstance(value, bool) else str(value)


def variables(env: dict[str, Any]) -> tuple[tuple[str, str], ...]:
    """Environment variables as pairs of text, in the order written."""
    return tuple((name, scalar_text(value)) for name, value in env.items())


def drafts(source: Source) -> tuple[Job, ...]:
    """Every job, in the order of the stages and as written within one; edges empty, conditions `ALWAYS`."""
    stages = source.data["stages"]
    keys = _keys([(stage, name) for stage, members in stages.items() for name in members])
    return tuple(
        _draft(source, stage, name, keys[stage, name], said)
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
    runtime = data["runtime"]
    at = ("stages", stage, name)
    return Job(
        id=f"{stage}.{name}",
        name=name,
        stage=stage,
        key=key,
        position=source.key(*at),
        run=said["run"],
        gate=_gate(data, said.get("gate", "")),
        setup=runtime["setup"] if not said.get("gate") else "",
        finally_=said["finally"],
        python=said.get("python", runtime["python"]),
        image=said.get("image", runtime["image"]),
        runner=_runner(data, said.get("runner", "default")),
        caches=_caches(said.get("cache", runtime["cache"])) if not said.get("gate") else (),
        env=variables(said.get("env") or {}),
        secrets=tuple(SecretUse(s, s, False, source.at(*at, "secrets", i)) for i, s in enumerate(said["secrets"])),
        matrix=_matrix(said),
        edges=(),
        condition=ALWAYS,
        outs=tuple(map(paths.normal, said["outs"])),
        metrics=tuple(map(paths.normal, said["metrics"])),
        plots=tuple(map(paths.normal, said["plots"])),
        exports=tuple(
            Export(e, paths.normal(v["json"]), v["key"]) if v else Export(e) for e, v in said["exports"].items()
        ),
        reports=_reports(said["reports"]),
        bundles=(),
        takes=(),
        timeout=seconds(said["timeout"]) if "timeout" in said else 0,
        retry=said.get("retry", 0),
        allow_failure=said.get("allow_failure", False),
        environment=_environment(source, said.get("environment", "")),
        lock=said.get("environment", "") if _deploying(data, said) else "",
    )


def _deploying(data: dict[str, Any], said: dict[str, Any]) -> bool:
    name = said.get("environment", "")
    return bool(name) and data["environments"][name]["deployment"]


def _environment(source: Source, name: str) -> Environment | None:
    return environment(source, name) if name else None


def environment(source: Source, name: str) -> Environment:
    """The environment of this name."""
    said = source.data["environments"][name]
    at = source.key("environments", name)
    return Environment(name, said["approval"], tuple(said["by"]), said["prompt"], said["deployment"], said["url"], at)


def _gate(data: dict[str, Any], name: str) -> GateCheck | None:
    if not name:
        return None
    said = data["gates"][name]
    baseline = paths.normal(said["baseline"]) if said["baseline"] else ""
    return GateCheck(
        name, paths.normal(said["metrics"]), tuple(said["require"]), baseline, said["on_missing"], said["on_fail"]
    )


def _runner(data: dict[str, Any], name: str) -> Runner:
    options = data["runners"].get(name) or {}
    return Runner(name, tuple(sorted(options.items())))


def _caches(caches: list[dict[str, Any]]) -> tuple[Cache, ...]:
    return tuple(Cache(tuple(c["paths"]), tuple(c["key"]), c["salt"]) for c in caches)


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
