"""Shell text as emitted files hold it: what is mlgen's own around a command of the spec."""

from __future__ import annotations

import shlex
from functools import lru_cache

from mlgen.named import NamedTuple

_PREAMBLE = ("set -euo pipefail", ". .mlgen/env.sh", "source .mlgen/env.sh")
_UNITS = {"s": 1, "m": 60, "h": 3600, "d": 86400}


class Head(NamedTuple):
    """A script without its beginning: the variables that it sets first, the folder that it enters, and the rest.

    `portable`: it reads the portable variables.
    """

    exports: tuple[tuple[str, str], ...]
    folder: str
    rest: str
    portable: bool = False


class Bounded(NamedTuple):
    """A command with its bounds: the lines before it, itself, the seconds a try may take (0: any), and the tries."""

    before: str
    command: str
    timeout: int = 0
    tries: int = 1


def head(text: str) -> Head:
    """The script's beginning read: `set`, env.sh, `export NAME="…"` and `cd FOLDER`, as far as they come first."""
    lines = text.strip("\n").split("\n")
    if lines[0].startswith("#!"):
        del lines[0]
    portable = False
    while lines and (line := lines[0].partition("  #")[0].strip()) in _PREAMBLE:
        portable = portable or line != _PREAMBLE[0]
        del lines[0]
    exports = []
    while lines and lines[0].startswith("export ") and "=" in lines[0]:
        name, _, word = lines.pop(0).removeprefix("export ").partition("=")
        exports.append((name, word))
    folder = ""
    if lines and lines[0].startswith("cd "):
        folder = " ".join(shlex.split(lines.pop(0))[1:])
    return Head(tuple(exports), folder, "\n".join(lines), portable)


def readings(text: str) -> tuple[Bounded, ...]:
    """All ways in which a script can be read as a command with bounds; the first is the text itself, without any.

    Simple commands joined by `&&` are also read as a line each: with `set -e` that is the same.
    """
    found = [Bounded("", text)]
    lines = text.split("\n")
    if len(lines) == 1 and " && " in text and all(map(words, text.split(" && "))):
        found.append(Bounded("", text.replace(" && ", "\n")))
    tries = 1
    end = len(lines)
    if len(lines) >= 5 and lines[-1] == "done" and lines[-5].startswith("for mlgen_try in "):
        count = len(lines[-5].removeprefix("for mlgen_try in ").removesuffix("; do").split())
        leave = f'  [ "$mlgen_try" -le {count - 1} ] || exit "$mlgen_code"'
        if lines[-3:-1] != ["  mlgen_code=$?", leave] or not lines[-4].endswith(" && break"):
            return tuple(found)
        tries, end = count, len(lines) - 5
        last = lines[-4].removesuffix(" && break").removeprefix("  ")
    else:
        end, last = len(lines) - 1, lines[-1]
    timeout, command = _limited(last)
    if command == 'bash -euo pipefail -c "$mlgen_script"':
        inner = _here_document(lines[:end])
        if inner is not None:
            found.append(Bounded(inner[0], inner[1], timeout, tries))
    elif timeout or tries > 1:
        found.append(Bounded("\n".join(lines[:end]), command, timeout, tries))
    return tuple(found)


def seconds(duration: str) -> int:
    """A duration such as `20m` in seconds; 0 if it is none."""
    number, unit = duration[:-1], duration[-1:]
    return int(number) * _UNITS[unit] if number.isdigit() and unit in _UNITS else 0


def _limited(line: str) -> tuple[int, str]:
    """The bound of `timeout` and the command behind it."""
    words = line.split(" ", 4)
    if len(words) == 5 and words[:3] == ["timeout", "-k", "30"] and seconds(words[3]):
        return seconds(words[3]), words[4]
    return 0, line


def _here_document(lines: list[str]) -> tuple[str, str] | None:
    """The text before a here-document that is read into a variable, and its content."""
    start = "IFS= read -r -d '' mlgen_script <<'"
    at = next((n for n, line in enumerate(lines) if line.startswith(start)), None)
    if at is None:
        return None
    delimiter = lines[at].removeprefix(start).removesuffix("' || true")
    if lines[-1] != delimiter or delimiter in lines[at + 1 : -1]:
        return None
    return "\n".join(lines[:at]), "\n".join(lines[at + 1 : -1])


def words(text: str) -> list[str]:
    """A simple command's words, its continued lines joined; empty if it is no simple command.

    One with an operator (`;`, `|`, `>`…) or with another command in it is none.
    """
    return list(_words(text.replace("\\\n", " ").strip()))


@lru_cache(maxsize=4096)
def _words(text: str) -> tuple[str, ...]:
    if not _is_simple(text):
        return ()
    try:
        return tuple(shlex.split(text, comments=True))
    except ValueError:
        return ()


def _is_simple(text: str) -> bool:
    """Whether a shell sees words only: no operator outside of quotes, and no substitution but in single quotes."""
    quote = ""
    at = 0
    while at < len(text):
        c = text[at]
        if c == "\\" and quote != "'":
            at += 1
        elif c == quote:
            quote = ""
        elif not quote and c in "'\"":
            quote = c
        elif (quote != "'" and (c == "`" or text.startswith("$(", at))) or (not quote and c in "();<>|&\n"):
            return False
        at += 1
    return True


def is_fixed(text: str) -> bool:
    """Whether the shell puts nothing in: no `$` or backtick but in single quotes, and no glob but in quotes."""
    quote = ""
    at = 0
    while at < len(text):
        c = text[at]
        if c == "\\" and quote != "'":
            at += 1
        elif c == quote:
            quote = ""
        elif not quote and c in "'\"":
            quote = c
        elif (quote != "'" and c in "$`") or (not quote and c in "*?["):
            return False
        at += 1
    return True


def call(text: str) -> tuple[str, list[str]]:
    """The command of `.mlgen/ci.py` that a line calls, and its arguments; empty if it calls none."""
    found = words(text)
    if found[:2] == ["python3", ".mlgen/ci.py"] and len(found) > 2:
        return found[2], found[3:]
    return "", []


def required(text: str) -> tuple[str, ...] | None:
    """The paths of a check that files are there (`ls -ld -- PATH…`); None if the line is none."""
    found = words(text)
    return tuple(found[3:]) if found[:3] == ["ls", "-ld", "--"] else None


def emptied(text: str) -> list[str] | None:
    """The paths that stay where the repository is taken away; None if the line does not do that."""
    said = words(text) if text.startswith("find . -mindepth 1 ") else []
    end = ["-prune", "-o", "!", "-type", "d", "-exec", "rm", "-f", "--", "{}", "+"]
    if said[:5] != ["find", ".", "-mindepth", "1", "("] or said[-len(end) - 1 :] != [")", *end]:
        return None
    paths = said[5 : -len(end) - 1]
    if any(word != ("-path" if n % 3 == 0 else "-o") for n, word in enumerate(paths) if n % 3 != 1):
        return None
    return [path.removeprefix("./") for path in paths[1::3]]
