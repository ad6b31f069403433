"""A source: bytes that lie in a file, on their way to be documents."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from tunewise.documents.limits import USUAL, Limits


@dataclass(frozen=True)
class Source:
    """One file, wherever it came from: a folder, a zip file, an address."""

    path: Path
    """Where its bytes lie, perhaps for the time of reading only."""
    name: str
    """What it is called within what is read: the id of its document."""
    media_type: str = ""
    charset: str = ""
    """The encoding that its server told, "" where none did."""
    columns: Mapping[str, str] = field(default_factory=dict)
    """Role → column, for tables."""
    limits: Limits = USUAL
    address: str = ""
    """Where its bytes were fetched from, once all redirects were followed; "" for a file."""
