"""Anomaly: texts unlike the normal ones, from files to a verdict, and saved contenders."""

import csv
import os
from collections.abc import Callable, Iterable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from sklearn.covariance import LedoitWolf
from sklearn.ensemble import IsolationForest
from sklearn.neighbors import LocalOutlierFactor

from tunewise.encoders import load_encoder
from tunewise.errors import DataError, OptionError
from tunewise.kinds import KINDS, Contender, Setting, Source, load, save
from tunewise.kinds.anomaly import KIND, MarkedTexts, density, fit_alone, forest, mahalanobis
from tunewise.kinds.anomaly import neighbours as plain
from tunewise.kinds.anomaly.alarms import wilson
from tunewise.kinds.panels import Curves, Examples, Table
from tunewise.measurement.of_kind import measure_kind
from tunewise.testing import WordHashEncoder
from tunewise.verdict.of_kind import KindVerdict

REAL = Path(os.environ.get("TUNEWISE_DATA", Path(__file__).parents[2].parent / "shared" / "data"))

Row = tuple[str, str, str]  # text, label, part
ENCODER = WordHashEncoder()
LABELS = ("card", "loan", "fees", "login")


def words_of(topic: str, count: int = 12) -> list[str]:
    return [f"{topic}{n}" for n in range(count)]


def rows(normal: int = 320, odd: int = 60, *, part: str = "", seed: int = 0) -> list[Row]:
    """Normal texts have words of one topic; odd ones of several, or one of none."""
    rng = np.random.default_rng(seed)

    def some(words: Iterable[str], count: int) -> list[str]:
        return [str(word) for word in rng.choice(list(words), count, replace=False)]

    made = []
    for n in range(normal):
        label = LABELS[n % len(LABELS)]
        text = some(words_of(label), 4) + some(words_of("any"), 3)
        made.append((" ".join(text), label, part))
    for n in range(odd):
        mixed = [some(words_of(label), 1)[0] for label in LABELS]
        text = mixed + some(words_of("any") if n % 2 else words_of("new"), 3)
        made.append((" ".join(text), "oos", part))
    return made


def written(path: Path, made: Iterable[Row], columns: str = "text,label,split") -> Path:
    names = columns.split(",")
    with path.open("w", newline="", encoding="utf-8") as file:
        lines = csv.writer(file)
        lines.writerow(names)
        lines.writerows(row[: len(names)] for row in made)
    return path


def read(path: Path, **options: str) -> MarkedTexts:
    found = KIND.read(Source(str(path), options={"odd": "oos", **options}))
    assert isinstance(found, MarkedTexts)
    return found


@pytest.fixture(scope="module")
def texts(home: Path) -> MarkedTexts:
    return read(written(home / "texts.csv", rows()))


@pytest.fixture(scope="module")
def verdict(texts: MarkedTexts) -> KindVerdict:
    return measure_kind(texts, KIND, encoders=[ENCODER])


def setting_of(texts: MarkedTexts, seed: int = 0) -> Setting:
    parts = KIND.divide(texts, seed)

    def level(answers: Any, part: Any) -> float:
        return KIND.score(answers, part, ["AUROC"]).mean("AUROC")

    return Setting(parts.train, parts.dev, [ENCODER], "AUROC", level, seed)


# Reading


def count(texts: MarkedTexts, part: str) -> tuple[int, int]:
    """Normal and odd texts of a part."""
    odd = texts.take(part).odd
    return int((~odd).sum()), int(odd.sum())


def told(texts: MarkedTexts) -> dict[str, int]:
    return {each.code: each.count for each in texts.findings}


def test_odd_texts_are_named_by_label_by_column_or_by_file(tmp_path: Path) -> None:
    made = rows(80, 20)
    labelled = read(written(tmp_path / "labelled.csv", made))
    marks = [(text, str(int(label == "oos")), "") for text, label, _ in made]
    column = KIND.read(Source(str(written(tmp_path / "column.csv", marks, "text,odd"))))
    normal = written(tmp_path / "normal.csv", made[:80], "text")
    odd = written(tmp_path / "rare.csv", made[80:], "text")
    files = KIND.read(Source(str(normal), files={"odd": str(odd)}))
    for found in (labelled, column, files):
        assert {t for t, o in zip(found.texts, found.odd, strict=True) if o} == {
            text for text, label, _ in made if label == "oos"
        }
        assert count(found, "train")[1] == 0


def test_several_labels_can_be_odd(tmp_path: Path) -> None:
    found = read(written(tmp_path / "t.csv", rows(80, 20)), odd="oos, loan")
    assert int(found.odd.sum()) == 20 + 20


def test_odd_texts_without_a_part_are_shared_between_dev_and_test(texts: MarkedTexts) -> None:
    assert count(texts, "train")[1] == 0
    assert count(texts, "dev")[1] == count(texts, "test")[1] == 30
    assert count(texts, "test")[0] == pytest.approx(80, abs=2)


def test_the_order_of_the_rows_changes_no_part(tmp_path: Path, texts: MarkedTexts) -> None:
    made = rows()
    again = read(written(tmp_path / "again.csv", made[::-1]))
    part = dict(zip(texts.texts, texts.parts.tolist(), strict=True))
    assert part == dict(zip(again.texts, again.parts.tolist(), strict=True))


def test_odd_texts_that_the_user_put_into_train_are_used_to_choose_by(tmp_path: Path) -> None:
    made = [*rows(100, 10, part="train"), *rows(60, 30, part="test", seed=1)]
    found = read(written(tmp_path / "t.csv", made))
    assert count(found, "train")[1] == 0
    assert count(found, "dev") == (20, 10)
    assert count(found, "test") == (60, 30)
    assert told(found)["D110"] == 10


def test_few_odd_texts_are_all_kept_to_measure_by(tmp_path: Path) -> None:
    found = read(written(tmp_path / "t.csv", rows(100, 6)))
    assert (count(found, "dev")[1], count(found, "test")[1]) == (0, 6)
    assert {"D111", "D112"} <= told(found).keys()


def test_what_says_nearly_the_same_stays_in_one_part(tmp_path: Path) -> None:
    made = rows(60, 20)
    found = read(
        written(tmp_path / "t.csv", [*made, *((f"{t.upper()}!", c, p) for t, c, p in made)])
    )
    parts = dict(zip(found.texts, found.parts.tolist(), strict=True))
    assert all(parts[text] == parts[f"{text.upper()}!"] for text, _, _ in made)


def test_a_text_that_is_odd_and_normal_is_told_of(tmp_path: Path) -> None:
    made = rows(80, 20)
    found = read(written(tmp_path / "t.csv", [*made, (made[0][0], "oos", "")]))
    assert told(found)["D068"] == 1


@pytest.mark.parametrize(
    ("made", "source", "says"),
    [
        (rows(60, 12), {"odd": "none"}, "No text of .* has the label 'none'.*card, fees"),
        (rows(60, 12), {"odd": "card,fees,loan,login,oos"}, "All texts of .* are marked as odd"),
        ([], {"odd": "oos"}, "holds no rows"),
    ],
)
def test_data_that_cannot_be_read_is_refused(
    tmp_path: Path, made: list[Row], source: dict[str, str], says: str
) -> None:
    with pytest.raises(DataError, match=says):
        read(written(tmp_path / "t.csv", made), **source)


def test_a_mark_that_is_neither_is_refused(tmp_path: Path) -> None:
    path = written(tmp_path / "t.csv", [("a b", "maybe", "")], "text,odd")
    with pytest.raises(DataError, match=r"Line 2 of .* 'maybe' in the column that marks odd texts"):
        KIND.read(Source(str(path)))


def test_a_label_is_looked_for_where_there_are_none(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="no column of labels"):
        read(written(tmp_path / "t.csv", rows(10, 2), "text"))


@pytest.mark.parametrize(
    ("source", "says"),
    [
        ({"options": {"alarms": "5 %"}}, "alarms='5 %' is no share"),
        ({"options": {"alarms": "1"}}, "between 0 and 1"),
        ({"options": {"rate": "0.1"}}, "no option 'rate' for anomaly"),
        ({"files": {"users": "x"}}, "no file 'users'"),
        ({"columns": {"query": "x"}}, "role 'query'"),
    ],
)
def test_senseless_options_are_refused(tmp_path: Path, source: Any, says: str) -> None:
    path = written(tmp_path / "t.csv", rows(10, 2))
    with pytest.raises(OptionError, match=says):
        KIND.read(Source(str(path), **source))


@pytest.mark.parametrize(
    ("made", "says"),
    [
        (rows(60, 0), "no text that is marked as odd.*fit_alone.*odd=LABEL; there are 'card'"),
        (rows(60, 4), "has 4 odd texts that differ"),
        ([*rows(60, 0, part="train"), *rows(0, 20, part="test")], ""),
        ([*rows(60, 0, part="train"), *rows(20, 20, part="dev"), *rows(0, 9, part="test")], ""),
        (
            [*rows(60, 9, part="train"), *rows(30, 0, part="test", seed=1)],
            "has 0 odd texts that differ",
        ),
    ],
)
def test_what_cannot_be_measured_says_what_is_needed(
    tmp_path: Path, made: list[Row], says: str
) -> None:
    found = KIND.read(
        Source(
            str(written(tmp_path / "t.csv", made)),
            options={"odd": "oos"} if any(label == "oos" for _, label, _ in made) else {},
        )
    )
    if not says:  # a test part of odd texts only gets normal ones cut from train
        assert min(count(found, "test")) > 5
        return
    with pytest.raises(DataError, match=says):
        measure_kind(found, KIND, encoders=[ENCODER])


def test_where_nothing_is_odd_a_detector_can_be_had_and_its_alarms_counted(tmp_path: Path) -> None:
    path = written(tmp_path / "t.csv", rows(400, 0))
    found = KIND.read(Source(str(path), options={"alarms": "0.1"}))
    alone = fit_alone(found, ENCODER)
    usual = found.take("test")
    alarms = int((alone.answer(usual.texts) > alone.settings["threshold"]).sum())
    assert f"{alarms} of {len(usual)} normal texts of test" in alone.notes[-1]
    assert wilson(alarms, len(usual))[0] <= 0.1
    odd = alone.answer([text for text, _, _ in rows(0, 40)])
    assert (odd > alone.settings["threshold"]).mean() > 0.3


# Contenders


def known_and_seen(texts: MarkedTexts) -> tuple[Any, Any]:
    setting = setting_of(texts)
    known, seen = (ENCODER.encode_documents(p.texts) for p in (setting.train, setting.dev))
    return known, seen


def test_neighbours_are_the_nearest_of_all(texts: MarkedTexts) -> None:
    known, seen = known_and_seen(texts)
    (found,) = plain.fit(setting_of(texts), [])
    nearest = np.sort(seen @ known.T, axis=1)[:, -found.settings["count"] :]
    assert found.answer(texts.take("dev").texts) == pytest.approx(
        1 - nearest.mean(axis=1), abs=1e-6
    )


def test_neighbours_are_found_across_blocks() -> None:
    from tunewise.kinds.anomaly.nearest import nearest

    rng = np.random.default_rng(0)
    known, asked = (rng.normal(size=(n, 8)).astype(np.float32) for n in (20_000, 520))
    places, products = nearest(asked, known, 7)
    every = asked @ known.T
    best = np.sort(every, axis=1)[:, ::-1][:, :7]
    assert products == pytest.approx(best, abs=1e-5)
    assert np.take_along_axis(every, places, axis=1) == pytest.approx(products, abs=1e-5)
    among, _ = nearest(known[:600], known[:600], 3, themselves=True)
    assert not (among == np.arange(600)[:, None]).any()


def test_mahalanobis_is_that_of_scikit_learn(texts: MarkedTexts) -> None:
    known, seen = known_and_seen(texts)
    setting = setting_of(texts)
    bare = replace(setting.train, labels=np.full(len(setting.train), -1))
    (found,) = mahalanobis.fit(replace(setting, train=bare), [])
    theirs = LedoitWolf().fit(known.astype(float)).mahalanobis(seen)
    assert found.settings["middles"] == "one"
    assert found.answer(setting.dev.texts) == pytest.approx(np.sqrt(theirs), rel=1e-4)


def test_density_is_the_local_outlier_factor_of_scikit_learn(texts: MarkedTexts) -> None:
    # texts of many lengths, so that hardly two are equally far from a third
    rng, vocabulary = np.random.default_rng(0), words_of("any", 200)
    sizes = rng.integers(30, 90, len(texts))
    various = replace(texts, texts=[" ".join(rng.choice(vocabulary, size)) for size in sizes])
    known, seen = known_and_seen(various)
    (found,) = density.fit(setting_of(various), [])
    theirs = LocalOutlierFactor(found.settings["count"], novelty=True, algorithm="brute")
    theirs.fit(known.astype(float))
    own = found.answer(various.take("dev").texts)
    assert own == pytest.approx(-theirs.score_samples(seen.astype(float)), rel=1e-3)


def test_the_forest_is_that_of_scikit_learn(texts: MarkedTexts) -> None:
    known, seen = known_and_seen(texts)
    (found,) = forest.fit(setting_of(texts), [])
    each = found.settings["each"]
    theirs = IsolationForest(n_estimators=200, max_samples=each, random_state=0).fit(known)
    own = found.answer(texts.take("dev").texts)
    assert own == pytest.approx(-theirs.score_samples(seen), abs=1e-9)


def test_words_never_seen_are_the_oddest(verdict: KindVerdict) -> None:
    lexical = named(verdict, "lexical")
    usual, seldom, never = lexical.answer(["any1 any2", "any1 card1", "any1 zebra"])
    assert usual < seldom < never
    assert lexical.answer(["???"])[0] > never


def test_every_contender_answers_alike_when_it_was_saved(
    verdict: KindVerdict, tmp_path: Path
) -> None:
    asked = [*verdict.shown.judged.texts, "", "zebra", "any1"]
    assert [one.family for one in verdict.contenders] == [w for w in KIND.table if w != "tuned"]
    for one in verdict.contenders:
        save(KIND, one, tmp_path / one.name)
        again = load(KINDS, tmp_path / one.name).contender
        assert np.array_equal(again.answer(asked), one.answer(asked)), one.name
        assert np.isfinite(one.answer(asked)).all()
        assert again.settings["threshold"] == one.settings["threshold"]


def test_no_text_asked_is_no_answer(verdict: KindVerdict) -> None:
    assert {len(one.answer([])) for one in verdict.contenders} == {0}


def named(verdict: KindVerdict, name: str) -> Contender:
    return next(one for one in verdict.contenders if one.name == name)


def level(verdict: KindVerdict, name: str) -> float:
    return verdict.shown.scores[name].mean("AUROC")


def test_a_hybrid_is_the_mean_of_two_standardised_scores(verdict: KindVerdict) -> None:
    hybrid = named(verdict, "hybrid")
    dev, total = verdict.shown.train.texts[:5], np.zeros(5)
    for role, part in hybrid.parts.items():
        middle, spread = hybrid.settings[role]
        total += (part.answer(dev) - middle) / spread / 2
    assert hybrid.answer(dev) == pytest.approx(total)


def test_labels_of_normal_texts_teach_an_adapter_what_belongs_together(
    verdict: KindVerdict,
) -> None:
    adapter = named(verdict, "adapter")
    assert adapter.same_as is None
    assert level(verdict, "adapter") > level(verdict, "neighbours") + 0.02


def test_without_labels_there_is_no_adapter(tmp_path: Path) -> None:
    marks = [(text, str(int(label == "oos")), "") for text, label, _ in rows(120, 40)]
    found = KIND.read(Source(str(written(tmp_path / "t.csv", marks, "text,odd"))))
    some = ["neighbours", "adapter"]
    verdict = measure_kind(found, KIND, encoders=[ENCODER], contenders=some)
    assert [one.name for one in verdict.skipped] == ["adapter"]
    assert not any(one.tuned for one in verdict.contenders)


def test_labels_that_say_nothing_give_the_neighbours_back(texts: MarkedTexts) -> None:
    # every text a label of its own in train: nothing belongs together there
    setting = setting_of(texts)
    one_label = replace(setting.train, labels=np.zeros(len(setting.train), dtype=np.int64))
    found = KIND.table["adapter"].fit(replace(setting, train=one_label), [])[0]
    base = plain.fit(setting, [])[0]
    assert found.same_as == "neighbours"
    asked = texts.take("test").texts
    assert np.array_equal(found.answer(asked), base.answer(asked))


def test_without_odd_texts_in_dev_settings_stay_the_usual_ones(tmp_path: Path) -> None:
    found = read(written(tmp_path / "t.csv", rows(200, 6)))
    some = ["neighbours", "density", "hybrid", "adapter"]
    verdict = measure_kind(found, KIND, encoders=[ENCODER], contenders=some)
    assert [one.name for one in verdict.skipped] == ["hybrid", "adapter"]
    assert named(verdict, "neighbours").settings["count"] == 5
    assert named(verdict, "density").settings["count"] == 20
    assert "D111" in {each.code for each in verdict.findings}


# Verdict


def test_a_verdict_counts_its_parts_and_names_its_plain_contender(verdict: KindVerdict) -> None:
    assert verdict.data["split"]["odd"] == {"train": 0, "dev": 30, "test": 30}
    assert [one.name for one in verdict.standings if one.plain] == ["neighbours"]
    assert verdict.decision.gain is not None
    for scores in verdict.shown.scores.values():
        assert set(scores.names) == set(KIND.metrics)


def test_the_same_examples_give_the_same_answers(texts: MarkedTexts, verdict: KindVerdict) -> None:
    some = ["neighbours", "adapter"]
    again = measure_kind(texts, KIND, encoders=[ENCODER], contenders=some)
    for name in some:
        assert np.array_equal(again.shown.answers[name], verdict.shown.answers[name])
    gain = again.decision.gain
    assert gain is not None
    assert gain.difference == level(verdict, "adapter") - level(verdict, "neighbours")


def test_average_precision_can_decide_and_false_alarms_cannot(texts: MarkedTexts) -> None:
    some = ["neighbours"]
    found = measure_kind(
        texts, KIND, encoders=[ENCODER], metric="average precision", contenders=some
    )
    assert found.settings["metric"] == "average precision"
    with pytest.raises(OptionError, match="cannot decide over anomaly"):
        measure_kind(texts, KIND, encoders=[ENCODER], metric="FPR at 95 % recall")


def test_contenders_that_are_one_differ_by_nothing(texts: MarkedTexts) -> None:
    single = replace(texts, labels=np.where(texts.parts == "train", 0, texts.labels))
    some = ["neighbours", "adapter"]
    found = measure_kind(single, KIND, encoders=[ENCODER], contenders=some)
    gain = found.decision.gain
    assert gain is not None
    assert (gain.low, gain.difference, gain.high) == (0.0, 0.0, 0.0)
    assert found.answer.startswith("suffices")


# Panels


def panel(verdict: KindVerdict, title: str) -> Any:
    return next(each for each in KIND.panels(verdict.shown) if each.title == title)


def test_a_table_holds_the_false_alarms_promised_against_those_found(
    verdict: KindVerdict,
) -> None:
    told = panel(verdict, "False alarms, promised and found")
    assert isinstance(told, Table)
    (yours,) = [row for row in told.rows if "yours" in str(row[0])]
    part, answers = verdict.shown.judged, verdict.shown.answers[verdict.contender.name]
    above = answers > verdict.contender.settings["threshold"]
    share = 100 * above[~part.odd].mean()
    assert str(yours[0]) == "5 % (yours)"
    assert str(yours[2]).startswith(f"{share:.1f} % [")
    assert yours[4] == str(int(above.sum()))


def test_the_share_of_false_alarms_can_be_asked_for(tmp_path: Path) -> None:
    found = read(written(tmp_path / "t.csv", rows()), alarms="0.15")
    verdict = measure_kind(found, KIND, encoders=[ENCODER], contenders=["neighbours"])
    rows_ = panel(verdict, "False alarms, promised and found").rows
    assert [row[0] for row in rows_] == ["1 %", "2 %", "5 %", "10 %", "15 % (yours)", "20 %"]
    assert named(verdict, "neighbours").settings["alarms"] == 0.15


def test_curves_fall_with_the_threshold_and_show_where_it_is(verdict: KindVerdict) -> None:
    drawn = panel(verdict, "What a threshold brings")
    assert isinstance(drawn, Curves)
    assert drawn.mark == verdict.contender.settings["threshold"]
    for line in drawn.lines[:2]:
        heights = [y for _, y in line.points]
        assert heights == sorted(heights, reverse=True)


def test_texts_that_look_like_the_other_sort_can_be_read(verdict: KindVerdict) -> None:
    normal = panel(verdict, "Normal texts that look oddest")
    odd = panel(verdict, "Odd texts that look most normal")
    assert isinstance(normal, Examples)
    texts = verdict.shown.judged
    marked = dict(zip(texts.texts, texts.odd.tolist(), strict=True))
    assert not any(marked[text] for text, _ in normal.items)
    assert all(marked[text] for text, _ in odd.items)


def test_texts_that_are_in_train_too_are_scored_apart(tmp_path: Path) -> None:
    train, test = rows(120, 10, part="train"), rows(60, 20, part="test", seed=1)
    copies = [(text, label, "test") for text, label, _ in train[:15]]
    found = read(written(tmp_path / "t.csv", [*train, *test, *copies]))
    verdict = measure_kind(found, KIND, encoders=[ENCODER], contenders=["neighbours"])
    apart = panel(verdict, "Without texts that are also in train")
    assert "D067" in {each.code for each in verdict.findings}
    ((name, every, without),) = apart.rows
    assert name == "neighbours"
    assert every > without  # copies are nearest to themselves, and so look normal


def test_odd_labels_are_told_apart(tmp_path: Path) -> None:
    found = read(written(tmp_path / "t.csv", rows(200, 40)), odd="oos,loan")
    verdict = measure_kind(found, KIND, encoders=[ENCODER], contenders=["neighbours"])
    told = panel(verdict, "Odd labels, hardest first")
    assert {row[0] for row in told.rows} == {"oos", "loan"}


# With the real encoder


def real(name: str) -> Path:
    if not (REAL / name).is_dir():
        pytest.skip(f"the real data set {name} is not here (TUNEWISE_DATA)")
    return REAL / name


def some_of_clinc(folder: Path, wanted: Callable[[str, int], bool]) -> Path:
    for name in ("train", "val", "test"):
        seen: dict[str, int] = {}
        kept = []
        with (real("clinc150") / f"{name}.csv").open(encoding="utf-8") as file:
            for row in csv.DictReader(file):
                seen[row["label"]] = seen.get(row["label"], 0) + 1
                if wanted(row["label"], seen[row["label"]]):
                    kept.append((row["text"], row["label"], ""))
        written(folder / f"{name}.csv", kept, "text,label")
    return folder


@pytest.mark.slow
def test_out_of_scope_questions_are_told_from_those_in_scope(tmp_path: Path) -> None:
    def wanted(label: str, place: int) -> bool:
        return place <= (100 if label == "oos" else 15 if label < "c" else 0)

    found = read(some_of_clinc(tmp_path, wanted))
    words = [word for word in KIND.table if word not in KIND.deep]  # tuned ones: test_anomaly_tuned
    verdict = measure_kind(found, KIND, encoders=[load_encoder()], contenders=words)
    assert level(verdict, "neighbours") > 0.9
    assert level(verdict, "neighbours") > level(verdict, "lexical")
    told = panel(verdict, "False alarms, promised and found")
    (yours,) = [row for row in told.rows if "yours" in str(row[0])]
    assert float(str(yours[2]).partition(" ")[0]) < 10  # of 100 normal texts, 5 being promised
    assert float(str(yours[3]).partition(" ")[0]) > 50  # of 100 odd ones
