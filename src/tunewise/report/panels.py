"""How a kind's panels are drawn: positions across in per cent, down in pixels, as in `drawings.py`.

Tables and examples need no positions and pass through.
"""

from collections.abc import Mapping, Sequence
from itertools import pairwise
from typing import Any

import numpy as np

from tunewise.report.drawings import Scale, Tick, around, round_ticks

Facts = Mapping[str, Any]
Dots = Sequence[tuple[float, float]]
HEIGHT, MAP_HEIGHT = 260, 420
_WIDTH, _LETTER, _LINE = 860, 7.0, 16  # pixels: of a map as a rule, a bold letter, a line
_EDGE = 8  # per cent of the width in which no name has its middle
_MOST = 3000  # spots drawn; more would be one blot, and the page large


def drawn(panel: Facts) -> dict[str, Any]:
    """The panel with all that its template needs."""
    if panel["shape"] == "curves":
        return {**panel, **_curves(panel)}
    if panel["shape"] == "spots":
        return {**panel, **_spots(panel)}
    return dict(panel)


def _curves(panel: Facts) -> dict[str, Any]:
    points = [point for line in panel["lines"] for point in line["points"]]
    wide = [x for x, _ in points] + ([] if panel["mark"] is None else [panel["mark"]])
    high = [y for _, y in points]
    if panel["diagonal"]:
        wide, high = [*wide, 0.0, 1.0], [*high, 0.0, 1.0]
    across, up = around(wide or [0.0, 1.0]), around(high or [0.0, 1.0])
    lines = [
        {"name": line["name"], "dots": [_place(across, up, point) for point in line["points"]]}
        for line in panel["lines"]
    ]
    return {
        "drawn_lines": [
            {
                **line,
                "joined": list(pairwise(line["dots"])),
                "named_at": _named_at(line["dots"], [o["dots"] for o in lines if o is not line]),
            }
            for line in lines
        ],
        "across_ticks": round_ticks(across),
        "up_ticks": _upright(up),
        "from_to": [_place(across, up, (end, end)) for end in (0.0, 1.0)],
        "mark_at": None if panel["mark"] is None else across.at(panel["mark"]),
    }


def _named_at(dots: Dots, others: Sequence[Dots]) -> tuple[float, float] | None:
    """The dot of a line farthest, up or down, from the other lines: a name there is its own."""
    inside = [dot for dot in dots if _EDGE <= dot[0] <= 100 - _EDGE] or list(dots)
    if not inside:
        return None
    return max(inside, key=lambda dot: min((_off(dot, one) for one in others), default=0.0))


def _off(dot: tuple[float, float], line: Dots) -> float:
    """How far above or below a line a dot lies, in pixels; where it does not reach, far."""
    ordered = sorted(line)
    across = [x for x, _ in ordered]
    if not ordered or not across[0] <= dot[0] <= across[-1]:
        return float(HEIGHT)
    return abs(dot[1] - float(np.interp(dot[0], across, [y for _, y in ordered])))


def _spots(panel: Facts) -> dict[str, Any]:
    every: Sequence[Sequence[float]] = panel["spots"]
    step = -(-len(every) // _MOST) if every else 1
    shown = every[::step]
    across, up = (around([spot[axis] for spot in shown] or [0.0, 1.0]) for axis in (0, 1))
    names = []
    for group, name in enumerate(panel["names"]):
        own = [spot for spot in every if spot[2] == group]
        if own:
            middle = [sum(spot[axis] for spot in own) / len(own) for axis in (0, 1)]
            at = _place(across, up, middle, MAP_HEIGHT)
            names.append({"name": name, "at": at, "count": len(own)})
    names.sort(key=lambda one: -one["count"])
    return {
        "drawn_spots": [
            (*_place(across, up, spot, MAP_HEIGHT), int(spot[2]) % 8) for spot in shown
        ],
        "drawn_names": _apart(names),
        "named_of": len(names),
    }


def _apart(names: Sequence[Facts]) -> list[Facts]:
    """The names that stand clear of those before them, on a map as wide as it is on a screen."""
    placed: list[Facts] = []
    for one in names:
        if all(_clear(one, other) for other in placed):
            placed.append(one)
    return placed


def _clear(one: Facts, other: Facts) -> bool:
    (x, y), (right, down) = one["at"], other["at"]
    wide = (len(one["name"]) + len(other["name"])) / 2 * _LETTER
    return bool(abs(x - right) / 100 * _WIDTH >= wide or abs(y - down) >= _LINE)


def _place(
    across: Scale, up: Scale, point: Sequence[float], height: float = HEIGHT
) -> tuple[float, float]:
    return across.at(point[0]), round(height * (1 - up.at(point[1]) / 100), 2)


def _upright(scale: Scale) -> list[Tick]:
    return [
        Tick(round(HEIGHT * (1 - tick.at / 100), 2), tick.label)
        for tick in round_ticks(scale, most=5)
    ]
