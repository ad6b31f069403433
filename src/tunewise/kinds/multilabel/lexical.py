"""`lexical`: words and pairs of words (tf-idf), and a linear head for each label."""

import time
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from tunewise.kinds.kind import Contender, Saved, Setting
from tunewise.kinds.multilabel.answers import Floats
from tunewise.kinds.multilabel.heads import answering, fit_head, scores_of

_MOST_WORDS = 50_000
_MOST_NUMBERS = 1_000_000  # of words times labels


def fit(setting: Setting, earlier: Sequence[Contender]) -> list[Contender]:
    """One contender; none where the train part has no words."""
    del earlier  # stands on nothing
    began = time.perf_counter()
    train = setting.train
    most = min(_MOST_WORDS, max(1000, _MOST_NUMBERS // len(train.names)))
    reader = _reader(max_features=most)
    try:
        read = reader.fit_transform(train.texts)
    except ValueError:  # "empty vocabulary": nothing but marks and single letters
        return []
    seen = reader.transform(setting.dev.texts) if len(setting.dev) else read[:0]
    head, _, settings = fit_head(setting, read, seen)
    settings = {**settings, "words": reader.get_feature_names_out().tolist()}
    arrays = {**head, "telling": reader.idf_.astype(np.float32)}
    found = load(Saved("lexical", "lexical", settings, arrays, None))
    return [replace(found, seconds=time.perf_counter() - began)]


def load(saved: Saved) -> Contender:
    """The words, what each is worth, and the heads."""
    arrays = saved.arrays
    reader = _reader(vocabulary=saved.settings["words"])
    reader.idf_ = arrays["telling"]

    def scores(texts: Sequence[str]) -> Floats:
        return scores_of(reader.transform(texts), arrays)

    return Contender(
        name="lexical",
        family="lexical",
        tuned=False,
        answer=answering(scores, saved.settings),
        settings=saved.settings,
        arrays=arrays,
    )


def _reader(**options: Any) -> Any:
    """scikit-learn's reader of words, not yet fitted."""
    from sklearn.feature_extraction.text import TfidfVectorizer

    return TfidfVectorizer(sublinear_tf=True, ngram_range=(1, 2), dtype=np.float32, **options)
