"""PostgreSQL with pgvector: collections beside a team's other tables.

A collection's table is named `tunewise_NAME_…`, facts lie in `tunewise_facts`. Vectors have an HNSW
index once it is built. Rows that pass a filter are compared one by one, however many: followed
until enough rows were found (`hnsw.iterative_scan`), the index gave 0.83 of what is there where a
filter takes the nearest away (benchmarks/stores.md).
"""
# ruff: noqa: S608 - tables are named by us, conditions are written by filters.py

import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import numpy as np
from numpy.typing import NDArray

from tunewise.collection.store import Kind, Precision, Row, Table
from tunewise.errors import StoreError
from tunewise.extras import need

_PREFIX = "tunewise_"
_PLAIN = ("id", "document", "digest", "place", "text", "told")
_INDEXABLE = {"float32": 2_000, "float16": 4_000}  # numbers of a vector, says pgvector
_COLUMNS = (
    'id text COLLATE "C" PRIMARY KEY, document text COLLATE "C" NOT NULL, digest text NOT NULL, '
    "place integer NOT NULL, text text NOT NULL, told text NOT NULL"
)
_FIELDS: Mapping[Kind, str] = {
    "text": 'text COLLATE "C"',
    "number": "double precision",
    "flag": "boolean",
}
# Followed as far as it takes where more rows are asked for than the largest ef gives.
_SESSION = (
    "SET hnsw.iterative_scan = relaxed_order; SET hnsw.max_scan_tuples = 2147483647; "
    "SET hnsw.scan_mem_multiplier = 8; "
    "SET client_min_messages = warning; SET lock_timeout = '300s'"
)


class PostgresStore:
    """A PostgreSQL database in which the extension pgvector is there or may be made."""

    precision: Precision = "float16"  # halfvec: as found, in half the bytes, at twice the speed

    def __init__(self, url: str) -> None:
        need("psycopg", extra="postgres")
        self.url = _without_password(url)
        self._address = url
        self._own = threading.local()
        self._opened: list[Any] = []
        with self.hold("store"):  # PostgreSQL's IF NOT EXISTS is not safe for two at once
            self.run("CREATE EXTENSION IF NOT EXISTS vector")
            self.run("CREATE TABLE IF NOT EXISTS tunewise_facts (name text PRIMARY KEY, told text)")

    @property
    def connection(self) -> Any:
        """The connection of this thread, opened again if it was lost."""
        import psycopg

        kept = getattr(self._own, "connection", None)
        if kept is None or kept.closed:
            kept = psycopg.connect(self._address, autocommit=True)
            kept.execute(_SESSION)
            self._own.connection = kept
            self._opened.append(kept)
        return kept

    def run(self, words: str, values: Sequence[object] | None = None) -> Any:
        """What the statement gives; StoreError where the database refuses."""
        with _told(self.url):
            return self.connection.execute(words, values)

    def facts(self) -> Mapping[str, str]:
        """What was kept, by name."""
        return dict(self.run("SELECT name, told FROM tunewise_facts").fetchall())

    def keep(self, name: str, told: str | None) -> None:
        """Keeps a fact in place of the one of that name, at once; None removes it."""
        if told is None:
            self.run("DELETE FROM tunewise_facts WHERE name = %s", [name])
        else:
            self.run(
                "INSERT INTO tunewise_facts VALUES (%s, %s) "
                "ON CONFLICT (name) DO UPDATE SET told = excluded.told",
                [name, told],
            )

    @contextmanager
    def hold(self, name: str) -> Iterator[None]:
        """One holder of the name at a time, of all that use this database."""
        self.run("SELECT pg_advisory_lock(hashtextextended(%s, 0))", [f"tunewise {name}"])
        try:
            yield
        finally:
            self.run("SELECT pg_advisory_unlock(hashtextextended(%s, 0))", [f"tunewise {name}"])

    def table(self, name: str, *, dimension: int, precision: Precision, new: bool = False) -> Table:
        """The table of that name; `new` makes an empty one in the place of what is there."""
        called = _named(name)
        if new:
            form = _form(precision)
            with _told(self.url), self.connection.transaction():
                self.drop(name)
                self.run(f"CREATE TABLE {called} ({_COLUMNS}, vector {form}({dimension}))")
                # inline where it fits: reading it from elsewhere would take longer than comparing
                if dimension * (2 if precision == "float16" else 4) < 6_000:
                    self.run(f"ALTER TABLE {called} ALTER vector SET STORAGE PLAIN")
                self.run(f"CREATE INDEX ON {called} (document)")
                self.keep(f"version {name}", "0")
        return PostgresTable(self, name, precision, indexed=dimension <= _INDEXABLE[precision])

    def tables(self) -> list[str]:
        """The names of the tables there are, as far as `hold` keeps others from making one."""
        words = "SELECT tablename FROM pg_tables WHERE schemaname = current_schema()"
        names = [name for (name,) in self.run(words)]
        return [each.removeprefix(_PREFIX) for each in names if each.startswith(_PREFIX)]

    def drop(self, name: str) -> None:
        """Removes a table, if there is one of that name."""
        self.run(f"DROP TABLE IF EXISTS {_named(name)}")
        self.keep(f"version {name}", None)

    def close(self) -> None:
        """Closes the connections of all threads."""
        opened, self._opened = self._opened, []
        for connection in opened:
            connection.close()


class PostgresTable:
    """Rows in a table of PostgreSQL."""

    exact, index_from = True, 5_000

    def __init__(
        self, store: PostgresStore, name: str, precision: Precision, *, indexed: bool
    ) -> None:
        self._store, self._name, self._precision = store, name, precision
        self._table, self._form = _named(name), _form(precision)
        self.efforts: Sequence[int] = (40, 80, 160, 320, 640, 1_000) if indexed else ()

    @property
    def version(self) -> int:
        """A count that each write adds to."""
        words = "SELECT told FROM tunewise_facts WHERE name = %s"
        found = self._store.run(words, [f"version {self._name}"]).fetchone()
        return int(found[0]) if found else -1

    @property
    def beside(self) -> Path | None:
        """The server may be another machine."""
        return None

    @property
    def nbytes(self) -> int:
        """Bytes of rows and indexes."""
        asked = self._store.run("SELECT pg_total_relation_size(%s::regclass)", [self._table])
        return int(asked.fetchone()[0])

    def put(self, rows: Sequence[Row], *, replacing: Sequence[str] = ()) -> None:
        """Writes the rows in one transaction."""
        if not rows and not replacing:
            return
        with self._writing() as cursor:
            if replacing:
                cursor.execute(
                    f"DELETE FROM {self._table} WHERE document = ANY(%s)", [list(replacing)]
                )
            if rows:
                self._copy(cursor, rows)

    def delete(self, where: str) -> int:
        """Removes the rows for which the condition holds, and says how many there were."""
        with self._writing() as cursor:
            cursor.execute(f"DELETE FROM {self._table} WHERE {where}")
            return int(cursor.rowcount)

    def rows(
        self, where: str = "", *, after: str = "", limit: int | None = None, vectors: bool = False
    ) -> list[Row]:
        """Rows for which the condition holds, by id."""
        fields = self._fields()
        names = [*_PLAIN, *fields, *(["vector::text"] if vectors else [])]
        words = f"SELECT {', '.join(names)} FROM {self._table} WHERE id > %s"
        words += f" AND {_escaped(where)}" if where else ""
        words += " ORDER BY id" + ("" if limit is None else f" LIMIT {int(limit)}")
        return [_row(each, fields, vectors) for each in self._store.run(words, [after])]

    def ids(self, where: str = "") -> list[str]:
        """Ids of the rows for which the condition holds, by id."""
        words = f"SELECT id FROM {self._table}{_where(where)} ORDER BY id"
        return [each for (each,) in self._store.run(words)]

    def texts(self, where: str = "") -> tuple[list[str], list[str]]:
        """Ids and texts of the rows for which the condition holds, by id."""
        words = f"SELECT id, text FROM {self._table}{_where(where)} ORDER BY id"
        found = self._store.run(words).fetchall()
        return [id_ for id_, _ in found], [text for _, text in found]

    def digests(self) -> Mapping[str, str]:
        """Each document's checksum."""
        words = f"SELECT DISTINCT document, digest FROM {self._table}"
        return dict(self._store.run(words).fetchall())

    def count(self, where: str = "") -> int:
        """How many rows there are for which the condition holds."""
        words = f"SELECT count(*) FROM {self._table}{_where(where)}"
        return int(self._store.run(words).fetchone()[0])

    def nearest(
        self, vector: NDArray[np.float32], k: int, *, where: str = "", effort: int = 0
    ) -> list[tuple[str, float]]:
        """The k rows with the largest dot product, and these; effort 0 compares every row."""
        distance = f"vector <#> '[{','.join(map(str, vector.tolist()))}]'::{self._form}"
        # a sum is nothing that an index has in order
        order = distance if effort else f"({distance}) + 0"
        words = (
            f"SELECT id, {distance} FROM {self._table}{_where(where)} ORDER BY {order} "
            f"LIMIT {int(k)}"
        )
        if effort:
            asked = min(max(effort, k), self.efforts[-1])
            self._store.run(f"SET hnsw.ef_search = {asked}")
        found = [(id_, -float(distance)) for id_, distance in self._store.run(words)]
        return sorted(found, key=lambda hit: -hit[1])

    def add_column(self, name: str, kind: Kind) -> None:
        """A column to filter by, empty so far; nothing where it is there already."""
        self._store.run(
            f"ALTER TABLE {self._table} ADD COLUMN IF NOT EXISTS {name} {_FIELDS[kind]}"
        )

    def compact(self) -> bool:
        """Nothing: PostgreSQL does so itself (autovacuum)."""
        return False

    def build(self) -> None:
        """Indexes all rows there are, by a graph (HNSW) that later rows are added to."""
        if not self.efforts:
            return
        operators = f"{self._form}_ip_ops"
        index = f'{self._table[:-1]}_hnsw"'
        with _told(self._store.url), self._store.connection.transaction():
            self._store.run("SET LOCAL maintenance_work_mem = '512MB'")
            self._store.run(f"DROP INDEX IF EXISTS {index}")
            self._store.run(
                f"CREATE INDEX {index} ON {self._table} USING hnsw (vector {operators})"
            )
        self._store.run(f"ANALYZE {self._table}")

    @contextmanager
    def _writing(self) -> Iterator[Any]:
        """A cursor in a transaction, which counts as one write."""
        with _told(self._store.url):
            connection = self._store.connection
            with connection.transaction(), connection.cursor() as cursor:
                yield cursor
                cursor.execute(
                    "UPDATE tunewise_facts SET told = (told::bigint + 1)::text WHERE name = %s",
                    [f"version {self._name}"],
                )

    def _copy(self, cursor: Any, rows: Sequence[Row]) -> None:
        fields = self._fields()
        names = ", ".join([*_PLAIN, *fields, "vector"])
        cursor.execute(
            f"CREATE TEMP TABLE coming ON COMMIT DROP AS SELECT {names} FROM {self._table} LIMIT 0"
        )
        with cursor.copy(f"COPY coming ({names}) FROM STDIN (FORMAT BINARY)") as copy:
            copy.set_types([*self._types(fields), "bytea"])
            for row in rows:
                plain = [getattr(row, name) for name in _PLAIN]
                kept = [row.fields.get(name) for name in fields]
                copy.write_row([*plain, *kept, self._bytes(row.vector)])
        new = ", ".join(f"{n} = excluded.{n}" for n in [*_PLAIN[1:], *fields, "vector"])
        cursor.execute(
            f"INSERT INTO {self._table} ({names}) SELECT {names} FROM coming "
            f"ON CONFLICT (id) DO UPDATE SET {new}"
        )

    def _fields(self) -> Mapping[str, str]:
        """The columns to filter by, with their types."""
        words = (
            "SELECT attname, format_type(atttypid, NULL) FROM pg_attribute "
            "WHERE attrelid = %s::regclass AND attnum > 0 AND NOT attisdropped ORDER BY attnum"
        )
        found = dict(self._store.run(words, [self._table]).fetchall())
        return {name: kind for name, kind in found.items() if name not in (*_PLAIN, "vector")}

    def _types(self, fields: Mapping[str, str]) -> list[str]:
        short = {"double precision": "float8", "boolean": "bool"}
        plain = ["int4" if name == "place" else "text" for name in _PLAIN]
        return [*plain, *(short.get(kind, kind) for kind in fields.values())]

    def _bytes(self, vector: NDArray[np.float32] | None) -> bytes:
        """A vector as pgvector reads it in binary: its dimension, a zero, big-endian numbers."""
        assert vector is not None  # noqa: S101 - rows to be written have theirs
        numbers = vector.astype(">f2" if self._precision == "float16" else ">f4")
        return len(vector).to_bytes(2, "big") + b"\0\0" + numbers.tobytes()


@contextmanager
def _told(place: str) -> Iterator[None]:
    """Turns what the database refuses into a StoreError that names the place."""
    import psycopg

    try:
        yield
    except psycopg.Error as refusal:
        reason = str(refusal).strip().split("\n")[0]
        raise StoreError(
            f"The store '{place}' refused: {reason}. Check that the server runs, has pgvector and "
            "disk space, and that this user may create tables there; then try again."
        ) from refusal


def _without_password(url: str) -> str:
    parts = urlsplit(url)
    if parts.password is None:
        return url
    return parts._replace(netloc=parts.netloc.replace(f":{parts.password}@", ":…@")).geturl()


def _named(name: str) -> str:
    return f'"{_PREFIX}{name}"'


def _form(precision: Precision) -> str:
    return "halfvec" if precision == "float16" else "vector"


def _where(condition: str) -> str:
    return f" WHERE {condition}" if condition else ""


def _escaped(condition: str) -> str:
    return condition.replace("%", "%%")


def _row(values: Sequence[Any], fields: Mapping[str, str], vectors: bool) -> Row:
    plain = dict(zip(_PLAIN, values, strict=False))
    kept = zip(fields, values[len(_PLAIN) :], strict=False)
    vector = np.array(values[-1][1:-1].split(","), dtype=np.float32) if vectors else None
    return Row(
        **plain, fields={name: value for name, value in kept if value is not None}, vector=vector
    )
