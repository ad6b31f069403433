"""The adapter where an item that was chosen has a text, but a vector of zeros."""

from types import SimpleNamespace

import numpy as np

from tunewise.kinds.recommendation.adapter import _contrast, _Lesson


def test_what_was_chosen_is_what_counts_as_right_though_its_vector_is_zero():
    drawn = np.random.default_rng(0).integers(0, 3, 3)
    for nothing in range(4):
        given = np.eye(4, dtype=np.float32)
        given[nothing] = 0
        question = SimpleNamespace(starts=np.array([0, 4]), places=np.arange(4))
        lesson = _Lesson(question, np.arange(1, 4), given, 0.5, np.zeros((1, 4)), 0.0)
        contrast = _contrast(lesson, np.random.default_rng(0))
        right = contrast.candidates[contrast.targets]
        np.testing.assert_array_equal(right, given[np.arange(1, 4)[drawn]])
