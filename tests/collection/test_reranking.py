"""A cross-encoder orders what was found anew; what is none is refused."""

import json
import shutil

import numpy as np
import pytest

from tunewise.collection import Collection
from tunewise.errors import EncoderError, OptionError
from tunewise.retrieval import load_reranker
from tunewise.testing import WordHashEncoder

pytestmark = pytest.mark.slow  # torch is loaded, and a small model taught

TEXTS = {
    "a": "the violin is mended by hand, a rumour",
    "b": "the violin is mended, says the official notice",
    "c": "a violin, official",
    "d": "nothing of the kind, official",
}


@pytest.fixture
def violins(tmp_path, chunk):
    from tunewise.collection import open_store

    made = Collection.create(open_store(str(tmp_path / "store")), "violins", WordHashEncoder())
    made.add([chunk(name, text) for name, text in TEXTS.items()])
    return made


def documents(hits):
    return [hit.chunk.document for hit in hits]


def test_the_best_are_ordered_by_the_cross_encoder_and_carry_its_scores(violins, cross_encoder):
    reranker = load_reranker(cross_encoder)
    plain = violins.search("the violin is mended by hand", k=4)
    assert documents(plain)[0] == "a"
    again = violins.search("the violin is mended by hand", k=4, rerank=reranker)
    assert documents(again)[-1] == "a"  # the only one that is not official
    texts = [hit.chunk.text for hit in again]
    alone = [float(reranker.scores("the violin is mended by hand", [text])[0]) for text in texts]
    assert [hit.score for hit in again] == pytest.approx(alone, abs=2e-6)
    assert alone == sorted(alone, reverse=True)


def test_only_the_top_is_read_and_pages_follow_one_another(violins, cross_encoder):
    reranker = load_reranker(cross_encoder)
    asked = {"rerank": reranker, "rerank_top": 2}
    first = documents(violins.search("the violin is mended by hand", k=2))
    top = documents(violins.search("the violin is mended by hand", k=2, **asked))
    assert top == first[::-1] == ["b", "a"]
    assert documents(violins.search("the violin is mended by hand", k=1, offset=1, **asked)) == [
        "a"
    ]
    with pytest.raises(OptionError, match=r"2 hits are reranked, and 3 are to be shown.*top=3"):
        violins.search("violin", k=3, **asked)


def test_equal_texts_have_equal_scores_in_their_order_however_many_and_long(cross_encoder):
    reranker = load_reranker(cross_encoder)
    texts = ["an official one", "gossip " * 5_000, "an official one", *map(str, range(70))]
    scores = reranker.scores("which?", texts)
    assert scores.shape == (73,)
    assert scores[0] == scores[2]
    order = [place for place, _ in reranker.order("which?", texts)]
    assert order.index(2) == order.index(0) + 1
    assert reranker.scores("which?", []).shape == (0,)
    cut = reranker.scores("which?", ["gossip " * 6_000])  # what is past the cut changes nothing
    assert cut[0] == pytest.approx(scores[1], abs=2e-6)


def test_what_is_no_cross_encoder_or_needs_pickles_is_refused(cross_encoder, word_model, tmp_path):
    with pytest.raises(EncoderError, match="is no cross-encoder: its architecture is BertModel"):
        load_reranker(word_model)
    two = shutil.copytree(cross_encoder, tmp_path / "two")
    settings = json.loads((two / "config.json").read_text())
    settings["id2label"], settings["label2id"] = {"0": "no", "1": "yes"}, {"no": 0, "yes": 1}
    (two / "config.json").write_text(json.dumps(settings))
    with pytest.raises(EncoderError, match=r"numbers a pair|cannot be loaded"):
        load_reranker(two)
    pickled = shutil.copytree(cross_encoder, tmp_path / "pickled")
    (pickled / "model.safetensors").rename(pickled / "pytorch_model.bin")
    with pytest.raises(EncoderError, match="only as a pickle"):
        load_reranker(pickled)


def test_a_score_that_is_no_number_is_an_error_and_not_a_rank(cross_encoder, tmp_path):
    from safetensors.numpy import load_file, save_file

    broken = shutil.copytree(cross_encoder, tmp_path / "broken")
    weights = load_file(broken / "model.safetensors")
    weights["classifier.weight"] = np.full_like(weights["classifier.weight"], np.nan)
    save_file(weights, broken / "model.safetensors", metadata={"format": "pt"})
    with pytest.raises(EncoderError, match="gave a score that is no finite number"):
        load_reranker(broken).scores("which?", ["one"])
