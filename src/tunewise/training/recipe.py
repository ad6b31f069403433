"""Recipe: the settings one tuning run was made with."""

import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any, Literal

Side = Literal["query", "both"]


@dataclass(frozen=True)
class AdapterRecipe:
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


def adapter_recipes(side: Side, *, seed: int) -> list[AdapterRecipe]:
    """The few recipes worth trying, to be chosen among on dev.

    A cosine softmax is most sensitive to its temperature, and mapping both sides wants a softer
    one than mapping queries alone; the learning rate matters less, for the look that did best on
    dev is the one that is kept (`docs/log.md` has the figures).
    """
    temperatures = {"query": (0.03, 0.05), "both": (0.05, 0.08)}[side]
    return [AdapterRecipe(side, temperature=temperature, seed=seed) for temperature in temperatures]


Rung = Literal["partial", "lora", "full"]
Precision = Literal["fp32", "bf16", "fp16"]
RUNGS: tuple[Rung, ...] = ("partial", "lora", "full")
"""The rungs that change the encoder itself, cheapest first."""


@dataclass(frozen=True)
class Recipe:
    """How an encoder itself is tuned; written beside every tuned model.

    `temperature` divides cosines before a softmax, `margin` is the triplet losses'. The lower
    `frozen_layers` stay as they are (rung partial), `rank` is that of LoRA's matrices. `warm_up`
    is the share of the steps until the learning rate is whole; after that it falls to 0 in a
    line. `negatives` are those of each row, `micro_batch` the rows encoded at once by cached
    losses. `looks` says how often dev is looked at, evenly spread, and `patience` after how many
    looks without a better one training stops.
    """

    rung: Rung
    learning_rate: float
    epochs: int
    loss: str = "ranking"
    batch: int = 64
    temperature: float = 0.05
    warm_up: float = 0.1
    frozen_layers: int = 0
    rank: int = 0
    negatives: int = 0
    matryoshka: tuple[int, ...] = ()
    margin: float = 0.2
    micro_batch: int | None = None
    precision: Precision = "fp32"
    looks: int = 3
    patience: int = 3
    seed: int = 0

    def to_dict(self) -> dict[str, Any]:
        """Plain values, for JSON."""
        return asdict(self) | {"matryoshka": list(self.matryoshka)}


def recipe_of(saved: Mapping[str, Any]) -> Recipe:
    """The recipe that `to_dict` made these values of.

    >>> recipe_of(Recipe("full", 1e-4, 1).to_dict()) == Recipe("full", 1e-4, 1)
    True
    """
    return Recipe(**{**saved, "matryoshka": tuple(saved["matryoshka"])})


_WIDTH = 384  # numbers a vector of the model has that the learning rates were found on
_RATES: Mapping[Rung, float] = {"partial": 3e-4, "lora": 5e-4, "full": 1e-4}
_ROWS = 2000  # rows an epoch's worth: fewer are gone through several times
_MOST_EPOCHS = 5
_BATCHES = 8  # batches an epoch has at least, if that leaves 16 rows in each


def recipe_for(
    rung: Rung,
    *,
    rows: int,
    layers: int,
    width: int,
    precision: Precision,
    seed: int = 0,
    rate: float = 1.0,
) -> Recipe:
    """The recipe a rung starts from, for so many rows and an encoder of this size.

    Wider models want smaller steps, so the learning rate falls with `width` (`rate` multiplies
    it); few rows are gone through more often, the cheaper the rung the more; two thirds of the
    layers are frozen for partial. `docs/log.md` has what was tried.
    """
    often = max(1, min(_MOST_EPOCHS, round(_ROWS / rows)))
    return Recipe(
        rung,
        learning_rate=rate * _RATES[rung] * _WIDTH / max(width, _WIDTH),
        epochs=often + 1 if rung == "partial" else often,
        batch=int(min(64, max(16, 2 ** int(math.log2(max(rows / _BATCHES, 2)))))),
        frozen_layers=max(1, round(2 * layers / 3)) if rung == "partial" else 0,
        rank=16 if rung == "lora" else 0,
        precision=precision,
        seed=seed,
    )
