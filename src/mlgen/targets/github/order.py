"""`needs` and `if` of each job: what it waits for, and how these must have ended."""

from __future__ import annotations

from mlgen.ir import All, Expr, Job, Match, Pipeline, all_of, implies
from mlgen.ir.order import ancestors, left_to_results
from mlgen.ir.outcomes import exporters
from mlgen.targets.github.conditions import KINDS, clauses, condition, exported, home, residual, value_test

_PASSED, _WHERE_PERMITTED = "== 'success'", "!= 'skipped'"


def order(job: Job, pipeline: Pipeline, plan: dict[Match, str]) -> tuple[list[str], str]:
    """`needs` and `if`; `plan` holds the outputs of the plan job."""
    if job.watches:
        return _watching(job, pipeline, plan)
    needs, test = _waiting(job, pipeline, condition(job, pipeline, plan))
    needs += [key for key in _exporters(job, pipeline) if key not in needs]
    if "needs.plan." in test or ("cancelled()" in test and _planned_among(needs, pipeline, plan)):
        needs = ["plan", *needs]  # also where its failure would leave out a job that this one waits for
    return needs, test


def _waiting(job: Job, pipeline: Pipeline, events: str) -> tuple[list[str], str]:
    """`needs` and `if` of a job that runs when what it waits for has succeeded.

    Without a status function, `if` asks for the success of all ancestors, which is what is meant when all of them run
    on every event on which the job does. Otherwise each result is asked for, of every ancestor: one that is stopped by
    a failure is `skipped` like one that does not run (https://github.com/actions/runner/issues/2205), and one that
    timed out is `cancelled`.
    """
    strong = _strong(job, pipeline)
    all_before = set(ancestors(pipeline, job))
    if all_before == strong:
        return [pipeline.job(edge.job).key for edge in job.waits], events
    asked = [
        pipeline.job(e.job) for e in job.edges if e.hard or (e.always and not e.implied and _weak(e.job, pipeline))
    ]
    listed = {edge.job for edge in job.edges} | strong | _watched(job, pipeline)
    needs = [other.key for other in pipeline.jobs if other.id in listed]
    tests = ["!cancelled()", "!contains(needs.*.result, 'failure')", "!contains(needs.*.result, 'cancelled')"]
    tests += [f"needs.{other.key}.result {_WHERE_PERMITTED if other.allow_failure else _PASSED}" for other in asked]
    if events:
        tests.append(f"({events})" if " || " in events else events)
    return needs, " && ".join(tests)


def _weak(name: str, pipeline: Pipeline) -> bool:
    """Whether the job may be skipped for a failure of one that does not run on every event on which it does."""
    job = pipeline.job(name)
    return not job.watches and set(ancestors(pipeline, job)) != _strong(job, pipeline)


def _strong(job: Job, pipeline: Pipeline) -> set[str]:
    """The ancestors that run whenever the job does, and whose failure stops it."""
    found: set[str] = set()
    todo = [edge for edge in job.edges if edge.always]
    while todo:
        edge = todo.pop()
        if edge.job not in found:
            found.add(edge.job)
            other = pipeline.job(edge.job)
            if not other.allow_failure and not other.watches:
                todo += [e for e in other.edges if e.always]
    return found


def _watched(job: Job, pipeline: Pipeline) -> set[str]:
    """What stands behind barriers on jobs that need not run: if it fails they are skipped, as if they were not for
    this event. It is watched on every event, which may stop more than is meant, and never less. A job that itself
    watches is not stopped by a failure."""
    found: set[str] = set()
    todo = [edge.job for edge in job.edges if not edge.always]
    while todo:
        other = pipeline.job(todo.pop())
        if not other.allow_failure and not other.watches:
            more = {edge.job for edge in other.edges} - found
            found |= more
            todo += more
    return found


def _planned_among(needs: list[str], pipeline: Pipeline, plan: dict[Match, str]) -> bool:
    """Whether one of these jobs waits for the plan job."""
    jobs = [job for job in pipeline.jobs if job.key in needs]
    return bool(plan) and any("needs.plan." in condition(job, pipeline, plan) for job in jobs)


def _exporters(job: Job, pipeline: Pipeline) -> list[str]:
    """The jobs whose outputs the job's own lines read: `needs` holds those of direct ones only."""
    asked = set(exporters(job.condition))
    if "${" in job.image:  # an image that another job has built
        asked |= {edge.job for edge in job.edges if edge.exports}
    return [other.key for other in pipeline.jobs if other.id in asked]


# ---- jobs that start once all that they wait for has ended


def _watching(job: Job, pipeline: Pipeline, plan: dict[Match, str]) -> tuple[list[str], str]:
    """`needs` and `if` of a milestone or a job with `result`."""
    tests = [{"success": "!cancelled()", "failure": "!cancelled()"}.get(job.result, "always()")]
    if job.result:
        ended = failed(job, pipeline, plan)
        if job.result == "failure":
            tests.append(_wrapped(ended))
        elif job.result == "success":
            tests.append(f"!({ended})")
    events = condition(job, pipeline, plan)
    tests += [_wrapped(events)] if events else []
    others = _looked_at(job, pipeline)
    listed = {other.id for other in others}
    needs = [other.key for other in pipeline.jobs if other.id in listed]
    needs += [key for other in (*others, job) for key in _exporters(other, pipeline) if key not in needs]
    asked = [events, *(_runs(job, other, pipeline, plan) for other in others)]
    if any("needs.plan." in text for text in asked):
        needs = ["plan", *needs]
    return list(dict.fromkeys(needs)), " && ".join(tests)


def _looked_at(job: Job, pipeline: Pipeline) -> list[Job]:
    """What the job waits for; behind what may be skipped for want of a job with `result`, what that waits for too."""
    told = left_to_results(pipeline.jobs)
    found: dict[str, Job] = {}
    todo = [edge.job for edge in job.edges]
    while todo:
        other = pipeline.job(todo.pop(0))
        if other.id not in found:
            found[other.id] = other
            todo += [edge.job for edge in other.edges] if other.id in told and not other.result else []
    return list(found.values())


def failed(job: Job, pipeline: Pipeline, plan: dict[Match, str]) -> str:
    """Whether anything that the watching job waits for has failed, timed out, or been stopped by a failure.

    What is stopped is `skipped`, like what is not for this event: so its own condition is asked again. A job with
    `result` is never stopped: where it is skipped, what it looks at has not ended as it wants. One that needs such a
    job may be skipped as well: whether it was stopped, what it waits for tells.
    """
    groups: dict[str, list[str]] = {}
    looking: list[str] = []
    told = left_to_results(pipeline.jobs)
    for other in (pipeline.job(edge.job) for edge in job.edges):
        if other.result or other.id in told:
            looking += [f"needs.{other.key}.result == '{end}'" for end in ("failure", "cancelled")]
            stopped = _stopped(job, other, pipeline, plan) if not other.result else ""
            looking += [f"({stopped})"] if stopped else []
            continue
        groups.setdefault(_runs(job, other, pipeline, plan), []).append(f"needs.{other.key}.result != 'success'")
    parts = ["needs.plan.result != 'success'"] if any("needs.plan." in text for text in groups) else []
    for runs, tests in groups.items():
        if not runs:
            parts += tests
        elif runs != "false":
            parts.append(f"({_wrapped(runs)} && {_wrapped(' || '.join(tests))})")
    return " || ".join([*parts, *looking]) or "false"


def _stopped(job: Job, other: Job, pipeline: Pipeline, plan: dict[Match, str]) -> str:
    """Whether the other, which may also be skipped for want of a job with `result`, was stopped; empty if never."""
    runs = _runs(job, other, pipeline, plan)
    asked = [f"needs.{other.key}.result == 'skipped'", *([_wrapped(runs)] if runs else [])]
    return "" if runs == "false" else " && ".join([*asked, _wrapped(failed(other, pipeline, plan))])


def results(job: Job, pipeline: Pipeline, plan: dict[Match, str]) -> list[tuple[str, str]]:
    """The variables that tell a watching job how each of those that it waits for has ended."""
    found = []
    told = left_to_results(pipeline.jobs) if job.result else frozenset()
    for edge in job.edges if job.result else ():
        other = pipeline.job(edge.job)
        runs = _runs(job, other, pipeline, plan)
        missed = f"needs.{other.key}.result != 'success'"
        ended = f"{missed} && 'failure' || 'success'"
        if other.result:
            ended = f"needs.{other.key}.result == 'cancelled' && 'failure' || needs.{other.key}.result"
        elif other.id in told:
            ends = [f"needs.{other.key}.result == 'cancelled'", _stopped(job, other, pipeline, plan)]
            bad = " || ".join(filter(None, ends))
            ended = f"{_wrapped(bad)} && 'failure' || needs.{other.key}.result"
        elif runs == "false":
            ended = "'skipped'"
        elif runs:
            ended = f"{_wrapped(runs)} && {missed} && 'failure' || needs.{other.key}.result"
        name = other.key.upper().replace("-", "_")
        found.append((f"MLGEN_RESULT_{name}", "skipped" if ended == "'skipped'" else f"${{{{ {ended} }}}}"))
    return found


def _runs(job: Job, other: Job, pipeline: Pipeline, plan: dict[Match, str]) -> str:
    """What must hold besides the condition of this job, so that the other runs too; empty if it always does.

    A value that its job did not come to export decides nothing: the other was stopped by that failure.
    """
    kinds = [kind for kind in KINDS if residual(job, kind, pipeline) is not False]
    asked = {kind: _beyond(residual(other, kind, pipeline), job.condition.on(kind)) for kind in kinds}
    text = "" if all(expr is True for expr in asked.values()) else clauses(asked, pipeline, plan) or "false"
    for match in exported(pipeline):
        key = pipeline.job(match.field.removeprefix("value:").rpartition(".")[0]).key
        test = value_test(match, pipeline)
        for told in (test, test.replace(" == ", " != ")):
            text = text.replace(told, f"(needs.{key}.result != 'success' || {told})")
    where = home(other, pipeline) if not home(job, pipeline) else ""
    return f"{where} && {_wrapped(text)}" if where and text else where or text


def _beyond(expr: Expr, known: Expr) -> Expr:
    """What is left of the expression where `known` holds."""
    if implies(known, expr):
        return True
    return all_of(item for item in expr.items if not implies(known, item)) if isinstance(expr, All) else expr


def _wrapped(text: str) -> str:
    return f"({text})" if " || " in text else text
