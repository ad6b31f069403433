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


def pairs(judgments, relevant_from=1.0, groups=None, asked=None):
    keys = list(judgments)
    train = Part(Texts(keys, asked or keys), judgments, groups or keys)
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


def test_what_answers_another_query_of_the_group_is_barred_with_its_near_duplicates():
    found = pairs({"x": {"c": 1.0}, "y": {"a": 1.0}, "z": {"b": 1.0}}, groups=["g", "g", "z"])
    assert listed(found.barred, 0) == listed(found.barred, 1) == [0, 1, 3]
    assert listed(found.barred, 2) == [2]


def test_what_is_relevant_in_the_group_is_no_negative_even_if_judged_so():
    found = pairs({"x": {"c": 1.0, "a": 0.0, "b": 0.0}, "y": {"a": 1.0}}, groups=["g", "g"])
    assert listed(found.negatives, 0) == [2]


def test_what_answers_a_query_in_nearly_the_same_words_is_barred_in_any_group():
    asked = ["Where is it?", "where is it", "when"]
    judged = {"x": {"c": 1.0}, "y": {"b": 1.0}, "z": {"a": 1.0}}
    found = pairs(judged, asked=asked, groups=["g", "h", "g"])
    assert listed(found.barred, 0) == [0, 1, 2, 3]
    assert listed(found.barred, 1) == [2, 3]
    assert listed(found.barred, 2) == [0, 1, 3]


def corpus(chained, others):
    """As many queries in one group, and alone, each with an answer of its own."""
    count = chained + others
    keys = [f"q{n}" for n in range(count)]
    judged = {key: {f"d{n}": 1.0} for n, key in enumerate(keys)}
    texts = [f"subject number{n}" for n in range(count)]
    asked = ["the first", "The first!", *(f"ask number{n}" for n in range(2, count))]
    groups = ["g"] * chained + keys[chained:]
    documents = Texts([f"d{n}" for n in range(count)], texts)
    empty = Part(Texts([], []), {}, [])
    return training_pairs(Training(documents, Part(Texts(keys, asked), judged, groups), empty))


def test_a_group_of_fifty_is_one_kind_however_few_queries_there_are():
    assert listed(corpus(50, 10).barred, 3) == list(range(50))


def test_in_a_chain_only_direct_links_bar():
    found = corpus(51, 900)
    assert listed(found.barred, 0) == listed(found.barred, 1) == [0, 1]
    assert listed(found.barred, 3) == [3]


def test_a_large_group_within_a_twentieth_of_the_queries_is_no_chain():
    assert len(listed(corpus(60, 1200).barred, 3)) == 60


def test_the_list_of_a_group_is_kept_once():
    assert len(corpus(200, 3_800).barred.places) == 4_000


def test_lists_can_be_taken_for_some_queries_again_and_again():
    barred = corpus(50, 10).barred.take(np.array([55, 3, 55])).take(np.array([1, 2]))
    assert len(barred) == 2
    assert listed(barred, 0) == list(range(50))
    assert listed(barred, 1) == [55]
