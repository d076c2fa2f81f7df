"""From arguments to an exit code: 0 fine, 1 stale or refused, 2 the user's input, 3 a bug in mlgen, 130 interrupted."""

import os
import sys
from collections.abc import Callable, Sequence

from mlgen.cli import commands
from mlgen.cli.report import Format, ReportOptions, report, visible
from mlgen.diagnostics import SpecError
from mlgen.typed import Any, TypeVar


def run(arguments: Sequence[str]) -> int:
    """Run one command; never a traceback, unless MLGEN_DEBUG is set."""
    try:
        plain = _plain(arguments)
        code = plain if plain is not None else _typer(arguments)
        sys.stdout.flush()
        return code
    except KeyboardInterrupt:
        return 130
    except BrokenPipeError:  # the reader, such as `head`, has gone; like a program that SIGPIPE ends
        os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
        return 141
    except Exception as err:
        if os.environ.get("MLGEN_DEBUG"):
            raise
        print(f"mlgen: internal error: {type(err).__name__}: {visible(str(err))}", file=sys.stderr)
        print(
            "This is a bug in mlgen. MLGEN_DEBUG=1 shows where; please report it with your mlgen.yaml.", file=sys.stderr
        )
        return 3


def _plain(arguments: Sequence[str]) -> int | None:
    """Run `compile` or `check` with plain options, without the cost of importing typer; None for all else.

    The options are those of `cli.app`; a test holds the two together.
    """
    if not arguments or arguments[0] not in ("compile", "check"):
        return None
    options = commands.Options()
    writes = arguments[0] == "compile"
    rest = list(arguments[1:])
    while rest:
        name = rest.pop(0)
        if name == "--dry-run" and writes:
            options = options._replace(dry_run=True)
        elif name == "--adopt" and writes:
            options = options._replace(adopt=True)
        elif not rest or rest[0].startswith("-"):
            return None
        elif name == "-C":
            options = options._replace(directory=rest.pop(0))
        elif name == "-f":
            options = options._replace(spec=rest.pop(0))
        elif name == "-t":
            options = options._replace(targets=(*options.targets, rest.pop(0)))
        else:
            return None
    return guarded(commands.compile_ if arguments[0] == "compile" else commands.check, options)


Given = TypeVar("Given", bound=ReportOptions)


def guarded(command: Callable[[Given], int], options: Given) -> int:
    """Run the command; what is wrong with the input is printed, and is exit code 2 (1 for a refusal to write)."""
    try:
        return command(options)
    except SpecError as err:
        report(err.diagnostics, options)
        return 1 if all(d.code.startswith(("MLG5", "MLG722")) for d in err.diagnostics) else 2


def _typer(arguments: Sequence[str]) -> int:
    import typer

    from mlgen.cli.app import app

    # By its version, typer requires click or holds a copy of it, with an exception class of its own.
    usage_error: Any = next(kind for kind in typer.BadParameter.__mro__ if kind.__name__ == "ClickException")
    try:
        result = app(args=list(arguments), prog_name="mlgen", standalone_mode=False)
    except typer.Abort:
        return 130
    except SystemExit:  # a closed pipe is the one case in which click exits by itself
        raise BrokenPipeError from None
    except usage_error as err:
        err.show()
        return 2
    return result if isinstance(result, int) else 0


__all__ = ["Format", "guarded", "run"]
