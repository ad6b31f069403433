"""Kinds: retrieval, scored pairs and labelled texts, each divided, as tuning needs to know them.

What differs between them is here: what is learned from, what is looked at while training goes
on, what all of dev says, and what is measured in the end.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from tunewise.contenders.contender import encoding
from tunewise.data.check import check
from tunewise.data.checks.texts import Reader, cut_off
from tunewise.data.checks.view import View
from tunewise.data.examples import Kind, LabelledTexts, ScoredPairs
from tunewise.data.split import Division
from tunewise.encoders import Encoder
from tunewise.encoders.vectors import unit
from tunewise.errors import DataError, OptionError
from tunewise.finding import Finding, in_order
from tunewise.kinds.kind import groups_of
from tunewise.measurement.gains import (
    Gain,
    likeness_scores,
    naming_scores,
    paired_gains,
)
from tunewise.metrics import DEFAULT_METRICS, Scores, parse_metric, score
from tunewise.retrieval import nearest
from tunewise.task import Part, Task, Texts
from tunewise.training.exam import Encode, Exam, likeness_exam, naming_exam, search_exam
from tunewise.training.lesson import Lesson, lesson_of_labels, lesson_of_scored

FEWEST_DEV = 10  # units of dev with which it can be told when to stop, barely
_DEEP = 100  # documents ranked for each query
PartName = Literal["test", "dev"]
Vectors = NDArray[np.float32]


@dataclass(frozen=True)
class Ground:
    """Examples of one kind, divided: all that tuning learns from, looks at and is measured by.

    `dev` gives the metric on the whole of dev; `gains` holds base against tuned on `measured_on`,
    the test part, or dev where there is no test; `level` is the metric alone, there, of vectors
    cut to their first so many numbers. `units` names what is counted in `counts`.
    """

    kind: Kind
    metric: str
    lesson: Lesson
    exam: Exam
    dev: Callable[[Encode], float]
    gains: Callable[[Encode, Encode], tuple[Gain, ...]]
    level: Callable[[Encode, int], float]
    measured_on: PartName
    units: str
    counts: Mapping[str, int]
    findings: Sequence[Finding]
    split: Mapping[str, Any]


def metric_of(kind: Kind, named: str | None) -> str:
    """The metric that decides, by its name; None takes the usual one of the kind.

    Raises OptionError for one that does not fit.
    """
    if kind == "retrieval":
        return parse_metric(named or "nDCG@10").name
    own = {"scored": "Spearman", "labelled": "accuracy"}[kind]
    if named is None or named.lower() == own.lower():
        return own
    raise OptionError(
        f"The metric '{named}' does not go with {_SAID[kind]}, which are tuned by {own}. "
        "Leave --metric out."
    )


def retrieval_ground(
    task: Task, division: Division, lesson: Lesson, encoder: Encoder, metric: str, *, seed: int
) -> Ground:
    """A task's ground; queries are ranked over all documents."""
    training, test = division.training, division.test.part
    encode = encoding(encoder)
    exam = search_exam(
        training,
        encode(training.dev.queries.texts, "queries"),
        encode(training.documents.texts, "documents"),
        metric,
        rows=len(lesson),
        seed=seed,
    )
    names = list(dict.fromkeys([metric, *DEFAULT_METRICS]))

    def scored(part: Part, encode: Encode, metrics: Sequence[str]) -> Scores:
        asked, documents = part.queries, task.documents
        found = encode(asked.texts, "queries"), encode(documents.texts, "documents")
        ranked = nearest(*found, asked.ids, documents.ids, k=_DEEP)
        least = task.relevant_from
        return score(ranked, part.judgments, metrics, relevant_from=least, weights=part.weights)

    def gains(base: Encode, tuned: Encode) -> tuple[Gain, ...]:
        group = dict(zip(test.queries.ids, test.groups, strict=True))
        before, after = _both(lambda encode: scored(test, encode, names), base, tuned)
        groups = [group[query] for query in before.query_ids]
        return paired_gains(before, after, groups, seed=seed)

    return Ground(
        kind="retrieval",
        metric=metric,
        lesson=lesson,
        exam=exam,
        dev=lambda encode: scored(training.dev, encode, [metric]).mean(metric),
        gains=gains,
        level=lambda encode, size: scored(test, cut(encode, size), [metric]).mean(metric),
        measured_on="test",
        units="queries",
        counts={"train": len(training.train), "dev": len(training.dev), "test": len(test)},
        findings=retrieval_findings(task, division, encoder),
        split=division.how,
    )


def scored_ground(examples: ScoredPairs, encoder: Reader, *, seed: int) -> Ground:
    """The ground of scored pairs: cosines should be in the order of the scores."""
    part = _measured_part(examples.parts, examples.groups)
    judged = examples.take(part)

    def cosines(encode: Encode) -> NDArray[np.float64]:
        one, other = (encode(texts, "documents") for texts in (judged.first, judged.second))
        return np.asarray(np.einsum("nd,nd->n", one, other), dtype=np.float64)

    def scored(encode: Encode) -> Scores:
        return likeness_scores(cosines(encode), judged.scores)

    def gains(base: Encode, tuned: Encode) -> tuple[Gain, ...]:
        return paired_gains(*_both(scored, base, tuned), groups_of(judged), seed=seed)

    exam = likeness_exam(examples)
    counts = _counts(examples.parts)
    return Ground(
        kind="scored",
        metric="Spearman",
        lesson=lesson_of_scored(examples),
        exam=exam,
        dev=exam,
        gains=gains,
        level=lambda encode, size: scored(cut(encode, size)).mean("Spearman"),
        measured_on=part,
        units="pairs",
        counts=counts,
        findings=_read_findings(examples, [*examples.first, *examples.second], encoder),
        split={"by": "rows", **counts},
    )


def labelled_ground(examples: LabelledTexts, encoder: Reader, *, seed: int) -> Ground:
    """The ground of labelled texts: neighbours of a text should have its label."""
    part = _measured_part(examples.parts, examples.groups)
    judged = examples.take(part)
    lesson = lesson_of_labels(examples, seed=seed)
    final = naming_exam(examples, part, rows=None, seed=seed)

    def gains(base: Encode, tuned: Encode) -> tuple[Gain, ...]:
        pair = _both(lambda encode: naming_scores(final.correct(encode)), base, tuned)
        return paired_gains(*pair, groups_of(judged), seed=seed)

    counts = _counts(examples.parts)
    return Ground(
        kind="labelled",
        metric="accuracy",
        lesson=lesson,
        exam=naming_exam(examples, rows=len(lesson), seed=seed),
        dev=naming_exam(examples, rows=None, seed=seed),
        gains=gains,
        level=lambda encode, size: final(cut(encode, size)),
        measured_on=part,
        units="texts",
        counts=counts,
        findings=_read_findings(examples, examples.texts, encoder),
        split={"by": "rows", **counts},
    )


def _both(scored: Callable[[Encode], Scores], base: Encode, tuned: Encode) -> tuple[Scores, Scores]:
    """Base and tuned, scored; the same scores where the base is what is delivered."""
    before = scored(base)
    return before, before if tuned is base else scored(tuned)


def cut(encode: Encode, size: int) -> Encode:
    """The same encoder with the first `size` numbers of each vector only, of unit length again."""

    def shorter(texts: Sequence[str], side: Any) -> Vectors:
        return unit(np.asarray(encode(texts, side)[:, :size], dtype=np.float32))

    return shorter


def require_parts(counts: Mapping[str, int], units: str, source: str) -> None:
    """Raises DataError without a train part, or with a dev part too small to stop on."""
    if not counts["train"]:
        raise DataError(
            f"'{source}' has no train part, so there is nothing to learn from. Put {units} into a "
            "train part, or give no parts to have all of them divided."
        )
    if counts["dev"] < FEWEST_DEV:
        raise DataError(
            f"The dev part of '{source}' holds {counts['dev']} {units}, too few to tell when to "
            f"stop: it takes {FEWEST_DEV} at the least. Add {units} to dev, or give no parts to "
            "have all of them divided."
        )


def retrieval_findings(task: Task, division: Division, encoder: Encoder) -> list[Finding]:
    """What reading, dividing and looking at the task noticed, the gravest first."""
    looked = check(task, division=division, encoder=encoder)
    return in_order([*task.findings, *division.findings, *looked])


def _read_findings(
    examples: ScoredPairs | LabelledTexts, texts: Sequence[str], encoder: Reader
) -> list[Finding]:
    """What reading noticed, and which texts are longer than the encoder reads."""
    different = list(dict.fromkeys(texts))
    named = Texts([f"text {n}" for n in range(len(different))], different)
    view = View(Task(named, Texts([], []), {}), {}, {}, {})
    long = [replace(one, title=one.title.replace("Documents", "Texts"))
            for one in cut_off(view, encoder)]  # fmt: skip
    return in_order([*examples.findings, *long])


def _counts(parts: NDArray[np.str_]) -> dict[str, int]:
    return {name: int(np.count_nonzero(parts == name)) for name in ("train", "dev", "test")}


def _measured_part(parts: NDArray[np.str_], groups: NDArray[np.int64]) -> PartName:
    """Test, or dev where there is no test to speak of: an interval takes two groups."""
    named: tuple[PartName, ...] = ("test", "dev")
    for name in named:
        if len(np.unique(groups[parts == name])) > 1:
            return name
    raise DataError(
        "Neither test nor dev holds two groups that share no text, so nothing could be measured. "
        "Add rows about other things to test."
    )


_SAID = {"scored": "scored pairs", "labelled": "labelled texts", "retrieval": "retrieval"}
