"""The steps of one job, one after the other: what its shells execute, and what the target's own steps do.

https://circleci.com/docs/reference/configuration-reference/#steps
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

from mlgen.readback import Cached, Fetched, Route, Script
from mlgen.readback.opaque import words_of
from mlgen.readback.unread import Unread
from mlgen.targets.circleci.read import helpers, portable
from mlgen.targets.circleci.read.config import Data, File, known
from mlgen.targets.circleci.read.found import Moment, Steps
from mlgen.targets.circleci.read.inline import Step, command_of, options_of, reruns, silence, way
from mlgen.targets.circleci.read.inserted import plain, waits
from mlgen.targets.circleci.read.machines import SHELL, environment
from mlgen.targets.circleci.read.services import followed, named, started
from mlgen.typed import Any, Literal

RUN = (
    "name", "command", "shell", "environment", "background", "working_directory", "no_output_timeout", "when",
    "max_auto_reruns", "auto_rerun_delay",
)  # fmt: skip
_WHEN: dict[str, Literal["success", "failure", "always"]] = {
    "on_success": "success", "on_fail": "failure", "always": "always"
}  # fmt: skip
MOST_STEPS = 2000


def read(steps: Iterator[Step], file: File, shell_of_job: str, root: str, told: portable.Portable) -> Steps:
    """The job's steps; `shell_of_job` and `root` are the executor's, `told` judges how they set portable variables."""
    reader = _Reader(file, shell_of_job, root, told)
    for count, step in enumerate(steps):
        if count > MOST_STEPS:
            raise Unread(f"{way(step.route)}: more than {MOST_STEPS} steps")
        reader.take(step)
    return reader.seen()


class _Reader:
    """What has been read of the steps so far."""

    def __init__(self, file: File, shell_of_job: str, root: str, told: portable.Portable) -> None:
        self.file, self.shell, self.root, self.told = file, shell_of_job, root, told
        self.found: dict[str, list[Any]] = {}
        self.scripts: list[Script] = []
        self.permits: list[bool | None] = []
        """Of each script, whether its failure is noted and permitted; None where nothing tells."""
        self.attached: Step | None = None
        self.checked_out = self.portable = self.decided = self.noted = self.heads = self.emptied = False
        self.after: dict[str, list[tuple[int, Any]]] = {}
        """What has to come after the last command to count: how many commands there were, and what it is."""
        self.restored: list[str] = []

    # ---- steps that are no `run`

    def take(self, step: Step) -> None:
        """Reads the next step."""
        if self.attached is not None:
            paths = helpers.taken(command_of(step)) if step.kind == "run" and not options_of(step) else None
            if paths is None:
                self.opaque(self.attached)
            else:
                self._taken(*paths, step.route)
            self.attached = None
            if paths is not None:
                return
        plain_step: Callable[[Step], bool] | None = getattr(self, f"_{step.kind}", None)
        if step.kind == "run":
            self._run_step(step)
        elif plain_step is None or step.kind not in _BUILT_IN or not plain_step(step):
            self.opaque(step)

    def opaque(self, step: Step) -> None:
        """A step that is not known is a script of its own: what it says."""
        text = words_of({step.kind: step.words} if step.words else step.kind)
        self.scripts.append(Script(text, route=step.route, raw=text))
        self.permits.append(None)

    def _checkout(self, step: Step) -> bool:
        path = "~/project" if self.root else None
        if self.scripts or self.checked_out or (step.words or {}).get("path") != path or len(step.words or {}) > 1:
            return False
        self.checked_out = True
        return True

    def _setup_remote_docker(self, step: Step) -> bool:
        return not step.words and not self.scripts

    def _attach_workspace(self, step: Step) -> bool:
        if step.words != {"at": helpers.WORKSPACE}:
            return False
        self.attached = step
        return True

    def _persist_to_workspace(self, step: Step) -> bool:
        if set(step.words) != {"root", "paths"} or step.words["root"] != ".":
            return False
        self._closing("persisted", *map(plain, step.words["paths"]))
        return True

    def _store_artifacts(self, step: Step) -> bool:
        if set(step.words) != {"path"} or step.words["path"].startswith(("/", "~")):
            return False
        self._closing("kept", plain(step.words["path"]))
        return True

    def _store_test_results(self, step: Step) -> bool:
        if set(step.words) != {"path"}:
            return False
        path = plain(step.words["path"])
        gathered = dict(self.found.get("gathered", ()))
        self._closing("reports", *(gathered.get(path) or [path]))
        return True

    def _restore_cache(self, step: Step) -> bool:
        if set(step.words) != {"keys"} or self.heads:
            return False
        self.restored += map(plain, step.words["keys"])
        return True

    def _save_cache(self, step: Step) -> bool:
        """A cache counts where what it saves is what an earlier step restores.

        https://circleci.com/docs/reference/configuration-reference/#savecache
        """
        if set(step.words) != {"key", "paths"}:
            return False
        key, paths = plain(step.words["key"]), list(map(plain, step.words["paths"]))
        if self.heads and paths == [".mlgen/head"]:
            return True
        if (files := followed(key, self.restored)) is not None:
            self._closing("caches", Cached(tuple(paths), named(key), files))
        return True

    # ---- `run`

    def _run_step(self, step: Step) -> None:
        words = step.words if isinstance(step.words, dict) else {"command": step.words}
        known(words, RUN, way(step.route))
        command, options = command_of(step), options_of(step)
        bare = not options
        always = set(options) == {"when"} and options["when"] == "always"
        if not (
            (bare and self._before(command, words))
            or (bare and self._closes(command))
            or (always and self._cleans(command))
            or (set(options) == {"no_output_timeout"} and self._starts_container(command))
        ):
            self._script(command, words, step)

    def _before(self, command: str, words: Data) -> bool:
        """What comes before the first command: variables, decisions, secrets, services."""
        bare = portable.sets(command)
        if bare is not None and not self.scripts:
            said = {name: str(value) for name, value in words.get("environment", {}).items()}
            if self.checked_out and not self.portable:
                self.portable = self.told.whole(said, bare)
            return self.portable
        if "environment" in words or self.scripts:
            return False
        return self._decides(command) or self._prepares(command)

    def _decides(self, command: str) -> bool:
        if command == helpers.LAST_HEAD and self.portable and self._asks_for_heads():
            self.heads = True
            return True
        expression = helpers.decision(command)
        if expression is None or not self.portable:
            return False
        self._add("moments", Moment("when", (), expression, self.heads))
        self.decided = True
        self.heads = False
        return True

    def _asks_for_heads(self) -> bool:
        """Whether the caches with the last head were just looked for: of this commit, then of this branch."""
        if len(self.restored) < 2 or not self.restored[-2].startswith(self.restored[-1]):
            return False
        prefix = self.restored[-1]
        own = self.restored[-2] == prefix + "{{ .Revision }}"
        if not own or not prefix.startswith("mlgen-head-") or not prefix.endswith("{{ .Branch }}~"):
            return False
        del self.restored[-2:]
        return True

    def _prepares(self, command: str) -> bool:
        named, identity = helpers.named(command), helpers.identity(command)
        service, clone, merge = started(command), helpers.clone(command), helpers.merged(command)
        if named:
            self._add("names", *named.names)
            self._add("files", *named.files)
        elif identity:
            self._add("identities", identity)
        elif service:
            self._add("services", service)
        elif clone and self.checked_out:
            self._add("checkouts", clone)
        elif merge:
            self._add("merged", merge)
        elif helpers.emptied(command, self.root) and self.checked_out:
            self.emptied = True
        else:
            self._add("waited", *helpers.waits(command))
            return bool(helpers.waits(command) or helpers.hashed(command))
        return True

    def _starts_container(self, command: str) -> bool:
        found = helpers.container(command)
        if found is None or self.scripts or self.found.get("container"):
            return False
        self._add("container", found)
        return True

    def _closes(self, command: str) -> bool:
        """What comes after the commands: files are looked for, values collected, a success is noted."""
        inner = command
        permitted = False
        if command.startswith(helpers.ALREADY):
            unwrapped = helpers.nested(command[len(helpers.ALREADY) :], helpers.FAILED)
            if unwrapped is None or unwrapped.passed is not None:
                return False
            inner, permitted = unwrapped.text, True
        for what, value in (
            ("requires", helpers.required(inner)),
            ("exports", helpers.exports(inner)),
            ("aside", helpers.aside(inner)),
        ):
            if value is not None and self.scripts and permitted == self._permits():
                self._closing(what, *(value if what == "requires" else [value]))
                return True
        if permitted or not self.scripts:
            return False
        if command in helpers.SUCCESSES:
            self.noted = command == helpers.SUCCESSES[self._permits()]
            return True
        if helpers.stops(command) and self._permits():
            self._closing("stops", True)
            return True
        return helpers.tells(command)

    def _cleans(self, command: str) -> bool:
        """What always runs and is no command: the files of secrets go, reports are gathered and shown."""
        if self.decided:
            if not command.startswith(helpers.LEFT):
                return False
            command = command[len(helpers.LEFT) :]
        gathered, covered = helpers.gathered(command), helpers.covered(command)
        if gathered:
            self._add("gathered", gathered)
        if covered:
            self._closing("covered", *covered)
        return bool(gathered or covered) or command == helpers.FORGET

    def _script(self, command: str, words: Data, step: Step) -> None:
        """Adds a command of the spec without what runs it."""
        if waits(str(words.get("command", step.words if isinstance(step.words, str) else ""))):
            self.opaque(step)
            return
        when = _WHEN.get(str(words.get("when", "on_success")))
        if when is None:
            raise Unread(f"{way(step.route)}.when: {words['when']} is not known")
        more = []
        if words.get("shell", self.shell) != SHELL:
            more.append(f"shell: {words.get('shell', self.shell) or 'the usual one'}")
        if words.get("background"):
            more.append("background")
        text, failed = command, False
        if self.decided and when == "always":
            if not text.startswith(helpers.LEFT):
                more.append("it runs also where the job leaves itself out")
            text = text.removeprefix(helpers.LEFT)
        if text.startswith(helpers.FAILED_ONLY) and text.endswith(" || true"):
            inner = helpers.nested(helpers.quoted(text[len(helpers.FAILED_ONLY) :]), " || true")
            if inner and when == "success":
                when = "failure"
                self._add_script(inner, words, step, when, more, False)
                return
        guarded = text.startswith(helpers.ALREADY)
        text = helpers.quoted(text.removeprefix(helpers.ALREADY))
        inner = helpers.nested(text, helpers.FAILED)
        if inner is not None and (guarded or not self.scripts or when == "always"):
            failed = True
        else:
            inner = None if guarded else helpers.nested(text)
        if guarded and inner is None:
            text = command
        if when == "always":
            told = environment(words.get("environment", {}), way(step.route))
            if told != {"MLGEN_RESULT": "failure"} or not self.noted:
                more.append("MLGEN_RESULT does not tell how the job ended")
        self._add_script(inner or helpers.Inside(text), words, step, when, more, failed)

    def _add_script(
        self,
        inner: helpers.Inside,
        words: Data,
        step: Step,
        when: Literal["success", "failure", "always"],
        more: list[str],
        failed: bool,
    ) -> None:
        own = words.get("environment", {}) if when != "always" else {}
        more += [f"{name}={value}" for name, value in own.items()]
        self.scripts.append(
            Script(
                inner.text,
                when,
                plain(str(words.get("working_directory", ""))),
                1 + reruns(words, step),
                silence(words, inner.text, step),
                (),
                step.route,
                "",
                tuple(more),
                raw=str(words.get("command", "")) or str(step.words),
                passed=inner.passed,
            )
        )
        self.permits.append(failed)

    # ---- all of it

    def _permits(self) -> bool:
        """Whether a failure of the last command is permitted."""
        main = [failed for failed, s in zip(self.permits, self.scripts) if failed is not None and s.when == "success"]
        return bool(main) and bool(main[-1])

    def _add(self, what: str, *values: Any) -> None:
        self.found.setdefault(what, []).extend(values)

    def _closing(self, what: str, *values: Any) -> None:
        self.after.setdefault(what, []).extend((len(self.scripts), value) for value in values)

    def _taken(self, every: bool, paths: tuple[str, ...], route: Route) -> None:
        if self.scripts:
            self.scripts.append(Script(f"take {' '.join(paths)}", route=route))
            self.permits.append(None)
            return
        if every:
            self._add("moments", Moment("take", paths))
        self._add("taken", *paths)

    def seen(self) -> Steps:
        """What has to stand behind the last command counts where it does."""
        if self.attached is not None:
            self.opaque(self.attached)
        last = max((n for n, s in enumerate(self.scripts, 1) if s.when == "success"), default=0)
        late = {what: [v for count, v in all_of_it if count >= last] for what, all_of_it in self.after.items()}
        main = [f for f, s in zip(self.permits, self.scripts) if s.when == "success" and f is not None]
        permitted = bool(main) and all(main)
        if permitted and (late.get("requires") or late.get("caches")) and not late.get("stops"):
            permitted = False  # a failure would be handed on
        names = tuple(sorted(dict.fromkeys(self.found.get("names", ()))))
        scripts = [
            s._replace(secrets=names, text=s.text if failed in (permitted, None) or s.when == "failure" else s.raw)
            for failed, s in zip(self.permits, self.scripts)
        ]
        clones = self.found.get("checkouts", [])
        exports = late.get("exports", [])
        return Steps(
            tuple(scripts),
            self.portable,
            permitted,
            tuple(self.found.get("moments", ())),
            tuple(self.found.get("taken", ())),
            tuple(late.get("persisted", ())),
            (*late.get("requires", ()), *(p for each in late.get("aside", ()) for p in each.paths)),
            tuple(value for _, values in exports for value in values),
            exports[0][0] if exports else "",
            names,
            frozenset(self.found.get("files", ())),
            tuple(token for clone in clones for token in clone.names),
            frozenset(self.found.get("identities", ())),
            tuple(self._fetched(clones)),
            tuple(self.found.get("services", ())),
            frozenset(self.found.get("waited", ())),
            next(iter(self.found.get("container", ())), None),
            tuple(late.get("reports", ())),
            tuple(late.get("kept", ())),
            tuple(late.get("covered", ())),
            tuple(late.get("caches", ())),
            next(iter(late.get("aside", ())), None),
            tuple(self.found.get("merged", ())),
        )

    def _fetched(self, clones: list[helpers.Clone]) -> Iterator[Fetched]:
        """The repositories that are there: the project's own unless it was taken away, and others."""
        if not self.emptied and not any(clone.own for clone in clones) and self.checked_out:
            yield Fetched(depth=0)  # `checkout` fetches the whole history
        for clone in clones:
            yield clone.fetched


_BUILT_IN = frozenset((
    "checkout", "setup_remote_docker", "attach_workspace", "persist_to_workspace", "store_artifacts",
    "store_test_results", "restore_cache", "save_cache",
))  # fmt: skip
