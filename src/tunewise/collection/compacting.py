"""Compacting Lance tables: what many small writes left, brought together, and the rest removed.

Each write adds a version, and files with it; a deletion hides rows, whose text stays in its file.
So after a number of writes a table is written anew in one piece, and what older versions alone had
goes once it is a minute old. Who was reading it reads the newest. A kill leaves the version before,
as it does with any write.
"""

import logging
import time
from collections.abc import Callable
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any, TypeVar

from tunewise.errors import StoreError

GRACE = timedelta(minutes=1)
"""How old a version is at least when its files go, where nobody asked for that."""

AT_ONCE = timedelta(milliseconds=1)  # Lance takes none for a mistake

_WRITES = 32  # after these a search takes half as long again
_ROWS = 1_000  # for which writes may be one more: as many rows are written anew for each
_READS = 3
_PATIENCE = timedelta(seconds=5)  # for a clock that was set back
_BEGUN = ".tmp*"  # files that Lance renames once they are whole

_Read = TypeVar("_Read")

logger = logging.getLogger(__name__)


def compact_if_due(table: Any, key: str) -> None:
    """Compacts a table that was just written to, after every so many writes.

    What was written stands: where this fails, on a full disk or because another process writes, a
    later write does it.
    """
    try:
        if table.version % _WRITES:  # which `every` is a multiple of
            return
        every = max(_WRITES, 2 ** (table.count_rows() // _ROWS).bit_length())
        if table.version % every == 0:  # known to every process, and after a kill
            compact(table, key, GRACE)
    except (OSError, RuntimeError, ValueError) as refusal:
        logger.warning("a table was not compacted: %s", str(refusal).split("\n")[0])


def compact(table: Any, key: str, age: timedelta, *, alone: bool = False) -> None:
    """Writes what there is anew in one piece, and removes versions that are older than `age`.

    `alone` says that nobody writes meanwhile, so that files which are in no version can go.
    """
    told = table.stats()
    pieces = told["fragment_stats"]
    if pieces["num_fragments"] == 1 and pieces["lengths"]["max"] > told["num_rows"]:
        # Lance leaves one piece as it is until a tenth of it is deleted: one row makes a second
        row = table.search().limit(1).to_arrow()
        table.merge_insert(key).when_matched_update_all().execute(row)
    table.optimize(cleanup_older_than=age, delete_unverified=alone)


def compact_at_once(table: Any, key: str, folder: Path | None) -> None:
    """Writes what there is anew in one piece, and removes all that was before.

    With the table's `folder`, and nobody else who writes to it, what killed writers left in there
    goes too. Lance goes by the clock, and keeps what was written later than now: a moment is waited
    for. Raises StoreError where the clock was set back by more.
    """
    patience = _PATIENCE
    while True:
        compact(table, key, AT_ONCE, alone=folder is not None)
        for begun in folder.rglob(_BEGUN) if folder else ():
            begun.unlink(missing_ok=True)
        ahead = _ahead(table)
        if ahead < timedelta(0):
            return
        if ahead > patience:
            raise StoreError(
                "What was deleted is still on the disk: by this machine's clock it was written "
                f"{ahead} from now, and what is of the future is kept. Set the clock right, or "
                "wait and try again."
            )
        time.sleep((ahead + AT_ONCE).total_seconds())
        patience -= ahead + AT_ONCE


def _ahead(table: Any) -> timedelta:
    """How long until versions before the current one are made, by their times; least if none."""
    now = datetime.now()  # noqa: DTZ005 - as Lance tells them
    *before, _ = (each["timestamp"] for each in table.list_versions())
    return max((each - now for each in before), default=timedelta.min)


def is_apart(table: Any) -> bool:
    """Whether an index keeps a table in pieces, what is deleted of them among it.

    Lance brings together only what was indexed at once.
    """
    return table.stats()["fragment_stats"]["num_fragments"] > 1 and bool(table.list_indices())


def read(call: Callable[[], _Read]) -> _Read:
    """What the call reads of a table, read again where its version went meanwhile."""
    for _ in range(_READS - 1):
        try:
            return call()
        except (OSError, RuntimeError, ValueError) as refusal:
            if "not found" not in str(refusal).lower():
                raise
    return call()
