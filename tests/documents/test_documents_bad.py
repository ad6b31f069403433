"""What cannot be read is told by name with its reason, and the rest go on."""

import gzip
import io
import os
import stat
import zipfile
from collections.abc import Callable
from pathlib import Path

import docx
import pytest

from tunewise.documents import Document, Failure, Limits, read_documents

GOOD = "zzz.txt"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder with one good file, which comes last."""
    place = tmp_path / "docs"
    place.mkdir()
    (place / GOOD).write_text("good", encoding="utf-8")
    return place


def failures(folder: Path, **options: object) -> dict[str, str]:
    """Name → reason of what failed; the good file is seen to have been read all the same."""
    found = list(read_documents(folder, **options))
    assert [each.id for each in found if isinstance(each, Document)][-1:] == [GOOD]
    return {each.name: each.reason for each in found if isinstance(each, Failure)}


def zipped(path: Path, **members: bytes) -> Path:
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as packed:
        for name, content in members.items():
            packed.writestr(name, content)
    return path


@pytest.mark.parametrize(
    ("name", "content", "reason"),
    [
        ("a.txt", b"", "is empty"),
        ("a.md", b" \n\t\n", "no text in it"),
        ("a.html", b"<p> </p>", "no text in it"),
        ("a.html", b"<div>" * 5000 + b"x", "Excessive depth"),
        ("a.txt", b"%PDF-1.7 ...", "not a text: it is a PDF document"),
        ("a.txt", b"PK\x03\x04....", "a zip archive or an Office document"),
        ("a.txt", b"text \0 more", "NUL bytes"),
        ("a.txt", bytes(range(1, 32)) * 9, "control characters"),
        ("a.txt", "Съешь ещё этих булок".encode("koi8-r"), "Line 1 is not UTF-8"),
        ("a.txt", "\n\n図書館は九時".encode("shift_jis"), "Line 3 is not UTF-8"),
        ("a.txt", b"\xff\xfea\0b", "says that it is UTF-16"),
        ("a.pdf", b"", "cannot be read as PDF"),
        ("a.pdf", b"%PDF-1.7\nnothing more", "cannot be read as PDF"),
        ("a.docx", b"PK\x03\x04 cut off", "not a whole zip file"),
        ("a.zip", b"PK\x03\x04 cut off", "not a whole zip file"),
        ("a.jpg", b"\xff\xd8\xff", "No reader for .jpg"),
        ("LICENSE", b"text", "No reader for a file without an ending"),
        ("a.csv", b"", "is empty"),
        ("a.csv", b"colour,shape\nred,round\n", "no column of texts by its name"),
        ("a.csv", b"text,text\na,b\n", "more than one column named 'text'"),
        ("a.csv", b'text\n"never closed\n', "cannot be read as CSV"),
        ("a.csv", "text\ngrün\n".encode("cp1252"), "is not UTF-8"),
    ],
)  # fmt: skip
def test_a_file_that_cannot_be_read_says_why(
    folder: Path, name: str, content: bytes, reason: str
) -> None:
    (folder / name).write_bytes(content)
    told = failures(folder)
    assert [each.partition(":")[0] for each in told] == [name]
    (said,) = told.values()
    assert reason in said
    assert "/tmp" not in said
    assert len(said) < 400


def test_a_row_that_is_wrong_is_told_by_its_line_and_the_others_are_read(folder: Path) -> None:
    bad = ('{"text": ', "[1]", '{"text": " "}', '{"text": ["a"]}', '{"n": 1}')
    rows = ('{"text": "one"}', *bad, '{"text": "two"}')
    (folder / "a.jsonl").write_text("\n".join(rows), encoding="utf-8")
    told = failures(folder)
    assert list(told) == [f"a.jsonl:{line}" for line in (2, 3, 4, 5, 6)]
    assert [reason.split(".")[0][:30] for reason in told.values()][1:3] == [
        "It is no JSON object with name", "Its column 'text' has no text",
    ]  # fmt: skip
    (folder / "b.csv").write_text("text,n\none,1\ntwo\nthree,3\n", encoding="utf-8")
    assert "It has 1 fields, but the first line names 2" in failures(folder)["b.csv:3"]


def test_a_column_that_was_asked_for_and_is_not_there_is_told(folder: Path) -> None:
    (folder / "a.csv").write_text("text,body\none,two\n", encoding="utf-8")
    told = failures(folder, columns={"document": "Body"})
    assert "no column named 'Body'; its columns are 'text', 'body'" in told["a.csv"]


def test_the_second_document_of_an_id_is_a_failure(folder: Path) -> None:
    (folder / "a.csv").write_text("id,text\n7,one\n7,two\n", encoding="utf-8")
    assert "has the id '7' already" in failures(folder)["a.csv"]


# PDF and DOCX


def test_an_encrypted_pdf_is_told(folder: Path, pdf: Callable[..., Path]) -> None:
    pdf("a.pdf", ["secret"], password="pass").rename(folder / "a.pdf")
    assert "is encrypted" in failures(folder)["a.pdf"]


def test_a_pdf_without_text_is_told_to_be_scanned(folder: Path, pdf: Callable[..., Path]) -> None:
    pdf("a.pdf", [], []).rename(folder / "a.pdf")
    assert "no text on its pages (2): most likely it was scanned" in failures(folder)["a.pdf"]


def test_a_pdf_is_read_within_its_limits(folder: Path, pdf: Callable[..., Path]) -> None:
    pdf("a.pdf", *[["page"]] * 5).rename(folder / "a.pdf")
    assert "has 5 pages, and at most 4" in failures(folder, limits=Limits(pages=4))["a.pdf"]
    assert "took more than 0 seconds" in failures(folder, limits=Limits(seconds=0))["a.pdf"]
    assert "more than 12 characters" in failures(folder, limits=Limits(characters=12))["a.pdf"]


@pytest.mark.parametrize("share", [0.1, 0.5, 0.9])
def test_a_pdf_that_was_cut_off_fails_or_is_read_but_raises_nothing(
    folder: Path, pdf: Callable[..., Path], share: float
) -> None:
    whole = pdf("a.pdf", ["# one", "text"] * 5).read_bytes()
    (folder / "a.pdf").write_bytes(whole[: int(len(whole) * share)])
    failures(folder)


def test_a_word_document_that_is_a_bomb_is_not_opened(folder: Path) -> None:
    plain = io.BytesIO()
    docx.Document().save(plain)
    with zipfile.ZipFile(plain, "a", zipfile.ZIP_DEFLATED) as packed:
        packed.writestr("word/media/big.xml", bytes(20_000_000))
    (folder / "a.docx").write_bytes(plain.getvalue())
    assert "more than 200 times what it is packed" in failures(folder)["a.docx"]


def test_a_word_document_with_entities_that_multiply_stays_small(folder: Path) -> None:
    plain = io.BytesIO()
    docx.Document().save(plain)
    entities = "".join(f'<!ENTITY e{n} "{f"&e{n - 1};" * 10}">' for n in range(1, 10))
    evil = (
        f'<!DOCTYPE x [<!ENTITY e0 "ha">{entities}]><w:document xmlns:w="http://schemas.'
        'openxmlformats.org/wordprocessingml/2006/main"><w:body><w:p><w:r><w:t>&e9;</w:t></w:r>'
        "</w:p></w:body></w:document>"
    )
    with zipfile.ZipFile(plain) as old, zipfile.ZipFile(folder / "a.docx", "w") as new:
        for entry in old.infolist():
            content = evil if entry.filename == "word/document.xml" else old.read(entry)
            new.writestr(entry, content)
    assert "'word/document.xml' in it declares a document type" in failures(folder)["a.docx"]


def test_a_zip_file_that_only_looks_like_word_is_told_as_that(folder: Path) -> None:
    with zipfile.ZipFile(folder / "a.docx", "w") as new:
        for name in ("[Content_Types].xml", "_rels/.rels", "word/document.xml"):
            new.writestr(name, "<w>some words</w>")
    assert "its parts are not those of a Word document" in failures(folder)["a.docx"]


# Zip files


def test_names_in_a_zip_file_lead_nowhere(folder: Path, tmp_path: Path) -> None:
    names = ("../../evil.txt", "/etc/evil.txt", "C:\\evil.txt", "a\\..\\..\\evil.txt", "a/./b.txt")
    zipped(folder / "a.zip", **dict.fromkeys(names, b"evil"), **{"fine.txt": b"fine"})
    before = sorted(tmp_path.rglob("*"))
    told = failures(folder)
    assert {name for name in told if "leads out of the archive" in told[name]} == {
        f"a.zip/{name}" for name in names[:4]
    }
    assert sorted(tmp_path.rglob("*")) == before


def test_links_and_secrets_in_a_zip_file_are_told(folder: Path) -> None:
    link = zipfile.ZipInfo("passwords.txt")
    link.external_attr = (stat.S_IFLNK | 0o777) << 16
    with zipfile.ZipFile(folder / "a.zip", "w") as packed:
        packed.writestr(link, "/etc/passwd")
    assert "links in archives are not followed" in failures(folder)["a.zip/passwords.txt"]
    locked = bytearray(zipped(folder / "b.zip", **{"x.txt": b"x"}).read_bytes())
    for head in (b"PK\x03\x04", b"PK\x01\x02"):  # the flag that says that it is encrypted
        locked[locked.index(head) + (6 if head[2] == 3 else 8)] |= 1
    (folder / "b.zip").write_bytes(locked)
    assert "is encrypted" in failures(folder)["b.zip/x.txt"]


def test_a_zip_bomb_is_not_unpacked_and_what_lies_beside_it_is_read(folder: Path) -> None:
    zipped(folder / "a.zip", **{"zeros.txt": bytes(50_000_000), "b.txt": b"b"})
    found = list(read_documents(folder, limits=Limits(archive_bytes=1_000)))
    assert [each.id for each in found if isinstance(each, Document)] == ["a.zip/b.txt", GOOD]
    (bomb,) = (each for each in found if isinstance(each, Failure))
    assert bomb.name == "a.zip/zeros.txt"
    assert "more than 200 times" in bomb.reason


def test_a_table_of_a_first_line_only_is_told(folder: Path) -> None:
    (folder / "a.csv").write_text("text,year\n\n", encoding="utf-8")
    assert "has only a first line" in failures(folder)["a.csv"]


def test_what_a_parser_says_of_a_damaged_file_is_kept_from_the_terminal(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (folder / "a.pdf").write_bytes(b"%PDF-1.4\n1 0 obj\n<<>>\nendobj\nstartxref\n7\n%%EOF\n")
    assert "cannot be read as PDF" in failures(folder)["a.pdf"]
    assert not capsys.readouterr().err


def test_a_zip_file_that_lies_about_sizes_gives_no_more_than_it_says(folder: Path) -> None:
    content = bytearray(zipped(folder / "a.zip", **{"x.txt": b"word " * 40_000}).read_bytes())
    for head, place in ((b"PK\x03\x04", 22), (b"PK\x01\x02", 24)):
        at = content.index(head) + place
        content[at : at + 4] = (1000).to_bytes(4, "little")
    (folder / "a.zip").write_bytes(content)
    assert "cannot be unpacked" in failures(folder)["a.zip/x.txt"]


def test_a_byte_that_changed_in_a_zip_file_fails_that_file_alone(folder: Path) -> None:
    path = zipped(folder / "a.zip", **{"bad.txt": os.urandom(500), "good.txt": b"fine"})
    content = bytearray(path.read_bytes())
    content[200] ^= 255
    path.write_bytes(content)
    assert list(failures(folder)) == ["a.zip/bad.txt"]


def test_what_archives_hold_together_is_bounded(folder: Path) -> None:
    inner = zipped(folder / "inner.zip", **{f"{n}.txt": b"x" * 100 for n in range(8)}).read_bytes()
    (folder / "inner.zip").unlink()
    zipped(folder / "a.zip", **{f"{n}.zip": inner for n in range(5)})
    told = failures(folder, limits=Limits(archive_files=25))
    assert [name for name in told if "at most 25 files" in told[name]] == [
        "a.zip/2.zip", "a.zip/3.zip", "a.zip/4.zip",
    ]  # fmt: skip
    told = failures(folder, limits=Limits(archive_bytes=500))
    assert "would unpack to too much" in told["a.zip"]


def test_zip_files_too_deep_in_one_another_are_not_opened(folder: Path) -> None:
    content = b"text"
    for name in ("deep.txt", "three.zip", "two.zip"):
        content = zipped(folder / "made.zip", **{name: content}).read_bytes()
    (folder / "made.zip").rename(folder / "a.zip")
    assert "too deep" in failures(folder)["a.zip/two.zip/three.zip"]


def test_a_file_is_read_up_to_its_limit(folder: Path) -> None:
    (folder / "a.txt").write_bytes(b"x" * 3_000_000)
    zipped(folder / "b.zip", **{"a.txt": os.urandom(3_000_000)})
    told = failures(folder, limits=Limits(file_bytes=2_000_000))
    assert "has 3 MiB, and at most 2 are read" in told["a.txt"]
    assert "has 3 MiB" in told["b.zip/a.txt"]


# Links and things that are no files


def test_links_out_of_the_folder_are_not_followed(folder: Path, tmp_path: Path) -> None:
    (tmp_path / "secret.txt").write_text("secret", encoding="utf-8")
    (tmp_path / "other").mkdir()
    (tmp_path / "other" / "x.txt").write_text("secret", encoding="utf-8")
    (folder / "a.txt").symlink_to("../secret.txt")
    (folder / "b").symlink_to("../other")
    (folder / "c.txt").symlink_to(folder / GOOD)
    (folder / "d.txt").symlink_to("nowhere.txt")
    (folder / "e").symlink_to(folder)
    told = failures(folder)
    assert "leads out of the folder" in told["a.txt"]
    assert "leads out of the folder" in told["b"]
    assert "link to nothing" in told["d.txt"]
    assert "link to a folder" in told["e"]
    read = [each.id for each in read_documents(folder) if isinstance(each, Document)]
    assert read == ["c.txt", GOOD]


def test_a_pipe_is_not_waited_for(folder: Path) -> None:
    os.mkfifo(folder / "a.txt")
    assert "no ordinary file" in failures(folder)["a.txt"]


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read everything")
def test_a_file_that_may_not_be_read_is_told(folder: Path) -> None:
    (folder / "a.txt").write_text("x", encoding="utf-8")
    (folder / "a.txt").chmod(0)
    assert "Permission denied" in failures(folder)["a.txt"]


def test_one_line_of_ten_million_letters_is_a_document(folder: Path) -> None:
    (folder / "a.txt").write_bytes(b"x" * 10_000_000)
    (folder / "b.jsonl").write_text('{"text": "' + "y" * 10_000_000 + '"}', encoding="utf-8")
    lengths = [len(d.text) for d in read_documents(folder) if isinstance(d, Document)]
    assert lengths == [10_000_000, 10_000_000, 4]


def test_compressed_tables_are_not_read(folder: Path) -> None:
    (folder / "a.csv.gz").write_bytes(gzip.compress(b"text\nx\n"))
    assert "No reader for .gz" in failures(folder)["a.csv.gz"]
