"""What GitHub Actions can say. https://docs.github.com/en/actions/reference/workflows-and-actions/workflow-syntax"""

from mlgen.targets.contract import Capability

CAPABILITIES = (
    Capability("allow_failure", "native", "`continue-on-error` of the job"),
    Capability(
        "approval",
        "native",
        "required reviewers of the environment; the job's first step asks the API for them, and fails without",
        "the reviewers are a setting of the repository, which the file cannot make",
    ),
    Capability("cache", "native", "actions/cache, keyed by the hash of the files; none in deploying jobs"),
    Capability("cancel", "native", "`concurrency` of the workflow with `cancel-in-progress`"),
    Capability(
        "coverage", "emulated", "the rate is written to the job summary", "no trend and no annotations of lines"
    ),
    Capability("environment", "native", "`environment` of the job"),
    Capability("exports", "emulated", "a file of NAME=value lines, handed on as an artifact"),
    Capability(
        "files",
        "native",
        "artifacts, one for each set of files with the same readers",
        "file modes and empty folders are lost",
    ),
    Capability("finally", "native", "a last step with `if: always()`"),
    Capability("gate", "emulated", "a step of `.mlgen/ci.py`, with a table in the job summary"),
    Capability(
        "image",
        "native",
        "`container` of the job, which needs bash, and python3 for gates, exports, reports and deployments",
    ),
    Capability("inputs", "native", "`inputs` of `workflow_dispatch`, checked again in the shell", "at most 25"),
    Capability("junit", "emulated", "counts and failures in the job summary, failures as annotations"),
    Capability(
        "lock", "native", "`concurrency` of the job with `queue: max`", "a run that awaits approval holds the lock"
    ),
    Capability("manual", "native", "`workflow_dispatch`"),
    Capability("matrix", "native", "`strategy.matrix`, with `fail-fast: false`"),
    Capability("max_parallel", "native", "`max-parallel`"),
    Capability(
        "order",
        "emulated",
        "the first step of a deployment compares it with the environment's last one through the API",
    ),
    Capability("pull_request", "native", "`pull_request`; the merge with the target is tested"),
    Capability("push", "native", "`push` with `branches`"),
    Capability("python", "native", "actions/setup-python"),
    Capability("retry", "emulated", "a loop in the shell, in the same workspace"),
    Capability("runner", "native", "`runs-on`"),
    Capability(
        "schedule",
        "native",
        "`schedule`, on the default branch",
        "a public repository's schedules stop after 60 days without activity",
    ),
    Capability("secrets", "native", "in the environment of the steps that run the job's scripts"),
    Capability("summary", "native", "the job summary"),
    Capability("tag", "native", "`push` with `tags`", "more than three tags pushed at once start nothing"),
    Capability(
        "timeout",
        "emulated",
        "`timeout` before the command; `timeout-minutes` behind it, with time for the rest of the job",
    ),
    Capability("url", "native", "`environment.url`"),
)
