"""PDF: the text of its pages, and the headings that its outline names."""

import logging
import time
from collections.abc import Iterator, Mapping
from typing import Any

from tunewise.documents.blocks import PAGE, Block, document_of, too_long
from tunewise.documents.document import Document
from tunewise.documents.source import Source
from tunewise.errors import DataError
from tunewise.extras import need

# What it says of damaged places would else stand between the command's own lines.
logging.getLogger("pypdf").addHandler(logging.NullHandler())


def read(source: Source) -> Iterator[Document]:
    """The file as one document; its pages are parted by form feeds, as pdftotext does."""
    pypdf = need("pypdf", extra="documents")
    try:
        reader = pypdf.PdfReader(source.path)
        if reader.is_encrypted and not reader.decrypt(""):  # many have a password for printing only
            raise DataError(
                f"'{source.name}' is encrypted, and its password is not known here. Save it "
                "without a password."
            )
        pages = _pages(reader, source)
        title = str((reader.metadata and reader.metadata.title) or "")
        outline = _outline(reader)
    except pypdf.errors.DependencyError as wrong:
        raise DataError(
            f"'{source.name}' is encrypted in a way that needs another package. Install it with: "
            "pip install 'pypdf[crypto]', or save the file without a password."
        ) from wrong
    except DataError:
        raise
    except Exception as wrong:  # on damaged files the library raises whatever it stumbles over
        raise DataError(
            f"'{source.name}' cannot be read as PDF: {_said(wrong)}. It may be damaged or cut off; "
            "save it again."
        ) from wrong
    if not any(page.strip() for page in pages):
        raise DataError(
            f"'{source.name}' has no text on its pages ({len(pages)}): most likely it was scanned. "
            "Have its text recognised first, with ocrmypdf for example."
        )
    blocks = (
        block
        for number, page in enumerate(pages)
        for block in _blocks(page, outline.get(number, set()))
    )
    yield document_of(source, blocks, title=title, metadata={"pages": len(pages)})


def _pages(reader: Any, source: Source) -> list[str]:
    limits = source.limits
    if len(reader.pages) > limits.pages:
        raise DataError(
            f"'{source.name}' has {len(reader.pages):,} pages, and at most {limits.pages:,} are "
            "read. Split it."
        )
    begun, length, pages = time.monotonic(), 0, []
    for page in reader.pages:
        pages.append(page.extract_text().replace("\f", "\n"))
        length += len(pages[-1])
        if length > limits.characters:
            raise too_long(source)
        if time.monotonic() - begun > limits.seconds:
            raise DataError(
                f"'{source.name}' took more than {limits.seconds:g} seconds for {len(pages)} of "
                f"{len(reader.pages)} pages. Split it, or save its text."
            )
    return pages


def _outline(reader: Any) -> Mapping[int, set[str]]:
    """The titles of the outline on each page, from 0, without spaces and case."""
    found: dict[int, set[str]] = {}
    try:
        waiting = [reader.outline]
        while waiting:
            entry = waiting.pop()
            if isinstance(entry, list):
                waiting += entry
            elif (page := reader.get_destination_page_number(entry)) is not None:
                found.setdefault(page, set()).add(_bare(str(entry.title)))
    except Exception:  # of a damaged outline nothing is missed but its headings
        return {}
    return found


def _blocks(page: str, titles: set[str]) -> Iterator[Block]:
    """The lines of a page, those that the outline names as headings; then the page's end."""
    lines: list[str] = []
    for line in page.split("\n"):
        if titles and _bare(line) in titles:
            yield Block("\n".join(lines))
            yield Block(line, heading=True)
            lines = []
        else:
            lines.append(line)
    yield Block("\n".join(lines), after=PAGE)


def _bare(text: str) -> str:
    return "".join(text.casefold().split())


def _said(wrong: Exception) -> str:
    return f"{type(wrong).__name__}: {' '.join(str(wrong).split())[:200]}".rstrip(".: ")
