"""Files with pairs, triplets and scored pairs become a task."""

import csv
import gzip
import io
import json
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tunewise.data import examples, histories, read
from tunewise.data.read import read_task
from tunewise.data.remarks import CODES
from tunewise.errors import DataError, OptionError
from tunewise.task import Task

PAIRS = "query,document\nhow tall,300 m\nhow old,135 years\n"


def write(path: Path, content: str | bytes) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    return path


def codes(task: Task) -> dict[str, int]:
    return {finding.code: finding.count for finding in task.findings}


def example(task: Task, code: str) -> str:
    return next(finding.examples[0] for finding in task.findings if finding.code == code)


def by_text(task: Task) -> dict[str, dict[str, float]]:
    return {
        task.queries.text(query): {task.documents.text(d): grade for d, grade in graded.items()}
        for query, graded in task.judgments.items()
    }


def records(*rows: dict[str, object]) -> str:
    return "".join(json.dumps(row) + "\n" for row in rows)


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("pairs.csv", PAIRS),
        ("pairs.CSV", PAIRS),
        ("semicolons.csv", PAIRS.replace(",", ";")),
        ("pairs.tsv", PAIRS.replace(",", "\t")),
        ("blank_lines.csv", PAIRS.replace("\n", "\n\n")),
        ("windows.csv", PAIRS.replace("\n", "\r\n")),
        ("old_mac.tsv", PAIRS.replace(",", "\t").replace("\n", "\r")),
        ("marked.csv", PAIRS.encode("utf-8-sig")),
        ("utf16.csv", PAIRS.encode("utf-16")),
        ("utf16be.csv", b"\xfe\xff" + PAIRS.encode("utf-16-be")),
        ("utf32.csv", PAIRS.encode("utf-32")),
        ("pairs.csv.gz", gzip.compress(PAIRS.encode(), mtime=0)),
        (
            "pairs.jsonl",
            (
                '{"query": "how tall", "document": "300 m"}\n\n'
                '{"document": "135 years", "query": "how old"}'
            ),
        ),
        (
            "pairs.json",
            (
                '[{"query": "how tall", "document": "300 m"},\n'
                '{"query": "how old", "document": "135 years"}]'
            ),
        ),
    ],
)
def test_the_same_pairs_are_read_from_every_format_and_encoding(
    tmp_path: Path, name: str, content: str | bytes
) -> None:
    task = read_task(write(tmp_path / name, content))
    assert by_text(task) == {"how tall": {"300 m": 1.0}, "how old": {"135 years": 1.0}}
    assert task.relevant_from == 1.0
    assert task.parts == {}
    assert task.source == str(tmp_path / name)


def test_pairs_are_read_from_parquet(tmp_path: Path) -> None:
    pa = pytest.importorskip("pyarrow")
    parquet = pytest.importorskip("pyarrow.parquet")
    rows = {"query": ["a", "b"], "pos": [["x", "y"], ["z"]], "other": [1, 2]}
    parquet.write_table(pa.table(rows), tmp_path / "pairs.parquet")
    task = read_task(tmp_path / "pairs.parquet")
    assert by_text(task) == {"a": {"x": 1.0, "y": 1.0}, "b": {"z": 1.0}}
    assert "not used: 'other'" in example(task, "D001")


@pytest.mark.parametrize(
    ("query", "document"),
    [
        ("query", "document"),
        ("anchor", "positive"),
        ("Question", "Answer"),
        ("question", "context"),
        ("sentence1", "sentence2"),
        ("text1", "text2"),
        ("Search Query", "passage"),
        ("sentence_A", "sentence_B"),
        (" query ", "text"),
    ],
)
def test_columns_are_guessed_by_name_and_told(tmp_path: Path, query: str, document: str) -> None:
    path = write(tmp_path / "pairs.csv", f"{document},{query},id\nthe answer,the question,7\n")
    task = read_task(path)
    assert by_text(task) == {"the question": {"the answer": 1.0}}
    assert example(task, "D001") == (
        f"{path}: query = '{query.strip()}', document = '{document}'; not used: 'id'"
    )


def test_columns_can_be_named_by_the_user(tmp_path: Path) -> None:
    path = write(tmp_path / "p.csv", "frage,antwort,question\nWie hoch?,300 m,How tall?\n")
    task = read_task(path, columns={"query": "frage", "document": "antwort"})
    assert by_text(task) == {"Wie hoch?": {"300 m": 1.0}}


def test_a_role_named_empty_is_played_by_no_column(tmp_path: Path) -> None:
    path = write(tmp_path / "p.csv", "query,document,label\nq,d,entailment\n")
    assert by_text(read_task(path, columns={"score": ""})) == {"q": {"d": 1.0}}


def test_a_second_column_that_could_be_the_document_is_a_warning(tmp_path: Path) -> None:
    path = write(tmp_path / "qa.csv", "question,context,answer\nq,c,a\n")
    task = read_task(path)
    assert by_text(task) == {"q": {"c": 1.0}}
    assert example(task, "D002") == f"{path}: document = 'context', not 'answer'"
    named = read_task(path, columns={"document": "answer"})
    assert by_text(named) == {"q": {"a": 1.0}}
    assert "D002" not in codes(named)


def test_an_unknown_role_is_refused_with_the_roles_there_are(tmp_path: Path) -> None:
    path = write(tmp_path / "pairs.csv", PAIRS)
    with pytest.raises(OptionError, match=r"role 'frage', but the roles are query_id"):
        read_task(path, columns={"frage": "query"})


def test_a_named_column_that_does_not_exist_is_refused(tmp_path: Path) -> None:
    path = write(tmp_path / "pairs.csv", PAIRS)
    with pytest.raises(DataError, match=r"column 'Frage' that could be the query.*spelling"):
        read_task(path, columns={"query": "Frage"})
    with pytest.raises(DataError, match=r"column 'neg_9' that could be the negative"):
        read_task(path, columns={"negative": "neg_9"})
    with pytest.raises(DataError, match=r"there are 'query', 'document'.*--column query=NAME"):
        read_task(path, columns={"query": "Frage"})


def test_equal_texts_are_one_query_and_one_document(tmp_path: Path) -> None:
    task = read_task(write(tmp_path / "p.csv", "query,document\na,x\nb,x\na,y\n"))
    assert list(task.queries.ids) == ["q1", "q2"]
    assert list(task.documents.ids) == ["d1", "d2"]
    assert by_text(task) == {"a": {"x": 1.0, "y": 1.0}, "b": {"x": 1.0}}


def test_ids_are_taken_from_their_columns_stripped_and_as_text(tmp_path: Path) -> None:
    rows = records(
        {"qid": 7, "query": "a", "doc_id": " x ", "text": "1"},
        {"qid": 7.0, "query": "a", "doc_id": "y", "text": "1"},
    )
    task = read_task(write(tmp_path / "p.jsonl", rows))
    assert task.judgments == {"7": {"x": 1.0, "y": 1.0}}
    assert list(task.documents.texts) == ["1", "1"]


def test_negatives_are_judged_zero(tmp_path: Path) -> None:
    content = "query,document,negative_1,negative_2\na,x,y,z\na,x,w,\n"
    task = read_task(write(tmp_path / "p.csv", content))
    assert by_text(task) == {"a": {"x": 1.0, "y": 0.0, "z": 0.0, "w": 0.0}}
    assert "D003" not in codes(task)  # the second row brings a new negative


def test_negatives_may_be_a_list(tmp_path: Path) -> None:
    content = records({"query": "a", "pos": ["x"], "neg": ["y", "z"]}, {"query": "b", "pos": "y"})
    task = read_task(write(tmp_path / "p.jsonl", content))
    assert by_text(task) == {"a": {"x": 1.0, "y": 0.0, "z": 0.0}, "b": {"y": 1.0}}


def test_negative_columns_can_be_named(tmp_path: Path) -> None:
    path = write(tmp_path / "p.csv", "query,document,bad,worse\na,x,y,z\n")
    task = read_task(path, columns={"negative": "bad, worse"})
    assert by_text(task) == {"a": {"x": 1.0, "y": 0.0, "z": 0.0}}


def test_a_negative_is_the_document_of_a_later_row_with_the_same_text(tmp_path: Path) -> None:
    content = "query,document,docid,negative\na,x,1,y\na,x,1,y\nb,y,2,d9\n"
    task = read_task(write(tmp_path / "p.csv", content))
    assert task.judgments == {"q1": {"1": 1.0, "2": 0.0}, "q2": {"2": 1.0, "d3": 0.0}}
    assert codes(task)["D003"] == 1


def test_a_text_that_is_positive_and_negative_keeps_the_higher_grade(tmp_path: Path) -> None:
    content = "query,document,negative\na,x,y\na,y,x\n"
    task = read_task(write(tmp_path / "p.csv", content))
    assert by_text(task) == {"a": {"x": 1.0, "y": 1.0}}
    assert codes(task)["D005"] == 2
    assert example(task, "D005") == "query 'q1', document 'd2': 0, 1"


def test_whole_scores_are_grades_relevant_from_one(tmp_path: Path) -> None:
    task = read_task(write(tmp_path / "p.csv", "query,document,score\na,x,3\na,y,0\nb,y,1.0\n"))
    assert by_text(task) == {"a": {"x": 3.0, "y": 0.0}, "b": {"y": 1.0}}
    assert task.relevant_from == 1.0
    assert "D009" not in codes(task)


def test_scores_with_fractions_are_relevant_from_half_the_highest(tmp_path: Path) -> None:
    content = "sentence1,sentence2,similarity\na,x,4.8\na,y,1.5\n"
    task = read_task(write(tmp_path / "p.csv", content))
    assert task.relevant_from == 2.4
    assert example(task, "D009") == "grades up to 4.8: relevant from 2.4"


def test_truth_values_are_grades(tmp_path: Path) -> None:
    content = records(
        {"query": "a", "text": "x", "label": True}, {"query": "a", "text": "y", "label": False}
    )
    assert by_text(read_task(write(tmp_path / "p.jsonl", content))) == {"a": {"x": 1.0, "y": 0.0}}


def test_negative_grades_count_as_zero_and_are_told(tmp_path: Path) -> None:
    path = write(tmp_path / "p.csv", "query,document,score\na,x,-2\na,y,1\n")
    task = read_task(path)
    assert by_text(task) == {"a": {"x": 0.0, "y": 1.0}}
    assert example(task, "D006") == f"Line 2 of '{path}': -2"


def test_repeated_rows_are_kept_once_and_counted(tmp_path: Path) -> None:
    task = read_task(write(tmp_path / "p.csv", PAIRS + PAIRS.partition("\n")[2] * 2))
    assert len(task.queries) == 2
    assert codes(task)["D003"] == 4
    assert len(next(f for f in task.findings if f.code == "D003").examples) == 3


def test_empty_texts_stay(tmp_path: Path) -> None:
    content = records({"query": "a", "document": ""}, {"query": "b", "document": None})
    task = read_task(write(tmp_path / "p.jsonl", content))
    assert list(task.documents.texts) == [""]
    assert task.judgments == {"q1": {"d1": 1.0}, "q2": {"d1": 1.0}}


def test_texts_are_kept_as_they_are(tmp_path: Path) -> None:
    text = '  two\nlines, "quotes"\u2028 and \x85 spaces  '
    content = records({"query": " a ", "document": text})
    task = read_task(write(tmp_path / "p.jsonl", content))
    assert list(task.queries.texts) == [" a "]
    assert list(task.documents.texts) == [text]


def test_half_a_character_is_replaced_and_told(tmp_path: Path) -> None:
    content = '{"query": "a \\ud83d b", "document": "fine \\ud83d\\ude00"}\n'
    task = read_task(write(tmp_path / "p.jsonl", content))
    assert list(task.queries.texts) == ["a \ufffd b"]
    assert list(task.documents.texts) == ["fine 😀"]
    assert codes(task)["D011"] == 1


def test_a_split_column_gives_the_parts(tmp_path: Path) -> None:
    content = "query,document,Split\na,x,train\nb,y,validation\nc,z, TEST \n"
    task = read_task(write(tmp_path / "p.csv", content))
    assert task.parts == {"q1": "train", "q2": "dev", "q3": "test"}


def test_a_query_in_two_parts_stays_in_test(tmp_path: Path) -> None:
    content = "query,document,split\na,x,test\na,y,train\nb,x,train\n"
    task = read_task(write(tmp_path / "p.csv", content))
    assert task.parts == {"q1": "test", "q2": "train"}
    assert by_text(task)["a"] == {"x": 1.0, "y": 1.0}
    assert example(task, "D004") == "query 'q1': train, test"


def test_a_query_without_a_part_counts_as_train(tmp_path: Path) -> None:
    content = "query,document,split\na,x,test\nb,y,\n"
    task = read_task(write(tmp_path / "p.csv", content))
    assert task.parts == {"q1": "test", "q2": "train"}
    assert example(task, "D012") == "query 'q2'"


def test_a_column_that_only_looks_like_a_division_is_left_aside(tmp_path: Path) -> None:
    path = write(tmp_path / "p.csv", "query,document,part\na,x,engine\nb,y,wheel\n")
    task = read_task(path)
    assert task.parts == {}
    assert codes(task)["D013"] == 2
    assert example(task, "D013") == f"Line 2 of '{path}': 'engine'"


def test_a_division_with_unknown_names_in_it_is_refused(tmp_path: Path) -> None:
    path = write(tmp_path / "p.csv", "query,document,split\na,x,test\nb,y,holdout\n")
    with pytest.raises(DataError, match=r"Line 3 of .*'holdout'.*Give every query one of these"):
        read_task(path)


def test_a_group_column_gives_the_groups(tmp_path: Path) -> None:
    content = records(
        {"query": "a", "document": "x", "group": 3},
        {"query": "b", "document": "y", "group": None},
        {"query": "a", "document": "z", "group": 4},
    )
    task = read_task(write(tmp_path / "p.jsonl", content))
    assert task.groups == {"q1": "3"}
    assert example(task, "D014") == "query 'q1': '3', '4'"


def test_unquoted_tsv_keeps_its_quotation_marks(tmp_path: Path) -> None:
    content = 'query\tdocument\n"Hamlet" he said\t"open\nwho\t"closed"\nwhat\tclosed"\n'
    task = read_task(write(tmp_path / "p.tsv", content))
    assert by_text(task) == {
        '"Hamlet" he said': {'"open': 1.0},
        "who": {"closed": 1.0},
        "what": {'closed"': 1.0},
    }


def test_quoted_tsv_may_hold_line_breaks(tmp_path: Path) -> None:
    task = read_task(write(tmp_path / "p.tsv", 'query\tdocument\na\t"one\ntwo"\n'))
    assert by_text(task) == {"a": {"one\ntwo": 1.0}}


def test_a_text_of_ten_megabytes_is_read_and_the_limit_of_csv_put_back(tmp_path: Path) -> None:
    before = csv.field_size_limit()
    task = read_task(write(tmp_path / "p.csv", "query,document\na," + "x" * 10_000_000 + "\n"))
    assert len(task.documents.texts[0]) == 10_000_000
    assert csv.field_size_limit() == before


def test_findings_come_in_the_order_of_their_codes_and_the_docstring_lists_them_all(
    tmp_path: Path,
) -> None:
    for code, (severity, title, _) in CODES.items():
        assert (
            f"| {code} | {severity} | {title} |"
            in f"{read.__doc__}{examples.__doc__}{histories.__doc__}"
        )
    content = "query,document,score\na,x,-0.5\na,x,-0.5\na,y,0.5\n"
    found = list(codes(read_task(write(tmp_path / "p.csv", content))))
    assert found == ["D001", "D003", "D006", "D009"]


texts = st.text(st.characters(exclude_categories=("Cs",), exclude_characters="\0"))


@settings(max_examples=60)
@given(st.lists(st.tuples(texts, texts), min_size=1, max_size=8))
def test_any_texts_come_back_from_csv_as_they_were(
    tmp_path_factory: pytest.TempPathFactory, rows: list[tuple[str, str]]
) -> None:
    content = io.StringIO(newline="")
    csv.writer(content, quoting=csv.QUOTE_ALL).writerows([("query", "document"), *rows])
    path = write(tmp_path_factory.mktemp("csv") / "p.csv", content.getvalue())
    judged = by_text(read_task(path))
    assert {(query, document) for query in judged for document in judged[query]} == set(rows)


@settings(max_examples=60)
@given(st.lists(st.tuples(texts, texts), min_size=1, max_size=8), st.booleans())
def test_any_texts_come_back_from_jsonl_as_they_were(
    tmp_path_factory: pytest.TempPathFactory, rows: list[tuple[str, str]], escaped: bool
) -> None:
    content = "".join(
        json.dumps({"query": query, "document": document}, ensure_ascii=escaped) + "\n"
        for query, document in rows
    )
    path = write(tmp_path_factory.mktemp("jsonl") / "p.jsonl", content)
    judged = by_text(read_task(path))
    assert {(query, document) for query in judged for document in judged[query]} == set(rows)
