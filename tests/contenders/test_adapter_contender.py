"""The adapter as a contender: never delivered if dev prefers its base; groups reach the verdict."""

from dataclasses import replace

import numpy as np
import pytest

import tunewise
from tunewise.contenders import Setting, adapter, dev_mean, pretrained
from tunewise.data.split import divide
from tunewise.task import Part
from tunewise.testing import WordHashEncoder, tiny_task

pytestmark = pytest.mark.slow  # torch takes seconds to import


def setting(task):
    return Setting(divide(task).training, [WordHashEncoder()], "nDCG@10")


def misled(training):
    """The same training with every train query judged to be answered by a wrong document."""
    train = training.train
    wrong = {query: {f"d{(int(query[1:]) * 37 + 11) % 128}": 1.0} for query in train.queries.ids}
    return replace(training, train=Part(train.queries, wrong, train.groups))


@pytest.mark.parametrize("seed", range(3))
def test_an_adapter_learned_from_wrong_pairs_is_never_worse_than_its_base_on_dev(seed):
    honest = setting(tiny_task())
    bad = replace(honest, training=misled(honest.training), seed=seed)
    [base] = pretrained.fit(bad, [])
    dev, metric = bad.training.dev, bad.metric
    for contender in adapter.fit(bad, [base]):
        tuned = dev_mean(contender.dev, dev, metric, 1.0)
        assert tuned >= dev_mean(base.dev, dev, metric, 1.0)


def test_the_base_is_delivered_where_looks_and_all_of_dev_disagree(monkeypatch):
    """Looks see a sample of dev; what they liked but all of dev does not is not delivered."""
    tried = setting(tiny_task())
    ruin = adapter.Adapter(-np.eye(64, dtype=np.float32), None)  # every query turned round
    monkeypatch.setattr(adapter, "train_adapter", lambda *args, **options: (ruin, 2.0))
    for contender in adapter.fit(tried, []):
        assert "this is the base" in contender.notes[0]


def test_queries_of_one_group_count_as_one_in_the_verdict():
    task = tiny_task()
    grouped = replace(task, groups={q: f"g{int(q[1:]) // 4}" for q in task.judgments})
    found = tunewise.measure(
        grouped, encoders=[WordHashEncoder()], contenders=["lexical", "pretrained"]
    )
    [comparison] = found.decision.against.values()
    assert comparison.units > comparison.groups
    assert comparison.groups == found.data["split"]["groups"]["test"]
