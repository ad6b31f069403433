"""Each input that cannot be used gives one message: what, why, what to do."""

import gzip
import json
import os
import re
from pathlib import Path

import pytest

from tunewise.data.read import read_task
from tunewise.errors import DataError, OptionError

SCORED = "query,document,score\na,x,1\nb,y,"


def write(path: Path, content: str | bytes) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    return path


def message(path: Path | str, **options: object) -> str:
    with pytest.raises(DataError) as refusal:
        read_task(path, **options)  # type: ignore[arg-type]
    return str(refusal.value)


@pytest.mark.parametrize(
    ("name", "content", "what", "advice"),
    [
        ("p.csv", "", "is empty", "Check that it was written to the end"),
        ("p.csv.gz", gzip.compress(b"", mtime=0), "is empty", "Check that"),
        ("p.csv", "\n \n", "holds no rows, only blank lines", "Check how it was written"),
        ("p.csv", "query,document\n", "holds no documents", "Check that the file was written"),
        ("p.jsonl", "\n\n", "no column for the query and the document", "columns={"),
        ("p.csv", b"query,document\na,\0\n", "not a text file: it holds NUL", "Save the data as"),
        ("p.csv", b"PK\x03\x04rest", "it is a zip archive or an Office document", "Save the data"),
        ("p.csv", b"%PDF-1.7 rest", "it is a PDF document", "Save the data"),
        ("p.csv", gzip.compress(b"query", mtime=0), "it is compressed with gzip", "ends in .gz"),
        ("p.csv", b"PAR1\x15\x04", "it is a Parquet file", "ends in .parquet"),
        ("p.csv.gz", b"query,document", "its compression is broken", "compress it again"),
        ("p.csv.gz", gzip.compress(b"q" * 9, mtime=0)[:-9], "its compression is broken", "cut off"),
        ("p.csv", b"\xff\xfeq\0u\0e", "mark of UTF-16 but is not valid", "save it again as UTF-8"),
        ("p.xlsx", b"PK\x03\x04", "it is a zip archive or an Office document", "CSV, TSV or JSONL"),
        ("p.doc", "query", "announces no known format", ".csv, .tsv, .jsonl"),
        ("p.csv", "frage,antwort\na,b\n", "no column for the query and the document",
         ("Its columns are 'frage', 'antwort'. Say which one it is with "
         "columns={'query': 'your column', 'document': 'your column'}")),
        ("p.csv", "text,label\na,b\n", "no column for the query", "'text', 'label'"),
        ("p.csv", "query,query,text\na,b,c\n", "more than one column named 'query'", "of its own"),
        ("p.csv", "query,document\na,b,c\n", "Line 2 of", ("has 3 fields, but the first line names "
         "2 columns. Put quotes around")),
        ("p.tsv", "query\tdocument\na\tb\nc\n", "Line 3 of", "has 1 fields"),
        ("p.csv", 'query,document\na,b\nc,"never closed\nd,e\n', "Line 3 of",
         "a quote is not closed"),
        ("p.csv", 'query,document\na,"b"c\n', "Line 2 of", 'is not doubled ("")'),
        ("p.csv", SCORED + "NaN\n", "Line 3 of", "grade 'NaN', which is not a finite number"),
        ("p.csv", SCORED + "inf\n", "Line 3 of", "grade 'inf', which is not a finite number"),
        ("p.csv", SCORED + "1e999\n", "Line 3 of", "grade '1e999'"),
        ("p.csv", SCORED + "\n", "Line 3 of", "grade '', which is not a finite number"),
        ("p.csv", SCORED + "good\n", "grade 'good'", "columns={'score': ''}"),
        ("p.csv", "query,document,score\na,x,0\nb,y,-1\n", "All grades of", "a grade of 1 or more"),
        ("p.csv", "query,document,docid\na,x,1\nb,y,1\n", "Line 3 of", ("document id '1' to "
         "another text than before ('x' and now 'y'). Ids must be unique")),
        ("p.csv", "qid,query,document\n1,a,x\n1,b,y\n", "Line 3 of", "query id '1' to another"),
        ("p.csv", "qid,query,document\n1,a,x\n ,b,y\n", "Line 3 of", "has no query id"),
        ("p.jsonl", '{"query": "a", "document": "x"}\n{"query": ', "Line 2 of", "not valid JSON"),
        ("p.jsonl", '{"query": "a", "document": "x"}\n"b"\n', "Line 2 of",
         "is a JSON str, not an object"),
        ("p.jsonl", '{"query": {"a": 1}, "document": "x"}\n', "Line 1 of",
         "a dict where a text is needed"),
        ("p.jsonl", '{"query": "a", "doc": ["x"], "docid": ["1", "2"]}\n', "Line 1 of",
         "1 documents and 2 document ids"),
        ("p.jsonl", "{" + '"a":{' * 100_000, "Line 1 of", "not valid JSON"),
        ("p.json", "[1, 2", "is not valid JSON", "a list of objects, or one object a line"),
        ("p.json", "[1, 2]", "Record 1 of", "not an object"),
        ("p.json", "[]", "Its columns are none", "columns="),
        ("p.parquet", b"PAR1 not really", "cannot be read as Parquet", "save the data as CSV"),
    ],
)  # fmt: skip
def test_a_file_that_cannot_be_used_is_refused_with_place_reason_and_advice(
    tmp_path: Path, name: str, content: str | bytes, what: str, advice: str
) -> None:
    path = write(tmp_path / name, content)
    said = message(path)
    assert str(path) in said
    assert what in said
    assert advice in said


@pytest.mark.parametrize("encoding", ["latin-1", "cp1252"])
def test_other_encodings_are_refused_with_the_line_and_the_command_that_converts(
    tmp_path: Path, encoding: str
) -> None:
    path = write(tmp_path / "my data.csv", "query,document\na,b\nä,Straße\n".encode(encoding))
    assert message(path) == (
        f"Line 3 of '{path}' is not UTF-8 (byte 0xe4). If the file was saved as Windows-1252 or "
        f"Latin-1, convert it: iconv -f WINDOWS-1252 -t UTF-8 '{path}' > "
        f"'{tmp_path}/my data.utf8.csv'"
    )


def test_a_compressed_file_is_converted_with_its_compression(tmp_path: Path) -> None:
    content = gzip.compress("query,document\nä,b\n".encode("latin-1"))
    path = write(tmp_path / "p.csv.gz", content)
    assert f"gzip -dc {path} | iconv -f WINDOWS-1252 -t UTF-8 | gzip > " in message(path)
    assert f"{tmp_path}/p.utf8.csv.gz" in message(path)


def test_a_file_marked_as_utf8_that_is_not_names_the_line(tmp_path: Path) -> None:
    path = write(tmp_path / "p.csv", b"\xef\xbb\xbfquery,document\n\xe4,b\n")
    assert "Line 2 of" in message(path)


@pytest.mark.parametrize("name", ["nowhere.csv", "nowhere/", "x" * 5000 + ".csv", "nul\0.csv"])
def test_a_path_to_nothing_is_refused(tmp_path: Path, name: str) -> None:
    assert "does not exist. Check the spelling" in message(tmp_path / name)


@pytest.mark.skipif(not Path("/proc/self/mem").exists(), reason="needs Linux's /proc")
def test_a_file_the_system_will_not_read_is_refused_with_its_reason(tmp_path: Path) -> None:
    (tmp_path / "p.csv").symlink_to("/proc/self/mem")
    assert re.search(
        r"Cannot read '.*p\.csv': .*error.*allowed to read", message(tmp_path / "p.csv")
    )


@pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() == 0, reason="root may read all")
def test_a_file_or_folder_without_permission_is_refused(tmp_path: Path) -> None:
    path = write(tmp_path / "p.csv", "query,document\na,b\n")
    path.chmod(0)
    assert "Permission denied. Check its name and that you are allowed to read it" in message(path)
    tmp_path.chmod(0)
    try:
        assert "Cannot read the folder" in message(tmp_path)
    finally:
        tmp_path.chmod(0o700)


def test_a_folder_with_nothing_recognised_lists_what_is_there_and_what_is_understood(
    tmp_path: Path,
) -> None:
    write(tmp_path / "notes.docx", b"PK\x03\x04")
    write(tmp_path / "a.csv", "query,document\na,b\n")
    write(tmp_path / "b.csv", "query,document\na,b\n")
    (tmp_path / "inner").mkdir()
    said = message(tmp_path)
    assert "it holds a.csv, b.csv, inner/, notes.docx" in said
    assert "corpus.jsonl, queries.jsonl, qrels/test.tsv" in said
    assert "documents=" in said


def test_an_empty_folder_is_refused(tmp_path: Path) -> None:
    assert "it holds nothing" in message(tmp_path)


def beir(folder: Path, qrels: str | None, *, name: str = "qrels/test.tsv") -> Path:
    documents = [{"_id": "d1", "title": "", "text": "x"}, {"_id": "d2", "text": "y"}]
    write(folder / "corpus.jsonl", "\n".join(map(json.dumps, documents)))
    write(folder / "queries.jsonl", '{"_id": "q1", "text": "a"}\n')
    if qrels is not None:
        write(folder / name, qrels)
    return folder


@pytest.mark.parametrize(
    ("qrels", "what", "advice"),
    [
        (None, "holds no judgments: which documents", "Add qrels/test.tsv"),
        ("", "is empty", "Check that it was written"),
        ("\n\n", "holds no judgments, only blank lines", "no judgments"),
        ("query-id\tcorpus-id\tscore\n", "holds no judgments that can be used", "one a line"),
        ("q1\td1\t0\n", "All grades of", "a grade of 1 or more"),
        ("q1\td1\tgood\n", "Line 1 of", "grade 'good', which is not a finite number"),
        ("q1 0 d1 nan\n", "Line 1 of", "grade 'nan', which is not a finite number"),
        ("q1 0 d1 1\nq1 0 d2\n", "Line 2 of", "has 3 fields, but the first line has 4"),
        ("q1 0 d1 1 x\n", "Line 1 of", "has 5 fields, but a judgment is `query document grade`"),
        ("q1\t\t1\n", "Line 1 of", "has no document id"),
        ("q1\td9\t1\nq8\td1\t1\n", "All of them name documents or queries that do not exist",
         "document 'd9'). Check that ids are spelled alike"),
        (b"q1\td1\t1\n\xe4\td1\t1\n", "Line 2 of", "iconv"),
    ],
)  # fmt: skip
def test_judgments_that_cannot_be_used_are_refused(
    tmp_path: Path, qrels: str | None, what: str, advice: str
) -> None:
    said = message(beir(tmp_path, qrels))
    assert what in said
    assert advice in said


def test_documents_with_the_same_id_and_different_texts_are_refused(tmp_path: Path) -> None:
    beir(tmp_path, "q1\td1\t1\n")
    write(tmp_path / "corpus.jsonl", '{"_id": "d1", "text": "x"}\n{"_id": "d1", "text": "y"}\n')
    assert "Line 2 of" in message(tmp_path)
    assert "gives the document id 'd1' to another text" in message(tmp_path)


def test_documents_without_ids_are_refused(tmp_path: Path) -> None:
    beir(tmp_path, "q1\td1\t1\n")
    write(tmp_path / "corpus.jsonl", '{"text": "x"}\n')
    assert "no column for the document_id of the documents" in message(tmp_path)


def test_two_files_that_claim_the_same_place_are_refused(tmp_path: Path) -> None:
    beir(tmp_path, "q1\td1\t1\n")
    write(tmp_path / "documents.csv", "id,text\nd1,x\n")
    said = message(tmp_path)
    assert "corpus.jsonl" in said
    assert "documents.csv" in said
    assert "pass documents= with the path" in said


def test_files_named_beside_a_missing_one_say_which_is_missing(tmp_path: Path) -> None:
    write(tmp_path / "mine.jsonl", '{"_id": "d1", "text": "x"}\n')
    said = message(tmp_path, documents="mine.jsonl")
    assert "holds no file with the queries (such as queries.jsonl)" in said
    assert "pass queries=" in said
    assert "does not exist" in message(tmp_path, documents="yours.jsonl")


def test_a_file_with_only_some_of_the_others_named_is_refused(tmp_path: Path) -> None:
    path = write(tmp_path / "p.csv", "query,document\na,b\n")
    with pytest.raises(OptionError, match=r"read as the judgments\. Give both"):
        read_task(path, documents=path)
    with pytest.raises(OptionError, match=r"not with hf:NAME"):
        read_task("hf:name", documents=path)
