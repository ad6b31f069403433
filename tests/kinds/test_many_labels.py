"""Labels by the thousand, and labels with a single text."""

import csv

import numpy as np
import pytest

from tunewise.kinds import KINDS, Setting, Source, load, save
from tunewise.kinds.classification.heads import fit_head
from tunewise.measurement import measure_kind
from tunewise.testing import WordHashEncoder

KIND = KINDS["classification"]
THINGS = ("kettle", "ladder", "bicycle", "umbrella", "violin", "compass", "lantern", "anchor")


def written(folder, rows):
    path = folder / "texts.csv"
    with path.open("w", newline="", encoding="utf-8") as file:
        csv.writer(file).writerows([("text", "label"), *rows])
    return path


@pytest.fixture
def few(tmp_path, monkeypatch):
    """Two labels with many texts, and one with one."""
    monkeypatch.setenv("TUNEWISE_CACHE", str(tmp_path / "cache"))
    rows = [
        (f"{act} the {colour} {thing}", label)
        for act, label in (("mend", "repair"), ("sell", "sale"))
        for colour in ("red", "old", "tiny")
        for thing in THINGS
    ]
    return KIND.read(Source(str(written(tmp_path, [*rows, ("lend me a boat", "loan")]))))


def test_a_label_with_one_text_is_named_kept_and_learned(few):
    (told,) = [one for one in few.findings if one.code == "D069"]
    assert told.examples == ("'loan': 1 in train",)
    assert "loan" in few.names
    assert few.parts[few.labels == few.names.index("loan")].tolist() == ["train"]
    verdict = measure_kind(
        few, KIND, encoders=[WordHashEncoder()], contenders=["lexical", "neighbours", "linear"]
    )
    assert few.names[0] == "loan"
    for one in verdict.contenders:
        assert one.answer(["lend me a boat"]).shape == (1, 3)
    nearest = next(one for one in verdict.contenders if one.family == "neighbours")
    assert nearest.answer(["lend me a boat"]).argmax() == 0


def test_of_many_labels_words_alone_tell_those_that_have_a_word_of_their_own(tmp_path):
    rng = np.random.default_rng(0)
    said = [" ".join(f"word{n}" for n in rng.integers(0, 900, 6)) for _ in range(4 * 450)]
    rows = [(f"about{n // 4} {words}", f"label{n // 4}") for n, words in enumerate(said)]
    texts = KIND.read(Source(str(written(tmp_path, rows))))
    setting = Setting(texts.take("train"), texts.take("dev"), [], "accuracy", lambda *_: 0.0)
    [lexical] = KIND.table["lexical"].fit(setting, [])
    assert lexical.settings["head"] == "likeness"
    test = texts.take("test")
    answers = lexical.answer(test.texts)
    np.testing.assert_allclose(answers.sum(axis=1), 1, rtol=1e-4)
    assert (answers.argmax(axis=1) == test.labels).mean() > 0.98
    save(KIND, lexical, tmp_path / "model")
    found = load(KINDS, tmp_path / "model").contender
    np.testing.assert_array_equal(found.answer(test.texts), answers)


def test_heads_of_many_labels_are_those_that_scikit_learn_finds():
    from sklearn.linear_model import RidgeClassifier

    rng = np.random.default_rng(0)
    vectors = rng.normal(size=(900, 12))
    labels = rng.integers(0, 450, 900)
    labels[labels == 7] = 8  # one without a text
    head = fit_head(vectors, labels, vectors[:50], labels[:50], 450, seed=0)
    assert head.settings["head"] == "least squares"
    ridge = RidgeClassifier(alpha=head.settings["strength"]).fit(vectors, labels)
    known = np.unique(labels)
    np.testing.assert_allclose(head.weights[known], ridge.coef_, atol=1e-6)
    np.testing.assert_allclose(head.bias[known], ridge.intercept_, atol=1e-6)
    assert head.bias[7] == -1e4
