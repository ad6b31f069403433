"""Embedding a bucket: every file read, cut, encoded and put into the collection of its name.

One embedding of a bucket goes on at a time: a second waits for the first, and then passes over what
has not changed. So does one that was killed and is begun again. A file that fails is told with its
reason, and the rest goes on.
"""

from collections.abc import Iterator, Mapping, Sequence, Set
from contextlib import closing, contextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from functools import partial
from hashlib import blake2b
from pathlib import Path
from typing import Any

from filelock import FileLock

from tunewise.collection import Collection, Store, open_store
from tunewise.collection.indexing import Chunker, index_documents, values_of
from tunewise.collection.winner import Winner, load_winner
from tunewise.documents import Document, Failure
from tunewise.documents.address import Hosts
from tunewise.documents.limits import MIB, Limits
from tunewise.documents.read import read_file
from tunewise.documents.site import pages
from tunewise.documents.source import Source
from tunewise.encoders.stamp import sha256
from tunewise.errors import AbsentError, DataError, TunewiseError
from tunewise.jobs.embedded import Embedded, Fate, Status
from tunewise.jobs.home import Home
from tunewise.jobs.job import ENDED
from tunewise.jobs.queue import Queue
from tunewise.jobs.works import Place
from tunewise.objects import Objects, Stored

LIMITS = Limits(file_bytes=128 * MIB, archive_files=10_000, archive_bytes=1024 * MIB)
"""Lower than for one's own files: what is uploaded may be anybody's."""

FILENAME, CHECKSUM, UPLOADED = "filename", "checksum", "uploaded_at"
"""Metadata of every chunk: the file's name, its SHA-256, and when it was put (ISO, UTC)."""

_RESTLESS = (
    "It was replaced again and again while its bucket was embedded. Embed the bucket again once it "
    "stays as it is."
)

_TOLD = 20  # failures that a result names; of each file all are kept
_REASONS = 3  # that a file names
_AT_ONCE = 200  # documents removed together
_ROUNDS = 5  # times that a file is read which others keep replacing
_COUNTED = ("added", "changed", "unchanged", "chunks")


@dataclass
class _Files:
    """The files of a bucket as they are read: whose documents are whose, and what failed."""

    stored: dict[str, Stored]
    documents: dict[str, str] = field(default_factory=dict)
    failures: dict[str, list[str]] = field(default_factory=dict)

    def fate(self, name: str, good: Set[str]) -> tuple[Status, str | None]:
        """How a file fared, and why; `good` are the files of which anything was taken in."""
        reasons = self.failures.get(name, [])
        if not reasons:
            return "success", None
        more = f" And {len(reasons) - _REASONS:,} more." if len(reasons) > _REASONS else ""
        told = " ".join(reasons[:_REASONS]) + more
        return ("partial_success" if name in good else "failure"), told

    def as_read(self, objects: Objects, bucket: str, documents: Sequence[str]) -> set[str]:
        """Those documents whose file is in its bucket still, and the one that was read.

        Asked while nobody else can write them: who deletes a file looks for its chunks afterwards.
        """
        same = {}
        for name in {self.documents[id_] for id_ in documents}:
            try:
                same[name] = objects.get(bucket, name).path == self.stored[name].path
            except AbsentError:
                same[name] = False
        return {id_ for id_ in documents if same[self.documents[id_]]}

    def replaced(self, there: Sequence[Stored]) -> dict[str, Stored]:
        """The files that are there in the place of those that were read, to be read instead."""
        read = {name: each.path for name, each in self.stored.items()}
        anew = {each.name: each for each in there if read.get(each.name, each.path) != each.path}
        self.stored |= anew
        self.documents = {id_: name for id_, name in self.documents.items() if name not in anew}
        self.failures = {name: why for name, why in self.failures.items() if name not in anew}
        return anew


def run(asked: Mapping[str, Any], place: Place) -> Mapping[str, Any]:
    """Embeds a bucket, and says how many files there were and which failed.

    `asked` holds "bucket", "chunker" (as `str` gives it), "model" (name, source, engine, base_url,
    stamp), and perhaps "url" with "hosts" and "depth": an address whose page is put into the bucket
    first, with those that it leads to.
    Raises TunewiseError where nothing could be done.
    """
    bucket, home = asked["bucket"], place.home
    with (
        embedding(home, bucket),
        closing(Objects(home.objects)) as objects,
        closing(Embedded(home.embedded)) as fates,
        closing(open_store(str(home.collections))) as store,
    ):
        _require_wanted(place)
        lost = _fetch(asked, objects, place) if asked.get("url") else []
        files = _Files({each.name: each for each in objects.list(bucket)})
        collection, chunker = _opened(asked, store, place)
        counts = _index(collection, chunker, files, objects, fates, place)
        removed = _prune(collection, files, objects)
        kept = _keep(files, fates, bucket)
    failed = [Failure(each.name, each.reason or "") for each in kept if each.status != "success"]
    return {
        "status": _status(kept, lost),
        "files": len(kept) + len(lost),
        "failed": len(failed) + len(lost),
        **counts,
        "removed": removed,
        "failures": [
            {"filename": one.name, "reason": one.reason} for one in (lost + failed)[:_TOLD]
        ],
    }


@contextmanager
def embedding(home: Home, bucket: str, *, seconds: float = -1) -> Iterator[None]:
    """Keeps others from embedding the bucket or dropping its vectors meanwhile.

    Waits so many seconds for who is at it (for ever, if negative), then raises filelock.Timeout.
    """
    name = blake2b(bucket.encode(), digest_size=8).hexdigest()
    folder = home.folder / "locks"
    folder.mkdir(parents=True, exist_ok=True)
    with FileLock(folder / f"embedding-{name}.lock", timeout=seconds):
        yield


def iso(seconds: float) -> str:
    """A time in seconds since 1970 as text, in UTC."""
    return datetime.fromtimestamp(seconds, UTC).isoformat(timespec="milliseconds")


def _require_wanted(place: Place) -> None:
    """Raises DataError where the job was cancelled while it waited: its bucket may be dropped."""
    with closing(Queue(place.home.jobs)) as queue:
        if queue.job(place.job).state in ENDED:
            raise DataError("The embedding was cancelled, and nothing of it was done.")


def _opened(asked: Mapping[str, Any], store: Store, place: Place) -> tuple[Collection, Chunker]:
    """The bucket's collection, new where there is none, and how its documents are cut."""
    bucket, model = asked["bucket"], asked["model"]
    place.progress("loading the model", 0, 0)
    winner = _winner(model)
    if winner.encoder.stamp != model["stamp"]:
        raise DataError(
            f"The model '{model['name']}' is not what it was when the server loaded it, so its "
            "vectors could not be searched. Restart the server, and embed the bucket again."
        )
    chunker = Chunker.read(asked["chunker"])
    assert chunker is not None  # noqa: S101 - it was written by `str`
    if Collection.there(store, bucket) is None:
        return _made(store, bucket, winner, chunker), chunker
    return Collection.open(store, bucket, winner.encoder), chunker


def _winner(model: Mapping[str, Any]) -> Winner:
    """What makes the vectors. Raises TunewiseError that names it as the caller does."""
    source, name = model["source"], model["name"]
    at = Path(source)
    if at.is_absolute() and not at.exists():
        raise DataError(
            f"The model '{name}' is not there any more, so nothing was embedded by it. Choose "
            "another; what it has embedded is dropped first (DELETE /v2/ai/embeddings/buckets/…)."
        )
    try:
        return load_winner(source, engine=model["engine"], base_url=model["base_url"])
    except TunewiseError as wrong:
        if not at.is_absolute():
            raise
        raise type(wrong)(str(wrong).replace(source, name)) from wrong


def _made(store: Store, bucket: str, winner: Winner, chunker: Chunker) -> Collection:
    return Collection.create(
        store,
        bucket,
        winner.encoder,
        precision=winner.precision,
        prefix=winner.prefix,
        threshold=winner.threshold if winner.prefix is None else None,
        chunker=str(chunker),
        retrieval=winner.retrieval,
        source=winner.source,
        engine=winner.engine,
    )


def _fetch(asked: Mapping[str, Any], objects: Objects, place: Place) -> list[Failure]:
    """Puts what an address leads to into the bucket, by address, and gives what was not had."""
    lost = []
    digests = {each.name: each.sha256 for each in objects.list(asked["bucket"])}
    source = Source(Path(), asked["url"], limits=LIMITS)
    for n, found in enumerate(pages(source, Hosts(asked["hosts"]), depth=asked.get("depth", 0))):
        place.progress("fetching pages", n, 0)
        if isinstance(found, Failure):
            lost.append(found)
        elif digests.get(found.name) != sha256(found.path):  # else it would be embedded anew
            _put(found, objects, asked["bucket"])
    return lost


def _put(page: Source, objects: Objects, bucket: str) -> None:
    told = {"media_type": page.media_type, "charset": page.charset}
    with page.path.open("rb") as file:
        blocks = iter(lambda: file.read(MIB), b"")
        objects.put(bucket, page.name, blocks, most=LIMITS.address_bytes, about=told)


def _index(
    collection: Collection,
    chunker: Chunker,
    files: _Files,
    objects: Objects,
    fates: Embedded,
    place: Place,
) -> dict[str, int]:
    """Takes in all files, and those that were replaced meanwhile again; counts documents."""
    wanted = partial(files.as_read, objects, collection.name)
    counts = dict.fromkeys(_COUNTED, 0)
    reading: Mapping[str, Stored] = dict(files.stored)
    for _ in range(_ROUNDS):
        documents = _read(reading, files, fates)
        told = index_documents(
            collection, documents, chunker, wanted=wanted, progress=place.progress
        )
        for failure in told.failures:
            if failure.name in files.documents:  # it was read, and could not be cut or written
                name = files.documents.pop(failure.name)
                files.failures.setdefault(name, []).append(failure.reason)
        counts = {each: counts[each] + getattr(told, each) for each in _COUNTED}
        reading = files.replaced(objects.list(collection.name))
        if not reading:
            break
    files.failures |= {name: [_RESTLESS] for name in reading}
    return counts


def _read(
    reading: Mapping[str, Stored], files: _Files, fates: Embedded
) -> Iterator[Document | Failure]:
    for name, stored in reading.items():
        fates.keep(stored.bucket, name, stored.sha256, "processing")
        about = stored.about
        for each in read_file(
            stored.path,
            name,
            media_type=about.get("media_type", ""),
            charset=about.get("charset", ""),
            limits=LIMITS,
        ):
            if isinstance(each, Failure):
                reason = each.reason if each.name == name else f"{each.name}: {each.reason}"
                files.failures.setdefault(name, []).append(reason)
            else:
                own = _own(each, stored)
                other = files.documents.setdefault(own.id, name)
                if other == name:
                    yield own
                else:  # an archive may hold what a file beside it is called
                    files.failures.setdefault(name, []).append(_taken(own.id, other))


def _taken(document: str, other: str) -> str:
    return (
        f"'{other}' has a document that is called '{document}' too, which is taken in. Call one of "
        "the two files otherwise."
    )


def _own(document: Document, stored: Stored) -> Document:
    """The document with an id that hardly any other file's has, and the file it is from."""
    id_ = document.id if document.id == stored.name else f"{stored.name}: {document.id}"
    told = {
        FILENAME: stored.name,
        CHECKSUM: stored.sha256,
        UPLOADED: iso(stored.created),
    }
    return replace(document, id=id_, metadata={**document.metadata, **told})


def _prune(collection: Collection, files: _Files, objects: Objects) -> int:
    """Removes documents of files that are gone, and what files no longer hold that were read.

    What a file had before that failed now is kept.
    """
    there = {each.name for each in objects.list(collection.name)}
    late = [id_ for id_, name in files.documents.items() if name not in there]
    gone = sorted(set(collection.digests()) - set(files.documents))
    held = values_of(collection, gone, FILENAME)
    late += [id_ for id_ in gone if held[id_] not in there or held[id_] not in files.failures]
    for start in range(0, len(late), _AT_ONCE):
        collection.delete(documents=late[start : start + _AT_ONCE])
    files.stored = {name: each for name, each in files.stored.items() if name in there}
    return len(late)


def _keep(files: _Files, fates: Embedded, bucket: str) -> list[Fate]:
    """Keeps how each file fared, and gives what is kept."""
    good = set(files.documents.values())
    for name, stored in files.stored.items():
        status, reason = files.fate(name, good)
        fates.keep(bucket, name, stored.sha256, status, reason)
    gone = [each.name for each in fates.files(bucket) if each.name not in files.stored]
    fates.forget(bucket, gone)
    return fates.files(bucket)


def _status(kept: Sequence[Fate], lost: Sequence[Failure]) -> Status:
    found: set[Status] = {each.status for each in kept} | {"failure" for _ in lost}
    if len(found) > 1:
        return "partial_success"
    return found.pop() if found else "success"
