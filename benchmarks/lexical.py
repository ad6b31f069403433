"""How good lexical and hybrid retrieval are on real sets, and what each choice on dev brings.

    python benchmarks/lexical.py [SET …] [--vectors FOLDER] [--with-train]

The sets are read from TUNEWISE_DATA (default ../shared/data). `--vectors` names a folder with
SET.queries.npy, SET.queries.ids, SET.corpus.npy and SET.corpus.ids (JSON lists), so that nothing
is encoded again; without it the default encoder is used. With `--with-train` the choices are
made on train and dev queries together (at most 1,500), for nothing here learns from train.
"""

import argparse
import json
import os
import time
from pathlib import Path

import numpy as np

from tunewise import retrieval
from tunewise.data.language import detect
from tunewise.data.read import read_task
from tunewise.metrics import score
from tunewise.rankings import Rankings
from tunewise.task import Judgments, Part, Task, Texts

SETS = ("nl2bash", "tldr-en", "tldr-es", "covidqa", "squad-it", "cranfield", "medquad")
METRIC = "nDCG@10"
DEPTH = 200  # of each list that is fused


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("sets", nargs="*", default=SETS)
    parser.add_argument("--vectors", type=Path)
    parser.add_argument("--with-train", action="store_true")
    options = parser.parse_args()
    data = Path(os.environ.get("TUNEWISE_DATA", "../shared/data"))
    print(
        "| set | language | BM25 usual | BM25 chosen | dense | hybrid | chosen | fused | seconds |"
    )
    print("|---|---|---|---|---|---|---|---|---|")
    for name in options.sets:
        task = read_task(data / name)
        dev = part(task, "dev", "train", most=1500) if options.with_train else part(task, "dev")
        print("| " + " | ".join(row(name, task, dev, options.vectors)) + " |", flush=True)


def row(name: str, task: Task, dev: Part, folder: Path | None) -> list[str]:
    test = part(task, "test")
    language = detect(task.queries.texts).main
    started = time.perf_counter()
    chosen = retrieval.choose(task.documents, dev, METRIC, language=language)
    seconds = time.perf_counter() - started
    usual = retrieval.build(task.documents, retrieval.default_analyzer(language))
    index = retrieval.build(task.documents, chosen.analyzer, chosen.k1, chosen.b)
    figures = [quality(usual.rank(test.queries), test), quality(index.rank(test.queries), test)]
    fused = "no vectors"
    if folder is None or (folder / f"{name}.corpus.npy").exists():
        dense = Dense(name, task, folder)
        fusion = retrieval.choose_fusion(
            index.rank(dev.queries, k=DEPTH), dense.rank(dev.queries), dev.judgments, METRIC
        )
        vectors = dense.rank(test.queries)
        both = retrieval.fuse(
            index.rank(test.queries, k=DEPTH), vectors, weight=fusion.weight, method=fusion.method
        )
        figures += [quality(vectors, test), quality(both, test)]
        fused = f"{fusion.method} {fusion.weight}"
    shown = [f"{figure:.3f}" for figure in figures] + ["–"] * (4 - len(figures))
    return [name, language, *shown, settings(chosen), fused, f"{seconds:.1f}"]


class Dense:
    """The vectors of one set, read or made."""

    def __init__(self, name: str, task: Task, folder: Path | None) -> None:
        self.task = task
        if folder is None:
            from tunewise.encoders import load_encoder

            encoder = load_encoder()
            self.documents = encoder.encode_documents(task.documents.texts)
            self.queries = encoder.encode_queries(task.queries.texts)
        else:
            self.documents = saved(folder / f"{name}.corpus", task.documents.ids)
            self.queries = saved(folder / f"{name}.queries", task.queries.ids)

    def rank(self, queries: Texts) -> Rankings:
        """The nearest documents of these queries, deep enough to be fused."""
        places = [self.task.queries.position[key] for key in queries.ids]
        return retrieval.nearest(
            self.queries[places], self.documents, queries.ids, self.task.documents.ids, k=DEPTH
        )


def saved(stem: Path, ids: list[str]) -> np.ndarray:
    known = {key: place for place, key in enumerate(json.loads(Path(f"{stem}.ids").read_text()))}
    vectors = np.load(f"{stem}.npy").astype(np.float32)
    return vectors[[known[key] for key in ids]]


def part(task: Task, *names: str, most: int = 1_000_000) -> Part:
    keys = [key for key in task.judgments if task.parts[key] in names]
    drawn = np.random.default_rng(0).permutation(len(keys))[:most]
    keys = [keys[place] for place in sorted(drawn)]
    judgments: Judgments = {key: task.judgments[key] for key in keys}
    return Part(task.queries.take(task.queries.position[key] for key in keys), judgments, keys)


def quality(rankings: Rankings, test: Part) -> float:
    return score(rankings, test.judgments, [METRIC]).mean(METRIC)


def settings(chosen: retrieval.LexicalSettings) -> str:
    analyzer = chosen.analyzer
    named = {"stem": analyzer.stem, "stop": analyzer.stop, "identifiers": analyzer.identifiers}
    words = [name if used else f"no {name}" for name, used in named.items()]
    return ", ".join([*words, f"k1 {chosen.k1}", f"b {chosen.b}"])


if __name__ == "__main__":
    main()
