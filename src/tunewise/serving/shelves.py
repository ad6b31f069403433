"""Shelves: buckets that are searched together under a name. Telnyx calls them AI collections."""

import json
import re
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from sqlite3 import Row
from typing import Any, Literal
from uuid import uuid4

from tunewise.database import Database
from tunewise.errors import AbsentError, DataError

Retrieval = Literal["vector", "hybrid", "keyword"]

_SCHEMA = """
CREATE TABLE IF NOT EXISTS shelves (
    place INTEGER PRIMARY KEY AUTOINCREMENT, uuid TEXT NOT NULL UNIQUE, slug TEXT NOT NULL UNIQUE,
    told TEXT NOT NULL
);
"""
_LONGEST = 64  # letters of a slug


@dataclass(frozen=True)
class Shelf:
    """A name, and buckets (`sources`: id → bucket) with how they are searched.

    Times are in seconds since 1970. `owner` is the id of the key that made it, "" for nobody's.
    """

    uuid: str
    name: str
    slug: str
    description: str | None
    sources: dict[str, str]
    retrieval: Retrieval
    top_k: int
    created: float
    updated: float
    owner: str = ""  # one written before there were owners is nobody's: an admin's to change

    @property
    def buckets(self) -> Sequence[str]:
        """The buckets, each once."""
        return list(dict.fromkeys(self.sources.values()))


class Shelves:
    """The shelves of a server, in a database.

    >>> import tempfile
    >>> shelves = Shelves(Path(tempfile.mkdtemp()) / "shelves.db")
    >>> first = shelves.add("Our Help", buckets=["faq"])
    >>> first.slug, first.buckets, shelves.add("Our help!").slug
    ('our-help', ['faq'], 'our-help-2')
    >>> shelves.close()
    """

    def __init__(self, path: Path, *, clock: Callable[[], float] = time.time) -> None:
        self._file, self._clock = Database(path, _SCHEMA), clock

    def add(
        self,
        name: str,
        *,
        slug: str | None = None,
        description: str | None = None,
        buckets: Sequence[str] = (),
        retrieval: Retrieval = "vector",
        top_k: int = 10,
        owner: str = "",
    ) -> Shelf:
        """A new shelf; without a slug, one is made of the name. DataError for one that is taken."""
        now = self._clock()
        with self._file.whole():
            found = self._free(slug, name)
            sources = {source_id(): bucket for bucket in dict.fromkeys(buckets)}
            about = (name, found, description, sources, retrieval, top_k, now, now, owner)
            shelf = Shelf(str(uuid4()), *about)
            self._file.run(
                "INSERT INTO shelves (uuid, slug, told) VALUES (?, ?, ?)",
                (shelf.uuid, shelf.slug, json.dumps(asdict(shelf))),
            )
        return shelf

    def get(self, uuid: str) -> Shelf:
        """A shelf. Raises AbsentError where there is none."""
        return self._one("uuid", uuid)

    def by_slug(self, slug: str) -> Shelf:
        """A shelf. Raises AbsentError where there is none."""
        return self._one("slug", slug)

    def all(self) -> list[Shelf]:
        """All shelves, newest first."""
        return self._file.read(_shelf, "SELECT told FROM shelves ORDER BY place DESC")

    def change(self, uuid: str, **changes: Any) -> Shelf:
        """The shelf with these fields changed. Raises AbsentError where there is none."""
        with self._file.whole():
            shelf = replace(self.get(uuid), **changes, updated=self._clock())
            told = json.dumps(asdict(shelf))
            self._file.run("UPDATE shelves SET told = ? WHERE uuid = ?", (told, uuid))
        return shelf

    def delete(self, uuid: str) -> None:
        """Removes a shelf, not its buckets. Raises AbsentError where there is none."""
        if not self._file.change("DELETE FROM shelves WHERE uuid = ?", (uuid,)):
            raise _none(uuid)

    def check(self) -> None:
        """Raises StoreError where the file is damaged."""
        self._file.check()

    def close(self) -> None:
        """Closes the file."""
        self._file.close()

    def _one(self, column: Literal["uuid", "slug"], value: str) -> Shelf:
        words = f"SELECT told FROM shelves WHERE {column} = ?"  # noqa: S608
        found = self._file.read(_shelf, words, (value,))
        if not found:
            raise _none(value)
        return found[0]

    def _free(self, slug: str | None, name: str) -> str:
        taken = {row["slug"] for row in self._file.run("SELECT slug FROM shelves")}
        if slug is not None:
            if slug in taken:
                raise DataError(f"There is a collection '{slug}' already. Choose another slug.")
            return slug
        plain = re.sub(r"[^a-z0-9]+", "-", name.lower()).strip("-")[:_LONGEST] or "collection"
        number, found = 1, plain
        while found in taken:
            number += 1
            found = f"{plain}-{number}"
        return found


def source_id() -> str:
    """An id for a bucket on a shelf."""
    return str(uuid4())


def _shelf(row: Row) -> Shelf:
    return Shelf(**json.loads(row["told"]))


def _none(name: str) -> AbsentError:
    return AbsentError(f"There is no collection '{name[:100]}'.")
