"""`partial`: the upper layers tuned, on what the frozen lower ones made of each text once."""

from collections.abc import Sequence

from tunewise.contenders import tuned
from tunewise.contenders.contender import Contender, Kept, Setting


def fit(setting: Setting, earlier: Sequence[Contender]) -> list[Contender]:
    """One contender for each encoder whose weights are on this machine."""
    return tuned.fit("partial", setting, earlier)


def load(kept: Kept) -> Contender:
    """The tuned encoder that lies in the folder."""
    return tuned.load(kept)
