"""The values that jobs and pipelines are made of, with no word of any CI system.

Every value is frozen. Durations are seconds. Paths are relative to the project's root and use `/`.
"""

from __future__ import annotations

from mlgen.diagnostics import Position
from mlgen.named import NamedTuple
from mlgen.typed import Literal

Options = tuple[tuple[str, object], ...]
"""A target's own words from the spec, as sorted pairs: only that target reads them."""


class SecretUse(NamedTuple):
    """A job sees the secret `name` as the variable `variable`; with `file`, as the path of a file that holds it."""

    variable: str
    name: str
    file: bool
    position: Position


class Secret(NamedTuple):
    """A declared secret; `environments` empty means unbound. `options` holds target-specific ids, by target.

    `file`: jobs see the path of a file that holds it. `plain`: a variable of the CI system that is not masked.
    """

    name: str
    file: bool
    plain: bool
    environments: tuple[str, ...]
    options: tuple[tuple[str, Options], ...]
    position: Position

    def on(self, target: str) -> dict[str, object]:
        """What the spec says of this secret for the target, in that target's own words."""
        return dict(dict(self.options).get(target, ()))


class Approval(NamedTuple):
    """Somebody must approve before a job runs: who may (empty: whoever the CI system lets), and what they are asked."""

    by: tuple[str, ...] = ()
    prompt: str = ""


class Environment(NamedTuple):
    """A place that jobs deploy to; `deployment` False means that it only scopes secrets.

    `url` may hold references such as `${url}`, to values that the job exports or sees.
    """

    name: str
    approval: Approval | None
    deployment: bool
    url: str
    position: Position


class Container(NamedTuple):
    """How a job's image is run. `user`, `entrypoint` and `pull` None or empty: as the image and the system have it.

    `options` are those of `docker run`. `username` and `password` name secrets for a private registry; the job's
    own scripts do not see these.
    """

    user: str = ""
    options: tuple[str, ...] = ()
    entrypoint: str | None = None
    pull: Literal["", "always", "missing"] = ""
    username: str = ""
    password: str = ""


class Built(NamedTuple):
    """The image that the job `job` builds, and another one runs in.

    `name` is without a tag, and `tagged` with one that tells the commit (`${MLGEN_COMMIT}`), empty if none does.
    `variable` is the exported value that holds it by digest. `login` is `host` if the code host's own token fetches it.
    """

    job: str
    name: str
    tagged: str
    variable: str
    login: Literal["", "host"] = ""


class Service(NamedTuple):
    """A container beside the job, reached at the host in `variable` and at its ports.

    `ready` is a command that succeeds inside the service once it is ready; empty: nothing is waited for but its ports.
    """

    name: str
    image: str
    env: tuple[tuple[str, str], ...]
    ports: tuple[int, ...]
    ready: str
    command: tuple[str, ...]

    @property
    def variable(self) -> str:
        """The environment variable that holds its host name."""
        return "MLGEN_HOST_" + self.name.upper().replace("-", "_")


class Checkout(NamedTuple):
    """One repository that is checked out: the project's own if `repository` is empty.

    `depth` 0 is the whole history, None what the CI system does by itself. `token` names a secret. `path` is relative
    to the project's root.
    """

    repository: str = ""
    path: str = ""
    token: str = ""
    ref: str = ""
    depth: int | None = None
    lfs: bool = False
    submodules: Literal["", "true", "recursive"] = ""


class Oidc(NamedTuple):
    """An identity token that the CI system issues to the job.

    `kind` is a cloud (`aws`, `gcp`, `azure`), with its `options`, or `token`: then `variable` holds the token itself,
    for `audience` in the options.
    """

    kind: Literal["aws", "gcp", "azure", "token"]
    options: tuple[tuple[str, str], ...]
    variable: str = ""


class Keep(NamedTuple):
    """Files kept with the run for people: for so many days (0: as the system does), also after a failure or not."""

    paths: tuple[str, ...]
    days: int
    result: Literal["success", "any"]


class Step(NamedTuple):
    """One step of a job: `run`, or, on the targets in `natives`, that target's own words."""

    name: str
    run: str
    natives: tuple[tuple[str, object], ...]

    def on(self, target: str) -> object | None:
        """The step in the target's own words, or None: then `run` is what it does."""
        return dict(self.natives).get(target)


class Change(NamedTuple):
    """A set of paths (globs, folders) of which a condition asks whether one has changed; `against` a branch, or empty.

    The field of the condition is `changed:NAME`, with the pattern `true`.
    """

    name: str
    paths: tuple[str, ...]
    against: str

    @property
    def field(self) -> str:
        """The condition's field that stands for it."""
        return f"changed:{self.name}"


class Edit(NamedTuple):
    """One change of a target's native file: the value at `route` in the mapping of `job` (empty: of the whole file).

    `value` None removes what is there; mappings in between are made where there are none.
    """

    job: str
    route: tuple[str, ...]
    value: object
    position: Position


class Override(NamedTuple):
    """What the spec changes in a target's native file by itself; `accept` is its reason, or empty.

    `hooks` are texts in the file's own language, by the name of their place: name, text and position.
    """

    edits: tuple[Edit, ...]
    hooks: tuple[tuple[str, str, Position], ...]
    accept: str
    position: Position

    def hook(self, name: str) -> str:
        """The text of the hook, or empty."""
        return next((text for known, text, _ in self.hooks if known == name), "")


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
    A barrier with files is on one of several jobs that make a path on different events: they come if it runs.
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
    """A job receives the bundle `bundle` of the job `job`; `optional`: only if that has run (and made it)."""

    job: str
    bundle: str
    paths: tuple[str, ...]
    optional: bool = False


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
    """One leg of a matrix: its slug (unique in the job) and its values in the order of the axes.

    `python`, `image` and `runner` (a name among `Job.runners`) are the leg's own, and differ only as `Job.varies` says.
    """

    slug: str
    values: tuple[tuple[str, str], ...]
    python: str = ""
    image: str = ""
    runner: str = ""


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
    """A gate: the metrics file is judged against each requirement.

    `baseline` is a file's path, or empty; `branch` is one on which the metrics file itself is the baseline. A gate that
    fails by `stop` stays green, and what waits for it is skipped: it exports `variable` with the value `stopped`.
    """

    name: str
    metrics: str
    require: tuple[str, ...]
    baseline: str
    on_missing: Literal["fail", "pass"]
    on_fail: Literal["fail", "warn", "stop"]
    branch: str = ""

    @property
    def variable(self) -> str:
        """The exported variable that tells how a gate that may stop has judged: `passed` or `stopped`."""
        return "MLGEN_GATE_" + self.name.upper().replace("-", "_")
