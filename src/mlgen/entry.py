"""The command's start. What a hook asks thousands of times is answered before anything heavy is imported."""

import sys

from mlgen import __version__


def main() -> int:
    """Run the command with `sys.argv`; the result is the exit code."""
    arguments = sys.argv[1:]
    if arguments == ["--version"]:
        print(f"mlgen {__version__}")
        return 0
    if arguments[:1] == ["check"]:
        count = _no_change(arguments[1:])
        if count:
            print(f"mlgen: {count} files are current")
            return 0
    try:
        import gc

        gc.disable()  # the process ends before there is garbage worth the search
        from mlgen.cli.main import run
    except KeyboardInterrupt:
        return 130
    code = run(arguments)
    gc.freeze()  # nor do the objects that are left when it ends get searched
    return code


def _no_change(options: "list[str]") -> int:
    """How many outputs are current, if the digests in mlgen.lock tell that all are; else 0.

    Only for `check [-C DIR] [-f SPEC]`, and not in a checkout of mlgen, whose version does not stand for its code.
    """
    given = {"-C": ".", "-f": "mlgen.yaml"}
    if len(options) % 2:
        return 0
    for name, value in zip(options[::2], options[1::2]):
        if name not in given:
            return 0
        given[name] = value
    from mlgen.resources import INSTALLED
    from mlgen.write.lock import is_current

    return is_current(given["-C"], given["-f"], _content) if INSTALLED else 0


def _content(folder: str) -> str:
    """The digest of the content of a pack in a folder; empty if it has none."""
    from mlgen.packs.content import folder_digest

    return folder_digest(folder)
