"""docs/language.md: every key of mlgen.yaml, from the schema, and what each CI system makes of it."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from text import MADE, cell, code, example, flow, join, literal, sentence, table

from mlgen import targets

Schema = dict[str, Any]

CONSTRUCTS: dict[str, tuple[str, ...]] = {
    "project": ("root",),
    "runners": ("runner",),
    "secrets": ("secrets", "secret_file", "plain", "renamed"),
    "triggers.push": ("push",),
    "triggers.pull_request": ("pull_request",),
    "triggers.tag": ("tag",),
    "triggers.schedule": ("schedule",),
    "triggers.manual": ("manual", "inputs"),
    "triggers.api": ("api",),
    "concurrency": ("cancel",),
    "gates": ("gate",),
    "environments": ("environment", "url"),
    "runtime.python": ("python",),
    "runtime.activate": ("activate",),
    "job.deps": ("files", "alternatives"),
    "report": ("comment",),
    "job.exports": ("exports", "references"),
    "job.matrix": ("matrix", "max_parallel", "legs"),
    "job.runner": ("system",),
    "job.image": ("image", "container", "built"),
    "job.lock": ("lock", "order"),
    "job.services": ("services", "docker"),
    "job.reports": ("junit", "coverage", "summary"),
    "job": ("milestone",),
    **{f"job.{name}": (name,) for name in ("allow_failure", "approval", "cache", "checkout", "finally")},
    **{f"job.{name}": (name,) for name in ("keep", "native", "oidc", "on_failure", "permissions", "retry", "reuse")},
    **{f"job.{name}": (name,) for name in ("steps", "timeout", "working_directory")},
    **{f"when.{name}": (name,) for name in ("changed", "input", "message", "result", "value")},
}
"""The rows of the capability tables that a key's paragraph shows. A test finds the rows that no key has."""

MORE = {
    "extends": "[One day in an organisation](organisation.md) shows packs at work.",
    "overrides": "[Overrides](overrides.md) says how they are applied and what needs a reason.",
    "targets": "[The pages of the targets](targets/README.md) list the fallbacks that each one has.",
    "stages": "A stage can take its jobs from a [dvc.yaml or an MLproject](imports.md).",
    "triggers": "Which jobs run on an event is decided by [`when`](#when), the stage and the environment.",
    "job.gate": "What a gate must hold is written under [`gates`](#gates).",
    "job.secrets": "What each system makes of them: [`secrets`](#secrets).",
    "job.environment": "What each system makes of it: [`environments`](#environments).",
    "job.python": "What each system makes of it: [`runtime.python`](#runtime.python).",
    "job.when": "The keys are under [`when`](#when).",
    "job": "The keys of a job come in any order; which action it has says what it is.",
}

SPLIT = ("triggers", "runtime", "job", "when")
"""Mappings of which each key has a heading of its own."""

FORMS = {
    "strings": "a text or a list of texts",
    "names": "a [name](#form.slug) or a list of names",
    "paths": "a [path](#form.path) or a list of paths",
    "patterns": "a [pattern](#form.pattern) or a list of patterns",
    "scalar": "a text, a number or a boolean",
    "reference_text": "text, which may hold `${NAME}`",
    "value": "a text, a number or a boolean",
    "values": "a value or a list of values",
    "text": "text",
    "texts": "a text or a list of texts",
    "slug": "a [name](#form.slug)",
    "job_name": "a [job's name](#form.job_name)",
    "script": "a [script](#form.script)",
    "duration": "a [duration](#form.duration)",
    "runtime": "a mapping like [`runtime`](#runtime)",
    "job": "a mapping of a [job's keys](#job)",
    "when": "a mapping like [`when`](#when)",
    "env": "a mapping of variables",
    "inputs": "a mapping of inputs",
    "leg": "a mapping of axes to values",
    "login_pair": "`{username: SECRET, password: SECRET}`",
}
"""What a `$ref` to this definition takes, in words; another one links to its own description."""

WORDS = {"string": "text", "integer": "a whole number", "number": "a number", "boolean": "`true` or `false`"}


class Language:
    """The schema with its references at hand."""

    def __init__(self, schema: Schema) -> None:
        self.schema = schema
        self.forms: dict[str, str] = {}
        """The definitions that are linked to, with their descriptions."""

    def open(self, node: Schema) -> Schema:
        """The node with its reference followed; what stands beside the reference wins."""
        name = _ref(node)
        return {**self.open(self.schema["$defs"][name]), **node} if name else node

    def takes(self, node: Schema) -> str:
        """What the node takes, in words."""
        name = _ref(node)
        if name in FORMS:
            if f"#form.{name}" in FORMS[name] or name in ("names", "paths", "patterns"):
                self._keep({"names": "slug", "paths": "path", "patterns": "pattern"}.get(name, name))
            return FORMS[name]
        if name and not self._structured(self.schema["$defs"][name]):
            definition = self.schema["$defs"][name]
            if "enum" in definition:
                return self.takes(definition)
            self._keep(name)
            words = name.replace("_", " ")
            return f"{'an' if words[0] in 'aeiou' else 'a'} [{words}](#form.{name})"
        node = self.open(node)
        if "const" in node:
            return literal(node["const"])
        if "enum" in node:
            return ", ".join(literal(value) for value in node["enum"])
        if "anyOf" in node:
            return " or ".join(dict.fromkeys(self.takes(choice) for choice in node["anyOf"]))
        kinds = node.get("type", "object")
        kinds = kinds if isinstance(kinds, list) else [kinds]
        words = [self._kind(kind, node) for kind in kinds if kind != "null"]
        return " or ".join(words) + (", or nothing" if "null" in kinds else "")

    def _kind(self, kind: str, node: Schema) -> str:
        if kind == "array":
            items = node.get("items", {})
            words = self.takes(items)
            return f"a list: each {words}" if self._structured(items) else f"a list of {_plain(words)}"
        if kind == "object":
            return "a mapping"
        if kind == "integer" and "minimum" in node:
            return f"a whole number, {node['minimum']} to {node['maximum']}" if "maximum" in node else "a whole number"
        return WORDS[kind]

    def _keep(self, name: str) -> None:
        self.forms[name] = self.schema["$defs"][name].get("description", "")

    def _structured(self, node: Schema) -> bool:
        node = self.open(node)
        return "properties" in node or any(self._structured(choice) for choice in node.get("anyOf", ()))

    def keys(self, node: Schema, path: str = "") -> Iterator[tuple[str, Schema, bool]]:
        """The keys below the node, also inside alternatives and lists: their dotted path and whether they must be."""
        if _ref(node) in ("job", "when", "runtime") and path:
            return
        node = self.open(node)
        must = node.get("required", ())
        for key, value in node.get("properties", {}).items():
            if key == "fallback":
                continue
            yield path + key, value, key in must
            yield from self.keys(value, f"{path}{key}.")
        named = node.get("additionalProperties")
        if isinstance(named, dict):
            yield from self.keys(named, f"{path}NAME.")
        for choice in node.get("anyOf", ()):
            yield from self.keys(choice, path)
        if "items" in node:
            yield from self.keys(node["items"], path)


def page(root: Path) -> str:
    """The page of the checkout's schema."""
    schema: Schema = json.loads((root / "schemas/mlgen.schema.json").read_text("utf-8"))
    language = Language(schema)
    top = schema["properties"]
    body = [
        part
        for key, node in top.items()
        for part in (_stages(language, node) if key == "stages" else _mapping(language, key, node))
    ]
    body += _mapping(language, "job", {"$ref": "#/$defs/job"})
    body += _mapping(language, "when", {"$ref": "#/$defs/when"})
    forms = table(
        ("form", "what it is"),
        [(f'<a id="form.{n}"></a>{n.replace("_", " ")}', text) for n, text in sorted(language.forms.items())],
    )
    return join(
        MADE.format(source="schemas/base.yaml and the targets' schema.yaml and capabilities.py"),
        "# The language",
        "Every key of `mlgen.yaml`: what it means, what it takes, and what each CI system makes of it. Where a system"
        " says something by other means than its own, the table says what is weaker; where it cannot say it at all,"
        " `mlgen compile` tells, and [the page of the target](targets/README.md) lists the fallbacks.",
        "A key that is not here is an error with a suggestion, but for keys that begin with `x-`, which are free for"
        " your own use. Anchors, aliases and `<<` work. Nearly every mapping has a short form: its main field alone.",
        _contents(language, top),
        *body,
        "## Forms of values",
        forms,
    )


def _contents(language: Language, root: Schema) -> str:
    lines = ["| key | what it says |", "|---|---|"]
    for key, node in root.items():
        lines.append(f"| [`{key}`](#{key}) | {cell(language.open(node)['description'])} |")
    job = ", ".join(f"[`{key}`](#job.{key})" for key in language.schema["$defs"]["job"]["properties"])
    lines.append(f"| [a job](#job) | {job} |")
    when = ", ".join(f"[`{key}`](#when.{key})" for key in language.schema["$defs"]["when"]["properties"])
    lines.append(f"| [`when`](#when) | {when} |")
    return "\n".join(lines)


def _mapping(language: Language, path: str, node: Schema) -> list[str]:
    """A key of the first level, or the keys of a job or of `when`."""
    title = {"job": "A job", "when": "`when`"}.get(path, f"`{path}`")
    head = f'## <a id="{path}"></a>{title}'
    whole = language.open(node)
    if path not in SPLIT:
        return [head, *_entry(language, path, node)]
    parts = [head, sentence(whole.get("description", "")), MORE.get(path, "")]
    if path == "when":
        parts[1] = "On which events a job runs. All keys must hold; of a list, one. A list of mappings: any of them."
    parts += [_systems(construct) for construct in CONSTRUCTS.get(path, ())]
    for key, value in whole["properties"].items():
        parts += [f'### <a id="{path}.{key}"></a>`{key}`', *_entry(language, f"{path}.{key}", value)]
    return parts


def _stages(language: Language, node: Schema) -> list[str]:
    parts = ['## <a id="stages"></a>`stages`', *_entry(language, "stages", {**node, "additionalProperties": {}})]
    inner = node["additionalProperties"]
    parts.append("A stage is a mapping of jobs by name, and may hold besides:")
    return [*parts, _keys(language, inner)]


def _entry(language: Language, path: str, node: Schema) -> list[str]:
    whole = language.open(node)
    key = path.rpartition(".")[2]
    facts = f"Takes {language.takes(node)}."
    if "default" in whole:
        facts += f" Default: {code(flow(whole['default']))}."
    examples = whole.get("examples", ())[:2]
    linked = _ref(node) in ("job", "when", "runtime") and path not in SPLIT
    return [
        whole.get("description", ""),
        facts,
        *(example(key, value) for value in examples),
        "" if linked else _keys(language, node),
        MORE.get(path, ""),
        *(_systems(construct) for construct in CONSTRUCTS.get(path, ())),
    ]


def _keys(language: Language, node: Schema) -> str:
    rows: dict[str, tuple[str, ...]] = {}
    for name, value, must in language.keys(node):
        whole = language.open(value)
        text = whole.get("description", "")
        if "default" in whole:
            text += f" Default: {code(flow(whole['default']))}."
        if whole.get("examples"):
            text += f" For example {code(flow(whole['examples'][0]))}."
        rows.setdefault(name, (code(name), language.takes(value) + (" (required)" if must else ""), text))
    return table(("key", "takes", "meaning"), list(rows.values()))


def _systems(construct: str) -> str:
    """What each target makes of a construct."""
    rows = []
    for name in targets.names():
        target = targets.get(name)
        found = next(c for c in target.capabilities if c.construct == construct)
        how = found.how + (f" (weaker: {found.weaker})" if found.weaker else "")
        if found.default:
            how += "; without a fallback " + ("an error" if found.default == "refuse" else "a warning")
        level = f"[{found.level}](targets/{name}.md#{construct})"
        rows.append((target.title, level, how))
    return table((f"`{construct}` on", "", "how"), rows)


def _ref(node: Schema) -> str:
    return str(node.get("$ref", "")).rpartition("/")[2]


def _plain(words: str) -> str:
    """The words for one thing as those for several of them."""
    return words.replace("](#form", "s](#form").removeprefix("a ").removeprefix("an ").replace("text", "texts", 1)
