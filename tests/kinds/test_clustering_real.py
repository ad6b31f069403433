"""Groups by encoders with weights: what is tuned, what is kept, and the real one on real texts."""

import os
import re
from pathlib import Path

import numpy as np
import pytest

from tunewise.data.labelled import LabelledTexts
from tunewise.encoders import load_encoder
from tunewise.kinds import KINDS, Source, load, save
from tunewise.measurement.of_kind import measure_kind
from tunewise.testing import tiny_task

pytestmark = pytest.mark.slow

KIND = KINDS["clustering"]
REAL = Path(os.environ.get("TUNEWISE_DATA", Path(__file__).parents[2].parent / "shared" / "data"))
BANKING = REAL / "banking77"


@pytest.fixture(autouse=True)
def own_cache(tmp_path, monkeypatch):
    monkeypatch.setenv("TUNEWISE_CACHE", str(tmp_path / "cache"))


def made(labels=4, each=40):
    """Two words of a label among three of none, all of those the small encoder knows."""
    every = " ".join([*tiny_task().documents.texts, *tiny_task().queries.texts]).lower()
    rng = np.random.default_rng(0)
    words = rng.permutation(sorted(set(re.findall(r"[a-z]+", every))))
    texts, own = [], []
    for label in range(labels):
        for _ in range(each):
            topic, rest = words[4 * label : 4 * label + 4], words[4 * labels :]
            texts.append(" ".join(rng.permutation([*rng.choice(topic, 2), *rng.choice(rest, 3)])))
            own.append(label)
    parts = np.array([("train", "train", "dev", "test")[n % 4] for n in range(len(texts))])
    names = [f"topic {label}" for label in range(labels)]
    return LabelledTexts(
        texts, np.array(own), names, parts, np.arange(len(texts)),
        read_with={"options": {"groups": str(labels)}},
    )  # fmt: skip


def test_every_contender_groups_alike_after_loading(word_model, tmp_path):
    examples = made()
    found = measure_kind(examples, KIND, encoders=[load_encoder(word_model)])
    assert [one.name for one in found.contenders] == [*KIND.table]
    texts = examples.texts[::5]
    for one in found.contenders:
        save(KIND, one, tmp_path / one.name)
        loaded = load(KINDS, tmp_path / one.name)
        assert loaded.contender.answer(texts).tolist() == one.answer(texts).tolist()
        assert (loaded.contender.tuned, loaded.contender.rung) == (one.tuned, one.rung)
    tuned = found.contenders[-1]
    level = {one.name: one.scores.mean("V-measure") for one in found.standings}
    assert tuned.same_as is None
    assert level["tuned"] > level["kmeans"]


@pytest.mark.skipif(not BANKING.is_dir(), reason=f"banking77 is not in {BANKING}")
def test_intents_are_found_by_what_they_mean(tmp_path):
    read = KIND.read(Source(str(BANKING), options={"groups": "20"}))
    some = read.among(np.flatnonzero(read.labels < 20)[::4])
    found = measure_kind(
        some, KIND, encoders=[load_encoder(engine="torch")], contenders=["lexical", "kmeans"]
    )
    level = {one.name: one.scores.mean("V-measure") for one in found.standings}
    assert level["kmeans"] > level["lexical"] + 0.05
    assert level["kmeans"] > 0.6
    named = " ".join(found.contenders[1].settings["names"])
    assert "card" in named
