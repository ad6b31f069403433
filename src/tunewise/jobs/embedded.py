"""Embedded: what became of each file of a bucket when it was last embedded."""

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from tunewise.database import Database

Status = Literal["processing", "success", "failure", "partial_success"]

_SCHEMA = """
CREATE TABLE IF NOT EXISTS files (
    bucket TEXT NOT NULL, name TEXT NOT NULL, sha256 TEXT NOT NULL, status TEXT NOT NULL,
    reason TEXT, updated REAL NOT NULL, embedded REAL, PRIMARY KEY (bucket, name)
);
"""


@dataclass(frozen=True)
class Fate:
    """How a file fared: `sha256` says which content it had, `reason` why it or a part failed.

    Times are in seconds since 1970; `embedded` is None where it never was.
    """

    name: str
    sha256: str
    status: Status
    reason: str | None
    updated: float
    embedded: float | None


class Embedded:
    """The fates of files, in a database.

    >>> import tempfile
    >>> fates = Embedded(Path(tempfile.mkdtemp()) / "embedded.db")
    >>> fates.keep("faq", "a.txt", "00ff", "success")
    >>> [(each.name, each.status) for each in fates.files("faq")], fates.buckets()
    ([('a.txt', 'success')], ['faq'])
    >>> fates.close()
    """

    def __init__(self, path: Path, *, clock: Callable[[], float] = time.time) -> None:
        self._file, self._clock = Database(path, _SCHEMA), clock

    def keep(
        self, bucket: str, name: str, sha256: str, status: Status, reason: str | None = None
    ) -> None:
        """Keeps how a file fares, in place of what was known of it."""
        now = self._clock()
        self._file.run(
            "INSERT INTO files VALUES (?, ?, ?, ?, ?, ?, ?) ON CONFLICT (bucket, name) DO UPDATE "
            "SET sha256 = excluded.sha256, status = excluded.status, reason = excluded.reason, "
            "updated = excluded.updated, embedded = coalesce(excluded.embedded, embedded)",
            (bucket, name, sha256, status, reason, now, now if "success" in status else None),
        )

    def files(self, bucket: str) -> list[Fate]:
        """The files of a bucket that were ever embedded or tried, by name."""
        rows = self._file.run("SELECT * FROM files WHERE bucket = ? ORDER BY name", (bucket,))
        return [Fate(*tuple(row)[1:]) for row in rows]

    def buckets(self) -> list[str]:
        """The buckets of which anything is known, by name."""
        rows = self._file.run("SELECT DISTINCT bucket FROM files ORDER BY bucket")
        return [row["bucket"] for row in rows]

    def forget(self, bucket: str, names: Sequence[str] | None = None) -> None:
        """Forgets files of a bucket; all of them, if none are named."""
        if names is None:
            self._file.run("DELETE FROM files WHERE bucket = ?", (bucket,))
        else:
            with self._file.whole():
                for name in names:
                    self._file.run(
                        "DELETE FROM files WHERE bucket = ? AND name = ?", (bucket, name)
                    )

    def check(self) -> None:
        """Raises StoreError where the file is damaged."""
        self._file.check()

    def close(self) -> None:
        """Closes the file."""
        self._file.close()
