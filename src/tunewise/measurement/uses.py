"""How often a test part has been looked at, kept from one run to the next."""

import hashlib
import json
import logging
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from tunewise.data.examples import ScoredPairs
from tunewise.encoders import cache_folder
from tunewise.files import write_text
from tunewise.kinds import Examples
from tunewise.task import Task

_FORMAT = 1

logger = logging.getLogger(__name__)


def count_use(examples: Task | Examples, what: Mapping[str, Any]) -> int:
    """Notes that the test part of these examples is being used for `what`, and which use it is.

    The first use is 1. The same use again keeps its number: it shows nothing that was not seen.
    Another division of the same queries, or other documents, is another use of them. The count
    lies in the cache folder, one file for each set of judged queries, scored pairs or texts.
    Queries labelled later, drawn to be measured on, are added to a set and make no other one.
    """
    path = _ledger(examples)
    uses = _read(path)
    key = hashlib.sha256(json.dumps(what, sort_keys=True).encode()).hexdigest()[:16]
    if key not in uses:
        uses.append(key)
        write_text(path, json.dumps({"format": _FORMAT, "uses": uses}) + "\n")
    return uses.index(key) + 1


def used(examples: Task | Examples) -> int:
    """How many uses of their test part have been noted so far."""
    return len(_read(_ledger(examples)))


def _ledger(examples: Task | Examples) -> Path:
    if isinstance(examples, Task):
        known = examples.judgments.keys() - examples.weights.keys()
        texts = [examples.queries.text(query) for query in known]
    elif isinstance(examples, ScoredPairs):
        both = zip(examples.first, examples.second, strict=True)
        texts = [f"{first}\x1e{second}" for first, second in both]
    else:
        texts = list(examples.texts)
    digest = hashlib.sha256("\x1f".join(sorted(texts)).encode("utf-8", "surrogatepass")).hexdigest()
    return cache_folder() / "uses" / f"{digest[:16]}.json"


def _read(path: Path) -> list[str]:
    """The uses so far. A file that cannot be understood is set aside, and that is logged."""
    try:
        kept = json.loads(path.read_text(encoding="utf-8"))["uses"]
        if not isinstance(kept, list):
            raise TypeError(kept)
    except FileNotFoundError:
        return []
    except (ValueError, LookupError, TypeError) as damage:
        aside = path.with_suffix(".damaged")
        path.replace(aside)
        logger.warning("the count of test uses was damaged (%r); it is now %s", damage, aside)
        return []
    return [str(use) for use in kept]
