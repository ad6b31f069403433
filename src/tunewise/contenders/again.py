"""Again: a tuned contender of the same kind, fitted on other queries or with another seed."""

from collections.abc import Sequence
from dataclasses import replace

from tunewise.contenders import adapter, hybrid
from tunewise.contenders.contender import Contender, Setting
from tunewise.contenders.table import TABLE


def fit_again(contender: Contender, setting: Setting, earlier: Sequence[Contender]) -> Contender:
    """What fitting this tuned contender anew under `setting` gives.

    Of an adapter it is the same side, of a hybrid one over vectors made anew. `earlier` are the
    untuned contenders, fitted on the same dev part.
    """
    vectors = contender.parts.get("vectors", contender)
    _, _, encoder = vectors.name.partition("@")
    chosen = [one for one in setting.encoders if encoder in ("", one.name)][:1]
    narrowed = replace(setting, encoders=chosen)
    if vectors.family == "adapter":
        [new] = adapter.fit(narrowed, earlier, sides=(vectors.settings["side"],))
    else:
        [new] = TABLE[vectors.family].fit(narrowed, earlier)
    if not contender.parts:
        return new
    words = contender.parts["lexical"]
    [fused] = hybrid.fit(narrowed, [words, new])
    return fused
