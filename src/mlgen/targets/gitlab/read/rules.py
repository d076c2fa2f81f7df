"""`rules`, of a job and of `workflow`: the first that holds decides.

https://docs.gitlab.com/ci/yaml/#rules, https://docs.gitlab.com/ci/yaml/#workflowrules
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

from mlgen.ir.events import Event
from mlgen.named import NamedTuple
from mlgen.readback.unread import Unread
from mlgen.targets.gitlab.read.config import known
from mlgen.targets.gitlab.read.expressions import Condition, condition
from mlgen.targets.gitlab.read.globs import matcher
from mlgen.typed import Any

WHENS = ("on_success", "on_failure", "always", "manual", "never")
"""`delayed` is not read: it would start a job at another time than the language can say."""


class Rule(NamedTuple):
    """One entry: it holds where its `if` does and one of its paths has changed."""

    condition: Condition | None
    changes: Callable[[str], bool] | None
    against: str
    when: str
    allow_failure: bool | None
    variables: Mapping[str, Any]
    cancels: str
    """What `auto_cancel: on_new_commit` of a rule of the workflow says."""

    @property
    def text(self) -> str:
        """The rule in few words, for people."""
        parts = [self.condition.text] if self.condition else []
        parts += ["changes"] if self.changes else []
        return " with ".join(parts) or "always"


class Reader:
    """Reads rules, each text of a condition once."""

    def __init__(self) -> None:
        self._known: dict[str, Condition] = {}

    def read(self, entries: Any, where: str, workflow: bool = False) -> tuple[Rule, ...]:
        """The entries of a list; Unread where it is none, or says what this reader does not know."""
        if not isinstance(entries, list):
            raise Unread(f"{where}: not a list")
        flat = [e for entry in entries for e in (entry if isinstance(entry, list) else [entry])]
        return tuple(self._rule(entry, f"{where}[{number}]", workflow) for number, entry in enumerate(flat))

    def _rule(self, said: Any, where: str, workflow: bool) -> Rule:
        own = ("variables", "auto_cancel") if workflow else ("changes", "allow_failure", "variables")
        known(said, ("if", "when", *own), where)
        when = said.get("when", "always" if workflow else "on_success")
        if when not in (("always", "never") if workflow else WHENS):
            raise Unread(f"{where}: when: {when} is not known")
        cancel = said.get("auto_cancel", {})
        known(cancel, ("on_new_commit",), f"{where}.auto_cancel")
        changes, against = _changes(said["changes"], where) if "changes" in said else (None, "")
        return Rule(
            self._condition(said["if"], where) if "if" in said else None,
            changes,
            against,
            when,
            said.get("allow_failure"),
            said.get("variables", {}),
            cancel.get("on_new_commit", ""),
        )

    def _condition(self, text: Any, where: str) -> Condition:
        if not isinstance(text, str):
            raise Unread(f"{where}.if: not a text")
        if text not in self._known:
            try:
                self._known[text] = condition(text)
            except Unread as fault:
                raise Unread(f"{where}.if: {fault}") from fault
        return self._known[text]


def _changes(said: Any, where: str) -> tuple[Callable[[str], bool], str]:
    against = ""
    if isinstance(said, dict):
        known(said, ("paths", "compare_to"), f"{where}.changes")
        against, said = said.get("compare_to", ""), said.get("paths")
        if not isinstance(against, str) or (against and not against.startswith("refs/heads/")):
            raise Unread(f"{where}.changes.compare_to: {against} is no branch by its full name")
    if not isinstance(said, list):
        raise Unread(f"{where}.changes: not a list")
    try:
        return matcher(said), against.removeprefix("refs/heads/")
    except Unread as fault:
        raise Unread(f"{where}.changes: {fault}") from fault


def first(rules: tuple[Rule, ...], event: Event, variables: Mapping[str, str]) -> Rule | None:
    """The first rule that holds."""
    for rule in rules:
        if rule.condition and not rule.condition.holds(variables):
            continue
        if rule.changes is None or _changed(rule.changes, event):
            return rule
    return None


def _changed(matches: Callable[[str], bool], event: Event) -> bool:
    """https://docs.gitlab.com/ci/yaml/#ruleschanges: always, but on a push to a known branch and on a merge request."""
    if event.kind not in ("push", "pull_request") or event.changed is None:
        return True
    return any(map(matches, event.changed))
