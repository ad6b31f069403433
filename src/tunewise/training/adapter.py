"""Adapter: a linear map learned on cached vectors, in seconds, without touching the encoder."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from tunewise.data.pairs import Pairs
from tunewise.encoders import cache_folder
from tunewise.encoders.threads import one_thread
from tunewise.encoders.vectors import room
from tunewise.errors import EncoderError
from tunewise.files import whole
from tunewise.progress import Progress, silent
from tunewise.training.recipe import AdapterRecipe

if TYPE_CHECKING:
    import torch

Vectors = NDArray[np.float32]
_BARRED = -1e4  # a logit that no softmax notices
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
    of it when it is small), by softmax over cosines: InfoNCE, van den Oord et al. 2018. What
    `pairs.barred` names is never a negative. The base itself is among the candidates: an
    adapter that improves nothing comes back as `Adapter(None, None)`.
    """
    with one_thread():
        return _trained(queries, documents, pairs, dev_score, recipe, progress)


def _trained(
    queries: Vectors,
    documents: Vectors,
    pairs: Pairs,
    dev_score: Callable[[Adapter], float],
    recipe: AdapterRecipe,
    progress: Progress,
) -> tuple[Adapter, float]:
    import torch

    generator = np.random.default_rng(recipe.seed)
    maps = Maps(queries.shape[1], recipe.side)
    optimizer = torch.optim.AdamW(maps.parameters(), lr=recipe.learning_rate, weight_decay=0.0)
    best = Adapter(None, None)
    best_score, waited = dev_score(best), 0
    batches = _batches(len(pairs), recipe.batch, generator)
    for step in range(1, recipe.steps + 1):
        progress("training an adapter", step, recipe.steps)
        for group in optimizer.param_groups:
            group["lr"] = recipe.learning_rate * _schedule(step, recipe.steps)
        loss = contrastive_loss(maps, queries, documents, pairs, next(batches), recipe, generator)
        optimizer.zero_grad()
        loss.backward()  # type: ignore[no-untyped-call]  # torch annotates it not
        optimizer.step()
        if step % recipe.look == 0:
            score = dev_score(maps.adapter())
            waited = 0 if score > best_score else waited + 1
            if score > best_score:
                best, best_score = maps.adapter(), score
            if waited == recipe.patience:
                break
    return best, best_score


class Maps:
    """The two maps while they are learned, as offsets from the identity; zero at the start."""

    def __init__(self, dimension: int, side: str) -> None:
        import torch

        self.query = torch.zeros(dimension, dimension, requires_grad=True)
        both = side == "both"
        self.document = torch.zeros(dimension, dimension, requires_grad=True) if both else None

    def parameters(self) -> list[Any]:
        """What is learned."""
        return [self.query] if self.document is None else [self.query, self.document]

    def adapter(self) -> Adapter:
        """The adapter as it stands."""

        def whole_map(offset: "torch.Tensor") -> Vectors:
            found: Vectors = offset.detach().numpy() + np.eye(len(offset), dtype=np.float32)
            return found

        return Adapter(
            whole_map(self.query), None if self.document is None else whole_map(self.document)
        )


def contrastive_loss(
    maps: Maps,
    queries: Vectors,
    documents: Vectors,
    pairs: Pairs,
    batch: NDArray[np.int64],
    recipe: AdapterRecipe,
    generator: np.random.Generator,
) -> "torch.Tensor":
    """The mean over a batch of pairs, given as places (b,), of −log softmax of the answer."""
    import torch
    from torch.nn.functional import cross_entropy, normalize

    asked, answers = pairs.queries[batch], pairs.documents[batch]
    candidates, barred = _contrast(pairs, asked, answers, len(documents), recipe, generator)
    query = torch.from_numpy(queries[asked])
    document = torch.from_numpy(documents[candidates])
    query = normalize(query + query @ maps.query, dim=1)
    if maps.document is not None:
        document = normalize(document + document @ maps.document, dim=1)
    logits = (query @ document.T) / recipe.temperature
    targets = torch.from_numpy(np.searchsorted(candidates, answers))
    return cross_entropy(logits.masked_fill(torch.from_numpy(barred), _BARRED), targets)


def _contrast(
    pairs: Pairs,
    asked: NDArray[np.int64],
    answers: NDArray[np.int64],
    size: int,
    recipe: AdapterRecipe,
    generator: np.random.Generator,
) -> tuple[NDArray[np.int64], NDArray[np.bool_]]:
    """The documents this step looks at (sorted), and which of them each query must not count."""
    if size <= recipe.candidates:
        candidates = np.arange(size)
    else:
        sample = generator.integers(0, size, recipe.candidates)
        candidates = np.unique(np.concatenate([answers, pairs.negatives.of(asked)[1], sample]))
    barred = np.zeros((len(asked), len(candidates)), dtype=bool)
    rows, places = pairs.barred.of(asked)
    columns = np.minimum(np.searchsorted(candidates, places), len(candidates) - 1)
    there = candidates[columns] == places
    own = places == answers[rows]
    barred[rows[there & ~own], columns[there & ~own]] = True
    return candidates, barred


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
