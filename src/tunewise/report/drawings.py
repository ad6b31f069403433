"""Where things stand in the drawings of the page: geometry only, no markup, no colour.

Positions across are in per cent of the drawing's width and positions down are in pixels, so
that a drawing stretches from a phone to a desk while its letters keep their size.
"""

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any, Literal

Anchor = Literal["start", "end"]
Facts = Mapping[str, Any]

PLOT_HEIGHT = 280
STAIRS_HEIGHT = 180
_MOST_STEPS = 400
_NARROWEST = 280  # pixels: labels that keep clear of each other here do so everywhere
_NUMBER_OFFSETS = ((13, 0), (-13, 0), (0, -15), (0, 15), (12, -12), (-12, -12), (12, 12), (-12, 12))


@dataclass(frozen=True, slots=True)
class Scale:
    """A line of numbers from `low` to `high`, drawn over 100 %."""

    low: float
    high: float

    def at(self, value: float) -> float:
        """Where `value` stands, in per cent."""
        return round(100 * (value - self.low) / (self.high - self.low), 2)


@dataclass(frozen=True, slots=True)
class Tick:
    """A labelled place on an axis, in per cent."""

    at: float
    label: str


@dataclass(frozen=True, slots=True)
class Span:
    """A dot with the line of its interval."""

    low: float
    dot: float
    high: float


@dataclass(frozen=True, slots=True)
class GainDrawing:
    """The gain's interval against 0 and against the gain worth having."""

    span: Span
    zero: float
    worth: float
    worth_anchor: Anchor
    ticks: tuple[Tick, ...]


@dataclass(frozen=True, slots=True)
class BarsDrawing:
    """One interval per contender on a common axis, with the best untuned one as a reference."""

    spans: tuple[Span | None, ...]
    reference: float | None
    ticks: tuple[Tick, ...]


@dataclass(frozen=True, slots=True)
class Point:
    """A contender in the plot of price against quality; `across` in per cent, others in pixels."""

    number: int
    across: float
    down: float
    high: float
    low: float
    label_across: float
    label_down: float


@dataclass(frozen=True, slots=True)
class PlotDrawing:
    """Quality upwards, price (logarithmic, free things at the left edge) to the right."""

    points: tuple[Point, ...]
    across: tuple[Tick, ...]
    up: tuple[Tick, ...]


@dataclass(frozen=True, slots=True)
class StairsDrawing:
    """Per-query differences, best first, as two areas around a line at `zero` pixels."""

    above: str
    below: str
    steps: int
    zero: float
    most: float
    wins: int
    ties: int
    losses: int


def draw_gain(gain: Facts, worth: float) -> GainDrawing:
    """The drawing of one comparison; 0 and `worth` are always in sight."""
    scale = around([0.0, worth, gain["low"], gain["difference"], gain["high"]])
    return GainDrawing(
        span=_span(scale, gain["low"], gain["difference"], gain["high"]),
        zero=scale.at(0.0),
        worth=scale.at(worth),
        worth_anchor="start" if scale.at(worth) < 55 else "end",
        ticks=round_ticks(scale, signed=True),
    )


def draw_target(target: Facts) -> GainDrawing:
    """A score's interval against its target: the same drawing, with the target as the line."""
    scale = around([target["value"], target["low"], target["score"], target["high"]])
    return GainDrawing(
        span=_span(scale, target["low"], target["score"], target["high"]),
        zero=-1,
        worth=scale.at(target["value"]),
        worth_anchor="start" if scale.at(target["value"]) < 55 else "end",
        ticks=round_ticks(scale),
    )


def draw_bars(scores: Sequence[Facts | None], reference: float | None) -> BarsDrawing:
    """One span for each of `scores` (None stays None) on one axis; `reference` is a score."""
    known = [one[end] for one in scores if one is not None for end in ("low", "mean", "high")]
    scale = around([*known, *([] if reference is None else [reference])] or [0.0, 1.0])
    spans = [
        None if one is None else _span(scale, one["low"], one["mean"], one["high"])
        for one in scores
    ]
    mark = None if reference is None else scale.at(reference)
    return BarsDrawing(tuple(spans), mark, round_ticks(scale, most=4))


def draw_plot(prices: Sequence[float | None], scores: Sequence[Facts | None]) -> PlotDrawing | None:
    """Price against quality; contenders without a price or a score are left out.

    None if fewer than two are left: one point says nothing about a choice. Numbers count from
    1 in the order given.
    """
    known = [
        (number, price, one)
        for number, (price, one) in enumerate(zip(prices, scores, strict=True), 1)
        if price is not None and one is not None
    ]
    if len(known) < 2:
        return None
    across, ticks = _logarithmic([price for _, price, _ in known])
    up = around([one[end] for _, _, one in known for end in ("low", "high")])
    places = [(across(price), _down(up, one["mean"])) for _, price, one in known]
    labels = _beside(places)
    points = [
        Point(number, x, y, _down(up, one["high"]), _down(up, one["low"]), *label)
        for (number, _, one), (x, y), label in zip(known, places, labels, strict=True)
    ]
    heights = [
        Tick(_down(up, up.low + tick.at / 100 * (up.high - up.low)), tick.label)
        for tick in round_ticks(up)
    ]
    return PlotDrawing(tuple(points), ticks, tuple(heights))


def draw_stairs(differences: Sequence[float]) -> StairsDrawing | None:
    """Sorted differences as stairs, at most 400 steps; None if there are none.

    With more queries than steps, a step shows the middle query of its share. The counts are of
    all queries; a difference below a billionth is a tie.
    """
    if not differences:
        return None
    ordered = sorted(differences, reverse=True)
    steps = min(len(ordered), _MOST_STEPS)
    shown = [ordered[int((step + 0.5) * len(ordered) / steps)] for step in range(steps)]
    most = max(max(map(abs, ordered)), 1e-9)
    top, bottom = max(max(shown), 0.0) / most, max(-min(shown), 0.0) / most
    unit = STAIRS_HEIGHT / max(top + bottom, 1e-9)
    zero = round(top * unit, 2)
    heights = [value / most * unit for value in shown]
    wins = sum(value > 1e-9 for value in ordered)
    losses = sum(value < -1e-9 for value in ordered)
    return StairsDrawing(
        above=_area([max(height, 0.0) for height in heights], zero),
        below=_area([min(height, 0.0) for height in heights], zero),
        steps=steps,
        zero=zero,
        most=most,
        wins=wins,
        ties=len(ordered) - wins - losses,
        losses=losses,
    )


def _span(scale: Scale, low: float, dot: float, high: float) -> Span:
    return Span(scale.at(low), scale.at(dot), scale.at(high))


def around(values: Sequence[float]) -> Scale:
    """A scale on which all of these values stand, with a little room at both ends."""
    low, high = min(values), max(values)
    room = 0.08 * (high - low) or 0.05
    return Scale(low - room, high + room)


def round_ticks(scale: Scale, *, signed: bool = False, most: int = 6) -> tuple[Tick, ...]:
    """Round numbers on a scale, about as many as `most` or fewer."""
    rough = (scale.high - scale.low) / most
    power = 10.0 ** math.floor(math.log10(rough))
    step = next(power * factor for factor in (1, 2, 5, 10) if power * factor >= rough)
    decimals = max(0, -math.floor(math.log10(step) + 1e-9))
    first = math.ceil(scale.low / step)
    last = math.floor(scale.high / step)
    return tuple(
        Tick(scale.at(place * step), _tick_label(place * step, decimals, signed))
        for place in range(first, last + 1)
    )


def _tick_label(value: float, decimals: int, signed: bool) -> str:
    if signed and abs(value) < 1e-12:
        return "0"
    return f"{value:{'+' if signed else ''}.{decimals}f}"


def _logarithmic(prices: Sequence[float]) -> tuple[Callable[[float], float], tuple[Tick, ...]]:
    """Where a price stands in per cent, and the ticks; what is free stands at the left edge."""
    paid = [price for price in prices if price > 0]
    if not paid:
        return (lambda _price: 50.0), (Tick(50.0, "0"),)
    free = len(paid) < len(prices)
    low = math.floor(math.log10(min(paid)) + 1e-9)
    high = max(math.ceil(math.log10(max(paid)) - 1e-9), low + 1)
    start = 22.0 if free else 6.0

    def at(price: float) -> float:
        if price <= 0:
            return 6.0
        return round(start + (94 - start) * (math.log10(price) - low) / (high - low), 2)

    every = math.ceil((high - low) / 5)
    ticks = [Tick(at(10.0**power), f"{10.0**power:,.10g}") for power in range(low, high + 1, every)]
    return at, tuple([Tick(6.0, "0"), *ticks] if free else ticks)


def _down(scale: Scale, value: float) -> float:
    return round(PLOT_HEIGHT * (1 - scale.at(value) / 100), 2)


def _beside(places: Sequence[tuple[float, float]]) -> list[tuple[float, float]]:
    """For each point the offset in pixels of its number, clear of points and other numbers."""
    dots = [(x / 100 * _NARROWEST, y) for x, y in places]
    taken = list(dots)
    offsets = []
    for x, y in dots:
        others = [place for place in taken if place != (x, y)]
        best = max(_NUMBER_OFFSETS, key=lambda step: _clear(x + step[0], y + step[1], others))
        taken.append((x + best[0], y + best[1]))
        offsets.append((float(best[0]), float(best[1])))
    return offsets


def _clear(x: float, y: float, others: Sequence[tuple[float, float]]) -> float:
    """How far the nearest other thing is; beyond 16 pixels, farther is no better."""
    nearest = min((math.dist((x, y), other) for other in others), default=16.0)
    return min(nearest, 16.0)


def _area(heights: Sequence[float], zero: float) -> str:
    """An SVG path of steps one unit wide between `zero` and the heights above it."""
    if not any(heights):
        return ""
    parts = [f"M0 {zero:.1f}V{zero - heights[0]:.1f}H1"]
    for step, (before, after) in enumerate(pairwise(heights), 1):
        parts.append(f"{'' if before == after else f'V{zero - after:.1f}'}H{step + 1}")
    return "".join([*parts, f"V{zero:.1f}Z"])
