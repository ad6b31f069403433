"""The study's tables, in Markdown."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from statistics import NormalDist

import numpy as np
from few import CHANGE, GAIN, UNTAUGHT, Few
from foretold import AHEAD, Foretold
from intervals import FEW, QUERIES, Covered, Sample
from rules import IN_DOUBT, JUDGED, PRODUCT, RULES, WORTH, Outcome

from tunewise.verdict import CANNOT_TELL, TUNE

COUNTS = (*map(str, JUDGED), "all")
LATER = ("so many are there", "more are needed", "out of reach")
_TENTH = 0.1


def table(header: Sequence[str], rows: Iterable[Sequence[object]]) -> str:
    """A Markdown table."""
    lines = [header, ["---"] * len(header), *rows]
    return "\n".join("| " + " | ".join(map(str, line)) + " |" for line in lines)


def mean(values: Sequence[float], tasks: Sequence[str]) -> tuple[float, float]:
    """The mean and its standard error, tasks being what was drawn; nan for a single task."""
    array, group = np.array(values, dtype=float), np.unique(tasks, return_inverse=True)[1]
    sums = np.bincount(group, array - array.mean())
    error = (sums**2).sum() * len(sums) / (len(sums) - 1) if len(sums) > 1 else np.nan
    return float(array.mean()), float(np.sqrt(error) / len(array))


def regrets(outcomes: Sequence[Outcome], of: Callable[[Outcome], Mapping[str, float]]) -> str:
    """Mean regret and the worst tenth's, by number of queries to decide on, for every rule."""
    header = ["rule", *(f"{count} queries" for count in COUNTS), "together", "more than tunewise",
              f"{WORTH:g} or more"]  # fmt: skip
    return table(header, (_regret(rule, outcomes, of) for rule in (PRODUCT, *IN_DOUBT, *RULES)))


def _regret(
    rule: str, outcomes: Sequence[Outcome], of: Callable[[Outcome], Mapping[str, float]]
) -> list[str]:
    tasks = [one.key.task for one in outcomes]
    all_of_it = [of(one)[rule] for one in outcomes]
    extra = mean([of(one)[rule] - of(one)[PRODUCT] for one in outcomes], tasks)
    by_count = [[of(one)[rule] for one in outcomes if one.judged == count] for count in COUNTS]
    return [
        rule,
        *(_both(values) for values in (*by_count, all_of_it)),
        "" if rule == PRODUCT else f"{extra[0]:+.4f} ± {extra[1]:.4f}",
        percent(value >= WORTH for value in all_of_it),
    ]


def _both(values: Sequence[float]) -> str:
    if not values:
        return "–"
    worst = np.sort(values)[-max(1, round(_TENTH * len(values))) :]
    return f"{np.mean(values):.4f} ({worst.mean():.3f})"


def answers(outcomes: Sequence[Outcome]) -> str:
    """How often each answer is given, by number of queries to decide on."""
    kinds = ("tune", "suffices", "suffices with …", "cannot tell yet")
    return table(
        ["queries", "decisions", *kinds, "cannot tell though all alike"],
        (
            [
                count,
                len(some),
                *(percent(_kind(one) == kind for one in some) for kind in kinds),
                percent(not _told(one) and _alike(one) for one in some),
            ]
            for count, some in _by_count(outcomes)
        ),
    )


def _kind(one: Outcome) -> str:
    return "suffices with …" if one.answer.startswith("suffices with") else one.answer


def _alike(one: Outcome) -> bool:
    """Whether tuned and untuned rank every query the same: tuning gave back what it was given."""
    return one.promised == one.proof.mean == one.proof.error == 0.0


def wrong(outcomes: Sequence[Outcome], tune: bool, below: float) -> str:
    """Answers that the other half speaks against: gains below (`tune`) or from `below` up (not).

    Expected: the share that the other half's noise alone would show, if the whole pool's gain
    were the true one. Surely: its whole 95 % interval lies there.
    """
    header = ["queries", "answers", "promised", "found", "wrong", "± by task", "expected",
              "wrong on the pool", "surely wrong", "wrong of all decisions"]  # fmt: skip
    rows = []
    for count, some in _by_count(outcomes):
        asked = [one for one in some if (one.answer == TUNE) == tune and _told(one)]
        if asked:
            rows.append([count, len(asked), *_wrong(asked, tune, below, len(some))])
    return table(header, rows)


def _told(one: Outcome) -> bool:
    return one.answer != CANNOT_TELL


def _wrong(asked: Sequence[Outcome], tune: bool, below: float, decisions: int) -> list[str]:
    side = 1.0 if tune else -1.0  # turned, so that wrong is below
    proofs = [one.proof for one in asked]
    missed = [side * proof.mean < side * below for proof in proofs]
    far = [(proof.high if tune else -proof.low) < side * below for proof in proofs]
    noise = [
        NormalDist().cdf(side * (below - p.pool) / p.error) if p.error else float(missed[place])
        for place, p in enumerate(proofs)
    ]
    return [
        f"{np.mean([one.promised for one in asked]):+.3f}",
        f"{np.mean([proof.mean for proof in proofs]):+.3f}",
        percent(missed),
        f"{100 * mean(missed, [one.key.task for one in asked])[1]:.1f}",
        f"{100 * np.mean(noise):.1f} %",
        percent(side * proof.pool < side * below for proof in proofs),
        percent(far),
        f"{100 * sum(missed) / decisions:.1f} %",
    ]


def later(outcomes: Sequence[Outcome]) -> str:
    """Of what few queries could not tell: how often all of the half could, by what was said."""
    whole = {one.key: one for one in outcomes if one.judged == "all"}
    found: dict[tuple[str, str], list[bool]] = {}
    for one in outcomes:
        if one.judged != "all" and not _told(one):
            there = whole[one.key]
            found.setdefault((one.judged, _said(one, there.queries)), []).append(_told(there))
    return table(
        ["queries", "said to settle it", "cannot tell", "decided by all"],
        (
            [count, said, len(found[count, said]), percent(found[count, said])]
            for count in COUNTS[:-1]
            for said in LATER
            if (count, said) in found
        ),
    )


def _said(one: Outcome, there: int) -> str:
    if one.needed is None:
        return LATER[2]
    return LATER[0] if one.needed <= there else LATER[1]


def covered(found: Sequence[Covered]) -> str:
    """Coverage by pair and number of queries; also of those in which enough queries differ."""
    header = ["pair", "queries", "intervals", "coverage", "± by task", "too high", "too low",
              "median width", f"of those where {FEW} differ", "share of them",
              "cells all alike"]  # fmt: skip
    pairs = list(dict.fromkeys(one.pair for one in found))
    rows = []
    for pair in pairs:
        for queries in QUERIES:
            cells = [one for one in found if (one.pair, one.queries) == (pair, queries)]
            rows.append([pair, queries, *_covered(cells)])
    return table(header, rows)


def _covered(cells: Sequence[Covered]) -> list[str]:
    alike = sum(not cell.samples for cell in cells)
    flat = [(cell.task, sample) for cell in cells for sample in cell.samples]
    if not flat:
        return ["0", *["–"] * 7, str(alike)]
    samples: list[Sample] = [sample for _, sample in flat]
    share, error = mean([s.side == 0 for s in samples], [task for task, _ in flat])
    enough = [s for s in samples if s.differing >= FEW]
    return [
        f"{len(samples):,}",
        f"{100 * share:.1f} %",
        f"{100 * error:.1f}",
        percent(s.side > 0 for s in samples),
        percent(s.side < 0 for s in samples),
        f"{np.median([s.width for s in samples]):.3f}",
        percent(s.side == 0 for s in enough),
        percent(s.differing >= FEW for s in samples),
        str(alike),
    ]


def folds(found: Sequence[Few]) -> str:
    """Coverage of the intervals of folds, by pair and number of queries."""
    header = ["pair", "queries", "intervals", "coverage", "± by task", "too high", "too low",
              "as it is", f"of those where {FEW} differ", "share of them", "median width",
              "folds − pool"]  # fmt: skip
    sizes = list(dict.fromkeys(one.key.size for one in found))
    rows = []
    for pair in (GAIN, CHANGE, UNTAUGHT):
        for size in (*sizes, "together"):
            some = [one for one in found if size in (one.key.size, "together")]
            rows.append([pair, size.removeprefix("few "), *_folds(some, pair)])
    return table(header, rows)


def _folds(found: Sequence[Few], pair: str) -> list[str]:
    held = [one for few in found for one in few.held if one.pair == pair]
    share, error = mean([one.side == 0 for one in held], [few.key.task for few in found])
    bias = mean([one.mean - one.pool for one in held], [few.key.task for few in found])
    enough = [one for one in held if one.differing >= FEW]
    return [
        str(len(held)),
        f"{100 * share:.1f} %",
        f"{100 * error:.1f}",
        percent(one.side > 0 for one in held),
        percent(one.side < 0 for one in held),
        percent(one.plain for one in held),
        percent(one.side == 0 for one in enough),
        percent(one.differing >= FEW for one in held),
        f"{np.median([one.high - one.low for one in held]):.3f}",
        f"{bias[0]:+.4f} ± {bias[1]:.4f}",
    ]


def folds_answers(found: Sequence[Few]) -> str:
    """How often each answer came in folds, and what became of `tune` on the pool."""
    rows = []
    for size in (*dict.fromkeys(one.key.size for one in found), "together"):
        some = [one for one in found if size in (one.key.size, "together")]
        tuned = [one for one in some if one.answer == TUNE]
        told = [percent(one.answer.startswith(a) for one in some) for a in ("tune", "suff", "can")]
        rows.append([
            size.removeprefix("few "),
            len(some),
            *told,
            len(tuned),
            f"{np.mean([one.gain for one in tuned]):+.3f}" if tuned else "–",
            sum(one.gain < 0 for one in tuned),
            sum(one.gain + 1.96 * one.gain_error < 0 for one in tuned),
        ])  # fmt: skip
    return table(
        ["queries", "measured", "tune", "suffices", "cannot tell yet", "times `tune`",
         "gain of these on the pool", "of them a loss", "surely a loss"], rows)  # fmt: skip


def foretold(found: Sequence[Foretold]) -> str:
    """Forecasts held against what came, by how far ahead they look."""
    header = ["seen up to", "times", "forecasts", "curves", "coverage", "± by task", "too high",
              "too low", "supported", "median width", "mean error", "mean error of no change",
              "largest error"]  # fmt: skip
    rows = []
    for seen, times, _ in AHEAD:
        some = [one for one in found if (one.seen, one.times) == (seen, times)]
        if some:
            rows.append([seen, f"{times}×", *_foretold(some)])
    return table(header, [*rows, ["together", "", *_foretold(found)]])


def _foretold(found: Sequence[Foretold]) -> list[str]:
    share, error = mean([one.holds for one in found], [one.task for one in found])
    errors = [abs(one.middle - one.truth) for one in found]
    return [
        str(len(found)),
        str(len({(one.task, one.draw) for one in found})),
        f"{100 * share:.1f} %",
        f"{100 * error:.1f}",
        percent(one.low > one.truth for one in found),
        percent(one.high < one.truth for one in found),
        percent(one.supported for one in found),
        f"{np.median([one.high - one.low for one in found]):.3f}",
        f"{np.mean(errors):.4f}",
        f"{np.mean([abs(one.last - one.truth) for one in found]):.4f}",
        f"{max(errors):.3f}",
    ]


def spread(gains: Sequence[tuple[str, float]]) -> str:
    """What tuning on all training queries gains from task to task, on whole pools."""
    tasks = sorted({task for task, _ in gains})
    means = [np.mean([gain for name, gain in gains if name == task]) for task in tasks]
    low, high = np.quantile(means, [0.1, 0.9])
    return (
        f"What is foretold varies from task to task, {len(tasks)} of them on all their training "
        f"queries: standard deviation {np.std(means, ddof=1):.4f}, from the first to the last "
        f"decile {high - low:.4f} ({low:+.4f} to {high:+.4f})."
    )


def by_task(outcomes: Sequence[Outcome]) -> str:
    """For each task: what tuning gains on the pool, the answers, and three rules' regrets."""
    shown = (PRODUCT, "never tune", "best untuned on dev", "always tune")
    rows = []
    for task in sorted({one.key.task for one in outcomes}):
        of_it = [one for one in outcomes if one.key.task == task]
        pool = [one.proof.pool for one in of_it if one.judged == "all"]
        rows.append([
            task,
            len(of_it),
            f"{np.mean(pool):+.3f} ({min(pool):+.3f} to {max(pool):+.3f})",
            *(percent(one.answer.startswith(a) for one in of_it) for a in ("tune", "suff", "can")),
            *(f"{np.mean([one.regret[rule] for one in of_it]):.4f}" for rule in shown),
        ])  # fmt: skip
    header = ["task", "decisions", "gain on the pool", "tune", "suffices", "cannot tell yet"]
    return table([*header, *(f"regret: {rule}" for rule in shown)], rows)


def _by_count(outcomes: Sequence[Outcome]) -> Iterable[tuple[str, list[Outcome]]]:
    for count in COUNTS:
        some = [one for one in outcomes if one.judged == count]
        if some:
            yield count, some
    yield "together", list(outcomes)


def percent(values: Iterable[object]) -> str:
    """How many of them are true, in per cent; a dash for none."""
    found = [bool(value) for value in values]
    return f"{100 * np.mean(found):.1f} %" if found else "–"
