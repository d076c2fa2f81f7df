"""Where a job runs: its machine, and how its container is started."""

from __future__ import annotations

from collections.abc import Iterator

from mlgen.ir import Job, Leg, Pipeline
from mlgen.readback import Reading, SeenJob
from mlgen.verify.fault import listed

SOCKET = "/var/run/docker.sock:/var/run/docker.sock"


def machine(
    pipeline: Pipeline,
    job: Job,
    seen: SeenJob,
    leg: Leg | None,
    reading: Reading,
    target: str,
    eased: frozenset[str],
) -> Iterator[tuple[str, str]]:
    """The differences, each with its aspect."""
    yield from _image(job, seen, leg, reading)
    yield from _options(job, seen, eased, target)
    yield from _start(pipeline, job, seen, target)
    if not job.milestone:
        yield from _asked(job, seen, leg, reading, target)
        yield from _usual(job, seen, reading, target)


def _image(job: Job, seen: SeenJob, leg: Leg | None, reading: Reading) -> Iterator[tuple[str, str]]:
    image = leg.image if leg and "image" in job.varies else job.image
    python = leg.python if leg and "python" in job.varies else job.python
    # The image that another job builds goes by its digest or, where that is known too late, by its tag.
    if image and seen.image not in (image, job.built.tagged if job.built else image):
        yield "image", f"it runs in {seen.image or 'no image'}, not in {image}"
    if not image and reading.usual and not reading.usual(seen.image):
        yield "image", f"it runs in {seen.image}, which the spec does not ask for"
    if python and not image and seen.python != python:
        yield "python", f"it has Python {seen.python or 'of the machine'}, not {python}"


def _options(job: Job, seen: SeenJob, eased: frozenset[str], target: str) -> Iterator[tuple[str, str]]:
    """With which words of `docker run`, beside those of the runner, and of Docker for its jobs."""
    words = ["--user", job.container.user] if job.container and job.container.user else []
    options = job.container.options if job.container and "container options" not in eased else ()
    words += (word for option in options for word in option.split())
    if seen.container is not None and not _fits(job, seen.container, words, target):
        yield "container", f"its image is run with {' '.join(seen.container) or 'no options'}, not {' '.join(words)}"


def _fits(job: Job, found: tuple[str, ...], wanted: list[str], target: str) -> bool:
    rest = [word for each in found for word in each.split()]
    own = [word for one in job.runners or (job.runner,) for word in _words(one.on(target))]
    for word in own:
        if word in rest and word not in wanted:
            rest.remove(word)
    for mount in ("-v", "--volume") if job.docker else ():
        if rest[-2:] == [mount, SOCKET]:
            del rest[-2:]
    return rest == wanted


def _start(pipeline: Pipeline, job: Job, seen: SeenJob, target: str) -> Iterator[tuple[str, str]]:
    """By whom the image may be fetched, when, and how it starts."""
    said = job.container
    names = (said.username, said.password) if said else ("", "")
    held = {secret.name: str(secret.on(target).get("id", secret.name)) for secret in pipeline.secrets}
    login = (held.get(names[0], ""), held.get(names[1], ""))
    if job.built and job.built.login:
        login = ("host", "host")
    if seen.login is not None and seen.login != login:
        yield "container", f"its image is fetched by {listed(seen.login)}, not by {listed(login)}"
    if seen.pull is not None and seen.pull != (said.pull if said else ""):
        yield "container", f"its image is fetched {seen.pull or 'when the system likes'}"
    asked = said.entrypoint if said else None
    entry = () if asked is None else tuple(asked.split()) or ("",)
    if seen.started is not None and seen.started != entry:
        yield "container", f"its image starts with {' '.join(seen.started) or 'its own entry point'}"


def _asked(job: Job, seen: SeenJob, leg: Leg | None, reading: Reading, target: str) -> Iterator[tuple[str, str]]:
    """The words of the spec for the machine are all there, and where it has none, neither has the file."""
    if reading.bare is None:
        return
    varied = leg.runner if leg and "runner" in job.varies else ""
    runner = next((one for one in job.runners if one.name == varied), job.runner)
    said = runner.on(target)
    if said is None:
        if runner.name == "default" and seen.runner != reading.bare:
            yield "runner", f"it runs on {seen.runner or 'any machine'}, which the spec does not ask for"
        return
    there = {*seen.runner.split(), *(seen.container or ())}
    if missing := set(_words(said)) - there:
        yield "runner", f"it runs on {seen.runner or 'any machine'}, and not on {listed(missing)}"


def _usual(job: Job, seen: SeenJob, reading: Reading, target: str) -> Iterator[tuple[str, str]]:
    """Where it runs: in the words of the spec for this target, else on a machine that everybody has."""
    if reading.asks is None or "runner" in job.varies:
        return
    words = job.runner.on(target)
    if words is not None and reading.asks(words) != seen.runner:
        yield "runner", f"it runs on {seen.runner}, not on {reading.asks(words)}"
    usual = job.runner.name if job.runner.name in ("macos", "windows") else "linux"
    if words is None and seen.system not in (None, usual):
        yield "runner", f"it runs on {seen.runner}, which is no {usual} machine that everybody has"


def _words(value: object) -> list[str]:
    """The texts in what the spec says of a runner in the target's own words."""
    if isinstance(value, dict):
        return [word for item in value.values() for word in _words(item)]
    if isinstance(value, (list, tuple)):
        return [word for item in value for word in _words(item)]
    return value.split() if isinstance(value, str) else []
