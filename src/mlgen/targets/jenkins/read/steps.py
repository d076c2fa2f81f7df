"""The steps of Jenkins as far as jobs use them: what runs, in which blocks, is written down instead of done.

https://www.jenkins.io/doc/pipeline/steps/
"""

from __future__ import annotations

import json
from collections.abc import Callable

from mlgen.readback import Cached, Fetched
from mlgen.readback.unread import Unread
from mlgen.targets.jenkins.read import helpers, objects
from mlgen.targets.jenkins.read.noted import FOREIGN, Called, Noted, Ran, fetched
from mlgen.targets.jenkins.read.scope import Thrown, World
from mlgen.targets.jenkins.read.values import Closure, Value
from mlgen.targets.jenkins.reader import Token

HOME = "\0home"
"""What `pwd()` says."""
_ADDRESS = "\0address:"


UNKNOWN = (Thrown, AttributeError, KeyError, IndexError, TypeError, RecursionError)
"""What comes of arguments and values that no file of the known form has."""


class Steps(World):
    """The world of a file; `noted` is what the trial that goes on has found, `env` the variables of the run."""

    def __init__(self) -> None:
        super().__init__()
        self.env: dict[str, str] = {}
        self.params: dict[str, Value] = {}
        self.causes: frozenset[str] = frozenset()
        self.facts: Callable[[str], bool] | None = None
        """Whether the answer to a question of `ci.py when` is yes; None: nobody may ask."""
        self.start()

    def start(self, fails: int = -1) -> Noted:
        """A new trial, in which the script of this number fails, counted from 0."""
        self.noted = Noted()
        self.fails = fails
        self.trial = True
        self.inner: dict[str, str] = {}
        """The variables of `withEnv` and of environments."""
        self.bindings: list[tuple[str, str]] = []
        self.folders: list[str] = []
        self.around: list[str] = []
        self.limits: list[int] = []
        """Seconds after which what goes on is ended, from the outermost bound to the innermost."""
        self.started: tuple[str, str] = "", ""
        """The arguments and the command of the container that was started last."""
        return self.noted

    # --- names

    def variable(self, name: str) -> Value:
        """The objects that every Pipeline has."""
        if name == "env":
            return objects.Env(self)
        if name == "params":
            return self.params
        if name == "currentBuild":
            return objects.CurrentBuild(self)
        if name == "scm":
            own = {"url": "", "credentialsId": ""}
            return {"branches": [{"name": ""}], "extensions": [], "userRemoteConfigs": [own]}
        if name == "docker":
            return objects.Docker(self)
        return super().variable(name)

    def unstash_if(self, condition: Callable[[], bool], names: list[str]) -> None:
        """In a trial, all that it may receive."""
        if not self.trial:
            super().unstash_if(condition, names)
            return
        if self.noted.scripts:
            raise Unread("unstash stands behind a command")
        self.noted.some.append((condition, names))

    def step(self, name: str, given: list[Value], token: Token, source: str) -> Value:
        """One step; what is not known is a command, and so a difference."""
        known = getattr(self, f"_{name}", None) if name in _STEPS else None
        try:
            if known is not None:
                return known(Called(name, given), token)
            if name == "credentials" and len(given) == 1:
                # In an environment: https://www.jenkins.io/doc/book/pipeline/syntax/#environment
                return f"{objects.VARIABLE}{given[0]}"
            if name in _MAKERS:
                return Called(name, given)
            if any(isinstance(each, Closure) for each in given):
                raise Unread(f"nothing is known of the step {name}")
        except Unread as fault:
            raise fault if str(fault).startswith("line ") else Unread(f"line {token.line}: {fault}") from fault
        return self._foreign(name, given, token)

    def _foreign(self, name: str, given: list[Value], token: Token) -> Value:
        said = given[0] if len(given) == 1 else given or None
        return self._ran(json.dumps({name: said}, sort_keys=True, default=str), token, (FOREIGN,))

    def _ran(self, script: str, token: Token, more: tuple[str, ...] = ()) -> None:
        noted = self.noted
        noted.scripts.append(
            Ran(
                script,
                token.line,
                tuple(self.bindings),
                tuple(self.inner.items()),
                "/".join(self.folders),
                (*more, *self.around),
            )
        )
        if len(noted.scripts) - 1 == self.fails:
            raise Thrown

    # --- scripts

    def _sh(self, called: Called, token: Token) -> Value:
        said = called.said or {"script": called.more[0] if len(called.more) == 1 else None}
        if set(said) - {"label", "script", "returnStatus", "returnStdout"} or not isinstance(said.get("script"), str):
            raise Unread("sh: it has arguments that are not known")
        script = said["script"]
        if said.get("returnStatus") and self.facts and helpers.is_question(script):
            return 0 if self.facts(self.inner.get("MLGEN_QUESTION", "")) else 3
        if said.get("returnStdout"):
            return self._answer(script, token)
        if said.get("returnStatus"):
            self._ran(script, token, ("its failure is none",))
            return 0
        if (found := helpers.outputs(script)) is not None:
            if self.noted.passed >= 0:
                raise Unread("what a command made is looked at when the job is said to have passed")
            self.noted.outputs.append((len(self.noted.scripts), found))
        elif (legs := helpers.merges(script)) is not None and not self.noted.scripts:
            self.noted.compares += [job for job, _ in legs]
        elif not (self.noted.identities and helpers.identity(script)):
            self._ran(script, token)
        return None

    def _answer(self, script: str, token: Token) -> Value:
        """What a script says: the address of a service, or a text that it prints."""
        if script == helpers.SERVICE and "SERVICE" in self.inner:
            return f"{_ADDRESS}{self.inner['IMAGE']}"
        said = helpers.printed(script)
        if said is None:
            self._ran(script, token, ("its output is taken",))
        return said or ""

    # --- blocks

    def _block(self, called: Called) -> Closure:
        if not called.more or not isinstance(called.more[-1], Closure):
            raise Unread(f"{called.name}: it has no block")
        return called.more[-1]

    def _script(self, called: Called, token: Token) -> Value:
        return self._block(called).run([])

    def _stage(self, called: Called, token: Token) -> Value:
        return self._block(called).run([])

    def _node(self, called: Called, token: Token) -> Value:
        self.noted.labels.append(str(called.more[0]) if len(called.more) == 2 else "")
        return self._block(called).run([])

    def _lock(self, called: Called, token: Token) -> Value:
        if set(called.said) != {"resource"} or self.noted.scripts:
            raise Unread("lock: it is not around the whole job, or has arguments that are not known")
        self.noted.lock = called.said["resource"]
        return self._block(called).run([])

    def _dir(self, called: Called, token: Token) -> Value:
        self.folders.append(str(called.more[0]))
        try:
            return self._block(called).run([])
        finally:
            self.folders.pop()

    def _catchError(self, called: Called, token: Token) -> Value:
        said = called.said
        if set(said) != {"buildResult", "stageResult", "catchInterruptions"} or said["catchInterruptions"] is not False:
            raise Unread("catchError: it has arguments that are not known, or catches an abort")
        if said["buildResult"] not in ("SUCCESS", "FAILURE"):
            raise Unread(f"catchError: {said['buildResult']}")
        self.noted.permitted = self.noted.permitted or said["buildResult"] == "SUCCESS"
        try:
            self._block(called).run([])
        except Thrown:
            return None
        return None

    def _timeout(self, called: Called, token: Token) -> Value:
        self.limits.append(_seconds(called))
        try:
            return self._bounded("a timeout that aborts", called)
        finally:
            self.limits.pop()

    def _retry(self, called: Called, token: Token) -> Value:
        return self._bounded("a retry of Jenkins' own", called)

    def _bounded(self, what: str, called: Called) -> Value:
        self.around.append(what)
        try:
            return self._block(called).run([])
        finally:
            self.around.pop()

    def _cache(self, called: Called, token: Token) -> Value:
        for one in called.said.get("caches", ()):
            if not isinstance(one, Called) or one.name != "arbitraryFileCache":
                raise Unread("cache: only arbitraryFileCache is known")
            said = one.only("path", "cacheName", "cacheValidityDecidingFile", "includes", "excludes")
            files = str(said.get("cacheValidityDecidingFile", "")).split(",")
            key = str(said.get("cacheName", ""))
            self.noted.caches.append(Cached((str(said["path"]),), key, frozenset(file for file in files if file)))
        self.noted.seeds.add(str(called.said.get("defaultBranch", "")))
        return self._block(called).run([])

    def _withCredentials(self, called: Called, token: Token) -> Value:
        before = list(self.bindings)
        for one in called.more[0]:
            self._bind(one)
        try:
            return self._block(called).run([])
        finally:
            self.bindings = before

    def _bind(self, one: Value) -> None:
        """https://www.jenkins.io/doc/pipeline/steps/credentials-binding/"""
        if not isinstance(one, Called):
            raise Unread("withCredentials: what is bound is not known")
        self.noted.bound.add(str(one.said.get("credentialsId")))
        if one.name == "usernamePassword":
            said = one.only("credentialsId", "usernameVariable", "passwordVariable")
            self.see(said["usernameVariable"], f"{said['credentialsId']}#username")
            self.see(said["passwordVariable"], f"{said['credentialsId']}#password")
        elif one.name in ("string", "file"):
            said = one.only("credentialsId", "variable")
            if said["credentialsId"].startswith("oidc-"):
                # https://plugins.jenkins.io/oidc-provider/: a credential that is a token for this run.
                one_of, variable = said["credentialsId"].removeprefix("oidc-"), said["variable"]
                fine = _TOKEN_FILES.get(one_of, one_of) == variable
                self.noted.identities.add(one_of if fine else f"{one_of} as {variable}")
                return
            if one.name == "file":
                self.noted.files.add(said["variable"])
            self.see(said["variable"], said["credentialsId"])
        else:
            raise Unread(f"withCredentials: {one.name} is not known")

    def see(self, variable: str, secret: str) -> None:
        """A secret that is there from here on."""
        self.bindings.append((variable, secret))
        self.noted.secrets[variable, secret] = None

    def _withEnv(self, called: Called, token: Token) -> Value:
        before, bound = dict(self.inner), list(self.bindings)
        for each in called.more[0]:
            name, _, value = each.partition("=")
            self.set(name, value)
        try:
            return self._block(called).run([])
        finally:
            self.inner, self.bindings = before, bound

    def set(self, name: str, value: str) -> None:
        """A variable of the block, or one that holds what another one of Jenkins does."""
        if value.startswith(objects.VARIABLE):
            self.see(name, value.removeprefix(objects.VARIABLE))
        elif value.startswith(_ADDRESS):
            if not name.startswith("MLGEN_HOST_"):
                raise Unread(f"withEnv: {name} holds the address of a service")
            host = name.removeprefix("MLGEN_HOST_")
            one = helpers.served(host, value.removeprefix(_ADDRESS), *self.started)
            if not all(port.isdigit() for port in self.inner["PORTS"].split()):
                raise Unread(f"it waits for {self.inner['PORTS']}, which are no ports")
            ports = frozenset(map(int, self.inner["PORTS"].split()))
            self.noted.services.append(one._replace(ready=self.inner["READY"], waited=ports))
        elif "\0" in value and not (name == "HOME" and value.startswith(HOME)):
            raise Unread(f"withEnv: {name} holds what is not known")
        else:
            self.inner[name] = value
            self.noted.env[name] = value

    # --- files

    def _checkout(self, called: Called, token: Token) -> Value:
        (what,) = called.more or [called.said]
        path = "/".join(self.folders)
        if isinstance(what, dict):
            self.noted.fetched.append(Fetched(path=path))
        else:
            self.noted.fetched.append(fetched(what, path, self.see))
        return {}

    def _unstash(self, called: Called, token: Token) -> Value:
        (name,) = called.more
        if self.noted.scripts:
            raise Unread("unstash stands behind a command")
        self.noted.takes.append(name)
        return None

    def _stash(self, called: Called, token: Token) -> Value:
        said = called.only("name", "includes", "useDefaultExcludes", "allowEmpty")
        self.noted.gives[said["name"]] = len(self.noted.scripts), self._paths(said["includes"])
        return None

    def _paths(self, said: str) -> tuple[str, ...]:
        return tuple("/".join([*self.folders, path]) for path in helpers.patterns(said))

    def _archiveArtifacts(self, called: Called, token: Token) -> Value:
        said = called.only("artifacts", "defaultExcludes", "fingerprint", "allowEmptyArchive")
        self.noted.archived.update(self._paths(said["artifacts"]))
        return None

    def _junit(self, called: Called, token: Token) -> Value:
        said = called.said if called.said else {"testResults": called.more[0]}
        if set(said) - {"testResults", "allowEmptyResults", "skipMarkingBuildUnstable"}:
            raise Unread("junit: it has arguments that are not known")
        self.noted.junit.update(self._paths(said["testResults"]))
        return None

    def _recordCoverage(self, called: Called, token: Token) -> Value:
        for tool in called.only("tools")["tools"]:
            self.noted.shown.update(f"{tool['parser'].lower()}:{path}" for path in self._paths(tool["pattern"]))
        return None

    def _writeFile(self, called: Called, token: Token) -> Value:
        if called.said != {"file": helpers.PASSED, "text": ""}:
            return self._foreign("writeFile", [called.said or called.more], token)
        self.noted.passed = len(self.noted.scripts)
        return None

    def _fileExists(self, called: Called, token: Token) -> Value:
        if called.more != [helpers.PASSED]:
            raise Unread("fileExists: only of the file that tells of success")
        return self.noted.passed >= 0

    def _readFile(self, called: Called, token: Token) -> Value:
        return objects.Text(str(called.more[0]), self.noted)

    # --- the rest

    def _deleteDir(self, called: Called, token: Token) -> Value:
        self.noted.tidy = not self.folders
        return None

    def _echo(self, called: Called, token: Token) -> Value:
        return None

    def _error(self, called: Called, token: Token) -> Value:
        raise Thrown

    def _pwd(self, called: Called, token: Token) -> Value:
        return HOME

    def _input(self, called: Called, token: Token) -> Value:
        """https://www.jenkins.io/doc/pipeline/steps/pipeline-input-step/"""
        said = called.only("message", "submitter", "ok", "id")
        names = (name.strip() for name in str(said.get("submitter") or "").split(","))
        self.noted.approvers = frozenset(name for name in names if name)
        self.noted.patience = min(self.limits, default=0)
        self.noted.asks = True
        return None


_UNITS = {"SECONDS": 1, "MINUTES": 60, "HOURS": 3600, "DAYS": 86400}


def _seconds(called: Called) -> int:
    """The bound of a `timeout`: https://www.jenkins.io/doc/pipeline/steps/workflow-basic-steps/#timeout"""
    time = called.said.get("time") or (called.more[0] if len(called.more) == 2 else None)
    unit = called.said.get("unit", "MINUTES")
    if not isinstance(time, int) or unit not in _UNITS or set(called.said) - {"time", "unit"}:
        raise Unread("timeout: its arguments are not known")
    return time * _UNITS[unit]


_STEPS = frozenset((
    "archiveArtifacts", "cache", "catchError", "checkout", "deleteDir", "dir", "echo", "error", "fileExists", "input",
    "junit", "lock", "node", "pwd", "readFile", "recordCoverage", "retry", "script", "sh", "stage", "stash", "timeout",
    "unstash", "withCredentials", "withEnv", "writeFile",
))  # fmt: skip
_TOKEN_FILES = {
    "aws": "AWS_WEB_IDENTITY_TOKEN_FILE",
    "azure": "AZURE_FEDERATED_TOKEN_FILE",
    "gcp": "GOOGLE_IDENTITY_TOKEN_FILE",
}
"""Where the clouds' tools look for a token."""
_MAKERS = frozenset((
    "arbitraryFileCache", "cloneOption", "file", "lfs", "scmGit", "string", "submodule", "usernamePassword",
))  # fmt: skip
