"""Histories: read from the usual files, divided in time, refused with what to do."""

import gzip
import json
from pathlib import Path

import numpy as np
import pytest

from tunewise.data.histories import Histories, is_histories, read_histories
from tunewise.data.usage import usage_histories
from tunewise.errors import DataError, OptionError
from tunewise.kinds import KINDS, Source

KIND = KINDS["recommendation"]
ROWS = [
    ("ann", "milk", 1), ("ann", "bread", 3), ("ann", "jam", 2),
    ("bob", "jam", 5), ("bob", "milk", 9), ("cat", "milk", 4),
]  # fmt: skip


def write(path: Path, content: str) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(content, encoding="utf-8")
    return path


def events(folder: Path, rows: list[tuple[object, ...]], head: str = "user,item,timestamp") -> Path:
    lines = [",".join(map(str, row)) for row in rows]
    return write(folder / "interactions.csv", "\n".join([head, *lines]) + "\n")


def history(found: Histories, user: str) -> list[str]:
    row = list(found.users).index(user)
    return [found.items[p] for p in found.places[found.starts[row] : found.starts[row + 1]]]


def codes(found: Histories) -> dict[str, int]:
    return {finding.code: finding.count for finding in found.findings}


def test_events_are_put_in_order_of_time_whatever_their_order_in_the_file(tmp_path: Path) -> None:
    found = read_histories(events(tmp_path, ROWS))
    assert history(found, "ann") == ["milk", "jam", "bread"]
    assert history(found, "bob") == ["jam", "milk"]


@pytest.mark.parametrize("ending", ["csv", "tsv", "jsonl", "csv.gz", "parquet"])
def test_every_format_of_tables_reads_alike(tmp_path: Path, ending: str) -> None:
    plain = read_histories(events(tmp_path / "plain", ROWS))
    path = tmp_path / f"events.{ending}"
    names = ("userId", "movieId", "timestamp")
    if ending == "jsonl":
        write(path, "\n".join(json.dumps(dict(zip(names, r, strict=True))) for r in ROWS))
    elif ending == "parquet":
        table = pytest.importorskip("pyarrow")
        columns = zip(names, zip(*ROWS, strict=True), strict=True)
        pytest.importorskip("pyarrow.parquet").write_table(
            table.table({name: list(values) for name, values in columns}), path
        )
    else:
        mark = "\t" if ending == "tsv" else ","
        lines = "\n".join(mark.join(map(str, row)) for row in [names, *ROWS]) + "\n"
        written = lines.encode()
        path.write_bytes(gzip.compress(written) if ending.endswith("gz") else written)
    assert read_histories(path).fingerprint == plain.fingerprint


def test_dates_order_as_numbers_do(tmp_path: Path) -> None:
    rows = [("a", "x", "2025-03-02"), ("a", "y", "2025-03-01T23:00:00Z"), ("a", "z", "2024-12-31")]
    assert history(read_histories(events(tmp_path, rows)), "a") == ["z", "y", "x"]


def test_without_times_the_order_of_rows_is_taken_when_that_is_said(tmp_path: Path) -> None:
    path = events(tmp_path, [("a", "x"), ("a", "y")], "user,item")
    with pytest.raises(DataError, match="no column for the time"):
        read_histories(path)
    assert history(read_histories(path, columns={"time": ""}), "a") == ["x", "y"]


def test_a_time_that_is_none_is_named_with_its_row(tmp_path: Path) -> None:
    path = events(tmp_path, [("a", "x", 1), ("a", "y", "soon")])
    with pytest.raises(DataError, match=r"Line 3 of .* the time 'soon'.*ISO"):
        read_histories(path)


def test_numbers_and_dates_cannot_be_put_in_one_order(tmp_path: Path) -> None:
    path = events(tmp_path, [("a", "x", 1), ("a", "y", "2025-01-01")])
    with pytest.raises(DataError, match=r"Line 3 .* a date, but the rows before have numbers"):
        read_histories(path)


def test_a_rating_below_six_tenths_of_the_scale_is_no_positive(tmp_path: Path) -> None:
    rows = [("a", name, place, place + 1) for place, name in enumerate("vwxyz")]
    path = events(tmp_path, rows, "user,item,timestamp,rating")
    found = read_histories(path)
    assert history(found, "a") == ["y", "z"]  # 4 and 5 of 1 to 5: 3.4 and up
    assert codes(found)["D130"] == 3
    assert history(read_histories(path, options={"liked": "3"}), "a") == ["x", "y", "z"]
    assert len(read_histories(path, columns={"rating": ""}).places) == 5


def test_numbers_above_a_hundred_are_counts_and_all_above_zero_are_liked(tmp_path: Path) -> None:
    path = events(tmp_path, [("a", "x", 1, 0), ("a", "y", 2, 1), ("a", "z", 3, 900)],
                  "user,item,timestamp,rating")  # fmt: skip
    assert history(read_histories(path), "a") == ["y", "z"]


def test_a_rating_that_is_none_is_named_with_its_row(tmp_path: Path) -> None:
    path = events(tmp_path, [("a", "x", 1, "good")], "user,item,timestamp,rating")
    with pytest.raises(DataError, match=r"Line 2 .* the rating 'good'"):
        read_histories(path)


def test_an_item_chosen_again_counts_once_unless_asked_for(tmp_path: Path) -> None:
    path = events(tmp_path, [("a", "x", 1), ("a", "y", 2), ("a", "x", 3)])
    found = read_histories(path)
    assert history(found, "a") == ["x", "y"]
    assert codes(found)["D131"] == 1
    assert history(read_histories(path, options={"again": "yes"}), "a") == ["x", "y", "x"]


def test_a_folder_has_interactions_and_items_and_items_nobody_chose_count(tmp_path: Path) -> None:
    events(tmp_path, ROWS)
    write(tmp_path / "items.csv", "id,title,text\nmilk,Milk,white\nhoney,Honey,sweet\njam,Jam,\n")
    found = read_histories(tmp_path)
    texts = dict(zip(found.items, found.texts, strict=True))
    assert texts == {"bread": "", "honey": "Honey\nsweet", "jam": "Jam", "milk": "Milk\nwhite"}
    assert codes(found)["D133"] == 1


def test_items_named_beside_a_file_are_read_and_equal_texts_are_told(tmp_path: Path) -> None:
    path = events(tmp_path, ROWS)
    beside = write(
        tmp_path / "texts.jsonl", '{"id": "milk", "text": "A"}\n{"id": "jam", "text": "a "}'
    )
    found = KIND.read(Source(str(path), files={"items": str(beside)}))
    assert dict(zip(found.items, found.texts, strict=True))["milk"] == "A"
    assert codes(found)["D134"] == 1


def test_options_that_make_no_sense_say_which_do(tmp_path: Path) -> None:
    path = str(events(tmp_path, ROWS))
    for options, told in (
        ({"again": "perhaps"}, "yes or no"),
        ({"liked": "much"}, "no number"),
        ({"split": "later"}, "last, time, or the time"),
        ({"seed": "1"}, "no option 'seed'"),
    ):
        with pytest.raises(OptionError, match=told):
            KIND.read(Source(path, options=options))
    with pytest.raises(OptionError, match="'people' is no file"):
        KIND.read(Source(path, files={"people": "u.csv"}))


def test_a_folder_without_interactions_says_what_is_missing(tmp_path: Path) -> None:
    write(tmp_path / "items.csv", "id,text\na,b\n")
    with pytest.raises(DataError, match=r"no file with the interactions"):
        read_histories(tmp_path)


def test_the_last_item_is_test_the_one_before_dev_and_the_rest_train(tmp_path: Path) -> None:
    parts = KIND.divide(read_histories(events(tmp_path, ROWS)), 0)
    items = parts.test.question.items
    named = lambda places: [items[p] for p in places.tolist()]  # noqa: E731
    assert parts.test.question.users == ["ann", "bob"]
    assert named(parts.test.wanted) == ["bread", "milk"]
    assert named(parts.test.question.places) == ["milk", "jam", "jam"]
    assert parts.dev.question.users == ["ann"]
    assert named(parts.dev.wanted) == ["jam"]
    assert parts.train.question.users == ["ann", "bob", "cat"]
    assert named(parts.train.question.places) == ["milk", "jam", "milk"]
    assert {f.code: f.examples for f in parts.findings}["D132"] == ("'cat'",)
    assert dict(zip(items, parts.test.counts.tolist(), strict=True)) == {
        "bread": 0, "jam": 1, "milk": 2,
    }  # fmt: skip


def test_one_time_for_all_asks_for_everything_after_it(tmp_path: Path) -> None:
    path = events(tmp_path, ROWS)
    with pytest.raises(DataError, match="0 of the 3 users"):  # bob is new then, ann is through
        KIND.divide(read_histories(path, options={"split": "5"}), 0)
    rows = [*ROWS, ("cat", "jam", 6), ("cat", "bread", 7), ("dan", "milk", 2), ("dan", "jam", 8)]
    parts = KIND.divide(read_histories(events(tmp_path, rows), options={"split": "5"}), 0)
    items = parts.test.question.items
    assert parts.test.question.users == ["cat", "dan"]
    assert [items[p] for p in parts.test.wanted.tolist()] == ["jam", "bread", "jam"]
    assert {f.code: f.examples for f in parts.findings}["D132"] == ("'bob'",)


def test_nothing_that_is_asked_for_stands_in_train() -> None:
    rng = np.random.default_rng(0)
    lengths = rng.integers(1, 8, 300)
    places = np.concatenate([rng.choice(40, n, replace=False) for n in lengths])
    starts = np.concatenate([[0], np.cumsum(lengths)])
    found = Histories([f"u{n}" for n in range(300)], [f"i{n}" for n in range(40)], [""] * 40,
                      starts, places, rng.random(len(places)))  # fmt: skip
    for split in ("last", "time"):
        parts = KIND.divide(Histories(**{**vars(found), "split": split}), 3)
        pairs = {}
        for name in ("train", "dev", "test"):
            part = getattr(parts, name)
            asked = part.question
            starts, chosen = (
                (asked.starts, asked.places) if name == "train"
                else (part.wanted_starts, part.wanted)
            )  # fmt: skip
            pairs[name] = {
                (user, int(place))
                for row, user in enumerate(asked.users)
                for place in chosen[starts[row] : starts[row + 1]]
            }
        assert not pairs["train"] & pairs["dev"]
        assert not (pairs["train"] | pairs["dev"]) & pairs["test"]
        assert pairs["test"]


def test_modules_and_what_they_use_are_histories() -> None:
    found = usage_histories(["json"])
    assert found.source == "usage:json"
    assert history(found, "json")[:2] == ["json.encoder.JSONEncoder", "json.decoder.JSONDecoder"]
    assert all(len(text.split()) > 3 for text in found.texts)
    with pytest.raises(DataError, match="not installed"):
        usage_histories(["surely_not_there"])


def test_ratings_parted_by_colons_need_no_names(tmp_path: Path) -> None:
    rows = ["1::20::5::30", "1::21::4::31", "2::20::1::32"]
    found = read_histories(write(tmp_path / "ratings.dat", "\n".join(rows) + "\n"))
    assert history(found, "1") == ["20", "21"]
    with pytest.raises(DataError, match=r"Line 2 of .* has 3 fields parted by '::'"):
        read_histories(write(tmp_path / "r.dat", "1::20::5::30\n1::21::4\n"))


@pytest.mark.parametrize("mark", ["\t", ","])
def test_a_first_line_without_names_says_how_to_name_columns(tmp_path: Path, mark: str) -> None:
    path = write(tmp_path / "u.tsv", mark.join(["196", "242", "3", "881250949"]) + "\n")
    if mark == ",":
        path = path.rename(tmp_path / "u.csv")
    with pytest.raises(DataError, match=r"no names but values \('196', .*user,item,rating,time"):
        read_histories(path)


@pytest.mark.parametrize(
    ("head", "expected"),
    [
        ("userId,movieId,rating,timestamp", True),
        ("customer_id,product_id,date", True),
        ("user,item", False),
        ("session_id,product_id,timestamp,query", False),
        ("text,label", False),
    ],
)
def test_interactions_are_told_by_their_columns(tmp_path: Path, head: str, expected: bool) -> None:
    path = write(tmp_path / "some.csv", f"{head}\n")
    assert is_histories(path) is expected
    assert not is_histories(tmp_path)
    path.rename(tmp_path / "ratings.csv")
    assert is_histories(tmp_path) is expected
    assert not is_histories(tmp_path / "nothing.csv")
