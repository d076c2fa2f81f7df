"""Conditions in GitHub's expression language: what stands in a job's `if`.

`==` ignores case and there are no patterns (https://docs.github.com/en/actions/reference/workflows-and-actions/expressions),
so that every pattern, and every literal that is not a plain branch, is matched by the `plan` job in bash and read from
its outputs. A literal branch is compared with `==`; deploying jobs check its case again before they do anything.
"""

from typing import NamedTuple

from mlgen.ir import All, Any, Expr, Job, Match, Not, Pipeline, glob_regex, implies, is_literal, matches
from mlgen.ir.expressions import all_of, satisfiable

EVENTS = {"push": "push", "pull_request": "pull_request", "schedule": "schedule", "manual": "workflow_dispatch"}

# https://docs.github.com/en/code-security/dependabot/working-with-dependabot/dependabot-on-actions
# Runs of a dependency bot are given no secrets, like those of forks.
NOT_FORK = (
    "github.event.pull_request.head.repo.full_name == github.repository"
    " && github.event.pull_request.user.login != 'dependabot[bot]'"
)


class Planned(NamedTuple):
    """A pattern that the plan job matches: its output's name, which value it looks at, and a bash regex."""

    output: str
    field: str
    regex: str
    match: Match


def planned(pipeline: Pipeline) -> tuple[Planned, ...]:
    """Every pattern that some job's condition needs from the plan job, each once."""
    found: dict[Match, str] = {}
    for job in pipeline.jobs:
        for kind in EVENTS | {"tag": ""}:
            for match in matches(residual(job, kind, pipeline)):
                if match.field in ("branch", "tag") and not _comparable(match, job):
                    found.setdefault(match, _output(match, tuple(found.values())))
    return tuple(Planned(name, m.field, "^" + glob_regex(m.pattern) + "$", m) for m, name in found.items())


def _comparable(match: Match, job: Job) -> bool:
    """Whether `==` will do: a literal branch, of a job that does not deploy or whose guard looks at the case again."""
    return match.field == "branch" and is_literal(match.pattern) and (guarded(job) or not job.deploys)


def guarded(job: Job) -> bool:
    """Whether the job's first step asks if its deployment is allowed."""
    return job.environment is not None and job.environment.deployment


def _output(match: Match, taken: tuple[str, ...]) -> str:
    slug = "".join(c if c.isascii() and c.isalnum() else "_" for c in match.pattern).strip("_") or "any"
    name, count = f"{match.field}_{slug}", 2
    while name in taken:
        name, count = f"{match.field}_{slug}_{count}", count + 1
    return name


def residual(job: Job, kind: str, pipeline: Pipeline) -> Expr:
    """What the job's `if` has to ask on events of this kind: nothing that the workflow's own `on` has settled."""
    expr, fired = job.condition.on(kind), pipeline.trigger(kind)
    if expr is False or not satisfiable(all_of([fired, expr])):
        return False
    return True if implies(fired, expr) else expr


def condition(job: Job, pipeline: Pipeline, plan: dict[Match, str]) -> str:
    """The job's condition on events and refs; empty where it always holds. `plan`: outputs of the plan job."""
    kinds = [kind for kind in EVENTS | {"tag": ""} if pipeline.triggers.on(kind)]
    clauses: dict[str, list[str]] = {}
    for kind in kinds:
        expr = residual(job, kind, pipeline)
        if expr is not False:
            clauses.setdefault(_print(expr, kind, pipeline, plan), []).append(kind)
    parts = []
    for text, members in clauses.items():
        if members == ["schedule"] and text:  # the expression is there on schedules only
            parts.append(text)
            continue
        test = _kinds(members, kinds, "github.ref == 'refs/heads/" in text and "||" not in text)
        parts.append(" && ".join(p for p in (_wrapped(test), text) if p) if text else test)
    joined = " || ".join(f"({p})" if len(parts) > 1 and " && " in p else p for p in parts)
    where = _home(job, pipeline)
    if where and joined:
        return f"{where} && {_wrapped(joined)}"
    return where or joined


def _home(job: Job, pipeline: Pipeline) -> str:
    """Deployments belong to the repository that the spec names, not to copies of it."""
    if not pipeline.repository or not job.deploys:
        return ""
    return f"github.repository == {literal('/'.join(pipeline.repository.rstrip('/').split('/')[-2:]))}"


def _kinds(members: list[str], kinds: list[str], on_branch: bool) -> str:
    """The test for these kinds among those that can start the workflow."""
    if len(members) == len(kinds):
        return ""
    others = [kind for kind in kinds if kind not in members]
    if len(others) == 1 and others[0] in EVENTS and not (others[0] == "push" and "tag" in kinds):
        return f"github.event_name != {literal(EVENTS[others[0]])}"
    tests = []
    for kind in members:
        if kind == "tag":
            if "push" not in members:
                tests.append("github.event_name == 'push' && github.ref_type == 'tag'")
        elif kind == "push" and "tag" in kinds and "tag" not in members and not on_branch:
            tests.append("github.event_name == 'push' && github.ref_type == 'branch'")
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
    if match.field == "schedule":
        cron = next(s.cron for s in pipeline.triggers.schedules if s.name == match.pattern)
        return f"github.event.schedule == {literal(cron)}"
    if kind == "pull_request":
        return f"github.base_ref == {literal(match.pattern)}"
    return f"github.ref == {literal('refs/heads/' + match.pattern)}"


def literal(text: str) -> str:
    """A string of the expression language."""
    return "'" + text.replace("'", "''") + "'"


def allowed_refs(job: Job, pipeline: Pipeline) -> tuple[str, ...]:
    """The refs that a deploying job may run on, with exact case, as the guard's patterns: never fewer than those of its
    condition, which says the rest. Empty where it leaves refs open."""
    refs: list[str] = []
    for kind in ("push", "manual", "schedule", "tag"):
        expr = residual(job, kind, pipeline)
        if expr is False:
            continue
        if kind == "schedule":  # they run on the default branch only
            refs.append(f"refs/heads/{pipeline.default_branch}")
            continue
        found = _positive(job.condition.on(kind))
        if found is None and kind == "manual":  # also on a tag
            return ()
        prefix = "refs/tags/" if kind == "tag" else "refs/heads/"
        refs += [prefix + _for_guard(pattern) for pattern in found or ("*",)]
    return tuple(dict.fromkeys(refs))


def _positive(expr: Expr) -> "tuple[str, ...] | None":
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
