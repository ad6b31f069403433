"""Lanes: whose turn it is, what goes with it, and that nobody waits for ever."""

import random

import pytest

from tunewise.serving.lanes import Lane, Text, best
from tunewise.testing import WordHashEncoder


def texts(*sizes, name="text"):
    """Texts of so many tokens that somebody waits for."""
    return [
        Text(("stamp", "queries", b""), f"{name} {place}", size, None, None, wanted=1)
        for place, size in enumerate(sizes)
    ]


def lane(*requests, near=8_192):
    made = Lane(WordHashEncoder(), "queries", near)
    for request in requests:
        made.add(request)
    return made


def batches(waiting, most):
    """All that waits, batch by batch."""
    while batch := waiting.take(most):
        yield batch


def sizes(batch):
    return [text.tokens for text in batch]


def test_all_that_waits_is_taken_once_and_no_batch_is_larger_than_it_may_be():
    drawn = random.Random(0)
    asked = [texts(*drawn.choices(range(1, 300), k=drawn.randrange(1, 40))) for _ in range(50)]
    taken = list(batches(lane(*asked), most=256))
    assert {id(text) for batch in taken for text in batch} == {
        id(text) for request in asked for text in request
    }
    assert sum(map(len, taken)) == sum(map(len, asked))
    for batch in taken:
        assert sizes(batch) == sorted(sizes(batch))
        assert len(batch) == 1 or len(batch) * batch[-1].tokens <= 256
        assert all(text.begun for text in batch)


def test_the_best_batch_is_the_best_of_all_around_the_first():
    drawn = random.Random(1)
    for _ in range(200):
        given = sorted(drawn.choices(range(1, 120), k=drawn.randrange(1, 30)))
        first, most = drawn.randrange(len(given)), drawn.randrange(1, 500)

        def worth(start, end, given=given):
            return sum(given[start:end]) / ((end - start) * given[end - 1] + 48)

        allowed = [
            (start, end)
            for start in range(first + 1)
            for end in range(first + 1, len(given) + 1)
            if end == start + 1 or (end - start) * given[end - 1] <= most
        ]
        found = best(given, first, most)
        assert (found.start, found.stop) in allowed
        assert worth(found.start, found.stop) == pytest.approx(
            max(worth(*each) for each in allowed)
        )


def test_texts_of_one_length_fill_a_batch():
    assert [len(batch) for batch in batches(lane(texts(*[10] * 250)), most=1_000)] == [100, 100, 50]


@pytest.mark.parametrize("length", [3, 40, 256])
def test_a_short_query_beside_two_thousand_texts_is_in_the_next_batch_or_the_one_after(length):
    drawn = random.Random(length)
    waiting = lane(texts(*drawn.choices(range(20, 257), k=2_048)))
    for _ in range(drawn.randrange(1, 200)):
        waiting.take(1_024)
    [query] = texts(length)
    waiting.add([query])
    assert query in waiting.take(1_024) + waiting.take(1_024)


def test_a_short_query_beside_many_large_requests_waits_for_a_turn_of_each_at_most():
    waiting = lane(*(texts(*[100] * 2_048) for _ in range(30)))
    for _ in range(50):
        waiting.take(1_000)
    [query] = texts(5)
    waiting.add([query])
    until = next(n for n, batch in enumerate(batches(waiting, 1_000), 1) if query in batch)
    assert until <= 2 * 30 * 100 / 1_000 + 1


def test_a_text_unlike_all_others_has_its_turn_though_others_never_end():
    [long] = texts(250)
    waiting = lane([long])
    for _ in range(60):
        waiting.add(texts(8))
    for _ in range(5):
        for _ in waiting.take(200):  # who is answered asks again
            waiting.add(texts(8))
    assert long.begun


def test_a_large_request_goes_on_though_small_ones_never_end():
    large = texts(*[100] * 50)
    waiting = lane(large, *(texts(100) for _ in range(9)))
    for _ in range(60):
        for text in waiting.take(1_000):
            if text not in large:
                waiting.add(texts(100))
    assert all(text.begun for text in large)


def test_two_requests_go_on_alike():
    one, other = texts(*[50] * 300), texts(*[50] * 300)
    waiting = lane(one, other)
    for _ in range(20):
        waiting.take(500)
        ahead = sum(text.begun for text in one) - sum(text.begun for text in other)
        assert abs(ahead) <= 8_192 / 50


def test_what_nobody_waits_for_is_passed_over_and_may_be_forgotten():
    here, gone = texts(3, 4, 5), texts(*[4] * 5_000)
    waiting = lane(gone, here)
    first = waiting.take(40)
    for text in gone:
        text.wanted = 0
    waiting.forget()
    assert [sizes(batch) for batch in batches(waiting, 40)] == [
        sorted(text.tokens for text in here if text not in first)
    ]


def test_without_a_bound_a_batch_is_what_callers_took_turns_for():
    waiting = lane(texts(5, 5, 5, 5, 5), texts(1), near=12)
    assert [sizes(batch) for batch in batches(waiting, None)] == [[1, 5, 5, 5], [5, 5]]


def test_texts_without_a_token_go_together():
    assert best([0] * 9, 4, 64) == slice(0, 9)
    assert best([0] * 9, 4, 3) == slice(2, 5)
