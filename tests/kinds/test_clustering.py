"""Texts fall into groups: what is read, found, scored, kept and shown."""

import numpy as np
import pytest
from sklearn.metrics import adjusted_rand_score, silhouette_samples, v_measure_score

from tunewise.data.labelled import LabelledTexts
from tunewise.errors import DataError, OptionError
from tunewise.kinds import KINDS, Source, load, save
from tunewise.kinds.clustering.metrics import adjusted_rand, silhouettes, v_measure
from tunewise.kinds.clustering.naming import names_of
from tunewise.measurement.of_kind import measure_kind
from tunewise.testing import WordHashEncoder

KIND = KINDS["clustering"]
UNTUNED = ("lexical", "kmeans", "hierarchical", "density", "hybrid")
TOPICS = {
    "pets": "cat dog kitten puppy",
    "cars": "wheel engine brake gear",
    "food": "bread cheese soup salad",
    "sky": "moon star comet orbit",
    "music": "violin drum chord tune",
    "money": "loan rent price coin",
    "sport": "goal race match team",
    "house": "roof door wall floor",
}
MOODS = (
    "please kindly thanks dear", "never awful broken angry", "great lovely happy super",
    "maybe perhaps unsure wonder", "quick urgent hurry asap", "old tired slow dull",
    "odd weird funny strange", "sad sorry lonely blue",
)  # fmt: skip


def rows(each=25, topics=8, mood=4, seed=0):
    """Words of a topic, which is the label, among as many of a mood, which is not."""
    rng = np.random.default_rng(seed)
    found = []
    for label in list(TOPICS)[:topics]:
        for _ in range(each):
            words = [*rng.choice(TOPICS[label].split(), 2)]
            words += [*rng.choice(MOODS[rng.integers(8)].split(), mood)]
            found.append((" ".join(rng.permutation(words)), label))
    return found


def plain_rows():
    """All words of a topic, and a number."""
    return [(f"{words} number{n}", label) for label, words in TOPICS.items() for n in range(12)]


def written(path, pairs):
    path.write_text("text,label\n" + "".join(f"{text},{label}\n" for text, label in pairs))
    return str(path)


@pytest.fixture(autouse=True)
def own_cache(tmp_path, monkeypatch):
    monkeypatch.setenv("TUNEWISE_CACHE", str(tmp_path / "cache"))


@pytest.fixture(scope="module")
def verdict(tmp_path_factory):
    folder = tmp_path_factory.mktemp("texts")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("TUNEWISE_CACHE", str(folder / "cache"))
        return measured(written(folder / "topics.csv", rows()), [*UNTUNED, "adapter"], groups="8")


def measured(path, contenders=None, metric=None, columns=None, **options):
    examples = KIND.read(Source(path, columns=columns or {}, options=options))
    return measure_kind(
        examples, KIND, encoders=[WordHashEncoder()], contenders=contenders, metric=metric
    )


def levels(verdict, metric="V-measure"):
    return {one.name: one.scores.mean(metric) for one in verdict.standings}


# What it is scored by


def test_metrics_are_those_of_scikit_learn_also_of_repeated_texts():
    rng = np.random.default_rng(0)
    truth, given = rng.integers(0, 5, 60), rng.integers(-1, 4, 60)
    every = np.ones(60)
    assert v_measure(truth, given)(every) == pytest.approx(v_measure_score(truth, given))
    assert adjusted_rand(truth, given)(every) == pytest.approx(adjusted_rand_score(truth, given))
    times = rng.integers(0, 3, 60)
    drawn = np.repeat(np.arange(60), times)
    assert v_measure(truth, given)(times.astype(float)) == pytest.approx(
        v_measure_score(truth[drawn], given[drawn])
    )
    some = (times > 0).astype(float)
    assert adjusted_rand(truth, given)(some) == pytest.approx(
        adjusted_rand_score(truth[times > 0], given[times > 0])
    )


def test_a_text_drawn_twice_is_no_pair_with_itself():
    # apart where they should be together: no pair is right, however often each is drawn
    assert adjusted_rand(np.array([0, 0, 1, 1]), np.array([0, 1, 0, 1]))(
        np.array([2.0, 2.0, 2.0, 2.0])
    ) == pytest.approx(-0.5)


def test_v_measure_by_hand():
    # labels aabb, groups aabc: H(labels) = ln 2, H(groups) = 1.5 ln 2, shared ln 2 → 2 / 2.5
    statistic = v_measure(np.array([0, 0, 1, 1]), np.array([0, 0, 1, 2]))
    assert statistic(np.ones(4)) == pytest.approx(0.8)


@pytest.mark.parametrize("make", [v_measure, adjusted_rand])
def test_a_degenerate_draw_gives_a_number(make):
    statistic = make(np.array([0, 0, 1]), np.array([0, 1, 1]))
    for weights in ([0, 0, 0], [1, 0, 0], [0, 3, 0], [1, 1, 0]):
        assert np.isfinite(statistic(np.array(weights, dtype=float)))


def test_silhouettes_are_those_of_scikit_learn():
    rng = np.random.default_rng(1)
    vectors = rng.normal(size=(30, 6)).astype(np.float32)
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    groups = np.array([0] * 10 + [3] * 12 + [5] * 7 + [7])
    expected = silhouette_samples(vectors.astype(np.float64), groups, metric="cosine")
    assert silhouettes(vectors, groups) == pytest.approx(expected, abs=1e-6)
    assert silhouettes(vectors, np.where(groups == 5, -1, 0)).tolist() == [0.0] * 30


def test_a_group_is_named_by_words_that_others_lack():
    texts = ["the cat sat", "the cat ran", "the bus left", "the bus came"]
    assert names_of(texts, np.array([0, 0, 1, 1]), 3, terms=1) == ["cat", "bus", "group 2"]


# The verdict


def test_a_map_learned_from_labels_pays_where_texts_would_fall_apart_by_mood(verdict):
    assert verdict.answer == "tune"
    assert verdict.contender.name == "adapter"
    found = levels(verdict)
    assert found["adapter"] > found["kmeans"] + 0.1
    assert [one.name for one in verdict.contenders] == [*UNTUNED, "adapter"]
    assert [one.name for one in verdict.contenders if one.plain] == ["kmeans"]


def test_as_many_groups_are_found_as_there_are_labels(tmp_path):
    found = measured(written(tmp_path / "t.csv", plain_rows()), ["kmeans", "hierarchical"])
    assert [one.settings["number"] for one in found.contenders] == [8, 8]
    assert levels(found)["hierarchical"] > 0.9


def test_an_adapter_that_gains_nothing_is_the_base(tmp_path):
    path = written(tmp_path / "t.csv", plain_rows())
    found = measured(path, ["hierarchical", "kmeans", "adapter"])
    adapter = found.contenders[-1]
    assert adapter.same_as == "kmeans"
    gain = found.decision.known["adapter", "kmeans"]
    assert (gain.low, gain.difference, gain.high) == (0.0, 0.0, 0.0)
    assert found.answer != "tune"


def test_whole_groups_can_be_kept_for_test(tmp_path):
    finer = [(text, f"{label}{place % 3}") for place, (text, label) in enumerate(rows(each=30))]
    path = written(tmp_path / "t.csv", finer)
    parts = KIND.divide(KIND.read(Source(path, options={"split": "class"})), 0)
    train, dev, test = (
        set(part.labels.tolist()) - {-1} for part in (parts.train, parts.dev, parts.test)
    )
    assert [len(labels) for labels in (train, dev, test)] == [13, 5, 6]
    assert len(train | dev | test) == 24
    hidden = sum(parts.train.labels < 0)
    assert 35 < hidden < 75  # half of the texts of eleven groups of ten
    found = measured(path, ["kmeans", "adapter"], split="class")
    assert found.data["split"]["by"] == "class"
    assert set(found.groups) == {str(label) for label in test}


def test_of_fewer_labels_all_texts_stay():
    part = LabelledTexts(
        ["a", "b", "c"], np.array([0, 1, 0]), ["x", "y"], np.array(["train"] * 3), np.arange(3)
    )
    assert KIND.take(part, np.array([1])).labels.tolist() == [-1, 1, -1]
    test = KIND.take(
        LabelledTexts(**{**vars(part), "parts": np.array(["test"] * 3)}), np.array([1])
    )
    assert test.texts == ["b"]


# Without labels


def test_texts_without_labels_are_judged_by_silhouette_and_nothing_is_tuned(tmp_path):
    path = tmp_path / "texts.txt"
    path.write_text("\n".join(text for text, _ in rows(mood=0)) + "\n")
    found = measured(str(path))
    assert found.answer == "cannot tell yet"
    assert found.kind.metrics == ("silhouette",)
    assert {"adapter", "tuned"} <= {one.name for one in found.skipped}
    best = max(found.standings, key=lambda one: one.dev)
    assert found.contender.name == best.name
    assert len(found.kind.panels(found.shown)) == 2


def test_a_label_column_can_be_passed_over(tmp_path):
    path = written(tmp_path / "t.csv", rows(each=10))
    assert len(KIND.read(Source(path)).names) == 8
    assert KIND.read(Source(path, columns={"label": ""})).names == ("",)


def test_without_labels_v_measure_is_refused(tmp_path):
    path = tmp_path / "texts.txt"
    path.write_text("\n".join(text for text, _ in rows(each=10)))
    with pytest.raises(OptionError, match="silhouette"):
        measured(str(path), ["kmeans"], metric="V-measure")


# Kept and used


def test_what_is_loaded_groups_alike(tmp_path, verdict):
    texts = [text for text, _ in rows(each=3, seed=5)] + ["", "unheard"]
    for one in verdict.contenders:
        if one.encoder is None:  # the fake encoder is not to be had by name
            save(KIND, one, tmp_path / one.name)
            assert load(KINDS, tmp_path / one.name).contender.answer(texts).tolist() == (
                one.answer(texts).tolist()
            )


def test_a_text_is_grouped_alone_as_among_others(verdict):
    texts = [text for text, _ in rows(each=3, seed=5)]
    for one in verdict.contenders:
        alone = [int(one.answer([text])[0]) for text in texts]
        assert alone == one.answer(texts).tolist()


def test_groups_have_names_and_texts_in_none_are_said_to_be(verdict):
    for one in verdict.contenders:
        answers = one.answer(verdict.shown.judged.texts)
        assert answers.min() >= -1
        assert answers.max() < len(one.settings["names"])
    topics = {word for words in TOPICS.values() for word in words.split()}
    names = next(one for one in verdict.contenders if one.name == "adapter").settings["names"]
    assert all(set(name.split(", ")) <= topics for name in names)


def test_what_is_told_of_new_texts_is_their_group_and_its_name(verdict):
    one = verdict.contender
    told = [*KIND.told(one, ["cat dog", "loan rent"], np.array([3, -1]), {})]
    assert told == [
        {"text": "cat dog", "group": 3, "name": one.settings["names"][3]},
        {"text": "loan rent", "group": -1, "name": None},
    ]


def test_what_is_shown(verdict):
    found = KIND.panels(verdict.shown)
    assert [panel.title for panel in found[:2]] == [
        "Map of the groups",
        "The groups, largest first",
    ]
    spots, table = found[:2]
    assert len(spots.spots) == len(verdict.shown.judged)
    assert {group for _, _, group in spots.spots} <= set(range(len(spots.names)))
    assert sum(row[1] for row in table.rows) == len(verdict.shown.judged)
    assert set(table.rows[0][3:4]) <= set(TOPICS)


def test_texts_also_in_train_are_told_of(tmp_path):
    pairs = rows(each=10)
    for part, some in (("train", pairs[::2]), ("test", [*pairs[1::2], *pairs[:6:2]])):
        written(tmp_path / f"{part}.csv", some)
    found = measured(str(tmp_path), ["kmeans"])
    assert "D067" in [finding.code for finding in found.findings]
    last = KIND.panels(found.shown)[-1]
    assert last.title == "Without texts that are also in train"
    assert last.rows[0][0] == "kmeans"
    assert last.columns == ("contender", "ARI, all", "ARI, without")


# What is refused


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"groups": "many"}, "no number of groups"),
        ({"groups": "1"}, "no number of groups"),
        ({"groups": "5000"}, "5,000 groups were asked for"),
        ({"split": "sideways"}, "cannot be divided"),
        ({"colour": "red"}, "no option 'colour'"),
    ],
)
def test_senseless_options_are_refused(tmp_path, options, said):
    path = written(tmp_path / "t.csv", rows(each=10))
    with pytest.raises(OptionError, match=said):
        KIND.read(Source(path, options=options))


def test_too_few_groups_to_keep_some_are_refused(tmp_path):
    path = written(tmp_path / "t.csv", rows(each=10, topics=4))
    with pytest.raises(DataError, match="4 groups, too few"):
        KIND.read(Source(path, options={"split": "class"}))


def test_texts_that_all_say_the_same_are_refused(tmp_path):
    path = tmp_path / "same.txt"
    path.write_text("all the same\n" * 40)
    with pytest.raises(DataError, match="1 groups"):
        KIND.read(Source(str(path)))
    for part in ("train", "dev", "test"):
        (tmp_path / f"{part}.csv").write_text("text\n" + "all the same\n" * 20)
    path.unlink()
    with pytest.raises(DataError, match="say the same"):
        KIND.read(Source(str(tmp_path)))


def test_empty_texts_are_left_out_and_told_of(tmp_path):
    path = tmp_path / "t.txt"
    path.write_text("\n".join(["", "  ", *(text for text, _ in rows(each=10))]))
    found = KIND.read(Source(str(path)))
    assert len(found) == 80
    assert [f.count for f in found.findings if f.code == "D065"] == [2]
