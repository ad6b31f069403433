"""How long it takes to cut texts of 1, 10 and 100 MB into chunks, beside what others take.

    python benchmarks/chunking.py [MB …] [--rounds N]

Cut are the documents of medquad and cranfield (TUNEWISE_DATA, default ../shared/data), joined to
one document and repeated. All count tokens with the tokenizer of the default encoder, at most 256
a chunk and 32 of overlap, one after the other in each round. The others are taken if they are
installed: an environment of their own with `pip install semchunk langchain-text-splitters`.
"""

import argparse
import os
import statistics
import time
from collections.abc import Callable, Mapping, Sequence
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from tunewise import load_encoder
from tunewise.data.documents import read_documents
from tunewise.documents import Document, cut, words
from tunewise.documents.borders import SENTENCE, borders

SIZE, OVERLAP = 256, 32
SETS = ("medquad", "cranfield")
Way = Callable[[str], Sequence[str]]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("sizes", nargs="*", type=int, default=[1, 10, 100])
    parser.add_argument("--rounds", type=int, default=3)
    options = parser.parse_args()
    text = corpus()
    places = load_encoder().places
    ways = contestants(places)
    print(
        "| MB | how | seconds | MB/s | times ours | chunks | most tokens | mean | end a sentence |"
    )
    print("|---|---|---|---|---|---|---|---|---|")
    for size in options.sizes:
        cut_text = (text * (size * 1_000_000 // len(text) + 1))[: size * 1_000_000]
        seconds: dict[str, list[float]] = {name: [] for name in ways}
        made: dict[str, Sequence[str]] = {}
        for _ in range(options.rounds if size < 100 else 1):
            for name, way in ways.items():
                begun = time.perf_counter()
                made[name] = way(cut_text)
                seconds[name].append(time.perf_counter() - begun)
        for name in ways:
            print(row(size, name, seconds, made[name], places), flush=True)


def contestants(places: Callable[[str], Any]) -> Mapping[str, Way]:
    """Ours by the encoder's tokens and by words, and those of others that are installed."""

    def count(text: str) -> int:
        return len(places(text))

    def ours(tokens: Callable[[str], Any]) -> Way:
        def way(text: str) -> list[str]:
            chunks = cut(Document("d", text), tokens, size=SIZE, overlap=OVERLAP)
            return [chunk.text for chunk in chunks]

        return way

    ways: dict[str, Way] = {"tunewise": ours(places), "tunewise, by words": ours(words)}
    if find_spec("semchunk"):
        import semchunk

        chunker = semchunk.chunkerify(count, chunk_size=SIZE, memoize=False)
        ways["semchunk"] = lambda text: chunker(text, overlap=OVERLAP)
    if find_spec("langchain_text_splitters"):
        from langchain_text_splitters import RecursiveCharacterTextSplitter

        splitter = RecursiveCharacterTextSplitter(
            chunk_size=SIZE, chunk_overlap=OVERLAP, length_function=count
        )
        ways["langchain-text-splitters"] = splitter.split_text
    return ways


def row(
    size: int,
    name: str,
    seconds: Mapping[str, Sequence[float]],
    chunks: Sequence[str],
    places: Callable[[str], Any],
) -> str:
    middle = statistics.median(seconds[name])
    times = statistics.median(
        theirs / ours for theirs, ours in zip(seconds[name], seconds["tunewise"], strict=True)
    )
    looked_at = chunks[:: max(1, len(chunks) // 2000)]
    counts = [len(places(chunk)) for chunk in looked_at]
    ended = statistics.mean(ends_a_sentence(chunk) for chunk in looked_at)
    cells = (
        size, name, f"{middle:.1f}", f"{size / middle:.2f}", f"{times:.2f}", len(chunks),
        max(counts), f"{statistics.mean(counts):.0f}", f"{ended:.0%}",
    )  # fmt: skip
    return "| " + " | ".join(map(str, cells)) + " |"


def ends_a_sentence(chunk: str) -> bool:
    """Whether a sentence, or more, ends where the chunk does."""
    joined = f"{chunk} Next"
    return next(r for place, r in borders(joined, 0, len(joined)) if place > len(chunk)) >= SENTENCE


def corpus() -> str:
    data = Path(os.environ.get("TUNEWISE_DATA", "../shared/data"))
    return "\n\n".join(text for name in SETS for text in read_documents(data / name).texts.texts)


if __name__ == "__main__":
    main()
