"""How a job's repositories are checked out, where it is not as the branch source says."""

from __future__ import annotations

from mlgen.ir import Checkout, Job, Pipeline
from mlgen.quoting import groovy
from mlgen.targets.jenkins.parts import credential

OWN = (Checkout(),)
TOOLS = "mlgen"
"""The stash with mlgen's own files, for jobs that see no repository."""


def plain(job: Job) -> bool:
    """Whether the job has the project's repository as the branch source gives it.

    `depth: 0` is what a branch source without a shallow clone gives.
    """
    return tuple(one._replace(depth=one.depth or None) for one in job.checkouts) == OWN


def needs_tools(job: Job) -> bool:
    """Whether the job has to be given mlgen's own files."""
    return not any(not one.repository and not one.path for one in job.checkouts)


def statements(pipeline: Pipeline, job: Job) -> list[str]:
    """The statements that check out all repositories; the last gives the variables of the project's own."""
    found = []
    own = "[:]"
    for one in job.checkouts:
        call = f"checkout({_source(pipeline, one)})"
        if one.path:
            call = f"dir({groovy(one.path)}) {{ {call} }}"
        if one.repository or own != "[:]":
            found.append(call)
        else:
            found.append(f"def own = {call}")
            own = "own"
    if needs_tools(job):
        found.append(f"unstash {groovy(TOOLS)}")
    return [*found, own]


def _source(pipeline: Pipeline, one: Checkout) -> str:
    """https://www.jenkins.io/doc/pipeline/steps/params/scmgit/"""
    extensions = []
    if one.depth:
        extensions.append(f"cloneOption(shallow: true, depth: {one.depth}, noTags: false, reference: '')")
    if one.lfs:
        extensions.append("lfs()")
    if one.submodules:
        deep = "true" if one.submodules == "recursive" else "false"
        said = f"disableSubmodules: false, parentCredentials: true, recursiveSubmodules: {deep}, reference: ''"
        extensions.append(f"submodule({said}, trackingSubmodules: false)")
    if not one.repository and not one.ref:
        if not extensions:
            return "scm"
        more = f"scm.extensions + [{', '.join(extensions)}]"
        return f"scmGit(branches: scm.branches, extensions: {more}, userRemoteConfigs: scm.userRemoteConfigs)"
    remote = [f"url: {groovy(f'https://{one.repository}')}" if one.repository else "url: scm.userRemoteConfigs[0].url"]
    if one.token:
        remote.append(f"credentialsId: {groovy(credential(pipeline, one.token))}")
    elif not one.repository:
        remote.append("credentialsId: scm.userRemoteConfigs[0].credentialsId")
    where = f"branches: [[name: {groovy(one.ref)}]], userRemoteConfigs: [[{', '.join(remote)}]]"
    return f"scmGit({where}, extensions: [{', '.join(extensions)}])"
