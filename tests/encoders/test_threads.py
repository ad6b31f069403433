"""Threads: who holds torch to one, and who gets back what it had."""

import threading

import pytest

from tunewise.encoders.threads import all_threads, among_others, one_thread

pytestmark = pytest.mark.slow  # importing torch alone takes seconds


def test_who_was_held_and_did_not_leave_last_has_its_threads_back_when_it_asks() -> None:
    import torch

    before = torch.get_num_threads()
    inside, both, left, alone = (threading.Event() for _ in range(4))
    had: list[int] = []

    def first() -> None:
        torch.set_num_threads(2)
        with one_thread():
            inside.set()
            assert both.wait(10)
        all_threads()  # somebody else still holds it
        had.append(torch.get_num_threads())
        left.set()
        assert alone.wait(10)
        all_threads()
        had.append(torch.get_num_threads())

    thread = threading.Thread(target=first)
    try:
        thread.start()
        assert inside.wait(10)
        with one_thread():
            both.set()
            assert left.wait(10)
        alone.set()
        thread.join()
    finally:
        torch.set_num_threads(before)
    assert had == [1, 2]


def test_whoever_computes_knows_of_others() -> None:
    with among_others() as first, among_others() as second:
        assert (first, second) == (False, True)
    with among_others() as third:
        assert not third
