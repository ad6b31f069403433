"""Choosing how to search by words, on collections made so that the answer is known."""

from dataclasses import replace

import pytest

from tunewise.retrieval import Analyzer, LexicalSettings, choose
from tunewise.task import Part, Texts

COLOURS = ["red", "blue", "green", "grey", "pink", "brown", "white", "black", "gold", "silver"]


def task(documents, queries):
    """Query i is answered by document i, and by no other."""
    ids = [f"d{place}" for place in range(len(documents))]
    names = [f"q{place}" for place in range(len(queries))]
    judgments = {name: {ids[place]: 1.0} for place, name in enumerate(names)}
    return Texts(ids, documents), Part(Texts(names, queries), judgments, names)


def test_identifiers_are_kept_whole_where_the_parts_mislead():
    documents = [f"{a}.{b}" for a in COLOURS for b in COLOURS]
    noise = [f"{b} {b} {a} {a}" for a in COLOURS for b in COLOURS]
    chosen = choose(*task(documents + noise, documents), language="en")
    assert chosen.analyzer.identifiers


def test_stemming_is_given_up_where_it_confuses():
    documents = [f"{form} {c}" for c in COLOURS for form in ("organ", "organization", "organized")]
    chosen = choose(*task(documents, documents), language="en")
    assert not chosen.analyzer.stem


def test_stop_words_are_kept_where_they_are_the_answer():
    documents = [f"{c} {which}" for c in COLOURS for which in ("before", "after", "under")]
    chosen = choose(*task(documents, documents), language="en")
    assert not chosen.analyzer.stop


def test_long_documents_are_held_back_less_where_they_are_the_answer():
    long = [f"{c} {c} " + "filler words here " * 20 for c in COLOURS]
    short = [f"{c} note" for c in COLOURS]
    chosen = choose(*task(long + short, COLOURS), language=None)
    assert chosen.b < 0.75 or chosen.k1 != 1.2


def test_nothing_is_changed_without_a_gain():
    documents = [f"{c} sky" for c in COLOURS]
    chosen = choose(*task(documents, COLOURS), language="en")
    usual = LexicalSettings(Analyzer("en"))
    assert replace(chosen, reason="") == usual
    assert chosen.reason == "chosen on 10 dev queries: nDCG@10 +0.000"


def test_one_query_cannot_argue_for_a_change():
    documents = ["red.blue", "red red blue blue", "blue red"]
    assert not choose(*task(documents, ["red.blue"]), language="en").analyzer.identifiers


def test_without_dev_queries_the_usual_values_are_taken_and_said():
    documents, _ = task(COLOURS, [])
    empty = Part(Texts([], []), {}, [])
    unanswerable = Part(Texts(["q"], ["red"]), {"q": {"d0": 0.0}}, ["q"])
    for dev in (empty, unanswerable):
        chosen = choose(documents, dev, language="de")
        assert (chosen.k1, chosen.b, chosen.analyzer) == (1.2, 0.75, Analyzer("de"))
        assert "no dev queries" in chosen.reason


def test_a_big_collection_takes_the_usual_values_and_says_so():
    _, dev = task(COLOURS, ["red"])
    many = Texts([str(n) for n in range(200_001)], ["x"] * 200_001)
    assert choose(many, dev, language="en").reason == "usual values: more than 200,000 documents"


def test_only_the_sample_of_many_dev_queries_is_asked():
    documents = [f"{a} {b} {c}" for a in COLOURS for b in COLOURS for c in COLOURS[:6]]
    chosen = choose(*task(documents, documents), language=None)
    assert chosen.reason.startswith("chosen on 500 dev queries")


def test_the_same_input_gives_the_same_settings():
    arguments = task([f"{a}_{b}" for a in COLOURS for b in COLOURS], COLOURS)
    assert choose(*arguments, language="en") == choose(*arguments, language="en")


def test_the_grade_from_which_a_document_counts_is_respected():
    documents, dev = task(COLOURS, COLOURS)
    assert "no dev queries" in choose(documents, dev, language=None, relevant_from=2.0).reason


@pytest.mark.parametrize("language", ["en", "ko", "pl", None])
def test_progress_ends_where_it_said_it_would(language):
    told = []
    documents, dev = task(["red sky", "blue sea"], ["red", "blue"])
    choose(documents, dev, language=language, progress=lambda *state: told.append(state))
    what, done, total = told[-1]
    assert (what, done) == ("choosing how to search by words", total)


def test_settings_are_plain_values_for_json():
    written = LexicalSettings(Analyzer("en"), reason="because").to_dict()
    assert written["stemmer"] == "english"
    assert (written["k1"], written["b"], written["reason"]) == (1.2, 0.75, "because")
