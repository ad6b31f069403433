"""How long until the verdict, and where the time goes: 10,000 long documents, 1,000 train queries.

    python benchmarks/time_to_verdict.py [--set medquad] [--documents 10000] [--train 1000]
                                         [--try adapter,full]

One process for each rung that the climb may go up to, each with a cache of its own that is empty:
models are converted, engines tried, every text encoded. Times are those between one message of the
progress and the next; `--engine torch` shows what encoding as it comes would take.
"""

import argparse
import json
import os
import random
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

DATA = Path(os.environ.get("TUNEWISE_DATA", "../shared/data"))
UNTUNED = "lexical,pretrained,hybrid"
WIDTH = 40  # letters of the longest bar


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--set", default="medquad")
    parser.add_argument("--documents", type=int, default=10_000)
    parser.add_argument("--train", type=int, default=1_000)
    parser.add_argument("--try", dest="rungs", default="adapter,full")
    parser.add_argument("--engine", default="auto")
    parser.add_argument("--one", help=argparse.SUPPRESS)
    parsed = parser.parse_args()
    if parsed.one:
        print(json.dumps(one(parsed)))
        return
    for rung in parsed.rungs.split(","):
        print(table(rung, child(rung)), flush=True)


def child(rung: str) -> dict[str, Any]:
    """A verdict in a process of its own, with an empty cache."""
    with tempfile.TemporaryDirectory() as cache:
        done = subprocess.run(
            [sys.executable, __file__, *sys.argv[1:], "--one", rung],
            check=True,
            stdout=subprocess.PIPE,
            text=True,
            env={**os.environ, "TUNEWISE_CACHE": cache, "HF_HUB_OFFLINE": "1"},
        )
    found: dict[str, Any] = json.loads(done.stdout.strip().splitlines()[-1])
    return found


def one(parsed: argparse.Namespace) -> dict[str, Any]:
    began = time.perf_counter()
    import tunewise

    task = smaller(tunewise.read_task(DATA / parsed.set), parsed.documents, parsed.train)
    stages: dict[str, float] = {"importing and reading": time.perf_counter() - began}
    now = {"what": "dividing and looking for findings", "since": time.perf_counter()}

    def progress(what: str, *_: int) -> None:
        moment = time.perf_counter()
        stage = now["what"].split(":")[0] or "between messages"
        stages[stage] = stages.get(stage, 0.0) + moment - now["since"]
        now.update(what=what, since=moment)

    rungs = ["adapter"] if parsed.one == "adapter" else ["adapter", parsed.one]
    verdict = tunewise.measure(
        task,
        contenders=[*UNTUNED.split(","), *rungs],
        engine=parsed.engine,
        progress=progress,
    )
    progress("", 0, 0)
    return {
        "seconds": time.perf_counter() - began,
        "answer": verdict.answer,
        "contender": verdict.decision.contender,
        "documents": len(task.documents),
        "stages": stages,
    }


def smaller(task: Any, documents: int, train: int) -> Any:
    """The task with so many documents and train queries; dev and test with what is left."""
    from dataclasses import replace

    draw = random.Random(0)
    places = draw.sample(range(len(task.documents)), min(documents, len(task.documents)))
    kept = task.documents.take(sorted(places))
    answered = {
        query: found
        for query, grades in task.judgments.items()
        if (found := {d: grade for d, grade in grades.items() if d in kept.position})
    }
    learning = [query for query in answered if task.parts.get(query) == "train"]
    left = set(learning) - set(draw.sample(learning, min(train, len(learning))))
    asked = [query for query in answered if query not in left]
    return replace(
        task,
        documents=kept,
        queries=task.queries.take([task.queries.position[query] for query in asked]),
        judgments={query: answered[query] for query in asked},
        parts={query: part for query, part in task.parts.items() if query in set(asked)},
        groups={query: key for query, key in task.groups.items() if query in set(asked)},
    )


def table(rung: str, found: Mapping[str, Any]) -> str:
    stages = sorted(found["stages"].items(), key=lambda stage: -stage[1])
    longest = stages[0][1]
    head = f"{found['seconds'] / 60:.1f} min for {found['documents']:,} documents"
    lines = [
        f"\n**up to {rung}**: {head}; {found['answer']} ({found['contender']})\n",
        "| seconds | | stage |",
        "|---|---|---|",
    ]
    for what, seconds in stages:
        if seconds >= 0.5:
            bar = "█" * max(1, round(WIDTH * seconds / longest))
            lines.append(f"| {seconds:.1f} | `{bar}` | {what} |")
    return "\n".join(lines)


if __name__ == "__main__":
    main()
