"""docs/targets: what each CI system can say. Parts between marks are made; the rest of a page is written by hand."""

import re
from pathlib import Path

from text import cell, code, join, sentence, table

from mlgen import targets
from mlgen.compiler import analyse
from mlgen.targets.adapt import adapt
from mlgen.targets.contract import Capability, Target
from mlgen.targets.uses import CONSTRUCTS

SHOWN = "examples/wine-quality"
_SIGNS = {"native": "native", "emulated": "emulated", "unsupported": "no"}
_PART = re.compile(r"<!-- begin (\w+), made by `make docs` -->\n.*?<!-- end \1 -->", re.DOTALL)


def pages(root: Path) -> dict[str, str]:
    """The page of each target, and the table of all."""
    return {
        "targets/README.md": _page(root, "README", _overview()),
        **{f"targets/{name}.md": _page(root, name, _parts(targets.get(name), root)) for name in targets.names()},
    }


def _page(root: Path, name: str, parts: dict[str, str]) -> str:
    """The page as it is, with its made parts anew; a part that is not in it yet is added at its end."""
    path = root / "docs/targets" / f"{name}.md"
    title = "The targets" if name == "README" else targets.get(name).title
    text = path.read_text("utf-8") if path.exists() else f"# {title}\n"
    for part, made in parts.items():
        block = f"<!-- begin {part}, made by `make docs` -->\n{made.strip()}\n<!-- end {part} -->"
        if f"<!-- begin {part}," in text:
            text = _PART.sub(lambda m, b=block, p=part: b if m[1] == p else m[0], text)  # type: ignore[misc]
        else:
            text = join(text, block)
    return text


def _overview() -> dict[str, str]:
    chosen = [targets.get(name) for name in targets.names()]
    rows = []
    for construct in CONSTRUCTS:
        cells = [f"[{_sign(c)}]({t.name}.md#{construct})" for t in chosen for c in [_row(t, construct)]]
        rows.append((code(construct), *cells))
    heads = ("construct", *(f"[{target.title}]({target.name}.md)" for target in chosen))
    return {"table": table(heads, rows)}


def _row(target: Target, construct: str) -> Capability:
    return next(c for c in target.capabilities if c.construct == construct)


def _sign(capability: Capability) -> str:
    return _SIGNS[capability.level] + ("\\*" if capability.weaker else "")


def _parts(target: Target, root: Path) -> dict[str, str]:
    return {
        "constructs": _constructs(target),
        "overrides": _overrides(target),
        "settings": _settings(target, root),
    }


def _constructs(target: Target) -> str:
    lines = ["| construct | | how | without a fallback |", "|---|---|---|---|"]
    for construct in CONSTRUCTS:
        c = _row(target, construct)
        how = c.how
        if c.weaker:
            how += f"<br>Weaker: {c.weaker}"
        for choice, meaning in c.fallbacks:
            how += f"<br>Fallback `{choice}`: {meaning}"
        default = {"refuse": "an error", "warn": "a warning", "": ""}[c.default]
        lines.append(f'| <a id="{construct}"></a>`{construct}` | {_SIGNS[c.level]} | {cell(how)} | {default} |')
    return "\n".join(lines)


def _overrides(target: Target) -> str:
    parts = []
    if target.locate is not None:
        kept = ", ".join(code(key) for key in target.harmless) or "none"
        parts.append(
            "`file` is a merge patch of the whole file, `jobs` one of a job's own mapping, by STAGE.JOB. Keys that need"
            f" no `accept`: {kept}."
        )
    if target.hooks:
        parts.append("`hooks` are text in the file's own language, by the place where it stands:")
        rows = [(code(hook.name), hook.description, code(hook.example)) for hook in target.hooks]
        parts.append(table(("hook", "where", "for example"), rows))
    return join(*parts) if parts else "None."


def _settings(target: Target, root: Path) -> str:
    """The checklist of the example that uses most."""
    pipeline, _ = analyse(str(root / SHOWN), "mlgen.yaml")
    lines = []
    for row in target.settings(adapt(pipeline, target)[0]):
        lines.append(f"- [ ] **{row.title}**{'' if row.must else ' (recommended)'}: {sentence(row.detail)}")
    return "\n".join(lines)
