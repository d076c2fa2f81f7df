"""How Jenkins says each construct."""

from mlgen.targets.contract import Capability

CAPABILITIES: tuple[Capability, ...] = (
    Capability("allow_failure", "native", "`catchError` around the steps: the stage is unstable, the build goes on"),
    Capability(
        "approval",
        "native",
        "an `input` step in a stage without an agent; `approval.by` are its submitters; it ends after a day",
        weaker="without `by`, whoever may build the job may approve; runs of the same branch wait meanwhile",
    ),
    Capability(
        "cache",
        "native",
        "`cache` of the plugin Job Cacher",
        weaker="the salt stands in the cache's name; in a container only folders below ~ or the project are cached",
    ),
    Capability(
        "cancel",
        "native",
        "`disableConcurrentBuilds(abortPrevious: …)`",
        fallbacks=(("serial", "runs of a branch wait for each other instead"),),
    ),
    Capability("coverage", "native", "`recordCoverage` of the plugin Coverage"),
    Capability(
        "environment",
        "emulated",
        "a stage with its lock, approval and credentials",
        weaker="Jenkins keeps no record of deployments",
    ),
    Capability("exports", "emulated", "a stashed file of NAME=VALUE lines, which `.mlgen/env.sh` loads"),
    Capability(
        "files",
        "native",
        "`stash` and `unstash`; every declared file is archived too",
        weaker="both go through the controller unless it has an artifact manager; empty folders are not handed on",
    ),
    Capability("finally", "native", "`post { always { … } }`"),
    Capability("gate", "emulated", "`.mlgen/ci.py gate`"),
    Capability("image", "native", "a `docker` agent"),
    Capability("inputs", "native", "`parameters`", weaker="the form shows them from a branch's second run on"),
    Capability("junit", "native", "`junit`"),
    Capability("lock", "native", "`lock` of the plugin Lockable Resources"),
    Capability(
        "manual",
        "native",
        "a run that a user starts",
        weaker="Replay of a branch is a manual run too; of a pull request or a tag it is that event again",
    ),
    Capability("matrix", "emulated", "its legs are parallel stages"),
    Capability(
        "max_parallel",
        "emulated",
        "each leg holds one of as many locks",
        weaker="a leg may wait although another lock is free",
    ),
    Capability(
        "order",
        "emulated",
        "`disableConcurrentBuilds`: runs of one branch are serial",
        default="warn",
        weaker="runs of different branches or tags share the lock alone, and an older commit can come last",
        fallbacks=(("branch", "the order within a branch is enough"),),
    ),
    Capability("pull_request", "native", "`CHANGE_ID` is set; the branch source chooses head or merge"),
    Capability(
        "push",
        "native",
        "every other run of a branch",
        weaker="Jenkins may build several pushes in one run; without a `manual` trigger a run by hand counts as a push",
    ),
    Capability(
        "python",
        "emulated",
        "the image `python:VERSION` as a `docker` agent; packages go to the user's folder in the workspace",
    ),
    Capability("retry", "emulated", "a loop in the script"),
    Capability(
        "runner",
        "native",
        "the agent's label",
        fallbacks=(("default", "a runner that says nothing of Jenkins is any agent"),),
    ),
    Capability(
        "schedule",
        "native",
        "`cron` in UTC; several schedules need the plugin Parameterized Scheduler",
        weaker="a schedule starts once the branch has been built with this file",
    ),
    Capability(
        "secrets",
        "native",
        "`withCredentials` in the jobs that list them",
        weaker="a secret bound to environments is kept to them by this file alone: any branch may change the file",
        fallbacks=(("folder", "the credentials lie in a folder whose branches are all trusted"),),
    ),
    Capability(
        "summary",
        "emulated",
        "the file is archived",
        weaker="the run's page links it and does not show it",
        default="warn",
        fallbacks=(("archive", "a link is enough"),),
    ),
    Capability(
        "tag", "native", "`TAG_NAME` is set", weaker="Jenkins builds tags only where its branch source is told to"
    ),
    Capability("timeout", "emulated", "`timeout` of coreutils, which fails; Jenkins' own would abort"),
    Capability("url", "emulated", "the build's description", weaker="the last deployment of a run is shown"),
)
"""One row for each construct."""
