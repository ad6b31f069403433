"""Where things stand in the drawings, worked by hand."""

import pytest

from tunewise.report.drawings import (
    PLOT_HEIGHT,
    STAIRS_HEIGHT,
    draw_bars,
    draw_gain,
    draw_plot,
    draw_stairs,
)
from tunewise.report.panels import drawn


def _gain(low: float, difference: float, high: float) -> dict[str, float]:
    return {"low": low, "difference": difference, "high": high}


def _score(mean: float) -> dict[str, float]:
    return {"low": mean - 0.1, "mean": mean, "high": mean + 0.1}


def test_zero_the_worth_and_the_interval_are_all_in_sight_and_in_order() -> None:
    drawing = draw_gain(_gain(-0.03, 0.01, 0.05), 0.02)
    places = [drawing.span.low, drawing.zero, drawing.span.dot, drawing.worth, drawing.span.high]
    # From -0.03 to 0.05 with 8 % of that on either side: 0.0928 is 100 %.
    assert places == pytest.approx([6.90, 39.22, 50.0, 60.78, 93.10], abs=0.01)


def test_a_gain_far_above_the_worth_still_shows_zero() -> None:
    drawing = draw_gain(_gain(0.4, 0.5, 0.6), 0.02)
    assert 0 < drawing.zero < drawing.worth < drawing.span.low
    assert "0" in [tick.label for tick in drawing.ticks]


def test_an_interval_without_width_is_drawn() -> None:
    drawing = draw_gain(_gain(0.0, 0.0, 0.0), 0.0)
    assert drawing.span.dot == drawing.zero == 50.0


def test_bars_share_one_axis_and_a_missing_score_has_no_bar() -> None:
    drawing = draw_bars([_score(0.5), None, _score(0.7)], 0.5)
    first, missing, last = drawing.spans
    assert missing is None
    assert first is not None
    assert last is not None
    assert first.dot == drawing.reference < last.dot
    assert all(0 <= tick.at <= 100 for tick in drawing.ticks)


def test_a_tenfold_price_is_the_same_step_everywhere() -> None:
    drawing = draw_plot([0.1, 1.0, 10.0], [_score(0.5)] * 3)
    assert drawing is not None
    one, two, three = (point.across for point in drawing.points)
    assert two - one == pytest.approx(three - two)


def test_what_is_free_stands_left_of_all_that_costs() -> None:
    drawing = draw_plot([0.0, 0.01, 5.0], [_score(0.5)] * 3)
    assert drawing is not None
    assert drawing.points[0].across < drawing.points[1].across - 10
    assert drawing.across[0].label == "0"


def test_all_free_contenders_stand_above_each_other() -> None:
    drawing = draw_plot([0.0, 0.0], [_score(0.3), _score(0.5)])
    assert drawing is not None
    low, high = drawing.points
    assert low.across == high.across
    assert 0 < high.down < low.down < PLOT_HEIGHT


def test_numbers_beside_points_that_coincide_keep_apart() -> None:
    drawing = draw_plot([1.0] * 4, [_score(0.5)] * 4)
    assert drawing is not None
    places = {(point.label_across, point.label_down) for point in drawing.points}
    assert len(places) == 4


def test_one_point_is_no_drawing_and_points_without_a_price_are_left_out() -> None:
    assert draw_plot([1.0, None], [_score(0.5)] * 2) is None
    drawing = draw_plot([1.0, None, 2.0], [_score(0.5)] * 3)
    assert drawing is not None
    assert [point.number for point in drawing.points] == [1, 3]


def test_stairs_rise_above_and_fall_below_their_zero() -> None:
    drawing = draw_stairs([0.0, -0.5, 1.0])
    assert drawing is not None
    assert (drawing.wins, drawing.ties, drawing.losses) == (1, 1, 1)
    assert drawing.zero == STAIRS_HEIGHT * 2 / 3
    assert drawing.above == "M0 120.0V0.0H1V120.0H2H3V120.0Z"
    assert drawing.below == "M0 120.0V120.0H1H2V180.0H3V120.0Z"


def test_many_queries_are_drawn_with_few_steps_but_all_counted() -> None:
    drawing = draw_stairs([0.5] * 30_000 + [-0.5] * 10_000)
    assert drawing is not None
    assert drawing.steps == 400
    assert (drawing.wins, drawing.losses) == (30_000, 10_000)


def test_stairs_of_ties_alone_are_flat_and_of_nothing_are_none() -> None:
    flat = draw_stairs([0.0, 0.0])
    assert flat is not None
    assert flat.above == flat.below == ""
    assert draw_stairs([]) is None


def test_the_name_of_a_line_stands_where_the_line_is_farthest_from_the_others() -> None:
    lines = [
        {"name": "caught", "points": [(0, 1.0), (5, 0.9), (10, 0.0)]},
        {"name": "alarms", "points": [(0, 1.0), (5, 0.1), (10, 0.0)]},
    ]
    found = drawn({"shape": "curves", "lines": lines, "mark": None, "diagonal": False})
    places = [line["named_at"] for line in found["drawn_lines"]]
    assert places == [line["dots"][1] for line in found["drawn_lines"]]


def test_names_on_a_map_stand_clear_of_each_other_and_the_largest_groups_have_theirs() -> None:
    spots = [(0, 0, 0), (0, 0, 0), (0, 0, 0), (0.1, 0.1, 1), (0.1, 0.1, 1), (10, 10, 2)]
    names = ["a name of some length", "one close by", "far away"]
    found = drawn({"shape": "spots", "spots": spots, "names": names})
    assert [one["name"] for one in found["drawn_names"]] == [names[0], names[2]]
    assert found["named_of"] == 3
