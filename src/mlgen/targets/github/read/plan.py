"""The scripts of a job that finds out, before others, what decides whether they run: matched refs, changed files,
messages. They are recognised line by line, and asked again for an event."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping

from mlgen.ir.events import Event
from mlgen.ir.globs import glob_matches
from mlgen.named import NamedTuple
from mlgen.readback import shell
from mlgen.readback.unread import Unread
from mlgen.regex import fullmatch, regex
from mlgen.targets.github.read.expressions import Contexts
from mlgen.targets.github.read.templates import value
from mlgen.targets.github.read.values import text_of

Answer = Callable[[Event, Contexts], str]

_MATCH = """match() { if [[ -n $2 && $2 =~ $3 ]]; then echo "$1=true"; else echo "$1=false"; fi; }"""
_HEAD = 'if [ "$GITHUB_EVENT_NAME" = pull_request ]; then head=HEAD^2; else head=HEAD; fi'
_SINCE = regex(
    r"""head=HEAD base=
if \[ "\$GITHUB_EVENT_NAME" = pull_request \]; then
  head=HEAD\^2 base=HEAD\^1(?: \#[^\n]*)?
elif \[ "\$GITHUB_EVENT_NAME" = push \] && \[ "\$GITHUB_REF_TYPE" = branch \]; then
(?:  \#[^\n]*\n)?  base=\$\(gh api -X GET "repos/\$GITHUB_REPOSITORY/actions/workflows/[\w.-]+/runs" -f event=push \\
    -f branch="\$GITHUB_REF_NAME" -f status=success -f per_page=1 --jq '\.workflow_runs\[\]\.head_sha'\) \|\|
    base=\$BEFORE
fi
"""
)
_CHANGED = regex(
    r"""changed\(\) \{(?: \#[^\n]*)?
  if \[ -n "\$2" \] && git diff --quiet --no-renames "\$2\.\.\.\$head" -- "\$\{@:3\}"; then
    echo "\$1=false"
  else
    echo "\$1=true"
  fi
\}
"""
)
_MESSAGE = """text=$(git log -1 --format=%B "$head")
message() { if [[ $text == *"$2"* ]]; then echo "$1=true"; else echo "$1=false"; fi; }
"""


class Found(NamedTuple):
    """What a step finds out: each output with its answer for an event; `base`: outputs that are a commit; `changed`:
    those that tell what differs from one."""

    answers: Mapping[str, Answer]
    base: frozenset[str] = frozenset()
    changed: frozenset[str] = frozenset()


def matched(text: str, env: Mapping[str, object]) -> Found | None:
    """The step that matches names with patterns; `env` holds the names."""
    lines = text.strip("\n").split("\n")
    if len(lines) < 3 or lines[0] != _MATCH or lines[1] != "{" or lines[-1] != '} >> "$GITHUB_OUTPUT"':
        return None
    found: dict[str, Answer] = {}
    for line in lines[2:-1]:
        words = shell.words(line)
        if len(words) != 4 or words[0] != "match" or not words[2].startswith("$") or words[2][1:] not in env:
            return None
        found[words[1]] = _matches(str(env[words[2][1:]]), words[3])
    return Found(found)


def _matches(name: str, regex: str) -> Answer:
    """`[[ -n $2 && $2 =~ $3 ]]`: an extended regular expression that need not match the whole."""
    pattern = re.compile(regex)

    def answer(event: Event, contexts: Contexts) -> str:
        text = text_of(value(name, contexts))
        return "true" if text and pattern.search(text) else "false"

    return answer


def committed(text: str, env: Mapping[str, object]) -> Found | None:
    """The step that looks at the commit: its message, and what has changed."""
    since = _SINCE.match(text)
    if since and env != {"BEFORE": "${{ github.event.before }}", "GH_TOKEN": "${{ github.token }}"}:
        return None
    if since:
        rest = text[since.end() :]
    elif not env and text.startswith(_HEAD + "\n"):
        rest = text[len(_HEAD) + 1 :]
    else:
        return None
    changed = _CHANGED.match(rest)
    rest = rest[changed.end() :] if changed else rest
    told = rest.startswith(_MESSAGE)
    lines = (rest[len(_MESSAGE) :] if told else rest).strip("\n").split("\n")
    if lines[0] != "{" or lines[-1] != '} >> "$GITHUB_OUTPUT"':
        return None
    found: dict[str, Answer] = {}
    base, compared = set(), set()
    for line in lines[1:-1]:
        words = shell.words(line)
        if words[:1] == ["changed"] and changed and since and len(words) > 3:
            compared.add(words[1])
            found[words[1]] = _changed(words[2], tuple(words[3:]))
        elif words[:1] == ["message"] and told and len(words) == 3:
            found[words[1]] = _said(words[2])
        elif words == ["echo", "base=$base"] and since:
            base.add("base")
            found["base"] = lambda event, contexts: "b" * 40
        else:
            return None
    return Found(found, frozenset(base), frozenset(compared))


def _said(text: str) -> Answer:
    return lambda event, contexts: "true" if text in event.message else "false"


def _changed(since: str, specs: tuple[str, ...]) -> Answer:
    """`git diff` since the merge base with a commit; `$base` is empty but on pushed branches and pull requests.

    https://git-scm.com/docs/gitglossary#def_pathspec
    """
    if since != "$base" and not fullmatch(r"origin/[\w./-]+", since):
        raise Unread(f"`{since}` is no commit to compare with")

    def answer(event: Event, contexts: Contexts) -> str:
        if event.changed is None or (since == "$base" and event.kind not in ("push", "pull_request")):
            return "true"
        return "true" if any(_speaks(spec, file) for spec in specs for file in event.changed) else "false"

    return answer


def _speaks(spec: str, file: str) -> bool:
    if spec.startswith(":(glob)"):
        return glob_matches(spec.removeprefix(":(glob)"), file)
    path = spec.removeprefix(":(literal)").rstrip("/")
    return path in ("", ".") or file == path or file.startswith(f"{path}/")
