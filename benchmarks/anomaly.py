"""How well odd texts are told from normal ones on real sets, and what of it tuning brings.

    python benchmarks/anomaly.py [SET …]

The sets are read from TUNEWISE_DATA (default ../shared/data). Everything is chosen on dev; what is
printed is of test.

- clinc150: the label `oos` is odd. Its 100 texts of train and 100 of dev are there to choose by.
- clinc150-few: the same with 10 odd texts to choose by, and clinc150-none with none of them.
- banking77: every eleventh of its 77 intents, by the alphabet, is odd; what is asked there is as
  much about a bank as the rest. Dev is cut from train; the odd intents' texts of train are in dev.
- banking77-bare: the same without labels of the normal texts, so that no adapter can learn.
- clinc150-small: every tenth intent, and `oos`, with all contenders. Elsewhere `tuned`, which
  trains an encoder, is left out: hours on a small machine.
"""

import argparse
import csv
import os
import tempfile
from collections.abc import Iterator, Mapping
from pathlib import Path

import numpy as np

from tunewise.kinds import KINDS, Source
from tunewise.kinds.anomaly.alarms import wilson
from tunewise.measurement.of_kind import measure_kind
from tunewise.verdict.of_kind import KindVerdict

SETS = (
    "clinc150",
    "clinc150-few",
    "clinc150-none",
    "banking77",
    "banking77-bare",
    "clinc150-small",
)
KIND = KINDS["anomaly"]
FEW = {"clinc150-few": 10, "clinc150-none": 0}
APART, TENTH = 11, 10  # every so many-th intent is odd, or kept

Rows = list[tuple[str, str]]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("sets", nargs="*", default=SETS)
    options = parser.parse_args()
    data = Path(os.environ.get("TUNEWISE_DATA", "../shared/data"))
    print("| set | contender | dev | AUROC | average precision | FPR at 95 % recall | "
          "false alarms at 5 % | odd caught | seconds |")  # fmt: skip
    print("|---|---|---|---|---|---|---|---|---|")
    for name in options.sets:
        with tempfile.TemporaryDirectory() as folder:
            found = measured(name, data, Path(folder))
        for row in rows(found):
            print(f"| {name} | {row} |", flush=True)
        print(f"| {name} | *{found.answer}* | | {gain(found)} | | | | | {found.seconds:.0f} |",
              flush=True)  # fmt: skip


def measured(name: str, data: Path, folder: Path) -> KindVerdict:
    parts = {path.stem: read(path) for path in (data / name.partition("-")[0]).glob("*.csv")}
    odd = {"oos"} if name.startswith("clinc150") else held_out(parts["train"])
    bare, small = name.endswith("-bare"), name.endswith("-small")
    if small:
        kept_labels = odd | set(sorted({label for _, label in parts["train"]} - odd)[::TENTH])
        parts = {part: [t for t in rows_ if t[1] in kept_labels] for part, rows_ in parts.items()}
    for part, kept in few(parts, odd, FEW.get(name)).items():
        with (folder / f"{part}.csv").open("w", encoding="utf-8", newline="") as file:
            lines = csv.writer(file)
            lines.writerow(["text", "odd" if bare else "label"])
            lines.writerows((t, int(label in odd) if bare else label) for t, label in kept)
    told = {} if bare else {"odd": ",".join(sorted(odd))}
    words = [word for word in KIND.table if small or word not in KIND.deep]
    return measure_kind(KIND.read(Source(str(folder), options=told)), KIND, contenders=words)


def read(path: Path) -> Rows:
    with path.open(encoding="utf-8") as file:
        return [(row["text"], row["label"]) for row in csv.DictReader(file)]


def held_out(train: Rows) -> set[str]:
    return set(sorted({label for _, label in train})[::APART])


def few(parts: Mapping[str, Rows], odd: set[str], most: int | None) -> Mapping[str, Rows]:
    """The parts, with at most so many odd texts outside test; None: all."""
    if most is None:
        return parts
    left = {"train": 0, "val": most, "test": 10**9}
    kept: dict[str, Rows] = {}
    for part, texts in parts.items():
        places = [n for n, (_, label) in enumerate(texts) if label in odd][: left[part]]
        wanted = set(places)
        kept[part] = [t for n, t in enumerate(texts) if t[1] not in odd or n in wanted]
    return kept


def rows(found: KindVerdict) -> Iterator[str]:
    part = found.shown.judged
    for one, standing in zip(found.contenders, found.standings, strict=True):
        answers = found.shown.answers[one.name]
        above = answers > one.settings["threshold"]
        low, high = wilson(int(above[~part.odd].sum()), int((~part.odd).sum()))
        means = [f"{standing.scores.mean(metric):.3f}" for metric in KIND.metrics]
        yield " | ".join([
            f"**{one.name}**" if one is found.contender else one.name,
            f"{standing.dev:.3f}",
            *means,
            f"{100 * above[~part.odd].mean():.1f} % [{100 * low:.1f}, {100 * high:.1f}]",
            f"{100 * np.mean(above[part.odd]):.0f} %",
            f"{one.seconds:.1f}",
        ])  # fmt: skip


def gain(found: KindVerdict) -> str:
    own = found.decision.gain
    if own is None:
        return ""
    return f"{own.difference:+.3f} [{own.low:+.3f}, {own.high:+.3f}]"


if __name__ == "__main__":
    main()
