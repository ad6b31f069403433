"""View: a task with what several checks need to know about it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

from tunewise.data.near import near_duplicates
from tunewise.finding import Finding, Severity
from tunewise.task import Task, Texts

_SHOWN = 70  # characters of a text in an example


@dataclass(frozen=True)
class View:
    """A task, its judged queries, and which texts say the same.

    `relevant` has an entry for each query with judgments: the ids of its relevant documents,
    maybe none. `alike_documents` (by document id) and `alike_queries` (by judged query's id) are
    equal numbers for near-duplicates.
    """

    task: Task
    relevant: Mapping[str, Sequence[str]]
    alike_documents: Mapping[str, int]
    alike_queries: Mapping[str, int]

    @cached_property
    def judged(self) -> Texts:
        """The queries with judgments."""
        return self.task.queries.take(self.task.queries.position[key] for key in self.relevant)

    @cached_property
    def scorable(self) -> Mapping[str, Sequence[str]]:
        """Query id → relevant documents, where there are any."""
        return {query: keys for query, keys in self.relevant.items() if keys}


def viewed(task: Task) -> View:
    """The view of a task."""
    relevant = {
        query: [key for key, grade in graded.items() if grade >= task.relevant_from]
        for query, graded in task.judgments.items()
        if graded
    }
    queries = [task.queries.text(query) for query in relevant]
    documents = near_duplicates(task.documents.texts).tolist()
    return View(
        task,
        relevant,
        dict(zip(task.documents.ids, documents, strict=True)),
        dict(zip(relevant, near_duplicates(queries).tolist(), strict=True)),
    )


def clipped(text: str) -> str:
    """The beginning of a text on one line.

    >>> clipped("  two   words ")
    'two words'
    """
    line = " ".join(text[: 4 * _SHOWN].split())
    return line if len(line) <= _SHOWN else line[: _SHOWN - 1].rstrip() + "…"


def noticed(
    code: str, severity: Severity, title: str, examples: Sequence[str], advice: str
) -> list[Finding]:
    """The finding that these examples make, three of them told; none where there are none."""
    found = Finding(code, severity, title, len(examples), tuple(examples[:3]), advice)
    return [found] if examples else []


def shown(kind: str, texts: Texts, key: str) -> str:
    """How an example names a text: kind, id, beginning."""
    return f"{kind} '{key}': {clipped(texts.text(key))}"
