"""`report`: what a run has found, against a branch, with the run and as one comment on a pull request."""

from __future__ import annotations

from collections.abc import Iterator

from mlgen.diagnostics import Diagnostic, error
from mlgen.ir import paths
from mlgen.ir.source import REPORT, REPORT_FILE
from mlgen.lower.commands.call import Call, lines
from mlgen.quoting.shell import sh, sh_path

_OPTIONS = (("metrics", "--metrics"), ("params", "--params"), ("plots", "--plots"), ("files", "--file"))


def script(call: Call) -> str:
    """The report, and the comment; `.mlgen/host.py` knows the code hosts."""
    words, name = call.words, call.data["project"]["name"]
    options = [f"python3 .mlgen/ci.py compare --title {sh(name)}"]
    options += [f"{option} {sh_path(paths.normal(path))}" for key, option in _OPTIONS for path in words[key]]
    options += [f"--against {sh(words['against'])}"] if words["against"] else []
    found = [lines(*options, f"--out {REPORT_FILE}")]
    if words["pull_request"]:
        comment = [f"python3 .mlgen/host.py comment --mark {sh(name)}"]
        comment += [f"--image {sh_path(paths.normal(path))}" for path in words["plots"]]
        text = lines(*comment, REPORT_FILE).replace("\n", "\n  ")
        found += ['if [ "$MLGEN_EVENT" = pull_request ]; then', f"  {text}", "fi"]
    return "\n".join(found)


def reads(call: Call) -> list[str]:
    """All that the report shows, as far as jobs make it."""
    return [paths.normal(path) for key, _ in _OPTIONS for path in call.words[key]]


def permissions(call: Call) -> dict[str, str]:
    """What the job's token must be allowed to."""
    return {"pull_requests": "write"} if call.words["pull_request"] else {}


def check(call: Call) -> Iterator[Diagnostic]:
    """Something to show, and a name that is free."""
    if not any(call.words[key] for key, _ in _OPTIONS):
        yield error("MLG103", call.at(), "the report has nothing to show", "name `metrics`, `params` or `plots`")
    if call.data["report_taken"]:
        hint = "give that job another name"
        yield error(
            "MLG210", call.at(), f"{'.'.join(REPORT)} is the job that `report` makes, and one of the spec's own", hint
        )
    for key in ("metrics", "plots"):
        for index, path in enumerate(call.words[key]):
            made = (p for job in _others(call) for kind in ("outs", "metrics", "plots") for p in job[kind])
            if not any(paths.overlap(paths.normal(other), paths.normal(path)) for other in made):
                hint = f"list it under the `{key}` of the job that writes it"
                yield error("MLG205", call.at(key, index), f"the report shows {path}, which no job makes", hint)


def _others(call: Call) -> list[dict[str, list[str]]]:
    return [job for members in call.data["stages"].values() for job in members.values() if job is not call.job]
