"""What jobs are called in the file."""

from __future__ import annotations

from mlgen.ir import Job

# Words that cannot be names of jobs (https://docs.gitlab.com/ci/jobs/#job-names), and `pages`, which deploys a site.
RESERVED = {
    *("after_script", "before_script", "cache", "default", "false", "image", "include", "nil", "pages", "services"),
    *("spec", "stages", "true", "types", "variables", "workflow"),
}


def native_name(job: Job) -> str:
    """The job's name in the file."""
    return f"{job.stage}-{job.name}" if job.key in RESERVED else job.key
