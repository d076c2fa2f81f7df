"""Refuse a release whose tag and version differ: `python tools/check_tag.py TAG`; an empty tag is no release."""

import re
import sys
from pathlib import Path


def main(tag: str) -> int:
    """Return the exit code."""
    text = Path("src/scorecard/__init__.py").read_text(encoding="utf-8")
    version = re.findall(r'^__version__ = "(.+)"$', text, re.MULTILINE)[0]
    if tag not in ("", f"v{version}"):
        print(f"error: the tag {tag} does not belong to version {version}", file=sys.stderr)
        return 1
    print(f"version {version}")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1] if len(sys.argv) > 1 else ""))
