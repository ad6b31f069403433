"""What a difference varies by besides the queries."""

import numpy as np
import pytest

from tunewise.metrics import Scores
from tunewise.verdict import Standing, decide
from tunewise.verdict.standing import further_variances

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
    assert further_variances(*alike, "nDCG@10")["judgments"] == pytest.approx(0)
    assert further_variances(*apart, "nDCG@10")["judgments"] == pytest.approx(0.04)
    assert "judgments" in gain(apart).sources


def test_trained_once_the_queries_are_all_there_is():
    assert gain(two()).sources == {"queries": 1.0}


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
