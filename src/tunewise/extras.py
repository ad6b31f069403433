"""Optional packages, asked for at the door."""

import importlib
from types import ModuleType

from tunewise.errors import MissingExtra


def need(module: str, *, extra: str) -> ModuleType:
    """The imported `module`, or a `MissingExtra` that says which command installs it.

    >>> need("json", extra="anything").__name__
    'json'
    """
    try:
        return importlib.import_module(module)
    except ModuleNotFoundError as missing:
        if missing.name != module.split(".")[0]:
            raise
        raise MissingExtra(
            f"This needs the package '{module}', which is not installed. "
            f"Install it with: pip install 'tunewise[{extra}]'"
        ) from missing
