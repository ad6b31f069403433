"""Labelled texts: every label is in every part as far as it goes, copies stay together."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import pytest

from tunewise.data.examples import LabelledTexts, read_examples
from tunewise.errors import DataError


def read(folder: Path, rows: list[tuple[str, object]], **options: object) -> LabelledTexts:
    path = folder / "texts.csv"
    path.write_text("\n".join(["text,label", *(f"{t},{c}" for t, c in rows)]), encoding="utf-8")
    texts = read_examples(path, **options)  # type: ignore[arg-type]
    assert isinstance(texts, LabelledTexts)
    return texts


def told(texts: LabelledTexts) -> dict[str, tuple[int, tuple[str, ...]]]:
    return {each.code: (each.count, each.examples) for each in texts.findings}


def counts(texts: LabelledTexts, part: str) -> dict[str, int]:
    chosen = texts.take(part)
    return dict(Counter(chosen.names[label] for label in chosen.labels.tolist()))


def test_each_label_is_divided_as_the_whole_is(tmp_path: Path) -> None:
    rows = [(f"say number{n}", "rare" if n % 10 == 0 else "often") for n in range(400)]
    texts = read(tmp_path, rows)
    assert counts(texts, "test") == {"often": 90, "rare": 10}
    assert counts(texts, "dev") == {"often": 54, "rare": 6}
    assert counts(texts, "train") == {"often": 216, "rare": 24}


def test_of_many_small_labels_each_is_in_train_and_the_shares_hold_over_all(tmp_path: Path) -> None:
    texts = read(tmp_path, [(f"say number{n}", f"label {n // 4}") for n in range(400)])
    assert set(counts(texts, "train")) == set(texts.names)
    assert len(texts.take("test")) == pytest.approx(100, abs=4)
    assert len(texts.take("dev")) == pytest.approx(60, abs=4)


def test_near_duplicates_stay_together(tmp_path: Path) -> None:
    rows = [(f"Say number{n // 2}{'!' * (n % 2)}", n % 3) for n in range(200)]
    texts = read(tmp_path, rows)
    assert texts.groups.tolist() == [n // 2 for n in range(200)]
    assert all(len(set(texts.parts[texts.groups == group])) == 1 for group in range(100))


def test_the_order_of_the_rows_does_not_change_their_parts(tmp_path: Path) -> None:
    rows = [(f"say number{n}", n % 5) for n in range(100)]
    here, there = read(tmp_path, rows), read(tmp_path, rows[::-1])
    assert here.parts.tolist() == there.parts.tolist()[::-1]


def test_labels_that_are_numbers_are_ordered_by_size(tmp_path: Path) -> None:
    texts = read(tmp_path, [(f"say number{n}", n % 12) for n in range(60)])
    assert texts.names == [str(n) for n in range(12)]
    assert texts.labels[:3].tolist() == [0, 1, 2]


def test_a_single_label_is_refused(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="have the label 'a', so there is nothing to tell apart"):
        read(tmp_path, [(f"say number{n}", "a") for n in range(50)])


def test_a_train_part_with_a_single_label_is_refused(tmp_path: Path) -> None:
    (tmp_path / "train.csv").write_text("text,label\na b,x\nc d,x\ne f,x\ng h,x\n")
    (tmp_path / "test.csv").write_text("text,label\ni j,x\nk l,y\n")
    with pytest.raises(DataError, match=r"All texts in the train part of .* have the label 'x'"):
        read_examples(tmp_path)


def test_texts_or_labels_that_are_empty_are_left_out_and_told(tmp_path: Path) -> None:
    rows = [(" ", "a"), ("here", ""), *((f"say number{n}", n % 2) for n in range(60))]
    texts = read(tmp_path, rows)
    assert len(texts) == 60
    assert told(texts)["D065"] == (1, (f"Line 2 of '{tmp_path / 'texts.csv'}'",))
    assert told(texts)["D066"] == (1, (f"Line 3 of '{tmp_path / 'texts.csv'}'",))
    with pytest.raises(DataError, match="all 1 lack a text or a label"):
        read(tmp_path, [("", "a")])


def test_labels_that_train_cannot_teach_are_told(tmp_path: Path) -> None:
    rows = [*((f"say number{n}", n % 2) for n in range(60)), ("alone", "z")]
    assert told(read(tmp_path, rows))["D069"] == (1, ("'z': 1 in train",))


def test_a_text_with_several_labels_is_told_and_kept(tmp_path: Path) -> None:
    rows = [("both", 0), ("both", 1), *((f"say number{n}", n % 2) for n in range(60))]
    texts = read(tmp_path, rows)
    assert len(texts) == 62
    assert told(texts)["D068"] == (1, ("'both': 0, 1",))


def test_a_test_text_that_is_in_train_too_is_told(tmp_path: Path) -> None:
    for part, first in (("train", "the same"), ("test", "The same!")):
        rows = [f"{part} number{n},{n % 2}" for n in range(50)]
        content = "\n".join(["text,label", f"{first},0", *rows])
        (tmp_path / f"{part}.csv").write_text(content, encoding="utf-8")
    texts = read_examples(tmp_path)
    assert isinstance(texts, LabelledTexts)
    assert told(texts)["D067"] == (1, (f"Line 2 of '{tmp_path / 'test.csv'}': 'The same!'",))
    assert len(texts.take("test")) == 51
    assert len(texts.take("dev")) == 20


def test_test_alone_gives_dev_and_nothing_to_train_on(tmp_path: Path) -> None:
    rows = [f"say number{n},{n % 2}" for n in range(100)]
    (tmp_path / "test.csv").write_text("\n".join(["text,label", *rows]), encoding="utf-8")
    texts = read_examples(tmp_path)
    assert isinstance(texts, LabelledTexts)
    assert [len(texts.take(part)) for part in ("train", "dev", "test")] == [0, 20, 80]
    assert "D074" in told(texts)


def test_too_few_texts_to_divide_are_refused(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"so the .* part would be empty"):
        read(tmp_path, [("a b", 0), ("c d", 1)])


def test_the_fingerprint_changes_with_a_label(tmp_path: Path) -> None:
    rows: list[tuple[str, object]] = [(f"say number{n}", n % 2) for n in range(60)]
    first, second = read(tmp_path, rows), read(tmp_path, [*rows[:-1], (rows[-1][0], 0)])
    assert first.fingerprint != second.fingerprint
