"""Few texts a label: the contrastive rung beside SetFit on the same draws.

    python benchmarks/few_shot.py --peer PYTHON [--sets banking77,clinc150] [--shots 8,16,64]
                                  [--draws 5] [--labels N] [--steps N] [--results FILE] [--cells N]
                                  [--show]

Of each label so many training texts are drawn; both learn from the same draw and are scored on the
same test texts, taking turns. SetFit runs in an environment of its own (few_shot_peer.py says how
to make it) with its own defaults, but 20 pairs a text where its default of all pairs would take
hours. Ours keeps a quarter of the draw as dev. What is out of scope (clinc150's `oos`) is left out.
`--labels` draws so many of the labels first, for machines with little time; `--steps` stops SetFit
after so many steps of sixteen pairs, which is told with the texts a label.

Each cell (a draw, one of the two) is a line of `--results` (few_shot.jsonl beside this file) as
soon as it is done, and is not done again: kill it and go on whenever there is time. `--cells` stops
after so many. `--show` does nothing but print the table of what is there: accuracies (mean over
draws and its 95 % interval, Student's t), their paired difference, and the seconds that each takes
to train, by the clock and of the processor. How many times as fast ours is counts seconds of the
processor, which other work on the machine changes little.
"""

import argparse
import json
import os
import subprocess
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from itertools import islice, product
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
TAKEN = ("seconds", "processor")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--peer", type=Path)
    parser.add_argument("--sets", default="banking77,clinc150")
    parser.add_argument("--shots", default="8,16,64")
    parser.add_argument("--draws", type=int, default=5)
    parser.add_argument("--labels", type=int)
    parser.add_argument("--steps", type=int, default=-1)
    parser.add_argument("--results", type=Path, default=Path(__file__).with_suffix(".jsonl"))
    parser.add_argument("--cells", type=int)
    parser.add_argument("--show", action="store_true")
    parsed = parser.parse_args()
    if not parsed.show:
        run(parsed)
    print("| set | labels | texts a label | draws | linear head | ours | SetFit | ours − SetFit "
          "| ours: s (processor) | SetFit: s (processor) | times as fast |")  # fmt: skip
    print("|---|---|---|---|---|---|---|---|---|---|---|")
    done = [json.loads(told) for told in lines(parsed.results)]
    for kind in sorted({key(one)[:4] for one in done}):
        print(line(kind, [one for one in done if key(one)[:4] == kind]))


def lines(results: Path) -> list[str]:
    return results.read_text(encoding="utf-8").splitlines() if results.is_file() else []


def key(cell: Mapping[str, Any]) -> tuple[str, int, int, int, int, str]:
    steps = cell.get("steps", -1)
    return cell["set"], cell["labels"], cell["shots"], steps, cell["draw"], cell["who"]


def run(parsed: argparse.Namespace) -> None:
    """Does the cells that are not done yet."""
    done = {key(json.loads(told)) for told in lines(parsed.results)}
    read = {name: in_scope(read_examples(DATA / name, kind="labelled"), parsed.labels)
            for name in parsed.sets.split(",")}  # fmt: skip
    for cell in islice((one for one in cells(parsed, read) if key(one) not in done), parsed.cells):
        examples = read[cell["set"]]
        train = drawn(examples.take("train"), cell["shots"], cell["draw"])
        test = some(examples.take("test"))
        found = (
            ours(train, test, cell["draw"])
            if cell["who"] == "ours"
            else theirs(parsed.peer, train, test, cell["draw"], parsed.steps)
        )
        with parsed.results.open("a", encoding="utf-8") as file:
            file.write(json.dumps({**cell, **found}) + "\n")


def cells(
    parsed: argparse.Namespace, read: Mapping[str, LabelledTexts]
) -> Iterator[dict[str, Any]]:
    """Every cell: all draws of few texts before any of more, the two in turn."""
    for shots in map(int, parsed.shots.split(",")):
        for draw, name in product(range(parsed.draws), read):
            for who in ("ours", "peer") if parsed.peer else ("ours",):
                labels = len(read[name].names)
                one = {"set": name, "labels": labels, "shots": shots, "draw": draw, "who": who}
                yield one | ({"steps": parsed.steps} if parsed.steps > 0 else {})


def in_scope(examples: Any, count: int | None) -> LabelledTexts:
    """The examples of so many labels, drawn at random; of all for None, but for those of none."""
    there = [place for place, name in enumerate(examples.names) if name != "oos"]
    chosen = sorted(np.random.default_rng(0).permutation(there)[:count].tolist())
    place = {old: new for new, old in enumerate(chosen)}
    found = examples.among(np.flatnonzero(np.isin(examples.labels, chosen)))
    names = [examples.names[old] for old in chosen]
    return replace(
        found, labels=np.array([place[old] for old in found.labels.tolist()]), names=names
    )


def some(test: LabelledTexts) -> LabelledTexts:
    """At most so many of the texts, always the same."""
    return test.among(np.sort(np.random.default_rng(0).permutation(len(test))[:MOST_TEST]))


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
        began, spent = time.perf_counter(), time.process_time()
        [tuned] = KIND.table["contrastive"].fit(setting, [])
        taken = {"seconds": time.perf_counter() - began, "processor": time.process_time() - spent}
        [linear] = KIND.table["linear"].fit(replace(setting, train=draw), [])
        found = {one: level(each.answer(test.texts), test)
                 for one, each in (("linear", linear), ("accuracy", tuned))}  # fmt: skip
    return {**found, **taken, "note": "; ".join(tuned.notes)}


def theirs(
    peer: Path, draw: LabelledTexts, test: LabelledTexts, seed: int, steps: int
) -> Mapping[str, float]:
    """SetFit on the whole draw, in a process of its own environment."""
    script = Path(__file__).with_name("few_shot_peer.py")
    told = {"train": draw.texts, "labels": draw.labels.tolist(), "test": test.texts, "seed": seed,
            "steps": steps}  # fmt: skip
    ran = subprocess.run([peer, script], input=json.dumps(told), capture_output=True, text=True)
    if ran.returncode:
        raise SystemExit(f"SetFit ended with {ran.returncode}: {ran.stderr[-800:]}")
    answer = json.loads(ran.stdout.splitlines()[-1])
    right = np.array(answer["labels"]) == test.labels
    return {"accuracy": float(right.mean()), **{name: answer[name] for name in TAKEN}}


def line(kind: tuple[str, int, int, int], cells: Sequence[Mapping[str, Any]]) -> str:
    """A row of the table, of the draws that both have done where there is a peer."""
    sides = {who: {one["draw"]: one for one in cells if one["who"] == who}
             for who in ("ours", "peer")}  # fmt: skip
    draws = sorted(set(sides["ours"]) & set(sides["peer"]) or set(sides["ours"]))
    mine = [sides["ours"][draw] for draw in draws]
    other = [sides["peer"][draw] for draw in draws if draw in sides["peer"]]
    name, labels, shots, steps = kind
    stopped = f" (SetFit: {steps} steps)" if steps > 0 else ""
    told = [name, str(labels), f"{shots}{stopped}", str(len(draws))]
    told += [with_ends([one[way] for one in mine]) for way in ("linear", "accuracy")]
    if not other:
        return "| " + " | ".join([*told, "", "", taken(mine), "", ""]) + " |"
    pairs = list(zip(mine, other, strict=True))
    apart = [one["accuracy"] - two["accuracy"] for one, two in pairs]
    ratios = [two["processor"] / one["processor"] for one, two in pairs]
    told += [with_ends([one["accuracy"] for one in other]), with_ends(apart), taken(mine),
             taken(other), f"{min(ratios):.1f} to {max(ratios):.1f}"]  # fmt: skip
    return "| " + " | ".join(told) + " |"


def taken(cells: Sequence[Mapping[str, Any]]) -> str:
    """Mean seconds by the clock, and of the processor."""
    clock, processor = (mean(one[name] for one in cells) for name in TAKEN)
    return f"{clock:.0f} ({processor:.0f})"


def with_ends(values: Sequence[float]) -> str:
    """The mean, and how far its 95 % interval reaches on either side."""
    if len(values) < 2:
        return f"{values[0]:.3f}"
    reach = t.ppf(0.975, len(values) - 1) * stdev(values) / len(values) ** 0.5
    return f"{mean(values):.3f} ± {reach:.3f}"


if __name__ == "__main__":
    main()
