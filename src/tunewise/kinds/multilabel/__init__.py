"""Multi-label classification: texts and the labels each of them has, several or none."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np

from tunewise.data.multilabelled import MultiLabelledTexts, read_multilabelled
from tunewise.errors import DataError
from tunewise.kinds.kind import (
    Contender,
    Kind,
    Parts,
    Shown,
    Source,
    among,
    come_with,
    groups_of,
    refuse,
    texts_of,
)
from tunewise.kinds.multilabel import (
    adapter,
    hybrid,
    lexical,
    linear,
    majority,
    names,
    neighbours,
)
from tunewise.kinds.multilabel.answers import Answers
from tunewise.kinds.multilabel.metrics import DECIDING, METRICS, score
from tunewise.kinds.multilabel.panels import panels


def _read(source: Source) -> MultiLabelledTexts:
    options = dict(source.options)
    separator = options.pop("separator", None)
    refuse(Source(source.path, files=source.files, options=options), "multilabel")
    return read_multilabelled(
        source.path, columns=source.columns or None, separator=separator, seed=source.seed
    )


def _divide(examples: MultiLabelledTexts, seed: int) -> Parts:
    del seed  # they came with their parts
    _require_labels({name: examples.take(name) for name in ("train", "test")}, examples.source)
    return come_with(examples, len(examples))


def _require_labels(parts: Mapping[str, MultiLabelledTexts], source: str) -> None:
    """Raises DataError where there is nothing to tell, or nothing to learn it from."""
    for name, part in parts.items():
        if len(part) and not part.labels.any():
            raise DataError(
                f"No text in the {name} part of '{source}' has a label, so there is nothing to "
                "tell. Add texts with labels to it, or give no parts, to have all texts divided."
            )
    taught = parts["train"].labels
    if len(taught) and (taught == taught[0]).all():
        raise DataError(
            f"All texts in the train part of '{source}' have the same labels, so there is nothing "
            "to tell apart. Add texts with others, or with none."
        )


def _about(shown: Shown) -> Mapping[str, Any]:
    return {"names": list(shown.judged.names)}


def _told(
    contender: Contender, texts: Sequence[str], answers: Answers, about: Mapping[str, Any]
) -> Iterator[Mapping[str, Any]]:
    """Of each text the labels above the threshold, the likeliest first; it may be none."""
    del contender  # its answers say it all
    names = about["names"]
    for text, chances, told in zip(texts, answers.chances, answers.told, strict=True):
        order = np.argsort(-chances, kind="stable")
        labels = [
            {"label": names[place], "probability": round(float(chances[place]), 4)}
            for place in order[told[order]].tolist()
        ]
        yield {"text": text, "labels": labels}


KIND = Kind(
    name="multilabel",
    unit="text",
    units="texts",
    metrics=METRICS,
    deciding=DECIDING,
    table={
        "majority": majority,
        "names": names,
        "lexical": lexical,
        "neighbours": neighbours,
        "linear": linear,
        "hybrid": hybrid,
        "adapter": adapter,
    },
    deep=(),
    taught=("majority", "lexical", "neighbours", "linear", "hybrid", "adapter"),
    read=_read,
    divide=_divide,
    take=among,
    asked=texts_of,
    groups=groups_of,
    score=score,
    panels=panels,
    about=_about,
    told=_told,
    trial='tunewise predict DIR "your words"',
)
