"""Labelled texts: measured, saved, asked."""

import csv
import io
import json
from contextlib import redirect_stdout
from pathlib import Path

import jsonschema
import numpy as np
import pytest

import tunewise
from tunewise.cli import main
from tunewise.data.labelled import LabelledTexts
from tunewise.encoders import load_encoder
from tunewise.errors import DataError, OptionError
from tunewise.kinds import KINDS, Source, load, save
from tunewise.kinds.classification.metrics import macro_f1, score
from tunewise.kinds.kind import Setting
from tunewise.measurement import measure_kind
from tunewise.report.of_kind import kind_facts
from tunewise.report.text_of_kind import kind_text
from tunewise.testing import WordHashEncoder

KIND = KINDS["classification"]
SCHEMA = Path(__file__).parents[2] / "docs" / "kind.schema.json"
QUICK = [word for word in KIND.table if word not in KIND.deep]
THINGS = ("kettle", "ladder", "bicycle", "umbrella", "violin", "compass", "lantern", "anchor")
ACTS = {"repair": ("mend", "fix", "patch"), "sale": ("sell", "price", "offer"),
        "loan": ("borrow", "lend", "return"), "transport": ("carry", "haul", "ship")}  # fmt: skip
PLACES = ("at home", "in town", "by the sea", "for a friend", "next week", "before noon")


def rows(names=tuple(ACTS)):
    return [
        (f"please {act} my {thing} {place}", name)
        for name in names
        for act in ACTS[name]
        for thing in THINGS
        for place in PLACES
    ]


def written(folder, table, name="intents.csv"):
    path = folder / name
    with path.open("w", newline="", encoding="utf-8") as file:
        csv.writer(file).writerows([("text", "label"), *table])
    return path


@pytest.fixture(scope="module")
def examples(tmp_path_factory):
    return KIND.read(Source(str(written(tmp_path_factory.mktemp("intents"), rows()))))


def measured(examples, **options):
    options = {"contenders": QUICK, "encoders": [WordHashEncoder()], **options}
    return measure_kind(examples, KIND, **options)


@pytest.fixture(scope="module")
def verdict(examples, module_cache):
    return measured(examples)


@pytest.mark.slow
def test_every_contender_is_measured_and_knowing_nothing_is_worth_a_quarter(verdict):
    assert {one.family for one in verdict.contenders} == set(QUICK)
    level = {s.name: s.scores.mean("accuracy") for s in verdict.standings}
    assert level["majority"] == pytest.approx(0.25, abs=0.06)
    assert level["lexical"] > 0.95
    assert level["linear"] > 0.6


@pytest.mark.slow
def test_the_plain_contender_is_the_head_on_frozen_vectors(verdict):
    assert [s.name for s in verdict.standings if s.plain] == ["linear"]


@pytest.mark.slow
@pytest.mark.parametrize("word", QUICK)
def test_what_is_saved_answers_alike(word, verdict, tmp_path):
    asked = ["please mend my kettle", "haul it by the sea", ""]
    one = next(c for c in verdict.contenders if c.family == word)
    save(KIND, one, tmp_path / "model", {"names": list(ACTS)})
    found = load(KINDS, tmp_path / "model")
    np.testing.assert_array_equal(found.contender.answer(asked), one.answer(asked))
    assert found.about == {"names": list(ACTS)}
    assert not [path for path in (tmp_path / "model").iterdir() if "pkl" in path.suffix]


@pytest.mark.slow
def test_answers_are_probabilities(verdict):
    for name, answers in verdict.shown.answers.items():
        np.testing.assert_allclose(answers.sum(axis=1), 1, rtol=1e-6, err_msg=name)
        assert answers.min() >= 0, name


def test_words_and_vectors_together_are_as_sure_as_they_are_right(tmp_path):
    rng = np.random.default_rng(0)
    table = [(text, name if rng.random() < 0.8 else "loan") for text, name in rows()]
    texts = KIND.read(Source(str(written(tmp_path, table))))
    train, dev, test = (texts.take(part) for part in ("train", "dev", "test"))
    setting = Setting(train, dev, [WordHashEncoder()], "accuracy", lambda *_: 0.0)
    fitted = [one for word in ("lexical", "linear") for one in KIND.table[word].fit(setting, [])]
    [found] = KIND.table["hybrid"].fit(setting, fitted)
    calibration = score(found.answer(test.texts), test, ["calibration error"])
    assert calibration.mean("calibration error") < 0.05
    apart = [score(one.answer(dev.texts), dev, ["log loss"]).mean("log loss")
             for one in (found, *fitted)]  # fmt: skip
    assert apart[0] <= max(apart[1:])


@pytest.mark.slow
def test_a_gain_that_is_foreseen_is_over_what_as_many_labels_taught_the_untuned_one(tmp_path):
    # each label has thirty words of its own: who saw an eighth of the texts knows few of them
    table = [(f"{place} q{name[0]}{n}", name) for name in ACTS for n in range(30)
             for place in PLACES[:5]]  # fmt: skip
    examples = KIND.read(Source(str(written(tmp_path, table))))
    found = measured(examples, contenders=["majority", "linear", "adapter"])
    assert found.decision.best_untuned == "linear"
    *fewer, (most, _) = found.forecast.curve
    assert len(fewer) == 6
    assert all(abs(gain) < 0.05 for n, gain in fewer if n < most)


@pytest.mark.parametrize("family", [word for word in QUICK if not word.startswith("adapter")])
def test_every_untuned_contender_can_learn_from_a_part_that_lacks_a_label(examples, family):
    train, dev, test = (examples.take(part) for part in ("train", "dev", "test"))
    some = KIND.take(train, np.flatnonzero(train.labels != train.labels[0]))
    setting = Setting(some, dev, [WordHashEncoder()], "accuracy", lambda *_: 0.0)
    needed = {"hybrid": ("lexical", "linear")}.get(family, ())
    parts = [one for word in needed for one in KIND.table[word].fit(setting, [])]
    for one in KIND.table[family].fit(setting, parts):
        answers = one.answer(test.texts)
        assert answers.shape == (len(test), len(test.names))
        assert np.allclose(answers.sum(axis=1), 1, atol=1e-4)


def test_macro_f1_is_that_of_scikit_learn_and_counts_weights_as_repeats():
    from sklearn.metrics import f1_score

    rng = np.random.default_rng(0)
    truth, chosen = rng.integers(0, 5, 200), rng.integers(0, 5, 200)
    statistic = macro_f1(truth, chosen, 7)  # two labels that never occur count for nothing
    assert statistic(np.ones(200)) == pytest.approx(f1_score(truth, chosen, average="macro"))
    times = rng.integers(1, 4, 200)
    often = f1_score(np.repeat(truth, times), np.repeat(chosen, times), average="macro")
    assert statistic(times.astype(float)) == pytest.approx(often)
    assert macro_f1(truth, chosen, 5)(np.zeros(200)) == 0


def test_log_loss_of_a_sure_mistake_is_large_but_finite(examples):
    part = examples.take("test")
    answers = np.zeros((len(part), len(part.names)))
    answers[:, 0] = 1
    found = score(answers, part, ["log loss"]).of("log loss")
    assert np.isfinite(found).all()
    assert found.max() > 20


@pytest.mark.slow
def test_a_label_that_only_test_has_is_counted_wrong_and_not_dropped(tmp_path, no_curve):
    table = rows(("repair", "sale"))
    train, test = written(tmp_path, table, "train.csv"), [("lend me a violin", "loan"), table[0]]
    written(tmp_path, test, "test.csv")
    assert train.is_file()
    found = measured(KIND.read(Source(str(tmp_path))), contenders=["linear", "adapter"])
    linear = next(s for s in found.standings if s.name == "linear")
    assert linear.scores.of("accuracy").tolist() == [0, 1]


def test_texts_that_stand_in_train_too_are_told_apart(tmp_path):
    table = rows(("repair", "sale"))
    written(tmp_path, table, "train.csv")
    written(tmp_path, [table[0], ("patch a boat", "repair"), ("offer a boat", "sale")], "test.csv")
    found = measured(KIND.read(Source(str(tmp_path))), contenders=["lexical", "linear"])
    titles = {panel.title: panel for panel in KIND.panels(found.shown)}
    apart = titles["Without texts that are also in train"]
    assert "1 of 3 test texts" in apart.caption
    assert [row[0] for row in apart.rows] == ["lexical", "linear"]
    told = " ".join(kind_text(kind_facts(found)).split())
    without, every = apart.rows[0][2], apart.rows[0][1]
    assert f"word for word. accuracy of lexical is {without:.3f} without them, {every:.3f}" in told


def test_each_pair_of_labels_mistaken_has_its_surest_text(tmp_path):
    table = rows(("repair", "sale"))
    written(tmp_path, table, "train.csv")
    wrong = [(table[0][0], "sale"), ("patch a boat", "repair"), (table[1][0], "sale")]
    written(tmp_path, [*wrong, *table[-4:]], "test.csv")
    found = measured(KIND.read(Source(str(tmp_path))), contenders=["linear"])
    mistaken = next(p for p in KIND.panels(found.shown) if p.title == "Most often mistaken")
    label, taken, times, share, text = mistaken.rows[0]
    assert (label, taken, times) == ("sale", "repair", 2)
    assert share == "33 %"
    assert text in {table[0][0], table[1][0]}


def test_one_label_alone_cannot_be_learned(tmp_path):
    with pytest.raises(DataError, match="nothing to tell apart"):
        KIND.read(Source(str(written(tmp_path, rows(("repair",))))))


def test_what_cannot_decide_is_refused(examples):
    with pytest.raises(OptionError, match="log loss"):
        measured(examples, metric="log loss")
    with pytest.raises(OptionError, match="no contender 'bm25'"):
        measured(examples, contenders=["bm25"])
    with pytest.raises(OptionError, match="something untuned"):
        measured(examples, contenders=["adapter"])


@pytest.mark.slow
def test_macro_f1_decides_by_resampling(examples, no_curve):
    found = measured(examples, contenders=["majority", "linear", "adapter"], metric="MACRO-F1")
    assert found.settings["metric"] == "macro-F1"
    gain = found.decision.gain
    assert gain.metric == "macro-F1"
    assert gain.low <= gain.difference <= gain.high


@pytest.mark.slow
def test_a_head_learns_ten_thousand_labels_by_least_squares():
    from tunewise.kinds.classification.heads import fit_head

    rng = np.random.default_rng(0)
    middles = rng.normal(size=(2_000, 64)).astype(np.float32)
    labels = np.repeat(np.arange(2_000), 2)
    vectors = middles[labels] + rng.normal(0, 0.1, (4_000, 64)).astype(np.float32)
    head = fit_head(vectors, labels, vectors[::7], labels[::7], 2_000, seed=0)
    assert head.settings["head"] == "least squares"
    right = head.probabilities(vectors).argmax(axis=1) == labels
    assert right.mean() > 0.95


@pytest.fixture(scope="module")
def made_by_command(tmp_path_factory):
    """A folder with the winner of a measurement by the command in `out`, and what was told."""
    folder, told = tmp_path_factory.mktemp("by-command"), io.StringIO()
    written(folder, rows())
    command = ["measure", "intents.csv", "--try", "majority,lexical,linear", "--out", "out"]
    with pytest.MonkeyPatch.context() as patch, redirect_stdout(told):
        patch.chdir(folder)
        patch.setenv("TUNEWISE_CACHE", str(folder / "cache"))
        assert main(command) == 0
    assert "Cannot tell yet: no tuned contender" in told.getvalue()
    return folder


@pytest.fixture
def saved_by_command(made_by_command, monkeypatch):
    monkeypatch.chdir(made_by_command)
    monkeypatch.setenv("TUNEWISE_CACHE", str(made_by_command / "cache"))
    return made_by_command / "out"


@pytest.mark.slow
def test_the_command_tells_the_kind_by_the_columns_and_predict_labels(saved_by_command, capsys):
    facts = json.loads((saved_by_command / "verdict.json").read_text())
    assert (facts["kind"], facts["units"]) == ("classification", "texts")
    jsonschema.validate(facts, json.loads(SCHEMA.read_text()))
    assert facts["reproduce"].startswith("tunewise measure intents.csv --kind classification")
    page = (saved_by_command / "report.html").read_text()
    assert "How far to trust a probability" in page
    assert "<script" not in page
    (saved_by_command.parent / "new.txt").write_text("fix a boat\n\nship a boat\n")
    assert main(["predict", "out", "new.txt"]) == 0
    lines = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert [(one["id"], one["label"]) for one in lines] == [("1", "repair"), ("3", "transport")]
    assert len(lines[0]["others"]) == 2


@pytest.mark.slow
def test_commands_of_another_kind_are_refused_with_the_one_that_fits(saved_by_command, capsys):
    assert main(["search", str(saved_by_command), "boat"]) == 2
    assert "tunewise predict" in capsys.readouterr().err
    assert main(["measure", "intents.csv", "--kind", "poetry"]) == 2
    assert "Choose from search, classification" in capsys.readouterr().err
    assert main(["measure", "intents.csv", "--kind", "classification", "--queries", "q"]) == 2
    assert "--queries" in capsys.readouterr().err


@pytest.mark.slow
@pytest.mark.parametrize("word", KIND.deep)
def test_a_few_texts_a_label_tune_the_encoder(word, word_model, tmp_path, monkeypatch):
    monkeypatch.setenv("TUNEWISE_CACHE", str(tmp_path / "cache"))
    data = tunewise.data.examples  # the real reader, on a table made here
    few = [row for place, row in enumerate(rows()) if place % 9 == 0]
    found = data.read_examples(written(tmp_path, few), kind="labelled")
    assert isinstance(found, LabelledTexts)
    verdict = measure_kind(
        found, KIND, encoders=[load_encoder(word_model)], contenders=["linear", word]
    )
    tuned = next(one for one in verdict.contenders if one.family == word)
    asked = ["mend it", "carry it"]
    save(KIND, tuned, tmp_path / "model")
    again = load(KINDS, tmp_path / "model").contender
    np.testing.assert_allclose(again.answer(asked), tuned.answer(asked), atol=1e-6)
    assert (tmp_path / "model" / "encoder" / "modules.json").is_file() != bool(tuned.same_as)


def test_what_a_kind_does_not_ask_for_is_refused(tmp_path):
    path = str(written(tmp_path, rows()))
    with pytest.raises(OptionError, match="'odd' is nothing that classification asks for"):
        KIND.read(Source(path, options={"odd": "sale"}))
    with pytest.raises(OptionError, match="'items'"):
        KIND.read(Source(path, files={"items": "items.csv"}))


def test_gains_of_units_add_up_to_the_gain_of_a_statistic(examples):
    from tunewise.measurement.of_kind import gains_over

    part = examples.take("test")
    rng = np.random.default_rng(0)
    one, other = (
        score(rng.dirichlet(np.ones(len(part.names)), len(part)), part, ["macro-F1"])
        for _ in range(2)
    )
    gains = gains_over(one, other, "macro-F1")
    expected = other.mean("macro-F1") - one.mean("macro-F1")
    assert gains.mean() == pytest.approx(expected, abs=1e-12)
    assert gains.std() > 0


def test_a_setting_has_no_test_part():
    assert "test" not in Setting.__dataclass_fields__
