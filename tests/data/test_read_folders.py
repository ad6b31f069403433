"""Folders: BEIR, TREC, files of their own for documents, queries and judgments, parts."""

import gzip
import json
from pathlib import Path

import pytest

from tunewise.data.read import read_task
from tunewise.errors import DataError
from tunewise.task import Task

DOCUMENTS = '{"_id": "d1", "title": "Tower", "text": "300 m"}\n{"_id": "d2", "text": "135 years"}\n'
QUERIES = "".join(f'{{"_id": "q{n}", "text": "question {n}"}}\n' for n in range(1, 5))
HEADER = "query-id\tcorpus-id\tscore\n"


def write(path: Path, content: str | bytes) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    return path


def beir(folder: Path, **qrels: str) -> Path:
    write(folder / "corpus.jsonl", DOCUMENTS)
    write(folder / "queries.jsonl", QUERIES)
    for part, content in qrels.items():
        write(folder / "qrels" / f"{part}.tsv", content)
    return folder


def codes(task: Task) -> dict[str, int]:
    return {finding.code: finding.count for finding in task.findings}


def example(task: Task, code: str) -> str:
    return next(finding.examples[0] for finding in task.findings if finding.code == code)


def test_a_beir_folder_is_read_with_its_parts(tmp_path: Path) -> None:
    folder = beir(
        tmp_path,
        train=HEADER + "q1\td1\t1\n",
        dev=HEADER + "q2\td2\t1\n",
        test=HEADER + "q3\td1\t2\nq3\td2\t0\n",
    )
    task = read_task(folder)
    assert task.judgments == {"q1": {"d1": 1.0}, "q2": {"d2": 1.0}, "q3": {"d1": 2.0, "d2": 0.0}}
    assert task.parts == {"q1": "train", "q2": "dev", "q3": "test"}
    assert list(task.queries.ids) == ["q1", "q2", "q3", "q4"]  # judged or not
    assert task.findings == ()


def test_a_title_goes_before_its_text_on_a_line_of_its_own(tmp_path: Path) -> None:
    folder = beir(tmp_path, test="q1\td1\t1\n")
    write(folder / "corpus.jsonl", DOCUMENTS + '{"_id": "d3", "title": "Only", "text": ""}\n')
    assert list(read_task(folder).documents.texts) == ["Tower\n300 m", "135 years", "Only"]


@pytest.mark.parametrize("name", ["dev", "validation", "valid", "val", "VAL"])
def test_the_dev_part_goes_by_several_names(tmp_path: Path, name: str) -> None:
    task = read_task(beir(tmp_path, **{"test": "q1\td1\t1\n", name: "q2\td1\t1\n"}))
    assert task.parts == {"q1": "test", "q2": "dev"}


def test_test_alone_puts_all_judged_queries_in_test(tmp_path: Path) -> None:
    assert read_task(beir(tmp_path, test="q1\td1\t1\nq2\td1\t1\n")).parts == {
        "q1": "test",
        "q2": "test",
    }


def test_train_alone_is_told_as_it_is(tmp_path: Path) -> None:
    assert read_task(beir(tmp_path, train="q1\td1\t1\n")).parts == {"q1": "train"}


def test_a_single_file_of_another_name_is_no_division(tmp_path: Path) -> None:
    assert read_task(beir(tmp_path / "inner", all="q1\td1\t1\n")).parts == {}
    write(beir(tmp_path / "beside") / "qrels.tsv", "q1\td1\t1\n")
    task = read_task(tmp_path / "beside")
    assert task.parts == {}
    assert task.judgments == {"q1": {"d1": 1.0}}


def test_a_query_in_two_parts_stays_in_test(tmp_path: Path) -> None:
    task = read_task(beir(tmp_path, train="q1\td1\t1\nq2\td2\t1\n", test="q1\td2\t1\n"))
    assert task.parts == {"q1": "test", "q2": "train"}
    assert task.judgments["q1"] == {"d1": 1.0, "d2": 1.0}
    assert example(task, "D004") == "query 'q1': train, test"


def test_judgments_for_what_does_not_exist_are_left_out_and_counted(tmp_path: Path) -> None:
    folder = beir(tmp_path, test="q1\td1\t1\nq1\td9\t1\nq8\td1\t1\nq9\td9\t1\nq2\td9\t1\n")
    task = read_task(folder)
    assert task.judgments == {"q1": {"d1": 1.0}}
    assert task.parts == {"q1": "test"}
    assert codes(task) == {"D007": 2, "D008": 2}
    assert example(task, "D007") == f"Line 2 of '{folder}/qrels/test.tsv': document 'd9'"
    assert example(task, "D008") == f"Line 3 of '{folder}/qrels/test.tsv': query 'q8'"


def test_repeated_records_are_kept_once_and_contradictions_told(tmp_path: Path) -> None:
    folder = beir(tmp_path, test="q1\td1\t1\nq1\td1\t1\nq1\td1\t2\n")
    write(folder / "corpus.jsonl", DOCUMENTS * 2)
    task = read_task(folder)
    assert len(task.documents) == 2
    assert task.judgments == {"q1": {"d1": 2.0}}
    assert codes(task) == {"D003": 3, "D005": 1}


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("qrels.trec", "q1 0 d1 1\nq2  Q0\td2 2\n"),
        ("qrels.txt", "q1 d1 1\nq2 d2 2\n"),
        ("qrels", "q1\t0\td1\t1\r\nq2\t0\td2\t2\r\n"),
        ("judgments.tsv", "q1\td1\t1\nq2\td2\t2\n"),
        ("judgments.csv", "q1,d1,1\nq2,d2,2\n"),
        ("judgments.csv", "q1, d1, 1\nq2, d2, 2\n"),
        ("judgments.csv", "Query-ID;Document ID;Grade\nq1;d1;1\nq2;d2;2\n"),
        ("judgments.csv", 'grade,doc,query,by\n1,d1,q1,"me, you"\n2,d2,q2,me\n'),
        ("qrels.tsv.gz", gzip.compress(b"q1\td1\t1\nq2\td2\t2\n", mtime=0)),
        ("qrels.tsv", "\ufeffq1\td1\t1\nq2\td2\t2\n"),
        ("qrels.jsonl", ('{"qid": "q1", "docid": "d1", "rel": 1}\n'
                        '{"qid": "q2", "docid": "d2", "rel": 2}\n')),
    ],
)  # fmt: skip
def test_judgments_are_read_in_every_usual_form(
    tmp_path: Path, name: str, content: str | bytes
) -> None:
    write(beir(tmp_path) / name, content)
    assert read_task(tmp_path).judgments == {"q1": {"d1": 1.0}, "q2": {"d2": 2.0}}


def test_judgments_without_a_grade_column_mean_relevant(tmp_path: Path) -> None:
    write(beir(tmp_path) / "qrels.csv", "query_id,doc_id\nq1,d1\n")
    assert read_task(tmp_path).judgments == {"q1": {"d1": 1.0}}


def test_files_of_any_name_and_format_can_be_passed(tmp_path: Path) -> None:
    write(tmp_path / "in" / "pages.csv", "page_key,body\n7,text seven\n8,text eight\n")
    write(tmp_path / "in" / "asked.tsv", "id\tquestion\n1\twhich?\n")
    judgments = write(tmp_path / "truth.txt", "1 0 7 1\n")
    columns = {"document_id": "page_key"}
    task = read_task(
        tmp_path / "in",
        documents="pages.csv",
        queries=tmp_path / "in" / "asked.tsv",
        judgments=judgments,
        columns=columns,
    )
    assert task.judgments == {"1": {"7": 1.0}}
    assert task.documents.text("8") == "text eight"
    assert codes(task) == {"D001": 2}
    from_judgments = read_task(
        judgments,
        documents=tmp_path / "in" / "pages.csv",
        queries=tmp_path / "in" / "asked.tsv",
        columns=columns,
    )
    assert from_judgments.fingerprint == task.fingerprint


def test_a_named_column_that_is_in_no_file_is_refused(tmp_path: Path) -> None:
    folder = beir(tmp_path, test="q1\td1\t1\n")
    with pytest.raises(DataError, match=r"No file of .* has a column 'key'.*document_id"):
        read_task(folder, columns={"document_id": "key"})


def test_queries_carry_split_and_group(tmp_path: Path) -> None:
    write(beir(tmp_path) / "qrels.tsv", "q1\td1\t1\nq2\td1\t1\nq3\td1\t1\n")
    rows = [
        {"_id": "q1", "text": "a", "split": "train", "group": "g1"},
        {"_id": "q2", "text": "b", "split": "test", "group": ""},
        {"_id": "q3", "text": "c", "split": "dev"},
        {"_id": "q4", "text": "never judged", "split": "test"},
    ]
    write(tmp_path / "queries.jsonl", "\n".join(map(json.dumps, rows)))
    task = read_task(tmp_path)
    assert task.parts == {"q1": "train", "q2": "test", "q3": "dev"}
    assert task.groups == {"q1": "g1"}


@pytest.mark.parametrize("ending", ["csv", "csv.gz"])
@pytest.mark.parametrize("dev", ["dev", "validation", "val"])
def test_a_folder_with_a_file_for_each_part_gives_the_parts(
    tmp_path: Path, dev: str, ending: str
) -> None:
    for part, query in (("train", "a"), (dev, "b"), ("test", "c")):
        content = f"query,document\n{query},shared\n".encode()
        packed = gzip.compress(content, mtime=0) if ending.endswith("gz") else content
        write(tmp_path / f"{part}.{ending}", packed)
    write(tmp_path / "extra.csv", "some,thing\n1,2\n")
    task = read_task(tmp_path)
    by_text = {task.queries.text(query): part for query, part in task.parts.items()}
    assert by_text == {"a": "train", "b": "dev", "c": "test"}
    assert len(task.documents) == 1
    assert example(task, "D010") == str(tmp_path / "extra.csv")


def test_a_split_column_within_the_file_of_a_part_is_not_used(tmp_path: Path) -> None:
    write(tmp_path / "train.csv", "query,document,split\na,x,test\n")
    write(tmp_path / "test.csv", "query,document,split\nb,x,train\n")
    task = read_task(tmp_path)
    assert task.parts == {"q1": "test", "q2": "train"}
    assert list(task.queries.texts) == ["b", "a"]
    assert "not used: 'split'" in example(task, "D001")


def test_the_pieces_of_a_part_are_one_part(tmp_path: Path) -> None:
    write(tmp_path / "train-00000-of-00002.csv", "query,document\na,x\n")
    write(tmp_path / "train-00001-of-00002.csv", "query,document\nb,x\n")
    write(tmp_path / "test-00000-of-00001.csv", "query,document\nc,x\n")
    assert sorted(read_task(tmp_path).parts.values()) == ["test", "train", "train"]


def test_a_folder_with_a_single_file_is_that_file(tmp_path: Path) -> None:
    write(tmp_path / "faq.csv", "question,answer\na,x\n")
    write(tmp_path / ".hidden.csv", "nothing")
    assert read_task(tmp_path).fingerprint == read_task(tmp_path / "faq.csv").fingerprint
    assert read_task(tmp_path).parts == {}
