"""Task: queries, documents and judgments, and how they are divided.

`Task` is what a user brings. Dividing it gives a `Training`, the only thing a contender's
`fit` ever sees, and a `Test`, which `measurement` alone holds: a leak would be a type error.
"""

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

from tunewise.finding import Finding

Judgments = Mapping[str, Mapping[str, float]]
"""Query id → document id → grade. A grade of 0 is a judgment too: looked at, not relevant."""


@dataclass(frozen=True)
class Texts:
    """Texts with their ids, aligned. Ids are unique."""

    ids: Sequence[str]
    texts: Sequence[str]

    def __len__(self) -> int:
        return len(self.ids)

    def __repr__(self) -> str:
        return f"Texts({len(self):,})"

    @cached_property
    def position(self) -> Mapping[str, int]:
        """Id → its place in `ids`."""
        return {key: place for place, key in enumerate(self.ids)}

    def text(self, key: str) -> str:
        """The text with this id; KeyError if there is none."""
        return self.texts[self.position[key]]

    def take(self, places: Iterable[int]) -> "Texts":
        """The texts at these places, in this order."""
        chosen = list(places)
        return Texts([self.ids[p] for p in chosen], [self.texts[p] for p in chosen])


@dataclass(frozen=True)
class Task:
    """Queries, documents and judgments as read, before any division.

    `queries` holds every query, judged or not; every id in `judgments` exists. `parts` says
    which part ("train", "dev", "test") the user put a query in and is empty when the user made
    no split; `groups` holds the user's own group keys, if any. A document counts as relevant
    from grade `relevant_from` up. `weights` holds the queries that were drawn to be measured on
    and how many queries each stands for; all others stand for themselves. `source` and `read_with`
    are what `read_task` was called with, and `findings` says what it had to decide or leave out.
    Where judgments are estimated (from clicks), `redrawn` holds them as other samples of the same
    log would have given them, for the same queries and documents: their spread is the estimate's
    own. `made` is empty unless the queries were made of the documents (`make_task`); then it says
    how.
    """

    documents: Texts
    queries: Texts
    judgments: Judgments
    parts: Mapping[str, str] = field(default_factory=dict)
    groups: Mapping[str, str] = field(default_factory=dict)
    relevant_from: float = 1.0
    source: str = ""
    read_with: Mapping[str, Any] = field(default_factory=dict)
    findings: tuple[Finding, ...] = ()
    made: Mapping[str, Any] = field(default_factory=dict)
    redrawn: tuple[Judgments, ...] = ()
    weights: Mapping[str, float] = field(default_factory=dict)

    def __repr__(self) -> str:
        counted = f"{len(self.documents):,} documents, {len(self.queries):,} queries"
        return f"Task({self.source!r}: {counted}, {len(self.judgments):,} of them judged)"

    @cached_property
    def fingerprint(self) -> str:
        """Sixteen hexadecimal digits that change when anything measured would change."""
        digest = hashlib.sha256(f"task 1 {self.relevant_from}".encode())
        for texts in (self.documents, self.queries):
            for key, text in zip(texts.ids, texts.texts, strict=True):
                digest.update(f"{key}\x1f{text}\x1e".encode("utf-8", "surrogatepass"))
            digest.update(b"\x1d")
        for query in sorted(self.judgments):
            graded = sorted(self.judgments[query].items())
            place = f"{self.parts.get(query, '')}\x1f{self.groups.get(query, '')}"
            digest.update(f"{query}\x1f{place}\x1f{graded}\x1e".encode())
            for judgments in self.redrawn:
                digest.update(f"{[judgments[query][key] for key, _ in graded]}\x1e".encode())
        if self.weights:
            digest.update(f"weights {sorted(self.weights.items())}".encode())
        return digest.hexdigest()[:16]


@dataclass(frozen=True)
class Part:
    """Judged queries of one part, with the group each belongs to (aligned with `queries`).

    `weights` are those of the task, for the queries of this part that have one.
    """

    queries: Texts
    judgments: Judgments
    groups: Sequence[str]
    weights: Mapping[str, float] = field(default_factory=dict)

    def __len__(self) -> int:
        return len(self.queries)

    def take(self, rows: Iterable[int]) -> "Part":
        """The queries at these places, in this order, with all that is known of them."""
        chosen = list(rows)
        queries = self.queries.take(chosen)
        return Part(
            queries,
            {query: self.judgments[query] for query in queries.ids},
            [self.groups[row] for row in chosen],
            {query: self.weights[query] for query in queries.ids if query in self.weights},
        )

    def joined(self, other: "Part") -> "Part":
        """These queries and then the other part's, which are different ones."""
        mine, theirs = self.queries, other.queries
        return Part(
            Texts([*mine.ids, *theirs.ids], [*mine.texts, *theirs.texts]),
            {**self.judgments, **other.judgments},
            [*self.groups, *other.groups],
            {**self.weights, **other.weights},
        )


@dataclass(frozen=True)
class Training:
    """What a contender may learn from and choose on. `train` may be empty; `dev` may be too."""

    documents: Texts
    train: Part
    dev: Part
    relevant_from: float = 1.0


@dataclass(frozen=True)
class Test:
    """What nothing is learned from or chosen on. Only `measurement` holds one.

    `redrawn` are the task's, of the part's queries: a sample may hold nothing relevant to one.
    """

    __test__ = False  # not a test class, whatever its name makes pytest think

    part: Part
    relevant_from: float = 1.0
    redrawn: tuple[Judgments, ...] = ()
