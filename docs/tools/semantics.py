"""docs/semantics.md: what each construct means, and how each CI system gets it.

The claims stand in semantics.yaml: a small spec, what must become of its jobs on an event, what jobs must receive, what
must be refused. Each spec is compiled for all targets; what the graph and each target's reader say is held against the
claims, and a page on which one does not hold is not made. Of the files it shows the lines that the construct makes: a
spec that lacks it is compiled as well.
"""

import argparse
import difflib
import functools
import re
import shlex
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any, NamedTuple

import yaml
from text import MADE, code, join, sentence, table

from mlgen import targets
from mlgen.cli.event import EventOptions, event_of
from mlgen.compiler import Compiled, compile_spec
from mlgen.diagnostics import Diagnostic, SpecError
from mlgen.readback import SeenJob
from mlgen.simulate.table import SPEC, Row, Side, rows, sides
from mlgen.targets.uses import CONSTRUCTS
from mlgen.verify.things import held_secrets

SOURCE = "docs/tools/semantics.yaml"
WORDS = {"run": "run", "wait": "asks", "fail": "fails", "skip": "–", "none": "none"}
RESULTS = {"pass": "passes", "fail": "fails", "skip": "–", "stop": "–"}
MOST = 3
"""Lines of a file that a table shows."""
_BARE = re.compile(r"[\s{}()\[\],'\"#/|>-]*|(#|//).*")
"""A line that says nothing, or is a comment."""
_EVENT = argparse.ArgumentParser(exit_on_error=False, add_help=False)
_EVENT.add_argument("event")
for _name in ("--branch", "--tag", "--schedule", "--message"):
    _EVENT.add_argument(_name, default="")
for _name in ("--changed", "--input", "--value", "--failing"):
    _EVENT.add_argument(_name, action="append", default=[])
_EVENT.add_argument("--fork", action="store_true")


class Wrong(Exception):
    """A claim that the code does not bear out."""


class Entry(NamedTuple):
    """One construct of the language.

    `runs`: what becomes of the jobs, in the spec's order, by the words of `mlgen simulate`; a mapping says besides of
    which targets something else is true. `facts`: `JOB FACT`, and what every reader must tell. `refused`: changes of
    the spec, as `OLD => NEW`, and the code of the error. `without` changes the spec to one that lacks the construct,
    and `lines` matches, of the lines that are then gone, those that say it.
    """

    title: str
    meaning: str
    keys: str = ""
    """Where docs/language.md has it: anchors."""
    spec: str = ""
    runs: Mapping[str, str | Mapping[str, str]] = {}
    facts: Mapping[str, str | Mapping[str, str]] = {}
    refused: Mapping[str, str] = {}
    executed: Mapping[str, str] = {}
    """How the jobs end where `mlgen run` runs them: pass, fail, skip or stop. tests/docs holds it, not this program."""
    systems: str = ""
    """Rows of the capability tables."""
    without: str = ""
    lines: str = ""
    """Empty: any."""


class Book(NamedTuple):
    """The whole catalogue: what stands above every spec, its parts, and which constructs mean nothing in a run."""

    head: str
    parts: tuple[tuple[str, tuple[Entry, ...]], ...]
    elsewhere: str

    def entries(self) -> Iterator[Entry]:
        """All of them in order."""
        for _, entries in self.parts:
            yield from entries


def _secrets(side: Side, job: SeenJob) -> str:
    given = {*job.secrets, *held_secrets(side.pipeline, job, side.reading, side.name)[1]}
    return _of({name for _, name in given})


FACTS: dict[str, tuple[str, Callable[[Side, SeenJob], str | None]]] = {
    "receives": ("receives", lambda _, job: _of(path for path in job.takes if not path.startswith(".mlgen"))),
    "values": ("sees the exported values:", lambda _, job: None if job.sees is None else _of(job.sees)),
    "secrets": ("sees the secrets:", _secrets),
    "lock": ("holds a lock:", lambda _, job: _whether(job.lock)),
    "portable": ("sees the portable variables:", lambda _, job: _whether(job.portable)),
    "services": ("has beside it:", lambda _, job: _of(one.image for one in job.services)),
    "makes": ("must make", lambda _, job: _of(job.requires)),
}
"""What a reader tells of a job, by name: in words, and the value; None where it does not tell."""


def _whether(found: object) -> str:
    return "yes" if found else "no"


def _of(found: Any) -> str:
    return " ".join(sorted(found)) or "nothing"


def catalogue(path: Path) -> Book:
    """The claims; a TypeError if an entry has a key that there is not."""
    data = yaml.safe_load(path.read_text("utf-8"))
    parts = [(part["part"], tuple(Entry(**entry) for entry in part["entries"])) for part in data["parts"]]
    return Book(data["head"], tuple(parts), data["elsewhere"])


def pages(root: Path) -> dict[str, str]:
    """The page; `Wrong` names what does not hold."""
    return {"semantics.md": page(root, catalogue(root / SOURCE))}


def page(root: Path, book: Book) -> str:
    """The page of a catalogue."""
    body, wrong = [], []
    for title, entries in book.parts:
        body.append(f"## {title}")
        for entry in entries:
            try:
                body.append(section(root, book, entry))
            except Wrong as err:
                wrong.append(str(err))
    told = {construct for entry in book.entries() for construct in entry.systems.split()}
    rest = [name for name in CONSTRUCTS if name not in told]
    if missing := sorted(set(rest) ^ set(book.elsewhere.split())):
        wrong.append(f"neither an entry nor `elsewhere` has {', '.join(missing)}, or both have")
    if wrong:
        raise Wrong("\n".join([f"{SOURCE}: the code says something else", *wrong]))
    return join(
        MADE.format(source=f"{SOURCE} and the code"),
        "# What each construct means",
        _PREFACE,
        f"```yaml\n{book.head.strip()}\n```",
        _contents(book),
        *body,
        "## Not here",
        "Rows of [the table of the targets](targets/README.md) that say where and with what a command runs, or who is"
        " shown what, and nothing of which jobs run: "
        + ", ".join(map(code, rest))
        + ". [The language](language.md) has them.",
    )


_PREFACE = """\
What `mlgen.yaml` says happens in a run, on every CI system, and how each system is brought to do it.

Nothing here is promised by hand. Every small spec is compiled for all five systems when this page is made. A table of
runs says what becomes of each job, as [`mlgen simulate`](simulate.md) does with these words: by the meaning of the
spec, and by what the files of each system say once they are read back. Where a system's files say something else, it
stands below the table; where nothing stands there, all five say the same. What is expected was written by hand before
the code was asked, and the page is not made if the code says anything else. The lines of the files are there because of
the construct: the same spec without it has them in none.

A word in a table: `run`; `fails`: it runs, and its command fails; `asks`: it waits until a person agrees; –: it does
not run. `--failing JOB` is a run in which the command of that job fails. A row of [`mlgen run`](run.md) is no
simulation: the tests run those commands. Above each spec without `targets` stands:"""


def _contents(book: Book) -> str:
    rows = [(f"**{title}**", ", ".join(f"[{e.title}](#{anchor(e)})" for e in entries)) for title, entries in book.parts]
    return table(("", ""), rows)


def anchor(entry: Entry) -> str:
    """The entry's own, which no change of its title's punctuation moves."""
    return re.sub(r"[^a-z0-9]+", "-", entry.title.lower()).strip("-")


def section(root: Path, book: Book, entry: Entry) -> str:
    """What the page says of one construct."""
    links = ", ".join(f"[`{key}`](language.md#{key})" for key in entry.keys.split())
    meaning = entry.meaning.strip() + (f" In the language: {links}." if links else "")
    parts = [f'### <a id="{anchor(entry)}"></a>{entry.title}', meaning]
    if entry.spec:
        compiled = made(root, book, entry, entry.spec)
        parts.append(f"```yaml\n{entry.spec.strip()}\n```")
        parts += _runs(entry, compiled)
        parts += _facts(entry, compiled)
        parts += _refused(root, book, entry)
    parts.append(_systems(root, book, entry))
    return join(*parts).strip()


# --- the spec and what is claimed of it


def whole(book: Book, spec: str) -> str:
    """The spec with what stands above it."""
    head = [line for line in book.head.splitlines() if line.partition(":")[0] not in yaml.safe_load(spec)]
    return "\n".join([*head, spec])


def made(root: Path, book: Book, entry: Entry, spec: str) -> Compiled:
    """The compiled spec; it is read with the checkout as its folder, of which it uses nothing."""
    try:
        return _compiled(root, whole(book, spec))
    except SpecError as err:
        raise Wrong(f"{entry.title}: its spec is refused: {_said(err.diagnostics)}") from err


@functools.cache
def _compiled(root: Path, text: str) -> Compiled:
    return compile_spec(str(root / "docs/tools"), "mlgen.yaml", text=text)


def _said(found: tuple[Diagnostic, ...] | list[Diagnostic]) -> str:
    return "; ".join(f"{d.code} {d.message}" for d in found)


def changed(entry: Entry, change: str) -> str:
    """The spec with NEW wherever it has OLD, of a change `OLD => NEW`."""
    old, arrow, new = change.partition(" => ")
    if not arrow or old not in entry.spec:
        raise Wrong(f"{entry.title}: {old!r} is not in the spec")
    return entry.spec.replace(old, new)


def _runs(entry: Entry, compiled: Compiled) -> Iterator[str]:
    read = _read(compiled)
    jobs = [job.id for job in compiled.pipeline.jobs]
    lines, notes = [], []
    for words, claim in entry.runs.items():
        asked = _EVENT.parse_args(shlex.split(words))
        options = EventOptions(
            asked.event, asked.branch, asked.tag, asked.schedule, tuple(asked.changed) or None, asked.fork,
            tuple(asked.input), message=asked.message, values=tuple(asked.value),
        )  # fmt: skip
        event = event_of(compiled.pipeline, options, starting=False)
        found = rows(compiled.pipeline, event, read, asked.failing)
        claims = _claims(claim)
        for column in (SPEC, *(side.name for side in read)):
            _hold(entry, f"{words} on {column}", claims.get(column, claims[SPEC]), _column(found, column))
        lines.append((code(words), *(WORDS[row.cells[SPEC].state] for row in found)))
        notes += _notes(words, found, read)
    for words, claim in entry.executed.items():
        lines.append((code(f"mlgen run {words}"), *(RESULTS[word] for word in claim.split())))
    yield table(("run", *map(code, _short(jobs))), lines)
    yield "\n".join(notes)


@functools.cache
def _read(compiled: Compiled) -> tuple[Side, ...]:
    return sides(compiled)


def _hold(entry: Entry, what: str, claim: str, found: str) -> None:
    if claim.split() != found.split():
        raise Wrong(f"{entry.title}: {what}: `{claim}` is claimed, and the code says `{found}`")


def _column(found: tuple[Row, ...], column: str) -> str:
    """The words of a column; where the spec runs nothing, nothing is left out."""
    cells = [(row.cells[column].state, row.cells[SPEC].state) for row in found]
    return " ".join(
        "-" if state == "skip" or (state == "none" and spec == "skip") else WORDS[state] for state, spec in cells
    )


def _short(jobs: list[str]) -> list[str]:
    """The jobs' names alone, where that tells them apart."""
    names = [job.partition(".")[2] for job in jobs]
    return names if len(set(names)) == len(names) else jobs


def _notes(words: str, found: tuple[Row, ...], read: tuple[Side, ...]) -> Iterator[str]:
    """Where a target says something else, and why."""
    for side in read:
        why: dict[str, list[str]] = {}
        for row in found:
            cell = row.cells[side.name]
            if cell.state != row.cells[SPEC].state and not (cell.state == "none" and row.cells[SPEC].state == "skip"):
                why.setdefault(cell.why.partition(":")[0], []).append(row.job)
        for reason, jobs in why.items():
            does = "does" if len(jobs) == 1 else "do"
            yield (
                f"- {targets.get(side.name).title}, on {code(words)}: {', '.join(map(code, _short(jobs)))} {does} not"
                f" run: {reason}."
            )


def _facts(entry: Entry, compiled: Compiled) -> Iterator[str]:
    said = []
    for what, claim in entry.facts.items():
        job, fact = what.split()
        words, tell = FACTS[fact]
        claims = _claims(claim)
        found = [(side, tell(side, seen)) for side in _read(compiled) for seen in side.reading.jobs if seen.job == job]
        if all(value is None for _, value in found):
            raise Wrong(f"{entry.title}: no reader tells what {job} {words}")
        for side, value in found:
            if value is not None:
                _hold(entry, f"{what} on {side.name}", claims.get(side.name, claims[SPEC]), value)
        others = [f"on {targets.get(n).title} {_phrase(c)}" for n, c in claims.items() if n != SPEC]
        said.append(" ".join((code(job.partition(".")[2]), words, ", ".join([_phrase(claims[SPEC]), *others]))))
    if said:
        yield f"Read back from the files: {'; '.join(said)}."


def _claims(claim: str | Mapping[str, str]) -> Mapping[str, str]:
    """What is claimed, by column; the targets that are not named are as the spec."""
    return {SPEC: claim} if isinstance(claim, str) else claim


def _phrase(claim: str) -> str:
    return claim if claim == "nothing" else ", ".join(map(code, claim.split()))


def _refused(root: Path, book: Book, entry: Entry) -> Iterator[str]:
    for change, expected in entry.refused.items():
        try:
            _compiled(root, whole(book, changed(entry, change)))
        except SpecError as err:
            found = err.diagnostics
        else:
            raise Wrong(f"{entry.title}: {change!r} is claimed to be refused, and it compiles")
        wrong = [d for d in found if d.severity == "error"]
        if {d.code for d in wrong} != {expected}:
            raise Wrong(f"{entry.title}: {change!r}: {expected} is claimed, and the code says {_said(wrong)}")
        old, _, new = (part.strip() for part in change.partition(" => "))
        instead = f"With {code(new)} instead of {code(old)}" if new else f"Without {code(old)}"
        yield f"{instead}, {sentence(f'[{expected}](codes/{expected}.md): {wrong[0].message}')}"


# --- how each target gets it


def _systems(root: Path, book: Book, entry: Entry) -> str:
    """A row for each target: its capability rows, and the lines of its file that are there because of the construct."""
    constructs = entry.systems.split()
    shown = _lines(root, book, entry) if entry.without else {}
    if not constructs and not shown:
        return ""
    found = []
    for name in targets.names():
        target = targets.get(name)
        how = []
        for construct in constructs:
            row = next(c for c in target.capabilities if c.construct == construct)
            prefix = f"{code(construct)}: " if len(constructs) > 1 else ""
            level = f"[{'no' if row.level == 'unsupported' else row.level}](targets/{name}.md#{construct})"
            text = f"{prefix}{level}: {row.how}"
            how.append(text + (f". *Weaker*: {row.weaker}" if row.weaker and row.level != "unsupported" else ""))
            if row.fallbacks and row.default:
                choices = ", ".join(code(choice) for choice, _ in row.fallbacks)
                how[-1] += f". *Fallback*: {choices}"
        cells = [target.title]
        cells += ["<br>".join(how)] if constructs else []
        cells += ["<br>".join(shown[name])] if shown else []
        found.append(tuple(cells))
    heads = ("", *(["how"] if constructs else []), *(["in its file"] if shown else []))
    return table(heads, found)


def _lines(root: Path, book: Book, entry: Entry) -> dict[str, list[str]]:
    """By target, the lines that the construct makes."""
    there = _texts(made(root, book, entry, entry.spec))
    other = _texts(made(root, book, entry, changed(entry, entry.without)))
    found: dict[str, list[str]] = {}
    for name in targets.names():
        before, after = other.get(name, []), there.get(name, [])
        blocks = difflib.SequenceMatcher(None, before, after, autojunk=False).get_opcodes()
        new = [index for tag, _, _, a, b in blocks if tag in ("insert", "replace") for index in range(a, b)]
        told = [i for i in new if not _BARE.fullmatch(after[i].strip()) and re.search(entry.lines, after[i])]
        said = dict.fromkeys(" ".join(code(line) for line in _with_items(after, i)) for i in told)
        found[name] = list(said)[:MOST]
    if not any(found.values()):
        raise Wrong(f"{entry.title}: no line of any file matches {entry.lines!r}")
    return found


def _with_items(text: list[str], index: int) -> Iterator[str]:
    """A line, and the items of the list that it begins."""
    yield text[index].strip()
    if text[index].endswith(":"):
        for line in text[index + 1 :]:
            if not line.strip().startswith("- "):
                return
            yield line.strip()


def _texts(compiled: Compiled) -> dict[str, list[str]]:
    texts: dict[str, list[str]] = {}
    for file in compiled.files:
        if file.target:
            texts.setdefault(file.target, []).extend(file.text.splitlines())
    return texts
