"""The events that a pipeline tells apart, and what becomes of its jobs on each."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mlgen.compiler import analyse
from mlgen.ir import KINDS, Job, Pipeline, matches
from mlgen.ir.events import MOST, Event, attributes, events, starts
from mlgen.ir.globs import glob_matches, outcomes, witnesses
from mlgen.ir.outcomes import failures
from mlgen.ir.outcomes import outcomes as become
from mlgen.ir.paths import covers
from tests.lower.specs import pipeline

ROOT = Path(__file__).resolve().parents[2]
PATTERNS = st.lists(
    st.sampled_from(
        ["main", "m*", "*", "**", "release/*", "release/**", "*/1", "a/?", "[ab]/1", "[!a]", "**/1", "v[0-9]*"]
    ),
    min_size=1,
    max_size=4,
    unique=True,
)


@given(PATTERNS)
def test_there_is_a_witness_for_every_answer_of_the_globs(patterns: list[str]) -> None:
    texts = witnesses(tuple(patterns))
    answers = {tuple(glob_matches(p, text) for p in patterns) for text in texts}
    assert len(answers) == len(texts)
    possible = outcomes(tuple(patterns))
    assert possible is not None
    assert answers >= {row for row in possible if any(row)}
    assert all(texts)


def language() -> Pipeline:
    return analyse(str(ROOT / "tests/fixtures/language"), "mlgen.yaml")[0]


def test_every_question_of_the_language_fixture_is_answered_both_ways() -> None:
    found = language()
    for kind in KINDS:
        of_kind = [attributes(event, found) for event in events(found) if event.kind == kind]
        asked = {m for job in found.jobs for m in matches(job.condition.on(kind))} | set(matches(found.trigger(kind)))
        assert asked or kind in ("schedule",), kind
        for match in asked:
            answers = {glob_matches(match.pattern, known.get(match.field, "\0")) for known in of_kind}
            fixed = match.field == "schedule" and len(found.triggers.schedules) == 1
            assert answers == {True, False} or fixed, (kind, match)


def test_what_changes_beside_a_projects_folder_is_not_of_it() -> None:
    found = analyse(str(ROOT / "examples/monorepo/projects/churn"), "mlgen.yaml")[0]
    (change,) = found.changes
    assert change.paths == ("**", "/common/**")
    answers = {e.changed: attributes(e, found)[change.field] for e in events(found) if e.changed is not None}
    assert answers == {("other.txt",): "false", ("projects/churn/x/y",): "true", ("common/x/y",): "true"}


@pytest.mark.parametrize("folder", ["tests/fixtures/language", "tests/fixtures/features", "tests/fixtures/grid"])
def test_a_failure_is_told_as_by_asking_everything_again(folder: str) -> None:
    found = analyse(str(ROOT / folder), "mlgen.yaml")[0]
    count = 0
    for event in events(found):
        meant = become(found, event)
        names = [job.id for job in found.jobs if meant[job.id] == "success" and not job.milestone]
        for name, then in failures(found, event, meant, names):
            assert then == become(found, event, {name})
            count += 1
    assert count > 50


def test_no_event_is_given_twice_and_their_number_is_bounded() -> None:
    found = events(language())
    assert len(set(found)) == len(found) <= MOST * len(KINDS)


def test_inputs_that_an_event_does_not_ask_for_have_their_defaults() -> None:
    found = pipeline(
        """
        triggers:
          manual: {inputs: {mode: {type: choice, options: [a, b], default: a}}}
          api: {retrain: {}}
        stages: {train: {fit: {run: x, when: {input: {mode: b}}}}}
        """
    )
    assert attributes(Event("manual", "main", inputs=(("mode", "b"),)), found)["input:mode"] == "b"
    assert attributes(Event("api", "main", api="retrain", inputs=(("mode", "b"),)), found)["input:mode"] == "a"
    assert {e.inputs for e in events(found) if e.kind == "manual"} == {(), (("mode", "b"),)}
    assert {e.inputs for e in events(found) if e.kind == "api"} == {()}


def test_a_file_of_a_folder_or_glob_is_covered() -> None:
    assert covers("src", "src/a/b.py")
    assert covers("src/**", "src/a/b.py")
    assert covers("*.md", "README.md")
    assert covers(".", "anything/at all")
    assert not covers("src", "srcs/a.py")
    assert not covers("*.md", "docs/a.md")


SPEC = """
triggers: {push: {branches: [main]}, pull_request: {}, schedule: [{name: nightly, cron: "1 2 * * *"}]}
stages:
  data: {fetch: {run: x, outs: [d.csv]}}
  train: {fit: {run: x, deps: [d.csv], outs: [m.pkl], exports: [score]}}
  test:
    lint: {run: x, needs: [], allow_failure: true}
    deep: {run: x, needs: [fit], when: {value: {fit.score: high}}}
    done: {needs: [lint, fit]}
  deploy: {go: {run: x}}
  monitor: {tell: {run: x, needs: [go], when: {result: failure}}}
"""


def states(event: Event, failing: tuple[str, ...] = ()) -> dict[str, str]:
    return {job.rpartition(".")[2]: state for job, state in become(pipeline(SPEC), event, failing).items()}


PUSH = Event("push", "main", values=(("train.fit.score", "high"),))


def test_all_jobs_of_the_event_run_where_nothing_fails() -> None:
    assert states(PUSH) == dict.fromkeys(["fetch", "fit", "lint", "deep", "done", "go"], "success") | {
        "tell": "skipped"
    }


def test_a_failure_stops_dependents_and_fails_the_milestone() -> None:
    found = states(PUSH, ("train.fit",))
    assert found == {
        "fetch": "success", "fit": "failure", "lint": "success", "deep": "stopped", "done": "failure", "go": "stopped",
        "tell": "skipped",
    }  # fmt: skip


def test_a_permitted_failure_lifts_order() -> None:
    found = states(PUSH, ("test.lint",))
    assert (found["lint"], found["done"], found["go"]) == ("failure", "success", "success")


def test_an_event_that_starts_no_run_leaves_out_everything() -> None:
    assert set(states(Event("push", "other")).values()) == {"skipped"}


def test_a_value_that_does_not_fit_leaves_a_job_out_and_stops_nothing() -> None:
    found = states(PUSH._replace(values=(("train.fit.score", "low"),)))
    assert (found["deep"], found["done"], found["go"]) == ("skipped", "success", "success")


def test_nothing_deploys_on_a_pull_request() -> None:
    assert states(Event("pull_request", "main", source="topic"))["go"] == "skipped"


def test_a_job_runs_only_if_the_event_starts_a_run_and_its_condition_holds() -> None:
    found = language()
    for event in events(found):
        known = attributes(event, found)
        for job_id, state in become(found, event).items():
            job: Job = found.job(job_id)
            if state == "success":
                assert starts(event, found)
                assert job.condition.holds(event.kind, known)


def test_a_job_that_may_fail_and_lacks_files_holds_up_none() -> None:
    found = pipeline(
        """
stages:
  make: {lacks: {run: ./x, outs: [out.txt], allow_failure: true}}
  use: {lost: {run: ./x, deps: [out.txt], allow_failure: true}, needy: {run: ./x, deps: [out.txt], needs: []}}
  later: {after: {run: ./x, needs: [lost]}, behind: {run: ./x, needs: [needy]}}
"""
    )
    ended = become(found, Event("push", branch="main"), {"make.lacks"})
    assert ended["use.lost"] == ended["use.needy"] == ended["later.behind"] == "stopped"
    assert ended["later.after"] == "success"


def test_what_needs_a_job_that_only_starts_after_a_failure_runs_only_then() -> None:
    text = """
triggers: {push: {}}
stages:
  data: {fit: {run: x}, tell: {run: x, needs: [fit], when: {result: failure}}, more: {run: x, needs: [tell]}}
"""
    fine, failed = (become(pipeline(text), Event("push", "main"), failing) for failing in ((), ("data.fit",)))
    assert (fine["data.tell"], fine["data.more"]) == ("skipped", "skipped")
    assert (failed["data.tell"], failed["data.more"]) == ("success", "success")
