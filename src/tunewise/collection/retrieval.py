"""How a collection is searched, as its verdict says or as the defaults are."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any, Literal

from tunewise.retrieval import Analyzer
from tunewise.retrieval.lexical import K1, B

By = Literal["vectors", "words", "hybrid"]


@dataclass(frozen=True)
class Retrieval:
    """How a collection is searched: by words with these settings, fused with vectors like this.

    `by` is what is done unless a search says otherwise.
    """

    by: By = "vectors"
    weight: float = 0.5
    method: str = "zscore"
    analyzer: Analyzer = field(default_factory=Analyzer)
    k1: float = K1
    b: float = B

    def to_dict(self) -> Mapping[str, Any]:
        """Plain values, for JSON."""
        return asdict(self)

    @classmethod
    def from_dict(cls, told: Mapping[str, Any]) -> "Retrieval":
        """What `to_dict` gave."""
        return cls(**{**told, "analyzer": Analyzer(**told["analyzer"])})
