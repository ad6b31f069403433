"""What other gains worth having would make of the answer, on scores made by hand."""

import numpy as np
import pytest

from tunewise.metrics import Scores
from tunewise.verdict import WORTHS, Standing, decide, otherwise

UNITS = 200
GROUPS = [str(number) for number in range(UNITS)]


def standing(name, gain, *, tuned=False):
    """Scores of 0.5 and this gain, the same for each query."""
    values = np.full(UNITS, 0.5 + gain)
    scores = Scores(GROUPS, {"nDCG@10": values}, 0, 0, {10: np.zeros(UNITS)}, {})
    return Standing(name, tuned, 0.5 + gain, scores, plain=not tuned)


PAIR = (standing("pretrained", 0.0), standing("adapter-query", 0.025, tuned=True))


def changes(worth, known=None):
    rule = {"metric": "nDCG@10", "worth": worth}
    decision = decide(PAIR, GROUPS, known=known, **rule)
    return decision, otherwise(decision, PAIR, GROUPS, **rule)


def test_a_sure_gain_of_25_thousandths_pays_up_to_there_and_not_beyond():
    _, found = changes(0.02)
    assert {one.worth: one.answer for one in found} == {
        **dict.fromkeys((0.005, 0.01, 0.02), "tune"),
        **dict.fromkeys((0.03, 0.05, 0.1), "suffices"),
    }
    assert [one.contender for one in found] == ["adapter-query"] * 3 + ["pretrained"] * 3


@pytest.mark.parametrize("worth", [0.02, 0.024])
def test_the_gain_set_is_among_them_once_and_in_its_place(worth):
    decision, found = changes(worth)
    worths = [one.worth for one in found]
    assert worths == sorted({*WORTHS, worth})
    assert [one.answer for one in found if one.worth == worth] == [decision.answer]


def test_comparisons_made_once_serve_every_gain_worth_having():
    first, found = changes(0.02)
    again, same = changes(0.02, known=first.known)
    assert again.gain is first.known["adapter-query", "pretrained"]
    assert same == found
