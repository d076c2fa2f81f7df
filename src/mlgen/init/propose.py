"""The spec's text, tried before it is written: it compiles for every target, or nothing comes of it."""

from __future__ import annotations

from mlgen import targets
from mlgen.compiler import analyse, compile_spec
from mlgen.diagnostics import Diagnostic, SpecError
from mlgen.init.draft import Draft, whole
from mlgen.init.write import Fallback, spec_text
from mlgen.named import NamedTuple
from mlgen.targets.uses import uses
from mlgen.write.plan import in_the_way


class Proposal(NamedTuple):
    """`outputs` are what `compile` would write; of them `foreign` are there and not mlgen's."""

    text: str
    jobs: tuple[str, ...]
    outputs: tuple[str, ...]
    foreign: tuple[str, ...]
    warnings: tuple[Diagnostic, ...]
    notes: tuple[str, ...] = ()


def propose(root: str, spec: str, content: Draft) -> Proposal:
    """The spec for this content; a SpecError if it would not compile, which only the user's own words can bring about.

    Where a target says a construct in a weaker way, its first fallback is chosen, with a comment that says what it
    means. None is chosen where meaning or safety would change: no construct that would need it is written.
    """
    try:
        return _proposal(root, spec, content)
    except SpecError as err:
        if content.imported is None:
            raise
        first = err.diagnostics[0]
        note = f"the jobs of {content.imported.file} cannot be taken one by one: {first.position}: {first.message}"
        return _proposal(root, spec, whole(content))._replace(notes=(note,))


def _proposal(root: str, spec: str, content: Draft) -> Proposal:
    if content.deploys and not _sayable(root, spec, content):
        content = content._replace(deploys=False)
    text = spec_text(content, {})
    chosen = {name: _fallbacks(root, spec, text, name) for name in content.targets}
    text = spec_text(content, chosen)
    compiled = compile_spec(root, spec, text=text)
    return Proposal(
        text,
        tuple(job.id for job in compiled.pipeline.jobs),
        tuple(file.path for file in compiled.files),
        in_the_way(root, spec, compiled.files, compiled.pipeline.root),
        compiled.warnings,
    )


def _sayable(root: str, spec: str, content: Draft) -> bool:
    """Whether every target says the jobs that build and deploy without a choice that is the user's to make."""
    try:
        text = spec_text(content, {})
        chosen = {name: _fallbacks(root, spec, text, name) for name in content.targets}
        return not compile_spec(root, spec, text=spec_text(content, chosen)).warnings
    except SpecError:
        return False


def _fallbacks(root: str, spec: str, text: str, name: str) -> list[Fallback]:
    pipeline, _ = analyse(root, spec, text)
    return [
        Fallback(capability.construct, *capability.fallbacks[0])
        for capability in targets.get(name).capabilities
        if capability.default == "warn" and capability.fallbacks and any(uses(pipeline, capability.construct))
    ]
