"""How Jenkins says each construct."""

from __future__ import annotations

from mlgen.targets.contract import Capability

CAPABILITIES: tuple[Capability, ...] = (
    Capability("activate", "emulated", "lines at the head of each script"),
    Capability("allow_failure", "native", "`catchError` around the steps: the stage is unstable, the build goes on"),
    Capability("alternatives", "emulated", "`unstash` of the files of the job whose condition holds"),
    Capability(
        "api",
        "emulated",
        "the parameter `mlgen_event` of a run that is started from outside",
        weaker="people see the parameter, too; a branch takes it from its second run on",
    ),
    Capability(
        "approval",
        "native",
        "an `input` step in a stage without an agent; `approval.by` are its submitters; it ends after a day",
        weaker="without `by`, whoever may build the job may approve; runs of the same branch wait meanwhile",
    ),
    Capability("built", "native", "`docker.image`, by the digest that the building job exports"),
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
    Capability(
        "changed",
        "emulated",
        "a stage `plan` asks git before the agents of the jobs start",
        weaker="where Jenkins has fetched too little of the history, all counts as changed",
    ),
    Capability(
        "checkout",
        "native",
        "`checkout scmGit(…)`",
        weaker="a job without a repository is given mlgen's own files by a stash; another repository needs a `ref`",
    ),
    Capability(
        "comment",
        "emulated",
        "a token of the code host in MLGEN_TOKEN; without, the log and a kept file",
        "no job has a token of the code host; with `permissions: secret` the one in MLGEN_TOKEN comments",
        (("log", "the report with the run is enough"),),
        "warn",
    ),
    Capability(
        "container",
        "native",
        "the agent's `args`, `alwaysPull` and `registryCredentialsId`",
        weaker="files of the user root cannot be removed by the agent's user",
    ),
    Capability("coverage", "native", "`recordCoverage` of the plugin Coverage"),
    Capability(
        "docker",
        "emulated",
        "the daemon of the agent; its socket is mounted into a container",
        weaker="jobs beside it on the agent share the daemon",
    ),
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
    Capability("input", "native", "`params` in the condition"),
    Capability("inputs", "native", "`parameters`", weaker="the form shows them from a branch's second run on"),
    Capability("junit", "native", "`junit`"),
    Capability(
        "keep",
        "native",
        "`archiveArtifacts`, and `buildDiscarder`",
        weaker="all runs and their files are kept as long as the job that asks for most",
    ),
    Capability("legs", "native", "an agent for each leg"),
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
    Capability("message", "emulated", "a stage `plan` asks git before the agents of the jobs start"),
    Capability(
        "milestone",
        "emulated",
        "a stage, or a row of the table, that does nothing",
        weaker="Jenkins reports one status for the whole run",
    ),
    Capability(
        "native", "native", "the steps as they are given", fallbacks=(("skip", "leave out the jobs in targets' words"),)
    ),
    Capability(
        "oidc",
        "native",
        "credentials of the plugin OpenID Connect Provider, in the files and variables that the clouds' tools look for",
    ),
    Capability("on_failure", "emulated", "`post { always { … } }`, unless the job has passed"),
    Capability(
        "order",
        "emulated",
        "`disableConcurrentBuilds`: runs of one branch are serial",
        default="warn",
        weaker="runs of different branches or tags share the lock alone, and an older commit can come last",
        fallbacks=(("branch", "the order within a branch is enough"),),
    ),
    Capability(
        "permissions",
        "unsupported",
        "Jenkins has no token of the code host for a run",
        fallbacks=(("secret", "a credential of the kind Secret text with the id MLGEN_TOKEN holds a token"),),
        default="refuse",
    ),
    Capability("plain", "native", "an environment variable of Jenkins itself", weaker="all jobs see it"),
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
        weaker="agents with macOS and Windows run no such image",
        fallbacks=(("machine", "on macOS and Windows, the Python of the agent is the right one"),),
    ),
    Capability("references", "emulated", "set by the shell at the head of each script"),
    Capability("renamed", "native", "the variable of the binding"),
    Capability(
        "result",
        "emulated",
        "the jobs become a table, in which one looks at the results of others",
        weaker="a job that looks at a deployment or an approval starts once all stages have ended, and sees a failure "
        "where one beside it has stopped that",
    ),
    Capability("retry", "emulated", "a loop in the script"),
    Capability(
        "reuse",
        "emulated",
        "the plugin Job Cacher holds what the branch's last run made, or the default branch's",
        "of earlier runs, only the last one's files are kept",
    ),
    Capability("root", "native", "a Jenkinsfile and a Multibranch Pipeline of its own; `dir` around the steps"),
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
    Capability("secret_file", "native", "a credential of the kind Secret file"),
    Capability(
        "secrets",
        "native",
        "`withCredentials` in the jobs that list them",
        weaker="a secret bound to environments is kept to them by this file alone: any branch may change the file",
        fallbacks=(("folder", "the credentials lie in a folder whose branches are all trusted"),),
    ),
    Capability(
        "services",
        "emulated",
        "`docker.image(…).withRun`, reached at the container's address",
        weaker="the agent needs Docker and Linux",
    ),
    Capability(
        "steps", "native", "a step each", weaker="`timeout` and `retry` hold for each script, not for all together"
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
        "system",
        "emulated",
        "an agent with the label `windows` or `macos`",
        weaker="scripts run by `sh`: a Windows agent needs Git's bash, one with macOS the `timeout` of coreutils",
    ),
    Capability(
        "tag", "native", "`TAG_NAME` is set", weaker="Jenkins builds tags only where its branch source is told to"
    ),
    Capability("timeout", "emulated", "`timeout` of coreutils, which fails; Jenkins' own would abort"),
    Capability("url", "emulated", "the build's description", weaker="the last deployment of a run is shown"),
    Capability("value", "emulated", "exported values are read where they are made, and asked before an agent starts"),
    Capability("working_directory", "emulated", "`cd` at the head of the job's scripts"),
)
"""One row for each construct."""
