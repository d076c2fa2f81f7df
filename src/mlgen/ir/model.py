"""The pipeline graph: what a spec means, with no word of any CI system.

Every value is frozen. Durations are seconds. Paths are relative to the project's root and use `/`.
"""

from typing import Literal, NamedTuple

from mlgen.diagnostics import Position
from mlgen.ir.conditions import Condition
from mlgen.ir.expressions import Expr

Options = tuple[tuple[str, object], ...]
"""A target's own words from the spec, as sorted pairs: only that target reads them."""


class SecretUse(NamedTuple):
    """A job sees the secret `name` as the variable `variable`; with `file`, as the path of a file that holds it."""

    variable: str
    name: str
    file: bool
    position: Position


class Secret(NamedTuple):
    """A declared secret; `environments` empty means unbound. `options` holds target-specific ids, by target."""

    name: str
    file: bool
    plain: bool
    environments: tuple[str, ...]
    options: tuple[tuple[str, Options], ...]
    position: Position


class Environment(NamedTuple):
    """A place that jobs deploy to; `deployment` False means that it only scopes secrets."""

    name: str
    approval: bool
    approvers: tuple[str, ...]
    prompt: str
    deployment: bool
    url: str
    position: Position


class Runner(NamedTuple):
    """A class of machines; `options` holds each target's own words for it, by target."""

    name: str
    options: tuple[tuple[str, object], ...]

    def on(self, target: str) -> object | None:
        """What the spec says of this runner for the target, or None."""
        return dict(self.options).get(target)


class Cache(NamedTuple):
    """Folders kept between runs; the key is the hash of `key` files and `salt`."""

    paths: tuple[str, ...]
    key: tuple[str, ...]
    salt: str


class Edge(NamedTuple):
    """One job waits for another.

    `hard`: the job also takes the other's condition, and needs its success. Otherwise it is a barrier.
    `always`: on every event where the waiting job runs, the other runs too.
    `implied`: another edge of the waiting job already makes it wait for this one, in every case.
    `files`: the declared paths of the other that the waiting job receives; `exports`: it sees the exported values.
    """

    job: str
    hard: bool
    always: bool = True
    implied: bool = False
    files: tuple[str, ...] = ()
    exports: bool = False


class Bundle(NamedTuple):
    """Files of one job that the same set of jobs receives, and so travel together under one name."""

    name: str
    paths: tuple[str, ...]
    consumers: tuple[str, ...]
    exports: bool = False


class Take(NamedTuple):
    """A job receives the bundle `bundle` of the job `job`."""

    job: str
    bundle: str
    paths: tuple[str, ...]


class Coverage(NamedTuple):
    """A coverage report: its format (`cobertura`, `lcov`, …) and path."""

    format: str
    path: str


class Reports(NamedTuple):
    """What a job says of itself besides its result."""

    junit: tuple[str, ...] = ()
    coverage: Coverage | None = None
    summary: str = ""


class Export(NamedTuple):
    """A value passed on: read from `file` (JSON) at the dotted `key`, or, without `file`, appended by the job."""

    name: str
    file: str = ""
    key: str = ""


class Leg(NamedTuple):
    """One leg of a matrix: its slug (unique in the job) and its values in the order of the axes."""

    slug: str
    values: tuple[tuple[str, str], ...]


class Matrix(NamedTuple):
    """The legs of a job, compiled; axes in the order written. `exclude` and `include` are already applied.

    `crossed`: the axes as written, if the legs are exactly their product; else empty.
    """

    axes: tuple[str, ...]
    legs: tuple[Leg, ...]
    crossed: tuple[tuple[str, tuple[str, ...]], ...]
    max_parallel: int
    collide: bool
    """Whether two legs could write the same file, which only the run can tell."""


class GateCheck(NamedTuple):
    """A gate: the metrics file is judged against each requirement; `baseline` is a file's path, or empty."""

    name: str
    metrics: str
    require: tuple[str, ...]
    baseline: str
    on_missing: Literal["fail", "pass"]
    on_fail: Literal["fail", "warn"]


class Job(NamedTuple):
    """One job, with everything it takes from defaults already in place."""

    id: str
    """`stage.name`, stable over edits of other jobs."""
    name: str
    stage: str
    key: str
    """A short name, unique in the pipeline even when case is ignored: `name`, or `stage-name` where that is taken."""
    position: Position
    run: str
    """The script, one or more lines, without a final newline; empty for a gate."""
    gate: GateCheck | None
    setup: str
    finally_: str
    python: str
    image: str
    runner: Runner
    caches: tuple[Cache, ...]
    env: tuple[tuple[str, str], ...]
    secrets: tuple[SecretUse, ...]
    matrix: Matrix | None
    edges: tuple[Edge, ...]
    condition: Condition
    """Effective: its own and that of all its ancestors over hard edges. The triggers' own filters come on top."""
    outs: tuple[str, ...]
    metrics: tuple[str, ...]
    plots: tuple[str, ...]
    exports: tuple[Export, ...]
    reports: Reports
    bundles: tuple[Bundle, ...]
    takes: tuple[Take, ...]
    timeout: int
    """Seconds that the command may take; 0 where the spec gives none."""
    retry: int
    allow_failure: bool
    environment: Environment | None
    lock: str

    @property
    def deploys(self) -> bool:
        """Whether the job deploys: by its environment, or by standing in the stage `deploy`."""
        return self.stage == "deploy" or (self.environment is not None and self.environment.deployment)

    @property
    def approval(self) -> bool:
        """Whether somebody must approve before the job runs."""
        return self.environment is not None and self.environment.approval

    @property
    def files(self) -> tuple[str, ...]:
        """Every path that leaves the job for other jobs."""
        return tuple(dict.fromkeys((*self.outs, *self.metrics, *self.plots)))

    @property
    def waits(self) -> tuple[Edge, ...]:
        """The edges that no other edge implies: what a target has to say."""
        return tuple(edge for edge in self.edges if not edge.implied)


class Schedule(NamedTuple):
    """A timed run: its name, its cron expression in UTC, its branch, and the stages it is for (empty: see design)."""

    name: str
    cron: str
    branch: str
    stages: tuple[str, ...]
    position: Position


class Input(NamedTuple):
    """A typed input of a manual run; its variable is MLGEN_INPUT_NAME in capitals. `default` is already text."""

    name: str
    type: Literal["string", "integer", "number", "boolean", "choice"]
    default: str
    options: tuple[str, ...]
    description: str

    @property
    def variable(self) -> str:
        """The environment variable that carries it."""
        return "MLGEN_INPUT_" + self.name.upper().replace("-", "_")


class Triggers(NamedTuple):
    """Which events start a run. `condition` filters each kind; an absent kind is False."""

    condition: Condition
    push_branches: tuple[str, ...]
    """Globs, `!` subtracts; empty with push on means every branch."""
    pull_request_branches: tuple[str, ...]
    tags: tuple[str, ...]
    schedules: tuple[Schedule, ...]
    inputs: tuple[Input, ...]

    def on(self, kind: str) -> bool:
        """Whether events of this kind start runs at all."""
        return self.condition.on(kind) is not False


class TargetOptions(NamedTuple):
    """What the spec says of one target: its options and its chosen fallbacks."""

    name: str
    options: Options
    fallbacks: tuple[tuple[str, str], ...]
    position: Position

    def fallback(self, construct: str) -> str:
        """The fallback chosen for the construct, or empty."""
        return dict(self.fallbacks).get(construct, "")

    def option(self, name: str, default: object = None) -> object:
        """An option of the target, or the default."""
        return dict(self.options).get(name, default)


class Pipeline(NamedTuple):
    """The whole graph of one spec."""

    spec: str
    """The spec's path relative to the project's root, as headers name it."""
    name: str
    owners: tuple[str, ...]
    repository: str
    default_branch: str
    triggers: Triggers
    cancel: tuple[str, ...]
    """Kinds of events of which a newer run cancels the older."""
    env: tuple[tuple[str, str], ...]
    secrets: tuple[Secret, ...]
    environments: tuple[Environment, ...]
    stages: tuple[str, ...]
    jobs: tuple[Job, ...]
    """In the order of the stages and, within one, as written."""
    targets: tuple[TargetOptions, ...]

    def job(self, job_id: str) -> Job:
        """The job of this id; KeyError if there is none."""
        for job in self.jobs:
            if job.id == job_id:
                return job
        raise KeyError(job_id)

    def stage_jobs(self, stage: str) -> tuple[Job, ...]:
        """The jobs of a stage, as written."""
        return tuple(job for job in self.jobs if job.stage == stage)

    def secret(self, name: str) -> Secret:
        """The declared secret of this name; KeyError if there is none."""
        return {secret.name: secret for secret in self.secrets}[name]

    def trigger(self, kind: str) -> Expr:
        """The triggers' own filter on events of this kind."""
        return self.triggers.condition.on(kind)
