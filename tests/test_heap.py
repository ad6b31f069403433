"""What is looked through for what may go, and what is left alone."""

import gc

import pytest

from tunewise.heap import collected, set_aside


class Ring:
    """Something that only looking through everything finds to be forgotten."""

    def __init__(self, seen):
        self.me, self.seen = self, seen

    def __del__(self):
        self.seen.append("gone")


def test_what_was_made_within_and_forgotten_is_gone_and_nothing_stays_set_aside():
    seen = []
    assert not gc.get_freeze_count()
    with collected():
        assert gc.get_freeze_count()
        Ring(seen)
    assert (seen, gc.get_freeze_count()) == (["gone"], 0)


def test_what_somebody_else_set_aside_stays_so():
    gc.freeze()
    try:
        before = gc.get_freeze_count()
        with collected():
            pass
        assert gc.get_freeze_count() > before // 2
    finally:
        gc.unfreeze()


def test_one_within_another_leaves_what_that_set_aside():
    with collected():
        with collected():
            pass
        assert gc.get_freeze_count()
    assert not gc.get_freeze_count()


@pytest.mark.slow
def test_what_is_there_is_set_aside_and_what_comes_later_is_looked_through():
    seen, often = [], gc.get_threshold()
    early = Ring(seen)
    gc.set_threshold(700, 10, 10)
    try:
        set_aside()
        assert gc.get_freeze_count()
        assert gc.get_threshold()[0] > 700
        del early
        Ring([]).me = Ring(seen)
        gc.collect()
        assert seen == ["gone"]  # the later one alone
    finally:
        gc.unfreeze()
        gc.set_threshold(*often)
    gc.collect()
    assert seen == ["gone", "gone"]
