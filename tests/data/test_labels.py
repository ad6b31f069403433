"""Label files: what is written, what comes back, and what is refused."""

import csv
import os
import signal
import subprocess
import sys
import textwrap
from dataclasses import replace
from pathlib import Path

import pytest

import tunewise
from tunewise.data.folds import divide_folds
from tunewise.data.labels import COLUMNS, Drawn, with_labels, write_labels
from tunewise.data.split import divide
from tunewise.data.unlabelled import unlabelled
from tunewise.errors import DataError
from tunewise.task import Task, Texts
from tunewise.testing import tiny_task

ASKED = 10  # queries of the tiny task that nobody has judged


def task(**changes) -> Task:
    whole = tiny_task()
    known = {q: grades for q, grades in whole.judgments.items() if int(q[1:]) >= ASKED}
    return replace(whole, judgments=known, **changes)


def drawn(*queries: str, weight: float = 1.5, texts: Texts | None = None) -> Drawn:
    """A draw that shows the right document and another for each query."""
    asked = texts or task().queries
    return Drawn(
        asked.take(asked.position[query] for query in queries),
        dict.fromkeys(queries, weight),
        {query: [f"d{query[1:]}", "d50"] for query in queries},
        dict.fromkeys(queries, "a, b: 3 of 10, seed 0"),
        {},
    )


def cells(path: Path) -> list[dict[str, str]]:
    with path.open(encoding="utf-8-sig", newline="") as file:
        return list(csv.DictReader(file))


def fill(path: Path, rows: list[dict[str, str]], **options) -> Path:
    names = list(rows[0])
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, names, **options)
        writer.writeheader()
        writer.writerows(rows)
    return path


@pytest.fixture
def file(tmp_path: Path) -> Path:
    """q0, q1 and q2 to be labelled; the right documents of q0 and q1 are."""
    path = tmp_path / "labels.csv"
    write_labels(drawn("q0", "q1", "q2"), task().documents, path)
    rows = cells(path)
    for row in rows:
        if row["query_id"] != "q2":
            row["grade"] = str(int(row["document_id"] != "d50"))
    return fill(path, rows)


# Writing


def test_a_label_file_has_a_row_for_each_query_and_document(tmp_path: Path) -> None:
    write_labels(drawn("q0", "q1"), task().documents, tmp_path / "new" / "labels.csv")
    rows = cells(tmp_path / "new" / "labels.csv")
    assert tuple(rows[0]) == COLUMNS
    assert [(row["query_id"], row["document_id"]) for row in rows] == [
        ("q0", "d0"), ("q0", "d50"), ("q1", "d1"), ("q1", "d50"),
    ]  # fmt: skip
    assert rows[0]["query"] == "fix my old kettle"
    assert rows[0]["document"].startswith("How to mend a kettle")
    assert {(row["grade"], row["weight"], row["drawn"]) for row in rows} == {
        ("", "1.500000", "a, b: 3 of 10, seed 0")
    }


NASTY = (
    *("=1+1", "+49 30", "-1", "@here", "'=quoted", "'plain", "\tindented", 'a "b", c\nd', "Größe"),
)


def test_no_cell_is_a_formula_and_what_comes_back_is_what_was_there(tmp_path: Path) -> None:
    documents = Texts([f"{text.strip()}#{n}" for n, text in enumerate(NASTY)], list(NASTY))
    queries = Texts([f"{text.strip()}?{n}" for n, text in enumerate(NASTY)], list(NASTY))
    asked = Drawn(
        queries,
        dict.fromkeys(queries.ids, 1.0),
        {query: [document] for query, document in zip(queries.ids, documents.ids, strict=True)},
        dict.fromkeys(queries.ids, "=how"),
        {},
    )
    write_labels(asked, documents, tmp_path / "labels.csv")
    rows = cells(tmp_path / "labels.csv")
    assert not [cell for row in rows for cell in row.values() if cell[:1] in ("=", "+", "-", "@")]
    fill(tmp_path / "labels.csv", [row | {"grade": "1"} for row in rows])
    found = with_labels(Task(documents, Texts([], []), {}), tmp_path / "labels.csv")
    assert found.queries.ids == queries.ids
    assert found.queries.texts == list(NASTY)
    pairs = zip(queries.ids, documents.ids, strict=True)
    assert found.judgments == {query: {document: 1.0} for query, document in pairs}


def test_a_long_document_is_shown_in_part_and_recognised(tmp_path: Path) -> None:
    long = replace(task(), documents=Texts(task().documents.ids, ["word " * 900] * 128))
    write_labels(drawn("q0"), long.documents, tmp_path / "labels.csv")
    rows = cells(tmp_path / "labels.csv")
    assert {len(row["document"]) for row in rows} == {1000}
    fill(tmp_path / "labels.csv", [row | {"grade": "1"} for row in rows])
    assert with_labels(long, tmp_path / "labels.csv").judgments["q0"] == {"d0": 1.0, "d50": 1.0}


def test_a_kill_while_writing_leaves_the_old_file_whole(tmp_path: Path) -> None:
    (tmp_path / "labels.csv").write_text("old")
    code = f"""
        import os, signal
        from pathlib import Path
        from tunewise.data.labels import Drawn, write_labels
        from tunewise.task import Texts

        class Killed(dict):
            def __getitem__(self, query):
                if query == "q9000":
                    os.kill(os.getpid(), signal.SIGKILL)
                return 1.0

        ids = [f"q{{n}}" for n in range(9999)]
        shown = dict.fromkeys(ids, ["d"])
        drawn = Drawn(Texts(ids, ids), Killed(), shown, dict.fromkeys(ids, ""), {{}})
        write_labels(drawn, Texts(["d"], ["text"]), Path({str(tmp_path / "labels.csv")!r}))
    """
    ended = subprocess.run([sys.executable, "-c", textwrap.dedent(code)], env=os.environ)
    assert ended.returncode == -signal.SIGKILL
    assert (tmp_path / "labels.csv").read_text() == "old"


# Reading


def test_weights_without_their_decimal_points_are_refused(file: Path) -> None:
    rows = [row | {"weight": row["weight"].replace(".", "") + "00000"} for row in cells(file)]
    with pytest.raises(DataError, match=r"weights average .* lost their decimal points"):
        with_labels(task(), fill(file, rows))


def test_grades_become_judgments_with_the_weight_of_the_draw(file: Path) -> None:
    found = with_labels(task(source="tiny"), file)
    assert found.judgments["q0"] == {"d0": 1.0, "d50": 0.0}
    assert found.weights == {"q0": 1.5, "q1": 1.5}
    assert found.read_with["labels"] == str(file)
    assert found.fingerprint != task().fingerprint
    plain = replace(found, weights={})
    assert plain.fingerprint != found.fingerprint


def test_queries_without_any_grade_are_left_out_and_told(file: Path) -> None:
    found = with_labels(task(), file)
    assert "q2" not in found.judgments
    [finding] = found.findings
    assert (finding.code, finding.severity, finding.count) == ("D016", "warning", 1)
    assert finding.examples == ("query 'q2': 'fix my old bicycle'",)
    assert "2 of 3 are" in finding.advice


def test_a_document_nobody_looked_at_stays_unjudged(file: Path) -> None:
    rows = [row | {"grade": ""} if row["document_id"] == "d50" else row for row in cells(file)]
    assert with_labels(task(), fill(file, rows)).judgments["q0"] == {"d0": 1.0}


def test_what_spreadsheets_make_of_a_file_is_read(file: Path) -> None:
    rows = [row | {"grade": row["grade"] and f" {row['grade']},5 "} for row in cells(file)]
    rows = [row | {"weight": row["weight"].replace(".", ",")} for row in rows]
    fill(file, rows, delimiter=";")
    found = with_labels(task(), file)
    assert found.judgments["q1"] == {"d1": 1.5, "d50": 0.5}
    assert found.weights["q1"] == 1.5


def test_a_document_that_nobody_found_can_be_added_by_hand(file: Path) -> None:
    row = dict.fromkeys(COLUMNS, "") | {"query_id": "q2", "document_id": "d7", "grade": "1"}
    assert with_labels(task(), fill(file, [*cells(file), row])).judgments["q2"] == {"d7": 1.0}


def test_queries_that_the_data_does_not_have_are_added(tmp_path: Path) -> None:
    more = Texts(["q900", "q901"], ["fix it", "sell it"])
    asked = replace(drawn("q900", "q901", texts=more), documents={"q900": ["d0"], "q901": ["d1"]})
    write_labels(asked, task().documents, tmp_path / "labels.csv")
    rows = [row | {"grade": "1"} for row in cells(tmp_path / "labels.csv")][:1]
    found = with_labels(task(), fill(tmp_path / "labels.csv", rows))
    assert found.queries.ids[-1] == "q900"
    assert found.queries.text("q900") == "fix it"
    assert "q901" not in found.queries.position


@pytest.mark.parametrize(
    ("change", "told"),
    [
        ({"grade": "yes"}, "Line 2 of .* has the grade 'yes', which is no number"),
        ({"grade": "-1"}, "grade '-1', which is no number from 0 up"),
        ({"grade": "nan"}, "which is no number from 0 up"),
        ({"weight": "much"}, "has the weight 'much', which is no number"),
        ({"weight": "0"}, "'q0' has no weight above 0|earlier row 0"),
        ({"weight": "2"}, "the weight 1.5, and an earlier row 2. All rows of a query"),
        ({"document_id": "d999"}, "document 'd999' that .* does not have"),
        ({"document_id": ""}, "no document id"),
        ({"document_id": "d50", "document": ""}, "'d50' again, after line 2"),
        ({"document": "another text"}, "document 'd0' says 'another text', but in the data"),
        ({"query": "another text"}, "query 'q0' says 'another text', but in the data"),
        ({"query_id": "0"}, "a query '0', but in the data the query that says so is 'q0'"),
        ({"query_id": "q999", "query": ""}, "'q999' that .* does not have, and no text"),
        ({"query_id": "q20", "query": ""}, "grades query 'q20', which has judgments"),
    ],
)
def test_what_cannot_be_meant_is_refused(file: Path, change: dict[str, str], told: str) -> None:
    first, *rest = cells(file)
    with pytest.raises(DataError, match=told):
        with_labels(task(source="tiny"), fill(file, [first | change, *rest]))


def test_a_file_without_grades_or_of_another_kind_is_refused(file: Path, tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"No row of .* has a grade"):
        with_labels(task(), fill(file, [row | {"grade": " "} for row in cells(file)]))
    (tmp_path / "pairs.csv").write_text("query_id,query,document_id,grade\nq0,a,d0,1\n")
    with pytest.raises(DataError, match="no column 'weight', so it is no file that"):
        with_labels(task(), tmp_path / "pairs.csv")
    with pytest.raises(DataError, match="Cannot read"):
        with_labels(task(), tmp_path / "nothing.csv")


# Dividing


def test_labelled_queries_are_in_test_and_the_others_where_they_were(file: Path) -> None:
    before, after = divide(task()), divide(with_labels(task(), file))
    assert set(after.test.part.queries.ids) - set(before.test.part.queries.ids) == {"q0", "q1"}
    assert set(before.test.part.queries.ids) <= set(after.test.part.queries.ids)
    assert after.test.part.weights == {"q0": 1.5, "q1": 1.5}
    assert after.training == before.training
    assert "2 labelled queries are in test, weighed as drawn" in after.how["note"]


def test_nothing_is_learned_from_what_belongs_with_a_labelled_query(file: Path) -> None:
    train = divide(task()).training.train.queries.ids
    beside = next(iter(train))
    groups = {"q0": "mine", beside: "mine"}
    found = divide(with_labels(task(groups=groups), file))
    everywhere = [found.training.train, found.training.dev, found.test.part]
    assert not [part for part in everywhere if beside in part.queries.ids]
    assert len(found.training.train) == len(train) - 1
    [told] = [finding for finding in found.findings if finding.code == "D056"]
    assert (told.count, told.examples) == (1, (f"query '{beside}'",))


def test_a_chain_that_joins_very_many_queries_is_still_learned_from(file: Path) -> None:
    ids = [query for query in task().judgments if int(query[1:]) < 80]
    found = divide(with_labels(task(groups=dict.fromkeys(["q0", *ids], "all")), file))
    assert len(found.training.train) > 60
    assert not [finding for finding in found.findings if finding.code == "D056"]


@pytest.mark.parametrize("given", [("train", "dev", "test"), ("train", "test"), ("test",)])
def test_a_division_of_the_users_own_is_kept_and_gets_the_labelled_in_test(file, given) -> None:
    known = list(task().judgments)
    parts = {query: given[n % len(given)] for n, query in enumerate(known)}
    before, after = (divide(each) for each in (task(parts=parts),
                                               with_labels(task(parts=parts), file)))  # fmt: skip
    assert after.training == before.training
    assert len(after.test.part) == len(before.test.part) + 2
    assert after.test.part.weights == {"q0": 1.5, "q1": 1.5}
    assert after.how["by"] == "user"


def test_parts_without_a_test_are_divided_anew_as_without_labels(file: Path) -> None:
    parts = dict.fromkeys(task().judgments, "train")
    before, after = divide(task(parts=parts)), divide(with_labels(task(parts=parts), file))
    assert after.training == before.training
    assert [f.count for f in after.findings if f.code == "D051"] == [len(parts)]


@pytest.mark.parametrize("parts", [{}, dict.fromkeys(task().judgments, "test")])
def test_a_task_with_labels_is_written_and_read_again(file: Path, tmp_path: Path, parts) -> None:
    labelled = with_labels(task(parts=parts), file)
    tunewise.write_task(labelled, tmp_path / "written")
    again = tunewise.read_task(tmp_path / "written")
    assert again.fingerprint == labelled.fingerprint
    assert again.weights == labelled.weights


def test_labels_are_read_with_the_task_they_are_for(file: Path, tmp_path: Path) -> None:
    tunewise.write_task(task(), tmp_path / "tiny")
    found = tunewise.read_task(tmp_path / "tiny", labels=file)
    assert found.weights == {"q0": 1.5, "q1": 1.5}
    assert found.read_with == {"labels": str(file)}
    assert tunewise.read_examples(tmp_path / "tiny", labels=file).fingerprint == found.fingerprint


# What can be drawn from


def test_the_queries_of_the_task_that_nobody_judged_can_be_drawn() -> None:
    assert unlabelled(task()).ids == [f"q{n}" for n in range(ASKED)]
    with pytest.raises(DataError, match=r"no query without judgments.*--queries FILE"):
        unlabelled(tiny_task())


def test_queries_of_a_file_can_be_drawn_each_text_once(tmp_path: Path) -> None:
    asked = tmp_path / "asked.txt"
    asked.write_text("where is it\n\nfix my old kettle\nwhere is it\nbuild my old saddle\n")
    asked.with_name("last.txt").write_text(task().queries.text("q20"))
    found = unlabelled(task(), asked)
    assert found.texts[:2] == ["where is it", "fix my old kettle"]
    assert found.ids[0].startswith("asked-")
    assert found.ids[1] == "q0"
    with pytest.raises(DataError, match=r"last.txt' has no query without judgments"):
        unlabelled(task(), tmp_path / "last.txt")


def test_queries_of_a_table_keep_their_ids_unless_these_are_taken(tmp_path: Path) -> None:
    table = tmp_path / "asked.csv"
    table.write_text("id,question\na7,where is it\n")
    assert unlabelled(task(), table).ids == ["a7"]
    for row in ("a7,what is it", "q50,what is it"):
        table.write_text(f"id,question\na7,where is it\n{row}\n")
        with pytest.raises(DataError, match="Ids must be unique"):
            unlabelled(task(), table)


def test_grades_by_hand_are_fixed_where_others_are_estimated_from_clicks(file: Path) -> None:
    known = task()
    redrawn = tuple(
        {query: dict.fromkeys(grades, share) for query, grades in known.judgments.items()}
        for share in (0.4, 0.6)
    )
    labelled = with_labels(replace(known, redrawn=redrawn), file)
    asked = next(iter(labelled.weights))
    assert [again[asked] for again in labelled.redrawn] == [labelled.judgments[asked]] * 2
    assert labelled.fingerprint != known.fingerprint
    for division in (divide(labelled), divide_folds(labelled).whole):
        parts = [again[asked] for again in division.test.redrawn]
        assert parts == [labelled.judgments[asked]] * 2
