"""Entries of `before_script`, `script` and `after_script`, and how a script of the spec becomes some.

The runner joins `before_script` and `script` to one bash script that runs with `-eo pipefail`, each entry as it
stands (https://docs.gitlab.com/ci/yaml/script/), hence one shell: an entry that could leave it, change its folder or
set its variables is a subshell.
"""

from __future__ import annotations

from mlgen.named import NamedTuple
from mlgen.quoting.shell import bounded, delimiter, is_simple
from mlgen.regex import regex

OPENING = "$[["
"""Begins what GitLab replaces, anywhere in a file that has a header: https://docs.gitlab.com/ci/inputs/"""

_HEREDOC = regex(r"(?<!<)<<(?!<)(-?)\s*([\"']?)([^\s\"'<>;&|()]+)\2")


class Entry(NamedTuple):
    """One entry: its text, and a comment beside it."""

    text: str
    comment: str = ""

    @property
    def note(self) -> str:
        """The comment as it stands behind the entry."""
        return f"  # {self.comment}" if self.comment else ""


def block(comment: str, *lines: str) -> Entry:
    """Several lines as one entry, with a comment at its head."""
    return Entry("\n".join([f"# {comment}", *lines]))


def user(script: str, inputs: bool, timeout: int = 0, retry: int = 0) -> list[Entry]:
    """A script of the spec: plain commands as they are, all else in a subshell or a bash of its own.

    `inputs`: the file has a header, so that GitLab replaces what begins like a reference to an input.
    """
    if not script:
        return []
    if inputs and OPENING in script:
        return [Entry(bounded(_hidden(script), timeout, retry))]
    if timeout or retry:
        return [Entry(bounded(script, timeout, retry))]
    lines = script.split("\n")
    if all(map(_plain, lines)):
        return [Entry(line) for line in lines]
    if not _closed(script):
        # Behind a here-document the script ends in a newline, which an escape at its end would take.
        return [Entry(own_bash(script, "${mlgen_script%?}" if script.endswith("\\") else "$mlgen_script"))]
    return [Entry(f"( {script} )" if len(lines) == 1 and "#" not in script else f"(\n{script}\n)")]


def apart(script: str, inputs: bool) -> str:
    """A script of the spec in a bash of its own, so that `-e` holds in it although its result is tested."""
    return _hidden(script) if inputs and OPENING in script else own_bash(script)


def _plain(line: str) -> bool:
    """Whether the line is one plain command, which cannot change the shell that runs it."""
    return is_simple(line) or (line.startswith(("echo ", "printf ")) and is_simple(f"x{line}"))


def _closed(script: str) -> bool:
    """Whether a parenthesis on the next line surely ends the script: no here-document or escape takes it up."""
    lines = script.split("\n")
    ends = [(found[1], found[3].replace("\\", "")) for found in _HEREDOC.finditer(script)]
    closed = all(end in ([line.lstrip("\t") for line in lines] if dash else lines) for dash, end in ends)
    return closed and not script.endswith("\\")


def own_bash(script: str, expansion: str = "$mlgen_script") -> str:
    """The script in a bash of its own, which it is given unchanged."""
    end = delimiter(script)
    return f"IFS= read -r -d '' mlgen_script <<'{end}' || true\n{script}\n{end}\nbash -euo pipefail -c \"{expansion}\""


def _hidden(script: str) -> str:
    """A script that holds `$[[`, which GitLab would replace or refuse, without it in the text: put in when it runs."""
    mark = "@[["
    while mark in script:
        mark = "@" + mark
    return own_bash(script.replace(OPENING, mark), "${mlgen_script//'" + mark + "'/'$'[[}")
