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
    r"\s*(?:(?P<open>\()|(?P<close>\))|\$(?P<variable>\w+)|\"(?P<string>[^\"]*)\"|/(?P<pattern>(?:[^/\\]|\\.)+)/"
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
        lexemes.append((found.lastgroup, found[found.lastgroup]))
        position = found.end()
    assert len(lexemes) < 100, "Too many tokens!"
    value, rest = _any(lexemes, variables)
    assert not rest, rest
    return bool(value)


def _any(lexemes: list[tuple[str, str]], variables: Variables) -> tuple[Any, list[tuple[str, str]]]:
    value, rest = _all(lexemes, variables)
    while rest and rest[0] == ("operator", "||"):
        right, rest = _all(rest[1:], variables)
        value = value or right
    return value, rest


def _all(lexemes: list[tuple[str, str]], variables: Variables) -> tuple[Any, list[tuple[str, str]]]:
    value, rest = _comparison(lexemes, variables)
    while rest and rest[0] == ("operator", "&&"):
        right, rest = _comparison(rest[1:], variables)
        value = value and right
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
    matched = re.search(text.replace(r"\/", "/").replace("$", r"\Z") if text.endswith("$") else text, left or "")
    return (matched is not None) is (operator == "=~"), rest


def _value(lexeme: tuple[str, str], variables: Variables) -> str | None:
    kind, text = lexeme
    assert kind in ("variable", "string", "null"), lexeme
    return variables.get(text) if kind == "variable" else text if kind == "string" else None


def decide(rules: list[dict[str, Any]], variables: Variables) -> str:
    """What the first rule that holds says: `never`, `manual` or `on_success`; `never` if none does."""
    for rule in rules:
        if "if" not in rule or holds(rule["if"], variables):
            return str(rule.get("when", "on_success"))
    return "never"


def jobs(config: Mapping[str, Any], variables: Variables) -> dict[str, str]:
    """The jobs of the pipeline that an event makes, and how each starts; none where there is no pipeline."""
    if decide(config["workflow"]["rules"], variables) == "never":
        return {}
    found = {
        name: decide(job["rules"], variables) if "rules" in job else "on_success"
        for name, job in config.items()
        if isinstance(job, dict) and "script" in job
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
