"""Where points and curves stand: a training's looks, a frontier, a forecast. Geometry only.

As in `drawings.py`, positions across are in per cent and positions down in pixels.
"""

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

from tunewise.report.drawings import Scale, Tick, around, round_ticks

HEIGHT = 160
_APART = 11.0  # per cent between labels, so that they keep clear of each other on a phone
Facts = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Dot:
    """A point, with what is written beside it."""

    across: float
    down: float
    label: str = ""
    chosen: bool = False


@dataclass(frozen=True, slots=True)
class Curve:
    """Points joined in their order, on axes with ticks; `mark` is a limit across, if any."""

    dots: tuple[Dot, ...]
    across: tuple[Tick, ...]
    up: tuple[Tick, ...]
    mark: float | None = None

    @property
    def joined(self) -> tuple[tuple[Dot, Dot], ...]:
        """Each point with the one after it."""
        return tuple(pairwise(self.dots))


@dataclass(frozen=True, slots=True)
class Reach:
    """A forecast: the ends of its interval, clipped to the drawing, and its middle."""

    across: float
    low: float
    middle: float
    high: float
    label: str
    supported: bool


@dataclass(frozen=True, slots=True)
class Outlook:
    """Trainings as dots, forecasts beside them, and the lines of no gain and of enough."""

    dots: tuple[Dot, ...]
    reaches: tuple[Reach, ...]
    zero: float
    worth: float
    across: tuple[Tick, ...]
    up: tuple[Tick, ...]


def draw_steps(looks: Sequence[Facts], what: str, steps: int) -> Curve | None:
    """`what` ("score" or "loss") of each look by step; None if fewer than two have it.

    The look with the highest score is the chosen one.
    """
    known = [look for look in looks if look[what] is not None]
    if len(known) < 2:
        return None
    best = max(looks, key=lambda look: look["score"])
    across, up = Scale(0.0, float(max(steps, 1))), around([look[what] for look in known])
    dots = [Dot(across.at(look["step"]), _down(up, look[what]), "", look is best) for look in known]
    return Curve(tuple(dots), round_ticks(across), _upright(up))


def draw_frontier(points: Sequence[Facts], loss: float) -> Curve | None:
    """Dev score upwards, the other task's score to the right; None without another task.

    The mark is the least that may be left of the other task.
    """
    known = [point for point in points if point["kept"] is not None]
    if len(known) < 2:
        return None
    limit = known[0]["kept"] - loss
    across = around([*(point["kept"] for point in known), limit])
    up = around([point["score"] for point in known])
    dots = [
        Dot(
            across.at(point["kept"]),
            _down(up, point["score"]),
            f"{100 * point['share']:.0f} %",
            point["delivered"],
        )
        for point in known
    ]
    return Curve(tuple(dots), round_ticks(across, most=5), _upright(up), across.at(limit))


def draw_sizes(points: Sequence[Facts], chosen: str) -> Curve | None:
    """The share kept upwards, in per cent, bytes (logarithmic) to the right; None for one point.

    `points` are the forms on the frontier, smallest first; the one called `chosen` is solid.
    """
    if len(points) < 2:
        return None
    across = around([math.log10(point["bytes"]) for point in points])
    up = around([100 * point["kept"] for point in points])
    dots = [
        Dot(
            across.at(math.log10(point["bytes"])),
            _down(up, 100 * point["kept"]),
            "",
            point["form"]["name"] == chosen,
        )
        for point in points
    ]
    ticks = [
        Tick(across.at(math.log10(value)), f"{value:,}")
        for value in (2**power for power in range(40))
        if across.low <= math.log10(value) <= across.high
    ]
    return Curve(tuple(dots), tuple(ticks), _upright(up))


def draw_outlook(forecast: Facts) -> Outlook | None:
    """Gain upwards, training queries (logarithmic) to the right; None where nothing is forecast.

    The trainings on all there is are solid. An interval that is not supported sets no scale, so
    that one which says nothing does not flatten those that do; it may end at the edge.
    """
    curve, ahead, worth = forecast["curve"], forecast["ahead"], forecast["worth"]
    if not ahead:
        return None
    sizes = sorted({*(queries for queries, _ in curve), *(one["queries"] for one in ahead)})
    across = around([math.log10(size) for size in sizes])
    ends = [one["gain"][end] for one in ahead for end in ("low", "high") if one["supported"]]
    middles = [one["gain"]["mean"] for one in ahead]
    up = around([0.0, worth, *(gain for _, gain in curve), *middles, *ends])
    return Outlook(
        dots=tuple(
            Dot(across.at(math.log10(n)), _down(up, gain), "", n == forecast["queries"])
            for n, gain in curve
        ),
        reaches=tuple(_reach(one, across, up) for one in ahead),
        zero=_down(up, 0.0),
        worth=_down(up, worth),
        across=_apart(Tick(across.at(math.log10(size)), f"{size:,}") for size in sizes),
        up=_upright(up, signed=True),
    )


def _reach(one: Facts, across: Scale, up: Scale) -> Reach:
    low, middle, high = (_down(up, one["gain"][end]) for end in ("low", "mean", "high"))
    return Reach(
        across.at(math.log10(one["queries"])),
        min(low, float(HEIGHT)),
        middle,
        max(high, 0.0),
        f"{one['times']}×",
        one["supported"],
    )


def _apart(ticks: Iterable[Tick]) -> tuple[Tick, ...]:
    """Those ticks whose labels do not run into the one before."""
    kept: list[Tick] = []
    for tick in ticks:
        if not kept or tick.at - kept[-1].at >= _APART:
            kept.append(tick)
    return tuple(kept)


def _down(scale: Scale, value: float) -> float:
    return round(HEIGHT * (1 - scale.at(value) / 100), 2)


def _upright(scale: Scale, *, signed: bool = False) -> tuple[Tick, ...]:
    return tuple(
        Tick(round(HEIGHT * (1 - tick.at / 100), 2), tick.label)
        for tick in round_ticks(scale, signed=signed, most=4)
    )
