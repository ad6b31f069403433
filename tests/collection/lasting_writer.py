"""A writer for the tests that kill one: documents of several chunks, each acknowledged."""

import os
import subprocess
import sys
from pathlib import Path

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


def main() -> None:
    """Writes documents of its own, and prints each write once it is acknowledged."""
    url, writer, rounds = sys.argv[1:]
    collection = Collection.open(open_store(url), "lasting", WordHashEncoder())
    print("ready", flush=True)
    for version in range(1, int(rounds) + 1):
        document = f"{writer}-{version % DOCUMENTS}"
        collection.replace(chunks(document, version), documents={document: str(version)})
        print(f"{document} {version}", flush=True)


def started(
    url: str, writer: str, rounds: int, *, eager: str = "", **told: str
) -> "subprocess.Popen[str]":
    """A process that writes, ready to; `eager` is code it runs before, `told` more environment."""
    here = [str(Path(__file__).parent), os.environ.get("PYTHONPATH", "")]
    code = f"{eager}\nimport lasting_writer\nlasting_writer.main()"
    process = subprocess.Popen(
        [sys.executable, "-c", code, url, writer, str(rounds)],
        stdout=subprocess.PIPE,
        text=True,
        env={**os.environ, "PYTHONPATH": os.pathsep.join(here), **told},
    )
    assert process.stdout is not None
    assert process.stdout.readline() == "ready\n"
    return process


def acknowledged(process: "subprocess.Popen[str]", *before: str) -> dict[str, int]:
    """Document → the last version of it whose write was acknowledged; `before` was read already."""
    assert process.stdout is not None
    with process:
        lines = [line.split() for line in (*before, *process.stdout) if line.endswith("\n")]
    return {document: int(version) for document, version in lines}
