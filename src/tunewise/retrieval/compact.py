"""Compact: document vectors in fewer bytes, searched as they are kept, and scored again.

A form says how many numbers are kept of each vector (the first ones, or its principal
components), in which numbers, and with what the best of a first search are scored again.
Principal components here are those of the second moment, without centring: of all linear maps
to so few numbers they change dot products least. int8 steps are set for each number by the
99.9th percentile of its size; a binary number says on which side of the mean it lies.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal, get_args

import numpy as np
from numpy.typing import NDArray

from tunewise.encoders.vectors import unit
from tunewise.errors import OptionError
from tunewise.rankings import Rankings, collect
from tunewise.retrieval.dense import Scored, merge, nothing, top

Cut = Literal["prefix", "pca"]
Numbers = Literal["float32", "float16", "int8", "binary"]
Again = Literal["", "query", "int8", "float16"]
Vectors = NDArray[np.float32]

BYTES = {"float32": 4.0, "float16": 2.0, "int8": 1.0, "binary": 1 / 8}
"""Bytes a number takes."""
ENOUGH = 100
"""Vectors that calibration takes to be worth something."""

_SAMPLE = 50_000  # vectors that calibration looks at
_BLOCK = 8_192  # documents at a time
_STEPS = 127
_TAIL = 99.9  # per cent of a number's sizes that int8 tells apart; the rest is cut
_DECIMALS = 6


def _none() -> Vectors:
    return np.empty(0, dtype=np.float32)


@dataclass(frozen=True, slots=True)
class Form:
    """How vectors are kept: `size` numbers of each, found by `cut`.

    If `again` is given, the best `candidates` of the first search are scored again, with the
    query unrounded against the same copy ("query"), or against a second copy of the whole vectors
    in those numbers. The others follow them in the order of the first search.
    """

    size: int
    cut: Cut = "prefix"
    numbers: Numbers = "float32"
    again: Again = ""
    candidates: int = 0

    @property
    def searched(self) -> int:
        """Bytes a document takes in the copy that is searched."""
        return int(np.ceil(self.size * BYTES[self.numbers]))

    def bytes_of(self, dimension: int) -> int:
        """Bytes a document takes in all copies, of vectors with so many numbers."""
        second = 0.0 if self.again in ("", "query") else dimension * BYTES[self.again]
        return self.searched + int(second)

    @property
    def name(self) -> str:
        """The form in words, such as "128 first numbers, binary, best 40 again in int8"."""
        which = "first numbers" if self.cut == "prefix" else "components"
        told = f"{self.size} {which}, {self.numbers}"
        if not self.again:
            return told
        what = "with the whole query" if self.again == "query" else f"in {self.again}"
        return f"{told}, best {self.candidates} again {what}"


@dataclass(frozen=True)
class Compact:
    """A form, and what was learned from documents to bring vectors into it.

    `components` (d, size) is there for principal components, `middle` (size,) for binary numbers,
    `steps` (size,) for int8 ones and `steps_again` (d,) for int8 ones of a second copy; empty
    where the form has no such thing.
    """

    form: Form
    dimension: int
    components: Vectors = field(default_factory=_none)
    middle: Vectors = field(default_factory=_none)
    steps: Vectors = field(default_factory=_none)
    steps_again: Vectors = field(default_factory=_none)

    def check(self) -> None:
        """Raises ValueError for a form that cannot be, or arrays that do not belong to it."""
        form = self.form
        words = ((form.cut, Cut), (form.numbers, Numbers), (form.again, Again))
        if any(word not in get_args(known) for word, known in words):
            raise ValueError(f"there is no form {form}")
        if not 1 <= form.size <= self.dimension or (form.again and form.candidates < 1):
            raise ValueError(f"a form cannot be {form} of {self.dimension} numbers")
        shapes = {
            "components": (self.dimension, form.size) if form.cut == "pca" else (0,),
            "middle": (form.size,) if form.numbers == "binary" else (0,),
            "steps": (form.size,) if form.numbers == "int8" else (0,),
            "steps_again": (self.dimension,) if form.again == "int8" else (0,),
        }
        for name, shape in shapes.items():
            array = getattr(self, name)
            if array.shape != shape or array.dtype != np.float32 or not np.isfinite(array).all():
                raise ValueError(f"{name} is not what the form needs")

    def keep(self, documents: Vectors) -> "Kept":
        """The documents (n, d) as this form keeps them."""
        return Kept(
            np.concatenate([self._coded(block) for block in _blocks(documents)]),
            None
            if self.form.again in ("", "query")
            else np.concatenate([self._coded_again(block) for block in _blocks(documents)]),
        )

    def cut(self, vectors: Vectors) -> Vectors:
        """What is left of the vectors (n, d) before rounding: (n, size), at unit length."""
        if len(self.components):
            return unit(vectors @ self.components)
        return unit(vectors[:, : self.form.size])

    def search(
        self,
        queries: Vectors,
        kept: "Kept",
        query_ids: Sequence[str],
        document_ids: Sequence[str],
        *,
        k: int = 10,
    ) -> Rankings:
        """The k best documents for each of the queries (q, d), and those tied with the last.

        Scores are rounded to six decimals, so that equal codes tie in spite of rounding noise.
        """
        depth = max(k, self.form.candidates)
        asked = self.cut(queries)
        found: list[Scored] = [nothing() for _ in query_ids]
        for begin in range(0, len(kept.first), _BLOCK):
            scores = self._scores(asked, kept.first[begin : begin + _BLOCK])
            for row, line in enumerate(scores):
                found[row] = merge(found[row], line, begin, depth)
        if self.form.again:
            found = [
                self._again(queries[row], asked[row], kept, each) for row, each in enumerate(found)
            ]
        return collect(query_ids, document_ids, [top(*each, k) for each in found])

    def _coded(self, vectors: Vectors) -> NDArray[np.generic]:
        left = self.cut(vectors)
        if self.form.numbers == "binary":
            return np.packbits(left > self.middle, axis=1)
        if self.form.numbers == "int8":
            return _rounded(left, self.steps)
        return left.astype(self.form.numbers)

    def _coded_again(self, vectors: Vectors) -> NDArray[np.generic]:
        if self.form.again == "int8":
            return _rounded(vectors, self.steps_again)
        return vectors.astype(np.float16)

    def _scores(self, asked: Vectors, codes: NDArray[np.generic]) -> Vectors:
        """The scores (q, n) of what is left of the queries against a block of the first copy."""
        if self.form.numbers == "binary":
            return self._agreement(np.packbits(asked > self.middle, axis=1), codes)
        if self.form.numbers == "int8":  # steps go to the few queries, not to the many codes
            return np.round((asked * self.steps) @ codes.astype(np.float32).T, _DECIMALS)
        return np.round(asked @ self._plain(codes).T, _DECIMALS)

    def _agreement(self, asked: NDArray[np.uint8], codes: NDArray[np.generic]) -> Vectors:
        """The share of numbers on the same side, less that on different sides: −1 to 1."""
        differing = np.zeros((len(asked), len(codes)), dtype=np.int32)
        for row, bits in enumerate(_words(asked)):
            for word, column in zip(bits, _words(codes).T, strict=True):
                differing[row] += np.bitwise_count(column ^ word)
        return (1 - 2 * differing / self.form.size).astype(np.float32)

    def _plain(self, codes: NDArray[np.generic]) -> Vectors:
        if self.form.numbers == "int8":
            return codes.astype(np.float32) * self.steps
        if self.form.numbers == "binary":
            bits = np.unpackbits(codes.view(np.uint8), axis=1, count=self.form.size)
            return bits.astype(np.float32) * 2 - 1
        return codes.astype(np.float32)

    def _again(self, query: Vectors, asked: Vectors, kept: "Kept", found: Scored) -> Scored:
        """The best scored again; below them the others, as they were."""
        places, first = found
        best, _ = top(places, first, self.form.candidates)
        again = np.isin(places, best)
        scores = np.empty(len(places), dtype=np.float32)
        scores[again] = self._second(query, asked, kept, best)
        if not again.all():
            below = scores[again].min() - 10.0**-_DECIMALS
            scores[~again] = first[~again] - first[~again].max() + below
        return places, scores

    def _second(
        self, query: Vectors, asked: Vectors, kept: "Kept", places: NDArray[np.int64]
    ) -> Vectors:
        if self.form.again == "query":
            scores = self._plain(kept.first[places]) @ asked
        else:
            assert kept.second is not None  # noqa: S101 - kept with the form
            plain = kept.second[places].astype(np.float32)
            scores = (plain * self.steps_again if len(self.steps_again) else plain) @ query
        return np.round(scores, _DECIMALS).astype(np.float32)


@dataclass(frozen=True)
class Kept:
    """Documents in a form: the copy that is searched, and the second one, if there is any."""

    first: NDArray[np.generic]
    second: NDArray[np.generic] | None


def fit(form: Form, documents: Vectors, *, seed: int = 0) -> Compact:
    """Learns from document vectors (n, d) what the form needs. Look at no more than 50,000 of them.

    Raises OptionError for a size below one or beyond the vectors' own, for none to learn from,
    and for a second scoring of no documents.
    """
    dimension = documents.shape[1]
    if not 1 <= form.size <= dimension:
        raise OptionError(
            f"{form.size} numbers cannot be kept of vectors that have {dimension}. "
            f"Keep 1 to {dimension}."
        )
    if not len(documents):
        raise OptionError("There are no document vectors to learn from. Give some documents.")
    if form.again and form.candidates < 1:
        raise OptionError(f"A second scoring takes 1 document or more, not {form.candidates}.")
    sample = _sample(documents, seed)
    components = _components(sample, form.size) if form.cut == "pca" else _none()
    left = Compact(form, dimension, components).cut(sample)
    return Compact(
        form,
        dimension,
        components,
        middle=left.mean(axis=0) if form.numbers == "binary" else _none(),
        steps=_steps(left) if form.numbers == "int8" else _none(),
        steps_again=_steps(sample) if form.again == "int8" else _none(),
    )


def _sample(documents: Vectors, seed: int) -> Vectors:
    if len(documents) <= _SAMPLE:
        return np.asarray(documents)
    places = np.sort(np.random.default_rng(seed).choice(len(documents), _SAMPLE, replace=False))
    return np.asarray(documents[places])


def _components(sample: Vectors, size: int) -> Vectors:
    """The directions (d, size) with the largest second moment, turned so that none stands out.

    Turned at random, for the first components carry far more than the last, and rounded numbers
    of the same fineness serve those best that are alike.
    """
    moment = sample.T.astype(np.float64) @ sample
    _, vectors = np.linalg.eigh(moment)
    turn, _ = np.linalg.qr(np.random.default_rng(0).normal(size=(size, size)))
    return np.asarray(vectors[:, ::-1][:, :size] @ turn, dtype=np.float32)


def _steps(vectors: Vectors) -> Vectors:
    """The size of one int8 step for each number."""
    widest = np.percentile(np.abs(vectors), _TAIL, axis=0)
    return (np.where(widest > 0, widest, 1.0) / _STEPS).astype(np.float32)


def _rounded(vectors: Vectors, steps: Vectors) -> NDArray[np.int8]:
    return np.clip(np.round(vectors / steps), -_STEPS, _STEPS).astype(np.int8)


def _words(codes: NDArray[np.generic]) -> NDArray[np.unsignedinteger[Any]]:
    """Rows of bytes as rows of eight bytes at once, where they come out even."""
    plain = np.ascontiguousarray(codes)
    return plain.view(np.uint64 if plain.shape[1] % 8 == 0 else np.uint8)


def _blocks(vectors: Vectors) -> Iterator[Vectors]:
    for begin in range(0, len(vectors), _BLOCK):
        yield np.asarray(vectors[begin : begin + _BLOCK], dtype=np.float32)
