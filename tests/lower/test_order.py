"""Who waits for whom, and receives what."""

import pytest

from tests.lower.specs import codes, edges, pipeline

STAGED = """
stages:
  data:
    fetch: {run: a, outs: [data/wine.csv]}
    check: {run: a}
  train:
    fit: {run: a, deps: [data/], outs: [model.pkl], metrics: [metrics.json]}
  test:
    unit: {run: a, needs: []}
    slow: {run: a, needs: [unit]}
    quality: {gate: quality}
  deploy:
    app: {run: a, needs: [slow], deps: [model.pkl]}
gates: {quality: {metrics: metrics.json, require: ["a > 1"]}}
"""


def test_a_job_waits_for_all_earlier_stages() -> None:
    assert edges(pipeline(STAGED).job("train.fit")) == {"data.fetch": "hard", "data.check": "barrier"}


def test_needs_are_instead_of_the_stages() -> None:
    p = pipeline(STAGED)
    assert edges(p.job("test.unit")) == {}
    assert edges(p.job("test.slow")) == {"test.unit": "hard"}


def test_a_gate_reads_its_metrics() -> None:
    assert edges(pipeline(STAGED).job("test.quality")) == {
        "train.fit": "hard",
        "data.fetch": "barrier",
        "data.check": "barrier",
    }


def test_a_deployment_waits_for_everything_before_it_as_well() -> None:
    found = edges(pipeline(STAGED).job("deploy.app"))
    assert found == {
        "train.fit": "hard", "test.slow": "hard",
        "data.fetch": "barrier", "data.check": "barrier", "test.unit": "barrier", "test.quality": "barrier",
    }  # fmt: skip


def test_a_job_with_a_deploying_environment_in_another_stage_waits_too() -> None:
    text = """
environments: {prod: {}, data: {deployment: false}}
stages:
  data: {fetch: {run: a}}
  test:
    ship: {run: a, needs: [], environment: prod, when: {branch: main}}
    look: {run: a, needs: [], environment: data}
"""
    assert edges(pipeline(text).job("test.ship")) == {"data.fetch": "barrier"}
    assert edges(pipeline(text).job("test.look")) == {}


def test_jobs_of_one_stage_run_side_by_side() -> None:
    assert edges(pipeline("stages: {test: {a: {run: a}, b: {run: b}}}").job("test.b")) == {}


def test_hard_edges_come_first_in_the_order_of_the_jobs() -> None:
    assert list(edges(pipeline(STAGED).job("deploy.app"))) == [
        "train.fit", "test.slow", "data.fetch", "data.check", "test.unit", "test.quality",
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("made", "read", "meet"),
    [
        ("data.csv", "data.csv", True),
        ("./data.csv", "data.csv", True),
        ("data/", "data/wine.csv", True),
        ("data/wine.csv", "data", True),
        ("data/wine.csv", "data/", True),
        ("data/wine.csv", "data/*.csv", True),
        ("data/*.csv", "data/wine.csv", True),
        ("data/a/wine.csv", "data/*.csv", False),
        ("data/a/wine.csv", "data/**", True),
        ("data/a/b.csv", "data/**/b.csv", True),
        ("out/${matrix.seed}/m.json", "out/1/m.json", True),
        ("out/${matrix.seed}/m.json", "out/*/m.json", True),
        ("data.csv", "data", False),
        ("data", "data.csv", False),
        ("data/wine.csv", "data/wine.csv.gz", False),
        ("Data.csv", "data.csv", False),
        ("a/b", "b", False),
    ],
)
def test_which_paths_are_the_same_file(made: str, read: str, meet: bool) -> None:
    maker = {"run": "a", "outs": [made], **({"matrix": {"seed": [1, 2]}} if "matrix" in made else {})}
    spec = {"stages": {"data": {"make": maker, "read": {"run": "b", "deps": [read], "needs": []}}}}
    job = pipeline(spec).job("data.read")
    assert edges(job) == ({"data.make": "hard"} if meet else {})
    assert [take.job for take in job.takes] == (["data.make"] if meet else [])


@pytest.mark.parametrize("key", ["outs", "metrics", "plots"])
def test_what_leaves_a_job(key: str) -> None:
    spec = {"stages": {"data": {"make": {"run": "a", key: ["x"]}, "read": {"run": "b", "deps": ["x"]}}}}
    assert edges(pipeline(spec).job("data.read")) == {"data.make": "hard"}


def test_needs_by_name_and_by_stage() -> None:
    text = """
stages:
  data: {prepare: {run: a}}
  train:
    prepare: {run: a, needs: []}
    fit: {run: a, needs: [data.prepare, train.prepare]}
    one: {run: a, needs: [fit]}
    three: {run: a, needs: train.fit}
"""
    p = pipeline(text)
    assert edges(p.job("train.fit")) == {"data.prepare": "hard", "train.prepare": "hard"}
    assert edges(p.job("train.one")) == edges(p.job("train.three")) == {"train.fit": "hard"}


def test_an_optional_need_is_a_barrier() -> None:
    text = """
stages:
  a: {x: {run: x, when: {event: push}}, y: {run: y}}
  b: {z: {run: z, needs: [{job: x, optional: true}, y]}}
"""
    assert edges(pipeline(text).job("b.z")) == {"a.y": "hard", "a.x": "barrier?"}


def test_a_file_makes_an_optional_need_hard() -> None:
    text = "stages: {a: {x: {run: x, outs: [f]}}, b: {z: {run: z, deps: [f], needs: [{job: x, optional: true}]}}}"
    assert edges(pipeline(text).job("b.z")) == {"a.x": "hard"}


def test_exports_reach_direct_dependents() -> None:
    text = """
stages:
  a: {x: {run: x, exports: [score]}}
  b: {y: {run: y, needs: [x]}, z: {run: z}}
  c: {w: {run: w, needs: [y]}}
"""
    p = pipeline(text)
    assert [(e.job, e.exports) for e in p.job("b.y").edges] == [("a.x", True)]
    assert [(e.job, e.exports) for e in p.job("b.z").edges] == [("a.x", False)]
    assert [t.bundle for t in p.job("b.y").takes] == ["x-exports"]
    assert p.job("c.w").takes == ()
    assert p.job("a.x").bundles[0].paths == (".mlgen/exports/x.env",)


def test_files_that_travel_together_are_one_bundle() -> None:
    text = """
stages:
  a: {x: {run: x, outs: [one, two, three/a.csv, three/b.csv], metrics: [m.json]}}
  b:
    y: {run: y, deps: [one, two]}
    z: {run: z, deps: [three/]}
"""
    p = pipeline(text)
    found = {b.name: (b.paths, b.consumers) for b in p.job("a.x").bundles}
    assert found == {
        "x-one": (("one", "two"), ("b.y",)),
        "x-a": (("three/a.csv", "three/b.csv"), ("b.z",)),
        "x-m": (("m.json",), ()),
    }
    assert [(t.job, t.bundle, t.paths) for t in p.job("b.y").takes] == [("a.x", "x-one", ("one", "two"))]


def test_bundles_whose_names_are_alike_keep_apart() -> None:
    text = """
stages:
  a: {x: {run: x, outs: [p/data.csv, q/data.csv, r/DATA.csv]}}
  b: {y: {run: y, deps: [p/data.csv]}, z: {run: z, deps: [q/data.csv]}}
"""
    names = [b.name for b in pipeline(text).job("a.x").bundles]
    assert names == ["x-data", "x-data-2", "x-DATA-3"]


def test_circles() -> None:
    assert codes("stages: {a: {x: {run: x, needs: [y]}, y: {run: y, needs: [x]}}}") == ["MLG301"]
    assert codes("stages: {a: {x: {run: x, needs: [y]}}, b: {y: {run: y}}}") == ["MLG301"], "by the order of the stages"
    assert codes("stages: {a: {x: {run: x, deps: [f]}}, b: {y: {run: y, outs: [f]}}}") == ["MLG301"]
    assert codes("stages: {a: {x: {run: x, deps: [f]}}, b: {y: {run: y, outs: [f], needs: []}}}") == []


def test_two_makers_of_one_path() -> None:
    assert codes("stages: {a: {x: {run: x, outs: [d]}, y: {run: y, outs: [d/e]}}}") == ["MLG302"]
    assert codes("stages: {a: {x: {run: x, outs: [d/e]}, y: {run: y, outs: [d/f]}}}") == []
    apart = """
stages:
  a:
    x: {run: x, outs: [d], when: {branch: main}}
    y: {run: y, outs: [d], when: {not: {branch: main}}}
"""
    assert codes(apart) == [], "no event runs both"


def test_keys_are_short_and_unique_whatever_the_case() -> None:
    text = """
stages:
  a: {x: {run: x}, Y: {run: x}, z_1: {run: x}}
  b: {x: {run: x}, y: {run: x}, a-x: {run: x}, w: {run: x}, z-1: {run: x}}
"""
    keys = [job.key for job in pipeline(text).jobs]
    assert keys == ["a-x", "a-Y", "a-z_1", "b-x", "b-y", "b-a-x", "w", "b-z-1"]
    assert len({key.lower().replace("_", "-") for key in keys}) == len(keys)
