"""What packs bring to the rendering: blocks over mlgen's own templates, and files of their own.

Imported only if a pack has templates; imports Jinja.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from mlgen.diagnostics import Diagnostic, Position, SpecError, error
from mlgen.ir import Pipeline
from mlgen.named import NamedTuple
from mlgen.packs.content import TEMPLATES
from mlgen.packs.manifest import Added
from mlgen.packs.pack import Pack
from mlgen.render import sandbox
from mlgen.render.sandbox import Fault, Foreign
from mlgen.typed import Any


class AddedFile(NamedTuple):
    """A file of a pack, as `write.header` takes one."""

    path: str
    comment: str
    text: str


class Templates:
    """The templates of a stack of packs, each checked."""

    def __init__(self, packs: Sequence[Pack]) -> None:
        """A SpecError says what a template may not do."""
        self.over: dict[str, list[Foreign]] = {}
        self.added: dict[str, tuple[Pack, Added, Foreign]] = {}
        faults: list[Diagnostic] = []
        for pack in packs:
            faults += self._take(pack)
        if faults:
            raise SpecError(faults)

    def _take(self, pack: Pack) -> Iterable[Diagnostic]:
        own = {f"{TEMPLATES}/{added.template}": added for added in pack.manifest.outputs}
        for added in pack.manifest.outputs:
            path = f"{TEMPLATES}/{added.template}"
            if path not in pack.files:
                message = f"{added.path}: the pack has no {path}"
                yield error("MLG711", Position(pack.file("pack.yaml")), message, "add the template, or leave it out")
                continue
            foreign = Foreign(pack.file(path), pack.text(path))
            yield from map(_diagnostic, sandbox.faults(foreign, None))
            self.added[added.path] = (pack, added, foreign)
        for path in sorted(pack.files):
            if path.startswith(f"{TEMPLATES}/") and path not in own:
                yield from self._override(pack, path)

    def _override(self, pack: Pack, path: str) -> Iterable[Diagnostic]:
        name = path.removeprefix(f"{TEMPLATES}/")
        foreign = Foreign(pack.file(path), pack.text(path))
        try:
            blocks = sandbox.blocks_of(name)
        except KeyError:
            hint = "`outputs` in pack.yaml names the files that the pack adds, each with its template"
            yield error("MLG711", Position(foreign.file), f"mlgen has no template {name} to override", hint)
            return
        yield from map(_diagnostic, sandbox.faults(foreign, blocks))
        self.over.setdefault(name, []).append(foreign)

    def render(self, template: str, view: Mapping[str, Any]) -> str:
        """The text of a template of mlgen's that packs override."""
        try:
            return sandbox.render_over(template, self.over[template], view)
        except Fault as fault:
            raise SpecError([_diagnostic(fault)]) from None

    def files(self, pipeline: Pipeline, taken: Iterable[str]) -> list[AddedFile]:
        """The files that packs add; `taken` are the paths that mlgen itself writes or reads, where none may stand."""
        known = {path.lower() for path in taken}
        found: list[AddedFile] = []
        faults: list[Diagnostic] = []
        for path, (pack, added, foreign) in sorted(self.added.items()):
            if any(_clash(path.lower(), other) for other in known):
                at = Position(pack.file("pack.yaml"))
                faults.append(
                    error("MLG712", at, f"{path} is a file of mlgen's own", "give the pack's file another path")
                )
                continue
            try:
                found.append(AddedFile(path, added.comment, sandbox.render_alone(foreign, view(pipeline, pack))))
            except Fault as fault:
                faults.append(_diagnostic(fault))
        if faults:
            raise SpecError(faults)
        return found

    def hinted(self, template: str, found: Iterable[Diagnostic]) -> list[Diagnostic]:
        """What the check of an overridden file says, with whose template it is."""
        files = ", ".join(foreign.file for foreign in self.over[template])
        return [d._replace(hint=f"look at {files}, which overrides mlgen's template") for d in found]


def _clash(one: str, other: str) -> bool:
    """Whether two paths are the same, or one would have to be the folder of the other."""
    return one == other or one.startswith(f"{other}/") or other.startswith(f"{one}/")


def _diagnostic(fault: Fault) -> Diagnostic:
    return error("MLG711", Position(fault.file, fault.line, 1 if fault.line else 0), fault.message, fault.hint)


def view(pipeline: Pipeline, pack: Pack) -> dict[str, Any]:
    """What a template of a pack's own file may print; the same names in every version of mlgen's language 1."""
    return {
        "project": {
            "name": pipeline.name,
            "owners": list(pipeline.owners),
            "repository": pipeline.repository,
            "default_branch": pipeline.default_branch,
        },
        "pack": {"name": pack.name, "version": pack.manifest.version},
        "spec": pipeline.spec,
        "targets": [options.name for options in pipeline.targets],
        "stages": list(pipeline.stages),
        "jobs": [
            {
                "id": job.id,
                "name": job.name,
                "stage": job.stage,
                "environment": job.environment.name if job.environment else "",
                "outs": [*job.outs, *job.metrics, *job.plots],
            }
            for job in pipeline.jobs
        ],
        "environments": [e.name for e in pipeline.environments],
        "secrets": [secret.name for secret in pipeline.secrets],
    }
