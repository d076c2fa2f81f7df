"""Text for bash: quoting, and a job's script with its bounds."""

from __future__ import annotations

import re
import shlex

from mlgen.regex import regex

_REFERENCE = regex(r"\$\{(?:matrix\.)?([A-Za-z_][A-Za-z0-9_]*)\}")
_ESCAPED = regex(r"[\\\"$`]")
_GLOB = regex(r"[A-Za-z0-9_@%+=:,./*?\[\]-]+")
_SIMPLE_WORD = regex(
    r"[A-Za-z0-9_@%+=:,./-]+|\"(?:[A-Za-z0-9_@%+=:,. /-]|\$[A-Za-z_][A-Za-z0-9_]*|\$\{[A-Za-z_][A-Za-z0-9_]*\})*\""
)
# Words that only the shell itself understands, so that `timeout` could not run them.
_SHELL_WORDS = frozenset(
    [
        ".",
        "alias",
        "bg",
        "bind",
        "break",
        "builtin",
        "caller",
        "case",
        "cd",
        "command",
        "compgen",
        "complete",
        "compopt",
        "continue",
        "coproc",
        "declare",
        "dirs",
        "disown",
        "do",
        "done",
        "echo",
        "elif",
        "else",
        "enable",
        "esac",
        "eval",
        "exec",
        "exit",
        "export",
        "false",
        "fc",
        "fg",
        "fi",
        "for",
        "function",
        "getopts",
        "hash",
        "help",
        "history",
        "if",
        "in",
        "jobs",
        "kill",
        "let",
        "local",
        "logout",
        "mapfile",
        "popd",
        "printf",
        "pushd",
        "pwd",
        "read",
        "readarray",
        "readonly",
        "return",
        "select",
        "set",
        "shift",
        "shopt",
        "source",
        "suspend",
        "test",
        "then",
        "time",
        "times",
        "trap",
        "true",
        "type",
        "typeset",
        "ulimit",
        "umask",
        "unalias",
        "unset",
        "until",
        "wait",
        "while",
    ]
)


def sh(value: object) -> str:
    """The value as one word of a POSIX shell."""
    return shlex.quote(str(value))


def sh_template(text: str) -> str:
    """The text as one double-quoted word in which `${NAME}` and `${matrix.NAME}` are expanded, and nothing else is."""
    parts = _REFERENCE.split(text)  # text and names in turn
    safe = (f"${{{part}}}" if index % 2 else _ESCAPED.sub(r"\\\g<0>", part) for index, part in enumerate(parts))
    return '"' + "".join(safe) + '"'


def sh_path(path: str) -> str:
    """A path as one word, its globs left for the shell to expand."""
    return path if _GLOB.fullmatch(path) and not path.startswith("-") else shlex.quote(path)


def is_simple(script: str) -> bool:
    """Whether the script is one plain command with plain words, so that `timeout` can be put before it."""
    words = script.split(" ")
    if "\n" in script or "=" in words[0] or words[0] in _SHELL_WORDS or not re.fullmatch(r"[A-Za-z0-9_./-]+", words[0]):
        return False
    rest = _SIMPLE_WORD.sub("", script).strip(" ")
    return rest == "" and not words[0].startswith("-")


def duration(seconds: int) -> str:
    """Seconds as coreutils' `timeout` takes them, in the largest whole unit."""
    for unit, size in (("d", 86400), ("h", 3600), ("m", 60)):
        if seconds % size == 0:
            return f"{seconds // size}{unit}"
    return f"{seconds}s"


def delimiter(text: str) -> str:
    """A here-document delimiter that is no line of the text."""
    name, count = "SCRIPT", 2
    while name in text.split("\n"):
        name, count = f"SCRIPT_{count}", count + 1
    return name


def bounded(script: str, timeout: int, retry: int) -> str:
    """The script so that each try takes at most `timeout` seconds (0: no bound), tried again `retry` times.

    For a bash that runs with -e. Without bounds it is the script itself. Otherwise each try is a process of its own:
    the command itself if it is simple, else a `bash -euo pipefail` that is given the script unchanged, so that `-e`
    holds inside it although its result is tested, and its standard input stays free. The result is that of the last
    try. Variables of its own have names that no job's variable may have.
    """
    if not timeout and not retry:
        return script
    limit = f"timeout -k 30 {duration(timeout)} " if timeout else ""
    lines = []
    command = limit + script
    if not is_simple(script):
        end = delimiter(script)
        lines = [f"IFS= read -r -d '' mlgen_script <<'{end}' || true", script, end]
        command = f'{limit}bash -euo pipefail -c "$mlgen_script"'
    if retry:
        tries = " ".join(str(n) for n in range(1, retry + 2))
        leave = f'[ "$mlgen_try" -le {retry} ] || exit "$mlgen_code"'
        command = f"for mlgen_try in {tries}; do\n  {command} && break\n  mlgen_code=$?\n  {leave}\ndone"
    return "\n".join([*lines, command])
