"""Conditions in Travis' own language: https://docs.travis-ci.com/user/conditions-v1.

Every value is quoted and every operator stands between spaces, since an unquoted word may be an attribute, and a
condition that cannot be parsed makes the job vanish without a word. A run's kind is `type` and, where that is not
enough, whether `tag` is set (a push) or `MLGEN_SCHEDULED` is (a request over the API).
"""

from collections.abc import Iterable
from typing import NamedTuple

from mlgen.ir import KINDS, Expr, Job, Pipeline, glob_regex, implies, is_literal, patterns_expr
from mlgen.ir.expressions import All, Any, Match, Not, all_of, satisfiable

SCHEDULE = "env(MLGEN_SCHEDULED)"
_ATTRIBUTE = {"branch": "branch", "tag": "tag", "schedule": SCHEDULE}
# Kinds by the event type that Travis gives them, each with what tells it from the other kind of that type.
_TYPES = {
    "push": (("push", "tag IS blank"), ("tag", "tag IS present")),
    "pull_request": (("pull_request", ""),),
    "api": (("schedule", f"{SCHEDULE} IS present"), ("manual", f"{SCHEDULE} IS blank")),
}
_LONG = 100


class Text(NamedTuple):
    """A condition: its parts, and the operator between them (empty: a single part, or nothing)."""

    parts: tuple[str, ...] = ()
    operator: str = ""

    def __str__(self) -> str:
        return f" {self.operator} ".join(self.parts)


def trigger(pipeline: Pipeline) -> tuple[str, ...]:
    """The root condition, in lines: whether a run starts at all."""
    on = tuple(kind for kind in KINDS if pipeline.triggers.on(kind))
    # Without schedules, every request over the API is a manual run.
    known = KINDS if "schedule" in on else tuple(kind for kind in KINDS if kind != "schedule")
    groups: dict[Expr, list[str]] = {}
    for kind in on:
        if kind != "schedule":
            groups.setdefault(pipeline.trigger(kind), []).append(kind)
    found = [clause for expr, kinds in groups.items() for clause in _clauses(kinds, known, expr)]
    branches: dict[str, list[str]] = {}
    for schedule in pipeline.triggers.schedules:
        branches.setdefault(schedule.branch, []).append(schedule.name)
    for branch, names in branches.items():
        named = _within(SCHEDULE, names)
        found.append(_and([Text(('type = "api"',)), named, _expr(patterns_expr("branch", (branch,))), _home(pipeline)]))
    return _lines(_or(found))


def condition(job: Job, pipeline: Pipeline) -> tuple[str, ...]:
    """The job's condition on top of the root's, in lines; nothing where it runs whenever a run starts."""
    on = tuple(kind for kind in KINDS if pipeline.triggers.on(kind))
    groups: dict[Expr, list[str]] = {}
    for kind in on:
        expr = job.condition.on(kind)
        if satisfiable(all_of([expr, pipeline.trigger(kind)])):
            # A deployment says its own condition in full, whatever the root says.
            told = not job.deploys and implies(pipeline.trigger(kind), expr)
            groups.setdefault(told or expr, []).append(kind)
    found = [clause for expr, kinds in groups.items() for clause in _clauses(kinds, on, expr)]
    return _lines(_and([_or(found), _home(pipeline)]) if job.deploys else _or(found))


def slug(repository: str) -> str:
    """`owner/name` of a repository's address."""
    path = repository.partition("://")[2] or repository
    head, _, rest = path.partition("/")
    return (rest if "." in head or ":" in head else path).removesuffix(".git").strip("/")


def _home(pipeline: Pipeline) -> Text:
    """Schedules and deployments belong to the project's own repository, not to copies of it."""
    return Text((f'repo = "{slug(pipeline.repository)}"',)) if pipeline.repository else Text()


def _clauses(kinds: list[str], known: tuple[str, ...], expr: Expr) -> list[Text]:
    """The alternatives that say: a run of these kinds, and the expression holds."""
    which = _kinds(kinds, known)
    if kinds == ["schedule"] and _names_schedules(expr):
        which = [Text(('type = "api"',))]
    return which if expr is True else [_and([_or(which), _expr(expr)])]


def _names_schedules(expr: Expr) -> bool:
    return all(isinstance(item, Match) for item in (expr.items if isinstance(expr, Any) else (expr,)))


def _kinds(kinds: list[str], known: tuple[str, ...]) -> list[Text]:
    """That a run is of one of these kinds, where it can be of the known ones only; an empty one if it always is."""
    wanted = set(kinds)
    if wanted >= set(known):
        return [Text()]
    whole: list[str] = []
    parts: list[Text] = []
    for kind, members in _TYPES.items():
        possible = [member for member, _ in members if member in known]
        chosen = [(member, mark) for member, mark in members if member in wanted]
        if chosen and len(chosen) == len(possible):
            whole.append(kind)
        elif chosen:
            parts.append(Text((f'type = "{kind}"', chosen[0][1]), "AND"))
    if whole:
        parts.insert(0, _within("type", whole))
    return parts


def _expr(item: Expr) -> Text:
    if item is True:
        return Text()
    if isinstance(item, All):
        return _and([_expr(part) for part in item.items])
    if isinstance(item, Any):
        return _any(item)
    if isinstance(item, Not) and isinstance(item.item, Match):
        return Text((_match(item.item, False),))
    if isinstance(item, Match):
        return Text((_match(item, True),))
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
    return _or([*(_within(_ATTRIBUTE[field], names) for field, names in literals.items()), *rest])


def _match(match: Match, wanted: bool) -> str:
    if match.field == "fork":
        # `fork` says that the repository itself is a fork; where the head comes from, `head_repo` tells.
        return "head_repo != repo" if wanted else "head_repo = repo"
    if is_literal(match.pattern):
        return f"{_ATTRIBUTE[match.field]} {'=' if wanted else '!='} {_quoted(match.pattern)}"
    # Ruby's ^ and $ hold at each line; the literal ends at the first bare slash, also inside brackets.
    regex = glob_regex(match.pattern).replace("\\/", "/").replace("/", "\\/")
    return f"{_ATTRIBUTE[match.field]} {'=~' if wanted else '!~'} /\\A{regex}\\z/"


def _within(attribute: str, values: list[str]) -> Text:
    if len(values) == 1:
        return Text((f"{attribute} = {_quoted(values[0])}",))
    return Text((f"{attribute} IN ({', '.join(map(_quoted, values))})",))


def _quoted(text: str) -> str:
    return f"'{text}'" if '"' in text else f'"{text}"'


def _and(texts: Iterable[Text]) -> Text:
    return _joined("AND", texts)


def _or(texts: Iterable[Text]) -> Text:
    given = list(texts)
    # One alternative that always holds leaves nothing to say.
    return _joined("OR", given) if all(text.parts for text in given) else Text()


def _joined(operator: str, texts: Iterable[Text]) -> Text:
    given = [text for text in texts if text.parts]
    if len(given) < 2:
        return given[0] if given else Text()
    parts: list[str] = []
    for text in given:
        parts += text.parts if text.operator in ("", operator) else [f"({text})"]
    return Text(tuple(parts), operator)


def _lines(text: Text) -> tuple[str, ...]:
    """On one line if it is short and simple, else a line for each part."""
    if (text.operator == "OR" and len(text.parts) > 2) or len(str(text)) > _LONG:
        first, *rest = text.parts
        return (first, *(f"{text.operator} {part}" for part in rest))
    return (str(text),) if text.parts else ()
