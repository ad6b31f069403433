"""Partial, lora and full: never delivered if dev prefers the base; what is saved is what ranked."""

from dataclasses import replace

import numpy as np
import pytest

import tunewise
from tunewise.contenders import TABLE, Setting, dev_mean, load_contender, save_contender
from tunewise.contenders import pretrained as plain
from tunewise.data.split import divide
from tunewise.encoders import load_encoder
from tunewise.task import Part
from tunewise.testing import WordHashEncoder, tiny_task

pytestmark = [pytest.mark.slow, pytest.mark.usefixtures("module_cache")]

RUNGS = ("partial", "lora", "full")


@pytest.fixture(scope="module")
def setting():
    return Setting(divide(tiny_task()).training, [load_encoder()], "nDCG@10")


@pytest.fixture(scope="module")
def base(setting):
    [found] = plain.fit(setting, [])
    return found


@pytest.fixture(scope="module", params=RUNGS)
def tuned(request, setting, base):
    [found] = TABLE[request.param].fit(setting, [base])
    return found


def test_a_rung_learns_and_asks_for_new_vectors(tuned, setting, base):
    dev = setting.training.dev
    assert tuned.tuned and tuned.reembed and tuned.rung == tuned.family == tuned.name
    assert dev_mean(tuned.dev, dev, setting.metric, 1.0) > dev_mean(
        base.dev, dev, setting.metric, 1.0
    )
    assert tuned.encoder.stamp != base.encoder.stamp
    assert tuned.settings["recipe"]["rung"] == tuned.rung


def test_the_saved_folder_gives_the_measured_vectors_to_plain_sentence_transformers(
    tuned, tmp_path
):
    from sentence_transformers import SentenceTransformer

    save_contender(tuned, tmp_path / "model")
    model = SentenceTransformer(str(tmp_path / "model"), device="cpu")
    texts = ["mend a kettle", "", "sell my old ladder " * 80]
    given = model.encode(texts, normalize_embeddings=True)
    assert np.abs(given - tuned.encoder.encode_documents(texts)).max() < 1e-5
    suffixes = {path.suffix for path in (tmp_path / "model").rglob("*") if path.is_file()}
    assert not suffixes & {".bin", ".pt", ".pth", ".pkl"}


def test_a_loaded_rung_ranks_as_it_did(tuned, setting, tmp_path):
    save_contender(tuned, tmp_path / "model")
    loaded = load_contender(tmp_path / "model", setting.training.documents)
    asked = setting.training.dev.queries
    first, second = tuned.rank(asked), loaded.rank(asked)
    assert np.array_equal(first.documents, second.documents)
    assert loaded.family == tuned.family


def test_a_second_fit_finds_the_first_ones_weights(tuned, setting, base):
    [again] = TABLE[tuned.family].fit(setting, [base])
    assert again.encoder.stamp == tuned.encoder.stamp
    assert again.settings == tuned.settings


@pytest.mark.parametrize("rung", RUNGS)
def test_a_rung_that_learned_from_wrong_pairs_is_never_worse_than_its_base_on_dev(
    rung, setting, base
):
    train = setting.training.train
    wrong = {query: {f"d{(int(query[1:]) * 37 + 11) % 128}": 1.0} for query in train.queries.ids}
    misled = replace(
        setting,
        training=replace(setting.training, train=Part(train.queries, wrong, train.groups)),
    )
    [found] = TABLE[rung].fit(misled, [base])
    dev = setting.training.dev
    assert dev_mean(found.dev, dev, "nDCG@10", 1.0) >= dev_mean(base.dev, dev, "nDCG@10", 1.0)


def test_measure_climbs_and_says_what_it_passed_over():
    found = tunewise.measure(tiny_task())
    assert {"partial", "full"} <= {contender.rung for contender in found.contenders}
    assert "partial-hybrid" in {contender.name for contender in found.contenders}
    [lora] = [skip for skip in found.skipped if skip.name == "lora"]
    assert "full tuning was in reach" in lora.why


def test_a_budget_that_is_too_short_for_a_rung_is_said_to_be():
    found = tunewise.measure(tiny_task(), budget=0.5)
    told = {skip.name: skip.why for skip in found.skipped}
    assert "budget" in told["full"]


def test_a_rung_that_is_named_is_tried_whatever_speaks_against_it():
    found = tunewise.measure(tiny_task(), contenders=["pretrained", "lora"])
    assert {contender.name for contender in found.contenders} == {"pretrained", "lora"}


def test_vectors_without_weights_can_only_be_adapted_and_it_says_so():
    found = tunewise.measure(tiny_task(), encoders=[WordHashEncoder()])
    told = {skip.name: skip.why for skip in found.skipped}
    assert all("not on this machine" in told[rung] for rung in RUNGS)
