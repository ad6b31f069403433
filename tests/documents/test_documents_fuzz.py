"""Whatever bytes a file has: documents or a failure come of it, and nothing else."""

import io
import tempfile
import zipfile
from collections.abc import Callable
from pathlib import Path

import docx
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tunewise.documents import Document, Failure, Limits, read_documents
from tunewise.documents.formats import ARCHIVES, FORMATS

SUFFIXES = [suffix for each in (*FORMATS, ARCHIVES) for suffix in each.suffixes]
HEADS = [
    b"",
    b"%PDF-1.7\n",
    b"PK\x03\x04",
    b"\xef\xbb\xbf",
    b"\xff\xfe",
    b"---\n",
    b"<html>",
    b"text,id\n",
]
LIMITS = Limits(file_bytes=2**22, archive_bytes=2**22, characters=10**6, seconds=5)
QUICK = settings(max_examples=150, suppress_health_check=[HealthCheck.function_scoped_fixture])


def read(suffix: str, content: bytes) -> list[Document | Failure]:
    """What comes of a file with these bytes; every document is seen to be fit for a store."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, f"file{suffix}")
        path.write_bytes(content)
        found = list(read_documents(path, limits=LIMITS))
    for each in found:
        if isinstance(each, Failure):
            assert each.name
            assert each.reason
            assert folder not in each.reason
        else:
            each.text.encode("utf-8")
            assert each.text.strip()
            assert all(each.text[place:].strip() for place, _ in each.headings)
            assert [*each.headings] == sorted(each.headings, key=lambda heading: heading[0])
    return found


@pytest.mark.parametrize("suffix", SUFFIXES)
@given(st.sampled_from(HEADS), st.binary(max_size=600))
@QUICK
def test_random_bytes_raise_nothing(suffix: str, head: bytes, rest: bytes) -> None:
    read(suffix, head + rest)


@pytest.mark.parametrize("suffix", [".md", ".html", ".csv", ".tsv", ".jsonl", ".txt"])
@given(
    text=st.text(
        st.sampled_from("#=-*>`<div/h1>\"',;\t{}[]:.\n ae\u0301\r\x0c…\ud800"), max_size=300
    )
)
@QUICK
def test_random_markup_raises_nothing(suffix: str, text: str) -> None:
    read(suffix, text.encode("utf-8", "surrogatepass"))


def changed(content: bytes, edits: list[tuple[float, int]], end: float) -> bytes:
    """The bytes with some of them changed, cut off at this share."""
    plain = bytearray(content)
    for place, value in edits:
        plain[int(place * (len(plain) - 1))] = value
    return bytes(plain[: int(len(plain) * end)])


EDITS = st.lists(st.tuples(st.floats(0, 1), st.integers(0, 255)), min_size=1, max_size=12)
ENDS = st.sampled_from([1.0, 1.0, 1.0, 0.97, 0.6])


@given(EDITS, ENDS)
@QUICK
def test_a_damaged_pdf_raises_nothing(
    pdf: Callable[..., Path], edits: list[tuple[float, int]], end: float
) -> None:
    whole = pdf("a.pdf", ["# One", "text"], ["# Two", "more"]).read_bytes()
    read(".pdf", changed(whole, edits, end))


def word_document() -> bytes:
    made, file = docx.Document(), io.BytesIO()
    made.add_heading("One", 1)
    made.add_table(2, 2).cell(0, 0).text = "cell"
    made.save(file)
    return file.getvalue()


@pytest.mark.slow
@given(EDITS, ENDS)
@QUICK
def test_a_damaged_word_document_raises_nothing(edits: list[tuple[float, int]], end: float) -> None:
    read(".docx", changed(word_document(), edits, end))


@pytest.mark.slow
@given(st.binary(max_size=2000), EDITS)
@QUICK
def test_damaged_xml_in_a_word_document_raises_nothing(
    noise: bytes, edits: list[tuple[float, int]]
) -> None:
    whole, made = io.BytesIO(word_document()), io.BytesIO()
    with zipfile.ZipFile(whole) as old, zipfile.ZipFile(made, "w") as new:
        for entry in old.infolist():
            plain = old.read(entry)
            evil = entry.filename in ("word/document.xml", "word/styles.xml", "docProps/core.xml")
            new.writestr(entry.filename, changed(plain, edits, 1.0) if evil else plain)
        new.writestr("word/noise.xml", noise)
    read(".docx", made.getvalue())


# zipfile ends a name at its first NUL, and cannot write one that has nothing before it
NAMES = st.text(min_size=1, max_size=20).filter(lambda name: not name.startswith("\0"))


@pytest.mark.slow
@given(st.dictionaries(NAMES, st.binary(max_size=80), max_size=5), EDITS)
@QUICK
def test_a_damaged_zip_file_raises_nothing(
    members: dict[str, bytes], edits: list[tuple[float, int]]
) -> None:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as packed:
        for name, content in members.items():
            packed.writestr(name.encode("utf-8", "replace").decode("utf-8"), content)
    read(".zip", file.getvalue())
    read(".zip", changed(file.getvalue(), edits, 1.0))
