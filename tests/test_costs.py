"""What a year costs, worked by hand."""

import json
import math
from dataclasses import replace

import pytest

import tunewise
from tunewise.costs import PARTS, Encoding, Use, Work, Year, always_on, year
from tunewise.errors import OptionError
from tunewise.prices import Prices
from tunewise.report import facts
from tunewise.testing import WordHashEncoder, tiny_task

PRICES = Prices(judgment=0.5, machine_hour=0.1, gigabyte_month=0.2, million_tokens=3.0, watt=10.0)
USE = Use(traffic=7200, retunes=2, changed=0.5)

# 36,000 documents at 0.1 s are an hour; 7,200 queries a day at 0.4 + 0.1 s are an hour a day.
WORK = Work(
    documents=36_000,
    fitting=7200.0,
    document=Encoding(0.1),
    query=Encoding(0.4),
    ranking=0.1,
    bytes_per_document=1500,
    judgments=300,
    tuned=True,
    reembed=True,
)


def money(found: Year) -> dict[str, float | None]:
    return {name: getattr(found, name).money for name in (*PARTS, "total")}


def hours(found: Year) -> dict[str, float | None]:
    return {name: getattr(found, name).hours for name in (*PARTS, "total")}


def test_a_tuned_contender_worked_by_hand() -> None:
    found = year(WORK, USE, PRICES)
    assert found.waiting == pytest.approx(3.0)  # two hours of fitting, one of embedding
    assert hours(found) == pytest.approx(
        {
            "labelling": 0.0,
            "tuning": 6.0,  # once, and twice again
            "embedding": 1.0,
            "reembedding": 2.5,  # half of it changes, all of it at each of two new tunings
            "storing": 0.0,
            "serving": 365.0,
            "total": 374.5,
        }
    )
    assert money(found) == pytest.approx(
        {
            "labelling": 150.0,  # 300 at 0.5
            "tuning": 0.6,
            "embedding": 0.1,
            "reembedding": 0.25,
            "storing": 0.1296,  # 36,000 x 1,500 bytes = 0.054 GB, twelve months at 0.2
            "serving": 36.5,
            "total": 187.5796,
        }
    )
    assert found.total.kwh == pytest.approx(3.745)  # 374.5 hours at 10 W


def test_an_untuned_contender_is_fitted_once_and_embeds_anew_only_what_changed() -> None:
    found = year(replace(WORK, tuned=False, reembed=False, judgments=0), USE, PRICES)
    assert (found.tuning.hours, found.labelling.money) == (2.0, 0.0)
    assert found.reembedding.hours == pytest.approx(0.5)
    # a map of the queries is tuned again, and the stored vectors stay
    query_side = year(replace(WORK, reembed=False), USE, PRICES)
    assert (query_side.tuning.hours, query_side.reembedding.hours) == pytest.approx((6.0, 0.5))


def test_words_alone_embed_nothing() -> None:
    words = replace(WORK, document=Encoding(0.0), query=Encoding(0.0), tuned=False, reembed=False)
    found = year(words, USE, PRICES)
    assert (found.embedding.money, found.reembedding.money, found.waiting) == (0.0, 0.0, 2.0)
    assert found.serving.hours == pytest.approx(73.0)  # 7,200 x 365 at 0.1 s


def test_ten_times_the_documents_take_ten_times_the_embedding_storing_and_ranking() -> None:
    found = year(WORK, replace(USE, corpus=360_000), PRICES)
    assert found.embedding.hours == pytest.approx(10.0)
    assert found.storing.money == pytest.approx(1.296)
    assert found.serving.hours == pytest.approx(7200 * 365 * (0.4 + 1.0) / 3600)
    assert found.tuning.hours == pytest.approx(6.0)


def test_a_host_is_paid_by_tokens_and_its_energy_is_not_known() -> None:
    hosted = replace(
        WORK,
        document=Encoding(0.1, tokens=200.0, hosted=True),
        query=Encoding(0.4, tokens=10.0, hosted=True),
        tuned=False,
        reembed=False,
    )
    found = year(hosted, USE, PRICES)
    assert found.embedding.money == pytest.approx(21.6)  # 7.2 million tokens at 3
    assert found.reembedding.money == pytest.approx(10.8)
    # 2,628,000 queries: 26.28 million tokens at 3, and 0.1 s of ranking each on this machine
    assert found.serving.money == pytest.approx(78.84 + 7.3)
    assert (found.embedding.hours, found.embedding.kwh, found.total.kwh) == (None, None, None)
    assert found.waiting == pytest.approx(3.0)


def test_what_a_host_does_not_say_it_charges_is_not_known() -> None:
    silent = replace(WORK, document=Encoding(0.1, hosted=True))
    found = year(silent, USE, PRICES)
    assert (found.embedding.money, found.total.money) == (None, None)
    assert found.serving.money == pytest.approx(36.5)


def test_a_speed_nobody_measured_leaves_waiting_and_total_open() -> None:
    found = year(replace(WORK, document=Encoding(None)), USE, PRICES)
    assert (found.waiting, found.embedding.money, found.total.money) == (None, None, None)
    assert found.tuning.money == pytest.approx(0.6)


def test_each_part_says_what_it_stands_on() -> None:
    def origins(use: Use) -> list[str]:
        found = year(WORK, use, PRICES)
        return [getattr(found, name).origin for name in (*PARTS, "total")]

    assert origins(Use()) == [
        *("measured", "assumed", "measured", "assumed", "measured", "assumed", "assumed"),
    ]
    assert origins(Use(corpus=10, traffic=5, retunes=0, changed=0)) == [
        *("measured", "given", "given", "given", "given", "given", "given"),
    ]


def test_a_machine_that_is_always_on_is_one_line_of_its_own() -> None:
    shared = always_on(PRICES)
    assert (shared.hours, shared.money, shared.kwh) == pytest.approx((8760, 876.0, 87.6))


@pytest.mark.parametrize("name", ["corpus", "traffic", "retunes", "changed"])
@pytest.mark.parametrize(
    "value", [-1, math.nan, math.inf, 10**400], ids=["negative", "nan", "inf", "huge"]
)
def test_a_use_that_cannot_be_reckoned_with_is_refused(name: str, value: float) -> None:
    with pytest.raises(OptionError, match=f"{name}=.*Pass"):
        Use(**{name: value})  # type: ignore[arg-type]


def test_nothing_can_be_searched_in_no_documents_but_nobody_has_to_ask() -> None:
    with pytest.raises(OptionError, match="corpus=0"):
        Use(corpus=0)
    assert year(WORK, Use(traffic=0), PRICES).serving.money == 0.0


def test_a_verdict_reckons_with_what_was_measured() -> None:
    verdict = tunewise.measure(
        tiny_task(), encoders=[WordHashEncoder()], contenders=["lexical", "pretrained"]
    )
    use = Use(corpus=1280, traffic=2_000_000)
    found = facts(verdict, prices=PRICES, use=use)
    costs, price = found["timing"]["costs"], verdict.prices["lexical"]
    lexical = verdict.contenders[0]
    assert costs["use"] == found["settings"]["use"]
    assert costs["use"] == {"corpus": 1280, "traffic": 2_000_000, "retunes": 1.0, "changed": 0.2}
    told = costs["contenders"]["lexical"]
    served = 2_000_000 * 365 * 10 * price.rank_ms / 1000 / 3600 * 0.1
    assert told["serving"]["money"] == pytest.approx(served)
    stored = 1280 * lexical.bytes_per_document / 1e9 * 12 * 0.2
    assert told["storing"]["money"] == pytest.approx(stored)
    assert told["tuning"]["hours"] == pytest.approx(price.fit_seconds / 3600)
    assert costs["contenders"]["pretrained"]["total"]["money"] is None  # nobody times a hash
    assert "--corpus 1280 --traffic 2000000 --price judgment=0.5" in found["reproduce"]
    assert "--retunes" not in found["reproduce"]
    assert json.dumps(costs, allow_nan=False)


@pytest.mark.slow
def test_clicks_were_not_judged_by_anybody_and_cost_no_labels(no_curve: None) -> None:
    task = tiny_task()
    verdict = tunewise.measure(
        task, encoders=[WordHashEncoder()], contenders=["lexical", "adapter"]
    )

    def labelling(told: tunewise.Task) -> float:
        costs = facts(replace(verdict, task=told), prices=PRICES, use=Use())["timing"]["costs"]
        return max(one["labelling"]["money"] for one in costs["contenders"].values())

    assert labelling(task) > 0
    assert labelling(replace(task, redrawn=(task.judgments,) * 2)) == 0
