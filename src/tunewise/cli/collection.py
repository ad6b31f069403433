"""A collection on the command line: where it lies, and a search in it."""

import argparse
import json
import shutil
from collections.abc import Callable
from contextlib import closing
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from tunewise.cli.progress import shown
from tunewise.errors import OptionError

if TYPE_CHECKING:
    from tunewise.collection import Hit, Store
    from tunewise.progress import Progress


def add_place(parser: argparse.ArgumentParser, *, default: str | None = None) -> None:
    """Adds which collection is meant, and the store it is in."""
    usual = f" (default: {default})" if default else ""
    add = parser.add_argument
    add("--collection", metavar="NAME", default=default, help=f"the collection{usual}")
    add(
        "--store",
        metavar="URL",
        help="where collections are: a folder, s3://… or postgresql://… (default: DIR/collections, "
        "or ./collections for a model's name)",
    )


def add_search(parser: argparse.ArgumentParser) -> None:
    """Adds what a search in a collection takes."""
    add, with_ = parser.add_argument, "with --collection:"
    add_place(parser)
    add(
        "--by",
        choices=("vectors", "words", "hybrid"),
        help=f"{with_} by what to search (default: as the winner)",
    )
    add("--filter", metavar="JSON", help=f'{with_} such as \'{{"year": {{"gte": 2020}}}}\'')
    add(
        "--threshold",
        metavar="SCORE",
        help=f"{with_} the least score, or 'calibrated' for the one that measure chose",
    )
    add("--grouped", action="store_true", help=f"{with_} the best chunk of each document only")
    add("--rerank", metavar="NAME", help=f"{with_} a cross-encoder that puts the best in order")
    add("--rerank-top", type=int, metavar="N", help=f"{with_} how many it reads (default: 50)")


def refuse_alone(parsed: argparse.Namespace) -> None:
    """Raises OptionError for what only a search in a collection takes, where none is named."""
    names = ("store", "by", "filter", "threshold", "grouped", "rerank", "rerank_top")
    given = [name for name in names if getattr(parsed, name) not in (None, False)]
    if given and parsed.collection is None:
        raise OptionError(
            f"--{given[0].replace('_', '-')} is for a search in a collection, and none is named. "
            "Name it with --collection, or leave the option out."
        )


def store_of(parsed: argparse.Namespace, source: str | Path, *, new: bool = False) -> "Store":
    """The store that the arguments name, or the one beside the winner; `new` makes a folder."""
    from tunewise.collection import BESIDE, open_store
    from tunewise.collection.winner import is_winner

    usual = str(Path(source) / BESIDE) if is_winner(source) else BESIDE
    return open_store(parsed.store or usual, new=new)


def search_collection(parsed: argparse.Namespace) -> int:
    """Prints what is found: for WORDS to be read, for a file of queries as lines of JSON."""
    from tunewise.data.queries import read_queries

    asked = None if parsed.words is not None else read_queries(Path(parsed.queries))
    with closing(store_of(parsed, parsed.folder)) as store, shown() as progress:
        search = _search(parsed, store, progress)
        progress("", 0, 0)  # ends the bar that is drawn
        if asked is None:
            print("\n".join(_page(search(parsed.words))) or _nothing(parsed, store))
            return 0
        for query, words in zip(asked.ids, asked.texts, strict=True):
            for hit in search(words):
                print(json.dumps(_row(query, hit), ensure_ascii=False))
    return 0


def _nothing(parsed: argparse.Namespace, store: "Store") -> str:
    """Says that nothing was found, and what left it out if that is known."""
    from tunewise.collection import Collection

    if parsed.threshold is None:
        return "Nothing was found."
    least = parsed.threshold
    if least == "calibrated" and (
        own := Collection.open(store, parsed.collection).about().current.threshold
    ):
        least = f"{own.score:.3f}"
    return (
        f"Nothing was found with a score of {least} or more. Leave --threshold out to see what "
        "comes nearest."
    )


def _search(
    parsed: argparse.Namespace, store: "Store", progress: "Progress"
) -> "Callable[[str], list[Hit]]":
    """The search that the arguments describe, with what it takes loaded and no more."""
    from tunewise.collection import Collection
    from tunewise.collection.searching import checked
    from tunewise.collection.winner import load_winner
    from tunewise.encoders.loading import is_local
    from tunewise.retrieval import load_reranker

    if parsed.rerank_top is not None and parsed.rerank is None:
        raise OptionError("--rerank-top goes with --rerank. Name a cross-encoder with it.")
    where, threshold = _filter(parsed.filter), _least(parsed.threshold)
    about = Collection.open(store, parsed.collection).about()
    now, encoder = about.current, None
    by, *_ = checked(about, parsed.by, where, threshold, k=parsed.k, depth=parsed.rerank_top)
    if by != "words":
        # another kind of model has no engine: it is refused by its stamp, in words about models
        engine = now.engine if is_local(str(parsed.folder)) else ""
        winner = load_winner(str(parsed.folder), engine=engine or "auto", progress=progress)
        encoder = winner.encoder
    collection = Collection.open(store, parsed.collection, encoder)
    return partial(
        collection.search,
        k=parsed.k,
        where=where,
        by=parsed.by,
        threshold=threshold,
        grouped=parsed.grouped,
        rerank=None if parsed.rerank is None else load_reranker(parsed.rerank),
        **({} if parsed.rerank_top is None else {"rerank_top": parsed.rerank_top}),
    )


def _least(given: str | None) -> 'float | Literal["calibrated"] | None':
    if given is None or given == "calibrated":
        return None if given is None else "calibrated"
    try:
        return float(given)
    except ValueError:
        raise OptionError(
            f"--threshold takes a number or the word calibrated, not '{given}'."
        ) from None


def _filter(given: str | None) -> dict[str, Any]:
    try:
        found = json.loads(given or "{}")
    except ValueError:
        found = None
    if not isinstance(found, dict):
        raise OptionError(
            f"--filter takes JSON such as '{{\"year\": {{\"gte\": 2020}}}}', not '{given}'."
        )
    return found


def _page(hits: "list[Hit]") -> list[str]:
    from tunewise.report import printable

    width = min(shutil.get_terminal_size((100, 24)).columns, 160)
    lines = []
    for hit in hits:
        place = f"{hit.chunk.start}–{hit.chunk.end}"
        heading = f"  {hit.chunk.heading}" if hit.chunk.heading else ""
        text = printable(" ".join(hit.chunk.text.split()))
        head = printable(f"{hit.score:.3f}  {hit.chunk.document} ({place}){heading}")
        lines += [head[:width], text[:width], text[width : 2 * width], ""]
    return lines


def _row(query: str, hit: "Hit") -> dict[str, Any]:
    return {
        "query_id": query,
        "document_id": hit.chunk.document,
        "chunk_id": hit.chunk.id,
        "score": round(hit.score, 6),
        "start": hit.chunk.start,
        "end": hit.chunk.end,
    }
