"""What a trial of a unit brings to light."""

from __future__ import annotations

from collections.abc import Callable

from mlgen.named import NamedTuple
from mlgen.readback import Cached, Fetched, Served
from mlgen.readback.unread import Unread
from mlgen.targets.jenkins.read import helpers
from mlgen.targets.jenkins.read.values import Thing, Value
from mlgen.typed import Any


class Called(Thing):
    """What a step such as `string(credentialsId: …)` makes: its name and its arguments."""

    def __init__(self, name: str, given: list[Value]) -> None:
        self.name = name
        self.said: dict[str, Any] = given[0] if given and isinstance(given[0], dict) else {}
        self.more = given[1:] if self.said else given

    def only(self, *names: str) -> dict[str, Any]:
        """Its named arguments, where it has no others."""
        if self.more or set(self.said) - set(names):
            raise Unread(f"{self.name}: it has arguments that are not known")
        return self.said


FOREIGN = "a step of Jenkins"
"""What is said of a script that is none, but a step of which nothing is known."""


class Ran(NamedTuple):
    """A script that was run."""

    text: str
    line: int
    secrets: tuple[tuple[str, str], ...]
    env: tuple[tuple[str, str], ...]
    folder: str
    more: tuple[str, ...] = ()


class Noted:
    """What a trial of a unit has brought to light."""

    def __init__(self) -> None:
        self.scripts: list[Ran] = []
        self.secrets: dict[tuple[str, str], None] = {}
        self.bound: set[str] = set()
        """The ids of credentials that scripts are given."""
        self.files: set[str] = set()
        self.identities: set[str] = set()
        self.env: dict[str, str] = {}
        self.permitted = self.asks = self.told_url = False
        self.lock = self.image = self.label = self.args = ""
        self.tidy = False
        """Whether its folder is emptied."""
        self.approvers: frozenset[str] = frozenset()
        self.patience = 0
        """Who may agree, and for how many seconds they are asked."""
        self.seeds: set[str] = set()
        self.labels: list[str] = []
        self.takes: list[str] = []
        self.some: list[tuple[Callable[[], bool], list[str]]] = []
        self.gives: dict[str, tuple[int, tuple[str, ...]]] = {}
        """Stashes: the number of scripts before, and the paths."""
        self.outputs: list[tuple[int, helpers.Outputs]] = []
        """With the number of scripts before it."""
        self.archived: set[str] = set()
        self.junit: set[str] = set()
        self.shown: set[str] = set()
        self.caches: list[Cached] = []
        self.services: list[Served] = []
        self.fetched: list[Fetched] = []
        self.compares: list[str] = []
        self.passed = -1
        """After how many scripts the file was written by which `post` knows that the job has passed."""
        self.roots: set[str] = set()
        self.read: set[str] = set()
        """Files of exported values that are read."""


def fetched(what: Value, path: str, see: Callable[[str, str], None]) -> Fetched:
    """https://www.jenkins.io/doc/pipeline/steps/params/scmgit/"""
    if not isinstance(what, Called) or what.name != "scmGit":
        raise Unread("checkout: only scm and scmGit are known")
    said = what.only("branches", "extensions", "userRemoteConfigs")
    (branch,), (remote,) = said["branches"], said["userRemoteConfigs"]
    found = Fetched(remote["url"].removeprefix("https://"), path, branch["name"])
    if token := remote.get("credentialsId"):
        see(token, token)
    for one in said["extensions"]:
        if one.name == "cloneOption":
            one.only("shallow", "depth", "noTags", "reference")
            found = found._replace(depth=one.said["depth"] if one.said["shallow"] else found.depth)
        elif one.name == "lfs":
            found = found._replace(lfs=True)
        elif one.name == "submodule" and not one.said.get("disableSubmodules"):
            found = found._replace(submodules="recursive" if one.said.get("recursiveSubmodules") else "true")
        else:
            raise Unread(f"scmGit: {one.name} is not known")
    return found
