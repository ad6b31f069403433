"""WordHashEncoder: deterministic vectors without a model."""

import time

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tunewise.encoders import Encoder, WordHashEncoder, load_encoder
from tunewise.errors import OptionError


def test_it_is_an_encoder_and_is_loaded_by_its_name() -> None:
    encoder: Encoder = load_encoder("word-hash")
    assert (encoder.name, encoder.dimension, encoder.max_tokens) == ("word-hash", 64, None)


def test_vectors_are_float32_of_unit_length_and_empty_texts_are_zeros() -> None:
    vectors = WordHashEncoder(16).encode_documents(["open a file", "", "  …  "])
    assert vectors.shape == (3, 16)
    assert vectors.dtype == np.float32
    assert np.linalg.norm(vectors, axis=1) == pytest.approx([1, 0, 0])


def test_no_texts_give_no_rows() -> None:
    assert WordHashEncoder().encode_queries([]).shape == (0, 64)


def test_vectors_are_the_same_on_every_machine() -> None:
    vectors = WordHashEncoder(4).encode_queries(["a", "one two three"])
    assert vectors.tolist() == [[-1, 0, 0, 0], [0, -1, 0, 0]]


def test_texts_with_more_common_words_are_nearer() -> None:
    query, near, far = WordHashEncoder(256).encode_queries(
        ["open a file", "open the file", "sunshine tomorrow"]
    )
    assert query @ near > 0.5 > abs(query @ far)


def test_words_are_compared_without_case() -> None:
    upper, lower = WordHashEncoder().encode_queries(["Open FILE", "open file"])
    assert np.array_equal(upper, lower)


def test_each_dimension_has_its_own_stamp() -> None:
    assert WordHashEncoder(64).stamp == WordHashEncoder(64).stamp
    assert WordHashEncoder(64).stamp != WordHashEncoder(32).stamp
    assert len(WordHashEncoder().stamp) == 16


def test_tokens_are_words_and_none_is_unknown() -> None:
    encoder = WordHashEncoder()
    assert encoder.count_tokens(["two words", "", "日本"]).tolist() == [2, 0, 1]
    assert encoder.unknown_share(["日本語"]) == 0.0


@given(st.lists(st.text(), max_size=5))
def test_a_text_has_the_same_vector_in_any_company(texts: list[str]) -> None:
    encoder = WordHashEncoder(8)
    together = encoder.encode_documents(texts)
    alone = [encoder.encode_documents([text])[0] for text in texts]
    assert np.isfinite(together).all()
    assert all(np.array_equal(row, one) for row, one in zip(together, alone, strict=True))


def test_a_hundred_thousand_short_texts_take_seconds_and_progress_is_told() -> None:
    texts = [f"item {n} of list {n % 100}" for n in range(100_000)]
    told: list[tuple[str, int, int]] = []
    start = time.perf_counter()
    WordHashEncoder().encode_documents(texts, progress=lambda *step: told.append(step))
    assert time.perf_counter() - start < 10
    assert told[-1] == ("encoding documents", 100_000, 100_000)


def test_a_single_text_or_a_number_is_refused_with_what_to_do() -> None:
    with pytest.raises(OptionError, match=r"Put it in a list: \[text\]"):
        WordHashEncoder().encode_queries("open a file")
    with pytest.raises(OptionError, match="Text 1 is a int"):
        WordHashEncoder().encode_queries(["open", 3])  # type: ignore[list-item]
    with pytest.raises(OptionError, match="0 dimensions"):
        WordHashEncoder(0)


@pytest.mark.slow
def test_a_large_result_lies_in_a_file_and_is_the_same() -> None:
    encoder = WordHashEncoder(384)
    vectors = encoder.encode_documents(["open a file", "close it"] * 90_000)
    assert isinstance(vectors, np.memmap)
    assert np.array_equal(vectors[-2:], encoder.encode_documents(["open a file", "close it"]))
