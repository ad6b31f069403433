"""`tunewise index DIR --from DOCUMENTS`: documents in a collection, with the winner's vectors."""

import argparse
import sys
from collections.abc import Iterable, Iterator
from contextlib import closing
from itertools import chain, islice
from typing import TYPE_CHECKING, Any

from tunewise.cli.collection import add_place, store_of
from tunewise.cli.data import columns_of
from tunewise.cli.progress import shown
from tunewise.errors import DataError, OptionError

if TYPE_CHECKING:
    from tunewise.collection import Collection, Store, VectorStamp
    from tunewise.collection.indexing import Indexed
    from tunewise.collection.winner import Winner
    from tunewise.documents import Document, Failure
    from tunewise.progress import Progress

_SAMPLE = 256  # documents by which the quickest way to encode is found
_FAILED = 2


def add(commands: Any) -> None:
    """Adds the command."""
    parser = commands.add_parser(
        "index",
        help="put documents into a collection, with the winner's vectors",
        description="Reads documents, cuts them into chunks and puts these with their vectors into "
        "a collection to be searched. Given again, it goes on where it was stopped, passes over "
        "what has not changed and replaces what has.",
    )
    option = parser.add_argument
    option("source", metavar="DIR", help="the folder measure or tune wrote, or a model's name")
    option("--from", dest="documents", metavar="DOCUMENTS", help="a file, folder, zip or address")
    add_place(parser, default="documents")
    option(
        "--column",
        action="append",
        default=[],
        metavar="ROLE=NAME",
        help="which column of a table is what: document, document_id, title (may be repeated)",
    )
    option("--host", action="append", default=[], help="a host that may be fetched from")
    option("--size", type=int, metavar="N", help="tokens a chunk has at most (default: 256)")
    option("--overlap", type=int, metavar="N", help="tokens neighbours share (default: 32)")
    option("--prefix", type=int, metavar="N", help="keep so many first numbers of each vector")
    option(
        "--precision",
        choices=("float32", "float16"),
        help="what vectors are kept in (default: what suits the store)",
    )
    option("--base-url", metavar="URL", help="where a hosted encoder (openai:…) is")
    option("--prune", action="store_true", help="remove documents that are no longer there")
    option(
        "--reembed",
        action="store_true",
        help="make the vectors anew with DIR, beside the old ones, and switch",
    )
    option("--rollback", action="store_true", help="go back to the vectors before; DIR made those")
    parser.set_defaults(run=run)


def run(parsed: argparse.Namespace) -> int:
    """Does what is asked, and says what came of it."""
    asked = [parsed.documents is not None, parsed.reembed, parsed.rollback]
    if sum(asked) != 1:
        raise OptionError(
            "Say one thing to do: --from DOCUMENTS, --reembed or --rollback. For example: tunewise "
            f"index {parsed.source} --from docs/."
        )
    with closing(store_of(parsed, parsed.source)) as store, shown() as progress:
        if parsed.documents is not None:
            return _index(parsed, store, progress)
        collection = _switched(parsed, store, progress)
        progress("", 0, 0)  # ends the bar that is drawn
        print(_told(collection))
    return 0


def _index(parsed: argparse.Namespace, store: "Store", progress: "Progress") -> int:
    from tunewise.collection.indexing import index_documents
    from tunewise.documents import read_documents

    found = read_documents(parsed.documents, columns=columns_of(parsed), hosts=parsed.host)
    progress("reading documents", 0, 0)
    first = list(islice(found, _SAMPLE))
    collection, winner, chunker = _opened(parsed, store, first, progress)
    told = index_documents(
        collection, chain(first, found), chunker, prune=parsed.prune, progress=progress
    )
    progress("", 0, 0)  # ends the bar that is drawn
    for line in chain([winner.note] if winner.note else [], _failures(told)):
        print(line, file=sys.stderr)
    print(f"{_summary(told, prune=parsed.prune)}\n{_told(collection)}")
    nothing = told.failures and not (told.added or told.changed or told.unchanged)
    return _FAILED if nothing else 0


def _opened(
    parsed: argparse.Namespace,
    store: "Store",
    first: "Iterable[Document | Failure]",
    progress: "Progress",
) -> Any:
    """The collection, new where there is none; what makes its vectors; how documents are cut."""
    from tunewise.collection import Collection
    from tunewise.collection.indexing import Chunker, fitting
    from tunewise.documents import Document

    there = Collection.there(store, parsed.collection)
    texts = [each.text for each in first if isinstance(each, Document)]
    winner = _winner(parsed, there.engine if there else "auto", texts, progress)
    usual = (there and Chunker.read(there.stamp.chunker)) or fitting(Chunker(), winner.encoder)
    size, overlap = parsed.size or usual.size, parsed.overlap
    if overlap is None:
        overlap = min(usual.overlap, size // 2)
    chunker = fitting(Chunker(size, overlap), winner.encoder)
    if there:
        _check_kept(parsed, there.stamp)
        return Collection.open(store, parsed.collection, winner.encoder), winner, chunker
    try:
        made = Collection.create(
            store,
            parsed.collection,
            winner.encoder,
            precision=parsed.precision or winner.precision,
            prefix=parsed.prefix or winner.prefix,
            chunker=str(chunker),
            retrieval=winner.retrieval,
            source=winner.source,
            engine=winner.engine,
        )
    except DataError:  # another process may have made it meanwhile
        if Collection.there(store, parsed.collection) is None:
            raise
        return _opened(parsed, store, first, progress)
    return made, winner, chunker


def _check_kept(parsed: argparse.Namespace, stamp: "VectorStamp") -> None:
    """Raises OptionError where vectors are asked for that the collection does not keep."""
    asked = (parsed.prefix or stamp.dimension, parsed.precision or stamp.precision)
    if asked != (stamp.dimension, stamp.precision):
        raise OptionError(
            f"Collection '{parsed.collection}' keeps {stamp.dimension} numbers in "
            f"{stamp.precision}, and --prefix or --precision say otherwise. Leave them out, or "
            "choose another name with --collection."
        )


def _winner(
    parsed: argparse.Namespace, engine: str, texts: list[str], progress: "Progress"
) -> "Winner":
    from tunewise.collection.winner import load_winner

    return load_winner(
        parsed.source,
        engine=engine or "auto",
        base_url=parsed.base_url,
        texts=texts,
        progress=progress,
    )


def _switched(parsed: argparse.Namespace, store: "Store", progress: "Progress") -> "Collection":
    from tunewise.collection import Collection, reembed, rollback

    collection = Collection.open(store, parsed.collection)
    if parsed.rollback:
        before = collection.about().previous
        winner = _winner(parsed, before.engine if before else "auto", [], progress)
        return rollback(collection, winner.encoder, progress=progress)
    winner = _winner(parsed, "auto", [], progress)
    return reembed(
        collection,
        winner.encoder,
        prefix=parsed.prefix or winner.prefix,
        retrieval=winner.retrieval,
        source=winner.source,
        engine=winner.engine,
        progress=progress,
    )


def _failures(told: "Indexed") -> Iterator[str]:
    from tunewise.report import printable

    for failure in told.failures:
        yield printable(f"failed: {failure.name}: {failure.reason}")


def _summary(told: "Indexed", *, prune: bool) -> str:
    counts = f"{told.added:,} added, {told.changed:,} changed, {told.unchanged:,} unchanged"
    failed = f", {len(told.failures):,} failed" if told.failures else ""
    gone = ""
    if told.removed:
        gone = f"; {told.removed:,} that are no longer there were removed"
    elif told.gone:
        why = "not removed, since something failed" if prune else "kept; --prune removes them"
        gone = f"; {told.gone:,} no longer there ({why})"
    return f"documents: {counts}{failed}{gone}"


def _told(collection: "Collection") -> str:
    info = collection.info()
    found = "searched exactly"
    if info.built is not None:
        found = f"recall@10 {info.built.recall:.3f} against exact search ({info.built.asked})"
    kept = f"{info.stamp.dimension} numbers in {info.stamp.precision}"
    return (
        f"{info.name} in '{info.store}': {info.chunks:,} chunks of {info.documents:,} documents, "
        f"{info.nbytes / 1e6:.1f} MB; {info.stamp.encoder}, {kept}, {found}"
    )
