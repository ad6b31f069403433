"""`tunewise index DIR --from DOCUMENTS`: documents in a collection, with the winner's vectors."""

import argparse
import sys
from collections.abc import Iterable, Iterator
from contextlib import closing
from itertools import chain
from typing import TYPE_CHECKING, Any

from tunewise.cli.collection import add_place, store_of
from tunewise.cli.data import columns_of
from tunewise.cli.progress import shown
from tunewise.errors import DataError, OptionError

if TYPE_CHECKING:
    from tunewise.collection import Collection, Store, VectorStamp
    from tunewise.collection.about import Generation
    from tunewise.collection.indexing import Chunker, Indexed
    from tunewise.collection.winner import Winner
    from tunewise.documents import Document, Failure
    from tunewise.encoders import Encoder
    from tunewise.metrics import Threshold
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
    _add_hosts(parser)
    option("--size", type=int, metavar="N", help="tokens a chunk has at most (default: up to 256)")
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
    option(
        "--check",
        action="store_true",
        help="see whether all is what was written, and if so take what was deleted off the disk; "
        "with --from, what is not is written anew",
    )
    option("--rollback", action="store_true", help="go back to the vectors before; DIR made those")
    parser.set_defaults(run=run)


def _add_hosts(parser: argparse.ArgumentParser) -> None:
    option = parser.add_argument
    option(
        "--host", action="append", default=[], metavar="HOST",
        help="a host that may be fetched from (may be repeated)",
    )  # fmt: skip
    option(
        "--private-host", action="append", default=[], metavar="HOST",
        help="the same for a host that is in a private network, or this machine",
    )  # fmt: skip
    option(
        "--depth", type=int, default=0, metavar="N",
        help="links followed from an address to pages of its host (default: 0, that page alone)",
    )  # fmt: skip


def run(parsed: argparse.Namespace) -> int:
    """Does what is asked, and says what came of it."""
    reading = parsed.documents is not None
    if [reading or parsed.check, parsed.reembed, parsed.rollback].count(True) != 1:
        raise OptionError(
            "Say one thing to do: --from DOCUMENTS, --check, --reembed or --rollback. For example: "
            f"tunewise index {parsed.source} --from docs/."
        )
    with closing(store_of(parsed, parsed.source, new=reading)) as store, shown() as progress:
        damaged = _damaged(parsed, store, progress) if parsed.check else []
        if reading:
            return _index(parsed, store, damaged, progress)
        if parsed.check:
            return _FAILED if damaged else 0
        collection = _switched(parsed, store, progress)
        progress("", 0, 0)  # ends the bar that is drawn
        print(_told(collection))
    return 0


def _damaged(parsed: argparse.Namespace, store: "Store", progress: "Progress") -> list[str]:
    """The documents of which something is not what was written; says what was found."""
    from tunewise.collection import Collection, verify
    from tunewise.report import printable

    collection = Collection.open(store, parsed.collection)
    damaged = verify(collection, progress=progress)
    if not damaged:  # what cannot be read cannot be written anew
        collection.compact(progress=progress)
    progress("", 0, 0)
    for document in damaged:
        print(printable(f"damaged: {document}"), file=sys.stderr)
    told = "all chunks are what was written"
    if damaged:
        told = f"damaged documents: {len(damaged):,}; --check --from DOCUMENTS writes them anew"
    print(f"{parsed.collection}: {told}")
    return damaged


def _index(
    parsed: argparse.Namespace, store: "Store", anew: list[str], progress: "Progress"
) -> int:
    from tunewise.collection import Collection
    from tunewise.collection.indexing import index_documents
    from tunewise.documents import Document, read_documents

    found = read_documents(
        parsed.documents,
        columns=columns_of(parsed),
        hosts=parsed.host,
        private_hosts=parsed.private_host,
        depth=parsed.depth,
    )
    progress("reading documents", 0, 0)
    first = _first(found)
    there = Collection.there(store, parsed.collection)
    texts = [each.text for each in first if isinstance(each, Document)]
    if not texts and there is None:
        progress("", 0, 0)
        return _nothing(parsed, first)
    winner = _winner(parsed, there.engine if there else "auto", texts, progress)
    collection, chunker = _opened(parsed, store, winner)
    told = index_documents(
        collection, chain(first, found), chunker, prune=parsed.prune, anew=anew, progress=progress
    )
    progress("", 0, 0)  # ends the bar that is drawn
    notes = [note for note in (winner.note, _smaller(parsed, chunker, winner)) if note]
    for line in chain(notes, _failures(told.failures)):
        print(line, file=sys.stderr)
    print(f"{_summary(told, prune=parsed.prune)}\n{_told(collection)}")
    nothing = told.failures and not (told.added or told.changed or told.unchanged)
    return _FAILED if nothing else 0


def _first(found: "Iterator[Document | Failure]") -> "list[Document | Failure]":
    """What is read first: some, but as much as it takes until there is a document."""
    from tunewise.documents import Document

    first: list[Document | Failure] = []
    documents = 0
    for each in found:
        first.append(each)
        documents += isinstance(each, Document)
        if len(first) >= _SAMPLE and documents:
            break
    return first


def _nothing(parsed: argparse.Namespace, failures: "Iterable[Any]") -> int:
    """Says that there is nothing to index; no collection is made for it."""
    for line in _failures(failures):
        print(line, file=sys.stderr)
    print(
        f"tunewise: No document was found in '{parsed.documents}', so no collection was made. "
        "Give a file, folder, zip or address that has some.",
        file=sys.stderr,
    )
    return _FAILED


def _opened(
    parsed: argparse.Namespace, store: "Store", winner: "Winner"
) -> "tuple[Collection, Chunker]":
    """The collection, new where there is none, and how its documents are cut."""
    from tunewise.collection import Collection

    there = Collection.there(store, parsed.collection)
    chunker, threshold = _chunker(parsed, there, winner.encoder), _threshold(parsed, winner)
    if there:
        _check_kept(parsed, there.stamp)
        collection = Collection.open(store, parsed.collection, winner.encoder)
        if threshold and winner.retrieval == there.retrieval:
            collection.calibrate(threshold)
        return collection, chunker
    try:
        made = Collection.create(
            store,
            parsed.collection,
            winner.encoder,
            precision=parsed.precision or winner.precision,
            prefix=_prefix(parsed, winner),
            threshold=threshold,
            chunker=str(chunker),
            retrieval=winner.retrieval,
            source=winner.source,
            engine=winner.engine,
        )
    except DataError:  # another process may have made it meanwhile
        if Collection.there(store, parsed.collection) is None:
            raise
        return _opened(parsed, store, winner)
    return made, chunker


def _chunker(
    parsed: argparse.Namespace, there: "Generation | None", encoder: "Encoder"
) -> "Chunker":
    """How documents are cut: as is said, else as before, else as the encoder allows."""
    from tunewise.collection.indexing import Chunker, fitting

    usual = (there and Chunker.read(there.stamp.chunker)) or fitting(Chunker(), encoder)
    size = usual.size if parsed.size is None else parsed.size
    overlap = parsed.overlap
    if overlap is None:
        overlap = min(usual.overlap, size // 2)
    if encoder.max_tokens is not None and size > encoder.max_tokens:
        raise OptionError(
            f"Chunks of {size:,} tokens (--size) would be cut off: '{encoder.name}' reads "
            f"{encoder.max_tokens:,} of a text. Give a smaller size."
        )
    return fitting(Chunker(size, overlap), encoder)


def _smaller(parsed: argparse.Namespace, chunker: "Chunker", winner: "Winner") -> str:
    """What is to be said where chunks have fewer tokens than --size; else nothing."""
    if parsed.size is None or chunker.size == parsed.size:
        return ""
    return (
        f"chunks have up to {chunker.size:,} tokens: '{winner.encoder.name}' reads "
        f"{winner.encoder.max_tokens:,}, its special ones and its prompt among them"
    )


def _prefix(parsed: argparse.Namespace, winner: "Winner") -> int | None:
    return winner.prefix if parsed.prefix is None else int(parsed.prefix)


def _check_kept(parsed: argparse.Namespace, stamp: "VectorStamp") -> None:
    """Raises OptionError where vectors are asked for that the collection does not keep."""
    prefix = stamp.dimension if parsed.prefix is None else parsed.prefix
    asked = (prefix, parsed.precision or stamp.precision)
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


def _threshold(parsed: argparse.Namespace, winner: "Winner") -> "Threshold | None":
    """The winner's, as far as its vectors are kept whole: cut ones have other cosines."""
    return winner.threshold if _prefix(parsed, winner) is None else None


def _switched(parsed: argparse.Namespace, store: "Store", progress: "Progress") -> "Collection":
    from tunewise.collection import Collection, reembed, rollback

    collection = Collection.open(store, parsed.collection)
    if parsed.rollback:
        before = collection.about().previous
        # where there is none, rollback says so, and no model is loaded for that
        encoder = _winner(parsed, before.engine, [], progress).encoder if before else None
        return rollback(collection, encoder, progress=progress)
    winner = _winner(parsed, "auto", [], progress)
    return reembed(
        collection,
        winner.encoder,
        prefix=_prefix(parsed, winner),
        threshold=_threshold(parsed, winner),
        retrieval=winner.retrieval,
        source=winner.source,
        engine=winner.engine,
        progress=progress,
    )


def _failures(failures: "Iterable[Failure]") -> Iterator[str]:
    from tunewise.report import printable

    for failure in failures:
        yield printable(f"failed: {failure.name}: {failure.reason}")


def _summary(told: "Indexed", *, prune: bool) -> str:
    counts = f"{told.added:,} added, {told.changed:,} changed, {told.unchanged:,} unchanged"
    failed = f", {len(told.failures):,} failed" if told.failures else ""
    gone = ""
    if told.removed:
        gone = f"; {told.removed:,} that are no longer there were removed"
    if left := told.gone - told.removed:
        why = "may be in what failed, and stay" if prune else "kept; --prune removes them"
        gone += f"; {left:,} no longer there ({why})"
    return f"documents: {counts}{failed}{gone}"


def _told(collection: "Collection") -> str:
    info = collection.info()
    found = "searched exactly"
    if info.built is not None:
        found = f"recall@10 {info.built.recall:.3f} against exact search ({info.built.asked})"
    kept = f"{info.stamp.dimension} numbers in {info.stamp.precision}"
    least = ""
    if info.threshold is not None:
        least = (
            f"; calibrated threshold {info.threshold.score:.3f}, which kept "
            f"{info.threshold.recall:.0%} of what was relevant to the dev queries"
        )
    return (
        f"{info.name} in '{info.store}': {_counted(info.chunks, 'chunk')} of "
        f"{_counted(info.documents, 'document')}, "
        f"{info.nbytes / 1e6:.1f} MB; {info.stamp.encoder}, {kept}, {found}{least}"
    )


def _counted(count: int, name: str) -> str:
    return f"{count:,} {name}{'' if count == 1 else 's'}"
