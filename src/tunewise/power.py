"""Power: how many units it takes to see a difference, and what so many can show."""

import math
from statistics import NormalDist

from tunewise.errors import OptionError

_FARTHEST, _STEPS = 1000, 600  # times the units there are that are looked at, in so many steps


def units_needed(
    *, distance: float, deviation: float, level: float = 0.95, power: float = 0.80
) -> int:
    """How many units it takes to tell a mean from one `distance` away.

    ((z₁₋α⸝₂ + z_power) · deviation / distance)², rounded up, at least 2: with that many, a
    two-sided test at `level` finds the difference with probability `power`. `deviation` is that
    of the units' differences; with groups, give `Comparison.effective_deviation`.

    >>> units_needed(distance=0.02, deviation=0.25)
    1227
    """
    _positive("distance", distance)
    require_not_negative("deviation", deviation)
    return max(2, math.ceil((_reach(level, power) * deviation / distance) ** 2))


def smallest_gain(
    units: int, deviation: float, *, level: float = 0.95, power: float = 0.80
) -> float:
    """The smallest difference that `units` units can be expected to show: `units_needed` inverted.

    >>> round(smallest_gain(1227, 0.25), 4)
    0.02
    """
    _positive("units", units)
    require_not_negative("deviation", deviation)
    return _reach(level, power) * deviation / math.sqrt(units)


def most_differing(differing: int, reach: float = 1.96) -> float:
    """How many units may differ in truth where `differing` were seen to: 97.5 % sure.

    The upper bound of a Poisson count by Byar's approximation, so many normal errors up.
    """
    following = differing + 1
    return following * (1 - 1 / (9 * following) + reach / (3 * math.sqrt(following))) ** 3


def units_to_settle(
    gain: float,
    deviation: float,
    units: int,
    *,
    worth: float,
    further: float = 0.0,
    level: float = 0.95,
    power: float = 0.80,
) -> int | None:
    """How many units, those there are among them, would probably settle a gain: None if too many.

    Settled is a gain whose interval lies above 0 with its mean at `worth` or above, or one whose
    interval lies below `worth`. `gain` was seen on `units` with this `deviation` (as for
    `units_needed`); with n units its mean will be near N(gain, deviation²·(1/units - 1/n)), and
    half its interval z·√(deviation²/n + further). The answer is the smallest n for which that
    settles with probability `power`, up to a thousand times `units`.

    >>> units_to_settle(0.03, 0.25, 100, worth=0.02)
    945
    """
    _positive("units", units)
    require_not_negative("deviation", deviation)
    normal, reach = NormalDist(), NormalDist().inv_cdf((1 + level) / 2)
    for step in range(1, _STEPS + 1):
        n = math.ceil(units * math.exp(math.log(_FARTHEST) * step / _STEPS))
        half = reach * math.sqrt(deviation**2 / n + further)
        spread = max(deviation * math.sqrt(1 / units - 1 / n), 1e-12)
        pays = 1 - normal.cdf((max(worth, half) - gain) / spread)
        fails = normal.cdf((worth - half - gain) / spread)
        if pays + fails >= power:
            return n
    return None


def _reach(level: float, power: float) -> float:
    require_share("level", level)
    require_share("power", power)
    return NormalDist().inv_cdf((1 + level) / 2) + NormalDist().inv_cdf(power)


def require_share(name: str, value: float) -> None:
    """Raises OptionError unless `value` is a share from 0.5 to below 1."""
    if not 0.5 <= value < 1:
        raise OptionError(f"{name}={value} makes no sense. Give a share from 0.5 to below 1.")


def _positive(name: str, value: float) -> None:
    if not (math.isfinite(value) and value > 0):
        raise OptionError(f"{name}={value} makes no sense. Give a number above 0.")


def require_not_negative(name: str, value: float) -> None:
    """Raises OptionError unless `value` is finite and 0 or more."""
    if not (math.isfinite(value) and value >= 0):
        raise OptionError(f"{name}={value} makes no sense. Give 0 or a number above it.")
