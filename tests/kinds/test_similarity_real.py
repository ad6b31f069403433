"""Similarity with real encoders: published figures are met, and tuning gives back what it saved."""

import os
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from likeness_data import made

from tunewise.encoders import load_encoder
from tunewise.kinds import KINDS, Setting, Source, load, save
from tunewise.kinds.similarity.answers import asked, cosines
from tunewise.kinds.similarity.metrics import score
from tunewise.measurement.of_kind import measure_kind
from tunewise.testing import WordHashEncoder

pytestmark = pytest.mark.slow

KIND = KINDS["similarity"]
REAL = Path(os.environ.get("TUNEWISE_DATA", Path(__file__).parents[2].parent / "shared" / "data"))
STSB = REAL / "stsb"


@pytest.fixture(autouse=True)
def own_cache(tmp_path, monkeypatch):
    monkeypatch.setenv("TUNEWISE_CACHE", str(tmp_path / "cache"))


@pytest.mark.skipif(not STSB.is_dir(), reason=f"the STS benchmark is not in {STSB}")
def test_the_default_encoder_reaches_its_published_figure_on_the_sts_benchmark():
    examples = KIND.read(Source(str(STSB)))
    few = examples.among(
        np.concatenate([np.flatnonzero(examples.parts == part)[:most]
                        for part, most in (("train", 100), ("dev", 100), ("test", None))])
    )  # fmt: skip
    words = ["lexical", "cosine", "hybrid"]
    verdict = measure_kind(few, KIND, contenders=words, engine="torch")
    scores = {s.name: s.scores.mean("Spearman") for s in verdict.standings}
    assert scores["cosine"] == pytest.approx(0.8203, abs=0.002)  # its model card, STS benchmark
    assert scores["hybrid"] > scores["lexical"]
    assert verdict.settings["metric"] == "Spearman"


def test_a_gain_that_is_there_is_found(no_curve):
    verdict = measure_kind(
        made(400, marked=True), KIND, encoders=[WordHashEncoder()], contenders=["cosine", "adapter"]
    )
    assert verdict.settings["metric"] == "average precision"
    assert (verdict.answer, verdict.contender.name) == ("tune", "adapter")


@pytest.mark.parametrize("perfect", [False, True])
def test_a_tuned_encoder_answers_alike_after_loading_or_is_the_cosine(
    word_model, tmp_path, perfect
):
    examples = made(320)
    train, dev, test = (examples.take(part) for part in ("train", "dev", "test"))
    encoder = load_encoder(word_model)
    if perfect:  # dev says what the base says already: nothing can be better
        own = cosines(encoder.encode_documents(dev.texts))
        dev = replace(dev, scores=(own - own.min()) / np.ptp(own))

    def level(answers, part):
        return score(answers, part, ["Spearman"]).mean("Spearman")

    setting = Setting(train, dev, [encoder], "Spearman", level)
    [base] = KIND.table["cosine"].fit(setting, [])
    [tuned] = KIND.table["tuned"].fit(setting, [base])
    save(KIND, tuned, tmp_path / "kept")
    loaded = load(KINDS, tmp_path / "kept").contender
    one, other, plain = (c.answer(asked(test)) for c in (tuned, loaded, base))
    np.testing.assert_array_equal(one.likeness, other.likeness)
    assert one.threshold == other.threshold
    if perfect:
        assert tuned.same_as == "cosine"
        np.testing.assert_array_equal(one.likeness, plain.likeness)
    else:
        assert level(one, test) > level(plain, test)
        assert loaded.tuned and loaded.reembed and tuned.settings["blend"] > 0


def test_all_contenders_are_held_against_each_other(word_model):
    verdict = measure_kind(made(240), KIND, encoders=[str(word_model)])
    assert [one.family for one in verdict.contenders] == list(KIND.table)
    assert not verdict.skipped
    assert set(verdict.shown.answers) == {one.name for one in verdict.contenders}
    assert [one.plain for one in verdict.contenders].count(True) == 1
    assert verdict.sentence
