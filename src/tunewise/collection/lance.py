"""LanceDB: collections in a folder or on object storage, in this process, without a server.

Every write is a new version of a table, made visible by one renamed file: a killed process leaves
the version before. Rows are compared one by one until there are many; then int8 codes in
partitions (IVF_SQ) are searched, and the best compared again with their vectors. Under a filter
all partitions are searched: with a few, recall fell to 0.4 (benchmarks/stores.md).
"""

import random
import re
import shutil
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import timedelta
from hashlib import blake2b
from pathlib import Path
from typing import Any, TypeVar

import numpy as np
from filelock import FileLock, Timeout
from numpy.typing import NDArray

from tunewise.collection import arrow
from tunewise.collection.compacting import (
    GRACE,
    compact,
    compact_at_once,
    compact_if_due,
    is_apart,
    read,
)
from tunewise.collection.filters import one_of
from tunewise.collection.store import Kind, Precision, Row, Table
from tunewise.errors import StoreError
from tunewise.extras import need
from tunewise.heap import few_holes

_FACTS = "_facts"
_MADE = ("data/*", "_versions/*.manifest")  # what a table's folder holds once it is one
_REFINE = 5  # times k candidates whose vectors are read: int8 codes alone lose some
_PARTITIONS = 65_536  # more than there are: all
_KNOWN = 32 * 2**20  # bytes of what is known of versions: every write adds one, never taken out
_PATIENCE = 300.0  # seconds that a writer waits for another
_TRIES = 20

_Done = TypeVar("_Done")


class LanceStore:
    """A folder of Lance tables, or an address of object storage that LanceDB takes.

    Writers on one machine take turns by a file lock; on object storage, writers of several
    machines are retried when they meet.
    """

    precision: Precision = "float32"  # training partitions on float16 takes six times as long

    def __init__(self, url: str) -> None:
        need("lancedb", extra="collection")
        import lancedb

        few_holes()
        self.url = url
        name = f"tunewise-{blake2b(url.encode(), digest_size=8).hexdigest()}"
        self._folder = None if "://" in url else Path(url)
        passing = Path(tempfile.gettempdir()) / name
        self._locks = self._folder / ".locks" if self._folder else passing
        with _told(url):
            # a handle would else go on showing the version it was opened at
            self._db = lancedb.connect(
                url,
                read_consistency_interval=timedelta(0),
                session=lancedb.Session(metadata_cache_size_bytes=_KNOWN),
            )
        self._kept: Any = None

    def facts(self) -> Mapping[str, str]:
        """What was kept, by name."""
        with _told(self.url):
            self._kept = self._kept or self._opened_facts()
            table = self._kept
            rows = [] if table is None else read(lambda: table.to_arrow().to_pylist())
        return {row["name"]: row["told"] for row in rows}

    def keep(self, name: str, told: str | None) -> None:
        """Keeps a fact in place of the one of that name, at once; None removes it."""
        import pyarrow as pa

        with _told(self.url):
            table = self._opened_facts()
            if table is None:
                texts = [("name", pa.string()), ("told", pa.string())]
                with self.hold(_FACTS):
                    table = self._db.create_table(_FACTS, schema=pa.schema(texts), exist_ok=True)
            if told is None:
                _again(lambda: table.delete(one_of("name", [name])))
            else:
                _again(lambda: _merge(table, "name", pa.table({"name": [name], "told": [told]})))
            compact_if_due(table, "name")

    @contextmanager
    def hold(self, name: str) -> Iterator[None]:
        """One holder of the name at a time, of all processes on this machine."""
        lock = FileLock(self._locks / f"{name}.lock", timeout=_PATIENCE)
        try:
            with _told(self.url):
                self._locks.mkdir(parents=True, exist_ok=True)
                lock.acquire()
        except Timeout as late:
            raise StoreError(
                f"Another process has been writing to '{name}' in '{self.url}' for "
                f"{_PATIENCE:.0f} s. Wait for it or end it, and try again."
            ) from late
        try:
            yield
        finally:
            lock.release()

    def table(self, name: str, *, dimension: int, precision: Precision, new: bool = False) -> Table:
        """The table of that name; `new` makes an empty one in the place of what is there."""
        with _told(self.url):
            if new:
                self.drop(name)
                made = self._db.create_table(name, schema=arrow.schema(dimension, precision))
            else:
                made = self._db.open_table(name)
        folders = self._beside(name, "lance"), self._beside(name, "derived")
        return LanceTable(made, f"{self.url}: {name}", *folders)

    def tables(self) -> list[str]:
        """Those in the folder; on object storage none: other machines may be making one."""
        with _told(self.url):
            return self._names() if self._folder else []

    def drop(self, name: str) -> None:
        """Removes a table, if there is one of that name."""
        derived = self._beside(name, "derived")
        with _told(self.url):
            # before, since nobody looks for it after a kill; after, since somebody may be adding it
            _remove(derived)
            self._db.drop_table(name, ignore_missing=True)
            _remove(derived)

    def close(self) -> None:
        """Nothing is kept open."""

    def _beside(self, name: str, what: str) -> Path | None:
        """A folder: "lance" of a table, "derived" of what is made of it and can be made again."""
        return self._folder and self._folder / f"{name}.{what}"

    def _opened_facts(self) -> Any:
        """The table of facts; None where there is none yet."""
        if _FACTS not in self._names():
            return None
        try:
            return self._db.open_table(_FACTS)
        except ValueError:  # another process may be making it, and holds the name until it has
            with self.hold(_FACTS):
                return None if self._only_begun(_FACTS) else self._db.open_table(_FACTS)

    def _only_begun(self, name: str) -> bool:
        """Whether who made a table was killed before its first version: it never held a row."""
        folder = self._beside(name, "lance")
        if folder is None or not folder.is_dir():
            return False
        return not any(any(folder.glob(each)) for each in _MADE)

    def _names(self) -> list[str]:
        page = self._db.list_tables()
        names = list(page.tables)
        while page.page_token:
            page = self._db.list_tables(page_token=page.page_token)
            names += page.tables
        return names


class LanceTable:
    """Rows in a Lance table."""

    # All partitions are quicker than one by one, and miss nothing that few rows would show.
    exact = False
    index_from = 20_000
    efforts: Sequence[int] = (20, 40, 80, 160, _PARTITIONS)  # partitions searched

    def __init__(self, table: Any, place: str, folder: Path | None, derived: Path | None) -> None:
        self._table, self._place, self._folder, self._derived = table, place, folder, derived

    @property
    def version(self) -> int:
        """The table's version: each write makes a new one."""
        with _told(self._place):
            return int(self._table.version)

    @property
    def nbytes(self) -> int:
        """Bytes of the current version, rows and index."""
        with _told(self._place):
            indexes = [self._table.list_indices()]
            inside = sum(int(index.size_bytes or 0) for some in indexes for index in some)
            return int(self._table.stats()["total_bytes"]) + inside

    @property
    def beside(self) -> Path | None:
        """Named by the version and when it was made: one brought back from a copy is another."""
        if self._derived is None:
            return None
        with _told(self._place):
            newest = read(self._table.list_versions)[-1]
        return self._derived / f"{newest['version']}-{newest['timestamp']:%Y%m%d%H%M%S%f}"

    def put(self, rows: Sequence[Row], *, replacing: Sequence[str] = ()) -> None:
        """Writes the rows as one version of the table."""
        if not rows and not replacing:
            return
        with _told(self._place):
            if not rows:
                _again(lambda: self._table.delete(one_of("document", replacing)))
            else:
                batch = arrow.batch(rows, self._table.schema)
                gone = one_of("document", replacing) if replacing else ""
                _again(lambda: _merge(self._table, "id", batch, gone))
            compact_if_due(self._table, "id")
        self._forget()

    def delete(self, where: str) -> int:
        """Removes the rows for which the condition holds, and says how many there were."""
        with _told(self._place):
            deleted = int(_again(lambda: self._table.delete(where)).num_deleted_rows)
            compact_if_due(self._table, "id")
        self._forget()
        return deleted

    def rows(
        self, where: str = "", *, after: str = "", limit: int | None = None, vectors: bool = False
    ) -> list[Row]:
        """Rows for which the condition holds, by id."""
        if after or limit is not None:  # Lance scans in no order: ids first, then their rows
            ids = self.ids(_both(where, f"id > '{after.replace(chr(39), chr(39) * 2)}'"))[:limit]
            if not ids:
                return []
            where = one_of("id", ids)
        with _told(self._place):
            hidden = () if vectors else ("vector",)
            names = [name for name in self._table.schema.names if name not in hidden]
            found = _scan(self._table, where, names).sort_by("id")
        return arrow.rows(found)

    def ids(self, where: str = "") -> list[str]:
        """Ids of the rows for which the condition holds, by id."""
        with _told(self._place):
            return sorted(_scan(self._table, where, ["id"]).column("id").to_pylist(), key=_bytes)

    def texts(self, where: str = "") -> tuple[list[str], list[str]]:
        """Ids and texts of the rows for which the condition holds, by id."""
        with _told(self._place):
            found = _scan(self._table, where, ["id", "text"]).sort_by("id")
        return found.column("id").to_pylist(), found.column("text").to_pylist()

    def digests(self) -> Mapping[str, str]:
        """Each document's checksum."""
        with _told(self._place):
            found = _scan(self._table, "", ["document", "digest"])
        pairs = (found.column(name).to_pylist() for name in ("document", "digest"))
        return dict(zip(*pairs, strict=True))

    def count(self, where: str = "") -> int:
        """How many rows there are for which the condition holds."""
        with _told(self._place):
            return int(read(lambda: self._table.count_rows(where or None)))

    def nearest(
        self, vector: NDArray[np.float32], k: int, *, where: str = "", effort: int = 0
    ) -> list[tuple[str, float]]:
        """The k rows with the largest dot product, and these; effort 0 compares every row."""
        with _told(self._place):
            asked = self._table.search(vector, vector_column_name="vector").distance_type("dot")
            asked = asked.limit(k).select(["id", "_distance"])
            if where:
                asked, effort = asked.where(where, prefilter=True), effort and _PARTITIONS
            if effort:
                asked = asked.nprobes(effort).refine_factor(_REFINE)
            else:
                asked = asked.bypass_vector_index()
            found = read(asked.to_arrow)
        distances = found.column("_distance").to_pylist()
        return [
            (id_, 1.0 - distance)
            for id_, distance in zip(found.column("id").to_pylist(), distances, strict=True)
        ]

    def add_column(self, name: str, kind: Kind) -> None:
        """A column to filter by, empty so far; nothing where it is there already."""
        import pyarrow as pa

        types = {"text": pa.string(), "number": pa.float64(), "flag": pa.bool_()}
        with _told(self._place):
            if name not in self._table.schema.names:
                _again(lambda: self._table.add_columns(pa.field(name, types[kind])))

    def compact(self) -> bool:
        """Writes all rows anew in one piece, and removes all that was; True if an index was."""
        with _told(self._place):
            _again(lambda: compact_at_once(self._table, "id", self._folder))
            apart = is_apart(self._table)
            if apart:
                for index in self._table.list_indices():
                    self._table.drop_index(index.name)
                _again(lambda: compact_at_once(self._table, "id", self._folder))
        self._forget()
        return apart

    def _forget(self) -> None:
        """Removes what was made of versions before: of no use now, and deleted words are in it."""
        _remove(self._derived)

    def build(self) -> None:
        """Indexes all rows there are: ids by a tree, vectors in partitions of about √n."""
        from lancedb.index import BTree, IvfSq

        partitions = max(round(self.count() ** 0.5), 1)
        config = IvfSq(distance_type="dot", num_partitions=partitions)
        with _told(self._place):
            _again(lambda: compact(self._table, "id", GRACE))
            _again(lambda: self._table.create_index("id", config=BTree()))
            _again(lambda: self._table.create_index("vector", config=config))


def _remove(folder: Path | None) -> None:
    if folder is not None:
        shutil.rmtree(folder, ignore_errors=True)


@contextmanager
def _told(place: str) -> Iterator[None]:
    """Turns what LanceDB raises for a damaged table, a full disk or no access into a StoreError."""
    import pyarrow as pa

    try:
        yield
    except (StoreError, Timeout):
        raise
    except (OSError, RuntimeError, ValueError, pa.ArrowException) as refusal:
        raise _refused(place, refusal) from refusal
    except BaseException as panic:
        if type(panic).__name__ != "PanicException":  # Rust's, which no module offers
            raise
        raise _refused(place, panic) from panic


def _refused(place: str, refusal: BaseException) -> StoreError:
    reason = str(refusal).split(", /")[0].split("\n")[0].removeprefix("lance error: ")
    if "://" in place:
        if answered := re.search(r"<Message>(.*?)</Message>", str(refusal)):  # S3's own words
            reason = answered[1]
        return StoreError(
            f"The store '{place}' cannot be reached or refuses: {reason[:300].rstrip('.')}. Check "
            "the address, and what the environment says of it (for S3 AWS_ACCESS_KEY_ID, "
            "AWS_SECRET_ACCESS_KEY, AWS_REGION, AWS_ENDPOINT)."
        )
    return StoreError(
        f"The store '{place}' cannot be read or written: {reason}. If the disk is full, free some "
        "space; if a file is damaged, bring the folder back from a copy, or remove it and index "
        "again (vectors in the cache are not made anew)."
    )


def _again(call: Callable[[], _Done]) -> _Done:
    """What the call gives; tried again where writers met, which LanceDB leaves to its caller."""
    for attempt in range(_TRIES):
        try:
            return call()
        except (RuntimeError, OSError, ValueError) as refusal:
            met = any(word in str(refusal).lower() for word in ("concurrent", "conflict"))
            if not met or attempt + 1 == _TRIES:
                raise
        time.sleep(random.uniform(0.02, 0.1) * (attempt + 1))  # noqa: S311 - so they part
    raise AssertionError  # the last attempt returned or raised


def _merge(table: Any, key: str, batch: Any, gone: str = "") -> Any:
    merge = table.merge_insert(key).when_matched_update_all().when_not_matched_insert_all()
    if gone:
        merge = merge.when_not_matched_by_source_delete(gone)
    return merge.execute(batch)


def _scan(table: Any, where: str, names: list[str]) -> Any:
    asked = table.search().select(names)
    return read((asked.where(where) if where else asked).to_arrow)


def _both(first: str, second: str) -> str:
    return f"({first}) AND {second}" if first else second


def _bytes(text: str) -> bytes:
    return text.encode()
