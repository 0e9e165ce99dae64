"""Prints the table of sample sizes in docs/guideline.md: `python docs/sample_sizes.py`.

Counts independent units (seeds, or groups right as a whole), not samples of one seed.
"""

# ruff: noqa: INP001, T201 - a script

from scipy import special
from scipy import stats as distributions

from truing.stats import mcnemar_exact, wilson_interval

SIZES = (40, 150, 400, 1000)


def width(rate: float, units: int) -> float:
    """Width of the two-sided 95 % interval around a rate."""
    interval = wilson_interval(rate, units)
    return interval.high - interval.low


def failures_allowed(least: float, units: int) -> int | None:
    """Most failures with which a rate of `least` or lower is excluded, one-sided exact 5 %."""
    allowed = [k for k in range(units) if special.bdtr(k, units, 1 - least) <= 0.05]
    return max(allowed, default=None)


def power(difference: float, discordant: float, units: int) -> float:
    """Chance that McNemar's exact test finds the difference, in its true direction."""
    loses = (discordant - difference) / (2 * discordant)
    total, lost = 0.0, 0
    for pairs in range(units + 1):
        while mcnemar_exact(lost, pairs - lost) <= 0.05 and 2 * lost < pairs:
            lost += 1  # `lost` ends as the fewest losses that are no longer significant
        if lost:
            chance = distributions.binom.pmf(pairs, units, discordant)
            total += float(chance * special.bdtr(lost - 1, pairs, loses))
    return total


def detectable(discordant: float, units: int) -> float | None:
    """Smallest difference, in steps of .001, found with power .8."""
    steps = range(1, round(1000 * discordant) + 1)
    return next((d / 1000 for d in steps if power(d / 1000, discordant, units) >= 0.8), None)


def show(value: float | None) -> str:
    """A cell: a count, a rate to three places, or a dash."""
    return "-" if value is None else f"{value:.3f}" if isinstance(value, float) else str(value)


if __name__ == "__main__":
    for n in SIZES:
        cells: list[float | None] = [width(rate, n) for rate in (0.5, 0.9, 0.98)]
        cells += [failures_allowed(least, n) for least in (0.90, 0.95, 0.98)]
        cells += [detectable(discordant, n) for discordant in (0.1, 0.2)]
        print(" | ".join([f"| {n}", *map(show, cells)]) + " |")
