"""Opening a model's side in the way that was asked for."""

from tunewise.encoders.engines.exported import Handed
from tunewise.encoders.engines.runtime import Runtime
from tunewise.encoders.engines.torch import TorchRuntime
from tunewise.encoders.engines.way import Way


def open_runtime(way: Way, handed: Handed) -> Runtime:
    """The side of a model that is handed over, in this way.

    Raises MissingExtra when the engine is not installed, EncoderError when it cannot have this
    model.
    """
    if way.engine == "openvino":
        from tunewise.encoders.engines.openvino import OpenVinoRuntime

        return OpenVinoRuntime(handed, way.precision)
    if way.engine == "onnx":
        from tunewise.encoders.engines.onnx import OnnxRuntime

        return OnnxRuntime(handed, way.precision)
    return TorchRuntime(handed.load(), handed.side, way.precision)
