"""Lessons: what stands in a row, what is barred beside it, and what is told when it is made up."""

from types import SimpleNamespace

import numpy as np
import pytest

from tunewise.data.pairs import Lists, training_pairs
from tunewise.errors import DataError, OptionError
from tunewise.task import Part, Texts, Training
from tunewise.training.batches import batches
from tunewise.training.lesson import (
    lesson_of_labels,
    lesson_of_pairs,
    lesson_of_scored,
    listed,
)
from tunewise.training.negatives import Negatives

SUBJECTS = (
    "kettle", "ladder", "violin", "compass", "lantern", "anchor", "mirror", "hammer", "candle",
    "barrel",
)  # fmt: skip


def training(judgments, documents=SUBJECTS, groups=None):
    corpus = Texts([f"d{n}" for n in range(len(documents))], list(documents))
    asked = [f"where is the {SUBJECTS[int(key[1:])]} of {key}" for key in judgments]
    train = Part(Texts(list(judgments), asked), judgments, groups or list(judgments))
    return Training(corpus, train, Part(Texts([], []), {}, []))


def simple():
    return training({f"q{n}": {f"d{n}": 1.0} for n in range(6)})


def lesson(task, *arguments, **options):
    return lesson_of_pairs(task, training_pairs(task), *arguments, **options)


def mined(task, of):
    starts = np.concatenate([[0], np.cumsum([len(each) for each in of])])
    places = np.array([place for each in of for place in each], dtype=np.int64)
    return Negatives(Lists(starts, places), np.zeros(len(places), np.float32), places + 1, 2)


def examples(**columns):
    """As data.examples gives them; the train part is all there is."""
    found = SimpleNamespace(**columns)
    found.take = lambda part: found
    return found


def labelled(texts, labels):
    return examples(texts=texts, labels=np.array(labels), names=sorted(map(str, {*labels})))


def test_without_negatives_a_row_is_a_query_and_its_answer():
    found = lesson(simple())
    assert found.shape == "pairs"
    assert len(found) == 6
    assert found.columns[0][2] == "where is the violin of q2"
    assert list(found.columns[1]) == [*SUBJECTS][:6]
    assert found.sides == ("queries", "documents")
    assert found.notes == ()


def test_judged_negatives_come_before_mined_ones_and_none_comes_twice():
    judged = {f"q{n}": {f"d{n}": 1.0, f"d{n + 1}": 0.0} for n in range(6)}
    task = training(judged)
    found = lesson(task, mined(task, [[n + 1, n + 2] for n in range(6)]), per_row=2)
    assert found.shape == "triplets"
    assert list(found.columns[2]) == [*SUBJECTS][1:7]
    assert list(found.columns[3]) == [*SUBJECTS][2:8]
    assert found.notes == ()


def test_rows_short_of_negatives_get_documents_that_are_not_barred_and_it_is_told():
    judged = {f"q{n}": {f"d{n}": 1.0, f"d{n + 1}": 1.0} for n in range(6)}
    task = training(judged)
    pairs = training_pairs(task)
    found = lesson_of_pairs(task, pairs, per_row=3)
    assert "36 of 36 negatives are documents drawn at random" in found.notes
    rows, places = found.answers.of(np.arange(len(found)))
    negatives = np.arange(len(places)) % 4 > 0
    assert not listed(pairs.barred, pairs.queries[rows[negatives]], places[negatives]).any()
    for row in range(len(found)):
        assert len({*places[rows == row].tolist()}) == 4


def test_a_row_for_which_every_document_is_barred_is_left_out():
    judged = {"q0": {f"d{n}": 1.0 for n in range(10)}, "q1": {"d1": 1.0}, "q2": {"d2": 1.0}}
    found = lesson(training(judged), per_row=1)
    assert len(found) == 2
    assert "10 rows had none to draw and are left out" in found.notes[0]


def test_the_data_decide_how_many_negatives_a_row_has_where_nobody_else_does():
    half = {f"q{n}": {f"d{n}": 1.0} | ({"d9": 0.0, "d8": 0.0} if n < 4 else {}) for n in range(6)}
    assert len(lesson(training(half)).columns) == 4
    few = {f"q{n}": {f"d{n}": 1.0} | ({"d9": 0.0} if n < 2 else {}) for n in range(6)}
    found = lesson(training(few))
    assert found.shape == "pairs"
    assert "2 of 6 rows have a document judged not relevant" in found.notes[0]


def test_the_same_seed_makes_the_same_lesson_and_another_another():
    prints = [lesson(simple(), per_row=2, seed=seed).fingerprint for seed in (0, 0, 1)]
    assert prints[0] == prints[1] != prints[2]


def test_the_fingerprint_changes_with_what_is_learned():
    assert lesson(simple()).fingerprint != lesson(simple(), per_row=1).fingerprint


def test_rows_of_one_group_never_share_a_batch():
    judged = {f"q{n}": {f"d{n}": 1.0} for n in range(8)}
    found = lesson(training(judged, groups=["a", "a", "a", "b", "b", "c", "d", "e"]))
    for epoch in range(5):
        sampler = batches(found, 4)
        sampler.set_epoch(epoch)
        for batch in sampler:
            assert len({*batch} & {0, 1, 2}) <= 1
            assert len({*batch} & {3, 4}) <= 1


def test_nothing_to_learn_from_is_said_so():
    with pytest.raises(DataError, match="no train part"):
        lesson(training({}))
    with pytest.raises(OptionError, match="-1 negatives"):
        lesson(simple(), per_row=-1)
    every = training({"q0": {f"d{n}": 1.0 for n in range(10)}})
    with pytest.raises(DataError, match="Every document is barred"):
        lesson(every, per_row=1)


def test_scored_pairs_are_rows_as_they_are():
    scores = np.array([0.0, 0.5, 1.0])
    found = lesson_of_scored(examples(first=["a", "b", "c"], second=["x", "y", "z"], scores=scores))
    assert found.shape == "scored pairs"
    assert found.sides == ("documents", "documents")
    np.testing.assert_array_equal(found.scores, scores)
    assert len(found.answers.places) == 0


def test_scored_pairs_of_one_score_teach_nothing():
    same = examples(first=["a", "b"], second=["x", "y"], scores=np.ones(2))
    with pytest.raises(DataError, match="no order to learn"):
        lesson_of_scored(same)


def test_each_labelled_text_stands_with_another_of_its_label():
    texts = [f"text {n}" for n in range(12)]
    labels = [n % 3 for n in range(12)]
    found = lesson_of_labels(labelled(texts, labels), seed=1)
    of = dict(zip(texts, labels, strict=True))
    anchors, positives = found.columns
    assert sorted(anchors) == sorted(positives) == sorted(texts)
    for anchor, positive in zip(anchors, positives, strict=True):
        assert anchor != positive
        assert of[anchor] == of[positive]


def test_texts_of_one_label_never_share_a_batch_nor_does_one_with_two_labels():
    texts = ["a1", "a2", "a3", "b1", "b2", "b3", "both", "both"]
    found = lesson_of_labels(labelled(texts, [0, 0, 0, 1, 1, 1, 0, 1]), seed=0)
    of = {"a": 0, "b": 1}
    for epoch in range(6):
        sampler = batches(found, 4)
        sampler.set_epoch(epoch)
        for batch in sampler:
            rows = [(found.columns[0][row], found.columns[1][row]) for row in batch]
            assert not any("both" in row for row in rows)
            assert len({of[row[0][0]] for row in rows}) == len(rows)


def test_a_text_alone_with_its_label_or_equal_to_another_is_left_out_and_counted():
    texts = ["a1", "a2", "a2", "b1", "b2", "alone"]
    found = lesson_of_labels(labelled(texts, [0, 0, 0, 1, 1, 2]), seed=0)
    assert len(found) == 4
    assert found.notes[0].startswith("2 texts are equal to another one or alone")


def test_one_label_is_refused():
    with pytest.raises(DataError, match="1 labels of the train part"):
        lesson_of_labels(labelled(["a", "b", "c"], [0, 0, 1]), seed=0)
