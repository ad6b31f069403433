"""A document that was read, one that could not be, and the pieces one is cut into."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

Metadata = Mapping[str, str | int | float | bool]


@dataclass(frozen=True)
class Document:
    """One file or row, read: its text (NFC), and where its headings stand in it."""

    id: str
    """The path within the source with `/`, or the row's id."""
    text: str
    title: str = ""
    metadata: Metadata = field(default_factory=dict)
    """The fields of a row; `source` and `media_type` of everything."""
    headings: Sequence[tuple[int, str]] = ()
    """(offset in `text`, heading), in order. A heading is a line of the text as well."""


@dataclass(frozen=True)
class Chunk:
    """A piece of a document: `document.text[chunk.start:chunk.end] == chunk.text`."""

    id: str
    """`{document}#{index}`"""
    document: str
    text: str
    start: int
    """Where it begins in the document's text, in characters."""
    end: int
    index: int
    """Which of the document's `total` chunks it is, from 0."""
    total: int
    heading: str = ""
    """The heading it stands under, "" before the first."""
    metadata: Metadata = field(default_factory=dict)


@dataclass(frozen=True)
class Failure:
    """What could not be read, by the name it would have had, and why: one sentence or two."""

    name: str
    reason: str
