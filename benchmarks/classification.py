"""Which way of labelling texts does best on real sets, and whether tuning pays.

    python benchmarks/classification.py [SET …] [--seed N]

The sets are read from TUNEWISE_DATA (default ../shared/data). Everything is chosen on dev; what is
printed is of test, with its interval, and what decides again without the test texts that say what
a train text says, in the same words or nearly (D067).

- banking77, germeval2018 (two classes): as they are. clinc150: without the texts that are out of
  scope, which are reject.py's.
- nl2bash: several labels a text. The text is a sentence that asks for a command line, its labels
  are the programs in the command lines that answer it, of those that 20 train texts have; some have
  none of these. Programs are what stands first in each command of a line, or behind xargs, -exec,
  sudo and time; words of the shell's own grammar are no programs.

- banking77-few: every fourth label by the alphabet and the first 20 train texts of each, with the
  contenders that train an encoder. On whole sets these take minutes to hours, and are left out.
"""

import argparse
import csv
import json
import os
import re
import tempfile
from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping
from pathlib import Path

import numpy as np

from tunewise.comparison import level_of
from tunewise.kinds import KINDS, Source
from tunewise.measurement.of_kind import measure_kind
from tunewise.verdict.of_kind import KindVerdict

SETS = ("banking77", "clinc150", "germeval2018", "nl2bash", "banking77-few")
FOURTH, FEW = 4, 20  # of banking77-few: which labels, and how many of their train texts
PARTS = ("train", "dev", "test")
COMMON = 20  # train texts that a program needs to be a label
GRAMMAR = {"do", "done", "while", "then", "fi", "if", "else", "elif", "for", "in"}
_BEFORE = r"^|[|;&(`]|\bxargs\s+(?:-\S+\s+)*|-exec(?:dir)?\s+|\bsudo\s+|\btime\s+"
PROGRAM = re.compile(rf"(?:{_BEFORE})\s*(?=([a-z][a-z0-9_.+-]*))")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("sets", nargs="*", default=SETS)
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()
    print("| set | contender | decides | without those also in train | other metrics | seconds |")
    print("|---|---|---|---|---|---|")
    for name in options.sets:
        with tempfile.TemporaryDirectory() as folder:
            found = measured(name, Path(folder), options.seed)
        for row in rows(found):
            print(f"| {name} | {row} |", flush=True)


def measured(name: str, folder: Path, seed: int) -> KindVerdict:
    data = Path(os.environ.get("TUNEWISE_DATA", "../shared/data"))
    kind, place = KINDS["multilabel" if name == "nl2bash" else "classification"], data / name
    if name == "nl2bash":
        place = by_programs(data / name, folder)
    elif name == "banking77-few":
        place = few(data / "banking77", folder)
    elif name == "clinc150":
        place = clinc(data / name, folder)
    elif name == "germeval2018":  # its finer labels lie beside
        for part in ("train", "test"):
            (folder / f"{part}.csv").write_bytes((place / f"{part}.csv").read_bytes())
        place = folder
    words = [word for word in kind.table if word not in kind.deep or name.endswith("-few")]
    examples = kind.read(Source(str(place), seed=seed))
    return measure_kind(examples, kind, contenders=words, seed=seed)


def clinc(place: Path, folder: Path) -> Path:
    for path in place.glob("*.csv"):
        kept = [row for row in csv_rows(path) if row[1] != "oos"]
        with (folder / path.name).open("w", encoding="utf-8", newline="") as file:
            csv.writer(file).writerows(kept)
    return folder


def few(place: Path, folder: Path) -> Path:
    """A fourth of the labels, with so many train texts each; their dev part is cut from these."""
    train, test = (csv_rows(place / f"{part}.csv") for part in ("train", "test"))
    labels, taken = set(sorted({label for _, label in train[1:]})[::FOURTH]), Counter[str]()
    kept = {"train": [train[0]], "test": [test[0], *(row for row in test[1:] if row[1] in labels)]}
    for row in train[1:]:
        taken[row[1]] += 1
        if row[1] in labels and taken[row[1]] <= FEW:
            kept["train"].append(row)
    for part, part_rows in kept.items():
        with (folder / f"{part}.csv").open("w", encoding="utf-8", newline="") as file:
            csv.writer(file).writerows(part_rows)
    return folder


def csv_rows(path: Path) -> list[list[str]]:
    with path.open(encoding="utf-8", newline="") as file:
        return list(csv.reader(file))


def by_programs(place: Path, folder: Path) -> Path:
    """Questions with the programs of the command lines that answer them, as lines of JSON."""
    lines, asked = (texts(place / f"{name}.jsonl") for name in ("corpus", "queries"))
    programs: dict[str, Mapping[str, set[str]]] = {}
    for part in PARTS:
        own: dict[str, set[str]] = defaultdict(set)
        with (place / "qrels" / f"{part}.tsv").open(encoding="utf-8") as file:
            for row in csv.DictReader(file, delimiter="\t"):
                own[row["query-id"]] |= set(PROGRAM.findall(lines[row["corpus-id"]])) - GRAMMAR
        programs[part] = own
    times = Counter(name for own in programs["train"].values() for name in own)
    for part in PARTS:
        with (folder / f"{part}.jsonl").open("w", encoding="utf-8") as file:
            for query, own in programs[part].items():
                kept = sorted(name for name in own if times[name] >= COMMON)
                file.write(json.dumps({"text": asked[query], "labels": kept}) + "\n")
    return folder


def texts(path: Path) -> Mapping[str, str]:
    with path.open(encoding="utf-8") as file:
        return {row["_id"]: row["text"] for row in map(json.loads, file)}


def rows(found: KindVerdict) -> Iterator[str]:
    part, metric = found.shown.judged, found.settings["metric"]
    new = ~np.isin(part.groups, found.shown.train.groups)
    rest = part.among(np.flatnonzero(new))
    for one, standing in zip(found.contenders, found.standings, strict=True):
        others = [m for m in found.kind.metrics if m != metric]
        without = found.kind.score(found.shown.answers[one.name][new], rest, [metric])
        groups = [group for group, kept in zip(found.groups, new.tolist(), strict=True) if kept]
        yield " | ".join([
            f"**{one.name}**" if one is found.contender else one.name,
            level(standing.scores, metric, found.groups),
            level(without, metric, groups) if not new.all() else "the same",
            "; ".join(f"{m} {level(standing.scores, m, found.groups)}" for m in others),
            f"{one.seconds:.1f}",
        ])  # fmt: skip
    gain = found.decision.gain
    told = f"{gain.difference:+.3f} [{gain.low:+.3f}, {gain.high:+.3f}]" if gain else ""
    known = f"{int((~new).sum()):,} of {len(new):,} left out"
    yield f"*{found.answer}* | {told} | {known} | {found.sentence} | {found.seconds:.0f}"


def level(scores: object, metric: str, groups: object) -> str:
    found = level_of(scores, metric, groups)  # type: ignore[arg-type]
    return f"{found.mean:.3f} [{found.low:.3f}, {found.high:.3f}]"


if __name__ == "__main__":
    main()
