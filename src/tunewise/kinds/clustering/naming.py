"""Names of groups: the words that tell one from the others.

Class-based tf-idf: all texts of a group are read as one. A word counts its share p of the group's
words times log(p / its share of all words), what it adds to the divergence of the two (Kullback &
Leibler 1951). So a word that is everywhere counts nothing, and one that is rare counts little.
"""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

_MOST_WORDS = 20_000
_SAMPLE = 20_000  # texts read
_TERMS = 3


def names_of(
    texts: Sequence[str], groups: NDArray[np.int64], count: int, *, terms: int = _TERMS
) -> list[str]:
    """A name for each of `count` groups: its most telling words, or its number where it has none.

    >>> names_of(["red apple", "green apple", "fast car"], np.array([0, 0, 1]), 2, terms=1)
    ['apple', 'car']
    """
    from scipy.sparse import csr_matrix
    from sklearn.feature_extraction.text import CountVectorizer

    rows = np.flatnonzero(groups >= 0)
    rows = np.sort(np.random.default_rng(0).permutation(rows)[:_SAMPLE])
    reader = CountVectorizer(max_features=_MOST_WORDS)
    try:
        read = reader.fit_transform([texts[row] for row in rows.tolist()])
    except ValueError:  # "empty vocabulary", or no text at all
        return [f"group {number}" for number in range(count)]
    words = reader.get_feature_names_out()
    each = (np.ones(len(rows)), (groups[rows], np.arange(len(rows))))
    times = (csr_matrix(each, shape=(count, len(rows))) @ read).tocsr()
    shares = np.asarray(times.sum(axis=0)).ravel() / times.sum()
    found = []
    for number in range(count):
        row = times[[number]]
        own = row.data / max(row.data.sum(), 1)
        telling = own * np.log(own / shares[row.indices])
        best = [place for place in np.lexsort((row.indices, -telling)) if telling[place] > 0]
        found.append(", ".join(words[row.indices[best[:terms]]]) or f"group {number}")
    return found
