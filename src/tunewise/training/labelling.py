"""Labelling: an encoder with a linear head behind it, both trained at once on labelled texts.

The head begins as the one that was fitted on frozen vectors, so that what it asks of the encoder is
right from the first step (Kumar et al. 2022, "Fine-tuning can distort pretrained features and
underperform out-of-distribution"). As a sentence-transformers model whose vectors are what the head
says of each label, it is trained, watched, saved and blended as any encoder is.
"""

from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn

from tunewise.encoders import TransformerEncoder, load_folder, write_folder
from tunewise.files import whole_folder
from tunewise.training.blend import blended
from tunewise.training.tuning import Tuned

Weights = NDArray[np.float32]

_LEAST = -50.0  # a bias that is never chosen: a much lower one leaves half precision no numbers


def with_head(
    encoder: TransformerEncoder, weights: Weights, bias: Weights, folder: Path
) -> TransformerEncoder:
    """The encoder with a head of weights (labels, d) and bias (labels,) on its unit vectors.

    The model lies in `folder`, and its vectors are not kept.
    """
    from sentence_transformers.base.modules import Dense, Normalize

    model = encoder.copy()
    labels, width = weights.shape
    model.append(Normalize())
    model.append(
        Dense(
            width,
            labels,
            activation_function=nn.Identity(),
            init_weight=torch.from_numpy(np.ascontiguousarray(weights)),
            init_bias=torch.from_numpy(np.maximum(bias, np.float32(_LEAST))),
        )
    )
    write_folder(model, folder)
    return load_folder(folder, name=encoder.name, cache=False)


def parted(start: TransformerEncoder, tuned: Tuned, share: float) -> tuple[Path, Weights, Weights]:
    """The folder of the encoder alone, this share of the way to the tuned one, and its head.

    `start` is what was trained, with its head; weights are (labels, d), the bias (labels,).
    """
    model = blended(start, tuned, share)
    head = model[-1].linear
    weights, bias = (one.detach().cpu().numpy().copy() for one in (head.weight, head.bias))
    del model[-1], model[-1]
    folder = tuned.weights.parent / f"model-{round(100 * share)}"
    if not folder.is_dir():
        with whole_folder(folder) as beside:
            write_folder(model, beside)
    return folder, weights, bias
