"""Keeping: another task, asked before and after, that shows what general ability tuning costs."""

from dataclasses import dataclass
from typing import Literal

from tunewise.contenders.contender import encoding
from tunewise.data.docstrings import docstring_task
from tunewise.data.examples import Examples
from tunewise.encoders import TransformerEncoder
from tunewise.errors import DataError
from tunewise.progress import Progress
from tunewise.task import Part, Task, Texts, Training
from tunewise.training.exam import Exam, search_exam

Keep = Task | Literal["docstrings"] | None
"""A task of the user's, the documentation of installed packages, or nothing."""

METRIC = "nDCG@10"
_DOCUMENTS = 1000  # of the documentation task
_ROWS = 2000  # as if the lesson had so many: an exam of two hundred queries


@dataclass(frozen=True)
class OtherTask:
    """The exam of another task, and what the task is; `note` says why there is none.

    `asked` is how to ask for the same: "docstrings", "none", or the task's source.
    """

    exam: Exam | None
    asked: str
    source: str = ""
    fingerprint: str = ""
    queries: int = 0
    note: str = ""


def other_task(
    keep: Keep, data: Examples, encoder: TransformerEncoder, progress: Progress, *, seed: int
) -> OtherTask:
    """The exam of the task to be kept: up to two hundred of its queries, and a few documents each.

    Raises DataError for what is no retrieval task, or one without a query that can be scored.
    """
    if keep is None:
        return OtherTask(
            None, "none", note="what tuning costs elsewhere was not measured (keep: none)"
        )
    if keep == "docstrings" and data.source.startswith("docstrings"):
        return OtherTask(
            None,
            "docstrings",
            note="what tuning costs elsewhere was not measured: the task that is asked by default "
            "is this one; name another with --keep",
        )
    progress("reading the task to be kept", 0, 0)
    if keep != "docstrings" and not isinstance(keep, Task):
        raise DataError(
            "The task to be kept is no retrieval task: it takes queries, documents and judgments. "
            "Name another folder with --keep, or --keep none."
        )
    if keep != "docstrings" and keep.fingerprint == data.fingerprint:
        raise DataError(
            f"The task to be kept, '{keep.source}', is the one that is learned from. Name another "
            "with --keep, or --keep none."
        )
    task = docstring_task(limit=_DOCUMENTS, seed=seed) if keep == "docstrings" else keep
    training = _all_dev(task)
    encode = encoding(encoder, progress)
    exam = search_exam(
        training,
        encode(training.dev.queries.texts, "queries"),
        encode(training.documents.texts, "documents"),
        METRIC,
        rows=_ROWS,
        seed=seed,
    )
    asked = "docstrings" if keep == "docstrings" else task.source
    return OtherTask(exam, asked, task.source, task.fingerprint, len(exam.queries))


def _all_dev(task: Task) -> Training:
    """The task with all queries that can be scored in dev: nothing is learned from it."""
    relevant = task.relevant_from
    asked = [
        q for q, graded in task.judgments.items() if max(graded.values(), default=0) >= relevant
    ]
    if not asked:
        raise DataError(
            f"No query of the task to be kept, '{task.source}', has a relevant document, so it "
            "cannot be scored. Name another with --keep, or --keep none."
        )
    queries = task.queries.take(task.queries.position[query] for query in asked)
    dev = Part(queries, {query: task.judgments[query] for query in asked}, asked)
    return Training(task.documents, Part(Texts([], []), {}, []), dev, relevant)
