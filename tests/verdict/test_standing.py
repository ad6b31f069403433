"""What a difference varies by besides the queries."""

from dataclasses import replace
from statistics import NormalDist

import numpy as np
import pytest

from tunewise.metrics import Scores
from tunewise.power import most_differing
from tunewise.verdict import Standing, decide
from tunewise.verdict.needed import needed_for
from tunewise.verdict.standing import difference

GROUPS = [str(number) for number in range(200)]
PLAIN = 0.5 + np.random.default_rng(0).normal(0, 0.05, 200)


def scores(values):
    return Scores(GROUPS, {"nDCG@10": np.asarray(values)}, 0, 0, {10: np.zeros(200)}, {})


def two(*, repeats=(), redrawn=((), ())):
    tuned = PLAIN + 0.03 + np.random.default_rng(1).normal(0, 0.05, 200)
    again = tuple(scores(tuned + moved) for moved in repeats)
    return [
        Standing("pretrained", False, 0.5, scores(PLAIN), plain=True, redrawn=redrawn[0]),
        Standing("adapter", True, 0.6, scores(tuned), repeats=again, redrawn=redrawn[1]),
    ]


def gain(standings):
    return decide(standings, GROUPS, metric="nDCG@10", worth=0.02).gain


def test_trainings_that_differ_widen_the_interval_and_are_named():
    once, often = gain(two()), gain(two(repeats=(0.02, -0.02)))
    assert often.high - often.low > once.high - once.low
    assert often.difference == once.difference
    spread = np.var([0, 0.02, -0.02], ddof=1)
    units = once.effective_deviation**2 / 200
    assert often.sources["training"] == pytest.approx(spread / (spread + units))
    reach = np.hypot(once.difference - once.low, 1.96 * np.sqrt(spread))
    assert often.difference - often.low == pytest.approx(reach, rel=1e-3)


def test_a_gain_that_hangs_on_the_seed_is_no_reason_to_tune():
    standings = two(repeats=(0.04, -0.04))
    assert decide(two(), GROUPS, metric="nDCG@10", worth=0.02).answer == "tune"
    assert decide(standings, GROUPS, metric="nDCG@10", worth=0.02).answer == "cannot tell yet"


def test_judgments_that_move_both_contenders_alike_do_not_count():
    alike = two(redrawn=((0.4, 0.5, 0.6), (0.45, 0.55, 0.65)))
    apart = two(redrawn=((0.4, 0.5, 0.6), (0.6, 0.5, 0.4)))
    assert gain(alike).sources.get("judgments", 0) == pytest.approx(0)
    units = gain(two()).effective_deviation ** 2 / 200
    assert gain(apart).sources["judgments"] == pytest.approx(0.04 / (0.04 + units))


def test_trained_once_the_queries_are_all_there_is():
    assert gain(two()).sources == {"queries": 1.0}


def test_folds_add_five_quarters_of_the_variance_as_their_fits_share_what_they_learned_from():
    base, tuned = two()
    once = difference(tuned, base, GROUPS, metric="nDCG@10")
    apart = difference(replace(tuned, folds=5), base, GROUPS, metric="nDCG@10")
    assert apart.sources == pytest.approx({"queries": 1 / 2.25, "folds": 1.25 / 2.25})
    error = once.effective_deviation / np.sqrt(200)
    reach = np.hypot(once.high - once.difference, 1.96 * np.sqrt(1.25) * error)
    assert apart.high - apart.difference == pytest.approx(reach, rel=1e-3)
    z = once.difference / (1.5 * error)
    assert apart.p_value == pytest.approx(max(once.p_value, 2 * NormalDist().cdf(-z)))


def test_what_no_fold_saw_may_happen_to_the_fit_on_all():
    base, tuned = two()
    level = replace(tuned, scores=base.scores, folds=5)
    found = difference(level, base, GROUPS, metric="nDCG@10")
    assert found.high == -found.low == pytest.approx(most_differing(0) / 200, rel=1e-3)
    untuned = replace(level, tuned=False)
    assert difference(untuned, base, GROUPS, metric="nDCG@10").high == 0


def test_more_queries_also_shrink_what_folds_add():
    gained = difference(*two()[::-1], GROUPS, metric="nDCG@10")
    unsure = replace(gained, difference=0.0, low=-0.03, high=0.03)

    def needed(**sources):
        return needed_for(replace(unsure, sources=sources), 0.02, thin=False).queries

    assert needed(queries=0.5, folds=0.5) == needed(queries=1.0)
    assert needed(queries=0.5, training=0.5) != needed(queries=1.0)


def test_no_number_of_queries_settles_what_hangs_on_the_seed():
    standings = [
        Standing("pretrained", False, 0.5, scores(PLAIN), plain=True),
        Standing("adapter", True, 0.6, scores(PLAIN),
                 repeats=(scores(PLAIN + 0.03), scores(PLAIN - 0.03))),
    ]  # fmt: skip
    found = decide(standings, GROUPS, metric="nDCG@10", worth=0.03)
    assert found.answer == "cannot tell yet"
    assert found.needed.queries is None
    assert "no number of queries" in found.needed.why


def test_twins_that_swap_places_and_cancel_are_no_ground_for_an_answer_either():
    values = PLAIN.copy()
    groups = ["twins", "twins", *GROUPS[2:]]
    values[0] += 0.5
    values[1] -= 0.5
    standings = [
        Standing("pretrained", False, 0.5, scores(PLAIN), plain=True),
        Standing("adapter", True, 0.6, scores(values), folds=5),
    ]
    found = decide(standings, groups, metric="nDCG@10", worth=0.02)
    assert found.answer == "cannot tell yet"
    assert found.needed.queries == 1300  # 13 · 200 / 2
