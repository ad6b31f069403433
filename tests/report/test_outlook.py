"""What more labels would bring: where it stands in the drawing, and in words."""

import math
from itertools import pairwise
from typing import Any

import pytest
from verdict_facts import verdict_facts

from tunewise.report import to_page, to_text
from tunewise.report.curves import HEIGHT, draw_outlook
from tunewise.report.outlook import curve_words, labels_words, outlook_rows, outlook_words


def _facts(**forecast: Any) -> dict[str, Any]:
    """1,000 training queries, forecasts supported up to 4,000; a query costs 7,311/6,020 x 0.25."""
    facts = verdict_facts("cannot tell yet")
    facts["forecast"] |= {"why": ""} | forecast
    return facts


def _unsupported() -> dict[str, Any]:
    facts = _facts(why="The points do not support a forecast for 2×, 4×, 10× the labels.")
    for one in facts["forecast"]["ahead"]:
        one["supported"] = False
    return facts


def test_as_many_times_the_labels_is_the_same_step_everywhere() -> None:
    drawing = draw_outlook(_facts()["forecast"])
    assert drawing is not None
    eighth, half, whole = (drawing.dots[place].across for place in (0, 3, 4))
    double, _, tenfold = (one.across for one in drawing.reaches)
    assert whole - half == pytest.approx(double - whole, abs=0.02)
    step = (double - whole) / math.log10(2)
    assert tenfold - eighth == pytest.approx(step * math.log10(80), abs=0.05)


def test_a_larger_gain_stands_higher_and_the_lines_are_in_sight() -> None:
    drawing = draw_outlook(_facts()["forecast"])
    assert drawing is not None
    # 0 and 0.07 are the ends, with 8 % on either side: 0.0812 is 160 pixels
    assert drawing.zero == pytest.approx(HEIGHT * 0.0756 / 0.0812, abs=0.01)
    assert drawing.worth == pytest.approx(HEIGHT * 0.0556 / 0.0812, abs=0.01)
    assert drawing.reaches[0].high == pytest.approx(HEIGHT * 0.0256 / 0.0812, abs=0.01)
    assert [one.label for one in drawing.reaches] == ["2×", "4×", "10×"]
    assert [dot.chosen for dot in drawing.dots] == [False] * 4 + [True]


def test_an_interval_that_says_nothing_ends_at_the_edge_and_flattens_no_other() -> None:
    facts = _facts()
    facts["forecast"]["ahead"][2]["gain"] |= {"low": -0.9, "high": 0.9}
    drawing = draw_outlook(facts["forecast"])
    assert drawing is not None
    last = drawing.reaches[-1]
    assert (last.low, last.high, last.supported) == (HEIGHT, 0, False)
    assert drawing.zero - drawing.worth > HEIGHT / 10


def test_labels_of_sizes_keep_clear_of_each_other() -> None:
    facts = _facts(curve=[[n, 0.01] for n in range(100, 1001, 20)])
    drawing = draw_outlook(facts["forecast"])
    assert drawing is not None
    places = [tick.at for tick in drawing.across]
    assert min(b - a for a, b in pairwise(places)) >= 11
    assert len(places) > 4


def test_a_curve_too_short_to_forecast_is_told_and_not_drawn() -> None:
    why = "A curve takes trainings on 3 different sizes, and there are 1."
    facts = _facts(curve=[[20, 0.01]], queries=20, ahead=[], worth_at=None, sure_at=None, why=why)
    assert draw_outlook(facts["forecast"]) is None
    page = to_page(facts)
    assert why in page
    assert "outlook-title" not in page
    assert f"Labels  {why}" in to_text(facts, width=160)


def test_gains_ahead_are_told_as_far_as_they_are_supported() -> None:
    told = outlook_words(_facts())
    assert "+0.028 [+0.010, +0.050] with 2 times, +0.036 [+0.010, +0.070] with 4 times" in told
    assert "10 times" not in told
    assert "over the best untuned contender" in told


@pytest.mark.parametrize(
    ("worth_at", "sure_at", "told"),
    [
        (1000, 1000, "With the labels there are it probably reaches the 0.02 worth having, with"),
        (1000, 1000, "with 90 % surety."),
        (1000, 4000, "With the labels there are it probably reaches the 0.02 worth having; about"),
        (1000, 4000, "about 3,000 more training queries (labels: EUR 910.84) to make that 90 % "),
        (1500, 4000, "It takes about 500 more training queries (labels: EUR 151.81) to bring it "),
        (1500, 4000, "to bring it probably to the 0.02 worth having; about 3,000"),
        (1500, 9000, "to the 0.02 worth having; how many make that 90 % sure cannot be told."),
        (9000, None, "Up to 4,000 training queries it would probably stay below the 0.02"),
        (None, None, "Up to 4,000 training queries it would probably stay below the 0.02"),
    ],
)  # fmt: skip
def test_how_many_labels_would_pay_is_told_with_their_cost(
    worth_at: int | None, sure_at: int | None, told: str
) -> None:
    facts = _facts(worth_at=worth_at, sure_at=sure_at)
    assert told in outlook_words(facts)
    assert told in " ".join(to_text(facts, width=160).split())


def test_what_nobody_labels_has_no_price() -> None:
    facts = _facts(worth_at=1500, sure_at=4000)
    facts["data"]["judgments"] = 0
    told = outlook_words(facts)
    assert "It takes about 500 more training queries to bring it" in told
    assert "(labels" not in told
    assert labels_words(facts) == ""
    assert {len(row) for row in outlook_rows(facts)} == {3}
    page = to_page(facts)
    assert "What more queries would bring" in page
    assert "what they cost" not in page.partition("What more queries would bring")[2][:200]


@pytest.mark.parametrize("worth_at", [1000, 1500, None])
def test_what_the_points_do_not_support_is_not_told(worth_at: int | None) -> None:
    facts = _unsupported()
    facts["forecast"] |= {"worth_at": worth_at, "sure_at": None}
    assert outlook_words(facts) == facts["forecast"]["why"]
    assert to_page(facts).count("chosen faint") == 3
    assert to_page(_facts()).count("chosen faint") == 1


def test_a_gain_worth_having_already_is_told_even_where_nothing_can_be_forecast() -> None:
    facts = _unsupported()
    facts["forecast"] |= {"worth_at": 1000, "sure_at": 1000}
    assert outlook_words(facts).startswith("With the labels there are it probably reaches")


def test_the_table_has_what_there_is_and_what_is_forecast_with_its_price() -> None:
    assert outlook_rows(_facts())[1:] == [
        ["1,000", "+0.021", "measured", "0"],
        ["2,000 (2×)", "+0.028", "[+0.010, +0.050]", "EUR 303.61"],
        ["4,000 (4×)", "+0.036", "[+0.010, +0.070]", "EUR 910.84"],
        ["10,000 (10×)", "+0.060", "[+0.010, +0.130], too wide", "EUR 2,733"],
    ]


@pytest.mark.parametrize(("rung", "deeper"), [("adapter-query", True), ("full-hybrid", False)])
def test_the_rung_is_named_and_whether_deeper_ones_may_learn_more(rung: str, deeper: bool) -> None:
    told = curve_words(_facts(rung=rung)["forecast"])
    assert told.startswith(f"The curve is that of {rung}, trained 5 times on the 1,000 training")
    assert ("Deeper rungs may learn more" in told) == deeper


def test_without_a_forecast_the_page_says_what_one_takes() -> None:
    facts = verdict_facts("tune", forecast=None)
    assert "Nothing was trained on parts of the data" in to_page(facts)
    assert "Labels  " not in to_text(facts)
