"""Options: what a user may set when tuning by hand, and what makes no sense, said at the door."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import Literal, get_args

from tunewise.data.examples import Kind
from tunewise.encoders import Encoder, TransformerEncoder
from tunewise.errors import EncoderError, MissingExtra, OptionError
from tunewise.training.choosing import Wishes, need_packages
from tunewise.training.recipe import RUNGS, Precision

Step = Literal["adapter", "partial", "lora", "full"]
"""A rung of the ladder, as users type it."""

STEPS: tuple[Step, ...] = ("adapter", *RUNGS)
TRACKERS = ("tensorboard", "wandb", "mlflow", "trackio")
"""Where training can be followed, each by the name of its package."""

_SEEDS = 2**32  # as many as numpy and torch can both take
_MOST_NEGATIVES = 100


@dataclass(frozen=True)
class Options:
    """How to tune. None, 0 and empty leave a thing to the rung, or out.

    `negatives` are mined ones for each row, or the file of mined ones; `keep_loss` is what may be
    lost on another task, `budget` seconds.
    """

    rung: Step = "partial"
    loss: str | None = None
    matryoshka: tuple[int, ...] = ()
    negatives: int | Path = 0
    keep_loss: float = 0.01
    budget: float | None = None
    epochs: int | None = None
    learning_rate: float | None = None
    batch: int | None = None
    precision: Precision | None = None
    track: tuple[str, ...] = ()
    seed: int = 0

    @property
    def wishes(self) -> Wishes:
        """What is left for the recipe."""
        return Wishes(
            loss=self.loss,
            matryoshka=tuple(sorted(self.matryoshka, reverse=True)),
            epochs=self.epochs,
            learning_rate=self.learning_rate,
            batch=self.batch,
            precision=self.precision,
        )


def check_options(options: Options, kind: Kind) -> None:
    """Raises OptionError for values that make no sense, or do not go together or with the data.

    MissingExtra where training or tracking takes a package that is not installed.
    """
    if options.rung not in STEPS:
        raise OptionError(f"There is no rung '{options.rung}'. Choose from {', '.join(STEPS)}.")
    _check_numbers(options)
    if options.negatives != 0 and kind != "retrieval":
        raise OptionError(
            "Negatives are documents that do not answer a query, and there are no queries in "
            f"{'scored pairs' if kind == 'scored' else 'labelled texts'}. Leave --negatives out."
        )
    if options.rung == "adapter":
        _check_adapter(options, kind)
        return
    unknown = [name for name in options.track if name not in TRACKERS]
    if unknown:
        raise OptionError(
            f"Training cannot be tracked with '{unknown[0]}'. Choose from {', '.join(TRACKERS)}."
        )
    for package in options.track:
        if find_spec(package) is None:
            raise MissingExtra(
                f"--track {package} needs the package '{package}', which is not installed. "
                f"Install it with: pip install {package}"
            )
    need_packages()


def tunable(encoder: Encoder, options: Options) -> TransformerEncoder:
    """The encoder, if its weights are on this machine and the options fit it.

    Raises EncoderError for a hosted encoder or word-hash, OptionError for Matryoshka dimensions
    it does not have and for a precision that this machine does not train in.
    """
    if not isinstance(encoder, TransformerEncoder):
        raise EncoderError(
            f"The encoder '{encoder.name}' has no weights on this machine, so --rung "
            f"{options.rung} cannot change them. Use --rung adapter, which needs only its "
            "vectors, or a local model."
        )
    wrong = [size for size in options.matryoshka if not 0 < size <= encoder.dimension]
    if wrong:
        raise OptionError(
            f"Matryoshka cannot train {wrong[0]} dimensions: the vectors of '{encoder.name}' have "
            f"{encoder.dimension}. Give numbers from 1 to {encoder.dimension}."
        )
    if len(set(options.matryoshka)) < len(options.matryoshka):
        raise OptionError("Matryoshka is given the same dimensions twice. Give each number once.")
    if options.precision == "fp16":
        import torch

        if not torch.cuda.is_available():
            raise OptionError(
                "--precision fp16 needs a GPU, and there is none here. Use bf16 or fp32, or leave "
                "it out to have the quickest that is safe."
            )
    return encoder


def check_batch(options: Options, rows: int) -> None:
    """Raises OptionError for a batch that is larger than the rows there are."""
    if options.batch is not None and options.batch > rows:
        raise OptionError(
            f"A batch of {options.batch} is larger than the data: there are {rows} rows to learn "
            f"from. Give --batch {rows} at the most, or leave it out."
        )


def _check_numbers(options: Options) -> None:
    rules: Sequence[tuple[str, float | None, bool]] = (
        ("--seed", options.seed, 0 <= options.seed < _SEEDS),
        ("--keep-loss", options.keep_loss, options.keep_loss >= 0),
        ("--budget", options.budget, (options.budget or 1) > 0 and options.budget != 0),
        ("--epochs", options.epochs, options.epochs is None or options.epochs >= 1),
        ("--learning-rate", options.learning_rate, _above(options.learning_rate)),
        ("--batch", options.batch, options.batch is None or options.batch >= 2),
    )
    least = {"--epochs": "1 or more", "--batch": "2 or more", "--seed": f"0 to {_SEEDS - 1}"}
    for flag, value, right in rules:
        if not right or (value is not None and not math.isfinite(value)):
            wanted = least.get(flag, "0 or more" if flag == "--keep-loss" else "a number above 0")
            raise OptionError(f"{flag} is {value}, which makes no sense. Give {wanted}.")
    if isinstance(options.negatives, int) and not 0 <= options.negatives <= _MOST_NEGATIVES:
        raise OptionError(
            f"A row cannot have {options.negatives} negatives. Give 0 for none, or up to "
            f"{_MOST_NEGATIVES}: each is one more text to encode for each row."
        )
    if options.precision not in (None, *get_args(Precision)):
        raise OptionError(
            f"There is no precision '{options.precision}'. "
            f"Choose from {', '.join(get_args(Precision))}."
        )


def _above(value: float | None) -> bool:
    return value is None or value > 0


def _check_adapter(options: Options, kind: Kind) -> None:
    if kind != "retrieval":
        raise OptionError(
            "--rung adapter learns from queries and the documents that answer them, and the data "
            f"are {'scored pairs' if kind == 'scored' else 'labelled texts'}. Use --rung partial, "
            "lora or full."
        )
    given = {
        "--loss": options.loss,
        "--matryoshka": options.matryoshka,
        "--negatives": options.negatives,
        "--epochs": options.epochs,
        "--learning-rate": options.learning_rate,
        "--batch": options.batch,
        "--precision": options.precision,
        "--track": options.track,
        "--budget": options.budget,
    }
    named = [flag for flag, value in given.items() if value]
    if named:
        raise OptionError(
            f"{named[0]} does not go with --rung adapter, which maps finished vectors and has "
            "recipes of its own. Leave it out, or use --rung partial, lora or full."
        )
