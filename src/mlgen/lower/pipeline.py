"""The order of lowering: each step takes what the one before made, and all faults are reported together."""

from __future__ import annotations

from mlgen.diagnostics import Diagnostic, SpecError
from mlgen.ir import paths
from mlgen.ir.model import Job, Pipeline, TargetOptions, Triggers
from mlgen.ir.order import weigh
from mlgen.ir.source import Source
from mlgen.ir.values import Change, Override, Secret
from mlgen.lower import checks, files, graph, jobs, runtime
from mlgen.lower.changes import changes
from mlgen.lower.events import triggers
from mlgen.lower.when import effective


def lower(source: Source) -> tuple[Pipeline, tuple[Diagnostic, ...]]:
    """The pipeline, and warnings; a SpecError holds every fault of references, order and conditions."""
    faults: list[Diagnostic] = list(checks.references(source))
    if source.data["overrides"]:
        from mlgen.lower import overrides

        faults += overrides.references(source)
    fired, found = triggers(source)
    faults += found
    if faults:
        raise SpecError(faults)
    edged, found = graph.edges(source, jobs.drafts(source))
    faults += [*found, *checks.drafts(source, edged, fired.inputs)]
    if faults:
        raise SpecError(faults)
    asked, found = changes(source, edged)
    faults += found
    if faults:
        raise SpecError(faults)
    conditioned, found = effective(source, edged, fired, asked)
    faults += found
    linked = weigh(conditioned, fired)
    handed, found = files.bundles(linked)
    faults += found
    pipeline = _assemble(source, fired, handed, asked)
    faults += checks.pipeline(source, pipeline)
    errors = [fault for fault in faults if fault.severity == "error"]
    if errors:
        raise SpecError(faults)
    return pipeline, tuple(faults)


def _assemble(source: Source, fired: Triggers, handed: tuple[Job, ...], asked: dict[str, Change]) -> Pipeline:
    data = source.data
    project = data["project"]
    return Pipeline(
        spec=source.file,
        name=project["name"],
        owners=tuple(project["owners"]),
        repository=project["repository"],
        default_branch=project["default_branch"],
        triggers=fired,
        cancel=tuple(kind for kind in ("push", "pull_request") if kind in data["cancel"]),
        env=runtime.variables(data["env"])[0],
        secrets=tuple(
            Secret(
                name,
                s["file"],
                s["plain"],
                tuple(s["environments"]),
                tuple(sorted((target, tuple(sorted(words.items()))) for target, words in s["options"].items())),
                source.at("secrets", name),
            )
            for name, s in data["secrets"].items()
        ),
        environments=tuple(jobs.environment(source, name) for name in data["environments"]),
        stages=tuple(data["stages"]),
        jobs=handed,
        targets=tuple(
            TargetOptions(
                name,
                tuple(sorted((k, v) for k, v in options.items() if k != "fallback")),
                tuple(sorted((options.get("fallback") or {}).items())),
                source.at("targets", name),
                _override(source, name) if name in data["overrides"] else None,
            )
            for name, options in data["targets"].items()
        ),
        changes=tuple(dict.fromkeys(asked.values())),
        root=paths.normal(project["root"]),
    )


def _override(source: Source, name: str) -> Override:
    from mlgen.lower.overrides import override

    return override(source, name)
