"""`python -m mlgen`: the same as the `mlgen` command."""

from __future__ import annotations

import sys

from mlgen.entry import main

if __name__ == "__main__":
    sys.exit(main())
