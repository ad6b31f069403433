"""What a result was made with: versions, machine, time."""

import os
import platform
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from importlib.metadata import PackageNotFoundError, version
from typing import Any


def versions(packages: Sequence[str]) -> Mapping[str, str]:
    """Python's and the packages' versions."""
    return {"python": platform.python_version(), **{name: version_of(name) for name in packages}}


def version_of(package: str) -> str:
    """The installed version, or that there is none."""
    try:
        return version(package)
    except PackageNotFoundError:
        return "not installed"


def made_on() -> dict[str, Any]:
    """When a result was made, and on what machine."""
    return {
        "created": datetime.now(UTC).isoformat(timespec="seconds"),
        "machine": {
            "system": platform.system(),
            "processor": platform.processor() or platform.machine(),
            "cores": os.cpu_count() or 1,
        },
    }
