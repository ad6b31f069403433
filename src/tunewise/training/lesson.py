"""Lesson: what one tuning run learns from, row by row, and which rows must not meet in a batch."""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Literal

import numpy as np
from numpy.typing import NDArray

from tunewise.data.pairs import Lists, Pairs, Places, listed
from tunewise.encoders.vectors import Side
from tunewise.errors import DataError, OptionError
from tunewise.task import Training

if TYPE_CHECKING:
    from tunewise.data.examples import LabelledTexts, ScoredPairs
    from tunewise.training.negatives import Negatives

Shape = Literal["pairs", "triplets", "scored pairs", "labelled texts", "classes"]

_USUAL = 4  # negatives a row where nobody says how many: each one costs a text to encode
_FEWEST_WORDS, _VIEW = 4, 0.6  # of a text with two views, and the share of words in each
_ROUNDS = 20  # draws at random before it is looked up what may be drawn at all


@dataclass(frozen=True)
class Lesson:
    """Rows to learn from, aligned with each other.

    `columns` are the texts: (anchor, positive, negative_1 … negative_k), (first, second), or
    (text,); each has n of them. `sides` says per column whose prompt it takes. `scores` (n,) are
    there for scored pairs, in 0 … 1, and for classes, whose numbers they are. `answers` are the
    places of the documents in each row, its positive first; `barred` those that must not be in a
    row beside it. `notes` say what was left out or made up on the way.
    """

    shape: Shape
    columns: tuple[Sequence[str], ...]
    sides: tuple[Side, ...]
    scores: NDArray[np.float64] | None
    answers: Lists
    barred: Lists
    notes: tuple[str, ...] = ()

    def __len__(self) -> int:
        return len(self.columns[0])

    @cached_property
    def fingerprint(self) -> str:
        """Sixteen hexadecimal digits that change when anything learned from would change."""
        digest = hashlib.sha256(f"lesson 1 {self.shape} {self.sides}".encode())
        for column in self.columns:
            for text in column:
                digest.update(f"{text}\x1e".encode("utf-8", "surrogatepass"))
            digest.update(b"\x1d")
        if self.scores is not None:
            digest.update(self.scores.tobytes())
        for lists in (self.answers, self.barred):
            for part in (lists.starts, lists.places, lists.which):
                digest.update(b"\x1d" if part is None else np.asarray(part, np.int64).tobytes())
        return digest.hexdigest()[:16]


def lesson_of_pairs(
    training: Training,
    pairs: Pairs,
    negatives: "Negatives | None" = None,
    per_row: int = 0,
    *,
    seed: int = 0,
) -> Lesson:
    """A row for each pair: its query, the document that answers it, and `per_row` negatives.

    Negatives are those judged not relevant first, in random order, then mined ones as they come;
    a row that has too few of both is filled up with random documents that are not barred. With
    `per_row` 0 there are as many as half of the rows have, at most 4; if that is none, the
    shape is "pairs", otherwise "triplets". A row that every document is barred for is left out.

    Raises OptionError for fewer than 0 negatives, DataError if nothing is left to learn from.
    """
    if per_row < 0:
        raise OptionError(f"A row cannot have {per_row} negatives. Give 0 or more.")
    if not len(pairs):
        raise DataError(
            "There is no train part to learn from. Add judged queries to a train part, or give no "
            "parts to have all queries divided."
        )
    rows, known = _known(pairs, negatives, seed)
    counts = np.bincount(rows, minlength=len(pairs))
    each = per_row or min(_USUAL, int(np.median(counts)))
    notes = _unused(counts) if not each else ()
    grid = np.full((len(pairs), each), -1, dtype=np.int64)
    within = np.arange(len(rows)) - np.repeat(np.cumsum(counts) - counts, counts)
    first = within < each
    grid[rows[first], within[first]] = known[first]
    made_up = int((grid < 0).sum())
    grid = _filled(grid, pairs, len(training.documents), seed)
    whole = np.flatnonzero((grid >= 0).all(axis=1))
    if made_up:
        notes += (_made_up(made_up, grid.size, len(pairs) - len(whole)),)
    return _of_grid(training, pairs, grid, whole, notes)


def lesson_of_scored(examples: "ScoredPairs") -> Lesson:
    """A row for each scored pair of the train part; any rows may meet.

    Raises DataError without two of them, or where all have the same score.
    """
    train = examples.take("train")
    scores = np.asarray(train.scores, dtype=np.float64)
    if len(np.unique(scores)) < 2:
        raise DataError(
            f"The train part holds {len(scores)} scored pairs with "
            f"{len(np.unique(scores))} different scores, so there is no order to learn. "
            "Add pairs that are more and less alike."
        )
    none = Lists(np.zeros(len(scores) + 1, dtype=np.int64), np.empty(0, dtype=np.int64))
    columns = (list(train.first), list(train.second))
    return Lesson("scored pairs", columns, ("documents", "documents"), scores, none, none)


def lesson_of_labels(examples: "LabelledTexts", *, seed: int) -> Lesson:
    """Each text of the train part with another one of its label, all others of it being barred.

    Each text is an anchor once and a positive once. Texts that are equal count as one; a text
    that is alone with its label is left out and counted. What else has the label of a row
    must not be beside it, nor a text that stands under both labels: `answers` and `barred` are
    places among the different texts, sorted.

    Raises DataError for fewer than two labels that have two texts.
    """
    train = examples.take("train")
    names, texts = np.unique(np.asarray(train.texts, dtype=object), return_inverse=True)
    entries = np.unique(np.stack([train.labels, texts]), axis=1)
    labels, members = np.split(entries[1], np.flatnonzero(np.diff(entries[0])) + 1), []
    generator = np.random.default_rng(seed)
    for label, places in enumerate(labels):
        turned = generator.permutation(places)
        if len(turned) > 1:
            members.append((np.full(len(turned), label), turned, np.roll(turned, -1)))
    if len(members) < 2:
        raise DataError(
            f"{len(members)} labels of the train part have two different texts, so nothing can be "
            "told apart. Add labels, or texts to those there are."
        )
    which, anchors, positives = (np.concatenate(part) for part in zip(*members, strict=True))
    starts = np.concatenate([[0], np.cumsum([len(places) for places in labels])])
    answers = np.stack([positives, anchors], axis=1)
    left = len(train.texts) - len(anchors)
    return Lesson(
        "labelled texts",
        ([str(names[place]) for place in anchors], [str(names[place]) for place in positives]),
        ("documents", "documents"),
        None,
        Lists(2 * np.arange(len(anchors) + 1), answers.reshape(-1)),
        Lists(starts, np.concatenate(labels), which),
        (f"{left:,} texts are equal to another one or alone with their label: left out",)
        * (left > 0),
    )


def lesson_of_views(texts: Sequence[str], *, seed: int) -> Lesson:
    """Two views of each text, which should be alike and unlike those of every other text.

    A view is some six tenths of the words, in their order (deletion of words: Wu et al. 2020,
    "CLEAR: contrastive learning for sentence representation"). Texts of fewer than four words are
    left out and counted. Texts should differ: any two may be told from each other.

    Raises DataError for fewer than two texts that are long enough.
    """
    long = [own for text in texts if len(own := text.split()) >= _FEWEST_WORDS]
    if len(long) < 2:
        raise DataError(
            f"{len(long)} texts have {_FEWEST_WORDS} words or more, too few to learn from: views "
            "of a text are made by leaving words out. Add longer texts."
        )
    generator = np.random.default_rng([seed, 2])
    one, other = ([_view(own, generator) for own in long] for _ in range(2))
    none = Lists(np.zeros(len(long) + 1, dtype=np.int64), np.empty(0, dtype=np.int64))
    left = len(texts) - len(long)
    notes = (f"{left:,} texts of fewer than {_FEWEST_WORDS} words are left out",) * (left > 0)
    return Lesson("pairs", (one, other), ("documents", "documents"), None, none, none, notes)


def _view(words: Sequence[str], generator: np.random.Generator) -> str:
    kept = np.sort(generator.permutation(len(words))[: round(_VIEW * len(words))])
    return " ".join(words[place] for place in kept.tolist())


def lesson_of_classes(examples: "LabelledTexts") -> Lesson:
    """Each text of the train part with the number of its label; any rows may meet."""
    train = examples.take("train")
    none = Lists(np.zeros(len(train) + 1, dtype=np.int64), np.empty(0, dtype=np.int64))
    numbers = np.asarray(train.labels, dtype=np.float64)
    return Lesson("classes", (list(train.texts),), ("documents",), numbers, none, none)


def _known(pairs: Pairs, negatives: "Negatives | None", seed: int) -> tuple[Places, Places]:
    """Rows and their negatives, judged ones before mined ones, none twice, in order of rows."""
    rows, places = pairs.negatives.of(pairs.queries)
    order = np.random.default_rng(seed).random(len(rows))
    if negatives is not None:
        further, mined = negatives.documents.of(pairs.queries)
        rows, places = np.concatenate([rows, further]), np.concatenate([places, mined])
        order = np.concatenate([order, 1.0 + np.arange(len(further))])
    sorting = np.lexsort((order, rows))
    rows, places = rows[sorting], places[sorting]
    width = int(places.max(initial=0)) + 1
    first = np.zeros(len(rows), dtype=bool)
    first[np.unique(rows * width + places, return_index=True)[1]] = True
    first &= places != pairs.documents[rows]
    return rows[first], places[first]


def _filled(grid: Places, pairs: Pairs, documents: int, seed: int) -> Places:
    """The negatives (n, k) with random documents where there was -1; -1 where none may be taken."""
    generator = np.random.default_rng([seed, 1])
    grid = grid.copy()
    for _ in range(_ROUNDS):
        rows, columns = np.nonzero(grid < 0)
        if not len(rows):
            return grid
        drawn = generator.integers(0, documents, len(rows))
        grid[rows, columns] = np.where(_allowed(grid, pairs, rows, drawn), drawn, -1)
        _undouble(grid, np.unique(rows))
    return _looked_up(grid, pairs, documents, generator)


def _allowed(grid: Places, pairs: Pairs, rows: Places, drawn: Places) -> NDArray[np.bool_]:
    own = (grid[rows] == drawn[:, None]).any(axis=1) | (pairs.documents[rows] == drawn)
    return np.asarray(~own & ~listed(pairs.barred, pairs.queries[rows], drawn))


def _undouble(grid: Places, rows: Places) -> None:
    """Empties the second of two places of a row that drew the same document."""
    for column in range(1, grid.shape[1]):
        double = (grid[rows, :column] == grid[rows, column, None]).any(axis=1)
        grid[rows[double], column] = -1


def _looked_up(
    grid: Places, pairs: Pairs, documents: int, generator: np.random.Generator
) -> Places:
    """What chance did not find, where nearly all is barred, found by looking at every document."""
    every = np.arange(documents)
    for row in np.flatnonzero((grid < 0).any(axis=1)).tolist():
        same = np.full(documents, row)
        free = generator.permutation(every[_allowed(grid, pairs, same, every)])
        holes = np.flatnonzero(grid[row] < 0)[: len(free)]
        grid[row, holes] = free[: len(holes)]
    return grid


def _of_grid(
    training: Training, pairs: Pairs, grid: Places, rows: Places, notes: tuple[str, ...]
) -> Lesson:
    if not len(rows):
        raise DataError(
            "Every document is barred as a negative for every query, so no row has one. "
            "Train on pairs, without negatives, or add documents."
        )
    queries = pairs.queries[rows]
    answers = np.concatenate([pairs.documents[rows, None], grid[rows]], axis=1)
    asked, texts = training.train.queries.texts, training.documents.texts
    columns = [[asked[place] for place in queries.tolist()]]
    columns += [[texts[place] for place in column] for column in answers.T.tolist()]
    width = answers.shape[1]
    return Lesson(
        "triplets" if width > 1 else "pairs",
        tuple(columns),
        ("queries", *("documents",) * width),
        None,
        Lists(width * np.arange(len(rows) + 1), answers.reshape(-1)),
        pairs.barred.take(queries),
        notes,
    )


def _unused(counts: Places) -> tuple[str, ...]:
    have = int(np.count_nonzero(counts))
    told = (
        f"{have:,} of {len(counts):,} rows have a document judged not relevant: too few for a "
        "column of negatives; ask for negatives to use them"
    )
    return (told,) if have else ()


def _made_up(made_up: int, of: int, left_out: int) -> str:
    told = f"{made_up:,} of {of:,} negatives are documents drawn at random"
    return told + (f"; {left_out:,} rows had none to draw and are left out" if left_out else "")
