"""Programs that the jobs of a scenario find first on PATH: they keep a journal, take no time, and can go wrong.

The journal is the same on every engine, so that what ran is not a matter of an engine's own words: a line for each
command of a job that starts and ends, and for the digests of what it made.
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import NamedTuple

_NOTE = """#!/bin/sh
# note damage | start NAME | end NAME CODE | digest FILE...
case $1 in
  damage) printf '%s\\n' '@damage@' ;;
  digest) shift; for file; do
    printf 'digest %s %s %s\\n' "$MLGEN_JOB" "$file" "$(sha256sum <"$file" | cut -d' ' -f1)"; done >>'@journal@' ;;
  *)
    secret=${DEPLOY_TOKEN:+secret}${TOKEN:+secret}
    printf '%s\\n' "$1 $MLGEN_JOB${seed:+.$seed} $2 ${3--} $secret" >>'@journal@' ;;
esac
"""

_HEAD = """#!/bin/sh
# A stand-in for `python` that plays the commands of wine-quality.
note() { engine-note "$@"; }
damage=$(note damage)
run() { # NAME COMMAND...: a command of a job, noted
  name=$1; shift
  note start "$name"
  trap 'note end "$name" 143; exit 143' TERM
  "$@"
  code=$?
  note end "$name" "$code"
  exit "$code"
}
"""

#: What the modules of examples/wine-quality do, without their mathematics: the same files, faster.
_LIGHT = """
fetch() {
  if [ "$damage" = flaky ] && [ ! -e .tried ]; then touch .tried; return 1; fi
  [ "$damage" != broken ] || return 1
  mkdir -p data && echo rows >data/wine.csv
  [ "$damage" != undeclared ] || echo more >data/more.csv
}
validate() {
  [ "$damage" != undeclared ] || test -f data/more.csv || return 1
  mkdir -p reports && test -f data/wine.csv && echo '<testsuite><testcase/></testsuite>' >reports/data.xml
}
train() {
  [ "$damage" != slow ] || sleep 60
  test -f data/wine.csv || return 1
  accuracy=0.97
  [ "$damage" != gate ] || accuracy=0.5
  mkdir -p models
  { echo "$1"; cat params.yaml data/wine.csv; } >models/model.pkl
  [ "$damage" = missing ] || printf '{"accuracy": %s, "epochs": %s}\\n' "$accuracy" "$2" >metrics.json
  note digest models/model.pkl $(ls metrics.json 2>/dev/null)
}
deploy() {
  test -n "$DEPLOY_TOKEN" && test -f models/model.pkl || return 1
  [ "$damage" != received ] || test -f metrics.json || return 1
  note digest models/model.pkl
}
case "$1 $2" in
  '-m pip') exit 0 ;;
  '-m wine.fetch') run fetch fetch ;;
  '-m wine.validate') run validate validate ;;
  '-m wine.train') shift 2; run train train "$*" "$2" ;;
  '-m wine.deploy') run "deploy-$3" deploy "$3" ;;
esac
"""

#: The modules themselves.
_REAL = """
case "$1 $2" in
  '-m pip') exit 0 ;;
  '-m wine.train') shift 2; trained() { '@python@' -m wine.train "$@" && note digest models/model.pkl metrics.json; }
    run train trained "$@" ;;
  '-m wine.deploy') shift 2; deployed() { '@python@' -m wine.deploy "$@" && note digest models/model.pkl; }
    DEPLOY_ROOT='@deployed@'; export DEPLOY_ROOT
    run "deploy-$1" deployed "$@" ;;
  '-m wine.'*) run "${2#wine.}" '@python@' "$@" ;;
esac
"""

_TAIL = """
case "$1 $2" in
  '.mlgen/ci.py gate') run "gate-$3" '@python@' "$@" ;;
esac
exec '@python@' "$@"
"""

_PYTEST = """
tests() {
  mkdir -p reports && echo '<testsuite><testcase/></testsuite>' >reports/unit.xml
  [ "$damage" != unit ]
}
run pytest tests
"""

_PIP = """#!/bin/sh
[ '@damage@' != "setup" ] || [ "$MLGEN_JOB" != train.fit ] || exit 1
"""

#: A bound of the config is an hour or so; one of its commands that is to run over it does so after two seconds.
_TIMEOUT = """#!/bin/sh
real=$(PATH=/usr/local/bin:/usr/bin:/bin command -v timeout)
[ '@damage@' = slow ] && [ "$1" = -k ] && { shift 3; set -- -k 1 2 "$@"; }
exec "$real" "$@"
"""


class StandIns(NamedTuple):
    """A folder of programs, as an environment of Python has it, and the journal that they keep."""

    folder: Path
    journal: Path
    deployed: Path

    def lines(self) -> list[list[str]]:
        """The journal's lines, as words."""
        text = self.journal.read_text("utf-8") if self.journal.exists() else ""
        return [line.split() for line in text.splitlines()]


def make(folder: Path, damage: str = "", real: Path | None = None) -> StandIns:
    """Make the programs. With `real`, the commands of wine-quality are its own, by that interpreter."""
    bin_, found = folder / "bin", StandIns(folder, folder / "journal", folder / "deployed")
    bin_.mkdir(parents=True)
    for each in sorted(real.parent.iterdir()) if real else ():
        (bin_ / each.name).symlink_to(each)
    pytest = _PYTEST if real is None else f"run pytest '{real.parent}/pytest' \"$@\"\n"
    programs = {
        "engine-note": _NOTE,
        "python": _HEAD + (_LIGHT if real is None else _REAL) + _TAIL,
        "pytest": _HEAD + pytest,
        "pip": _PIP,
        "timeout": _TIMEOUT,
    }
    programs["python3"] = programs["python"]
    values = {"damage": damage, "journal": found.journal, "deployed": found.deployed, "python": real or sys.executable}
    for name, text in programs.items():
        for key, value in values.items():
            text = text.replace(f"@{key}@", str(value))
        (bin_ / name).unlink(missing_ok=True)
        (bin_ / name).write_text(text, "utf-8")
        (bin_ / name).chmod(0o755)
    return found
