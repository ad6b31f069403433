"""What keeping false negatives out brings: mined hard negatives with filters, without, and none.

    python benchmarks/negatives.py [--sets nl2bash,covidqa] [--pairs 1000] [--rounds 2]

The rung is partial, the rest of the recipe the same for all. *loose batches* lets any rows meet;
*batches* keeps what answers one row from being another's negative; *unfiltered* adds 4 mined
negatives from the first ranks, whatever they are; *filtered* leaves out known answers, their
near-duplicates and their group's, and what comes within 5 % of an answer's score. Each round has
another seed. nDCG@10 is over the whole corpus, on the test part.
"""

import argparse
import sys
import tempfile
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from statistics import mean
from typing import Any

import numpy as np

from training import DATA, METRIC, first_pairs, measured

VARIANTS = ("loose batches", "batches", "unfiltered", "filtered")
PER_QUERY = 4


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--sets", default="nl2bash,covidqa")
    parser.add_argument("--pairs", type=int, default=1000)
    parser.add_argument("--rounds", type=int, default=2)
    parsed = parser.parse_args()
    print("| set | base |", " | ".join(VARIANTS), "|")
    print("|---|---|" + "---|" * len(VARIANTS))
    for name in parsed.sets.split(","):
        print(row(name, parsed.pairs, parsed.rounds), flush=True)


def row(name: str, pairs: int, rounds: int) -> str:
    import tunewise
    from tunewise.contenders import Setting
    from tunewise.data.split import divide
    from tunewise.encoders import load_encoder

    division = divide(tunewise.read_task(DATA / name))
    encoder = load_encoder(texts=division.training.documents.texts)
    setting = Setting(first_pairs(division.training, pairs), [encoder], METRIC)

    def base(asked: Any) -> Any:
        return encoder.encode_queries(asked), setting.document_vectors(encoder)

    cells = [f"{measured(division, base, 0, 0, 0)['score']:.3f}"]
    for variant in VARIANTS:
        found = [score(variant, division, setting, seed) for seed in range(rounds)]
        cells.append(f"{mean(found):.3f} ({min(found):.3f} to {max(found):.3f})")
        print(f"  {name} {variant}: {found}", file=sys.stderr, flush=True)
    return f"| {name} | {' | '.join(cells)} |"


def score(variant: str, division: Any, setting: Any, seed: int) -> float:
    from tunewise.contenders.tuned import blended
    from tunewise.training.choosing import NO_WISHES, choose_tuned, recipes
    from tunewise.training.exam import search_exam

    training, [encoder] = setting.training, setting.encoders
    lesson = lesson_for(variant, setting, seed)
    exam = search_exam(
        training,
        encoder.encode_queries(training.dev.queries.texts),
        setting.document_vectors(encoder),
        METRIC,
        rows=len(lesson),
        seed=seed,
    )
    with tempfile.TemporaryDirectory() as folder:
        candidates = recipes(encoder, lesson, "partial", NO_WISHES, seed=seed)
        tuned = choose_tuned(encoder, lesson, candidates, exam, folder=Path(folder))
        moved = blended(encoder, tuned, tuned.best().share, lesson.columns[1])
        documents = moved.encode_documents(training.documents.texts)
        found: Mapping[str, float] = measured(
            division, lambda asked: (moved.encode_queries(asked), documents), 0, 0, 0
        )
    return found["score"]


def lesson_for(variant: str, setting: Any, seed: int) -> Any:
    from tunewise.contenders import TABLE
    from tunewise.data.pairs import Lists, training_pairs
    from tunewise.training.lesson import lesson_of_pairs
    from tunewise.training.negatives import mine

    training = setting.training
    pairs = training_pairs(training)
    if variant in ("unfiltered", "filtered"):
        [lexical] = TABLE["lexical"].fit(setting, [])
        [base] = TABLE["pretrained"].fit(setting, [lexical])
        [hybrid] = TABLE["hybrid"].fit(setting, [lexical, base])
        rankings = hybrid.rank(training.train.queries)
        loose = {"bar": False, "relative_margin": None}
        negatives = mine(
            training, pairs, rankings, per_query=PER_QUERY, seed=seed,
            **(loose if variant == "unfiltered" else {}),
        )  # fmt: skip
        return lesson_of_pairs(training, pairs, negatives, PER_QUERY, seed=seed)
    lesson = lesson_of_pairs(training, pairs, seed=seed)
    if variant == "batches":
        return lesson
    nothing = Lists(np.zeros(len(lesson) + 1, dtype=np.int64), np.empty(0, dtype=np.int64))
    return replace(lesson, answers=nothing, barred=nothing)


if __name__ == "__main__":
    main()
