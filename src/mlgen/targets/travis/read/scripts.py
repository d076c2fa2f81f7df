"""What the one shell of a job executes, phase by phase: https://docs.travis-ci.com/user/job-lifecycle

The first item of `before_install`, `install` or `before_script` that fails ends the job. Of `script`, all items run
whatever the ones before gave; then come the phases for what has succeeded or failed, of which the results do not count.
"""

from __future__ import annotations

from collections.abc import Iterator

from mlgen.named import NamedTuple
from mlgen.readback import Fetched, Route, Script, Served, shell
from mlgen.readback.unread import Unread
from mlgen.targets.travis.read import helpers
from mlgen.targets.travis.read.clones import Clone, changed_checkout, checkout, emptied
from mlgen.targets.travis.read.config import PHASES, Entry, as_list
from mlgen.typed import Any

MACHINE = "travis"
"""The name of the shell in which the items run."""
_DEFAULTS = {"python": {"install": "pip install -r requirements.txt"}}
"""What Travis runs where a job says nothing: https://docs.travis-ci.com/user/languages/python"""


class Expected(NamedTuple):
    """A path of which the job checks that it has come; `folder`: an empty folder will do."""

    path: str
    folder: bool


class Seen(NamedTuple):
    """The scripts of a job, and what its helpers do."""

    scripts: tuple[Script, ...]
    root: str = ""
    portable: bool = True
    milestone: bool = False
    """Whether it does nothing but succeed."""
    heartbeat: bool = False
    unset: frozenset[str] = frozenset()
    """The variables that are gone before anything but helpers runs."""
    spent: frozenset[str] = frozenset()
    """Those that are gone before the job's own scripts run."""
    removed: tuple[str, ...] = ()
    expects: tuple[Expected, ...] = ()
    compares: tuple[helpers.Merged, ...] = ()
    question: str = ""
    """The expression that has to hold, or the job ends, green."""
    stays: tuple[str, ...] | None = None
    clones: tuple[Clone, ...] = ()
    own: Clone = Clone(Fetched())
    """What it does to the clone of the project."""
    decoded: tuple[tuple[str, str], ...] = ()
    names: tuple[tuple[str, str], ...] = ()
    """Variables under other names: the new one and the old."""
    files: frozenset[str] = frozenset()
    """Those of them that hold the path of a file with the secret."""
    services: tuple[Served, ...] = ()
    awaits: tuple[tuple[str, int | str], ...] = ()
    """Services, each with a port or a command for which it waits."""
    logins: tuple[str, ...] = ()
    container: helpers.Container | None = None
    requires: frozenset[str] = frozenset()
    manifest: str = ""
    exports: helpers.Exported | None = None
    junit: tuple[str, ...] = ()
    shown: tuple[str, ...] = ()
    forgets: bool = False
    """Whether the files of secrets are removed at the end."""


def read(entry: Entry) -> Seen:
    """The job's scripts."""
    reader = _Reader()
    for phase in PHASES:
        reader.phase, reader.result = phase, False
        for text, route in _items(entry, phase):
            reader.take(text, route)
        reader.close()
    return reader.seen()


def _items(entry: Entry, phase: str) -> Iterator[tuple[str, Route]]:
    """The items of a phase; `skip` stands for none, also where the language has some."""
    value: Any = entry.said.get(phase)
    if value is None:
        value = _DEFAULTS.get(str(entry.said.get("language")), {}).get(phase)
    if value == "skip":
        return
    for number, item in enumerate(as_list(value)):
        if not isinstance(item, str):
            raise Unread(f"{entry.name}: {phase}: {item!r} is no command")
        where = (*entry.route, phase) if phase in entry.own else (phase,)
        yield item.rstrip("\n"), (*where, number)


class _Reader:
    """The job, item by item."""

    def __init__(self) -> None:
        self.phase = ""
        self.scripts: list[Script] = []
        self.found = Seen(())
        self.sourced = self.bad = self.result = False
        self.pending: tuple[list[str], str, Route] | None = None
        """Paths that were removed and are not yet as the repository has them, with their item."""
        self.closing: list[tuple[int, str, Route]] = []
        """What follows the commands of `script`, each after how many scripts."""
        self.before = 0
        """How many scripts there were before `script`."""

    def take(self, text: str, route: Route) -> None:
        """Reads the next item."""
        helper = getattr(self, f"_at_{self.phase}", lambda _: False)
        if self.phase == "script" and _closes(text):
            self.closing.append((len(self.scripts), text, route))
        elif not helper(text) and not self._removes(text, route):
            self._script(text, route)

    def close(self) -> None:
        """The end of a phase."""
        if self.pending:
            self._unrestored()
        if self.phase == "before_script":
            self.before = len(self.scripts)
        if self.phase == "script":
            self._ended()

    def _set(self, **values: Any) -> bool:
        self.found = self.found._replace(**values)
        return True

    def _at_before_install(self, text: str) -> bool:
        if self.scripts:
            return False
        found = self.found
        if self.pending and helpers.restored(text) == self.pending[0]:
            paths, self.pending = self.pending[0], None
            return self._set(removed=(*found.removed, *paths))
        if self.pending:
            self._unrestored()
            return False
        if text == helpers.ENVIRONMENT and not self.sourced:
            self.sourced = True
            return True
        return self._prepares(text) if self.sourced else self._cleans(text)

    def _cleans(self, text: str) -> bool:
        """What comes before the portable variables."""
        found = self.found
        if text.startswith("cd ") and not found.root and found == Seen(()):
            words = shell.words(text)
            return len(words) == 2 and self._set(root=words[1])
        if names := helpers.unset(text):
            return self._set(unset=found.unset | set(names))
        return self._expects(text)

    def _expects(self, text: str) -> bool:
        """Checks of the files that come from others."""
        found = self.found
        if merged := helpers.merges(text):
            return self._set(compares=(*found.compares, merged))
        if paths := shell.required(text):
            return self._set(expects=(*found.expects, *(Expected(path, True) for path in paths)))
        if files := helpers.found_files(text):
            return self._set(expects=(*found.expects, *(Expected(path, False) for path in files)))
        return False

    def _prepares(self, text: str) -> bool:
        """What comes after them: whether the job is to run, checkouts, secrets, services and the container."""
        found = self.found
        if asked := helpers.decision(text):
            return not found.question and found.container is None and self._set(question=asked)
        if names := helpers.unset(text):
            return self._set(spent=found.spent | set(names))
        if (stays := emptied(text)) is not None:
            return self._set(stays=tuple(stays))
        if clone := checkout(text):
            return self._set(clones=(*found.clones, clone))
        if text.startswith("git ") and (own := changed_checkout(text)):
            return self._set(own=own)
        if decoded := helpers.decoded(text):
            return self._set(decoded=(*found.decoded, *decoded))
        if self._renames(text):
            return True
        if service := helpers.service(text):
            return self._set(services=(*found.services, service))
        if login := helpers.login(text):
            return self._set(logins=(*found.logins, *login.secrets))
        if found.container is None and (container := helpers.container(text)):
            return self._set(container=container)
        if waited := helpers.waits(text):
            return self._set(awaits=(*found.awaits, waited))
        return self._expects(text)

    def _renames(self, text: str) -> bool:
        found, names, files = self.found, [], []
        for new, old, is_file in helpers.renamed(text):
            source = dict(found.decoded).get(old) if is_file else old
            if source is None or found.container is not None:
                return False
            names.append((new, source))
            files += [new] if is_file else []
        return bool(names) and self._set(names=(*found.names, *names), files=found.files | set(files))

    def _at_before_script(self, text: str) -> bool:
        return text == helpers.HEARTBEAT and self._set(heartbeat=True)

    def _at_after_success(self, text: str) -> bool:
        return helpers.told(text)

    def _at_after_failure(self, text: str) -> bool:
        return self._ends(text, helpers.FAILED_RESULT)

    def _at_after_script(self, text: str) -> bool:
        found = self.found
        if reported := helpers.reports(text):
            return self._set(junit=(*found.junit, *reported.junit), shown=(*found.shown, *reported.shown))
        if text == helpers.FORGET:
            return self._set(forgets=True)
        return self._ends(text, helpers.RESULT)

    def _ends(self, text: str, wanted: str) -> bool:
        """Whether the item tells the scripts of its phase how the job ended."""
        self.result = self.result or text == wanted
        return text == wanted

    def _removes(self, text: str, route: Route) -> bool:
        """Whether the item takes files of others away; what the repository has comes back in the next one."""
        if self.phase != "before_install" or self.scripts or self.sourced or not (paths := helpers.removed(text)):
            return False
        self.pending = (paths, text, route)
        return True

    def _unrestored(self) -> None:
        assert self.pending
        (_, text, route), self.pending = self.pending, None
        self._add(helpers.bare(text), route)

    def _script(self, text: str, route: Route) -> None:
        self._add(helpers.bare(text), route)

    def _add(self, read: helpers.Read, route: Route) -> None:
        """Adds a command."""
        when = {"after_failure": "failure", "after_script": "always", "before_cache": "always"}.get(
            self.phase, "success"
        )
        first = self.phase != "script" or len(self.scripts) == self.before
        more = []
        if self.phase == "after_success":
            more.append("its failure is none")
        if self.phase == "script" and not (first or read.guarded):
            when = "always"  # whatever the items before it gave
        if self.found.container and not read.contained:
            more.append("on the machine, not in the image")
        if read.plain and not read.contained and not _plain(read.text):
            more.append("without `-euo pipefail`")
        if read.contained and not self.found.container:
            more.append("in no container that runs")
        if when in ("failure", "always") and self.phase != "script":
            self.bad = self.bad or not self.result or (read.contained and not read.result)
        self.bad = self.bad or not self.sourced
        shared = MACHINE if read.plain and not read.contained else ""
        self.scripts.append(
            Script(read.text, when, "", 1, read.timeout, (), route, shared, tuple(more))  # type: ignore[arg-type]
        )

    def _ended(self) -> None:
        """What follows the last command of `script`, where it is; a check alone is the command itself."""
        if len(self.scripts) == self.before and self.closing and self.closing[0][1] != "true":
            _, text, route = self.closing.pop(0)
            self._script(text, route)
            self.closing = [(count + 1, *rest) for count, *rest in self.closing]  # type: ignore[misc]
        total = len(self.scripts)
        for count, text, route in self.closing:
            if text == "true" and count == self.before == total and len(self.closing) == 1:
                self._set(milestone=True)
            elif count != total or not self._closed(text):
                self._script(text, route)

    def _closed(self, text: str) -> bool:
        found = self.found
        if paths := shell.required(text):
            return self._set(requires=found.requires | set(paths))
        if made := helpers.legs(text):
            return self._set(requires=found.requires | set(made[1]), manifest=made[0])
        exported = helpers.exports(text)
        return exported is not None and self._set(exports=exported)

    def seen(self) -> Seen:
        """All of it."""
        return self.found._replace(scripts=tuple(self.scripts), portable=not self.bad)


def _closes(text: str) -> bool:
    """Whether the item may be one that follows the commands of `script`."""
    return (
        text == "true"
        or shell.required(text) is not None
        or helpers.legs(text) is not None
        or helpers.exports(text) is not None
    )


def _plain(text: str) -> bool:
    """Whether the job's own shell runs the text as a `bash -euo pipefail` does: words alone, joined by `&&`."""
    return shell.is_fixed(text) and all(shell.words(part) for part in text.split(" && "))
