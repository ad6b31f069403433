"""The versions of what a result was made with."""

import platform
from collections.abc import Mapping, Sequence
from importlib.metadata import PackageNotFoundError, version


def versions(packages: Sequence[str]) -> Mapping[str, str]:
    """Python's and the packages' versions."""
    return {"python": platform.python_version(), **{name: version_of(name) for name in packages}}


def version_of(package: str) -> str:
    """The installed version, or that there is none."""
    try:
        return version(package)
    except PackageNotFoundError:
        return "not installed"
