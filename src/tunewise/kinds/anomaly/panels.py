"""What a report shows of oddness: alarms promised and found, the choice of a threshold, texts."""

import numpy as np
from numpy.typing import NDArray

from tunewise.kinds.anomaly.alarms import wilson
from tunewise.kinds.anomaly.examples import MarkedTexts
from tunewise.kinds.anomaly.metrics import auroc
from tunewise.kinds.kind import Contender, Shown
from tunewise.kinds.panels import Curves, Examples, Line, Panel, Table, apart, excerpt

Floats = NDArray[np.float64]

_POINTS = 60  # of a curve
_READ = 10  # texts shown
_LABELS = 20  # labels told of


def panels(shown: Shown) -> list[Panel]:
    """Alarms, curves by threshold, the texts it gets most wrong, odd labels, and doubles apart."""
    part: MarkedTexts = shown.judged
    answers = shown.answers[shown.contender.name]
    found: list[Panel] = []
    if "threshold" in shown.contender.settings:
        found += [_alarms(part, answers, shown.contender), _curves(part, answers, shown.contender)]
    found += [_oddest(part, answers), _hidden(part, answers)]
    if len(np.unique(part.labels[part.odd])) > 1:
        found.append(_labels(part, answers))
    known = np.isin(part.groups, shown.train.groups)
    if known.any() and not known.all():
        found.append(_without(shown, known))
    return found


def _alarms(part: MarkedTexts, answers: Floats, contender: Contender) -> Table:
    normal, odd = answers[~part.odd], answers[part.odd]
    asked = contender.settings["alarms"]
    rows = []
    for rate, threshold in contender.settings["thresholds"]:
        alarms, hits = int((normal > threshold).sum()), int((odd > threshold).sum())
        promised = f"{100 * rate:.3g} %" + (" (yours)" if rate == asked else "")
        rows.append((
            promised,
            round(threshold, 4),
            _share(alarms, len(normal)),
            _share(hits, len(odd)),
            f"{alarms + hits:,}",
        ))  # fmt: skip
    return Table(
        "False alarms, promised and found",
        f"Thresholds were chosen on normal texts of dev, and these are {len(normal):,} normal "
        f"and {len(odd):,} odd texts of test. A text is odd where its score is above the "
        "threshold. The intervals are of 95 % (Wilson). What is promised holds for normal texts "
        "of the same sort; where they have changed, it does not.",
        ("false alarms promised", "threshold", "found", "odd texts caught", "alarms"),
        rows,
    )


def _curves(part: MarkedTexts, answers: Floats, contender: Contender) -> Curves:
    normal, odd = np.sort(answers[~part.odd]), np.sort(answers[part.odd])
    at = np.unique(np.quantile(answers, np.linspace(0, 1, _POINTS), method="lower"))
    alarms, hits = (len(v) - np.searchsorted(v, at, side="right") for v in (normal, odd))
    some = alarms + hits > 0  # above all scores nothing is precise
    drawn = {
        "odd texts caught": (at, hits / max(len(odd), 1)),
        "false alarms": (at, alarms / max(len(normal), 1)),
        "precision": (at[some], hits[some] / (alarms + hits)[some]),
    }
    return Curves(
        "What a threshold brings",
        "The share of odd and of normal texts above each threshold, and how many of those above it "
        "are odd. Precision is that of this test part: where fewer texts are odd it is lower. "
        f"Marked is the threshold for {100 * contender.settings['alarms']:.3g} % false alarms.",
        "threshold",
        "share",
        [Line(name, list(zip(x.tolist(), y.tolist(), strict=True)))
         for name, (x, y) in drawn.items()],
        mark=contender.settings["threshold"],
    )  # fmt: skip


def _oddest(part: MarkedTexts, answers: Floats) -> Examples:
    rows = np.flatnonzero(~part.odd)
    return Examples(
        "Normal texts that look oddest",
        "The first to raise a false alarm, each with its score. Look whether they are normal.",
        _told(part, answers, rows[np.argsort(-answers[rows], kind="stable")]),
    )


def _hidden(part: MarkedTexts, answers: Floats) -> Examples:
    rows = np.flatnonzero(part.odd)
    return Examples(
        "Odd texts that look most normal",
        "The last to be caught, each with its score. Look whether they are odd, and what normal "
        "texts they resemble.",
        _told(part, answers, rows[np.argsort(answers[rows], kind="stable")]),
    )


def _told(part: MarkedTexts, answers: Floats, rows: NDArray[np.int64]) -> list[tuple[str, str]]:
    names = [*part.names, ""]  # the last one is that of -1
    return [
        (excerpt(part.texts[row]), f"{answers[row]:.3f} {names[part.labels[row]]}".strip())
        for row in rows[:_READ].tolist()
    ]


def _labels(part: MarkedTexts, answers: Floats) -> Table:
    """AUROC of each odd label against all normal texts."""
    rows = []
    for label in np.unique(part.labels[part.odd]).tolist():
        own = part.odd & (part.labels == label)
        there = own | ~part.odd
        name = part.names[label] if label >= 0 else "no label"
        rows.append((name, int(own.sum()), round(_auroc(part, answers, there), 3)))
    rows.sort(key=lambda row: (row[2], row[0]))
    return Table(
        "Odd labels, hardest first",
        "How well the odd texts of each label are told from all normal ones.",
        ("label", "test texts", "AUROC"),
        rows[:_LABELS],
    )


def _without(shown: Shown, known: NDArray[np.bool_]) -> Table:
    part: MarkedTexts = shown.judged
    scores = {
        name: {"AUROC": (shown.scores[name].mean("AUROC"), _auroc(part, answers, ~known))}
        for name, answers in shown.answers.items()
    }
    return apart(
        "Without texts that are also in train",
        f"{int(known.sum()):,} of {len(part):,} test texts stand in train too, in the same words "
        "or nearly.",
        scores,
        shown.contender.name,
    )


def _auroc(part: MarkedTexts, answers: Floats, rows: NDArray[np.bool_]) -> float:
    return auroc(part.odd[rows], answers[rows])(np.ones(int(rows.sum())))


def _share(hits: int, of: int) -> str:
    low, high = wilson(hits, of)
    return f"{100 * hits / max(of, 1):.1f} % [{100 * low:.1f}, {100 * high:.1f}]"
