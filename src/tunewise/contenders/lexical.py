"""`lexical`: BM25 over stemmed words, in the documents' own language."""

import time
from collections.abc import Sequence

from tunewise.contenders.contender import NO_TEXTS, Contender, Kept, Setting
from tunewise.retrieval import Lexical, build, choose
from tunewise.task import Texts


def fit(setting: Setting, earlier: Sequence[Contender]) -> list[Contender]:
    """One contender: how words are cut, k1 and b are chosen on dev."""
    del earlier  # stands on nothing
    began = time.perf_counter()
    training = setting.training
    chosen = choose(
        training.documents,
        training.dev,
        setting.metric,
        language=setting.language,
        relevant_from=training.relevant_from,
        progress=setting.progress,
    )
    return [_contender(chosen, training.documents, training.dev.queries, began)]


def load(kept: Kept) -> Contender:
    """The index with the settings that were kept, built anew over these documents."""
    began = time.perf_counter()
    kept.progress("indexing words", 0, len(kept.documents))
    return _contender(Lexical.from_dict(kept.saved["settings"]), kept.documents, NO_TEXTS, began)


def _contender(chosen: Lexical, documents: Texts, dev: Texts, began: float) -> Contender:
    index = build(documents, chosen)
    return Contender(
        name="lexical",
        family="lexical",
        tuned=False,
        rank=index.rank,
        dev=index.rank(dev),
        settings=chosen.to_dict(),
        bytes_per_document=index.size // max(len(documents), 1),
        notes=chosen.notes,
        seconds=time.perf_counter() - began,
    )
