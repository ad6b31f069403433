"""Soak: one server for half an hour at 80 % of what it can do. Does it err, grow, or slow down?

    python benchmarks/soak.py [--minutes 30] [--warm 0] [--share 0.8] [--model all-MiniLM-L6-v2]
                              [--rows FILE]

A real `tunewise serve` in a process of its own, and real clients (httpx, asyncio) in this one. Each
minute begins with six seconds in which 16 callers ask as fast as they are answered: that is what
the machine gives just then. For the rest of the minute requests come at random times (a Poisson
process), at `--share` of that rate, whether or not the ones before them are answered. A request is
one text of up to 120 words, every tenth 16 texts; every fifth text was asked for before.

Every five seconds the server's memory, open files and threads are written down, as JSON lines to
`--rows`. Before the clock starts, so many short texts are asked for that the vectors at hand are as
many as they may be, and for `--warm` minutes there is the same load: what a process fills once is
full then. A line is fitted to what was written after the first fifth; it grows if the slope is
above zero by more than two standard errors, autocorrelation allowed for, and by more than one in a
hundred an hour.
"""

import argparse
import asyncio
import json
import os
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from serving import started

WORDS = [f"{a}{b}" for a in ("re", "un", "over", "out") for b in ("load", "do", "run", "set", "go")]
BURST, EVERY = 6.0, 5.0  # seconds
FILLED = 40_000  # texts: 64 MB of 384 numbers each, and Python's own
CHANCE = np.random.default_rng(0)


@dataclass
class Seen:
    """What became of requests: (seconds since the start, milliseconds), errors, and the process."""

    began: float = field(default_factory=time.monotonic)
    waits: list[tuple[float, float]] = field(default_factory=list)
    errors: list[str] = field(default_factory=list)
    rates: list[float] = field(default_factory=list)
    process: list[dict[str, float]] = field(default_factory=list)

    @property
    def now(self) -> float:
        """Seconds since the start."""
        return time.monotonic() - self.began

    def failed(self, told: str) -> None:
        """Keeps what a request was told instead of an answer."""
        self.errors.append(f"after {self.now:.0f} s: {told}")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--minutes", type=float, default=30)
    parser.add_argument("--warm", type=float, default=0)
    parser.add_argument("--share", type=float, default=0.8)
    parser.add_argument("--model", default="all-MiniLM-L6-v2")
    parser.add_argument("--rows", type=Path, default=Path("soak.jsonl"))
    parsed = parser.parse_args()

    def command(port: int) -> list[str]:
        return ["-m", "tunewise", "serve", parsed.model, "--port", str(port)]

    with started(command) as (url, process):
        seen = asyncio.run(soaked(url, process, parsed))
    report(seen)


async def soaked(url: str, process: int, parsed: Any) -> Seen:
    import httpx

    limits = httpx.Limits(max_connections=400, max_keepalive_connections=64)
    async with httpx.AsyncClient(limits=limits, timeout=150) as client:

        async def ask(seen: Seen, texts: Sequence[str]) -> None:
            began = time.perf_counter()
            body = {"model": parsed.model, "input": texts, "encoding_format": "base64"}
            try:
                answer = await client.post(url, json=body)
                good = answer.status_code == 200 and len(answer.json()["data"]) == len(texts)
                if not good:
                    seen.failed(f"{answer.status_code} {answer.text[:200]}")
            except httpx.HTTPError as error:
                seen.failed(repr(error))
            seen.waits.append((seen.now, 1000 * (time.perf_counter() - began)))

        async def loaded(seen: Seen, minutes: float) -> None:
            while seen.now < 60 * minutes:
                rate = await full_speed(ask, seen)
                seen.rates.append(rate)
                end = seen.now + 60 - BURST
                await at_rate(ask, seen, parsed.share * rate, end)

        await filled(ask)
        await loaded(Seen(), parsed.warm)
        seen = Seen()
        watching = asyncio.create_task(watched(seen, process, parsed.rows))
        await loaded(seen, parsed.minutes)
        watching.cancel()
        return seen


async def filled(ask: Any) -> None:
    seen = Seen()
    for start in range(0, FILLED, 1_000):
        await ask(seen, [f"{n}" for n in range(start, start + 1_000)])
    if seen.errors:
        raise SystemExit(f"The server failed before the clock started: {seen.errors[:3]}")


async def full_speed(ask: Any, seen: Seen) -> float:
    """Requests a second with 16 callers who ask again as soon as they are answered."""
    end, done = seen.now + BURST, len(seen.waits)

    async def caller() -> None:
        while seen.now < end:
            await ask(seen, request())

    began = seen.now
    await asyncio.gather(*(caller() for _ in range(16)))
    return (len(seen.waits) - done) / (seen.now - began)


async def at_rate(ask: Any, seen: Seen, rate: float, end: float) -> None:
    asked: set[asyncio.Task[None]] = set()
    due = seen.now
    while (due := due + CHANCE.exponential(1 / rate)) < end:
        await asyncio.sleep(max(0, due - seen.now))
        task = asyncio.create_task(ask(seen, request()))
        asked.add(task)
        task.add_done_callback(asked.discard)
    await asyncio.gather(*asked)


def request() -> list[str]:
    def text() -> str:
        if CHANCE.random() < 0.2:
            return f"asked before {CHANCE.integers(500)}"
        return " ".join([str(CHANCE.integers(10**9)), *CHANCE.choice(WORDS, CHANCE.integers(120))])

    return [text() for _ in range(16 if CHANCE.random() < 0.1 else 1)]


async def watched(seen: Seen, process: int, rows: Path) -> None:
    there = Path(f"/proc/{process}")
    with rows.open("w", encoding="utf-8") as file:
        while True:
            told = dict(x.split(":", 1) for x in (there / "status").read_text().splitlines())
            row = {
                "seconds": round(seen.now, 1),
                "MB": int(told["VmRSS"].split()[0]) / 1024,
                "files": len(list((there / "fd").iterdir())),
                "threads": int(told["Threads"]),
                "load": os.getloadavg()[0],
                "answered": len(seen.waits),
                "errors": len(seen.errors),
            }
            seen.process.append(row)
            file.write(json.dumps(row) + "\n")
            file.flush()
            await asyncio.sleep(EVERY)


def report(seen: Seen) -> None:
    whole = seen.process[-1]["seconds"]
    load = [row["load"] for row in seen.process]
    print(f"{len(seen.waits)} requests in {whole / 60:.0f} minutes, {len(seen.errors)} errors")
    print(
        f"at full speed {min(seen.rates):.0f} to {max(seen.rates):.0f} requests a second; load of"
    )
    print(f"the machine {min(load):.1f} to {max(load):.1f}, median {np.median(load):.1f}\n")
    print("".join(f"{told}\n" for told in seen.errors[:20]))
    print("| minutes | requests | p50 ms | p99 ms |\n|---|---|---|---|")
    for start in np.arange(0, whole, whole / 6):
        waits = [ms for at, ms in seen.waits if start <= at < start + whole / 6]
        told = f"{len(waits)} | {np.percentile(waits, 50):.0f} | {np.percentile(waits, 99):.0f}"
        print(f"| {start / 60:.0f} to {(start + whole / 6) / 60:.0f} | {told} |")
    print("\n| of the server | at first | at last | slope an hour | grows |\n|---|---|---|---|---|")
    kept = [row for row in seen.process if row["seconds"] > whole / 5]
    for name in ("MB", "files", "threads"):
        values = np.array([row[name] for row in kept])
        slope, error = line(np.array([row["seconds"] for row in kept]) / 3_600, values)
        grows = slope > 2 * error and slope > 0.01 * values.mean()
        told = f"{values[:12].mean():.0f} | {values[-12:].mean():.0f} | {slope:+.1f} ± {error:.1f}"
        print(f"| {name} | {told} | {'yes' if grows else 'no'} |")


def line(hours: Any, values: Any) -> tuple[float, float]:
    """Slope and its standard error, as if there were as few values as their correlation leaves."""
    slope, height = np.polyfit(hours, values, 1)
    left = values - (slope * hours + height)
    spread = left.std() or 1e-12
    alike = max(0.0, float((left[1:] * left[:-1]).mean() / spread**2))
    few = max(3.0, len(values) * (1 - alike) / (1 + alike))
    return float(slope), float(spread / (hours.std() * np.sqrt(few)))


if __name__ == "__main__":
    main()
