"""The pipeline graph that every target compiles from; see `model`, `conditions` and `expressions`."""

from mlgen.ir.conditions import ALWAYS, KINDS, Condition
from mlgen.ir.expressions import (
    All,
    Any,
    Expr,
    Match,
    Not,
    all_of,
    any_of,
    evaluate,
    fields,
    glob_matches,
    glob_regex,
    implies,
    is_literal,
    matches,
    negate,
    patterns_expr,
)
from mlgen.ir.model import (
    Bundle,
    Cache,
    Coverage,
    Edge,
    Environment,
    Export,
    GateCheck,
    Input,
    Job,
    Leg,
    Matrix,
    Pipeline,
    Reports,
    Runner,
    Schedule,
    Secret,
    SecretUse,
    Take,
    TargetOptions,
    Triggers,
)

__all__ = [
    "ALWAYS", "KINDS", "All", "Any", "Bundle", "Cache", "Condition", "Coverage", "Edge", "Environment", "Export",
    "Expr",
    "GateCheck", "Input", "Job", "Leg", "Match", "Matrix", "Not", "Pipeline", "Reports", "Runner", "Schedule", "Secret",
    "SecretUse", "Take", "TargetOptions", "Triggers", "all_of", "any_of", "evaluate", "fields", "glob_matches",
    "glob_regex", "implies", "is_literal", "matches", "negate", "patterns_expr",
]  # fmt: skip
