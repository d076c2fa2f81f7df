"""`mlgen simulate`: which jobs run on an event, by the spec and on each target."""

from __future__ import annotations

import shutil
import sys

from mlgen.cli.commands import spec_of
from mlgen.cli.event import EventOptions, event_of
from mlgen.cli.report import print_json
from mlgen.compiler import compile_spec
from mlgen.diagnostics import Position, SpecError, error
from mlgen.ir.events import events
from mlgen.lower.names import did_you_mean
from mlgen.named import NamedTuple
from mlgen.simulate import text
from mlgen.simulate.table import rows, sides


class Options(NamedTuple):
    """The options of `simulate`."""

    directory: str = "."
    spec: str = "mlgen.yaml"
    targets: tuple[str, ...] = ()
    event: EventOptions = EventOptions("")
    failing: tuple[str, ...] = ()
    format: str = "text"


def simulate(options: Options) -> int:
    """Print the table of one event, or, without one, of every event that the spec tells apart."""
    compiled = compile_spec(options.directory, spec_of(options), options.targets)
    read = sides(compiled)
    pipeline = compiled.pipeline
    for job in options.failing:
        if job not in [known.id for known in pipeline.jobs]:
            hint = did_you_mean(job, [known.id for known in pipeline.jobs])
            raise SpecError([error("MLG801", Position(options.spec), f"there is no job {job}", hint)])
    chosen = [event_of(pipeline, options.event, starting=False)] if options.event.event else list(events(pipeline))
    tables = [(event, rows(pipeline, event, read, options.failing)) for event in chosen]
    if options.format == "json":
        found = [
            {
                "event": {"name": str(event), **event._asdict()},
                "jobs": {row.job: {name: cell.state for name, cell in row.cells.items()} for row in table},
            }
            for event, table in tables
        ]
        print_json(found[0] if options.event.event else found)
    elif options.event.event:
        sys.stdout.write(text.one(*tables[0]))
    else:
        sys.stdout.write(text.matrix(tables, shutil.get_terminal_size((100, 24)).columns))
    return 0
