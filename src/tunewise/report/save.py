"""The verdict on disk: `verdict.json` and `report.html`."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from tunewise.files import write_text
from tunewise.report.page import to_page

_DECIMALS = 6


def save_report(facts: Mapping[str, Any], folder: str | Path) -> None:
    """Writes `verdict.json` and `report.html` into `folder`, each whole or not at all.

    Both are made from the same rounded numbers (6 decimals), so the page can be made again
    from the file. Keys keep the order of `facts`. `verdict.json` is written last: where it is,
    the report is complete.

    Raises OutputError if the folder cannot be written, and ValueError, before anything is
    written, if a number is NaN or infinite, which JSON cannot hold.

    >>> save_report(facts, "verdict/")  # doctest: +SKIP
    """
    plain = _rounded(facts)
    text = json.dumps(plain, indent=1, ensure_ascii=False, allow_nan=False) + "\n"
    page = to_page(plain)
    write_text(Path(folder) / "report.html", page)
    write_text(Path(folder) / "verdict.json", text)


def _rounded(value: Any) -> Any:
    if isinstance(value, float):
        return round(value, _DECIMALS) + 0.0  # + 0.0 turns -0.0 into 0.0
    if isinstance(value, Mapping):
        return {key: _rounded(one) for key, one in value.items()}
    if isinstance(value, list | tuple):
        return [_rounded(one) for one in value]
    return value
