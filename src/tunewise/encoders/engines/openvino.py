"""OpenVinoRuntime: a model on a processor through OpenVINO."""

import sys
import threading
from collections.abc import Callable, Mapping, Sequence
from contextlib import redirect_stdout
from functools import cache
from io import StringIO
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tunewise.encoders.engines.cutting import INPUTS, named
from tunewise.encoders.engines.exported import Handed, example, handing_over, keep
from tunewise.encoders.engines.runtime import CPU_BUDGET
from tunewise.encoders.threads import cores
from tunewise.extras import need

_SETTINGS: Mapping[str, Mapping[str, Any]] = {
    "fp32": {"INFERENCE_PRECISION_HINT": "f32"},
    "bf16": {"INFERENCE_PRECISION_HINT": "bf16"},
    # weights are int8 in the file; what they are multiplied with is rounded 32 numbers at a time
    "int8": {"INFERENCE_PRECISION_HINT": "f32", "DYNAMIC_QUANTIZATION_GROUP_SIZE": 32},
}
# Shapes of batches (texts, tokens) that stay prepared: those of a corpus, encoded by length, come
# one after another, and a server meets ever new ones. With OpenVINO's own 5,000 it grew without an
# end in sight, with 256 for half an hour; 16 take 0.4 % more of the processor than 256.
_SHAPES = 16
_FILE = "model.xml"
_first_use = threading.Lock()


class OpenVinoRuntime:
    """Compiled for as many streams as there are cores, a thread each; for one batch alone, anew.

    What is converted is kept where what is handed over says, if it does.
    """

    budget = CPU_BUDGET

    def __init__(self, handed: Handed, precision: str) -> None:
        library = _library()
        self.workers = cores()
        with handing_over():
            self._tokens = handed.tokens
            made = _made(library, handed, precision)

        @cache
        def compiled(streams: int) -> Any:
            settings = {
                **_SETTINGS[precision],
                "NUM_STREAMS": streams,
                "INFERENCE_NUM_THREADS": self.workers,
                "CPU_RUNTIME_CACHE_CAPACITY": _SHAPES,
            }
            with handing_over():
                return library.Core().compile_model(made, "CPU", settings)

        self._compiled = compiled
        self._compiling = threading.Lock()
        self._own = threading.local()

    def vectors(self, texts: Sequence[str]) -> NDArray[np.float32]:
        """The vectors (n, d) of one batch."""
        return self._infer(texts, self.workers)

    def alone(self, texts: Sequence[str]) -> NDArray[np.float32]:
        """The same with all cores in one stream."""
        return self._infer(texts, 1)

    def _infer(self, texts: Sequence[str], streams: int) -> NDArray[np.float32]:
        request = getattr(self._own, str(streams), None)
        if request is None:
            with self._compiling:
                request = self._compiled(streams).create_infer_request()
            setattr(self._own, str(streams), request)
        given = request.infer(named(self._tokens, texts))
        return np.array(next(iter(given.values())), dtype=np.float32)


def _library() -> ModuleType:
    """OpenVINO without its telemetry, which would report when it is imported and converts."""
    sys.modules.setdefault("openvino_telemetry", None)  # type: ignore[arg-type]  # bars the import
    library = need("openvino", extra="openvino")
    with _first_use:
        # What its bindings prepare when a process first looks into a tensor is prepared here: two
        # threads that both came first were once seen to wait for each other for ever.
        _ = library.Tensor(np.zeros(1, dtype=np.float32)).data
    return library


def _made(library: ModuleType, handed: Handed, precision: str) -> Any:
    """The converted model, or the file in which it is kept; one file serves fp32 and bf16."""

    def whole() -> Any:
        return _kept(library, handed.home("float"), lambda: _converted(library, handed))

    if precision != "int8":
        return whole()
    return _kept(library, handed.home("int8"), lambda: _in_bytes(library, whole()))


def _kept(library: ModuleType, home: Path | None, make: Callable[[], Any]) -> Any:
    if home is None:
        return make()
    keep(home, lambda beside: library.save_model(make(), beside / _FILE, compress_to_fp16=False))
    return home / _FILE


def _converted(library: ModuleType, handed: Handed) -> Any:
    made = library.convert_model(handed.module, example_input=example(handed.tokens))
    for port, name in zip(made.inputs, INPUTS, strict=True):
        port.get_tensor().set_names({name})
        port.get_node().set_partial_shape(library.PartialShape([-1, -1]))
    made.validate_nodes_and_infer_types()
    return made


def _in_bytes(library: ModuleType, whole: Any) -> Any:
    """The model with its weights in int8. No texts are needed for that: it is the same anywhere."""
    nncf = need("nncf", extra="int8")
    made = library.Core().read_model(whole) if isinstance(whole, Path) else whole
    with redirect_stdout(StringIO()):  # it draws tables
        return nncf.compress_weights(made, mode=nncf.CompressWeightsMode.INT8_SYM)
