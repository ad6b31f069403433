"""What groups are scored by: V-measure, adjusted Rand index, silhouette.

V-measure is the harmonic mean of homogeneity (a group holds one label) and completeness (a label
lies in one group), both in shares of entropy (Rosenberg & Hirschberg 2007, "V-measure: a
conditional entropy-based external cluster evaluation measure"). The adjusted Rand index is the
share of pairs of texts that are together or apart as they should be, less what chance gives
(Hubert & Arabie 1985). Both are statistics of all texts. The silhouette (Rousseeuw 1987) asks of
each text whether it lies nearer to its own group than to the next, by cosine on the off-the-shelf
vectors; it needs no labels. Texts in no group (-1) count as one group, and have a silhouette of 0.
"""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from tunewise.data.labelled import LabelledTexts
from tunewise.encoders import Encoder
from tunewise.errors import OptionError
from tunewise.metrics import Scores, Statistic

GOLD = ("ARI", "V-measure")
SILHOUETTE = "silhouette"

Floats = NDArray[np.float64]
Numbers = NDArray[np.int64]


def score(
    answers: Numbers,
    part: LabelledTexts,
    metrics: Sequence[str],
    *,
    referee: Encoder | None = None,
) -> Scores:
    """Scores of group numbers (n,), one a text; silhouettes are on the vectors of `referee`."""
    values: dict[str, Floats] = {}
    statistics: dict[str, Statistic] = {}
    if "V-measure" in metrics:
        statistics["V-measure"] = v_measure(part.labels, answers)
    if "ARI" in metrics:
        statistics["ARI"] = adjusted_rand(part.labels, answers)
    if SILHOUETTE in metrics:
        if referee is None:
            raise OptionError(
                "A silhouette is a matter of vectors, and no encoder was named. Measure with "
                "measure_kind, which names the first."
            )
        values[SILHOUETTE] = silhouettes(referee.encode_documents(part.texts), answers)
    return Scores(
        query_ids=[str(row) for row in range(len(answers))],
        values=values,
        statistics=statistics,
        bounds={"ARI": (-1.0, 1.0), SILHOUETTE: (-1.0, 1.0)},
    )


def v_measure(truth: Numbers, given: Numbers) -> Statistic:
    """V-measure as a function of the texts' weights.

    >>> round(v_measure(np.array([0, 0, 1, 1]), np.array([0, 0, 1, 2]))(np.ones(4)), 4)
    0.8
    """
    tables = _table(truth, given)

    def statistic(weights: Floats) -> float:
        total = float(weights.sum())
        if not total:
            return 0.0
        of_truth, of_groups, of_both = (
            _entropy(np.bincount(places, weights) / total) for places in tables
        )
        either = of_truth + of_groups
        return max(2 * (either - of_both) / either, 0.0) if either > 0 else 1.0

    return statistic


def adjusted_rand(truth: Numbers, given: Numbers) -> Statistic:
    """The adjusted Rand index as a function of the texts' weights.

    Pairs are of two different texts, weighted by the product of their weights: a text that was
    drawn twice is no pair with itself.

    >>> round(adjusted_rand(np.array([0, 0, 1, 1]), np.array([0, 0, 1, 2]))(np.ones(4)), 4)
    0.5714
    """
    rows, columns, cells = _table(truth, given)

    def statistic(weights: Floats) -> float:
        alone = weights @ weights  # pairs of a text with itself
        together, by_truth, by_group = (
            float(((np.bincount(places, weights) ** 2).sum() - alone) / 2)
            for places in (cells, rows, columns)
        )
        every = float((weights.sum() ** 2 - alone) / 2)
        chance = by_truth * by_group / every if every > 0 else 0.0
        most = (by_truth + by_group) / 2
        return (together - chance) / (most - chance) if most > chance else 1.0

    return statistic


def silhouettes(vectors: NDArray[np.float32], groups: Numbers) -> Floats:
    """The silhouette of each text (n,) by cosine distance, -1 to 1.

    0 for a text that is alone in its group or in none, and for all where there is one group.
    The mean distance to a group is the distance to its mean, so that no pair is looked at.
    """
    found = np.zeros(len(groups))
    inside = np.flatnonzero(groups >= 0)
    _, own, sizes = np.unique(groups[inside], return_inverse=True, return_counts=True)
    if len(sizes) < 2:
        return found
    rows = vectors[inside].astype(np.float64)
    sums = np.zeros((len(sizes), rows.shape[1]))
    np.add.at(sums, own, rows)
    distances = 1 - rows @ (sums / sizes[:, None]).T
    each = np.arange(len(rows))
    itself = 1 - np.einsum("nd,nd->n", rows, rows)
    total = distances[each, own] * sizes[own] - itself
    within = total / np.maximum(sizes[own] - 1, 1)
    distances[each, own] = np.inf
    beyond = distances.min(axis=1)
    larger = np.maximum(within, beyond)
    apart = np.divide(beyond - within, larger, out=np.zeros(len(rows)), where=larger > 0)
    found[inside] = np.where(sizes[own] > 1, apart, 0.0)
    return found


def _table(truth: Numbers, given: Numbers) -> tuple[Numbers, Numbers, Numbers]:
    """Each text's row, column and cell in the table of labels by groups, occupied ones only."""
    rows = np.unique(truth, return_inverse=True)[1]
    columns = np.unique(given, return_inverse=True)[1]
    cells = np.unique(rows * (len(columns) + 1) + columns, return_inverse=True)[1]
    return rows, columns, cells


def _entropy(shares: Floats) -> float:
    from scipy.special import xlogy

    return -float(xlogy(shares, shares).sum())
