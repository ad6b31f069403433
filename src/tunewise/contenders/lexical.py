"""`lexical`: BM25 over stemmed words, in the documents' own language."""

import time
from collections.abc import Sequence
from dataclasses import asdict
from functools import partial

from tunewise.contenders.contender import DEPTH, NO_TEXTS, Contender, Kept, Setting
from tunewise.progress import Progress
from tunewise.retrieval import Analyzer, LexicalSettings, build, choose
from tunewise.task import Texts


def fit(setting: Setting, earlier: Sequence[Contender]) -> list[Contender]:
    """One contender: how texts become terms, k1 and b are chosen on dev."""
    del earlier  # stands on nothing
    began = time.perf_counter()
    training = setting.training
    chosen = choose(
        training.documents,
        training.dev,
        setting.metric,
        language=setting.language or None,
        relevant_from=training.relevant_from,
        progress=setting.progress,
    )
    documents, dev = training.documents, training.dev.queries
    return [_contender(chosen, documents, dev, setting.progress, began)]


def load(kept: Kept) -> Contender:
    """The index with the settings that were kept, built anew over these documents."""
    began = time.perf_counter()
    saved = kept.saved["settings"]
    chosen = LexicalSettings(Analyzer(**saved["analyzer"]), saved["k1"], saved["b"])
    return _contender(chosen, kept.documents, NO_TEXTS, kept.progress, began)


def _contender(
    chosen: LexicalSettings, documents: Texts, dev: Texts, progress: Progress, began: float
) -> Contender:
    index = build(documents, chosen.analyzer, chosen.k1, chosen.b, progress=progress)
    return Contender(
        name="lexical",
        family="lexical",
        tuned=False,
        rank=partial(index.rank, k=DEPTH),
        dev=index.rank(dev, k=DEPTH),
        settings={
            "k1": chosen.k1,
            "b": chosen.b,
            "analyzer": asdict(chosen.analyzer),
            "told": chosen.analyzer.to_dict(),
        },
        bytes_per_document=round(index.nbytes / max(len(documents), 1)),
        notes=(chosen.reason,) if chosen.reason else (),
        seconds=time.perf_counter() - began,
    )
