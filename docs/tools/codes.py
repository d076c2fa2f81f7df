"""docs/codes: a page for each diagnostic code, with what mlgen prints for a bad spec of the tests."""

import re
from pathlib import Path
from typing import NamedTuple

from text import MADE, join, table

from mlgen.diagnostics import CODES

GROUPS = {
    "0": "Reading the text",
    "1": "The form of the spec, and of files that it imports",
    "2": "References between keys",
    "3": "Order and conditions",
    "4": "What a target cannot say",
    "5": "The files that are written",
    "6": "The check of what was rendered",
    "7": "Packs",
    "8": "Events, revisions, and runs on this machine",
    "9": "Constructs that are not built",
}
_HEAD = re.compile(r"[^ ].*: (?:error|warning) (MLG\d+): ")
MOST = 4
"""Findings that a page shows."""


class Case(NamedTuple):
    """A bad spec of the tests, and the findings of one code in what is printed for it."""

    spec: Path
    findings: tuple[str, ...]
    others: int
    """Findings of other codes."""


def pages(root: Path) -> dict[str, str]:
    """The pages and their index."""
    cases = _cases(root / "tests/spec/bad")
    made = {f"codes/{code}.md": _page(code, cases.get(code), root) for code in CODES}
    return {"codes/README.md": _index(), **made}


def _index() -> str:
    parts = [
        MADE.format(source="src/mlgen/diagnostics/codes.py"),
        "# Diagnostics",
        "Every finding of mlgen has a code, a position in the spec and, where it can, a hint. `mlgen explain CODE`"
        " prints what stands here in the terminal; `--format json`, `annotations` and `sarif` are for programs.",
    ]
    for digit, title in GROUPS.items():
        rows = [(f"[{code}]({code}.md)", kind.title) for code, kind in CODES.items() if code[3] == digit]
        parts += [f"## {title}", table(("code", "what is wrong"), rows)] if rows else []
    return join(*parts)


def _page(code: str, case: Case | None, root: Path) -> str:
    kind = CODES[code]
    parts = [
        MADE.format(source="src/mlgen/diagnostics/codes.py and tests/spec/bad"),
        f"# {code}: {kind.title[:1].lower() + kind.title[1:]}",
        kind.text,
    ]
    if case:
        parts += ["## An example", f"```yaml\n{case.spec.read_text('utf-8').rstrip()}\n```"]
        for name in _imported(case):
            text = (case.spec.parent / name).read_text("utf-8").rstrip()
            parts += [f"with `{name}`:", f"```yaml\n{text}\n```"]
        shown = case.findings[:MOST]
        parts += ["`mlgen validate` says:", "```text\n" + "\n".join(shown) + "\n```"]
        left = len(case.findings) - len(shown)
        if left or case.others:
            more = f"{left} more of this code" if left else ""
            other = f"{case.others} of other codes" if case.others else ""
            parts.append(f"It also has {' and '.join(filter(None, (more, other)))}.")
    parts.append("[All codes](README.md) · [The language](../language.md)")
    return join(*parts)


def _imported(case: Case) -> list[str]:
    """Other files that the shown findings point to."""
    names = [finding.split(":")[0] for finding in case.findings[:MOST]]
    return [n for n in dict.fromkeys(names) if n != case.spec.name and (case.spec.parent / n).is_file()]


def _cases(folder: Path) -> dict[str, Case]:
    """For each code, the case that shows it best: few other findings, then a short spec."""
    found: dict[str, list[Case]] = {}
    for spec in sorted(folder.glob("*.yaml")):
        findings = _findings(spec.with_suffix(".out").read_text("utf-8"))
        for code in {code for code, _ in findings}:
            mine = tuple(text for each, text in findings if each == code)
            found.setdefault(code, []).append(Case(spec, mine, len(findings) - len(mine)))
    return {code: min(cases, key=_cost) for code, cases in found.items()}


def _cost(case: Case) -> tuple[int, int]:
    text = case.spec.read_text("utf-8")
    return 20 * len(_imported(case)) + 5 * case.others + 2 * max(0, len(case.findings) - 2) + len(
        text.splitlines()
    ), len(text)


def _findings(output: str) -> list[tuple[str, str]]:
    """The findings in printed text, each with its code."""
    found: list[tuple[str, list[str]]] = []
    for line in output.splitlines():
        head = _HEAD.match(line)
        if head:
            found.append((head[1], [line]))
        elif found:
            found[-1][1].append(line)
    return [(code, "\n".join(lines)) for code, lines in found]
