"""A step of an adapter's training, beside the same step by torch and its optimiser.

    python benchmarks/adapter_steps.py [rounds]

Both learn the same maps from the same batches of made vectors, one thread each, taking turns; the
ratio is taken within a round. What loading torch and its optimisers takes is not counted.
"""

import statistics
import sys
import time
from collections.abc import Callable

import numpy as np
import torch
from threadpoolctl import threadpool_limits
from torch.nn.functional import cross_entropy, normalize

from tunewise.training.contrast import Contrast, contrastive_loss
from tunewise.training.descent import Adam

ROUNDS, RATE, TEMPERATURE = 12, 1e-3, 0.05
# numbers a vector, rows of a batch, candidates
SIZES = [(64, 64, 128), (64, 256, 1280), (384, 64, 240), (384, 256, 1280), (1024, 256, 1280)]


def main() -> None:
    rounds = int(sys.argv[1]) if len(sys.argv) > 1 else ROUNDS
    torch.set_num_threads(1)
    with threadpool_limits(1):
        table(rounds)


def table(rounds: int) -> None:
    """Measures and prints it, a line for each size."""
    print("| numbers a vector | rows | candidates | maps | ours, ms | torch, ms | times as fast |")
    print("|---|---|---|---|---|---|---|")
    for width, rows, candidates in SIZES:
        for maps in (1, 2):
            ours, theirs = pair(width, rows, candidates, maps)
            steps = max(2, int(3e8 / (width * rows * candidates)))
            taken = [(seconds(ours, steps), seconds(theirs, steps)) for _ in range(rounds)]
            one, other = (1e3 * statistics.median(side) for side in zip(*taken, strict=True))
            low, middle, high = statistics.quantiles([b / a for a, b in taken], n=4)
            print(f"| {width} | {rows} | {candidates:,} | {maps} | {one:.2f} | {other:.2f} "
                  f"| {middle:.1f} ({low:.1f} to {high:.1f}) |")  # fmt: skip


def pair(
    width: int, rows: int, candidates: int, maps: int
) -> tuple[Callable[[], None], Callable[[], None]]:
    """A step of ours and one of torch's, on the same batch."""
    draw = np.random.default_rng(0)
    asked, given = (unit(draw.normal(size=(n, width))) for n in (rows, candidates))
    targets = draw.integers(0, candidates, rows)
    barred = draw.random((rows, candidates)) < 0.01
    barred[np.arange(rows), targets] = False
    offsets = [np.zeros((width, width), dtype=np.float32) for _ in range(maps)]
    learned, contrast = [Adam(one) for one in offsets], Contrast(asked, given, targets, barred)

    def ours() -> None:
        both = offsets[0], offsets[1] if maps > 1 else None
        _, gradients = contrastive_loss(contrast, *both, TEMPERATURE)
        for one, gradient in zip(learned, gradients, strict=True):
            one.step(gradient, RATE)

    tensors = [torch.zeros(width, width, requires_grad=True) for _ in range(maps)]
    optimizer = torch.optim.AdamW(tensors, lr=RATE, weight_decay=0.0)
    sides, out = [torch.from_numpy(asked), torch.from_numpy(given)], torch.from_numpy(barred)
    answers = torch.from_numpy(targets)

    def theirs() -> None:
        moved = list(sides)
        for place, offset in enumerate(tensors):
            moved[place] = normalize(sides[place] + sides[place] @ offset, dim=1)
        logits = (moved[0] @ moved[1].T / TEMPERATURE).masked_fill(out, -1e4)
        optimizer.zero_grad()
        cross_entropy(logits, answers).backward()
        optimizer.step()

    for _ in range(3):
        ours()
        theirs()
    for one, other in zip(offsets, tensors, strict=True):
        assert np.abs(one - other.detach().numpy()).max() < 1e-3, "the two learn the same"
    return ours, theirs


def unit(vectors: np.ndarray) -> np.ndarray:
    return (vectors / np.linalg.norm(vectors, axis=1, keepdims=True)).astype(np.float32)


def seconds(step: Callable[[], None], steps: int) -> float:
    began = time.process_time()
    for _ in range(steps):
        step()
    return (time.process_time() - began) / steps


if __name__ == "__main__":
    main()
