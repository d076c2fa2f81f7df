"""What the shells of a job execute: `before_script` with `script` in one, `after_script` in another.

https://docs.gitlab.com/ci/yaml/script/, https://docs.gitlab.com/ci/yaml/#after_script
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping

from mlgen.named import NamedTuple
from mlgen.readback import Fetched, Route, Script, shell
from mlgen.readback.unread import Unread
from mlgen.targets.gitlab.read import helpers
from mlgen.targets.gitlab.read.helpers import Asked
from mlgen.typed import Any

MAIN, AFTER = "main", "after"
Entries = list[tuple[str, Route]]


class Seen(NamedTuple):
    """The scripts of a job, and what its helpers do."""

    scripts: tuple[Script, ...]
    root: str = ""
    """The folder of the project in the repository, which the shell enters first."""
    portable: bool = True
    removed: tuple[str, ...] = ()
    """Paths of other jobs' files that it takes away before anything else."""
    stays: tuple[str, ...] | None = None
    """Where the repository is taken away, the paths that stay; None: the repository stays."""
    asks: tuple[Asked, ...] = ()
    """What it decides itself, in order."""
    mark: str = ""
    expects: frozenset[str] = frozenset()
    requires: frozenset[str] = frozenset()
    exports: helpers.Exported | None = None
    names: tuple[tuple[str, str], ...] = ()
    """Variables under other names: the new one and the old."""
    unfinished: frozenset[str] = frozenset()
    """The paths that it removes after a failure."""
    milestone: Asked | None = None
    merged: frozenset[str] = frozenset()
    """The jobs of which it checks that no two legs made one file."""
    lists: bool = False
    fetched: tuple[Fetched, ...] = ()
    clouds: frozenset[str] = frozenset()
    ready: frozenset[str] = frozenset()
    """The ports of services for which it waits: the variable with the host, and the number."""
    granted: Mapping[str, str] = {}
    """What it logs in to at clouds: `CLOUD.OPTION` and the value."""
    address: str = ""
    """The address of its environment, where its scripts tell it."""


def read(name: str, said: dict[str, Any]) -> Seen:
    """The job's scripts; Unread where what stands after its command does not fit to what stands before."""
    main, after = _Main(), _After()
    for entry, route in _entries(name, said, ("before_script", "script")):
        main.take(entry, route)
    for entry, route in _entries(name, said, ("after_script",)):
        after.take(entry, route)
    found = main.seen()
    if not after.scripts:
        return found._replace(unfinished=frozenset(after.unfinished)) if after.took else found
    if after.root != found.root or after.strict != main.strict:
        raise Unread(f"{name}: after_script: it does not begin as before_script does")
    if after.asks != [each for each in found.asks if each.what != "results"]:
        raise Unread(f"{name}: after_script: it does not ask what before_script does, so that it runs without it")
    if any(each.what == "results" for each in found.asks) != after.told:
        raise Unread(f"{name}: after_script: it does not look at the results that before_script waits for")
    names = tuple(dict.fromkeys((*found.names, *after.names)))
    return found._replace(
        scripts=(*found.scripts, *after.scripts),
        portable=found.portable and after.portable,
        names=names,
        unfinished=frozenset(after.unfinished),
    )


def _entries(name: str, said: dict[str, Any], keys: tuple[str, ...]) -> Iterator[tuple[str, Route]]:
    """The entries without comments at their head; a script for Git Bash is taken apart."""
    for key in keys:
        for number, entry in enumerate(said.get(key) or ()):
            inner = helpers.windows(entry) if _starts_powershell(said) else None
            for text in _apart(inner) if inner is not None else [entry]:
                lines = text.strip("\n").split("\n")
                while lines and lines[0].startswith("#"):
                    del lines[0]
                if lines and (len(lines) > 1 or lines[0].strip()):
                    yield "\n".join(lines), (name, key, number)


def _starts_powershell(said: dict[str, Any]) -> bool:
    """Whether the job asks for a runner that is no default one, and for no image unless the runner is on Windows.

    https://docs.gitlab.com/ci/runners/hosted_runners/windows/
    """
    tags = [str(tag).lower() for tag in said.get("tags") or ()]
    return bool(tags) and ("image" not in said or any("windows" in tag for tag in tags))


def _apart(text: str) -> Iterator[str]:
    """The statements of a script: a line each, but for what goes on over several."""
    lines = text.split("\n")
    while lines:
        count = _length(lines)
        yield "\n".join(lines[:count])
        del lines[:count]


def _length(lines: list[str]) -> int:
    """How many lines the first statement has."""
    first = lines[0]
    if first == "(":
        return lines.index(")") + 1 if ")" in lines else 1
    if first.startswith("if "):
        return lines.index("fi") + 1 if "fi" in lines else 1
    if first.startswith("for mlgen_try in "):
        return min(5, len(lines))
    if first.endswith(" {") or first.endswith("COMMAND"):
        return lines.index("}") + 1 if "}" in lines else 1
    start = "IFS= read -r -d '' mlgen_script <<'"
    if first.startswith(start):
        end = first.removeprefix(start).removesuffix("' || true")
        at = lines.index(end) + 1 if end in lines else len(lines)
        return at + _length(lines[at:]) if lines[at:] else at
    count = 1
    while lines[count - 1].endswith("\\") and count < len(lines):
        count += 1
    return count


class _Shell(ABC):
    """One shell, entry by entry."""

    name = MAIN

    def __init__(self) -> None:
        self.scripts: list[Script] = []
        self.root, self.strict, self.portable = "", False, True
        self.asks: list[Asked] = []
        self.names: list[tuple[str, str]] = []
        self.pending: list[str] = []
        self.sourced = self.took = False

    def take(self, text: str, route: Route) -> None:
        """Reads the next entry."""
        self.took = True
        if not self.helper(text):
            self.script(text, route)

    @abstractmethod
    def helper(self, text: str) -> bool:
        """Whether the entry is one of the target's own, which is then read."""

    def begins(self, text: str) -> bool:
        """Whether the entry is one of those with which both shells begin."""
        if text == helpers.START and not self.strict and not self.scripts:
            self.strict = True
        elif text.startswith("cd ") and self.strict and not self.root and not self.sourced and not self.scripts:
            self.root = helpers.word(text.removeprefix("cd "))
        elif text == helpers.ENVIRONMENT and not self.sourced and not self.scripts:
            self.sourced = True
        else:
            return False
        return True

    def prepares(self, text: str) -> bool:
        """Whether the entry sets variables for all that comes after it in this shell."""
        if not self.sourced or self.scripts:
            return False
        if pair := helpers.renamed(text):
            self.names.append(pair)
        elif helpers.exported(text):
            self.pending.append(text)
        elif asked := helpers.asked(text):
            self.asks.append(asked)
        else:
            return False
        return True

    def script(self, text: str, route: Route, when: str = "success") -> None:
        """Adds a command, with the variables that were set for it."""
        if not (self.strict and self.sourced):
            self.portable = False
        inner, timeout, tries = bare(text)
        whole = "\n".join([*self.pending, inner])
        self.pending = []
        seen = Script(whole, when, "", tries, timeout, tuple(sorted(self.names)), route, shell=self.name)  # type: ignore[arg-type]
        self.scripts.append(seen)


class _Main(_Shell):
    """`before_script` and `script`."""

    def __init__(self) -> None:
        super().__init__()
        self.removed: list[str] = []
        self.stays: list[str] | None = None
        self.mark = ""
        self.results = False
        self.milestone: Asked | None = None
        self.merged: set[str] = set()
        self.fetched: list[Fetched] = []
        self.clouds: set[str] = set()
        self.granted: dict[str, str] = {}
        self.ready: set[str] = set()
        self.closing: list[tuple[int, str, Route, str, Any]] = []
        """After how many commands, the entry, its place, what it is and what it says."""

    def take(self, text: str, route: Route) -> None:
        """Reads the next entry."""
        self.took = True
        for what, read in (("list", helpers.listed), ("exports", helpers.exports), ("legs", helpers.legs)):
            value = read(text)
            if value is not None:
                self.closing.append((len(self.scripts), text, route, what, value))
                return
        if helpers.tells(text):
            self.closing.append((len(self.scripts), text, route, "tells", helpers.address(text)))
        elif not self.helper(text):
            self.script(text, route)

    def helper(self, text: str) -> bool:
        """Whether the entry is one of the target's own, which is then read."""
        return (
            self.begins(text) or self._cleans(text) or self.prepares(text) or self._decides(text) or self._plain(text)
        )

    def _cleans(self, text: str) -> bool:
        """What comes before the portable variables: files that are not the job's go, clients of a daemon come."""
        if self.sourced or self.scripts:
            return False
        removed, stays = helpers.removed(text), shell.emptied(text)
        self.removed += removed or ()
        self.stays = stays if stays is not None else self.stays
        return removed is not None or stays is not None or text in (helpers.CLIENT, helpers.TIMEOUT)

    def _decides(self, text: str) -> bool:
        if self.scripts or not self.sourced:
            return False
        if text == f". {helpers.RESULTS}" and self.asks and self.asks[-1].what == "results":
            return True
        self.mark = helpers.left_mark(text) or self.mark
        return bool(helpers.left_mark(text))

    def _plain(self, text: str) -> bool:
        """Whether the entry only waits, logs in, fetches, or prepares a file for exported values."""
        if (merged := helpers.merges(text)) or text == helpers.COLLECTED:
            self.merged |= {merged} - {""}
            return True
        found = helpers.results(text)
        if found and found.want == "all" and not self.scripts:
            self.milestone = found
            return True
        if self.scripts:
            return False
        if text == helpers.STARTED and not self.strict:
            return True
        checkout = helpers.checkout(text) if text.startswith("git ") else None
        if checkout:
            self.names += [(token, token) for token in checkout.tokens]
            self.fetched.append(checkout.fetched)
        cloud, service = helpers.identity(text), helpers.waits(text)
        self.clouds |= {cloud} - {""}
        self.granted |= helpers.granted(text, cloud) if cloud else {}
        self.ready |= {service} - {""}
        return bool(checkout or cloud or service) or helpers.closed(text)

    def seen(self) -> Seen:
        """All of it, where what has to stand behind the last command does."""
        requires: set[str] = set()
        expects: set[str] = set()
        exports, total, lists, address = None, len(self.scripts), False, ""
        for count, text, route, what, value in self.closing:
            last = count == total
            if what == "list":
                (requires if last else expects).update(value)
            elif not last:
                self.script(text, route)
            elif what == "exports":
                exports = value
            elif what == "tells":
                address = value or address
            lists = lists or (last and what == "legs")
        return Seen(
            tuple(self.scripts),
            self.root,
            self.portable,
            tuple(self.removed),
            None if self.stays is None else tuple(self.stays),
            tuple(self.asks),
            self.mark,
            frozenset(expects),
            frozenset(requires),
            exports,
            tuple(self.names),
            milestone=self.milestone,
            merged=frozenset(self.merged),
            lists=lists,
            fetched=tuple(self.fetched),
            clouds=frozenset(self.clouds),
            ready=frozenset(self.ready),
            granted=self.granted,
            address=address,
        )


class _After(_Shell):
    """`after_script`, which runs also after a failure."""

    name = AFTER

    def __init__(self) -> None:
        super().__init__()
        self.told = self.result = self.only = False
        self.unfinished: list[str] = []

    def helper(self, text: str) -> bool:
        """Whether the entry is one of the target's own, which is then read."""
        if self.begins(text) or self.prepares(text):
            return True
        if text == helpers.RESULTS_THERE and not self.scripts:
            self.told = True
        elif text == helpers.RESULT and not self.scripts:
            self.result = True
        elif text == helpers.FAILED_ONLY and not self.only:
            self.only = True
        elif text.startswith(helpers.UNFINISHED) and (paths := helpers.removed(text.removeprefix(helpers.UNFINISHED))):
            self.unfinished += paths
        else:
            return False
        return True

    def script(self, text: str, route: Route, when: str = "success") -> None:
        """Adds a command: after a failure only, or always."""
        start, end = 'if [ "$CI_JOB_STATUS" = failed ]; then\n', " || true\nfi"
        kind = "failure" if self.only else "always"
        if text.startswith(start) and text.endswith(end):
            text, kind = text[len(start) : -len(end)], "failure"
        super().script(text, route, kind)
        self.portable = self.portable and self.result


def bare(text: str) -> tuple[str, int, int]:
    """A command of the spec without what keeps it apart from the rest of the shell; seconds and tries, if bounded."""
    inner = _own_bash(text)
    if inner is not None:
        return inner, 0, 1
    for found in shell.readings(text)[1:]:
        hidden = _own_bash(found.command)
        if not found.before and hidden is not None:
            return hidden, found.timeout, found.tries
    if text.startswith("(\n") and text.endswith("\n)"):
        return text[2:-2], 0, 1
    if text.startswith("( ") and text.endswith(" )") and "\n" not in text:
        return text[2:-2], 0, 1
    return text, 0, 1


def _own_bash(text: str) -> str | None:
    """The script that a bash of its own is given otherwise than as it stands; None if it is none.

    `%?` takes the newline that a here-document adds; a replaced mark keeps `$[[` out of the file.
    """
    lines = text.split("\n")
    start, run = "IFS= read -r -d '' mlgen_script <<'", 'bash -euo pipefail -c "${mlgen_script'
    if len(lines) < 3 or not lines[0].startswith(start) or not lines[-1].startswith(run) or lines[-1][-2:] != '}"':
        return None
    end = lines[0].removeprefix(start).removesuffix("' || true")
    inner, expansion = "\n".join(lines[1:-2]), lines[-1][len(run) : -2]
    if lines[-2] != end or end in lines[1:-2]:
        return None
    if expansion == "%?":
        return inner
    mark = expansion.removeprefix("//'").removesuffix("'/'$'[[")
    known = set(mark[:-2]) == {"@"} and mark.endswith("[[") and expansion == f"//'{mark}'/'$'[["
    return inner.replace(mark, "$[[") if known else None
