"""Blocks: paragraphs and headings as a parser finds them become the text of a document."""

import unicodedata
from collections.abc import Iterable, Mapping
from typing import NamedTuple

from tunewise.data.fields import mended
from tunewise.documents.document import Document
from tunewise.documents.source import Source
from tunewise.errors import DataError

PAGE = "\n\f"
"""What stands between pages, so that `text[:place].count("\\f") + 1` is the page of a place."""


class Block(NamedTuple):
    """A paragraph or heading, and what stands between it and the next."""

    text: str
    heading: bool = False
    after: str = "\n\n"


def document_of(
    source: Source,
    blocks: Iterable[Block],
    *,
    title: str = "",
    metadata: Mapping[str, str | int | float | bool] | None = None,
) -> Document:
    """The document that these blocks are, each cleaned and without the white space around it.

    Without a `title` its first heading is one. Raises DataError if there is no text, or too much.
    """
    texts: list[str] = []
    headings: list[tuple[int, str]] = []
    place, between = 0, ""
    for block in blocks:
        if text := cleaned(block.text).strip():
            texts += [between, text]
            place += len(between)
            if block.heading:
                headings.append((place, " ".join(text.split())))
            place, between = place + len(text), ""
        between = _wider(between, block.after) if texts else ""
        if place > source.limits.characters:
            raise too_long(source)
    if not texts:
        raise DataError(f"'{source.name}' has no text in it.")
    title = " ".join(cleaned(title).split()) or (headings[0][1] if headings else "")
    return Document(source.name, "".join(texts), title, told(source, metadata or {}), headings)


def told(
    source: Source, metadata: Mapping[str, str | int | float | bool]
) -> Mapping[str, str | int | float | bool]:
    """What is known of a document: the fields given, and where it came from beside them."""
    return {"source": source.name, "media_type": source.media_type, **metadata}


def cleaned(text: str) -> str:
    r"""The text in NFC, with \n for every line ending, without NULs and halves of surrogates.

    >>> cleaned("Cafe\u0301\r\nopen")
    'Café\nopen'
    """
    plain = mended(text).replace("\r\n", "\n").replace("\r", "\n").replace("\0", "")
    return unicodedata.normalize("NFC", plain)


def too_long(source: Source) -> DataError:
    """The error that says that a document has too many characters."""
    return DataError(
        f"'{source.name}' has more than {source.limits.characters:,} characters. Split it into "
        "documents."
    )


def _wider(one: str, other: str) -> str:
    """Of two separators in a row the one that parts more; pages are parted as often as they end."""
    if other == PAGE:
        return one + PAGE if one.endswith(PAGE) else PAGE
    return one if one.endswith(PAGE) else max(one, other, key=len)
