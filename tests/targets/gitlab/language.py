"""GitLab's own processing of a file, written from its documentation: inputs, `rules`, and the runner's script.

https://docs.gitlab.com/ci/inputs/, https://docs.gitlab.com/ci/jobs/job_rules/, https://docs.gitlab.com/ci/yaml/script/
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from ruamel.yaml import YAML

Variables = Mapping[str, "str | None"]

_BLOCK = re.compile(r"\$\[\[\s*(\S.*?\S)\s*\]\]")
_LEXEMES = re.compile(
    r"\s*(?:(?P<open>\()|(?P<close>\))|\$(?P<variable>\w+)|\"(?P<string>[^\"]*)\"|'(?P<single>[^']*)'|/(?P<pattern>(?:[^/\\]|\\.)+)/"
    r"|(?P<null>null)|(?P<operator>==|!=|=~|!~|&&|\|\|))"
)


def read(text: str, inputs: Mapping[str, str] | None = None) -> dict[str, Any]:
    """The configuration of a file, its inputs put in: into the text of the part below the header."""
    yaml = YAML(typ="safe", pure=True)
    head, separator, body = text.partition("\n---\n")
    if not separator:
        found: dict[str, Any] = yaml.load(text)
        return found
    header = yaml.load(head)["spec"]["inputs"]
    values = {name: said["default"] for name, said in header.items()} | dict(inputs or {})
    for name, said in header.items():
        assert "options" not in said or values[name] in said["options"], f"{name}: not one of its options"
        assert "regex" not in said or re.search(said["regex"], values[name]), f"{name}: not of its form"

    def value(block: re.Match[str]) -> str:
        assert block[1].startswith("inputs."), f"unknown interpolation key: {block[1]}"
        return str(values[block[1].removeprefix("inputs.")])

    found = YAML(typ="safe", pure=True).load(_BLOCK.sub(value, body))
    return found


def holds(condition: str, variables: Variables) -> bool:
    """Whether an `if` of a rule holds."""
    lexemes = []
    position = 0
    while position < len(condition):
        found = _LEXEMES.match(condition, position)
        assert found and found.lastgroup, f"Unknown lexeme found! {condition[position:]}"
        kind = "string" if found.lastgroup == "single" else found.lastgroup
        lexemes.append((kind, found[found.lastgroup]))
        position = found.end()
    assert len(lexemes) < 100, "Too many tokens!"
    value, rest = _any(lexemes, variables)
    assert not rest, rest
    return value is True or (isinstance(value, str) and bool(value.strip()))


def _any(lexemes: list[tuple[str, str]], variables: Variables) -> tuple[Any, list[tuple[str, str]]]:
    value, rest = _all(lexemes, variables)
    while rest and rest[0] == ("operator", "||"):
        right, rest = _all(rest[1:], variables)
        value = right if value is None or value is False else value  # an empty text is true to Ruby
    return value, rest


def _all(lexemes: list[tuple[str, str]], variables: Variables) -> tuple[Any, list[tuple[str, str]]]:
    value, rest = _comparison(lexemes, variables)
    while rest and rest[0] == ("operator", "&&"):
        right, rest = _comparison(rest[1:], variables)
        value = value if value is None or value is False else right
    return value, rest


def _comparison(lexemes: list[tuple[str, str]], variables: Variables) -> tuple[Any, list[tuple[str, str]]]:
    if lexemes[0][0] == "open":
        value, rest = _any(lexemes[1:], variables)
        assert rest[0][0] == "close"
        return value, rest[1:]
    left, rest = _value(lexemes[0], variables), lexemes[1:]
    if not rest or rest[0][0] != "operator" or rest[0][1] in ("&&", "||"):
        return left, rest
    assert lexemes[0][0] == "variable", "only a variable stands left of an operator"
    (_, operator), (kind, text), rest = rest[0], rest[1], rest[2:]
    if operator in ("==", "!="):
        assert kind in ("variable", "string", "null")
        return (left == _value((kind, text), variables)) is (operator == "=="), rest
    assert kind == "pattern" and len(text) >= 2
    # RE2 without flags: `$` is the end of the text.
    matched = re.search(re.sub(r"\\(.)|\$", lambda f: f[0] if f[1] else r"\Z", text.replace(r"\/", "/")), left or "")
    return (matched is not None) is (operator == "=~"), rest


def _value(lexeme: tuple[str, str], variables: Variables) -> str | None:
    kind, text = lexeme
    assert kind in ("variable", "string", "null"), lexeme
    return variables.get(text) if kind == "variable" else text if kind == "string" else None


Changed = Mapping[str, "set[str] | None"]
"""The files that have changed since a branch, or, by the empty name, since what GitLab itself compares with; None or
absent: it takes everything as changed."""


def decide(rules: list[dict[str, Any]], variables: Variables, changed: Changed | None = None) -> str:
    """What the first rule that holds says: `never`, `manual`, `always` or `on_success`; `never` if none does."""
    for rule in rules:
        if ("if" not in rule or holds(rule["if"], variables)) and touches(rule.get("changes"), changed or {}):
            return str(rule.get("when", "on_success"))
    return "never"


def touches(asked: Any, changed: Changed) -> bool:
    """Whether `changes` of a rule holds: https://docs.gitlab.com/ci/yaml/#ruleschanges"""
    if asked is None:
        return True
    globs = asked["paths"] if isinstance(asked, dict) else asked
    branch = asked.get("compare_to", "") if isinstance(asked, dict) else ""
    assert 0 < len(globs) <= 50, "too many entries"
    files = changed.get(branch.removeprefix("refs/heads/"))
    return files is None or any(fnmatch(glob, file) for glob in globs for file in files)


def fnmatch(glob: str, path: str) -> bool:
    """Ruby's `File.fnmatch?` with FNM_PATHNAME, FNM_DOTMATCH and FNM_EXTGLOB, which `changes` uses.

    https://docs.ruby-lang.org/en/3.3/File.html#method-c-fnmatch
    """
    braces = re.search(r"(?<!\\)\{([^{}]*)\}", glob)
    if braces:
        choices = braces[1].split(",")
        return any(fnmatch(glob[: braces.start()] + choice + glob[braces.end() :], path) for choice in choices)
    if glob.startswith("**/"):
        parts = path.split("/")
        return any(fnmatch(glob[3:], "/".join(parts[n:])) for n in range(len(parts)))
    segment, separator, rest = glob.partition("/")
    name, slash, below = path.partition("/")
    if not _segment(segment, name) or bool(separator) != bool(slash):
        return False
    return fnmatch(rest, below) if separator else True


def _segment(glob: str, name: str) -> bool:
    if not glob:
        return not name
    if glob[0] == "*":
        return any(_segment(glob.lstrip("*"), name[n:]) for n in range(len(name) + 1))
    if glob[0] == "\\" and len(glob) > 1:
        return name[:1] == glob[1] and _segment(glob[2:], name[1:])
    if glob[0] == "[" and (end := glob.find("]", 2)) > 0:
        body = glob[1:end].replace("!", "^", 1) if glob[1] == "!" else glob[1:end]
        return bool(name) and bool(re.match(f"[{body}]", name[0])) and _segment(glob[end + 1 :], name[1:])
    return bool(name) and glob[0] in ("?", name[0]) and _segment(glob[1:], name[1:])


def jobs(config: Mapping[str, Any], variables: Variables, changed: Changed | None = None) -> dict[str, str]:
    """The jobs of the pipeline that an event makes, and how each starts; none where there is no pipeline.

    Variables of the file go beneath those of the event. A file that others include says nothing of the workflow.
    """
    said = {name: v["value"] if isinstance(v, dict) else v for name, v in config.get("variables", {}).items()}
    variables = {**said, **variables}
    if "workflow" in config and decide(config["workflow"]["rules"], variables) == "never":
        return {}
    found = {
        name: decide(job["rules"], variables, changed) if "rules" in job else "on_success"
        for name, job in config.items()
        if isinstance(job, dict) and ("script" in job or "trigger" in job)
    }
    return {name: when for name, when in found.items() if when != "never"}


def script(config: Mapping[str, Any], job: str) -> str:
    """The script that the runner makes of a job's `before_script` and `script`.

    https://gitlab.com/gitlab-org/gitlab-runner/-/blob/main/shells/abstract.go trims every entry, and
    shells/bash.go has `: | eval`, so that a command which reads its input does not read the script.
    """
    said = config[job]
    before = said.get("before_script", config.get("default", {}).get("before_script", []))
    return joined([*before, *said["script"]])


def joined(entries: list[str]) -> str:
    """Entries as one script."""
    return "set -eo pipefail\nset +o noclobber\n" + "".join(entry.strip() + "\n" for entry in entries) + "exit 0\n"
