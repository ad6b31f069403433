"""Runs the study's cells, one after the other, and keeps each as soon as it is done.

    python benchmarks/replication/run.py [WHAT] [--draws N] [--tasks NAME,…] [--part 1/2]

A draw of every task comes before the next draw of any, so that whatever was reached when it is
stopped is a study of fewer draws. Finished cells lie in `results/TASK.jsonl` and are not run again.
Several processes can each take a part of the tasks. WHAT is one of

- `sizes`: contenders that take seconds, at each size of training;
- `curves`: the same at parts of all training queries, several times, as a forecast needs them;
- `few`: tasks of 20, 40 and 80 queries, measured in folds;
- `deep`: also the rungs that train the encoder, which take minutes.
"""

import argparse
import json
import os
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from cells import CHEAP, FEW, FRACTIONS, SIZES, Draw, cell, draw, folded, training
from numpy.typing import NDArray
from tasks import TASKS, load

from tunewise.encoders import Encoder, load_encoder

RESULTS = Path(__file__).parent / "results"
TIMES = 2  # draws of the training queries at each point of a curve
DEEP = (*CHEAP, "partial", "full")
DEEP_SIZES = ("200", "1000")
DRAWS = {"sizes": 5, "curves": 1, "few": 1, "deep": 1}
"""How many draws of every task make the study whole."""


@dataclass(frozen=True)
class Key:
    """Which cell: task, draw, size, and which drawing of the training queries."""

    task: str
    draw: int
    size: str
    time: int = 0
    deep: bool = False


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("what", nargs="?", choices=KINDS, default="sizes")
    parser.add_argument("--draws", type=int, help="so many instead of those that make it whole")
    parser.add_argument("--tasks", default=",".join(TASKS))
    parser.add_argument("--part", default="1/1", metavar="I/N")
    parsed = parser.parse_args()
    part, parts = (int(number) for number in parsed.part.split("/"))
    names = parsed.tasks.split(",")[part - 1 :: parts]
    for number in range(parsed.draws or DRAWS[parsed.what]):
        for name in names:
            keys = KINDS[parsed.what](name, number)
            run(name, number, [key for key in keys if key not in done(name)])


def sizes(name: str, number: int) -> list[Key]:
    """Contenders that take seconds, at each size of training."""
    return [Key(name, number, size) for size in SIZES]


def curves(name: str, number: int) -> list[Key]:
    """The same at parts of all training queries, each drawn several times."""
    return [Key(name, number, size, again) for size in FRACTIONS for again in range(TIMES)]


def few(name: str, number: int) -> list[Key]:
    """Tasks of few queries, measured in folds."""
    return [Key(name, number, size, again) for size in FEW for again in range(TIMES)]


def deep(name: str, number: int) -> list[Key]:
    """With the rungs that take minutes."""
    return [Key(name, number, size, deep=True) for size in DEEP_SIZES]


KINDS: Mapping[str, Callable[[str, int], list[Key]]] = {
    "sizes": sizes,
    "curves": curves,
    "few": few,
    "deep": deep,
}


def run(name: str, number: int, keys: list[Key]) -> None:
    """What is missing of one draw of one task."""
    if not keys:
        return
    task = load(name)
    encoder = load_encoder("all-MiniLM-L6-v2", texts=task.documents.texts)
    drawn, vectors = draw(task, number), dict[str, NDArray[np.float32]]()
    for key in keys:
        keep(key, one(key, drawn, encoder, vectors))


def one(
    key: Key, drawn: Draw, encoder: Encoder, vectors: dict[str, NDArray[np.float32]]
) -> dict[str, Any]:
    """One cell; empty where the task is too small for it."""
    if key.size in FEW:
        few = int(key.size.removeprefix("few "))
        return folded(drawn, few, encoder, vectors, [key.draw, key.time]) or {}
    learned = training(drawn, key.size, [key.draw, key.time])
    if learned is None:
        return {}
    return cell(drawn, learned, encoder, DEEP if key.deep else CHEAP, vectors, key.draw)


def keep(key: Key, found: dict[str, Any]) -> None:
    """Adds a cell to the results, as one line."""
    RESULTS.mkdir(exist_ok=True)
    with (RESULTS / f"{key.task}.jsonl").open("a", encoding="utf-8") as file:
        file.write(json.dumps({**vars(key), **found}) + "\n")
        file.flush()
        os.fsync(file.fileno())
    print(time.strftime("%H:%M:%S"), *vars(key).values(), found.get("seconds", "-"), flush=True)


def done(name: str) -> set[Key]:
    """The cells of a task that are there; what a kill left of a last line is taken away."""
    path = RESULTS / f"{name}.jsonl"
    if not path.exists():
        return set()
    text = path.read_text(encoding="utf-8")
    whole = text[: text.rfind("\n") + 1]
    if whole != text:
        path.write_text(whole, encoding="utf-8")
    found = [json.loads(line) for line in whole.splitlines()]
    return {Key(*(one[field] for field in Key.__dataclass_fields__)) for one in found}


if __name__ == "__main__":
    main()
