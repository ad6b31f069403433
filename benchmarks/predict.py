"""Many texts labelled in one pass, and many labels: seconds and memory of the commands.

    python benchmarks/predict.py rows [10000,100000,1000000]
    python benchmarks/predict.py labels [1000,10000]
    python benchmarks/predict.py documents [10000]

`rows`: a linear head is measured on banking77, and then `tunewise predict` labels a file of so many
texts. Their vectors are made up and put into the cache beforehand, as if they had been encoded
before: what is timed is all but the encoding (benchmarks/encoding.md has that).

`labels`: so many labels with five texts each, one of a hundred labels with one. A label's texts
share a word of their own, and made-up vectors that lie about a middle of its own. `tunewise
measure` measures all that tune no encoder, and `tunewise predict` labels ten thousand texts.

`documents`: which of so many documents of medquad is a sentence from? The first three to five
sentences of each that stand in no other document, one alone of every hundredth. All is encoded by
the command itself, and what tunes is left out: an adapter of so many labels takes minutes.

Each command runs in a process of its own; told are its seconds by the clock and of the processor,
and the most memory that it held.
"""

import argparse
import csv
import json
import os
import re
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np

from tunewise.encoders import DEFAULT_ENCODER, cache_folder, load_encoder
from tunewise.encoders.cache import Spent, stores
from tunewise.encoders.texts import keys_of
from tunewise.kinds.classification.heads import readable

DATA = Path(os.environ.get("TUNEWISE_DATA", "../shared/data"))
SMALL = "majority,names,lexical,neighbours,linear,hybrid,adapter"
TEXTS, BLOCK, WIDTH = 5, 50_000, 384
FEWEST = 5  # words of a sentence that are not enough
NOISE = 0.8  # as far from its label's middle as a text's vector is, the middle being 1 long


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("what", choices=("rows", "labels", "documents"))
    parser.add_argument("sizes", nargs="?")
    parsed = parser.parse_args()
    usual, run = {
        "rows": ("10000,100000,1000000", rows),
        "labels": ("1000,10000", labels),
        "documents": ("10000", documents),
    }[parsed.what]
    print("| what | seconds | of the processor | most memory |\n|---|---|---|---|")
    with tempfile.TemporaryDirectory() as folder:
        os.environ["TUNEWISE_CACHE"] = str(Path(folder, "cache"))
        for told in run(list(map(int, (parsed.sizes or usual).split(","))), Path(folder)):
            print(told, flush=True)


def rows(sizes: Sequence[int], folder: Path) -> Iterator[str]:
    out, source = str(folder / "out"), str(DATA / "banking77")
    asked = ["measure", source, "--kind", "classification", "--engine", "torch"]
    command([*asked, "--try", "majority,linear", "--out", out], folder)
    rng, known = np.random.default_rng(0), 0
    for size in sorted(sizes):
        texts = [f"message {number} on what came of it" for number in range(size)]
        for begin in range(known, size, BLOCK):
            some = texts[begin : begin + BLOCK]
            keep(some, rng.normal(size=(len(some), WIDTH)))
        known = size
        path = folder / "messages.txt"
        path.write_text("\n".join(texts), encoding="utf-8")
        del texts
        yield line(f"predict {size:,} texts", command(["predict", out, str(path)], folder))


def labels(sizes: Sequence[int], folder: Path) -> Iterator[str]:
    for size in sizes:
        texts, which = made(size)
        middles = np.random.default_rng(0).normal(size=(size, WIDTH)) / WIDTH**0.5
        keep(readable([name(label) for label in range(size)]), middles)
        for begin in range(0, len(texts), BLOCK):
            some = which[begin : begin + BLOCK]
            noise = np.random.default_rng(begin).normal(size=(len(some), WIDTH)) / WIDTH**0.5
            keep(texts[begin : begin + BLOCK], middles[some] + NOISE * noise)
        path, out = folder / f"labels{size}.csv", str(folder / f"out{size}")
        told = [f"{text},{name(label)}" for text, label in zip(texts, which, strict=True)]
        path.write_text("\n".join(["text,label", *told]), encoding="utf-8")
        asked = ["measure", str(path), "--engine", "torch", "--try", SMALL, "--out", out]
        yield line(f"measure {len(texts):,} texts of {size:,} labels", command(asked, folder))
        again = folder / "again.txt"
        again.write_text("\n".join(texts[:10_000]), encoding="utf-8")
        asked = ["predict", out, str(again)]
        count = min(10_000, len(texts))
        yield line(f"predict {count:,} texts of {size:,} labels", command(asked, folder))


def documents(sizes: Sequence[int], folder: Path) -> Iterator[str]:
    for size in sizes:
        table = sentences(size)
        path, again = folder / f"documents{size}.csv", folder / "again.txt"
        with path.open("w", encoding="utf-8", newline="") as file:
            csv.writer(file).writerows([("text", "label"), *table])
        out, tried = str(folder / f"out{size}"), SMALL.removesuffix(",adapter")
        asked = ["measure", str(path), "--kind", "classification", "--try", tried, "--out", out]
        yield line(
            f"measure {len(table):,} sentences of {size:,} documents", command(asked, folder)
        )
        again.write_text("\n".join(" ".join(text.split()) for text, _ in table[:10_000]))
        asked = ["predict", out, str(again)]
        yield line(f"predict 10,000 sentences of {size:,} documents", command(asked, folder))


def sentences(size: int) -> list[tuple[str, str]]:
    """Sentences that stand in one document of medquad, with that document's name."""
    with (DATA / "medquad" / "corpus.jsonl").open(encoding="utf-8") as file:
        rows = [json.loads(row) for row in file]
    said = {row["_id"]: [one for one in re.split(r"(?<=[.!?])\s+", row["text"])
                         if len(one.split()) > FEWEST] for row in rows}  # fmt: skip
    times = Counter(one.casefold() for own in said.values() for one in own)
    kept = {key: [one for one in own if times[one.casefold()] == 1][:TEXTS]
            for key, own in said.items()}  # fmt: skip
    enough = [(key, own) for key, own in kept.items() if len(own) >= TEXTS - 2][:size]
    return [
        (one, key)
        for place, (key, own) in enumerate(enough)
        for one in (own[:1] if place % 100 == 99 else own)
    ]


def name(label: int) -> str:
    return f"subject_{label}"


def made(size: int) -> tuple[list[str], list[int]]:
    """Texts, no two of them nearly the same, and their labels; of every hundredth only one."""
    rng = np.random.default_rng(1)
    texts, which = [], []
    for label in range(size):
        for _ in range(1 if label % 100 == 99 else TEXTS):
            words = " ".join(f"word{number}" for number in rng.integers(0, 20_000, 7))
            texts.append(f"about{label} {words}")
            which.append(label)
    return texts, which


def keep(texts: Sequence[str], vectors: np.ndarray) -> None:
    """Puts vectors of texts into the cache of the default encoder."""
    encoder = load_encoder(DEFAULT_ENCODER, engine="torch")
    unit = vectors / np.linalg.norm(vectors, axis=1, keepdims=True)
    _, documents = stores(cache_folder(), encoder.stamp, encoder.name)
    documents.append(keys_of(texts), unit.astype(np.float32), Spent(len(texts), 1e-3 * len(texts)))


def command(arguments: Sequence[str], folder: Path) -> tuple[float, float, int]:
    """Seconds by the clock and of the processor, and the most memory (bytes), of a command."""
    began, most, ended = time.perf_counter(), 0, 0
    with (folder / "told").open("w") as told:
        run = subprocess.Popen([sys.executable, "-m", "tunewise", *arguments], stdout=told,
                               stderr=subprocess.STDOUT)  # fmt: skip
        while not ended:
            # not what wait4 says of memory: that begins with what this process holds
            most = max(most, held(run.pid))
            time.sleep(0.05)
            ended, status, used = os.wait4(run.pid, os.WNOHANG)
    seconds = time.perf_counter() - began
    run.returncode = os.waitstatus_to_exitcode(status)
    if run.returncode:
        raise SystemExit((folder / "told").read_text()[-2000:])
    return seconds, used.ru_utime + used.ru_stime, most


def held(process: int) -> int:
    """The most memory (bytes) that a process has held so far."""
    told = Path(f"/proc/{process}/status").read_text(encoding="ascii", errors="replace")
    return 1024 * int(told.partition("VmHWM:")[2].split()[0]) if "VmHWM:" in told else 0


def line(what: str, taken: tuple[float, float, int]) -> str:
    seconds, processor, memory = taken
    return f"| {what} | {seconds:.0f} | {processor:.0f} | {memory / 1e6:,.0f} MB |"


if __name__ == "__main__":
    main()
