"""Intervals, tests and verdicts. Arrays in, numbers out; knows no record, file or task.

Rates are in [0, 1], levels are coverage (0.95), alpha is the chance of a wrong word. Samples of one
cluster (seed) are not independent: everything here works on clusters. Nothing scored gives NaN and
the whole of [0, 1]: unknown, which is not zero.
"""

from __future__ import annotations

from truing.stats.agreement import cohen_kappa, kappa_interval
from truing.stats.corrected import (
    Corrected,
    Judged,
    JudgeError,
    judge_error,
    ppi_balanced,
    ppi_rate,
    rogan_gladen,
)
from truing.stats.equivalence import Comparison, Word, compare_rows, word
from truing.stats.intervals import (
    UNKNOWN,
    Floats,
    Interval,
    Scores,
    balanced_interval,
    mean_interval,
    rate_interval,
    wilson_interval,
    worse_of,
)
from truing.stats.multiplicity import benjamini_hochberg, e_benjamini_hochberg, holm, sidak_level
from truing.stats.paired import (
    PairedDifference,
    mcnemar_exact,
    paired_difference,
    paired_interval,
    sign_flip_test,
)
from truing.stats.planning import clusters_to_decide, detectable_difference, detectable_rate
from truing.stats.sequential import (
    BEYOND,
    AnytimeRate,
    ConfidenceSequence,
    SidesTest,
    ThresholdTest,
    Verdict,
    clusters_until_decided,
    e_processes,
)
from truing.stats.trend import Direction, Reversal, Trend, trend

__all__ = [
    "BEYOND",
    "UNKNOWN",
    "AnytimeRate",
    "Comparison",
    "ConfidenceSequence",
    "Corrected",
    "Direction",
    "Floats",
    "Interval",
    "JudgeError",
    "Judged",
    "PairedDifference",
    "Reversal",
    "Scores",
    "SidesTest",
    "ThresholdTest",
    "Trend",
    "Verdict",
    "Word",
    "balanced_interval",
    "benjamini_hochberg",
    "clusters_to_decide",
    "clusters_until_decided",
    "cohen_kappa",
    "compare_rows",
    "detectable_difference",
    "detectable_rate",
    "e_benjamini_hochberg",
    "e_processes",
    "holm",
    "judge_error",
    "kappa_interval",
    "mcnemar_exact",
    "mean_interval",
    "paired_difference",
    "paired_interval",
    "ppi_balanced",
    "ppi_rate",
    "rate_interval",
    "rogan_gladen",
    "sidak_level",
    "sign_flip_test",
    "trend",
    "wilson_interval",
    "word",
    "worse_of",
]
