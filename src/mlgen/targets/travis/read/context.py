"""What Travis knows of an event: the attributes of its request for a build, and the variables that come with it.

https://docs.travis-ci.com/user/conditions-v1, https://docs.travis-ci.com/user/environment-variables
"""

from __future__ import annotations

from collections.abc import Mapping

from mlgen.ir.events import Event
from mlgen.targets.travis.read.expressions import Context

SCHEDULED, API_EVENT, INPUT = "MLGEN_SCHEDULED", "MLGEN_API_EVENT", "MLGEN_INPUT_"
"""Variables of a request over the API: the schedule that it is one of, the event that it is, and its inputs.

Travis has no names for either: https://docs.travis-ci.com/user/triggering-builds
"""
_SOMEWHERE = "owner/project"


def context(event: Event, env: Mapping[str, str]) -> Context:
    """The request that the event makes; `env` are variables of the file itself, which those of the request replace.

    A pull request that is given no secrets comes from a fork: https://docs.travis-ci.com/user/pull-requests
    """
    repo = event.repository or _SOMEWHERE
    known: dict[str, str | None] = {"repo": repo, "branch": event.branch, "commit_message": event.message}
    if event.kind == "pull_request":
        head = f"fork/{repo.rpartition('/')[2]}" if event.fork else repo
        return Context({**known, "type": "pull_request", "head_branch": event.source, "head_repo": head}, env)
    if event.kind in ("push", "tag"):
        # The branch of a pushed tag is its name.
        return Context({**known, "type": "push", "branch": event.tag or event.branch, "tag": event.tag or None}, env)
    given = {INPUT + name.upper().replace("-", "_"): value for name, value in event.inputs}
    if event.schedule:
        given[SCHEDULED] = event.schedule
    if event.api:
        given[API_EVENT] = event.api
    return Context({**known, "type": "api"}, {**env, **given})


def is_known(variable: str) -> bool:
    """Whether it is one that a request gives."""
    return variable in (SCHEDULED, API_EVENT) or variable.startswith(INPUT)
