"""What is said of a task whose queries were made of its documents, wherever it is read.

| code | severity | meaning |
|---|---|---|
| D090 | warning | Queries were made of the documents, not asked by people |
| D091 | note | Made queries were dropped |
"""

from collections.abc import Mapping
from typing import Any

from tunewise.finding import Finding

REAL_QUERIES = 100
"""Real queries that are asked for before anything decided on made ones is acted on."""

BIAS = (
    "Made queries are nearer to their documents than those of people, in words above all: scores "
    "come out too high, and by how much differs between search by words and by vectors."
)
ADVICE = f"label about {REAL_QUERIES} real queries before you act on it"

ALONE = (
    "If there are documents and nothing else, queries can be made of them: --make-queries auto "
    "(tunewise.make_task)."
)
"""What to do with documents alone, said where queries or judgments are missed."""

_WAYS = {
    "titles": "titles of documents",
    "headings": "headings within documents",
    "sentences": "sentences held out of documents",
    "llm": "questions by a language model",
}


def told_made(made: Mapping[str, Any]) -> tuple[Finding, ...]:
    """The findings about queries that were made this way; none if none were."""
    if not made:
        return ()
    findings = [
        Finding(
            "D090",
            "warning",
            "Queries were made of the documents, not asked by people",
            made["kept"],
            (f"{described(made)}: {made['why']}",),
            f"What they decide is provisional: {ADVICE}. {BIAS}",
        )
    ]
    if made["dropped"]:
        most = sorted(made["dropped"].items(), key=lambda reason: (-reason[1], reason[0]))
        findings.append(
            Finding(
                "D091",
                "note",
                "Made queries were dropped",
                sum(made["dropped"].values()),
                tuple(f"{count:,}: {why}" for why, count in most[:3]),
                "Nothing, unless they are most: then another way of making queries may suit these "
                "documents better.",
            )
        )
    return tuple(findings)


def described(made: Mapping[str, Any]) -> str:
    """What the queries are, in a few words.

    >>> described({"way": "titles"})
    'titles of documents'
    """
    return _WAYS[made["way"]]
