"""The text of a first spec: what each line does, and which lines come next.

A comment that starts with a capital letter is prose; every other one is YAML that can be uncommented where it stands.
"""

from __future__ import annotations

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
        _places(content),
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
        pull = f"{tool.activate} && {pull}" if tool.activate and not tool.run else pull
        yield f"{pad}# Data that DVC keeps elsewhere; the credentials of its storage are secrets of the jobs:"
        yield f"{pad}# - {yaml_scalar(pull)}" if tool.setup else f"{pad}# setup: [pip install dvc, {pull}]"
    if tool.activate and not tool.run:
        yield _said(f"  activate: {yaml_scalar(tool.activate)}", "heads the scripts of every job")
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
    """What builds an image and rolls it out, by the files that are there."""
    pushed = "" if content.registry else "; its name begins with your registry"
    sections = [(f"Builds the image, and pushes it unless this is a pull request{pushed}.", _build(content))]
    needed = "" if content.deploys else " It needs the secret and the environments below:"
    sections.append((f"Deploys once all above has passed, never for a pull request.{needed}", _roll_out(content)))
    for head, lines in sections:
        if lines:
            yield ""
            yield f"  # {head}"
            yield from ([f"  {line}" for line in lines] if content.deploys else _commented(2, lines))


def _build(content: Draft) -> list[str]:
    if not content.work.dockerfile:
        return []
    name = content.registry or f"registry.example.org/{content.name.lower()}"
    login = ["      login: host"] if content.registry else []
    return ["image:", "  service:", "    build:", f"      image: {yaml_scalar(name)}", *login]


def _roll_out(content: Draft) -> list[str]:
    """To staging, then to production, by helm or kubectl."""
    work = content.work
    if work.chart:
        release = content.name.lower().replace("_", "-")
        tool = 'helm: "3.19"'
        does = ["    helm:", f"      chart: {yaml_scalar(work.chart)}", f"      release: {yaml_scalar(release)}"]
    elif work.manifests:
        tool = 'kubectl: "1.34"'
        does = ["    kubernetes:", f"      manifests: {yaml_scalar(work.manifests)}"]
        if work.dockerfile and len(work.images) == 1:
            does.append(f"      images: {{{yaml_flow(work.images[0])}: service}}")
    else:
        return []
    lines = ["deploy:"]
    for place, needs in (("staging", []), ("production", ["    needs: [staging]"])):
        lines += [f"  {place}:", f"    environment: {place}", *needs]
        lines += ["    secrets: [KUBECONFIG]", f"    tools: {{{tool}}}", *does]
    return lines


def _places(content: Draft) -> Iterator[str]:
    """The credentials of the cluster, and the environments."""
    if not content.work.chart and not content.work.manifests:
        return
    lines = [
        "secrets:",
        "  KUBECONFIG: {file: true, environments: [staging, production]}",
        "environments:",
        "  staging: {}",
        "  production: {approval: true}",
    ]
    yield "# Where deployments go. `mlgen settings` tells where KUBECONFIG, the login of the cluster, is set:"
    yield from (lines if content.deploys else _commented(0, lines))


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
