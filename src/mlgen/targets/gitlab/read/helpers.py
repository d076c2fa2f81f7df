"""What the target itself puts around the commands of a job: each line is recognised exactly, or it is a command."""

from __future__ import annotations

import re
import shlex

from mlgen.named import NamedTuple
from mlgen.readback import Fetched, shell
from mlgen.regex import fullmatch, regex

START = "set -euo pipefail"
ENVIRONMENT = ". .mlgen/env.sh"
RESULTS = ".mlgen/results.env"
STARTED = 'echo "This pipeline has started."'
"""All that a job does which is there so that a merge request has a pipeline."""
COLLECTED = "MLGEN_EXPORTS=$(mktemp); export MLGEN_EXPORTS"
CLIENT = (
    "command -v docker >/dev/null || { apt-get update -q && apt-get install -y -q --no-install-recommends "
    "ca-certificates curl docker-buildx docker-cli git python3; }"
)
CLIENT_TOLD = 'command -v docker >/dev/null || { echo "mlgen: the image has no docker client" >&2; exit 1; }'
DAEMON = (
    "timeout 120 bash -c 'until docker info >/dev/null 2>&1; do sleep 1; done' || "
    "{ echo 'mlgen: the Docker daemon does not answer' >&2; exit 1; }"
)
RESULT = '[ "$CI_JOB_STATUS" = success ] && MLGEN_RESULT=success || MLGEN_RESULT=failure; export MLGEN_RESULT'
FAILED_ONLY = '[ "$CI_JOB_STATUS" = failed ] || exit 0'
UNFINISHED = '[ "$CI_JOB_STATUS" = success ] || '
RESULTS_THERE = f"[ -f {RESULTS} ] || exit 0; . {RESULTS}"
_LEAVES = " || { [ $? = 3 ] && exit 0 || exit 1; }"

# As `timeout -k 30 20m COMMAND`, for systems that have none.
TIMEOUT = """\
command -v timeout >/dev/null || timeout() {  # as in: timeout -k 30 20m COMMAND
  perl -e '
    my ($count, $unit) = $ARGV[2] =~ /^([0-9]+)([smhd])$/;
    splice @ARGV, 0, 3;
    my $child = fork // die;
    if (!$child) { setpgrp; exec { $ARGV[0] } @ARGV; exit 127 }
    $SIG{ALRM} = sub {
      kill TERM => -$child;
      for (1 .. 30) { exit 124 if waitpid($child, 1) > 0; sleep 1 }
      kill KILL => -$child;
      exit 124;
    };
    alarm $count * {s => 1, m => 60, h => 3600, d => 86400}->{$unit};
    waitpid $child, 0;
    exit($? & 127 ? 128 + ($? & 127) : $? >> 8);
  ' -- "$@"
}"""

_VARIABLE = regex(r"\"\$([A-Za-z_]\w*)\"")
_EXPORT = regex(r"export ([A-Za-z_]\w*)=(\"(?:[^\"\\$`]|\\.|\$\{?\w+\}?)*\")")


class Asked(NamedTuple):
    """A decision that a job takes itself: `what` is `when` (an expression), `results` (see `Results`) or `mark`."""

    what: str
    text: str = ""
    want: str = ""
    watched: tuple[tuple[str, str], ...] = ()


def asked(text: str) -> Asked | None:
    """A line that may end the job, green, before its command; None if the line is none."""
    if text.startswith("[ -e .mlgen/ran/") and text.endswith(" ] || exit 0"):
        return Asked("mark", text.removeprefix("[ -e ").removesuffix(" ] || exit 0"))
    if not text.endswith(_LEAVES):
        return None
    name, words = shell.call(text.removesuffix(_LEAVES))
    if name == "when" and len(words) == 1:
        return Asked("when", words[0])
    return results(text.removesuffix(_LEAVES), RESULTS)


def results(text: str, out: str = "") -> Asked | None:
    """A call of `ci.py results`, which writes to this file; None if it is none."""
    name, words = shell.call(text)
    wanted = ["--out", out] if out else []
    if name != "results" or words[:1] != ["--want"] or words[2 : 2 + len(wanted)] != wanted:
        return None
    pairs = [word.partition("=") for word in words[2 + len(wanted) :]]
    if not all(key and name for key, _, name in pairs):
        return None
    return Asked("results", "", words[1], tuple((key, name) for key, _, name in pairs))


def left_mark(text: str) -> str:
    """The file by which the job tells others that it has run; empty if the line leaves none."""
    start = "mkdir -p .mlgen/ran && touch "
    return text.removeprefix(start) if text.startswith(start + ".mlgen/ran/") and " " not in text[len(start) :] else ""


def removed(text: str) -> list[str] | None:
    """The paths of `rm -rf -- …`; None if the line is none."""
    found = shell.words(text) if text.startswith("rm -rf -- ") else []
    return found[3:] if len(found) > 3 else None


def renamed(text: str) -> tuple[str, str] | None:
    """A variable under another name, `export NAME="$OTHER"`: the new one and the old."""
    found = _EXPORT.fullmatch(text)
    other = _VARIABLE.fullmatch(found[2]) if found else None
    return (found[1], other[1]) if found and other else None


def exported(text: str) -> bool:
    """Whether the line sets one variable to a word in double quotes, and runs nothing."""
    return _EXPORT.fullmatch(text) is not None


def closed(text: str) -> bool:
    """Whether the line only takes the right to read a secret's file from others."""
    return fullmatch(r"chmod 600 -- \"\$[A-Za-z_]\w*\" \|\| true", text) is not None


def waits(text: str) -> str:
    """The variable with the host of a service and the port until which answers the line waits, as `VARIABLE/PORT`, or
    `docker`; else empty."""
    if text in (DAEMON, f"{CLIENT_TOLD}\n{DAEMON}"):
        return "docker"
    start = "timeout 120 bash -c 'until (: <\"/dev/tcp/$0/$1\") 2>/dev/null; do sleep 1; done' "
    end = r"\"\$(MLGEN_HOST_\w+)\" (\d+) \|\| \{ echo (?:'[^']*'|[\w-]+) >&2; exit 1; \}"
    found = fullmatch(end, text.removeprefix(start)) if text.startswith(start) else None
    return f"{found[1]}/{found[2]}" if found else ""


_URL = r"(?:\"\$CI_REPOSITORY_URL\"|'[^']*'|[\w@%+=:,./-]+)"
_WORD = r"(?:'[^']*'|[\w@%+=:,./-]+)"
_CREDENTIAL = r"(?: -c credential\.helper='!f\(\) \{ [^']*; \}; f')?"
_CLONES = (
    rf"git init --quiet {_WORD}",
    rf"git -C {_WORD}{_CREDENTIAL} fetch --quiet(?: --depth=\d+)? {_URL} (?:{_WORD}|\"\$CI_COMMIT_SHA\")",
    rf"git -C {_WORD} checkout --quiet --detach FETCH_HEAD",
    rf"git -C {_WORD}{_CREDENTIAL} submodule update --init(?: --recursive)?",
    rf"git -C {_WORD}{_CREDENTIAL} lfs pull {_URL}",
)
_OTHER_COMMIT = (
    rf"git fetch --quiet(?: --depth=\d+)? \"\$CI_REPOSITORY_URL\" {_WORD}",
    r"git checkout --quiet --detach FETCH_HEAD",
    r"git checkout --quiet \"\$CI_COMMIT_SHA\" -- \.mlgen",
)
_TOKEN = regex(
    r"!f\(\) \{ (?:echo username=oauth2; echo \"password=\$(\w+)\"|\[ \"\$CI_SERVER_HOST\" != [\w.-]+ \] \|\| "
    r"\{ echo username=gitlab-ci-token; echo \"password=\$CI_JOB_TOKEN\"; \}); \}; f"
)


class Checkout(NamedTuple):
    """A checkout of another repository, or of another commit: what is fetched, and the variables of tokens for it."""

    fetched: Fetched
    tokens: tuple[str, ...] = ()


def checkout(text: str) -> Checkout | None:
    """The lines of a checkout of another repository or commit; None if they are none."""
    lines = text.split("\n")
    if len(lines) == 3 and all(fullmatch(form, line) for form, line in zip(_OTHER_COMMIT, lines)):
        words = shell.words(lines[0])
        return Checkout(Fetched(ref=words[-1], depth=_depth(words)))
    if len(lines) < 3 or not all(fullmatch(form, line) for form, line in zip(_CLONES, lines)):
        return None
    if not all(any(fullmatch(form, line) for form in _CLONES[3:]) for line in lines[3:]):
        return None
    helpers = [found for line in lines for found in re.findall(r"credential\.helper='([^']*)'", line)]
    tokens = [_TOKEN.fullmatch(found) for found in helpers]
    if not all(tokens):
        return None
    fetch = shell.words(lines[1])
    own = fetch[-2] == "$CI_REPOSITORY_URL"
    fetched = Fetched(
        "" if own else fetch[-2].removeprefix("https://").removesuffix(".git"),
        fetch[2],
        "" if fetch[-1] in ("HEAD", "$CI_COMMIT_SHA") else fetch[-1],
        _depth(fetch),
        any(" lfs pull " in line for line in lines[3:]),
        next(("recursive" if "--recursive" in line else "true" for line in lines[3:] if " submodule " in line), ""),
    )
    return Checkout(fetched, tuple(dict.fromkeys(token[1] for token in tokens if token and token[1])))


def _depth(words: list[str]) -> int:
    return next((int(word.removeprefix("--depth=")) for word in words if word.startswith("--depth=")), 0)


_DOUBLE = r"\"(?:[^\"\\$`]|\\.|\$\{?\w+\}?)*\""
_IDENTITIES = (
    (
        r'printf %s "\$MLGEN_AWS_TOKEN" >"\$mlgen_identity/token"',
        rf"export AWS_ROLE_ARN={_DOUBLE} AWS_REGION={_DOUBLE} AWS_DEFAULT_REGION={_DOUBLE}",
        r'export AWS_WEB_IDENTITY_TOKEN_FILE="\$mlgen_identity/token" AWS_ROLE_SESSION_NAME="gitlab-\$CI_JOB_ID"',
    ),
    (
        r'printf %s "\$MLGEN_GCP_TOKEN" >"\$mlgen_identity/token"',
        r'cat >"\$mlgen_identity/credentials\.json" <<JSON',
        r"\{",
        r'  "type": "external_account",',
        r'  "audience": "//iam\.googleapis\.com/[^"`$]*(?:\$\{\w+\}[^"`$]*)*",',
        r'  "subject_token_type": "urn:ietf:params:oauth:token-type:jwt",',
        r'  "token_url": "https://sts\.googleapis\.com/v1/token",',
        r'  "credential_source": \{"file": "\$mlgen_identity/token"\},',
        r'  "service_account_impersonation_url": "https://iamcredentials\.googleapis\.com/v1/projects/-/'
        r'serviceAccounts/[^"`$]*(?:\$\{\w+\}[^"`$]*)*:generateAccessToken"',
        r"\}",
        r"JSON",
        r'export GOOGLE_APPLICATION_CREDENTIALS="\$mlgen_identity/credentials\.json"',
        r'export CLOUDSDK_AUTH_CREDENTIAL_FILE_OVERRIDE="\$GOOGLE_APPLICATION_CREDENTIALS"',
    ),
    (
        r'printf %s "\$MLGEN_AZURE_TOKEN" >"\$mlgen_identity/token"',
        rf"export AZURE_CLIENT_ID={_DOUBLE} AZURE_TENANT_ID={_DOUBLE}",
        rf'export AZURE_SUBSCRIPTION_ID={_DOUBLE} AZURE_FEDERATED_TOKEN_FILE="\$mlgen_identity/token"',
        r"if command -v az >/dev/null; then",
        r'  az login --service-principal --username "\$AZURE_CLIENT_ID" --tenant "\$AZURE_TENANT_ID" \\',
        r'    --federated-token "\$MLGEN_AZURE_TOKEN" --output none',
        r'  az account set --subscription "\$AZURE_SUBSCRIPTION_ID"',
        r"fi",
    ),
)


def identity(text: str) -> str:
    """The cloud to whose tools the lines hand an identity token; empty if they do not.

    https://docs.gitlab.com/ci/cloud_services/
    """
    first, *lines = text.split("\n")
    if first != "mlgen_identity=$(mktemp -d)":
        return ""
    for cloud, forms in zip(("aws", "gcp", "azure"), _IDENTITIES):
        if len(forms) == len(lines) and all(fullmatch(form, line) for form, line in zip(forms, lines)):
            return cloud
    return ""


_GRANTED = {
    "role": r'AWS_ROLE_ARN=("(?:[^"\\]|\\.)*")',
    "region": r'AWS_REGION=("(?:[^"\\]|\\.)*") AWS_DEFAULT_REGION=\1\n',
    "provider": r'"//iam\.googleapis\.com/(.*)",',
    "service_account": r"/serviceAccounts/(.*):generateAccessToken",
    "client": r'AZURE_CLIENT_ID=("(?:[^"\\]|\\.)*")',
    "tenant": r'AZURE_TENANT_ID=("(?:[^"\\]|\\.)*")',
    "subscription": r'AZURE_SUBSCRIPTION_ID=("(?:[^"\\]|\\.)*")',
}


def granted(text: str, cloud: str) -> dict[str, str]:
    """What the lines log in to at the cloud, in the language's words."""
    found = {name: re.search(form, text) for name, form in _GRANTED.items()}
    return {f"{cloud}.{name}": template(each[1]) for name, each in found.items() if each}


def template(word: str) -> str:
    """What a word in double quotes says, references as `${NAME}`."""
    plain = word[1:-1] if word.startswith('"') else word
    return re.sub(r"\\([\\\"$`])|\$(\w+)", lambda found: found[1] or f"${{{found[2]}}}", plain)


def address(text: str) -> str:
    """The address that the line writes where a dotenv report has it; empty if it writes none."""
    url = rf"\(\. \.mlgen/env\.sh; printf 'MLGEN_URL=%s\\n' ({_DOUBLE})\) >\.mlgen/url\.env"
    found = fullmatch(url, text)
    return template(found[1]) if found else ""


def merges(text: str) -> str:
    """The id of the job of which the line fails where two legs made one file; empty if it does not do that."""
    absent = r"(?:\[ ! -e \.mlgen/legs/([\w.-]+)-1\.json \] \|\| )?"
    found = fullmatch(absent + r"python3 \.mlgen/ci\.py merge --job ([\w.-]+) \.mlgen/legs/([\w.-]+)-\*\.json", text)
    return found[2] if found is not None and found[1] in (None, found[3]) else ""


def listed(text: str) -> tuple[str, ...] | None:
    """The paths of a check that files are there; None if the line is none."""
    start = "(shopt -s globstar; "
    if text.startswith(start) and text.endswith(")"):
        text = text.removeprefix(start)[:-1]
    return shell.required(text) if text.startswith("ls -ld -- ") else None


class Exported(NamedTuple):
    """A call that collects exported values: where it writes them, and what they are, as `SeenJob.exports` has them."""

    out: str
    values: tuple[str, ...]


def exports(text: str) -> Exported | None:
    """The call of `ci.py exports`; None if the line is none."""
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


def tells(text: str) -> bool:
    """Whether the line writes what a dotenv report holds: names of images, or where a deployment is."""
    form = r"grep -E '\^(?:\w+|\(\w+(?:\|\w+)*\))=' \.mlgen/exports/[\w.-]+ >\.mlgen/images\.env"
    url = rf"\(\. \.mlgen/env\.sh; printf 'MLGEN_URL=%s\\n' {_DOUBLE}\) >\.mlgen/url\.env"
    return fullmatch(form, text) is not None or fullmatch(url, text) is not None


def legs(text: str) -> tuple[str, ...] | None:
    """The paths of which a leg of a matrix says in a file which of them it made; None if the line is none."""
    name, words = shell.call(text)
    known = name == "legs" and words[:1] == ["--job"] and words[2:4] == ["--leg", "$CI_JOB_NAME"]
    return tuple(words[6:]) if known and words[4:5] == ["--out"] and len(words) > 6 else None


def windows(entry: str) -> str | None:
    """The script that PowerShell hands to Git Bash as a file; None if the entry is none."""
    start = "$mlgen = @'\n"
    end = (
        "\n'@ -replace \"`r\", ''\n$file = [IO.Path]::GetTempFileName()\n[IO.File]::WriteAllText($file, $mlgen)\n"
        '& "$env:ProgramFiles\\Git\\bin\\bash.exe" $file\nexit $LASTEXITCODE'
    )
    text = entry.strip("\n")
    if not text.startswith(start) or not text.endswith(end):
        return None
    inner = text[len(start) : -len(end)]
    return None if "\n'@" in inner else inner


def word(text: str) -> str:
    """The one word that a text of shell is; empty if it is none."""
    try:
        found = shlex.split(text)
    except ValueError:
        return ""
    return found[0] if len(found) == 1 else ""
