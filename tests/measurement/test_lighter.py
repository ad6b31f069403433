"""int8 is taken where it was quicker and the judged queries see no difference; it says so."""

import numpy as np
import pytest

import tunewise
from tunewise.data.split import divide
from tunewise.encoders import WordHashEncoder, load_encoder
from tunewise.encoders.engines.choosing import LIGHT, Choice, Trial, remember
from tunewise.encoders.engines.way import PLAIN, Way
from tunewise.measurement.lighter import lighter
from tunewise.testing import tiny_task

pytestmark = pytest.mark.usefixtures("module_cache")


def chosen(times, taken=PLAIN):
    own = Trial(taken, 100, 1.0 if taken == PLAIN else 2.0, 1, 1, 1)
    return Choice(taken, (own, Trial(LIGHT, 100 * times, times, 0.998, 0.999, 0.99)))


def test_int8_is_asked_for_only_where_it_is_quicker_by_a_fair_bit():
    assert chosen(1.1).lighter is None
    assert chosen(1.2).lighter.way == LIGHT
    assert chosen(2.2, taken=Way("openvino", "bf16")).lighter is None
    assert Choice(PLAIN, (Trial(PLAIN, 100, 1.0, 1, 1, 1),)).lighter is None


def test_an_encoder_without_engines_stays_as_it_is():
    training = divide(tiny_task()).training
    encoder = WordHashEncoder(16)
    assert lighter(encoder, training, "nDCG@10") is encoder


@pytest.fixture
def encoder(word_model):
    encoder = load_encoder(str(word_model), engine="torch")
    remember(encoder.root, encoder.model_stamp, chosen(3.0))
    return encoder


@pytest.mark.slow
def test_the_judged_queries_allow_it(encoder, word_model):
    verdict = tunewise.measure(
        tiny_task(), encoders=[str(word_model)], contenders=["lexical", "pretrained"]
    )
    assert verdict.settings["engines"] == ["openvino:int8"]
    [pretrained] = [one for one in verdict.contenders if one.name == "pretrained"]
    assert pretrained.encoder.way == LIGHT
    assert "nDCG@10 on dev" in pretrained.encoder.why
    named = tunewise.measure(
        tiny_task(),
        encoders=[str(word_model)],
        engine="torch",
        contenders=["lexical", "pretrained"],
    )
    assert named.settings["engines"] == ["torch:fp32"]


@pytest.mark.slow
def test_the_judged_queries_forbid_it(encoder, monkeypatch):
    monkeypatch.setattr("tunewise.measurement.lighter._COSTS", -1.0)
    training = divide(tiny_task()).training
    found = lighter(encoder, training, "nDCG@10")
    assert found.way == PLAIN
    assert "not with openvino int8" in found.why
    assert "nDCG@10 on dev" in found.why


@pytest.mark.slow
def test_int8_that_loses_on_dev_is_left(encoder, monkeypatch):
    """As if int8 gave noise; a loss too large is refused, a gain is not."""
    training = divide(tiny_task()).training
    plain = type(encoder).encode_documents

    def noisy(self, texts, **options):
        vectors = plain(self, texts, **options)
        return np.roll(vectors, 7, axis=0) if self.way == broken else vectors

    monkeypatch.setattr(type(encoder), "encode_documents", noisy)
    broken = LIGHT
    found = lighter(encoder, training, "nDCG@10")
    assert found.way == PLAIN
    assert "nDCG@10 on dev -" in found.why
    broken = PLAIN
    assert lighter(encoder, training, "nDCG@10").way == LIGHT


@pytest.mark.slow
def test_few_groups_allow_nothing(encoder, monkeypatch):
    monkeypatch.setattr("tunewise.measurement.lighter.FEWEST", 10_000)
    assert lighter(encoder, divide(tiny_task()).training, "nDCG@10") is encoder


@pytest.mark.slow
def test_a_way_that_was_named_is_not_held_against_another(encoder):
    named = encoder.in_way(Way("torch", "bf16"))
    assert lighter(named, divide(tiny_task()).training, "nDCG@10") is named
