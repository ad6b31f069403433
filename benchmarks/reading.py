"""How long it takes to read documents, queries and judgments from files of each format.

Run: python benchmarks/reading.py [DOCUMENTS]

The texts are those of `memory.py`. As a BEIR folder there are 300 judged queries beside the
documents; as pairs every document has a query of its own. Each is read three times in one
process; the table has the quickest, and beside it how long Python takes for the bytes alone.
"""

import csv
import json
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path

from memory import made_task
from tunewise import read_task
from tunewise.data.write import write_task
from tunewise.task import Task

DOCUMENTS = 100_000
ROUNDS = 3


def main() -> None:
    task = made_task(int(sys.argv[1]) if len(sys.argv) > 1 else DOCUMENTS)
    print(f"{len(task.documents):,} documents, the quickest of {ROUNDS}\n")
    print("| format | MB | seconds | bytes alone, s |\n|---|---|---|---|")
    with tempfile.TemporaryDirectory() as name:
        for form, write in FORMATS.items():
            place = Path(name, form)
            write(task, place)
            files = [path for path in (place, *place.rglob("*")) if path.is_file()]
            size = sum(path.stat().st_size for path in files)
            whole = quickest(lambda: read_task(place))  # noqa: B023 - called at once
            alone = quickest(lambda: [path.read_bytes() for path in files])  # noqa: B023
            print(f"| {form} | {size / 1e6:.0f} | {whole:.2f} | {alone:.3f} |", flush=True)


def quickest(work: Callable[[], object]) -> float:
    """Seconds of the quickest of a few runs."""
    taken = []
    for _ in range(ROUNDS):
        began = time.perf_counter()
        work()
        taken.append(time.perf_counter() - began)
    return min(taken)


def pairs(task: Task) -> Iterator[tuple[str, str]]:
    for place, text in enumerate(task.documents.texts):
        yield f"what says {place} of {text[:30]}", text


def write_csv(task: Task, path: Path) -> None:
    with path.open("w", encoding="utf-8", newline="") as file:
        rows = csv.writer(file)
        rows.writerow(("query", "document"))
        rows.writerows(pairs(task))


def write_jsonl(task: Task, path: Path) -> None:
    with path.open("w", encoding="utf-8") as file:
        for query, document in pairs(task):
            file.write(json.dumps({"query": query, "document": document}) + "\n")


def write_parquet(task: Task, path: Path) -> None:
    from pyarrow import parquet, table

    queries, documents = zip(*pairs(task), strict=True)
    parquet.write_table(table({"query": list(queries), "document": list(documents)}), path)


FORMATS: dict[str, Callable[[Task, Path], None]] = {
    "BEIR folder": write_task,
    "pairs.csv": write_csv,
    "pairs.jsonl": write_jsonl,
    "pairs.parquet": write_parquet,
}

if __name__ == "__main__":
    main()
