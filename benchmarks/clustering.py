"""Which way of grouping texts does best on real sets, and whether learning from labels pays.

    python benchmarks/clustering.py [SET …] [--seed N]

The sets are read from TUNEWISE_DATA (default ../shared/data). SET is a name, with `:class` for
whole labels kept for test and `:none` for labels passed over; `clinc150-domains` are clinc150's
domains as labels. Everything is chosen on dev; figures are of test, V-measure / ARI (silhouette
where there are no labels). `tuned` takes minutes a set and is left out.
"""

import argparse
import csv
import json
import os
import tempfile
import time
from pathlib import Path

from tunewise.kinds import KINDS, Source
from tunewise.measurement.of_kind import measure_kind
from tunewise.verdict.of_kind import KindVerdict

SETS = (
    *("banking77", "banking77:class", "banking77:none"),
    *("clinc150", "clinc150:class", "clinc150-domains", "germeval2018"),
)
CONTENDERS = ("lexical", "kmeans", "hierarchical", "density", "hybrid", "adapter")
KIND = KINDS["clustering"]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("sets", nargs="*", default=SETS)
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()
    print(f"| set | texts | labels → groups | {' | '.join(CONTENDERS)} | verdict | seconds |")
    print(f"|---|---|---|{'---|' * len(CONTENDERS)}---|---|")
    for word in options.sets:
        with tempfile.TemporaryDirectory() as folder:
            print(f"| {word} | {' | '.join(row(word, Path(folder), options.seed))} |", flush=True)


def row(word: str, folder: Path, seed: int) -> list[str]:
    name, _, how = word.partition(":")
    data = Path(os.environ.get("TUNEWISE_DATA", "../shared/data"))
    place = by_domain(data, folder) if name == "clinc150-domains" else data / name
    source = Source(
        str(place),
        columns={"label": ""} if how == "none" else {},
        options={"split": "class"} if how == "class" else {},
        seed=seed,
    )
    began = time.perf_counter()
    examples = KIND.read(source)
    verdict = measure_kind(examples, KIND, contenders=CONTENDERS, seed=seed)
    number = next(one.settings["number"] for one in verdict.contenders)
    labels = len(examples.names) if len(examples.names) > 1 else "–"
    figures = [level(verdict, contender) for contender in CONTENDERS]
    told = verdict.answer
    if verdict.decision.gain is not None:
        gain = verdict.decision.gain
        told += f", {gain.difference:+.3f} [{gain.low:+.3f}, {gain.high:+.3f}]"
        told += f" over {verdict.decision.best_untuned}"
    seconds = f"{time.perf_counter() - began:.0f}"
    return [f"{len(examples):,}", f"{labels} → {number}", *figures, told, seconds]


def level(verdict: KindVerdict, contender: str) -> str:
    scores = next((s.scores for s in verdict.standings if s.name == contender), None)
    if scores is None:
        return "–"
    names = [name for name in ("V-measure", "ARI") if name in scores.names] or ["silhouette"]
    return " / ".join(f"{scores.mean(name):.3f}" for name in names)


def by_domain(data: Path, folder: Path) -> Path:
    """clinc150 with its domains as labels; what is out of scope has none and is left out."""
    domains = json.loads((data / "clinc150" / "domains.json").read_text(encoding="utf-8"))
    domain = {label: name for name, labels in domains.items() for label in labels}
    for part in ("train", "val", "test"):
        with (data / "clinc150" / f"{part}.csv").open(encoding="utf-8", newline="") as file:
            rows = [(r["text"], domain[r["label"]])
                    for r in csv.DictReader(file) if r["label"] in domain]  # fmt: skip
        with (folder / f"{part}.csv").open("w", encoding="utf-8", newline="") as file:
            csv.writer(file).writerows([("text", "label"), *rows])
    return folder


if __name__ == "__main__":
    main()
