"""The lines of a spec: which keys begin on one, and what they became in the emitted files."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from mlgen.diagnostics import source_lines
from mlgen.named import NamedTuple
from mlgen.provenance.keys import Key
from mlgen.provenance.origins import Origin, Traced
from mlgen.provenance.probe import Path
from mlgen.spec import Loaded
from mlgen.spec.spans import Span, spans


class Became(NamedTuple):
    """Lines of an emitted file that come from one line of the spec; `target` is empty for a shared file."""

    file: str
    target: str
    lines: tuple[Origin, ...]

    def ranges(self) -> Iterator[tuple[Origin, ...]]:
        """The lines in runs without a gap."""
        run: list[Origin] = []
        for line in self.lines:
            if run and line.number != run[-1].number + 1:
                yield tuple(run)
                run = []
            run.append(line)
        if run:
            yield tuple(run)


def keys_at(loaded: Loaded, line: int, known: Sequence[Span] = ()) -> tuple[Path, ...]:
    """The outermost keys that begin on a line, else the innermost value that goes on there; none on a blank line.

    `known` are the spans of the spec, where many lines are asked for.
    """
    found = known or tuple(spans(loaded))
    begin = [span.path for span in found if span.first == line and span.path]
    if begin:
        return tuple(
            path for path in begin if not any(path != other and path[: len(other)] == other for other in begin)
        )
    text = source_lines(loaded.text)
    if line > len(text) or not text[line - 1].strip():
        return ()
    around = [span for span in found if span.scalar and span.first < line <= span.last]
    return (max(around, key=_depth).path,) if around else ()


def _depth(span: Span) -> int:
    return len(span.path)


def became(traced: Traced, line: int) -> tuple[Became, ...]:
    """What a line of the spec became, by file; a file in which nothing comes from it is not named."""
    paths = keys_at(traced.loaded, line)
    inside = bool(paths) and traced.loaded.position(paths[0], True).line != line
    jobs = {f"{p[1]}.{p[2]}" for p in paths if len(p) == 3 and p[0] == "stages"}
    stages = {str(p[1]) for p in paths if len(p) == 2 and p[0] == "stages"}
    whole = {str(p[1]) for p in paths if len(p) == 2 and p[0] == "targets"}
    found = []
    for file in traced.files:
        lines = tuple(
            origin
            for origin in file.lines
            if (file.target and file.target in whole)
            or origin.job in jobs
            or origin.job.partition(".")[0] in stages
            or any(_below(key, paths, line if inside else 0) for key in (*origin.keys, *origin.because))
        )
        if lines:
            found.append(Became(file.path, file.target, lines))
    return tuple(found)


def _below(key: Key, paths: tuple[Path, ...], line: int) -> bool:
    return any(key.path[: len(path)] == path for path in paths) and (not line or key.position.line == line)
