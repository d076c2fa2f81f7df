"""Scripts that mlgen emits beside the commands of the spec, recognised word by word: anything else is a command."""

from __future__ import annotations

import re
import shlex

from mlgen.named import NamedTuple
from mlgen.readback import shell
from mlgen.regex import fullmatch, regex

ENV = 'bash .mlgen/env.sh --print >> "$GITHUB_ENV"'
APPENDS = 'echo "MLGEN_EXPORTS=$RUNNER_TEMP/mlgen-exports" >> "$GITHUB_ENV"'
JUDGE = '[ "$FAILED" = false ]'
_NAME = "[A-Za-z_][A-Za-z0-9_]*"
_WAITING = regex(
    r"""listens\(\) \{ # HOST/PORT
  for \(\(mlgen_try = \d+; ; mlgen_try--\)\); do
    if \(: < "/dev/tcp/\$1"\) 2> /dev/null; then return; fi
    \(\(mlgen_try\)\) \|\| \{ echo "after \d+ minutes nothing listens at \$1" >&2; exit 1; \}
    sleep 1
  done
\}
((?:listens "\$MLGEN_HOST_[A-Z0-9_]+/\d+"\n?)+)"""
)
_COMPARED = regex(rf'if grep -qxF -- (.*); then echo ({_NAME})=true >> "\$GITHUB_OUTPUT"; fi')
_IDENTITY = """answer=$(curl -fsS --retry 3 -G -H "Authorization: bearer $ACTIONS_ID_TOKEN_REQUEST_TOKEN" \\
  --data-urlencode "audience=$AUDIENCE" "$ACTIONS_ID_TOKEN_REQUEST_URL")
token=$(printf '%s' "$answer" | sed -n 's/.*"value" *: *"\\([^"]*\\)".*/\\1/p')
[ -n "$token" ] || { echo "GitHub gave no identity token" >&2; exit 1; }
echo "::add-mask::$token"
echo "token=$token" >> "$GITHUB_OUTPUT\""""


class Guard(NamedTuple):
    """A deployment's first step: which environment, whether somebody must approve, and the refs that it allows."""

    environment: str
    approval: bool
    refs: tuple[str, ...]


class Exports(NamedTuple):
    """A step that collects exported values: `NAME` or `NAME=FILE:KEY` each, the file, and the outputs of the step.

    `outputs`: name, the exported value that it is, and the text that it is compared with (empty: the value itself).
    """

    values: tuple[str, ...]
    file: str
    outputs: tuple[tuple[str, str, str], ...]


class Legs(NamedTuple):
    """What a leg lists: the job, and the file of the list."""

    job: str
    file: str


def guard(text: str) -> Guard | None:
    """`ci.py guard`."""
    name, words = shell.call(text)
    if name != "guard":
        return None
    options = _options(words, ("--environment", "--ref"), ("--approval",))
    if options is None or len(options["--environment"]) != 1:
        return None
    return Guard(options["--environment"][0], bool(options["--approval"]), tuple(options["--ref"]))


def listing(text: str) -> tuple[str, ...] | None:
    """The paths of a check that files are there, references to axes as `${matrix.AXIS}`."""
    found = shell.required(text.strip().removeprefix("shopt -s globstar; "))
    return None if found is None else tuple(axes(path) for path in found)


def axes(path: str) -> str:
    """The path with each variable as a reference to an axis."""
    return re.sub(rf"\$\{{({_NAME})\}}", r"${matrix.\1}", path)


def report(text: str) -> dict[str, list[str]] | None:
    """What `ci.py report` shows: by option, `--junit`, `--coverage` and `--summary`."""
    name, words = shell.call(text)
    if name != "report":
        return None
    found = _options(words, ("--junit", "--coverage", "--summary"))
    return found and {option: [axes(path) for path in paths] for option, paths in found.items()}


def exports(text: str) -> Exports | None:
    """`ci.py exports`, and the lines after it that make outputs of the step."""
    lines = text.strip("\n").split("\n")
    name, words = shell.call(lines[0])
    if name != "exports" or words[:1] != ["--out"] or len(words) < 2:
        return None
    file, rest, values = words[1], words[2:], []
    while rest[:1] == ["--json"] and len(rest) > 1:
        values.append(rest[1])
        rest = rest[2:]
    if rest:
        if rest[:3] != ["--file", "$MLGEN_EXPORTS", "--name"] or not all(fullmatch(_NAME, n) for n in rest[3:]):
            return None
        values += rest[3:]
    outputs: list[tuple[str, str, str]] = []
    names = [value.partition("=")[0] for value in values]
    for line in lines[1:]:
        compared = _compared(line, file)
        if line == f'cat {shlex.quote(file)} >> "$GITHUB_OUTPUT"':
            outputs += [(name, name, "") for name in names]
        elif compared and compared[1] in names:
            outputs.append(compared)
        else:
            return None
    return Exports(tuple(values), file, tuple(outputs))


def _compared(line: str, file: str) -> tuple[str, str, str] | None:
    """Output, exported value and text of `if grep … 'NAME=TEXT' FILE; then echo OUTPUT=true …`."""
    found = _COMPARED.fullmatch(line)
    words = shell.words(found[1]) if found else []
    if found is None or len(words) != 2 or words[1] != file or "=" not in words[0]:
        return None
    name, _, text = words[0].partition("=")
    return found[2], name, text


def legs(text: str) -> Legs | None:
    """`ci.py legs`."""
    name, words = shell.call(text)
    if name != "legs" or len(words) < 7 or [words[0], words[2], words[4]] != ["--job", "--leg", "--out"]:
        return None
    return Legs(words[1], words[5])


def merge(text: str) -> Legs | None:
    """`ci.py merge`."""
    name, words = shell.call(text)
    if name != "merge" or len(words) != 3 or words[0] != "--job":
        return None
    return Legs(words[1], words[2])


def waiting(text: str) -> tuple[str, ...] | None:
    """The ports that a step waits for, as `VARIABLE/PORT`."""
    found = _WAITING.fullmatch(text.strip("\n"))
    return tuple(re.findall(r'"\$([A-Z0-9_]+/\d+)"', found[1])) if found else None


def written(text: str) -> tuple[str, ...] | None:
    """The variables of secrets that a step writes to files, each from `SECRET_` and its name."""
    lines = text.strip("\n").split("\n")
    if lines[0] != "umask 077" or len(lines) % 2 == 0:
        return None
    found = []
    for write, tell in zip(lines[1::2], lines[2::2]):
        name = fullmatch(
            rf"printf '%s' \"\$\{{SECRET_({_NAME}):\?[\w .-]*\}}\" > \"\$RUNNER_TEMP/secret-({_NAME})\"", write
        )
        if name is None or name[1] != name[2]:
            return None
        if tell != f'echo "{name[1]}=$RUNNER_TEMP/secret-{name[1]}" >> "$GITHUB_ENV"':
            return None
        found.append(name[1])
    return tuple(found)


def removed(text: str) -> tuple[str, ...] | None:
    """The variables of secrets whose files a step removes."""
    words = shell.words(text)
    if words[:3] != ["rm", "-f", "--"] or not all(w.startswith("$RUNNER_TEMP/secret-") for w in words[3:]):
        return None
    return tuple(word.removeprefix("$RUNNER_TEMP/secret-") for word in words[3:])


def is_token(text: str) -> bool:
    """Whether the step asks for an identity token."""
    return text.strip("\n") == _IDENTITY


def _options(words: list[str], several: tuple[str, ...], flags: tuple[str, ...] = ()) -> dict[str, list[str]] | None:
    """The values of each option; None where there is another one."""
    found: dict[str, list[str]] = {name: [] for name in (*several, *flags)}
    rest = list(words)
    while rest:
        name = rest.pop(0)
        if name in flags:
            found[name].append("")
        elif name in several and rest:
            found[name].append(rest.pop(0))
        else:
            return None
    return found
