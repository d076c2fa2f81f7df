"""The calls of `.mlgen/ci.py` that mean the same in every target's scripts; its command line is in templates/common."""

from __future__ import annotations

from mlgen.ir import GateCheck, Job, Reports, paths
from mlgen.quoting import sh

_CALL = "python3 .mlgen/ci.py"


def gate(check: GateCheck) -> str:
    """The judgement of a gate, an option a line."""
    options = [f"--require {sh(requirement)}" for requirement in check.require]
    lenient = " --on-missing pass" if check.on_missing == "pass" else ""
    if check.baseline:
        options.append(f"--baseline {sh(check.baseline)}{lenient}")
    elif check.branch:
        options.append(f"--baseline-branch {sh(check.branch)}{lenient}")
    if check.on_fail != "fail":
        options.append(
            f"--on-fail {check.on_fail}" + (f" --export {check.variable}" if check.on_fail == "stop" else "")
        )
    return " \\\n  ".join([f"{_CALL} gate {sh(check.name)} --metrics {sh(check.metrics)}", *options])


def exports_file(job: Job) -> str:
    """Where the job's exported values travel; empty if there are none."""
    return next((bundle.paths[0] for bundle in job.bundles if bundle.exports), "")


def exports(job: Job, appended: str = '"$MLGEN_EXPORTS"') -> str:
    """Collects the exported values; `appended` is the shell word of the file to which the script appends some."""
    words = [f"{_CALL} exports --out {sh(exports_file(job))}"]
    words += [f"--json {sh(f'{e.name}={e.file}:{e.key}')}" for e in job.exports if e.file]
    names = [e.name for e in job.exports if not e.file]
    return " ".join([*words, f"--file {appended} --name", *names] if names else words)


def report(reports: Reports) -> str:
    """Shows the reports with the job, or in its log; empty if there are none."""
    words = [f"--junit {_word(path)}" for path in reports.junit]
    if reports.coverage:
        words.append(f"--coverage {_word(f'{reports.coverage.format}:{reports.coverage.path}')}")
    if reports.summary:
        words.append(f"--summary {_word(reports.summary)}")
    return " ".join([f"{_CALL} report", *words]) if words else ""


def _word(path: str) -> str:
    """The path as one word, its references to axes as the variables that the legs of a matrix have.

    Declared paths hold nothing else that double quotes would let through (MLG208).
    """
    if not paths.MATRIX_REFERENCE.search(path):
        return sh(path)
    return '"' + paths.MATRIX_REFERENCE.sub(r"${\1}", path) + '"'
