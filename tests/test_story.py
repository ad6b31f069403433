"""The whole story on a tiny task: from a task to a verdict, a folder, and a search."""

import json
from pathlib import Path

import pytest
from jsonschema import Draft202012Validator

import tunewise
from tunewise.contenders import load_contender
from tunewise.measurement.budget import BudgetSpent
from tunewise.report import facts
from tunewise.report.unmeasured import more_time
from tunewise.task import Texts
from tunewise.testing import WordHashEncoder, tiny_task

pytestmark = pytest.mark.usefixtures("module_cache")

SCHEMA = Path("docs/verdict.schema.json")


def measured(task=None, **options):
    return tunewise.measure(task or tiny_task(), encoders=[WordHashEncoder()], **options)


@pytest.fixture(scope="module")
def verdict():
    return measured()


@pytest.fixture
def no_curve_here(monkeypatch):
    """As `no_curve`, for one test."""
    monkeypatch.setattr("tunewise.measurement.repeats.Again.foreseen", lambda *_: None)


def timeless(verdict):
    plain = facts(verdict)
    del plain["timing"]
    return json.dumps(plain)


def test_an_untuned_measurement_needs_no_model():
    found = measured(contenders=["lexical", "pretrained", "hybrid"])
    assert [c.name for c in found.contenders] == ["lexical", "pretrained", "hybrid"]
    assert found.answer == "cannot tell yet"


@pytest.mark.slow
def test_every_contender_takes_part_cheapest_first(verdict):
    assert [contender.name for contender in verdict.contenders] == [
        "lexical",
        "pretrained",
        "hybrid",
        "adapter-query",
        "adapter-query-hybrid",
        "adapter-both",
        "adapter-both-hybrid",
    ]


@pytest.mark.slow
def test_the_answer_is_one_of_four(verdict):
    assert verdict.answer.split(" with ")[0] in ("tune", "suffices", "cannot tell yet")


@pytest.mark.slow
def test_facts_follow_the_schema(verdict):
    Draft202012Validator(json.loads(SCHEMA.read_text())).validate(facts(verdict))


@pytest.mark.slow
def test_the_same_task_and_seed_give_the_same_facts_but_for_times(verdict):
    assert timeless(measured()) == timeless(verdict)


def test_the_same_measurement_is_one_use_of_the_test_part_and_another_a_second():
    def use(**options):
        found = measured(contenders=["lexical", "pretrained"], **options)
        return found.data["test_use"]["ordinal"]

    first = use()
    assert use() == first
    assert use(worth=0.05) > first


@pytest.mark.slow
def test_what_is_saved_ranks_as_what_was_measured(verdict, tmp_path):
    tunewise.save_verdict(verdict, tmp_path)
    task = tiny_task()
    queries = task.queries.take(range(5))
    for folder, contender in (("model", verdict.contender), ("base", verdict.base)):
        back = load_contender(tmp_path / folder, task.documents)
        assert back.name == contender.name
        for place in range(5):
            assert back.rank(queries).best(place, 3) == contender.rank(queries).best(place, 3)


@pytest.mark.slow
def test_shuffled_judgments_never_say_tune(no_curve_here):
    task = tiny_task()
    turned = {query: {f"d{(int(query[1:]) * 37 + 11) % 128}": 1.0} for query in task.judgments}
    shuffled = tunewise.Task(
        documents=task.documents,
        queries=task.queries,
        judgments=turned,
        groups={query: query for query in turned},
    )
    assert measured(shuffled).answer != "tune"


def test_a_task_without_a_train_part_is_measured_untuned_and_says_so():
    task = tiny_task()
    only_test = tunewise.Task(
        documents=task.documents,
        queries=task.queries,
        judgments=task.judgments,
        parts=dict.fromkeys(task.judgments, "test"),
    )
    found = measured(only_test)
    assert not any(contender.tuned for contender in found.contenders)
    assert any(skip.name == "adapter" for skip in found.skipped)
    assert any(finding.code == "D052" for finding in found.findings)


def test_a_spent_budget_leaves_out_what_it_did_not_reach_and_says_so():
    found = measured(budget=1e-9)
    assert [contender.name for contender in found.contenders] == ["lexical"]
    assert {skip.name for skip in found.skipped} >= {"pretrained", "hybrid", "adapter"}
    assert all("budget" in skip.why for skip in found.skipped if skip.name == "pretrained")


@pytest.mark.slow
def test_a_hybrid_that_time_kept_out_is_named_by_itself_and_not_as_the_one_that_was_made(
    no_curve_here,
):
    steps = []

    def late(what, done, total):
        steps.append(what)
        if not what and "training an adapter" in steps and steps.count("time is up") == 0:
            steps.append("time is up")
            raise BudgetSpent

    words = ["lexical", "pretrained", "hybrid", "adapter"]
    found = measured(contenders=words, budget=600.0, progress=late)
    assert {"hybrid", "adapter-query"} <= {one.name for one in found.contenders}
    late_ones = [skip.name for skip in found.skipped if skip.cause == "time"]
    assert "adapter-query-hybrid" in late_ones
    assert not set(late_ones) & {one.name for one in found.contenders}
    assert all(skip.open for skip in found.skipped if skip.name in late_ones)
    told = facts(found)
    assert told["reproduce"].endswith("--budget 600s --seed 0")
    assert "--budget 40m" in more_time(told)


@pytest.mark.parametrize(
    ("options", "says"),
    [
        ({"metric": "nDCK@10"}, "nDCG"),
        ({"worth": 0.0}, "gain worth having"),
        ({"worth": float("nan")}, "gain worth having"),
        ({"target": 1.5}, "target"),
        ({"budget": 0.0}, "budget"),
        ({"contenders": ["lexical", "magic"]}, "magic"),
        ({"contenders": ["adapter"]}, "untuned"),
        ({"contenders": ["lexical", "hybrid"]}, "both"),
    ],
)
def test_a_senseless_option_is_refused_in_words(options, says):
    with pytest.raises(tunewise.OptionError, match=says):
        measured(**options)


def test_three_queries_decide_nothing_and_that_is_said():
    task = tiny_task()
    few = tunewise.Task(
        documents=task.documents,
        queries=task.queries.take(range(3)),
        judgments={query: task.judgments[query] for query in ("q0", "q1", "q2")},
    )
    with pytest.raises(tunewise.DataError, match="group"):
        measured(few)


def test_a_found_text_can_be_searched_by_hand():
    found = measured(contenders=["lexical", "pretrained"])
    [hit] = found.contenders[0].rank(Texts(["mine"], ["mend a violin"])).best(0, 1)
    assert tiny_task().documents.text(hit[0]).startswith("How to mend a violin")
