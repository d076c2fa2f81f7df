"""What GitHub Actions can say. https://docs.github.com/en/actions/reference/workflows-and-actions/workflow-syntax"""

from __future__ import annotations

from mlgen.targets.contract import Capability

CAPABILITIES = (
    Capability("activate", "native", "at the head of each script of the job"),
    Capability("allow_failure", "native", "`continue-on-error` of the job"),
    Capability("alternatives", "native", "artifacts, each received where the job that made it has succeeded"),
    Capability(
        "api",
        "native",
        "`workflow_dispatch`, whose input `mlgen_event` names the event",
        "a manual run's form shows the input too",
    ),
    Capability(
        "approval",
        "native",
        "required reviewers of the environment, or of one of the job's own; its first step asks the API for them",
        "the reviewers are a setting of the repository, which the file cannot make; they see no prompt",
    ),
    Capability(
        "built",
        "native",
        "`container`, by the digest that the building job puts out; by the tag of the commit where that holds a secret",
    ),
    Capability("cache", "native", "actions/cache, keyed by the hash of the files; none in deploying jobs"),
    Capability("cancel", "native", "`concurrency` of the workflow with `cancel-in-progress`"),
    Capability(
        "changed",
        "emulated",
        "a job `plan` compares commits with git before any other machine starts; on a push, with the last green run",
        "where the GitHub CLI is not on the runner, a push is compared with the one before",
    ),
    Capability(
        "checkout",
        "native",
        "actions/checkout",
        "without a checkout only `.mlgen` is fetched; an image without git gets the whole repository",
    ),
    Capability("comment", "native", "`pull-requests: write` of the report's own token; none on a fork's pull request"),
    Capability(
        "container", "native", "`container` of the job", "the image is always fetched, and its entrypoint is not run"
    ),
    Capability(
        "coverage", "emulated", "the rate is written to the job summary", "no trend and no annotations of lines"
    ),
    Capability(
        "docker", "native", "the runner's own Docker daemon; a container gets its socket, and needs the docker command"
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
    Capability("input", "native", "`inputs` in the job's `if`; where case counts, matched in bash by the job `plan`"),
    Capability("inputs", "native", "`inputs` of `workflow_dispatch`, checked again in the shell", "at most 25"),
    Capability("junit", "emulated", "counts and failures in the job summary, failures as annotations"),
    Capability("keep", "native", "an artifact with `retention-days`", "the repository's own limit may be lower"),
    Capability("legs", "native", "`matrix` in `runs-on`, `container` and `python-version`"),
    Capability(
        "lock", "native", "`concurrency` of the job with `queue: max`", "a run that awaits approval holds the lock"
    ),
    Capability("manual", "native", "`workflow_dispatch`"),
    Capability("matrix", "native", "`strategy.matrix`, with `fail-fast: false`"),
    Capability("max_parallel", "native", "`max-parallel`"),
    Capability("message", "emulated", "matched in bash by a job `plan`, before any other machine starts"),
    Capability("milestone", "native", "a job with `if: always()` that fails if what it waits for has not succeeded"),
    Capability(
        "native",
        "native",
        "the job as it is written, with its edges, condition and secrets",
        "the job is not written in its words",
        (("skip", "the jobs that are not written in GitHub's words are left out"),),
        "refuse",
    ),
    Capability("oidc", "native", "`id-token: write` and each cloud's own action"),
    Capability("on_failure", "native", "a step with `if: failure()`"),
    Capability(
        "order",
        "emulated",
        "the first step of a deployment compares it with the environment's last one through the API",
    ),
    Capability("permissions", "native", "`permissions` of the job's own token"),
    Capability("plain", "native", "`vars`: variables of the repository or the environment"),
    Capability("pull_request", "native", "`pull_request`; the merge with the target is tested"),
    Capability("push", "native", "`push` with `branches`"),
    Capability("python", "native", "actions/setup-python"),
    Capability(
        "references",
        "emulated",
        "exported at the head of each script; in the environment's address, an expression",
        "an address that refers to a secret is left out",
    ),
    Capability("renamed", "native", "in the environment of the steps"),
    Capability("result", "native", "`if` over the results of `needs`", "a permitted failure counts as a success"),
    Capability("retry", "emulated", "a loop in the shell, in the same workspace"),
    Capability(
        "reuse",
        "emulated",
        "actions/cache holds what the last run made; a branch or pull request writes no cache that another's reads",
        "of earlier runs, only the last one's files are kept",
    ),
    Capability(
        "root",
        "native",
        "a workflow of its own; `working-directory` of all steps, and paths from the repository's root",
    ),
    Capability("runner", "native", "`runs-on`"),
    Capability(
        "schedule",
        "native",
        "`schedule`, on the default branch",
        "a public repository's schedules stop after 60 days without activity",
    ),
    Capability(
        "secret_file", "emulated", "a file that only the user may read under `$RUNNER_TEMP`, removed by a last step"
    ),
    Capability("secrets", "native", "in the environment of the steps that run the job's scripts"),
    Capability(
        "services", "native", "`services` of the job, with a health check; without `ready`, a step waits for the ports"
    ),
    Capability("steps", "native", "steps; `timeout` and `retry` bound each of them"),
    Capability("summary", "native", "the job summary"),
    Capability(
        "system",
        "native",
        "hosted runners of that system",
        "macOS has no `timeout`: the step is bounded, in whole minutes and with all tries",
    ),
    Capability("tag", "native", "`push` with `tags`", "more than three tags pushed at once start nothing"),
    Capability(
        "timeout",
        "emulated",
        "`timeout` before the command; `timeout-minutes` behind it, with time for the rest of the job",
    ),
    Capability("url", "native", "`environment.url`"),
    Capability("value", "native", "outputs of the job that exports it", "a value that holds a secret is withheld"),
    Capability("working_directory", "native", "`working-directory` of the job's own steps"),
)
