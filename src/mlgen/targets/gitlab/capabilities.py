"""What GitLab CI/CD says natively, what is emulated and weaker, and what the spec may choose instead."""

from __future__ import annotations

from mlgen.targets.contract import Capability

SKIP = ("skip", "the jobs that need it are left out of this file")

CAPABILITIES: tuple[Capability, ...] = (
    Capability("activate", "native", "at the head of each of the job's scripts"),
    Capability("allow_failure", "native", "allow_failure"),
    Capability("alternatives", "native", "optional needs"),
    Capability(
        "api", "native", "the input mlgen_event, of pipelines started by the API, a trigger token or another pipeline"
    ),
    Capability(
        "approval",
        "emulated",
        "a blocking manual job (rules: when: manual)",
        "whoever may merge to the branch may start it; approvals by others need a protected environment (Premium)",
        (SKIP,),
    ),
    Capability(
        "built",
        "emulated",
        "`image` by the tag of the commit: GitLab hands exported values to scripts only",
        "a tag can be moved between the two jobs; by digest it could not",
    ),
    Capability(
        "cache",
        "native",
        "cache, with the caches of known tools moved into the project's folder",
        "only the project's folder can be cached, and at most two files name a cache",
    ),
    Capability("cancel", "native", "workflow:auto_cancel and interruptible"),
    Capability(
        "changed",
        "native",
        "rules:changes; two sets of paths that must both have changed are compared inside the job as well",
        "a push is compared with the last one of its branch, also if that failed",
    ),
    Capability(
        "checkout",
        "native",
        "GIT_DEPTH and GIT_SUBMODULE_STRATEGY; other repositories by git in the job's image",
        "without a checkout the runner fetches one commit all the same, and the job removes it; LFS files come always",
    ),
    Capability(
        "comment",
        "emulated",
        "a project access token in MLGEN_TOKEN; without, a file that the merge request links to",
        "no token of a job may comment; with `permissions: secret` the access token in MLGEN_TOKEN does",
        (("log", "the linked file is enough"),),
        "warn",
    ),
    Capability(
        "container",
        "native",
        "image: entrypoint, docker: user, pull_policy; credentials in the CI/CD variable DOCKER_AUTH_CONFIG",
        "DOCKER_AUTH_CONFIG reaches every job, and the runner must allow the pull policy",
        (("runner", "options of docker run are set in the configuration of the runner"),),
    ),
    Capability("coverage", "native", "artifacts:reports:coverage_report"),
    Capability(
        "docker",
        "native",
        "the service docker:dind; the runner must be privileged, and an image of the job's own have a docker client",
    ),
    Capability("environment", "native", "environment"),
    Capability("exports", "emulated", "a file among the artifacts, loaded by .mlgen/env.sh"),
    Capability("files", "native", "artifacts and needs; what a job does not declare is removed before it starts"),
    Capability(
        "finally",
        "native",
        "after_script",
        "it has five minutes, and does not run after the timeout of the whole job",
    ),
    Capability("gate", "emulated", ".mlgen/ci.py gate"),
    Capability("image", "native", "image, which needs bash, and python3 for gates and exports"),
    Capability("input", "native", "the input's variable in rules"),
    Capability("inputs", "native", "spec:inputs, strings of a checked form"),
    Capability("junit", "native", "artifacts:reports:junit"),
    Capability(
        "keep", "native", "artifacts: expire_in, when", "what is kept also travels to the jobs that need this one"
    ),
    Capability("legs", "native", "variables of the matrix in image and tags"),
    Capability("lock", "native", "resource_group"),
    Capability("manual", "native", "pipelines started by hand, by the API or by a trigger token"),
    Capability("matrix", "native", "parallel:matrix, at most 200 legs"),
    Capability(
        "max_parallel",
        "emulated",
        "resource groups, one a slot, over which the legs are spread",
        "a leg waits for its own slot, also for legs of other pipelines",
    ),
    Capability(
        "message",
        "native",
        "CI_COMMIT_MESSAGE in rules; a text with $ or % is looked for inside the job",
        "a pipeline of a merged result has the message of the merge; of a message, GitLab keeps 100 KB",
    ),
    Capability(
        "milestone",
        "emulated",
        "a job that starts always and asks the API how the others ended (GitLab 18.0 or newer)",
        "a job that skipped itself, by a value, a message or changes that no rule can tell, counts as a success",
    ),
    Capability("native", "native", "the job's own keys", fallbacks=(SKIP,)),
    Capability("oidc", "native", "id_tokens, in the files and variables that the clouds' tools look for"),
    Capability(
        "on_failure",
        "native",
        "after_script",
        "it shares five minutes with `finally`, and does not run after the timeout of the whole job",
    ),
    Capability(
        "order",
        "emulated",
        "the project's setting to prevent outdated deployment jobs",
        "it goes by the age of the jobs, not of the commits",
    ),
    Capability(
        "permissions",
        "emulated",
        "CI_JOB_TOKEN as MLGEN_TOKEN",
        "it always has all that job tokens may do; it cannot write to merge requests, issues and statuses",
        (("secret", "a CI/CD variable MLGEN_TOKEN holds an access token"),),
    ),
    Capability("plain", "native", "CI/CD variables that are not masked"),
    Capability("pull_request", "native", "merge request pipelines"),
    Capability("push", "native", "branch pipelines"),
    Capability(
        "python",
        "native",
        "the official python image of the version",
        "macOS and Windows have no such image",
        (("machine", "on macOS and Windows, the Python of the machine is the right one"),),
    ),
    Capability("references", "native", "exported before the job's scripts; of an address, a dotenv report"),
    Capability("renamed", "emulated", "exported before the job's scripts", "the other name is there as well"),
    Capability(
        "result",
        "emulated",
        "a job that starts always and asks the API how the others ended (GitLab 18.0 or newer); it ends green where it "
        "has nothing to do",
        "a job that skips itself, by a value, a message or changes that no rule can tell, counts as a success, and as "
        "a failure where another stopped it before it could",
    ),
    Capability("retry", "emulated", "a loop around the command; native retry starts in a fresh workspace"),
    Capability(
        "reuse",
        "emulated",
        "a cache holds what the last run made; protected branches have their own, by a setting that is on at first",
        "of earlier runs, only the last one's files are kept; all branches that are not protected share them",
    ),
    Capability("root", "native", "a file of its own, which .gitlab-ci.yml includes; every script starts in the folder"),
    Capability("runner", "native", "tags"),
    Capability("schedule", "native", "pipeline schedules, which are made in the settings; the description is the name"),
    Capability(
        "secret_file",
        "native",
        "CI/CD variables of the type File",
        "a file that another user of the container owns stays readable for all",
    ),
    Capability(
        "secrets",
        "emulated",
        "CI/CD variables, those bound to environments with that scope",
        "a variable without a scope reaches every job, one with a scope every job of the environment",
        (("wider", "a secret may reach jobs that do not list it"),),
    ),
    Capability(
        "services",
        "native",
        "services; the job waits for their ports",
        "`ready` cannot run inside the service",
    ),
    Capability("steps", "native", "one script, with a comment a step; native steps are lines of it"),
    Capability(
        "summary",
        "emulated",
        "artifacts:expose_as, a link in the merge request",
        "it is a link to the file, shown in merge requests only",
    ),
    Capability(
        "system",
        "native",
        "the tags of GitLab's hosted runners; on Windows, PowerShell hands the script to Git Bash",
        "Python must be on the machine",
    ),
    Capability("tag", "native", "tag pipelines"),
    Capability("timeout", "emulated", "timeout(1) around the command, and a longer timeout of the job"),
    Capability("url", "native", "environment:url"),
    Capability(
        "value",
        "emulated",
        ".mlgen/ci.py when, before the setup",
        "the job starts to find out, and is green where it has nothing to do",
    ),
    Capability("working_directory", "native", "cd, in each of the job's scripts"),
)
"""Secrets are refused where one does reach a job that does not list it: see `limits`."""
