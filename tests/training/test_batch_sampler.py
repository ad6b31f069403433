"""Batches: no two rows that must not meet, and every epoch its own order, whenever asked."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tunewise.data.pairs import Lists
from tunewise.errors import DataError, OptionError
from tunewise.training.batches import batches
from tunewise.training.lesson import Lesson


def lists(of, which=None):
    starts = np.concatenate([[0], np.cumsum([len(each) for each in of])]).astype(np.int64)
    places = np.array([place for each in of for place in each], dtype=np.int64)
    return Lists(starts, places, None if which is None else np.array(which, dtype=np.int64))


def lesson(answers, barred, which=None):
    texts = [str(row) for row in range(len(answers))]
    width = max(map(len, answers), default=0)
    sides = ("queries", *("documents",) * width)
    columns = (texts,) * (1 + width)
    return Lesson("triplets", columns, sides, None, lists(answers), lists(barred, which))


def grouped(labels):
    """A lesson in which rows of one label must not meet: each has an answer of its own."""
    of = [
        [row for row, other in enumerate(labels) if other == label] for label in sorted({*labels})
    ]
    which = [sorted({*labels}).index(label) for label in labels]
    return lesson([[row] for row in range(len(labels))], of, which)


@st.composite
def lessons(draw):
    documents = st.integers(0, draw(st.integers(1, 30)))
    answers = st.lists(documents, min_size=1, max_size=3, unique=True)
    rows = draw(st.lists(answers, min_size=2, max_size=40))
    few = draw(st.lists(st.lists(documents, max_size=6, unique=True), min_size=1, max_size=8))
    which = draw(st.lists(st.integers(0, len(few) - 1), min_size=len(rows), max_size=len(rows)))
    if draw(st.booleans()):
        return lesson(rows, few, which)
    return lesson(rows, [few[number] for number in which])


def conflicts(taught, batch):
    """Pairs of rows of a batch that must not meet, found by looking at each pair."""
    rows = np.arange(len(taught))
    of, places = taught.answers.of(rows)
    holds = [places[of == row].tolist() for row in rows]
    of, places = taught.barred.of(rows)
    bars = [{*places[of == row].tolist(), holds[row][0]} for row in rows]
    return [(i, j) for i in batch for j in batch if i != j and bars[i] & {*holds[j]}]


def made(taught, size, **options):
    try:
        return batches(taught, size, **options)
    except DataError:
        return None  # no two rows may meet


@settings(max_examples=200)
@given(lessons(), st.integers(2, 9), st.integers(0, 3), st.integers(0, 5))
def test_no_two_rows_of_a_batch_are_wrong_beside_each_other(taught, size, epoch, seed):
    sampler = made(taught, size, seed=seed)
    if sampler is None:
        return
    sampler.set_epoch(epoch)
    for batch in sampler:
        assert 2 <= len(batch) <= size
        assert conflicts(taught, batch) == []


@settings(max_examples=100)
@given(lessons(), st.integers(2, 9), st.integers(1, 3))
def test_a_row_comes_at_most_once_an_epoch_and_who_sits_out_is_counted(taught, size, epoch):
    sampler = made(taught, size)
    if sampler is None:
        return
    sampler.set_epoch(epoch)
    rows = [row for batch in sampler for row in batch]
    assert len(rows) == len({*rows}) == len(taught) - sampler.left_out
    assert len([*sampler]) == len(sampler)


@settings(max_examples=100)
@given(lessons(), st.integers(2, 9), st.lists(st.integers(0, 4), max_size=4), st.integers(0, 4))
def test_an_epoch_has_the_same_batches_whatever_came_before(taught, size, before, epoch):
    fresh, used = made(taught, size), made(taught, size)
    if fresh is None:
        return
    for earlier in before:
        used.set_epoch(earlier)
        next(iter(used))
    fresh.set_epoch(epoch)
    used.set_epoch(epoch)
    assert [*fresh] == [*used]


@settings(max_examples=100)
@given(lessons(), st.integers(4, 9), st.integers(2, 3), st.integers(0, 3))
def test_batches_for_several_processes_are_full_and_divide_evenly(taught, size, processes, epoch):
    sampler = made(taught, size, multiple_of=processes)
    if sampler is None:
        return
    sampler.set_epoch(epoch)
    assert sampler.batch_size % processes == 0
    for batch in sampler:
        assert len(batch) == sampler.batch_size
        assert conflicts(taught, batch) == []


def test_rows_without_anything_in_common_fill_every_batch_but_the_last():
    sampler = batches(lesson([[row] for row in range(21)], [[row] for row in range(21)]), 4)
    assert sorted(map(len, sampler)) == [4, 4, 4, 4, 4]
    assert sampler.left_out == 1
    assert len(batches(lesson([[row] for row in range(22)], [[]] * 22), 4)) == 6


def test_each_epoch_and_each_seed_has_another_order():
    taught = grouped(range(30))
    seen = []
    for seed, epoch in ((0, 0), (0, 1), (7, 0)):
        sampler = batches(taught, 5, seed=seed)
        sampler.set_epoch(epoch)
        seen.append([*sampler])
    assert seen[0] != seen[1] != seen[2] != seen[0]


def test_a_group_too_large_to_be_spread_sits_out_in_part_and_this_is_told():
    sampler = batches(grouped([0] * 30 + [*range(1, 31)]), 8)
    assert sampler.left_out > 0
    assert f"{sampler.left_out} of 60 rows sit out" in sampler.notes[0]


def test_rows_that_wait_for_a_group_do_not_keep_each_other_waiting():
    """A third of the rows share a list, and most others hold a document of it."""
    third, n = 100, 300
    answers = [[row] for row in range(third)] + [[row, row % third] for row in range(third, n)]
    barred = [list(range(third)), *([row] for row in range(third, n))]
    sampler = batches(lesson(answers, barred, [0] * third + list(range(1, n - third + 1))), 8)
    assert np.median([len(batch) for batch in sampler]) == 8


def test_two_labels_make_batches_of_two():
    sampler = batches(grouped([0, 1] * 10), 8)
    assert {len(batch) for batch in sampler} == {2}
    assert any("fewer than 8 rows" in note for note in sampler.notes)


def test_for_two_processes_few_labels_make_smaller_batches_not_none():
    sampler = batches(grouped([*range(5)] * 10), 64, multiple_of=2)
    assert sampler.batch_size == 4
    assert len(sampler) >= 8


def test_scored_pairs_are_shuffled_and_cut():
    none = lists([[]] * 10)
    columns = (["a"] * 10, ["b"] * 10)
    scored = Lesson("scored pairs", columns, ("documents",) * 2, np.ones(10), none, none)
    sampler = batches(scored, 4)
    assert sorted(row for batch in sampler for row in batch) == list(range(10))


def test_a_hundred_thousand_rows_of_which_a_third_are_one_group_take_seconds():
    rows, third = 100_000, 33_000
    starts = np.concatenate([[0], third + np.arange(rows - third + 1)])
    which = np.concatenate([np.zeros(third, dtype=np.int64), 1 + np.arange(rows - third)])
    answers = Lists(np.arange(rows + 1), np.arange(rows))
    texts = [""] * rows
    taught = Lesson("pairs", (texts, texts), ("queries", "documents"), None, answers,
                    Lists(starts, np.arange(rows), which))  # fmt: skip
    sampler = batches(taught, 64)
    assert np.median([len(batch) for batch in sampler]) == 64
    assert sampler.left_out < third


def test_where_no_two_rows_may_meet_it_is_said():
    with pytest.raises(DataError, match="no batch of 2"):
        batches(grouped([0] * 6), 4)


@pytest.mark.parametrize(("size", "processes"), [(1, 1), (2, 4), (4, 0)])
def test_batches_that_cannot_be_are_refused(size, processes):
    with pytest.raises(OptionError, match="cannot be made"):
        batches(grouped(range(9)), size, multiple_of=processes)


def test_the_trainer_gets_them_only_for_the_rows_they_are_of():
    sampler = batches(grouped(range(9)), 3)
    asked = {"batch_size": 5, "drop_last": False, "seed": 1, "generator": None}
    assert sampler.for_trainer(range(9), **asked) is sampler
    with pytest.raises(OptionError, match="9 rows"):
        sampler.for_trainer(range(8), **asked)


@pytest.mark.slow  # torch takes seconds to import
def test_who_goes_on_within_an_epoch_gets_the_batches_that_were_left():
    from accelerate import skip_first_batches
    from torch.utils.data import DataLoader

    taught = grouped([*range(20), *range(20)])
    sampler = batches(taught, 6)
    sampler.set_epoch(3)
    expected = [*sampler]
    loader = DataLoader(range(40), batch_sampler=batches(taught, 6), collate_fn=list)
    left = skip_first_batches(loader, 2)
    loader.batch_sampler.set_epoch(3)
    assert [*left] == expected[2:]


@pytest.mark.slow  # torch takes seconds to import
def test_processes_get_one_part_each_of_every_batch():
    from accelerate.data_loader import prepare_data_loader
    from torch.utils.data import DataLoader

    taught = grouped([*range(20), *range(20)])
    parts = []
    for process in range(3):
        loader = DataLoader(
            range(40), batch_sampler=batches(taught, 7, multiple_of=3), collate_fn=list
        )
        prepared = prepare_data_loader(
            loader, num_processes=3, process_index=process, split_batches=True, even_batches=False
        )
        parts.append([*prepared])
    whole = [[row for part in together for row in part] for together in zip(*parts, strict=True)]
    assert whole == [*batches(taught, 7, multiple_of=3)]
    assert {len(batch) for batch in whole} == {6}
