"""Damage to what surrounds the commands of a workflow: guards, pins, containers, caches, tokens, groups, added jobs."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from mlgen.targets.github.read.actions import PINS
from tests.readback import test_mutants_github as workflows
from tests.readback.mutants import DROP, Mutant, survivors, text_survivors
from tests.readback.test_mutants_github import TARGET, commands, emitted, jobs, named, replaced, runs, steps, uses

Sites = Iterator[tuple[tuple[Any, ...], Any]]
KINDS: dict[str, Callable[[Any], Iterator[Mutant]]] = {}


def kind(function: Callable[[Any], Iterator[Mutant]]) -> Callable[[Any], Iterator[Mutant]]:
    """Enters a kind of damage in the table."""
    KINDS[function.__name__] = function
    return function


# ---- the guard of a deployment


def _guards(data: Any) -> Sites:
    return ((route, step) for route, step in runs(data, "ci.py guard") if "--ref" in step["run"])


@kind
def a_guard_allows_all_refs(data: Any) -> Iterator[Mutant]:
    yield from replaced(_guards(data), "run", "--ref [^ ]+", "--ref '**'")
    yield from replaced(_guards(data), "run", "--ref [^ ]+", "--ref '*'")


@kind
def a_guard_allows_more_branches(data: Any) -> Iterator[Mutant]:
    sites = [(r, s) for r, s in _guards(data) if "refs/heads/*" not in s["run"]]
    yield from replaced(iter(sites), "run", "$", " --ref refs/heads/evil")
    yield from replaced(iter(sites), "run", r"--ref '?(refs/heads/[\w.-]+)'?", r"--ref '\1*'")


@kind
def a_guard_allows_more_tags(data: Any) -> Iterator[Mutant]:
    sites = [(r, s) for r, s in _guards(data) if "refs/tags/*" not in s["run"]]
    yield from replaced(iter(sites), "run", "$", " --ref refs/tags/evil")
    yield from replaced(iter(sites), "run", r"--ref '?refs/tags/(\S+?)'?$", "--ref 'refs/tags/*'")


@kind
def a_guard_allows_another_case(data: Any) -> Iterator[Mutant]:
    sites = [(r, s) for r, s in _guards(data) if "refs/heads/*" not in s["run"]]
    yield from replaced(iter(sites), "run", "refs/heads/m", "refs/heads/[mM]")


@kind
def a_guard_asks_for_no_ref(data: Any) -> Iterator[Mutant]:
    return replaced(_guards(data), "run", " --ref .*$", "")


@kind
def a_guard_refuses_what_it_must_allow(data: Any) -> Iterator[Mutant]:
    return replaced(_guards(data), "run", r"--ref '?(refs/heads/main)'?", r"--ref \1 --ref '!\1'")


@kind
def a_guard_that_may_fail(data: Any) -> Iterator[Mutant]:
    for route, step in runs(data, "ci.py guard"):
        yield [((*route, "continue-on-error"), True)]
        yield [((*route, "run"), step["run"] + " || true")]
        yield [((*route, "if"), "github.ref != 'refs/heads/main'")]


@kind
def a_guard_comes_after_the_command(data: Any) -> Iterator[Mutant]:
    for route, step in runs(data, "ci.py guard"):
        rest = [each for each in data["jobs"][route[1]]["steps"] if each is not step]
        yield [(route[:-1], [*rest, step])]


@kind
def a_guard_has_another_token(data: Any) -> Iterator[Mutant]:
    return ([((*route, "env", "MLGEN_TOKEN"), "${{ secrets.PAT }}")] for route, _ in runs(data, "ci.py guard"))


@kind
def a_deployment_is_not_recorded(data: Any) -> Iterator[Mutant]:
    for name, job in jobs(data, "environment"):
        if job["environment"].get("deployment") is not False:
            yield [(("jobs", name, "environment", "deployment"), False)]


@kind
def what_is_no_deployment_is_recorded(data: Any) -> Iterator[Mutant]:
    for name, job in jobs(data, "environment"):
        if job["environment"].get("deployment") is False:
            yield [(("jobs", name, "environment", "deployment"), DROP)]


# ---- pins


def _pinned(data: Any) -> Sites:
    return steps(data, lambda step: step.get("uses", "").partition("@")[0] in PINS, own=False)


@kind
def a_pin_is_another_commit(data: Any) -> Iterator[Mutant]:
    for route, step in _pinned(data):
        yield [((*route, "uses"), step["uses"].partition("@")[0] + "@" + "a" * 40)]


@kind
def every_pin_is_another_commit(data: Any) -> Iterator[Mutant]:
    for action in {step["uses"] for _, step in _pinned(data)}:
        there = [(*route, "uses") for route, step in _pinned(data) if step["uses"] == action]
        yield [(route, action.partition("@")[0] + "@" + "a" * 40) for route in there]


@kind
def a_pin_is_that_of_another_action(data: Any) -> Iterator[Mutant]:
    for route, step in _pinned(data):
        action = step["uses"].partition("@")[0]
        other = next(commit for name, commit in PINS.items() if name != action)
        yield [((*route, "uses"), f"{action}@{other}")]


@kind
def a_pin_is_a_tag(data: Any) -> Iterator[Mutant]:
    for route, step in _pinned(data):
        yield [((*route, "uses"), step["uses"].partition("@")[0] + "@v4")]
        yield [((*route, "uses"), step["uses"][:-33])]


@kind
def an_action_is_of_another_owner(data: Any) -> Iterator[Mutant]:
    for route, step in _pinned(data):
        yield [((*route, "uses"), "evil/" + step["uses"].partition("/")[2])]


@kind
def an_action_is_a_part_of_it(data: Any) -> Iterator[Mutant]:
    for route, step in _pinned(data):
        yield [((*route, "uses"), step["uses"].replace("@", "/save@"))]


@kind
def an_action_is_a_folder_or_an_image(data: Any) -> Iterator[Mutant]:
    for route, _ in _pinned(data):
        yield [((*route, "uses"), "./.github/actions/x")]
        yield [((*route, "uses"), "docker://evil/image:1")]


# ---- services


def _services(data: Any) -> Iterator[tuple[tuple[Any, ...], Any]]:
    for name, job in jobs(data, "services"):
        for host, said in job["services"].items():
            yield ("jobs", name, "services", host), said


@kind
def a_service_has_other_variables(data: Any) -> Iterator[Mutant]:
    for route, said in _services(data):
        yield [((*route, "env"), {**said.get("env", {}), "POSTGRES_HOST_AUTH_METHOD": "trust"})]
        for name in said.get("env", {}):
            yield [((*route, "env", name), "other")]
            yield [((*route, "env", name), DROP)]


@kind
def a_secret_reaches_a_service(data: Any) -> Iterator[Mutant]:
    for route, said in _services(data):
        yield [((*route, "env"), {**said.get("env", {}), "T": "${{ secrets.OTHER }}"})]


@kind
def a_service_has_other_ports(data: Any) -> Iterator[Mutant]:
    for route, said in _services(data):
        for index, _ in enumerate(said.get("ports", ())):
            yield [((*route, "ports", index), "1:1")]
        if "ports" in said:
            yield [((*route, "ports"), DROP)]
        yield [((*route, "ports"), [*said.get("ports", ()), "0.0.0.0:22:22"])]


@kind
def a_service_has_another_command(data: Any) -> Iterator[Mutant]:
    for route, said in _services(data):
        yield [((*route, "command"), said.get("command", "") + " --evil")]
        if "command" in said:
            yield [((*route, "command"), DROP)]


@kind
def a_service_may_do_more(data: Any) -> Iterator[Mutant]:
    for route, said in _services(data):
        yield [((*route, "options"), said.get("options", "") + " --privileged")]
        yield [((*route, "volumes"), ["/var/run/docker.sock:/var/run/docker.sock"])]
        yield [((*route, "credentials"), {"username": "x", "password": "y"})]


@kind
def a_service_s_health_is_another(data: Any) -> Iterator[Mutant]:
    for route, said in _services(data):
        if "options" in said:
            yield [((*route, "options"), DROP)]
            yield [((*route, "options"), re.sub('--health-cmd "[^"]*"', '--health-cmd "true"', said["options"]))]
            yield [((*route, "options"), re.sub("--health-retries [0-9]+", "--health-retries 1", said["options"]))]


@kind
def a_service_is_added(data: Any) -> Iterator[Mutant]:
    for name, job in jobs(data, "services"):
        yield [(("jobs", name, "services"), {**job["services"], "more": {"image": "evil:1"}})]
    yield [(("jobs", "checks", "services"), {"more": {"image": "evil:1"}})]


@kind
def the_services_are_not_waited_for(data: Any) -> Iterator[Mutant]:
    return ([(route, DROP)] for route, _ in named(data, "Wait for the services"))


@kind
def another_port_is_waited_for(data: Any) -> Iterator[Mutant]:
    return replaced(named(data, "Wait for the services"), "run", '/[0-9]+"$', '/1"')


# ---- containers


@kind
def the_credentials_of_an_image_are_dropped(data: Any) -> Iterator[Mutant]:
    for name, job in jobs(data, "container"):
        if "credentials" in job["container"]:
            yield [(("jobs", name, "container", "credentials"), DROP)]


@kind
def the_credentials_of_an_image_are_others(data: Any) -> Iterator[Mutant]:
    for name, job in jobs(data, "container"):
        said = {"image": job["container"]} if isinstance(job["container"], str) else job["container"]
        for pair in (("x", "y"), ("${{ github.actor }}", "${{ github.token }}"), ("x", "${{ secrets.OTHER }}")):
            credentials = dict(zip(("username", "password"), pair))
            if said.get("credentials") != credentials:
                yield [(("jobs", name, "container"), {**said, "credentials": credentials})]


@kind
def the_options_of_a_container_are_dropped(data: Any) -> Iterator[Mutant]:
    for name, job in jobs(data, "container"):
        if "options" in job["container"]:
            yield [(("jobs", name, "container", "options"), DROP)]


@kind
def a_container_has_variables(data: Any) -> Iterator[Mutant]:
    for name, job in jobs(data, "container"):
        said = {"image": job["container"]} if isinstance(job["container"], str) else job["container"]
        yield [(("jobs", name, "container"), {**said, "env": {"LD_PRELOAD": "./x.so"}})]
        yield [(("jobs", name, "container"), {**said, "ports": [80]})]


@kind
def a_job_runs_in_a_container(data: Any) -> Iterator[Mutant]:
    for name, job in jobs(data, "permissions"):
        if "container" not in job and "steps" in job:
            yield [(("jobs", name, "container"), "evil:1")]
    yield [(("jobs", "checks", "container"), "evil:1")]


# ---- what is kept, and caches


def _kept(data: Any) -> Sites:
    return ((route, step) for route, step in uses(data, "actions/upload-artifact"))


@kind
def files_are_kept_for_another_time(data: Any) -> Iterator[Mutant]:
    for route, step in _kept(data):
        if "retention-days" in step["with"]:
            yield [((*route, "with", "retention-days"), DROP)]
        yield [((*route, "with", "retention-days"), 1)]


@kind
def kept_files_are_lost_after_a_failure(data: Any) -> Iterator[Mutant]:
    return ([((*route, "if"), DROP)] for route, step in _kept(data) if step.get("if") == "always()")


@kind
def files_leave_a_job_that_failed(data: Any) -> Iterator[Mutant]:
    return ([((*route, "if"), "always()")] for route, step in _received(data) if "if" not in step)


@kind
def a_missing_file_is_no_failure(data: Any) -> Iterator[Mutant]:
    return ([((*route, "with", "if-no-files-found"), "ignore")] for route, _ in _received(data))


def _received(data: Any) -> Sites:
    """What others receive, but for exported values, which are always there."""
    names = [each["with"].get("name") for _, each in uses(data, "actions/download-artifact")]
    for route, step in named(data, "Hand on"):
        if step["with"]["name"] in names and not step["with"]["path"].startswith(".mlgen/exports"):
            yield route, step


@kind
def artifacts_come_from_another_run(data: Any) -> Iterator[Mutant]:
    for route, _ in uses(data, "actions/download-artifact"):
        yield [((*route, "with", "run-id"), "1"), ((*route, "with", "github-token"), "${{ github.token }}")]
        yield [((*route, "with", "repository"), "evil/repo")]


@kind
def a_cache_ignores_its_files(data: Any) -> Iterator[Mutant]:
    sites = list(uses(data, "actions/cache"))
    yield from replaced(_with(sites), "key", r"\$\{\{ hashFiles.*\}\}", "${{ github.run_id }}")
    yield from replaced(_with(sites), "key", r"\$\{\{ hashFiles.*\}\}", "1")
    yield from replaced(_with(sites), "key", r"hashFiles\(.*?\)", "hashFiles('other')")
    yield from replaced(_with(sites), "key", r"hashFiles\('([^']*)'", "hashFiles('x')")


def _with(sites: list[tuple[tuple[Any, ...], Any]]) -> Sites:
    return (((*route, "with"), step["with"]) for route, step in sites)


@kind
def a_cache_is_the_same_for_all(data: Any) -> Iterator[Mutant]:
    sites = list(uses(data, "actions/cache"))
    for part in (r"\$\{\{ runner\.os \}\}-", r"\$\{\{ runner\.arch \}\}-", r"py[^-]*-"):
        for route, step in sites:
            edits: Mutant = [
                ((*route, "with", key), re.sub(part, "", step["with"][key])) for key in ("key", "restore-keys")
            ]
            if any(value != step["with"][edit[-1]] for edit, value in edits):
                yield edits


@kind
def a_cache_takes_any_other(data: Any) -> Iterator[Mutant]:
    for route, step in uses(data, "actions/cache"):
        yield [((*route, "with", "restore-keys"), step["with"]["restore-keys"].partition("-")[0] + "-")]
        yield [((*route, "with", "restore-keys"), step["with"]["restore-keys"] + "\n" + "pip-")]
        yield [((*route, "with", "restore-keys"), "x-")]


@kind
def a_release_is_built_from_a_cache(data: Any) -> Iterator[Mutant]:
    return ([((*route, "if"), DROP)] for route, step in uses(data, "actions/cache") if "if" in step)


@kind
def a_deployment_has_a_cache(data: Any) -> Iterator[Mutant]:
    caches = [step for _, step in uses(data, "actions/cache")]
    for name, job in jobs(data, "environment"):
        if caches and job["environment"].get("deployment") is not False and "steps" in job:
            at = next(n for n, step in enumerate(job["steps"]) if "guard" in str(step)) + 1
            yield [(("jobs", name, "steps"), [*job["steps"][:at], caches[0], *job["steps"][at:]])]


@kind
def another_folder_is_cached(data: Any) -> Iterator[Mutant]:
    for route, step in uses(data, "actions/cache"):
        yield [((*route, "with", "path"), step["with"]["path"] + "\n.mlgen")]


# ---- environments, identities, tokens


@kind
def an_address_is_another(data: Any) -> Iterator[Mutant]:
    for name, job in jobs(data, "environment"):
        if "url" in job["environment"]:
            yield [(("jobs", name, "environment", "url"), "https://evil.example.org")]
            yield [(("jobs", name, "environment", "url"), job["environment"]["url"] + ".evil.example.org")]
            if "${{" not in job["environment"]["url"]:
                yield [(("jobs", name, "environment", "url"), DROP)]
        else:
            yield [(("jobs", name, "environment", "url"), "https://evil.example.org")]


@kind
def a_role_is_another(data: Any) -> Iterator[Mutant]:
    for route, step in named(data, "Log in to"):
        for key in step["with"]:
            yield [((*route, "with", key), "other")]
            yield [((*route, "with", key), DROP)]


@kind
def a_token_is_for_another_audience(data: Any) -> Iterator[Mutant]:
    for route, _ in named(data, "Get the identity token"):
        yield [((*route, "env", "AUDIENCE"), "https://evil.example.org")]


@kind
def a_command_does_not_see_the_token(data: Any) -> Iterator[Mutant]:
    for route, step in commands(data):
        if "MLGEN_TOKEN" in step.get("env", {}):
            yield [((*route, "env", "MLGEN_TOKEN"), DROP)]


@kind
def a_command_sees_a_token(data: Any) -> Iterator[Mutant]:
    for route, step in commands(data):
        if "MLGEN_TOKEN" not in step.get("env", {}):
            yield [((*route, "env"), {**step.get("env", {}), "MLGEN_TOKEN": "${{ github.token }}"})]
        yield [((*route, "env"), {**step.get("env", {}), "GITHUB_TOKEN": "${{ github.token }}"})]


@kind
def what_comes_last_is_not_told_the_result(data: Any) -> Iterator[Mutant]:
    return ([((*route, "env", "MLGEN_RESULT"), DROP)] for route, _ in named(data, "Finally|On failure"))


@kind
def a_permission_is_dropped(data: Any) -> Iterator[Mutant]:
    for name, job in jobs(data, "permissions"):
        for scope in job["permissions"]:
            yield [(("jobs", name, "permissions", scope), DROP)]


@kind
def a_checkout_has_another_token(data: Any) -> Iterator[Mutant]:
    for route, step in uses(data, "actions/checkout"):
        if "token" in step["with"]:
            yield [((*route, "with", "token"), DROP)]
        yield [((*route, "with", "token"), "${{ github.token }}")]
        yield [((*route, "with", "token"), "${{ secrets.OTHER }}")]


@kind
def a_checkout_keeps_its_token(data: Any) -> Iterator[Mutant]:
    for route, _ in steps(data, lambda step: "actions/checkout@" in step.get("uses", ""), own=False):
        yield [((*route, "with", "persist-credentials"), True)]


@kind
def another_repository_is_checked_out(data: Any) -> Iterator[Mutant]:
    for route, _ in uses(data, "actions/checkout"):
        yield [((*route, "with", "repository"), "evil/repo")]
        yield [((*route, "with", "repository"), "${{ github.event.pull_request.head.repo.full_name }}")]


@kind
def more_hosts_are_trusted(data: Any) -> Iterator[Mutant]:
    for route, _ in uses(data, "actions/checkout"):
        yield [((*route, "with", "ssh-key"), "x")]
        yield [((*route, "with", "set-safe-directory"), False)]


# ---- groups and bounds


@kind
def runs_of_all_branches_cancel_each_other(data: Any) -> Iterator[Mutant]:
    group = data["concurrency"]["group"]
    for old, new in (("ref(?= [|}])", "event_name"), ("event.pull_request.number", "base_ref")):
        found = re.sub(rf"github\.{old}", f"github.{new}", group)
        if found != group:
            yield [(("concurrency", "group"), found)]
    yield [(("concurrency", "group"), "${{ github.workflow }}")]
    yield [(("concurrency", "group"), "mlgen")]


@kind
def workflows_cancel_each_other(data: Any) -> Iterator[Mutant]:
    group = data["concurrency"]["group"]
    if "pull_request.number" in group or "github.ref " in group:
        yield [(("concurrency", "group"), group.replace("${{ github.workflow }}-", ""))]


@kind
def newer_runs_wait_instead(data: Any) -> Iterator[Mutant]:
    if "cancel-in-progress" in data["concurrency"]:
        yield [(("concurrency", "cancel-in-progress"), DROP)]
        yield [(("concurrency", "cancel-in-progress"), "${{ false }}")]


@kind
def every_run_may_be_cancelled(data: Any) -> Iterator[Mutant]:
    yield [(("concurrency",), {"group": "${{ github.ref }}", "cancel-in-progress": True})]


@kind
def an_added_job_may_run_for_hours(data: Any) -> Iterator[Mutant]:
    for name, _ in jobs(data, "timeout-minutes", own=False):
        if name in ("checks", "plan"):
            yield [(("jobs", name, "timeout-minutes"), DROP)]
            yield [(("jobs", name, "timeout-minutes"), 360)]


@kind
def a_job_is_ended_at_once(data: Any) -> Iterator[Mutant]:
    for name, job in jobs(data, "permissions"):
        if "steps" in job:
            yield [(("jobs", name, "timeout-minutes"), 0)]
            yield [(("jobs", name, "timeout-minutes"), 1)]


@kind
def an_added_job_may_do_more(data: Any) -> Iterator[Mutant]:
    for name in ("checks", "plan"):
        if name in data["jobs"]:
            said = data["jobs"][name].get("permissions", {})
            yield [(("jobs", name, "permissions"), {**said, "contents": "write"})]
            yield [(("jobs", name, "permissions"), {**said, "id-token": "write"})]
            yield [(("jobs", name, "permissions"), "write-all")]


@kind
def an_added_job_is_in_an_environment(data: Any) -> Iterator[Mutant]:
    names = [job["environment"]["name"] for _, job in jobs(data, "environment")]
    yield from ([(("jobs", "checks", "environment"), {"name": name})] for name in names)
    yield [(("jobs", "checks", "environment"), {"name": "other"})]


@kind
def an_added_job_has_a_lock(data: Any) -> Iterator[Mutant]:
    groups = [job["concurrency"] for _, job in jobs(data, "concurrency")]
    yield from ([(("jobs", "checks", "concurrency"), group)] for group in groups)


@kind
def an_added_job_runs_elsewhere(data: Any) -> Iterator[Mutant]:
    for name in ("checks", "plan"):
        if name in data["jobs"]:
            yield [(("jobs", name, "runs-on"), ["self-hosted"])]


@kind
def all_jobs_run_elsewhere(data: Any) -> Iterator[Mutant]:
    for label in ("self-hosted", ["self-hosted", "linux"], "windows-2025"):
        there = [name for name, job in jobs(data, "runs-on") if job["runs-on"] == "ubuntu-24.04"]
        if there:
            yield [(("jobs", name, "runs-on"), label) for name in there]


@kind
def an_added_job_may_fail(data: Any) -> Iterator[Mutant]:
    for name in ("checks", "plan"):
        if name in data["jobs"]:
            yield [(("jobs", name, "continue-on-error"), True)]


@kind
def the_required_check_accepts_failures(data: Any) -> Iterator[Mutant]:
    yield [(("jobs", "checks", "steps", 0, "env", "FAILED"), "${{ contains(needs.*.result, 'cancelled') }}")]
    yield [(("jobs", "checks", "steps", 0, "env", "FAILED"), "${{ contains(needs.*.result, 'failure') }}")]
    yield [(("jobs", "checks", "steps", 0, "continue-on-error"), True)]


# ---- triggers and scripts


@kind
def pull_requests_run_with_secrets(data: Any) -> Iterator[Mutant]:
    if "pull_request" in data["on"]:
        yield [(("on", "pull_request"), DROP), (("on", "pull_request_target"), data["on"]["pull_request"])]
    yield [(("on", "workflow_run"), {"workflows": ["x"], "types": ["completed"]})]
    yield [(("on", "issue_comment"), None)]
    yield [(("on", "repository_dispatch"), None)]
    yield [(("on", "workflow_call"), None)]


@kind
def a_trigger_has_another_filter(data: Any) -> Iterator[Mutant]:
    for name in ("push", "pull_request"):
        if name in data["on"]:
            said = data["on"][name] or {}
            yield [(("on", name), {**said, "paths": ["docs/**"]})]
            yield [(("on", name), {**said, "paths-ignore": ["**"]})]
            yield [(("on", name), {**said, "types": ["closed"]})]
            yield [(("on", name), {**said, "branches-ignore": ["main"]})]


@kind
def a_script_goes_on_after_a_failure(data: Any) -> Iterator[Mutant]:
    for route, step in commands(data):
        yield [((*route, "run"), "set +e\n" + step["run"])]
        yield [((*route, "run"), step["run"].rstrip("\n") + " || true")]
        yield [((*route, "run"), step["run"].rstrip("\n") + "\nexit 0")]


@kind
def a_script_has_another_shell(data: Any) -> Iterator[Mutant]:
    for shell in ("bash", "sh", "bash -euo pipefail {0} || true", "python"):
        yield [(("defaults", "run", "shell"), shell)]
        for name, job in jobs(data, "steps"):
            if "defaults" not in job:
                yield [(("jobs", name, "defaults"), {"run": {"shell": shell}})]


@kind
def the_folder_of_all_scripts_is_another(data: Any) -> Iterator[Mutant]:
    yield [(("defaults", "run", "working-directory"), "elsewhere")]
    for name, job in jobs(data, "steps"):
        if "defaults" not in job and "FAILED" not in str(job["steps"]):
            yield [(("jobs", name, "defaults"), {"run": {"working-directory": "elsewhere"}})]


@kind
def a_helper_may_fail(data: Any) -> Iterator[Mutant]:
    pattern = "Check |Set up Python|Receive|Set the portable|Hand on|Export|Write the secret|Log in|Get the identity"
    for route, step in named(data, pattern):
        if "continue-on-error" not in step:
            yield [((*route, "continue-on-error"), True)]


@kind
def a_helper_runs_sometimes(data: Any) -> Iterator[Mutant]:
    for route, step in named(data, "Check |Set up Python|Set the portable|Hand on|Export|Write the secret|Log in"):
        if "if" not in step:
            yield [((*route, "if"), "github.event_name == 'push'")]


@kind
def what_comes_last_runs_after_success_only(data: Any) -> Iterator[Mutant]:
    return ([((*route, "if"), "success()")] for route, _ in named(data, "Finally|On failure|Report|Remove"))


@kind
def a_step_has_a_limit(data: Any) -> Iterator[Mutant]:
    return ([((*route, "timeout-minutes"), 1)] for route, _ in named(data, "Run |Judge"))


@pytest.mark.parametrize("name", KINDS)
def test_each_kind_of_damage_is_told(name: str) -> None:
    count, left = survivors(TARGET, emitted(), KINDS[name])
    assert count, "it can be done nowhere"
    assert left == []


def test_no_kind_is_there_twice() -> None:
    assert not KINDS.keys() & workflows.KINDS.keys()


def _doubled(text: str) -> Iterator[str]:
    """A key that is there twice: readers of YAML do not agree which one counts."""
    for line in ("permissions: {}", "jobs:"):
        yield text.replace(f"\n{line}\n", f"\n{line}\n{line}\n", 1)
    yield re.sub(r"(?m)^(    if: ).*$", r"\g<0>\n\1always()", text, count=1)


def test_what_readers_of_yaml_take_otherwise_is_told() -> None:
    count, left = text_survivors(TARGET, emitted(), _doubled)
    assert count and left == []


def test_the_reader_knows_the_pins() -> None:
    said = json.loads(Path("src/mlgen/targets/github/pins.json").read_text(encoding="utf-8"))
    assert {pin["uses"]: pin["commit"] for pin in said.values()} == PINS
