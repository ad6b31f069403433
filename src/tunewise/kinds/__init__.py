"""Kinds: what the same verdict is given over, one folder a kind, one line here."""

from tunewise.kinds.classification import KIND as CLASSIFICATION
from tunewise.kinds.kind import Contender, Kind, Parts, Setting, Shown
from tunewise.kinds.saved import Loaded, kind_in, load, save

__all__ = [
    "KINDS",
    "Contender",
    "Kind",
    "Loaded",
    "Parts",
    "Setting",
    "Shown",
    "kind_in",
    "load",
    "save",
]

KINDS = {kind.name: kind for kind in (CLASSIFICATION,)}
"""The word users type → the kind."""
