"""A verdict computed by another engine: said, reproducible, and loaded again in the same way."""

import pytest

import tunewise
from tunewise.contenders import load_contender
from tunewise.errors import OptionError
from tunewise.report import facts, to_text
from tunewise.testing import tiny_task

pytestmark = pytest.mark.usefixtures("module_cache")

ENGINE = "torch:bf16"


@pytest.fixture(scope="module")
def verdict(word_model):
    return tunewise.measure(
        tiny_task(),
        encoders=[str(word_model)],
        engine=ENGINE,
        contenders=["lexical", "pretrained", "full"],
    )


@pytest.mark.slow
def test_the_engine_is_told_and_named_in_the_command_that_repeats_it(verdict):
    found = facts(verdict)
    assert found["settings"]["engines"] == [ENGINE]
    assert f"--engine {ENGINE}" in found["reproduce"]


@pytest.mark.slow
def test_every_kept_contender_is_loaded_in_the_way_it_was_measured(verdict, tmp_path):
    task = tiny_task()
    for contender in verdict.contenders:
        tunewise.contenders.save_contender(contender, tmp_path / contender.name)
        again = load_contender(tmp_path / contender.name, task.documents)
        expected = contender.rank(task.queries)
        assert again.rank(task.queries).documents.tolist() == expected.documents.tolist()
        if contender.encoder is not None:
            assert again.encoder.way == contender.encoder.way
            assert again.encoder.stamp == contender.encoder.stamp
        if contender.family == "full":
            alone = tunewise.load_encoder(tmp_path / contender.name)
            assert alone.way.word == ENGINE


@pytest.mark.slow
def test_why_an_encoder_computes_as_it_does_is_told(verdict, word_model):
    assert "Engine  encoding with torch bf16" in to_text(facts(verdict))
    int8 = tunewise.load_encoder(str(word_model), engine="openvino:int8")
    assert "what int8 costs was not looked at" in int8.why
    assert tunewise.load_encoder(str(word_model), engine="torch").why == ""


def test_an_engine_without_a_model_on_this_machine_is_refused():
    with pytest.raises(OptionError, match="none of the encoders is one"):
        tunewise.measure(tiny_task(), encoders=["word-hash"], engine="onnx")
