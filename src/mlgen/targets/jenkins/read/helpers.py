"""What the file's own scripts do around the commands of a job: each is recognised exactly, or it is a command."""

from __future__ import annotations

import re
import shlex

from mlgen.named import NamedTuple
from mlgen.readback import Served, shell
from mlgen.readback.unread import Unread
from mlgen.regex import fullmatch, regex

BASH = "#!/usr/bin/env bash\nset -euo pipefail\n"
ENVIRONMENT = ". .mlgen/env.sh"
EXPORTED = "$WORKSPACE_TMP/mlgen-exports"
PASSED = ".mlgen/passed"
SERVICE = """\
#!/usr/bin/env bash
set -euo pipefail
address=$(docker inspect --format '{{range .NetworkSettings.Networks}}{{.IPAddress}}{{end}}' "$SERVICE")
ready() {
  if [ -n "$READY" ]; then docker exec "$SERVICE" sh -c "$READY" >&2 || return 1; fi
  for port in $PORTS; do (: <"/dev/tcp/$address/$port") 2>/dev/null || return 1; done
}
for try in $(seq 60); do
  if ready; then printf %s "$address"; exit 0; fi
  sleep 2
done
docker logs "$SERVICE" >&2
echo "the service $IMAGE was not ready after two minutes" >&2
exit 1"""
_FRESH = f'export MLGEN_EXPORTS="{EXPORTED}"; : >"$MLGEN_EXPORTS"'
_AGAIN = f'export MLGEN_EXPORTS="{EXPORTED}"'
_RESULT = f"MLGEN_RESULT=failure\nif [ -e {PASSED} ]; then MLGEN_RESULT=success; fi\nexport MLGEN_RESULT"
_FAILED = "export MLGEN_RESULT=failure"
_BLANK = regex(r"export ([A-Za-z_]\w*)=''")
_EXPORT = regex(r"export ([A-Za-z_]\w*)=(\"(?:[^\"\\$`]|\\.|\$\{?\w+\}?)*\"|'[^']*'|[\w@%+=:,./-]*)")
_DOUBLE = r"\"(?:[^\"\\$`]|\\.|\$\{?\w+\}?)*\""
CLOUD = frozenset((
    "AWS_DEFAULT_REGION", "AWS_REGION", "AWS_ROLE_ARN", "AZURE_CLIENT_ID", "AZURE_SUBSCRIPTION_ID", "AZURE_TENANT_ID",
    "CLOUDSDK_AUTH_CREDENTIAL_FILE_OVERRIDE", "GOOGLE_APPLICATION_CREDENTIALS",
))  # fmt: skip
"""Variables by which the clouds' tools find an identity, in the clouds' own documentation."""


class Opened(NamedTuple):
    """A script without what the file puts before its command.

    `blank`: variables that it sets to nothing. `exports`: it has a file for exported values, `told` the job's result.
    """

    text: str
    strict: bool
    portable: bool
    blank: tuple[str, ...] = ()
    exports: bool = False
    told: str = ""


def opened(text: str, identified: bool) -> Opened:
    """The script read; `identified`: the job holds an identity token, so that the clouds' variables are its own."""
    strict = text.startswith(BASH)
    rest = text.removeprefix(BASH)
    portable = strict and rest.startswith(f"{ENVIRONMENT}\n")
    rest = rest.removeprefix(f"{ENVIRONMENT}\n") if portable else rest
    blank, kept, exports, told = [], [], False, ""
    while rest:
        line, _, after = rest.partition("\n")
        empty = _BLANK.fullmatch(line)
        said = _EXPORT.fullmatch(line)
        if empty:
            blank.append(empty[1])
        elif line in (_FRESH, _AGAIN):
            exports = True
        elif line == _FAILED:
            told = "failure"
        elif rest.startswith(f"{_RESULT}\n"):
            told, after = "either", rest[len(_RESULT) + 1 :]
        elif said and not (identified and said[1] in CLOUD):
            kept.append(line)
        elif not said:
            break
        rest = after
    return Opened("\n".join([*kept, rest]) if rest else "\n".join(kept), strict, portable, tuple(blank), exports, told)


def printed(text: str) -> str | None:
    """The text that a script prints and does nothing else, its variables not put in; None if it is no such script."""
    found = opened(text, True)
    lines = [line for line in found.text.split("\n") if not _EXPORT.fullmatch(line)]
    if len(lines) != 1 or not found.strict or not found.portable:
        return None
    said = fullmatch(rf"printf %s ({_DOUBLE})", lines[0])
    return re.sub(r"\\(.)", r"\1", said[1][1:-1]) if said else None


_IDENTITIES = (
    rf"printf '%s\\n' {_DOUBLE} >\"\$WORKSPACE_TMP/google-identity\.json\"",
    r"if command -v az >/dev/null; then\n"
    r'  az login --service-principal --username "\$AZURE_CLIENT_ID" --tenant "\$AZURE_TENANT_ID" \\\n'
    r'    --federated-token "\$\(cat "\$AZURE_FEDERATED_TOKEN_FILE"\)" --output none\n'
    r"fi",
)


def identity(text: str) -> bool:
    """Whether the lines hand identity tokens to the tools of clouds."""
    found = opened(text, True)
    lines = found.text.split("\n")
    while lines and _EXPORT.fullmatch(lines[0]):
        del lines[0]
    rest = "\n".join(lines)
    some = False
    for form in _IDENTITIES:
        match = re.match(form, rest)
        if match:
            some, rest = True, rest[match.end() :].lstrip("\n")
    return some and not rest and found.strict


def served(host: str, image: str, args: str, command: str) -> Served:
    """The container that is started with these words of `docker run`."""
    words, env, options = _plain(args), [], []
    while words:
        word = words.pop(0)
        if word in ("-e", "--env") and words and "=" in words[0]:
            name, _, value = words.pop(0).partition("=")
            env.append((name, value))
        else:
            options.append(word)
    return Served(host, image, tuple(env), tuple(_plain(command)), tuple(options))


def _plain(text: str) -> list[str]:
    """The words of a text in which a shell finds nothing but words."""
    try:
        words = shlex.split(text)
    except ValueError as fault:
        raise Unread(f"a service is started with `{text}`: {fault}") from fault
    if shlex.join(words) != text:
        raise Unread(f"a service is started with `{text}`, which a shell may take for more than words")
    return words


class Outputs(NamedTuple):
    """A script that looks at what a command made."""

    requires: tuple[str, ...] = ()
    lists: str = ""
    """The file in which a leg lists what it made."""
    exports: tuple[str, ...] = ()
    """As `SeenJob.exports` has them."""
    out: str = ""
    """The file with the exported values."""
    collects: bool = False
    """Whether it takes values from the file that the command wrote to."""


def outputs(text: str) -> Outputs | None:
    """The script read; None if it does anything else."""
    globstar = f"{BASH}shopt -s globstar\n"
    wide = text.startswith(globstar)
    found = Outputs()
    for line in text.removeprefix(globstar).replace("\\\n", " ").split("\n"):
        name, words = shell.call(line)
        paths = shell.required(line) if line.startswith("ls -ld -- ") else None
        if paths:
            found = found._replace(requires=(*found.requires, *paths))
        elif name == "legs" and words[0:5:2] == ["--job", "--leg", "--out"] and len(words) > 6:
            found = found._replace(requires=(*found.requires, *words[6:]), lists=words[5])
        elif name == "exports" and words[:1] == ["--out"] and (told := _exports(words[2:], line)) is not None:
            found = found._replace(exports=told, out=words[1], collects="--file" in words)
        else:
            return None
    if any("**" in path for path in found.requires) and not wide:
        return None
    return found


def _exports(words: list[str], line: str) -> tuple[str, ...] | None:
    told: list[str] = []
    while words[:1] == ["--json"] and len(words) > 1:
        told.append(words[1])
        words = words[2:]
    if words[:3] == ["--file", EXPORTED, "--name"] and f'"{EXPORTED}"' in line:
        told += words[3:]
        words = []
    return None if words else tuple(told)


def merges(text: str) -> tuple[tuple[str, str], ...] | None:
    """The jobs, and the folders, of a script that fails where two legs made one file; None if it does anything else."""
    found = []
    for line in text.split("\n"):
        name, words = shell.call(line)
        if name != "merge" or len(words) != 3 or words[0] != "--job":
            return None
        found.append((words[1], words[2]))
    return tuple(found)


def patterns(said: str) -> tuple[str, ...]:
    """Ant patterns as paths: `a, a/**` is the file or folder `a`."""
    each = [part.strip() for part in said.split(",")]
    return tuple(p for p in each if not (p.endswith("/**") and p[:-3] in each))


def is_question(script: str) -> bool:
    """Whether the script asks ci.py the question in MLGEN_QUESTION."""
    start, end = BASH, f'{ENVIRONMENT}\npython3 .mlgen/ci.py when "$MLGEN_QUESTION"'
    middle = script.removeprefix(start).removesuffix(end)
    return script == f"{start}{middle}{end}" and (not middle or (middle.startswith("cd ") and middle.count("\n") == 1))
