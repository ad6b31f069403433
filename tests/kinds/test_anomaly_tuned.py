"""Odd texts by an encoder with weights: what it is tuned on, what is kept, what is given back."""

import re
from dataclasses import replace

import numpy as np
import pytest

from tunewise.encoders import load_encoder
from tunewise.errors import DataError
from tunewise.kinds import KINDS, load, save
from tunewise.kinds.anomaly import MarkedTexts
from tunewise.kinds.anomaly.tuned import lesson_of
from tunewise.measurement.of_kind import measure_kind
from tunewise.testing import tiny_task
from tunewise.training.lesson import lesson_of_views

KIND = KINDS["anomaly"]
TOPICS = 4


@pytest.fixture(autouse=True)
def own_cache(tmp_path, monkeypatch):
    monkeypatch.setenv("TUNEWISE_CACHE", str(tmp_path / "cache"))


def made(normal=240, odd=80, *, labelled=True):
    """Normal texts have two words of one topic, odd ones a word of each of two; three are of none.

    All are words that the small encoder of `word_model` knows.
    """
    every = " ".join([*tiny_task().documents.texts, *tiny_task().queries.texts]).lower()
    rng = np.random.default_rng(0)
    words = rng.permutation(sorted(set(re.findall(r"[a-z]+", every))))
    topics, rest = words[: 4 * TOPICS].reshape(TOPICS, 4), words[4 * TOPICS :]
    texts, labels = [], []
    for n in range(normal + odd):
        label = n % TOPICS if n < normal else -1
        own = rng.choice(topics[label], 2) if n < normal else [
            rng.choice(topic) for topic in topics[rng.permutation(TOPICS)[:2]]
        ]  # fmt: skip
        texts.append(" ".join(rng.permutation([*own, *rng.choice(rest, 3)])))
        labels.append(label if labelled else -1)
    odd_ones = np.arange(normal + odd) >= normal
    turn = np.arange(len(texts)) % 4
    parts = np.where(turn == 3, "test", np.where(odd_ones | (turn == 2), "dev", "train"))
    names = [f"topic {n}" for n in range(TOPICS)]
    return MarkedTexts(texts, odd_ones, np.array(labels), names, parts, np.arange(len(texts)))


def test_labels_are_learned_from_where_there_are_any_and_views_where_not():
    with_labels, without = (lesson_of(made(labelled=told).take("train"), 0)
                            for told in (True, False))  # fmt: skip
    assert with_labels.shape == "labelled texts"
    assert without.shape == "pairs"
    assert len(without) == 120
    texts = made().take("train").texts
    for views in zip(*without.columns, texts, strict=True):
        one, other, text = (view.split() for view in views)
        assert len(one) == len(other) == 3
        assert {*one, *other} <= {*text}


def test_views_leave_short_texts_out_and_take_two_long_ones():
    told = lesson_of_views(["a b c d", "a", "e f g h i"], seed=0)
    assert len(told) == 2
    assert told.notes == ("1 texts of fewer than 4 words are left out",)
    with pytest.raises(DataError, match="1 texts have 4 words or more"):
        lesson_of_views(["a b c d", "a b"], seed=0)


def test_nobody_labels_texts_that_have_no_labels():
    assert KIND.over is not None
    assert KIND.over(made(), []).taught == ("adapter", "tuned")
    assert KIND.over(made(labelled=False), []).taught == ()


@pytest.mark.slow
def test_an_encoder_tuned_on_labels_tells_more_and_answers_alike_when_loaded(word_model, tmp_path):
    words = ["neighbours", "mahalanobis", "tuned"]
    encoder = load_encoder(word_model)
    found = measure_kind(made(), KIND, encoders=[encoder], contenders=words)
    one = found.contenders[-1]
    level = {each.name: each.scores.mean("AUROC") for each in found.standings}
    assert one.same_as is None
    assert one.settings["detector"] in ("neighbours", "mahalanobis")
    assert level["tuned"] > max(level["neighbours"], level["mahalanobis"])
    save(KIND, one, tmp_path / "saved")
    again = load(KINDS, tmp_path / "saved").contender
    asked = found.shown.judged.texts
    assert np.array_equal(again.answer(asked), one.answer(asked))
    assert (again.family, again.rung, again.tuned) == ("tuned", "full", True)
    assert again.settings["threshold"] == one.settings["threshold"]


@pytest.mark.slow
def test_where_tuning_teaches_nothing_the_detector_is_given_back(word_model):
    examples = made(labelled=False)
    odd = np.array(examples.odd)
    for part in ("dev", "test"):  # what is odd is chance, so nothing learned can tell
        there = np.flatnonzero(examples.parts == part)
        odd[there] = odd[np.random.default_rng(3).permutation(there)]
    words = ["neighbours", "forest", "tuned"]
    shuffled = replace(examples, odd=odd)
    found = measure_kind(shuffled, KIND, encoders=[load_encoder(word_model)], contenders=words)
    assert found.answer != "tune"
    one = found.contenders[-1]
    assert one.settings["detector"] in ("neighbours", "forest")
    if one.same_as is not None:
        answers = found.shown.answers
        assert np.array_equal(answers["tuned"], answers[one.same_as])
        assert "no tuned weights beat the base" in one.notes[-1]
