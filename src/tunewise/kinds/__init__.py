"""Kinds: what the same verdict is given over, one folder a kind, one line here."""

from tunewise.kinds.anomaly import KIND as ANOMALY
from tunewise.kinds.classification import KIND as CLASSIFICATION
from tunewise.kinds.clustering import KIND as CLUSTERING
from tunewise.kinds.kind import Contender, Examples, Kind, Parts, Setting, Shown, Source
from tunewise.kinds.multilabel import KIND as MULTILABEL
from tunewise.kinds.recommendation import KIND as RECOMMENDATION
from tunewise.kinds.saved import Loaded, kind_in, load, save
from tunewise.kinds.similarity import KIND as SIMILARITY

__all__ = [
    "KINDS",
    "Contender",
    "Examples",
    "Kind",
    "Loaded",
    "Parts",
    "Setting",
    "Shown",
    "Source",
    "kind_in",
    "load",
    "save",
]

KINDS = {
    kind.name: kind
    for kind in (CLASSIFICATION, MULTILABEL, SIMILARITY, CLUSTERING, ANOMALY, RECOMMENDATION)
}
"""The word users type → the kind."""
