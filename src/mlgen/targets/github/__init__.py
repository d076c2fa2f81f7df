"""GitHub Actions."""

from mlgen.ir import Pipeline
from mlgen.targets.contract import Fragment, Setting, Signs, Target
from mlgen.targets.github.capabilities import CAPABILITIES
from mlgen.targets.github.check import check
from mlgen.targets.github.limits import refuse
from mlgen.targets.github.view import DEFAULT_PATH, outputs


def _settings(pipeline: Pipeline) -> tuple[Setting, ...]:
    from mlgen.targets.github.settings import settings

    return settings(pipeline)


TARGET = Target(
    name="github",
    title="GitHub Actions",
    outputs=outputs,
    check=check,
    refuse=refuse,
    settings=_settings,
    capabilities=CAPABILITIES,
    fragments=(
        Fragment("github", ".mlgen/env.sh", "github/env.sh.j2"),
        Fragment("github", ".mlgen/ci.py", "github/guard.py.j2"),
        Fragment("github", ".mlgen/host.py", "github/host.py.j2"),
    ),
    paths=(DEFAULT_PATH,),
    locate=lambda job, data: (("jobs", job.key),),
    harmless=("file.name", "file.run-name", "file.on.workflow_dispatch.inputs.*.description", "job.name"),
    signs=Signs(
        files=(".github/workflows/*.yml", ".github/workflows/*.yaml"),
        hosts=("github.com", "github.*", "*.ghe.com"),
        registry="ghcr.io/{path}",
    ),
)
