"""How memory and time grow with the number of documents, from files to verdict.

Run: python benchmarks/memory.py [DOCUMENTS …] [--stages]

For each size (10,000, 100,000 and 1,000,000 unless sizes are given) made texts are written as a
BEIR folder, and a process of its own reads and measures them: all contenders, a `WordHashEncoder`
of 384 dimensions. Peak memory is the most that process held (`ru_maxrss`, mapped files included)
beyond what the same Python holds with everything imported; "no file" is the part of it that the
system cannot have back, as it can mapped files. With `--stages` a second table says where the
time went, and the most memory seen there.
"""

import argparse
import json
import resource
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass, field
from itertools import pairwise
from pathlib import Path
from types import FrameType

import numpy as np

from tunewise.data.write import write_task
from tunewise.task import Task, Texts

SIZES = (10_000, 100_000, 1_000_000)
DIMENSION = 384
QUERIES = 300
_BLOCK = 10_000  # documents made at once
_WAIT = 0.1  # seconds between two looks
_PASSED = {"measure", "_findings", "hold", "main", "<module>"}  # say nothing of the stage
_SYLLABLES = [c + v for c in "bcdfghjklmnprstvz" for v in "aeiou"]
_ASKING = _SYLLABLES[2:8]  # the words that begin every question


@dataclass(frozen=True)
class Figures:
    """What one process took; memory in bytes. `stages`: name → seconds, most memory seen.

    `held` is the most beyond the baseline that was no file, so that no other process could have
    had it for the asking.
    """

    documents: int
    read_seconds: float
    measure_seconds: float
    baseline: int
    peak: int
    held: int
    stages: dict[str, tuple[float, int]] = field(default_factory=dict)

    @property
    def vectors(self) -> int:
        """Bytes of the document vectors."""
        return 4 * DIMENSION * self.documents

    @property
    def beyond(self) -> int:
        """Peak memory beyond what Python holds with everything imported."""
        return self.peak - self.baseline


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("sizes", nargs="*", type=int, default=SIZES, metavar="DOCUMENTS")
    parser.add_argument("--stages", action="store_true", help="say where, too")
    parser.add_argument("--folder", type=Path, help=argparse.SUPPRESS)  # the process of one size
    options = parser.parse_args()
    if options.folder:
        print(json.dumps(asdict(measured(options.folder))))
        return
    found = [in_own_process(size) for size in options.sizes]
    print(*table(found), sep="\n")
    if options.stages:
        print("", *stage_table(found), sep="\n")


def in_own_process(documents: int) -> Figures:
    """The figures for this many documents."""
    with tempfile.TemporaryDirectory() as folder:
        write_task(made_task(documents), Path(folder, "task"))
        command = [sys.executable, __file__, "--folder", str(Path(folder, "task"))]
        run = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True)
    print(f"{documents:,} documents: done", file=sys.stderr)
    return Figures(**json.loads(run.stdout))


def measured(folder: Path) -> Figures:
    """Reads and measures the task in this folder, in this process."""
    import tunewise
    from tunewise.testing import WordHashEncoder, tiny_task

    tunewise.measure(tiny_task(), encoders=[WordHashEncoder()])  # imports what there is to import
    watch = Watch()
    baseline, held = resident(), resident("RssAnon")
    started = time.perf_counter()
    with watch:
        task = tunewise.read_task(folder)
        read = time.perf_counter()
        tunewise.measure(task, encoders=[WordHashEncoder(dimension=DIMENSION)])
    return Figures(
        len(task.documents),
        read - started,
        time.perf_counter() - read,
        baseline,
        1024 * resource.getrusage(resource.RUSAGE_SELF).ru_maxrss,
        watch.held - held,
        watch.stages,
    )


def made_task(documents: int) -> Task:
    """Made texts of some forty words; a query asks for a few words of one of them."""
    generator = np.random.default_rng(documents)
    vocabulary = np.array(list(words(round(200 * documents**0.5))))  # grows as a language's does
    texts = [text for size in blocks(documents) for text in made(generator, vocabulary, size)]
    asked = generator.choice(documents, QUERIES, replace=False).tolist()
    queries = [question(texts[place], generator) for place in asked]
    return Task(
        Texts([f"d{n}" for n in range(documents)], texts),
        Texts([f"q{n}" for n in range(QUERIES)], queries),
        {f"q{n}": {f"d{place}": 1.0} for n, place in enumerate(asked)},
    )


def made(generator: np.random.Generator, vocabulary: np.ndarray, size: int) -> Iterator[str]:
    """Texts whose words are as unevenly common as those of a language (Zipf)."""
    lengths = np.clip(generator.normal(40, 12, size).astype(int), 8, 90)
    share = generator.random(lengths.sum())
    places = (len(vocabulary) ** share).astype(int) - 1  # density 1/rank
    for chosen in np.split(vocabulary[places], np.cumsum(lengths)[:-1]):
        yield " ".join(chosen.tolist()).capitalize() + "."


def words(count: int) -> Iterator[str]:
    """Different words: a number written in syllables."""
    for number in range(count):
        word, rest = "", number
        while rest or not word:
            rest, syllable = divmod(rest, len(_SYLLABLES))
            word += _SYLLABLES[syllable]
        yield word


def question(text: str, generator: np.random.Generator) -> str:
    """Four rare words of the text among six common ones, which an adapter learns to overlook."""
    said = text.lower().rstrip(".").split()
    rare = sorted(set(said), key=lambda word: (len(word), word))[-12:]
    return " ".join([*_ASKING, *generator.permutation(rare)[:4].tolist()])


def blocks(documents: int) -> Iterator[int]:
    for begin in range(0, documents, _BLOCK):
        yield min(_BLOCK, documents - begin)


class Watch:
    """Looks at the main thread ten times a second: which stage it is in, what it holds."""

    def __init__(self) -> None:
        self.stages: dict[str, tuple[float, int]] = {}
        self.held = 0
        self._main = threading.get_ident()
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._look, daemon=True)

    def __enter__(self) -> None:
        self._thread.start()

    def __exit__(self, *_: object) -> None:
        self._over.set()
        self._thread.join()

    def _look(self) -> None:
        last = time.perf_counter()
        while not self._over.wait(_WAIT):
            now, name = time.perf_counter(), stage(sys._current_frames()[self._main])
            seconds, most = self.stages.get(name, (0.0, 0))
            self.stages[name] = (seconds + now - last, max(most, resident()))
            self.held = max(self.held, resident("RssAnon"))
            last = now


def stage(frame: FrameType | None) -> str:
    """The first two telling functions of Tunewise that are at work, outermost first."""
    names = []
    while frame is not None:
        code = frame.f_code
        if "/tunewise/" in code.co_filename and code.co_name not in _PASSED:
            names.append(f"{Path(code.co_filename).stem}.{code.co_name.lstrip('_')}")
        frame = frame.f_back
    return " > ".join(names[::-1][:2])


def resident(kind: str = "VmRSS") -> int:
    """Bytes of memory this process holds now: all, or those of one kind."""
    status = Path("/proc/self/status").read_text(encoding="ascii")
    line = next(line for line in status.splitlines() if line.startswith(kind))
    return 1024 * int(line.split()[1])


def table(found: Sequence[Figures]) -> list[str]:
    """One row a size; below, by what factor each column grows from row to row."""
    columns: dict[str, Callable[[Figures], float]] = {
        "documents": lambda one: one.documents,
        "vectors, MB": lambda one: one.vectors / 1e6,
        "read, s": lambda one: one.read_seconds,
        "measure, s": lambda one: one.measure_seconds,
        "peak, MB": lambda one: one.peak / 1e6,
        "beyond imports, MB": lambda one: one.beyond / 1e6,
        "of it no file, MB": lambda one: one.held / 1e6,
        "beyond / vectors": lambda one: one.beyond / one.vectors,
    }
    rows = [[number(column(one)) for column in columns.values()] for one in found]
    for before, after in pairwise(found):
        rows.append([f"× {column(after) / column(before):.1f}" for column in columns.values()])
    return [row(list(columns)), row(["---"] * len(columns)), *map(row, rows)]


def stage_table(found: Sequence[Figures]) -> list[str]:
    """Seconds in each stage, and the most memory seen there, that took a hundredth or more."""
    names = dict.fromkeys(name for one in reversed(found) for name in one.stages)
    lines = [row(["stage", *(f"{one.documents:,}: s, MB" for one in found)])]
    lines.append(row(["---"] * (len(found) + 1)))
    for name in names:
        taken = [one.stages.get(name, (0.0, 0)) for one in found]
        whole = [one.read_seconds + one.measure_seconds for one in found]
        if any(100 * seconds > all_ for (seconds, _), all_ in zip(taken, whole, strict=True)):
            lines.append(row([name, *(f"{s:.1f}, {most / 1e6:,.0f}" for s, most in taken)]))
    return lines


def number(value: float) -> str:
    return f"{value:,.0f}" if value >= 100 else f"{value:.1f}"


def row(cells: Sequence[str]) -> str:
    return f"| {' | '.join(cells)} |"


if __name__ == "__main__":
    main()
