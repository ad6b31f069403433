"""How sure the answer is and what would change it, in words."""

from typing import Any

import pytest
from verdict_facts import not_there, smallest_facts, verdict_facts

from tunewise.report import to_page, to_text
from tunewise.report.sureness import changes_rows, changes_words, interval_words, sure_words


def _facts(**gain: Any) -> dict[str, Any]:
    facts = verdict_facts("tune")
    facts["gain"] |= gain
    return facts


def _trained(times: int) -> list[dict[str, Any]]:
    return [one | {"trainings": times} for one in verdict_facts()["contenders"]]


@pytest.mark.parametrize(
    ("low", "middle", "high", "reading"),
    [
        (-0.05, -0.03, -0.01, "All of that is below 0: tuning does harm."),
        (-0.01, 0.001, 0.01, "All of that is below 0.02: whatever tuning brings, it is too little"),
        (0.001, 0.01, 0.019, "All of that is below 0.02"),
        (0.02, 0.03, 0.04, "surely a gain worth having."),
        (0.001, 0.03, 0.06, "surely a gain, and probably one of 0.02 or more."),
        (0.001, 0.015, 0.03, "surely a gain, and probably one below 0.02."),
        (-0.01, 0.03, 0.07, "There may be no gain at all, and there may be more than 0.02."),
    ],
)
def test_an_interval_is_read_against_nothing_and_what_is_worth_having(
    low: float, middle: float, high: float, reading: str
) -> None:
    told = interval_words(_facts(low=low, difference=middle, high=high) | {"worth": 0.02})
    assert "but for one time in 20." in told
    assert reading in told


def test_where_time_kept_a_rung_out_the_interval_is_read_of_what_was_measured() -> None:
    facts = _facts(low=-0.01, difference=0.001, high=0.01)
    late = not_there("full", "the budget was used up", tuned=True, cause="time")
    told = interval_words(facts | {"skipped": [late]})
    assert "whatever adapter-both-hybrid brings, it is too little." in told
    assert "full was not measured: what that would bring is not known." in told
    assert "tuning" not in told


def test_an_interval_of_too_few_differing_queries_is_not_read() -> None:
    facts = _facts(low=0.0, difference=0.0, high=0.0, wins=0, losses=0, units=12)
    told = interval_words(facts | {"answer": "cannot tell yet"})
    assert "Only 0 of 12" in told
    assert "too little" not in told


@pytest.mark.parametrize(
    ("sources", "times", "told"),
    [
        ({"queries": 0.93, "training": 0.07}, 3, "93 % the choice of queries, 7 % chance in train"),
        ({"queries": 0.93, "training": 0.07}, 3, "adapter-both-hybrid was trained 3 times."),
        ({"queries": 1.0}, 1, "was trained once, so chance in training is not in the interval."),
        ({"queries": 1.0}, 3, "was trained 3 times, to the same score each time."),
        ({"queries": 0.6, "judgments": 0.4}, 1, "40 % chance in the judgments."),
    ],
)
def test_what_the_interval_rests_on_is_told_with_each_sources_share(
    sources: dict[str, float], times: int, told: str
) -> None:
    facts = _facts(sources=sources) | {"contenders": _trained(times)}
    assert told in (sure_words(facts) or "")
    assert (sure_words(facts) or "").startswith(
        "The interval rests on 1,204 test queries in 977 groups."
    )


def test_where_nothing_tuned_was_measured_nothing_is_said_of_an_interval() -> None:
    assert sure_words(smallest_facts()) is None
    text, page = to_text(smallest_facts()), to_page(smallest_facts())
    assert "Sure  " not in text
    assert "What would change the answer" not in page
    assert "Would more labels help?" not in page


def _answers(*told: str) -> dict[str, Any]:
    worths = (0.005, 0.01, 0.02, 0.03, 0.05)
    changes = [
        {"worth": worth, "answer": answer, "contender": "hybrid"}
        for worth, answer in zip(worths, told, strict=True)
    ]
    return verdict_facts("tune", changes=changes)


@pytest.mark.parametrize(
    ("told", "words"),
    [
        (("tune",) * 5, None),
        (("cannot tell yet", "tune", "tune", "tune", "suffices"), None),
        (("tune", "tune", "tune", "cannot tell yet", "suffices"),
         "The answer is for a gain worth having of 0.02; with 0.03 it would be: cannot tell yet."),
        (("suffices", "suffices", "tune", "cannot tell yet", "tune"),
         ("The answer is for a gain worth having of 0.02; with 0.01 it would be: suffices; "
          "with 0.03 it would be: cannot tell yet.")),
    ],
)  # fmt: skip
def test_only_a_neighbouring_gain_worth_having_that_changes_the_answer_is_told(
    told: tuple[str, ...], words: str | None
) -> None:
    facts = _answers(*told)
    assert changes_words(facts) == words
    assert ("Change  " in to_text(facts)) == (words is not None)


def test_the_smallest_gain_worth_having_has_no_neighbour_below() -> None:
    facts = _answers("tune", "tune", "tune", "tune", "suffices") | {"worth": 0.005}
    assert changes_words(facts) is None


@pytest.mark.slow
def test_the_table_holds_every_answer_and_what_more_data_would_bring() -> None:
    facts = verdict_facts("cannot tell yet")
    facts["forecast"] |= {"worth_at": 1500, "sure_at": 9000}
    rows = changes_rows(facts)
    assert rows[2] == ("0.02 worth having, as set", "cannot tell yet", "hybrid")
    assert rows[5] == ("0.1 worth having", "suffices", "pretrained")
    assert rows[6] == ("1,370 more test queries", "settled, in four cases of five", "")
    # 9,000 lies beyond the 4,000 up to which the forecast is supported
    more = ("500 more training queries", "probably a gain worth having", "adapter-both-hybrid")
    assert rows[7:] == [more]
    assert all(cell in to_page(facts) for row in rows for cell in row)
