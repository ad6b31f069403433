"""How far a provisional verdict agrees with the real one, where people's queries are known.

    python benchmarks/provisional.py [--sets cranfield,tldr-en] [--ways auto,sentences]

Each set in TUNEWISE_DATA (default ../shared/data) is cut to at most 2,000 documents and 800 judged
queries, by seed 0, so that two cores need some minutes a set. It is measured twice, by words, the
plain encoder, both and adapters: once with the queries people asked, once with queries made of the
same documents. Prints a table: the answers, the gain of tuning, the untuned contenders in order.
"""

import argparse
import json
import os
import tempfile
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np

from tunewise import DataError, Task, Verdict, make_task, measure, read_task
from tunewise.encoders import load_encoder

DATA = Path(os.environ.get("TUNEWISE_DATA", "../shared/data"))
SETS = ("cranfield", "tldr-en", "covidqa", "medquad", "squad-it", "nl2bash")
TRIED = ("lexical", "pretrained", "hybrid", "adapter")
DOCUMENTS = 2000
QUERIES = {"train": 400, "dev": 150, "test": 250}
COLUMNS = ("set", "made of", "made", "kept", "answer", "provisional answer", "agree", "gain",
           "provisional gain", "untuned, best first", "provisional order")  # fmt: skip


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--sets", default=",".join(SETS))
    parser.add_argument("--ways", default="auto")
    parsed = parser.parse_args()
    print(f"| {' | '.join(COLUMNS)} |\n|{'---|' * len(COLUMNS)}")
    for name in parsed.sets.split(","):
        with tempfile.TemporaryDirectory() as folder:
            cut(DATA / name, Path(folder))
            for line in rows(name, folder, parsed.ways.split(",")):
                print(line, flush=True)


def rows(name: str, folder: str, ways: list[str]) -> Iterator[str]:
    """One line of the table for each way of making queries."""
    real = judged(read_task(folder))
    for way in ways:
        try:
            task = make_task(folder, way=way, encoder=load_encoder(engine="torch"))
        except DataError as none:
            yield f"| {name} | {way} | none: {str(none).partition('), ')[0]}) |"
            continue
        made, made_of = judged(task), task.made
        agree = "yes" if made.answer == real.answer else "no"
        counts = f"{made_of['made']:,} | {made_of['kept']:,}"
        answers = f"{real.answer} | {made.answer} | {agree} | {gain(real)} | {gain(made)}"
        orders = f"{order(real)} | {order(made)}"
        yield f"| {name} | {made_of['way']} | {counts} | {answers} | {orders} |"


def judged(task: Task) -> Verdict:
    return measure(task, contenders=TRIED, engine="torch")


def gain(verdict: Verdict) -> str:
    found = verdict.decision.gain
    return f"{found.difference:+.3f} [{found.low:+.3f}, {found.high:+.3f}]" if found else "–"


def order(verdict: Verdict) -> str:
    """The untuned contenders with their means on test, best first."""
    means = {s.name: s.scores.mean("nDCG@10") for s in verdict.standings if not s.tuned}
    return ", ".join(f"{name} {means[name]:.3f}" for name in sorted(means, key=lambda n: -means[n]))


def cut(source: Path, folder: Path) -> None:
    """A part of the set: queries drawn from each part, their documents, and others to fill up."""
    random = np.random.default_rng(0)
    task = read_task(source)
    kept: list[str] = []
    for part, most in QUERIES.items():
        judged = sorted(query for query, where in task.parts.items() if where == part)
        kept += [str(each) for each in random.permutation(judged)[:most]]
    needed = {document for query in kept for document in task.judgments[query]}
    others = [key for key in task.documents.ids if key not in needed]
    room = max(0, DOCUMENTS - len(needed))
    needed |= {str(key) for key in random.permutation(others)[:room]}
    copy(source / "corpus.jsonl", folder / "corpus.jsonl", needed)
    copy(source / "queries.jsonl", folder / "queries.jsonl", set(kept))
    for part in QUERIES:
        write_judgments(
            folder / "qrels" / f"{part}.tsv",
            {query: task.judgments[query] for query in kept if task.parts[query] == part},
        )


def copy(source: Path, target: Path, keys: set[str]) -> None:
    with source.open(encoding="utf-8") as file:
        records: Iterator[tuple[str, Any]] = ((line, json.loads(line)) for line in file)
        target.write_text("".join(line for line, r in records if r["_id"] in keys), "utf-8")


def write_judgments(path: Path, judgments: Mapping[str, Mapping[str, float]]) -> None:
    lines = [
        f"{query}\t{document}\t{grade:g}"
        for query, grades in judgments.items()
        for document, grade in grades.items()
    ]
    path.parent.mkdir(exist_ok=True)
    path.write_text("\n".join(["query-id\tcorpus-id\tscore", *lines]) + "\n", "utf-8")


if __name__ == "__main__":
    main()
