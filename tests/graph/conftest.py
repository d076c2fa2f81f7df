"""Pipelines of every width, and a picture whose every text is a word of some language."""

import pytest

from mlgen.graph.picture import Picture, picture
from mlgen.ir import Pipeline
from tests.lower.specs import pipeline

HOSTILE = """'x"y]|{}<b>&amp;#35;;\\n%% --> `a` é "end" subgraph"""
"""A name with everything that is a word of one of the languages."""


def wide(jobs: int) -> Pipeline:
    """Stages of five jobs; the jobs of a stage wait for all of the one before."""
    stages = {f"s{number}": {f"j{number}x{i}": {"run": "./x"} for i in range(5)} for number in range(-(-jobs // 5))}
    return pipeline({"stages": stages})


@pytest.fixture
def hostile() -> Picture:
    """A picture each text of which is hostile."""
    spec = """
    stages:
      data: {fetch: {run: ./x, outs: [a.csv]}}
      train: {fit: {run: ./x, deps: [a.csv], matrix: {seed: [1, 2]}}, good: {gate: good}, more: {run: ./x}}
      deploy: {live: {run: ./x, environment: prod}, two: {run: ./x}, end: {run: ./x}}
      data2: {fetch2: {run: ./x, metrics: [m.json], needs: []}}
    gates: {good: {metrics: m.json, require: ["s > 1"]}}
    environments: {prod: {approval: true}}
    """
    found = picture(pipeline(spec))
    stages = tuple(
        (name + HOSTILE, tuple(n._replace(label=n.label + HOSTILE, tip=HOSTILE, stage=name + HOSTILE) for n in nodes))
        for name, nodes in found.stages
    )
    lines = tuple(line._replace(label=HOSTILE if line.label else "") for line in found.lines)
    joints = tuple(joint._replace(stage=joint.stage + HOSTILE) for joint in found.joints)
    return found._replace(title=HOSTILE, stages=stages, lines=lines, joints=joints)
