"""OnnxRuntime: a model on a processor through ONNX Runtime."""

from collections.abc import Sequence
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tunewise.encoders.engines.cutting import INPUTS, named
from tunewise.encoders.engines.exported import Handed, example, handing_over, keep
from tunewise.encoders.engines.runtime import CPU_BUDGET
from tunewise.encoders.threads import cores
from tunewise.extras import need

_FILE = "model.onnx"


class OnnxRuntime:
    """One session for all threads, each operation on the thread that asked for it.

    For one batch alone there is another, whose operations use all cores.
    int8 quantises weights once and activations as they come. What is converted is kept where what
    is handed over says, if it does.
    """

    budget = CPU_BUDGET

    def __init__(self, handed: Handed, precision: str) -> None:
        library = need("onnxruntime", extra="onnx")
        self.workers = cores()
        with TemporaryDirectory() as passing, handing_over():
            self._tokens = handed.tokens
            path = _made(handed, precision, Path(passing))
            self._many, self._one = (
                _session(library, path, threads) for threads in (1, self.workers)
            )

    def vectors(self, texts: Sequence[str]) -> NDArray[np.float32]:
        """The vectors (n, d) of one batch."""
        return self._run(self._many, texts)

    def alone(self, texts: Sequence[str]) -> NDArray[np.float32]:
        """The same with all cores for each operation."""
        return self._run(self._one, texts)

    def _run(self, session: Any, texts: Sequence[str]) -> NDArray[np.float32]:
        given = session.run(None, named(self._tokens, texts))
        return np.asarray(given[0], dtype=np.float32)


def _session(library: Any, path: Path, threads: int) -> Any:
    options = library.SessionOptions()
    options.intra_op_num_threads = threads
    return library.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])


def _made(handed: Handed, precision: str, passing: Path) -> Path:
    """The file that holds the converted model: in `passing` where none is kept."""
    home = handed.home("float") or passing / "float"
    light = handed.home("int8") or passing / "int8"

    def whole() -> Path:
        keep(home, lambda beside: _export(handed.module, example(handed.tokens), beside / _FILE))
        return home / _FILE

    if precision != "int8":
        return whole()
    keep(light, lambda beside: _quantise(whole(), beside / _FILE))
    return light / _FILE


def _export(module: Any, texts: Any, path: Path) -> None:
    need("onnxscript", extra="onnx")
    import torch

    sizes = {0: torch.export.Dim("texts"), 1: torch.export.Dim("tokens")}
    torch.onnx.export(
        module,
        texts,
        str(path),
        input_names=list(INPUTS),
        output_names=["vectors"],
        dynamic_shapes=(sizes, sizes),
        dynamo=True,
        external_data=False,
        verbose=False,
    )


def _quantise(whole: Path, light: Path) -> None:
    from onnxruntime.quantization import QuantType, quantize_dynamic

    quantize_dynamic(whole, light, weight_type=QuantType.QInt8)
