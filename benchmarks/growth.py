"""How long one pipeline takes, by the measured environment's own Python: `python growth.py FOLDER TARGET`.

Prints the seconds that reading and lowering `FOLDER/mlgen.yaml` takes, and those of compiling it for the target.
"""

import gc
import sys
import time
from collections.abc import Callable

from mlgen.compiler import analyse, compile_spec


def _seconds(work: Callable[[], object]) -> float:
    start = time.perf_counter()
    work()
    return time.perf_counter() - start


folder, target = sys.argv[1:]
gc.disable()  # as the command does
compile_spec(folder, "mlgen.yaml", (target,))  # imports what it needs
print(
    _seconds(lambda: analyse(folder, "mlgen.yaml")),
    _seconds(lambda: compile_spec(folder, "mlgen.yaml", (target,))),
)
