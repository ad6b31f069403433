"""A reliability diagram has a dot for each tenth that says something."""

import numpy as np
import pytest

from tunewise.kinds.panels import reliability


def test_tenths_with_a_handful_of_answers_have_no_dot():
    sure = np.repeat([0.25, 0.55, 0.95], [1, 5, 10])
    right = np.array([False] + [True] * 3 + [False] * 2 + [True] * 9 + [False])
    dots = reliability(sure, right)
    assert dots == [pytest.approx((0.55, 0.6)), pytest.approx((0.95, 0.9))]


def test_where_all_tenths_have_few_the_fullest_is_shown():
    assert reliability(np.array([0.3, 0.31, 0.9]), np.array([True, False, True])) == [
        pytest.approx((0.305, 0.5))
    ]
