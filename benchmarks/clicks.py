"""What clicks say of contenders, raw and corrected, against judgments by hand.

    python benchmarks/clicks.py [SET] [--lists 30 …]

A set judged by hand is read from TUNEWISE_DATA (default ../shared/data). The search of the day is
a poor one: BM25 without stemming, over the first ten words of each document, its scores disturbed
anew for each list of ten. People look at rank k with chance 1/k^0.7; if they do, they click what is
relevant with chance 0.6 and the rest with 0.06. Each query's list is shown `--lists` times.
Contenders are then scored by the judgments, by raw click-through, by attraction as estimated and
by its 20 samples, whose standard deviation is behind ±: of all judged queries, those that have
something relevant by each of these.
"""

import argparse
import csv
import os
import tempfile
from dataclasses import replace
from pathlib import Path

import numpy as np

from tunewise import retrieval
from tunewise.data.read import read_task
from tunewise.data.write import write_task
from tunewise.encoders import load_encoder
from tunewise.metrics import score
from tunewise.rankings import Rankings
from tunewise.retrieval.analysis import Analyzer
from tunewise.task import Judgments, Task, Texts

METRIC = "nDCG@10"
SHOWN, LIKED, SLIPPED = 10, 0.6, 0.06
DISTURBED = 0.3  # standard deviation of the day's noise, in standard deviations of a list's scores
EXAMINATION = 1 / np.arange(1, SHOWN + 1) ** 0.7


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("set", nargs="?", default="cranfield")
    parser.add_argument("--lists", type=int, nargs="*", default=(10, 30, 100, 300))
    options = parser.parse_args()
    task = read_task(Path(os.environ.get("TUNEWISE_DATA", "../shared/data")) / options.set)
    task = replace(task, queries=asked(task), parts={})
    contenders = ranked(task)
    names = [name for name in contenders if name != "day"]
    print("| lists | judged by | queries |", *(f" {name} |" for name in names), sep="", end="")
    print(*(f" {name} − {names[0]} |" for name in names[1:]), " wrong orders |", sep="")
    print("|---" * (4 + 2 * len(names) - 1) + "|")
    for lists in options.lists:
        for line in compared(task, contenders, names, lists):
            print("| " + " | ".join(line) + " |", flush=True)


def asked(task: Task) -> Texts:
    """The judged queries: nothing is learned here, so those of all parts are asked."""
    return task.queries.take(task.queries.position[key] for key in task.judgments)


def ranked(task: Task) -> dict[str, Rankings]:
    documents, queries = task.documents, task.queries
    beginnings = Texts(documents.ids, [" ".join(t.split()[:10]) for t in documents.texts])
    day = retrieval.build(beginnings, Analyzer("en", stem=False)).rank(queries, k=100)
    words = retrieval.build(documents, retrieval.default_analyzer("en")).rank(queries, k=200)
    encoder = load_encoder()
    vectors = retrieval.nearest(
        encoder.encode_queries(queries.texts),
        encoder.encode_documents(documents.texts),
        queries.ids,
        documents.ids,
        k=200,
    )
    both = retrieval.fuse(words, vectors, weight=0.5, method="zscore")
    return {"lexical": words, "pretrained": vectors, "hybrid": both, "day": day}


def compared(
    task: Task, contenders: dict[str, Rankings], names: list[str], lists: int
) -> list[list[str]]:
    with tempfile.TemporaryDirectory() as place:
        folder = Path(place)
        write_task(task, folder / "task")
        raw = logged(task, contenders["day"], lists, folder / "clicks.csv")
        found = read_task(folder / "task", clicks=folder / "clicks.csv")
    ways: dict[str, tuple[Judgments, float]] = {
        "hand": (task.judgments, task.relevant_from),
        "raw clicks": (raw, threshold(raw)),
        "corrected": (found.judgments, found.relevant_from),
        "corrected, 0 below relevant": (cut(found), found.relevant_from),
    }
    scores = {way: values(contenders, names, *given) for way, given in ways.items()}
    drawn = [values(contenders, names, again, found.relevant_from) for again in found.redrawn]
    common = set.intersection(*(set(each) for each in [*scores.values(), *drawn]))
    means = {way: mean(each, common) for way, each in scores.items()}
    lines = []
    for way, figures in means.items():
        gaps = figures[1:] - figures[0]
        spread = np.std([mean(d, common)[1:] - mean(d, common)[0] for d in drawn], axis=0, ddof=1)
        shown = [f"{gap:+.3f}" for gap in gaps]
        if way == "corrected":
            shown = [f"{gap} ± {error:.3f}" for gap, error in zip(shown, spread, strict=True)]
        wrong = np.sign(np.subtract.outer(figures, figures)) != np.sign(
            np.subtract.outer(means["hand"], means["hand"])
        )
        line = [f"{lists}", way, f"{len(common)}", *(f"{figure:.3f}" for figure in figures)]
        lines.append([*line, *shown, f"{int(wrong.sum()) // 2} of 3"])
    return lines


def logged(task: Task, day: Rankings, lists: int, path: Path) -> Judgments:
    """Writes a log of clicks; returns click-through as judgments."""
    rng = np.random.default_rng(0)
    counts: dict[str, dict[str, list[int]]] = {}
    with path.open("w", newline="", encoding="utf-8") as file:
        rows = csv.writer(file)
        rows.writerow(("query", "document", "rank", "clicked", "session"))
        for query, (documents, found) in zip(day.query_ids, day, strict=True):
            if not len(found):  # no word of it is in the beginning of any document
                continue
            liked = np.array(
                [
                    task.judgments[query].get(day.document_ids[place], 0) >= task.relevant_from
                    for place in documents
                ]
            )
            for time in range(lists):
                noise = DISTURBED * np.std(found) * rng.normal(size=len(found))
                for rank, place in enumerate(np.argsort(-(found + noise))[:SHOWN], start=1):
                    wanted = LIKED if liked[place] else SLIPPED
                    clicked = int(rng.random() < EXAMINATION[rank - 1] * wanted)
                    document = day.document_ids[documents[place]]
                    rows.writerow((query, document, rank, clicked, f"{query}/{time}"))
                    count = counts.setdefault(query, {}).setdefault(document, [0, 0])
                    count[0] += clicked
                    count[1] += 1
    return {q: {d: c / n for d, (c, n) in graded.items()} for q, graded in counts.items()}


def cut(task: Task) -> Judgments:
    return {
        query: {d: grade * (grade >= task.relevant_from) for d, grade in graded.items()}
        for query, graded in task.judgments.items()
    }


def threshold(raw: Judgments) -> float:
    best = [max(graded.values()) for graded in raw.values()]
    return float(np.median([each for each in best if each > 0])) / 2


def values(
    contenders: dict[str, Rankings], names: list[str], judgments: Judgments, relevant_from: float
) -> dict[str, np.ndarray]:
    scored = [
        score(contenders[name], judgments, [METRIC], relevant_from=relevant_from) for name in names
    ]
    columns = np.stack([each.values[METRIC] for each in scored], axis=1)
    return dict(zip(scored[0].query_ids, columns, strict=True))


def mean(by_query: dict[str, np.ndarray], queries: set[str]) -> np.ndarray:
    means: np.ndarray = np.stack([by_query[query] for query in sorted(queries)]).mean(axis=0)
    return means


if __name__ == "__main__":
    main()
