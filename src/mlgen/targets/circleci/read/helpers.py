r"""Commands of the target's own, recognised exactly: what each says of its job. All else is a script.

The texts are those of a shell: `\<<` of the file is `<<` here.
"""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator

from mlgen.named import NamedTuple
from mlgen.readback import Fetched, shell
from mlgen.regex import fullmatch, regex

WORKSPACE = "/tmp/workspace"  # noqa: S108 - of a container or machine that runs one job
SECRETS = "/tmp/mlgen-secrets"  # noqa: S108
IDENTITY = "/tmp/mlgen-identity"  # noqa: S108
FAILED = " || echo 'export MLGEN_FAILED=1' >> \"$BASH_ENV\""
ALREADY = '[ -z "${MLGEN_FAILED:-}" ] || exit 0\n'
FAILED_ONLY = '[ -n "${MLGEN_FAILED:-}" ] || exit 0\n'
LEFT = '[ -z "${MLGEN_SKIPPED:-}" ] || exit 0\n'
SUCCESS = "echo 'export MLGEN_RESULT=success' >> \"$BASH_ENV\""
SUCCESSES = (SUCCESS, f'[ -n "${{MLGEN_FAILED:-}}" ] || {SUCCESS}')
"""The note of a success; the second where a failure is permitted."""
FORGET = f"rm -rf {SECRETS}"
LAST_HEAD = (
    "read -r base head 2>/dev/null < .mlgen/head || { base= head=; }\n"
    '[ "$head" = "$CIRCLE_SHA1" ] || base=$head\n'
    'printf \'%s %s\\n\' "${base:--}" "$CIRCLE_SHA1" > .mlgen/head\n'
    '[ "$MLGEN_EVENT" != push ] || printf \'export MLGEN_BASE=%q\\n\' "${base#-}" >> "$BASH_ENV"'
)
WORD = r"(?:'(?:[^']|'\"'\"')*'|[\w@%+=:,./~-]+)"
_NAME = r"[A-Za-z_]\w*"
_WAIT = (
    "wait_for() {\n"
    '  for _ in {1..120}; do (: < "/dev/tcp/localhost/$1") 2>/dev/null && return; sleep 1; done\n'
    '  echo "no service answers at port $1" >&2\n'
    "  return 1\n"
    "}\n"
)


def taken(text: str) -> tuple[bool, tuple[str, ...]] | None:
    """What a copy out of the workspace takes: whether all of it must be there, and the paths; None if it is none."""
    every = fullmatch(
        rf'cd {WORKSPACE}\ncp -R --parents -- (.+) "\$OLDPWD"\nrm -rf {WORKSPACE}',
        text,
    )
    some = fullmatch(
        rf"mkdir -p {WORKSPACE}\ncd {WORKSPACE}\nfor path in (.+); do\n"
        rf'  \[ ! -e "\$path" \] \|\| cp -R --parents -- "\$path" "\$OLDPWD"\ndone\nrm -rf {WORKSPACE}',
        text,
    )
    found = every or some
    paths = shell.words(f": {found[1]}")[1:] if found else []
    return (bool(every), tuple(paths)) if paths and not any("$" in path for path in paths) else None


def decision(text: str) -> str | None:
    """The expression of `ci.py when` by which the job decides whether it goes on; None if it is no such step."""
    end = (
        "case $code in 0) ;; 3) echo 'export MLGEN_SKIPPED=1' >> \"$BASH_ENV\"; circleci-agent step halt ;; "
        '*) exit "$code" ;; esac'
    )
    start = "code=0\n"
    if not text.startswith(start) or not text.endswith(f" || code=$?\n{end}"):
        return None
    name, words = shell.call(text[len(start) : -len(f" || code=$?\n{end}")])
    return words[0] if name == "when" and len(words) == 1 else None


class Named(NamedTuple):
    """Secrets that get a variable: its name and the one of the context that holds the secret, and those with files."""

    names: tuple[tuple[str, str], ...]
    files: tuple[str, ...]


def named(text: str) -> Named | None:
    """The step that gives secrets the names that the job uses, or files; None if it does anything else."""
    lines = text.split("\n")
    if lines[:2] == ["umask 077", f"mkdir -p {SECRETS}"]:
        del lines[:2]
    elif SECRETS in text:
        return None
    names: list[tuple[str, str]] = []
    files: list[str] = []
    while lines:
        line = lines.pop(0)
        renamed = fullmatch(rf"echo 'export ({_NAME})=\"\$({_NAME})\"' >> \"\$BASH_ENV\"", line)
        decoded = fullmatch(rf'printf %s "\$({_NAME})" \| base64 --decode > {SECRETS}/({_NAME})', line)
        if renamed:
            names.append((renamed[1], renamed[2]))
        elif decoded and lines[:1] == [f"echo 'export {decoded[2]}={SECRETS}/{decoded[2]}' >> \"$BASH_ENV\""]:
            del lines[0]
            names.append((decoded[2], decoded[1]))
            files.append(decoded[2])
        else:
            return None
    return Named(tuple(names), tuple(files)) if names else None


def identity(text: str) -> str | None:
    """The identity that a step asks for: a cloud, or the variable of a token; None if the step does anything else.

    https://circleci.com/docs/guides/permissions-authentication/openid-connect-tokens/
    """
    token = fullmatch(
        rf"printf 'export ({_NAME})=%q\\n' \"\$\(circleci run oidc get --claims {WORD}\)\" >> \"\$BASH_ENV\"", text
    )
    if token:
        return token[1]
    start = ["umask 077", f"mkdir -p {IDENTITY}", f'printf %s "$CIRCLE_OIDC_TOKEN_V2" > {IDENTITY}/token']
    lines = text.split("\n")
    if lines[:3] != start:
        return None
    del lines[:3]
    if lines and fullmatch(rf"echo '\{{[^'\n]*\}}' > {IDENTITY}/credentials\.json", lines[0]):
        del lines[0]
    variables = set()
    for line in lines:
        words = shell.words(line.removesuffix(' >> "$BASH_ENV"'))
        export = words[1] if len(words) == 2 and words[0] == "echo" and line.endswith(' >> "$BASH_ENV"') else ""
        found = fullmatch(rf"export ({_NAME})={WORD}", export)
        if not found:
            return None
        variables.add(found[1])
    clouds = {
        "aws": {"AWS_ROLE_ARN", "AWS_REGION", "AWS_DEFAULT_REGION", "AWS_WEB_IDENTITY_TOKEN_FILE"},
        "azure": {"AZURE_CLIENT_ID", "AZURE_TENANT_ID", "AZURE_SUBSCRIPTION_ID", "AZURE_FEDERATED_TOKEN_FILE"},
        "gcp": {"GOOGLE_APPLICATION_CREDENTIALS", "CLOUDSDK_AUTH_CREDENTIAL_FILE_OVERRIDE"},
    }
    return next((cloud for cloud, asked in clouds.items() if asked == variables), None)


def waits(text: str) -> tuple[int, ...]:
    """The ports of services for which the step does nothing but wait; none if it does anything else."""
    calls = text.removeprefix(_WAIT)
    if calls == text or not fullmatch(r"wait_for \d+(?:\nwait_for \d+)*", calls):
        return ()
    return tuple(int(line.removeprefix("wait_for ")) for line in calls.split("\n"))


class Container(NamedTuple):
    """The container on a virtual machine in which scripts run: its image, and the words of the spec's own options."""

    image: str
    options: tuple[str, ...]


_CONTAINER = regex(
    r"docker run --detach --name job (?P<gpus>--gpus all )?--user root --entrypoint sleep \\\n"
    r'  --volume "\$HOME:\$HOME" --volume /tmp:/tmp --workdir "\$PWD" \\\n'
    r"  --env GIT_CONFIG_COUNT=1 --env GIT_CONFIG_KEY_0=safe\.directory "
    r'--env GIT_CONFIG_VALUE_0=(?:"\$PWD"|"\$HOME/project") \\\n'
    rf"(?:  (?P<options>{WORD}(?: {WORD})*) \\\n)?"
    rf"  (?P<image>{WORD}) infinity"
)


def container(text: str) -> Container | None:
    """The step that starts the job's container; None if it does anything else."""
    found = _CONTAINER.fullmatch(text)
    if not found:
        return None
    options = shlex.split(found["options"] or "")
    return Container(shlex.split(found["image"])[0], tuple(word for word in options if word != "--pull=always"))


class Inside(NamedTuple):
    """A script without what runs it in a bash of its own; `passed`: the variables that get into the container."""

    text: str
    passed: frozenset[str] | None = None


_EXEC = regex(
    r"docker exec \$\(printf -- '--env %s ' \"\$\{!MLGEN_@\}\"((?: [A-Za-z_]\w*)*)\) job (bash -euo pipefail -c .*)",
    re.DOTALL,
)
_OWN_BASH = 'bash -euo pipefail -c "$mlgen_script"'


def nested(text: str, after: str = "") -> Inside | None:
    """The script that a step hands to a bash of its own, which `after` follows; None if it does not.

    A simple command may stand as it is before what follows.
    """
    if not text.endswith(after):
        return None
    text = text.removesuffix(after) if after else text
    lines = text.split("\n")
    start = "IFS= read -r -d '' mlgen_script <<'"
    if not lines[0].startswith(start):
        return Inside(text) if after and shell.words(text) else None
    end = lines[0].removeprefix(start).removesuffix("' || true")
    if end not in lines or lines.index(end) != len(lines) - 2:
        return None
    ran = _EXEC.fullmatch(lines[-1])
    if (ran[2] if ran else lines[-1]) != _OWN_BASH:
        return None
    return Inside("\n".join(lines[1:-2]), frozenset(ran[1].split()) if ran else None)


def quoted(text: str) -> str:
    r"""The script that stands in a `$'…'` string, since it holds `\<<`; the text itself otherwise."""
    start = "bash -euo pipefail -c $'"
    if not text.startswith(start) or not text.endswith("'"):
        return text
    inner, found, at = text[len(start) : -1], [], 0
    for escape in re.finditer(r"\\(\\|'|x5c)|'", inner):
        if escape[1] is None:
            return text
        found += [inner[at : escape.start()], "\\" if escape[1] == "x5c" else escape[1]]
        at = escape.end()
    return "".join([*found, inner[at:]])


_CLONES = (
    rf"git init --quiet (?P<folder>{WORD})",
    rf"git -C {WORD}(?P<login> -c credential\.helper='!f\(\) \{{ echo username=x-access-token; "
    rf"echo \"password=\$(?P<token>{_NAME})\"; \}}; f')? fetch --quiet(?: --depth=(?P<depth>\d+))? "
    rf"(?P<url>\"\$CIRCLE_REPOSITORY_URL\"|{WORD}) (?P<ref>{WORD})",
    rf"git -C {WORD} checkout --quiet --detach FETCH_HEAD",
)
_LOGIN = rf"(?: -c credential\.helper='!f\(\) \{{ echo username=x-access-token; echo \"password=\${_NAME}\"; \}}; f')?"


class Clone(NamedTuple):
    """A checkout by git: what it fetches, and the secrets with which; `own`: it changes the project's own checkout."""

    fetched: Fetched
    names: tuple[str, ...]
    own: bool = False


def clone(text: str) -> Clone | None:
    """The step that fetches a repository, or another commit, submodules or large files; None if it does not."""
    lines = text.split("\n")
    heads = [fullmatch(form, line) for form, line in zip(_CLONES, lines)]
    if len(heads) == 3 and heads[0] and heads[1] and heads[2]:
        folder, said = shlex.split(heads[0]["folder"])[0], heads[1]
        extras = _extras(lines[3:], rf"git -C {re.escape(heads[0]['folder'])}{_LOGIN}")
        if extras is None:
            return None
        url = "" if said["url"].startswith('"') else shlex.split(said["url"])[0]
        name = url.removeprefix("https://").removesuffix(".git")
        path = "" if url and folder == name.rpartition("/")[2] else folder
        ref = shlex.split(said["ref"])[0]
        depth = int(said["depth"] or 0)
        found = Fetched(name, path, "" if ref == "HEAD" else ref, depth, extras[1], extras[0])
        return Clone(found, (said["token"],) if said["token"] else ())
    ref = ""
    fetch = fullmatch(rf"git fetch --quiet origin ({WORD})", lines[0])
    if fetch and lines[1:2] == ["git checkout --quiet --detach FETCH_HEAD"]:
        ref = shlex.split(fetch[1])[0]
        del lines[:2]
    extras = _extras(lines, "git")
    if extras is None or not (ref or any(extras)):
        return None
    return Clone(Fetched("", "", ref, 0, extras[1], extras[0]), (), own=True)


def _extras(lines: list[str], git: str) -> tuple[str, bool] | None:
    """Submodules (`true` or `recursive`) and large files; None if there is anything else."""
    modules, large = "", False
    for line in lines:
        found = fullmatch(rf"{git} submodule update --init( --recursive)?", line)
        if found:
            modules = "recursive" if found[1] else "true"
        elif fullmatch(rf"{git} lfs pull", line):
            large = True
        else:
            return None
    return modules, large


def emptied(text: str, root: str) -> bool:
    """Whether the step takes the repository away, and leaves what the portable variables need."""
    if not root:
        return text == "find . -mindepth 1 -maxdepth 1 ! -name .mlgen -exec rm -rf -- {} +"
    return text == f"cd ~/project\nfind . ! -type d ! -path './{root}/.mlgen/*' -delete\nrm -rf .git"


def exports(text: str) -> tuple[str, tuple[str, ...]] | None:
    """Where exported values are collected, and which, as `SeenJob.exports` has them; None if the step does not."""
    name, words = shell.call(text)
    if name != "exports" or words[:1] != ["--out"] or len(words) < 3:
        return None
    out, rest, values = words[1], words[2:], []
    while rest[:1] == ["--json"] and len(rest) > 1:
        values.append(rest[1])
        rest = rest[2:]
    if rest[:3] == ["--file", "$MLGEN_EXPORTS", "--name"] and '"$MLGEN_EXPORTS"' in text:
        values += rest[3:]
        rest = []
    return None if rest else (out, tuple(values))


def required(text: str) -> tuple[str, ...] | None:
    """The paths of a check that files are there; None if the step is none."""
    return shell.required(text)


class Aside(NamedTuple):
    """The files of a leg that are set aside, so that no other leg's replaces them: the folder of all, and the paths."""

    folder: str
    paths: tuple[str, ...]


def aside(text: str) -> Aside | None:
    """The step that lists what a leg made and copies it aside; None if the step does anything else."""
    lines = text.split("\n")
    name, words = shell.call(lines[0])
    known = name == "legs" and words[:1] == ["--job"] and words[2:3] == ["--leg"] and words[4:5] == ["--out"]
    if not known or len(lines) != 3 or len(words) < 8 or words[6] != "--":
        return None
    folder, _, file = words[5].rpartition("/")
    mine = shell.words(lines[1])
    copied = shell.words(lines[2])
    if file != f"{words[3]}.json" or mine != ["mkdir", "-p", f"{folder}/{words[3]}"]:
        return None
    if copied != ["cp", "-R", "--parents", "--", *words[7:], mine[2]]:
        return None
    return Aside(folder, tuple(words[7:]))


def merged(text: str) -> tuple[str, str, tuple[str, ...]] | None:
    """The job whose legs a step joins, failing where two made one file; the folder, and the paths; None if not."""
    lines = text.split("\n")
    found = fullmatch(rf"python3 \.mlgen/ci\.py merge --job ({WORD}) (\.mlgen/legs/[\w.-]+)/\*\.json", lines[0])
    if not found or len(lines) != 5:
        return None
    copy = fullmatch(r'  \(top=\$PWD; cd "\$leg"; cp -R --parents -- (.+) "\$top"\)', lines[2])
    rest = [f"for leg in {found[2]}/*/; do", "done", f"rm -r -- {found[2]}"]
    if not copy or [lines[1], *lines[3:]] != rest:
        return None
    return shlex.split(found[1])[0], found[2], tuple(shell.words(f": {copy[1]}")[1:])


def gathered(text: str) -> tuple[str, tuple[str, ...]] | None:
    """The folder into which reports are copied, and their paths; None if the step does anything else."""
    found = fullmatch(r"mkdir -p (/tmp/test-results-\d+)\ncp --parents -- (.+) (/tmp/test-results-\d+) \|\| true", text)
    paths = shell.words(f": {found[2]}")[1:] if found and found[1] == found[3] else []
    return (found[1], tuple(paths)) if found and paths else None


def covered(text: str) -> tuple[str, ...] | None:
    """The coverage reports (`FORMAT:PATH`) that a step shows; None if it does anything else."""
    name, words = shell.call(text)
    return (words[1],) if name == "report" and len(words) == 2 and words[0] == "--coverage" else None


def hashed(text: str) -> str:
    """The file in which a step puts the hashes of what a cache depends on; empty if it does anything else."""
    found = fullmatch(r"sha256sum -- (.+) > (/tmp/cache-key-\d+)", text)
    return found[2] if found and shell.words(f": {found[1]}") else ""


def stops(text: str) -> bool:
    """Whether the step ends the job where a permitted failure was noted."""
    found = fullmatch(
        rf'if \[ -n "\$\{{MLGEN_FAILED:-\}}" \]; then\n  echo {WORD}\n  circleci-agent step halt\nfi', text
    )
    return found is not None


def tells(text: str) -> bool:
    """Whether the step only prints where a deployment is."""
    start = 'while IFS= read -r line; do export "$line"; done < '
    line, _, rest = text.partition("\n")
    if rest and line.startswith(start) and fullmatch(WORD, line[len(start) :]):
        text = rest
    return fullmatch(rf'echo (?:"(?:[^"\\$`\n]|\\.|\$\{{\w+\}})*"|{WORD})', text) is not None


def axes(paths: tuple[str, ...], names: frozenset[str]) -> Iterator[str]:
    """Paths in which `$NAME` is the value of an axis, as the language writes them."""
    for path in paths:
        yield re.sub(
            r"\$\{?([A-Za-z_]\w*)\}?", lambda found: f"${{matrix.{found[1]}}}" if found[1] in names else found[0], path
        )
