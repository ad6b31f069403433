"""Recipe: the settings one tuning run was made with."""

from dataclasses import asdict, dataclass
from typing import Any, Literal

Side = Literal["query", "both"]


@dataclass(frozen=True)
class Recipe:
    """How one adapter is trained.

    `side` says whose vectors are mapped: the query's only (stored vectors stay as they are) or
    both. `temperature` divides cosines before the softmax; `candidates` is how many documents
    of the corpus, beside the batch's own, each step is contrasted with. Training stops when dev
    has not improved for `patience` looks, one look every `look` steps.
    """

    side: Side
    learning_rate: float = 1e-3
    temperature: float = 0.05
    batch: int = 256
    candidates: int = 1024
    steps: int = 480
    look: int = 40
    patience: int = 4
    seed: int = 0

    def to_dict(self) -> dict[str, Any]:
        """Plain values, for JSON."""
        return asdict(self)


def recipes(side: Side, *, seed: int) -> list[Recipe]:
    """The few recipes worth trying, to be chosen among on dev.

    A cosine softmax is most sensitive to its temperature, and mapping both sides wants a softer
    one than mapping queries alone; the learning rate matters less, for the look that did best on
    dev is the one that is kept (`docs/log.md` has the figures).
    """
    temperatures = {"query": (0.03, 0.05), "both": (0.05, 0.08)}[side]
    return [Recipe(side, temperature=temperature, seed=seed) for temperature in temperatures]
