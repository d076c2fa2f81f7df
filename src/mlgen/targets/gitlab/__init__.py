"""GitLab CI/CD: one .gitlab-ci.yml, which includes a file for each project of a repository that has several."""

from __future__ import annotations

from collections.abc import Mapping

from mlgen.diagnostics import Diagnostic
from mlgen.ir import Job, Pipeline
from mlgen.targets.contract import Fragment, Output, Part, Setting, Signs, Target
from mlgen.targets.gitlab.capabilities import CAPABILITIES
from mlgen.typed import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from mlgen.readback import Reading


def _outputs(pipeline: Pipeline) -> tuple[Output, ...]:
    from mlgen.targets.gitlab.view import outputs

    return outputs(pipeline)


def _check(output: Output, text: str, pipeline: Pipeline) -> list[Diagnostic]:
    from mlgen.targets.gitlab.check import check

    return check(output, text, pipeline)


def _refuse(pipeline: Pipeline) -> list[Diagnostic]:
    from mlgen.targets.gitlab.limits import refuse

    return refuse(pipeline)


def _settings(pipeline: Pipeline) -> tuple[Setting, ...]:
    from mlgen.targets.gitlab.settings import settings

    return settings(pipeline)


def _locate(job: Job, data: Any) -> tuple[tuple[str | int, ...], ...]:
    from mlgen.targets.gitlab.placement import native_name

    return ((native_name(job),),)


def _read(texts: Mapping[str, str]) -> Reading:
    from mlgen.targets.gitlab.read import read

    return read(texts)


def _eased(pipeline: Pipeline) -> frozenset[str]:
    from mlgen.targets.gitlab.read.eased import eased

    return eased(pipeline)


def _whole(parts: tuple[Part, ...]) -> Output:
    from mlgen.targets.gitlab.whole import whole

    return whole(parts)


TARGET = Target(
    name="gitlab",
    title="GitLab CI/CD",
    outputs=_outputs,
    check=_check,
    refuse=_refuse,
    settings=_settings,
    capabilities=CAPABILITIES,
    fragments=(
        Fragment("gitlab", ".mlgen/env.sh", "gitlab/env.sh.j2"),
        Fragment(
            "gitlab",
            ".mlgen/ci.py",
            "gitlab/results.py.j2",
            (("results", "waits for other jobs, and tells how they ended"),),
            needed=lambda pipeline: any(job.watches for job in pipeline.jobs),
        ),
        Fragment("gitlab", ".mlgen/host.py", "gitlab/host.py.j2"),
    ),
    paths=(".gitlab-ci.yml",),
    beside=".gitlab/ci/{name}.yml",
    whole=_whole,
    locate=_locate,
    harmless=("file.workflow.name", "job.coverage", "job.artifacts.name", "job.artifacts.expose_as"),
    read=_read,
    eased=_eased,
    signs=Signs(files=(".gitlab-ci.yml",), hosts=("gitlab.com", "gitlab.*"), registry="registry.{host}/{path}"),
)
