"""A descent leaves behind what it found."""

import numpy as np
import pytest
from threadpoolctl import ThreadpoolController, threadpool_limits

from tunewise.progress import silent
from tunewise.training.descent import Pace, descend


def spread():
    """Over how many threads products are spread."""
    controller = ThreadpoolController().select(user_api="blas")
    return [each.num_threads for each in controller.lib_controllers]


def descended(gradients):
    weights = {"one": np.zeros(2, dtype=np.float32)}
    pace = Pace(steps=1, between=1, patience=1)
    look = {"best": 0.0, "pace": pace, "rate": 1e-3, "progress": silent}
    return descend(weights, gradients, lambda _: (0.0, None), **look)


@pytest.fixture
def two_threads():
    with threadpool_limits(2, "blas"):
        if set(spread()) != {2}:
            pytest.skip("products have one thread here, whatever is asked for")
        yield


def test_a_descent_that_is_broken_off_leaves_no_limit_behind(two_threads):
    def broken():
        assert set(spread()) == {1}
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        descended(broken)
    assert set(spread()) == {2}
