"""Verdict: the answer, its reasons, and everything it stands on."""

from tunewise.verdict.changes import WORTHS, Otherwise, otherwise
from tunewise.verdict.decision import (
    CANNOT_TELL,
    SUFFICES,
    TUNE,
    Decision,
    decide,
)
from tunewise.verdict.leaked import doubted
from tunewise.verdict.needed import FEW, Needed
from tunewise.verdict.provisional import headline, provisional
from tunewise.verdict.standing import Standing
from tunewise.verdict.target import Target
from tunewise.verdict.unmeasured import not_measured
from tunewise.verdict.verdict import Change, Price, Skipped, Stories, Verdict

__all__ = [
    "CANNOT_TELL",
    "FEW",
    "SUFFICES",
    "TUNE",
    "WORTHS",
    "Change",
    "Decision",
    "Needed",
    "Otherwise",
    "Price",
    "Skipped",
    "Standing",
    "Stories",
    "Target",
    "Verdict",
    "decide",
    "doubted",
    "headline",
    "not_measured",
    "otherwise",
    "provisional",
]
