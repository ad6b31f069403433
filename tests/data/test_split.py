"""Division: which part each query goes to, and that nothing leaks from one side to the other."""

import dataclasses
import json
import random
from collections.abc import Mapping, Sequence

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tunewise.data.groups import fewest_groups
from tunewise.data.split import Division, divide
from tunewise.errors import DataError
from tunewise.task import Task, Texts


def task_of(
    relevant: Mapping[str, Sequence[str]],
    *,
    texts: Mapping[str, str] | None = None,
    **options: Mapping[str, str],
) -> Task:
    """A task from query id → ids of relevant documents; texts are the ids unless given."""
    texts = texts or {}
    documents = sorted({key for keys in relevant.values() for key in keys} | {"unrelated"})
    return Task(
        Texts(documents, [texts.get(key, f"document {key}") for key in documents]),
        Texts(list(relevant), [texts.get(key, f"query {key}") for key in relevant]),
        {query: dict.fromkeys(keys, 1.0) for query, keys in relevant.items() if keys},
        **options,
    )


def singles(number: int, prefix: str = "q") -> dict[str, list[str]]:
    return {f"{prefix}{n:04}": [f"d{prefix}{n:04}"] for n in range(number)}


def in_parts(division: Division) -> dict[str, str]:
    """Query id → part."""
    parts = {
        "train": division.training.train,
        "dev": division.training.dev,
        "test": division.test.part,
    }
    return {query: name for name, part in parts.items() for query in part.queries.ids}


def codes(division: Division) -> list[str]:
    return [finding.code for finding in division.findings]


def test_without_a_division_of_the_users_sixty_fifteen_twentyfive_percent_are_cut():
    division = divide(task_of(singles(400)))
    assert division.how == {
        "by": "group",
        "train": 240,
        "dev": 60,
        "test": 100,
        "groups": {"train": 240, "dev": 60, "test": 100},
        "note": division.how["note"],
    }
    assert division.findings == ()
    assert json.loads(json.dumps(division.how)) == division.how


def test_test_has_at_most_two_thousand_queries_and_dev_a_thousand():
    how = divide(task_of(singles(12_000))).how
    assert (how["train"], how["dev"], how["test"]) == (9000, 1000, 2000)


def test_every_part_carries_its_texts_and_judgments():
    task = task_of(singles(40))
    division = divide(task)
    for part in (division.training.train, division.training.dev, division.test.part):
        assert list(part.judgments) == list(part.queries.ids)
        for query in part.queries.ids:
            assert part.queries.text(query) == task.queries.text(query)
            assert part.judgments[query] == task.judgments[query]
    assert division.training.documents is task.documents


def test_the_threshold_of_relevance_is_passed_on_and_obeyed():
    task = task_of(singles(40))
    graded = {**task.judgments, "q0000": {"dq0000": 2.0}, "q0001": {"dq0001": 1.0}}
    strict = dataclasses.replace(
        task,
        judgments={q: {d: max(g, 2.0) for d, g in graded[q].items()} for q in graded}
        | {"q0001": {"dq0001": 1.0}},
        relevant_from=2.0,
    )
    division = divide(strict)
    assert (division.training.relevant_from, division.test.relevant_from) == (2.0, 2.0)
    assert "q0001" not in in_parts(division)
    assert codes(division) == ["D050"]


def test_queries_without_a_relevant_document_are_left_out_and_counted():
    division = divide(task_of(singles(40) | {"idle": [], "lazy": []}))
    (finding,) = division.findings
    assert (finding.code, finding.count) == ("D050", 2)
    assert finding.examples == ("query 'idle'", "query 'lazy'")
    assert len(in_parts(division)) == 40


def test_queries_that_share_a_relevant_document_stay_together():
    pairs = {f"q{n:03}": [f"d{n // 4}"] for n in range(200)}
    part = in_parts(divide(task_of(pairs)))
    for query in pairs:
        first = f"q{int(query[1:]) // 4 * 4:03}"
        assert part[query] == part[first]


def test_queries_with_nearly_the_same_text_stay_together():
    texts = {f"q{n:04}": f"What is number {n // 2}{'?' * (n % 2)}" for n in range(100)}
    division = divide(task_of(singles(100), texts=texts))
    part = in_parts(division)
    assert all(part[f"q{n:04}"] == part[f"q{n + 1:04}"] for n in range(0, 100, 2))
    assert sum(division.how["groups"].values()) == 50


def test_queries_whose_documents_are_nearly_the_same_stay_together():
    texts = {f"dq{n:04}": f"This is document {n // 2}{'!' * (n % 2)}" for n in range(100)}
    part = in_parts(divide(task_of(singles(100), texts=texts)))
    assert all(part[f"q{n:04}"] == part[f"q{n + 1:04}"] for n in range(0, 100, 2))


def test_queries_of_one_group_of_the_users_stay_together():
    groups = {f"q{n:04}": f"author {n // 5}" for n in range(100)}
    division = divide(task_of(singles(100), groups=groups))
    part = in_parts(division)
    assert all(part[query] == part[f"q{int(query[1:]) // 5 * 5:04}"] for query in part)
    assert sum(division.how["groups"].values()) == 20


def test_groups_are_named_by_their_first_query_and_aligned():
    groups = {f"q{n:04}": str(n // 5) for n in range(100)}
    part = divide(task_of(singles(100), groups=groups)).test.part
    assert list(part.groups) == [f"q{int(q[1:]) // 5 * 5:04}" for q in part.queries.ids]


def test_the_same_seed_divides_alike_and_another_does_not():
    task = task_of(singles(100))
    assert in_parts(divide(task, seed=3)) == in_parts(divide(task, seed=3))
    assert in_parts(divide(task, seed=3)) != in_parts(divide(task, seed=4))


def test_the_order_of_the_rows_does_not_change_the_division():
    relevant = {f"q{n:03}": [f"d{n // 3}", f"e{n // 5}"] for n in range(90)}
    keys = list(relevant)
    random.Random(1).shuffle(keys)
    shuffled = {key: relevant[key][::-1] for key in keys}
    first, second = divide(task_of(relevant)), divide(task_of(shuffled))
    assert first.test == second.test
    assert first.training == second.training


def test_the_users_division_is_kept_with_groups_inside_each_part():
    parts = {f"q{n:04}": ("train", "dev", "test")[n % 3] for n in range(60)}
    relevant = {query: [f"d{int(query[1:]) // 6}"] for query in parts}
    division = divide(task_of(relevant, parts=parts))
    assert in_parts(division) == parts
    assert division.how["by"] == "user"
    assert division.how["groups"] == {"train": 10, "dev": 10, "test": 10}
    assert division.findings == ()


def test_a_missing_dev_part_is_cut_from_train_by_group():
    relevant = {f"q{n:04}": [f"d{n // 2}"] for n in range(300)}
    parts = {query: "test" if query < "q0100" else "train" for query in relevant}
    division = divide(task_of(relevant, parts=parts))
    assert (division.how["train"], division.how["dev"], division.how["test"]) == (160, 40, 100)
    part = in_parts(division)
    assert all(part[f"q{n:04}"] == part[f"q{n + 1:04}"] for n in range(0, 300, 2))
    assert "dev part: one was cut from train" in division.how["note"]


def test_of_few_training_queries_half_at_most_become_dev():
    parts = {query: "test" if query < "q0020" else "train" for query in singles(50)}
    how = divide(task_of(singles(50), parts=parts)).how
    assert (how["train"], how["dev"], how["test"]) == (15, 15, 20)


def test_of_many_training_queries_a_thousand_at_most_become_dev():
    parts = {query: "test" if query < "q0020" else "train" for query in singles(8000)}
    how = divide(task_of(singles(8000), parts=parts)).how
    assert (how["train"], how["dev"], how["test"]) == (6980, 1000, 20)


def test_with_a_test_part_alone_dev_is_cut_from_it_and_nothing_is_trained():
    division = divide(task_of(singles(100), parts=dict.fromkeys(singles(100), "test")))
    assert (division.how["train"], division.how["dev"], division.how["test"]) == (0, 20, 80)
    assert len(division.training.train) == 0
    assert codes(division) == ["D052"]


def test_cutting_dev_leaves_test_the_groups_it_needs():
    division = divide(task_of(singles(6), parts=dict.fromkeys(singles(6), "test")))
    assert (division.how["dev"], division.how["test"]) == (0, 6)


def test_parts_without_a_test_are_divided_anew_and_said():
    parts = {query: "train" if query < "q0080" else "dev" for query in singles(100)}
    division = divide(task_of(singles(100), parts=parts))
    assert (division.how["by"], division.how["test"]) == ("group", 25)
    assert codes(division) == ["D051"]


def test_queries_in_no_part_while_others_are_count_as_train():
    parts = dict.fromkeys(singles(30), "test")
    division = divide(task_of(singles(80), parts=parts))
    assert {in_parts(division)[query] for query in parts} == {"test"}
    (finding,) = division.findings
    assert (finding.code, finding.count) == ("D053", 50)


def test_a_document_that_answers_most_queries_keeps_them_in_train():
    relevant = singles(100) | {f"h{n:04}": ["hub"] for n in range(300)}
    division = divide(task_of(relevant))
    part = in_parts(division)
    assert {part[query] for query in relevant if query.startswith("h")} == {"train"}
    assert division.how["test"] >= 50
    assert codes(division) == ["D055"]
    assert division.findings[0].count == 300


def test_chains_of_shared_documents_are_cut_where_little_is_shared():
    chain = {f"q{n:03}": [f"d{n}", f"d{n + 1}", f"d{n + 2}"] for n in range(0, 200, 2)}
    division = divide(task_of(chain))
    assert division.how["test"] == 25
    assert division.how["groups"]["test"] > 12  # neighbours in test are still one group
    assert codes(division) == ["D054"]
    assert division.findings[0].count == 100


def test_chained_queries_that_share_most_documents_still_stay_together():
    chain = {
        f"q{n:03}": [f"c{n // 2}", f"c{n // 2 + 1}", *(f"d{n // 2}-{k}" for k in range(9))]
        for n in range(200)
    }
    part = in_parts(divide(task_of(chain)))
    assert all(part[f"q{n:03}"] == part[f"q{n + 1:03}"] for n in range(0, 200, 2))


def test_a_large_group_does_not_outweigh_the_others_of_test():
    relevant = singles(1000) | {f"h{n:04}": ["hub"] for n in range(40)}
    for seed in range(5):
        part = in_parts(divide(task_of(relevant), seed=seed))
        assert part["h0000"] == "train"


def test_groups_of_all_ordinary_sizes_reach_test():
    relevant = {f"q{n:04}": [f"d{int(n**0.75)}"] for n in range(1000)}
    part = divide(task_of(relevant)).test.part
    sizes = {part.groups.count(name) for name in set(part.groups)}
    assert len(sizes) > 2
    assert 230 <= len(part) <= 260


@pytest.mark.parametrize("number", [1, 3, 5])
def test_too_few_queries_for_any_result_are_refused(number: int):
    with pytest.raises(DataError, match=rf"{number} independent groups.*at least 6"):
        divide(task_of(singles(number)))


def test_too_few_groups_in_the_users_test_part_are_refused():
    parts = {query: "test" if query < "q0005" else "train" for query in singles(50)}
    with pytest.raises(DataError, match="5 queries in 5 independent groups"):
        divide(task_of(singles(50), parts=parts))


def test_one_document_for_all_queries_is_refused():
    with pytest.raises(DataError, match="the same relevant document"):
        divide(task_of({query: ["d"] for query in singles(50)}))


def test_documents_that_all_say_the_same_are_refused():
    texts = {f"d{query}": "One text!" for query in singles(50)}
    with pytest.raises(DataError, match="documents that say the same"):
        divide(task_of(singles(50), texts=texts))


def test_no_relevant_document_at_all_is_refused():
    with pytest.raises(DataError, match="nothing can be scored"):
        divide(task_of({query: [] for query in singles(50)}))


def test_few_queries_go_to_test_first():
    division = divide(task_of(singles(8)))
    assert division.how["test"] == 6
    assert divide(task_of(singles(6))).how["test"] == 6
    assert codes(divide(task_of(singles(6)))) == ["D052"]


def test_the_fewest_groups_follow_from_the_level():
    assert [fewest_groups(level) for level in (0.5, 0.9, 0.95, 0.99)] == [2, 5, 6, 8]


relevances = st.lists(
    st.sets(st.integers(0, 60), min_size=1, max_size=3).map(sorted), min_size=8, max_size=60
)


@settings(max_examples=60)
@given(relevances, st.integers(0, 3), st.integers(1, 40))
def test_nothing_that_belongs_together_is_on_two_sides(relevant, seed, repeat):
    queries = {f"q{n}": [f"d{d}" for d in chosen] for n, chosen in enumerate(relevant)}
    texts = {query: f"text {n % repeat}" for n, query in enumerate(queries)}
    texts |= {f"d{d}": f"Document {d // 2}" for d in range(61)}
    task = task_of(queries, texts=texts)
    try:
        division = divide(task, seed=seed)
    except DataError:
        return
    part = in_parts(division)
    assert sorted(part) == sorted(queries)
    assert division.how["groups"]["test"] >= 6
    sides_of_text = {(texts[query], part[query]) for query in queries}
    assert len(sides_of_text) == len({text for text, _ in sides_of_text})
    if "D054" not in codes(division):
        sides = {(texts[key], part[query]) for query in queries for key in queries[query]}
        assert len(sides) == len({text for text, _ in sides})
