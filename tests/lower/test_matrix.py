"""Matrices: legs, their names, what they hand on."""

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mlgen.ir import Matrix
from tests.lower.specs import codes, pipeline, trusted


def matrix(said: dict[str, Any], **job: Any) -> Matrix:
    found = trusted({"stages": {"train": {"sweep": {"run": "x", "matrix": said, **job}}}}).job("train.sweep").matrix
    assert found is not None
    return found


def legs(said: dict[str, Any]) -> list[dict[str, str]]:
    return [dict(leg.values) for leg in matrix(said).legs]


def test_the_product_of_the_axes_in_the_order_written() -> None:
    found = matrix({"b": [1, 2], "a": ["x", True]})
    assert found.axes == ("b", "a")
    assert [leg.slug for leg in found.legs] == ["1-x", "1-true", "2-x", "2-true"]
    assert found.crossed == (("b", ("1", "2")), ("a", ("x", "true")))


def test_exclude_takes_legs_out_that_have_all_its_values() -> None:
    assert legs({"a": [1, 2], "b": [1, 2], "exclude": [{"a": 1, "b": 2}, {"a": 2}]}) == [{"a": "1", "b": "1"}]
    assert legs({"a": [1, 2], "exclude": [{"a": 7}]}) == [{"a": "1"}, {"a": "2"}]
    assert matrix({"a": [1, 2], "exclude": [{"a": 7}]}).crossed == ()


def test_include_adds_a_leg_once_and_after_exclude() -> None:
    assert legs({"a": [1, 2], "include": [{"a": 3}, {"a": 1}, {"a": 3}]}) == [{"a": "1"}, {"a": "2"}, {"a": "3"}]
    assert legs({"a": [1, 2], "exclude": [{"a": 1}], "include": [{"a": 1}]}) == [{"a": "2"}, {"a": "1"}]
    assert legs({"a": [1], "include": [{"b": 2}]}) == [{"a": "1"}, {"b": "2"}]
    assert matrix({"a": [1], "include": [{"b": 2}]}).axes == ("a", "b")


def test_a_matrix_of_include_alone() -> None:
    assert legs({"include": [{"a": 1, "b": 2}, {"a": 3, "b": 4}]}) == [{"a": "1", "b": "2"}, {"a": "3", "b": "4"}]


def test_max_parallel() -> None:
    assert matrix({"a": [1, 2]}).max_parallel == 0
    assert matrix({"a": [1, 2], "max_parallel": 2}).max_parallel == 2


@pytest.mark.parametrize(
    ("values", "slugs"),
    [
        (["a", "A"], ["a-1", "A-2"]),
        (["a/b", "a b", "a_b"], ["a_b-1", "a_b-2", "a_b-3"]),
        (["a", "A", "a-1"], ["a-1-1", "A-2", "a-1"]),
        (["", "x"], ["1", "x"]),
        (["", "1"], ["1-1", "1"]),
        (["..", ".x"], ["1", "x"]),
        (["ä", "ö"], ["_-1", "_-2"]),
        ([0.5, 1, True, "true-ish"], ["0.5", "1", "true", "true-ish"]),
        (["x" * 100, "x" * 99], ["x" * 60 + "-1", "x" * 60 + "-2"]),
    ],
)
def test_slugs(values: list[Any], slugs: list[str]) -> None:
    assert [leg.slug for leg in matrix({"a": values}).legs] == slugs


VALUES = st.lists(st.text(st.sampled_from("aA1-_. /ä"), max_size=4), min_size=1, max_size=6, unique=True)


@settings(deadline=None, max_examples=150)
@given(VALUES, VALUES)
def test_each_leg_has_a_name_of_its_own_that_any_file_system_takes(one: list[str], two: list[str]) -> None:
    found = [leg.slug for leg in matrix({"a": one, "b": two}).legs]
    assert len({slug.lower() for slug in found}) == len(one) * len(two)
    assert all(slug and not slug.startswith(".") and set(slug) <= set("aA1-_.0123456789") for slug in found)


@pytest.mark.parametrize(
    ("outs", "collide"),
    [
        (["m-${matrix.a}-${matrix.b}.pkl"], False),
        (["m-${matrix.a}.pkl"], True),
        (["${matrix.a}/${matrix.b}/"], False),
        (["plots/"], True),
        (["*.pkl"], True),
        ([], False),
    ],
)
def test_whether_legs_could_write_the_same_file(outs: list[str], collide: bool) -> None:
    spec = {"stages": {"train": {"sweep": {"run": "x", "matrix": {"a": [1, 2], "b": [1, 2]}, "outs": outs}}}}
    if collide and outs[0].endswith("${matrix.a}.pkl"):
        assert matrix({"a": [1, 2], "b": [1, 2]}, outs=outs).collide
    found = trusted(spec).job("train.sweep").matrix
    assert found is not None
    assert found.collide is collide


@pytest.mark.parametrize(
    ("job", "code"),
    [
        ({"matrix": {"a": [1, 2]}, "outs": ["m.pkl"]}, ["MLG206"]),
        ({"matrix": {"a": [1]}, "outs": ["m.pkl"]}, []),
        ({"matrix": {"a": [1, 2]}, "exports": ["x"]}, ["MLG206"]),
        ({"matrix": {"a": [1], "exclude": [{"a": 1}]}}, ["MLG211"]),
        ({"matrix": {"a": list(range(257))}}, ["MLG211"]),
        ({"matrix": {"a": list(range(256))}}, []),
        ({"matrix": {"a": [1, 2], "exclude": [{"b": 1}]}}, ["MLG207"]),
        ({"matrix": {"a": [1]}, "outs": ["${matrix.b}"]}, ["MLG207"]),
        ({"outs": ["${matrix.b}"]}, ["MLG207"]),
        ({"matrix": {"a": [1], "include": [{"b": 1}]}, "outs": ["x-${matrix.a}"]}, ["MLG207"]),
        ({"matrix": {"a": [1], "include": [{"b": 1}]}, "outs": ["x-${matrix.b}"]}, ["MLG207"]),
        ({"matrix": {"include": [{"b": 1}, {"b": 2}]}, "outs": ["x-${matrix.b}"]}, []),
        ({"matrix": {"PATH_A": [1], "path_a": [2]}}, []),
    ],
)
def test_what_a_matrix_may_not_be(job: dict[str, Any], code: list[str]) -> None:
    assert codes({"stages": {"train": {"sweep": {"run": "x", **job}}}}) == code


def test_a_dependent_receives_the_union_of_the_legs() -> None:
    text = """
stages:
  train: {sweep: {run: x, matrix: {seed: [1, 2]}, outs: ["out/${matrix.seed}.pkl"]}}
  test: {all: {run: x, deps: [out/]}, one: {run: x, deps: [out/1.pkl]}}
"""
    p = pipeline(text)
    assert [t.paths for t in p.job("test.all").takes] == [("out/${matrix.seed}.pkl",)]
    assert [t.paths for t in p.job("test.one").takes] == [("out/${matrix.seed}.pkl",)]


def sharded(**job: Any) -> Matrix | None:
    return trusted({"stages": {"test": {"slow": {"run": "x", **job}}}}).job("test.slow").matrix


def test_shards_are_an_axis() -> None:
    found = sharded(shards=3)
    assert found is not None
    assert found.axes == ("MLGEN_SHARD",)
    assert found.crossed == (("MLGEN_SHARD", ("1", "2", "3")),)
    job = trusted({"stages": {"test": {"slow": {"run": "x", "shards": 3, "env": {"A": 1}}}}}).job("test.slow")
    assert job.env == (("A", "1"), ("MLGEN_SHARDS", "3"))


def test_shards_multiply_the_legs_of_a_matrix() -> None:
    said = {"os": ["a", "b"], "exclude": [{"os": "a"}], "include": [{"os": "c"}], "max_parallel": 2}
    found = sharded(shards=2, matrix=said)
    assert found is not None
    assert [leg.values for leg in found.legs] == [
        (("os", os), ("MLGEN_SHARD", shard)) for os in ("b", "c") for shard in ("1", "2")
    ]
    assert found.max_parallel == 2
    alone = sharded(shards=2, matrix={"include": [{"os": "a"}]})
    assert alone is not None
    assert [leg.slug for leg in alone.legs] == ["a-1", "a-2"]


def test_shards_may_not_write_one_file() -> None:
    job: dict[str, Any] = {"run": "x", "shards": 2, "outs": ["r.xml"]}
    assert codes({"stages": {"test": {"slow": job}}}) == ["MLG206"]
    assert codes({"stages": {"test": {"slow": {**job, "outs": ["${matrix.MLGEN_SHARD}/r.xml"]}}}}) == []


def test_shards_and_a_matrix_have_no_more_legs_than_a_matrix() -> None:
    job: dict[str, Any] = {"run": "x", "shards": 128, "matrix": {"a": [1, 2]}}
    assert codes({"stages": {"test": {"slow": job}}}) == []
    assert codes({"stages": {"test": {"slow": {**job, "shards": 129}}}}) == ["MLG211"]


def test_the_names_of_shards_are_mlgens_own() -> None:
    assert codes({"stages": {"test": {"slow": {"run": "x", "matrix": {"MLGEN_SHARD": [1]}}}}}) == ["MLG212"]
    assert codes({"stages": {"test": {"slow": {"run": "x", "shards": 2, "env": {"MLGEN_SHARDS": 2}}}}}) == ["MLG212"]
    job = {"run": "x", "shards": 2, "matrix": {"a": [1], "MLGEN_SHARD": [1]}}
    assert codes({"stages": {"test": {"slow": job}}}) == ["MLG212"]
