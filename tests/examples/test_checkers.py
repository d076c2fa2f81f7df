"""Every committed CI file of every example is clean under every checker of its system."""

from pathlib import Path

import pytest

from mlgen import targets
from mlgen.compiler import compile_spec
from mlgen.write.lock import parse
from tests.engines import checkers

EXAMPLES = Path(__file__).resolve().parents[2] / "examples"
NAMES = sorted(path.parent.name for path in EXAMPLES.glob("*/mlgen.yaml"))
# A test of each target looks at these.
APART = ("minimal", "wine-quality")
# What a strict auditor points at, and why it stays.
KNOWN = {
    ("library", "github"): {
        "cache-poisoning",  # nothing is restored on a tag, which zizmor does not read from the step's `if`
        "use-trusted-publishing",  # a token, since the five systems have no other way in common
    },
    ("gpu-vision", "github"): {
        "self-hosted-runner",  # a group of GPU runners, which may be GitHub's own
        "unpinned-images",  # the tags of a version; a digest that nobody here can renew would age unseen
    },
}
OUTPUTS = [(name, system) for name in NAMES if name not in APART for system in targets.names()]


@pytest.mark.parametrize(("name", "system"), OUTPUTS)
def test_clean_under_all_checkers(name: str, system: str) -> None:
    paths = [file.path for file in compile_spec(str(EXAMPLES / name), "mlgen.yaml").files if file.target == system]
    assert paths
    known = KNOWN.get((name, system), set())
    for path in paths:
        found = checkers.check_all(EXAMPLES / name / path, system)
        assert [finding for finding in found if finding.rule not in known] == []
        assert {finding.rule for finding in found} == known, "a finding that no longer occurs must leave the list"


@pytest.mark.parametrize("name", NAMES)
def test_an_example_compiles_for_its_targets_without_a_warning(name: str) -> None:
    compiled = compile_spec(str(EXAMPLES / name), "mlgen.yaml")
    assert compiled.warnings == ()
    assert {file.target for file in compiled.files} == {*targets.names(), ""}
    outputs = parse((EXAMPLES / name / "mlgen.lock").read_text("utf-8"))["mlgen.yaml"]
    assert {"/" + file.path for file in compiled.files} <= set(outputs)
