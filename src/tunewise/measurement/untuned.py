"""Untuned: the contenders that learn nothing, and which of them does best on dev."""

from collections.abc import Sequence
from dataclasses import dataclass

from tunewise.contenders import TABLE, Contender, Setting, dev_mean

UNTUNED = ("lexical", "pretrained", "hybrid")
"""The families that learn nothing from the train part, cheapest first."""


@dataclass(frozen=True)
class Chosen:
    """A contender, and in half a sentence why this one."""

    contender: Contender
    reason: str


def fit_untuned(setting: Setting, words: Sequence[str] = UNTUNED) -> list[Contender]:
    """The contenders of these families, each given those before it."""
    fitted: list[Contender] = []
    for word in words:
        fitted += TABLE[word].fit(setting, fitted)
    return fitted


def best_untuned(setting: Setting) -> Chosen:
    """The best on dev, the later one of equals; without a dev part the hybrid, which is last."""
    fitted, training = fit_untuned(setting), setting.training
    means = [
        dev_mean(each.dev, training.dev, setting.metric, training.relevant_from) for each in fitted
    ]
    best = max(range(len(fitted)), key=lambda place: (means[place], place))
    if not len(training.dev):
        return Chosen(fitted[best], "there is no dev part to choose")
    said = ", ".join(f"{c.name} {m:.3f}" for c, m in zip(fitted, means, strict=True))
    return Chosen(fitted[best], f"best on dev ({setting.metric}: {said})")
