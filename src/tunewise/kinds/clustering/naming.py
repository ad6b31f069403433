"""Names of groups: the words that tell one from the others.

Class-based tf-idf (Grootendorst 2022, "BERTopic"): all texts of a group are read as one, a word
counts √(its share there) · log(1 + words of a group / times the word occurs anywhere). The root
keeps words that are everywhere from winning by number alone.
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
    sizes = np.asarray(times.sum(axis=1)).ravel()
    anywhere = np.asarray(times.sum(axis=0)).ravel()
    worth = np.log1p(sizes.sum() / count / anywhere)
    found = []
    for number in range(count):
        row = times[[number]]
        telling = np.sqrt(row.data / max(sizes[number], 1)) * worth[row.indices]
        best = np.lexsort((row.indices, -telling))[:terms]
        found.append(", ".join(words[row.indices[best]]) or f"group {number}")
    return found
