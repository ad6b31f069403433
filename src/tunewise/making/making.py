"""make_task: documents alone become a task, its queries made of the documents."""

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from tunewise.data.documents import Documents, read_documents
from tunewise.data.groups import fewest_groups
from tunewise.data.language import detect
from tunewise.data.making import described, told_made
from tunewise.data.read import read_task
from tunewise.data.write import check_free, stated
from tunewise.encoders import DEFAULT_ENCODER, Encoder, is_hosted, is_local, load_encoder
from tunewise.errors import DataError, OptionError, OutputError
from tunewise.making.drafts import (
    Draft,
    Terms,
    askable_titles,
    from_headings,
    from_model,
    from_titles,
    with_headings,
)
from tunewise.making.model import LanguageModel
from tunewise.making.sentences import from_sentences
from tunewise.making.trip import FIRST, found_again
from tunewise.progress import Progress, silent
from tunewise.retrieval import default_analyzer
from tunewise.task import Task, Texts

WAYS = ("auto", "titles", "headings", "sentences", "llm")
_NOT_FOUND = f"its document is not among the first {FIRST}, by words or by vectors"


def make_task(
    path: str | Path,
    *,
    way: str = "auto",
    most: int = 1000,
    documents: str | Path | None = None,
    columns: Mapping[str, str] | None = None,
    encoder: str | Encoder = DEFAULT_ENCODER,
    base_url: str | None = None,
    engine: str = "auto",
    llm: LanguageModel | None = None,
    seed: int = 0,
    progress: Progress = silent,
) -> Task:
    """A task of documents alone: queries are made of the documents, so its verdict is provisional.

    `path`, `documents` and `columns` are as in `read_task`; queries and judgments are left aside.
    `way` is "titles" (each document's title asks for it, and is taken out of all documents),
    "headings" (each heading asks for the section under it; sections become the documents),
    "sentences" (the most distinctive sentence of a document is held out of it and asks for the
    rest), "llm" (`llm` asks one or two questions about each), or "auto": titles if half of the
    documents have one that says something and does not open their text, else headings if half
    have some, else sentences. At most `most` queries, or documents asked about, are drawn, over all
    lengths. Kept is a query whose document is among the first 20 by words or by the encoder.

    `encoder`, `base_url` and `engine` are as in `measure`. Nothing is sent anywhere unless `llm` or
    a hosted encoder is named. `Task.made` says how the queries were made, D090 and D091 tell it.
    Raises DataError where fewer than twelve queries are left, OptionError for senseless arguments.

    >>> task = make_task("docs/", way="headings")  # doctest: +SKIP
    >>> task.made["kept"]  # doctest: +SKIP
    412
    """
    _check(way, most, llm)
    read = read_documents(path, documents=documents, columns=columns)
    analyzer = default_analyzer(detect(read.texts.texts, seed=seed).main)
    terms: Terms = lambda text: analyzer.tokens([text])[0]  # noqa: E731
    way, why = _way(way, read, terms)
    draft = _draft(way, read, terms, most, llm, seed, progress)
    if not draft.queries:
        raise _too_few(0, way, draft.dropped, path)
    loaded = _loaded(encoder, base_url, engine, draft, progress)
    found = found_again(draft, loaded, analyzer, progress=progress)
    kept = [one for one, hits in zip(draft.queries, found, strict=True) if hits.any()]
    lost = len(draft.queries) - len(kept)
    dropped = {**draft.dropped, **({_NOT_FOUND: lost} if lost else {})}
    if len(kept) < 2 * fewest_groups():
        raise _too_few(len(kept), way, dropped, path)
    made = {
        "way": way,
        "why": why,
        "source": str(path),
        "most": most,
        "seed": seed,
        "made": len(draft.queries),
        "kept": len(kept),
        "dropped": dropped,
        "found": {"words": int(found[:, 0].sum()), "vectors": int(found[:, 1].sum())},
        "encoder": loaded.name,
        "llm": None if llm is None else {"url": llm.url, "model": llm.name},
    }
    return _task(replace(draft, queries=kept), read, made)


def check_made_place(folder: str | Path) -> None:
    """Makes sure, before long work, that a made task can be written to `folder`.

    Raises OutputError if it cannot, or if somebody has mended the made queries there.
    """
    check_free(folder)
    said = stated(Path(folder))
    made = {} if said is None else said.made
    if made and read_task(folder).fingerprint != made.get("fingerprint"):
        raise OutputError(
            f"The made queries in '{folder}' have been changed since they were made, and making "
            f"them again would lose that. Measure those: tunewise measure {folder}. Or give "
            "another folder with --save-made."
        )


def _check(way: str, most: int, llm: LanguageModel | None) -> None:
    if way not in WAYS:
        raise OptionError(f"Queries cannot be made by '{way}'. Choose from {', '.join(WAYS)}.")
    if most < 1:
        raise OptionError(f"{most} queries cannot be made. Give 1 or more (--make-most).")
    if way == "llm" and llm is None:
        raise OptionError(
            "Queries by a language model need to know which, and nothing is sent anywhere unless "
            "you say where. Give --llm-url URL and --llm-model NAME (llm=LanguageModel(url, name))."
        )
    if way != "llm" and llm is not None:
        raise OptionError(
            f"A language model is named, but queries are made by '{way}', which asks none. Give "
            "--make-queries llm, or leave the model out."
        )


def _way(way: str, read: Documents, terms: Terms) -> tuple[str, str]:
    """The way queries are made, and why this one."""
    if way != "auto":
        return way, "asked for"
    titled, headed, all_ = askable_titles(read, terms), with_headings(read), len(read)
    told = f"{titled:,} of {all_:,} documents have a title that asks for something"
    if 2 * titled >= all_:
        return "titles", told
    told += f", {headed:,} have headings"
    return ("headings" if 2 * headed >= all_ else "sentences"), told


def _draft(
    way: str,
    read: Documents,
    terms: Terms,
    most: int,
    llm: LanguageModel | None,
    seed: int,
    progress: Progress,
) -> Draft:
    progress("making queries of the documents", 0, 0)
    if llm is not None:
        return from_model(read, llm, most, seed, progress)
    make = {"titles": from_titles, "headings": from_headings, "sentences": from_sentences}[way]
    return make(read, terms, most, seed)


def _loaded(
    encoder: str | Encoder, base_url: str | None, engine: str, draft: Draft, progress: Progress
) -> Encoder:
    if not isinstance(encoder, str):
        return encoder
    return load_encoder(
        encoder,
        base_url=base_url if is_hosted(encoder) else None,
        engine=engine if is_local(encoder) else "auto",
        texts=draft.documents.texts,
        progress=progress,
    )


def _too_few(kept: int, way: str, dropped: Mapping[str, int], path: str | Path) -> DataError:
    why = "; ".join(f"{count:,}: {reason}" for reason, count in dropped.items())
    others = [other for other in WAYS[1:] if other != way]
    return DataError(
        f"Only {kept} queries could be made of the {described({'way': way})} in '{path}' ("
        f"{why or 'there are no others'}), and fewer than {2 * fewest_groups()} decide nothing. "
        f"Add documents, try --make-queries {' or '.join(others)}, or bring queries of people."
    )


def _task(draft: Draft, read: Documents, made: Mapping[str, Any]) -> Task:
    keys = [f"m{number}" for number in range(1, len(draft.queries) + 1)]
    queries = dict(zip(keys, draft.queries, strict=True))
    ids = draft.documents.ids
    return Task(
        documents=draft.documents,
        queries=Texts(keys, [one.text for one in draft.queries]),
        judgments={key: {ids[p]: 1.0 for p in one.answers} for key, one in queries.items()},
        groups={key: one.group for key, one in queries.items() if one.group is not None},
        source=read.source,
        read_with=read.read_with,
        findings=(*read.findings, *told_made(made)),
        made=made,
    )
