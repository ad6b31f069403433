"""Losses: the word fits the data, gradients are those of the plain loss, one step helps."""

from dataclasses import replace

import numpy as np
import pytest

from tunewise.errors import OptionError
from tunewise.training.losses import LOSSES, build_loss, choose_loss
from tunewise.training.recipe import Recipe

RANKING = [word for word, loss in LOSSES.items() if "pairs" in loss.shapes]
CACHED = [word for word in RANKING if word.startswith("cached")]
WORDS = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", "open", "close", "a", "the", "file", "door"]
COLUMNS = [
    ["open a file", "close the door", "the file", "a door", "open door"],
    ["the file open", "door", "file", "the door close a", "door open"],
    ["close", "a file", "open the door", "file file", "the a"],
    ["door the", "open", "close close", "a", "file door open"],
]
SCORES = [0.9, 0.1, 0.5, 0.7, 0.3]


def recipe(loss, **other):
    """A recipe whose cached losses cut the five rows in three."""
    given = {"margin": 0.5, "micro_batch": 2, **other}
    return Recipe("full", learning_rate=1e-4, epochs=1, loss=loss, **given)


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """A BERT of one small layer that reads eleven words."""
    import torch
    from tokenizers import Tokenizer, models, normalizers, pre_tokenizers, processors
    from transformers import BertConfig, BertModel, BertTokenizerFast

    home = tmp_path_factory.mktemp("bert")
    vocabulary = {word: number for number, word in enumerate(WORDS)}
    tokenizer = Tokenizer(models.WordPiece(vocabulary, unk_token="[UNK]"))
    tokenizer.normalizer = normalizers.BertNormalizer()
    tokenizer.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    tokenizer.post_processor = processors.BertProcessing(("[SEP]", 3), ("[CLS]", 2))
    tokenizer.save(str(home / "tokenizer.json"))
    config = BertConfig(
        vocab_size=len(WORDS),
        hidden_size=16,
        num_hidden_layers=1,
        num_attention_heads=2,
        intermediate_size=32,
        max_position_embeddings=16,
        hidden_dropout_prob=0.0,
        attention_probs_dropout_prob=0.0,
    )
    torch.manual_seed(0)
    BertModel(config).save_pretrained(home)
    BertTokenizerFast(
        tokenizer_file=str(home / "tokenizer.json"), model_max_length=16
    ).save_pretrained(home)
    return home


def model(folder):
    from sentence_transformers import SentenceTransformer
    from sentence_transformers.base.modules import Transformer
    from sentence_transformers.sentence_transformer.modules import Normalize, Pooling

    transformer = Transformer(str(folder))
    pooling = Pooling(transformer.get_embedding_dimension())
    return SentenceTransformer(modules=[transformer, pooling, Normalize()], device="cpu").train()


def inputs(encoder, columns):
    return [encoder.preprocess(column) for column in columns]


def gradients(folder, how, columns):
    """The loss and its gradient by every weight, one after the other in one vector.

    In double precision: what is left of a difference is then no rounding, which at gradients
    of 13 is itself above 1e-5 in single.
    """
    import torch

    encoder = model(folder).double()
    value = build_loss(encoder, how)(inputs(encoder, columns), torch.tensor(SCORES))
    value.backward()
    found = [weight.grad for weight in encoder.parameters() if weight.grad is not None]
    return value.item(), torch.cat([gradient.flatten() for gradient in found]).numpy()


@pytest.mark.slow
@pytest.mark.parametrize("dimensions", [(), (8, 4), (4, 16, 8)])
@pytest.mark.parametrize("columns", [2, 4])
@pytest.mark.parametrize("cached", CACHED)
def test_a_cached_loss_has_the_gradients_of_the_plain_one(folder, cached, columns, dimensions):
    how = recipe(cached, matryoshka=dimensions)
    plain = replace(how, loss=cached.removeprefix("cached-"))
    texts = COLUMNS[:columns]
    value, found = gradients(folder, how, texts)
    expected, gradient = gradients(folder, plain, texts)
    assert value == pytest.approx(expected, abs=1e-9)
    np.testing.assert_allclose(found, gradient, rtol=0, atol=1e-9)
    assert np.abs(gradient).max() > 1e-2


@pytest.mark.slow
@pytest.mark.parametrize("dimensions", [(), (8,)])
@pytest.mark.parametrize("word", list(LOSSES))
def test_a_step_down_its_gradient_lowers_the_loss(folder, word, dimensions):
    import torch

    encoder = model(folder)
    loss = build_loss(encoder, recipe(word, matryoshka=dimensions))
    columns = 4 if "triplets" in LOSSES[word].shapes else 2

    def value():
        return loss(inputs(encoder, COLUMNS[:columns]), torch.tensor(SCORES))

    optimizer = torch.optim.SGD(encoder.parameters(), lr=1e-3)
    before = value()
    before.backward()
    optimizer.step()
    with torch.no_grad():
        assert value().item() < before.item()


@pytest.mark.slow
def test_ranking_is_softmax_over_all_documents_of_the_batch(folder):
    import torch

    encoder = model(folder)
    value, _ = gradients(folder, recipe("ranking", temperature=0.1), COLUMNS)
    with torch.no_grad():
        vectors = [encoder(each)["sentence_embedding"] for each in inputs(encoder, COLUMNS)]
    logits = (vectors[0] @ torch.cat(vectors[1:]).T).numpy() / 0.1
    own = np.diag(logits[:, : len(SCORES)])
    expected = np.mean(np.log(np.exp(logits).sum(axis=1)) - own)
    assert value == pytest.approx(expected, abs=1e-4)


@pytest.mark.slow
def test_matryoshka_is_the_sum_over_its_dimensions_and_the_full_one(folder):
    import torch

    encoder = model(folder)
    value, _ = gradients(folder, recipe("ranking", matryoshka=(4, 8)), COLUMNS[:2])
    with torch.no_grad():
        vectors = [encoder(each)["sentence_embedding"] for each in inputs(encoder, COLUMNS[:2])]
    expected = 0.0
    for size in (4, 8, 16):
        cut = [torch.nn.functional.normalize(each[:, :size], dim=1) for each in vectors]
        logits = (cut[0] @ cut[1].T).numpy() / 0.05
        expected += np.mean(np.log(np.exp(logits).sum(axis=1)) - np.diag(logits))
    assert value == pytest.approx(expected, abs=1e-4)


@pytest.mark.slow
@pytest.mark.parametrize("word", ["triplet-cosine", "triplet-euclidean"])
def test_a_triplet_loss_is_the_mean_over_several_negatives(folder, word):
    how = recipe(word)
    both, _ = gradients(folder, how, COLUMNS)
    first, _ = gradients(folder, how, COLUMNS[:3])
    second, _ = gradients(folder, how, [*COLUMNS[:2], COLUMNS[3]])
    assert both == pytest.approx((first + second) / 2, abs=1e-6)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("wrong", "told"),
    [
        ({"matryoshka": (32,)}, "cannot train 32 dimensions: the model has 16"),
        ({"matryoshka": (8, 0)}, "cannot train 0 dimensions"),
        ({"matryoshka": (8, 4, 8)}, "8 dimensions twice"),
        ({"temperature": 0.0}, "temperature is 0"),
        ({"loss": "cached-ranking", "micro_batch": 0}, "micro-batch of 0"),
        ({"loss": "triplet-cosine", "margin": 0.0}, "margin is 0"),
        ({"loss": "best"}, "no loss 'best'"),
    ],
)
def test_what_no_loss_can_be_made_of_is_refused(folder, wrong, told):
    with pytest.raises(OptionError, match=told):
        build_loss(model(folder), replace(recipe("ranking"), **wrong))


@pytest.mark.slow
def test_a_cached_loss_for_a_static_model_is_refused_with_what_to_use(folder):
    from sentence_transformers import SentenceTransformer
    from sentence_transformers.sentence_transformer.modules import StaticEmbedding
    from tokenizers import Tokenizer

    table = StaticEmbedding(
        Tokenizer.from_file(str(folder / "tokenizer.json")),
        embedding_weights=np.eye(len(WORDS), dtype=np.float32),
    )
    static = SentenceTransformer(modules=[table], device="cpu")
    with pytest.raises(OptionError, match="Use 'symmetric-ranking'"):
        build_loss(static, recipe("cached-symmetric-ranking"))


@pytest.mark.parametrize(
    ("shape", "usual"),
    [
        ("pairs", "ranking"),
        ("triplets", "ranking"),
        ("scored pairs", "cosent"),
        ("labelled texts", "ranking"),
    ],
)
def test_each_shape_has_its_usual_loss_and_a_reason(shape, usual):
    choice = choose_loss(shape)
    assert choice.name == usual
    assert choice.reason.startswith(("pairs ", "scored pairs:", "labelled texts:"))


def test_a_loss_can_be_named():
    choice = choose_loss("triplets", "triplet-cosine")
    assert choice.name == "triplet-cosine"
    assert choice.reason.startswith("as asked: ")


@pytest.mark.parametrize(
    ("shape", "named", "told"),
    [
        ("pairs", "triplet-cosine", "is for triplets, but the data are pairs.*mine negatives"),
        ("pairs", "cosent", "Choose from ranking, cached-ranking"),
        ("scored pairs", "ranking", "Choose from cosent, cosine"),
        ("pairs", "best", "no loss 'best'. For pairs choose from ranking"),
    ],
)
def test_a_loss_that_does_not_fit_is_refused_with_those_that_do(shape, named, told):
    with pytest.raises(OptionError, match=told):
        choose_loss(shape, named)
