"""Exams: few texts, chosen once, that tell a better encoder from a worse one."""

import zlib
from types import SimpleNamespace

import numpy as np
import pytest

from tunewise.task import Part, Texts, Training
from tunewise.training.exam import (
    Likeness,
    Naming,
    likeness_exam,
    naming_exam,
    search_exam,
)

WIDTH = 16


def unit(vectors):
    return (vectors / np.linalg.norm(vectors, axis=1, keepdims=True)).astype(np.float32)


def placed(texts):
    """A vector for each text, made of the text alone."""
    rows = [np.random.default_rng(zlib.crc32(text.encode())).normal(size=WIDTH) for text in texts]
    return unit(np.array(rows))


def encode(texts, side):
    return placed([text.removeprefix("ask ") for text in texts])


def blind(texts, side):
    return placed([f"{side} {text}" for text in texts])


def training(dev, documents=60, **judged):
    corpus = Texts([f"d{n}" for n in range(documents)], [f"text {n}" for n in range(documents)])
    queries = Texts(
        [f"q{n}" for n in range(dev)], [f"ask text {n % documents}" for n in range(dev)]
    )
    judgments = {f"q{n}": {f"d{n % documents}": 1.0, **judged} for n in range(dev)}
    none = Part(Texts([], []), {}, [])
    return Training(corpus, none, Part(queries, judgments, list(queries.ids)))


def search(task, rows=1000, **given):
    asked = blind(task.dev.queries.texts, "queries")
    found = blind(task.documents.texts, "documents")
    return search_exam(task, asked, found, "nDCG@10", rows=rows, seed=0, **given)


def test_a_search_knows_who_finds_the_answer():
    exam = search(training(40))
    assert exam(encode) == pytest.approx(1)
    assert exam(blind) < 0.6


def test_a_search_asks_as_many_as_the_lesson_is_worth_between_sixty_and_two_hundred():
    for rows, count in ((10, 60), (1000, 100), (10**6, 200)):
        assert len(search(training(300), rows).queries) == count
    assert len(search(training(7), 1000).queries) == 7


def test_a_search_keeps_the_answers_and_what_the_base_takes_for_them():
    exam = search(training(20))
    answers = {d for grades in exam.judgments.values() for d in grades}
    assert answers == {f"d{n}" for n in range(20)}
    assert answers < set(exam.documents.ids)
    assert len(exam.documents) <= 20 * 3
    assert search(training(20)).documents.ids == exam.documents.ids


def test_a_document_judged_not_relevant_is_no_answer():
    exam = search(training(20, d50=0.0))
    assert exam(encode) == pytest.approx(1)


def test_likeness_is_the_order_of_the_cosines():
    first = [f"text {n}" for n in range(9)]
    exam = Likeness(first, first[::-1], np.zeros(9))
    one, other = encode(first, "documents"), encode(first[::-1], "documents")
    cosines = (one * other).sum(axis=1)
    for scores, expected in ((cosines**3, 1.0), (-cosines, -1.0), (np.ones(9), 0.0)):
        found = Likeness(exam.first, exam.second, scores)(encode)
        assert found == pytest.approx(expected)


def test_likeness_takes_all_pairs_of_the_part_it_is_given():
    part = SimpleNamespace(first=["a", "b"], second=["c", "d"], scores=[0.1, 0.9])
    exam = likeness_exam(SimpleNamespace(take={"dev": part, "test": None}.get))
    assert exam.texts == ((["a", "b"], "documents"), (["c", "d"], "documents"))


def test_naming_is_the_vote_of_the_nearest():
    known = [f"text {n}" for n in range(3)]
    exam = Naming(known, np.array([0, 1, 1]), known * 4, np.array([0, 1, 1] * 4))
    assert exam.correct(encode).tolist() == [1, 1, 1]
    wrong = Naming(known, np.array([1, 0, 0]), known * 4, np.array([0, 1, 1] * 4))
    assert wrong(encode) == 0


def test_naming_takes_a_sample_for_a_look_and_all_for_the_end():
    many = SimpleNamespace(texts=[f"text {n}" for n in range(3000)], labels=np.arange(3000) % 7)
    examples = SimpleNamespace(take={"dev": many, "test": many, "train": many}.get)
    short = naming_exam(examples, rows=1000, seed=0)
    assert (len(short.texts_asked), len(short.texts_known)) == (100, 1000)
    for text, label in zip(short.texts_asked, short.labels, strict=True):
        assert int(text.split()[1]) % 7 == label
    whole = naming_exam(examples, "test", rows=None, seed=0)
    assert (len(whole.texts_asked), len(whole.texts_known)) == (3000, 3000)
