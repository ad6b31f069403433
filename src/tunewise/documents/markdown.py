"""Markdown: its source as it is written, and where CommonMark sees headings in it.

The markup stays. It is little, people and language models read it, and places in the text are
places in the file. What stands in a fence is code and no heading.
"""

import re
from collections.abc import Iterator
from itertools import accumulate, pairwise

from tunewise.documents.blocks import cleaned, told, too_long
from tunewise.documents.decoding import decoded
from tunewise.documents.document import Document
from tunewise.documents.scalars import Scalar, typed
from tunewise.documents.source import Source
from tunewise.errors import DataError
from tunewise.extras import need

_FRONT = re.compile(r"---[ \t]*\n(.*?\n)?(?:---|\.\.\.)[ \t]*(?:\n|\Z)", re.DOTALL)
_FIELD = re.compile(r"^(\w[\w-]*):[ \t]+(.+)$", re.MULTILINE)
_MARKUP = re.compile(r"\[([^\]]*)\]\([^)]*\)|[*_`]+(?=\S)|(?<=\S)[*_`]+")


def read(source: Source) -> Iterator[Document]:
    """The file as one document; of front matter, one-line fields become metadata."""
    text, encoding = decoded(source.path.read_bytes(), source.charset)
    text = cleaned(text)
    front = _FRONT.match(text)
    fields = _fields(front[1] or "") if front else {}
    text = text[front.end() :] if front else text
    if not text.strip():
        raise DataError(f"'{source.name}' has no text in it.")
    if len(text) > source.limits.characters:
        raise too_long(source)
    headings = list(_headings(text))
    title = str(fields.pop("title", "")) or (headings[0][1] if headings else "")
    yield Document(source.name, text, title, told(source, {**fields, **encoding}), headings)


def _headings(text: str) -> Iterator[tuple[int, str]]:
    parser = need("markdown_it", extra="documents").MarkdownIt("commonmark")
    # Only blocks are asked for: links and emphasis would take most of the time.
    parser.core.ruler.enableOnly(["normalize", "block"])
    places = [0, *accumulate(len(line) + 1 for line in text.split("\n"))]
    tokens = parser.parse(text)
    for opening, inside in pairwise(tokens):
        if opening.type == "heading_open" and opening.map and inside.content:
            yield places[opening.map[0]], _MARKUP.sub(r"\1", inside.content)


def _fields(front: str) -> dict[str, Scalar]:
    return {name: _value(value.strip()) for name, value in _FIELD.findall(front)}


def _value(written: str) -> Scalar:
    """As YAML reads it: what stands in quotes is text, whatever it looks like."""
    bare = written.strip("\"'")
    return typed(written) if bare == written else bare
