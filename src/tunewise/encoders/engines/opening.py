"""Opening a model's side in the way that was asked for."""

from pathlib import Path
from typing import Any

from tunewise.encoders.engines.runtime import Runtime
from tunewise.encoders.engines.torch import TorchRuntime
from tunewise.encoders.engines.way import Way
from tunewise.encoders.tokens import Counter
from tunewise.encoders.vectors import Side


def open_runtime(
    way: Way,
    model: Any,
    side: Side,
    prompt: str,
    folder: Path | None,
    counter: Counter | None = None,
) -> Runtime:
    """The model's side in this way; what is converted is kept in `folder`, if one is given.

    `model` is this runtime's own: it may be changed. `prompt` goes before each text,
    `counter` may know its tokens. Raises MissingExtra when the engine is not installed,
    EncoderError when it cannot have this model.
    """
    if way.engine == "openvino":
        from tunewise.encoders.engines.openvino import OpenVinoRuntime

        return OpenVinoRuntime(model, side, prompt, way.precision, folder, counter)
    if way.engine == "onnx":
        from tunewise.encoders.engines.onnx import OnnxRuntime

        return OnnxRuntime(model, side, prompt, way.precision, folder, counter)
    return TorchRuntime(model, side, way.precision)
