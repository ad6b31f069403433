"""Similarity and duplicates: every contender on real sets, and the verdict.

    python benchmarks/similarity.py [SET …] [--contenders WORD …]

Reads `stsb` from TUNEWISE_DATA (default ../shared/data), and makes pairs marked 0 or 1 of
`banking77` and `clinc150`, sets of questions with an intent each: a pair is a duplicate if both ask
for the same. Each question is in one pair, with one of its own part. A third of the pairs have one
intent, a third two intents whose names share a word ("card_arrival", "card_not_working"), where
there are such, and the rest two intents drawn at random. Neither words nor vectors had a hand in
it. Everything is chosen on dev; the figures are of the test part.
"""

import argparse
import csv
import os
import re
import tempfile
from collections import defaultdict
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from tunewise.kinds import Source
from tunewise.kinds.similarity import KIND
from tunewise.measurement.of_kind import measure_kind
from tunewise.verdict.of_kind import KindVerdict

DATA = Path(os.environ.get("TUNEWISE_DATA", "../shared/data"))
SETS = ("stsb", "banking77", "clinc150")
UNTAUGHT = "oos"  # clinc150's label for what belongs to no intent: such texts are no duplicates


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("sets", nargs="*", default=SETS)
    parser.add_argument("--contenders", nargs="+", default=None)
    asked = parser.parse_args()
    print("| set | test pairs | contender |", " | ".join(KIND.metrics), "| seconds to fit |")
    print("|---|---|---|" + "---|" * (len(KIND.metrics) + 1))
    answers = []
    for name in asked.sets:
        with tempfile.TemporaryDirectory() as folder:
            path = DATA / name if name == "stsb" else paired(DATA / name, Path(folder))
            verdict = measure_kind(KIND.read(Source(str(path))), KIND, contenders=asked.contenders)
        for row in rows(name, verdict):
            print(row, flush=True)
        answers.append(f"- {name}: {verdict.sentence} ({verdict.seconds:.0f} s)")
    print("", *answers, sep="\n")


def rows(name: str, verdict: KindVerdict) -> list[str]:
    """One line a contender, the cheapest first."""
    found = []
    for one, standing in zip(verdict.contenders, verdict.standings, strict=True):
        scores = [f"{standing.scores.mean(metric):.3f}" for metric in KIND.metrics]
        cells = [name, f"{len(standing.scores):,}", one.name, *scores, f"{one.seconds:.1f}"]
        found.append(f"| {' | '.join(cells)} |")
    return found


def paired(source: Path, folder: Path) -> Path:
    """The pairs made of a set of labelled questions, in `folder`, a file for each of its parts."""
    for number, part in enumerate(sorted(source.glob("*.csv"))):
        with part.open(encoding="utf-8", newline="") as file:
            read = [(row["text"], row["label"]) for row in csv.DictReader(file)]
        texts = [(text, label) for text, label in read if label != UNTAUGHT]
        with (folder / part.name).open("w", encoding="utf-8", newline="") as file:
            writer = csv.writer(file)
            writer.writerow(("sentence1", "sentence2", "is_duplicate"))
            writer.writerows(pairs(texts, np.random.default_rng(number)))
    return folder


def pairs(texts: Sequence[tuple[str, str]], rng: np.random.Generator) -> list[tuple[str, str, int]]:
    """Pairs of these texts with 1 or 0, each text in one of them at the most."""
    waiting: defaultdict[str, list[str]] = defaultdict(list)
    for place in rng.permutation(len(texts)).tolist():
        waiting[texts[place][1]].append(texts[place][0])
    near = {name: [other for other in waiting if shares(name, other)] for name in waiting}
    found = []
    for turn in range(len(texts) // 2):
        left = [name for name, those in waiting.items() if those]
        weights = np.array([len(waiting[name]) for name in left], dtype=float)
        name = left[int(rng.choice(len(left), p=weights / weights.sum()))]
        one = waiting[name].pop()
        kin = [other for other in near[name] if waiting[other]]
        others = [other for other in left if other != name and waiting[other]]
        among = ([name] if waiting[name] else [], kin or others, others)[turn % 3]
        if among:
            other = among[int(rng.integers(len(among)))]
            found.append((one, waiting[other].pop(), int(other == name)))
    return found


def shares(one: str, other: str) -> bool:
    """Whether the names of two different intents share a word."""
    words = [set(re.findall("[a-z]{3,}", name.lower())) for name in (one, other)]
    return one != other and bool(words[0] & words[1])


if __name__ == "__main__":
    main()
