"""`mlgen init`: look, ask, propose, write; and say which commands come next."""

import os
import sys

from mlgen import targets
from mlgen.cli.commands import Options, spec_of
from mlgen.cli.report import print_json, report, visible
from mlgen.diagnostics import Position, SpecError, error
from mlgen.init import Draft, Found, Proposal, Wishes, draft, look, propose
from mlgen.init.ask import ask
from mlgen.named import NamedTuple
from mlgen.quoting import sh
from mlgen.write.apply import create


class InitOptions(NamedTuple):
    """The options of `init`; `directory` and `format` are what every command has."""

    directory: str = "."
    spec: str = "mlgen.yaml"
    wishes: Wishes = Wishes()
    yes: bool = False
    dry_run: bool = False
    format: str = "text"


def init(options: InitOptions) -> int:
    """Write a first spec; what is there is never touched."""
    spec = spec_of(Options(options.directory, options.spec))
    if os.path.lexists(os.path.join(options.directory, spec)):
        raise _there(spec)
    found = look(options.directory)
    wishes = options.wishes
    if not options.yes and options.format == "text" and _at_a_terminal():
        try:
            wishes = ask(found, wishes)
        except (EOFError, KeyboardInterrupt):
            print("\nnothing was written", file=sys.stderr)
            return 130
    content = draft(found, wishes)
    if not content.targets:
        import typer

        names = ", ".join(targets.names())
        raise typer.BadParameter(f"nothing here tells which CI system is used: name one of {names}", param_hint="-t")
    proposal = propose(options.directory, spec, content)
    if not options.dry_run and not create(options.directory, spec, proposal.text):
        raise _there(spec)
    if options.format == "json":
        print_json(_as_json(options, spec, content, proposal, found))
    elif options.dry_run:
        sys.stdout.write(proposal.text)
    else:
        report(proposal.warnings, options)
        _say(options, spec, content, proposal, found)
    return 0


def _at_a_terminal() -> bool:
    """Whether somebody sees the questions and can answer them; a closed input is None."""
    return all(stream is not None and stream.isatty() for stream in (sys.stdin, sys.stdout))


def wishes(
    name: str | None, chosen: tuple[str, ...], python: str | None, train: str | None, test: str | None
) -> Wishes:
    """The flags as wishes; a usage error where one is of the wrong form."""
    import typer

    from mlgen.init import ask as questions

    for option, value, read in (("--name", name, questions.read_name), ("--python", python, questions.read_python)):
        if value is not None and (fault := read(value)[1]):
            raise typer.BadParameter(f"{value!r}: {fault}", param_hint=option)
    return Wishes(
        name, chosen, python, None if train is None else train.strip(), None if test is None else test.strip()
    )


def _there(spec: str) -> SpecError:
    hint = "`mlgen validate` checks it; to start anew, move it away, or name another file with -f"
    return SpecError([error("MLG511", Position(spec), f"{spec} is there already", hint)])


def _as_json(options: InitOptions, spec: str, content: Draft, proposal: Proposal, found: Found) -> dict[str, object]:
    return {
        "spec": spec,
        "written": not options.dry_run,
        "targets": list(content.targets),
        "jobs": list(proposal.jobs),
        "outputs": list(proposal.outputs),
        "in_the_way": list(proposal.foreign),
        "notes": [*found.notes, *proposal.notes],
        "text": proposal.text,
    }


def _say(options: InitOptions, spec: str, content: Draft, proposal: Proposal, found: Found) -> None:
    """What was found and written, what is in the way, and the next commands, ready to be copied."""
    for note in (*found.notes, *proposal.notes):
        print(f"note: {visible(note)}")
    titles = ", ".join(targets.get(name).title for name in content.targets)
    count = f"{len(proposal.jobs)} job{'' if len(proposal.jobs) == 1 else 's'}"
    print(f"wrote {spec}: {count} ({', '.join(proposal.jobs)}) for {titles}")
    if found.repository.inside:
        print(f"\nThis folder is {visible(found.repository.inside)}/ of a repository, whose root is where CI systems")
        print("look for their files: move the spec there, unless this folder becomes a repository of its own.")
    if proposal.foreign:
        print("\nIn the way, since mlgen did not write them:")
        for path in proposal.foreign:
            print(f"  {path}")
        print("`--adopt` takes them over and keeps each as FILE.orig; first carry over what only they do.")
        for name, path in _movable(content, proposal):
            print(f"Or let both be: write `path: {path}` under `targets.{name}`.")
    signs = [path for name in content.targets for path in content.signs.get(name, ()) if path in found.ci_files]
    beside = [path for path in signs if path not in proposal.outputs]
    if beside:
        print(f"\nLeft alone, and still run by their CI system: {', '.join(map(visible, beside))}")
    print("\nNext:")
    for words, meaning in _next_commands(options, spec, proposal):
        print(f"  {words:40}  # {meaning}" if meaning else f"  {words}")


def _next_commands(options: InitOptions, spec: str, proposal: Proposal) -> list[tuple[str, str]]:
    project, file = sh(options.directory), sh(spec)
    where = ["-C", project] if options.directory != "." else []
    named = [*where, *(["-f", file] if spec != "mlgen.yaml" else [])]
    adopt = ["--adopt"] if proposal.foreign else []
    rows = [
        (["mlgen", "compile", *named, *adopt, "--dry-run"], "what would be written"),
        (["mlgen", "compile", *named, *adopt], "write it"),
        (["mlgen", "settings", *named], "what must be set in the CI system itself"),
        (["git", *where, "add", file, "mlgen.lock", *map(sh, proposal.outputs)], ""),
    ]
    return [(" ".join(words), meaning) for words, meaning in rows]


def _movable(content: Draft, proposal: Proposal) -> list[tuple[str, str]]:
    """Targets whose file can be given another path, with one that is free."""
    import json

    from mlgen.spec.schema import schema_text

    known = json.loads(schema_text())["properties"]["targets"]["anyOf"][1]["properties"]
    found = []
    for name in content.targets:
        usual = known[name]["properties"].get("path", {}).get("default", "")
        if usual in proposal.foreign:
            stem, end = os.path.splitext(usual)
            found.append((name, f"{stem}-mlgen{end}"))
    return found
