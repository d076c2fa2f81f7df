"""What GitLab CI/CD says natively, what is emulated and weaker, and what the spec may choose instead."""

from mlgen.targets.contract import Capability

SKIP = ("skip", "the jobs that need it are left out of this file")

CAPABILITIES: tuple[Capability, ...] = (
    Capability("allow_failure", "native", "allow_failure"),
    Capability(
        "approval",
        "emulated",
        "a blocking manual job (rules: when: manual)",
        "whoever may merge to the branch may start it; approvals by others need a protected environment (Premium)",
        (SKIP,),
    ),
    Capability(
        "cache",
        "native",
        "cache, with the caches of known tools moved into the project's folder",
        "only the project's folder can be cached, and at most two files name a cache",
    ),
    Capability("cancel", "native", "workflow:auto_cancel and interruptible"),
    Capability("coverage", "native", "artifacts:reports:coverage_report"),
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
    Capability("inputs", "native", "spec:inputs, strings of a checked form"),
    Capability("junit", "native", "artifacts:reports:junit"),
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
        "order",
        "emulated",
        "the project's setting to prevent outdated deployment jobs",
        "it goes by the age of the jobs, not of the commits",
    ),
    Capability("pull_request", "native", "merge request pipelines"),
    Capability("push", "native", "branch pipelines"),
    Capability("python", "native", "the official python image of the version"),
    Capability("retry", "emulated", "a loop around the command; native retry starts in a fresh workspace"),
    Capability("runner", "native", "tags"),
    Capability("schedule", "native", "pipeline schedules, which are made in the settings; the description is the name"),
    Capability(
        "secrets",
        "emulated",
        "CI/CD variables, those bound to environments with that scope",
        "a variable without a scope reaches every job, one with a scope every job of the environment",
        (("wider", "a secret may reach jobs that do not list it"),),
    ),
    Capability(
        "summary",
        "emulated",
        "artifacts:expose_as, a link in the merge request",
        "it is a link to the file, shown in merge requests only",
    ),
    Capability("tag", "native", "tag pipelines"),
    Capability("timeout", "emulated", "timeout(1) around the command, and a longer timeout of the job"),
    Capability("url", "native", "environment:url"),
)
"""Secrets are refused where one does reach a job that does not list it: see `limits`."""
