"""What would run, as a target's reader recovers it from the emitted text: no word of the spec, no comment is used."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from mlgen.ir.events import Event
from mlgen.named import NamedTuple
from mlgen.typed import Literal

Route = tuple[str | int, ...]
"""Where something stands: the way to it in the file's data, or `(LINE,)` where the file is no data."""

End = Literal["success", "failure", "skipped", "left"]
"""How a job ended for those that wait for it. `left`: it started, and decided itself that it is not to run."""


class Start(NamedTuple):
    """Whether a job starts.

    `run`; `wait`: runs once a person agrees; `skip`: does not start; `left`: starts and decides that it is not to run,
    so that its command is not executed; `fail`: starts and fails since another one has (a job that judges others);
    `refused`: starts and fails before its command, as what it checks first does not hold.
    """

    state: Literal["run", "wait", "skip", "left", "fail", "refused"]
    why: str = ""
    """The condition that decided, as the file has it."""
    lock: str | None = None
    """The lock that it holds on this event, where that depends on the event."""
    results: tuple[tuple[str, str], ...] | None = None
    """What it is told of how others ended: `MLGEN_RESULT_…` and `success`, `failure` or `skipped`; None: not told."""


class Script(NamedTuple):
    """One text that a shell of the job executes, without what the target itself puts around it.

    `when`: `success` (the job has not failed so far), `failure` or `always`. `folder`: where it runs, relative to the
    project's root, if the file says so outside of the text. `tries`: how often the system runs it until it succeeds.
    `timeout`: seconds after which the system itself ends it, 0 if only the text bounds it.
    """

    text: str
    when: Literal["success", "failure", "always"] = "success"
    folder: str = ""
    tries: int = 1
    timeout: int = 0
    secrets: tuple[tuple[str, str], ...] = ()
    """The variables in which it sees secrets, with the secrets' names, sorted."""
    route: Route = ()
    shell: str = ""
    """The shell of the job in which it runs: a variable that one script exports is there in the ones after it of the
    same name. Empty: a shell of its own."""
    more: tuple[str, ...] = ()
    """What the file says of it beyond all this, such as another shell: only a step in the target's own words may."""
    raw: str = ""
    """The text as the file has it, where the system reads it otherwise; empty: as `text`."""
    passed: frozenset[str] | None = None
    """The variables that reach it, where it runs in a container that is given these only; None: all of its job."""
    native: bool = False
    """Whether it is no script, but a step in the system's own words, which takes a token by itself."""


class Served(NamedTuple):
    """A container beside a job, or what its machine itself starts: how it is called, and by what it is started."""

    host: str
    image: str
    env: tuple[tuple[str, str], ...] = ()
    command: tuple[str, ...] = ()
    options: tuple[str, ...] = ()
    """Words by which it is started that the language does not have."""
    ports: tuple[int, ...] | None = None
    """Those at which the job reaches it that has no container itself; None where the reader does not tell."""
    ready: str | None = None
    """The command for whose success the job waits, empty without one; None where no command is waited for so."""
    waited: frozenset[int] = frozenset()
    """The ports at its address for which the job waits until they answer."""
    shares: bool = False
    """Whether others have the same address, so that such a port may be one of theirs."""


class Cached(NamedTuple):
    """A cache: its paths, and what tells it from others."""

    paths: tuple[str, ...]
    key: str
    """What it is called, but for the content of files."""
    files: frozenset[str] | None = None
    """The files whose content tells it from others; None: the system looks at none."""
    python: str | None = None
    """The version of Python that it is for; None where the reader does not tell."""
    most: int = 0
    """How many files the system can look at; 0: all."""
    home: bool = False
    """Whether the project's folder is the home folder as well, so that a path may be one in either."""


class Fetched(NamedTuple):
    """A repository that is checked out; fields as those of a checkout of the pipeline. `token`: None: not told."""

    repository: str = ""
    path: str = ""
    ref: str = ""
    depth: int | None = None
    lfs: bool = False
    submodules: str = ""
    token: str | None = None


class SeenJob(NamedTuple):
    """One job of the file, or one leg of it.

    `job` is the value of MLGEN_JOB in its environment: the spec's id, or empty in a job that the target adds. Helpers
    of the target (checking out, caches, receiving and handing on files, checks that files are there, the portable
    variables, reports) are no scripts: they are read into the other fields, and a helper that is not understood stays
    among the scripts, where it is a command that the spec does not have.
    """

    name: str
    job: str
    route: Route = ()
    leg: tuple[tuple[str, str], ...] = ()
    """The values of its axes, as environment variables; empty without a matrix."""
    needs: tuple[str, ...] = ()
    """The native names of the jobs that have ended when it starts."""
    scripts: tuple[Script, ...] = ()
    portable: bool = True
    """Whether the portable variables are set for its scripts."""
    image: str = ""
    python: str = ""
    """The version of Python that it asks for, by whatever means."""
    services: tuple[Served, ...] = ()
    env: tuple[tuple[str, str], ...] = ()
    """Variables with literal values, of the whole file and its own, sorted."""
    secrets: tuple[tuple[str, str], ...] = ()
    """All secrets that reach the job: variable and name, sorted."""
    takes: frozenset[str] = frozenset()
    """The paths that it receives from other jobs."""
    hands: frozenset[str] = frozenset()
    """The paths that others can receive from it."""
    requires: frozenset[str] = frozenset()
    """The paths of which the job itself checks that its command made them."""
    reports: frozenset[str] = frozenset()
    """The paths of test reports that the system is shown."""
    kept: frozenset[str] = frozenset()
    exports: frozenset[str] = frozenset()
    """The values that it passes on: `NAME`, or `NAME=FILE:KEY` where they come from a JSON file."""
    caches: tuple[Cached, ...] = ()
    """What it begins with of earlier runs and keeps for later ones."""
    environment: str | None = ""
    """None: the system has no environments."""
    lock: str = ""
    allow_failure: bool = False
    runner: str = ""
    """The machine that it asks for, in the system's own words: texts that are equal mean the same machine."""
    # What follows is None where a target's reader does not tell.
    sources: frozenset[tuple[str, str]] | None = None
    """The paths that it receives, each with the id of the job that made it."""
    own: frozenset[str] | None = None
    """The variables in `env` that are the target's own, each with just the value that it needs."""
    guarded: bool | None = None
    """Whether it refuses to replace a newer deployment."""
    limit: int | None = None
    """Seconds after which the system ends the whole job."""
    files: frozenset[str] | None = None
    """The variables that hold the path of a file with the secret, instead of the secret."""
    permissions: frozenset[str] | None = None
    """What the job's token may do on the code host: `SCOPE:ACCESS`, in the language's words."""
    identities: frozenset[str] | None = None
    """The identity tokens that it asks for: a cloud, or the variable of a token."""
    checkouts: tuple[Fetched, ...] | None = None
    container: tuple[str, ...] | None = None
    """The words of `docker run` that the file has for its image."""
    parallel: int | None = None
    """How many legs may run at once; 0: all."""
    sees: frozenset[str] | None = None
    """The exported values that reach it from other jobs."""
    shown: frozenset[str] | None = None
    """Coverage reports (`FORMAT:PATH`) and summaries that the system is shown."""
    compares: frozenset[str] | None = None
    """The jobs of which it checks that no two legs made the same file."""
    deployment: bool | None = None
    """Whether its environment counts as deployed to, and is not only there for its secrets."""
    against: frozenset[str] | None = None
    """The branches with which its conditions compare."""
    lists: bool | None = None
    """Whether a leg says which files it made, so that others can check that."""
    refs: frozenset[str] | None = None
    """The refs, `refs/heads/…` and `refs/tags/…`, from which it lets itself deploy, whatever its condition says: globs
    whose `*` is any text, `!` subtracts; empty: from all."""
    login: tuple[str, str] | None = None
    """The secrets with which its image is fetched: a user's name and a password; `host` twice: by what the code host
    gives every job; empty: none."""
    pull: str | None = None
    """When its image is fetched anew, in the language's words."""
    days: frozenset[tuple[str, int]] | None = None
    """For how many days each path is kept, 0: as the system does."""
    late: frozenset[str] | None = None
    """The paths that leave the job also after its command has failed."""
    fresh: bool | None = None
    """Whether it has no caches where it makes what is released."""
    url: str | None = None
    """The address of its environment, with the language's references."""
    grants: frozenset[tuple[str, str]] | None = None
    """What its identity tokens are for: `CLOUD.OPTION`, or the variable of a token, and the value."""
    prompt: str | None = None
    """What somebody is asked who approves."""
    system: str | None = None
    """The system of its machine, where the file asks for one that everybody has; empty: it asks for another."""
    approvers: frozenset[str] | None = None
    """Who may agree, where it waits for that; empty: whoever the system lets."""
    patience: int | None = None
    """Seconds after which nobody can agree any longer; 0: that is never so."""
    started: tuple[str, ...] | None = None
    """The words of the entry point that its image is given, one empty word for none at all; empty: its own."""
    sealed: frozenset[str] | None = None
    """The secrets that stand in the file itself, encrypted, and reach the job."""
    seeds: frozenset[str] | None = None
    """The branches of which others may begin with the caches."""
    apart: bool | None = None
    """Whether people are shown what is in `kept` alone, and not what it hands on."""
    tidy: bool | None = None
    """Whether nothing that it leaves is there for what runs on its machine later."""
    idle: bool | None = None
    """Whether it takes a machine or a lock before it is known that it runs."""


class Reading(NamedTuple):
    """What one target's files say."""

    jobs: tuple[SeenJob, ...]
    starts: Callable[[Event], bool]
    """Whether the event starts a run: the file's own triggers."""
    decide: Callable[[SeenJob, Event, Mapping[str, End]], Start]
    """Whether the job starts on the event, where the jobs that it needs ended so; native names."""
    one_shell: bool = False
    """Whether a variable that one script of a job exports is there in the ones after it."""
    ends: Callable[[SeenJob, Event], bool] | None = None
    """Whether a newer run of the event ends the job in the older one, where it has started; None: not told."""
    copies: bool = False
    """Whether `decide` tells a copy of the repository (`Event.repository`) from the project's own."""
    reaches: Callable[[SeenJob, str, tuple[str, ...]], bool] | None = None
    """Where the system itself holds the secrets and the files name none: whether a secret of this name, bound to these
    environments (empty: to none), reaches the job as a variable of that name. None: `SeenJob.secrets` are all."""
    open: bool = False
    """Whether the secrets that are plain variables of the system itself reach all jobs without a word of the files."""
    holds: Callable[[SeenJob, str, tuple[str, ...]], bool] | None = None
    """The same of a secret that reaches the job in any way, such as under another name; None: `SeenJob.secrets` do."""
    usual: Callable[[str], bool] | None = None
    """Whether a job that asks for no image may run in this one (empty: in none); None: not told."""
    cancels: tuple[str, ...] | None = None
    """The kinds of events of which a newer run cancels the older one; None: the reader does not tell."""
    schedules: tuple[tuple[str, str], ...] | None = None
    """Name, as MLGEN_SCHEDULE has it, and cron of each schedule; None: not told."""
    inputs: tuple[tuple[str, str, tuple[str, ...]], ...] | None = None
    """Name, default and options of each input that a run can be given, sorted; None: not told. Where the file has the
    inputs as the variables MLGEN_INPUT_…, these are the names, and the options are sorted."""
    required: frozenset[str] | None = None
    """The native names of the jobs of which a failure fails a job that reports on every run; None: not told."""
    bare: str | None = None
    """What `SeenJob.runner` is where the file asks for no machine; None: not told."""
    root: str | None = None
    """The project's folder in the repository, in which scripts run; None: not told."""
    asks: Callable[[object], str] | None = None
    """What `SeenJob.runner` is where the spec asks for a runner in the target's own words."""
    unrolled: bool = False
    """Whether each leg of a matrix is a job of its own in the file: its paths are those of the leg, and `SeenJob.leg`
    holds all variables of the job, its axes among them."""
