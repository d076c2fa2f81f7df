"""The job that finds out before all others what decides whether they run."""

from __future__ import annotations

from mlgen.ir import Pipeline
from mlgen.ir.paths import in_repository
from mlgen.quoting import sh
from mlgen.targets.github.conditions import Planned
from mlgen.typed import Any


def plan_view(plan: tuple[Planned, ...], pipeline: Pipeline, workflow: str) -> dict[str, Any] | None:
    """What the template prints of the plan job; None if no job needs it. `workflow`: the name of its file."""
    if not plan:
        return None
    refs = [p for p in plan if p.regex]
    told = [p for p in plan if not p.regex]
    changed = any(p.kind == "changed" for p in told)
    outputs = [(p.output, "match" if p.regex else "commit") for p in plan]
    return {
        "why": _why(bool(refs), bool(told)),
        "outputs": [*outputs, *([("base", "commit")] if changed else [])],
        "inputs": [(_variable(n), f"${{{{ inputs.{n} }}}}") for n in _inputs(refs)],
        "refs": [(p.output, _looked_at(p), p.regex) for p in refs],
        "commit": _commit_script(told, pipeline, workflow) if told else "",
        "changed": changed,
        # A message is that of the head: the second parent of a pull request's merge.
        "depth": 0 if changed else 2,
    }


def _why(refs: bool, told: bool) -> list[str]:
    lines = ["Expressions ignore case and know no patterns: refs are matched here."] if refs else []
    return (
        [*lines, "What only the repository tells is looked up here, before any other machine starts."]
        if told
        else lines
    )


def _inputs(refs: list[Planned]) -> list[str]:
    return list(dict.fromkeys(p.match.field.partition(":")[2] for p in refs if p.kind == "input"))


def _variable(name: str) -> str:
    return "INPUT_" + name.upper().replace("-", "_")


def _looked_at(item: Planned) -> str:
    return _variable(item.match.field.partition(":")[2]) if item.kind == "input" else item.kind.upper()


def _commit_script(told: list[Planned], pipeline: Pipeline, workflow: str) -> str:
    changed = any(p.kind == "changed" for p in told)
    lines = _compared_with(workflow) if changed else _head()
    if changed:
        lines += [
            "changed() { # OUTPUT FROM PATH...; since a commit that is not known, everything has changed",
            '  if [ -n "$2" ] && git diff --quiet --no-renames "$2...$head" -- "${@:3}"; then',
            '    echo "$1=false"',
            "  else",
            '    echo "$1=true"',
            "  fi",
            "}",
        ]
    if any(p.kind == "message" for p in told):
        lines += [
            'text=$(git log -1 --format=%B "$head")',
            'message() { if [[ $text == *"$2"* ]]; then echo "$1=true"; else echo "$1=false"; fi; }',
        ]
    calls = [_call(p, pipeline) for p in told] + (['echo "base=$base"'] if changed else [])
    return "\n".join([*lines, "{", *(f"  {call}" for call in calls), '} >> "$GITHUB_OUTPUT"'])


def _head() -> list[str]:
    return ['if [ "$GITHUB_EVENT_NAME" = pull_request ]; then head=HEAD^2; else head=HEAD; fi']


def _compared_with(workflow: str) -> list[str]:
    """What the head of the event is, and the commit that it is compared with.

    https://docs.github.com/en/rest/actions/workflow-runs#list-workflow-runs-for-a-workflow
    """
    return [
        "head=HEAD base=",
        'if [ "$GITHUB_EVENT_NAME" = pull_request ]; then',
        "  head=HEAD^2 base=HEAD^1 # HEAD merges the one into the other",
        'elif [ "$GITHUB_EVENT_NAME" = push ] && [ "$GITHUB_REF_TYPE" = branch ]; then',
        "  # Since the branch's last green run; where GitHub does not tell, since the last push.",
        f'  base=$(gh api -X GET "repos/$GITHUB_REPOSITORY/actions/workflows/{workflow}/runs" -f event=push \\',
        "    -f branch=\"$GITHUB_REF_NAME\" -f status=success -f per_page=1 --jq '.workflow_runs[].head_sha') ||",
        "    base=$BEFORE",
        "fi",
    ]


def _call(item: Planned, pipeline: Pipeline) -> str:
    name = item.match.field.partition(":")[2]
    if item.kind == "message":
        return f"message {item.output} {sh(name)}"
    change = next(change for change in pipeline.changes if change.name == name)
    since = f"origin/{change.against}" if change.against else '"$base"'
    specs = [spec for path in change.paths for spec in _pathspecs(in_repository(pipeline.root, path))]
    return f"changed {item.output} {since} {' '.join(map(sh, specs))}"


def _pathspecs(path: str) -> list[str]:
    """The path, and all in it, as git looks for them. https://git-scm.com/docs/gitglossary#def_pathspec"""
    if not any(c in path for c in "*?["):
        return [f":(literal){path}" if path.startswith(":") else path]
    return [f":(glob){path}"] if path.endswith("**") else [f":(glob){path}", f":(glob){path}/**"]
