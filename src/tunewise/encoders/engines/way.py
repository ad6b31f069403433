"""Way: which library computes vectors, and in which numbers."""

from dataclasses import dataclass
from typing import Literal

from tunewise.errors import OptionError

Engine = Literal["torch", "onnx", "openvino"]
Precision = Literal["fp32", "bf16", "int8"]


@dataclass(frozen=True, slots=True)
class Way:
    """An engine and a precision. Part of an encoder's stamp: another way gives other vectors.

    >>> Way("openvino", "bf16").word
    'openvino:bf16'
    """

    engine: Engine
    precision: Precision

    def __str__(self) -> str:
        return f"{self.engine} {self.precision}"

    @property
    def word(self) -> str:
        """What users type for it."""
        return f"{self.engine}:{self.precision}"


PLAIN = Way("torch", "fp32")
"""What every other way is held to."""

WAYS = (
    PLAIN,
    Way("torch", "bf16"),
    Way("onnx", "fp32"),
    Way("onnx", "int8"),
    Way("openvino", "fp32"),
    Way("openvino", "bf16"),
    Way("openvino", "int8"),
)
"""Every way there is."""


def way(word: str) -> Way:
    """The way that a word names: an engine, or engine and precision; alone, in fp32.

    Raises OptionError for words that name none, and for a pair that no library here offers.

    >>> way("openvino"), way("torch:bf16")
    (Way(engine='openvino', precision='fp32'), Way(engine='torch', precision='bf16'))
    """
    engine, colon, precision = word.partition(":")
    precision = precision if colon else "fp32"
    offered = {each.precision: each for each in WAYS if each.engine == engine}
    if not offered:
        engines = ", ".join(dict.fromkeys(each.engine for each in WAYS))
        raise OptionError(
            f"There is no engine '{engine}'. Choose one of: {engines}; or auto, the quickest."
        )
    if precision not in offered:
        raise OptionError(
            f"The engine '{engine}' does not compute in '{precision}'. "
            f"It offers: {', '.join(offered)}."
        )
    return offered[precision]
