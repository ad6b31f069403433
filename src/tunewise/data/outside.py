"""Outside: texts that have none of the labels, kept apart from those that have one."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from tunewise.data.aligned import among
from tunewise.data.portions import rows_in


@dataclass(frozen=True)
class Outside:
    """Texts out of scope, and the part each is in.

    `parts` (n,) are "dev" and "test": nothing is learned from them. `alarms` is the share of texts
    with a label that may be answered with none. There may be no text at all: that share alone is
    enough for a threshold.
    """

    texts: Sequence[str]
    parts: NDArray[np.str_]
    alarms: float

    def __len__(self) -> int:
        return len(self.texts)

    def take(self, part: str) -> "Outside":
        """Those in this part. Raises OptionError for another name than train, dev and test."""
        return among(self, rows_in(self.parts, part), "texts", "parts")

    @property
    def told(self) -> str:
        """All that it is, in one string, for a fingerprint."""
        rows = zip(self.texts, self.parts.tolist(), strict=True)
        return f"{self.alarms!r}" + "".join(f"\x1d{text}\x1f{part}\x1e" for text, part in rows)
