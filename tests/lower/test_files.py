"""Which files travel together, and under which names."""

from hypothesis import given, settings
from hypothesis import strategies as st

from mlgen.ir import paths
from tests.lower.specs import codes, pipeline

PATHS = st.lists(
    st.sampled_from(["a", "b", "ab", "a*", "*", "**", "?", "[ab]", "x.csv", "x-${matrix.seed}", "./a"]),
    min_size=1,
    max_size=4,
).map("/".join)


def test_names_of_bundles_are_unique_in_the_whole_pipeline() -> None:
    found = pipeline(
        """
        stages:
          train:
            fit: {run: x, outs: [a/model.pkl, log.txt]}
            fit-model: {run: x, outs: [other.pkl], needs: []}
          test:
            a: {run: x, deps: [a/model.pkl], needs: []}
            b: {run: x, deps: [log.txt], needs: []}
        """
    )
    names = [bundle.name.lower() for job in found.jobs for bundle in job.bundles]
    assert len(names) == len(set(names)) == 3
    fit = found.job("train.fit")
    assert {take.bundle for take in found.job("test.a").takes} == {
        b.name for b in fit.bundles if "a/model.pkl" in b.paths
    }


def test_a_consumer_takes_only_what_it_declares() -> None:
    found = pipeline(
        """
        stages:
          train: {fit: {run: x, outs: [model.pkl, log.txt], metrics: [m.json], exports: [score]}}
          test:
            a: {run: x, deps: [model.pkl]}
            b: {run: x, needs: [fit]}
        """
    )
    taken = {job.name: sorted(p for take in job.takes for p in take.paths) for job in found.stage_jobs("test")}
    assert taken == {"a": [".mlgen/exports/fit.env", "model.pkl"], "b": [".mlgen/exports/fit.env"]}


def test_a_schedule_for_a_stage_that_never_runs_on_it_is_told() -> None:
    spec = """
        triggers: {push: {}, schedule: [{name: weekly, cron: 1 2 * * 3, stages: [deploy]}]}
        stages: {deploy: {go: {run: x}}}
        """
    assert codes(spec) == ["MLG304"]


def test_a_chain_of_a_thousand_jobs_compiles() -> None:
    jobs = {"j0": {"run": "x", "needs": []}}
    jobs |= {f"j{n}": {"run": "x", "needs": [f"j{n - 1}"]} for n in range(1, 1000)}
    found = pipeline({"stages": {"test": jobs}})
    assert [e.job for e in found.jobs[-1].waits] == ["test.j998"]


@settings(deadline=None, max_examples=500)
@given(st.lists(PATHS, min_size=1, max_size=6), PATHS)
def test_the_index_finds_what_overlaps(made: list[str], path: str) -> None:
    index: paths.Index[int] = paths.Index()
    for number, other in enumerate(made):
        index.add(number, other)
    wanted = {number for number, other in enumerate(made) if paths.overlap(other, path)}
    assert {number for number, _ in index.near(path)} == wanted
