"""Similarity: contenders answer alike after loading, learn what can be learned, and no more."""

import json
from dataclasses import replace
from itertools import pairwise

import numpy as np
import pytest
from likeness_data import made

from tunewise.errors import DataError, OptionError
from tunewise.kinds import KINDS, Setting, Shown, Source, load, panels, save
from tunewise.kinds.similarity.answers import Answers, asked
from tunewise.kinds.similarity.metrics import METRICS, score
from tunewise.measurement.of_kind import measure_kind
from tunewise.testing import WordHashEncoder

KIND = KINDS["similarity"]
UNTAUGHT = ("lexical", "cosine", "hybrid")


@pytest.fixture(autouse=True)
def own_cache(tmp_path, monkeypatch):
    monkeypatch.setenv("TUNEWISE_CACHE", str(tmp_path / "cache"))


def setting_of(examples, metric="Spearman"):
    def level(answers, part):
        return score(answers, part, [metric]).mean(metric)

    train, dev = examples.take("train"), examples.take("dev")
    return Setting(train, dev, [WordHashEncoder()], metric, level)


def fitted(setting, words):
    found = {}
    for word in words:
        for one in KIND.table[word].fit(setting, list(found.values())):
            found[one.name] = one
    return found


@pytest.fixture(scope="module")
def contenders():
    return fitted(setting_of(made()), (*UNTAUGHT, "adapter"))


@pytest.fixture(scope="module")
def judged():
    return made().take("test")


@pytest.mark.parametrize("name", [*UNTAUGHT, "adapter"])
def test_what_was_saved_answers_exactly_as_what_was_fitted(contenders, judged, name, tmp_path):
    save(KIND, contenders[name], tmp_path / "kept")
    loaded = load(KINDS, tmp_path / "kept")
    one, other = (c.answer(asked(judged)) for c in (contenders[name], loaded.contender))
    assert loaded.kind.name == "similarity"
    np.testing.assert_array_equal(one.likeness, other.likeness)
    assert one.threshold == other.threshold is not None
    assert loaded.contender.tuned == contenders[name].tuned


@pytest.mark.parametrize("name", [*UNTAUGHT, "adapter"])
def test_which_text_comes_first_makes_no_difference(contenders, judged, name):
    pairs = asked(judged)
    turned = [(other, one) for one, other in pairs]
    one, other = (contenders[name].answer(some).likeness for some in (pairs, turned))
    np.testing.assert_allclose(one, other, atol=1e-7)


@pytest.mark.parametrize("name", [*UNTAUGHT, "adapter"])
def test_a_text_is_as_like_itself_as_can_be(contenders, name):
    same, apart = contenders[name].answer([("mend the kettle",) * 2, ("a", "zebra")]).likeness
    assert same == pytest.approx(1.0, abs=1e-6)
    assert apart < same


def test_the_threshold_stands_in_the_settings_with_its_precision_and_recall(contenders):
    dev = made().take("dev")
    for one in contenders.values():
        called, truth = one.answer(asked(dev)).duplicates, dev.scores >= 0.8
        chosen = one.settings["threshold"]
        assert chosen["precision"] == pytest.approx(truth[called].mean())
        assert chosen["recall"] == pytest.approx(called[truth].mean())


def test_words_overlap_by_what_they_tell(contenders):
    examples = made(80)
    texts = ["a red kettle", "a blue kettle", "a red mirror", "a blue mirror"]
    few = examples.among(np.arange(4))
    few = replace(few, first=texts, second=texts[::-1], parts=np.repeat("train", 4))
    [lexical] = fitted(replace(setting_of(examples), train=few, dev=few), ["lexical"]).values()
    pairs = [("red kettle", "blue kettle"), ("Saturn", "Neptune"), ("?", "?"), ("red", "Red")]
    shared, unknown, wordless, same = lexical.answer(pairs).likeness
    # red, blue and kettle stand in two of four texts each, so they weigh the same
    wanted = {"cosine": 1 / 2, "jaccard": 1 / 3}[lexical.settings["overlap"]]
    assert shared == pytest.approx(wanted)
    assert (unknown, wordless, same) == (0, 0, pytest.approx(1))


def test_an_adapter_learns_that_other_words_mean_the_same(contenders, judged):
    level = {
        name: score(one.answer(asked(judged)), judged, ["average precision"]).mean(
            "average precision"
        )
        for name, one in contenders.items()
    }
    assert level["adapter"] > level["cosine"] + 0.1
    assert contenders["adapter"].same_as is None


def test_an_adapter_that_dev_does_not_like_is_the_cosine_and_says_so(contenders, judged):
    setting = setting_of(made())
    wrong = replace(setting.train, scores=1 - setting.train.scores)
    found = fitted(replace(setting, train=wrong), ["adapter"])["adapter"]
    assert found.same_as == "cosine" and not found.arrays
    one, other = (c.answer(asked(judged)) for c in (found, contenders["cosine"]))
    np.testing.assert_array_equal(one.likeness, other.likeness)
    assert "no map beat the identity" in found.notes[0]


def test_the_weight_of_a_hybrid_is_the_one_dev_likes_best(contenders):
    setting = setting_of(made())
    pairs = asked(setting.dev)
    words, vectors, hybrid = (contenders[name].answer(pairs).likeness for name in UNTAUGHT)
    share = contenders["hybrid"].settings["share"]
    np.testing.assert_allclose(hybrid, (1 - share) * words + share * vectors)
    tried = [setting.level(Answers((1 - s) * words + s * vectors), setting.dev)
             for s in np.arange(1, 10) / 10]  # fmt: skip
    assert setting.level(Answers(hybrid), setting.dev) == pytest.approx(max(tried))


def test_without_a_dev_part_nothing_is_tuned():
    setting = setting_of(made(80))
    bare = replace(setting, dev=setting.dev.among(np.arange(0)))
    assert list(fitted(bare, KIND.table)) == list(UNTAUGHT)


def shown_of(contenders, examples, name):
    judged = examples.take("test")
    answers = {one.name: one.answer(asked(judged)) for one in contenders.values()}
    scores = {name: score(each, judged, METRICS) for name, each in answers.items()}
    return Shown(examples.take("train"), judged, contenders[name], answers, scores)


def test_panels_show_where_duplicates_begin_and_what_is_misjudged(contenders):
    shown = shown_of(contenders, made(marked=True), "adapter")
    curves, over, under = map(panels.plain, KIND.panels(shown))
    assert curves["mark"] == contenders["adapter"].settings["threshold"]["likeness"]
    precision, recall = (dict(line["points"]) for line in curves["lines"])
    assert all(a >= b for a, b in pairwise(list(recall.values())))
    share = shown.judged.scores.mean()
    assert recall[min(recall)] == 1 and precision[min(precision)] == pytest.approx(share)
    assert [each["title"] for each in (over, under)] == ["Most overrated", "Most underrated"]
    assert all(told.startswith("score 0 of") for _, told in over["items"])
    assert all(told.startswith("score 1 of") for _, told in under["items"])
    json.dumps([curves, over, under])


def test_scores_stand_apart_without_pairs_that_have_a_text_in_train(contenders):
    examples = made()
    known = examples.first[0].upper(), *examples.first[451:]
    shown = shown_of(contenders, replace(examples, first=[*examples.first[:450], *known]), "cosine")
    table = panels.plain(KIND.panels(shown)[-1])
    assert table["caption"].startswith("1 of 150 test pairs")
    row = dict(zip(table["columns"], table["rows"][1], strict=True))
    rest = shown.judged.among(np.arange(1, 150))
    without = score(Answers(shown.answers["cosine"].likeness[1:]), rest, ["Spearman"])
    assert row["contender"] == "cosine"
    assert row["Spearman, without"] == round(without.mean("Spearman"), 4)
    assert row["Spearman, all"] == round(shown.scores["cosine"].mean("Spearman"), 4)


def test_what_test_says_changes_nothing_that_is_fitted():
    examples = made(80)
    other = replace(examples, scores=np.where(examples.parts == "test", 0.5, examples.scores))
    one, two = (fitted(setting_of(each), UNTAUGHT) for each in (examples, other))
    assert all(one[name].settings == two[name].settings for name in UNTAUGHT)


def test_a_metric_that_cannot_decide_is_refused():
    with pytest.raises(OptionError, match="Choose from Spearman, average precision"):
        measure_kind(made(80), KIND, metric="nDCG@10")


def test_pairs_without_scores_are_refused(tmp_path):
    path = tmp_path / "pairs.csv"
    path.write_text("sentence1,sentence2\na,b\n")
    with pytest.raises(DataError, match="score"):
        KIND.read(Source(str(path)))
