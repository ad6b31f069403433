"""What is served is what was evaluated: winners from their folders, many over one base."""

import shutil

import httpx
import numpy as np
import pytest
from running import running
from safetensors.numpy import load_file, save_file

import tunewise
from tunewise.cli import main
from tunewise.contenders import load_contender, save_contender
from tunewise.errors import EncoderError, OptionError
from tunewise.report import save_verdict
from tunewise.serving.gate import passed, refusal
from tunewise.serving.models import load_models
from tunewise.testing import tiny_task

pytestmark = pytest.mark.slow  # what is served was measured first

WORDS = ["mend a kettle", "fix my old kettle", "store a violin"]


@pytest.fixture(scope="module")
def hashed(home, no_curve):
    """Folders of winners over word-hash: adapter, hybrid over it, lexical."""
    verdict = tunewise.measure(tiny_task(), encoders=["word-hash"])
    save_verdict(verdict, home / "won")
    for contender in verdict.contenders:
        save_contender(contender, home / "all" / contender.name)
    return home


@pytest.fixture(scope="module")
def trained(home, word_model, no_curve):
    """Folders of what was tuned over a model with files, by the names of their contenders."""
    verdict = tunewise.measure(
        tiny_task(),
        encoders=[str(word_model)],
        engine="torch",
        contenders=["lexical", "pretrained", "adapter", "full"],
    )
    for contender in verdict.contenders:
        save_contender(contender, home / "deep" / contender.name)
    return home / "deep"


def served(model, side):
    encoder = model.encoder
    encode = encoder.encode_queries if side == "queries" else encoder.encode_documents
    return model.finish(encode(WORDS), side)


def test_the_winner_in_a_folder_gives_the_vectors_it_was_measured_with(hashed):
    names = [path.name for path in (hashed / "all").iterdir() if path.name != "lexical"]
    assert {"adapter-both", "adapter-query", "hybrid", "pretrained"} <= set(names)
    models = load_models([str(hashed / "all" / name) for name in names])
    for name in names:
        contender = load_contender(hashed / "all" / name, tiny_task().documents)
        for side in ("queries", "documents"):
            assert np.allclose(served(models[name], side), contender.encode(WORDS, side), atol=1e-6)


def test_many_winners_over_one_base_share_it(hashed):
    folder = hashed / "all"
    models = load_models([f"a={folder / 'adapter-both'}", f"b={folder / 'adapter-query'}",
                          "word-hash"])  # fmt: skip
    assert list(models) == ["a", "b", "word-hash"]
    assert len({id(each.encoder) for each in models.values()}) == 1
    assert not np.allclose(served(models["a"], "queries"), served(models["b"], "queries"))


def test_the_folder_that_measure_wrote_is_served_under_its_own_name(hashed):
    [name] = load_models([str(hashed / "won")])
    assert name == "won"


def test_a_winner_without_vectors_is_refused_with_what_to_do(hashed):
    with pytest.raises(OptionError, match="no vectors of its own to serve"):
        load_models([str(hashed / "all" / "lexical")])


def test_a_name_given_twice_and_a_model_there_is_not_are_mistakes(hashed, capsys):
    with pytest.raises(OptionError, match="Two models are called 'word-hash'"):
        load_models(["word-hash", "word-hash"])
    assert main(["serve", "no/such/folder", "--port", "0"]) == 2
    assert "no/such/folder" in capsys.readouterr().err


def test_a_base_that_has_changed_since_is_refused(hashed, tmp_path):
    shutil.copytree(hashed / "all" / "adapter-both", tmp_path / "old")
    file = tmp_path / "old" / "tunewise.json"
    stamp = load_models(["word-hash"])["word-hash"].encoder.stamp
    file.write_text(file.read_text().replace(stamp, "0" * 16))
    with pytest.raises(EncoderError, match="has changed since it was measured"):
        load_models([str(tmp_path / "old")])


def test_every_tuned_model_passes_the_gate_and_is_served_as_it_was_measured(trained):
    names = sorted(path.name for path in trained.iterdir() if path.name != "lexical")
    assert {"adapter-both", "full", "pretrained"} <= set(names)
    models = load_models([str(trained / name) for name in names])
    offer = passed(models)
    assert (list(offer.models), offer.refused) == (names, {})
    shared = {id(models[name].encoder) for name in names if name != "full"}
    assert len(shared) == 1
    for name in names:
        contender = load_contender(trained / name, tiny_task().documents)
        for side in ("queries", "documents"):
            expected = contender.encode(WORDS, side)
            assert (served(models[name], side) * expected).sum(axis=1).min() > 0.9999


def test_a_model_whose_served_vectors_are_others_is_not_served_and_told_why(trained, tmp_path):
    shutil.copytree(trained / "adapter-both", tmp_path / "spoilt")
    maps = load_file(tmp_path / "spoilt" / "adapter.safetensors")
    turned = {side: np.ascontiguousarray(each[::-1]) for side, each in maps.items()}
    save_file(turned, tmp_path / "spoilt" / "adapter.safetensors")
    models = load_models([str(tmp_path / "spoilt"), str(trained / "adapter-both")])
    assert "cosine" in refusal(models["spoilt"])
    offer = passed(models)
    assert list(offer.models) == ["adapter-both"]
    with running(*offer.models.values()) as url:
        asked = {"model": "spoilt", "input": "x"}
        assert httpx.post(f"{url}/v1/embeddings", json=asked).status_code == 404
    assert main(["serve", str(tmp_path / "spoilt"), "--port", "0"]) == 2


def test_tokens_are_taken_where_they_are_the_models_own(trained):
    model = load_models([str(trained / "pretrained")])["pretrained"]
    tokens = model.tokenizer.encode("mend a kettle").ids  # [CLS] and [SEP] too
    with running(model) as url:

        def ask(given):
            asked = {"model": "pretrained", "input": given, "encoding_format": "float"}
            return httpx.post(f"{url}/v1/embeddings", json=asked)

        expected = served(model, "documents")[0]
        for given in (tokens, tokens[1:-1], [tokens], ["mend a kettle"]):
            answer = ask(given).json()
            assert np.allclose(answer["data"][0]["embedding"], expected, atol=1e-5)
            assert answer["usage"]["prompt_tokens"] == len(tokens)
        both = ask([tokens[1:-1], tokens[1:2]]).json()
        assert len(both["data"]) == 2
        foreign = ask([100_257, 5])
        assert (foreign.status_code, foreign.json()["error"]["code"]) == (400, "foreign_tokens")
        assert ask(["mend " * 500]).headers["tunewise-cut"] == "1"
        assert "tunewise-cut" not in ask("mend").headers
