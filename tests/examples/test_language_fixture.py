"""The fixture with all of the language: what it compiles to is clean under every third-party checker."""

from pathlib import Path

import pytest

from tests.engines import checkers

FIXTURE = Path(__file__).parents[1] / "fixtures" / "language"
FILES = {
    "github": ".github/workflows/ml.yml",
    "gitlab": ".gitlab-ci.yml",
    "circleci": ".circleci/config.yml",
    "jenkins": "Jenkinsfile",
    "travis": ".travis.yml",
}
# What the fixture asks for, and a strict auditor rightly points at.
KNOWN = {
    "github": {"unpinned-images", "secrets-outside-env", "cache-poisoning"},
}


@pytest.mark.parametrize("system", FILES)
def test_clean_under_every_checker(system: str) -> None:
    found = checkers.check_all(FIXTURE / FILES[system], system)
    assert [finding for finding in found if finding.rule not in KNOWN.get(system, set())] == []
