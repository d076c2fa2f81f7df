"""Whether a job starts: its `if`, evaluated as GitHub does.

https://docs.github.com/en/actions/how-tos/write-workflows/choose-when-workflows-run/control-jobs-with-conditions
"""

from __future__ import annotations

from collections.abc import Mapping
from fnmatch import fnmatchcase

from mlgen.ir.events import Event
from mlgen.readback import End, SeenJob, Start
from mlgen.targets.github.read.contexts import On, contexts
from mlgen.targets.github.read.expressions import Contexts
from mlgen.targets.github.read.jobs import Native
from mlgen.targets.github.read.steps import Download
from mlgen.targets.github.read.templates import condition, value
from mlgen.targets.github.read.values import Known, Value, text_of, truth


class Decider:
    """Decides for the jobs of one workflow; what it knows of the last event is kept."""

    def __init__(self, said: On, jobs: Mapping[str, Native], makers: Mapping[str, str]) -> None:
        self._on = said
        self._jobs = jobs
        self._makers = makers
        self._ancestors: dict[str, frozenset[str]] = {}
        self._event: Event | None = None
        self._contexts: dict[str, Value] = {}
        self._outputs: dict[str, Known] = {}
        self._decided: dict[tuple[str, ...], Start] = {}

    def decide(self, job: SeenJob, event: Event, ended: Mapping[str, End]) -> Start:
        """Whether the job starts, where the others ended so."""
        native = self._jobs[job.name]
        self._look(event)
        results = {name: self._result(name, ended) for name in self._above(native.name)}
        makers = (ended.get(maker, "") for download in native.downloads for maker in self._of(download))
        asked = (native.name, *results.values(), *makers)
        if asked not in self._decided:
            self._decided[asked] = self._decide(native, event, ended, results)
        return self._decided[asked]

    def _decide(self, native: Native, event: Event, ended: Mapping[str, End], results: Mapping[str, str]) -> Start:
        status = {
            "success": all(result == "success" for result in results.values()),
            "failure": any(result == "failure" for result in results.values()),
            "cancelled": False,
            "always": True,
        }
        needs = Known({name.lower(): self._need(name, results[name]) for name in native.needs})
        found = Contexts({**self._contexts, "needs": needs}, status)
        why = native.test.source
        if native.implicit and not status["success"]:
            missed = next(name for name, result in results.items() if result != "success")
            return Start("skip", f"success(): {missed} is {results[missed]}")
        if not truth(native.test.evaluate(found)):
            return Start("skip", why)
        if native.judge and truth(native.judge.evaluate(found)):
            return Start("fail", native.judge.source)
        if refusal := self._refusal(native, event, found, ended):
            return Start("refused", refusal)
        told = tuple((name, text_of(value(text, found))) for name, text in native.told.items())
        lock = text_of(value(native.lock, found)) if "${{" in native.lock else None
        return Start("wait" if native.approval else "run", why, lock, told)

    def _look(self, event: Event) -> None:
        if event is not self._event:
            self._event = event
            self._contexts = contexts(self._on, event)
            self._outputs = {}
            self._decided = {}

    def _above(self, name: str) -> frozenset[str]:
        """All jobs that the job needs, and that these need."""
        if name not in self._ancestors:
            direct = self._jobs[name].needs
            self._ancestors[name] = frozenset(direct).union(*(self._above(each) for each in direct))
        return self._ancestors[name]

    def _result(self, name: str, ended: Mapping[str, End]) -> str:
        """`needs.JOB.result`: a failure that the job permits itself is none."""
        end = ended[name]
        if end == "failure":
            return "success" if self._jobs[name].permitted else "failure"
        return "skipped" if end == "skipped" else "success"

    def _need(self, name: str, result: str) -> Known:
        outputs = self._told(name)
        return Known(result=result, outputs=outputs if result == "success" else Known(dict.fromkeys(outputs, "")))

    def _told(self, name: str) -> Known:
        """The outputs of a job that has succeeded."""
        if name not in self._outputs:
            assert self._event is not None
            values = dict(self._event.values)
            found: dict[str, Value] = {}
            for output, source in self._jobs[name].outputs.items():
                if callable(source):
                    found[output.lower()] = source(self._event, Contexts(self._contexts))
                    continue
                exported, compared = source
                text = values.get(f"{self._jobs[name].job}.{exported}", "")
                found[output.lower()] = text if not compared else "true" if text == compared else ""
            self._outputs[name] = Known(found)
        return self._outputs[name]

    def _refusal(self, native: Native, event: Event, found: Contexts, ended: Mapping[str, End]) -> str:
        """Why the job fails before its command: a ref that its guard does not allow, or files that nobody made."""
        ref = text_of(found.values["github"]["ref"])
        denied = any(fnmatchcase(ref, pattern[1:]) for pattern in native.refs if pattern.startswith("!"))
        if native.refs and (denied or not any(fnmatchcase(ref, pattern) for pattern in native.refs)):
            return f"no deployment from {ref}"
        for download in native.downloads:
            if download.may_fail or (download.pattern and not native.looks):
                continue
            if download.test and not truth(condition(download.test).evaluate(found)):
                continue
            for maker in self._of(download) or ("",):
                if ended.get(maker) != "success":  # a permitted failure has made none either
                    name = download.name or download.pattern
                    return f"no artifact {name}, since {maker or 'no job'} did not make it"
        return ""

    def _of(self, download: Download) -> tuple[str, ...]:
        """The jobs that make what is downloaded."""
        if download.name:
            return (self._makers[download.name],) if download.name in self._makers else ()
        return tuple(maker for name, maker in self._makers.items() if fnmatchcase(name, download.pattern))
