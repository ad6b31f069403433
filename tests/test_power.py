"""How many units settle a gain, held against simulated futures."""

import doctest

import numpy as np
import pytest

import tunewise.power
from tunewise.errors import OptionError
from tunewise.power import units_to_settle

WORTH = 0.02


def settled(gain, deviation, units, total, *, futures=20_000):
    """The share of futures in which `total` units settle a gain seen on `units` of them."""
    generator = np.random.default_rng(0)
    truth = gain + deviation / np.sqrt(units) * generator.standard_normal(futures)
    new = truth + deviation / np.sqrt(total - units) * generator.standard_normal(futures)
    mean = (units * gain + (total - units) * new) / total
    half = 1.96 * deviation / np.sqrt(total)
    return float((((mean - half > 0) & (mean >= WORTH)) | (mean + half < WORTH)).mean())


@pytest.mark.parametrize("gain", [-0.01, 0.0, 0.012, 0.03, 0.08])
def test_so_many_units_settle_it_four_times_in_five(gain):
    needed = units_to_settle(gain, 0.25, 100, worth=WORTH)
    assert needed is not None
    assert settled(gain, 0.25, 100, needed) >= 0.79
    fewer = int(0.9 * needed)
    assert fewer <= 100 or settled(gain, 0.25, 100, fewer) < 0.81


def test_a_gain_at_the_border_is_out_of_reach():
    assert units_to_settle(WORTH, 0.001, 1000, worth=WORTH, further=0.01) is None


def test_what_more_units_do_not_take_away_makes_it_need_more():
    plain = units_to_settle(0.05, 0.25, 100, worth=WORTH)
    assert units_to_settle(0.05, 0.25, 100, worth=WORTH, further=1e-4) > plain


def test_senseless_units_are_refused():
    with pytest.raises(OptionError, match="units"):
        units_to_settle(0.05, 0.25, 0, worth=WORTH)


def test_the_examples_in_the_docstrings_hold():
    assert doctest.testmod(tunewise.power).failed == 0
