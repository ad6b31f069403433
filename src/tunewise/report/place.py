"""The folder a verdict goes to, and how a command names it."""

import re
from pathlib import Path

_PLACE = Path("tunewise-out")


def usual_folder(source: str) -> Path:
    """Where a verdict over data from there goes, unless somebody says otherwise.

    >>> usual_folder("data/faq.csv").as_posix()
    'tunewise-out/faq'
    """
    name = Path(source).stem if not source.startswith("docstrings") else "docstrings"
    return _PLACE / (re.sub(r"[^\w.-]+", "-", name).strip("-.") or "data")


def out_flags(folder: str | Path | None, source: str) -> list[str]:
    """The words of a command that write to `folder`; none where it would go there anyway."""
    elsewhere = folder is not None and Path(folder) != usual_folder(source)
    return ["--out", str(folder)] if elsewhere else []
