"""A writer for the tests that kill one: documents of several chunks, each acknowledged."""

import sys

from tunewise.collection import Collection, open_store
from tunewise.documents import Chunk
from tunewise.testing import WordHashEncoder

PARTS = 5
DOCUMENTS = 7  # written again and again, each time in other words


def chunks(document: str, version: int) -> list[Chunk]:
    """A document's chunks, all of which say which version they are of."""
    return [
        Chunk(f"{document}#{part}", document, f"version {version} part {part}", 0, 1, part, PARTS,
              "", {"version": version})
        for part in range(PARTS)
    ]  # fmt: skip


def versions(collection: Collection) -> dict[str, list[int]]:
    """Document → its versions, one for each chunk."""
    found: dict[str, list[int]] = {}
    for each in collection.page(limit=10_000):
        found.setdefault(each.document, []).append(each.metadata["version"])
    return found


def main(url: str, writer: str, rounds: int) -> None:
    """Writes documents of its own, and prints each write once it is acknowledged."""
    collection = Collection.open(open_store(url), "lasting", WordHashEncoder())
    print("ready", flush=True)
    for version in range(1, rounds + 1):
        document = f"{writer}-{version % DOCUMENTS}"
        collection.replace(chunks(document, version), documents={document: str(version)})
        print(f"{document} {version}", flush=True)


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2], int(sys.argv[3]))
