"""From a value of the pipeline to the key of the spec that it was read from."""

from __future__ import annotations

from collections.abc import Iterator

from mlgen.diagnostics import Position, source_lines
from mlgen.ir import Job, Pipeline, paths
from mlgen.named import NamedTuple
from mlgen.provenance.probe import Path, Place
from mlgen.spec import Loaded
from mlgen.spec.load import Text
from mlgen.typed import Any


class Key(NamedTuple):
    """A key of the spec: its path, its place, and in words what it has to do with the line, where that is not plain."""

    path: Path
    position: Position
    note: str = ""

    @property
    def name(self) -> str:
        """`stages.train.fit.outs[0]`."""
        return dotted(self.path)


def dotted(path: Path) -> str:
    """A path as people write it."""
    return "".join(f"[{step}]" if isinstance(step, int) else f".{step}" for step in path).lstrip(".")


_OWN: dict[str, Path] = {
    "finally_": ("finally",), "caches": ("cache",), "checkouts": ("checkout",), "dynamic": ("env",),
    "docker": ("services", "docker"), "container": ("image",), "result": ("when", "result"), "runners": ("runner",),
    "varies": ("matrix",),
}  # fmt: skip
_RUNTIME = ("python", "image", "setup", "cache", "packages", "tools", "activate", "shell")
_TRIGGERS: dict[str, Path] = {
    "push_branches": ("push", "branches"), "pull_request_branches": ("pull_request", "branches"), "tags": ("tag",),
}  # fmt: skip


class Keys:
    """The keys of one spec: `written` is `loaded` with what it extends and imports."""

    def __init__(self, loaded: Loaded, written: Text, pipeline: Pipeline) -> None:
        self.loaded = loaded
        self.written = written
        self.pipeline = pipeline
        self.jobs = {job.id: job for job in pipeline.jobs}

    def of(self, place: Place) -> tuple[Key, ...]:
        """The keys behind a value; none where mlgen has a default of its own."""
        if not place.job:
            return tuple(self._known(path) for path in self._pipeline(place.path))
        job = self.jobs.get(place.job)
        return tuple(self._at_line(key, place.line) for key in self._job(job, place.path)) if job else ()

    def _at_line(self, key: Key, line: int) -> Key:
        """The key, at a line of its value: of a block `|`, or of a list of commands."""
        value, path = self._value(key.path), key.path
        if isinstance(value, list):
            for index, item in enumerate(value):
                count = str(item).rstrip("\n").count("\n") + 1
                if line < count or index == len(value) - 1:
                    value, path = item, (*path, index)
                    break
                line -= count
        at = self.written.position(path)
        if not isinstance(value, str) or "\n" not in value or not at.line or at.file != self.loaded.file:
            return key if path == key.path else self.key(path)
        text = source_lines(self.loaded.text)[at.line - 1]
        block = text[at.column - 1 : at.column] == "|"
        return Key(path, Position(at.file, at.line + 1 + line, 1) if block else at)

    def job(self, job_id: str) -> Key:
        """The key of the job itself."""
        job = self.jobs[job_id]
        return self.key(("stages", job.stage, job.name))

    def target(self, template: str) -> tuple[Key, ...]:
        """The key of the target whose template it is; none if it is of no single one."""
        name = template.partition("/")[0]
        return (self.key(("targets", name)),) if any(name == o.name for o in self.pipeline.targets) else ()

    def key(self, path: Path, note: str = "") -> Key:
        """The key at the path, or at as much of it as the spec has."""
        while path and not self._exists(path):
            path = path[:-1]
        return Key(path, self.written.position(path, True), note)

    def edge(self, job_id: str, other: str) -> tuple[Key, ...]:
        """Why one job waits for another: a file that it takes, `needs`, or the order of the stages."""
        job = self.jobs[job_id]
        edge = next((edge for edge in job.edges if edge.job == other), None)
        if edge is None:
            return ()
        base: Path = ("stages", job.stage, job.name)
        found = [
            self.key((*base, "deps", i)) for i, dep in enumerate(self._list((*base, "deps"))) if _reads(dep, edge.files)
        ]
        if edge.files and job.gate and _reads(job.gate.metrics, edge.files):
            found.append(self.key(("gates", job.gate.name, "metrics")))
        for index, need in enumerate(self._list((*base, "needs"))):
            said = need.get("job") if isinstance(need, dict) else need
            if said in (other, self.jobs[other].name if other in self.jobs else other):
                found.append(self.key((*base, "needs", index)))
        if found:
            return tuple(found)
        return (self.key(("stages", job.stage), f"{job.stage} comes after {other.partition('.')[0]}"),)

    # --- paths of the spec

    def _pipeline(self, path: Path) -> Iterator[Path]:
        head, rest = str(path[0]), path[1:]
        if head in ("name", "owners", "repository", "default_branch"):
            yield ("project", *(path if isinstance(self.written.data.get("project"), dict) else ()))
        elif head in ("secrets", "environments") and rest and isinstance(rest[0], int):
            named: Any = getattr(self.pipeline, head)[rest[0]]
            yield (head, named.name, *rest[1:])
        elif head == "root":
            yield ("project", "root")
        elif head == "changes":
            return
        elif head == "cancel":
            yield ("concurrency", "cancel")
        elif head == "triggers":
            yield ("triggers", *self._trigger(rest))
        else:
            yield path

    def _trigger(self, path: Path) -> Path:
        if not path:
            return ()
        head, rest = str(path[0]), path[1:]
        if head == "schedules":
            return ("schedule", *rest)
        if head == "inputs":
            index = rest[0] if rest and isinstance(rest[0], int) else None
            return ("manual", "inputs") if index is None else (*self._input(index), *rest[1:])
        if head == "condition":
            return rest
        if head == "manual":
            return ("manual", "inputs")
        return (*_TRIGGERS.get(head, (head,)), *rest)

    def _input(self, index: int) -> Path:
        """Where an input is declared: of the runs by hand, else of the api event that has it."""
        name = self.pipeline.triggers.inputs[index].name
        events = self._value(("triggers", "api"))
        for event in events if isinstance(events, dict) else ():
            if self._exists(("triggers", "api", event, "inputs", name)) and not self._exists(
                ("triggers", "manual", "inputs", name)
            ):
                return ("api", event, "inputs", name)
        return ("manual", "inputs", name)

    def _job(self, job: Job, path: Path) -> Iterator[Key]:
        head, rest = str(path[0]), path[1:]
        base: Path = ("stages", job.stage, job.name)
        if head in ("id", "name", "key", "stage"):
            yield self.key(base)
        elif head in ("edges", "takes"):
            others = getattr(job, head)
            chosen = others[rest[0] : rest[0] + 1] if rest and isinstance(rest[0], int) else others
            for other in dict.fromkeys(each.job for each in chosen):
                yield from self.edge(job.id, other)
        elif head == "bundles":
            yield from self._bundle(job, rest)
        elif head == "gate" and job.gate:
            yield self.key(("gates", job.gate.name, *rest) if rest and rest != ("name",) else (*base, "gate"))
        elif head == "environment" and job.environment and rest and rest != ("name",):
            yield self.key(("environments", job.environment.name, *rest))
        elif head == "approval" and job.environment and not self._exists((*base, "approval")):
            yield self.key(("environments", job.environment.name, "approval", *rest))
        elif head == "runner" and rest[:1] == ("options",):
            yield self.key(("runners", job.runner.name, *rest[1:]))
        elif head == "condition":
            said = getattr(_value(job, path), "pattern", "")
            yield from (said and self._pattern(job, base, said)) or self._condition(job, base)
        else:
            yield from self._own(job, base, head, self._inside(job, head, rest))

    def _inside(self, job: Job, head: str, rest: Path) -> Path:
        """The path below a key of a job, where the graph and the language name things differently."""
        if head == "matrix":
            return rest[-1:] if rest and isinstance(rest[-1], str) else ()
        if head == "exports" and rest and isinstance(rest[0], int):
            return (job.exports[rest[0]].name, *({"file": "json"}.get(str(step), step) for step in rest[1:]))
        if head == "secrets":
            return rest[:1]
        if head in ("services", "oidc") and rest and isinstance(rest[0], int):
            each: Any = getattr(job, head)[rest[0]]
            return (each.name if head == "services" else each.kind, *rest[1:])
        return rest

    def _own(self, job: Job, base: Path, head: str, rest: Path) -> Iterator[Key]:
        """A key of the job, or of what it takes it from."""
        name = _OWN.get(head, (head.rstrip("_"),))
        outer: list[Path] = [base, ("stages", job.stage, "defaults"), ("defaults",), ()]
        for place in outer:
            for path in ((*place, *name), (*place, "runtime", *name)):
                if (place or (name[0] in _RUNTIME and len(path) > 1)) and self._exists(path):
                    yield self.key((*path, *rest))
                    return
        if head == "lock" and job.environment:
            yield self.key((*base, "environment"))
        elif head == "env" and rest and self._exists(("env", *rest)):
            yield self.key(("env", *rest))

    def _bundle(self, job: Job, rest: Path) -> Iterator[Key]:
        chosen = job.bundles[rest[0] : rest[0] + 1] if rest and isinstance(rest[0], int) else job.bundles
        base: Path = ("stages", job.stage, job.name)
        for bundle in chosen:
            if bundle.exports:
                yield self.key((*base, "exports"))
                continue
            for path in bundle.paths:
                for field in ("outs", "metrics", "plots"):
                    if path in getattr(job, field):
                        yield self.key((*base, field, getattr(job, field).index(path)))

    def _pattern(self, job: Job, base: Path, said: str) -> list[Key]:
        """Where the spec says a pattern that is part of a job's condition; empty if it is a default of mlgen."""
        found = []
        for at in [path for path, _ in self._conditions(job, base)] + [("triggers",)]:
            found = [self.key(path) for path, text in _leaves(self._value(at), at) if text in (said, f"!{said}")]
            if found:
                break
        return found

    def _condition(self, job: Job, base: Path) -> Iterator[Key]:
        """A condition has many fathers: the job's `when`, its environment, its secrets, and those of its ancestors."""
        found = False
        for path, note in self._conditions(job, base):
            if self._exists(path):
                found = True
                yield self.key(path, note)
        for edge in job.edges:
            other = self.jobs.get(edge.job)
            if edge.hard and other and self._exists(("stages", other.stage, other.name, "when")):
                found = True
                yield self.key(
                    ("stages", other.stage, other.name, "when"), f"the condition of {other.id} holds for it too"
                )
        if not found:
            yield self.key(base, f"a job of the stage {job.stage} runs on these events unless `when` says otherwise")

    def _conditions(self, job: Job, base: Path) -> Iterator[tuple[Path, str]]:
        yield (*base, "when"), ""
        if job.environment:
            yield ("environments", job.environment.name, "branches"), ""
            yield ("environments", job.environment.name, "tags"), ""
            yield (*base, "environment"), "a deployment runs on the default branch or a tag, and never for a fork"
        yield (*base, "secrets"), "a job that sees a secret does not run for a fork"

    # --- the text of the spec

    def _known(self, path: Path) -> Key:
        if self._exists(path[:1]):
            return self.key(path)
        return Key(path, Position(self.loaded.file), "not in the spec: a default of mlgen")

    def _list(self, path: Path) -> list[Any]:
        value = self._value(path)
        return value if isinstance(value, list) else [] if value is None else [value]

    def _exists(self, path: Path) -> bool:
        missing = object()
        return self._value(path, missing) is not missing

    def _value(self, path: Path, missing: Any = None) -> Any:
        value = self.written.data
        for step in path:
            if isinstance(step, int):
                if not isinstance(value, list):
                    value = value if step == 0 else missing
                else:
                    value = value[step] if step < len(value) else missing
            else:
                value = value.get(step, missing) if isinstance(value, dict) else missing
            if value is missing:
                return missing
        return value


def _reads(said: Any, files: tuple[str, ...]) -> bool:
    return isinstance(said, str) and any(paths.overlap(path, said) for path in files)


def _value(value: Any, path: Path) -> Any:
    """The part of a value of the graph at a path."""
    for step in path:
        value = value[step] if isinstance(step, int) else getattr(value, step, None)
    return value


def _leaves(value: Any, path: Path) -> Iterator[tuple[Path, Any]]:
    """Every value in a part of the spec that holds no others."""
    items = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else None
    if items is None:
        yield path, value
        return
    for step, item in items:
        yield from _leaves(item, (*path, step))
