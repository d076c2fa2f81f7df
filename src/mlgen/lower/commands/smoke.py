"""`smoke`: an address is asked until it answers as it should."""

from __future__ import annotations

import json

from mlgen.lower.commands.call import Call, lines, word
from mlgen.lower.texts import seconds
from mlgen.quoting.shell import sh


def script(call: Call) -> str:
    """The call of `.mlgen/ci.py`."""
    words = call.words
    options = [f"python3 .mlgen/ci.py smoke {word(words['url'])}"]
    options += [f"--status {words['status']}"] if "status" in words else []
    options += [f"--json {word(f'{name}={_text(value)}')}" for name, value in words.get("json", {}).items()]
    if "latency" in words:
        options.append(f"--latency {_latency(words['latency'])}")
    if "within" in words:
        options.append(f"--within {seconds(words['within'])}")
    return lines(*options)


def _text(value: object) -> str:
    return value if isinstance(value, str) and not _like_json(value) else json.dumps(value, ensure_ascii=False)


def _like_json(text: str) -> bool:
    """Whether a text without quotes would be read as something else than text."""
    try:
        json.loads(text)
    except ValueError:
        return False
    return True


def _latency(text: str) -> str:
    """Milliseconds or seconds, in seconds."""
    if text.endswith("ms"):
        return f"{int(text[:-2]) / 1000:g}"
    return sh(text[:-1])
