"""Values of the spec that look like credentials: a spec is committed, and what is in it is public."""

from __future__ import annotations

import re
from collections.abc import Iterator

from mlgen.diagnostics import Diagnostic, error
from mlgen.ir.source import Source
from mlgen.regex import regex
from mlgen.typed import Any, TypeAlias

Route: TypeAlias = "tuple[str | int, ...]"

_NAME = regex(r"(^|_)(PASSWORD|PASSWD|SECRET|TOKEN|APIKEY|API_KEY|ACCESS_KEY|PRIVATE_KEY|CREDENTIALS?)($|_)", re.I)
# Prefixes that the issuers themselves document, so that scanners recognise them.
_VALUE = regex(
    r"AKIA[0-9A-Z]{16}|gh[pousr]_[A-Za-z0-9]{36}|(?<![a-z])[a-z]+_pat_\w{22,}|glpat-[\w-]{20}|xox[abprs]-[\w-]{10,}"
    r"|-----BEGIN [A-Z ]*PRIVATE KEY-----|hf_[A-Za-z0-9]{30,}|AIza[\w-]{35}"
)
_PASSWORD_IN_ADDRESS = regex(r"://[^/\s:@]+:[^/\s:@]+@")


def credentials(source: Source) -> Iterator[Diagnostic]:
    """What looks like a credential in variables and in scripts; `{public: …}` says that a variable is none."""
    for route, env in env_blocks(source.data):
        for name, value in env.items():
            text = "" if isinstance(value, dict) else str(value)
            if text and (_NAME.search(name) or _VALUE.search(text) or _PASSWORD_IN_ADDRESS.search(text)):
                hint = f"list {name} under `secrets`, or write `{name}: {{public: ...}}` if it is none"
                yield error("MLG105", source.at(*route, name), f"{name} looks like a credential", hint)
    for route, script in _scripts(source.data):
        # No passwords in addresses here: a test's database has one, and a script has no word to say that it is public.
        if _VALUE.search(script):
            hint = "list it by name under `secrets`, and use the variable of that name"
            yield error("MLG105", source.at(*route), "the script holds what looks like a credential", hint)


def env_blocks(data: dict[str, Any]) -> Iterator[tuple[Route, dict[str, Any]]]:
    """Every `env` of the spec, with its place."""
    yield ("env",), data["env"]
    for stage, members in data["stages"].items():
        for name, said in members.items():
            yield ("stages", stage, name, "env"), said.get("env") or {}


def _texts(route: Route, value: Any) -> Iterator[tuple[Route, str]]:
    if isinstance(value, dict):
        for key, item in value.items():
            yield from _texts((*route, key), item)
    elif isinstance(value, list):
        for index, item in enumerate(value):
            yield from _texts((*route, index), item)
    elif isinstance(value, str):
        yield route, value


def _scripts(data: dict[str, Any]) -> Iterator[tuple[Route, str]]:
    yield from _texts(("overrides",), data["overrides"])
    yield ("runtime", "setup"), data["runtime"]["setup"]
    for stage, members in data["stages"].items():
        for name, said in members.items():
            for key in ("run", "finally"):
                yield ("stages", stage, name, key), said[key]
