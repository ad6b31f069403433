"""Serving: texts a second over HTTP, beside the encoder in this process and a plain FastAPI app.

    python benchmarks/serving.py [--engines torch:fp32,openvino:bf16] [--sets tldr-en,nl2bash]
                                 [--rounds 3] [--texts 8] [--size 512]

Real servers in processes of their own, real HTTP clients in another one, all on this machine's
cores: one socket a caller and little beside it, since a request of httpx's takes up to 3 ms of a
core, which here would be missing to the servers. *In process* is the same encoder asked for all
texts in one call. *Plain* is serving_plain.py: SentenceTransformer.encode with nothing said. All
take turns, round after round; no text is ever asked for twice, so that no cache helps. Each caller
sends one text a request, and 64 callers also `--texts` a request; `--size` texts are what 64
callers ask for. Printed are texts a second (median), the ratio to in process and to plain round by
round (median, smallest and largest), what a text takes of the processor in this process or in the
server's (clients not counted), the time of one short query with nothing beside it, and what each
server holds in memory at the end.
"""

import argparse
import asyncio
import json
import os
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from itertools import count
from multiprocessing import get_context
from pathlib import Path
from statistics import median
from typing import Any
from urllib.parse import SplitResult, urlsplit

import numpy as np

DATA = Path(os.environ.get("TUNEWISE_DATA", "../shared/data"))
HERE = Path(__file__).parent
MODEL = "all-MiniLM-L6-v2"
_fresh = count()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--engines", default="torch:fp32,openvino:bf16")
    parser.add_argument("--sets", default="tldr-en,nl2bash")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--texts", type=int, default=8)
    parser.add_argument("--size", type=int, default=512)
    parsed = parser.parse_args()
    size = parsed.size
    work = [(1, 1, size // 8), (8, 1, size // 2), (64, 1, size), (64, parsed.texts, 2 * size)]
    with ExitStack() as stack:
        clients = stack.enter_context(get_context("spawn").Pool(1))
        plain = stack.enter_context(started(plain_command))
        for engine in parsed.engines.split(","):
            with started(lambda port, engine=engine: our_command(port, engine)) as ours:
                encode = in_process(engine)
                for name in parsed.sets.split(","):
                    print(f"\n**{engine}, {name}**\n", flush=True)
                    compare(documents(name), encode, ours, plain, clients, work, parsed.rounds)
                print(f"\nmemory: ours {memory(ours[1])} MB, plain {memory(plain[1])} MB")


def compare(
    texts: Sequence[str],
    encode: Any,
    ours: tuple[str, int],
    plain: tuple[str, int],
    clients: Any,
    work: Sequence[tuple[int, int, int]],  # callers, texts a request, texts in all
    rounds: int,
) -> None:
    print("| callers × texts | in process | ours | plain | ours ÷ in process | ours ÷ plain "
          "| processor ms a text: in process, ours, plain |")  # fmt: skip
    print("|---|---|---|---|---|---|---|", flush=True)
    for callers, per, total in work:
        speeds: dict[str, list[float]] = {"in": [], "ours": [], "plain": []}
        worked: dict[str, list[float]] = {"in": [], "ours": [], "plain": []}
        for _ in range(rounds):
            began, busy = time.perf_counter(), time.process_time()
            encode(fresh(texts, total))
            speeds["in"].append(total / (time.perf_counter() - began))
            worked["in"].append(1_000 * (time.process_time() - busy) / total)
            for name, (url, pid) in (("ours", ours), ("plain", plain)):
                asked, busy = (url, fresh(texts, total), callers, per), processor(pid)
                speeds[name].append(total / clients.apply(drive, asked))
                worked[name].append(1_000 * (processor(pid) - busy) / total)
        told = [f"{median(speeds[name]):,.0f}" for name in speeds]
        ratios = [ratio(speeds["ours"], speeds[other]) for other in ("in", "plain")]
        spent = ", ".join(f"{median(each):.1f}" for each in worked.values())
        print(f"| {callers} × {per} | {' | '.join([*told, *ratios, spent])} |", flush=True)
    print("\n| one short query | p50 ms | p99 ms |\n|---|---|---|")
    waits: dict[str, list[float]] = {"ours": [], "plain": []}
    for _ in range(10):
        for name, (url, _pid) in (("ours", ours), ("plain", plain)):
            waits[name] += clients.apply(one_by_one, (url, 20))
    for name, each in waits.items():
        print(f"| {name} | {median(each):.1f} | {np.percentile(each, 99):.1f} |", flush=True)


def ratio(ours: Sequence[float], theirs: Sequence[float]) -> str:
    found = [a / b for a, b in zip(ours, theirs, strict=True)]
    return f"{median(found):.2f} ({min(found):.2f} to {max(found):.2f})"


def drive(url: str, texts: Sequence[str], callers: int, per: int) -> float:
    """Seconds until all texts are answered, so many callers asking at once."""
    return asyncio.run(_drive(url, texts, callers, per))


async def _drive(url: str, texts: Sequence[str], callers: int, per: int) -> float:
    left = iter([texts[start : start + per] for start in range(0, len(texts), per)])
    place = urlsplit(url)

    async def caller() -> None:
        reader, writer = await asyncio.open_connection(place.hostname, place.port)
        for some in left:
            await asked(reader, writer, place, some)
        writer.close()

    began = time.perf_counter()
    await asyncio.gather(*(caller() for _ in range(callers)))
    return time.perf_counter() - began


async def asked(
    reader: asyncio.StreamReader,
    writer: asyncio.StreamWriter,
    place: SplitResult,
    texts: Sequence[str],
) -> None:
    """One request over a connection that stays open."""
    body = json.dumps({"model": MODEL, "input": texts, "encoding_format": "base64"}).encode()
    head = (f"POST {place.path} HTTP/1.1\r\nHost: {place.netloc}\r\n"
            f"Content-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n")  # fmt: skip
    writer.write(head.encode() + body)
    told = (await reader.readuntil(b"\r\n\r\n")).lower()
    length = told.partition(b"content-length:")[2].partition(b"\r\n")[0]
    answer = await reader.readexactly(int(length))
    assert told.startswith(b"http/1.1 200"), answer
    assert len(json.loads(answer)["data"]) == len(texts), answer


def one_by_one(url: str, times: int) -> list[float]:
    """Milliseconds of each of so many short queries, one after another."""
    import httpx

    waited = []
    with httpx.Client() as client:
        for turn in range(times + 2):
            body = {"model": MODEL, "input": [f"how do I reset password {time.time_ns()}"]}
            began = time.perf_counter()
            client.post(url, json=body, timeout=60).raise_for_status()
            if turn >= 2:
                waited.append(1000 * (time.perf_counter() - began))
    return waited


def in_process(engine: str) -> Any:
    from tunewise.encoders import load_encoder
    from tunewise.encoders.engines.way import way

    base: Any = load_encoder(engine="torch")
    encoder = base.in_way(way(engine), keep=False)
    encoder.encode_documents(["warm", "up"])
    return encoder.encode_documents


def fresh(texts: Sequence[str], total: int) -> list[str]:
    """So many texts, none of which was ever asked for: a number goes before each."""
    return [f"{next(_fresh)} {texts[place % len(texts)]}" for place in range(total)]


def documents(name: str) -> list[str]:
    import tunewise

    texts = tunewise.read_task(DATA / name).documents.texts
    draw = np.random.default_rng(0).choice(len(texts), min(1_024, len(texts)), replace=False)
    return [texts[place] for place in draw]


def our_command(port: int, engine: str) -> list[str]:
    return ["-m", "tunewise", "serve", MODEL, "--engine", engine, "--port", str(port)]


def plain_command(port: int) -> list[str]:
    server = ["-m", "uvicorn", "--no-access-log", "--app-dir", str(HERE), "serving_plain:app"]
    return [*server, "--port", str(port)]


@contextmanager
def started(command: Any) -> Iterator[tuple[str, int]]:
    """A server's address and process, once it answers."""
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    process = subprocess.Popen(
        [sys.executable, *command(port)], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    try:
        while not answers(port):
            if process.poll() is not None:
                raise SystemExit(f"{command(port)} ended with {process.returncode}")
            time.sleep(0.2)
        yield f"http://127.0.0.1:{port}/v1/embeddings", process.pid
    finally:
        process.terminate()
        process.wait(60)


def processor(process: int) -> float:
    """Seconds of processor that a process has had, all threads together."""
    told = Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()
    return (int(told[11]) + int(told[12])) / os.sysconf("SC_CLK_TCK")


def answers(port: int) -> bool:
    try:
        socket.create_connection(("127.0.0.1", port), timeout=1).close()
    except OSError:
        return False
    return True


def memory(process: int) -> str:
    """Megabytes a process holds, and has held at the most."""
    told = dict(
        line.split(":", 1) for line in Path(f"/proc/{process}/status").read_text().splitlines()
    )
    now, peak = (int(told[name].split()[0]) // 1024 for name in ("VmRSS", "VmHWM"))
    return json.dumps({"now": now, "most": peak})


if __name__ == "__main__":
    main()
