"""The rendered file held against the pipeline: that it parses, and that nothing is missing, added or out of place."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping

from mlgen.diagnostics import Diagnostic, Position, error
from mlgen.ir import Job, Pipeline
from mlgen.targets.contract import Output
from mlgen.targets.gitlab import conditions, machines
from mlgen.targets.gitlab.caches import MAX_CACHES
from mlgen.targets.gitlab.conditions import rules, workflow
from mlgen.targets.gitlab.document import load
from mlgen.targets.gitlab.entries import OPENING
from mlgen.targets.gitlab.expressions import API_EVENT, MAX_TOKENS, tokens
from mlgen.targets.gitlab.names import native_name
from mlgen.targets.gitlab.placement import MAX_NEEDS, optional, waits
from mlgen.targets.gitlab.preparation import variable
from mlgen.targets.gitlab.view import api_inputs, reporter
from mlgen.typed import Any

KEYWORDS = frozenset(("default", "include", "stages", "variables", "workflow"))
SCRIPTS = ("before_script", "script", "after_script")
WHOLE = "gitlab/root.yml.j2"
"""The template of the file that includes those of several projects."""
MAX_INPUTS = 20  # https://docs.gitlab.com/ci/inputs/
MAX_BYTES = 1 << 20
"""Of the whole file, which holds every job: https://docs.gitlab.com/administration/instance_limits/"""

Config = Mapping[str, Any]


def check(output: Output, text: str, pipeline: Pipeline) -> list[Diagnostic]:
    """Every structural fault of the file."""
    at = Position(output.path)
    if len(text.encode()) > MAX_BYTES:
        hint = "move long scripts to files of your repository"
        return [error("MLG404", at, f"{len(text.encode())} bytes; GitLab takes {MAX_BYTES}", hint)]
    try:
        header, config = load(text)
    except ValueError as fault:
        return [error("MLG601", at, str(fault), "")]
    if output.template == WHOLE:
        return [error(code, at, message, "") for code, message in _whole(header, config, output)]
    found = [*_header(header, text, pipeline), *_globals(config, pipeline), *_jobs(config, pipeline)]
    return [error("MLG601", at, message, "") for message in dict.fromkeys(found)]


def _whole(header: Config, config: Config, output: Output) -> Iterator[tuple[str, str]]:
    """The root file of several projects: it includes each, hands on its inputs, and has a stage for every job."""
    inputs = header.get("spec", {}).get("inputs") or {}
    if len(inputs) > MAX_INPUTS:
        yield "MLG404", f"the projects have {len(inputs)} inputs together; GitLab takes {MAX_INPUTS}"
    if set(config) != {"include", "stages", "workflow", output.view["report"]} - {""}:
        yield "MLG601", "it says more than what all projects have in common"
        return
    wanted = [(project["path"], dict(project["inputs"])) for project in output.view["projects"]]
    said = [(entry.get("local"), entry.get("inputs", {})) for entry in config["include"]]
    if [(path, {name: text.strip() for name, text in given.items()}) for path, given in said] != wanted:
        yield "MLG601", "it does not include every project with its inputs"
    if {name for _, given in wanted for name in given.values()} != {f"$[[ inputs.{name} ]]" for name in inputs}:
        yield "MLG601", "its inputs are not those that the projects ask for"
    if config["stages"] != output.view["stages"] or len(set(config["stages"])) != len(config["stages"]):
        yield "MLG601", "its stages are not those of the projects, each once"


def _header(header: Config, text: str, pipeline: Pipeline) -> Iterator[str]:
    inputs = dict(header.get("spec", {}).get("inputs") or {})
    wanted = {entry.name: entry for entry in [*pipeline.triggers.inputs, *api_inputs(pipeline)]}
    if set(inputs) != set(wanted):
        yield f"its inputs are {', '.join(inputs) or 'none'}, not {', '.join(wanted) or 'none'}"
    for name in set(inputs) & set(wanted):
        if inputs[name].get("default") != wanted[name].default:
            yield f"the input {name} has another default"
    if header:
        body = text.split("\n---\n", 1)[-1]
        for block in re.findall(r"\$\[\[[^\n]*", body):
            found = re.match(r"\$\[\[ inputs\.(\w+) \]\]\"?$", block)
            if not found or found[1] not in wanted:
                yield f"`{block.strip()}` would be replaced"


def _globals(config: Config, pipeline: Pipeline) -> Iterator[str]:
    if pipeline.root:
        if own := KEYWORDS & set(config):
            yield f"{', '.join(sorted(own))} would be those of other projects, too"
    else:
        said_rules = [entry.get("if") for entry in _list(config.get("workflow"), "rules")]
        if said_rules != [rule.condition for rule in workflow(pipeline)]:
            yield "workflow: rules do not say the triggers"
        stages = config.get("stages")
        if not isinstance(stages, list) or len(set(stages)) != len(stages):
            yield "stages is not a list of names, each once"
    for where, variables in _variables(config, pipeline):
        yield from (f"{where}{fault}" for fault in _inputs(variables, pipeline))
    for place in ("workflow", "variables", "default"):
        text = "\n".join(_texts(config.get(place)))
        for secret in pipeline.secrets:
            if _names(secret.name, text):
                yield f"{place} names the secret {secret.name}"


def _variables(config: Config, pipeline: Pipeline) -> Iterator[tuple[str, Config]]:
    """Where the inputs of a run are variables: for all jobs, or for each job of a project among others."""
    if not pipeline.root:
        yield "", config.get("variables") or {}
    for job in pipeline.jobs if pipeline.root else ():
        name = native_name(job)
        yield f"{name}: ", (config.get(name) or {}).get("variables") or {}


def _inputs(variables: Config, pipeline: Pipeline) -> Iterator[str]:
    for entry in [*pipeline.triggers.inputs, *api_inputs(pipeline)]:
        said = variables.get(API_EVENT if entry.name == "mlgen_event" else entry.variable)
        value = str(said.get("value")).strip() if isinstance(said, dict) and said.get("expand") is False else ""
        if value != f"$[[ inputs.{entry.name} ]]":
            yield f"{entry.variable} is not the input {entry.name}, or is expanded"


def _jobs(config: Config, pipeline: Pipeline) -> Iterator[str]:
    jobs = {name: job for name, job in config.items() if name not in KEYWORDS and not str(name).startswith(".")}
    wanted = {native_name(job): job for job in pipeline.jobs}
    added = {reporter(pipeline)} - {""}
    yield from (f"the job {name} is missing" for name in added - set(jobs))
    for name in sorted((set(map(str, jobs)) - added) ^ set(wanted)):
        yield f"{name} is a job of the file only" if name in jobs else f"the job {name} is missing"
    both = {name: job for name, job in jobs.items() if name in wanted and isinstance(job, dict)}
    for name, said in both.items():
        job = wanted[name]
        for fault in (
            *_order(said, job, both, config, pipeline),
            *_when(said, job, pipeline),
            *_place(said, job),
            *_scripts(said, job, config, pipeline),
        ):
            yield f"{name}: {fault}"
    yield from _circles(both)


def _needs(said: Config) -> dict[str, Config] | None:
    """The jobs of `needs` with what is said of each; None where there is no `needs`."""
    if "needs" not in said:
        return None
    listed = [{"job": need} if isinstance(need, str) else need for need in said["needs"]]
    return {need["job"]: need for need in listed}


def _order(said: Config, job: Job, jobs: Config, config: Config, pipeline: Pipeline) -> Iterator[str]:
    stages = list(config.get("stages") or ())
    if pipeline.root:  # in the order of the jobs; the root file lists them
        stages = list(dict.fromkeys(other["stage"] for other in jobs.values() if "stage" in other))
    if said.get("stage") not in stages:
        yield f"its stage {said.get('stage')} is not among the stages"
        return
    rank = {name: stages.index(other["stage"]) for name, other in jobs.items() if other.get("stage") in stages}
    own = stages.index(said["stage"])
    needs = _needs(said)
    if pipeline.root and needs is None:
        yield "without `needs` it would wait for other projects"
    for name in [*(needs or ()), *(said.get("dependencies") or ())]:
        if name not in rank:
            yield f"it refers to {name}, which is no job"
        elif rank[name] > own or (needs is None and rank[name] == own):
            yield f"it refers to {name}, which stands in a later stage"
    if needs is not None and sum(_legs(jobs.get(name, {})) for name in needs) > MAX_NEEDS:
        yield f"more than {MAX_NEEDS} needs"
    edges = {native_name(pipeline.job(edge.job)): edge for edge in waits(job, pipeline)}
    takes = {native_name(pipeline.job(take.job)) for take in job.takes}
    if needs is not None and set(needs) != set(edges):
        yield f"it needs {', '.join(needs) or 'nothing'}, not {', '.join(edges) or 'nothing'}"
    for name, edge in edges.items():
        need = (needs or {}).get(name, {})
        if needs is None and rank.get(name, own) >= own:
            yield f"it does not wait for {name}"
        elif needs is not None and bool(need.get("optional")) != optional(edge, job, pipeline):
            yield f"its need of {name} is {'' if need.get('optional') else 'not '}optional"
    handed = said.get("dependencies") or ()
    if needs is not None:
        handed = [name for name, need in needs.items() if need.get("artifacts", True)]
    for name in sorted(takes.difference(handed)):
        yield f"it does not receive the files of {name}"


def _legs(said: Config) -> int:
    """How many jobs a job is."""
    total = 0
    for entry in _list(said.get("parallel"), "matrix"):
        count = 1
        for values in entry.values():
            count *= len(values) if isinstance(values, list) else 1
        total += count
    return total or 1


def _when(said: Config, job: Job, pipeline: Pipeline) -> Iterator[str]:
    entries = said.get("rules") or []
    said_rules = [(entry.get("if", ""), entry.get("when") == "never", *_changes(entry)) for entry in entries]
    if said_rules != [(r.condition, r.never, r.changes, r.against) for r in rules(job, pipeline)]:
        yield "its rules do not say its condition"
    for entry in entries:
        if tokens(entry.get("if", "")) > MAX_TOKENS:
            yield "one of its conditions has too many tokens"
        waits = entry.get("when") == "manual" and entry.get("allow_failure") is False
        if entry.get("when") != "never" and waits != bool(job.approval):
            yield "it waits for somebody" if waits else "it does not wait for an approval"
        if entry.get("when") != "never" and (entry.get("when") == "always") != (job.watches and not job.approval):
            yield "it starts whatever the results are" if not job.watches else "it starts after successes only"
    if job.approval and not entries:
        yield "it does not wait for an approval"
    if bool(said.get("allow_failure")) != job.allow_failure and not job.approval:
        yield "it may fail" if said.get("allow_failure") else "it may not fail"


def _changes(entry: Config) -> tuple[tuple[str, ...], str]:
    """The paths of a rule that must have changed, and the branch that they are compared with."""
    asked = entry.get("changes") or ()
    if isinstance(asked, dict):
        return tuple(asked.get("paths") or ()), str(asked.get("compare_to", "")).removeprefix("refs/heads/")
    return tuple(asked), ""


def _place(said: Config, job: Job) -> Iterator[str]:
    place = said.get("environment")
    name = place.get("name") if isinstance(place, dict) else place
    if name != (job.environment.name if job.environment else None):
        yield f"its environment is {name}"
    if job.lock and said.get("resource_group") != job.lock:
        yield f"it does not hold the lock {job.lock}"
    if _legs(said) != (len(job.matrix.legs) if job.matrix else 1):
        yield f"it has {_legs(said)} legs"
    cached = said.get("cache")
    if job.deploys and cached:
        yield "it deploys with files of a cache"
    if isinstance(cached, list) and len(cached) > MAX_CACHES:
        yield f"more than {MAX_CACHES} caches"


def _scripts(said: Config, job: Job, config: Config, pipeline: Pipeline) -> Iterator[str]:
    """Its commands are there, and it names no secret that it does not list, unless the spec's own scripts do."""
    texts = {key: "\n".join(map(str, said.get(key, (config.get("default") or {}).get(key)) or ())) for key in SCRIPTS}
    if machines.system(job) == "windows":
        texts["before_script"] = texts["script"]
    if not job.native:
        yield from _commands(texts, job, pipeline)
    words = dict(job.native).get("gitlab") or {}
    for key, value in words.items() if isinstance(words, dict) else ():
        if said.get(key) != value and key != "variables":
            yield f"its key {key} is not that of `native`"
    own = "\n".join((job.setup, job.run, job.finally_, job.on_failure, *(step.run for step in job.steps)))
    own = "\n".join((own, *(value for _, value in (*job.env, *job.dynamic)), *_texts(words)))
    text = "\n".join(_texts(said))
    for secret in pipeline.secrets:
        for name in {secret.name, variable(secret.name, pipeline)} if secret.name not in job.secret_names else ():
            if _names(name, text) > _names(name, own):
                yield f"it names the secret {secret.name}, which it does not list"


def _commands(texts: dict[str, str], job: Job, pipeline: Pipeline) -> Iterator[str]:
    if ". .mlgen/env.sh" not in texts["before_script"].split("\n"):
        yield "it does not load the portable variables"
    parts = [("before_script", "" if job.milestone else job.setup), ("script", job.run), ("after_script", job.finally_)]
    parts += [("after_script", job.on_failure)]
    parts += [("script", step.run) for step in job.steps if step.on("gitlab") is None]
    for key, script in parts:
        hidden = OPENING in script and conditions.has_header(pipeline)
        if script and not hidden and not _holds(texts[key], script):
            yield f"{key} does not hold its command"
    if job.gate and f".mlgen/ci.py gate {job.gate.name} " not in texts["script"]:
        yield f"it does not judge the gate {job.gate.name}"
    if job.milestone and ".mlgen/ci.py results --want all" not in texts["script"]:
        yield "it does not look at the results of what it waits for"
    if job.result and f".mlgen/ci.py results --want {job.result} " not in texts["before_script"]:
        yield "it does not look at the results of what it waits for"
    if conditions.inside(job, pipeline) and ".mlgen/ci.py when " not in texts["before_script"]:
        yield "it does not ask for what its condition needs inside the job"


def _holds(text: str, script: str) -> bool:
    """Whether the text holds the script, as a whole or line by line."""
    return script in text or all(line in text.split("\n") for line in script.split("\n"))


def _circles(jobs: Config) -> Iterator[str]:
    waiting = {name: {n for n in _needs(job) or {} if n in jobs} for name, job in jobs.items()}
    while free := [name for name, needs in waiting.items() if not needs & set(waiting)]:
        for name in free:
            del waiting[name]
    if waiting:
        yield f"these jobs wait for each other: {', '.join(sorted(waiting))}"


def _list(value: Any, key: str) -> list[dict[str, Any]]:
    """The list of mappings at a key of a mapping; empty if it is none."""
    found = value.get(key) if isinstance(value, dict) else None
    return [entry for entry in found if isinstance(entry, dict)] if isinstance(found, list) else []


def _texts(value: Any) -> Iterator[str]:
    """Every string in a value, keys included."""
    if isinstance(value, dict):
        for key, item in value.items():
            yield str(key)
            yield from _texts(item)
    elif isinstance(value, list):
        for item in value:
            yield from _texts(item)
    elif isinstance(value, str):
        yield value


def _names(name: str, text: str) -> int:
    """How often the text names a variable."""
    return len(re.findall(rf"(?<![A-Za-z0-9_]){name}(?![A-Za-z0-9_])", text)) if name in text else 0
