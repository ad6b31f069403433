"""Marked texts: what is normal, and the few that are known to be odd."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tunewise.data.aligned import among, fingerprint
from tunewise.data.portions import rows_in
from tunewise.finding import Finding

USUAL_ALARMS = 0.05
"""The share of normal texts that may be taken for odd, where the user names no other."""


@dataclass(frozen=True)
class MarkedTexts:
    """Texts, whether each is odd, the part it is in, and which belong together.

    `odd` (n,) is True where a text is odd; train has none of these. `labels` (n,) are places in
    `names`, -1 for a text without one; they may be of help and are never needed. `parts` (n,) are
    "train", "dev" and "test"; `groups` (n,) are equal for texts that say (nearly) the same or that
    the user put in one group. `alarms` is the share of normal texts that may be taken for odd.
    """

    texts: Sequence[str]
    odd: NDArray[np.bool_]
    labels: NDArray[np.int64]
    names: Sequence[str]
    parts: NDArray[np.str_]
    groups: NDArray[np.int64]
    alarms: float = USUAL_ALARMS
    source: str = ""
    read_with: Mapping[str, Any] = field(default_factory=dict)
    findings: tuple[Finding, ...] = ()

    def __len__(self) -> int:
        return len(self.texts)

    @cached_property
    def fingerprint(self) -> str:
        """Sixteen hexadecimal digits that change when anything learned or measured would."""
        names = [*self.names, ""]  # the last one is that of -1
        labels = (names[label] for label in self.labels.tolist())
        odd, groups = self.odd.astype(int).tolist(), self.groups.tolist()
        rows = zip(self.texts, odd, labels, self.parts, groups, strict=True)
        return fingerprint(f"marked texts 1 {self.alarms!r}", rows)

    @property
    def normal(self) -> "MarkedTexts":
        """Those that are not odd."""
        return self.among(np.flatnonzero(~self.odd))

    @property
    def first_of_each_group(self) -> "MarkedTexts":
        """One text of each group: what is said often counts once."""
        return self.among(np.sort(np.unique(self.groups, return_index=True)[1]))

    def take(self, part: str) -> "MarkedTexts":
        """Those in this part. Raises OptionError for another name than train, dev and test."""
        return self.among(rows_in(self.parts, part))

    def sample(self, most: int, seed: int) -> "MarkedTexts":
        """All of them, or `most` drawn at random, in their order."""
        if len(self) <= most:
            return self
        return self.among(np.sort(np.random.default_rng(seed).permutation(len(self))[:most]))

    def among(self, rows: NDArray[np.int64]) -> "MarkedTexts":
        """Those at these places."""
        return among(self, rows, "texts", "odd", "labels", "parts", "groups")
