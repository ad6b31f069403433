"""Controls of every kind: tuning pays where there is something to learn, and never where not.

Each kind has data on which labels teach what frozen vectors do not say. What is learned from is
then permuted, and nothing else: a verdict that would say `tune` to that says it to chance.
"""

from dataclasses import replace

import numpy as np
import pytest
from likeness_data import made
from test_anomaly import read as read_marked
from test_anomaly import rows as marked_rows
from test_anomaly import written as written_marked
from test_clustering import rows as topic_rows
from test_clustering import written as written_topics
from test_recommendation import topics

from tunewise.data.labelled import LabelledTexts
from tunewise.data.multilabelled import MultiLabelledTexts
from tunewise.kinds import KINDS, Source
from tunewise.measurement.of_kind import measure_kind
from tunewise.testing import WordHashEncoder

pytestmark = pytest.mark.usefixtures("no_curve")

CONTENDERS = {
    "classification": ["majority", "linear", "adapter"],
    "multilabel": ["majority", "linear", "adapter"],
    "similarity": ["cosine", "adapter"],
    "clustering": ["kmeans", "adapter"],
    "anomaly": ["neighbours", "adapter"],
    "recommendation": ["popular", "content", "adapter"],
}


@pytest.fixture(autouse=True)
def own_cache(tmp_path, monkeypatch):
    monkeypatch.setenv("TUNEWISE_CACHE", str(tmp_path / "cache"))


def either(count=1600):
    """Texts with one word of two and one of another two, and whether just one is the first of its.

    No line parts them, since each word alone says nothing; of words between, each has others.
    """
    rng = np.random.default_rng(0)
    left, right = rng.integers(0, 2, (2, count))
    between = rng.integers(0, 300, (count, 3))
    texts = [
        f"{('kettle', 'ladder')[a]} w{x} w{y} w{z} {('violin', 'anchor')[b]}"
        for a, b, (x, y, z) in zip(left.tolist(), right.tolist(), between.tolist(), strict=True)
    ]
    parts = np.repeat(["train", "dev", "test"], [count // 2, count // 4, count - 3 * count // 4])
    return texts, left, right, parts, np.arange(count)


def examples_of(kind, folder):
    if kind == "classification":
        texts, left, right, parts, groups = either()
        return LabelledTexts(texts, left ^ right, ["both", "either"], parts, groups)
    if kind == "multilabel":
        texts, left, right, parts, groups = either()
        labels = np.column_stack([left ^ right, 1 - (left ^ right), left]).astype(bool)
        return MultiLabelledTexts(texts, labels, ["either", "both", "kettle"], parts, groups)
    if kind == "similarity":
        return made(600)
    if kind == "clustering":
        path = written_topics(folder / "topics.csv", topic_rows(each=40))
        return KINDS[kind].read(Source(path, options={"groups": "8"}))
    if kind == "anomaly":
        return read_marked(written_marked(folder / "texts.csv", marked_rows(640, 160)))
    return topics(users=200, items=200, count=10, step=3)


def permuted(examples, kind, seed):
    """What is learned from, dealt out anew; dev and test as they were, where there are parts."""
    rng = np.random.default_rng(seed)
    if kind == "recommendation":  # every user's own last items are dev and test
        lists = [rng.permutation(200)[:size] for size in np.diff(examples.starts).tolist()]
        return replace(examples, places=np.concatenate(lists))
    name = "scores" if kind == "similarity" else "labels"
    taught = np.array(getattr(examples, name))
    train = np.flatnonzero(examples.parts == "train")
    taught[train] = taught[rng.permutation(train)]
    return replace(examples, **{name: taught})


def gain(examples, kind):
    found = measure_kind(
        examples, KINDS[kind], encoders=[WordHashEncoder()], contenders=CONTENDERS[kind]
    )
    return found.answer, found.decision.gain


# recommendation's is in test_recommendation, with what it says of its users
@pytest.mark.slow
@pytest.mark.parametrize("kind", [kind for kind in KINDS if kind != "recommendation"])
def test_tuning_pays_where_there_is_something_to_learn(kind, tmp_path):
    answer, found = gain(examples_of(kind, tmp_path), kind)
    assert answer == "tune"
    assert found.low > 0


@pytest.mark.slow
@pytest.mark.parametrize("kind", KINDS)
def test_what_is_dealt_out_anew_teaches_nothing(kind, tmp_path):
    examples = examples_of(kind, tmp_path)
    found = [gain(permuted(examples, kind, seed), kind) for seed in range(3)]
    assert "tune" not in {answer for answer, _ in found}
    # One interval of 40 lies above 0 by chance, and how often a label is given is still learned.
    assert sum(one.low <= 0 for _, one in found) >= 2
    # learned from chance, a map may do harm, and an interval below 0 then says so rightly
    assert sum(one.high >= 0 for _, one in found) >= 2
