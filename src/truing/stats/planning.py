"""Before a run: which differences it could see; after one: what would decide it.

By the normal approximation, for rates and numbers of independent units (clusters). Where a cluster
has several samples, hand over the variance of its mean (or its difference) instead of p(1 - p).
"""

from __future__ import annotations

import math

from truing.quantiles import normal_quantile

__all__ = ["clusters_to_decide", "detectable_difference", "detectable_rate"]


def detectable_difference(
    clusters: float, variance: float, *, alpha: float = 0.05, power: float = 0.8
) -> float:
    """The smallest paired difference found with this power, two-sided at `alpha`; at most 1.

    `variance` is that of one cluster's difference: for one yes or no a cluster the share on which
    the two disagree (less the squared difference, left out here: a little cautious), in general
    Var(a) + Var(b) - 2 Cov(a, b). (z_{1-alpha/2} + z_power) sqrt(variance/clusters); 1 with none.
    Source: Miller 2024, arXiv 2411.00640, section 5.
    """
    if clusters <= 0:
        return 1.0
    z = normal_quantile(1 - alpha / 2) + normal_quantile(power)
    return min(1.0, z * math.sqrt(max(0.0, variance) / clusters))


def detectable_rate(
    clusters: float,
    threshold: float,
    *,
    below: bool = True,
    alpha: float = 0.05,
    power: float = 0.8,
    design_effect: float = 1.0,
) -> float | None:
    """The rate nearest to a threshold that is told from it with this power, one-sided at `alpha`.

    Below it (a failing model is found out) or above it. None where no rate is: with so few
    clusters even 0 (or 1) would pass for the threshold. The rate p solves
    z_{1-alpha} sqrt(t(1-t)/n) + z_power sqrt(p(1-p)/n) = |t - p|, n = clusters/design_effect.
    """
    n = clusters / design_effect
    end = 0.0 if below else 1.0
    z_alpha, z_power = normal_quantile(1 - alpha), normal_quantile(power)

    def short(rate: float) -> float:
        spread = z_alpha * math.sqrt(threshold * (1 - threshold))
        spread += z_power * math.sqrt(rate * (1 - rate))
        return spread / math.sqrt(n) - abs(threshold - rate)

    if n <= 0 or short(end) > 0:
        return None
    near, far = threshold, end
    for _ in range(60):
        middle = (near + far) / 2
        near, far = (middle, far) if short(middle) > 0 else (near, middle)
    return far


def clusters_to_decide(
    estimate: float,
    threshold: float,
    *,
    level: float = 0.95,
    design_effect: float = 1.0,
    power: float | None = None,
) -> int | None:
    """Clusters at which a threshold would lie outside the interval, were the estimate the truth.

    Without `power` the score interval around this very estimate: n = z^2 t(1-t)/(t - p)^2 times
    the design effect, reached in about half the runs. With it, in that share of runs. `level` is
    that of the two-sided interval. None where the estimate is unknown or is the threshold: no
    number would do.
    """
    gap = abs(estimate - threshold)
    if math.isnan(estimate) or gap < 1e-12:
        return None
    z = normal_quantile(1 - (1 - level) / 2)
    spread = z * math.sqrt(threshold * (1 - threshold))
    if power is not None:
        spread += normal_quantile(power) * math.sqrt(estimate * (1 - estimate))
    return max(1, math.ceil(design_effect * (spread / gap) ** 2 - 1e-9))
