"""What would run, as a target's reader recovers it from the emitted text: no word of the spec, no comment is used."""

from collections.abc import Callable, Mapping
from typing import Literal

from mlgen.ir.events import Event
from mlgen.named import NamedTuple

Route = tuple[str | int, ...]
"""Where something stands: the way to it in the file's data, or `(LINE,)` where the file is no data."""

End = Literal["success", "failure", "skipped", "left"]
"""How a job ended for those that wait for it. `left`: it started, and decided itself that it is not to run."""


class Start(NamedTuple):
    """Whether a job starts.

    `run`; `wait`: runs once a person agrees; `skip`: does not start; `left`: starts and decides that it is not to run,
    so that its command is not executed; `fail`: starts and fails since another one has (a job that judges others).
    """

    state: Literal["run", "wait", "skip", "left", "fail"]
    why: str = ""
    """The condition that decided, as the file has it."""


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
    services: tuple[tuple[str, str], ...] = ()
    """Host name and image of each, sorted."""
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
    caches: frozenset[str] = frozenset()
    """The paths of its caches."""
    environment: str = ""
    lock: str = ""
    allow_failure: bool = False
    runner: str = ""
    """The machine that it asks for, in the system's own words: texts that are equal mean the same machine."""


class Reading(NamedTuple):
    """What one target's files say."""

    jobs: tuple[SeenJob, ...]
    starts: Callable[[Event], bool]
    """Whether the event starts a run: the file's own triggers."""
    decide: Callable[[SeenJob, Event, Mapping[str, End]], Start]
    """Whether the job starts on the event, where the jobs that it needs ended so; native names."""
    one_shell: bool = False
    """Whether a variable that one script of a job exports is there in the ones after it."""
    cancels: tuple[str, ...] = ()
    """The kinds of events of which a newer run cancels the older one."""
