"""The pipeline graph: what a spec means, with no word of any CI system.

Every value is frozen. Durations are seconds. Paths are relative to the project's root and use `/`.
"""

from __future__ import annotations

from mlgen.diagnostics import Position
from mlgen.ir.conditions import Condition
from mlgen.ir.expressions import Expr
from mlgen.ir.values import (
    Approval,
    Built,
    Bundle,
    Cache,
    Change,
    Checkout,
    Container,
    Edge,
    Environment,
    Export,
    GateCheck,
    Keep,
    Leg,
    Matrix,
    Oidc,
    Options,
    Override,
    Reports,
    Runner,
    Secret,
    SecretUse,
    Service,
    Step,
    Take,
)
from mlgen.named import NamedTuple
from mlgen.typed import Literal


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
    """The script, one or more lines, without a final newline; empty for a gate, steps, native or a milestone."""
    gate: GateCheck | None
    setup: str
    finally_: str
    python: str
    image: str
    """The image's name; may hold `${MLGEN_COMMIT}` and the like where another job builds it."""
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
    approval: Approval | None = None
    """The job's own, else its environment's."""
    on_failure: str = ""
    """A script that runs when the job's own has failed, before `finally_`."""
    activate: str = ""
    """Lines that head every script of the job but the setup."""
    dynamic: tuple[tuple[str, str], ...] = ()
    """Variables whose values hold references: name, and value as a double-quoted word of the shell."""
    working_directory: str = ""
    """Where the scripts run, relative to the project's root; empty: there."""
    container: Container | None = None
    services: tuple[Service, ...] = ()
    docker: bool = False
    """Whether the job needs a Docker daemon."""
    checkouts: tuple[Checkout, ...] = (Checkout(),)
    """Empty: the job sees no repository."""
    permissions: tuple[tuple[str, str], ...] = ()
    """Of the token in MLGEN_TOKEN on the code host: scope and `read` or `write`. Empty: no token."""
    oidc: tuple[Oidc, ...] = ()
    keep: Keep | None = None
    steps: tuple[Step, ...] = ()
    native: tuple[tuple[str, object], ...] = ()
    """The whole job in targets' own words, by target."""
    result: Literal["", "success", "failure", "any"] = ""
    """Not empty: the job starts once all it waits for has ended, if they ended so."""
    reuse: bool = False
    """Whether the command is left out where an earlier run made the same from the same; it decides that itself."""
    varies: tuple[str, ...] = ()
    """Which of python, image and runner the legs of the matrix have of their own."""
    runners: tuple[Runner, ...] = ()
    """The job's runner, or, where they vary, those of its legs, each once."""
    action: str = ""
    """The key of the language that the script was made of (`register`, `build`, …); empty for a script as written."""
    packages: tuple[str, ...] = ()
    """System packages, which the setup begins by installing."""

    built: Built | None = None
    """The image of another job that this one runs in; then `image` is a reference to what that exports."""

    def runner_of(self, leg: Leg) -> Runner:
        """The runner of this leg."""
        return next((runner for runner in self.runners if runner.name == leg.runner), self.runner)

    @property
    def fetched(self) -> str:
        """The name of the job's image as far as it is known before the run."""
        return self.built.name if self.built else self.image

    @property
    def secret_names(self) -> tuple[str, ...]:
        """The secrets that the job uses in any way."""
        names = [use.name for use in self.secrets]
        if self.container:
            names += [self.container.username, self.container.password]
        names += [checkout.token for checkout in self.checkouts]
        return tuple(dict.fromkeys(name for name in names if name))

    @property
    def milestone(self) -> bool:
        """Whether it does nothing: it succeeds if all that it waits for has, and fails otherwise."""
        return not (self.run or self.gate or self.steps or self.native)

    @property
    def watches(self) -> bool:
        """Whether it starts once all that it waits for has ended, whatever the results are."""
        return bool(self.result) or self.milestone

    @property
    def deploys(self) -> bool:
        """Whether the job deploys: by its environment, or by standing in the stage `deploy`."""
        return self.stage == "deploy" or (self.environment is not None and self.environment.deployment)

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
    """Which events start a run. `condition` filters each kind; an absent kind is False.

    `inputs` are those of manual runs and of all api events together; `manual` has the names of the former, `api`
    each api event with the names of its own.
    """

    condition: Condition
    push_branches: tuple[str, ...]
    """Globs, `!` subtracts; empty with push on means every branch."""
    pull_request_branches: tuple[str, ...]
    tags: tuple[str, ...]
    schedules: tuple[Schedule, ...]
    inputs: tuple[Input, ...]
    manual: tuple[str, ...] = ()
    api: tuple[tuple[str, tuple[str, ...]], ...] = ()

    def asked_on(self, name: str) -> tuple[str, ...]:
        """The events that ask for the input of this name, as MLGEN_EVENT calls them."""
        named = [event for event, inputs in self.api if name in inputs]
        return (*(["manual"] if name in self.manual else []), *named)

    def on(self, kind: str) -> bool:
        """Whether events of this kind start runs at all."""
        return self.condition.on(kind) is not False


class TargetOptions(NamedTuple):
    """What the spec says of one target: its options and its chosen fallbacks."""

    name: str
    options: Options
    fallbacks: tuple[tuple[str, str], ...]
    position: Position
    override: Override | None = None

    def fallback(self, construct: str) -> str:
        """The fallback chosen for the construct, or empty."""
        return dict(self.fallbacks).get(construct, "")

    def option(self, name: str, default: object = None) -> object:
        """An option of the target, or the default."""
        return dict(self.options).get(name, default)


_index: tuple[tuple[Job, ...], dict[str, Job]] = ((), {})
"""The jobs that were last looked up by their ids."""


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
    changes: tuple[Change, ...] = ()
    """What the conditions over `changed:…` ask about."""
    root: str = ""
    """The project's folder in its repository, without slashes around it; empty: the repository is the project."""

    def job(self, job_id: str) -> Job:
        """The job of this id; KeyError if there is none."""
        global _index
        if _index[0] is not self.jobs:
            _index = self.jobs, {job.id: job for job in self.jobs}
        return _index[1][job_id]

    def stage_jobs(self, stage: str) -> tuple[Job, ...]:
        """The jobs of a stage, as written."""
        return tuple(job for job in self.jobs if job.stage == stage)

    def secret(self, name: str) -> Secret:
        """The declared secret of this name; KeyError if there is none."""
        return {secret.name: secret for secret in self.secrets}[name]

    def trigger(self, kind: str) -> Expr:
        """The triggers' own filter on events of this kind."""
        return self.triggers.condition.on(kind)
