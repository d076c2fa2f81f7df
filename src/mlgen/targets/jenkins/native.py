"""Steps and jobs in Jenkins' own words, as Groovy.

A step is a map with one key, its name: `{slackSend: {channel: ml}}` is `slackSend(channel: 'ml')`. `{groovy: TEXT}` is
Groovy as it stands. A job is such a step, or `{label: LABEL, steps: [STEP, …]}`.
"""

from __future__ import annotations

from collections.abc import Mapping

from mlgen.quoting import groovy
from mlgen.regex import regex

_NAME = regex(r"[A-Za-z_][A-Za-z0-9_]*")


def step(words: object) -> str:
    """The step as a statement."""
    if not isinstance(words, Mapping):
        return ""
    ((name, given),) = words.items()
    if name == "groovy":
        return f"script {{ {given} }}"
    if isinstance(given, Mapping):
        return f"{name}({', '.join(f'{_key(key)}: {value(one)}' for key, one in given.items())})"
    return f"{name}()" if given is None else f"{name}({value(given)})"


def job(words: object) -> tuple[str, list[str]]:
    """The label of the agent, and the steps of the job."""
    said = words if isinstance(words, Mapping) else {}
    if "steps" in said:
        return str(said.get("label", "")), [step(one) for one in said["steps"]]
    return "", [step(said)]


def value(given: object) -> str:
    """The value as Groovy."""
    if isinstance(given, Mapping):
        return "[" + (", ".join(f"{_key(key)}: {value(one)}" for key, one in given.items()) or ":") + "]"
    if isinstance(given, (list, tuple)):
        return "[" + ", ".join(map(value, given)) + "]"
    return "null" if given is None else groovy(given)


def _key(text: object) -> str:
    return str(text) if _NAME.fullmatch(str(text)) else groovy(str(text))


def fault(words: object, whole: bool) -> str:
    """What is wrong with the words for a step, or for a whole job; or empty."""
    if not isinstance(words, Mapping):
        return "it is no mapping"
    if whole and "steps" in words:
        listed = words["steps"]
        if set(words) - {"steps", "label"} or not isinstance(listed, (list, tuple)) or not listed:
            return "a job takes `label` and a list of `steps`"
        return next((text for text in (fault(one, False) for one in listed) if text), "")
    if len(words) != 1 or not _NAME.fullmatch(str(next(iter(words)))):
        return "a step has one key, its name"
    return ""
