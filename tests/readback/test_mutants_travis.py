"""Damage done to .travis.yml: each kind is told, by the reading alone, wherever it can be done."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from functools import lru_cache
from typing import Any

import pytest
import yaml

from mlgen import targets
from mlgen.targets.rendered import Loader
from tests.readback.mutants import DROP, Emitted, Mutant, survivors
from tests.readback.project import PROJECTS, named, rendered

TARGET = targets.get("travis")
KINDS: dict[str, Callable[[Any], Iterator[Mutant]]] = {}
STRUCTURAL: set[str] = set()
"""Kinds that only the structural check tells, which knows what was to be written: no event of the spec shows them."""
EVIL = "curl evil.example.org"
Site = tuple[tuple[Any, ...], list[str], int]


def kind(function: Callable[[Any], Iterator[Mutant]]) -> Callable[[Any], Iterator[Mutant]]:
    """Enters a kind of damage in the table."""
    KINDS[function.__name__] = function
    return function


def structural(function: Callable[[Any], Iterator[Mutant]]) -> Callable[[Any], Iterator[Mutant]]:
    """Enters a kind that the structural check has to tell."""
    STRUCTURAL.add(function.__name__)
    return kind(function)


@lru_cache
def emitted() -> tuple[Emitted, ...]:
    """The file of every project."""
    found = []
    for project in PROJECTS:
        if "travis" in named(project):
            pipeline, texts = rendered(project, TARGET)
            (output,) = TARGET.outputs(pipeline)
            text = texts[output.path]
            found.append(Emitted(project, pipeline, output, text, yaml.load(text, Loader)))
    return tuple(found)


def _entries(data: Any, key: str = "") -> Iterator[tuple[tuple[Any, ...], Any]]:
    for index, entry in enumerate(data["jobs"]["include"]):
        if not key or key in entry:
            yield ("jobs", "include", index), entry


def _items(data: Any, phase: str, pattern: str = "", own: bool = False) -> Iterator[Site]:
    """The items of a phase that fit, each with its phase and all items of that."""
    for route, said in [*([] if own else [((), data)]), *_entries(data)]:
        value = said.get(phase, [])
        items = value if isinstance(value, list) else [value]
        for number, item in enumerate(items):
            if item != "skip" and re.search(pattern, item, re.M):
                yield (*route, phase), items, number


def _put(site: Site, *texts: str) -> Mutant:
    """The item replaced by these."""
    route, items, number = site
    return [(route, [*items[:number], *texts, *items[number + 1 :]])]


def _replaced(sites: Iterator[Site], old: str, new: str) -> Iterator[Mutant]:
    for site in sites:
        text = site[1][site[2]]
        changed = re.sub(old, new, text, count=1, flags=re.M)
        if changed != text:
            yield _put(site, changed)


def _commands(data: Any) -> Iterator[Site]:
    """The jobs' own commands."""
    for site in _items(data, "script", own=True):
        if not re.match(r"ls -ld|python3 \.mlgen/ci\.py (exports|legs)|true$", site[1][site[2]]):
            yield site


def _asking(data: Any) -> Iterator[tuple[tuple[Any, ...], Any]]:
    """The jobs with a condition; one that also asks for a value gets none where the job that tells it is left out."""
    return (pair for pair in _entries(data, "if") if "ci.py when" not in str(pair[1].get("before_install")))


def _conditions(data: Any, old: str, new: str) -> Iterator[Mutant]:
    for route, entry in _asking(data):
        changed = re.sub(old, new, entry["if"], flags=re.S)
        if changed != entry["if"]:
            yield [((*route, "if"), changed)]


def _root(data: Any, old: str, new: str, count: int = 1) -> Iterator[Mutant]:
    changed = re.sub(old, new, data.get("if", ""), count=count, flags=re.S)
    if changed != data.get("if", ""):
        yield [(("if",), changed)]


def _makers(data: Any) -> dict[str, Any]:
    """The jobs that create workspaces, by these."""
    return {
        e["workspaces"]["create"]["name"]: e for _, e in _entries(data, "workspaces") if "create" in e["workspaces"]
    }


# ---- order


@kind
def a_job_comes_too_early(data: Any) -> Iterator[Mutant]:
    for route, entry in _entries(data, "workspaces"):
        if "use" in entry["workspaces"]:
            yield [((*route, "stage"), data["stages"][0])]


@kind
def two_stages_are_swapped(data: Any) -> Iterator[Mutant]:
    stages = data["stages"]
    for index in range(len(stages) - 1):
        if stages[index + 1].startswith(stages[index]):
            yield [(("stages",), [*stages[:index], stages[index + 1], stages[index], *stages[index + 2 :]])]


@kind
def a_stage_within_a_stage_is_merged(data: Any) -> Iterator[Mutant]:
    for route, entry in _entries(data):
        if re.search(r" \d+$", entry["stage"]):
            yield [((*route, "stage"), re.sub(r" \d+$", "", entry["stage"]))]


@kind
def stages_are_released_early(data: Any) -> Iterator[Mutant]:
    yield [(("jobs", "fast_finish"), True)]


# ---- bounds


@kind
def a_timeout_is_dropped(data: Any) -> Iterator[Mutant]:
    return _replaced(_items(data, "script", "timeout -k"), "timeout -k 30 [0-9]+[smhd] ", "")


@kind
def a_timeout_is_raised(data: Any) -> Iterator[Mutant]:
    return _replaced(_items(data, "script", "timeout -k"), "timeout -k 30 [0-9]+", "timeout -k 30 999")


@kind
def a_retry_is_dropped(data: Any) -> Iterator[Mutant]:
    pattern = r"for mlgen_try in .*; do\n  (.*) && break\n(?:.*\n){2}done"
    return _replaced(_items(data, "script", "mlgen_try in"), pattern, r"\1")


@kind
def a_retry_is_added(data: Any) -> Iterator[Mutant]:
    return _replaced(_items(data, "script", "mlgen_try in"), "mlgen_try in 1", "mlgen_try in 0 1")


@kind
def a_silent_command_is_ended(data: Any) -> Iterator[Mutant]:
    if "before_script" in data and any(re.search(r"timeout -k 30 \d+h", str(entry)) for _, entry in _entries(data)):
        yield [(("before_script",), DROP)]


# ---- secrets


@kind
def secrets_are_not_withdrawn(data: Any) -> Iterator[Mutant]:
    return (_put(site) for site in _items(data, "before_install", "^unset ", own=True))


@kind
def secrets_are_withdrawn_from_no_job(data: Any) -> Iterator[Mutant]:
    for site in _items(data, "before_install", "^unset "):
        if site[0] == ("before_install",) and any("before_install" not in entry for _, entry in _entries(data)):
            yield _put(site)


@kind
def one_secret_is_not_withdrawn(data: Any) -> Iterator[Mutant]:
    return _replaced(_items(data, "before_install", r"^unset \w+ \w+", own=True), r"^unset \w+", "unset")


@kind
def a_secret_is_withdrawn_from_its_job(data: Any) -> Iterator[Mutant]:
    names = set(re.findall(r"\w+", " ".join(re.findall(r"unset ([\w ]+)", str(data)))))
    for route, entry in _entries(data, "before_install"):
        gone = set(re.findall(r"\w+", " ".join(re.findall(r"unset ([\w ]+)", str(entry["before_install"])))))
        left = sorted(names - gone)
        if left and isinstance(entry["before_install"], list) and "docker login" not in str(entry):
            yield [((*route, "before_install"), [f"unset {left[0]}", *entry["before_install"]])]


@kind
def a_secret_has_another_name(data: Any) -> Iterator[Mutant]:
    return _replaced(_items(data, "before_install", r"^export \w+="), r"^export \w+", "export OTHER")


@kind
def a_secret_is_another(data: Any) -> Iterator[Mutant]:
    return _replaced(_items(data, "before_install", r'^export \w+="\$'), r'="\$\w+', '="$OTHER')


@kind
def a_secret_file_is_not_written(data: Any) -> Iterator[Mutant]:
    return (_put(site) for site in _items(data, "before_install", "base64 --decode"))


@structural
def a_secret_file_stays(data: Any) -> Iterator[Mutant]:
    for route, items, number in _items(data, "after_script", r"^rm -rf .*mlgen-secrets"):
        yield [(route, [*items[:number], *items[number + 1 :]])]


@kind
def the_token_that_clones_is_left(data: Any) -> Iterator[Mutant]:
    if "keep_netrc" in data:  # else the root file says it for all projects
        yield [(("keep_netrc",), True)]
        yield [(("keep_netrc",), DROP)]


# ---- conditions


@kind
def a_condition_is_dropped(data: Any) -> Iterator[Mutant]:
    return ([((*route, "if"), DROP)] for route, _ in _asking(data))


@kind
def a_condition_is_negated(data: Any) -> Iterator[Mutant]:
    return _conditions(data, r"^.*$", r"NOT (\g<0>)")


@kind
def a_condition_cannot_be_parsed(data: Any) -> Iterator[Mutant]:
    return _conditions(data, r'type = "push"', "type=push")


@kind
def a_condition_asks_for_another_kind(data: Any) -> Iterator[Mutant]:
    return _conditions(data, r'"push"', '"cron"')


@kind
def a_condition_asks_for_another_branch(data: Any) -> Iterator[Mutant]:
    return _conditions(data, r'branch = "(main|trunk)"', 'branch = "other"')


@kind
def a_condition_takes_either(data: Any) -> Iterator[Mutant]:
    return _conditions(data, r"\) AND branch", ") OR branch")


@kind
def a_fork_is_let_in(data: Any) -> Iterator[Mutant]:
    return _conditions(data, r" AND head_repo = repo", "")


@kind
def a_deployment_runs_on_pull_requests(data: Any) -> Iterator[Mutant]:
    for route, entry in _entries(data, "if"):
        if entry["stage"].startswith("deploy") and "pull_request" in data["if"]:
            yield [((*route, "if"), f'type = "pull_request" OR ({entry["if"]})')]


@structural
def a_deployment_runs_in_copies(data: Any) -> Iterator[Mutant]:
    return _conditions(data, r' AND repo = "[^"]*"', "")


@kind
def a_schedule_starts_more(data: Any) -> Iterator[Mutant]:
    return _conditions(data, r'env\(MLGEN_SCHEDULED\) = "[^"]*"', "env(MLGEN_SCHEDULED) IS blank")


@kind
def an_api_event_is_a_manual_run(data: Any) -> Iterator[Mutant]:
    return _conditions(data, r"env\(MLGEN_API_EVENT\) IS present", "env(MLGEN_API_EVENT) IS blank")


@kind
def a_message_is_not_asked_for(data: Any) -> Iterator[Mutant]:
    return _conditions(data, r"commit_message =~ /[^/]*/", 'branch != ""')


@kind
def an_input_has_another_value(data: Any) -> Iterator[Mutant]:
    return _conditions(data, r'(env\(MLGEN_INPUT_\w+\)) = "[^"]*"', r'\1 = "other"')


@kind
def the_trigger_is_dropped(data: Any) -> Iterator[Mutant]:
    if "branch" in data.get("if", ""):
        yield [(("if",), DROP)]


@kind
def a_trigger_takes_every_branch(data: Any) -> Iterator[Mutant]:
    return _root(data, r'branch = "(main|trunk)"', r"branch =~ /.*/")


@kind
def a_trigger_takes_no_branch(data: Any) -> Iterator[Mutant]:
    return _root(data, r'branch = "(main|trunk)"', 'branch = "other"', 0)


@kind
def an_exception_of_a_trigger_is_dropped(data: Any) -> Iterator[Mutant]:
    return _root(data, r' AND branch != "[^"]*"', "")


@kind
def a_trigger_takes_every_tag(data: Any) -> Iterator[Mutant]:
    return _root(data, r" AND tag =~ /(?:[^/\\]|\\.)*/", "")


@kind
def a_trigger_takes_no_pull_request(data: Any) -> Iterator[Mutant]:
    return _root(data, r'type = "pull_request"', 'type = "cron"')


@kind
def a_schedule_has_another_name(data: Any) -> Iterator[Mutant]:
    return _root(data, r'(env\(MLGEN_SCHEDULED\) (?:= |IN \())"[^"]*"', r'\1"other"')


@kind
def a_schedule_is_for_every_branch(data: Any) -> Iterator[Mutant]:
    return _root(data, r'(env\(MLGEN_SCHEDULED\) = "[^"]*") AND branch = "[^"]*"', r'\1 AND branch != "main"')


@kind
def what_has_changed_is_not_asked(data: Any) -> Iterator[Mutant]:
    return (_put(site) for site in _items(data, "before_install", "ci.py when "))


@kind
def what_has_changed_is_negated(data: Any) -> Iterator[Mutant]:
    return _replaced(_items(data, "before_install", "ci.py when '"), "when '(.*?)' ", r"when 'not (\1)' ")


@kind
def what_has_changed_is_asked_of_other_files(data: Any) -> Iterator[Mutant]:
    return _replaced(_items(data, "before_install", r"changed\("), r"changed\([^)]*\)", 'changed("other")')


@kind
def a_skipped_job_goes_on(data: Any) -> Iterator[Mutant]:
    return _replaced(_items(data, "before_install", "ci.py when "), "travis_terminate 0", "true")


@kind
def the_history_is_cut(data: Any) -> Iterator[Mutant]:
    for route, entry in _entries(data, "git"):
        if "changed(" in str(entry):
            yield [((*route, "git"), DROP)]


# ---- commands


@kind
def two_commands_are_swapped(data: Any) -> Iterator[Mutant]:
    for site in _commands(data):
        route, items, number = site
        if number + 1 < len(items) and ("TRAVIS_TEST_RESULT" in items[number + 1]):
            yield [(route, [*items[:number], items[number + 1], items[number], *items[number + 2 :]])]


@kind
def a_command_is_dropped(data: Any) -> Iterator[Mutant]:
    return (_put(site) for site in _commands(data) if len(site[1]) > 1)


@kind
def a_command_is_added(data: Any) -> Iterator[Mutant]:
    for phase in (
        "before_install",
        "install",
        "before_script",
        "script",
        "after_success",
        "after_failure",
        "after_script",
    ):
        for route, entry in _entries(data):
            value = entry.get(phase, data.get(phase, []))
            items = value if isinstance(value, list) else [] if value == "skip" else [value]
            yield [((*route, phase), [*items, EVIL])]
            break


@kind
def a_command_is_added_first(data: Any) -> Iterator[Mutant]:
    return (_put(site, EVIL, site[1][0]) for site in _items(data, "before_install") if site[2] == 0)


@kind
def a_command_is_added_for_all_jobs(data: Any) -> Iterator[Mutant]:
    yield [(("before_script",), [data.get("before_script", "true"), EVIL])]


@kind
def a_phase_of_another_kind_is_added(data: Any) -> Iterator[Mutant]:
    yield [(("before_cache",), EVIL)]
    yield [(("deploy",), {"provider": "script", "script": EVIL})]


@kind
def a_line_is_added(data: Any) -> Iterator[Mutant]:
    for phase in ("before_install", "install", "script", "after_script"):
        yield from _replaced(_items(data, phase), r"\Z", f"\n{EVIL}")


@kind
def a_command_is_added_to_a_helper(data: Any) -> Iterator[Mutant]:
    helper = r"^(ls -ld|source |unset |rm -rf|git |export |docker |python3 \.mlgen|printf|echo|timeout 120|cat )"
    for phase in ("before_install", "script", "after_success", "after_script"):
        yield from _replaced(_items(data, phase, helper), r"\n?\Z", f" && {EVIL}")


@kind
def a_substitution_is_added_to_a_helper(data: Any) -> Iterator[Mutant]:
    helper = r"^(ls -ld|unset |rm -rf|python3 \.mlgen/ci\.py (report|exports|legs|merge)|echo|cat )"
    for phase in ("before_install", "script", "after_success", "after_script"):
        yield from _replaced(_items(data, phase, helper), r"\n?\Z", f' "$({EVIL})"')


@kind
def a_word_is_another(data: Any) -> Iterator[Mutant]:
    for phase in ("install", "script"):
        sites = (s for s in _items(data, phase) if not re.search(r"^ls -ld|ci\.py|^true$", s[1][s[2]]))
        yield from _replaced(sites, r"(\w)('?)\n?\Z", r"\1x\2")


@kind
def a_value_is_unquoted(data: Any) -> Iterator[Mutant]:
    return _replaced(_commands(data), r'"(\$\{?[A-Za-z]\w*\}?)"', r"\1")


@kind
def a_shell_goes_on_after_a_failure(data: Any) -> Iterator[Mutant]:
    for phase in ("install", "script"):
        yield from _replaced(_items(data, phase, "-euo pipefail"), "-euo pipefail", "-u")


@kind
def a_script_has_no_shell_of_its_own(data: Any) -> Iterator[Mutant]:
    return _replaced(_commands(data), r"^bash -euo pipefail -c '([^']*)'$", r"\1")


@kind
def a_command_runs_after_a_failure(data: Any) -> Iterator[Mutant]:
    return _replaced(_items(data, "script", "TRAVIS_TEST_RESULT"), r'\[ "\$TRAVIS_TEST_RESULT" = 0 \] && ', "")


@kind
def a_setup_is_left_out(data: Any) -> Iterator[Mutant]:
    for route, entry in _entries(data):
        if "install" not in entry and data.get("install", "skip") != "skip":
            yield [((*route, "install"), "skip")]


@kind
def a_setup_is_that_of_others(data: Any) -> Iterator[Mutant]:
    for route, entry in _entries(data, "install"):
        if (
            entry["install"] == "skip"
            and data.get("install", "skip") != "skip"
            and entry.get("before_install") != "skip"
        ):
            yield [((*route, "install"), DROP)]


@kind
def the_portable_variables_are_not_read(data: Any) -> Iterator[Mutant]:
    return (_put(site) for site in _items(data, "before_install", r"^source \.mlgen/env\.sh$"))


# ---- files and values


@kind
def what_it_makes_is_not_looked_for(data: Any) -> Iterator[Mutant]:
    may = {each["name"] for each in data["jobs"].get("allow_failures", [])}
    for site in _items(data, "script", r"^ls -ld -- (?!\.mlgen/)", own=True):
        if data["jobs"]["include"][site[0][2]]["name"] not in may:
            yield _put(site)


@kind
def a_path_is_not_handed_on(data: Any) -> Iterator[Mutant]:
    for route, entry in _entries(data, "workspaces"):
        paths = entry["workspaces"].get("create", {}).get("paths", [])
        yield from ([((*route, "workspaces", "create", "paths", number), "other")] for number, _ in enumerate(paths))


@kind
def a_workspace_is_not_created(data: Any) -> Iterator[Mutant]:
    for route, entry in _entries(data, "workspaces"):
        if "create" in entry["workspaces"]:
            yield [((*route, "workspaces", "create"), DROP)]


@kind
def a_workspace_is_not_used(data: Any) -> Iterator[Mutant]:
    for route, entry in _entries(data, "workspaces"):
        for name in entry["workspaces"].get("use", []):
            yield [((*route, "workspaces", "use"), [n for n in entry["workspaces"]["use"] if n != name])]


@kind
def a_file_is_handed_to_another_job(data: Any) -> Iterator[Mutant]:
    order = data["stages"].index
    for name, maker in _makers(data).items():
        shared = [p for p in maker["workspaces"]["create"]["paths"] if not p.startswith(".mlgen/")]
        for route, entry in _entries(data):
            used = entry.get("workspaces", {}).get("use", [])
            if shared and name not in used and order(entry["stage"]) > order(maker["stage"]):
                yield [((*route, "workspaces", "use"), [*used, name])]
                break


@kind
def files_of_others_are_not_removed(data: Any) -> Iterator[Mutant]:
    for route, items, number in _items(data, "before_install", r"^rm -rf -- "):
        yield [(route, [*items[:number], *items[number + 2 :]])]


@kind
def files_of_the_repository_are_removed(data: Any) -> Iterator[Mutant]:
    return (_put(site) for site in _items(data, "before_install", r"^git ls-files -z"))


@kind
def an_export_is_dropped(data: Any) -> Iterator[Mutant]:
    return (_put(site) for site in _items(data, "script", "ci.py exports"))


@kind
def an_export_is_another(data: Any) -> Iterator[Mutant]:
    return _replaced(_items(data, "script", "ci.py exports"), r"(\w+)$", r"\1x")


@kind
def a_variable_has_another_value(data: Any) -> Iterator[Mutant]:
    for route, said in [(("env", "global"), data.get("env", {}).get("global", [])), *_lists(data)]:
        for number, entry in enumerate(said):
            if not re.match(r"(MLGEN_JOB|MLGEN_EXPORTS|CACHE_NAME)=", str(entry)):
                yield [((*route, number), f"{entry}x")]


def _lists(data: Any) -> Iterator[tuple[tuple[Any, ...], list[Any]]]:
    for route, entry in _entries(data, "env"):
        if isinstance(entry["env"], list):
            yield (*route, "env"), entry["env"]


@kind
def a_variable_is_not_passed_to_the_container(data: Any) -> Iterator[Mutant]:
    return _replaced(_items(data, "before_install", r"^docker run .*--name job "), r"HOME CI \w+", "HOME CI")


@kind
def a_job_is_another(data: Any) -> Iterator[Mutant]:
    for route, entry in _entries(data):
        if isinstance(entry["env"], str):
            yield [((*route, "env"), "MLGEN_JOB=other.job")]


@kind
def a_leg_is_dropped(data: Any) -> Iterator[Mutant]:
    for route, entry in _entries(data):
        if re.search(r" \(.*\)$", entry["name"]) and "create" not in entry.get("workspaces", {}):
            yield [(route, DROP)]


@kind
def a_leg_is_there_twice(data: Any) -> Iterator[Mutant]:
    include = data["jobs"]["include"]
    for _, entry in _entries(data):
        if re.search(r" \(.*\)$", entry["name"]) and "create" not in entry.get("workspaces", {}):
            yield [(("jobs", "include", len(include)), {**entry, "name": "again"})]


@kind
def a_job_is_added(data: Any) -> Iterator[Mutant]:
    yield [(("jobs", "include", len(data["jobs"]["include"])), {"name": "x", "stage": "x", "script": EVIL})]


# ---- machines


@kind
def the_python_is_another(data: Any) -> Iterator[Mutant]:
    if "python" in data:
        yield [(("python",), "3.9")]
    yield from ([((*route, "python"), "3.9")] for route, _ in _entries(data, "python"))


@kind
def the_image_is_another(data: Any) -> Iterator[Mutant]:
    sites = _items(data, "before_install", r"^docker run .*--name job ")
    return _replaced(sites, r"--entrypoint sleep \S+", "--entrypoint sleep other:1")


@kind
def the_container_may_do_all(data: Any) -> Iterator[Mutant]:
    sites = _items(data, "before_install", r"^docker run .*--name job ")
    return _replaced(sites, r"  --entrypoint", "  --privileged \\\\\n  --entrypoint")


@kind
def a_script_runs_beside_its_container(data: Any) -> Iterator[Mutant]:
    for phase in ("install", "script"):
        yield from _replaced(_items(data, phase, "docker exec job "), "docker exec job ", "")


@kind
def there_is_no_docker(data: Any) -> Iterator[Mutant]:
    for route, entry in _entries(data, "services"):
        if "docker run" in str(entry.get("before_install")):
            yield [((*route, "services"), DROP)]


@kind
def a_service_is_dropped(data: Any) -> Iterator[Mutant]:
    return (_put(site) for site in _items(data, "before_install", r"^docker run .*--name service-"))


@kind
def a_service_is_another(data: Any) -> Iterator[Mutant]:
    return _replaced(_items(data, "before_install", r"^docker run .*--name service-"), r"\S+ &&$", "other:1 &&")


@kind
def the_machine_of_one_leg_is_another(data: Any) -> Iterator[Mutant]:
    for route, entry in _entries(data, "vm"):
        if "gpu" in str(entry["vm"]):
            yield [((*route, "vm", "size"), "large")]
            break


# ---- results


@kind
def a_job_may_fail(data: Any) -> Iterator[Mutant]:
    may = data["jobs"].get("allow_failures", [])
    for _, entry in _entries(data):
        if {"name": entry["name"]} not in may:
            yield [(("jobs", "allow_failures"), [*may, {"name": entry["name"]}])]


@kind
def a_whole_stage_may_fail(data: Any) -> Iterator[Mutant]:
    yield [(("jobs", "allow_failures"), [{"stage": data["stages"][-1]}])]


@kind
def no_job_may_fail(data: Any) -> Iterator[Mutant]:
    if "allow_failures" in data["jobs"]:
        yield [(("jobs", "allow_failures"), DROP)]


@kind
def a_threshold_is_lower(data: Any) -> Iterator[Mutant]:
    return _replaced(_items(data, "script", "ci.py gate"), r"([<>]=?) [0-9.]+'", r"\1 0.01'")


@kind
def a_requirement_is_dropped(data: Any) -> Iterator[Mutant]:
    return _replaced(_items(data, "script", "ci.py gate"), r" \\\n  --require '[^']*'(?= \\|\n?\Z)", "")


@kind
def a_baseline_is_dropped(data: Any) -> Iterator[Mutant]:
    return _replaced(_items(data, "script", "ci.py gate"), r" \\\n  --baseline .*", "")


@kind
def a_gate_only_warns(data: Any) -> Iterator[Mutant]:
    sites = (site for site in _items(data, "script", "ci.py gate") if "--on-fail" not in site[1][site[2]])
    return _replaced(sites, r"\n?\Z", " --on-fail warn")


@kind
def a_gate_is_overlooked(data: Any) -> Iterator[Mutant]:
    return _replaced(_items(data, "script", "ci.py gate"), r"\n?\Z", " || true")


@kind
def a_report_is_not_shown(data: Any) -> Iterator[Mutant]:
    return (_put(site) for site in _items(data, "after_script", "ci.py report|^cat "))


@kind
def a_report_is_another(data: Any) -> Iterator[Mutant]:
    return _replaced(_items(data, "after_script", "ci.py report"), r"--junit \S+", "--junit other.xml")


@kind
def a_last_command_is_dropped(data: Any) -> Iterator[Mutant]:
    for phase in ("after_failure", "after_script"):
        yield from (_put(site) for site in _items(data, phase, "^(?!export|python3|cat |rm -rf)"))


@kind
def what_follows_a_failure_always_runs(data: Any) -> Iterator[Mutant]:
    for route, entry in _entries(data, "after_failure"):
        yield [((*route, "after_failure"), DROP), ((*route, "after_script"), entry["after_failure"])]


@kind
def a_last_command_is_not_told_the_result(data: Any) -> Iterator[Mutant]:
    for phase in ("after_failure", "after_script"):
        yield from (_put(site) for site in _items(data, phase, "^export MLGEN_RESULT"))


@structural
def a_deployment_reads_a_cache(data: Any) -> Iterator[Mutant]:
    if "cache" in data:
        for route, entry in _entries(data, "cache"):
            if entry["stage"].startswith("deploy"):
                yield [((*route, "cache"), DROP)]


@kind
def a_cache_is_dropped(data: Any) -> Iterator[Mutant]:
    if any(not path.startswith(".mlgen/") for path in data.get("cache", {}).get("directories", [])):
        yield [(("cache",), DROP)]


# ---- what brings in more


@kind
def a_file_is_imported(data: Any) -> Iterator[Mutant]:
    yield [(("import",), "evil/repository:all.yml")]


@kind
def variables_multiply_the_jobs(data: Any) -> Iterator[Mutant]:
    yield [(("env",), {"jobs": ["A=1", "A=2"]})]


# ---- machines and services, again


@kind
def the_system_is_another(data: Any) -> Iterator[Mutant]:
    for key, value in (("os", "windows"), ("os", "osx"), ("dist", "xenial"), ("arch", "arm64"), ("virt", "vm")):
        yield [((key,), value)]
    yield [(("group",), "edge")]


@kind
def the_system_of_a_job_is_another(data: Any) -> Iterator[Mutant]:
    for key, value in (("os", "windows"), ("dist", "xenial"), ("arch", "arm64"), ("language", "node_js")):
        yield from ([((*route, key), value)] for route, _ in list(_entries(data))[:1])


@kind
def the_size_of_a_machine_is_another(data: Any) -> Iterator[Mutant]:
    for route, _ in _entries(data, "vm"):
        yield [((*route, "vm"), DROP)]
    yield [(("vm",), {"size": "2x-large"})]


@kind
def axes_multiply_the_jobs(data: Any) -> Iterator[Mutant]:
    for key, values in (("os", ["linux", "osx"]), ("python", ["3.8", "3.11"]), ("node_js", ["18", "20"])):
        yield [((key,), values)]


@kind
def something_else_is_installed(data: Any) -> Iterator[Mutant]:
    yield [(("addons",), {"apt": {"packages": ["evil"], "sources": [{"sourceline": "ppa:evil/ppa"}]}})]
    yield [(("addons",), {"hosts": ["pypi.org"]})]
    yield [(("addons",), {"artifacts": True})]


@kind
def a_service_of_the_machine_is_started(data: Any) -> Iterator[Mutant]:
    for route, entry in [((), data), *_entries(data)]:
        yield [((*route, "services"), [*_many(entry.get("services")), "postgresql"])]


def _many(value: Any) -> list[Any]:
    return [] if value is None else value if isinstance(value, list) else [value]


@kind
def a_service_has_another_variable(data: Any) -> Iterator[Mutant]:
    sites = list(_items(data, "before_install", r"^docker run .*--name service-"))
    yield from _replaced(iter(sites), r"(-e|--env) (\w+)=\S+", r"\1 \2=other")
    yield from _replaced(iter(sites), r" (-e|--env) \w+=\S+", "")
    yield from _replaced(iter(sites), r"--name service-", "-e POSTGRES_HOST_AUTH_METHOD=trust --name service-")


@kind
def a_service_is_not_waited_for(data: Any) -> Iterator[Mutant]:
    return (_put(site) for site in _items(data, "before_install", r"^timeout 120 "))


# ---- caches, clones


@kind
def a_cache_holds_more(data: Any) -> Iterator[Mutant]:
    directories = data.get("cache", {}).get("directories", [])
    yield [(("cache",), {"directories": [*directories, "$HOME"]})]
    yield [(("cache",), {"directories": [*directories, "models"]})]
    yield [(("cache",), {"directories": directories, "pip": True})]


@kind
def a_job_has_a_cache_of_its_own(data: Any) -> Iterator[Mutant]:
    for route, entry in _entries(data, "cache"):
        if entry["cache"] is False:
            yield [((*route, "cache"), {"directories": ["models"]})]


@kind
def a_cache_is_that_of_all_versions(data: Any) -> Iterator[Mutant]:
    for route, entry in _entries(data, "env"):
        for number, each in enumerate(entry["env"]) if isinstance(entry["env"], list) else ():
            if str(each).startswith("CACHE_NAME=") and entry.get("cache") is not False:
                yield [((*route, "env", number), DROP)]


@kind
def the_clone_is_another(data: Any) -> Iterator[Mutant]:
    others = ({"depth": 1}, {"clone": False}, {"submodules": False}, {"strategy": "tarball"}, {"sparse_checkout": "s"})
    for git in others:
        if any("git" not in entry for _, entry in _entries(data)):
            yield [(("git",), git)]
        yield from ([((*route, "git"), git)] for route, _ in list(_entries(data))[:1])


# ---- secrets, again


@kind
def an_encrypted_secret_is_added(data: Any) -> Iterator[Mutant]:
    shared = data.get("env", {}).get("global", [])
    yield [(("env", "global"), [*shared, {"secure": "abcd"}])]
    for route, entry in _entries(data, "env"):
        yield [((*route, "env"), [*_many(entry["env"]), {"secure": "abcd"}])]


@kind
def a_variable_is_added(data: Any) -> Iterator[Mutant]:
    shared = data.get("env", {}).get("global", [])
    yield [(("env", "global"), [*shared, "PYTHONSTARTUP=/tmp/evil"])]
    yield [(("env", "global"), [*shared, 'BASH_ENV="$HOME/evil"'])]
    for route, entry in _entries(data, "env"):
        yield [((*route, "env"), [*_many(entry["env"]), "LD_PRELOAD=/tmp/evil.so"])]
        yield [((*route, "env"), [*_many(entry["env"]), 'PATH="$HOME/evil:$PATH"'])]


@kind
def a_secret_is_read_back(data: Any) -> Iterator[Mutant]:
    for site in _items(data, "before_install", "^unset ", own=True):
        name = re.findall(r"unset (\w+)", site[1][site[2]])
        yield _put(site, f"export KEPT=${name[0]}", site[1][site[2]])


# ---- ends


@kind
def a_failure_is_a_success(data: Any) -> Iterator[Mutant]:
    for phase in ("before_install", "install", "script"):
        yield from _replaced(_items(data, phase), r"travis_terminate [1-9$]\S*", "travis_terminate 0")
    yield from (_put(site, site[1][site[2]], "travis_terminate 0") for site in _commands(data))
    yield from (_put(site, "travis_terminate 0", site[1][site[2]]) for site in _commands(data))


@kind
def a_check_of_files_is_overlooked(data: Any) -> Iterator[Mutant]:
    for phase in ("before_install", "script"):
        yield from _replaced(_items(data, phase, r"^ls -ld"), r"\n?\Z", " || true")


@kind
def a_command_is_overlooked(data: Any) -> Iterator[Mutant]:
    yield from _replaced(_commands(data), r"\n?\Z", " || true")
    yield from _replaced(_items(data, "install", own=False), r"\n?\Z", " || true")


@kind
def a_command_is_wrapped(data: Any) -> Iterator[Mutant]:
    for word in ("travis_wait 30 ", "travis_retry "):
        yield from _replaced(_commands(data), r"\A", word)
        yield from _replaced(_items(data, "install"), r"\A", word)


@kind
def a_timeout_has_another_unit(data: Any) -> Iterator[Mutant]:
    return _replaced(_items(data, "script", "timeout -k"), r"(timeout -k 30 \d+)m ", r"\1h ")


@kind
def failures_end_the_other_jobs(data: Any) -> Iterator[Mutant]:
    yield [(("jobs", "fast_finish"), True)]
    yield [(("jobs", "exclude"), [{"name": data["jobs"]["include"][0]["name"]}])]


@kind
def all_jobs_may_fail(data: Any) -> Iterator[Mutant]:
    yield [(("jobs", "allow_failures"), [{"os": "linux"}])]
    yield [(("jobs", "allow_failures"), [{}])]
    yield [(("jobs", "allow_failures"), [{"stage": data["stages"][0]}])]
    yield [(("jobs", "allow_failures"), [{"env": data["jobs"]["include"][0]["env"]}])]


@kind
def what_runs_always_needs_a_failure(data: Any) -> Iterator[Mutant]:
    for route, entry in _entries(data, "after_script"):
        if "after_failure" not in entry:
            yield [((*route, "after_script"), DROP), ((*route, "after_failure"), entry["after_script"])]
            yield [((*route, "after_script"), DROP), ((*route, "after_success"), entry["after_script"])]


@kind
def a_command_runs_in_another_phase(data: Any) -> Iterator[Mutant]:
    for route, entry in _entries(data, "script"):
        for phase in ("after_success", "after_script"):
            yield [((*route, "script"), "true"), ((*route, phase), entry["script"])]


# ---- deployments


@kind
def a_deployment_runs_on_every_branch(data: Any) -> Iterator[Mutant]:
    for route, entry in _entries(data, "if"):
        if entry["stage"].startswith("deploy"):
            wide = re.sub(r'branch = "[^"]*"', 'branch != ""', entry["if"])
            if wide != entry["if"] and "ci.py when" not in str(entry.get("before_install")):
                yield [((*route, "if"), wide)]


@kind
def a_deployment_comes_before_the_tests(data: Any) -> Iterator[Mutant]:
    for route, entry in _entries(data):
        if entry["stage"].startswith("deploy") and "use" not in entry.get("workspaces", {}):
            yield [((*route, "stage"), data["stages"][0])]


@kind
def a_stage_has_a_condition(data: Any) -> Iterator[Mutant]:
    last = data["stages"][-1]
    yield [(("stages", len(data["stages"]) - 1), {"name": last, "if": 'branch = "other"'})]


@kind
def a_build_is_made_of_other_conditions(data: Any) -> Iterator[Mutant]:
    yield [(("conditions",), "v0")]
    yield [(("merge_mode",), "replace")]
    yield [(("branches",), {"only": ["other"]})]


@pytest.mark.parametrize("name", KINDS)
def test_every_mutant_is_told(name: str) -> None:
    count, found = survivors(TARGET, emitted(), KINDS[name], alone=name not in STRUCTURAL, most=2)
    assert count, "no file has a place for it"
    assert found == []


def test_there_are_many_kinds() -> None:
    assert len(KINDS) >= 30
