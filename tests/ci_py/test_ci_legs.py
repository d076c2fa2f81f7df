"""legs and merge: two legs of a matrix never hand on the same file."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path

import pytest


def make(*names: str, text: str = "x") -> None:
    for name in names:
        Path(name).parent.mkdir(parents=True, exist_ok=True)
        Path(name).write_text(text)


@pytest.fixture
def legs(call):
    def legs(leg: str, *paths: str, out: str = "", job: str = "train.fit"):
        return call("legs", "--job", job, "--leg", leg, "--out", out or f"legs/{leg}.json", *paths)

    return legs


@pytest.fixture
def merge(call):
    def merge(*manifests: str, job: str = "train.fit"):
        return call("merge", "--job", job, *manifests)

    return merge


def test_manifest(legs) -> None:
    make("out/a.bin", "out/deep/b.bin", "c-1.txt", "./d")
    result = legs("seed=1", "out/", "c-*.txt", "./d", out="out/manifest.json")
    result.passed()
    assert result.out == "legs: train.fit (seed=1) made 4 files\n"
    digest = hashlib.sha256(b"x").hexdigest()
    assert json.loads(Path("out/manifest.json").read_text()) == {
        "job": "train.fit",
        "leg": "seed=1",
        "files": dict.fromkeys(["c-1.txt", "d", "out/a.bin", "out/deep/b.bin"], digest),
    }
    first = Path("out/manifest.json").read_bytes()
    legs("seed=1", "./d", "c-*.txt", "out", out="out/manifest.json").passed()
    assert Path("out/manifest.json").read_bytes() == first


@pytest.mark.parametrize("path", ["missing", "missing-*", "empty"])
def test_a_missing_out_fails(legs, path: str) -> None:
    Path("empty").mkdir()
    make("there")
    legs("1", "there", path).failed(f"train.fit (1) did not make {path}")


def test_paths_outside_are_refused(legs) -> None:
    make("../outside")
    legs("1", "../outside").failed("outside", code=2)
    legs("1", str(Path("../outside").resolve())).failed("outside", code=2)
    make("inside")
    legs("1", str(Path("inside").resolve())).passed()


def test_a_broken_link(legs) -> None:
    Path("link").symlink_to("nowhere")
    legs("1", "link").failed("link", code=2)


def test_legs_that_differ_are_merged(legs, merge) -> None:
    for seed in "123":
        make(f"m-{seed}.pkl")
        legs(seed, f"m-{seed}.pkl").passed()
    for manifests in (
        ["legs/1.json", "legs/2.json", "legs/3.json"],
        ["legs/*.json"],
        ["legs"],
        ["legs", "legs/1.json"],
    ):
        result = merge(*manifests)
        result.passed()
        assert result.out == "merge: 3 legs of train.fit made 3 files\n"


@pytest.mark.parametrize("same", [True, False])
def test_a_collision_names_both_legs(legs, merge, same: bool) -> None:
    make("m.pkl")
    legs("seed=1", "m.pkl").passed()
    make("m.pkl", text="x" if same else "y")
    legs("seed=2", "./m.pkl").passed()
    merge("legs").failed("train.fit", "m.pkl by seed=1 and seed=2", "same content" if same else "different content")


def test_one_leg_twice(legs, merge) -> None:
    make("m.pkl")
    legs("1", "m.pkl", out="a.json").passed()
    legs("1", "m.pkl", out="b.json").passed()
    merge("a.json", "b.json").failed("b.json", "leg 1")
    merge("a.json", "./a.json").passed()


@pytest.mark.parametrize(
    "text",
    [
        "",
        "[]",
        "{}",
        '{"job": "train.fit", "leg": 1, "files": {}}',
        '{"job": "train.fit", "leg": "1", "files": []}',
        '{"job": "other", "leg": "1", "files": {}}',
    ],
)
def test_a_broken_manifest(merge, text: str) -> None:
    make("m.json", text=text)
    merge("m.json").failed("m.json", code=2)


def test_a_missing_manifest(merge) -> None:
    merge("none-*.json").failed("none-*.json", code=2)
