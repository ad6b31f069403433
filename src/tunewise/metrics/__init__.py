"""Metrics: how good rankings are, query by query.

Names, definitions and numbers are those of trec_eval and ir_measures, but for ties: documents
with equal scores are not ordered by their ids. Each metric is its exact expectation over all
orders of the tied documents (McSherry & Najork, "Computing information retrieval performance
measures efficiently in the presence of tied scores", ECIR 2008), so that no contender wins or
loses by how documents happen to be named.
"""

from tunewise.metrics.calibration import calibration_square
from tunewise.metrics.names import DEFAULT_METRICS, Kind, Metric, parse_metric
from tunewise.metrics.scores import Scores, Statistic, pseudo_values, score, weights_of
from tunewise.metrics.threshold import Threshold, best_threshold

__all__ = [
    "DEFAULT_METRICS",
    "Kind",
    "Metric",
    "Scores",
    "Statistic",
    "Threshold",
    "best_threshold",
    "calibration_square",
    "parse_metric",
    "pseudo_values",
    "score",
    "weights_of",
]
