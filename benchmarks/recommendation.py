"""What recommends best, on which functions the modules of installed packages use together.

    python benchmarks/recommendation.py [PACKAGES …] [--items N] [--permuted]

Each argument is one set: packages joined by commas. `--items` keeps the N items used most. With
`--permuted`, items change places over all events, as often chosen as before: nothing is left to
learn, and the answer must not be `tune`. With `--implicit`, alternating least squares of the
package implicit (installed by hand) stands beside `factors`, its settings chosen on dev likewise.
`--many` asks instead how long a folder of 100,000 users takes to be saved, and to be asked.
"""

import argparse
import tempfile
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
from scipy.sparse import csr_matrix

from tunewise.data.histories import Histories
from tunewise.data.usage import usage_histories
from tunewise.kinds import KINDS, load, save
from tunewise.kinds.panels import Table
from tunewise.kinds.recommendation.catalogue import ranked
from tunewise.kinds.recommendation.part import Part, known_of
from tunewise.measurement.of_kind import measure_kind
from tunewise.rankings import Rankings
from tunewise.testing import WordHashEncoder
from tunewise.verdict.of_kind import KindVerdict

SETS = ("networkx", "scipy", "sklearn")
KIND = KINDS["recommendation"]
METRIC = KIND.deciding[0]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("sets", nargs="*", default=SETS)
    parser.add_argument("--items", type=int)
    parser.add_argument("--permuted", action="store_true")
    parser.add_argument("--implicit", action="store_true")
    parser.add_argument("--many", action="store_true")
    options = parser.parse_args()
    if options.many:
        print("\n".join(folders()))
        return
    for name in options.sets:
        histories = usage_histories(name.split(","), limit=options.items)
        histories = permuted(histories) if options.permuted else histories
        if options.implicit:
            print(f"| {name} | implicit | {' | '.join(least_squares(histories))} |", flush=True)
            continue
        began = time.perf_counter()
        verdict = measure_kind(histories, KIND)
        print(f"\n**{name}**: {len(histories):,} users, {len(histories.items):,} items, ", end="")
        print(f"{len(histories.places):,} events; {time.perf_counter() - began:.0f} s.")
        print(f"{verdict.sentence}\n")
        print("\n".join(rows(verdict)), flush=True)


def folders(users: int = 100_000, each: int = 10, items: int = 5_000) -> Iterator[str]:
    """A row for each of some winners: its folder's size, and the seconds to save it and to ask."""
    rng = np.random.default_rng(0)
    made = Histories(
        users=[f"user-{n:06d}" for n in range(users)],
        items=[f"item{n}" for n in range(items)],
        texts=[f"text {n % 97} of {n % 13}" for n in range(items)],
        starts=np.arange(0, users * each + 1, each),
        places=rng.integers(0, items, users * each),
        times=np.tile(np.arange(float(each)), users),
        again=True,
    )
    words = ["popular", "together", "content", "hybrid"]
    found = measure_kind(made, KIND, encoders=[WordHashEncoder()], contenders=words)
    with tempfile.TemporaryDirectory() as home:
        for one in found.contenders:
            folder, began = Path(home, one.name), time.perf_counter()
            save(KIND, one, folder, KIND.about(found.shown))
            saved = time.perf_counter()
            loaded = load(KINDS, folder)
            question = known_of(loaded.about, "user-000007")
            assert question is not None
            loaded.contender.answer(question)
            answered = time.perf_counter()
            size = sum(file.stat().st_size for file in folder.iterdir()) / 1e6
            told = (folder / "tunewise.json").stat().st_size / 1e3
            yield (
                f"| `{one.name}` | {size:.0f} MB | {told:.1f} kB | {saved - began:.1f} "
                f"| {answered - saved:.1f} |"
            )


def permuted(histories: Histories) -> Histories:
    places = np.random.default_rng(0).permutation(histories.places)
    kept = []
    for begin, end in zip(histories.starts[:-1], histories.starts[1:], strict=True):
        own = np.unique(places[begin:end], return_index=True)[1]
        kept.append(begin + np.sort(own))
    rows, lengths = np.concatenate(kept), [len(one) for one in kept]
    starts = np.concatenate([[0], np.cumsum(lengths)])
    return replace(histories, starts=starts, places=places[rows], times=histories.times[rows])


def rows(verdict: KindVerdict) -> list[str]:
    tables = [panel for panel in KIND.panels(verdict.shown) if isinstance(panel, Table)]
    apart = {row[0]: row[1] for table in tables for row in table.rows if "Cold" in table.title}
    heads = ["contender", "dev", *KIND.metrics, "cold nDCG@10", "seconds", "chosen on dev"]
    found = [f"| {' | '.join(heads)} |", "|---" * len(heads) + "|"]
    for standing, one in zip(verdict.standings, verdict.contenders, strict=True):
        means = [f"{standing.scores.mean(metric):.3f}" for metric in KIND.metrics]
        chosen = ", ".join(f"{key} {value}" for key, value in one.settings.items())
        chosen = f"is {one.same_as}" if one.same_as else chosen
        cells = [one.name, f"{standing.dev:.3f}", *means, f"{apart.get(one.name, 0):.3f}"]
        found.append(f"| {' | '.join([*cells, f'{one.seconds:.1f}', chosen])} |")
    return found


def least_squares(histories: Histories) -> list[str]:
    from implicit.als import AlternatingLeastSquares  # type: ignore[import-not-found]

    parts = KIND.divide(histories, 0)
    train, best = matrix(parts.train), (-1.0, "", 0.0)
    began = time.perf_counter()
    for factors in (16, 32, 64, 128):
        for regularization in (0.01, 0.1, 1.0):
            for alpha in (1.0, 10.0, 40.0):
                model = AlternatingLeastSquares(
                    factors, regularization=regularization, alpha=alpha, random_state=0
                )
                model.fit(train, show_progress=False)
                level, told = (mean(model, part) for part in (parts.dev, parts.test))
                best = max(best, (level, f"{factors} {regularization} {alpha}", told))
    return [f"{best[0]:.3f}", f"{best[2]:.3f}", best[1], f"{time.perf_counter() - began:.0f} s"]


def matrix(part: Part) -> csr_matrix:
    asked = part.question
    ones = np.ones(len(asked.places), dtype=np.float32)
    return csr_matrix((ones, asked.places, asked.starts), (len(part), len(asked.items)))


def mean(model: object, part: Part) -> float:
    had = matrix(part)
    found, scores = model.recommend(  # type: ignore[attr-defined]
        np.arange(len(part)), had, N=50, filter_already_liked_items=True, recalculate_user=True
    )
    row = np.repeat(np.arange(len(part)), found.shape[1])
    answers: Rankings = ranked(
        part.question.users, part.question.items, row, found.ravel(), scores.ravel()
    )
    return KIND.score(answers, part, [METRIC]).mean(METRIC)


if __name__ == "__main__":
    main()
