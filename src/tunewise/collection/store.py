"""Store: where collections lie, whatever keeps them; and the table that holds one's rows.

A store holds tables of rows with vectors, and a few facts by name (what made a table's vectors,
which table is the current one). Conditions reach it as SQL that DataFusion and PostgreSQL both
read; `filters.py` alone writes them. All its failures are `StoreError`s.
"""

from collections.abc import Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal, Protocol

import numpy as np
from numpy.typing import NDArray

Kind = Literal["text", "number", "flag"]
Precision = Literal["float32", "float16"]
Value = str | int | float | bool


@dataclass(frozen=True, slots=True)
class Row:
    """A chunk as it lies in a table.

    `digest` is the checksum of the document it was cut from, `place` its number in the document,
    `told` what is only handed out again, as JSON. `fields` holds the metadata by the columns
    they can be filtered by. `vector` is None where it was not asked for.
    """

    id: str
    document: str
    digest: str
    place: int
    text: str
    told: str
    fields: Mapping[str, Value] = field(default_factory=dict)
    vector: NDArray[np.float32] | None = None


class Table(Protocol):
    """Rows with unit vectors, of one dimension and precision."""

    exact: bool
    """Whether the rows that pass a filter are compared one by one, since the index would miss some
    of them."""

    index_from: int
    """Rows from which an index pays."""

    efforts: Sequence[int]
    """How thoroughly its index can be asked, least first; empty where vectors are too long."""

    @property
    def version(self) -> int:
        """A number that changes with every write, whoever writes."""

    @property
    def nbytes(self) -> int:
        """Bytes that rows and indexes take, as far as the store tells; 0 where it does not."""

    @property
    def beside(self) -> Path | None:
        """A folder for what is made of this very version, among those of others; None: nowhere."""

    def put(self, rows: Sequence[Row], *, replacing: Sequence[str] = ()) -> None:
        """Writes the rows, in place of those with their ids and of all of these documents.

        All of it or nothing; when it returns, a kill of any process loses none of it.
        """

    def delete(self, where: str) -> int:
        """Removes the rows for which the condition holds, and says how many there were."""

    def rows(
        self, where: str = "", *, after: str = "", limit: int | None = None, vectors: bool = False
    ) -> list[Row]:
        """Rows for which the condition holds, by id (byte order), those after an id."""

    def ids(self, where: str = "") -> list[str]:
        """Their ids alone, by id."""

    def texts(self, where: str = "") -> tuple[list[str], list[str]]:
        """Ids and texts of the rows for which the condition holds, by id."""

    def digests(self) -> Mapping[str, str]:
        """Each document's checksum."""

    def count(self, where: str = "") -> int:
        """How many rows there are for which the condition holds."""

    def nearest(
        self, vector: NDArray[np.float32], k: int, *, where: str = "", effort: int = 0
    ) -> list[tuple[str, float]]:
        """The k rows with the largest dot product, and these; effort 0 compares every row."""

    def add_column(self, name: str, kind: Kind) -> None:
        """A column to filter by, empty so far; nothing where it is there already."""

    def compact(self) -> bool:
        """Takes what was replaced or deleted off the disk, as far as the store leaves that to us.

        Who reads meanwhile goes on. True where an index had to go with it: `build` makes it anew.
        """

    def build(self) -> None:
        """Indexes all rows there are; those that come later are found without."""


class Store(Protocol):
    """A place with tables and facts."""

    url: str
    precision: Precision
    """What vectors are kept in, unless something else is asked for."""

    def facts(self) -> Mapping[str, str]:
        """What was kept, by name."""

    def keep(self, name: str, told: str | None) -> None:
        """Keeps a fact in place of the one of that name, at once; None removes it."""

    def hold(self, name: str) -> AbstractContextManager[None]:
        """One holder of the name at a time, of all processes; one that is killed lets go."""

    def table(self, name: str, *, dimension: int, precision: Precision, new: bool = False) -> Table:
        """The table of that name; `new` makes an empty one in the place of what is there."""

    def tables(self) -> list[str]:
        """The names of the tables there are, as far as `hold` keeps others from making one."""

    def drop(self, name: str) -> None:
        """Removes a table, if there is one of that name."""

    def close(self) -> None:
        """Lets go of what it has open; it opens again when it is used again."""
