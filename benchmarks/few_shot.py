"""Few texts a label: the contrastive rung beside SetFit on the same draws.

    python benchmarks/few_shot.py --peer PYTHON [--sets banking77,clinc150] [--shots 8,16,64]
                                  [--draws 5] [--labels N]

Of each label so many training texts are drawn; both learn from the same draw and are scored on the
same test texts, taking turns. SetFit runs in an environment of its own (few_shot_peer.py says how
to make it) with its own defaults, but 20 pairs a text where its default of all pairs would take
hours. Ours keeps a quarter of the draw as dev. Printed are the accuracies (mean over draws and its
95 % interval, Student's t), their paired difference, the seconds each takes to train, and how many
times as fast ours is.
`--labels` draws so many of the labels first, for machines with little time.
"""

import argparse
import json
import os
import subprocess
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from statistics import mean, stdev
from typing import Any

import numpy as np
from scipy.stats import t

from tunewise.data.examples import read_examples
from tunewise.data.labelled import LabelledTexts
from tunewise.encoders import load_encoder
from tunewise.kinds import KINDS, Setting

DATA = Path(os.environ.get("TUNEWISE_DATA", "../shared/data"))
KIND = KINDS["classification"]
MOST_TEST = 2000


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--peer", type=Path)
    parser.add_argument("--sets", default="banking77,clinc150")
    parser.add_argument("--shots", default="8,16,64")
    parser.add_argument("--draws", type=int, default=5)
    parser.add_argument("--labels", type=int)
    parsed = parser.parse_args()
    print("| set | labels | texts a label | linear head | ours | SetFit | ours − SetFit "
          "| ours: s | SetFit: s | times as fast |")  # fmt: skip
    print("|---|---|---|---|---|---|---|---|---|---|")
    for name in parsed.sets.split(","):
        examples = some_labels(read_examples(DATA / name, kind="labelled"), parsed.labels)
        for shots in map(int, parsed.shots.split(",")):
            rows = list(trials(examples, shots, parsed.draws, parsed.peer))
            print(line(name, examples, shots, rows), flush=True)


def some_labels(examples: Any, count: int | None) -> LabelledTexts:
    """The examples of so many labels, drawn at random; all for None."""
    if count is None or count >= len(examples.names):
        return examples
    chosen = np.random.default_rng(0).permutation(len(examples.names))[:count]
    place = {int(old): new for new, old in enumerate(sorted(chosen.tolist()))}
    rows = np.flatnonzero(np.isin(examples.labels, chosen))
    found = examples.among(rows)
    names = [examples.names[old] for old in place]
    return replace(
        found, labels=np.array([place[old] for old in found.labels.tolist()]), names=names
    )


def trials(
    examples: LabelledTexts, shots: int, draws: int, peer: Path | None
) -> Iterator[Mapping[str, Any]]:
    """Each draw learned from by both, in turn."""
    test = examples.take("test")
    rng = np.random.default_rng(0)
    test = test.among(np.sort(rng.permutation(len(test))[:MOST_TEST]))
    for draw in range(draws):
        train = drawn(examples.take("train"), shots, draw)
        found = {"ours": ours(train, test, draw)}
        if peer:
            found["peer"] = theirs(peer, train, test, draw)
        yield found


def drawn(train: LabelledTexts, shots: int, seed: int) -> LabelledTexts:
    """So many texts of each label."""
    rng = np.random.default_rng([seed, shots])
    rows = [rng.permutation(np.flatnonzero(train.labels == label))[:shots]
            for label in range(len(train.names))]  # fmt: skip
    return train.among(np.sort(np.concatenate(rows)))


def ours(draw: LabelledTexts, test: LabelledTexts, seed: int) -> Mapping[str, float]:
    """The contrastive rung on three quarters of a draw, the rest telling when to stop."""
    rng = np.random.default_rng([seed, 1])
    dev = np.concatenate([
        rows[: max(1, len(rows) // 4)]
        for label in range(len(draw.names))
        for rows in [rng.permutation(np.flatnonzero(draw.labels == label))]
    ])  # fmt: skip
    rest = np.setdiff1d(np.arange(len(draw)), dev)
    held = replace(draw.among(np.sort(dev)), parts=np.full(len(dev), "dev"))

    def level(answers: Any, part: LabelledTexts) -> float:
        return KIND.score(answers, part, ["accuracy"]).mean("accuracy")

    with tempfile.TemporaryDirectory() as cache:
        os.environ["TUNEWISE_CACHE"] = cache  # nothing is known beforehand
        encoder = load_encoder(texts=draw.texts)
        setting = Setting(draw.among(rest), held, [encoder], "accuracy", level, seed)
        [linear] = KIND.table["linear"].fit(replace(setting, train=draw), [])
        began = time.perf_counter()
        [tuned] = KIND.table["contrastive"].fit(setting, [linear])
        seconds = time.perf_counter() - began
        found = {one: level(each.answer(test.texts), test)
                 for one, each in (("linear", linear), ("accuracy", tuned))}  # fmt: skip
    return {**found, "seconds": seconds}


def theirs(peer: Path, draw: LabelledTexts, test: LabelledTexts, seed: int) -> Mapping[str, float]:
    """SetFit on the whole draw, in a process of its own environment."""
    script = Path(__file__).with_name("few_shot_peer.py")
    told = {"train": draw.texts, "labels": draw.labels.tolist(), "test": test.texts, "seed": seed}
    ran = subprocess.run([peer, script], input=json.dumps(told), capture_output=True, text=True)
    if ran.returncode:
        raise SystemExit(f"SetFit ended with {ran.returncode}: {ran.stderr[-800:]}")
    answer = json.loads(ran.stdout.splitlines()[-1])
    right = np.array(answer["labels"]) == test.labels
    return {"accuracy": float(right.mean()), "seconds": answer["seconds"]}


def line(name: str, examples: LabelledTexts, shots: int, rows: Sequence[Mapping[str, Any]]) -> str:
    mine = [row["ours"]["accuracy"] for row in rows]
    cells = [with_ends([row["ours"]["linear"] for row in rows]), with_ends(mine)]
    taken = mean(row["ours"]["seconds"] for row in rows)
    if "peer" in rows[0]:
        other = [row["peer"]["accuracy"] for row in rows]
        apart = [one - two for one, two in zip(mine, other, strict=True)]
        ratios = [row["peer"]["seconds"] / row["ours"]["seconds"] for row in rows]
        slow = mean(row["peer"]["seconds"] for row in rows)
        cells += [with_ends(other), with_ends(apart), f"{taken:.0f}", f"{slow:.0f}",
                  f"{min(ratios):.1f} to {max(ratios):.1f}"]  # fmt: skip
    else:
        cells += ["", "", f"{taken:.0f}", "", ""]
    return "| " + " | ".join([name, str(len(examples.names)), str(shots), *cells]) + " |"


def with_ends(values: Sequence[float]) -> str:
    """The mean, and how far its 95 % interval reaches on either side."""
    if len(values) < 2:
        return f"{values[0]:.3f}"
    reach = t.ppf(0.975, len(values) - 1) * stdev(values) / len(values) ** 0.5
    return f"{mean(values):.3f} ± {reach:.3f}"


if __name__ == "__main__":
    main()
