"""Conditions in Travis' own language: https://docs.travis-ci.com/user/conditions-v1.

Every value is quoted and every operator stands between spaces, since an unquoted word may be an attribute, and a
condition that cannot be parsed makes the job vanish without a word. A run's kind is `type` and, where that is not
enough, whether `tag` is set (a push) or `MLGEN_SCHEDULED` is (a request over the API).
"""

from collections.abc import Iterable

from mlgen.ir import KINDS, Expr, Job, Pipeline, glob_regex, implies, is_literal
from mlgen.ir.expressions import All, Any, Match, Not

SCHEDULE = "env(MLGEN_SCHEDULED)"
_ATTRIBUTE = {"branch": "branch", "tag": "tag", "schedule": SCHEDULE}
# Kinds by the event type that Travis gives them, each with what tells it from the other kind of that type.
_TYPES = {
    "push": (("push", "tag IS blank"), ("tag", "tag IS present")),
    "pull_request": (("pull_request", ""),),
    "api": (("schedule", f"{SCHEDULE} IS present"), ("manual", f"{SCHEDULE} IS blank")),
}
_ATOM, _AND, _OR = range(3)
Text = tuple[str, int]
"""A condition, and its outermost operator."""


def trigger(pipeline: Pipeline) -> tuple[str, ...]:
    """The root condition: the alternatives of which one must hold for a run to start."""
    on = tuple(kind for kind in KINDS if pipeline.triggers.on(kind))
    # Without schedules, every request over the API is a manual run.
    known = KINDS if "schedule" in on else tuple(kind for kind in KINDS if kind != "schedule")
    groups: dict[Expr, list[str]] = {}
    for kind in on:
        if kind != "schedule":
            groups.setdefault(pipeline.trigger(kind), []).append(kind)
    found = [_and([_kinds(kinds, known), _expr(expr)]) for expr, kinds in groups.items()]
    branches: dict[str, list[str]] = {}
    for schedule in pipeline.triggers.schedules:
        branches.setdefault(schedule.branch, []).append(schedule.name)
    for branch, names in branches.items():
        named = (_within(SCHEDULE, names), _ATOM)
        found.append(_and([('type = "api"', _ATOM), named, _expr(Match("branch", branch)), _home(pipeline)]))
    return _alternatives(found)


def condition(job: Job, pipeline: Pipeline) -> tuple[str, ...]:
    """The job's condition on top of the root's: alternatives, or nothing where it runs whenever a run starts."""
    on = tuple(kind for kind in KINDS if pipeline.triggers.on(kind))
    groups: dict[Expr, list[str]] = {}
    for kind in on:
        expr = job.condition.on(kind)
        if expr is not False:
            groups.setdefault(implies(pipeline.trigger(kind), expr) or expr, []).append(kind)
    found = [_and([_kinds(kinds, on), _expr(expr)]) for expr, kinds in groups.items()]
    if job.deploys and pipeline.repository:
        found = [_and([clause, _home(pipeline)]) for clause in found]
    return _alternatives(found)


def slug(repository: str) -> str:
    """`owner/name` of a repository's address."""
    path = repository.partition("://")[2] or repository
    head, _, rest = path.partition("/")
    return (rest if "." in head or ":" in head else path).removesuffix(".git").strip("/")


def _home(pipeline: Pipeline) -> Text:
    """Schedules and deployments belong to the project's own repository, not to copies of it."""
    return (f'repo = "{slug(pipeline.repository)}"', _ATOM) if pipeline.repository else ("", _ATOM)


def _kinds(kinds: Iterable[str], known: tuple[str, ...]) -> Text:
    """That a run is of these kinds, where it can be of the known ones only; empty if it always is."""
    wanted = set(kinds)
    if wanted >= set(known):
        return "", _ATOM
    whole, parts = [], []
    for kind, members in _TYPES.items():
        possible = [member for member, _ in members if member in known]
        chosen = [(member, mark) for member, mark in members if member in wanted]
        if chosen and len(chosen) == len(possible):
            whole.append(kind)
        elif chosen:
            parts.append((f'type = "{kind}" AND {chosen[0][1]}', _AND))
    if whole:
        parts.insert(0, (_within("type", whole), _ATOM))
    return _or(parts)


def _expr(item: Expr) -> Text:
    if item is True:
        return "", _ATOM
    if isinstance(item, All):
        return _and([_expr(part) for part in item.items])
    if isinstance(item, Any):
        return _any(item)
    if isinstance(item, Not) and isinstance(item.item, Match):
        return _match(item.item, False), _ATOM
    if isinstance(item, Match):
        return _match(item, True), _ATOM
    raise ValueError(f"no condition says {item!r}")


def _any(item: Any) -> Text:
    """The alternatives; literals of one attribute become a list."""
    literals: dict[str, list[str]] = {}
    rest: list[Text] = []
    for part in item.items:
        if isinstance(part, Match) and part.field in _ATTRIBUTE and is_literal(part.pattern):
            literals.setdefault(part.field, []).append(part.pattern)
        else:
            rest.append(_expr(part))
    return _or([*((_within(_ATTRIBUTE[field], names), _ATOM) for field, names in literals.items()), *rest])


def _match(match: Match, wanted: bool) -> str:
    if match.field == "fork":
        # `fork` says that the repository itself is a fork; where the head comes from, `head_repo` tells.
        return "head_repo != repo" if wanted else "head_repo = repo"
    if is_literal(match.pattern):
        return f"{_ATTRIBUTE[match.field]} {'=' if wanted else '!='} {_quoted(match.pattern)}"
    # Ruby's ^ and $ hold at each line; the literal ends at the first bare slash, also inside brackets.
    regex = glob_regex(match.pattern).replace("\\/", "/").replace("/", "\\/")
    return f"{_ATTRIBUTE[match.field]} {'=~' if wanted else '!~'} /\\A{regex}\\z/"


def _within(attribute: str, values: list[str]) -> str:
    if len(values) == 1:
        return f"{attribute} = {_quoted(values[0])}"
    return f"{attribute} IN ({', '.join(map(_quoted, values))})"


def _quoted(text: str) -> str:
    return f"'{text}'" if '"' in text else f'"{text}"'


def _and(parts: Iterable[Text]) -> Text:
    given = [part for part in parts if part[0]]
    if len(given) < 2:
        return given[0] if given else ("", _ATOM)
    return " AND ".join(f"({text})" if level == _OR else text for text, level in given), _AND


def _or(parts: Iterable[Text]) -> Text:
    given = list(parts)
    if len(given) < 2:
        return given[0]
    return " OR ".join(f"({text})" if level == _AND else text for text, level in given), _OR


def _alternatives(found: list[Text]) -> tuple[str, ...]:
    if len(found) == 1:
        return (found[0][0],) if found[0][0] else ()
    return tuple(f"({text})" if level == _AND else text for text, level in found)
