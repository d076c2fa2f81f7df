"""The text of a first spec: what each line does, and which lines come next.

A comment that starts with a capital letter is prose; every other one is YAML that can be uncommented where it stands.
"""

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence

from mlgen import targets
from mlgen.init.draft import Draft, Job
from mlgen.init.work import Import
from mlgen.named import NamedTuple
from mlgen.quoting import yaml_flow, yaml_list, yaml_scalar

WIDTH = 120


class Fallback(NamedTuple):
    """What a target does with a construct that it says in a weaker way, and what that means."""

    construct: str
    choice: str
    meaning: str


def spec_text(content: Draft, fallbacks: Mapping[str, Sequence[Fallback]]) -> str:
    """The whole text."""
    sections = (
        _head(),
        _project(content),
        _targets(content, fallbacks),
        _runtime(content),
        _triggers(content),
        _stages(content),
        _next(content),
    )
    return "\n".join("\n".join(lines) + "\n" for section in sections if (lines := list(section)))


def _said(line: str, comment: str) -> str:
    """The line with its comment behind it, or above it where both are too long."""
    if not comment:
        return line
    together = f"{line}  # {comment}"
    if len(together) <= WIDTH or "\n" in comment:
        return together
    return f"{line[: len(line) - len(line.lstrip())]}# {comment[0].upper()}{comment[1:]}:\n{line}"


def _head() -> Iterator[str]:
    yield "# What CI does for this project, on every system under `targets`. Their files are made from this one:"
    yield "# change it, run `mlgen compile`, and commit both."
    yield "version: 1"


def _project(content: Draft) -> Iterator[str]:
    yield "project:"
    yield f"  name: {yaml_scalar(content.name)}"
    if content.repository.address:
        comment = "copies of it neither deploy nor run schedules"
        yield _said(f"  repository: {yaml_scalar(content.repository.address)}", comment)
    if content.repository.branch != "main":
        yield f"  default_branch: {yaml_scalar(content.repository.branch)}"


def _targets(content: Draft, fallbacks: Mapping[str, Sequence[Fallback]]) -> Iterator[str]:
    yield "targets:  # `mlgen targets NAME` tells what each can say"
    for name in content.targets:
        signs = content.signs.get(name, ())
        why = f"found: {', '.join(signs[:2])}{', …' if len(signs) > 2 else ''}" if signs else ""
        if not fallbacks.get(name):
            yield _said(f"  {name}: {{}}", why)
            continue
        yield _said(f"  {name}:", why)
        yield f"    fallback:  # what {targets.get(name).title} cannot say, and what happens instead"
        for each in fallbacks[name]:
            yield _said(f"      {each.construct}: {each.choice}", each.meaning)


def _runtime(content: Draft) -> Iterator[str]:
    tool = content.packages
    yield "runtime:  # what every job runs in"
    if tool.image:
        yield _said(f"  image: {yaml_scalar(tool.image)}", f"{tool.tool}; pin it by digest")
    else:
        yield _said(f'  python: "{content.python}"', content.python_why)
    if tool.setup:
        yield "  setup:  # heads every job"
        yield from (f"    - {yaml_scalar(line)}" for line in tool.setup)
    if content.work.imported and content.work.imported.kept:
        pad, pull = "    " if tool.setup else "  ", tool.command("dvc pull")
        yield f"{pad}# Data that DVC keeps elsewhere; the credentials of its storage are secrets of the jobs:"
        yield f"{pad}# - {yaml_scalar(pull)}" if tool.setup else f"{pad}# setup: [pip install dvc, {pull}]"
    if tool.cache:
        yield "  cache:  # kept between runs"
        yield f"    paths: {yaml_list([tool.cache])}"
        yield _said(f"    key: {yaml_list(tool.key)}", "a new one when these change")


def _triggers(content: Draft) -> Iterator[str]:
    yield "triggers:"
    yield "  push:"
    yield f"    branches: {yaml_list([content.repository.branch])}"
    yield "  pull_request: {}"
    yield "  manual: {}  # started by a person"
    yield '  # tag: ["v*"]'
    yield '  # schedule: [{name: weekly, cron: "17 3 * * 1"}]  # Mondays, 03:17 UTC; all stages but deploy'


def _stages(content: Draft) -> Iterator[str]:
    yield "stages:  # in this order; the jobs of a stage run side by side"
    for index, (stage, jobs) in enumerate(content.stages):
        if index:
            yield ""
        yield f"  {stage}:"
        if content.imported and not jobs:
            yield from _imported(content.imported)
        for number, job in enumerate(jobs):
            if number:
                yield ""
            yield from _job(job, first=number == 0)
        if stage == "train" and jobs and not any(job.outs or job.metrics for job in jobs):
            yield "      # Only declared files leave a job, and reach the jobs that have them under `deps`:"
            yield "      # outs: [models/model.pkl]"
            yield "      # metrics: [metrics.json]"
        if stage == content.stages[-1][0]:
            yield from _later_jobs(content)
    yield from _deploy(content)


def _imported(found: Import) -> Iterator[str]:
    what = "stages, with its command and its files," if found.file == "dvc.yaml" else "entry points"
    yield f"    from: {found.file}  # each of its {what} is a job"
    if found.only:
        yield f"    only: {yaml_list(found.only)}"
    if found.names:
        yield "    # A job of the same name says more of it:"
        more = "timeout: 2h" if found.file == "dvc.yaml" else "outs: [models/model.pkl], metrics: [metrics.json]"
        yield from _commented(4, [f"{found.names[0]}: {{{more}}}"])


def _job(job: Job, first: bool) -> Iterator[str]:
    yield _said(f"    {job.name}:", job.comment)
    if len(job.run) == 1:
        yield f"      run: {yaml_scalar(job.run[0])}"
    else:
        yield "      run:"
        yield from (f"        - {yaml_scalar(line)}" for line in job.run)
    if job.alone:
        yield "      needs: []" + ("  # waits for no other job" if first else "")
    comments = {"outs": "handed to the jobs that have it under `deps`", "metrics": "numbers that a gate can judge"}
    for key in ("outs", "metrics"):
        if files := getattr(job, key):
            yield _said(f"      {key}: {yaml_list(files)}", comments.get(key, ""))
    if job.junit or job.coverage:
        yield "      reports:"
    if job.junit:
        yield f"        junit: {yaml_scalar(job.junit)}"
    if job.coverage:
        yield f"        coverage: {{path: {yaml_flow(job.coverage)}}}"


def _commented(indent: int, lines: Iterable[str]) -> Iterator[str]:
    """Lines of YAML as comments that stand where the YAML would."""
    yield from (f"{' ' * indent}# {line}" for line in lines)


def _later_jobs(content: Draft) -> Iterator[str]:
    """Jobs that fit into the last stage."""
    if content.work.notebooks and not any(job.name == "notebook" for _, jobs in content.stages for job in jobs):
        yield ""
        yield "    # A notebook, run from top to bottom:"
        lines = (f"    - {yaml_scalar(line)}" for line in content.work.notebooks)
        yield from _commented(4, ["notebook:", "  run:", *lines])
    if content.work.metric and content.stages[-1][0] != "train":
        yield ""
        yield "    # Red unless the numbers are good enough; with `gates` below:"
        yield from _commented(4, ["quality: {gate: quality}"])


def _deploy(content: Draft) -> Iterator[str]:
    """A deployment by the tool whose files are there, to be uncommented once its credentials are set."""
    work = content.work
    command, what = "", ""
    if work.chart:
        command, what = f"helm upgrade --install {content.name.lower().replace('_', '-')} {work.chart}", work.chart
    elif work.manifests:
        command, what = f"kubectl apply -f {work.manifests}", work.manifests
    if command:
        yield ""
        yield f"  # Deploys {what} once all above has passed, never for a pull request."
        yield "  # It needs `environments` below, and the credentials of the cluster as a secret:"
        yield from _commented(
            2, ["deploy:", "  staging:", "    environment: staging", f"    run: {yaml_scalar(command)}"]
        )


def _next(content: Draft) -> Iterator[str]:
    """Sections that the commented jobs need."""
    if content.work.metric and content.stages[-1][0] != "train":
        path, name, value = content.work.metric
        sign = "<=" if re.search("loss|err|rmse|mae|mse|mape|perplexity", name, re.IGNORECASE) else ">="
        yield f"# Today {path} has {name} = {value:g}:"
        yield from _commented(
            0,
            ["gates:", "  quality:", f"    metrics: {yaml_scalar(path)}", f'    require: ["{name} {sign} {value:g}"]'],
        )
    if content.work.chart or content.work.manifests:
        yield "# Where deployments go; add `approval: true` where a person must agree first:"
        yield from _commented(0, ["environments:", "  staging: {}"])
