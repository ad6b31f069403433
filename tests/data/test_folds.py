"""Few queries, dealt into folds so that each is measured on by what never saw it."""

from dataclasses import replace

from tunewise import Task
from tunewise.data.folds import FEW, FOLDS, divide_folds, too_few
from tunewise.data.split import divide
from tunewise.task import Texts
from tunewise.testing import tiny_task


def few(count: int) -> Task:
    task = tiny_task()
    kept = task.queries.ids[:: len(task.queries) // count][:count]
    return replace(
        task,
        queries=task.queries.take(task.queries.position[query] for query in kept),
        judgments={query: task.judgments[query] for query in kept},
    )


def test_every_query_is_measured_on_once_and_by_what_never_saw_its_group():
    task = few(60)
    folds = divide_folds(task)
    assert len(folds.folds) == FOLDS
    asked = [query for fold in folds.folds for query in fold.test.part.queries.ids]
    assert sorted(asked) == sorted(folds.whole.test.part.queries.ids) == sorted(task.queries.ids)
    for fold in folds.folds:
        learned = {*fold.training.train.queries.ids, *fold.training.dev.queries.ids}
        assert not learned & set(fold.test.part.queries.ids)
        assert learned | set(fold.test.part.queries.ids) == set(asked)


def test_queries_that_share_a_document_are_in_one_fold():
    task = few(60)
    one, other = task.queries.ids[3], task.queries.ids[40]
    shared = {**task.judgments, other: dict(task.judgments[one])}
    folds = divide_folds(replace(task, judgments=shared))
    homes = [{one, other} & set(fold.test.part.queries.ids) for fold in folds.folds]
    assert {one, other} in homes


def test_what_is_saved_learns_from_all():
    folds = divide_folds(few(60))
    training = folds.whole.training
    assert len(training.train) + len(training.dev) == 60
    assert folds.whole.how["by"] == "fold"
    assert folds.whole.how["test"] == 60


def test_the_same_queries_and_seed_give_the_same_folds():
    first, second = (divide_folds(few(60), seed=3) for _ in range(2))
    assert [fold.test.part.queries.ids for fold in first.folds] == [
        fold.test.part.queries.ids for fold in second.folds
    ]
    other = divide_folds(few(60), seed=4)
    assert first.folds[0].test.part.queries.ids != other.folds[0].test.part.queries.ids


def test_folds_are_for_few_queries_without_a_test_part_of_their_own():
    task = few(60)
    assert too_few(task)
    assert not too_few(tiny_task()) and len(tiny_task().queries) >= FEW
    parts = dict.fromkeys(task.queries.ids, "train")
    assert too_few(replace(task, parts=parts))
    own = {**parts, **dict.fromkeys(task.queries.ids[:20], "test")}
    assert not too_few(replace(task, parts=own))
    assert divide(replace(task, parts=own)).how["by"] != "fold"


def test_a_dev_part_is_kept_where_drawn_queries_leave_few():
    task = tiny_task()
    kept, drawn = task.queries.ids[:12], [f"drawn{n}" for n in range(5)]
    texts = [task.queries.text(query) for query in kept]
    beside = {name: task.judgments[kept[place]] for place, name in enumerate(drawn)}
    few = replace(
        task,
        queries=Texts([*kept, *drawn], [*texts, *(f"about {text}" for text in texts[:5])]),
        judgments={**{query: task.judgments[query] for query in kept}, **beside},
        weights=dict.fromkeys(drawn, 2.0),
    )
    training = divide_folds(few).whole.training
    learned = {*training.train.queries.ids, *training.dev.queries.ids}
    assert len(training.dev) > 0
    assert len(training.train) > len(training.dev)
    assert not learned & {*drawn, *kept[:5]}  # what belongs with a drawn one is in no part
