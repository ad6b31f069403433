"""Objects: files by bucket and name, kept on disk whole, whatever they are called."""

import hashlib
import json
import os
import time
from collections.abc import Callable, Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from sqlite3 import Row
from typing import TypeVar
from uuid import uuid4

from tunewise.database import Database, is_full
from tunewise.errors import AbsentError, OptionError, OutputError, StoreError
from tunewise.files import whole, writing

FILES = ".files"
"""The bucket of OpenAI's files. Buckets whose names begin with a dot are not users'."""

Done = TypeVar("Done")

_LONGEST = 1_024  # letters of a name
_RESERVE = 256 * 2**10  # bytes for writing down deletions
_SCHEMA = """
CREATE TABLE IF NOT EXISTS objects (
    place INTEGER PRIMARY KEY AUTOINCREMENT, bucket TEXT NOT NULL, name TEXT NOT NULL,
    size INTEGER NOT NULL, sha256 TEXT NOT NULL, created REAL NOT NULL, file TEXT NOT NULL,
    about TEXT NOT NULL, UNIQUE (bucket, name)
);
"""


@dataclass(frozen=True)
class Stored:
    """A file that is kept: its size in bytes, its hash, and `path`, where it can be read.

    `created` is in seconds since 1970. `about` is what was said of it when it was put.
    """

    bucket: str
    name: str
    size: int
    sha256: str
    created: float
    path: Path
    about: Mapping[str, str] = field(default_factory=dict)


class Objects:
    """The files in a folder. Names are kept in a database there and never become paths.

    A file is there wholly or not at all: it is written beside, brought to the disk, and then
    entered. Several processes may put and delete at once; the last one to put a name wins.

    >>> import tempfile
    >>> objects = Objects(Path(tempfile.mkdtemp()))
    >>> objects.put("faq", "../a/b.txt", [b"some ", b"words"], most=100).size
    10
    >>> [(each.name, each.path.read_bytes()) for each in objects.list("faq")]
    [('../a/b.txt', b'some words')]
    >>> objects.delete("faq", "../a/b.txt")
    >>> objects.buckets()
    []
    >>> objects.close()
    """

    def __init__(self, folder: Path) -> None:
        self._blobs, self._reserve = folder / "blobs", folder / "reserve"
        with writing(folder):
            self._blobs.mkdir(parents=True, exist_ok=True)
        self._entries = Database(folder / "objects.db", _SCHEMA)

    def put(
        self,
        bucket: str,
        name: str,
        blocks: Iterable[bytes],
        *,
        most: int,
        about: Mapping[str, str] | None = None,
    ) -> Stored:
        """Keeps a file of at most `most` bytes, in place of one that had its name.

        Raises OptionError for one that is larger or a name that is empty, too long or holds a NUL,
        OutputError where the disk is full. Nothing is left of it then, and what was there stays.
        """
        with self.incoming(bucket, name, most=most, about=about) as file:
            for block in blocks:
                file.write(block)
            return file.keep()

    def incoming(
        self, bucket: str, name: str, *, most: int, about: Mapping[str, str] | None = None
    ) -> "Incoming":
        """A file to write piece by piece, there once it is kept. Raises as `put` does."""
        for word in (bucket, name):
            if not word or len(word) > _LONGEST or "\0" in word:
                raise OptionError(
                    f"A bucket and a name have 1 to {_LONGEST:,} letters and no NUL. Choose "
                    "another name."
                )
        return Incoming(self, bucket, name, self._blobs / uuid4().hex, most, dict(about or {}))

    def enter(self, stored: Stored) -> None:
        """Enters a file that lies on the disk already, in place of one that had its name."""
        place = (stored.bucket, stored.name, stored.size, stored.sha256, stored.created)
        with self._entries.whole():
            old = self._take_out(stored.bucket, stored.name)
            self._entries.run(
                "INSERT INTO objects (bucket, name, size, sha256, created, file, about) "
                "VALUES (?, ?, ?, ?, ?, ?, ?)",
                (*place, stored.path.name, json.dumps(dict(stored.about))),
            )
        self._remove(old)
        self._set_aside()

    def get(self, bucket: str, name: str) -> Stored:
        """One file. Raises AbsentError where there is none."""
        words = "SELECT * FROM objects WHERE bucket = ? AND name = ?"
        found = self._entries.read(self._stored, words, (bucket, name))
        if not found:
            raise AbsentError(f"There is no '{name}' in '{bucket}'.")
        return found[0]

    def buckets(self) -> list[str]:
        """Names of the buckets that hold anything, sorted; reserved ones are left out."""
        rows = self._entries.run("SELECT DISTINCT bucket FROM objects ORDER BY bucket")
        return [row["bucket"] for row in rows if not row["bucket"].startswith(".")]

    def list(self, bucket: str) -> list[Stored]:
        """The files of a bucket, in the order in which they were put."""
        words = "SELECT * FROM objects WHERE bucket = ? ORDER BY place"
        return self._entries.read(self._stored, words, (bucket,))

    def delete(self, bucket: str, name: str) -> None:
        """Removes a file, on a full disk too. Raises AbsentError where there is none."""
        old = self.with_room(lambda: self._take_out(bucket, name))
        if old is None:
            raise AbsentError(f"There is no '{name}' in '{bucket}'.")
        self._remove(old)
        self._set_aside()

    def with_room(self, call: Callable[[], Done]) -> Done:
        """What the call gives, which writes down a deletion: on a full disk in the room set aside.

        It is called twice where the first call met a full disk.
        """
        try:
            return call()
        except StoreError as refusal:
            if not is_full(refusal):
                raise
        self._reserve.unlink(missing_ok=True)
        self._entries.shrink()
        return call()

    def held(self) -> tuple[int, int]:
        """How many files there are in all, and of how many bytes."""
        [row] = self._entries.run("SELECT count(*) AS files, sum(size) AS bytes FROM objects")
        return row["files"], row["bytes"] or 0

    def sweep(self) -> int:
        """Removes what killed processes left half-written, and says how many files that were.

        For when nobody else is putting: what is being put just now would go too.
        """
        known = {row["file"] for row in self._entries.run("SELECT file FROM objects")}
        strays = [path for path in self._blobs.iterdir() if path.name not in known]
        for path in strays:
            path.unlink(missing_ok=True)
        self._set_aside()
        return len(strays)

    def check(self) -> None:
        """Raises StoreError where the database is damaged."""
        self._entries.check()

    def close(self) -> None:
        """Closes the database."""
        self._entries.close()

    def _take_out(self, bucket: str, name: str) -> str | None:
        rows = self._entries.run(
            "DELETE FROM objects WHERE bucket = ? AND name = ? RETURNING file", (bucket, name)
        )
        return rows[0]["file"] if rows else None

    def _set_aside(self) -> None:
        """Keeps room for a deletion on a full disk: it is written down before it frees any."""
        if not self._reserve.exists():
            # where even this finds no room, the next file that does will see to it
            with suppress(OutputError), whole(self._reserve) as beside:
                beside.write_bytes(bytes(_RESERVE))

    def _remove(self, file: str | None) -> None:
        if file is not None:  # whoever has it open reads on
            (self._blobs / file).unlink(missing_ok=True)

    def _stored(self, row: Row) -> Stored:
        bucket, name, size, digest, created = tuple(row)[1:6]
        path, about = self._blobs / row["file"], json.loads(row["about"])
        return Stored(bucket, name, size, digest, created, path, about)


class Incoming:
    """A file under way. What is not kept when its block ends is gone."""

    def __init__(
        self,
        objects: Objects,
        bucket: str,
        name: str,
        path: Path,
        most: int,
        about: Mapping[str, str],
    ) -> None:
        self._objects, self._bucket, self._name = objects, bucket, name
        self._path, self._most, self._about = path, most, about
        self._size, self._digest, self._kept = 0, hashlib.sha256(), False
        with writing(path.parent):
            self._file = path.open("xb")

    def write(self, block: bytes) -> None:
        """Writes a further piece. Raises OptionError past what the file may have."""
        self._size += len(block)
        if self._size > self._most:
            raise OptionError(f"A file may have {self._most:,} bytes, and this one has more.")
        self._digest.update(block)
        with writing(self._path.parent):
            self._file.write(block)

    def keep(self, about: Mapping[str, str] | None = None) -> Stored:
        """Brings all of it to the disk and enters it; `about` is said of it beside the rest."""
        with writing(self._path.parent):
            self._file.flush()
            os.fsync(self._file.fileno())
            _sync_folder(self._path.parent)
        said = {**self._about, **(about or {})}
        size, digest = self._size, self._digest.hexdigest()
        stored = Stored(self._bucket, self._name, size, digest, time.time(), self._path, said)
        self._kept = True  # of an interrupted entry nobody knows whether it was written
        try:
            self._objects.enter(stored)
        except StoreError:
            self._kept = False
            raise
        return stored

    def close(self) -> None:
        """Removes what was not kept."""
        with suppress(OSError):  # a full disk, again: what is kept has been brought there before
            self._file.close()
        if not self._kept:
            self._path.unlink(missing_ok=True)

    def __enter__(self) -> "Incoming":
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


def _sync_folder(folder: Path) -> None:
    """Brings the names in a folder to the disk, where the system can."""
    if os.name == "posix":
        opened = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(opened)
        finally:
            os.close(opened)
