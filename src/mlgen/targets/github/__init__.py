"""GitHub Actions."""

from __future__ import annotations

from collections.abc import Mapping

from mlgen.diagnostics import Diagnostic
from mlgen.ir import Pipeline
from mlgen.targets.contract import Fragment, Output, Setting, Signs, Target
from mlgen.targets.github.capabilities import CAPABILITIES
from mlgen.typed import TYPE_CHECKING

if TYPE_CHECKING:
    from mlgen.readback import Reading

DEFAULT_PATH = ".github/workflows/ml.yml"
BESIDE = ".github/workflows/{name}.yml"


def _outputs(pipeline: Pipeline) -> tuple[Output, ...]:
    from mlgen.targets.github.view import outputs

    return outputs(pipeline)


def _check(output: Output, text: str, pipeline: Pipeline) -> list[Diagnostic]:
    from mlgen.targets.github.check import check

    return check(output, text, pipeline)


def _refuse(pipeline: Pipeline) -> list[Diagnostic]:
    from mlgen.targets.github.limits import refuse

    return refuse(pipeline)


def _read(texts: Mapping[str, str]) -> Reading:
    from mlgen.targets.github.read import read

    return read(texts)


def _eased(pipeline: Pipeline) -> frozenset[str]:
    """Deploying jobs have no cache: what a pull request may have filled is not trusted with secrets."""
    return frozenset(f"cache {job.id}" for job in pipeline.jobs if job.deploys)


def _settings(pipeline: Pipeline) -> tuple[Setting, ...]:
    from mlgen.targets.github.settings import settings

    return settings(pipeline)


TARGET = Target(
    name="github",
    title="GitHub Actions",
    outputs=_outputs,
    check=_check,
    refuse=_refuse,
    settings=_settings,
    capabilities=CAPABILITIES,
    fragments=(
        Fragment("github", ".mlgen/env.sh", "github/env.sh.j2"),
        Fragment("github", ".mlgen/ci.py", "github/guard.py.j2"),
        Fragment("github", ".mlgen/host.py", "github/host.py.j2"),
    ),
    paths=(DEFAULT_PATH,),
    beside=BESIDE,
    locate=lambda job, data: (("jobs", job.key),),
    harmless=("file.name", "file.run-name", "file.on.workflow_dispatch.inputs.*.description", "job.name"),
    read=_read,
    eased=_eased,
    signs=Signs(
        files=(".github/workflows/*.yml", ".github/workflows/*.yaml"),
        hosts=("github.com", "github.*", "*.ghe.com"),
        registry="ghcr.io/{path}",
    ),
)
