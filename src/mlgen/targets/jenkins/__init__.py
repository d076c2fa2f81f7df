"""Jenkins: a Declarative Pipeline in `Jenkinsfile`, for a Multibranch Pipeline."""

from __future__ import annotations

from collections.abc import Mapping

from mlgen.diagnostics import Diagnostic
from mlgen.ir import Pipeline
from mlgen.targets.contract import Fragment, Output, Setting, Signs, Target, own_path
from mlgen.targets.jenkins.capabilities import CAPABILITIES
from mlgen.targets.jenkins.hooks import HOOKS
from mlgen.typed import TYPE_CHECKING

if TYPE_CHECKING:
    from mlgen.readback import Reading

FILE = "Jenkinsfile"
BESIDE = "{root}/Jenkinsfile"


def _outputs(pipeline: Pipeline) -> tuple[Output, ...]:
    from mlgen.targets.jenkins.view import view

    return (Output(own_path(pipeline, FILE, BESIDE), "jenkins/Jenkinsfile.j2", view(pipeline), comment="//"),)


def _check(output: Output, text: str, pipeline: Pipeline) -> list[Diagnostic]:
    from mlgen.targets.jenkins.check import check

    return check(output, text, pipeline)


def _refuse(pipeline: Pipeline) -> list[Diagnostic]:
    from mlgen.targets.jenkins.refuse import refuse

    return list(refuse(pipeline))


def _settings(pipeline: Pipeline) -> tuple[Setting, ...]:
    from mlgen.targets.jenkins.settings import settings

    return tuple(settings(pipeline))


def _read(texts: Mapping[str, str]) -> Reading:
    from mlgen.targets.jenkins.read import read

    return read(texts)


def _eased(pipeline: Pipeline) -> frozenset[str]:
    from mlgen.targets.jenkins.read.eased import eased

    return eased(pipeline)


TARGET = Target(
    name="jenkins",
    title="Jenkins",
    outputs=_outputs,
    check=_check,
    refuse=_refuse,
    settings=_settings,
    capabilities=CAPABILITIES,
    fragments=(Fragment("jenkins", ".mlgen/env.sh", "jenkins/env.sh.j2"),),
    paths=(FILE,),
    beside=BESIDE,
    hooks=HOOKS,
    read=_read,
    eased=_eased,
    signs=Signs(files=("Jenkinsfile*",)),
)
