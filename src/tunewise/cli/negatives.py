"""`tunewise negatives DATA --out FILE`: documents that are nearly right, to be learned from."""

import argparse
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tunewise.cli.data import add_data, read_data
from tunewise.cli.progress import shown
from tunewise.errors import DataError, OptionError
from tunewise.progress import Progress

if TYPE_CHECKING:
    from tunewise.contenders import Contender
    from tunewise.data.pairs import Pairs
    from tunewise.task import Task, Training
    from tunewise.training.negatives import Negatives

_SHOWN = 3  # examples printed


def add(commands: Any) -> None:
    """Adds the command."""
    parser = commands.add_parser(
        "negatives",
        help="mine documents that look right and are not, for training",
        description="Ranks the documents for each train query and keeps some that rank high but "
        "do not answer it, as far as is known: one line a query, to be read, mended, and given "
        "to training.",
    )
    add_data(parser)
    option = parser.add_argument
    option("--out", type=Path, metavar="FILE", required=True, help="where to (JSONL)")
    option("--per-query", type=int, default=4, help="negatives a query (default: 4)")
    option("--first-rank", type=int, default=1, metavar="RANK", help="best rank (default: 1)")
    option("--last-rank", type=int, default=100, metavar="RANK", help="last rank (default: 100)")
    option(
        "--margin",
        type=float,
        default=0.05,
        help="share of the answer's score by which a negative must be below it (default: 0.05)",
    )
    option("--encoder", metavar="NAME", help="folder or hub name of the encoder that ranks")
    option("--base-url", metavar="URL", help="where a hosted encoder (openai:…) is")
    option(
        "--contender",
        metavar="NAME",
        help="who ranks: lexical, pretrained or hybrid, or a folder that measure wrote "
        "(default: whichever of the three is best on dev)",
    )
    option("--metric", default="nDCG@10", help="what is best on dev (default: nDCG@10)")
    option("--seed", type=int, default=0)
    option(
        "--no-filter",
        action="store_true",
        help="keep what is barred or near the answer's score: for comparison, not for use",
    )
    parser.set_defaults(run=run)


def run(parsed: argparse.Namespace) -> int:
    """Reads, divides, ranks the train queries, mines, writes, prints."""
    from tunewise.contenders.contender import DEPTH
    from tunewise.data.pairs import training_pairs
    from tunewise.data.split import divide
    from tunewise.files import check_writable
    from tunewise.training.negatives import mine, write_negatives

    if parsed.last_rank > DEPTH:
        raise OptionError(
            f"--last-rank is {parsed.last_rank}, but rankings hold {DEPTH} documents. Give less."
        )
    task = read_data(parsed)
    training = divide(task, seed=parsed.seed).training
    if not len(training.train):
        raise DataError(
            f"'{task.source}' has no train queries, so there is nothing to mine negatives for. "
            "Put judged queries into a train part, or give no parts to have them divided."
        )
    check_writable(parsed.out.absolute().parent)
    with shown() as progress:
        contender = _contender(task, training, parsed, progress)
        progress(f"ranking the train queries with {contender.name}", 0, 0)
        rankings = contender.rank(training.train.queries)
        progress("looking for near-duplicates", 0, 0)
        pairs = training_pairs(training)
    found = mine(
        training,
        pairs,
        rankings,
        per_query=parsed.per_query,
        first_rank=parsed.first_rank,
        last_rank=parsed.last_rank,
        relative_margin=None if parsed.no_filter else parsed.margin,
        bar=not parsed.no_filter,
        seed=parsed.seed,
    )
    write_negatives(parsed.out, training, pairs, found)
    _tell(training, pairs, found, contender.name)
    print(f"\nWritten to {parsed.out}: one line a query.")
    return 0


def _contender(
    task: "Task", training: "Training", parsed: argparse.Namespace, progress: Progress
) -> "Contender":
    """Who ranks: the one that was named or kept in a folder, else the best of three on dev."""
    from tunewise.contenders import Setting, load_contender
    from tunewise.data.language import detect
    from tunewise.encoders import DEFAULT_ENCODER, load_encoder
    from tunewise.measurement.untuned import UNTUNED, best_untuned, fit_untuned
    from tunewise.metrics import parse_metric

    asked = parsed.contender
    if asked is not None and asked not in UNTUNED:
        return load_contender(_folder(asked), task.documents, progress=progress)
    setting = Setting(
        training,
        [
            load_encoder(
                parsed.encoder or DEFAULT_ENCODER,
                base_url=parsed.base_url,
                texts=task.documents.texts,
                progress=progress,
            )
        ],
        parse_metric(parsed.metric).name,
        detect(task.documents.texts, seed=parsed.seed).main,
        parsed.seed,
        progress,
    )
    if asked is None:
        chosen = best_untuned(setting)
        print(f"Mined with {chosen.contender.name}: {chosen.reason}.")
        return chosen.contender
    return fit_untuned(setting, UNTUNED if asked == "hybrid" else (asked,))[-1]


def _folder(asked: str) -> Path:
    """The folder of the kept contender: itself, or `model` in what measure wrote."""
    from tunewise.contenders.kept import place_of
    from tunewise.measurement.untuned import UNTUNED

    folder = Path(asked)
    if not folder.is_dir():
        raise OptionError(
            f"There is no contender and no folder '{asked}'. Choose from {', '.join(UNTUNED)}, "
            "or give a folder that `tunewise measure` wrote."
        )
    return place_of(folder) or folder


def _tell(training: "Training", pairs: "Pairs", found: "Negatives", who: str) -> None:
    """What was mined, what was passed over and why, and some of it to look at."""
    queries = len(training.train)
    print(f"{len(found):,} negatives for {queries:,} train queries, ranked by {who}.")
    if found.short:
        print(f"{found.short:,} queries got fewer than {found.per_query}.")
    passed = {reason: count for reason, count in found.filtered.items() if count}
    if passed:
        print("\nPassed over:")
    width = max((len(f"{count:,}") for count in passed.values()), default=0)
    for reason, count in passed.items():
        print(f"  {count:>{width},}  {reason}")
    rows, places = found.documents.of(pairs.queries)
    for pair in dict.fromkeys(rows.tolist()[:: max(1, len(rows) // _SHOWN)][:_SHOWN]):
        entry = rows.tolist().index(pair)
        query = training.train.queries.texts[int(pairs.queries[pair])]
        print(f"\n  query     {_short(query)}")
        print(f"  answer    {_short(training.documents.texts[int(pairs.documents[pair])])}")
        print(f"  negative  {_short(training.documents.texts[int(places[entry])])}")


def _short(text: str) -> str:
    from tunewise.report import printable

    line = printable(" ".join(text.split()))
    return line if len(line) <= 84 else line[:83] + "…"
