"""Scored pairs: scores become 0…1, slips are told, pairs that share a text stay together."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tunewise.data.examples import ScoredPairs, read_examples
from tunewise.errors import DataError

NAMES = "sentence1,sentence2,score"


def read(folder: Path, lines: list[str], names: str = NAMES, **options: object) -> ScoredPairs:
    path = folder / "pairs.csv"
    path.write_text("\n".join([names, *lines]) + "\n", encoding="utf-8")
    pairs = read_examples(path, kind="scored", **options)  # type: ignore[arg-type]
    assert isinstance(pairs, ScoredPairs)
    return pairs


def with_scores(scores: list[object]) -> list[str]:
    return [f"left number{n},right number{n},{score}" for n, score in enumerate(scores)]


def told(pairs: ScoredPairs) -> dict[str, tuple[int, tuple[str, ...]]]:
    return {each.code: (each.count, each.examples) for each in pairs.findings}


@pytest.mark.parametrize(
    ("scores", "scale", "mapped"),
    [
        ([0, 1], (0, 1), [0, 1]),
        ([0.2, 0.9], (0, 1), [0.2, 0.9]),
        ([-0.5, 1], (-1, 1), [0.25, 1]),
        ([0, 2.5, 5], (0, 5), [0, 0.5, 1]),
        ([1, 4], (0, 5), [0.2, 0.8]),
        ([3, 7], (0, 10), [0.3, 0.7]),
        ([10, 80], (0, 100), [0.1, 0.8]),
    ],
)
def test_scores_are_mapped_from_the_narrowest_usual_scale(
    tmp_path: Path, scores: list[float], scale: tuple[float, float], mapped: list[float]
) -> None:
    pairs = read(tmp_path, with_scores([*scores] * 20))
    assert pairs.scale == scale
    np.testing.assert_allclose(pairs.scores[: len(mapped)], mapped)
    assert f"taken as {scale[0]}…{scale[1]}" in told(pairs)["D061"][1][0]


@pytest.mark.parametrize(("slip", "line"), [(9999, 61), (-1, 61), (99, 61), (-99, 61)])
def test_one_score_far_outside_is_left_out_and_its_row_named(
    tmp_path: Path, slip: float, line: int
) -> None:
    scores = [n % 6 for n in range(200)]
    pairs = read(tmp_path, with_scores([*scores[:59], slip, *scores[60:]]))
    assert pairs.scale == (0, 5)
    assert len(pairs) == 199
    count, examples = told(pairs)["D062"]
    assert (count, examples[0]) == (1, f"Line {line} of '{tmp_path / 'pairs.csv'}': {slip:g}")


def test_a_score_that_alone_widens_the_scale_is_kept_and_named(tmp_path: Path) -> None:
    pairs = read(tmp_path, with_scores([*[n % 6 for n in range(199)], 7]))
    assert pairs.scale == (0, 10)
    assert len(pairs) == 200
    assert told(pairs)["D063"][1] == (f"Line 201 of '{tmp_path / 'pairs.csv'}': 7",)


def test_scores_on_no_usual_scale_are_refused(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="go from -11 to 11 and fit no usual scale"):
        read(tmp_path, with_scores([-11, 11, -4, 3] * 10))


@pytest.mark.parametrize("score", ["entailment", "", "nan", "inf", "1e999"])
def test_a_score_that_is_no_finite_number_is_refused_with_its_row(
    tmp_path: Path, score: str
) -> None:
    with pytest.raises(DataError, match=r"Line 3 of .* which is not a finite number"):
        read(tmp_path, with_scores([0, score, 1]))


def test_scores_that_are_all_the_same_are_refused(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"All scores of .* are 3"):
        read(tmp_path, with_scores([3] * 40))


def test_zero_one_and_two_may_be_classes(tmp_path: Path) -> None:
    assert told(read(tmp_path, with_scores([0, 1, 2] * 20)))["D064"][0] == 60


def test_pairs_with_an_empty_text_are_left_out_and_told(tmp_path: Path) -> None:
    pairs = read(tmp_path, ["a, ,1", ",b,0", *with_scores([0, 1] * 20)])
    assert len(pairs) == 40
    assert told(pairs)["D065"][0] == 2
    with pytest.raises(DataError, match="no rows that can be used: all 1"):
        read(tmp_path, ["a,,1"])
    with pytest.raises(DataError, match="empty but for its first line"):
        read(tmp_path, [])


def test_too_few_pairs_to_divide_are_refused_and_few_warned_of(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="2 rows in 2 groups"):
        read(tmp_path, with_scores([0, 1]))
    pairs = read(tmp_path, with_scores([0, 1] * 20))
    assert told(pairs)["D070"] == (6, ("6 rows, 20 are the least",))
    assert "D070" not in told(read(tmp_path, with_scores([0, 1] * 100)))


def test_missing_parts_are_cut_and_told(tmp_path: Path) -> None:
    pairs = read(tmp_path, with_scores([0, 1] * 100))
    assert [len(pairs.take(part)) for part in ("train", "dev", "test")] == [120, 30, 50]
    assert told(pairs)["D071"][0] == 80


def test_pairs_that_share_a_text_exactly_or_nearly_stay_together(tmp_path: Path) -> None:
    lines = [f"Topic number{n // 4}!,other number{n},{n % 2}" for n in range(100)]
    lines += [f"another {n},topic  NUMBER{n},1" for n in range(25)]
    pairs = read(tmp_path, lines)
    assert pairs.groups.tolist() == [*(n // 4 for n in range(100)), *range(25)]
    for group in range(25):
        assert len(set(pairs.parts[pairs.groups == group])) == 1
    assert len(pairs.take("test")) > 0


def test_a_group_of_the_users_stays_together(tmp_path: Path) -> None:
    lines = [f"{line},{n // 10}" for n, line in enumerate(with_scores([0, 1] * 100))]
    pairs = read(tmp_path, lines, names=NAMES + ",group")
    assert pairs.groups.tolist() == [n // 10 for n in range(200)]


def test_a_text_in_most_pairs_does_not_keep_them_all_together(tmp_path: Path) -> None:
    lines = [f"the one,other number{n // 2},{n % 5}" for n in range(200)]
    pairs = read(tmp_path, lines)
    assert told(pairs)["D073"][0] == 200
    assert pairs.groups.max() == 99
    assert len(pairs.take("test")) == 50


@given(st.randoms(use_true_random=False))
def test_the_order_of_the_rows_does_not_change_their_parts(
    tmp_path_factory: pytest.TempPathFactory, random: object
) -> None:
    lines = [f"left number{n},right number{n // 2},{n % 3}" for n in range(60)]
    mixed = [*lines]
    random.shuffle(mixed)  # type: ignore[attr-defined]
    here, there = (read(tmp_path_factory.mktemp("order"), rows) for rows in (lines, mixed))
    parts = dict(zip(here.first, here.parts, strict=True))
    assert parts == dict(zip(there.first, there.parts, strict=True))


def test_another_seed_gives_other_parts(tmp_path: Path) -> None:
    lines = with_scores([0, 1] * 100)
    parts = [read(tmp_path, lines, seed=seed).parts.tolist() for seed in (0, 0, 1)]
    assert parts[0] == parts[1] != parts[2]


def test_a_split_column_gives_the_parts_and_what_it_leaves_open_is_train(tmp_path: Path) -> None:
    lines = with_scores([0, 1] * 50)
    parts = ["test"] * 20 + ["Validation"] * 25 + [""] * 5 + ["train"] * 50
    rows = [f"{line},{part}" for line, part in zip(lines, parts, strict=True)]
    pairs = read(tmp_path, rows, names=NAMES + ",split")
    assert [len(pairs.take(part)) for part in ("train", "dev", "test")] == [55, 25, 20]
    assert told(pairs)["D072"] == (5, ("5 of 100 rows",))
    assert "D071" not in told(pairs)


def test_a_split_column_with_other_names_is_refused_or_left_aside(tmp_path: Path) -> None:
    lines = with_scores([0, 1] * 50)
    with pytest.raises(DataError, match="holds other names than train, dev and test"):
        read(tmp_path, [f"{line},{'train' if n else 'fold 3'}" for n, line in enumerate(lines)],
             names=NAMES + ",split")  # fmt: skip
    pairs = read(tmp_path, [f"{line},3" for line in lines], names=NAMES + ",split")
    assert told(pairs)["D013"][0] == 100
    assert len(pairs.take("test")) == 25


def test_a_test_text_that_is_in_train_too_is_told(tmp_path: Path) -> None:
    for part, text in (("train", "a b c"), ("dev", "d e f"), ("test", "A b. c")):
        lines = [f"{text},{part} number{n},{n % 2}" for n in range(20)]
        (tmp_path / f"{part}.csv").write_text("\n".join([NAMES, *lines]), encoding="utf-8")
    pairs = read_examples(tmp_path)
    assert isinstance(pairs, ScoredPairs)
    assert told(pairs)["D067"][0] == 20


def test_a_pair_with_several_scores_is_told_whichever_way_round(tmp_path: Path) -> None:
    pairs = read(tmp_path, ["a,b,0", "b,a,1", *with_scores([0, 1] * 50)])
    assert told(pairs)["D068"] == (1, ("'a' and 'b': 0, 1",))


def test_the_fingerprint_changes_with_a_score(tmp_path: Path) -> None:
    prints = [read(tmp_path, with_scores([0, *[0, 1] * 20, last])).fingerprint for last in (0, 1)]
    assert prints[0] != prints[1]
    assert all(len(each) == 16 for each in prints)
