"""How fast mlgen is, as multiples of `python -c pass` in the same environment: prints a table and writes RESULTS.md.

Every command is measured in turn, round by round, so that a machine that slows down does so for all of them. What is
measured is an installed wheel, beside the current copier, which renders templates of the same files.
"""

import argparse
import datetime
import json
import os
import platform
import shutil
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

HERE = Path(__file__).resolve().parent
REPOSITORY = HERE.parent
EXAMPLE = REPOSITORY / "examples" / "wine-quality"
sys.path.insert(0, str(REPOSITORY))

from tests import large  # noqa: E402

SIZES = (60, 120, 200, 400)
LARGE = "jenkins"
"""A target that can hold the largest of them."""
MOST_GROWTH = 2.0
"""The bound on the time per job, as a multiple of that of the smallest pipeline."""
WARM_UP = 3
BASE = "python -c pass"


class Case(NamedTuple):
    """A command to measure; `prepare` runs before each time, with the number of the round."""

    name: str
    folder: Path
    argv: tuple[str | Path, ...]
    code: int = 0
    prepare: Callable[[int], None] = lambda _: None
    ratio: float = 0.0
    """The bound on the multiple of `python -c pass`; 0: none."""
    mebibytes: float = 0.0
    """The bound on the peak memory; 0: none."""


class Result(NamedTuple):
    """What was measured of a case."""

    case: Case
    seconds: float
    ratio: float
    mebibytes: float

    @property
    def missed(self) -> bool:
        """Whether a bound does not hold."""
        return 0 < self.case.ratio < self.ratio or 0 < self.case.mebibytes < self.mebibytes


class Growth(NamedTuple):
    """The seconds that a pipeline of so many jobs takes."""

    jobs: int
    lowered: float
    compiled: float


def main() -> int:
    """Build, measure, print, write."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--runs", type=int, default=40, help="how often each command is measured")
    parser.add_argument("--keep", action="store_true", help="use the environments of the last run")
    given = parser.parse_args()
    tools = REPOSITORY / ".tools" / "bench"
    if not given.keep:
        _environments(tools)
    with tempfile.TemporaryDirectory(prefix="mlgen-bench-") as folder:
        cases = _cases(tools, Path(folder))
        results = _measure(cases, given.runs, Path(folder))
        grown = _growth(tools / "mlgen/bin/python", Path(folder), given.runs)
    report = _report(results, given.runs, _versions(tools)) + _grown(grown)
    print(report)
    (HERE / "RESULTS.md").write_text(report, encoding="utf-8")
    return 1 if any(result.missed for result in results) or _most(grown) > MOST_GROWTH else 0


def _environments(tools: Path) -> None:
    """Two fresh environments, so that copier's packages are not in mlgen's way; their byte code compiled by pip."""
    shutil.rmtree(tools, ignore_errors=True)
    for name, wanted in (("mlgen", str(REPOSITORY)), ("copier", "copier")):
        print(f"installing {name}", file=sys.stderr)
        subprocess.run([REPOSITORY / ".ci" / "venv", sys.executable, tools / name], check=True)
        python = tools / name / "bin" / "python"
        subprocess.run([python, "-m", "pip", "install", "-q", "--disable-pip-version-check", wanted], check=True)


def _versions(tools: Path) -> dict[str, str]:
    """The versions of what takes part."""
    found = {}
    for environment, name in (("mlgen", "mlgen-ci"), ("mlgen", "Jinja2"), ("copier", "copier")):
        script = f"from importlib.metadata import version; print(version({name!r}))"
        python = tools / environment / "bin" / "python"
        found[name] = subprocess.check_output([python, "-c", script], text=True).strip()
    return found


def _cases(tools: Path, folder: Path) -> list[Case]:
    python, mlgen = tools / "mlgen/bin/python", tools / "mlgen/bin/mlgen"
    current, touched, changed = (_project(mlgen, folder / name) for name in ("current", "touched", "changed"))
    with (touched / "mlgen.yaml").open("a") as file:
        file.write("# a comment: the outputs stay as they are, but only rendering them tells\n")
    templates = _copier_template(current, folder / "template")
    copied = folder / "copied"
    copied.mkdir()
    copier = tools / "copier/bin/copier"
    copy = (copier, "copy", "--quiet", "--defaults", "--overwrite", "--data-file", folder / "answers.yml")
    return [
        Case(BASE, current, (python, "-c", "pass")),
        Case("mlgen check, nothing changed", current, (mlgen, "check"), ratio=1.5, mebibytes=12),
        Case("mlgen check, five targets rendered", touched, (mlgen, "check"), code=1, ratio=10, mebibytes=30),
        Case("mlgen compile, five targets", changed, (mlgen, "compile"), 0, _changer(changed), ratio=12, mebibytes=30),
        Case("mlgen --version", current, (mlgen, "--version")),
        Case("copier copy, the same files", copied, (*copy, templates, "."), 0, _answers(folder / "answers.yml")),
    ]


def _project(mlgen: Path, folder: Path) -> Path:
    """A compiled copy of the example."""
    shutil.copytree(EXAMPLE, folder, ignore=shutil.ignore_patterns("__pycache__"))
    subprocess.run([mlgen, "compile"], cwd=folder, check=True, capture_output=True)
    return folder


def _changer(project: Path) -> Callable[[int], None]:
    """Changes a threshold, which stands in every output, so that each compilation writes them all."""
    spec = project / "mlgen.yaml"
    text = spec.read_text("utf-8")

    def change(number: int) -> None:
        spec.write_text(text.replace("accuracy >= 0.90", f"accuracy >= 0.{800 + number}"), "utf-8")

    return change


def _answers(file: Path) -> Callable[[int], None]:
    def answer(number: int) -> None:
        file.write_text(f"threshold: '0.{800 + number}'\n", "utf-8")

    return answer


def _copier_template(project: Path, folder: Path) -> Path:
    """The example's outputs as a template of copier's with a few questions, as one would write it by hand."""
    outputs = [line.strip().rpartition(":")[0] for line in (project / "mlgen.lock").read_text().splitlines()]
    folder.mkdir()
    questions = {"name": "wine-quality", "threshold": "0.90", "cron": "17 3 * * 1"}
    for path in outputs:
        if not (project / path).is_file() or path == "mlgen.yaml":
            continue
        text = (project / path).read_text("utf-8")
        assert "<|" not in text, f"{path} holds the delimiter of the template"
        for name, value in questions.items():
            text = text.replace(value, f"<| {name} |>")
        target = folder / f"{path}.jinja"
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_text(text, "utf-8")
    delimiters = {"variable": ("<|", "|>"), "block": ("<%%", "%%>"), "comment": ("<##", "##>")}
    lines = ["_templates_suffix: .jinja", "_envops:"]
    for kind, (start, end) in delimiters.items():
        lines += [f"  {kind}_start_string: '{start}'", f"  {kind}_end_string: '{end}'"]
    lines += [f"{name}: {{type: str, default: '{value}'}}" for name, value in questions.items()]
    (folder / "copier.yml").write_text("\n".join(lines) + "\n", "utf-8")
    return folder


def _measure(cases: list[Case], runs: int, folder: Path) -> list[Result]:
    env = {"PATH": os.environ["PATH"], "HOME": str(folder), "LANG": "C.UTF-8"}
    runner = [cases[0].argv[0], "-I", "-S", HERE / "runner.py"]
    times: dict[str, list[float]] = {case.name: [] for case in cases}
    peaks = dict.fromkeys(times, 0)
    with subprocess.Popen(runner, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env=env) as process:
        assert process.stdin and process.stdout
        for number in range(WARM_UP + runs):
            for case in cases:
                case.prepare(number)
                process.stdin.write("\n".join([str(case.folder), *map(str, case.argv), "", ""]))
                process.stdin.flush()
                seconds, kibibytes, code = process.stdout.readline().split()
                assert int(code) == case.code, f"{case.name} ended with {code}"
                if number >= WARM_UP:
                    times[case.name].append(float(seconds))
                    peaks[case.name] = max(peaks[case.name], int(kibibytes))
            _progress(number + 1, WARM_UP + runs)
    base = statistics.median(times[BASE])
    medians = {name: statistics.median(found) for name, found in times.items()}
    return [Result(c, medians[c.name], medians[c.name] / base, peaks[c.name] / 1024) for c in cases]


def _progress(done: int, total: int) -> None:
    if sys.stderr.isatty():
        print(f"\rround {done} of {total}", end="\n" if done == total else "", file=sys.stderr, flush=True)


def _report(results: list[Result], runs: int, versions: dict[str, str]) -> str:
    rows = [
        (
            r.case.name,
            f"{r.seconds * 1000:.1f}",
            f"{r.ratio:.2f}x",
            f"{r.case.ratio:g}x" if r.case.ratio else "",
            f"{r.mebibytes:.1f}",
            f"{r.case.mebibytes:g}" if r.case.mebibytes else "",
            "missed" if r.missed else "holds" if r.case.ratio else "",
        )
        for r in results
    ]
    head = ("what", "median ms", "ratio", "at most", "peak MiB", "at most", "")
    machine = f"{os.cpu_count()} cores, {platform.system()} on {platform.machine()}, Python {platform.python_version()}"
    software = ", ".join(f"{name} {version}" for name, version in versions.items())
    return (
        "# How fast mlgen is\n\n"
        f"Written by `make bench`, {datetime.date.today()}: {machine}; {software}.\n"
        f"Medians of {runs} runs, the commands taking turns; the ratio is to `{BASE}` in the same environment.\n"
        "The project is `examples/wine-quality`, compiled for five targets. The memory is the highest of all runs\n"
        "and, where a run has more than one process, of all processes.\n\n" + _table(head, rows)
    )


def _growth(python: Path, folder: Path, runs: int) -> list[Growth]:
    """Pipelines of each size, one size after the other and all of them again, of which the best counts."""
    times: dict[int, list[tuple[float, float]]] = {jobs: [] for jobs in SIZES}
    for jobs in SIZES:
        (folder / str(jobs)).mkdir()
        (folder / str(jobs) / "mlgen.yaml").write_text(json.dumps(large.spec(jobs, {LARGE: {}}), indent=2), "utf-8")
    for _ in range(max(runs // 4, 3)):
        for jobs in SIZES:
            said = subprocess.check_output([python, HERE / "growth.py", folder / str(jobs), LARGE], text=True)
            lowered, compiled = map(float, said.split())
            times[jobs].append((lowered, compiled))
    return [Growth(jobs, *map(min, zip(*times[jobs], strict=True))) for jobs in SIZES]


def _most(grown: list[Growth]) -> float:
    """The largest time per job, as a multiple of that of the smallest pipeline."""
    first = grown[0]
    return max(max(g.lowered / first.lowered, g.compiled / first.compiled) * first.jobs / g.jobs for g in grown)


def _grown(grown: list[Growth]) -> str:
    head = ("jobs", "read and lowered, ms", "ms per job", "compiled as well, ms", "ms per job")
    rows = [
        (
            str(g.jobs),
            f"{g.lowered * 1000:.0f}",
            f"{g.lowered * 1000 / g.jobs:.2f}",
            f"{g.compiled * 1000:.0f}",
            f"{g.compiled * 1000 / g.jobs:.2f}",
        )
        for g in grown
    ]
    return (
        "\n## How it grows\n\n"
        f"Pipelines of `tests/large.py` for one target ({LARGE}), without the start of Python: the best of\n"
        "several runs. "
        f"A job takes at most {_most(grown):.2f} times as long as in the smallest of them (bound: {MOST_GROWTH:g}).\n\n"
        + _table(head, rows)
    )


def _table(head: tuple[str, ...], rows: list[tuple[str, ...]]) -> str:
    widths = [max(map(len, column)) for column in zip(head, *rows, strict=True)]
    rule = "|".join("-" * (width + 1) + (":" if index else "-") for index, width in enumerate(widths))
    return "\n".join([_row(head, widths), f"|{rule}|", *(_row(row, widths) for row in rows)]) + "\n"


def _row(cells: tuple[str, ...], widths: list[int]) -> str:
    padded = [cell.rjust(w) if i else cell.ljust(w) for i, (cell, w) in enumerate(zip(cells, widths, strict=True))]
    return "| " + " | ".join(padded) + " |"


if __name__ == "__main__":
    sys.exit(main())
