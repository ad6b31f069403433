"""Clustered: what clustering jobs found, kept no longer than the texts that it is made of.

A job keeps what it found only while all of its documents are as it read them. Who deletes some
takes them from the collection first and from here then. So whichever comes first, nothing stays.
"""

import json
import re
from collections import Counter
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from hashlib import blake2b
from pathlib import Path
from typing import Any

from filelock import FileLock

from tunewise.errors import AbsentError, OutputError
from tunewise.files import write_text
from tunewise.jobs.home import Home
from tunewise.jobs.queue import Queue

_LETTERS = 200  # of a summary
_WORD = re.compile(r"\b\w\w+\b")


def file_of(home: Home, job: str) -> Path:
    """Where what a job found is kept."""
    return home.clusters / f"{job}.json"


def found(home: Home, job: str) -> list[dict[str, Any]]:
    """The clusters that a job found, largest first. Raises AbsentError where they are gone."""
    try:
        told = json.loads(file_of(home, job).read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise AbsentError(
            f"What job '{job}' found is not there any more: the embeddings that it was made of "
            "were deleted. Embed the bucket and cluster it again."
        ) from None
    clusters: list[dict[str, Any]] = told["clusters"]
    return clusters


@contextmanager
def held(home: Home, bucket: str) -> Iterator[None]:
    """Keeps others from changing what was found in the bucket meanwhile; takes moments."""
    name = blake2b(bucket.encode(), digest_size=8).hexdigest()
    folder = home.folder / "locks"
    folder.mkdir(parents=True, exist_ok=True)
    with FileLock(folder / f"clusters-{name}.lock"):
        yield


def leave_out(home: Home, queue: Queue, bucket: str, filename: str) -> int:
    """Takes a file's texts out of all that was found in its bucket; how often it was there."""
    times = 0
    with held(home, bucket):
        for path in _files(home, queue, bucket):
            text = path.read_text(encoding="utf-8")
            if json.dumps(filename) not in text:  # much quicker than reading all of it
                continue
            times += 1
            clusters = [_without(each, filename) for each in json.loads(text)["clusters"]]
            left = json.dumps({"clusters": [each for each in clusters if each is not None]})
            try:
                write_text(path, left)
            except OutputError:  # a full disk: what was deleted goes, if all of it has to
                path.unlink(missing_ok=True)
    return times


def drop(home: Home, queue: Queue, bucket: str) -> int:
    """Removes all that was found in a bucket, and says how many jobs' that was."""
    with held(home, bucket):
        paths = _files(home, queue, bucket)
        for path in paths:
            path.unlink(missing_ok=True)
    return len(paths)


def forget(home: Home, bucket: str, job: str) -> None:
    """Removes what a job found, that is forgotten already, and what it left half-written."""
    with held(home, bucket):
        for path in home.clusters.glob(f"*{job}*"):
            path.unlink(missing_ok=True)


def sweep(home: Home, queue: Queue) -> int:
    """Removes what jobs left that were killed, deleted or failed, and says how many files it was.

    For when none is at work.
    """
    strays = []
    for path in home.clusters.iterdir() if home.clusters.is_dir() else ():
        try:
            state = queue.job(path.stem).state
        except AbsentError:
            strays.append(path)
        else:
            strays += [path] if state in ("failed", "cancelled") else []
    for path in strays:
        path.unlink(missing_ok=True)
    return len(strays)


def short(text: str) -> str:
    """The beginning of a text on one line, as it stands for a cluster."""
    plain = " ".join(text.split())
    return plain if len(plain) <= _LETTERS else plain[: _LETTERS - 1].rstrip() + "…"


def _files(home: Home, queue: Queue, bucket: str) -> list[Path]:
    """The files of what was found in a bucket."""
    paths = []
    for path in home.clusters.glob("job-*.json"):
        try:
            asked = queue.job(path.stem).asked
        except AbsentError:
            continue
        paths += [path] if asked["bucket"] == bucket else []
    return paths


def _without(told: Mapping[str, Any], filename: str) -> dict[str, Any] | None:
    """A cluster without a file's chunks; None where none of its central chunks is left.

    Of its name those words stay that another central chunk has.
    """
    files = dict(told.get("files") or Counter(node["filename"] for node in told["nodes"]))
    if filename not in files:
        return dict(told)
    count = files.pop(filename)
    nodes = [node for node in told["nodes"] if node["filename"] != filename]
    if not nodes:
        return None
    words = {word for node in nodes for word in _WORD.findall(node["text"].lower())}
    name = ", ".join(word for word in told["cluster_header"].split(", ") if word in words)
    within = [_without(each, filename) for each in told.get("subclusters", [])]
    return {
        **told,
        "cluster_header": name or f"group {told['cluster_id']}",
        "cluster_summary": short(nodes[0]["text"]),
        "total_number_of_nodes": told["total_number_of_nodes"] - count,
        "nodes": nodes,
        "files": files,
        **({"subclusters": [each for each in within if each]} if "subclusters" in told else {}),
    }
