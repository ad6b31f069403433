"""The replication study: every decision and interval held against queries they did not see.

    python benchmarks/replication/study.py [--results FOLDER] [--processes 2]

Reads what `run.py` kept, trains nothing, prints Markdown. What was computed of a cell is kept in
`build/`, for as long as neither the cell nor the code that decides changes.
"""

import argparse
import hashlib
import json
import multiprocessing
import platform
import time
from collections.abc import Iterable, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path
from types import ModuleType
from typing import Any

import few
import foretold
import intervals
import kept
import numpy as np
import rules
import tables
from cells import FEW, FRACTIONS
from few import Few, Held
from foretold import Foretold
from intervals import Covered, Sample
from kept import Cell
from rules import WORTH, Outcome, Proof
from run import DRAWS, KINDS, RESULTS, Key
from tasks import TASKS

import tunewise
import tunewise.comparison.comparison
import tunewise.comparison.sample
import tunewise.verdict.bet
import tunewise.verdict.decision

CACHE = Path(__file__).parent / "build"
REGRET = (
    "Against the best contender on the other half, in hindsight: mean (mean of the worst tenth). "
    "± is a standard error, tasks being what was drawn."
)
REGRET_OF_POOL = (
    "Against the best on the whole pool, which is less noisy; each decision has seen a part of it:"
)
REGRET_AT_PRICE = (
    f"On the other half again, tuning charged with the {WORTH:g} that makes it worth having:"
)
FOLDS = (
    "What folds say of few queries, held against what the same contenders, fitted on all of the "
    "few, score on the pool. A pool has an error of its own: it is added to either side of the "
    "interval in quadrature before it is asked whether it holds the pool's mean. *As it is* asks "
    "without that, and so says too little."
)
FORETOLD = (
    "From trainings on parts of the training queries, as a user would have them, what twice and "
    "four times as many bring on the same queries (half 0). One truth a training. *No change* "
    "foretells the mean of the last trainings seen."
)
_CODE = (
    kept,
    rules,
    intervals,
    tunewise.comparison.comparison,
    tunewise.comparison.sample,
    tunewise.verdict.decision,
    tunewise.verdict.bet,
)


@dataclass(frozen=True)
class Found:
    """What one line says: its decisions and its intervals, or what was measured in folds."""

    outcomes: tuple[Outcome, ...] = ()
    covered: tuple[Covered, ...] = ()
    few: Few | None = None


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--results", type=Path, default=RESULTS)
    parser.add_argument("--cache", type=Path, default=CACHE)
    parser.add_argument("--processes", type=int, default=2)
    parsed = parser.parse_args()
    began, lines = time.monotonic(), kept.lines(parsed.results)
    found = study(lines, parsed.cache, parsed.processes)
    cells = [cell for line in lines if (cell := kept.read(line)) is not None]
    ahead = list(foretold.foretold(kept.curves(cells)))
    print("\n\n".join([title(lines), *sections(found), *forecasts(ahead, cells)]))
    print(f"\n{time.monotonic() - began:.0f} s, what was already computed included.")


def study(lines: Sequence[str], cache: Path, processes: int) -> list[Found]:
    """What every line says, in their order; points of a curve say nothing by themselves."""
    wanted = [line for line in lines if kept.key(line).size not in FRACTIONS]
    cache.mkdir(parents=True, exist_ok=True)
    one = partial(looked_up, codes=(_code(_CODE), _code((*_CODE, few))), cache=cache)
    if processes == 1:
        return list(map(one, wanted))
    context = multiprocessing.get_context("spawn")  # torch and a fork do not go together
    with ProcessPoolExecutor(processes, context) as pool:
        return list(pool.map(one, wanted, chunksize=4))


def looked_up(line: str, codes: tuple[str, str], cache: Path) -> Found:
    """What a line says, computed or as it was kept; `codes` are those of cells and of folds."""
    code = codes[kept.key(line).size in FEW]
    path = cache / f"{hashlib.sha256((code + line).encode()).hexdigest()[:32]}.json"
    if not path.exists():
        unfinished = path.with_suffix(".part")
        unfinished.write_text(json.dumps(asdict(examined(line))), encoding="utf-8")
        unfinished.replace(path)
    return _restored(json.loads(path.read_text(encoding="utf-8")))


def examined(line: str) -> Found:
    """What a line says; nothing where the task was too small for it."""
    folds, cell = kept.folds(line), kept.read(line)
    if folds is not None:
        return Found(few=few.measured(folds))
    if cell is None or not kept.decides(cell.key):
        return Found()
    # Intervals do not depend on the rungs that were tried.
    covered = () if cell.key.deep else tuple(intervals.coverage(cell))
    return Found(tuple(rules.outcomes(cell)), covered)


def _code(modules: Iterable[ModuleType]) -> str:
    return "".join(Path(str(module.__file__)).read_text(encoding="utf-8") for module in modules)


def _restored(told: dict[str, Any]) -> Found:
    return Found(
        tuple(
            Outcome(**{**one, "key": Key(**one["key"]), "proof": Proof(**one["proof"])})
            for one in told["outcomes"]
        ),
        tuple(
            Covered(**{**one, "samples": tuple(Sample(**sample) for sample in one["samples"])})
            for one in told["covered"]
        ),
        told["few"] and _few(told["few"]),
    )


def _few(told: dict[str, Any]) -> Few:
    held = tuple(Held(**one) for one in told["held"])
    return Few(**{**told, "key": Key(**told["key"]), "held": held})


def title(lines: Sequence[str]) -> str:
    """What the study stands on, and what of it is missing."""
    keys = {kept.key(line) for line in lines}
    cells = [kept.key(line) for line in lines if kept.held(line)]
    planned = {kind: _planned(kind) for kind in KINDS}
    there = [f"{len(plan & keys)} of {len(plan)} {kind}" for kind, plan in planned.items()]
    partly = "**Partial: cells are missing.** " if set().union(*planned.values()) - keys else ""
    return (
        "# Replication: decisions held against queries they did not see\n\n"
        f"`python benchmarks/replication/study.py`, {time.strftime('%Y-%m-%d')}, tunewise "
        f"{tunewise.__version__}, numpy {np.__version__}, Python {platform.python_version()}.\n"
        f"{partly}{len(cells)} cells of {len({c.task for c in cells})} tasks and "
        f"{len({c.draw for c in cells})} draws; done: {', '.join(there)}; "
        f"{len(lines) - len(cells)} were too large for their task."
    )


def _planned(kind: str) -> set[Key]:
    draws = range(DRAWS[kind])
    return {key for name in TASKS for number in draws for key in KINDS[kind](name, number)}


def sections(found: Iterable[Found]) -> list[str]:
    """The tables, each under its heading."""
    everything = list(found)
    covered = [one for cell in everything for one in cell.covered]
    told = []
    for name, deep in (("Contenders that take seconds", False), ("With deep rungs", True)):
        outcomes = [one for cell in everything for one in cell.outcomes if one.key.deep == deep]
        if outcomes:
            told += [f"## {name}", *decisions(outcomes)]
    if covered:
        told += ["## Coverage of the 95 % intervals", tables.covered(covered)]
    folds = [cell.few for cell in everything if cell.few is not None]
    if folds:
        told += [f"## Few queries, measured in folds\n\n{FOLDS}", tables.folds(folds)]
        told += ["### What was answered", tables.folds_answers(folds)]
    return told


def forecasts(ahead: Sequence[Foretold], cells: Iterable[Cell]) -> list[str]:
    """Everything about forecasts; nothing where there are none."""
    if not ahead:
        return []
    whole = [cell for cell in cells if cell.key.size == "all" and not cell.key.deep]
    return [
        f"## Forecasts\n\n{FORETOLD}",
        tables.foretold(ahead),
        tables.spread([
            (cell.key.task, float(gains.mean()))
            for cell in whole
            for gains in [cell.best(tuned=True).scores - cell.best(tuned=False).scores]
        ]),
    ]  # fmt: skip


def decisions(outcomes: Sequence[Outcome]) -> list[str]:
    """Everything about decisions."""
    half = f"{WORTH / 2:g}"
    return [
        f"### Regret\n\n{REGRET}",
        tables.regrets(outcomes, lambda one: one.regret),
        REGRET_OF_POOL,
        tables.regrets(outcomes, lambda one: one.regret_of_pool),
        REGRET_AT_PRICE,
        tables.regrets(outcomes, lambda one: one.regret_at_price),
        "### Answers",
        tables.answers(outcomes),
        "### False `tune`: the other half shows a loss",
        tables.wrong(outcomes, tune=True, below=0.0),
        f"### Poor `tune`: the other half shows less than {half}",
        tables.wrong(outcomes, tune=True, below=WORTH / 2),
        f"### Missed `tune`: it suffices, and the other half shows {WORTH:g} or more",
        tables.wrong(outcomes, tune=False, below=WORTH),
        "### What could not be told from few queries",
        tables.later(outcomes),
        "### By task",
        tables.by_task(outcomes),
    ]


if __name__ == "__main__":
    main()
