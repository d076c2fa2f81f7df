"""The spec's own changes of a native file: a merge patch, applied to the rendered text and loud where it fits nothing.

https://www.rfc-editor.org/rfc/rfc7396 - mappings are joined by key, null removes, all else replaces. Imported only
when a spec has `overrides`.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from mlgen.diagnostics import Diagnostic, error
from mlgen.ir import Override, Pipeline
from mlgen.overrides import splice
from mlgen.render import render
from mlgen.targets.contract import Output, Target


def changed(
    target: Target, override: Override, output: Output, text: str, faults: list[Diagnostic], pipeline: Pipeline
) -> tuple[str, list[Diagnostic]]:
    """The text of the target's main file as the override changes it, and all that is wrong with it.

    `faults` are those of the text before, in which the hooks stand already.
    """
    if faults and override.hooks and not _without_hooks(target, override, pipeline):
        return text, _blamed(override, faults)
    wrong = list(_reasons(target, override))
    text, misfits = _patched(target, override, output, text, pipeline)
    if faults or wrong or misfits:
        return text, [*faults, *wrong, *misfits]
    return text, _blamed(override, target.check(output, text, pipeline) if override.edits else [])


def _without_hooks(target: Target, override: Override, pipeline: Pipeline) -> list[Diagnostic]:
    """The faults that the file would have without the hooks."""
    others = tuple(
        options._replace(override=override._replace(hooks=())) if options.name == target.name else options
        for options in pipeline.targets
    )
    plain = pipeline._replace(targets=others)
    output = target.outputs(plain)[0]
    return target.check(output, render(output.template, output.view), plain)


def _patched(
    target: Target, override: Override, output: Output, text: str, pipeline: Pipeline
) -> tuple[str, list[Diagnostic]]:
    if target.locate is None:
        return text, []
    faults = []
    before = splice.read(text)
    jobs = {job.id: job for job in pipeline.jobs}
    named = dict.fromkeys(edit.job for edit in override.edits if edit.job)
    places = {name: target.locate(jobs[name], before) if name in jobs else () for name in named}
    for edit in override.edits:
        name = f"overrides.{target.name}.{f'jobs.{edit.job}' if edit.job else 'file'}"
        ways = places[edit.job] if edit.job else ((),)
        if not ways:
            hint = "a fallback of the target leaves it out; take the override out too"
            faults.append(error("MLG421", edit.position, f"{edit.job} is not in {output.path}", hint))
        for way in ways:
            try:
                text = splice.changed(text, (*way, *edit.route), edit.value, name)
            except splice.Unfit as unfit:
                hint = f"look at {output.path} as mlgen writes it, and mend the override or take it out"
                said = f"{'.'.join((name, *edit.route))}: {unfit}"
                faults.append(error("MLG421", edit.position, said, hint))
                break
    return text, faults


def _reasons(target: Target, override: Override) -> Iterator[Diagnostic]:
    """What could change the pipeline's meaning, where the spec gives no reason."""
    if override.accept:
        return
    hint = f"say why that is right: `overrides: {{{target.name}: {{accept: REASON}}}}`"
    for edit in override.edits:
        name = ".".join(("job" if edit.job else "file", *edit.route))
        if not any(_fits(pattern, name) for pattern in target.harmless):
            message = f"{'.'.join(edit.route)} may change what the pipeline means, which mlgen has then not proven"
            yield error("MLG422", edit.position, message, hint)
    known = {hook.name: hook for hook in target.hooks}
    for name, text, position in override.hooks:
        if name in known and not re.fullmatch(known[name].harmless, text.strip()):
            message = f"the hook {name} may change what the pipeline means, which mlgen has then not proven"
            yield error("MLG422", position, message, hint)


def _fits(pattern: str, name: str) -> bool:
    return re.fullmatch(re.escape(pattern).replace(r"\*", "[^.]+"), name) is not None


def _blamed(override: Override, faults: list[Diagnostic]) -> list[Diagnostic]:
    """Faults that a file has only since it was changed: the override's, not mlgen's own."""
    hint = "the rest of the file still relies on what the override changes"
    said = (f"{fault.position.file}: {fault.message.removeprefix(fault.position.file + ': ')}" for fault in faults)
    return [error("MLG423", override.position, text, hint) for text in said]
