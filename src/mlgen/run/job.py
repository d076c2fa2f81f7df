"""One job, or one leg of it, from an empty folder to the files that it hands on."""

from __future__ import annotations

import os
import shutil
import time
from collections.abc import Callable, Mapping
from contextlib import ExitStack, suppress

from mlgen.ir import Job, Pipeline, SecretUse
from mlgen.ir.values import Leg
from mlgen.named import NamedTuple
from mlgen.quoting import sh
from mlgen.run import caches, pythons, secrets, services, variables
from mlgen.run.processes import Cancelled, Group, Log, Stop
from mlgen.run.project import Project
from mlgen.run.record import Record
from mlgen.run.workspace import Failed, Place, Snapshot, other_checkouts, place_for
from mlgen.targets import ci_py
from mlgen.targets.scripts import headed
from mlgen.typed import Literal

State = Literal["success", "failure", "stopped", "skipped", "cancelled"]
"""How a job ends. `stopped`: it is for this event, and a failure of one that it waits for kept it from starting."""

LAST = 30.0
"""Seconds for `on_failure` and `finally` of a run that is interrupted."""


class End(NamedTuple):
    """How a job or a leg ended: why if not well, its seconds, and how often the command ran."""

    state: State
    reason: str = ""
    seconds: float = 0.0
    tries: int = 0


class Setting(NamedTuple):
    """What all jobs of a run share. `tools` are the files of `.mlgen/` by path; `work` and `cache` are folders."""

    pipeline: Pipeline
    project: Project
    snapshot: Snapshot
    record: Record
    work: str
    cache: str
    variables: Mapping[str, str]
    secrets: Mapping[str, str]
    passed: tuple[str, ...]
    tools: Mapping[str, str]
    pythons: Mapping[str, pythons.Interpreter]
    services: services.Services
    stop: Stop
    renew: bool = False
    keep: bool = False


def run_leg(
    setting: Setting, job: Job, leg: Leg | None, ended: Mapping[str, str], line: Callable[[str], None] | None
) -> End:
    """Runs a job (one leg of it). `ended` is how those ended that it waits for; `line` gets what it prints."""
    started = time.monotonic()
    name = f"{job.key}{'.' + leg.slug if leg else ''}"
    hidden = [setting.secrets[s] for s in job.secret_names if s in setting.secrets]
    log = Log(setting.record.log(job, leg), hidden, line)
    group = Group(f"{os.getpid()}-{setting.record.number}-{name}-{os.urandom(4).hex()}", log, setting.stop)
    base = os.path.join(setting.work, name)
    one = _Running(setting, job, leg, ended, group, log, base)
    try:
        end = one.run()
    finally:
        group.end()
        log.close()
        if not setting.keep:
            shutil.rmtree(base, ignore_errors=True)
    return end._replace(seconds=time.monotonic() - started)


class _Running:
    """A job on its way. `env` is empty until the job could run a script."""

    def __init__(
        self, setting: Setting, job: Job, leg: Leg | None, ended: Mapping[str, str], group: Group, log: Log, base: str
    ) -> None:
        self.setting, self.job, self.leg, self.ended = setting, job, leg, ended
        self.group, self.log, self.base = group, log, base
        self.env: dict[str, str] = {}
        self.tries = 0
        self.exports = os.path.join(base, "exports")

    def run(self) -> End:
        """The whole job; its last scripts run whatever happens."""
        place = None
        with ExitStack() as held:
            try:
                place = self._prepared()
                self._setup(place)
                held.enter_context(
                    self.setting.services.beside(self.job, self.group, self.env, place.project, self.log)
                )
                self._command(place)
                self._hand_on(place)
                caches.save(self.job, place, self.setting.cache, self.setting.project.folder)
                end = End("success")
            except Failed as why:
                end = End("failure", str(why))
            except Cancelled:
                end = End("cancelled", "interrupted")
            except OSError as err:
                end = End("failure", f"{err.filename or 'the machine'}: {err.strerror or err}")
            if end.reason:
                self.log.say(end.reason)
            if place is not None and self.env:
                with suppress(Cancelled):  # also of these, by a second interrupt
                    self._last(place, end)
        return end._replace(tries=self.tries)

    def _prepared(self) -> Place:
        """The job's folders with the tree and the files that it takes, and all of its variables."""
        setting, job = self.setting, self.job
        place = place_for(self.base, setting.snapshot, job)
        for path, text in setting.tools.items():
            _write(os.path.join(place.project, path), text)
        for take in job.takes:
            maker = setting.pipeline.job(take.job)
            setting.record.receive(take, maker, place.project, self.ended.get(maker.id) == "success")
        machine = variables.of_the_machine(place, setting.passed)
        if job.checkouts:
            tokens = {c.token: setting.secrets.get(c.token, "") for c in job.checkouts if c.token}
            other_checkouts(job, place, self.group, {**machine, **tokens})
        caches.restore(job, place, setting.cache, setting.project.folder)
        self._environment(place, machine)
        return place

    def _environment(self, place: Place, machine: Mapping[str, str]) -> None:
        setting, job = self.setting, self.job
        spec = variables.of_the_job(setting.pipeline, job, self.leg)
        held = {use.variable: self._secret(use, place) for use in job.secrets}
        env = {**machine, **setting.variables, **variables.exported(place.project), **spec, **held}
        env |= variables.results(job, setting.pipeline, self.ended)
        env |= {service.variable: services.HOST for service in job.services}
        if any(not export.file for export in job.exports):
            env["MLGEN_EXPORTS"] = self.exports
        if job.permissions and "MLGEN_TOKEN" in os.environ:
            env["MLGEN_TOKEN"] = os.environ["MLGEN_TOKEN"]
        self.env = env

    def _secret(self, use: SecretUse, place: Place) -> str:
        value = self.setting.secrets.get(use.name, "")
        return secrets.written(value, place.base, f"secret-{use.name}") if use.file else value

    # ---- scripts

    def _bash(self, script: str, place: Place, timeout: float = 0, final: bool = False) -> int:
        return self.group.run(["bash", "-euo", "pipefail", "-c", script], place.project, self.env, timeout, final)

    def _setup(self, place: Place) -> None:
        """Makes the job's own environment of Python, and runs the setup in it, if that is not kept already."""
        setting, job = self.setting, self.job
        script = own_setup(job)
        python = setting.pythons[self.leg.python if self.leg and "python" in job.varies else job.python]
        digest = pythons.key(script, place.project, self.env) if script else ""
        kept = pythons.Kept(setting.cache, python, digest or "", setting.renew)
        try:
            if kept.take(self.group, self.env):
                if digest:
                    self._in(kept.folder, headed(job, script, setup=True), place)
                kept.complete()
            elif digest:
                self.log.say(f"kept from an earlier job: {'; '.join(script.splitlines())}")
            folder = os.path.join(place.base, "python")
            kept.layer(folder)
        finally:
            kept.release()
        self.env = pythons.active(self.env, folder)
        if script and digest is None and self._bash(headed(job, script, setup=True), place):
            raise Failed("the setup failed")

    def _in(self, folder: str, script: str, place: Place) -> None:
        words = ["bash", "-euo", "pipefail", "-c", script]
        if self.group.run(words, place.project, pythons.active(self.env, folder)):
            raise Failed("the setup failed")

    def _command(self, place: Place) -> None:
        job = self.job
        script = command(job)
        status = 0
        for number in range(job.retry + 1):
            self.tries = number + 1
            if number:
                self.log.say(f"try {number + 1} of {job.retry + 1}")
            status = self._bash(script, place, job.timeout)
            if status == 0:
                return
            if status == 124 and job.timeout:
                self.log.say(f"the command took more than {job.timeout} seconds and was ended")
        what = (
            f"it took more than its {job.timeout} seconds" if status == 124 and job.timeout else f"exit status {status}"
        )
        raise Failed(f"{what}{f', {self.tries} tries' if self.tries > 1 else ''}")

    def _hand_on(self, place: Place) -> None:
        job = self.job
        if job.exports and self._bash(ci_py.exports(job), place):
            raise Failed("its exports are not what it declares")
        self.setting.record.hand_on(job, self.leg, place.project, ci_py.exports_file(job))

    def _last(self, place: Place, end: End) -> None:
        """Reports, what is kept for people, `on_failure` and `finally`: none of them changes how the job ended."""
        job, record = self.job, self.setting.record
        self.env["MLGEN_RESULT"] = "success" if end.state == "success" else "failure"
        bound = LAST if end.state == "cancelled" else 0
        for name, script, wanted in (
            ("on_failure", job.on_failure, end.state != "success"),
            ("finally", job.finally_, True),
        ):
            if script and wanted and self._bash(headed(job, script), place, bound, final=bool(bound)):
                self.log.say(f"{name} failed")
        try:
            if report := ci_py.report(job.reports):
                self._bash(report, place, bound, final=bool(bound))
            coverage = [job.reports.coverage.path] if job.reports.coverage else []
            summary = [job.reports.summary] if job.reports.summary else []
            record.keep("reports", job, self.leg, place.project, [*job.reports.junit, *coverage, *summary])
            if job.keep and (end.state == "success" or job.keep.result == "any"):
                record.keep("kept", job, self.leg, place.project, job.keep.paths)
        except OSError as err:
            self.log.say(f"reports: {err.filename}: {err.strerror}")


def own_setup(job: Job) -> str:
    """The job's setup without system packages, which `run` does not install on somebody's machine."""
    from mlgen.lower.runtime import packages

    return job.setup.removeprefix("\n".join(packages(list(job.packages)))).lstrip("\n")


def command(job: Job) -> str:
    """The script of a job: its gate, its steps (each in a shell of its own), or its own."""
    if job.gate:
        return ci_py.gate(job.gate)
    if not job.steps:
        return headed(job, job.run)
    parts = []
    for step in job.steps:
        if step.run:
            parts.append(f"echo {sh(f'mlgen: step {step.name}')}\nbash -euo pipefail -c {sh(headed(job, step.run))}")
        else:
            parts.append(f"echo {sh(f'mlgen: step {step.name} is in the words of a CI system, and is left out here')}")
    return "\n".join(parts)


def _write(path: str, text: str) -> None:
    os.makedirs(os.path.dirname(path), exist_ok=True)
    with open(path, "w", encoding="utf-8") as file:
        file.write(text)
