"""`helm`: a release is installed or upgraded, and goes back if it does not get ready."""

from __future__ import annotations

from mlgen.ir import paths
from mlgen.lower.commands.call import Call, lines, word
from mlgen.lower.commands.cluster import WORK, connect
from mlgen.lower.texts import scalar_text, seconds
from mlgen.quoting.shell import sh


def script(call: Call) -> str:
    """The one command of helm, after the connection to the cluster."""
    words = call.words
    chart = words["chart"].rstrip("/")
    options = [f"helm upgrade --install {sh(words.get('release') or release(chart))} {word(chart)}"]
    options += [f"--namespace {words['namespace']}"] if "namespace" in words else []
    options += [f"--values {word(paths.normal(path))}" for path in words.get("values", ())]
    for name, value in words.get("set", {}).items():
        # A text is taken as it is: commas and braces have a meaning to --set.
        option = "--set-literal" if isinstance(value, str) else "--set"
        options.append(f"{option} {word(f'{name}={scalar_text(value)}')}")
    options.append(f"--atomic --wait --timeout {seconds(words.get('wait', '5m'))}s")
    connected = connect(call)
    return "\n".join([*(WORK if connected else ()), *connected, lines(*options)])


def release(chart: str) -> str:
    """The release's name where none is given: the last part of the chart's."""
    return "".join(c if c.isalnum() or c == "-" else "-" for c in chart.split("/")[-1].lower())[:53].strip("-")


def reads(call: Call) -> list[str]:
    """Files of values may be made by another job, and so may a chart."""
    chart = call.words["chart"]
    local = [chart] if "://" not in chart and not chart.startswith("$") else []
    return [paths.normal(path) for path in (*call.words.get("values", ()), *local)]
