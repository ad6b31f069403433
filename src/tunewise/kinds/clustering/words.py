"""Words: texts by what words they have (tf-idf), on the axes that tell most of them apart.

The axes are those of a truncated singular value decomposition (latent semantic analysis: Deerwester
et al. 1990, "Indexing by latent semantic analysis"): words that stand in the same texts share one.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tunewise.kinds.kind import Arrays, Vectors

_MOST_WORDS = 20_000
_AXES = 100
_SAMPLE = 20_000  # texts that axes are found by


@dataclass(frozen=True)
class Words:
    """`words`, what each is worth (`telling`, (words,)), and `axes` (words, k)."""

    words: Sequence[str]
    telling: NDArray[np.float32]
    axes: NDArray[np.float32]

    def rows(self, texts: Sequence[str]) -> Vectors:
        """Unit vectors (n, k); zeros for a text without a known word."""
        found = np.asarray(_reader(self).transform(texts) @ self.axes, dtype=np.float32)
        return unit(found)

    @property
    def settings(self) -> Mapping[str, Any]:
        """What of it is plain."""
        return {"words": list(self.words)}

    @property
    def arrays(self) -> Arrays:
        """What of it is numbers."""
        return {"telling": self.telling, "axes": self.axes}


def words_of(texts: Sequence[str], seed: int) -> Words | None:
    """The words of these texts; None where they have none."""
    from sklearn.decomposition import TruncatedSVD

    reader = _reader(None)
    try:
        read = reader.fit_transform(texts)
    except ValueError:  # "empty vocabulary": nothing but marks and single letters
        return None
    words = reader.get_feature_names_out().tolist()
    some = np.random.default_rng(seed).permutation(len(texts))[:_SAMPLE]
    count = min(_AXES, len(words) - 1, len(some) - 1)
    if count < 2:
        axes = np.eye(len(words), dtype=np.float32)
    else:
        axes = TruncatedSVD(count, random_state=seed).fit(read[some]).components_.T
    return Words(words, reader.idf_.astype(np.float32), axes.astype(np.float32))


def restored(settings: Mapping[str, Any], arrays: Arrays) -> Words | None:
    """The words that were saved with these; None if there were none."""
    if "words" not in settings:
        return None
    return Words(settings["words"], arrays["telling"], arrays["axes"])


def unit(rows: Vectors) -> Vectors:
    """Rows (n, d) brought to length 1; zeros stay."""
    lengths = np.linalg.norm(rows, axis=1, keepdims=True)
    return np.asarray(rows / np.where(lengths > 0, lengths, 1), dtype=np.float32)


def _reader(known: Words | None) -> Any:
    """scikit-learn's reader of words, not yet fitted, or as it was when `known` were found."""
    from sklearn.feature_extraction.text import TfidfVectorizer

    reader = TfidfVectorizer(
        sublinear_tf=True,
        max_features=_MOST_WORDS,
        vocabulary=None if known is None else known.words,
        dtype=np.float32,
    )
    if known is not None:
        reader.idf_ = known.telling
    return reader
