"""A spec with the packs that it extends: all of them read, merged beneath it, and the snippets that its jobs `use`."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from mlgen.diagnostics import Diagnostic, Position, SpecError, error
from mlgen.named import NamedTuple
from mlgen.packs import merge
from mlgen.packs.content import TEMPLATES
from mlgen.packs.pack import Pack, snippet_named, snippet_names, spec_part
from mlgen.packs.sources import Origin, parse
from mlgen.spec.fast_yaml import MappingNode, Node, ScalarNode, SequenceNode
from mlgen.spec.load import Loaded, loaded
from mlgen.typed import TYPE_CHECKING, TypeAlias

if TYPE_CHECKING:
    from mlgen.packs.templates import Templates

MOST_PACKS = 20

Resolver: TypeAlias = Callable[[Origin, Position], Pack]
"""The pack of a source that stands at that position; a SpecError says why it cannot be had."""


class Stack(NamedTuple):
    """The packs of a spec, later ones above, and the spec as it is with them."""

    packs: tuple[Pack, ...]
    merged: Loaded

    def used(self) -> tuple[tuple[str, str], ...]:
        """Each pack's source and the digest of its content, for the lock."""
        return tuple((pack.origin.text, pack.digest) for pack in self.packs)

    def templates(self) -> Templates | None:
        """The templates that the packs bring, checked; None if they bring none, so that Jinja need not be imported."""
        if not any(path.startswith(f"{TEMPLATES}/") for pack in self.packs for path in pack.files) and not any(
            pack.manifest.outputs for pack in self.packs
        ):
            return None
        from mlgen.packs.templates import Templates

        return Templates(self.packs)


def origins(spec: Loaded) -> list[tuple[Origin, Position]]:
    """The sources that `extends` names; a SpecError says which are wrong. Empty where its form is: the schema tells."""
    said = spec.data.get("extends")
    texts = [said] if isinstance(said, str) else said
    if not isinstance(texts, list) or not all(isinstance(text, str) for text in texts):
        return []
    found: list[tuple[Origin, Position]] = []
    faults: list[Diagnostic] = []
    for index, text in enumerate(texts):
        at = spec.position(("extends", index))
        origin = parse(text, at)
        if isinstance(origin, Diagnostic):
            faults.append(origin)
        elif any(origin.text == other.text for other, _ in found):
            faults.append(error("MLG702", at, f"the pack {text} is named twice", "remove one"))
        else:
            found.append((origin, at))
    if len(texts) > MOST_PACKS:
        faults.append(error("MLG702", spec.position(("extends",)), f"more than {MOST_PACKS} packs", "join some"))
    if faults:
        raise SpecError(faults)
    return found


def stacked(spec: Loaded, resolve: Resolver) -> Stack:
    """The spec with its packs; a SpecError says everything that is wrong with them."""
    packs: list[Pack] = []
    faults: list[Diagnostic] = []
    for origin, at in origins(spec):
        try:
            pack = resolve(origin, at)
        except SpecError as err:
            faults += err.diagnostics
            continue
        if any(pack.name == other.name for other in packs):
            faults.append(error("MLG703", at, f"two packs are called {pack.name}", "one of them needs another name"))
        packs.append(pack)
    if faults:
        raise SpecError(faults)
    return Stack(tuple(packs), _merged(spec, packs))


def _merged(spec: Loaded, packs: Sequence[Pack]) -> Loaded:
    root = spec.root
    if not isinstance(root, MappingNode) or not packs:
        return spec
    parts = [part for pack in packs if (part := spec_part(pack)) is not None]
    beneath: Node | None = None
    for part in parts:
        beneath = part if beneath is None else merge.spec_over(part, beneath)
    whole = root if beneath is None else merge.without_empty_stages(merge.spec_over(root, beneath))
    faults: list[Diagnostic] = []
    whole = _with_snippets(whole, packs, spec.file, faults)
    if faults:
        raise SpecError(faults)
    return loaded(spec.text, spec.file, whole)


def _with_snippets(whole: Node, packs: Sequence[Pack], file: str, faults: list[Diagnostic]) -> Node:
    """Each job with `use` laid over the snippets that it names."""
    top = merge.pairs(whole)
    if "stages" not in top:
        return whole
    key, stages = top["stages"]
    found = merge.pairs(stages)
    for stage, (name, jobs) in found.items():
        inner = merge.pairs(jobs)
        done = {n: (k, _with_snippet(job, packs, file, faults)) for n, (k, job) in inner.items()}
        if any(done[n][1] is not inner[n][1] for n in inner):
            found[stage] = (name, merge.mapping(done, jobs))
    if not isinstance(stages, MappingNode):
        return whole
    return merge.mapping({**top, "stages": (key, merge.mapping(found, stages))}, whole)


def _with_snippet(job: Node, packs: Sequence[Pack], file: str, faults: list[Diagnostic]) -> Node:
    said = merge.pairs(job)
    if "use" not in said:
        return job
    _, names = said.pop("use")
    beneath: Node | None = None
    for item in names.value if isinstance(names, SequenceNode) else [names]:
        mark = item.start_mark
        at = Position(getattr(mark, "file", file), mark.line + 1, mark.column + 1)
        if not isinstance(item, ScalarNode):
            faults.append(error("MLG705", at, "`use` takes the name of a job snippet, or a list of names"))
            continue
        found = snippet_named(item.value, packs)
        if found is None:
            known = sorted(n for pack in packs for n in snippet_names(pack))
            hint = f"the packs have {', '.join(known)}" if known else "the packs have none"
            faults.append(error("MLG705", at, f"no pack has a job snippet {item.value!r}", hint))
        else:
            beneath = found[1] if beneath is None else merge.over(found[1], beneath)
    own = merge.mapping(said, job)
    return own if beneath is None else merge.over(own, beneath)
