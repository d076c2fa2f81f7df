"""What only some readers tell of a job: each value is held against the pipeline unless it is None."""

from collections.abc import Iterable, Iterator

from mlgen.ir import Job, Pipeline
from mlgen.ir.expressions import fields
from mlgen.ir.paths import as_glob
from mlgen.readback import SeenJob


def told(pipeline: Pipeline, job: Job, seen: SeenJob) -> Iterator[tuple[str, str]]:
    """The differences, each with its aspect."""
    if seen.deployment is not None and job.environment and seen.deployment != job.environment.deployment:
        word = "deploys to" if seen.deployment else "does not deploy to"
        yield "environment", f"it {word} {job.environment.name}"
    if seen.against is not None and seen.against != (wanted := _against(pipeline, job)):
        yield "against", f"it compares with {_list(seen.against)}, not with {_list(wanted)}"
    waited = {_host(service.name) for service in job.services if service.ports or service.ready}
    if seen.ready is not None and (missing := waited - {_host(name) for name in seen.ready}):
        yield "services", f"it does not wait until {_list(missing)} is ready"
    asked = {(take.job, as_glob(path)) for take in job.takes for path in take.paths if not path.startswith(".mlgen/")}
    if seen.received is not None and (lost := asked - {(name, as_glob(path)) for name, path in seen.received}):
        yield "files", f"it does not receive {_list(f'{path} of {name}' for name, path in lost)}"


def _against(pipeline: Pipeline, job: Job) -> frozenset[str]:
    kinds = job.condition.kinds()
    asked = {field for kind in kinds for field in fields(job.condition.on(kind)) if pipeline.triggers.on(kind)}
    return frozenset(change.against for change in pipeline.changes if change.field in asked and change.against)


def _host(name: str) -> str:
    return name.replace("_", "-").lower()


def _list(names: Iterable[str]) -> str:
    return ", ".join(sorted(names)) or "nothing"
