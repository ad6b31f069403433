"""Lanes: gradients in pieces are those of the whole batch; texts are read as the model reads."""

import json
from copy import deepcopy
from functools import cache

import numpy as np
import pytest
import torch
from tiny_models import THINGS, a_lesson, a_recipe, encoder_of, make_model, texts

from tunewise.encoders.model import load_model
from tunewise.training.lanes import Given, Lanes, vectors_on_device
from tunewise.training.layers import trained, without_dropout
from tunewise.training.losses import LOSSES, build_loss
from tunewise.training.reading import Reader

pytestmark = pytest.mark.slow  # importing torch alone takes seconds

NO_PROMPTS = {"queries": "", "documents": ""}
PLAIN = [word for word in LOSSES if not word.startswith("cached-")]


@cache
def loaded(folder):
    return load_model(folder)


def copied(bert):
    """The encoder's model, for whoever changes it: read from its folder once for all tests."""
    return deepcopy(loaded(bert.folder))


def columns_of(lesson, reader):
    return [reader.read(t, s) for t, s in zip(lesson.columns, lesson.sides, strict=True)]


def lesson_for(word):
    if "scored pairs" in LOSSES[word].shapes:
        return a_lesson(10, scored=True)
    return a_lesson(10, columns=4 if "triplet" in word else 3)


def whole_batch(bert, lesson, recipe):
    """The loss and its gradients with the library alone: one padded batch a column."""
    model = copied(bert)
    without_dropout(model)
    labels = None if lesson.scores is None else torch.tensor(lesson.scores, dtype=torch.float32)
    inputs = [model.preprocess(list(column)) for column in lesson.columns]
    value = build_loss(model, recipe)(inputs, labels)
    value.backward()
    return value.item(), {name: p.grad for name, p in trained(model).items() if p.grad is not None}


def in_lanes(bert, lesson, recipe, lanes, *, again=False, half=False):
    model = copied(bert)
    without_dropout(model)
    reader = Reader(model, NO_PROMPTS)
    columns = columns_of(lesson, reader)
    labels = None if lesson.scores is None else torch.tensor(lesson.scores, dtype=torch.float32)
    loss = build_loss(Given(model.get_embedding_dimension()), recipe)
    value = Lanes(model, reader, half=half, again=again, lanes=lanes).learn(columns, loss, labels)
    return float(value), {name: p.grad for name, p in trained(model).items() if p.grad is not None}


def furthest(found, expected):
    assert found.keys() == expected.keys()
    return max(float((found[name] - expected[name]).abs().max()) for name in expected)


@pytest.fixture
def small_pieces(monkeypatch):
    """Pieces of a few texts, so that ten rows make many of them."""
    monkeypatch.setattr("tunewise.training.lanes._TOKENS", 40)


@pytest.mark.parametrize("dimensions", [(), (16, 8)])
@pytest.mark.parametrize("word", PLAIN)
def test_gradients_in_lanes_are_those_of_the_whole_batch(bert, small_pieces, word, dimensions):
    # a temperature at which gradients are of the size of one: their rounding is then below 1e-5
    recipe = a_recipe("full", loss=word, matryoshka=dimensions, temperature=0.5)
    lesson = lesson_for(word)
    value, expected = whole_batch(bert, lesson, recipe)
    assert max(float(one.abs().max()) for one in expected.values()) > 1e-3
    for lanes in (1, 2, 3):
        for again in (False, True):
            found, gradients = in_lanes(bert, lesson, recipe, lanes, again=again)
            assert found == pytest.approx(value, abs=1e-5)
            assert furthest(gradients, expected) < 1e-5


def test_the_same_number_of_lanes_gives_the_same_bits(bert, small_pieces):
    recipe, lesson = a_recipe("full"), lesson_for("ranking")
    for half in (False, True):
        one, other = (in_lanes(bert, lesson, recipe, 3, half=half) for _ in range(2))
        assert one[0] == other[0]
        assert furthest(one[1], other[1]) == 0


def test_half_precision_points_the_same_way_and_stays_in_the_lanes(bert, small_pieces):
    recipe, lesson = a_recipe("full", temperature=0.5), lesson_for("ranking")
    value, expected = whole_batch(bert, lesson, recipe)
    for again in (False, True):
        found, gradients = in_lanes(bert, lesson, recipe, 2, half=True, again=again)
        assert found == pytest.approx(value, rel=0.02)
        one, other = (
            torch.cat([g[name].flatten() for name in expected]) for g in (gradients, expected)
        )
        assert one.dtype == torch.float32
        assert torch.nn.functional.cosine_similarity(one, other, dim=0) > 0.99
    assert not torch.is_autocast_enabled("cpu")


def test_vectors_in_lanes_are_those_of_sentence_transformers(bert, small_pieces):
    model = bert.copy()
    some = [*texts(12)[1], "", "wagon " * 100]
    reader = Reader(model, NO_PROMPTS)
    numbers = reader.read(some, "documents")
    plain = model.encode(some, normalize_embeddings=True)
    for vectors in (
        Lanes(model, reader, half=False, lanes=2).vectors(numbers),
        vectors_on_device(model, reader, numbers, None),
    ):
        np.testing.assert_allclose(vectors, plain, atol=1e-6)


def test_a_parameter_the_loss_never_reaches_gets_no_gradient(bert, small_pieces):
    _, gradients = in_lanes(bert, lesson_for("ranking"), a_recipe("full"), 2)
    assert not [name for name in gradients if "pooler" in name]


# ---- reading


def encoded(reader, model, some, side):
    return Lanes(model, reader, half=False, lanes=1).vectors(reader.read(some, side))


@pytest.mark.parametrize(
    ("pooling", "side", "include_prompt"),
    [("mean", "right", False), ("mean", "left", False), ("lasttoken", "left", True)],
)
def test_texts_are_read_as_the_encoder_serves_them(tmp_path, pooling, side, include_prompt):
    prompts = {"query": "find text which : ", "document": "text : "}
    folder = make_model(
        tmp_path, prompts=prompts, side=side, pooling=pooling, include_prompt=include_prompt,
        longest=14, layers=1,
    )  # fmt: skip
    encoder = encoder_of(folder)
    model = encoder.copy()
    reader = Reader(model, {side: encoder.prompt(side) for side in ("queries", "documents")})
    some = ["the kettle", "where is the old ladder of the violin ?", "wagon " * 40, "mirror"]
    # read before either is encoded: what one side reads must not change the other
    reader.read(some, "queries")
    reader.read(some, "documents")
    plain = encoder.encode_queries(some)
    np.testing.assert_allclose(encoded(reader, model, some, "queries"), plain, atol=1e-5)
    plain = encoder.encode_documents(some)
    np.testing.assert_allclose(encoded(reader, model, some, "documents"), plain, atol=1e-5)


def test_long_texts_are_cut_where_the_model_cuts_them(bert):
    reader = Reader(bert.copy(), NO_PROMPTS)
    numbers = reader.read(["wagon " * 100, "wagon"], "documents")
    assert reader.lengths(numbers).tolist() == [24, 3]


def test_sides_with_lengths_of_their_own_are_cut_each_at_its_own(bert):
    model = bert.copy()
    model[0].query_length = 6
    reader = Reader(model, NO_PROMPTS)
    some = ["wagon " * 100]
    asked, found = reader.read(some, "queries"), reader.read(some, "documents")
    assert reader.lengths(asked).tolist() == [6]
    assert reader.lengths(found).tolist() == [24]
    plain = model.encode_query(some, normalize_embeddings=True)
    np.testing.assert_allclose(encoded(reader, model, some, "queries"), plain, atol=1e-6)


def test_a_text_that_both_sides_read_alike_is_read_once(bert):
    model = bert.copy()
    reader = Reader(model, NO_PROMPTS)
    some = ["kettle", "ladder", "kettle"]
    assert reader.read(some, "queries").tolist() == [0, 1, 0]
    assert reader.read(some[::-1], "documents").tolist() == [0, 1, 0]
    assert len(reader) == 2
    apart = Reader(model, {"queries": "query : ", "documents": ""})
    apart.read(some, "queries")
    assert apart.read(some, "documents").tolist() == [2, 3, 2]


def test_half_of_a_surrogate_pair_is_read(bert):
    reader = Reader(bert.copy(), NO_PROMPTS)
    assert len(reader.read(["kettle \ud83d", "kettle"], "documents")) == 2


def test_a_text_without_any_token_has_numbers_for_a_gradient(tmp_path):
    bert = encoder_of(make_model(tmp_path, special=False, layers=1))
    lesson = a_lesson(6)
    lesson.columns[1][2] = ""
    _, gradients = in_lanes(bert, lesson, a_recipe("full"), 1)
    assert all(torch.isfinite(one).all() for one in gradients.values())


def test_a_thousand_texts_are_read_in_chunks_without_mixing_them_up(bert):
    reader = Reader(bert.copy(), NO_PROMPTS)
    some = [f"{a} {b} {c}" for a in THINGS for b in THINGS for c in THINGS[:3]]
    numbers = reader.read(some, "documents")
    ids = reader.features(numbers[[1005, 7]])["input_ids"].tolist()
    words = json.loads((bert.folder / "tokenizer.json").read_text())["model"]["vocab"]
    for row, place in zip(ids, (1005, 7), strict=True):
        assert row[1:-1] == [words[word] for word in some[place].split()]
