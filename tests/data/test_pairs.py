"""Training pairs: every pair is told, and nothing that may be right is ever wrong."""

import numpy as np

from tunewise.data.pairs import training_pairs
from tunewise.task import Part, Texts, Training

TEXTS = [
    "returning a book to the library desk before closing time on weekdays",
    "returning a book to the library desk before closing time on weekdays!",
    "how a kettle is cleaned with vinegar and a little patience",
    "the ferry leaves every hour from the northern pier in summer",
]
IDS = ["a", "a-again", "b", "c"]


def pairs(judgments, relevant_from=1.0):
    train = Part(Texts(list(judgments), list(judgments)), judgments, list(judgments))
    empty = Part(Texts([], []), {}, [])
    return training_pairs(Training(Texts(IDS, TEXTS), train, empty, relevant_from))


def listed(lists, query):
    return sorted(lists.of(np.array([query]))[1].tolist())


def test_every_relevant_document_makes_a_pair():
    found = pairs({"x": {"a": 1.0, "c": 2.0}, "y": {"b": 1.0}})
    assert list(zip(found.queries, found.documents, strict=True)) == [(0, 0), (0, 3), (1, 2)]


def test_known_positives_and_their_near_duplicates_are_barred():
    found = pairs({"x": {"a": 1.0, "c": 1.0}, "y": {"b": 1.0}})
    assert listed(found.barred, 0) == [0, 1, 3]
    assert listed(found.barred, 1) == [2]


def test_documents_judged_not_relevant_are_negatives():
    assert listed(pairs({"x": {"a": 1.0, "b": 0.0}}).negatives, 0) == [2]


def test_a_near_duplicate_of_a_positive_is_no_negative_even_if_judged_so():
    assert listed(pairs({"x": {"a": 1.0, "a-again": 0.0}}).negatives, 0) == []


def test_grades_below_the_threshold_are_no_positives():
    found = pairs({"x": {"a": 0.9, "b": 0.4}}, relevant_from=0.5)
    assert found.documents.tolist() == [0]
    assert listed(found.negatives, 0) == [2]


def test_lists_of_several_queries_say_which_query_each_entry_is_of():
    found = pairs({"x": {"a": 1.0}, "y": {"b": 1.0}, "z": {"c": 1.0}})
    rows, places = found.barred.of(np.array([2, 0]))
    assert list(zip(rows.tolist(), places.tolist(), strict=True)) == [(0, 3), (1, 0), (1, 1)]
