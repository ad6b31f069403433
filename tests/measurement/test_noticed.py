"""D040 in a verdict says what the answer says, and nothing where the answer was found."""

import numpy as np

from tunewise.data.check import check
from tunewise.measurement.noticed import as_measured
from tunewise.metrics import Scores
from tunewise.testing import tiny_task
from tunewise.verdict import Decision, Standing, decide

UNITS = 40
GROUPS = [str(number) for number in range(UNITS)]
FEW = [one for one in check(tiny_task()) if one.code == "D040"]
BASE = np.linspace(0.2, 0.8, UNITS)


def decided(gains: np.ndarray) -> Decision:
    standings = [
        Standing(name, name == "adapter", float(values.mean()), Scores(GROUPS, {"MRR": values}))
        for name, values in (("pretrained", BASE), ("adapter", BASE + gains))
    ]
    return decide(standings, GROUPS, metric="MRR", worth=0.02)


def test_where_the_answer_was_found_queries_were_not_too_few():
    assert len(FEW) == 1
    for gain in (0.1, 0.001):
        found = decided(np.full(UNITS, gain))
        assert found.answer in ("tune", "suffices")
        assert as_measured(FEW, found, 0.02) == []


def test_where_it_could_not_be_told_the_number_is_that_of_the_answer():
    found = decided(np.tile([0.2, -0.16], UNITS // 2))
    assert found.answer == "cannot tell yet"
    assert found.needed is not None
    [few] = as_measured(FEW, found, 0.02)
    assert few.advice.endswith(found.needed.why)
    assert "deviate by 0.18" in few.advice  # of ±0.18 about 0.02
    assert "a gain below 0.081 (worth having: 0.02)" in few.title  # 2.8 · 0.182 / √40


def test_without_a_gain_the_usual_deviation_is_all_there_is():
    alone = Standing("pretrained", False, 0.5, Scores(GROUPS, {"MRR": BASE}))
    found = decide([alone], GROUPS, metric="MRR", worth=0.02)
    assert as_measured(FEW, found, 0.02) == FEW
