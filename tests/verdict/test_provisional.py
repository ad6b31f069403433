"""What a verdict says when its queries were made of the documents."""

from collections.abc import Mapping
from typing import Any

import pytest

from tunewise.verdict import Decision, headline, provisional

MADE: Mapping[str, Any] = {
    "way": "titles",
    "made": 1000,
    "kept": 912,
    "found": {"words": 900, "vectors": 700},
}


def decision(answer: str, sentence: str) -> Decision:
    return Decision(
        answer=answer,
        contender="adapter-both",
        rung=None,
        sentence=sentence,
        reasons=("As measured.",),
        best_untuned="hybrid",
        best_tuned="adapter-both",
        gain=None,
        against={},
        target=None,
        needed=None,
    )


ASKS = "; label about 100 real queries before you act on it."


@pytest.mark.parametrize(
    ("answer", "real", "told"),
    [
        (
            "tune",
            "Tune: adapter-both brings +0.030 [+0.021, +0.040] nDCG@10.",
            "tuning looks worth trying: adapter-both brings +0.030 [+0.021, +0.040] nDCG@10",
        ),
        (
            "suffices",
            "Off-the-shelf suffices: use lexical; tuning adds less.",
            "off-the-shelf suffices: use lexical; tuning adds less",
        ),
        (
            "cannot tell yet",
            "Cannot tell yet: no tuned contender was measured.",
            "cannot tell yet: no tuned contender was measured",
        ),
    ],
)
def test_a_verdict_on_made_queries_is_provisional(answer: str, real: str, told: str) -> None:
    found = provisional(decision(answer, real), MADE)
    assert found.sentence == f"Provisional: {told}{ASKS}"
    assert found.answer == answer
    assert found.reasons[-1] == "As measured."
    assert "scores come out too high" in found.reasons[0]
    assert found.reasons[1] == (
        "Queries are titles of documents; 912 of 1,000 find their document among the first 20 "
        "(900 by words, 700 by vectors), and only these are asked."
    )


def test_a_verdict_on_queries_of_people_is_told_as_it_is() -> None:
    real = decision("tune", "Tune: adapter-both pays.")
    assert provisional(real, {}) is real


def test_a_provisional_headline_never_says_that_tuning_pays() -> None:
    assert headline("tune") == "Provisional: tuning looks worth trying."
    assert headline("suffices with hybrid") == (
        "Provisional: off the shelf looks sufficient, with hybrid."
    )
    assert headline("cannot tell yet") == "Provisional: cannot tell yet."
