"""Indexing: documents become chunks, vectors and rows, whole documents at a time.

What a kill leaves is whole documents; the same command goes on after them, and no text is encoded
twice, for vectors are in the cache before they are in the store.
"""

import json
import re
from collections.abc import Container, Iterable, Mapping, Sequence, Set
from dataclasses import dataclass, field
from hashlib import blake2b

from tunewise.collection.chunks import Wanted
from tunewise.collection.collection import Collection
from tunewise.collection.filters import DOCUMENT
from tunewise.documents import Chunk, Document, Failure, cut, words
from tunewise.documents.chunks import Tokens
from tunewise.encoders import Encoder, TransformerEncoder
from tunewise.errors import DataError, OptionError
from tunewise.progress import Progress, silent

_AT_ONCE = 256  # chunks after which what was gathered is written
_LOOKED_UP = 200  # documents at once
_GROWN = 1.2  # times the rows an index was built of, after which it is built anew


@dataclass(frozen=True)
class Chunker:
    """How documents are cut: tokens a chunk has at most, and tokens two neighbours share.

    Raises OptionError, as `cut` does, for sizes that make no sense.
    """

    size: int = 256
    overlap: int = 32

    def __post_init__(self) -> None:
        cut(Document("", ""), words, size=self.size, overlap=self.overlap)

    def __str__(self) -> str:
        return f"{self.size} tokens, overlap {self.overlap}"

    @classmethod
    def read(cls, told: str) -> "Chunker | None":
        """The chunker that `str` gave this for; None for anything else."""
        found = re.fullmatch(r"(\d+) tokens, overlap (\d+)", told)
        return cls(int(found[1]), int(found[2])) if found else None


@dataclass
class Indexed:
    """What became of documents: how many were added, replaced, as before, gone and removed."""

    added: int = 0
    changed: int = 0
    unchanged: int = 0
    gone: int = 0
    removed: int = 0
    chunks: int = 0
    failures: list[Failure] = field(default_factory=list)


def index_documents(
    collection: Collection,
    documents: Iterable[Document | Failure],
    chunker: Chunker,
    *,
    prune: bool = False,
    anew: Container[str] = (),
    wanted: Wanted | None = None,
    progress: Progress = silent,
) -> Indexed:
    """Makes the collection hold these documents as they are now.

    Those whose checksum is that of last time are passed over, unless their id is in `anew`; others
    take the place of what was there. A document that fails is told in `failures`, and the rest go
    on. What was there and is no longer among the documents is counted as gone, and with `prune`
    removed, unless it may be what could not be read: from the same file, folder or archive as what
    failed. `wanted` is asked before each write, when nobody else can write, and what it leaves out
    is not written. Raises DataError if the collection's chunks were cut otherwise.
    """
    _check_chunker(collection, chunker)
    assert collection.encoder is not None  # noqa: S101 - a writer has one
    tokens, before = tokens_of(collection.encoder), collection.digests()
    told, seen, waiting = Indexed(), set[str](), _Waiting(collection, before, wanted, progress)
    for number, each in enumerate(documents):
        progress("reading documents", number, 0)
        if isinstance(each, Failure):
            told.failures.append(each)
            continue
        seen.add(each.id)
        digest = digest_of(each)
        if before.get(each.id) == digest and each.id not in anew:
            told.unchanged += 1
            continue
        try:
            chunks = cut(each, tokens, size=chunker.size, overlap=chunker.overlap)
        except DataError as wrong:
            told.failures.append(Failure(each.id, str(wrong)))
            continue
        waiting.take(each.id, digest, chunks, told)
    waiting.write(told)
    gone = sorted(set(before) - seen)
    told.gone = len(gone)
    if prune and gone and not seen:
        raise DataError(
            f"No document was found, and --prune would remove all {len(gone):,}. Check where they "
            "should lie; `Collection.remove` takes a collection away."
        )
    if prune and gone:
        sure = _sure(collection, gone, {each.name for each in told.failures})
        collection.delete(documents=sure)
        told.removed = len(sure)
    _build(collection, progress)
    return told


def fitting(chunker: Chunker, encoder: Encoder) -> Chunker:
    """The chunker with chunks no larger than what the encoder reads of a text."""
    if encoder.max_tokens is None:
        return chunker
    # special tokens and the prompt take up room as well: of 256 two with most encoders
    room = encoder.max_tokens - max(int(encoder.count_tokens([""])[0]), 0)
    size = min(chunker.size, room)
    return Chunker(size, min(chunker.overlap, size // 2))


def tokens_of(encoder: Encoder) -> Tokens:
    """Where a text's tokens are, as the encoder has them; its words, where they are not known."""
    inner = getattr(encoder, "inner", encoder)
    if not isinstance(inner, TransformerEncoder):
        return words
    return inner.places


def digest_of(document: Document) -> str:
    """A checksum over all of a document that chunks are made of."""
    parts = [
        document.text,
        document.title,
        sorted(document.metadata.items()),
        list(document.headings),
    ]
    return blake2b(json.dumps(parts).encode(), digest_size=16).hexdigest()


class _Waiting:
    """Documents on their way to the collection, written some at a time."""

    def __init__(
        self,
        collection: Collection,
        before: Mapping[str, str],
        wanted: Wanted | None,
        progress: Progress,
    ) -> None:
        self._collection, self._before = collection, before
        self._wanted, self._progress = wanted, progress
        self._taken: dict[str, tuple[str, list[Chunk]]] = {}

    def take(self, document: str, digest: str, chunks: list[Chunk], told: Indexed) -> None:
        """Takes a document, and writes if there are enough."""
        self._taken[document] = digest, chunks
        if sum(len(some) for _, some in self._taken.values()) >= _AT_ONCE:
            self.write(told)

    def write(self, told: Indexed) -> None:
        """Writes what waits; of documents that cannot go together, each that can by itself."""
        taken, self._taken = self._taken, {}
        try:
            self._put(list(taken), taken, told)
        except DataError:
            for document in taken:
                try:
                    self._put([document], taken, told)
                except DataError as wrong:
                    told.failures.append(Failure(document, str(wrong)))

    def _put(
        self,
        documents: Sequence[str],
        taken: Mapping[str, tuple[str, list[Chunk]]],
        told: Indexed,
    ) -> None:
        if not documents:
            return
        chunks = [chunk for document in documents for chunk in taken[document][1]]
        digests = {document: taken[document][0] for document in documents}
        put = self._collection.replace(
            chunks, documents=digests, wanted=self._wanted, progress=self._progress
        )
        known = sum(document in self._before for document in put)
        told.added += len(put) - known
        told.changed += known
        told.chunks += sum(chunk.document in put for chunk in chunks)


def _check_chunker(collection: Collection, chunker: Chunker) -> None:
    kept = collection.about().current.stamp.chunker
    if kept != str(chunker):
        raise OptionError(
            f"The chunks of collection '{collection.name}' were cut to {kept or 'nothing known'}, "
            f"and these would be to {chunker}. Use the same, or another collection."
        )


def _sure(collection: Collection, gone: Sequence[str], failed: Set[str]) -> Sequence[str]:
    """The documents but those that may be among what failed."""
    if not failed:
        return gone
    sources = values_of(collection, gone, "source")
    return [id_ for id_ in gone if not _is_from(sources[id_], failed)]


def values_of(collection: Collection, documents: Sequence[str], name: str) -> dict[str, str]:
    """What documents' metadata says under a name; the document's id where it says nothing."""
    found = dict(zip(documents, documents, strict=True))
    for start in range(0, len(documents), _LOOKED_UP):
        where = {DOCUMENT: {"in": list(documents[start : start + _LOOKED_UP])}}
        after = ""
        while page := collection.page(where=where, after=after, limit=1_000):
            for chunk in page:
                found[chunk.document] = str(chunk.metadata.get(name, chunk.document))
            after = page[-1].id
    return found


def _is_from(source: str, failed: Set[str]) -> bool:
    """Whether a document lay in what failed, or what failed lay beside it in one file."""
    return any(name.startswith(source) or source.startswith(name) for name in failed)


def _build(collection: Collection, progress: Progress) -> None:
    """Builds the index that pays by now, or builds it anew once it is of far fewer rows."""
    info = collection.info()
    if info.built is None or info.chunks > _GROWN * info.built.rows:
        collection.build(progress=progress)
