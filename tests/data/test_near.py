"""Near-duplicates: which texts are joined, which stay apart, and that none is missed."""

import random
from itertools import combinations, pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tunewise.data.near import near_duplicates, words
from tunewise.errors import OptionError

LONG = " ".join(f"word{n}" for n in range(60))


def labels(*texts: str, similarity: float = 0.9) -> list[int]:
    return near_duplicates(texts, similarity=similarity).tolist()


def by_hand(texts: list[str], similarity: float) -> list[int]:
    """The definition, pair by pair."""
    sets = [frozenset(pairwise(["", *words(text), ""])) for text in texts]
    label = list(range(len(texts)))
    for a, b in combinations(range(len(texts)), 2):
        empty = not words(texts[a]) or not words(texts[b])
        alike = len(sets[a] & sets[b]) >= similarity * len(sets[a] | sets[b]) - 1e-9
        if words(texts[a]) == words(texts[b]) or (alike and not empty):
            joined = {label[a], label[b]}
            label = [min(joined) if one in joined else one for one in label]
    return label


def test_case_punctuation_and_white_space_do_not_tell_texts_apart():
    assert labels("Show files!", "other", "  show\n FILES", "«Show», files…") == [0, 1, 0, 0]


def test_short_texts_that_differ_in_one_word_stay_apart():
    texts = ["show files in dir a", "show files in dir b", "a", "b", "a b", "b a"]
    assert labels(*texts) == [0, 1, 2, 3, 4, 5]


def test_a_long_text_with_one_other_word_is_a_near_duplicate():
    assert labels(LONG, LONG.replace("word30", "changed")) == [0, 0]


def test_a_long_text_with_several_other_words_is_not():
    other = LONG.replace("word10", "x").replace("word30", "y").replace("word50", "z")
    assert labels(LONG, other) == [0, 1]
    assert labels(LONG, other, similarity=0.8) == [0, 0]


def test_the_label_is_the_place_of_the_first_text_of_the_cluster():
    assert labels("x", "y", "X", "z", "Y", "x.") == [0, 1, 0, 3, 1, 0]


def test_clusters_are_what_similar_pairs_connect():
    chain = [LONG]
    for number in (10, 18, 26, 34, 42, 50):
        chain.append(chain[-1].replace(f"word{number}", f"new{number}"))
    assert labels(chain[0], chain[-1]) == [0, 1]
    assert labels(*chain) == [0] * 7


def test_empty_texts_are_joined_with_each_other_only():
    assert labels("", "a", " \n", "?", "") == [0, 1, 0, 3, 0]


def test_texts_of_punctuation_alone_keep_it():
    assert labels(".", "?", " . ") == [0, 1, 0]


def test_symbols_are_not_punctuation():
    assert labels("a < b", "a > b", "a + b") == [0, 1, 2]


def test_accents_count_however_they_are_encoded():
    assert labels("caf\u00e9", "cafe\u0301", "cafe") == [0, 0, 2]


def test_scripts_without_spaces_are_compared_letter_by_letter():
    text = "東京都は日本の首都であり、世界で最も人口の多い都市圏の一つとして広く知られている。" * 2
    assert labels(text, text.replace("、", ""), text[:-3] + "た。", "大阪") == [0, 0, 0, 3]


def test_the_same_texts_have_the_same_answer_and_others_their_own():
    texts = [f"text number {n % 3}" for n in range(6)]
    first = near_duplicates(texts)
    assert near_duplicates(list(texts)).tolist() == first.tolist() == [0, 1, 2, 0, 1, 2]
    assert near_duplicates(["ab", "c"]).tolist() == near_duplicates(["a", "bc"]).tolist() == [0, 1]
    assert near_duplicates(["same", "same"]).tolist() == [0, 0]
    for other in range(9):  # more than are remembered
        near_duplicates([str(other)])
    assert near_duplicates(texts).tolist() == first.tolist()
    with pytest.raises(ValueError, match="read-only"):
        first[0] = 1


def test_texts_that_cannot_be_encoded_are_compared_too():
    assert labels("a\ud800", "a\ud800 ", "a") == [0, 0, 2]


def test_no_texts_give_no_labels():
    assert near_duplicates([]).shape == (0,)
    assert near_duplicates([]).dtype == np.int64


@pytest.mark.parametrize("similarity", [0, -1, 1.1, float("nan")])
def test_a_similarity_that_is_no_share_is_refused(similarity: float):
    with pytest.raises(OptionError, match="above 0 and up to 1"):
        near_duplicates(["a"], similarity=similarity)


@settings(max_examples=150)
@given(
    st.lists(st.lists(st.sampled_from("abcd"), max_size=25).map(" ".join), max_size=25),
    st.sampled_from([0.3, 0.5, 0.75, 0.9, 1.0]),
)
def test_the_clusters_are_exactly_those_of_comparing_every_pair(texts, similarity):
    assert near_duplicates(texts, similarity=similarity).tolist() == by_hand(texts, similarity)


@pytest.mark.slow
def test_no_pair_is_missed_among_texts_that_were_edited_a_little():
    rng = random.Random(7)
    vocabulary = [f"w{n}" for n in range(400)]
    texts = [" ".join(rng.choices(vocabulary, k=rng.randint(5, 80))) for _ in range(120)]
    for _ in range(180):
        edited = rng.choice(texts).split()
        for _ in range(rng.randint(0, 3)):
            edited[rng.randrange(len(edited))] = rng.choice(vocabulary)
        texts.append(" ".join(edited))
    for similarity in (0.6, 0.9):
        found = near_duplicates(texts, similarity=similarity).tolist()
        assert found == by_hand(texts, similarity)


def test_the_same_clusters_are_found_in_any_order():
    rng = random.Random(3)
    texts = [LONG.replace(f"word{n % 60}", f"x{n}", 1) for n in range(0, 200, 7)] + ["a", "b"] * 3
    order = rng.sample(range(len(texts)), len(texts))
    straight = near_duplicates(texts)
    shuffled = near_duplicates([texts[place] for place in order])
    for a, b in combinations(range(len(order)), 2):
        together = straight[order[a]] == straight[order[b]]
        assert (shuffled[a] == shuffled[b]) == together


def test_thousands_of_texts_from_one_template_take_no_time():
    texts = [f"{LONG} number {n}" for n in range(3000)]
    assert set(near_duplicates(texts).tolist()) == {0}


def test_texts_of_two_kinds_in_turn_take_no_time():
    texts = [f"text {n} " + "long " * 10 * (n % 2) for n in range(30_000)]
    assert len(set(near_duplicates(texts).tolist())) == 30_000


@pytest.mark.slow
def test_text_longer_than_a_block_is_compared_with_text_in_other_blocks():
    long = "abcdefghi " * 450_000
    assert labels("a", long, "b", long + "abcdefghi", "a") == [0, 1, 2, 1, 0]
