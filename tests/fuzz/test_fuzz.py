"""Random specs over the whole language: each compiles for the targets that can say it, and all of them mean the same.

Compiling reads every output back and holds it against the spec's meaning on every event; the checkers of third parties
that take many files at once then look at all outputs together. `make fuzz` does the same with 10,000 specs.
"""

from __future__ import annotations

import os
from collections import Counter

import pytest
from hypothesis import HealthCheck, Phase, given, seed, settings

from mlgen import targets
from tests.fuzz.settle import settle, text
from tests.fuzz.specs import TARGETS, Spec, specs
from tests.fuzz.validators import findings

COUNT = int(os.environ.get("MLGEN_FUZZ", "300"))
CHUNKS = max(4, COUNT // 250)
"""Parts of the run, each with a seed of its own, so that several processes can share them."""


def test_every_target_is_fuzzed() -> None:
    assert set(TARGETS) == set(targets.names())


@pytest.mark.parametrize("chunk", range(CHUNKS))
def test_random_specs(chunk: int) -> None:
    outputs: list[tuple[str, str]] = []
    compiled: Counter[str] = Counter()

    @seed(chunk if "MLGEN_FUZZ" not in os.environ else int.from_bytes(os.urandom(4), "big"))
    @settings(
        max_examples=COUNT // CHUNKS, deadline=None, database=None, phases=(Phase.generate, Phase.shrink),
        suppress_health_check=list(HealthCheck),
    )  # fmt: skip
    @given(specs())
    def each(spec: Spec) -> None:
        settled = settle(spec)
        assert not settled.faults, f"{settled.faults}\n{text(settled.spec)}"
        if settled.compiled is None:
            compiled["refused"] += 1
            return
        for file in settled.compiled.files:
            if file.target:
                outputs.append((file.target, file.text))
                compiled[file.target] += 1

    each()
    assert compiled["refused"] <= COUNT // CHUNKS // 2, f"the strategy makes too much that is wrong: {compiled}"
    assert all(compiled[name] >= COUNT // CHUNKS // 8 for name in TARGETS), compiled
    print(f"chunk {chunk}: {dict(compiled)}")
    wrong = findings(outputs)
    assert wrong == [], "\n".join(wrong[:20])
