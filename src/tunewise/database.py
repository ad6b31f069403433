"""Database: a SQLite file that several processes write to, and that a kill leaves whole."""

import errno
import sqlite3
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TypeVar

from filelock import FileLock, Timeout

from tunewise.errors import StoreError

Made = TypeVar("Made")

_WAIT = 30.0  # seconds for another process's write
_NO_ROOM = {errno.ENOSPC, getattr(errno, "EDQUOT", errno.ENOSPC)}  # Windows has no quota's
# as Rust's libraries and PostgreSQL tell it, whose errors have no number of their own
_NO_ROOM_TOLD = ("No space left on device", *(f"(os error {number})" for number in _NO_ROOM))


def is_full(error: StoreError) -> bool:
    """Whether a store refused because its disk is full."""
    cause = error.__cause__
    if isinstance(cause, sqlite3.Error):
        return getattr(cause, "sqlite_errorcode", None) == sqlite3.SQLITE_FULL
    if isinstance(cause, OSError) and cause.errno in _NO_ROOM:
        return True
    return any(words in str(cause) for words in _NO_ROOM_TOLD)


class Database:
    """A file of tables. What was written is on the disk when the call returns.

    `schema` makes the tables, and does nothing where they are there; `version` is its number.
    An `expendable` one can be done without: its writes wait for no disk, and a power cut may take
    the last of them. Threads may share one. Every refusal of SQLite or of the disk is a StoreError
    naming the file.
    """

    def __init__(
        self, path: Path, schema: str, *, version: int = 1, expendable: bool = False
    ) -> None:
        self.path, self._expendable = path, expendable
        self._turn = threading.RLock()
        with self._told():
            path.parent.mkdir(parents=True, exist_ok=True)
            # two processes that both begin would refuse each other the change of the journal
            with FileLock(path.with_name(f".{path.name}.lock"), timeout=_WAIT):
                self._file = sqlite3.connect(
                    path, timeout=_WAIT, isolation_level=None, check_same_thread=False
                )
                try:
                    self._begin(schema, version)
                except BaseException:
                    self._file.close()
                    raise

    def run(self, words: str, values: Sequence[object] = ()) -> list[sqlite3.Row]:
        """The rows that one statement gives."""
        with self._told(), self._turn:
            return self._file.execute(words, values).fetchall()

    def read(
        self, made: Callable[[sqlite3.Row], Made], words: str, values: Sequence[object] = ()
    ) -> list[Made]:
        """What `made` makes of each row that one statement gives.

        Raises StoreError where a row is not as it was written.
        """
        rows = self.run(words, values)
        try:
            return [made(row) for row in rows]
        except (ValueError, KeyError, TypeError) as wrong:
            raise StoreError(f"'{self.path}' {self._reason(wrong)}") from wrong

    def change(self, words: str, values: Sequence[object] = ()) -> int:
        """How many rows one statement changed."""
        with self._told(), self._turn:
            return self._file.execute(words, values).rowcount

    @contextmanager
    def whole(self) -> Iterator[None]:
        """All that is run in the block, or none of it; nobody else writes meanwhile."""
        with self._told(), self._turn:
            self._file.execute("BEGIN IMMEDIATE")
            try:
                yield
                self._file.execute("COMMIT")
            finally:
                if self._file.in_transaction:
                    self._file.execute("ROLLBACK")

    def shrink(self) -> None:
        """Gives back the room of what was written beside the file and now goes into it."""
        self.run("PRAGMA wal_checkpoint(TRUNCATE)")

    def check(self) -> None:
        """Looks at every page. Raises StoreError where one is damaged."""
        with self._told(), self._turn:
            [found] = self._file.execute("PRAGMA quick_check(1)").fetchone()
            if found != "ok":
                raise sqlite3.DatabaseError(f"it is damaged ({found.splitlines()[-1]})")

    def close(self) -> None:
        """Closes the file."""
        with self._turn:
            self._file.close()

    def _begin(self, schema: str, version: int) -> None:
        self._file.row_factory = sqlite3.Row
        self._file.execute("PRAGMA journal_mode = WAL")
        # in full, a power cut takes nothing either
        self._file.execute(f"PRAGMA synchronous = {'NORMAL' if self._expendable else 'FULL'}")
        [found] = self._file.execute("PRAGMA user_version").fetchone()
        if found > version:
            raise StoreError(
                f"'{self.path}' was written by a newer Tunewise (format {found}, and this one "
                f"knows {version}). Install the newer one again."
            )
        # at once for writing: a reader's turn cannot become a writer's while another writes
        self._file.executescript(
            f"BEGIN IMMEDIATE; {schema} PRAGMA user_version = {version}; COMMIT;"
        )

    @contextmanager
    def _told(self) -> Iterator[None]:
        try:
            yield
        except (sqlite3.Error, OSError) as refusal:
            raise StoreError(f"'{self.path}' {self._reason(refusal)}") from refusal

    def _reason(self, refusal: Exception) -> str:
        code = getattr(refusal, "sqlite_errorcode", 0) & 0xFF  # the rest of it says more closely
        if isinstance(refusal, Timeout) or code in {sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED}:
            return (
                f"has been held by another process for {_WAIT:g} seconds. End that one, or wait "
                "until it is done."
            )
        remedy = "bring the file back from a backup if it is damaged"
        if self._expendable:
            remedy = "move the file away if it is damaged: a new one is begun"
        return f"cannot be read or written: {refusal}. Free some space, or {remedy}."
