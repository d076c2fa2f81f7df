"""Conditions in GitHub's expression language: what stands in a job's `if`.

`==` ignores case and there are no patterns (https://docs.github.com/en/actions/reference/workflows-and-actions/expressions),
so that every pattern, and every literal that is not a plain branch, is matched by the `plan` job in bash and read from
its outputs, as is what only the repository tells: messages and changed files. A literal branch is compared with `==`;
deploying jobs check its case again before they do anything. Exported values come from the outputs of their jobs.
"""

from __future__ import annotations

import re

from mlgen.ir import All, Any, Expr, Input, Job, Match, Not, Pipeline, glob_regex, implies, is_literal, matches
from mlgen.ir.expressions import all_of, satisfiable
from mlgen.named import NamedTuple

EVENTS = {
    "push": "push",
    "pull_request": "pull_request",
    "schedule": "schedule",
    "manual": "workflow_dispatch",
    "api": "workflow_dispatch",
}
KINDS = (*EVENTS, "tag")
API_INPUT = "mlgen_event"
"""The input of `workflow_dispatch` that holds the name of an api event; empty on a manual run."""

# https://docs.github.com/en/code-security/dependabot/working-with-dependabot/dependabot-on-actions
# Runs of a dependency bot are given no secrets, like those of forks.
NOT_FORK = (
    "github.event.pull_request.head.repo.full_name == github.repository"
    " && github.event.pull_request.user.login != 'dependabot[bot]'"
)


class Planned(NamedTuple):
    """What the plan job finds out: its output's name, the match that it stands for, and of a ref a bash regex."""

    output: str
    match: Match
    regex: str = ""

    @property
    def kind(self) -> str:
        """`branch`, `tag`, `input`, `message` or `changed`."""
        return self.match.field.partition(":")[0]


def planned(pipeline: Pipeline) -> tuple[Planned, ...]:
    """Everything that some job's condition needs from the plan job, each once."""
    found: dict[Match, str] = {}
    for job in pipeline.jobs:
        for kind in KINDS:
            for match in matches(residual(job, kind, pipeline)):
                if _by_plan(match, job, pipeline):
                    found.setdefault(match, _output(match, tuple(found.values())))
    return tuple(Planned(name, match, _regex(match)) for match, name in found.items())


def _by_plan(match: Match, job: Job, pipeline: Pipeline) -> bool:
    kind, _, name = match.field.partition(":")
    if kind == "input":
        return not _exact(match.pattern, entry_of(name, pipeline))
    return kind in ("changed", "message") or (kind in ("branch", "tag") and not _comparable(match, job))


def _comparable(match: Match, job: Job) -> bool:
    """Whether `==` will do: a literal branch, of a job that does not deploy or whose guard looks at the case again."""
    return match.field == "branch" and is_literal(match.pattern) and (guarded(job) or not job.deploys)


def entry_of(name: str, pipeline: Pipeline) -> Input:
    """The input of this name."""
    return next(entry for entry in pipeline.triggers.inputs if entry.name == name)


def _exact(text: str, entry: Input) -> bool:
    """Whether `==` tells the input's value exactly, though it ignores case."""
    if entry.type == "choice":  # GitHub takes no other values than the options
        return len({option.lower() for option in entry.options}) == len(entry.options)
    return entry.type != "string" or not cased(text)


def cased(text: str) -> bool:
    """Whether the text is another in another case."""
    return text.lower() != text or text.upper() != text


def _regex(match: Match) -> str:
    named = match.field in ("branch", "tag") or match.field.startswith("input:")
    return "^" + glob_regex(match.pattern) + "$" if named else ""


def guarded(job: Job) -> bool:
    """Whether the job's first step asks if it is allowed: its approval must be set up, its deployment in order."""
    return job.approval is not None or (job.environment is not None and job.environment.deployment)


def _output(match: Match, taken: tuple[str, ...]) -> str:
    kind, _, name = match.field.partition(":")
    words = {"changed": name, "message": name, "input": f"{name}_{match.pattern}"}.get(kind, match.pattern)
    return free(f"{kind}_{words}", taken)


def free(text: str, taken: tuple[str, ...]) -> str:
    """The text as the name of an output, with a number where it is taken."""
    slug = re.sub(r"[^A-Za-z0-9]+", "_", text)[:60].strip("_")
    slug = slug if "_" in slug else f"{slug}_any"
    name, count = slug, 2
    while name.lower() in map(str.lower, taken):
        name, count = f"{slug}_{count}", count + 1
    return name


def residual(job: Job, kind: str, pipeline: Pipeline) -> Expr:
    """What the job's `if` has to ask on events of this kind: nothing that the workflow's own `on` has settled."""
    expr, fired = job.condition.on(kind), pipeline.trigger(kind)
    if expr is False or not satisfiable(all_of([fired, expr])):
        return False
    return True if implies(fired, expr) else expr


def condition(job: Job, pipeline: Pipeline, plan: dict[Match, str]) -> str:
    """The job's condition on events and refs; empty where it always holds. `plan`: outputs of the plan job."""
    kinds = [kind for kind in KINDS if pipeline.triggers.on(kind)]
    joined = clauses({kind: residual(job, kind, pipeline) for kind in kinds}, pipeline, plan)
    where = home(job, pipeline)
    if where and joined:
        return f"{where} && {_wrapped(joined)}"
    return where or joined


def clauses(asked: dict[str, Expr], pipeline: Pipeline, plan: dict[Match, str]) -> str:
    """A test that holds where the expression for the event's kind does; no other kinds than these can be."""
    kinds = list(asked)
    found: dict[str, list[str]] = {}
    for kind, expr in asked.items():
        if expr is not False:
            found.setdefault(_print(expr, kind, pipeline, plan), []).append(kind)
    parts = []
    for text, members in found.items():
        if text and members in (["schedule"], ["api"]) and _names(members[0], asked[members[0]]):
            parts.append(text)  # what the expression asks for is there on these events only
            continue
        test = _kinds(members, kinds, "github.ref == 'refs/heads/" in text and "||" not in text)
        parts.append(" && ".join(p for p in (_wrapped(test), text) if p) if text else test)
    return " || ".join(f"({p})" if len(parts) > 1 and " && " in p else p for p in parts)


def home(job: Job, pipeline: Pipeline) -> str:
    """Deployments belong to the repository that the spec names, not to copies of it."""
    if not pipeline.repository or not job.deploys:
        return ""
    return f"github.repository == {literal('/'.join(pipeline.repository.rstrip('/').split('/')[-2:]))}"


def _names(field: str, expr: Expr) -> bool:
    """Whether the expression asks for a schedule (or an api event) by name wherever it holds."""
    if isinstance(expr, All):
        return any(_names(field, item) for item in expr.items)
    if isinstance(expr, Any):
        return all(_names(field, item) for item in expr.items)
    return isinstance(expr, Match) and expr.field == field


def _kinds(members: list[str], kinds: list[str], on_branch: bool) -> str:
    """The test for these kinds among those that can start the workflow."""
    if len(members) == len(kinds):
        return ""
    others = [kind for kind in kinds if kind not in members]
    shared = "manual" in kinds and "api" in kinds  # both are workflow_dispatch
    if len(others) == 1 and others[0] in EVENTS and not (others[0] == "push" and "tag" in kinds):
        if shared and others[0] == "api":
            return f"inputs.{API_INPUT} == ''"  # so it is on every other event
        if not shared or others[0] != "manual":
            return f"github.event_name != {literal(EVENTS[others[0]])}"
    tests = []
    for kind in members:
        if kind == "tag":
            if "push" not in members:
                tests.append("github.event_name == 'push' && github.ref_type == 'tag'")
        elif kind == "push" and "tag" in kinds and "tag" not in members and not on_branch:
            tests.append("github.event_name == 'push' && github.ref_type == 'branch'")
        elif kind == "api" and shared:
            if "manual" not in members:
                tests.append(f"inputs.{API_INPUT} != ''")
        elif kind == "manual" and shared and "api" not in members:
            tests.append(f"github.event_name == 'workflow_dispatch' && inputs.{API_INPUT} == ''")
        else:
            tests.append(f"github.event_name == {literal(EVENTS[kind])}")
    return " || ".join(f"({t})" if len(tests) > 1 and " && " in t else t for t in tests)


def _wrapped(text: str) -> str:
    return f"({text})" if " || " in text else text


def _print(expr: Expr, kind: str, pipeline: Pipeline, plan: dict[Match, str]) -> str:
    if isinstance(expr, bool):
        return ""
    if isinstance(expr, Match):
        return _match(expr, kind, pipeline, plan)
    if isinstance(expr, Not):
        if expr.item == Match("fork", "true"):
            return NOT_FORK
        text = _print(expr.item, kind, pipeline, plan)
        return text.replace(" == ", " != ") if text.count(" == ") == 1 and " && " not in text else f"!({text})"
    parts = [_print(item, kind, pipeline, plan) for item in expr.items]
    if isinstance(expr, All):
        return " && ".join(_wrapped(part) for part in parts)
    return "(" + " || ".join(f"({p})" if " && " in p else p for p in parts) + ")"


def _match(match: Match, kind: str, pipeline: Pipeline, plan: dict[Match, str]) -> str:
    if match in plan:
        return f"needs.plan.outputs.{plan[match]} == 'true'"
    field, _, name = match.field.partition(":")
    if field == "schedule":
        cron = next(s.cron for s in pipeline.triggers.schedules if s.name == match.pattern)
        return f"github.event.schedule == {literal(cron)}"
    if field == "api":
        return f"inputs.{API_INPUT} == {literal(match.pattern)}"
    if field == "input":
        return f"inputs.{name} == {_typed(match.pattern, entry_of(name, pipeline))}"
    if field == "value":
        return value_test(match, pipeline)
    if kind == "pull_request":
        return f"github.base_ref == {literal(match.pattern)}"
    return f"github.ref == {literal('refs/heads/' + match.pattern)}"


def _typed(text: str, entry: Input) -> str:
    """The value of an input as the context `inputs` holds it: booleans are none of text."""
    number = entry.type in ("integer", "number") and re.fullmatch(r"-?[0-9]+(\.[0-9]+)?", text)
    return text if number or (entry.type == "boolean" and text in ("true", "false")) else literal(text)


def value_test(match: Match, pipeline: Pipeline) -> str:
    """The test of a value that a job exported: its output, or, where case counts, what that job says of it."""
    job, _, export = match.field.removeprefix("value:").rpartition(".")
    outputs = f"needs.{pipeline.job(job).key}.outputs"
    if not cased(match.pattern):
        return f"{outputs}.{export} == {literal(match.pattern)}"
    return f"{outputs}.{exported(pipeline)[match]} == 'true'"


def exported(pipeline: Pipeline) -> dict[Match, str]:
    """Every exported value that some condition asks for, and the output that its job has for it.

    The output is the value itself, or, where case counts, whether it is that value: `==` could not tell.
    """
    found: dict[Match, str] = {}
    for job in pipeline.jobs:
        for kind in KINDS:
            for match in matches(job.condition.on(kind)):
                if match.field.startswith("value:") and match not in found:
                    found[match] = _value_output(match, pipeline, found)
    return found


def _value_output(match: Match, pipeline: Pipeline, found: dict[Match, str]) -> str:
    maker, _, export = match.field.removeprefix("value:").rpartition(".")
    if not cased(match.pattern):
        return export
    own = [e.name for e in pipeline.job(maker).exports]
    others = [name for other, name in found.items() if other.field.startswith(f"value:{maker}.")]
    return free(f"{export}_is_{match.pattern}", (*own, *others))


def literal(text: str) -> str:
    """A string of the expression language."""
    return "'" + text.replace("'", "''") + "'"


def allowed_refs(job: Job, pipeline: Pipeline) -> tuple[str, ...]:
    """The refs that a deploying job may run on, with exact case, as the guard's patterns: never fewer than those of its
    condition, which says the rest. Empty where it leaves refs open."""
    refs: list[str] = []
    for kind in ("push", "manual", "api", "schedule", "tag"):
        expr = residual(job, kind, pipeline)
        if expr is False:
            continue
        if kind == "schedule":  # they run on the default branch only
            refs.append(f"refs/heads/{pipeline.default_branch}")
            continue
        found = _positive(job.condition.on(kind))
        if found is None and kind in ("manual", "api"):  # also on a tag
            return ()
        prefix = "refs/tags/" if kind == "tag" else "refs/heads/"
        refs += [prefix + _for_guard(pattern) for pattern in found or ("*",)]
    return tuple(dict.fromkeys(refs))


def _positive(expr: Expr) -> tuple[str, ...] | None:
    """Patterns of which the ref must match one wherever the expression holds; None if it holds for any other too."""
    if isinstance(expr, Match):
        return (expr.pattern,) if expr.field in ("branch", "tag") else None
    if not isinstance(expr, (All, Any)):
        return None
    found = [_positive(item) for item in expr.items]
    if isinstance(expr, All):
        return min((f for f in found if f is not None), key=lambda f: not all(map(is_literal, f)), default=None)
    return None if None in found else tuple(pattern for f in found if f is not None for pattern in f)


def _for_guard(pattern: str) -> str:
    """The pattern for the guard, whose `*` matches `/` too and which knows `!` only as what negates a set."""
    return pattern.replace("**/", "*").replace("**", "*").replace("[^", "[!")
