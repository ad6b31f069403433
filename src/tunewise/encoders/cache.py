"""Vectors on disk, by the content of the text and the stamp of the encoder.

One folder for each encoder and side holds three files that belong together:

- `vectors.f32`: float32 rows, only ever appended to;
- `keys`: one record a row: a 16-byte hash of the text (never the text), a check sum of the
  row, and the row's place in the group that was written with it;
- `meta.json`: format, encoder, dimension, and what the encoding took.

Rows are written before their records, so a record without its row cannot be; what a killed
run left half-written is cut off when the folder is next used. A group is kept whole or not
at all, so that a run goes on from where a batch ended.
"""

import json
import logging
import os
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
from filelock import FileLock
from numpy.typing import NDArray

from tunewise.errors import OutputError
from tunewise.files import write_text

FORMAT = 1
RECORD = np.dtype([("key", "S16"), ("check", "<u8"), ("place", "<u4"), ("of", "<u4")])
_BLOCK = 8192  # rows read at once
_PATIENCE = 120  # seconds; another run holds the lock for milliseconds

logger = logging.getLogger(__name__)


def cache_folder(chosen: Path | None = None) -> Path:
    """The folder of everything kept: `chosen`, else $TUNEWISE_CACHE, else the user's cache."""
    if chosen is not None:
        return Path(chosen)
    if named := os.environ.get("TUNEWISE_CACHE"):
        return Path(named).expanduser()
    if sys.platform == "darwin":
        return Path.home() / "Library" / "Caches" / "tunewise"
    if sys.platform == "win32":
        local = os.environ.get("LOCALAPPDATA")
        return (Path(local) if local else Path.home()) / "tunewise" / "cache"
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "tunewise"


@dataclass(frozen=True, slots=True)
class Spent:
    """What encoding took: texts encoded, seconds for them, tokens an endpoint charged."""

    texts: int = 0
    seconds: float = 0.0
    tokens: int = 0

    def plus(self, other: "Spent") -> "Spent":
        """Both together."""
        return Spent(
            self.texts + other.texts, self.seconds + other.seconds, self.tokens + other.tokens
        )

    @property
    def seconds_per_text(self) -> float | None:
        """Seconds one text takes; None when nothing was encoded yet."""
        return self.seconds / self.texts if self.texts else None

    @property
    def tokens_per_text(self) -> float | None:
        """Charged tokens of one text; None when nothing was encoded yet."""
        return self.tokens / self.texts if self.texts else None


class Unkept:
    """The store of an encoder without a cache: knows no vector, remembers what they took."""

    folder: Path | None = None
    dimension: int | None = None

    def __init__(self) -> None:
        self.spent = Spent()

    def find(self, keys: NDArray[np.bytes_]) -> NDArray[np.int64]:
        """−1 for every key: nothing is kept."""
        return np.full(len(keys), -1, dtype=np.int64)

    def read(
        self, rows: NDArray[np.int64], out: NDArray[np.float32], places: NDArray[np.int64]
    ) -> NDArray[np.bool_]:
        """Nothing, since no row is ever found."""
        del out, places
        return np.zeros(len(rows), dtype=np.bool_)

    def append(self, keys: NDArray[np.bytes_], vectors: NDArray[np.float32], spent: Spent) -> None:
        """Remembers what the vectors took, and not the vectors."""
        del keys, vectors
        self.spent = self.spent.plus(spent)


class VectorCache:
    """Vectors of one encoder and side in one folder. Several processes may use it at once."""

    def __init__(self, folder: Path, *, encoder: str) -> None:
        self.folder: Path | None = folder
        self.dimension: int | None = None
        self._home = folder
        self._encoder = encoder
        self._lock = FileLock(folder / "lock", timeout=_PATIENCE)
        self._spent = Spent()
        self._records: NDArray[np.void] = np.empty(0, dtype=RECORD)
        self._order: NDArray[np.int64] = np.empty(0, dtype=np.int64)
        self._sorted: NDArray[np.bytes_] = np.empty(0, dtype="S16")

    @property
    def spent(self) -> Spent:
        """What encoding everything in the folder took."""
        if self._home.is_dir():
            with self._held():
                self._open()
        return self._spent

    def find(self, keys: NDArray[np.bytes_]) -> NDArray[np.int64]:
        """The row of each key, −1 where there is none. Of several rows the newest counts."""
        with self._held():
            self._open()
            self._index()
        if not len(self._sorted):
            return np.full(len(keys), -1, dtype=np.int64)
        at = np.searchsorted(self._sorted, keys, side="right") - 1
        hit = (at >= 0) & (self._sorted[at] == keys)
        return np.where(hit, self._order[at], -1)

    def read(
        self, rows: NDArray[np.int64], out: NDArray[np.float32], places: NDArray[np.int64]
    ) -> NDArray[np.bool_]:
        """Puts the vectors of `rows` into `out[places]`; False where a vector is damaged.

        A vector is damaged if it does not have the check sum it was written with, or is not
        finite.
        """
        good = np.zeros(len(rows), dtype=np.bool_)
        if not len(rows):
            return good
        # only what was there when rows were found: another process may be adding to the file
        there = (int(rows.max()) + 1, out.shape[1])
        kept = np.memmap(self._vectors, dtype="<f4", mode="r", shape=there)
        order = np.argsort(rows, kind="stable")  # a disk is read forwards
        for start in range(0, len(order), _BLOCK):
            block = order[start : start + _BLOCK]
            vectors = np.ascontiguousarray(kept[rows[block]])
            out[places[block]] = vectors
            good[block] = check_sums(vectors) == self._records["check"][rows[block]]
            good[block] &= np.isfinite(vectors).all(axis=1)
        return good

    def append(self, keys: NDArray[np.bytes_], vectors: NDArray[np.float32], spent: Spent) -> None:
        """Keeps the vectors (m, d) of `keys` (m,), all of them or, if killed, none.

        Raises OutputError when the folder cannot be written or the disk is full.
        """
        rows = np.ascontiguousarray(vectors, dtype="<f4")
        records = np.empty(len(keys), dtype=RECORD)
        records["key"], records["check"] = keys, check_sums(rows)
        records["place"], records["of"] = np.arange(len(keys)), len(keys)
        with self._held():
            self._open()
            if self.dimension is None:
                self.dimension = rows.shape[1]
                self._write_meta(Spent())
            for path, data in ((self._vectors, rows), (self._keys, records)):
                with path.open("ab", buffering=0) as file:
                    _write_all(file.fileno(), data.tobytes())
            self._write_meta(self._spent.plus(spent))

    @property
    def _vectors(self) -> Path:
        return self._home / "vectors.f32"

    @property
    def _keys(self) -> Path:
        return self._home / "keys"

    @contextmanager
    def _held(self) -> Iterator[None]:
        """The lock of the folder, and one message for whatever the disk refuses."""
        try:
            self._home.mkdir(parents=True, exist_ok=True)
            with self._lock:
                yield
        except (OSError, OutputError) as refusal:
            cause = refusal.__cause__ or refusal
            reason = getattr(cause, "strerror", None) or cause
            raise OutputError(
                f"Vectors cannot be kept in '{self._home}': {reason}. "
                "Free some space there or set TUNEWISE_CACHE to another folder, and start again: "
                "what was kept before is still good."
            ) from refusal

    def _open(self) -> None:
        """Reads what the folder is, and cuts off what a killed run left half-written."""
        meta = self._meta()
        if meta is None:
            self._clear()
            return
        self.dimension, self._spent = meta
        width = 4 * self.dimension
        rows = min(_size(self._vectors) // width, _size(self._keys) // RECORD.itemsize)
        if rows:
            last = np.fromfile(self._keys, RECORD, 1, offset=(rows - 1) * RECORD.itemsize)[0]
            if last["place"] + 1 != last["of"]:
                rows -= min(rows, int(last["place"]) + 1)
        _cut(self._vectors, rows * width)
        _cut(self._keys, rows * RECORD.itemsize)

    def _index(self) -> None:
        if _size(self._keys) == self._records.nbytes:
            return
        self._records = np.fromfile(self._keys, dtype=RECORD)
        keys = self._records["key"]
        self._order = np.argsort(keys, kind="stable")
        self._sorted = keys[self._order]

    def _meta(self) -> tuple[int, Spent] | None:
        """Dimension and what was spent; None if there is no such file or it says nonsense."""
        path = self._home / "meta.json"
        if not path.exists():
            return None
        try:
            meta = json.loads(path.read_text(encoding="utf-8"))
            if meta["format"] == FORMAT and int(meta["dimension"]) > 0:
                texts, seconds, tokens = (meta["spent"][n] for n in ("texts", "seconds", "tokens"))
                return int(meta["dimension"]), Spent(int(texts), float(seconds), int(tokens))
        except (ValueError, KeyError, TypeError) as error:
            logger.warning("the vectors in %s are damaged (%r) and are encoded anew", path, error)
        return None

    def _clear(self) -> None:
        for path in (self._keys, self._vectors):
            path.unlink(missing_ok=True)
        self.dimension, self._spent = None, Spent()

    def _write_meta(self, spent: Spent) -> None:
        meta = {
            "format": FORMAT,
            "encoder": self._encoder,
            "dimension": self.dimension,
            "spent": asdict(spent),
        }
        write_text(self._home / "meta.json", json.dumps(meta, indent=1) + "\n")
        self._spent = spent


Store = VectorCache | Unkept
"""Where an encoder keeps the vectors of one side."""


def stores(root: Path | None, stamp: str, encoder: str) -> tuple[Store, Store]:
    """The stores of the query side and of the document side; they keep nothing if no root."""
    if root is None:
        return Unkept(), Unkept()
    home = root / "vectors"
    return (
        VectorCache(home / f"{stamp}-queries", encoder=encoder),
        VectorCache(home / f"{stamp}-documents", encoder=encoder),
    )


def check_sums(vectors: NDArray[np.float32]) -> NDArray[np.uint64]:
    """A number for each row (n,) that changes with any bit of it: Σ bits·odd weight, mod 2⁶⁴."""
    bits = vectors.view(np.uint32).astype(np.uint64)
    weights = np.arange(1, 2 * vectors.shape[1], 2, dtype=np.uint64)
    weights *= np.uint64(0x9E3779B97F4A7C15)
    # The constant keeps an empty disk page (all zeros) from looking like a vector of zeros.
    sums: NDArray[np.uint64] = bits @ weights + np.uint64(0xD1B54A32D192ED03)
    return sums


def _size(path: Path) -> int:
    return path.stat().st_size if path.exists() else 0


def _cut(path: Path, size: int) -> None:
    if _size(path) > size:
        os.truncate(path, size)


def _write_all(file: int, data: bytes) -> None:
    rest = memoryview(data)
    while len(rest):
        rest = rest[os.write(file, rest) :]


def read_facts(root: Path | None, stamp: str) -> Sequence[int | None] | None:
    """Dimension and token limit of the encoder with this stamp, if they were kept."""
    path = root / "models" / f"{stamp}.json" if root else None
    if path is None or not path.is_file():
        return None
    try:
        facts = json.loads(path.read_text(encoding="utf-8"))
        limit = facts["max_tokens"]
        return int(facts["dimension"]), None if limit is None else int(limit)
    except (ValueError, KeyError, TypeError):
        return None


def write_facts(root: Path | None, stamp: str, dimension: int, max_tokens: int | None) -> None:
    """Keeps dimension and token limit, so that a later run need not load the model for them."""
    if root is not None:
        facts = {"format": FORMAT, "dimension": dimension, "max_tokens": max_tokens}
        write_text(root / "models" / f"{stamp}.json", json.dumps(facts) + "\n")
