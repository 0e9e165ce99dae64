"""Pairs of quantities, the greater first, each written in two ways that mean the same."""

from __future__ import annotations

import random
from collections.abc import Callable

__all__ = ["PAIRS", "Pair", "Quantity"]

Quantity = tuple[str, str]
"""One amount in two units or spellings."""
Pair = tuple[Quantity, Quantity]
"""The greater, then the smaller."""

MONTHS = (
    "January",
    "February",
    "March",
    "April",
    "May",
    "June",
    "July",
    "August",
    "September",
    "October",
    "November",
    "December",
)
SHARES = {
    "a tenth": 10,
    "a fifth": 20,
    "a quarter": 25,
    "two fifths": 40,
    "half": 50,
    "three fifths": 60,
    "three quarters": 75,
    "four fifths": 80,
    "nine tenths": 90,
}


def _scaled(
    large: str, small: str, factor: int, low: int, high: int, step: int
) -> Callable[[random.Random], Pair]:
    """Amounts between `low` and `high` small units; the smaller is 55 to 95 % of the greater."""

    def draw(rng: random.Random) -> Pair:
        greater = rng.randrange(low * 2, high + 1, step)
        smaller = max(low, round(greater * rng.uniform(0.55, 0.95) / step) * step)
        smaller = min(smaller, greater - step)
        return write(greater), write(smaller)

    def write(amount: int) -> Quantity:
        whole = f"{amount / factor:,.2f}".rstrip("0").rstrip(".")
        unit = large.removesuffix("s") if whole == "1" else large
        return f"{whole} {unit}", f"{amount:,} {small}"

    return draw


def _money(low: int, high: int, step: int) -> Callable[[random.Random], Pair]:
    def draw(rng: random.Random) -> Pair:
        smaller, greater = sorted(rng.sample(range(low, high + 1, step), 2))
        return write(greater), write(smaller)

    def write(cents: int) -> Quantity:
        return f"{cents / 100:.2f} euros", f"{cents:,} cents"

    return draw


def _between(
    write: Callable[[int], Quantity], low: int, high: int, step: int, most: int
) -> Callable[[random.Random], Pair]:
    """Whole numbers from `low` to `high`, at most `most` steps apart, as `write` puts them."""

    def draw(rng: random.Random) -> Pair:
        greater = rng.randrange(low + step, high + 1, step)
        gap = step * rng.randint(1, most)
        return write(greater), write(max(low, greater - gap))

    return draw


def _several(number: int, unit: str) -> str:
    return f"{number} {unit}" if number == 1 else f"{number} {unit}s"


def _joined(number: int, base: int, large: str, small: str) -> Quantity:
    """A number of small units, with the whole large ones told apart."""
    whole, rest = divmod(number, base)
    apart = _several(whole, large) + (f" and {_several(rest, small)}" if rest else "")
    return apart, _several(number, small)


def _clock(minutes: int) -> Quantity:
    hour, minute = divmod(minutes, 60)
    return f"{hour - 12}:{minute:02} pm", f"{hour}:{minute:02}"


def _degrees(number: int) -> Quantity:
    side = "below" if number < 0 else "above"
    unit = "degree" if abs(number) == 1 else "degrees"
    return f"{number} {unit}", f"{abs(number)} {unit} {side} zero"


def _date(day: int) -> Quantity:
    month, number = MONTHS[day // 28], day % 28 + 1
    ending = {1: "st", 2: "nd", 3: "rd", 21: "st", 22: "nd", 23: "rd"}.get(number, "th")
    return f"{number} {month}", f"the {number}{ending} of {month}"


def _speed(number: int) -> Quantity:
    return f"{3 * number} km an hour", f"{50 * number} m a minute"


def _dozens(number: int) -> Quantity:
    return f"{number} dozen", f"{12 * number}"


def _share(rng: random.Random) -> Pair:
    smaller, greater = sorted(rng.sample(list(SHARES), 2), key=SHARES.__getitem__)
    return (greater, f"{SHARES[greater]} percent"), (smaller, f"{SHARES[smaller]} percent")


def _temperature(rng: random.Random) -> Pair:
    # Never zero itself, which has no side.
    smaller = rng.choice([n for n in range(-14, 9) if n])
    greater = rng.choice([n for n in range(smaller + 2, smaller + 10) if n])
    return _degrees(greater), _degrees(smaller)


PAIRS: dict[str, Callable[[random.Random], Pair]] = {
    "mass": _scaled("kg", "g", 1000, 600, 9800, 50),
    "length": _scaled("m", "cm", 100, 60, 480, 5),
    "height": _between(lambda n: (f"{n / 100:.2f} m", f"{n} cm"), 146, 196, 1, 15),
    "road": _scaled("km", "m", 1000, 400, 9800, 50),
    "volume": _scaled("litres", "ml", 1000, 300, 4800, 50),
    "depth": _between(lambda n: (f"{n / 100:.2f} m", f"{n} cm"), 85, 390, 5, 12),
    "load": _between(lambda n: (f"{n / 1000:.2f} tonnes", f"{n} kg"), 150, 980, 10, 20),
    "takings": _between(
        lambda n: (f"{n / 1000:g} thousand euros", f"{n:,} euros"), 1100, 9800, 50, 30
    ),
    "money": _money(250, 1950, 5),
    "purse": _money(1200, 9900, 50),
    "duration": _between(lambda n: _joined(n, 60, "hour", "minute"), 65, 230, 5, 14),
    "age": _between(lambda n: _joined(n, 12, "year", "month"), 26, 95, 1, 16),
    "clock": _between(_clock, 13 * 60 + 5, 22 * 60 + 55, 5, 30),
    "date": _between(_date, 0, 335, 1, 45),
    "speed": _between(_speed, 3, 12, 1, 4),
    "dozens": _between(_dozens, 2, 15, 1, 4),
    "share": _share,
    "temperature": _temperature,
}
