"""`rules:changes`: which files it asks about, and conditions over it.

One rule asks for one set of paths, and a rule cannot ask that nothing has changed: that is an earlier rule with
`when: never` (https://docs.gitlab.com/ci/yaml/#ruleschanges). On a new branch, a tag, a schedule and a pipeline that
somebody starts it always holds, as the language has it.
"""

from __future__ import annotations

import re

from mlgen.ir import Any, Change, Expr, fields, negate
from mlgen.ir.expressions import all_of, lenient, partial, satisfiable
from mlgen.ir.paths import in_repository
from mlgen.named import NamedTuple

PREFIX = "changed:"
MAX_PATTERNS = 50  # in one rule: https://docs.gitlab.com/ci/yaml/#ruleschanges


class Decision(NamedTuple):
    """If `expr` holds, and with `change` its paths have changed, the job runs, or (`never`) does not."""

    expr: Expr
    change: str = ""
    never: bool = False


def asked(expr: Expr) -> list[str]:
    """The fields of the expression that ask what has changed."""
    if isinstance(expr, bool):
        return []
    return sorted(field for field in fields(expr) if field.startswith(PREFIX))


def decisions(expr: Expr) -> list[Decision] | None:
    """The expression as a list of which the first that holds decides; None if there is no such list.

    There is none where two sets of paths must both have changed.
    """
    named = asked(expr)
    if not named:
        return [Decision(expr)] if expr is not False else []
    for field in named:
        yes, no = partial(expr, {field: "true"}), partial(expr, {field: "false"})
        rest = decisions(no) if not asked(yes) else None
        if rest is not None:
            name = field.removeprefix(PREFIX)
            head = [Decision(yes, name)] if yes is not False else []
            # What the rest would let run although this has changed.
            stop = [Decision(True, name, never=True)] if satisfiable(all_of([negate(yes), no])) else []
            return [*head, *stop, *rest]
    return _one_by_one(expr)


def _one_by_one(expr: Expr) -> list[Decision] | None:
    """A disjunction as the lists of its parts, of which only the last may stop what comes after it."""
    parts = [decisions(item) for item in expr.items] if isinstance(expr, Any) else [None]
    lists = sorted((part for part in parts if part is not None), key=lambda part: any(d.never for d in part))
    if len(lists) < len(parts) or any(d.never for part in lists[:-1] for d in part):
        return None
    return [decision for part in lists for decision in part]


def one_asked(expr: Expr) -> Expr:
    """What holds wherever the expression does, and asks about one set of paths at most."""
    return lenient(expr, set(asked(expr)[1:]).__contains__)


_FILES = (
    "cfg", "csv", "dvc", "in", "ini", "ipynb", "json", "jsonl", "lock", "md", "parquet", "py", "r", "rst", "sh", "sql",
    "toml", "tsv", "txt", "yaml", "yml",
)  # fmt: skip
"""Endings of files, which are not looked for as folders as well."""


def sayable(change: Change) -> bool:
    """Whether GitLab's globs say the paths: `**` is a whole segment there, and `$` begins a variable."""
    return not any("$" in path or re.search(r"[^/]\*\*|\*\*[^/]", path) for path in change.paths)


def globs(change: Change, root: str) -> list[str]:
    """The paths as GitLab's globs, relative to the repository: a folder stands for all that lies in it.

    They are Ruby's, with braces (lib/gitlab/ci/build/rules/rule/clause/changes.rb).
    """
    found = []
    for path in change.paths:
        glob = re.sub(r"([\\{}])", r"\\\1", in_repository(root, path))
        if glob.split("/")[-1] == "**":
            found.append(f"{glob}/*")
        elif "." in glob and glob.rpartition(".")[2].lower() in _FILES:
            found.append(glob)
        else:
            found += [glob, f"{glob}/**/*"]
    return list(dict.fromkeys(found))
