"""`mlgen graph`: the pipeline drawn, on standard output or into a file."""

from __future__ import annotations

import os
import shutil
import sys

from mlgen import __version__, targets
from mlgen.cli.commands import Options, spec_of
from mlgen.compiler import analyse
from mlgen.graph.dot import dot
from mlgen.graph.mermaid import mermaid
from mlgen.graph.picture import picture
from mlgen.graph.text import text
from mlgen.ir import Pipeline
from mlgen.write.apply import save

FORMATS = ("text", "mermaid", "dot", "svg", "html")
_SUFFIXES = {".mmd": "mermaid", ".mermaid": "mermaid", ".dot": "dot", ".gv": "dot"}
_SUFFIXES |= {".svg": "svg", ".html": "html", ".htm": "html"}


def format_of(output: str) -> str:
    """The format that the file's name asks for."""
    return _SUFFIXES.get(os.path.splitext(output)[1].lower(), "text")


def graph(options: Options, format: str, output: str) -> int:
    """Draw the pipeline of the spec."""
    if format == "html":
        drawn = _page(options)
    else:
        pipeline, _ = analyse(options.directory, spec_of(options))
        drawn = _drawn(pipeline, format, to_file=bool(output))
    if output:
        save(output, drawn)
    else:
        sys.stdout.write(drawn)
    return 0


def _page(options: Options) -> str:
    from mlgen.graph.page import page
    from mlgen.provenance.origins import traced

    if sys.stderr.isatty():
        print("mlgen: looking where each line comes from", file=sys.stderr)
    return page(traced(options.directory, spec_of(options)), __version__, lambda name: targets.get(name).title)


def _drawn(pipeline: Pipeline, format: str, to_file: bool) -> str:
    if format == "mermaid":
        return mermaid(picture(pipeline))
    if format == "svg":
        from mlgen.graph.svg import svg

        return svg(picture(pipeline))
    if format == "dot":
        return dot(picture(pipeline))
    if to_file or not sys.stdout.isatty():
        return text(pipeline)
    color = not os.environ.get("NO_COLOR") and os.environ.get("TERM") != "dumb"
    plain = not (sys.stdout.encoding or "").lower().startswith("utf")
    return text(pipeline, min(shutil.get_terminal_size().columns, 120), color, plain)
