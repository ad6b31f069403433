"""Searching over HTTP: what a caller waits for, in collections of many chunks.

    python benchmarks/searching.py [--rows 100000] [--requests 100] [--home DIR]

A real `tunewise serve all-MiniLM-L6-v2` over a home with one collection, and callers in another
process, each with a connection of its own, all on this machine's cores. Each request is of another
text, so that none is remembered, and asks for 10 chunks. Chunks are 200 letters of medquad; their
vectors (384 numbers) are made up, clustered around those of real questions, which are then asked.
Filters pass rows drawn at random. Beside it, from the same files: the same search in this process
with the query's vector at hand, and the encoding of a query. Printed are milliseconds, requests a
second, and milliseconds of the server's processor a request. `--home` keeps and reuses a home.
"""

import argparse
import asyncio
import os
import shutil
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from itertools import count
from multiprocessing import get_context
from pathlib import Path
from typing import Any

import httpx
import numpy as np
from numpy.typing import NDArray

import tunewise
from serving import memory, processor, started
from tunewise.collection import Collection, open_store
from tunewise.data.documents import read_documents
from tunewise.documents import Chunk
from tunewise.encoders import Encoder, load_encoder
from tunewise.jobs.home import Home

DATA = Path(os.environ.get("TUNEWISE_DATA", "../shared/data"))
MODEL, ENGINE, NAME = "all-MiniLM-L6-v2", "torch:fp32", "bench"
CENTRES, BATCH, K, LETTERS = 1_000, 10_000, 10, 200
PATIENCE = 900  # seconds that an index by words may take
_fresh = count()


class Around:
    """An encoder's name and stamp, and vectors around those it made, by row number."""

    max_tokens = None

    def __init__(self, encoder: Encoder, centres: NDArray[np.float32]) -> None:
        self.name, self.stamp, self.dimension = encoder.name, encoder.stamp, encoder.dimension
        self.centres = centres

    def encode_documents(self, texts: Sequence[str], **_: object) -> NDArray[np.float32]:
        """Vectors near those of questions, drawn by the first text's number."""
        rng = np.random.default_rng(int(texts[0].split(".")[0]))
        away = rng.standard_normal((len(texts), self.dimension)) * 0.5 / self.dimension**0.5
        found = self.centres[rng.integers(len(self.centres), size=len(texts))] + away
        return (found / np.linalg.norm(found, axis=1, keepdims=True)).astype(np.float32)

    encode_queries = encode_documents

    def count_tokens(self, texts: Sequence[str]) -> NDArray[np.int64]:
        """One each."""
        return np.ones(len(texts), dtype=np.int64)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rows", type=int, default=100_000)
    parser.add_argument("--requests", type=int, default=100)
    parser.add_argument("--home", type=Path)
    options = parser.parse_args()
    texts = tunewise.read_task(DATA / "medquad").queries.texts
    questions = list(dict.fromkeys(texts))[:CENTRES]
    encoder = load_encoder(MODEL, engine=ENGINE)
    with home_of(options.home) as home, closing(open_store(str(home.collections))) as store:
        if Collection.there(store, NAME) is None:
            centres = encoder.encode_queries(questions)
            fill(Collection.create(store, NAME, Around(encoder, centres)), options.rows)
        collection = Collection.open(store, NAME, encoder)
        print(f"{collection.info()}\nload {os.getloadavg()[0]:.0f}", flush=True)
        folder = str(home.folder)
        with (
            get_context("spawn").Pool(1) as callers,
            started(lambda port: command(port, folder)) as (url, server),
        ):
            address = url.replace("/v1/embeddings", "/v2/ai/embeddings/similarity-search")
            compare(collection, encoder, questions, callers, address, server, options.requests)


def command(port: int, home: str) -> list[str]:
    served = ["-m", "tunewise", "serve", MODEL, "--engine", ENGINE, "--port", str(port)]
    return [*served, "--home", home]


@contextmanager
def home_of(kept: Path | None) -> Iterator[Home]:
    folder = kept or Path(tempfile.mkdtemp(prefix="tunewise-searching-"))
    try:
        yield Home(folder)
    finally:
        if kept is None:
            shutil.rmtree(folder)


def fill(collection: Collection, rows: int) -> None:
    texts = [text[:LETTERS] for text in read_documents(DATA / "medquad").texts.texts]
    share = np.random.default_rng(0).permutation(rows) / rows
    began = time.perf_counter()
    for begin in range(0, rows, BATCH):
        numbers = range(begin, min(begin + BATCH, rows))
        kept = [(n, f"{n}. {texts[n % len(texts)]}") for n in numbers]
        collection.upsert(
            [
                Chunk(f"{n}", f"{n}", text, 0, len(text), 0, 1, "", {"share": float(share[n])})
                for n, text in kept
            ]
        )
    added, began = time.perf_counter() - began, time.perf_counter()
    collection.build()
    took = time.perf_counter() - began
    print(f"{rows:,} rows: added in {added:.0f} s, built and measured in {took:.0f} s", flush=True)


def compare(
    collection: Collection,
    encoder: Encoder,
    questions: Sequence[str],
    callers: Any,
    address: str,
    server: int,
    requests: int,
) -> None:
    print("| search | callers | p50 ms | p99 ms | requests/s | server's processor ms | in process: "
          "p50 ms | p99 ms | load |\n|---|---|---|---|---|---|---|---|---|")  # fmt: skip
    shares = {f"{share:.0%} pass": {"share": {"lt": share}} for share in (0.01, 0.1, 0.5)}
    ways: dict[str, dict[str, Any]] = {"all": {}}
    ways |= {name: {"filter": where} for name, where in shares.items()}
    ways |= {"hybrid": {"by": "hybrid"}, "hybrid, 10% pass": {"by": "hybrid", **ways["10% pass"]}}
    for name, asked in ways.items():
        if name == "hybrid":
            print(f"{memory(server)} MB before any search by words")
            waited = callers.apply(drive, (address, fresh(questions, 1), 1, asked, PATIENCE))
            print(f"the first by words: {waited[0] / 1_000:.1f} s", flush=True)
        own = np.percentile(
            inside(collection, encoder, fresh(questions, requests), asked), (50, 99)
        )
        for at_once in (1, 8):
            busy, began = processor(server), time.perf_counter()
            some = fresh(questions, requests)
            waits = callers.apply(drive, (address, some, at_once, asked))
            took = time.perf_counter() - began
            busy = 1_000 * (processor(server) - busy) / requests
            told = [*np.percentile(waits, (50, 99)), requests / took, busy, *own]
            cells = " | ".join(f"{each:.1f}" for each in told)
            print(f"| {name} | {at_once} | {cells} | {os.getloadavg()[0]:.0f} |", flush=True)
    print(f"{memory(server)} MB of the server's memory")
    waits = []
    for text in fresh(questions, requests):
        began = time.perf_counter()
        encoder.encode_queries([text])
        waits.append(1_000 * (time.perf_counter() - began))
    print(f"encoding a query: {np.median(waits):.1f} ms")


def inside(
    collection: Collection, encoder: Encoder, texts: Sequence[str], asked: Mapping[str, Any]
) -> list[float]:
    """Milliseconds of each search in this process, without the encoding."""
    waits = []
    vectors = encoder.encode_queries(texts)
    options = {"where": asked.get("filter"), "by": asked.get("by")}
    collection.search(texts[0], k=K, vector=vectors[0], **options)
    for text, vector in zip(texts, vectors, strict=True):
        began = time.perf_counter()
        assert len(collection.search(text, k=K, vector=vector, **options)) == K
        waits.append(1_000 * (time.perf_counter() - began))
    return waits


def drive(
    address: str, texts: Sequence[str], callers: int, asked: Mapping[str, Any], patience: float = 0
) -> list[float]:
    """Milliseconds of each request, so many callers asking one after another."""
    return asyncio.run(_drive(address, texts, callers, asked, patience))


async def _drive(
    address: str, texts: Sequence[str], callers: int, asked: Mapping[str, Any], patience: float
) -> list[float]:
    waits: list[float] = []
    left = iter(texts)

    async def caller() -> None:
        async with httpx.AsyncClient(timeout=300) as client:
            for text in left:
                body = {"bucket_name": NAME, "query": text, "num_of_docs": K, **asked}
                began = time.perf_counter()
                answer = await client.post(address, json=body)
                while answer.status_code == 503 and time.perf_counter() - began < patience:
                    await asyncio.sleep(1)
                    answer = await client.post(address, json=body)
                waits.append(1_000 * (time.perf_counter() - began))
                found = answer.json().get("data", ())
                assert len(found) == K, (answer.status_code, answer.text[:500])

    await asyncio.gather(*(caller() for _ in range(callers)))
    return waits


def fresh(questions: Sequence[str], number: int) -> list[str]:
    """So many questions, none of which was asked before: a number goes before each."""
    rng = np.random.default_rng(next(_fresh))
    return [
        f"{next(_fresh)} {questions[place]}" for place in rng.integers(len(questions), size=number)
    ]


if __name__ == "__main__":
    main()
