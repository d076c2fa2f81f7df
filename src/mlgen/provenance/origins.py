"""Where each line of the emitted files comes from: the template, and the keys of the spec."""

from __future__ import annotations

import difflib
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence

from mlgen import targets
from mlgen.compiler import pinned_packs
from mlgen.diagnostics import SpecError
from mlgen.emitted import shared_outputs
from mlgen.ir import Pipeline
from mlgen.lower import lower
from mlgen.named import NamedTuple
from mlgen.provenance.keys import Key, Keys
from mlgen.provenance.probe import TAG, Marked, Place, mark, unmarked, variants
from mlgen.render import render
from mlgen.render.sandbox import Foreign, render_alone, render_over
from mlgen.render.trace import Line, Ref, trace, trace_alone
from mlgen.spec import Loaded, load_spec, read_whole
from mlgen.targets.adapt import adapt
from mlgen.targets.contract import Output, Target, placed
from mlgen.typed import TYPE_CHECKING, Any
from mlgen.write.header import with_header

if TYPE_CHECKING:
    from mlgen.packs.pack import Pack

MOST_KEYS = 8
SEVERAL = "several of its keys"
Emit = Callable[[Pipeline], Sequence[Output]]


class Origin(NamedTuple):
    """Where a line comes from.

    `refs` are places in templates: the file's own first, then through macros to the innermost; none for the header.
    `keys` are printed in the line; `because` are those without which it would read otherwise or not be there. With
    neither, nothing in the spec is behind the line but, if it is in a job's part of the file, that there is the job.
    """

    number: int
    text: str
    refs: tuple[Ref, ...]
    job: str
    keys: tuple[Key, ...]
    because: tuple[Key, ...]


class TracedFile(NamedTuple):
    """An emitted file with the origin of each line; `target` is empty for a file that all targets share."""

    path: str
    target: str
    lines: tuple[Origin, ...]


class Traced(NamedTuple):
    """A spec and the origins of all that it becomes."""

    loaded: Loaded
    pipeline: Pipeline
    keys: Keys
    files: tuple[TracedFile, ...]


def traced(root: str, spec: str, wanted: Callable[[str], bool] = lambda _: True) -> Traced:
    """The origins of every line of the files that are wanted by their path."""
    loaded = load_spec(root, spec)
    packs = pinned_packs(root, loaded)
    source, written = read_whole(root, packs.merged if packs else loaded)
    pipeline, _ = lower(source)
    keys = Keys(loaded, written, pipeline)
    chosen = [targets.get(options.name) for options in pipeline.targets]
    files: list[TracedFile] = []
    templates = packs.templates() if packs else None
    over = _Drawn(templates.over if templates else {})
    for target in chosen:
        adapted, found = adapt(pipeline, target)
        if faults := [d for d in found if d.severity == "error"]:
            raise SpecError(faults)
        files += _files(adapted, _seen(target, pipeline.root), target.name, keys, wanted, over)
    files += _files(pipeline, lambda p: shared_outputs(p, chosen), "", keys, wanted, _Drawn({}))
    for path, (pack, added, foreign) in sorted(templates.added.items()) if templates else ():
        alone = _added(path, pack, added.comment)
        files += _files(pipeline, alone, "", keys, wanted, _Drawn({}, foreign))
    return Traced(loaded, pipeline, keys, tuple(files))


def _seen(target: Target, root: str) -> Emit:
    """The target's outputs, as the project's folder sees them."""
    return lambda pipeline: placed(target.outputs(pipeline), root)


def _added(path: str, pack: Pack, comment: str) -> Emit:
    """A file of a pack's own, as an output."""
    from mlgen.packs.templates import view

    return lambda pipeline: (Output(path, "", view(pipeline, pack), comment),)


class _Drawn(NamedTuple):
    """How outputs become text: with the blocks of packs over mlgen's templates, or from a pack's template alone."""

    over: Mapping[str, Sequence[Foreign]]
    alone: Foreign | None = None

    def trace(self, output: Output) -> tuple[Line, ...]:
        if self.alone:
            return trace_alone(self.alone, output.view)
        return trace(output.template, output.view, self.over.get(output.template, ()))

    def render(self, output: Output) -> str:
        if self.alone:
            return render_alone(self.alone, output.view)
        layers = self.over.get(output.template)
        return render_over(output.template, layers, output.view) if layers else render(output.template, output.view)


def _files(
    pipeline: Pipeline, emit: Emit, target: str, keys: Keys, wanted: Callable[[str], bool], drawn: _Drawn
) -> Iterator[TracedFile]:
    outputs = [output for output in emit(pipeline) if wanted(output.path)]
    if not outputs:
        return
    marked = mark(pipeline, emit)
    probes = [_Probe(output, marked, emit, drawn) for output in outputs]
    for path, other in variants(marked.pipeline):
        _compare(probes, path, other, emit)
    for probe in probes:
        yield TracedFile(probe.output.path, target, tuple(probe.origins(pipeline, keys)))


def _compare(probes: list[_Probe], path: tuple[str, ...], other: Pipeline, emit: Emit) -> None:
    """Note the lines that are others in the outputs of the other pipeline. One that no target can say tells nothing."""
    try:
        found = {output.path: output for output in emit(other)}
        for probe in probes:
            probe.differs(path, found.get(probe.output.path))
    except Exception:
        return


class _Probe:
    """One output: its lines as they are, and as they are with marks."""

    def __init__(self, output: Output, marked: Marked, emit: Emit, drawn: _Drawn) -> None:
        self.output = output
        self.marked = marked
        self.drawn = drawn
        self.lines = drawn.trace(output)
        twin = next((o for o in emit(marked.pipeline) if o.path == output.path), output)
        self.twin = twin
        self.tagged = drawn.trace(twin)
        self.tagged_text = [_text(line) for line in self.tagged]
        self.depends: dict[int, list[tuple[str, ...]]] = {}

    def differs(self, path: tuple[str, ...], other: Output | None) -> None:
        """Note the lines of the marked text that are not in the other output."""
        if other is None:
            gone: Sequence[int] = range(len(self.tagged_text))
        elif other.view == self.twin.view:
            return
        else:
            gone = _gone(self.tagged_text, self.drawn.render(other).splitlines())
        for index in gone:
            self.depends.setdefault(index, []).append(path)

    def origins(self, pipeline: Pipeline, keys: Keys) -> Iterator[Origin]:
        """The origin of each line of the file, its header included."""
        plain = [_text(line) for line in self.lines]
        there = _aligned(plain, [unmarked(text) for text in self.tagged_text])
        body = "".join(f"{text}\n" for text in plain)
        whole = with_header(self.output, body, pipeline.spec, "", pipeline.root).text.splitlines()
        first = 1 if body.startswith("#!") else 0
        head = len(whole) - len(plain)
        for number, text in enumerate(whole, 1):
            if first < number <= first + head:
                yield Origin(number, text, (), "", (), ())
                continue
            index = number - 1 if number <= first else number - 1 - head
            line, twin = self.lines[index], there.get(index)
            yield self.origin(number, text, line, twin, keys)

    def origin(self, number: int, text: str, line: Line, twin: int | None, keys: Keys) -> Origin:
        refs = _refs(line)
        if twin is None:
            return Origin(number, text, refs, "", (), ())
        owner = _owner(self.tagged[twin], self.marked)
        depends = self.depends.get(twin, [])
        names = [name.lower() for name in TAG.findall(self.tagged_text[twin])]
        found = dict.fromkeys(key for name in names for key in self.printed(name, owner, depends, keys))
        because = dict.fromkeys(key for path in depends for key in _dependent(path, owner, keys))
        because |= dict.fromkeys(key for part in _parts(line) for key in keys.target(part["template"]))
        known = {key.path for key in found}
        return Origin(
            number, text, refs, owner, _few(found, keys), _few((k for k in because if k.path not in known), keys)
        )

    def printed(self, name: str, owner: str, depends: Sequence[tuple[str, ...]], keys: Keys) -> Iterator[Key]:
        """The keys of a text that is printed in the part of the job `owner`.

        A text that stands in several places is of those on which the line depends.
        """
        places = self.marked.places.get(name, ())
        own = [place for place in places if place.job == owner]
        other = self.marked.jobs.get(name, "")
        if not own and owner and other:
            yield from keys.edge(owner, other)
            return
        chosen = own or [place for place in places if not place.job] or places
        full = [("jobs", *p.path) if p.job else p.path for p in chosen]
        sure = [p for p, path in zip(chosen, full) if any(path[: len(d)] == d for d in depends)]
        plain = [place for place in sure or chosen if not _derived(place)]
        for place in (plain or sure or chosen)[: 3 if own else MOST_KEYS + 4]:
            yield from keys.of(place)


def _derived(place: Place) -> bool:
    """Whether it says again what another field says."""
    again: tuple[object, ...] = ("edges", "takes", "bundles", "id", "key", "name") if place.job else ()
    return place.path[0] in again or place.path[:2] in (("triggers", "manual"), ("triggers", "api"))


def _text(line: Line) -> str:
    return "".join(piece.text for piece in line)


def _refs(line: Line) -> tuple[Ref, ...]:
    """The place in the templates of what the line says: its first print, else the first of its text."""
    said = [piece for piece in line if piece.text.strip() and piece.refs]
    chosen = next((p for p in said if p.refs[-1].print), said[0] if said else None) or next(iter(line), None)
    if chosen is None:
        return ()
    parts = [Ref(f"templates/{part['template']}", chosen.refs[-1].offset + 1, "", ()) for part in _parts(line)]
    return (*chosen.refs, *parts)


def _parts(line: Line) -> Iterator[dict[str, str]]:
    """The target's part of a shared file that the line is printed from as it is, if it is."""
    for piece in line[:1]:
        part = piece.items[-1] if piece.items else None
        if piece.refs and piece.refs[-1].print and isinstance(part, dict) and "template" in part:
            yield part


def _aligned(plain: list[str], other: list[str]) -> dict[int, int]:
    """For each line, the same line of the text with marks; quoting may differ, and how conditions are put together."""
    if len(plain) == len(other):
        return {index: index for index in range(len(plain))}
    found: dict[int, int] = {}
    for tag, a, b, c, d in difflib.SequenceMatcher(None, plain, other, autojunk=False).get_opcodes():
        if tag == "equal" or (tag == "replace" and b - a == d - c):
            found.update(zip(range(a, b), range(c, d)))
    return found


def _gone(before: list[str], after: list[str]) -> list[int]:
    """The lines of one text that are not in the other."""
    start = 0
    while start < min(len(before), len(after)) and before[start] == after[start]:
        start += 1
    end = 0
    while end < min(len(before), len(after)) - start and before[-1 - end] == after[-1 - end]:
        end += 1
    left, right = before[start : len(before) - end], after[start : len(after) - end]
    found: list[int] = []
    for tag, a, b, _, _ in difflib.SequenceMatcher(None, left, right, autojunk=False).get_opcodes():
        if tag in ("replace", "delete"):
            found += range(start + a, start + b)
    return found


# --- whose part of the file it is


def _owner(line: Line, marked: Marked) -> str:
    """The job in whose part of the file the line stands: of the loops around it, the innermost over one job."""
    said = next((piece for piece in line if piece.text.strip()), None)
    items = said.items if said else ()
    for item in reversed(items):
        named = set(_named(item, marked))
        if len(named) == 1:
            return named.pop()
        if len(named) > 1:
            break
    for item in items:
        if isinstance(item, dict) or hasattr(item, "_fields"):
            found = next((marked.jobs[n] for text in _texts(item) for n in TAG.findall(text) if n in marked.jobs), "")
            if found and len(set(_named(item, marked))) <= 1:
                return found
    return ""


def _named(item: Any, marked: Marked) -> Iterator[str]:
    """The jobs whose MLGEN_JOB is set in a part of a view: every job sees its own id by that name."""
    said = list(_texts(item))
    for text, following in zip(said, [*said[1:], ""]):
        if "MLGEN_JOB" in text:
            after = text.partition("MLGEN_JOB")[2] or following
            yield from (marked.jobs[name] for name in TAG.findall(after)[:1] if name in marked.jobs)


def _texts(value: Any) -> Iterator[str]:
    """Every text in a part of a view, keys included, in order."""
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict):
        for key, item in value.items():
            yield from _texts(key)
            yield from _texts(item)
    elif isinstance(value, (list, tuple)):
        for item in value:
            yield from _texts(item)


# --- keys of what was changed


def _dependent(path: tuple[str, ...], owner: str, keys: Keys) -> Iterator[Key]:
    """The keys of a field on which a line depends: of the job itself, else of those that it waits for, else of all."""
    if path[0] != "jobs":
        yield from keys.of(Place("", path))
        return
    field = path[1:]
    jobs = keys.jobs
    if owner in jobs and _has(jobs[owner], field):
        yield from keys.of(Place(owner, field))
        return
    near = [edge.job for edge in jobs[owner].edges if edge.hard] if owner in jobs else list(jobs)
    for name in near:
        if name in jobs and _has(jobs[name], field):
            yield from keys.of(Place(name, field))


def _has(value: Any, field: tuple[str, ...]) -> bool:
    for step in field:
        value = getattr(value, step, None)
    return bool(value)


def _few(found: Iterable[Key], keys: Keys) -> tuple[Key, ...]:
    """Each key once; where a line comes of very many, what they have in common."""
    once = list({key.path: key for key in reversed(list(found))}.values())[::-1]
    if len(once) <= MOST_KEYS:
        return tuple(once)
    return tuple(keys.key(head, SEVERAL) for head in dict.fromkeys(key.path[:1] for key in once))
