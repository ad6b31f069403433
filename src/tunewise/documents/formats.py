"""Formats: which reader reads which file. Another one is a file beside this and a line in it."""

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import PurePosixPath

from tunewise.documents import docx, html, markdown, pdf, plain, rows
from tunewise.documents.document import Document, Failure
from tunewise.documents.limits import check_size
from tunewise.documents.source import Source
from tunewise.errors import DataError

Reader = Callable[[Source], Iterator[Document] | Iterator[Document | Failure]]


@dataclass(frozen=True)
class Format:
    """The names a format goes by, in files (the first is the usual one) and from servers."""

    read: Reader
    suffixes: tuple[str, ...]
    media_types: tuple[str, ...]
    by_row: bool = False
    """Whether it is read row by row, so that its size does not matter."""


_DOCX = "application/vnd.openxmlformats-officedocument.wordprocessingml.document"
_TSV = "text/tab-separated-values"

FORMATS = (
    Format(plain.read, (".txt", ".text", ".rst", ".log"), ("text/plain",)),
    Format(markdown.read, (".md", ".markdown"), ("text/markdown", "text/x-markdown")),
    Format(html.read, (".html", ".htm", ".xhtml"), ("text/html", "application/xhtml+xml")),
    Format(pdf.read, (".pdf",), ("application/pdf", "application/x-pdf")),
    Format(docx.read, (".docx",), (_DOCX,)),
    Format(rows.read_csv, (".csv",), ("text/csv",), by_row=True),
    Format(rows.read_tsv, (".tsv", ".tab"), (_TSV,), by_row=True),
    Format(rows.read_jsonl, (".jsonl", ".ndjson"), ("application/jsonl", "application/x-ndjson"),
           by_row=True),
)  # fmt: skip
ARCHIVES = Format(
    lambda _: iter(()), (".zip",), ("application/zip", "application/x-zip-compressed")
)
"""Not read but unpacked: see `read.py`."""

_SAYS_LITTLE = ("", "text/plain", "application/octet-stream", "binary/octet-stream")
_BY_SUFFIX = {suffix: each for each in (*FORMATS, ARCHIVES) for suffix in each.suffixes}
_BY_TYPE = {name: each for each in (*FORMATS, ARCHIVES) for name in each.media_types}


def format_of(source: Source) -> Format:
    """The format of this source: what its server said, but the name's ending if that says more.

    Raises DataError if it is none of those above.
    """
    # An address goes on after its path; a file's name may have the same signs in it.
    name = re.split("[?#]", source.name)[0] if source.media_type else source.name
    suffix = PurePosixPath(name).suffix.lower()
    by_suffix = _BY_SUFFIX.get(suffix)
    if source.media_type in _SAYS_LITTLE and by_suffix:
        return by_suffix
    if by_type := _BY_TYPE.get(source.media_type):
        return by_type
    kind = source.media_type or suffix or "a file without an ending"
    raise DataError(
        f"No reader for {kind}. Read are {', '.join(_BY_SUFFIX)}; convert it to one of these."
    )


def is_page(source: Source, *, linking: bool = False) -> bool:
    """Whether it is what a site has as a page: not a table, an archive, or without a reader.

    `linking`: whether it is one that has links which can be followed.
    """
    try:
        form = format_of(source)
    except DataError:
        return False
    if linking:
        return form.read is html.read
    return form is not ARCHIVES and not form.by_row


def read(source: Source, form: Format) -> Iterator[Document | Failure]:
    """The documents of this source. Raises DataError for what cannot be read."""
    if not form.by_row:
        check_size(source.path.stat().st_size, source.limits.file_bytes, f"'{source.name}'")
    yield from form.read(replace(source, media_type=form.media_types[0]))
