"""Tunewise measures, on your own data, whether off-the-shelf embeddings suffice or tuning pays.

>>> import tunewise
>>> task = tunewise.read_task("data/")  # doctest: +SKIP
>>> verdict = tunewise.measure(task)  # doctest: +SKIP
>>> verdict.answer  # doctest: +SKIP
'suffices with hybrid'
"""

import importlib
from typing import TYPE_CHECKING, Any

from tunewise.errors import (
    DataError,
    EncoderError,
    MissingExtra,
    OptionError,
    OutputError,
    StoreError,
    TunewiseError,
)

if TYPE_CHECKING:
    from tunewise.advice import advise
    from tunewise.collection import Collection, open_store, reembed, rollback
    from tunewise.costs import Use
    from tunewise.data.check import check
    from tunewise.data.docstrings import docstring_task
    from tunewise.data.examples import read_examples
    from tunewise.data.read import read_task
    from tunewise.data.write import write_task
    from tunewise.encoders import Encoder, load_encoder
    from tunewise.learning_curve import Forecast
    from tunewise.making import LanguageModel, make_task
    from tunewise.measurement.compare import compare
    from tunewise.measurement.forecast import forecast
    from tunewise.measurement.measure import measure
    from tunewise.measurement.shrink import shrink
    from tunewise.measurement.tune import tune
    from tunewise.prices import Prices
    from tunewise.report import save_shrunk, save_tuned, save_verdict
    from tunewise.task import Task
    from tunewise.verdict import Verdict

_ROOMS = {
    "Collection": "collection",
    "Encoder": "encoders",
    "Forecast": "learning_curve",
    "LanguageModel": "making",
    "Prices": "prices",
    "Task": "task",
    "Use": "costs",
    "Verdict": "verdict",
    "advise": "advice",
    "check": "data.check",
    "compare": "measurement",
    "docstring_task": "data.docstrings",
    "forecast": "measurement",
    "load_encoder": "encoders",
    "make_task": "making",
    "measure": "measurement",
    "open_store": "collection",
    "read_examples": "data.examples",
    "read_task": "data.read",
    "reembed": "collection",
    "rollback": "collection",
    "save_shrunk": "report",
    "save_tuned": "report",
    "save_verdict": "report",
    "shrink": "measurement",
    "tune": "measurement",
    "write_task": "data.write",
}

__version__ = "0.1.0"

__all__ = [
    "Collection",
    "DataError",
    "Encoder",
    "EncoderError",
    "Forecast",
    "LanguageModel",
    "MissingExtra",
    "OptionError",
    "OutputError",
    "Prices",
    "StoreError",
    "Task",
    "TunewiseError",
    "Use",
    "Verdict",
    "__version__",
    "advise",
    "check",
    "compare",
    "docstring_task",
    "forecast",
    "load_encoder",
    "make_task",
    "measure",
    "open_store",
    "read_examples",
    "read_task",
    "reembed",
    "rollback",
    "save_shrunk",
    "save_tuned",
    "save_verdict",
    "shrink",
    "tune",
    "write_task",
]


def __getattr__(name: str) -> Any:
    """A public name, imported when it is first asked for, so that `import tunewise` is quick."""
    if name not in _ROOMS:
        raise AttributeError(f"module 'tunewise' has no attribute '{name}'")
    found = getattr(importlib.import_module(f"tunewise.{_ROOMS[name]}"), name)
    globals()[name] = found
    return found


def __dir__() -> list[str]:
    return sorted(__all__)
