"""Texts that have none of the labels: learned from, answered with none, counted on test."""

import csv
import json
import os
from dataclasses import replace
from pathlib import Path

import jsonschema
import numpy as np
import pytest

from tunewise.cli import main
from tunewise.errors import DataError, OptionError
from tunewise.kinds import KINDS, Source, load, save
from tunewise.kinds.classification import reject
from tunewise.measurement import measure_kind
from tunewise.testing import WordHashEncoder

KIND = KINDS["classification"]
SCHEMA = Path(__file__).parents[2] / "docs" / "kind.schema.json"
REAL = Path(os.environ.get("TUNEWISE_DATA", Path(__file__).parents[3] / "shared" / "data"))
ACTS = {"repair": ("mend", "fix", "patch"), "sale": ("sell", "price", "offer"),
        "loan": ("borrow", "lend", "return")}  # fmt: skip
THINGS = ("kettle", "ladder", "bicycle", "umbrella", "violin", "compass", "lantern", "anchor")
PLACES = ("at home", "in town", "by the sea", "for a friend")
VERBS = ("wrote", "sang", "painted", "won", "invented", "saw")
SUBJECTS = ("opera", "poem", "planet", "medal", "engine", "comet", "sonnet", "theorem")


def inside():
    return [
        (f"please {act} my {thing} {place}", name)
        for name, acts in ACTS.items()
        for act in acts
        for thing in THINGS
        for place in PLACES
    ]


def outside(label="oos"):
    return [(f"who {verb} the first {what} ever", label) for verb in VERBS for what in SUBJECTS]


def written(folder, table, name="intents.csv", columns=("text", "label")):
    path = folder / name
    with path.open("w", newline="", encoding="utf-8") as file:
        csv.writer(file).writerows([columns, *table])
    return path


def read(path, **options):
    files = options.pop("files", {})
    return KIND.read(Source(str(path), options=options, files=files))


@pytest.fixture(scope="module")
def path(tmp_path_factory):
    return written(tmp_path_factory.mktemp("scope"), [*inside(), *outside()])


@pytest.fixture(scope="module")
def verdict(path, module_cache):
    return measured(read(path, alarms="0.1"))


def measured(examples):
    return measure_kind(examples, KIND, encoders=[WordHashEncoder()], contenders=["linear"])


def codes(examples):
    return {one.code for one in examples.findings}


def test_a_label_named_oos_is_none_of_the_others_and_that_is_told(path):
    found = read(path)
    assert found.names == ["loan", "repair", "sale"]
    assert len(found) == len(inside())
    assert len(found.outside) == len(outside())
    assert set(found.outside.parts) == {"dev", "test"}
    assert "D120" in codes(found)


def test_naming_no_label_as_none_keeps_it_a_label_like_the_others(path):
    found = read(path, none="")
    assert "oos" in found.names
    assert found.outside is None
    assert found.read_with["options"] == {"none": ""}
    assert "D120" not in codes(found)


def test_any_label_can_be_named_as_none_or_texts_given_in_a_file(tmp_path):
    named = read(written(tmp_path, [*inside(), *outside("rest")]), none="rest")
    plain = written(tmp_path, inside(), "in.csv")
    odd = written(tmp_path, outside(), "odd.csv")
    filed = read(plain, files={"odd": str(odd)})
    assert sorted(named.outside.texts) == sorted(filed.outside.texts)
    assert named.names == filed.names
    assert named.fingerprint != replace(named, outside=None).fingerprint
    with pytest.raises(DataError, match="has the label 'Rest'"):
        read(tmp_path / "intents.csv", none="Rest")


def test_a_label_alone_in_scope_and_senseless_options_are_refused(tmp_path):
    alone = written(tmp_path, [row for row in inside() if row[1] == "sale"] + outside())
    with pytest.raises(DataError, match="--kind anomaly"):
        read(alone)
    with pytest.raises(OptionError, match="no share"):
        read(alone, alarms="2")


def test_the_winner_answers_none_to_texts_unlike_any_label(verdict):
    one = verdict.contender
    texts = ["please mend my kettle in town", "who painted the second planet"]
    told = list(KIND.told(one, texts, one.answer(texts), {"names": list(ACTS)}))
    assert [row["none"] for row in told] == [False, True]
    assert told[1]["label"] is None
    assert len(told[1]["others"]) == 3
    assert told[0]["oddness"] <= one.settings["none"]["threshold"] < told[1]["oddness"]


def test_what_dev_likes_best_tells_and_false_alarms_are_those_promised(verdict):
    told = verdict.contender.settings["none"]
    levels = told["AUROC on dev"]
    assert levels[told["by"]] == max(levels.values())
    assert set(levels) == {"probability", "neighbours", "mahalanobis", "both"}
    dev = read(verdict.data["source"], alarms="0.1").take("dev")
    above = reject.oddness(verdict.contender, dev.texts) > told["threshold"]
    assert above.mean() <= 0.1


def test_the_panel_counts_what_it_says(verdict):
    part, one = verdict.shown.judged, verdict.contender
    at = one.settings["none"]["threshold"]
    alarms = reject.oddness(one, part.texts) > at
    right = verdict.shown.answers[one.name].argmax(axis=1) == part.labels
    caught = reject.oddness(one, part.outside.texts) > at
    (panel,) = [each for each in KIND.panels(verdict.shown) if each.title == "None of these"]
    (yours,) = [row for row in panel.rows if "yours" in row[0]]
    for cell, share in zip(yours[2:], (alarms, right & ~alarms, caught), strict=True):
        assert cell.startswith(f"{100 * share.mean():.1f} % [")
    first, second = KIND.said(verdict.shown)
    assert yours[2] in first
    assert yours[4] in second


def test_more_false_alarms_than_promised_are_said_to_be_that(verdict):
    one = verdict.contender
    assert not any("more than promised" in told for told in KIND.said(verdict.shown))
    strict = replace(
        one, settings={**one.settings, "none": {**one.settings["none"], "threshold": -9.0}}
    )
    first, second, _ = KIND.said(replace(verdict.shown, contender=strict))
    assert "100.0 % [" in first
    assert f"more than promised: dev had only {len(verdict.shown.dev):,} texts in scope" in second


def test_a_refusal_says_how_many_labels_it_leaves_out(tmp_path):
    rows = [
        (f"text {number} of {label}", f"l{label:02}") for label in range(15) for number in (1, 2)
    ]
    with pytest.raises(DataError, match=r"Its labels are l00, .*, l11 and 3 more\."):
        read(written(tmp_path, rows), none="oos")


def test_both_is_the_mean_in_units_of_the_spread_on_dev(verdict):
    setting = _setting(verdict)
    found = reject.ways(verdict.contender, setting)
    dev = setting.dev.texts
    asked = ["who sang", *setting.dev.outside.texts]
    expected = np.zeros(len(asked))
    for way in ("probability", "neighbours"):
        seen = reject.oddness(found[way], dev)
        expected += (reject.oddness(found[way], asked) - seen.mean()) / max(seen.std(), 0.01) / 2
    np.testing.assert_allclose(reject.oddness(found["both"], asked), expected)


def test_what_is_saved_answers_none_alike(verdict, tmp_path):
    names = {"names": list(ACTS)}
    asked = [text for text, _ in [*inside()[::9], *outside()[::5]]]
    one = verdict.contender
    for way in reject.ways(one, _setting(verdict)).values():
        told = {**one.settings["none"], **way.settings["none"]}
        each = replace(way, settings={**way.settings, "none": told})
        save(KIND, each, tmp_path / "model", names)
        again = load(KINDS, tmp_path / "model").contender
        expected = list(KIND.told(each, asked, each.answer(asked), names))
        assert list(KIND.told(again, asked, again.answer(asked), names)) == expected


def _setting(verdict):
    from tunewise.kinds import Setting

    found = read(verdict.data["source"])
    return Setting(found.take("train"), found.take("dev"), [WordHashEncoder()], "accuracy", None)


def test_in_scope_texts_alone_give_a_threshold_whose_false_alarms_are_told(tmp_path):
    found = read(written(tmp_path, inside()), alarms="0.05")
    verdict = measured(found)
    told = verdict.contender.settings["none"]
    assert (told["by"], told["AUROC on dev"]) == ("both", None)
    first, second = KIND.said(verdict.shown)
    assert "5 % false alarms promised" in first
    assert "not measured" in second
    (panel,) = [each for each in KIND.panels(verdict.shown) if each.title == "None of these"]
    assert {row[4] for row in panel.rows} == {"not measured"}


def test_fewer_dev_texts_than_a_promise_takes_are_told_of(tmp_path):
    verdict = measured(read(written(tmp_path, inside()), alarms="0.001"))
    assert any("it takes 999 to promise 0.001" in note for note in verdict.contender.notes)


def test_a_winner_without_an_encoder_answers_none_by_words_or_doubt(path):
    verdict = measure_kind(
        read(path), KIND, encoders=[WordHashEncoder()], contenders=["majority", "lexical"]
    )
    assert set(verdict.contender.settings["none"]["AUROC on dev"]) == {
        *("probability", "lexical", "both")
    }


def test_without_asking_nothing_is_answered_with_none(tmp_path):
    verdict = measured(read(written(tmp_path, inside())))
    assert "none" not in verdict.contender.settings
    answers = verdict.contender.answer(["who sang"])
    (row,) = KIND.told(verdict.contender, ["who sang"], answers, {"names": list(ACTS)})
    assert "none" not in row
    assert KIND.said(verdict.shown) == []


@pytest.mark.slow
def test_the_commands_measure_say_and_predict_none(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("TUNEWISE_CACHE", str(tmp_path / "cache"))
    written(tmp_path, [*inside(), *outside("rest")])
    tried = ["--set", "none=rest", "--set", "alarms=0.1", "--try", "linear", "--out", "out"]
    assert main(["measure", "intents.csv", *tried]) == 0
    assert "answered with none" in " ".join(capsys.readouterr().out.split())
    facts = json.loads((tmp_path / "out" / "verdict.json").read_text())
    jsonschema.validate(facts, json.loads(SCHEMA.read_text()))
    assert "--set none=rest --set alarms=0.1" in facts["reproduce"]
    assert set(facts["data"]["split"]["none"]) == {"dev", "test"}
    assert "None of these" in (tmp_path / "out" / "report.html").read_text()
    assert main(["predict", "out", "who sang the first opera"]) == 0
    told = json.loads(capsys.readouterr().out)
    assert (told["label"], told["none"]) == (None, True)


@pytest.mark.slow
def test_real_questions_out_of_scope_are_answered_with_none(tmp_path):
    if not (REAL / "clinc150").is_dir():
        pytest.skip("the real data set clinc150 is not here (TUNEWISE_DATA)")
    for name in ("train", "val", "test"):
        with (REAL / "clinc150" / f"{name}.csv").open(encoding="utf-8") as file:
            rows = [(row["text"], row["label"]) for row in csv.DictReader(file)]
        kept = [row for row in rows if row[1] == "oos" or row[1] < "c"]
        written(tmp_path, kept[:: 3 if name == "train" else 1], f"{name}.csv")
    found = KIND.read(Source(str(tmp_path)))
    verdict = measure_kind(found, KIND, contenders=["linear"])
    part, one = verdict.shown.judged, verdict.contender
    at = one.settings["none"]["threshold"]
    assert np.mean(reject.oddness(one, part.texts) > at) < 0.08
    assert np.mean(reject.oddness(one, part.outside.texts) > at) > 0.6
