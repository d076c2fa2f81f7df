"""CircleCI, config 2.1, for projects that are connected through the GitHub App."""

from mlgen.targets.circleci.capabilities import CAPABILITIES
from mlgen.targets.circleci.check import check, refuse
from mlgen.targets.circleci.settings import settings
from mlgen.targets.circleci.view import PATH, outputs
from mlgen.targets.contract import Fragment, Signs, Target

TARGET = Target(
    name="circleci",
    title="CircleCI",
    outputs=outputs,
    check=check,
    refuse=refuse,
    settings=settings,
    capabilities=CAPABILITIES,
    fragments=(Fragment("circleci", ".mlgen/env.sh", "circleci/env.sh.j2"),),
    paths=(PATH,),
    locate=lambda job, data: (("jobs", job.key),),
    harmless=(
        "job.description",
        "file.commands.*.description",
        "file.executors.*.description",
        "file.parameters.*.description",
    ),
    signs=Signs(files=(".circleci/*.yml",)),
)
