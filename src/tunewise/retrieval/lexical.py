"""Lexical retrieval: BM25 over the terms an analyzer makes."""

import json
from array import array
from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tunewise.errors import OptionError
from tunewise.progress import Progress, silent
from tunewise.rankings import Rankings, collect
from tunewise.retrieval.analysis import Analyzer
from tunewise.retrieval.dense import Scored, top
from tunewise.task import Texts

K1, B = 1.2, 0.75  # Robertson and Zaragoza 2009; what Lucene ships
_BLOCK = 10_000  # texts at once
_IDS = "ids.json"
_OTHER = ""  # stands for all terms no query has: they count in a document's length


@dataclass(frozen=True)
class Bm25Index:
    """Documents indexed for BM25; `rank` answers queries.

    `vocabulary` gives each term its number; `model` is the `bm25s.BM25` behind it, or None when
    no document has a term.
    """

    document_ids: Sequence[str]
    analyzer: Analyzer
    vocabulary: Mapping[str, int]
    model: Any

    def rank(
        self,
        queries: Texts,
        *,
        k: int = 100,
        among: NDArray[np.int64] | None = None,
        progress: Progress = silent,
    ) -> Rankings:
        """The k documents with the highest BM25 score for each query.

        `among` (m,) are the places of those that may be given, increasing; None: all may.
        Documents without a term of the query are left out, so that a list may be shorter than k
        and is empty when no term is known. Documents tied with the k-th are kept too, the
        first up to 10·k of them. Scores are rounded to six decimals. Raises OptionError for k < 1.
        """
        if k < 1:
            raise OptionError(f"k is {k}, but a ranking needs at least one place. Pass k=1.")
        lists = []
        for place, terms in enumerate(self.analyzer.tokens(queries.texts)):
            if place % 100 == 0:
                progress("searching by words", place, len(queries))
            numbers = [self.vocabulary[term] for term in terms if term in self.vocabulary]
            lists.append(self._best(numbers, k, among))
        progress("searching by words", len(queries), len(queries))
        return collect(queries.ids, self.document_ids, lists)

    @property
    def nbytes(self) -> int:
        """Bytes of the index: the scores of its terms and documents."""
        kept = {} if self.model is None else self.model.scores
        return sum(part.nbytes for part in kept.values() if isinstance(part, np.ndarray))

    def save(self, folder: Path) -> None:
        """Writes the index, of which there is a model, to files in `folder`."""
        self.model.save(folder, show_progress=False)
        (folder / _IDS).write_text(json.dumps(list(self.document_ids)), encoding="utf-8")

    def _best(self, numbers: list[int], k: int, among: NDArray[np.int64] | None) -> Scored:
        if not numbers:
            return np.empty(0, dtype=np.int64), np.empty(0, dtype=np.float32)
        scores = self.model.get_scores_from_ids(numbers)
        found = np.flatnonzero(scores) if among is None else among[scores[among] != 0]
        return top(found, np.round(scores[found], 6), k)


def read_index(folder: Path, analyzer: Analyzer) -> Bm25Index:
    """What `Bm25Index.save` wrote to `folder`; scores are read as they are asked for.

    Raises OSError or ValueError where it did not.
    """
    import bm25s

    ids = json.loads((folder / _IDS).read_text(encoding="utf-8"))
    model = bm25s.BM25.load(folder, mmap=True, show_progress=False)
    return Bm25Index(ids, analyzer, model.vocab_dict, model)


def build(
    documents: Texts,
    analyzer: Analyzer,
    k1: float = K1,
    b: float = B,
    *,
    progress: Progress = silent,
) -> Bm25Index:
    """An index of `documents` for BM25 as Lucene has it (never negative; by the library bm25s).

    `k1` (0 or more) says how much a repeated term counts, `b` (0 … 1) how much long documents are
    held back. Raises OptionError for values outside.

    >>> documents = Texts(["a", "b"], ["Cats sleep.", "Dogs bark at cats and cats."])
    >>> index = build(documents, Analyzer("en"))
    >>> index.rank(Texts(["q"], ["the sleeping cat"])).best(0, 1)[0][0]
    'a'
    """
    units = read_units(documents.texts, analyzer, progress=progress)
    return index_units(documents.ids, units, analyzer, k1, b)


@dataclass(frozen=True)
class Units:
    """Texts cut into units: `words[places[starts[i]:starts[i + 1]]]` are those of text i.

    Units depend only on the analyzer's language and segmentation; stemming and stop words can
    be chosen afterwards without cutting the texts again.
    """

    words: Sequence[str]
    places: NDArray[np.int32]
    starts: NDArray[np.int64]


def read_units(texts: Sequence[str], analyzer: Analyzer, *, progress: Progress = silent) -> Units:
    """The units of each text, each distinct one kept once."""
    cut = analyzer.cutter()
    numbers: defaultdict[str, int] = defaultdict()
    numbers.default_factory = numbers.__len__
    places = array("i")
    starts = [0]
    for done, text in enumerate(texts):
        if done % 1000 == 0:
            progress("cutting texts into words", done, len(texts))
        places.extend(map(numbers.__getitem__, cut(text)))
        starts.append(len(places))
    progress("cutting texts into words", len(texts), len(texts))
    return Units(list(numbers), np.array(places, dtype=np.int32), np.array(starts))


def index_units(
    document_ids: Sequence[str],
    units: Units,
    analyzer: Analyzer,
    k1: float,
    b: float,
    *,
    only: Collection[str] | None = None,
) -> Bm25Index:
    """An index of texts already cut into units.

    With `only`, an index for queries of these terms alone: all others count in the documents'
    lengths and nothing more. The scores are the same and the index is made much quicker.
    """
    _check(k1, b)
    import bm25s

    vocabulary, documents = _numbered(units, analyzer, only)
    model = None
    if any(len(document) for document in documents):
        model = bm25s.BM25(k1=k1, b=b, method="lucene")
        model.index((documents, vocabulary), create_empty_token=False, show_progress=False)
    return Bm25Index(document_ids, analyzer, vocabulary, model)


def _numbered(
    units: Units, analyzer: Analyzer, only: Collection[str] | None
) -> tuple[dict[str, int], list[memoryview]]:
    """Each term's number, and each text as the numbers of its terms."""
    terms = analyzer.terms()
    vocabulary: dict[str, int] = {_OTHER: 0}
    numbers = array("i")
    opens = [0]
    for word in units.words:
        for term in terms(word):
            kept = term if only is None or term in only else _OTHER
            numbers.append(vocabulary.setdefault(kept, len(vocabulary)))
        opens.append(len(numbers))
    flat, begins = np.array(numbers, dtype=np.int32), np.array(opens)
    documents: list[memoryview] = []
    for first in range(0, len(units.starts) - 1, _BLOCK):
        documents += _block(units, flat, begins, units.starts[first : first + _BLOCK + 1])
    return vocabulary, documents


def _block(
    units: Units, flat: NDArray[np.int32], begins: NDArray[np.int64], starts: NDArray[np.int64]
) -> list[memoryview]:
    """The texts between these starts, their units replaced by the numbers of the units' terms."""
    places = units.places[starts[0] : starts[-1]]
    counts = begins[places + 1] - begins[places]
    ends = np.concatenate([[0], np.cumsum(counts)])
    within = np.arange(ends[-1]) - np.repeat(ends[:-1], counts)
    # views, for the library walks through them one by one and lists would take nine times as much
    view = memoryview(flat[np.repeat(begins[places], counts) + within])
    bounds = ends[starts - starts[0]]
    return [view[a:b] for a, b in pairwise(bounds)]


def _check(k1: float, b: float) -> None:
    if not (k1 >= 0 and 0 <= b <= 1):
        raise OptionError(
            f"BM25 has k1={k1} and b={b}, but k1 must be 0 or more and b between 0 and 1. "
            f"Usual values are k1={K1} and b={B}."
        )
