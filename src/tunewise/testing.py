"""What tests of code built on Tunewise need: an encoder without a model, a task without files."""

from tunewise.encoders import WordHashEncoder
from tunewise.task import Task, Texts

__all__ = ["WordHashEncoder", "tiny_task"]

_THINGS = (
    "kettle", "ladder", "bicycle", "umbrella", "violin", "compass", "lantern", "anchor",
    "blanket", "mirror", "basket", "hammer", "candle", "barrel", "window", "saddle",
)  # fmt: skip
_ACTS = ("mend", "clean", "paint", "carry", "store", "borrow", "sell", "build")
_SLANG = {"mend": "fix", "clean": "scrub", "carry": "haul", "store": "stash", "build": "make"}


def tiny_task() -> Task:
    """A task of 128 documents and 128 queries that a second suffices to measure.

    Some queries use other words for an act than the document does ("fix" for "mend"), always
    the same ones, so that there is something to learn; nothing in it is random.

    >>> task = tiny_task()
    >>> len(task.documents), len(task.queries)
    (128, 128)
    """
    told = [(act, thing) for act in _ACTS for thing in _THINGS]
    documents = [f"How to {act} a {thing}: what a {thing} needs and how to {act} it well."
                 for act, thing in told]  # fmt: skip
    queries = [f"{_SLANG.get(act, act)} my old {thing}" for act, thing in told]
    numbers = range(len(told))
    return Task(
        documents=Texts([f"d{n}" for n in numbers], documents),
        queries=Texts([f"q{n}" for n in numbers], queries),
        judgments={f"q{n}": {f"d{n}": 1.0} for n in numbers},
        source="tiny",
    )
