"""Query log: one record a served query, for whoever watches what is searched and found.

An SQLite file, which several processes may write to; what was recorded survives a kill. What
people typed is kept only if the operator says so.
"""

import json
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from sqlite3 import Row
from uuid import uuid4

from tunewise.database import Database
from tunewise.errors import DataError, OptionError

_DAY, _HOUR = 86_400.0, 3_600.0
_AT_ONCE = 1_000  # records read together
_SCHEMA = """
CREATE TABLE IF NOT EXISTS served (
    id TEXT PRIMARY KEY, time REAL NOT NULL, collection TEXT NOT NULL, stamp TEXT NOT NULL,
    found TEXT NOT NULL, words TEXT, feedback TEXT
);
CREATE INDEX IF NOT EXISTS served_in_order ON served (time, id);
"""


@dataclass(frozen=True)
class Served:
    """A query that was answered.

    `time` is in seconds since 1970, `stamp` the 16 digits of what made the vectors, `found` the ids
    with their scores, best first. `words` is None where texts are not kept. `feedback` says how
    useful what was found: by id, a grade of 0 or more.
    """

    id: str
    time: float
    collection: str
    stamp: str
    found: Sequence[tuple[str, float]]
    words: str | None = None
    feedback: Mapping[str, float] | None = None


class QueryLog:
    """The log in a file. `texts` keeps what was asked, `days` is how long records are kept.

    A file that is not there is made, unless `new` is False: then it is refused (DataError).
    Records past their days go within an hour, as long as something is recorded; call
    `prune_if_due` now and then where that may be seldom. One who only reads removes nothing.

    >>> import tempfile
    >>> log = QueryLog(Path(tempfile.mkdtemp()) / "queries.db")
    >>> key = log.record("faq", "0123456789abcdef", [("d1#0", 0.83)], words="how do I pay?")
    >>> log.add_feedback(key, {"d1#0": 1.0})
    >>> [(one.found, one.words, one.feedback) for one in log.read("faq")]
    [([('d1#0', 0.83)], None, {'d1#0': 1.0})]
    >>> log.close()
    """

    def __init__(
        self,
        path: str | Path,
        *,
        new: bool = True,
        texts: bool = False,
        days: float = 30.0,
        clock: Callable[[], float] = time.time,
    ) -> None:
        if not days > 0:
            raise OptionError(f"Records cannot be kept for {days} days. Give more than 0.")
        path = Path(path)
        if not new and not path.is_file():
            raise DataError(
                f"There is no query log '{path}'. Name the one in a server's home: queries.db, in "
                "the folder that `tunewise serve --home` was given."
            )
        self._texts, self._days, self._clock = texts, days, clock
        self._pruned: float | None = None
        # a search does not wait until its record is on the disk
        self._file = Database(path, _SCHEMA, expendable=True)

    def record(
        self, collection: str, stamp: str, found: Sequence[tuple[str, float]], *, words: str
    ) -> str:
        """Records a query that was answered, and gives the id that feedback is posted with."""
        key, now = uuid4().hex, self._clock()
        kept = words if self._texts else None
        row = (key, now, collection, stamp, json.dumps(list(found)), kept)
        self._file.run("INSERT INTO served VALUES (?, ?, ?, ?, ?, ?, NULL)", row)
        self._prune_if_due(now)
        return key

    def add_feedback(self, key: str, grades: Mapping[str, float]) -> None:
        """Adds grades for what was found, in place of earlier ones for the same ids.

        Raises DataError for a query that is not there (any more), an id that was not found for it,
        or a grade that is no number of 0 or more.
        """
        known = {id_ for id_, _ in self.get(key).found}
        for id_, grade in grades.items():
            if id_ not in known:
                raise DataError(
                    f"'{id_}' cannot be graded so: it was not found for this query. Grade what was."
                )
            if not 0 <= grade < 1e9:
                raise DataError(
                    f"'{id_}' cannot be graded so: {grade} is no grade. Give a number of 0 or more."
                )
        # merged in the database: two callers at once lose none of theirs
        merged = "json_patch(coalesce(feedback, '{}'), ?)"
        self._file.run(
            f"UPDATE served SET feedback = {merged} WHERE id = ?",  # noqa: S608 - no text of users
            (json.dumps(dict(grades)), key),
        )

    def get(self, key: str) -> Served:
        """One record. Raises DataError for a query that is not there (any more)."""
        found = self._file.read(_served, "SELECT * FROM served WHERE id = ?", (key,))
        if not found:
            raise DataError(f"There is no query '{key}' in the log. It may be past its days.")
        return found[0]

    def read(self, collection: str | None = None, *, since: float = 0.0) -> Iterator[Served]:
        """The records of a collection, or of all, from a time on, oldest first.

        They are read some at a time, however many there are, and writers go on meanwhile.
        """
        at, key = since, ""
        words = (
            "SELECT * FROM served WHERE (time, id) > (?, ?) AND (? IS NULL OR collection = ?) "
            "ORDER BY time, id LIMIT ?"
        )
        while found := self._file.read(_served, words, (at, key, collection, collection, _AT_ONCE)):
            yield from found
            key, at = found[-1].id, found[-1].time

    def prune(self) -> int:
        """Removes what is older than is to be kept, and says how many records that were."""
        before = self._clock() - self._days * _DAY
        self._file.run("PRAGMA secure_delete = ON")  # not every SQLite writes over what it deletes
        removed = self._file.change("DELETE FROM served WHERE time < ?", (before,))
        if removed:
            self._file.shrink()  # what is beside the file holds their words still
        return removed

    def prune_if_due(self) -> None:
        """Prunes, unless that was done within the last hour."""
        self._prune_if_due(self._clock())

    def check(self) -> None:
        """Raises StoreError where the file is damaged."""
        self._file.check()

    def close(self) -> None:
        """Closes the file."""
        self._file.close()

    def _prune_if_due(self, now: float) -> None:
        # a clock that was set back is not waited for
        if self._pruned is None or not 0 <= now - self._pruned < _HOUR:
            self._pruned = now
            self.prune()


def _served(row: Row) -> Served:
    key, at, of, stamp, found, words, feedback = row
    hits = [(id_, score) for id_, score in json.loads(found)]
    return Served(key, at, of, stamp, hits, words, feedback and json.loads(feedback))
