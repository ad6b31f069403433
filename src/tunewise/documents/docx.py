"""DOCX: the paragraphs, headings and tables of a Word document, as they stand."""

import re
from collections.abc import Iterator
from typing import Any
from zipfile import ZipFile

from tunewise.documents.archive import BROKEN, checked
from tunewise.documents.blocks import Block, document_of
from tunewise.documents.document import Document
from tunewise.documents.source import Source
from tunewise.errors import DataError
from tunewise.extras import need

_WORD = "{http://schemas.openxmlformats.org/wordprocessingml/2006/main}"
_TWICE = "{http://schemas.openxmlformats.org/markup-compatibility/2006}Fallback"
_MARKS = {_WORD + "tab": "\t", _WORD + "br": "\n", _WORD + "cr": "\n"}
_BEGINNING = 2**16  # bytes of a part before its root, and more
_HEADING = re.compile(r"heading [1-9]|title", re.IGNORECASE)


def read(source: Source) -> Iterator[Document]:
    """The file as one document: body, tables (a line a row) and text boxes.

    What somebody deleted while changes were tracked is left out, what was inserted is in.
    Headers, footers, notes and comments are not read.
    """
    docx = need("docx", extra="documents")
    with checked(source, source.limits.file_bytes) as parts:  # a zip file, and can be a bomb
        typed = _typed(parts)
    if typed:
        raise DataError(
            f"'{source.name}' cannot be read as DOCX: '{typed}' in it declares a document type "
            "(DOCTYPE), which no Word document does. Save it again with a word processor."
        )
    try:
        document = docx.Document(str(source.path))
        title = document.core_properties.title or ""
        headings = _headings(document)
        blocks = list(_blocks(document.element.body, headings))
    except Exception as wrong:  # on damaged files the library raises whatever it stumbles over
        said = " ".join(str(wrong).split())[:200].rstrip(".")
        if isinstance(wrong, AttributeError):  # of an object of the library's, which tells nobody
            said = "its parts are not those of a Word document"
        raise DataError(
            f"'{source.name}' cannot be read as DOCX: {said}. It may be damaged; save it again."
        ) from wrong
    yield document_of(source, blocks, title=title)


def _typed(parts: ZipFile) -> str:
    """The name of a part that declares a document type; "" for none. Entities could multiply."""
    for entry in parts.infolist():
        if entry.filename.endswith((".xml", ".rels")):
            try:
                with parts.open(entry) as part:
                    if b"<!DOCTYPE" in part.read(_BEGINNING):
                        return entry.filename
            except BROKEN:
                return ""  # the library tells of it
    return ""


def _headings(document: Any) -> set[str]:
    """The ids of the styles that are headings, or made from one."""
    found = set()
    for style in document.styles:
        made_from, steps = style, 0
        while made_from is not None and steps < 10:  # a damaged file may go round in circles
            if _HEADING.fullmatch(made_from.name or ""):
                found.add(style.style_id)
            made_from, steps = getattr(made_from, "base_style", None), steps + 1
    return found


def _blocks(body: Any, headings: set[str]) -> Iterator[Block]:
    """A paragraph each, and a row of a table each, in the order of the file.

    The library's own paragraphs leave out tracked insertions and content controls, and its cells
    repeat a cell as often as the file says it is wide.
    """
    words: list[str] = []
    rows = heading = 0
    walk = need("lxml.etree", extra="documents").iterwalk(body, events=("start", "end"))
    for event, node in walk:
        if event == "start" and node.tag == _TWICE:  # a text box, said again for old programs
            walk.skip_subtree()
        elif event == "start" and node.tag == _WORD + "tc":
            before = "".join(words).rstrip()
            words = [before, " | "] if before else []
        elif event == "start" and node.tag == _WORD + "pStyle":
            heading = node.get(_WORD + "val") in headings
        elif event == "start":
            rows += node.tag == _WORD + "tr"
            words.append(_said(node))
        elif node.tag == _WORD + "tr":
            rows -= 1
            yield Block("".join(words), after="\n")
            words = []
        elif node.tag == _WORD + "tbl":
            yield Block("")  # parts the table from what follows it
        elif node.tag == _WORD + "p" and not rows:
            yield Block("".join(words), bool(heading))
            words, heading = [], 0
        elif node.tag == _WORD + "p":
            words.append(" ")


def _said(node: Any) -> str:
    """What an element of a run says; tabs are also what a paragraph's settings are made of."""
    if node.tag == _WORD + "t":
        return node.text or ""
    return _MARKS[node.tag] if node.tag in _MARKS and node.getparent().tag == _WORD + "r" else ""
