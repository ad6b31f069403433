"""What can be said before there is data, and what it would cost."""

import json
import math

import pytest

from tunewise.advice import Advice, advise, queries_to_show, render
from tunewise.errors import OptionError
from tunewise.prices import ORIGINS, Prices


def speaking(advice: Advice) -> list[str]:
    return [rule.when for rule in advice.rules if rule.applies]


def cost(advice: Advice, start: str) -> tuple[float, float]:
    (found,) = [one for one in advice.costs if one.what.startswith(start)]
    return found.once, found.per_year


@pytest.mark.parametrize(
    ("gain", "queries"),
    # (2.8 x 0.3 / gain)^2 = 1764, 282.24, 70.56 by hand
    [(0.02, 1764), (0.05, 283), (0.10, 71)],
)
def test_the_queries_needed_follow_from_power(gain: float, queries: int) -> None:
    assert queries_to_show(gain) == queries


def test_twice_the_deviation_takes_four_times_the_queries() -> None:
    assert queries_to_show(0.02, deviation=0.6) == 4 * 1764


def test_the_deviation_behind_the_sample_is_stated_as_assumed() -> None:
    assert any("standard deviation of 0.30" in text for text in advise().assumptions)


@pytest.mark.parametrize(
    ("pairs", "rule"),
    [
        (0, "Fewer than 100"),
        (99, "Fewer than 100"),
        (100, "100 to 1,000"),
        (999, "100 to 1,000"),
        (1000, "More than 1,000"),
        (50_000, "More than 1,000"),
    ],
)
def test_the_number_of_pairs_decides_which_rule_speaks(pairs: int, rule: str) -> None:
    first, *others = speaking(advise(pairs=pairs))
    assert first.startswith(rule)
    assert others == ["Whatever you have"]


def test_without_a_number_of_pairs_only_the_rule_for_everybody_speaks() -> None:
    assert speaking(advise()) == ["Whatever you have"]


def test_every_rule_names_its_source() -> None:
    assert all(len(rule.source) > 5 for rule in advise().rules)


def test_a_gain_of_ones_own_joins_the_sample_and_prices_the_labels() -> None:
    advice = advise(worth=0.03, prices=Prices(judgment=2.0))
    assert [sample.gain for sample in advice.samples] == [0.02, 0.03, 0.05, 0.10]
    assert cost(advice, "labels to show a gain of 0.03") == (784 * 2.0, 0.0)


def test_costs_worked_by_hand() -> None:
    prices = Prices(machine_hour=0.99, gigabyte_month=1.0, million_tokens=3.0)
    advice = advise(
        documents=360_000, words_per_document=100, queries_per_month=100_000, prices=prices
    )
    # 360,000 / 99 a second = 3636.4 s = 1.0101 h
    assert cost(advice, "documents encoded") == pytest.approx((1.0, 0.0))
    assert cost(advice, "encoded again") == pytest.approx((1.0, 0.0))
    # 360,000 x 100 x 1.4 = 50.4 million tokens
    assert cost(advice, "or by a hosted") == pytest.approx((151.2, 0.0))
    # 360,000 x 384 x 4 bytes = 0.55296 GB, twelve months
    assert cost(advice, "vectors kept") == pytest.approx((0.0, 6.63552))
    assert cost(advice, "a machine") == pytest.approx((0.0, 8760 * 0.99))
    # 1,200,000 x 10 x 1.4 = 16.8 million tokens
    assert cost(advice, "or queries") == pytest.approx((0.0, 50.4))


def test_what_was_not_told_is_not_priced() -> None:
    assert len(advise().costs) == 1


@pytest.mark.parametrize(
    "options",
    [{"pairs": 3}, {"documents": 10**9, "queries_per_month": 10**9, "worth": 0.001}, {}],
)
def test_the_text_fits_a_hundred_columns_and_says_everything(options: dict[str, float]) -> None:
    text = render(advise(**options))  # type: ignore[arg-type]
    assert max(map(len, text.splitlines())) <= 100
    for piece in ("1,764 queries", "query,document", "tunewise measure DATA", "Source:", "USD"):
        assert piece in text


def test_advice_is_plain_values_for_json() -> None:
    facts = json.loads(json.dumps(advise(pairs=5, documents=10).to_dict()))
    assert facts["samples"][0] == {"gain": 0.02, "queries": 1764}
    assert facts["prices"]["currency"] == "USD"


@pytest.mark.parametrize(
    "options",
    [
        {"pairs": -1},
        {"documents": -1},
        {"queries_per_month": -1},
        {"words_per_document": -1},
        {"worth": 0.0},
        {"worth": 1.5},
        {"worth": math.nan},
    ],
)
def test_numbers_without_sense_are_refused(options: dict[str, float]) -> None:
    with pytest.raises(OptionError, match=next(iter(options))):
        advise(**options)  # type: ignore[arg-type]


def test_every_price_has_a_source_or_is_called_an_assumption() -> None:
    prices = Prices()
    for name in ORIGINS:
        assert "assumption" in prices.origin(name) or "2026" in prices.origin(name)


def test_a_price_of_ones_own_is_called_given() -> None:
    prices = Prices(machine_hour=1.0)
    assert prices.origin("machine_hour") == "given"
    assert prices.origin("judgment") != "given"
    assert Prices(currency="EUR").origin("judgment") == "given"
    assert Prices(currency="EUR").origin("watt") != "given"  # no money
    assert prices.to_dict()["origins"]["machine_hour"] == "given"


@pytest.mark.parametrize("price", [-1.0, math.nan, math.inf])
@pytest.mark.parametrize("name", ORIGINS)
def test_a_price_that_cannot_be_reckoned_with_is_refused(name: str, price: float) -> None:
    with pytest.raises(OptionError, match=name):
        Prices(**{name: price})  # type: ignore[arg-type]
