"""Small specs that were once compiled into something else than they mean, as the random ones showed."""

from __future__ import annotations

import pytest
import yaml

from tests.fuzz.settle import settle, text
from tests.fuzz.specs import TARGETS

FOUND = {
    "a gate that stops a deployment, which another job waits for as well": """
        stages:
          train: {fit: {run: x, metrics: [m.json]}}
          test: {even: {gate: even}}
          image: {tell: {run: x, needs: [even]}}
          deploy: {ship: {run: x}}
        gates: {even: {metrics: m.json, require: ["a > 1"], on_fail: stop}}
        """,
    "a milestone behind a job that needs one of failures": """
        stages:
          data: {a: {run: x}}
          train: {tell: {run: x, needs: [a], when: {result: failure}}}
          test: {use: {run: x, needs: [tell]}, done: {needs: [use, a]}}
        """,
    "a job behind a barrier on a job that needs one of failures": """
        stages:
          data: {a: {run: x}}
          train: {tell: {run: x, needs: [a], when: {result: failure}}, b: {run: x}}
          test: {use: {run: x, needs: [tell, b]}}
          last: {c: {run: x}}
        """,
    "a job behind one that needs one of successes": """
        stages:
          data: {a: {run: x}, b: {run: x, needs: [a]}}
          train: {tell: {run: x, needs: [a, b], when: {result: success}}}
          test: {use: {run: x, needs: [tell]}, all: {run: x, needs: [use], when: {result: any}}}
        """,
    "a summary beside the mark of a job that has run": """
        stages:
          data: {a: {run: x}}
          train: {tell: {run: x, needs: [a], when: {result: success}, reports: {summary: s.md}}}
          test: {use: {run: x, needs: [tell, a]}}
        """,
    "a job that may fail and was stopped, which another looks at": """
        stages:
          train: {fit: {run: x}, two: {run: x, needs: [fit], allow_failure: true}}
          test: {tell: {run: x, needs: [two], when: {result: failure}}}
          last: {last: {run: x, needs: [tell], when: {result: any}}}
        """,
    "a milestone once all stages have ended": """
        stages:
          train: {go: {run: x, outs: [out/go.txt]}}
          deploy: {two: {run: x}, deep: {run: x, needs: [two, go]}}
          last: {mix: {run: x, needs: [two], when: {result: failure}}, tell: {needs: [deep, mix]}}
        """,
    "a job once all stages have ended": """
        stages:
          train: {go: {run: x}}
          deploy: {two: {run: x}}
          last: {mix: {run: x, needs: [two], when: {result: any}}, use: {run: x, needs: [mix, two, go]}}
        """,
    "a deployment that needs one of successes": """
        stages:
          data: {fit: {run: x, when: {event: push}}}
          train: {tell: {run: x, needs: [fit], when: {result: failure}}}
          test: {x1: {run: x, needs: [fit], when: {result: success}}}
          deploy: {big: {run: x, needs: [x1, tell]}, small: {run: x, needs: [x1]}, next: {run: x, needs: [small]}}
        """,
    "how a job ended that looks at the message itself": """
        stages:
          train: {fit: {run: x, when: {message: 'say "so" $x'}}, tell: {run: x, needs: [fit], when: {result: any}}}
        """,
    "the values of a job that may fail": """
        stages:
          data: {lint: {run: x, allow_failure: true, exports: [score]}, unit: {run: x, needs: [lint]}}
          test: {done: {needs: [unit, lint]}, tell: {run: x, needs: [unit, lint], when: {result: any}}}
        """,
    "a job that its value leaves out, though another that it waits for has failed": """
        stages:
          train: {unit: {run: x, exports: [score]}, b: {run: x}}
          test:
            x1: {run: x, when: {value: {unit.score: high}}}
            eval: {run: x, needs: [unit], when: {result: failure}}
          last: {tell: {run: x, needs: [x1, unit], when: {result: failure}}}
        """,
    "a milestone behind a job that its value leaves out": """
        stages:
          train: {unit: {run: x, exports: [score]}, b: {run: x}}
          test: {x1: {run: x, when: {value: {unit.score: high}}}}
          last: {done: {needs: [x1, unit]}}
        """,
    "a job that one of two values leaves out, while the other is not told": """
        stages:
          train: {b: {run: x, exports: [v]}, c: {run: x, exports: [w]}}
          test: {j: {run: x, when: {value: {b.v: "1", c.w: "1"}}}}
          last: {k: {run: x, needs: [j], when: {result: failure}}}
        """,
    "a job that was stopped, and had nothing to do, before others that look at it": """
        stages:
          data:
            mix: {run: x, outs: [out/m.txt]}
            go: {run: x, deps: [out/m.txt], when: {changed: {paths: ["*.md"], against: main}}}
          train: {x1: {run: x, needs: [go], when: {result: success}}, done: {needs: [go]}, all: {needs: [go, mix]}}
        """,
    "a job that looks for a failure on an event on which there is none": """
        triggers: {push: {}, manual: {}}
        stages:
          train: {go: {run: x}, eval: {run: x, needs: [go], when: {event: push}}}
          monitor: {tell: {run: x, needs: [eval], when: {result: failure}}}
        """,
    "a job that its condition leaves out, and the values of one that may fail": """
        stages:
          data:
            a: {run: x, outs: [a.txt], when: {changed: {paths: ["*.md"], against: main}}}
            eval: {run: x, needs: [], allow_failure: true, exports: [score]}
          train: {mix: {run: x, needs: [a, eval]}}
          test: {x1: {run: x}}
        """,
    "jobs that may all fail, each for want of the files of the one before": """
        stages:
          train:
            a: {run: x, outs: [a.txt], allow_failure: true}
            b: {run: x, deps: [a.txt], outs: [b.txt], allow_failure: true}
            c: {run: x, deps: [b.txt], allow_failure: true}
            d: {run: x, needs: [c]}
            e: {run: x, needs: [d], when: {result: failure}}
        """,
    "the only job that is given a secret, beside one that only starts a pipeline": """
        secrets: {TOKEN: {}}
        triggers: {pull_request: {}}
        stages: {train: {fit: {run: x, secrets: [TOKEN], when: {message: "[fit]"}}}}
        """,
    "how one ended that a failure stopped before it could leave itself out": """
        stages:
          train: {fit: {run: x}}
          test: {deep: {run: x, when: {message: 'it''s "so" $x'}}}
          last: {tell: {run: x, when: {result: failure}}}
        """,
    "the values of a job that may fail, and that leaves itself out": """
        stages:
          train: {fit: {run: x, allow_failure: true, when: {changed: {paths: [docs], against: main}},
                        exports: {score: {json: m.json, key: a}}}}
          test: {use: {run: x, needs: [fit]}}
        """,
    "how one ended that one stopped which another had stopped": """
        stages:
          data: {unit: {run: x}, full: {run: x, when: {message: 'it''s "so" $x'}}}
          train: {two: {run: x, needs: [unit, full], outs: [a.txt]}}
          test: {mix: {run: x, needs: [full], deps: [a.txt]}}
          last: {tell: {run: x, needs: [unit, two, mix], when: {result: failure}}}
        """,
    "a job that looks at a deployment which a failure beside it has stopped": """
        triggers: {manual: {}}
        stages:
          deploy:
            big: {run: x, environment: staging}
            go: {run: x, needs: [big], when: {result: failure}}
          monitor: {unit: {run: x, needs: [], outs: [a.txt]}, fit: {run: x, deps: [a.txt]}}
        environments: {staging: {}}
        """,
    "a job behind all stages that looks at one which may fail, and was stopped": """
        triggers: {manual: {}}
        stages:
          data: {go: {run: x}}
          test: {two: {run: x, allow_failure: true}}
          deploy: {lint: {}}
          monitor: {use: {run: x, needs: [lint, two], when: {result: success}}}
        """,
    "the answer of a gate that a target leaves out": """
        stages:
          train: {fit: {run: x, metrics: [m.json]}, tell: {run: x, needs: [fit], when: {result: failure}}}
          deploy: {even: {gate: even}}
          monitor: {go: {run: x, when: {event: push}}}
        gates: {even: {metrics: m.json, require: ["a > 1"], on_fail: stop}}
        """,
    "a milestone behind one that lacks what a job which may fail, or not run, makes": """
        stages:
          data: {a: {run: x}}
          train:
            go: {run: x, needs: [a], when: {result: success}}
            two: {run: x, allow_failure: true, needs: [go], outs: [b.txt]}
          test: {use: {run: x, deps: [b.txt]}, done: {needs: [use]}}
        """,
}


@pytest.mark.parametrize("name", FOUND)
def test_what_was_found_is_mended(name: str) -> None:
    spec = {"version": 1, "project": "small", "targets": {target: {} for target in TARGETS}, "triggers": {"push": {}}}
    settled = settle({**spec, **yaml.safe_load(FOUND[name])})
    assert settled.faults == [], text(settled.spec)
    assert settled.compiled is not None and len(settled.spec["targets"]) >= 2, settled.refused
