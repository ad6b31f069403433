"""What `tunewise index` takes for files of 1, 10 and 100 MB: seconds and memory, whole or by row.

    python benchmarks/indexing.py [MB …] [--encoder word-hash] [--files rows.jsonl,one.txt]

The texts are those of medquad and cranfield (TUNEWISE_DATA, default ../shared/data), repeated with
a number before each, once as lines of a JSONL file and once as one text file. Each is indexed by a
process of its own into a store of its own; with word-hash the encoder takes next to nothing, so
that the rest is seen. Processor is seconds of all threads; memory is the most that the process held
at once.
"""

import argparse
import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
import time
from itertools import count
from pathlib import Path

from tunewise.data.documents import read_documents

SETS = ("medquad", "cranfield")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("sizes", nargs="*", type=int, default=[1, 10, 100])
    parser.add_argument("--encoder", default="word-hash")
    parser.add_argument("--files", default="rows.jsonl,one.txt")
    options = parser.parse_args()
    folder = Path(tempfile.mkdtemp(prefix="tunewise-indexing-"))
    print("| MB | file | seconds | processor s | MB/s | memory MB | chunks | load |")
    print("|---|---|---|---|---|---|---|---|")
    try:
        for size in options.sizes:
            for name in options.files.split(","):
                write(folder / name, size * 1_000_000)
                row(size, folder / name, options.encoder)
    finally:
        shutil.rmtree(folder)


def write(path: Path, size: int) -> None:
    """As many texts as there is room for."""
    data = Path(os.environ.get("TUNEWISE_DATA", "../shared/data"))
    texts = [text for name in SETS for text in read_documents(data / name).texts.texts]
    with path.open("w", encoding="utf-8") as file:
        for number in count():
            text = f"{number}. {texts[number % len(texts)]}"
            if path.suffix == ".jsonl":
                text = json.dumps({"id": str(number), "text": text})
            file.write(text + ("\n" if path.suffix == ".jsonl" else "\n\n"))
            if file.tell() >= size:
                return


def row(size: int, path: Path, encoder: str) -> None:
    store = path.parent / "store"
    command = ["-m", "tunewise", "index", encoder, "--from", str(path), "--store", str(store)]
    code = (
        "import resource, subprocess, sys; "
        "ran = subprocess.run([sys.executable, *sys.argv[1:]], capture_output=True, text=True); "
        "print(ran.stdout, ran.stderr[-500:] if ran.returncode else ''); "
        "used = resource.getrusage(resource.RUSAGE_CHILDREN); "
        "print(used.ru_utime + used.ru_stime, used.ru_maxrss)"
    )
    began = time.perf_counter()
    ran = subprocess.run([sys.executable, "-c", code, *command], capture_output=True, text=True)
    took = time.perf_counter() - began
    chunks = re.search(r"([\d,]+) chunks", ran.stdout)
    told = chunks[1] if chunks else ran.stdout
    processor, memory = map(float, ran.stdout.split()[-2:])
    print(f"| {size} | {path.suffix[1:]} | {took:.1f} | {processor:.1f} | {size / took:.2f} "
          f"| {memory / 1_000:.0f} | {told} | {os.getloadavg()[0]:.0f} |", flush=True)  # fmt: skip
    shutil.rmtree(store)


if __name__ == "__main__":
    main()
