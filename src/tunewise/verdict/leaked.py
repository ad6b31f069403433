"""What a verdict may say when test queries were also learned from."""

from collections.abc import Sequence
from dataclasses import replace

from tunewise.comparison import signed
from tunewise.finding import Finding
from tunewise.verdict.decision import CANNOT_TELL, TUNE, Decision

LEAKS = ("D032", "D033", "D034")
"""Findings of what stands on both sides of a division."""


def doubted(decision: Decision, findings: Sequence[Finding]) -> Decision:
    """The decision as far as it can be believed, test and train sharing what `findings` say.

    A leak makes tuning look better than it is. So a leak that is an error takes `tune` away: what
    is named is then the best untuned contender, its target left open. One that is a warning is
    told beside the answer. An answer that tuning does not pay stands: without the leak it would
    pay less.
    """
    leaks = [finding for finding in findings if finding.code in LEAKS]
    if decision.answer != TUNE or not leaks:
        return decision
    worst = [finding for finding in leaks if finding.severity == "error"]
    if not worst:
        told = "; ".join(f"{leak.title} ({leak.code}: {leak.count:,})" for leak in leaks)
        return replace(decision, reasons=(*decision.reasons, f"The gain may be too high. {told}."))
    leak = worst[0]
    gain = decision.gain
    assert gain is not None  # noqa: S101 - an answer `tune` has one
    return replace(
        decision,
        answer=CANNOT_TELL,
        contender=decision.best_untuned,
        rung=None,
        target=None,
        sentence=(
            f"Cannot tell yet: {decision.best_tuned} seems to bring {signed(gain.difference)} "
            f"{gain.metric}, but most of test can be known from train "
            f"({leak.code}: {leak.count:,} of {gain.units:,} test queries), so that is "
            "not to be believed."
        ),
        reasons=(f"{leak.title}. {leak.advice}",),
    )
