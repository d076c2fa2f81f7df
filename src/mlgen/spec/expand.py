"""Every shorthand of the language, expanded: the one place where it happens.

The result has each key in its long form: lists where the language takes one or many, mappings where it takes a name.
"""

from __future__ import annotations

from mlgen.ir.source import ACTIONS, REPORT
from mlgen.typed import Any

RUNTIME: dict[str, Any] = {
    "python": "",
    "image": "",
    "container": None,
    "packages": [],
    "tools": {},
    "setup": "",
    "activate": "",
    "cache": [],
    "shell": "bash",
}
"""A bare runtime, expanded."""
_OF_THE_RUNTIME = frozenset(("activate", "cache", "image", "packages", "python", "runtime", "shell", "tools"))
"""A job's short keys for what its runtime has."""
_MAIN_FIELDS = {
    "register": "path", "promote": "to", "build": "image", "package": "files", "release": "files",
    "kubernetes": "manifests", "helm": "chart", "smoke": "url",
}  # fmt: skip
"""What a job may do by the commands of other tools, and what a word or a list in its place stands for."""
_WITHOUT_SETUP = frozenset(("build", "release", "kubernetes", "helm", "smoke"))
"""Actions that need nothing of the project's Python: they take the setup, activation and caches only if they say so."""
_OF_A_PLACE = ("python", "image", "container")
"""What else `build` takes only if it says so: it runs where Docker is, which the image of a training hardly has."""


def expand(data: dict[str, Any]) -> dict[str, Any]:
    """The long form of a spec that satisfies the schema; the input is not changed."""
    project = data["project"]
    targets = data["targets"]
    runtime = {**RUNTIME, **_runtime(data.get("runtime") or {})}
    triggers = {"push": {}, "pull_request": {}} if data.get("triggers") is None else data["triggers"]
    stages = {
        stage: {name: _job(job, runtime) for name, job in with_defaults(data, stage).items()}
        for stage in data["stages"]
    }
    taken = False
    if "report" in data:
        from mlgen.spec import report

        stage, name = REPORT
        taken = name in stages.setdefault(stage, {})
        stages[stage][name] = _job(report.job(data["report"]), runtime)
    return {
        "overrides": data.get("overrides") or {},
        "project": _project({"name": project} if isinstance(project, str) else project),
        "targets": {name: {} for name in targets}
        if isinstance(targets, list)
        else {k: v or {} for k, v in targets.items()},
        "runtime": runtime,
        "runners": data.get("runners") or {},
        "secrets": {name: _secret(said or {}) for name, said in (data.get("secrets") or {}).items()},
        "env": data.get("env") or {},
        "tracking": _tracking(data["tracking"]["mlflow"] or {}) if "tracking" in data else None,
        "model": {"name": "", "path": "", "flavor": "", **(data.get("model") or {})},
        "triggers": _triggers(triggers),
        "cancel": data.get("concurrency", {}).get("cancel", ["pull_request"] if "pull_request" in triggers else []),
        "cancel_said": bool(data.get("concurrency", {}).get("cancel")),
        "stages": stages,
        "report_taken": taken,
        "gates": {name: _gate(gate) for name, gate in (data.get("gates") or {}).items()},
        "environments": {name: _environment(v or {}) for name, v in (data.get("environments") or {}).items()},
    }


def with_defaults(data: dict[str, Any], stage: str) -> dict[str, dict[str, Any]]:
    """The jobs of a stage as written, over the stage's defaults, over those of all jobs."""
    members = data["stages"][stage]
    base = _joined(data.get("defaults") or {}, members.get("defaults") or {})
    return {name: _based(base, job) if base else job for name, job in members.items() if name != "defaults"}


def _based(base: dict[str, Any], job: dict[str, Any]) -> dict[str, Any]:
    """A job over its defaults; a milestone, which does nothing, takes none of them but what it waits for."""
    whole = _joined(base, job)
    if any(key in whole for key in ACTIONS):
        return whole
    return {**{key: base[key] for key in ("needs", "when") if key in base}, **job}


def _joined(base: dict[str, Any], over: dict[str, Any]) -> dict[str, Any]:
    """Mappings are joined by key, all else is replaced."""
    found = dict(base)
    for key, value in over.items():
        both = isinstance(value, dict) and isinstance(found.get(key), dict)
        found[key] = _joined(found[key], value) if both else value
    return found


def _list(value: Any) -> list[Any]:
    if value is None:
        return []
    return list(value) if isinstance(value, list) else [value]


def _script(value: Any) -> str:
    return "\n".join(_list(value)).rstrip("\n")


def _project(project: dict[str, Any]) -> dict[str, Any]:
    return {
        "name": project["name"],
        "root": project.get("root", "."),
        "owners": _list(project.get("owners")),
        "repository": project.get("repository", ""),
        "default_branch": project.get("default_branch", "main"),
    }


def _secret(secret: dict[str, Any]) -> dict[str, Any]:
    """`options` holds what the spec says for single targets."""
    common = ("environments", "file", "plain")
    return {
        "environments": _list(secret.get("environments")),
        "file": secret.get("file", False),
        "plain": secret.get("plain", False),
        "options": {name: words for name, words in secret.items() if name not in common},
    }


def _runtime(said: dict[str, Any]) -> dict[str, Any]:
    """What is said of a runtime, or of one by a job's short keys; nothing else is in the result."""
    found: dict[str, Any] = {key: said[key] for key in ("python", "tools", "shell") if key in said}
    if "image" in said:
        image = said["image"] if isinstance(said["image"], dict) else {"name": said["image"]}
        if image.keys() & {"name", "from"}:  # without, only how it is run is said
            found["image"] = image.get("name", "")
            found["image_from"] = image.get("from", "")
        found["container"] = _container(image)
    if "packages" in said:
        found["packages"] = _list(said["packages"])
    if "cache" in said:
        found["cache"] = _caches(said["cache"])
    for key in ("setup", "activate"):
        if key in said:
            found[key] = _script(said[key])
    return found


def _container(image: dict[str, Any]) -> dict[str, Any] | None:
    if not image.keys() - {"name", "from"}:
        return None
    return {
        "user": image.get("user", ""),
        "options": _list(image.get("options")),
        "entrypoint": image.get("entrypoint"),
        "pull": image.get("pull", ""),
        "username": image.get("credentials", {}).get("username", ""),
        "password": image.get("credentials", {}).get("password", ""),
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
    if "api" in triggers:
        found["api"] = {name: {"inputs": (said or {}).get("inputs") or {}} for name, said in triggers["api"].items()}
    return found


def _job(job: dict[str, Any], runtime: dict[str, Any]) -> dict[str, Any]:
    found = {key: value for key, value in job.items() if key not in _OF_THE_RUNTIME}
    for key in ("deps", "params", "outs", "metrics", "plots"):
        found[key] = _list(job.get(key))
    for key in ("run", "finally", "on_failure"):
        found[key] = _script(job.get(key, ""))
    found["idle"] = not any(key in job for key in ACTIONS)
    own = (
        RUNTIME if found["idle"] or job.get("runtime") == "none" else {**runtime, **_runtime(job.get("runtime") or {})}
    )
    found["runtime"] = {**own, **_runtime(job)}
    found["own_caches"] = "cache" in job or (own is not RUNTIME and "cache" in (job.get("runtime") or {}))
    found["secrets"] = _secrets(job.get("secrets"))
    if "needs" in job:
        needs = (n if isinstance(n, dict) else {"job": n} for n in _list(job["needs"]))
        found["needs"] = [{"job": n["job"], "optional": n.get("optional", False)} for n in needs]
    if "when" in job:
        found["when"] = [_when(w) for w in _list(job["when"])]
    if "shards" in job:
        matrix = job.get("matrix") or {}
        if SHARD in matrix or any(SHARD in leg for leg in matrix.get("include", ())):
            del found["shards"]  # the name is not the spec's to give, which is said later
        else:
            found["matrix"] = _shards(matrix, job["shards"])
    for key, field in _MAIN_FIELDS.items():
        if key in job:
            found[key] = _command(job[key], field)
            if key in _WITHOUT_SETUP and job.get("runtime") != "none":
                own = {**_runtime(job.get("runtime") or {}), **_runtime(job)}
                left = ("setup", "activate", "cache", *(_OF_A_PLACE if key == "build" else ()))
                found["runtime"].update({k: own.get(k, RUNTIME[k]) for k in left})
    exports = job.get("exports") or {}
    found["exports"] = {name: {} for name in exports} if isinstance(exports, list) else exports
    reports = job.get("reports") or {}
    found["reports"] = {**reports, "junit": _list(reports.get("junit"))}
    if "coverage" in reports:
        found["reports"]["coverage"] = {"format": "cobertura", **reports["coverage"]}
    if "environment" in job and isinstance(job["environment"], dict):
        found["environment"] = job["environment"]["name"]
        found["url"] = job["environment"].get("url", "")
    if "approval" in job:
        found["approval"] = _approval(job["approval"])
    found["services"] = {name: _service(said) for name, said in (job.get("services") or {}).items() if name != "docker"}
    found["docker"] = "docker" in (job.get("services") or {})
    if "checkout" in job:
        found["checkout"] = [] if job["checkout"] is False else _list(job["checkout"])
    if "keep" in job:
        keep = job["keep"] if isinstance(job["keep"], dict) else {"for": job["keep"]}
        paths = _list(keep.get("paths"))
        found["keep"] = {"for": keep.get("for", ""), "result": keep.get("result", "success"), "paths": paths}
    found["steps"] = [
        {"name": s.get("name", ""), "run": _script(s.get("run", "")), "natives": _others(s, "name", "run")}
        for s in job.get("steps") or []
    ]
    return found


def _others(said: dict[str, Any], *common: str) -> dict[str, Any]:
    return {key: value for key, value in said.items() if key not in common}


def _secrets(value: Any) -> list[dict[str, str]]:
    """Each secret that a job lists: the variable, and the secret's name."""
    found = []
    for item in _list(value):
        pairs = item.items() if isinstance(item, dict) else [(item, item)]
        found += [{"variable": variable, "name": name} for variable, name in pairs]
    return found


def _service(said: Any) -> dict[str, Any]:
    service = said if isinstance(said, dict) else {"image": said}
    return {
        "image": service["image"],
        "env": service.get("env") or {},
        "ports": service.get("ports", []),
        "ready": service.get("ready", ""),
        "command": _list(service.get("command")),
    }


def _approval(value: Any) -> dict[str, Any] | None:
    if value is False:
        return None
    said = value if isinstance(value, dict) else {}
    return {"by": _list(said.get("by")), "prompt": said.get("prompt", "")}


SHARD = "MLGEN_SHARD"
"""The axis of a job's shards."""


def _shards(matrix: dict[str, Any], count: int) -> dict[str, Any]:
    """The matrix with one more axis, the number of the shard: every leg of it, `count` times."""
    numbers = list(range(1, count + 1))
    found = {**matrix, SHARD: numbers}
    if "include" in matrix:
        found["include"] = [{**leg, SHARD: number} for leg in matrix["include"] for number in numbers]
        if not any(isinstance(values, list) for axis, values in matrix.items() if axis not in ("include", "exclude")):
            del found[SHARD]  # all legs are those of `include`
    return found


def _command(said: Any, field: str) -> dict[str, Any]:
    found = dict(said) if isinstance(said, dict) else {} if said is None else {field: said}
    for key in ("files", "tags", "platforms", "values"):
        if key in found:
            found[key] = _list(found[key])
    if "scan" in found and found["scan"] is not False:
        scan = {} if found["scan"] is True else found["scan"]
        found["scan"] = _list(scan.get("severity", "HIGH") if isinstance(scan, dict) else scan)
    return found


def _tracking(mlflow: dict[str, Any]) -> dict[str, Any]:
    return {"uri": mlflow.get("uri", "sqlite:///mlflow.db"), "experiment": mlflow.get("experiment", "")}


def _when(when: dict[str, Any]) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for key, value in when.items():
        if key == "not":
            found[key] = _when(value)
        elif key in ("input", "value"):
            found[key] = {name: _list(values) for name, values in value.items()}
        elif key == "changed":
            said = value if isinstance(value, dict) else {} if value is True else {"paths": value}
            found[key] = {"paths": _list(said.get("paths")), "against": said.get("against", "")}
        else:
            found[key] = value if key == "result" else _list(value)
    return found


def _gate(gate: dict[str, Any]) -> dict[str, Any]:
    on_fail = _list(gate.get("on_fail", "fail"))
    return {
        "metrics": gate["metrics"],
        "require": _list(gate["require"]),
        "baseline": (gate.get("baseline") or {}).get("file", ""),
        "branch": (gate.get("baseline") or {}).get("branch", ""),
        "on_missing": gate.get("on_missing", "fail"),
        "on_fail": "stop" if "stop" in on_fail else "warn" if "warn" in on_fail else "fail",
    }


def _environment(environment: dict[str, Any]) -> dict[str, Any]:
    return {
        "approval": _approval(environment.get("approval", False)),
        "branches": _list(environment.get("branches")) if "branches" in environment else None,
        "tags": _list(environment.get("tags")) if "tags" in environment else None,
        "url": environment.get("url", ""),
        "deployment": environment.get("deployment", True),
    }
