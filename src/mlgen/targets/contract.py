"""The one contract that every target fulfils: `src/mlgen/targets/NAME/__init__.py` holds a `TARGET` of this type."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping

from mlgen.diagnostics import Diagnostic
from mlgen.ir import Job, Pipeline
from mlgen.ir.paths import from_project
from mlgen.named import NamedTuple
from mlgen.typed import TYPE_CHECKING, Any, Literal

if TYPE_CHECKING:
    from mlgen.readback import Reading

BY_HAND = "manual"
"""The name of a run by hand of one project, where several share a run: `churn/manual`. See `together`."""


class Capability(NamedTuple):
    """How a target says one construct.

    `weaker`: what is lost against the meaning of the language; empty means nothing.
    `fallbacks`: what the spec may choose under `targets.NAME.fallback.CONSTRUCT`, each with its meaning. The name
    `skip` is known to the compiler: the jobs that need the construct, their dependents over hard edges, and the
    deployments that would wait for them are left out for this target. So is `run`: nothing is reused. Every other name
    only tells the target, and silences the diagnostic.
    `default`: what happens when the construct is used and no fallback is chosen: nothing, a warning, or a refusal.
    """

    construct: str
    level: Literal["native", "emulated", "unsupported"]
    how: str
    weaker: str = ""
    fallbacks: tuple[tuple[str, str], ...] = ()
    default: Literal["", "warn", "refuse"] = ""


class Output(NamedTuple):
    """One file to emit: `template` is below `templates/`, `view` is all that it may print."""

    path: str
    template: str
    view: Mapping[str, Any]
    comment: str = "#"
    """How a line of comment begins in this file; the header is written with it."""


class Part(NamedTuple):
    """A file of one project that its repository's root file includes; `path` and `spec` count from that root."""

    path: str
    spec: str
    text: str


class Fragment(NamedTuple):
    """A target's part of a file that all targets share, such as `.mlgen/env.sh`.

    `commands` are those that it adds to ci.py, with a line of help each. `needed` tells whether the pipeline asks for
    them; without it the part is there whenever the file is.
    """

    target: str
    path: str
    template: str
    commands: tuple[tuple[str, str], ...] = ()
    needed: Callable[[Pipeline], bool] | None = None


class Setting(NamedTuple):
    """Something that must be set in the CI system itself, since the file cannot say it."""

    title: str
    detail: str
    must: bool
    """Whether the pipeline is unsafe or does not work without it."""


class Signs(NamedTuple):
    """By what a project shows that it uses the CI system; `mlgen init` looks for it."""

    files: tuple[str, ...]
    """Paths below the repository's root; the last part may be a glob."""
    hosts: tuple[str, ...] = ()
    """Code hosts that the system is part of, as globs."""
    registry: str = ""
    """Where such a host keeps the images of a repository, with `{host}` and `{path}` for its address."""


class Hook(NamedTuple):
    """A place in a native file that is no YAML, where the spec's `overrides.NAME.hooks` may print text of their own.

    `harmless` matches the texts that cannot change what the pipeline means, and so need no reason.
    """

    name: str
    description: str
    example: str
    harmless: str = "(?!)"


class Target(NamedTuple):
    """A CI system."""

    name: str
    title: str
    outputs: Callable[[Pipeline], tuple[Output, ...]]
    """The native files, with paths from the repository's root. The pipeline is already without the jobs that a
    fallback leaves out."""
    check: Callable[[Output, str, Pipeline], list[Diagnostic]]
    """Structural faults of a rendered native file: that it parses, its references, its limits. Codes MLG404, MLG601."""
    refuse: Callable[[Pipeline], list[Diagnostic]]
    """What the capability table is too coarse for: limits and single values that this target cannot say."""
    settings: Callable[[Pipeline], tuple[Setting, ...]]
    capabilities: tuple[Capability, ...]
    fragments: tuple[Fragment, ...]
    paths: tuple[str, ...]
    """Where its outputs usually are: looked at when outputs that nobody asks for any longer are removed."""
    signs: Signs
    locate: Callable[[Job, Any], tuple[tuple[str | int, ...], ...]] | None = None
    """Where the mappings of a job are in the data of the first output, if that is YAML: the ways there."""
    harmless: tuple[str, ...] = ()
    """What a patch may touch without a reason: `file.KEY` or `job.KEY`, dotted, `*` one step."""
    read: Callable[[Mapping[str, str]], Reading] | None = None
    """What the native files say, read from their texts (by path) alone. An Unread says what could not be read."""
    eased: Callable[[Pipeline], frozenset[str]] = lambda _: frozenset()
    """The aspects in which the files may differ from the pipeline, by fallbacks that the spec chose and by limits that
    the capability table documents: see `mlgen.verify.meaning`."""
    hooks: tuple[Hook, ...] = ()
    beside: str = ""
    """Where a project in a folder of a repository has its native file, each its own: `{name}` and `{root}` stand for
    its name and its folder."""
    whole: Callable[[tuple[Part, ...]], Output] | None = None
    """Of a system that reads one file for all projects of a repository: that file, which includes the first output of
    each. All projects share one run then, so that names of jobs and events are told apart (see `adapt`)."""


def own_path(pipeline: Pipeline, usual: str, beside: str) -> str:
    """Where the project has its native file: at the usual path, or, in a folder of a repository, at `Target.beside`."""
    return beside.format(name=pipeline.name, root=pipeline.root) if pipeline.root else usual


def placed(outputs: Iterable[Output], root: str) -> tuple[Output, ...]:
    """Native files, whose paths count from the repository's root, as the project's folder sees them."""
    return tuple(output._replace(path=from_project(root, output.path)) for output in outputs)
