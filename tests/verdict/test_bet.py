"""The better bet, on scores made by hand."""

import numpy as np
import pytest

from tunewise.comparison import compare
from tunewise.metrics import Scores
from tunewise.verdict.bet import USUAL, better_bet
from tunewise.verdict.standing import Standing

UNITS = 100
GROUPS = [str(number) for number in range(UNITS)]


def standing(name, values, *, tuned=False, dev=0.5, dev_units=0):
    scores = Scores(GROUPS, {"nDCG@10": np.asarray(values)}, 0, 0, {}, {})
    return Standing(name, tuned, dev, scores, dev_units=dev_units)


def bet(*standings, worth=0.02):
    def compared(first, second):
        return compare(first.scores, second.scores, "nDCG@10", groups=GROUPS)

    return better_bet(standings, "nDCG@10", worth, compared)


PLAIN = standing("pretrained", np.full(UNITS, 0.5))


def test_a_gain_is_drawn_towards_none_as_far_as_it_is_unsure():
    differences = np.tile([0.36, -0.24], UNITS // 2)  # 0.06 on average, ± 0.3
    found = bet(PLAIN, standing("adapter", 0.5 + differences, tuned=True))
    error = np.sqrt(np.var(differences, ddof=1) / UNITS)
    assert error == pytest.approx(USUAL, rel=0.01)  # so half of it is believed
    assert found.gain == pytest.approx(0.03, rel=0.01)
    assert found.chosen.name == "adapter"


def test_a_sure_gain_is_believed_as_it_is():
    found = bet(PLAIN, standing("adapter", np.full(UNITS, 0.53), tuned=True))
    assert found.gain == pytest.approx(0.03)


def test_dev_counts_by_its_queries():
    tuned = np.full(UNITS, 0.53)
    named = bet(
        standing("pretrained", np.full(UNITS, 0.5), dev=0.6, dev_units=UNITS),
        standing("adapter", tuned, tuned=True, dev=0.55, dev_units=UNITS),
    )
    assert named.gain == pytest.approx(-0.01)  # 0.03 on test, -0.05 on dev
    assert named.chosen.name == "pretrained"


def test_a_gain_below_what_is_worth_having_names_the_best_untuned_of_both_parts():
    better = standing("hybrid", np.full(UNITS, 0.52))
    found = bet(PLAIN, better, standing("adapter", np.full(UNITS, 0.53), tuned=True))
    assert (found.chosen.name, found.other.name) == ("hybrid", "adapter")


def test_what_hangs_on_the_seed_is_believed_less():
    tuned = np.full(UNITS, 0.55)
    again = [standing("again", tuned + moved).scores for moved in (0.04, -0.04)]
    once = standing("adapter", tuned, tuned=True)
    often = Standing("adapter", True, 0.5, once.scores, repeats=again)
    assert bet(PLAIN, once).chosen.name == "adapter"
    assert bet(PLAIN, often).chosen.name == "pretrained"
