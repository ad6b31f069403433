"""Lanes: a batch's texts in small pieces, beside one another, one processor thread each.

The pieces are cut by length, so that next to nothing is padding, and every lane runs its pieces
on one thread, so that no operation waits for another core. Gradients are those of the whole batch
at once: every text is encoded, the loss is taken over all vectors together, and what it says of
each vector goes back through the piece it came from (the idea of GradCache, Gao et al. 2021,
without its second encoding, for the pieces' graphs are kept).
"""

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager, nullcontext, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn

from tunewise.encoders.threads import cores
from tunewise.encoders.vectors import reserve
from tunewise.errors import EncoderError
from tunewise.heap import give_back
from tunewise.training.layers import trained
from tunewise.training.reading import Places, Reader

_IN_MEMORY = 2**30  # bytes of states; more lie in a file
_ROWS = 128  # texts a GPU encodes at once while it looks at dev
_TOKENS = 3072  # a piece, padding included: larger ones leave lanes idle, smaller ones cost calls
_OFTEN = 8  # batches until freed memory is given back: a hundredth of their time
Vectors = NDArray[np.float32]


@dataclass(frozen=True)
class _Piece:
    """Some texts of one column, of about equal length: their rows and their numbers."""

    column: int
    rows: Places
    numbers: Places
    tokens: int


class Given(nn.Module):
    """Stands for the model in a loss whose vectors are there already."""

    def __init__(self, dimension: int) -> None:
        super().__init__()
        self._dimension = dimension

    def get_embedding_dimension(self) -> int:
        """How many numbers a vector has."""
        return self._dimension

    def forward(self, features: dict[str, torch.Tensor]) -> dict[str, torch.Tensor]:
        """The features themselves, for the loss to take the vectors from."""
        return dict(features)


class Lanes:
    """A model run on a processor, in as many lanes as there are cores.

    With `again`, texts are encoded a second time for their gradients instead of keeping every
    piece's graph: slower, but a batch of any size fits into memory.
    """

    def __init__(
        self, model: Any, reader: Reader, *, half: bool, again: bool = False, lanes: int = 0
    ) -> None:
        self._model = model
        self._reader = reader
        self._half = half
        self._again = again
        self._lanes = lanes or cores()
        self._learned = 0

    def vectors(self, numbers: Places) -> Vectors:
        """The unit vectors (n, d) of texts, without gradients."""
        pieces = self._cut([numbers])
        with ThreadPoolExecutor(self._lanes) as pool:
            made = list(pool.map(self._ungraded, pieces))
        found = np.empty((len(numbers), made[0].shape[1]), dtype=np.float32)
        for piece, vectors in zip(pieces, made, strict=True):
            found[piece.rows] = torch.nn.functional.normalize(vectors, dim=1).numpy()
        return found

    def states(self, of: Callable[[dict[str, Any]], torch.Tensor], width: int, spill: Path) -> None:
        """Runs every text that was read through the frozen layers; the reader keeps what comes.

        That is (tokens, width) for each; above 1 GB for all of them it lies in the file `spill`.
        """
        everything = np.arange(len(self._reader))
        pieces = self._cut([everything])
        lengths = self._reader.lengths(everything)
        kept = _room(int(lengths.sum()), width, self._half, spill).split_with_sizes(
            lengths.tolist()
        )

        def run(piece: _Piece) -> None:
            features = self._reader.features(piece.numbers)
            with self._precision():
                found = of(dict(features))
            mask = features["attention_mask"].bool()
            for place, number in enumerate(piece.numbers.tolist()):
                kept[number].copy_(found[place][mask[place]])

        with ThreadPoolExecutor(self._lanes) as pool:
            list(pool.map(run, pieces))
        self._reader.keep_states(kept)

    def learn(
        self, columns: Sequence[Places], loss: nn.Module, labels: torch.Tensor | None
    ) -> torch.Tensor:
        """The loss of a batch given as columns of texts; its gradients go to the parameters."""
        pieces = self._cut(columns)
        with ThreadPoolExecutor(self._lanes) as pool:
            forward = self._ungraded if self._again else self._forward
            made = list(pool.map(forward, pieces))
            vectors = _gathered(columns, pieces, made)
            value: torch.Tensor = loss([{"sentence_embedding": each} for each in vectors], labels)
            value.backward()  # type: ignore[no-untyped-call]  # torch annotates it not
            jobs = [
                (piece, None if self._again else out, _grad(vectors, piece))
                for piece, out in zip(pieces, made, strict=True)
            ]
            self._take(list(pool.map(self._backward, _dealt(jobs, self._lanes))))
        self._learned += 1
        if self._learned % _OFTEN == 0:
            give_back()
        return value.detach()

    def _cut(self, columns: Sequence[Places]) -> list[_Piece]:
        """The columns in pieces, longest texts first, the dearest pieces first."""
        pieces = []
        for column, numbers in enumerate(columns):
            lengths = self._reader.lengths(numbers)
            order = np.argsort(-lengths, kind="stable")
            at = 0
            while at < len(order):
                longest = max(1, int(lengths[order[at]]))
                rows = order[at : at + max(1, _TOKENS // longest)]
                pieces.append(_Piece(column, rows, numbers[rows], longest * len(rows)))
                at += len(rows)
        return sorted(pieces, key=lambda piece: -piece.tokens)

    def _forward(self, piece: _Piece) -> torch.Tensor:
        with self._precision():
            found: torch.Tensor = self._model(self._reader.features(piece.numbers))[
                "sentence_embedding"
            ]
        return found.float()

    def _ungraded(self, piece: _Piece) -> torch.Tensor:
        with torch.no_grad():
            return self._forward(piece)

    def _backward(
        self, jobs: Sequence[tuple[_Piece, torch.Tensor | None, torch.Tensor]]
    ) -> list[torch.Tensor | None]:
        """What one lane's pieces say of every parameter, added up in their order."""
        parameters = list(trained(self._model).values())
        total: list[torch.Tensor | None] = [None] * len(parameters)
        for piece, out, gradient in jobs:
            out = self._forward(piece) if out is None else out
            found = torch.autograd.grad(out, parameters, gradient, allow_unused=True)
            for place, one in enumerate(found):
                if one is not None:
                    before = total[place]
                    total[place] = one if before is None else before.add_(one)
        return total

    def _take(self, lanes: Sequence[Sequence[torch.Tensor | None]]) -> None:
        for place, parameter in enumerate(trained(self._model).values()):
            found = [lane[place] for lane in lanes if lane[place] is not None]
            for one in found:
                assert one is not None  # noqa: S101 - sifted above, which the checker cannot see
                if parameter.grad is None:
                    parameter.grad = one.clone()
                else:
                    parameter.grad.add_(one)

    def _precision(self) -> AbstractContextManager[Any]:
        return torch.autocast("cpu", torch.bfloat16) if self._half else nullcontext()


def _room(rows: int, width: int, half: bool, spill: Path) -> torch.Tensor:
    kind = torch.bfloat16 if half else torch.float32
    if rows * width * kind.itemsize <= _IN_MEMORY:
        return torch.empty(rows, width, dtype=kind)
    try:
        with spill.open("wb") as file:
            reserve(file.fileno(), rows * width * kind.itemsize)
        flat = torch.from_file(str(spill), shared=True, size=rows * width, dtype=kind)
    finally:
        with suppress(PermissionError):  # some systems keep the name of a file that is mapped
            spill.unlink(missing_ok=True)  # else it vanishes with the states, also when killed
    return flat.view(rows, width)


def vectors_on_device(
    model: Any, reader: Reader, numbers: Places, half: torch.dtype | None
) -> Vectors:
    """The unit vectors (n, d) of texts by a model on a GPU, without gradients.

    Where memory does not suffice for many at once, fewer are encoded.
    """
    order = np.argsort(-reader.lengths(numbers), kind="stable")
    made: list[torch.Tensor] = []
    begin, rows = 0, _ROWS
    while begin < len(order):
        try:
            made.append(_on_device(model, reader, numbers[order[begin : begin + rows]], half))
            begin += rows
        except torch.OutOfMemoryError:
            if rows == 1:
                raise EncoderError(
                    "The GPU has too little memory for one text. Use a smaller encoder."
                ) from None
            rows //= 2
    vectors = torch.nn.functional.normalize(torch.cat(made), dim=1).numpy()
    found = np.empty_like(vectors)
    found[order] = vectors
    return found


def _on_device(
    model: Any, reader: Reader, numbers: Places, half: torch.dtype | None
) -> torch.Tensor:
    device = model.device
    features = reader.features(numbers)
    there = {k: v.to(device) if torch.is_tensor(v) else v for k, v in features.items()}
    with torch.no_grad(), torch.autocast(device.type, half, enabled=half is not None):
        found: torch.Tensor = model(there)["sentence_embedding"]
    return found.float().cpu()


def _gathered(
    columns: Sequence[Places], pieces: Sequence[_Piece], made: Sequence[torch.Tensor]
) -> list[torch.Tensor]:
    """The vectors of each column (n, d), cut off from what made them."""
    dimension = made[0].shape[1]
    found = [torch.empty(len(numbers), dimension) for numbers in columns]
    for piece, vectors in zip(pieces, made, strict=True):
        found[piece.column][torch.from_numpy(piece.rows)] = vectors.detach()
    return [vectors.requires_grad_() for vectors in found]


def _grad(vectors: Sequence[torch.Tensor], piece: _Piece) -> torch.Tensor:
    whole = vectors[piece.column].grad
    rows = torch.from_numpy(piece.rows)
    if whole is None:  # a column the loss never looked at
        return torch.zeros(len(rows), vectors[piece.column].shape[1])
    return whole[rows]


Job = tuple[_Piece, torch.Tensor | None, torch.Tensor]


def _dealt(jobs: Sequence[Job], lanes: int) -> list[list[Job]]:
    """The jobs for each lane, always the same ones, the dearest dealt first."""
    hands: list[list[Job]] = [[] for _ in range(lanes)]
    load = [0] * lanes
    for job in jobs:
        lightest = load.index(min(load))
        hands[lightest].append(job)
        load[lightest] += job[0].tokens
    return [hand for hand in hands if hand]
