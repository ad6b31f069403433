"""The threshold that goes with a contender: the best F1 over what it found for the dev queries."""

from dataclasses import replace

import numpy as np
import pytest

from tunewise.contenders import calibrated, load_contender, save_contender
from tunewise.contenders.contender import NO_TEXTS
from tunewise.encoders import load_encoder
from tunewise.measurement.delivery import base_contender
from tunewise.metrics import Threshold, best_threshold
from tunewise.progress import silent
from tunewise.rankings import collect
from tunewise.task import Part, Texts, Training


def contender(scores):
    """The plain word-hash encoder, as if it had found a, b, c for both queries."""
    plain = base_contender(load_encoder("word-hash"), NO_TEXTS_TASK, silent)
    lists = [(np.arange(3), np.array(each)) for each in scores]
    return replace(plain, dev=collect(["q1", "q2"], ["a", "b", "c"], lists))


NO_TEXTS_TASK = object()  # no task: nothing is ranked
TRAINING = Training(
    Texts(["a", "b", "c"], ["a", "b", "c"]),
    Part(NO_TEXTS, {}, []),
    Part(Texts(["q1", "q2"], ["x", "y"]), {"q1": {"a": 1, "b": 0}, "q2": {"c": 2}}, ["q1", "q2"]),
    1.0,
)


def test_it_is_the_best_f1_with_the_unjudged_as_noise():
    # kept from 0.6 on: a of q1 and c of q2, both relevant, and b of q2, which nobody judged
    found = calibrated(contender([[0.9, 0.3, 0.2], [0.1, 0.7, 0.6]]), TRAINING).threshold
    assert found == Threshold(score=pytest.approx(0.45), f1=0.8, precision=2 / 3, recall=1.0)
    found = calibrated(contender([[0.9, 0.8, 0.7], [0.8, 0.7, 0.1]]), TRAINING).threshold
    assert (found.precision, found.recall) == (1.0, 0.5)  # the last one would cost four wrong ones
    assert found.score == pytest.approx(0.85)


def test_there_is_none_where_nothing_relevant_was_found():
    assert best_threshold([0.5, 0.4], [False, False]) is None
    assert best_threshold([], []) is None


def test_it_is_kept_with_the_contender(tmp_path):
    made = calibrated(contender([[0.9, 0.3, 0.2], [0.1, 0.7, 0.6]]), TRAINING)
    save_contender(made, tmp_path / "model", model=False)
    assert load_contender(tmp_path / "model", NO_TEXTS).threshold == made.threshold
    save_contender(replace(made, threshold=None), tmp_path / "model", model=False)
    assert load_contender(tmp_path / "model", NO_TEXTS).threshold is None
