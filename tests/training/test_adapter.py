"""Adapters: what they learn, what they leave alone, what they never count as wrong."""

import numpy as np
import pytest

from tunewise.data.pairs import training_pairs
from tunewise.errors import EncoderError
from tunewise.task import Part, Texts, Training
from tunewise.training.adapter import Adapter, _contrast, _no_map, load_adapter, train_adapter
from tunewise.training.contrast import Contrast, contrastive_loss
from tunewise.training.descent import Adam
from tunewise.training.recipe import AdapterRecipe

DIMENSION = 8
NUMBERS = range(40)


def unit(vectors):
    return (vectors / np.linalg.norm(vectors, axis=1, keepdims=True)).astype(np.float32)


def documents():
    return unit(np.random.default_rng(0).normal(size=(len(NUMBERS), DIMENSION)))


def turned():
    """Queries that are their documents seen through a fixed rotation: learnable exactly."""
    rotation, _ = np.linalg.qr(np.random.default_rng(1).normal(size=(DIMENSION, DIMENSION)))
    return unit(documents() @ rotation)


def pairs(judgments=None):
    ids = [str(number) for number in NUMBERS]
    texts = Texts(ids, [f"document about subject number{number}" for number in NUMBERS])
    judged = judgments or {f"q{n}": {str(n): 1.0} for n in NUMBERS}
    train = Part(Texts(list(judged), list(judged)), judged, list(judged))
    return training_pairs(Training(texts, train, Part(Texts([], []), {}, [])))


def reciprocal_rank(queries):
    def score(adapter):
        cosines = adapter.queries(queries) @ adapter.documents(documents()).T
        ranks = (cosines >= np.diag(cosines)[:, None]).sum(axis=1)
        return float((1 / ranks).mean())

    return score


@pytest.mark.parametrize("side", ["query", "both"])
def test_a_rotation_between_queries_and_documents_is_learned(side):
    dev_score = reciprocal_rank(turned())
    recipe = AdapterRecipe(side, learning_rate=0.02, batch=16, steps=300)
    adapter, score = train_adapter(turned(), documents(), pairs(), dev_score, recipe)
    assert dev_score(Adapter(None, None)) < 0.3
    assert score == dev_score(adapter) > 0.9
    assert (adapter.document_map is None) == (side == "query")


def test_nothing_better_than_the_base_gives_the_base_back():
    perfect = reciprocal_rank(documents())
    adapter, score = train_adapter(
        documents(), documents(), pairs(), perfect, AdapterRecipe("both")
    )
    assert adapter.untouched
    assert score == 1.0


def test_a_barred_twin_of_the_answer_costs_nothing():
    """Counted as wrong, a twin that is as near as the answer keeps the loss at ln 2 or above."""
    twice = np.concatenate([documents(), documents()])
    texts = [f"document about subject number{n}" for n in NUMBERS] * 2
    judged = {f"q{n}": {str(n): 1.0} for n in NUMBERS}
    train = Part(Texts(list(judged), list(judged)), judged, list(judged))
    corpus = Texts([str(n) for n in range(len(texts))], texts)
    found = training_pairs(Training(corpus, train, Part(Texts([], []), {}, [])))
    recipe = AdapterRecipe("query", temperature=0.02)
    generator, batch = np.random.default_rng(0), np.arange(len(found))
    contrast = _contrast(documents(), twice, found, batch, recipe, generator)
    start, _ = contrastive_loss(contrast, _no_map(documents()), None, recipe.temperature)
    assert start < 0.1


@pytest.mark.slow  # torch takes seconds to import
@pytest.mark.parametrize("barred", [False, True])
@pytest.mark.parametrize("sides", [1, 2])
def test_loss_and_gradients_are_what_torch_finds(sides, barred):
    import torch
    from torch.nn.functional import cross_entropy, normalize

    draw = np.random.default_rng(5)
    targets = draw.permutation(len(NUMBERS))[:30]
    out = draw.random((30, len(NUMBERS))) < 0.1
    out[np.arange(30), targets] = False
    contrast = Contrast(turned()[targets], documents(), targets, out if barred else None)
    offsets = draw.normal(scale=0.2, size=(2, DIMENSION, DIMENSION)).astype(np.float32)[:sides]
    loss, gradients = contrastive_loss(contrast, *[*offsets, None][:2], 0.05)

    theirs = [torch.from_numpy(offset.copy()).requires_grad_() for offset in offsets]
    vectors = [torch.from_numpy(contrast.asked), torch.from_numpy(contrast.candidates)]
    for place, offset in enumerate(theirs):
        vectors[place] = normalize(vectors[place] + vectors[place] @ offset, dim=1)
    logits = vectors[0] @ vectors[1].T / 0.05
    if barred:
        logits = logits.masked_fill(torch.from_numpy(out), -1e4)
    lost = cross_entropy(logits, torch.from_numpy(targets))
    lost.backward()
    assert loss == pytest.approx(lost.item(), rel=1e-5)
    for gradient, offset in zip(gradients, theirs, strict=True):
        np.testing.assert_allclose(gradient, offset.grad.numpy(), atol=1e-5)


@pytest.mark.slow
@pytest.mark.parametrize("decay", [0.0, 0.1])
def test_adam_moves_as_that_of_torch_does(decay):
    import torch

    draw = np.random.default_rng(6)
    start = draw.normal(size=(4, 5)).astype(np.float32)
    weights, theirs = start.copy(), torch.from_numpy(start.copy()).requires_grad_()
    ours, optimizer = Adam(weights, decay=decay), torch.optim.AdamW([theirs], weight_decay=decay)
    for rate in (1e-2, 1e-3, 5e-3, 1e-2, 2e-2):
        gradient = draw.normal(size=(4, 5)).astype(np.float32)
        ours.step(gradient, rate)
        theirs.grad = torch.from_numpy(gradient)
        optimizer.param_groups[0]["lr"] = rate
        optimizer.step()
    np.testing.assert_allclose(weights, theirs.detach().numpy(), atol=1e-6)


def test_the_same_seed_gives_the_same_maps():
    recipe = AdapterRecipe("both", learning_rate=0.02, batch=16, steps=50)
    runs = [
        train_adapter(turned(), documents(), pairs(), reciprocal_rank(turned()), recipe)[0]
        for _ in range(2)
    ]
    np.testing.assert_array_equal(runs[0].query_map, runs[1].query_map)


def test_mapped_vectors_have_length_one_and_an_absent_map_changes_nothing():
    square = np.diag(np.arange(1, DIMENSION + 1)).astype(np.float32)
    adapter = Adapter(square, None)
    np.testing.assert_allclose(np.linalg.norm(adapter.queries(turned()), axis=1), 1, atol=1e-6)
    assert adapter.documents(turned()) is not None
    np.testing.assert_array_equal(adapter.documents(turned()), turned())


def test_a_blend_of_nothing_is_the_identity_and_of_all_the_adapter():
    square = np.random.default_rng(2).normal(size=(DIMENSION, DIMENSION)).astype(np.float32)
    adapter = Adapter(square, None)
    np.testing.assert_array_equal(adapter.toward(0).query_map, np.eye(DIMENSION))
    np.testing.assert_allclose(adapter.toward(1).query_map, square, atol=1e-6)


def test_an_adapter_is_the_same_when_it_comes_back_from_disk(tmp_path):
    square = np.random.default_rng(3).normal(size=(DIMENSION, DIMENSION)).astype(np.float32)
    Adapter(square, None).save(tmp_path / "adapter.safetensors")
    back = load_adapter(tmp_path / "adapter.safetensors")
    np.testing.assert_array_equal(back.query_map, square)
    assert back.document_map is None


def test_a_damaged_adapter_is_refused_by_name(tmp_path):
    path = tmp_path / "adapter.safetensors"
    path.write_bytes(b"not tensors")
    with pytest.raises(EncoderError, match=r"adapter\.safetensors"):
        load_adapter(path)


@pytest.mark.slow
def test_many_mapped_vectors_lie_in_a_file_and_are_the_same(tmp_path, monkeypatch):
    monkeypatch.setenv("TUNEWISE_CACHE", str(tmp_path / "cache"))
    generator = np.random.default_rng(4)
    adapter = Adapter(None, generator.normal(size=(64, 64)).astype(np.float32))
    few = unit(generator.normal(size=(32, 64)))
    mapped = adapter.documents(np.tile(few, (34_000, 1)))
    assert isinstance(mapped, np.memmap)
    np.testing.assert_allclose(mapped[-32:], adapter.documents(few), atol=1e-6)
    assert not list((tmp_path / "cache").iterdir())
