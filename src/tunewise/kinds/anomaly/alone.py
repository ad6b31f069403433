"""Alone: a detector from normal texts, where there is no odd one to choose or to measure by."""

from dataclasses import replace

from tunewise.encoders import Encoder
from tunewise.kinds.anomaly import neighbours
from tunewise.kinds.anomaly.alarms import wilson
from tunewise.kinds.anomaly.examples import MarkedTexts
from tunewise.kinds.kind import Contender, Setting


def fit_alone(examples: MarkedTexts, encoder: Encoder, *, seed: int = 0) -> Contender:
    """The plain detector, `neighbours` with its usual settings, and its threshold from dev.

    What it promises of false alarms has been looked at on the normal texts of test; `notes` say
    what was found. Whether it catches anything odd, nothing here can tell. It is saved and loaded
    as any contender of the kind.
    """
    setting = Setting(
        examples.take("train"), examples.take("dev"), [encoder], "AUROC", lambda *_: 0.0, seed
    )
    found = neighbours.fit(setting, [])[0]
    usual = examples.take("test").normal
    threshold = found.settings.get("threshold")
    if threshold is None or not len(usual):
        return found
    alarms = int((found.answer(usual.texts) > threshold).sum())
    low, high = wilson(alarms, len(usual))
    told = (
        f"{alarms} of {len(usual)} normal texts of test raise a false alarm, "
        f"{alarms / len(usual):.1%} [{low:.1%}, {high:.1%}] where {usual.alarms:.3g} was promised; "
        "whether odd texts are caught was not measured"
    )
    return replace(found, notes=(*found.notes, told))
