"""When a pipeline is made, and which jobs it has: `workflow:rules` and the `rules` of each job.

What no rule can tell (a value that another job exports, and a few forms of the rest) is decided inside the job; the
rules then let the job into every pipeline in which it may have to run.
"""

from __future__ import annotations

from collections.abc import Iterable
from functools import lru_cache

from mlgen import targets
from mlgen.ir import (
    KINDS,
    All,
    Any,
    Change,
    Condition,
    Expr,
    Job,
    Match,
    Pipeline,
    Triggers,
    fields,
    implies,
)
from mlgen.ir.expressions import all_of, any_of, lenient, satisfiable
from mlgen.named import NamedTuple
from mlgen.targets import decide
from mlgen.targets.contract import BY_HAND
from mlgen.targets.gitlab import changes
from mlgen.targets.gitlab.expressions import API_EVENT, MAX_TOKENS, alike, both, clauses, sayable, tokens

__all__ = ["MAX_TOKENS", "Rule", "rules", "tokens", "workflow"]

_SOURCES = {
    "push": ("push",),
    "tag": ("push",),
    "pull_request": ("merge_request_event",),
    "schedule": ("schedule",),
    "manual": ("web", "api", "trigger"),
    "api": ("web", "api", "trigger", "pipeline"),
}
"""What CI_PIPELINE_SOURCE says of each kind: https://docs.gitlab.com/ci/jobs/job_rules/#ci_pipeline_source-predefined-variable

What a person, the API or another pipeline starts is one entry, in which the input `mlgen_event` tells api events.
"""

# What tells two kinds with one source from each other.
_TELLS = {
    "push": "$CI_COMMIT_BRANCH",
    "tag": "$CI_COMMIT_TAG",
    "manual": f'${API_EVENT} == ""',
    "api": f'${API_EVENT} != ""',
}
_PARTNERS = {"push": "tag", "tag": "push", "manual": "api", "api": "manual"}

# A branch or tag whose name holds a variable would be expanded when the variables of a job are, to the value of a
# secret for instance: https://gitlab.com/gitlab-org/gitlab/-/issues/273826
EXPANDABLE = r"$CI_COMMIT_REF_NAME =~ /\$|%\w+%/"


class Rule(NamedTuple):
    """One entry of `rules`; an empty `condition` holds always. `changes` are globs; `against` is a branch, or empty."""

    condition: str
    never: bool = False
    kinds: tuple[str, ...] = ()
    changes: tuple[str, ...] = ()
    against: str = ""


class _Facts(NamedTuple):
    """What the rules of any job depend on, of the pipeline."""

    triggers: Triggers
    changes: tuple[Change, ...]
    root: str
    """Not empty: the run is one of several projects, each of which says for itself on which events its jobs run."""
    name: str

    @property
    def starters(self) -> list[str]:
        """The kinds of events that start pipelines."""
        return [kind for kind in _SOURCES if self.root or self.triggers.on(kind)]

    def trigger(self, kind: str) -> Expr:
        """The triggers' own filter on events of this kind."""
        return self.triggers.condition.on(kind)


class _Asks(NamedTuple):
    """What they depend on of the job: most jobs share it with others, so that it is worked out once."""

    condition: Condition
    deploys: bool


def sources(kind: str, pipeline: Pipeline | _Facts) -> tuple[str, ...]:
    """What CI_PIPELINE_SOURCE may say on events of this kind."""
    return _SOURCES["api" if kind == "manual" and pipeline.triggers.on("api") else kind]


def workflow(pipeline: Pipeline) -> tuple[Rule, ...]:
    """Which pipelines are made at all: the triggers' own filters."""
    found = [Rule(EXPANDABLE, never=True)]
    for kind in ("push", "tag", "pull_request", "schedule", "manual", "api"):
        expr = pipeline.trigger(kind)
        if expr is False:
            continue
        if kind in ("schedule", "api"):
            expr = all_of([expr, any_of(Match(kind, name) for name in _names(kind, pipeline))])
        alone = kind == "manual" and not pipeline.triggers.on("api")
        start = _source([kind], pipeline), "" if alone else _tell(kind, expr, "")
        found += [Rule(both(*start, text), kinds=(kind,)) for text in clauses(expr, kind)]
    return tuple(found)


def _names(kind: str, pipeline: Pipeline) -> list[str]:
    """The schedules or api events that the spec knows."""
    known = pipeline.triggers
    return [s.name for s in known.schedules] if kind == "schedule" else [name for name, _ in known.api]


def _key(job: Job, pipeline: Pipeline) -> tuple[_Asks, _Facts]:
    return _Asks(job.condition, job.deploys), _Facts(pipeline.triggers, pipeline.changes, pipeline.root, pipeline.name)


def rules(job: Job, pipeline: Pipeline) -> tuple[Rule, ...]:
    """When the job is part of a pipeline that `workflow` lets start; empty where it always is."""
    never = [Rule(elsewhere(pipeline), never=True)] if bound_home(job, pipeline) and elsewhere(pipeline) else []
    found = _rules(*_key(job, pipeline))
    if len(found) == 1 and not found[0].condition:
        return (*never, found[0]) if never or job.approval or job.watches else ()
    return (*never, *found)


@lru_cache(maxsize=256)
def _rules(job: _Asks, pipeline: _Facts) -> tuple[Rule, ...]:
    kinds = [kind for kind in _SOURCES if pipeline.triggers.on(kind)]
    # Kinds whose rules must keep their order, as a `never` stands among them, are not mixed with others.
    lists: dict[tuple[_Clause, ...], list[str]] = {}
    loose: dict[_Clause, list[str]] = {}
    for kind in kinds:
        said = tuple(_clauses(job, kind, kinds, pipeline))
        if any(clause.never for clause in said):
            lists.setdefault(said, []).append(kind)
        else:
            for clause in said:
                loose.setdefault(clause, []).append(kind)
    found = [_rule(clause, members, pipeline) for clause, members in loose.items()]
    found += [_rule(clause, members, pipeline) for said, members in lists.items() for clause in said]
    return tuple(found)


class _Clause(NamedTuple):
    """A rule without the test of the source."""

    text: str
    never: bool
    changes: tuple[str, ...]
    against: str


def _clauses(job: _Asks, kind: str, kinds: list[str], pipeline: _Facts) -> Iterable[_Clause]:
    expr = _residual(job, kind, pipeline)
    told = kind in _TELLS and (bool(pipeline.root) or not _indifferent(kind, kinds, job, pipeline))
    for decision in changes.decisions(expr) or ():
        tell = _tell(kind, decision.expr, pipeline.name if pipeline.root else "") if told else ""
        for globs, against in _changes(decision.change, pipeline):
            for text in clauses(decision.expr, kind):
                yield _Clause(both(tell, text), decision.never, globs, against)


def _changes(name: str, pipeline: _Facts) -> Iterable[tuple[tuple[str, ...], str]]:
    """The paths of a change, in as many rules as they take."""
    if not name:
        return [((), "")]
    change = next(change for change in pipeline.changes if change.name == name)
    globs = changes.globs(change, pipeline.root)
    parts = [globs[n : n + changes.MAX_PATTERNS] for n in range(0, len(globs), changes.MAX_PATTERNS)]
    return [(tuple(part), change.against) for part in parts]


def _rule(clause: _Clause, members: list[str], pipeline: _Facts) -> Rule:
    among = _among(members, pipeline.starters, pipeline) or (_source(members, pipeline) if clause.changes else "")
    condition = both(among, clause.text)
    return Rule(condition, clause.never, tuple(members), clause.changes, clause.against)


def _residual(job: _Asks, kind: str, pipeline: _Facts) -> Expr:
    """What the rules of the job itself have to ask on events of this kind: nothing that `workflow` has settled.

    A deployment asks for its branches and tags all the same, where its reader looks for them.
    """
    expr, fired = outside(job, kind, pipeline), pipeline.trigger(kind)
    if expr is False or not satisfiable(all_of([fired, expr])):
        return False
    return True if not job.deploys and implies(fired, expr) else expr


def outside(job: Job | _Asks, kind: str, pipeline: Pipeline | _Facts) -> Expr:
    """What rules can tell of the job's condition: the condition itself, where nothing is decided inside the job."""
    expr = job.condition.on(kind)
    unknown = [field for field in fields(expr) if ":" in field and not _told(field, pipeline)]
    expr = lenient(expr, unknown.__contains__) if unknown else expr
    return expr if changes.decisions(expr) is not None else changes.one_asked(expr)


def inside(job: Job, pipeline: Pipeline) -> tuple[str, ...]:
    """The kinds of fields (`changed`, `message`, `value`) that have to be looked at inside the job."""
    return _inside(*_key(job, pipeline))


@lru_cache(maxsize=256)
def _inside(job: _Asks, pipeline: _Facts) -> tuple[str, ...]:
    found = set()
    for kind in KINDS:
        expr = job.condition.on(kind)
        for field in fields(expr) if pipeline.triggers.on(kind) else ():
            if ":" in field and not _told(field, pipeline):
                found.add(field.partition(":")[0])
        if pipeline.triggers.on(kind) and changes.decisions(expr) is None:
            found.add("changed")
    return tuple(sorted(found))


def decision(job: Job, pipeline: Pipeline) -> str:
    """What `ci.py when` is asked inside the job; empty where the rules tell all."""
    prefixes = inside(job, pipeline)
    return decide.inside(job, pipeline, prefixes) if prefixes else ""


def uncertain(job: Job, pipeline: Pipeline) -> bool:
    """Whether the job may end green without having run, by a result: its own, or one that a job it needs asks for."""
    if not any(other.result for other in pipeline.jobs):
        return False
    return bool(job.result) or any(edge.hard and uncertain(pipeline.job(edge.job), pipeline) for edge in job.edges)


def leaves_mark(job: Job, pipeline: Pipeline) -> bool:
    """Whether the job must tell others that it has run."""
    if not uncertain(job, pipeline):
        return False
    return any(edge.hard and edge.job == job.id for other in pipeline.jobs for edge in other.edges)


def _told(field: str, pipeline: Pipeline | _Facts) -> bool:
    """Whether a rule can ask for the field."""
    what, _, name = field.partition(":")
    if what == "changed":
        return changes.sayable(next(change for change in pipeline.changes if change.name == name))
    return what == "input" or (what == "message" and sayable(name))


def reports_always(pipeline: Pipeline) -> bool:
    """Whether every merge request that starts a pipeline is sure of a job, and with it of a result."""
    kind, fired = "pull_request", pipeline.trigger("pull_request")
    exprs = [outside(job, kind, pipeline) for job in pipeline.jobs]
    asked = {field.partition(":")[0] for expr in exprs for field in fields(expr)}
    return not asked & {"changed", "message"} or implies(fired, any_of(exprs))


def has_header(pipeline: Pipeline) -> bool:
    """Whether the file begins with inputs, so that GitLab replaces in it what begins like a reference to one."""
    asked = pipeline.triggers
    return bool(asked.inputs) or asked.on("api") or (bool(pipeline.root) and asked.on("manual"))


def bound_home(job: Job, pipeline: Pipeline) -> bool:
    """Whether the job deploys, or is a hard dependent of one that does."""
    return job.deploys or any(edge.hard and bound_home(pipeline.job(edge.job), pipeline) for edge in job.edges)


def elsewhere(pipeline: Pipeline) -> str:
    """The condition that this is a copy of the project's repository; empty where that cannot be told.

    A repository that lives on another system is only mirrored here, under any path.
    """
    return _elsewhere(pipeline.repository)


@lru_cache(maxsize=8)
def _elsewhere(repository: str) -> str:
    host, _, path = repository.removeprefix("https://").strip("/").removesuffix(".git").partition("/")
    known = set(targets.names()) - {"gitlab"}
    return "" if not path or known & set(host.split(".")) else f'$CI_PROJECT_PATH != "{path}"'


def _source(kinds: Iterable[str], pipeline: Pipeline | _Facts, negated: bool = False) -> str:
    """The test of CI_PIPELINE_SOURCE for some kinds."""
    names = tuple(dict.fromkeys(name for kind in kinds for name in sources(kind, pipeline)))
    if len(names) == 1:
        return f'$CI_PIPELINE_SOURCE {"!=" if negated else "=="} "{names[0]}"'
    return f"$CI_PIPELINE_SOURCE {'!~' if negated else '=~'} /^({'|'.join(names)})$/"


def _among(members: list[str], kinds: list[str], pipeline: _Facts) -> str:
    """The test for these kinds among those that start pipelines."""
    others = [kind for kind in kinds if kind not in members]
    own = {name for kind in members for name in sources(kind, pipeline)}
    if not {name for kind in others for name in sources(kind, pipeline)} - own:
        return ""
    alone = len(others) == 1 and others[0] not in ("push", "tag") and _PARTNERS.get(others[0]) not in kinds
    if alone and len(members) > 1:
        return _source(others, pipeline, negated=True)
    return _source(members, pipeline)


def _indifferent(kind: str, kinds: Iterable[str], job: _Asks, pipeline: _Facts) -> bool:
    """Whether the kind need not be told from the one with the same source: that starts none, or both ask the same."""
    pair = [other for other in (kind, _PARTNERS[kind]) if other in kinds]
    return len({_residual(job, other, pipeline) for other in pair}) < 2


def _tell(kind: str, expr: Expr, project: str) -> str:
    """The test that tells the kind from that with the same source, unless the expression itself asks for its names.

    Where the run is one of several projects, `project` is the name of this one.
    """
    if kind == "manual" and project:
        return f'${API_EVENT} == "" || ${API_EVENT} == "{project}/{BY_HAND}"'
    asked = expr.items if isinstance(expr, All) else (expr,)
    named = {"push": "branch", "tag": "tag", "api": "api"}.get(kind, "")
    found = [
        alike(item.items) if isinstance(item, Any) else item.field for item in asked if isinstance(item, (Match, Any))
    ]
    return "" if named in found else _TELLS.get(kind, "")
