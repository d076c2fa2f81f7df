"""Conditions in Travis' own language: https://docs.travis-ci.com/user/conditions-v1.

Every value is quoted and every operator stands between spaces, since an unquoted word may be an attribute, and a
condition that cannot be parsed makes the job vanish without a word. A run's kind is `type` and, where that is not
enough, whether `tag` is set (a push), or `MLGEN_SCHEDULED` or `MLGEN_API_EVENT` is (a request over the API).
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping

from mlgen.ir import KINDS, Expr, Job, Pipeline, fields, glob_regex, implies, is_literal, patterns_expr
from mlgen.ir.expressions import All, Any, Match, Not, all_of, any_of, satisfiable
from mlgen.named import NamedTuple
from mlgen.targets import decide
from mlgen.targets.contract import BY_HAND

SCHEDULE = "env(MLGEN_SCHEDULED)"
API = "env(MLGEN_API_EVENT)"
_ATTRIBUTE = {"branch": "branch", "tag": "tag", "schedule": SCHEDULE, "api": API}
# Kinds by the event type that Travis gives them, each with what tells it from the other kind of that type.
_TYPES = {
    "push": (("push", "tag IS blank"), ("tag", "tag IS present")),
    "pull_request": (("pull_request", ""),),
    "api": (("schedule", f"{SCHEDULE} IS present"), ("manual", ""), ("api", f"{API} IS present")),
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
    # Without schedules and events of its own, every request over the API is a manual run.
    known = tuple(kind for kind in KINDS if kind in on or kind not in ("schedule", "api"))
    groups: dict[Expr, list[str]] = {}
    for kind in on:
        if kind not in ("schedule", "api"):
            groups.setdefault(pipeline.trigger(kind), []).append(kind)
    found = [clause for expr, kinds in groups.items() for clause in _clauses(kinds, known, expr)]
    if "api" in on:
        named = _within(API, [name for name, _ in pipeline.triggers.api])
        rest = all_of(part for part in _conjuncts(pipeline.trigger("api")) if "api" not in fields(part))
        found.append(_and([Text(('type = "api"',)), named, _expr(rest)]))
    branches: dict[str, list[str]] = {}
    for schedule in pipeline.triggers.schedules:
        branches.setdefault(schedule.branch, []).append(schedule.name)
    for branch, names in branches.items():
        named = _within(SCHEDULE, names)
        found.append(_and([Text(('type = "api"',)), named, _expr(patterns_expr("branch", (branch,))), _home(pipeline)]))
    return _lines(_or(found))


def condition(job: Job, pipeline: Pipeline) -> tuple[str, ...]:
    """The job's condition on top of the root's, in lines; nothing where it runs whenever a run starts."""
    on = tuple(kind for kind in KINDS if pipeline.root or pipeline.triggers.on(kind))
    groups: dict[Expr, list[str]] = {}
    asked = decide.outside(job.condition, inside(job))
    for kind in on:
        expr = all_of([asked.on(kind), _scheduled(pipeline)]) if kind == "schedule" else asked.on(kind)
        if satisfiable(all_of([expr, pipeline.trigger(kind)])):
            # A deployment says its own condition in full, whatever the root says.
            told = not job.deploys and implies(pipeline.trigger(kind), expr)
            groups.setdefault(told or expr, []).append(kind)
    defaults = {f"input:{entry.name}": (entry.variable, entry.default) for entry in pipeline.triggers.inputs}
    project = pipeline.name if pipeline.root else ""
    found = []
    for expr, kinds in groups.items():
        home = [_home(pipeline)] if project and kinds == ["schedule"] else []
        found += [_and([clause, *home]) for clause in _clauses(kinds, on, _asked(expr, defaults), project)]
    return _lines(_and([_or(found), _home(pipeline)]) if job.deploys else _or(found))


def _scheduled(pipeline: Pipeline) -> Expr:
    """Each schedule on its branch, where no root condition asks for that."""
    if not pipeline.root:
        return True
    known = pipeline.triggers.schedules
    if len({schedule.branch for schedule in known}) == 1:
        return patterns_expr("branch", (known[0].branch,))
    return any_of(all_of([Match("schedule", s.name), patterns_expr("branch", (s.branch,))]) for s in known)


def inside(job: Job) -> tuple[str, ...]:
    """What Travis' own language cannot ask, by the prefix of its fields: the job decides that itself."""
    asked = {field for kind in KINDS for field in fields(job.condition.on(kind)) if field.startswith("message:")}
    said = all(_is_sayable(field.partition(":")[2]) for field in asked)
    return ("changed", "value") if said else ("changed", "message", "value")


def _is_sayable(text: str) -> bool:
    """Whether a regular expression of Travis can look for the text, and its message is no boolean to it."""
    return text.isascii() and text.isprintable() and text.lower() not in "true false"


class _Asked(NamedTuple):
    """A match in the words of the condition language, where its field alone does not tell the attribute."""

    wanted: str
    unwanted: str


def _asked(item: Expr, inputs: Mapping[str, tuple[str, str]]) -> Expr:
    """The expression with each question for an input or a message in Travis' own words."""
    if isinstance(item, (All, Any)):
        return type(item)(tuple(_asked(part, inputs) for part in item.items))
    match = item.item if isinstance(item, Not) else item
    if not isinstance(match, Match) or ":" not in match.field:
        return item
    said = _input(match, *inputs[match.field]) if match.field in inputs else _message(match.field.partition(":")[2])
    # An expression of Travis' own stands where a match does; nothing looks into it any further.
    return Match("said", said.unwanted if isinstance(item, Not) else said.wanted)


def _input(match: Match, variable: str, default: str) -> _Asked:
    """An input that the request does not give has its default."""
    value = _quoted(match.pattern)
    if match.pattern != default:
        return _Asked(f"env({variable}) = {value}", f"env({variable}) != {value}")
    given = f"env({variable})"
    return _Asked(f"({given} = {value} OR {given} IS blank)", f"({given} != {value} AND {given} IS present)")


def _message(text: str) -> _Asked:
    regex = re.sub(r"[^\w ]", lambda found: "\\" + found[0], text, flags=re.ASCII)
    return _Asked(f"commit_message =~ /{regex}/", f"commit_message !~ /{regex}/")


def slug(repository: str) -> str:
    """`owner/name` of a repository's address."""
    path = repository.partition("://")[2] or repository
    head, _, rest = path.partition("/")
    return (rest if "." in head or ":" in head else path).removesuffix(".git").strip("/")


def _home(pipeline: Pipeline) -> Text:
    """Schedules and deployments belong to the project's own repository, not to copies of it."""
    return Text((f'repo = "{slug(pipeline.repository)}"',)) if pipeline.repository else Text()


def _clauses(kinds: list[str], known: tuple[str, ...], expr: Expr, project: str = "") -> list[Text]:
    """The alternatives that say: a run of these kinds, and the expression holds.

    `project` is the name of this one where a run is one of several projects.
    """
    which = _kinds(kinds, known, project)
    if kinds in (["schedule"], ["api"]) and _names(expr, kinds[0]):
        which = [Text(('type = "api"',))]
    return which if expr is True else [_and([_or(which), _expr(expr)])]


def _names(expr: Expr, field: str) -> bool:
    """Whether one of the conjuncts names schedules or events of the API, which tells the kind too."""
    return any(
        all(
            isinstance(item, Match) and item.field == field
            for item in (part.items if isinstance(part, Any) else (part,))
        )
        for part in _conjuncts(expr)
    )


def _conjuncts(expr: Expr) -> tuple[Expr, ...]:
    return expr.items if isinstance(expr, All) else (expr,)


def _kinds(kinds: list[str], known: tuple[str, ...], project: str = "") -> list[Text]:
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
            # A manual run is a request that names neither a schedule nor an event of the API.
            others = [mark.replace("present", "blank") for member, mark in members if mark and member in possible]
            by_hand = Text(tuple(others), "AND")
            if project:
                named = Text((f"{API} IS blank", f"{API} = {_quoted(f'{project}/{BY_HAND}')}"), "OR")
                by_hand = _and([Text((f"{SCHEDULE} IS blank",)), named])
            marks = [Text((mark,)) if mark else by_hand for _, mark in chosen]
            parts.append(_and([Text((f'type = "{kind}"',)), _or(marks)]))
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
    if match.field == "said":
        return match.pattern
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
