"""Layers: the lower ones frozen and run once give the plain model's gradients, or a refusal."""

import threading

import numpy as np
import pytest
import torch
from tiny_models import a_lesson, a_recipe, an_exam, encoder_of, make_model, texts

from tunewise.errors import EncoderError, OptionError
from tunewise.training.lanes import Given, Lanes
from tunewise.training.layers import Cut, layers_of, trained, without_dropout
from tunewise.training.losses import build_loss
from tunewise.training.reading import Reader
from tunewise.training.tuning import tune_encoder

pytestmark = pytest.mark.slow  # importing torch alone takes seconds

KINDS = ("bert", "distilbert", "mpnet", "roberta", "modernbert", "qwen3")
NO_PROMPTS = {"queries": "", "documents": ""}


def learned(model, lesson, spill=None, frozen=2, lanes=2):
    """The loss and the gradients of the layers above, with states or (no spill) without."""
    without_dropout(model)
    cut = Cut(model, layers_of(model, "it"), frozen)
    reader = Reader(model, NO_PROMPTS)
    columns = [reader.read(t, s) for t, s in zip(lesson.columns, lesson.sides, strict=True)]
    work = Lanes(model, reader, half=False, lanes=lanes)
    if spill is not None:
        work.states(cut.states, model.transformers_model.config.hidden_size, spill)
        cut.engage()
    loss = build_loss(Given(model.get_embedding_dimension()), a_recipe("full", temperature=0.5))
    value = work.learn(columns, loss, None)
    return float(value), {n: p.grad for n, p in trained(model).items() if p.grad is not None}, cut


def furthest(found, expected):
    assert found.keys() == expected.keys()
    return max(float((found[name] - expected[name]).abs().max()) for name in expected)


@pytest.fixture(scope="module")
def encoders(tmp_path_factory):
    made = {}

    def of(kind):
        if kind not in made:
            home = tmp_path_factory.mktemp(kind)
            side = "left" if kind == "qwen3" else "right"
            pooling = "lasttoken" if kind == "qwen3" else "mean"
            made[kind] = encoder_of(make_model(home, kind, side=side, pooling=pooling))
        return made[kind]

    return of


@pytest.mark.parametrize("kind", KINDS)
def test_gradients_from_states_are_those_of_the_model_with_its_lower_layers_frozen(
    encoders, kind, tmp_path
):
    lesson = a_lesson(8, columns=3)
    value, expected, _ = learned(encoders(kind).copy(), lesson)
    found, gradients, _ = learned(encoders(kind).copy(), lesson, tmp_path / "states")
    assert found == pytest.approx(value, abs=1e-5)
    assert furthest(gradients, expected) < 1e-5
    assert max(float(one.abs().max()) for one in gradients.values()) > 1e-3


@pytest.mark.parametrize("kind", KINDS)
def test_released_layers_give_the_vectors_of_before_to_the_bit(encoders, kind, tmp_path):
    model = encoders(kind).copy()
    some = texts(6)[1]
    before = model.encode(some)
    _, _, cut = learned(model, a_lesson(6), tmp_path / "states")
    cut.release()
    np.testing.assert_array_equal(model.encode(some), before)


def test_states_in_a_file_are_those_in_memory_and_the_file_vanishes(bert, tmp_path, monkeypatch):
    lesson = a_lesson(8)
    value, expected, _ = learned(bert.copy(), lesson, tmp_path / "states")
    monkeypatch.setattr("tunewise.training.lanes._IN_MEMORY", 100)
    found, gradients, _ = learned(bert.copy(), lesson, tmp_path / "states")
    assert found == value
    assert furthest(gradients, expected) == 0
    assert not (tmp_path / "states").exists()


def test_only_the_layers_above_and_what_follows_the_transformer_are_trained(tmp_path):
    model = encoder_of(make_model(tmp_path, dense=True)).copy()
    Cut(model, layers_of(model, "it"), 3)
    names = trained(model)
    assert any(name.startswith("2.") for name in names)
    assert all(".layer.3." in name or name.startswith("2.") for name in names)


@pytest.mark.parametrize("kind", ["bert", "modernbert"])
def test_nothing_is_dropped_whatever_mode_a_trainer_asks_for(encoders, kind):
    model = encoders(kind).copy()
    inputs = model.preprocess(texts(4)[1])
    plain = model(dict(inputs))["sentence_embedding"]
    without_dropout(model)
    model.train()
    torch.nn.parallel.DataParallel(model).train()
    np.testing.assert_array_equal(
        model(dict(inputs))["sentence_embedding"].detach(), plain.detach()
    )


@pytest.mark.parametrize("kind", [*KINDS[1:]])
def test_every_rung_tunes_other_architectures(encoders, kind, tmp_path):
    for rung in ("partial", "lora", "full"):
        recipe = a_recipe(rung, learning_rate=5e-3)
        tuned = tune_encoder(encoders(kind), a_lesson(), recipe, an_exam(), tmp_path / rung)
        assert tuned.looks[-1].score != tuned.looks[0].score


def test_a_model_whose_lower_layers_hand_on_more_than_states_is_refused_for_partial(
    encoders, tmp_path
):
    """T5's first layer makes the position bias of all others."""
    with pytest.raises(EncoderError, match=r"lower layers cannot be frozen.*--rung lora or full"):
        tune_encoder(encoders("t5"), a_lesson(), a_recipe("partial"), an_exam(), tmp_path / "run")


class Listening:
    """An encoder whose last layer adds what it heard from the first one."""

    def __init__(self, encoder):
        self.name, self.stamp, self.prompt, self._encoder = "it", "1", encoder.prompt, encoder

    def copy(self):
        model, heard = self._encoder.copy(), threading.local()
        layers = layers_of(model, "it")
        layers[0].register_forward_hook(lambda _m, _i, out: setattr(heard, "out", out))
        layers[3].register_forward_hook(lambda _m, _i, out: out + heard.out)
        return model


def test_a_model_whose_vectors_would_be_wrong_is_refused_for_partial(bert, tmp_path):
    with pytest.raises(EncoderError, match="its vectors come out different"):
        tune_encoder(Listening(bert), a_lesson(), a_recipe("partial"), an_exam(), tmp_path / "run")


def test_a_number_of_layers_that_cannot_be_frozen_is_refused(bert, tmp_path):
    for frozen in (0, 4, -1):
        recipe = a_recipe("partial", frozen_layers=frozen)
        with pytest.raises(OptionError, match="Freeze 1 to 3"):
            tune_encoder(bert, a_lesson(), recipe, an_exam(), tmp_path / "run")


def test_a_model_that_reads_queries_with_another_transformer_is_refused(bert):
    from sentence_transformers import SentenceTransformer
    from sentence_transformers.base.modules import Router

    one, other = bert.copy(), bert.copy()
    routes = {"query": list(one), "document": list(other)}
    both = SentenceTransformer(modules=[Router(routes, default_route="document")], device="cpu")
    with pytest.raises(EncoderError, match="no stack of transformer layers"):
        layers_of(both, "both")
