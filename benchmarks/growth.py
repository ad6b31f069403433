"""Cost of encoding as texts grow: time, memory, and what a kill loses.

    python benchmarks/growth.py [--sizes 10000,100000,1000000] [--kills 3]

Short texts (nl2bash's, repeated with variation, so that all differ) are encoded by the engine that
`auto` takes, each size in a process and a cache of its own. Printed are seconds, texts a second,
seconds of processor for 1,000 texts (which other work moves little), the peak of memory beyond what
the process held before encoding, and that peak without mapped files.
The smallest size is then encoded once more, killed with -9 at moments drawn at random and started
"""

import argparse
import json
import os
import random
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np

from memory import resident

DATA = Path(os.environ.get("TUNEWISE_DATA", "../shared/data"))
OBJECTS = ("logs", "reports", "photos", "backups", "drafts", "invoices", "modules", "songs")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--sizes", default="10000,100000,1000000")
    parser.add_argument("--kills", type=int, default=3)
    parser.add_argument("--one", type=int, help=argparse.SUPPRESS)
    parser.add_argument("--out", type=Path, help=argparse.SUPPRESS)
    parsed = parser.parse_args()
    if parsed.one:
        print(json.dumps(one(parsed.one, parsed.out)))
        return
    sizes = [int(size) for size in parsed.sizes.split(",")]
    print("| texts | seconds | texts/s | processor s/1,000 | memory, MB | of it no file, MB |")
    print("|---|---|---|---|---|---|")
    for size in sizes:
        with tempfile.TemporaryDirectory() as folder:
            found = finished(start(size, Path(folder)))
            print(
                f"| {size:,} | {found['seconds']:,.1f} | {size / found['seconds']:,.0f} "
                f"| {1000 * found['processor'] / size:,.2f} "
                f"| {found['memory']:,.0f} | {found['own']:,.0f} |",
                flush=True,
            )
    print(killed(min(sizes), parsed.kills))


def texts_of(count: int) -> list[str]:
    """Short texts that all differ."""
    import tunewise

    first = tunewise.read_task(DATA / "nl2bash").queries.texts
    draw, found = random.Random(0), {}
    while len(found) < count:
        text = draw.choice(first)
        found[f"{text} for {draw.randrange(10_000)} {draw.choice(OBJECTS)}"] = None
    return list(found)


def one(count: int, out: Path) -> Mapping[str, float]:
    """Encodes so many texts, and saves the vectors to compare them with others."""
    from tunewise.encoders import load_encoder

    texts = texts_of(count)
    encoder = load_encoder(texts=texts)
    with peak() as most:
        began, worked = time.perf_counter(), time.process_time()
        vectors = encoder.encode_documents(texts)
        seconds, processor = time.perf_counter() - began, time.process_time() - worked
    np.save(out, np.asarray(vectors[:10_000]))
    return {"seconds": seconds, "processor": processor, **most}


@contextmanager
def peak() -> Iterator[dict[str, float]]:
    """The most memory beyond what there was: in all, and without mapped files; MB."""
    most = {"memory": 0.0, "own": 0.0}
    before, done = held(), threading.Event()

    def watch() -> None:
        while not done.wait(0.05):
            now = held()
            for key in most:
                most[key] = max(most[key], now[key] - before[key])

    watching = threading.Thread(target=watch)
    watching.start()
    yield most
    done.set()
    watching.join()


def held() -> dict[str, float]:
    return {"memory": resident() / 2**20, "own": resident("RssAnon") / 2**20}


def start(size: int, cache: Path) -> subprocess.Popen[str]:
    command = [sys.executable, __file__, "--one", str(size), "--out", str(cache / "v.npy")]
    environment = os.environ | {"TUNEWISE_CACHE": str(cache)}
    return subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, text=True)


def finished(process: subprocess.Popen[str]) -> Any:
    told, _ = process.communicate()
    if process.returncode:
        raise SystemExit(f"Encoding ended with {process.returncode}.")
    return json.loads(told)


def killed(size: int, kills: int) -> str:
    """What an encoding comes to that is killed so often."""
    draw = random.Random(1)
    with tempfile.TemporaryDirectory() as plain, tempfile.TemporaryDirectory() as broken:
        finished(start(size, Path(plain)))
        kept = []
        while len(kept) < kills:
            process = start(size, Path(broken))
            until = draw.randrange(size // 10, size) * (len(kept) + 1) // kills
            while process.poll() is None and encoded(Path(broken)) < until:
                time.sleep(0.05)
            process.send_signal(signal.SIGKILL)
            process.wait()
            kept.append(encoded(Path(broken)))
        finished(start(size, Path(broken)))
        one, other = (np.load(Path(folder) / "v.npy") for folder in (plain, broken))
        rows, same = encoded(Path(broken)), np.abs(one - other).max()
    told = ", ".join(f"{each:,}" for each in kept)
    return (
        f"\nKilled {kills} times, with {told} texts kept: {rows:,} texts encoded and kept for "
        f"{size:,}; largest difference of any number {same:.1e}."
    )


def encoded(cache: Path) -> int:
    """Texts whose encoding was kept, as often as it was."""
    return sum(told(path) for path in cache.glob("vectors/*-documents/meta.json"))


def told(path: Path) -> int:
    try:
        return int(json.loads(path.read_text(encoding="utf-8"))["spent"]["texts"])
    except (OSError, ValueError):
        return 0


if __name__ == "__main__":
    main()
