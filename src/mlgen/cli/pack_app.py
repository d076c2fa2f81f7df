"""`mlgen pack …` as typer sees it."""

from collections.abc import Callable
from typing import Annotated

import typer

from mlgen.cli import pack_make, packs
from mlgen.cli.main import guarded

app = typer.Typer(
    help="Packs: what an organisation lays beneath its projects' specs.",
    no_args_is_help=True,
    rich_markup_mode=None,
)

Directory = Annotated[str, typer.Option("-C", "--directory", help="The project's root.", metavar="DIR")]
Spec = Annotated[str, typer.Option("-f", "--file", help="The spec, in the project's root.", metavar="SPEC")]
Names = Annotated[list[str] | None, typer.Argument(help="Packs, by name or source; without any, all.", metavar="PACK")]
To = Annotated[str, typer.Option("--to", help="The tag or commit to take, instead of the newest.", metavar="REVISION")]
Format = Annotated[str, typer.Option("--format", help="text or json.", metavar="FORMAT")]


def _run(command: Callable[[packs.PackOptions], int], options: packs.PackOptions) -> int:
    _one_of(options.format)
    return guarded(command, options)


def _one_of(format: str) -> None:
    if format not in ("text", "json"):
        raise typer.BadParameter(f"{format!r} is neither text nor json", param_hint="--format")


@app.command()
def lock(directory: Directory = ".", spec: Spec = "mlgen.yaml", format: Format = "text") -> int:
    """Pin the packs that are not pinned yet."""
    return _run(packs.lock_, packs.PackOptions(directory, spec, format=format))


@app.command()
def update(
    pack: Names = None, to: To = "", directory: Directory = ".", spec: Spec = "mlgen.yaml", format: Format = "text"
) -> int:
    """Move pins to what the packs are now: the newest release, or the changed folder."""
    return _run(packs.update, packs.PackOptions(directory, spec, tuple(pack or ()), to, format))


@app.command()
def diff(
    pack: Names = None, to: To = "", directory: Directory = ".", spec: Spec = "mlgen.yaml", format: Format = "text"
) -> int:
    """Show what an update would change in this project's outputs, as a unified diff. Writes nothing."""
    return _run(packs.diff, packs.PackOptions(directory, spec, tuple(pack or ()), to, format))


@app.command()
def new(
    folder: Annotated[str, typer.Argument(help="The folder to make; empty or not there yet.")],
    name: Annotated[str, typer.Option("--name", help="What the pack is called; the folder's name by default.")] = "",
) -> int:
    """Make a pack that compiles, with a test project."""
    return guarded(pack_make.new, pack_make.MakeOptions(folder, name))


@app.command()
def test(
    name: Annotated[str, typer.Argument(help="One test; without it, all.")] = "",
    folder: Annotated[str, typer.Option("-C", "--directory", help="The pack's folder.", metavar="DIR")] = ".",
    update: Annotated[bool, typer.Option("--update", help="Write what comes out, instead of comparing.")] = False,
    format: Format = "text",
) -> int:
    """Compile the pack's test projects, tests/NAME/mlgen.yaml, and compare with the outputs committed beside them."""
    _one_of(format)
    return guarded(pack_make.test, pack_make.MakeOptions(folder, name, update, format))
