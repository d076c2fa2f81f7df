"""The third-party checkers that take many files at once, over many emitted files."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable
from pathlib import Path

from tests.engines import gitlab_repo, jenkins_harness
from tests.engines.tools import Argv, ToolFailure, base_env, find, run, scratch

_SCHEMAS = {
    "github": ["--builtin-schema", "vendor.github-workflows"],
    "gitlab": ["--builtin-schema", "vendor.gitlab-ci", "--data-transform", "gitlab-ci"],
    "circleci": ["--builtin-schema", "vendor.circle-ci"],
    "travis": ["--builtin-schema", "vendor.travis"],
}


def findings(texts: Iterable[tuple[str, str]]) -> list[str]:
    """What the checkers say of the files, given as target and text; each line begins with `TARGET-NUMBER.`."""
    with scratch() as home:
        files: dict[str, list[Path]] = {}
        for number, (target, text) in enumerate(texts):
            path = home / f"{target}-{number}.{'Jenkinsfile' if target == 'jenkins' else 'yml'}"
            path.write_text(gitlab_repo.split_header(text)[1] if target == "gitlab" else text, "utf-8")
            files.setdefault(target, []).append(path)
        found: list[str] = []
        for target, paths in files.items():
            if target in _SCHEMAS:
                found += _schema(home, target, paths)
        found += _actionlint(home, files.get("github", []))
        found += [re.sub(r"^.*/", "", line) for line in jenkins_harness.check(files.get("jenkins", []))]
    return found


def _schema(home: Path, target: str, paths: list[Path]) -> list[str]:
    done = run(
        [find("check-jsonschema"), "-o", "json", *_SCHEMAS[target], *paths], cwd=home, env=base_env(home), seconds=600
    )
    if done.code not in (0, 1) or not done.out.startswith("{"):
        raise ToolFailure(f"check-jsonschema: {done.err.strip()}")
    answer = json.loads(done.out)
    said = [f"{Path(e['filename']).name}: {e['path']}: {e['message']}" for e in answer["errors"]]
    return said + [f"{Path(e['filename']).name}: {e['message']}" for e in answer.get("parse_errors", [])]


def _actionlint(home: Path, paths: list[Path]) -> list[str]:
    """Without shellcheck, which takes a second a file; tests/engines has it look at the committed outputs."""
    if not paths:
        return []
    argv: Argv = [find("actionlint"), "-no-color", "-format", "{{json .}}", "-shellcheck", "", "-pyflakes", "", *paths]
    done = run(argv, cwd=home, env=base_env(home), seconds=600)
    if done.code not in (0, 1):
        raise ToolFailure(f"actionlint: {done.err.strip()}")
    return [f"{Path(e['filepath']).name}: {e['line']}: {e['message']}" for e in json.loads(done.out)]
