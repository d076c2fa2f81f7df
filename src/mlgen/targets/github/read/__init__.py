"""What a workflow of GitHub Actions says, read from its text alone.

https://docs.github.com/en/actions/reference/workflows-and-actions/workflow-syntax
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from fnmatch import fnmatchcase

from mlgen.ir.events import Event
from mlgen.readback import Reading, SeenJob
from mlgen.readback.document import data
from mlgen.readback.unread import Unread
from mlgen.targets.github.read.contexts import API_INPUT, On, contexts, on, starts
from mlgen.targets.github.read.decide import Decider
from mlgen.targets.github.read.expressions import Contexts
from mlgen.targets.github.read.files import Upload, held, outside, received
from mlgen.targets.github.read.jobs import Native, Read, Workflow, read_job
from mlgen.targets.github.read.portable import schedules
from mlgen.targets.github.read.steps import Download
from mlgen.targets.github.read.templates import names, value
from mlgen.targets.github.read.values import Known, text_of, truth
from mlgen.typed import Any

_KEYS = {"name", "run-name", "on", "permissions", "concurrency", "defaults", "env", "jobs"}
_SHELL = "bash -euo pipefail {0}"
_SAMPLES = {
    "push": Event("push", "b"),
    "pull_request": Event("pull_request", "b"),
    "tag": Event("tag", tag="t"),
    "schedule": Event("schedule", "b"),
    "manual": Event("manual", "b"),
}


def read(texts: Mapping[str, str]) -> Reading:
    """The workflow; Unread says what cannot be read."""
    if len(texts) != 1:
        raise Unread(f"{', '.join(texts)}: not one workflow")
    said = data(next(iter(texts.values())))
    if not isinstance(said, dict) or said.keys() - _KEYS or not isinstance(said.get("jobs"), dict):
        raise Unread("the file is no workflow, or has a key that is not known")
    if said.get("permissions") != {}:
        raise Unread("permissions: the jobs are given more than they ask for")
    workflow = Workflow(on(said.get("on")), _root(said.get("defaults")), said.get("env") or {})
    jobs = {str(name): read_job(str(name), job, workflow) for name, job in said["jobs"].items()}
    _references(jobs)
    seen, makers = _handed(jobs, workflow.root)
    decider = Decider(workflow.on, {name: job.native for name, job in jobs.items()}, makers)
    return Reading(
        jobs=seen,
        starts=lambda event: starts(workflow.on, event),
        decide=decider.decide,
        cancels=_cancels(said.get("concurrency"), workflow.on),
        schedules=schedules(workflow.on, workflow.env),
        inputs=tuple(
            sorted((n, text_of(i.default), i.options) for n, i in (workflow.on.inputs or {}).items() if n != API_INPUT)
        ),
        required=_required(jobs),
        copies=True,
        usual=lambda image: not image,
        asks=lambda words: json.dumps(words, sort_keys=True),
        root=workflow.root,
    )


def _root(defaults: object) -> str:
    """The project's folder. Every script stops at the first command that fails."""
    run = defaults.get("run") if isinstance(defaults, dict) and defaults.keys() == {"run"} else None
    if not isinstance(run, dict) or run.keys() - {"shell", "working-directory"} or run.get("shell") != _SHELL:
        raise Unread("defaults: scripts do not stop at the first command that fails, or a key is not known")
    return str(run.get("working-directory", ""))


def _references(jobs: Mapping[str, Read]) -> None:
    for name, job in jobs.items():
        for other in job.native.needs:
            if other not in jobs:
                raise Unread(f"jobs.{name}.needs: {other} is no job")
        base, native = job.environment.base, job.native
        asked = {f"needs.{n}.outputs.{o}".lower() for n in native.needs for o in jobs[n].native.changed}
        if not base and not native.told and not native.judge and asked & native.test.names:
            raise Unread(f"jobs.{name}.env.MLGEN_BEFORE: is not the commit that the job is compared with")
        if base and (base[0] not in job.native.needs or base[1] not in jobs[base[0]].native.base):
            raise Unread(f"jobs.{name}.env.MLGEN_BEFORE: {'.'.join(base)} is no commit")


def _handed(jobs: Mapping[str, Read], root: str) -> tuple[tuple[SeenJob, ...], dict[str, str]]:
    """The jobs with the files that go from one to another, and who makes which artifact."""
    made: dict[str, tuple[str, Upload]] = {}
    for name, job in jobs.items():
        for upload in job.native.uploads:
            if upload.name in made or ("*" in upload.name) != bool(job.legs[0].leg or len(job.legs) > 1):
                raise Unread(f"jobs.{name}: the artifact {upload.name} is made twice")
            made[upload.name] = name, upload
    plain = {name: maker for name, (maker, _) in made.items()}
    asked: set[str] = set()
    takes: dict[str, set[tuple[str, str]]] = {}
    for name, job in jobs.items():
        takes[name] = set()
        for download in job.native.downloads:
            for artifact in _meant(download, made):
                asked.add(artifact)
                maker, upload = made[artifact]
                if download.may_fail and not jobs[maker].native.permitted:
                    raise Unread(f"jobs.{name}: it goes on where the files of {maker} are missing, which may not fail")
                found = (outside(root, path) for path in received(upload, download.path))
                takes[name].update((jobs[maker].native.job, path) for path in found)
    seen = []
    for name, job in jobs.items():
        hands, kept = _uploads(job, asked, root)
        days = frozenset((outside(root, path), up.days) for up in job.native.uploads for path in held(up))
        late = frozenset(outside(root, path) for up in job.native.uploads if up.always for path in held(up))
        files = frozenset(path for _, path in takes[name])
        values = frozenset(v for path in files for v in _values(jobs, path))
        for leg in job.legs:
            seen.append(
                leg._replace(
                    takes=files,
                    sources=frozenset(takes[name]),
                    hands=hands,
                    kept=kept,
                    sees=values,
                    days=days,
                    late=late,
                )
            )
    return tuple(seen), plain


def _meant(download: Download, made: Mapping[str, tuple[str, Upload]]) -> list[str]:
    """The artifacts that the download fetches."""
    if download.name:
        return [download.name] if download.name in made else []
    return [name for name in made if fnmatchcase(name, download.pattern)]


def _uploads(job: Read, asked: set[str], root: str) -> tuple[frozenset[str], frozenset[str]]:
    """What others can have of the job once its commands have succeeded, and what is kept for people only."""
    scripts = job.legs[0].scripts
    commands = max((n for n, script in enumerate(scripts, 1) if script.when == "success"), default=0)
    hands: set[str] = set()
    kept: set[str] = set()
    for upload in job.native.uploads:
        whole = upload.after >= commands and (upload.name not in asked or (upload.strict and not upload.always))
        if whole:
            paths = (outside(root, path) for path in held(upload))
            (hands if upload.name in asked else kept).update(paths)
    return frozenset(hands), frozenset(kept)


def _required(jobs: Mapping[str, Read]) -> frozenset[str]:
    """The jobs of which a failure fails one that tells how others ended, and runs whatever happened."""
    found = set()
    for job in jobs.values():
        native = job.native
        if native.job or native.judge is None:
            continue
        well = {name.lower(): _ENDED["success"] for name in native.needs}
        for one in native.needs:
            if all(_judged(native, well, one, result) for result in ("failure", "cancelled")):
                found.add(one)
    return frozenset(found)


_ENDED = {result: Known(result=result) for result in ("success", "failure", "cancelled")}


def _judged(native: Native, well: Mapping[str, Known], one: str, result: str) -> bool:
    """Whether the job fails where another one has ended so, and all else well."""
    assert native.judge is not None
    results = {**well, one.lower(): _ENDED[result]}
    status = {"success": False, "failure": result == "failure", "cancelled": False, "always": True}
    told = Contexts({"needs": Known(results)}, status)
    return truth(native.test.evaluate(told)) and truth(native.judge.evaluate(told))


def _values(jobs: Mapping[str, Read], path: str) -> list[str]:
    """The exported values in a file, if it is one that a job collects them in."""
    if not path.startswith(".mlgen/exports/"):
        return []
    return [
        each.partition("=")[0]
        for job in jobs.values()
        for steps in job.steps[:1]
        if steps.exports_file == path
        for each in steps.exports
    ]


def _cancels(concurrency: object, said: On) -> tuple[str, ...]:
    """The kinds of events of which two runs at the same place are in one group, so that one cancels the other.

    Runs at two places, or of two workflows, are in one nowhere: even without `cancel-in-progress`, a group has one run
    that waits, and a third one cancels that.

    https://docs.github.com/en/actions/reference/workflows-and-actions/workflow-syntax#concurrency
    """
    if concurrency is None:
        return ()
    if not isinstance(concurrency, dict) or set(concurrency) - {"group", "cancel-in-progress"}:
        raise Unread("concurrency: is not known")
    group = str(concurrency.get("group"))
    groups: dict[str, str] = {}
    found = []
    for number, (kind, event) in enumerate(_SAMPLES.items()):
        first, second = _groups(group, said, event, f"{number}1", f"{number}2")
        here = [(kind, first)]
        if first == second:
            found.append(kind)
            elsewhere = event._replace(branch="c", tag="u" * bool(event.tag))
            here += ((f"{kind} elsewhere", other) for other in _groups(group, said, elsewhere, f"{number}3"))
        for name, each in here:
            if other := groups.get(each):
                raise Unread(f"concurrency: runs of {name} and of {other} are in one group")
            groups[each] = name
    if found and concurrency.get("cancel-in-progress") is not True:
        raise Unread("concurrency: a newer run waits for the older one")
    if found and "github.workflow" not in names(group):
        raise Unread("concurrency: runs of other workflows are in one group")
    return tuple(found)


def _groups(group: str, said: On, event: Event, *runs: str) -> Iterator[str]:
    """The groups of runs of the event, of which requests of other branches are others."""
    values: dict[str, Any] = contexts(said, event)
    if request := values["github"]["event"]["pull_request"]:
        request["number"] = 7 if event.branch == "b" else 8
        request["base"]["ref"] = values["github"]["base_ref"] = "main"
    for run in runs:
        values["github"]["run_id"] = run
        yield text_of(value(group, Contexts(values)))
