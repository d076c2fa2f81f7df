"""Every shorthand of the language, expanded: the one place where it happens.

The result has each key in its long form: lists where the language takes one or many, mappings where it takes a name.
"""

from typing import Any


def expand(data: dict[str, Any]) -> dict[str, Any]:
    """The long form of a spec that satisfies the schema; the input is not changed."""
    project = data["project"]
    targets = data["targets"]
    runtime = data.get("runtime") or {}
    triggers = {"push": {}, "pull_request": {}} if data.get("triggers") is None else data["triggers"]
    return {
        "project": _project({"name": project} if isinstance(project, str) else project),
        "targets": {name: {} for name in targets}
        if isinstance(targets, list)
        else {k: v or {} for k, v in targets.items()},
        "runtime": {
            "python": runtime.get("python", ""),
            "image": runtime.get("image", ""),
            "setup": _script(runtime.get("setup", "")),
            "cache": _caches(runtime.get("cache", [])),
        },
        "runners": data.get("runners") or {},
        "secrets": {
            k: {"environments": _list((v or {}).get("environments"))} for k, v in (data.get("secrets") or {}).items()
        },
        "env": data.get("env") or {},
        "triggers": _triggers(triggers),
        "cancel": data.get("concurrency", {}).get("cancel", ["pull_request"] if "pull_request" in triggers else []),
        "cancel_said": bool(data.get("concurrency", {}).get("cancel")),
        "stages": {stage: {name: _job(job) for name, job in jobs.items()} for stage, jobs in data["stages"].items()},
        "gates": {name: _gate(gate) for name, gate in (data.get("gates") or {}).items()},
        "environments": {name: _environment(v or {}) for name, v in (data.get("environments") or {}).items()},
    }


def _list(value: Any) -> list[Any]:
    if value is None:
        return []
    return list(value) if isinstance(value, list) else [value]


def _script(value: Any) -> str:
    return "\n".join(_list(value)).rstrip("\n")


def _project(project: dict[str, Any]) -> dict[str, Any]:
    return {
        "name": project["name"],
        "owners": _list(project.get("owners")),
        "repository": project.get("repository", ""),
        "default_branch": project.get("default_branch", "main"),
    }


def _caches(value: Any) -> list[dict[str, Any]]:
    caches = [] if value == "none" else _list(value)
    return [{"paths": _list(c["paths"]), "key": _list(c.get("key")), "salt": c.get("salt", "")} for c in caches]


def _triggers(triggers: dict[str, Any]) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for kind in ("push", "pull_request"):
        if kind in triggers:
            found[kind] = {"branches": _list((triggers[kind] or {}).get("branches"))}
    if "tag" in triggers:
        found["tag"] = _list(triggers["tag"])
    if "schedule" in triggers:
        found["schedule"] = [{**s, "stages": _list(s.get("stages"))} for s in triggers["schedule"]]
    if "manual" in triggers:
        found["manual"] = {"inputs": (triggers["manual"] or {}).get("inputs") or {}}
    return found


def _job(job: dict[str, Any]) -> dict[str, Any]:
    found = dict(job)
    for key in ("deps", "outs", "metrics", "plots", "secrets"):
        found[key] = _list(job.get(key))
    for key in ("run", "finally"):
        found[key] = _script(job.get(key, ""))
    if "cache" in job:
        found["cache"] = _caches(job["cache"])
    if "needs" in job:
        needs = (n if isinstance(n, dict) else {"job": n} for n in _list(job["needs"]))
        found["needs"] = [{"job": n["job"], "optional": n.get("optional", False)} for n in needs]
    if "when" in job:
        found["when"] = [_when(w) for w in _list(job["when"])]
    exports = job.get("exports") or {}
    found["exports"] = {name: {} for name in exports} if isinstance(exports, list) else exports
    reports = job.get("reports") or {}
    found["reports"] = {**reports, "junit": _list(reports.get("junit"))}
    if "coverage" in reports:
        found["reports"]["coverage"] = {"format": "cobertura", **reports["coverage"]}
    return found


def _when(when: dict[str, Any]) -> dict[str, Any]:
    return {key: _when(value) if key == "not" else _list(value) for key, value in when.items()}


def _gate(gate: dict[str, Any]) -> dict[str, Any]:
    on_fail = _list(gate.get("on_fail", "fail"))
    return {
        "metrics": gate["metrics"],
        "require": _list(gate["require"]),
        "baseline": (gate.get("baseline") or {}).get("file", ""),
        "on_missing": gate.get("on_missing", "fail"),
        "on_fail": "warn" if "warn" in on_fail else "fail",
    }


def _environment(environment: dict[str, Any]) -> dict[str, Any]:
    approval = environment.get("approval", False)
    said = approval if isinstance(approval, dict) else {}
    return {
        "approval": approval is not False,
        "by": _list(said.get("by")),
        "prompt": said.get("prompt", ""),
        "branches": _list(environment.get("branches")) if "branches" in environment else None,
        "tags": _list(environment.get("tags")) if "tags" in environment else None,
        "url": environment.get("url", ""),
        "deployment": environment.get("deployment", True),
    }
