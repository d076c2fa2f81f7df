"""Checkers of CI configs: each takes a file and returns what it finds wrong with it."""

from __future__ import annotations

import csv
import json
import re
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from . import circleci_dialect, gitlab_repo, jenkins_harness
from .tools import HERE, Argv, ToolFailure, base_env, find, node, run, scratch


class Finding(NamedTuple):
    """One thing a tool finds wrong. `line` is 0 where the tool gives none."""

    tool: str
    file: str
    line: int
    rule: str
    message: str
    severity: str


# --- GitHub Actions ---------------------------------------------------------------------------------------------------

#: `uses: owner/name@<sha> # v4.2.2`
_PINNED = re.compile(r"@[0-9a-f]{40} # (v[0-9]+)[^ \n]*")


def actionlint(path: Path, *, labels: Sequence[str] = ()) -> list[Finding]:
    """Check a workflow with actionlint and shellcheck; `labels` are self-hosted runner labels it may name.

    actionlint knows the inputs of popular actions by their version tags and says nothing of an action pinned to a
    commit, so the file is read twice: as it is, and with each pin replaced by the tag in its comment; the scripts are
    the same in both.
    """
    text = path.read_text(encoding="utf-8")
    texts = [text]
    if _PINNED.search(text):
        texts.append(_PINNED.sub(r"@\1", text))
    findings: dict[Finding, None] = {}
    with scratch() as home:
        config = home / "actionlint.yaml"
        config.write_text(json.dumps({"self-hosted-runner": {"labels": list(labels)}}), encoding="utf-8")
        argv: Argv = [find("actionlint"), "-no-color", "-format", "{{json .}}", "-config-file", config]
        argv += ["-pyflakes", "", "-stdin-filename", path.name]
        for each, shellcheck in zip(texts, [find("shellcheck"), ""]):
            done = run([*argv, "-shellcheck", shellcheck, "-"], cwd=home, env=base_env(home), stdin=each)
            if done.code not in (0, 1):
                raise ToolFailure(f"actionlint: {done.err.strip()}")
            for error in json.loads(done.out):
                finding = Finding("actionlint", str(path), error["line"], error["kind"], error["message"], "error")
                findings[finding] = None
    return list(findings)


def zizmor(path: Path) -> list[Finding]:
    """Audit a workflow's security with zizmor at its strictest persona, offline."""
    with scratch() as home:
        argv: Argv = [find("zizmor"), "--offline", "--no-config", "--persona", "auditor", "--no-progress", "-q"]
        argv += ["--strict-collection", "--format", "json", path]
        done = run(argv, cwd=home, env=base_env(home))
    # 10 and above tell the highest severity found: https://docs.zizmor.sh/usage/#exit-codes
    if done.code not in (0, 10, 11, 12, 13, 14):
        return [Finding("zizmor", str(path), 0, "syntax", done.err.strip(), "error")]
    return [_zizmor_finding(path, found) for found in json.loads(done.out)]


def _zizmor_finding(path: Path, found: dict[str, Any]) -> Finding:
    places = [place for place in found["locations"] if place["symbolic"]["kind"] == "Primary"] or found["locations"]
    line = places[0]["concrete"]["location"]["start_point"]["row"] + 1
    message = f"{found['desc']}: {places[0]['symbolic']['annotation']}"
    return Finding("zizmor", str(path), line, found["ident"], message, found["determinations"]["severity"].lower())


def github_parser(path: Path) -> list[Finding]:
    """Check a workflow with GitHub's own workflow parser."""
    return _node_findings("github_parser", "github/parse.mjs", path)


def github_language_service(path: Path) -> list[Finding]:
    """Check a workflow with GitHub's language service, which also looks into expressions."""
    return _node_findings("github_language_service", "github/language_service.mjs", path)


def github_expression(expression: str, contexts: Mapping[str, Any], status: str = "success") -> Any:
    """Evaluate an expression with GitHub's own engine; `status` is what success() and the like look at."""
    done = node("github/expression.mjs", expression, json.dumps(contexts), status, cwd=HERE)
    if done.code:
        raise ToolFailure(f"{expression}: {done.err.strip()}")
    return json.loads(done.out)


def _node_findings(tool: str, script: str, path: Path) -> list[Finding]:
    done = node(script, path.resolve(), cwd=path.resolve().parent)
    if done.code:
        raise ToolFailure(f"{tool}: {done.err.strip()}")
    return [
        Finding(tool, str(path), found["line"], "syntax", found["message"], found["severity"])
        for found in json.loads(done.out)
    ]


# --- JSON Schemas -----------------------------------------------------------------------------------------------------

#: The options of check-jsonschema that choose the schema it ships of each system.
_SCHEMAS = {
    "github": ["--builtin-schema", "vendor.github-workflows"],
    # The transform reads GitLab's own `!reference` tag.
    "gitlab": ["--builtin-schema", "vendor.gitlab-ci", "--data-transform", "gitlab-ci"],
    "circleci": ["--builtin-schema", "vendor.circle-ci"],
    "travis": ["--builtin-schema", "vendor.travis"],
}


def schema(path: Path, system: str) -> list[Finding]:
    """Validate a config against the published JSON Schema of its CI system: github, gitlab, circleci or travis."""
    text = path.read_text(encoding="utf-8")
    findings = []
    if system == "gitlab":
        header, text = gitlab_repo.split_header(text)
        unknown = sorted(set(header) - {"spec"})
        if unknown:
            message = f"the header document holds {', '.join(unknown)} beside spec"
            findings.append(Finding("schema", str(path), 1, "$", message, "error"))
    with scratch() as home:
        # Travis' file has no suffix that tells its type.
        copy = home / "config.yml"
        copy.write_text(text, encoding="utf-8")
        argv: Argv = [find("check-jsonschema"), "-o", "json", *_SCHEMAS[system], copy]
        done = run(argv, cwd=home, env=base_env(home))
    if done.code not in (0, 1) or not done.out.startswith("{"):
        raise ToolFailure(f"check-jsonschema: {done.err.strip()}")
    answer = json.loads(done.out)
    for error in answer.get("parse_errors", []):
        findings.append(Finding("schema", str(path), 0, "syntax", error["message"].replace(str(copy), "it"), "error"))
    for error in answer["errors"]:
        # The error itself is most often "... is not valid under any of the given schemas"; either match may say why.
        deep, near = error.get("best_deep_match", error), error.get("best_match", error)
        message = "; or: ".join(dict.fromkeys([deep["message"], near["message"]]))
        findings.append(Finding("schema", str(path), 0, deep["path"], message, "error"))
    return findings


# --- GitLab CI --------------------------------------------------------------------------------------------------------


class GitLabListing(NamedTuple):
    """What gitlab-ci-local makes of a config: its complaints, and the jobs it would run on a push to main."""

    findings: list[Finding]
    jobs: tuple[str, ...]


def gitlab_listing(path: Path, *, root: Path | None = None) -> GitLabListing:
    """Read a config with gitlab-ci-local; `root` holds the files that it includes, if it includes any."""
    with scratch() as work:
        repo = work / "repo"
        gitlab_repo.scratch_repository(repo, config=path, root=root)
        done = run([*gitlab_repo.command(work), "--list-csv"], cwd=repo, env=base_env(work / "home"))
    if done.code:
        message = gitlab_repo.complaint(done.out + done.err)
        return GitLabListing([Finding("gitlab_list", str(path), 0, "semantics", message, "error")], ())
    rows = csv.DictReader((line for line in done.out.splitlines() if ";" in line), delimiter=";")
    return GitLabListing([], tuple(row["name"] for row in rows))


def gitlab_list(path: Path) -> list[Finding]:
    """Check a config with gitlab-ci-local: its schema, references, needs, extends and includes."""
    return gitlab_listing(path).findings


# --- CircleCI ---------------------------------------------------------------------------------------------------------


def circleci_parser(path: Path) -> list[Finding]:
    """Check a config with CircleCI's own parser, after rewriting the valid forms that it is known not to know."""
    with scratch() as home:
        plain = home / path.name
        plain.write_text(circleci_dialect.plain(path.read_text(encoding="utf-8")), encoding="utf-8")
        return [
            found._replace(file=str(path)) for found in _node_findings("circleci_parser", "circleci/parse.mjs", plain)
        ]


# --- Jenkins ----------------------------------------------------------------------------------------------------------

_GROOVY_LINE = re.compile(r"^.*?:(\d+):\d+ (.*)$")


def groovy_check(path: Path) -> list[Finding]:
    """Check a Declarative Jenkinsfile's syntax tree, as Groovy 2.4, the version of Jenkins, reads it."""
    findings = []
    for line in jenkins_harness.check([path]):
        match = _GROOVY_LINE.match(line)
        number, message = (int(match[1]), match[2]) if match else (0, line)
        findings.append(Finding("groovy_check", str(path), number, "syntax", message, "error"))
    return findings


#: Every checker of each system, for tests that want them all.
CHECKERS: dict[str, list[Callable[[Path], list[Finding]]]] = {
    "github": [actionlint, zizmor, github_parser, github_language_service, lambda path: schema(path, "github")],
    "gitlab": [lambda path: schema(path, "gitlab"), gitlab_list],
    "circleci": [lambda path: schema(path, "circleci"), circleci_parser],
    "jenkins": [groovy_check],
    "travis": [lambda path: schema(path, "travis")],
}


def check_all(path: Path, system: str) -> list[Finding]:
    """Check a config with every checker of its system."""
    return [finding for checker in CHECKERS[system] for finding in checker(path)]
