"""The learning curve's forecasts, held against curves that are known."""

import numpy as np
import pytest

from tunewise.errors import DataError, OptionError
from tunewise.learning_curve import Point, extrapolate

UNITS = 200
GROUPS = [str(unit) for unit in range(UNITS)]
SIZES = (50, 50, 100, 100, 200, 200, 400)
SPREAD = np.random.default_rng(0).normal(0, 0.05, UNITS)
SPREAD -= SPREAD.mean()


def power_law(queries):
    """A rung's mean gain after training on so many queries."""
    return 0.10 - 0.5 * queries**-0.5


def points(gain, sizes=SIZES, *, noise=0.0, seed=0):
    """Trainings whose mean gains are `gain` of their size, and vary by `noise`."""
    unlike = np.random.default_rng(seed).normal(0, noise, len(sizes))
    return [Point(n, SPREAD + gain(n) + unlike[place]) for place, n in enumerate(sizes)]


def forecast(trainings, seed=0, groups=GROUPS):
    return extrapolate(trainings, groups, rung="adapter", metric="nDCG@10", worth=0.02, seed=seed)


def test_a_power_law_goes_on_within_its_intervals():
    found = forecast(points(power_law, noise=0.001))
    assert [ahead.queries for ahead in found.ahead] == [800, 1600, 4000]
    for ahead in found.ahead:
        assert ahead.gain.low < power_law(ahead.queries) < ahead.gain.high
    assert found.ahead[0].gain.mean == pytest.approx(power_law(800), abs=0.01)
    assert found.ahead[0].supported
    assert found.worth_at == 400  # what there is gains 0.075
    assert found.more == 0


def test_how_many_more_queries_make_a_gain_worth_having_is_read_off_the_curve():
    found = forecast(points(lambda n: 0.006 * np.log2(n / 100)))  # 0.02 at 1,008 queries
    assert 700 < found.worth_at < 1500
    assert found.more == found.worth_at - 400
    assert found.sure_at is None or found.sure_at > found.worth_at


def test_a_flat_curve_promises_nothing():
    found = forecast(points(lambda n: 0.0))
    assert [round(ahead.gain.mean, 3) for ahead in found.ahead] == [0.0, 0.0, 0.0]
    assert found.ahead[0].gain.high < 0.02
    assert found.worth_at is None
    assert found.sure_at is None


def test_what_has_gained_nothing_yet_may_begin_to_and_the_more_the_farther():
    zeros = [Point(n, np.zeros(UNITS)) for n in SIZES]
    widths = [ahead.gain.high - ahead.gain.low for ahead in forecast(zeros).ahead]
    assert 0.02 < widths[0] < widths[1] < widths[2] < 0.05


def test_more_labels_never_bring_less():
    falling = forecast(points(lambda n: 0.05 - 0.006 * np.log2(n / 50)))
    told = [ahead.gain.mean for ahead in falling.ahead]
    assert told == pytest.approx([told[0]] * 3, abs=0.002)
    assert told[0] > 0.03  # the mean of what was seen, not the end of its fall


def test_too_few_sizes_are_refused_with_the_reason():
    found = forecast(points(power_law, sizes=(4, 4, 200, 400)))
    assert found.ahead == ()
    assert not found.supported
    assert found.worth_at is None
    assert "3 different sizes of 8 queries or more, and there are 2" in found.why


def test_the_seed_decides_and_the_order_of_trainings_does_not():
    trainings = points(power_law, noise=0.005)
    assert forecast(trainings) == forecast(trainings)
    assert forecast(trainings) == forecast(trainings[::-1])
    assert forecast(trainings) != forecast(trainings, seed=1)


def test_an_interval_too_wide_to_act_on_is_said_to_be():
    found = forecast(points(lambda n: 0.04, noise=0.06))
    assert not any(ahead.supported for ahead in found.ahead)
    assert "2×, 4×, 10× the labels" in found.why


@pytest.mark.slow
def test_intervals_hold_the_next_training_when_trainings_vary():
    tens = [str(unit // 10) for unit in range(UNITS)]  # fewer groups: quicker
    held, generator = 0, np.random.default_rng(5)
    for seed in range(40):
        found = forecast(points(power_law, noise=0.03, seed=seed), groups=tens)
        following = power_law(800) + generator.normal(0, 0.03)
        held += found.ahead[0].gain.low <= following <= found.ahead[0].gain.high
    assert held >= 34


def test_gains_must_be_those_of_the_units():
    with pytest.raises(DataError, match="there are none"):
        forecast([])
    with pytest.raises(OptionError, match="there are 200 units"):
        forecast([Point(50, np.zeros(3))])
