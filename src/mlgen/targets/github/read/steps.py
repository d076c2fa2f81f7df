"""The steps of one leg of a job, read in their order."""

from __future__ import annotations

import re
from collections.abc import Mapping

from mlgen.named import NamedTuple
from mlgen.readback import Cached, Fetched, Route, Script
from mlgen.readback.unread import Unread
from mlgen.regex import fullmatch
from mlgen.targets.github.read import helpers, plan
from mlgen.targets.github.read.actions import CLOUDS, PINS
from mlgen.targets.github.read.around import cached
from mlgen.targets.github.read.expressions import Contexts
from mlgen.targets.github.read.files import Upload, inside
from mlgen.targets.github.read.templates import condition, plain, secret_of, value
from mlgen.targets.github.read.values import Known, text_of
from mlgen.typed import Any

_TOKEN, _RESULT = ("MLGEN_TOKEN", "${{ github.token }}"), ("MLGEN_RESULT", "${{ job.status }}")
"""What mlgen's own variables hold."""
_READ = {"name", "id", "if", "uses", "env", "run", "working-directory", "timeout-minutes"}
"""The keys of a step with a command that are read into fields of their own."""
_CHECKOUT = {"persist-credentials", "repository", "path", "ref", "token", "fetch-depth", "lfs", "submodules"}
_SPARSE = {"sparse-checkout", "sparse-checkout-cone-mode"}


class Download(NamedTuple):
    """Artifacts that a job receives: their name or pattern, where to, on which condition, and whether none will do."""

    name: str
    pattern: str
    path: str
    test: str
    may_fail: bool


class Place(NamedTuple):
    """What is known of the job whose steps are read.

    `root`: the project's folder in the repository. `axes`: the leg's values, by the names of the matrix. `secrets`:
    those that every step sees, as variable and name.
    """

    root: str
    axes: Mapping[str, Any]
    secrets: tuple[tuple[str, str], ...]
    matrix: bool


class Steps:
    """What the steps say, gathered."""

    def __init__(self, place: Place) -> None:
        self.place = place
        self.scripts: list[Script] = []
        self.python = ""
        self.portable = False
        self.appends = False
        self.guard: helpers.Guard | None = None
        self.judge = ""
        self.checkouts: list[Fetched] = []
        self.caches: list[Cached] = []
        self.fresh = True
        """Whether its caches are left out on tags."""
        self.waited: dict[str, set[int]] = {}
        """The ports for which it waits, by the variable of their host."""
        self.grants: list[tuple[str, object]] = []
        self.downloads: list[Download] = []
        self.looks = False  # whether it looks for files before its commands
        self.uploads: list[Upload] = []
        self.requires: set[str] = set()
        self.reports: set[str] = set()
        self.shown: set[str] = set()
        self.exports: tuple[str, ...] = ()
        self.outputs: dict[str, dict[str, tuple[str, str]]] = {}
        """By the id of a step and the output's name: the exported value, and the text it is compared with."""
        self.exports_file = ""
        self.answers: dict[str, plan.Found] = {}
        """By the id of a step: what it finds out for other jobs."""
        self.merged: set[str] = set()
        self.lists: list[helpers.Legs] = []
        self.files: dict[str, str] = {}
        self.removed: set[str] = set()
        self.identities: set[str] = set()
        self.tokens: dict[str, str] = {}
        """By the id of the step that asks for it: the variable of an identity token."""
        self.named: list[str] = []
        """The ids of the steps with commands."""
        self.watched: set[str] = set()
        """The ids of the steps after whose failure another one runs."""

    @property
    def begun(self) -> bool:
        """Whether a command has been there already."""
        return bool(self.scripts)


def read_steps(steps: object, place: Place, route: Route) -> Steps:
    """The steps; Unread says which cannot be read."""
    found = Steps(place)
    if not isinstance(steps, list):
        raise Unread(f"{_where(route)}: must be a list")
    for index, step in enumerate(steps):
        here = (*route, index)
        if not isinstance(step, dict) or ("uses" in step) == ("run" in step):
            raise Unread(f"{_where(here)}: a step has one of `uses` and `run`")
        known = _action(found, step) if "uses" in step else _helper(found, step)
        if not known:
            found.scripts.append(_script(found, step, here))
    _whole(found, route)
    return found


def _whole(found: Steps, route: Route) -> None:
    if found.watched and found.watched != set(found.named):
        raise Unread(f"{_where(route)}: what runs after a failure looks at other steps than those with commands")
    if found.removed != set(found.files):
        raise Unread(f"{_where(route)}: the secret files that are written are not those that are removed")


def _where(route: Route) -> str:
    return ".".join(map(str, route))


def _only(step: Mapping[str, Any], *keys: str) -> bool:
    """Whether the step has no other keys than these; its name says nothing."""
    return step.keys() <= {"name", *keys}


def _action(found: Steps, step: Mapping[str, Any]) -> bool:
    """Whether the step is an action that is known, at the commit that is, with words that are."""
    name, _, commit = str(step["uses"]).partition("@")
    said = step.get("with") or {}
    name = name.lower()
    if PINS.get(name) != commit:
        return False
    if name == "actions/checkout":
        return _checkout(found, step, said)
    if name == "actions/setup-python":
        if found.begun or not _only(step, "uses", "with") or set(said) != {"python-version"}:
            return False
        found.python = text_of(value(str(said["python-version"]), _leg(found)))
        return True
    if name == "actions/cache":
        return _cache(found, step, said)
    if name == "actions/download-artifact":
        return _download(found, step, said)
    if name == "actions/upload-artifact":
        return _upload(found, step, said)
    if name in CLOUDS and _only(step, "uses", "with") and said.keys() <= CLOUDS[name][1].keys():
        cloud, words = CLOUDS[name]
        found.identities.add(cloud)
        found.grants += [(f"{cloud}.{words[key]}", each) for key, each in said.items()]
        return not found.begun
    return False


def _leg(found: Steps) -> Contexts:
    return Contexts({"matrix": Known({str(k).lower(): v for k, v in found.place.axes.items()})})


def _checkout(found: Steps, step: Mapping[str, Any], said: Mapping[str, Any]) -> bool:
    if found.begun or not _only(step, "uses", "with") or said.get("persist-credentials") is not False:
        return False
    root = found.place.root
    if set(said) == {"persist-credentials", *_SPARSE}:
        return said["sparse-checkout"] == inside(root, ".mlgen") and said["sparse-checkout-cone-mode"] is False
    if not set(said) <= _CHECKOUT | {"sparse-checkout"} or ("ref" in said and "${{" in str(said["ref"])):
        return False
    if set(said) == {"persist-credentials", "fetch-depth", "sparse-checkout"}:
        return bool(said["sparse-checkout"] == ".mlgen")  # the history, and none of the files
    path = str(said.get("path", ""))
    modules = said.get("submodules", "")
    fetched = Fetched(
        repository=str(said.get("repository", "")),
        path=path.removeprefix(f"{root}/") if root else path,
        ref=str(said.get("ref", "")),
        depth=said.get("fetch-depth"),
        lfs=said.get("lfs") is True,
        submodules="true" if modules is True else str(modules),
        token=(secret_of(said["token"]) or "?") if "token" in said else "",
    )
    found.checkouts.append(fetched)
    return True


def _cache(found: Steps, step: Mapping[str, Any], said: Mapping[str, Any]) -> bool:
    if found.begun or not _only(step, "uses", "with", "if") or set(said) - {"path", "key", "restore-keys"}:
        return False
    if str(step.get("if", "github.ref_type != 'tag'")) != "github.ref_type != 'tag'" or not said.get("path"):
        return False
    cache = cached(said, found.place.root, found.place.axes, found.python)
    found.caches += [cache] if cache else []
    found.fresh = found.fresh and "if" in step
    return cache is not None


def _download(found: Steps, step: Mapping[str, Any], said: Mapping[str, Any]) -> bool:
    if found.begun or not _only(step, "uses", "with", "if", "continue-on-error"):
        return False
    known = {"name", "path"} if "name" in said else {"pattern", "merge-multiple", "path"}
    if set(said) - known or ("pattern" in said and said.get("merge-multiple") is not True):
        return False
    if "pattern" in said and "continue-on-error" in step:
        return False
    found.downloads.append(
        Download(
            name=str(said.get("name", "")),
            pattern=str(said.get("pattern", "")),
            path=str(said.get("path", "")),
            test=str(step.get("if", "")),
            may_fail=step.get("continue-on-error") is True,
        )
    )
    return "name" in said or "pattern" in said


def _upload(found: Steps, step: Mapping[str, Any], said: Mapping[str, Any]) -> bool:
    known = {"name", "path", "if-no-files-found", "include-hidden-files", "retention-days"}
    when = str(step.get("if", ""))
    if not _only(step, "uses", "with", "if") or set(said) - known or when not in ("", "always()"):
        return False
    found.uploads.append(
        Upload(
            name=_symbolic(found, str(said["name"])),
            paths=tuple(_symbolic(found, path.strip()) for path in str(said["path"]).strip().split("\n")),
            hidden=said.get("include-hidden-files") is True,
            always=when == "always()",
            strict=said.get("if-no-files-found") == "error",
            after=len(found.scripts),
            days=_days(said.get("retention-days", 0)),
        )
    )
    return True


def _days(said: object) -> int:
    """https://github.com/actions/upload-artifact#retention-period; 0: as the repository's settings say."""
    if not isinstance(said, int):
        raise Unread(f"retention-days: {said} is no number")
    return said


def _symbolic(found: Steps, text: str) -> str:
    """The text with references to the matrix as the language writes them, and the leg's number as `*`."""
    axes = Known({str(axis).lower(): f"${{matrix.{axis}}}" for axis in found.place.axes})
    return text_of(value(text, Contexts({"matrix": axes, "strategy": Known({"job-index": "*"})})))


def _helper(found: Steps, step: Mapping[str, Any]) -> bool:
    """Whether the step is one of mlgen's own scripts, where it belongs."""
    text = str(step["run"]).strip("\n")
    if _only(step, "run", "if", "env") and (_first(found, step, text) or _last(found, step, text)):
        return True
    return _only(step, "run", "id", "env") and _named(found, step, text)


def _first(found: Steps, step: Mapping[str, Any], text: str) -> bool:
    """What comes before the commands."""
    if found.begun:
        return False
    env = step.get("env") or {}
    if text in (helpers.ENV, f"{helpers.ENV}\n{helpers.APPENDS}"):
        found.portable, found.appends = not env and "if" not in step, text != helpers.ENV
        return found.portable
    if text == helpers.JUDGE and set(env) == {"FAILED"} and "if" not in step and not found.judge:
        found.judge = str(env["FAILED"])
        return True
    if (guard := helpers.guard(text)) and env == {"MLGEN_TOKEN": "${{ github.token }}"} and "if" not in step:
        found.guard = guard
        return True
    if env and (names := helpers.written(text)):
        uses = {name: secret_of(env.get(f"SECRET_{name}")) for name in names}
        if len(env) != len(uses) or not all(uses.values()) or "if" in step:
            return False
        found.files |= {name: use for name, use in uses.items() if use}
        return True
    if env:
        return False
    if (waited := helpers.waiting(text)) is not None:
        for variable, _, port in (each.partition("/") for each in waited):
            found.waited.setdefault(variable, set()).add(int(port))
        return "if" not in step
    if found.portable:  # what follows checks files that were received, and so comes before
        return False
    if merge := helpers.merge(text):
        found.merged.add(merge.job)
        return True
    looked = helpers.listing(text) if "if" not in step else None
    found.looks = found.looks or looked is not None
    return looked is not None


def _last(found: Steps, step: Mapping[str, Any], text: str) -> bool:
    """What comes after the commands."""
    if not found.begun or "env" in step:
        return False
    when = step.get("if")
    if when == "always()":
        shown = helpers.report(text)
        if shown is not None:
            found.reports.update(shown["--junit"])
            found.shown.update((*shown["--coverage"], *shown["--summary"]))
            return True
        removed = helpers.removed(text)
        found.removed.update(removed or ())
        return removed is not None
    if when is not None:
        return False
    if (paths := helpers.listing(text)) is not None:
        found.requires.update(paths)
        return True
    if legs := helpers.legs(text):
        found.lists.append(legs)
        return True
    return False


def _named(found: Steps, step: Mapping[str, Any], text: str) -> bool:
    """Steps that others ask for what they found."""
    name, env = str(step.get("id", "")), step.get("env") or {}
    if found.begun and not env and (exports := helpers.exports(text)):
        if any("=" not in each for each in exports.values) and not found.appends:
            return False
        found.exports, found.exports_file = exports.values, exports.file
        found.outputs[name] = {output: (of, compared) for output, of, compared in exports.outputs}
        return True
    if name and not found.begun and (told := _found_out(found, text, env)):
        found.answers[name] = told
        return True
    if name and set(env) == {"AUDIENCE"} and helpers.is_token(text):
        found.tokens[name] = name.removeprefix("token-")
        found.identities.add(found.tokens[name])
        found.grants.append((found.tokens[name], env["AUDIENCE"]))
        return True
    return False


def _found_out(found: Steps, text: str, env: Mapping[str, Any]) -> plan.Found | None:
    return plan.matched(text, env) or plan.committed(text, env)


def _script(found: Steps, step: Mapping[str, Any], route: Route) -> Script:
    """A step that executes a command of the spec, or what the spec does not have."""
    secrets, more = _variables(found, step.get("env") or {})
    more += [f"{key}: {step[key]}" for key in sorted(step.keys() - _READ)]
    when = _when(found, step)
    if when is None:
        more.append(f"if: {step['if']}")
    if when in ("failure", "always") and _RESULT not in (step.get("env") or {}).items():
        more.append("it is not told whether the job has failed")
    if "id" in step and (when or "success") == "success":
        found.named.append(str(step["id"]))
    text = plain(str(step["run"])) if "run" in step else f"uses: {step['uses']}"
    minutes = step.get("timeout-minutes", 0)
    folder, root = str(step.get("working-directory", "")), found.place.root
    if root and folder:
        folder = folder.removeprefix(f"{root}/") if folder.startswith(f"{root}/") else f"/{folder}"
    return Script(
        text=text.strip("\n"),
        when=when or "success",  # type: ignore[arg-type]
        folder=folder,
        timeout=minutes * 60 if isinstance(minutes, int) else 0,
        secrets=tuple(sorted({*secrets, *found.place.secrets, *found.files.items()})),
        route=route,
        more=tuple(more),
        native="run" not in step,
    )


def _variables(found: Steps, env: Mapping[str, Any]) -> tuple[list[tuple[str, str]], list[str]]:
    """The secrets that a step sees, and its other variables but those that mlgen gives."""
    secrets, more = [], []
    for name, said in env.items():
        if secret := "MLGEN_TOKEN" if (name, said) == _TOKEN else secret_of(said):
            secrets.append((str(name), secret))
        elif (name, said) == _RESULT:
            continue
        elif not any(said == f"${{{{ steps.{step}.outputs.token }}}}" for step, v in found.tokens.items() if v == name):
            more.append(f"{name}: {said}")
    return secrets, more


def _when(found: Steps, step: Mapping[str, Any]) -> str | None:
    """`success`, `failure` or `always`; None for another condition.

    https://docs.github.com/en/actions/reference/workflows-and-actions/expressions#status-check-functions
    """
    if "if" not in step:
        return "success"
    test = condition(str(step["if"])).source
    if test == "always()":
        return "always"
    found_names = fullmatch(r"failure\(\) && \(?((?:steps\.[\w-]+\.outcome == 'failure'(?: \|\| )?)+)\)?", test)
    if found_names is None or test.endswith("|| "):
        return None
    found.watched |= set(re.findall(r"steps\.([\w-]+)\.outcome", test))
    return "failure"
