"""The commands as typer sees them: help, completion, and every option."""

import os
import re
import sys
from typing import Annotated

import typer

from mlgen import __version__, targets
from mlgen.cli import commands, keys, pack_app, show
from mlgen.cli.main import guarded
from mlgen.cli.report import print_json
from mlgen.compiler import analyse
from mlgen.diagnostics import CODES
from mlgen.spec.schema import schema_text

app = typer.Typer(
    name="mlgen",
    help="Compile one ML project spec, mlgen.yaml, into native CI configs that mean the same on every CI system.",
    no_args_is_help=True,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
)

app.add_typer(pack_app.app, name="pack")

Directory = Annotated[str, typer.Option("-C", "--directory", help="The project's root.", metavar="DIR")]
Spec = Annotated[str, typer.Option("-f", "--file", help="The spec, in the project's root.", metavar="SPEC")]
Targets = Annotated[
    list[str] | None,
    typer.Option("-t", "--target", help="Only this target; may be repeated.", autocompletion=lambda: targets.names()),
]
Format = Annotated[str, typer.Option("--format", help="text, json, annotations or sarif.", metavar="FORMAT")]
FORMATS = ("text", "json", "annotations", "sarif")


def _version(value: bool) -> None:
    if value:
        print(f"mlgen {__version__}")
        raise typer.Exit


@app.callback()
def _main(
    version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Print the version.")
    ] = False,
) -> None:
    pass


def _one_of(format: str, formats: tuple[str, ...]) -> None:
    if format not in formats:
        raise typer.BadParameter(f"{format!r} is none of {', '.join(formats)}", param_hint="--format")


def _run(command: commands.Command, options: commands.Options, formats: tuple[str, ...] = FORMATS) -> int:
    _one_of(options.format, formats)
    return guarded(command, options)


@app.command()
def init(
    directory: Directory = ".",
    spec: Spec = "mlgen.yaml",
    target: Annotated[
        list[str] | None,
        typer.Option(
            "-t",
            "--target",
            help="A CI system, instead of those found.",
            autocompletion=lambda: targets.names(),
        ),
    ] = None,
    name: Annotated[str | None, typer.Option("--name", help="The project's name.")] = None,
    python: Annotated[str | None, typer.Option("--python", help="The Python version, such as 3.12.")] = None,
    train: Annotated[str | None, typer.Option("--train", help="The command that trains; empty for none.")] = None,
    test: Annotated[str | None, typer.Option("--test", help="The command that tests; empty for none.")] = None,
    yes: Annotated[bool, typer.Option("-y", "--yes", help="Ask nothing, also on a terminal.")] = False,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Print the spec, and write nothing.")] = False,
    format: Format = "text",
) -> int:
    """Write a first mlgen.yaml from what the project shows of itself. Asks on a terminal; never overwrites."""
    from mlgen.cli import init as init_

    _one_of(format, ("text", "json"))
    for wanted in target or ():
        if wanted not in targets.names():
            raise typer.BadParameter(f"{wanted!r} is none of {', '.join(targets.names())}", param_hint="--target")
    wishes = init_.wishes(name, tuple(dict.fromkeys(target or ())), python, train, test)
    return guarded(init_.init, init_.InitOptions(directory, spec, wishes, yes, dry_run, format))


@app.command("compile")
def compile_(
    directory: Directory = ".",
    spec: Spec = "mlgen.yaml",
    target: Targets = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Say what would be written, and write nothing.")] = False,
    adopt: Annotated[
        bool,
        typer.Option("--adopt", help="Take over files that mlgen did not write; the old ones are kept as FILE.orig."),
    ] = False,
    format: Format = "text",
) -> int:
    """Write the CI configs of the spec."""
    return _run(commands.compile_, commands.Options(directory, spec, tuple(target or ()), dry_run, adopt, format))


@app.command()
def check(
    directory: Directory = ".", spec: Spec = "mlgen.yaml", target: Targets = None, format: Format = "text"
) -> int:
    """Tell whether the CI configs are current: 0 yes, 1 no (with a diff), 2 the spec is wrong."""
    return _run(commands.check, commands.Options(directory, spec, tuple(target or ()), format=format))


@app.command()
def validate(
    directory: Directory = ".", spec: Spec = "mlgen.yaml", target: Targets = None, format: Format = "text"
) -> int:
    """Check the spec, and that every target can say it. Writes nothing."""
    return _run(commands.validate, commands.Options(directory, spec, tuple(target or ()), format=format))


@app.command()
def diff(
    revision: Annotated[
        str, typer.Argument(help="With --behaviour: the revision to compare with.", metavar="REV", show_default=False)
    ] = "",
    directory: Directory = ".",
    spec: Spec = "mlgen.yaml",
    target: Targets = None,
    behaviour: Annotated[
        bool, typer.Option("--behaviour", help="What the spec does differently since REV (default HEAD), in words.")
    ] = False,
    format: Annotated[
        str, typer.Option("--format", help="text or json; with --behaviour also markdown.", metavar="FORMAT")
    ] = "text",
) -> int:
    """Show what `compile` would change, as a unified diff, or what the pipeline does differently."""
    if behaviour:
        from mlgen.cli import behaviour as behaviour_

        _one_of(format, behaviour_.FORMATS)
        options = behaviour_.BehaviourOptions(directory, spec, revision or "HEAD", format)
        return guarded(behaviour_.behaviour, options)
    if revision:
        raise typer.BadParameter("a revision needs --behaviour", param_hint="REV")
    return _run(commands.diff, commands.Options(directory, spec, tuple(target or ()), format=format), ("text", "json"))


@app.command()
def simulate(
    event: Annotated[
        str,
        typer.Argument(help="push, pull_request, tag, schedule, manual or an api event; none: all.", metavar="EVENT"),
    ] = "",
    directory: Directory = ".",
    spec: Spec = "mlgen.yaml",
    target: Targets = None,
    branch: Annotated[str, typer.Option("--branch", help="The branch; of a pull request, its target.")] = "",
    tag: Annotated[str, typer.Option("--tag", help="The tag.")] = "",
    schedule: Annotated[str, typer.Option("--schedule", help="The schedule's name.")] = "",
    changed: Annotated[
        list[str] | None,
        typer.Option("--changed", help="A file that changed; may be repeated. None: all did."),
    ] = None,
    fork: Annotated[bool, typer.Option("--fork", help="The pull request comes from a fork.")] = False,
    input: Annotated[list[str] | None, typer.Option("--input", help="An input, NAME=VALUE.")] = None,
    message: Annotated[str, typer.Option("--message", help="The commit's message.")] = "",
    value: Annotated[list[str] | None, typer.Option("--value", help="An exported value, JOB.NAME=VALUE.")] = None,
    failing: Annotated[list[str] | None, typer.Option("--failing", help="A job that fails; may be repeated.")] = None,
    format: Format = "text",
) -> int:
    """Show which jobs run on an event: as the spec means it, and as each target's files say it."""
    from mlgen.cli import simulate as simulate_
    from mlgen.cli.event import EventOptions

    _one_of(format, ("text", "json"))
    chosen = EventOptions(
        event, branch, tag, schedule, None if changed is None else tuple(changed), fork, tuple(input or ()),
        message=message, values=tuple(value or ()),
    )  # fmt: skip
    options = simulate_.Options(directory, spec, tuple(target or ()), chosen, tuple(failing or ()), format)
    return guarded(simulate_.simulate, options)


@app.command("targets")
def targets_(
    target: Annotated[str, typer.Argument(help="One target; without it, a table of all.")] = "", format: Format = "text"
) -> int:
    """Show what each CI system can say: natively, by emulation, or not."""
    _one_of(format, ("text", "json"))
    return show.targets_(target, format)


@app.command()
def settings(
    target: Annotated[str, typer.Argument(help="One target; without it, all of the spec.")] = "",
    directory: Directory = ".",
    spec: Spec = "mlgen.yaml",
    format: Format = "text",
) -> int:
    """Print what must be set in the CI system itself, since no file can say it, as a checklist."""
    options = commands.Options(directory, spec, (target,) if target else (), format=format)
    return _run(show.settings, options, ("text", "json"))


@app.command()
def schema() -> int:
    """Print the JSON Schema of mlgen.yaml."""
    sys.stdout.write(schema_text())
    return 0


@app.command()
def ir(directory: Directory = ".", spec: Spec = "mlgen.yaml") -> int:
    """Print the pipeline graph that the spec means, as JSON."""

    def command(options: commands.Options) -> int:
        pipeline, _ = analyse(options.directory, commands.spec_of(options))
        print_json(show.plain(pipeline))
        return 0

    return _run(command, commands.Options(directory, spec))


@app.command()
def graph(
    directory: Directory = ".",
    spec: Spec = "mlgen.yaml",
    format: Annotated[
        str, typer.Option("--format", help="text, mermaid, dot, svg or html.", metavar="FORMAT", show_default="text")
    ] = "",
    output: Annotated[
        str, typer.Option("--output", "-o", help="Write this file; its suffix tells the format.", metavar="FILE")
    ] = "",
) -> int:
    """Show the pipeline as a graph: in the terminal, as a diagram, or as a page with everything about it."""
    from mlgen.cli import draw

    chosen = format or draw.format_of(output)
    _one_of(chosen, draw.FORMATS)
    return guarded(lambda options: draw.graph(options, chosen, output), commands.Options(directory, spec))


@app.command()
def run(
    event: Annotated[
        str,
        typer.Argument(help="push, pull_request, tag, schedule, manual, or the name of an api event.", metavar="EVENT"),
    ] = "push",
    directory: Directory = ".",
    spec: Spec = "mlgen.yaml",
    branch: Annotated[
        str, typer.Option("--branch", help="The event's branch: of a pull request its target.", metavar="BRANCH")
    ] = "",
    tag: Annotated[str, typer.Option("--tag", help="The tag.", metavar="TAG")] = "",
    schedule: Annotated[str, typer.Option("--schedule", help="The schedule's name.", metavar="NAME")] = "",
    changed: Annotated[
        list[str] | None,
        typer.Option("--changed", help="A file that has changed, instead of asking git; repeatable.", metavar="PATH"),
    ] = None,
    fork: Annotated[bool, typer.Option("--fork", help="The pull request comes from a fork.")] = False,
    input: Annotated[
        list[str] | None, typer.Option("--input", help="An input of the run; repeatable.", metavar="NAME=VALUE")
    ] = None,
    job: Annotated[
        list[str] | None,
        typer.Option("--job", help="Only this job and what it depends on; repeatable.", metavar="JOB"),
    ] = None,
    jobs: Annotated[
        int | None, typer.Option("--jobs", "-j", help="Jobs at once; as many as there are cores.", min=1)
    ] = None,
    deploy: Annotated[bool, typer.Option("--deploy", help="Also run the jobs that deploy.")] = False,
    approve: Annotated[
        list[str] | None,
        typer.Option("--approve", help="Approve this environment or job; repeatable.", metavar="NAME"),
    ] = None,
    secrets: Annotated[
        str, typer.Option("--secrets", help="A file of NAME=VALUE lines, beside the environment.", metavar="FILE")
    ] = "",
    service: Annotated[
        list[str] | None,
        typer.Option("--service", help="The command that is this service here; repeatable.", metavar="NAME=COMMAND"),
    ] = None,
    pass_: Annotated[
        list[str] | None,
        typer.Option("--pass", help="A variable of yours that jobs see; repeatable.", metavar="NAME"),
    ] = None,
    any_python: Annotated[
        bool, typer.Option("--any-python", help="Where a version of Python is not here, take another one.")
    ] = False,
    fresh: Annotated[bool, typer.Option("--fresh", help="Make the environments anew.")] = False,
    keep: Annotated[bool, typer.Option("--keep", help="Keep the folders in which the jobs ran.")] = False,
    verbose: Annotated[bool, typer.Option("--verbose", "-v", help="Show what the jobs print.")] = False,
    junit: Annotated[str, typer.Option("--junit", help="Write the results as JUnit XML.", metavar="FILE")] = "",
    format: Annotated[str, typer.Option("--format", help="text or json.", metavar="FORMAT")] = "text",
) -> int:
    """Run the pipeline on this machine: each job in a clean copy of the project, with only the files it declares."""
    _one_of(format, ("text", "json"))
    if os.name == "nt":
        raise typer.BadParameter("jobs are scripts for bash; use WSL on Windows")
    from mlgen.cli import run as local

    options = local.RunOptions(
        directory=directory,
        spec=spec,
        event=event,
        branch=branch,
        tag=tag,
        schedule=schedule,
        changed=None if changed is None else tuple(changed),
        fork=fork,
        inputs=tuple(input or ()),
        jobs=tuple(job or ()),
        slots=jobs or 0,
        deploy=deploy,
        approve=tuple(approve or ()),
        secrets=secrets,
        services=tuple(service or ()),
        passed=tuple(pass_ or ()),
        any_python=any_python,
        fresh=fresh,
        keep=keep,
        verbose=verbose,
        junit=junit,
        format=format,
    )
    return guarded(local.run, options)


@app.command()
def explain(
    what: Annotated[
        str,
        typer.Argument(
            help="A code such as MLG201, a key such as runtime.image, a target, or FILE:LINE of the spec or an output.",
            metavar="CODE|KEY|TARGET|FILE:LINE",
        ),
    ],
    directory: Directory = ".",
    spec: Spec = "mlgen.yaml",
    format: Format = "text",
) -> int:
    """Explain a diagnostic, a target, a line of an emitted file or of the spec, or which layer a value comes from.

    A line of an emitted file has keys of the spec and places of templates behind it; a line of the spec became lines of
    each target's files; a value is the project's, a pack's or a default of mlgen.
    """
    _one_of(format, ("text", "json"))
    options = commands.Options(directory, spec, format=format)
    place = re.fullmatch(r"(.+?):([0-9]+)(?::[0-9]+)?", what)
    if place:
        from mlgen.cli import origin

        return guarded(lambda options: origin.explain(options, place[1], int(place[2])), options)
    if what in targets.names():
        return show.targets_(what, format)
    if keys.is_known(what):
        return guarded(lambda options: keys.explain(options, what), options)
    name = what.upper()
    if name not in CODES:
        from mlgen.lower.names import did_you_mean

        if os.path.exists(os.path.join(directory, what)):
            raise typer.BadParameter(f"of which line? {what}:1 is the first", param_hint="WHAT")
        raise typer.BadParameter(f"there is no code {what}; {did_you_mean(name, CODES)}", param_hint="WHAT")
    if format == "json":
        print_json({"code": name, **CODES[name]._asdict()})
    else:
        print(f"{name}: {CODES[name].title}\n\n{CODES[name].text}")
    return 0
