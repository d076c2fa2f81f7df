"""`tracking` and `model`: which jobs know the MLflow server, and the registered model."""

from __future__ import annotations

from collections.abc import Iterator

from mlgen.diagnostics import Diagnostic, Position, error, warning
from mlgen.ir.model import Job
from mlgen.ir.source import Source
from mlgen.ir.values import SecretUse
from mlgen.lower.commands.call import Call
from mlgen.lower.names import did_you_mean
from mlgen.lower.runtime import REFERENCE, variables

REGISTRY = "python3 .mlgen/registry.py"
URI, EXPERIMENT = "MLFLOW_TRACKING_URI", "MLFLOW_EXPERIMENT_NAME"
_LOCAL = "sqlite:///mlflow.db"


def model_name(call: Call) -> str:
    """The registered model's name."""
    name: str = call.words.get("name") or call.data["model"]["name"] or call.data["project"]["name"]
    return name


def tracked(source: Source, job: Job) -> Job:
    """The job with MLflow's variables, if it trains or uses the registry; what it says itself goes first."""
    said = source.data["stages"][job.stage][job.name]
    uses = "register" in said or "promote" in said
    if not uses and not (job.stage == "train" and job.run):
        return job
    known = _variables(source, job)
    tracking = source.data["tracking"]
    if URI not in known:
        job = _addressed(source, job, tracking["uri"])
    if EXPERIMENT not in known and tracking["experiment"]:
        job = job._replace(env=(*job.env, (EXPERIMENT, tracking["experiment"])))
    return job


def _variables(source: Source, job: Job) -> set[str]:
    names = {name for name, _ in (*job.env, *job.dynamic)} | {use.variable for use in job.secrets}
    return names | set(source.data["env"])


def _addressed(source: Source, job: Job, uri: str) -> Job:
    """The job with the server's address; secrets that this names count as listed."""
    secrets = [name for name in REFERENCE.findall(uri) if name in source.data["secrets"]]
    at = source.at("tracking", "mlflow", "uri")
    if secrets and uri == f"${{{secrets[0]}}}":
        return job._replace(secrets=(*job.secrets, _use(source, URI, secrets[0], at)))
    listed = {use.variable for use in job.secrets}
    more = tuple(_use(source, name, name, at) for name in dict.fromkeys(secrets) if name not in listed)
    plain, dynamic = variables({URI: uri})
    return job._replace(env=(*plain, *job.env), dynamic=(*dynamic, *job.dynamic), secrets=(*job.secrets, *more))


def _use(source: Source, variable: str, name: str, at: Position) -> SecretUse:
    return SecretUse(variable, name, source.data["secrets"][name]["file"], at)


def check(source: Source) -> Iterator[Diagnostic]:
    """References of the address."""
    known = source.data["secrets"].keys() | source.data["env"].keys()
    for name in REFERENCE.findall(source.data["tracking"]["uri"]):
        if name not in known:
            at = source.at("tracking", "mlflow", "uri")
            yield error("MLG201", at, f"there is no secret or variable {name}", did_you_mean(name, known))


def nowhere(source: Source, job: Job) -> Iterator[Diagnostic]:
    """A warning where a job uses the registry in a file that no other job sees."""
    env = {**source.data["env"], **dict(job.env)}
    lasting = env.get(URI) != _LOCAL and URI in _variables(source, job)
    if not lasting and "mlflow.db" not in job.files:
        hint = "give the address of a server: `tracking: {mlflow: {uri: …}}`"
        message = f"{job.id} uses the registry in mlflow.db, which is gone with the job"
        yield warning("MLG215", job.position, message, hint)
