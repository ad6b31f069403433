"""Reject: when the winner answers none of the labels, learned on dev and looked at on test.

How little a text belongs is how unsure the winner is of its own answer, or what a detector of odd
texts says that learned from the texts with labels (`kinds/anomaly`), or the mean of both, each in
units of its spread on dev: whichever tells texts out of scope best there, by AUROC. Where there are
none it is the mean. From which score on the answer is none is chosen on the texts of dev that have
a label, for a share of them that may be answered so (split conformal prediction).
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from types import ModuleType
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tunewise.data.labelled import LabelledTexts
from tunewise.kinds.anomaly import lexical, mahalanobis, neighbours
from tunewise.kinds.anomaly.alarms import RATES, threshold_of, too_few, wilson
from tunewise.kinds.anomaly.examples import MarkedTexts
from tunewise.kinds.anomaly.metrics import auroc, placements
from tunewise.kinds.anomaly.metrics import score as odd_score
from tunewise.kinds.classification.heads import Chances
from tunewise.kinds.kind import Contender, Setting, Shown
from tunewise.kinds.panels import Examples, Panel, Table, excerpt

Floats = NDArray[np.float64]

_PART = "none"  # what the detector is called among the winner's parts, and the settings beside it
_OWN, _BOTH = "probability", "both"
_ON_VECTORS: tuple[ModuleType, ...] = (neighbours, mahalanobis)
_LEAST = 0.01  # spread: where all texts of dev are quite sure, a doubt is no thousand times another
_READ = 10  # texts shown
_SURE = 1.959963984540054  # of a normal distribution, for 95 %


def with_none(contender: Contender, setting: Setting) -> Contender:
    """The contender with what tells it when to answer none; itself where nobody asked for that."""
    outside, dev = setting.dev.outside, setting.dev
    if outside is None or not len(dev):
        return contender
    candidates = ways(contender, setting)
    levels: dict[str, float] | None = None
    if len(outside):
        levels = {
            way: _auroc(oddness(one, dev.texts), oddness(one, outside.texts))
            for way, one in candidates.items()
        }
        found = candidates[max(levels, key=levels.__getitem__)]
    else:
        # words alone tell little of what is out of scope (benchmarks/reject.md)
        found = candidates[_BOTH if contender.encoder is not None else _OWN]
    usual = np.sort(oddness(found, dev.texts))
    told = {
        **found.settings[_PART],
        "alarms": outside.alarms,
        "threshold": threshold_of(usual, outside.alarms),
        "thresholds": [[r, threshold_of(usual, r)] for r in sorted({*RATES, outside.alarms})],
        "AUROC on dev": levels,
    }
    notes = (*found.notes, *too_few(len(usual), outside.alarms))
    return replace(found, settings={**found.settings, _PART: told}, notes=notes)


def ways(contender: Contender, setting: Setting) -> dict[str, Contender]:
    """The contender with each of what may tell how little a text belongs, by its name."""
    detectors = _detectors(contender, setting)
    found = {_OWN: _told_by(contender, _OWN)}
    found |= {one.family: _told_by(contender, one.family, one) for one in detectors}
    if not detectors:  # no words to learn from
        return found
    seen = [oddness(found[way], setting.dev.texts) for way in (_OWN, detectors[0].family)]
    units = [[float(each.mean()), max(float(each.std()), _LEAST)] for each in seen]
    return found | {_BOTH: _told_by(contender, _BOTH, detectors[0], units=units)}


def _told_by(
    contender: Contender, way: str, part: Contender | None = None, **more: Any
) -> Contender:
    parts = contender.parts if part is None else {**contender.parts, _PART: part}
    settings = {**contender.settings, _PART: {"by": way, **more}}
    return replace(contender, parts=parts, settings=settings)


def threshold(contender: Contender) -> float | None:
    """Above which oddness the answer is none; None where that was not learned."""
    told = contender.settings.get(_PART)
    return None if told is None else float(told["threshold"])


def oddness(contender: Contender, texts: Sequence[str], answers: Chances | None = None) -> Floats:
    """How little each text belongs (n,), higher for less; `answers` are the contender's, if known.

    By its own probability that is one less the probability of the label chosen.
    """
    told, part = contender.settings[_PART], contender.parts.get(_PART)
    if told["by"] not in (_OWN, _BOTH):
        assert part is not None  # noqa: S101 - it is what tells
        return np.asarray(part.answer(texts))
    answers = contender.answer(texts) if answers is None else answers
    unsure = np.asarray(1.0 - answers.max(axis=1), dtype=np.float64)
    if told["by"] == _OWN:
        return unsure
    assert part is not None  # noqa: S101 - it is one half
    scores = zip((unsure, part.answer(texts)), told["units"], strict=True)
    return np.asarray(np.mean([(each - mean) / spread for each, (mean, spread) in scores], axis=0))


def panels(shown: Shown) -> list[Panel]:
    """What none brought on test, by how many false alarms are allowed, and texts to read."""
    found = _checked(shown)
    if found is None:
        return []
    return [_by_rate(found, shown), *_examples(found, shown.judged)]


def said(shown: Shown) -> list[str]:
    """The same for the share of false alarms that was asked for, in sentences."""
    found = _checked(shown)
    if found is None:
        return []
    at = found.settings["threshold"]
    alarms, count = int((found.inside > at).sum()), len(found.inside)
    right = int((found.right & (found.inside <= at)).sum())
    told = (
        f"The answer 'none of these' goes by {found.by}, with "
        f"{100 * found.settings['alarms']:.3g} % false alarms promised: "
        f"{_share(alarms, count)} of {count:,} test texts in scope are answered so, and "
        f"{_share(right, count)} get their label "
        f"({_share(int(found.right.sum()), count)} if none is never answered)."
    )
    sentences = [told, *_broken(found, alarms, shown)]
    if not len(found.outside):
        return [
            *sentences,
            "Whether texts out of scope are noticed was not measured: test has none.",
        ]
    hits, of = int((found.outside > at).sum()), len(found.outside)
    caught = f"Of {of:,} test texts out of scope {_share(hits, of)} are answered with none"
    return [*sentences, f"{caught}; AUROC {_auroc_words(found)}."]


@dataclass(frozen=True)
class _Checked:
    """Oddness of test texts in scope and out of it, and which of the first have their label."""

    settings: Mapping[str, Any]
    inside: Floats
    outside: Floats
    right: NDArray[np.bool_]

    @property
    def by(self) -> str:
        """What tells, in words."""
        own, way = "how unsure the label is", self.settings["by"]
        said = {_OWN: own, _BOTH: f"{own} and how far known texts are"}
        return str(said.get(way, f"a detector of odd texts ({way})"))


def _checked(shown: Shown) -> _Checked | None:
    one, part = shown.contender, shown.judged
    if _PART not in one.settings:
        return None
    answers = shown.answers[one.name]
    inside = oddness(one, part.texts, answers)
    outside = oddness(one, part.outside.texts) if len(part.outside) else np.empty(0)
    return _Checked(one.settings[_PART], inside, outside, answers.argmax(axis=1) == part.labels)


def _broken(found: _Checked, alarms: int, shown: Shown) -> Iterator[str]:
    """That test has surely more false alarms than were promised, and why that may be."""
    if wilson(alarms, len(found.inside))[0] > found.settings["alarms"]:
        yield (
            f"That is more than promised: dev had only {len(shown.dev):,} texts in scope to choose "
            "the threshold on, or those of test are of another sort."
        )


def _detectors(contender: Contender, setting: Setting) -> list[Contender]:
    """What learned from the texts with labels how odd another one is, with the same encoder."""
    own = contender.encoder
    train, dev = (_marked(part) for part in (setting.train, setting.dev))

    def level(answers: Floats, part: MarkedTexts) -> float:
        return odd_score(answers, part, ["AUROC"]).mean("AUROC")

    over = replace(
        setting, train=train, dev=dev, encoders=[own] if own else [], metric="AUROC", level=level
    )
    found = [one for way in (_ON_VECTORS if own else (lexical,)) for one in way.fit(over, [])]
    # a tuned encoder lies in the winner's folder, and serves the detector too
    return [replace(one, kind="anomaly", save_encoder=contender.save_encoder) for one in found]


def _marked(part: LabelledTexts) -> MarkedTexts:
    """Texts with labels as normal ones, and those of the same part that have none as odd."""
    assert part.outside is not None  # noqa: S101 - asked only where there is one
    more = len(part.outside)
    return MarkedTexts(
        [*part.texts, *part.outside.texts],
        np.repeat([False, True], [len(part), more]),
        np.concatenate([part.labels, np.full(more, -1)]),
        part.names,
        np.concatenate([part.parts, part.outside.parts]),
        np.concatenate([part.groups, np.arange(more) + part.groups.max(initial=-1) + 1]),
        part.outside.alarms,
    )


def _by_rate(found: _Checked, shown: Shown) -> Table:
    rows = []
    for rate, at in found.settings["thresholds"]:
        kept = found.inside <= at
        yours = " (yours)" if rate == found.settings["alarms"] else ""
        rows.append((
            f"{100 * rate:.3g} %{yours}",
            round(at, 4),
            _share(int((~kept).sum()), len(kept)),
            _share(int((found.right & kept).sum()), len(kept)),
            _share(int((found.outside > at).sum()), len(found.outside))
            if len(found.outside) else "not measured",
        ))  # fmt: skip
    apart = f" AUROC {_auroc_words(found)}." if len(found.outside) else ""
    return Table(
        "None of these",
        f"{shown.contender.name} answers none to a text whose oddness ({found.by}) is above a "
        "threshold. Thresholds were chosen on dev for the false alarms promised; found is the "
        f"share of the {len(found.inside):,} test texts in scope that are answered none. "
        f"{len(found.outside):,} test texts are out of scope.{apart} Right are texts in "
        f"scope that get their label; if none were never answered it would be "
        f"{_share(int(found.right.sum()), len(found.inside))}. The intervals are of 95 %.",
        ("false alarms promised", "threshold", "found", "in scope: right", "out of scope: none"),
        rows,
    )


def _examples(found: _Checked, part: LabelledTexts) -> list[Panel]:
    at, outside = found.settings["threshold"], part.outside
    assert outside is not None  # noqa: S101 - asked only where there is one
    sides = (
        ("In scope, answered none", found.inside, -found.inside, found.inside > at, part.texts),
        ("Out of scope, given a label", found.outside, found.outside, found.outside <= at,
         outside.texts),
    )  # fmt: skip
    panels_: list[Panel] = []
    for title, odd, order, wrong, texts in sides:
        rows = [row for row in np.argsort(order, kind="stable").tolist() if wrong[row]][:_READ]
        items = [(excerpt(texts[row]), f"{odd[row]:z.3f}") for row in rows]
        if items:
            told = (
                "The surest mistakes first, each with its oddness; none is answered above "
                f"{at:z.3f}."
            )
            panels_.append(Examples(title, told, items))
    return panels_


def _auroc(inside: Floats, outside: Floats) -> float:
    odd = np.repeat([False, True], [len(inside), len(outside)])
    return auroc(odd, np.concatenate([inside, outside]))(np.ones(len(odd)))


def _auroc_words(found: _Checked) -> str:
    """AUROC with its 95 % interval, from the spread of its placements (DeLong et al. 1988)."""
    mean = _auroc(found.inside, found.outside)
    odd = np.repeat([False, True], [len(found.inside), len(found.outside)])
    each = placements(odd, np.concatenate([found.inside, found.outside]))
    reach = _SURE * float(each.std(ddof=1)) / len(each) ** 0.5 if len(each) > 1 else 1.0
    return f"{mean:.3f} [{max(mean - reach, 0):.3f}, {min(mean + reach, 1):.3f}]"


def _share(hits: int, of: int) -> str:
    low, high = wilson(hits, of)
    return f"{100 * hits / max(of, 1):.1f} % [{100 * low:.1f}, {100 * high:.1f}]"
