"""Conditions as Groovy over the variables that a Multibranch Pipeline sets.

`when { branch 'main' }` is not used: it is a glob that ignores case and that a tag's name matches too
(https://www.jenkins.io/doc/book/pipeline/syntax/#when). `==` and `==~` compare the whole string, with case.
"""

from __future__ import annotations

import re

from mlgen.ir import KINDS, Condition, Expr, Match, Not, Pipeline, glob_regex, implies, is_literal, matches
from mlgen.ir.expressions import All, Any, all_of, satisfiable
from mlgen.ir.outcomes import exporters
from mlgen.quoting import groovy
from mlgen.targets import decide
from mlgen.targets.decide import on_kind

EVENT = "env.JENKINS_EVENT"
TIMER = "hudson.triggers.TimerTrigger$TimerTriggerCause"
# https://github.com/jenkinsci/parameterized-scheduler-plugin
NAMED_TIMER = "org.jenkinsci.plugins.parameterizedscheduler.ParameterizedTimerTriggerCause"
USER = "hudson.model.Cause$UserIdCause"
API = "mlgen_event"
"""The parameter that names an api event."""

# https://www.jenkins.io/doc/book/pipeline/multibranch/#additional-environment-variables
_VARIABLES = {
    "branch": "env.BRANCH_NAME",
    "tag": "env.TAG_NAME",
    "schedule": "env.JENKINS_SCHEDULE",
    "fork": "env.CHANGE_FORK",
}


def when(pipeline: Pipeline, condition: Condition) -> tuple[str, ...]:
    """The lines of an `expression { }`: one clause a line, of which one must hold."""
    clauses: dict[str, list[str]] = {}
    for kind in kinds(pipeline, condition):
        expr = on_kind(condition.on(kind), kind)
        wide = implies(pipeline.trigger(kind), expr)
        clauses.setdefault("" if wide else clause(pipeline, expr, kind, within="and"), []).append(kind)
    if clauses.get("") == [kind for kind in KINDS if pipeline.triggers.on(kind)]:
        return (f"{EVENT} != 'none'",)
    lines = [f"{_one_of(kinds)} && {text}" if text else _one_of(kinds) for text, kinds in clauses.items()]
    return (*(f"{line} ||" for line in lines[:-1]), lines[-1]) if lines else ("false",)


def kinds(pipeline: Pipeline, condition: Condition) -> list[str]:
    """The kinds of events on which the condition can hold."""
    return [k for k in KINDS if satisfiable(all_of([on_kind(condition.on(k), k), pipeline.trigger(k)]))]


def _one_of(kinds: list[str]) -> str:
    if len(kinds) == 1:
        return f"{EVENT} == {groovy(kinds[0])}"
    return f"{EVENT} in [{', '.join(map(groovy, kinds))}]"


def clause(pipeline: Pipeline, expr: Expr, kind: str, within: str = "") -> str:
    """The expression on events of this kind; `within` is the operator around it, for parentheses."""
    if isinstance(expr, bool):
        return "true" if expr else "false"
    if isinstance(expr, Match):
        return _match(pipeline, expr, kind, True)
    if isinstance(expr, Not):
        if isinstance(expr.item, Match):
            return _match(pipeline, expr.item, kind, False)
        return f"!({clause(pipeline, expr.item, kind)})"
    if isinstance(expr, All):
        return " && ".join(clause(pipeline, item, kind, "and") for item in expr.items)
    assert isinstance(expr, Any)
    text = " || ".join(clause(pipeline, item, kind, "or") for item in expr.items)
    return f"({text})" if within == "and" else text


def _match(pipeline: Pipeline, match: Match, kind: str, wanted: bool) -> str:
    field, _, name = match.field.partition(":")
    equal = "==" if wanted else "!="
    if field in ("changed", "message"):
        return f"{'' if wanted else '!'}facts[{groovy(question(pipeline, match))}]"
    if field == "value":
        job, _, export = name.rpartition(".")
        return f"{'' if wanted else '!'}says({groovy(job)}, {groovy(f'{export}={match.pattern}')})"
    if field == "input":
        return _input(pipeline, name, match.pattern, wanted)
    if field == "api":
        return f"params.{API} {equal} {groovy(match.pattern)}"
    variable = "env.CHANGE_TARGET" if field == "branch" and kind == "pull_request" else _VARIABLES[field]
    if field == "fork":
        # Set on pull requests from forks only.
        return variable if wanted else f"!{variable}"
    if is_literal(match.pattern):
        return f"{variable} {equal} {groovy(match.pattern)}"
    text = f"{variable} ==~ {regex(match.pattern)}"
    return text if wanted else f"!({text})"


def _input(pipeline: Pipeline, name: str, value: str, wanted: bool) -> str:
    """In `params` an input has its default also in a branch's first run, of which it is no variable yet."""
    entry = next(entry for entry in pipeline.triggers.inputs if entry.name == name)
    if entry.type == "boolean":
        return f"{'' if (value == 'true') == wanted else '!'}params.{entry.variable}"
    return f"params.{entry.variable} {'==' if wanted else '!='} {groovy(value)}"


# --- what only the repository, or the run itself, can tell


def question(pipeline: Pipeline, match: Match) -> str:
    """What `ci.py when` is asked, which is also the name of the answer."""
    return decide.question(match, pipeline)


def questions(pipeline: Pipeline) -> dict[str, list[str]]:
    """All that conditions ask of the commit, each with the kinds of events on which one does."""
    found: dict[str, list[str]] = {}
    for kind in ("push", "pull_request", "tag"):
        for job in pipeline.jobs:
            expr = all_of([on_kind(job.condition.on(kind), kind), pipeline.trigger(kind)])
            for match in matches(expr) if satisfiable(expr) else ():
                if match.field.partition(":")[0] in ("changed", "message"):
                    kinds_ = found.setdefault(question(pipeline, match), [])
                    if kind not in kinds_:
                        kinds_.append(kind)
    return found


def has_values(condition: Condition) -> bool:
    """Whether the condition asks for a value that is exported in the run."""
    return bool(exporters(condition))


# --- events


def regex(pattern: str) -> str:
    """The glob as a regular expression between slashes, where only `/` needs a backslash; in quotes if it has a `$`."""
    text = glob_regex(pattern)
    if "$" in text or not text.isprintable():
        return groovy(text)
    return "/" + re.sub(r"\\.|/", lambda found: "\\/" if found[0] == "/" else found[0], text) + "/"


def event_lines(pipeline: Pipeline) -> tuple[str, ...]:
    """The body of `event()`, which tells the kind of event, or 'none' if the triggers do not name it."""
    triggers = pipeline.triggers
    lines = [f"if (env.CHANGE_ID) {{ {_answer(pipeline, 'pull_request')} }}"]
    lines.append(f"if (env.TAG_NAME) {{ {_answer(pipeline, 'tag')} }}")
    if triggers.on("schedule"):
        cause = groovy(NAMED_TIMER if named_schedules(pipeline) else TIMER)
        lines.append(f"if (currentBuild.getBuildCauses({cause})) {{ return 'schedule' }}")
    if triggers.on("api"):
        names = ", ".join(groovy(name) for name, _ in triggers.api)
        lines.append(f"if (params.{API}) {{ return params.{API} in [{names}] ? 'api' : 'none' }}")
    if triggers.on("manual"):
        lines.append(f"if (currentBuild.getBuildCauses({groovy(USER)})) {{ return 'manual' }}")
    return (*lines, _answer(pipeline, "push"))


def _answer(pipeline: Pipeline, kind: str) -> str:
    expr = pipeline.trigger(kind)
    if expr is True:
        return f"return '{kind}'"
    return f"return {clause(pipeline, expr, kind)} ? '{kind}' : 'none'" if expr is not False else "return 'none'"


def named_schedules(pipeline: Pipeline) -> bool:
    """Whether a run must be told which schedule started it: only a plugin can."""
    return len(pipeline.triggers.schedules) > 1
