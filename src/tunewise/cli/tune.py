"""`tunewise tune DATA --rung …`: tuning by hand, for those who know what they want."""

import argparse
import shutil
from contextlib import AbstractContextManager, nullcontext
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tunewise.cli.data import add_data, add_engine, read_any
from tunewise.cli.progress import shown
from tunewise.cli.values import numbers, seconds
from tunewise.errors import DataError, OptionError, TunewiseError
from tunewise.progress import Progress, silent

if TYPE_CHECKING:
    from tunewise.data.examples import Examples
    from tunewise.encoders import Encoder
    from tunewise.measurement.keeping import Keep

_FAILED = 2


def add(commands: Any) -> None:
    """Adds the command."""
    parser = commands.add_parser(
        "tune",
        help="tune an encoder on the data, by hand",
        description="Tunes an encoder on pairs, triplets, scored pairs or labelled texts, and "
        "delivers it if dev likes it better than the base; measures both once on test; writes the "
        "model, its recipe, a model card and a report.",
    )
    add_data(parser)
    option = parser.add_argument
    option(
        "--rung",
        default="partial",
        metavar="RUNG",
        help="what is tuned: adapter, partial, lora or full (default: partial)",
    )
    option("--out", type=Path, metavar="DIR", help="where to (default: tunewise-out/NAME-RUNG)")
    option("--encoder", metavar="NAME", help="folder or hub name of the encoder to tune")
    option("--base-url", metavar="URL", help="where a hosted encoder (openai:…) is; adapter only")
    add_engine(parser)
    option(
        "--kind",
        choices=("retrieval", "scored", "labelled"),
        metavar="KIND",
        help="retrieval, scored or labelled, where the columns would say otherwise",
    )
    _add_training(option)
    _add_keeping(option)
    parser.set_defaults(run=run)


def _add_training(option: Any) -> None:
    option("--loss", metavar="WORD", help="the loss (default: what fits the data)")
    option("--matryoshka", metavar="LIST", help="dimensions to train too, e.g. 256,128,64,32")
    option("--negatives", type=int, default=0, metavar="N", help="mined negatives a row")
    option("--negatives-from", type=Path, metavar="FILE", help="what tunewise negatives wrote")
    option("--epochs", type=int, help="times the rows are gone through")
    option("--learning-rate", type=float, metavar="RATE", help="the largest step")
    option("--batch", type=int, metavar="ROWS", help="rows learned from at once")
    option("--precision", metavar="WORD", help="fp32, bf16 or fp16 (default: the quickest safe)")
    option("--metric", help="what is best on dev (default: nDCG@10; retrieval only)")
    option("--budget", metavar="TIME", help="time until training ends: 90s, 20m, 2h")
    option("--track", metavar="LIST", help="tensorboard, wandb, mlflow, trackio")
    option("--seed", type=int, default=0)


def _add_keeping(option: Any) -> None:
    option(
        "--keep",
        default="docstrings",
        metavar="TASK",
        help="another task that must not suffer, or none (default: docstrings, the "
        "documentation of installed Python packages)",
    )
    option(
        "--keep-loss",
        type=float,
        default=0.01,
        metavar="LOSS",
        help="what may be lost there, in nDCG@10 (default: 0.01)",
    )


def run(parsed: argparse.Namespace) -> int:
    """Reads, tunes, saves, prints. Of several processes only the first writes and prints."""
    from tunewise.training.processes import first

    if first():
        return _tuned(parsed, shown())
    try:
        return _tuned(parsed, nullcontext(silent), writes=False)
    except TunewiseError:  # which the first process says
        return _FAILED


def _tuned(
    parsed: argparse.Namespace, shown_in: AbstractContextManager[Progress], *, writes: bool = True
) -> int:
    from tunewise.measurement import tune
    from tunewise.report import check_tuned_place, save_tuned, tuned_text
    from tunewise.report.place import usual_folder

    usual = usual_folder(parsed.data)
    folder = parsed.out or usual.with_name(f"{usual.name}-{parsed.rung}")
    dimensions = numbers(parsed.matryoshka, "--matryoshka")
    limit = seconds(parsed.budget)
    if writes:
        check_tuned_place(folder)
    with shown_in as progress:
        data = read_any(parsed)
        tuning = tune(
            data,
            rung=parsed.rung,
            encoder=_encoder(parsed, data, progress),
            loss=parsed.loss,
            matryoshka=dimensions,
            negatives=_negatives(parsed),
            keep=_keep(parsed),
            keep_loss=parsed.keep_loss,
            budget=limit,
            epochs=parsed.epochs,
            learning_rate=parsed.learning_rate,
            batch=parsed.batch,
            precision=parsed.precision,
            metric=parsed.metric,
            track=parsed.track.split(",") if parsed.track else (),
            seed=parsed.seed,
            progress=progress,
        )
        if not writes:
            return 0
        progress("saving the model and the report", 0, 0)
        facts = save_tuned(tuning, folder)
    width = min(shutil.get_terminal_size((100, 24)).columns, 120)
    print(tuned_text(facts, width=width))
    print(f"Report: {folder / 'report.html'}   Model card: {folder / 'README.md'}")
    print(f'Use it:  SentenceTransformer("{folder / "model"}")')
    if facts["kind"] == "retrieval":
        print(f'Try it:  tunewise search {folder} "your words"')
    return 0


def _encoder(parsed: argparse.Namespace, data: "Examples", progress: Progress) -> "Encoder":
    from tunewise.encoders import DEFAULT_ENCODER, load_encoder
    from tunewise.measurement.tune import trial_texts

    return load_encoder(
        parsed.encoder or DEFAULT_ENCODER,
        base_url=parsed.base_url,
        engine=parsed.engine,
        texts=trial_texts(data),
        progress=progress,
    )


def _negatives(parsed: argparse.Namespace) -> int | Path:
    if parsed.negatives and parsed.negatives_from is not None:
        raise OptionError(
            "--negatives mines them and --negatives-from reads mined ones. Give one of the two."
        )
    number: int = parsed.negatives
    return number if parsed.negatives_from is None else Path(parsed.negatives_from)


def _keep(parsed: argparse.Namespace) -> "Keep":
    from tunewise.data.examples import read_examples
    from tunewise.task import Task

    if parsed.keep == "none" or parsed.rung == "adapter":
        return None
    if parsed.keep == "docstrings":
        return "docstrings"
    found = read_examples(parsed.keep)
    if not isinstance(found, Task):
        raise DataError(
            f"--keep '{parsed.keep}' is no retrieval task: it takes queries, documents and "
            "judgments. Name another folder, or --keep none."
        )
    return found
