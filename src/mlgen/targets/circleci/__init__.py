"""CircleCI, config 2.1, for projects that are connected through the GitHub App."""

from __future__ import annotations

from collections.abc import Mapping

from mlgen.diagnostics import Diagnostic
from mlgen.ir import Pipeline
from mlgen.targets.circleci.capabilities import CAPABILITIES
from mlgen.targets.contract import Fragment, Output, Setting, Signs, Target
from mlgen.typed import TYPE_CHECKING

if TYPE_CHECKING:
    from mlgen.readback import Reading

PATH = ".circleci/config.yml"
BESIDE = ".circleci/{name}.yml"


def _outputs(pipeline: Pipeline) -> tuple[Output, ...]:
    from mlgen.targets.circleci.view import outputs

    return outputs(pipeline)


def _check(output: Output, text: str, pipeline: Pipeline) -> list[Diagnostic]:
    from mlgen.targets.circleci.check import check

    return check(output, text, pipeline)


def _refuse(pipeline: Pipeline) -> list[Diagnostic]:
    from mlgen.targets.circleci.check import refuse

    return refuse(pipeline)


def _settings(pipeline: Pipeline) -> tuple[Setting, ...]:
    from mlgen.targets.circleci.settings import settings

    return settings(pipeline)


def _read(texts: Mapping[str, str]) -> Reading:
    from mlgen.targets.circleci.read import read

    return read(texts)


def _eased(pipeline: Pipeline) -> frozenset[str]:
    from mlgen.targets.circleci.read.eased import eased

    return eased(pipeline)


TARGET = Target(
    name="circleci",
    title="CircleCI",
    outputs=_outputs,
    check=_check,
    refuse=_refuse,
    settings=_settings,
    capabilities=CAPABILITIES,
    fragments=(Fragment("circleci", ".mlgen/env.sh", "circleci/env.sh.j2"),),
    paths=(PATH,),
    beside=BESIDE,
    locate=lambda job, data: (("jobs", job.key),),
    harmless=(
        "job.description",
        "file.commands.*.description",
        "file.executors.*.description",
        "file.parameters.*.description",
    ),
    read=_read,
    eased=_eased,
    signs=Signs(files=(".circleci/*.yml",)),
)
