"""What the jobs execute: each command of the spec once, in order, with its bounds, and no other."""

from __future__ import annotations

import json
import shlex
from collections.abc import Iterator

from mlgen.ir import GateCheck, Job
from mlgen.named import NamedTuple
from mlgen.readback import Reading, Script, SeenJob, shell
from mlgen.readback.opaque import words_of
from mlgen.typed import Literal
from mlgen.verify.fault import Fault

When = Literal["success", "failure", "always"]


class Meant(NamedTuple):
    """A command that the job has to execute: what it is called in messages, and what it is made of."""

    what: str
    text: str
    when: When = "success"
    opening: str = ""
    """Lines of the spec's that come before it in the same shell: what activates the environment."""
    folder: str = ""
    timeout: int = 0
    tries: int = 1
    gate: GateCheck | None = None


def meant(job: Job, target: str) -> list[Meant]:
    """What the job has to execute, in order."""
    found = [Meant("setup", job.setup)] if job.setup else []
    own = {"opening": job.activate, "folder": job.working_directory}
    if job.run:
        found.append(Meant("command", job.run, timeout=job.timeout, tries=job.retry + 1, **own))  # type: ignore[arg-type]
    if job.gate:
        found.append(Meant("gate", "", timeout=job.timeout, tries=job.retry + 1, gate=job.gate))
    for step in job.steps:
        if step.on(target) is None:
            bounds = {"timeout": job.timeout, "tries": job.retry + 1}
            found.append(Meant(f"step {step.name}".strip(), step.run, **own, **bounds))  # type: ignore[arg-type]
    if job.on_failure:
        found.append(Meant("on_failure", job.on_failure, "failure", **own))  # type: ignore[arg-type]
    if job.finally_:
        found.append(Meant("finally", job.finally_, "always", **own))  # type: ignore[arg-type]
    return found


def commands(job: Job, seen: SeenJob, reading: Reading, target: str) -> Iterator[Fault]:
    """The differences between what the job has to execute and what it does."""
    if dict(job.native).get(target) is not None:
        return
    wanted = meant(job, target)
    opaque = _opaque(job, target)
    scripts = [s for s in seen.scripts if s.text.strip() and opaque.isdisjoint(_asked(s))]
    if not seen.portable and wanted:
        yield Fault("command", job.id, "the portable variables are not set before its commands", seen.route)
    exported: dict[str, tuple[tuple[str, str], ...]] = {}
    for when in ("success", "failure", "always"):
        found = [s for s in scripts if s.when == when]
        for command in [m for m in wanted if m.when == when]:
            if not found:
                yield Fault("command", job.id, f"its {command.what} is not executed", seen.route)
                continue
            shared = found[0].shell or ("one" if reading.one_shell else "")
            fault, count = _first(job, command, found, exported.get(shared, ()))
            if fault:
                yield Fault("command", job.id, f"its {command.what} {fault}", found[0].route or seen.route)
            if shared:
                told = (pair for script in found[:count] for pair in shell.head(script.text).exports)
                exported[shared] = (*exported.get(shared, ()), *told)
            del found[:count]
        for script in found:
            message = f"it executes what the spec does not ask for: {brief(script.text)}"
            yield Fault("command", job.id, message, script.route or seen.route)


def _first(job: Job, command: Meant, found: list[Script], exported: tuple[tuple[str, str], ...]) -> tuple[str, int]:
    """How the first scripts differ from the command, and how many are it: several, where one shell runs its lines."""
    first = found[0]
    fault = _differs(job, command, first, exported)
    text = first.text
    for count, script in enumerate(found[1:], 2):
        if not fault or not first.shell or not _beside(first, script) or len(text) > len(command.text) + 4096:
            break
        text += f"\n{script.text}"
        if not _differs(job, command, first._replace(text=text), exported):
            return "", count
    return fault, 1


def _beside(one: Script, other: Script) -> bool:
    """Whether the scripts run in one shell, with nothing that sets them apart."""
    return other._replace(text=one.text, route=one.route) == one


def _opaque(job: Job, target: str) -> set[str]:
    """What steps in the target's own words say: all of one, and each text in it."""
    steps = [own for step in job.steps if (own := step.on(target)) is not None]
    return {text.strip() for text in _words(steps)} | {words_of(own) for own in steps}


def _asked(script: Script) -> set[str]:
    return {text.removeprefix("uses: ").strip() for text in (script.text, script.raw) if text}


def _words(value: object) -> Iterator[str]:
    """Every text in what the spec says in a target's own words, and what it says as a whole."""
    if isinstance(value, dict):
        yield json.dumps(value, sort_keys=True)
        for item in value.values():
            yield from _words(item)
    elif isinstance(value, (list, tuple)):
        for item in value:
            yield from _words(item)
    elif isinstance(value, str):
        yield value


def _differs(job: Job, command: Meant, script: Script, exported: tuple[tuple[str, str], ...]) -> str:
    """How the script differs from the command; empty if it does not."""
    if script.more:
        return f"has more than the spec says: {brief('; '.join(script.more))}"
    head = shell.head(script.text)
    if command.gate:
        return _gate_differs(command, command.gate, script, head)
    lines = [f"export {name}={word}" for name, word in job.dynamic if (name, word) not in exported]
    if command.folder and not script.folder:
        lines.append(f"cd {shlex.quote(command.folder)}")
    if script.folder and script.folder != command.folder:
        return f"runs in {script.folder}, not in {command.folder or 'the root of the project'}"
    asked = shell.head("\n".join(filter(None, [*lines, command.opening, command.text])))
    wanted = (asked.exports, asked.folder, asked.rest)
    alike = []
    for found in shell.readings(head.rest):
        inner = shell.head(f"{found.before}\n{found.command}" if found.before else found.command)
        if ((*head.exports, *inner.exports), head.folder or inner.folder, inner.rest) == wanted:
            alike.append(_bounds(found, script))
    bounds = (command.timeout, command.tries)
    if bounds in alike:
        return ""
    if alike:
        return f"is bounded by (seconds, tries) {alike[-1]}, not by {bounds}"
    if shell.head(head.rest).rest == asked.rest:
        return "does not begin as it must: variables, folder"
    return f"is not what the spec says, but: {brief(head.rest)}"


def _bounds(found: shell.Bounded, script: Script) -> tuple[int, int]:
    """Seconds of a try, and tries: of two limits, the one that comes first."""
    outer = script.timeout
    limit = outer if outer and outer < found.timeout * found.tries else found.timeout or outer
    return limit, found.tries * script.tries


def _gate_differs(command: Meant, gate: GateCheck, script: Script, head: shell.Head) -> str:
    if script.folder or head.folder:
        return f"runs in {script.folder or head.folder}, not in the root of the project"
    found = next((f for f in shell.readings(head.rest) if not f.before and shell.call(f.command)[0]), None)
    name, arguments = shell.call(found.command) if found else ("", [])
    bounds = _bounds(found, script) if found else (0, 1)
    text = head.rest
    if name != "gate" or not arguments or arguments[0] != gate.name:
        return f"is not judged by ci.py, but: {brief(text)}"
    wanted = ["--metrics", gate.metrics]
    for requirement in gate.require:
        wanted += ["--require", requirement]
    if gate.baseline:
        wanted += ["--baseline", gate.baseline]
    elif gate.branch:
        wanted += ["--baseline-branch", gate.branch]
    if (gate.baseline or gate.branch) and gate.on_missing == "pass":
        wanted += ["--on-missing", "pass"]
    if gate.on_fail != "fail":
        wanted += ["--on-fail", gate.on_fail]
    if gate.on_fail == "stop":
        wanted += ["--export", gate.variable]
    if bounds != (command.timeout, command.tries):
        return f"is bounded by (seconds, tries) {bounds}, not by {(command.timeout, command.tries)}"
    return "" if arguments[1:] == wanted else f"is judged by other rules: {' '.join(arguments[1:])}"


def brief(text: str) -> str:
    """The text in one line, cut where it is long."""
    line = " ".join(text.split())
    return line if len(line) <= 120 else line[:117] + "…"
