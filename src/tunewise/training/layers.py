"""Layers: a transformer cut in two, the lower part frozen and run once, the upper part trained."""

import threading
from collections.abc import Sequence
from typing import Any

import torch
from torch import nn

from tunewise.errors import EncoderError
from tunewise.training.reading import STATES, Features


def layers_of(model: Any, name: str) -> nn.ModuleList:
    """The stack of transformer layers in a sentence-transformers model.

    Raises EncoderError for a model that has none that can be told, naming it, and for one that
    reads queries with other layers than documents.
    """
    from sentence_transformers.base.modules import Router

    backbone = getattr(model, "transformers_model", None)
    if backbone is not None and not any(isinstance(one, Router) for one in model.modules()):
        count = getattr(backbone.config, "num_hidden_layers", None)
        for module in backbone.modules():
            if isinstance(module, nn.ModuleList) and len(module) == count:
                return module
    raise EncoderError(
        f"The encoder '{name}' has no stack of transformer layers that could be tuned. "
        "Try --rung adapter, which needs only its vectors."
    )


class _Reached(Exception):  # noqa: N818 - no error: the frozen layers are done
    """Raised where the trained layers begin, once what comes in is known."""


class Cut:
    """A model cut above its lowest `frozen` layers.

    `states` gives what comes out of the frozen layers. Once `engage` was called the model starts
    from states that stand in its features, and the frozen layers are passed by; `release` puts
    them back. Batches may run in several threads at once. Models differ in what a layer is given
    and gives: whoever engages compares vectors from before and after.
    """

    def __init__(self, model: Any, layers: nn.ModuleList, frozen: int) -> None:
        self._model = model
        self._lower = list(layers[:frozen])
        self._local = threading.local()
        self._as_tuple = False
        self._type = torch.float32
        _freeze(model, layers, frozen)
        layers[frozen].register_forward_pre_hook(self._enter, with_kwargs=True)
        layers[frozen - 1].register_forward_hook(self._leave)
        model[0].register_forward_pre_hook(self._take)

    def states(self, features: Features) -> torch.Tensor:
        """What comes out of the frozen layers, (n, tokens, d), without gradients."""
        self._local.stop = True
        try:
            with torch.no_grad():
                self._model[0](features)
        except _Reached:
            seen: torch.Tensor = self._local.seen
            return seen
        finally:
            self._local.stop = False
        raise EncoderError("The model's layers do not run in their order, so none can be frozen.")

    def engage(self) -> None:
        """Passes the frozen layers by from now on."""
        for layer in self._lower:
            # the layer itself stays: some models ask it what kind of attention it has
            layer.forward = self._passed

    def release(self) -> None:
        """Puts the frozen layers back."""
        for layer in self._lower:
            vars(layer).pop("forward", None)

    def _passed(self, *inputs: Any, **named: Any) -> Any:
        """Stands for a frozen layer, and gives back what it is given."""
        hidden = inputs[0] if inputs else named["hidden_states"]
        return (hidden,) if self._as_tuple else hidden

    def _take(self, _module: nn.Module, inputs: tuple[Features, ...]) -> None:
        # taken out: the model would pass on what it does not know to its layers
        self._local.given = inputs[0].pop(STATES, None)

    def _leave(self, _module: nn.Module, _inputs: Any, output: Any) -> None:
        self._as_tuple = isinstance(output, tuple)

    def _enter(self, _module: nn.Module, inputs: tuple[Any, ...], named: dict[str, Any]) -> Any:
        hidden = inputs[0] if inputs else named["hidden_states"]
        if getattr(self._local, "stop", False):
            self._local.seen, self._type = hidden, hidden.dtype
            raise _Reached
        given = getattr(self._local, "given", None)
        if given is None:
            return None
        given = given.to(self._type)
        return (
            ((given, *inputs[1:]), named) if inputs else (inputs, {**named, "hidden_states": given})
        )


def _freeze(model: Any, layers: nn.ModuleList, frozen: int) -> None:
    """Only the layers from `frozen` up, and the modules after the transformer, are trained."""
    upper = {id(p) for layer in layers[frozen:] for p in layer.parameters()}
    upper |= {id(p) for module in list(model)[1:] for p in module.parameters()}
    for parameter in model.parameters():
        parameter.requires_grad_(id(parameter) in upper)


def without_dropout(model: nn.Module) -> None:
    """Keeps the model as it is when it serves, for good: nothing is dropped while it is trained.

    One or two epochs over few pairs are too short to need it, and on a processor drawing its
    random numbers takes as long as the multiplications (benchmarks/training.md). Dropout that is
    no module of its own, which many models have in their attention, asks for the mode too.
    """
    model.eval()
    # on this model alone; a trainer that wants another mode is not heard
    vars(model)["train"] = lambda _mode=True: model


def trained(model: nn.Module) -> dict[str, nn.Parameter]:
    """The parameters that are trained, by name."""
    return {name: p for name, p in model.named_parameters() if p.requires_grad}


def linear_layers(model: Any, layers: nn.ModuleList) -> Sequence[str]:
    """Names, within the transformer, of the linear maps in its layers: where LoRA goes."""
    inside = {id(module) for module in layers.modules()}
    return [
        name
        for name, module in model.transformers_model.named_modules()
        if isinstance(module, nn.Linear) and id(module) in inside
    ]
