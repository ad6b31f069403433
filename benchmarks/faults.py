"""Faults: a server, its workers and their jobs killed with -9 at random while all of them write.

    python benchmarks/faults.py [--times 50] [--seed 0] [--workers 2]

A real `tunewise serve` over word-hash, and clients that upload files, put files into a bucket, have
the bucket embedded and adapters tuned, and send again, with the same idempotency key, what broke
off. Meanwhile the server, a worker or the process of a job is killed, each at a random moment; a
killed server is started anew. Afterwards everything is looked at: each write that was acknowledged
is there byte for byte, what was not is there wholly or not at all, each job ended once, the models
and collections that jobs made answer, no file and no process is left over.
"""

import argparse
import hashlib
import json
import os
import random
import re
import signal
import sqlite3
import subprocess
import sys
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import closing, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx

from tunewise.testing import tiny_task

BUCKET, MODEL = "manual", "word-hash"
KINDS = ("server", "worker", "job")
TUNED_EVERY, EMBEDDED_EVERY = 25, 6  # uploads
ENDED = {"succeeded", "failed", "cancelled", "success", "failure", "partial_success"}


@dataclass
class Written:
    """What clients were told, and what they sent without an answer."""

    files: dict[str, str] = field(default_factory=dict)  # id to hash
    objects: dict[str, str] = field(default_factory=dict)  # name to hash
    sent: set[str] = field(default_factory=set)  # hashes of all that was ever sent
    tuned: dict[str, set[str]] = field(default_factory=dict)  # idempotency key to jobs
    embedded: dict[str, set[str]] = field(default_factory=dict)
    unanswered: int = 0


class Server:
    """`tunewise serve` in a process, started again as often as it is killed."""

    def __init__(self, folder: Path, workers: int) -> None:
        self.folder, self._workers = folder, workers
        self.starts: list[float] = []
        self._start("0")

    def restart(self) -> None:
        """Starts it again, at the same port."""
        self.process.wait()
        self.process.stdout.close()
        self._start(self.port)

    def _start(self, port: str) -> None:
        began = time.monotonic()
        command = [sys.executable, "-m", "tunewise", "serve", MODEL, "--port", port]
        options = ["--home", str(self.folder / "home"), "--workers", str(self._workers)]
        with (self.folder / "log.jsonl").open("a") as log:
            self.process: Any = subprocess.Popen(
                command + options, stdout=subprocess.PIPE, stderr=log, text=True
            )
        line = ""
        while not (found := re.search(r"http://\S+:(\d+)", line)):
            line = self.process.stdout.readline()
            if not line:
                sys.exit((self.folder / "log.jsonl").read_text()[-2000:])
        self.port, self.url = found[1], f"http://127.0.0.1:{found[1]}"
        self.starts.append(time.monotonic() - began)

    def targets(self, kind: str) -> list[int]:
        """Processes of a kind."""
        if kind == "server":
            return [self.process.pid]
        workers = children(self.process.pid)
        return workers if kind == "worker" else [c for one in workers for c in children(one)]

    def stop(self) -> None:
        """Tells it to end, and waits."""
        self.process.terminate()
        self.process.wait(90)
        self.process.stdout.close()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--times", type=int, default=50)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--workers", type=int, default=2)
    parsed = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        folder, chance = Path(name), random.Random(parsed.seed)
        os.environ["TUNEWISE_CACHE"] = str(folder / "cache")
        server, written, over = Server(folder, parsed.workers), Written(), threading.Event()
        clients = [
            threading.Thread(target=client, args=(server, written, over, parsed.seed + n))
            for n in range(3)
        ]
        for thread in clients:
            thread.start()
        began = time.monotonic()
        killed = kill(server, chance, parsed.times)
        over.set()
        for thread in clients:
            thread.join()
        took = time.monotonic() - began
        print(f"killed in {took:.0f} s: {dict(killed)}; starts {len(server.starts)}, ", end="")
        print(f"the slowest {max(server.starts):.1f} s; requests unanswered {written.unanswered}")
        wrong = look(server, written)
        print(
            "WRONG:\n" + "\n".join(wrong) if wrong else "nothing lost, nothing torn, nothing twice"
        )
        sys.exit(bool(wrong))


def kill(server: Server, chance: random.Random, times: int) -> Counter[str]:
    killed: Counter[str] = Counter()
    while killed.total() < times:
        time.sleep(chance.uniform(0.2, 6.0))
        kind = chance.choice(KINDS)
        there = server.targets(kind)
        if not there:
            continue
        with suppress(ProcessLookupError):
            os.kill(chance.choice(there), signal.SIGKILL)
            killed[kind] += 1
        if kind == "server":
            server.restart()
    return killed


def client(server: Server, written: Written, over: threading.Event, seed: int) -> None:
    """Writes until told to stop; each answer that comes is taken down."""
    chance, turn = random.Random(seed), 0
    rows = training()
    while not over.is_set():
        turn += 1
        content = json.dumps({"text": f"page {seed} {turn} {'word ' * chance.randrange(9000)}"})
        if turn % TUNED_EVERY == 1:
            content = rows + "\n" * turn
        upload(server, written, content.encode(), tune=turn % TUNED_EVERY == 1)
        name = f"{seed}/{turn}.txt"
        put(server, written, name, f"Page {seed} {turn} tells of thing{seed}x{turn}.".encode())
        if turn % EMBEDDED_EVERY == 0:
            job(server, written.embedded, written, "/v2/ai/embeddings", {"bucket_name": BUCKET})
        time.sleep(chance.uniform(0.2, 1.5))


def upload(server: Server, written: Written, content: bytes, *, tune: bool) -> None:
    digest = hashlib.sha256(content).hexdigest()
    written.sent.add(digest)
    form = {"files": {"file": ("rows.jsonl", content)}, "data": {"purpose": "fine-tune"}}
    told = answer(written, lambda: httpx.post(f"{server.url}/v1/files", timeout=60, **form))
    if told is None:
        return
    written.files[told["id"]] = digest
    if tune:
        asked = {"model": MODEL, "training_file": told["id"], "metadata": {"rung": "adapter"}}
        job(server, written.tuned, written, "/v1/fine_tuning/jobs", asked)


def put(server: Server, written: Written, name: str, content: bytes) -> None:
    written.sent.add(digest := hashlib.sha256(content).hexdigest())
    url = f"/v2/storage/buckets/{BUCKET}/{name}"
    if answer(written, lambda: httpx.put(server.url + url, content=content, timeout=60)):
        written.objects[name] = digest


def job(
    server: Server, into: dict[str, set[str]], written: Written, path: str, asked: dict[str, Any]
) -> None:
    """Asks for a job until it is answered, and once more: by its key it is the same one."""
    key, got = os.urandom(8).hex(), set[str]()
    into[key] = got
    end = time.monotonic() + 60
    answers = 0
    while answers < 2 and time.monotonic() < end:
        told = answer(
            written,
            lambda: httpx.post(
                server.url + path, json=asked, headers={"Idempotency-Key": key}, timeout=60
            ),
        )
        if told is None:
            time.sleep(0.2)
            continue
        answers += 1
        got.add(told["id"] if "id" in told else told["data"]["task_id"])


def answer(written: Written, asked: Callable[[], httpx.Response]) -> Any:
    """What was answered; None where nothing was, or where the server had no room."""
    try:
        found = asked()
    except httpx.TransportError:
        written.unanswered += 1
        return None
    if found.status_code in (429, 503):
        return None
    if found.status_code != 200:
        sys.exit(f"answered {found.status_code}: {found.text}")
    return found.json()


def training() -> str:
    task = tiny_task()
    told = [
        {"query": task.queries.text(query), "positive": task.documents.text(document)}
        for query, graded in task.judgments.items()
        for document in graded
    ]
    return "\n".join(map(json.dumps, told))


def look(server: Server, written: Written) -> list[str]:
    """All that is not as it should be."""
    with httpx.Client(base_url=server.url, timeout=120) as asking:
        wrong = [*wrong_files(asking, written), *wrong_jobs(asking, server, written)]
        wrong += wrong_bucket(asking, written)
        home = server.folder / "home"
        kept = asking.get("/v1/files").json()["data"], objects(asking)
    server.stop()
    blobs = len(list((home / "objects" / "blobs").iterdir()))
    if blobs != len(kept[0]) + len(kept[1]):
        wrong.append(f"{blobs} files on the disk for {len(kept[0])} + {len(kept[1])} that are kept")
    left = [pid for pid in processes() if str(home) in command(pid)]
    if left:
        wrong.append(f"processes left over: {left}")
    return wrong


def wrong_files(asking: httpx.Client, written: Written) -> Iterator[str]:
    there = {each["id"] for each in asking.get("/v1/files").json()["data"]}
    print(f"files acknowledged {len(written.files)}, there {len(there)}")
    for name in there | written.files.keys():
        content = asking.get(f"/v1/files/{name}/content").content
        digest = hashlib.sha256(content).hexdigest()
        if written.files.get(name, digest) != digest or digest not in written.sent:
            yield f"file {name} is not what was sent"


def objects(asking: httpx.Client) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = asking.get(f"/v2/storage/buckets/{BUCKET}").json()["data"]
    return found


def wrong_bucket(asking: httpx.Client, written: Written) -> Iterator[str]:
    """The bucket, embedded once more in peace, holds all, and what is asked for is found."""
    there = {each["name"]: each["checksum"] for each in objects(asking)}
    print(f"objects acknowledged {len(written.objects)}, there {len(there)}")
    for name, digest in written.objects.items():
        if there.get(name) != digest:
            yield f"object {name} is not what was sent"
    yield from (f"object {n} was never sent" for n, d in there.items() if d not in written.sent)
    task = asking.post("/v2/ai/embeddings", json={"bucket_name": BUCKET}).json()["data"]["task_id"]
    waited(lambda: asking.get(f"/v2/ai/embeddings/{task}").json()["data"]["status"])
    files = asking.get(f"/v2/ai/embeddings/buckets/{BUCKET}").json()["data"]
    print(f"embedded {Counter(each['status'] for each in files)}")
    if {each["filename"] for each in files if each["status"] == "success"} != there.keys():
        yield "not all of the bucket is embedded"
    for name in random.Random(0).sample(sorted(there), min(50, len(there))):
        seed, turn = name.removesuffix(".txt").split("/")
        asked = {"bucket_name": BUCKET, "query": f"thing{seed}x{turn}", "by": "words"}
        found = asking.post("/v2/ai/embeddings/similarity-search", json=asked).json()["data"]
        names = [each["metadata"]["filename"] for each in found]
        if names.count(name) != 1:
            yield f"{name} was found {names.count(name)} times"


def wrong_jobs(asking: httpx.Client, server: Server, written: Written) -> Iterator[str]:
    for key, got in {**written.tuned, **written.embedded}.items():
        if len(got) > 1:
            yield f"the key {key} gave {len(got)} jobs"
    for path, jobs in (
        ("/v1/fine_tuning/jobs", written.tuned),
        ("/v2/ai/embeddings", written.embedded),
    ):
        states: Counter[str] = Counter()
        for name in {one for got in jobs.values() for one in got}:
            states[waited(lambda p=path, n=name: state(asking.get(f"{p}/{n}").json()))] += 1
        print(f"{path}: {dict(states)}")
    with closing(sqlite3.connect(server.folder / "home" / "jobs.db")) as database:
        rows = database.execute("SELECT id, work, state, attempts, error FROM jobs").fetchall()
        ends = database.execute(
            "SELECT job, count(*) FROM events WHERE message = 'The job succeeded.' GROUP BY job"
        )
        ended = dict(ends.fetchall())
    known = sum(bool(got) for got in [*written.tuned.values(), *written.embedded.values()])
    print(f"jobs {len(rows)}, begun {sum(row[3] for row in rows)} times, acknowledged {known}")
    for name, work, what, attempts, error in rows:
        if what not in ENDED or ended.get(name, 0) != (what == "succeeded"):
            yield f"{work} {name} is {what} after {attempts} attempts, ended {ended.get(name, 0)}"
        if what == "failed":
            print(f"  failed: {error}")
        if what == "succeeded" and work == "tune":
            yield from wrong_model(asking, name)


def wrong_model(asking: httpx.Client, job: str) -> Iterator[str]:
    name = asking.get(f"/v1/fine_tuning/jobs/{job}").json()["fine_tuned_model"]
    told = asking.post("/v1/embeddings", json={"model": name, "input": "fix my kettle"})
    if told.status_code != 200:
        yield f"{name} does not answer: {told.text}"


def state(told: dict[str, Any]) -> str:
    found: str = told["status"] if "status" in told else told["data"]["status"]
    return found


def waited(state: Callable[[], str], seconds: float = 600.0) -> str:
    end = time.monotonic() + seconds
    while (found := state()) not in ENDED and time.monotonic() < end:
        time.sleep(0.5)
    return found


def children(pid: int) -> list[int]:
    with suppress(OSError):
        told = Path(f"/proc/{pid}/task").glob("*/children")
        return [int(each) for path in told for each in path.read_text().split()]
    return []


def processes() -> list[int]:
    return [int(path.name) for path in Path("/proc").glob("[0-9]*")]


def command(pid: int) -> str:
    with suppress(OSError):
        return Path(f"/proc/{pid}/cmdline").read_text()
    return ""


if __name__ == "__main__":
    main()
