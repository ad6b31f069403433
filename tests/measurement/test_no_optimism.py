"""Controls: where there is nothing to learn, or test was learned from, the answer is never tune."""

from dataclasses import replace

import numpy as np
import pytest

import tunewise
from tunewise.data.split import divide
from tunewise.finding import Finding
from tunewise.testing import WordHashEncoder, tiny_task
from tunewise.verdict import Standing, decide, doubted

pytestmark = pytest.mark.usefixtures("no_curve")

WORDS = ["lexical", "pretrained", "hybrid", "adapter"]


def measured(task, **options):
    return tunewise.measure(task, encoders=[WordHashEncoder()], contenders=WORDS, **options)


def parts_of(task, seed=0):
    division = divide(task, seed=seed)
    held = {
        "train": division.training.train,
        "dev": division.training.dev,
        "test": division.test.part,
    }
    return {query: name for name, part in held.items() for query in part.queries.ids}


def permuted(task, parts, seed):
    """The task with the answers of its train queries dealt out anew; dev and test as they were."""
    train = sorted(query for query, part in parts.items() if part == "train")
    dealt = np.random.default_rng(seed).permutation(train).tolist()
    new = {query: task.judgments[other] for query, other in zip(train, dealt, strict=True)}
    return replace(task, judgments={**task.judgments, **new}, parts=parts)


@pytest.mark.slow
def test_there_is_something_to_learn_where_nothing_is_permuted():
    assert measured(tiny_task()).answer == "tune"


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(4))
def test_permuted_labels_never_say_tune(seed):
    task = tiny_task()
    found = measured(permuted(task, parts_of(task, seed), seed), seed=seed)
    assert found.answer != "tune"
    assert found.decision.gain.low <= 0


@pytest.mark.slow
@pytest.mark.parametrize("package", ["numpy", "networkx"])
def test_permuted_labels_of_a_real_task_never_say_tune(package):
    task = tunewise.docstring_task([package], limit=240)
    dealt, engine = permuted(task, parts_of(task), 0), "openvino:bf16"  # in half the time
    found = tunewise.measure(dealt, contenders=WORDS, engine=engine)
    assert found.answer != "tune"


@pytest.mark.slow
def test_a_leaked_split_is_not_believed():
    task = tiny_task()
    train = sorted(task.judgments)[:64]
    copies = {f"copy of {query}": query for query in train}
    leaked = replace(
        task,
        queries=replace(
            task.queries,
            ids=[*task.queries.ids, *copies],
            texts=[*task.queries.texts, *(task.queries.text(one) for one in copies.values())],
        ),
        judgments={
            **{query: task.judgments[query] for query in train},
            **{copy: task.judgments[one] for copy, one in copies.items()},
        },
        parts={**dict.fromkeys(train, "train"), **dict.fromkeys(copies, "test")},
    )
    found = measured(leaked)
    assert found.decision.gain.low > 0.02  # learned by heart
    assert found.answer == "cannot tell yet"
    assert "D032" in found.sentence and "not to be believed" in found.sentence
    assert not found.contender.tuned
    assert "tune" not in {change.answer for change in found.changes}
    assert found.decision.target is None


def sure_of(gain):
    groups = [str(number) for number in range(100)]
    base = np.random.default_rng(0).uniform(0.2, 0.8, 100)
    from tunewise.metrics import Scores

    standings = [
        Standing(name, tuned, mean, Scores(groups, {"nDCG@10": values}, 0, 0, {}, {}))
        for name, tuned, mean, values in (
            ("pretrained", False, 0.5, base),
            ("adapter", True, 0.6, np.clip(base + gain, 0, 1)),
        )
    ]
    return decide(standings, groups, metric="nDCG@10", worth=0.02)


@pytest.mark.parametrize(
    ("severity", "answer"), [("error", "cannot tell yet"), ("warning", "tune")]
)
def test_a_leak_takes_the_answer_away_only_where_most_of_test_leaks(severity, answer):
    leak = Finding("D033", severity, "Test queries are in train", 60, (), "Remove them.")
    found = doubted(sure_of(0.1), [leak])
    assert found.answer == answer
    assert any("Test queries are in train" in reason for reason in found.reasons)


def test_a_leak_makes_an_answer_against_tuning_no_weaker():
    leak = Finding("D033", "error", "Test queries are in train", 60, (), "Remove them.")
    assert doubted(sure_of(0.0), [leak]) == sure_of(0.0)


def test_identical_contenders_differ_by_nothing_at_all():
    found = sure_of(0.0).gain
    assert (found.low, found.difference, found.high) == (0, 0, 0)
