"""The straight line: load, validate, lower, render, verify. Writing is `write`'s; nothing here touches the disk."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence

from mlgen import targets
from mlgen.diagnostics import Diagnostic, Position, SpecError, error, ordered
from mlgen.emitted import CI, ENV, HOST, REGISTRY, shared_outputs
from mlgen.ir import Pipeline
from mlgen.ir.paths import from_project
from mlgen.ir.source import Source
from mlgen.lower import lower
from mlgen.named import NamedTuple
from mlgen.parallel import spread
from mlgen.render import render
from mlgen.spec import Loaded, load_spec, meaning
from mlgen.targets.adapt import adapt
from mlgen.targets.contract import Output, Target, placed
from mlgen.typed import TYPE_CHECKING, Any
from mlgen.verify import Origin, read_back, verify
from mlgen.write.header import File, with_header
from mlgen.write.lock import LOCK

if TYPE_CHECKING:
    from mlgen.packs.stack import Stack
    from mlgen.packs.templates import Templates


class Compiled(NamedTuple):
    """All that a spec compiles to; `files` are in the order in which they are written.

    `inputs` are the paths of the files besides the spec that it was compiled from.
    """

    pipeline: Pipeline
    files: tuple[File, ...]
    warnings: tuple[Diagnostic, ...]
    inputs: tuple[str, ...] = ()
    packs: tuple[tuple[str, str], ...] = ()
    """The sources of the packs that took part, and the digests of their content."""


def pinned_packs(root: str, loaded: Loaded) -> Stack | None:
    """The packs that the spec extends, as `mlgen.lock` pins them; None if there are none."""
    if not isinstance(loaded.data, dict) or "extends" not in loaded.data:
        return None
    from mlgen.packs.pins import pinned
    from mlgen.packs.stack import stacked

    return stacked(loaded, pinned(root))


def analyse(root: str, spec: str, text: str | None = None) -> tuple[Pipeline, tuple[Diagnostic, ...]]:
    """The pipeline that the spec means, and warnings; a SpecError says everything that is wrong.

    With `text`, that is the spec, which need not be on the disk.
    """
    loaded = load_spec(root, spec, text)
    packs = pinned_packs(root, loaded)
    return _lowered(meaning(root, packs.merged if packs else loaded))


def _lowered(read: Source) -> tuple[Pipeline, tuple[Diagnostic, ...]]:
    pipeline, warnings = lower(read)
    return pipeline, (*read.warnings, *warnings)


def compile_spec(
    root: str,
    spec: str,
    only: Sequence[str] = (),
    packs: Callable[[str, Loaded], Stack | None] = pinned_packs,
    text: str | None = None,
    processes: int = 1,
    proved: bool = True,
) -> Compiled:
    """Compile `root/spec` for its targets (with `only`: for some of them), verified, without writing anything.

    `packs` gives the packs of the spec; by default those that the lock pins. `text` is as in `analyse`. With more than
    one of `processes`, targets are worked on at the same time. Unless `proved`, what is rendered is not read back: for
    a comparison with files that were when they were written.
    """
    loaded = load_spec(root, spec, text)
    stack = packs(root, loaded)
    read = meaning(root, stack.merged if stack else loaded)
    pipeline, warnings = _lowered(read)
    overlay = stack.templates() if stack else None
    wanted = [options.name for options in pipeline.targets]
    missing = [name for name in only if name not in wanted]
    if missing:
        hint = f"it names {', '.join(wanted)}"
        raise SpecError(
            [error("MLG405", Position(spec), f"the spec does not name the target {n}", hint) for n in missing]
        )
    chosen = [targets.get(name) for name in wanted if not only or name in only]
    faults: list[Diagnostic] = []
    files: list[File] = []
    for emitted, found in spread(lambda t: _plain(*_emit(t, root, pipeline, overlay, proved)), chosen, processes):
        files += [File(*file) for file in emitted]
        faults += [Diagnostic(Position(*at), *rest) for at, *rest in found]
    if pipeline.root and not only:
        others = (targets.get(name) for name in targets.names() if name not in wanted)
        for target in others:
            files += _common(target, root, pipeline, None, faults) if target.whole else []
    # A shared file holds the parts of all targets of the spec, whichever are compiled now.
    files += _shared(pipeline, [targets.get(name) for name in wanted])
    if overlay:
        taken = {*usual_paths(), LOCK, spec, *(file.path for file in files)}
        added = overlay.files(pipeline, taken)
        files += [with_header(output, output.text, spec, "", pipeline.root) for output in added]
    if any(d.severity == "error" for d in faults):
        raise SpecError([*faults, *warnings])
    said = ordered([*faults, *warnings])
    return Compiled(pipeline, tuple(files), said, read.inputs, stack.used() if stack else ())


def _plain(files: list[File], faults: list[Diagnostic]) -> tuple[list[Any], list[Any]]:
    """Both as values that go from one process to another."""
    return [tuple(file) for file in files], [(tuple(at), *rest) for at, *rest in faults]


def _emit(
    target: Target, folder: str, whole: Pipeline, overlay: Templates | None, proved: bool
) -> tuple[list[File], list[Diagnostic]]:
    """The target's files, verified, and what is to be said of them; no files where it cannot say the pipeline."""
    pipeline, faults = adapt(whole, target)
    files: list[File] = []
    if any(d.severity == "error" for d in faults):
        return files, faults
    texts: dict[str, str] = {}
    override = next(options.override for options in pipeline.targets if options.name == target.name)
    native = target.outputs(pipeline)
    for index, output in enumerate(placed(native, pipeline.root)):
        overridden = overlay is not None and output.template in overlay.over
        text = (overlay.render if overlay and overridden else render)(output.template, output.view)
        found = verify(target, output, text, pipeline)
        if override is not None and index == 0:
            from mlgen.overrides import changed

            text, found = changed(target, override, output, text, found, pipeline)
        faults += overlay.hinted(output.template, found) if overlay and overridden else found
        texts[native[index].path] = text
        files.append(with_header(output, text, pipeline.spec, target.name, pipeline.root))
    if proved and not (override and override.accept) and not any(d.severity == "error" for d in faults):
        if pipeline.root and target.whole:
            from mlgen.monorepo import with_whole

            texts = with_whole(target, pipeline, texts)
        above = files[0].text.count("\n") - texts[native[0].path].count("\n")
        faults += read_back(target, texts, pipeline, above, lambda: _origins(native[0], overlay))
    if pipeline.root and target.whole:
        files += _common(target, folder, pipeline, files[0], faults)
    return files, faults


def _origins(output: Output, overlay: Templates | None) -> list[Origin]:
    """Where each line of the output comes from."""
    from mlgen.render.trace import trace

    layers = overlay.over.get(output.template, ()) if overlay else ()
    packs = {layer.file for layer in layers}
    found = []
    for line in trace(output.template, output.view, layers):
        refs = [piece.refs[-1] for piece in line if piece.refs and piece.text.strip()]
        place = f"{refs[0].template}:{refs[0].line}" if refs else ""
        found.append(Origin(place, bool(refs) and all(ref.template in packs for ref in refs)))
    return found


def _common(
    target: Target, folder: str, pipeline: Pipeline, own: File | None, faults: list[Diagnostic]
) -> Iterable[File]:
    """The file in which all projects of the repository have a share; `own` is None where this one has none."""
    from mlgen.monorepo import root_file

    file, found = root_file(target, folder, pipeline, own)
    faults += found
    return [file] if file else []


def _shared(pipeline: Pipeline, chosen: Iterable[Target]) -> list[File]:
    outputs = shared_outputs(pipeline, chosen)
    root = pipeline.root
    return [with_header(o, render(o.template, o.view), pipeline.spec, "", root) for o in outputs]


def usual_paths(pipeline: Pipeline | None = None) -> tuple[str, ...]:
    """Where outputs may stand from an earlier compilation, of whichever target, seen from the project's folder."""
    known = [targets.get(name) for name in targets.names()]
    found = [path for target in known for path in target.paths]
    if pipeline is not None and pipeline.root:
        native = (target.beside.format(name=pipeline.name, root=pipeline.root) for target in known)
        found = [from_project(pipeline.root, path) for path in native]
    return (ENV, CI, REGISTRY, HOST, *found)
