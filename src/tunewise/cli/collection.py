"""A collection on the command line: where it lies, and a search in it."""

import argparse
import json
import shutil
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tunewise.cli.progress import shown
from tunewise.errors import OptionError

if TYPE_CHECKING:
    from tunewise.collection import Collection, Hit, Store

_STORE = "collections"


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
    add("--by", metavar="WAY", help=f"{with_} vectors, words or hybrid (default: as the winner)")
    add("--filter", metavar="JSON", help=f'{with_} such as \'{{"year": {{"gte": 2020}}}}\'')
    add("--threshold", type=float, metavar="SCORE", help=f"{with_} the least score")
    add("--grouped", action="store_true", help=f"{with_} the best chunk of each document only")


def store_of(parsed: argparse.Namespace, source: str | Path) -> "Store":
    """The store that the arguments name, or the one beside the winner."""
    from tunewise.collection import open_store
    from tunewise.collection.winner import is_winner

    usual = str(Path(source) / _STORE) if is_winner(source) else _STORE
    return open_store(parsed.store or usual)


def search_collection(parsed: argparse.Namespace) -> int:
    """Prints what is found: for WORDS to be read, for a file of queries as lines of JSON."""
    from tunewise.collection import Collection
    from tunewise.collection.winner import load_winner
    from tunewise.data.queries import read_queries
    from tunewise.encoders.loading import is_local

    with closing(store_of(parsed, parsed.folder)) as store, shown() as progress:
        about = Collection.open(store, parsed.collection).about()
        # another kind of model has no engine: it is refused by its stamp, in words about models
        engine = about.current.engine if is_local(str(parsed.folder)) else ""
        winner = load_winner(str(parsed.folder), engine=engine or "auto", progress=progress)
        collection = Collection.open(store, parsed.collection, winner.encoder)
        progress("", 0, 0)  # ends the bar that is drawn
        if parsed.words is not None:
            hits = _hits(collection, parsed, parsed.words)
            print("\n".join(_page(hits)) or "Nothing was found.")
            return 0
        asked = read_queries(Path(parsed.queries))
        for query, words in zip(asked.ids, asked.texts, strict=True):
            for hit in _hits(collection, parsed, words):
                print(json.dumps(_row(query, hit), ensure_ascii=False))
    return 0


def _hits(collection: "Collection", parsed: argparse.Namespace, words: str) -> "list[Hit]":
    return collection.search(
        words,
        k=parsed.k,
        where=_filter(parsed.filter),
        by=parsed.by,
        threshold=parsed.threshold,
        grouped=parsed.grouped,
    )


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
