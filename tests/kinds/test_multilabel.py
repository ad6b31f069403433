"""Texts with several labels: read, divided, measured, saved, asked."""

import json
from pathlib import Path

import jsonschema
import numpy as np
import pytest

from tunewise.cli import main
from tunewise.data.examples import kind_at
from tunewise.data.multilabelled import read_multilabelled
from tunewise.errors import DataError, OptionError
from tunewise.kinds import KINDS, Setting, Source, load, save
from tunewise.kinds.multilabel.answers import Answers, best_threshold
from tunewise.kinds.multilabel.heads import logistic, settle
from tunewise.kinds.multilabel.metrics import macro_f1, micro_f1, score
from tunewise.kinds.panels import plain
from tunewise.measurement import measure_kind
from tunewise.testing import WordHashEncoder

KIND = KINDS["multilabel"]
DOCS = Path(__file__).parents[2] / "docs"
THINGS = ("kettle", "ladder", "bicycle", "umbrella", "violin", "compass", "lantern", "anchor")
ACTS = {"repair": "mend", "sale": "sell", "loan": "borrow", "transport": "carry"}


def rows(count=320):
    """Texts that ask for some of four acts, or only greet."""
    rng = np.random.default_rng(0)
    found = []
    for n in range(count):
        own = [act for act in ACTS if rng.random() < 0.35]
        words = " and ".join(ACTS[act] for act in own) or "greet"
        found.append({"text": f"please {words} my {THINGS[n % 8]} number{n}", "labels": own})
    return found


def written(path, table):
    path.write_text("".join(json.dumps(row) + "\n" for row in table), encoding="utf-8")
    return path


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """A folder to stand in, with the winner of a measurement by the command in `out`."""
    home = tmp_path_factory.mktemp("several")
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(home)
        patch.setenv("TUNEWISE_CACHE", str(home / "cache"))
        written(home / "asked.jsonl", rows())
        options = ["--encoder", "word-hash", "--try", "majority,lexical,linear", "--out", "out"]
        assert main(["measure", "asked.jsonl", *options]) == 0
        yield home


@pytest.fixture(scope="module")
def verdict(folder):
    examples = KIND.read(Source(str(folder / "asked.jsonl")))
    return measure_kind(examples, KIND, encoders=[WordHashEncoder()])


def told(texts):
    return {each.code: (each.count, each.examples) for each in texts.findings}


# Reading


def test_lists_are_taken_as_they_are_and_none_is_an_answer(tmp_path):
    table = [{"text": "a", "labels": ["x, y", "z"]}, {"text": "b", "labels": []},
             {"text": "c", "labels": None}, {"text": "d", "labels": ["z", "z", " "]}]  # fmt: skip
    for part in ("train", "dev", "test"):
        written(tmp_path / f"{part}.jsonl", table)
    texts = read_multilabelled(tmp_path).take("train")
    assert texts.names == ["x, y", "z"]
    assert texts.labels.tolist() == [[True, True], [False, False], [False, True]]
    advice = {each.code: each.advice for each in texts.findings}
    assert "--column text=NAME" in advice["D001"]
    assert told(texts)["D076"][0] == 3 and told(texts)["D066"][0] == 3


def test_a_separator_that_parts_nothing_is_refused(tmp_path):
    (tmp_path / "t.csv").write_text('text,labels\na,"x;y"\nb,x\nc,y\n')
    with pytest.raises(OptionError, match=r"The separator '/' stands in none .* such as 'x;y'"):
        read_multilabelled(tmp_path / "t.csv", separator="/")
    (tmp_path / "l.jsonl").write_text('{"text": "a", "labels": ["x"]}\n' * 3)
    with pytest.raises(OptionError, match="which are lists"):
        read_multilabelled(tmp_path / "l.jsonl", separator="/")


@pytest.mark.parametrize(
    ("field", "separator", "names"),
    [
        ("a|b, c", None, ["a", "b, c"]),
        ("a; b", None, ["a", "b"]),
        ("a,b", None, ["a", "b"]),
        ("a/b|c", "/", ["a", "b|c"]),
        ("alone", None, ["alone"]),
    ],
)
def test_a_field_is_cut_where_most_are_or_where_told(tmp_path, field, separator, names):
    for part in ("train", "dev", "test"):
        (tmp_path / f"{part}.csv").write_text(f'text,labels\nx{part},"{field}"\n')
    texts = read_multilabelled(tmp_path, separator=separator)
    assert texts.names == names
    assert ("D075" in told(texts)) == (separator is None and names != ["alone"])
    assert texts.read_with.get("options", {}) == ({"separator": separator} if separator else {})


def test_a_table_with_a_query_named_is_for_a_search(tmp_path):
    path = tmp_path / "t.csv"
    path.write_text("frage,text,labels\na,b,c\n")
    assert kind_at(path, {"query": "frage"}) == "retrieval"
    assert kind_at(path) == "multilabelled"


@pytest.mark.parametrize("seed", range(20))
def test_no_label_is_in_dev_or_test_alone(tmp_path, seed):
    rng = np.random.default_rng(seed)
    chances = rng.dirichlet(np.ones(30)) * 2
    table = [
        {"text": f"text {n // 2 if n % 5 else n}",
         "labels": [f"l{i}" for i in range(30) if rng.random() < chances[i]]}
        for n in range(120)
    ]  # fmt: skip
    texts = read_multilabelled(written(tmp_path / "t.jsonl", table), seed=seed)
    assert texts.take("train").labels.any(axis=0).all()
    assert len(texts.take("test")) == pytest.approx(30, abs=9)
    own = [set(texts.parts[texts.groups == group]) for group in set(texts.groups.tolist())]
    assert all(len(parts) == 1 for parts in own)


def test_a_label_with_one_text_is_named_and_stays(tmp_path):
    table = [*rows(), {"text": "something else", "labels": ["rare"]}]
    texts = read_multilabelled(written(tmp_path / "t.jsonl", table))
    assert told(texts)["D069"] == (1, ("'rare': 1 in train",))
    assert "rare" in texts.names


def test_what_cannot_be_learned_is_refused(tmp_path):
    none = written(tmp_path / "none.jsonl", [{"text": t, "labels": []} for t in "abc"])
    with pytest.raises(DataError, match=r"No text of .* has a label"):
        KIND.read(Source(str(none)))
    for part, labels in {"train": ["x"], "dev": ["x"], "test": []}.items():
        table = [{"text": f"{part}{n}", "labels": labels} for n in range(9)]
        written(tmp_path / f"{part}.jsonl", table)
    none.unlink()
    with pytest.raises(DataError, match="No text in the test part"):
        KIND.divide(KIND.read(Source(str(tmp_path))), 0)
    written(tmp_path / "test.jsonl", rows(20))
    with pytest.raises(DataError, match="All texts in the train part"):
        KIND.divide(KIND.read(Source(str(tmp_path))), 0)
    with pytest.raises(OptionError, match="'odd' is nothing that multilabel asks for"):
        KIND.read(Source(str(tmp_path), options={"odd": "x"}))


# Metrics, thresholds, heads


def test_f1s_are_those_of_scikit_learn_and_count_weights_as_repeats():
    from sklearn.metrics import f1_score

    rng = np.random.default_rng(0)
    truth, given = rng.random((2, 150, 6)) < 0.3
    truth[:, 5] = given[:, 5] = False  # a label that never occurs counts for nothing
    times = rng.integers(1, 4, 150)
    for average, made in (("micro", micro_f1), ("macro", macro_f1)):
        labels = range(5)
        whole = f1_score(truth, given, average=average, labels=labels)
        often = f1_score(
            np.repeat(truth, times, 0), np.repeat(given, times, 0), average=average, labels=labels
        )
        statistic = made(truth, given)
        assert statistic(np.ones(150)) == pytest.approx(whole)
        assert statistic(times.astype(float)) == pytest.approx(often)
        assert statistic(np.zeros(150)) == 0


def test_scores_of_two_texts_by_hand(tmp_path):
    for part in ("train", "dev", "test"):
        written(tmp_path / f"{part}.jsonl", [{"text": "a", "labels": ["x"]},
                                             {"text": "b", "labels": ["x", "y"]}])  # fmt: skip
    part = read_multilabelled(tmp_path).take("test")
    answers = Answers(np.array([[0.9, 0.2], [0.8, 0.4]]), 0.5)
    found = score(answers, part, KIND.metrics)
    assert found.of("subset accuracy").tolist() == [1, 0]
    assert found.of("log loss") == pytest.approx([-np.log(0.9 * 0.8), -np.log(0.8 * 0.4)])
    assert found.mean("micro-F1") == pytest.approx(0.8)
    assert found.mean("macro-F1") == pytest.approx(0.5)
    assert found.mean("calibration error") == pytest.approx(np.sqrt(0.1 * 0.2))


@pytest.mark.parametrize("metric", ["micro-F1", "macro-F1"])
def test_no_threshold_is_better_than_the_best(metric):
    rng = np.random.default_rng(1)
    truth = rng.random((200, 7)) < rng.random(7)
    chances = np.clip(truth * 0.3 + rng.random((200, 7)) * 0.7, 0, 1)
    threshold, level = best_threshold(chances, truth, metric)
    made = micro_f1 if metric == "micro-F1" else macro_f1
    levels = [made(truth, chances >= t)(np.ones(200)) for t in np.linspace(0.01, 0.99, 99)]
    assert level == pytest.approx(max(levels))
    assert made(truth, chances >= threshold)(np.ones(200)) == pytest.approx(level)


def test_heads_of_all_labels_at_once_are_those_of_scikit_learn():
    from sklearn.linear_model import LogisticRegression

    rng = np.random.default_rng(0)
    vectors = rng.normal(size=(300, 8)).astype(np.float32)
    labels = vectors @ rng.normal(size=(8, 3)) + rng.normal(size=(300, 3)) > 0.5
    weights, bias = logistic(vectors, labels, 1.0)
    for label in range(3):
        theirs = LogisticRegression(C=1.0, tol=1e-8).fit(vectors, labels[:, label])
        assert weights[label] == pytest.approx(theirs.coef_[0], abs=0.01)
        assert bias[label] == pytest.approx(theirs.intercept_[0], abs=0.01)


def test_scores_that_say_nothing_are_not_read_the_other_way_round(folder):
    parts = KIND.divide(KIND.read(Source(str(folder / "asked.jsonl"))), 0)
    setting = Setting(parts.train, parts.dev, [], "micro-F1", lambda *_: 0.0)
    settled = settle(setting, np.where(parts.dev.labels, -1.0, 1.0))
    assert settled.scale == 0
    often = 1 / (1 + np.exp(-settled.shift))
    assert often == pytest.approx(parts.dev.labels.mean())


# Contenders


@pytest.mark.slow
def test_contenders_learn_and_knowing_nothing_is_worth_less(verdict):
    assert [one.family for one in verdict.contenders] == list(KIND.table)
    level = {s.name: s.scores.mean("micro-F1") for s in verdict.standings}
    assert level["majority"] < 0.6
    assert min(level[name] for name in ("lexical", "linear", "hybrid", "adapter")) > 0.9
    assert [s.name for s in verdict.standings if s.plain] == ["linear"]


@pytest.mark.slow
@pytest.mark.parametrize("word", KIND.table)
def test_what_is_saved_answers_exactly_alike(word, verdict, tmp_path):
    asked = ["please mend my kettle", "sell and carry it", "", "greet"]
    one = next(c for c in verdict.contenders if c.family == word)
    save(KIND, one, tmp_path / "model")
    again = load(KINDS, tmp_path / "model").contender
    first, second = one.answer(asked), again.answer(asked)
    np.testing.assert_array_equal(first.chances, second.chances)
    np.testing.assert_array_equal(first.told, second.told)


@pytest.mark.slow
def test_macro_f1_can_decide_and_few_texts_of_one_kind_teach_what_there_is(folder):
    examples = KIND.read(Source(str(folder / "asked.jsonl")))
    found = measure_kind(
        examples, KIND, encoders=[WordHashEncoder()], contenders=["linear"], metric="MACRO-F1"
    )
    assert found.settings["metric"] == "macro-F1"
    parts = KIND.divide(examples, 0)
    alike = parts.train.among(np.flatnonzero(~parts.train.labels.any(axis=1))[:5])
    setting = Setting(alike, parts.dev, [WordHashEncoder()], "micro-F1", lambda *_: 0.0)
    for family in ("majority", "linear", "neighbours", "lexical"):
        [one] = KIND.table[family].fit(setting, [])
        assert np.isfinite(one.answer(["mend it"]).chances).all()


@pytest.mark.slow
def test_the_report_shows_what_is_missed_and_told_wrongly(verdict):
    titles = {panel.title: panel for panel in KIND.panels(verdict.shown)}
    assert next(iter(titles)) == "How far to trust a probability"
    assert {row[0] for row in titles["Labels, hardest first"].rows} == set(ACTS)
    json.dumps([plain(panel) for panel in titles.values()])


def test_texts_that_stand_in_train_too_are_told_apart(tmp_path):
    table = rows(80)
    written(tmp_path / "train.jsonl", table[:60])
    written(tmp_path / "dev.jsonl", table[60:])
    new = [{"text": f"{verb} a boat", "labels": [act]} for act, verb in ACTS.items()]
    written(tmp_path / "test.jsonl", [table[0], *new])
    found = measure_kind(
        KIND.read(Source(str(tmp_path))), KIND, encoders=[WordHashEncoder()],
        contenders=["majority", "linear"],
    )  # fmt: skip
    apart = KIND.panels(found.shown)[-1]
    assert "1 of 5 test texts" in apart.caption
    assert [row[0] for row in apart.rows] == ["majority", "linear"]


# The command


def test_the_command_tells_the_kind_and_saves_a_report(folder):
    facts = json.loads((folder / "out" / "verdict.json").read_text())
    assert (facts["kind"], facts["metric"]) == ("multilabel", "micro-F1")
    jsonschema.validate(facts, json.loads((DOCS / "kind.schema.json").read_text()))
    assert facts["reproduce"].startswith("tunewise measure asked.jsonl --kind multilabel")
    assert "Labels, hardest first" in (folder / "out" / "report.html").read_text()
    errors = [one["scores"]["calibration error"] for one in facts["contenders"]]
    assert all(0 <= e["low"] <= e["mean"] <= e["high"] for e in errors)


def test_predict_tells_every_label_above_the_threshold_or_none(folder, capsys):
    (folder / "new.txt").write_text("please mend and sell my boat\nplease greet my boat\n")
    assert main(["predict", "out", "new.txt"]) == 0
    both, none = (json.loads(line) for line in capsys.readouterr().out.splitlines())
    assert {one["label"] for one in both["labels"]} == {"repair", "sale"}
    assert both["labels"] == sorted(both["labels"], key=lambda one: -one["probability"])
    assert all(0.5 < one["probability"] <= 1 for one in both["labels"])
    assert none == {"id": "2", "text": "please greet my boat", "labels": []}


def test_a_separator_says_that_a_label_column_holds_several(folder, capsys):
    lines = [f"{row['text']},{'/'.join(row['labels'])}" for row in rows()]
    (folder / "cut.csv").write_text("\n".join(["text,label", *lines]))
    options = ["--encoder", "word-hash", "--try", "majority,linear", "--out", "cut"]
    assert main(["measure", "cut.csv", "--set", "separator=/", *options]) == 0
    facts = json.loads((folder / "cut" / "verdict.json").read_text())
    assert facts["kind"] == "multilabel"
    assert "--set separator=/" in facts["reproduce"]
    assert main(["tune", "asked.jsonl"]) == 2
    assert "several labels each" in capsys.readouterr().err
    assert main(["check", "asked.jsonl"]) == 2
    assert "looks like data for multilabel" in capsys.readouterr().err
