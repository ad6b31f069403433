"""Losses: the words users type, what builds each, and which data each fits."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any

from tunewise.errors import OptionError
from tunewise.training.lesson import Shape

if TYPE_CHECKING:
    import torch

    from tunewise.training.recipe import Recipe

CLASSES = "cross-entropy"
"""The loss of an encoder with a head; only the contender with such a head uses it."""

_MICRO_BATCH = 32  # texts encoded at once by a cached loss, as in sentence-transformers

Build = Callable[[Any, "Recipe", bool], Any]


@dataclass(frozen=True)
class Loss:
    """What builds a loss, the shapes of data it fits, and what it does, in half a sentence."""

    build: Build
    shapes: tuple[Shape, ...]
    about: str


@dataclass(frozen=True)
class Choice:
    """A loss by the word in `LOSSES`, and in a sentence why this one."""

    name: str
    reason: str


def choose_loss(shape: Shape, named: str | None = None) -> Choice:
    """The loss for data of this shape: the one that was named, or else the usual one.

    Raises OptionError when the named one is unknown or does not fit, with those that do.

    >>> choose_loss("scored pairs").name
    'cosent'
    """
    if named is None:
        return _USUAL[shape]
    fitting = [word for word, loss in LOSSES.items() if shape in loss.shapes]
    if named not in LOSSES:
        raise OptionError(
            f"There is no loss '{named}'. For {shape} choose from {', '.join(fitting)}."
        )
    if named not in fitting:
        wanted = " or ".join(LOSSES[named].shapes)
        mined = "triplets" in LOSSES[named].shapes and shape == "pairs"
        raise OptionError(
            f"The loss '{named}' is for {wanted}, but the data are {shape}. "
            f"Choose from {', '.join(fitting)}"
            + ("; or mine negatives, which makes triplets of pairs." if mined else ".")
        )
    return Choice(named, f"as asked: {LOSSES[named].about}")


def build_loss(model: Any, recipe: "Recipe", *, gather: bool = False) -> "torch.nn.Module":
    """The recipe's loss from sentence-transformers for this model, with Matryoshka around it.

    `recipe.loss` is a word of `LOSSES`; its temperature, margin and micro-batch are used where
    the loss has them. With `recipe.matryoshka` the loss is the sum over these dimensions and the
    full one. `gather` contrasts the rows of all processes: each must then hold as many.

    Raises OptionError for an unknown word, numbers that make no sense, dimensions the model does
    not have, and a cached loss for a model whose batches cannot be cut.
    """
    if recipe.loss == CLASSES:
        from tunewise.training.cross_entropy import CrossEntropy

        return CrossEntropy(model)
    if recipe.loss not in LOSSES:
        raise OptionError(f"There is no loss '{recipe.loss}'. Choose from {', '.join(LOSSES)}.")
    if not recipe.temperature > 0:
        raise OptionError(f"The temperature is {recipe.temperature}, but must be above 0.")
    dimensions = _dimensions(recipe.matryoshka, model.get_embedding_dimension())
    loss = LOSSES[recipe.loss].build(model, recipe, gather)
    if dimensions:
        from sentence_transformers.sentence_transformer.losses import MatryoshkaLoss

        loss = MatryoshkaLoss(model, loss, dimensions)
    built: torch.nn.Module = loss
    return built


def _dimensions(asked: Sequence[int], full: int) -> list[int]:
    """The Matryoshka dimensions, largest first, the full one among them; none for none."""
    wrong = [size for size in asked if not 0 < size <= full]
    if wrong:
        raise OptionError(
            f"Matryoshka cannot train {wrong[0]} dimensions: the model has {full}. "
            f"Give numbers from 1 to {full}."
        )
    if len(set(asked)) < len(asked):
        twice = next(size for size in asked if list(asked).count(size) > 1)
        raise OptionError(f"Matryoshka is given {twice} dimensions twice. Give each number once.")
    return sorted({*asked, full}, reverse=True) if asked else []


def _ranking(
    model: Any, recipe: "Recipe", gather: bool, *, cached: bool = False, symmetric: bool = False
) -> Any:
    from sentence_transformers.sentence_transformer import losses

    options: dict[str, Any] = {"scale": 1 / recipe.temperature, "gather_across_devices": gather}
    if symmetric:
        options["directions"] = ("query_to_doc", "doc_to_query")
        options["partition_mode"] = "per_direction"
    if not cached:
        return losses.MultipleNegativesRankingLoss(model, **options)
    size = _MICRO_BATCH if recipe.micro_batch is None else recipe.micro_batch
    if size < 1:
        raise OptionError(f"A micro-batch of {size} texts holds nothing. Give 1 or more.")
    try:
        return losses.CachedMultipleNegativesRankingLoss(model, mini_batch_size=size, **options)
    except ValueError as refusal:
        raise OptionError(
            f"The loss '{recipe.loss}' does not go with this model: {refusal} "
            f"Use '{recipe.loss.removeprefix('cached-')}'."
        ) from refusal


def _triplet(model: Any, recipe: "Recipe", gather: bool, *, distance: str) -> Any:
    del gather  # a row is compared with nothing outside it
    from sentence_transformers.sentence_transformer import losses

    if not recipe.margin > 0:
        raise OptionError(f"The margin is {recipe.margin}, but a triplet loss needs one above 0.")
    metric = getattr(losses.TripletDistanceMetric, distance)
    loss = losses.TripletLoss(model, metric, triplet_margin=recipe.margin)
    loss.compute_loss_from_embeddings = partial(_each, loss.compute_loss_from_embeddings)
    return loss


def _each(one: Callable[..., "torch.Tensor"], embeddings: Any, labels: Any) -> "torch.Tensor":
    """The mean of a triplet loss over several negatives a row; the library's takes one."""
    import torch

    anchor, positive, *negatives = embeddings
    return torch.stack([one([anchor, positive, each], labels) for each in negatives]).mean()


def _cosent(model: Any, recipe: "Recipe", gather: bool) -> Any:
    from sentence_transformers.sentence_transformer import losses

    loss = losses.CoSENTLoss(model, scale=1 / recipe.temperature)
    if gather:
        whole = partial(_gathered, loss.compute_loss_from_embeddings)
        loss.compute_loss_from_embeddings = whole
    return loss


def _gathered(whole: Callable[..., "torch.Tensor"], embeddings: Any, labels: Any) -> "torch.Tensor":
    """A loss that compares rows with each other, over the rows of all processes.

    Each process computes all of it; gradients come back summed over processes and are averaged
    over them by the trainer, so that they are those of one process with all the rows.
    """
    from sentence_transformers.util import all_gather, all_gather_with_grad

    return whole([all_gather_with_grad(each) for each in embeddings], all_gather(labels))


def _cosine(model: Any, recipe: "Recipe", gather: bool) -> Any:
    del recipe, gather  # a row is compared with nothing outside it
    from sentence_transformers.sentence_transformer import losses

    return losses.CosineSimilarityLoss(model)


_RANKED: tuple[Shape, ...] = ("pairs", "triplets", "labelled texts")
_OTHERS = "the other answers in the batch"

LOSSES: Mapping[str, Loss] = {
    "ranking": Loss(_ranking, _RANKED, f"each answer ranked above {_OTHERS} and any negatives"),
    "cached-ranking": Loss(
        partial(_ranking, cached=True),
        _RANKED,
        "ranking, computed in micro-batches: large batches in little memory, twice the encoding",
    ),
    "symmetric-ranking": Loss(
        partial(_ranking, symmetric=True),
        _RANKED,
        "ranking, and each query ranked above the other queries for its answer",
    ),
    "cached-symmetric-ranking": Loss(
        partial(_ranking, cached=True, symmetric=True),
        _RANKED,
        "ranking both ways, computed in micro-batches: large batches in little memory",
    ),
    "triplet-cosine": Loss(
        partial(_triplet, distance="COSINE"),
        ("triplets",),
        "each answer nearer than its negatives by a margin of cosine",
    ),
    "triplet-euclidean": Loss(
        partial(_triplet, distance="EUCLIDEAN"),
        ("triplets",),
        "each answer nearer than its negatives by a margin of Euclidean distance",
    ),
    "cosent": Loss(
        _cosent, ("scored pairs",), "pairs ordered by cosine as they are ordered by score"
    ),
    "cosine": Loss(_cosine, ("scored pairs",), "the cosine of each pair made equal to its score"),
}
"""The word users type → what builds it and which shapes of data it takes."""

_USUAL: Mapping[Shape, Choice] = {
    "pairs": Choice("ranking", f"pairs without negatives: {_OTHERS} are the negatives"),
    "triplets": Choice(
        "ranking", f"pairs with negatives: each row's own, and {_OTHERS}, are the negatives"
    ),
    "scored pairs": Choice(
        "cosent", "scored pairs: what can be learned from scores is which pair is more alike"
    ),
    "labelled texts": Choice(
        "ranking",
        "labelled texts: two texts of a label are a pair; those of other labels in the batch "
        "are the negatives",
    ),
    "classes": Choice(CLASSES, "an encoder with a head: what it says of each text is its label"),
}
