"""Batches of about as many tokens, which go on after a kill as if nothing had happened."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from tunewise.encoders.transformer import greedy

LENGTHS = st.lists(st.integers(0, 300), max_size=60).map(lambda each: np.array(each, np.int64))


@given(LENGTHS, st.integers(1, 500))
def test_every_text_is_in_one_batch_within_the_budget(lengths: np.ndarray, budget: int) -> None:
    batches = list(greedy(lengths, budget))
    assert sorted(place for batch in batches for place in batch) == list(range(len(lengths)))
    assert all(
        len(batch) == 1 or len(batch) * lengths[batch].max() <= max(budget, len(batch))
        for batch in batches
    )


@given(LENGTHS, st.integers(1, 500), st.integers(0, 20))
def test_what_is_left_after_some_batches_makes_the_same_batches(
    lengths: np.ndarray, budget: int, finished: int
) -> None:
    batches = [batch.tolist() for batch in greedy(lengths, budget)]
    done = {place for batch in batches[:finished] for place in batch}
    left = np.array([place for place in range(len(lengths)) if place not in done], np.int64)
    again = [left[batch].tolist() for batch in greedy(lengths[left], budget)]
    assert again == batches[finished:]


def test_no_texts_make_no_batches() -> None:
    assert list(greedy(np.array([], dtype=np.int64), 100)) == []
