"""How GitLab runs what the file says: which events make a pipeline, which jobs it has, and when each starts."""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Mapping

from mlgen.ir.events import Event
from mlgen.named import NamedTuple
from mlgen.readback import End, Reading, SeenJob, Start, inside
from mlgen.readback.unread import Unread
from mlgen.targets.gitlab.read.config import File, block, known
from mlgen.targets.gitlab.read.context import KNOWN, OTHERS, Way, ways
from mlgen.targets.gitlab.read.helpers import Asked
from mlgen.targets.gitlab.read.jobs import Native, asked_variables, instances, native
from mlgen.targets.gitlab.read.rules import Reader, Rule, first
from mlgen.targets.gitlab.read.seen import seen_jobs
from mlgen.typed import Any

ALL = (Rule(None, None, "", "always", None, {}, ""),)
"""A workflow without rules: a pipeline for everything."""


class Part(NamedTuple):
    """A job in one pipeline: how it starts (`never`: it is not there), whether it may fail, and the rule's text."""

    when: str
    allow_failure: bool
    why: str


class Made(NamedTuple):
    """A pipeline that an event makes: its jobs by name; or why GitLab refuses to make one."""

    parts: Mapping[str, Part]
    cancel: str
    """What a newer commit does: `none`, `interruptible` or `conservative`."""
    refused: str = ""


class Pipelines:
    """The pipelines that events make, each worked out once."""

    def __init__(self, file: File) -> None:
        reader = Reader()
        known(file.workflow, ("auto_cancel", "name", "rules"), "workflow")
        said = file.workflow
        self.file = file
        self.workflow = reader.read(said["rules"], "workflow: rules", workflow=True) if "rules" in said else ALL
        cancel = said.get("auto_cancel", {})
        known(cancel, ("on_new_commit",), "workflow: auto_cancel")
        self.cancel = cancel.get("on_new_commit", "conservative")
        self.jobs = {name: native(name, job, file, reader) for name, job in file.jobs.items()}
        self.seen = tuple(seen for job in self.jobs.values() for seen in seen_jobs(job, self.jobs))
        self.seen = tuple(seen._replace(against=self._against(seen.name)) for seen in self.seen)
        self.ids = {seen.job: seen.name for seen in self.seen if seen.job}
        self.exports = {seen.name: seen.exports for seen in self.seen}
        roots = {job.seen.root for job in self.jobs.values() if job.seen.scripts and job.variables.get("MLGEN_JOB")}
        self.root = roots.pop() if len(roots) == 1 else ""
        self.defaults = dict(self._defaults())
        self.asked = {name: asked_names(job) for name, job in self.jobs.items()}
        self.rules = {name: self._key(job) for name, job in self.jobs.items()}
        self._check()
        self._made: dict[Event, Made | None] = {}
        if self.made(Event("schedule", branch="main", schedule="\0")):
            raise Unread("workflow: rules let a schedule start pipelines by whatever name")

    def _against(self, name: str) -> frozenset[str]:
        job = self.jobs[name]
        asked = [each.text for each in job.seen.asks if each.what == "when"]
        own = {rule.against for rule in job.rules or () if rule.changes}
        return frozenset((own | {branch for text in asked for branch in inside.against(text)}) - {""})

    def _check(self) -> None:
        """Unread for what no event of the language shows."""
        for rule in self.workflow:
            for name in sorted(rule.condition.asks if rule.condition else ()):
                if name not in KNOWN and name not in self.file.variables:
                    raise Unread(f"workflow: rules ask for ${name}, of which nothing is known")
        for job in self.jobs.values():
            for name in asked_variables(job):
                raise Unread(f"{job.name}: rules ask for ${name}, of which nothing is known")
        given = {variable for variable, said in self.file.variables.items() if isinstance(said, dict)}
        for job in self.jobs.values():
            if job.variables.get("MLGEN_JOB") and (missing := given - job.variables.keys()):
                raise Unread(f"{job.name}: inherit: it is not given {', '.join(sorted(missing))}")
        for source in OTHERS:
            if self._workflow(Event("manual", branch="main"), {"CI_PIPELINE_SOURCE": source}):
                raise Unread(f"workflow: rules let the source {source} start pipelines, which is no event")
        # A variable in the name of a branch or tag would be expanded, to a secret for instance, when the variables of
        # a job are: https://gitlab.com/gitlab-org/gitlab/-/issues/273826
        guards = tuple(itertools.takewhile(lambda rule: rule.when == "never", self.workflow))
        for name in ("x-$SECRET", "$SECRET", "a/${SECRET}/b", "x-%SECRET%"):
            if not first(guards, Event("push", branch=name), {"CI_COMMIT_REF_NAME": name}):
                raise Unread(f"workflow: a branch or tag {name}, whose name would be expanded, can start pipelines")

    def _workflow(self, event: Event, variables: Mapping[str, str]) -> Rule | None:
        """The rule by which a pipeline is made; None if none is."""
        rule = first(self.workflow, event, {**_literal(self.file.variables, {}), **variables})
        return rule if rule and rule.when != "never" else None

    def ends(self, seen: SeenJob, event: Event) -> bool:
        """Whether a newer pipeline cancels the job: https://docs.gitlab.com/ci/yaml/#workflowauto_cancelon_new_commit"""
        made = self.made(event)
        return bool(made and made.cancel != "none" and self.jobs[seen.name].said.get("interruptible", False))

    def made(self, event: Event) -> Made | None:
        """The pipeline; Unread where ways in which the event can come make different ones."""
        if event not in self._made:
            found = [self._make(event, way) for way in ways(event, self.file.inputs)]
            if any(each != found[0] for each in found):
                raise Unread(f"{event}: how it is started makes a difference to what runs")
            self._made[event] = found[0] if found else None
        return self._made[event]

    def _make(self, event: Event, way: Way) -> Made | None:
        predefined = way.variables
        shared = {**predefined, **_literal(self.file.variables, way.inputs)}
        rule = first(self.workflow, event, shared)
        if rule is None or rule.when == "never":
            return None
        cancel = rule.cancels or self.cancel
        parts: dict[str, Part] = {}
        decided: dict[Any, Part] = {}
        for job in self.jobs.values():
            key = self.rules[job.name]
            if key not in decided:
                own = {name: job.variables[name] for name in self.asked[job.name] if name in job.variables}
                variables = {**predefined, **_literal(own, way.inputs), **_literal(rule.variables, way.inputs)}
                decided[key] = self._part(job, event, variables)
            parts[job.name] = decided[key]
        for job in self.jobs.values():
            if parts[job.name].when != "never":
                for need in job.needs:
                    if not need.optional and parts[need.job].when == "never":
                        return Made(parts, cancel, f"{job.name} needs {need.job}, which is not in the pipeline")
        if all(part.when == "never" for part in parts.values()):
            return None
        return Made(parts, cancel)

    def _key(self, job: Native) -> tuple[object, ...]:
        """What decides about the job: equal for jobs of which a rule decides alike."""
        own = repr([job.variables.get(name) for name in self.asked[job.name]])
        return id(job.said.get("rules")), job.when, repr(job.said.get("allow_failure")), own

    def _part(self, job: Native, event: Event, variables: Mapping[str, str]) -> Part:
        if job.rules is None:
            return Part(job.when, job.allow_failure, "")
        rule = first(job.rules, event, variables)
        if rule is None:
            return Part("never", False, "no rule holds")
        allow = rule.allow_failure if rule.allow_failure is not None else bool(job.said.get("allow_failure", False))
        return Part(rule.when, bool(allow), rule.text)

    def starts(self, event: Event) -> bool:
        """Whether the event makes a pipeline."""
        return self.made(event) is not None

    def decide(self, seen: SeenJob, event: Event, ended: Mapping[str, End]) -> Start:
        """Whether the job starts, as GitLab and then the job itself decide."""
        made, job = self.made(event), self.jobs[seen.name]
        if made is None or made.refused:
            return Start("skip", f"GitLab refuses the pipeline: {made.refused}" if made else "no pipeline")
        part = made.parts[job.name]
        if part.when == "never":
            return Start("skip", part.why)
        if stop := self._stopped(job, part, made, ended):
            return Start("skip", stop)
        own = self._own(job, event, made, ended)
        if own is not None:
            return own
        results = tuple(pair for asked in job.seen.asks for pair in self._results(asked, made, ended))
        return Start("wait" if part.when == "manual" else "run", part.why, results=results)

    def _stopped(self, job: Native, part: Part, made: Made, ended: Mapping[str, End]) -> str:
        """Why the results of the jobs before it keep it from starting; empty if they do not.

        A needed job that does not run at all skips the one that needs it; of earlier stages only failures count
        (lib/gitlab/ci/status/composite.rb of GitLab).
        """
        if part.when == "always":
            return ""
        there = [need.job for need in job.needs if made.parts[need.job].when != "never"]
        failed = [n for n in there if ended[n] == "failure" and not made.parts[n].allow_failure]
        if part.when == "on_failure":
            return "" if failed else "when: on_failure, and none has failed"
        stopped = [] if job.staged else [n for n in there if ended[n] == "skipped"]
        return f"{(failed or stopped)[0]} has not succeeded" if failed or stopped else ""

    def _own(self, job: Native, event: Event, made: Made, ended: Mapping[str, End]) -> Start | None:
        """What the job decides itself, in the order of its script; None if it goes on to its command."""
        for asked in job.seen.asks:
            if asked.what == "mark" and not self._marked(job, asked.text, ended):
                return Start("left", f"{asked.text} is not there")
            if asked.what == "when" and not inside.holds(asked.text, event, self._values(job, event, ended)):
                return Start("left", f"ci.py when {asked.text}")
            if asked.what == "results" and not self._as_wanted(asked, made, ended):
                return Start("left", f"ci.py results --want {asked.want}")
        if job.seen.milestone and not self._as_wanted(job.seen.milestone, made, ended):
            return Start("fail", "ci.py results --want all")
        missing = self._missing(job, ended)
        return Start("refused", f"{missing} is not there") if missing else None

    def _marked(self, job: Native, mark: str, ended: Mapping[str, End]) -> bool:
        return any(
            self.jobs[source].seen.mark == mark and ended[source] == "success" and mark in self.jobs[source].archived
            for source in job.sources
        )

    def _values(self, job: Native, event: Event, ended: Mapping[str, End]) -> dict[str, str]:
        """The variables that the decision can ask for: exported values only of jobs from which they come."""
        told = []
        for name, value in event.values:
            exporter = self.ids.get(name.rpartition(".")[0], "")
            known = {each.partition("=")[0] for each in self.exports.get(exporter, ())}
            if exporter in job.sources and ended[exporter] == "success" and name.rpartition(".")[2] in known:
                told.append((name, value))
        return inside.variables(event._replace(values=tuple(told)), self.defaults)

    def inputs(self) -> tuple[tuple[str, str, tuple[str, ...]], ...]:
        """The inputs that scripts find, as they are given, in their variables: GitLab must not expand these."""
        found = []
        for variable, said in self.file.variables.items():
            name = block(said.get("value") if isinstance(said, dict) else said)
            own = variable == "MLGEN_INPUT_" + name.upper().replace("-", "_")
            if name and own and isinstance(said, dict) and said.get("expand") is False:
                told = self.file.inputs.get(name, {})
                options = tuple(map(str, told.get("options", ())))
                boolean = options == ("true", "false")
                found.append((name, str(told.get("default", "")), () if boolean else options))
        return tuple(sorted(found))

    def _defaults(self) -> Iterator[tuple[str, str]]:
        """The variables of the inputs, with their defaults."""
        for variable, said in self.file.variables.items():
            name = block(said.get("value") if isinstance(said, dict) else said)
            if name and variable.startswith("MLGEN_INPUT_"):
                yield variable, str(self.file.inputs.get(name, {}).get("default", ""))

    def _as_wanted(self, asked: Asked, made: Made, ended: Mapping[str, End]) -> bool:
        """Whether the watched jobs ended as the job wants; a permitted failure and a job that is not there are none."""
        failed = False
        for _, name in asked.watched:
            if name not in self.jobs:
                raise Unread(f"ci.py results waits for {name}, which is no job")
            part = made.parts[name]
            bad = part.when != "never" and ended[name] in ("failure", "skipped")
            permitted = part.allow_failure and ended[name] == "failure"
            failed = failed or (bad and not permitted)
        return {"failure": failed, "success": not failed, "all": not failed, "any": True}[asked.want]

    def _results(self, asked: Asked, made: Made, ended: Mapping[str, End]) -> Iterator[tuple[str, str]]:
        """What the job is told of how others ended; one that is not in the pipeline counts as skipped."""
        if asked.what == "results":
            yield "MLGEN_RESULT", ""
        for key, name in asked.watched:
            there = made.parts[name].when != "never"
            result = {"success": "success", "left": "success"}.get(ended[name], "failure") if there else "skipped"
            yield f"MLGEN_RESULT_{key}", result

    def _missing(self, job: Native, ended: Mapping[str, End]) -> str:
        """A path of which the job checks that it received it, and did not, since its maker has failed."""
        for source in job.sources:
            other = self.jobs[source]
            if ended.get(source) == "failure":
                for path in sorted(job.seen.expects):
                    if any(path == made for given in other.archived for made in instances(given, other)):
                        return path
        return ""


def asked_names(job: Native) -> tuple[str, ...]:
    """The variables that its rules ask for."""
    return tuple(sorted({n for rule in job.rules or () if rule.condition for n in rule.condition.asks}))


def _literal(variables: Mapping[str, Any], inputs: Mapping[str, str]) -> dict[str, str]:
    """The variables with the inputs put in; what is expanded stays as it is written."""
    found = {}
    for name, said in variables.items():
        value = said.get("value", "") if isinstance(said, dict) else said
        given = block(value)
        if given and inputs and given not in inputs:
            raise Unread(f"variables: {name} takes the input {given}, which is not there")
        found[name] = inputs.get(given, "") if given else str(value)
    return found


def reading(file: File) -> Reading:
    """What the file says."""
    known = Pipelines(file)
    return Reading(
        known.seen,
        known.starts,
        known.decide,
        ends=known.ends,
        inputs=known.inputs(),
        copies=True,
        reaches=_reaches,
        root=known.root,
        asks=_asked_runner,
    )


def _asked_runner(words: object) -> str:
    return " ".join(map(str, words["tags"])) if isinstance(words, dict) else str(words)


def _reaches(seen: SeenJob, name: str, environments: tuple[str, ...]) -> bool:
    """https://docs.gitlab.com/ci/environments/#limit-the-environment-scope-of-a-cicd-variable

    A job of the target's own that checks nothing out could do nothing with what every job is given.
    """
    if not seen.job and not seen.checkouts and not seen.scripts:
        return seen.environment in environments
    return not environments or seen.environment in environments
