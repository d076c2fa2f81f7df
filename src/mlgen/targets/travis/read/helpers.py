"""What the target itself puts around the commands of a job: each item is recognised exactly, or it is a command."""

from __future__ import annotations

import re
import shlex

from mlgen.named import NamedTuple
from mlgen.readback import Served, shell
from mlgen.regex import fullmatch

ENVIRONMENT = "source .mlgen/env.sh"
HEARTBEAT = 'while sleep 300; do echo "still running"; done &'
PASSED = '[ "$TRAVIS_TEST_RESULT" = 0 ]'
FAILED_RESULT = "export MLGEN_RESULT=failure"
RESULT = f"export MLGEN_RESULT=failure; if {PASSED}; then MLGEN_RESULT=success; fi"
SECRETS = "$HOME/.mlgen-secrets"
FORGET = f'rm -rf "{SECRETS}"'
_LEAVES = " || { [ $? = 3 ] && travis_terminate 0; }"
_BASH = "bash -euo pipefail -c "
_NAME = r"[A-Za-z_]\w*"
_DOUBLE = r"\"(?:[^\"\\$`]|\\.|\$\{\w+\}|\$\w+)*\""
PLAIN = r"(?:'[^']*'|[\w@%+=:,./-])+"
WORD = rf"(?:'[^']*'|[\w@%+=:,./-]|{_DOUBLE})+"


def decision(text: str) -> str:
    """The expression that ends the job, green, where it does not hold; empty if the item is no such decision.

    `travis_terminate 0` leaves out all later phases, and the workspace:
    https://github.com/travis-ci/travis-build/blob/master/lib/travis/build/bash/travis_terminate.bash
    """
    if not text.endswith(_LEAVES):
        return ""
    name, words = shell.call(text.removesuffix(_LEAVES))
    return words[0] if name == "when" and len(words) == 1 else ""


def unset(text: str) -> list[str]:
    """The variables of `unset`; none if the item is no such command."""
    found = shell.words(text) if text.startswith("unset ") else []
    return found[1:] if all(fullmatch(_NAME, name) for name in found[1:]) else []


def removed(text: str) -> list[str]:
    """The paths of `rm -rf -- …`."""
    found = shell.words(text) if text.startswith("rm -rf -- ") else []
    return found[3:]


def restored(text: str) -> list[str]:
    """The paths that are as the repository has them, if it does."""
    start, end = "git ls-files -z -- ", " | git checkout-index -fqz --stdin"
    if not (text.startswith(start) and text.endswith(end)):
        return []
    return shell.words(text.removesuffix(end))[4:]


def found_files(text: str) -> list[str]:
    """The paths of which the item checks that each holds a file."""
    paths = []
    for part in text.split(" && "):
        match = fullmatch(r'\[ -n "\$\(find (.*) -type f -print -quit\)" \]', part)
        words = shell.words(match[1]) if match else []
        if len(words) != 1:
            return []
        paths += words
    return paths


class Merged(NamedTuple):
    """A check that no two legs of a job made one file; `optional`: only where some have run."""

    job: str
    files: tuple[str, ...]
    optional: bool


def merges(text: str) -> Merged | None:
    """The check; None if the item is none."""
    guard = "[ ! -d .mlgen/legs ] || "
    name, words = shell.call(text.removeprefix(guard))
    if name != "merge" or words[:1] != ["--job"] or len(words) < 3:
        return None
    return Merged(words[1], tuple(words[2:]), text.startswith(guard))


def legs(text: str) -> tuple[str, tuple[str, ...]] | None:
    """Where a leg writes which files it made, and the paths of which it does."""
    name, words = shell.call(text)
    known = name == "legs" and words[:1] == ["--job"] and words[2:3] == ["--leg"] and words[4:5] == ["--out"]
    return (words[5], tuple(words[6:])) if known and len(words) > 6 else None


class Exported(NamedTuple):
    """A call that collects exported values: where it writes them, and what they are, as `SeenJob.exports` has them."""

    out: str
    values: tuple[str, ...]


def exports(text: str) -> Exported | None:
    """The call of `ci.py exports`; None if the item is none."""
    name, words = shell.call(text)
    if name != "exports" or words[:1] != ["--out"] or len(words) < 2:
        return None
    out, rest, values = words[1], words[2:], []
    while rest[:1] == ["--json"] and len(rest) > 1:
        values.append(rest[1])
        rest = rest[2:]
    if rest[:3] == ["--file", "$MLGEN_EXPORTS", "--name"] and '"$MLGEN_EXPORTS"' in text:
        values += rest[3:]
        rest = []
    return None if rest else Exported(out, tuple(values))


class Reported(NamedTuple):
    """The reports that are shown in the log."""

    junit: tuple[str, ...]
    shown: tuple[str, ...]


def reports(text: str) -> Reported | None:
    """The call of `ci.py report`, or a `cat` of a summary; None if the item is neither."""
    if text.startswith("cat -- "):
        found = shell.words(text)[2:]
        return Reported((), tuple(found)) if found else None
    name, words = shell.call(text)
    if name != "report" or not words or len(words) % 2:
        return None
    pairs = list(zip(words[::2], words[1::2]))
    if any(option not in ("--junit", "--coverage") for option, _ in pairs):
        return None
    return Reported(
        tuple(value for option, value in pairs if option == "--junit"),
        tuple(value for option, value in pairs if option == "--coverage"),
    )


def told(text: str) -> bool:
    """Whether the item only prints a line."""
    plain = text.removeprefix(f"{ENVIRONMENT} && ")
    return fullmatch(rf"echo {WORD}", plain) is not None


def decoded(text: str) -> list[tuple[str, str]]:
    """Secrets that are written to files of the job's own: variable and name of each; none if the item is not that."""
    lines = text.split("\n")
    if lines[:3] != ["(", "umask 077", f'mkdir -p "{SECRETS}"'] or lines[-1] != ")" or len(lines) < 5:
        return []
    form = re.compile(
        rf'printf %s "\$({_NAME})" \| base64 --decode >"{re.escape(SECRETS)}/({_NAME})" \|\| exit', re.ASCII
    )
    found = [form.fullmatch(line) for line in lines[3:-1]]
    return [(match[2], match[1]) for match in found if match] if all(found) else []


def renamed(text: str) -> list[tuple[str, str, bool]]:
    """Variables that are set to others, or to files of secrets: the new name, the old one, whether to a file."""
    if not text.startswith("export "):
        return []
    pairs: list[tuple[str, str, bool]] = []
    for word in text.removeprefix("export ").split(" "):
        found = fullmatch(rf'({_NAME})="(?:\$({_NAME})|{re.escape(SECRETS)}/({_NAME}))"', word)
        if not found:
            return []
        pairs.append((found[1], found[2] or found[3], bool(found[3])))
    return pairs


def variable_of(host: str) -> str:
    """The end of the name of the variable that holds the service's address."""
    return host.upper().replace("-", "_")


def service(text: str) -> Served | None:
    """The start of a container beside the job; None if the item is none."""
    lines = text.split("\n")
    found = fullmatch(
        rf"docker run --detach --name service-(\S+)((?: --env {WORD})*) ({WORD})((?: {WORD})*) &&", lines[0]
    )
    if len(lines) != 3 or not found:
        return None
    address = "'{{range .NetworkSettings.Networks}}{{.IPAddress}}{{end}}'"
    variable = f"MLGEN_HOST_{variable_of(found[1])}"
    ends = [f"{variable}=$(docker inspect --format {address} service-{found[1]}) &&", f"export {variable}"]
    if lines[1:] != ends:
        return None
    pairs = [each.partition("=") for each in shlex.split(found[2])[1::2]]
    if not all(sign for _, sign, _ in pairs):  # Docker takes the value from the machine
        return None
    env = tuple((name, value) for name, _, value in pairs)
    return Served(found[1], unquoted(found[3]), env, tuple(shlex.split(found[4])), ready="")


def waits(text: str) -> tuple[str, int | str] | None:
    """The service and what the item waits for, and fails without: a port, or the success of a command in it."""
    lines = text.split("\n")
    if len(lines) != 2:
        return None
    ready = (
        r"bash -c 'until docker exec service-(\S+) sh -c \"\$0\" >/dev/null 2>&1; do sleep 1; done' "
        rf"({WORD})"
    )
    answers = r"bash -c 'until \(: <\"/dev/tcp/\$0/\$1\"\) 2>/dev/null; do sleep 1; done' \"\$MLGEN_HOST_(\w+)\" (\d+)"
    message = r"  \{ echo (?:'[^']*'|[\w-]+) >&2; docker logs service-\S+; false; \}"
    known = fullmatch(rf"timeout \d+ (?:{ready}|{answers}) \|\|", lines[0])
    if not known or not fullmatch(message, lines[1]):
        return None
    return (known[1], unquoted(known[2])) if known[1] else (known[3], int(known[4]))


class Login(NamedTuple):
    """The variables by which a registry is logged in to."""

    secrets: tuple[str, ...]


def login(text: str) -> Login | None:
    """A login, or its end; None if the item is neither."""
    if fullmatch(rf"docker logout(?: {PLAIN})?", text):
        return Login(())
    found = fullmatch(
        rf'printf %s "\$({_NAME})" \| docker login --username (?:"\$({_NAME})"|"") --password-stdin(?: {PLAIN})?', text
    )
    return Login(tuple(name for name in found.groups() if name)) if found else None


class Container(NamedTuple):
    """The container in which the job's scripts run."""

    image: str
    passed: frozenset[str]
    """The variables that it is given, beside those of Travis and of mlgen."""
    words: tuple[str, ...]
    """Further words of `docker run`."""


def container(text: str) -> Container | None:
    """The start of one; None if the item is none."""
    lines = text.split("\n")
    if len(lines) < 4 or any(not line.endswith(" \\") for line in lines[:-1]):
        return None
    first = fullmatch(
        r'docker run --detach --name job (--gpus all )?--volume "\$HOME:\$HOME" --workdir "\$PWD" \\', lines[0]
    )
    names = fullmatch(r'  \$\(printf -- "--env %s " HOME CI((?: \w+)*) \$\{!TRAVIS@\} \$\{!MLGEN_@\}\) \\', lines[1])
    git = fullmatch(
        r"  --env GIT_CONFIG_COUNT=1 --env GIT_CONFIG_KEY_0=safe\.directory "
        r'--env GIT_CONFIG_VALUE_0="\$(?:PWD|TRAVIS_BUILD_DIR)" \\',
        lines[2],
    )
    last = fullmatch(rf"  --entrypoint sleep ({WORD}) infinity", lines[-1])
    more = [shell.words(line[:-2]) for line in lines[3:-1]]
    if not (first and names and git and last) or not all(more):
        return None
    socket = ["--volume", "/var/run/docker.sock:/var/run/docker.sock"]
    said = [word for words in more if words != socket and words[0] != "--pull" for word in words]
    return Container(unquoted(last[1]), frozenset(("HOME", "CI", *names[1].split())), tuple(said))


def unquoted(word: str) -> str:
    """The text of a word, in which references stay."""
    return shlex.split(word)[0]


class Read(NamedTuple):
    """An item that executes a script of the job, without what is put around it."""

    text: str
    guarded: bool = False
    """Whether it runs only if all before it succeeded."""
    contained: bool = False
    """Whether it runs in the container."""
    result: bool = False
    """Whether the container is told how the job ended."""
    plain: bool = False
    """Whether the job's own shell runs it."""
    timeout: int = 0


def bare(text: str) -> Read:
    """The script that the item executes."""
    if text.startswith(f"if {PASSED}; then\n") and text.endswith("\nfi"):
        return Read(text[len(f"if {PASSED}; then\n") : -len("\nfi")], guarded=True, plain=True)
    guard = f"{PASSED} && "
    if text.startswith(guard):
        return _bare(text.removeprefix(guard))._replace(guarded=True)
    lines = text.split("\n")
    if lines[-1] in (f'{_BASH}"$mlgen_script"', f'{guard}{_BASH}"$mlgen_script"'):
        inner = _document(lines[:-1])
        if inner is not None:
            return Read(inner, guarded=lines[-1].startswith(guard))
    return _bare(text)


def _bare(text: str) -> Read:
    for start in ("docker exec --env MLGEN_RESULT job ", "docker exec job "):
        if text.startswith(start):
            inner = _bash(text.removeprefix(start))
            if inner:
                return inner._replace(contained=True, result="MLGEN_RESULT" in start)
            return Read(text, plain=True)
    start = "(\nset -euo pipefail\n"
    if text.startswith(start) and text.endswith("\n)"):
        return Read(text[len(start) : -2])
    return _bash(text) or Read(text, plain=True)


def _bash(text: str) -> Read | None:
    """The script that a bash of its own is given, and its bound; None if there is no such bash."""
    limit, timeout = re.match(r"timeout -k 30 (\d+[smhd]) ", text), 0
    if limit:
        text, timeout = text[limit.end() :], shell.seconds(limit[1])
    if not text.startswith(_BASH):
        return None
    word = text.removeprefix(_BASH)
    if not fullmatch(r"(?:'[^']*'|\"'\")+|[\w@%+=:,./-]+", word):
        return None
    return Read(unquoted(word), timeout=timeout)


def _document(lines: list[str]) -> str | None:
    """The here-document that is read into the variable."""
    start = "IFS= read -r -d '' mlgen_script <<'"
    if len(lines) < 2 or not lines[0].startswith(start):
        return None
    end = lines[0].removeprefix(start).removesuffix("' || true")
    return "\n".join(lines[1:-1]) if lines[-1] == end and end not in lines[1:-1] else None
