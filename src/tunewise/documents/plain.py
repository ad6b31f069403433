"""Plain text: as it is."""

from collections.abc import Iterator

from tunewise.documents.blocks import cleaned, told, too_long
from tunewise.documents.decoding import decoded
from tunewise.documents.document import Document
from tunewise.documents.source import Source
from tunewise.errors import DataError


def read(source: Source) -> Iterator[Document]:
    """The file as one document, places in it being places in the file."""
    text, encoding = decoded(source.path.read_bytes(), source.charset)
    text = cleaned(text)
    if not text.strip():
        raise DataError(f"'{source.name}' has no text in it, only white space.")
    if len(text) > source.limits.characters:
        raise too_long(source)
    yield Document(source.name, text, metadata=told(source, encoding))
