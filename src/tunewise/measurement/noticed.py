"""Noticed: findings of a task as they stand once a gain is measured."""

from collections.abc import Sequence
from dataclasses import replace

from tunewise.data.checks.division import few_to_show
from tunewise.finding import Finding
from tunewise.power import smallest_gain
from tunewise.verdict import CANNOT_TELL, Decision


def as_measured(findings: Sequence[Finding], decision: Decision, worth: float) -> Sequence[Finding]:
    """The findings, D040 by how much queries were seen to differ and no longer by what is usual.

    It goes where the answer was found all the same, or where so many queries would show a gain of
    `worth` and something else is in the way; it then says what the answer says is needed.
    """
    if decision.gain is None:
        return findings
    found = (_few(one, decision, worth) if one.code == "D040" else one for one in findings)
    return [one for one in found if one is not None]


def _few(finding: Finding, decision: Decision, worth: float) -> Finding | None:
    gain = decision.gain
    assert gain is not None  # noqa: S101 - asked only where there is one
    needed = "" if decision.needed is None else f" {decision.needed.why}"
    have = f"There are {finding.count:,} independent groups of queries to measure on"
    if finding.severity == "error":  # so few that how much they differ is hardly known either
        return replace(finding, advice=f"{have}.{needed} Judge queries on other documents.")
    smallest = smallest_gain(gain.units, gain.effective_deviation)
    if decision.answer != CANNOT_TELL or smallest < worth:
        return None
    seen = f"{have}, and differences deviate by {gain.effective_deviation:.2f}."
    return replace(finding, title=few_to_show(smallest, worth), advice=f"{seen}{needed}")
