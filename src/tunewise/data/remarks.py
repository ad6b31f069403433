"""Remarks: what reading had to decide or leave out, counted by code."""

from dataclasses import dataclass, field

from tunewise.finding import Finding, Severity

CODES: dict[str, tuple[Severity, str, str]] = {
    "D001": (
        "note",
        "Columns taken by their names",
        "If one is taken wrongly, name it: columns={'query': 'NAME'} or --column query=NAME.",
    ),
    "D002": (
        "warning",
        "More than one column could be the query or the document",
        "Say which one is meant: columns={'query': …} or --column query=NAME.",
    ),
    "D003": (
        "note",
        "Repeated rows, kept once",
        "Nothing to do, unless each row was meant to be different.",
    ),
    "D004": (
        "warning",
        "Queries in more than one part, kept in the part nearest to test",
        "Remove them from the other parts.",
    ),
    "D005": (
        "warning",
        "The same query and document with different grades, the highest kept",
        "Decide on one grade for each query and document.",
    ),
    "D006": (
        "warning",
        "Grades below 0, counted as 0",
        "Use 0 for what was looked at and is not relevant.",
    ),
    "D007": (
        "warning",
        "Judgments for documents that do not exist, left out",
        "Add the documents, or check that their ids are spelled as in the judgments.",
    ),
    "D008": (
        "warning",
        "Judgments for queries that do not exist, left out",
        "Add the queries, or check that their ids are spelled as in the judgments.",
    ),
    "D009": (
        "note",
        "Grades with fractions: relevant means at least half the highest grade",
        "If that is not what they mean, use whole grades: 0 not relevant, 1 and up relevant.",
    ),
    "D010": (
        "note",
        "Files or splits left aside",
        "If one of them belongs to the task, give it its usual name or pass it by name.",
    ),
    "D011": (
        "warning",
        "Texts with half a character (a lone UTF-16 surrogate), replaced by U+FFFD",
        "Export the data anew from its source; it was cut or decoded wrongly there.",
    ),
    "D012": (
        "warning",
        "Judged queries without a part while others have one, counted as train",
        "Give every query a part: train, dev or test.",
    ),
    "D013": (
        "warning",
        "A column named like a division holds none of train, dev and test, left aside",
        "Write train, dev and test in it, or name another: columns={'split': 'NAME'}.",
    ),
    "D014": (
        "warning",
        "Queries in more than one group, the first kept",
        "Give each query one group.",
    ),
}
"""Code → severity, title, advice. A code never changes its meaning."""


@dataclass
class Remarks:
    """Counts what happens while reading and keeps the first three examples of each code."""

    _counts: dict[str, int] = field(default_factory=dict)
    _examples: dict[str, list[str]] = field(default_factory=dict)

    def add(self, code: str, example: object) -> None:
        """Counts one more; `example` is made a text only if it is among the first three."""
        self._counts[code] = self._counts.get(code, 0) + 1
        examples = self._examples.setdefault(code, [])
        if len(examples) < 3:
            examples.append(str(example))

    def examples(self, code: str) -> list[str]:
        """The first examples of this code, none if it never happened."""
        return list(self._examples.get(code, ()))

    def findings(self) -> tuple[Finding, ...]:
        """One finding for each code that happened, in the order of the codes."""
        return tuple(
            Finding(code, *CODES[code][:2], count, tuple(self._examples[code]), CODES[code][2])
            for code, count in sorted(self._counts.items())
        )
