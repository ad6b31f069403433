"""How often a test part has been looked at, kept from one run to the next."""

import hashlib
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from tunewise.encoders import cache_folder
from tunewise.files import write_text
from tunewise.task import Part

_FORMAT = 1


def count_use(test: Part, task_fingerprint: str, what: Mapping[str, Any]) -> int:
    """Notes that the test part is being used for `what`, and says which use of it this is.

    The first use is 1. The same use again keeps its number: it shows nothing that was not seen.
    The count lies in the cache folder, one file for each test part of each task.
    """
    path = _ledger(test, task_fingerprint)
    uses = _read(path)
    key = hashlib.sha256(json.dumps(what, sort_keys=True).encode()).hexdigest()[:16]
    if key not in uses:
        uses.append(key)
        write_text(path, json.dumps({"format": _FORMAT, "uses": uses}) + "\n")
    return uses.index(key) + 1


def _ledger(test: Part, task_fingerprint: str) -> Path:
    queries = hashlib.sha256("\x1f".join(sorted(test.queries.ids)).encode()).hexdigest()
    return cache_folder() / "uses" / f"{task_fingerprint}-{queries[:8]}.json"


def _read(path: Path) -> list[str]:
    try:
        kept: list[str] = json.loads(path.read_text(encoding="utf-8"))["uses"]
    except FileNotFoundError:
        return []
    return kept
