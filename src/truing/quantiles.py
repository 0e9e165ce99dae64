"""Quantiles and tails of the normal, Student's t and the binomial distribution.

The few functions that intervals need. scipy has them too, and importing it takes a quarter of a
second of every command; the tests hold these against it.
"""

from __future__ import annotations

import math
from statistics import NormalDist

__all__ = ["binomial_at_least", "binomial_tail", "normal_quantile", "student_quantile"]

_NORMAL = NormalDist()
_MANY = 1000
"""Degrees of freedom from which the expansion about the normal is exact to the last digits."""


def normal_quantile(p: float) -> float:
    """The value below which a standard normal falls with probability `p` in (0, 1)."""
    return _NORMAL.inv_cdf(p)


def student_quantile(df: float, p: float) -> float:
    """The value below which Student's t with `df` degrees of freedom falls with probability `p`.

    `df` is above 0 (infinity gives the normal), `p` in (0, 1). Newton's method on the logarithm of
    the upper tail, which is concave there; above 1,000 degrees of freedom the expansion of
    Abramowitz & Stegun 26.7.5.
    """
    if p < 0.5:
        return -student_quantile(df, 1 - p)
    z = normal_quantile(p)
    if df >= _MANY:
        return z + sum(
            value / df**power
            for power, value in enumerate(
                (
                    (z**3 + z) / 4,
                    (5 * z**5 + 16 * z**3 + 3 * z) / 96,
                    (3 * z**7 + 19 * z**5 + 17 * z**3 - 15 * z) / 384,
                ),
                1,
            )
        )
    t, tail = z, 1 - p
    constant = math.lgamma((df + 1) / 2) - math.lgamma(df / 2) - 0.5 * math.log(df * math.pi)
    for _ in range(100):
        above = 0.5 * _beta_share(df / 2, 0.5, df / (df + t * t))
        density = math.exp(constant - (df + 1) / 2 * math.log1p(t * t / df))
        step = math.log(above / tail) * above / density
        t += step
        if abs(step) <= 1e-14 * max(1.0, abs(t)):
            break
    return t


def binomial_tail(successes: int, n: int) -> float:
    """Probability that `n` fair coins show at most `successes` heads."""
    return 1.0 if successes >= n else _beta_share(n - successes, successes + 1, 0.5)


def binomial_at_least(successes: float, n: float, p: float) -> float:
    """Probability of `successes` or more among `n` draws that succeed with probability `p`.

    The numbers may be fractional (an effective sample size): the incomplete beta function is the
    continuous form of the binomial's tail.
    """
    return 1.0 if successes <= 0 else _beta_share(successes, n - successes + 1, p)


def _beta_share(a: float, b: float, x: float) -> float:
    """The regularised incomplete beta function I_x(a, b), `x` in [0, 1].

    Continued fraction of DiDonato & Morris 1992 (ACM TOMS 18), by the modified Lentz method.
    """
    if x <= 0 or x >= 1:
        return float(x >= 1)
    if x > (a + 1) / (a + b + 2):
        return 1 - _beta_share(b, a, 1 - x)
    front = math.exp(
        math.lgamma(a + b) - math.lgamma(a) - math.lgamma(b) + a * math.log(x) + b * math.log1p(-x)
    )
    tiny = 1e-300
    c, d = 1.0, 1 / ((1 - (a + b) * x / (a + 1)) or tiny)
    value = d
    for m in range(1, 10_000):
        even = m * (b - m) * x / ((a + 2 * m - 1) * (a + 2 * m))
        odd = -(a + m) * (a + b + m) * x / ((a + 2 * m) * (a + 2 * m + 1))
        for term in (even, odd):
            d = 1 / ((1 + term * d) or tiny)
            c = (1 + term / c) or tiny
            value *= c * d
        if abs(c * d - 1) < 1e-16:
            break
    return front * value / a
