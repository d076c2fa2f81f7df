"""What the jobs execute: each command of the spec once, in order, with its bounds, and no other."""

import shlex
from collections.abc import Iterator
from typing import Literal

from mlgen.ir import GateCheck, Job
from mlgen.named import NamedTuple
from mlgen.readback import Reading, Script, SeenJob, shell
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
    """What the job has to execute, in order; a step in the target's own words is opaque, and left out."""
    found = [Meant("setup", job.setup)] if job.setup else []
    own = {"opening": job.activate, "folder": job.working_directory}
    if job.run:
        found.append(Meant("command", job.run, timeout=job.timeout, tries=job.retry + 1, **own))  # type: ignore[arg-type]
    if job.gate:
        found.append(Meant("gate", "", gate=job.gate))
    for step in job.steps:
        if step.on(target) is None:
            found.append(Meant(f"step {step.name}".strip(), step.run, **own))  # type: ignore[arg-type]
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
    scripts = [script for script in seen.scripts if script.text.strip()]
    if not seen.portable and wanted:
        yield Fault("command", job.id, "the portable variables are not set before its commands", seen.route)
    exported: tuple[tuple[str, str], ...] = ()
    for when in ("success", "failure", "always"):
        expected = [m for m in wanted if m.when == when]
        found = [s for s in scripts if s.when == when]
        for command, script in zip(expected, found):
            fault = _differs(job, command, script, exported if reading.one_shell else ())
            if fault:
                yield Fault("command", job.id, f"its {command.what} {fault}", script.route or seen.route)
            exported = tuple(dict.fromkeys((*exported, *shell.head(script.text).exports)))
        for command in expected[len(found) :]:
            yield Fault("command", job.id, f"its {command.what} is not executed", seen.route)
        for script in found[len(expected) :]:
            message = f"it executes what the spec does not ask for: {_brief(script.text)}"
            yield Fault("command", job.id, message, script.route or seen.route)


def _differs(job: Job, command: Meant, script: Script, exported: tuple[tuple[str, str], ...]) -> str:
    """How the script differs from the command; empty if it does not."""
    head = shell.head(script.text)
    if command.gate:
        return _gate_differs(command.gate, head.rest)
    lines = [f"export {name}={word}" for name, word in job.dynamic if (name, word) not in exported]
    if command.folder and not script.folder:
        lines.append(f"cd {shlex.quote(command.folder)}")
    if script.folder and script.folder != command.folder:
        return f"runs in {script.folder}, not in {command.folder or 'the root of the project'}"
    opening = "\n".join([*lines, *([command.opening] if command.opening else [])])
    asked = shell.head("\n".join(filter(None, [opening, command.text])))
    if (head.exports, head.folder) != (asked.exports, asked.folder):
        return "does not begin as it must: variables, folder"
    whole = asked.rest
    bare = shell.head(opening).rest if opening else ""
    for found in shell.readings(head.rest):
        bounds = (found.timeout or script.timeout, found.tries * script.tries)
        if bounds == (command.timeout, command.tries):
            plain = (found.timeout, found.tries) == (0, 1)
            if found.command == whole if plain else (found.before, found.command) == (bare, command.text):
                return ""
    return _how(command, script, head.rest, whole)


def _how(command: Meant, script: Script, seen: str, whole: str) -> str:
    for found in shell.readings(seen):
        if found.command in (whole, command.text):
            bounds = (found.timeout or script.timeout, found.tries * script.tries)
            if bounds != (command.timeout, command.tries):
                return f"is bounded by (seconds, tries) {bounds}, not by {(command.timeout, command.tries)}"
    return f"is not what the spec says, but: {_brief(seen)}"


def _gate_differs(gate: GateCheck, text: str) -> str:
    name, arguments = shell.call(text)
    if name != "gate" or not arguments or arguments[0] != gate.name:
        return f"is not judged by ci.py, but: {_brief(text)}"
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
    return "" if arguments[1:] == wanted else f"is judged by other rules: {' '.join(arguments[1:])}"


def _brief(text: str) -> str:
    line = " ".join(text.split())
    return line if len(line) <= 120 else line[:117] + "…"
