"""Adapter: a linear map learned on cached vectors, in seconds, without touching the encoder."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from tunewise.data.pairs import Pairs
from tunewise.encoders import cache_folder
from tunewise.encoders.vectors import room
from tunewise.errors import EncoderError
from tunewise.files import whole
from tunewise.progress import Progress, silent
from tunewise.training.contrast import Contrast, Vectors, contrastive_loss
from tunewise.training.descent import Arrays, Pace, descend
from tunewise.training.recipe import AdapterRecipe

_WARM_UP = 20  # steps until the learning rate is whole
_BLOCK = 65_536  # documents mapped at a time


@dataclass(frozen=True)
class Adapter:
    """Two square maps (d, d), applied as `vector @ map` and brought back to length one.

    A map of None leaves that side as it is.
    """

    query_map: Vectors | None
    document_map: Vectors | None

    def queries(self, vectors: Vectors) -> Vectors:
        """Query vectors (n, d), mapped."""
        return _mapped(vectors, self.query_map)

    def documents(self, vectors: Vectors) -> Vectors:
        """Document vectors (n, d), mapped; above 256 MB in a file, as those of an encoder."""
        return _mapped(vectors, self.document_map)

    @property
    def untouched(self) -> bool:
        """Whether it changes nothing: the base itself."""
        return self.query_map is None and self.document_map is None

    def toward(self, share: float) -> "Adapter":
        """The maps moved from the identity only this share of the way: 0 is the base, 1 is self."""
        return Adapter(_toward(self.query_map, share), _toward(self.document_map, share))

    def save(self, path: Path) -> None:
        """Writes the maps as safetensors, whole."""
        from safetensors.numpy import save_file

        maps = {"query": self.query_map, "document": self.document_map}
        with whole(path) as beside:
            save_file({side: m for side, m in maps.items() if m is not None}, beside)


def load_adapter(path: Path) -> Adapter:
    """The adapter saved at `path`. Raises EncoderError when it is missing or damaged."""
    from safetensors import SafetensorError
    from safetensors.numpy import load_file

    try:
        maps = load_file(path)
    except (OSError, SafetensorError) as wrong:
        raise EncoderError(
            f"Cannot read the adapter '{path}': {wrong}. Run `tunewise measure` again to make it."
        ) from wrong
    return Adapter(maps.get("query"), maps.get("document"))


def train_adapter(
    queries: Vectors,
    documents: Vectors,
    pairs: Pairs,
    dev_score: Callable[[Adapter], float],
    recipe: AdapterRecipe,
    *,
    progress: Progress = silent,
) -> tuple[Adapter, float]:
    """The adapter that did best on dev along the way, and its dev score.

    `queries` (q, d) are the train part's vectors, `documents` (n, d) the corpus'; `dev_score`
    is asked every `recipe.look` steps. Each step contrasts a batch of pairs with the documents
    of the whole batch, those judged not relevant, and a fresh sample of the corpus (the whole
    of it when it is small), by softmax over cosines. What `pairs.barred` names is never a
    negative. The base itself is among the candidates: an adapter that improves nothing comes
    back as `Adapter(None, None)`.
    """
    generator = np.random.default_rng(recipe.seed)
    offsets = {"query": _no_map(queries), "document": _no_map(queries)}
    if recipe.side == "query":
        del offsets["document"]
    batches = _batches(len(pairs), recipe.batch, generator)

    def gradients() -> Arrays:
        contrast = _contrast(queries, documents, pairs, next(batches), recipe, generator)
        _, found = contrastive_loss(
            contrast, offsets["query"], offsets.get("document"), recipe.temperature
        )
        return dict(zip(offsets, found, strict=True))

    def look(learned: Arrays) -> tuple[float, tuple[Adapter, float]]:
        identity = np.eye(queries.shape[1], dtype=np.float32)
        maps = {side: identity + offset for side, offset in learned.items()}
        adapter = Adapter(maps["query"], maps.get("document"))
        score = dev_score(adapter)
        return score, (adapter, score)

    base = Adapter(None, None)
    start = dev_score(base)
    found = descend(
        offsets,
        gradients,
        look,
        best=start,
        pace=Pace(recipe.steps, recipe.look, recipe.patience),
        rate=recipe.learning_rate,
        share=lambda step: _schedule(step, recipe.steps),
        progress=progress,
    )
    return found or (base, start)


def _no_map(vectors: Vectors) -> Vectors:
    """A map while it is learned, as its offset from the identity: at the start there is none."""
    return np.zeros((vectors.shape[1], vectors.shape[1]), dtype=np.float32)


def _contrast(
    queries: Vectors,
    documents: Vectors,
    pairs: Pairs,
    batch: NDArray[np.int64],
    recipe: AdapterRecipe,
    generator: np.random.Generator,
) -> Contrast:
    """The pairs at these places (b,), and the documents that this step looks at."""
    asked, answers = pairs.queries[batch], pairs.documents[batch]
    if len(documents) <= recipe.candidates:
        candidates = np.arange(len(documents))
    else:
        sample = generator.integers(0, len(documents), recipe.candidates)
        candidates = np.unique(np.concatenate([answers, pairs.negatives.of(asked)[1], sample]))
    barred = np.zeros((len(asked), len(candidates)), dtype=bool)
    rows, places = pairs.barred.of(asked)
    columns = np.minimum(np.searchsorted(candidates, places), len(candidates) - 1)
    there = candidates[columns] == places
    own = places == answers[rows]
    barred[rows[there & ~own], columns[there & ~own]] = True
    targets = np.searchsorted(candidates, answers)
    return Contrast(queries[asked], documents[candidates], targets, barred)


def _batches(size: int, batch: int, generator: np.random.Generator) -> Iterator[NDArray[np.int64]]:
    """Batches for ever, shuffled anew each round; what fills no batch sits that round out."""
    while True:
        order = generator.permutation(size)
        for begin in range(0, max(size - batch, 0) + 1, batch):
            yield order[begin : begin + batch]


def _schedule(step: int, steps: int) -> float:
    """The share of the learning rate: up in a few steps, then down in a line to a tenth."""
    return min(1.0, step / _WARM_UP) * (1.0 - 0.9 * step / steps)


def _toward(offset_map: Vectors | None, share: float) -> Vectors | None:
    if offset_map is None:
        return None
    identity = np.eye(len(offset_map), dtype=np.float32)
    return identity + np.float32(share) * (offset_map - identity)


def _mapped(vectors: Vectors, square: Vectors | None) -> Vectors:
    if square is None:
        return vectors
    mapped = room(len(vectors), vectors.shape[1], cache_folder())
    for begin in range(0, len(vectors), _BLOCK):
        block = vectors[begin : begin + _BLOCK] @ square
        lengths = np.linalg.norm(block, axis=1, keepdims=True)
        mapped[begin : begin + _BLOCK] = block / np.maximum(lengths, 1e-12)
    return mapped
