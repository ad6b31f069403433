"""None of these: how well each way of telling does, on real sets.

    python benchmarks/reject.py [SET …]

Sets are read from TUNEWISE_DATA (default ../shared/data). Everything is chosen on dev; what is
printed is of test.

- clinc150: real questions that none of its 150 intents covers, the label `oos`; 200 of them are in
  dev, 1,000 in test.
- clinc150-few: the same with 10 of them in dev. clinc150-none: with none, so that nothing can be
  chosen; the other ways are printed to compare.
- banking77: every eleventh of its 77 intents, by the alphabet, is out of scope: about a bank as the
  others are.

For each of some contenders and each way the table has AUROC on dev and test, and, at the threshold
for 5 % false alarms, the share of texts in scope answered none, the share that get their label (in
brackets without none), and the share of texts out of scope that are answered none. In bold is the
way that `measure` takes.
"""

import argparse
import csv
import os
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np

from tunewise.data.labelled import LabelledTexts
from tunewise.encoders import load_encoder
from tunewise.kinds import KINDS, Contender, Setting, Source
from tunewise.kinds.anomaly.alarms import threshold_of, wilson
from tunewise.kinds.anomaly.metrics import auroc
from tunewise.kinds.classification import reject

SETS = ("clinc150", "clinc150-few", "clinc150-none", "banking77")
KIND = KINDS["classification"]
FEW = {"clinc150-few": 10, "clinc150-none": 0}
WORDS = ("lexical", "neighbours", "linear", "hybrid", "adapter")
APART, ALARMS = 11, 0.05


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("sets", nargs="*", default=SETS)
    data = Path(os.environ.get("TUNEWISE_DATA", "../shared/data"))
    print("| set | contender | told by | AUROC, dev | AUROC | false alarms | in scope: right "
          "| out of scope: none |")  # fmt: skip
    print("|---|---|---|---|---|---|---|---|")
    encoder = load_encoder()
    for name in parser.parse_args().sets:
        examples = read(name, data)
        setting = Setting(
            examples.take("train"), examples.take("dev"), [encoder], "accuracy", level
        )
        fitted: list[Contender] = []
        for word in WORDS:
            fitted += KIND.table[word].fit(setting, fitted)
        for one in fitted:
            for row in rows(one, setting, examples.take("test")):
                print(f"| {name} | {one.name} | {row} |", flush=True)


def level(answers: np.ndarray, part: LabelledTexts) -> float:
    return KIND.score(answers, part, ["accuracy"]).mean("accuracy")


def read(name: str, data: Path) -> LabelledTexts:
    folder = data / name.partition("-")[0]
    none = "oos" if name.startswith("clinc150") else ",".join(held_out(folder / "train.csv"))
    found = KIND.read(Source(str(folder), options={"none": none, "alarms": str(ALARMS)}))
    outside = found.outside
    if name not in FEW:
        return found
    dev = np.flatnonzero(outside.parts == "dev")[: FEW[name]]
    kept = np.concatenate([dev, np.flatnonzero(outside.parts == "test")])
    texts = [outside.texts[row] for row in kept.tolist()]
    return replace(found, outside=replace(outside, texts=texts, parts=outside.parts[kept]))


def held_out(train: Path) -> list[str]:
    with train.open(encoding="utf-8") as file:
        return sorted({row["label"] for row in csv.DictReader(file)})[::APART]


def rows(one: Contender, setting: Setting, test: LabelledTexts) -> Iterator[str]:
    taken = reject.with_none(one, setting).settings["none"]["by"]
    right = one.answer(test.texts).argmax(axis=1) == test.labels
    for way, told in reject.ways(one, setting).items():
        usual = reject.oddness(told, setting.dev.texts)
        few = setting.dev.outside.texts
        dev = f"{apart(usual, reject.oddness(told, few)):.3f}" if few else ""
        inside, outside = (
            reject.oddness(told, texts) for texts in (test.texts, test.outside.texts)
        )
        at = threshold_of(np.sort(usual), ALARMS)
        yield " | ".join([
            f"**{way}**" if way == taken else way,
            dev,
            f"{apart(inside, outside):.3f}",
            share(inside > at),
            f"{share(right & (inside <= at))} ({100 * right.mean():.1f})",
            share(outside > at),
        ])  # fmt: skip


def apart(inside: np.ndarray, outside: np.ndarray) -> float:
    odd = np.repeat([False, True], [len(inside), len(outside)])
    return auroc(odd, np.concatenate([inside, outside]))(np.ones(len(odd)))


def share(there: np.ndarray) -> str:
    low, high = wilson(int(there.sum()), len(there))
    return f"{100 * there.mean():.1f} % [{100 * low:.1f}, {100 * high:.1f}]"


if __name__ == "__main__":
    main()
