"""What a job's `when` and its environment say of one kind of event, with the defaults of its stage."""

from __future__ import annotations

from collections.abc import Iterator

from mlgen.ir.expressions import Expr, Match, all_of, any_of, negate, patterns_expr
from mlgen.ir.model import Job, Triggers
from mlgen.ir.source import Source
from mlgen.ir.values import Change
from mlgen.lower.names import named
from mlgen.named import NamedTuple
from mlgen.typed import Any

EVERY = ("push", "pull_request", "tag", "schedule", "manual", "api")
DEPLOYING = ("push", "tag", "manual", "api")
MONITORING = ("schedule", "manual")
OF_COMMITS = ("push", "pull_request", "tag")
"""The kinds that a commit starts, so that its message can decide."""


class Known(NamedTuple):
    """What conditions are made from."""

    source: Source
    triggers: Triggers
    changes: dict[str, Change]

    def said(self, job: Job) -> dict[str, Any]:
        """What the spec says of the job."""
        found: dict[str, Any] = self.source.data["stages"][job.stage][job.name]
        return found

    def whens(self, job: Job, kind: str) -> Iterator[Expr]:
        """Each mapping of the job's `when` on events of this kind."""
        for index, when in enumerate(self.said(job).get("when", [{}])):
            yield _when(self, job, when, kind, f"{job.id}:{index}")


def own_exprs(known: Known, job: Job, kind: str) -> Expr:
    """The job's own condition on events of this kind."""
    data = known.source.data
    place = data["environments"].get(job.environment.name) if job.environment else None
    default = data["project"]["default_branch"]
    whens = zip(known.said(job).get("when", [{}]), known.whens(job, kind))
    said = any_of(all_of([expr, _limit(job, when, place, kind, default)]) for when, expr in whens)
    return all_of([said, _place(place, kind), not _unpushed(known, job, kind)])


def _when(known: Known, job: Job, when: dict[str, Any], kind: str, place: str) -> Expr:
    """One mapping of `when` on events of this kind; without event, tag or schedule, the defaults of the stage."""
    parts: list[Expr] = [_mapping(known, when, kind, place)]
    if not any(key in when for key in ("event", "tag", "schedule")):
        kinds = DEPLOYING if job.deploys else MONITORING if job.stage == "monitor" else EVERY
        parts.append(kind in kinds)
    return all_of(parts)


def _mapping(known: Known, when: dict[str, Any], kind: str, place: str) -> Expr:
    parts: list[Expr] = []
    for key, value in when.items():
        if key == "event":
            parts.append(_event(known, value, kind))
        elif key == "branch":
            parts.append(False if kind == "tag" else patterns_expr("branch", value))
        elif key == "tag":
            parts.append(patterns_expr("tag", value) if kind == "tag" else False)
        elif key == "schedule":
            parts.append(any_of(Match("schedule", v) for v in value) if kind == "schedule" else False)
        elif key == "message":
            parts.append(kind in OF_COMMITS and any_of(Match(f"message:{text}", "true") for text in value))
        elif key == "input":
            parts += [_input(known, name, values, kind) for name, values in value.items()]
        elif key == "changed":
            change = known.changes[place]
            parts.append(Match(change.field, "true") if kind in ("push", "pull_request") else True)
        elif key == "value":
            parts += [_value(known, name, values) for name, values in value.items()]
        elif key == "not":
            parts.append(negate(_mapping(known, value, kind, f"{place}:not")))
    return all_of(parts)


def _event(known: Known, value: list[str], kind: str) -> Expr:
    if kind != "api" or kind in value:
        return kind in value
    names = [name for name, _ in known.triggers.api]
    asked = [name for name in names if name in value]
    return bool(names) and (asked == names or any_of(Match("api", name) for name in asked))


def _input(known: Known, name: str, values: list[Any], kind: str) -> Expr:
    from mlgen.lower.texts import scalar_text

    texts = [scalar_text(value) for value in values]
    if kind in ("manual", "api"):
        return any_of(Match(f"input:{name}", text) for text in texts)
    entry = next(entry for entry in known.triggers.inputs if entry.name == name)
    return entry.default in texts


def _value(known: Known, name: str, values: list[Any]) -> Expr:
    from mlgen.lower.texts import scalar_text

    job, _, export = name.rpartition(".")
    exporter = named(known.source.data, job)[0]
    return any_of(Match(f"value:{exporter}.{export}", scalar_text(value)) for value in values)


def _place(place: Any, kind: str) -> Expr:
    """What the environment's `branches` and `tags` allow; one given and the other absent means none of the other."""
    if place is None or (place["branches"] is None and place["tags"] is None):
        return True
    if kind == "tag":
        return patterns_expr("tag", place["tags"] or ())
    return patterns_expr("branch", place["branches"] or ())


def _limit(job: Job, when: dict[str, Any], place: Any, kind: str, default: str) -> Expr:
    """A deploying job runs on the default branch or a tag only, unless branches or tags are named for it."""
    named = "branch" in when or "tag" in when
    if place is not None and (place["branches"] is not None or place["tags"] is not None):
        named = True
    return True if named or not job.deploys or kind == "tag" else Match("branch", default)


def _unpushed(known: Known, job: Job, kind: str) -> bool:
    """Whether the job runs in an image that is not pushed on such events."""
    return kind == "pull_request" and bool(known.said(job)["runtime"].get("image_from"))
