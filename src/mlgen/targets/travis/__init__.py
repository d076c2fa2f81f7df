"""Travis CI: one .travis.yml, https://docs.travis-ci.com/user/build-config-yaml."""

from __future__ import annotations

from collections.abc import Mapping

from mlgen.diagnostics import Diagnostic
from mlgen.ir import Job, Pipeline
from mlgen.targets.contract import Fragment, Output, Part, Setting, Signs, Target
from mlgen.targets.travis.capabilities import CAPABILITIES
from mlgen.typed import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from mlgen.readback import Reading


def _outputs(pipeline: Pipeline) -> tuple[Output, ...]:
    from mlgen.targets.travis.view import outputs

    return outputs(pipeline)


def _check(output: Output, text: str, pipeline: Pipeline) -> list[Diagnostic]:
    from mlgen.targets.travis.check import check

    return check(output, text, pipeline)


def _refuse(pipeline: Pipeline) -> list[Diagnostic]:
    from mlgen.targets.travis.limits import refuse

    return refuse(pipeline)


def _settings(pipeline: Pipeline) -> tuple[Setting, ...]:
    from mlgen.targets.travis.settings import settings

    return settings(pipeline)


def _locate(job: Job, data: Any) -> tuple[tuple[str | int, ...], ...]:
    """The entries of the job, one a leg."""
    entries = data["jobs"]["include"]
    names = {f"{job.key} ({leg.slug})" for leg in job.matrix.legs} if job.matrix else {job.key}
    return tuple(("jobs", "include", index) for index, entry in enumerate(entries) if entry.get("name") in names)


def _whole(parts: tuple[Part, ...]) -> Output:
    from mlgen.targets.travis.whole import whole

    return whole(parts)


def _read(texts: Mapping[str, str]) -> Reading:
    from mlgen.targets.travis.read import read

    return read(texts)


def _eased(pipeline: Pipeline) -> frozenset[str]:
    from mlgen.targets.travis.read.eased import eased

    return eased(pipeline)


TARGET = Target(
    name="travis",
    title="Travis CI",
    outputs=_outputs,
    check=_check,
    refuse=_refuse,
    settings=_settings,
    capabilities=CAPABILITIES,
    fragments=(Fragment("travis", ".mlgen/env.sh", "travis/env.sh.j2"),),
    paths=(".travis.yml",),
    beside=".travis/{name}.yml",
    whole=_whole,
    locate=_locate,
    read=_read,
    eased=_eased,
    signs=Signs(files=(".travis.yml",)),
)
